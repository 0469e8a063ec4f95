//! One scrape's samples on their way into a batch of the storage: times, limits, and what a refusal means.

use std::sync::Arc;
use std::time::Duration;

use model::exemplar::Exemplar;
use model::labels::Labels;
use model::port::{AppendError, Appender, SeriesRef};
use wire::exposition::{LabelBuf, NativeHistogram};

use crate::mutate::MutateError;
use crate::native::{self, Fit, TooManyBuckets};
use crate::state::Settings;

/// How far ahead of now a sample's time may be, in milliseconds.
pub(crate) const AHEAD_MS_MAX: i64 = 10 * 60 * 1000;

/// What a sample holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Float(f64),
    Histogram(&'a NativeHistogram),
}

/// What a scrape gave, for the targets page and the metrics.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Why the target is down; `None`: it is up.
    pub(crate) error: Option<String>,
    /// What was not stored although the target is up: a bound of the storage.
    pub(crate) refused: Option<String>,
    pub(crate) duration: Duration,
    pub(crate) counts: Counts,
}

/// Numbers of one scrape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) scraped: u64,
    /// Samples that relabelling kept.
    pub(crate) kept: u64,
    pub(crate) series_added: u64,
    pub(crate) out_of_order: u64,
    pub(crate) duplicate: u64,
    pub(crate) out_of_bounds: u64,
    pub(crate) exemplars_out_of_order: u64,
    pub(crate) over_sample_limit: bool,
    pub(crate) over_bucket_limit: bool,
    pub(crate) over_label_limit: bool,
}

/// Why a body is not stored.
pub(crate) struct Refused(pub(crate) String);

/// The samples of one body on their way to storage.
pub(crate) struct Batch<'o, 's> {
    pub(crate) app: Box<dyn Appender + 's>,
    settings: Arc<Settings>,
    t_ms: i64,
    t_ms_max: i64,
    /// Samples that count against the limit.
    samples: u64,
    /// Storage did not know a series any more; its entry is gone, and the body must be read again.
    pub(crate) forgotten: bool,
    pub(crate) out: &'o mut Outcome,
}

impl<'o, 's> Batch<'o, 's> {
    pub(crate) fn new(
        app: Box<dyn Appender + 's>,
        settings: Arc<Settings>,
        (t_ms, now_ms): (i64, i64),
        out: &'o mut Outcome,
    ) -> Self {
        let t_ms_max = now_ms.saturating_add(AHEAD_MS_MAX);
        Self { app, settings, t_ms, t_ms_max, samples: 0, forgotten: false, out }
    }

    /// Why the scrape is refused after all of it was read.
    pub(crate) fn over_limit(&self) -> Option<&'static str> {
        if self.out.counts.over_sample_limit {
            Some("sample limit exceeded")
        } else if self.out.counts.over_bucket_limit {
            Some("histogram bucket limit exceeded")
        } else {
            None
        }
    }

    /// The sample's own time, where it counts.
    pub(crate) fn explicit(&self, t: Option<i64>) -> Option<i64> {
        t.filter(|_| self.settings.honor_timestamps)
    }

    pub(crate) fn is_tracked(&self, explicit: Option<i64>) -> bool {
        explicit.is_none() || self.settings.track_timestamps_staleness
    }

    /// `Ok(None)`: over the limit of samples; the body is read on for its counts.
    pub(crate) fn append(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        explicit: Option<i64>,
        value: Value<'_>,
    ) -> Result<Option<SeriesRef>, AppendError> {
        let limit = self.settings.mutator.limits.sample;
        if limit > 0 {
            self.samples += 1;
            if self.samples > limit {
                self.out.counts.over_sample_limit = true;
                return Ok(None);
            }
        }
        let t = explicit.unwrap_or(self.t_ms);
        if t > self.t_ms_max {
            return Err(AppendError::OutOfBounds);
        }
        let reduced;
        let stored = match value {
            Value::Float(v) => self.app.append(series, labels, t, v)?,
            Value::Histogram(h) => {
                let bucket_limit = self.settings.mutator.limits.native_histogram_bucket;
                let h = match native::fit(h, self.settings.schema_max, bucket_limit) {
                    Ok(Fit::AsIs) => h,
                    Ok(Fit::Reduced(smaller)) => {
                        reduced = smaller;
                        &reduced
                    }
                    Err(TooManyBuckets) => {
                        self.out.counts.over_bucket_limit = true;
                        return Ok(None);
                    }
                };
                match h {
                    NativeHistogram::Int(h) => self.app.append_histogram(series, labels, t, h)?,
                    NativeHistogram::Float(h) => {
                        self.app.append_float_histogram(series, labels, t, h)?
                    }
                }
            }
        };
        Ok(Some(stored))
    }

    /// What a refused sample means for the scrape: usually, that it is counted.
    pub(crate) fn check(
        &mut self,
        result: Result<Option<SeriesRef>, AppendError>,
    ) -> Result<Option<SeriesRef>, Refused> {
        let counts = &mut self.out.counts;
        match result {
            Ok(stored) => return Ok(stored),
            Err(AppendError::OutOfOrder | AppendError::TooOld) => counts.out_of_order += 1,
            Err(AppendError::Duplicate) => counts.duplicate += 1,
            Err(AppendError::OutOfBounds) => counts.out_of_bounds += 1,
            // Storage takes no new series: those that it has go on.
            Err(AppendError::Limit(limit)) => {
                self.out.refused.get_or_insert_with(|| format!("limit reached: {limit}"));
            }
            Err(
                error @ (AppendError::Histogram(_)
                | AppendError::Labels(_)
                | AppendError::OutOfOrderExemplar
                | AppendError::DuplicateExemplar
                | AppendError::Overtaken { .. }
                | AppendError::Storage(_)),
            ) => return Err(Refused(error.to_string())),
        }
        Ok(None)
    }

    pub(crate) fn mutate(&mut self, exposed: &LabelBuf) -> Result<Option<Labels>, Refused> {
        self.settings.mutator.apply(exposed).map_err(|error| {
            self.out.counts.over_label_limit |= matches!(error, MutateError::Limit(_));
            Refused(error.to_string())
        })
    }

    /// Stores exemplars of a sample. One that is refused does not hurt the scrape.
    pub(crate) fn exemplars(&mut self, at: SeriesRef, t: Option<i64>, mut all: Vec<Exemplar>) {
        let t = self.explicit(t).unwrap_or(self.t_ms);
        for exemplar in &mut all {
            exemplar.t.get_or_insert(t);
        }
        all.sort_by(|a, b| a.t.cmp(&b.t).then(a.value.total_cmp(&b.value)));
        let mut late = 0;
        for exemplar in &all {
            match self.app.append_exemplar(at, exemplar) {
                Ok(()) | Err(AppendError::DuplicateExemplar) => {}
                Err(AppendError::OutOfOrderExemplar) => late += 1,
                Err(error) => tracing::debug!(%error, "exemplar not stored"),
            }
        }
        // Some of a histogram's are older usually: those of buckets where nothing happened since.
        if late == all.len() {
            self.out.counts.exemplars_out_of_order += u64::try_from(late).unwrap_or(u64::MAX);
        }
    }
}
