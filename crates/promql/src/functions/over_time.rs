//! The `…_over_time` functions: what a window comes to. Sums go over the samples in order, with Prometheus' operations.

use std::sync::Arc;

use model::sample::Value;

use super::{ignored_in_mixed_range, kahan, mixed_floats_histograms};
use crate::engine::aggregate;
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::plan::seconds;
use crate::engine::window::Window;
use crate::hist;

type Found = Result<Option<Value>, QueryError>;

#[expect(clippy::unnecessary_wraps, reason = "the shape of a range function")]
fn float(v: f64) -> Found {
    Ok(Some(Value::Float(v)))
}

/// Whether there are floats; histograms beside them are noted as left out.
fn floats_only(ev: &Evaluator<'_>, w: &Window<'_>) -> bool {
    if !w.hs.is_empty() && !w.ts.is_empty() {
        ev.info(w.span, ignored_in_mixed_range(w.metric()));
    }
    !w.ts.is_empty()
}

fn is_mixed(ev: &Evaluator<'_>, w: &Window<'_>) -> bool {
    let mixed = !w.ts.is_empty() && !w.hs.is_empty();
    if mixed {
        ev.warn(w.span, mixed_floats_histograms(w.metric()));
    }
    mixed
}

/// The sum or mean of a window of histograms.
fn hist_sum(ev: &Evaluator<'_>, w: &Window<'_>, mean: bool) -> Found {
    let mut sum = hist::Sum::new(&w.hs[0].1);
    let mut n = 1.0;
    for (_, h) in &w.hs[1..] {
        n += 1.0;
        sum.add(ev, h, (n, mean), (w.metric(), w.span));
        if sum.failed {
            return Ok(None);
        }
    }
    Ok(sum.finish(ev, (n, mean), w.span).map(|h| Value::Histogram(Arc::new(h))))
}

pub(super) fn sum(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    if is_mixed(ev, w) {
        return Ok(None);
    }
    if w.ts.is_empty() {
        return hist_sum(ev, w, false);
    }
    let (mut sum, mut lost) = (0.0, 0.0);
    for &v in w.vs {
        (sum, lost) = kahan::add(v, sum, lost);
    }
    float(if sum.is_infinite() { sum } else { sum + lost })
}

pub(super) fn avg(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    if is_mixed(ev, w) {
        return Ok(None);
    }
    if w.ts.is_empty() {
        return hist_sum(ev, w, true);
    }
    let (mut sum, mut mean, mut lost) = (w.vs[0], 0.0, 0.0);
    let (mut n, mut incremental) = (1.0, false);
    for &v in &w.vs[1..] {
        n += 1.0;
        if !incremental {
            let (new_sum, new_lost) = kahan::add(v, sum, lost);
            if !new_sum.is_infinite() {
                (sum, lost) = (new_sum, new_lost);
                continue;
            }
            incremental = true;
            mean = sum / (n - 1.0);
            lost /= n - 1.0;
        }
        let q = (n - 1.0) / n;
        (mean, lost) = kahan::add(v / n, q * mean, q * lost);
    }
    float(if incremental { mean + lost } else { sum / n + lost / n })
}

pub(super) fn count(_: &Evaluator<'_>, w: &Window<'_>) -> Found {
    float(aggregate::count(w.ts.len() + w.hs.len()))
}

pub(crate) fn present(_: &Evaluator<'_>, _: &Window<'_>) -> Found {
    float(1.0)
}

pub(super) fn first(_: &Evaluator<'_>, w: &Window<'_>) -> Found {
    Ok(match (w.ts.first(), w.hs.first()) {
        (Some(&t), Some((ht, _))) if t < *ht => Some(Value::Float(w.vs[0])),
        (_, Some((_, h))) => Some(Value::Histogram(Arc::clone(h))),
        (_, None) => w.vs.first().map(|&v| Value::Float(v)),
    })
}

pub(super) fn last(_: &Evaluator<'_>, w: &Window<'_>) -> Found {
    Ok(match (w.ts.last(), w.hs.last()) {
        (Some(&t), Some((ht, h))) if t <= *ht => Some(Value::Histogram(Arc::clone(h))),
        (None, Some((_, h))) => Some(Value::Histogram(Arc::clone(h))),
        (_, _) => w.vs.last().map(|&v| Value::Float(v)),
    })
}

pub(super) fn ts_of_first(_: &Evaluator<'_>, w: &Window<'_>) -> Found {
    let times = w.ts.first().into_iter().chain(w.hs.first().map(|(t, _)| t));
    Ok(times.min().map(|&t| Value::Float(seconds(t))))
}

pub(super) fn ts_of_last(_: &Evaluator<'_>, w: &Window<'_>) -> Found {
    let times = w.ts.last().into_iter().chain(w.hs.last().map(|(t, _)| t));
    Ok(times.max().map(|&t| Value::Float(seconds(t))))
}

/// The index of the float that none beats.
fn best(ev: &Evaluator<'_>, w: &Window<'_>, beats: impl Fn(f64, f64) -> bool) -> Option<usize> {
    if !floats_only(ev, w) {
        return None;
    }
    let mut best = 0;
    for (i, &v) in w.vs.iter().enumerate() {
        if beats(v, w.vs[best]) || w.vs[best].is_nan() {
            best = i;
        }
    }
    Some(best)
}

/// `max_over_time` and `min_over_time`: the window has found it.
pub(super) fn extreme(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    Ok(floats_only(ev, w).then_some(Value::Float(w.extreme)))
}

pub(super) fn ts_of_max(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    Ok(best(ev, w, |v, max| v >= max).map(|i| Value::Float(seconds(w.ts[i]))))
}

pub(super) fn ts_of_min(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    Ok(best(ev, w, |v, min| v <= min).map(|i| Value::Float(seconds(w.ts[i]))))
}

pub(super) fn quantile(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    let q = w.args[0];
    if w.ts.is_empty() {
        return Ok(None);
    }
    if q.is_nan() || !(0.0..=1.0).contains(&q) {
        ev.warn(w.first_arg, aggregate::invalid_quantile(q));
    }
    if !w.hs.is_empty() {
        ev.info(w.first_arg, ignored_in_mixed_range(w.metric()));
    }
    float(aggregate::quantile(q, &mut w.vs.to_vec()))
}

pub(super) fn mad(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    if !floats_only(ev, w) {
        return Ok(None);
    }
    if w.vs.iter().any(|v| v.is_nan()) {
        return float(f64::NAN);
    }
    let mut values = w.vs.to_vec();
    let median = aggregate::quantile(0.5, &mut values);
    values.iter_mut().for_each(|v| *v = (*v - median).abs());
    float(aggregate::quantile(0.5, &mut values))
}

fn variance(w: &Window<'_>) -> f64 {
    let mut n = 0.0;
    let (mut mean, mut mean_lost) = (0.0, 0.0);
    let (mut squares, mut squares_lost) = (0.0, 0.0);
    for &v in w.vs {
        n += 1.0;
        let delta = v - (mean + mean_lost);
        (mean, mean_lost) = kahan::add(delta / n, mean, mean_lost);
        (squares, squares_lost) =
            kahan::add(delta * (v - (mean + mean_lost)), squares, squares_lost);
    }
    (squares + squares_lost) / n
}

pub(super) fn stddev(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    Ok(floats_only(ev, w).then(|| Value::Float(variance(w).sqrt())))
}

pub(super) fn stdvar(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    Ok(floats_only(ev, w).then(|| Value::Float(variance(w))))
}
