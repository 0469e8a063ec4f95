//! `rate` and its relatives: how fast a series changes, and how often.

use std::sync::Arc;

use model::histogram::FloatHistogram;
use model::sample::Value;

use super::mixed_floats_histograms;
use crate::ast::Extension;
use crate::engine::aggregate::count as number;
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::plan::seconds;
use crate::engine::smooth;
use crate::engine::window::Window;
use crate::hist;

type Found = Result<Option<Value>, QueryError>;

/// Which of the three functions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct What {
    pub(crate) is_counter: bool,
    pub(crate) per_second: bool,
}

pub(super) fn rate(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    extrapolated(ev, w, What { is_counter: true, per_second: true })
}

pub(super) fn increase(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    extrapolated(ev, w, What { is_counter: true, per_second: false })
}

pub(super) fn delta(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    extrapolated(ev, w, What { is_counter: false, per_second: false })
}

/// The change between the first and the last sample, stretched to the edges of the range where samples come near them.
fn extrapolated(ev: &Evaluator<'_>, w: &Window<'_>, what: What) -> Found {
    if !w.ts.is_empty() && !w.hs.is_empty() {
        ev.warn(w.span, mixed_floats_histograms(w.metric()));
        return Ok(None);
    }
    if let Some(extension) = w.extension {
        let smoothed = extension == Extension::Smoothed;
        return match w.hs.is_empty() {
            true => Ok(extended(w, what, smoothed).map(Value::Float)),
            false => Ok(hist::extended::rate(ev, w, what, smoothed)),
        };
    }
    if !w.hs.is_empty() {
        if w.hs.len() < 2 {
            return Ok(None);
        }
        let Some(h) = hist::rate(ev, w, what.is_counter) else { return Ok(None) };
        let first = w.hs[0].1.count;
        let zero = (h.count > 0.0 && first >= 0.0).then(|| first / h.count);
        let times = (w.hs[0].0, w.hs[w.hs.len() - 1].0, w.hs.len());
        let scaled = hist::scale(&h, factor(w, times, zero, what));
        return Ok(Some(Value::Histogram(Arc::new(scaled))));
    }
    let n = w.ts.len();
    if n < 2 {
        return Ok(None);
    }
    let mut result = w.vs[n - 1] - w.vs[0];
    if what.is_counter {
        for before in w.drops {
            result += before;
        }
    }
    let zero = (result > 0.0 && w.vs[0] >= 0.0).then(|| w.vs[0] / result);
    Ok(Some(Value::Float(result * factor(w, (w.ts[0], w.ts[n - 1], n), zero, what))))
}

/// By how much the sampled change is stretched. `zero` is how many sampled intervals before the first sample a counter was 0.
fn factor(
    w: &Window<'_>,
    (first, last, n): (i64, i64, usize),
    zero: Option<f64>,
    what: What,
) -> f64 {
    let mut to_start = seconds(first - w.start);
    let mut to_end = seconds(w.end - last);
    let sampled = seconds(last - first);
    let gap = sampled / number(n - 1);
    let threshold = gap * 1.1;
    if to_start >= threshold {
        to_start = gap / 2.0;
    }
    if what.is_counter
        && let Some(zero) = zero
    {
        let to_zero = sampled * zero;
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= threshold {
        to_end = gap / 2.0;
    }
    let factor = if sampled == 0.0 { 1.0 } else { (sampled + to_start + to_end) / sampled };
    if what.per_second { factor / w.range_seconds() } else { factor }
}

/// The change between the edges of an `anchored` or `smoothed` range.
fn extended(w: &Window<'_>, what: What, smoothed: bool) -> Option<f64> {
    let (mut first, last) = smooth::edges(w.ts, (w.start, w.end), smoothed);
    if w.ts[last] <= w.start || (smoothed && w.ts[first] > w.end) {
        return None;
    }
    let how = (smoothed, what.is_counter);
    let left = smooth::left(w.ts, w.vs, first, w.start, how);
    let right = smooth::right(w.ts, w.vs, last, w.end, how);
    let mut result = right - left;
    if what.is_counter {
        if w.ts[first] <= w.start {
            first += 1;
        }
        let until = if w.ts[last] >= w.end { last } else { last + 1 };
        let inside = w.vs.get(first..until).unwrap_or_default();
        let mut correction = 0.0;
        let mut before = left;
        for &v in inside.iter().chain([&right]) {
            if v < before {
                correction += before;
            }
            before = v;
        }
        result += correction;
    }
    Some(if what.per_second { result / w.range_seconds() } else { result })
}

pub(super) fn irate(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    newest_two(ev, w, true)
}

pub(super) fn idelta(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    newest_two(ev, w, false)
}

/// A float or a histogram with its time.
#[derive(Debug, Clone, Copy)]
enum Point<'a> {
    Float(i64, f64),
    Hist(i64, &'a Arc<FloatHistogram>),
}

impl Point<'_> {
    fn time(&self) -> i64 {
        match self {
            Point::Float(t, _) | Point::Hist(t, _) => *t,
        }
    }
}

/// All points of a window from the given indices on, in time order.
fn points<'a>(w: &'a Window<'_>, floats: usize, hists: usize) -> Vec<Point<'a>> {
    let mut all: Vec<Point<'a>> = Vec::with_capacity(w.ts.len() + w.hs.len());
    all.extend((floats..w.ts.len()).map(|i| Point::Float(w.ts[i], w.vs[i])));
    if hists < w.hs.len() {
        all.extend(w.hs[hists..].iter().map(|(t, h)| Point::Hist(*t, h)));
        all.sort_by_key(Point::time);
    }
    all
}

fn newest_two(ev: &Evaluator<'_>, w: &Window<'_>, is_rate: bool) -> Found {
    let all = points(w, w.ts.len().saturating_sub(2), w.hs.len().saturating_sub(2));
    let [.., before, last] = all[..] else { return Ok(None) };
    let interval = last.time() - before.time();
    if interval == 0 {
        return Ok(None);
    }
    match (before, last) {
        (Point::Float(_, a), Point::Float(_, b)) => {
            let change = if is_rate && b < a { b } else { b - a };
            Ok(Some(Value::Float(if is_rate { change / seconds(interval) } else { change })))
        }
        (Point::Hist(_, a), Point::Hist(_, b)) => {
            Ok(hist::instant_rate(ev, w, (a, b), is_rate.then(|| seconds(interval))))
        }
        (Point::Float(..), Point::Hist(..)) | (Point::Hist(..), Point::Float(..)) => {
            ev.warn(w.all_args, mixed_floats_histograms(w.metric()));
            Ok(None)
        }
    }
}

/// Where counting starts: an anchored range has one sample before its start, which is the first to compare with.
fn first_points<'a>(w: &'a Window<'_>) -> Option<Vec<Point<'a>>> {
    if w.extension != Some(Extension::Anchored) {
        return Some(points(w, 0, 0));
    }
    let floats = w.ts.partition_point(|&t| t <= w.start);
    let hists = w.hs.partition_point(|(t, _)| *t <= w.start);
    if floats >= w.ts.len() && hists >= w.hs.len() {
        return None;
    }
    let float_time = floats.checked_sub(1).map(|i| w.ts[i]);
    let hist_time = hists.checked_sub(1).map(|i| w.hs[i].0);
    Some(match (float_time, hist_time) {
        (None, None) => points(w, 0, 0),
        (Some(f), Some(h)) if f < h => points(w, floats, hists - 1),
        (None, Some(_)) => points(w, floats, hists - 1),
        (Some(_), _) => points(w, floats - 1, hists),
    })
}

/// How many neighbours satisfy `test`, which compares floats and histograms; a change of kind always counts.
fn count_pairs(
    w: &Window<'_>,
    floats: impl Fn(f64, f64) -> bool,
    hists: impl Fn(&FloatHistogram, &FloatHistogram) -> bool,
) -> Found {
    let Some(all) = first_points(w) else { return Ok(None) };
    let mut n = 0;
    for pair in all.windows(2) {
        n += usize::from(match (pair[0], pair[1]) {
            (Point::Float(_, a), Point::Float(_, b)) => floats(a, b),
            (Point::Hist(_, a), Point::Hist(_, b)) => hists(a, b),
            (Point::Float(..), Point::Hist(..)) | (Point::Hist(..), Point::Float(..)) => true,
        });
    }
    Ok(Some(Value::Float(number(n))))
}

pub(super) fn resets(_: &Evaluator<'_>, w: &Window<'_>) -> Found {
    count_pairs(w, |a, b| b < a, hist::is_reset)
}

#[expect(clippy::float_cmp, reason = "a change is any difference")]
pub(super) fn changes(_: &Evaluator<'_>, w: &Window<'_>) -> Found {
    count_pairs(w, |a, b| a != b && !(a.is_nan() && b.is_nan()), |a, b| a != b)
}
