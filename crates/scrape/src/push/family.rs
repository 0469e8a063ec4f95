//! Groups, families and metrics as they were pushed.
//!
//! Invariant: a metric's labels are sorted by name, have distinct names, hold the group's labels and `instance`, and may have empty
//! values, which are part of a metric's identity here.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::exemplar::Exemplar;
use model::labels::Labels;
use model::metadata::MetricType;
use stdx::varint::{put_uvarint, uvarint};
use wire::encode;
use wire::exposition::NativeHistogram;
use wire::negotiate::Protocol;

/// Sorted label pairs with distinct names; values may be empty. The labels of a group, with `job`, or of a metric. Cloning is cheap.
///
/// In one piece, for there are many: each name and value behind its length as a varint.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Grouping(Arc<[u8]>);

impl Grouping {
    /// Builds from pairs in any order; of two equal names the last wins.
    #[must_use]
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let sorted: BTreeMap<&str, &str> = pairs.into_iter().collect();
        let mut bytes = Vec::with_capacity(128);
        for text in sorted.into_iter().flat_map(|(name, value)| [name, value]) {
            put_uvarint(&mut bytes, text.len() as u64);
            bytes.extend_from_slice(text.as_bytes());
        }
        Self(bytes.into())
    }

    /// The pairs in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || Some((take_text(&mut rest)?, take_text(&mut rest)?)))
    }

    /// The value of `name`; `None` when there is no such label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(have, _)| *have == name).map(|(_, value)| value)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let (len, n) = uvarint(bytes)?;
    let (text, rest) = bytes.get(n..)?.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(std::str::from_utf8(text).expect("built from str"))
}

impl PartialOrd for Grouping {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Grouping {
    /// Label by label: name, then value; a prefix is smaller.
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl From<&Labels> for Grouping {
    fn from(labels: &Labels) -> Self {
        Self::from_pairs(labels.iter())
    }
}

impl fmt::Debug for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A bucket of a classic histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    pub upper: f64,
    /// With all buckets below. Need not be whole.
    pub cumulative: f64,
}

/// A metric's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Simple(f64),
    /// `quantiles` are pairs of quantile and value.
    Summary {
        count: u64,
        sum: f64,
        quantiles: Vec<(f64, f64)>,
    },
    /// A histogram with classic buckets, native ones, or both. Its counts need not be whole.
    Histogram {
        count: f64,
        sum: f64,
        buckets: Vec<Bucket>,
        native: Option<Box<NativeHistogram>>,
    },
}

/// Labels and a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub labels: Grouping,
    pub value: Value,
    /// `None` for nothing.
    pub extra: Option<Box<Extra>>,
}

impl Metric {
    /// A metric with nothing besides.
    #[must_use]
    pub fn new(labels: Grouping, value: Value) -> Self {
        Self { labels, value, extra: None }
    }
}

/// What a metric can have besides, in protobuf alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extra {
    /// When it began to count, in milliseconds since the Unix epoch.
    pub start_ms: Option<i64>,
    /// A counter's one, or a native histogram's.
    pub exemplars: Vec<Exemplar>,
    /// Those of classic buckets, behind the bucket's index; ascending.
    pub bucket_exemplars: Vec<(usize, Exemplar)>,
}

impl Extra {
    fn of_bucket(&self, i: usize) -> Option<&Exemplar> {
        let at = self.bucket_exemplars.binary_search_by_key(&i, |(bucket, _)| *bucket);
        at.ok().map(|at| &self.bucket_exemplars[at].1)
    }
}

/// A count as Pushgateway prints it: an integer where it is one.
#[must_use]
pub fn count_text(count: f64) -> String {
    if let Some(count) = whole(count) {
        return count.to_string();
    }
    let mut out = String::new();
    wire::float::format_go(&mut out, count);
    out
}

/// A count as an integer, when it is one that a float holds exactly.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and in the range that is asked for before"
)]
pub(super) fn whole(count: f64) -> Option<u64> {
    (count.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&count))
        .then_some(count as u64)
}

/// The metrics of a name in one group, or in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    pub name: String,
    /// Empty when none was pushed.
    pub help: String,
    pub kind: MetricType,
    /// When it was pushed, in milliseconds since the Unix epoch; the newest where groups are merged.
    pub time_ms: i64,
    pub metrics: Vec<Metric>,
}

impl Family {
    /// Writes the family. Native histograms are written as such in protobuf, and as their classic buckets, or `+Inf` alone, in text.
    pub fn encode(&self, encoder: &mut encode::Encoder<'_>, protocol: Protocol) {
        let labels: Vec<Vec<(&str, &str)>> =
            self.metrics.iter().map(|metric| metric.labels.iter().collect()).collect();
        let buckets: Vec<Vec<encode::Bucket<'_>>> =
            self.metrics.iter().map(encoder_buckets).collect();
        let metrics: Vec<encode::Metric<'_>> = self
            .metrics
            .iter()
            .zip(labels.iter().zip(&buckets))
            .map(|(metric, (labels, buckets))| encode::Metric {
                labels,
                t: None,
                start_t: metric.extra.as_ref().and_then(|extra| extra.start_ms),
                value: encoder_value(metric, buckets, protocol),
            })
            .collect();
        encoder.family(&encode::Family {
            name: &self.name,
            help: &self.help,
            unit: "",
            kind: self.kind,
            metrics: &metrics,
        });
    }
}

fn encoder_buckets(metric: &Metric) -> Vec<encode::Bucket<'_>> {
    let extra = metric.extra.as_deref();
    match &metric.value {
        Value::Histogram { buckets, .. } => (0..)
            .zip(buckets)
            .map(|(i, one)| encode::Bucket {
                upper: one.upper,
                cumulative: one.cumulative,
                exemplar: extra.and_then(|extra| extra.of_bucket(i)),
            })
            .collect(),
        Value::Simple(_) | Value::Summary { .. } => Vec::new(),
    }
}

fn encoder_value<'a>(
    metric: &'a Metric,
    buckets: &'a [encode::Bucket<'a>],
    protocol: Protocol,
) -> encode::Value<'a> {
    let exemplars = metric.extra.as_ref().map_or(&[][..], |extra| &extra.exemplars);
    match &metric.value {
        Value::Simple(v) => encode::Value::Simple { v: *v, exemplar: exemplars.first() },
        Value::Summary { count, sum, quantiles } => {
            encode::Value::Summary { count: *count, sum: *sum, quantiles }
        }
        Value::Histogram { native: Some(h), .. } if protocol == Protocol::Protobuf => {
            encode::Value::Native { h, buckets, exemplars }
        }
        Value::Histogram { count, sum, .. } => {
            encode::Value::Histogram { count: *count, sum: *sum, buckets }
        }
    }
}

/// The name of the family that says when a group was pushed to last.
pub(super) const PUSH_TIME: &str = "push_time_seconds";
/// The name of the family that says when a push to a group failed last.
pub(super) const PUSH_FAILURE_TIME: &str = "push_failure_time_seconds";
const PUSH_TIME_HELP: &str =
    "Last Unix time when changing this group in the Pushgateway succeeded.";
const PUSH_FAILURE_TIME_HELP: &str =
    "Last Unix time when changing this group in the Pushgateway failed.";

/// What was pushed under one grouping key.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub labels: Grouping,
    /// What was pushed, sorted by name, without the two families of times: see [`Group::times`].
    pub families: Vec<Arc<Family>>,
    /// Of the last push that succeeded, in milliseconds since the Unix epoch; 0 for none.
    pub push_time_ms: i64,
    /// Of the last push that was refused, in milliseconds since the Unix epoch; 0 for none.
    pub push_failure_time_ms: i64,
    /// When the group goes by itself, in milliseconds since the Unix epoch; 0 for never.
    pub expires_ms: i64,
}

impl Group {
    pub(super) fn new(labels: Grouping) -> Self {
        Self {
            labels,
            families: Vec::new(),
            push_time_ms: 0,
            push_failure_time_ms: 0,
            expires_ms: 0,
        }
    }

    /// Whether no push was refused since the last one that succeeded.
    #[must_use]
    pub fn last_push_successful(&self) -> bool {
        self.push_time_ms >= self.push_failure_time_ms
    }

    /// `push_failure_time_seconds` and `push_time_seconds`, with this group's metric each.
    #[must_use]
    pub fn times(&self) -> [Family; 2] {
        let family = |name: &str, help: &str, ms: i64| Family {
            name: name.to_owned(),
            help: help.to_owned(),
            kind: MetricType::Gauge,
            time_ms: self.push_time_ms.max(self.push_failure_time_ms),
            metrics: vec![Metric::new(with_group([], &self.labels), Value::Simple(seconds(ms)))],
        };
        [
            family(PUSH_FAILURE_TIME, PUSH_FAILURE_TIME_HELP, self.push_failure_time_ms),
            family(PUSH_TIME, PUSH_TIME_HELP, self.push_time_ms),
        ]
    }

    /// Metrics in all families that were pushed.
    #[must_use]
    pub fn n_metrics(&self) -> usize {
        self.families.iter().map(|family| family.metrics.len()).sum()
    }
}

/// Labels of a pushed metric in a group: the group's win, and `instance` is there.
pub(super) fn with_group<'a>(
    own: impl IntoIterator<Item = (&'a str, &'a str)>,
    group: &'a Grouping,
) -> Grouping {
    Grouping::from_pairs([("instance", "")].into_iter().chain(own).chain(group.iter()))
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of this age are below 2^53")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
