//! `deriv`, `predict_linear` and `double_exponential_smoothing`.

use model::sample::Value;

use super::{ignored_in_mixed_range, kahan};
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::plan::seconds;
use crate::engine::window::Window;

type Found = Result<Option<Value>, QueryError>;

/// Whether there are two floats to go by; histograms beside floats are noted.
fn enough(ev: &Evaluator<'_>, w: &Window<'_>) -> bool {
    if !w.hs.is_empty() && !w.ts.is_empty() {
        ev.info(w.span, ignored_in_mixed_range(w.metric()));
    }
    w.ts.len() >= 2
}

/// Least squares over the window: slope per second, and the value at `at`.
fn linear(w: &Window<'_>, at: i64) -> (f64, f64) {
    let mut n = 0.0;
    let mut sums = [(0.0, 0.0); 4];
    let mut constant = true;
    for (i, (&t, &v)) in w.ts.iter().zip(w.vs).enumerate() {
        if constant && i > 0 && v != w.vs[0] {
            constant = false;
        }
        n += 1.0;
        let x = seconds(t - at);
        for ((sum, lost), term) in sums.iter_mut().zip([x, v, x * v, x * x]) {
            (*sum, *lost) = kahan::add(term, *sum, *lost);
        }
    }
    if constant {
        return if w.vs[0].is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, w.vs[0]) };
    }
    let [x, y, xy, xx] = sums.map(|(sum, lost)| sum + lost);
    let covariance = xy - x * y / n;
    let variance = xx - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}

pub(super) fn deriv(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    if !enough(ev, w) {
        return Ok(None);
    }
    Ok(Some(Value::Float(linear(w, w.ts[0]).0)))
}

pub(super) fn predict_linear(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    if !enough(ev, w) {
        return Ok(None);
    }
    let (slope, intercept) = linear(w, w.now);
    Ok(Some(Value::Float(slope * w.args[0] + intercept)))
}

pub(super) fn smoothing(ev: &Evaluator<'_>, w: &Window<'_>) -> Found {
    let (level, trend) = (w.args[0], w.args[1]);
    let check = |what: &str, v: f64, short: &str| match v <= 0.0 || v >= 1.0 {
        true => Err(QueryError::Execution(format!(
            "invalid {what} factor. Expected: 0 < {short} < 1, got: {v:.6}"
        ))),
        false => Ok(()),
    };
    check("smoothing", level, "sf")?;
    check("trend", trend, "tf")?;
    if !enough(ev, w) {
        return Ok(None);
    }
    let (mut before, mut now) = (0.0, w.vs[0]);
    let mut b = w.vs[1] - w.vs[0];
    for i in 1..w.vs.len() {
        let x = level * w.vs[i];
        if i > 1 {
            b = trend * (now - before) + (1.0 - trend) * b;
        }
        let y = (1.0 - level) * (now + b);
        (before, now) = (now, x + y);
    }
    Ok(Some(Value::Float(now)))
}
