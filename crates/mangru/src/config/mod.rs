//! A `mangru.yml` (a `prometheus.yml` is one) → checked sections with all defaults filled in, and the dump of it.
//!
//! The tables of the sections are in the modules below; this file is what holds between sections.

mod alerting;
mod auth;
mod expand;
mod files;
mod global;
mod http;
mod own;
mod plain;
mod relabel;
mod remote;
mod scrape;
mod sd;
mod storage;
#[cfg(test)]
mod tests;
mod web;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use net::config::Secret;

use crate::schema::{
    Default, Failure, Kind, Problem, Record, Section, Value, dump, key, no_check, read_section,
};
use crate::yaml::{self, Pos};

pub(crate) use files::{fingerprint, missing as missing_files, rule_files};
use model::names::NameScheme;
pub(crate) use own::is_address;
pub(crate) use plain::target_groups;
pub(crate) use web::load_web;

static ROOT: Section = Section {
    name: "config.plain",
    keys: &[
        &[
            key("global", Kind::Section(&global::GLOBAL)),
            key("runtime", Kind::Section(&global::RUNTIME)).or(Default::Section),
            key("alerting", Kind::Section(&alerting::ALERTING)),
            key("rule_files", Kind::List(&Kind::File)),
            key("scrape_config_files", Kind::List(&Kind::File)),
            key("scrape_configs", Kind::List(&Kind::Section(&scrape::SCRAPE))),
            key("storage", Kind::Section(&storage::STORAGE)).or(Default::Section),
            key("tracing", Kind::Section(&storage::TRACING)),
            key("remote_write", Kind::List(&Kind::Section(&remote::REMOTE_WRITE))),
            key("remote_read", Kind::List(&Kind::Section(&remote::REMOTE_READ))),
            key("otlp", Kind::Section(&storage::OTLP)).or(Default::Section),
        ],
        own::OWN,
    ],
    check: no_check,
};

/// What flags change about the reading of the file.
#[derive(Debug, Clone, std::default::Default)]
pub(crate) struct Options {
    /// Retention by flags, where the file says nothing.
    pub(crate) retention_ms: Option<i64>,
    pub(crate) retention_bytes: Option<u64>,
    /// `--enable-feature=extra-scrape-metrics`
    pub(crate) extra_scrape_metrics: bool,
}

/// How long samples are kept when nothing is said.
pub(crate) const RETENTION_MS: i64 = 15 * 86_400_000;

/// A configuration that was read, checked and filled in.
#[derive(Debug)]
pub(crate) struct Config {
    root: Record,
    /// All scrape configurations, those of `scrape_config_files` last.
    scrapes: Vec<Record>,
    /// What is accepted and does less than it says, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// Why a configuration was not taken: the whole story, place first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(pub(crate) String);

/// Reads and checks the file at `path`.
///
/// # Errors
/// [`ConfigError`]: the file cannot be read, is no YAML, or says something that is not allowed.
pub(crate) fn load(path: &Path, options: &Options) -> Result<Config, ConfigError> {
    let text = files::read(path)?;
    let name = path.display().to_string();
    let dir = path.parent().unwrap_or(Path::new("")).to_owned();
    parse(&text, &name, &dir, options)
}

/// Reads and checks `text`; `name` stands in errors, and relative paths start from `dir`.
///
/// # Errors
/// As [`load`].
pub(crate) fn parse(
    text: &str,
    name: &str,
    dir: &Path,
    options: &Options,
) -> Result<Config, ConfigError> {
    let prefix = format!("parsing YAML file {name}: ");
    let fail = |failure: &Failure| ConfigError(failure.describe(name, &prefix));
    let mut root = read_text(text, &ROOT).map_err(|failure| fail(&failure))?;
    let mut warnings =
        finish(&mut root, options).map_err(|problem| fail(&Failure::from(problem)))?;
    root.resolve_files(dir);
    let mut scrapes: Vec<Record> = root.sections("scrape_configs").flatten().cloned().collect();
    files::include(&root, &mut scrapes, &mut warnings)?;
    for scrape in &scrapes {
        warnings.extend(sd::not_run(scrape).map(|kind| {
            format!(
                "job {:?}: {kind} is not supported in this version: 0 targets",
                scrape.text("job_name")
            )
        }));
    }
    Ok(Config { root, scrapes, warnings })
}

/// The first document of `text` as `section`.
fn read_text(text: &str, section: &'static Section) -> Result<Record, Failure> {
    let node = yaml::parse(text).map_err(|error| {
        let text = error.text;
        Problem {
            pos: error.pos,
            key: String::new(),
            value: String::new(),
            allowed: String::new(),
            text,
        }
    })?;
    match node {
        Some(node) => read_section(&node, section, ""),
        None => Ok(Record::with_defaults(section, String::new(), Pos { line: 1, column: 1 })),
    }
}

/// Fills in what sections take from each other, and checks what holds between them. Returns warnings.
fn finish(root: &mut Record, options: &Options) -> Result<Vec<String>, Problem> {
    fill_in(root, options)?;
    auth::check(root)?;
    for (list, words) in [("rule_files", "rule"), ("scrape_config_files", "scrape config")] {
        for file in root.list(list) {
            let file = file.as_text();
            if file.split_once('*').is_some_and(|(_, rest)| rest.contains('/')) {
                return Err(root.key_problem(list, format!("invalid {words} file path {file:?}")));
            }
        }
    }
    let Some(global) = root.section("global").cloned() else { return Ok(Vec::new()) };
    inherit_all(root, &global)?;
    let scheme = global.text("metric_name_validation_scheme");
    let names = relabel::scheme_of(scheme);
    if let Some(alerting) = root.section("alerting") {
        alerting::validate(alerting, names)?;
    }
    check_remotes(root, "remote_write", "write")?;
    for remote in root.sections("remote_write").flatten() {
        relabel::validate_list(remote, "write_relabel_configs", names)?;
    }
    check_remotes(root, "remote_read", "read")?;
    let mut warnings = expand::external_labels(root);
    if let Some(otlp) = root.section("otlp") {
        storage::check_translation(otlp, names == NameScheme::Legacy)?;
    }
    warnings.extend(not_active(root));
    Ok(warnings)
}

/// Sections that are absent or empty get their defaults; flags change some.
fn fill_in(root: &mut Record, options: &Options) -> Result<(), Problem> {
    if !root.has("global") {
        root.set("global", Value::Section(Box::new(global::defaults()?)));
    }
    let sections: [(&str, &'static Section); 3] =
        [("runtime", &global::RUNTIME), ("storage", &storage::STORAGE), ("otlp", &storage::OTLP)];
    for (name, section) in sections {
        if !root.has(name) {
            let record = Record::with_defaults(section, name.to_owned(), root.pos);
            root.set(name, Value::Section(Box::new(record)));
        }
    }
    let Some(global) = root.section_mut("global") else { return Ok(()) };
    if options.extra_scrape_metrics && !global.is_written("extra_scrape_metrics") {
        global.set("extra_scrape_metrics", Value::Bool(true));
    }
    let retention = root
        .section_mut("storage")
        .and_then(|storage| storage.section_mut("tsdb"))
        .and_then(|tsdb| tsdb.section_mut("retention"));
    let Some(retention) = retention else { return Ok(()) };
    if !["time", "size", "percentage"].iter().any(|name| retention.is_given(name)) {
        if let Some(bytes) = options.retention_bytes {
            retention.set("size", Value::Bytes(bytes));
        }
        let time =
            options.retention_ms.or(options.retention_bytes.is_none().then_some(RETENTION_MS));
        if let Some(ms) = time {
            retention.set("time", Value::DurationMs(ms));
        }
    }
    Ok(())
}

/// What a list element that was left empty gets for an error.
fn empty_section(root: &Record, list: &str, words: &str) -> Problem {
    root.key_problem(list, format!("empty or null {words} config section"))
}

fn inherit_all(root: &mut Record, global: &Record) -> Result<(), Problem> {
    if root.sections("scrape_configs").any(|scrape| scrape.is_none()) {
        return Err(empty_section(root, "scrape_configs", "scrape"));
    }
    let mut jobs = std::collections::HashSet::new();
    for scrape in root.sections_mut("scrape_configs").flatten() {
        scrape::inherit(scrape, global)?;
        let job = scrape.text("job_name");
        if !jobs.insert(job.to_owned()) {
            let text = format!("found multiple scrape configs with job name {job:?}");
            return Err(scrape.key_problem("job_name", text));
        }
    }
    Ok(())
}

fn check_remotes(root: &Record, list: &str, words: &str) -> Result<(), Problem> {
    let mut seen = std::collections::HashSet::new();
    for remote in root.sections(list) {
        let Some(remote) = remote else {
            return Err(empty_section(root, list, &format!("remote {words}")));
        };
        let name = remote.text("name");
        if !name.is_empty() && !seen.insert(name) {
            let text = format!("found multiple remote {words} configs with job name {name:?}");
            return Err(remote.key_problem("name", text));
        }
    }
    Ok(())
}

/// Sections that are accepted and do nothing in this version.
fn not_active(root: &Record) -> Vec<String> {
    let mut warnings = own::not_active(root);
    let prometheus = ["rule_files", "alerting", "remote_write", "remote_read", "tracing"];
    let mut names: Vec<String> =
        prometheus.into_iter().filter(|name| root.is_given(name)).map(str::to_owned).collect();
    if root.is_written("otlp") {
        names.push("otlp".to_owned());
    }
    names.extend(storage::not_active(root));
    warnings.extend(
        names.iter().map(|name| format!("{name} is checked and not active in this version")),
    );
    warnings
}

impl Config {
    /// Who may do what; the files of tokens are read now.
    ///
    /// # Errors
    /// [`ConfigError`]: a file of a token cannot be used.
    pub(crate) fn tokens(&self) -> Result<Vec<server::Token>, ConfigError> {
        auth::tokens(&self.root)
    }

    /// The configuration with everything written out, secrets hidden.
    pub(crate) fn yaml(&self) -> String {
        yaml::emit(&dump(&self.root))
    }

    /// What to scrape, those of `scrape_config_files` last.
    pub(crate) fn scrape_configs(&self) -> Vec<::scrape::config::ScrapeConfig> {
        self.scrapes.iter().map(plain::scrape).collect()
    }

    /// A section that is there and that Prometheus refuses in agent mode.
    pub(crate) fn not_for_agents(&self) -> Option<&'static str> {
        ["alerting", "rule_files", "remote_read"].into_iter().find(|name| self.root.is_given(name))
    }

    /// Labels that others see on everything of ours, sorted.
    pub(crate) fn external_labels(&self) -> Vec<(String, String)> {
        let global = self.root.section("global");
        let entries = global.map(|global| global.entries("external_labels")).unwrap_or_default();
        let mut labels: Vec<_> = entries
            .iter()
            .map(|(name, value)| (name.clone(), value.as_text().to_owned()))
            .collect();
        labels.sort();
        labels
    }

    /// How late a sample may be, in milliseconds.
    pub(crate) fn out_of_order_window_ms(&self) -> i64 {
        self.tsdb().map_or(0, |tsdb| tsdb.duration_ms("out_of_order_time_window"))
    }

    /// Milliseconds that samples are kept. A bound on bytes, which is not active, does not lift that on time.
    pub(crate) fn retention_ms(&self) -> i64 {
        let retention = self.tsdb().and_then(|tsdb| tsdb.section("retention"));
        let time = retention.map(|retention| retention.duration_ms("time")).filter(|ms| *ms > 0);
        time.unwrap_or(RETENTION_MS)
    }

    /// Most exemplars, when the file says so.
    pub(crate) fn exemplars_max(&self) -> Option<usize> {
        let exemplars = self.root.section("storage")?.section("exemplars")?;
        Some(usize::try_from(exemplars.int("max_exemplars")).unwrap_or(0))
    }

    /// What only a start takes over, as key and value.
    pub(crate) fn start_only(&self) -> Vec<(String, String)> {
        let or_default = |value: Option<String>| value.unwrap_or_else(|| "default".to_owned());
        let duration = stdx::units::format_duration_ms;
        let set = if self.has_push_token() { "set" } else { "not set" }.to_owned();
        let server::PushLimits { body_bytes, labels, group_metrics, groups, metrics } =
            self.push_limits();
        let limits = format!(
            "body {body_bytes}, labels {labels}, group metrics {group_metrics}, groups {groups}, metrics {metrics}"
        );
        [
            ("storage.tsdb.out_of_order_time_window", duration(self.out_of_order_window_ms())),
            ("storage.tsdb.retention.time", duration(self.retention_ms())),
            (
                "storage.exemplars.max_exemplars",
                or_default(self.exemplars_max().map(|max| max.to_string())),
            ),
            ("listen.main", or_default(self.listen_main())),
            ("listen.pushgateway", or_default(self.listen_push())),
            ("listen.opensearch", or_default(self.listen("opensearch"))),
            ("logs.identity", format!("{:?}", self.logs().identity)),
            ("pushgateway.ttl", duration(self.push_ttl_ms())),
            ("pushgateway.aggregation", self.push_aggregation().to_string()),
            ("pushgateway's limits", limits),
            ("pushgateway.write_token", set),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }

    /// `listen.main`.
    pub(crate) fn listen_main(&self) -> Option<String> {
        self.listen("main")
    }

    /// `listen.pushgateway`.
    pub(crate) fn listen_push(&self) -> Option<String> {
        self.listen("pushgateway")
    }

    /// What the log store is told.
    pub(crate) fn logs(&self) -> server::LogsConfig {
        let defaults = server::LogsConfig::default();
        let said = self.root.section("logs").and_then(|logs| own::identity(logs.text("identity")));
        server::LogsConfig {
            listen: self.listen("opensearch").map_or(defaults.listen, |address| vec![address]),
            identity: said.unwrap_or(defaults.identity),
            ..defaults
        }
    }

    /// How long a group of the push gateway lives without a push, in milliseconds; 0: for ever.
    pub(crate) fn push_ttl_ms(&self) -> i64 {
        self.root.section("pushgateway").map_or(0, |section| section.duration_ms("ttl"))
    }

    /// Whether changes of the gateway's groups must bring a token.
    fn has_push_token(&self) -> bool {
        let section = self.root.section("pushgateway");
        section.is_some_and(|section| {
            section.is_written("write_token") || section.is_written("write_token_file")
        })
    }

    /// The token that changes of the gateway's groups must bring.
    ///
    /// # Errors
    /// The file of the token is not usable.
    pub(crate) fn push_token(&self) -> anyhow::Result<Option<Secret>> {
        let Some(section) = self.root.section("pushgateway") else { return Ok(None) };
        if section.is_written("write_token_file") {
            let file = Path::new(section.text("write_token_file"));
            return crate::push::token(file).context("pushgateway.write_token_file").map(Some);
        }
        let token = section.text("write_token").trim();
        Ok(Some(token).filter(|token| !token.is_empty()).map(Secret::new))
    }

    /// What the gateway takes.
    pub(crate) fn push_limits(&self) -> server::PushLimits {
        let mut limits = server::PushLimits::default();
        let Some(section) = self.root.section("pushgateway") else { return limits };
        for (name, limit) in [
            ("body_bytes_max", &mut limits.body_bytes),
            ("labels_max", &mut limits.labels),
            ("group_metrics_max", &mut limits.group_metrics),
            ("groups_max", &mut limits.groups),
            ("metrics_max", &mut limits.metrics),
        ] {
            if section.is_written(name) {
                *limit = usize::try_from(section.uint(name)).unwrap_or(usize::MAX);
            }
        }
        limits
    }

    /// Whether pushes may be added to what their groups have.
    pub(crate) fn push_aggregation(&self) -> bool {
        self.root.section("pushgateway").is_some_and(|section| section.flag("aggregation"))
    }

    fn listen(&self, name: &str) -> Option<String> {
        let listen = self.root.section("listen")?;
        Some(listen.text(name).to_owned()).filter(|address| !address.is_empty())
    }

    /// The files of rules, as patterns with absolute or resolved paths.
    pub(crate) fn rule_patterns(&self) -> Vec<PathBuf> {
        self.root.texts("rule_files").into_iter().map(PathBuf::from).collect()
    }

    /// Interval between evaluations, in milliseconds; also the step of subqueries that name none.
    pub(crate) fn evaluation_interval_ms(&self) -> i64 {
        self.root
            .section("global")
            .map_or(60_000, |global| global.duration_ms("evaluation_interval"))
    }

    fn tsdb(&self) -> Option<&Record> {
        self.root.section("storage")?.section("tsdb")
    }
}

/// The configuration that runs when there is no file: the server scrapes itself at `address`, under `prefix`.
pub(crate) fn built_in(address: &str, prefix: &str) -> String {
    let port = address.rsplit_once(':').map_or("9090", |(_, port)| port);
    let host = address.rsplit_once(':').map_or("", |(host, _)| host);
    let host = if matches!(host, "" | "0.0.0.0" | "[::]") { "localhost" } else { host };
    let path = format!("{}/metrics", prefix.trim_end_matches('/'));
    format!(
        "global:\n  scrape_interval: 15s\n  evaluation_interval: 15s\nscrape_configs:\n- job_name: mangru\n  metrics_path: {path}\n  static_configs:\n  - targets: ['{host}:{port}']\n"
    )
}
