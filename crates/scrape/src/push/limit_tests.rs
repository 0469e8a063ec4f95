//! The gateway's limits, at the bound and one past it, and protobuf bodies.

use std::sync::Arc;

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram, Span};
use model::labels::Labels;
use model::metadata::MetricType;
use wire::encode::{self, Encoder};
use wire::escaping::EscapingScheme;
use wire::exposition::NativeHistogram;
use wire::negotiate::Protocol;

use super::codec::{self, Change};
use super::tests::{exposed, gateway, key, options, put, shown};
use super::{Extra, Gateway, Options, PushError, Replace, Value};

const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

fn refused(result: Result<(), PushError>, text: &str) {
    assert_eq!(result.unwrap_err().to_string(), text);
}

#[test]
fn limits_of_one_push() {
    let small =
        gateway(Options { body_bytes_max: 20, group_metrics_max: 2, labels_max: 3, ..options() });
    put(&small, "a", &format!("x 1\n#{}\n", "c".repeat(14))).unwrap();
    let long = put(&small, "a", &format!("x 1\n#{}\n", "c".repeat(15)));
    refused(long, "push of 21 bytes, at most 20 allowed");
    put(&small, "a", "x 1\ny 1\n").unwrap();
    refused(put(&small, "a", "x 1\ny 1\nz 1\n"), "push of 3 metrics, at most 2 allowed");
    let third = small.push(&key("a"), b"z 1\n", None, Replace::SameFamilies, None);
    refused(third, "push of 3 metrics, at most 2 allowed");
    put(&small, "a", "x{a=\"1\"} 1\n").unwrap();
    let many = put(&small, "a", "x{a=\"1\",b=\"2\"} 1\n");
    refused(many, "push of 4 labels of one metric, at most 3 allowed");
}

#[test]
fn a_body_is_read_no_further_than_to_its_limit() {
    let small = gateway(Options { group_metrics_max: 2, labels_max: 3, ..options() });
    let broken = |body: &str| put(&small, "a", body).unwrap_err().to_string();
    assert_eq!(broken("x 1\ny 1\n}"), "text format parsing error in line 3: invalid metric name");
    assert_eq!(broken("x 1\ny 1\nz 1\n}"), "push of 3 metrics, at most 2 allowed");
    let four = "x{a=\"\",b=\"\",c=\"\",d=\"\"}}";
    assert_eq!(broken(four), "push of 4 labels of one metric, at most 3 allowed");
    assert_eq!(
        broken("# HELP a x\n# TYPE b gauge\n# HELP c x\n}"),
        "push of 3 names, at most 2 allowed"
    );
    for (n_families, n_metrics, n_labels, want) in [
        (1, 2, 1, ""),
        (1, 3, 1, "push of 3 metrics, at most 2 allowed"),
        (3, 1, 1, "push of 3 names, at most 2 allowed"),
        (1, 1, 6, "push of 7 labels of one metric, at most 5 allowed"),
    ] {
        let body = gauges(n_families, n_metrics, n_labels);
        let got = small.push(&key("a"), &body, Some(PROTOBUF), Replace::Group, None);
        assert_eq!(got.map_or_else(|error| error.to_string(), |()| String::new()), want);
    }
}

fn gauges(n_families: usize, n_metrics: usize, n_labels: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let mut encoder = Encoder::new(Protocol::Protobuf, EscapingScheme::AllowUtf8, &mut body);
    let names: Vec<String> = (0..n_labels).map(|i| format!("l{i}")).collect();
    let values: Vec<String> = (0..n_metrics).map(|i| i.to_string()).collect();
    let pairs = |value| names.iter().map(|name| (name.as_str(), value)).collect();
    let labels: Vec<Vec<(&str, &str)>> = values.iter().map(|value| pairs(value.as_str())).collect();
    let value = encode::Value::Simple { v: 1.0, exemplar: None };
    let metric = |labels| encode::Metric { labels, t: None, start_t: None, value };
    let metrics: Vec<_> = labels.iter().map(|labels| metric(labels.as_slice())).collect();
    for i in 0..n_families {
        let (name, kind) = (format!("m{i}"), MetricType::Gauge);
        let (name, metrics) = (name.as_str(), metrics.as_slice());
        encoder.family(&encode::Family { name, help: "h", unit: "", kind, metrics });
    }
    encoder.finish();
    body
}

#[test]
fn limits_of_all_groups() {
    let small = gateway(Options { groups_max: 2, metrics_max: 3, ..options() });
    put(&small, "a", "x 1\ny 1\n").unwrap();
    put(&small, "b", "x 1\n").unwrap();
    refused(put(&small, "c", ""), "3 groups with this push, at most 2 allowed");
    refused(put(&small, "b", "x 1\ny 1\n"), "4 metrics with this push, at most 3 allowed");
    put(&small, "a", "x 1\n").unwrap();
    put(&small, "b", "x 1\ny 1\n").unwrap();
    assert!(small.delete(&key("a")).unwrap());
    put(&small, "c", "x 1\n").unwrap();
    small.close();
    assert_eq!(put(&small, "c", "x 1\n"), Err(PushError::Closed));
}

fn exemplar(value: f64, t: Option<i64>) -> Exemplar {
    Exemplar { labels: Labels::from_pairs([("trace_id", "abc")]), value, t }
}

fn protobuf(t: Option<i64>) -> (Vec<u8>, NativeHistogram) {
    let h = NativeHistogram::Int(Histogram {
        schema: 1,
        count: 3,
        sum: 4.5,
        zero_threshold: 0.001,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        positive_deltas: vec![1, 1],
        ..Histogram::default()
    });
    let mut body = Vec::new();
    let mut encoder = Encoder::new(Protocol::Protobuf, EscapingScheme::AllowUtf8, &mut body);
    let mut family = |name, kind, value| {
        let labels = [("e", ""), ("l", "v")];
        let metric = encode::Metric { labels: &labels, t, start_t: Some(1500), value };
        let metrics = [metric];
        encoder.family(&encode::Family { name, help: "h", unit: "", kind, metrics: &metrics });
    };
    let exemplars = [exemplar(0.25, Some(2500)), exemplar(0.75, None)];
    let buckets = [
        encode::Bucket { upper: 0.25, cumulative: 1.0, exemplar: None },
        encode::Bucket { upper: 0.5, cumulative: 2.5, exemplar: Some(&exemplars[0]) },
    ];
    let native = encode::Value::Native { h: &h, buckets: &buckets, exemplars: &exemplars };
    family("n", MetricType::Histogram, native);
    let classic = encode::Value::Histogram { count: 3.0, sum: 1.5, buckets: &buckets };
    family("c", MetricType::Histogram, classic);
    let quantiles = [(0.5, 2.0)];
    let summary = encode::Value::Summary { count: 3, sum: 1.5, quantiles: &quantiles };
    family("s", MetricType::Summary, summary);
    family("g", MetricType::Gauge, encode::Value::Simple { v: 2.5, exemplar: None });
    let counter = encode::Value::Simple { v: 3.0, exemplar: Some(&exemplars[0]) };
    family("t", MetricType::Counter, counter);
    encoder.finish();
    (body, h)
}

fn push_protobuf(gateway: &Gateway, body: &[u8]) -> Result<(), PushError> {
    gateway.push(&key("p"), body, Some(PROTOBUF), Replace::Group, None)
}

#[test]
fn protobuf_is_taken_with_native_histograms() {
    let first = gateway(options());
    let (body, h) = protobuf(None);
    push_protobuf(&first, &body).unwrap();
    expect_test::expect![[r##"
        # HELP c h
        # TYPE c histogram
        c_bucket{e="",instance="",job="p",l="v",le="0.25"} 1
        c_bucket{e="",instance="",job="p",l="v",le="0.5"} 2.5
        c_bucket{e="",instance="",job="p",l="v",le="+Inf"} 3
        c_sum{e="",instance="",job="p",l="v"} 1.5
        c_count{e="",instance="",job="p",l="v"} 3
        # HELP g h
        # TYPE g gauge
        g{e="",instance="",job="p",l="v"} 2.5
        # HELP n h
        # TYPE n histogram
        n_bucket{e="",instance="",job="p",l="v",le="0.25"} 1
        n_bucket{e="",instance="",job="p",l="v",le="0.5"} 2.5
        n_bucket{e="",instance="",job="p",l="v",le="+Inf"} 3
        n_sum{e="",instance="",job="p",l="v"} 4.5
        n_count{e="",instance="",job="p",l="v"} 3
        # HELP s h
        # TYPE s summary
        s{e="",instance="",job="p",l="v",quantile="0.5"} 2
        s_sum{e="",instance="",job="p",l="v"} 1.5
        s_count{e="",instance="",job="p",l="v"} 3
        # HELP t h
        # TYPE t counter
        t{e="",instance="",job="p",l="v"} 3
    "##]]
    .assert_eq(&shown(&first));
    // What is exposed as protobuf can be pushed again and is the same.
    let again = gateway(options());
    let exposed_once = exposed(&first, Protocol::Protobuf);
    push_protobuf(&again, &exposed_once).unwrap();
    assert_eq!(exposed(&again, Protocol::Protobuf), exposed_once);
    let group = again.groups().remove(0);
    let Value::Histogram { native, .. } = &group.families[2].metrics[0].value else {
        panic!("no histogram");
    };
    assert_eq!(native.as_deref(), Some(&h));
    let extra = |family: usize| group.families[family].metrics[0].extra.as_deref().unwrap();
    let (with_time, without) = (exemplar(0.25, Some(2500)), exemplar(0.75, None));
    let bucket_exemplars = vec![(1, with_time.clone())];
    let want = Extra { start_ms: Some(1500), exemplars: vec![], bucket_exemplars };
    assert_eq!(extra(0), &want);
    assert_eq!(extra(2), &Extra { exemplars: vec![with_time.clone(), without], ..want.clone() });
    let of_counter = Extra { exemplars: vec![with_time], bucket_exemplars: vec![], ..want };
    assert_eq!(extra(4), &of_counter);
}

#[test]
fn native_histograms_of_both_kinds_read_back_from_the_journal() {
    let gateway = gateway(options());
    let (body, h) = protobuf(None);
    push_protobuf(&gateway, &body).unwrap();
    let group = gateway.groups().remove(0);
    let NativeHistogram::Int(int) = &h else { panic!("not whole") };
    let float = NativeHistogram::Float(FloatHistogram {
        custom_values: Some(vec![0.5].into()),
        ..int.to_float()
    });
    let mut with_float = (*group).clone();
    let mut family = (*with_float.families[2]).clone();
    family.metrics[0].value =
        Value::Histogram { count: 3.5, sum: 1.5, buckets: vec![], native: Some(Box::new(float)) };
    with_float.families[2] = Arc::new(family);
    let labels = group.labels.clone();
    let changes = [
        Change { labels: labels.clone(), after: Some(group) },
        Change { labels: labels.clone(), after: Some(Arc::new(with_float)) },
        Change { labels, after: None },
    ];
    let bytes = codec::encode(&changes);
    assert_eq!(codec::decode(&bytes).unwrap(), changes);
    // Cut or changed, it is refused or something else, but nothing breaks.
    for at in 0..bytes.len() {
        assert!(codec::decode(&bytes[..at]).is_err());
        let mut changed = bytes.clone();
        changed[at] ^= 0x81;
        drop(codec::decode(&changed));
    }
}

#[test]
fn protobuf_that_cannot_be_stored() {
    let gateway = gateway(options());
    let (timed, h) = protobuf(Some(1));
    let error = push_protobuf(&gateway, &timed).unwrap_err();
    assert!(error.to_string().ends_with("pushed metrics must not have timestamps"), "{error}");
    let (body, _) = protobuf(None);
    // A family of a name replaces one before; metrics of a name and labels in it are there twice.
    let values = [
        encode::Value::Summary { count: 1, sum: 1.0, quantiles: &[] },
        encode::Value::Histogram { count: 1.0, sum: 1.0, buckets: &[] },
        encode::Value::Native { h: &h, buckets: &[], exemplars: &[] },
    ];
    for (value, kind) in
        values.into_iter().zip([MetricType::Summary, MetricType::Histogram, MetricType::Histogram])
    {
        let mut body = Vec::new();
        let mut encoder = Encoder::new(Protocol::Protobuf, EscapingScheme::AllowUtf8, &mut body);
        let metrics = [encode::Metric { labels: &[], t: None, start_t: None, value }; 2];
        encoder.family(&encode::Family { name: "m", help: "", unit: "", kind, metrics: &metrics });
        let error = push_protobuf(&gateway, &body).unwrap_err().to_string();
        assert!(
            error.ends_with("was collected before with the same name and label values"),
            "{error}"
        );
    }
    let cut = push_protobuf(&gateway, &body[..body.len() - 1]).unwrap_err();
    assert!(matches!(cut, PushError::Malformed(_)), "{cut}");
    // Anything but the one media type is text.
    let text = gateway.push(
        &key("p"),
        b"x 1\n",
        Some("application/openmetrics-text"),
        Replace::Group,
        None,
    );
    assert_eq!(text, Ok(()));
}
