//! A target without a socket: bodies from anywhere, stored as a scrape stores them. For tools, benchmarks and fuzzing.

use std::sync::Arc;
use std::time::Duration;

use model::port::{AppendError, Appendable};

use crate::config::{Group, ScrapeConfig};
use crate::pool::settings;
use crate::populate::{Populated, populate};
use crate::state::{Fetched, State, Times};

/// One target and what it remembers between bodies.
#[derive(Debug)]
pub struct OfflineTarget {
    state: State,
}

impl OfflineTarget {
    /// A target of `config` at `address`.
    ///
    /// # Errors
    /// Why the address gives no target.
    pub fn new(config: &ScrapeConfig, address: &str) -> Result<Self, String> {
        match populate(config, &Group::default(), address) {
            Ok(Populated::Active(spec)) => {
                let settings = Arc::new(settings(config, &spec, false));
                Ok(Self { state: State::new(settings, Arc::default(), 0) })
            }
            Ok(Populated::Dropped(_)) => Err("dropped by relabelling".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Stores a body as scraped at `t_ms`; returns how many samples it has.
    ///
    /// # Errors
    /// Why the scrape failed, as the targets page shows it.
    pub fn scrape(
        &mut self,
        appendable: &dyn Appendable,
        t_ms: i64,
        content_type: &str,
        body: &[u8],
    ) -> Result<u64, String> {
        let times = Times { t_ms, now_ms: t_ms, elapsed: &|| Duration::ZERO };
        let fetched = Fetched::Body { bytes: body, content_type };
        let outcome = self.state.ingest(appendable, &times, fetched);
        match outcome.error {
            None => Ok(outcome.counts.scraped),
            Some(error) => Err(error),
        }
    }

    /// Stores a part of what the target has, between two scrapes, and marks stale what is in `gone`, which was stored before, and not in
    /// the part. The rest stays as it is. Returns how many samples the part has.
    ///
    /// # Errors
    /// As [`OfflineTarget::scrape`]; nothing of the part is stored then.
    pub fn scrape_part(
        &mut self,
        appendable: &dyn Appendable,
        t_ms: i64,
        content_type: &str,
        (body, gone): (&[u8], &[u8]),
    ) -> Result<u64, String> {
        let times = Times { t_ms, now_ms: t_ms, elapsed: &|| Duration::ZERO };
        self.state.ingest_between(appendable, &times, content_type, (body, gone))
    }

    /// Marks everything stale, because there is no target any more.
    ///
    /// # Errors
    /// What the storage says.
    pub fn end(&mut self, appendable: &dyn Appendable, t_ms: i64) -> Result<(), AppendError> {
        self.state.end_of_run(appendable, t_ms)
    }
}
