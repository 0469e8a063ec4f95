//! Patterns over a value or a word: prefixes, wildcards, regular expressions, and words with a few letters changed. All run in linear time.

use std::sync::Arc;

use memchr::memmem::Finder;
use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

use super::QueryError;

/// Most bytes of the automaton of one pattern.
pub(crate) const AUTOMATON_BYTES_MAX: usize = 1024 * 1024;
/// Longest pattern, in letters (`index.max_regex_length`).
pub(crate) const PATTERN_MAX: usize = 1_000;

/// A pattern that a whole value or word has to follow.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    Any,
    Prefix { prefix: String, fold: bool },
    Contains { finder: Arc<Finder<'static>> },
    Regex(Arc<Regex>),
    Fuzzy(Fuzzy),
    All(Vec<Matcher>),
    Not(Box<Matcher>),
}

impl Matcher {
    pub(super) fn is(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Prefix { prefix, fold: false } => text.starts_with(prefix.as_str()),
            Self::Prefix { prefix, fold: true } => text
                .as_bytes()
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes())),
            Self::Contains { finder } => finder.find(text.as_bytes()).is_some(),
            // The pattern ends with `\z`.
            Self::Regex(regex) => regex.is_match(Input::new(text).anchored(Anchored::Yes)),
            Self::Fuzzy(fuzzy) => fuzzy.is(text),
            Self::All(all) => all.iter().all(|one| one.is(text)),
            Self::Not(not) => !not.is(text),
        }
    }

    /// A pattern of `*` and `?`; `\` takes the next letter as it is.
    pub(super) fn wildcard(pattern: &str, fold: bool) -> Result<Self, QueryError> {
        let parts = wildcard_parts(pattern);
        Ok(match parts.as_slice() {
            [Part::Any] => Self::Any,
            [Part::Literal(prefix), Part::Any] => Self::Prefix { prefix: prefix.clone(), fold },
            [Part::Any, Part::Literal(inner), Part::Any] if !fold => {
                Self::Contains { finder: Arc::new(Finder::new(inner).into_owned()) }
            }
            parts => {
                let mut regex = String::new();
                for part in parts {
                    match part {
                        Part::Literal(text) => {
                            text.chars().for_each(|letter| push_letter(&mut regex, letter, fold));
                        }
                        Part::Any => regex.push_str(".*"),
                        Part::One => regex.push('.'),
                    }
                }
                Self::regex(pattern, &regex)?
            }
        })
    }

    /// A pattern in the syntax of the regex crates, for the whole text.
    pub(super) fn regex(pattern: &str, regex: &str) -> Result<Self, QueryError> {
        let config = Regex::config()
            .nfa_size_limit(Some(AUTOMATON_BYTES_MAX))
            .onepass_size_limit(Some(AUTOMATON_BYTES_MAX / 4))
            .hybrid_cache_capacity(AUTOMATON_BYTES_MAX);
        // The whole text has to follow the pattern.
        let whole = format!("(?s:{regex})\\z");
        match Regex::builder().configure(config).build(&whole) {
            Ok(regex) => Ok(Self::Regex(Arc::new(regex))),
            Err(error) if error.size_limit().is_some() => Err(QueryError::PatternTooLarge {
                pattern: pattern.to_owned(),
                limit_bytes: AUTOMATON_BYTES_MAX,
            }),
            Err(error) => Err(QueryError::Pattern {
                pattern: pattern.to_owned(),
                what: format!("pattern [{pattern}]: {error}"),
            }),
        }
    }
}

/// Adds a letter as itself, or in both cases. Only ASCII letters are folded, as Lucene does.
pub(super) fn push_letter(regex: &mut String, letter: char, fold: bool) {
    if fold && letter.is_ascii_alphabetic() {
        regex.extend(['[', letter.to_ascii_lowercase(), letter.to_ascii_uppercase(), ']']);
    } else {
        regex.push_str(&regex_syntax::escape(letter.encode_utf8(&mut [0; 4])));
    }
}

/// A piece of a pattern with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    /// `*`
    Any,
    /// `?`
    One,
}

/// The pieces of `pattern`; neighbouring stars are one.
pub(super) fn wildcard_parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        let literal = match letter {
            '*' => {
                if parts.last() != Some(&Part::Any) {
                    parts.push(Part::Any);
                }
                continue;
            }
            '?' => {
                parts.push(Part::One);
                continue;
            }
            '\\' => letters.next().unwrap_or('\\'),
            other => other,
        };
        match parts.last_mut() {
            Some(Part::Literal(text)) => text.push(literal),
            _ => parts.push(Part::Literal(literal.to_string())),
        }
    }
    parts
}

/// A word of which a few letters may differ: changed, added, left out, or swapped with their neighbour.
#[derive(Debug, Clone)]
pub(super) struct Fuzzy {
    letters: Vec<char>,
    prefix: usize,
    edits: usize,
    swaps: bool,
}

/// Longest word that is compared letter by letter.
const FUZZY_LETTERS_MAX: usize = 255;

impl Fuzzy {
    pub(super) fn new(word: &str, edits: u8, prefix: u32, swaps: bool) -> Self {
        let letters: Vec<char> = word.chars().collect();
        let prefix = usize::try_from(prefix).unwrap_or(usize::MAX).min(letters.len());
        Self { letters, prefix, edits: usize::from(edits), swaps }
    }

    fn is(&self, text: &str) -> bool {
        self.distance(text).is_some()
    }

    /// How many letters differ, when not too many do.
    pub(super) fn distance(&self, text: &str) -> Option<usize> {
        let mine = &self.letters;
        // A letter takes at most four bytes.
        if text.len() > (mine.len() + self.edits) * 4 || mine.len() > FUZZY_LETTERS_MAX {
            return None;
        }
        let other: Vec<char> = text.chars().collect();
        if other.len() < self.prefix
            || other.len().abs_diff(mine.len()) > self.edits
            || other[..self.prefix] != mine[..self.prefix]
        {
            return None;
        }
        // As in Lucene: a word that is nothing but what has to be the same is looked for as it is.
        if self.prefix >= mine.len() {
            return (*mine == other).then_some(0);
        }
        let (mine, other) = (&mine[self.prefix..], &other[self.prefix..]);
        let mut before: Vec<usize> = Vec::new();
        let mut last: Vec<usize> = (0..=other.len()).collect();
        for (at, letter) in mine.iter().enumerate() {
            let mut row = vec![at + 1; other.len() + 1];
            for (with, theirs) in other.iter().enumerate() {
                let mut best = (last[with] + usize::from(letter != theirs))
                    .min(last[with + 1] + 1)
                    .min(row[with] + 1);
                if self.swaps
                    && at > 0
                    && with > 0
                    && *letter == other[with - 1]
                    && mine[at - 1] == *theirs
                {
                    best = best.min(before[with - 1] + 1);
                }
                row[with + 1] = best;
            }
            before = std::mem::replace(&mut last, row);
        }
        last.last().copied().filter(|distance| *distance <= self.edits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        let check = |pattern: &str, fold: bool, yes: &[&str], no: &[&str]| {
            let matcher = Matcher::wildcard(pattern, fold).unwrap();
            yes.iter().for_each(|text| assert!(matcher.is(text), "{pattern} {text}"));
            no.iter().for_each(|text| assert!(!matcher.is(text), "{pattern} {text}"));
        };
        check("a*", false, &["a", "ab", "a\nb"], &["A", "ba", ""]);
        check("A*", true, &["a", "AB"], &["ba", ""]);
        check("*b*", false, &["b", "abc"], &["a", "B"]);
        check("*b*", true, &["B", "aBc"], &["a"]);
        check("a?c", false, &["abc", "a가c"], &["ac", "abbc"]);
        check("a\\*", false, &["a*"], &["ab"]);
        check("a.c", false, &["a.c"], &["abc"]);
        check("**", false, &["", "x"], &[]);
        check("k", true, &["K"], &["\u{212a}"]);
        check("", false, &[""], &["x"]);
    }

    #[test]
    fn letters_that_differ() {
        let check = |word: &str, edits, swaps, text: &str, want: Option<usize>| {
            let fuzzy = Fuzzy::new(word, edits, 1, swaps);
            assert_eq!(fuzzy.distance(text), want, "{word} {text}");
        };
        check("error", 2, true, "error", Some(0));
        check("error", 1, true, "eror", Some(1));
        check("error", 1, true, "erorr", Some(1));
        check("error", 1, false, "erorr", None);
        check("error", 2, false, "erorr", Some(2));
        check("error", 2, true, "rror", None);
        check("error", 2, true, "errors!", Some(2));
        check("error", 2, true, "errors!!", None);
        check("로그인", 1, true, "로그아", Some(1));
        check("a", 2, true, "api", None);
        check("a", 2, true, "a", Some(0));
        check("ab", 1, true, "a", Some(1));
        check("ab", 1, true, "ac", Some(1));
    }

    #[test]
    fn automata_are_bounded() {
        let error = Matcher::regex("x", "(?:a{1000}){1000}").unwrap_err();
        assert!(matches!(error, QueryError::PatternTooLarge { .. }), "{error}");
        assert!(Matcher::regex("x", "(?:a{10}){10}").is_ok());
    }
}
