//! The scraper about itself, under Prometheus' names.
//!
//! Labels that come from the configuration (`interval`, `scrape_job`, `name`) are made by collectors over what runs; see
//! [`crate::Manager`].

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use stdx::metrics::{Counter, Family, Kind, Point, PointValue, Registry};

use crate::batch::Outcome;

/// Newest observations that quantiles are taken of.
const WINDOW: usize = 1024;
/// The quantiles of Prometheus' summaries.
const QUANTILES: [f64; 5] = [0.01, 0.05, 0.5, 0.9, 0.99];

/// A summary: quantiles of the newest observations, and sum and count of all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Summary {
    newest: Vec<f64>,
    next: usize,
    sum: f64,
    count: u64,
}

impl Summary {
    pub(crate) fn observe(&mut self, value: f64) {
        if self.newest.len() < WINDOW {
            self.newest.push(value);
        } else {
            self.newest[self.next] = value;
        }
        self.next = (self.next + 1) % WINDOW;
        self.sum += value;
        self.count += 1;
    }
}

/// The family of a summary, one label apart.
pub(crate) fn summary_family(
    name: &str,
    help: &str,
    label: &str,
    summaries: &BTreeMap<String, Summary>,
) -> Family {
    let point = |(value, summary): (&String, &Summary)| {
        let mut sorted = summary.newest.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |(quantile, rank)| (quantile, sorted.get(rank).copied().unwrap_or(f64::NAN));
        let quantiles = QUANTILES.into_iter().zip(ranks(sorted.len())).map(at).collect();
        Point {
            labels: vec![(label.to_owned(), value.clone())],
            value: PointValue::Summary { quantiles, count: summary.count, sum: summary.sum },
        }
    };
    Family {
        name: name.to_owned(),
        help: help.to_owned(),
        kind: Kind::Summary,
        points: summaries.iter().map(point).collect(),
    }
}

/// Where each of [`QUANTILES`] stands among `n` sorted values.
fn ranks(n: usize) -> [usize; 5] {
    [1, 5, 50, 90, 99].map(|percent| (n * percent).div_ceil(100).saturating_sub(1))
}

/// One family of one point per pool or file.
pub(crate) fn labelled(
    name: &str,
    help: &str,
    kind: Kind,
    label: &str,
    values: impl Iterator<Item = (String, f64)>,
) -> Family {
    let point = |(value, n)| Point {
        labels: vec![(label.to_owned(), value)],
        value: PointValue::Number(n),
    };
    Family {
        name: name.to_owned(),
        help: help.to_owned(),
        kind,
        points: values.map(point).collect(),
    }
}

/// Counters that need no label.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) pools: Counter,
    pub(crate) pools_failed: Counter,
    pub(crate) reloads: Counter,
    pub(crate) reloads_failed: Counter,
    pub(crate) over_target_limit: Counter,
    pub(crate) over_label_limits: Counter,
    pub(crate) over_body_size: Counter,
    pub(crate) over_sample_limit: Counter,
    pub(crate) over_bucket_limit: Counter,
    pub(crate) duplicate: Counter,
    pub(crate) out_of_order: Counter,
    pub(crate) out_of_bounds: Counter,
    pub(crate) exemplar_out_of_order: Counter,
    pub(crate) file_read_errors: Counter,
    pub(crate) panics: Counter,
    intervals: Mutex<BTreeMap<String, Summary>>,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let counter = |name, help| registry.counter(name, help, &[]);
        Self {
            pools: counter(
                "prometheus_target_scrape_pools_total",
                "Total number of scrape pool creation attempts.",
            ),
            pools_failed: counter(
                "prometheus_target_scrape_pools_failed_total",
                "Total number of scrape pool creations that failed.",
            ),
            reloads: counter(
                "prometheus_target_scrape_pool_reloads_total",
                "Total number of scrape pool reloads.",
            ),
            reloads_failed: counter(
                "prometheus_target_scrape_pool_reloads_failed_total",
                "Total number of failed scrape pool reloads.",
            ),
            over_target_limit: counter(
                "prometheus_target_scrape_pool_exceeded_target_limit_total",
                "Total number of times scrape pools hit the target limit, during sync or config reload.",
            ),
            over_label_limits: counter(
                "prometheus_target_scrape_pool_exceeded_label_limits_total",
                "Total number of times scrape pools hit the label limits, during sync or config reload.",
            ),
            over_body_size: counter(
                "prometheus_target_scrapes_exceeded_body_size_limit_total",
                "Total number of scrapes that hit the body size limit",
            ),
            over_sample_limit: counter(
                "prometheus_target_scrapes_exceeded_sample_limit_total",
                "Total number of scrapes that hit the sample limit and were rejected.",
            ),
            over_bucket_limit: counter(
                "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
                "Total number of scrapes that hit the native histogram bucket limit and were rejected.",
            ),
            duplicate: counter(
                "prometheus_target_scrapes_sample_duplicate_timestamp_total",
                "Total number of samples rejected due to duplicate timestamps but different values.",
            ),
            out_of_order: counter(
                "prometheus_target_scrapes_sample_out_of_order_total",
                "Total number of samples rejected due to not being out of the expected order.",
            ),
            out_of_bounds: counter(
                "prometheus_target_scrapes_sample_out_of_bounds_total",
                "Total number of samples rejected due to timestamp falling outside of the time bounds.",
            ),
            exemplar_out_of_order: counter(
                "prometheus_target_scrapes_exemplar_out_of_order_total",
                "Total number of exemplar rejected due to not being out of the expected order.",
            ),
            file_read_errors: counter(
                "prometheus_sd_file_read_errors_total",
                "The number of File-SD read errors.",
            ),
            panics: counter(
                "mangru_scrape_panics_total",
                "Total number of scrapes that ended in a mistake of ours.",
            ),
            intervals: Mutex::default(),
        }
    }

    pub(crate) fn observe(&self, outcome: &Outcome) {
        let counts = &outcome.counts;
        self.duplicate.add(counts.duplicate);
        self.out_of_order.add(counts.out_of_order);
        self.out_of_bounds.add(counts.out_of_bounds);
        self.exemplar_out_of_order.add(counts.exemplars_out_of_order);
        self.over_sample_limit.add(u64::from(counts.over_sample_limit));
        self.over_bucket_limit.add(u64::from(counts.over_bucket_limit));
        self.over_label_limits.add(u64::from(counts.over_label_limit));
    }

    /// Notes the time between two scrapes of a target.
    pub(crate) fn observe_interval(&self, interval: &str, between: Duration) {
        let mut intervals = self.intervals.lock();
        if !intervals.contains_key(interval) {
            intervals.insert(interval.to_owned(), Summary::default());
        }
        if let Some(summary) = intervals.get_mut(interval) {
            summary.observe(between.as_secs_f64());
        }
    }

    /// Forgets intervals that no target has any more.
    pub(crate) fn keep_intervals(&self, is_used: impl Fn(&str) -> bool) {
        self.intervals.lock().retain(|interval, _| is_used(interval));
    }

    pub(crate) fn interval_family(&self) -> Family {
        let name = "prometheus_target_interval_length_seconds";
        summary_family(
            name,
            "Actual intervals between scrapes.",
            "interval",
            &self.intervals.lock(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_newest_and_sums_of_all() {
        let registry = Registry::default();
        let metrics = Metrics::new(&registry);
        for n in 1..=2000_u32 {
            metrics.observe_interval("15s", Duration::from_secs(n.into()));
        }
        let family = metrics.interval_family();
        let values = [(0.01, 987.0), (0.05, 1028.0), (0.5, 1488.0), (0.9, 1898.0), (0.99, 1990.0)];
        let value =
            PointValue::Summary { quantiles: values.to_vec(), count: 2000, sum: 2_001_000.0 };
        let labels = vec![("interval".to_owned(), "15s".to_owned())];
        assert_eq!(family.points, [Point { labels, value }]);
        metrics.keep_intervals(|_| false);
        assert!(metrics.interval_family().points.is_empty());
    }
}
