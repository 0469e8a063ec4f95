//! What analyzers make of texts: words with their places.
//!
//! An analyzer is a chain: character filters, a tokenizer, token filters. The ones that log fields have (a tokenizer, and at most lower case) run without
//! building anything ([`Analyzer::each`]).

pub(crate) mod chars;
pub(crate) mod standard;

use std::collections::BTreeMap;
use std::sync::Arc;

/// A word that an analyzer found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// Its bytes in the text.
    pub start: usize,
    pub end: usize,
    /// Its place among the words.
    pub position: u32,
    /// How many places it takes.
    pub length: u32,
    /// As `_analyze` names it.
    pub kind: &'static str,
}

/// How a text is cut.
#[derive(Debug, Clone)]
enum Tokenizer {
    Standard { word_max: usize },
    Whitespace,
    Letter,
    Keyword,
}

/// What happens to each word.
#[derive(Debug, Clone)]
enum Filter {
    Lowercase,
}

/// A chain that makes words of texts.
#[derive(Debug, Clone)]
pub struct Analyzer {
    tokenizer: Tokenizer,
    filters: Vec<Filter>,
}

impl Analyzer {
    fn of(tokenizer: Tokenizer, filters: Vec<Filter>) -> Self {
        Self { tokenizer, filters }
    }

    /// The `standard` analyzer.
    #[must_use]
    pub fn standard() -> Self {
        Self::of(Tokenizer::Standard { word_max: standard::WORD_MAX }, vec![Filter::Lowercase])
    }

    /// One of the analyzers that every index has.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "standard" | "default" => Self::standard(),
            "simple" => Self::of(Tokenizer::Letter, vec![Filter::Lowercase]),
            "whitespace" => Self::of(Tokenizer::Whitespace, Vec::new()),
            "keyword" => Self::of(Tokenizer::Keyword, Vec::new()),
            _ => return None,
        })
    }

    /// Calls `each` with every word of `text`: its text, its place, and its bytes in `text`. What `scratch` holds is lost.
    pub fn each(
        &self,
        text: &str,
        scratch: &mut String,
        each: &mut dyn FnMut(&str, u32, usize, usize),
    ) {
        let lower = matches!(self.filters.as_slice(), [Filter::Lowercase]);
        let mut position = 0;
        self.cut(text, &mut |start, end| {
            let word = &text[start..end];
            if lower {
                chars::lower_into(word, scratch);
                each(scratch, position, start, end);
            } else {
                each(word, position, start, end);
            }
            position += 1;
        });
    }

    /// Whether it is the `standard` tokenizer and lower case: the words of a line can be found without cutting all of it.
    pub(crate) fn is_standard(&self) -> bool {
        matches!(self.tokenizer, Tokenizer::Standard { word_max: standard::WORD_MAX })
            && matches!(self.filters.as_slice(), [Filter::Lowercase])
    }

    /// Whether the finest words of one of its words are all finest words of the text.
    pub(crate) fn keeps_finest(&self) -> bool {
        let whole = match self.tokenizer {
            Tokenizer::Standard { word_max } => word_max == standard::WORD_MAX,
            Tokenizer::Whitespace | Tokenizer::Keyword => true,
            // `abc1` has the word `abc`.
            Tokenizer::Letter => false,
        };
        whole && self.filters.iter().all(|filter| matches!(filter, Filter::Lowercase))
    }

    /// `text` as one word: what a normalizer makes of it.
    pub(crate) fn whole(&self, text: &str, into: &mut String) {
        into.clear();
        into.push_str(text);
        for filter in &self.filters {
            match filter {
                Filter::Lowercase => *into = into.chars().map(chars::lower).collect(),
            }
        }
    }

    fn cut(&self, text: &str, each: &mut dyn FnMut(usize, usize)) {
        match self.tokenizer {
            Tokenizer::Standard { word_max } => standard::words(text, word_max, each),
            Tokenizer::Whitespace => runs(text, |letter| !letter.is_whitespace(), each),
            Tokenizer::Letter => runs(text, char::is_alphabetic, each),
            Tokenizer::Keyword if text.is_empty() => {}
            Tokenizer::Keyword => each(0, text.len()),
        }
    }

    /// All words of `text`.
    #[must_use]
    pub fn tokens(&self, text: &str) -> Vec<Token> {
        let mut tokens = Vec::new();
        self.each(text, &mut String::new(), &mut |word, position, start, end| {
            tokens.push(Token {
                text: word.to_owned(),
                start,
                end,
                position,
                length: 1,
                kind: match self.tokenizer {
                    Tokenizer::Standard { .. } => standard::kind(&text[start..end]),
                    Tokenizer::Whitespace | Tokenizer::Letter | Tokenizer::Keyword => "word",
                },
            });
        });
        tokens
    }
}

impl Default for Analyzer {
    fn default() -> Self {
        Self::standard()
    }
}

/// Runs of letters that `is` one of the wanted ones.
fn runs(text: &str, is: impl Fn(char) -> bool, each: &mut dyn FnMut(usize, usize)) {
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

/// The analyzers of an index by name.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    analyzers: BTreeMap<String, Arc<Analyzer>>,
    normalizers: BTreeMap<String, Arc<Analyzer>>,
}

impl Analysis {
    /// The analyzer `name`: the index's own, or one that every index has.
    #[must_use]
    pub fn analyzer(&self, name: &str) -> Option<Arc<Analyzer>> {
        match self.analyzers.get(name) {
            Some(own) => Some(Arc::clone(own)),
            None => Analyzer::named(name).map(Arc::new),
        }
    }

    /// What fields without an analyzer are cut by.
    #[must_use]
    pub fn index_default(&self) -> Arc<Analyzer> {
        self.analyzer("default").unwrap_or_default()
    }

    /// What queries of fields without an analyzer are cut by.
    #[must_use]
    pub fn search_default(&self) -> Arc<Analyzer> {
        self.analyzers.get("default_search").map_or_else(|| self.index_default(), Arc::clone)
    }

    /// The normalizer `name`: `lowercase`, or the index's own.
    #[must_use]
    pub fn normalizer(&self, name: &str) -> Option<Arc<Analyzer>> {
        match self.normalizers.get(name) {
            Some(own) => Some(Arc::clone(own)),
            None if name == "lowercase" => {
                Some(Arc::new(Analyzer::of(Tokenizer::Keyword, vec![Filter::Lowercase])))
            }
            None => None,
        }
    }
}
