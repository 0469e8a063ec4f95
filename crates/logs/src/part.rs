//! What is searched: parts of blocks of rows.

use std::sync::Arc;

use crate::bits::Bits;
use crate::column::{Column, Kind};

/// Most rows of a block. Pages of a segment have the same rows in every column, so that block `n` is page `n`.
pub const BLOCK_ROWS: usize = 2_048;

/// Columns that every row may have, beside the document's own fields.
pub mod system {
    /// `Int`, dense: the place of the write in its index's order of writes. Unique in the index; ascending with arrival.
    pub const SEQ: &str = "_seq";
    /// `Int`, dense: the time of the document in microseconds since 1970, UTC: its `@timestamp` where that is a time, else its arrival.
    pub const TIME: &str = "_time";
    /// `Str`: the document's identifier where its writer chose it. The others are made from [`SEQ`] (`crate::part::Block::id`).
    pub const ID: &str = "_id";
    /// `Int`: the version where it is not 1.
    pub const VERSION: &str = "_version";
    /// `Str`: the routing value where there is one.
    pub const ROUTING: &str = "_routing";
    /// `Str`, several: the fields whose value was kept but is not of the type that the mapping says.
    pub const IGNORED: &str = "_ignored";
    /// `Str`: the document as it was written, only for rows that cannot be made from their columns.
    pub const SOURCE: &str = "_source";
    /// `Str`: how the document is made from its columns (`crate::source`), for rows without [`SOURCE`].
    pub const SHAPE: &str = "_shape";

    /// Every name of a column that is not a document's own field. A document's field of such a name gets no column; other names that begin
    /// with `_` (`_SYSTEMD_UNIT`) are ordinary.
    pub const ALL: [&str; 8] = [SEQ, TIME, ID, VERSION, ROUTING, IGNORED, SOURCE, SHAPE];
}

/// A part or block that cannot be read: damage on disk, or the disk itself.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{part}: block {block}: {what}")]
pub struct ReadError {
    /// The file, or `memtable`.
    pub part: String,
    pub block: usize,
    pub what: String,
}

/// Where a word can be, as far as a text index knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nowhere in this block.
    Nowhere,
    /// In these rows and no others, proven.
    Rows(Bits),
    /// Perhaps somewhere: the texts have to be looked at.
    Maybe,
}

/// In which rows of a block a word stands for itself: between spaces and brackets, not as a part of `a.b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub proven: Bits,
    /// Only their texts can tell. In all other rows it does not.
    pub open: Bits,
}

/// Rows that are kept and searched together: a memtable, or a segment. Immutable: what it answers never changes, but for rows that
/// a snapshot leaves out as deleted.
pub trait Part: Send + Sync + std::fmt::Debug {
    /// The file's name, or `memtable`: for errors.
    fn name(&self) -> &str;
    /// Rows, deleted ones included.
    fn rows(&self) -> usize;
    /// First and last [`system::TIME`] of its rows, in microseconds; `None` without rows.
    fn times(&self) -> Option<(i64, i64)>;
    fn block_count(&self) -> usize;
    /// Block `at`, below [`Part::block_count`]. Cheap: columns are read when they are asked for.
    ///
    /// # Errors
    /// Damage that concerns the whole block.
    fn block(&self, at: usize) -> Result<Arc<dyn Block>, ReadError>;
    /// Whether the part has no value of `field` that can hold the case-folded `word` (`crate::text::finest` says what a word is): the whole
    /// part can be passed over. `false` means "perhaps it has".
    fn lacks_word(&self, field: &str, word: &str) -> bool;
    /// Whether no value of `field` is, as a whole and case-folded, `value`: the whole part can be passed over. `false` means "perhaps one is".
    /// Stronger than [`Part::lacks_word`] for exact look-ups of keywords and identifiers.
    fn lacks_value(&self, field: &str, value: &str) -> bool {
        let _ = (field, value);
        false
    }
    /// In how many rows, deleted ones included, the case-folded `word` is one of the words that `standard` makes of the texts of `field`, where the
    /// part knows it without looking at its blocks; `None` when it does not.
    fn count_word(&self, field: &str, word: &str) -> Option<u64> {
        let _ = (field, word);
        None
    }
    /// The kinds of values that `field` has here; empty when no row has the field.
    fn kinds(&self, field: &str) -> Vec<Kind>;
    /// The dotted names of all fields with a value here, ascending, without the system's.
    fn fields(&self) -> Vec<String>;
    /// Bytes on disk, or in memory.
    fn byte_len(&self) -> u64;
}

/// At most [`BLOCK_ROWS`] rows.
pub trait Block: Send + Sync + std::fmt::Debug {
    fn rows(&self) -> usize;
    /// First and last [`system::TIME`] of its rows, in microseconds.
    fn times(&self) -> (i64, i64);
    /// The values of `kind` of a document's or a system's field; `None` when no row has any.
    ///
    /// # Errors
    /// Damage.
    fn column(&self, field: &str, kind: Kind) -> Result<Option<Arc<Column>>, ReadError>;
    /// Where the case-folded `word` is in the texts of `field`.
    ///
    /// # Errors
    /// Damage.
    fn word(&self, field: &str, word: &str) -> Result<Known, ReadError>;
    /// Where the case-folded `word` is one of the words that `standard` makes of the texts of `field`, as far as it is known without looking at
    /// them; `None` when nothing is.
    ///
    /// # Errors
    /// Damage.
    fn standing(&self, field: &str, word: &str) -> Result<Option<Standing>, ReadError> {
        let _ = (field, word);
        Ok(None)
    }
    /// Where a value of `field` is, as a whole and case-folded, `value`: [`Block::word`] for exact look-ups of keywords.
    ///
    /// # Errors
    /// Damage.
    fn value(&self, field: &str, value: &str) -> Result<Known, ReadError> {
        let _ = (field, value);
        Ok(Known::Maybe)
    }
    /// The identifier of `row`: the writer's, or the one that its sequence number stands for.
    ///
    /// # Errors
    /// Damage.
    fn id(&self, row: usize) -> Result<String, ReadError>;
    /// The document of `row` as JSON text, equal in meaning and in the order of its keys to what was written.
    ///
    /// # Errors
    /// Damage.
    fn source(&self, row: usize) -> Result<String, ReadError>;
}

/// A part of an index at one moment, and which of its rows are no longer there.
#[derive(Debug, Clone)]
pub struct View {
    pub part: Arc<dyn Part>,
    /// For each block, the rows that are deleted; an empty list, or `None` for a block, when none are.
    pub deleted: Arc<Vec<Option<Bits>>>,
}

impl View {
    /// The rows of block `at` (with `rows` rows) that are there.
    #[must_use]
    pub fn live(&self, at: usize, rows: usize) -> Bits {
        let mut live = Bits::all(rows);
        if let Some(Some(deleted)) = self.deleted.get(at) {
            live.and_not(deleted);
        }
        live
    }
}
