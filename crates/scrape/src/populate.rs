//! From a discovered address to a target: labels, relabelling, checks, URL.

use model::labels::{Builder, Labels};
use model::relabel::process_builder;
use net::url::{Url, UrlError, escape_path, escape_query};
use stdx::units::{UnitError, format_duration_ms, parse_duration_ms};

use crate::config::{Group, ScrapeConfig};

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM_PREFIX: &str = "__param_";
const META_PREFIX: &str = "__meta_";
const NHCB: &str = "__convert_classic_histograms_to_nhcb__";
const CLASSIC: &str = "__always_scrape_classic_histograms__";
const NATIVE: &str = "__scrape_native_histograms__";

/// Why an address gives no target. Texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("no address")]
    NoAddress,
    #[error("{0:?} is not a valid hostname")]
    Address(String),
    #[error("error parsing scrape {what}: {source}")]
    Duration { what: &'static str, source: UnitError },
    #[error("scrape {0} cannot be 0")]
    Zero(&'static str),
    #[error("scrape timeout cannot be greater than scrape interval ({timeout:?} > {interval:?})")]
    TimeoutOverInterval { timeout: String, interval: String },
    #[error("error parsing {what}: strconv.ParseBool: parsing {value:?}: invalid syntax")]
    Bool { what: &'static str, value: String },
    #[error("convert classic histograms to nhcb is not supported yet")]
    Nhcb,
}

/// A target to scrape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    /// All labels after relabelling, `__*` included, `__meta_*` not. With the URL this is the target's identity.
    pub(crate) labels: Labels,
    pub(crate) discovered: Labels,
    /// The labels that its series get.
    pub(crate) public: Labels,
    pub(crate) url_text: String,
    pub(crate) url: Result<Url, UrlError>,
    pub(crate) interval_ms: i64,
    pub(crate) timeout_ms: i64,
    pub(crate) native_histograms: bool,
    pub(crate) classic_histograms: bool,
}

/// What becomes of an address.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Populated {
    Active(Box<Spec>),
    /// Relabelling dropped it; the labels before.
    Dropped(Labels),
}

/// The labels of an address before relabelling.
fn discovered(config: &ScrapeConfig, group: &Group, address: &str) -> Builder {
    let mut labels = Builder::from(&group.labels);
    labels.set(ADDRESS, address);
    let interval = format_duration_ms(config.interval_ms);
    let timeout = format_duration_ms(config.timeout_ms);
    let word = |on: bool| if on { "true" } else { "false" };
    for (name, value) in [
        ("job", config.job_name.as_str()),
        (INTERVAL, &interval),
        (TIMEOUT, &timeout),
        (METRICS_PATH, &config.metrics_path),
        (SCHEME, &config.scheme),
        (NHCB, word(config.convert_classic_histograms_to_nhcb)),
        (CLASSIC, word(config.always_scrape_classic_histograms)),
        (NATIVE, word(config.scrape_native_histograms)),
    ] {
        if labels.get(name).is_empty() {
            labels.set(name, value);
        }
    }
    for (name, values) in &config.params {
        let name = format!("{PARAM_PREFIX}{name}");
        if let Some(first) = values.first()
            && labels.get(&name).is_empty()
        {
            labels.set(&name, first);
        }
    }
    labels
}

/// Makes a target of one address of `group`.
pub(crate) fn populate(
    config: &ScrapeConfig,
    group: &Group,
    address: &str,
) -> Result<Populated, TargetError> {
    let mut labels = discovered(config, group, address);
    let before = labels.labels();
    if !process_builder(&mut labels, &config.relabel_configs) {
        return Ok(Populated::Dropped(before));
    }
    let address = labels.get(ADDRESS).to_owned();
    if address.is_empty() {
        return Err(TargetError::NoAddress);
    }
    if address.contains('/') {
        return Err(TargetError::Address(address));
    }
    let (interval_ms, timeout_ms) = timing(&labels)?;
    if flag(&labels, NHCB, "convert classic histograms to nhcb")? {
        return Err(TargetError::Nhcb);
    }
    let classic_histograms = flag(&labels, CLASSIC, "always scrape classic histograms")?;
    let native_histograms = flag(&labels, NATIVE, "scrape native histograms")?;
    labels.retain(|name, _| !name.starts_with(META_PREFIX));
    if labels.get("instance").is_empty() {
        labels.set("instance", &address);
    }
    let path_and_query = path_and_query(config, &labels);
    let url_text = format!("{}://{address}{path_and_query}", labels.get(SCHEME));
    let public = labels.iter().filter(|(name, _)| !name.starts_with("__"));
    Ok(Populated::Active(Box::new(Spec {
        url: Url::from_parts(labels.get(SCHEME), &address, &path_and_query),
        public: Labels::from_sorted(public),
        labels: labels.labels(),
        discovered: before,
        url_text,
        interval_ms,
        timeout_ms,
        native_histograms,
        classic_histograms,
    })))
}

/// Interval and timeout in milliseconds.
fn timing(labels: &Builder) -> Result<(i64, i64), TargetError> {
    let read = |name, what| {
        let ms = parse_duration_ms(labels.get(name))
            .map_err(|source| TargetError::Duration { what, source })?;
        if ms == 0 { Err(TargetError::Zero(what)) } else { Ok(ms) }
    };
    let interval_ms = read(INTERVAL, "interval")?;
    let timeout_ms = read(TIMEOUT, "timeout")?;
    if timeout_ms > interval_ms {
        return Err(TargetError::TimeoutOverInterval {
            timeout: labels.get(TIMEOUT).to_owned(),
            interval: labels.get(INTERVAL).to_owned(),
        });
    }
    Ok((interval_ms, timeout_ms))
}

/// A boolean label, in the words of Go's `ParseBool`; unset is false.
fn flag(labels: &Builder, name: &str, what: &'static str) -> Result<bool, TargetError> {
    match labels.get(name) {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        value => Err(TargetError::Bool { what, value: value.to_owned() }),
    }
}

/// The encoded path with the parameters of the configuration, whose first values the labels may have changed.
fn path_and_query(config: &ScrapeConfig, labels: &Builder) -> String {
    let mut params: Vec<(&str, Vec<&str>)> = config
        .params
        .iter()
        .map(|(name, values)| (name.as_str(), values.iter().map(String::as_str).collect()))
        .collect();
    for (label, value) in labels.iter() {
        let Some(name) = label.strip_prefix(PARAM_PREFIX) else {
            continue;
        };
        match params.iter_mut().find(|(have, _)| *have == name) {
            Some((_, values)) if !values.is_empty() => values[0] = value,
            Some((_, values)) => values.push(value),
            None => params.push((name, vec![value])),
        }
    }
    params.sort_by_key(|(name, _)| *name);
    let path = labels.get(METRICS_PATH);
    let lead = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
    let mut text = format!("{lead}{}", escape_path(path));
    let pairs = params.iter().flat_map(|(name, values)| values.iter().map(move |v| (name, v)));
    for (i, (name, value)) in pairs.enumerate() {
        text.push(if i == 0 { '?' } else { '&' });
        text.push_str(&escape_query(name));
        text.push('=');
        text.push_str(&escape_query(value));
    }
    text
}

/// Prometheus' hash of a target: FNV-1a over its labels' hash and its URL. Spreads targets over the interval.
pub(crate) fn offset_hash(labels: &Labels, url_text: &str) -> u64 {
    let text = format!("{:016}{url_text}", labels.hash64());
    fnv1a(text.as_bytes())
}

/// 64-bit FNV-1a.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::regex::Regex;
    use model::relabel::{Action, Rule};

    use super::*;

    fn config() -> ScrapeConfig {
        ScrapeConfig { job_name: "j".to_owned(), ..ScrapeConfig::default() }
    }

    fn rule(source: &str, regex: &str, target: &str, replacement: &str, action: Action) -> Rule {
        Rule {
            source_labels: if source.is_empty() { Vec::new() } else { vec![source.to_owned()] },
            regex: Arc::new(Regex::wrapped(regex).unwrap()),
            target_label: target.to_owned(),
            replacement: replacement.to_owned(),
            action,
            ..Rule::default()
        }
    }

    fn one(
        config: &ScrapeConfig,
        labels: &[(&str, &str)],
        address: &str,
    ) -> Result<Populated, TargetError> {
        let labels = Labels::from_pairs(labels.iter().copied());
        populate(config, &Group { targets: Vec::new(), labels }, address)
    }

    fn active(populated: Result<Populated, TargetError>) -> Spec {
        match populated {
            Ok(Populated::Active(spec)) => *spec,
            other => panic!("not active: {other:?}"),
        }
    }

    #[test]
    fn a_plain_address() {
        let spec = active(one(&config(), &[("__meta_x", "1"), ("a", "b")], "h:1"));
        assert_eq!(format!("{:?}", spec.public), r#"{"a": "b", "instance": "h:1", "job": "j"}"#);
        assert_eq!(spec.url_text, "http://h:1/metrics");
        assert_eq!((spec.interval_ms, spec.timeout_ms), (60_000, 10_000));
        assert_eq!(spec.discovered.get("__meta_x"), Some("1"));
        assert_eq!(spec.labels.get("__meta_x"), None);
        assert_eq!(spec.labels.get("__scrape_interval__"), Some("1m"));
    }

    #[test]
    fn parameters_and_paths_are_encoded() {
        let mut config = config();
        config.params = vec![
            ("m[]".to_owned(), vec!["a b".to_owned(), "c&d".to_owned()]),
            ("b".to_owned(), vec!["x".to_owned()]),
        ];
        config.metrics_path = "/a b".to_owned();
        config.relabel_configs = vec![rule("", ".*", "__param_b", "y", Action::Replace)];
        let spec = active(one(&config, &[("__param_c", "z")], "h:1"));
        assert_eq!(spec.url_text, "http://h:1/a%20b?b=y&c=z&m%5B%5D=a+b&m%5B%5D=c%26d");
        assert_eq!(spec.url.unwrap().to_string(), spec.url_text);
    }

    #[test]
    fn what_is_no_target_says_why() {
        let replaced = |label: &str, value: &str| {
            let mut config = config();
            config.relabel_configs = vec![rule("", ".*", label, value, Action::Replace)];
            one(&config, &[], "h:1").unwrap_err().to_string()
        };
        for (label, value, error) in [
            ("__address__", "", "no address"),
            ("__address__", "http://h/x", "\"http://h/x\" is not a valid hostname"),
            (
                "__scrape_interval__",
                "x",
                "error parsing scrape interval: not a valid duration string: \"x\"",
            ),
            ("__scrape_interval__", "0", "scrape interval cannot be 0"),
            ("__scrape_timeout__", "", "error parsing scrape timeout: empty duration string"),
            ("__scrape_timeout__", "0", "scrape timeout cannot be 0"),
            (
                "__scrape_timeout__",
                "2m",
                "scrape timeout cannot be greater than scrape interval (\"2m\" > \"1m\")",
            ),
            (
                "__scrape_native_histograms__",
                "maybe",
                "error parsing scrape native histograms: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
            (
                "__convert_classic_histograms_to_nhcb__",
                "1",
                "convert classic histograms to nhcb is not supported yet",
            ),
        ] {
            assert_eq!(replaced(label, value), error);
        }
    }

    #[test]
    fn a_dropped_target_keeps_its_discovered_labels() {
        let mut config = config();
        config.relabel_configs = vec![rule("a", "b", "", "", Action::Drop)];
        let dropped = one(&config, &[("a", "b")], "h:1").unwrap();
        let Populated::Dropped(labels) = dropped else { panic!("kept") };
        assert_eq!((labels.get("a"), labels.get("__address__")), (Some("b"), Some("h:1")));
        assert!(matches!(one(&config, &[("a", "c")], "h:1"), Ok(Populated::Active(_))));
    }

    #[test]
    fn an_unknown_scheme_is_a_target_that_cannot_be_asked() {
        let spec = active(one(&config(), &[("__scheme__", "gopher")], "h:1"));
        assert_eq!(spec.url.unwrap_err().to_string(), "unsupported protocol scheme \"gopher\"");
    }

    #[test]
    fn fnv_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
