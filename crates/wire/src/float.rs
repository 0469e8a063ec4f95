//! Floats as Go reads and writes them: `strconv.ParseFloat`, `strconv.FormatFloat(v, 'g', -1, 64)`, and OpenMetrics' form.
//!
//! Invariant: what is accepted, refused and returned is Go's to the last bit; only the route to it differs.

use std::fmt::Write as _;

/// Why a text is no float. The texts are Go's, and those that Prometheus' parsers add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatError {
    /// Not a number at all.
    Syntax,
    /// Too large for an `f64`.
    Range,
    /// `p`, `P` or `_`, which the exposition formats do not allow although Go does.
    Unsupported,
}

impl FloatError {
    /// The error text of Prometheus for `text`.
    #[must_use]
    pub fn describe(self, text: &[u8]) -> String {
        let quoted = crate::quote::go_quote(text);
        match self {
            Self::Syntax => format!("strconv.ParseFloat: parsing {quoted}: invalid syntax"),
            Self::Range => format!("strconv.ParseFloat: parsing {quoted}: value out of range"),
            Self::Unsupported => "unsupported character in float".to_owned(),
        }
    }
}

/// Powers of ten that an `f64` holds exactly.
const POW10: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// Most digits whose number surely fits the 53 bits of a mantissa.
const EXACT_DIGITS_MAX: usize = 15;

/// Reads a value of an exposition: Go's syntax without hexadecimal floats and underscores.
///
/// # Errors
/// [`FloatError`].
#[inline]
pub fn parse_exposed(text: &[u8]) -> Result<f64, FloatError> {
    if let Some(v) = short_decimal(text) {
        return Ok(v);
    }
    parse_exposed_slow(text)
}

#[cold]
fn parse_exposed_slow(text: &[u8]) -> Result<f64, FloatError> {
    if text.iter().any(|b| matches!(b, b'p' | b'P' | b'_')) {
        return Err(FloatError::Unsupported);
    }
    parse_go(text)
}

/// `[-]digits[.digits]` of at most 15 digits: the quotient of two exact floats is rounded once, so it is exact to the last bit.
#[inline]
fn short_decimal(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > EXACT_DIGITS_MAX + 1 {
        return None;
    }
    let mut mantissa = 0_u64;
    let mut n_digits = 0;
    let mut fraction_at = None;
    for (i, &byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa * 10 + u64::from(digit);
            n_digits += 1;
        } else if byte == b'.' && fraction_at.is_none() {
            fraction_at = Some(i + 1);
        } else {
            return None;
        }
    }
    if n_digits == 0 || n_digits > EXACT_DIGITS_MAX {
        return None;
    }
    let scale = fraction_at.map_or(0, |at| digits.len() - at);
    #[expect(clippy::cast_precision_loss, reason = "at most 15 digits: exact")]
    let v = mantissa as f64 / POW10[scale];
    Some(if negative { -v } else { v })
}

/// Reads all that Go's `strconv.ParseFloat` reads.
///
/// # Errors
/// [`FloatError::Syntax`] and [`FloatError::Range`].
pub fn parse_go(text: &[u8]) -> Result<f64, FloatError> {
    let text = std::str::from_utf8(text).map_err(|_| FloatError::Syntax)?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let signed = unsigned.len() != text.len();
    let negative = text.starts_with('-');
    if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
        return Ok(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if unsigned.eq_ignore_ascii_case("nan") {
        return if signed { Err(FloatError::Syntax) } else { Ok(f64::NAN) };
    }
    if let Some(hex) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let v = parse_hex(hex)?;
        return Ok(if negative { -v } else { v });
    }
    let starts_well = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts_well {
        return Err(FloatError::Syntax);
    }
    let v: f64 = text.parse().map_err(|_| FloatError::Syntax)?;
    if v.is_infinite() { Err(FloatError::Range) } else { Ok(v) }
}

/// What stands after `0x`: hexadecimal digits with one point, an exponent of two that is not optional, and underscores
/// between digits (one may also follow the prefix).
fn parse_hex(text: &str) -> Result<f64, FloatError> {
    let (mantissa_text, exponent_text) = text.split_once(['p', 'P']).ok_or(FloatError::Syntax)?;
    let exponent = exponent_value(exponent_text)?;
    if !underscores_separate(mantissa_text, exponent_text) {
        return Err(FloatError::Syntax);
    }
    let mut mantissa = 0_u64;
    let mut sticky = false;
    let mut shift = 0_i64;
    let mut point = false;
    let mut n_digits = 0;
    for byte in mantissa_text.bytes().filter(|b| *b != b'_') {
        if byte == b'.' {
            if point {
                return Err(FloatError::Syntax);
            }
            point = true;
            continue;
        }
        let digit = char::from(byte).to_digit(16).ok_or(FloatError::Syntax)?;
        n_digits += 1;
        if mantissa >> 59 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            shift -= if point { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            shift += if point { 0 } else { 4 };
        }
    }
    if n_digits == 0 {
        return Err(FloatError::Syntax);
    }
    scale_binary(mantissa, sticky, exponent.saturating_add(shift))
}

/// A decimal exponent with sign and underscores; huge ones are cut at ±10,000,000, far beyond any float.
fn exponent_value(text: &str) -> Result<i64, FloatError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(FloatError::Syntax);
    }
    let mut value = 0_i64;
    for byte in digits.bytes().filter(|b| *b != b'_') {
        if !byte.is_ascii_digit() {
            return Err(FloatError::Syntax);
        }
        value = (value * 10 + i64::from(byte - b'0')).min(10_000_000);
    }
    Ok(if negative { -value } else { value })
}

/// Whether every underscore stands between two digits (or directly after the prefix, before a digit).
fn underscores_separate(mantissa: &str, exponent: &str) -> bool {
    let well = |text: &str, mut before: bool| {
        let bytes = text.as_bytes();
        for (i, byte) in bytes.iter().enumerate() {
            if *byte == b'_' {
                let after = bytes.get(i + 1).is_some_and(u8::is_ascii_hexdigit);
                if !before || !after {
                    return false;
                }
            }
            before = byte.is_ascii_hexdigit();
        }
        true
    };
    well(mantissa, true) && well(exponent, false)
}

/// `mantissa * 2^exponent`, rounded to the nearest, ties to even; `sticky` says that bits below were lost.
fn scale_binary(mantissa: u64, sticky: bool, exponent: i64) -> Result<f64, FloatError> {
    if mantissa == 0 {
        return Ok(0.0);
    }
    let zeros = mantissa.leading_zeros();
    let top = mantissa << zeros;
    // The value is top * 2^low, with bit 63 of `top` set, so its exponent is low + 63.
    let low = exponent - i64::from(zeros);
    let high = low + 63;
    if high > 1023 {
        return Err(FloatError::Range);
    }
    // Bits of `top` that fall off: 11 for a normal number, more for a subnormal one.
    let lost = 11 + (-1022 - high).max(0);
    if lost > 64 {
        return Ok(0.0);
    }
    let (kept, rest, half) = if lost == 64 {
        (0, top, 1_u64 << 63)
    } else {
        (top >> lost, top & ((1_u64 << lost) - 1), 1_u64 << (lost - 1))
    };
    let up = rest > half || (rest == half && (sticky || kept & 1 == 1));
    let kept = kept + u64::from(up);
    // A carry out of the mantissa lands in the exponent, as it should.
    let bits = if high >= -1022 { ((high + 1022).cast_unsigned() << 52) + kept } else { kept };
    let v = f64::from_bits(bits);
    if v.is_infinite() { Err(FloatError::Range) } else { Ok(v) }
}

/// Exponents of ten that Go's shortest `g` form writes out in full.
const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..6;

/// Appends `v` as Go's `strconv.FormatFloat(v, 'g', -1, 64)` does: the shortest digits that read back as `v`, with an exponent
/// of at least two digits below 1e-4 and from 1e6 on (`1e+06`).
pub fn format_go(out: &mut String, v: f64) {
    if v.is_nan() {
        return out.push_str("NaN");
    }
    if v.is_infinite() {
        return out.push_str(if v > 0.0 { "+Inf" } else { "-Inf" });
    }
    let exponential = format!("{v:e}");
    let (mantissa, exponent) = exponential.split_once('e').expect("`e` form has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if PLAIN_EXPONENTS.contains(&exponent) {
        write!(out, "{v}").expect("a String takes all");
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{mantissa}e{sign}{:02}", exponent.abs()).expect("a String takes all");
    }
}

/// Appends `v` in OpenMetrics' form: as [`format_go`], with `.0` where there is neither a point nor an exponent. −0 is `0.0`.
pub fn format_open_metrics(out: &mut String, v: f64) {
    if v == 0.0 {
        return out.push_str("0.0");
    }
    let start = out.len();
    format_go(out, v);
    let written = &out[start..];
    if v.is_finite() && !written.contains(['.', 'e']) {
        out.push_str(".0");
    }
}
