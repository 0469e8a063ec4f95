//! What can go wrong on the way, in the words that operators know from Go.

use std::io;

use crate::url::UrlError;

/// A client that cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum ClientConfigError {
    #[error("{0} is not supported yet")]
    Unsupported(&'static str),
    #[error("unable to read {path}: {source}")]
    File { path: String, source: io::Error },
    #[error("{what}: {reason}")]
    Tls { what: &'static str, reason: String },
    #[error("proxy_url: {0}")]
    Proxy(String),
    #[error("http_headers: {0:?} is not a valid header")]
    Header(String),
}

/// A request that gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing came back, or not HTTP.
    #[error("Get \"{url}\": {cause}")]
    Request { url: String, cause: Cause },
    /// The answer began, and its body did not end well.
    #[error("{0}")]
    Body(Cause),
    #[error("body size limit exceeded")]
    BodyLimit,
    /// A byte budget shared with others is used up.
    #[error("{0}")]
    Budget(#[from] stdx::budget::BudgetExceeded),
}

/// What broke a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    #[error("context deadline exceeded")]
    Deadline,
    #[error("dial tcp: lookup {host}: {reason}")]
    Lookup { host: String, reason: String },
    #[error("dial tcp {address}: {reason}")]
    Dial { address: String, reason: String },
    #[error("{0}")]
    Tls(String),
    #[error("proxyconnect: {0}")]
    Proxy(String),
    #[error("stopped after {} redirects", crate::client::REDIRECTS_MAX)]
    Redirects,
    #[error("{0}")]
    Url(#[from] UrlError),
    #[error("unable to read {0}")]
    Credentials(String),
    #[error("{0}")]
    Protocol(String),
}

/// The reason of a failed connect as Go prints it.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of others, with far more variants")]
pub(crate) fn dial_reason(error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connect: connection refused",
        io::ErrorKind::HostUnreachable => "connect: no route to host",
        io::ErrorKind::NetworkUnreachable => "connect: network is unreachable",
        io::ErrorKind::TimedOut => "i/o timeout",
        io::ErrorKind::ConnectionReset => "connect: connection reset by peer",
        io::ErrorKind::PermissionDenied => "connect: permission denied",
        _ => return format!("connect: {error}"),
    };
    reason.to_owned()
}

/// The reason of a broken exchange.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of others, with far more variants")]
pub(crate) fn protocol_cause(error: &hyper::Error) -> Cause {
    if let Some(io) = source_of::<io::Error>(error) {
        let text = match io.kind() {
            io::ErrorKind::ConnectionReset => "read: connection reset by peer".to_owned(),
            io::ErrorKind::BrokenPipe => "write: broken pipe".to_owned(),
            io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
            _ => io.to_string(),
        };
        return Cause::Protocol(text);
    }
    let text = if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "EOF".to_owned()
    } else if error.is_parse() {
        format!("net/http: HTTP/1.x transport connection broken: malformed HTTP response ({error})")
    } else {
        error.to_string()
    };
    Cause::Protocol(text)
}

/// The reason of a failed handshake as Go prints it.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of others, with far more variants")]
pub(crate) fn tls_cause(error: &io::Error) -> Cause {
    use rustls::{CertificateError as Certificate, Error, InvalidMessage};
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => Cause::Protocol("EOF".to_owned()),
            _ => Cause::Protocol(error.to_string()),
        };
    };
    let text = match tls {
        Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            "tls: failed to verify certificate: x509: certificate signed by unknown authority"
                .to_owned()
        }
        Error::InvalidCertificate(
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. },
        ) => "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"
            .to_owned(),
        Error::InvalidCertificate(other) => {
            format!("tls: failed to verify certificate: x509: {other}")
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "http: server gave HTTP response to HTTPS client".to_owned()
        }
        Error::AlertReceived(alert) => format!("remote error: tls: {alert:?}"),
        other => format!("tls: {other}"),
    };
    Cause::Tls(text)
}

/// The first error of type `T` in a chain of causes.
fn source_of<'a, T: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a T> {
    let mut at = error.source();
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        at = error.source();
    }
    None
}
