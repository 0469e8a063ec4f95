//! Protobuf expositions, from families that our encoder writes and from messages written by hand.

use expect_test::{Expect, expect};
use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram, Span};
use model::labels::Labels;
use model::metadata::MetricType;

use super::super::tests::transcript;
use super::super::{Entry, Format, NativeHistogram, Parser, ProtobufOptions};
use super::message::METRIC_ITEMS_MAX;
use crate::encode::{Bucket, Encoder, Family, Metric, Value};
use crate::escaping::EscapingScheme;
use crate::negotiate::Protocol;
use crate::proto::{Writer, put_len};

fn encoded(kind: MetricType, value: Value<'_>) -> Vec<u8> {
    let metrics = [Metric { labels: &[("x", "y")], t: Some(1500), start_t: Some(1001), value }];
    let family = Family { name: "f", help: "some help", unit: "", kind, metrics: &metrics };
    let mut body = Vec::new();
    Encoder::new(Protocol::Protobuf, EscapingScheme::AllowUtf8, &mut body).family(&family);
    body
}

#[expect(clippy::needless_pass_by_value, reason = "the form of every check")]
fn check(body: &[u8], expected: Expect) {
    expected.assert_eq(&transcript(body, Format::Protobuf));
}

fn exemplar() -> Exemplar {
    Exemplar { labels: Labels::from_pairs([("id", "1")]), value: 0.5, t: Some(-1) }
}

#[test]
fn simple_and_expanded_families() {
    let exemplar = exemplar();
    let counter = Value::Simple { v: 3.0, exemplar: Some(&exemplar) };
    check(
        &encoded(MetricType::Counter, counter),
        expect![[r#"
        help f: "some help"
        type f: counter
        series "f�x�y" 3.0 Some(1500) {"__name__": "f", "x": "y"} exemplar {"id": "1"} 0.5 Some(-1)
    "#]],
    );
    let summary = Value::Summary { count: 2, sum: 1.5, quantiles: &[(0.5, 1.0), (1.0, 2.0)] };
    check(
        &encoded(MetricType::Summary, summary),
        expect![[r#"
        help f: "some help"
        type f: summary
        series "f_count�x�y" 2.0 Some(1500) {"__name__": "f_count", "x": "y"}
        series "f_sum�x�y" 1.5 Some(1500) {"__name__": "f_sum", "x": "y"}
        series "f�quantile�0.5�x�y" 1.0 Some(1500) {"__name__": "f", "quantile": "0.5", "x": "y"}
        series "f�quantile�1.0�x�y" 2.0 Some(1500) {"__name__": "f", "quantile": "1.0", "x": "y"}
    "#]],
    );
    let bare = Value::Summary { count: 2, sum: 1.5, quantiles: &[] };
    check(
        &encoded(MetricType::Summary, bare),
        expect![[r#"
        help f: "some help"
        type f: summary
        series "f_count�x�y" 2.0 Some(1500) {"__name__": "f_count", "x": "y"}
        series "f_sum�x�y" 1.5 Some(1500) {"__name__": "f_sum", "x": "y"}
    "#]],
    );
    let buckets = [Bucket { upper: 1.0, cumulative: 1.0, exemplar: Some(&exemplar) }];
    let classic = Value::Histogram { count: 2.0, sum: 1.5, buckets: &buckets };
    check(
        &encoded(MetricType::Histogram, classic),
        expect![[r#"
        help f: "some help"
        type f: histogram
        series "f_count�x�y" 2.0 Some(1500) {"__name__": "f_count", "x": "y"}
        series "f_sum�x�y" 1.5 Some(1500) {"__name__": "f_sum", "x": "y"}
        series "f_bucket�le�1.0�x�y" 1.0 Some(1500) {"__name__": "f_bucket", "le": "1.0", "x": "y"} exemplar {"id": "1"} 0.5 Some(-1)
        series "f_bucket�le�+Inf�x�y" 2.0 Some(1500) {"__name__": "f_bucket", "le": "+Inf", "x": "y"}
    "#]],
    );
    let buckets = [Bucket { upper: f64::INFINITY, cumulative: 2.0, exemplar: None }];
    let classic = Value::Histogram { count: 2.0, sum: 1.5, buckets: &buckets };
    check(
        &encoded(MetricType::GaugeHistogram, classic),
        expect![[r#"
        help f: "some help"
        type f: gaugehistogram
        series "f_count�x�y" 2.0 Some(1500) {"__name__": "f_count", "x": "y"}
        series "f_sum�x�y" 1.5 Some(1500) {"__name__": "f_sum", "x": "y"}
        series "f_bucket�le�+Inf�x�y" 2.0 Some(1500) {"__name__": "f_bucket", "le": "+Inf", "x": "y"}
    "#]],
    );
}

#[test]
fn native_histograms_are_compacted() {
    let int = NativeHistogram::Int(Histogram {
        schema: 3,
        zero_threshold: 0.001,
        zero_count: 1,
        count: 6,
        sum: 2.5,
        positive_spans: vec![Span { offset: -2, length: 3 }, Span { offset: 0, length: 2 }],
        positive_deltas: vec![2, -2, 1, 0, 1],
        ..Histogram::default()
    });
    check(
        &encoded(MetricType::Histogram, Value::Native { h: &int, buckets: &[], exemplars: &[] }),
        expect![[r#"
        help f: "some help"
        type f: histogram
        histogram Some(1500) Ok({"__name__": "f", "x": "y"}) Int(Histogram { reset_hint: Unknown, schema: 3, zero_threshold: 0.001, zero_count: 1, count: 6, sum: 2.5, positive_spans: [Span { offset: -2, length: 1 }, Span { offset: 1, length: 3 }], negative_spans: [], positive_deltas: [2, -1, 0, 1], negative_deltas: [], custom_values: None }) []
    "#]],
    );
    let float = NativeHistogram::Float(FloatHistogram {
        count: 1.5,
        negative_spans: vec![Span { offset: 1, length: 1 }, Span { offset: 5, length: 0 }],
        negative_buckets: vec![1.5],
        ..FloatHistogram::default()
    });
    check(
        &encoded(
            MetricType::GaugeHistogram,
            Value::Native { h: &float, buckets: &[], exemplars: &[] },
        ),
        expect![[r#"
        help f: "some help"
        type f: gaugehistogram
        histogram Some(1500) Ok({"__name__": "f", "x": "y"}) Float(FloatHistogram { reset_hint: Gauge, schema: 0, zero_threshold: 0.0, zero_count: 0.0, count: 1.5, sum: 0.0, positive_spans: [], negative_spans: [Span { offset: 1, length: 1 }], positive_buckets: [], negative_buckets: [1.5], custom_values: None }) []
    "#]],
    );
    let empty = NativeHistogram::Int(Histogram::default());
    check(
        &encoded(MetricType::Histogram, Value::Native { h: &empty, buckets: &[], exemplars: &[] }),
        expect![[r#"
        help f: "some help"
        type f: histogram
        histogram Some(1500) Ok({"__name__": "f", "x": "y"}) Int(Histogram { reset_hint: Unknown, schema: 0, zero_threshold: 0.0, zero_count: 0, count: 0, sum: 0.0, positive_spans: [], negative_spans: [], positive_deltas: [], negative_deltas: [], custom_values: None }) []
    "#]],
    );
    let options = ProtobufOptions { ignore_native: true, keep_classic: false };
    let body =
        encoded(MetricType::Histogram, Value::Native { h: &int, buckets: &[], exemplars: &[] });
    let mut parser = Parser::with_options(&body, Format::Protobuf, options);
    let mut n_series = 0;
    while let Some(entry) = parser.next_entry().unwrap() {
        assert!(!matches!(entry, Entry::Histogram(_)));
        n_series += usize::from(matches!(entry, Entry::Series(_)));
    }
    assert_eq!(n_series, 3);
}

/// A body of one family; `fill` writes it.
fn delimited(fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut message = Vec::new();
    fill(&mut Writer::new(&mut message));
    let mut body = Vec::new();
    put_len(&mut body, message.len());
    body.extend_from_slice(&message);
    body
}

#[test]
fn malformed_bodies() {
    check(
        b"\x05a",
        expect![[r#"
        error: clientpb: insufficient length of buffer, expected at least 6 bytes, got 2 bytes
    "#]],
    );
    check(
        b"\xff\xff\xff\xff\xff\x01",
        expect![[r#"
        error: clientpb: invalid varint encountered
    "#]],
    );
    check(
        b"\x01\x0a",
        expect![[r#"
        error: unexpected EOF
    "#]],
    );
    check(
        b"\x02\x08\x01",
        expect![[r#"
        error: proto: wrong wireType for field Name
    "#]],
    );
    check(
        b"\x01\x0b",
        expect![[r#"
        error: proto: illegal tag 1 (wire type 3)
    "#]],
    );
    check(
        &delimited(|w| w.message(4, |_| {})),
        expect![[r#"
        error: invalid metric name: 
    "#]],
    );
}

#[test]
fn malformed_families() {
    let bad_type = delimited(|w| {
        w.bytes(1, b"f");
        w.u64(3, 9);
        w.message(4, |_| {});
    });
    check(
        &bad_type,
        expect![[r#"
        error: unknown metric type for metric "f": 9
    "#]],
    );
    let bad_label = delimited(|w| {
        w.bytes(1, b"f");
        w.message(4, |w| w.message(1, |w| w.bytes(2, b"\xff")));
    });
    check(
        &bad_label,
        expect![[r#"
        help f: ""
        type f: counter
        error: invalid label value: �
    "#]],
    );
    let spans = delimited(|w| {
        w.bytes(1, b"f");
        w.u64(3, 4);
        w.message(4, |w| w.message(7, |w| w.message(12, |w| w.u64(2, 4_000_000_000))));
    });
    check(
        &spans,
        expect![[r#"
        help f: ""
        type f: histogram
        error: histogram "f": positive side: spans require 4000000000 buckets, have 0
    "#]],
    );
    // A family without metrics is passed over, whatever it is called.
    check(&delimited(|w| w.u64(3, 9)), expect![[r#""#]]);
}

#[test]
fn items_of_a_metric_are_bounded() {
    let body = |n: usize| {
        delimited(|w| {
            w.bytes(1, b"f");
            w.u64(3, 2);
            w.message(4, |w| {
                w.message(4, |w| (0..n).for_each(|_| w.message(3, |_| {})));
            });
        })
    };
    let last_line = |n| {
        let text = transcript(&body(n), Format::Protobuf);
        text.lines().last().unwrap_or_default().to_owned()
    };
    assert!(last_line(METRIC_ITEMS_MAX).starts_with("series"));
    assert_eq!(last_line(METRIC_ITEMS_MAX + 1), "error: more than 65536 quantiles");
}
