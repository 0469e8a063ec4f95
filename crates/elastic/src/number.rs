//! Numbers between widths.

/// The integer part, at the ends of `i64` beyond them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "float casts saturate, which is what is wanted"
)]
pub(crate) fn whole(value: f64) -> i64 {
    value as i64
}

/// A count as JSON knows it.
pub(crate) fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
