//! The gateway as a target of the server that it runs in, without a socket between.
//!
//! Groups that changed are stored soon, and all of them once an interval, by the rules of a scrape with `honor_labels`: what is
//! gone is marked stale, and times are those of the scrape. A gateway without groups is no target: who does not push finds no
//! series and no target that the configuration does not name.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use model::labels::Labels;
use scrape::config::ScrapeConfig;
use scrape::offline::OfflineTarget;
use scrape::push::{Group, Grouping, Value};
use scrape::target::{ActiveTarget, Health};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use wire::encode::Encoder;
use wire::escaping::EscapingScheme;
use wire::negotiate::Protocol;

use crate::push::metrics::exposition;
use crate::state::{State, stopped};

/// The name of its job. A job of this name in the configuration takes its place.
pub(crate) const JOB: &str = "pushgateway";
/// All that can be pushed can be said in it.
const PROTOCOL: Protocol = Protocol::Protobuf;
const ESCAPING: EscapingScheme = EscapingScheme::AllowUtf8;
/// How often changes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often everything is stored while nothing changes.
const UNCHANGED_EVERY: Duration = Duration::from_secs(15);
/// How many times as long as storing took the next time waits at least: many groups that change all the time cost no more
/// than a part of a core.
const REST: u32 = 10;

/// The target and what it has stored.
#[derive(Debug)]
pub(crate) struct Stored {
    target: OfflineTarget,
    groups: BTreeMap<Grouping, Arc<Group>>,
}

/// What to store, or what was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    All,
    /// The groups that changed.
    Changes,
    /// Nothing: it failed.
    Failed,
}

/// Stores what was pushed until the server stops.
pub(crate) async fn run(state: Arc<State>) {
    let mut stopping = state.stopping();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stored = None;
    let mut all_begun: Option<Duration> = None;
    let (mut rests_until, mut seen) = (Duration::ZERO, None);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(&mut stopping) => return,
        }
        let (begun, version) = (state.mono(), state.push.changes());
        let is_due = all_begun.is_none_or(|all| begun.saturating_sub(all) >= UNCHANGED_EVERY);
        if !is_due && (seen == Some(version) || begun < rests_until) {
            continue;
        }
        let pass = if is_due { Pass::All } else { Pass::Changes };
        let (shared, before) = (Arc::clone(&state), stored.take());
        let done = spawn_blocking(move || {
            let now_ms = shared.clock.now_ms();
            store(&shared, before, now_ms, pass)
        });
        let (after, done) = done.await.unwrap_or_else(|_| {
            tracing::error!("a scrape of the push gateway failed by a mistake of ours");
            (None, Pass::All)
        });
        stored = after;
        // A scrape of all groups says by itself what went well.
        rests_until = match done {
            Pass::All => Duration::ZERO,
            Pass::Changes | Pass::Failed => begun + state.mono().saturating_sub(begun) * REST,
        };
        if done == Pass::All {
            all_begun = Some(begun);
        }
        seen = Some(version).filter(|_| done != Pass::Failed);
    }
}

/// Stores as of `now_ms` what `pass` says; what is remembered for the next time, and what was done.
pub(crate) fn store(
    state: &State,
    stored: Option<Stored>,
    now_ms: i64,
    pass: Pass,
) -> (Option<Stored>, Pass) {
    let (Some(mut before), Ok(gateway)) = (stored, state.push.gateway()) else {
        return (scraped(state, None, now_ms), Pass::All);
    };
    let now = gateway.groups();
    let is_known = pass != Pass::All && !now.is_empty() && !is_replaced(state);
    let Some(parts) = state.parts().filter(|_| is_known) else {
        return (scraped(state, Some(before), now_ms), Pass::All);
    };
    let (changed, gone) = changes(&before.groups, &now);
    let bodies = (&*parts_of(&changed), &*parts_of(&gone));
    let kind = PROTOCOL.content_type(ESCAPING);
    if let Err(error) = before.target.scrape_part(&*parts.store, now_ms, &kind, bodies) {
        tracing::warn!(%error, "what was pushed could not be stored as samples");
        return (Some(before), Pass::Failed);
    }
    for group in gone {
        before.groups.remove(&group.labels);
    }
    before.groups.extend(changed.into_iter().map(|group| (group.labels.clone(), group)));
    (Some(before), Pass::Changes)
}

/// The groups that are not as they were stored, and as they were stored those of which a series is gone. `now` is sorted.
fn changes(
    stored: &BTreeMap<Grouping, Arc<Group>>,
    now: &[Arc<Group>],
) -> (Vec<Arc<Group>>, Vec<Arc<Group>>) {
    let (mut changed, mut gone, mut n_old) = (Vec::new(), Vec::new(), 0);
    for group in now {
        let old = stored.get(&group.labels);
        n_old += usize::from(old.is_some());
        if old.is_some_and(|old| Arc::ptr_eq(old, group)) {
            continue;
        }
        gone.extend(old.filter(|old| !has_all(group, old)).map(Arc::clone));
        changed.push(Arc::clone(group));
    }
    if n_old < stored.len() {
        let is_here =
            |old: &Group| now.binary_search_by(|group| group.labels.cmp(&old.labels)).is_ok();
        gone.extend(stored.values().filter(|old| !is_here(old)).map(Arc::clone));
    }
    (changed, gone)
}

/// Whether `group` has all series of `old`.
fn has_all(group: &Group, old: &Group) -> bool {
    fn metrics(group: &Group) -> impl Iterator<Item = (&str, &Grouping, Vec<u64>)> {
        group.families.iter().flat_map(|family| {
            let name = family.name.as_str();
            family.metrics.iter().map(move |metric| (name, &metric.labels, series(&metric.value)))
        })
    }
    let now: HashSet<_> = metrics(group).collect();
    metrics(old).all(|metric| now.contains(&metric))
}

/// What a metric's series are, as far as they can be others while name and labels stay: its kind and its bounds.
fn series(value: &Value) -> Vec<u64> {
    let of = |kind, bounds: &mut dyn Iterator<Item = f64>| {
        [kind].into_iter().chain(bounds.map(f64::to_bits)).collect()
    };
    match value {
        Value::Simple(_) => Vec::new(),
        Value::Summary { quantiles, .. } => of(1, &mut quantiles.iter().map(|(bound, _)| *bound)),
        Value::Histogram { buckets, native, .. } => {
            let kind = if native.is_some() { 3 } else { 2 };
            of(kind, &mut buckets.iter().map(|bucket| bucket.upper))
        }
    }
}

/// The groups alone, as they stand in the exposition of all.
fn parts_of(groups: &[Arc<Group>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(PROTOCOL, ESCAPING, &mut out);
    for group in groups {
        group.families.iter().for_each(|family| family.encode(&mut encoder, PROTOCOL));
        group.times().iter().for_each(|family| family.encode(&mut encoder, PROTOCOL));
    }
    encoder.finish();
    out
}

/// Stores everything once, as of `now_ms`; what is remembered for the next time.
pub(crate) fn scraped(state: &State, stored: Option<Stored>, now_ms: i64) -> Option<Stored> {
    let parts = state.parts()?;
    let groups = state.push.gateway().map(|gateway| gateway.groups()).unwrap_or_default();
    let target = stored.map(|stored| stored.target);
    if is_replaced(state) || groups.is_empty() {
        state.push.show(None);
        if let Some(Err(error)) = target.map(|mut target| target.end(&*parts.store, now_ms)) {
            tracing::error!(%error, "the push gateway's series were not marked stale");
        }
        return None;
    }
    let mut target = match target {
        Some(target) => target,
        None => match OfflineTarget::new(&config(), &address(state)) {
            Ok(target) => target,
            Err(error) => {
                tracing::error!(%error, "the push gateway is no target");
                return None;
            }
        },
    };
    let groups = groups.into_iter().map(|group| (group.labels.clone(), group)).collect();
    let Ok(body) = exposition(state, PROTOCOL, ESCAPING) else {
        return Some(Stored { target, groups });
    };
    let kind = PROTOCOL.content_type(ESCAPING);
    let begun = state.mono();
    let done = target.scrape(&*parts.store, now_ms, &kind, &body);
    if let Err(error) = &done {
        tracing::warn!(%error, "what was pushed could not be stored as samples");
    }
    state.push.show(Some(shown(state, done.err(), now_ms, state.mono().saturating_sub(begun))));
    Some(Stored { target, groups })
}

/// Whether the configuration has a job of this name.
fn is_replaced(state: &State) -> bool {
    state.loaded().scrape_configs.iter().any(|config| config.job_name == JOB)
}

/// The target as `/api/v1/targets` shows it.
fn shown(state: &State, error: Option<String>, now_ms: i64, took: Duration) -> ActiveTarget {
    let address = address(state);
    let path = format!("{}{}", state.place.prefix, state.config.push.telemetry_path);
    let every = stdx::units::format_duration_ms(config().interval_ms);
    ActiveTarget {
        discovered_labels: Labels::from_pairs([("__address__", address.as_str()), ("job", JOB)]),
        labels: Labels::from_pairs([("instance", address.as_str()), ("job", JOB)]),
        scrape_pool: JOB.to_owned(),
        scrape_url: format!("http://{address}{path}"),
        health: if error.is_none() { Health::Up } else { Health::Down },
        last_error: error.unwrap_or_default(),
        last_scrape_ms: Some(now_ms),
        last_scrape_duration: took,
        scrape_interval: every.clone(),
        scrape_timeout: every,
    }
}

fn config() -> ScrapeConfig {
    ScrapeConfig {
        job_name: JOB.to_owned(),
        honor_labels: true,
        scrape_native_histograms: true,
        always_scrape_classic_histograms: true,
        interval_ms: i64::try_from(UNCHANGED_EVERY.as_millis()).unwrap_or(i64::MAX),
        ..ScrapeConfig::default()
    }
}

/// Where the gateway can be reached, for the label `instance`.
fn address(state: &State) -> String {
    let own = state.config.push.listen.first().or(state.config.listen.first());
    let address = own.map_or("localhost:9091", String::as_str);
    match address.strip_prefix(':') {
        Some(port) => format!("localhost:{port}"),
        None => address.to_owned(),
    }
}
