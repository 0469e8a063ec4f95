//! A metric as Pushgateway's error texts print it: the protobuf message in its text form.

use std::fmt::Write as _;

use model::metadata::MetricType;

use super::family::{Metric, Value, whole};

/// The type's name in those texts.
pub(super) fn type_name(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "COUNTER",
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => "GAUGE",
        MetricType::Summary => "SUMMARY",
        MetricType::Histogram => "HISTOGRAM",
        MetricType::GaugeHistogram => "GAUGE_HISTOGRAM",
        MetricType::Unknown => "UNTYPED",
    }
}

/// `label:{name:"job"  value:"a"}  untyped:{value:1}`
pub(super) fn metric(metric: &Metric, kind: MetricType) -> String {
    let mut parts: Vec<String> = metric
        .labels
        .iter()
        .map(|(name, value)| format!("label:{{name:{}  value:{}}}", quote(name), quote(value)))
        .collect();
    parts.push(match &metric.value {
        Value::Simple(v) => {
            let field = match kind {
                MetricType::Counter => "counter",
                MetricType::Gauge | MetricType::Info | MetricType::StateSet => "gauge",
                MetricType::Unknown
                | MetricType::Summary
                | MetricType::Histogram
                | MetricType::GaugeHistogram => "untyped",
            };
            format!("{field}:{{value:{}}}", float(*v))
        }
        Value::Summary { count, sum, quantiles } => {
            let mut fields =
                vec![format!("sample_count:{count}"), format!("sample_sum:{}", float(*sum))];
            fields.extend(quantiles.iter().map(|(quantile, v)| {
                format!("quantile:{{quantile:{}  value:{}}}", float(*quantile), float(*v))
            }));
            format!("summary:{{{}}}", fields.join("  "))
        }
        Value::Histogram { count, sum, buckets, .. } => {
            let n = |name: &str, count: f64| match whole(count) {
                Some(count) => format!("{name}:{count}"),
                None => format!("{name}_float:{}", float(count)),
            };
            let mut fields = vec![n("sample_count", *count), format!("sample_sum:{}", float(*sum))];
            fields.extend(buckets.iter().map(|one| {
                let upper = float(one.upper);
                format!("bucket:{{{}  upper_bound:{upper}}}", n("cumulative_count", one.cumulative))
            }));
            format!("histogram:{{{}}}", fields.join("  "))
        }
    });
    parts.join("  ")
}

fn float(v: f64) -> String {
    if v.is_nan() {
        return "nan".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let mut out = String::new();
    wire::float::format_go(&mut out, v);
    out
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // A String takes every write.
            c if c.is_ascii_control() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
