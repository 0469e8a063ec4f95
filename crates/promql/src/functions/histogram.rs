//! Quantiles and fractions of histograms: of classic ones, whose buckets are series with an `le` label, and of native ones.

use std::collections::HashMap;

use model::labels::Labels;
use model::sample::Value;

use super::{arg, text};
use crate::ast::Span;
use crate::engine::aggregate::invalid_quantile;
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::notes::{Forced, with_metric};
use crate::engine::plan::Call;
use crate::engine::value::{Collector, Column, Series};
use crate::format::open_metrics;
use crate::hist;

/// The label that holds a bucket's upper bound.
const LE: &str = "le";

/// A cumulative bucket of a classic histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) upper: f64,
    pub(crate) count: f64,
}

/// A classic histogram: the series that are its buckets.
struct Classic {
    /// Without `le`.
    labels: Labels,
    drop_name: bool,
    buckets: Vec<(f64, usize)>,
    /// The series of native histograms with the same labels.
    native: Option<usize>,
}

/// A vector sorted out into its histograms.
struct Histograms {
    series: Vec<Series>,
    classic: Vec<Classic>,
    native: Vec<usize>,
    span: Span,
}

impl Histograms {
    fn of(
        ev: &Evaluator<'_>,
        call: &Call,
        vector: usize,
        frame: &Frame,
    ) -> Result<Self, QueryError> {
        let node = arg(call, vector)?;
        let series = ev.eval(node, frame)?;
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut classic: Vec<Classic> = Vec::new();
        for (i, one) in series.iter().enumerate().filter(|(_, one)| one.column.any_float()) {
            let le = one.labels.get(LE).unwrap_or("");
            let Ok(upper) = le.parse::<f64>() else {
                let metric = if ev.delayed { one.labels.metric_name() } else { "" };
                let le = crate::quote::quote_str(le);
                let text =
                    format!("bucket label \"{LE}\" is missing or has a malformed value of {le}");
                ev.warn(node.span, with_metric(&text, metric));
                continue;
            };
            let labels = Labels::from_sorted(one.labels.iter().filter(|(name, _)| *name != LE));
            let at = *index.entry(labels.clone()).or_insert_with(|| {
                classic.push(Classic {
                    labels,
                    drop_name: true,
                    buckets: Vec::new(),
                    native: None,
                });
                classic.len() - 1
            });
            classic[at].buckets.push((upper, i));
        }
        let mut native = Vec::new();
        for (i, one) in series.iter().enumerate().filter(|(_, one)| one.column.has_hists()) {
            native.push(i);
            if let Some(&at) = index.get(&one.labels) {
                classic[at].native = Some(i);
            }
        }
        Ok(Self { series, classic, native, span: node.span })
    }

    /// The buckets of a classic histogram at a step; a native one of the same name there spoils both.
    fn buckets(&self, ev: &Evaluator<'_>, classic: &Classic, step: usize) -> Vec<Bucket> {
        let floats = classic.buckets.iter();
        let buckets: Vec<Bucket> = floats
            .filter_map(|&(upper, i)| {
                Some(Bucket { upper, count: self.series[i].column.float(step)? })
            })
            .collect();
        let native = classic.native.is_some_and(|i| self.series[i].column.hist(step).is_some());
        if native && !buckets.is_empty() {
            let metric = if ev.delayed { classic.labels.metric_name() } else { "" };
            ev.warn(
                self.span,
                with_metric("vector contains a mix of classic and native histograms", metric),
            );
            return Vec::new();
        }
        buckets
    }

    /// Whether the native series `i` shares its labels with classic buckets at a step.
    fn is_mixed(&self, i: usize, step: usize) -> bool {
        let twin = self.classic.iter().find(|classic| classic.native == Some(i));
        twin.is_some_and(|twin| {
            twin.buckets.iter().any(|&(_, b)| self.series[b].column.has_float(step))
        })
    }

    /// The value of each histogram at each step, under `labels` of its labels.
    fn each(
        &self,
        ev: &Evaluator<'_>,
        out: &mut Collector,
        labels: &dyn Fn(Labels) -> Labels,
        how: &How<'_>,
    ) -> Result<(), QueryError> {
        for &i in &self.native {
            ev.watch.check()?;
            let Series { labels: own, column, .. } = &self.series[i];
            let mut result = Column::new(&ev.meter, column.steps())?;
            for step in 0..column.steps() {
                let Some(h) = column.hist(step).filter(|_| !self.is_mixed(i, step)) else {
                    continue;
                };
                let metric = if ev.delayed { own.metric_name() } else { "" };
                if let Some(v) = (how.native)(h, step, metric) {
                    result.put_float(step, v);
                }
            }
            result.seal()?;
            out.add(Series {
                labels: labels(ev.nameless(own.clone())),
                drop_name: true,
                column: result,
            })?;
        }
        for classic in &self.classic {
            ev.watch.check()?;
            let steps = self.series[classic.buckets[0].1].column.steps();
            let mut result = Column::new(&ev.meter, steps)?;
            for step in 0..steps {
                let mut buckets = self.buckets(ev, classic, step);
                if buckets.is_empty() {
                    continue;
                }
                if let Some(v) = (how.classic)(&mut buckets, step, &classic.labels) {
                    result.put_float(step, v);
                }
            }
            result.seal()?;
            let own = labels(ev.nameless(classic.labels.clone()));
            out.add(Series { labels: own, drop_name: classic.drop_name, column: result })?;
        }
        Ok(())
    }
}

type Native<'a> = dyn Fn(&model::histogram::FloatHistogram, usize, &str) -> Option<f64> + 'a;
type OfBuckets<'a> = dyn Fn(&mut Vec<Bucket>, usize, &Labels) -> Option<f64> + 'a;

/// What to make of one histogram at one step.
struct How<'a> {
    native: &'a Native<'a>,
    classic: &'a OfBuckets<'a>,
}

pub(super) fn quantile(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let q = ev.scalar_column(arg(call, 0)?, frame)?;
    let histograms = Histograms::of(ev, call, 1, frame)?;
    let mut out = Collector::new(&ev.meter, frame.steps);
    one_quantile(ev, &histograms, (&q, arg(call, 0)?.span), frame, &mut |histograms, how| {
        histograms.each(ev, &mut out, &|labels| labels, how)
    })?;
    Ok(out.series())
}

pub(super) fn quantiles(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let label = text(call, 1)?;
    let histograms = Histograms::of(ev, call, 0, frame)?;
    let mut out = Collector::new(&ev.meter, frame.steps);
    for node in call.args.get(2..).unwrap_or_default() {
        let q = ev.scalar_column(node, frame)?;
        for (shown, q) in by_value(ev, &q)? {
            let labels =
                |labels: Labels| Labels::from_pairs(labels.iter().chain([(label, shown.as_str())]));
            one_quantile(ev, &histograms, (&q, node.span), frame, &mut |histograms, how| {
                histograms.each(ev, &mut out, &labels, how)
            })?;
        }
    }
    Ok(out.series())
}

/// A quantile that may change with time as several that do not, each with its label: each has a value where it holds.
fn by_value(ev: &Evaluator<'_>, q: &Column) -> Result<Vec<(String, Column)>, QueryError> {
    let mut found: Vec<(String, Column)> = Vec::new();
    for step in 0..q.steps() {
        let Some(v) = q.float(step) else { continue };
        let shown = open_metrics(v);
        let at = match found.iter().position(|(have, _)| *have == shown) {
            Some(at) => at,
            None => {
                found.push((shown, Column::new(&ev.meter, q.steps())?));
                found.len() - 1
            }
        };
        found[at].1.put_float(step, v);
    }
    Ok(found)
}

/// Runs `f` with the way to one quantile.
fn one_quantile(
    ev: &Evaluator<'_>,
    histograms: &Histograms,
    (q, span): (&Column, Span),
    frame: &Frame,
    f: &mut dyn FnMut(&Histograms, &How<'_>) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    for q in (0..frame.steps).filter_map(|step| q.float(step)).filter(|q| !(0.0..=1.0).contains(q))
    {
        ev.warn(span, invalid_quantile(q));
    }
    let native = |h: &_, step: usize, metric: &str| {
        Some(hist::quantile(ev, q.float(step)?, h, (metric, histograms.span)))
    };
    let classic = |buckets: &mut Vec<Bucket>, step: usize, labels: &Labels| {
        let (value, mended) = bucket_quantile(q.float(step)?, buckets);
        if let Some(mended) = mended {
            let metric = if ev.delayed { labels.metric_name() } else { "" };
            let t = frame.time(step);
            let forced = Forced { first_ms: t, last_ms: t, ..mended };
            ev.notes.borrow_mut().forced_monotonic(histograms.span, metric, forced);
        }
        Some(value)
    };
    f(histograms, &How { native: &native, classic: &classic })
}

pub(super) fn fraction(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let lower = ev.scalar_column(arg(call, 0)?, frame)?;
    let upper = ev.scalar_column(arg(call, 1)?, frame)?;
    let at = |column: &Column, step| column.float(step).unwrap_or(f64::NAN);
    let histograms = Histograms::of(ev, call, 2, frame)?;
    let mut out = Collector::new(&ev.meter, frame.steps);
    let native = |h: &_, step: usize, metric: &str| {
        Some(hist::fraction(ev, (at(&lower, step), at(&upper, step)), h, (metric, histograms.span)))
    };
    let classic = |buckets: &mut Vec<Bucket>, step: usize, _: &Labels| {
        Some(bucket_fraction(at(&lower, step), at(&upper, step), buckets))
    };
    histograms.each(ev, &mut out, &|labels| labels, &How { native: &native, classic: &classic })?;
    Ok(out.series())
}

/// `histogram_count` and its like: a number of each native histogram.
pub(super) fn native(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let mut out = Collector::new(&ev.meter, frame.steps);
    for series in ev.eval(arg(call, 0)?, frame)? {
        ev.watch.check()?;
        let mut column = Column::new(&ev.meter, frame.steps)?;
        for step in 0..frame.steps {
            let Some(h) = series.column.hist(step) else { continue };
            let v = match call.name {
                "histogram_count" => h.count,
                "histogram_sum" => h.sum,
                "histogram_avg" => h.sum / h.count,
                "histogram_stddev" => h.variance().sqrt(),
                _ => h.variance(),
            };
            column.put(step, Value::Float(v));
        }
        column.seal()?;
        out.add(Series { labels: ev.nameless(series.labels), drop_name: true, column })?;
    }
    Ok(out.series())
}

/// Sorts buckets and adds up those with the same bound. Without a bucket to `+Inf` there is nothing to say.
fn ordered(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|a, b| a.upper.partial_cmp(&b.upper).unwrap_or(std::cmp::Ordering::Equal));
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return false;
    }
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
    true
}

/// Makes counts grow. Differences of rounding are quietly evened out; what is more is told.
fn make_monotonic(buckets: &mut [Bucket]) -> Option<Forced> {
    let mut forced: Option<Forced> = None;
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        let count = bucket.count;
        if count == before {
            continue;
        }
        if almost_equal(before, count) {
            bucket.count = before;
        } else if count < before {
            bucket.count = before;
            let all = forced.get_or_insert(Forced {
                first_ms: 0,
                last_ms: 0,
                bucket_min: f64::INFINITY,
                bucket_max: f64::NEG_INFINITY,
                diff_max: 0.0,
                samples: 1,
            });
            all.bucket_min = all.bucket_min.min(bucket.upper);
            all.bucket_max = all.bucket_max.max(bucket.upper);
            all.diff_max = all.diff_max.max(before - count);
        } else {
            before = count;
        }
    }
    forced
}

/// Equal but for rounding: within 1e-12, relative.
fn almost_equal(a: f64, b: f64) -> bool {
    const TOLERANCE: f64 = 1e-12;
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, diff) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return diff < TOLERANCE * f64::MIN_POSITIVE;
    }
    diff / sum.min(f64::MAX) < TOLERANCE
}

/// The quantile of cumulative buckets, and how they had to be mended.
pub(crate) fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, Option<Forced>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !ordered(buckets) {
        return (f64::NAN, None);
    }
    let forced = make_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, forced);
    }
    let mut rank = q * observations;
    let b = first_at_least(&buckets[..last], rank);
    if b == last {
        return (buckets[last - 1].upper, forced);
    }
    if b == 0 && buckets[0].upper <= 0.0 {
        return (buckets[0].upper, forced);
    }
    let (mut start, mut count) = (0.0, buckets[b].count);
    if b > 0 {
        start = buckets[b - 1].upper;
        count -= buckets[b - 1].count;
        rank -= buckets[b - 1].count;
    }
    (start + (buckets[b].upper - start) * (rank / count), forced)
}

/// The first bucket whose count reaches `rank`, by bisection (which for NaN counts gives what Prometheus gives).
fn first_at_least(buckets: &[Bucket], rank: f64) -> usize {
    let (mut low, mut high) = (0, buckets.len());
    while low < high {
        let middle = low.midpoint(high);
        if buckets[middle].count >= rank {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Which part of all observations lies between `lower` and `upper`.
pub(crate) fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !ordered(buckets) {
        return f64::NAN;
    }
    let count = buckets.last().map_or(0.0, |last| last.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let mut ranks: [Option<f64>; 2] = [None, None];
    let mut rank = 0.0;
    let mut start = if buckets[0].upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    for bucket in &*buckets {
        for (found, bound) in ranks.iter_mut().zip([lower, upper]) {
            if found.is_some() {
                continue;
            }
            if start >= bound {
                *found = Some(rank);
            } else if bucket.upper > bound {
                *found = Some(if start == f64::NEG_INFINITY {
                    bucket.count
                } else {
                    rank + (bucket.count - rank) * (bound - start) / (bucket.upper - start)
                });
            }
        }
        rank = bucket.count;
        start = bucket.upper;
    }
    let [low, high] =
        ranks.map(|rank| rank.map_or(count, |rank| if rank > count { count } else { rank }));
    (high - low) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|&(upper, count)| Bucket { upper, count }).collect()
    }

    #[test]
    fn interpolates_within_a_bucket() {
        let all = [(f64::INFINITY, 4.0), (1.0, 1.0), (2.0, 3.0)];
        let quantiles: Vec<f64> =
            [0.25, 0.5, 1.0, 2.0].map(|q| bucket_quantile(q, &mut buckets(&all)).0).to_vec();
        assert_eq!(quantiles, [1.0, 1.5, 2.0, f64::INFINITY]);
        assert_eq!(bucket_fraction(0.0, 1.5, &mut buckets(&all)), 0.5);
        assert!(bucket_quantile(0.5, &mut buckets(&[(1.0, 1.0)])).0.is_nan());
    }

    #[test]
    fn mends_what_shrinks() {
        let mut shrinking = buckets(&[(1.0, 3.0), (2.0, 2.0), (f64::INFINITY, 4.0)]);
        let (_, forced) = bucket_quantile(0.5, &mut shrinking);
        let forced = forced.unwrap();
        assert_eq!((forced.bucket_min, forced.bucket_max, forced.diff_max), (2.0, 2.0, 1.0));
    }
}
