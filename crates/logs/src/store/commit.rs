//! A batch's way to the disk and into memory.
//!
//! *Decided* under the log's lock, against what is there and what is on its way: sequence numbers, versions, conflicts. *Written*: one frame.
//! *Applied* in the order of the log, whatever order the writers wake in: each batch has a ticket, and waits for its turn.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Condvar, Mutex};

use crate::bits::Bits;
use crate::ids::auto_id;
use crate::memtable::MemBlock;
use crate::part::Block;

use super::index::{Index, State};
use super::prepare::{Batches, Prepared};
use super::record::{self, Docs, Record};
use super::table::{Entry, Table};
use super::types::{Condition, Done, MARKS, Op, Outcome, Refusal, SIGHTINGS, StoreError, Write};
use super::{Numbers, Store};

/// What one operation becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) seq: i64,
    pub(super) version: u64,
    /// The row that it takes the place of.
    pub(super) old: Option<i64>,
    pub(super) done: Done,
}

/// What a batch becomes.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Its place in the order; `None` when nothing is written.
    pub(super) ticket: Option<u64>,
    /// The mapping has moved on: the documents have to be read again.
    is_stale: bool,
    /// For each operation; `Err`: its condition does not hold.
    pub(super) rulings: Vec<Result<Ruling, Refusal>>,
    /// The store's own small documents that go with it.
    puts: Vec<Record>,
    /// How many batches had failed when it was decided.
    failures: u64,
}

/// Who is next to apply.
#[derive(Debug, Default)]
pub(super) struct Turn {
    next: Mutex<u64>,
    moved: Condvar,
}

/// Passes the turn on when dropped, however that comes about.
#[derive(Debug)]
pub(super) struct MyTurn<'a>(&'a Turn);

impl Turn {
    /// Returns when all tickets before `ticket` have had their turn.
    pub(super) fn wait(&self, ticket: u64) -> MyTurn<'_> {
        let mut next = self.next.lock();
        while *next < ticket {
            self.moved.wait(&mut next);
        }
        MyTurn(self)
    }

    /// Returns when all tickets before `ticket` have been applied.
    pub(super) fn wait_until(&self, ticket: u64) {
        let mut next = self.next.lock();
        while *next < ticket {
            self.moved.wait(&mut next);
        }
    }
}

impl Drop for MyTurn<'_> {
    fn drop(&mut self) {
        *self.0.next.lock() += 1;
        self.0.moved.notify_all();
    }
}

/// Why a condition does not hold.
fn conflict(current: Option<Entry>) -> Refusal {
    let there = current.filter(|entry| !entry.is_deleted);
    let current = there.map(|entry| (entry.seq.cast_unsigned(), entry.version));
    Refusal::VersionConflict { current }
}

/// The version that a write makes, when it may.
fn rule(write: &Write<'_>, current: Option<Entry>) -> Result<u64, Refusal> {
    let there = current.filter(|entry| !entry.is_deleted);
    if write.op == Op::Create && there.is_some() {
        return Err(conflict(current));
    }
    let next = current.map_or(1, |entry| entry.version.saturating_add(1));
    match write.condition {
        Condition::None => Ok(next),
        Condition::SeqNo { seq, term } => {
            let holds = there.is_some_and(|one| one.seq.cast_unsigned() == seq && term == 1);
            if holds { Ok(next) } else { Err(conflict(current)) }
        }
        Condition::External { version, or_equal } => {
            let holds = current
                .is_none_or(|one| version > one.version || (or_equal && version == one.version));
            if !holds {
                let current = current.map(|entry| (entry.seq.cast_unsigned(), entry.version));
                return Err(Refusal::VersionConflict { current });
            }
            Ok(version)
        }
    }
}

impl Store {
    /// Writes a batch. Returns when it is on stable storage and searchable, all of it or none; what could not be done of it is in its outcomes.
    ///
    /// # Errors
    /// Nothing was written: memory or log is full ([`StoreError::Busy`]), the disk refuses.
    pub fn write(&self, writes: &[Write<'_>]) -> Result<Vec<Outcome>, StoreError> {
        self.write_with(writes, &[])
    }

    /// [`Store::write`], with marks: small documents of kind [`MARKS`] that are committed with the batch.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_with(
        &self,
        writes: &[Write<'_>],
        marks: &[(&str, &[u8])],
    ) -> Result<Vec<Outcome>, StoreError> {
        self.admit()?;
        // Each round, another batch has added a field that this one would have added otherwise.
        for _ in 0..ROUNDS_MAX {
            let now_ms = self.options.clock.now_ms();
            let watcher = self.options.watcher.as_deref();
            let mut batches = super::prepare::prepare(writes, now_ms, watcher)
                .map_err(|error| StoreError::Io(error.to_string()))?;
            let appended = self.wal.append(|| self.decide(writes, &mut batches, marks, now_ms));
            let (file, verdict) = match appended {
                Ok((_, verdict)) if verdict.is_stale => continue,
                Ok(appended) => appended,
                Err((error, verdict)) => {
                    if let Some(ticket) = verdict.ticket {
                        let _turn = self.turn.wait(ticket);
                        forget(&batches, ticket);
                        self.failures.fetch_add(1, Ordering::AcqRel);
                    }
                    return Err(error.into());
                }
            };
            let outcomes = outcomes(writes, &batches, &verdict);
            if let Some(ticket) = verdict.ticket {
                let _turn = self.turn.wait(ticket);
                self.apply(writes, &mut batches, &verdict, file);
                forget(&batches, ticket);
            }
            for group in &mut batches.groups {
                group.ingester.take().into_iter().for_each(|one| group.index.keep_ingester(one));
            }
            return Ok(outcomes);
        }
        Err(StoreError::Io("the mapping changes faster than documents are read".to_owned()))
    }

    /// Under the log's lock: what becomes of each operation, and the frame.
    pub(super) fn decide(
        &self,
        writes: &[Write<'_>],
        batches: &mut Batches,
        marks: &[(&str, &[u8])],
        now_ms: i64,
    ) -> (Option<Vec<u8>>, Verdict) {
        let mut verdict = Verdict::default();
        if batches.groups.iter().any(|group| is_stale(&group.index, group)) {
            verdict.is_stale = true;
            return (None, verdict);
        }
        let mut numbers = self.numbers.lock();
        let ticket = numbers.next_ticket;
        verdict.failures = self.failures.load(Ordering::Acquire);
        let first = |group: &super::prepare::Group| group.index.pending.lock().next_seq;
        let firsts: Vec<i64> = batches.groups.iter().map(first).collect();
        for op in &batches.ops {
            let index = &batches.groups[op.group].index;
            verdict.rulings.push(decide_one(index, &writes[op.write], ticket));
        }
        let is_idle = verdict.rulings.iter().all(Result::is_err);
        if is_idle && marks.is_empty() {
            return (None, verdict);
        }
        numbers.next_ticket += 1;
        verdict.ticket = Some(ticket);
        let mut records = Vec::new();
        for group in batches.groups.iter().filter(|group| !group.batch.added.is_empty()) {
            let mut pending = group.index.pending.lock();
            let added = &group.batch.added;
            pending.fields.extend(added.iter().map(|(path, f)| (ticket, path.clone(), f.clone())));
            let at = numbers.meta();
            records.push(Record::Fields { at, number: group.index.number, fields: added.clone() });
        }
        verdict.puts = puts(&mut numbers, batches, marks);
        records.extend(verdict.puts.iter().cloned());
        records.push(Record::Docs(docs(batches, &verdict, &firsts, now_ms)));
        (Some(record::frame(&records)), verdict)
    }

    pub(super) fn apply(
        &self,
        writes: &[Write<'_>],
        batches: &mut Batches,
        verdict: &Verdict,
        file: u64,
    ) {
        let now = self.options.clock.mono();
        let ids: Vec<Option<&str>> = batches.ops.iter().map(|op| writes[op.write].id).collect();
        for at in 0..batches.groups.len() {
            let rulings = of_group(&batches.ops, &ids, &verdict.rulings, at);
            let group = &mut batches.groups[at];
            let mut state = group.index.state.lock();
            if Arc::ptr_eq(&state.mapping, &group.base) {
                state.mapping = Arc::clone(&group.batch.mapping);
            } else {
                insert_fields(&mut state, &group.batch.added);
            }
            let blocks = std::mem::take(&mut group.batch.blocks);
            // It may have been decided upon one that has failed since.
            let is_sure = verdict.failures == self.failures.load(Ordering::Acquire);
            apply_group(&mut state, group.index.id_key, blocks, &rulings, is_sure);
            let table = state.active();
            table.raw_bytes += group.batch.raw_bytes as u64;
            if table.first_file.is_none() {
                (table.first_file, table.born) = (Some(file), now);
            }
            if table.raw_bytes >= self.options.limits.freeze_bytes {
                state.tables.push(Table::new());
            }
            if !state.is_removed {
                self.memory.fetch_add(group.batch.raw_bytes as u64, Ordering::Relaxed);
            }
        }
        self.apply_puts(&verdict.puts);
    }
}

/// Rounds of reading documents again.
const ROUNDS_MAX: usize = 16;

/// An operation that was applied or not, with its row and identifier.
pub(super) type Applied<'a> = (Option<usize>, Option<&'a str>, Option<Ruling>);

fn of_group<'a>(
    ops: &[Prepared],
    ids: &[Option<&'a str>],
    rulings: &[Result<Ruling, Refusal>],
    group: usize,
) -> Vec<Applied<'a>> {
    let all = ops.iter().zip(ids).zip(rulings);
    let mine = all.filter(|((op, _), _)| op.group == group);
    mine.map(|((op, id), ruling)| (op.row, *id, ruling.as_ref().ok().copied())).collect()
}

/// Adds fields that are new.
pub(super) fn insert_fields(state: &mut State, fields: &[(String, crate::mapping::Field)]) {
    for (path, field) in fields {
        if state.mapping.find(path).is_none() {
            // Checked when it was decided: at worst the field stays unknown.
            drop(Arc::make_mut(&mut state.mapping).insert(path, field.clone()));
        }
    }
}

/// Rows and tombstones into the growing memtable. Unless `is_sure`, what each identifier stands for is looked up again.
pub(super) fn apply_group(
    state: &mut State,
    id_key: u64,
    blocks: Vec<MemBlock>,
    applied: &[Applied<'_>],
    is_sure: bool,
) {
    let mut rows = applied.iter().filter(|(row, ..)| row.is_some());
    let mut seq = state.next_seq - 1;
    for block in blocks {
        let (mut seqs, mut versions, mut dead) =
            (Vec::with_capacity(block.rows()), Vec::new(), None);
        for at in 0..block.rows() {
            match rows.next().and_then(|(_, _, ruling)| *ruling) {
                Some(ruling) => {
                    seq = ruling.seq;
                    if ruling.version != 1 {
                        versions.push((at, ruling.version.cast_signed()));
                    }
                }
                None => dead.get_or_insert_with(|| Bits::none(block.rows())).set(at),
            }
            // A row that was refused has the number of the row before it.
            seqs.push(seq);
        }
        state.active().push(block.numbered(seqs, &versions, id_key), dead.as_ref());
    }
    for (row, id, ruling) in applied {
        let Some(ruling) = ruling else { continue };
        let old = match id {
            Some(id) if !is_sure => {
                let current = state.current(id_key, id).filter(|entry| !entry.is_deleted);
                current.map(|entry| entry.seq)
            }
            Some(_) | None => ruling.old,
        };
        if let Some(old) = old {
            state.delete(old);
        }
        state.next_seq = state.next_seq.max(ruling.seq + 1);
        let table = state.active();
        table.last_seq = ruling.seq;
        if let Some(id) = id {
            let (seq, version, is_deleted) = (ruling.seq, ruling.version, row.is_none());
            table.ids.insert((*id).into(), Entry { seq, version, is_deleted });
        }
    }
}

/// Whether another batch has decided otherwise on a field that this one adds.
fn is_stale(index: &Index, group: &super::prepare::Group) -> bool {
    if group.batch.added.is_empty() {
        return false;
    }
    let pending = index.pending.lock();
    let mapping = Arc::clone(&index.state.lock().mapping);
    group.batch.added.iter().any(|(path, field)| {
        let is_other = |kind| kind != field.kind;
        let known = (!Arc::ptr_eq(&mapping, &group.base))
            .then(|| mapping.find(path))
            .flatten()
            .is_some_and(|found| is_other(found.field.kind) || found.multi.is_some());
        let in_the_way = |one: &str| {
            let (long, short) =
                if one.len() > path.len() { (one, &**path) } else { (&**path, one) };
            long.strip_prefix(short).is_some_and(|rest| rest.starts_with('.'))
        };
        known
            || pending.fields.iter().any(|(_, one, had)| {
                (one == path && is_other(had.kind))
                    || (in_the_way(one) && !(had.kind.is_object() || field.kind.is_object()))
            })
    })
}

fn decide_one(index: &Index, write: &Write<'_>, ticket: u64) -> Result<Ruling, Refusal> {
    let mut pending = index.pending.lock();
    let Some(id) = write.id else {
        if let Condition::SeqNo { .. } = write.condition {
            return Err(conflict(None));
        }
        let seq = pending.next_seq;
        pending.next_seq += 1;
        return Ok(Ruling { seq, version: 1, old: None, done: Done::Created });
    };
    let known = pending.ids.get(id).map(|(entry, _)| *entry);
    let current = known.or_else(|| index.state.lock().current(index.id_key, id));
    let version = rule(write, current)?;
    let old = current.filter(|entry| !entry.is_deleted).map(|entry| entry.seq);
    let seq = pending.next_seq;
    pending.next_seq += 1;
    let is_deleted = write.op == Op::Delete;
    pending.ids.insert(id.into(), (Entry { seq, version, is_deleted }, ticket));
    let done = match (is_deleted, old) {
        (false, None) => Done::Created,
        (false, Some(_)) => Done::Updated,
        (true, Some(_)) => Done::Deleted,
        (true, None) => Done::NotFound,
    };
    Ok(Ruling { seq, version, old, done })
}

/// What goes with the batch beside its documents.
fn puts(numbers: &mut Numbers, batches: &mut Batches, marks: &[(&str, &[u8])]) -> Vec<Record> {
    let sightings = std::mem::take(&mut batches.sightings).into_iter();
    let seen = sightings.map(|one| (SIGHTINGS, one.key, one.value));
    let marks = marks.iter().map(|(key, value)| (MARKS, (*key).to_owned(), value.to_vec()));
    seen.chain(marks)
        .map(|(kind, key, value)| Record::Put {
            at: numbers.meta(),
            kind: kind.to_owned(),
            key,
            value: Some(value),
        })
        .collect()
}

fn docs(batches: &mut Batches, verdict: &Verdict, firsts: &[i64], arrival_ms: i64) -> Docs {
    let groups = batches.groups.iter().zip(firsts);
    let groups = groups.map(|(group, first)| (group.index.number, first.cast_unsigned())).collect();
    let version = |ruling: &Result<Ruling, Refusal>| {
        ruling.as_ref().map_or(0, |ruling| ruling.version.saturating_add(1))
    };
    Docs {
        arrival_ms,
        groups,
        versions: verdict.rulings.iter().map(version).collect(),
        body_len: batches.body_len,
        body: std::mem::take(&mut batches.body),
    }
}

/// The batch is no longer on its way.
fn forget(batches: &Batches, ticket: u64) {
    for group in &batches.groups {
        let mut pending = group.index.pending.lock();
        pending.ids.retain(|_, (_, of)| *of != ticket);
        pending.fields.retain(|(of, ..)| *of != ticket);
    }
}

fn outcomes(writes: &[Write<'_>], batches: &Batches, verdict: &Verdict) -> Vec<Outcome> {
    let nothing = || Outcome::Refused(Refusal::VersionConflict { current: None });
    let mut all: Vec<Outcome> = std::iter::repeat_with(nothing).take(writes.len()).collect();
    for (at, refusal) in &batches.refused {
        all[*at] = Outcome::Refused(refusal.clone());
    }
    for (op, ruling) in batches.ops.iter().zip(&verdict.rulings) {
        all[op.write] = match ruling {
            Err(refusal) => Outcome::Refused(refusal.clone()),
            Ok(ruling) => {
                let write = &writes[op.write];
                let made = || auto_id(write.index.id_key, ruling.seq);
                let id = write.id.map_or_else(made, str::to_owned);
                let (seq, version) = (ruling.seq.cast_unsigned(), ruling.version);
                Outcome::Done { id, seq, version, result: ruling.done }
            }
        };
    }
    all
}
