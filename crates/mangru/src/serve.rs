//! Flags and the configuration file → what the server is told, and the closure that reads the file anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stdx::clock::{Clock, RealClock};
use stdx::fs::real::RealFs;

use crate::config::{self, Config, ConfigError, Options};
use crate::flags::{FEATURES, Feature, Flags, Meaning};
use crate::{logging, web};

/// Files that are looked for when none is named, first found first.
const FILES_WITHOUT_A_NAME: [&str; 2] = ["mangru.yml", "prometheus.yml"];

/// Changes are looked for no more often than this.
const AUTO_RELOAD_MIN: Duration = Duration::from_secs(1);

/// The version of Prometheus whose surface this is.
pub(crate) const PROMETHEUS_VERSION: &str = "3.14.0";
/// The same of Pushgateway.
pub(crate) const PUSHGATEWAY_VERSION: &str = "1.11.2";

/// Where the configuration comes from.
#[derive(Debug, Clone)]
enum Source {
    File(PathBuf),
    /// The text that runs when there is no file.
    BuiltIn(String),
}

impl Source {
    fn find(flags: &Flags) -> Self {
        if flags.is_given("config.file") {
            return Self::File(PathBuf::from(flags.text("config.file")));
        }
        let found = FILES_WITHOUT_A_NAME.into_iter().map(PathBuf::from).find(|path| path.exists());
        found.map_or_else(|| Self::BuiltIn(built_in(flags)), Self::File)
    }

    fn load(&self, options: &Options) -> Result<Config, ConfigError> {
        match self {
            Self::File(path) => config::load(path, options),
            Self::BuiltIn(text) => config::parse(text, "(built-in)", Path::new(""), options),
        }
    }

    fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::BuiltIn(_) => None,
        }
    }
}

fn built_in(flags: &Flags) -> String {
    let address = flags.all("web.listen-address").first().map_or("", String::as_str);
    let prefix = match flags.text("web.route-prefix") {
        "" => url_path(flags.text("web.external-url")),
        prefix => prefix.to_owned(),
    };
    config::built_in(address, &prefix)
}

/// The path of a URL, or of a bare path.
fn url_path(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or(String::new(), |at| rest[at..].to_owned())
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// Flags or a configuration that are refused, with the whole story; or what the server failed of.
pub(crate) fn run(flags: &Flags) -> anyhow::Result<()> {
    let clock = clock_and_log(flags);
    refuse_what_would_be_unsafe(flags)?;
    say_what_flags_do(flags);
    let options = options(flags);
    let source = Source::find(flags);
    let first = source.load(&options)?;
    let mut server_config = server_config(flags, &first)?;
    tracing::info!(
        bytes = server_config.memory_bytes_max,
        "most memory of bodies and queries together"
    );
    server_config.web = web::file(flags)?;
    server_config.auto_reload = auto_reload(flags, &source);
    let loader = move || {
        let config = source.load(&options).map_err(|error| error.0)?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let tokens = config.tokens().map_err(|error| error.0)?;
        Ok(server::Loaded { tokens, ..loaded(&config, source.path()) })
    };
    server::run(server_config, Box::new(loader), Arc::new(RealFs), clock)?;
    Ok(())
}

/// The clock, and the log as the flags want it.
pub(crate) fn clock_and_log(flags: &Flags) -> Arc<dyn Clock> {
    let clock: Arc<dyn Clock> = Arc::new(RealClock::default());
    let format = if flags.text("log.format") == "json" {
        logging::Format::Json
    } else {
        logging::Format::Logfmt
    };
    logging::init(logging::level(flags.text("log.level")), format, Arc::clone(&clock));
    clock
}

/// Flags that must not be left out quietly.
fn refuse_what_would_be_unsafe(flags: &Flags) -> anyhow::Result<()> {
    anyhow::ensure!(
        !flags.switch("agent"),
        "--agent: Prometheus' agent mode is not built in this version"
    );
    Ok(())
}

/// Says once what was asked for and does nothing.
fn say_what_flags_do(flags: &Flags) {
    for (flag, meaning) in flags.inactive() {
        match meaning {
            Meaning::Active => {}
            Meaning::NotBuilt => {
                tracing::warn!("--{flag} is accepted and not built in this version")
            }
            Meaning::Nothing => tracing::debug!("--{flag} is accepted and means nothing here"),
        }
    }
    for name in flags.features() {
        match FEATURES.iter().find(|(known, _)| *known == name).map(|(_, feature)| feature) {
            Some(Feature::Active | Feature::Always) => {}
            Some(Feature::NotBuilt) => {
                tracing::warn!(
                    option = name,
                    "This option for --enable-feature is not built in this version"
                );
            }
            None => tracing::warn!(option = name, "Unknown option for --enable-feature"),
        }
    }
}

fn options(flags: &Flags) -> Options {
    Options {
        retention_ms: flags.duration_ms("storage.tsdb.retention.time"),
        retention_bytes: flags.bytes("storage.tsdb.retention.size"),
        extra_scrape_metrics: flags.feature("extra-scrape-metrics"),
    }
}

/// How changes of the file are noticed, when that is asked for; there is no file to watch in the built-in configuration.
fn auto_reload(flags: &Flags, source: &Source) -> Option<server::AutoReload> {
    if !flags.switch("config.auto-reload") && !flags.feature("auto-reload-config") {
        return None;
    }
    let path = source.path()?;
    let every = flags.duration("config.auto-reload-interval").max(AUTO_RELOAD_MIN);
    Some(server::AutoReload { every, fingerprint: Arc::new(move || config::fingerprint(&path)) })
}

/// One reading of the file, as the server takes it.
fn loaded(config: &Config, path: Option<PathBuf>) -> server::Loaded {
    server::Loaded {
        path,
        yaml: config.yaml(),
        scrape_configs: config.scrape_configs(),
        external_labels: config.external_labels(),
        subquery_step_ms: Some(config.evaluation_interval_ms()),
        start_only: config.start_only(),
        tokens: Vec::new(),
    }
}

/// What needs a restart to change: flags, and where they say nothing the file as it is now.
fn server_config(flags: &Flags, config: &Config) -> anyhow::Result<server::Config> {
    let listen = match config.listen_main() {
        Some(address) if !flags.is_given("web.listen-address") => vec![address],
        _ => flags.all("web.listen-address").to_vec(),
    };
    for address in &listen {
        anyhow::ensure!(
            config::is_address(address),
            "--web.listen-address={address}: not HOST:PORT (an empty host means all addresses)"
        );
    }
    let count = |name: &str| usize::try_from(flags.number(name)).unwrap_or(usize::MAX);
    let defaults = server::Config::default();
    Ok(server::Config {
        listen,
        systemd_sockets: false,
        web: None,
        external_url: flags.text("web.external-url").to_owned(),
        route_prefix: flags.text("web.route-prefix").to_owned(),
        page_title: flags.text("web.page-title").to_owned(),
        cors_origin: flags.text("web.cors.origin").to_owned(),
        lifecycle: flags.switch("web.enable-lifecycle"),
        admin_api: flags.switch("web.enable-admin-api"),
        remote_write_receiver: flags.switch("web.enable-remote-write-receiver"),
        read_timeout: flags.duration("web.read-timeout"),
        connections_max: count("web.max-connections"),
        memory_bytes_max: memory_bytes_max(stdx::machine::memory_bytes(), &defaults),
        query: query_config(flags, &defaults.query),
        storage: storage_config(flags, config, &defaults.storage),
        push: push_config(config, defaults.push)?,
        logs: config.logs(),
        flags: flags.map(),
        version: version(PROMETHEUS_VERSION),
        target_files: server::TargetFiles(Some(Arc::new(config::target_groups))),
        auto_reload: None,
    })
}

/// Half of the machine's memory for what others decide the size of; the other half is the storage's.
fn memory_bytes_max(machine: Option<u64>, defaults: &server::Config) -> u64 {
    machine.map_or(defaults.memory_bytes_max, |bytes| bytes / 2)
}

/// The gateway in the server; alone it is [`crate::push`]'s.
fn push_config(
    config: &Config,
    defaults: server::PushConfig,
) -> anyhow::Result<server::PushConfig> {
    let listen = config.listen_push().map_or(defaults.listen, |address| vec![address]);
    Ok(server::PushConfig {
        listen,
        ttl_ms: config.push_ttl_ms(),
        aggregation: config.push_aggregation(),
        write_token: config.push_token()?,
        limits: config.push_limits(),
        ..defaults
    })
}

fn query_config(flags: &Flags, defaults: &server::QueryConfig) -> server::QueryConfig {
    server::QueryConfig {
        concurrency_max: usize::try_from(flags.number("query.max-concurrency"))
            .unwrap_or(usize::MAX),
        timeout: flags.duration("query.timeout"),
        samples_max: flags.number("query.max-samples"),
        lookback_ms: flags.duration_ms("query.lookback-delta").unwrap_or(defaults.lookback_ms),
        subquery_step_ms: defaults.subquery_step_ms,
        parser: promql::parse::ParserOptions {
            experimental_functions: flags.feature("promql-experimental-functions"),
            extended_range_selectors: flags.feature("promql-extended-range-selectors"),
            fill_modifiers: flags.feature("promql-binop-fill-modifiers"),
            ..defaults.parser
        },
        delayed_name_removal: flags.feature("promql-delayed-name-removal"),
        type_and_unit_labels: flags.feature("type-and-unit-labels"),
        per_step_stats: flags.feature("promql-per-step-stats"),
        bytes_max: defaults.bytes_max,
    }
}

fn storage_config(
    flags: &Flags,
    config: &Config,
    defaults: &server::StorageConfig,
) -> server::StorageConfig {
    server::StorageConfig {
        dir: PathBuf::from(flags.text("storage.tsdb.path")),
        retention_ms: config.retention_ms(),
        wal_segment_bytes: flags.bytes("storage.tsdb.wal-segment-size"),
        wal_compression: flags.switch("storage.tsdb.wal-compression"),
        out_of_order_window_ms: config.out_of_order_window_ms(),
        exemplars_max: config.exemplars_max().unwrap_or(defaults.exemplars_max),
    }
}

/// What this build is. The version is that of the surface (Prometheus', …), with ours behind it.
pub(crate) fn version(surface: &str) -> server::Version {
    let known = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
    server::Version {
        version: format!("{surface}+mangru.{}", env!("CARGO_PKG_VERSION")),
        revision: known(option_env!("MANGRU_REVISION")),
        branch: known(option_env!("MANGRU_BRANCH")),
        build_user: known(option_env!("MANGRU_BUILD_USER")),
        build_date: known(option_env!("MANGRU_BUILD_DATE")),
        rust_version: known(option_env!("MANGRU_RUST_VERSION")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(line: &[&str], yaml: &str) -> anyhow::Result<server::Config> {
        let flags = Flags::parse_line(line).map_err(anyhow::Error::msg)?;
        let config = config::parse(yaml, "m.yml", Path::new(""), &options(&flags))?;
        server_config(&flags, &config)
    }

    #[test]
    fn the_flag_wins_over_the_file_and_the_file_over_the_default() {
        let listen = |line: &[&str], yaml: &str| configured(line, yaml).unwrap().listen.join(" ");
        assert_eq!(listen(&[], ""), "127.0.0.1:9090");
        assert_eq!(listen(&[], "listen: {main: ':19090'}"), ":19090");
        let flag = "--web.listen-address=0.0.0.0:1";
        assert_eq!(listen(&[flag], "listen: {main: ':19090'}"), "0.0.0.0:1");
        assert_eq!(listen(&[flag, "--web.listen-address=:2"], ""), "0.0.0.0:1 :2");
        assert!(configured(&["--web.listen-address=9090"], "").is_err());
    }

    #[test]
    fn retention_by_file_then_flags_then_default() {
        let kept = |line: &[&str], yaml: &str| {
            configured(line, yaml).unwrap().storage.retention_ms / 86_400_000
        };
        assert_eq!(kept(&[], ""), 15);
        assert_eq!(kept(&["--storage.tsdb.retention.time=3d"], ""), 3);
        let file = "storage: {tsdb: {retention: {time: 2d}}}";
        assert_eq!(kept(&["--storage.tsdb.retention.time=3d"], file), 2);
        // A bound on bytes is not active, so that on time stays.
        let size = "--storage.tsdb.retention.size=1GB";
        assert_eq!(kept(&[size], ""), 15);
        assert_eq!(kept(&[size, "--storage.tsdb.retention.time=3d"], ""), 3);
        assert_eq!(kept(&[], "storage: {tsdb: {retention: {size: 1GB}}}"), 15);
        assert_eq!(kept(&[], "storage: {tsdb: {retention: {percentage: 50}}}"), 15);
    }

    #[test]
    fn the_built_in_configuration_scrapes_this_server() {
        for (line, target) in [
            (vec![], "http://127.0.0.1:9090/metrics"),
            (vec!["--web.listen-address=:19091"], "http://localhost:19091/metrics"),
            (vec!["--web.external-url=https://x/prom/"], "http://127.0.0.1:9090/prom/metrics"),
            (vec!["--web.route-prefix=/p"], "http://127.0.0.1:9090/p/metrics"),
        ] {
            let flags = Flags::parse_line(&line).unwrap();
            let source = Source::BuiltIn(built_in(&flags));
            let scrapes = source.load(&options(&flags)).unwrap().scrape_configs();
            let scrape = &scrapes[0];
            assert_eq!(scrape.job_name, "mangru");
            let address = &scrape.static_configs[0].targets[0];
            assert_eq!(format!("{}://{address}{}", scrape.scheme, scrape.metrics_path), target);
        }
    }

    #[test]
    fn unsafe_flags() {
        for (argument, refused) in [("--web.config.file=", false), ("--agent", true)] {
            let flags = Flags::parse_line(&[argument]).unwrap();
            assert_eq!(refuse_what_would_be_unsafe(&flags).is_err(), refused, "{argument}");
        }
    }

    #[test]
    fn half_of_the_memory_is_for_bodies_and_queries() {
        let defaults = server::Config::default();
        assert_eq!(memory_bytes_max(Some(8 << 30), &defaults), 4 << 30);
        assert_eq!(memory_bytes_max(None, &defaults), 2 << 30);
    }

    #[test]
    fn features_of_queries() {
        let query = |line: &[&str]| configured(line, "").unwrap().query;
        let parser = query(&[]).parser;
        assert!(!parser.experimental_functions && parser.duration_expressions);
        let on =
            query(&["--enable-feature=promql-experimental-functions,promql-delayed-name-removal"]);
        assert!(on.parser.experimental_functions && on.delayed_name_removal);
        assert!(!on.parser.fill_modifiers && !on.type_and_unit_labels);
    }

    #[test]
    fn what_a_reload_takes_over_and_what_only_a_start() {
        let yaml =
            "global: {evaluation_interval: 7s}\nstorage: {tsdb: {out_of_order_time_window: 1h}}";
        let config = config::parse(yaml, "m.yml", Path::new(""), &Options::default()).unwrap();
        let loaded = loaded(&config, None);
        assert_eq!(loaded.subquery_step_ms, Some(7000));
        let shown: Vec<String> =
            loaded.start_only.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            shown,
            [
                "storage.tsdb.out_of_order_time_window=1h",
                "storage.tsdb.retention.time=15d",
                "storage.exemplars.max_exemplars=default",
                "listen.main=default",
                "listen.pushgateway=default",
                "listen.opensearch=default",
                "logs.identity=Elasticsearch",
                "pushgateway.ttl=0s",
                "pushgateway.aggregation=false",
                "pushgateway's limits=body 67108864, labels 128, group metrics 200000, groups 10000, metrics 2000000",
                "pushgateway.write_token=not set",
            ]
        );
    }

    #[test]
    fn reloading_by_itself() {
        let every = |line: &[&str]| {
            let flags = Flags::parse_line(line).unwrap();
            auto_reload(&flags, &Source::find(&flags)).map(|auto_reload| auto_reload.every)
        };
        assert_eq!(every(&["--config.file=a.yml"]), None);
        assert_eq!(every(&["--config.auto-reload"]), None);
        let line = ["--config.file=a.yml", "--config.auto-reload"];
        assert_eq!(every(&line), Some(Duration::from_secs(30)));
        let line = [
            "--config.file=a",
            "--enable-feature=auto-reload-config",
            "--config.auto-reload-interval=1ms",
        ];
        assert_eq!(every(&line), Some(AUTO_RELOAD_MIN));
    }

    #[test]
    fn a_named_file_must_be_there() {
        let flags = Flags::parse_line(&["--config.file=/nowhere/m.yml"]).unwrap();
        let error = Source::find(&flags).load(&options(&flags)).unwrap_err();
        assert_eq!(error.0, "/nowhere/m.yml: open /nowhere/m.yml: no such file or directory");
    }
}
