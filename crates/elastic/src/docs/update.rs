//! `_update`: a document changed in part.

use std::borrow::Cow;
use std::sync::Arc;

use logs::store::{Condition, Index};
use serde_json::{Map, Value, json};

use super::answer::{refreshed, written};
use super::get::{find, parsed};
use super::single::condition;
use super::source::Filter;
use super::write::{check_id, write_all};
use super::{Doc, Kind, Need, Written, place};
use crate::error::Error;
use crate::rest::{Answer, Call, Content};
use crate::search::did_you_mean;
use crate::{Elastic, routing};

/// Deepest level that is merged; below it the new value takes the old one's place.
const DEPTH_MAX: usize = 128;
/// Most tries when somebody else writes the document at the same time.
const RETRIES_MAX: i64 = 100;

/// What the body of an update may have.
const KNOWN: &[&str] =
    &["doc", "upsert", "doc_as_upsert", "detect_noop", "_source", "if_seq_no", "if_primary_term"];

/// What an update says.
#[derive(Debug, Default)]
pub(super) struct Change {
    doc: Option<Value>,
    upsert: Option<Value>,
    doc_as_upsert: bool,
    detect_noop: bool,
    pub(super) source: Option<Filter>,
    seq: Option<u64>,
    term: Option<u64>,
}

impl Change {
    /// The body of an update.
    pub(super) fn parse(body: &Value) -> Result<Self, Error> {
        let Some(body) = body.as_object() else {
            return Err(Error::new(
                400,
                "parsing_exception",
                "the body of an update must be an object",
            ));
        };
        let mut change = Self { detect_noop: true, ..Self::default() };
        for (key, value) in body {
            match key.as_str() {
                "doc" => change.doc = Some(value.clone()),
                "upsert" => change.upsert = Some(value.clone()),
                "doc_as_upsert" => change.doc_as_upsert = value == &Value::Bool(true),
                "detect_noop" => change.detect_noop = value != &Value::Bool(false),
                "_source" => change.source = Some(Filter::of_body(value)?),
                "if_seq_no" => change.seq = value.as_u64(),
                "if_primary_term" => change.term = value.as_u64(),
                "script" | "scripted_upsert" | "lang" | "params" => return Err(no_scripts()),
                _ => {
                    return Err(Error::new(
                        400,
                        "x_content_parse_exception",
                        format!(
                            "[UpdateRequest] unknown field [{key}]{}",
                            did_you_mean(key, KNOWN.iter().copied())
                        ),
                    ));
                }
            }
        }
        if change.doc.is_none() {
            let text = if change.doc_as_upsert {
                "Validation Failed: 1: doc must be specified if doc_as_upsert is enabled;"
            } else {
                "Validation Failed: 1: script or doc is missing;"
            };
            return Err(Error::new(400, "action_request_validation_exception", text));
        }
        Ok(change)
    }

    /// The condition in the body itself.
    pub(super) fn own_condition(&self) -> Condition {
        match (self.seq, self.term) {
            (Some(seq), Some(term)) => Condition::SeqNo { seq, term },
            (None | Some(_), None) | (None, Some(_)) => Condition::None,
        }
    }
}

fn no_scripts() -> Error {
    Error::illegal("scripts are not supported: say what changes in [doc]")
}

/// What an update comes to.
#[derive(Debug)]
pub(super) enum Planned {
    /// The document to write, and under which condition.
    Write { source: Vec<u8>, condition: Condition },
    /// Nothing changes.
    Noop { seq: u64, version: u64, source: Value },
}

/// What becomes of the document `id`.
pub(super) fn plan(
    elastic: &Elastic,
    index: &Index,
    name: &str,
    (id, routing): (&str, Option<&str>),
    change: &Change,
    condition: Condition,
) -> Result<Planned, Error> {
    let Some(document) = find(elastic, index, name, id, routing)? else {
        let fresh = match &change.upsert {
            _ if change.doc_as_upsert => change.doc.as_ref(),
            upsert => upsert.as_ref(),
        };
        let Some(fresh) = fresh.filter(|_| condition == Condition::None) else {
            return Err(missing(index, id));
        };
        let source = fresh.to_string().into_bytes();
        // It may have been created since: then it is tried again.
        return Ok(Planned::Write { source, condition: Condition::None });
    };
    let mut source = parsed(&document)?;
    let changed = change.doc.as_ref().is_some_and(|doc| merge(&mut source, doc, 0));
    let current = Condition::SeqNo { seq: document.seq, term: 1 };
    let condition = if condition == Condition::None { current } else { condition };
    let met = condition == current;
    if !changed && change.detect_noop && met {
        return Ok(Planned::Noop { seq: document.seq, version: document.version, source });
    }
    Ok(Planned::Write { source: source.to_string().into_bytes(), condition })
}

fn missing(index: &Index, id: &str) -> Error {
    Error::new(404, "document_missing_exception", format!("[{id}]: document missing"))
        .with("index", index.name())
        .with("shard", "0")
        .with("index_uuid", index.uuid())
}

/// Lays `change` over `into`; whether anything is different now.
fn merge(into: &mut Value, change: &Value, depth: usize) -> bool {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) if depth < DEPTH_MAX => {
            let mut changed = false;
            for (key, value) in change {
                match into.get_mut(key) {
                    Some(have) => changed |= merge(have, value, depth + 1),
                    None => {
                        into.insert(key.clone(), value.clone());
                        changed = true;
                    }
                }
            }
            changed
        }
        (into, change) => {
            let changed = into != change;
            if changed {
                *into = change.clone();
            }
            changed
        }
    }
}

/// `POST /{index}/_update/{id}`
pub(super) fn update(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let (name, id) = (call.part("index"), call.part("id"));
    check_id(id)?;
    if call.param("version").is_some() {
        return Err(Error::illegal(
            "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead",
        ));
    }
    let mut change = Change::parse(&call.required_json()?)?;
    change.source = Filter::of_params(call).or(change.source);
    change.doc_as_upsert |= call.flag("doc_as_upsert", false)?;
    let condition = match condition(call, Kind::Update)? {
        Condition::None => change.own_condition(),
        said @ (Condition::SeqNo { .. } | Condition::External { .. }) => said,
    };
    let refreshed = refreshed(call)?;
    let need = Need { alias: call.flag("require_alias", false)?, stream: false };
    let index = place(elastic, name, Kind::Update, need)?;
    let routing = routing::of_write(elastic, name, call.param("routing"))?;
    let retries = call.params.int("retry_on_conflict")?.unwrap_or(0).clamp(0, RETRIES_MAX);
    let mut tries = 0;
    loop {
        let planned = plan(elastic, &index, name, (id, routing.as_deref()), &change, condition)?;
        let (source, condition) = match planned {
            Planned::Noop { seq, version, source } => {
                return Ok(noop(&index, id, (seq, version), &change, source));
            }
            Planned::Write { source, condition } => (source, condition),
        };
        match store(elastic, &index, id, routing.as_deref(), &source, condition) {
            Err(error) if error.status == 409 && tries < retries => tries += 1,
            Err(error) => return Err(error),
            Ok(outcome) => {
                let mut body = written(&index, &outcome, refreshed);
                put_source(&mut body, &outcome, &change, &source)?;
                let status = outcome.status();
                return Ok(Answer::of(status, Content::Json(Value::Object(body))));
            }
        }
    }
}

fn store(
    elastic: &Elastic,
    index: &Arc<Index>,
    id: &str,
    routing: Option<&str>,
    source: &[u8],
    condition: Condition,
) -> Result<Written, Error> {
    let doc = Doc {
        index: Arc::clone(index),
        kind: if condition == Condition::None { Kind::Create } else { Kind::Update },
        id: Some(Cow::Borrowed(id)),
        routing: routing.map(Cow::Borrowed),
        source: Cow::Borrowed(source),
        condition,
    };
    let mut outcomes = write_all(elastic, &[doc])?;
    outcomes.pop().ok_or_else(|| Error::new(500, "exception", "no outcome"))?
}

fn put_source(
    body: &mut Map<String, Value>,
    outcome: &Written,
    change: &Change,
    source: &[u8],
) -> Result<(), Error> {
    let Some(filter) = change.source.as_ref().filter(|filter| filter.shown) else { return Ok(()) };
    let source = crate::rest::json_of(source)?;
    body.insert("get".to_owned(), shown(outcome.seq, filter, source));
    Ok(())
}

fn shown(seq: u64, filter: &Filter, source: Value) -> Value {
    json!({ "_seq_no": seq, "_primary_term": 1, "found": true, "_source": filter.apply(source) })
}

fn noop(
    index: &Index,
    id: &str,
    (seq, version): (u64, u64),
    change: &Change,
    source: Value,
) -> Answer {
    let mut body = noop_body(index, id, (seq, version));
    if let Some(filter) = change.source.as_ref().filter(|filter| filter.shown) {
        body["get"] = shown(seq, filter, source);
    }
    Answer::json(body)
}

/// What is answered when nothing changes.
pub(super) fn noop_body(index: &Index, id: &str, (seq, version): (u64, u64)) -> Value {
    json!({
        "_index": index.name(),
        "_id": id,
        "_version": version,
        "result": "noop",
        "_shards": { "total": 0, "successful": 0, "failed": 0 },
        "_seq_no": seq,
        "_primary_term": 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_laid_over() {
        let mut into = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        assert!(!merge(&mut into, &json!({"a": {"b": 1}}), 0));
        assert!(merge(&mut into, &json!({"a": {"b": 3}, "d": {"e": 1}}), 0));
        assert_eq!(into, json!({"a": {"b": 3, "c": 2}, "d": {"e": 1}}));
    }
}
