//! A storage in memory for tests: checks order as the real one does, and shows what was committed.

use std::collections::BTreeMap;

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram};
use model::labels::Labels;
use model::metadata::Metadata;
use model::port::{AppendError, Appendable, Appender, Durability, SeriesRef};
use model::sample::is_stale;
use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(crate) struct FakeStorage(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    refs: BTreeMap<Labels, u64>,
    /// By ref; `None` when forgotten.
    series: Vec<Option<Labels>>,
    samples: Vec<(u64, i64, f64)>,
    /// What was committed since the last [`FakeStorage::take`].
    lines: Vec<String>,
    series_max: Option<usize>,
    commit_error: Option<AppendError>,
    commits: usize,
    label_calls: usize,
}

impl FakeStorage {
    /// What was committed since the last time, in order: `name{labels} value @time`.
    pub(crate) fn take(&self) -> String {
        let mut lines = std::mem::take(&mut self.0.lock().lines);
        lines.push(String::new());
        lines.join("\n")
    }

    pub(crate) fn forget_all(&self) {
        let mut inner = self.0.lock();
        inner.refs.clear();
        inner.series.iter_mut().for_each(|labels| *labels = None);
    }

    pub(crate) fn set_series_max(&self, n: usize) {
        self.0.lock().series_max = Some(n);
    }

    pub(crate) fn fail_commits(&self, error: Option<AppendError>) {
        self.0.lock().commit_error = error;
    }

    pub(crate) fn commits(&self) -> usize {
        self.0.lock().commits
    }

    /// How often labels were asked for.
    pub(crate) fn label_calls(&self) -> usize {
        self.0.lock().label_calls
    }
}

impl Appendable for FakeStorage {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Batch { storage: self, pending: Vec::new(), notes: Vec::new() })
    }
}

struct Batch<'a> {
    storage: &'a FakeStorage,
    pending: Vec<(u64, i64, f64)>,
    notes: Vec<String>,
}

impl Batch<'_> {
    fn resolve(&self, at: SeriesRef, labels: &dyn Fn() -> Labels) -> Result<u64, AppendError> {
        let mut inner = self.storage.0.lock();
        let known = usize::try_from(at.0).ok().and_then(|i| i.checked_sub(1));
        if known.and_then(|i| inner.series.get(i)).is_some_and(Option::is_some) {
            return Ok(at.0);
        }
        inner.label_calls += 1;
        let labels = labels();
        if labels.is_empty() {
            return Err(AppendError::Labels("empty labelset".to_owned()));
        }
        if let Some(at) = inner.refs.get(&labels) {
            return Ok(*at);
        }
        if inner.series_max.is_some_and(|max| inner.refs.len() >= max) {
            return Err(AppendError::Limit("series".to_owned()));
        }
        inner.series.push(Some(labels.clone()));
        let at = number(inner.series.len());
        inner.refs.insert(labels, at);
        Ok(at)
    }
}

impl Appender for Batch<'_> {
    fn append(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        v: f64,
    ) -> Result<SeriesRef, AppendError> {
        let at = self.resolve(series, labels)?;
        let inner = self.storage.0.lock();
        let all = inner.samples.iter().chain(&self.pending);
        if let Some((_, last_t, last_v)) = all.rev().find(|(have, _, _)| *have == at) {
            if t < *last_t {
                return Err(AppendError::OutOfOrder);
            }
            if t == *last_t && v.to_bits() != last_v.to_bits() {
                return Err(AppendError::Duplicate);
            }
        }
        drop(inner);
        self.pending.push((at, t, v));
        Ok(SeriesRef(at))
    }

    fn append_histogram(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        h: &Histogram,
    ) -> Result<SeriesRef, AppendError> {
        let count = stdx::metrics::float(h.count);
        self.notes.push(format!("# schema {}: {:?}", h.schema, h.positive_deltas));
        self.append(series, labels, t, count)
    }

    fn append_float_histogram(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        h: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        self.notes.push(format!("# schema {}: {:?}", h.schema, h.positive_buckets));
        self.append(series, labels, t, h.count)
    }

    fn append_exemplar(&mut self, series: SeriesRef, e: &Exemplar) -> Result<(), AppendError> {
        self.notes
            .push(format!("# exemplar of {}: {:?} {} @{:?}", series.0, e.labels, e.value, e.t));
        Ok(())
    }

    fn update_metadata(&mut self, series: SeriesRef, m: &Metadata) -> Result<(), AppendError> {
        self.notes.push(format!("# metadata of {}: {} {:?}", series.0, m.kind.as_str(), m.help));
        Ok(())
    }

    fn commit(self: Box<Self>, _durability: Durability) -> Result<(), AppendError> {
        let mut inner = self.storage.0.lock();
        if let Some(error) = &inner.commit_error {
            return Err(error.clone());
        }
        inner.commits += 1;
        for (at, t, v) in self.pending {
            inner.samples.push((at, t, v));
            let labels = inner.series[index(at)].clone().unwrap_or_default();
            let shown: Vec<String> = labels
                .iter()
                .filter(|(name, _)| *name != "__name__")
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let value = if is_stale(v) { "stale".to_owned() } else { v.to_string() };
            let line = format!("{}{{{}}} {value} @{t}", labels.metric_name(), shown.join(","));
            inner.lines.push(line);
        }
        inner.lines.extend(self.notes);
        Ok(())
    }
}

fn number(n: usize) -> u64 {
    u64::try_from(n).unwrap()
}

fn index(at: u64) -> usize {
    usize::try_from(at).unwrap() - 1
}
