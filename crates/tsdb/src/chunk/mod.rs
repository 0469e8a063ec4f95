//! Chunks: the compressed samples of one series over a stretch of time (Prometheus `tsdb/docs/format/chunks.md`).
