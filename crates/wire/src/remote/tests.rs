//! Remote write requests, both versions: round trips, headers, malformed and oversized requests.

use std::sync::Arc;

use expect_test::{Expect, expect};
use model::exemplar::Exemplar;
use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, ResetHint, Span};
use model::labels::Labels;

use super::*;
use crate::exposition::NativeHistogram;
use crate::proto::Writer;

/// Every series of `message` in its debug form, then the error.
fn transcript(version: Version, message: &[u8]) -> String {
    let mut out = String::new();
    let mut request = match Request::new(version, message) {
        Ok(request) => request,
        Err(error) => return format!("error: {error}\n"),
    };
    for (name, metadata) in request.metadata().unwrap_or_default() {
        out += &format!("metadata {name} {metadata:?}\n");
    }
    let mut series = TimeSeries::default();
    loop {
        match request.next_series(&mut series) {
            Ok(false) => return out,
            Ok(true) => {
                let labels = series.labels.to_labels();
                out += &format!("series {labels:?} {:?} {:?}", series.samples, series.histograms);
                out += &format!(" {:?} {:?}\n", series.exemplars, series.metadata);
            }
            Err(error) => return out + &format!("error: {error}\n"),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form of every check")]
fn check(version: Version, fill: impl FnOnce(&mut Writer<'_>), expected: Expect) {
    let mut message = Vec::new();
    fill(&mut Writer::new(&mut message));
    expected.assert_eq(&transcript(version, &message));
}

#[test]
fn what_v1_writes_reads_back() {
    let int = Histogram {
        reset_hint: ResetHint::Gauge,
        schema: -4,
        zero_threshold: 0.5,
        zero_count: 0,
        count: 3,
        sum: -1.0,
        positive_spans: vec![Span { offset: -3, length: 2 }],
        positive_deltas: vec![2, -1],
        ..Histogram::default()
    };
    let float = FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 0.0,
        positive_spans: vec![Span { offset: 0, length: 1 }],
        positive_buckets: vec![2.5],
        custom_values: Some(Arc::from([1.0, 2.0])),
        ..FloatHistogram::default()
    };
    let one_bucket = FloatHistogram { custom_values: Some(Arc::from([])), ..float.clone() };
    let histogram = |t, h| HistogramSample { t, h, start_t: None };
    let sent = WriteSeries {
        labels: Labels::from_pairs([("__name__", "a"), ("é.b", "c")]),
        samples: vec![
            FloatSample { t: -5, v: f64::from_bits(model::sample::STALE_NAN_BITS), start_t: None },
            FloatSample { t: 0, v: -0.0, start_t: None },
        ],
        histograms: vec![
            histogram(1, NativeHistogram::Int(int)),
            histogram(2, NativeHistogram::Float(float)),
            histogram(3, NativeHistogram::Float(one_bucket)),
        ],
        exemplars: vec![Exemplar { labels: Labels::default(), value: 1.0, t: Some(7) }],
    };
    let body = compress(&encode_v1(&[sent.clone(), WriteSeries::default()]));
    let message = decompress(&body).unwrap();
    let mut request = Request::new(Version::V1, &message).unwrap();
    let mut read = TimeSeries::default();
    assert_eq!(request.next_series(&mut read), Ok(true));
    assert_eq!(read.labels.to_labels().unwrap(), sent.labels);
    let bits = |samples: &[FloatSample]| -> Vec<_> {
        samples.iter().map(|s| (s.t, s.v.to_bits())).collect()
    };
    assert_eq!(bits(&read.samples), bits(&sent.samples));
    assert_eq!(
        (read.histograms.clone(), read.exemplars.clone()),
        (sent.histograms, sent.exemplars)
    );
    assert_eq!(request.next_series(&mut read), Ok(true));
    assert!(read.labels.is_empty() && read.samples.is_empty() && read.histograms.is_empty());
    assert_eq!(request.next_series(&mut read), Ok(false));
}

/// A 2.0 request: symbols, and one series with `refs`.
fn v2(w: &mut Writer<'_>, refs: &[u8]) {
    w.message(5, |w| {
        w.bytes(1, refs);
        w.message(2, |w| {
            w.f64(1, 1.5);
            w.i64(2, 1000);
            w.i64(3, 500);
        });
        w.message(4, |w| w.bytes(1, &[1, 2]));
        w.message(5, |w| {
            w.u64(1, 1);
            w.u64(3, 3);
        });
    });
    for symbol in ["", "__name__", "up", "help!"] {
        w.message(4, |w| w.raw(symbol.as_bytes()));
    }
}

#[test]
fn v2_requests() {
    check(
        Version::V2,
        |w| v2(w, &[1, 2]),
        expect![[r#"
        series Ok({"__name__": "up"}) [FloatSample { t: 1000, v: 1.5, start_t: Some(500) }] [] [Exemplar { labels: {"__name__": "up"}, value: 0.0, t: Some(0) }] Some(Metadata { kind: Counter, unit: "", help: "help!" })
    "#]],
    );
    check(
        Version::V2,
        |w| v2(w, &[1, 2, 1]),
        expect![[r#"
        error: invalid labelRefs length 3
    "#]],
    );
    check(
        Version::V2,
        |w| v2(w, &[1, 4]),
        expect![[r#"
        error: labelRefs 1 (name) = 4 (value) outside of symbols table (size 4)
    "#]],
    );
    check(
        Version::V2,
        |w| w.bytes(4, b"\xff"),
        expect![[r#"
        error: proto: field Symbols is not valid UTF-8
    "#]],
    );
}

#[test]
fn v1_oddities() {
    let metadata = |w: &mut Writer<'_>| {
        w.message(3, |w| {
            w.u64(1, 2);
            w.bytes(2, b"a");
            w.bytes(4, b"help");
        });
        w.message(1, |w| w.message(1, |w| w.bytes(2, b"no name")));
        w.message(1, |w| w.u64(2, 1));
    };
    check(
        Version::V1,
        metadata,
        expect![[r#"
        metadata a Metadata { kind: Gauge, unit: "", help: "help" }
        series Err(Invalid("{\"\"=\"no name\"}")) [] [] [] None
        error: proto: wrong wireType for field Samples
    "#]],
    );
    check(
        Version::V1,
        |w| w.raw(b"\x0a\x05"),
        expect![[r#"
        error: unexpected EOF
    "#]],
    );
    check(
        Version::V1,
        |w| w.message(1, |w| w.bytes(1, b"\x0a\xff")),
        expect![[r#"
        error: unexpected EOF
    "#]],
    );
}

#[test]
fn snappy_is_checked_before_memory_is_taken() {
    let declared = |len: u64| {
        let mut body = Vec::new();
        stdx::varint::put_uvarint(&mut body, len);
        body.push(0xf0);
        body
    };
    let max = u64::try_from(REQUEST_BYTES_MAX).unwrap();
    assert_eq!(decompress(&declared(max)), Err(RemoteError::Snappy));
    assert_eq!(
        decompress(&declared(max + 1)).unwrap_err().to_string(),
        "snappy: decoded length 33554433 exceeds limit 33554432"
    );
    assert_eq!(decompress(b""), Err(RemoteError::Snappy));
    assert_eq!(decompress(&compress(b"message")).as_deref(), Ok(b"message".as_slice()));
}

#[test]
fn small_requests_cannot_become_large() {
    let symbol = "x".repeat(SERIES_LABEL_BYTES_MAX / 2);
    let request = |refs: &[u8]| {
        let mut message = Vec::new();
        let mut w = Writer::new(&mut message);
        w.message(5, |w| w.bytes(1, refs));
        w.message(4, |_| {});
        w.bytes(4, symbol.as_bytes());
        transcript(Version::V2, &message)
    };
    assert!(request(&[1, 1]).starts_with("series"));
    assert_eq!(request(&[1, 1, 0, 1]), "error: more than 1048576 label bytes in one series\n");
    let histograms = |n: usize| {
        let mut message = Vec::new();
        let mut w = Writer::new(&mut message);
        w.message(1, |w| (0..n).for_each(|_| w.message(4, |_| {})));
        transcript(Version::V1, &message)
    };
    assert!(histograms(SERIES_RECORDS_MAX).starts_with("series"));
    assert_eq!(histograms(SERIES_RECORDS_MAX + 1), "error: more than 16384 histograms\n");
}

#[test]
fn headers() {
    let version = |text| version_for(text).map_err(|error| error.to_string());
    assert_eq!(version(None), Ok(Version::V1));
    assert_eq!(version(Some("application/x-protobuf")), Ok(Version::V1));
    assert_eq!(
        version(Some("application/x-protobuf;proto=prometheus.WriteRequest")),
        Ok(Version::V1)
    );
    let v2 = "application/x-protobuf; proto=io.prometheus.write.v2.Request";
    assert_eq!(version(Some(v2)), Ok(Version::V2));
    assert_eq!(
        version(Some("application/json")),
        Err("expected application/x-protobuf as the first (media) part, got application/json content-type".into())
    );
    assert!(version(Some("application/x-protobuf;proto=x")).is_err());
    assert_eq!(check_encoding(None), Ok(()));
    assert_eq!(check_encoding(Some("snappy")), Ok(()));
    assert_eq!(
        check_encoding(Some("gzip")).unwrap_err().to_string(),
        "gzip encoding (compression) is not accepted by this server; only snappy is acceptable"
    );
}
