//! Native histograms out of their message: consistency, and the compact form that is stored.
//!
//! Compact means: no empty bucket stands in a span, and no two spans touch.

use std::ops::AddAssign;

use model::histogram::{FloatHistogram, Histogram, ResetHint, Span};
use model::metadata::MetricType;

use super::super::NativeHistogram;
use super::super::error::ParseError;
use super::{ProtobufParser, fail};
use crate::quote::go_quote;

impl ProtobufParser<'_> {
    /// The metric's native histogram.
    pub(super) fn convert_native(&self) -> Result<NativeHistogram, ParseError> {
        let message = &self.metric.histogram;
        let (positive, negative) = (&message.positive, &message.negative);
        let named =
            |what: String| fail(format!("histogram {}: {what}", go_quote(self.family.name)));
        let gauge = self.kind == MetricType::GaugeHistogram;
        let reset_hint = if gauge { ResetHint::Gauge } else { ResetHint::Unknown };
        if message.is_float() {
            let (positive_spans, positive_buckets) =
                compact("positive", &positive.spans, &positive.counts, Counts::Absolute)
                    .map_err(named)?;
            let (negative_spans, negative_buckets) =
                compact("negative", &negative.spans, &negative.counts, Counts::Absolute)
                    .map_err(named)?;
            return Ok(NativeHistogram::Float(FloatHistogram {
                reset_hint,
                schema: message.schema,
                zero_threshold: message.zero_threshold,
                zero_count: message.zero_count_float,
                count: message.count_float,
                sum: message.sum,
                positive_spans,
                negative_spans,
                positive_buckets,
                negative_buckets,
                custom_values: None,
            }));
        }
        let (positive_spans, positive_deltas) =
            compact("positive", &positive.spans, &positive.deltas, Counts::Deltas)
                .map_err(named)?;
        let (negative_spans, negative_deltas) =
            compact("negative", &negative.spans, &negative.deltas, Counts::Deltas)
                .map_err(named)?;
        Ok(NativeHistogram::Int(Histogram {
            reset_hint,
            schema: message.schema,
            zero_threshold: message.zero_threshold,
            zero_count: message.zero_count,
            count: message.count,
            sum: message.sum,
            positive_spans,
            negative_spans,
            positive_deltas,
            negative_deltas,
            custom_values: None,
        }))
    }
}

/// Whether bucket counts stand for themselves or for the difference to the bucket before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Absolute,
    Deltas,
}

/// A bucket count of either kind.
trait Count: Copy + Default + PartialEq + AddAssign {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
}

impl Count for i64 {
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

impl Count for f64 {
    fn plus(self, other: Self) -> Self {
        self + other
    }

    fn minus(self, other: Self) -> Self {
        self - other
    }
}

/// Checks that `spans` hold as many buckets as there are `counts`, and leaves the empty ones out.
fn compact<T: Count>(
    side: &str,
    spans: &[Span],
    counts: &[T],
    how: Counts,
) -> Result<(Vec<Span>, Vec<T>), String> {
    let total: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if u64::try_from(counts.len()) != Ok(total) {
        let have = counts.len();
        return Err(format!("{side} side: spans require {total} buckets, have {have}"));
    }
    let mut out = (Vec::new(), Vec::new());
    let mut rest = counts.iter();
    // Index of the next bucket; one after the last bucket that was kept; counts here and there.
    let (mut index, mut end) = (0_i64, 0_i64);
    let (mut absolute, mut kept) = (T::default(), T::default());
    for span in spans {
        index += i64::from(span.offset);
        for &count in rest.by_ref().take(usize::try_from(span.length).unwrap_or(usize::MAX)) {
            absolute = if how == Counts::Deltas { absolute.plus(count) } else { count };
            if absolute != T::default() {
                push_bucket(&mut out.0, index - end)
                    .ok_or_else(|| format!("{side} side: span offset out of range"))?;
                out.1.push(if how == Counts::Deltas { absolute.minus(kept) } else { count });
                (end, kept) = (index + 1, absolute);
            }
            index += 1;
        }
    }
    Ok(out)
}

/// Adds a bucket `gap` after the end of the last one.
fn push_bucket(spans: &mut Vec<Span>, gap: i64) -> Option<()> {
    match spans.last_mut() {
        Some(last) if gap == 0 => last.length += 1,
        _ => spans.push(Span { offset: i32::try_from(gap).ok()?, length: 1 }),
    }
    Some(())
}
