//! Date math: `now-1d/d`, `2026-01-01||+1M/M`.

use super::civil::{Civil, days_from_civil};
use super::{Edge, Format, SECOND_NS, Zone};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

/// The nanoseconds since 1970 of a text that may be date math. Rounding to [`Edge::Last`] gives the last millisecond of the unit.
/// `None` when the text is neither a date of `format` nor date math.
#[must_use]
pub fn read_math(
    text: &str,
    format: &Format,
    zone: &Zone,
    edge: Edge,
    now_ns: i128,
) -> Option<i128> {
    if let Some(operations) = text.strip_prefix("now") {
        return calculate(operations, now_ns, zone, edge);
    }
    match text.split_once("||") {
        None => format.read(text, zone, edge),
        Some((date, "")) => format.read(date, zone, Edge::First),
        Some((date, operations)) => {
            calculate(operations, format.read(date, zone, Edge::First)?, zone, edge)
        }
    }
}

fn calculate(operations: &str, mut ns: i128, zone: &Zone, edge: Edge) -> Option<i128> {
    let bytes = operations.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let operation = bytes[at];
        if !matches!(operation, b'+' | b'-' | b'/') {
            return None;
        }
        at += 1;
        let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let count: i64 = match digits {
            0 => 1,
            1..=9 => operations[at..at + digits].parse().ok()?,
            _ => return None,
        };
        at += digits;
        let unit = match bytes.get(at)? {
            b'y' => Unit::Year,
            b'M' => Unit::Month,
            b'w' => Unit::Week,
            b'd' => Unit::Day,
            b'h' | b'H' => Unit::Hour,
            b'm' => Unit::Minute,
            b's' => Unit::Second,
            _ => return None,
        };
        at += 1;
        ns = match operation {
            b'/' if digits > 0 && count != 1 => return None,
            b'/' => round(ns, unit, zone, edge),
            b'-' => add(ns, -count, unit, zone),
            _ => add(ns, count, unit, zone),
        };
    }
    Some(ns)
}

/// `count` units later on the clocks of `zone`.
fn add(ns: i128, count: i64, unit: Unit, zone: &Zone) -> i128 {
    let seconds = match unit {
        Unit::Hour => 3_600,
        Unit::Minute => 60,
        Unit::Second => 1,
        Unit::Year | Unit::Month | Unit::Week | Unit::Day => {
            let civil = zone.civil_at(ns);
            let later = match unit {
                Unit::Year => civil.plus_months(count * 12),
                Unit::Month => civil.plus_months(count),
                Unit::Week => plus_days(civil, count * 7),
                Unit::Day | Unit::Hour | Unit::Minute | Unit::Second => plus_days(civil, count),
            };
            return i128::from(zone.seconds_at(&later)) * SECOND_NS + i128::from(civil.nanos);
        }
    };
    ns + i128::from(count) * seconds * SECOND_NS
}

fn plus_days(civil: Civil, days: i64) -> Civil {
    Civil::from_seconds(civil.seconds() + days * 86_400, civil.nanos)
}

fn round(ns: i128, unit: Unit, zone: &Zone, edge: Edge) -> i128 {
    let civil = zone.civil_at(ns);
    let midnight = Civil { second: 0, nanos: 0, ..civil };
    let of_day = |step: i64| Civil { second: civil.second - civil.second % step, ..midnight };
    let first = match unit {
        Unit::Year => Civil { month: 1, day: 1, ..midnight },
        Unit::Month => Civil { day: 1, ..midnight },
        Unit::Week => {
            let days = days_from_civil(civil.year, civil.month, civil.day) - civil.weekday() + 1;
            Civil::from_seconds(days * 86_400, 0)
        }
        Unit::Day => midnight,
        Unit::Hour => of_day(3_600),
        Unit::Minute => of_day(60),
        Unit::Second => of_day(1),
    };
    let start = match unit {
        // Below a day the offset stays what it is, also where clocks show an hour twice.
        Unit::Hour | Unit::Minute | Unit::Second => {
            let nanos = ns.rem_euclid(SECOND_NS);
            ns - nanos - i128::from(civil.second - first.second) * SECOND_NS
        }
        Unit::Year | Unit::Month | Unit::Week | Unit::Day => {
            i128::from(zone.seconds_at(&first)) * SECOND_NS
        }
    };
    match edge {
        Edge::First => start,
        Edge::Last => add(start, 1, unit, zone) - 1_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-10T12:34:56.789Z
    const NOW: i128 = 1_773_146_096_789_000_000;

    fn check(text: &str, zone: &str, first: &str, last: &str) {
        let zone = Zone::parse(zone).unwrap();
        let format = Format::default();
        for (edge, want) in [(Edge::First, first), (Edge::Last, last)] {
            let have = read_math(text, &format, &zone, edge, NOW)
                .map(|ns| format.print(ns, &Zone::default()));
            assert_eq!(have.as_deref().unwrap_or("-"), want, "{text} {edge:?}");
        }
    }

    #[test]
    fn now_and_its_math() {
        let now = "2026-03-10T12:34:56.789Z";
        check("now", "UTC", now, now);
        check("now-15m", "UTC", "2026-03-10T12:19:56.789Z", "2026-03-10T12:19:56.789Z");
        check("now/d", "UTC", "2026-03-10T00:00:00.000Z", "2026-03-10T23:59:59.999Z");
        check("now-1M/M", "UTC", "2026-02-01T00:00:00.000Z", "2026-02-28T23:59:59.999Z");
        check("now/w", "UTC", "2026-03-09T00:00:00.000Z", "2026-03-15T23:59:59.999Z");
        check("now/d", "Asia/Seoul", "2026-03-09T15:00:00.000Z", "2026-03-10T14:59:59.999Z");
        check("now+d", "UTC", "2026-03-11T12:34:56.789Z", "2026-03-11T12:34:56.789Z");
        for broken in ["now-", "now-1x", "now/2d", "nowx", "now-99999999999d", "2026||x"] {
            check(broken, "UTC", "-", "-");
        }
    }

    #[test]
    fn dates_and_their_math() {
        check("2026-01||/M", "UTC", "2026-01-01T00:00:00.000Z", "2026-01-31T23:59:59.999Z");
        check("2026-01-31||+1M", "UTC", "2026-02-28T00:00:00.000Z", "2026-02-28T00:00:00.000Z");
        check("2026", "UTC", "2026-01-01T00:00:00.000Z", "2026-12-31T23:59:59.999999999Z");
        check(
            "2026-01-01T10",
            "+09:00",
            "2026-01-01T01:00:00.000Z",
            "2026-01-01T01:59:59.999999999Z",
        );
        check("1773146096789", "UTC", "2026-03-10T12:34:56.789Z", "2026-03-10T12:34:56.789999999Z");
    }
}
