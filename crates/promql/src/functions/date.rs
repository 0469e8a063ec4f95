//! Functions of a time: the parts of its UTC date.

use stdx::time::{Date, days_in_month};

use super::arg;
use super::math::elementwise;
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::plan::{Call, seconds};
use crate::engine::value::Series;

/// The function called `name`.
pub(super) fn function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "days_in_month" => |v| part(v, |d| days_in_month(d.year, d.month)),
        "day_of_month" => |v| part(v, |d| d.day),
        "day_of_week" => |v| part(v, |d| d.weekday),
        "day_of_year" => |v| part(v, |d| d.day_of_year),
        "hour" => |v| part(v, |d| d.second_of_day / 3600),
        "minute" => |v| part(v, |d| d.second_of_day / 60 % 60),
        "month" => |v| part(v, |d| d.month),
        "year" => |v| part(v, |d| d.year),
        _ => return None,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "cuts the fraction on purpose; far-off times are held at the ends"
)]
#[expect(clippy::cast_precision_loss, reason = "parts of dates are small")]
fn part(v: f64, part: fn(Date) -> i64) -> f64 {
    // Within the bounds the arithmetic cannot overflow.
    part(Date::at((v as i64).clamp(-(1 << 60), 1 << 60))) as f64
}

pub(super) fn call(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let Some(f) = function(call.name) else { return Ok(Vec::new()) };
    if call.args.is_empty() {
        return Ok(vec![ev.scalar(frame, |step| f(seconds(frame.time(step)).floor()))?]);
    }
    elementwise(ev, arg(call, 0)?, frame, f)
}
