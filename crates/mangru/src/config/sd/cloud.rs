//! Discovery from vendors' machine lists.

use crate::schema::{Default, Key, Kind, Named, Problem, Record, Section, key};

use super::super::http::{self, HTTP, TLS};
use super::{FILTER, check_http, one_secret, port, refresh, require, text};

const MINUTE_MS: i64 = 60_000;

/// A role, with the error for any other.
macro_rules! role {
    ($name:ident, [$($role:literal),+], $text:literal) => {
        static $name: Named = Named {
            name: "string",
            allowed: concat!($($role, " "),+),
            read: |text| match text {
                $($role)|+ => Ok(text.to_owned()),
                _ => Err(format!(concat!($text, " {:?}"), text)),
            },
        };
    };
}

role!(AWS_ROLE, ["ec2", "ecs", "elasticache", "lightsail", "msk", "rds"], "unknown AWS SD role");
role!(DIGITALOCEAN_ROLE, ["droplets", "databases"], "unknown DigitalOcean SD role");
role!(HETZNER_ROLE, ["robot", "hcloud"], "unknown role");
role!(OPENSTACK_ROLE, ["hypervisor", "instance", "loadbalancer"], "unknown OpenStack SD role");
role!(SCALEWAY_ROLE, ["instance", "baremetal"], "unknown role");

const FILTERS: Kind = Kind::List(&Kind::Section(&FILTER));

const AWS_ACCESS: &[Key] = &[
    key("access_key", Kind::Text),
    key("secret_key", Kind::Secret),
    key("profile", Kind::Text),
    key("role_arn", Kind::Text),
    key("external_id", Kind::Text),
];

pub(super) static AWS: Section = Section {
    name: "aws.plain",
    keys: &[
        &[
            key("role", Kind::Named(&AWS_ROLE)).always(),
            key("region", Kind::Text),
            key("endpoint", Kind::Text),
        ],
        AWS_ACCESS,
        &[key("refresh_interval", Kind::Duration), key("port", Kind::Int)],
        HTTP,
        &[key("filters", FILTERS), key("clusters", Kind::List(&Kind::Text))],
    ],
    check: |record| require(record, "role", "unknown AWS SD role \"\""),
};

pub(super) static EC2: Section = Section {
    name: "aws.plain",
    keys: &[
        &[text("endpoint"), text("region")],
        AWS_ACCESS,
        &[refresh(MINUTE_MS), port(80), key("filters", FILTERS).always()],
        HTTP,
    ],
    check: |record| {
        for filter in record.sections("filters").flatten() {
            require(filter, "values", "EC2 SD configuration filter values cannot be empty")?;
        }
        http::check(record)
    },
};

macro_rules! clusters_section {
    ($concurrency:literal) => {
        Section {
            name: "aws.plain",
            keys: &[
                &[text("region"), text("endpoint")],
                AWS_ACCESS,
                CLUSTERS,
                &[key("request_concurrency", Kind::Int).or(Default::Int($concurrency))],
                HTTP,
            ],
            check: check_http,
        }
    };
}

pub(super) static ECS: Section = clusters_section!(20);

/// ElastiCache and MSK.
pub(super) static CACHE: Section = clusters_section!(10);

const CLUSTERS: &[Key] = &[key("clusters", Kind::List(&Kind::Text)), port(80), refresh(MINUTE_MS)];

pub(super) static RDS: Section = Section {
    name: "aws.plain",
    keys: &[
        &[text("region"), text("endpoint")],
        AWS_ACCESS,
        &[
            key("clusters", Kind::List(&Kind::Text)),
            port(80),
            refresh(MINUTE_MS),
            key("filters", FILTERS).always(),
            key("request_concurrency", Kind::Int).or(Default::Int(10)),
        ],
        HTTP,
    ],
    check: check_http,
};

pub(super) static LIGHTSAIL: Section = Section {
    name: "aws.plain",
    keys: &[&[text("endpoint"), text("region")], AWS_ACCESS, &[refresh(MINUTE_MS), port(80)], HTTP],
    check: check_http,
};

pub(super) static AZURE: Section = Section {
    name: "azure.plain",
    keys: &[
        &[
            key("environment", Kind::Text).or(Default::Text("AzurePublicCloud")),
            port(80),
            text("subscription_id"),
            key("tenant_id", Kind::Text),
            key("client_id", Kind::Text),
            key("client_secret", Kind::Secret),
            refresh(5 * MINUTE_MS),
            key("authentication_method", Kind::Text).or(Default::Text("OAuth")),
            key("resource_group", Kind::Text),
        ],
        HTTP,
    ],
    check: check_azure,
};

fn check_azure(record: &mut Record) -> Result<(), Problem> {
    let needs =
        |name: &str| require(record, name, format!("azure SD configuration requires a {name}"));
    needs("subscription_id")?;
    let method = record.text("authentication_method");
    if method == "OAuth" {
        ["tenant_id", "client_id", "client_secret"].into_iter().try_for_each(needs)?;
    }
    if !["OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"].contains(&method) {
        let text = format!(
            "unknown authentication_type {method:?}. Supported types are \"OAuth\", \"ManagedIdentity\", \"SDK\" or \"WorkloadIdentity\""
        );
        return Err(record.key_problem("authentication_method", text));
    }
    http::check(record)
}

pub(super) static DIGITALOCEAN: Section = Section {
    name: "digitalocean.plain",
    keys: &[
        HTTP,
        &[
            refresh(MINUTE_MS),
            port(80),
            key("role", Kind::Named(&DIGITALOCEAN_ROLE)).always().or(Default::Text("droplets")),
        ],
    ],
    check: |record| {
        require(record, "role", "role missing (one of: droplets, databases)")?;
        http::check(record)
    },
};

pub(super) static GCE: Section = Section {
    name: "gce.plain",
    keys: &[&[
        text("project"),
        text("zone"),
        key("filter", Kind::Text),
        refresh(MINUTE_MS),
        port(80),
        key("tag_separator", Kind::Text).or(Default::Text(",")),
    ]],
    check: |record| {
        require(record, "project", "GCE SD configuration requires a project")?;
        require(record, "zone", "GCE SD configuration requires a zone")
    },
};

pub(super) static HETZNER: Section = Section {
    name: "hetzner.plain",
    keys: &[
        HTTP,
        &[
            refresh(MINUTE_MS),
            port(80),
            key("role", Kind::Named(&HETZNER_ROLE)).always(),
            key("label_selector", Kind::Text),
        ],
    ],
    check: |record| {
        require(record, "role", "role missing (one of: robot, hcloud)")?;
        http::check(record)
    },
};

pub(super) static IONOS: Section = Section {
    name: "ionos.plain",
    keys: &[&[text("datacenter_id")], HTTP, &[refresh(MINUTE_MS), port(80)]],
    check: |record| {
        require(record, "datacenter_id", "datacenter id can't be empty")?;
        http::check(record)
    },
};

pub(super) static LINODE: Section = Section {
    name: "linode.plain",
    keys: &[
        HTTP,
        &[
            refresh(MINUTE_MS),
            port(80),
            key("tag_separator", Kind::Text).or(Default::Text(",")),
            key("region", Kind::Text),
        ],
    ],
    check: check_http,
};

pub(super) static VULTR: Section = Section {
    name: "vultr.plain",
    keys: &[HTTP, &[refresh(MINUTE_MS), port(80)]],
    check: check_http,
};

pub(super) static OCI: Section = Section {
    name: "oci.plain",
    keys: &[
        &[
            key("auth", Kind::Text).or(Default::Text("api_key")),
            key("tenancy", Kind::Text),
            key("user", Kind::Text),
            key("fingerprint", Kind::Text),
            key("key_file", Kind::File),
            key("key_passphrase", Kind::Secret),
            key("key_passphrase_file", Kind::File),
            text("region"),
            key("compartments", Kind::List(&Kind::Text)),
        ],
        HTTP,
        &[port(80), refresh(MINUTE_MS)],
    ],
    check: check_oci,
};

fn check_oci(record: &mut Record) -> Result<(), Problem> {
    require(record, "region", "oci_sd: region is required")?;
    let auth = record.text("auth");
    let passphrases = record.is_given("key_passphrase") && record.is_given("key_passphrase_file");
    let own =
        ["tenancy", "user", "fingerprint", "key_file", "key_passphrase", "key_passphrase_file"];
    match auth {
        "api_key" => {
            for name in &own[..4] {
                require(record, name, format!("oci_sd: api_key auth requires {name}"))?;
            }
            if passphrases {
                let text = "oci_sd: at most one of key_passphrase and key_passphrase_file must be configured";
                return Err(record.key_problem("key_passphrase_file", text));
            }
        }
        "instance_principal" => {
            if let Some(name) = own.iter().find(|name| record.is_given(name)) {
                let text = "oci_sd: instance_principal auth must not have tenancy, user, fingerprint, key_file, key_passphrase, or key_passphrase_file set";
                return Err(record.key_problem(name, text));
            }
        }
        _ => {
            let text = format!(
                "oci_sd: unknown auth method {auth:?}, expected \"api_key\" or \"instance_principal\""
            );
            return Err(record.key_problem("auth", text));
        }
    }
    if let Some(i) = record.list("compartments").iter().position(|id| id.as_text().is_empty()) {
        let text = format!("oci_sd: compartments[{i}] must not be empty");
        return Err(record.key_problem("compartments", text));
    }
    if record.duration_ms("refresh_interval") <= 0 {
        let text = "oci_sd: refresh_interval must be positive, got 0s";
        return Err(record.key_problem("refresh_interval", text));
    }
    http::check(record)
}

pub(super) static OPENSTACK: Section = Section {
    name: "openstack.plain",
    keys: &[&[
        text("identity_endpoint"),
        text("username"),
        text("userid"),
        key("password", Kind::Secret).always(),
        text("project_name"),
        text("project_id"),
        text("domain_name"),
        text("domain_id"),
        text("application_credential_name"),
        text("application_credential_id"),
        key("application_credential_secret", Kind::Secret).always(),
        key("role", Kind::Named(&OPENSTACK_ROLE)).always(),
        text("region"),
        refresh(MINUTE_MS),
        port(80),
        key("all_tenants", Kind::Bool),
        key("tls_config", Kind::Section(&TLS)),
        key("availability", Kind::Text).or(Default::Text("public")),
    ]],
    check: |record| {
        let availability = record.text("availability");
        if !["public", "internal", "admin"].contains(&availability) {
            let text = format!(
                "unknown availability {availability}, must be one of admin, internal or public"
            );
            return Err(record.key_problem("availability", text));
        }
        require(record, "role", "role missing (one of: instance, hypervisor, loadbalancer)")?;
        require(record, "region", "openstack SD configuration requires a region")
    },
};

pub(super) static OUTSCALE: Section = Section {
    name: "outscale.plain",
    keys: &[
        &[
            key("endpoint", Kind::Text),
            text("region").or(Default::Text("eu-west-2")),
            text("access_key"),
            key("secret_key", Kind::Secret).always(),
            key("secret_key_file", Kind::File).always(),
            refresh(MINUTE_MS),
            port(80),
        ],
        HTTP,
    ],
    check: |record| {
        require(record, "region", "outscale SD configuration requires a region")?;
        require(record, "access_key", "outscale SD configuration requires access_key")?;
        one_secret(record, "secret_key", "secret_key_file")?;
        http::check(record)
    },
};

pub(super) static OVHCLOUD: Section = Section {
    name: "ovhcloud.plain",
    keys: &[&[
        text("endpoint").or(Default::Text("ovh-eu")),
        text("application_key"),
        key("application_secret", Kind::Secret).always(),
        key("consumer_key", Kind::Secret).always(),
        refresh(MINUTE_MS),
        text("service"),
    ]],
    check: |record| {
        for (name, words) in [
            ("endpoint", "endpoint"),
            ("application_key", "application key"),
            ("application_secret", "application secret"),
            ("consumer_key", "consumer key"),
        ] {
            require(record, name, format!("{words} can not be empty"))?;
        }
        let service = record.text("service");
        if !["dedicated_server", "vps"].contains(&service) {
            return Err(record.key_problem("service", format!("unknown service: {service}")));
        }
        Ok(())
    },
};

pub(super) static SCALEWAY: Section = Section {
    name: "scaleway.plain",
    keys: &[
        &[
            text("project_id"),
            key("api_url", Kind::Text).or(Default::Text("https://api.scaleway.com")),
            text("zone").or(Default::Text("fr-par-1")),
            text("access_key"),
            key("secret_key", Kind::Secret).always(),
            key("secret_key_file", Kind::File).always(),
            key("name_filter", Kind::Text),
            key("tags_filter", Kind::List(&Kind::Text)),
        ],
        HTTP,
        &[refresh(MINUTE_MS), port(80), key("role", Kind::Named(&SCALEWAY_ROLE)).always()],
    ],
    check: |record| {
        require(record, "role", "role missing (one of: instance, baremetal)")?;
        require(record, "project_id", "project_id is mandatory")?;
        one_secret(record, "secret_key", "secret_key_file")?;
        require(record, "access_key", "access_key is mandatory")?;
        http::check(record)
    },
};

pub(super) static STACKIT: Section = Section {
    name: "stackit.plain",
    keys: &[
        HTTP,
        &[
            text("project"),
            refresh(MINUTE_MS),
            key("port", Kind::Int).or(Default::Int(80)),
            key("region", Kind::Text).or(Default::Text("eu01")),
            key("endpoint", Kind::Text),
            key("service_account_key", Kind::Secret),
            key("private_key", Kind::Secret),
            key("service_account_key_path", Kind::File),
            key("private_key_path", Kind::File),
            key("credentials_file_path", Kind::File),
        ],
    ],
    check: |record| {
        let endpoint = record.text("endpoint");
        if endpoint.is_empty() && !record.is_given("region") {
            return Err(record.problem("stackit_sd: endpoint and region missing"));
        }
        if let Err(error) = crate::schema::check_url(endpoint) {
            let text = format!("stackit_sd: invalid endpoint {endpoint:?}: {error}");
            return Err(record.key_problem("endpoint", text));
        }
        http::check(record)
    },
};

pub(super) static TRITON: Section = Section {
    name: "triton.plain",
    keys: &[&[
        text("account"),
        text("role").or(Default::Text("container")),
        text("dns_suffix"),
        text("endpoint"),
        key("groups", Kind::List(&Kind::Text)),
        port(9163),
        refresh(MINUTE_MS),
        key("tls_config", Kind::Section(&TLS)),
        key("version", Kind::Int).always().or(Default::Int(1)),
    ]],
    check: |record| {
        if !["container", "cn"].contains(&record.text("role")) {
            let text = "triton SD configuration requires role to be 'container' or 'cn'";
            return Err(record.key_problem("role", text));
        }
        require(record, "account", "triton SD configuration requires an account")?;
        require(record, "dns_suffix", "triton SD configuration requires a dns_suffix")?;
        require(record, "endpoint", "triton SD configuration requires an endpoint")?;
        let text = "triton SD configuration requires RefreshInterval to be a positive integer";
        require(record, "refresh_interval", text)
    },
};

pub(super) static UYUNI: Section = Section {
    name: "uyuni.plain",
    keys: &[
        &[text("server"), text("username"), key("password", Kind::Secret).always()],
        HTTP,
        &[
            key("entitlement", Kind::Text).or(Default::Text("monitoring_entitled")),
            key("separator", Kind::Text).or(Default::Text(",")),
            refresh(MINUTE_MS),
        ],
    ],
    check: |record| {
        require(record, "server", "Uyuni SD configuration requires server host")?;
        require(record, "username", "Uyuni SD configuration requires a username")?;
        require(record, "password", "Uyuni SD configuration requires a password")?;
        http::check(record)
    },
};
