//! Verdicts of a real Prometheus over OpenMetrics bodies: cases of our own, and the whole folder that `MANGRU_CONFORMANCE` names.
//!
//! A verdict is that of a scrape, so what storage refuses (labels that stand twice) counts as refused here too.

use super::{Entry, Format, LabelBuf, Parser};

/// The error of a scrape of `body`; empty when it is taken.
fn verdict(body: &[u8]) -> String {
    let mut parser = Parser::new(body, Format::OpenMetrics);
    let mut labels = LabelBuf::new();
    loop {
        match parser.next_entry() {
            Ok(None) => return String::new(),
            Ok(Some(Entry::Series(series))) => {
                series.labels_into(&mut labels);
                if let Err(error) = labels.to_labels() {
                    return error.to_string();
                }
            }
            Ok(Some(_)) => {}
            Err(error) => return error.to_string(),
        }
    }
}

/// Body, and what Prometheus 3 says to it.
const CASES: &[(&str, &str)] = &[
    ("", ""),
    ("a 1\n# EOF\n", ""),
    ("a{} 1 # {} 2\n# EOF", ""),
    ("a 1", "data does not end with # EOF"),
    ("a 1\n", "data does not end with # EOF"),
    ("a", r#"expected value after metric, got "a" ("EOF") while parsing: "a""#),
    ("# EOF\nx", "unexpected data after # EOF"),
    ("a  1\n# EOF\n", r#"expected value after metric, got "  " ("INVALID") while parsing: "a  ""#),
    ("# X\n", r##"expected a valid start token, got "# X" ("INVALID") while parsing: "# X""##),
    (
        "a{b=\"1\" ,c=\"2\"} 1\n",
        r#"expected comma or brace close, got " " ("INVALID") while parsing: "a{b=\"1\" ""#,
    ),
    ("a{b=\"1\",b=\"2\"} 1\n# EOF\n", r#"label name "b" is not unique: invalid sample"#),
    ("a{b=\"1\",b=\"\"} 1\n# EOF\n", ""),
    ("{b=\"1\"} 1\n# EOF\n", r#"metric name not set while parsing: "{b=\"1\"} 1""#),
    ("{\"a\",\"b\"} 1\n# EOF\n", r#"metric name already set while parsing: "{\"a\",\"b\"}""#),
    ("a 0x1p3\n# EOF\n", r#"unsupported character in float while parsing: "a 0x1p3""#),
    (
        "a 1e999\n# EOF\n",
        r#"strconv.ParseFloat: parsing "1e999": value out of range while parsing: "a 1e999""#,
    ),
    ("a 1 NaN\n# EOF\n", "invalid timestamp NaN"),
    ("a 1 # {b=\"c\"} 1 -Inf\n# EOF\n", "invalid exemplar timestamp -Inf"),
    ("# TYPE a untyped\n# EOF\n", r#"invalid metric type "untyped""#),
    ("# UNIT a s\n# EOF\n", r#"unit "s" not a suffix of metric "a""#),
];

#[test]
fn own_cases() {
    for (body, expected) in CASES {
        assert_eq!(verdict(body.as_bytes()), *expected, "{body:?}");
    }
}

#[test]
fn invalid_utf8() {
    let text = verdict(b"a{b=\"\xff\"} 1\n# EOF\n");
    assert_eq!(text, r#"invalid UTF-8 label value: "\"\xff\"""#);
    let text = verdict(b"# HELP a \xff\n# EOF\n");
    assert_eq!(text, r#"help text "\xff" is not a valid utf8 string"#);
    let text = verdict(b"{\"\xff\"} 1\n# EOF\n");
    assert!(text.starts_with("invalid metric name or label names: {__name__="), "{text}");
}

/// A row of VERDICTS.tsv: the case's name, the verdict of Prometheus, and its error text.
fn row(line: &str) -> (&str, bool, &str) {
    let mut columns = line.splitn(4, '\t');
    let name = columns.next().unwrap_or_default();
    let up = columns.nth(1) == Some("up");
    (name, up, columns.next().unwrap_or_default())
}

#[test]
fn shared_cases() {
    let Some(folder) = std::env::var_os("MANGRU_CONFORMANCE") else {
        return;
    };
    let folder = std::path::Path::new(&folder).join("openmetrics");
    let verdicts = std::fs::read_to_string(folder.join("VERDICTS.tsv")).unwrap();
    let mut wrong = Vec::new();
    let mut n_cases = 0;
    for line in verdicts.lines().skip(1) {
        let (name, up, error) = row(line);
        let body = std::fs::read(folder.join(format!("{name}.txt"))).unwrap();
        let ours = verdict(&body);
        n_cases += 1;
        if ours.is_empty() != up || ours != error {
            wrong.push(format!("{name}: ours {ours:?}, Prometheus {error:?}"));
        }
    }
    assert!(n_cases > 0, "no cases in {}", folder.display());
    assert!(wrong.is_empty(), "{} of {n_cases}:\n{}", wrong.len(), wrong.join("\n"));
}
