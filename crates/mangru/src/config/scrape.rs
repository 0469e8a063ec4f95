//! `scrape_configs`: keys, rules, and what each takes from `global`.

use crate::schema::{Default, Kind, Problem, Record, Section, Value, key};

use super::global::{
    self, ESCAPING_SCHEME, INHERITED, PROTOCOL, TEXT_PROTOCOLS, VALIDATION_SCHEME,
};
use super::http::{self, HTTP};
use super::relabel::{self, RULES};
use super::sd::{self, SD};

pub(super) static SCRAPE: Section = Section {
    name: "config.ScrapeConfig",
    keys: &[
        &[
            key("job_name", Kind::Text).always(),
            key("honor_labels", Kind::Bool),
            key("honor_timestamps", Kind::Bool).always().or(Default::Bool(true)),
            key("track_timestamps_staleness", Kind::Bool).always(),
            key("params", Kind::Map(&Kind::List(&Kind::Text))),
            key("scrape_interval", Kind::Duration),
            key("scrape_timeout", Kind::Duration),
            key("scrape_protocols", Kind::List(&Kind::Named(&PROTOCOL))),
            key("fallback_scrape_protocol", Kind::Named(&PROTOCOL)),
            key("scrape_native_histograms", Kind::Bool).if_set(),
            key("always_scrape_classic_histograms", Kind::Bool).if_set(),
            key("convert_classic_histograms_to_nhcb", Kind::Bool).if_set(),
            key("scrape_failure_log_file", Kind::File),
            key("metrics_path", Kind::Text).or(Default::Text("/metrics")),
            key("scheme", Kind::Text).or(Default::Text("http")),
            key("enable_compression", Kind::Bool).always().or(Default::Bool(true)),
            key("body_size_limit", Kind::Bytes),
            key("sample_limit", Kind::Uint),
            key("target_limit", Kind::Uint),
            key("label_limit", Kind::Uint),
            key("label_name_length_limit", Kind::Uint),
            key("label_value_length_limit", Kind::Uint),
            key("native_histogram_bucket_limit", Kind::Uint),
            key("native_histogram_min_bucket_factor", Kind::Float),
            key("keep_dropped_targets", Kind::Uint),
            VALIDATION_SCHEME,
            ESCAPING_SCHEME,
            key("extra_scrape_metrics", Kind::Bool).if_set(),
        ],
        HTTP,
        &[key("relabel_configs", RULES), key("metric_relabel_configs", RULES)],
        SD,
    ],
    check,
};

/// A file of `scrape_config_files`.
pub(super) static SCRAPE_FILE: Section = Section {
    name: "config.ScrapeConfigs",
    keys: &[&[key("scrape_configs", Kind::List(&Kind::Section(&SCRAPE)))]],
    check: crate::schema::no_check,
};

fn check(scrape: &mut Record) -> Result<(), Problem> {
    if !scrape.is_given("job_name") {
        return Err(scrape.key_problem("job_name", "job_name is empty"));
    }
    http::check(scrape)?;
    sd::check(scrape)?;
    let text = "empty or null target relabeling rule in scrape config";
    relabel::no_empty_rules(scrape, "relabel_configs", text)?;
    let text = "empty or null metric relabeling rule in scrape config";
    relabel::no_empty_rules(scrape, "metric_relabel_configs", text)
}

/// Takes from `global` what `scrape` does not say, then checks what depends on it.
pub(super) fn inherit(scrape: &mut Record, global: &Record) -> Result<(), Problem> {
    let job = scrape.text("job_name").to_owned();
    if scrape.duration_ms("scrape_interval") == 0 {
        scrape.set("scrape_interval", Value::DurationMs(global.duration_ms("scrape_interval")));
    }
    let interval = scrape.duration_ms("scrape_interval");
    let timeout = scrape.duration_ms("scrape_timeout");
    if timeout > interval {
        let text = format!(
            "scrape timeout greater than scrape interval for scrape config with job name {job:?}"
        );
        return Err(scrape.key_problem("scrape_timeout", text));
    }
    if timeout == 0 {
        scrape.set(
            "scrape_timeout",
            Value::DurationMs(global.duration_ms("scrape_timeout").min(interval)),
        );
    }
    for name in INHERITED {
        if !scrape.is_given(name)
            && let Some(value) = global.value(name)
        {
            scrape.set(name, value.clone());
        }
    }
    let flags = ["scrape_native_histograms", "extra_scrape_metrics"];
    for name in flags
        .iter()
        .chain(&["convert_classic_histograms_to_nhcb", "always_scrape_classic_histograms"])
    {
        if !scrape.has(name) {
            scrape.set(name, Value::Bool(global.flag(name)));
        }
    }
    inherit_protocols(scrape, global, &job)?;
    inherit_names(scrape, global)?;
    let names = relabel::scheme_of(scrape.text("metric_name_validation_scheme"));
    relabel::validate_list(scrape, "relabel_configs", names)?;
    relabel::validate_list(scrape, "metric_relabel_configs", names)
}

fn inherit_protocols(scrape: &mut Record, global: &Record, job: &str) -> Result<(), Problem> {
    if !scrape.has("scrape_protocols") {
        let value = global.value("scrape_protocols").cloned().unwrap_or_else(|| {
            let first = scrape.flag("scrape_native_histograms").then_some("PrometheusProto");
            let names = first.into_iter().chain(TEXT_PROTOCOLS.iter().copied());
            Value::List(names.map(|name| Value::Text(name.to_owned())).collect())
        });
        scrape.set("scrape_protocols", value);
    }
    global::check_protocols(&scrape.texts("scrape_protocols")).map_err(|text| {
        scrape.key_problem(
            "scrape_protocols",
            format!("{text} for scrape config with job name {job:?}"),
        )
    })?;
    let fallback = scrape.text("fallback_scrape_protocol");
    if fallback.is_empty() {
        return Ok(());
    }
    global::check_protocol(fallback).map_err(|text| {
        let text = format!(
            "invalid fallback_scrape_protocol for scrape config with job name {job:?}: {text}"
        );
        scrape.key_problem("fallback_scrape_protocol", text)
    })
}

const ESCAPING_SCHEMES: &[&str] = &["allow-utf-8", "underscores", "dots", "values"];

/// The escaping that goes with a validation scheme.
fn escaping_of(validation: &str) -> &'static str {
    if validation == "legacy" { "underscores" } else { "allow-utf-8" }
}

fn check_escaping(record: &Record, whose: &str) -> Result<(), Problem> {
    let scheme = record.text("metric_name_escaping_scheme");
    if scheme.is_empty() || ESCAPING_SCHEMES.contains(&scheme) {
        return Ok(());
    }
    let text = format!(
        "unknown {whose} name escaping method specified, must be one of 'allow-utf-8', 'underscores', 'dots', or 'values', got {scheme:?}"
    );
    Err(record.key_problem("metric_name_escaping_scheme", text))
}

fn inherit_names(scrape: &mut Record, global: &Record) -> Result<(), Problem> {
    check_escaping(global, "global")?;
    let global_validation = global.text("metric_name_validation_scheme");
    let global_escaping = match global.text("metric_name_escaping_scheme") {
        "" => escaping_of(global_validation),
        scheme => scheme,
    };
    let own_validation = scrape.text("metric_name_validation_scheme").to_owned();
    let validation = if own_validation.is_empty() { global_validation } else { &own_validation };
    if !scrape.is_given("metric_name_escaping_scheme") {
        let escaping =
            if own_validation.is_empty() { global_escaping } else { escaping_of(&own_validation) };
        scrape.set("metric_name_escaping_scheme", Value::Text(escaping.to_owned()));
    }
    scrape.set("metric_name_validation_scheme", Value::Text(validation.to_owned()));
    if scrape.text("metric_name_escaping_scheme") == "allow-utf-8" && validation == "legacy" {
        let text = "utf8 metric names requested but validation scheme is not set to UTF8";
        return Err(scrape.key_problem("metric_name_escaping_scheme", text));
    }
    check_escaping(scrape, "scrape config")
}
