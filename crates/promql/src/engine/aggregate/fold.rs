//! `sum`, `avg`, `count`, `min`, `max`, `group`, `stddev`, `stdvar`: one state per group and step, whatever the number of series.
//!
//! Series are added in the order in which they come, so that sums equal Prometheus' to the last bit.

use std::sync::Arc;

use model::histogram::FloatHistogram;
use model::labels::Labels;
use model::sample::Value;

use super::{Groups, group_labels, ignored_histogram};
use crate::ast::{AggregateOp, Span};
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::limits::Hold;
use crate::engine::plan::Aggregate;
use crate::engine::value::{Column, Series, bytes_of};
use crate::functions::kahan;
use crate::hist;

/// What one group has seen at one step.
#[derive(Debug, Clone, Default)]
struct State {
    /// How many values were taken.
    count: f64,
    /// The sum, extreme or sum of squares.
    value: f64,
    mean: f64,
    /// What rounding lost of the sum.
    lost: f64,
    seen: bool,
    has_float: bool,
    /// The mean is kept rather than the sum, which went over.
    incremental: bool,
    hist: Option<Box<hist::Sum>>,
}

#[derive(Debug)]
struct Group {
    labels: Labels,
    drop_name: bool,
    states: Vec<State>,
    _hold: Hold,
}

pub(super) fn eval(
    ev: &Evaluator<'_>,
    aggregate: &Aggregate,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let mut index = Groups::default();
    let mut groups: Vec<Group> = Vec::new();
    let fold = Fold { ev, op: aggregate.op, span: aggregate.expr.span };
    ev.each(&aggregate.expr, frame, &mut |series| {
        ev.watch.check()?;
        let labels = group_labels(&series.labels, &aggregate.grouping, aggregate.without);
        let (at, new) = index.find(&labels);
        if new {
            let hold = ev.meter.hold(bytes_of(frame.steps, size_of::<State>()))?;
            let states = vec![State::default(); frame.steps];
            groups.push(Group { labels, drop_name: false, states, _hold: hold });
        }
        let group = &mut groups[at];
        group.drop_name |= series.drop_name;
        fold.add(&mut group.states, &series);
        Ok(())
    })?;
    let mut out = Vec::with_capacity(groups.len());
    for group in groups {
        let mut column = Column::new(&ev.meter, frame.steps)?;
        for (step, state) in group.states.into_iter().enumerate().filter(|(_, state)| state.seen) {
            if let Some(value) = fold.result(state) {
                column.put(step, value);
            }
        }
        if !column.is_empty() {
            column.seal()?;
            out.push(Series { labels: group.labels, drop_name: group.drop_name, column });
        }
    }
    Ok(out)
}

struct Fold<'a, 'q> {
    ev: &'a Evaluator<'q>,
    op: AggregateOp,
    span: Span,
}

impl Fold<'_, '_> {
    fn add(&self, states: &mut [State], series: &Series) {
        for (step, state) in states.iter_mut().enumerate() {
            if let Some(v) = series.column.float(step) {
                self.float(state, v);
            } else if let Some(h) = series.column.hist(step) {
                self.hist(state, h, &series.labels);
            }
        }
    }

    fn float(&self, state: &mut State, v: f64) {
        let first = !state.seen;
        state.seen = true;
        state.count += 1.0;
        match self.op {
            AggregateOp::Sum => {
                if state.hist.as_ref().is_some_and(|sum| sum.failed) {
                    return;
                }
                if first {
                    state.value = v;
                } else {
                    (state.value, state.lost) = kahan::add(v, state.value, state.lost);
                }
                state.has_float = true;
            }
            AggregateOp::Avg => {
                if !state.hist.as_ref().is_some_and(|sum| sum.failed) {
                    average(state, v, first);
                }
            }
            AggregateOp::Max => {
                if first || state.value < v || state.value.is_nan() {
                    state.value = v;
                }
            }
            AggregateOp::Min => {
                if first || state.value > v || state.value.is_nan() {
                    state.value = v;
                }
            }
            AggregateOp::Stddev | AggregateOp::Stdvar => deviate(state, v, first),
            AggregateOp::Count
            | AggregateOp::Group
            | AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::CountValues
            | AggregateOp::Quantile
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => {}
        }
    }

    fn hist(&self, state: &mut State, h: &Arc<FloatHistogram>, labels: &Labels) {
        match self.op {
            AggregateOp::Sum | AggregateOp::Avg => {
                state.seen = true;
                state.count += 1.0;
                let mean = self.op == AggregateOp::Avg;
                match &mut state.hist {
                    Some(sum) => {
                        sum.add(self.ev, h, (state.count, mean), (labels.metric_name(), self.span))
                    }
                    // A histogram after floats makes the group mixed, which has no result.
                    None => state.hist = Some(Box::new(hist::Sum::new(h))),
                }
            }
            AggregateOp::Count | AggregateOp::Group => {
                state.seen = true;
                state.count += 1.0;
            }
            AggregateOp::Min
            | AggregateOp::Max
            | AggregateOp::Stddev
            | AggregateOp::Stdvar
            | AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::CountValues
            | AggregateOp::Quantile
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => self.ev.info(self.span, ignored_histogram(self.op)),
        }
    }

    fn result(&self, state: State) -> Option<Value> {
        if let Some(sum) = state.hist {
            if state.has_float {
                self.ev
                    .warn(self.span, "encountered a mix of histograms and floats for aggregation");
                return None;
            }
            let mean = self.op == AggregateOp::Avg;
            let sum = sum.finish(self.ev, (state.count, mean), self.span);
            return sum.map(|h| Value::Histogram(Arc::new(hist::compacted(h))));
        }
        Some(Value::Float(match self.op {
            AggregateOp::Sum => state.value + state.lost,
            AggregateOp::Avg if state.incremental => state.mean + state.lost,
            AggregateOp::Avg => state.value / state.count + state.lost / state.count,
            AggregateOp::Count => state.count,
            AggregateOp::Group => 1.0,
            AggregateOp::Stdvar => state.value / state.count,
            AggregateOp::Stddev => (state.value / state.count).sqrt(),
            AggregateOp::Min
            | AggregateOp::Max
            | AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::CountValues
            | AggregateOp::Quantile
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => state.value,
        }))
    }
}

/// A running mean that stays a sum as long as that is finite.
fn average(state: &mut State, v: f64, first: bool) {
    state.has_float = true;
    if first {
        (state.value, state.mean) = (v, v);
        return;
    }
    let n = state.count;
    if !state.incremental {
        let (value, lost) = kahan::add(v, state.value, state.lost);
        if !value.is_infinite() {
            (state.value, state.lost) = (value, lost);
            return;
        }
        state.incremental = true;
        state.mean = state.value / (n - 1.0);
        state.lost /= n - 1.0;
    }
    let q = (n - 1.0) / n;
    (state.mean, state.lost) = kahan::add(v / n, q * state.mean, q * state.lost);
}

/// Welford's variance.
fn deviate(state: &mut State, v: f64, first: bool) {
    if first {
        state.mean = v;
        state.value = if v.is_finite() { 0.0 } else { f64::NAN };
        return;
    }
    let delta = v - state.mean;
    state.mean += delta / state.count;
    state.value += delta * (v - state.mean);
}
