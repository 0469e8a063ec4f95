//! Durations and sizes in Prometheus' notation (`model.ParseDuration`, `units.Base2Bytes`).

/// Milliseconds of a unit, longest first. Years and weeks are 365 and 7 days.
const DURATION_UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A duration or size that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error("empty duration string")]
    EmptyDuration,
    #[error("not a valid duration string: {0:?}")]
    Duration(String),
    #[error("duration out of range")]
    DurationRange,
    #[error("not a valid size: {0:?}; allowed: a number with B, KB, MB, GB, TB, PB or EB (base 2)")]
    Bytes(String),
}

/// Milliseconds of `1d12h`, `90s`, `250ms` or `0`: units from longest to shortest, each at most once.
///
/// # Errors
/// [`UnitError`] when the text is no duration, or over 292 years (Go's limit).
pub fn parse_duration_ms(text: &str) -> Result<i64, UnitError> {
    if text.is_empty() {
        return Err(UnitError::EmptyDuration);
    }
    if text == "0" {
        return Ok(0);
    }
    let invalid = || UnitError::Duration(text.to_owned());
    let mut rest = text;
    let mut next_unit = 0;
    let mut sum_ms = 0_i64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, tail) = tail.split_at(letters);
        let at = DURATION_UNITS.iter().position(|(unit, _)| *unit == name).ok_or_else(invalid)?;
        if digits == 0 || at < next_unit {
            return Err(invalid());
        }
        let count: i64 = number.parse().map_err(|_| UnitError::DurationRange)?;
        let part = count.checked_mul(DURATION_UNITS[at].1).ok_or(UnitError::DurationRange)?;
        sum_ms = sum_ms.checked_add(part).ok_or(UnitError::DurationRange)?;
        next_unit = at + 1;
        rest = tail;
    }
    if sum_ms > i64::MAX / 1_000_000 {
        return Err(UnitError::DurationRange);
    }
    Ok(sum_ms)
}

/// The notation of `ms` as Prometheus prints it: `1d12h`, `1m30s`, `0s`; years and weeks only when nothing smaller remains.
#[must_use]
pub fn format_duration_ms(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    if ms < 0 {
        text.push('-');
    }
    let mut rest = ms.unsigned_abs();
    for (name, unit) in DURATION_UNITS {
        let unit = unit.unsigned_abs();
        if (name == "y" || name == "w") && !rest.is_multiple_of(unit) {
            continue;
        }
        let count = rest / unit;
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(name);
        }
        rest -= count * unit;
    }
    text
}

/// Bytes of `512MB` or `1GiB`: powers of 1024 whichever way they are written, as Prometheus reads them.
///
/// # Errors
/// [`UnitError::Bytes`].
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    let invalid = || UnitError::Bytes(text.to_owned());
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (number, unit) = text.split_at(digits);
    let power = match unit.trim() {
        "" if number == "0" => 0,
        "B" => 0,
        "KB" | "KiB" | "K" => 1,
        "MB" | "MiB" | "M" => 2,
        "GB" | "GiB" | "G" => 3,
        "TB" | "TiB" | "T" => 4,
        "PB" | "PiB" | "P" => 5,
        "EB" | "EiB" | "E" => 6,
        _ => return Err(invalid()),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(1 << (10 * power)).ok_or_else(invalid);
    }
    let value: f64 = number.parse().map_err(|_| invalid())?;
    let bytes = value * 1024_f64.powi(power);
    if !(0.0..9.0e18).contains(&bytes) {
        return Err(invalid());
    }
    Ok(whole_bytes(bytes))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range was checked"
)]
fn whole_bytes(bytes: f64) -> u64 {
    bytes as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("0", 0),
            ("1s", 1000),
            ("1h30m", 5_400_000),
            ("1d12h", 129_600_000),
            ("250ms", 250),
            ("1y1w", 32_140_800_000),
        ] {
            assert_eq!(parse_duration_ms(text), Ok(ms), "{text}");
        }
        for text in ["", "1", "s", "1m1h", "1s1s", "-1s", "1.5h", "1 s", "99999999999y", "300y"] {
            assert!(parse_duration_ms(text).is_err(), "{text}");
        }
        assert_eq!(format_duration_ms(129_600_000), "1d12h");
        assert_eq!(format_duration_ms(14 * 86_400_000), "2w");
        assert_eq!(format_duration_ms(8 * 86_400_000), "8d");
        assert_eq!(format_duration_ms(-90_000), "-1m30s");
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("512MB"), Ok(512 << 20));
        assert_eq!(parse_bytes("1.5KB"), Ok(1536));
        assert_eq!(parse_bytes("0"), Ok(0));
        assert!(parse_bytes("12").is_err());
        assert!(parse_bytes("99999999EB").is_err());
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_is_read(ms in 1_i64..4_000_000_000_000) {
            proptest::prop_assert_eq!(parse_duration_ms(&format_duration_ms(ms)), Ok(ms));
        }
    }
}
