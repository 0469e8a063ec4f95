//! What is known of a target from outside: plain values for `/api/v1/targets` and the page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::labels::Labels;
use parking_lot::Mutex;

use crate::metadata::MetadataStore;
use crate::populate::Spec;

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

/// A target while it is scraped.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) pool: String,
    pub(crate) spec: Spec,
    pub(crate) metadata: Arc<Mutex<MetadataStore>>,
    /// May change without a new loop, when discovery says something else and relabelling makes the same of it.
    discovered: Mutex<Labels>,
    status: Mutex<Status>,
    /// Why the target is not asked at all; its job has too many targets.
    forced_error: Mutex<Option<String>>,
}

#[derive(Debug, Clone, Default)]
struct Status {
    error: String,
    last_ms: Option<i64>,
    duration: Duration,
    health: Health,
}

impl Target {
    pub(crate) fn new(pool: &str, spec: Spec) -> Self {
        Self {
            pool: pool.to_owned(),
            discovered: Mutex::new(spec.discovered.clone()),
            spec,
            metadata: Arc::default(),
            status: Mutex::default(),
            forced_error: Mutex::default(),
        }
    }

    pub(crate) fn set_discovered(&self, labels: Labels) {
        *self.discovered.lock() = labels;
    }

    pub(crate) fn set_forced_error(&self, error: Option<String>) {
        *self.forced_error.lock() = error;
    }

    pub(crate) fn forced_error(&self) -> Option<String> {
        self.forced_error.lock().clone()
    }

    /// Notes what a scrape gave. `note` is shown although the target is up.
    pub(crate) fn report(
        &self,
        at_ms: i64,
        duration: Duration,
        error: Option<String>,
        note: Option<String>,
    ) {
        let health = if error.is_none() { Health::Up } else { Health::Down };
        let error = error.or(note).unwrap_or_default();
        *self.status.lock() = Status { error, last_ms: Some(at_ms), duration, health };
    }

    /// Goes on where an older loop of the same target was.
    pub(crate) fn continue_from(&self, older: &Self) {
        *self.status.lock() = older.status.lock().clone();
    }

    pub(crate) fn snapshot(&self) -> ActiveTarget {
        let status = self.status.lock().clone();
        let label = |name| self.spec.labels.get(name).unwrap_or("").to_owned();
        ActiveTarget {
            discovered_labels: self.discovered.lock().clone(),
            labels: self.spec.public.clone(),
            scrape_pool: self.pool.clone(),
            scrape_url: self.spec.url_text.clone(),
            last_error: status.error,
            last_scrape_ms: status.last_ms,
            last_scrape_duration: status.duration,
            health: status.health,
            scrape_interval: label("__scrape_interval__"),
            scrape_timeout: label("__scrape_timeout__"),
        }
    }
}
