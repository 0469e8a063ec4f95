//! Functions of a time: the parts of its UTC date. The calendar is the proleptic Gregorian one.

use super::arg;
use super::math::elementwise;
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::plan::{Call, seconds};
use crate::engine::value::Series;

const DAY: i64 = 86_400;

/// A UTC date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: i64,
    /// From 1.
    month: i64,
    day: i64,
    /// From 1.
    day_of_year: i64,
    /// 0 is Sunday.
    weekday: i64,
    second_of_day: i64,
}

/// The date at `unix` seconds.
fn date(unix: i64) -> Date {
    let days = unix.div_euclid(DAY);
    // Days since 0000-03-01: leap days then end a year, a century and a cycle of 400 years.
    let shifted = days + 719_468;
    let (cycle, in_cycle) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_cycle = (in_cycle - in_cycle / 1460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
    let in_year = in_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * in_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_cycle + 400 * cycle + i64::from(month <= 2);
    let before = (1..month).map(|m| days_in_month(year, m)).sum::<i64>();
    let day = in_year - (153 * march_month + 2) / 5 + 1;
    Date {
        year,
        month,
        day,
        day_of_year: before + day,
        weekday: (days + 4).rem_euclid(7),
        second_of_day: unix.rem_euclid(DAY),
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A time as RFC 3339 in whole seconds.
pub(crate) fn rfc3339(ms: i64) -> String {
    let d = date(ms.div_euclid(1000));
    let (h, m, s) = (d.second_of_day / 3600, d.second_of_day / 60 % 60, d.second_of_day % 60);
    format!("{:04}-{:02}-{:02}T{h:02}:{m:02}:{s:02}Z", d.year, d.month, d.day)
}

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
    part(date((v as i64).clamp(-(1 << 60), 1 << 60))) as f64
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        let shown: Vec<String> =
            [0, 951_782_399_000, 951_782_400_000, 1_136_239_445_000, -1000, 4_102_444_800_000]
                .into_iter()
                .map(rfc3339)
                .collect();
        assert_eq!(
            shown,
            [
                "1970-01-01T00:00:00Z",
                "2000-02-28T23:59:59Z",
                "2000-02-29T00:00:00Z",
                "2006-01-02T22:04:05Z",
                "1969-12-31T23:59:59Z",
                "2100-01-01T00:00:00Z",
            ]
        );
        let d = date(1_136_239_445);
        assert_eq!((d.weekday, d.day_of_year, days_in_month(2006, 1)), (1, 2, 31));
        assert_eq!((days_in_month(2000, 2), days_in_month(1900, 2)), (29, 28));
    }
}
