//! Why a query has no answer. Texts are Prometheus'.

use model::port::ReadError;
use stdx::budget::BudgetExceeded;

use crate::error::ParseError;

/// A failed query. [`QueryError::kind`] says which class of the HTTP API it belongs to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// The text is not PromQL.
    #[error("{0}")]
    Parse(ParseError),
    /// The text is PromQL but cannot be run so.
    #[error("{0}")]
    BadData(String),
    /// The evaluation went wrong because of what the query asks or of the series it found.
    #[error("{0}")]
    Execution(String),
    /// More samples at once than [`super::EngineOptions::samples_max`].
    #[error("query processing would load too many samples into memory in {0}")]
    TooManySamples(&'static str),
    /// More bytes at once than the query's budget.
    #[error("query needs too much memory: {0}")]
    Memory(BudgetExceeded),
    #[error("query timed out in {0}")]
    Timeout(&'static str),
    #[error("query was canceled in {0}")]
    Canceled(&'static str),
    /// The storage failed.
    #[error("expanding series: {0}")]
    Storage(ReadError),
}

/// The class of a [`QueryError`], as the HTTP API's `errorType` knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    BadData,
    Execution,
    Timeout,
    Canceled,
    Internal,
}

impl QueryError {
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Parse(_) | Self::BadData(_) => ErrorKind::BadData,
            Self::Execution(_) | Self::TooManySamples(_) | Self::Memory(_) => ErrorKind::Execution,
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Canceled(_) | Self::Storage(ReadError::Canceled) => ErrorKind::Canceled,
            Self::Storage(ReadError::Limit(_)) => ErrorKind::Execution,
            Self::Storage(ReadError::Storage(_)) => ErrorKind::Internal,
        }
    }

    pub(crate) fn same_labelset() -> Self {
        Self::Execution("vector cannot contain metrics with the same labelset".to_owned())
    }
}

impl From<ParseError> for QueryError {
    fn from(error: ParseError) -> Self {
        Self::Parse(error)
    }
}

impl From<BudgetExceeded> for QueryError {
    fn from(error: BudgetExceeded) -> Self {
        Self::Memory(error)
    }
}

impl From<ReadError> for QueryError {
    fn from(error: ReadError) -> Self {
        Self::Storage(error)
    }
}
