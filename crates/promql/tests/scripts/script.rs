//! The commands of a script.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram};
use model::labels::Labels;
use model::sample::Value;
use promql::parse::ParserOptions;
use promql::{Engine, EngineOptions, Outcome, QueryError, QueryParams};
use stdx::budget::Budget;
use stdx::clock::RealClock;
use stdx::units::parse_duration_ms;

use crate::check::{Expected, check};
use crate::store::Store;
use crate::values::{self, Slot, sparse};

/// An evaluation that did not give what it should.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) line: usize,
    pub(crate) query: String,
    pub(crate) why: String,
}

/// What came of a script.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    pub(crate) failed: Vec<Failure>,
    /// Evaluations after a `load` that this runner does not know.
    pub(crate) skipped: usize,
}

/// The times of an evaluation in milliseconds; `step` is 0 for an instant one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) step: i64,
}

pub(crate) fn run(text: &str, delayed: bool) -> Report {
    let engine = engine(delayed);
    let mut store = Store::default();
    let mut report = Report::default();
    let mut unknown: Option<String> = None;
    let lines: Vec<&str> =
        text.lines().map(|l| if l.trim_start().starts_with('#') { "" } else { l }).collect();
    let mut i = 0;
    while i < lines.len() {
        let (line, at) = (lines[i].trim(), i + 1);
        i += 1;
        let begun = i;
        while i < lines.len() && !lines[i].trim().is_empty() && !is_command(lines[i]) {
            i += 1;
        }
        let block = &lines[begun..i];
        if line == "clear" {
            store = Store::default();
            unknown = None;
        } else if line.starts_with("load") {
            if let Err(why) = load(&mut store, line, block) {
                unknown = Some(why);
            }
        } else if line.starts_with("eval") {
            if unknown.is_some() {
                report.skipped += 1;
                continue;
            }
            match eval(&engine, &store, line, block) {
                Ok(()) => report.passed += 1,
                Err((query, why)) => report.failed.push(Failure { line: at, query, why }),
            }
        }
    }
    report
}

fn is_command(line: &str) -> bool {
    let line = line.trim_start();
    ["load ", "load_", "clear", "eval ", "eval_"].iter().any(|word| line.starts_with(word))
}

fn engine(delayed: bool) -> Engine {
    let parser = ParserOptions {
        experimental_functions: true,
        duration_expressions: true,
        extended_range_selectors: true,
        fill_modifiers: true,
    };
    let options = EngineOptions {
        samples_max: 10_000,
        parser,
        delayed_name_removal: delayed,
        ..EngineOptions::new(Budget::new("test", 1 << 30))
    };
    Engine::new(options, Arc::new(RealClock::default()))
}

pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    if let Ok(seconds) = digits.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, reason = "times of scripts are small")]
        return Ok(sign * (seconds * 1000.0) as i64);
    }
    parse_duration_ms(digits).map(|ms| sign * ms).map_err(|e| e.to_string())
}

fn load(store: &mut Store, command: &str, block: &[&str]) -> Result<(), String> {
    let (word, gap) = command.split_once(' ').ok_or("load without a step")?;
    let gap = duration(gap)?;
    let mut all: Vec<(Labels, Vec<Slot>)> = Vec::new();
    for line in block {
        let (labels, rest) = values::metric(line)?;
        if rest.trim_start().starts_with("@st") {
            return Err("start timestamps".to_owned());
        }
        all.push((labels, values::values(rest)?));
    }
    if word == "load_with_nhcb" {
        let custom = with_custom_buckets(&all);
        all.extend(custom);
    }
    for (labels, slots) in all {
        for (t, slot) in (0..).map(|i| i * gap).zip(slots) {
            if let Some(value) = slot {
                store.put(&labels, t, value);
            }
        }
    }
    Ok(())
}

/// The parts of a classic histogram at one time.
#[derive(Debug, Default)]
struct Classic {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// Native histograms with custom buckets of the classic ones among `all`.
fn with_custom_buckets(all: &[(Labels, Vec<Slot>)]) -> Vec<(Labels, Vec<Slot>)> {
    let mut found: BTreeMap<Labels, BTreeMap<usize, Classic>> = BTreeMap::new();
    for (labels, slots) in all {
        let name = labels.metric_name();
        let Some(suffix) = ["_bucket", "_count", "_sum"].into_iter().find(|s| name.ends_with(s))
        else {
            continue;
        };
        let base = &name[..name.len() - suffix.len()];
        let others = labels.iter().filter(|(n, _)| *n != "le" && *n != "__name__");
        let key = Labels::from_pairs(others.chain([("__name__", base)]));
        let le = labels.get("le").and_then(|le| le.parse::<f64>().ok());
        for (i, slot) in slots.iter().enumerate() {
            let Some(Value::Float(v)) = slot else { continue };
            let classic = found.entry(key.clone()).or_default().entry(i).or_default();
            match suffix {
                "_bucket" => classic.buckets.extend(le.map(|le| (le, *v))),
                "_count" => classic.count = Some(*v),
                _ => classic.sum = *v,
            }
        }
    }
    let slots = |by_index: BTreeMap<usize, Classic>| {
        let len = by_index.keys().max().map_or(0, |max| max + 1);
        let mut slots: Vec<Slot> = vec![None; len];
        for (i, classic) in by_index {
            slots[i] = custom(classic).map(|h| Value::Histogram(Arc::new(h)));
        }
        slots
    };
    found.into_iter().map(|(labels, by_index)| (labels, slots(by_index))).collect()
}

fn custom(mut classic: Classic) -> Option<FloatHistogram> {
    classic.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let &(last, count) = classic.buckets.last()?;
    let count = classic.count.unwrap_or(count);
    if last != f64::INFINITY {
        classic.buckets.push((f64::INFINITY, count));
    }
    let mut before = 0.0;
    let mut counts = Vec::new();
    for (i, (_, cumulative)) in (0..).zip(&classic.buckets) {
        counts.push((i, cumulative - before));
        before = *cumulative;
    }
    let bounds: Vec<f64> =
        classic.buckets.iter().map(|(le, _)| *le).filter(|le| le.is_finite()).collect();
    let (positive_spans, positive_buckets) = sparse(counts);
    Some(FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        custom_values: Some(Arc::from(bounds)),
        count,
        sum: classic.sum,
        positive_spans,
        positive_buckets,
        ..FloatHistogram::default()
    })
}

/// The query's text and its times.
fn command(line: &str) -> Result<(Times, &str, Option<&str>), String> {
    let (word, rest) = line.split_once(' ').ok_or("eval without a query")?;
    let legacy = word.strip_prefix("eval_");
    let rest = rest.trim_start();
    if let Some(rest) = rest.strip_prefix("instant ") {
        let Some(rest) = rest.trim_start().strip_prefix("at ") else {
            return Ok((Times { start: 0, end: 0, step: 0 }, rest.trim(), legacy));
        };
        let (t, query) = rest.trim_start().split_once([' ', '\t']).ok_or("no query")?;
        let t = duration(t)?;
        return Ok((Times { start: t, end: t, step: 0 }, query.trim(), legacy));
    }
    let rest = rest.strip_prefix("range ").ok_or("neither instant nor range")?;
    let words: Vec<&str> = rest.split_whitespace().take(6).collect();
    let ["from", start, "to", end, "step", step] = words[..] else {
        return Err("no times".to_owned());
    };
    let after = rest.split_once("step").map_or("", |(_, after)| after.trim_start());
    let query = after.strip_prefix(step).unwrap_or(after).trim();
    Ok((
        Times { start: duration(start)?, end: duration(end)?, step: duration(step)? },
        query,
        legacy,
    ))
}

fn eval(
    engine: &Engine,
    store: &Store,
    line: &str,
    block: &[&str],
) -> Result<(), (String, String)> {
    let (times, query, legacy) = command(line).map_err(|why| (line.to_owned(), why))?;
    let fail = |why| (query.to_owned(), why);
    let expected = Expected::read(block, legacy).map_err(fail)?;
    check(&expected, times, query_at(engine, store, query, times)).map_err(fail)
}

fn query_at(
    engine: &Engine,
    store: &Store,
    query: &str,
    times: Times,
) -> Result<Outcome, QueryError> {
    let params = QueryParams::default();
    match times.step {
        0 => engine.instant(store, query, times.start, &params),
        step => engine.range(store, query, times.start, times.end, step, &params),
    }
}
