//! What stands behind the requests once the storage is open.

use std::sync::Arc;

use model::exemplar::Exemplar;
use model::labels::Labels;
use model::matcher::Matcher;
use model::port::{Appendable, Queryable, ReadError};

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

pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
}

impl Parts {
    /// Runs what a configuration says.
    ///
    /// # Errors
    /// What cannot be run.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the scrape manager comes here"
    )]
    pub(crate) fn apply(&self, _loaded: &Loaded) -> Result<(), String> {
        Ok(())
    }
}
