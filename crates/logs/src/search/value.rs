//! Values of queries, as the types of fields read them.

use std::net::IpAddr;

use serde_json::Value;

use super::QueryError;
use super::plan::FloatWidth;
use crate::mapping::FieldType;

/// A value as the text that keywords and words are compared with.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A number between two integers, or one itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Whole {
    /// The largest integer that is not above the number.
    pub(super) floor: i128,
    pub(super) exact: bool,
}

/// Reads a number for an integer field.
pub(super) fn integer(value: &Value) -> Result<Whole, QueryError> {
    let number = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Bool(flag) => return Ok(Whole { floor: i128::from(*flag), exact: true }),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Err(QueryError::Number(value.to_string()));
        }
    };
    if let Ok(floor) = number.parse::<i128>() {
        return Ok(Whole { floor, exact: true });
    }
    let float = float_of(&number).ok_or(QueryError::Number(number))?;
    Ok(Whole { floor: floor(float), exact: float.fract() == 0.0 })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates, which is beyond every column's range"
)]
fn floor(float: f64) -> i128 {
    float.floor() as i128
}

/// Reads a number for a field of floats.
pub(super) fn float(value: &Value) -> Result<f64, QueryError> {
    match value {
        Value::Number(number) => {
            number.as_f64().ok_or_else(|| QueryError::Number(number.to_string()))
        }
        Value::String(text) => {
            float_of(text.trim()).ok_or_else(|| QueryError::Number(text.clone()))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(QueryError::Number(value.to_string()))
        }
    }
}

/// A decimal number: Rust's other words for numbers (`inf`, `nan`) are not taken.
fn float_of(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|_| is_number)
}

/// The least and greatest value of an integer type.
pub(super) fn bounds(kind: FieldType) -> (i128, i128) {
    let of = |low: i64, high: i64| (i128::from(low), i128::from(high));
    if kind == FieldType::Byte {
        of(i64::from(i8::MIN), i64::from(i8::MAX))
    } else if kind == FieldType::Short {
        of(i64::from(i16::MIN), i64::from(i16::MAX))
    } else if kind == FieldType::Integer || kind == FieldType::TokenCount {
        of(i64::from(i32::MIN), i64::from(i32::MAX))
    } else if kind == FieldType::UnsignedLong {
        (0, i128::from(u64::MAX))
    } else {
        of(i64::MIN, i64::MAX)
    }
}

/// An integer as its column holds it; clamped to what it can hold.
pub(super) fn stored(kind: FieldType, value: i128) -> i64 {
    let shift = if kind == FieldType::UnsignedLong { i128::from(i64::MIN) } else { 0 };
    let bounded = (value + shift).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(bounded).unwrap_or(i64::MAX)
}

/// A number as a field rounds it.
pub(super) fn rounded(value: f64, width: FloatWidth) -> f64 {
    match width {
        FloatWidth::Double => value,
        FloatWidth::Single => f64::from(single(value)),
        FloatWidth::Half => half(value),
        FloatWidth::Scaled(factor) => (value * factor).round() / factor,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is what is wanted")]
pub(super) fn single(value: f64) -> f32 {
    value as f32
}

/// An integer as a float.
#[expect(clippy::cast_precision_loss, reason = "what comparing an integer with a float means")]
pub(super) fn wide(value: i64) -> f64 {
    value as f64
}

/// The nearest number with eleven digits of mantissa.
fn half(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let exponent = value.abs().log2().floor().max(-14.0);
    let unit = (exponent - 10.0).exp2();
    (value / unit).round_ties_even() * unit
}

/// Reads a boolean.
pub(super) fn boolean(value: &Value) -> Result<bool, QueryError> {
    match (value.as_bool(), value.as_str()) {
        (Some(flag), _) => Ok(flag),
        (None, Some("true")) => Ok(true),
        (None, Some("false" | "")) => Ok(false),
        (None, _) => Err(QueryError::Boolean(text(value))),
    }
}

/// An address as a number; version 4 within version 6.
pub(super) fn address(text: &str) -> Option<u128> {
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    Some(match text.parse().ok()? {
        IpAddr::V4(four) => four.to_ipv6_mapped().to_bits(),
        IpAddr::V6(six) => six.to_bits(),
    })
}

/// The addresses that a text names: one, or a block as `10.0.0.0/8`.
pub(super) fn addresses(value: &str) -> Result<(u128, u128), QueryError> {
    let error = || QueryError::Ip(value.to_owned());
    let Some((base, bits)) = value.split_once('/') else {
        return address(value).map(|at| (at, at)).ok_or_else(error);
    };
    let is_four = !base.contains(':');
    let base = address(base).ok_or_else(error)?;
    let bits: u32 = bits.parse().map_err(|_| error())?;
    let host = if is_four { 32_u32 } else { 128 }.checked_sub(bits).ok_or_else(error)?;
    let mask = if host == 128 { u128::MAX } else { (1 << host) - 1 };
    Ok((base & !mask, base | mask))
}
