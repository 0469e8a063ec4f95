//! The log store's life: open, look after itself, close.

use std::sync::Arc;
use std::time::Duration;

use ::elastic::{Elastic, Options};
use logs::store::Store;
use stdx::fs::Fs;
use tokio::task::spawn_blocking;
use tokio::time::interval;

use crate::config::RunError;
use crate::state::{State, stopped};

/// Where the store lies in the data folder.
const DIR: &str = "mangru/logs";
/// How often the store looks after itself.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

/// Opens the store; requests reach it from then on.
///
/// # Errors
/// [`RunError::Logs`]
pub(crate) async fn open(state: &Arc<State>, fs: Arc<dyn Fs>) -> Result<Arc<Store>, RunError> {
    let config = &state.config.logs;
    let dir = config.dir.clone().unwrap_or_else(|| state.config.storage.dir.join(DIR));
    let failed = |reason: String| RunError::Logs { dir: dir.clone(), reason };
    let seed = u64::from(std::process::id());
    let options = logs::store::Options {
        fs,
        clock: Arc::clone(&state.clock),
        dir: dir.clone(),
        watcher: None,
        seed,
        limits: logs::store::Limits::default(),
    };
    let begun = state.mono();
    let opened = spawn_blocking(move || Store::open(options)).await;
    let (store, found) = match opened {
        Ok(opened) => opened.map_err(|error| failed(error.to_string()))?,
        Err(_) => return Err(failed("a mistake of ours; see the log".to_owned())),
    };
    let (took, documents) = (state.mono().saturating_sub(begun), found.documents);
    tracing::info!(?took, documents, dir = %dir.display(), "the log store is open");
    for text in &found.damage {
        tracing::warn!("left out: {text}");
    }
    let options = Options { seed, ..Options::default() };
    let surface = Elastic::new(Arc::clone(&store), Arc::clone(&state.clock), options);
    let surface = Arc::new(surface);
    state.logs.set(Arc::clone(&surface));
    tokio::spawn(upkeep(Arc::clone(state), Arc::clone(&store), surface));
    Ok(store)
}

/// Lets the store look after itself until the server stops.
async fn upkeep(state: Arc<State>, store: Arc<Store>, surface: Arc<Elastic>) {
    let mut stopping = state.stopping();
    let mut ticks = interval(UPKEEP_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(&mut stopping) => return,
        }
        let (store, surface) = (Arc::clone(&store), Arc::clone(&surface));
        let work = spawn_blocking(move || {
            surface.maintain();
            // One step at a time; more is done while there is something to do.
            while store.maintain()? {}
            Ok::<(), logs::store::StoreError>(())
        });
        match work.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the log store's upkeep failed"),
            Err(_) => {
                tracing::error!("the log store's upkeep failed by a mistake of ours");
            }
        }
    }
}
