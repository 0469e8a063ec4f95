//! A query's value as JSON, piece by piece: a long result is never text as a whole.

use model::sample::{Samples, Value};
use promql::engine::{MatrixSeries, QueryValue, VectorSample};
use stdx::budget::Charge;

use crate::answer::Data;
use crate::json;

/// A piece is handed on when it has so many bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// `{"resultType":…,"result":…}` with `tail` (further fields, or nothing) before the last brace.
/// `held` pays for the value until the last piece is handed on or the reader has gone.
pub(crate) fn data(value: QueryValue, held: Charge, tail: &str) -> Data {
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
        QueryValue::Vector(samples) => rows("vector", (samples, held), vector_row, &tail),
        QueryValue::Matrix(series) => rows("matrix", (series, held), matrix_row, &tail),
    }
}

fn rows<T: Send + 'static>(
    kind: &str,
    (rows, held): (Vec<T>, Charge),
    write: fn(&mut String, &T),
    tail: &str,
) -> Data {
    let head = format!("{{\"resultType\":\"{kind}\",\"result\":[");
    let pieces = Pieces {
        rows: rows.into_iter(),
        held: Some(held),
        write,
        next: Some(head),
        tail: format!("]{tail}"),
    };
    Data::Pieces(Box::new(pieces))
}

struct Pieces<T> {
    rows: std::vec::IntoIter<T>,
    /// Pays for the rows.
    held: Option<Charge>,
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
        self.held = None;
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
    use stdx::budget::Budget;

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

    fn held(bytes: u64) -> Charge {
        Budget::new("memory", 1000).charge(bytes).unwrap()
    }

    #[test]
    fn every_kind_of_value() {
        let histogram = FloatHistogram { count: 1.0, zero_count: 1.0, ..FloatHistogram::default() };
        let sample = |v| VectorSample { labels: labels(), sample: Sample { t: 1500, v } };
        for (value, want) in [
            (
                QueryValue::Scalar { t: 1500, v: 2.5 },
                expect![[r#"{"resultType":"scalar","result":[1.500,"2.5"]}"#]],
            ),
            (
                QueryValue::String { t: 0, s: "x".to_owned() },
                expect![[r#"{"resultType":"string","result":[0,"x"]}"#]],
            ),
            (QueryValue::Vector(Vec::new()), expect![[r#"{"resultType":"vector","result":[]}"#]]),
            (
                QueryValue::Vector(vec![
                    sample(Value::Float(f64::NAN)),
                    sample(Value::Histogram(histogram.clone().into())),
                ]),
                expect![[
                    r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\"b"},"value":[1.500,"NaN"]},{"metric":{"__name__":"up","job":"a\"b"},"histogram":[1.500,{"count":"1","sum":"0","buckets":[[3,"-0","0","1"]]}]}]}"#
                ]],
            ),
            (
                QueryValue::Matrix(vec![MatrixSeries {
                    labels: Labels::default(),
                    samples: Samples {
                        ts: vec![0, 1000],
                        vs: vec![1.0, 2.0],
                        hs: vec![(2000, histogram.into())],
                    },
                }]),
                expect![[
                    r#"{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"],[1,"2"]],"histograms":[[2,{"count":"1","sum":"0","buckets":[[3,"-0","0","1"]]}]]}]}"#
                ]],
            ),
        ] {
            want.assert_eq(&text(data(value, held(0), "")).0);
        }
    }

    #[test]
    fn memory_is_given_back_after_the_last_piece_or_with_the_reader() {
        let budget = Budget::new("memory", 1000);
        let pieces = || {
            let samples = Samples { ts: vec![0; 100], vs: vec![1.5; 100], hs: Vec::new() };
            let series = vec![MatrixSeries { labels: labels(), samples }; 200];
            match data(QueryValue::Matrix(series), budget.charge(10).unwrap(), "") {
                Data::Pieces(pieces) => pieces,
                Data::Whole(text) => panic!("in one piece: {text}"),
            }
        };
        let mut sent = pieces();
        assert!(sent.next().is_some() && sent.next().is_some());
        assert_eq!(budget.used_bytes(), 10);
        assert!(sent.by_ref().count() > 0);
        assert_eq!(budget.used_bytes(), 0);
        let left = pieces();
        assert_eq!(budget.used_bytes(), 10);
        drop(left);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn long_results_come_in_pieces() {
        let series = |n: usize| -> Vec<MatrixSeries> {
            let samples = Samples { ts: vec![0; 100], vs: vec![1.5; 100], hs: Vec::new() };
            vec![MatrixSeries { labels: labels(), samples }; n]
        };
        let (json, pieces) = text(data(QueryValue::Matrix(series(1000)), held(0), ",\"stats\":{}"));
        assert!(pieces > 10, "{pieces}");
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["result"].as_array().unwrap().len(), 1000);
        assert_eq!(value["stats"], serde_json::json!({}));
    }
}
