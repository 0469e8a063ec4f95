//! What the database says of itself, under Prometheus' names.

use model::port::AppendError;
use stdx::metrics::{Counter, Family, Gauge, Kind, Point, PointValue, Registry, float};

use super::Db;

/// A counter for floats and one for histograms.
#[derive(Debug)]
pub(crate) struct Typed {
    pub(crate) float: Counter,
    pub(crate) histogram: Counter,
}

impl Typed {
    fn new(registry: &Registry, name: &str, help: &str) -> Self {
        let of = |kind| registry.counter(name, help, &[("type", kind)]);
        Self { float: of("float"), histogram: of("histogram") }
    }

    fn inc(&self, is_histogram: bool) {
        if is_histogram { self.histogram.inc() } else { self.float.inc() }
    }
}

/// Counters that are not read off the head.
#[derive(Debug)]
pub(crate) struct DbMetrics {
    pub(crate) active_appenders: Gauge,
    pub(crate) appenders_created: Counter,
    pub(crate) out_of_order: Typed,
    out_of_bound: Typed,
    too_old: Typed,
    out_of_order_exemplars: Counter,
    pub(crate) replay: ReplayMetrics,
    pub(crate) chunks_written: Counter,
    pub(crate) chunk_writes_failed: Counter,
    pub(crate) late_log_failures: Counter,
    pub(crate) truncations: Counter,
    pub(crate) truncations_failed: Counter,
}

/// Counters of the start.
#[derive(Debug)]
pub(crate) struct ReplayMetrics {
    pub(crate) seconds: Gauge,
    pub(crate) unknown: Counter,
    pub(crate) late_unknown: Counter,
    pub(crate) chunk_corruptions: Counter,
}

impl ReplayMetrics {
    fn new(registry: &Registry) -> Self {
        let plain = |name: &str, help: &str| registry.counter(name, help, &[]);
        Self {
            seconds: registry.gauge(
                "prometheus_tsdb_data_replay_duration_seconds",
                "Time taken to replay the data on disk.",
                &[],
            ),
            unknown: plain(
                "prometheus_tsdb_wal_replay_unknown_refs_total",
                "Total number of unknown series references encountered during WAL replay.",
            ),
            late_unknown: plain(
                "prometheus_tsdb_wbl_replay_unknown_refs_total",
                "Total number of unknown series references encountered during WBL replay.",
            ),
            chunk_corruptions: plain(
                "prometheus_tsdb_mmap_chunk_corruptions_total",
                "Total number of memory-mapped chunk corruptions.",
            ),
        }
    }
}

impl DbMetrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let plain = |name: &str, help: &str| registry.counter(name, help, &[]);
        let typed = |name: &str, help: &str| Typed::new(registry, name, help);
        Self {
            active_appenders: registry.gauge(
                "prometheus_tsdb_head_active_appenders",
                "Number of currently active appender transactions",
                &[],
            ),
            appenders_created: plain(
                "prometheus_tsdb_head_appenders_created_total",
                "Total number of appender transactions created.",
            ),
            out_of_order: typed(
                "prometheus_tsdb_out_of_order_samples_total",
                "Total number of out of order samples ingestion failed attempts due to out of order being disabled.",
            ),
            out_of_bound: typed(
                "prometheus_tsdb_out_of_bound_samples_total",
                "Total number of out of bound samples ingestion failed attempts with out of order support disabled.",
            ),
            too_old: typed(
                "prometheus_tsdb_too_old_samples_total",
                "Total number of out of order samples ingestion failed attempts with out of support enabled, but sample outside of time window.",
            ),
            out_of_order_exemplars: plain(
                "prometheus_tsdb_exemplar_out_of_order_exemplars_total",
                "Total number of out of order exemplar ingestion failed attempts.",
            ),
            replay: ReplayMetrics::new(registry),
            chunks_written: plain(
                "prometheus_tsdb_mmap_chunks_total",
                "Total number of chunks that were memory-mapped.",
            ),
            chunk_writes_failed: plain(
                "mangru_tsdb_head_chunk_writes_failed_total",
                "Closed chunks that the disk did not take; they stay in memory and are tried again.",
            ),
            late_log_failures: plain(
                "mangru_tsdb_wbl_log_failures_total",
                "Batches of late samples that could not be logged for Prometheus; the main log has them.",
            ),
            truncations: plain(
                "prometheus_tsdb_head_truncations_total",
                "Total number of head truncations attempted.",
            ),
            truncations_failed: plain(
                "prometheus_tsdb_head_truncations_failed_total",
                "Total number of head truncations that failed.",
            ),
        }
    }

    /// Counts a sample that was not taken.
    pub(crate) fn refused(&self, error: &AppendError, is_histogram: bool) {
        match error {
            AppendError::OutOfOrder => self.out_of_order.inc(is_histogram),
            AppendError::OutOfBounds => self.out_of_bound.inc(is_histogram),
            AppendError::TooOld => self.too_old.inc(is_histogram),
            AppendError::OutOfOrderExemplar => self.out_of_order_exemplars.inc(),
            AppendError::Duplicate
            | AppendError::Histogram(_)
            | AppendError::Labels(_)
            | AppendError::DuplicateExemplar
            | AppendError::Overtaken { .. }
            | AppendError::Limit(_)
            | AppendError::Storage(_) => {}
        }
    }
}

impl Db {
    /// The figures that are read off the head.
    pub(super) fn families(&self) -> Vec<Family> {
        let (mut families, counters) = (self.gauges(), self.counters());
        families.extend(counters.into_iter().map(|(name, help, value)| {
            Family::single(&format!("prometheus_tsdb_{name}"), help, Kind::Counter, float(value))
        }));
        let counts = self.head.read().counts;
        let typed = |kind: &str, value: u64| Point {
            labels: vec![("type".to_owned(), kind.to_owned())],
            value: PointValue::Number(float(value)),
        };
        families.push(Family {
            name: "prometheus_tsdb_head_samples_appended_total".to_owned(),
            help: "Total number of appended samples.".to_owned(),
            kind: Kind::Counter,
            points: vec![typed("float", counts.floats), typed("histogram", counts.histograms)],
        });
        families
    }

    #[rustfmt::skip]
    fn gauges(&self) -> Vec<Family> {
        let head = self.head.read();
        let time = |t: i64| if head.mint <= head.maxt { int(t) } else { 0.0 };
        let gauge = |name: &str, help: &str, value: f64| {
            Family::single(&format!("prometheus_tsdb_{name}"), help, Kind::Gauge, value)
        };
        let size = |n: usize| float(n as u64);
        vec![
            gauge("head_series", "Total number of series in the head block.", float(head.counts.series)),
            gauge("head_chunks", "Total number of chunks in the head block.", float(head.n_chunks())),
            gauge("head_min_time", "Minimum time bound of the head block. The unit is decided by the library consumer.", time(head.mint)),
            gauge("head_max_time", "Maximum timestamp of the head block. The unit is decided by the library consumer.", time(head.maxt)),
            gauge("head_min_time_seconds", "Minimum time bound of the head block in seconds.", time(head.mint) / 1000.0),
            gauge("head_max_time_seconds", "Maximum timestamp of the head block.", time(head.maxt) / 1000.0),
            gauge("symbol_table_size_bytes", "Size of symbol table in memory for loaded blocks", size(head.symbols.bytes())),
            gauge("head_chunks_storage_size_bytes", "Size of the chunks_head directory.", float(self.chunks.byte_len())),
            gauge("exemplar_exemplars_in_storage", "Number of exemplars currently in circular storage.", size(head.exemplars.len())),
            gauge("exemplar_series_with_exemplars_in_storage", "Number of series with exemplars currently in circular storage.", size(head.exemplars.n_series())),
            gauge("exemplar_max_exemplars", "Total number of exemplars the exemplar storage can store, resizeable.", size(self.options.exemplars_max)),
        ]
    }

    #[rustfmt::skip]
    fn counters(&self) -> [(&'static str, &'static str, u64); 6] {
        let head = self.head.read();
        let counts = head.counts;
        [
            ("exemplar_exemplars_appended_total", "Total number of appended exemplars.", head.exemplars.appended),
            ("head_series_created_total", "Total number of series created in the head", counts.series_created),
            ("head_series_removed_total", "Total number of series removed in the head", counts.series_removed),
            ("head_chunks_created_total", "Total number of chunks created in the head", counts.chunks_created),
            ("head_chunks_removed_total", "Total number of chunks removed in the head", counts.chunks_removed),
            ("head_out_of_order_samples_appended_total", "Total number of appended out of order samples.", counts.late),
        ]
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are below 2^53")]
fn int(t: i64) -> f64 {
    t as f64
}
