//! `/api/v1/query`, `/api/v1/query_range`, `/api/v1/query_exemplars`: PromQL in, values out.

use std::time::Duration;

use model::matcher::Matcher;
use promql::ast::{Expr, ExprKind};
use promql::engine::{ErrorKind as QueryErrorKind, Outcome, QueryError, QueryParams, QueryStats};
use stdx::metrics::Registry;

use crate::answer::{Answer, ApiError, ApiResult, ErrorKind, read_error};
use crate::json;
use crate::params::{Params, TIME_MAX_MS, TIME_MIN_MS, invalid, parse_duration};
use crate::result;
use crate::serve::Call;

/// Most steps of a range query after the first.
const STEPS_MAX: i64 = 11_000;
/// Buckets of a query's parts, in seconds.
const DURATION_BOUNDS: [f64; 4] = [0.01, 0.1, 1.0, 10.0];
const TRUNCATED: &str = "results truncated due to limit";

/// When to evaluate, in milliseconds; a step of 0 is one evaluation at `start`.
struct Times {
    start: i64,
    end: i64,
    step: i64,
}

/// One evaluation.
pub(crate) fn instant(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let limit = params.limit()?;
    let at = params.time_or("time", call.state.clock.now_ms())?;
    evaluated(call, &params, limit, &Times { start: at, end: at, step: 0 })
}

/// An evaluation at each step of a range.
pub(crate) fn range(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let limit = params.limit()?;
    let start = params.time("start")?;
    let end = params.time("end")?;
    if end < start {
        return Err(invalid("end", "end timestamp must not be before start time"));
    }
    let step = parse_duration(params.get("step")).map_err(|reason| invalid("step", &reason))?;
    if step <= 0 {
        let text = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(invalid("step", text));
    }
    if end.saturating_sub(start) / step > STEPS_MAX {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    evaluated(call, &params, limit, &Times { start, end, step })
}

/// Counts a query while it runs.
struct Running<'a>(&'a stdx::metrics::Gauge);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.add(-1.0);
    }
}

fn evaluated(call: &Call, params: &Params, limit: usize, times: &Times) -> ApiResult {
    let config = &call.state.config.query;
    let timeout = match params.duration_ms("timeout")? {
        None => config.timeout,
        Some(ms) => config.timeout.min(Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
    };
    let lookback_ms = match params.get("lookback_delta") {
        "" => None,
        text => Some(parse_duration(text).map_err(|reason| {
            ApiError::bad_data(format!("error parsing lookback delta duration: {reason}"))
        })?),
    };
    let parts = call.parts()?;
    call.state.metrics.queries.add(1.0);
    let _running = Running(&call.state.metrics.queries);
    // Waiting for a place counts as part of the query.
    let waited = call.state.mono().saturating_sub(call.start);
    let query = QueryParams {
        lookback_ms,
        timeout: Some(timeout.saturating_sub(waited)),
        limit,
        cancel: call.request.gone.clone(),
    };
    let text = params.get("query");
    let outcome = if times.step == 0 {
        parts.engine.instant(&*parts.store, text, times.start, &query)
    } else {
        parts.engine.range(&*parts.store, text, times.start, times.end, times.step, &query)
    };
    let outcome = outcome.map_err(|error| query_error(&error))?;
    observe(&call.state.registry, &outcome.stats, waited);
    Ok(answer(outcome, params.get("stats"), waited, config.per_step_stats))
}

/// Counts where the time went, by Prometheus' names of the parts.
fn observe(registry: &Registry, stats: &QueryStats, waited: Duration) {
    let name = "prometheus_engine_query_duration_histogram_seconds";
    let help = "The duration of various parts of PromQL query execution.";
    for (slice, took) in [
        ("queue_time", waited),
        ("prepare_time", stats.parse_time),
        ("inner_eval", stats.eval_time),
        ("result_sort", stats.sort_time),
    ] {
        let labels = [("slice", slice)];
        registry.histogram(name, help, &labels, &DURATION_BOUNDS).observe(took.as_secs_f64());
    }
}

fn query_error(error: &QueryError) -> ApiError {
    let kind = match error.kind() {
        QueryErrorKind::BadData => return invalid("query", &error.to_string()),
        QueryErrorKind::Execution => ErrorKind::Execution,
        QueryErrorKind::Timeout => ErrorKind::Timeout,
        QueryErrorKind::Canceled => ErrorKind::Canceled,
        QueryErrorKind::Internal => ErrorKind::Internal,
    };
    ApiError::new(kind, error.to_string())
}

fn answer(outcome: Outcome, stats: &str, waited: Duration, per_step: bool) -> Answer {
    let mut tail = String::new();
    if !stats.is_empty() {
        tail.push_str(",\"stats\":");
        statistics(&mut tail, &outcome.stats, waited, per_step && stats == "all");
    }
    let deprecated = (!matches!(stats, "" | "true" | "all")).then(|| {
        format!(
            "value {stats:?} for parameter \"stats\" is deprecated and will be rejected in the next major release, use \"true\" or \"all\""
        )
    });
    let data = Some(result::data(outcome.value, outcome.held, &tail));
    Answer { data, warnings: outcome.warnings, infos: outcome.infos }
        .warn(outcome.truncated.then_some(TRUNCATED))
        .warn(deprecated.as_deref())
}

fn statistics(out: &mut String, stats: &QueryStats, waited: Duration, per_step: bool) {
    let evaluated = stats.eval_time + stats.sort_time;
    let timings = [
        ("evalTotalTime", evaluated),
        ("resultSortTime", stats.sort_time),
        ("queryPreparationTime", stats.parse_time),
        ("innerEvalTime", stats.eval_time),
        ("execQueueTime", waited),
        ("execTotalTime", waited + stats.parse_time + evaluated),
    ];
    out.push_str("{\"timings\":");
    json::object(out, timings, |out, time| json::number(out, time.as_secs_f64()));
    out.push_str(",\"samples\":{\"totalQueryableSamples\":");
    out.push_str(&stats.samples_total.to_string());
    if per_step {
        out.push_str(",\"totalQueryableSamplesPerStep\":");
        json::array(out, &stats.samples_per_step, |out, (t, n)| {
            out.push('[');
            json::timestamp(out, *t);
            out.push_str(&format!(",{n}]"));
        });
    }
    out.push_str(&format!(",\"peakSamples\":{}}}}}", stats.samples_peak));
}

/// A query in the formatter's layout.
pub(crate) fn format(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let parts = call.parts()?;
    let expr = promql::parse::parse(params.get("query"), &parts.engine.options().parser)
        .map_err(|error| invalid("query", &error.to_string()))?;
    Ok(Answer::written(|out| json::string(out, &expr.pretty())))
}

/// Exemplars of the series that a query's selectors select.
pub(crate) fn exemplars(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let start = params.time_or("start", TIME_MIN_MS)?;
    let end = params.time_or("end", TIME_MAX_MS)?;
    if end < start {
        return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
    }
    let parts = call.parts()?;
    let expr = promql::parse::parse(params.get("query"), &parts.engine.options().parser)
        .map_err(|error| ApiError::bad_data(error.to_string()))?;
    let mut sets = Vec::new();
    selectors(&expr, &mut sets);
    if sets.is_empty() {
        return Ok(Answer::nothing());
    }
    let found = parts.store.exemplars(start, end, &sets).map_err(|error| read_error(&error))?;
    Ok(Answer::written(|out| {
        json::array(out, &found, |out, (series, exemplars)| {
            out.push_str("{\"seriesLabels\":");
            json::labels(out, series);
            out.push_str(",\"exemplars\":");
            json::array(out, exemplars, |out, exemplar| {
                out.push_str("{\"labels\":");
                json::labels(out, &exemplar.labels);
                out.push_str(",\"value\":");
                json::quoted_float(out, exemplar.value);
                out.push_str(",\"timestamp\":");
                json::timestamp(out, exemplar.t.unwrap_or(0));
                out.push('}');
            });
            out.push('}');
        });
    }))
}

/// The matchers of every selector in `expr`, in the order written. The parser bounds the depth.
fn selectors(expr: &Expr, sets: &mut Vec<Vec<Matcher>>) {
    if let ExprKind::Vector(selector) | ExprKind::Matrix(selector, _) = &expr.kind {
        sets.push(selector.matchers.clone());
    }
    for child in expr.children() {
        selectors(child, sets);
    }
}
