//! Times as RFC 3339 texts, in both directions. Proleptic Gregorian, UTC.

/// What Prometheus says where there is no time yet.
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";

const DAY_MS: i64 = 86_400_000;

/// `2015-07-01T20:10:51.781Z`; whole seconds have no fraction. Years outside of 0–9999 are written with their sign.
pub(crate) fn rfc3339(ms: i64) -> String {
    let (days, rest) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = date_of(days);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    let fraction = match rest % 1000 {
        0 => String::new(),
        ms => format!(".{ms:03}").trim_end_matches('0').to_owned(),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Milliseconds of an RFC 3339 time with four-digit year, any fraction (cut to milliseconds) and `Z` or `±hh:mm`.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
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
        && (1..=days_of(year, month)).contains(&day)
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
    let offset_ms = offset(rest)?;
    let seconds = hour * 3600 + minute * 60 + second;
    Some(days_until(year, month, day) * DAY_MS + seconds * 1000 + fraction_ms - offset_ms)
}

fn offset(text: &str) -> Option<i64> {
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

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the date.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leaps = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    before * 365 + leaps + months + day - 1 - 719_162
}

/// The date that is `days` after 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    // 400 years have 146,097 days; the estimate is at most one year off.
    let mut year = 1970 + (days * 400).div_euclid(146_097);
    while days_until(year, 1, 1) > days {
        year -= 1;
    }
    while days_until(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut rest = days - days_until(year, 1, 1);
    let mut month = 1;
    while rest >= days_of(year, month) {
        rest -= days_of(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_435_781_451_781, "2015-07-01T20:10:51.781Z"),
            (951_782_400_100, "2000-02-29T00:00:00.1Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (-62_135_596_800_000, NEVER),
        ] {
            assert_eq!(rfc3339(ms), text);
            assert_eq!(parse_rfc3339(text), Some(ms));
        }
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
        assert_eq!(parse_rfc3339("2015-07-01T20:10:51.7819999+00:00"), Some(1_435_781_451_781));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(ms in -62_135_596_800_000_i64..253_402_300_799_999) {
            proptest::prop_assert_eq!(parse_rfc3339(&rfc3339(ms)), Some(ms));
        }
    }
}
