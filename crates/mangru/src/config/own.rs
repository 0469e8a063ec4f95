//! The sections of a `mangru.yml` that stand beside Prometheus' own, and which of them this version runs.

use super::auth;
use crate::push;
use crate::schema::{Key, Kind, Named, Record, Section, key, no_check};
use server::Identity;

/// The sections. Their keys are checked; those that are not run are said at the start.
pub(super) const OWN: &[Key] = &[
    key("pushgateway", Kind::Section(&PUSHGATEWAY)),
    key("alertmanager", Kind::Section(&ALERTMANAGER)),
    key("logs", Kind::Section(&LOGS)),
    key("host_metrics", Kind::Section(&HOST_METRICS)),
    key("dashboards", Kind::Section(&DASHBOARDS)),
    key("listen", Kind::Section(&LISTEN)),
    key("auth", Kind::Section(&auth::AUTH)),
];

static PUSHGATEWAY: Section = Section {
    name: "mangru.pushgateway",
    keys: &[&[
        key("ttl", Kind::Duration),
        key("aggregation", Kind::Bool),
        key("write_token", Kind::Secret),
        key("write_token_file", Kind::File),
        key("body_bytes_max", Kind::Bytes),
        key("labels_max", Kind::Uint),
        key("group_metrics_max", Kind::Uint),
        key("groups_max", Kind::Uint),
        key("metrics_max", Kind::Uint),
    ]],
    check: |record| {
        if !record.is_written("write_token") {
            return Ok(());
        }
        if record.is_written("write_token_file") {
            let text = "write_token and write_token_file: one of them";
            return Err(record.key_problem("write_token", text));
        }
        push::checked_token(record.text("write_token"))
            .map(|_| ())
            .map_err(|text| record.key_problem("write_token", text))
    },
};

static ALERTMANAGER: Section = Section {
    name: "mangru.alertmanager",
    keys: &[&[
        key("file", Kind::File),
        key("global", Kind::Any),
        key("templates", Kind::Any),
        key("route", Kind::Any),
        key("inhibit_rules", Kind::Any),
        key("receivers", Kind::Any),
        key("mute_time_intervals", Kind::Any),
        key("time_intervals", Kind::Any),
        key("tracing", Kind::Any),
    ]],
    check: no_check,
};

static LOGS: Section = Section {
    name: "mangru.logs",
    keys: &[&[
        key("retention", Kind::Duration),
        key("identity", Kind::Named(&IDENTITY)),
        key("indices", Kind::Any),
        key("event_rules", Kind::List(&Kind::Section(&EVENT_RULE))),
    ]],
    check: no_check,
};

static IDENTITY: Named = Named {
    name: "mangru.identity",
    allowed: "elasticsearch or opensearch",
    read: |text| match identity(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("unknown identity: {text}")),
    },
};

/// Whom the log store says it is on its own port.
pub(crate) fn identity(text: &str) -> Option<Identity> {
    match text {
        "elasticsearch" => Some(Identity::Elasticsearch),
        "opensearch" => Some(Identity::OpenSearch),
        _ => None,
    }
}

static EVENT_RULE: Section = Section {
    name: "mangru.event_rule",
    keys: &[&[
        key("name", Kind::Text).always(),
        key("on", Kind::Any),
        key("key", Kind::Any),
        key("labels", Kind::Map(&Kind::Text)),
        key("annotations", Kind::Map(&Kind::Text)),
    ]],
    check: |record| {
        if record.is_given("name") {
            Ok(())
        } else {
            Err(record.key_problem("name", "the event rule has no name"))
        }
    },
};

static HOST_METRICS: Section = Section {
    name: "mangru.host_metrics",
    keys: &[&[key("enabled", Kind::Bool).if_set()]],
    check: no_check,
};

static DASHBOARDS: Section = Section {
    name: "mangru.dashboards",
    keys: &[&[key("paths", Kind::List(&Kind::File))]],
    check: no_check,
};

static LISTEN: Section = Section {
    name: "mangru.listen",
    keys: &[&[
        key("main", Kind::Text),
        key("pushgateway", Kind::Text),
        key("alertmanager", Kind::Text),
        key("opensearch", Kind::Text),
        key("otlp_grpc", Kind::Text),
        key("syslog", Kind::Text),
    ]],
    check: |record| {
        for name in ["main", "pushgateway", "alertmanager", "opensearch", "otlp_grpc", "syslog"] {
            let address = record.text(name);
            if !address.is_empty() && !is_address(address) {
                return Err(record.key_problem(name, format!("{address:?} is not HOST:PORT")));
            }
        }
        Ok(())
    },
};

/// `HOST:PORT`, the host possibly empty.
pub(crate) fn is_address(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// Sections that are accepted and do nothing yet, each as a sentence.
pub(super) fn not_active(root: &Record) -> Vec<String> {
    let sections = ["alertmanager", "host_metrics", "dashboards"];
    let logs = root.section("logs");
    let logs = ["retention", "indices", "event_rules"]
        .into_iter()
        .filter(|name| logs.is_some_and(|logs| logs.is_written(name)))
        .map(|name| format!("logs.{name}"));
    let named = sections.into_iter().filter(|name| root.has(name)).map(str::to_owned);
    let listeners = ["alertmanager", "otlp_grpc", "syslog"];
    let listen = root.section("listen");
    let listeners =
        listeners.into_iter().filter(|name| listen.is_some_and(|listen| listen.is_given(name)));
    named
        .chain(logs)
        .chain(listeners.map(|name| format!("listen.{name}")))
        .map(|name| format!("{name} is accepted and not active in this version"))
        .collect()
}
