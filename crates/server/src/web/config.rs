//! What a web configuration file says, as plain values.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use net::config::{Secret, Source, TlsVersion};

/// One reading of the file. Empty: plain HTTP for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebConfig {
    /// `None`: plain HTTP.
    pub tls: Option<TlsServer>,
    /// Set on every answer that does not have them.
    pub headers: Vec<(String, String)>,
    /// Names and bcrypt hashes; empty: nobody is asked for a password.
    pub users: Vec<(String, Secret)>,
    pub rate_limit: Option<RateLimit>,
}

/// Most requests at once and in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// One request an interval in the long run.
    pub interval: Duration,
    /// Requests that may come at once.
    pub burst: u32,
}

/// `tls_server_config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsServer {
    /// PEM of the certificate and what leads to its authority.
    pub cert: Source,
    /// PEM of its key.
    pub key: Source,
    pub client_auth: ClientAuth,
    /// PEM of the authorities of clients; `None`: those of the system.
    pub client_ca: Option<Source>,
    /// A client's certificate has to have one of these names; `None`: any.
    pub client_allowed_sans: Option<Vec<String>>,
    pub min_version: TlsVersion,
    pub max_version: TlsVersion,
    /// Go's names of the suites of TLS 1.2 that may be used; empty: all that there are. Those of 1.3 cannot be chosen.
    pub cipher_suites: Vec<String>,
    /// Go's names of curves, best first; empty: all that there are.
    pub curves: Vec<String>,
    /// Whether our order of suites counts, not the client's.
    pub prefer_server_cipher_suites: bool,
}

/// What a client has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    #[default]
    None,
    /// Asked for, not needed, not checked.
    Request,
    /// Needed, not checked.
    RequireAny,
    /// Checked when there is one.
    VerifyIfGiven,
    RequireAndVerify,
}

impl WebConfig {
    /// Whether nobody comes in without a password or a certificate that was checked.
    #[must_use]
    pub fn asks_who_comes(&self) -> bool {
        let checked = |tls: &TlsServer| tls.client_auth == ClientAuth::RequireAndVerify;
        !self.users.is_empty() || self.tls.as_ref().is_some_and(checked)
    }
}

/// Reads the file anew; the error says file, line, column and reason.
pub type WebLoader = Arc<dyn Fn() -> Result<WebConfig, String> + Send + Sync>;

/// The file and what reads it.
#[derive(Clone)]
pub struct WebFile {
    pub path: PathBuf,
    pub load: WebLoader,
}

impl std::fmt::Debug for WebFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WebFile({})", self.path.display())
    }
}
