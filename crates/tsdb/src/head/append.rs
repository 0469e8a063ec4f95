//! A batch of samples on its way into the head: checked as it grows, logged and applied as a whole.
//!
//! Commits run one after the other, so that the log has them in the order in which memory has them. A batch is applied only when the
//! log has taken it, under one hold of the head's lock; what the log has taken it writes before anything later.

use std::sync::Arc;

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram};
use model::labels::Labels;
use model::metadata::Metadata;
use model::port::{AppendError, Appender, Durability, SeriesRef};
use model::sample::{Value, is_stale};

use crate::db::Db;
use crate::wal::WalError;

use super::plan::{Gathered, Group, Plan};
use super::postings::IdMap;
use super::side::{AnyValue, HistogramValue};
use super::{CHUNK_RANGE_MS, Head};

/// Which times a batch may have, fixed by its first sample.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    head_maxt: i64,
    min_valid: i64,
    window_ms: i64,
}

/// Where a sample goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    InOrder,
    Late,
    /// It is there already.
    Same,
}

impl Bounds {
    /// `in_batch` is the newest sample that the batch has of the series.
    fn fate(
        &self,
        head: &Head,
        in_batch: Option<&(i64, AnyValue)>,
        (id, t, v): (u32, i64, &AnyValue),
    ) -> Result<Fate, AppendError> {
        let committed = head.last_t(id);
        let in_batch = in_batch.filter(|(last, _)| committed.is_none_or(|t| t < *last));
        let last = in_batch.map(|(last, _)| *last).or(committed);
        let is_same = || match in_batch {
            Some((_, have)) => have.is_same(v),
            None => head.last_value(id).is_same(v),
        };
        if t >= self.min_valid || self.is_in_window(t) {
            match last {
                Some(last) if t < last => {}
                Some(last) if t == last && is_same() => return Ok(Fate::Same),
                Some(last) if t == last => return Err(AppendError::Duplicate),
                Some(_) | None => return Ok(Fate::InOrder),
            }
        }
        if self.is_in_window(t) {
            Ok(Fate::Late)
        } else if self.window_ms > 0 {
            Err(AppendError::TooOld)
        } else if t < self.min_valid {
            Err(AppendError::OutOfBounds)
        } else {
            Err(AppendError::OutOfOrder)
        }
    }

    fn is_in_window(&self, t: i64) -> bool {
        self.window_ms > 0 && t >= self.head_maxt.saturating_sub(self.window_ms)
    }
}

/// A batch.
pub(crate) struct HeadAppender<'a> {
    db: &'a Db,
    bounds: Option<Bounds>,
    gathered: Gathered,
    extent: (u32, u32),
    /// The highest id so far: one above it is not there yet.
    max_id: Option<u32>,
    /// The newest in-order sample of each series; kept from the first id on that does not ascend.
    newest: IdMap<(i64, AnyValue)>,
    /// Late samples of the batch.
    n_late: u64,
}

impl std::fmt::Debug for HeadAppender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeadAppender({} groups)", self.gathered.groups.len())
    }
}

impl<'a> HeadAppender<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        db.metrics.active_appenders.add(1.0);
        db.metrics.appenders_created.inc();
        Self {
            db,
            bounds: None,
            gathered: Gathered::default(),
            extent: (0, 0),
            max_id: None,
            newest: IdMap::default(),
            n_late: 0,
        }
    }

    fn bounds(&mut self, head: &Head, t: i64) -> Bounds {
        let window_ms = self.db.options.out_of_order_window_ms;
        *self.bounds.get_or_insert_with(|| {
            // The first sample of an empty head sets its time.
            let head_maxt = if head.maxt < head.mint { t } else { head.maxt };
            let min_valid = head_maxt.saturating_sub(CHUNK_RANGE_MS / 2);
            Bounds { head_maxt, min_valid, window_ms }
        })
    }

    /// The slot of the series, made when it is new.
    fn resolve(&mut self, labels: &dyn Fn() -> Labels) -> Result<u32, AppendError> {
        let labels = labels();
        if labels.is_empty() {
            return Err(AppendError::Labels("empty labelset".to_owned()));
        }
        let hash = labels.hash64();
        if let Some(id) = self.db.head.read().find(hash, &labels) {
            return Ok(id);
        }
        let mut head = self.db.head.write();
        if let Some(id) = head.find(hash, &labels) {
            return Ok(id);
        }
        let n = head.counts.series + head.counts.unborn;
        let max = self.db.options.series_max;
        if n >= max {
            return Err(AppendError::Limit(format!("{max} series (storage.series_max)")));
        }
        if self.extent.0 == self.extent.1 {
            self.extent = head.take_extent().map_err(|full| AppendError::Limit(full.0))?;
        }
        let id = self.extent.0;
        head.create(id, hash, &labels).map_err(|full| AppendError::Limit(full.0))?;
        self.extent.0 += 1;
        Ok(id)
    }

    fn add(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        v: AnyValue,
    ) -> Result<SeriesRef, AppendError> {
        let db = self.db;
        let mut head = db.head.read();
        let id = match head.id_of(series) {
            Some(id) => id,
            None => {
                drop(head);
                let id = self.resolve(labels)?;
                head = db.head.read();
                id
            }
        };
        let bounds = self.bounds(&head, t);
        self.note_order(id);
        let in_batch = self.newest.get(&id);
        let v = match v {
            AnyValue::Float(f) if is_stale(f) => stale(&head, in_batch, id),
            AnyValue::Float(_) | AnyValue::Histogram(_) => v,
        };
        let fate = bounds.fate(&head, in_batch, (id, t, &v)).inspect_err(|error| {
            db.metrics.refused(error, matches!(v, AnyValue::Histogram(_)));
        })?;
        let series = head.ref_of(id);
        drop(head);
        let fate = match fate {
            Fate::Late => self.late(id, t, &v)?,
            Fate::InOrder | Fate::Same => fate,
        };
        if fate != Fate::Same {
            self.push(id, t, v, fate);
        }
        Ok(series)
    }

    /// A late sample must not come at the time of another one: only one of them would ever be seen.
    fn late(&mut self, id: u32, t: i64, v: &AnyValue) -> Result<Fate, AppendError> {
        if let Some(have) = super::read::value_at(self.db, id, t) {
            return if is_stored_as(v, &have) {
                Ok(Fate::Same)
            } else {
                Err(AppendError::Duplicate)
            };
        }
        let max = self.db.options.late_samples_max;
        if self.db.head.read().late_len().saturating_add(self.n_late) >= max {
            return Err(AppendError::Limit(format!(
                "{max} late samples (storage.late_samples_max)"
            )));
        }
        self.n_late += 1;
        Ok(Fate::Late)
    }

    /// Takes note that a sample of `id` comes: when the series may be there already, the newest samples must be known.
    fn note_order(&mut self, id: u32) {
        if self.max_id.is_none_or(|max| id > max) {
            self.max_id = Some(id);
            return;
        }
        if std::mem::replace(&mut self.gathered.may_repeat, true) {
            return;
        }
        // Ids have ascended so far: each is there once.
        for group in &self.gathered.groups {
            let floats = group.floats.iter().map(|(id, t, v)| (*id, *t, AnyValue::Float(*v)));
            let histograms = group.histograms.iter();
            let histograms = histograms.map(|(id, t, h)| (*id, *t, AnyValue::Histogram(h.clone())));
            self.newest.extend(floats.chain(histograms).map(|(id, t, v)| (id, (t, v))));
        }
    }

    fn push(&mut self, id: u32, t: i64, v: AnyValue, fate: Fate) {
        let is_mixed = self.newest.get(&id).is_some_and(|(_, have)| !have.is_kind_of(&v));
        if is_mixed || self.gathered.groups.is_empty() {
            self.gathered.groups.push(Group::default());
        }
        if self.gathered.may_repeat && fate == Fate::InOrder {
            self.newest.insert(id, (t, v.clone()));
        }
        self.push_into_last(id, t, v);
    }

    fn push_into_last(&mut self, id: u32, t: i64, v: AnyValue) {
        if let Some(group) = self.gathered.groups.last_mut() {
            match v {
                AnyValue::Float(v) => group.floats.push((id, t, v)),
                AnyValue::Histogram(h) => group.histograms.push((id, t, h)),
            }
        }
    }
}

impl Appender for HeadAppender<'_> {
    fn append(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        v: f64,
    ) -> Result<SeriesRef, AppendError> {
        self.add(series, labels, t, AnyValue::Float(v))
    }

    fn append_histogram(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        h: &Histogram,
    ) -> Result<SeriesRef, AppendError> {
        let h = HistogramValue::Int(Arc::new(h.clone()));
        h.validate().map_err(AppendError::Histogram)?;
        self.add(series, labels, t, AnyValue::Histogram(h))
    }

    fn append_float_histogram(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        t: i64,
        h: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        let h = HistogramValue::Float(Arc::new(h.clone()));
        h.validate().map_err(AppendError::Histogram)?;
        self.add(series, labels, t, AnyValue::Histogram(h))
    }

    fn append_exemplar(
        &mut self,
        series: SeriesRef,
        exemplar: &Exemplar,
    ) -> Result<(), AppendError> {
        let head = self.db.head.read();
        let id = head.id_of(series).ok_or_else(|| unknown(series))?;
        head.exemplars
            .check(id, exemplar)
            .inspect_err(|error| self.db.metrics.refused(error, false))?;
        drop(head);
        self.gathered.exemplars.push((id, exemplar.clone()));
        Ok(())
    }

    fn update_metadata(
        &mut self,
        series: SeriesRef,
        metadata: &Metadata,
    ) -> Result<(), AppendError> {
        let head = self.db.head.read();
        let id = head.id_of(series).ok_or_else(|| unknown(series))?;
        if head.has_metadata(id, metadata) {
            return Ok(());
        }
        drop(head);
        let number = self.db.head.write().new_metadata(id, metadata);
        self.gathered.metadata.extend(number.map(|number| (id, number)));
        Ok(())
    }

    fn commit(mut self: Box<Self>, durability: Durability) -> Result<(), AppendError> {
        let db = self.db;
        let gathered = std::mem::take(&mut self.gathered);
        let order = db.commit.lock();
        let (plan, batch, late_batch) = {
            let head = db.head.read();
            let takes_late = db.options.out_of_order_window_ms > 0;
            let plan = Plan::new(&head, gathered, takes_late).ok_or_else(|| {
                let text = "series were dropped while the batch was open: append it again";
                AppendError::Storage(text.to_owned())
            })?;
            let (batch, late_batch) = (plan.batch(&head), plan.late_batch(&head));
            (plan, batch, late_batch)
        };
        let (floats, histograms) = plan.overtaken;
        db.metrics.out_of_order.float.add(floats);
        db.metrics.out_of_order.histogram.add(histograms);
        if plan.is_empty() && durability == Durability::Soon {
            return Ok(());
        }
        // An empty batch is logged all the same when the caller waits: what it repeats may not be durable yet.
        let ticket = db.wal.log(batch, durability).map_err(storage)?;
        let closed_bytes = {
            let mut head = db.head.write();
            plan.apply(&mut head);
            head.closed_memory_bytes()
        };
        db.add_late(ticket, late_batch);
        drop(order);
        db.relieve(closed_bytes);
        if durability == Durability::Synced {
            db.wal.wait(ticket).map_err(storage)?;
            db.settle(ticket);
            if floats + histograms > 0 {
                return Err(AppendError::Overtaken { floats, histograms });
            }
        }
        Ok(())
    }
}

/// Whether `have` is how `v` is read back. Hints are a chunk's, not a sample's.
fn is_stored_as(v: &AnyValue, have: &Value) -> bool {
    match (v, have) {
        (AnyValue::Float(v), Value::Float(have)) => v.to_bits() == have.to_bits(),
        (AnyValue::Histogram(v), Value::Histogram(have)) => {
            let reset_hint = have.reset_hint;
            let v = FloatHistogram { reset_hint, ..(*v.to_float()).clone() };
            v == **have || is_stale(v.sum) && is_stale(have.sum)
        }
        (AnyValue::Float(_), Value::Histogram(_)) | (AnyValue::Histogram(_), Value::Float(_)) => {
            false
        }
    }
}

/// A staleness marker has the kind of what it ends.
fn stale(head: &Head, in_batch: Option<&(i64, AnyValue)>, id: u32) -> AnyValue {
    let last = in_batch.map_or_else(|| head.last_value(id), |(_, v)| v.clone());
    match last {
        AnyValue::Histogram(h) => AnyValue::Histogram(HistogramValue::stale(h.is_float())),
        AnyValue::Float(_) => AnyValue::Float(model::sample::stale_nan()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn storage(error: WalError) -> AppendError {
    AppendError::Storage(error.to_string())
}

fn unknown(series: SeriesRef) -> AppendError {
    AppendError::Labels(format!("unknown series reference {}", series.0))
}

impl Drop for HeadAppender<'_> {
    fn drop(&mut self) {
        self.db.metrics.active_appenders.add(-1.0);
        if self.extent.0 < self.extent.1 {
            self.db.head.write().give_back(self.extent);
        }
    }
}
