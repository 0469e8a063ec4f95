//! `anchored` and `smoothed` selectors: values on the edges of a range, taken or interpolated from the samples around.

use std::sync::Arc;

use model::histogram::{FloatHistogram, ResetHint};
use model::sample::{Samples, Value};

use super::error::QueryError;
use super::eval::{Evaluator, Sink};
use super::frame::Frame;
use super::plan::Selector;
use super::selector::STEPS_PER_CHECK;
use super::value::{Column, Series};
use crate::ast::{Extension, Span};

/// The value at `t` on the line from `a` to `b`, each a time and a value. A counter that went down started again from 0.
pub(crate) fn interpolate(a: (i64, f64), b: (i64, f64), t: i64, is_counter: bool) -> f64 {
    let from = if is_counter && b.1 < a.1 { 0.0 } else { a.1 };
    from + (b.1 - from) * ms(t - a.0) / ms(b.0 - a.0)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "spans of time that fit a query are far below 2^53 ms"
)]
fn ms(v: i64) -> f64 {
    v as f64
}

/// Where the samples that make up a range begin and end: the last at or before `start` (or the first of all), and the last
/// (for a smoothed one: the first at or after `end`).
pub(crate) fn edges(ts: &[i64], (start, end): (i64, i64), smoothed: bool) -> (usize, usize) {
    let last = ts.len() - 1;
    let first = ts[..last].partition_point(|&t| t <= start).saturating_sub(1);
    let last = if smoothed { ts[..last].partition_point(|&t| t < end) } else { last };
    (first, last)
}

/// The value at the start of a range.
pub(crate) fn left(
    ts: &[i64],
    vs: &[f64],
    first: usize,
    start: i64,
    (smoothed, is_counter): (bool, bool),
) -> f64 {
    if smoothed && ts[first] < start {
        return interpolate(
            (ts[first], vs[first]),
            (ts[first + 1], vs[first + 1]),
            start,
            is_counter,
        );
    }
    vs[first]
}

/// The value at the end of a range.
pub(crate) fn right(
    ts: &[i64],
    vs: &[f64],
    last: usize,
    end: i64,
    (smoothed, is_counter): (bool, bool),
) -> f64 {
    if smoothed && last > 0 && ts[last] > end {
        return interpolate((ts[last - 1], vs[last - 1]), (ts[last], vs[last]), end, is_counter);
    }
    vs[last]
}

/// Makes an extended range vector of what was read around `start..=end`: a sample on each edge, and those between.
pub(crate) fn extend(
    samples: &mut Samples,
    (start, end): (i64, i64),
    extension: Extension,
) -> Result<(), QueryError> {
    let (word, smoothed) = match extension {
        Extension::Anchored => ("anchored", false),
        Extension::Smoothed => ("smoothed", true),
    };
    if !samples.hs.is_empty() {
        return Err(QueryError::Execution(format!(
            "{word} modifier is not supported with histograms"
        )));
    }
    let Samples { ts, vs, .. } = &*samples;
    if ts.is_empty() {
        return Ok(());
    }
    let (first, last) = edges(ts, (start, end), smoothed);
    if ts[last] <= start {
        samples.clear();
        return Ok(());
    }
    let mut out = Samples::default();
    let mut push = |t, v| {
        out.ts.push(t);
        out.vs.push(v);
    };
    push(start, left(ts, vs, first, start, (smoothed, false)));
    for i in first..=last {
        if (i > first || ts[i] > start) && (i < last || ts[i] < end) {
            push(ts[i], vs[i]);
        }
    }
    push(end, right(ts, vs, last, end, (smoothed, false)));
    *samples = out;
    Ok(())
}

/// A smoothed instant selector: the value at each step on the line between its neighbours within the lookback.
pub(crate) fn each(
    ev: &Evaluator<'_>,
    selector: &Selector,
    frame: &Frame,
    span: Span,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let set = ev.select(selector, frame)?;
    let first = selector.lookup(frame.start).saturating_sub(ev.lookback).saturating_add(1);
    let last = selector.lookup(frame.end()).saturating_add(ev.lookback);
    let mut samples = Samples::default();
    for i in 0..set.len() {
        ev.watch.check()?;
        samples.clear();
        set.read(i, first, last, &mut samples)?;
        super::window::drop_stale(&mut samples);
        let labels = set.labels(i);
        let mut column = Column::new(&ev.meter, frame.steps)?;
        for step in 0..frame.steps {
            if step % STEPS_PER_CHECK == STEPS_PER_CHECK - 1 {
                ev.watch.check()?;
            }
            let t = selector.lookup(frame.time(step));
            if let Some(value) = smoothed_at(ev, &samples, t, labels.metric_name(), span) {
                frame.touch(step, 1);
                column.put(step, value);
            }
        }
        if !column.is_empty() {
            column.seal()?;
            sink(Series { labels, drop_name: false, column })?;
        }
    }
    Ok(())
}

fn smoothed_at(
    ev: &Evaluator<'_>,
    samples: &Samples,
    t: i64,
    metric: &str,
    span: Span,
) -> Option<Value> {
    let (low, high) = (t.saturating_sub(ev.lookback), t.saturating_add(ev.lookback));
    let within = |times: &[i64]| {
        (times.partition_point(|&at| at <= low), times.partition_point(|&at| at <= high))
    };
    let (from, to) = within(&samples.ts);
    let hists = samples.hs.iter().filter(|(at, _)| *at > low && *at <= high).count();
    if hists > 0 && to > from {
        ev.warn(span, crate::functions::mixed_floats_histograms(metric));
        return None;
    }
    let (hists_from, hists_to) = within(&samples.hs.iter().map(|(at, _)| *at).collect::<Vec<_>>());
    if hists > 0 {
        return smoothed_hist(ev, &samples.hs[hists_from..hists_to], t, (metric, span));
    }
    let (ts, vs) = (&samples.ts[from..to], &samples.vs[from..to]);
    let i = ts.partition_point(|&at| at < t);
    let found = match i {
        _ if i < ts.len() && ts[i] == t => Some(vs[i]),
        0 => None,
        _ if i < ts.len() => Some(interpolate((ts[i - 1], vs[i - 1]), (ts[i], vs[i]), t, false)),
        _ => Some(vs[i - 1]),
    };
    found.map(Value::Float)
}

fn smoothed_hist(
    ev: &Evaluator<'_>,
    points: &[(i64, Arc<FloatHistogram>)],
    t: i64,
    (metric, span): (&str, Span),
) -> Option<Value> {
    let i = points.partition_point(|(at, _)| *at < t);
    let found = match (points.get(i.wrapping_sub(1)), points.get(i)) {
        (_, Some((at, h))) if *at == t => (**h).clone(),
        (Some(a), Some(b)) => {
            if a.1.is_custom() != b.1.is_custom() {
                ev.warn(span, crate::hist::mixed_layouts(metric));
                return None;
            }
            let gauges = a.1.reset_hint == ResetHint::Gauge && b.1.reset_hint == ResetHint::Gauge;
            crate::hist::extended::interpolate(ev, (a, b), t, !gauges, (metric, span))?
        }
        (Some((_, h)), None) => FloatHistogram { reset_hint: ResetHint::Unknown, ..(**h).clone() },
        (None, _) => return None,
    };
    Some(Value::Histogram(Arc::new(found)))
}
