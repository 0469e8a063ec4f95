//! `alerting`: which Alertmanagers get the alerts.

use model::names::NameScheme;

use crate::schema::{Default, Kind, Named, Problem, Record, Section, key};

use super::http::{self, HTTP};
use super::relabel::{self, RULES};
use super::remote::SIGV4;
use super::sd::{self, SD};

pub(super) static ALERTING: Section = Section {
    name: "config.plain",
    keys: &[&[
        key("alert_relabel_configs", RULES),
        key("alertmanagers", Kind::List(&Kind::Section(&ALERTMANAGER))),
    ]],
    check: |alerting| {
        relabel::no_empty_rules(
            alerting,
            "alert_relabel_configs",
            "empty or null alert relabeling rule",
        )
    },
};

static ALERTMANAGER: Section = Section {
    name: "config.AlertmanagerConfig",
    keys: &[
        HTTP,
        &[
            key("sigv4", Kind::Section(&SIGV4)).if_set(),
            key("scheme", Kind::Text).or(Default::Text("http")),
            key("path_prefix", Kind::Text),
            key("timeout", Kind::Duration).or(Default::DurationMs(10_000)),
            key("api_version", Kind::Named(&API_VERSION)).always().or(Default::Text("v2")),
            key("relabel_configs", RULES),
            key("alert_relabel_configs", RULES),
        ],
        SD,
    ],
    check: check_alertmanager,
};

static API_VERSION: Named = Named {
    name: "config.plain",
    allowed: "v2",
    read: |text| match text {
        "v2" => Ok(text.to_owned()),
        _ => Err(format!("expected Alertmanager api version to be one of [v2] but got {text}")),
    },
};

fn check_alertmanager(alertmanager: &mut Record) -> Result<(), Problem> {
    let credentials = ["basic_auth", "authorization", "oauth2"];
    http::check(alertmanager)?;
    if alertmanager.has("sigv4") && credentials.iter().any(|name| alertmanager.has(name)) {
        let text = "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured";
        return Err(alertmanager.key_problem("sigv4", text));
    }
    sd::check(alertmanager)?;
    let text = "empty or null Alertmanager target relabeling rule";
    relabel::no_empty_rules(alertmanager, "relabel_configs", text)?;
    let text = "empty or null Alertmanager alert relabeling rule";
    relabel::no_empty_rules(alertmanager, "alert_relabel_configs", text)
}

/// Checks the rules, which depend on how names may look.
pub(super) fn validate(alerting: &Record, names: NameScheme) -> Result<(), Problem> {
    relabel::validate_list(alerting, "alert_relabel_configs", names)?;
    for alertmanager in alerting.sections("alertmanagers").flatten() {
        relabel::validate_list(alertmanager, "alert_relabel_configs", names)?;
        relabel::validate_list(alertmanager, "relabel_configs", names)?;
    }
    Ok(())
}
