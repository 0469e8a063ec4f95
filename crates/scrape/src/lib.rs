//! Metrics in: discovery, targets, relabelling, scrape loops, staleness; and [`push`], what jobs push.
//!
//! Knows nothing of which storage is behind the port, of YAML, or of serving HTTP. The decisions are synchronous state
//! machines; tokio only moves bytes.

mod batch;
mod body;
mod cache;
pub mod config;
pub mod discovery;
mod headers;
mod looping;
pub mod manager;
mod metadata;
mod metrics;
mod mutate;
mod native;
pub mod offline;
mod pool;
mod populate;
pub mod push;
mod schedule;
mod state;
#[cfg(test)]
mod state_tests;
pub mod target;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod wire_tests;

/// Largest uncompressed body of a scrape where no `body_size_limit` is configured, in bytes.
pub const BODY_BYTES_MAX: u64 = 256 << 20;

pub use manager::{ApplyError, Manager, Options};
