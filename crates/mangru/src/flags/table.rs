//! The table of flags and of `--enable-feature` names.

use stdx::units;

/// What a flag's value is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Switch,
    Text,
    Whole,
    Float,
    Duration,
    Bytes,
    OneOf(&'static [&'static str]),
}

impl Kind {
    pub(super) fn placeholder(self) -> &'static str {
        match self {
            Self::Switch => "BOOL",
            Self::Text => "TEXT",
            Self::Whole | Self::Float => "NUMBER",
            Self::Duration => "DURATION",
            Self::Bytes => "SIZE",
            Self::OneOf(_) => "WORD",
        }
    }

    pub(super) fn allowed(self) -> String {
        match self {
            Self::Switch => "true or false".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Whole => "a whole number".to_owned(),
            Self::Float => "a number".to_owned(),
            Self::Duration => "a duration such as 30s, 5m or 1h30m".to_owned(),
            Self::Bytes => "a size such as 512MB".to_owned(),
            Self::OneOf(words) => words.join(", "),
        }
    }

    /// The value as it is shown, or what is wrong with it.
    pub(super) fn normalize(self, text: &str) -> Result<String, String> {
        let wrong = |what: &str| Err(format!("{text:?} is {what}"));
        match self {
            Self::Text => Ok(text.to_owned()),
            Self::Switch if ["true", "false"].contains(&text) => Ok(text.to_owned()),
            Self::Switch => wrong("not true or false"),
            Self::Whole => whole(text).map_or_else(|| wrong("not a whole number"), Ok),
            Self::Float if text.parse::<f64>().is_ok() => Ok(text.to_owned()),
            Self::Float => wrong("not a number"),
            Self::Duration => {
                let ms = units::parse_duration_ms(text).map_err(|error| error.to_string())?;
                Ok(units::format_duration_ms(ms))
            }
            Self::Bytes => {
                units::parse_bytes(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
            }
            Self::OneOf(words) if words.contains(&text) => Ok(text.to_owned()),
            Self::OneOf(_) => wrong("not one of the words"),
        }
    }
}

/// A whole number; Prometheus also writes `5e7`.
fn whole(text: &str) -> Option<String> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.to_string());
    }
    let (digits, power) = text.split_once('e')?;
    let number: i64 = digits.parse().ok()?;
    Some(number.checked_mul(10_i64.checked_pow(power.parse().ok()?)?)?.to_string())
}

/// What a flag does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Active,
    /// Its feature is not built.
    NotBuilt,
    /// It is about something that there is none of here, like Go's garbage collector.
    Nothing,
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Flag {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Empty: none. A list's elements are divided by commas.
    pub(super) default: &'static str,
    pub(super) help: &'static str,
    pub(super) meaning: Meaning,
    pub(super) repeats: bool,
}

pub(super) const fn flag(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Flag {
    Flag { name, kind, default, help, meaning: Meaning::Active, repeats: false }
}

/// A flag that is accepted because Prometheus has it.
pub(super) const fn inert(name: &'static str, kind: Kind, default: &'static str) -> Flag {
    Flag { meaning: Meaning::Nothing, ..flag(name, kind, default, "Prometheus' flag") }
}

/// A flag that is accepted and whose feature this version does not have.
const fn later(name: &'static str, kind: Kind, default: &'static str) -> Flag {
    Flag {
        meaning: Meaning::NotBuilt,
        ..flag(name, kind, default, "Prometheus' flag; not built yet")
    }
}

impl Flag {
    pub(super) const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }
}

const COMPRESSIONS: Kind = Kind::OneOf(&["snappy", "zstd"]);
pub(super) const LEVELS: &[&str] = &["debug", "info", "warn", "error"];

/// All flags.
pub(crate) static FLAGS: &[Flag] = &[
    flag(
        "config.file",
        Kind::Text,
        "",
        "Configuration file; without it ./mangru.yml, ./prometheus.yml, or the built-in one",
    ),
    flag(
        "config.auto-reload",
        Kind::Switch,
        "false",
        "Read the configuration anew when its files change",
    ),
    flag("config.auto-reload-interval", Kind::Duration, "30s", "How often to look for changes"),
    flag(
        "web.listen-address",
        Kind::Text,
        "127.0.0.1:9090",
        "Address to listen on; may be repeated. An open address without --web.config.file lets everybody in",
    )
    .repeats(),
    flag(
        "web.config.file",
        Kind::Text,
        "",
        "Prometheus' file of TLS, passwords and headers (web.yml)",
    ),
    flag(
        "web.read-timeout",
        Kind::Duration,
        "5m",
        "Longest time to read a request, and for an idle connection",
    ),
    flag("web.max-connections", Kind::Whole, "512", "Most connections at once, over all listeners"),
    flag("web.external-url", Kind::Text, "", "The URL under which people reach this server"),
    flag(
        "web.route-prefix",
        Kind::Text,
        "",
        "Prefix of all paths; without it the path of --web.external-url",
    ),
    flag("web.enable-lifecycle", Kind::Switch, "false", "Allow /-/reload and /-/quit"),
    flag("web.enable-admin-api", Kind::Switch, "false", "Allow the administrative endpoints"),
    flag(
        "web.enable-remote-write-receiver",
        Kind::Switch,
        "false",
        "Take samples at /api/v1/write",
    ),
    later(
        "web.remote-write-receiver.accepted-protobuf-messages",
        Kind::Text,
        "prometheus.WriteRequest,io.prometheus.write.v2.Request",
    )
    .repeats(),
    later("web.enable-otlp-receiver", Kind::Switch, "false"),
    flag(
        "web.cors.origin",
        Kind::Text,
        ".*",
        "Origins (a regular expression, anchored) that may read answers from other pages",
    ),
    flag("web.page-title", Kind::Text, "Mangru", "Title of the page"),
    later("web.user-assets", Kind::Text, ""),
    later("web.console.templates", Kind::Text, "consoles"),
    later("web.console.libraries", Kind::Text, "console_libraries"),
    later("web.max-notifications-subscribers", Kind::Whole, "16"),
    later("web.search.max-limit", Kind::Whole, "10000"),
    flag("storage.tsdb.path", Kind::Text, "data/", "Folder of the metrics"),
    flag(
        "storage.tsdb.retention.time",
        Kind::Duration,
        "",
        "How long samples are kept; 15d when nothing bounds them",
    ),
    flag("storage.tsdb.retention.size", Kind::Bytes, "", "Most bytes on disk"),
    later("storage.tsdb.no-lockfile", Kind::Switch, "false"),
    inert("storage.tsdb.head-chunks-write-queue-size", Kind::Whole, "0"),
    later("storage.tsdb.delay-compact-file.path", Kind::Text, ""),
    later("storage.tsdb.min-block-duration", Kind::Duration, "2h"),
    later("storage.tsdb.max-block-duration", Kind::Duration, ""),
    inert("storage.tsdb.max-block-chunk-segment-size", Kind::Bytes, ""),
    flag(
        "storage.tsdb.wal-segment-size",
        Kind::Bytes,
        "",
        "Size of a file of the write-ahead log",
    ),
    flag("storage.tsdb.wal-compression", Kind::Switch, "true", "Compress the write-ahead log"),
    inert("storage.tsdb.wal-compression-type", COMPRESSIONS, "snappy"),
    inert("storage.tsdb.allow-overlapping-compaction", Kind::Switch, "true"),
    inert("storage.tsdb.samples-per-chunk", Kind::Whole, "120"),
    inert("storage.tsdb.delayed-compaction.max-percent", Kind::Whole, "10"),
    inert("storage.tsdb.block-reload-interval", Kind::Duration, "1m"),
    flag("agent", Kind::Switch, "false", "Prometheus' agent mode: not built, and refused"),
    inert("storage.agent.path", Kind::Text, "data-agent/"),
    inert("storage.agent.wal-segment-size", Kind::Bytes, ""),
    inert("storage.agent.wal-compression", Kind::Switch, "true"),
    inert("storage.agent.wal-compression-type", COMPRESSIONS, "snappy"),
    inert("storage.agent.wal-truncate-frequency", Kind::Duration, ""),
    inert("storage.agent.retention.min-time", Kind::Duration, "5m"),
    inert("storage.agent.retention.max-time", Kind::Duration, "4h"),
    inert("storage.agent.checkpoint-from-in-memory-series", Kind::Switch, "false"),
    inert("storage.agent.checkpoint-batch-size", Kind::Whole, "1000"),
    inert("storage.agent.no-lockfile", Kind::Switch, "false"),
    later("storage.remote.flush-deadline", Kind::Duration, "1m"),
    later("storage.remote.read-sample-limit", Kind::Whole, "5e7"),
    later("storage.remote.read-concurrent-limit", Kind::Whole, "10"),
    later("storage.remote.read-max-bytes-in-frame", Kind::Whole, "1048576"),
    later("rules.alert.for-outage-tolerance", Kind::Duration, "1h"),
    later("rules.alert.for-grace-period", Kind::Duration, "10m"),
    later("rules.alert.resend-delay", Kind::Duration, "1m"),
    later("rules.max-concurrent-evals", Kind::Whole, "4"),
    later("alertmanager.notification-queue-capacity", Kind::Whole, "10000"),
    later("alertmanager.notification-batch-size", Kind::Whole, "256"),
    later("alertmanager.drain-notification-queue-on-shutdown", Kind::Switch, "true"),
    flag(
        "query.lookback-delta",
        Kind::Duration,
        "5m",
        "How far back an instant selector looks",
    ),
    flag("query.timeout", Kind::Duration, "2m", "Longest evaluation of a query"),
    flag("query.max-concurrency", Kind::Whole, "20", "Most queries at once"),
    flag(
        "query.max-samples",
        Kind::Whole,
        "50000000",
        "Most samples that one query may hold at once",
    ),
    inert("auto-gomaxprocs", Kind::Switch, "true"),
    inert("auto-gomemlimit", Kind::Switch, "true"),
    inert("auto-gomemlimit.ratio", Kind::Float, "0.9"),
    inert("auto-gomemlimit.refresh-interval", Kind::Duration, "0s"),
    inert("scrape.adjust-timestamps", Kind::Switch, "true"),
    inert("scrape.timestamp-tolerance", Kind::Duration, "2ms"),
    inert("scrape.discovery-reload-interval", Kind::Duration, "5s"),
    flag("enable-feature", Kind::Text, "", "Features to enable, divided by commas").repeats(),
    flag("log.level", Kind::OneOf(LEVELS), "info", "Only log messages of this severity or above"),
    flag("log.format", Kind::OneOf(&["logfmt", "json"]), "logfmt", "How log lines are written"),
];

/// What a name of `--enable-feature` does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// It changes something.
    Active,
    /// It is always on.
    Always,
    /// It is known, and this version does without it.
    NotBuilt,
}

/// The names of Prometheus 3.14.
pub(crate) static FEATURES: &[(&str, Feature)] = &[
    ("auto-reload-config", Feature::Active),
    ("concurrent-rule-eval", Feature::NotBuilt),
    ("created-timestamp-zero-ingestion", Feature::NotBuilt),
    ("delayed-compaction", Feature::NotBuilt),
    ("exemplar-storage", Feature::NotBuilt),
    ("extra-scrape-metrics", Feature::Active),
    ("fast-startup", Feature::NotBuilt),
    ("histograms-st-encoding", Feature::NotBuilt),
    ("memory-snapshot-on-shutdown", Feature::NotBuilt),
    ("metadata-wal-records", Feature::NotBuilt),
    ("native-histograms", Feature::Always),
    ("old-ui", Feature::NotBuilt),
    ("ooo-native-histograms", Feature::Always),
    ("otlp-deltatocumulative", Feature::NotBuilt),
    ("otlp-native-delta-ingestion", Feature::NotBuilt),
    ("promql-binop-fill-modifiers", Feature::Active),
    ("promql-delayed-name-removal", Feature::Active),
    ("promql-duration-expr", Feature::Always),
    ("promql-experimental-functions", Feature::Active),
    ("promql-extended-range-selectors", Feature::Active),
    ("promql-per-step-stats", Feature::Active),
    ("search-api", Feature::NotBuilt),
    ("st-storage", Feature::NotBuilt),
    ("st-synthesis", Feature::NotBuilt),
    ("type-and-unit-labels", Feature::NotBuilt),
    ("use-start-timestamps", Feature::NotBuilt),
    ("use-uncached-io", Feature::NotBuilt),
    ("xor2-encoding", Feature::NotBuilt),
];
