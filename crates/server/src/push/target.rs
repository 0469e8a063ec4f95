//! The gateway as a target of the server that it runs in, without a socket between.
//!
//! What was pushed is stored soon after it changed, and otherwise once an interval, by the rules of a scrape with
//! `honor_labels`: what is gone is marked stale, and times are those of the scrape. A gateway without groups is no target:
//! who does not push finds no series and no target that the configuration does not name.

use std::sync::Arc;
use std::time::Duration;

use model::labels::Labels;
use scrape::config::ScrapeConfig;
use scrape::offline::OfflineTarget;
use scrape::target::{ActiveTarget, Health};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use wire::escaping::EscapingScheme;
use wire::negotiate::Protocol;

use crate::push::metrics::exposition;
use crate::state::{State, stopped};

/// The name of its job. A job of this name in the configuration takes its place.
pub(crate) const JOB: &str = "pushgateway";
/// How often changes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often everything is stored while nothing changes.
const UNCHANGED_EVERY: Duration = Duration::from_secs(15);
/// How many times as long as a scrape took the next one waits at least: many groups that change all the time cost no more
/// than a part of a core.
const REST: u32 = 10;

/// Stores what was pushed until the server stops.
pub(crate) async fn run(state: Arc<State>) {
    let mut stopping = state.stopping();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut target = None;
    let mut last: Option<(Duration, Duration, u64)> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(&mut stopping) => return,
        }
        let (begun, version) = (state.mono(), state.push.changes());
        let is_due = last.is_none_or(|(at, took, seen)| {
            let age = begun.saturating_sub(at);
            age >= UNCHANGED_EVERY || (version != seen && age >= took * REST)
        });
        if !is_due {
            continue;
        }
        let (shared, before) = (Arc::clone(&state), target.take());
        let done = spawn_blocking(move || {
            let now_ms = shared.clock.now_ms();
            scraped(&shared, before, now_ms)
        });
        target = done.await.unwrap_or_else(|_| {
            tracing::error!("a scrape of the push gateway failed by a mistake of ours");
            None
        });
        last = Some((begun, state.mono().saturating_sub(begun), version));
    }
}

/// Stores everything once, as of `now_ms`; what is remembered for the next time.
pub(crate) fn scraped(
    state: &State,
    target: Option<OfflineTarget>,
    now_ms: i64,
) -> Option<OfflineTarget> {
    let replaced = state.loaded().scrape_configs.iter().any(|config| config.job_name == JOB);
    let parts = state.parts()?;
    let is_empty = state.push.gateway().is_ok_and(|gateway| gateway.groups().is_empty());
    if replaced || is_empty {
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
    let (protocol, escaping) = (Protocol::Protobuf, EscapingScheme::AllowUtf8);
    let Ok(body) = exposition(state, protocol, escaping) else { return Some(target) };
    let kind = protocol.content_type(escaping);
    let begun = state.mono();
    let done = target.scrape(&*parts.store, now_ms, &kind, &body);
    if let Err(error) = &done {
        tracing::warn!(%error, "what was pushed could not be stored as samples");
    }
    state.push.show(Some(shown(state, done.err(), now_ms, state.mono().saturating_sub(begun))));
    Some(target)
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
