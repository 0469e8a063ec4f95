//! Dates as `OpenSearch` writes and reads them: named formats, `java.time` patterns, alternatives, date math, time zones.
//!
//! A point of time is nanoseconds since 1970 in an `i128` here, so that no format's range is cut; callers narrow it to what their column holds.

mod civil;
mod format;
mod math;
mod named;
mod print;
mod read;
#[cfg(test)]
mod tests;
mod zone;

pub use civil::{Civil, days_from_civil};
pub use format::{Format, FormatError};
pub use math::read_math;
pub use zone::Zone;

/// Nanoseconds of a second.
pub const SECOND_NS: i128 = 1_000_000_000;
/// The format of a date field whose mapping has none.
pub const DEFAULT_FORMAT: &str = "strict_date_optional_time||epoch_millis";

/// Which point of a span is meant when a text names a span (`2026-01`, or a date math `/d`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    First,
    Last,
}
