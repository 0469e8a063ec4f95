//! What to scrape: plain values with all defaults resolved, whoever read them.

use std::path::PathBuf;

use model::labels::Labels;
use model::names::NameScheme;
use model::relabel::Rule;
use net::config::ClientConfig;

/// An exposition format that can be asked for (`scrape_protocols`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrapeProtocol {
    PrometheusProto,
    OpenMetricsText0_0_1,
    OpenMetricsText1_0_0,
    PrometheusText0_0_4,
    PrometheusText1_0_0,
}

impl ScrapeProtocol {
    /// What is asked for when nothing is said, most wanted first.
    pub const DEFAULT: [Self; 4] = [
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// What is asked for when native histograms are scraped.
    pub const DEFAULT_PROTO_FIRST: [Self; 5] = [
        Self::PrometheusProto,
        Self::OpenMetricsText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::PrometheusText1_0_0,
        Self::PrometheusText0_0_4,
    ];

    /// The protocol of a configuration file's (case-sensitive) word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::DEFAULT_PROTO_FIRST.into_iter().find(|one| one.name() == name)
    }

    /// The word of configuration files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
        }
    }

    /// The media type with its parameters, as it stands in `Accept`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            Self::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            Self::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
            Self::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            Self::PrometheusText1_0_0 => "text/plain;version=1.0.0",
        }
    }
}

/// `metric_name_escaping_scheme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameEscaping {
    #[default]
    AllowUtf8,
    Underscores,
    Dots,
    Values,
}

impl NameEscaping {
    /// The word of configuration files and of the `escaping` parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }
}

/// A group of targets that share labels, as it stands in `static_configs` or a file of `file_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Addresses (`host:port`), in the order they were written.
    pub targets: Vec<String>,
    pub labels: Labels,
}

/// One of `file_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSd {
    /// Absolute paths; the last segment may hold one `*` and ends in `.json`, `.yml` or `.yaml`.
    pub files: Vec<PathBuf>,
    pub refresh_interval_ms: i64,
}

/// Bounds of one target's scrape and labels, and of a job's targets; 0 is none (see
/// [`crate::BODY_BYTES_MAX`] for the bound that always holds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Bytes of the uncompressed body.
    pub body_size: u64,
    pub sample: u64,
    pub label: u64,
    pub label_name_length: u64,
    pub label_value_length: u64,
    pub target: u64,
    /// Most dropped targets that are kept to be shown.
    pub keep_dropped_targets: u64,
    /// Most buckets of a native histogram; above it the resolution is halved until it fits.
    pub native_histogram_bucket: u64,
}

/// One of `scrape_configs`, all defaults filled in.
///
/// ```text
/// ScrapeConfig { job_name, static_configs, ..ScrapeConfig::default() }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "Prometheus' switches, one field each")]
pub struct ScrapeConfig {
    /// Unique; also the name of the pool.
    pub job_name: String,
    pub interval_ms: i64,
    /// At most `interval_ms`.
    pub timeout_ms: i64,
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Query parameters with their values, in any order of names.
    pub params: Vec<(String, Vec<String>)>,
    pub honor_labels: bool,
    pub honor_timestamps: bool,
    pub track_timestamps_staleness: bool,
    pub enable_compression: bool,
    /// Most wanted first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    pub scrape_native_histograms: bool,
    pub always_scrape_classic_histograms: bool,
    /// Not done yet: applying refuses a configuration that asks for it.
    pub convert_classic_histograms_to_nhcb: bool,
    /// Also store `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes`.
    pub extra_scrape_metrics: bool,
    /// `metric_name_validation_scheme`.
    pub name_validation: NameScheme,
    pub name_escaping: NameEscaping,
    pub limits: Limits,
    /// Smallest growth from one bucket to the next; 0 is none.
    pub native_histogram_min_bucket_factor: f64,
    pub relabel_configs: Vec<Rule>,
    pub metric_relabel_configs: Vec<Rule>,
    pub client: ClientConfig,
    pub static_configs: Vec<Group>,
    pub file_sd_configs: Vec<FileSd>,
    /// Names of configured discoveries that are not run yet (`dns_sd_configs`, …): they give no targets, which is logged.
    pub unsupported_sd: Vec<String>,
}

impl Default for ScrapeConfig {
    /// Prometheus' defaults, without a name and targets.
    fn default() -> Self {
        Self {
            job_name: String::new(),
            interval_ms: 60_000,
            timeout_ms: 10_000,
            metrics_path: "/metrics".to_owned(),
            scheme: "http".to_owned(),
            params: Vec::new(),
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            enable_compression: true,
            scrape_protocols: ScrapeProtocol::DEFAULT.to_vec(),
            fallback_scrape_protocol: None,
            scrape_native_histograms: false,
            always_scrape_classic_histograms: false,
            convert_classic_histograms_to_nhcb: false,
            extra_scrape_metrics: false,
            name_validation: NameScheme::Utf8,
            name_escaping: NameEscaping::AllowUtf8,
            limits: Limits::default(),
            native_histogram_min_bucket_factor: 0.0,
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            client: ClientConfig::default(),
            static_configs: Vec::new(),
            file_sd_configs: Vec::new(),
            unsupported_sd: Vec::new(),
        }
    }
}
