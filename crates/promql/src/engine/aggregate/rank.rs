//! `topk`, `bottomk`, `limitk`, `limit_ratio`: which input series stay, step by step.

use std::cmp::Ordering;

use model::sample::Value;

use super::{Bounds, Groups, bounds, group_labels, ignored_histogram, param};
use crate::ast::{AggregateOp, Span};
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::plan::Aggregate;
use crate::engine::value::{Collector, Column, Series};
use model::number::general;

pub(super) fn eval(
    ev: &Evaluator<'_>,
    aggregate: &Aggregate,
    span: Span,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let params = param(ev, aggregate, frame)?;
    let input = ev.eval(&aggregate.expr, frame)?;
    if !check_param(ev, aggregate, &bounds(&params))? {
        return Ok(Vec::new());
    }
    let mut index = Groups::default();
    let of_group: Vec<usize> = input
        .iter()
        .map(|series| {
            index.find(&group_labels(&series.labels, &aggregate.grouping, aggregate.without)).0
        })
        .collect();
    let groups = of_group.iter().max().map_or(0, |max| max + 1);
    let mut out = Collector::new(&ev.meter, frame.steps);
    for step in 0..frame.steps {
        ev.watch.tick(input.len())?;
        let ranker = Ranker { ev, op: aggregate.op, span, input: &input, step };
        for picked in ranker.pick(&of_group, groups, &params) {
            for i in picked {
                let series = &input[i];
                if let Some(value) = series.column.get(step) {
                    out.put((&series.labels, series.drop_name), step, value)?;
                }
            }
        }
    }
    out.finish()
}

/// Whether there can be a result at all.
fn check_param(
    ev: &Evaluator<'_>,
    aggregate: &Aggregate,
    bounds: &Bounds,
) -> Result<bool, QueryError> {
    let fail = |text: String| Err(QueryError::Execution(text));
    let span = aggregate.param.as_ref().map_or(Span::default(), |param| param.span);
    let ratio_warning = |got: f64, cap: f64| {
        let (got, cap) = (general(got), general(cap));
        ev.warn(
            span,
            format!("ratio value should be between -1 and 1, got {got}, capping to {cap}"),
        );
    };
    if aggregate.op == AggregateOp::LimitRatio {
        if bounds.max == 0.0 && bounds.min == 0.0 {
            return Ok(false);
        }
        if bounds.any_nan {
            return fail("Ratio value is NaN".to_owned());
        }
        if bounds.max > 1.0 {
            ratio_warning(bounds.max, 1.0);
        }
        if bounds.min < -1.0 {
            ratio_warning(bounds.min, -1.0);
        }
        return Ok(true);
    }
    const EDGE: f64 = 9_223_372_036_854_775_808.0;
    if bounds.max < 1.0 {
        return Ok(false);
    }
    if bounds.any_nan {
        return fail("Parameter value is NaN".to_owned());
    }
    if bounds.min <= -EDGE {
        return fail(format!("Scalar value {} underflows int64", general(bounds.min)));
    }
    if bounds.max >= EDGE {
        return fail(format!("Scalar value {} overflows int64", general(bounds.max)));
    }
    Ok(true)
}

struct Ranker<'a, 'q> {
    ev: &'a Evaluator<'q>,
    op: AggregateOp,
    span: Span,
    input: &'a [Series],
    step: usize,
}

impl Ranker<'_, '_> {
    /// The series that stay, group by group, in the order of the result.
    fn pick(&self, of_group: &[usize], groups: usize, params: &Column) -> Vec<Vec<usize>> {
        let param = params.float(self.step).unwrap_or(f64::NAN);
        let mut picked: Vec<Vec<usize>> = vec![Vec::new(); groups];
        let k = whole(param).min(i64::try_from(self.input.len()).unwrap_or(i64::MAX));
        let limit = usize::try_from(k).unwrap_or(0);
        let ranked = matches!(self.op, AggregateOp::Topk | AggregateOp::Bottomk);
        for (i, &group) in of_group.iter().enumerate() {
            let column = &self.input[i].column;
            if !column.has(self.step) {
                continue;
            }
            if self.op == AggregateOp::LimitRatio {
                if in_ratio(self.input[i].labels.hash64(), param.clamp(-1.0, 1.0)) {
                    picked[group].push(i);
                }
                continue;
            }
            if limit == 0 {
                break;
            }
            if ranked && !column.has_float(self.step) {
                self.ev.info(self.span, ignored_histogram(self.op));
            } else if ranked || picked[group].len() < limit {
                picked[group].push(i);
            }
        }
        if ranked {
            let top = self.op == AggregateOp::Topk;
            let order = |&a: &usize, &b: &usize| {
                better(self.value(a), self.value(b), top).then_with(|| a.cmp(&b))
            };
            picked.iter_mut().for_each(|group| keep_best(group, limit, order));
        }
        picked
    }

    fn value(&self, i: usize) -> f64 {
        match self.input[i].column.get(self.step) {
            Some(Value::Float(v)) => v,
            Some(Value::Histogram(_)) | None => f64::NAN,
        }
    }
}

/// The better value first, NaN last.
fn better(a: f64, b: f64, top: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) if top => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (a_nan, b_nan) => a_nan.cmp(&b_nan),
    }
}

/// Keeps the `limit` (at least one) first by `order`, which has no equals, and puts them in order.
fn keep_best(all: &mut Vec<usize>, limit: usize, order: impl Fn(&usize, &usize) -> Ordering) {
    if all.len() > limit {
        all.select_nth_unstable_by(limit - 1, &order);
        all.truncate(limit);
    }
    all.sort_unstable_by(order);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cuts the fraction on purpose; bounds were checked"
)]
fn whole(v: f64) -> i64 {
    v as i64
}

/// Whether a series with this hash belongs to the first (or, when negative, the last) `ratio` of all.
#[expect(clippy::cast_precision_loss, reason = "as Prometheus maps hashes to 0..=1")]
fn in_ratio(hash: u64, ratio: f64) -> bool {
    let offset = hash as f64 / u64::MAX as f64;
    if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_in_order_with_equals_as_they_came_and_nan_last() {
        let values = [1.0, f64::NAN, 3.0, -0.0, 3.0, 0.0, f64::NAN, f64::INFINITY];
        let best = |limit, top| {
            let mut all: Vec<usize> = (0..values.len()).collect();
            keep_best(&mut all, limit, |&a, &b| {
                better(values[a], values[b], top).then_with(|| a.cmp(&b))
            });
            all
        };
        let (top, bottom) = ([7, 2, 4, 0, 3, 5, 1, 6], [3, 5, 0, 2, 4, 7, 1, 6]);
        for limit in 1..=values.len() + 1 {
            let n = limit.min(values.len());
            assert_eq!(best(limit, true), top[..n], "top {limit}");
            assert_eq!(best(limit, false), bottom[..n], "bottom {limit}");
        }
    }
}
