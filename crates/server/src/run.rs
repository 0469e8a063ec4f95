//! The server's life: listen, open the storage, scrape and answer, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use stdx::clock::Clock;
use stdx::fs::Fs;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::{Config, Loader, RunError};
use crate::listen;
use crate::state::{Phase, State, stopped};

/// How long requests may go on when the server stops.
const FINISH_MAX: Duration = Duration::from_secs(10);
/// How long threads that do not listen are waited for at the very end.
const THREADS_MAX: Duration = Duration::from_secs(2);

/// Serves until SIGTERM, SIGINT or `/-/quit`, then closes the storage. Blocks; owns the runtime.
///
/// # Errors
/// [`RunError`] when the start fails: a taken main address, a configuration that cannot be read, a storage that does not open.
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
    let result = runtime.block_on(live(&state, &fs));
    runtime.shutdown_timeout(THREADS_MAX);
    result
}

async fn live(state: &Arc<State>, _fs: &Arc<dyn Fs>) -> Result<(), RunError> {
    let listeners = listen::open(&state.config.listen).await?;
    let room =
        Arc::new(Semaphore::new(state.config.connections_max.clamp(1, Semaphore::MAX_PERMITS)));
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(listen::accept(listener, Arc::clone(state), Arc::clone(&room)));
    }
    signals(state).map_err(RunError::Runtime)?;
    tracing::info!(url = state.place.url(), "serving");
    let mut stopping = state.stopping();
    stopped(&mut stopping).await;
    state.enter(Phase::Stopping);
    tracing::info!("stopping");
    if timeout(FINISH_MAX, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(after = ?FINISH_MAX, "requests were still running; they are cut off");
        tasks.abort_all();
    }
    tracing::info!("stopped");
    Ok(())
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
            let _done = tokio::task::spawn_blocking(move || state.reload()).await;
        }
    });
    Ok(())
}
