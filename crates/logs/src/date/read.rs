//! Texts to points of time.

use super::civil::{Civil, days_from_civil, days_from_week, days_of_month, is_leap};
use super::format::{Form, Format, Item, Part};
use super::zone::{Zone, offset_seconds};
use super::{Edge, SECOND_NS};

/// What a text says of a date; the rest is the first or last of what it could be.
#[derive(Debug, Clone, Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    week_year: Option<i64>,
    week: Option<i64>,
    weekday: Option<i64>,
    hour: Option<i64>,
    hour12: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nanos: Option<i64>,
    zone: Option<Zone>,
}

/// Longest text of a date, in bytes.
const TEXT_MAX: usize = 256;

impl Format {
    /// The nanoseconds since 1970 of `text`, which is in `zone` unless it names one itself. What it does not say is the
    /// first or the last that it can be. `None` when no alternative takes it.
    #[must_use]
    pub fn read(&self, text: &str, zone: &Zone, edge: Edge) -> Option<i128> {
        if text.len() > TEXT_MAX {
            return None;
        }
        self.forms.iter().find_map(|form| match form {
            Form::EpochMillis => epoch(text, 1_000_000, edge),
            Form::EpochSecond => epoch(text, SECOND_NS, edge),
            Form::Items(items) => {
                let mut fields = Fields::default();
                let rest = take(items, &[], text, &mut fields)?;
                if !rest.is_empty() {
                    return None;
                }
                fields.resolve(zone, edge)
            }
        })
    }
}

/// A number of units, perhaps with a fraction.
fn epoch(text: &str, unit_ns: i128, edge: Edge) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 19 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let mut ns = whole.parse::<i128>().ok()? * unit_ns;
    let mut place = unit_ns;
    for digit in fraction.bytes() {
        place /= 10;
        ns += i128::from(digit - b'0') * place;
    }
    if fraction.is_empty() && edge == Edge::Last && !negative {
        // A whole number of seconds stands for that second; of milliseconds for that millisecond.
        ns += if unit_ns == SECOND_NS { 999_000_000 } else { 0 } + 999_999;
    }
    Some(if negative { -ns } else { ns })
}

/// Takes `items` off `text`, then `after` has to fit too (as far as its first item tells); the rest of the text.
fn take<'a>(
    items: &[Item],
    after: &[Item],
    mut text: &'a str,
    fields: &mut Fields,
) -> Option<&'a str> {
    for (at, item) in items.iter().enumerate() {
        let next = items.get(at + 1).or(after.first());
        let Item::Optional(inner) = item else {
            text = take_one(item, next, text, fields)?;
            continue;
        };
        let mut with = fields.clone();
        if let Some(rest) = take(inner, &items[at + 1..], text, &mut with) {
            *fields = with;
            text = rest;
        }
    }
    Some(text)
}

fn take_one<'a>(
    item: &Item,
    next: Option<&Item>,
    text: &'a str,
    fields: &mut Fields,
) -> Option<&'a str> {
    match item {
        Item::Literal(letter) => {
            // `T` may be small, as RFC 3339 has it.
            text.strip_prefix(*letter).or_else(|| text.strip_prefix(letter.to_ascii_lowercase()))
        }
        Item::Number { part, min, max, .. } => {
            let signed = matches!(part, Part::Year | Part::WeekYear);
            let (negative, digits) = match text.strip_prefix('-') {
                Some(digits) if signed => (true, digits),
                Some(_) => return None,
                None => (false, text.strip_prefix('+').filter(|_| signed).unwrap_or(text)),
            };
            // Digits that touch the next number keep their least width.
            let touches = matches!(next, Some(Item::Number { .. } | Item::Fraction { .. }));
            let max = if touches { *min } else { *max };
            let count = digit_count(digits, max);
            if count < *min {
                return None;
            }
            let value: i64 = digits[..count].parse().ok()?;
            let value =
                if *part == Part::Year && (*min, max) == (2, 2) { 2_000 + value } else { value };
            fields.put(*part, if negative { -value } else { value })?;
            Some(&digits[count..])
        }
        Item::Fraction { min, max } => take_fraction(text, *min, *max, fields),
        Item::PointFraction { max, .. } => {
            take_fraction(text.strip_prefix(['.', ','])?, 1, *max, fields)
        }
        Item::MonthName { .. } => {
            let (index, rest) = take_name(text, &super::print::MONTHS)?;
            fields.put(Part::Month, index + 1)?;
            Some(rest)
        }
        Item::DayName { .. } => {
            let (_, rest) = take_name(text, &super::print::DAYS)?;
            Some(rest)
        }
        Item::AmPm => {
            let word = text.get(..2)?;
            let afternoon = word.eq_ignore_ascii_case("pm");
            if !afternoon && !word.eq_ignore_ascii_case("am") {
                return None;
            }
            fields.afternoon = Some(afternoon);
            Some(&text[2..])
        }
        Item::Era => text.strip_prefix("AD").or_else(|| text.strip_prefix("CE")),
        Item::Zone(_) => take_zone(text, fields),
        Item::Optional(_) => Some(text),
    }
}

fn digit_count(text: &str, max: usize) -> usize {
    text.bytes().take(max).take_while(u8::is_ascii_digit).count()
}

fn take_fraction<'a>(
    text: &'a str,
    min: usize,
    max: usize,
    fields: &mut Fields,
) -> Option<&'a str> {
    let count = digit_count(text, max.min(9));
    if count < min.min(9) {
        return None;
    }
    let value: i64 = text[..count].parse().ok()?;
    let mut nanos = value;
    for _ in count..9 {
        nanos *= 10;
    }
    fields.nanos = Some(nanos);
    Some(&text[count..])
}

/// A name in full or its first three letters, in any case; the index of the name.
fn take_name<'a>(text: &'a str, names: &[&str]) -> Option<(i64, &'a str)> {
    for (index, name) in (0..).zip(names) {
        for len in [name.len(), 3] {
            if text.get(..len).is_some_and(|word| word.eq_ignore_ascii_case(&name[..len])) {
                return Some((index, &text[len..]));
            }
        }
    }
    None
}

fn take_zone<'a>(text: &'a str, fields: &mut Fields) -> Option<&'a str> {
    if let Some(rest) = text.strip_prefix(['Z', 'z'])
        && !rest.starts_with(|letter: char| letter.is_ascii_alphabetic())
    {
        fields.zone = Some(Zone::default());
        return Some(rest);
    }
    let is_offset = text.starts_with(['+', '-']);
    let in_zone = |letter: char| {
        if is_offset {
            letter.is_ascii_digit() || "+-:".contains(letter)
        } else {
            letter.is_ascii_alphanumeric() || "+-:/_".contains(letter)
        }
    };
    let len = text.find(|letter| !in_zone(letter)).unwrap_or(text.len());
    let name = &text[..len];
    let zone =
        if is_offset { offset_seconds(name).and_then(Zone::fixed) } else { Zone::parse(name) };
    fields.zone = Some(zone?);
    Some(&text[len..])
}

impl Fields {
    /// Keeps a number; `None` when the part cannot have it.
    fn put(&mut self, part: Part, value: i64) -> Option<()> {
        let (slot, range) = match part {
            Part::Year => (&mut self.year, -999_999_999..=999_999_999),
            Part::WeekYear => (&mut self.week_year, -999_999_999..=999_999_999),
            Part::Month => (&mut self.month, 1..=12),
            Part::Day => (&mut self.day, 1..=31),
            Part::DayOfYear => (&mut self.day_of_year, 1..=366),
            Part::Week => (&mut self.week, 1..=53),
            Part::Weekday => (&mut self.weekday, 1..=7),
            Part::Hour => (&mut self.hour, 0..=23),
            Part::Hour12 => (&mut self.hour12, 0..=12),
            Part::Minute => (&mut self.minute, 0..=59),
            Part::Second => (&mut self.second, 0..=59),
            Part::Quarter => return (1..=4).contains(&value).then_some(()),
        };
        *slot = Some(value);
        range.contains(&value).then_some(())
    }

    fn resolve(&self, zone: &Zone, edge: Edge) -> Option<i128> {
        let days = self.days(edge)?;
        let last = edge == Edge::Last;
        let hour = match (self.hour, self.hour12) {
            (Some(hour), _) => Some(hour),
            (None, Some(hour)) => {
                Some(hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 })
            }
            (None, None) => None,
        };
        let or = |value: Option<i64>, end: i64| value.unwrap_or(if last { end } else { 0 });
        let second = or(hour, 23) * 3_600 + or(self.minute, 59) * 60 + or(self.second, 59);
        let nanos = or(self.nanos, 999_999_999);
        let wall = days * 86_400 + second;
        let zone = self.zone.as_ref().unwrap_or(zone);
        let seconds = zone.seconds_at(&Civil::from_seconds(wall, nanos));
        Some(i128::from(seconds) * SECOND_NS + i128::from(nanos))
    }

    fn days(&self, edge: Edge) -> Option<i64> {
        let last = edge == Edge::Last;
        if let Some(year) = self.week_year {
            let weekday = self.weekday.unwrap_or(if last && self.week.is_some() { 7 } else { 1 });
            return Some(days_from_week(year, self.week.unwrap_or(1), weekday));
        }
        let year = self.year.unwrap_or(1970);
        if let Some(day) = self.day_of_year {
            if day == 366 && !is_leap(year) {
                return None;
            }
            return Some(days_from_civil(year, 1, day));
        }
        // A time of day alone is one of the first day.
        let dated = self.year.is_some() || self.month.is_some() || self.day.is_some();
        let month = self.month.unwrap_or(if last && dated && self.day.is_none() { 12 } else { 1 });
        let length = days_of_month(year, month);
        let day = self.day.unwrap_or(if last && dated { length } else { 1 });
        (day <= length).then(|| days_from_civil(year, month, day))
    }
}
