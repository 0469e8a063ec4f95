//! The formats that have names.

use super::format::{Form, Item, Part, ZoneStyle, pattern};

/// The format `name`; also by its name before Elasticsearch 7 (`dateOptionalTime`). `strict_` asks for all digits.
pub(super) fn named(name: &str) -> Option<Form> {
    let name = snake(name);
    let (strict, base) = match name.strip_prefix("strict_") {
        Some(base) => (true, base),
        None => (false, name.as_str()),
    };
    match base {
        "epoch_millis" => return Some(Form::EpochMillis),
        "epoch_second" => return Some(Form::EpochSecond),
        "date_optional_time" | "date_optional_time_nanos" | "iso8601" | "rfc3339_lenient" => {
            return Some(Form::Items(optional_time(strict || base == "rfc3339_lenient")));
        }
        _ => {}
    }
    let text = pattern_of(base)?;
    let exact = strict || base.starts_with("basic_");
    let mut items = pattern(text).ok()?;
    refine(&mut items, exact);
    Some(Form::Items(items))
}

/// Named formats take `Z` and both kinds of offsets, fractions of three to nine digits, and, unless they are strict, fewer digits.
fn refine(items: &mut [Item], exact: bool) {
    for item in items {
        match item {
            Item::Zone(style) => *style = ZoneStyle::ColonZ,
            Item::Fraction { min, max } => (*min, *max) = (if exact { 3 } else { 1 }, 9),
            Item::Number { min, .. } if !exact => *min = 1,
            Item::Optional(items) => refine(items, exact),
            Item::Number { .. }
            | Item::Literal(_)
            | Item::PointFraction { .. }
            | Item::MonthName { .. }
            | Item::DayName { .. }
            | Item::AmPm
            | Item::Era => {}
        }
    }
}

fn pattern_of(base: &str) -> Option<&'static str> {
    Some(match base {
        "date" | "year_month_day" => "yyyy-MM-dd",
        "date_time" => "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        "date_time_no_millis" => "yyyy-MM-dd'T'HH:mm:ssZ",
        "date_hour" => "yyyy-MM-dd'T'HH",
        "date_hour_minute" => "yyyy-MM-dd'T'HH:mm",
        "date_hour_minute_second" => "yyyy-MM-dd'T'HH:mm:ss",
        "date_hour_minute_second_fraction" | "date_hour_minute_second_millis" => {
            "yyyy-MM-dd'T'HH:mm:ss.SSS"
        }
        "basic_date" => "yyyyMMdd",
        "basic_date_time" => "yyyyMMdd'T'HHmmss.SSSZ",
        "basic_date_time_no_millis" => "yyyyMMdd'T'HHmmssZ",
        "basic_ordinal_date" => "yyyyDDD",
        "basic_ordinal_date_time" => "yyyyDDD'T'HHmmss.SSSZ",
        "basic_ordinal_date_time_no_millis" => "yyyyDDD'T'HHmmssZ",
        "basic_time" => "HHmmss.SSSZ",
        "basic_time_no_millis" => "HHmmssZ",
        "basic_t_time" => "'T'HHmmss.SSSZ",
        "basic_t_time_no_millis" => "'T'HHmmssZ",
        "basic_week_date" => "YYYY'W'wwe",
        "basic_week_date_time" => "YYYY'W'wwe'T'HHmmss.SSSZ",
        "basic_week_date_time_no_millis" => "YYYY'W'wwe'T'HHmmssZ",
        "hour" => "HH",
        "hour_minute" => "HH:mm",
        "hour_minute_second" => "HH:mm:ss",
        "hour_minute_second_fraction" | "hour_minute_second_millis" => "HH:mm:ss.SSS",
        "ordinal_date" => "yyyy-DDD",
        "ordinal_date_time" => "yyyy-DDD'T'HH:mm:ss.SSSZ",
        "ordinal_date_time_no_millis" => "yyyy-DDD'T'HH:mm:ssZ",
        "time" => "HH:mm:ss.SSSZ",
        "time_no_millis" => "HH:mm:ssZ",
        "t_time" => "'T'HH:mm:ss.SSSZ",
        "t_time_no_millis" => "'T'HH:mm:ssZ",
        "week_date" => "YYYY-'W'ww-e",
        "week_date_time" => "YYYY-'W'ww-e'T'HH:mm:ss.SSSZ",
        "week_date_time_no_millis" => "YYYY-'W'ww-e'T'HH:mm:ssZ",
        "weekyear" | "week_year" => "YYYY",
        "weekyear_week" => "YYYY-'W'ww",
        "weekyear_week_day" => "YYYY-'W'ww-e",
        "year" => "yyyy",
        "year_month" => "yyyy-MM",
        _ => return None,
    })
}

/// `yyyy[-MM[-dd['T'HH[:mm[:ss[.S]]][zone]]]]`
fn optional_time(strict: bool) -> Vec<Item> {
    let number = |part, width: usize, max: usize| Item::Number {
        part,
        min: if strict { width } else { 1 },
        max,
        width,
    };
    let seconds = vec![
        Item::Literal(':'),
        number(Part::Second, 2, 2),
        Item::Optional(vec![Item::PointFraction { min: 3, max: 9 }]),
    ];
    let minutes = vec![Item::Literal(':'), number(Part::Minute, 2, 2), Item::Optional(seconds)];
    let time = vec![
        Item::Literal('T'),
        Item::Optional(vec![
            number(Part::Hour, 2, 2),
            Item::Optional(minutes),
            Item::Optional(vec![Item::Zone(ZoneStyle::ColonZ)]),
        ]),
    ];
    let day = vec![Item::Literal('-'), number(Part::Day, 2, 2), Item::Optional(time)];
    let month = vec![Item::Literal('-'), number(Part::Month, 2, 2), Item::Optional(day)];
    vec![number(Part::Year, 4, 9), Item::Optional(month)]
}

/// `dateOptionalTime` as `date_optional_time`.
fn snake(name: &str) -> String {
    // A pattern, not a name.
    if name.len() > 64 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return name.to_owned();
    }
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
