//! Native histograms in `anchored` and `smoothed` ranges.

use std::sync::Arc;

use model::histogram::{FloatHistogram, ResetHint};
use model::sample::Value;

use super::{Combine, compacted, mixed_layouts, not_a_counter, not_a_gauge};
use crate::ast::Span;
use crate::engine::eval::Evaluator;
use crate::engine::plan::seconds;
use crate::engine::smooth::edges;
use crate::engine::window::Window;
use crate::functions::rate::What;

type Point = (i64, Arc<FloatHistogram>);

/// The histogram at `t` between two; nothing when they do not go together.
pub(crate) fn interpolate(
    ev: &Evaluator<'_>,
    (a, b): (&Point, &Point),
    t: i64,
    is_counter: bool,
    (metric, span): (&str, Span),
) -> Option<FloatHistogram> {
    if t == a.0 {
        return Some((*a.1).clone());
    }
    if t == b.0 {
        return Some((*b.1).clone());
    }
    let part = seconds(t - a.0) / seconds(b.0 - a.0);
    let mut result = (*b.1).clone();
    if is_counter && b.1.detect_reset(&a.1) {
        result.scale(part);
        return Some(result);
    }
    let found = (|| {
        Combine::Sub.into(ev, &mut result, &a.1, span)?;
        result.scale(part);
        Combine::Add.into(ev, &mut result, &a.1, span)
    })();
    if found.is_none() {
        ev.warn(span, mixed_layouts(metric));
        return None;
    }
    Some(result)
}

/// The change between the edges of an extended range.
pub(crate) fn rate(
    ev: &Evaluator<'_>,
    w: &Window<'_>,
    what: What,
    smoothed: bool,
) -> Option<Value> {
    let times: Vec<i64> = w.hs.iter().map(|(t, _)| *t).collect();
    let (first, last) = edges(&times, (w.start, w.end), smoothed);
    if times[last] <= w.start || (smoothed && times[first] > w.end) {
        return None;
    }
    let points = &w.hs[first..=last];
    if points.iter().any(|(_, h)| h.is_custom() != points[0].1.is_custom()) {
        ev.warn(w.span, mixed_layouts(w.metric()));
        return None;
    }
    let is_gauge = |h: &FloatHistogram| h.reset_hint == ResetHint::Gauge;
    if what.is_counter && points.iter().any(|(_, h)| is_gauge(h)) {
        ev.warn(w.span, not_a_counter(w.metric()));
    }
    let place = (w.metric(), w.span);
    let left = match smoothed && times[first] < w.start {
        true => interpolate(ev, (&w.hs[first], &w.hs[first + 1]), w.start, what.is_counter, place)?,
        false => (*w.hs[first].1).clone(),
    };
    let right = match smoothed && last > 0 && times[last] > w.end {
        true => interpolate(ev, (&w.hs[last - 1], &w.hs[last]), w.end, what.is_counter, place)?,
        false => (*w.hs[last].1).clone(),
    };
    if !what.is_counter && (!is_gauge(&left) || !is_gauge(&right)) {
        ev.warn(w.span, not_a_gauge(w.metric()));
    }
    let mut result = right.clone();
    let correction = if what.is_counter {
        // As Prometheus sees it: samples strictly between the first and the last.
        corrections(w, (first, last), (&left, &right), smoothed)
    } else {
        Vec::new()
    };
    let combined = (|| {
        Combine::Sub.into(ev, &mut result, &left, w.span)?;
        let mut parts = correction.into_iter();
        let Some(mut all) = parts.next() else { return Some(()) };
        for part in parts {
            Combine::Add.into(ev, &mut all, &part, w.span)?;
        }
        Combine::Add.into(ev, &mut result, &all, w.span).map(|_| ())
    })();
    if combined.is_none() {
        ev.warn(w.span, mixed_layouts(w.metric()));
        return None;
    }
    if what.per_second {
        result.divide(w.range_seconds());
    }
    result.reset_hint = ResetHint::Gauge;
    Some(Value::Histogram(Arc::new(compacted(result))))
}

/// What was counted before each reset within the range.
fn corrections(
    w: &Window<'_>,
    (first, last): (usize, usize),
    (left, right): (&FloatHistogram, &FloatHistogram),
    smoothed: bool,
) -> Vec<FloatHistogram> {
    let mut from = first + 1;
    let mut before = left;
    if smoothed
        && w.hs[first].0 < w.start
        && let Some((_, next)) = w.hs.get(first + 1)
        && next.detect_reset(&w.hs[first].1)
    {
        // The left edge was taken from after that reset.
        before = next;
        from += 1;
    }
    let mut found = Vec::new();
    if from > last {
        return found;
    }
    for now in w.hs[from..last].iter().map(|(_, h)| &**h).chain([right]) {
        if now.detect_reset(before) {
            found.push(before.clone());
        }
        before = now;
    }
    found
}
