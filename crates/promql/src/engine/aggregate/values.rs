//! `quantile` and `count_values`: all values of a group at a step at once.

use std::collections::HashMap;

use model::labels::Labels;
use model::sample::Value;

use super::{Groups, bounds, group_labels, ignored_histogram, invalid_quantile, param};
use crate::ast::Span;
use crate::engine::error::QueryError;
use crate::engine::eval::{Evaluator, bug};
use crate::engine::frame::Frame;
use crate::engine::plan::{Aggregate, Kind};
use crate::engine::value::{Collector, Column, Series};
use model::number::plain;

pub(super) fn quantiles(
    ev: &Evaluator<'_>,
    aggregate: &Aggregate,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let q = param(ev, aggregate, frame)?;
    let input = ev.eval(&aggregate.expr, frame)?;
    let span = aggregate.param.as_ref().map_or(Span::default(), |param| param.span);
    let bounds = bounds(&q);
    if bounds.any_nan {
        ev.warn(span, invalid_quantile(f64::NAN));
    }
    if bounds.max > 1.0 {
        ev.warn(span, invalid_quantile(bounds.max));
    }
    if bounds.min < 0.0 {
        ev.warn(span, invalid_quantile(bounds.min));
    }
    let mut out = Vec::new();
    for (labels, members) in members(aggregate, &input) {
        ev.watch.check()?;
        let mut column = Column::new(&ev.meter, frame.steps)?;
        let mut values = Vec::with_capacity(members.len());
        for step in 0..frame.steps {
            ev.watch.tick(members.len())?;
            values.clear();
            for series in &members {
                match series.column.get(step) {
                    Some(Value::Float(v)) => values.push(v),
                    Some(Value::Histogram(_)) => {
                        ev.info(aggregate.expr.span, ignored_histogram(aggregate.op))
                    }
                    None => {}
                }
            }
            if !values.is_empty() {
                column.put_float(step, quantile(q.float(step).unwrap_or(f64::NAN), &mut values));
            }
        }
        if !column.is_empty() {
            column.seal()?;
            out.push(Series {
                labels,
                drop_name: members.iter().any(|series| series.drop_name),
                column,
            });
        }
    }
    Ok(out)
}

/// The series of each group, groups in the order of their first series.
fn members<'a>(aggregate: &Aggregate, input: &'a [Series]) -> Vec<(Labels, Vec<&'a Series>)> {
    let mut index = Groups::default();
    let mut groups: Vec<(Labels, Vec<&Series>)> = Vec::new();
    for series in input {
        let labels = group_labels(&series.labels, &aggregate.grouping, aggregate.without);
        let (at, new) = index.find(&labels);
        if new {
            groups.push((labels, Vec::new()));
        }
        groups[at].1.push(series);
    }
    groups
}

/// The `q`-quantile of `values`, which are sorted in place, with linear interpolation; NaN of none.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    // NaN counts as the smallest.
    values.sort_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal),
        (a_nan, b_nan) => b_nan.cmp(&a_nan),
    });
    let n = count(values.len());
    let rank = q * (n - 1.0);
    let lower = rank.floor().max(0.0);
    let upper = (lower + 1.0).min(n - 1.0);
    let weight = rank - rank.floor();
    values[index(lower)] * (1.0 - weight) + values[index(upper)] * weight
}

#[expect(clippy::cast_precision_loss, reason = "no slice is near 2^53 long")]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank within a slice"
)]
fn index(v: f64) -> usize {
    v as usize
}

pub(super) fn count_values(
    ev: &Evaluator<'_>,
    aggregate: &Aggregate,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let Some(Kind::Text(name)) = aggregate.param.as_ref().map(|param| &param.kind) else {
        return Err(bug("count_values needs a string"));
    };
    if name.is_empty() {
        return Err(QueryError::Execution(format!(
            "invalid label name {}",
            crate::quote::quote_str(name)
        )));
    }
    let mut grouping = aggregate.grouping.clone();
    if !aggregate.without {
        grouping.push(name.clone());
    }
    let input = ev.eval(&aggregate.expr, frame)?;
    let mut out = Collector::new(&ev.meter, frame.steps);
    for step in 0..frame.steps {
        ev.watch.check()?;
        let mut order: Vec<Labels> = Vec::new();
        let mut counts: HashMap<Labels, f64> = HashMap::new();
        for series in &input {
            let text = match series.column.get(step) {
                Some(Value::Float(v)) => plain(v),
                Some(Value::Histogram(h)) => h.to_string(),
                None => continue,
            };
            let others = series.labels.iter().filter(|(have, _)| have != name);
            let labelled = Labels::from_pairs(others.chain([(name.as_str(), text.as_str())]));
            let labels = group_labels(&labelled, &grouping, aggregate.without);
            *counts.entry(labels.clone()).or_insert_with(|| {
                order.push(labels);
                0.0
            }) += 1.0;
        }
        for labels in order {
            let n = counts[&labels];
            out.put((&labels, false), step, Value::Float(n))?;
        }
    }
    out.finish()
}
