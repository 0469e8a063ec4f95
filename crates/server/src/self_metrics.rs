//! `/metrics`: the server about itself, in the format that the scraper asks for.

use hyper::header;
use model::metadata::MetricType;
use stdx::metrics::{Family, Kind, Point, PointValue};
use wire::encode::{self, Bucket, Encoder, Metric, Value};
use wire::escaping::EscapingScheme;
use wire::negotiate::{Protocol, negotiate};

use crate::http::Reply;
use crate::serve::Call;

/// All families of the registry.
pub(crate) fn metrics(call: &Call) -> Reply {
    let (protocol, escaping) = negotiate(Some(call.request.header(&header::ACCEPT)));
    let body = encoded(&call.state.registry.gather(), protocol, escaping);
    Reply::exposition(body, &protocol.content_type(escaping))
}

fn encoded(families: &[Family], protocol: Protocol, escaping: EscapingScheme) -> Vec<u8> {
    let mut body = Vec::new();
    let mut encoder = Encoder::new(protocol, escaping, &mut body);
    for family in families {
        write_family(&mut encoder, family);
    }
    encoder.finish();
    body
}

fn write_family(encoder: &mut Encoder<'_>, family: &Family) {
    // What the metrics borrow from.
    let labels: Vec<Vec<(&str, &str)>> = family.points.iter().map(labels).collect();
    let buckets: Vec<Vec<Bucket<'_>>> = family.points.iter().map(buckets).collect();
    let metrics: Vec<Metric<'_>> = family
        .points
        .iter()
        .zip(labels.iter().zip(&buckets))
        .map(|(point, (labels, buckets))| {
            let value = match &point.value {
                &PointValue::Number(v) => Value::Simple { v, exemplar: None },
                &PointValue::Histogram { count, sum, .. } => {
                    Value::Histogram { count: stdx::metrics::float(count), sum, buckets }
                }
                PointValue::Summary { quantiles, count, sum } => {
                    Value::Summary { count: *count, sum: *sum, quantiles }
                }
            };
            Metric { labels, t: None, start_t: None, value }
        })
        .collect();
    let kind = match family.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
        Kind::Summary => MetricType::Summary,
    };
    let (name, help) = (family.name.as_str(), family.help.as_str());
    encoder.family(&encode::Family { name, help, unit: "", kind, metrics: &metrics });
}

fn labels(point: &Point) -> Vec<(&str, &str)> {
    point.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn buckets(point: &Point) -> Vec<Bucket<'_>> {
    match &point.value {
        PointValue::Number(_) | PointValue::Summary { .. } => Vec::new(),
        PointValue::Histogram { buckets, .. } => buckets
            .iter()
            .map(|&(upper, n)| Bucket {
                upper,
                cumulative: stdx::metrics::float(n),
                exemplar: None,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use stdx::metrics::Registry;

    #[expect(clippy::needless_pass_by_value, reason = "the form of every check")]
    fn check(protocol: Protocol, expected: Expect) {
        let registry = Registry::default();
        registry.counter("a_total", "As \\ and\n\"more\".", &[("x", "1\"2")]).add(3);
        registry.gauge("g", "G.", &[]).set(1e6);
        registry.histogram("h", "H.", &[("l", "m")], &[0.5, 1.0]).observe(0.7);
        registry.collector(|| {
            let value = PointValue::Summary { quantiles: vec![(0.5, 2.0)], count: 3, sum: 7.0 };
            let labels = vec![("l".to_owned(), "m".to_owned())];
            let points = vec![Point { labels, value }];
            vec![Family {
                name: "s".to_owned(),
                help: "S.".to_owned(),
                kind: Kind::Summary,
                points,
            }]
        });
        let body = encoded(&registry.gather(), protocol, EscapingScheme::Underscores);
        expected.assert_eq(std::str::from_utf8(&body).unwrap());
    }

    #[test]
    fn both_texts() {
        check(
            Protocol::Text004,
            expect![[r#"
                # HELP a_total As \\ and\n"more".
                # TYPE a_total counter
                a_total{x="1\"2"} 3
                # HELP g G.
                # TYPE g gauge
                g 1e+06
                # HELP h H.
                # TYPE h histogram
                h_bucket{l="m",le="0.5"} 0
                h_bucket{l="m",le="1"} 1
                h_bucket{l="m",le="+Inf"} 1
                h_sum{l="m"} 0.7
                h_count{l="m"} 1
                # HELP s S.
                # TYPE s summary
                s{l="m",quantile="0.5"} 2
                s_sum{l="m"} 7
                s_count{l="m"} 3
            "#]],
        );
        check(
            Protocol::OpenMetrics100,
            expect![[r##"
                # HELP a As \\ and\n\"more\".
                # TYPE a counter
                a_total{x="1\"2"} 3.0
                # HELP g G.
                # TYPE g gauge
                g 1e+06
                # HELP h H.
                # TYPE h histogram
                h_bucket{l="m",le="0.5"} 0
                h_bucket{l="m",le="1.0"} 1
                h_bucket{l="m",le="+Inf"} 1
                h_sum{l="m"} 0.7
                h_count{l="m"} 1
                # HELP s S.
                # TYPE s summary
                s{l="m",quantile="0.5"} 2.0
                s_sum{l="m"} 7.0
                s_count{l="m"} 3
                # EOF
            "##]],
        );
    }
}
