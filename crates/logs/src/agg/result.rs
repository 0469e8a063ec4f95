//! What aggregations answer: a tree of numbers and buckets.

use serde_json::{Map, Value};

use super::ast::TopHits;
use crate::search::Hit;

/// The answers of aggregations beside one another.
pub type Answers = Vec<Answer>;

/// The answer of one aggregation.
#[derive(Debug, Clone)]
pub struct Answer {
    pub name: String,
    /// What `typed_keys` puts before the name, e.g. `lterms`.
    pub type_name: &'static str,
    pub meta: Option<Value>,
    pub body: Body,
}

/// What an aggregation found.
#[derive(Debug, Clone)]
pub enum Body {
    /// One number; `None` where there was no value. `extra` are further members, e.g. `keys`.
    Number {
        value: Option<f64>,
        text: Option<String>,
        extra: Map<String, Value>,
    },
    /// A count.
    Count(u64),
    /// Several numbers by name, as they are shown; the numbers that pipelines reach are those that are `f64` or counts.
    Object(Map<String, Value>),
    /// Numbers by a number: percents or values.
    Percentiles {
        values: Vec<(f64, Option<f64>)>,
        keyed: bool,
        texts: Option<Vec<String>>,
    },
    /// One bucket. `extra` stands behind its count (`bg_count`).
    Single {
        doc_count: u64,
        subs: Answers,
    },
    Buckets(Buckets),
    TopHits {
        total: u64,
        max_score: Option<f32>,
        hits: Vec<Hit>,
        options: Box<TopHits>,
    },
    TopMetrics(Vec<TopMetric>),
}

/// A row's sort values and its metrics by name.
pub type TopMetric = (Vec<Value>, Vec<(String, Value)>);

/// How buckets are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    List,
    /// An object by the buckets' names.
    Keyed,
}

/// Several buckets.
#[derive(Debug, Clone)]
pub struct Buckets {
    pub shown: Shown,
    /// Members before the buckets, e.g. `sum_other_doc_count`.
    pub head: Map<String, Value>,
    pub list: Vec<Bucket>,
    /// Members behind the buckets, e.g. `interval`.
    pub tail: Map<String, Value>,
}

/// One bucket.
#[derive(Debug, Clone, Default)]
pub struct Bucket {
    /// What it is called where buckets are shown by name.
    pub name: String,
    /// The bucket's own members before `doc_count`: `key`, `key_as_string`, `from` …
    pub head: Map<String, Value>,
    pub doc_count: u64,
    /// The bucket's own members behind `doc_count`: `score`, `bg_count` …
    pub tail: Map<String, Value>,
    pub subs: Answers,
    /// Its place on the axis of a histogram: a number, or milliseconds.
    pub at: Option<f64>,
}
