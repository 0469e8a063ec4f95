//! A query's value as JSON, piece by piece: a long result is never text as a whole.

use model::sample::{Samples, Value};
use promql::engine::{MatrixSeries, QueryValue, VectorSample};

use crate::answer::Data;
use crate::json;

/// A piece is handed on when it has so many bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// Cuts a value to `limit` series (0: no limit); whether something was cut off.
pub(crate) fn truncate(value: &mut QueryValue, limit: usize) -> bool {
    let len = match value {
        QueryValue::Vector(samples) => samples.len(),
        QueryValue::Matrix(series) => series.len(),
        QueryValue::Scalar { .. } | QueryValue::String { .. } => 0,
    };
    if limit == 0 || len <= limit {
        return false;
    }
    match value {
        QueryValue::Vector(samples) => samples.truncate(limit),
        QueryValue::Matrix(series) => series.truncate(limit),
        QueryValue::Scalar { .. } | QueryValue::String { .. } => {}
    }
    true
}

/// `{"resultType":…,"result":…}` with `tail` (further fields, or nothing) before the last brace.
pub(crate) fn data(value: QueryValue, tail: &str) -> Data {
    let tail = format!("{tail}}}");
    match value {
        QueryValue::Scalar { t, v } => {
            let mut out = String::from("{\"resultType\":\"scalar\",\"result\":");
            json::float_point(&mut out, t, v);
            Data::Whole(out + &tail)
        }
        QueryValue::String { t, s } => {
            let mut out = String::from("{\"resultType\":\"string\",\"result\":[");
            json::timestamp(&mut out, t);
            out.push(',');
            json::string(&mut out, &s);
            out.push(']');
            Data::Whole(out + &tail)
        }
        QueryValue::Vector(samples) => rows("vector", samples, vector_row, tail),
        QueryValue::Matrix(series) => rows("matrix", series, matrix_row, tail),
    }
}

fn rows<T: Send + 'static>(
    kind: &str,
    rows: Vec<T>,
    write: fn(&mut String, &T),
    tail: String,
) -> Data {
    let head = format!("{{\"resultType\":\"{kind}\",\"result\":[");
    let pieces = Pieces { rows: rows.into_iter(), write, next: Some(head), tail: format!("]{tail}") };
    Data::Pieces(Box::new(pieces))
}

struct Pieces<T> {
    rows: std::vec::IntoIter<T>,
    write: fn(&mut String, &T),
    /// What the next piece starts with; `None` after the end.
    next: Option<String>,
    tail: String,
}

impl<T> Iterator for Pieces<T> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut out = self.next.take()?;
        while let Some(row) = self.rows.next() {
            (self.write)(&mut out, &row);
            if self.rows.len() > 0 {
                out.push(',');
            }
            if out.len() >= PIECE_BYTES {
                self.next = Some(String::with_capacity(PIECE_BYTES + PIECE_BYTES / 4));
                return Some(out);
            }
        }
        out.push_str(&self.tail);
        Some(out)
    }
}

/// `{"metric":{…},"value":[…]}` or `…"histogram":[…]}`
fn vector_row(out: &mut String, row: &VectorSample) {
    out.push_str("{\"metric\":");
    json::labels(out, &row.labels);
    match &row.sample.v {
        Value::Float(v) => {
            out.push_str(",\"value\":");
            json::float_point(out, row.sample.t, *v);
        }
        Value::Histogram(h) => {
            out.push_str(",\"histogram\":");
            json::histogram_point(out, row.sample.t, h);
        }
    }
    out.push('}');
}

/// `{"metric":{…},"values":[…],"histograms":[…]}`; an empty list is left out.
fn matrix_row(out: &mut String, row: &MatrixSeries) {
    out.push_str("{\"metric\":");
    json::labels(out, &row.labels);
    let Samples { ts, vs, hs } = &row.samples;
    if !ts.is_empty() {
        out.push_str(",\"values\":");
        json::array(out, ts.iter().zip(vs), |out, (t, v)| json::float_point(out, *t, *v));
    }
    if !hs.is_empty() {
        out.push_str(",\"histograms\":");
        json::array(out, hs, |out, (t, h)| json::histogram_point(out, *t, h));
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use model::histogram::FloatHistogram;
    use model::labels::Labels;
    use model::sample::Sample;

    fn text(data: Data) -> (String, usize) {
        match data {
            Data::Whole(text) => (text, 1),
            Data::Pieces(pieces) => {
                let pieces: Vec<String> = pieces.collect();
                (pieces.concat(), pieces.len())
            }
        }
    }

    fn labels() -> Labels {
        Labels::from_pairs([("__name__", "up"), ("job", "a\"b")])
    }

    #[test]
    fn every_kind_of_value() {
        let histogram = FloatHistogram { count: 1.0, zero_count: 1.0, ..FloatHistogram::default() };
        let sample = |v| VectorSample { labels: labels(), sample: Sample { t: 1500, v } };
        for (value, want) in [
            (QueryValue::Scalar { t: 1500, v: 2.5 }, expect![[r#"{"resultType":"scalar","result":[1.500,"2.5"]}"#]]),
            (QueryValue::String { t: 0, s: "x".to_owned() }, expect![[r#"{"resultType":"string","result":[0,"x"]}"#]]),
            (QueryValue::Vector(Vec::new()), expect![[r#"{"resultType":"vector","result":[]}"#]]),
            (
                QueryValue::Vector(vec![sample(Value::Float(f64::NAN)), sample(Value::Histogram(histogram.clone().into()))]),
                expect![[r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\"b"},"value":[1.500,"NaN"]},{"metric":{"__name__":"up","job":"a\"b"},"histogram":[1.500,{"count":"1","sum":"0","buckets":[[3,"-0","0","1"]]}]}]}"#]],
            ),
            (
                QueryValue::Matrix(vec![MatrixSeries {
                    labels: Labels::default(),
                    samples: Samples { ts: vec![0, 1000], vs: vec![1.0, 2.0], hs: vec![(2000, histogram.into())] },
                }]),
                expect![[r#"{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"],[1,"2"]],"histograms":[[2,{"count":"1","sum":"0","buckets":[[3,"-0","0","1"]]}]]}]}"#]],
            ),
        ] {
            want.assert_eq(&text(data(value, "")).0);
        }
    }

    #[test]
    fn long_results_come_in_pieces() {
        let series = |n: usize| -> Vec<MatrixSeries> {
            let samples = Samples { ts: vec![0; 100], vs: vec![1.5; 100], hs: Vec::new() };
            vec![MatrixSeries { labels: labels(), samples }; n]
        };
        let (json, pieces) = text(data(QueryValue::Matrix(series(1000)), ",\"stats\":{}"));
        assert!(pieces > 10, "{pieces}");
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["result"].as_array().unwrap().len(), 1000);
        assert_eq!(value["stats"], serde_json::json!({}));
    }

    #[test]
    fn the_limit_cuts_after_its_number_of_series() {
        let series = MatrixSeries { labels: labels(), samples: Samples::default() };
        let mut value = QueryValue::Matrix(vec![series; 3]);
        assert!(!truncate(&mut value, 0) && !truncate(&mut value, 3));
        assert!(truncate(&mut value, 2));
        assert!(matches!(value, QueryValue::Matrix(series) if series.len() == 2));
        assert!(!truncate(&mut QueryValue::Scalar { t: 0, v: 1.0 }, 1));
    }
}
