//! One row group with its index sections, made in memory.

use std::sync::Arc;

use super::bytes::narrow;
use super::column::{Chunk, Encoding, Key, MILLI, Unit};
use super::gather::{self, Gathered, Sorted, first_texts, gather};
use super::page::{Packer, Raw, Slots};
use super::sections::{self, CodeMap, Rollup, SECTIONS, SectionAt, Zones};
use super::templates::Templates;
use super::tokens::{MAPPED_WORDS_MAX, Tokens};
use super::{WriteError, WriteOptions, filter, hash, hybrid};
use crate::column::{Kind, Strings};
use crate::part::{BLOCK_ROWS, Block, system};

/// Fields that say how bad a line is; the first that a row has counts.
const LEVELS: &[&str] = &["log.level", "level", "severity_text", "severity"];

/// The field that is the main text where there is one.
const MESSAGE: &str = "message";

/// The field that times come from.
const TIMESTAMP: &str = "@timestamp";

/// Most rows of a roll-up.
const ROLLUP_ROWS_MAX: usize = 65_536;

/// What becomes a row group.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) part: String,
    pub(crate) blocks: Vec<Arc<dyn Block>>,
    /// Rows that are there, in the order of arrival: block and row.
    pub(crate) places: Vec<(u32, u32)>,
    /// Fields of the documents and of the system, ascending.
    pub(crate) fields: Vec<(String, Kind)>,
}

/// A row group: its bytes, and what directory and footer say of it.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: usize,
    pub(crate) times: (i64, i64),
    pub(crate) seqs: (i64, i64),
    /// The field whose lines have templates; empty: none.
    pub(crate) main: String,
    pub(crate) keys: Vec<Key>,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) sections: [SectionAt; SECTIONS],
}

/// A row group that is being made.
#[derive(Debug)]
struct Maker<'a> {
    input: &'a Input,
    options: &'a WriteOptions,
    packer: &'a mut Packer,
    /// Rows by their place in the order of arrival, in the order of the file.
    order: Vec<u32>,
    /// Their places in the input, in the order of the file.
    places: Vec<(u32, u32)>,
    bytes: Vec<u8>,
    keys: Vec<Key>,
    chunks: Vec<Chunk>,
    tokens: Tokens,
    zones: Zones,
}

/// Makes the row group of `input`, which has a row at least.
pub(crate) fn build(
    input: &Input,
    options: &WriteOptions,
    packer: &mut Packer,
) -> Result<Group, WriteError> {
    let times = dense(input, system::TIME)?;
    let seqs = dense(input, system::SEQ)?;
    let main = main_field(input)?;
    let columns = gather::columns(&input.blocks, &main, Kind::Str)?;
    let lines: Vec<_> = columns.iter().map(Option::as_deref).collect();
    let templates = Templates::build(&lines, &input.places);
    drop(columns);
    let (order, services, service_names) = order(input, options, &templates, (&times, &seqs))?;
    let blocks = order.len().div_ceil(BLOCK_ROWS);
    let mut maker = Maker {
        input,
        options,
        packer,
        places: order.iter().map(|at| input.places[*at as usize]).collect(),
        order,
        bytes: Vec::new(),
        keys: Vec::new(),
        chunks: Vec::new(),
        tokens: Tokens::new(blocks),
        zones: Zones::default(),
    };
    maker.columns(&main, &templates, &times)?;
    let levels: Vec<String> = LEVELS.iter().map(|level| (*level).to_owned()).collect();
    let (levels, level_names) = first_texts(&input.blocks, &levels, &input.places)?;
    let rollup = rollup(&times, (services, service_names), (levels, level_names));
    let sections = maker.sections(&templates, rollup.as_ref());
    let ends = |of: &[i64]| {
        of.iter().fold((i64::MAX, i64::MIN), |(least, most), at| (least.min(*at), most.max(*at)))
    };
    Ok(Group {
        rows: maker.order.len(),
        bytes: maker.bytes,
        times: ends(&times),
        seqs: ends(&seqs),
        main,
        keys: maker.keys,
        chunks: maker.chunks,
        sections,
    })
}

/// The values of a column that every row has, in the order of arrival.
fn dense(input: &Input, field: &'static str) -> Result<Vec<i64>, WriteError> {
    let columns = gather::columns(&input.blocks, field, Kind::Int)?;
    let values = input.places.iter().map(|(block, row)| {
        columns[*block as usize].as_ref().and_then(|column| column.int(*row as usize))
    });
    let values: Option<Vec<i64>> = values.collect();
    values.ok_or_else(|| WriteError::Missing { part: input.part.clone(), column: field })
}

/// `message`, else the field of the document with the most bytes of text.
fn main_field(input: &Input) -> Result<String, WriteError> {
    let mut best = (0, "");
    for (field, kind) in &input.fields {
        if *kind != Kind::Str || field.starts_with('_') {
            continue;
        }
        if field == MESSAGE {
            return Ok(field.clone());
        }
        let mut bytes = 0;
        for column in gather::columns(&input.blocks, field, Kind::Str)?.iter().flatten() {
            bytes += match &column.values {
                crate::column::Values::Str(texts) => texts.byte_len(),
                crate::column::Values::Dict { codes, words } => {
                    codes.iter().map(|code| words.bytes_of(*code as usize).len()).sum()
                }
                crate::column::Values::Int(_)
                | crate::column::Values::Float(_)
                | crate::column::Values::Bool(_) => 0,
            };
        }
        if bytes > best.0 {
            best = (bytes, field);
        }
    }
    Ok(best.1.to_owned())
}

/// Rows in the order of the file, and for the roll-up the codes and texts of the first sort key in the order of arrival.
#[expect(clippy::type_complexity, reason = "read once, by its only caller")]
fn order(
    input: &Input,
    options: &WriteOptions,
    templates: &Templates,
    (times, seqs): (&[i64], &[i64]),
) -> Result<(Vec<u32>, Vec<u32>, Vec<String>), WriteError> {
    let count = input.places.len();
    // The place of each row's texts among all combinations that were seen, key by key.
    let mut ranks = vec![0_u32; count];
    let mut first = None;
    for fields in &options.sort {
        let (codes, texts) = first_texts(&input.blocks, fields, &input.places)?;
        let mut by_text: Vec<u32> = (0..narrow(texts.len())).collect();
        by_text.sort_unstable_by_key(|code| &texts[*code as usize]);
        let mut place = vec![0; texts.len()];
        by_text.iter().enumerate().for_each(|(at, code)| place[*code as usize] = narrow(at));
        let both = |at: usize| u64::from(ranks[at]) << 32 | u64::from(place[codes[at] as usize]);
        let mut seen: Vec<u64> = (0..count).map(both).collect();
        seen.sort_unstable();
        seen.dedup();
        let rank = |both: u64| narrow(seen.partition_point(|of| *of < both));
        ranks = (0..count).map(|at| rank(both(at))).collect();
        first.get_or_insert((codes, texts));
    }
    let template = |at: usize| if options.by_template { templates.of_row[at] } else { 0 };
    let mut keyed: Vec<(u64, i64, i64, u32)> = (0..count)
        .map(|at| {
            let key = u64::from(ranks[at]) << 32 | u64::from(template(at));
            (key, times[at], seqs[at], narrow(at))
        })
        .collect();
    keyed.sort_unstable();
    let order = keyed.into_iter().map(|(.., at)| at).collect();
    let (codes, texts) = first.unwrap_or_else(|| (vec![0; count], vec![String::new()]));
    Ok((order, codes, texts))
}

/// Counts rows by minute, service and level; `None` when that makes too many rows.
fn rollup(
    times: &[i64],
    services: (Vec<u32>, Vec<String>),
    levels: (Vec<u32>, Vec<String>),
) -> Option<Rollup> {
    let mut counts = std::collections::BTreeMap::new();
    for ((time, service), level) in times.iter().zip(&services.0).zip(&levels.0) {
        *counts.entry((time.div_euclid(60_000_000), *service, *level)).or_insert(0) += 1;
        if counts.len() > ROLLUP_ROWS_MAX {
            return None;
        }
    }
    let rows = counts.into_iter().map(|((minute, service, level), n)| (minute, service, level, n));
    Some(Rollup { services: services.1, levels: levels.1, rows: rows.collect() })
}

impl Maker<'_> {
    /// Writes all columns.
    fn columns(
        &mut self,
        main: &str,
        templates: &Templates,
        times: &[i64],
    ) -> Result<(), WriteError> {
        for (field, kind) in &self.input.fields {
            let columns = gather::columns(&self.input.blocks, field, *kind)?;
            let is_main = field == main && *kind == Kind::Str;
            let made = gather(&columns, *kind, &self.places, !is_main);
            if made.is_empty() {
                continue;
            }
            if is_main {
                let salt = hash::salt(field);
                for (row, at) in self.order.iter().enumerate() {
                    self.tokens.add(row, templates.rare_of(*at as usize), salt);
                }
            } else {
                self.tokens.add_texts(field, self.order.len(), &made);
            }
            let unit = match kind {
                Kind::Int if field == system::TIME || self.options.micros.contains(field) => {
                    Unit::Micros
                }
                Kind::Int if self.options.nanos.contains(field) => Unit::Nanos,
                Kind::Int | Kind::Str | Kind::Float | Kind::Bool => Unit::Plain,
            };
            let key = Key { field: field.clone(), kind: *kind, unit, list: made.list };
            self.column(key, made)?;
        }
        let sorted: Vec<i64> =
            self.order.iter().map(|at| i64::from(templates.of_row[*at as usize])).collect();
        let made = Gathered { starts: None, list: false, values: Sorted::Ints(sorted) };
        let field = super::TEMPLATE.to_owned();
        self.column(Key { field, kind: Kind::Int, unit: Unit::Plain, list: false }, made)?;
        for block in self.order.chunks(BLOCK_ROWS) {
            let of = block.iter().map(|at| times[*at as usize]);
            self.zones.times.push((of.clone().min().unwrap_or(0), of.max().unwrap_or(0)));
        }
        Ok(())
    }

    fn column(&mut self, mut key: Key, mut made: Gathered<'_>) -> Result<(), WriteError> {
        // Times are often a field of the document as well: one copy for both.
        if let Some((same, unit)) = self.timestamp(&key, &made) {
            self.chunks.push(same);
            self.keys.push(Key { unit, ..key });
            return Ok(());
        }
        if key.unit == Unit::Micros
            && let Sorted::Ints(values) = &mut made.values
            && values.iter().all(|value| value % MILLI == 0)
        {
            values.iter_mut().for_each(|value| *value /= MILLI);
            key.unit = Unit::Millis;
        }
        let (encoding, dictionary) = match &made.values {
            Sorted::Dict { words, .. } => {
                let page = self.packer.dictionary_page(words, &mut self.bytes);
                let page =
                    page.map_err(|error| WriteError::Io { path: self.input.part.clone(), error })?;
                (Encoding::Dictionary, Some((page, narrow(words.len()))))
            }
            Sorted::Texts(_) => (Encoding::DeltaLength, None),
            Sorted::Ints(_) => (Encoding::Delta, None),
            Sorted::Floats(_) | Sorted::Bools(_) => (Encoding::Plain, None),
        };
        let mut chunk = Chunk { encoding, dictionary, pages: Vec::new(), ranges: Vec::new() };
        let rows = self.order.len();
        for start in (0..rows).step_by(BLOCK_ROWS) {
            self.page(&made, start..rows.min(start + BLOCK_ROWS), key.list, &mut chunk);
        }
        if let Sorted::Dict { words, codes } = &made.values
            && words.len() <= MAPPED_WORDS_MAX
        {
            let maps = (0..rows).step_by(BLOCK_ROWS).map(|start| {
                let of = made.of(start..rows.min(start + BLOCK_ROWS));
                let mut map = CodeMap::default();
                codes[of].iter().for_each(|code| map[*code as usize / 64] |= 1 << (code % 64));
                map
            });
            self.zones.maps.push((self.keys.len(), maps.collect()));
        }
        self.chunks.push(chunk);
        self.keys.push(key);
        Ok(())
    }

    /// The chunk of `@timestamp`, and its unit, when `key` is `_time` and equal to it in every row.
    fn timestamp(&self, key: &Key, made: &Gathered<'_>) -> Option<(Chunk, Unit)> {
        if key.field != system::TIME {
            return None;
        }
        let is_time = |of: &Key| {
            of.field == TIMESTAMP && matches!(of.unit, Unit::Micros | Unit::Millis) && !of.list
        };
        let at = self.keys.iter().position(is_time)?;
        let columns = gather::columns(&self.input.blocks, TIMESTAMP, Kind::Int).ok()?;
        let other = gather(&columns, Kind::Int, &self.places, false);
        let (Sorted::Ints(times), Sorted::Ints(others)) = (&made.values, &other.values) else {
            return None;
        };
        let same = made.starts.is_none() && other.starts.is_none() && times == others;
        same.then(|| (self.chunks[at].clone(), self.keys[at].unit))
    }

    fn page(
        &mut self,
        made: &Gathered<'_>,
        rows: std::ops::Range<usize>,
        list: bool,
        chunk: &mut Chunk,
    ) {
        let of = made.of(rows.clone());
        let starts = made.starts.as_ref().map(|starts| &starts[rows.start..=rows.end]);
        let slots = Slots { rows: rows.len(), starts, list };
        let mut texts = Strings::default();
        let raw = match &made.values {
            Sorted::Dict { words, codes } => {
                let width = hybrid::width_for(narrow(words.len().saturating_sub(1)));
                Raw::Codes(&codes[of], width)
            }
            Sorted::Texts(all) => {
                all[of].iter().for_each(|text| texts.push(text));
                Raw::Texts(&texts)
            }
            Sorted::Ints(values) => {
                let values = &values[of];
                let range = values.iter().min().zip(values.iter().max());
                chunk.ranges.push(range.map(|(least, most)| (*least, *most)));
                Raw::Ints(values)
            }
            Sorted::Floats(values) => Raw::Floats(&values[of]),
            Sorted::Bools(values) => Raw::Bools(&values[of]),
        };
        let page = self.packer.data_page(slots, raw, chunk.encoding, &mut self.bytes);
        chunk.pages.push(page);
    }

    /// Appends the index.
    fn sections(
        &mut self,
        templates: &Templates,
        rollup: Option<&Rollup>,
    ) -> [SectionAt; SECTIONS] {
        let tokens = std::mem::replace(&mut self.tokens, Tokens::new(0));
        let (blocks, all) = tokens.distinct();
        let (fuse, slots) = match filter::Fuse::build(&all) {
            Some((fuse, slots)) => (Some(fuse), slots),
            None => (None, Vec::new()),
        };
        let (classes, sliced) = filter::build_sliced(&blocks);
        let sorted: Vec<u32> = self.order.iter().map(|at| templates.of_row[*at as usize]).collect();
        let filters = sections::put_filters(fuse.as_ref(), &slots, &classes, &sliced);
        [
            sections::put_pages(&self.chunks, self.packer),
            sections::put_zones(&self.zones, self.packer),
            sections::put_words(templates, &sorted, self.packer),
            sections::put_texts(&templates.texts, self.packer),
            sections::put_rollup(rollup, self.packer),
            filters,
            slots,
            sliced,
        ]
        .map(|bytes| sections::append(&mut self.bytes, &bytes))
    }
}
