//! What one target's scrapes mean: bytes and times in, calls of the [`Appender`] out. No sockets, no tasks, no clock of its
//! own.
//!
//! Invariant: of a scrape everything is stored, or nothing but `up 0`, the other series about the scrape, and a staleness
//! marker for each series of the scrape before.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use model::exemplar::Exemplar;
use model::labels::Labels;
use model::port::{AppendError, Appendable, Appender, Durability, SeriesRef};
use model::sample::stale_nan;
use parking_lot::Mutex;
use wire::exposition::{Entry, Format, LabelBuf, Parser, ProtobufOptions, format_for};

use crate::batch::{Batch, Counts, Outcome, Refused, Value};
use crate::cache::{Cache, EntryIdx, Known};
use crate::metadata::{MetadataStore, is_part_of_family};
use crate::mutate::Mutator;

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
    /// Store native histograms; otherwise every histogram is read as a classic one.
    pub(crate) native_histograms: bool,
    /// Store the classic series of native histograms, too.
    pub(crate) classic_histograms: bool,
    /// Largest schema of a native histogram.
    pub(crate) schema_max: i32,
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

    /// Stores a part of what the target has, between two scrapes, and marks stale what `gone` has and the part has not. The rest stays
    /// as it is, and nothing is said of the target. The part's series count as seen in the scrape before. Returns how many samples it has.
    pub(crate) fn ingest_between(
        &mut self,
        appendable: &dyn Appendable,
        times: &Times<'_>,
        content_type: &str,
        (body, gone): (&[u8], &[u8]),
    ) -> Result<u64, String> {
        let mut out = Outcome::default();
        let stored =
            self.store(appendable, times, body, content_type, &mut out).and_then(|mut app| {
                let gone = self.unseen(gone, content_type)?;
                let series: Vec<SeriesRef> = gone.iter().map(|(_, series)| *series).collect();
                mark_stale(app.as_mut(), &series, times.t_ms);
                app.commit(Durability::Soon).map_err(|error| error.to_string())?;
                Ok(gone)
            });
        match stored {
            Ok(gone) => {
                gone.into_iter().for_each(|(idx, _)| self.cache.untrack(idx));
                self.cache.end_between();
                Ok(out.counts.scraped)
            }
            Err(error) => {
                self.cache.restart();
                Err(error)
            }
        }
    }

    /// The tracked series of a body that was stored before which the running scrape has not.
    fn unseen(
        &mut self,
        body: &[u8],
        content_type: &str,
    ) -> Result<Vec<(EntryIdx, SeriesRef)>, String> {
        let format = self.format(content_type)?;
        self.cache.set_language(language(format));
        let mut parser = Parser::with_options(body, format, self.parser_options());
        let mut gone = Vec::new();
        while let Some(entry) = parser.next_entry().map_err(|error| error.to_string())? {
            let key = match entry {
                Entry::Series(series) => self.cache.key(series.key),
                Entry::Histogram(series) => self.cache.key(series.key),
                Entry::Type { .. }
                | Entry::Help { .. }
                | Entry::Unit { .. }
                | Entry::Comment(_) => None,
            };
            gone.extend(key.and_then(|key| self.cache.unseen(key)));
        }
        Ok(gone)
    }

    fn format(&self, content_type: &str) -> Result<Format, String> {
        let said = Some(content_type).filter(|text| !text.is_empty());
        format_for(said, self.settings.fallback).map_err(|error| error.to_string())
    }

    fn parser_options(&self) -> ProtobufOptions {
        ProtobufOptions {
            ignore_native: !self.settings.native_histograms,
            keep_classic: self.settings.classic_histograms,
        }
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
        let format = self.format(content_type)?;
        // What storage has forgotten is unknown to the cache the second time; more often only if it forgets meanwhile.
        for _ in 0..READS_MAX {
            let app = appendable.appender();
            let settings = Arc::clone(&self.settings);
            let mut batch = Batch::new(app, settings, (times.t_ms, times.now_ms), out);
            self.read(&mut batch, body, format).map_err(|Refused(error)| error)?;
            if !batch.forgotten {
                return match batch.over_limit() {
                    Some(error) => Err(error.to_owned()),
                    None => Ok(batch.app),
                };
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
        // A series text known from one format proves nothing in another.
        self.cache.set_language(language(format));
        let mut parser = Parser::with_options(body, format, self.parser_options());
        let mut labels = LabelBuf::new();
        let mut family = String::new();
        loop {
            if format != Format::Protobuf {
                self.read_known(batch, body, &mut parser)?;
            }
            let entry = parser.next_entry().map_err(|error| Refused(error.to_string()))?;
            match entry {
                None => return Ok(()),
                Some(Entry::Series(series)) => {
                    let line = Line {
                        key: series.key,
                        t: series.t,
                        value: Value::Float(series.v),
                        labels_into: &|buf| series.labels_into(buf),
                        exemplars: &|| series.exemplar().into_iter().collect(),
                    };
                    self.line(batch, &line, &mut labels, &family)?;
                }
                Some(Entry::Comment(_)) => {}
                Some(Entry::Histogram(series)) => {
                    let line = Line {
                        key: series.key,
                        t: series.t,
                        value: Value::Histogram(series.h),
                        labels_into: &|buf| series.labels_into(buf),
                        exemplars: &|| series.exemplars(),
                    };
                    self.line(batch, &line, &mut labels, &family)?;
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
                self.known(
                    batch,
                    idx,
                    series,
                    Sample { t: line.t, value: Value::Float(line.v), again },
                )?;
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
        sample: Sample<'_>,
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
        let result = batch.append(series, &ask, explicit, sample.value);
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

    /// A sample that the full parser read.
    fn line(
        &mut self,
        batch: &mut Batch<'_, '_>,
        line: &Line<'_>,
        buf: &mut LabelBuf,
        family: &str,
    ) -> Result<(), Refused> {
        batch.out.counts.scraped += 1;
        let key = self.cache.key(line.key);
        let known = key.and_then(|key| self.cache.find(key)).map(|idx| self.cache.see(idx));
        let (stored, labels) = match known {
            Some(Known::Dropped) => return Ok(()),
            Some(Known::Series { idx, series: at, again }) => {
                let sample = Sample { t: line.t, value: line.value, again };
                (self.known(batch, idx, at, sample)?, None)
            }
            None => {
                (line.labels_into)(buf);
                let labels = batch.mutate(buf)?;
                let Some(labels) = labels else {
                    if let Some(key) = key {
                        self.cache.add_dropped(key);
                    }
                    return Ok(());
                };
                let explicit = batch.explicit(line.t);
                batch.out.counts.kept += 1;
                let result = batch.append(SeriesRef(0), &|| labels.clone(), explicit, line.value);
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
        batch.exemplars(at, line.t, (line.exemplars)());
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

/// A sample that the full parser read, with what it can be asked for.
struct Line<'a> {
    key: &'a [u8],
    t: Option<i64>,
    value: Value<'a>,
    labels_into: &'a dyn Fn(&mut LabelBuf),
    exemplars: &'a dyn Fn() -> Vec<Exemplar>,
}

#[derive(Debug, Clone, Copy)]
struct Sample<'a> {
    t: Option<i64>,
    value: Value<'a>,
    /// The series stood in this scrape before.
    again: bool,
}

/// Tells the formats' series texts apart.
fn language(format: Format) -> u64 {
    match format {
        Format::Text => 1,
        Format::OpenMetrics => 2,
        Format::Protobuf => 3,
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
