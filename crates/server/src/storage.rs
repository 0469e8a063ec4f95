//! The database behind the API.

use model::matcher::Matcher;
use model::port::ReadError;
use tsdb::Db;
use tsdb::wal::Compression;

use crate::config::StorageConfig;
use crate::parts::{SeriesExemplars, Store, StoreStats};

impl Store for Db {
    fn stats(&self, limit: usize) -> StoreStats {
        let stats = Self::stats(self, limit);
        StoreStats {
            series: stats.series,
            label_pairs: stats.label_pairs,
            chunks: stats.chunks,
            mint: stats.mint,
            maxt: stats.maxt,
            series_by_metric: stats.series_by_metric_name,
            values_by_label: stats.values_by_label_name,
            bytes_by_label: stats.bytes_by_label_name,
            series_by_pair: stats.series_by_label_pair,
        }
    }

    fn replayed(&self) -> (u64, u64, u64) {
        let progress = self.replay_progress();
        (progress.min, progress.max, progress.current)
    }

    fn exemplars(
        &self,
        mint: i64,
        maxt: i64,
        sets: &[Vec<Matcher>],
    ) -> Result<SeriesExemplars, ReadError> {
        let found = Self::exemplars(self, mint, maxt, sets)?;
        Ok(found.into_iter().map(|series| (series.labels, series.exemplars)).collect())
    }
}

/// The database's options of ours.
pub(crate) fn options(config: &StorageConfig) -> tsdb::Options {
    let default = tsdb::Options::default();
    tsdb::Options {
        retention_ms: config.retention_ms,
        out_of_order_window_ms: config.out_of_order_window_ms,
        wal_segment_bytes: config.wal_segment_bytes.unwrap_or(default.wal_segment_bytes),
        wal_compression: if config.wal_compression {
            Compression::Snappy
        } else {
            Compression::None
        },
        exemplars_max: config.exemplars_max,
        ..default
    }
}
