//! Duration expressions: what `[…]` and `offset …` come to in a query with given times.

use super::error::QueryError;
use super::plan::{Times, seconds, span_seconds};
use crate::ast::{DurationExpr, DurationOp, Span};

/// Which durations are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Positive,
    Any,
}

/// The longest duration either way, in seconds: what nanoseconds in 64 bits can hold.
const SECONDS_MAX: f64 = 9_223_372_036.854_776;

/// `duration` in milliseconds. `span` is where the error says it is.
pub(crate) fn duration_ms(
    duration: &DurationExpr,
    times: Times,
    sign: Sign,
    span: Span,
) -> Result<i64, QueryError> {
    if let DurationExpr::Const(ms) = duration {
        return Ok(*ms);
    }
    let fail =
        |what: &str| Err(QueryError::BadData(format!("{}:{}: {what}", span.start, span.end)));
    let value = match evaluate(duration, times) {
        Ok(value) => value,
        Err(what) => return fail(what),
    };
    if !value.is_finite() {
        return fail("duration is NaN or infinite");
    }
    if value <= 0.0 && sign == Sign::Positive {
        return fail("duration must be greater than 0");
    }
    if value.abs() > SECONDS_MAX {
        return fail("duration is out of range");
    }
    Ok(whole(value * 1000.0))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cuts the fraction on purpose; the size is bounded above"
)]
fn whole(v: f64) -> i64 {
    v as i64
}

/// In seconds.
fn evaluate(duration: &DurationExpr, times: Times) -> Result<f64, &'static str> {
    Ok(match duration {
        DurationExpr::Const(ms) => seconds(*ms),
        DurationExpr::Number(v) => *v,
        DurationExpr::Step => span_seconds(times.step),
        DurationExpr::Range => span_seconds(times.end.saturating_sub(times.start)),
        DurationExpr::Neg(inner) => -evaluate(inner, times)?,
        DurationExpr::Paren(inner) => evaluate(inner, times)?,
        DurationExpr::Min(a, b) => go_min(evaluate(a, times)?, evaluate(b, times)?),
        DurationExpr::Max(a, b) => go_max(evaluate(a, times)?, evaluate(b, times)?),
        DurationExpr::Binary(op, a, b) => {
            let (a, b) = (evaluate(a, times)?, evaluate(b, times)?);
            match op {
                DurationOp::Add => a + b,
                DurationOp::Sub => a - b,
                DurationOp::Mul => a * b,
                DurationOp::Div if b == 0.0 => return Err("division by zero"),
                DurationOp::Div => a / b,
                DurationOp::Mod if b == 0.0 => return Err("modulo by zero"),
                DurationOp::Mod => a % b,
                DurationOp::Pow => crate::functions::gomath::pow(a, b),
            }
        }
    })
}

/// The smaller, NaN when one is.
pub(crate) fn go_min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

/// The larger, NaN when one is.
pub(crate) fn go_max(a: f64, b: f64) -> f64 {
    -go_min(-a, -b)
}
