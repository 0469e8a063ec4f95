//! The gateway as a target of the server that it runs in, without a socket between.
//!
//! What was pushed is stored soon after it changed, and otherwise once an interval, by the rules of a scrape with
//! `honor_labels`: what is gone is marked stale, and times are those of the scrape.

use std::sync::Arc;
use std::time::Duration;

use scrape::config::ScrapeConfig;
use scrape::offline::OfflineTarget;
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
        let done = spawn_blocking(move || scraped(&shared, before)).await;
        let Ok(after) = done else {
            tracing::error!("a scrape of the push gateway failed by a mistake of ours");
            return;
        };
        target = after;
        last = Some((begun, state.mono().saturating_sub(begun), version));
    }
}

/// Stores everything once; what is remembered for the next time.
fn scraped(state: &State, target: Option<OfflineTarget>) -> Option<OfflineTarget> {
    let replaced = state.loaded().scrape_configs.iter().any(|config| config.job_name == JOB);
    let parts = state.parts()?;
    let now_ms = state.clock.now_ms();
    if replaced {
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
    if let Err(error) = target.scrape(&*parts.store, now_ms, &kind, &body) {
        tracing::warn!(%error, "what was pushed could not be stored as samples");
    }
    Some(target)
}

fn config() -> ScrapeConfig {
    ScrapeConfig {
        job_name: JOB.to_owned(),
        honor_labels: true,
        scrape_native_histograms: true,
        always_scrape_classic_histograms: true,
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
