//! Metric families → expositions, in every format that we read.
//!
//! What is written reads back as it was given, but for names under an escaping scheme, and what a format cannot say: only
//! protobuf has native histograms and start times, only protobuf and OpenMetrics have exemplars and units.

mod protobuf;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use model::exemplar::Exemplar;
use model::metadata::MetricType;

use crate::escaping::EscapingScheme;
use crate::exposition::NativeHistogram;
use crate::negotiate::Protocol;
use model::names::{legacy_label_name, legacy_metric_name};

/// A metric family, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Family<'a> {
    /// The full name; a counter's with its `_total`.
    pub name: &'a str,
    /// Left out when empty.
    pub help: &'a str,
    /// Left out when empty; in OpenMetrics also when the name does not end with `_` and it, which would be refused.
    pub unit: &'a str,
    pub kind: MetricType,
    pub metrics: &'a [Metric<'a>],
}

/// A metric: labels and one value of its family's kind.
#[derive(Debug, Clone, Copy)]
pub struct Metric<'a> {
    /// Without the metric name.
    pub labels: &'a [(&'a str, &'a str)],
    /// Milliseconds.
    pub t: Option<i64>,
    /// When it began to count, in milliseconds.
    pub start_t: Option<i64>,
    pub value: Value<'a>,
}

/// A metric's value. It decides what is written; a summary in a family that says it is a counter is written as a summary.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// Of a counter, gauge, untyped metric, info or state.
    Simple { v: f64, exemplar: Option<&'a Exemplar> },
    /// `quantiles` are pairs of quantile and value.
    Summary { count: u64, sum: f64, quantiles: &'a [(f64, f64)] },
    /// A classic histogram; its `+Inf` bucket may be left out. Counts need not be whole.
    Histogram { count: f64, sum: f64, buckets: &'a [Bucket<'a>] },
    /// Written only in protobuf, with the classic buckets that it may have beside.
    Native { h: &'a NativeHistogram, buckets: &'a [Bucket<'a>], exemplars: &'a [Exemplar] },
}

/// A bucket of a classic histogram.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a> {
    pub upper: f64,
    /// With all buckets below.
    pub cumulative: f64,
    pub exemplar: Option<&'a Exemplar>,
}

/// Appends families to a body.
#[derive(Debug)]
pub struct Encoder<'o> {
    out: &'o mut Vec<u8>,
    protocol: Protocol,
    escaping: EscapingScheme,
}

impl<'o> Encoder<'o> {
    pub fn new(protocol: Protocol, escaping: EscapingScheme, out: &'o mut Vec<u8>) -> Self {
        Self { out, protocol, escaping }
    }

    /// Appends one family. All metrics of a name are to stand in one family.
    pub fn family(&mut self, family: &Family<'_>) {
        let names = Names { escaping: self.escaping };
        match self.protocol {
            Protocol::Protobuf => protobuf::family(self.out, family, names),
            Protocol::OpenMetrics100 | Protocol::OpenMetrics001 => {
                text::family(self.out, family, names, text::Dialect::OpenMetrics);
            }
            Protocol::Text100 | Protocol::Text004 => {
                text::family(self.out, family, names, text::Dialect::Classic);
            }
        }
    }

    /// Ends the body; OpenMetrics wants that.
    pub fn finish(self) {
        match self.protocol {
            Protocol::OpenMetrics100 | Protocol::OpenMetrics001 => {
                self.out.extend_from_slice(b"# EOF\n");
            }
            Protocol::Protobuf | Protocol::Text100 | Protocol::Text004 => {}
        }
    }
}

/// A count as an integer, when it is one that a float holds exactly.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and in the range that is asked for before"
)]
fn whole(count: f64) -> Option<u64> {
    (count.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&count))
        .then_some(count as u64)
}

/// Names under an escaping scheme. Legacy names are never touched.
#[derive(Debug, Clone, Copy)]
struct Names {
    escaping: EscapingScheme,
}

impl Names {
    fn metric(self, name: &str) -> Cow<'_, str> {
        if legacy_metric_name(name) {
            return Cow::Borrowed(name);
        }
        Cow::Owned(self.escaping.escape(name))
    }

    fn label(self, name: &str) -> Cow<'_, str> {
        if legacy_label_name(name) {
            return Cow::Borrowed(name);
        }
        Cow::Owned(self.escaping.escape(name))
    }
}
