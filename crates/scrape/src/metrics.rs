//! The scraper about itself, under Prometheus' names.
//!
//! Labels that come from the configuration (`interval`, `scrape_job`, `name`) are made by collectors over what runs; see
//! [`crate::Manager`].

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use stdx::metrics::{Counter, Family, Kind, Point, PointValue, Registry, float};

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

/// The three families of a summary, one label apart. (The registry knows no summaries: quantiles are gauges.)
pub(crate) fn summary_families(
    name: &str,
    help: &str,
    label: &str,
    summaries: &BTreeMap<String, Summary>,
) -> Vec<Family> {
    let family =
        |name: String, kind| Family { name, help: help.to_owned(), kind, points: Vec::new() };
    let mut quantiles = family(name.to_owned(), Kind::Gauge);
    let mut sums = family(format!("{name}_sum"), Kind::Counter);
    let mut counts = family(format!("{name}_count"), Kind::Counter);
    for (value, summary) in summaries {
        let own = (label.to_owned(), value.clone());
        let mut sorted = summary.newest.clone();
        sorted.sort_by(f64::total_cmp);
        for (quantile, rank) in QUANTILES.into_iter().zip(ranks(sorted.len())) {
            let labels = vec![own.clone(), ("quantile".to_owned(), quantile.to_string())];
            let value = sorted.get(rank).copied().unwrap_or(f64::NAN);
            quantiles.points.push(Point { labels, value: PointValue::Number(value) });
        }
        let point = |n| Point { labels: vec![own.clone()], value: PointValue::Number(n) };
        sums.points.push(point(summary.sum));
        counts.points.push(point(float(summary.count)));
    }
    vec![quantiles, sums, counts]
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

    pub(crate) fn interval_families(&self) -> Vec<Family> {
        let name = "prometheus_target_interval_length_seconds";
        summary_families(
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
        let families = metrics.interval_families();
        let numbers = |family: &Family| -> Vec<PointValue> {
            family.points.iter().map(|point| point.value.clone()).collect()
        };
        let number = PointValue::Number;
        assert_eq!(numbers(&families[0])[2], number(1488.0));
        assert_eq!(numbers(&families[1]), [number(2_001_000.0)]);
        assert_eq!(numbers(&families[2]), [number(2000.0)]);
        metrics.keep_intervals(|_| false);
        assert!(metrics.interval_families()[0].points.is_empty());
    }
}
