//! Log storage and search: documents in, found lines and aggregations out.
//!
//! ```text
//! ingest ──▶ WAL (one for all indices, group commit) ──ack──▶ writer
//!    └─▶ memtable (blocks in memory, searched in place) ──flush──▶ segment (Parquet + text index) ──▶ compaction, retention
//! search ──▶ bind to each index's mapping ──▶ parts, newest first ──▶ blocks ──▶ rows ──▶ hits, aggregations
//! ```
//!
//! Everything that is searched is a [`part::Part`]: a run of [`part::Block`]s of at most [`part::BLOCK_ROWS`] rows, whose fields are
//! [`column::Column`]s. A memtable and a segment are both parts, so that there is one executor, and a document answers
//! alike from memory and from disk. A field has one column for each kind of value that it was seen with; what a value means
//! (analysis, exact words, dates) is decided by the [`mapping::Mapping`] when a query is bound, not by the column.
//!
//! Knows nothing of HTTP, of `OpenSearch`'s bodies (that is `elastic`), or of metrics' storage.

pub mod agg;
pub mod bits;
pub mod column;
pub mod date;
pub mod ids;
pub mod ingest;
pub mod json;
pub mod mapping;
pub mod memtable;
pub mod part;
pub mod query;
pub mod search;
pub mod segment;
pub mod source;
pub mod store;
pub mod testing;
pub mod text;
pub mod wal;
