//! Pushes that are added to their group, and what survives of them.

use std::sync::Arc;

use expect_test::{Expect, expect};
use model::histogram::{FloatHistogram, Histogram, Span};
use model::metadata::MetricType;
use stdx::clock::SimClock;
use stdx::fs::sim::SimFs;
use wire::encode::{self, Encoder};
use wire::escaping::EscapingScheme;
use wire::exposition::NativeHistogram;
use wire::negotiate::Protocol;

use super::tests::{gateway, key, open, options, put, shown};
use super::{Gateway, Gauges, PushError, Replace, Value};

fn add(gateway: &Gateway, body: &str, gauges: Gauges) -> Result<(), PushError> {
    gateway.push(&key("a"), body.as_bytes(), None, Replace::Nothing(gauges), None)
}

const JOB: &str = "# TYPE c counter\nc{l=\"1\"} 2\n# TYPE s summary\ns{quantile=\"0.5\"} 9\ns_count 3\ns_sum 1.5\n\
    # TYPE h histogram\nh_bucket{le=\"1\"} 1.5\nh_bucket{le=\"+Inf\"} 4\nh_sum 8\nh_count 4\n";

#[test]
fn counts_are_added_and_what_is_not_pushed_stays() {
    let (fs, clock) = (SimFs::new(1), Arc::new(SimClock::at(1_700_000_000_000)));
    let gateway = open(&fs, &clock, options());
    put(&gateway, "a", "old 7\n").unwrap();
    add(&gateway, JOB, Gauges::Refuse).unwrap();
    add(&gateway, JOB, Gauges::Refuse).unwrap();
    add(&gateway, "# HELP c Help.\n# TYPE c counter\nc{l=\"2\"} 5\n", Gauges::Refuse).unwrap();
    let want = expect![[r##"
        # HELP c Help.
        # TYPE c counter
        c{instance="",job="a",l="1"} 4
        c{instance="",job="a",l="2"} 5
        # TYPE h histogram
        h_bucket{instance="",job="a",le="1"} 3
        h_bucket{instance="",job="a",le="+Inf"} 8
        h_sum{instance="",job="a"} 16
        h_count{instance="",job="a"} 8
        # TYPE old untyped
        old{instance="",job="a"} 7
        # TYPE s summary
        s_sum{instance="",job="a"} 3
        s_count{instance="",job="a"} 6
    "##]];
    want.assert_eq(&shown(&gateway));
    // Each was on stable storage when it was answered.
    drop(gateway);
    fs.crash();
    want.assert_eq(&shown(&open(&fs, &clock, options())));
}

#[test]
fn gauges_need_a_word() {
    for (gauges, want) in
        [(Gauges::Sum, 5.0), (Gauges::Max, 3.0), (Gauges::Min, 2.0), (Gauges::Last, 2.0)]
    {
        let gateway = gateway(options());
        add(&gateway, "# TYPE g gauge\ng 3\n", gauges).unwrap();
        add(&gateway, "# TYPE g gauge\ng 2\n", gauges).unwrap();
        let group = gateway.groups().remove(0);
        assert_eq!(group.families[0].metrics[0].value, Value::Simple(want), "{gauges:?}");
    }
}

fn refused(before: &str, pushed: &str, want: &Expect) {
    let gateway = gateway(options());
    if !before.is_empty() {
        put(&gateway, "a", before).unwrap();
    }
    let families = || gateway.groups().first().map(|group| group.families.clone());
    let had = families().unwrap_or_default();
    let error = add(&gateway, pushed, Gauges::Refuse).unwrap_err();
    let text = error.to_string();
    want.assert_eq(text.split_once("existing metrics: ").unwrap().1);
    assert_eq!(families(), Some(had));
    assert!(!gateway.groups()[0].last_push_successful());
}

#[test]
fn what_cannot_be_added_leaves_the_group_as_it_was() {
    refused(
        "",
        "# TYPE g gauge\ng 3\n",
        &expect![[r#""g" is GAUGE, which has no natural sum: say gauges=sum, max, min or last"#]],
    );
    refused(
        "",
        "# TYPE c counter\nc 1\nu 3\n",
        &expect![[r#""u" is UNTYPED, which has no natural sum: say gauges=sum, max, min or last"#]],
    );
    refused(
        "# TYPE c counter\nc 1\n",
        "# TYPE c histogram\nc_count 1\n",
        &expect![[r#""c" is HISTOGRAM, and cannot be added to the group's, which is COUNTER"#]],
    );
    refused(
        JOB,
        "# TYPE h histogram\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"+Inf\"} 4\nh_count 4\n",
        &expect![[
            r#"metric "h" { label:{name:"instance"  value:""}  label:{name:"job"  value:"a"}  histogram:{sample_count:4  sample_sum:0  bucket:{cumulative_count:1  upper_bound:2}  bucket:{cumulative_count:4  upper_bound:inf}}} cannot be added: its buckets have other bounds than the group's"#
        ]],
    );
    refused(
        "# TYPE c counter\nc 1\n",
        "# TYPE c counter\nc 1 5\n",
        &expect!["pushed metrics must not have timestamps"],
    );
    refused(
        "# TYPE c counter\nc 1\n",
        "# TYPE c counter\nc 1\nc 1\n",
        &expect![[
            r#"collected metric "c" { label:{name:"instance"  value:""}  label:{name:"job"  value:"a"}  counter:{value:1}} was collected before with the same name and label values"#
        ]],
    );
}

fn native(schema: i32, deltas: Vec<i64>) -> Vec<u8> {
    let h = NativeHistogram::Int(Histogram {
        schema,
        count: 3,
        sum: 4.5,
        zero_threshold: 0.001,
        positive_spans: vec![Span { offset: 1, length: u32::try_from(deltas.len()).unwrap() }],
        positive_deltas: deltas,
        ..Histogram::default()
    });
    let mut body = Vec::new();
    let mut encoder = Encoder::new(Protocol::Protobuf, EscapingScheme::AllowUtf8, &mut body);
    let value = encode::Value::Native { h: &h, buckets: &[], exemplars: &[] };
    let metrics = [encode::Metric { labels: &[], t: None, start_t: None, value }];
    let kind = MetricType::Histogram;
    encoder.family(&encode::Family { name: "n", help: "", unit: "", kind, metrics: &metrics });
    body
}

#[test]
fn native_histograms_are_added_at_the_coarser_resolution() {
    let gateway = gateway(options());
    let kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    for body in [native(1, vec![1, 1]), native(0, vec![2, -1])] {
        let replace = Replace::Nothing(Gauges::Refuse);
        gateway.push(&key("a"), &body, Some(kind), replace, None).unwrap();
    }
    let group = gateway.groups().remove(0);
    let Value::Histogram { count, sum, native, .. } = &group.families[0].metrics[0].value else {
        panic!("no histogram")
    };
    let want = FloatHistogram {
        count: 6.0,
        sum: 9.0,
        zero_threshold: 0.001,
        positive_spans: vec![Span { offset: 1, length: 2 }],
        positive_buckets: vec![5.0, 1.0],
        ..FloatHistogram::default()
    };
    assert_eq!((*count, *sum), (6.0, 9.0));
    assert_eq!(native.as_deref(), Some(&NativeHistogram::Float(want)));
}

#[test]
fn native_buckets_that_are_too_many_or_in_no_order_are_not_added() {
    let push = |gateway: &Gateway, body: &[u8]| {
        let kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        gateway.push(&key("a"), body, Some(kind), Replace::Nothing(Gauges::Refuse), None)
    };
    let gateway = gateway(options());
    let most = native(1, [vec![1], vec![0; 9_999]].concat());
    push(&gateway, &most).unwrap();
    push(&gateway, &most).unwrap();
    for (body, want) in [
        (
            native(1, [vec![1], vec![0; 10_000]].concat()),
            "its native buckets or the group's are too many",
        ),
        (native(1, vec![1, -2]), "its native buckets or the group's are not in order"),
    ] {
        let text = push(&gateway, &body).unwrap_err().to_string();
        assert!(text.ends_with(&format!(" cannot be added: {want}")), "{text}");
    }
}
