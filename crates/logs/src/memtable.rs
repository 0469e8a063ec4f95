//! Blocks in memory, which are searched as they are until a segment has their rows.

use std::sync::Arc;

use crate::column::{Column, Kind, Rows, Strings, Values};
use crate::ids::auto_id;
use crate::part::{BLOCK_ROWS, Block, Known, Part, ReadError, system};
use crate::source;

/// The name of a memtable in errors.
pub const NAME: &str = "memtable";

/// Rows in memory. They have their sequence numbers when they are committed ([`MemBlock::numbered`]).
#[derive(Debug, Clone)]
pub struct MemBlock {
    rows: usize,
    times: (i64, i64),
    /// Ascending by name and kind.
    columns: Vec<(Arc<str>, Kind, Arc<Column>)>,
    bytes: usize,
    id_key: u64,
}

impl MemBlock {
    /// A block of `rows` rows, at least one, with the [`system::TIME`] of each, and columns of as many rows.
    #[must_use]
    pub fn new(
        rows: usize,
        times: Vec<i64>,
        mut columns: Vec<(Arc<str>, Kind, Arc<Column>)>,
    ) -> Self {
        let range = (
            times.iter().min().copied().unwrap_or(i64::MAX),
            times.iter().max().copied().unwrap_or(i64::MIN),
        );
        columns.push(dense_ints(system::TIME, times));
        let mut block = Self { rows, times: range, columns, bytes: 0, id_key: 0 };
        block.settle();
        block
    }

    fn settle(&mut self) {
        self.columns.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        self.bytes = self.columns.iter().map(|(_, _, column)| column_bytes(column)).sum();
    }

    /// The block with its rows' sequence numbers (ascending) and, where a row's version is not 1, that; identifiers are made with `id_key`.
    #[must_use]
    pub fn numbered(mut self, seqs: Vec<i64>, versions: &[(usize, i64)], id_key: u64) -> Self {
        debug_assert_eq!(seqs.len(), self.rows);
        self.columns.push(dense_ints(system::SEQ, seqs));
        if !versions.is_empty() {
            let mut starts = Vec::with_capacity(self.rows + 1);
            let mut values = Vec::with_capacity(versions.len());
            let mut left = versions.iter().peekable();
            for row in 0..self.rows {
                starts.push(u32::try_from(values.len()).expect("fewer than rows"));
                if let Some((_, version)) = left.next_if(|(at, _)| *at == row) {
                    values.push(*version);
                }
            }
            starts.push(u32::try_from(values.len()).expect("fewer than rows"));
            let column = Column { rows: Rows::Ragged(starts), values: Values::Int(values) };
            self.columns.push((system::VERSION.into(), Kind::Int, Arc::new(column)));
        }
        self.id_key = id_key;
        self.settle();
        self
    }

    /// Bytes that its columns take.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes
    }

    fn find(&self, field: &str, kind: Kind) -> Option<&Arc<Column>> {
        let at = self.columns.binary_search_by(|(name, of, _)| (&**name, *of).cmp(&(field, kind)));
        at.ok().map(|at| &self.columns[at].2)
    }

    /// The rows' sequence numbers.
    #[must_use]
    pub fn seqs(&self) -> &[i64] {
        match self.find(system::SEQ, Kind::Int).map(|column| &column.values) {
            Some(Values::Int(seqs)) => seqs,
            Some(_) | None => &[],
        }
    }

    /// The rows of both, `self`'s first. Both together have at most [`BLOCK_ROWS`].
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        debug_assert!(self.rows + other.rows <= BLOCK_ROWS);
        let mut columns = Vec::with_capacity(self.columns.len().max(other.columns.len()));
        for (name, kind, column) in &self.columns {
            let joined =
                join(Some(column), other.find(name, *kind), (self.rows, other.rows), *kind);
            columns.push((Arc::clone(name), *kind, Arc::new(joined)));
        }
        for (name, kind, column) in &other.columns {
            if self.find(name, *kind).is_none() {
                let joined = join(None, Some(column), (self.rows, other.rows), *kind);
                columns.push((Arc::clone(name), *kind, Arc::new(joined)));
            }
        }
        let times = (self.times.0.min(other.times.0), self.times.1.max(other.times.1));
        let rows = self.rows + other.rows;
        let mut block = Self { rows, times, columns, bytes: 0, id_key: self.id_key };
        block.settle();
        block
    }
}

fn dense_ints(name: &str, values: Vec<i64>) -> (Arc<str>, Kind, Arc<Column>) {
    let column = Column { rows: Rows::Dense, values: Values::Int(values) };
    (name.into(), Kind::Int, Arc::new(column))
}

fn column_bytes(column: &Column) -> usize {
    let values = match &column.values {
        Values::Str(texts) => texts.byte_len() + texts.len() * 4,
        Values::Dict { codes, words } => codes.len() * 4 + words.byte_len(),
        Values::Int(values) => values.len() * 8,
        Values::Float(values) => values.len() * 8,
        Values::Bool(values) => values.len(),
    };
    match &column.rows {
        Rows::Dense => values,
        Rows::Ragged(starts) => values + starts.len() * 4,
    }
}

/// The values of both columns; a missing one has none in any of its rows.
fn join(
    first: Option<&Arc<Column>>,
    second: Option<&Arc<Column>>,
    rows: (usize, usize),
    kind: Kind,
) -> Column {
    let both_dense = [first, second]
        .iter()
        .all(|column| column.is_some_and(|column| matches!(column.rows, Rows::Dense)));
    let joined_rows = if both_dense {
        Rows::Dense
    } else {
        let mut starts = Vec::with_capacity(rows.0 + rows.1 + 1);
        put_starts(&mut starts, first, rows.0, 0);
        let base = first.map_or(0, |column| column.values.len());
        put_starts(&mut starts, second, rows.1, base);
        let total = base + second.map_or(0, |column| column.values.len());
        starts.push(u32::try_from(total).expect("a block is bounded far below 2^32 values"));
        Rows::Ragged(starts)
    };
    let values = [first, second].into_iter().flatten().map(|column| &column.values);
    Column { rows: joined_rows, values: join_values(values, kind) }
}

fn put_starts(starts: &mut Vec<u32>, column: Option<&Arc<Column>>, rows: usize, base: usize) {
    for row in 0..rows {
        let start = base + column.map_or(0, |column| column.of(row).start);
        starts.push(u32::try_from(start).expect("a block is bounded far below 2^32 values"));
    }
}

fn join_values<'a>(all: impl Iterator<Item = &'a Values> + Clone, kind: Kind) -> Values {
    let has_codes = all.clone().any(|values| matches!(values, Values::Dict { .. }));
    match kind {
        Kind::Str if has_codes => join_codes(all),
        Kind::Str => {
            let mut joined = Strings::default();
            for values in all {
                if let Values::Str(texts) = values {
                    joined.append(texts);
                }
            }
            Values::Str(joined)
        }
        Kind::Int => Values::Int(flat(all, |values| match values {
            Values::Int(values) => values,
            Values::Str(_) | Values::Dict { .. } | Values::Float(_) | Values::Bool(_) => &[],
        })),
        Kind::Float => Values::Float(flat(all, |values| match values {
            Values::Float(values) => values,
            Values::Str(_) | Values::Dict { .. } | Values::Int(_) | Values::Bool(_) => &[],
        })),
        Kind::Bool => Values::Bool(flat(all, |values| match values {
            Values::Bool(values) => values,
            Values::Str(_) | Values::Dict { .. } | Values::Int(_) | Values::Float(_) => &[],
        })),
    }
}

fn flat<'a, T: Copy + 'a>(
    all: impl Iterator<Item = &'a Values>,
    of: impl Fn(&'a Values) -> &'a [T],
) -> Vec<T> {
    all.flat_map(|values| of(values).iter().copied()).collect()
}

/// Codes of a dictionary of the texts that occur.
fn join_codes<'a>(all: impl Iterator<Item = &'a Values>) -> Values {
    let (mut codes, mut words) = (Vec::new(), Strings::default());
    let mut known = std::collections::HashMap::new();
    for values in all {
        for at in 0..values.len() {
            let Some(text) = values.text(at) else { continue };
            let code = *known.entry(text).or_insert_with(|| {
                words.push(text);
                u32::try_from(words.len() - 1).expect("at most as many as rows")
            });
            codes.push(code);
        }
    }
    Values::Dict { codes, words: Arc::new(words) }
}

impl Block for MemBlock {
    fn rows(&self) -> usize {
        self.rows
    }

    fn times(&self) -> (i64, i64) {
        self.times
    }

    fn column(&self, field: &str, kind: Kind) -> Result<Option<Arc<Column>>, ReadError> {
        Ok(self.find(field, kind).map(Arc::clone))
    }

    fn word(&self, field: &str, _word: &str) -> Result<Known, ReadError> {
        Ok(if self.find(field, Kind::Str).is_some() { Known::Maybe } else { Known::Nowhere })
    }

    fn id(&self, row: usize) -> Result<String, ReadError> {
        if let Some(id) = self.find(system::ID, Kind::Str).and_then(|column| column.text(row)) {
            return Ok(id.to_owned());
        }
        let seq = self.seqs().get(row).copied();
        let seq = seq.ok_or_else(|| ReadError {
            part: NAME.to_owned(),
            block: 0,
            what: "rows that are not committed have no identifier".to_owned(),
        })?;
        Ok(auto_id(self.id_key, seq))
    }

    fn source(&self, row: usize) -> Result<String, ReadError> {
        source::rebuild(NAME, 0, self, row)
    }
}

/// Blocks in memory as a part: what a snapshot sees.
#[derive(Debug, Clone, Default)]
pub struct Memtable {
    blocks: Vec<Arc<MemBlock>>,
}

impl Memtable {
    /// A part of `blocks`.
    #[must_use]
    pub fn new(blocks: Vec<Arc<MemBlock>>) -> Self {
        Self { blocks }
    }

    /// Its blocks.
    #[must_use]
    pub fn blocks(&self) -> &[Arc<MemBlock>] {
        &self.blocks
    }

    /// Adds rows behind the others. Small blocks are joined, so that there are never many.
    /// Returns how many of the last blocks became one with the new.
    pub fn push(&mut self, block: MemBlock) -> usize {
        let mut new = block;
        let mut joined = 0;
        while let Some(last) = self.blocks.last() {
            // As a binary counter carries: each row is copied a bounded number of times.
            if last.rows > 2 * new.rows || last.rows + new.rows > BLOCK_ROWS {
                break;
            }
            new = last.joined(&new);
            self.blocks.pop();
            joined += 1;
        }
        self.blocks.push(Arc::new(new));
        joined
    }

    /// Block and row of a sequence number.
    #[must_use]
    pub fn place_of(&self, seq: i64) -> Option<(usize, usize)> {
        let at = self.blocks.partition_point(|block| block.seqs().last().is_some_and(|s| *s < seq));
        let row = self.blocks.get(at)?.seqs().binary_search(&seq).ok()?;
        Some((at, row))
    }
}

impl Part for Memtable {
    fn name(&self) -> &str {
        NAME
    }

    fn rows(&self) -> usize {
        self.blocks.iter().map(|block| block.rows).sum()
    }

    fn times(&self) -> Option<(i64, i64)> {
        let of = |block: &Arc<MemBlock>| block.times;
        self.blocks.iter().map(of).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    fn block_count(&self) -> usize {
        self.blocks.len()
    }

    fn block(&self, at: usize) -> Result<Arc<dyn Block>, ReadError> {
        match self.blocks.get(at) {
            Some(block) => Ok(Arc::clone(block) as Arc<dyn Block>),
            None => Err(ReadError {
                part: NAME.to_owned(),
                block: at,
                what: "no such block".to_owned(),
            }),
        }
    }

    fn lacks_word(&self, field: &str, _word: &str) -> bool {
        self.blocks.iter().all(|block| block.find(field, Kind::Str).is_none())
    }

    fn kinds(&self, field: &str) -> Vec<Kind> {
        let has = |kind: &Kind| self.blocks.iter().any(|block| block.find(field, *kind).is_some());
        Kind::ALL.into_iter().filter(has).collect()
    }

    fn fields(&self) -> Vec<String> {
        let names = self.blocks.iter().flat_map(|block| &block.columns).map(|(name, ..)| &**name);
        let own = names.filter(|name| !system::ALL.contains(name));
        own.collect::<std::collections::BTreeSet<_>>().into_iter().map(str::to_owned).collect()
    }

    fn byte_len(&self) -> u64 {
        self.blocks.iter().map(|block| block.bytes as u64).sum()
    }
}
