//! Both text parsers, data first: what they read, and the texts of what they refuse.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::{Entry, Format, LabelBuf, Parser};

/// Every entry of `body`, a line each, and the error.
pub(super) fn transcript(body: &[u8], format: Format) -> String {
    let mut parser = Parser::new(body, format);
    let mut labels = LabelBuf::new();
    let mut out = String::new();
    loop {
        match parser.next_entry() {
            Ok(None) => return out,
            Ok(Some(entry)) => describe(&entry, &mut labels, &mut out),
            Err(error) => {
                let line = error.line().map_or_else(String::new, |line| format!(" (line {line})"));
                writeln!(out, "error: {error}{line}").unwrap();
                return out;
            }
        }
    }
}

fn describe(entry: &Entry<'_>, labels: &mut LabelBuf, out: &mut String) {
    match entry {
        Entry::Help { name, text } => writeln!(out, "help {name}: {text:?}"),
        Entry::Type { name, kind } => writeln!(out, "type {name}: {}", kind.as_str()),
        Entry::Unit { name, unit } => writeln!(out, "unit {name}: {unit:?}"),
        Entry::Comment(text) => writeln!(out, "comment {:?}", String::from_utf8_lossy(text)),
        Entry::Series(series) => {
            series.labels_into(labels);
            let key = String::from_utf8_lossy(series.key);
            write!(out, "series {key:?} {:?} {:?}", series.v, series.t).unwrap();
            match labels.to_labels() {
                Ok(labels) => write!(out, " {labels:?}").unwrap(),
                Err(error) => write!(out, " error: {error}").unwrap(),
            }
            if let Some(e) = series.exemplar() {
                write!(out, " exemplar {:?} {:?} {:?}", e.labels, e.value, e.t).unwrap();
            }
            writeln!(out)
        }
        Entry::Histogram(entry) => {
            entry.labels_into(labels);
            let labels = labels.to_labels();
            writeln!(
                out,
                "histogram {:?} {labels:?} {:?} {:?}",
                entry.t,
                entry.h,
                entry.exemplars()
            )
        }
    }
    .unwrap();
}

#[expect(clippy::needless_pass_by_value, reason = "the form of every check")]
fn text(body: &str, expected: Expect) {
    expected.assert_eq(&transcript(body.as_bytes(), Format::Text));
}

#[expect(clippy::needless_pass_by_value, reason = "the form of every check")]
fn open_metrics(body: &str, expected: Expect) {
    expected.assert_eq(&transcript(body.as_bytes(), Format::OpenMetrics));
}

#[test]
fn text_lines() {
    text(
        "# HELP a An \\\\ and\\nmore \\\"\n# TYPE a counter\na 1\na{} 2\n",
        expect![[r#"
        help a: "An \\ and\nmore \\\""
        type a: counter
        series "a" 1.0 None {"__name__": "a"}
        series "a{}" 2.0 None {"__name__": "a"}
    "#]],
    );
    text(
        "a{b=\"c\",} 1 1500\n\n \t\nb { c = \"d\" , } +Inf -1",
        expect![[r#"
        series "a{b=\"c\",}" 1.0 Some(1500) {"__name__": "a", "b": "c"}
        error: expected timestamp or new record, got "-" ("INVALID") while parsing: "b { c = \"d\" , } +Inf -" (line 4)
    "#]],
    );
    text(
        "# a comment\n#b\n# HELP\n#\na 1",
        expect![[r##"
        comment "# a comment"
        comment "#b"
        comment "# HELP"
        comment "#"
        series "a" 1.0 None {"__name__": "a"}
    "##]],
    );
    text(
        "{\"a.b\",\"c d\"=\"e\"} 1\n# TYPE \"a.b\" gauge\n{l=\"x\",\"q\"}2",
        expect![[r#"
        series "{\"a.b\",\"c d\"=\"e\"}" 1.0 None {"__name__": "a.b", "c d": "e"}
        type a.b: gauge
        series "{l=\"x\",\"q\"}" 2.0 None {"__name__": "q", "l": "x"}
    "#]],
    );
    text(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"x\"} 1\n",
        expect![[r#"
        type h: histogram
        series "h_bucket{le=\"1\"}" 1.0 None {"__name__": "h_bucket", "le": "1.0"}
        series "h_bucket{le=\"x\"}" 1.0 None {"__name__": "h_bucket", "le": "x"}
    "#]],
    );
    text(
        "a{b=\"x\\\\y\\n\\\"z\\q\"} NaN\na{b=\"line\nbreak\"} 1",
        expect![[r#"
        series "a{b=\"x\\\\y\\n\\\"z\\q\"}" NaN None {"__name__": "a", "b": "x\\y\n\"z\\q"}
        series "a{b=\"line\nbreak\"}" 1.0 None {"__name__": "a", "b": "line\nbreak"}
    "#]],
    );
}

#[test]
fn open_metrics_lines() {
    open_metrics("", expect![[r#""#]]);
    open_metrics(
        "# HELP a \\\"x\\\"\n# UNIT a \n# TYPE a gauge\na 1 1.5\n# EOF\n",
        expect![[r#"
            help a: "\"x\""
            unit a: ""
            type a: gauge
            series "a" 1.0 Some(1500) {"__name__": "a"}
        "#]],
    );
    open_metrics(
        "a_total{x=\"y\"} 1 # {t=\"\\\"q\"} 2 3\na 1 2 # {} 1\n# EOF",
        expect![[r#"
        series "a_total{x=\"y\"}" 1.0 None {"__name__": "a_total", "x": "y"} exemplar {"t": "\\\"q"} 2.0 Some(3000)
        series "a" 1.0 Some(2000) {"__name__": "a"} exemplar {} 1.0 None
    "#]],
    );
    open_metrics(
        "# TYPE a summary\n{\"a\",quantile=\"1\"} 1e3\n# EOF\n\n",
        expect![[r#"
        type a: summary
        series "{\"a\",quantile=\"1\"}" 1000.0 None {"__name__": "a", "quantile": "1.0"}
        error: unexpected data after # EOF (line 3)
    "#]],
    );
}
