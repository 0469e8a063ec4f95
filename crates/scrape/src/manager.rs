//! All pools: takes configurations, follows files, shows targets and metadata.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use model::labels::Labels;
use model::metadata::Metadata;
use model::port::Appendable;
use net::error::ClientConfigError;
use parking_lot::Mutex;
use stdx::budget::Budget;
use stdx::clock::Clock;
use stdx::metrics::{Family, Kind, Registry, float};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::config::{Group, ScrapeConfig};
use crate::discovery::{FileDiscovery, ParseYaml};
use crate::looping::{Buffers, Shared};
use crate::metrics::{Metrics, labelled, summary_family};
use crate::pool::{Pool, Ready, Starter};
use crate::populate::fnv1a;
use crate::target::{DroppedTarget, Targets};

/// How often files of targets are looked at for changes.
const POLL: Duration = Duration::from_secs(5);

/// Why a list of configurations is refused as a whole; what ran before goes on.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("scrape config {0:?}: job_name stands twice")]
    DuplicateJob(String),
    #[error("scrape config {job:?}: {what} is not supported yet")]
    Unsupported { job: String, what: &'static str },
    #[error("scrape config {job:?}: {source}")]
    Client { job: String, source: ClientConfigError },
}

/// What a manager works with.
pub struct Options {
    pub appendable: Arc<dyn Appendable>,
    pub clock: Arc<dyn Clock>,
    pub registry: Registry,
    /// Where loops run.
    pub runtime: Handle,
    /// Pays for bodies between socket and storage, of all targets together.
    pub budget: Arc<Budget>,
    /// Reads `.yml` files of targets.
    pub parse_yaml: Option<ParseYaml>,
    /// Tells servers of a pair apart, together with the external labels: they scrape at different moments.
    pub hostname: String,
    /// E.g. `Prometheus/3.14.0`.
    pub user_agent: String,
    /// Also hand families' metadata to storage.
    pub append_metadata: bool,
    /// Most bodies that are read at once.
    pub readers_max: usize,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("user_agent", &self.user_agent).finish_non_exhaustive()
    }
}

/// Scrapes what it is told to. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Manager(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    runtime: Handle,
    parse_yaml: Option<ParseYaml>,
    hostname: String,
    user_agent: String,
    append_metadata: bool,
    offset_seed: AtomicU64,
    pools: Mutex<BTreeMap<String, Pool>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("hostname", &self.hostname).finish_non_exhaustive()
    }
}

impl Manager {
    /// A manager without targets.
    #[must_use]
    pub fn new(options: Options) -> Self {
        use std::hash::{BuildHasher, Hasher};
        // Keyed at random for each process, so that nobody outside can make two series collide.
        let hash_seed = std::hash::RandomState::new().build_hasher().finish();
        let shared = Arc::new(Shared {
            appendable: options.appendable,
            clock: options.clock,
            budget: options.budget,
            metrics: Metrics::new(&options.registry),
            readers: Arc::new(Semaphore::new(options.readers_max.max(1))),
            buffers: Buffers::default(),
            hash_seed,
            shutdown: watch::Sender::new(false),
        });
        let inner = Arc::new(Inner {
            shared,
            runtime: options.runtime,
            parse_yaml: options.parse_yaml,
            hostname: options.hostname,
            user_agent: options.user_agent,
            append_metadata: options.append_metadata,
            offset_seed: AtomicU64::new(0),
            pools: Mutex::default(),
        });
        let weak = Arc::downgrade(&inner);
        options
            .registry
            .collector(move || weak.upgrade().map(|i| i.families()).unwrap_or_default());
        Self(inner)
    }

    /// Takes the list of all scrape configurations, or refuses it as a whole. Loops whose settings are unchanged go on. Reads
    /// files of targets: call it where blocking is allowed.
    ///
    /// # Errors
    /// [`ApplyError`]; everything is as before then.
    pub fn apply(
        &self,
        configs: Vec<ScrapeConfig>,
        external_labels: &Labels,
    ) -> Result<(), ApplyError> {
        self.0.apply(configs, external_labels)
    }

    /// All targets as they are now.
    #[must_use]
    pub fn targets(&self) -> Targets {
        let mut out = Targets::default();
        for (name, pool) in self.0.pools.lock().iter() {
            out.active.extend(pool.active().map(|target| target.snapshot()));
            let dropped = pool.dropped().iter().map(|labels| DroppedTarget {
                discovered_labels: labels.clone(),
                scrape_pool: name.clone(),
            });
            out.dropped.extend(dropped);
            out.dropped_counts.insert(name.clone(), pool.dropped_count);
        }
        out
    }

    /// The names of all pools, sorted.
    #[must_use]
    pub fn pools(&self) -> Vec<String> {
        self.0.pools.lock().keys().cloned().collect()
    }

    /// Shows `visit` what each target says of its families (with `family`: of that one), until it returns false. The arguments
    /// are the target's labels, the family, and its metadata.
    pub fn metadata(
        &self,
        family: Option<&str>,
        visit: &mut dyn FnMut(&Labels, &str, &Metadata) -> bool,
    ) {
        let targets: Vec<_> = self
            .0
            .pools
            .lock()
            .values()
            .flat_map(|pool| pool.active().cloned().collect::<Vec<_>>())
            .collect();
        for target in targets {
            let store = target.metadata.lock();
            let labels = &target.spec.public;
            let go_on = match family {
                Some(name) => store.get(name).is_none_or(|metadata| visit(labels, name, metadata)),
                None => store.iter().all(|(name, metadata)| visit(labels, name, metadata)),
            };
            if !go_on {
                return;
            }
        }
    }

    /// Ends all loops. Fetches are cut off; what was read is stored. No staleness markers: the targets are still there.
    pub async fn stop(&self) {
        self.0.shared.shutdown.send_replace(true);
        let pools = std::mem::take(&mut *self.0.pools.lock());
        for pool in pools.into_values() {
            for task in pool.remove_all() {
                if let Err(error) = task.await {
                    tracing::error!(%error, "a scrape loop failed by a mistake of ours");
                }
            }
        }
    }
}

impl Inner {
    fn apply(
        self: &Arc<Self>,
        configs: Vec<ScrapeConfig>,
        external_labels: &Labels,
    ) -> Result<(), ApplyError> {
        let seed = format!("{}{external_labels:?}", self.hostname);
        let mut pools = self.pools.lock();
        let changed = self.prepare(configs, &pools)?;
        self.offset_seed.store(fnv1a(seed.as_bytes()), Ordering::Relaxed);
        let gone: Vec<String> =
            pools.keys().filter(|name| !changed.contains_key(*name)).cloned().collect();
        for name in gone {
            if let Some(pool) = pools.remove(&name) {
                // The loops mark their series stale on their own.
                let _detached = pool.remove_all();
            }
        }
        let starter = self.starter();
        for (name, ready) in changed {
            let Some(ready) = ready else {
                continue;
            };
            for sd in &ready.config.unsupported_sd {
                tracing::warn!(pool = name, "{sd} is not supported yet: it gives 0 targets");
            }
            match pools.get_mut(&name) {
                Some(pool) => {
                    self.shared.metrics.reloads.inc();
                    pool.stop_following();
                    pool.reconfigure(ready, &starter);
                }
                None => {
                    self.shared.metrics.pools.inc();
                    pools.insert(name.clone(), Pool::new(ready));
                }
            }
            if let Some(pool) = pools.get_mut(&name) {
                self.follow_files(&name, pool);
                pool.sync(&starter);
            }
        }
        let intervals: Vec<String> = pools
            .values()
            .flat_map(|pool| {
                pool.active().map(|t| t.snapshot().scrape_interval).collect::<Vec<_>>()
            })
            .collect();
        self.shared.metrics.keep_intervals(|one| intervals.iter().any(|have| have == one));
        Ok(())
    }

    /// Checks all configurations; by name, with `None` for those that are unchanged.
    fn prepare(
        &self,
        configs: Vec<ScrapeConfig>,
        pools: &BTreeMap<String, Pool>,
    ) -> Result<BTreeMap<String, Option<Ready>>, ApplyError> {
        let mut out = BTreeMap::new();
        for config in configs {
            let name = config.job_name.clone();
            let known = pools.get(&name);
            let unchanged = known.is_some_and(|pool| **pool.config() == config);
            let ready = if unchanged { None } else { Some(Ready::new(config, &self.user_agent)) };
            let ready = ready.transpose().inspect_err(|_| match known {
                Some(_) => self.shared.metrics.reloads_failed.inc(),
                None => self.shared.metrics.pools_failed.inc(),
            })?;
            if out.insert(name.clone(), ready).is_some() {
                return Err(ApplyError::DuplicateJob(name));
            }
        }
        Ok(out)
    }

    fn starter(&self) -> Starter {
        Starter {
            runtime: self.runtime.clone(),
            shared: Arc::clone(&self.shared),
            offset_seed: self.offset_seed.load(Ordering::Relaxed),
            user_agent: self.user_agent.clone(),
            append_metadata: self.append_metadata,
        }
    }

    /// Reads a pool's files of targets, and looks at them again and again.
    fn follow_files(self: &Arc<Self>, name: &str, pool: &mut Pool) {
        let mut files = pool.file_discoveries(self.parse_yaml.as_ref());
        pool.file_groups.clear();
        if files.is_empty() {
            return;
        }
        self.refresh(name, &mut files, true);
        pool.file_groups = groups(&files);
        let (follow, ended) = watch::channel(false);
        pool.follow = Some(follow);
        let task = Follow { inner: Arc::downgrade(self), name: name.to_owned(), files, ended };
        self.runtime.spawn(task.run());
    }

    fn refresh(&self, name: &str, files: &mut [FileDiscovery], all: bool) -> bool {
        let mut changed = false;
        for one in files {
            let refreshed = one.refresh(all);
            changed |= refreshed.changed;
            for (path, error) in refreshed.errors {
                self.shared.metrics.file_read_errors.inc();
                tracing::error!(pool = name, path, error, "reading a file of targets failed");
            }
        }
        changed
    }

    fn families(&self) -> Vec<Family> {
        let pools = self.pools.lock();
        let mut families: Vec<Family> = POOL_FAMILIES
            .iter()
            .map(|(name, help, kind, of)| {
                let label = if *name == DISCOVERED { "config" } else { "scrape_job" };
                let values = pools.iter().map(|(pool, one)| (pool.clone(), of(one)));
                labelled(name, help, *kind, label, values)
            })
            .collect();
        let lengths = pools.iter().map(|(name, pool)| (name.clone(), pool.sync_lengths.clone()));
        let lengths: BTreeMap<_, _> = lengths.collect();
        drop(pools);
        for family in families.iter_mut().filter(|family| family.name == DISCOVERED) {
            for point in &mut family.points {
                point.labels.push(("name".to_owned(), "scrape".to_owned()));
            }
        }
        let name = "prometheus_target_sync_length_seconds";
        let help = "Actual interval to sync the scrape pool.";
        families.push(summary_family(name, help, "scrape_job", &lengths));
        families.push(self.shared.metrics.interval_family());
        families
    }
}

/// Name, help, kind and value of a metric of each pool.
type PoolFamily = (&'static str, &'static str, Kind, fn(&Pool) -> f64);

const DISCOVERED: &str = "prometheus_sd_discovered_targets";

const POOL_FAMILIES: [PoolFamily; 7] = [
    (
        "prometheus_target_scrape_pool_targets",
        "Current number of targets in this scrape pool.",
        Kind::Gauge,
        |pool| count(pool.len()),
    ),
    (
        "prometheus_target_scrape_pool_sync_total",
        "Total number of syncs that were executed on a scrape pool.",
        Kind::Counter,
        |pool| float(pool.syncs_total),
    ),
    (
        "prometheus_target_scrape_pool_target_limit",
        "Maximum number of targets allowed in this scrape pool.",
        Kind::Gauge,
        |pool| float(pool.config().limits.target),
    ),
    (
        "prometheus_target_sync_failed_total",
        "Total number of target sync failures.",
        Kind::Counter,
        |pool| float(pool.failed_total),
    ),
    (
        "prometheus_target_metadata_cache_entries",
        "Total number of metric metadata entries in the cache",
        Kind::Gauge,
        |pool| count(pool.active().map(|target| target.metadata.lock().len()).sum()),
    ),
    (
        "prometheus_target_metadata_cache_bytes",
        "The number of bytes that are currently used for storing metric metadata in the cache",
        Kind::Gauge,
        |pool| count(pool.active().map(|target| target.metadata.lock().bytes()).sum()),
    ),
    (DISCOVERED, "Current number of discovered targets.", Kind::Gauge, |pool| {
        count(pool.discovered)
    }),
];

fn count(n: usize) -> f64 {
    float(u64::try_from(n).unwrap_or(u64::MAX))
}

/// The task that follows a pool's files.
struct Follow {
    inner: Weak<Inner>,
    name: String,
    files: Vec<FileDiscovery>,
    ended: watch::Receiver<bool>,
}

impl Follow {
    async fn run(mut self) {
        let shortest_ms = self.files.iter().map(FileDiscovery::refresh_interval_ms).min();
        let refresh = Duration::from_millis(shortest_ms.unwrap_or(0).unsigned_abs().max(1000));
        let mut next_all = tokio::time::Instant::now() + refresh;
        loop {
            let wake = next_all.min(tokio::time::Instant::now() + POLL);
            tokio::select! {
                biased;
                _ = self.ended.wait_for(|ended| *ended) => return,
                () = tokio::time::sleep_until(wake) => {}
            }
            let now = tokio::time::Instant::now();
            let all = now >= next_all;
            if all {
                next_all = now + refresh;
            }
            let Some(inner) = self.inner.upgrade() else {
                return;
            };
            let read = tokio::task::spawn_blocking(move || {
                let changed = inner.refresh(&self.name, &mut self.files, all);
                if changed {
                    self.publish(&inner);
                }
                self
            });
            match read.await {
                Ok(same) => self = same,
                Err(error) => {
                    tracing::error!(%error, "following files failed by a mistake of ours");
                    return;
                }
            }
        }
    }

    /// Gives the groups to the pool, unless it follows other files by now.
    fn publish(&self, inner: &Inner) {
        let starter = inner.starter();
        let mut pools = inner.pools.lock();
        if *self.ended.borrow() {
            return;
        }
        if let Some(pool) = pools.get_mut(&self.name) {
            pool.file_groups = groups(&self.files);
            pool.sync(&starter);
        }
    }
}

fn groups(files: &[FileDiscovery]) -> Vec<Group> {
    files.iter().flat_map(|one| one.groups().cloned()).collect()
}
