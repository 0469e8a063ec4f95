//! The tree that is evaluated: the parsed one with durations, `@` and the query's own times worked out, parentheses gone, and
//! what does not change from step to step marked so that it is evaluated once.

use model::labels::METRIC_NAME;
use model::matcher::{MatchOp, Matcher};

use super::duration::{Sign, duration_ms};
use super::error::QueryError;
use crate::ast::{
    AggregateOp, At, BinaryOp, Expr, ExprKind, Extension, Matching, Span, UnaryOp, ValueType,
    VectorSelector,
};

/// The times of the whole query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// 0 for an instant query.
    pub(crate) step: i64,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Number(f64),
    Text(String),
    Instant(Selector),
    Range(RangeSelector),
    Subquery(Box<Subquery>),
    Negate(Box<Node>),
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(Call),
    /// The same at every step.
    Invariant(Box<Node>),
}

#[derive(Debug)]
pub(crate) struct Selector {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) offset: i64,
    pub(crate) at: Option<i64>,
    pub(crate) extension: Option<Extension>,
    /// The function or aggregation directly around it.
    pub(crate) func: &'static str,
    /// Of histograms only count and sum are wanted; resets are then found as the samples are read.
    pub(crate) stats: bool,
}

impl Selector {
    /// The time that is looked at for a step at `t`.
    pub(crate) fn lookup(&self, t: i64) -> i64 {
        self.at.unwrap_or(t).saturating_sub(self.offset)
    }
}

#[derive(Debug)]
pub(crate) struct RangeSelector {
    pub(crate) selector: Selector,
    pub(crate) range: i64,
}

#[derive(Debug)]
pub(crate) struct Subquery {
    pub(crate) expr: Node,
    pub(crate) range: i64,
    /// `None`: the engine's default.
    pub(crate) step: Option<i64>,
    pub(crate) offset: i64,
    pub(crate) at: Option<i64>,
}

#[derive(Debug)]
pub(crate) struct Binary {
    pub(crate) op: BinaryOp,
    pub(crate) lhs: Node,
    pub(crate) rhs: Node,
    pub(crate) return_bool: bool,
    pub(crate) matching: Option<Matching>,
}

#[derive(Debug)]
pub(crate) struct Aggregate {
    pub(crate) op: AggregateOp,
    pub(crate) expr: Node,
    pub(crate) param: Option<Node>,
    /// Sorted.
    pub(crate) grouping: Vec<String>,
    pub(crate) without: bool,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) returns: ValueType,
    pub(crate) args: Vec<Node>,
}

impl Node {
    pub(crate) fn value_type(&self) -> ValueType {
        match &self.kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::Text(_) => ValueType::String,
            Kind::Instant(_) | Kind::Aggregate(_) => ValueType::Vector,
            Kind::Range(_) | Kind::Subquery(_) => ValueType::Matrix,
            Kind::Negate(inner) | Kind::Invariant(inner) => inner.value_type(),
            Kind::Binary(binary) => match (binary.lhs.value_type(), binary.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            Kind::Call(call) => call.returns,
        }
    }

    fn invariant(self) -> Self {
        Self { span: self.span, kind: Kind::Invariant(Box::new(self)) }
    }

    fn wrapped_if(self, wrap: bool) -> Self {
        if wrap { self.invariant() } else { self }
    }
}

/// Makes the plan of `expr` for `times`.
pub(crate) fn plan(expr: &Expr, times: Times) -> Result<Node, QueryError> {
    let planned = Planner { times }.node(expr, Around { func: "", stats: Stats::Unknown })?;
    Ok(planned.node.wrapped_if(planned.wrap))
}

/// A planned node, whether it is the same at every step, and whether it should then be marked on its own.
struct Planned {
    node: Node,
    invariant: bool,
    wrap: bool,
}

/// Whether only count and sum of histograms are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stats {
    Unknown,
    Wanted,
    Never,
}

/// What stands around an expression.
#[derive(Debug, Clone, Copy)]
struct Around {
    func: &'static str,
    stats: Stats,
}

impl Around {
    fn within(self, func: &'static str) -> Self {
        Self { func, ..self }
    }

    fn never(self) -> Self {
        Self { stats: Stats::Never, ..self }
    }

    fn call(self, func: &'static str) -> Self {
        let stats = match func {
            "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => Stats::Never,
            "histogram_count" | "histogram_sum" | "histogram_avg"
                if self.stats == Stats::Unknown =>
            {
                Stats::Wanted
            }
            _ => self.stats,
        };
        Self { func, stats }
    }
}

/// Functions whose value changes with the step even when their arguments do not.
const UNSAFE: [&str; 15] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
];

struct Planner {
    times: Times,
}

impl Planner {
    fn node(&self, expr: &Expr, around: Around) -> Result<Planned, QueryError> {
        let span = expr.span;
        let done = |kind, invariant, wrap| Planned { node: Node { span, kind }, invariant, wrap };
        Ok(match &expr.kind {
            ExprKind::Number(v, _) => done(Kind::Number(*v), true, false),
            ExprKind::String(s) => done(Kind::Text(s.clone()), true, false),
            ExprKind::Vector(selector) => {
                let selector = self.selector(selector, span, around)?;
                let at = selector.at.is_some();
                done(Kind::Instant(selector), at, at)
            }
            ExprKind::Matrix(selector, range) => {
                let selector = self.selector(selector, span, around)?;
                let range = duration_ms(range, self.times, Sign::Positive, span)?;
                let at = selector.at.is_some();
                done(Kind::Range(RangeSelector { selector, range }), at, false)
            }
            ExprKind::Subquery(subquery) => self.subquery(subquery, span)?,
            ExprKind::Paren(inner) => self.node(inner, around)?,
            ExprKind::Unary(UnaryOp::Plus, inner) => {
                let inner = self.node(inner, around)?;
                Planned { node: Node { span, kind: inner.node.kind }, ..inner }
            }
            ExprKind::Unary(UnaryOp::Minus, inner) => {
                let inner = self.node(inner, around)?;
                done(Kind::Negate(Box::new(inner.node)), inner.invariant, inner.wrap)
            }
            ExprKind::Binary(binary) => self.binary(binary, span, around)?,
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate, span, around)?,
            ExprKind::Call(call) => self.call(call, span, around)?,
        })
    }

    fn at(&self, at: Option<At>) -> Option<i64> {
        at.map(|at| match at {
            At::Time(t) => t,
            At::Start => self.times.start,
            At::End => self.times.end,
        })
    }

    fn selector(
        &self,
        selector: &VectorSelector,
        span: Span,
        around: Around,
    ) -> Result<Selector, QueryError> {
        let offset = selector.offset.as_ref();
        Ok(Selector {
            matchers: selector.matchers.clone(),
            offset: offset.map_or(Ok(0), |o| duration_ms(o, self.times, Sign::Any, span))?,
            at: self.at(selector.at),
            extension: selector.extension,
            func: around.func,
            stats: around.stats == Stats::Wanted,
        })
    }

    fn subquery(&self, subquery: &crate::ast::Subquery, span: Span) -> Result<Planned, QueryError> {
        let expr = self.node(&subquery.expr, Around { func: "", stats: Stats::Never })?;
        let ms = |duration, sign| duration_ms(duration, self.times, sign, span);
        let at = self.at(subquery.at);
        let plan = Subquery {
            expr: expr.node.wrapped_if(expr.invariant),
            range: ms(&subquery.range, Sign::Positive)?,
            step: subquery.step.as_ref().map(|d| ms(d, Sign::Positive)).transpose()?,
            offset: subquery.offset.as_ref().map_or(Ok(0), |d| ms(d, Sign::Any))?,
            at,
        };
        let node = Node { span, kind: Kind::Subquery(Box::new(plan)) };
        Ok(Planned { node, invariant: at.is_some(), wrap: false })
    }

    fn binary(
        &self,
        binary: &crate::ast::Binary,
        span: Span,
        around: Around,
    ) -> Result<Planned, QueryError> {
        let trims = matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        let around = if trims { around.never() } else { around }.within("");
        let lhs = self.node(&binary.lhs, around)?;
        let rhs = self.node(&binary.rhs, around)?;
        let invariant = lhs.invariant && rhs.invariant;
        let plan = Binary {
            op: binary.op,
            lhs: lhs.node.wrapped_if(lhs.wrap && !invariant),
            rhs: rhs.node.wrapped_if(rhs.wrap && !invariant),
            return_bool: binary.return_bool,
            matching: binary.matching.clone(),
        };
        let node = Node { span, kind: Kind::Binary(Box::new(plan)) };
        Ok(Planned { node, invariant, wrap: invariant })
    }

    fn aggregate(
        &self,
        aggregate: &crate::ast::Aggregate,
        span: Span,
        around: Around,
    ) -> Result<Planned, QueryError> {
        let expr = self.node(&aggregate.expr, around.within(aggregate.op.as_str()))?;
        let param = aggregate
            .param
            .as_ref()
            .map(|param| self.node(param, around.within("")))
            .transpose()?;
        let mut grouping = aggregate.grouping.clone();
        grouping.sort();
        let plan = Aggregate {
            op: aggregate.op,
            expr: expr.node,
            param: param.map(|param| param.node),
            grouping,
            without: aggregate.without,
        };
        let node = Node { span, kind: Kind::Aggregate(Box::new(plan)) };
        // As in Prometheus the parameter has no say in this.
        Ok(Planned { node, invariant: expr.invariant, wrap: expr.wrap })
    }

    fn call(
        &self,
        call: &crate::ast::Call,
        span: Span,
        around: Around,
    ) -> Result<Planned, QueryError> {
        let name = call.func.name;
        if let Some(v) = self.query_context(name) {
            return Ok(Planned {
                node: Node { span, kind: Kind::Number(v) },
                invariant: true,
                wrap: false,
            });
        }
        let around = around.call(name);
        let args =
            call.args.iter().map(|arg| self.node(arg, around)).collect::<Result<Vec<_>, _>>()?;
        let steady = args.iter().all(|arg| arg.invariant);
        let selectors = args.iter().all(|arg| matches!(arg.node.kind, Kind::Instant(_)));
        let invariant = steady && (!UNSAFE.contains(&name) || (name == "timestamp" && selectors));
        let args =
            args.into_iter().map(|arg| arg.node.wrapped_if(arg.wrap && !invariant)).collect();
        let kind = Kind::Call(Call { name, returns: call.func.returns, args });
        Ok(Planned { node: Node { span, kind }, invariant, wrap: invariant })
    }

    /// The value of `start()`, `end()`, `range()` and `step()`, in seconds.
    fn query_context(&self, name: &str) -> Option<f64> {
        let Times { start, end, step } = self.times;
        Some(match name {
            "start" => seconds(start),
            "end" => seconds(end),
            "range" => span_seconds(end.saturating_sub(start)),
            "step" => {
                if start == end {
                    0.0
                } else {
                    span_seconds(step)
                }
            }
            _ => return None,
        })
    }
}

/// Milliseconds as seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "times far beyond the year 200,000 alone would lose"
)]
pub(crate) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// A span of milliseconds as seconds, rounded as Go's durations are.
#[expect(clippy::cast_precision_loss, reason = "both parts are exact")]
pub(crate) fn span_seconds(ms: i64) -> f64 {
    (ms / 1000) as f64 + (ms % 1000 * 1_000_000) as f64 / 1e9
}

/// The labels that `absent` gives its result: those that the selector fixes.
pub(crate) fn fixed_labels(matchers: &[Matcher]) -> Vec<(&str, &str)> {
    let mut fixed: Vec<(&str, &str)> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !seen.contains(&matcher.name.as_str()) {
            fixed.push((&matcher.name, &matcher.value));
            seen.push(&matcher.name);
        } else {
            fixed.retain(|(name, _)| *name != matcher.name);
        }
    }
    fixed
}

/// The first and the last time that the plan looks at, both included; `None` when it looks at no series.
pub(crate) fn time_range(node: &Node, frame: (i64, i64), lookback: i64) -> Option<(i64, i64)> {
    let union = |a: Option<(i64, i64)>, b: Option<(i64, i64)>| match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    };
    let (start, end) = frame;
    match &node.kind {
        Kind::Number(_) | Kind::Text(_) => None,
        Kind::Instant(selector) => Some(span_of(selector, frame, 0, lookback)),
        Kind::Range(range) => Some(span_of(&range.selector, frame, range.range, lookback)),
        Kind::Subquery(subquery) => {
            let first = subquery.at.unwrap_or(start).saturating_sub(subquery.offset);
            let last = subquery.at.unwrap_or(end).saturating_sub(subquery.offset);
            time_range(&subquery.expr, (first.saturating_sub(subquery.range), last), lookback)
        }
        Kind::Negate(inner) | Kind::Invariant(inner) => time_range(inner, frame, lookback),
        Kind::Binary(binary) => union(
            time_range(&binary.lhs, frame, lookback),
            time_range(&binary.rhs, frame, lookback),
        ),
        Kind::Aggregate(aggregate) => {
            let param =
                aggregate.param.as_ref().and_then(|param| time_range(param, frame, lookback));
            union(time_range(&aggregate.expr, frame, lookback), param)
        }
        Kind::Call(call) => {
            let args = call.args.iter().map(|arg| time_range(arg, frame, lookback));
            let args = args.fold(None, union);
            let info = call.args.first().filter(|_| call.name == "info").and_then(info_place);
            union(
                args,
                info.map(|(at, offset)| {
                    let lookup = |t: i64| at.unwrap_or(t).saturating_sub(offset);
                    (lookup(start).saturating_sub(lookback), lookup(end))
                }),
            )
        }
    }
}

/// The `@` time and the offset at which `info` looks for info series: those of the first selector in its argument.
pub(crate) fn info_place(node: &Node) -> Option<(Option<i64>, i64)> {
    match &node.kind {
        Kind::Number(_) | Kind::Text(_) => None,
        Kind::Instant(selector) => Some((selector.at, selector.offset)),
        Kind::Range(range) => Some((range.selector.at, range.selector.offset)),
        Kind::Subquery(subquery) => {
            let (at, offset) = info_place(&subquery.expr)?;
            match at {
                Some(_) => Some((at, offset)),
                None => Some((subquery.at, offset.saturating_add(subquery.offset))),
            }
        }
        Kind::Negate(inner) | Kind::Invariant(inner) => info_place(inner),
        Kind::Binary(binary) => info_place(&binary.lhs).or_else(|| info_place(&binary.rhs)),
        Kind::Aggregate(aggregate) => info_place(&aggregate.expr),
        Kind::Call(call) => call.args.iter().find_map(info_place),
    }
}

fn span_of(selector: &Selector, (start, end): (i64, i64), range: i64, lookback: i64) -> (i64, i64) {
    let (before, after) = reach(selector.extension, range, lookback);
    let first = selector.lookup(start).saturating_sub(before).saturating_add(1);
    (first.saturating_sub(i64::from(selector.stats)), selector.lookup(end).saturating_add(after))
}

/// How far before and after its time a selector looks.
pub(crate) fn reach(extension: Option<Extension>, range: i64, lookback: i64) -> (i64, i64) {
    match extension {
        Some(Extension::Anchored) => (range + lookback, 0),
        Some(Extension::Smoothed) => (range + lookback, lookback),
        None if range == 0 => (lookback, 0),
        None => (range, 0),
    }
}
