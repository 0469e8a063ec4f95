//! Service discovery: every `*_sd_configs` kind that Prometheus knows, with its keys, defaults and rules.
//!
//! [`SD`] is the list; kinds that no code runs yet are read and checked all the same ([`is_run`]).

mod cloud;
mod cluster;
mod plain;

use crate::schema::{Default, Key, Kind, Problem, Record, Section, key};

use super::http;
pub(super) use plain::STATIC as GROUP;

/// A discovery kind: its key, its section, and whether this version runs it.
macro_rules! kinds {
    ($(($name:literal, $section:path, $run:literal)),* $(,)?) => {
        /// The keys, in the order of Prometheus' dump.
        pub(super) static SD: &[Key] = &[$(key($name, Kind::List(&Kind::Section(&$section)))),*];
        const RUN: &[(&str, bool)] = &[$(($name, $run)),*];
    };
}

kinds![
    ("aws_sd_configs", cloud::AWS, false),
    ("azure_sd_configs", cloud::AZURE, false),
    ("consul_sd_configs", cluster::CONSUL, false),
    ("digitalocean_sd_configs", cloud::DIGITALOCEAN, false),
    ("dns_sd_configs", plain::DNS, false),
    ("docker_sd_configs", cluster::DOCKER, false),
    ("dockerswarm_sd_configs", cluster::DOCKERSWARM, false),
    ("ec2_sd_configs", cloud::EC2, false),
    ("ecs_sd_configs", cloud::ECS, false),
    ("elasticache_sd_configs", cloud::CACHE, false),
    ("eureka_sd_configs", cluster::EUREKA, false),
    ("file_sd_configs", plain::FILE, true),
    ("gce_sd_configs", cloud::GCE, false),
    ("hetzner_sd_configs", cloud::HETZNER, false),
    ("http_sd_configs", plain::HTTP_SD, false),
    ("ionos_sd_configs", cloud::IONOS, false),
    ("kubernetes_sd_configs", cluster::KUBERNETES, false),
    ("kuma_sd_configs", cluster::KUMA, false),
    ("lightsail_sd_configs", cloud::LIGHTSAIL, false),
    ("linode_sd_configs", cloud::LINODE, false),
    ("marathon_sd_configs", cluster::MARATHON, false),
    ("msk_sd_configs", cloud::CACHE, false),
    ("nerve_sd_configs", cluster::NERVE, false),
    ("nomad_sd_configs", cluster::NOMAD, false),
    ("oci_sd_configs", cloud::OCI, false),
    ("openstack_sd_configs", cloud::OPENSTACK, false),
    ("outscale_sd_configs", cloud::OUTSCALE, false),
    ("ovhcloud_sd_configs", cloud::OVHCLOUD, false),
    ("puppetdb_sd_configs", plain::PUPPETDB, false),
    ("rds_sd_configs", cloud::RDS, false),
    ("scaleway_sd_configs", cloud::SCALEWAY, false),
    ("serverset_sd_configs", cluster::SERVERSET, false),
    ("stackit_sd_configs", cloud::STACKIT, false),
    ("static_configs", plain::STATIC, true),
    ("triton_sd_configs", cloud::TRITON, false),
    ("uyuni_sd_configs", cloud::UYUNI, false),
    ("vultr_sd_configs", cloud::VULTR, false),
];

/// The kinds that `record` names and this version does not run.
pub(super) fn not_run(record: &Record) -> impl Iterator<Item = &'static str> {
    RUN.iter().filter(|(name, run)| !run && !record.list(name).is_empty()).map(|(name, _)| *name)
}

/// The rules of a section that carries discovery keys: no empty elements, and no URLs as targets where no rule could mend them.
pub(super) fn check(record: &Record) -> Result<(), Problem> {
    for key in SD {
        if record.sections(key.name).any(|section| section.is_none()) {
            return Err(
                record.key_problem(key.name, format!("empty or null section in {}", key.name))
            );
        }
    }
    if !record.list("relabel_configs").is_empty() {
        return Ok(());
    }
    for group in record.sections("static_configs").flatten() {
        for target in group.list("targets") {
            let target = target.as_text();
            if target.contains('/') {
                return Err(
                    group.key_problem("targets", format!("{target:?} is not a valid hostname"))
                );
            }
        }
    }
    Ok(())
}

const fn refresh(ms: i64) -> Key {
    key("refresh_interval", Kind::Duration).or(Default::DurationMs(ms))
}

const fn port(number: i64) -> Key {
    key("port", Kind::Int).always().or(Default::Int(number))
}

/// A text that is shown even when empty.
const fn text(name: &'static str) -> Key {
    key(name, Kind::Text).always()
}

/// Refuses the section when `name` is not given.
fn require(record: &Record, name: &str, text: impl Into<String>) -> Result<(), Problem> {
    if record.is_given(name) { Ok(()) } else { Err(record.key_problem(name, text)) }
}

/// Scheme and host of a URL; empty where there is none.
fn scheme_and_host(url: &str) -> (&str, &str) {
    let Some((scheme, rest)) = url.split_once("://") else { return ("", "") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (scheme, authority.rsplit('@').next().unwrap_or_default())
}

/// The rules of a URL that is fetched: `http` or `https`, with a host.
fn require_web_url(record: &Record, name: &str) -> Result<(), Problem> {
    require(record, name, "URL is missing")?;
    let (scheme, host) = scheme_and_host(record.text(name));
    if scheme != "http" && scheme != "https" {
        return Err(record.key_problem(name, "URL scheme must be 'http' or 'https'"));
    }
    if host.is_empty() {
        return Err(record.key_problem(name, "host is missing in URL"));
    }
    Ok(())
}

/// Exactly one of a secret and its file.
fn one_secret(record: &Record, secret: &str, file: &str) -> Result<(), Problem> {
    match (record.is_given(secret), record.is_given(file)) {
        (false, false) => {
            Err(record.problem(format!("one of {secret} & {file} must be configured")))
        }
        (true, true) => Err(record
            .key_problem(file, format!("at most one of {secret} & {file} must be configured"))),
        _ => Ok(()),
    }
}

/// Nothing but the client's rules.
fn check_http(record: &mut Record) -> Result<(), Problem> {
    http::check(record)
}

/// Filters by name, in the manner of AWS and Docker.
static FILTER: Section = Section {
    name: "aws.Filter",
    keys: &[&[text("name"), key("values", Kind::List(&Kind::Text)).always()]],
    check: crate::schema::no_check,
};
