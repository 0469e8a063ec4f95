//! Why a search cannot be answered.

use crate::part::ReadError;

/// A query that makes no sense for an index. The texts are `OpenSearch`'s: clients and people know them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// A text that does not follow its language (`query_shard_exception`).
    #[error("Failed to parse query [{query}]")]
    Syntax { query: String, what: String },
    /// A value that is no number (`number_format_exception`).
    #[error("For input string: \"{0}\"")]
    Number(String),
    /// A number that the type cannot hold (`illegal_argument_exception`).
    #[error("Value [{value}] is out of range for {kind}")]
    OutOfRange { value: String, kind: &'static str },
    /// A value that is no boolean (`illegal_argument_exception`).
    #[error("Can't parse boolean value [{0}], expected [true] or [false]")]
    Boolean(String),
    /// A value that is no time (`parse_exception`).
    #[error("failed to parse date field [{text}] with format [{format}]")]
    Date { text: String, format: String },
    /// A format that is none (`illegal_argument_exception`).
    #[error("Invalid format: [{format}]: {what}")]
    DateFormat { format: String, what: String },
    /// A time zone that is none (`illegal_argument_exception`).
    #[error("Unknown time-zone ID: {0}")]
    TimeZone(String),
    /// A value that is no address (`illegal_argument_exception`).
    #[error("'{0}' is not an IP string literal.")]
    Ip(String),
    /// A kind of query that the field's type does not know (`query_shard_exception`).
    #[error(
        "Can only use {query} queries on keyword, text and wildcard fields - not on [{field}] which is of type [{kind}]"
    )]
    WrongType { query: &'static str, field: String, kind: String },
    /// A pattern that is none (`illegal_argument_exception`).
    #[error("{what}")]
    Pattern { pattern: String, what: String },
    /// A pattern whose automaton would be too large (`illegal_argument_exception`).
    #[error("Determinizing automaton would require more than {limit_bytes} bytes: [{pattern}]")]
    PatternTooLarge { pattern: String, limit_bytes: usize },
    /// An analyzer that the index does not have (`query_shard_exception`).
    #[error("[{query}] analyzer [{analyzer}] not found")]
    NoAnalyzer { query: &'static str, analyzer: String },
    /// A nested query over a path that is not nested (`query_shard_exception`).
    #[error("[nested] failed to find nested object under path [{0}]")]
    NoNested(String),
    /// Too many clauses (`too_many_clauses`).
    #[error("maxClauseCount is set to {0}")]
    TooManyClauses(usize),
    /// Too deep (`x_content_parse_exception`-like, 400).
    #[error("the query is nested deeper than {0}")]
    TooDeep(usize),
    /// Anything else that makes no sense (`illegal_argument_exception`).
    #[error("{0}")]
    Illegal(String),
    /// Anything else that makes no sense for this index's fields (`query_shard_exception`).
    #[error("failed to create query: {0}")]
    Shard(String),
    /// What this program does not do.
    #[error("{0} is not supported")]
    Unsupported(String),
}

/// Why a search has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SearchError {
    /// The query makes no sense for an index: 400.
    #[error("{index}: {error}")]
    Query { index: String, error: QueryError },
    /// A sort by a field that an index does not have (`query_shard_exception`): 400.
    #[error("No mapping found for [{field}] in order to sort on")]
    SortUnmapped { index: String, field: String },
    /// A sort or its values make no sense (`illegal_argument_exception`): 400.
    #[error("{what}")]
    Sort { index: String, what: String },
    /// The search would hold more than it may (`circuit_breaking_exception`): 429.
    #[error("[search] data too large: {wanted_bytes} bytes wanted, {limit_bytes} are allowed")]
    Memory { wanted_bytes: u64, limit_bytes: u64 },
    /// Somebody gave up (`task_cancelled_exception`).
    #[error("the search was cancelled")]
    Cancelled,
    /// A collector found that it cannot go on.
    #[error("{0}")]
    Collector(String),
    /// Every part that was asked is damaged, or a damaged part where none may be left out.
    #[error(transparent)]
    Read(#[from] ReadError),
}
