//! Where a field of a document is: `a.b.0.c`, `_index`, `_ingest.timestamp`.

use super::limits::{DEPTH_MAX, PATH_MAX};
use crate::error::Error;

/// Which of a document's objects a path begins in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Source,
    Meta,
    Ingest,
}

/// A path, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// As it was written.
    pub(crate) text: String,
    pub(crate) root: Root,
    /// At least one.
    pub(crate) parts: Vec<String>,
}

/// What is a document's, but not of its source.
pub(crate) const META: &[&str] =
    &["_index", "_id", "_routing", "_version", "_version_type", "_if_seq_no", "_if_primary_term"];

impl Path {
    /// Splits `text`.
    ///
    /// # Errors
    /// An empty or too long path.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::illegal("path cannot be null nor empty"));
        }
        let (root, rest) = if META.contains(&text) {
            (Root::Meta, text)
        } else if let Some(rest) = text.strip_prefix("_ingest.") {
            (Root::Ingest, rest)
        } else {
            (Root::Source, text.strip_prefix("_source.").unwrap_or(text))
        };
        let parts: Vec<String> = rest.trim_end_matches('.').split('.').map(str::to_owned).collect();
        if parts == [""] {
            return Err(Error::illegal(format!("path [{text}] is not valid")));
        }
        if text.len() > PATH_MAX || parts.len() > DEPTH_MAX {
            return Err(Error::illegal(format!(
                "path [{}…] is longer than {PATH_MAX} bytes or {DEPTH_MAX} parts",
                text.chars().take(64).collect::<String>()
            )));
        }
        Ok(Self { text: text.to_owned(), root, parts })
    }
}
