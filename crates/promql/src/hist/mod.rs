//! Native histograms in the engine: the arithmetic is `model`'s; here are the annotations that Prometheus makes of it.

pub(crate) mod extended;
mod rate;
mod sum;

use std::sync::Arc;

use model::histogram::{Combined, FloatHistogram, NanNote, ResetHint, Trim};
use model::sample::Value;

pub(crate) use rate::{instant_rate, rate};
pub(crate) use sum::Sum;

use crate::ast::Span;
use crate::engine::binary::Element;
use crate::engine::eval::Evaluator;
use crate::engine::notes::with_metric;

/// `h` with all counts and the sum multiplied.
pub(crate) fn scale(h: &FloatHistogram, factor: f64) -> FloatHistogram {
    let mut scaled = h.clone();
    scaled.scale(factor);
    scaled
}

/// `h` with all counts and the sum divided.
pub(crate) fn divide(h: &FloatHistogram, by: f64) -> FloatHistogram {
    let mut divided = h.clone();
    divided.divide(by);
    divided
}

/// `h` without its empty buckets.
pub(crate) fn compacted(mut h: FloatHistogram) -> FloatHistogram {
    h.compact();
    h
}

/// What of `h` lies below (or above) `bound`.
pub(crate) fn trim(h: &FloatHistogram, bound: f64, side: Trim) -> FloatHistogram {
    let mut trimmed = h.clone();
    trimmed.trim(bound, side);
    trimmed
}

/// How two histograms are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combine {
    Add,
    Sub,
}

impl Combine {
    fn word(self) -> &'static str {
        match self {
            Self::Add => "addition",
            Self::Sub => "subtraction",
        }
    }

    /// Combines `other` into `h`, and notes differing bounds. Without a result when the layouts do not go together.
    fn into(
        self,
        ev: &Evaluator<'_>,
        h: &mut FloatHistogram,
        other: &FloatHistogram,
        span: Span,
    ) -> Option<Combined> {
        let combined = match self {
            Self::Add => h.add(other),
            Self::Sub => h.subtract(other),
        };
        let combined = combined.ok()?;
        if combined.bounds_reconciled {
            ev.info(span, reconciled(self.word()));
        }
        Some(combined)
    }
}

/// The sum or difference of two, as the binary operators make it.
pub(crate) fn combine(
    ev: &Evaluator<'_>,
    (a, b): (&FloatHistogram, &FloatHistogram),
    how: Combine,
    (op, span): (&str, Span),
) -> Element {
    let mut result = a.clone();
    let Some(combined) = how.into(ev, &mut result, b, span) else {
        ev.warn(span, format!("incompatible bucket layout encountered for binary operator {op}"));
        return Element::Nothing;
    };
    if combined.reset_collision {
        ev.warn(span, collision(how.word()));
        return Element::Nothing;
    }
    if how == Combine::Sub {
        result.reset_hint = ResetHint::Gauge;
    }
    Element::Value { value: Value::Histogram(Arc::new(compacted(result))), keep: true }
}

/// Whether the counter was reset between `a` and `b`.
pub(crate) fn is_reset(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    b.detect_reset(a)
}

/// The quantile of a histogram.
pub(crate) fn quantile(
    ev: &Evaluator<'_>,
    q: f64,
    h: &FloatHistogram,
    (metric, span): (&str, Span),
) -> f64 {
    let (value, note) = h.quantile(q);
    let result = match note {
        None => return value,
        Some(NanNote::Result) => "result is NaN",
        Some(NanNote::Skew) => "result is skewed higher",
    };
    ev.info(
        span,
        with_metric(&format!("input to histogram_quantile has NaN observations, {result}"), metric),
    );
    value
}

/// Which part of the observations lies between two bounds.
pub(crate) fn fraction(
    ev: &Evaluator<'_>,
    (lower, upper): (f64, f64),
    h: &FloatHistogram,
    (metric, span): (&str, Span),
) -> f64 {
    let (value, note) = h.fraction(lower, upper);
    if note.is_some() {
        let text = "input to histogram_fraction has NaN observations, which are excluded from all fractions";
        ev.info(span, with_metric(text, metric));
    }
    value
}

/// Exponential and custom buckets met in one series or group.
pub(crate) fn mixed_layouts(metric: &str) -> String {
    let quoted = crate::quote::quote_str(metric);
    format!(
        "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {quoted}"
    )
}

fn not_a_counter(metric: &str) -> String {
    format!("this native histogram metric is not a counter: {}", crate::quote::quote_str(metric))
}

fn not_a_gauge(metric: &str) -> String {
    format!("this native histogram metric is not a gauge: {}", crate::quote::quote_str(metric))
}

fn collision(operation: &str) -> String {
    format!("conflicting counter resets during histogram {operation}")
}

fn reconciled(operation: &str) -> String {
    format!("mismatched custom buckets were reconciled during {operation}")
}
