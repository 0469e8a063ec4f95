//! Measures segments on a file of JSON lines: `segment LINES.ndjson FOLDER [needle…]`.
//!
//! Lines become rows in memory first, 64 MB at a time (not measured); then each segment is written, opened, and asked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logs::column::{Column, Kind, Rows, Strings, Values};
use logs::part::{BLOCK_ROWS, Block, Known, Part, ReadError, View};
use logs::segment::{self, Segment, WriteOptions};
use stdx::clock::{Clock, RealClock};
use stdx::fs::real::RealFs;

const SEGMENT_BYTES: usize = 64 << 20;

/// Columns of a block; a field has one kind here.
#[derive(Debug, Default)]
struct Lines {
    rows: usize,
    columns: HashMap<String, Arc<Column>>,
}

#[derive(Debug, Default)]
struct Memory {
    blocks: Vec<Arc<Lines>>,
}

impl Part for Memory {
    fn name(&self) -> &str {
        "memory"
    }
    fn rows(&self) -> usize {
        self.blocks.iter().map(|block| block.rows).sum()
    }
    fn times(&self) -> Option<(i64, i64)> {
        None
    }
    fn block_count(&self) -> usize {
        self.blocks.len()
    }
    fn block(&self, at: usize) -> Result<Arc<dyn Block>, ReadError> {
        Ok(Arc::clone(&self.blocks[at]) as Arc<dyn Block>)
    }
    fn lacks_word(&self, _: &str, _: &str) -> bool {
        false
    }
    fn kinds(&self, field: &str) -> Vec<Kind> {
        let column = self.blocks.iter().find_map(|block| block.columns.get(field));
        column.iter().map(|column| column.values.kind()).collect()
    }
    fn fields(&self) -> Vec<String> {
        let mut all: Vec<String> =
            self.blocks.iter().flat_map(|block| block.columns.keys().cloned()).collect();
        all.sort();
        all.dedup();
        all.retain(|field| !field.starts_with('_'));
        all
    }
    fn byte_len(&self) -> u64 {
        0
    }
}

impl Block for Lines {
    fn rows(&self) -> usize {
        self.rows
    }
    fn times(&self) -> (i64, i64) {
        (0, 0)
    }
    fn column(&self, field: &str, kind: Kind) -> Result<Option<Arc<Column>>, ReadError> {
        Ok(self.columns.get(field).filter(|column| column.values.kind() == kind).cloned())
    }
    fn word(&self, _: &str, _: &str) -> Result<Known, ReadError> {
        Ok(Known::Maybe)
    }
    fn id(&self, _: usize) -> Result<String, ReadError> {
        Ok(String::new())
    }
    fn source(&self, _: usize) -> Result<String, ReadError> {
        Ok(String::new())
    }
}

/// A block that is being filled.
#[derive(Debug, Default)]
struct Builder {
    rows: u32,
    texts: HashMap<String, (Vec<u32>, Strings)>,
    ints: HashMap<String, (Vec<u32>, Vec<i64>)>,
}

fn micros(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().expect("a number");
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400 + number(11..13) * 3_600 + number(14..16) * 60 + number(17..19);
    seconds * 1_000_000 + number(20..23) * 1_000
}

impl Builder {
    fn text(&mut self, field: &str, text: &str) {
        let (starts, texts) = self.texts.entry(field.to_owned()).or_default();
        starts.resize(self.rows as usize + 1, u32::try_from(texts.len()).expect("a block"));
        texts.push(text);
    }

    fn int(&mut self, field: &str, value: i64) {
        let (starts, values) = self.ints.entry(field.to_owned()).or_default();
        starts.resize(self.rows as usize + 1, u32::try_from(values.len()).expect("a block"));
        values.push(value);
    }

    fn line(&mut self, line: &str, seq: i64) {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        for (field, value) in value.as_object().expect("an object") {
            match (value.as_str(), value.as_i64()) {
                (Some(text), _) if field == "@timestamp" => {
                    self.int(field, micros(text));
                    self.int("_time", micros(text));
                }
                (Some(text), _) => self.text(field, text),
                (None, Some(value)) => self.int(field, value),
                (None, None) => self.text(field, &value.to_string()),
            }
        }
        self.int("_seq", seq);
        self.text("_shape", "{11:shape of all}");
        self.rows += 1;
    }

    fn finish(self) -> Lines {
        let rows = self.rows as usize;
        let column = |mut starts: Vec<u32>, values: Values| {
            starts.resize(rows + 1, u32::try_from(values.len()).expect("a block"));
            let dense = values.len() == rows;
            Arc::new(Column {
                rows: if dense { Rows::Dense } else { Rows::Ragged(starts) },
                values,
            })
        };
        let texts =
            self.texts.into_iter().map(|(field, (s, of))| (field, column(s, Values::Str(of))));
        let ints =
            self.ints.into_iter().map(|(field, (s, of))| (field, column(s, Values::Int(of))));
        Lines { rows, columns: texts.chain(ints).collect() }
    }
}

/// Time that this thread has had a processor for.
fn cpu() -> std::time::Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|of| of.parse().ok()).unwrap_or(0);
    std::time::Duration::from_nanos(nanos)
}

/// Says a figure.
fn say(clock: &RealClock, what: &str, since: std::time::Duration, more: &str) {
    use std::io::Write as _;
    let took = clock.mono().saturating_sub(since);
    writeln!(std::io::stdout(), "{what}: {:.3} ms {more}", took.as_secs_f64() * 1e3)
        .expect("stdout");
}

fn write_all(clock: &RealClock, lines: &str, folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let (mut memory, mut builder) = (Memory::default(), Builder::default());
    let (mut bytes, mut seq, mut spent, mut disk) = (0, 0, std::time::Duration::ZERO, 0);
    let mut flush = |memory: Memory| {
        let path = folder.join(format!("{}.parquet", paths.len()));
        let views = [View { part: Arc::new(memory), deleted: Arc::default() }];
        let start = cpu();
        let made = segment::write(&RealFs, &path, &views, &WriteOptions::default());
        spent += cpu().saturating_sub(start);
        disk += made.expect("the segment is written").bytes;
        paths.push(path);
    };
    for line in lines.lines() {
        builder.line(line, seq);
        seq += 1;
        bytes += line.len() + 1;
        if builder.rows as usize == BLOCK_ROWS {
            memory.blocks.push(Arc::new(std::mem::take(&mut builder).finish()));
        }
        if bytes >= SEGMENT_BYTES {
            memory.blocks.push(Arc::new(std::mem::take(&mut builder).finish()));
            flush(std::mem::take(&mut memory));
            bytes = 0;
        }
    }
    memory.blocks.push(Arc::new(builder.finish()));
    flush(memory);
    let rate = lines.len() as f64 / 1e6 / spent.as_secs_f64();
    say(
        clock,
        "write",
        clock.mono().saturating_sub(spent),
        &format!("of CPU, {rate:.0} MB/s, {disk} bytes, {} files, {seq} rows", paths.len()),
    );
    paths
}

/// Rows with the word in `message`, looking at texts where the index does not know.
fn count(parts: &[Arc<Segment>], word: &str) -> (u64, usize) {
    let (mut rows, mut looked) = (0, 0);
    for part in parts {
        if part.lacks_word("message", word) {
            continue;
        }
        if let Some(count) = part.count_word("message", word) {
            rows += count;
            continue;
        }
        for at in 0..part.block_count() {
            let block = part.block(at).expect("a block");
            match block.word("message", word).expect("an index") {
                Known::Nowhere => {}
                Known::Rows(found) => rows += found.count() as u64,
                Known::Maybe => {
                    looked += 1;
                    let column = block.column("message", Kind::Str).expect("a column");
                    let Some(column) = column else { continue };
                    let mut scratch = String::new();
                    for row in 0..block.rows() {
                        let mut has = false;
                        let text = column.text(row).unwrap_or_default();
                        logs::text::finest::words(text, &mut scratch, |have| has |= have == word);
                        rows += u64::from(has);
                    }
                }
            }
        }
    }
    (rows, looked)
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (lines, folder) =
        (args.next().expect("lines"), PathBuf::from(args.next().expect("folder")));
    let clock = RealClock::default();
    let lines = std::fs::read_to_string(lines).expect("the lines can be read");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let paths = write_all(&clock, &lines, &folder);
    let start = clock.mono();
    let parts: Vec<Arc<Segment>> =
        paths.iter().map(|path| Segment::open(&RealFs, path).expect("it opens")).collect();
    say(&clock, "open all", start, "");
    for word in args {
        for _ in 0..4 {
            let start = clock.mono();
            let (rows, looked) = count(&parts, &word);
            say(&clock, &word, start, &format!("{rows} rows, {looked} blocks looked at"));
        }
    }
}
