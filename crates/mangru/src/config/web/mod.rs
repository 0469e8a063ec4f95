//! Prometheus' web configuration file (`--web.config.file`): TLS, passwords, headers and a bound on requests → plain values.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use net::config::{Secret, Source, TlsVersion};
use server::{ClientAuth, RateLimit, TlsServer, WebConfig};

use super::{ConfigError, files, read_text};
use crate::schema::{
    Default, Failure, Kind, Named, Problem, Record, Section, Value, key, no_check,
};
use crate::yaml::{Content, Node};

static WEB: Section = Section {
    name: "web.Config",
    keys: &[&[
        key("tls_server_config", Kind::Section(&TLS)),
        key("http_server_config", Kind::Section(&HTTP)),
        key("rate_limit", Kind::Section(&RATE_LIMIT)),
        key("basic_auth_users", Kind::Map(&Kind::Any)),
    ]],
    check: check_users,
};

static TLS: Section = Section {
    name: "web.TLSConfig",
    keys: &[&[
        key("cert", Kind::Text),
        key("key", Kind::Secret),
        key("client_ca", Kind::Text),
        key("cert_file", Kind::File),
        key("key_file", Kind::File),
        key("client_auth_type", Kind::Named(&CLIENT_AUTH)),
        key("client_ca_file", Kind::File),
        key("cipher_suites", Kind::List(&Kind::Named(&CIPHER))),
        key("curve_preferences", Kind::List(&Kind::Named(&CURVE))),
        key("min_version", Kind::Named(&VERSION)).or(Default::Text("TLS12")),
        key("max_version", Kind::Named(&VERSION)).or(Default::Text("TLS13")),
        key("prefer_server_cipher_suites", Kind::Bool).or(Default::Bool(true)),
        key("client_allowed_sans", Kind::List(&Kind::Text)),
    ]],
    check: check_tls,
};

static HTTP: Section = Section {
    name: "web.HTTPConfig",
    keys: &[&[
        // HTTP/1.1 is all that is spoken; a client of HTTP/2 speaks it too.
        key("http2", Kind::Bool).or(Default::Bool(true)),
        key("headers", Kind::Map(&Kind::Any)),
    ]],
    check: check_headers,
};

static RATE_LIMIT: Section = Section {
    name: "web.RateLimiterConfig",
    keys: &[&[key("burst", Kind::Uint), key("interval", Kind::Named(&INTERVAL))]],
    check: no_check,
};

static CLIENT_AUTH: Named = Named::words(
    "NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert",
);

/// The suites that there are. Those of TLS 1.3 may be named, and are on always.
const CIPHERS: [&str; 9] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// Suites that Prometheus takes, and that our TLS library leaves out for their weakness.
const WEAK_CIPHERS: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

static CIPHER: Named = Named {
    name: "web.Cipher",
    allowed: "TLS_ECDHE_ECDSA_ or TLS_ECDHE_RSA_ with WITH_AES_128_GCM_SHA256, WITH_AES_256_GCM_SHA384 or WITH_CHACHA20_POLY1305_SHA256, and the suites of TLS 1.3",
    read: |text| {
        if CIPHERS.contains(&text) {
            Ok(text.to_owned())
        } else if WEAK_CIPHERS.contains(&text) {
            Err(format!("cipher {text} is not supported in this version: it is a weak one"))
        } else {
            Err(format!("unknown cipher: {text}"))
        }
    },
};

static CURVE: Named = Named {
    name: "web.Curve",
    allowed: "X25519, CurveP256 or CurveP384",
    read: |text| match text {
        "X25519" | "CurveP256" | "CurveP384" => Ok(text.to_owned()),
        "CurveP521" => Err(format!("curve {text} is not supported in this version")),
        _ => Err(format!("unknown curve: {text}")),
    },
};

static VERSION: Named = Named {
    name: "web.TLSVersion",
    allowed: "TLS12 or TLS13",
    read: |text| match text {
        "TLS12" | "TLS13" => Ok(text.to_owned()),
        "TLS10" | "TLS11" => {
            Err(format!("TLS version {text} is not supported in this version: it is broken"))
        }
        _ => Err(format!("unknown TLS version: {text}")),
    },
};

static INTERVAL: Named = Named {
    name: "time.Duration",
    allowed: "a duration such as 1s, 100ms or 1m30s; units h, m, s, ms, us, ns",
    read: |text| match go_duration(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("time: invalid duration {text:?}")),
    },
};

/// Headers that may be added, and their only values where there are such.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

/// Reads and checks the file at `path`; the certificates that it names are not read.
///
/// # Errors
/// [`ConfigError`]: the file cannot be read, is no YAML, or says something that is not allowed.
pub(crate) fn load_web(path: &Path) -> Result<WebConfig, ConfigError> {
    let text = files::read(path)?;
    let dir = path.parent().unwrap_or(Path::new(""));
    parse(&text, &path.display().to_string(), dir)
}

fn parse(text: &str, name: &str, dir: &Path) -> Result<WebConfig, ConfigError> {
    let fail = |failure: Failure| ConfigError(failure.describe(name, ""));
    let mut root = read_text(text, &WEB).map_err(fail)?;
    root.resolve_files(dir);
    Ok(WebConfig {
        tls: root.section("tls_server_config").filter(|tls| is_on(tls)).map(tls),
        headers: root.section("http_server_config").map(headers).unwrap_or_default(),
        users: root.entries("basic_auth_users").iter().filter_map(user).collect(),
        rate_limit: root.section("rate_limit").and_then(rate_limit),
    })
}

/// Whether the section asks for TLS.
fn is_on(tls: &Record) -> bool {
    ["cert_file", "cert", "key_file", "key", "client_ca_file", "client_ca", "client_auth_type"]
        .iter()
        .any(|name| tls.is_given(name))
}

fn check_tls(tls: &mut Record) -> Result<(), Problem> {
    if !is_on(tls) {
        return Ok(());
    }
    for (inline, file, text) in [
        ("cert", "cert_file", "missing one of cert or cert_file"),
        ("key", "key_file", "missing one of key or key_file"),
    ] {
        if !tls.is_given(inline) && !tls.is_given(file) {
            return Err(tls.problem(text));
        }
    }
    if tls.text("min_version") > tls.text("max_version") {
        return Err(tls.key_problem("min_version", "min_version is above max_version"));
    }
    let Some(auth) = client_auth(tls.text("client_auth_type")) else {
        let text = format!("invalid ClientAuth: {}", tls.text("client_auth_type"));
        return Err(tls.key_problem("client_auth_type", text));
    };
    for name in ["client_ca_file", "client_ca"] {
        if auth == ClientAuth::None && tls.is_given(name) {
            let text = "client CA's have been configured without a Client Auth Policy";
            return Err(tls.key_problem(name, text));
        }
    }
    Ok(())
}

fn client_auth(text: &str) -> Option<ClientAuth> {
    match text {
        "" | "NoClientCert" => Some(ClientAuth::None),
        "RequestClientCert" => Some(ClientAuth::Request),
        "RequireAnyClientCert" | "RequireClientCert" => Some(ClientAuth::RequireAny),
        "VerifyClientCertIfGiven" => Some(ClientAuth::VerifyIfGiven),
        "RequireAndVerifyClientCert" => Some(ClientAuth::RequireAndVerify),
        _ => None,
    }
}

fn tls(record: &Record) -> TlsServer {
    let version = |name: &str| match record.text(name) {
        "TLS13" => TlsVersion::Tls13,
        _ => TlsVersion::Tls12,
    };
    // A file comes before what stands in place, as with Prometheus.
    let source = |inline: &str, file: &str| match record.text(file) {
        "" => Source::Inline(Secret::new(record.text(inline))),
        path => Source::File(PathBuf::from(path)),
    };
    let has_ca = record.is_given("client_ca") || record.is_given("client_ca_file");
    TlsServer {
        cert: source("cert", "cert_file"),
        key: source("key", "key_file"),
        client_auth: client_auth(record.text("client_auth_type")).unwrap_or_default(),
        client_ca: has_ca.then(|| source("client_ca", "client_ca_file")),
        client_allowed_sans: record
            .has("client_allowed_sans")
            .then(|| record.texts("client_allowed_sans")),
        min_version: version("min_version"),
        max_version: version("max_version"),
        cipher_suites: record.texts("cipher_suites"),
        curves: record.texts("curve_preferences"),
        prefer_server_cipher_suites: record.flag("prefer_server_cipher_suites"),
    }
}

/// The text of a value in a mapping of names; `None`: it is no text.
fn text_of(value: &Value) -> Option<&str> {
    let Value::Any(Node { content, .. }) = value else { return Some(value.as_text()) };
    match content {
        Content::Scalar(scalar) => Some(&scalar.text),
        Content::Seq(_) | Content::Map(_) => None,
    }
}

/// What is wrong with one name of the mapping at `name`.
fn entry_problem(
    record: &Record,
    name: &str,
    (entry, value): &(String, Value),
    text: String,
) -> Problem {
    let mut problem = record.key_problem(name, text);
    problem.key = format!("{}.{entry}", problem.key);
    if let Value::Any(node) = value {
        problem.pos = node.pos;
    }
    problem
}

fn check_headers(http: &mut Record) -> Result<(), Problem> {
    for entry in http.entries("headers") {
        let fail = |text: String, allowed: String| {
            let problem = entry_problem(http, "headers", entry, text);
            Err(Problem { allowed, ..problem })
        };
        let Some((name, values)) = HEADERS.iter().find(|(name, _)| *name == entry.0) else {
            let text = format!("HTTP header {:?} can not be configured", entry.0);
            return fail(text, HEADERS.map(|(name, _)| name).join(", "));
        };
        let Some(value) = text_of(&entry.1) else {
            return fail(format!("header {name} is no text"), "a text".to_owned());
        };
        if !values.is_empty() && !values.contains(&value) {
            let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
            let text = format!(
                "invalid value for {name}. Expected one of: [{}], but got: {value:?}",
                quoted.join(" ")
            );
            return fail(text, values.join(" or "));
        }
        if !value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return fail(format!("header {name} has more than visible ASCII"), String::new());
        }
    }
    Ok(())
}

fn headers(http: &Record) -> Vec<(String, String)> {
    let pair = |(name, value): &(String, Value)| Some((name.clone(), text_of(value)?.to_owned()));
    http.entries("headers").iter().filter_map(pair).collect()
}

fn check_users(root: &mut Record) -> Result<(), Problem> {
    for entry in root.entries("basic_auth_users") {
        let checked = match text_of(&entry.1) {
            Some(hash) => server::check_hash(hash),
            None => Err("the user's hash is no text".to_owned()),
        };
        checked.map_err(|text| Problem {
            allowed: "a bcrypt hash".to_owned(),
            ..entry_problem(root, "basic_auth_users", entry, text)
        })?;
    }
    Ok(())
}

fn user((name, value): &(String, Value)) -> Option<(String, Secret)> {
    Some((name.clone(), Secret::new(text_of(value)?)))
}

/// An interval of nothing means no bound.
fn rate_limit(record: &Record) -> Option<RateLimit> {
    let interval = go_duration(record.text("interval")).filter(|interval| !interval.is_zero())?;
    Some(RateLimit { interval, burst: u32::try_from(record.uint("burst")).unwrap_or(u32::MAX) })
}

/// Longest duration that Go holds, in nanoseconds.
const NANOSECONDS_MAX: f64 = 9.2e18;

/// Go's durations: `1h2m3.5s`, or a bare number of nanoseconds. None below zero.
fn go_duration(text: &str) -> Option<Duration> {
    if let Ok(nanoseconds) = text.parse::<u64>() {
        return Some(Duration::from_nanos(nanoseconds));
    }
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(unit_at);
        let unit_end =
            behind.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(behind.len());
        let (unit, next) = behind.split_at(unit_end);
        let nanoseconds = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        let seconds = number.parse::<f64>().ok()? * nanoseconds;
        if seconds > NANOSECONDS_MAX {
            return None;
        }
        total = total.checked_add(Duration::try_from_secs_f64(seconds / 1e9).ok()?)?;
        rest = next;
    }
    Some(total)
}
