//! How values are shown: dates by their format, numbers by a pattern, booleans and addresses as words.

use serde_json::{Number, Value};

use crate::date::{Format, Zone};

/// A value of a field, as buckets know it.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    Int(i64),
    Float(f64),
    Text(std::sync::Arc<str>),
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    /// Numbers by value, before texts by their bytes.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Text(_), Self::Int(_) | Self::Float(_)) => std::cmp::Ordering::Greater,
            (Self::Int(_) | Self::Float(_), Self::Text(_)) => std::cmp::Ordering::Less,
            (Self::Int(_) | Self::Float(_), Self::Int(_) | Self::Float(_)) => {
                self.number().total_cmp(&other.number())
            }
        }
    }
}

impl Key {
    /// Its number; NaN for a text.
    #[must_use]
    pub fn number(&self) -> f64 {
        match self {
            Self::Int(value) => int_to_f64(*value),
            Self::Float(value) => *value,
            Self::Text(_) => f64::NAN,
        }
    }
}

/// The nearest floating point number.
#[must_use]
pub(super) fn int_to_f64(value: i64) -> f64 {
    value as f64
}

/// A count as a floating point number.
#[must_use]
pub(super) fn count_to_f64(value: u64) -> f64 {
    value as f64
}

/// The whole part, as far as an `i64` goes.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "saturates, which is what is asked for")]
pub fn f64_to_int(value: f64) -> i64 {
    value as i64
}

/// How the values of a source are shown.
#[derive(Debug, Clone, Default)]
pub enum Show {
    #[default]
    Plain,
    Bool,
    /// `i64` whose lowest value is 0.
    Unsigned,
    /// `ns` is how many nanoseconds one is: a millisecond, or one.
    Date {
        format: Format,
        zone: Zone,
        ns: i128,
    },
    Decimal(Decimal),
}

impl Show {
    /// `key` as JSON.
    #[must_use]
    pub fn json(&self, key: &Key) -> Value {
        match (self, key) {
            (Self::Unsigned, Key::Int(value)) => unsigned(*value).into(),
            (_, Key::Int(value)) => (*value).into(),
            (_, Key::Float(value)) => float(*value),
            (_, Key::Text(text)) => (**text).into(),
        }
    }

    /// The text that stands beside a number, where one does.
    #[must_use]
    pub fn text(&self, key: &Key) -> Option<String> {
        match self {
            Self::Plain | Self::Unsigned => None,
            Self::Bool => Some(if key.number() == 0.0 { "false" } else { "true" }.to_owned()),
            Self::Date { format, zone, ns } => match key {
                Key::Int(value) => Some(format.print(i128::from(*value) * ns, zone)),
                Key::Float(value) => Some(format.print(i128::from(f64_to_int(*value)) * ns, zone)),
                Key::Text(_) => None,
            },
            Self::Decimal(decimal) => match key {
                Key::Text(_) => None,
                Key::Int(_) | Key::Float(_) => Some(decimal.print(key.number())),
            },
        }
    }

    /// A number's text, as [`Show::text`].
    #[must_use]
    pub fn number_text(&self, value: f64) -> Option<String> {
        if value.is_finite() { self.text(&Key::Float(value)) } else { None }
    }

    /// The word for a value in one text: what a range's or a composite's key says.
    #[must_use]
    pub fn word(&self, key: &Key) -> String {
        self.text(key).unwrap_or_else(|| plain_text(&self.json(key)))
    }
}

/// The number that `unsigned_long` keeps as `value`.
#[must_use]
pub(super) fn unsigned(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

/// A text as it is, anything else as JSON.
#[must_use]
pub(super) fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A number as JSON; null where JSON has none.
#[must_use]
pub(super) fn float(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// A pattern of Java's `DecimalFormat`: `#,##0.00 'ms'`, `0.0%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    prefix: String,
    suffix: String,
    whole_min: usize,
    fraction_min: usize,
    fraction_max: usize,
    /// Digits of a group; 0 without.
    group: usize,
    percent: bool,
}

/// Most digits behind the point of a pattern.
const FRACTION_MAX: usize = 30;

impl Decimal {
    /// Reads a pattern; `None` when it is none.
    #[must_use]
    pub fn parse(pattern: &str) -> Option<Self> {
        let positive = pattern.split(';').next()?;
        let is_digit = |letter: char| matches!(letter, '#' | '0' | ',' | '.');
        let (start, end) = match (positive.find(is_digit), positive.rfind(is_digit)) {
            (Some(start), Some(end)) => (start, end + 1),
            (None, _) | (_, None) => (positive.len(), positive.len()),
        };
        let digits = &positive[start..end];
        if !digits.chars().all(is_digit) {
            return None;
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if fraction.len() > FRACTION_MAX || whole.len() > FRACTION_MAX {
            return None;
        }
        let plain = |text: &str| text.replace('\'', "");
        Some(Self {
            prefix: plain(&positive[..start]),
            suffix: plain(&positive[end..]),
            whole_min: whole.matches('0').count(),
            fraction_min: fraction.matches('0').count(),
            fraction_max: fraction.len(),
            group: whole.rfind(',').map_or(0, |at| whole.len() - at - 1),
            percent: positive.contains('%'),
        })
    }

    /// `value` by the pattern; halves go to the even digit, as Java does it.
    #[must_use]
    pub fn print(&self, value: f64) -> String {
        let value = if self.percent { value * 100.0 } else { value };
        let text = format!("{:.*}", self.fraction_max, value.abs());
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let keep = fraction.trim_end_matches('0').len().max(self.fraction_min);
        let fraction = &fraction[..keep.min(fraction.len())];
        let whole = whole.trim_start_matches('0');
        let whole = format!("{whole:0>width$}", width = self.whole_min);
        let mut out = String::new();
        if value < 0.0 {
            out.push('-');
        }
        out.push_str(&self.prefix);
        for (at, digit) in whole.chars().enumerate() {
            let left = whole.len() - at;
            if self.group > 0 && at > 0 && left.is_multiple_of(self.group) {
                out.push(',');
            }
            out.push(digit);
        }
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
        out.push_str(&self.suffix);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_decimals() {
        for (pattern, value, want) in [
            ("Value is ##0.0", 50.0, "Value is 50.0"),
            ("0.00", 1.005, "1.00"),
            ("#,##0.##", 1_234_567.5, "1,234,567.5"),
            ("$#.00", 0.5, "$.50"),
            ("0%", 0.25, "25%"),
            ("000", -7.0, "-007"),
        ] {
            assert_eq!(Decimal::parse(pattern).unwrap().print(value), want, "{pattern}");
        }
        assert!(Decimal::parse(&format!("0.{}", "0".repeat(FRACTION_MAX))).is_some());
        assert!(Decimal::parse(&format!("0.{}", "0".repeat(FRACTION_MAX + 1))).is_none());
    }
}
