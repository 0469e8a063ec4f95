//! Remote write and federation: what goes in and comes out by the sample.

use std::sync::Arc;

use bytes::Bytes;
use expect_test::expect;
use http_body_util::Full;
use hyper::Request;
use model::labels::Labels;
use model::port::ReadError;
use wire::remote::{FloatSample, WriteSeries, compress, encode_v1};

use super::memory::Memory;
use super::{Got, NOW_MS, Server};
use crate::config::Config;

fn receiver() -> Server {
    let config = Config { remote_write_receiver: true, ..Config::default() };
    Server::over(config, Arc::new(Memory::default()))
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> WriteSeries {
    let samples = samples.iter().map(|&(t, v)| FloatSample { t, v, start_t: None });
    WriteSeries {
        labels: Labels::from_pairs(labels.iter().copied()),
        samples: samples.collect(),
        ..WriteSeries::default()
    }
}

fn post(server: &Server, headers: &[(&'static str, &str)], body: Vec<u8>) -> Got {
    let mut request = Request::post("/api/v1/write");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Full::new(Bytes::from(body))).unwrap())
}

fn send(server: &Server, series: &[WriteSeries]) -> Got {
    post(server, &[("content-encoding", "snappy")], compress(&encode_v1(series)))
}

#[test]
fn samples_are_stored() {
    let server = receiver();
    let got = send(&server, &[series(&[("__name__", "a"), ("x", "y")], &[(1, 1.0), (2, 2.0)])]);
    assert_eq!(got.line(), "204 ");
    assert_eq!(got.header("x-prometheus-remote-write-samples-written"), "");
    assert_eq!(server.memory.dump(), "{\"__name__\": \"a\", \"x\": \"y\"}: 1=1 2=2\n");
}

#[test]
fn what_a_body_becomes_is_paid_for_before_it_is_made() {
    let config =
        Config { remote_write_receiver: true, memory_bytes_max: 5000, ..Config::default() };
    let server = Server::over(config, Arc::new(Memory::default()));
    let long = |n: usize| {
        send(&server, &[series(&[("__name__", "a"), ("x", &"y".repeat(n))], &[(1, 1.0)])])
    };
    assert_eq!(long(4000).line(), "204 ");
    let got = long(6000);
    assert_eq!((got.status, got.header("retry-after")), (503, "5"));
    assert!(
        got.text().starts_with("memory: ") && got.text().contains(" of 5000 in use"),
        "{}",
        got.text()
    );
}

#[test]
fn the_receiver_is_off_unless_asked_for() {
    let got = send(&Server::with_series(), &[]);
    assert_eq!(
        got.line(),
        "404 remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n"
    );
}

#[test]
fn wrong_headers_and_bodies() {
    let server = receiver();
    for (headers, body, want) in [
        (
            [("content-type", "text/plain"), ("content-encoding", "snappy")],
            Vec::new(),
            expect![[r#"
                415 expected application/x-protobuf as the first (media) part, got text/plain content-type
            "#]],
        ),
        (
            [("content-type", "application/x-protobuf"), ("content-encoding", "gzip")],
            Vec::new(),
            expect![[r#"
                415 gzip encoding (compression) is not accepted by this server; only snappy is acceptable
            "#]],
        ),
        (
            [("content-type", "application/x-protobuf"), ("content-encoding", "snappy")],
            b"not snappy".to_vec(),
            expect![[r#"
                400 snappy: corrupt input
            "#]],
        ),
    ] {
        want.assert_eq(&post(&server, &headers, body).line());
    }
}

#[test]
fn one_bad_sample_rolls_a_request_of_1_0_back() {
    let server = receiver();
    let good = series(&[("__name__", "a")], &[(5, 1.0)]);
    assert_eq!(send(&server, std::slice::from_ref(&good)).status, 204);
    let other = series(&[("__name__", "b")], &[(5, 1.0)]);
    let got = send(&server, &[other, series(&[("__name__", "a")], &[(4, 1.0)])]);
    assert_eq!(got.line(), "400 out of order sample\n");
    let future = series(&[("__name__", "c")], &[(NOW_MS + 600_001, 1.0)]);
    let got = send(&server, &[future]);
    assert_eq!(got.line(), "400 out of bounds: timestamp is too far in the future\n");
    assert_eq!(server.memory.dump(), "{\"__name__\": \"a\"}: 5=1\n");
    let edge = series(&[("__name__", "c")], &[(NOW_MS + 600_000, 1.0)]);
    assert_eq!(send(&server, &[edge]).status, 204);
}

#[test]
fn series_without_a_name_are_left_out_and_counted() {
    let server = receiver();
    let got = send(
        &server,
        &[series(&[("x", "y")], &[(1, 1.0)]), series(&[("__name__", "a")], &[(1, 1.0)])],
    );
    assert_eq!(got.status, 204);
    assert_eq!(server.memory.dump(), "{\"__name__\": \"a\"}: 1=1\n");
    let metrics = server.get("/metrics");
    let line = "prometheus_api_remote_write_invalid_labels_samples_total 1\n";
    assert!(metrics.text().contains(line));
}

#[test]
fn a_storage_that_fails_is_told_so_and_stores_nothing() {
    let server = receiver();
    *server.memory.broken.lock() = Some(ReadError::Storage("disk full".to_owned()));
    let got = send(&server, &[series(&[("__name__", "a")], &[(1, 1.0)])]);
    assert_eq!(got.line(), "500 storage: storage: disk full\n");
    assert_eq!(server.memory.dump(), "");
}

/// `field number << 3 | wire type`, then the value: just enough protobuf for a request of 2.0.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    out.extend_from_slice(bytes);
    out
}

fn v2_series(refs: &[u8], t: Option<u8>) -> Vec<u8> {
    let mut message = field(1, refs);
    if let Some(t) = t {
        let mut sample = vec![1 << 3 | 1];
        sample.extend_from_slice(&1.5_f64.to_le_bytes());
        sample.extend_from_slice(&[2 << 3, t]);
        message.extend(field(2, &sample));
    }
    field(5, &message)
}

#[test]
fn a_request_of_2_0_is_stored_in_part() {
    let server = receiver();
    let symbols = ["", "__name__", "a", "b"];
    let mut message: Vec<u8> =
        symbols.iter().flat_map(|symbol| field(4, symbol.as_bytes())).collect();
    message.extend(v2_series(&[1, 2], Some(7)));
    message.extend(v2_series(&[1, 3], None));
    message.extend(v2_series(&[3, 2], Some(7)));
    let headers = [
        ("content-encoding", "snappy"),
        ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
    ];
    let got = post(&server, &headers, compress(&message));
    expect![[r#"
        400 TimeSeries must contain at least one sample or histogram for series {__name__="b"}
        invalid metric name or labels, got {b="a"}
    "#]]
    .assert_eq(&got.line());
    assert_eq!(got.header("x-prometheus-remote-write-samples-written"), "1");
    assert_eq!(got.header("x-prometheus-remote-write-histograms-written"), "0");
    assert_eq!(server.memory.dump(), "{\"__name__\": \"a\"}: 7=1.5\n");
}

#[test]
fn the_newest_samples_are_federated() {
    let server = Server::with_series();
    let got = server.get("/federate?match[]=up&match[]=http_requests_total");
    expect![[r#"
        # TYPE http_requests_total untyped
        http_requests_total{code="200",job="a",instance=""} 70 1700000000000
        # TYPE up untyped
        up{job="a",instance=""} 1 1700000000000
        up{job="b",instance=""} 0 1700000000000
    "#]]
    .assert_eq(got.text());
    assert!(got.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert_eq!(server.get("/federate").line(), "200 ");
    assert_eq!(
        server.get("/federate?match[]=x(").line(),
        "400 1:2: parse error: unexpected \"(\"\n"
    );
}

#[test]
fn the_replay_is_shown_before_all_else() {
    let starting = Server::starting(Config::default());
    let path = "/api/v1/status/walreplay";
    let zeros = r#"200 {"status":"success","data":{"min":0,"max":0,"current":0}}"#;
    assert_eq!(starting.get(path).line(), zeros);
    let done = r#"200 {"status":"success","data":{"min":3,"max":7,"current":7}}"#;
    assert_eq!(Server::with_series().get(path).line(), done);
}
