//! What stands behind the requests once the storage is open.

use std::sync::Arc;

use model::exemplar::Exemplar;
use model::labels::Labels;
use model::matcher::Matcher;
use model::metadata::Metadata;
use model::port::{Appendable, Queryable, ReadError};
use promql::engine::Engine;
use scrape::target::Targets;

use crate::config::Loaded;

/// A name with a count, for `/api/v1/status/tsdb`.
pub(crate) type Counted = (String, u64);

/// What the storage says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StoreStats {
    pub(crate) series: u64,
    pub(crate) label_pairs: u64,
    pub(crate) chunks: u64,
    /// Milliseconds; `i64::MAX` and `i64::MIN` when there are no samples.
    pub(crate) mint: i64,
    pub(crate) maxt: i64,
    /// The largest counts, largest first.
    pub(crate) series_by_metric: Vec<Counted>,
    pub(crate) values_by_label: Vec<Counted>,
    pub(crate) bytes_by_label: Vec<Counted>,
    pub(crate) series_by_pair: Vec<Counted>,
}

/// Series with their exemplars.
pub(crate) type SeriesExemplars = Vec<(Labels, Vec<Exemplar>)>;

/// The storage as the API sees it.
pub(crate) trait Store: Appendable + Queryable {
    /// At most `limit` rows a table.
    fn stats(&self, limit: usize) -> StoreStats;

    /// The log's segments that were replayed at the start: first, last, and how far it came.
    fn replayed(&self) -> (u64, u64, u64);

    /// The exemplars in `mint..=maxt` of the series that satisfy any of the matcher sets.
    ///
    /// # Errors
    /// [`ReadError`].
    fn exemplars(
        &self,
        mint: i64,
        maxt: i64,
        sets: &[Vec<Matcher>],
    ) -> Result<SeriesExemplars, ReadError>;
}

/// Takes what a metric family of a target (its labels) says of itself; returns whether it wants more.
pub(crate) type EachMetadata<'a> = &'a mut dyn FnMut(&Labels, &str, &Metadata) -> bool;

/// What scrapes, as the API sees it.
pub(crate) trait Scraper: Send + Sync {
    /// Runs what the configuration says; everything that it does not change goes on.
    ///
    /// # Errors
    /// What cannot be run.
    fn apply(&self, loaded: &Loaded) -> Result<(), String>;

    /// All targets at this moment.
    fn targets(&self) -> Targets;

    /// The names of the pools, sorted.
    fn pools(&self) -> Vec<String>;

    /// Calls `each` for every family (with `family`: for that one) of every target, targets in order.
    fn metadata(&self, family: Option<&str>, each: EachMetadata<'_>);
}

pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) engine: Engine,
    pub(crate) scraper: Arc<dyn Scraper>,
}
