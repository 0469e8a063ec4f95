//! Aggregations: series by series into one row per group where that is enough ([`fold`]), step by step where whole groups
//! must be seen at once ([`rank`], [`values`]).

mod fold;
mod rank;
mod values;

use std::collections::HashMap;

use model::labels::{Labels, METRIC_NAME};

use super::error::QueryError;
use super::eval::Evaluator;
use super::frame::Frame;
use super::plan::Aggregate;
use super::value::{Column, Series};
use crate::ast::{AggregateOp, Span};
use model::number::general;

pub(crate) use values::{count, quantile};

pub(crate) fn eval(
    ev: &Evaluator<'_>,
    aggregate: &Aggregate,
    span: Span,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    match aggregate.op {
        AggregateOp::Sum
        | AggregateOp::Avg
        | AggregateOp::Count
        | AggregateOp::Min
        | AggregateOp::Max
        | AggregateOp::Group
        | AggregateOp::Stddev
        | AggregateOp::Stdvar => fold::eval(ev, aggregate, frame),
        AggregateOp::Quantile => values::quantiles(ev, aggregate, frame),
        AggregateOp::CountValues => values::count_values(ev, aggregate, frame),
        AggregateOp::Topk
        | AggregateOp::Bottomk
        | AggregateOp::Limitk
        | AggregateOp::LimitRatio => rank::eval(ev, aggregate, span, frame),
    }
}

/// The labels of the group that a series belongs to.
fn group_labels(labels: &Labels, grouping: &[String], without: bool) -> Labels {
    let listed = |name: &str| grouping.iter().any(|label| label == name);
    if without {
        return Labels::from_sorted(
            labels.iter().filter(|(name, _)| *name != METRIC_NAME && !listed(name)),
        );
    }
    if grouping.is_empty() {
        return Labels::default();
    }
    Labels::from_sorted(labels.iter().filter(|(name, _)| listed(name)))
}

/// Groups in the order of their first series.
#[derive(Debug, Default)]
struct Groups {
    by_labels: HashMap<Labels, usize>,
}

impl Groups {
    /// The index of the group with `labels`, and whether it is new.
    fn find(&mut self, labels: &Labels) -> (usize, bool) {
        if let Some(&at) = self.by_labels.get(labels) {
            return (at, false);
        }
        let at = self.by_labels.len();
        self.by_labels.insert(labels.clone(), at);
        (at, true)
    }
}

/// The parameter of `topk`, `quantile` and their like, at each step.
fn param(ev: &Evaluator<'_>, aggregate: &Aggregate, frame: &Frame) -> Result<Column, QueryError> {
    match &aggregate.param {
        Some(node) => ev.scalar_column(node, frame),
        None => Column::constant(&ev.meter, frame.steps, 0.0),
    }
}

/// The extremes of a parameter over all steps.
struct Bounds {
    min: f64,
    max: f64,
    any_nan: bool,
}

fn bounds(column: &Column) -> Bounds {
    let mut bounds = Bounds { min: f64::INFINITY, max: f64::NEG_INFINITY, any_nan: false };
    for v in (0..column.steps()).filter_map(|step| column.float(step)) {
        bounds.any_nan |= v.is_nan();
        bounds.min = super::duration::go_min(bounds.min, v);
        bounds.max = super::duration::go_max(bounds.max, v);
    }
    bounds
}

pub(crate) fn invalid_quantile(q: f64) -> String {
    format!("quantile value should be between 0 and 1, got {}", general(q))
}

fn ignored_histogram(op: AggregateOp) -> String {
    format!("ignored histogram in {} aggregation", op.as_str())
}
