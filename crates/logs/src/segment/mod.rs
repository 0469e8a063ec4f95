//! Segments: immutable Parquet files with a text index of their own inside.
//!
//! ```text
//! PAR1 │ row group 0: column chunks │ its index sections │ row group 1 … │ page indexes │ directory │ trailer │ footer │ PAR1
//! ```
//!
//! Any reader of Parquet reads the rows. This module reads by its own directory (the footer's key-value metadata `lix.offset`,
//! `lix.len` and `lix.version` say where it is), in which each page and section has a CRC32C: what is damaged is an error that
//! names file and block, never a wrong row. `docs/format/log-segment.md` draws the file.
//!
//! One row group is what one flush made: it is sorted, has its own dictionaries, templates and filters, and is copied
//! verbatim when segments are put together. Page `n` of every column has the rows of block `n`.

mod bytes;
mod column;
mod concat;
mod delta;
mod directory;
mod filter;
mod footer;
mod gather;
mod group;
mod hash;
mod hybrid;
mod page;
mod part;
mod read;
mod sections;
mod templates;
#[cfg(test)]
mod tests;
mod thrift;
mod tokens;
mod verify;
mod write;

pub use concat::concat;
pub use read::Segment;
pub use sections::Rollup;
pub use verify::Verified;
pub use write::write;

/// Version of everything that is not Parquet's.
pub const VERSION: u32 = 1;

/// Most rows of a row group; more input becomes more row groups. Bounds the memory of a rewrite: a row group is made as a whole.
pub const GROUP_ROWS_MAX: usize = 1 << 18;

/// The system's column of templates' ids (0: none), for other readers of the file.
pub(crate) const TEMPLATE: &str = "_template";

/// How a segment is written. The default is what an index has without settings.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Fields by whose texts rows are sorted: for each key, the first of its fields that a row has. Template, time and
    /// arrival follow.
    pub sort: Vec<Vec<String>>,
    /// Whether rows of one template are brought together (behind `sort`, before time).
    pub by_template: bool,
    /// `Int` fields that are microseconds since 1970 (`date`), for other readers of the file. `_time` need not be named.
    pub micros: Vec<String>,
    /// `Int` fields that are nanoseconds since 1970 (`date_nanos`), for other readers.
    pub nanos: Vec<String>,
    /// What identifiers of rows without `_id` are made with (`crate::ids::auto_id`): kept in the file.
    pub id_key: u64,
}

impl Default for WriteOptions {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            sort: vec![
                names(&["service.name"]),
                names(&["service", "app", "container", "log.file.path"]),
            ],
            by_template: true,
            micros: names(&["@timestamp"]),
            nanos: Vec::new(),
            id_key: 0,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub rows: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// First and last `_time`, in microseconds; `None` without rows.
    pub times: Option<(i64, i64)>,
    /// First and last `_seq`; `None` without rows.
    pub seqs: Option<(i64, i64)>,
}

/// A segment that could not be written. Nothing is left under its name.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The input cannot be read.
    #[error(transparent)]
    Read(#[from] crate::part::ReadError),
    /// The disk.
    #[error("{path}: {error}")]
    Io { path: String, error: std::io::Error },
    /// Every row has these.
    #[error("{part}: a row without {column}")]
    Missing { part: String, column: &'static str },
}
