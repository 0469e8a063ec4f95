//! Regular expressions in Go's RE2 syntax, always matched against the whole text, `.` matching line breaks too, as
//! Prometheus compiles them (`^(?s:pattern)$`).
//!
//! Go's syntax differs from that of Rust's `regex` (ASCII classes, `[[]`, `\Q…\E`, octal escapes, `{` as a literal), so
//! [`parse`] reads it itself and hands the tree to `regex-automata`, which matches in linear time.

mod class;
mod error;
mod escape;
mod expand;
mod parse;
mod shape;

pub use error::RegexError;
pub(crate) use expand::has_reference;

use regex_automata::Input;
use regex_automata::meta;
use regex_syntax::hir::{Hir, Look};

use error::Code;
use shape::Shape;

/// Longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 64 * 1024;
/// Largest compiled program, in bytes.
const PROGRAM_BYTES_MAX: usize = 10 << 20;

/// A compiled pattern. Equality is the pattern's.
#[derive(Debug)]
pub struct Regex {
    pattern: String,
    shape: Shape,
    regex: meta::Regex,
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Regex {}

impl Regex {
    /// Compiles a matcher's pattern; error texts show the pattern as it was written.
    ///
    /// # Errors
    /// [`RegexError`] with Go's text.
    pub fn matcher(pattern: &str) -> Result<Self, RegexError> {
        let body = parse::parse(pattern, pattern)?;
        let whole = Hir::concat(vec![Hir::look(Look::Start), body.clone(), Hir::look(Look::End)]);
        Self::build(pattern, &body, &whole)
    }

    /// Compiles a pattern of a relabelling rule or of `label_replace`: error texts show it as Prometheus wraps it.
    ///
    /// # Errors
    /// [`RegexError`] with Go's text.
    pub fn wrapped(pattern: &str) -> Result<Self, RegexError> {
        let whole = parse::parse(&format!("^(?s:{pattern})$"), pattern)?;
        let body = parse::parse(pattern, pattern).unwrap_or_else(|_| whole.clone());
        Self::build(pattern, &body, &whole)
    }

    fn build(pattern: &str, body: &Hir, whole: &Hir) -> Result<Self, RegexError> {
        let config = meta::Config::new()
            .nfa_size_limit(Some(PROGRAM_BYTES_MAX))
            .onepass_size_limit(Some(1 << 20))
            .hybrid_cache_capacity(1 << 20);
        let regex = meta::Builder::new()
            .configure(config)
            .build_from_hir(whole)
            .map_err(|_| RegexError::new(Code::Large, pattern))?;
        Ok(Self { pattern: pattern.to_owned(), shape: shape::of(body), regex })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// The bytes of the compiled program.
    #[must_use]
    pub fn program_bytes(&self) -> usize {
        self.regex.memory_usage()
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.shape.is_match(text).unwrap_or_else(|| self.regex.is_match(Input::new(text)))
    }

    /// All texts that match, sorted, when they are few (at most 256) and known.
    #[must_use]
    pub fn set_matches(&self) -> Option<&[String]> {
        match &self.shape {
            Shape::Set(texts) => Some(texts),
            Shape::Any | Shape::NonEmpty | Shape::Affixes { .. } | Shape::Other { .. } => None,
        }
    }

    /// What every matching text begins with; empty when nothing is known.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match &self.shape {
            Shape::Affixes { prefix, .. } | Shape::Other { prefix } => prefix,
            Shape::Set(texts) if texts.len() == 1 => &texts[0],
            Shape::Any | Shape::NonEmpty | Shape::Set(_) => "",
        }
    }

    /// `template` with `$1`, `${1}`, `$name`, `${name}`, `$$` replaced from the groups of the match (Go's
    /// `Regexp.Expand`); `None` when `text` does not match.
    #[must_use]
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(Input::new(text), &mut captures);
        captures.is_match().then(|| expand::expand(template, text, &captures))
    }
}

#[cfg(test)]
mod tests;
