//! How to reach and convince a peer: plain values, whoever read them. Secrets do not show in `Debug`.

use std::fmt;
use std::path::PathBuf;

/// A text that must not appear in logs, errors or `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the wire.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A value from the configuration, or from a file that is read anew for each request (so that tokens can rotate).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Inline(Secret),
    File(PathBuf),
}

impl Default for Source {
    fn default() -> Self {
        Self::Inline(Secret::default())
    }
}

/// `basic_auth`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BasicAuth {
    pub username: Source,
    pub password: Source,
}

/// `authorization`; `bearer_token` and `bearer_token_file` are this with the kind `Bearer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The first word of the header, e.g. `Bearer`.
    pub kind: String,
    pub credentials: Source,
}

/// A version of TLS; 1.0 and 1.1 are not spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

/// `tls_config`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// PEM of the authorities to trust; `None`: those of the system.
    pub ca: Option<Source>,
    /// PEM of our certificate; goes with `key`.
    pub cert: Option<Source>,
    pub key: Option<Source>,
    /// The name to ask for and check; empty: the URL's host.
    pub server_name: String,
    pub insecure_skip_verify: bool,
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
}

/// `proxy_url`, `no_proxy`, `proxy_from_environment`, `proxy_connect_header`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyConfig {
    /// `http://[user:password@]host:port`; empty: none.
    pub url: Secret,
    /// Comma-separated hosts, domains, addresses and networks that are reached directly.
    pub no_proxy: String,
    /// Take `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` instead.
    pub from_environment: bool,
    /// Headers of `CONNECT`.
    pub connect_headers: Vec<(String, Vec<Secret>)>,
}

/// One of `http_headers`: the values in this order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderConfig {
    pub name: String,
    pub values: Vec<String>,
    pub secrets: Vec<Secret>,
    pub files: Vec<PathBuf>,
}

/// Everything of Prometheus' `http_config` that we act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConfig {
    pub basic_auth: Option<BasicAuth>,
    pub authorization: Option<Authorization>,
    pub tls: TlsConfig,
    pub proxy: ProxyConfig,
    pub follow_redirects: bool,
    pub headers: Vec<HeaderConfig>,
    /// A way to authenticate that is configured and that we do not speak (`oauth2`, `sigv4`, …): making the client fails
    /// with its name.
    pub unsupported: Option<&'static str>,
}

impl Default for ClientConfig {
    /// No credentials, no proxy, the system's authorities, redirects followed.
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            tls: TlsConfig::default(),
            proxy: ProxyConfig::default(),
            follow_redirects: true,
            headers: Vec::new(),
            unsupported: None,
        }
    }
}
