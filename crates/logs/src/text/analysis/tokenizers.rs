//! How texts are cut into words.

use regex_automata::meta::Regex;

use super::{chars, standard};

/// How a text is cut.
#[derive(Debug, Clone)]
pub(super) enum Tokenizer {
    Standard {
        word_max: usize,
    },
    Whitespace,
    Letter,
    Keyword,
    /// What matches parts words; or, with a group, is one.
    Pattern {
        regex: Box<Regex>,
        group: Option<usize>,
    },
    NGram {
        min: usize,
        max: usize,
        classes: Classes,
        edge: bool,
    },
    PathHierarchy {
        delimiter: char,
        replacement: char,
        skip: usize,
        reverse: bool,
    },
    CharGroup {
        letters: Vec<char>,
        classes: Vec<Class>,
        word_max: usize,
    },
    UrlEmail,
}

/// Kinds of letters that settings name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Letter,
    Digit,
    Whitespace,
    Punctuation,
    Symbol,
}

/// Letters of which words are made; all when there are none.
#[derive(Debug, Clone, Default)]
pub(super) struct Classes {
    pub(super) of: Vec<Class>,
    pub(super) custom: String,
}

impl Class {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "letter" => Self::Letter,
            "digit" => Self::Digit,
            "whitespace" => Self::Whitespace,
            "punctuation" => Self::Punctuation,
            "symbol" => Self::Symbol,
            _ => return None,
        })
    }

    fn has(self, letter: char) -> bool {
        const SYMBOLS: &str = "$+<=>^`|~";
        match self {
            Self::Letter => letter.is_alphabetic(),
            Self::Digit => chars::digit(letter).is_some(),
            Self::Whitespace => letter.is_whitespace(),
            Self::Punctuation => letter.is_ascii_punctuation() && !SYMBOLS.contains(letter),
            Self::Symbol => SYMBOLS.contains(letter),
        }
    }
}

impl Classes {
    fn has(&self, letter: char) -> bool {
        (self.of.is_empty() && self.custom.is_empty())
            || self.of.iter().any(|class| class.has(letter))
            || self.custom.contains(letter)
    }
}

/// A word: its bytes, its place after the one before, and, where it is not the text itself, what it says.
pub(super) type Each<'e> = &'e mut dyn FnMut(usize, usize, u32, Option<String>);

impl Tokenizer {
    /// Calls `each` with every word of `text`.
    pub(super) fn cut(&self, text: &str, each: Each<'_>) {
        let mut plain = |start, end| each(start, end, 1, None);
        match self {
            Self::Standard { word_max } => standard::words(text, *word_max, &mut plain),
            Self::Whitespace => runs(text, |letter| !letter.is_whitespace(), &mut plain),
            Self::Letter => runs(text, char::is_alphabetic, &mut plain),
            Self::Keyword if text.is_empty() => {}
            Self::Keyword => plain(0, text.len()),
            Self::Pattern { regex, group } => pattern(regex, *group, text, &mut plain),
            Self::NGram { min, max, classes, edge } => {
                runs(text, |letter| classes.has(letter), &mut |start, end| {
                    grams(&text[start..end], *min, *max, *edge, &mut |from, to| {
                        plain(start + from, start + to);
                    });
                });
            }
            Self::PathHierarchy { delimiter, replacement, skip, reverse } => {
                path(text, (*delimiter, *replacement), *skip, *reverse, each);
            }
            Self::CharGroup { letters, classes, word_max } => {
                let is = |letter: char| {
                    !letters.contains(&letter) && !classes.iter().any(|class| class.has(letter))
                };
                runs(text, is, &mut |start, end| {
                    standard::cut(&text[start..end], start, *word_max, &mut plain);
                });
            }
            Self::UrlEmail => url_email(text, &mut plain),
        }
    }

    /// The type of a word, as `_analyze` names it.
    pub(super) fn kind(&self, word: &str) -> &'static str {
        match self {
            Self::Standard { .. } => standard::kind(word),
            Self::UrlEmail if word.contains("://") => "<URL>",
            Self::UrlEmail if word.contains('@') => "<EMAIL>",
            Self::UrlEmail => standard::kind(word),
            Self::Whitespace
            | Self::Letter
            | Self::Keyword
            | Self::Pattern { .. }
            | Self::NGram { .. }
            | Self::PathHierarchy { .. }
            | Self::CharGroup { .. } => "word",
        }
    }
}

/// Runs of letters that `is` one of the wanted ones.
pub(super) fn runs(text: &str, is: impl Fn(char) -> bool, each: &mut dyn FnMut(usize, usize)) {
    let mut start = None;
    for (at, letter) in text.char_indices() {
        match (start, is(letter)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                each(from, at);
                start = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
    if let Some(from) = start {
        each(from, text.len());
    }
}

fn pattern(regex: &Regex, group: Option<usize>, text: &str, each: &mut dyn FnMut(usize, usize)) {
    let Some(group) = group else {
        let mut last = 0;
        for found in regex.find_iter(text) {
            if found.start() > last {
                each(last, found.start());
            }
            last = found.end();
        }
        if last < text.len() {
            each(last, text.len());
        }
        return;
    };
    for captures in regex.captures_iter(text) {
        if let Some(span) = captures.get_group(group).filter(|span| span.start < span.end) {
            each(span.start, span.end);
        }
    }
}

/// Pieces of `min..=max` letters: of every beginning, or of the first.
pub(super) fn grams(
    word: &str,
    min: usize,
    max: usize,
    edge: bool,
    each: &mut dyn FnMut(usize, usize),
) {
    let bounds: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
    let starts = if edge { 1 } else { bounds.len() };
    for start in 0..starts.min(bounds.len()) {
        for len in min..=max {
            if let Some(end) = bounds.get(start + len) {
                each(bounds[start], *end);
            }
        }
    }
}

fn path(
    text: &str,
    (delimiter, replacement): (char, char),
    skip: usize,
    reverse: bool,
    each: Each<'_>,
) {
    let replaced = |part: &str| {
        (delimiter != replacement)
            .then(|| part.chars().map(|l| if l == delimiter { replacement } else { l }).collect())
    };
    if reverse {
        let ends = text.len();
        let starts = std::iter::once(0)
            .chain(text.match_indices(delimiter).map(|(at, found)| at + found.len()));
        for (at, start) in starts.filter(|start| *start < ends).enumerate() {
            each(start, ends, u32::from(at == 0), replaced(&text[start..]));
        }
        return;
    }
    // With leading parts skipped, the rest begins with the delimiter before it.
    let cuts: Vec<usize> = text
        .match_indices(delimiter)
        .map(|(at, _)| at)
        .filter(|at| *at > 0)
        .chain((!text.is_empty()).then_some(text.len()))
        .collect();
    let start = if skip == 0 { 0 } else { cuts.get(skip - 1).copied().unwrap_or(text.len()) };
    for (at, end) in cuts.iter().skip(skip).enumerate() {
        each(start, *end, u32::from(at == 0), replaced(&text[start..*end]));
    }
}

/// Addresses of pages and mails as one word each; the rest as `standard` cuts it.
fn url_email(text: &str, each: &mut dyn FnMut(usize, usize)) {
    runs(text, |letter| !letter.is_whitespace() && !"<>\"".contains(letter), &mut |start, end| {
        let word = &text[start..end];
        let trimmed = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']);
        let trimmed = trimmed.trim_start_matches(['(', '[', '\'']);
        let from = start + word.find(trimmed).unwrap_or(0);
        let is_url = ["http://", "https://", "ftp://"]
            .iter()
            .any(|scheme| trimmed.starts_with(scheme) && trimmed.len() > scheme.len());
        let is_mail = trimmed.split_once('@').is_some_and(|(user, host)| {
            let fine = |part: &str| {
                !part.is_empty()
                    && part.chars().all(|l| l.is_ascii_alphanumeric() || "._-+%".contains(l))
            };
            fine(user) && fine(host) && host.contains('.')
        });
        if is_url || is_mail {
            each(from, from + trimmed.len());
        } else {
            standard::words(word, standard::WORD_MAX, &mut |a, b| each(start + a, start + b));
        }
    });
}
