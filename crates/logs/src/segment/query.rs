//! `/api/v1/query`, `/api/v1/query_range`, `/api/v1/format_query`, `/api/v1/query_exemplars`.

use std::time::Duration;

use promql::engine::{ErrorKind as QueryErrorKind, Outcome, QueryError, QueryParams, QueryValue};

use crate::answer::{Answer, ApiError, ApiResult, Data, ErrorKind, read_error};
use crate::json;
use crate::params::{Params, TIME_MAX_MS, TIME_MIN_MS, invalid, parse_duration};
use crate::result;
use crate::serve::Call;

/// Most points of a series in a range query, but for the first.
const POINTS_MAX: i64 = 11_000;
const TRUNCATED: &str = "results truncated due to limit";

/// One evaluation at a time.
pub(crate) fn instant(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let limit = params.limit()?;
    let at_ms = params.time_or("time", call.state.clock.now_ms())?;
    evaluated(call, &params, limit, at_ms, at_ms, 0)
}

/// An evaluation at each step of a range.
pub(crate) fn range(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let limit = params.limit()?;
    let start_ms = params.time("start")?;
    let end_ms = params.time("end")?;
    if end_ms < start_ms {
        return Err(invalid("end", "end timestamp must not be before start time"));
    }
    let step = params.get("step");
    let step_ms = parse_duration(step).map_err(|reason| invalid("step", &reason))?;
    if step_ms <= 0 {
        let text = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(invalid("step", text));
    }
    if end_ms.saturating_sub(start_ms) / step_ms > POINTS_MAX {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    evaluated(call, &params, limit, start_ms, end_ms, step_ms)
}

/// Counts a query while it runs.
struct Running<'a>(&'a stdx::metrics::Gauge);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.add(-1.0);
    }
}

fn evaluated(
    call: &Call,
    params: &Params,
    limit: usize,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
) -> ApiResult {
    let config = &call.state.config.query;
    let timeout = match params.duration_ms("timeout")? {
        None => config.timeout,
        Some(ms) => config.timeout.min(Duration::from_millis(u64::try_from(ms).unwrap_or(0))),
    };
    let lookback_ms = match params.get("lookback_delta") {
        "" => None,
        text => Some(parse_duration(text).map_err(|reason| {
            ApiError::bad_data(format!("error parsing lookback delta duration: {reason}"))
        })?).filter(|ms| *ms > 0),
    };
    let parts = call.parts()?;
    call.state.metrics.queries.add(1.0);
    let _running = Running(&call.state.metrics.queries);
    // Waiting for a place counts as part of the query.
    let waited = call.state.mono().saturating_sub(call.start);
    let query = QueryParams {
        text: params.get("query"),
        timeout: timeout.saturating_sub(waited),
        lookback_ms,
        cancel: call.cancel_flag(),
    };
    let outcome = if step_ms == 0 {
        parts.engine.instant(&*parts.store, &query, start_ms)
    } else {
        parts.engine.range(&*parts.store, &query, start_ms, end_ms, step_ms)
    };
    let outcome = outcome.map_err(|error| query_error(&error))?;
    Ok(answer(outcome, limit, params.get("stats"), waited, call.state.mono().saturating_sub(call.start)))
}

fn answer(mut outcome: Outcome, limit: usize, stats: &str, waited: Duration, total: Duration) -> Answer {
    let truncated = result::truncate(&mut outcome.value, limit);
    let mut tail = String::new();
    if !stats.is_empty() {
        tail = statistics(&outcome, waited, total);
    }
    let deprecated = (!matches!(stats, "" | "true" | "all")).then(|| {
        format!(
            "value {stats:?} for parameter \"stats\" is deprecated and will be rejected in the next major release, use \"true\" or \"all\""
        )
    });
    let data = Some(result::data(outcome.value, &tail));
    Answer { data, warnings: outcome.warnings, infos: outcome.infos }
        .warn(truncated.then_some(TRUNCATED))
        .warn(deprecated.as_deref())
}
