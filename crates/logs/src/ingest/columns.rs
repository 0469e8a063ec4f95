//! Columns that grow row by row.

use std::sync::Arc;

use crate::column::{Column, Kind, Rows, Strings, Values};

/// One field's values of one kind, as far as the block has got.
#[derive(Debug)]
pub(crate) struct Builder {
    pub(crate) name: Arc<str>,
    pub(crate) values: Growing,
    /// Where each row's values begin; `None` while row `i` has value `i` and no other.
    starts: Option<Vec<u32>>,
}

/// Values of one kind.
#[derive(Debug)]
pub(crate) enum Growing {
    Str(Strings),
    /// Numbers of texts that [`Builder::finish`] is given.
    Code(Vec<u32>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Bool(Vec<bool>),
}

impl Growing {
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Str => Self::Str(Strings::default()),
            Kind::Int => Self::Int(Vec::new()),
            Kind::Float => Self::Float(Vec::new()),
            Kind::Bool => Self::Bool(Vec::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Str(texts) => texts.len(),
            Self::Code(codes) => codes.len(),
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    fn truncate(&mut self, len: usize) {
        match self {
            Self::Str(texts) => texts.truncate(len),
            Self::Code(codes) => codes.truncate(len),
            Self::Int(values) => values.truncate(len),
            Self::Float(values) => values.truncate(len),
            Self::Bool(values) => values.truncate(len),
        }
    }
}

/// Values are counted in 32 bits: a block is bounded in rows and bytes, each value takes at least one byte of a document.
fn count(len: usize) -> u32 {
    u32::try_from(len).expect("a block is bounded far below 2^32 values")
}

impl Builder {
    pub(crate) fn new(name: Arc<str>, values: Growing) -> Self {
        Self { name, values, starts: None }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.values {
            Growing::Str(_) | Growing::Code(_) => Kind::Str,
            Growing::Int(_) => Kind::Int,
            Growing::Float(_) => Kind::Float,
            Growing::Bool(_) => Kind::Bool,
        }
    }

    /// Makes the next value one of `row`, the last row so far.
    #[inline]
    pub(crate) fn open(&mut self, row: usize) {
        let len = self.values.len();
        let starts = match &mut self.starts {
            None if len == row => return,
            // A row without a value has been passed, or the row gets a second one.
            None => self.starts.insert((0..count(len.min(row + 1))).collect()),
            Some(starts) => starts,
        };
        if starts.len() <= row {
            starts.resize(row + 1, count(len));
        }
    }

    /// Takes the values of `row`, the last row so far, out again.
    pub(crate) fn undo(&mut self, row: usize) {
        match &mut self.starts {
            None => self.values.truncate(row.min(self.values.len())),
            Some(starts) => {
                if let Some(start) = starts.get(row) {
                    self.values.truncate(*start as usize);
                    starts.truncate(row);
                }
            }
        }
    }

    /// The column of `rows` rows, whose codes stand for `words`. What is left is empty.
    pub(crate) fn finish(&mut self, rows: usize, words: &Arc<Strings>) -> Column {
        let len = self.values.len();
        let starts = match self.starts.take() {
            None if len == rows => None,
            None => Some((0..count(len)).collect()),
            some @ Some(_) => some,
        };
        let kind = self.kind();
        let values = match std::mem::replace(&mut self.values, Growing::of(kind)) {
            Growing::Str(mut texts) => {
                self.values = Growing::Str(Strings::with_capacity(texts.len(), texts.byte_len()));
                texts.shrink_to_fit();
                Values::Str(texts)
            }
            Growing::Code(codes) => {
                self.values = Growing::Code(Vec::with_capacity(codes.len()));
                Values::Dict { codes, words: Arc::clone(words) }
            }
            Growing::Int(values) => Values::Int(values),
            Growing::Float(values) => Values::Float(values),
            Growing::Bool(values) => Values::Bool(values),
        };
        let rows = match starts {
            None => Rows::Dense,
            Some(mut starts) => {
                starts.resize(rows + 1, count(len));
                Rows::Ragged(starts)
            }
        };
        Column { rows, values }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(rows: &[&[i64]]) -> Column {
        let mut builder = Builder::new("f".into(), Growing::of(Kind::Int));
        for (row, values) in rows.iter().enumerate() {
            for value in *values {
                builder.open(row);
                let Growing::Int(into) = &mut builder.values else { panic!("an int") };
                into.push(*value);
            }
            // A row that is taken back leaves nothing.
            builder.open(row + 1);
            let Growing::Int(into) = &mut builder.values else { panic!("an int") };
            into.push(99);
            builder.undo(row + 1);
        }
        builder.finish(rows.len(), &Arc::default())
    }

    #[test]
    fn rows_with_none_one_and_several_values() {
        let cases: [&[&[i64]]; 8] = [
            &[&[1], &[2], &[3]],
            &[&[], &[2], &[3]],
            &[&[1], &[], &[3]],
            &[&[1], &[2], &[]],
            &[&[1, 2], &[], &[3]],
            &[&[1], &[2, 3], &[4]],
            &[&[1], &[2, 3]],
            &[&[], &[]],
        ];
        for rows in cases {
            let column = column(rows);
            let Values::Int(values) = &column.values else { panic!("an int") };
            for (row, want) in rows.iter().enumerate() {
                assert_eq!(&values[column.of(row)], *want, "{rows:?} row {row}");
            }
        }
        assert!(matches!(column(&[&[1], &[2]]).rows, Rows::Ragged(_) | Rows::Dense));
    }
}
