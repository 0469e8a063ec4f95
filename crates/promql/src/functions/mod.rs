//! The functions of PromQL, by family. [`call`] finds the one that a call names.

mod absent;
pub(crate) mod date;
pub(crate) mod gomath;
pub(crate) mod histogram;
mod info;
pub(crate) mod kahan;
mod label;
mod math;
mod over_time;
pub(crate) mod rate;
mod regression;
mod sort;

use model::sample::Value;

use crate::ast::{Extension, Span, ValueType};
use crate::engine::error::QueryError;
use crate::engine::eval::{Evaluator, Sink, bug};
use crate::engine::frame::Frame;
use crate::engine::plan::{Call, Kind, Node, seconds};
use crate::engine::selector;
use crate::engine::track::Track;
use crate::engine::value::{Column, Series};
use crate::engine::window::{self, RangeCall, RangeFn};

/// Whether a call's series come one by one, with no need to hold them all.
pub(crate) fn streams(call: &Call) -> bool {
    range_function(call.name).is_some() || over_selector(call).is_some()
}

/// The selector directly inside of `timestamp`, whose times are then those of the samples.
fn over_selector(call: &Call) -> Option<&Node> {
    let arg = call.args.first()?;
    (call.name == "timestamp" && matches!(arg.kind, Kind::Instant(_))).then_some(arg)
}

/// Gives the series of a call that streams to `sink`.
pub(crate) fn each(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
    sink: &mut Sink<'_>,
) -> Result<(), QueryError> {
    if let Some(Kind::Instant(selector)) = over_selector(call).map(|arg| &arg.kind) {
        let time = |sample: model::sample::Sample| Value::Float(seconds(sample.t));
        return selector::each_mapped(ev, selector, frame, &time, &mut |series| {
            sink(Series { labels: ev.nameless(series.labels), drop_name: true, ..series })
        });
    }
    let Some(f) = range_function(call.name) else { return Err(bug("not a range function")) };
    let range = call.args.iter().find(|arg| arg.value_type() == ValueType::Matrix);
    let Some(range) = range else { return Err(bug("no range vector")) };
    check_extension(call.name, range)?;
    let scalars = call.args.iter().filter(|arg| arg.value_type() == ValueType::Scalar);
    let scalars =
        scalars.map(|arg| ev.scalar_column(arg, frame)).collect::<Result<Vec<Column>, _>>()?;
    let first_arg = call.args.first().map_or(range.span, |arg| arg.span);
    let last_arg = call.args.last().map_or(range.span, |arg| arg.span);
    let all_args = Span { start: first_arg.start, end: last_arg.end };
    let keeps_name = matches!(call.name, "last_over_time" | "first_over_time");
    let counts_drops = matches!(call.name, "rate" | "increase");
    let track = match call.name {
        "max_over_time" => Track::Max,
        "min_over_time" => Track::Min,
        _ if counts_drops => Track::Drops,
        _ => Track::Nothing,
    };
    let range_call =
        RangeCall { f, range, first_arg, all_args, keeps_name, track, scalars: &scalars };
    window::each(ev, range_call, frame, &mut |series, metric| {
        if counts_drops && series.column.any_float() {
            note_non_counter(ev, metric, range.span);
        }
        sink(series)
    })
}

/// Says of a metric that `rate` and `increase` may not be meant for it.
fn note_non_counter(ev: &Evaluator<'_>, labels: &model::labels::Labels, span: Span) {
    let metric = labels.metric_name();
    let quoted = crate::quote::quote_str(metric);
    if metric.is_empty() {
        return;
    }
    if ev.type_labels {
        let kind = labels.get("__type__").unwrap_or("");
        if kind != "counter" && kind != "histogram" {
            let kind = crate::quote::quote_str(kind);
            ev.info(span, format!(
                "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", \
                 got {kind}: {quoted}"
            ));
        }
    } else if !["_total", "_sum", "_count", "_bucket"].iter().any(|end| metric.ends_with(end)) {
        ev.info(span, format!(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {quoted}"
        ));
    }
}

fn check_extension(name: &str, range: &Node) -> Result<(), QueryError> {
    let Kind::Range(selector) = &range.kind else { return Ok(()) };
    let (word, safe) = match selector.selector.extension {
        None => return Ok(()),
        Some(Extension::Anchored) => {
            ("anchored", &["changes", "delta", "increase", "rate", "resets"][..])
        }
        Some(Extension::Smoothed) => ("smoothed", &["delta", "increase", "rate"][..]),
    };
    if safe.contains(&name) {
        return Ok(());
    }
    let safe = safe.join(", ");
    Err(QueryError::Execution(format!(
        "{word} modifier can only be used with: {safe} - not with {name}"
    )))
}

fn range_function(name: &str) -> Option<RangeFn> {
    Some(match name {
        "rate" => rate::rate,
        "increase" => rate::increase,
        "delta" => rate::delta,
        "irate" => rate::irate,
        "idelta" => rate::idelta,
        "resets" => rate::resets,
        "changes" => rate::changes,
        "deriv" => regression::deriv,
        "predict_linear" => regression::predict_linear,
        "double_exponential_smoothing" => regression::smoothing,
        "avg_over_time" => over_time::avg,
        "count_over_time" => over_time::count,
        "first_over_time" => over_time::first,
        "last_over_time" => over_time::last,
        "mad_over_time" => over_time::mad,
        "max_over_time" => over_time::extreme,
        "min_over_time" => over_time::extreme,
        "present_over_time" => over_time::present,
        "quantile_over_time" => over_time::quantile,
        "stddev_over_time" => over_time::stddev,
        "stdvar_over_time" => over_time::stdvar,
        "sum_over_time" => over_time::sum,
        "ts_of_first_over_time" => over_time::ts_of_first,
        "ts_of_last_over_time" => over_time::ts_of_last,
        "ts_of_max_over_time" => over_time::ts_of_max,
        "ts_of_min_over_time" => over_time::ts_of_min,
        _ => return None,
    })
}

/// All series of a call.
pub(crate) fn call(
    ev: &Evaluator<'_>,
    call: &Call,
    span: Span,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    if streams(call) {
        let mut all = Vec::new();
        each(ev, call, frame, &mut |series| {
            all.push(series);
            Ok(())
        })?;
        return Ok(all);
    }
    match call.name {
        "time" => Ok(vec![ev.scalar(frame, |step| seconds(frame.time(step)))?]),
        "pi" => Ok(vec![ev.scalar(frame, |_| std::f64::consts::PI)?]),
        "min_of" | "max_of" => math::of_two(ev, call, frame),
        "vector" => ev.eval(arg(call, 0)?, frame),
        "scalar" => math::scalar(ev, arg(call, 0)?, frame),
        "timestamp" => math::timestamp(ev, arg(call, 0)?, frame),
        "clamp" | "clamp_min" | "clamp_max" | "round" => math::with_scalars(ev, call, frame),
        "absent" => absent::absent(ev, arg(call, 0)?, frame),
        "absent_over_time" => absent::absent_over_time(ev, call, frame),
        "info" => info::info(ev, call, frame),
        "label_replace" => label::replace(ev, call, frame),
        "label_join" => label::join(ev, call, frame),
        "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => {
            sort::sort(ev, call, span, frame)
        }
        "histogram_quantile" => histogram::quantile(ev, call, frame),
        "histogram_quantiles" => histogram::quantiles(ev, call, frame),
        "histogram_fraction" => histogram::fraction(ev, call, frame),
        "histogram_count" | "histogram_sum" | "histogram_avg" | "histogram_stddev"
        | "histogram_stdvar" => histogram::native(ev, call, frame),
        _ if date::function(call.name).is_some() => date::call(ev, call, frame),
        _ => match math::function(call.name) {
            Some(f) => math::elementwise(ev, arg(call, 0)?, frame, f),
            None => {
                Err(QueryError::Execution(format!("function {} is not supported yet", call.name)))
            }
        },
    }
}

fn arg(call: &Call, i: usize) -> Result<&Node, QueryError> {
    call.args.get(i).ok_or_else(|| bug("an argument is missing"))
}

fn text(call: &Call, i: usize) -> Result<&str, QueryError> {
    match &arg(call, i)?.kind {
        Kind::Text(text) => Ok(text.as_str()),
        Kind::Number(_)
        | Kind::Instant(_)
        | Kind::Range(_)
        | Kind::Subquery(_)
        | Kind::Negate(_)
        | Kind::Binary(_)
        | Kind::Aggregate(_)
        | Kind::Call(_)
        | Kind::Invariant(_) => Err(bug("a string was expected")),
    }
}

/// The warning for a range (or a lookback) with both.
pub(crate) fn mixed_floats_histograms(metric: &str) -> String {
    let quoted = crate::quote::quote_str(metric);
    format!("encountered a mix of histograms and floats for metric name {quoted}")
}

/// The info for a function that reads floats only.
fn ignored_in_mixed_range(metric: &str) -> String {
    let quoted = crate::quote::quote_str(metric);
    format!(
        "ignored histograms in a range containing both floats and histograms for metric name {quoted}"
    )
}
