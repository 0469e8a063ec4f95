//! `_reindex`: documents of some indices into another.

use std::borrow::Cow;

use logs::store::Condition;
use serde_json::{Map, Value};

use super::scan::Conflicts;
use super::{finish, read, scan};
use crate::Elastic;
use crate::docs::{Doc, Kind, Need, place};
use crate::error::Error;
use crate::rest::{Answer, Call};

/// Where documents go, and how.
struct Dest {
    index: String,
    kind: Kind,
    pipeline: Option<String>,
    external: bool,
    /// `keep` (nothing), `discard`, or a value.
    routing: Option<String>,
}

fn invalid(what: &str) -> Error {
    let reason = format!("Validation Failed: 1: {what};");
    Error::new(400, "action_request_validation_exception", reason)
}

/// `POST /_reindex`
pub(super) fn reindex(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let (body, mut scan) =
        read(call, &["source", "dest", "conflicts", "max_docs", "size", "script"])?;
    let part = |name: &str| body.get(name).and_then(Value::as_object);
    let source = part("source").ok_or_else(|| invalid("source is missing"))?;
    let dest = dest(part("dest").ok_or_else(|| invalid("dest is missing"))?)?;
    if source.contains_key("remote") {
        return Err(Error::illegal("reindex from a remote cluster is not supported"));
    }
    let from = names(source)?;
    if from.split(',').any(|name| name == dest.index) {
        return Err(invalid(&format!(
            "reindex cannot write into an index its reading from [{}]",
            dest.index
        )));
    }
    if let Some(size) = source.get("size") {
        scan.page = scan::count(size)?.clamp(1, 10_000);
    }
    if let Some(conflicts) = body.get("conflicts").and_then(Value::as_str) {
        scan.conflicts = Conflicts::named(conflicts)?;
    }
    let search: Map<String, Value> = source
        .iter()
        .filter(|(key, _)| matches!(key.as_str(), "query" | "_source" | "sort" | "slice"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let tally = scan.run(elastic, &from, search, &mut |found| {
        let index = place(elastic, &dest.index, dest.kind, Need::default())?;
        let routing = match dest.routing.as_deref() {
            None | Some("keep") => found.routing.clone(),
            Some("discard") => None,
            Some(value) => Some(value.trim_start_matches('=').to_owned()),
        };
        let condition = if dest.external {
            Condition::External { version: found.version, or_equal: false }
        } else {
            Condition::None
        };
        let doc = Doc {
            index,
            kind: dest.kind,
            id: Some(Cow::Owned(found.id.clone())),
            routing: routing.map(Cow::Owned),
            source: Cow::Owned(found.source.to_string().into_bytes()),
            condition,
        };
        crate::pipelines::prepared(elastic, doc, &dest.index, dest.pipeline.as_deref())
    })?;
    finish(elastic, call, &tally)
}

fn names(source: &Map<String, Value>) -> Result<String, Error> {
    let one = |value: &Value| value.as_str().map(str::to_owned);
    let names: Vec<String> = match source.get("index") {
        Some(Value::Array(list)) => list.iter().filter_map(one).collect(),
        Some(single) => one(single).into_iter().collect(),
        None => Vec::new(),
    };
    if names.is_empty() {
        return Err(invalid("use _all if you really want to copy from all existing indexes"));
    }
    Ok(names.join(","))
}

fn dest(body: &Map<String, Value>) -> Result<Dest, Error> {
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let kind = match text("op_type").as_deref() {
        None | Some("index") => Kind::Index,
        Some("create") => Kind::Create,
        Some(other) => {
            return Err(Error::illegal(format!(
                "opType must be 'create' or 'index', found: [{other}]"
            )));
        }
    };
    let external = match text("version_type").as_deref() {
        None | Some("internal") => false,
        Some("external" | "external_gt" | "external_gte") => true,
        Some(other) => return Err(Error::illegal(format!("No version type match [{other}]"))),
    };
    Ok(Dest {
        index: text("index").ok_or_else(|| invalid("index must be specified"))?,
        kind,
        pipeline: text("pipeline"),
        external,
        routing: text("routing"),
    })
}
