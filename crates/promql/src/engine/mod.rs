//! The engine: queries in, values out, over any [`Queryable`].
//!
//! An expression becomes a plan (module `plan`), and a plan becomes columns: one per series, with a value for each step (`value`,
//! `eval`). Selectors and range functions give their series one by one to whoever wants them, so that an aggregation holds its
//! groups and not its input. Values, and the order in which they are added up, are Prometheus'.

pub(crate) mod aggregate;
pub(crate) mod binary;
mod deep;
pub(crate) mod duration;
pub(crate) mod error;
pub(crate) mod eval;
pub(crate) mod frame;
mod limits;
pub(crate) mod notes;
pub(crate) mod plan;
pub(crate) mod selector;
pub(crate) mod smooth;
pub(crate) mod track;
pub(crate) mod value;
pub(crate) mod window;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use model::port::Queryable;
use model::sample::{Sample, Samples, Value};
use stdx::budget::{Budget, Charge};
use stdx::clock::Clock;

pub use error::{ErrorKind, QueryError};
pub use limits::CancelFlag;
pub use value::{MatrixSeries, QueryValue, VectorSample};

use crate::ast::{Expr, ValueType};
use crate::parse::{ParserOptions, parse_measured};
use eval::{Evaluator, bug};
use frame::Frame;
use limits::{Meter, Watch};
use notes::Notes;
use plan::{Kind, Node, Times};
use value::{Answer, Series, bytes_of};

/// What holds for all queries of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How old the newest sample of a series may be.
    pub lookback_ms: i64,
    /// Most samples that a query holds at once.
    pub samples_max: u64,
    pub timeout: Duration,
    /// The bytes that all queries together may hold.
    pub memory: Arc<Budget>,
    /// The step of subqueries that name none.
    pub subquery_step_ms: i64,
    pub parser: ParserOptions,
    /// Metric names go away at the end of a query rather than where they lose their meaning.
    pub delayed_name_removal: bool,
    /// The label `__type__` says what is a counter.
    pub type_and_unit_labels: bool,
}

impl EngineOptions {
    /// Prometheus' defaults, with `memory` as the bound on bytes.
    #[must_use]
    pub fn new(memory: Arc<Budget>) -> Self {
        Self {
            lookback_ms: 5 * 60 * 1000,
            samples_max: 50_000_000,
            timeout: Duration::from_secs(120),
            memory,
            subquery_step_ms: 60 * 1000,
            parser: ParserOptions::default(),
            delayed_name_removal: false,
            type_and_unit_labels: false,
        }
    }
}

/// What holds for one query.
#[derive(Debug, Clone, Default)]
pub struct QueryParams {
    /// Instead of the engine's, when positive.
    pub lookback_ms: Option<i64>,
    /// Instead of the engine's, when shorter.
    pub timeout: Option<Duration>,
    /// Most series of a vector or matrix; 0 for all.
    pub limit: usize,
    pub cancel: CancelFlag,
}

/// What a query cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Samples that the steps touched, those of overlapping ranges each time.
    pub samples_total: u64,
    /// Most samples held at once.
    pub samples_peak: u64,
    /// `samples_total` by step, each with its time in milliseconds.
    pub samples_per_step: Vec<(i64, u64)>,
    pub parse_time: Duration,
    pub eval_time: Duration,
    pub sort_time: Duration,
}

/// A query's answer.
#[derive(Debug)]
pub struct Outcome {
    pub value: QueryValue,
    /// All of them; whoever shows them cuts at its own bound.
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
    pub stats: QueryStats,
    /// Series were left out because of [`QueryParams::limit`].
    pub truncated: bool,
    /// Pays for the value and the statistics out of [`EngineOptions::memory`]: to be kept for as long as they are.
    pub held: Charge,
}

/// Evaluates queries; shared by many threads.
#[derive(Debug)]
pub struct Engine {
    options: EngineOptions,
    clock: Arc<dyn Clock>,
}

impl Engine {
    #[must_use]
    pub fn new(options: EngineOptions, clock: Arc<dyn Clock>) -> Self {
        Self { options, clock }
    }

    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The value of `query` at the time `t` (milliseconds).
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn instant(
        &self,
        storage: &dyn Queryable,
        query: &str,
        t: i64,
        params: &QueryParams,
    ) -> Result<Outcome, QueryError> {
        let Query { expr, height, time, .. } = &self.parse(query)?;
        let times = Times { start: t, end: t, step: 0 };
        let run = || self.run(storage, query, expr, times, params);
        let mut outcome = deep::with_stack(*height, run)?;
        outcome.stats.parse_time = *time;
        Ok(outcome)
    }

    /// The values of `query` at `start, start + step, …` up to `end` (milliseconds), sorted by labels.
    ///
    /// # Errors
    /// [`QueryError`].
    #[expect(clippy::too_many_arguments, reason = "three times in their usual order")]
    pub fn range(
        &self,
        storage: &dyn Queryable,
        query: &str,
        start: i64,
        end: i64,
        step: i64,
        params: &QueryParams,
    ) -> Result<Outcome, QueryError> {
        let Query { expr, height, time, .. } = &self.parse(query)?;
        if step <= 0 {
            let text = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(QueryError::BadData(text.to_owned()));
        }
        let times = Times { start, end, step };
        let run = || self.run(storage, query, expr, times, params);
        let mut outcome = deep::with_stack(*height, run)?;
        outcome.stats.parse_time = *time;
        Ok(outcome)
    }

    fn parse(&self, query: &str) -> Result<Query, QueryError> {
        let begun = self.clock.mono();
        let parsed = parse_measured(query, &self.options.parser)?;
        let patterns = self.options.memory.charge(bytes_of(parsed.patterns_bytes, 1))?;
        let time = self.clock.mono().saturating_sub(begun);
        Ok(Query { expr: parsed.expr, height: parsed.height, _patterns: patterns, time })
    }

    fn run(
        &self,
        storage: &dyn Queryable,
        query: &str,
        expr: &Expr,
        times: Times,
        params: &QueryParams,
    ) -> Result<Outcome, QueryError> {
        let plan = plan::plan(expr, times)?;
        if times.step > 0 {
            check_range_type(plan.value_type())?;
        }
        let begun = self.clock.mono();
        let lookback = params.lookback_ms.filter(|&ms| ms > 0).unwrap_or(self.options.lookback_ms);
        let range = plan::time_range(&plan, (times.start, times.end), lookback).unwrap_or((0, 0));
        let querier = storage.querier(range.0, range.1)?;
        let timeout = params.timeout.map_or(self.options.timeout, |t| t.min(self.options.timeout));
        let ev = Evaluator {
            querier: &*querier,
            lookback,
            subquery_step: self.options.subquery_step_ms,
            delayed: self.options.delayed_name_removal,
            type_labels: self.options.type_and_unit_labels,
            meter: Meter::new(self.options.samples_max, Arc::clone(&self.options.memory)),
            watch: Watch {
                clock: Arc::clone(&self.clock),
                deadline: begun.saturating_add(timeout),
                timeout,
                cancel: params.cancel.clone(),
                cells: Cell::new(0),
            },
            notes: RefCell::new(Notes::default()),
        };
        let frame = Frame::new(&ev.meter, (times.start, times.end), times.step)?;
        let mut answer = Answer(ev.meter.charge(bytes_of(frame.steps, size_of::<(i64, u64)>()))?);
        let mut value = evaluate(&ev, &plan, (times, &frame), &mut answer)?;
        let evaluated = self.clock.mono();
        if times.step > 0 || plan.value_type() == ValueType::Matrix {
            sort(&mut value);
        }
        let truncated = truncate(&mut value, params.limit);
        let (warnings, infos) = ev.notes.borrow().texts(query);
        let touched = frame.touched();
        let stats = QueryStats {
            samples_total: touched.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n)),
            samples_peak: ev.meter.peak(),
            samples_per_step: touched,
            parse_time: Duration::ZERO,
            eval_time: evaluated.saturating_sub(begun),
            sort_time: self.clock.mono().saturating_sub(evaluated),
        };
        Ok(Outcome { value, warnings, infos, stats, truncated, held: answer.0 })
    }
}

/// A query that was read.
struct Query {
    expr: Expr,
    height: usize,
    /// Pays for the patterns in `expr`.
    _patterns: Charge,
    /// That reading took.
    time: Duration,
}

fn check_range_type(found: ValueType) -> Result<(), QueryError> {
    let name = match found {
        ValueType::Scalar | ValueType::Vector => return Ok(()),
        ValueType::Matrix => "range vector",
        ValueType::String => "string",
    };
    Err(QueryError::BadData(format!(
        "invalid expression type \"{name}\" for range query, must be Scalar or instant Vector"
    )))
}

fn evaluate(
    ev: &Evaluator<'_>,
    plan: &Node,
    (times, frame): (Times, &Frame),
    answer: &mut Answer,
) -> Result<QueryValue, QueryError> {
    match (&plan.kind, plan.value_type()) {
        (Kind::Text(s), _) => return Ok(QueryValue::String { t: times.start, s: s.clone() }),
        (_, ValueType::Matrix) => {
            return Ok(QueryValue::Matrix(window::matrix(ev, plan, frame, answer)?));
        }
        (_, ValueType::Scalar | ValueType::Vector | ValueType::String) => {}
    }
    let series = ev.cleanup(ev.eval(plan, frame)?, frame.steps)?;
    if times.step > 0 {
        let rows = series.into_iter().map(|series| {
            answer.column(&series.column)?;
            Ok(matrix_series(series, frame))
        });
        return Ok(QueryValue::Matrix(rows.collect::<Result<_, QueryError>>()?));
    }
    if plan.value_type() == ValueType::Scalar {
        let v = series.first().and_then(|series| series.column.float(0));
        return v
            .map(|v| QueryValue::Scalar { t: times.start, v })
            .ok_or_else(|| bug("a scalar without a value"));
    }
    let mut samples = Vec::new();
    for Series { labels, column, .. } in series {
        answer.column(&column)?;
        let Some(v) = column.get(0) else { continue };
        samples.push(VectorSample { labels, sample: Sample { t: times.start, v } });
    }
    Ok(QueryValue::Vector(samples))
}

fn matrix_series(series: Series, frame: &Frame) -> MatrixSeries {
    let Series { labels, column, .. } = series;
    let mut samples = Samples::default();
    samples.ts.reserve(column.count());
    samples.vs.reserve(column.count());
    for step in 0..frame.steps {
        match column.get(step) {
            Some(Value::Float(v)) => {
                samples.ts.push(frame.time(step));
                samples.vs.push(v);
            }
            Some(Value::Histogram(h)) => samples.hs.push((frame.time(step), h)),
            None => {}
        }
    }
    MatrixSeries { labels, samples }
}

fn sort(value: &mut QueryValue) {
    if let QueryValue::Matrix(series) = value {
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
}

fn truncate(value: &mut QueryValue, limit: usize) -> bool {
    let cut = |len: usize| limit > 0 && len > limit;
    match value {
        QueryValue::Vector(samples) if cut(samples.len()) => samples.truncate(limit),
        QueryValue::Matrix(series) if cut(series.len()) => series.truncate(limit),
        QueryValue::Vector(_)
        | QueryValue::Matrix(_)
        | QueryValue::Scalar { .. }
        | QueryValue::String { .. } => {
            return false;
        }
    }
    true
}
