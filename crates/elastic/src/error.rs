//! Errors in `OpenSearch`'s shape: what clients and shippers decide by.

use logs::mapping::MappingError;
use logs::store::StoreError;
use serde_json::{Map, Value, json};

/// An error as a client reads it: `{"error":{"root_cause":[…],"type":…,"reason":…},"status":…}`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct Error {
    /// HTTP status.
    pub status: u16,
    /// `error.type`, e.g. `index_not_found_exception`.
    pub kind: &'static str,
    /// `error.reason`.
    pub reason: String,
    /// Further members of the error object (`index`, `index_uuid`, `resource.type` …).
    pub more: Box<Map<String, Value>>,
    /// What it follows from, if something else (`caused_by`).
    pub cause: Option<Box<Error>>,
}

impl Error {
    /// An error without further members.
    #[must_use]
    pub fn new(status: u16, kind: &'static str, reason: impl Into<String>) -> Self {
        Self { status, kind, reason: reason.into(), more: Box::default(), cause: None }
    }

    /// With one more member.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.more.insert(key.to_owned(), value.into());
        self
    }

    /// As the consequence of `cause`.
    #[must_use]
    pub fn caused_by(mut self, cause: Self) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// A request that makes no sense: `illegal_argument_exception`, 400.
    #[must_use]
    pub fn illegal(reason: impl Into<String>) -> Self {
        Self::new(400, "illegal_argument_exception", reason)
    }

    /// `index_not_found_exception`, 404.
    #[must_use]
    pub fn no_index(index: &str) -> Self {
        Self::new(404, "index_not_found_exception", format!("no such index [{index}]"))
            .with("resource.type", "index_or_alias")
            .with("resource.id", index)
            .with("index_uuid", "_na_")
            .with("index", index)
    }

    /// The error object, without `root_cause`: what stands in a bulk item or in `caused_by`.
    #[must_use]
    pub fn object(&self) -> Value {
        let mut object = Map::new();
        object.insert("type".to_owned(), self.kind.into());
        object.insert("reason".to_owned(), self.reason.clone().into());
        object.extend((*self.more).clone());
        if let Some(cause) = &self.cause {
            object.insert("caused_by".to_owned(), cause.object());
        }
        Value::Object(object)
    }

    /// The whole body of an answer.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut cause = self.object();
        if let Value::Object(members) = &mut cause {
            members.remove("caused_by");
        }
        let mut object = Map::new();
        object.insert("root_cause".to_owned(), json!([cause]));
        if let Value::Object(members) = self.object() {
            object.extend(members);
        }
        json!({ "error": object, "status": self.status })
    }
}

/// What the store says, as an answer.
pub(crate) fn store(error: &StoreError) -> Error {
    match error {
        StoreError::Mapping(error) => mapping(error),
        StoreError::Busy { .. } => {
            Error::new(429, "rejected_execution_exception", error.to_string())
        }
        StoreError::Missing => Error::new(404, "index_not_found_exception", error.to_string()),
        StoreError::Exists => {
            Error::new(400, "resource_already_exists_exception", error.to_string())
        }
        StoreError::Io(_) => Error::new(503, "unavailable_shards_exception", error.to_string()),
    }
}

/// What a mapping says, as an answer.
pub(crate) fn mapping(error: &MappingError) -> Error {
    match error {
        MappingError::Parse(text) => Error::new(400, "mapper_parsing_exception", text.clone()),
        MappingError::Illegal(text) => Error::illegal(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_index_reads_as_clients_expect() {
        expect_test::expect![[r#"{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [x]","resource.type":"index_or_alias","resource.id":"x","index_uuid":"_na_","index":"x"}],"type":"index_not_found_exception","reason":"no such index [x]","resource.type":"index_or_alias","resource.id":"x","index_uuid":"_na_","index":"x"},"status":404}"#]]
        .assert_eq(&Error::no_index("x").body().to_string());
    }
}
