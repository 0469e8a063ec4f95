//! What is asked of a search, and what it answers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::Value;
use stdx::clock::Clock;

use super::SearchError;
use crate::bits::Bits;
use crate::mapping::{FieldType, Mapping};
use crate::part::{Block, ReadError, View};
use crate::query::{self, FieldBoost, Query};
use crate::text::analysis::Analysis;

/// One index as a search sees it.
#[derive(Debug, Clone)]
pub struct Target {
    pub index: String,
    pub mapping: Arc<Mapping>,
    /// The index's analyzers (`Analysis::default()` without settings of its own).
    pub analysis: Arc<Analysis>,
    /// Newest first.
    pub views: Vec<View>,
    /// What an alias lets through.
    pub filter: Option<Query>,
    /// `index.query.default_field`; every field when empty.
    pub default_fields: Vec<FieldBoost>,
}

impl Target {
    /// An index without settings of its own.
    #[must_use]
    pub fn new(index: impl Into<String>, mapping: Arc<Mapping>, views: Vec<View>) -> Self {
        Self {
            index: index.into(),
            mapping,
            analysis: Arc::default(),
            views,
            filter: None,
            default_fields: Vec::new(),
        }
    }
}

/// How many hits are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// All of them.
    Exactly,
    /// Up to here; what is above is said to be more.
    UpTo(u64),
    /// None: the answer has no total.
    No,
}

/// How many hits there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    pub value: u64,
    /// There are exactly so many; else at least.
    pub exact: bool,
}

/// Where rows without a value go.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Missing {
    #[default]
    Last,
    First,
    /// As if they had this value.
    Value(Value),
}

/// Which of several values a row is sorted by: the smallest going up and the largest going down, when not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Min,
    Max,
    Sum,
    Avg,
    Median,
}

/// As what numbers are compared (`numeric_type`), over indices with different types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumericType {
    Long,
    Double,
    Date,
    DateNanos,
}

/// A sort by values of nested objects.
#[derive(Debug, Clone, PartialEq)]
pub struct NestedSort {
    pub path: String,
    pub filter: Option<Query>,
}

/// By what rows are sorted.
#[derive(Debug, Clone, PartialEq)]
pub enum SortBy {
    Score,
    /// The order in which rows came (`_doc`, `_seq_no`).
    Doc,
    Field(String),
}

/// One level of the order of hits.
#[derive(Debug, Clone, PartialEq)]
pub struct Sort {
    pub by: SortBy,
    pub descending: bool,
    pub missing: Missing,
    pub mode: Option<Mode>,
    /// The type of a field that an index does not have.
    pub unmapped_type: Option<FieldType>,
    pub numeric_type: Option<NumericType>,
    pub nested: Option<NestedSort>,
}

impl Sort {
    /// By the values of `field`.
    #[must_use]
    pub fn field(field: impl Into<String>, descending: bool) -> Self {
        Self::by(SortBy::Field(field.into()), descending)
    }

    /// By `by`, with nothing said of the rest.
    #[must_use]
    pub fn by(by: SortBy, descending: bool) -> Self {
        Self {
            by,
            descending,
            missing: Missing::Last,
            mode: None,
            unmapped_type: None,
            numeric_type: None,
            nested: None,
        }
    }
}

/// One of `max` disjoint shares of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    pub id: u32,
    pub max: u32,
}

/// What Elasticsearch multiplies BM25 scores by.
pub const ELASTIC_SCALE: f32 = 2.2;

/// A search.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub query: Query,
    /// Hits that are shown; aggregations see what it leaves out too.
    pub post_filter: Option<Query>,
    pub min_score: Option<f32>,
    pub from: usize,
    pub size: usize,
    /// Empty: by score, best first, then in the order of arrival.
    pub sort: Vec<Sort>,
    /// Factor of all BM25 scores: Elasticsearch multiplies by `k1 + 1` ([`ELASTIC_SCALE`]), `OpenSearch` since 3.0 does not (1).
    pub score_scale: f32,
    /// A score for each hit although they are not sorted by it.
    pub track_scores: bool,
    /// The sort values after which hits begin, one for each level of `sort`.
    pub search_after: Option<Vec<Value>>,
    pub track_total: Track,
    /// Rows after which looking stops.
    pub terminate_after: Option<u64>,
    /// A field; of rows with the same value only the first is shown.
    pub collapse: Option<String>,
    pub slice: Option<Slice>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            query: Query::default(),
            post_filter: None,
            min_score: None,
            from: 0,
            size: 10,
            sort: Vec::new(),
            score_scale: ELASTIC_SCALE,
            track_scores: false,
            search_after: None,
            track_total: Track::UpTo(10_000),
            terminate_after: None,
            collapse: None,
            slice: None,
        }
    }
}

/// What a search may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    pub clock: Arc<dyn Clock>,
    /// [`Clock::mono`] after which the search answers what it has (`timed_out`).
    pub deadline: Option<Duration>,
    /// Set by whoever gives up.
    pub cancel: Option<Arc<AtomicBool>>,
    /// Most bytes that the search holds at once.
    pub memory_bytes_max: u64,
    pub clauses_max: usize,
}

impl Limits {
    /// The usual limits, without a deadline.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            deadline: None,
            cancel: None,
            memory_bytes_max: 256 * 1024 * 1024,
            clauses_max: query::CLAUSES_MAX,
        }
    }
}

/// A found row.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Which of the targets, and which of its views and blocks.
    pub target: usize,
    pub view: usize,
    pub block_at: usize,
    pub row: usize,
    /// The block itself: the row's identifier, source and columns.
    pub block: Arc<dyn Block>,
    /// When scores were asked for.
    pub score: Option<f32>,
    /// The values that it was sorted by: dates in milliseconds (`date_nanos` in nanoseconds), missing numbers as the
    /// type's first or last, other missing values null.
    pub sort: Vec<Value>,
    /// The names of the queries that it matches.
    pub matched: Vec<String>,
    /// With `collapse`: the value that it stands for.
    pub collapsed: Option<Value>,
}

/// A block that could not be read: its rows are left out.
#[derive(Debug, Clone)]
pub struct Failure {
    pub index: String,
    pub error: ReadError,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Found {
    /// `None` when it was not asked for.
    pub total: Option<Total>,
    /// The best score, when scores were asked for and there are hits.
    pub max_score: Option<f32>,
    pub hits: Vec<Hit>,
    pub timed_out: bool,
    /// Only with `terminate_after`: whether it came to that.
    pub terminated_early: Option<bool>,
    pub failures: Vec<Failure>,
}

/// The rows of one block that match a search.
#[derive(Debug, Clone, Copy)]
pub struct Matched<'a> {
    pub target: usize,
    pub view: &'a View,
    pub view_at: usize,
    pub block: &'a Arc<dyn Block>,
    pub block_at: usize,
    pub rows: &'a Bits,
    /// A score for each row of the block, when the collector wants them; 0 for rows that do not match.
    pub scores: Option<&'a [f32]>,
}

/// Sees all rows that match: aggregations.
pub trait Collector {
    /// Whether [`Matched::scores`] are wanted.
    fn wants_scores(&self) -> bool {
        false
    }

    /// Takes the matching rows of a block; called once for each block with any.
    ///
    /// # Errors
    /// What ends the search.
    fn collect(&mut self, matched: &Matched<'_>) -> Result<(), SearchError>;
}
