//! Properties of the exposition parsers: whatever the bytes, no panic; the scrape cache's way equals the full parser; what the
//! encoder writes reads back.

use std::collections::HashMap;

use model::metadata::MetricType;
use proptest::prelude::*;

use super::tests::transcript;
use super::{Entry, Format, LabelBuf, Parser};
use crate::encode::{Encoder, Family, Metric, Value};
use crate::escaping::EscapingScheme;
use crate::negotiate::Protocol;

/// Bytes that lexers care for, so that random bodies get far.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "a",
        "b_total",
        "{",
        "}",
        "\"",
        "\\",
        "=",
        ",",
        " ",
        "\t",
        "\n",
        "\0",
        "1",
        "-1.5",
        "+Inf",
        "NaN",
        "# HELP a ",
        "# TYPE a histogram",
        "# UNIT a_s s",
        "# EOF\n",
        " # {",
        "le=\"1\"",
        "é",
        "#",
        "1e3",
        "a 1\n",
        "a{b=\"c\"} 1 2\n",
        "x\u{1F600}",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Reads `body` as a scrape loop with a cache does, beside the full parser.
fn known_equals_full(body: &[u8], format: Format) -> Result<usize, TestCaseError> {
    let mut keys: HashMap<Vec<u8>, ()> = HashMap::new();
    let mut n_known = 0;
    let mut full = Parser::new(body, format);
    let mut cached = Parser::new(body, format);
    loop {
        let start = full.position();
        let Ok(Some(Entry::Series(series))) = full.next_entry() else {
            return Ok(n_known);
        };
        let (key, v, t) = (series.key.to_vec(), series.v.to_bits(), series.t);
        let rest = &body[start.min(body.len())..];
        let known = (keys.contains_key(&key) && rest.starts_with(&key))
            .then(|| cached.known_series(key.len()))
            .flatten();
        match known {
            Some(known) => {
                n_known += 1;
                prop_assert_eq!((known.v.to_bits(), known.t), (v, t));
                prop_assert_eq!(known.next, full.position().min(body.len()));
            }
            None => {
                prop_assert!(matches!(cached.next_entry(), Ok(Some(Entry::Series(_)))));
            }
        }
        keys.insert(key, ());
    }
}

/// OpenMetrics' times are decimal seconds, which Prometheus multiplies and cuts: a millisecond may be lost.
fn same_time(read: Option<i64>, written: Option<i64>, protocol: Protocol) -> bool {
    let cut = read.zip(written).is_some_and(|(read, written)| read + 1 == written);
    read == written || (cut && protocol == Protocol::OpenMetrics100)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200), soup in soup()) {
        for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
            transcript(&body, format);
            transcript(&soup, format);
        }
    }

    #[test]
    fn known_series_give_what_the_full_parser_gives(
        lines in prop::collection::vec(
            (prop::sample::select(vec!["a", "b{c=\"d\"}", "{\"x y\"}", "a{}"]),
             prop::sample::select(vec![" ", "  ", "\t", ""]),
             prop::sample::select(vec!["1", "-2.25", "NaN", "+Inf", "1e5", "x", "1_0", "0.1\0", "{"]),
             prop::sample::select(vec!["", " 5", " 1234567890123", " 1.5", " -1", "  7 ", " # {} 1", " 99999999999999999999"]),
             prop::sample::select(vec!["\n", "\n", "\n", "", " \n"])),
            0..12),
    ) {
        let body: String = lines.iter().map(|l| [l.0, l.1, l.2, l.3, l.4].concat()).collect();
        known_equals_full(body.as_bytes(), Format::Text)?;
        known_equals_full(body.as_bytes(), Format::OpenMetrics)?;
    }

    #[test]
    fn what_is_encoded_reads_back(
        name in "[a-z_:][a-z0-9_:]{0,6}|[a-z.é \"\\\\]{1,6}",
        labels in prop::collection::btree_map("[a-z][a-z0-9]{0,4}|[a-z][é./\"]{1,3}", "\\PC{1,6}|[\\\\\"\n]{1,4}", 0..4),
        bits in any::<u64>(),
        t in prop::option::of(1_i64..4_000_000_000_000),
    ) {
        let v = f64::from_bits(bits);
        prop_assume!(!v.is_nan());
        let pairs: Vec<_> = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let metrics = [Metric { labels: &pairs, t, start_t: None, value: Value::Simple { v, exemplar: None } }];
        let family = Family { name: &name, help: "h\\ \n\"", unit: "", kind: MetricType::Gauge, metrics: &metrics };
        for protocol in [Protocol::Text100, Protocol::OpenMetrics100, Protocol::Protobuf] {
            let mut body = Vec::new();
            let mut encoder = Encoder::new(protocol, EscapingScheme::AllowUtf8, &mut body);
            encoder.family(&family);
            encoder.finish();
            let mut parser = Parser::new(&body, protocol.format());
            let mut buf = LabelBuf::new();
            let mut n_series = 0;
            while let Some(entry) = parser.next_entry().expect("our own text") {
                match entry {
                    Entry::Series(series) => {
                        n_series += 1;
                        series.labels_into(&mut buf);
                        let expected = model::labels::Labels::from_pairs(
                            pairs.iter().copied().chain([("__name__", name.as_str())]),
                        );
                        prop_assert_eq!(buf.to_labels().expect("valid"), expected);
                        prop_assert!(series.v.to_bits() == bits || (series.v == 0.0 && v == 0.0));
                        prop_assert!(same_time(series.t, t, protocol), "{:?} {t:?}", series.t);
                    }
                    Entry::Help { text, .. } => prop_assert_eq!(text, "h\\ \n\""),
                    Entry::Type { kind, .. } => prop_assert_eq!(kind, MetricType::Gauge),
                    Entry::Unit { .. } | Entry::Comment(_) | Entry::Histogram(_) => prop_assert!(false),
                }
            }
            prop_assert_eq!(n_series, 1);
        }
    }
}

#[test]
fn a_second_scrape_is_all_known() {
    let body = "a 1\nb{c=\"d\"} 2 3\n{\"e f\"} NaN\n".repeat(2);
    assert_eq!(known_equals_full(body.as_bytes(), Format::Text).unwrap(), 3);
    let body = format!("{body}# EOF\n");
    assert_eq!(known_equals_full(body.as_bytes(), Format::OpenMetrics).unwrap(), 3);
}

#[test]
fn large_bodies_and_labels() {
    let value = "x".repeat(16 << 20);
    let body = format!("a{{b=\"{value}\"}} 1\n");
    let mut parser = Parser::new(body.as_bytes(), Format::Text);
    let Ok(Some(Entry::Series(series))) = parser.next_entry() else {
        panic!("a long label is the scrape's to refuse, not the parser's");
    };
    assert_eq!(series.key.len(), body.len() - 3);
    let mut body = body;
    body.replace_range(body.len() - 3.., " x\n");
    let error = Parser::new(body.as_bytes(), Format::Text).next_entry().unwrap_err();
    let text = error.to_string();
    assert!(text.len() < 2 * crate::QUOTED_BYTES_MAX, "{} bytes of error text", text.len());
}

#[test]
fn error_texts_quote_up_to_their_bound() {
    let max = crate::QUOTED_BYTES_MAX;
    let quoted = |n: usize| crate::quote::go_quote("x".repeat(n).as_bytes());
    assert_eq!(quoted(max), format!("\"{}\"", "x".repeat(max)));
    assert_eq!(quoted(max + 1), format!("\"{}…\"", "x".repeat(max)));
}
