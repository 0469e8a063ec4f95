//! Why a push is refused, or the gateway cannot open.

/// Why a push is refused. The texts are Pushgateway's where it refuses, too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The body cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// The body can be read, but not stored; the group's failure time says so.
    #[error("pushed metrics are invalid or inconsistent with existing metrics: {0}")]
    Inconsistent(String),
    /// The grouping key cannot be one.
    #[error("{0}")]
    Grouping(String),
    /// A limit on the size of one push.
    #[error("push of {found} {what}, at most {max} allowed")]
    TooLarge { what: &'static str, found: usize, max: usize },
    /// A limit on all groups together.
    #[error("{found} {what} with this push, at most {max} allowed")]
    Full { what: &'static str, found: usize, max: usize },
    /// The disk does not take it. Nothing has changed.
    #[error("storing the push: {0}")]
    Storage(String),
    #[error("the push gateway is closed")]
    Closed,
}

/// Why the gateway cannot open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("push journal: {what}: {error}")]
    Io { what: &'static str, error: String },
    #[error("push journal {file}: format version {found}, this program reads {known}")]
    Version { file: String, found: u32, known: u32 },
    /// The persistence file that a first start takes over.
    #[error("persistence file {file}: {error}")]
    PersistenceFile { file: String, error: String },
}

impl OpenError {
    pub(super) fn io(what: &'static str, error: &std::io::Error) -> Self {
        Self::Io { what, error: error.to_string() }
    }
}
