//! Time zones: fixed offsets, and the tz database's by name.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::civil::Civil;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// Reads `Z`, `UTC`, `+09:00`, `+0900`, `+9`, `UTC+9`, `Asia/Seoul`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if matches!(text, "Z" | "z" | "UTC" | "GMT" | "UT") {
            return Some(Self::default());
        }
        let offset = ["UTC", "GMT", "UT"].iter().find_map(|name| text.strip_prefix(name));
        if let Some(zone) = offset_seconds(offset.unwrap_or(text)).and_then(Self::fixed) {
            return Some(zone);
        }
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "/_+-".contains(letter);
        if text.is_empty() || text.len() > 64 || !text.chars().all(is_name) {
            return None;
        }
        TimeZone::get(text).ok().map(Self)
    }

    /// East of Greenwich by `seconds`; at most 18 hours.
    #[must_use]
    pub fn fixed(seconds: i32) -> Option<Self> {
        if seconds.abs() > 18 * 3_600 {
            return None;
        }
        Offset::from_seconds(seconds).ok().map(|offset| Self(TimeZone::fixed(offset)))
    }

    /// Whether it is UTC.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        self.0 == TimeZone::UTC
            || self.0.to_fixed_offset().is_ok_and(|offset| offset.seconds() == 0)
    }

    /// The zone itself, for calendars.
    #[must_use]
    pub fn jiff(&self) -> &TimeZone {
        &self.0
    }

    /// Seconds that clocks are ahead of UTC at `seconds` since 1970. Years before -9999 and after 9999 have the offset of the nearest year.
    #[must_use]
    pub fn offset_at(&self, seconds: i64) -> i64 {
        let bounded = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let at = Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH);
        i64::from(self.0.to_offset(at).seconds())
    }

    /// Seconds since 1970 at which clocks show `civil`: the earlier when they show it twice, and as much later as the gap is long when never.
    #[must_use]
    pub fn seconds_at(&self, civil: &Civil) -> i64 {
        let wall = civil.seconds();
        if let Ok(offset) = self.0.to_fixed_offset() {
            return wall - i64::from(offset.seconds());
        }
        match datetime(civil).and_then(|at| self.0.to_ambiguous_timestamp(at).compatible().ok()) {
            Some(at) => at.as_second(),
            None => wall - self.offset_at(wall),
        }
    }

    /// What clocks show at `ns` since 1970.
    #[must_use]
    pub fn civil_at(&self, ns: i128) -> Civil {
        let (seconds, nanos) = split(ns);
        Civil::from_seconds(seconds + self.offset_at(seconds), nanos)
    }
}

/// Whole seconds and the rest.
pub(super) fn split(ns: i128) -> (i64, i64) {
    let seconds = ns.div_euclid(super::SECOND_NS);
    // Far beyond any year that a text can name.
    let bound = i128::from(i64::MAX / 4);
    let seconds = i64::try_from(seconds.clamp(-bound, bound)).unwrap_or(0);
    (seconds, i64::try_from(ns.rem_euclid(super::SECOND_NS)).unwrap_or(0))
}

fn datetime(civil: &Civil) -> Option<DateTime> {
    let small = |value: i64| i8::try_from(value).ok();
    DateTime::new(
        i16::try_from(civil.year).ok()?,
        small(civil.month)?,
        small(civil.day)?,
        small(civil.second / 3_600)?,
        small(civil.second / 60 % 60)?,
        small(civil.second % 60)?,
        i32::try_from(civil.nanos).ok()?,
    )
    .ok()
}

/// Reads `+9`, `+09`, `+0900`, `+09:00`, `+09:00:30`.
pub(super) fn offset_seconds(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let rest = &text[1..];
    if rest.len() > 8 || !rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
        return None;
    }
    let parts: Vec<&str> = if rest.contains(':') {
        rest.split(':').collect()
    } else {
        match rest.len() {
            1 | 2 => vec![rest],
            4 => vec![&rest[..2], &rest[2..]],
            6 => vec![&rest[..2], &rest[2..4], &rest[4..]],
            _ => return None,
        }
    };
    let mut seconds = 0;
    for (at, part) in parts.iter().enumerate() {
        let value: i32 = part.parse().ok()?;
        let (limit, unit) = *[(18, 3_600), (59, 60), (59, 1)].get(at)?;
        if value > limit || part.len() > 2 || (at > 0 && part.len() != 2) {
            return None;
        }
        seconds += value * unit;
    }
    Some(sign * seconds)
}
