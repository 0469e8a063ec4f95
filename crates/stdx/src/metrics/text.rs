//! Families as exposition text: Prometheus' 0.0.4 format and OpenMetrics 1.0.

use std::fmt::Write as _;

use super::{Family, Kind, Point, PointValue};

/// Prometheus' text format, version 0.0.4.
#[must_use]
pub fn encode(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families {
        let name = &family.name;
        line(&mut out, format_args!("# HELP {name} {}", escape_help(&family.help)));
        line(&mut out, format_args!("# TYPE {name} {}", kind(family.kind)));
        for point in &family.points {
            encode_point(&mut out, name, name, point);
        }
    }
    out
}

/// OpenMetrics 1.0: counters' families go without `_total`, and `# EOF` ends the text.
#[must_use]
pub fn encode_openmetrics(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families {
        let bare = match family.kind {
            Kind::Counter => family.name.strip_suffix("_total").unwrap_or(&family.name),
            Kind::Gauge | Kind::Histogram => &family.name,
        };
        line(&mut out, format_args!("# HELP {bare} {}", escape_value(&family.help)));
        line(&mut out, format_args!("# TYPE {bare} {}", kind(family.kind)));
        let sample =
            if family.kind == Kind::Counter { format!("{bare}_total") } else { bare.to_owned() };
        for point in &family.points {
            encode_point(&mut out, &sample, bare, point);
        }
    }
    out.push_str("# EOF\n");
    out
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

fn encode_point(out: &mut String, sample: &str, bare: &str, point: &Point) {
    match &point.value {
        PointValue::Number(value) => {
            line(out, format_args!("{sample}{} {}", labels(&point.labels, None), number(*value)));
        }
        PointValue::Histogram { buckets, count, sum } => {
            for (bound, n) in buckets {
                let set = labels(&point.labels, Some(&number(*bound)));
                line(out, format_args!("{bare}_bucket{set} {n}"));
            }
            line(out, format_args!("{bare}_bucket{} {count}", labels(&point.labels, Some("+Inf"))));
            let set = labels(&point.labels, None);
            line(out, format_args!("{bare}_sum{set} {}", number(*sum)));
            line(out, format_args!("{bare}_count{set} {count}"));
        }
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a String does not fail");
}

fn labels(labels: &[(String, String)], le: Option<&str>) -> String {
    let own = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let parts: Vec<String> = own
        .chain(le.map(|le| ("le", le)))
        .map(|(name, value)| format!("{name}=\"{}\"", escape_value(value)))
        .collect();
    if parts.is_empty() { String::new() } else { format!("{{{}}}", parts.join(",")) }
}

fn escape_help(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

fn escape_value(text: &str) -> String {
    escape_help(text).replace('"', "\\\"")
}

/// A float as Go's `strconv.FormatFloat(v, 'g', -1, 64)` writes it: shortest digits, an exponent below 1e-4 and from 1e21 on.
#[must_use]
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, power) = match exponent.strip_prefix('-') {
            Some(power) => ('-', power),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{power:0>2}");
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::super::Registry;
    use super::*;
    use expect_test::expect;

    #[test]
    fn both_formats() {
        let registry = Registry::default();
        registry.counter("a_total", "As \\ and\nmore.", &[("x", "1\"2")]).add(3);
        registry.histogram("h", "H.", &[], &[0.5, 1.0]).observe(0.7);
        expect![[r#"
            # HELP a_total As \\ and\nmore.
            # TYPE a_total counter
            a_total{x="1\"2"} 3
            # HELP h H.
            # TYPE h histogram
            h_bucket{le="0.5"} 0
            h_bucket{le="1"} 1
            h_bucket{le="+Inf"} 1
            h_sum 0.7
            h_count 1
        "#]]
        .assert_eq(&encode(&registry.gather()));
        assert!(encode_openmetrics(&registry.gather()).contains("# TYPE a counter\na_total{"));
        assert!(encode_openmetrics(&registry.gather()).ends_with("# EOF\n"));
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (1.5, "1.5"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (0.00001, "1e-05"),
            (0.0001, "0.0001"),
            (f64::INFINITY, "+Inf"),
            (-1.5e300, "-1.5e+300"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
