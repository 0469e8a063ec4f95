//! Why an exposition is refused.

/// A malformed exposition: Prometheus' text for it, and the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ParseError {
    text: String,
    line: Option<usize>,
}

impl ParseError {
    pub(super) fn new(text: String, line: Option<usize>) -> Self {
        Self { text, line }
    }

    /// The line at whose reading it was found, counted from 1; `None` in a binary format.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}
