//! Aggregations over a block made by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::ast::{self, Agg, Kind as AggKind, Metric, Order, OrderBy, Source};
use super::result::{Answers, Body};
use super::*;
use crate::bits::Bits;
use crate::column::{Column, Kind, Rows, Strings, Values};
use crate::mapping::Mapping;
use crate::part::{Block, Known, Part, ReadError, View};
use crate::search::Collector;

#[derive(Debug)]
struct Made(BTreeMap<(&'static str, Kind), Arc<Column>>, usize);

impl Block for Made {
    fn rows(&self) -> usize {
        self.1
    }
    fn times(&self) -> (i64, i64) {
        (0, 0)
    }
    fn column(&self, field: &str, kind: Kind) -> Result<Option<Arc<Column>>, ReadError> {
        Ok(self
            .0
            .iter()
            .find(|((name, of), _)| *name == field && *of == kind)
            .map(|(_, c)| Arc::clone(c)))
    }
    fn word(&self, _: &str, _: &str) -> Result<Known, ReadError> {
        Ok(Known::Maybe)
    }
    fn id(&self, row: usize) -> Result<String, ReadError> {
        Ok(row.to_string())
    }
    fn source(&self, _: usize) -> Result<String, ReadError> {
        Ok("{}".to_owned())
    }
}

#[derive(Debug)]
struct One(Arc<dyn Block>);

impl Part for One {
    fn name(&self) -> &str {
        "made"
    }
    fn rows(&self) -> usize {
        self.0.rows()
    }
    fn times(&self) -> Option<(i64, i64)> {
        None
    }
    fn block_count(&self) -> usize {
        1
    }
    fn block(&self, _: usize) -> Result<Arc<dyn Block>, ReadError> {
        Ok(Arc::clone(&self.0))
    }
    fn lacks_word(&self, _: &str, _: &str) -> bool {
        false
    }
    fn kinds(&self, _: &str) -> Vec<Kind> {
        Vec::new()
    }
    fn fields(&self) -> Vec<String> {
        Vec::new()
    }
    fn byte_len(&self) -> u64 {
        0
    }
}

struct Even;

impl Matcher for Even {
    fn rows(
        &self,
        _: usize,
        _: usize,
        _: &View,
        block: &Arc<dyn Block>,
    ) -> Result<Bits, SearchError> {
        let mut bits = Bits::none(block.rows());
        (0..block.rows()).step_by(2).for_each(|row| bits.set(row));
        Ok(bits)
    }
}

/// Rows: word, n, time in hours from 2026-01-01.
fn target(rows: &[(&str, i64, i64)]) -> Target {
    let mut words = Strings::default();
    for (word, ..) in rows {
        words.push(word);
    }
    let codes = (0..u32::try_from(rows.len()).unwrap()).collect();
    let dense = |values| Arc::new(Column { rows: Rows::Dense, values });
    let start = 1_767_225_600_000_000;
    let block: Arc<dyn Block> = Arc::new(Made(
        BTreeMap::from([
            (("word", Kind::Str), dense(Values::Dict { codes, words: Arc::new(words) })),
            (("n", Kind::Int), dense(Values::Int(rows.iter().map(|row| row.1).collect()))),
            (
                ("at", Kind::Int),
                dense(Values::Int(rows.iter().map(|row| start + row.2 * 3_600_000_000).collect())),
            ),
        ]),
        rows.len(),
    ));
    let mapping = Mapping::parse(&json!({"properties": {
        "word": {"type": "keyword"}, "n": {"type": "long"}, "at": {"type": "date"},
        "text": {"type": "text"},
    }}))
    .unwrap();
    let view = View { part: Arc::new(One(block)), deleted: Arc::default() };
    Target::new("i", Arc::new(mapping), vec![view])
}

fn agg(kind: AggKind, subs: ast::Aggs) -> Agg {
    Agg { kind, subs, meta: None }
}

fn terms(field: &str, order: Vec<Order>) -> ast::Terms {
    ast::Terms {
        source: Source::field(field),
        size: 10,
        min_doc_count: 1,
        order,
        include: None,
        exclude: None,
        show_error: false,
    }
}

fn run(rows: &[(&str, i64, i64)], aggs: &ast::Aggs, limits: Limits) -> Result<Answers, AggError> {
    let targets = [target(rows)];
    let mut aggregator = Aggregator::new(&targets, aggs, &Even, limits, 0)?;
    let view = &targets[0].views[0];
    let block = view.part.block(0)?;
    let matched = Matched {
        target: 0,
        view,
        view_at: 0,
        block: &block,
        block_at: 0,
        rows: &Bits::all(rows.len()),
        scores: None,
    };
    if let Err(error) = aggregator.collect(&matched) {
        return Err(aggregator.failure().unwrap_or(AggError::Value(error.to_string())));
    }
    aggregator.finish()
}

/// Buckets as `key count [sub values]`.
fn lines(answers: &Answers) -> Vec<String> {
    let mut lines = Vec::new();
    for answer in answers {
        match &answer.body {
            Body::Buckets(buckets) => {
                for bucket in &buckets.list {
                    let subs = lines_of(&bucket.subs);
                    lines.push(format!("{} {}{subs}", bucket.name, bucket.doc_count));
                }
            }
            Body::Single { doc_count, .. } => lines.push(format!("{} {doc_count}", answer.name)),
            Body::Number { .. }
            | Body::Count(_)
            | Body::Object(_)
            | Body::Percentiles { .. }
            | Body::TopHits { .. }
            | Body::TopMetrics(_) => lines.push(format!("{:?}", answer.body)),
        }
    }
    lines
}

fn lines_of(answers: &Answers) -> String {
    let one = |answer: &result::Answer| {
        if let Body::Number { value, .. } = &answer.body {
            format!(" {}={}", answer.name, value.map_or("-".to_owned(), |v| v.to_string()))
        } else {
            format!(" {:?}", answer.body)
        }
    };
    answers.iter().map(one).collect()
}

const ROWS: &[(&str, i64, i64)] =
    &[("a", 1, 0), ("b", 10, 1), ("a", 5, 25), ("c", 7, 25), ("b", 2, 73), ("b", 3, 74)];

#[test]
fn terms_in_every_order() {
    let check = |by, descending, want: &[&str]| {
        let max =
            vec![("m".to_owned(), agg(AggKind::Metric(Metric::Max(Source::field("n"))), vec![]))];
        let asked = terms("word", vec![Order { by, descending }]);
        let aggs = vec![("t".to_owned(), agg(AggKind::Terms(asked), max))];
        assert_eq!(lines(&run(ROWS, &aggs, Limits::default()).unwrap()), want);
    };
    check(OrderBy::Count, true, &["b 3 m=10", "a 2 m=5", "c 1 m=7"]);
    check(OrderBy::Key, false, &["a 2 m=5", "b 3 m=10", "c 1 m=7"]);
    check(OrderBy::Path("m".to_owned()), false, &["a 2 m=5", "c 1 m=7", "b 3 m=10"]);
}

#[test]
fn a_histogram_of_days_with_its_derivative() {
    let day = Rounding::calendar(Unit::Day, crate::date::Zone::default());
    let histogram = ast::DateHistogram {
        source: Source::field("at"),
        rounding: day,
        min_doc_count: 0,
        order: Vec::new(),
        extended_bounds: None,
        hard_bounds: None,
        keyed: false,
    };
    let pipeline = ast::Pipeline {
        kind: ast::PipelineKind::Derivative { unit_ms: None },
        paths: vec![(String::new(), "_count".to_owned())],
        gap: ast::GapPolicy::Skip,
        format: None,
    };
    let subs = vec![("d".to_owned(), agg(AggKind::Pipeline(pipeline), vec![]))];
    let aggs = vec![("h".to_owned(), agg(AggKind::DateHistogram(Box::new(histogram)), subs))];
    assert_eq!(
        lines(&run(ROWS, &aggs, Limits::default()).unwrap()),
        [
            "2026-01-01T00:00:00.000Z 2",
            "2026-01-02T00:00:00.000Z 2 d=0",
            "2026-01-03T00:00:00.000Z 0 d=-2",
            "2026-01-04T00:00:00.000Z 2 d=2",
        ]
    );
    let few = Limits { buckets_max: 4, ..Limits::default() };
    assert!(run(ROWS, &aggs, few).is_ok());
    let fewer = Limits { buckets_max: 3, ..Limits::default() };
    assert!(matches!(run(ROWS, &aggs, fewer), Err(AggError::TooManyBuckets(3))));
}

#[test]
fn filters_and_refusals() {
    let filter = vec![("f".to_owned(), agg(AggKind::Filter(0), vec![]))];
    assert_eq!(lines(&run(ROWS, &filter, Limits::default()).unwrap()), ["f 3"]);
    let text = vec![("t".to_owned(), agg(AggKind::Terms(terms("text", vec![])), vec![]))];
    let error = run(ROWS, &text, Limits::default()).unwrap_err().to_string();
    assert!(error.starts_with("Text fields are not optimised"), "{error}");
    let sum =
        vec![("s".to_owned(), agg(AggKind::Metric(Metric::Sum(Source::field("word"))), vec![]))];
    let error = run(ROWS, &sum, Limits::default()).unwrap_err().to_string();
    assert_eq!(error, "Field [word] of type [keyword] is not supported for aggregation [sum]");
    let none = vec![("t".to_owned(), agg(AggKind::Terms(terms("none", vec![])), vec![]))];
    let answers = run(ROWS, &none, Limits::default()).unwrap();
    assert_eq!((answers[0].type_name, lines(&answers)), ("sterms", Vec::<String>::new()));
}

#[test]
fn depth_and_memory_are_bounded() {
    let nest = |depth: usize| {
        let mut aggs: ast::Aggs = Vec::new();
        for _ in 0..depth {
            aggs = vec![("f".to_owned(), agg(AggKind::Filter(0), aggs))];
        }
        run(ROWS, &aggs, Limits::default()).map(|_| ())
    };
    assert!(nest(DEPTH_MAX).is_ok());
    assert!(nest(DEPTH_MAX + 2).is_err());
    let little = Limits { bytes_max: 100, ..Limits::default() };
    let aggs = vec![("t".to_owned(), agg(AggKind::Terms(terms("word", vec![])), vec![]))];
    assert!(matches!(run(ROWS, &aggs, little), Err(AggError::Memory(100))));
}
