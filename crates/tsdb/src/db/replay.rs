//! Start: chunk files, then the checkpoint and the log, then the log of late samples.
//!
//! A sample that is newer than all of its series in the log so far came in order; it is skipped when a chunk file has it already.
//! One that is older came late. Damage costs what it hit, and is told.

use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;
use model::port::SeriesRef;
use stdx::fs::Fs;

use crate::chunk::{ChunkMeta, ChunkRef, Encoding, HeadChunks, xor};
use crate::head::restore::Found;
use crate::head::side::{AnyValue, HistogramValue};
use crate::head::{Full, Head, split_ref};
use crate::wal::record::RefSeries;
use crate::wal::{self, DamageKind, Reader, Record, RecordError, WalMetrics};

use super::metrics::DbMetrics;
use super::{OpenError, Options, ReplayProgress};

/// Generations of refs (one for each start) that a part of the log that could not be read may hold.
const UNREAD_GENERATIONS: u32 = 1 << 16;

/// What is there after the replay.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) head: Head,
    pub(super) chunks: HeadChunks,
    pub(super) damage: Vec<String>,
    pub(super) progress: ReplayProgress,
    /// Some of the log could not be read and may be whole.
    pub(super) has_unreadable: bool,
}

#[derive(Default)]
struct Replay {
    head: Head,
    /// Slot ids by the log's refs.
    ids: HashMap<u64, u32>,
    /// Newest time of each slot's series in the log so far.
    newest: Vec<i64>,
    found: HashMap<u64, Vec<Found>>,
    /// Samples of chunks that hold late ones.
    late: HashMap<u64, Vec<(i64, f64)>>,
    max_generation: u32,
    unknown: u64,
    deletions: u64,
    /// Chunks with a right checksum and samples that cannot be read.
    undecodable: u64,
    has_unreadable: bool,
    full: Option<Full>,
}

pub(super) fn run(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    options: &Options,
    metrics: &DbMetrics,
    wal_metrics: &WalMetrics,
) -> Result<Replayed, OpenError> {
    let mut replay = Replay::default();
    replay.head.exemplars = super::exemplars(options);
    let mut damage = Vec::new();
    let each = |at: ChunkRef, meta: &ChunkMeta, bytes: &[u8]| replay.note_chunk(at, meta, bytes);
    let (chunks, bad) = HeadChunks::open(Arc::clone(fs), &dir.join("chunks_head"), each)?;
    metrics.replay.chunk_corruptions.add(bad.len() as u64);
    for one in bad {
        let at = format!("chunks_head/{:06} at byte {}", one.file, one.offset);
        damage.push(format!("{at}: {}, {} bytes left out", one.what, one.bytes));
    }
    let progress = replay.log(fs, &dir.join("wal"), "wal", &mut damage, wal_metrics)?;
    metrics.replay.unknown.add(std::mem::take(&mut replay.unknown));
    let late_metrics = WalMetrics::new(&stdx::metrics::Registry::default());
    replay.log(fs, &dir.join("wbl"), "wbl", &mut damage, &late_metrics)?;
    metrics.replay.late_unknown.add(std::mem::take(&mut replay.unknown));
    replay.say_the_rest(&mut damage, metrics);
    let (mut head, has_unreadable) = (replay.head, replay.has_unreadable);
    // What could not be read may have refs of later generations: no new ref must be one of them.
    let step = if has_unreadable { UNREAD_GENERATIONS } else { 1 };
    head.finish_restore(replay.max_generation.wrapping_add(step));
    Ok(Replayed { head, chunks, damage, progress, has_unreadable })
}

impl Replay {
    fn note_chunk(&mut self, at: ChunkRef, meta: &ChunkMeta, bytes: &[u8]) {
        self.note_ref(meta.series);
        let n = bytes.first_chunk().map_or(0, |n| u16::from_be_bytes(*n));
        let (mut ts, mut vs) = (Vec::new(), Vec::new());
        if meta.encoding == Encoding::Xor && xor::decode(bytes, &mut ts, &mut vs).is_err() {
            // The checksum is right: another program's writing. The log may have the samples.
            self.undecodable += 1;
            return;
        }
        if meta.is_out_of_order {
            self.late.entry(meta.series).or_default().extend(ts.into_iter().zip(vs));
            return;
        }
        let last_v = vs.last().copied().unwrap_or(0.0);
        let (mint, maxt, encoding) = (meta.mint, meta.maxt, meta.encoding);
        let found = Found { at, mint, maxt, encoding, n, last_v };
        self.found.entry(meta.series).or_default().push(found);
    }

    fn note_ref(&mut self, series: u64) {
        if let Some((_, generation)) = split_ref(SeriesRef(series)) {
            self.max_generation = self.max_generation.max(generation);
        }
    }

    /// Reads the log in `dir`, applies it, and repairs it where it is damaged.
    fn log(
        &mut self,
        fs: &Arc<dyn Fs>,
        dir: &Path,
        name: &str,
        damage: &mut Vec<String>,
        metrics: &WalMetrics,
    ) -> Result<ReplayProgress, OpenError> {
        wal::dir::remove_leftovers(fs.as_ref(), dir).map_err(OpenError::Io)?;
        let segments = wal::dir::segments(fs.as_ref(), dir).map_err(OpenError::Io)?;
        let index = |segment: Option<&wal::dir::SegmentEntry>| segment.map_or(0, |s| s.index);
        let (min, max) = (index(segments.first()), index(segments.last()));
        let is_late = name == "wbl";
        let mut reader = Reader::open(Arc::clone(fs), dir)?;
        loop {
            let record = match reader.next_record()? {
                None => break,
                Some(raw) => Record::decode(raw.bytes).map_err(|error| (error, raw.place)),
            };
            match record {
                Ok(record) => self.apply(record, is_late),
                Err((
                    error @ (RecordError::Unknown(_) | RecordError::StartTimestamps(..)),
                    place,
                )) => {
                    return Err(OpenError::Newer(format!("{name}/{place}: {error}")));
                }
                Err((
                    error @ (RecordError::Empty | RecordError::Short(_) | RecordError::Invalid(..)),
                    _,
                )) => reader.reject(&error),
            }
        }
        let report = reader.report();
        self.has_unreadable |= report.has_unreadable();
        for one in &report.damage {
            let tail = if one.kind == DamageKind::TornTail { " (torn tail)" } else { "" };
            damage.push(format!("{name}/{one}{tail}"));
        }
        if report.omitted > 0 {
            damage.push(format!("{name}: {} more damages", report.omitted));
        }
        if !report.is_empty()
            && let Err(error) = wal::repair(fs.as_ref(), dir, report, metrics)
        {
            damage.push(format!("{name}: not repaired: {error}"));
        }
        Ok(ReplayProgress { min, max, current: max })
    }

    fn apply(&mut self, record: Record, is_late: bool) {
        match record {
            Record::Series(series) => series.iter().for_each(|one| self.series(one)),
            Record::Samples(samples) => {
                for one in samples {
                    self.sample(one.series, one.t, AnyValue::Float(one.v), is_late);
                }
            }
            Record::Histograms(samples) => {
                for one in samples {
                    let h = HistogramValue::Int(Arc::new(one.h));
                    self.sample(one.series, one.t, AnyValue::Histogram(h), is_late);
                }
            }
            Record::FloatHistograms(samples) => {
                for one in samples {
                    let h = HistogramValue::Float(Arc::new(one.h));
                    self.sample(one.series, one.t, AnyValue::Histogram(h), is_late);
                }
            }
            Record::Exemplars(exemplars) => {
                for one in exemplars {
                    if let Some(id) = self.id(one.series) {
                        self.head.exemplars.push(id, one.exemplar());
                    }
                }
            }
            Record::Metadata(metadata) => {
                for one in metadata {
                    if let Some(id) = self.id(one.series)
                        && let Some(number) = self.head.new_metadata(id, &one.metadata)
                    {
                        self.head.set_metadata(id, number);
                    }
                }
            }
            Record::Tombstones(tombstones) => self.deletions += tombstones.len() as u64,
            // They tell which late samples have become chunks; those are read from the chunk files.
            Record::MmapMarkers(_) => {}
        }
    }

    fn id(&mut self, series: u64) -> Option<u32> {
        let id = self.ids.get(&series).copied();
        self.unknown += u64::from(id.is_none());
        id
    }

    fn series(&mut self, one: &RefSeries) {
        self.note_ref(one.series);
        let hash = one.labels.hash64();
        let known = self.head.find(hash, &one.labels);
        let id = match known {
            Some(id) => id,
            None => match self.head.place(SeriesRef(one.series), hash, &one.labels) {
                Ok(id) => id,
                Err(full) => {
                    self.full = Some(full);
                    return;
                }
            },
        };
        if self.ids.insert(one.series, id) == Some(id) {
            return;
        }
        self.head.add_alias(id, one.series);
        let len = self.newest.len().max(id as usize + 1);
        self.newest.resize(len, i64::MIN);
        for found in self.found.remove(&one.series).unwrap_or_default() {
            self.head.attach(id, &found);
        }
        for (t, v) in self.late.remove(&one.series).unwrap_or_default() {
            self.head.put_late(id, t, AnyValue::Float(v));
        }
    }

    fn sample(&mut self, series: u64, t: i64, v: AnyValue, is_late: bool) {
        let Some(id) = self.id(series) else { return };
        let newest = &mut self.newest[id as usize];
        if is_late {
            if self.head.last_t(id) != Some(t) {
                self.head.put_late(id, t, v);
            }
        } else if t > *newest {
            *newest = t;
            match self.head.last_t(id) {
                Some(last) if t <= last => {
                    // A chunk file may have lost any of its chunks, and not all losses can be seen in it.
                    if !self.head.covers(id, t) {
                        self.head.put_late(id, t, v);
                    }
                }
                Some(_) | None => match v {
                    AnyValue::Float(v) => self.head.put_float(id, t, v),
                    AnyValue::Histogram(h) => self.head.put_histogram(id, t, h),
                },
            }
        } else if t < *newest {
            self.head.put_late(id, t, v);
        }
    }

    fn say_the_rest(&mut self, damage: &mut Vec<String>, metrics: &DbMetrics) {
        let unknown = metrics.replay.unknown.value() + metrics.replay.late_unknown.value();
        if unknown > 0 {
            damage
                .push(format!("log: {unknown} entries left out: their series are not in the log"));
        }
        let orphans: usize = self.found.values().map(Vec::len).sum();
        if orphans > 0 {
            damage.push(format!(
                "chunks_head: {orphans} chunks left out: their series are not in the log"
            ));
        }
        if self.undecodable > 0 {
            damage.push(format!(
                "chunks_head: {} chunks left out: their samples cannot be read",
                self.undecodable
            ));
        }
        if self.deletions > 0 {
            damage.push(format!(
                "log: {} deletions are not applied by this version: deleted samples are back",
                self.deletions
            ));
        }
        if self.has_unreadable {
            damage.push(
                "log: the disk did not give all of it; it is kept as it is, and no checkpoint is made, until a start can read it"
                    .to_owned(),
            );
        }
        if let Some(Full(what)) = &self.full {
            damage.push(format!("series left out: limit reached: {what}"));
        }
    }
}
