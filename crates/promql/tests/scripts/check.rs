//! What an evaluation should give, and whether it did.

use std::collections::BTreeMap;

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram};
use model::labels::Labels;
use model::regex::Regex;
use model::sample::Value;
use promql::{Outcome, QueryError, QueryValue};

use crate::script::{Times, duration};
use crate::values::{self, Slot, dense, number};

/// The lines below an `eval`.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Kind (`fail`, `warn`, `no_warn`, `info`, `no_info`, `ordered`), how the text is compared, and the text.
    notes: Vec<(String, String, String)>,
    string: Option<String>,
    range: Option<(i64, i64)>,
    scalar: Option<f64>,
    series: Vec<(Labels, Vec<Slot>)>,
}

impl Expected {
    pub(crate) fn read(block: &[&str], legacy: Option<&str>) -> Result<Self, String> {
        let mut expected = Self::default();
        expected.notes.extend(legacy.map(|kind| (kind.to_owned(), String::new(), String::new())));
        for line in block.iter().map(|line| line.trim()) {
            if let Some(rest) = line.strip_prefix("expect range vector") {
                let words: Vec<&str> = rest.split_whitespace().collect();
                let ["from", start, "to", _, "step", step] = words[..] else {
                    return Err(line.to_owned());
                };
                expected.range = Some((duration(start)?, duration(step)?));
            } else if let Some(text) = line.strip_prefix("expect string") {
                expected.string = Some(text.trim().trim_matches(['"', '`']).to_owned());
            } else if let Some(rest) = line.strip_prefix("expect ") {
                let (kind, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let (how, text) = rest.trim().split_once(':').unwrap_or(("", ""));
                expected.notes.push((kind.to_owned(), how.to_owned(), text.trim().to_owned()));
            } else if line.starts_with("expected_fail") {
                // The old notation of what `expect fail` says.
            } else if let Ok(v) = number(line) {
                expected.scalar = Some(v);
            } else {
                let (labels, rest) = values::metric(line)?;
                expected.series.push((labels, values::values(rest)?));
            }
        }
        Ok(expected)
    }

    fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a (String, String, String)> {
        self.notes.iter().filter(move |(k, _, _)| k == kind)
    }
}

pub(crate) fn check(
    expected: &Expected,
    times: Times,
    got: Result<Outcome, QueryError>,
) -> Result<(), String> {
    let mut failures = expected.of("fail").peekable();
    let outcome = match (got, failures.peek()) {
        (Err(error), None) => return Err(format!("error: {error}")),
        (Err(error), Some(_)) => {
            return failures.try_for_each(|(_, how, text)| {
                match fits(how, text, &error.to_string()) {
                    true => Ok(()),
                    false => Err(format!("failed with {error:?}, not {text:?}")),
                }
            });
        }
        (Ok(_), Some(_)) => return Err("should have failed".to_owned()),
        (Ok(outcome), None) => outcome,
    };
    for (kind, got) in [("warn", &outcome.warnings), ("info", &outcome.infos)] {
        if expected.of(&format!("no_{kind}")).next().is_some() && !got.is_empty() {
            return Err(format!("unexpected {kind}: {}", got[0]));
        }
        for (_, how, text) in expected.of(kind) {
            if !got.iter().any(|got| fits(how, text, got)) {
                return Err(format!("no {kind} {text:?} in {got:?}"));
            }
        }
    }
    value(expected, times, outcome.value)
}

/// Whether a message is the expected one; positions at its end may be left out.
fn fits(how: &str, text: &str, got: &str) -> bool {
    match how {
        "msg" => got == text || got.starts_with(text) || got.ends_with(text),
        "regex" => {
            Regex::matcher(&format!(".*(?:{text}).*")).is_ok_and(|regex| regex.is_match(got))
        }
        _ => true,
    }
}

fn value(expected: &Expected, times: Times, got: QueryValue) -> Result<(), String> {
    match got {
        QueryValue::String { s, .. } => match &expected.string {
            Some(text) if *text == s => Ok(()),
            other => Err(format!("string {s:?}, not {other:?}")),
        },
        QueryValue::Scalar { v, .. } => match expected.scalar {
            Some(want) if near(want, v) => Ok(()),
            other => Err(format!("scalar {v}, not {other:?}")),
        },
        QueryValue::Vector(samples) => {
            let want = points(expected, 0, 0);
            if expected.of("ordered").next().is_some() {
                let order: Vec<&Labels> = samples.iter().map(|sample| &sample.labels).collect();
                if order != want.iter().map(|(labels, _)| labels).collect::<Vec<_>>() {
                    return Err(format!("order: {order:?}"));
                }
            }
            let got = samples.into_iter().map(|s| (s.labels, BTreeMap::from([(0, s.sample.v)])));
            compare(&want, &got.collect::<Vec<_>>())
        }
        QueryValue::Matrix(series) => {
            let (start, step) = expected.range.unwrap_or((times.start, times.step));
            let got = series.into_iter().map(|series| {
                let floats = series.samples.ts.iter().copied().zip(series.samples.vs);
                let mut points: BTreeMap<i64, Value> =
                    floats.map(|(t, v)| (t, Value::Float(v))).collect();
                points.extend(series.samples.hs.into_iter().map(|(t, h)| (t, Value::Histogram(h))));
                (series.labels, points)
            });
            compare(&points(expected, start, step), &got.collect::<Vec<_>>())
        }
    }
}

type Points = Vec<(Labels, BTreeMap<i64, Value>)>;

fn points(expected: &Expected, start: i64, step: i64) -> Points {
    let scalar = expected.scalar.map(|v| (Labels::default(), vec![Some(Value::Float(v))]));
    let series = expected.series.iter().cloned().chain(scalar);
    series
        .map(|(labels, slots)| {
            let times = (0..).map(|i| start + i * step);
            (labels, times.zip(slots).filter_map(|(t, slot)| Some((t, slot?))).collect())
        })
        .collect()
}

fn compare(want: &Points, got: &Points) -> Result<(), String> {
    if want.len() != got.len() {
        let labels: Vec<&Labels> = got.iter().map(|(labels, _)| labels).collect();
        return Err(format!("{} series, not {}: {labels:?}", got.len(), want.len()));
    }
    for (labels, want) in want {
        let Some((_, got)) = got.iter().find(|(have, _)| have == labels) else {
            return Err(format!("no series {labels:?}"));
        };
        if want.keys().ne(got.keys()) {
            return Err(format!("{labels:?}: times {:?}, not {:?}", got.keys(), want.keys()));
        }
        for (t, want) in want {
            let same = match (want, &got[t]) {
                (Value::Float(want), Value::Float(got)) => near(*want, *got),
                (Value::Histogram(want), Value::Histogram(got)) => alike(want, got),
                (Value::Float(_), Value::Histogram(_)) | (Value::Histogram(_), Value::Float(_)) => {
                    false
                }
            };
            if !same {
                return Err(format!("{labels:?} at {t}: {:?}, not {want:?}", got[t]));
            }
        }
    }
    Ok(())
}

/// Equal within one in a million.
fn near(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, diff) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return diff < 1e-6 * f64::MIN_POSITIVE;
    }
    diff / sum.min(f64::MAX) < 1e-6
}

/// Equal count, sum and populated buckets.
fn alike(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    let (left, right) = (buckets(a), buckets(b));
    near(a.count, b.count)
        && near(a.sum, b.sum)
        && left.len() == right.len()
        && left.iter().zip(&right).all(|(a, b)| near(a.0, b.0) && near(a.1, b.1) && near(a.2, b.2))
}

/// Lower bound, upper bound and count of the populated buckets.
fn buckets(h: &FloatHistogram) -> Vec<(f64, f64, f64)> {
    let custom = h.custom_values.as_deref().unwrap_or_default();
    let bounds = |index: i32| {
        if h.schema == CUSTOM_BUCKETS_SCHEMA {
            let at = |i: i32| usize::try_from(i).ok().and_then(|i| custom.get(i)).copied();
            let lower =
                if index == 0 { f64::NEG_INFINITY } else { at(index - 1).unwrap_or(f64::INFINITY) };
            return (lower, at(index).unwrap_or(f64::INFINITY));
        }
        let bound = |i: i32| (f64::from(i) * f64::from(-h.schema).exp2()).exp2();
        (bound(index - 1), bound(index))
    };
    let mut all = Vec::new();
    for (index, count) in dense(&h.negative_spans, &h.negative_buckets) {
        let (lower, upper) = bounds(index);
        all.push((-upper, -lower, count));
    }
    if h.schema != CUSTOM_BUCKETS_SCHEMA {
        all.push((-h.zero_threshold, h.zero_threshold, h.zero_count));
    }
    for (index, count) in dense(&h.positive_spans, &h.positive_buckets) {
        let (lower, upper) = bounds(index);
        all.push((lower, upper, count));
    }
    all.retain(|(_, _, count)| *count != 0.0);
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}
