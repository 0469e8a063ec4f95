//! Dates of the proleptic Gregorian calendar in UTC, and times as RFC 3339 texts, in both directions.

/// What Prometheus says where there is no time yet.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

const DAY_SECONDS: i64 = 86_400;

/// A date with its time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// Of the month, from 1.
    pub day: i64,
    /// From 1.
    pub day_of_year: i64,
    /// 0 is Sunday.
    pub weekday: i64,
    pub second_of_day: i64,
}

impl Date {
    /// The date at `unix` seconds.
    #[must_use]
    pub fn at(unix: i64) -> Self {
        let days = unix.div_euclid(DAY_SECONDS);
        // Days since 0000-03-01: leap days then end a year, a century and a cycle of 400 years.
        let shifted = days + 719_468;
        let (cycle, in_cycle) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_cycle =
            (in_cycle - in_cycle / 1460 + in_cycle / 36_524 - in_cycle / 146_096) / 365;
        let in_year = in_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let march_month = (5 * in_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_cycle + 400 * cycle + i64::from(month <= 2);
        let day = in_year - (153 * march_month + 2) / 5 + 1;
        Self {
            year,
            month,
            day,
            day_of_year: days_before(year, month) + day,
            weekday: (days + 4).rem_euclid(7),
            second_of_day: unix.rem_euclid(DAY_SECONDS),
        }
    }

    /// `2015-07-01T20:10:51`; years outside of 0–9999 are written with their sign.
    fn text(self) -> String {
        let Self { year, month, day, second_of_day, .. } = self;
        let (hour, minute, second) =
            (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
    }
}

/// How many days the month (1 to 12) has.
#[must_use]
pub fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the year before the month.
fn days_before(year: i64, month: i64) -> i64 {
    (1..month).map(|month| days_in_month(year, month)).sum()
}

/// Days from 1970-01-01 to the date.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leaps = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    before * 365 + leaps + days_before(year, month) + day - 1 - 719_162
}

/// `2015-07-01T20:10:51.781Z`; the fraction ends with its last digit that is not 0, whole seconds have none.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    let fraction = match ms.rem_euclid(1000) {
        0 => String::new(),
        ms => format!(".{ms:03}").trim_end_matches('0').to_owned(),
    };
    format!("{}{fraction}Z", Date::at(ms.div_euclid(1000)).text())
}

/// `2015-07-01T20:10:51.780Z`: always with three digits of the second's fraction.
#[must_use]
pub fn rfc3339_ms(ms: i64) -> String {
    format!("{}.{:03}Z", Date::at(ms.div_euclid(1000)).text(), ms.rem_euclid(1000))
}

/// Milliseconds of an RFC 3339 time with four-digit year, any fraction (cut to milliseconds) and `Z` or `±hh:mm`.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut fraction_ms = 0;
    if let Some(tail) = rest.strip_prefix(['.', ',']) {
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        fraction_ms = format!("{:0<3}", &tail[..digits])[..3].parse::<i64>().ok()?;
        rest = &tail[digits..];
    }
    let offset_ms = offset_ms(rest)?;
    let seconds = hour * 3600 + minute * 60 + second;
    let days = days_until(year, month, day);
    Some((days * DAY_SECONDS + seconds) * 1000 + fraction_ms - offset_ms)
}

fn offset_ms(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('+') { 1 } else { -1 };
    let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
    let two = |part: &str| -> Option<i64> {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        for (ms, text, fixed) in [
            (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            (1_435_781_451_781, "2015-07-01T20:10:51.781Z", "2015-07-01T20:10:51.781Z"),
            (951_782_400_100, "2000-02-29T00:00:00.1Z", "2000-02-29T00:00:00.100Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z", "2000-02-29T23:59:59.999Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z", "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            (-62_135_596_800_000, NEVER, "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
            assert_eq!(rfc3339_ms(ms), fixed);
            assert_eq!(parse_rfc3339(text), Some(ms));
            assert_eq!(parse_rfc3339(fixed), Some(ms));
        }
        assert_eq!(parse_rfc3339("2015-07-01T22:10:51.7819999+02:00"), Some(1_435_781_451_781));
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "2015-02-29T00:00:00Z",
            "2015-01-01T24:00:00Z",
            "2015-01-01T00:00:00",
            "2015-01-01T00:00:00.Z",
            "2015-01-01T00:00:00+0100",
            "2015-01-01T00:00:00+01:60",
            "２015-01-01T00:00:00Z",
            "+015-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn parts_of_dates() {
        let date = Date::at(1_136_239_445);
        assert_eq!((date.year, date.month, date.day), (2006, 1, 2));
        assert_eq!((date.weekday, date.day_of_year, date.second_of_day), (1, 2, 79_445));
        assert_eq!(Date::at(951_782_400).day_of_year, 60);
        assert_eq!((days_in_month(2006, 1), days_in_month(2006, 4)), (31, 30));
        assert_eq!((days_in_month(2000, 2), days_in_month(1900, 2)), (29, 28));
        // Far-off times do not overflow.
        assert_ne!(Date::at(1 << 60).year, Date::at(-(1 << 60)).year);
        assert!(rfc3339(i64::MIN).starts_with('-') && rfc3339(i64::MAX).ends_with('Z'));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(ms in -62_135_596_800_000_i64..253_402_300_799_999) {
            proptest::prop_assert_eq!(parse_rfc3339(&rfc3339(ms)), Some(ms));
        }
    }
}
