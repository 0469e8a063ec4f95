//! The gateway: groups in memory, checked and changed one commit at a time, and a journal that every answer waits for.
//!
//! Group commit without a thread: who finds nobody leading takes all that is queued, changes the groups, writes one block and syncs
//! once; the others wait. Invariants: only a leader changes groups; whoever got `Ok` finds its change on stable storage; what could
//! not be written is undone in memory, newest first, before anybody hears of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::matcher::Matcher;
use model::metadata::MetricType;
use model::names::NameScheme;
use parking_lot::{Condvar, Mutex, RwLock};
use stdx::clock::Clock;
use stdx::fs::Fs;

use super::aggregate::{Gauges, added};
use super::body::{self, Parsed, n_within};
use super::codec::Change;
use super::error::{OpenError, PushError};
use super::family::{Family, Group, Grouping};
use super::gob;
use super::index::Index;
use super::journal::{self, Journal};
use super::state::{
    State, all, apply, by_values, expiry, failed, has_expired, matches, merge, pushed,
};

/// Journal bytes beyond the groups themselves below which nothing is compacted.
const COMPACT_BYTES_MIN: u64 = 8 << 20;

/// A metric family that the program exposes beside the pushed ones, as far as pushes must not contradict it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFamily {
    pub name: String,
    /// Wins over pushed ones.
    pub help: String,
    pub kind: MetricType,
}

/// What the gateway allows.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a group lives without a push; zero for ever.
    pub ttl: Duration,
    /// Whether a push that contradicts what is there is refused.
    pub consistency_check: bool,
    /// Whether names may hold any UTF-8 text.
    pub utf8_names: bool,
    pub own: Vec<OwnFamily>,
    /// Largest body, uncompressed, in bytes.
    pub body_bytes_max: usize,
    /// Most labels of one metric, with those of its group.
    pub labels_max: usize,
    /// Most metrics of one group.
    pub group_metrics_max: usize,
    pub groups_max: usize,
    /// Most metrics of all groups.
    pub metrics_max: usize,
    /// A persistence file of Pushgateway that the first start takes over.
    pub persistence_file: Option<PathBuf>,
    /// How far the journal may grow beyond its groups before it is written anew, in bytes.
    pub compact_bytes: u64,
}

impl Options {
    pub(super) fn name_scheme(&self) -> NameScheme {
        if self.utf8_names { NameScheme::Utf8 } else { NameScheme::Legacy }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ttl: Duration::ZERO,
            consistency_check: true,
            utf8_names: false,
            own: Vec::new(),
            body_bytes_max: 64 << 20,
            labels_max: 128,
            group_metrics_max: 200_000,
            groups_max: 10_000,
            metrics_max: 2_000_000,
            persistence_file: None,
            compact_bytes: COMPACT_BYTES_MIN,
        }
    }
}

/// What a push takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// All that the group has (PUT).
    Group,
    /// What the group has under the pushed names (POST).
    SameFamilies,
    /// Nothing: what is pushed is added to what the group has under the same names and labels. Gauges need a word of their own.
    Nothing(Gauges),
}

/// What opening has found on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    pub groups: usize,
    /// Bytes that a crash left of a commit nobody was told of.
    pub torn_bytes: u64,
    /// What could not be read, and where it is kept.
    pub damage: Vec<String>,
    /// What the first start has taken over from another program.
    pub imported: Option<Import>,
}

/// What was taken over from a persistence file of Pushgateway, which stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub file: PathBuf,
    pub groups: usize,
    /// What could not be read, each with the byte of the file.
    pub damage: Vec<String>,
}

enum Op {
    Push { labels: Grouping, parsed: Parsed, replace: Replace, ttl: Option<Duration> },
    Delete(Grouping),
    DeleteMatching(Vec<Matcher>),
    Wipe,
    Expire,
}

/// How many groups were changed.
type Outcome = Result<usize, PushError>;

type Slot = Arc<Mutex<Option<Outcome>>>;

/// An operation that somebody waits for. Dropped unanswered, it is answered by an error.
struct Request {
    op: Option<Op>,
    slot: Slot,
}

impl Drop for Request {
    fn drop(&mut self) {
        let text = || PushError::Storage("the commit was given up".to_owned());
        self.slot.lock().get_or_insert_with(|| Err(text()));
    }
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Request>,
    is_led: bool,
    is_closed: bool,
}

/// What only a leader touches.
#[derive(Debug)]
struct Committer {
    journal: Journal,
    index: Index,
}

/// The push gateway's groups, shared by all threads.
pub struct Gateway {
    options: Options,
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
    queue: Mutex<Queue>,
    done: Condvar,
    committer: Mutex<Committer>,
    recovery: Recovery,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Reads the journal in `dir`, which is made when missing, and begins a new generation of it. Without a
    /// journal the groups of the persistence file, if any, are taken over. Damage is no error: see
    /// [`Gateway::recovery`].
    ///
    /// # Errors
    /// [`OpenError`]: I/O, or a journal of a later version.
    pub fn open(
        fs: Arc<dyn Fs>,
        clock: Arc<dyn Clock>,
        dir: &Path,
        options: Options,
    ) -> Result<Self, OpenError> {
        let (mut journal, found) = Journal::open(fs, dir)?;
        let mut state = State::default();
        let mut index = Index::default();
        for change in found.changes {
            apply(&mut state, &mut index, change);
        }
        let imported = match &options.persistence_file {
            None => None,
            Some(file) => {
                let error = |error: std::io::Error| OpenError::PersistenceFile {
                    file: file.display().to_string(),
                    error: error.to_string(),
                };
                let expires_ms = expiry(options.ttl, clock.now_ms());
                let unread = journal.unread(file).map_err(error)?;
                unread.map(|bytes| import(&mut state, &mut index, file, &bytes, expires_ms))
            }
        };
        let mut damage = found.damage;
        if !damage.is_empty() {
            let kept = journal
                .keep_damaged()
                .map_err(|error| OpenError::io("keep the damaged file", &error))?;
            damage.push(format!("the damaged journal is kept as {}", kept.display()));
        }
        journal
            .renew(all(&state))
            .map_err(|error| OpenError::io("begin a new generation", &error))?;
        let recovery =
            Recovery { groups: state.groups.len(), torn_bytes: found.torn_bytes, damage, imported };
        Ok(Self {
            options,
            clock,
            state: RwLock::new(state),
            queue: Mutex::new(Queue::default()),
            done: Condvar::new(),
            committer: Mutex::new(Committer { journal, index }),
            recovery,
        })
    }

    /// What opening has found.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Stores what `body` holds in the group of `labels`, with `job`, and returns when it is on stable storage. `ttl` takes the
    /// place of the configured one for this group, until the next push; zero is for ever.
    ///
    /// # Errors
    /// [`PushError`]. The group is as it was then, but for its failure time where the push contradicts what is there.
    pub fn push(
        &self,
        labels: &Grouping,
        body: &[u8],
        content_type: Option<&str>,
        replace: Replace,
        ttl: Option<Duration>,
    ) -> Result<(), PushError> {
        if labels.get("job").is_none_or(str::is_empty) {
            return Err(PushError::Grouping("job name is required".to_owned()));
        }
        n_within("bytes", body.len(), self.options.body_bytes_max)?;
        let parsed = body::parse(body, content_type, labels, &self.options)?;
        self.commit(Op::Push { labels: labels.clone(), parsed, replace, ttl }).map(|_| ())
    }

    /// Removes a group; says whether it was there.
    ///
    /// # Errors
    /// [`PushError::Storage`], [`PushError::Closed`]: it is still there.
    pub fn delete(&self, labels: &Grouping) -> Result<bool, PushError> {
        self.commit(Op::Delete(labels.clone())).map(|n| n > 0)
    }

    /// Removes the groups whose labels satisfy all of `matchers`; says how many. Without matchers there are none.
    ///
    /// # Errors
    /// As [`Gateway::delete`].
    pub fn delete_matching(&self, matchers: Vec<Matcher>) -> Result<usize, PushError> {
        if matchers.is_empty() {
            return Ok(0);
        }
        self.commit(Op::DeleteMatching(matchers))
    }

    /// Removes all groups; says how many there were.
    ///
    /// # Errors
    /// As [`Gateway::delete`].
    pub fn wipe(&self) -> Result<usize, PushError> {
        self.commit(Op::Wipe)
    }

    /// Removes the groups whose time is over; says how many. They are not shown before, either.
    ///
    /// # Errors
    /// As [`Gateway::delete`].
    pub fn expire(&self) -> Result<usize, PushError> {
        let now = self.clock.now_ms();
        if !self.state.read().groups.values().any(|group| has_expired(group, now)) {
            return Ok(0);
        }
        self.commit(Op::Expire)
    }

    /// All groups, sorted by their labels.
    #[must_use]
    pub fn groups(&self) -> Vec<Arc<Group>> {
        let now = self.clock.now_ms();
        let state = self.state.read();
        state.groups.values().filter(|group| !has_expired(group, now)).map(Arc::clone).collect()
    }

    /// The groups whose labels satisfy all of `matchers`.
    #[must_use]
    pub fn groups_matching(&self, matchers: &[Matcher]) -> Vec<Arc<Group>> {
        let mut groups = self.groups();
        groups.retain(|group| matches(&group.labels, matchers));
        groups
    }

    /// What all groups have, merged by name and sorted, with the groups' times. Where help texts differ, the program's own or else
    /// the first that is not empty stands.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let mut merged: BTreeMap<String, Family> = BTreeMap::new();
        for group in self.groups() {
            group.families.iter().for_each(|family| merge(&mut merged, family));
            group.times().iter().for_each(|family| merge(&mut merged, family));
        }
        for own in &self.options.own {
            if let Some(family) = merged.get_mut(&own.name) {
                family.help.clone_from(&own.help);
            }
        }
        let mut families: Vec<Family> = merged.into_values().collect();
        for family in &mut families {
            family.metrics.sort_by(by_values);
        }
        families
    }

    /// Refuses all that comes later. What is being committed is finished first.
    pub fn close(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        while queue.is_led || !queue.waiting.is_empty() {
            self.done.wait(&mut queue);
        }
    }

    /// Keeps every leader waiting while `f` runs, which can ask how many requests wait for a leader.
    #[cfg(test)]
    pub(super) fn while_held(&self, f: impl FnOnce(&dyn Fn() -> usize)) {
        let held = self.committer.lock();
        f(&|| self.queue.lock().waiting.len());
        drop(held);
    }

    fn commit(&self, op: Op) -> Outcome {
        let slot = Slot::default();
        let mut queue = self.queue.lock();
        if queue.is_closed {
            return Err(PushError::Closed);
        }
        queue.waiting.push(Request { op: Some(op), slot: Arc::clone(&slot) });
        loop {
            if let Some(outcome) = slot.lock().take() {
                return outcome;
            }
            if queue.is_led {
                self.done.wait(&mut queue);
                continue;
            }
            queue.is_led = true;
            let batch = std::mem::take(&mut queue.waiting);
            drop(queue);
            let lead = Lead(self);
            self.lead(batch);
            drop(lead);
            queue = self.queue.lock();
        }
    }

    fn lead(&self, mut batch: Vec<Request>) {
        let mut committer = self.committer.lock();
        let committer = &mut *committer;
        let mut undo = Vec::new();
        let mut records = Vec::new();
        let mut outcomes = Vec::new();
        let now = self.clock.now_ms();
        for op in batch.iter_mut().filter_map(|request| request.op.take()) {
            let mut state = self.state.write();
            let (changes, outcome) = self.decide(&state, &mut committer.index, op, now);
            if changes.is_empty() {
                outcomes.push(outcome);
                continue;
            }
            let len = records.len();
            if let Err(error) = journal::put_record(&mut records, &changes) {
                records.truncate(len);
                outcomes.push(Err(PushError::Storage(error.to_string())));
                continue;
            }
            for change in changes {
                let labels = change.labels.clone();
                let before = apply(&mut state, &mut committer.index, change);
                undo.push(Change { labels, after: before });
            }
            outcomes.push(outcome);
        }
        let written = if records.is_empty() { Ok(()) } else { self.write(committer, &records) };
        if let Err(error) = written {
            let mut state = self.state.write();
            for change in undo.into_iter().rev() {
                apply(&mut state, &mut committer.index, change);
            }
            let error = PushError::Storage(error.to_string());
            outcomes.iter_mut().for_each(|outcome| *outcome = Err(error.clone()));
        }
        for (request, outcome) in batch.iter().zip(outcomes) {
            *request.slot.lock() = Some(outcome);
        }
    }

    /// Makes the batch durable, whose changes are applied already.
    fn write(&self, committer: &mut Committer, records: &[u8]) -> std::io::Result<()> {
        let written = committer.journal.commit(records);
        if !committer.journal.is_writable() {
            // Nothing can come behind what is in doubt; a new file has all groups, this batch's among them.
            return committer.journal.renew(all(&self.state.read()));
        }
        written?;
        if committer.journal.is_long(self.options.compact_bytes)
            && let Err(error) = committer.journal.renew(all(&self.state.read()))
        {
            // The old file, which is whole, stays in use unless the new name is in doubt.
            if !committer.journal.is_writable() {
                return Err(error);
            }
        }
        Ok(())
    }

    /// What an operation changes, and its answer when that is stored.
    fn decide(&self, state: &State, index: &mut Index, op: Op, now: i64) -> (Vec<Change>, Outcome) {
        let gone = |keep: &dyn Fn(&Group) -> bool| -> (Vec<Change>, Outcome) {
            let going = state.groups.values().filter(|group| !keep(group));
            let changes: Vec<Change> =
                going.map(|group| Change { labels: group.labels.clone(), after: None }).collect();
            let n = changes.len();
            (changes, Ok(n))
        };
        match op {
            Op::Delete(labels) => match state.groups.contains_key(&labels) {
                true => (vec![Change { labels, after: None }], Ok(1)),
                false => (Vec::new(), Ok(0)),
            },
            Op::DeleteMatching(matchers) => gone(&|group| !matches(&group.labels, &matchers)),
            Op::Wipe => gone(&|_| false),
            Op::Expire => gone(&|group| !has_expired(group, now)),
            Op::Push { labels, parsed, replace, ttl } => {
                let before = state.groups.get(&labels);
                let live = before.filter(|group| !has_expired(group, now));
                let base =
                    live.map_or_else(|| Group::new(labels.clone()), |group| (**group).clone());
                let ttl = ttl.unwrap_or(self.options.ttl);
                let (parsed, conflict) = sum(&base, parsed, replace);
                let after = pushed(&base, &parsed, replace, expiry(ttl, now), now);
                if let Err(error) = self.room(state, before, &after) {
                    return (Vec::new(), Err(error));
                }
                let fits = match conflict {
                    None => self.fits(index, before, &after, &parsed),
                    Some(text) => Err(text),
                };
                let (after, outcome) = match fits {
                    Ok(()) => (after, Ok(1)),
                    Err(text) => {
                        let failed = failed(base, expiry(ttl, now), now);
                        (failed, Err(PushError::Inconsistent(text)))
                    }
                };
                (vec![Change { labels, after: Some(Arc::new(after)) }], outcome)
            }
        }
    }

    fn room(
        &self,
        state: &State,
        before: Option<&Arc<Group>>,
        after: &Group,
    ) -> Result<(), PushError> {
        n_within("metrics", after.n_metrics(), self.options.group_metrics_max)?;
        let full = |what, found, max| match found > max {
            true => Err(PushError::Full { what, found, max }),
            false => Ok(()),
        };
        if before.is_none() {
            full("groups", state.groups.len() + 1, self.options.groups_max)?;
        }
        let n_before = before.map_or(0, |group| group.n_metrics());
        let n_after = after.n_metrics();
        if n_after > n_before {
            full("metrics", state.n_metrics - n_before + n_after, self.options.metrics_max)?;
        }
        Ok(())
    }

    fn fits(
        &self,
        index: &mut Index,
        before: Option<&Arc<Group>>,
        after: &Group,
        parsed: &Parsed,
    ) -> Result<(), String> {
        if parsed.has_times {
            return Err("pushed metrics must not have timestamps".to_owned());
        }
        if !self.options.consistency_check {
            return Ok(());
        }
        let families = |group: &'_ Arc<Group>| group.families.clone();
        let before = before.map(families).unwrap_or_default();
        index.remove(before.iter().map(|family| &**family));
        let result = index.check(after.families.iter().map(|family| &**family), &self.options.own);
        index.add(before.iter().map(|family| &**family));
        result
    }
}

/// What is to be stored of a push, and why it cannot be added to `base`, if that was asked for.
fn sum(base: &Group, parsed: Parsed, replace: Replace) -> (Parsed, Option<String>) {
    match replace {
        Replace::Group | Replace::SameFamilies => (parsed, None),
        Replace::Nothing(gauges) => match added(base, &parsed, gauges) {
            Ok(sum) => (sum, None),
            Err(text) => (parsed, Some(text)),
        },
    }
}

/// Ends a lead, however it ends.
struct Lead<'a>(&'a Gateway);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.0.queue.lock().is_led = false;
        self.0.done.notify_all();
    }
}

/// Takes over the groups of a persistence file.
fn import(
    state: &mut State,
    index: &mut Index,
    file: &Path,
    bytes: &[u8],
    expires_ms: i64,
) -> Import {
    let found = gob::persisted(bytes);
    for group in found.groups {
        let labels = group.labels.clone();
        let after = Some(Arc::new(Group { expires_ms, ..group }));
        apply(state, index, Change { labels, after });
    }
    Import { file: file.to_owned(), groups: state.groups.len(), damage: found.damage }
}
