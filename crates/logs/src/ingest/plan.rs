//! What a field's values become: the column's kind that follows from its type, and the form in which a value stands there.

use std::net::IpAddr;
use std::sync::Arc;

use stdx::time::days_in_month;

use crate::date::{Edge, Format, Zone, days_from_civil};
use crate::mapping::{Field, FieldType};
use crate::source::{Form, Offset};

/// What is done with the values of a field.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// The first value decides.
    Undecided,
    /// Texts; numbers and truth values as they are written. At most so many characters are searched.
    Text {
        ignore_above: usize,
    },
    Ip,
    Int {
        min: i64,
        max: i64,
    },
    Unsigned,
    Float,
    Bool,
    Date(Arc<Dates>),
    /// To the column of the value's own kind.
    Own,
    /// The same, and the field is named as ignored.
    Conflict,
    /// No column; `true`: and the field is named as ignored.
    Nowhere(bool),
}

/// How a date field is read.
#[derive(Debug)]
pub(super) struct Dates {
    format: Format,
    is_iso: bool,
    is_millis: bool,
    is_nanos: bool,
}

/// A leaf of a document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'a> {
    Str(&'a str),
    /// As written, and whether it is an integer.
    Number(&'a str, bool),
    Bool(bool),
}

/// A value for a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Str(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    Nothing,
}

/// What becomes of a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stored<'a> {
    pub(super) value: Value<'a>,
    pub(super) form: Form,
    /// Whether the leaf can be made from the value and the form.
    pub(super) is_whole: bool,
    pub(super) is_ignored: bool,
}

fn whole(value: Value<'_>, form: Form) -> Stored<'_> {
    Stored { value, form, is_whole: true, is_ignored: false }
}

impl Stored<'_> {
    fn changed(mut self) -> Self {
        self.is_whole = false;
        self
    }

    fn ignored(mut self) -> Self {
        self.is_ignored = true;
        self
    }
}

impl Plan {
    /// The plan for a field that the mapping has.
    pub(super) fn of(field: &Field) -> Self {
        match field.kind {
            FieldType::Text
            | FieldType::MatchOnlyText
            | FieldType::SearchAsYouType
            | FieldType::ConstantKeyword
            | FieldType::Wildcard
            | FieldType::Version
            | FieldType::Flattened => Self::Text { ignore_above: usize::MAX },
            FieldType::Keyword => {
                let above = field.params.get("ignore_above").and_then(serde_json::Value::as_u64);
                let above = above.and_then(|above| usize::try_from(above).ok());
                Self::Text { ignore_above: above.unwrap_or(usize::MAX) }
            }
            FieldType::Ip => Self::Ip,
            FieldType::Long => Self::Int { min: i64::MIN, max: i64::MAX },
            FieldType::Integer => Self::Int { min: i32::MIN.into(), max: i32::MAX.into() },
            FieldType::Short => Self::Int { min: i16::MIN.into(), max: i16::MAX.into() },
            FieldType::Byte => Self::Int { min: i8::MIN.into(), max: i8::MAX.into() },
            FieldType::UnsignedLong => Self::Unsigned,
            FieldType::Double
            | FieldType::Float
            | FieldType::HalfFloat
            | FieldType::ScaledFloat => Self::Float,
            FieldType::Boolean => Self::Bool,
            FieldType::Date => Self::Date(Arc::new(Dates::of(field, false))),
            FieldType::DateNanos => Self::Date(Arc::new(Dates::of(field, true))),
            FieldType::Object | FieldType::Nested | FieldType::Alias => Self::Conflict,
            FieldType::Binary
            | FieldType::GeoPoint
            | FieldType::GeoShape
            | FieldType::IntegerRange
            | FieldType::LongRange
            | FieldType::FloatRange
            | FieldType::DoubleRange
            | FieldType::DateRange
            | FieldType::IpRange
            | FieldType::TokenCount
            | FieldType::Completion
            | FieldType::Join
            | FieldType::Percolator => Self::Own,
        }
    }

    /// What becomes of `leaf`.
    #[inline]
    pub(super) fn store<'a>(&self, leaf: Leaf<'a>) -> Stored<'a> {
        match self {
            Self::Text { ignore_above } => {
                let stored = text(leaf);
                let Value::Str(text) = stored.value else { return stored };
                if text.len() > *ignore_above && text.chars().count() > *ignore_above {
                    return stored.ignored();
                }
                stored
            }
            Self::Ip => match leaf {
                Leaf::Str(address) if address.parse::<IpAddr>().is_ok() => text(leaf),
                Leaf::Str(_) | Leaf::Number(..) | Leaf::Bool(_) => text(leaf).ignored(),
            },
            Self::Int { min, max } => int(leaf, *min, *max),
            Self::Unsigned => unsigned(leaf),
            Self::Float => float(leaf),
            Self::Bool => boolean(leaf),
            Self::Date(dates) => dates.store(leaf),
            Self::Own | Self::Undecided => own(leaf),
            Self::Conflict => own(leaf).ignored(),
            Self::Nowhere(is_ignored) => Stored {
                value: Value::Nothing,
                form: Form::Null,
                is_whole: false,
                is_ignored: *is_ignored,
            },
        }
    }
}

/// The text of a leaf.
fn text(leaf: Leaf<'_>) -> Stored<'_> {
    match leaf {
        Leaf::Str(text) => whole(Value::Str(text), Form::Text),
        Leaf::Number(text, _) => whole(Value::Str(text), Form::Raw),
        Leaf::Bool(true) => whole(Value::Str("true"), Form::Raw),
        Leaf::Bool(false) => whole(Value::Str("false"), Form::Raw),
    }
}

/// The leaf in the column of its own kind.
fn own(leaf: Leaf<'_>) -> Stored<'_> {
    match leaf {
        Leaf::Str(_) => text(leaf),
        Leaf::Bool(value) => whole(Value::Bool(value), Form::Bool),
        Leaf::Number(digits, true) => match digits.parse() {
            Ok(value) if digits != "-0" => whole(Value::Int(value), Form::Int),
            Ok(_) => whole(Value::Float(-0.0), Form::Float),
            Err(_) => text(leaf).ignored(),
        },
        Leaf::Number(..) => float(leaf),
    }
}

fn int(leaf: Leaf<'_>, min: i64, max: i64) -> Stored<'_> {
    let in_range = |value: &i64| (min..=max).contains(value);
    let cut = |text: &str| -> Option<i64> {
        let value: f64 = text.trim().parse().ok()?;
        whole_number(value).filter(in_range)
    };
    match leaf {
        Leaf::Number(digits, true) => match digits.parse::<i64>().ok().filter(in_range) {
            Some(value) if digits != "-0" => whole(Value::Int(value), Form::Int),
            Some(value) => whole(Value::Int(value), Form::Int).changed(),
            None => text(leaf).ignored(),
        },
        Leaf::Number(digits, false) => match cut(digits) {
            Some(value) => whole(Value::Int(value), Form::Int).changed(),
            None => text(leaf).ignored(),
        },
        Leaf::Str(digits) => match digits.parse::<i64>().ok().filter(in_range) {
            Some(value) if is_canonical(digits) => whole(Value::Int(value), Form::QuotedInt),
            Some(value) => whole(Value::Int(value), Form::QuotedInt).changed(),
            None => match cut(digits) {
                Some(value) => whole(Value::Int(value), Form::QuotedInt).changed(),
                None => text(leaf).ignored(),
            },
        },
        Leaf::Bool(_) => own(leaf).ignored(),
    }
}

/// Whether an integer's digits are as they would be printed.
fn is_canonical(digits: &str) -> bool {
    let plain = digits.strip_prefix('-').unwrap_or(digits);
    digits == "0" || !(plain.starts_with('0') || digits.starts_with('+'))
}

/// The number without its fraction, where it is an `i64`.
fn whole_number(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the fraction is to go, the range is tested"
    )]
    (-LIMIT..LIMIT).contains(&value).then_some(value as i64)
}

fn unsigned(leaf: Leaf<'_>) -> Stored<'_> {
    let value = match leaf {
        Leaf::Number(digits, true) | Leaf::Str(digits) => digits.parse::<u64>().ok(),
        Leaf::Number(..) | Leaf::Bool(_) => None,
    };
    let Some(value) = value else { return text(leaf).ignored() };
    let stored = whole(Value::Int(value.cast_signed().wrapping_add(i64::MIN)), Form::Unsigned);
    if matches!(leaf, Leaf::Str(_)) { stored.changed() } else { stored }
}

fn float(leaf: Leaf<'_>) -> Stored<'_> {
    match leaf {
        Leaf::Number(digits, is_int) => {
            let value: f64 = digits.parse().unwrap_or(f64::NAN);
            if !value.is_finite() {
                return text(leaf).ignored();
            }
            let form = if is_int && digits != "-0" { Form::FloatAsInt } else { Form::Float };
            let stored = whole(Value::Float(value), form);
            // Larger integers are printed with digits that were not written.
            let is_exact = form == Form::Float || value.abs() < 9_007_199_254_740_992.0;
            if is_exact && is_same_number(digits, value) { stored } else { stored.changed() }
        }
        Leaf::Str(digits) => match digits.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => whole(Value::Float(value), Form::Float).changed(),
            Ok(_) | Err(_) => text(leaf).ignored(),
        },
        Leaf::Bool(_) => own(leaf).ignored(),
    }
}

/// Whether the number that `digits` write is the one that `value` is printed as.
fn is_same_number(digits: &str, value: f64) -> bool {
    let is_plain = digits.len() <= 16 && !digits.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    // 15 significant digits always come back.
    is_plain || decimal(digits) == decimal(&format!("{value:e}"))
}

/// Significant digits, and the power of ten of the first.
fn decimal(text: &str) -> Option<(String, i64)> {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (int, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all = format!("{int}{fraction}");
    let zeros = all.bytes().take_while(|byte| *byte == b'0').count();
    let significant = all[zeros..].trim_end_matches('0');
    if significant.is_empty() {
        return Some((String::new(), 0));
    }
    let exponent: i64 = exponent.parse().ok()?;
    let first = i64::try_from(int.len()).ok()? - i64::try_from(zeros).ok()?;
    Some((significant.to_owned(), first.checked_add(exponent)?))
}

fn boolean(leaf: Leaf<'_>) -> Stored<'_> {
    match leaf {
        Leaf::Bool(value) => whole(Value::Bool(value), Form::Bool),
        Leaf::Str("true") => whole(Value::Bool(true), Form::QuotedBool),
        Leaf::Str("false") => whole(Value::Bool(false), Form::QuotedBool),
        Leaf::Str("") => whole(Value::Bool(false), Form::QuotedBool).changed(),
        Leaf::Str(_) | Leaf::Number(..) => own(leaf).ignored(),
    }
}

impl Dates {
    fn of(field: &Field, is_nanos: bool) -> Self {
        let format = field.params.get("format").and_then(serde_json::Value::as_str);
        let format = format.and_then(|text| Format::parse(text).ok()).unwrap_or_default();
        let has = |name: &str| format.text().split("||").any(|one| one == name);
        let is_iso = has("strict_date_optional_time")
            || has("date_optional_time")
            || has("strict_date_optional_time_nanos");
        let is_millis = has("epoch_millis") && !has("epoch_second");
        Self { format, is_iso, is_millis, is_nanos }
    }

    /// A value as microseconds.
    pub(super) fn micros(&self, value: i64) -> i64 {
        if self.is_nanos { value.div_euclid(1_000) } else { value }
    }

    fn store<'a>(&self, leaf: Leaf<'a>) -> Stored<'a> {
        match leaf {
            Leaf::Str(text) if self.is_iso => match iso(text) {
                Some(date) => self.iso(leaf, &date),
                None => self.read(leaf, text),
            },
            Leaf::Number(digits, true) if self.is_millis => self.millis(leaf, digits),
            Leaf::Str(text) | Leaf::Number(text, _) => self.read(leaf, text),
            Leaf::Bool(_) => own(leaf).ignored(),
        }
    }

    fn iso<'a>(&self, leaf: Leaf<'a>, date: &Iso) -> Stored<'a> {
        let nanos = i64::from(date.nanos);
        let (value, form, is_whole) = if self.is_nanos {
            let value =
                date.seconds.checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(nanos));
            (value, Form::Nanos(date.digits, date.offset), true)
        } else {
            let value = Some(date.seconds * 1_000_000 + nanos / 1_000);
            (value, Form::Micros(date.digits, date.offset), nanos % 1_000 == 0)
        };
        let Some(value) = value else { return text(leaf).ignored() };
        let stored = whole(Value::Int(value), form);
        if is_whole && date.is_canonical { stored } else { stored.changed() }
    }

    fn millis<'a>(&self, leaf: Leaf<'a>, digits: &str) -> Stored<'a> {
        let (unit, form) =
            if self.is_nanos { (1_000_000, Form::MillisAsNanos) } else { (1_000, Form::Millis) };
        let value = digits.parse::<i64>().ok().and_then(|ms| ms.checked_mul(unit));
        let Some(value) = value else { return text(leaf).ignored() };
        let stored = whole(Value::Int(value), form);
        if digits == "-0" { stored.changed() } else { stored }
    }

    /// By the format, which may be any.
    fn read<'a>(&self, leaf: Leaf<'a>, written: &str) -> Stored<'a> {
        let ns = self.format.read(written, &Zone::default(), Edge::First);
        let unit = if self.is_nanos { 1 } else { 1_000 };
        let value = ns.and_then(|ns| i64::try_from(ns.div_euclid(unit)).ok());
        let Some(value) = value else { return text(leaf).ignored() };
        let form = if self.is_nanos {
            Form::Nanos(9, Offset::Zulu)
        } else {
            Form::Micros(6, Offset::Zulu)
        };
        whole(Value::Int(value), form).changed()
    }
}

/// A date and time that is written in full.
#[derive(Debug, Clone, Copy)]
struct Iso {
    /// Since 1970, UTC.
    seconds: i64,
    nanos: u32,
    /// Of the fraction.
    digits: u8,
    offset: Offset,
    /// Whether it would be printed as it is written.
    is_canonical: bool,
}

fn two(bytes: &[u8], at: usize) -> Option<i64> {
    let tens = bytes.get(at)?.wrapping_sub(b'0');
    let ones = bytes.get(at + 1)?.wrapping_sub(b'0');
    (tens <= 9 && ones <= 9).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// `2026-11-21T00:00:00`, a fraction of up to nine digits, and `Z`, an offset, or nothing. What else a format takes is read by the format.
fn iso(text: &str) -> Option<Iso> {
    let bytes = text.as_bytes();
    let head = bytes.first_chunk::<19>()?;
    let is = |at: usize, byte: u8| head[at] == byte;
    if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
        return None;
    }
    let year = two(head, 0)? * 100 + two(head, 2)?;
    let (month, day) = (two(head, 5)?, two(head, 8)?);
    let (hour, minute, second) = (two(head, 11)?, two(head, 14)?, two(head, 17)?);
    let is_date = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, digits) = fraction(&bytes[19..])?;
    let behind = 19 + if digits > 0 { usize::from(digits) + 1 } else { 0 };
    let (offset, is_canonical) = offset(&bytes[behind..])?;
    let east = if let Offset::Minutes(minutes) = offset { i64::from(minutes) } else { 0 };
    let of_day = hour * 3_600 + minute * 60 + second;
    let seconds = days_from_civil(year, month, day) * 86_400 + of_day - east * 60;
    let is_canonical = is_canonical && bytes.get(19) != Some(&b',');
    Some(Iso { seconds, nanos, digits, offset, is_canonical })
}

/// Nanoseconds of the fraction at the front, and its digits; 0 without one.
fn fraction(bytes: &[u8]) -> Option<(u32, u8)> {
    if !matches!(bytes.first(), Some(b'.' | b',')) {
        return Some((0, 0));
    }
    let (mut nanos, mut digits) = (0, 0_u8);
    for byte in bytes[1..].iter().take_while(|byte| byte.is_ascii_digit()) {
        if digits == 9 {
            return None;
        }
        nanos = nanos * 10 + u32::from(byte - b'0');
        digits += 1;
    }
    (digits > 0).then(|| (nanos * 10_u32.pow(9 - u32::from(digits)), digits))
}

/// The offset that `bytes` are, and whether it would be printed so.
fn offset(bytes: &[u8]) -> Option<(Offset, bool)> {
    let sign = match bytes.first() {
        None => return Some((Offset::None, true)),
        Some(b'Z') if bytes.len() == 1 => return Some((Offset::Zulu, true)),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let (minutes_at, is_canonical) = match bytes.len() {
        6 if bytes[3] == b':' => (4, true),
        5 => (3, false),
        _ => return None,
    };
    let (hours, minutes) = (two(bytes, 1)?, two(bytes, minutes_at)?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    let east = i16::try_from(hours * 60 + minutes).ok()?;
    Some((Offset::Minutes(sign * east), is_canonical && (sign == 1 || east != 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_come_back_are_known() {
        let check = |digits: &str, want: bool| {
            let value: f64 = digits.parse().unwrap();
            assert_eq!(is_same_number(digits, value), want, "{digits}");
        };
        check("0.1", true);
        check("-12.50", true);
        check("1e3", true);
        check("1.7976931348623157e308", true);
        check("0.10000000000000000555", false);
        check("12345678901234567.5", false);
        check("123456789012345680000", true);
        check("123456789012345678901", false);
        check("0e99999999999999999999", true);
    }

    #[test]
    fn dates() {
        let check = |text: &str, want: Option<(i64, u32, bool)>| {
            let found = iso(text).map(|iso| (iso.seconds, iso.nanos, iso.is_canonical));
            assert_eq!(found, want, "{text}");
        };
        check("2026-11-21T00:00:00.004Z", Some((1_795_219_200, 4_000_000, true)));
        check("2026-11-21T09:00:00+09:00", Some((1_795_219_200, 0, true)));
        check("2026-11-21T09:00:00+0900", Some((1_795_219_200, 0, false)));
        check("2026-11-21T00:00:00-00:00", Some((1_795_219_200, 0, false)));
        check("2026-11-21T00:00:00", Some((1_795_219_200, 0, true)));
        check("2026-11-21T00:00:00.123456789Z", Some((1_795_219_200, 123_456_789, true)));
        check("2026-11-21T00:00:00.1234567890Z", None);
        check("2026-02-29T00:00:00Z", None);
        check("2026-11-21T24:00:00Z", None);
        check("2026-11-21T00:00:00.Z", None);
        check("2026-11-21T00:00:00z", None);
        check("2026-11-21", None);
        check("2026-11-21T00:00:00+한", None);
    }
}
