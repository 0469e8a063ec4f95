//! What all requests share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use model::matcher::{MatchOp, Matcher};
use parking_lot::{Mutex, RwLock};
use promql::engine::{Engine, EngineOptions};
use stdx::budget::Budget;
use stdx::clock::Clock;
use stdx::metrics::{Counter, Gauge, Registry};
use tokio::sync::{Semaphore, watch};

use crate::config::{Config, Loaded, Loader, RunError};
use crate::elastic::Logs;
use crate::exposure;
use crate::parts::Parts;
use crate::place::Place;
use crate::push::Push;
use crate::web::Guard;

/// Look-ups of labels, series and metadata at once; more wait.
pub(crate) const READS_MAX: usize = 16;
/// Writes that are decoded and stored at once; more wait.
pub(crate) const WRITES_MAX: usize = 8;
/// Pushes that are read and stored at once; more wait. They share their syncs, so that many at once are what makes them fast.
pub(crate) const PUSHES_MAX: usize = 64;
/// Searches of documents at once; more wait.
pub(crate) const SEARCHES_MAX: usize = 16;
/// Bulks that are read and stored at once; more wait. They share their syncs.
pub(crate) const BULKS_MAX: usize = 32;
/// Bytes of all request bodies held at once.
const REQUESTS_BYTES_MAX: u64 = 256 << 20;
/// Bytes of all scraped bodies between socket and storage.
const SCRAPES_BYTES_MAX: u64 = 512 << 20;

/// How far the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The storage is being opened.
    Starting,
    Ready,
    Stopping,
}

/// What bounds the work of requests.
#[derive(Debug)]
pub(crate) struct Lanes {
    pub(crate) query: Arc<Semaphore>,
    pub(crate) read: Arc<Semaphore>,
    pub(crate) write: Arc<Semaphore>,
    pub(crate) push: Arc<Semaphore>,
    pub(crate) search: Arc<Semaphore>,
    pub(crate) logs: Arc<Semaphore>,
}

/// The bytes that others decide the number of: each kind has its bound, and all together [`Config::memory_bytes_max`].
#[derive(Debug)]
pub(crate) struct Budgets {
    /// Request bodies.
    pub(crate) requests: Arc<Budget>,
    /// Scraped bodies.
    pub(crate) scrapes: Arc<Budget>,
    queries: Arc<Budget>,
}

impl Budgets {
    fn new(config: &Config) -> Self {
        let all = Budget::new("memory", config.memory_bytes_max);
        Self {
            requests: all.child("http.request-bodies", REQUESTS_BYTES_MAX),
            scrapes: all.child("scrape.bodies", SCRAPES_BYTES_MAX),
            queries: all.child("query.memory", config.query.bytes_max),
        }
    }
}

/// The server's own metrics that are not of one place.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) panics: Counter,
    pub(crate) connections: Gauge,
    pub(crate) queries: Gauge,
    ready: Gauge,
    reload_ok: Gauge,
    reload_time: Gauge,
}

pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) place: Place,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Registry,
    pub(crate) metrics: Metrics,
    pub(crate) lanes: Lanes,
    pub(crate) budgets: Budgets,
    pub(crate) push: Push,
    pub(crate) logs: Logs,
    /// Who may come in; `None`: everybody.
    pub(crate) guard: Option<Guard>,
    pub(crate) birth_ms: i64,
    /// Where the listeners are; set once, when they are.
    listeners: OnceLock<Vec<SocketAddr>>,
    /// Decides which origins may read; `None` when all may.
    pub(crate) origins: Option<Matcher>,
    phase: AtomicU8,
    parts: RwLock<Option<Arc<Parts>>>,
    loaded: RwLock<Arc<Loaded>>,
    loader: Loader,
    /// What only the start takes over, as it was then.
    started: Vec<(String, String)>,
    /// One reload at a time.
    reloading: Mutex<()>,
    stop: watch::Sender<bool>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({:?}, {:?})", self.phase(), self.place)
    }
}

impl State {
    /// # Errors
    /// [`RunError::Config`] when a setting cannot be used.
    pub(crate) fn new(
        config: Config,
        loaded: Loaded,
        loader: Loader,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RunError> {
        let registry = Registry::default();
        let metrics = Metrics::new(&registry, &config);
        metrics.reloaded(true, clock.now_ms());
        let lanes = Lanes {
            query: Arc::new(Semaphore::new(
                config.query.concurrency_max.clamp(1, Semaphore::MAX_PERMITS),
            )),
            read: Arc::new(Semaphore::new(READS_MAX)),
            write: Arc::new(Semaphore::new(WRITES_MAX)),
            push: Arc::new(Semaphore::new(PUSHES_MAX)),
            search: Arc::new(Semaphore::new(SEARCHES_MAX)),
            logs: Arc::new(Semaphore::new(BULKS_MAX)),
        };
        Ok(Self {
            place: Place::new(&config).map_err(RunError::Config)?,
            origins: origins(&config.cors_origin)?,
            birth_ms: clock.now_ms(),
            budgets: Budgets::new(&config),
            push: Push::default(),
            logs: Logs::default(),
            guard: config.web.clone().map(Guard::new).transpose().map_err(RunError::Config)?,
            listeners: OnceLock::new(),
            phase: AtomicU8::new(0),
            parts: RwLock::new(None),
            started: loaded.start_only.clone(),
            loaded: RwLock::new(Arc::new(loaded)),
            reloading: Mutex::new(()),
            stop: watch::Sender::new(false),
            config,
            clock,
            registry,
            metrics,
            lanes,
            loader,
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Stopping,
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        let (number, ready) = match phase {
            Phase::Starting => (0, 0.0),
            Phase::Ready => (1, 1.0),
            Phase::Stopping => (2, 0.0),
        };
        self.metrics.ready.set(ready);
        self.phase.store(number, Ordering::Release);
    }

    /// Notes where the listeners are.
    pub(crate) fn listen_at(&self, addresses: Vec<SocketAddr>) {
        // They are opened once in a server's life.
        let _again = self.listeners.set(addresses).is_err();
    }

    pub(crate) fn listeners(&self) -> &[SocketAddr] {
        self.listeners.get().map_or(&[], Vec::as_slice)
    }

    /// What answers requests; `None` until the storage is open.
    pub(crate) fn parts(&self) -> Option<Arc<Parts>> {
        self.parts.read().clone()
    }

    pub(crate) fn set_parts(&self, parts: Parts) {
        *self.parts.write() = Some(Arc::new(parts));
    }

    /// The configuration that runs.
    pub(crate) fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.read())
    }

    /// Reads the configuration anew and runs it; after an error the old one goes on. Blocks.
    ///
    /// # Errors
    /// The loader's text.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let _one = self.reloading.lock();
        let result = (self.loader)().and_then(|loaded| {
            let parts = self.parts();
            if let Some(parts) = &parts {
                parts.scraper.apply(&loaded)?;
            }
            for text in self.needs_restart(&loaded) {
                tracing::warn!("{text}");
            }
            *self.loaded.write() = Arc::new(loaded);
            exposure::warn(self);
            if let Some(parts) = parts {
                self.set_parts(Parts {
                    store: Arc::clone(&parts.store),
                    engine: self.engine(),
                    scraper: Arc::clone(&parts.scraper),
                });
            }
            Ok(())
        });
        self.metrics.reloaded(result.is_ok(), self.clock.now_ms());
        match &result {
            Ok(()) => tracing::info!("configuration reloaded"),
            Err(error) => {
                tracing::error!(%error, "the configuration was not reloaded; the old one goes on")
            }
        }
        result
    }

    /// What `loaded` has otherwise than the server was started with, and that a reload does not change.
    pub(crate) fn needs_restart(&self, loaded: &Loaded) -> Vec<String> {
        let value = |key: &str| self.started.iter().find(|(have, _)| have == key);
        let differs = |(key, now): &(String, String)| {
            let (_, at_start) = value(key)?;
            (at_start != now)
                .then(|| format!("{key} is {now} in the file and stays {at_start} until a restart"))
        };
        loaded.start_only.iter().filter_map(differs).collect()
    }

    pub(crate) fn reload_successful(&self) -> bool {
        self.metrics.reload_ok.value() != 0.0
    }

    /// When the running configuration was read.
    pub(crate) fn reload_time_seconds(&self) -> f64 {
        self.metrics.reload_time.value()
    }

    /// An engine with the configured bounds. All engines share the queries' bytes.
    pub(crate) fn engine(&self) -> Engine {
        let config = &self.config.query;
        let options = EngineOptions {
            lookback_ms: config.lookback_ms,
            samples_max: config.samples_max,
            timeout: config.timeout,
            subquery_step_ms: self.loaded().subquery_step_ms.unwrap_or(config.subquery_step_ms),
            parser: config.parser,
            delayed_name_removal: config.delayed_name_removal,
            type_and_unit_labels: config.type_and_unit_labels,
            ..EngineOptions::new(Arc::clone(&self.budgets.queries))
        };
        Engine::new(options, Arc::clone(&self.clock))
    }

    /// Asks the server to stop; whether this call was the first.
    pub(crate) fn stop(&self) -> bool {
        !self.stop.send_replace(true)
    }

    /// Changes to true when the server shall stop.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Monotonic time.
    pub(crate) fn mono(&self) -> Duration {
        self.clock.mono()
    }
}

impl Metrics {
    fn new(registry: &Registry, config: &Config) -> Self {
        let gauge = |name: &str, help: &str| registry.gauge(name, help, &[]);
        let max = gauge(
            "prometheus_engine_queries_concurrent_max",
            "The max number of concurrent queries.",
        );
        max.set(stdx::metrics::float(config.query.concurrency_max as u64));
        let v = &config.version;
        let labels = [
            ("branch", v.branch.as_str()),
            ("goversion", v.rust_version.as_str()),
            ("revision", v.revision.as_str()),
            ("version", v.version.as_str()),
        ];
        let help = "A metric with a constant '1' value labeled by version, revision, branch and compiler (goversion).";
        registry.gauge("prometheus_build_info", help, &labels).set(1.0);
        registry.collector(stdx::metrics::process::families);
        Self {
            panics: registry.counter(
                "mangru_http_panics_total",
                "Requests that failed by a mistake of ours.",
                &[],
            ),
            connections: gauge("mangru_http_connections", "Connections that are open."),
            queries: gauge(
                "prometheus_engine_queries",
                "The current number of queries being executed or waiting.",
            ),
            ready: gauge("prometheus_ready", "Whether the server has started and works normally."),
            reload_ok: gauge(
                "prometheus_config_last_reload_successful",
                "Whether the last configuration reload attempt was successful.",
            ),
            reload_time: gauge(
                "prometheus_config_last_reload_success_timestamp_seconds",
                "Timestamp of the last successful configuration reload.",
            ),
        }
    }

    fn reloaded(&self, ok: bool, now_ms: i64) {
        self.reload_ok.set(f64::from(u8::from(ok)));
        if ok {
            let seconds = u64::try_from(now_ms / 1000).unwrap_or(0);
            self.reload_time.set(stdx::metrics::float(seconds));
        }
    }
}

/// Returns when the server shall stop.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the state is gone, which is a stop as well.
    let _gone = stopping.wait_for(|stop| *stop).await.is_err();
}

fn origins(pattern: &str) -> Result<Option<Matcher>, RunError> {
    if pattern == ".*" {
        return Ok(None);
    }
    let matcher = Matcher::new(MatchOp::Regex, "Origin", pattern);
    matcher.map(Some).map_err(|error| RunError::Config(format!("web.cors.origin: {error}")))
}
