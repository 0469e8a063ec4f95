//! What each format writes for the same families.

use expect_test::{Expect, expect};
use model::exemplar::Exemplar;
use model::labels::Labels;
use model::metadata::MetricType;

use super::{Bucket, Encoder, Family, Metric, Value};
use crate::escaping::EscapingScheme;
use crate::negotiate::Protocol;

#[expect(clippy::needless_pass_by_value, reason = "the form of every check")]
fn check(protocol: Protocol, escaping: EscapingScheme, expected: Expect) {
    let exemplar =
        Exemplar { labels: Labels::from_pairs([("id", "a\"b")]), value: 1.0, t: Some(1500) };
    let simple = |v, exemplar| Value::Simple { v, exemplar };
    let metric = |labels, t, value| Metric { labels, t, start_t: None, value };
    let counters = [
        metric(&[("a", "1\\\n\"")], Some(1234), simple(1.0, Some(&exemplar))),
        metric(&[], None, simple(1e6, None)),
    ];
    let dotted = [metric(&[("l.m", "x")], Some(-5), simple(0.25, None))];
    let buckets = [Bucket { upper: 1.0, cumulative: 2.0, exemplar: Some(&exemplar) }];
    let histogram =
        [metric(&[], None, Value::Histogram { count: 3.0, sum: 4.5, buckets: &buckets })];
    let summary = [metric(
        &[("x", "y")],
        None,
        Value::Summary { count: 1, sum: 2.0, quantiles: &[(0.5, 2.0)] },
    )];
    let family = |name, kind, metrics| Family { name, help: "", unit: "", kind, metrics };
    let mut body = Vec::new();
    let mut encoder = Encoder::new(protocol, escaping, &mut body);
    let help = "It \\ says\n\"so\"";
    encoder.family(&Family { help, ..family("c_total", MetricType::Counter, &counters) });
    encoder.family(&Family { unit: "e", ..family("d.e", MetricType::Unknown, &dotted) });
    encoder.family(&Family { unit: "s", ..family("g_s", MetricType::Gauge, &[]) });
    encoder.family(&family("h", MetricType::Histogram, &histogram));
    encoder.family(&family("s", MetricType::Summary, &summary));
    encoder.family(&family("no_suffix", MetricType::Counter, &[]));
    encoder.finish();
    expected.assert_eq(std::str::from_utf8(&body).unwrap());
}

#[test]
fn texts() {
    check(
        Protocol::Text004,
        EscapingScheme::Underscores,
        expect![[r##"
            # HELP c_total It \\ says\n"so"
            # TYPE c_total counter
            c_total{a="1\\\n\""} 1 1234
            c_total 1e+06
            # TYPE d_e untyped
            d_e{l_m="x"} 0.25 -5
            # TYPE g_s gauge
            # TYPE h histogram
            h_bucket{le="1"} 2
            h_bucket{le="+Inf"} 3
            h_sum 4.5
            h_count 3
            # TYPE s summary
            s{x="y",quantile="0.5"} 2
            s_sum{x="y"} 2
            s_count{x="y"} 1
            # TYPE no_suffix counter
        "##]],
    );
    check(
        Protocol::OpenMetrics100,
        EscapingScheme::AllowUtf8,
        expect![[r##"
            # HELP c It \\ says\n\"so\"
            # TYPE c counter
            c_total{a="1\\\n\""} 1.0 1.234 # {id="a\"b"} 1.0 1.500
            c_total 1e+06
            # TYPE "d.e" unknown
            {"d.e","l.m"="x"} 0.25 -0.005
            # TYPE g_s gauge
            # UNIT g_s s
            # TYPE h histogram
            h_bucket{le="1.0"} 2 # {id="a\"b"} 1.0 1.500
            h_bucket{le="+Inf"} 3
            h_sum 4.5
            h_count 3
            # TYPE s summary
            s{x="y",quantile="0.5"} 2.0
            s_sum{x="y"} 2.0
            s_count{x="y"} 1
            # TYPE no_suffix unknown
            # EOF
        "##]],
    );
}
