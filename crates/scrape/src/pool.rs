//! The targets of one scrape configuration and their loops.
//!
//! Invariant: `running` holds each target once, by its labels and URL, with one loop that scrapes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::labels::Labels;
use net::client::{Client, RequestHeaders, Session};
use net::config::ClientConfig;
use tokio::runtime::Handle;
use tokio::sync::watch;
use wire::exposition::Format;

use crate::BODY_BYTES_MAX;
use crate::config::{Group, Limits, ScrapeConfig, ScrapeProtocol};
use crate::discovery::FileDiscovery;
use crate::headers::headers;
use crate::looping::{Loop, Order, Shared, Task};
use crate::manager::ApplyError;
use crate::metrics::Summary;
use crate::mutate::Mutator;
use crate::native::schema_max;
use crate::populate::{Populated, Spec, populate};
use crate::state::Settings;
use crate::target::Target;

/// A target's identity: all labels after relabelling, and the URL.
type Key = (String, Labels);

/// What a loop is started with, beside its pool.
pub(crate) struct Starter {
    pub(crate) runtime: Handle,
    pub(crate) shared: Arc<Shared>,
    pub(crate) offset_seed: u64,
    pub(crate) user_agent: String,
    pub(crate) append_metadata: bool,
}

struct Running {
    target: Arc<Target>,
    orders: watch::Sender<Order>,
    task: Task,
}

/// A configuration that was checked, with its client.
pub(crate) struct Ready {
    pub(crate) config: Arc<ScrapeConfig>,
    client: Arc<Client>,
}

pub(crate) struct Pool {
    ready: Ready,
    pub(crate) file_groups: Vec<Group>,
    /// Ends the task that follows files.
    pub(crate) follow: Option<watch::Sender<bool>>,
    running: BTreeMap<Key, Running>,
    /// Loops that wait to mark their series stale.
    leaving: Vec<Task>,
    dropped: Vec<Labels>,
    pub(crate) dropped_count: usize,
    pub(crate) failed_total: u64,
    pub(crate) syncs_total: u64,
    pub(crate) discovered: usize,
    /// Seconds that syncs took.
    pub(crate) sync_lengths: Summary,
}

impl Ready {
    pub(crate) fn new(config: ScrapeConfig, user_agent: &str) -> Result<Self, ApplyError> {
        let job = || config.job_name.clone();
        if config.convert_classic_histograms_to_nhcb {
            let what = "convert_classic_histograms_to_nhcb";
            return Err(ApplyError::Unsupported { job: job(), what });
        }
        let client = |source| ApplyError::Client { job: job(), source };
        headers(&config, config.timeout_ms, user_agent).map_err(client)?;
        let made = Client::new(config.client.clone(), config.scheme == "https").map_err(client)?;
        Ok(Self { config: Arc::new(config), client: Arc::new(made) })
    }
}

impl Pool {
    pub(crate) fn new(ready: Ready) -> Self {
        Self {
            ready,
            file_groups: Vec::new(),
            follow: None,
            running: BTreeMap::new(),
            leaving: Vec::new(),
            dropped: Vec::new(),
            dropped_count: 0,
            failed_total: 0,
            syncs_total: 0,
            discovered: 0,
            sync_lengths: Summary::default(),
        }
    }

    pub(crate) fn config(&self) -> &Arc<ScrapeConfig> {
        &self.ready.config
    }

    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    pub(crate) fn active(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.running.values().map(|running| &running.target)
    }

    pub(crate) fn dropped(&self) -> &[Labels] {
        &self.dropped
    }

    /// Takes a changed configuration: loops whose settings stay go on, others are replaced.
    pub(crate) fn reconfigure(&mut self, ready: Ready, starter: &Starter) {
        let before = std::mem::replace(&mut self.ready, ready);
        let (old, new) = (&before.config, &self.ready.config);
        if loop_settings(old) == loop_settings(new) {
            return;
        }
        let cache_stays = cache_settings(old) == cache_settings(new);
        let keys: Vec<Key> = self.running.keys().cloned().collect();
        for key in keys {
            let Some(running) = self.running.remove(&key) else {
                continue;
            };
            let order = if cache_stays { Order::Replace } else { Order::Remove };
            running.orders.send_replace(order);
            let older = if cache_stays {
                Some(running.task)
            } else {
                self.leaving.push(running.task);
                None
            };
            let target = Target::new(&self.ready.config.job_name, running.target.spec.clone());
            target.continue_from(&running.target);
            let started = self.start(target, older, starter);
            self.running.insert(key, started);
        }
    }

    /// Makes the loops those of the present groups.
    pub(crate) fn sync(&mut self, starter: &Starter) {
        let began = starter.shared.clock.mono();
        let config = Arc::clone(&self.ready.config);
        let mut specs: BTreeMap<Key, Spec> = BTreeMap::new();
        self.dropped.clear();
        (self.dropped_count, self.discovered) = (0, 0);
        let keep = config.limits.keep_dropped_targets;
        for group in config.static_configs.iter().chain(&self.file_groups) {
            for (i, address) in group.targets.iter().enumerate() {
                self.discovered += 1;
                match populate(&config, group, address) {
                    Ok(Populated::Active(spec)) => {
                        let key = (spec.url_text.clone(), spec.labels.clone());
                        specs.entry(key).or_insert(*spec);
                    }
                    Ok(Populated::Dropped(labels)) => {
                        self.dropped_count += 1;
                        let kept = u64::try_from(self.dropped.len()).unwrap_or(u64::MAX);
                        if keep == 0 || kept < keep {
                            self.dropped.push(labels);
                        }
                    }
                    Err(error) => {
                        self.failed_total += 1;
                        tracing::error!(pool = config.job_name, instance = i, %error, "creating target failed");
                    }
                }
            }
        }
        self.syncs_total += 1;
        self.switch(specs, starter);
        let took = starter.shared.clock.mono().saturating_sub(began);
        self.sync_lengths.observe(took.as_secs_f64());
    }

    fn switch(&mut self, specs: BTreeMap<Key, Spec>, starter: &Starter) {
        self.leaving.retain(|task| !task.is_finished());
        let gone: Vec<Key> =
            self.running.keys().filter(|key| !specs.contains_key(*key)).cloned().collect();
        for key in gone {
            if let Some(running) = self.running.remove(&key) {
                running.orders.send_replace(Order::Remove);
                self.leaving.push(running.task);
            }
        }
        let limit = self.ready.config.limits.target;
        let n = u64::try_from(specs.len()).unwrap_or(u64::MAX);
        let too_many = (limit > 0 && n > limit).then(|| {
            starter.shared.metrics.over_target_limit.inc();
            format!("target_limit exceeded (number of targets: {n}, limit: {limit})")
        });
        for running in self.running.values() {
            running.target.set_forced_error(too_many.clone());
        }
        for (key, spec) in specs {
            if let Some(running) = self.running.get(&key) {
                running.target.set_discovered(spec.discovered);
                continue;
            }
            let target = Target::new(&self.ready.config.job_name, spec);
            target.set_forced_error(too_many.clone());
            let running = self.start(target, None, starter);
            self.running.insert(key, running);
        }
    }

    fn start(&self, target: Target, older: Option<Task>, starter: &Starter) -> Running {
        let config = &self.ready.config;
        let (orders, receiver) = watch::channel(Order::Run);
        let timeout_ms = target.spec.timeout_ms;
        let made = headers(config, timeout_ms, &starter.user_agent);
        let target = Arc::new(target);
        let looped = Loop {
            shared: Arc::clone(&starter.shared),
            settings: Arc::new(settings(config, &target.spec, starter.append_metadata)),
            headers: made.unwrap_or_else(|_| RequestHeaders::default()),
            body_bytes_max: match config.limits.body_size {
                0 => BODY_BYTES_MAX,
                limit => limit,
            },
            offset_seed: starter.offset_seed,
            session: Session::new(Arc::clone(&self.ready.client)),
            orders: receiver,
            shutdown: starter.shared.shutdown.subscribe(),
            target: Arc::clone(&target),
        };
        let task = starter.runtime.spawn(looped.run(older));
        Running { target, orders, task }
    }

    /// Ends all loops as a removed job does.
    pub(crate) fn remove_all(mut self) -> Vec<Task> {
        self.stop_following();
        for running in std::mem::take(&mut self.running).into_values() {
            running.orders.send_replace(Order::Remove);
            self.leaving.push(running.task);
        }
        self.leaving
    }

    pub(crate) fn stop_following(&mut self) {
        if let Some(follow) = self.follow.take() {
            follow.send_replace(true);
        }
    }

    /// Reads all files once and returns who follows them.
    pub(crate) fn file_discoveries(
        &self,
        yaml: Option<&crate::discovery::ParseYaml>,
    ) -> Vec<FileDiscovery> {
        let configs = self.ready.config.file_sd_configs.iter();
        configs.map(|config| FileDiscovery::new(config.clone(), yaml.cloned())).collect()
    }
}

pub(crate) fn settings(config: &ScrapeConfig, spec: &Spec, append_metadata: bool) -> Settings {
    Settings {
        mutator: Mutator {
            target: spec.public.clone(),
            honor_labels: config.honor_labels,
            rules: config.metric_relabel_configs.clone(),
            names: config.name_validation,
            limits: config.limits,
        },
        honor_timestamps: config.honor_timestamps,
        track_timestamps_staleness: config.track_timestamps_staleness,
        fallback: config.fallback_scrape_protocol.map(format_of),
        extra_metrics: config.extra_scrape_metrics,
        append_metadata,
        native_histograms: spec.native_histograms,
        classic_histograms: spec.classic_histograms,
        schema_max: schema_max(config.native_histogram_min_bucket_factor),
        timeout: Duration::from_millis(spec.timeout_ms.unsigned_abs()),
    }
}

fn format_of(protocol: ScrapeProtocol) -> Format {
    match protocol {
        ScrapeProtocol::PrometheusProto => Format::Protobuf,
        ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => {
            Format::OpenMetrics
        }
        ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Format::Text,
    }
}

/// What of a configuration a running loop depends on; the rest only says which targets there are.
fn loop_settings(config: &ScrapeConfig) -> ScrapeConfig {
    ScrapeConfig {
        static_configs: Vec::new(),
        file_sd_configs: Vec::new(),
        unsupported_sd: Vec::new(),
        relabel_configs: Vec::new(),
        limits: Limits { target: 0, keep_dropped_targets: 0, ..config.limits },
        ..config.clone()
    }
}

/// What of a configuration decides which series a line is.
fn cache_settings(config: &ScrapeConfig) -> ScrapeConfig {
    let config = loop_settings(config);
    ScrapeConfig {
        interval_ms: 0,
        timeout_ms: 0,
        limits: Limits { sample: 0, body_size: 0, ..config.limits },
        client: ClientConfig::default(),
        ..config
    }
}
