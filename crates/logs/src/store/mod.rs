//! The store: indices, their documents, and the small documents of its own (aliases, templates, marks).
//!
//! Kept: [`Store::write`] returns when its batch is on stable storage, whole or not at all. True: what is acknowledged is searchable at once, exactly
//! once, in the order of the log. Bounded: memtables that cannot become segments fast enough refuse writes.
//!
//! ```text
//! write ─▶ prepare (columns, compressed body) ─▶ decide (numbers, versions) ─▶ log ─▶ apply, in order ─▶ snapshots
//! ```
//!
//! Locks, outer before inner: `upkeep`, `meta`, the log's, `numbers`, an index's `pending`, its `state`.

mod commit;
mod compact;
mod flush;
mod index;
mod manifest;
mod prepare;
mod record;
mod replay;
mod table;
#[cfg(test)]
mod tests;
mod types;
mod upkeep;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use stdx::fs::Lock;

use crate::mapping::Mapping;
use crate::wal::Wal;

use commit::Turn;
use record::Record;

pub use index::Index;
pub use types::{
    Condition, Document, Done, Limits, MARKS, Op, OpenError, OpenReport, Options, Outcome, Refusal,
    SIGHTINGS, Settings, Sighting, Snapshot, Stats, StoreError, Watcher, Write,
};

/// Numbers that are given out under the log's lock.
#[derive(Debug, Default)]
struct Numbers {
    next_ticket: u64,
    /// Of the newest record that is no document.
    meta: u64,
    next_index: u64,
}

impl Numbers {
    fn meta(&mut self) -> u64 {
        self.meta += 1;
        self.meta
    }
}

/// Kind and key to value.
type Small = BTreeMap<(String, String), Arc<[u8]>>;

/// The log store.
#[derive(Debug)]
pub struct Store {
    options: Options,
    wal: Wal,
    numbers: Mutex<Numbers>,
    turn: Turn,
    /// Held while indices or small documents are changed one by one.
    meta: Mutex<()>,
    indices: RwLock<BTreeMap<String, Arc<Index>>>,
    small: RwLock<Small>,
    /// Bytes of documents in memtables.
    memory: AtomicU64,
    /// Batches that the disk has refused.
    failures: AtomicU64,
    /// Held while files are changed: the oldest file of the log that is there.
    upkeep: Mutex<u64>,
    _lock: Box<dyn Lock>,
}

/// A setting's value as text: `index.a.b` as a key of its own, without `index.`, or as objects in each other.
#[must_use]
pub fn setting(settings: &Settings, name: &str) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let short = name.strip_prefix("index.").unwrap_or(name);
    if let Some(value) = settings.get(name).or_else(|| settings.get(short)) {
        return text(value);
    }
    let walk = |path: &str| {
        let mut parts = path.split('.');
        let first = settings.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part)).and_then(text)
    };
    walk(name).or_else(|| walk(short))
}

impl Store {
    /// The index with this name.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<Arc<Index>> {
        self.indices.read().get(name).cloned()
    }

    /// All indices, by name.
    #[must_use]
    pub fn indices(&self) -> Vec<Arc<Index>> {
        self.indices.read().values().cloned().collect()
    }

    /// Makes an index, durably.
    ///
    /// # Errors
    /// [`StoreError::Exists`]; the disk's.
    pub fn create(
        &self,
        name: &str,
        settings: Settings,
        mapping: Mapping,
    ) -> Result<Arc<Index>, StoreError> {
        let _meta = self.meta.lock();
        if self.indices.read().contains_key(name) {
            return Err(StoreError::Exists);
        }
        let created_ms = self.options.clock.now_ms();
        let uuid_of = |number| replay::uuid(self.options.seed, created_ms, number);
        let appended = self.log(move |numbers| {
            numbers.next_index += 1;
            let number = numbers.next_index;
            Record::Create {
                at: numbers.meta(),
                number,
                name: name.to_owned(),
                uuid: uuid_of(number),
                created_ms,
                settings,
                mapping: Box::new(mapping),
            }
        });
        let (record, _turn) = appended?;
        let index = Arc::new(replay::index_of(&self.options, record, &mut Vec::new()));
        self.indices.write().insert(name.to_owned(), Arc::clone(&index));
        Ok(index)
    }

    /// Removes an index and all its documents, durably. Snapshots of it stay readable as far as they are in memory.
    ///
    /// # Errors
    /// [`StoreError::Missing`]; the disk's.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let _meta = self.meta.lock();
        let index = self.index(name).ok_or(StoreError::Missing)?;
        let number = index.number;
        let (_, turn) = self.log(|numbers| Record::Remove { at: numbers.meta(), number })?;
        self.indices.write().remove(name);
        drop(turn);
        let _upkeep = index.upkeep.lock();
        let mut state = index.state.lock();
        state.is_removed = true;
        let raw: u64 = state.tables.iter().map(|table| table.raw_bytes).sum();
        self.memory.fetch_sub(raw, Ordering::Relaxed);
        // A folder that stays is removed at the next start.
        drop(self.options.fs.remove_dir_all(&index.dir));
        Ok(())
    }

    /// Changes settings and mapping of an index, durably. What `change` does to them is taken when it returns `Ok`.
    ///
    /// # Errors
    /// [`StoreError::Missing`]; what `change` says; the disk's.
    pub fn change(
        &self,
        name: &str,
        change: &mut dyn FnMut(&mut Settings, &mut Mapping) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let _meta = self.meta.lock();
        let index = self.index(name).ok_or(StoreError::Missing)?;
        let appended = self.wal.append(|| {
            let mut numbers = self.numbers.lock();
            let pending = index.pending.lock();
            let state = index.state.lock();
            let (mut settings, mut mapping) =
                (state.settings.clone(), Mapping::clone(&state.mapping));
            drop(state);
            // Fields that are on their way stand before this in the log.
            for (_, path, field) in &pending.fields {
                drop(mapping.insert(path, field.clone()));
            }
            drop(pending);
            if let Err(error) = change(&mut settings, &mut mapping) {
                return (None, Err(error));
            }
            let (at, number) = (numbers.meta(), index.number);
            let ticket = numbers.next_ticket;
            numbers.next_ticket += 1;
            let (kept, mapped) = (settings.clone(), mapping.clone());
            let record = Record::Change { at, number, settings, mapping: Box::new(mapping) };
            (Some(record::frame(&[record])), Ok((ticket, kept, mapped)))
        });
        match appended {
            Ok((_, Err(error))) => Err(error),
            Ok((_, Ok((ticket, settings, mapping)))) => {
                let _turn = self.turn.wait(ticket);
                let mut state = index.state.lock();
                state.settings = settings;
                state.mapping = Arc::new(mapping);
                Ok(())
            }
            Err((error, told)) => {
                if let Ok((ticket, ..)) = told {
                    drop(self.turn.wait(ticket));
                }
                Err(error.into())
            }
        }
    }

    /// Keeps a small document, or removes it (`None`), durably.
    ///
    /// # Errors
    /// The disk's.
    pub fn put(&self, kind: &str, key: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        let _meta = self.meta.lock();
        let (record, _turn) = self.log(|numbers| Record::Put {
            at: numbers.meta(),
            kind: kind.to_owned(),
            key: key.to_owned(),
            value: value.map(<[u8]>::to_vec),
        })?;
        self.apply_puts(&[record]);
        Ok(())
    }

    /// A small document.
    #[must_use]
    pub fn get(&self, kind: &str, key: &str) -> Option<Arc<[u8]>> {
        self.small.read().get(&(kind.to_owned(), key.to_owned())).cloned()
    }

    /// All small documents of a kind, by key.
    #[must_use]
    pub fn list(&self, kind: &str) -> Vec<(String, Vec<u8>)> {
        let small = self.small.read();
        let of_kind =
            small.range((kind.to_owned(), String::new())..).take_while(|((of, _), _)| of == kind);
        of_kind.map(|((_, key), value)| (key.clone(), value.to_vec())).collect()
    }

    fn apply_puts(&self, puts: &[Record]) {
        if puts.is_empty() {
            return;
        }
        let mut small = self.small.write();
        for record in puts {
            replay::put_small(&mut small, record);
        }
    }

    /// Writes one record; returns with the turn to apply it.
    fn log(
        &self,
        make: impl FnOnce(&mut Numbers) -> Record,
    ) -> Result<(Record, commit::MyTurn<'_>), StoreError> {
        let appended = self.wal.append(|| {
            let mut numbers = self.numbers.lock();
            let record = make(&mut numbers);
            let ticket = numbers.next_ticket;
            numbers.next_ticket += 1;
            (Some(record::frame(std::slice::from_ref(&record))), (ticket, record))
        });
        match appended {
            Ok((_, (ticket, record))) => Ok((record, self.turn.wait(ticket))),
            Err((error, (ticket, _))) => {
                drop(self.turn.wait(ticket));
                Err(error.into())
            }
        }
    }

    /// Refuses writes while memory is full.
    fn admit(&self) -> Result<(), StoreError> {
        let (used_bytes, limit_bytes) =
            (self.memory.load(Ordering::Relaxed), self.options.limits.memory_bytes);
        if used_bytes >= limit_bytes {
            return Err(StoreError::Busy { what: "memtables", used_bytes, limit_bytes });
        }
        Ok(())
    }
}
