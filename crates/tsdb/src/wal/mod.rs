//! The write-ahead log: segments, pages, records (Prometheus `tsdb/docs/format/wal.md`).

pub mod record;
