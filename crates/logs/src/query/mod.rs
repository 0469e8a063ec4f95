//! What is asked for: the tree of a query, as the languages (`OpenSearch`'s bodies, Lucene's, KQL) and the house language write it.
//!
//! Nothing here knows a mapping: fields are names, values are as they were written. Binding them to an index is `crate::search`'s.

mod house;
pub(crate) mod kql;
pub(crate) mod lucene;
mod msm;
mod nodes;
pub(crate) mod simple;

use serde::{Deserialize, Serialize};

pub use house::ParseError;
pub use msm::MinimumShouldMatch;
pub use nodes::{
    Bool, BoostMode, Boosting, CombinedFields, ConstantScore, Decay, DisMax, Exists, FieldBoost,
    Function, FunctionKind, FunctionScore, Fuzziness, Fuzzy, Ids, IntervalFilter, IntervalRule,
    Intervals, Kql, Match, MatchBoolPrefix, MatchPhrase, MatchPhrasePrefix, MultiMatch,
    MultiMatchType, Nested, Operator, Pattern, QueryString, Range, Regexp, Relation, Score,
    ScoreMode, SimpleQueryString, Term, Terms, TermsSet, ZeroTerms,
};

/// Most clauses of a query with everything that it is rewritten to (`indices.query.bool.max_clause_count`).
pub const CLAUSES_MAX: usize = 1_024;
/// Deepest query in a query.
pub const DEPTH_MAX: usize = 32;
/// Longest text of a `query_string`, of KQL, or of the house language, in bytes.
pub const TEXT_MAX: usize = 64 * 1024;

/// A query: what it asks, how much it counts, and what it is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Query {
    #[serde(flatten)]
    pub node: Node,
    /// Factor of the score; 1 when it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boost: Option<f32>,
    /// `_name`: what a hit says that it matched by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl From<Node> for Query {
    fn from(node: Node) -> Self {
        Self { node, boost: None, name: None }
    }
}

impl Default for Query {
    /// Everything.
    fn default() -> Self {
        Node::MatchAll {}.into()
    }
}

/// The kinds of queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    MatchAll {},
    MatchNone {},
    Bool(Bool),
    Term(Term),
    Terms(Terms),
    TermsSet(TermsSet),
    Range(Range),
    Exists(Exists),
    Ids(Ids),
    Match(Match),
    MatchPhrase(MatchPhrase),
    MatchPhrasePrefix(MatchPhrasePrefix),
    MatchBoolPrefix(MatchBoolPrefix),
    MultiMatch(MultiMatch),
    CombinedFields(CombinedFields),
    QueryString(QueryString),
    SimpleQueryString(SimpleQueryString),
    Kql(Kql),
    Prefix(Pattern),
    Wildcard(Pattern),
    Regexp(Regexp),
    Fuzzy(Fuzzy),
    ConstantScore(ConstantScore),
    DisMax(DisMax),
    Boosting(Boosting),
    Nested(Nested),
    FunctionScore(FunctionScore),
    Intervals(Intervals),
}

impl Query {
    /// With a factor for its score.
    #[must_use]
    pub fn boosted(mut self, boost: f32) -> Self {
        self.boost = Some(boost);
        self
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Rows that match all of `queries`, without a score.
    #[must_use]
    pub fn all_of(queries: Vec<Self>) -> Self {
        Node::Bool(Bool { filter: queries, ..Bool::default() }).into()
    }

    /// `field` has the exact `value`.
    #[must_use]
    pub fn term(field: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        Node::Term(Term { field: field.into(), value: value.into(), case_insensitive: false })
            .into()
    }
}
