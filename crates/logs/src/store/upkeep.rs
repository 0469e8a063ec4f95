//! What keeps the store small: freezing, flushing, letting go of the log, compaction, retention. The server calls [`Store::maintain`] on a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;
use stdx::checksum::crc32c;

use crate::mapping::Mapping;

use super::Store;
use super::flush::io;
use super::index::Index;
use super::manifest::Manifest;
use super::record::{self, Record};
use super::table::Table;
use super::types::{Options, StoreError};

const CATALOG: &str = "catalog";
/// First bytes of the catalog: magic and version. A checksum is at its end.
const CATALOG_MAGIC: &[u8; 12] = b"MGRULOGC\x01\x00\x00\x00";
/// Largest catalog that is read.
const CATALOG_BYTES_MAX: u64 = 1 << 30;
/// Bytes of the log that are not worth a catalog.
const LOG_BYTES_MIN: u64 = 1 << 20;

/// The records of the catalog; none when there is none yet.
pub(super) fn load_catalog(options: &Options) -> Result<Vec<Record>, String> {
    let (fs, path) = (options.fs.as_ref(), options.dir.join(CATALOG));
    let damage = |what: &str| format!("{}: {what}", path.display());
    if !fs.exists(&path).map_err(|error| damage(&error.to_string()))? {
        return Ok(Vec::new());
    }
    let bytes = stdx::fs::read_all(fs, &path, CATALOG_BYTES_MAX)
        .map_err(|error| damage(&error.to_string()))?;
    let read = || {
        let (body, sum) = bytes.split_last_chunk::<4>()?;
        if crc32c(body) != u32::from_le_bytes(*sum) {
            return None;
        }
        record::read_frame(body.strip_prefix(CATALOG_MAGIC.as_slice())?)
    };
    read().ok_or_else(|| damage("damaged"))
}

/// The indices as their own folders tell.
pub(super) fn index_records(options: &Options) -> Vec<Record> {
    let dir = options.dir.join("indices");
    let one = |name: &str| -> Option<Record> {
        let manifest = Manifest::load(options.fs.as_ref(), &dir.join(name)).ok()??;
        let text = |key: &str| manifest.about.get(key)?.as_str().map(str::to_owned);
        Some(Record::Create {
            at: 0,
            number: manifest.about.get("number")?.as_u64()?,
            name: text("name")?,
            uuid: text("uuid")?,
            created_ms: manifest.about.get("created_ms").and_then(Value::as_i64)?,
            settings: manifest.about.get("settings")?.as_object()?.clone(),
            mapping: Box::new(Mapping::parse(manifest.about.get("mapping")?).ok()?),
        })
    };
    let entries = options.fs.list(&dir).unwrap_or_default();
    entries.iter().filter_map(|entry| one(&entry.name)).collect()
}

impl Store {
    /// Does the next thing that is due. Returns whether something was done: then there may be more.
    ///
    /// # Errors
    /// The disk's. What was to be done is tried again by the next call.
    pub fn maintain(&self) -> Result<bool, StoreError> {
        let mut oldest_file = self.upkeep.lock();
        self.freeze_due();
        if let Some(index) = self.next_to_flush() {
            self.flush_oldest(&index)?;
            return Ok(true);
        }
        for index in self.indices() {
            if self.retain(&index)? || self.compact(&index)? {
                return Ok(true);
            }
        }
        self.let_go_of_log(&mut oldest_file, LOG_BYTES_MIN)
    }

    /// Makes segments of everything that is in memory, of `index` or of all, and lets go of the log.
    ///
    /// # Errors
    /// The disk's.
    pub fn flush(&self, index: Option<&Arc<Index>>) -> Result<(), StoreError> {
        let mut oldest_file = self.upkeep.lock();
        let all = index.map_or_else(|| self.indices(), |index| vec![Arc::clone(index)]);
        for index in all {
            freeze(&index);
            while index.state.lock().tables.len() > 1 {
                self.flush_oldest(&index)?;
            }
        }
        self.let_go_of_log(&mut oldest_file, 0).map(|_| ())
    }

    /// Freezes memtables that are old, or hold back too much of the log, or the largest when memory gets short.
    fn freeze_due(&self) {
        let limits = &self.options.limits;
        let now = self.options.clock.mono();
        let indices = self.indices();
        let is_log_long = self.wal.byte_len() > limits.log_bytes;
        let first = indices.iter().filter_map(first_file).min();
        for index in &indices {
            let state = index.state.lock();
            let Some(table) = state.tables.last() else { continue };
            let is_old =
                table.first_file.is_some() && now.saturating_sub(table.born) >= limits.freeze_age;
            let holds_log = is_log_long && table.first_file.is_some() && table.first_file == first;
            drop(state);
            if is_old || holds_log {
                freeze(index);
            }
        }
        let frozen = |index: &Arc<Index>| index.state.lock().tables.len() > 1;
        let is_short = self.memory.load(Ordering::Relaxed) > limits.memory_bytes / 2;
        if is_short && !indices.iter().any(frozen) {
            let raw = |index: &&Arc<Index>| {
                index.state.lock().tables.last().map_or(0, |table| table.raw_bytes)
            };
            indices.iter().max_by_key(raw).into_iter().for_each(freeze);
        }
    }

    /// The index whose frozen memtable holds back the log most.
    fn next_to_flush(&self) -> Option<Arc<Index>> {
        let frozen = |index: &Arc<Index>| {
            let state = index.state.lock();
            (state.tables.len() > 1).then(|| state.tables[0].first_file)
        };
        let mut all: Vec<(Option<u64>, Arc<Index>)> = Vec::new();
        for index in self.indices() {
            all.extend(frozen(&index).map(|first| (first, index)));
        }
        all.into_iter().min_by_key(|(first, _)| *first).map(|(_, index)| index)
    }

    /// Writes the catalog and removes files of the log that nothing needs.
    fn let_go_of_log(&self, oldest: &mut u64, bytes_min: u64) -> Result<bool, StoreError> {
        let is_empty =
            |store: &Self| store.indices().iter().all(|index| first_file(index).is_none());
        let begun = if is_empty(self) {
            if self.wal.byte_len() <= bytes_min.max(64) {
                return Ok(false);
            }
            Some(self.wal.rotate().map_err(io)?)
        } else {
            None
        };
        // Whatever is in files before has been applied then.
        let ticket = self.numbers.lock().next_ticket;
        self.turn.wait_until(ticket);
        let needed = self.indices().iter().filter_map(first_file).min();
        let Some(needed) = needed.into_iter().chain(begun).min().filter(|file| file > oldest)
        else {
            return Ok(false);
        };
        self.save_catalog().map_err(io)?;
        self.wal.drop_before(needed).map_err(io)?;
        *oldest = needed;
        Ok(true)
    }

    fn save_catalog(&self) -> io::Result<()> {
        let _meta = self.meta.lock();
        let numbers = self.numbers.lock();
        // Records behind this number that are in already are applied again, to the same end.
        let (at, next_number) = (numbers.meta, numbers.next_index);
        let ticket = numbers.next_ticket;
        drop(numbers);
        self.turn.wait_until(ticket);
        let mut records = vec![Record::Catalog { at, next_number }];
        for index in self.indices() {
            let state = index.state.lock();
            records.push(Record::Create {
                at: 0,
                number: index.number,
                name: index.name.clone(),
                uuid: index.uuid.clone(),
                created_ms: index.created_ms,
                settings: state.settings.clone(),
                mapping: Box::new(Mapping::clone(&state.mapping)),
            });
        }
        for ((kind, key), value) in self.small.read().iter() {
            let (kind, key, value) = (kind.clone(), key.clone(), Some(value.to_vec()));
            records.push(Record::Put { at: 0, kind, key, value });
        }
        let mut bytes = CATALOG_MAGIC.to_vec();
        bytes.extend_from_slice(&record::frame(&records));
        bytes.extend_from_slice(&crc32c(&bytes).to_le_bytes());
        stdx::fs::write_atomic(self.options.fs.as_ref(), &self.options.dir.join(CATALOG), &bytes)
    }
}

/// The first file of the log that `index` needs.
fn first_file(index: &Arc<Index>) -> Option<u64> {
    index.state.lock().tables.iter().filter_map(|table| table.first_file).min()
}

/// What was written so far waits to become segments; what comes is in a new memtable.
fn freeze(index: &Arc<Index>) {
    let mut state = index.state.lock();
    if state.active().first_file.is_some() {
        state.tables.push(Table::new());
        state.changed();
    }
}
