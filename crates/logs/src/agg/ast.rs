//! What is asked of aggregations: their kinds and options, by their names in `OpenSearch`'s bodies.

use serde_json::Value;

use super::round::Rounding;
use crate::query::Query;
use crate::search::Sort;

/// Aggregations beside one another, in the order in which they were asked for.
pub type Aggs = Vec<(String, Agg)>;

/// A whole request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub aggs: Aggs,
    /// The queries that [`Kind::Filter`] and [`Kind::Filters`] name by their place here.
    pub filters: Vec<Query>,
}

/// One aggregation.
#[derive(Debug, Clone)]
pub struct Agg {
    pub kind: Kind,
    pub subs: Aggs,
    /// Said back in the answer.
    pub meta: Option<Value>,
}

/// Where values come from.
#[derive(Debug, Clone, Default)]
pub struct Source {
    pub field: String,
    /// What a row without a value has.
    pub missing: Option<Value>,
    pub format: Option<String>,
    pub time_zone: Option<String>,
    /// The type of a field that no index has.
    pub value_type: Option<String>,
}

impl Source {
    /// The values of `field`.
    #[must_use]
    pub fn field(field: impl Into<String>) -> Self {
        Self { field: field.into(), ..Self::default() }
    }
}

/// By what buckets are put in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderBy {
    Count,
    Key,
    /// A metric below, e.g. `load.max` or `a>b`.
    Path(String),
}

/// One level of the order of buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub by: OrderBy,
    pub descending: bool,
}

/// Which values become buckets.
#[derive(Debug, Clone)]
pub enum Filter {
    /// A regular expression in Lucene's language.
    Pattern(String),
    Values(Vec<Value>),
    /// Share `at` of `of`.
    Partition {
        at: u32,
        of: u32,
    },
}

/// Buckets by value.
#[derive(Debug, Clone)]
pub struct Terms {
    pub source: Source,
    pub size: usize,
    pub min_doc_count: u64,
    /// Levels; ties are broken by key, ascending.
    pub order: Vec<Order>,
    pub include: Option<Filter>,
    pub exclude: Option<Filter>,
    pub show_error: bool,
}

/// Buckets by several values at once.
#[derive(Debug, Clone)]
pub struct MultiTerms {
    pub sources: Vec<Source>,
    pub size: usize,
    pub min_doc_count: u64,
    pub order: Vec<Order>,
    pub show_error: bool,
}

/// Buckets of values that few rows have.
#[derive(Debug, Clone)]
pub struct RareTerms {
    pub source: Source,
    pub max_doc_count: u64,
    pub include: Option<Filter>,
    pub exclude: Option<Filter>,
}

/// How much more frequent a value is than elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Heuristic {
    Jlh,
    Gnd { background_is_superset: bool },
    MutualInformation { include_negatives: bool, background_is_superset: bool },
    ChiSquare { include_negatives: bool, background_is_superset: bool },
    Percentage,
}

/// Buckets of values that are more frequent here than elsewhere.
#[derive(Debug, Clone)]
pub struct SignificantTerms {
    pub source: Source,
    pub size: usize,
    pub min_doc_count: u64,
    pub include: Option<Filter>,
    pub exclude: Option<Filter>,
    pub heuristic: Heuristic,
    /// What it is compared with: a place in [`Request::filters`]; every row when it is not there.
    pub background: Option<usize>,
}

/// Buckets of numbers.
#[derive(Debug, Clone)]
pub struct Histogram {
    pub source: Source,
    pub interval: f64,
    pub offset: f64,
    pub min_doc_count: u64,
    pub order: Vec<Order>,
    pub extended_bounds: Option<(f64, f64)>,
    pub hard_bounds: Option<(f64, f64)>,
    pub keyed: bool,
}

/// Buckets of time.
#[derive(Debug, Clone)]
pub struct DateHistogram {
    pub source: Source,
    pub rounding: Rounding,
    pub min_doc_count: u64,
    pub order: Vec<Order>,
    /// Bounds as they were written: dates or date math.
    pub extended_bounds: Option<(Option<Value>, Option<Value>)>,
    pub hard_bounds: Option<(Option<Value>, Option<Value>)>,
    pub keyed: bool,
}

/// So many buckets of time as are asked for, or fewer.
#[derive(Debug, Clone)]
pub struct AutoDateHistogram {
    pub source: Source,
    pub buckets: usize,
    /// `year`, `month`, `day`, `hour`, `minute`, or `second`.
    pub minimum_interval: Option<String>,
}

/// One range: from its beginning to before its end.
#[derive(Debug, Clone, Default)]
pub struct RangeBucket {
    pub key: Option<String>,
    pub from: Option<Value>,
    pub to: Option<Value>,
    /// Addresses: a network instead of two ends.
    pub mask: Option<String>,
}

/// What the values of ranges are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeKind {
    Number,
    Date,
    Ip,
}

/// Buckets of ranges.
#[derive(Debug, Clone)]
pub struct Ranges {
    pub source: Source,
    pub kind: RangeKind,
    pub ranges: Vec<RangeBucket>,
    pub keyed: bool,
}

/// Buckets of queries.
#[derive(Debug, Clone)]
pub struct Filters {
    /// Places in [`Request::filters`], with names where they have some.
    pub filters: Vec<(Option<String>, usize)>,
    /// The name of the bucket of the other rows, when it is asked for.
    pub other: Option<String>,
    pub keyed: bool,
}

/// Where the buckets of one level of a [`Composite`] come from.
#[derive(Debug, Clone)]
pub enum CompositeKind {
    Terms,
    Histogram(f64),
    DateHistogram(Rounding),
}

/// One level of a [`Composite`].
#[derive(Debug, Clone)]
pub struct CompositeSource {
    pub name: String,
    pub source: Source,
    pub kind: CompositeKind,
    pub descending: bool,
    pub missing_bucket: bool,
    /// Where the rows without a value are: first or last; the default is first going up and last going down.
    pub missing_first: Option<bool>,
}

/// All combinations of values, page by page.
#[derive(Debug, Clone)]
pub struct Composite {
    pub sources: Vec<CompositeSource>,
    pub size: usize,
    pub after: Option<serde_json::Map<String, Value>>,
}

/// A number out of the values of the rows.
#[derive(Debug, Clone)]
pub enum Metric {
    Avg(Source),
    Sum(Source),
    Min(Source),
    Max(Source),
    ValueCount(Source),
    Stats(Source),
    ExtendedStats {
        source: Source,
        sigma: f64,
    },
    Cardinality(Source),
    Percentiles {
        source: Source,
        percents: Vec<f64>,
        keyed: bool,
        compression: f64,
        hdr: bool,
    },
    PercentileRanks {
        source: Source,
        values: Vec<f64>,
        keyed: bool,
        compression: f64,
        hdr: bool,
    },
    MedianAbsoluteDeviation {
        source: Source,
        compression: f64,
    },
    WeightedAvg {
        value: Box<Source>,
        weight: Box<Source>,
    },
    TopMetrics {
        metrics: Vec<String>,
        sort: Box<Sort>,
        size: usize,
    },
    GeoBounds(Source),
    GeoCentroid(Source),
    /// Rows, or the sum or number of a field's values, for each `unit` of the histogram above.
    Rate {
        source: Option<Source>,
        unit: Option<super::round::Unit>,
        values: bool,
    },
}

/// The first rows of each bucket.
#[derive(Debug, Clone)]
pub struct TopHits {
    pub from: usize,
    pub size: usize,
    pub sort: Vec<Sort>,
    /// The rest of its body (`_source`, `docvalue_fields` …): for whoever shows the rows.
    pub options: serde_json::Map<String, Value>,
}

/// What a pipeline does where there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GapPolicy {
    #[default]
    Skip,
    InsertZeros,
    KeepValues,
}

/// What comes out of the values of other aggregations.
#[derive(Debug, Clone)]
pub struct Pipeline {
    pub kind: PipelineKind,
    /// The only path, or named ones.
    pub paths: Vec<(String, String)>,
    pub gap: GapPolicy,
    pub format: Option<String>,
}

/// The kinds of [`Pipeline`].
#[derive(Debug, Clone)]
pub enum PipelineKind {
    AvgBucket,
    SumBucket,
    MinBucket,
    MaxBucket,
    StatsBucket,
    ExtendedStatsBucket {
        sigma: f64,
    },
    PercentilesBucket {
        percents: Vec<f64>,
        keyed: bool,
    },
    /// With `unit_ms`, also `normalized_value`.
    Derivative {
        unit_ms: Option<f64>,
    },
    CumulativeSum,
    MovingFn {
        window: usize,
        shift: i64,
        /// The window counts values, not buckets, and says nothing before the first (`moving_avg`).
        of_values: bool,
        function: super::expr::Moving,
    },
    SerialDiff {
        lag: usize,
    },
    BucketScript(super::expr::Expr),
    BucketSelector(super::expr::Expr),
    BucketSort {
        sort: Vec<Order>,
        from: usize,
        size: Option<usize>,
    },
}

/// The kinds of aggregations.
#[derive(Debug, Clone)]
pub enum Kind {
    Terms(Terms),
    MultiTerms(MultiTerms),
    RareTerms(RareTerms),
    SignificantTerms(SignificantTerms),
    Histogram(Histogram),
    DateHistogram(Box<DateHistogram>),
    AutoDateHistogram(AutoDateHistogram),
    Ranges(Ranges),
    /// A place in [`Request::filters`].
    Filter(usize),
    Filters(Filters),
    Missing(Source),
    Global,
    Composite(Composite),
    Nested {
        path: String,
    },
    ReverseNested {
        path: Option<String>,
    },
    /// The first rows that come; so many at most.
    Sampler {
        size: usize,
    },
    Metric(Metric),
    TopHits(TopHits),
    Pipeline(Pipeline),
}
