//! The ports: what writes series and what reads them, so that storage and its users never meet.

use crate::exemplar::Exemplar;
use crate::histogram::{FloatHistogram, Histogram};
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::metadata::Metadata;
use crate::sample::{Sample, Samples, Value};

/// A storage's name for a series, valid while the process runs. 0 is "not known".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SeriesRef(pub u64);

/// Why one sample was refused. Texts are Prometheus' (`storage` package).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AppendError {
    #[error("out of order sample")]
    OutOfOrder,
    #[error("duplicate sample for timestamp")]
    Duplicate,
    #[error("out of bounds")]
    OutOfBounds,
    #[error("too old sample")]
    TooOld,
    #[error("invalid histogram: {0}")]
    Histogram(String),
    #[error("invalid label set: {0}")]
    Labels(String),
    #[error("out of order exemplar")]
    OutOfOrderExemplar,
    #[error("duplicate exemplar")]
    DuplicateExemplar,
    /// Of a commit alone: so many samples are not stored, because another commit came between with newer ones of their series. The rest
    /// of the batch is stored as asked.
    #[error(
        "{floats} float and {histograms} histogram samples are not stored: newer ones of their series came at the same time"
    )]
    Overtaken { floats: u64, histograms: u64 },
    /// A bound of ours (series, symbols, memory); the text names it.
    #[error("limit reached: {0}")]
    Limit(String),
    /// The disk refused; nothing of the batch is stored.
    #[error("storage: {0}")]
    Storage(String),
}

/// When [`Appender::commit`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the batch is in memory and on its way to disk: on stable storage within a second.
    Soon,
    /// When the batch is on stable storage.
    Synced,
}

/// Something that takes batches of samples. Shared by many threads.
pub trait Appendable: Send + Sync {
    /// Starts a batch.
    fn appender(&self) -> Box<dyn Appender + '_>;
}

/// A batch of samples: all of it becomes visible at commit, or nothing. Dropping it is a rollback.
pub trait Appender {
    /// Adds a float sample and returns the series' ref for the next batch.
    ///
    /// With `series` from an earlier call `labels` is not looked at unless the ref has become invalid.
    /// `labels` is called at most once.
    ///
    /// # Errors
    /// [`AppendError`]; the sample is not in the batch then, the others are.
    fn append(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        v: f64,
    ) -> Result<SeriesRef, AppendError>;

    /// Adds an integer native histogram sample, as [`Appender::append`].
    ///
    /// # Errors
    /// As [`Appender::append`].
    fn append_histogram(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        h: &Histogram,
    ) -> Result<SeriesRef, AppendError>;

    /// Adds a float native histogram sample, as [`Appender::append`].
    ///
    /// # Errors
    /// As [`Appender::append`].
    fn append_float_histogram(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        h: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError>;

    /// Adds an exemplar to a series of this or an earlier batch.
    ///
    /// # Errors
    /// [`AppendError`] for order, duplicates and bounds.
    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError>;

    /// Records what the series' metric family says of itself.
    ///
    /// # Errors
    /// [`AppendError::Limit`].
    fn update_metadata(
        &mut self,
        series: SeriesRef,
        metadata: &Metadata,
    ) -> Result<(), AppendError>;

    /// Makes the batch visible to readers and logs it.
    ///
    /// # Errors
    /// [`AppendError::Storage`]: nothing of the batch is stored. [`AppendError::Overtaken`], with [`Durability::Synced`] alone: some samples
    /// are not, the others are.
    fn commit(self: Box<Self>, durability: Durability) -> Result<(), AppendError>;
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// A bound was hit; the text names it.
    #[error("{0}")]
    Limit(String),
    #[error("canceled")]
    Canceled,
    /// Damage on disk or an I/O error; the text says where.
    #[error("storage: {0}")]
    Storage(String),
}

/// What the caller will do with the series, for storage that can make use of it.
#[derive(Debug, Clone, Default)]
pub struct SelectHints {
    /// Milliseconds between evaluations; 0 for an instant query.
    pub step_ms: i64,
    /// The function directly around the selector; empty when there is none.
    pub func: String,
    /// Most series to return; 0 for all.
    pub limit: usize,
}

/// Something that answers selections. Shared by many threads.
pub trait Queryable: Send + Sync {
    /// A consistent view of `mint..=maxt` (milliseconds).
    ///
    /// # Errors
    /// [`ReadError`].
    fn querier(&self, mint: i64, maxt: i64) -> Result<Box<dyn Querier + '_>, ReadError>;
}

/// A view of the storage over a time range; what is appended later is not seen.
pub trait Querier: Send + Sync {
    /// The series that satisfy all `matchers` and may have samples in the range, in storage order.
    ///
    /// # Errors
    /// [`ReadError`].
    fn select<'a>(
        &'a self,
        hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<Box<dyn SeriesSet + 'a>, ReadError>;

    /// Distinct label names of the series that satisfy all `matchers` (all series when empty), sorted.
    ///
    /// # Errors
    /// [`ReadError`].
    fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, ReadError>;

    /// Distinct values of `name` among those series, sorted.
    ///
    /// # Errors
    /// [`ReadError`].
    fn label_values(&self, name: &str, matchers: &[Matcher]) -> Result<Vec<String>, ReadError>;
}

/// A selection: labels at once, samples on demand, from any thread.
pub trait SeriesSet: Send + Sync {
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of series `i < len()`.
    fn labels(&self, i: usize) -> Labels;

    /// Appends the samples of series `i` with `mint <= t <= maxt` to `out` (which the caller has cleared), staleness
    /// markers included.
    ///
    /// # Errors
    /// [`ReadError`].
    fn read(&self, i: usize, mint: i64, maxt: i64, out: &mut Samples) -> Result<(), ReadError>;

    /// The newest sample of series `i` with `mint <= t <= maxt`, staleness markers included.
    ///
    /// # Errors
    /// [`ReadError`].
    fn newest(&self, i: usize, mint: i64, maxt: i64) -> Result<Option<Sample>, ReadError> {
        let mut samples = Samples::default();
        self.read(i, mint, maxt, &mut samples)?;
        let float = samples.ts.last().zip(samples.vs.last());
        let float = float.map(|(&t, &v)| Sample { t, v: Value::Float(v) });
        let hist = samples.hs.pop().map(|(t, h)| Sample { t, v: Value::Histogram(h) });
        Ok(match (float, hist) {
            (Some(f), Some(h)) => Some(if f.t > h.t { f } else { h }),
            (f, h) => f.or(h),
        })
    }
}
