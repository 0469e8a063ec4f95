//! One index: what it holds in memory and on disk, and how a document is found by its identifier.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::column::Kind;
use crate::ids::auto_seq;
use crate::ingest::Ingester;
use crate::mapping::{Field, Mapping};
use crate::part::{Block, Known, Part, ReadError, View, system};
use crate::segment::Segment;
use crate::text::finest;

use super::manifest;
use super::table::{Deleted, Entry, Table};
use super::types::{Document, Settings, Snapshot, Stats};

/// Ingesters that are kept for the next batches.
const INGESTERS_MAX: usize = 4;

/// An index.
#[derive(Debug)]
pub struct Index {
    pub(super) name: String,
    pub(super) uuid: String,
    pub(super) number: u64,
    pub(super) id_key: u64,
    pub(super) created_ms: i64,
    pub(super) dir: PathBuf,
    pub(super) state: Mutex<State>,
    pub(super) pending: Mutex<Pending>,
    pub(super) ingesters: Mutex<Vec<Ingester>>,
    /// Held while its files are changed.
    pub(super) upkeep: Mutex<()>,
}

/// What is committed and searchable.
#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) mapping: Arc<Mapping>,
    /// The oldest first; the last one grows.
    pub(super) tables: Vec<Table>,
    pub(super) segments: Vec<Held>,
    /// Every operation up to this one is in segments.
    pub(super) flushed_seq: i64,
    /// The number of the next operation.
    pub(super) next_seq: i64,
    /// The number of the next file.
    pub(super) next_file: u64,
    /// Segments that cannot be read: they stay on the disk.
    pub(super) damaged: Vec<manifest::Entry>,
    /// Whether the index has been removed: its files are gone.
    pub(super) is_removed: bool,
    views: Option<Vec<View>>,
}

/// A segment, and which of its rows are no longer there.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) part: Arc<Segment>,
    pub(super) entry: manifest::Entry,
    pub(super) deleted: Deleted,
    /// The deleted rows that the file of `entry` has.
    pub(super) saved: Deleted,
}

/// What is on its way to the disk.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) next_seq: i64,
    /// By identifier, with the ticket of the batch.
    pub(super) ids: std::collections::HashMap<Box<str>, (Entry, u64)>,
    /// New fields, with the ticket of the batch.
    pub(super) fields: Vec<(u64, String, Field)>,
}

/// Where a row is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    block: usize,
    row: usize,
}

impl State {
    pub(super) fn new(settings: Settings, mapping: Mapping) -> Self {
        Self {
            settings,
            mapping: Arc::new(mapping),
            tables: vec![Table::new()],
            segments: Vec::new(),
            flushed_seq: -1,
            next_seq: 0,
            next_file: 0,
            damaged: Vec::new(),
            is_removed: false,
            views: None,
        }
    }

    pub(super) fn active(&mut self) -> &mut Table {
        self.views = None;
        self.tables.last_mut().expect("there is always one that grows")
    }

    /// Numbers for `n` files, the first of them. None is given twice, even if what it was for fails: a name on the disk always means the same.
    pub(super) fn reserve_files(&mut self, n: usize) -> u64 {
        let first = self.next_file;
        self.next_file += n as u64;
        first
    }

    /// What is searched has changed.
    pub(super) fn changed(&mut self) {
        self.views = None;
    }

    fn views(&mut self) -> Vec<View> {
        let Self { tables, segments, views, .. } = self;
        let made = views.get_or_insert_with(|| {
            let tables = tables.iter().rev().filter(|table| table.rows() > 0).map(Table::view);
            let held = segments.iter().map(|held| View {
                part: Arc::clone(&held.part) as Arc<dyn Part>,
                deleted: Arc::clone(&held.deleted),
            });
            let mut views: Vec<View> = tables.chain(held).collect();
            views.sort_by_key(|view| std::cmp::Reverse(view.part.times().map(|times| times.1)));
            views
        });
        made.clone()
    }

    /// The newest write of `id`, deletions included while they are in memory.
    pub(super) fn current(&self, key: u64, id: &str) -> Option<Entry> {
        if let Some(entry) = self.tables.iter().rev().find_map(|table| table.ids.get(id)) {
            return Some(*entry);
        }
        let in_segments = self.segments.iter().rev().find_map(|held| {
            // A damaged block cannot be asked; searches name it.
            let place = held.find_id(id).ok()??;
            held.newest(place).ok()
        });
        if in_segments.is_some() {
            return in_segments;
        }
        let seq = auto_seq(key, id)?;
        let is_there = self.tables.iter().any(|table| table.has(seq))
            || self.segments.iter().any(|held| held.find_seq(seq).is_ok_and(|at| at.is_some()));
        is_there.then_some(Entry { seq, version: 1, is_deleted: false })
    }

    /// Marks the row of `seq` as deleted.
    pub(super) fn delete(&mut self, seq: i64) {
        self.views = None;
        if self.tables.iter_mut().rev().any(|table| table.delete(seq)) {
            return;
        }
        for held in &mut self.segments {
            if let Ok(Some(place)) = held.find_seq(seq) {
                held.delete(place);
                return;
            }
        }
    }
}

impl Held {
    /// The row with the explicit identifier `id`, unless it is deleted.
    fn find_id(&self, id: &str) -> Result<Option<Place>, ReadError> {
        let folded = finest::fold(id);
        if self.part.lacks_value(system::ID, &folded) {
            return Ok(None);
        }
        for at in 0..self.part.block_count() {
            let block = self.part.block(at)?;
            let rows = match block.value(system::ID, &folded)? {
                Known::Nowhere => continue,
                Known::Rows(rows) => rows,
                Known::Maybe => crate::bits::Bits::all(block.rows()),
            };
            let Some(column) = block.column(system::ID, Kind::Str)? else { continue };
            let found =
                rows.iter().find(|row| column.text(*row) == Some(id) && !self.is_deleted(at, *row));
            if let Some(row) = found {
                return Ok(Some(Place { block: at, row }));
            }
        }
        Ok(None)
    }

    /// The row with the sequence number `seq`, unless it is deleted.
    pub(super) fn find_seq(&self, seq: i64) -> Result<Option<Place>, ReadError> {
        if !(self.entry.seqs.0..=self.entry.seqs.1).contains(&seq) {
            return Ok(None);
        }
        for at in 0..self.part.block_count() {
            let block = self.part.block(at)?;
            let Some(column) = block.column(system::SEQ, Kind::Int)? else { continue };
            let row = (0..block.rows()).find(|row| column.int(*row) == Some(seq));
            if let Some(row) = row {
                return Ok((!self.is_deleted(at, row)).then_some(Place { block: at, row }));
            }
        }
        Ok(None)
    }

    fn is_deleted(&self, block: usize, row: usize) -> bool {
        self.deleted.get(block).and_then(Option::as_ref).is_some_and(|bits| bits.has(row))
    }

    pub(super) fn delete(&mut self, place: Place) {
        let rows = self.part.block(place.block).map_or(0, |block| block.rows());
        let blocks = self.part.block_count();
        let deleted = Arc::make_mut(&mut self.deleted);
        deleted.resize(blocks, None);
        let bits = deleted[place.block].get_or_insert_with(|| crate::bits::Bits::none(rows));
        if place.row < bits.len() {
            bits.set(place.row);
        }
    }

    fn newest(&self, place: Place) -> Result<Entry, ReadError> {
        let block = self.part.block(place.block)?;
        let (seq, version, _) = facts(block.as_ref(), place.row)?;
        Ok(Entry { seq, version, is_deleted: false })
    }
}

/// Sequence number, version and routing of a row.
fn facts(block: &dyn Block, row: usize) -> Result<(i64, u64, Option<String>), ReadError> {
    let int = |field| -> Result<Option<i64>, ReadError> {
        Ok(block.column(field, Kind::Int)?.and_then(|column| column.int(row)))
    };
    let seq = int(system::SEQ)?.unwrap_or(0);
    let version = int(system::VERSION)?.and_then(|version| u64::try_from(version).ok());
    let routing = block.column(system::ROUTING, Kind::Str)?;
    let routing = routing.and_then(|column| column.text(row).map(str::to_owned));
    Ok((seq, version.unwrap_or(1), routing))
}

fn document(block: &dyn Block, row: usize) -> Result<Document, ReadError> {
    let (seq, version, routing) = facts(block, row)?;
    let source = block.source(row)?.into_bytes();
    Ok(Document { source, seq: seq.cast_unsigned(), version, routing })
}

impl Index {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// When it was created, in milliseconds since 1970.
    #[must_use]
    pub fn created_ms(&self) -> i64 {
        self.created_ms
    }

    #[must_use]
    pub fn settings(&self) -> Settings {
        self.state.lock().settings.clone()
    }

    #[must_use]
    pub fn mapping(&self) -> Arc<Mapping> {
        Arc::clone(&self.state.lock().mapping)
    }

    /// What it holds now. Later writes do not change it.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut state = self.state.lock();
        Snapshot { mapping: Arc::clone(&state.mapping), views: state.views() }
    }

    /// The document with the identifier `id`, as the newest acknowledged write left it.
    ///
    /// # Errors
    /// Damage on disk.
    pub fn get(&self, id: &str) -> Result<Option<Document>, ReadError> {
        let state = self.state.lock();
        let entry = state.tables.iter().rev().find_map(|table| table.ids.get(id));
        if let Some(entry) = entry {
            if entry.is_deleted {
                return Ok(None);
            }
            return in_tables(&state.tables, entry.seq);
        }
        let segments = state.segments.clone();
        let auto = auto_seq(self.id_key, id);
        let in_memory = match auto {
            Some(seq) => in_tables(&state.tables, seq)?,
            None => None,
        };
        drop(state);
        for held in segments.iter().rev() {
            if let Some(place) = held.find_id(id)? {
                return document(held.part.block(place.block)?.as_ref(), place.row).map(Some);
            }
        }
        let Some(seq) = auto.filter(|_| in_memory.is_none()) else { return Ok(in_memory) };
        for held in &segments {
            if let Some(place) = held.find_seq(seq)? {
                return document(held.part.block(place.block)?.as_ref(), place.row).map(Some);
            }
        }
        Ok(None)
    }

    /// How many documents it has.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.stats().docs
    }

    /// The sequence number of the newest operation; `None` before the first.
    #[must_use]
    pub fn last_seq(&self) -> Option<u64> {
        u64::try_from(self.state.lock().next_seq - 1).ok()
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        let state = self.state.lock();
        let mut stats = Stats {
            segments: state.segments.len() as u64,
            damaged: state.damaged.len() as u64,
            ..Stats::default()
        };
        for table in &state.tables {
            let deleted = table.deleted_rows() as u64;
            stats.docs += table.rows() as u64 - deleted;
            stats.deleted += deleted;
            stats.memory_bytes += table.memtable.byte_len();
        }
        for held in &state.segments {
            let deleted: usize = held.deleted.iter().flatten().map(crate::bits::Bits::count).sum();
            stats.docs += held.part.rows() as u64 - deleted as u64;
            stats.deleted += deleted as u64;
            stats.disk_bytes += held.part.byte_len();
        }
        stats
    }

    /// An ingester for documents by `mapping`.
    pub(super) fn ingester(&self, mapping: &Arc<Mapping>, fields_max: usize) -> Ingester {
        let mut kept = self.ingesters.lock();
        kept.retain(|one| Arc::ptr_eq(one.mapping(), mapping));
        kept.pop().unwrap_or_else(|| Ingester::new(Arc::clone(mapping), fields_max))
    }

    /// Keeps an ingester whose documents have all been committed.
    pub(super) fn keep_ingester(&self, ingester: Ingester) {
        let is_current = Arc::ptr_eq(ingester.mapping(), &self.state.lock().mapping);
        let mut kept = self.ingesters.lock();
        if is_current && kept.len() < INGESTERS_MAX {
            kept.push(ingester);
        }
    }
}

fn in_tables(tables: &[Table], seq: i64) -> Result<Option<Document>, ReadError> {
    for table in tables {
        if let Some((block, row)) = table.place(seq) {
            return document(table.memtable.blocks()[block].as_ref(), row).map(Some);
        }
    }
    Ok(None)
}
