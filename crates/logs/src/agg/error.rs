//! Why aggregations cannot be answered.

use crate::part::ReadError;

/// An aggregation that makes no sense, or costs too much. The texts are `OpenSearch`'s.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AggError {
    /// A request that makes no sense for the fields (`illegal_argument_exception`).
    #[error("{0}")]
    Illegal(String),
    /// A value that cannot be read as the field's type (`parse_exception` or `number_format_exception`).
    #[error("{0}")]
    Value(String),
    /// A request that makes no sense by itself (`action_request_validation_exception`).
    #[error("Validation Failed: 1: {0};")]
    Invalid(String),
    /// Two indices whose fields have types that do not go together, and the like (`aggregation_execution_exception`).
    #[error("{0}")]
    Execution(String),
    /// `too_many_buckets_exception`.
    #[error(
        "Trying to create too many buckets. Must be less than or equal to: [{0}] but was [{n}]. This limit can be set by changing the [search.max_buckets] cluster level setting.",
        n = .0 + 1
    )]
    TooManyBuckets(usize),
    /// `circuit_breaking_exception`.
    #[error("[aggregations] data too large: more than {0} bytes are wanted")]
    Memory(u64),
    /// Somebody gave up.
    #[error("the search was cancelled")]
    Cancelled,
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A filter that makes no sense.
    #[error("{0}")]
    Search(Box<crate::search::SearchError>),
}

impl From<crate::search::SearchError> for AggError {
    fn from(error: crate::search::SearchError) -> Self {
        Self::Search(Box::new(error))
    }
}
