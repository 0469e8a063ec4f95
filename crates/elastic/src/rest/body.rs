//! Bodies: which content types are taken, JSON, and lines of it.

use serde_json::Value;

use super::Request;
use crate::error::Error;

/// Refuses a body of a type that is not JSON.
pub(super) fn check_type(request: &Request<'_>) -> Result<(), Error> {
    let header = request.header("content-type");
    if request.body.is_empty() || is_json(header) {
        return Ok(());
    }
    Err(Error::new(
        406,
        "media_type_header_exception",
        format!("Content-Type header [{header}] is not supported"),
    ))
}

/// Whether a media type says JSON or lines of JSON.
pub(super) fn is_json(header: &str) -> bool {
    let kind = header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(
        kind.as_str(),
        "application/json"
            | "application/x-ndjson"
            | "application/x-json-stream"
            | "application/vnd.elasticsearch+json"
            | "application/vnd.elasticsearch+x-ndjson"
    )
}

/// JSON out of `body`. Deeper than 128 is refused.
///
/// # Errors
/// 400 with what is wrong where.
pub(crate) fn json_of(body: &[u8]) -> Result<Value, Error> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body)
        .map_err(|error| Error::new(400, "json_parse_exception", error.to_string()))
}

/// The lines of `body`, without their ends (`\n` or `\r\n`); the last one may lack its end.
pub(crate) fn lines_of(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    body.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}
