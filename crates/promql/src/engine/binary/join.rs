//! Arithmetic and comparisons between vectors: one-to-one, and many-to-one with `group_left`/`group_right`.
//!
//! In here "right" is the side that must be unique; for `group_right` the sides are swapped first.

use std::collections::HashMap;

use model::labels::{Labels, METRIC_NAME};
use model::sample::Value;

use super::element::{Element, element, trims_name};
use crate::ast::{BinaryOp, Cardinality, Matching, Span};
use crate::engine::error::QueryError;
use crate::engine::eval::{Evaluator, without_name};
use crate::engine::value::{Collector, Series};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Op<'a> {
    pub(crate) op: BinaryOp,
    pub(crate) return_bool: bool,
    pub(crate) matching: &'a Matching,
    pub(crate) span: Span,
}

/// The bytes by which series of both sides find each other.
pub(crate) fn signature(matching: &Matching, labels: &Labels) -> Vec<u8> {
    match_labels(matching, labels).as_bytes().to_vec()
}

/// The labels that matching looks at.
fn match_labels(matching: &Matching, labels: &Labels) -> Labels {
    let listed = |name: &str| matching.labels.iter().any(|label| label == name);
    match matching.on {
        true => Labels::from_sorted(labels.iter().filter(|(name, _)| listed(name))),
        false => Labels::from_sorted(
            labels.iter().filter(|(name, _)| *name != METRIC_NAME && !listed(name)),
        ),
    }
}

/// The series of both sides that have one signature, by index.
#[derive(Debug, Default)]
struct Group {
    many: Vec<usize>,
    one: Vec<usize>,
}

struct Join<'a, 'q> {
    ev: &'a Evaluator<'q>,
    op: Op<'a>,
    many: &'a [Series],
    one: &'a [Series],
    swapped: bool,
    steps: usize,
    out: Collector,
}

pub(crate) fn eval(
    ev: &Evaluator<'_>,
    op: Op<'_>,
    lhs: &[Series],
    rhs: &[Series],
    steps: usize,
) -> Result<Vec<Series>, QueryError> {
    let swapped = op.matching.card == Cardinality::OneToMany;
    let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
    let groups = groups(op.matching, many, one);
    let out = Collector::new(&ev.meter, steps);
    let mut join = Join { ev, op, many, one, swapped, steps, out };
    join.check_unique(&groups)?;
    for group in &groups {
        ev.watch.check()?;
        join.group(group)?;
    }
    join.out.finish()
}

/// In the order of the first series of "many", then of "one".
fn groups(matching: &Matching, many: &[Series], one: &[Series]) -> Vec<Group> {
    let mut by_signature: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut find = |groups: &mut Vec<Group>, labels: &Labels| {
        *by_signature.entry(signature(matching, labels)).or_insert_with(|| {
            groups.push(Group::default());
            groups.len() - 1
        })
    };
    for (i, series) in many.iter().enumerate() {
        let at = find(&mut groups, &series.labels);
        groups[at].many.push(i);
    }
    for (i, series) in one.iter().enumerate() {
        let at = find(&mut groups, &series.labels);
        groups[at].one.push(i);
    }
    groups
}

impl Join<'_, '_> {
    /// Refuses two series of one signature on the "one" side at the same step, naming the first that Prometheus would.
    fn check_unique(&self, groups: &[Group]) -> Result<(), QueryError> {
        let mut worst: Option<(usize, usize, usize)> = None;
        for group in groups.iter().filter(|group| group.one.len() > 1) {
            for step in 0..self.steps {
                self.ev.watch.tick(group.one.len())?;
                let mut present = group.one.iter().filter(|&&i| self.one[i].column.has(step));
                let (Some(&first), Some(&second)) = (present.next(), present.next()) else {
                    continue;
                };
                let found = (step, second, first);
                self.ev.watch.tick(self.many.len())?;
                if self.side_matters(step) && worst.is_none_or(|worst| found < worst) {
                    worst = Some(found);
                }
            }
        }
        worst.map_or(Ok(()), |(_, second, first)| Err(self.duplicate(first, second)))
    }

    /// Nothing is matched at a step where one side is empty and nothing fills it.
    fn side_matters(&self, step: usize) -> bool {
        let Matching { fill_left, fill_right, .. } = self.op.matching;
        fill_left.is_some()
            || fill_right.is_some()
            || self.many.iter().any(|series| series.column.has(step))
    }

    fn duplicate(&self, first: usize, second: usize) -> QueryError {
        let group = show(&match_labels(self.op.matching, &self.one[second].labels));
        let side = if self.swapped { "left" } else { "right" };
        let mut pair = [show(&self.one[first].labels), show(&self.one[second].labels)];
        pair.sort();
        QueryError::Execution(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{}, {}];\
             many-to-many matching not allowed: matching labels must be unique on one side",
            pair[0], pair[1]
        ))
    }

    fn group(&mut self, group: &Group) -> Result<(), QueryError> {
        let (fill_one, fill_many) = self.fills();
        // Which steps of the group have been matched, to find more matches and to fill the rest.
        let mut matched =
            Matched::new(group, self.steps, self.op.matching.card == Cardinality::OneToOne);
        for &m in &group.many {
            self.many_series(m, group, fill_one, &mut matched)?;
        }
        let Some(fill) = fill_many else { return Ok(()) };
        for &o in &group.one {
            let one = &self.one[o];
            let many_labels = match_labels(self.op.matching, &one.labels);
            let labels = self.result_labels(&many_labels, &one.labels);
            for step in 0..self.steps {
                self.ev.watch.tick(1)?;
                if matched.any[step] {
                    continue;
                }
                let Some(value) = one.column.get(step) else { continue };
                self.pair(&labels, step, (&Value::Float(fill), &value), &mut matched)?;
            }
        }
        Ok(())
    }

    /// What stands in for missing partners: on the "one" side, and on the "many" side.
    fn fills(&self) -> (Option<f64>, Option<f64>) {
        let Matching { fill_left, fill_right, .. } = self.op.matching;
        (*fill_right, *fill_left)
    }

    fn many_series(
        &mut self,
        m: usize,
        group: &Group,
        fill: Option<f64>,
        matched: &mut Matched,
    ) -> Result<(), QueryError> {
        let many = &self.many[m];
        let mut labels: HashMap<Option<usize>, Labels> = HashMap::new();
        for step in 0..self.steps {
            self.ev.watch.tick(1 + group.one.len())?;
            let Some(value) = many.column.get(step) else { continue };
            let partner = group.one.iter().copied().find(|&o| self.one[o].column.has(step));
            let other = match (partner.and_then(|o| self.one[o].column.get(step)), fill) {
                (Some(other), _) => other,
                (None, Some(fill)) => Value::Float(fill),
                (None, None) => continue,
            };
            let labels = labels.entry(partner).or_insert_with(|| {
                let one_labels = match partner {
                    Some(o) => self.one[o].labels.clone(),
                    None => match_labels(self.op.matching, &many.labels),
                };
                self.result_labels(&many.labels, &one_labels)
            });
            let labels = labels.clone();
            self.pair(&labels, step, (&value, &other), matched)?;
        }
        Ok(())
    }

    fn pair(
        &mut self,
        labels: &Labels,
        step: usize,
        (many, one): (&Value, &Value),
        matched: &mut Matched,
    ) -> Result<(), QueryError> {
        let (lhs, rhs) = if self.swapped { (one, many) } else { (many, one) };
        let Element::Value { value, keep } = element(self.ev, self.op.op, lhs, rhs, self.op.span)
        else {
            return Ok(());
        };
        matched.note(labels, step)?;
        let return_bool = self.op.return_bool;
        if return_bool {
            let holds = Value::Float(f64::from(u8::from(keep)));
            return self.out.put((labels, true), step, holds);
        }
        if keep { self.out.put((labels, false), step, value) } else { Ok(()) }
    }

    fn result_labels(&self, many: &Labels, one: &Labels) -> Labels {
        let Matching { card, on, labels: listed, include, .. } = self.op.matching;
        let loses_name = trims_name(self.op.op) || (self.op.return_bool && !self.ev.delayed);
        let base = if loses_name { without_name(many) } else { many.clone() };
        let stays =
            |name: &str| *card != Cardinality::OneToOne || listed.iter().any(|l| l == name) == *on;
        let kept =
            base.iter().filter(|(name, _)| stays(name) && !include.iter().any(|i| i == name));
        let included = include.iter().filter_map(|name| Some((name.as_str(), one.get(name)?)));
        Labels::from_pairs(kept.chain(included))
    }
}

/// What of one group has been matched.
struct Matched {
    one_to_one: bool,
    any: Vec<bool>,
    /// Many-to-one: the steps of each result; kept only where there can be two.
    by_labels: Option<HashMap<Labels, Vec<bool>>>,
}

impl Matched {
    fn new(group: &Group, steps: usize, one_to_one: bool) -> Self {
        let several = !one_to_one && group.many.len() > 1;
        Self { one_to_one, any: vec![false; steps], by_labels: several.then(HashMap::new) }
    }

    fn note(&mut self, labels: &Labels, step: usize) -> Result<(), QueryError> {
        let twice =
            |text: &str| Err(QueryError::Execution(format!("multiple matches for labels: {text}")));
        if self.one_to_one && self.any[step] {
            return twice("many-to-one matching must be explicit (group_left/group_right)");
        }
        self.any[step] = true;
        let Some(by_labels) = &mut self.by_labels else { return Ok(()) };
        let steps = self.any.len();
        let seen = by_labels.entry(labels.clone()).or_insert_with(|| vec![false; steps]);
        if seen[step] {
            return twice("grouping labels must ensure unique matches");
        }
        seen[step] = true;
        Ok(())
    }
}

/// `{a="x", b="y"}`, as Prometheus writes label sets; names that need it are quoted.
pub(crate) fn show(labels: &Labels) -> String {
    let plain = |name: &str| {
        !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| {
            let value = crate::quote::quote_str(value);
            if plain(name) {
                format!("{name}={value}")
            } else {
                format!("{}={value}", crate::quote::quote_str(name))
            }
        })
        .collect();
    format!("{{{}}}", pairs.join(", "))
}
