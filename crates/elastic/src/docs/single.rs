//! One document written or deleted.

use std::borrow::Cow;

use logs::store::Condition;
use serde_json::Value;

use super::answer::{refreshed, written};
use super::write::{check_id, write_all};
use super::{Doc, Kind, Need, place};
use crate::error::Error;
use crate::rest::{Answer, Call, Content};
use crate::{Elastic, routing};

/// `POST /{index}/_doc`, `PUT /{index}/_doc/{id}`
pub(super) fn index(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let kind = match call.param("op_type") {
        None if call.param("id").is_none() => Kind::Create,
        None | Some("index") => Kind::Index,
        Some("create") => Kind::Create,
        Some(other) => {
            return Err(Error::illegal(format!(
                "opType must be 'create' or 'index', found: [{other}]"
            )));
        }
    };
    write(elastic, call, kind)
}

/// `PUT /{index}/_create/{id}`
pub(super) fn create(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    write(elastic, call, Kind::Create)
}

/// `DELETE /{index}/_doc/{id}`
pub(super) fn delete(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    write(elastic, call, Kind::Delete)
}

fn write(elastic: &Elastic, call: &Call<'_>, kind: Kind) -> Result<Answer, Error> {
    let condition = condition(call, kind)?;
    let refreshed = refreshed(call)?;
    let id = call.param("id");
    if let Some(id) = id {
        check_id(id)?;
    }
    let source = if kind == Kind::Delete { Vec::new() } else { body(call)? };
    let need = Need {
        alias: call.flag("require_alias", false)?,
        stream: call.flag("require_data_stream", false)?,
    };
    let index = place(elastic, call.part("index"), kind, need)?;
    let routing = routing::of_write(elastic, call.part("index"), call.param("routing"))?;
    routing::check_required(&index, id, routing.as_deref())?;
    let doc = Doc {
        index,
        kind,
        id: id.map(Cow::Borrowed),
        routing: routing.map(Cow::Owned),
        source: Cow::Owned(source),
        condition,
    };
    let pipeline = call.param("pipeline").map(str::to_owned);
    let Some(doc) =
        crate::pipelines::prepared(elastic, doc, call.part("index"), pipeline.as_deref())?
    else {
        return Ok(dropped(call));
    };
    if doc.kind == Kind::Delete && !routing::reaches(elastic, &doc) {
        return Ok(not_there(&doc));
    }
    let docs = [doc];
    let mut outcomes = write_all(elastic, &docs)?;
    let outcome = outcomes.pop().ok_or_else(|| Error::new(500, "exception", "no outcome"))??;
    let status = outcome.status();
    let body = written(&docs[0].index, &outcome, refreshed);
    let mut answer = Answer::of(status, Content::Json(Value::Object(body)));
    if status == 201 {
        let id = percent_encoded(&outcome.id);
        answer.headers.push(("location", format!("/{}/_doc/{id}", docs[0].index.name())));
    }
    Ok(answer)
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What is answered when a pipeline drops the document.
fn dropped(call: &Call<'_>) -> Answer {
    Answer::json(serde_json::json!({
        "_index": call.part("index"),
        "_id": call.param("id"),
        "_version": -3,
        "result": "noop",
        "_shards": { "total": 0, "successful": 0, "failed": 0 },
    }))
}

fn not_there(doc: &Doc<'_>) -> Answer {
    Answer::json(serde_json::json!({
        "_index": doc.index.name(),
        "_id": doc.id,
        "_version": 1,
        "result": "not_found",
        "_shards": { "total": 1, "successful": 1, "failed": 0 },
        "_seq_no": 0,
        "_primary_term": 1,
    }))
    .with_status(404)
}

/// The document in the body.
fn body(call: &Call<'_>) -> Result<Vec<u8>, Error> {
    match call.json()? {
        Some(_) if call.param("source").is_none() => Ok(call.request.body.to_vec()),
        Some(value) => Ok(value.to_string().into_bytes()),
        None => Err(Error::new(400, "parse_exception", "request body is required")),
    }
}

/// What the document that is there has to be.
pub(super) fn condition(call: &Call<'_>, kind: Kind) -> Result<Condition, Error> {
    let invalid = |text: &str| {
        let reason = format!("Validation Failed: 1: {text};");
        Error::new(400, "action_request_validation_exception", reason)
    };
    let number = |name: &str| {
        let value = call.params.int(name)?;
        value
            .map(|value| {
                u64::try_from(value).map_err(|_| invalid(&format!("{name} must not be negative")))
            })
            .transpose()
    };
    let (seq, term) = (number("if_seq_no")?, number("if_primary_term")?);
    let version = number("version")?;
    let kind_of_version = call.param("version_type").unwrap_or("internal");
    if kind == Kind::Create && (version.is_some() || kind_of_version != "internal") {
        return Err(invalid(
            "create operations only support internal versioning. use index instead",
        ));
    }
    condition_of(seq, term, version, kind_of_version)
}

/// The same, out of its parts.
pub(super) fn condition_of(
    seq: Option<u64>,
    term: Option<u64>,
    version: Option<u64>,
    version_type: &str,
) -> Result<Condition, Error> {
    let invalid = |text: String| {
        let reason = format!("Validation Failed: 1: {text};");
        Error::new(400, "action_request_validation_exception", reason)
    };
    let or_equal = match version_type {
        "internal" => {
            if version.is_some() {
                return Err(invalid("internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead".to_owned()));
            }
            return match (seq, term) {
                (None, None) => Ok(Condition::None),
                (Some(seq), Some(term)) => Ok(Condition::SeqNo { seq, term }),
                (Some(_), None) => {
                    Err(invalid("ifSeqNo is set, but primary term is [0]".to_owned()))
                }
                (None, Some(term)) => {
                    Err(invalid(format!("ifSeqNo is unassigned, but primary term is [{term}]")))
                }
            };
        }
        "external" | "external_gt" => false,
        "external_gte" => true,
        other => return Err(Error::illegal(format!("No version type match [{other}]"))),
    };
    if seq.is_some() || term.is_some() {
        return Err(invalid(
            "compare and write operations can not be used with versioning".to_owned(),
        ));
    }
    let Some(version) = version else {
        return Err(invalid(format!(
            "illegal version value [-4] for version type [{}]",
            version_type.to_uppercase()
        )));
    };
    Ok(Condition::External { version, or_equal })
}
