//! The headers of a remote write request.

use crate::mime;
use crate::quote::go_quote;

/// Which message a request holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`
    V1,
    /// `io.prometheus.write.v2.Request`
    V2,
}

/// A header that leads to 415 Unsupported Media Type. The texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("expected application/x-protobuf as the first (media) part, got {0} content-type")]
    MediaType(String),
    #[error("got {header} content type; {why}")]
    Proto {
        header: String,
        /// What was found.
        why: String,
    },
    #[error("{0} encoding (compression) is not accepted by this server; only snappy is acceptable")]
    Encoding(String),
}

/// The message that `Content-Type` names; 1.0 when there is no header or no `proto`.
///
/// # Errors
/// [`HeaderError::MediaType`] and [`HeaderError::Proto`].
pub fn version_for(content_type: Option<&str>) -> Result<Version, HeaderError> {
    let said = content_type.unwrap_or_default().trim();
    if said.is_empty() {
        return Ok(Version::V1);
    }
    let mut parts = said.split(';').map(str::trim);
    if parts.next() != Some("application/x-protobuf") {
        return Err(HeaderError::MediaType(said.to_owned()));
    }
    let proto = |why: String| HeaderError::Proto { header: said.to_owned(), why };
    let (_, parameters) = mime::parse(said).map_err(|error| proto(error.to_string()))?;
    let name = parameters.iter().find(|(name, _)| name == "proto").map(|(_, value)| value.as_str());
    match name {
        None | Some("prometheus.WriteRequest") => Ok(Version::V1),
        Some("io.prometheus.write.v2.Request") => Ok(Version::V2),
        Some(other) => Err(proto(format!(
            "unknown remote write protobuf message {}, supported: prometheus.WriteRequest, io.prometheus.write.v2.Request",
            go_quote(other.as_bytes()),
        ))),
    }
}

/// Whether the body is snappy: `Content-Encoding` says so, or nothing.
///
/// # Errors
/// [`HeaderError::Encoding`].
pub fn check_encoding(content_encoding: Option<&str>) -> Result<(), HeaderError> {
    match content_encoding.unwrap_or_default() {
        "" | "snappy" => Ok(()),
        other => Err(HeaderError::Encoding(other.to_owned())),
    }
}
