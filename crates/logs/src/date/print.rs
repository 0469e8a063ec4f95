//! Points of time to texts.

use super::SECOND_NS;
use super::civil::Civil;
use super::format::{Form, Format, Item, Part, ZoneStyle};
use super::zone::{Zone, split};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Format {
    /// `ns` since 1970 as the first alternative writes it, on the clocks of `zone`.
    #[must_use]
    pub fn print(&self, ns: i128, zone: &Zone) -> String {
        match self.forms.first() {
            Some(Form::EpochMillis) => epoch(ns, 1_000_000),
            Some(Form::EpochSecond) => epoch(ns, SECOND_NS),
            Some(Form::Items(items)) => {
                let mut text = String::new();
                let (seconds, _) = split(ns);
                let at = At { civil: zone.civil_at(ns), offset: zone.offset_at(seconds), zone };
                print(items, &at, &mut text);
                text
            }
            None => String::new(),
        }
    }
}

fn epoch(ns: i128, unit_ns: i128) -> String {
    let (whole, rest) = (ns.div_euclid(unit_ns), ns.rem_euclid(unit_ns));
    if rest == 0 || unit_ns == 1_000_000 {
        return whole.to_string();
    }
    let fraction = format!("{rest:09}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

struct At<'a> {
    civil: Civil,
    offset: i64,
    zone: &'a Zone,
}

fn print(items: &[Item], at: &At<'_>, text: &mut String) {
    let civil = &at.civil;
    for item in items {
        match item {
            Item::Literal(letter) => text.push(*letter),
            Item::Number { part, width, .. } => print_number(*part, *width, civil, text),
            Item::Fraction { min, max } | Item::PointFraction { min, max } => {
                if matches!(item, Item::PointFraction { .. }) {
                    text.push('.');
                }
                let digits = format!("{:09}", civil.nanos);
                let used = digits.trim_end_matches('0').len();
                // Named formats read fewer than three digits, and never print fewer.
                let min = if *max == 9 && *min < 3 { 3 } else { *min };
                text.push_str(&digits[..used.clamp(min.min(9), (*max).min(9))]);
            }
            Item::MonthName { full } => text.push_str(name(&MONTHS, civil.month - 1, *full)),
            Item::DayName { full } => text.push_str(name(&DAYS, civil.weekday() - 1, *full)),
            Item::AmPm => text.push_str(if civil.second >= 43_200 { "PM" } else { "AM" }),
            Item::Era => text.push_str("AD"),
            Item::Zone(style) => print_zone(*style, at, text),
            Item::Optional(items) => print(items, at, text),
        }
    }
}

fn name<'a>(names: &[&'a str], index: i64, full: bool) -> &'a str {
    let name = usize::try_from(index).ok().and_then(|index| names.get(index)).unwrap_or(&"???");
    if full { name } else { &name[..3] }
}

fn print_number(part: Part, width: usize, civil: &Civil, text: &mut String) {
    let value = match part {
        Part::Year if width == 2 => civil.year.rem_euclid(100),
        Part::Year => civil.year,
        Part::Month => civil.month,
        Part::Day => civil.day,
        Part::DayOfYear => civil.day_of_year(),
        Part::WeekYear => civil.week().0,
        Part::Week => civil.week().1,
        Part::Weekday => civil.weekday(),
        Part::Hour => civil.second / 3_600,
        Part::Hour12 => (civil.second / 3_600 + 11) % 12 + 1,
        Part::Minute => civil.second / 60 % 60,
        Part::Second => civil.second % 60,
        Part::Quarter => (civil.month - 1) / 3 + 1,
    };
    if value < 0 {
        text.push('-');
    }
    text.push_str(&format!("{:0width$}", value.unsigned_abs()));
}

fn print_zone(style: ZoneStyle, at: &At<'_>, text: &mut String) {
    if style == ZoneStyle::Id
        && let Some(name) = at.zone.jiff().iana_name()
    {
        text.push_str(name);
        return;
    }
    if at.offset == 0 && matches!(style, ZoneStyle::BasicZ | ZoneStyle::ColonZ | ZoneStyle::Id) {
        text.push('Z');
        return;
    }
    let sign = if at.offset < 0 { '-' } else { '+' };
    let minutes = at.offset.abs() / 60;
    let colon = if matches!(style, ZoneStyle::Basic | ZoneStyle::BasicZ) { "" } else { ":" };
    text.push_str(&format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60));
}
