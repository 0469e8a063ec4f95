//! What std lacks and every crate of the house shares: the door to the disk ([`fs::Fs`]), time ([`clock::Clock`]),
//! byte budgets, dates, checksums, varints, units, bounded queues and the metric registry.
//!
//! Knows nothing of metrics' samples, logs, HTTP or configuration files.

pub mod budget;
pub mod checksum;
pub mod clock;
pub mod float;
pub mod fs;
pub mod machine;
pub mod metrics;
pub mod rand;
pub mod time;
pub mod units;
pub mod varint;
