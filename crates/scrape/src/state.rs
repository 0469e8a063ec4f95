//! What one target's scrapes mean: bytes and times in, calls of the [`Appender`] out. No sockets, no tasks, no clock of its
//! own.
//!
//! Invariant: of a scrape everything is stored, or nothing but `up 0`, the other series about the scrape, and a staleness
//! marker for each series of the scrape before.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use model::labels::Labels;
use model::port::{AppendError, Appendable, Appender, Durability, SeriesRef};
use model::sample::stale_nan;
use parking_lot::Mutex;
use wire::exposition::{Entry, Format, LabelBuf, Parser, ProtobufOptions, Series, format_for};

use crate::cache::{Cache, EntryIdx, Known};
use crate::metadata::{MetadataStore, is_part_of_family};
use crate::mutate::{MutateError, Mutator};

/// How far ahead of now a sample's time may be, in milliseconds.
pub(crate) const AHEAD_MS_MAX: i64 = 10 * 60 * 1000;

/// How often a body is read at most.
const READS_MAX: usize = 3;

/// The series about a scrape; the last three only on demand.
const REPORTS: [&str; 8] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];
/// Those that are always written.
const REPORTS_ALWAYS: usize = 5;

/// What is configured for a target's samples.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) mutator: Mutator,
    pub(crate) honor_timestamps: bool,
    pub(crate) track_timestamps_staleness: bool,
    pub(crate) fallback: Option<Format>,
    pub(crate) extra_metrics: bool,
    pub(crate) append_metadata: bool,
    pub(crate) timeout: Duration,
}

/// What came of asking the target.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fetched<'a> {
    Body {
        bytes: &'a [u8],
        content_type: &'a str,
    },
    /// `too_large`: the body went over its limit.
    Failed {
        error: &'a str,
        too_large: bool,
    },
}

/// When a scrape is.
pub(crate) struct Times<'a> {
    /// The time of samples that bring none, in milliseconds.
    pub(crate) t_ms: i64,
    /// Now, for the bound of times ahead.
    pub(crate) now_ms: i64,
    /// How long the scrape has taken so far.
    pub(crate) elapsed: &'a dyn Fn() -> Duration,
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
    pub(crate) over_label_limit: bool,
}

/// Why a body is not stored.
struct Refused(String);

/// A target's memory between scrapes.
#[derive(Debug)]
pub(crate) struct State {
    settings: Arc<Settings>,
    cache: Cache,
    reports: [SeriesRef; REPORTS.len()],
    metadata: Arc<Mutex<MetadataStore>>,
}

impl State {
    /// `seed` keys the cache's hashes.
    pub(crate) fn new(
        settings: Arc<Settings>,
        metadata: Arc<Mutex<MetadataStore>>,
        seed: u64,
    ) -> Self {
        let cache = Cache::new(seed);
        Self { settings, cache, reports: [SeriesRef(0); REPORTS.len()], metadata }
    }

    /// Takes over what an older loop of the same target knows, when the settings leave it true.
    pub(crate) fn adopt(&mut self, older: Self) {
        self.cache = older.cache;
        self.reports = older.reports;
    }

    /// Stores one scrape.
    pub(crate) fn ingest(
        &mut self,
        appendable: &dyn Appendable,
        times: &Times<'_>,
        fetched: Fetched<'_>,
    ) -> Outcome {
        let mut out = Outcome::default();
        let (body, content_type, size) = match fetched {
            Fetched::Body { bytes, content_type } => (bytes, content_type, float_of(bytes.len())),
            Fetched::Failed { error, too_large } => {
                out.error = Some(error.to_owned());
                (&[][..], "", if too_large { -1.0 } else { 0.0 })
            }
        };
        let mut batch = None;
        if !body.is_empty() {
            match self.store(appendable, times, body, content_type, &mut out) {
                Ok(app) => batch = Some(app),
                Err(error) => out.error = Some(error),
            }
        }
        let good = batch.is_some();
        let mut app = batch.unwrap_or_else(|| appendable.appender());
        let gone = if good { self.cache.vanished() } else { self.cache.tracked() };
        mark_stale(app.as_mut(), &gone, times.t_ms);
        if good {
            self.cache.end_good();
        } else {
            self.cache.end_failed();
        }
        self.metadata.lock().end(good);
        out.duration = (times.elapsed)();
        let counts = &out.counts;
        let values = [
            if out.error.is_none() { 1.0 } else { 0.0 },
            out.duration.as_secs_f64(),
            float_of_u64(counts.scraped),
            float_of_u64(counts.kept),
            float_of_u64(counts.series_added),
            self.settings.timeout.as_secs_f64(),
            float_of_u64(self.settings.mutator.limits.sample),
            size,
        ];
        let reported = self.report(app.as_mut(), times.t_ms, values);
        if let Err(error) = reported.and_then(|()| app.commit(Durability::Soon)) {
            // Nothing of the batch is stored: say so, whatever the target answered.
            out.error = Some(error.to_string());
        }
        out
    }

    /// Marks everything stale, because the target is gone.
    pub(crate) fn end_of_run(
        &mut self,
        appendable: &dyn Appendable,
        t_ms: i64,
    ) -> Result<(), AppendError> {
        let mut app = appendable.appender();
        mark_stale(app.as_mut(), &self.cache.tracked(), t_ms);
        self.cache.end_failed();
        self.report(app.as_mut(), t_ms, [stale_nan(); REPORTS.len()])?;
        app.commit(Durability::Soon)
    }

    /// Reads a body into a batch. The error is why the whole scrape is refused; nothing is stored then.
    fn store<'s>(
        &mut self,
        appendable: &'s dyn Appendable,
        times: &Times<'_>,
        body: &[u8],
        content_type: &str,
        out: &mut Outcome,
    ) -> Result<Box<dyn Appender + 's>, String> {
        let said = Some(content_type).filter(|text| !text.is_empty());
        let format = format_for(said, self.settings.fallback).map_err(|error| error.to_string())?;
        // What storage has forgotten is unknown to the cache the second time; more often only if it forgets meanwhile.
        for _ in 0..READS_MAX {
            let mut batch = Batch {
                app: appendable.appender(),
                settings: Arc::clone(&self.settings),
                t_ms: times.t_ms,
                t_ms_max: times.now_ms.saturating_add(AHEAD_MS_MAX),
                samples: 0,
                forgotten: false,
                out,
            };
            self.read(&mut batch, body, format).map_err(|Refused(error)| error)?;
            if !batch.forgotten {
                let over = batch.out.counts.over_sample_limit;
                return if over { Err("sample limit exceeded".to_owned()) } else { Ok(batch.app) };
            }
            drop(batch);
            self.cache.restart();
            out.counts = Counts::default();
        }
        Err("storage forgets series as fast as they come".to_owned())
    }

    fn read(
        &mut self,
        batch: &mut Batch<'_, '_>,
        body: &[u8],
        format: Format,
    ) -> Result<(), Refused> {
        // As Prometheus does unless native histograms are asked for: classic series of all histograms.
        let options = ProtobufOptions { ignore_native: true, keep_classic: false };
        let mut parser = Parser::with_options(body, format, options);
        let mut labels = LabelBuf::new();
        let mut family = String::new();
        loop {
            self.read_known(batch, body, &mut parser)?;
            let entry = parser.next_entry().map_err(|error| Refused(error.to_string()))?;
            match entry {
                None => return Ok(()),
                Some(Entry::Series(series)) => {
                    self.series(batch, &series, &mut labels, &family)?;
                }
                Some(Entry::Comment(_)) => {}
                Some(Entry::Histogram(_)) => {
                    return Err(Refused("native histograms are not scraped yet".to_owned()));
                }
                Some(Entry::Type { name, kind }) => {
                    self.metadata.lock().set_kind(&name, kind);
                    name.as_ref().clone_into(&mut family);
                }
                Some(Entry::Help { name, text }) => {
                    self.metadata.lock().set_help(&name, &text);
                    name.as_ref().clone_into(&mut family);
                }
                Some(Entry::Unit { name, unit }) => {
                    self.metadata.lock().set_unit(&name, &unit);
                    name.as_ref().clone_into(&mut family);
                }
            }
        }
    }

    /// Reads lines as long as they are the expected ones. This is the hot path: no labels, no allocation, no search.
    fn read_known(
        &mut self,
        batch: &mut Batch<'_, '_>,
        body: &[u8],
        parser: &mut Parser<'_>,
    ) -> Result<(), Refused> {
        while let Some(rest) =
            body.get(parser.position()..).filter(|rest| rest.first() != Some(&b'#'))
            && let Some((len, idx)) = self.cache.expected(rest)
            && let Some(line) = parser.known_series(len)
        {
            batch.out.counts.scraped += 1;
            if let Known::Series { idx, series, again } = self.cache.see(idx) {
                self.known(batch, idx, series, Sample { t: line.t, v: line.v, again })?;
            }
        }
        Ok(())
    }

    /// Stores a sample of a series that the cache knows; returns its ref if it was stored.
    fn known(
        &mut self,
        batch: &mut Batch<'_, '_>,
        idx: EntryIdx,
        series: SeriesRef,
        sample: Sample,
    ) -> Result<Option<SeriesRef>, Refused> {
        let explicit = batch.explicit(sample.t);
        batch.out.counts.kept += 1;
        if sample.again && explicit.is_none() {
            batch.out.counts.duplicate += 1;
            return Ok(None);
        }
        let forgotten = Cell::new(false);
        let ask = || {
            forgotten.set(true);
            Labels::default()
        };
        let result = batch.append(series, &ask, explicit, sample.v);
        if forgotten.get() {
            self.cache.forget(idx);
            batch.forgotten = true;
            return Ok(None);
        }
        let Some(series) = batch.check(result)? else {
            return Ok(None);
        };
        self.cache.stored(idx, series, batch.is_tracked(explicit));
        Ok(Some(series))
    }

    /// A line that the full parser read.
    fn series(
        &mut self,
        batch: &mut Batch<'_, '_>,
        series: &Series<'_>,
        buf: &mut LabelBuf,
        family: &str,
    ) -> Result<(), Refused> {
        batch.out.counts.scraped += 1;
        let key = self.cache.key(series.key);
        let known = key.and_then(|key| self.cache.find(key)).map(|idx| self.cache.see(idx));
        let (stored, labels) = match known {
            Some(Known::Dropped) => return Ok(()),
            Some(Known::Series { idx, series: at, again }) => {
                let sample = Sample { t: series.t, v: series.v, again };
                (self.known(batch, idx, at, sample)?, None)
            }
            None => {
                series.labels_into(buf);
                let labels = batch.mutate(buf)?;
                let Some(labels) = labels else {
                    if let Some(key) = key {
                        self.cache.add_dropped(key);
                    }
                    return Ok(());
                };
                let explicit = batch.explicit(series.t);
                batch.out.counts.kept += 1;
                let result = batch.append(SeriesRef(0), &|| labels.clone(), explicit, series.v);
                let stored = batch.check(result)?;
                if let (Some(at), Some(key)) = (stored, key) {
                    self.cache.add(key, at, batch.is_tracked(explicit));
                    batch.out.counts.series_added += u64::from(!batch.out.counts.over_sample_limit);
                }
                (stored, Some(labels))
            }
        };
        let Some(at) = stored else {
            return Ok(());
        };
        batch.exemplar(at, series);
        if self.settings.append_metadata {
            self.append_metadata(batch, at, labels.as_ref(), family);
        }
        Ok(())
    }

    /// Records the family's metadata for a new series. (That of a known series changes with its family, in
    /// [`MetadataStore`], where the API reads it.)
    fn append_metadata(
        &self,
        batch: &mut Batch<'_, '_>,
        series: SeriesRef,
        labels: Option<&Labels>,
        family: &str,
    ) {
        let Some(labels) = labels else {
            return;
        };
        let store = self.metadata.lock();
        let Some(metadata) = store.get(family) else {
            return;
        };
        if is_part_of_family(labels.metric_name(), family, metadata.kind)
            && let Err(error) = batch.app.update_metadata(series, metadata)
        {
            tracing::debug!(%error, family, "metadata not stored");
        }
    }

    /// Appends the series about the scrape.
    fn report(
        &mut self,
        app: &mut (dyn Appender + '_),
        t_ms: i64,
        values: [f64; REPORTS.len()],
    ) -> Result<(), AppendError> {
        let n = if self.settings.extra_metrics { REPORTS.len() } else { REPORTS_ALWAYS };
        let mutator = &self.settings.mutator;
        for ((name, value), series) in REPORTS.iter().zip(values).zip(&mut self.reports).take(n) {
            match app.append(*series, &|| mutator.report_labels(name), t_ms, value) {
                Ok(at) => *series = at,
                // A target that goes and comes back has two loops for a while.
                Err(AppendError::OutOfOrder | AppendError::Duplicate | AppendError::TooOld) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    t: Option<i64>,
    v: f64,
    /// The series stood in this scrape before.
    again: bool,
}

/// The samples of one body on their way to storage.
struct Batch<'o, 's> {
    app: Box<dyn Appender + 's>,
    settings: Arc<Settings>,
    t_ms: i64,
    t_ms_max: i64,
    /// Samples that count against the limit.
    samples: u64,
    /// Storage did not know a series any more; its entry is gone, and the body must be read again.
    forgotten: bool,
    out: &'o mut Outcome,
}

impl Batch<'_, '_> {
    /// The sample's own time, where it counts.
    fn explicit(&self, t: Option<i64>) -> Option<i64> {
        t.filter(|_| self.settings.honor_timestamps)
    }

    fn is_tracked(&self, explicit: Option<i64>) -> bool {
        explicit.is_none() || self.settings.track_timestamps_staleness
    }

    /// `Ok(None)`: over the limit of samples; the body is read on for its counts.
    fn append(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        explicit: Option<i64>,
        v: f64,
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
        self.app.append(series, labels, t, v).map(Some)
    }

    /// What a refused sample means for the scrape: usually, that it is counted.
    fn check(
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
                | AppendError::Storage(_)),
            ) => return Err(Refused(error.to_string())),
        }
        Ok(None)
    }

    fn mutate(&mut self, exposed: &LabelBuf) -> Result<Option<Labels>, Refused> {
        self.settings.mutator.apply(exposed).map_err(|error| {
            self.out.counts.over_label_limit |= matches!(error, MutateError::Limit(_));
            Refused(error.to_string())
        })
    }

    /// Stores the exemplar of a line, if it has one. One that is refused does not hurt the scrape.
    fn exemplar(&mut self, at: SeriesRef, series: &Series<'_>) {
        let Some(mut exemplar) = series.exemplar() else {
            return;
        };
        let t = self.explicit(series.t).unwrap_or(self.t_ms);
        exemplar.t.get_or_insert(t);
        match self.app.append_exemplar(at, &exemplar) {
            Ok(()) | Err(AppendError::DuplicateExemplar) => {}
            Err(AppendError::OutOfOrderExemplar) => self.out.counts.exemplars_out_of_order += 1,
            Err(error) => tracing::debug!(%error, "exemplar not stored"),
        }
    }
}

/// Appends markers. A series that storage has forgotten, or that got a newer sample from elsewhere, needs none.
fn mark_stale(app: &mut (dyn Appender + '_), gone: &[SeriesRef], t_ms: i64) {
    for series in gone {
        if let Err(error) = app.append(*series, &Labels::default, t_ms, stale_nan()) {
            tracing::trace!(%error, "staleness marker not stored");
        }
    }
}

fn float_of(n: usize) -> f64 {
    float_of_u64(u64::try_from(n).unwrap_or(u64::MAX))
}

fn float_of_u64(n: u64) -> f64 {
    stdx::metrics::float(n)
}
