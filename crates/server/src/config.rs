//! What the server is told: plain values, whoever read them and from wherever.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ::elastic::Identity;
use net::config::Secret;
use promql::parse::ParserOptions;
use scrape::config::ScrapeConfig;
use scrape::discovery::ParseYaml;

use crate::web::Token;
use crate::web::config::WebFile;

/// What needs a restart to change.
#[derive(Debug, Clone)]
pub struct Config {
    /// `HOST:PORT` each; an empty host means all addresses. The first is the main one: when it is taken, the server does
    /// not start. Another that is taken is a warning.
    pub listen: Vec<String>,
    /// Whether sockets that systemd passes stand in for [`Config::listen`].
    pub systemd_sockets: bool,
    /// The web configuration file: TLS, passwords, headers. `None`: plain HTTP for everybody.
    pub web: Option<WebFile>,
    /// The URL that people reach this server under, e.g. `https://mon.example/prom`. Empty: made from the host's name and
    /// the main listener's port.
    pub external_url: String,
    /// The path that everything is served under: `/` or `/prom`. Empty: the path of `external_url`.
    pub route_prefix: String,
    /// The page's title.
    pub page_title: String,
    /// A regular expression (anchored) of the origins that may read answers from other pages.
    pub cors_origin: String,
    /// Whether `/-/reload` and `/-/quit` work.
    pub lifecycle: bool,
    /// Whether `/api/v1/admin/tsdb/…` works.
    pub admin_api: bool,
    /// Whether `/api/v1/write` takes samples.
    pub remote_write_receiver: bool,
    /// Longest time until a request's head and body are read, and for an idle connection.
    pub read_timeout: Duration,
    /// Most connections at once, over all listeners.
    pub connections_max: usize,
    /// Most bytes that request bodies, scraped bodies and queries hold, all together.
    pub memory_bytes_max: u64,
    pub query: QueryConfig,
    pub storage: StorageConfig,
    pub push: PushConfig,
    pub logs: LogsConfig,
    /// All flags with their values, for `/api/v1/status/flags`.
    pub flags: BTreeMap<String, String>,
    pub version: Version,
    /// Reads `file_sd_configs`' YAML files.
    pub target_files: TargetFiles,
    /// Reload by itself when the configuration's files change; `None`: only when asked.
    pub auto_reload: Option<AutoReload>,
}

/// How changes of the configuration are noticed.
#[derive(Clone)]
pub struct AutoReload {
    /// How often to look.
    pub every: Duration,
    /// A number that changes when the files do; an error when they cannot be read, which is no change.
    pub fingerprint: Fingerprint,
}

/// See [`AutoReload::fingerprint`].
pub type Fingerprint = std::sync::Arc<dyn Fn() -> Result<u64, String> + Send + Sync>;

impl std::fmt::Debug for AutoReload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AutoReload(every {:?})", self.every)
    }
}

/// Bounds of queries.
#[derive(Debug, Clone)]
pub struct QueryConfig {
    /// Most queries evaluated at once; more wait.
    pub concurrency_max: usize,
    /// Longest evaluation, waiting included.
    pub timeout: Duration,
    /// Most samples that one query may hold at once.
    pub samples_max: u64,
    /// Most bytes that all queries together may hold.
    pub bytes_max: u64,
    /// How far back an instant selector looks, in milliseconds.
    pub lookback_ms: i64,
    /// The step of subqueries that name none, in milliseconds.
    pub subquery_step_ms: i64,
    /// Which experimental parts of the language are on.
    pub parser: ParserOptions,
    /// Metric names go away at the end of a query rather than where they lose their meaning.
    pub delayed_name_removal: bool,
    /// The label `__type__` says what is a counter.
    pub type_and_unit_labels: bool,
    /// `stats=all` says how many samples each step touched.
    pub per_step_stats: bool,
}

/// The storage's options.
#[derive(Debug, Clone)]
pub struct StorageConfig {
    /// The data folder (Prometheus').
    pub dir: PathBuf,
    /// Milliseconds that samples are kept.
    pub retention_ms: i64,
    /// Bytes of a WAL segment; `None`: the storage's default.
    pub wal_segment_bytes: Option<u64>,
    /// Whether WAL records are compressed.
    pub wal_compression: bool,
    /// How late a sample may be, in milliseconds; 0: not at all.
    pub out_of_order_window_ms: i64,
    /// Most exemplars kept in memory; 0: none.
    pub exemplars_max: usize,
}

/// The log store's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsConfig {
    /// Where it answers beside `/opensearch` on the main port.
    pub listen: Vec<String>,
    /// Its folder; `None`: `mangru/logs` in the data folder.
    pub dir: Option<PathBuf>,
    /// Whom it says it is on its own port.
    pub identity: Identity,
}

impl Default for LogsConfig {
    /// Elasticsearch's port, on loopback.
    fn default() -> Self {
        Self { listen: vec!["127.0.0.1:9200".to_owned()], dir: None, identity: Identity::default() }
    }
}

/// The push gateway's options.
#[derive(Debug, Clone)]
pub struct PushConfig {
    /// Whether the gateway is all that runs: [`Config::listen`] serves it then, and there is no storage of samples.
    pub only: bool,
    /// `HOST:PORT` each, of listeners that serve exactly what Pushgateway serves. One that is taken is a warning.
    pub listen: Vec<String>,
    /// The folder of the journal; `None`: `mangru/push` in the data folder.
    pub dir: Option<PathBuf>,
    /// A persistence file of Pushgateway that the first start takes over.
    pub persistence_file: Option<PathBuf>,
    /// Milliseconds that a group lives without a push; 0: for ever.
    pub ttl_ms: i64,
    /// Whether a push that contradicts what is there is refused.
    pub consistency_check: bool,
    /// Whether `?aggregate=sum` adds a push to what its group has; it is refused otherwise.
    pub aggregation: bool,
    /// Whether label names of grouping keys may be any UTF-8, escaped as values.
    pub utf8_names: bool,
    /// The path of the metrics on the gateway's own listeners.
    pub telemetry_path: String,
    /// What every change of groups must bring as `Authorization: Bearer`; `None`: anybody may change them.
    pub write_token: Option<Secret>,
    pub limits: PushLimits,
}

/// How much the push gateway takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushLimits {
    /// Largest body, packed and unpacked, in bytes.
    pub body_bytes: usize,
    /// Most labels of one metric, with those of its group.
    pub labels: usize,
    /// Most metrics of one group.
    pub group_metrics: usize,
    pub groups: usize,
    /// Most metrics of all groups.
    pub metrics: usize,
}

/// What reads a YAML file of targets; without it such files give none, and say so.
#[derive(Clone, Default)]
pub struct TargetFiles(pub Option<ParseYaml>);

impl std::fmt::Debug for TargetFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "TargetFiles(yaml)" } else { "TargetFiles(none)" })
    }
}

/// What this build is.
#[derive(Debug, Clone, Default)]
pub struct Version {
    pub version: String,
    pub revision: String,
    pub branch: String,
    pub build_user: String,
    pub build_date: String,
    /// The compiler; stands where Prometheus says its Go version.
    pub rust_version: String,
}

/// What one reading of the configuration file gives; replaced as a whole by a reload.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The file; `None` when the built-in configuration runs.
    pub path: Option<PathBuf>,
    /// The configuration with all defaults written out, secrets hidden: `/api/v1/status/config`.
    pub yaml: String,
    /// What to scrape.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// Labels that others see on everything of ours (federation, remote storage).
    pub external_labels: Vec<(String, String)>,
    /// Who may do what; empty: whoever comes in may do everything.
    pub tokens: Vec<Token>,
    /// The step of subqueries that name none, in milliseconds; `None`: [`QueryConfig::subquery_step_ms`].
    pub subquery_step_ms: Option<i64>,
    /// What of the file only the start takes over, as key and value: a reload that changes one says so.
    pub start_only: Vec<(String, String)>,
}

/// Reads the configuration anew: at the start, and at each reload. The error says file, line, column and reason.
pub type Loader = Box<dyn Fn() -> Result<Loaded, String> + Send + Sync>;

/// Why the server ended other than on request.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: String, source: std::io::Error },
    #[error("no address to listen on")]
    NoAddress,
    #[error("--web.systemd-socket: {0}")]
    Sockets(String),
    #[error("{0}")]
    Config(String),
    #[error("storage in {dir}: {reason}")]
    Storage { dir: PathBuf, reason: String },
    #[error("log store in {dir}: {reason}")]
    Logs { dir: PathBuf, reason: String },
    #[error("push gateway in {dir}: {reason}")]
    Push { dir: PathBuf, reason: String },
    #[error("cannot start the runtime: {0}")]
    Runtime(std::io::Error),
}

impl Default for QueryConfig {
    /// Prometheus' bounds, and one of bytes.
    fn default() -> Self {
        Self {
            concurrency_max: 20,
            timeout: Duration::from_secs(120),
            samples_max: 50_000_000,
            bytes_max: 1 << 30,
            lookback_ms: 5 * 60 * 1000,
            subquery_step_ms: 60_000,
            parser: ParserOptions::default(),
            delayed_name_removal: false,
            type_and_unit_labels: false,
            per_step_stats: false,
        }
    }
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("data"),
            retention_ms: 15 * 86_400_000,
            wal_segment_bytes: None,
            wal_compression: true,
            out_of_order_window_ms: 0,
            exemplars_max: 100_000,
        }
    }
}

impl Default for PushConfig {
    /// Pushgateway's defaults, on loopback.
    fn default() -> Self {
        Self {
            only: false,
            listen: vec!["127.0.0.1:9091".to_owned()],
            dir: None,
            persistence_file: None,
            ttl_ms: 0,
            consistency_check: true,
            aggregation: false,
            utf8_names: false,
            telemetry_path: "/metrics".to_owned(),
            write_token: None,
            limits: PushLimits::default(),
        }
    }
}

impl Default for PushLimits {
    fn default() -> Self {
        let options = scrape::push::Options::default();
        Self {
            body_bytes: options.body_bytes_max,
            labels: options.labels_max,
            group_metrics: options.group_metrics_max,
            groups: options.groups_max,
            metrics: options.metrics_max,
        }
    }
}

impl Default for Config {
    /// What the program runs with when nothing is said: loopback, Prometheus' port.
    fn default() -> Self {
        Self {
            listen: vec!["127.0.0.1:9090".to_owned()],
            systemd_sockets: false,
            web: None,
            external_url: String::new(),
            route_prefix: String::new(),
            page_title: "Mangru".to_owned(),
            cors_origin: ".*".to_owned(),
            lifecycle: false,
            admin_api: false,
            remote_write_receiver: false,
            read_timeout: Duration::from_secs(5 * 60),
            connections_max: 512,
            memory_bytes_max: 2 << 30,
            query: QueryConfig::default(),
            storage: StorageConfig::default(),
            push: PushConfig::default(),
            logs: LogsConfig::default(),
            flags: BTreeMap::new(),
            version: Version::default(),
            target_files: TargetFiles::default(),
            auto_reload: None,
        }
    }
}
