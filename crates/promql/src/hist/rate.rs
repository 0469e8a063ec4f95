//! How fast native histograms change.

use std::sync::Arc;

use model::histogram::{FloatHistogram, ResetHint};
use model::sample::Value;

use super::{Combine, compacted, mixed_layouts, not_a_counter, not_a_gauge};
use crate::engine::eval::Evaluator;
use crate::engine::window::Window;

/// The change over a window of at least two histograms, not extrapolated; nothing when they do not go together.
pub(crate) fn rate(ev: &Evaluator<'_>, w: &Window<'_>, is_counter: bool) -> Option<FloatHistogram> {
    let points: Vec<&FloatHistogram> = w.hs.iter().map(|(_, h)| &**h).collect();
    let (&[first, second, ..], Some(&last)) = (&points[..], points.last()) else { return None };
    let after_reset;
    let mut before = first;
    if is_counter && second.detect_reset(first) {
        // What was counted before the range's second sample is gone: the count begins with nothing.
        after_reset = FloatHistogram {
            schema: second.schema,
            custom_values: second.custom_values.clone(),
            ..FloatHistogram::default()
        };
        before = &after_reset;
    }
    let inner = &points[1..points.len() - 1];
    let seen = if is_counter { inner } else { &[] };
    if seen.iter().chain([&last]).any(|h| h.is_custom() != before.is_custom()) {
        ev.warn(w.span, mixed_layouts(w.metric()));
        return None;
    }
    let schema = seen.iter().map(|h| h.schema).fold(last.schema.min(before.schema), i32::min);
    let mut result = last.clone();
    result.reduce_resolution(schema);
    if Combine::Sub.into(ev, &mut result, before, w.span).is_none() {
        ev.warn(w.span, mixed_layouts(w.metric()));
        return None;
    }
    let is_gauge = |h: &FloatHistogram| h.reset_hint == ResetHint::Gauge;
    if is_counter {
        if points.iter().any(|h| is_gauge(h)) {
            ev.warn(w.span, not_a_counter(w.metric()));
        }
        for &now in &points[1..] {
            if now.detect_reset(before)
                && Combine::Add.into(ev, &mut result, before, w.span).is_none()
            {
                ev.warn(w.span, mixed_layouts(w.metric()));
                return None;
            }
            before = now;
        }
    } else if !is_gauge(first) || !is_gauge(last) {
        ev.warn(w.span, not_a_gauge(w.metric()));
    }
    result.reset_hint = ResetHint::Gauge;
    Some(compacted(result))
}

/// `irate` (with the interval in seconds) or `idelta` of two histograms.
pub(crate) fn instant_rate(
    ev: &Evaluator<'_>,
    w: &Window<'_>,
    (before, last): (&FloatHistogram, &FloatHistogram),
    per_seconds: Option<f64>,
) -> Option<Value> {
    let gauges = [before, last].iter().filter(|h| h.reset_hint == ResetHint::Gauge).count();
    let is_rate = per_seconds.is_some();
    if is_rate && gauges > 0 {
        ev.warn(w.all_args, not_a_counter(w.metric()));
    }
    if !is_rate && gauges < 2 {
        ev.warn(w.all_args, not_a_gauge(w.metric()));
    }
    let mut result = last.clone();
    if (!is_rate || !last.detect_reset(before))
        && Combine::Sub.into(ev, &mut result, before, w.all_args).is_none()
    {
        ev.warn(w.all_args, mixed_layouts(w.metric()));
        return None;
    }
    result.reset_hint = ResetHint::Gauge;
    let mut result = compacted(result);
    if let Some(seconds) = per_seconds {
        result.divide(seconds);
    }
    Some(Value::Histogram(Arc::new(result)))
}
