//! What analyzers make of texts: words with their places.
//!
//! An analyzer is a chain: character filters, a tokenizer, token filters. The ones that log fields have (a tokenizer, and at most lower case) run without
//! building anything ([`Analyzer::each`]).

mod char_filters;
pub(crate) mod chars;
mod filters;
mod regex;
mod settings;
pub(crate) mod standard;
mod stem;
#[cfg(test)]
mod tests;
mod tokenizers;

use std::collections::BTreeMap;
use std::sync::Arc;

use char_filters::{Changed, CharFilter};
use filters::Filter;
pub use settings::AnalysisError;
use tokenizers::Tokenizer;

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

/// A chain that makes words of texts.
#[derive(Debug, Clone)]
pub struct Analyzer {
    chars: Vec<CharFilter>,
    tokenizer: Tokenizer,
    filters: Vec<Filter>,
}

impl Analyzer {
    fn of(tokenizer: Tokenizer, filters: Vec<Filter>) -> Self {
        Self { chars: Vec::new(), tokenizer, filters }
    }

    /// The `standard` analyzer.
    #[must_use]
    pub fn standard() -> Self {
        Self::of(Tokenizer::Standard { word_max: standard::WORD_MAX }, vec![Filter::Lowercase])
    }

    /// One of the analyzers that every index has.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let stop = || Filter::Stop { words: settings::english(), any_case: false };
        let standard = Tokenizer::Standard { word_max: standard::WORD_MAX };
        Some(match name {
            "standard" | "default" => Self::standard(),
            "simple" => Self::of(Tokenizer::Letter, vec![Filter::Lowercase]),
            "whitespace" => Self::of(Tokenizer::Whitespace, Vec::new()),
            "keyword" => Self::of(Tokenizer::Keyword, Vec::new()),
            "stop" => Self::of(Tokenizer::Letter, vec![Filter::Lowercase, stop()]),
            "pattern" => {
                let regex = regex::parse("\\W+", None).ok().map(Box::new)?;
                Self::of(Tokenizer::Pattern { regex, group: None }, vec![Filter::Lowercase])
            }
            "cjk" => Self::of(
                standard,
                vec![
                    Filter::CjkWidth,
                    Filter::Lowercase,
                    Filter::CjkBigram { singles: false },
                    stop(),
                ],
            ),
            "english" => Self::of(
                standard,
                vec![Filter::Possessive, Filter::Lowercase, stop(), Filter::Porter],
            ),
            "fingerprint" => Self::of(
                standard,
                vec![
                    Filter::Lowercase,
                    Filter::AsciiFolding { keep: false },
                    Filter::Fingerprint { separator: " ".to_owned() },
                ],
            ),
            _ => return None,
        })
    }

    /// Whether words are cut from the text and at most brought to lower case.
    fn is_short(&self) -> bool {
        self.chars.is_empty() && matches!(self.filters.as_slice(), [] | [Filter::Lowercase])
    }

    /// Calls `each` with every word of `text`: its text, its place, and its bytes in `text`. What `scratch` holds is lost.
    pub fn each(
        &self,
        text: &str,
        scratch: &mut String,
        each: &mut dyn FnMut(&str, u32, usize, usize),
    ) {
        if !self.is_short() {
            for token in self.tokens(text) {
                each(&token.text, token.position, token.start, token.end);
            }
            return;
        }
        let lower = !self.filters.is_empty();
        let mut next = 0_u32;
        self.tokenizer.cut(text, &mut |start, end, step, own| {
            next += step;
            let word = own.as_deref().unwrap_or(&text[start..end]);
            if lower {
                chars::lower_into(word, scratch);
                each(scratch, next.saturating_sub(1), start, end);
            } else {
                each(word, next.saturating_sub(1), start, end);
            }
        });
    }

    /// All words of `text`.
    #[must_use]
    pub fn tokens(&self, text: &str) -> Vec<Token> {
        // The text after each character filter.
        let mut changes: Vec<Changed> = Vec::new();
        for filter in &self.chars {
            let before = changes.last().map_or(text, |changed| &changed.text);
            changes.push(filter.apply(before));
        }
        let cut = changes.last().map_or(text, |changed| &changed.text);
        let mut tokens = Vec::new();
        let mut next = 0_u32;
        self.tokenizer.cut(cut, &mut |start, end, step, own| {
            next += step;
            let word = &cut[start..end];
            tokens.push(Token {
                kind: self.tokenizer.kind(word),
                text: own.unwrap_or_else(|| word.to_owned()),
                start,
                end,
                position: next.saturating_sub(1),
                length: 1,
            });
        });
        for filter in &self.filters {
            tokens = filter.apply(tokens);
        }
        for changed in changes.iter().rev() {
            for token in &mut tokens {
                token.start = changed.original(token.start);
                token.end = changed.original(token.end).max(token.start);
            }
        }
        tokens
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
            Tokenizer::Letter
            | Tokenizer::Pattern { .. }
            | Tokenizer::NGram { .. }
            | Tokenizer::PathHierarchy { .. }
            | Tokenizer::CharGroup { .. }
            | Tokenizer::UrlEmail => false,
        };
        let keeps = |filter: &Filter| {
            matches!(
                filter,
                Filter::Lowercase
                    | Filter::Stop { .. }
                    | Filter::Length { .. }
                    | Filter::Unique { .. }
            )
        };
        whole && self.chars.is_empty() && self.filters.iter().all(keeps)
    }

    /// `text` as one word: what a normalizer makes of it, and what stays of a pattern's letters. Only changes of letters count.
    pub(crate) fn whole(&self, text: &str, into: &mut String) {
        into.clear();
        into.push_str(text);
        for filter in &self.chars {
            *into = filter.apply(into).text;
        }
        for filter in &self.filters {
            if !matches!(filter, Filter::Porter | Filter::Possessive) {
                filter.change(into);
            }
        }
    }
}

impl Default for Analyzer {
    fn default() -> Self {
        Self::standard()
    }
}

/// The analyzers of an index by name.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    analyzers: BTreeMap<String, Arc<Analyzer>>,
    normalizers: BTreeMap<String, Arc<Analyzer>>,
    parts: settings::Parts,
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
