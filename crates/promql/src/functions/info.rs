//! `info`: adds the labels of the info series that have the same `instance` and `job`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::labels::{Labels, METRIC_NAME};
use model::matcher::{MatchOp, Matcher};
use model::sample::Value;

use super::arg;
use crate::engine::binary::show;
use crate::engine::error::QueryError;
use crate::engine::eval::{Evaluator, bug};
use crate::engine::frame::Frame;
use crate::engine::plan::{Call, Kind, Selector, info_place};
use crate::engine::selector;
use crate::engine::value::{Collector, Series};

/// By which labels series and their info find each other.
const IDENTIFYING: [&str; 2] = ["instance", "job"];
/// Longest pattern of identifying values that is left to the storage; longer ones are sorted out here.
const PATTERN_BYTES_MAX: usize = 16 * 1024;

fn fail<T>(text: String) -> Result<T, QueryError> {
    Err(QueryError::Execution(text))
}

fn matcher(op: MatchOp, name: &str, value: &str) -> Result<Matcher, QueryError> {
    Matcher::new(op, name, value).or_else(|e| fail(e.to_string()))
}

/// The conditions of the second argument.
struct Conditions {
    /// On the info metric's name, with what stands in for one that is not given.
    names: Vec<Matcher>,
    /// On its labels, by label.
    labels: BTreeMap<String, Vec<Matcher>>,
}

impl Conditions {
    fn of(call: &Call) -> Result<Self, QueryError> {
        let mut names: Vec<Matcher> = Vec::new();
        let mut labels: BTreeMap<String, Vec<Matcher>> = BTreeMap::new();
        if let Some(Kind::Instant(selector)) = call.args.get(1).map(|arg| &arg.kind) {
            for matcher in &selector.matchers {
                match matcher.name == METRIC_NAME {
                    true => names.push(matcher.clone()),
                    false => labels.entry(matcher.name.clone()).or_default().push(matcher.clone()),
                }
            }
        }
        let positive = |m: &Matcher| matches!(m.op, MatchOp::Equal | MatchOp::Regex);
        if names.is_empty() {
            names.push(matcher(MatchOp::Equal, METRIC_NAME, "target_info")?);
        } else if !names.iter().any(positive) {
            names.insert(0, matcher(MatchOp::Regex, METRIC_NAME, ".+_info")?);
        }
        Ok(Self { names, labels })
    }

    fn name_fits(&self, labels: &Labels) -> bool {
        self.names.iter().all(|matcher| matcher.matches(labels.metric_name()))
    }

    /// Whether a series without any info stays.
    fn allow_none(&self) -> bool {
        self.labels.values().flatten().all(|matcher| matcher.matches(""))
    }

    fn takes(&self, label: &str) -> bool {
        self.labels.is_empty() || self.labels.contains_key(label)
    }
}

pub(super) fn info(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let base = ev.eval(arg(call, 0)?, frame)?;
    let conditions = Conditions::of(call)?;
    let infos = info_series(ev, call, (&base, &conditions), frame)?;
    let mut join = Join::new(&conditions, &infos);
    let mut out = Collector::new(&ev.meter, frame.steps);
    let newest = join.newest(frame.steps)?;
    for series in base {
        ev.watch.check()?;
        if conditions.name_fits(&series.labels) {
            out.add(series)?;
            continue;
        }
        join.series(&series, &newest, &mut out)?;
    }
    out.finish()
}

/// The info series that can belong to `base`; their values are the times of their samples.
fn info_series(
    ev: &Evaluator<'_>,
    call: &Call,
    (base, conditions): (&[Series], &Conditions),
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for series in base.iter().filter(|series| !conditions.name_fits(&series.labels)) {
        for name in IDENTIFYING {
            if let Some(value) = series.labels.get(name) {
                values.entry(name).or_default().insert(value);
            }
        }
    }
    if values.is_empty() || frame.steps == 0 {
        return Ok(Vec::new());
    }
    let mut matchers: Vec<Matcher> = conditions.labels.values().flatten().cloned().collect();
    for (name, values) in &values {
        let pattern = values.iter().map(|value| quote_meta(value)).collect::<Vec<_>>().join("|");
        if pattern.len() <= PATTERN_BYTES_MAX {
            matchers.push(matcher(MatchOp::Regex, name, &pattern)?);
        }
    }
    matchers.extend(conditions.names.iter().cloned());
    let Some((at, offset)) = info_place(arg(call, 0)?) else {
        return Err(bug("info of no selector"));
    };
    let selector = Selector { matchers, offset, at, extension: None, func: "info", stats: false };
    let mut out = Vec::new();
    let time = |sample: model::sample::Sample| match sample.v {
        Value::Float(_) => Value::Float(as_number(sample.t)),
        Value::Histogram(_) => sample.v,
    };
    selector::each_mapped(ev, &selector, frame, &time, &mut |series| {
        if series.column.has_hists() {
            let labels = show(&series.labels);
            return fail(format!("this should be an info metric, with float samples: {labels}"));
        }
        let known = |(name, values): (&&str, &BTreeSet<&str>)| {
            values.contains(series.labels.get(name).unwrap_or(""))
        };
        if values.iter().all(known) {
            out.push(series);
        }
        Ok(())
    })?;
    Ok(out)
}

#[expect(clippy::cast_precision_loss, reason = "times that fit a query are far below 2^53 ms")]
fn as_number(t: i64) -> f64 {
    t as f64
}

/// A pattern that matches just `text`.
fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// By name, the info series of one identity at one step.
type Found = Vec<(usize, Vec<Option<usize>>)>;

struct Join<'a> {
    conditions: &'a Conditions,
    infos: &'a [Series],
    /// Info names, in order.
    names: Vec<String>,
    /// What a series with some info series looks like, by both.
    results: HashMap<Vec<usize>, Option<Labels>>,
}

fn identity(labels: &Labels) -> Labels {
    Labels::from_sorted(labels.iter().filter(|(name, _)| IDENTIFYING.contains(name)))
}

impl<'a> Join<'a> {
    fn new(conditions: &'a Conditions, infos: &'a [Series]) -> Self {
        let names: BTreeSet<&str> = infos.iter().map(|info| info.labels.metric_name()).collect();
        let names = names.into_iter().map(str::to_owned).collect();
        Self { conditions, infos, names, results: HashMap::new() }
    }

    /// By identity, for each info name, which info series is the newest at each step.
    fn newest(&self, steps: usize) -> Result<HashMap<Labels, Found>, QueryError> {
        let mut by_identity: HashMap<Labels, Found> = HashMap::new();
        for (i, info) in self.infos.iter().enumerate() {
            let name = info.labels.metric_name();
            let name = self.names.iter().position(|have| have == name).unwrap_or(0);
            let found = by_identity.entry(identity(&info.labels)).or_default();
            let at = found.iter().position(|(have, _)| *have == name).unwrap_or_else(|| {
                found.push((name, vec![None; steps]));
                found.len() - 1
            });
            for (step, slot) in found[at].1.iter_mut().enumerate() {
                let Some(t) = info.column.float(step) else { continue };
                let before = slot.and_then(|other: usize| self.infos[other].column.float(step));
                match before.map(|before| before.total_cmp(&t)) {
                    Some(std::cmp::Ordering::Greater) => {}
                    Some(std::cmp::Ordering::Equal) => {
                        let other = show(&self.infos[slot.unwrap_or(i)].labels);
                        let own = show(&info.labels);
                        return fail(format!(
                            "found duplicate series for info metric: existing {other} @ {t}, new {own} @ {t}"
                        ));
                    }
                    Some(std::cmp::Ordering::Less) | None => *slot = Some(i),
                }
            }
        }
        by_identity.values_mut().for_each(|found| found.sort());
        Ok(by_identity)
    }

    fn series(
        &mut self,
        series: &Series,
        newest: &HashMap<Labels, Found>,
        out: &mut Collector,
    ) -> Result<(), QueryError> {
        self.results.clear();
        let found = newest.get(&identity(&series.labels));
        for step in 0..series.column.steps() {
            let Some(value) = series.column.get(step) else { continue };
            let infos: Vec<usize> =
                found.into_iter().flatten().filter_map(|(_, by_step)| by_step[step]).collect();
            if !self.results.contains_key(&infos) {
                let labels = self.labels(&series.labels, &infos)?;
                self.results.insert(infos.clone(), labels);
            }
            if let Some(Some(labels)) = self.results.get(&infos) {
                out.put((labels, series.drop_name), step, value)?;
            }
        }
        Ok(())
    }

    /// The labels with those of the info series; `None` when the series is to go.
    fn labels(&self, base: &Labels, infos: &[usize]) -> Result<Option<Labels>, QueryError> {
        if infos.is_empty() && !self.conditions.allow_none() {
            return Ok(None);
        }
        let mut added: BTreeMap<&str, &str> = BTreeMap::new();
        let own: HashSet<&str> = base.iter().map(|(name, _)| name).collect();
        for &i in infos {
            for (name, value) in &self.infos[i].labels {
                if name == METRIC_NAME || !self.conditions.takes(name) {
                    continue;
                }
                if added.get(name).is_some_and(|have| *have != value) {
                    return fail(format!("conflicting label: {name}"));
                }
                if !own.contains(name) {
                    added.insert(name, value);
                }
            }
        }
        Ok(Some(Labels::from_pairs(base.iter().chain(added))))
    }
}
