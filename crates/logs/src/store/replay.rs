//! A store is opened: the catalog, each index's segments, then the log in its order.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::{Mutex, RwLock};
use stdx::fs::Fs;
use xxhash_rust::xxh3::xxh3_64;

use crate::ids::auto_id;
use crate::ingest::{self, Ingester};
use crate::part::Part;
use crate::segment::Segment;
use crate::wal::Wal;

use super::commit::{Applied, Ruling, Turn, apply_group, insert_fields};
use super::index::{Held, Index, Pending, State};
use super::manifest::{self, Manifest};
use super::record::{self, BodyOp, Docs, Record};
use super::table::{Deleted, Entry, Table};
use super::types::{Done, OpenError, OpenReport, Options};
use super::{Numbers, Small, Store};

/// A new index's unique identifier.
pub(super) fn uuid(seed: u64, now_ms: i64, number: u64) -> String {
    let mut mixed = [0; 24];
    mixed[..8].copy_from_slice(&seed.to_le_bytes());
    mixed[8..16].copy_from_slice(&now_ms.to_le_bytes());
    mixed[16..].copy_from_slice(&number.to_le_bytes());
    let hash = xxh3_64(&mixed);
    let mut uuid = auto_id(hash, now_ms);
    // Clients expect 22 letters.
    uuid.extend(auto_id(!hash, now_ms).chars().take(2));
    uuid
}

/// The folder of an index: its name, as far as a folder can have it, and its unique identifier.
fn dir_name(name: &str, uuid: &str) -> String {
    let safe = |letter: char| {
        if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '%' }
    };
    let name: String = name.chars().map(safe).take(100).collect();
    format!("{}~{uuid}", name.trim_start_matches('.'))
}

/// The index that a [`Record::Create`] makes.
///
/// # Panics
/// When it is another record.
pub(super) fn index_of(options: &Options, record: Record, damage: &mut Vec<String>) -> Index {
    let Record::Create { number, name, uuid, created_ms, settings, mapping, .. } = record else {
        panic!("only creations make indices");
    };
    let dir = options.dir.join(INDICES).join(dir_name(&name, &uuid));
    let mut state = State::new(settings, *mapping);
    match Manifest::load(options.fs.as_ref(), &dir) {
        Ok(Some(manifest)) => {
            load_segments(options.fs.as_ref(), &dir, manifest, &mut state, damage)
        }
        Ok(None) => {}
        Err(what) => {
            damage.push(what);
            adopt_segments(options.fs.as_ref(), &dir, &mut state, damage);
        }
    }
    Index {
        id_key: xxh3_64(uuid.as_bytes()),
        dir,
        name,
        uuid,
        number,
        created_ms,
        state: Mutex::new(state),
        pending: Mutex::new(Pending::default()),
        ingesters: Mutex::new(Vec::new()),
        upkeep: Mutex::new(()),
    }
}

/// Opens the segments that a manifest names; what cannot be opened is left out and named.
fn load_segments(
    fs: &dyn Fs,
    dir: &Path,
    manifest: Manifest,
    state: &mut State,
    damage: &mut Vec<String>,
) {
    if let Err(error) = manifest::sweep(fs, dir, &manifest) {
        damage.push(format!("{}: files that are left over stay: {error}", dir.display()));
    }
    state.flushed_seq = manifest.flushed_seq;
    state.next_seq = manifest.flushed_seq + 1;
    state.next_file = manifest.next_file;
    for entry in manifest.segments {
        match Segment::open(fs, &dir.join(&entry.file)) {
            Ok(part) => {
                let deleted = entry.deleted.as_ref().map(|file| dir.join(file));
                let deleted =
                    deleted.map_or(Ok(Vec::new()), |path| manifest::load_deleted(fs, &path));
                let deleted = deleted.unwrap_or_else(|what| {
                    damage.push(format!("{what}: its rows are there again"));
                    Vec::new()
                });
                let deleted: Deleted = Arc::new(deleted);
                state.segments.push(Held { part, entry, saved: Arc::clone(&deleted), deleted });
            }
            Err(error) => {
                damage.push(format!("{error}: left out"));
                state.damaged.push(entry);
            }
        }
    }
}

/// Without a manifest every segment in the folder is taken.
fn adopt_segments(fs: &dyn Fs, dir: &Path, state: &mut State, damage: &mut Vec<String>) {
    let days = fs.list(dir).unwrap_or_default();
    for day in days.iter().filter(|entry| entry.is_dir) {
        for found in fs.list(&dir.join(&day.name)).unwrap_or_default() {
            let file = format!("{}/{}", day.name, found.name);
            if !found.name.ends_with(".parquet") {
                continue;
            }
            state.next_file += 1;
            match Segment::open(fs, &dir.join(&file)) {
                Ok(part) => {
                    let seqs = part.seqs().unwrap_or((0, -1));
                    let entry = manifest::Entry {
                        file,
                        rows: part.rows() as u64,
                        bytes: found.len,
                        raw_bytes: found.len.saturating_mul(8),
                        times: part.times().unwrap_or((0, 0)),
                        seqs,
                        deleted: None,
                    };
                    state.flushed_seq = state.flushed_seq.max(seqs.1);
                    let none = Deleted::default();
                    state.segments.push(Held {
                        part,
                        entry,
                        saved: Arc::clone(&none),
                        deleted: none,
                    });
                }
                Err(error) => damage.push(format!("{error}: left out")),
            }
        }
    }
    // Names that are taken are not given again.
    state.next_file = state.next_file.saturating_add(1 << 32);
    state.next_seq = state.flushed_seq + 1;
}

/// The folder of all indices' folders.
const INDICES: &str = "indices";

pub(super) fn put_small(small: &mut Small, record: &Record) {
    if let Record::Put { kind, key, value, .. } = record {
        let at = (kind.clone(), key.clone());
        match value {
            Some(value) => small.insert(at, value.as_slice().into()),
            None => small.remove(&at),
        };
    }
}

/// What has been read so far.
#[derive(Debug)]
struct Replay<'a> {
    options: &'a Options,
    by_number: BTreeMap<u64, Arc<Index>>,
    small: Small,
    numbers: Numbers,
    report: OpenReport,
}

impl Store {
    /// Opens the store in its folder, which is made when it is missing.
    ///
    /// # Errors
    /// Another program has it; the disk's; a version that this program does not know. Damage is no error: see [`OpenReport`].
    pub fn open(options: Options) -> Result<(Arc<Self>, OpenReport), OpenError> {
        let io = |what: &str| {
            let what = what.to_owned();
            move |error| OpenError::Io { what, error }
        };
        let fs = Arc::clone(&options.fs);
        stdx::fs::create_dir_durable(fs.as_ref(), &options.dir).map_err(io("create folder"))?;
        let lock = fs.lock(&options.dir.join("lock")).map_err(io("lock"))?;
        let mut replay = Replay {
            options: &options,
            by_number: BTreeMap::new(),
            small: Small::new(),
            numbers: Numbers::default(),
            report: OpenReport::default(),
        };
        replay.catalog();
        let opened = Wal::open(
            Arc::clone(&fs),
            &options.dir.join("wal"),
            options.limits.wal,
            &mut |file, payload| replay.frame(file, payload),
        );
        let (wal, recovered) = opened.map_err(io("log of writes"))?;
        let Replay { by_number, small, numbers, mut report, .. } = replay;
        report.frames = recovered.frames;
        report.torn_bytes = recovered.torn_bytes;
        report.damage.extend(recovered.damage);
        remove_strangers(&options, by_number.values(), &mut report);
        let memory = by_number.values().map(|index| {
            let mut state = index.state.lock();
            index.pending.lock().next_seq = state.next_seq;
            state.changed();
            state.tables.iter().map(|table| table.raw_bytes).sum::<u64>()
        });
        let memory = AtomicU64::new(memory.sum());
        let indices = by_number.into_values().map(|index| (index.name.clone(), index)).collect();
        let store = Self {
            options,
            wal,
            numbers: Mutex::new(numbers),
            turn: Turn::default(),
            meta: Mutex::new(()),
            indices: RwLock::new(indices),
            small: RwLock::new(small),
            memory,
            failures: AtomicU64::new(0),
            upkeep: Mutex::new(0),
            _lock: lock,
        };
        Ok((Arc::new(store), report))
    }
}

/// Removes folders of indices that are no longer there, unless something is damaged: then nobody knows.
fn remove_strangers<'a>(
    options: &Options,
    indices: impl Iterator<Item = &'a Arc<Index>>,
    report: &mut OpenReport,
) {
    if !report.damage.is_empty() {
        return;
    }
    let known: Vec<&Path> = indices.map(|index| index.dir.as_path()).collect();
    let dir = options.dir.join(INDICES);
    for entry in options.fs.list(&dir).unwrap_or_default() {
        let folder = dir.join(&entry.name);
        if entry.is_dir
            && !known.contains(&folder.as_path())
            && let Err(error) = options.fs.remove_dir_all(&folder)
        {
            report.damage.push(format!("{}: is left over and stays: {error}", folder.display()));
        }
    }
}

impl Replay<'_> {
    /// Reads the catalog, or what the indices' own folders say when it is damaged.
    fn catalog(&mut self) {
        match super::upkeep::load_catalog(self.options) {
            Ok(records) => records.into_iter().for_each(|record| self.catalogued(record)),
            Err(what) => {
                self.report.damage.push(what);
                let records = super::upkeep::index_records(self.options);
                records.into_iter().for_each(|record| self.catalogued(record));
            }
        }
    }

    fn catalogued(&mut self, record: Record) {
        match record {
            Record::Create { number, .. } => {
                self.numbers.next_index = self.numbers.next_index.max(number);
                let index = index_of(self.options, record, &mut self.report.damage);
                self.by_number.insert(number, Arc::new(index));
            }
            Record::Put { .. } => put_small(&mut self.small, &record),
            Record::Catalog { at, next_number } => {
                (self.numbers.meta, self.numbers.next_index) = (at, next_number);
            }
            Record::Remove { .. }
            | Record::Change { .. }
            | Record::Fields { .. }
            | Record::Docs(_) => {}
        }
    }

    fn frame(&mut self, file: u64, payload: &[u8]) {
        match record::read_frame(payload) {
            Some(records) => records.into_iter().for_each(|record| self.record(file, record)),
            None => self
                .report
                .damage
                .push(format!("log of writes, file {file}: a frame that is not ours")),
        }
    }

    fn record(&mut self, file: u64, record: Record) {
        let at = match &record {
            Record::Create { at, .. }
            | Record::Remove { at, .. }
            | Record::Change { at, .. }
            | Record::Fields { at, .. }
            | Record::Put { at, .. }
            | Record::Catalog { at, .. } => *at,
            Record::Docs(docs) => return self.docs(file, docs),
        };
        if at <= self.numbers.meta {
            return;
        }
        self.numbers.meta = at;
        match record {
            // Known already when the catalog was lost, and the folders told.
            Record::Create { number, .. } if self.by_number.contains_key(&number) => {}
            Record::Create { .. } => self.catalogued(record),
            Record::Remove { number, .. } => {
                self.by_number.remove(&number);
            }
            Record::Change { number, settings, mapping, .. } => {
                if let Some(index) = self.by_number.get(&number) {
                    let mut state = index.state.lock();
                    (state.settings, state.mapping) = (settings, Arc::from(mapping));
                }
            }
            Record::Fields { number, fields, .. } => {
                if let Some(index) = self.by_number.get(&number) {
                    insert_fields(&mut index.state.lock(), &fields);
                }
            }
            Record::Put { .. } => put_small(&mut self.small, &record),
            Record::Catalog { next_number, .. } => self.numbers.next_index = next_number,
            Record::Docs(_) => {}
        }
    }

    fn docs(&mut self, file: u64, docs: &Docs) {
        let plain = docs.plain();
        let ops = plain.as_deref().and_then(|plain| docs.operations(plain));
        let Some(ops) = ops else {
            let what = format!("log of writes, file {file}: documents that cannot be read");
            self.report.damage.push(what);
            return;
        };
        for (group, (number, first)) in docs.groups.iter().enumerate() {
            let Some(index) = self.by_number.get(number) else { continue };
            let ops = ops.iter().zip(&docs.versions);
            let mine: Vec<(&BodyOp<'_>, u64)> = ops
                .filter(|(op, _)| op.group == group)
                .map(|(op, version)| (op, *version))
                .collect();
            let refused = group_again(index, &mine, first.cast_signed(), docs.arrival_ms, file);
            freeze_large(index, self.options.limits.freeze_bytes);
            for what in refused {
                self.report.damage.push(format!("index [{}]: {what}", index.name));
            }
            self.report.documents += mine.iter().filter(|(_, version)| *version > 0).count() as u64;
        }
    }
}

/// Freezes the memtable that grows when it is as large as one becomes: replay makes the same tables as the writes did, so that each becomes a segment by
/// itself, and a start that is cut short again still has something done.
fn freeze_large(index: &Index, freeze_bytes: u64) {
    let mut state = index.state.lock();
    if state.active().raw_bytes >= freeze_bytes {
        state.tables.push(Table::new());
    }
}

/// Applies what a frame holds for one index, but for what is there already. Returns documents that could not be read.
fn group_again(
    index: &Index,
    ops: &[(&BodyOp<'_>, u64)],
    first: i64,
    arrival_ms: i64,
    file: u64,
) -> Vec<String> {
    let mut state = index.state.lock();
    // Exactly the fields that were logged: nothing is decided again.
    let mut ingester = Ingester::new(Arc::clone(&state.mapping), 0);
    let mut overlay: BTreeMap<&str, Entry> = BTreeMap::new();
    let (mut applied, mut refused): (Vec<Applied<'_>>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut next, mut rows) = (first, 0);
    for (op, version) in ops {
        let Some(version) = version.checked_sub(1) else { continue };
        let seq = next;
        next += 1;
        if seq <= state.flushed_seq || seq < state.next_seq {
            continue;
        }
        let mut row = None;
        if let Some(source) = op.source {
            let document = ingest::Document {
                source,
                id: op.id,
                routing: op.routing,
                arrival_us: arrival_ms.saturating_mul(1_000),
            };
            if let Err(error) = ingester.add(&document) {
                refused.push(error.to_string());
                continue;
            }
            row = Some(rows);
            rows += 1;
        }
        let known = op.id.and_then(|id| overlay.get(id).copied());
        let current = known.or_else(|| op.id.and_then(|id| state.current(index.id_key, id)));
        let old = current.filter(|entry| !entry.is_deleted).map(|entry| entry.seq);
        if let Some(id) = op.id {
            overlay.insert(id, Entry { seq, version, is_deleted: row.is_none() });
        }
        applied.push((row, op.id, Some(Ruling { seq, version, old, done: Done::Created })));
    }
    if applied.is_empty() {
        return refused;
    }
    let batch = ingester.finish();
    apply_group(&mut state, index.id_key, batch.blocks, &applied, true);
    let table: &mut Table = state.active();
    table.raw_bytes += batch.raw_bytes as u64;
    table.first_file.get_or_insert(file);
    refused
}
