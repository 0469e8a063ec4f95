//! Pushes that are added to what their group has: for many short-lived jobs that count together.
//!
//! Counters, the counts of histograms (classic and native) and summaries' count and sum are added. A gauge, or a metric without a
//! type, has no natural sum: the push says what becomes of it, or is refused. Invariant: a push is added whole or not at all.

use std::collections::HashMap;

use model::histogram::FloatHistogram;
use model::metadata::MetricType;
use model::quote::quote;
use wire::exposition::NativeHistogram;

use super::body::Parsed;
use super::family::{Bucket, Extra, Family, Group, Grouping, Metric, Value};
use super::show;

/// Most buckets of a native histogram that is added, or added to. Those that programs make have some hundreds.
const NATIVE_BUCKETS_MAX: usize = 10_000;

/// What becomes of the gauges of a push that is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gauges {
    /// They are refused.
    Refuse,
    Sum,
    /// The greater one stays; NaN gives way.
    Max,
    /// The smaller one stays; NaN gives way.
    Min,
    /// The pushed one takes the place.
    Last,
}

/// What stands in the group after `parsed` is added to `base`: its families, each with all of its metrics, old and new.
///
/// # Errors
/// What cannot be added.
pub(super) fn added(base: &Group, parsed: &Parsed, gauges: Gauges) -> Result<Parsed, String> {
    let families = parsed.families.iter().map(|family| {
        // Sorted by name.
        let at = base.families.binary_search_by(|one| one.name.cmp(&family.name));
        match at.ok().map(|at| &base.families[at]) {
            None => {
                // Refused with the first push, not only with the second.
                family.metrics.iter().try_for_each(|metric| can_add(family, metric, gauges))?;
                Ok(without_quantiles(family.clone()))
            }
            Some(before) => add_family(before, family, gauges),
        }
    });
    Ok(Parsed { families: families.collect::<Result<_, String>>()?, has_times: parsed.has_times })
}

fn can_add(family: &Family, metric: &Metric, gauges: Gauges) -> Result<(), String> {
    let counts = match family.kind {
        MetricType::Counter
        | MetricType::Summary
        | MetricType::Histogram
        | MetricType::GaugeHistogram => true,
        MetricType::Gauge | MetricType::Info | MetricType::StateSet | MetricType::Unknown => {
            !matches!(metric.value, Value::Simple(_))
        }
    };
    if counts || gauges != Gauges::Refuse {
        return Ok(());
    }
    let kind = show::type_name(family.kind);
    Err(format!(
        "{} is {kind}, which has no natural sum: say gauges=sum, max, min or last",
        quote(&family.name)
    ))
}

/// Quantiles of different jobs cannot be put together.
fn without_quantiles(mut family: Family) -> Family {
    for metric in &mut family.metrics {
        if let Value::Summary { quantiles, .. } = &mut metric.value {
            quantiles.clear();
        }
    }
    family
}

fn add_family(before: &Family, pushed: &Family, gauges: Gauges) -> Result<Family, String> {
    if before.kind != pushed.kind {
        let (old, new) = (show::type_name(before.kind), show::type_name(pushed.kind));
        let name = quote(&pushed.name);
        return Err(format!("{name} is {new}, and cannot be added to the group's, which is {old}"));
    }
    let places: HashMap<&Grouping, usize> =
        before.metrics.iter().enumerate().map(|(i, metric)| (&metric.labels, i)).collect();
    let help = if pushed.help.is_empty() { &before.help } else { &pushed.help };
    let mut after = Family { help: help.clone(), ..before.clone() };
    let mut is_added = vec![false; before.metrics.len()];
    for metric in &pushed.metrics {
        can_add(pushed, metric, gauges)?;
        match places.get(&metric.labels) {
            // The same metric twice in a push stays twice, and is refused for it.
            Some(&i) if !is_added[i] => {
                is_added[i] = true;
                after.metrics[i] = add_metric(pushed, &before.metrics[i], metric, gauges)?;
            }
            Some(_) | None => after.metrics.push(metric.clone()),
        }
    }
    Ok(without_quantiles(after))
}

fn add_metric(
    family: &Family,
    before: &Metric,
    pushed: &Metric,
    gauges: Gauges,
) -> Result<Metric, String> {
    let fail = |text: &str| {
        let (name, metric) = (quote(&family.name), show::metric(pushed, family.kind));
        format!("metric {name} {{ {metric}}} cannot be added: {text}")
    };
    let value = match (&before.value, &pushed.value) {
        (Value::Simple(a), Value::Simple(b)) => Value::Simple(match family.kind {
            MetricType::Counter => a + b,
            MetricType::Gauge
            | MetricType::Summary
            | MetricType::Histogram
            | MetricType::GaugeHistogram
            | MetricType::Info
            | MetricType::StateSet
            | MetricType::Unknown => gauge(*a, *b, gauges),
        }),
        (Value::Summary { count, sum, .. }, Value::Summary { count: n, sum: more, .. }) => {
            let count = count.checked_add(*n).ok_or_else(|| fail("its count is too great"))?;
            Value::Summary { count, sum: sum + more, quantiles: Vec::new() }
        }
        (
            Value::Histogram { count, sum, buckets, native },
            Value::Histogram { count: n, sum: more, buckets: other, native: other_native },
        ) => Value::Histogram {
            count: count + n,
            sum: sum + more,
            buckets: add_buckets(buckets, other).map_err(fail)?,
            native: add_native(native.as_deref(), other_native.as_deref()).map_err(fail)?,
        },
        (Value::Simple(_) | Value::Summary { .. } | Value::Histogram { .. }, _) => {
            return Err(fail("the group's is of another type"));
        }
    };
    let extra = add_extra(before.extra.as_deref(), pushed.extra.as_deref());
    Ok(Metric { labels: pushed.labels.clone(), value, extra })
}

fn gauge(before: f64, pushed: f64, gauges: Gauges) -> f64 {
    match gauges {
        Gauges::Sum => before + pushed,
        Gauges::Max => before.max(pushed),
        Gauges::Min => before.min(pushed),
        // Those to be refused do not come here.
        Gauges::Last | Gauges::Refuse => pushed,
    }
}

fn add_buckets(before: &[Bucket], pushed: &[Bucket]) -> Result<Vec<Bucket>, &'static str> {
    let uppers = |buckets: &[Bucket]| buckets.iter().map(|one| one.upper.to_bits()).collect();
    let (ours, others): (Vec<u64>, Vec<u64>) = (uppers(before), uppers(pushed));
    if ours != others {
        return Err("its buckets have other bounds than the group's");
    }
    let both = before.iter().zip(pushed);
    Ok(both
        .map(|(a, b)| Bucket { upper: a.upper, cumulative: a.cumulative + b.cumulative })
        .collect())
}

fn add_native(
    before: Option<&NativeHistogram>,
    pushed: Option<&NativeHistogram>,
) -> Result<Option<Box<NativeHistogram>>, &'static str> {
    let float = |h: &NativeHistogram| -> FloatHistogram {
        match h {
            NativeHistogram::Int(h) => h.to_float(),
            NativeHistogram::Float(h) => h.clone(),
        }
    };
    match (before, pushed) {
        (None, None) => Ok(None),
        (Some(before), Some(pushed)) => {
            let (mut sum, more) = (float(before), float(pushed));
            for one in [&sum, &more] {
                let n = one.positive_buckets.len() + one.negative_buckets.len();
                if n > NATIVE_BUCKETS_MAX {
                    return Err("its native buckets or the group's are too many");
                }
                one.validate().map_err(|_| "its native buckets or the group's are not in order")?;
            }
            sum.add(&more).map_err(|_| "its native buckets are of another kind")?;
            Ok(Some(Box::new(NativeHistogram::Float(sum))))
        }
        (None, Some(_)) | (Some(_), None) => Err("only one of it and the group's is native"),
    }
}

/// It counts since the earlier time; the pushed exemplars are the newer ones.
fn add_extra(before: Option<&Extra>, pushed: Option<&Extra>) -> Option<Box<Extra>> {
    let (Some(before), Some(pushed)) = (before, pushed) else {
        return before.or(pushed).cloned().map(Box::new);
    };
    let newest = if pushed.exemplars.is_empty() && pushed.bucket_exemplars.is_empty() {
        before
    } else {
        pushed
    };
    let start_ms = before.start_ms.into_iter().chain(pushed.start_ms).min();
    Some(Box::new(Extra { start_ms, ..newest.clone() }))
}
