//! The push gateway's state: what batch jobs pushed, by group, kept on disk.
//!
//! Synchronous, without HTTP. [`Gateway::push`] returns when the push is on stable storage; a push that is refused leaves its
//! group as it was but for the time of the failure.

mod aggregate;
#[cfg(test)]
mod aggregate_tests;
mod body;
mod codec;
#[cfg(test)]
mod disk_tests;
mod error;
mod family;
mod gateway;
mod gob;
#[cfg(test)]
mod gob_tests;
mod index;
mod journal;
#[cfg(test)]
mod limit_tests;
mod show;
mod state;
#[cfg(test)]
mod tests;
mod text;

pub use aggregate::Gauges;
pub use error::{OpenError, PushError};
pub use family::{Bucket, Extra, Family, Group, Grouping, Metric, Value, count_text};
pub use gateway::{Gateway, Import, Options, OwnFamily, Recovery, Replace};
pub use gob::{Persisted, persisted};
