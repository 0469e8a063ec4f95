//! The two text formats, written.

use std::borrow::Cow;

use model::exemplar::Exemplar;
use model::metadata::MetricType;

use super::{Bucket, Family, Metric, Names, Value};
use crate::float::{format_go, format_open_metrics};
use model::names::{legacy_label_name, legacy_metric_name};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Classic,
    OpenMetrics,
}

pub(super) fn family(out: &mut Vec<u8>, family: &Family<'_>, names: Names, dialect: Dialect) {
    let name = names.metric(family.name);
    let writer = FamilyWriter { name: &name, kind: family.kind, names, dialect };
    let mut text = String::new();
    writer.head(&mut text, family);
    for metric in family.metrics {
        writer.metric(&mut text, metric);
    }
    out.extend_from_slice(text.as_bytes());
}

/// What the lines of a family share.
struct FamilyWriter<'a> {
    name: &'a str,
    kind: MetricType,
    names: Names,
    dialect: Dialect,
}

/// One line's own part.
struct Sample<'a> {
    suffix: &'a str,
    /// `le` or `quantile` with its value.
    bound: Option<(&'a str, f64)>,
    v: Number,
    exemplar: Option<&'a Exemplar>,
}

#[derive(Clone, Copy)]
enum Number {
    Float(f64),
    Int(u64),
}

impl Number {
    fn of_count(count: f64) -> Self {
        super::whole(count).map_or(Self::Float(count), Self::Int)
    }
}

impl FamilyWriter<'_> {
    fn is_open_metrics(&self) -> bool {
        self.dialect == Dialect::OpenMetrics
    }

    fn head(&self, out: &mut String, family: &Family<'_>) {
        // OpenMetrics names a counter's family without the ending of its samples.
        let stem = self.name.strip_suffix("_total");
        let is_counter = self.kind == MetricType::Counter;
        let name = match stem {
            Some(stem) if self.is_open_metrics() && is_counter => stem,
            _ => self.name,
        };
        if !family.help.is_empty() {
            out.push_str("# HELP ");
            push_name(out, name);
            out.push(' ');
            push_escaped(out, family.help, self.is_open_metrics());
            out.push('\n');
        }
        out.push_str("# TYPE ");
        push_name(out, name);
        out.push(' ');
        out.push_str(match self.dialect {
            Dialect::Classic => classic_type(self.kind),
            Dialect::OpenMetrics if is_counter && stem.is_none() => "unknown",
            Dialect::OpenMetrics => self.kind.as_str(),
        });
        out.push('\n');
        // A unit that is not the name's last word would have the whole exposition refused.
        let last_word = name.strip_suffix(family.unit).is_some_and(|stem| stem.ends_with('_'));
        if self.is_open_metrics() && !family.unit.is_empty() && last_word {
            out.push_str("# UNIT ");
            push_name(out, name);
            out.push(' ');
            push_escaped(out, family.unit, true);
            out.push('\n');
        }
    }

    fn metric(&self, out: &mut String, metric: &Metric<'_>) {
        let plain = |suffix, v| Sample { suffix, bound: None, v, exemplar: None };
        match metric.value {
            Value::Simple { v, exemplar } => {
                let v = Number::Float(v);
                self.sample(out, metric, &Sample { suffix: "", bound: None, v, exemplar });
            }
            Value::Summary { count, sum, quantiles } => {
                for &(quantile, v) in quantiles {
                    let bound = Some(("quantile", quantile));
                    let v = Number::Float(v);
                    self.sample(out, metric, &Sample { suffix: "", bound, v, exemplar: None });
                }
                self.sample(out, metric, &plain("_sum", Number::Float(sum)));
                self.sample(out, metric, &plain("_count", Number::Int(count)));
            }
            Value::Histogram { count, sum, buckets } => {
                let infinite = Bucket { upper: f64::INFINITY, cumulative: count, exemplar: None };
                let missing = buckets.last().is_none_or(|last| last.upper != f64::INFINITY);
                for bucket in buckets.iter().chain(missing.then_some(&infinite)) {
                    let sample = Sample {
                        suffix: "_bucket",
                        bound: Some(("le", bucket.upper)),
                        v: Number::of_count(bucket.cumulative),
                        exemplar: bucket.exemplar,
                    };
                    self.sample(out, metric, &sample);
                }
                let gauge = self.is_open_metrics() && self.kind == MetricType::GaugeHistogram;
                let (sum_suffix, count_suffix) =
                    if gauge { ("_gsum", "_gcount") } else { ("_sum", "_count") };
                self.sample(out, metric, &plain(sum_suffix, Number::Float(sum)));
                self.sample(out, metric, &plain(count_suffix, Number::of_count(count)));
            }
            Value::Native { .. } => {}
        }
    }

    fn sample(&self, out: &mut String, metric: &Metric<'_>, sample: &Sample<'_>) {
        let labels = metric.labels.iter().map(|&(name, value)| {
            let name = self.names.label(name);
            (name, Cow::Borrowed(value))
        });
        let bound = sample.bound.map(|(name, v)| {
            let mut text = String::new();
            self.push_number(&mut text, Number::Float(v));
            (Cow::Borrowed(name), Cow::Owned(text))
        });
        let name = Cow::Owned(format!("{}{}", self.name, sample.suffix));
        push_series(out, &name, labels.chain(bound));
        out.push(' ');
        self.push_number(out, sample.v);
        if let Some(t) = metric.t {
            out.push(' ');
            self.push_time(out, t);
        }
        if let Some(exemplar) = sample.exemplar.filter(|_| self.is_open_metrics()) {
            self.push_exemplar(out, exemplar);
        }
        out.push('\n');
    }

    fn push_exemplar(&self, out: &mut String, exemplar: &Exemplar) {
        out.push_str(" # {");
        for (i, (name, value)) in exemplar.labels.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            push_label(out, &self.names.label(name), value);
        }
        out.push_str("} ");
        self.push_number(out, Number::Float(exemplar.value));
        if let Some(t) = exemplar.t {
            out.push(' ');
            self.push_time(out, t);
        }
    }

    fn push_number(&self, out: &mut String, number: Number) {
        match number {
            Number::Int(v) => out.push_str(&v.to_string()),
            Number::Float(v) if self.is_open_metrics() => format_open_metrics(out, v),
            Number::Float(v) => format_go(out, v),
        }
    }

    /// Milliseconds in the classic format, decimal seconds in OpenMetrics.
    fn push_time(&self, out: &mut String, t: i64) {
        if !self.is_open_metrics() {
            return out.push_str(&t.to_string());
        }
        let sign = if t < 0 { "-" } else { "" };
        let t = t.unsigned_abs();
        out.push_str(&format!("{sign}{}.{:03}", t / 1000, t % 1000));
    }
}

fn classic_type(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Summary => "summary",
        MetricType::Histogram | MetricType::GaugeHistogram => "histogram",
        MetricType::Info | MetricType::StateSet => "gauge",
        MetricType::Unknown => "untyped",
    }
}

fn push_series<'a>(
    out: &mut String,
    name: &str,
    labels: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
) {
    let mut open = false;
    if legacy_metric_name(name) {
        out.push_str(name);
    } else {
        out.push('{');
        push_name(out, name);
        open = true;
    }
    for (label, value) in labels {
        out.push(if open { ',' } else { '{' });
        open = true;
        push_label(out, &label, &value);
    }
    if open {
        out.push('}');
    }
}

fn push_label(out: &mut String, name: &str, value: &str) {
    if legacy_label_name(name) {
        out.push_str(name);
    } else {
        push_quoted(out, name);
    }
    out.push('=');
    push_quoted(out, value);
}

fn push_name(out: &mut String, name: &str) {
    if legacy_metric_name(name) {
        out.push_str(name);
    } else {
        push_quoted(out, name);
    }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text, true);
    out.push('"');
}

fn push_escaped(out: &mut String, text: &str, quotes: bool) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}
