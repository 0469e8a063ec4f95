//! `remote_write` and `remote_read`.

use crate::schema::{Default, Kind, Named, Problem, Record, Section, key, no_check};

use super::http::{self, HTTP, HTTP_1};
use super::relabel::{self, RULES};

pub(super) static REMOTE_WRITE: Section = Section {
    name: "config.plain",
    keys: &[
        &[
            key("url", Kind::Url).always(),
            key("remote_timeout", Kind::Duration).or(Default::DurationMs(30_000)),
            key("headers", Kind::Map(&Kind::Text)),
            key("write_relabel_configs", RULES),
            key("name", Kind::Text),
            key("send_exemplars", Kind::Bool),
            key("send_native_histograms", Kind::Bool),
            key("round_robin_dns", Kind::Bool),
            key("protobuf_message", Kind::Named(&MESSAGE))
                .or(Default::Text("prometheus.WriteRequest")),
            key("failed_request_logging", Kind::Bool),
        ],
        HTTP_1,
        &[
            key("queue_config", Kind::Section(&QUEUE)).or(Default::Section),
            key("metadata_config", Kind::Section(&METADATA)).or(Default::Section),
            key("sigv4", Kind::Section(&SIGV4)).if_set(),
            key("azuread", Kind::Section(&AZUREAD)).if_set(),
            key("google_iam", Kind::Section(&GOOGLE_IAM)).if_set(),
        ],
    ],
    check: check_write,
};

static QUEUE: Section = Section {
    name: "config.QueueConfig",
    keys: &[&[
        key("capacity", Kind::Int).or(Default::Int(10_000)),
        key("max_shards", Kind::Int).or(Default::Int(50)),
        key("min_shards", Kind::Int).or(Default::Int(1)),
        key("max_samples_per_send", Kind::Int).or(Default::Int(2000)),
        key("batch_send_deadline", Kind::Duration).or(Default::DurationMs(5000)),
        key("min_backoff", Kind::Duration).or(Default::DurationMs(30)),
        key("max_backoff", Kind::Duration).or(Default::DurationMs(5000)),
        key("retry_on_http_429", Kind::Bool),
        key("sample_age_limit", Kind::Duration),
    ]],
    check: no_check,
};

static METADATA: Section = Section {
    name: "config.MetadataConfig",
    keys: &[&[
        key("send", Kind::Bool).always().or(Default::Bool(true)),
        key("send_interval", Kind::Duration).always().or(Default::DurationMs(60_000)),
        key("max_samples_per_send", Kind::Int).or(Default::Int(2000)),
    ]],
    check: no_check,
};

pub(super) static SIGV4: Section = Section {
    name: "sigv4.plain",
    keys: &[&[
        key("region", Kind::Text),
        key("access_key", Kind::Text),
        key("secret_key", Kind::Secret),
        key("profile", Kind::Text),
        key("role_arn", Kind::Text),
        key("external_id", Kind::Text),
        key("use_fips_sts_endpoint", Kind::Bool),
        key("service_name", Kind::Text),
    ]],
    check: |record| {
        if record.is_given("access_key") != record.is_given("secret_key") {
            return Err(record.problem("must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config"));
        }
        Ok(())
    },
};

static GOOGLE_IAM: Section = Section {
    name: "googleiam.Config",
    keys: &[&[key("credentials_file", Kind::Text)]],
    check: no_check,
};

/// A way to log in at Azure, with the ids that it wants.
macro_rules! azure_login {
    ($name:ident, [$($key:expr),+]) => {
        static $name: Section = Section { name: "azuread.Config", keys: &[&[$($key),+]], check: no_check };
    };
}

azure_login!(AZURE_MANAGED, [key("client_id", Kind::Text)]);
azure_login!(
    AZURE_WORKLOAD,
    [
        key("client_id", Kind::Text),
        key("tenant_id", Kind::Text),
        key("token_file_path", Kind::Text)
    ]
);
azure_login!(
    AZURE_OAUTH,
    [
        key("client_id", Kind::Text),
        key("client_secret", Kind::Secret),
        key("tenant_id", Kind::Text)
    ]
);
azure_login!(AZURE_SDK, [key("tenant_id", Kind::Text)]);
azure_login!(
    AZURE_CERTIFICATE,
    [
        key("client_id", Kind::Text),
        key("tenant_id", Kind::Text),
        key("certificate_path", Kind::Text),
        key("certificate_key_path", Kind::Text),
        key("certificate_password", Kind::Secret),
        key("send_certificate_chain", Kind::Bool)
    ]
);

static AZUREAD: Section = Section {
    name: "azuread.plain",
    keys: &[&[
        key("managed_identity", Kind::Section(&AZURE_MANAGED)).if_set(),
        key("workload_identity", Kind::Section(&AZURE_WORKLOAD)).if_set(),
        key("oauth", Kind::Section(&AZURE_OAUTH)).if_set(),
        key("sdk", Kind::Section(&AZURE_SDK)).if_set(),
        key("certificate", Kind::Section(&AZURE_CERTIFICATE)).if_set(),
        key("cloud", Kind::Text).or(Default::Text("AzurePublic")),
        key("scope", Kind::Text),
    ]],
    check: check_azuread,
};

fn check_azuread(record: &mut Record) -> Result<(), Problem> {
    if !["AzurePublic", "AzureChina", "AzureGovernment"].contains(&record.text("cloud")) {
        return Err(record.key_problem("cloud", "must provide a cloud in the Azure AD config"));
    }
    let logins = ["managed_identity", "workload_identity", "oauth", "sdk", "certificate"];
    match logins.iter().filter(|name| record.has(name)).count() {
        0 => return Err(record.problem("must provide an Azure Managed Identity, Azure Workload Identity, Azure OAuth, Azure Certificate or Azure SDK in the Azure AD config")),
        1 => {}
        _ => return Err(record.problem("cannot provide multiple authentication methods in the Azure AD config")),
    }
    let needs: [(&str, &str, &[&str]); 3] = [
        ("workload_identity", "Workload Identity", &["client_id", "tenant_id"]),
        ("oauth", "OAuth", &["client_id", "client_secret", "tenant_id"]),
        ("certificate", "Certificate", &["client_id", "tenant_id", "certificate_path"]),
    ];
    for (login, words, names) in needs {
        let Some(section) = record.section(login) else { continue };
        if let Some(name) = names.iter().find(|name| !section.is_given(name)) {
            let text = format!("must provide an Azure {words} {name} in the Azure AD config");
            return Err(section.key_problem(name, text));
        }
    }
    Ok(())
}

pub(super) static REMOTE_READ: Section = Section {
    name: "config.plain",
    keys: &[
        &[
            key("url", Kind::Url).always(),
            key("remote_timeout", Kind::Duration).or(Default::DurationMs(60_000)),
            key("chunked_read_limit", Kind::Uint).or(Default::Uint(50_000_000)),
            key("headers", Kind::Map(&Kind::Text)),
            key("read_recent", Kind::Bool),
            key("name", Kind::Text),
        ],
        HTTP,
        &[
            key("required_matchers", Kind::Map(&Kind::Text)),
            key("filter_external_labels", Kind::Bool).or(Default::Bool(true)),
        ],
    ],
    check: |record| {
        if !record.has("url") {
            return Err(record.key_problem("url", "url for remote_read is empty"));
        }
        check_headers(record, AUTHORIZATION_IS_ELSEWHERE)?;
        http::check(record)
    },
};

const AUTHORIZATION_IS_ELSEWHERE: &str = "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, azuread or google_iam parameter";

const MESSAGES: &[&str] = &["prometheus.WriteRequest", "io.prometheus.write.v2.Request"];

static MESSAGE: Named = Named::words("prometheus.WriteRequest or io.prometheus.write.v2.Request");

/// Headers that the remote protocols set themselves.
const RESERVED_HEADERS: &[&str] = &[
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// Refuses headers that are set otherwise; `authorization` with a text of its own.
pub(super) fn check_headers(record: &Record, authorization: &str) -> Result<(), Problem> {
    for (name, _) in record.entries("headers") {
        let lower = name.to_lowercase();
        if lower == "authorization" {
            return Err(record.key_problem("headers", authorization));
        }
        if RESERVED_HEADERS.contains(&lower.as_str()) {
            let text = format!("{name} is a reserved header. It must not be changed");
            return Err(record.key_problem("headers", text));
        }
    }
    Ok(())
}

fn check_write(record: &mut Record) -> Result<(), Problem> {
    if !record.has("url") {
        return Err(record.key_problem("url", "url for remote_write is empty"));
    }
    let text = "empty or null relabeling rule in remote write config";
    relabel::no_empty_rules(record, "write_relabel_configs", text)?;
    check_headers(record, AUTHORIZATION_IS_ELSEWHERE)?;
    let message = record.text("protobuf_message");
    if !MESSAGES.contains(&message) {
        let text = format!(
            "invalid protobuf_message value: unknown type for remote write protobuf message {message}, supported: {}",
            MESSAGES.join(", ")
        );
        return Err(record.key_problem("protobuf_message", text));
    }
    http::check(record)?;
    if let Some(queue) = record.section("queue_config") {
        check_queue(queue)?;
    }
    let logins = ["basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam"];
    let configured: Vec<&str> = logins.into_iter().filter(|name| record.has(name)).collect();
    if configured.len() > 1 {
        let text = format!(
            "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured. Currently configured: [{}]",
            configured.join(" ")
        );
        return Err(record.key_problem(configured[1], text));
    }
    Ok(())
}

fn check_queue(queue: &Record) -> Result<(), Problem> {
    let positive = |name: &str| {
        if queue.int(name) > 0 {
            return Ok(());
        }
        Err(queue.key_problem(name, format!("remote write queue {name} must be positive")))
    };
    positive("max_shards")?;
    positive("min_shards")?;
    if queue.int("min_shards") > queue.int("max_shards") {
        let text = "remote write queue min_shards must not be greater than max_shards";
        return Err(queue.key_problem("min_shards", text));
    }
    positive("max_samples_per_send")?;
    positive("capacity")?;
    if queue.duration_ms("max_backoff") < queue.duration_ms("min_backoff") {
        let text = "remote write queue max_backoff must not be less than min_backoff";
        return Err(queue.key_problem("max_backoff", text));
    }
    Ok(())
}
