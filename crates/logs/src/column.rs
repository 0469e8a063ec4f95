//! The values of one field in one block, of one kind.

use std::ops::Range;
use std::sync::Arc;

/// What the values of a column are. A field whose values are of several kinds has a column for each.
///
/// Dates are `Int`: microseconds since 1970 for `date`, nanoseconds for `date_nanos`. `unsigned_long` is `Int` with
/// `i64::MIN` added, so that order is kept. IP addresses, versions and binaries are `Str`, as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Str,
    Int,
    Float,
    Bool,
}

impl Kind {
    /// Every kind, in the order in which a field's columns are looked at.
    pub const ALL: [Self; 4] = [Self::Str, Self::Int, Self::Float, Self::Bool];
}

/// Texts one behind the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strings {
    /// Where each text ends in `all`.
    ends: Vec<u32>,
    /// Checked once, so that a text is taken out of it without being looked at.
    all: String,
}

impl Strings {
    /// Texts that are there already: `ends` ascending, the last one the length of `bytes`, each text UTF-8.
    ///
    /// Returns `None` when that does not hold.
    #[must_use]
    pub fn from_parts(ends: Vec<u32>, bytes: Vec<u8>) -> Option<Self> {
        let mut start = 0;
        let total = ends.last().map_or(0, |end| *end as usize);
        if total != bytes.len() || !ends.is_sorted() {
            return None;
        }
        let all = String::from_utf8(bytes).ok()?;
        for end in &ends {
            all.get(start..*end as usize)?;
            start = *end as usize;
        }
        Some(Self { ends, all })
    }

    /// Adds a text.
    ///
    /// # Panics
    /// When all texts together pass 4 GiB: blocks are bounded far below that.
    pub fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(u32::try_from(self.all.len()).expect("a block is bounded far below 4 GiB"));
    }

    /// No texts, with room for `len` of `bytes` bytes together.
    #[must_use]
    pub fn with_capacity(len: usize, bytes: usize) -> Self {
        Self { ends: Vec::with_capacity(len), all: String::with_capacity(bytes) }
    }

    /// Adds all texts of `other`.
    ///
    /// # Panics
    /// As [`Strings::push`].
    pub fn append(&mut self, other: &Self) {
        let base = u32::try_from(self.all.len()).expect("a block is bounded far below 4 GiB");
        self.all.push_str(&other.all);
        assert!(u32::try_from(self.all.len()).is_ok(), "a block is bounded far below 4 GiB");
        self.ends.extend(other.ends.iter().map(|end| base + end));
    }

    /// Keeps the first `len` texts.
    pub fn truncate(&mut self, len: usize) {
        self.ends.truncate(len);
        self.all.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    /// Gives unused room back.
    pub fn shrink_to_fit(&mut self) {
        self.ends.shrink_to_fit();
        self.all.shrink_to_fit();
    }

    /// Text `at`, below [`Strings::len`].
    #[must_use]
    pub fn get(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.all[start..self.ends[at] as usize]
    }

    /// The bytes of text `at`, below [`Strings::len`].
    #[must_use]
    pub fn bytes_of(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.all.as_bytes()[start..self.ends[at] as usize]
    }

    /// Where text `at`, below [`Strings::len`], ends in [`Strings::bytes`].
    #[must_use]
    pub fn end(&self, at: usize) -> usize {
        self.ends[at] as usize
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all texts.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.all.len()
    }

    /// All texts one behind the other: for scans that look at a whole block at once.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.all.as_bytes()
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at))
    }
}

/// A column's values, in row order.
#[derive(Debug, Clone)]
pub enum Values {
    Str(Strings),
    /// Value `i` is text `codes[i]` of `words`. Several columns may share `words` (a segment's dictionary).
    Dict {
        codes: Vec<u32>,
        words: Arc<Strings>,
    },
    Int(Vec<i64>),
    Float(Vec<f64>),
    Bool(Vec<bool>),
}

impl Values {
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Str(texts) => texts.len(),
            Self::Dict { codes, .. } => codes.len(),
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Str(_) | Self::Dict { .. } => Kind::Str,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Bool(_) => Kind::Bool,
        }
    }

    /// Text `at`; `None` when the values are no texts.
    #[must_use]
    pub fn text(&self, at: usize) -> Option<&str> {
        match self {
            Self::Str(texts) => Some(texts.get(at)),
            Self::Dict { codes, words } => Some(words.get(codes[at] as usize)),
            Self::Int(_) | Self::Float(_) | Self::Bool(_) => None,
        }
    }
}

/// Which values are which row's.
#[derive(Debug, Clone)]
pub enum Rows {
    /// Row `i` has value `i` and no other.
    Dense,
    /// Row `i` has the values `starts[i]..starts[i + 1]`: none, one, or several (an array). One longer than there are rows.
    Ragged(Vec<u32>),
}

/// The values of one field and kind in one block.
#[derive(Debug, Clone)]
pub struct Column {
    pub rows: Rows,
    pub values: Values,
}

impl Column {
    /// The values of `row`, as a range of [`Column::values`].
    #[must_use]
    pub fn of(&self, row: usize) -> Range<usize> {
        match &self.rows {
            Rows::Dense => row..row + 1,
            Rows::Ragged(starts) => starts[row] as usize..starts[row + 1] as usize,
        }
    }

    /// Whether `row` has a value.
    #[must_use]
    pub fn has(&self, row: usize) -> bool {
        !self.of(row).is_empty()
    }

    /// The first value of `row` when the column is of integers.
    #[must_use]
    pub fn int(&self, row: usize) -> Option<i64> {
        match &self.values {
            Values::Int(values) => values.get(self.of(row)).and_then(|of| of.first()).copied(),
            Values::Str(_) | Values::Dict { .. } | Values::Float(_) | Values::Bool(_) => None,
        }
    }

    /// The first text of `row` when the column is of texts.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<&str> {
        let at = self.of(row);
        if at.is_empty() { None } else { self.values.text(at.start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        let mut texts = Strings::default();
        for text in ["", "로그인", "a"] {
            texts.push(text);
        }
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["", "로그인", "a"]);
        assert_eq!(texts.byte_len(), 10);
    }

    #[test]
    fn parts_that_are_no_texts_are_refused() {
        assert!(
            Strings::from_parts(vec![1, 3], "é!".as_bytes().to_vec()).is_none(),
            "cuts a letter"
        );
        assert!(Strings::from_parts(vec![2, 1], vec![b'a', b'b']).is_none(), "descends");
        assert!(Strings::from_parts(vec![1], vec![b'a', b'b']).is_none(), "too short");
        assert!(Strings::from_parts(vec![1], vec![0xff]).is_none(), "no UTF-8");
        assert!(Strings::from_parts(vec![2, 3], "é!".as_bytes().to_vec()).is_some());
    }

    #[test]
    fn rows_have_none_one_or_several_values() {
        let column =
            Column { rows: Rows::Ragged(vec![0, 0, 1, 3]), values: Values::Int(vec![7, 8, 9]) };
        assert_eq!((column.int(0), column.int(1), column.int(2)), (None, Some(7), Some(8)));
        assert_eq!(column.of(2), 1..3);
        assert!(!column.has(0));
    }
}
