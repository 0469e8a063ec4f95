//! Label matchers of selectors.

use std::fmt;
use std::sync::Arc;

use crate::quote::quote;
use crate::regex::Regex;
pub use crate::regex::RegexError;

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
    /// The compiled pattern of [`MatchOp::Regex`] and [`MatchOp::NotRegex`].
    regex: Option<Arc<Regex>>,
}

impl Matcher {
    /// # Errors
    /// [`RegexError`] when a pattern is not valid in Go's syntax or over the limits of [`Regex`].
    pub fn new(op: MatchOp, name: &str, value: &str) -> Result<Self, RegexError> {
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(Arc::new(Regex::matcher(value)?)),
        };
        Ok(Self { name: name.to_owned(), op, value: value.to_owned(), regex })
    }

    /// The matcher `name="value"`.
    #[must_use]
    pub fn equal(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), op: MatchOp::Equal, value: value.to_owned(), regex: None }
    }

    /// Whether `value` (empty for a missing label) satisfies the condition.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match (self.op, &self.regex) {
            (MatchOp::Equal, _) => self.value == value,
            (MatchOp::NotEqual, _) => self.value != value,
            (MatchOp::Regex, regex) => regex.as_ref().is_some_and(|regex| regex.is_match(value)),
            (MatchOp::NotRegex, regex) => {
                regex.as_ref().is_some_and(|regex| !regex.is_match(value))
            }
        }
    }

    /// The bytes of the compiled pattern; 0 for `=` and `!=`.
    #[must_use]
    pub fn program_bytes(&self) -> usize {
        self.regex.as_ref().map_or(0, |regex| regex.program_bytes())
    }

    /// All values that the pattern matches (before a negation), sorted, when they are few and known; `None` for `=` and `!=`.
    #[must_use]
    pub fn set_matches(&self) -> Option<&[String]> {
        self.regex.as_ref().and_then(|regex| regex.set_matches())
    }

    /// What every value that the pattern matches begins with; `None` when nothing is known.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.regex.as_ref().map(|regex| regex.prefix()).filter(|prefix| !prefix.is_empty())
    }
}

impl fmt::Display for Matcher {
    /// `name="value"`, as Prometheus prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.op.as_str(), quote(&self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_label_is_the_empty_value() {
        for (op, value, on_empty, on_a) in [
            (MatchOp::Equal, "", true, false),
            (MatchOp::NotEqual, "a", true, false),
            (MatchOp::Regex, "a?", true, true),
            (MatchOp::Regex, "a|b", false, true),
            (MatchOp::NotRegex, "a", true, false),
            (MatchOp::NotRegex, ".*", false, false),
        ] {
            let matcher = Matcher::new(op, "l", value).unwrap();
            assert_eq!((matcher.matches(""), matcher.matches("a")), (on_empty, on_a), "{matcher}");
        }
    }
}
