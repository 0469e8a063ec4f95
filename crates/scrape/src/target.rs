//! What is known of a target from outside: plain values for `/api/v1/targets` and the page.

use std::collections::BTreeMap;
use std::time::Duration;

use model::labels::Labels;

/// What the last scrape said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    Up,
    Down,
}

impl Health {
    /// The word of the HTTP API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A target that is scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveTarget {
    /// The labels before relabelling.
    pub discovered_labels: Labels,
    /// The labels that its series get.
    pub labels: Labels,
    pub scrape_pool: String,
    pub scrape_url: String,
    /// Empty when the last scrape was good, or none was done.
    pub last_error: String,
    /// When the last scrape began, in milliseconds since 1970.
    pub last_scrape_ms: Option<i64>,
    pub last_scrape_duration: Duration,
    pub health: Health,
    /// Prometheus notation, e.g. `15s`.
    pub scrape_interval: String,
    pub scrape_timeout: String,
}

/// A target that relabelling dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedTarget {
    pub discovered_labels: Labels,
    pub scrape_pool: String,
}

/// All targets at a moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Targets {
    /// By pool, then URL, then labels.
    pub active: Vec<ActiveTarget>,
    /// By pool; at most `keep_dropped_targets` of each.
    pub dropped: Vec<DroppedTarget>,
    /// All that were dropped, by pool.
    pub dropped_counts: BTreeMap<String, usize>,
}
