//! The server's life: listen, open the storage, scrape and answer, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use scrape::Manager;
use scrape::push::Gateway;
use stdx::clock::Clock;
use stdx::fs::Fs;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{interval, timeout};
use tsdb::Db;

use crate::config::{AutoReload, Config, Loader, RunError};
use crate::elastic;
use crate::parts::{Parts, Scraper};
use crate::push;
use crate::push::face::Face;
use crate::state::{Phase, State, stopped};
use crate::{exposure, listen, scraper, storage};

/// How long requests may go on when the server stops.
const FINISH_MAX: Duration = Duration::from_secs(10);
/// How long threads that do not listen are waited for at the very end.
const THREADS_MAX: Duration = Duration::from_secs(2);
/// How often the storage looks after itself.
const UPKEEP_EVERY: Duration = Duration::from_secs(60);

/// Serves until SIGTERM, SIGINT or `/-/quit`, then closes the storage. Blocks; owns the runtime.
///
/// # Errors
/// [`RunError`] when the start fails: a taken main address, a configuration that cannot be read, a storage that does not
/// open; or when the storage could not be closed as it should.
pub fn run(
    config: Config,
    loader: Loader,
    fs: Arc<dyn Fs>,
    clock: Arc<dyn Clock>,
) -> Result<(), RunError> {
    let loaded = loader().map_err(RunError::Config)?;
    let state = Arc::new(State::new(config, loaded, loader, clock)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("http")
        .build()
        .map_err(RunError::Runtime)?;
    let result = runtime.block_on(live(&state, fs));
    runtime.shutdown_timeout(THREADS_MAX);
    result
}

async fn live(state: &Arc<State>, fs: Arc<dyn Fs>) -> Result<(), RunError> {
    let listeners = if state.config.systemd_sockets {
        listen::passed()?
    } else {
        listen::open(&state.config.listen).await?
    };
    let connections_max = state.config.connections_max.clamp(1, Semaphore::MAX_PERMITS);
    let room = Arc::new(Semaphore::new(connections_max));
    let mut tasks = JoinSet::new();
    let push = &state.config.push;
    let (main, others) =
        if push.only { (Face::Push, &[][..]) } else { (Face::Main, &push.listen[..]) };
    let others = listen::open_some(others).await;
    let listeners = listeners.into_iter().map(|listener| (main, listener));
    let logs = if push.only { &[][..] } else { &state.config.logs.listen[..] };
    let logs = listen::open_some(logs).await.into_iter().map(|one| (Face::Elastic, one));
    let others = others.into_iter().map(|one| (Face::Push, one)).chain(logs);
    let listeners: Vec<_> = listeners.chain(others).collect();
    state.listen_at(listeners.iter().filter_map(|(_, one)| one.local_addr().ok()).collect());
    exposure::warn(state);
    for (face, listener) in listeners {
        tasks.spawn(listen::accept(listener, face, Arc::clone(state), Arc::clone(&room)));
    }
    signals(state).map_err(RunError::Runtime)?;
    if let Some(auto_reload) = state.config.auto_reload.clone() {
        tokio::spawn(reload_on_change(Arc::clone(state), auto_reload));
    }
    let mut stopping = state.stopping();
    if push.only {
        let gateway = push::life::open(state, fs).await?;
        state.enter(Phase::Ready);
        stopped(&mut stopping).await;
        state.enter(Phase::Stopping);
        finish(tasks).await;
        push::life::close(gateway).await;
        tracing::info!("stopped");
        return Ok(());
    }
    let opened = tokio::select! {
        opened = open(state, fs) => Some(opened?),
        // The log is replayed anew at the next start.
        () = stopped(&mut stopping) => None,
    };
    if let Some(Opened { db, manager, gateway, logs }) = opened {
        tracing::info!(url = state.place.url(), "Server is ready to receive web requests.");
        let upkeep = tokio::spawn(upkeep(Arc::clone(&db)));
        stopped(&mut stopping).await;
        state.enter(Phase::Stopping);
        tracing::info!("stopping");
        upkeep.abort();
        manager.stop().await;
        finish(tasks).await;
        push::life::close(gateway).await;
        // What was acknowledged is on the disk.
        drop(logs);
        close(state, db).await?;
    }
    tracing::info!("stopped");
    Ok(())
}

/// What is open while the server runs.
struct Opened {
    db: Arc<Db>,
    manager: Manager,
    gateway: Arc<Gateway>,
    logs: Arc<logs::store::Store>,
}

/// Opens the storage and starts to scrape; requests are answered from then on.
async fn open(state: &Arc<State>, fs: Arc<dyn Fs>) -> Result<Opened, RunError> {
    let options = storage::options(&state.config.storage);
    let (clock, registry) = (Arc::clone(&state.clock), state.registry.clone());
    let dir = state.config.storage.dir.clone();
    let begun = state.mono();
    let (fs_of_pushes, fs_of_logs) = (Arc::clone(&fs), Arc::clone(&fs));
    let opened = spawn_blocking(move || Db::open(fs, clock, &dir, options, &registry)).await;
    let failed =
        |reason: String| RunError::Storage { dir: state.config.storage.dir.clone(), reason };
    let db = match opened {
        Ok(opened) => opened.map_err(|error| failed(error.to_string()))?,
        Err(_) => return Err(failed("a mistake of ours; see the log".to_owned())),
    };
    tracing::info!(took = ?state.mono().saturating_sub(begun), "the storage is open");
    for text in db.damage() {
        tracing::warn!("left out: {text}");
    }
    for text in db.warnings() {
        tracing::warn!("{text}");
    }
    let gateway = push::life::open(state, fs_of_pushes).await?;
    let logs = elastic::life::open(state, fs_of_logs).await?;
    let manager = scraper::manager(state, &db);
    let (first, loaded) = (manager.clone(), state.loaded());
    let applied = spawn_blocking(move || Scraper::apply(&first, &loaded)).await;
    applied
        .unwrap_or_else(|_| Err("a mistake of ours; see the log".to_owned()))
        .map_err(RunError::Config)?;
    state.set_parts(Parts {
        store: Arc::clone(&db) as Arc<dyn crate::parts::Store>,
        engine: state.engine(),
        scraper: Arc::new(manager.clone()),
    });
    state.enter(Phase::Ready);
    tokio::spawn(push::target::run(Arc::clone(state)));
    Ok(Opened { db, manager, gateway, logs })
}

async fn upkeep(db: Arc<Db>) {
    let mut ticks = interval(UPKEEP_EVERY);
    // The first tick comes at once.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let db = Arc::clone(&db);
        if spawn_blocking(move || db.maintain()).await.is_err() {
            tracing::error!("the storage's upkeep failed by a mistake of ours");
        }
    }
}

/// Waits for the requests that are running.
async fn finish(mut tasks: JoinSet<()>) {
    if timeout(FINISH_MAX, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(after = ?FINISH_MAX, "requests were still running; they are cut off");
        tasks.abort_all();
    }
}

async fn close(state: &State, db: Arc<Db>) -> Result<(), RunError> {
    let reason = match spawn_blocking(move || db.close()).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "a mistake of ours; see the log".to_owned(),
    };
    Err(RunError::Storage { dir: state.config.storage.dir.clone(), reason })
}

/// Reads the configuration anew whenever its fingerprint differs from the last one seen, until the server stops.
async fn reload_on_change(state: Arc<State>, auto_reload: AutoReload) {
    let AutoReload { every, fingerprint } = auto_reload;
    let mut stopping = state.stopping();
    let mut ticks = interval(every);
    let mut seen = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(&mut stopping) => return,
        }
        let (state, look) = (Arc::clone(&state), Arc::clone(&fingerprint));
        let looked = spawn_blocking(move || {
            let now = match look() {
                Ok(now) => now,
                Err(error) => {
                    tracing::error!(%error, "cannot look for changes of the configuration");
                    return seen;
                }
            };
            if seen.is_some_and(|before| before != now) {
                tracing::info!("the configuration's files changed");
                // The outcome is in the log and in the metrics.
                let _done = state.reload();
            }
            Some(now)
        });
        seen = looked.await.unwrap_or(seen);
    }
}

/// SIGTERM and SIGINT stop the server, SIGHUP reads the configuration anew.
fn signals(state: &Arc<State>) -> std::io::Result<()> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind)?;
        let state = Arc::clone(state);
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                state.stop();
            }
        });
    }
    let mut hangups = signal(SignalKind::hangup())?;
    let state = Arc::clone(state);
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            let state = Arc::clone(&state);
            // The outcome is in the log and in the metrics.
            let _done = spawn_blocking(move || state.reload()).await;
        }
    });
    Ok(())
}
