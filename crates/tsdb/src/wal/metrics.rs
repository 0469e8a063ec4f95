//! What the log says of itself, under Prometheus' names where it has them.

use stdx::metrics::{Counter, Gauge, Histogram, Registry};

/// Upper bounds of fsync durations, in seconds.
const FSYNC_BOUNDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// Counters of one log. Cloning shares them.
#[derive(Debug, Clone)]
pub struct WalMetrics {
    pub(crate) fsync_seconds: Histogram,
    pub(crate) fsync_failures: Counter,
    pub(crate) page_flushes: Counter,
    pub(crate) completed_pages: Counter,
    pub(crate) truncations: Counter,
    pub(crate) truncations_failed: Counter,
    pub(crate) corruptions: Counter,
    pub(crate) segment_current: Gauge,
    pub(crate) writes_failed: Counter,
    pub(crate) storage_bytes: Gauge,
    pub(crate) part_writes: Counter,
    pub(crate) part_bytes: Counter,
    pub(crate) bytes_saved: Counter,
    pub(crate) checkpoint_creations: Counter,
    pub(crate) checkpoint_creations_failed: Counter,
    pub(crate) checkpoint_deletions: Counter,
    pub(crate) checkpoint_deletions_failed: Counter,
}

impl WalMetrics {
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str| {
            registry.counter(&format!("prometheus_tsdb_{name}"), help, &[])
        };
        let attempts =
            |name: &str, what: &str| counter(name, &format!("Total number of checkpoint {what}."));
        let gauge =
            |name: &str, help: &str| registry.gauge(&format!("prometheus_tsdb_{name}"), help, &[]);
        Self {
            fsync_seconds: registry.histogram(
                "prometheus_tsdb_wal_fsync_duration_seconds",
                "Duration of write log fsync.",
                &[],
                &FSYNC_BOUNDS,
            ),
            fsync_failures: registry.counter(
                "mangru_tsdb_wal_fsync_failures_total",
                "Segments given up because their fsync failed.",
                &[],
            ),
            page_flushes: counter("wal_page_flushes_total", "Total number of page flushes."),
            completed_pages: counter(
                "wal_completed_pages_total",
                "Total number of completed pages.",
            ),
            truncations: counter(
                "wal_truncations_total",
                "Total number of write log truncations attempted.",
            ),
            truncations_failed: counter(
                "wal_truncations_failed_total",
                "Total number of write log truncations that failed.",
            ),
            corruptions: counter("wal_corruptions_total", "Total number of WAL corruptions."),
            segment_current: gauge(
                "wal_segment_current",
                "Write log segment index that TSDB is currently writing to.",
            ),
            writes_failed: counter(
                "wal_writes_failed_total",
                "Total number of write log writes that failed.",
            ),
            storage_bytes: gauge("wal_storage_size_bytes", "Size of the write log directory."),
            part_writes: counter(
                "wal_record_part_writes_total",
                "Total number of record parts written before flushing.",
            ),
            part_bytes: counter(
                "wal_record_parts_bytes_written_total",
                "Total number of record part bytes written before flushing, including CRC and compression headers.",
            ),
            bytes_saved: counter(
                "wal_record_bytes_saved_total",
                "Total number of bytes saved by the optional record compression.",
            ),
            checkpoint_creations: attempts("checkpoint_creations_total", "creations attempted"),
            checkpoint_creations_failed: attempts(
                "checkpoint_creations_failed_total",
                "creations that failed",
            ),
            checkpoint_deletions: attempts("checkpoint_deletions_total", "deletions attempted"),
            checkpoint_deletions_failed: attempts(
                "checkpoint_deletions_failed_total",
                "deletions that failed",
            ),
        }
    }
}
