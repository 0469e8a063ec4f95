//! Measures segments on a file of JSON lines: `segment LINES.ndjson FOLDER [QUERY…]`, queries in the house language.
//!
//! Documents become memtables of 64 MB, each of which is written as a segment; all segments together as `all.parquet`. Then each query is
//! counted, and its newest ten documents are fetched: over the segments, and over `all.parquet`. Times of writing are the processor's; those of
//! queries are the least of nine.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use logs::ingest::{Document, Ingester};
use logs::mapping::Mapping;
use logs::memtable::Memtable;
use logs::part::{BLOCK_ROWS, Part, View};
use logs::search::{Limits, Request, Sort, SortBy, Target, Track, run};
use logs::segment::{self, Segment, WriteOptions};
use stdx::clock::{Clock, RealClock};
use stdx::fs::real::RealFs;

const SEGMENT_BYTES: usize = 64 << 20;

/// Time that this thread has had a processor for.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|of| of.parse().ok()).unwrap_or(0);
    Duration::from_nanos(nanos)
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout is open");
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Writes the segments of `lines`: their paths, and what the index knows of its fields.
fn write_all(lines: &str, folder: &Path) -> (Vec<PathBuf>, Arc<Mapping>) {
    let mut mapping = Arc::new(Mapping::default());
    let (mut paths, mut memory) = (Vec::new(), Memtable::new(Vec::new()));
    let (mut bytes, mut seq, mut disk) = (0, 0, 0);
    let (mut ingesting, mut writing) = (Duration::ZERO, Duration::ZERO);
    let all: Vec<&str> = lines.lines().collect();
    for (at, run) in all.chunks(BLOCK_ROWS).enumerate() {
        let start = cpu();
        let mut ingester = Ingester::new(Arc::clone(&mapping), 1_000);
        for line in run {
            let source = line.as_bytes();
            bytes += source.len() + 1;
            let document = Document { source, id: None, routing: None, arrival_us: 0 };
            ingester.add(&document).expect("the document is good");
        }
        let batch = ingester.finish();
        mapping = batch.mapping;
        for block in batch.blocks {
            let next = seq + i64::try_from(logs::part::Block::rows(&block)).expect("few rows");
            memory.push(block.numbered((seq..next).collect(), &[], 1));
            seq = next;
        }
        ingesting += cpu().saturating_sub(start);
        if bytes >= SEGMENT_BYTES || at == (all.len() - 1) / BLOCK_ROWS {
            let path = folder.join(format!("{}.parquet", paths.len()));
            let part = Arc::new(std::mem::replace(&mut memory, Memtable::new(Vec::new())));
            let views = [View { part, deleted: Arc::default() }];
            let start = cpu();
            let made = segment::write(&RealFs, &path, &views, &WriteOptions::default());
            writing += cpu().saturating_sub(start);
            disk += made.expect("the segment is written").bytes;
            paths.push(path);
            bytes = 0;
        }
    }
    let rate = |time: Duration| lines.len() as f64 / 1e6 / time.as_secs_f64();
    say(&format!("ingest: {:.0} MB/s", rate(ingesting)));
    say(&format!(
        "write: {:.0} MB/s, {} files, {disk} bytes, {seq} rows",
        rate(writing),
        paths.len()
    ));
    (paths, mapping)
}

fn open(paths: &[PathBuf]) -> Vec<Arc<Segment>> {
    let open = |path: &PathBuf| Segment::open(&RealFs, path).expect("the segment opens");
    let (took, parts) = least(|| paths.iter().map(open).collect::<Vec<_>>());
    say(&format!("open: {took:.3} ms for {} files", parts.len()));
    parts
}

/// The least of nine times that `run` takes, and what it gives.
fn least<T>(mut run: impl FnMut() -> T) -> (f64, T) {
    let clock = RealClock::default();
    let mut once = || {
        let start = clock.mono();
        let made = run();
        (millis(clock.mono().saturating_sub(start)), made)
    };
    let mut best = once();
    for _ in 0..8 {
        let next = once();
        if next.0 < best.0 {
            best = next;
        }
    }
    best
}

fn ask(target: &Target, text: &str) {
    let query: logs::query::Query = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let limits = Limits::new(Arc::new(RealClock::default()));
    let search = |size, track_total| {
        let sort = vec![Sort::by(SortBy::Field("@timestamp".to_owned()), true)];
        let request =
            Request { query: query.clone(), sort, size, track_total, ..Request::default() };
        let found = run(std::slice::from_ref(target), &request, &limits, None).expect("an answer");
        let sources = found.hits.iter().map(|hit| hit.block.source(hit.row).expect("a source"));
        let bytes: usize = sources.map(|source| source.len()).sum();
        (found.total.map_or(0, |total| total.value), found.hits.len(), bytes)
    };
    let (count_ms, (count, ..)) = least(|| search(0, Track::Exactly));
    let (hits_ms, (_, hits, bytes)) = least(|| search(10, Track::No));
    say(&format!(
        "  {text}: count {count_ms:.3} ms ({count}), newest {hits_ms:.3} ms ({hits}, {bytes} bytes)"
    ));
}

fn main() {
    let mut args = std::env::args().skip(1);
    let (lines, folder) =
        (args.next().expect("lines"), PathBuf::from(args.next().expect("folder")));
    let queries: Vec<String> = args.collect();
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let (paths, mapping) = {
        let lines = std::fs::read_to_string(lines).expect("the lines can be read");
        write_all(&lines, &folder)
    };
    let parts = open(&paths);
    let all = folder.join("all.parquet");
    let start = cpu();
    let made = segment::concat(&RealFs, &all, &parts).expect("the segments are put together");
    say(&format!("concat: {:.0} ms, {} bytes", millis(cpu().saturating_sub(start)), made.bytes));
    let start = cpu();
    let whole = open(&[all]);
    whole[0].verify().expect("the segment is whole");
    say(&format!("verify: {:.0} ms", millis(cpu().saturating_sub(start))));
    for parts in [&parts, &whole] {
        say(&format!("{} files, {} row groups:", parts.len(), paths.len()));
        let view = |part: &Arc<Segment>| View {
            part: Arc::clone(part) as Arc<dyn Part>,
            deleted: Arc::default(),
        };
        let views = parts.iter().rev().map(view).collect();
        let target = Target::new("i", Arc::clone(&mapping), views);
        queries.iter().for_each(|query| ask(&target, query));
    }
}
