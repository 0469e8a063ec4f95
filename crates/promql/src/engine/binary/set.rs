//! `and`, `or`, `unless`: which series of the sides stay, by their signatures, at each step.

use std::collections::HashMap;

use super::join::signature;
use crate::ast::{BinaryOp, Matching};
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::value::{Collector, Series};

pub(crate) fn eval(
    ev: &Evaluator<'_>,
    op: BinaryOp,
    matching: &Matching,
    lhs: Vec<Series>,
    rhs: Vec<Series>,
) -> Result<Vec<Series>, QueryError> {
    let steps = lhs.iter().chain(&rhs).map(|series| series.column.steps()).next().unwrap_or(0);
    let mut out = Collector::new(&ev.meter, steps);
    if op == BinaryOp::Or {
        let left = presence(ev, matching, &lhs, steps)?;
        for series in lhs {
            out.add(series)?;
        }
        for mut series in rhs {
            ev.watch.tick(steps)?;
            if let Some(taken) = left.get(&signature(matching, &series.labels)) {
                keep_where(&mut series, |step| !taken[step]);
            }
            out.add(series)?;
        }
        return Ok(out.series());
    }
    let right = presence(ev, matching, &rhs, steps)?;
    for mut series in lhs {
        ev.watch.tick(steps)?;
        let partner = right.get(&signature(matching, &series.labels));
        match (op == BinaryOp::And, partner) {
            (true, None) => continue,
            (true, Some(has)) => keep_where(&mut series, |step| has[step]),
            (false, None) => {}
            (false, Some(has)) => keep_where(&mut series, |step| !has[step]),
        }
        out.add(series)?;
    }
    Ok(out.series())
}

/// By signature, the steps at which some series has a value.
fn presence(
    ev: &Evaluator<'_>,
    matching: &Matching,
    side: &[Series],
    steps: usize,
) -> Result<HashMap<Vec<u8>, Vec<bool>>, QueryError> {
    let mut by_signature: HashMap<Vec<u8>, Vec<bool>> = HashMap::new();
    for series in side {
        ev.watch.tick(steps)?;
        let has = by_signature
            .entry(signature(matching, &series.labels))
            .or_insert_with(|| vec![false; steps]);
        for (step, slot) in has.iter_mut().enumerate() {
            *slot |= series.column.has(step);
        }
    }
    Ok(by_signature)
}

fn keep_where(series: &mut Series, keep: impl Fn(usize) -> bool) {
    for step in 0..series.column.steps() {
        if !keep(step) {
            series.column.clear(step);
        }
    }
}
