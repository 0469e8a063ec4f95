//! What flows through the engine: one series' values over all steps of a frame, and what comes out at the end.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use model::histogram::FloatHistogram;
use model::labels::Labels;
use model::sample::{Sample, Samples, Value};

use super::error::QueryError;
use super::limits::{Hold, Meter};
use stdx::budget::Charge;

/// A sample of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    pub labels: Labels,
    pub sample: Sample,
}

/// A series of a range result, in time order.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    pub labels: Labels,
    pub samples: Samples,
}

/// A query's value.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryValue {
    Scalar { t: i64, v: f64 },
    String { t: i64, s: String },
    Vector(Vec<VectorSample>),
    Matrix(Vec<MatrixSeries>),
}

/// What pays for a query's value while it is made, and then until it has been sent.
#[derive(Debug)]
pub(crate) struct Answer(pub(crate) Charge);

impl Answer {
    /// Pays for one series with `count` values in columns: those of `column`, which will be let go.
    pub(crate) fn column(&mut self, column: &Column) -> Result<(), QueryError> {
        let hists: u64 = column.hists.iter().flatten().map(|h| 16 * histogram_samples(h)).sum();
        let points = bytes_of(column.count, POINT_BYTES);
        self.bytes(points.saturating_add(hists).saturating_add(column.labels_bytes))
    }

    /// Pays for one series with `samples`.
    pub(crate) fn samples(&mut self, samples: &Samples) -> Result<(), QueryError> {
        let hists: u64 = samples.hs.iter().map(|(_, h)| 16 * histogram_samples(h)).sum();
        let points = bytes_of(samples.ts.len() + samples.hs.len(), POINT_BYTES);
        self.bytes(points.saturating_add(hists))
    }

    /// Pays for one row with `more` bytes of its own.
    fn bytes(&mut self, more: u64) -> Result<(), QueryError> {
        let row = bytes_of(1, size_of::<MatrixSeries>());
        Ok(self.0.grow(row.saturating_add(more))?)
    }
}

/// A time and a float, or a time and where a histogram is.
const POINT_BYTES: usize = 16;

/// How many samples count as one histogram, by its size in memory (as Prometheus counts).
pub(crate) fn histogram_samples(h: &FloatHistogram) -> u64 {
    let spans = h.positive_spans.len() + h.negative_spans.len();
    let buckets = h.positive_buckets.len() + h.negative_buckets.len();
    let bounds = h.custom_values.as_ref().map_or(0, |bounds| bounds.len());
    let bytes = 168 + 8 * (spans + buckets + bounds);
    (u64::try_from(bytes).unwrap_or(u64::MAX) + 8) / 16
}

/// The bytes of `n` things of `size` bytes.
pub(crate) fn bytes_of(n: usize, size: usize) -> u64 {
    let n = u64::try_from(n).unwrap_or(u64::MAX);
    n.saturating_mul(u64::try_from(size).unwrap_or(u64::MAX))
}

/// The values of one series at each step; a step has a float, a histogram, or nothing.
#[derive(Debug)]
pub(crate) struct Column {
    /// One per step; what stands where `present` has no bit means nothing.
    floats: Vec<f64>,
    /// A bit per step that has a float.
    present: Vec<u64>,
    /// One per step, or empty when there is none.
    hists: Vec<Option<Arc<FloatHistogram>>>,
    count: usize,
    /// Of the labels that were made for it.
    labels_bytes: u64,
    hold: Hold,
}

impl Column {
    /// An empty column; its bytes are charged before they are taken.
    pub(crate) fn new(meter: &Rc<Meter>, steps: usize) -> Result<Self, QueryError> {
        let words = steps.div_ceil(64);
        let hold = meter.hold(bytes_of(steps, 8).saturating_add(bytes_of(words, 8)))?;
        Ok(Self {
            floats: vec![0.0; steps],
            present: vec![0; words],
            hists: Vec::new(),
            count: 0,
            labels_bytes: 0,
            hold,
        })
    }

    /// A column with `v` at every step.
    pub(crate) fn constant(meter: &Rc<Meter>, steps: usize, v: f64) -> Result<Self, QueryError> {
        let mut column = Self::new(meter, steps)?;
        for step in 0..steps {
            column.put_float(step, v);
        }
        column.seal()?;
        Ok(column)
    }

    pub(crate) fn steps(&self) -> usize {
        self.floats.len()
    }

    /// How many steps have a value.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn has_hists(&self) -> bool {
        !self.hists.is_empty()
    }

    pub(crate) fn any_float(&self) -> bool {
        self.present.iter().any(|&word| word != 0)
    }

    pub(crate) fn has_float(&self, step: usize) -> bool {
        self.present[step / 64] >> (step % 64) & 1 == 1
    }

    pub(crate) fn has(&self, step: usize) -> bool {
        self.has_float(step) || self.hist(step).is_some()
    }

    pub(crate) fn float(&self, step: usize) -> Option<f64> {
        self.has_float(step).then(|| self.floats[step])
    }

    pub(crate) fn hist(&self, step: usize) -> Option<&Arc<FloatHistogram>> {
        self.hists.get(step)?.as_ref()
    }

    pub(crate) fn get(&self, step: usize) -> Option<Value> {
        match self.float(step) {
            Some(v) => Some(Value::Float(v)),
            None => self.hist(step).map(|h| Value::Histogram(Arc::clone(h))),
        }
    }

    /// Sets a step that has nothing, or a float, to a float.
    pub(crate) fn put_float(&mut self, step: usize, v: f64) {
        let bit = 1 << (step % 64);
        self.count += usize::from(self.present[step / 64] & bit == 0);
        self.present[step / 64] |= bit;
        self.floats[step] = v;
    }

    /// Sets a step that has nothing.
    pub(crate) fn put(&mut self, step: usize, value: Value) {
        match value {
            Value::Float(v) => self.put_float(step, v),
            Value::Histogram(h) => {
                if self.hists.is_empty() {
                    self.hists.resize(self.floats.len(), None);
                }
                self.hists[step] = Some(h);
                self.count += 1;
            }
        }
    }

    /// Makes a step empty.
    pub(crate) fn clear(&mut self, step: usize) {
        self.count -= usize::from(self.has(step));
        self.present[step / 64] &= !(1 << (step % 64));
        if let Some(slot) = self.hists.get_mut(step) {
            *slot = None;
        }
    }

    /// Counts the samples against the query's bound; to be called once, when the column is filled.
    pub(crate) fn seal(&mut self) -> Result<(), QueryError> {
        let mut samples = bytes_of(self.count, 1);
        let mut bytes = 0;
        if self.has_hists() {
            let all = self.hists.iter().flatten();
            let (n, sum) = all.fold((0, 0), |(n, sum), h| (n + 1, sum + histogram_samples(h)));
            samples = samples - n + sum;
            bytes = sum * 16 + bytes_of(self.hists.len(), 8);
        }
        self.hold.grow(samples, bytes)
    }

    /// Counts bytes that go with the column, such as labels made for it.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), QueryError> {
        let bytes = bytes_of(bytes, 1);
        self.labels_bytes = self.labels_bytes.saturating_add(bytes);
        self.hold.grow(0, bytes)
    }

    /// Changes each float, and drops the histograms.
    pub(crate) fn map_floats(&mut self, f: impl Fn(f64) -> f64) {
        if self.has_hists() {
            self.hists.clear();
            self.count = self
                .present
                .iter()
                .map(|word| word.count_ones())
                .sum::<u32>()
                .try_into()
                .unwrap_or(0);
        }
        if self.count == self.floats.len() {
            self.floats.iter_mut().for_each(|v| *v = f(*v));
            return;
        }
        for step in 0..self.floats.len() {
            if self.has_float(step) {
                self.floats[step] = f(self.floats[step]);
            }
        }
    }

    /// Takes in the values of `other`, whose steps must be empty here.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), QueryError> {
        for step in 0..self.steps() {
            let Some(value) = other.get(step) else { continue };
            if self.has(step) {
                return Err(QueryError::same_labelset());
            }
            self.put(step, value);
        }
        let count = bytes_of(other.count, 1);
        self.hold.grow(count, 0)
    }
}

/// A series inside of the engine.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    /// The name goes away at the end (delayed name removal).
    pub(crate) drop_name: bool,
    pub(crate) column: Column,
}

/// Series by their labels, in the order of their first appearance; series with equal labels become one, which is an error
/// where both have a value.
#[derive(Debug)]
pub(crate) struct Collector {
    meter: Rc<Meter>,
    steps: usize,
    by_labels: HashMap<Labels, usize>,
    series: Vec<Series>,
}

impl Collector {
    pub(crate) fn new(meter: &Rc<Meter>, steps: usize) -> Self {
        Self { meter: Rc::clone(meter), steps, by_labels: HashMap::new(), series: Vec::new() }
    }

    /// Adds a whole, sealed series. One without values is left out.
    pub(crate) fn add(&mut self, series: Series) -> Result<(), QueryError> {
        if series.column.is_empty() {
            return Ok(());
        }
        if let Some(&at) = self.by_labels.get(&series.labels) {
            return self.series[at].column.merge(&series.column);
        }
        self.by_labels.insert(series.labels.clone(), self.series.len());
        self.series.push(series);
        Ok(())
    }

    /// Adds one value. The columns are sealed by [`Collector::finish`].
    pub(crate) fn put(
        &mut self,
        (labels, drop_name): (&Labels, bool),
        step: usize,
        value: Value,
    ) -> Result<(), QueryError> {
        let at = match self.by_labels.get(labels) {
            Some(&at) => at,
            None => {
                let column = Column::new(&self.meter, self.steps)?;
                self.series.push(Series { labels: labels.clone(), drop_name, column });
                self.by_labels.insert(labels.clone(), self.series.len() - 1);
                self.series.len() - 1
            }
        };
        let column = &mut self.series[at].column;
        if column.has(step) {
            return Err(QueryError::same_labelset());
        }
        column.put(step, value);
        Ok(())
    }

    /// What was added whole.
    pub(crate) fn series(self) -> Vec<Series> {
        self.series
    }

    /// What was added value by value.
    pub(crate) fn finish(mut self) -> Result<Vec<Series>, QueryError> {
        for series in &mut self.series {
            series.column.seal()?;
        }
        Ok(self.series)
    }
}
