//! `global` and `runtime`: what other sections inherit.

use crate::schema::{Default, Key, Kind, Named, Problem, Record, Section, Value, key, no_check};

use super::relabel;

pub(super) static GLOBAL: Section = Section {
    name: "config.plain",
    keys: &[&[
        key("scrape_interval", Kind::Duration),
        key("scrape_timeout", Kind::Duration),
        key("scrape_protocols", Kind::List(&Kind::Named(&PROTOCOL))),
        key("evaluation_interval", Kind::Duration),
        key("rule_query_offset", Kind::Duration),
        key("query_log_file", Kind::File),
        key("scrape_failure_log_file", Kind::File),
        key("external_labels", Kind::Map(&Kind::Text)),
        key("body_size_limit", Kind::Bytes),
        key("sample_limit", Kind::Uint),
        key("target_limit", Kind::Uint),
        key("label_limit", Kind::Uint),
        key("label_name_length_limit", Kind::Uint),
        key("label_value_length_limit", Kind::Uint),
        key("keep_dropped_targets", Kind::Uint),
        VALIDATION_SCHEME,
        ESCAPING_SCHEME,
        key("scrape_native_histograms", Kind::Bool).if_set(),
        key("convert_classic_histograms_to_nhcb", Kind::Bool),
        key("always_scrape_classic_histograms", Kind::Bool),
        key("extra_scrape_metrics", Kind::Bool).if_set(),
    ]],
    check,
};

/// Keys of a scrape configuration that take `global`'s value when they are not given.
pub(super) const INHERITED: &[&str] = &[
    "body_size_limit",
    "sample_limit",
    "target_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "keep_dropped_targets",
    "scrape_failure_log_file",
];

pub(super) static RUNTIME: Section = Section {
    name: "config.RuntimeConfig",
    keys: &[&[key("gogc", Kind::Int).or(Default::Int(75))]],
    check: no_check,
};

pub(super) const VALIDATION_SCHEME: Key =
    key("metric_name_validation_scheme", Kind::Named(&SCHEME));

pub(super) const ESCAPING_SCHEME: Key = key("metric_name_escaping_scheme", Kind::Named(&ESCAPING));

static ESCAPING: Named = Named::words("allow-utf-8, underscores, dots or values");

static SCHEME: Named = Named {
    name: "string",
    allowed: "utf8 or legacy",
    read: |text| match text {
        "" | "utf8" | "legacy" => Ok(text.to_owned()),
        _ => Err(format!("unrecognized ValidationScheme: {text:?}")),
    },
};

/// A protocol's name; whether it is known is asked later, as Prometheus does.
pub(super) static PROTOCOL: Named = Named {
    name: "config.ScrapeProtocol",
    allowed: "OpenMetricsText0.0.1, OpenMetricsText1.0.0, PrometheusProto, PrometheusText0.0.4 or PrometheusText1.0.0",
    read: |text| Ok(text.to_owned()),
};

const PROTOCOLS: &[&str] = &[
    "OpenMetricsText0.0.1",
    "OpenMetricsText1.0.0",
    "PrometheusProto",
    "PrometheusText0.0.4",
    "PrometheusText1.0.0",
];

/// What is asked for when nothing is configured, best first.
pub(super) const TEXT_PROTOCOLS: &[&str] =
    &["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4"];

/// Why a protocol is not one.
pub(super) fn check_protocol(name: &str) -> Result<(), String> {
    if PROTOCOLS.contains(&name) {
        return Ok(());
    }
    Err(format!("unknown scrape protocol {name}, supported: [{}]", PROTOCOLS.join(" ")))
}

/// Why a list of protocols is not one.
pub(super) fn check_protocols(names: &[String]) -> Result<(), String> {
    if names.is_empty() {
        return Err("scrape_protocols cannot be empty".to_owned());
    }
    let mut seen = Vec::new();
    for name in names {
        let lower = name.to_lowercase();
        if seen.contains(&lower) {
            return Err(format!(
                "duplicated protocol in scrape_protocols, got [{}]",
                names.join(" ")
            ));
        }
        check_protocol(name).map_err(|text| format!("scrape_protocols: {text}"))?;
        seen.push(lower);
    }
    Ok(())
}

/// Fills in what is not given, and checks what is.
fn check(global: &mut Record) -> Result<(), Problem> {
    if !global.is_given("metric_name_validation_scheme") {
        global.set("metric_name_validation_scheme", Value::Text("utf8".to_owned()));
    }
    let names = relabel::scheme_of(global.text("metric_name_validation_scheme"));
    for (name, _) in global.entries("external_labels") {
        if !names.label_name_ok(name) {
            return Err(global
                .key_problem("external_labels", format!("{name:?} is not a valid label name")));
        }
    }
    let or = |global: &mut Record, name: &str, ms: i64| {
        if global.duration_ms(name) == 0 {
            global.set(name, Value::DurationMs(ms));
        }
    };
    or(global, "scrape_interval", 60_000);
    let interval = global.duration_ms("scrape_interval");
    if global.duration_ms("scrape_timeout") > interval {
        let text = "global scrape timeout greater than scrape interval";
        return Err(global.key_problem("scrape_timeout", text));
    }
    or(global, "scrape_timeout", interval.min(10_000));
    or(global, "evaluation_interval", 60_000);
    for name in ["scrape_native_histograms", "extra_scrape_metrics"] {
        if !global.has(name) {
            global.set(name, Value::Bool(false));
        }
    }
    if global.has("scrape_protocols") {
        check_protocols(&global.texts("scrape_protocols")).map_err(|text| {
            global.key_problem("scrape_protocols", format!("{text} for global config"))
        })?;
    }
    Ok(())
}

/// `global` when the file says nothing about it.
///
/// # Errors
/// Never: the defaults hold.
pub(super) fn defaults() -> Result<Record, Problem> {
    let mut global =
        Record::with_defaults(&GLOBAL, "global".to_owned(), crate::yaml::Pos::default());
    global.set("metric_name_escaping_scheme", Value::Text("allow-utf-8".to_owned()));
    check(&mut global)?;
    Ok(global)
}
