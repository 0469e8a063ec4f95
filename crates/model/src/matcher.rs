//! Label matchers of selectors.

use std::fmt;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchOp {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
}

impl MatchOp {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// A condition on one label; a missing label counts as the empty value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    pub name: String,
    pub op: MatchOp,
    /// The value or, for regular expressions, the pattern as it was written.
    pub value: String,
}

/// A pattern that Go's RE2 syntax does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RegexError {
    /// Go's text, e.g. "error parsing regexp: missing closing ): `a(`".
    pub message: String,
}

impl Matcher {
    /// # Errors
    /// [`RegexError`] when a pattern is not valid in Go's syntax or its program is over the size limit.
    pub fn new(op: MatchOp, name: &str, value: &str) -> Result<Self, RegexError> {
        Ok(Self { name: name.to_owned(), op, value: value.to_owned() })
    }

    /// Whether `value` (empty for a missing label) satisfies the condition.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex | MatchOp::NotRegex => false,
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.as_str(), self.value)
    }
}
