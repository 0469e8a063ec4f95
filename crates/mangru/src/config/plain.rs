//! Sections → the plain values that `scrape` and `net` take.

use std::path::PathBuf;
use std::sync::Arc;

use model::labels::Labels;
use model::names::NameScheme;
use model::regex::Regex;
use model::relabel::{Action, Rule};
use net::config::{
    Authorization, BasicAuth, ClientConfig, HeaderConfig, ProxyConfig, Secret, Source, TlsConfig,
    TlsVersion,
};
use scrape::config::{FileSd, Group, Limits, NameEscaping, ScrapeConfig, ScrapeProtocol};

use crate::schema::{Record, Value, read_section};
use crate::yaml::{self, Content};

use super::{relabel, sd};

/// A scrape configuration, all defaults filled in.
pub(super) fn scrape(record: &Record) -> ScrapeConfig {
    let protocols = record.texts("scrape_protocols");
    ScrapeConfig {
        job_name: record.text("job_name").to_owned(),
        interval_ms: record.duration_ms("scrape_interval"),
        timeout_ms: record.duration_ms("scrape_timeout"),
        metrics_path: record.text("metrics_path").to_owned(),
        scheme: record.text("scheme").to_owned(),
        params: record
            .entries("params")
            .iter()
            .map(|(name, value)| (name.clone(), texts(value)))
            .collect(),
        honor_labels: record.flag("honor_labels"),
        honor_timestamps: record.flag("honor_timestamps"),
        track_timestamps_staleness: record.flag("track_timestamps_staleness"),
        enable_compression: record.flag("enable_compression"),
        scrape_protocols: protocols
            .iter()
            .filter_map(|name| ScrapeProtocol::from_name(name))
            .collect(),
        fallback_scrape_protocol: ScrapeProtocol::from_name(
            record.text("fallback_scrape_protocol"),
        ),
        scrape_native_histograms: record.flag("scrape_native_histograms"),
        always_scrape_classic_histograms: record.flag("always_scrape_classic_histograms"),
        convert_classic_histograms_to_nhcb: record.flag("convert_classic_histograms_to_nhcb"),
        extra_scrape_metrics: record.flag("extra_scrape_metrics"),
        name_validation: relabel::scheme_of(record.text("metric_name_validation_scheme")),
        name_escaping: escaping(record.text("metric_name_escaping_scheme")),
        limits: limits(record),
        native_histogram_min_bucket_factor: record.float("native_histogram_min_bucket_factor"),
        client: client(record),
        static_configs: record.sections("static_configs").flatten().map(group).collect(),
        file_sd_configs: record.sections("file_sd_configs").flatten().map(file_sd).collect(),
        unsupported_sd: sd::not_run(record).map(str::to_owned).collect(),
        relabel_configs: rules(record, "relabel_configs"),
        metric_relabel_configs: rules(record, "metric_relabel_configs"),
    }
}

fn escaping(word: &str) -> NameEscaping {
    match word {
        "underscores" => NameEscaping::Underscores,
        "dots" => NameEscaping::Dots,
        "values" => NameEscaping::Values,
        _ => NameEscaping::AllowUtf8,
    }
}

fn limits(record: &Record) -> Limits {
    Limits {
        body_size: record.uint("body_size_limit"),
        sample: record.uint("sample_limit"),
        label: record.uint("label_limit"),
        label_name_length: record.uint("label_name_length_limit"),
        label_value_length: record.uint("label_value_length_limit"),
        target: record.uint("target_limit"),
        keep_dropped_targets: record.uint("keep_dropped_targets"),
        native_histogram_bucket: record.uint("native_histogram_bucket_limit"),
    }
}

fn texts(value: &Value) -> Vec<String> {
    if let Value::List(items) = value {
        items.iter().map(|item| item.as_text().to_owned()).collect()
    } else {
        Vec::new()
    }
}

/// The groups of a YAML file of `file_sd_configs`, which is a list.
///
/// # Errors
/// The whole story, place first.
pub(crate) fn target_groups(path: &str, bytes: &[u8]) -> Result<Vec<Group>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("{path}: {error}"))?;
    let node = yaml::parse(text).map_err(|error| {
        format!("{path}:{}:{}: {}", error.pos.line, error.pos.column, error.text)
    })?;
    let Some(node) = node.filter(|node| !node.is_null()) else { return Ok(Vec::new()) };
    let Content::Seq(items) = &node.content else {
        let (line, column, tag) = (node.pos.line, node.pos.column, node.tag());
        return Err(format!(
            "{path}:{line}:{column}: yaml: unmarshal errors:\n  line {line}: cannot unmarshal {tag}{} into []*targetgroup.Group\n    allowed: a list of groups, each with targets and labels",
            node.excerpt()
        ));
    };
    let mut groups = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        if item.is_null() {
            let (line, column) = (item.pos.line, item.pos.column);
            return Err(format!("{path}:{line}:{column}: nil target group item found (index {i})"));
        }
        let record = read_section(item, &sd::GROUP, &format!("[{i}]"))
            .map_err(|failure| failure.describe(path, ""))?;
        groups.push(group(&record));
    }
    Ok(groups)
}

fn group(record: &Record) -> Group {
    let labels =
        record.entries("labels").iter().map(|(name, value)| (name.as_str(), value.as_text()));
    Group { targets: record.texts("targets"), labels: Labels::from_pairs(labels) }
}

fn file_sd(record: &Record) -> FileSd {
    FileSd {
        files: record.texts("files").into_iter().map(PathBuf::from).collect(),
        refresh_interval_ms: record.duration_ms("refresh_interval"),
    }
}

/// The rules of a list, in order.
pub(super) fn rules(record: &Record, list: &str) -> Vec<Rule> {
    let names = relabel::scheme_of(record.text("metric_name_validation_scheme"));
    record.sections(list).flatten().map(|section| rule(section, names)).collect()
}

fn rule(record: &Record, names: NameScheme) -> Rule {
    let regex =
        Regex::wrapped(record.text("regex")).expect("the pattern was compiled when it was read");
    Rule {
        source_labels: record.texts("source_labels"),
        separator: record.text("separator").to_owned(),
        regex: Arc::new(regex),
        modulus: record.uint("modulus"),
        target_label: record.text("target_label").to_owned(),
        replacement: record.text("replacement").to_owned(),
        action: Action::parse(record.text("action")).unwrap_or_default(),
        names,
    }
}

/// The keys of the HTTP client.
fn client(record: &Record) -> ClientConfig {
    let basic = record.section("basic_auth");
    let authorization = record.section("authorization");
    ClientConfig {
        basic_auth: basic.map(|basic| BasicAuth {
            username: source(basic, "username", "username_file"),
            password: source(basic, "password", "password_file"),
        }),
        authorization: authorization.map(|authorization| Authorization {
            kind: authorization.text("type").to_owned(),
            credentials: source(authorization, "credentials", "credentials_file"),
        }),
        tls: record.section("tls_config").map(tls).unwrap_or_default(),
        proxy: ProxyConfig {
            url: Secret::new(record.text("proxy_url")),
            no_proxy: record.text("no_proxy").to_owned(),
            from_environment: record.flag("proxy_from_environment"),
            connect_headers: record
                .entries("proxy_connect_header")
                .iter()
                .map(|(name, value)| (name.clone(), secrets(value)))
                .collect(),
        },
        follow_redirects: record.flag("follow_redirects"),
        headers: record.entries("http_headers").iter().filter_map(header).collect(),
        unsupported: unsupported(record),
    }
}

/// A way to log in, or to find a secret, that is configured and not spoken.
fn unsupported(record: &Record) -> Option<&'static str> {
    let refs = |section: &str, names: &[&'static str]| {
        let section = record.section(section)?;
        names.iter().copied().find(|name| section.is_given(name))
    };
    record
        .has("oauth2")
        .then_some("oauth2")
        .or_else(|| refs("basic_auth", &["username_ref", "password_ref"]))
        .or_else(|| refs("authorization", &["credentials_ref"]))
        .or_else(|| refs("tls_config", &["ca_ref", "cert_ref", "key_ref"]))
}

fn source(record: &Record, inline: &str, file: &str) -> Source {
    if record.is_given(file) {
        return Source::File(PathBuf::from(record.text(file)));
    }
    Source::Inline(Secret::new(record.text(inline)))
}

fn tls(record: &Record) -> TlsConfig {
    let given = |inline: &str, file: &str| {
        (record.is_given(inline) || record.is_given(file)).then(|| source(record, inline, file))
    };
    TlsConfig {
        ca: given("ca", "ca_file"),
        cert: given("cert", "cert_file"),
        key: given("key", "key_file"),
        server_name: record.text("server_name").to_owned(),
        insecure_skip_verify: record.flag("insecure_skip_verify"),
        min_version: tls_version(record.text("min_version")),
        max_version: tls_version(record.text("max_version")),
    }
}

/// The version of a word; what is older than we speak is the oldest that we speak.
fn tls_version(word: &str) -> Option<TlsVersion> {
    match word {
        "" => None,
        "TLS13" => Some(TlsVersion::Tls13),
        _ => Some(TlsVersion::Tls12),
    }
}

fn secrets(value: &Value) -> Vec<Secret> {
    texts(value).into_iter().map(Secret::new).collect()
}

fn header((name, value): &(String, Value)) -> Option<HeaderConfig> {
    let Value::Section(record) = value else { return None };
    Some(HeaderConfig {
        name: name.clone(),
        values: record.texts("values"),
        secrets: record.texts("secrets").into_iter().map(Secret::new).collect(),
        files: record.texts("files").into_iter().map(PathBuf::from).collect(),
    })
}
