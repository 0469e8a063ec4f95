//! Discovery without a vendor: static lists, files, HTTP, DNS, PuppetDB.

use crate::schema::{Default, Kind, Problem, Record, Section, key};

use super::super::http::{self, HTTP};
use super::{port, refresh, require, require_web_url, text};

const MINUTE_MS: i64 = 60_000;

pub(in crate::config) static STATIC: Section = Section {
    name: "struct { Targets []string \"yaml:\\\"targets\\\"\"; Labels model.LabelSet \"yaml:\\\"labels\\\"\" }",
    keys: &[&[
        key("targets", Kind::List(&Kind::Text)).always(),
        key("labels", Kind::Map(&Kind::Text)),
    ]],
    check: |record| match record.entries("labels").iter().find(|(name, _)| name.is_empty()) {
        Some(_) => Err(record.key_problem("labels", "\"\" is not a valid label name")),
        None => Ok(()),
    },
};

pub(super) static FILE: Section = Section {
    name: "file.plain",
    keys: &[&[key("files", Kind::List(&Kind::File)).always(), refresh(5 * MINUTE_MS)]],
    check: |record| {
        require(
            record,
            "files",
            "file service discovery config must contain at least one path name",
        )?;
        for file in record.list("files") {
            let name = file.as_text();
            if !is_file_name(name) {
                return Err(record.key_problem(
                    "files",
                    format!("path name {name:?} is not valid for file discovery"),
                ));
            }
        }
        Ok(())
    },
};

/// `[^*]*(\*[^/]*)?\.(json|yml|yaml)`, the ending in either case: a star only in the last part of the path.
fn is_file_name(name: &str) -> bool {
    let ends = ["json", "yml", "yaml", "JSON", "YML", "YAML"];
    let Some((stem, end)) = name.rsplit_once('.') else { return false };
    ends.contains(&end) && stem.split_once('*').is_none_or(|(_, rest)| !rest.contains('/'))
}

pub(super) static HTTP_SD: Section = Section {
    name: "http.plain",
    keys: &[HTTP, &[refresh(MINUTE_MS), text("url")]],
    check: |record| {
        require_web_url(record, "url")?;
        http::check(record)
    },
};

pub(super) static DNS: Section = Section {
    name: "dns.plain",
    keys: &[&[
        key("names", Kind::List(&Kind::Text)).always(),
        refresh(30_000),
        text("type").or(Default::Text("SRV")),
        key("port", Kind::Int).always(),
    ]],
    check: |record| {
        require(record, "names", "DNS-SD config must contain at least one SRV record name")?;
        match record.text("type").to_uppercase().as_str() {
            "SRV" => Ok(()),
            "A" | "AAAA" | "MX" | "NS" => require(
                record,
                "port",
                "a port is required in DNS-SD configs for all record types except SRV",
            ),
            _ => Err(record.key_problem(
                "type",
                format!("invalid DNS-SD records type {}", record.text("type")),
            )),
        }
    },
};

pub(super) static PUPPETDB: Section = Section {
    name: "puppetdb.plain",
    keys: &[
        HTTP,
        &[
            refresh(MINUTE_MS),
            text("url"),
            text("query"),
            key("include_parameters", Kind::Bool).always(),
            port(80),
        ],
    ],
    check: check_puppetdb,
};

fn check_puppetdb(record: &mut Record) -> Result<(), Problem> {
    require_web_url(record, "url")?;
    require(record, "query", "query missing")?;
    http::check(record)
}
