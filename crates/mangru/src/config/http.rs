//! The keys of Prometheus' HTTP client, which many sections carry inline: credentials, TLS, proxies, headers.

use crate::schema::{Default, Key, Kind, Named, Problem, Record, Section, Value, key, no_check};

pub(super) static TLS: Section =
    Section { name: "config.plain", keys: &[TLS_KEYS], check: check_tls };

const TLS_KEYS: &[Key] = &[
    key("ca", Kind::Text),
    key("cert", Kind::Text),
    key("key", Kind::Secret),
    key("ca_file", Kind::File),
    key("cert_file", Kind::File),
    key("key_file", Kind::File),
    key("ca_ref", Kind::Text),
    key("cert_ref", Kind::Text),
    key("key_ref", Kind::Text),
    key("server_name", Kind::Text),
    key("insecure_skip_verify", Kind::Bool).always(),
    key("min_version", Kind::Named(&TLS_VERSION)),
    key("max_version", Kind::Named(&TLS_VERSION)),
];

static TLS_VERSION: Named = Named {
    name: "string",
    allowed: "TLS10, TLS11, TLS12 or TLS13",
    read: |text| match text {
        "TLS10" | "TLS11" | "TLS12" | "TLS13" => Ok(text.to_owned()),
        _ => Err(format!("unknown TLS version: {text}")),
    },
};

static BASIC_AUTH: Section = Section {
    name: "config.plain",
    keys: &[&[
        key("username", Kind::Text),
        key("username_file", Kind::File),
        key("username_ref", Kind::Text),
        key("password", Kind::Secret),
        key("password_file", Kind::File),
        key("password_ref", Kind::Text),
    ]],
    check: no_check,
};

static AUTHORIZATION: Section = Section {
    name: "config.Authorization",
    keys: &[&[
        key("type", Kind::Text),
        key("credentials", Kind::Secret),
        key("credentials_file", Kind::File),
        key("credentials_ref", Kind::Text),
    ]],
    check: no_check,
};

static OAUTH2: Section = Section {
    name: "config.plain",
    keys: &[
        &[
            key("client_id", Kind::Text),
            key("client_secret", Kind::Secret),
            key("client_secret_file", Kind::File),
            key("client_secret_ref", Kind::Text),
            key("client_certificate_key_id", Kind::Text),
            key("client_certificate_key", Kind::Secret),
            key("client_certificate_key_file", Kind::File),
            key("client_certificate_key_ref", Kind::Text),
            key("grant_type", Kind::Text),
            key("signature_algorithm", Kind::Text),
            key("iss", Kind::Text),
            key("audience", Kind::Text),
            key("claims", Kind::Map(&Kind::Any)),
            key("scopes", Kind::List(&Kind::Text)),
            key("token_url", Kind::Text),
            key("endpoint_params", Kind::Map(&Kind::Text)),
            key("tls_config", Kind::Section(&TLS)),
        ],
        PROXY,
    ],
    check: check_proxy,
};

const PROXY: &[Key] = &[
    key("proxy_url", Kind::Url),
    key("no_proxy", Kind::Text),
    key("proxy_from_environment", Kind::Bool),
    key("proxy_connect_header", Kind::Map(&Kind::List(&Kind::Secret))),
];

static HEADER: Section = Section {
    name: "config.Header",
    keys: &[&[
        key("values", Kind::List(&Kind::Text)),
        key("secrets", Kind::List(&Kind::Secret)),
        key("files", Kind::List(&Kind::File)),
    ]],
    check: no_check,
};

static A_HEADER: Kind = Kind::Section(&HEADER);

/// The keys of a client that speaks HTTP/2.
pub(super) const HTTP: &[Key] = &http_keys(true);
/// The keys of remote write's client, which does not by default.
pub(super) const HTTP_1: &[Key] = &http_keys(false);

const fn http_keys(http2: bool) -> [Key; 13] {
    [
        key("basic_auth", Kind::Section(&BASIC_AUTH)).if_set(),
        key("authorization", Kind::Section(&AUTHORIZATION)).if_set(),
        key("oauth2", Kind::Section(&OAUTH2)).if_set(),
        key("bearer_token", Kind::Secret),
        key("bearer_token_file", Kind::File),
        key("tls_config", Kind::Section(&TLS)),
        key("follow_redirects", Kind::Bool).always().or(Default::Bool(true)),
        key("enable_http2", Kind::Bool).always().or(Default::Bool(http2)),
        key("proxy_url", Kind::Url),
        key("no_proxy", Kind::Text),
        key("proxy_from_environment", Kind::Bool),
        key("proxy_connect_header", Kind::Map(&Kind::List(&Kind::Secret))),
        key("http_headers", Kind::Map(&A_HEADER)).if_set(),
    ]
}

/// Headers that `http_headers` may not set: they change the connection or are set otherwise.
const RESERVED_HEADERS: &[&str] = &[
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Amz-Content-Sha256",
];

/// Whether the client's keys are all as they are by default.
pub(super) fn is_default(record: &Record) -> bool {
    HTTP.iter().all(|key| match (record.value(key.name), key.default) {
        (Some(Value::Bool(value)), Default::Bool(default)) => *value == default,
        (Some(Value::Section(_)), _) if key.name != "tls_config" => false,
        (Some(value), _) => value.is_empty(),
        (None, _) => true,
    })
}

/// How many of `names` are given.
fn given(record: &Record, names: &[&str]) -> usize {
    names.iter().filter(|name| record.is_given(name)).count()
}

/// Refuses more than one of `names`.
fn at_most_one(record: &Record, names: &[&str], text: &str) -> Result<(), Problem> {
    match names.iter().rfind(|name| record.is_given(name)) {
        Some(last) if given(record, names) > 1 => Err(record.key_problem(last, text)),
        _ => Ok(()),
    }
}

/// The rules of a section that carries the client's keys. A bearer token becomes an authorization.
pub(super) fn check(record: &mut Record) -> Result<(), Problem> {
    let bearer = ["bearer_token", "bearer_token_file"];
    at_most_one(
        record,
        &bearer,
        "at most one of bearer_token & bearer_token_file must be configured",
    )?;
    let bearers = given(record, &bearer);
    if (record.has("basic_auth") || record.has("oauth2")) && bearers > 0 {
        let text = "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured";
        let at = if record.is_given(bearer[0]) { bearer[0] } else { bearer[1] };
        return Err(record.key_problem(at, text));
    }
    if let Some(basic) = record.section("basic_auth") {
        let names = ["username", "username_file", "username_ref"];
        at_most_one(
            basic,
            &names,
            "at most one of basic_auth username, username_file & username_ref must be configured",
        )?;
        let names = ["password", "password_file", "password_ref"];
        at_most_one(
            basic,
            &names,
            "at most one of basic_auth password, password_file & password_ref must be configured",
        )?;
    }
    if record.has("authorization") {
        check_authorization(record, bearers)?;
    } else if bearers > 0 {
        bearer_to_authorization(record);
    }
    check_oauth2(record)?;
    check_proxy(record)?;
    for (name, _) in record.entries("http_headers") {
        if let Some(reserved) =
            RESERVED_HEADERS.iter().find(|header| header.eq_ignore_ascii_case(name))
        {
            return Err(record.key_problem(
                "http_headers",
                format!("setting header {reserved:?} is not allowed"),
            ));
        }
    }
    Ok(())
}

fn check_authorization(record: &mut Record, bearers: usize) -> Result<(), Problem> {
    if bearers > 0 {
        let text = "authorization is not compatible with bearer_token & bearer_token_file";
        return Err(record.key_problem("authorization", text));
    }
    let taken = record.has("basic_auth") || record.has("oauth2");
    let Some(authorization) = record.section_mut("authorization") else { return Ok(()) };
    let names = ["credentials", "credentials_file", "credentials_ref"];
    at_most_one(
        authorization,
        &names,
        "at most one of authorization credentials & credentials_file must be configured",
    )?;
    let kind = authorization.text("type").trim().to_owned();
    if kind.eq_ignore_ascii_case("basic") {
        let text = "authorization type cannot be set to \"basic\", use \"basic_auth\" instead";
        return Err(authorization.key_problem("type", text));
    }
    let kind = if kind.is_empty() { "Bearer".to_owned() } else { kind };
    authorization.set("type", Value::Text(kind));
    if taken {
        let text = "at most one of basic_auth, oauth2 & authorization must be configured";
        return Err(record.key_problem("authorization", text));
    }
    Ok(())
}

fn bearer_to_authorization(record: &mut Record) {
    let path = format!("{}.authorization", record.path);
    let mut authorization = Record::with_defaults(&AUTHORIZATION, path, record.pos);
    authorization.set("type", Value::Text("Bearer".to_owned()));
    for (old, new) in [("bearer_token", "credentials"), ("bearer_token_file", "credentials_file")] {
        if let Some(value) = record.value(old).filter(|value| !value.is_empty()) {
            authorization.set(new, value.clone());
        }
        record.clear(old);
    }
    record.set("authorization", Value::Section(Box::new(authorization)));
}

fn check_oauth2(record: &Record) -> Result<(), Problem> {
    let Some(oauth2) = record.section("oauth2") else { return Ok(()) };
    if record.has("basic_auth") {
        let text = "at most one of basic_auth, oauth2 & authorization must be configured";
        return Err(record.key_problem("oauth2", text));
    }
    for (name, text) in [
        ("client_id", "oauth2 client_id must be configured"),
        ("token_url", "oauth2 token_url must be configured"),
    ] {
        if !oauth2.is_given(name) {
            return Err(oauth2.key_problem(name, text));
        }
    }
    if oauth2.text("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer" {
        let names =
            ["client_certificate_key", "client_certificate_key_file", "client_certificate_key_ref"];
        let text = "at most one of oauth2 client_certificate_key, client_certificate_key_file & client_certificate_key_ref must be configured using grant-type=urn:ietf:params:oauth:grant-type:jwt-bearer";
        at_most_one(oauth2, &names, text)?;
        if !["", "RS256", "RS384", "RS512"].contains(&oauth2.text("signature_algorithm")) {
            let text = "valid signature algorithms are RS256, RS384 and RS512";
            return Err(oauth2.key_problem("signature_algorithm", text));
        }
        return Ok(());
    }
    let names = ["client_secret", "client_secret_file", "client_secret_ref"];
    let text = "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured using grant-type=client_credentials";
    at_most_one(oauth2, &names, text)
}

fn check_proxy(record: &mut Record) -> Result<(), Problem> {
    let (environment, url) = (record.flag("proxy_from_environment"), record.is_given("proxy_url"));
    let wrong = if record.is_given("proxy_connect_header") && !environment && !url {
        (
            "proxy_connect_header",
            "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
        )
    } else if environment && url {
        ("proxy_url", "if proxy_from_environment is configured, proxy_url must not be configured")
    } else if environment && record.is_given("no_proxy") {
        ("no_proxy", "if proxy_from_environment is configured, no_proxy must not be configured")
    } else if !url && record.is_given("no_proxy") {
        ("no_proxy", "if no_proxy is configured, proxy_url must also be configured")
    } else {
        return Ok(());
    };
    Err(record.key_problem(wrong.0, wrong.1))
}

fn check_tls(record: &mut Record) -> Result<(), Problem> {
    let ca = ["ca", "ca_file", "ca_ref"];
    at_most_one(record, &ca, "at most one of ca, ca_file & ca_ref must be configured")?;
    let cert = ["cert", "cert_file", "cert_ref"];
    at_most_one(record, &cert, "at most one of cert, cert_file & cert_ref must be configured")?;
    let private_key = ["key", "key_file", "key_ref"];
    at_most_one(record, &private_key, "at most one of key and key_file must be configured")?;
    match (given(record, &cert), given(record, &private_key)) {
        (1, 0) => Err(record.problem("exactly one of key or key_file must be configured when a client certificate is configured")),
        (0, 1) => Err(record.problem("exactly one of cert or cert_file must be configured when a client key is configured")),
        _ => Ok(()),
    }
}
