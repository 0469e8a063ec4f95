//! Rows in memory, as a part.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::column::{Column, Kind, Rows, Strings, Values};
use crate::part::{Block, Known, Part, ReadError, system};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    /// Its bits.
    Float(u64),
    Bool(bool),
}

/// A row's values by field and kind.
pub(super) type Row = BTreeMap<(String, Kind), Vec<Value>>;

/// A row with the columns that every row has.
pub(super) fn row(seq: i64, time: i64) -> Row {
    let key = |field: &str| (field.to_owned(), Kind::Int);
    Row::from([
        (key(system::SEQ), vec![Value::Int(seq)]),
        (key(system::TIME), vec![Value::Int(time)]),
        (key("@timestamp"), vec![Value::Int(time)]),
    ])
}

pub(super) fn seq(row: &Row) -> i64 {
    match row[&(system::SEQ.to_owned(), Kind::Int)][0] {
        Value::Int(seq) => seq,
        Value::Text(_) | Value::Float(_) | Value::Bool(_) => {
            panic!("a sequence number is an integer")
        }
    }
}

#[derive(Debug)]
pub(super) struct Memory {
    blocks: Vec<Arc<Rowed>>,
}

#[derive(Debug)]
struct Rowed {
    rows: Vec<Row>,
}

impl Memory {
    pub(super) fn new(rows: &[Row], block_rows: usize) -> Self {
        let blocks = rows.chunks(block_rows).map(|rows| Arc::new(Rowed { rows: rows.to_vec() }));
        Self { blocks: blocks.collect() }
    }

    fn keys(&self) -> impl Iterator<Item = &(String, Kind)> {
        self.blocks.iter().flat_map(|block| block.rows.iter().flat_map(|row| row.keys()))
    }
}

impl Part for Memory {
    fn name(&self) -> &str {
        "memory"
    }
    fn rows(&self) -> usize {
        self.blocks.iter().map(|block| block.rows.len()).sum()
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
        let kinds = self.keys().filter(|key| key.0 == field).map(|key| key.1);
        kinds.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
    fn fields(&self) -> Vec<String> {
        let fields = self.keys().map(|key| key.0.clone());
        let fields = fields.filter(|field| !system::ALL.contains(&field.as_str()));
        fields.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
    fn byte_len(&self) -> u64 {
        0
    }
}

impl Block for Rowed {
    fn rows(&self) -> usize {
        self.rows.len()
    }
    fn times(&self) -> (i64, i64) {
        (0, 0)
    }
    fn column(&self, field: &str, kind: Kind) -> Result<Option<Arc<Column>>, ReadError> {
        let key = (field.to_owned(), kind);
        let mut starts = vec![0];
        let mut all = Vec::new();
        for row in &self.rows {
            all.extend(row.get(&key).into_iter().flatten().cloned());
            starts.push(crate::segment::bytes::narrow(all.len()));
        }
        let mut texts = Strings::default();
        let (mut ints, mut floats, mut bools) = (Vec::new(), Vec::new(), Vec::new());
        for value in &all {
            match value {
                Value::Text(text) => texts.push(text),
                Value::Int(value) => ints.push(*value),
                Value::Float(bits) => floats.push(f64::from_bits(*bits)),
                Value::Bool(value) => bools.push(*value),
            }
        }
        let values = match kind {
            Kind::Str => Values::Str(texts),
            Kind::Int => Values::Int(ints),
            Kind::Float => Values::Float(floats),
            Kind::Bool => Values::Bool(bools),
        };
        Ok((!values.is_empty()).then(|| Arc::new(Column { rows: Rows::Ragged(starts), values })))
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
