//! Documents to the store, and what comes of each.

use std::borrow::Cow;
use std::sync::Arc;

use logs::store::{Condition, Done, Index, Op, Outcome, Refusal, Write};

use crate::Elastic;
use crate::error::{self, Error};

/// Longest identifier, in bytes.
pub(crate) const ID_BYTES_MAX: usize = 512;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Index,
    Create,
    Update,
    Delete,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A document on its way to the store.
#[derive(Debug)]
pub(crate) struct Doc<'a> {
    pub(crate) index: Arc<Index>,
    pub(crate) kind: Kind,
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) routing: Option<Cow<'a, str>>,
    pub(crate) source: Cow<'a, [u8]>,
    pub(crate) condition: Condition,
}

/// What the store did.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) version: u64,
    pub(crate) done: Done,
}

impl Written {
    /// Its word in `result`.
    pub(crate) fn result(&self) -> &'static str {
        match self.done {
            Done::Created => "created",
            Done::Updated => "updated",
            Done::Deleted => "deleted",
            Done::NotFound => "not_found",
        }
    }

    /// The status of a single write.
    pub(crate) fn status(&self) -> u16 {
        match self.done {
            Done::Created => 201,
            Done::Updated | Done::Deleted => 200,
            Done::NotFound => 404,
        }
    }
}

/// Writes all of `docs` in one go; returns when they are on the disk and searchable. One answer for each, in their order.
pub(crate) fn write_all(
    elastic: &Elastic,
    docs: &[Doc<'_>],
) -> Result<Vec<Result<Written, Error>>, Error> {
    let writes: Vec<Write<'_>> = docs
        .iter()
        .map(|doc| Write {
            index: &doc.index,
            op: match doc.kind {
                Kind::Index | Kind::Update => Op::Index,
                Kind::Create => Op::Create,
                Kind::Delete => Op::Delete,
            },
            id: doc.id.as_deref(),
            source: &doc.source,
            routing: doc.routing.as_deref(),
            condition: doc.condition,
        })
        .collect();
    let outcomes = elastic.store.write(&writes).map_err(|e| error::store(&e))?;
    let pairs = outcomes.into_iter().zip(docs);
    Ok(pairs
        .map(|(outcome, doc)| match outcome {
            Outcome::Done { id, seq, version, result } => {
                Ok(Written { id, seq, version, done: result })
            }
            Outcome::Refused(refusal) => Err(refused(doc, &refusal)),
        })
        .collect())
}

/// Why the store did not take a document.
fn refused(doc: &Doc<'_>, refusal: &Refusal) -> Error {
    match refusal {
        Refusal::VersionConflict { current } => conflict(doc, *current),
        Refusal::Parse { what } => Error::new(400, "mapper_parsing_exception", "failed to parse")
            .caused_by(Error::new(400, "json_parse_exception", what.clone())),
        Refusal::Strict { object, field } => {
            let name = field.strip_prefix(object.as_str()).unwrap_or(field).trim_start_matches('.');
            let reason = format!(
                "mapping set to strict, dynamic introduction of [{name}] within [{object}] is not allowed"
            );
            Error::new(400, "strict_dynamic_mapping_exception", reason)
        }
    }
}

/// `version_conflict_engine_exception` in the words that fit.
fn conflict(doc: &Doc<'_>, current: Option<(u64, u64)>) -> Error {
    let id = doc.id.as_deref().unwrap_or_default();
    let why = match (doc.condition, current) {
        (Condition::SeqNo { seq, term }, Some((have, _))) => format!(
            "required seqNo [{seq}], primary term [{term}]. current document has seqNo [{have}] and primary term [1]"
        ),
        (Condition::SeqNo { seq, term }, None) => {
            format!("required seqNo [{seq}], primary term [{term}]. but no document was found")
        }
        (Condition::External { version, or_equal }, Some((_, have))) => {
            let than = if or_equal { "is higher than" } else { "is higher or equal to" };
            format!("current version [{have}] {than} the one provided [{version}]")
        }
        (Condition::None, Some((_, have))) => {
            format!("document already exists (current version [{have}])")
        }
        (Condition::None | Condition::External { .. }, None) => {
            "document already exists".to_owned()
        }
    };
    Error::new(409, "version_conflict_engine_exception", format!("[{id}]: version conflict, {why}"))
        .with("index", doc.index.name())
        .with("shard", "0")
        .with("index_uuid", doc.index.uuid())
}

/// Refuses identifiers that are too long.
pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    if id.len() > ID_BYTES_MAX {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            format!(
                "Validation Failed: 1: id [{id}] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {};",
                id.len()
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_bounded() {
        assert!(check_id(&"a".repeat(ID_BYTES_MAX)).is_ok());
        assert!(check_id(&"a".repeat(ID_BYTES_MAX + 1)).is_err());
    }
}
