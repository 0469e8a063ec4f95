//! Analyzers from an index's settings.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::char_filters::CharFilter;
use super::filters::{Filter, WordDelimiter};
use super::tokenizers::{Class, Classes, Tokenizer};
use super::{Analysis, Analyzer, regex, standard};

/// Most analyzers, tokenizers and filters of an index, and most words or rules of one of them.
const PARTS_MAX: usize = 1_000;
/// Longest word piece.
const GRAM_MAX: usize = 64;

/// Settings that make no analyzer (`illegal_argument_exception`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AnalysisError(String);

fn error<T>(what: impl Into<String>) -> Result<T, AnalysisError> {
    Err(AnalysisError(what.into()))
}

/// The words that `stop` leaves out when none are said.
const ENGLISH: &str = "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was will with";

/// The words that are left out of English texts.
pub(super) fn english() -> HashSet<String> {
    ENGLISH.split(' ').map(str::to_owned).collect()
}

/// The parts of one analyzer or filter.
struct Options<'a> {
    name: &'a str,
    of: &'a Map<String, Value>,
}

impl<'a> Options<'a> {
    fn new(name: &'a str, value: &'a Value) -> Result<Self, AnalysisError> {
        match value.as_object() {
            Some(of) => Ok(Self { name, of }),
            None => error(format!("[{name}] must be an object")),
        }
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.of.get(key).and_then(Value::as_str)
    }

    fn number(&self, key: &str, default: usize) -> usize {
        let value = self.of.get(key);
        let number =
            value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
        number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    }

    fn flag(&self, key: &str, default: bool) -> bool {
        let value = self.of.get(key);
        let flag = value.and_then(|value| value.as_bool().or_else(|| value.as_str()?.parse().ok()));
        flag.unwrap_or(default)
    }

    fn list(&self, key: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self.of.get(key) {
            Some(Value::Array(all)) => all.iter().take(PARTS_MAX).map(text).collect(),
            Some(Value::String(text)) => {
                text.split(',').take(PARTS_MAX).map(|part| part.trim().to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn kind(&self) -> Result<&'a str, AnalysisError> {
        match self.text("type") {
            Some(kind) => Ok(kind),
            None => error(format!(
                "[{}] must specify either an analyzer type, or a tokenizer",
                self.name
            )),
        }
    }

    /// Lengths of pieces of words.
    fn grams(&self, min: usize, max: usize) -> Result<(usize, usize), AnalysisError> {
        let (min, max) = (self.number("min_gram", min), self.number("max_gram", max));
        if min == 0 || min > max || max > GRAM_MAX {
            return error(format!("[{}] needs 1 <= min_gram <= max_gram <= {GRAM_MAX}", self.name));
        }
        Ok((min, max))
    }

    fn regex(
        &self,
        default: Option<&str>,
    ) -> Result<Box<regex_automata::meta::Regex>, AnalysisError> {
        match self.text("pattern").or(default) {
            Some(pattern) => {
                regex::parse(pattern, self.text("flags")).map(Box::new).map_err(AnalysisError)
            }
            None => error(format!("pattern is missing for [{}]", self.name)),
        }
    }

    fn stop_words(&self) -> HashSet<String> {
        let mut words = HashSet::new();
        let listed = if self.of.contains_key("stopwords") {
            self.list("stopwords")
        } else {
            vec!["_english_".to_owned()]
        };
        for word in listed {
            match word.as_str() {
                "_english_" => words.extend(ENGLISH.split(' ').map(str::to_owned)),
                "_none_" => {}
                _ => {
                    words.insert(word);
                }
            }
        }
        words
    }
}

/// The nested form of settings whose keys may have dots.
fn nest(settings: &Map<String, Value>) -> Map<String, Value> {
    let mut nested = Map::new();
    for (key, value) in settings {
        let value = match value {
            Value::Object(of) => Value::Object(nest(of)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => value.clone(),
        };
        put(&mut nested, key, value);
    }
    nested
}

fn put(into: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => match (into.get_mut(key), value) {
            (Some(Value::Object(have)), Value::Object(new)) => {
                for (key, value) in new {
                    put(have, &key, value);
                }
            }
            (_, value) => {
                into.insert(key.to_owned(), value);
            }
        },
        Some((head, rest)) => {
            let child = into.entry(head).or_insert_with(|| Value::Object(Map::new()));
            if !child.is_object() {
                *child = Value::Object(Map::new());
            }
            if let Value::Object(child) = child {
                put(child, rest, value);
            }
        }
    }
}

impl Analysis {
    /// The analyzers that settings describe: `index.analysis` or `analysis`, nested or with dots.
    ///
    /// # Errors
    /// Parts that are unknown or make no sense.
    pub fn from_settings(settings: &Map<String, Value>) -> Result<Self, AnalysisError> {
        let nested = nest(settings);
        let index = nested.get("index").and_then(|index| index.get("analysis"));
        match index.or(nested.get("analysis")).and_then(Value::as_object) {
            Some(analysis) => Self::parse(analysis),
            None => Ok(Self::default()),
        }
    }

    /// The analyzers of an `analysis` object.
    ///
    /// # Errors
    /// As [`Analysis::from_settings`].
    pub fn parse(analysis: &Map<String, Value>) -> Result<Self, AnalysisError> {
        let mut own = Self::default();
        let group =
            |name: &str| analysis.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        for (kind, parts) in [
            ("char_filter", group("char_filter")),
            ("tokenizer", group("tokenizer")),
            ("filter", group("filter")),
            ("analyzer", group("analyzer")),
            ("normalizer", group("normalizer")),
        ] {
            if parts.len() > PARTS_MAX {
                return error(format!("more than {PARTS_MAX} parts of [{kind}]"));
            }
            for (name, value) in &parts {
                own.add(kind, name, value)?;
            }
        }
        Ok(own)
    }

    fn add(&mut self, kind: &str, name: &str, value: &Value) -> Result<(), AnalysisError> {
        let options = Options::new(name, value)?;
        match kind {
            "char_filter" => {
                let filter = char_filter(options.kind()?, &options)?;
                self.parts.chars.insert(name.to_owned(), filter);
            }
            "tokenizer" => {
                let tokenizer = tokenizer(options.kind()?, &options)?;
                self.parts.tokenizers.insert(name.to_owned(), tokenizer);
            }
            "filter" => {
                let filters = filter(options.kind()?, &options)?;
                self.parts.filters.insert(name.to_owned(), filters);
            }
            "normalizer" => {
                let mut analyzer = self.chain(&options, Tokenizer::Keyword)?;
                analyzer.tokenizer = Tokenizer::Keyword;
                self.normalizers.insert(name.to_owned(), Arc::new(analyzer));
            }
            _ => {
                let analyzer = self.analyzer_of(&options)?;
                self.analyzers.insert(name.to_owned(), Arc::new(analyzer));
            }
        }
        Ok(())
    }

    fn analyzer_of(&self, options: &Options<'_>) -> Result<Analyzer, AnalysisError> {
        let kind = options.text("type").unwrap_or("custom");
        if kind == "custom" {
            let name = options.of.get("tokenizer");
            let Some(name) = name else {
                return error(format!(
                    "analyzer [{}] must specify either an analyzer type, or a tokenizer",
                    options.name
                ));
            };
            let tokenizer = self.tokenizer(name)?;
            return self.chain(options, tokenizer);
        }
        let Some(mut analyzer) = Analyzer::named(kind) else {
            return error(format!("Unknown analyzer type [{kind}] for [{}]", options.name));
        };
        if let Tokenizer::Standard { word_max } = &mut analyzer.tokenizer {
            *word_max = options.number("max_token_length", standard::WORD_MAX).clamp(1, 1 << 20);
        }
        if kind == "pattern" {
            let regex = options.regex(Some("\\W+"))?;
            analyzer.tokenizer = Tokenizer::Pattern { regex, group: None };
            if !options.flag("lowercase", true) {
                analyzer.filters.clear();
            }
        }
        let has_stop = analyzer.filters.iter().any(|filter| matches!(filter, Filter::Stop { .. }));
        if options.of.contains_key("stopwords")
            && (has_stop || matches!(kind, "standard" | "pattern"))
        {
            analyzer.filters.retain(|filter| !matches!(filter, Filter::Stop { .. }));
            let words = options.stop_words();
            if !words.is_empty() {
                analyzer.filters.push(Filter::Stop { words, any_case: false });
            }
        }
        Ok(analyzer)
    }

    /// A chain of named parts; parts may be described in place, as `_analyze` allows.
    fn chain(
        &self,
        options: &Options<'_>,
        tokenizer: Tokenizer,
    ) -> Result<Analyzer, AnalysisError> {
        let all = |key: &str| match options.of.get(key) {
            None => Vec::new(),
            Some(Value::Array(all)) => all.clone(),
            Some(one) => vec![one.clone()],
        };
        let mut chars = Vec::new();
        for part in all("char_filter") {
            chars.push(self.char_filter(&part)?);
        }
        let mut filters = Vec::new();
        for part in all("filter") {
            filters.extend(self.filter(&part)?);
        }
        Ok(Analyzer { chars, tokenizer, filters })
    }

    /// The analyzer that an `_analyze` request describes with `tokenizer`, `filter`, and `char_filter`.
    ///
    /// # Errors
    /// As [`Analysis::from_settings`].
    pub fn described(&self, request: &Map<String, Value>) -> Result<Analyzer, AnalysisError> {
        let tokenizer = match request.get("tokenizer") {
            Some(name) => self.tokenizer(name)?,
            None => Tokenizer::Keyword,
        };
        self.chain(&Options { name: "_analyze", of: request }, tokenizer)
    }

    fn char_filter(&self, part: &Value) -> Result<CharFilter, AnalysisError> {
        if part.is_object() {
            let options = Options::new("char_filter", part)?;
            return char_filter(options.kind()?, &options);
        }
        let name = part.as_str().unwrap_or("");
        match self.parts.chars.get(name) {
            Some(own) => Ok(own.clone()),
            None => char_filter(name, &Options { name, of: &Map::new() }).map_err(|_| {
                AnalysisError(format!("failed to find global char_filter under [{name}]"))
            }),
        }
    }

    fn tokenizer(&self, part: &Value) -> Result<Tokenizer, AnalysisError> {
        if part.is_object() {
            let options = Options::new("tokenizer", part)?;
            return tokenizer(options.kind()?, &options);
        }
        let name = part.as_str().unwrap_or("");
        match self.parts.tokenizers.get(name) {
            Some(own) => Ok(own.clone()),
            None => tokenizer(name, &Options { name, of: &Map::new() }).map_err(|_| {
                AnalysisError(format!("failed to find global tokenizer under [{name}]"))
            }),
        }
    }

    fn filter(&self, part: &Value) -> Result<Vec<Filter>, AnalysisError> {
        if part.is_object() {
            let options = Options::new("filter", part)?;
            return filter(options.kind()?, &options);
        }
        let name = part.as_str().unwrap_or("");
        match self.parts.filters.get(name) {
            Some(own) => Ok(own.clone()),
            None => filter(name, &Options { name, of: &Map::new() })
                .map_err(|_| AnalysisError(format!("failed to find global filter under [{name}]"))),
        }
    }
}

/// Parts of analyzers by the names that settings give them.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    chars: BTreeMap<String, CharFilter>,
    tokenizers: BTreeMap<String, Tokenizer>,
    filters: BTreeMap<String, Vec<Filter>>,
}

fn char_filter(kind: &str, options: &Options<'_>) -> Result<CharFilter, AnalysisError> {
    Ok(match kind {
        "html_strip" | "htmlStrip" => CharFilter::HtmlStrip { kept: options.list("escaped_tags") },
        "mapping" => {
            let mut pairs = Vec::new();
            let Some(Value::Array(rules)) = options.of.get("mappings") else {
                return error(
                    "mapping requires either `mappings` or `mappings_path` to be configured",
                );
            };
            for rule in rules.iter().take(PARTS_MAX) {
                let rule = rule.as_str().unwrap_or("");
                let Some((from, to)) = rule.split_once("=>") else {
                    return error(format!("Invalid Mapping Rule : [{rule}]"));
                };
                pairs.push((plain(from.trim()), plain(to.trim())));
            }
            pairs.retain(|(from, _)| !from.is_empty());
            pairs.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
            CharFilter::Mapping(pairs)
        }
        "pattern_replace" => CharFilter::PatternReplace {
            regex: options.regex(None)?,
            with: options.text("replacement").unwrap_or("").to_owned(),
        },
        other => {
            return error(format!("Unknown char_filter type [{other}] for [{}]", options.name));
        }
    })
}

/// A side of a rule without its escapes.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('u') => {
                    let digits: String = letters.by_ref().take(4).collect();
                    out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
                }
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (letter, false) => out.push(letter),
        }
    }
    out
}

fn tokenizer(kind: &str, options: &Options<'_>) -> Result<Tokenizer, AnalysisError> {
    let word_max = options.number("max_token_length", standard::WORD_MAX).clamp(1, 1 << 20);
    let letter = |key: &str, default: char| {
        options.text(key).and_then(|text| text.chars().next()).unwrap_or(default)
    };
    Ok(match kind {
        "standard" | "classic" => Tokenizer::Standard { word_max },
        "whitespace" => Tokenizer::Whitespace,
        "letter" => Tokenizer::Letter,
        "keyword" => Tokenizer::Keyword,
        "uax_url_email" => Tokenizer::UrlEmail,
        "pattern" => {
            let group = options.of.get("group").and_then(Value::as_i64).unwrap_or(-1);
            let regex = options.regex(Some("\\W+"))?;
            Tokenizer::Pattern { regex, group: usize::try_from(group).ok() }
        }
        "simple_pattern" => Tokenizer::Pattern { regex: options.regex(None)?, group: Some(0) },
        "simple_pattern_split" => Tokenizer::Pattern { regex: options.regex(None)?, group: None },
        "ngram" | "nGram" | "edge_ngram" | "edgeNGram" => {
            let (min, max) = options.grams(1, 2)?;
            let mut classes = Classes::default();
            for name in options.list("token_chars") {
                match Class::named(&name) {
                    Some(class) => classes.of.push(class),
                    None if name == "custom" => {}
                    None => {
                        return error(format!(
                            "Unknown token type: '{name}', must be one of [letter, digit, whitespace, punctuation, symbol, custom]"
                        ));
                    }
                }
            }
            options.text("custom_token_chars").unwrap_or("").clone_into(&mut classes.custom);
            Tokenizer::NGram { min, max, classes, edge: kind.starts_with("edge") }
        }
        "path_hierarchy" | "PathHierarchy" => {
            let delimiter = letter("delimiter", '/');
            Tokenizer::PathHierarchy {
                delimiter,
                replacement: letter("replacement", delimiter),
                skip: options.number("skip", 0),
                reverse: options.flag("reverse", false),
            }
        }
        "char_group" => {
            let (mut letters, mut classes) = (Vec::new(), Vec::new());
            for name in options.list("tokenize_on_chars") {
                match Class::named(&name) {
                    Some(class) => classes.push(class),
                    None => letters.extend(plain(&name).chars()),
                }
            }
            Tokenizer::CharGroup { letters, classes, word_max }
        }
        other => return error(format!("Unknown tokenizer type [{other}] for [{}]", options.name)),
    })
}

fn filter(kind: &str, options: &Options<'_>) -> Result<Vec<Filter>, AnalysisError> {
    Ok(vec![match kind {
        "lowercase" => Filter::Lowercase,
        "uppercase" => Filter::Uppercase,
        "asciifolding" => Filter::AsciiFolding { keep: options.flag("preserve_original", false) },
        "stop" => {
            let any_case = options.flag("ignore_case", false);
            let mut words = options.stop_words();
            if any_case {
                words = words.iter().map(|word| word.to_lowercase()).collect();
            }
            Filter::Stop { words, any_case }
        }
        "keep" => Filter::Keep(options.list("keep_words").into_iter().collect()),
        "ngram" | "nGram" | "edge_ngram" | "edgeNGram" => {
            let (min, max) = options.grams(1, 2)?;
            let keep = options.flag("preserve_original", false);
            Filter::NGram { min, max, edge: kind.starts_with("edge"), keep }
        }
        "length" => {
            Filter::Length { min: options.number("min", 0), max: options.number("max", usize::MAX) }
        }
        "trim" => Filter::Trim,
        "truncate" => Filter::Truncate(options.number("length", 10)),
        "unique" => Filter::Unique { same_place: options.flag("only_on_same_position", false) },
        "remove_duplicates" => Filter::Unique { same_place: true },
        "word_delimiter" | "word_delimiter_graph" => Filter::WordDelimiter(WordDelimiter {
            parts: options.flag("generate_word_parts", true),
            numbers: options.flag("generate_number_parts", true),
            all: options.flag("catenate_all", false),
            on_case: options.flag("split_on_case_change", true),
            on_digit: options.flag("split_on_numerics", true),
            original: options.flag("preserve_original", false),
            possessive: options.flag("stem_english_possessive", true),
        }),
        "shingle" => shingle(options)?,
        "limit" => Filter::Limit(options.number("max_token_count", 1)),
        "porter_stem" | "porterStem" => Filter::Porter,
        "stemmer" => match options.text("language").or(options.text("name")).unwrap_or("porter") {
            "english" | "porter" | "porter2" => Filter::Porter,
            "possessive_english" => Filter::Possessive,
            other => return error(format!("Stemmer language [{other}] is not supported")),
        },
        "reverse" => Filter::Reverse,
        "pattern_replace" => Filter::PatternReplace {
            regex: options.regex(None)?,
            with: options.text("replacement").unwrap_or("").to_owned(),
            all: options.flag("all", true),
        },
        "cjk_width" => Filter::CjkWidth,
        "cjk_bigram" => Filter::CjkBigram { singles: options.flag("output_unigrams", false) },
        "decimal_digit" => Filter::DecimalDigit,
        "apostrophe" => Filter::Apostrophe,
        "fingerprint" => {
            Filter::Fingerprint { separator: options.text("separator").unwrap_or(" ").to_owned() }
        }
        "synonym" | "synonym_graph" => Filter::Synonym(synonyms(options)?),
        "keyword_repeat" | "keyword_marker" | "flatten_graph" => return Ok(Vec::new()),
        other => return error(format!("Unknown filter type [{other}] for [{}]", options.name)),
    }])
}

fn shingle(options: &Options<'_>) -> Result<Filter, AnalysisError> {
    let (min, max) = (options.number("min_shingle_size", 2), options.number("max_shingle_size", 2));
    if min < 2 || min > max || max > GRAM_MAX {
        return error(format!(
            "[{}] needs 2 <= min_shingle_size <= max_shingle_size",
            options.name
        ));
    }
    Ok(Filter::Shingle {
        min,
        max,
        singles: options.flag("output_unigrams", true),
        separator: options.text("token_separator").unwrap_or(" ").to_owned(),
        filler: options.text("filler_token").unwrap_or("_").to_owned(),
    })
}

type Synonyms = Vec<(Vec<String>, Vec<Vec<String>>)>;

/// Rules as `a, b => c` and `a, b, c`.
fn synonyms(options: &Options<'_>) -> Result<Synonyms, AnalysisError> {
    let Some(Value::Array(rules)) = options.of.get("synonyms") else {
        return error("synonym requires either `synonyms` or `synonyms_path` to be configured");
    };
    let side = |text: &str| -> Vec<Vec<String>> {
        text.split(',')
            .map(|words| words.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>())
            .filter(|words| !words.is_empty())
            .collect()
    };
    let mut all = Vec::new();
    for rule in rules.iter().filter_map(Value::as_str).take(PARTS_MAX) {
        let (from, to) = match rule.split_once("=>") {
            Some((from, to)) => (side(from), side(to)),
            None => (side(rule), side(rule)),
        };
        for words in from {
            // A word that stands for itself too comes first.
            let mut to = to.clone();
            to.sort_by_key(|other| *other != words);
            all.push((words, to));
        }
    }
    Ok(all)
}
