//! The groups in memory and what changes them: functions of a state and a time.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::matcher::Matcher;

use super::body::Parsed;
use super::codec::Change;
use super::family::{Family, Group, Grouping, Metric, PUSH_FAILURE_TIME, PUSH_TIME};
use super::gateway::Replace;
use super::index::Index;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) groups: BTreeMap<Grouping, Arc<Group>>,
    pub(super) n_metrics: usize,
}

pub(super) fn has_expired(group: &Group, now: i64) -> bool {
    group.expires_ms != 0 && group.expires_ms <= now
}

pub(super) fn expiry(ttl: Duration, now: i64) -> i64 {
    if ttl.is_zero() {
        return 0;
    }
    now.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).max(1))
}

pub(super) fn matches(labels: &Grouping, matchers: &[Matcher]) -> bool {
    matchers.iter().all(|one| one.matches(labels.get(&one.name).unwrap_or("")))
}

/// The group after a push that is taken.
pub(super) fn pushed(
    base: &Group,
    parsed: &Parsed,
    replace: Replace,
    expires_ms: i64,
    now: i64,
) -> Group {
    let mut families: BTreeMap<&str, Arc<Family>> = BTreeMap::new();
    if replace != Replace::Group {
        families.extend(base.families.iter().map(|one| (one.name.as_str(), Arc::clone(one))));
    }
    for family in &parsed.families {
        // These two are the gateway's own.
        if family.name != PUSH_TIME && family.name != PUSH_FAILURE_TIME {
            let stored = Family { time_ms: now, ..family.clone() };
            families.insert(&family.name, Arc::new(stored));
        }
    }
    Group {
        labels: base.labels.clone(),
        families: families.into_values().collect(),
        push_time_ms: now.max(base.push_failure_time_ms),
        push_failure_time_ms: base.push_failure_time_ms,
        expires_ms,
    }
}

/// The group after a push that is refused.
pub(super) fn failed(base: Group, expires_ms: i64, now: i64) -> Group {
    let is_new = base.push_time_ms == 0 && base.push_failure_time_ms == 0;
    Group {
        // A millisecond later, so that the newer of both times is the last.
        push_failure_time_ms: now.max(base.push_time_ms.saturating_add(1)),
        expires_ms: if is_new { expires_ms } else { base.expires_ms },
        ..base
    }
}

/// Every group as a change from nothing.
pub(super) fn all(state: &State) -> impl Iterator<Item = Change> {
    state
        .groups
        .values()
        .map(|group| Change { labels: group.labels.clone(), after: Some(Arc::clone(group)) })
}

/// Applies a change and returns what was there before.
pub(super) fn apply(state: &mut State, index: &mut Index, change: Change) -> Option<Arc<Group>> {
    let before = match &change.after {
        Some(group) => state.groups.insert(change.labels, Arc::clone(group)),
        None => state.groups.remove(&change.labels),
    };
    if let Some(group) = &before {
        state.n_metrics -= group.n_metrics();
        index.remove(group.families.iter().map(|family| &**family));
    }
    if let Some(group) = &change.after {
        state.n_metrics += group.n_metrics();
        index.add(group.families.iter().map(|family| &**family));
    }
    before
}

pub(super) fn merge(merged: &mut BTreeMap<String, Family>, family: &Family) {
    match merged.get_mut(&family.name) {
        None => drop(merged.insert(family.name.clone(), family.clone())),
        Some(have) => {
            if have.help.is_empty() {
                have.help.clone_from(&family.help);
            }
            have.time_ms = have.time_ms.max(family.time_ms);
            have.metrics.extend_from_slice(&family.metrics);
        }
    }
}

/// Pushgateway's order: fewer labels first, then value by value.
pub(super) fn by_values(a: &Metric, b: &Metric) -> Ordering {
    let values = a.labels.iter().map(|(_, value)| value);
    let others = b.labels.iter().map(|(_, value)| value);
    a.labels.len().cmp(&b.labels.len()).then_with(|| values.cmp(others))
}
