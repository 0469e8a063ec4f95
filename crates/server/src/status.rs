//! `/api/v1/status/…`, and what is empty until there are rules: the server about itself.

use crate::answer::{Answer, ApiError, ApiResult, ErrorKind};
use crate::exposure;
use crate::http::{Content, Reply};
use crate::json;
use crate::params::{Params, atoi, invalid};
use crate::parts::Counted;
use crate::place::host_name;
use crate::serve::Call;
use stdx::time;

/// Rows of each table of `/api/v1/status/tsdb`.
const TSDB_ROWS: i64 = 10;
const TSDB_ROWS_MAX: i64 = 10_000;

/// `{"yaml": …}` with an escaped text.
pub(crate) fn config(call: &Call) -> ApiResult {
    let loaded = call.state.loaded();
    Ok(Answer::written(|out| json::strings(out, [("yaml", loaded.yaml.as_str())])))
}

pub(crate) fn flags(call: &Call) -> ApiResult {
    let flags = &call.state.config.flags;
    let pairs = flags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(Answer::written(|out| json::strings(out, pairs)))
}

pub(crate) fn build_info(call: &Call) -> ApiResult {
    Ok(Answer::written(|out| version_json(call, out)))
}

/// How far the log's replay is; zeros until it is done, as the storage says nothing before.
pub(crate) fn wal_replay(call: &Call) -> ApiResult {
    let (min, max, current) = call.state.parts().map_or((0, 0, 0), |parts| parts.store.replayed());
    Ok(Answer::json(format!("{{\"min\":{min},\"max\":{max},\"current\":{current}}}")))
}

/// `/version`: the same without the envelope.
pub(crate) fn version(call: &Call) -> Reply {
    let mut out = String::new();
    version_json(call, &mut out);
    out.push('\n');
    Reply::new(hyper::StatusCode::OK, "application/json", Content::Whole(out.into()))
}

fn version_json(call: &Call, out: &mut String) {
    let v = &call.state.config.version;
    let fields = [
        ("version", v.version.as_str()),
        ("revision", v.revision.as_str()),
        ("branch", v.branch.as_str()),
        ("buildUser", v.build_user.as_str()),
        ("buildDate", v.build_date.as_str()),
        ("goVersion", v.rust_version.as_str()),
    ];
    json::strings(out, fields);
}

pub(crate) fn runtime_info(call: &Call) -> ApiResult {
    let state = &call.state;
    let families = state.registry.gather();
    let number = |name: &str| {
        let family = families.iter().find(|family| family.name == name)?;
        match family.points.first()?.value {
            stdx::metrics::PointValue::Number(value) => Some(value),
            stdx::metrics::PointValue::Histogram { .. }
            | stdx::metrics::PointValue::Summary { .. } => None,
        }
    };
    let folder = std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default();
    let open = exposure::warnings(state).join("; ");
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let retention = stdx::units::format_duration_ms(state.config.storage.retention_ms);
    Ok(Answer::written(|out| {
        let mut text = |name: &str, value: &str| {
            out.push(if out.is_empty() { '{' } else { ',' });
            json::key(out, name);
            json::string(out, value);
        };
        text("startTime", &time::rfc3339(state.birth_ms));
        text("CWD", &folder);
        text("hostname", &host_name());
        text("serverTime", &time::rfc3339(state.clock.now_ms()));
        text("lastConfigTime", &time::rfc3339(milliseconds(state.reload_time_seconds())));
        text("GOGC", "");
        text("GODEBUG", "");
        text("storageRetention", &retention);
        if !open.is_empty() {
            text("warning", &open);
        }
        out.push_str(",\"reloadConfigSuccess\":");
        out.push_str(if state.reload_successful() { "true" } else { "false" });
        // The bound on bodies and queries stands where Go says its own soft limit.
        for (name, value) in [
            ("corruptionCount", number("prometheus_tsdb_wal_corruptions_total").unwrap_or(0.0)),
            ("goroutineCount", number("process_threads").unwrap_or(0.0)),
            ("GOMAXPROCS", stdx::metrics::float(cpus as u64)),
            ("GOMEMLIMIT", stdx::metrics::float(state.config.memory_bytes_max)),
        ] {
            out.push(',');
            json::key(out, name);
            json::number(out, value);
        }
        out.push('}');
    }))
}

#[expect(clippy::cast_possible_truncation, reason = "a time that this server took from its clock")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

pub(crate) fn tsdb(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let limit = match params.get("limit") {
        "" => TSDB_ROWS,
        text => atoi(text)
            .ok()
            .filter(|limit| *limit >= 1)
            .ok_or_else(|| ApiError::bad_data("limit must be a positive number"))?,
    };
    if limit > TSDB_ROWS_MAX {
        return Err(ApiError::bad_data(format!("limit must not exceed {TSDB_ROWS_MAX}")));
    }
    let limit =
        usize::try_from(limit).map_err(|e| ApiError::new(ErrorKind::Internal, e.to_string()))?;
    let stats = call.parts()?.store.stats(limit);
    Ok(Answer::written(|out| {
        out.push_str(&format!(
            "{{\"headStats\":{{\"numSeries\":{},\"numLabelPairs\":{},\"chunkCount\":{},\"minTime\":{},\"maxTime\":{}}}",
            stats.series, stats.label_pairs, stats.chunks, stats.mint, stats.maxt
        ));
        for (name, rows) in [
            ("seriesCountByMetricName", &stats.series_by_metric),
            ("labelValueCountByLabelName", &stats.values_by_label),
            ("memoryInBytesByLabelName", &stats.bytes_by_label),
            ("seriesCountByLabelValuePair", &stats.series_by_pair),
        ] {
            out.push(',');
            json::key(out, name);
            json::array(out, rows, counted);
        }
        out.push('}');
    }))
}

fn counted(out: &mut String, (name, value): &Counted) {
    out.push_str("{\"name\":");
    json::string(out, name);
    out.push_str(&format!(",\"value\":{value}}}"));
}

/// No blocks: this version keeps none.
pub(crate) fn blocks(_: &Call) -> ApiResult {
    Ok(Answer::json("{\"blocks\":[]}".to_owned()))
}

/// No rule groups: rules are not run yet, and a configuration that names rule files says so when it is read.
pub(crate) fn rules(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let kind = params.get("type").to_lowercase();
    if !matches!(kind.as_str(), "" | "alert" | "record") {
        return Err(invalid("type", &format!("not supported value {kind:?}")));
    }
    params.matchers().map_err(ApiError::bad_data)?;
    Ok(Answer::json("{\"groups\":[]}".to_owned()))
}

pub(crate) fn alerts(_: &Call) -> ApiResult {
    Ok(Answer::json("{\"alerts\":[]}".to_owned()))
}

pub(crate) fn alertmanagers(_: &Call) -> ApiResult {
    Ok(Answer::json("{\"activeAlertmanagers\":[],\"droppedAlertmanagers\":[]}".to_owned()))
}

pub(crate) fn notifications(_: &Call) -> ApiResult {
    Ok(Answer::json("[]".to_owned()))
}

/// What of Prometheus' optional features works here.
pub(crate) fn features(call: &Call) -> ApiResult {
    let config = &call.state.config;
    let api = [
        ("admin", config.admin_api),
        ("exclude_alerts", true),
        ("label_values_match", true),
        ("lifecycle", config.lifecycle),
        ("otlp_write_receiver", false),
        ("query_stats", true),
        ("query_warnings", true),
        ("remote_write_receiver", config.remote_write_receiver),
        ("search", false),
        ("time_range_labels", true),
        ("time_range_series", true),
    ];
    Ok(Answer::written(|out| {
        out.push_str("{\"api\":");
        json::object(out, api, |out, on| out.push_str(if on { "true" } else { "false" }));
        out.push('}');
    }))
}

/// The answer to OPTIONS.
pub(crate) fn options(_: &Call) -> ApiResult {
    Ok(Answer::nothing())
}
