//! Days and calendar fields, without a zone, for any year.

/// A date and time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    pub year: i64,
    /// 1..=12
    pub month: i64,
    /// 1..=31
    pub day: i64,
    /// Seconds of the day, 0..86,400.
    pub second: i64,
    pub nanos: i64,
}

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar. `month` is 1..=12; `day` may lie outside of its month.
#[must_use]
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

/// Days of `month` (1..=12) of `year`.
pub(super) fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

impl Civil {
    /// From seconds since 1970 of a clock on the wall.
    #[must_use]
    pub fn from_seconds(seconds: i64, nanos: i64) -> Self {
        let days = seconds.div_euclid(86_400);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
            second: seconds.rem_euclid(86_400),
            nanos,
        }
    }

    /// Seconds since 1970 of a clock on the wall.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        days_from_civil(self.year, self.month, self.day) * 86_400 + self.second
    }

    /// Monday is 1.
    #[must_use]
    pub fn weekday(&self) -> i64 {
        (days_from_civil(self.year, self.month, self.day) + 3).rem_euclid(7) + 1
    }

    /// January the first is 1.
    #[must_use]
    pub fn day_of_year(&self) -> i64 {
        days_from_civil(self.year, self.month, self.day) - days_from_civil(self.year, 1, 1) + 1
    }

    /// The ISO week: its year and number.
    #[must_use]
    pub fn week(&self) -> (i64, i64) {
        let days = days_from_civil(self.year, self.month, self.day);
        // The Thursday of the week decides its year.
        let thursday = Self::from_seconds((days - self.weekday() + 4) * 86_400, 0);
        (thursday.year, (thursday.day_of_year() - 1) / 7 + 1)
    }

    /// `months` later, on the last day of the month where the day is not there.
    #[must_use]
    pub(super) fn plus_months(mut self, months: i64) -> Self {
        let total = self.year * 12 + self.month - 1 + months;
        (self.year, self.month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
        self.day = self.day.min(days_of_month(self.year, self.month));
        self
    }
}

/// Days since 1970 of a day of an ISO week.
pub(super) fn days_from_week(year: i64, week: i64, weekday: i64) -> i64 {
    let fourth = days_from_civil(year, 1, 4);
    let monday = fourth - (fourth + 3).rem_euclid(7);
    monday + (week - 1) * 7 + weekday - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_back() {
        for days in (-800_000..800_000).step_by(997) {
            let civil = Civil::from_seconds(days * 86_400 + 5, 0);
            assert_eq!(civil.seconds(), days * 86_400 + 5);
            let (year, week) = civil.week();
            assert_eq!(days_from_week(year, week, civil.weekday()), days);
        }
        let day = Civil::from_seconds(0, 0);
        assert_eq!((day.year, day.month, day.day, day.weekday()), (1970, 1, 1, 4));
        assert_eq!(Civil { day: 31, ..day }.plus_months(1).day, 28);
        assert_eq!(day.plus_months(-1).year, 1969);
    }
}
