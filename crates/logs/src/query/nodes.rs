//! The options of each kind of query, by their names in `OpenSearch`'s bodies.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{MinimumShouldMatch, Query};

/// Whether `value` is what a field is without being named: such fields are not printed.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

macro_rules! nodes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name {
                $($(#[$field_doc])* #[serde(default, skip_serializing_if = "is_default")] pub $field: $kind,)*
            }
        )*
    };
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $first:ident $(, $other:ident)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
            #[serde(rename_all = "snake_case")]
            pub enum $name {
                #[default]
                $first,
                $($other),*
            }
        )*
    };
}

choices! {
    /// How the words of a text are joined.
    Operator { Or, And }
    /// What a text without words matches.
    ZeroTerms { None, All }
    /// How a range of a range field lies to the asked one.
    Relation { Intersects, Contains, Within, Disjoint }
    /// How a text is looked for in several fields.
    MultiMatchType { BestFields, MostFields, CrossFields, Phrase, PhrasePrefix, BoolPrefix }
    /// How scores of nested objects become one.
    ScoreMode { Avg, Sum, Min, Max, None }
    /// How the functions' scores become one.
    Score { Multiply, Sum, Avg, First, Max, Min }
    /// How the functions' score and the query's become one.
    BoostMode { Multiply, Replace, Sum, Avg, Max, Min }
}

/// How many letters may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fuzziness {
    /// 0 for words shorter than the first, 1 for those shorter than the second, else 2: `AUTO` is 3 and 6.
    Auto(u32, u32),
    /// This many, at most 2.
    Edits(u8),
}

impl Fuzziness {
    /// `AUTO`.
    pub const AUTO: Self = Self::Auto(3, 6);

    /// Reads `AUTO`, `AUTO:3,6`, `0`, `1`, `2`, `1.0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("auto") {
            return Some(Self::AUTO);
        }
        if text.len() > 5 && text.is_char_boundary(5) && text[..5].eq_ignore_ascii_case("auto:") {
            let (low, high) = text[5..].split_once(',')?;
            let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
            return (low <= high).then_some(Self::Auto(low, high));
        }
        match text {
            "0" | "0.0" => Some(Self::Edits(0)),
            "1" | "1.0" => Some(Self::Edits(1)),
            "2" | "2.0" => Some(Self::Edits(2)),
            _ => None,
        }
    }

    /// How many letters of `word` may differ.
    #[must_use]
    pub fn edits(self, word: &str) -> u8 {
        match self {
            Self::Edits(edits) => edits.min(2),
            Self::Auto(low, high) => {
                let len = u32::try_from(word.chars().count()).unwrap_or(u32::MAX);
                u8::from(len >= low) + u8::from(len >= high)
            }
        }
    }
}

/// A field, or a pattern of fields, and the factor of its score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldBoost(pub String, pub f32);

impl FieldBoost {
    /// Reads `field` and `field^2.5`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if let Some((field, boost)) = text.rsplit_once('^')
            && let Ok(boost) = boost.parse::<f32>()
            && boost.is_finite()
        {
            return Self(field.to_owned(), boost);
        }
        Self(text.to_owned(), 1.0)
    }
}

nodes! {
    /// Clauses that all, some, or none have to match.
    Bool {
        must: Vec<Query>,
        filter: Vec<Query>,
        should: Vec<Query>,
        must_not: Vec<Query>,
        minimum_should_match: Option<MinimumShouldMatch>,
    }
    /// An exact value.
    Term { field: String, value: Value, case_insensitive: bool, }
    /// One of several exact values.
    Terms { field: String, values: Vec<Value>, }
    /// As many of several exact values as the row's own field says.
    TermsSet { field: String, values: Vec<Value>, minimum_should_match_field: String, }
    /// Values between two. Bounds are as they were written: dates may hold date math.
    Range {
        field: String,
        gt: Option<Value>,
        gte: Option<Value>,
        lt: Option<Value>,
        lte: Option<Value>,
        format: Option<String>,
        time_zone: Option<String>,
        relation: Relation,
    }
    /// A field with any value.
    Exists { field: String, }
    /// Documents by identifier.
    Ids { values: Vec<String>, }
    /// The words of a text.
    Match {
        field: String,
        query: Value,
        operator: Operator,
        minimum_should_match: Option<MinimumShouldMatch>,
        fuzziness: Option<Fuzziness>,
        prefix_length: u32,
        max_expansions: Option<u32>,
        /// Swapped neighbours count as two changes.
        no_transpositions: bool,
        analyzer: Option<String>,
        lenient: bool,
        zero_terms_query: ZeroTerms,
    }
    /// The words of a text, one behind the other, with at most `slop` moves.
    MatchPhrase {
        field: String,
        query: Value,
        slop: u32,
        analyzer: Option<String>,
        lenient: bool,
        zero_terms_query: ZeroTerms,
    }
    /// As [`MatchPhrase`]; the last word is the beginning of one.
    MatchPhrasePrefix {
        field: String,
        query: Value,
        slop: u32,
        max_expansions: Option<u32>,
        analyzer: Option<String>,
        lenient: bool,
        zero_terms_query: ZeroTerms,
    }
    /// As [`Match`]; the last word is the beginning of one.
    MatchBoolPrefix {
        field: String,
        query: Value,
        operator: Operator,
        minimum_should_match: Option<MinimumShouldMatch>,
        fuzziness: Option<Fuzziness>,
        prefix_length: u32,
        max_expansions: Option<u32>,
        no_transpositions: bool,
        analyzer: Option<String>,
    }
    /// The words of a text in several fields; in the index's default fields when none is named.
    MultiMatch {
        fields: Vec<FieldBoost>,
        query: Value,
        kind: MultiMatchType,
        operator: Operator,
        minimum_should_match: Option<MinimumShouldMatch>,
        fuzziness: Option<Fuzziness>,
        prefix_length: u32,
        max_expansions: Option<u32>,
        no_transpositions: bool,
        analyzer: Option<String>,
        lenient: bool,
        zero_terms_query: ZeroTerms,
        slop: u32,
        tie_breaker: Option<f32>,
    }
    /// The words of a text in several text fields, as if they were one field.
    CombinedFields {
        fields: Vec<FieldBoost>,
        query: Value,
        operator: Operator,
        minimum_should_match: Option<MinimumShouldMatch>,
        zero_terms_query: ZeroTerms,
    }
    /// A text in Lucene's language. Parsed when it is bound: what it means depends on the fields.
    QueryString {
        query: String,
        fields: Vec<FieldBoost>,
        default_field: Option<String>,
        default_operator: Operator,
        kind: MultiMatchType,
        analyzer: Option<String>,
        quote_analyzer: Option<String>,
        quote_field_suffix: Option<String>,
        no_leading_wildcard: bool,
        analyze_wildcard: bool,
        minimum_should_match: Option<MinimumShouldMatch>,
        fuzziness: Option<Fuzziness>,
        fuzzy_prefix_length: u32,
        fuzzy_max_expansions: Option<u32>,
        no_fuzzy_transpositions: bool,
        phrase_slop: u32,
        lenient: Option<bool>,
        time_zone: Option<String>,
        tie_breaker: Option<f32>,
        /// Everything in the text is a letter.
        escape: bool,
    }
    /// A text in the forgiving language of search boxes.
    SimpleQueryString {
        query: String,
        fields: Vec<FieldBoost>,
        default_operator: Operator,
        /// The operators that count, parted by `|`; all when it is not there.
        flags: Option<String>,
        analyzer: Option<String>,
        quote_field_suffix: Option<String>,
        analyze_wildcard: bool,
        minimum_should_match: Option<MinimumShouldMatch>,
        fuzzy_prefix_length: u32,
        fuzzy_max_expansions: Option<u32>,
        no_fuzzy_transpositions: bool,
        lenient: Option<bool>,
    }
    /// A text in Kibana's language.
    Kql { query: String, fields: Vec<FieldBoost>, time_zone: Option<String>, }
    /// The beginning of a value, or a pattern with `*` and `?`.
    Pattern { field: String, value: String, case_insensitive: bool, }
    /// A pattern in Lucene's language of regular expressions; the whole value has to match.
    Regexp {
        field: String,
        value: String,
        /// The optional operators that count, parted by `|`; all when it is not there.
        flags: Option<String>,
        case_insensitive: bool,
    }
    /// A value with a few letters changed.
    Fuzzy {
        field: String,
        value: Value,
        fuzziness: Option<Fuzziness>,
        prefix_length: u32,
        max_expansions: Option<u32>,
        no_transpositions: bool,
    }
    /// Matches as its filter; every score is the boost.
    ConstantScore { filter: Box<Query>, }
    /// The best of several, and a part of the others.
    DisMax { queries: Vec<Query>, tie_breaker: f32, }
    /// Matches as `positive`; what also matches `negative` counts less.
    Boosting { positive: Box<Query>, negative: Box<Query>, negative_boost: f32, }
    /// Rows with an object below `path` that matches.
    Nested { path: String, query: Box<Query>, score_mode: ScoreMode, ignore_unmapped: bool, }
    /// Matches as its query; functions change the score.
    FunctionScore {
        query: Box<Query>,
        functions: Vec<Function>,
        score_mode: Score,
        boost_mode: BoostMode,
        max_boost: Option<f32>,
        min_score: Option<f32>,
    }
    /// Where words lie to one another.
    Intervals { field: String, rule: IntervalRule, }
}

/// One function of a [`FunctionScore`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Function {
    /// Rows that it counts for; all when it is not there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filter: Option<Query>,
    /// Factor of the function's score; the score itself when there is no `kind`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weight: Option<f32>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: Option<FunctionKind>,
}

/// What a [`Function`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionKind {
    /// From a number of the row. `modifier` is `none`, `log`, `log1p`, `log2p`, `ln`, `ln1p`, `ln2p`, `square`, `sqrt`, or `reciprocal`.
    FieldValueFactor { field: String, factor: f32, modifier: String, missing: Option<f64> },
    /// A number below 1 that is the same for the same seed and row.
    RandomScore { seed: i64, field: Option<String> },
    /// The further from the origin, the less.
    Decay(Box<Decay>),
}

/// A score that falls with the distance from `origin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decay {
    /// `gauss`, `exp`, or `linear`.
    pub shape: String,
    pub field: String,
    /// Where the score is 1; now, when it is not there and the field is a date.
    pub origin: Option<Value>,
    /// The distance at which the score is `decay`: a number, or a duration.
    pub scale: Value,
    /// The distance up to which the score stays 1.
    pub offset: Option<Value>,
    pub decay: f64,
}

/// A rule of [`Intervals`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalRule {
    /// The words of a text, with at most `max_gaps` others in between; -1 is any number.
    Match {
        query: String,
        max_gaps: i32,
        ordered: bool,
        analyzer: Option<String>,
        filter: Option<Box<IntervalFilter>>,
        use_field: Option<String>,
    },
    Prefix {
        prefix: String,
        use_field: Option<String>,
    },
    Wildcard {
        pattern: String,
        use_field: Option<String>,
    },
    Regexp {
        pattern: String,
        case_insensitive: bool,
        use_field: Option<String>,
    },
    Fuzzy {
        term: String,
        fuzziness: Fuzziness,
        prefix_length: u32,
        no_transpositions: bool,
        use_field: Option<String>,
    },
    AllOf {
        intervals: Vec<IntervalRule>,
        max_gaps: i32,
        ordered: bool,
        filter: Option<Box<IntervalFilter>>,
    },
    AnyOf {
        intervals: Vec<IntervalRule>,
        filter: Option<Box<IntervalFilter>>,
    },
}

impl Default for IntervalRule {
    /// Nothing.
    fn default() -> Self {
        Self::AnyOf { intervals: Vec::new(), filter: None }
    }
}

/// What an interval has to be to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalFilter {
    After(IntervalRule),
    Before(IntervalRule),
    ContainedBy(IntervalRule),
    Containing(IntervalRule),
    NotContainedBy(IntervalRule),
    NotContaining(IntervalRule),
    NotOverlapping(IntervalRule),
    Overlapping(IntervalRule),
}
