//! The scrape cache's way: a series text that is known already is not read again, only the value and time behind it.
//!
//! Invariant: what is returned is what the full parser would return for the line. Whatever is rare (exemplars, odd blanks,
//! NULs, errors) is not applicable here, and the full parser takes it.

use super::Format;
use crate::float;
use model::sample::NORMAL_NAN_BITS;

/// The end of a line whose series text was known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    pub v: f64,
    /// Milliseconds; `None` when the line gives no time.
    pub t: Option<i64>,
    /// Where the next line begins.
    pub next: usize,
}

/// Reads ` value [timestamp]` and the line break at `at`, the first byte behind a series text of `body`. `None` when the full
/// parser must look at the line.
///
/// The caller knows that the bytes before `at` are, from a line's start on, a series text that a parser of the same format gave
/// as a key before.
#[must_use]
#[inline]
pub fn after_known_series(format: Format, body: &[u8], at: usize) -> Option<Known> {
    match format {
        Format::Text => classic(body, at),
        Format::OpenMetrics => open_metrics(body, at),
        Format::Protobuf => None,
    }
}

fn canonical(v: f64) -> f64 {
    if v.is_nan() { f64::from_bits(NORMAL_NAN_BITS) } else { v }
}

/// The first byte of `body` from `at` on that is a blank, a line break, or not to be met in a number.
fn word_end(body: &[u8], mut at: usize) -> usize {
    while body.get(at).is_some_and(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'{' | 0)) {
        at += 1;
    }
    at
}

fn skip_blanks(body: &[u8], mut at: usize) -> usize {
    while matches!(body.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

fn classic(body: &[u8], at: usize) -> Option<Known> {
    let value_at = skip_blanks(body, at);
    if value_at == at {
        return None;
    }
    let value_end = word_end(body, value_at);
    let v = canonical(float::parse_exposed(body.get(value_at..value_end)?).ok()?);
    let mut end = skip_blanks(body, value_end);
    let mut t = None;
    if body.get(end).is_some_and(u8::is_ascii_digit) {
        let (time, time_end) = digits(body, end)?;
        t = Some(time);
        end = skip_blanks(body, time_end);
    }
    match body.get(end) {
        Some(b'\n') => Some(Known { v, t, next: end + 1 }),
        // The last line may lack its break.
        None => Some(Known { v, t, next: end }),
        Some(_) => None,
    }
}

/// A time of up to 18 digits, which surely fits.
fn digits(body: &[u8], at: usize) -> Option<(i64, usize)> {
    let mut value = 0_i64;
    let mut end = at;
    while let Some(byte) = body.get(end).filter(|b| b.is_ascii_digit()) {
        if end - at >= 18 {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
        end += 1;
    }
    Some((value, end))
}

fn open_metrics(body: &[u8], at: usize) -> Option<Known> {
    let (v, end) = spaced_word(body, at)?;
    let v = canonical(v);
    if body.get(end) == Some(&b'\n') {
        return Some(Known { v, t: None, next: end + 1 });
    }
    let (seconds, end) = spaced_word(body, end)?;
    if !seconds.is_finite() || body.get(end) != Some(&b'\n') {
        return None;
    }
    Some(Known { v, t: Some(super::open_metrics::milliseconds(seconds)), next: end + 1 })
}

/// One space and a number.
fn spaced_word(body: &[u8], at: usize) -> Option<(f64, usize)> {
    if body.get(at) != Some(&b' ') {
        return None;
    }
    let end = word_end(body, at + 1);
    Some((float::parse_exposed(body.get(at + 1..end)?).ok()?, end))
}
