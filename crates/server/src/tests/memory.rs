//! A storage and a scraper that hold plain lists, and fail when a test asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram};
use model::labels::Labels;
use model::matcher::Matcher;
use model::metadata::{Metadata, MetricType};
use model::port::{
    AppendError, Appendable, Appender, Durability, Querier, Queryable, ReadError, SelectHints,
    SeriesRef, SeriesSet,
};
use model::sample::Samples;
use parking_lot::Mutex;
use scrape::target::{ActiveTarget, DroppedTarget, Health, Targets};

use crate::config::Loaded;
use crate::parts::{EachMetadata, Scraper, SeriesExemplars, Store, StoreStats};

/// Labels and samples, as a test writes them.
pub(crate) type Row<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

type Rows = Vec<(Labels, Vec<(i64, f64)>)>;

/// Series in memory, in the order of their first sample.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    rows: Mutex<Rows>,
    /// The series by their refs, which count from 1.
    refs: Mutex<Vec<Labels>>,
    /// What every read and commit says, when set.
    pub(crate) broken: Mutex<Option<ReadError>>,
    /// Whether every read panics.
    pub(crate) panics: AtomicBool,
}

impl Memory {
    pub(crate) fn with(series: &[Row<'_>]) -> Arc<Self> {
        let rows = series.iter().map(|(labels, samples)| {
            (Labels::from_pairs(labels.iter().copied()), samples.to_vec())
        });
        Arc::new(Self {
            rows: Mutex::new(rows.collect()),
            refs: Mutex::default(),
            broken: Mutex::default(),
            panics: AtomicBool::new(false),
        })
    }

    /// `labels: time=value …` a line.
    pub(crate) fn dump(&self) -> String {
        let mut out = String::new();
        for (labels, samples) in self.rows.lock().iter() {
            let samples: Vec<String> = samples.iter().map(|(t, v)| format!("{t}={v}")).collect();
            out.push_str(&format!("{labels:?}: {}\n", samples.join(" ")));
        }
        out
    }
}

impl Memory {
    /// The series of a ref, or of its labels when the ref is none.
    fn series(&self, series: SeriesRef, labels: &dyn Fn() -> Labels) -> (SeriesRef, Labels) {
        let mut refs = self.refs.lock();
        let known = usize::try_from(series.0).ok().and_then(|at| refs.get(at.checked_sub(1)?));
        if let Some(known) = known {
            return (series, known.clone());
        }
        let labels = labels();
        let at = refs.iter().position(|have| *have == labels).unwrap_or_else(|| {
            refs.push(labels.clone());
            refs.len() - 1
        });
        (SeriesRef(at as u64 + 1), labels)
    }
}

impl Queryable for Memory {
    fn querier(&self, mint: i64, maxt: i64) -> Result<Box<dyn Querier + '_>, ReadError> {
        assert!(!self.panics.load(Ordering::Relaxed), "asked to panic");
        if let Some(error) = &*self.broken.lock() {
            return Err(error.clone());
        }
        let seen = |samples: &[(i64, f64)]| samples.iter().any(|(t, _)| (mint..=maxt).contains(t));
        let rows = self.rows.lock().iter().filter(|(_, samples)| seen(samples)).cloned().collect();
        Ok(Box::new(View(rows)))
    }
}

struct View(Rows);

impl View {
    fn found(&self, matchers: &[Matcher]) -> Rows {
        let matches =
            |labels: &Labels| matchers.iter().all(|m| m.matches(labels.get(&m.name).unwrap_or("")));
        self.0.iter().filter(|(labels, _)| matches(labels)).cloned().collect()
    }
}

impl Querier for View {
    fn select<'a>(
        &'a self,
        hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<Box<dyn SeriesSet + 'a>, ReadError> {
        let mut found = self.found(matchers);
        if hints.limit > 0 {
            found.truncate(hints.limit);
        }
        Ok(Box::new(View(found)))
    }

    fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, ReadError> {
        let found = self.found(matchers);
        let mut names: Vec<String> = found
            .iter()
            .flat_map(|(labels, _)| labels.iter())
            .map(|(name, _)| name.to_owned())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher]) -> Result<Vec<String>, ReadError> {
        let found = self.found(matchers);
        let mut values: Vec<String> =
            found.iter().filter_map(|(labels, _)| labels.get(name)).map(str::to_owned).collect();
        values.sort();
        values.dedup();
        Ok(values)
    }
}

impl SeriesSet for View {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, i: usize) -> Labels {
        self.0[i].0.clone()
    }

    fn read(&self, i: usize, mint: i64, maxt: i64, out: &mut Samples) -> Result<(), ReadError> {
        for (t, v) in self.0[i].1.iter().filter(|(t, _)| (mint..=maxt).contains(t)) {
            out.ts.push(*t);
            out.vs.push(*v);
        }
        Ok(())
    }
}

impl Appendable for Memory {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Batch { memory: self, rows: Vec::new() })
    }
}

struct Batch<'a> {
    memory: &'a Memory,
    rows: Vec<(Labels, i64, f64)>,
}

impl Appender for Batch<'_> {
    fn append(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        v: f64,
    ) -> Result<SeriesRef, AppendError> {
        let (series, labels) = self.memory.series(series, labels);
        if let Some((_, samples)) = self.memory.rows.lock().iter().find(|(have, _)| *have == labels)
            && samples.last().is_some_and(|(last, _)| *last >= t)
        {
            return Err(AppendError::OutOfOrder);
        }
        self.rows.push((labels, t, v));
        Ok(series)
    }

    fn append_histogram(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        h: &Histogram,
    ) -> Result<SeriesRef, AppendError> {
        self.append(series, labels, t, h.sum)
    }

    fn append_float_histogram(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        h: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        self.append(series, labels, t, h.sum)
    }

    fn append_exemplar(&mut self, _: SeriesRef, _: &Exemplar) -> Result<(), AppendError> {
        Ok(())
    }

    fn update_metadata(&mut self, _: SeriesRef, _: &Metadata) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(self: Box<Self>, _: Durability) -> Result<(), AppendError> {
        if let Some(error) = &*self.memory.broken.lock() {
            return Err(AppendError::Storage(error.to_string()));
        }
        let mut all = self.memory.rows.lock();
        for (labels, t, v) in self.rows {
            match all.iter_mut().find(|(have, _)| *have == labels) {
                Some((_, samples)) => samples.push((t, v)),
                None => all.push((labels, vec![(t, v)])),
            }
        }
        Ok(())
    }
}

impl Store for Memory {
    fn stats(&self, limit: usize) -> StoreStats {
        let rows = self.rows.lock();
        let by_metric =
            rows.iter().take(limit).map(|(labels, _)| (labels.metric_name().to_owned(), 1));
        StoreStats {
            series: rows.len() as u64,
            series_by_metric: by_metric.collect(),
            mint: i64::MAX,
            maxt: i64::MIN,
            ..StoreStats::default()
        }
    }

    fn replayed(&self) -> (u64, u64, u64) {
        (3, 7, 7)
    }

    fn exemplars(
        &self,
        mint: i64,
        _: i64,
        sets: &[Vec<Matcher>],
    ) -> Result<SeriesExemplars, ReadError> {
        let labels = Labels::from_pairs([("trace_id", "abc")]);
        let exemplar = Exemplar { labels, value: 0.5, t: Some(mint.max(1500)) };
        let rows = self.rows.lock();
        let matches = |labels: &Labels| {
            let fits = |m: &Matcher| m.matches(labels.get(&m.name).unwrap_or(""));
            sets.iter().any(|set| set.iter().all(fits))
        };
        let found = rows.iter().filter(|(labels, _)| matches(labels));
        Ok(found.map(|(labels, _)| (labels.clone(), vec![exemplar.clone()])).collect())
    }
}

/// Two targets, one dropped, and what they say of `up` and `x_total`.
#[derive(Debug, Default)]
pub(crate) struct Stub;

impl Scraper for Stub {
    fn apply(&self, _: &Loaded) -> Result<(), String> {
        Ok(())
    }

    fn targets(&self) -> Targets {
        let active = |pool: &str, health: Health, error: &str| ActiveTarget {
            discovered_labels: Labels::from_pairs([
                ("__address__", "localhost:9090"),
                ("job", pool),
            ]),
            labels: Labels::from_pairs([("instance", "localhost:9090"), ("job", pool)]),
            scrape_pool: pool.to_owned(),
            scrape_url: "http://localhost:9090/metrics".to_owned(),
            last_error: error.to_owned(),
            last_scrape_ms: (health != Health::Unknown).then_some(super::NOW_MS),
            last_scrape_duration: std::time::Duration::from_millis(3),
            health,
            scrape_interval: "15s".to_owned(),
            scrape_timeout: "10s".to_owned(),
        };
        let dropped = DroppedTarget {
            discovered_labels: Labels::from_pairs([("__address__", "x")]),
            scrape_pool: "a".to_owned(),
        };
        Targets {
            active: vec![active("a", Health::Up, ""), active("b", Health::Down, "refused \"x\"")],
            dropped: vec![dropped],
            dropped_counts: [("a".to_owned(), 1), ("b".to_owned(), 0)].into(),
        }
    }

    fn pools(&self) -> Vec<String> {
        vec!["a".to_owned(), "b".to_owned()]
    }

    fn metadata(&self, family: Option<&str>, each: EachMetadata<'_>) {
        for target in self.targets().active {
            let help =
                |text: &str, kind| Metadata { kind, unit: String::new(), help: text.to_owned() };
            let up = help(&format!("Up of {}.", target.scrape_pool), MetricType::Gauge);
            for (name, metadata) in [("up", up), ("x_total", help("X.", MetricType::Counter))] {
                let wanted = family.is_none_or(|family| family == name);
                if wanted && !each(&target.labels, name, &metadata) {
                    return;
                }
            }
        }
    }
}
