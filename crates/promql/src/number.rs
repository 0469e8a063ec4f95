//! Literals → values, as Go's `strconv` and Prometheus' `ParseDuration` read them.

use stdx::units::{UnitError, parse_duration_ms};

use crate::quote::quote_str;

/// The value of a number token.
pub(crate) fn parse_number(text: &str) -> Result<f64, String> {
    if let Some(whole) = parse_integer(text) {
        return Ok(whole);
    }
    let failed = |why: &str| {
        format!("error parsing number: strconv.ParseFloat: parsing {}: {why}", quote_str(text))
    };
    // Rust reads "infinity" too, but no token is that.
    let plain = without_separators(text).filter(|plain| !plain.starts_with(['+', '-']));
    match plain.and_then(|plain| plain.parse::<f64>().ok()) {
        Some(value) if value.is_infinite() && !text.eq_ignore_ascii_case("inf") => {
            Err(failed("value out of range"))
        }
        Some(value) => Ok(value),
        None => Err(failed("invalid syntax")),
    }
}

/// An integer in Go's syntax: `0x` hexadecimal, a leading `0` octal. `None` when it is none or does not fit 63 bits.
fn parse_integer(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let (digits, base) = if let Some(rest) = lower.strip_prefix("0x") {
        (rest.strip_prefix('_').unwrap_or(rest), 16)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (lower.as_str(), 8)
    } else {
        (lower.as_str(), 10)
    };
    let value = i64::from_str_radix(&without_separators(digits)?, base).ok()?;
    Some(whole_to_f64(value))
}

#[expect(clippy::as_conversions, reason = "rounds to the nearest double, as Go does")]
fn whole_to_f64(value: i64) -> f64 {
    value as f64
}

/// Takes `_` out, which must stand between digits.
fn without_separators(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let between = |i: usize| {
        let is_digit =
            |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_hexdigit);
        is_digit(i.checked_sub(1)) && is_digit(i.checked_add(1))
    };
    let separators = text.match_indices('_').map(|(i, _)| i);
    separators.into_iter().all(between).then(|| text.replace('_', ""))
}

/// Milliseconds of a duration token.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    parse_duration_ms(text).map_err(|error| match error {
        UnitError::Duration(_) => match unknown_unit(text) {
            Some(unit) => {
                format!("unknown unit {} in duration {}", quote_str(unit), quote_str(text))
            }
            None => format!("not a valid duration string: {}", quote_str(text)),
        },
        UnitError::EmptyDuration | UnitError::DurationRange | UnitError::Bytes(_) => {
            error.to_string()
        }
    })
}

/// The first thing in the place of a unit that is none, when nothing else is wrong before it.
fn unknown_unit(text: &str) -> Option<&str> {
    let mut rest = text;
    let mut last = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest = rest.get(digits..)?;
        let end = rest.bytes().take_while(|b| !b.is_ascii_digit()).count();
        let (unit, tail) = rest.split_at_checked(end)?;
        let Some(at) = ["y", "w", "d", "h", "m", "s", "ms"].iter().position(|u| *u == unit) else {
            return (!unit.is_empty()).then_some(unit);
        };
        if at < last {
            return None;
        }
        last = at + 1;
        rest = tail;
    }
    None
}

/// Milliseconds of a number of seconds, counted over whole nanoseconds and cut as Prometheus does; `None` when it is no
/// number or over 292 years.
pub(crate) fn seconds_to_ms(seconds: f64) -> Option<i64> {
    let range = 9_223_372_036.854_775_f64;
    if !(-range..=range).contains(&seconds) {
        return None;
    }
    Some(whole((seconds * 1e9).round()) / 1_000_000)
}

#[expect(clippy::cast_possible_truncation, reason = "the callers check the range")]
pub(crate) fn whole(value: f64) -> i64 {
    value as i64
}

/// Seconds of milliseconds.
#[expect(clippy::cast_precision_loss, reason = "times of queries are far below 2^53 ms")]
pub(crate) fn ms_to_seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, value) in [
            ("0", 0.0),
            ("010", 8.0),
            ("08", 8.0),
            ("0x1F", 31.0),
            ("0x_ff", 255.0),
            ("1_000_000", 1e6),
            ("1_0.5e1_0", 10.5e10),
            (".5", 0.5),
            ("5.", 5.0),
            ("Inf", f64::INFINITY),
            ("9223372036854775807", 9_223_372_036_854_775_807.0),
            ("99999999999999999999", 1e20),
        ] {
            assert_eq!(parse_number(text), Ok(value), "{text}");
        }
        assert!(parse_number("nAn").is_ok_and(f64::is_nan));
        for text in ["1e400", "1e+", "0xfffffffffffffffff", "1._5", ""] {
            assert!(parse_number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_say_what_is_wrong() {
        let check = |text: &str, want: &str| {
            assert_eq!(parse_duration(text), Err(want.to_owned()), "{text}");
        };
        assert_eq!(parse_duration("1h30m"), Ok(5_400_000));
        check("5hs", r#"unknown unit "hs" in duration "5hs""#);
        check("1.5m", r#"unknown unit "." in duration "1.5m""#);
        check("5m1h", r#"not a valid duration string: "5m1h""#);
        check("300y", "duration out of range");
    }
}
