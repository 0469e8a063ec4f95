//! The program's own metrics: counters, gauges and histograms in a registry that is handed around, never global.
//!
//! A family's label values are a closed set that the code chooses; nothing from outside becomes a label value.

pub mod process;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// Of collectors only.
    Summary,
}

/// A family as it is exposed: plain data.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    pub name: String,
    pub help: String,
    pub kind: Kind,
    pub points: Vec<Point>,
}

/// One labelled value of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub labels: Vec<(String, String)>,
    pub value: PointValue,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PointValue {
    Number(f64),
    /// Cumulative counts per upper bound (without `+Inf`), then the total and the sum.
    Histogram {
        buckets: Vec<(f64, u64)>,
        count: u64,
        sum: f64,
    },
    /// Pairs of quantile and value, then the total and the sum.
    Summary {
        quantiles: Vec<(f64, f64)>,
        count: u64,
        sum: f64,
    },
}

/// A number that only grows.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    pub fn inc(&self) {
        self.add(1);
    }

    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    pub fn add(&self, by: f64) {
        let add = |bits| Some((f64::from_bits(bits) + by).to_bits());
        // The closure always gives a value, so the update cannot fail.
        let _previous = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    #[must_use]
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// Observations counted into buckets of fixed upper bounds.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<HistogramInner>);

#[derive(Debug)]
struct HistogramInner {
    bounds: Vec<f64>,
    counts: Vec<AtomicU64>,
    sum: Gauge,
}

impl Histogram {
    fn new(bounds: &[f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(HistogramInner { bounds: bounds.to_vec(), counts, sum: Gauge::default() }))
    }

    pub fn observe(&self, value: f64) {
        let at = self.0.bounds.iter().position(|bound| value <= *bound);
        self.0.counts[at.unwrap_or(self.0.bounds.len())].fetch_add(1, Ordering::Relaxed);
        self.0.sum.add(value);
    }

    fn point(&self) -> PointValue {
        let mut count = 0;
        let mut buckets = Vec::with_capacity(self.0.bounds.len());
        for (i, n) in self.0.counts.iter().enumerate() {
            count += n.load(Ordering::Relaxed);
            if let Some(bound) = self.0.bounds.get(i) {
                buckets.push((*bound, count));
            }
        }
        PointValue::Histogram { buckets, count, sum: self.0.sum.value() }
    }
}

type Collector = Box<dyn Fn() -> Vec<Family> + Send + Sync>;

enum Source {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

struct Registered {
    help: String,
    kind: Kind,
    points: Vec<(Vec<(String, String)>, Source)>,
}

#[derive(Default)]
struct Inner {
    families: BTreeMap<String, Registered>,
    collectors: Vec<Collector>,
}

/// All metrics of a program. Cloning shares it.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<Inner>>);

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({} families)", self.0.lock().families.len())
    }
}

impl Registry {
    /// The counter of `name` with `labels`, made at the first call and shared by later ones.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        let source =
            self.source(name, help, Kind::Counter, labels, || Source::Counter(Counter::default()));
        match source {
            Source::Counter(counter) => counter,
            Source::Gauge(_) | Source::Histogram(_) => Counter::default(),
        }
    }

    /// The gauge of `name` with `labels`, as [`Registry::counter`].
    #[must_use]
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        let source =
            self.source(name, help, Kind::Gauge, labels, || Source::Gauge(Gauge::default()));
        match source {
            Source::Gauge(gauge) => gauge,
            Source::Counter(_) | Source::Histogram(_) => Gauge::default(),
        }
    }

    /// The histogram of `name` with `labels` and upper `bounds` (increasing, without `+Inf`), as [`Registry::counter`].
    #[must_use]
    pub fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        bounds: &[f64],
    ) -> Histogram {
        let source = self.source(name, help, Kind::Histogram, labels, || {
            Source::Histogram(Histogram::new(bounds))
        });
        match source {
            Source::Histogram(histogram) => histogram,
            Source::Counter(_) | Source::Gauge(_) => Histogram::new(bounds),
        }
    }

    /// Asks `collect` for families at every [`Registry::gather`].
    pub fn collector(&self, collect: impl Fn() -> Vec<Family> + Send + Sync + 'static) {
        self.0.lock().collectors.push(Box::new(collect));
    }

    /// All families, sorted by name.
    #[must_use]
    pub fn gather(&self) -> Vec<Family> {
        let inner = self.0.lock();
        let mut families: Vec<Family> =
            inner.families.iter().map(|(name, one)| one.family(name)).collect();
        families.extend(inner.collectors.iter().flat_map(|collect| collect()));
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families
    }

    fn source(
        &self,
        name: &str,
        help: &str,
        kind: Kind,
        labels: &[(&str, &str)],
        make: impl FnOnce() -> Source,
    ) -> Source {
        let labels: Vec<(String, String)> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut inner = self.0.lock();
        let family = inner.families.entry(name.to_owned()).or_insert_with(|| Registered {
            help: help.to_owned(),
            kind,
            points: Vec::new(),
        });
        assert!(
            family.kind == kind,
            "metric {name} is registered as {:?} and {kind:?}",
            family.kind
        );
        if let Some((_, source)) = family.points.iter().find(|(have, _)| *have == labels) {
            return source.share();
        }
        let source = make();
        family.points.push((labels, source.share()));
        source
    }
}

impl Source {
    fn share(&self) -> Self {
        match self {
            Self::Counter(counter) => Self::Counter(counter.clone()),
            Self::Gauge(gauge) => Self::Gauge(gauge.clone()),
            Self::Histogram(histogram) => Self::Histogram(histogram.clone()),
        }
    }

    fn value(&self) -> PointValue {
        match self {
            Self::Counter(counter) => PointValue::Number(float(counter.value())),
            Self::Gauge(gauge) => PointValue::Number(gauge.value()),
            Self::Histogram(histogram) => histogram.point(),
        }
    }
}

impl Registered {
    fn family(&self, name: &str) -> Family {
        let point = |(labels, source): &(Vec<(String, String)>, Source)| Point {
            labels: labels.clone(),
            value: source.value(),
        };
        Family {
            name: name.to_owned(),
            help: self.help.clone(),
            kind: self.kind,
            points: self.points.iter().map(point).collect(),
        }
    }
}

impl Family {
    /// A family with one point without labels, for collectors.
    #[must_use]
    pub fn single(name: &str, help: &str, kind: Kind, value: f64) -> Self {
        let point = Point { labels: Vec::new(), value: PointValue::Number(value) };
        Self { name: name.to_owned(), help: help.to_owned(), kind, points: vec![point] }
    }
}

/// The nearest float: exact up to 2^53.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "counters past 2^53 round, as everywhere in the field"
)]
pub fn float(n: u64) -> f64 {
    n as f64
}
