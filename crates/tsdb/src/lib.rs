//! Series storage in Prometheus' on-disk format: the head, its write-ahead log, and the reading of both.
//!
//! Knows nothing of PromQL, HTTP, targets or configuration files. Time and disk come in as `stdx` ports.

pub mod chunk;
pub mod db;
mod head;
#[cfg(test)]
mod seeds;
pub mod wal;

pub use db::{CloseError, Db, HeadStats, OpenError, Options, ReplayProgress, SeriesExemplars};
