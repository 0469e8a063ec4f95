//! Figures of the head: totals, and the label names, values and pairs that cost most.

use super::Head;

/// A name and its figure.
pub type Top = Vec<(String, u64)>;

/// What `/api/v1/status/tsdb` tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeadStats {
    pub series: u64,
    pub label_pairs: u64,
    pub chunks: u64,
    /// Milliseconds; `mint > maxt` (the ends of `i64`) while there is no sample.
    pub mint: i64,
    pub maxt: i64,
    pub series_by_metric_name: Top,
    pub values_by_label_name: Top,
    /// Bytes of the distinct values, as Prometheus counts them: once for each series.
    pub bytes_by_label_name: Top,
    pub series_by_label_pair: Top,
}

impl Head {
    /// The totals, and the first `limit` of each list.
    pub(crate) fn stats(&self, limit: usize) -> HeadStats {
        let mut stats = HeadStats {
            series: self.counts.series,
            label_pairs: self.postings.n_pairs() as u64,
            chunks: self.n_chunks(),
            mint: self.mint,
            maxt: self.maxt,
            ..HeadStats::default()
        };
        for (name, lists) in self.postings.names() {
            let name = self.symbols.get(name);
            let mut bytes = 0;
            for (value, list) in lists {
                let value = self.symbols.get(*value);
                let n = list.len() as u64;
                bytes += n * value.len() as u64;
                stats.series_by_label_pair.push((format!("{name}={value}"), n));
                if name == model::labels::METRIC_NAME {
                    stats.series_by_metric_name.push((value.to_owned(), n));
                }
            }
            stats.values_by_label_name.push((name.to_owned(), lists.len() as u64));
            stats.bytes_by_label_name.push((name.to_owned(), bytes));
            // The list of pairs is as long as there are pairs: keep it near what is wanted.
            if stats.series_by_label_pair.len() > limit.saturating_mul(4).max(4096) {
                keep(&mut stats.series_by_label_pair, limit);
            }
        }
        for list in [
            &mut stats.series_by_metric_name,
            &mut stats.values_by_label_name,
            &mut stats.bytes_by_label_name,
            &mut stats.series_by_label_pair,
        ] {
            keep(list, limit);
        }
        stats
    }

    #[cfg(test)]
    pub(crate) fn n_departed(&self) -> usize {
        self.departed.len()
    }

    /// Open and closed chunks.
    pub(crate) fn n_chunks(&self) -> u64 {
        self.counts.open_chunks + self.closed.len() as u64
    }
}

/// The `limit` largest, largest first, names in order among equals.
fn keep(list: &mut Top, limit: usize) {
    list.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.truncate(limit);
}
