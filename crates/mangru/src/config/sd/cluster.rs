//! Discovery from clusters and registries: Kubernetes, Docker, Consul, Nomad, Eureka, Marathon, ZooKeeper, Kuma.

use crate::schema::{Default, Key, Kind, Named, Problem, Record, Section, key, no_check};

use super::super::http::{self, HTTP};
use super::{FILTER, port, refresh, require, scheme_and_host, text};

const MINUTE_MS: i64 = 60_000;

pub(super) static CONSUL: Section = Section {
    name: "consul.plain",
    keys: &[
        &[
            key("server", Kind::Text).or(Default::Text("localhost:8500")),
            key("path_prefix", Kind::Text),
            key("token", Kind::Secret),
            key("datacenter", Kind::Text),
            key("namespace", Kind::Text),
            key("partition", Kind::Text),
            key("tag_separator", Kind::Text).or(Default::Text(",")),
            key("scheme", Kind::Text).or(Default::Text("http")),
            key("username", Kind::Text),
            key("password", Kind::Secret),
            key("allow_stale", Kind::Bool).always().or(Default::Bool(true)),
            refresh(30_000),
            key("services", Kind::List(&Kind::Text)),
            key("tags", Kind::List(&Kind::Text)),
            key("node_meta", Kind::Map(&Kind::Text)),
            key("filter", Kind::Text),
            key("health_filter", Kind::Text),
        ],
        HTTP,
    ],
    check: check_consul,
};

fn check_consul(record: &mut Record) -> Result<(), Problem> {
    if record.text("server").trim().is_empty() {
        return Err(
            record.key_problem("server", "consul SD configuration requires a server address")
        );
    }
    if (record.is_given("username") || record.is_given("password")) && record.has("basic_auth") {
        let text = "at most one of consul SD configuration username and password and basic auth can be configured";
        return Err(record.key_problem("basic_auth", text));
    }
    if record.is_given("token") && (record.has("authorization") || record.has("oauth2")) {
        let text = "at most one of consul SD token, authorization, or oauth2 can be configured";
        return Err(record.key_problem("token", text));
    }
    http::check(record)
}

static A_FILTER: Kind = Kind::Section(&FILTER);

const fn filters() -> Key {
    key("filters", Kind::List(&A_FILTER)).always().or(Default::List)
}

pub(super) static DOCKER: Section = Section {
    name: "moby.plain",
    keys: &[
        HTTP,
        &[
            text("host"),
            port(80),
            filters(),
            text("host_networking_host").or(Default::Text("localhost")),
            refresh(MINUTE_MS),
            key("match_first_network", Kind::Bool).always().or(Default::Bool(true)),
        ],
    ],
    check: |record| {
        require(record, "host", "host missing")?;
        http::check(record)
    },
};

pub(super) static DOCKERSWARM: Section = Section {
    name: "moby.plain",
    keys: &[HTTP, &[text("host"), text("role"), port(80), filters(), refresh(MINUTE_MS)]],
    check: |record| {
        require(record, "host", "host missing")?;
        require(record, "role", "role missing (one of: tasks, services, nodes)")?;
        let role = record.text("role");
        if !["services", "nodes", "tasks"].contains(&role) {
            let text = format!("invalid role {role}, expected tasks, services, or nodes");
            return Err(record.key_problem("role", text));
        }
        http::check(record)
    },
};

pub(super) static EUREKA: Section = Section {
    name: "eureka.plain",
    keys: &[&[key("server", Kind::Text)], HTTP, &[refresh(30_000)]],
    check: |record| {
        require(record, "server", "eureka_sd: empty or null eureka server")?;
        let (scheme, host) = scheme_and_host(record.text("server"));
        if scheme.is_empty() || host.is_empty() {
            return Err(record.key_problem("server", "eureka_sd: invalid eureka server URL"));
        }
        http::check(record)
    },
};

static KUBERNETES_ROLE: Named = Named {
    name: "string",
    allowed: "pod, service, endpoints, endpointslice, node or ingress",
    read: |text| match text {
        "node" | "pod" | "service" | "endpoints" | "endpointslice" | "ingress" => {
            Ok(text.to_owned())
        }
        _ => Err(format!("unknown Kubernetes SD role {text:?}")),
    },
};

static NAMESPACES: Section = Section {
    name: "kubernetes.plain",
    keys: &[&[
        key("own_namespace", Kind::Bool).always(),
        key("names", Kind::List(&Kind::Text)).always(),
    ]],
    check: no_check,
};

static SELECTOR: Section = Section {
    name: "kubernetes.SelectorConfig",
    keys: &[&[
        key("role", Kind::Named(&KUBERNETES_ROLE)),
        key("label", Kind::Text),
        key("field", Kind::Text),
    ]],
    check: no_check,
};

static ATTACH_METADATA: Section = Section {
    name: "kubernetes.AttachMetadataConfig",
    keys: &[&[
        key("node", Kind::Bool).always(),
        key("namespace", Kind::Bool).always(),
        key("deployment", Kind::Bool).always(),
        key("job", Kind::Bool).always(),
        key("cronjob", Kind::Bool).always(),
    ]],
    check: no_check,
};

pub(super) static KUBERNETES: Section = Section {
    name: "kubernetes.plain",
    keys: &[
        &[
            key("api_server", Kind::Url),
            key("role", Kind::Named(&KUBERNETES_ROLE)).always(),
            key("kubeconfig_file", Kind::File).always(),
        ],
        HTTP,
        &[
            key("namespaces", Kind::Section(&NAMESPACES)),
            key("selectors", Kind::List(&Kind::Section(&SELECTOR))),
            key("attach_metadata", Kind::Section(&ATTACH_METADATA)),
        ],
    ],
    check: check_kubernetes,
};

fn check_kubernetes(record: &mut Record) -> Result<(), Problem> {
    let text = "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)";
    require(record, "role", text)?;
    http::check(record)?;
    let (server, file) = (record.is_given("api_server"), record.is_given("kubeconfig_file"));
    let own_namespace =
        record.section("namespaces").is_some_and(|namespaces| namespaces.flag("own_namespace"));
    let custom = !http::is_default(record);
    let wrong = match (server, file) {
        (true, true) => Some("cannot use 'kubeconfig_file' and 'api_server' simultaneously"),
        (false, true) if custom => {
            Some("cannot use a custom HTTP client configuration together with 'kubeconfig_file'")
        }
        (false, false) if custom => Some(
            "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
        ),
        (true, false) if own_namespace => {
            Some("cannot use 'api_server' and 'namespaces.own_namespace' simultaneously")
        }
        (false, true) if own_namespace => {
            Some("cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously")
        }
        _ => None,
    };
    match wrong {
        Some(text) => Err(record.problem(text)),
        None => check_selectors(record),
    }
}

fn check_selectors(record: &Record) -> Result<(), Problem> {
    let role = record.text("role");
    let allowed: &[&str] = match role {
        "pod" => &["pod", "node"],
        "service" => &["service"],
        "endpointslice" => &["pod", "service", "endpointslice"],
        "endpoints" => &["pod", "service", "endpoints"],
        "node" => &["node"],
        _ => &["ingress"],
    };
    let mut seen = Vec::new();
    for selector in record.sections("selectors").flatten() {
        let selects = selector.text("role");
        if seen.contains(&selects) {
            return Err(
                selector.key_problem("role", format!("duplicated selector role: {selects}"))
            );
        }
        seen.push(selects);
        if !allowed.contains(&selects) {
            let text = format!("{role} role supports only {} selectors", allowed.join(", "));
            return Err(selector.key_problem("role", text));
        }
        let fields = selector.text("field");
        // Terms are `name=value`, `name==value` or `name!=value`.
        if let Some(term) = fields.split(',').find(|term| !term.is_empty() && !term.contains('=')) {
            let text = format!("invalid selector: '{fields}'; can't understand '{term}'");
            return Err(selector.key_problem("field", text));
        }
    }
    Ok(())
}

pub(super) static KUMA: Section = Section {
    name: "xds.plainKumaConf",
    keys: &[
        HTTP,
        &[
            refresh(15_000),
            key("fetch_timeout", Kind::Duration).or(Default::DurationMs(2 * MINUTE_MS)),
            key("server", Kind::Text),
            key("client_id", Kind::Text),
        ],
    ],
    check: |record| {
        require(record, "server", "kuma SD server must not be empty: ")?;
        let server = record.text("server");
        let (scheme, host) = scheme_and_host(server);
        if scheme.is_empty() || host.is_empty() {
            let text = format!("kuma SD server must not be empty and have a scheme: {server}");
            return Err(record.key_problem("server", text));
        }
        http::check(record)
    },
};

pub(super) static MARATHON: Section = Section {
    name: "marathon.plain",
    keys: &[
        &[
            key("servers", Kind::List(&Kind::Text)),
            refresh(30_000),
            key("auth_token", Kind::Secret),
            key("auth_token_file", Kind::File),
        ],
        HTTP,
    ],
    check: check_marathon,
};

fn check_marathon(record: &mut Record) -> Result<(), Problem> {
    require(record, "servers", "marathon_sd: must contain at least one Marathon server")?;
    let (token, file) = (record.is_given("auth_token"), record.is_given("auth_token_file"));
    if token && file {
        let text = "marathon_sd: at most one of auth_token & auth_token_file must be configured";
        return Err(record.key_problem("auth_token_file", text));
    }
    if token || file {
        let bearer = record.is_given("bearer_token") || record.is_given("bearer_token_file");
        let wrong = if record.has("basic_auth") {
            "marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be configured"
        } else if bearer {
            "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & auth_token_file must be configured"
        } else if record.has("authorization") {
            "marathon_sd: at most one of auth_token, auth_token_file & authorization must be configured"
        } else {
            return http::check(record);
        };
        return Err(record.problem(wrong));
    }
    http::check(record)
}

pub(super) static NOMAD: Section = Section {
    name: "nomad.plain",
    keys: &[
        &[key("allow_stale", Kind::Bool).always().or(Default::Bool(true))],
        HTTP,
        &[
            text("namespace").or(Default::Text("default")),
            refresh(MINUTE_MS),
            text("region").or(Default::Text("global")),
            text("server").or(Default::Text("http://localhost:4646")),
            key("tag_separator", Kind::Text).or(Default::Text(",")),
        ],
    ],
    check: |record| {
        if record.text("server").trim().is_empty() {
            return Err(
                record.key_problem("server", "nomad SD configuration requires a server address")
            );
        }
        http::check(record)
    },
};

const ZOOKEEPER: &[Key] = &[
    key("servers", Kind::List(&Kind::Text)).always(),
    key("paths", Kind::List(&Kind::Text)).always(),
    key("timeout", Kind::Duration).or(Default::DurationMs(10_000)),
];

pub(super) static NERVE: Section = Section {
    name: "zookeeper.plain",
    keys: &[ZOOKEEPER],
    check: |record| check_zookeeper(record, "nerve"),
};

pub(super) static SERVERSET: Section = Section {
    name: "zookeeper.plain",
    keys: &[ZOOKEEPER],
    check: |record| check_zookeeper(record, "serverset"),
};

fn check_zookeeper(record: &Record, kind: &str) -> Result<(), Problem> {
    require(
        record,
        "servers",
        format!("{kind} SD config must contain at least one Zookeeper server"),
    )?;
    require(record, "paths", format!("{kind} SD config must contain at least one path"))?;
    for path in record.list("paths") {
        let path = path.as_text();
        if !path.starts_with('/') {
            let text = format!("{kind} SD config paths must begin with '/': {path}");
            return Err(record.key_problem("paths", text));
        }
    }
    Ok(())
}
