//! The gateway's life: open, look for groups whose time is over, close.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use scrape::push::{Gateway, Import, Options, OwnFamily};
use stdx::fs::{Fs, Lock};
use tokio::task::spawn_blocking;
use tokio::time::interval;

use crate::config::RunError;
use crate::push::own;
use crate::state::{State, stopped};

/// How often groups whose time is over are removed. They are not shown before, either.
const EXPIRE_EVERY: Duration = Duration::from_secs(1);
/// Where pushes lie in the data folder.
const DIR: &str = "mangru/push";

/// Opens the gateway; requests reach it from then on.
///
/// # Errors
/// [`RunError::Push`]
pub(crate) async fn open(state: &Arc<State>, fs: Arc<dyn Fs>) -> Result<Arc<Gateway>, RunError> {
    let config = &state.config.push;
    let dir = config.dir.clone().unwrap_or_else(|| state.config.storage.dir.join(DIR));
    let failed = |reason: String| RunError::Push { dir: dir.clone(), reason };
    if config.only {
        let lock = locked(fs.as_ref(), &dir).map_err(|error| failed(format!("lock: {error}")))?;
        state.push.hold(lock);
    }
    let options = options(state);
    let (clock, folder) = (Arc::clone(&state.clock), dir.clone());
    let opened = spawn_blocking(move || Gateway::open(fs, clock, &folder, options)).await;
    let gateway = match opened {
        Ok(opened) => Arc::new(opened.map_err(|error| failed(error.to_string()))?),
        Err(_) => return Err(failed("a mistake of ours; see the log".to_owned())),
    };
    let found = gateway.recovery();
    tracing::info!(groups = found.groups, dir = %dir.display(), "the push gateway is open");
    for text in &found.damage {
        tracing::warn!("left out: {text}");
    }
    if let Some(import) = &found.imported {
        say(import);
    }
    state.push.set_gateway(Arc::clone(&gateway));
    tokio::spawn(expire(Arc::clone(state), Arc::clone(&gateway)));
    Ok(gateway)
}

/// What the first start has taken over.
fn say(import: &Import) {
    let (file, groups) = (import.file.display(), import.groups);
    tracing::info!(%file, groups, "took over the groups of Pushgateway's persistence file, which stays as it is");
    for text in &import.damage {
        tracing::error!(%file, "Pushgateway's persistence file is damaged: {text}");
    }
}

/// Keeps another program out of the folder; inside of a server the data folder's lock does.
fn locked(fs: &dyn Fs, dir: &Path) -> std::io::Result<Box<dyn Lock>> {
    fs.create_dir_all(dir)?;
    fs.lock(&dir.join("lock"))
}

fn options(state: &State) -> Options {
    let config = &state.config.push;
    let own = own::FAMILIES.map(|((name, help), kind)| OwnFamily {
        name: name.to_owned(),
        help: help.to_owned(),
        kind,
    });
    Options {
        ttl: u64::try_from(config.ttl_ms).map_or(Duration::ZERO, Duration::from_millis),
        consistency_check: config.consistency_check,
        utf8_names: config.utf8_names,
        own: own.to_vec(),
        body_bytes_max: config.limits.body_bytes,
        labels_max: config.limits.labels,
        group_metrics_max: config.limits.group_metrics,
        groups_max: config.limits.groups,
        metrics_max: config.limits.metrics,
        persistence_file: config.persistence_file.clone(),
        ..Options::default()
    }
}

/// Removes groups whose time is over until the server stops.
async fn expire(state: Arc<State>, gateway: Arc<Gateway>) {
    let mut stopping = state.stopping();
    let mut ticks = interval(EXPIRE_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(&mut stopping) => return,
        }
        let gateway = Arc::clone(&gateway);
        match spawn_blocking(move || gateway.expire()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(n)) => {
                state.push.changed();
                tracing::debug!(n, "groups whose time is over are removed");
            }
            Ok(Err(error)) => tracing::error!(%error, "groups whose time is over stay"),
            Err(_) => tracing::error!("groups whose time is over stay by a mistake of ours"),
        }
    }
}

/// Waits for what is being stored, and takes nothing more.
pub(crate) async fn close(gateway: Arc<Gateway>) {
    if spawn_blocking(move || gateway.close()).await.is_err() {
        tracing::error!("the push gateway was not closed as it should");
    }
}
