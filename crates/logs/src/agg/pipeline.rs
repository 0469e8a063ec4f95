//! Values out of the values of other aggregations: beside them, or along the buckets of the one above.

use serde_json::{Map, Value};

use super::ast::{GapPolicy, Order, OrderBy, Pipeline, PipelineKind};
use super::error::AggError;
use super::metric::{Sums, len_to_f64};
use super::result::{Answer, Answers, Body, Bucket};
use super::show::{Decimal, Key, count_to_f64, f64_to_int, float};

type Named = (String, Option<Value>, Pipeline);

fn illegal(text: String) -> AggError {
    AggError::Illegal(text)
}

/// Whether it looks along the buckets of the aggregation that it is in.
fn is_along(kind: &PipelineKind) -> bool {
    match kind {
        PipelineKind::AvgBucket
        | PipelineKind::SumBucket
        | PipelineKind::MinBucket
        | PipelineKind::MaxBucket
        | PipelineKind::StatsBucket
        | PipelineKind::ExtendedStatsBucket { .. }
        | PipelineKind::PercentilesBucket { .. } => false,
        PipelineKind::Derivative { .. }
        | PipelineKind::CumulativeSum
        | PipelineKind::MovingFn { .. }
        | PipelineKind::SerialDiff { .. }
        | PipelineKind::BucketScript(_)
        | PipelineKind::BucketSelector(_)
        | PipelineKind::BucketSort { .. } => true,
    }
}

/// The first name of a path.
fn first(path: &str) -> &str {
    let end = path.find(['>', '[']).unwrap_or(path.len());
    &path[..end]
}

/// The pipelines of `all` that `want` lets through, those first that others of them need.
fn in_order<'a>(all: &'a [Named], want: &dyn Fn(&PipelineKind) -> bool) -> Vec<&'a Named> {
    let mut left: Vec<&Named> = all.iter().filter(|(.., pipeline)| want(&pipeline.kind)).collect();
    let mut done = Vec::new();
    while !left.is_empty() {
        let needs = |named: &Named| {
            let waits = |path: &str| {
                let head = first(path);
                left.iter().any(|(name, ..)| {
                    *name != named.0
                        && (name == head
                            || head
                                .strip_prefix(name.as_str())
                                .is_some_and(|rest| rest.starts_with('.')))
                })
            };
            named.2.paths.iter().any(|(_, path)| waits(path))
                || matches!(&named.2.kind, PipelineKind::BucketSort { .. })
                    && left
                        .iter()
                        .any(|other| !matches!(other.2.kind, PipelineKind::BucketSort { .. }))
        };
        // Those that wait for one another run in the order in which they stand.
        let at = left.iter().position(|named| !needs(named)).unwrap_or(0);
        done.push(left.remove(at));
    }
    done
}

/// Runs the pipelines that stand beside the aggregations whose buckets they sum up.
pub(super) fn beside(pipelines: &[Named], answers: &mut Answers) -> Result<(), AggError> {
    for (name, meta, pipeline) in in_order(pipelines, &|kind| !is_along(kind)) {
        let path = pipeline.paths.first().map_or("", |(_, path)| path.as_str());
        let mut values = Vec::new();
        let mut keys = Vec::new();
        gather(answers, path, pipeline.gap, &mut |key, value| {
            keys.push(key.to_owned());
            values.push(value);
        })?;
        let (type_name, body) = summary(pipeline, &values, &keys);
        answers.push(Answer { name: name.clone(), type_name, meta: meta.clone(), body });
    }
    Ok(())
}

/// Calls `each` with the name and value of each bucket that `path` reaches.
fn gather(
    answers: &Answers,
    path: &str,
    gap: GapPolicy,
    each: &mut dyn FnMut(&str, f64),
) -> Result<(), AggError> {
    let (mut head, mut rest) = path.split_once('>').unwrap_or((path, ""));
    let by_name = |name: &str| answers.iter().find(|answer| answer.name == first(name));
    let mut found = by_name(head);
    if found.is_none()
        && let Some((name, member)) = path.split_once('.')
    {
        // `histogram.metric` is another way to write `histogram>metric`.
        (head, rest) = (name, member);
        found = by_name(head);
    }
    let answer = found.ok_or_else(|| illegal(format!("No aggregation found for path [{path}]")))?;
    match &answer.body {
        Body::Buckets(buckets) => {
            let wanted = head
                .split_once('[')
                .map(|(_, key)| key.trim_end_matches(']').trim_matches(['\'', '"']));
            for bucket in &buckets.list {
                if wanted.is_some_and(|wanted| wanted != bucket.name) {
                    continue;
                }
                let rest = if rest.is_empty() { "_count" } else { rest };
                let value = resolve(bucket, rest)?;
                match (value, gap) {
                    (Some(value), _) if value.is_finite() => each(&bucket.name, value),
                    (_, GapPolicy::InsertZeros) => each(&bucket.name, 0.0),
                    (_, GapPolicy::Skip | GapPolicy::KeepValues) => {}
                }
            }
            Ok(())
        }
        Body::Single { subs, .. } => gather(subs, rest, gap, each),
        Body::Number { .. }
        | Body::Count(_)
        | Body::Object(_)
        | Body::Percentiles { .. }
        | Body::TopHits { .. }
        | Body::TopMetrics(_) => Err(illegal(format!(
            "The first aggregation in buckets_path must be a multi-bucket aggregation for aggregation [{path}]"
        ))),
    }
}

/// What a pipeline's values are shown by.
fn text(pipeline: &Pipeline, value: f64) -> Option<String> {
    let decimal = Decimal::parse(pipeline.format.as_deref()?)?;
    Some(decimal.print(value))
}

fn number(pipeline: &Pipeline, value: Option<f64>) -> Body {
    let value = value.filter(|value| value.is_finite());
    let text = value.and_then(|value| text(pipeline, value));
    Body::Number { value, text, extra: Map::new() }
}

fn summary(pipeline: &Pipeline, values: &[f64], keys: &[String]) -> (&'static str, Body) {
    let mut sums = Sums::default();
    values.iter().for_each(|value| sums.add(*value));
    let extreme = |at: f64| {
        let keys: Vec<Value> = keys
            .iter()
            .zip(values)
            .filter(|(_, value)| **value == at)
            .map(|(key, _)| key.clone().into())
            .collect();
        let value = (!values.is_empty()).then_some(at);
        let text = value.and_then(|value| text(pipeline, value));
        let extra = Map::from_iter([("keys".to_owned(), Value::Array(keys))]);
        ("bucket_metric_value", Body::Number { value, text, extra })
    };
    let shown = |value: f64| text(pipeline, value);
    match &pipeline.kind {
        PipelineKind::SumBucket => ("simple_value", number(pipeline, Some(sums.sum()))),
        PipelineKind::MinBucket => extreme(sums.min),
        PipelineKind::MaxBucket => extreme(sums.max),
        PipelineKind::StatsBucket => ("stats_bucket", Body::Object(sums.object(None, &shown))),
        PipelineKind::ExtendedStatsBucket { sigma } => {
            ("extended_stats_bucket", Body::Object(sums.object(Some(*sigma), &shown)))
        }
        PipelineKind::PercentilesBucket { percents, keyed } => {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            let at = |percent: f64| {
                let last = len_to_f64(sorted.len().checked_sub(1)?);
                let place = f64_to_int((percent / 100.0 * last).round());
                sorted.get(usize::try_from(place).ok()?).copied()
            };
            let values = percents.iter().map(|percent| (*percent, at(*percent))).collect();
            ("percentiles_bucket", Body::Percentiles { values, keyed: *keyed, texts: None })
        }
        PipelineKind::AvgBucket
        | PipelineKind::Derivative { .. }
        | PipelineKind::CumulativeSum
        | PipelineKind::MovingFn { .. }
        | PipelineKind::SerialDiff { .. }
        | PipelineKind::BucketScript(_)
        | PipelineKind::BucketSelector(_)
        | PipelineKind::BucketSort { .. } => ("simple_value", number(pipeline, sums.avg())),
    }
}

/// The number that `path` reaches in a bucket; `None` where there is no value.
fn resolve(bucket: &Bucket, path: &str) -> Result<Option<f64>, AggError> {
    match path {
        "_count" => return Ok(Some(count_to_f64(bucket.doc_count))),
        "_key" => return Ok(bucket.at),
        _ => {}
    }
    let value = in_answers(&bucket.subs, path)?;
    // What an empty bucket says of its rows is a gap.
    let is_gap = bucket.doc_count == 0 && !path.ends_with("_count");
    Ok(value.filter(|_| !is_gap))
}

fn in_answers(answers: &Answers, path: &str) -> Result<Option<f64>, AggError> {
    let (head, rest) = path.split_once('>').unwrap_or((path, ""));
    let plain = first(head);
    let whole = answers.iter().find(|answer| answer.name == plain);
    let (answer, member) = match whole {
        Some(answer) => (answer, ""),
        None => {
            let (name, member) = plain.rsplit_once('.').unwrap_or((plain, ""));
            let by_name = |name: &str| answers.iter().find(|answer| answer.name == name);
            match by_name(name) {
                Some(answer) => (answer, member),
                // `percentiles.99.9`: the member itself holds a dot.
                None => {
                    let (name, member) = plain.split_once('.').unwrap_or((plain, ""));
                    let found = by_name(name).ok_or_else(|| {
                        illegal(format!(
                            "Cannot find an aggregation named [{name}] in path [{path}]"
                        ))
                    })?;
                    (found, member)
                }
            }
        }
    };
    let key =
        head.split_once('[').map(|(_, key)| key.trim_end_matches(']').trim_matches(['\'', '"']));
    in_answer(answer, member, key, rest)
}

fn in_answer(
    answer: &Answer,
    member: &str,
    key: Option<&str>,
    rest: &str,
) -> Result<Option<f64>, AggError> {
    let several = || {
        illegal(format!(
            "buckets_path must reference either a number value or a single value numeric metric aggregation, but [{}] contains multiple values. Please specify which to use.",
            answer.name
        ))
    };
    match &answer.body {
        Body::Number { extra, .. } if member == "normalized_value" => {
            Ok(extra.get(member).and_then(Value::as_f64))
        }
        Body::Number { value, .. } => Ok(*value),
        Body::Count(count) => Ok(Some(count_to_f64(*count))),
        Body::Object(_) if member.is_empty() => Err(several()),
        Body::Object(object) => {
            let value = object.get(member).or_else(|| {
                let end = member.strip_prefix("std_")?;
                object.get("std_deviation_bounds")?.get(end)
            });
            Ok(value.and_then(Value::as_f64))
        }
        Body::Percentiles { values, .. } => {
            let wanted: f64 = if member.is_empty() {
                key.and_then(|key| key.parse().ok()).ok_or_else(several)?
            } else {
                member.parse().map_err(|_| several())?
            };
            let found = values.iter().find(|(percent, _)| (percent - wanted).abs() < 1e-9);
            Ok(found.and_then(|(_, value)| *value))
        }
        Body::Single { doc_count, subs } => match (rest, member) {
            ("", "" | "_count" | "doc_count") | ("_count", _) => Ok(Some(count_to_f64(*doc_count))),
            ("", member) => in_answers(subs, member),
            (rest, _) => in_answers(subs, rest),
        },
        Body::Buckets(buckets) => {
            if rest == "_bucket_count" || member == "_bucket_count" {
                return Ok(Some(len_to_f64(buckets.list.len())));
            }
            match key {
                Some(key) => match buckets.list.iter().find(|bucket| bucket.name == key) {
                    Some(bucket) => resolve(bucket, if rest.is_empty() { "_count" } else { rest }),
                    None => Ok(None),
                },
                None => Err(illegal(format!(
                    "buckets_path must reference either a number value or a single value numeric metric aggregation, got: [Object[]] at aggregation [{}]",
                    answer.name
                ))),
            }
        }
        Body::TopMetrics(rows) => {
            let wanted = key.unwrap_or(member);
            let metrics = rows.first().map(|(_, metrics)| metrics);
            let found = metrics.and_then(|metrics| metrics.iter().find(|(name, _)| name == wanted));
            Ok(found.and_then(|(_, value)| value.as_f64()))
        }
        Body::TopHits { .. } => Err(several()),
    }
}

/// The number that buckets are put in order by; NaN where there is none.
pub(super) fn order_value(answers: &Answers, path: &str, doc_count: u64) -> Result<f64, AggError> {
    if path == "_count" {
        return Ok(count_to_f64(doc_count));
    }
    let found = in_answers(answers, path).map_err(|error| {
        if let AggError::Illegal(text) = &error
            && text.starts_with("Cannot find")
        {
            return AggError::Execution(format!(
                "Invalid aggregator order path [{path}]. The provided aggregation [{}] either does not exist, or is a pipeline aggregation and cannot be used to sort the buckets.",
                first(path)
            ));
        }
        error
    })?;
    // The ends of nothing are before and behind everything.
    let nothing = match path.rsplit_once('.') {
        Some((_, "max")) => f64::NEG_INFINITY,
        Some((_, "min")) => f64::INFINITY,
        _ => f64::NAN,
    };
    Ok(found.unwrap_or(nothing))
}

/// Runs the pipelines that look along the buckets of the aggregation that they are in.
pub(super) fn along(pipelines: &[Named], buckets: &mut Vec<Bucket>) -> Result<(), AggError> {
    for (name, meta, pipeline) in in_order(pipelines, &is_along) {
        match &pipeline.kind {
            PipelineKind::BucketSelector(expr) => {
                let mut keep = Vec::new();
                for bucket in buckets.iter() {
                    let params = params(pipeline, bucket)?;
                    let value = expr.value(&|name| param(&params, name));
                    keep.push(value != 0.0 && !value.is_nan());
                }
                let mut keep = keep.into_iter();
                buckets.retain(|_| keep.next().unwrap_or(false));
            }
            PipelineKind::BucketSort { sort, from, size } => {
                bucket_sort(buckets, sort, (*from, *size))?;
            }
            PipelineKind::BucketScript(expr) => {
                for bucket in buckets.iter_mut() {
                    let params = params(pipeline, bucket)?;
                    let gap = params.iter().any(|(_, value)| value.is_nan());
                    if gap && pipeline.gap == GapPolicy::Skip {
                        continue;
                    }
                    let value = expr.value(&|name| param(&params, name));
                    put(bucket, (name, meta), pipeline, Some(value), "simple_value");
                }
            }
            PipelineKind::Derivative { .. }
            | PipelineKind::CumulativeSum
            | PipelineKind::MovingFn { .. }
            | PipelineKind::SerialDiff { .. } => series(buckets, (name, meta), pipeline)?,
            PipelineKind::AvgBucket
            | PipelineKind::SumBucket
            | PipelineKind::MinBucket
            | PipelineKind::MaxBucket
            | PipelineKind::StatsBucket
            | PipelineKind::ExtendedStatsBucket { .. }
            | PipelineKind::PercentilesBucket { .. } => {}
        }
    }
    Ok(())
}

fn params<'a>(pipeline: &'a Pipeline, bucket: &Bucket) -> Result<Vec<(&'a str, f64)>, AggError> {
    let mut params = Vec::new();
    for (name, path) in &pipeline.paths {
        let value = resolve(bucket, path)?.filter(|value| value.is_finite());
        let gap = if pipeline.gap == GapPolicy::InsertZeros { 0.0 } else { f64::NAN };
        params.push((name.as_str(), value.unwrap_or(gap)));
    }
    Ok(params)
}

fn param(params: &[(&str, f64)], name: &str) -> f64 {
    params.iter().find(|(have, _)| *have == name).map_or(f64::NAN, |(_, value)| *value)
}

fn put(
    bucket: &mut Bucket,
    (name, meta): (&str, &Option<Value>),
    pipeline: &Pipeline,
    value: Option<f64>,
    type_name: &'static str,
) {
    let body = number(pipeline, value);
    bucket.subs.push(Answer { name: name.to_owned(), type_name, meta: meta.clone(), body });
}

/// What the path of `pipeline` reaches in each bucket.
fn values_of(buckets: &[Bucket], pipeline: &Pipeline) -> Result<Vec<Option<f64>>, AggError> {
    let path = pipeline.paths.first().map_or("", |(_, path)| path.as_str());
    let mut values = Vec::new();
    for bucket in buckets {
        let value = resolve(bucket, path)?.filter(|value| value.is_finite());
        values.push(match (value, pipeline.gap) {
            (None, GapPolicy::InsertZeros) => Some(0.0),
            (value, _) => value,
        });
    }
    Ok(values)
}

/// Pipelines whose value depends on the values of the buckets before.
fn series(
    buckets: &mut [Bucket],
    named: (&str, &Option<Value>),
    pipeline: &Pipeline,
) -> Result<(), AggError> {
    let values = values_of(buckets, pipeline)?;
    let mut sum = 0.0;
    let mut last: Option<(f64, Option<f64>)> = None;
    for (at, bucket) in buckets.iter_mut().enumerate() {
        let value = values[at];
        match &pipeline.kind {
            PipelineKind::CumulativeSum => {
                sum += value.unwrap_or(0.0);
                put(bucket, named, pipeline, Some(sum), "simple_value");
            }
            PipelineKind::Derivative { unit_ms } => {
                if let (Some(value), Some((before, at_before))) = (value, last) {
                    let step = value - before;
                    put(bucket, named, pipeline, Some(step), "derivative");
                    if let (Some(unit), Some(here), Some(there)) = (unit_ms, bucket.at, at_before)
                        && let Some(Answer { body: Body::Number { extra, .. }, .. }) =
                            bucket.subs.last_mut()
                    {
                        let units = (here - there) / unit;
                        extra.insert("normalized_value".to_owned(), float(step / units));
                    }
                }
                last = value.map(|value| (value, bucket.at));
            }
            PipelineKind::SerialDiff { lag } => {
                let before = at.checked_sub(*lag).and_then(|at| values[at]);
                if let (Some(value), Some(before)) = (value, before) {
                    put(bucket, named, pipeline, Some(value - before), "simple_value");
                }
            }
            PipelineKind::MovingFn { .. } => {
                if let Some(moved) = moved(pipeline, &values, at) {
                    put(bucket, named, pipeline, Some(moved), "simple_value");
                }
            }
            PipelineKind::AvgBucket
            | PipelineKind::SumBucket
            | PipelineKind::MinBucket
            | PipelineKind::MaxBucket
            | PipelineKind::StatsBucket
            | PipelineKind::ExtendedStatsBucket { .. }
            | PipelineKind::PercentilesBucket { .. }
            | PipelineKind::BucketScript(_)
            | PipelineKind::BucketSelector(_)
            | PipelineKind::BucketSort { .. } => {}
        }
    }
    Ok(())
}

/// What a window over the values gives the bucket `at`; `None` when it gets nothing.
fn moved(pipeline: &Pipeline, values: &[Option<f64>], at: usize) -> Option<f64> {
    let PipelineKind::MovingFn { window, shift, function, of_values } = &pipeline.kind else {
        return None;
    };
    if *of_values {
        let before: Vec<f64> = values[..at].iter().flatten().copied().collect();
        let inside = &before[before.len().saturating_sub(*window)..];
        return (values[at].is_some() && !inside.is_empty()).then(|| function.value(inside));
    }
    let place = i64::try_from(at).unwrap_or(i64::MAX);
    let width = i64::try_from(*window).unwrap_or(i64::MAX);
    let bound = |place: i64| usize::try_from(place.max(0)).unwrap_or(0).min(values.len());
    let start = bound(place.saturating_sub(width).saturating_add(*shift));
    let end = bound(place.saturating_add(*shift)).max(start);
    let inside: Vec<f64> = values[start..end].iter().flatten().copied().collect();
    let shown = values[at].is_some() || pipeline.gap != GapPolicy::Skip;
    shown.then(|| function.value(&inside))
}

fn bucket_sort(
    buckets: &mut Vec<Bucket>,
    sort: &[Order],
    (from, size): (usize, Option<usize>),
) -> Result<(), AggError> {
    let mut keyed = Vec::new();
    for bucket in buckets.drain(..) {
        let mut levels = Vec::new();
        for order in sort {
            levels.push(match &order.by {
                OrderBy::Count => Some(Key::Float(count_to_f64(bucket.doc_count))),
                OrderBy::Key => match bucket.at {
                    Some(at) => Some(Key::Float(at)),
                    None => Some(Key::Text(bucket.name.as_str().into())),
                },
                OrderBy::Path(path) => resolve(&bucket, path)?.map(Key::Float),
            });
        }
        if sort.is_empty() || levels.iter().any(Option::is_some) {
            keyed.push((levels, bucket));
        }
    }
    keyed.sort_by(|(a, _), (b, _)| {
        for ((a, b), order) in a.iter().zip(b).zip(sort) {
            let ordering = match (a, b) {
                (None, None) => std::cmp::Ordering::Equal,
                (None, Some(_)) => return std::cmp::Ordering::Greater,
                (Some(_), None) => return std::cmp::Ordering::Less,
                (Some(a), Some(b)) if order.descending => b.cmp(a),
                (Some(a), Some(b)) => a.cmp(b),
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        std::cmp::Ordering::Equal
    });
    let taken = keyed.into_iter().map(|(_, bucket)| bucket).skip(from);
    buckets.extend(taken.take(size.unwrap_or(usize::MAX)));
    Ok(())
}
