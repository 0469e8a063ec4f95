//! Instant vector selectors: at each step the newest sample within the lookback, unless the series has gone stale.

use std::sync::Arc;

use model::histogram::{FloatHistogram, ResetHint};
use model::port::{SelectHints, SeriesSet};
use model::sample::{Sample, Samples, Value, is_stale};

use super::error::QueryError;
use super::eval::{Evaluator, Sink};
use super::frame::Frame;
use super::plan::Selector;
use super::value::{Column, Series, histogram_samples};
use crate::ast::{Extension, Span};

/// How often, in steps, a long loop looks at the deadline.
pub(crate) const STEPS_PER_CHECK: usize = 1000;

impl<'q> Evaluator<'q> {
    /// The series that `selector` names.
    pub(crate) fn select(
        &self,
        selector: &Selector,
        frame: &Frame,
    ) -> Result<Box<dyn SeriesSet + 'q>, QueryError> {
        let step_ms = if frame.steps > 1 { frame.step } else { 0 };
        let hints = SelectHints { step_ms, func: selector.func.to_owned(), limit: 0 };
        Ok(self.querier.select(&hints, &selector.matchers)?)
    }
}

/// Gives `sink` each series that has a value at some step.
pub(crate) fn each(
    ev: &Evaluator<'_>,
    selector: &Selector,
    frame: &Frame,
    span: Span,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    if frame.steps == 0 {
        return Ok(());
    }
    if selector.extension == Some(Extension::Smoothed) {
        return super::smooth::each(ev, selector, frame, span, sink);
    }
    each_mapped(ev, selector, frame, &|sample| sample.v, sink)
}

/// As [`each`], with `value` of each sample that is found.
pub(crate) fn each_mapped(
    ev: &Evaluator<'_>,
    selector: &Selector,
    frame: &Frame,
    value: &dyn Fn(Sample) -> Value,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    let set = ev.select(selector, frame)?;
    let mut samples = Samples::default();
    for i in 0..set.len() {
        ev.watch.check()?;
        let mut column = Column::new(&ev.meter, frame.steps)?;
        if frame.steps == 1 && !selector.stats {
            let t = selector.lookup(frame.start);
            let newest = set.newest(i, t.saturating_sub(ev.lookback).saturating_add(1), t)?;
            if let Some(sample) = newest.filter(|sample| !stale(&sample.v)) {
                put(&mut column, frame, 0, value(sample));
            }
        } else {
            let first = selector.lookup(frame.start).saturating_sub(ev.lookback).saturating_add(1);
            samples.clear();
            set.read(i, first, selector.lookup(frame.end()), &mut samples)?;
            if selector.stats {
                hint_resets(&mut samples);
            }
            fill(ev, (selector, value), frame, &samples, &mut column)?;
        }
        if !column.is_empty() {
            column.seal()?;
            sink(Series { labels: set.labels(i), drop_name: false, column })?;
        }
    }
    Ok(())
}

/// Lets each histogram say whether the counter was reset before it, where that is not known.
pub(crate) fn hint_resets(samples: &mut Samples) {
    let mut before: Option<Arc<FloatHistogram>> = None;
    for (_, h) in samples.hs.iter_mut().filter(|(_, h)| !is_stale(h.sum)) {
        if h.reset_hint == ResetHint::Unknown
            && let Some(before) = &before
        {
            let reset = h.detect_reset(before);
            Arc::make_mut(h).reset_hint =
                if reset { ResetHint::CounterReset } else { ResetHint::NotCounterReset };
        }
        before = Some(Arc::clone(h));
    }
}

fn put(column: &mut Column, frame: &Frame, step: usize, value: Value) {
    frame.touch(
        step,
        match &value {
            Value::Float(_) => 1,
            Value::Histogram(h) => histogram_samples(h),
        },
    );
    column.put(step, value);
}

fn fill(
    ev: &Evaluator<'_>,
    (selector, value): (&Selector, &dyn Fn(Sample) -> Value),
    frame: &Frame,
    samples: &Samples,
    column: &mut Column,
) -> Result<(), QueryError> {
    let mut cursor = Cursor::new(samples);
    for step in 0..frame.steps {
        if step % STEPS_PER_CHECK == STEPS_PER_CHECK - 1 {
            ev.watch.check()?;
        }
        let t = selector.lookup(frame.time(step));
        let Some(sample) = cursor.newest(t) else { continue };
        if sample.t > t.saturating_sub(ev.lookback) && !stale(&sample.v) {
            put(column, frame, step, value(sample));
        }
    }
    Ok(())
}

/// Whether the value ends its series.
pub(crate) fn stale(value: &Value) -> bool {
    match value {
        Value::Float(v) => is_stale(*v),
        Value::Histogram(h) => is_stale(h.sum),
    }
}

/// Walks through one series' samples as time goes on.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    samples: &'a Samples,
    /// How many floats and histograms are at or before the time.
    floats: usize,
    hists: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(samples: &'a Samples) -> Self {
        Self { samples, floats: 0, hists: 0 }
    }

    /// The newest sample at or before `t`; `t` must not go back.
    pub(crate) fn newest(&mut self, t: i64) -> Option<Sample> {
        let Samples { ts, vs, hs } = self.samples;
        while ts.get(self.floats).is_some_and(|&at| at <= t) {
            self.floats += 1;
        }
        while hs.get(self.hists).is_some_and(|(at, _)| *at <= t) {
            self.hists += 1;
        }
        let float = self.floats.checked_sub(1).map(|i| (ts[i], vs[i]));
        let hist = self.hists.checked_sub(1).map(|i| &hs[i]);
        match (float, hist) {
            (Some((ft, _)), Some((ht, h))) if *ht > ft => {
                Some(Sample { t: *ht, v: Value::Histogram(h.clone()) })
            }
            (Some((t, v)), _) => Some(Sample { t, v: Value::Float(v) }),
            (None, Some((t, h))) => Some(Sample { t: *t, v: Value::Histogram(h.clone()) }),
            (None, None) => None,
        }
    }
}
