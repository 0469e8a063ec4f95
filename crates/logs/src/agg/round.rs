//! Rounding times down to units of the calendar or to a fixed interval, on the wall of a time zone. In milliseconds since 1970.

use std::cell::Cell;

use jiff::{Span, Timestamp};

use crate::date::{Civil, Zone, days_from_civil};

const DAY: i64 = 86_400;

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// How times are rounded.
#[derive(Debug, Clone)]
pub struct Rounding {
    step: Step,
    zone: Zone,
    is_utc: bool,
    offset_ms: i64,
    /// The offset last used, and from which second to which (exclusive) it holds.
    period: Cell<(i64, i64, i64)>,
}

/// A time of the days since 1970-01-01 on the wall.
fn date_of(days: i64) -> (i64, i64, i64) {
    let civil = Civil::from_seconds(days.saturating_mul(DAY), 0);
    (civil.year, civil.month, civil.day)
}

/// From 1, Monday, to 7.
fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Calendar(Unit),
    /// In milliseconds, at least 1.
    Fixed(i64),
}

impl Rounding {
    /// To a unit of the calendar.
    #[must_use]
    pub fn calendar(unit: Unit, zone: Zone) -> Self {
        Self::new(Step::Calendar(unit), zone)
    }

    /// To multiples of `interval_ms`, which is at least 1, on the wall.
    #[must_use]
    pub fn fixed(interval_ms: i64, zone: Zone) -> Self {
        Self::new(Step::Fixed(interval_ms.max(1)), zone)
    }

    fn new(step: Step, zone: Zone) -> Self {
        let is_utc = zone.is_utc();
        Self { step, zone, is_utc, offset_ms: 0, period: Cell::new((0, 0, 0)) }
    }

    /// The offset at `unix` seconds, and from when to when it holds.
    fn period_at(&self, unix: i64) -> (i64, i64, i64) {
        let (_, start, end) = self.period.get();
        if !(start..end).contains(&unix) {
            let bounded = unix.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
            let at = Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH);
            let zone = self.zone.jiff();
            let behind = at.checked_add(Span::new().seconds(1)).unwrap_or(at);
            let start = zone.preceding(behind).next().map(|change| change.timestamp());
            let end = zone.following(at).next().map(|change| change.timestamp());
            self.period.set((
                self.zone.offset_at(unix),
                start.map_or(i64::MIN, Timestamp::as_second),
                end.map_or(i64::MAX, Timestamp::as_second),
            ));
        }
        self.period.get()
    }

    /// With everything so much later.
    #[must_use]
    pub fn offset(mut self, offset_ms: i64) -> Self {
        self.offset_ms = offset_ms;
        self
    }

    /// The zone on whose wall is rounded.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The interval, where it is a fixed number of milliseconds on every day.
    #[must_use]
    pub fn fixed_ms(&self) -> Option<i64> {
        match self.step {
            Step::Fixed(ms) => Some(ms),
            Step::Calendar(Unit::Second) => Some(1_000),
            Step::Calendar(Unit::Minute) => Some(60_000),
            Step::Calendar(Unit::Hour) => Some(3_600_000),
            Step::Calendar(Unit::Day) if self.is_utc => Some(86_400_000),
            Step::Calendar(Unit::Week) if self.is_utc => Some(7 * 86_400_000),
            Step::Calendar(_) => None,
        }
    }

    /// The last boundary at or before `ms`.
    #[must_use]
    pub fn floor(&self, ms: i64) -> i64 {
        self.floor_plain(ms.saturating_sub(self.offset_ms)).saturating_add(self.offset_ms)
    }

    /// The boundary behind `floor`, which is one.
    #[must_use]
    pub fn next(&self, floor: i64) -> i64 {
        let at = floor.saturating_sub(self.offset_ms);
        let next = match self.step {
            Step::Fixed(step) => self.next_fixed(at, step),
            Step::Calendar(Unit::Second) => at.saturating_add(1_000),
            Step::Calendar(Unit::Minute) => at.saturating_add(60_000),
            Step::Calendar(Unit::Hour) => self.next_fixed(at, 3_600_000),
            Step::Calendar(unit) => {
                let days = self.local(at).div_euclid(86_400_000);
                self.midnight(next_day(days, unit))
            }
        };
        next.max(at.saturating_add(1)).saturating_add(self.offset_ms)
    }

    fn next_fixed(&self, at: i64, step: i64) -> i64 {
        if self.is_utc {
            return at.saturating_add(step);
        }
        let later = self.floor_plain(at.saturating_add(step));
        if later > at { later } else { self.floor_plain(at.saturating_add(step.saturating_mul(2))) }
    }

    /// What the wall shows.
    fn local(&self, ms: i64) -> i64 {
        ms.saturating_add(self.period_at(ms.div_euclid(1_000)).0.saturating_mul(1_000))
    }

    /// When the day begins.
    fn midnight(&self, days: i64) -> i64 {
        self.zone
            .seconds_at(&Civil::from_seconds(days.saturating_mul(DAY), 0))
            .saturating_mul(1_000)
    }

    fn floor_plain(&self, ms: i64) -> i64 {
        let step = match self.step {
            Step::Fixed(step) => step,
            Step::Calendar(Unit::Second) => 1_000,
            Step::Calendar(Unit::Minute) => 60_000,
            Step::Calendar(Unit::Hour) => 3_600_000,
            Step::Calendar(unit) => {
                let days = self.local(ms).div_euclid(86_400_000);
                return self.midnight(first_day(days, unit)).min(ms);
            }
        };
        if self.is_utc {
            return ms.saturating_sub(ms.rem_euclid(step));
        }
        let (offset, start, _) = self.period_at(ms.div_euclid(1_000));
        let local = ms.saturating_add(offset.saturating_mul(1_000));
        let floor = local.saturating_sub(local.rem_euclid(step));
        let at = floor.saturating_sub(offset.saturating_mul(1_000));
        let changed = start.saturating_mul(1_000);
        if at >= changed {
            return at;
        }
        // The clock was changed between the boundary and now: the boundary of before, where the wall showed it.
        let before = self.zone.offset_at(start.saturating_sub(1)).saturating_mul(1_000);
        let at = floor.saturating_sub(before);
        if at < changed { at } else { changed }
    }
}

/// The first day of the unit that the day is in.
fn first_day(days: i64, unit: Unit) -> i64 {
    let (year, month, _) = date_of(days);
    match unit {
        Unit::Second | Unit::Minute | Unit::Hour | Unit::Day => days,
        Unit::Week => days - weekday(days) + 1,
        Unit::Month => days_from_civil(year, month, 1),
        Unit::Quarter => days_from_civil(year, (month - 1) / 3 * 3 + 1, 1),
        Unit::Year => days_from_civil(year, 1, 1),
    }
}

/// The first day of the unit behind.
fn next_day(days: i64, unit: Unit) -> i64 {
    let first = first_day(days, unit);
    let months = match unit {
        Unit::Second | Unit::Minute | Unit::Hour | Unit::Day => return first + 1,
        Unit::Week => return first + 7,
        Unit::Month => 1,
        Unit::Quarter => 3,
        Unit::Year => 12,
    };
    let (year, month, _) = date_of(first);
    let total = year * 12 + month - 1 + months;
    days_from_civil(total.div_euclid(12), total.rem_euclid(12) + 1, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date::{Edge, Format};

    fn check(rounding: &Rounding, text: &str, want: &[&str]) {
        let format = Format::parse("date_time").unwrap();
        let ms =
            i64::try_from(format.read(text, &Zone::default(), Edge::First).unwrap() / 1_000_000)
                .unwrap();
        let mut floor = rounding.floor(ms);
        let mut have = Vec::new();
        for _ in want {
            have.push(format.print(i128::from(floor) * 1_000_000, rounding.zone()));
            assert_eq!(rounding.floor(floor), floor, "a boundary is its own");
            floor = rounding.next(floor);
        }
        assert_eq!(have, want);
    }

    #[test]
    fn months_quarters_and_weeks() {
        let at = "2026-02-28T23:59:59.999Z";
        let utc = |unit| Rounding::calendar(unit, Zone::default());
        check(&utc(Unit::Month), at, &["2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"]);
        check(&utc(Unit::Quarter), at, &["2026-01-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z"]);
        check(&utc(Unit::Week), at, &["2026-02-23T00:00:00.000Z", "2026-03-02T00:00:00.000Z"]);
        check(&utc(Unit::Year), at, &["2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"]);
        let later = Rounding::fixed(86_400_000, Zone::default()).offset(4 * 3_600_000);
        check(&later, at, &["2026-02-28T04:00:00.000Z", "2026-03-01T04:00:00.000Z"]);
    }

    #[test]
    fn days_of_23_and_25_hours() {
        let zone = Zone::parse("America/New_York").unwrap();
        check(
            &Rounding::calendar(Unit::Day, zone.clone()),
            "2026-03-08T05:00:00.000Z",
            &[
                "2026-03-08T00:00:00.000-05:00",
                "2026-03-09T00:00:00.000-04:00",
                "2026-03-10T00:00:00.000-04:00",
            ],
        );
        check(
            &Rounding::calendar(Unit::Hour, zone.clone()),
            "2026-11-01T04:30:00.000Z",
            &[
                "2026-11-01T00:00:00.000-04:00",
                "2026-11-01T01:00:00.000-04:00",
                "2026-11-01T01:00:00.000-05:00",
                "2026-11-01T02:00:00.000-05:00",
            ],
        );
        check(
            &Rounding::fixed(4 * 3_600_000, zone),
            "2026-03-08T05:30:00.000Z",
            &["2026-03-08T00:00:00.000-05:00", "2026-03-08T04:00:00.000-04:00"],
        );
    }
}
