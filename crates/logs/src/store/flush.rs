//! A frozen memtable becomes segments, one for each day that it has rows of.
//!
//! The order of steps is what makes a crash harmless: segments, then the files of deleted rows, then the manifest, which names both and says
//! up to which operation the log is no longer needed. A crash before the manifest leaves files that nobody names.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};
use stdx::time::Date;

use crate::bits::Bits;
use crate::column::{Kind, Values};
use crate::mapping::{Field, FieldType, Mapping};
use crate::part::{View, system};
use crate::segment::{self, Segment, Summary, WriteOptions};

use super::index::{Held, Index, State};
use super::manifest::{self, Entry, Manifest};
use super::table::Deleted;
use super::types::StoreError;
use super::{Store, setting};

const DAY_US: i64 = 86_400_000_000;
/// Most days that one flush makes segments of their own for; the rest goes to the newest of them.
const DAYS_MAX: usize = 32;

pub(super) fn io(error: impl std::fmt::Display) -> StoreError {
    StoreError::Io(error.to_string())
}

/// Dates of the mapping, for other readers of a segment.
fn dates(field: &Field, path: &str, options: &mut WriteOptions, depth: usize) {
    if depth > crate::mapping::DEPTH_MAX {
        return;
    }
    for (name, below) in &field.properties {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if below.kind == FieldType::Date {
            options.micros.push(path.clone());
        } else if below.kind == FieldType::DateNanos {
            options.nanos.push(path.clone());
        }
        dates(below, &path, options, depth + 1);
    }
}

/// How an index's segments are written.
pub(super) fn write_options(index: &Index, state: &State) -> WriteOptions {
    let mut options = WriteOptions { id_key: index.id_key, ..WriteOptions::default() };
    options.micros.clear();
    dates(&Mapping::clone(&state.mapping).root, "", &mut options, 0);
    if let Some(fields) = setting(&state.settings, "index.mangru.sort") {
        options.sort = fields.split(',').map(|field| vec![field.trim().to_owned()]).collect();
    }
    options
}

/// What an index is, for its manifest.
pub(super) fn about(index: &Index, state: &State) -> Map<String, Value> {
    let about = json!({
        "name": index.name, "uuid": index.uuid, "number": index.number, "created_ms": index.created_ms,
        "settings": state.settings, "mapping": state.mapping.to_json(),
    });
    if let Value::Object(about) = about { about } else { Map::new() }
}

/// The folder's name for a day since 1970.
fn day_name(day: i64) -> String {
    let date = Date::at(day.saturating_mul(86_400));
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

/// The view's rows by day.
fn by_day(view: &View) -> Result<Vec<(i64, View)>, StoreError> {
    let Some((first, last)) = view.part.times() else { return Ok(Vec::new()) };
    if first.div_euclid(DAY_US) == last.div_euclid(DAY_US) {
        return Ok(vec![(first.div_euclid(DAY_US), view.clone())]);
    }
    // For each day and block, the rows of other days.
    let mut others: BTreeMap<i64, Vec<Option<Bits>>> = BTreeMap::new();
    let blocks = view.part.block_count();
    for at in 0..blocks {
        let block = view.part.block(at).map_err(io)?;
        let Some(column) = block.column(system::TIME, Kind::Int).map_err(io)? else { continue };
        let Values::Int(times) = &column.values else { continue };
        for row in view.live(at, block.rows()).iter() {
            let day = times[row].div_euclid(DAY_US);
            let day = if others.len() < DAYS_MAX || others.contains_key(&day) {
                day
            } else {
                others.keys().next_back().copied().unwrap_or(day)
            };
            let of_day = others.entry(day).or_insert_with(|| vec![None; blocks]);
            let rows = block.rows();
            of_day[at].get_or_insert_with(|| Bits::all(rows)).clear(row);
        }
        for of_day in others.values_mut() {
            of_day[at].get_or_insert_with(|| Bits::all(block.rows()));
            if of_day.len() < blocks {
                of_day.resize(blocks, None);
            }
        }
    }
    // Days that came up later have none of the blocks before.
    for of_day in others.values_mut() {
        for (at, deleted) in of_day.iter_mut().enumerate() {
            if deleted.is_none() {
                let rows = view.part.block(at).map_err(io)?.rows();
                *deleted = Some(Bits::all(rows));
            }
        }
    }
    let view_of = |deleted| View { part: Arc::clone(&view.part), deleted: Arc::new(deleted) };
    Ok(others.into_iter().map(|(day, deleted)| (day, view_of(deleted))).collect())
}

impl Store {
    /// Makes segments of the oldest memtable of `index`, which must not be the one that grows.
    pub(super) fn flush_oldest(&self, index: &Index) -> Result<(), StoreError> {
        let _upkeep = index.upkeep.lock();
        let mut state = index.state.lock();
        if state.tables.len() < 2 || state.is_removed {
            return Ok(());
        }
        let table = &state.tables[0];
        let (view, last_seq, raw_bytes) = (table.view(), table.last_seq, table.raw_bytes);
        let options = write_options(index, &state);
        let first_file = state.reserve_files(DAYS_MAX);
        drop(state);
        let live: usize = view.part.rows();
        let mut made: Vec<Held> = Vec::new();
        for (at, (day, part)) in by_day(&view)?.into_iter().enumerate() {
            let folder = day_name(day);
            let number = first_file + at as u64;
            let path = self.new_file(index, &folder, number)?;
            let summary =
                segment::write(self.options.fs.as_ref(), &path.1, &[part], &options).map_err(io)?;
            // Its share of the documents' bytes.
            let share = raw_bytes.saturating_mul(summary.rows as u64) / (live.max(1) as u64);
            made.extend(self.open_made(&path.0, &path.1, summary, share)?);
        }
        self.commit_flush(index, &view, last_seq, &made)?;
        self.memory.fetch_sub(raw_bytes, Ordering::Relaxed);
        Ok(())
    }

    /// A file that a segment is to be written to: its name in the manifest, and its path; the folder is there.
    pub(super) fn new_file(
        &self,
        index: &Index,
        day: &str,
        number: u64,
    ) -> Result<(String, std::path::PathBuf), StoreError> {
        let folder = index.dir.join(day);
        stdx::fs::create_dir_durable(self.options.fs.as_ref(), &folder).map_err(io)?;
        let name = manifest::file_name(self.options.clock.now_ms(), number);
        let file = format!("{day}/{name}.parquet");
        let path = index.dir.join(&file);
        Ok((file, path))
    }

    /// The segment that was written; `None` (and no file) when it has no rows.
    pub(super) fn open_made(
        &self,
        file: &str,
        path: &Path,
        summary: Summary,
        raw_bytes: u64,
    ) -> Result<Option<Held>, StoreError> {
        let fs = self.options.fs.as_ref();
        let (Some(times), Some(seqs)) = (summary.times, summary.seqs) else {
            fs.remove_file(path).map_err(io)?;
            return Ok(None);
        };
        let part = Segment::open(fs, path).map_err(io)?;
        let (rows, bytes) = (summary.rows as u64, summary.bytes);
        let file = file.to_owned();
        let entry = Entry { file, rows, bytes, raw_bytes, times, seqs, deleted: None };
        let none = Deleted::default();
        Ok(Some(Held { part, entry, deleted: Arc::clone(&none), saved: none }))
    }

    fn commit_flush(
        &self,
        index: &Index,
        before: &View,
        last_seq: i64,
        made: &[Held],
    ) -> Result<(), StoreError> {
        let state = index.state.lock();
        let held: Vec<Held> = state.segments.iter().chain(made).cloned().collect();
        drop(state);
        let saved = self.save_manifest(index, held, last_seq)?;
        let mut state = index.state.lock();
        let table = state.tables.remove(0);
        state.flushed_seq = last_seq;
        install(&mut state, saved);
        // Rows that were deleted meanwhile, by operations that are still in the log.
        let lost = lost_rows(before, &table.deleted);
        state.changed();
        lost.into_iter().for_each(|seq| state.delete(seq));
        Ok(())
    }

    /// Makes the index's segments durable: files of deleted rows that are out of date, and the manifest. Returns the segments with what is saved
    /// of them now.
    pub(super) fn save_manifest(
        &self,
        index: &Index,
        mut held: Vec<Held>,
        flushed_seq: i64,
    ) -> Result<Vec<Held>, StoreError> {
        let fs = self.options.fs.as_ref();
        let mut number = index.state.lock().reserve_files(held.len());
        let mut old_files = Vec::new();
        for one in &mut held {
            if Arc::ptr_eq(&one.deleted, &one.saved) {
                continue;
            }
            let stem = one.entry.file.trim_end_matches(".parquet");
            let file = format!("{stem}.{number}.deleted");
            number += 1;
            manifest::save_deleted(fs, &index.dir.join(&file), &one.deleted).map_err(io)?;
            old_files.extend(one.entry.deleted.replace(file));
            one.saved = Arc::clone(&one.deleted);
        }
        let state = index.state.lock();
        let entries = held.iter().map(|one| &one.entry).chain(&state.damaged).cloned();
        let manifest = Manifest {
            flushed_seq,
            next_file: state.next_file,
            segments: entries.collect(),
            about: about(index, &state),
        };
        drop(state);
        manifest.save(fs, &index.dir).map_err(io)?;
        for file in old_files {
            // What stays is removed at the next start.
            drop(fs.remove_file(&index.dir.join(file)));
        }
        Ok(held)
    }
}

/// Puts segments into the state as they were saved; rows that were deleted meanwhile stay deleted.
pub(super) fn install(state: &mut State, saved: Vec<Held>) {
    let old = std::mem::take(&mut state.segments);
    state.segments = saved;
    for one in &mut state.segments {
        if let Some(now) = old.iter().find(|held| Arc::ptr_eq(&held.part, &one.part)) {
            one.deleted = Arc::clone(&now.deleted);
        }
    }
    state.changed();
}

/// The numbers of rows that are deleted in `after` and are there in `before`.
pub(super) fn lost_rows(before: &View, after: &Deleted) -> Vec<i64> {
    let mut lost = Vec::new();
    if Arc::ptr_eq(&before.deleted, after) {
        return lost;
    }
    for (at, deleted) in after.iter().enumerate() {
        let Some(deleted) = deleted else { continue };
        let Ok(block) = before.part.block(at) else { continue };
        let mut new = deleted.clone();
        if let Some(Some(old)) = before.deleted.get(at) {
            new.and_not(old);
        }
        let Ok(Some(column)) = block.column(system::SEQ, Kind::Int) else { continue };
        lost.extend(new.iter().filter_map(|row| column.int(row)));
    }
    lost
}
