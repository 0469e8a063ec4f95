//! Which parser a scraped body gets, by its `Content-Type`.

use crate::mime;
use crate::quote::go_quote;

/// A language of expositions, as far as parsing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `text/plain`, versions 0.0.4 and 1.0.0.
    Text,
    /// `application/openmetrics-text`, versions 0.0.1 and 1.0.0.
    OpenMetrics,
    /// `application/vnd.google.protobuf`, delimited `io.prometheus.client.MetricFamily`.
    Protobuf,
}

/// Why a `Content-Type` leads to no parser. The texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target"
    )]
    Blank,
    #[error(
        "cannot parse Content-Type {content_type} and no fallback_scrape_protocol for target\n{why}"
    )]
    Malformed {
        /// Quoted.
        content_type: String,
        why: mime::MimeError,
    },
    #[error(
        "received unsupported Content-Type {content_type} and no fallback_scrape_protocol specified for target"
    )]
    Unsupported {
        /// Quoted.
        content_type: String,
    },
}

impl Format {
    fn of_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            "text/plain" => Some(Self::Text),
            "application/openmetrics-text" => Some(Self::OpenMetrics),
            "application/vnd.google.protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }
}

/// The format that `content_type` says, or else `fallback`.
///
/// # Errors
/// [`FormatError`] when the type is missing, malformed or not one of ours and there is no fallback.
pub fn format_for(
    content_type: Option<&str>,
    fallback: Option<Format>,
) -> Result<Format, FormatError> {
    let said = content_type.unwrap_or_default();
    let refused = if said.is_empty() {
        FormatError::Blank
    } else {
        match mime::media_type(said) {
            Err(why) => FormatError::Malformed { content_type: go_quote(said.as_bytes()), why },
            Ok(media_type) => match Format::of_media_type(&media_type) {
                Some(format) => return Ok(format),
                None => FormatError::Unsupported { content_type: go_quote(said.as_bytes()) },
            },
        }
    };
    fallback.ok_or(refused)
}
