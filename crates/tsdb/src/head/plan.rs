//! What a commit will do, decided against the head as it is: the same list is logged and applied.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use model::exemplar::Exemplar;

use crate::wal::Batch;
use crate::wal::record::{
    RefExemplar, RefFloatHistogram, RefHistogram, RefMetadata, RefSample, RefSeries,
};

use super::Head;
use super::postings::IdMap;
use super::side::{AnyValue, HistogramValue};

/// Samples of a batch, in the order of their arrival. A series has floats here or histograms, not both.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) floats: Vec<(u32, i64, f64)>,
    pub(crate) histograms: Vec<(u32, i64, HistogramValue)>,
}

/// Everything that a batch has gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) groups: Vec<Group>,
    pub(crate) exemplars: Vec<(u32, Exemplar)>,
    pub(crate) metadata: Vec<(u32, u32)>,
    /// A series may be there more than once.
    pub(crate) may_repeat: bool,
}

/// A batch without what can no longer be stored.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Series that the log does not know yet.
    new: Vec<u32>,
    groups: Vec<Group>,
    /// Samples for the side, of any kind.
    late: Vec<(u32, i64, AnyValue)>,
    exemplars: Vec<(u32, Exemplar)>,
    metadata: Vec<(u32, u32)>,
    /// Floats and histograms that another commit has overtaken and that are not stored.
    pub(crate) overtaken: (u64, u64),
}

/// Sorts samples into those that come in order and those that come late.
struct Sorter<'a> {
    head: &'a Head,
    takes_late: bool,
    /// Newest time of each series with the batch so far; kept only when series repeat and may come late. (Else the appender has seen to it
    /// that the batch's samples of a series ascend.)
    newest: Option<IdMap<i64>>,
    /// As long as `newest` is kept: the batch's samples in order.
    kept: HashMap<(u32, i64), AnyValue>,
    late: BTreeMap<(u32, i64), AnyValue>,
    new: Vec<u32>,
    overtaken: (u64, u64),
    /// A series was dropped while the batch was open.
    is_stale: bool,
}

impl Sorter<'_> {
    /// Whether the sample comes in order. If not, it is put aside or dropped.
    fn keep(&mut self, id: u32, t: i64, v: impl Fn() -> AnyValue) -> bool {
        if !self.head.is_taken(id) {
            self.is_stale = true;
            return false;
        }
        let batch_last = self.newest.as_ref().and_then(|newest| newest.get(&id)).copied();
        match batch_last.or_else(|| self.head.last_t(id)) {
            // The appender takes no other value at the time of its own newest.
            Some(last) if t == last && batch_last.is_some() => false,
            Some(last) if t == last => {
                self.expect_same(&self.head.last_value(id), &v());
                false
            }
            Some(last) if t < last => {
                self.put_late(id, t, v());
                false
            }
            Some(_) | None => {
                self.note_new(id);
                if let Some(newest) = &mut self.newest {
                    newest.insert(id, t);
                    self.kept.insert((id, t), v());
                }
                true
            }
        }
    }

    fn put_late(&mut self, id: u32, t: i64, v: AnyValue) {
        let in_batch = || self.late.get(&(id, t)).or_else(|| self.kept.get(&(id, t)));
        let have = self.head.late_value(id, t).or_else(in_batch).cloned();
        if let Some(have) = have {
            self.expect_same(&have, &v);
        } else if self.takes_late {
            self.late.insert((id, t), v);
            self.note_new(id);
        } else {
            self.note_overtaken(&v);
        }
    }

    /// What is stored already is as good as stored by this batch.
    fn expect_same(&mut self, have: &AnyValue, v: &AnyValue) {
        if !have.is_same(v) {
            self.note_overtaken(v);
        }
    }

    fn note_overtaken(&mut self, v: &AnyValue) {
        match v {
            AnyValue::Float(_) => self.overtaken.0 += 1,
            AnyValue::Histogram(_) => self.overtaken.1 += 1,
        }
    }

    fn note_new(&mut self, id: u32) {
        if !self.head.is_logged(id) {
            self.new.push(id);
        }
    }
}

impl Plan {
    /// `None` when a series has been dropped while the batch was open.
    pub(crate) fn new(head: &Head, gathered: Gathered, takes_late: bool) -> Option<Self> {
        let Gathered { mut groups, exemplars, metadata, may_repeat } = gathered;
        let mut sorter = Sorter {
            head,
            takes_late,
            newest: (may_repeat && takes_late).then(IdMap::default),
            kept: HashMap::new(),
            late: BTreeMap::new(),
            new: Vec::new(),
            overtaken: (0, 0),
            is_stale: false,
        };
        for group in &mut groups {
            group.floats.retain(|(id, t, v)| sorter.keep(*id, *t, || AnyValue::Float(*v)));
            group
                .histograms
                .retain(|(id, t, h)| sorter.keep(*id, *t, || AnyValue::Histogram(h.clone())));
        }
        let ids = exemplars.iter().map(|(id, _)| *id).chain(metadata.iter().map(|(id, _)| *id));
        for id in ids {
            sorter.is_stale |= !head.is_taken(id);
            sorter.note_new(id);
        }
        let Sorter { late, mut new, overtaken, is_stale, .. } = sorter;
        if is_stale {
            return None;
        }
        new.sort_unstable();
        new.dedup();
        let late = late.into_iter().map(|((id, t), v)| (id, t, v)).collect();
        Some(Self { new, groups, late, exemplars, metadata, overtaken })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.new.is_empty()
            && self.late.is_empty()
            && self.exemplars.is_empty()
            && self.metadata.is_empty()
            && self.groups.iter().all(|g| g.floats.is_empty() && g.histograms.is_empty())
    }

    /// The records of the batch: series, metadata, samples, histograms, exemplars.
    pub(crate) fn batch(&self, head: &Head) -> Batch {
        let mut batch = Batch::default();
        let series: Vec<RefSeries> = self
            .new
            .iter()
            .map(|id| RefSeries { series: head.ref_of(*id).0, labels: head.labels(*id) })
            .collect();
        batch.series(&series);
        let metadata: Vec<RefMetadata> = self
            .metadata
            .iter()
            .map(|(id, number)| RefMetadata {
                series: head.ref_of(*id).0,
                metadata: (*head.metadata(*number)).clone(),
            })
            .collect();
        batch.metadata(&metadata);
        // Floats in order and late ones share a record when they can: a record is whole or not there.
        if let [only] = self.groups.as_slice()
            && only.histograms.is_empty()
            && self.late.iter().all(|(_, _, v)| matches!(v, AnyValue::Float(_)))
        {
            let late = self.late.iter().filter_map(|(id, t, v)| match v {
                AnyValue::Float(v) => Some((*id, *t, *v)),
                AnyValue::Histogram(_) => None,
            });
            let floats = only.floats.iter().copied().chain(late);
            batch.samples(floats.map(|(id, t, v)| RefSample { series: head.ref_of(id).0, t, v }));
        } else {
            for group in &self.groups {
                put_group(&mut batch, head, group);
            }
            self.put_late(&mut batch, head);
        }
        let exemplars: Vec<RefExemplar> = self
            .exemplars
            .iter()
            .map(|(id, one)| RefExemplar {
                series: head.ref_of(*id).0,
                t: one.t.unwrap_or(0),
                v: one.value,
                labels: one.labels.clone(),
            })
            .collect();
        batch.exemplars(&exemplars);
        batch
    }

    /// The late samples alone, for the log that Prometheus keeps for them.
    pub(crate) fn late_batch(&self, head: &Head) -> Batch {
        let mut batch = Batch::default();
        self.put_late(&mut batch, head);
        batch
    }

    fn put_late(&self, batch: &mut Batch, head: &Head) {
        if self.late.is_empty() {
            return;
        }
        let mut group = Group::default();
        for (id, t, v) in &self.late {
            match v {
                AnyValue::Float(v) => group.floats.push((*id, *t, *v)),
                AnyValue::Histogram(h) => group.histograms.push((*id, *t, h.clone())),
            }
        }
        put_group(batch, head, &group);
    }

    /// Makes the batch visible.
    pub(crate) fn apply(self, head: &mut Head) {
        head.isolation.begin();
        for id in self.new {
            head.set_logged(id, true);
        }
        for group in self.groups {
            for (id, t, v) in group.floats {
                head.put_float(id, t, v);
            }
            for (id, t, h) in group.histograms {
                head.put_histogram(id, t, h);
            }
        }
        for (id, t, v) in self.late {
            head.put_late(id, t, v);
        }
        for (id, number) in self.metadata {
            head.set_metadata(id, number);
        }
        for (id, exemplar) in self.exemplars {
            head.exemplars.push(id, exemplar);
        }
    }
}

/// Bytes that the record of a float takes at most: ref, time, value.
const FLOAT_RECORD_BYTES: usize = 28;

/// As [`put_group`], in records of about `bytes_max` at most: for samples that need not be there as a whole.
pub(crate) fn put_split(batch: &mut Batch, head: &Head, group: &Group, bytes_max: usize) {
    for floats in group.floats.chunks((bytes_max / FLOAT_RECORD_BYTES).max(1)) {
        put_group(batch, head, &Group { floats: floats.to_vec(), histograms: Vec::new() });
    }
    let mut part = Group::default();
    let mut bytes = 0;
    for one in &group.histograms {
        bytes += one.2.record_bytes_max();
        if bytes > bytes_max && !part.histograms.is_empty() {
            put_group(batch, head, &std::mem::take(&mut part));
            bytes = one.2.record_bytes_max();
        }
        part.histograms.push(one.clone());
    }
    put_group(batch, head, &part);
}

/// Records of samples: floats, histograms, float histograms.
pub(crate) fn put_group(batch: &mut Batch, head: &Head, group: &Group) {
    let float =
        |(id, t, v): &(u32, i64, f64)| RefSample { series: head.ref_of(*id).0, t: *t, v: *v };
    batch.samples(group.floats.iter().map(float));
    if group.histograms.is_empty() {
        return;
    }
    let (mut ints, mut floats) = (Vec::new(), Vec::new());
    for (id, t, h) in &group.histograms {
        let series = head.ref_of(*id).0;
        match h {
            HistogramValue::Int(h) => ints.push(RefHistogram { series, t: *t, h: (**h).clone() }),
            HistogramValue::Float(h) => {
                floats.push(RefFloatHistogram { series, t: *t, h: (**h).clone() });
            }
        }
    }
    batch.histograms(&ints);
    batch.float_histograms(&floats);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stale(is_float: bool) -> HistogramValue {
        HistogramValue::stale(is_float)
    }

    /// Records of `n` floats, integer and float histograms when a record may have room for `room` of a kind.
    fn check(n: i64, room: usize, records: usize) {
        let mut head = Head::default();
        head.take_extent().unwrap();
        for (floats, histograms, bytes) in [
            ((0..n).map(|t| (0, i64::MIN + t * 97, 0.1)).collect(), Vec::new(), FLOAT_RECORD_BYTES),
            (
                Vec::new(),
                (0..n).map(|t| (0, t, stale(false))).collect(),
                stale(false).record_bytes_max(),
            ),
            (
                Vec::new(),
                (0..n).map(|t| (0, t, stale(true))).collect(),
                stale(true).record_bytes_max(),
            ),
        ] {
            let mut batch = Batch::default();
            put_split(&mut batch, &head, &Group { floats, histograms }, bytes * room);
            assert_eq!(batch.records().count(), records);
            assert!(batch.records().all(|record| record.len() <= bytes * room + 17), "{batch:?}");
        }
    }

    #[test]
    fn records_are_split_at_the_bound_and_one_past_it() {
        check(0, 10, 0);
        check(10, 10, 1);
        check(11, 10, 2);
        check(35, 10, 4);
        check(3, 1, 3);
    }
}
