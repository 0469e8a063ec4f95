//! One document read by its identifier.

use std::sync::Arc;

use logs::store::{Document, Index};
use serde_json::{Map, Value, json};

use super::place::several;
use super::source::Filter;
use crate::error::Error;
use crate::rest::{Answer, Call, Content, Method};
use crate::{Elastic, resolve, routing};

/// What is wanted of a document.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) routing: Option<String>,
    /// `None`: everything, unless stored fields are asked for.
    pub(super) source: Option<Filter>,
    pub(super) stored: Vec<String>,
    pub(super) version: Option<i64>,
    pub(super) version_type: String,
}

impl Wanted {
    pub(super) fn of(call: &Call<'_>) -> Result<Self, Error> {
        let stored = call.params.list("stored_fields").unwrap_or_default();
        Ok(Self {
            routing: call.param("routing").map(str::to_owned),
            source: Filter::of_params(call),
            stored: stored.into_iter().map(str::to_owned).collect(),
            version: call.params.int("version")?,
            version_type: call.param("version_type").unwrap_or("internal").to_owned(),
        })
    }
}

/// The one index that `name` means.
pub(crate) fn one_index(elastic: &Elastic, name: &str) -> Result<Arc<Index>, Error> {
    let name = resolve::one_name(elastic, name)?;
    if name.starts_with('_') {
        return Err(resolve::invalid_name(&name, "must not start with '_'."));
    }
    let meta = elastic.meta();
    let indices = resolve::concrete(elastic, &meta, &name).ok_or_else(|| Error::no_index(&name))?;
    if indices.len() > 1 {
        return Err(several(&name, &indices));
    }
    let only = indices.first().and_then(|index| elastic.store.index(index));
    let index = only.ok_or_else(|| Error::no_index(&name))?;
    if resolve::closed(&index) {
        return Err(Error::new(400, "index_closed_exception", "closed").with("index", index.name()));
    }
    Ok(index)
}

/// The document, if it is there and `wanted` leads to it.
pub(crate) fn find(
    elastic: &Elastic,
    index: &Index,
    name: &str,
    id: &str,
    said: Option<&str>,
) -> Result<Option<Document>, Error> {
    let routing = routing::of_read(elastic, name, said)?;
    routing::check_required(index, Some(id), routing.as_deref())?;
    let found = index.get(id).map_err(|error| {
        Error::new(500, "exception", error.to_string()).with("index", index.name())
    })?;
    Ok(found.filter(|there| {
        routing::same_shard(index, id, there.routing.as_deref(), routing.as_deref())
    }))
}

/// `GET|HEAD /{index}/_doc/{id}`
pub(super) fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let wanted = Wanted::of(call)?;
    let (name, id) = (call.part("index"), call.part("id"));
    let index = match one_index(elastic, name) {
        Err(error) if error.status == 404 && call.request.method == Method::Head => {
            return Ok(Answer::empty(404));
        }
        index => index?,
    };
    let found = find(elastic, &index, name, id, wanted.routing.as_deref())?;
    let status = if found.is_some() { 200 } else { 404 };
    if call.request.method == Method::Head {
        return Ok(Answer::empty(status));
    }
    let body = shown(&index, id, found, &wanted)?;
    Ok(Answer::of(status, Content::Json(Value::Object(body))))
}

/// A document as `_doc` and `_mget` show it.
pub(super) fn shown(
    index: &Index,
    id: &str,
    found: Option<Document>,
    wanted: &Wanted,
) -> Result<Map<String, Value>, Error> {
    let mut out = Map::new();
    out.insert("_index".to_owned(), index.name().into());
    out.insert("_id".to_owned(), id.into());
    let Some(document) = found else {
        out.insert("found".to_owned(), false.into());
        return Ok(out);
    };
    check_version(index, id, &document, wanted)?;
    out.insert("_version".to_owned(), document.version.into());
    out.insert("_seq_no".to_owned(), document.seq.into());
    out.insert("_primary_term".to_owned(), 1.into());
    if let Some(routing) = &document.routing {
        out.insert("_routing".to_owned(), routing.clone().into());
    }
    out.insert("found".to_owned(), true.into());
    let source = parsed(&document)?;
    let fields = stored_fields(index, &source, &wanted.stored);
    let default = Filter {
        shown: wanted.stored.is_empty() || wanted.stored.iter().any(|one| one == "_source"),
        ..Filter::default()
    };
    let filter = wanted.source.as_ref().unwrap_or(&default);
    if filter.shown && source_enabled(index) {
        out.insert("_source".to_owned(), filter.apply(source));
    }
    if !fields.is_empty() {
        out.insert("fields".to_owned(), Value::Object(fields));
    }
    Ok(out)
}

fn check_version(
    index: &Index,
    id: &str,
    document: &Document,
    wanted: &Wanted,
) -> Result<(), Error> {
    let Some(version) = wanted.version else { return Ok(()) };
    let have = i64::try_from(document.version).unwrap_or(i64::MAX);
    let fits = match wanted.version_type.as_str() {
        "external_gte" => have >= version,
        _ => have == version,
    };
    if fits {
        return Ok(());
    }
    let reason = format!(
        "[{id}]: version conflict, current version [{have}] is different than the one provided [{version}]"
    );
    Err(Error::new(409, "version_conflict_engine_exception", reason)
        .with("index", index.name())
        .with("shard", "0")
        .with("index_uuid", index.uuid()))
}

pub(super) fn parsed(document: &Document) -> Result<Value, Error> {
    serde_json::from_slice(&document.source)
        .map_err(|error| Error::new(500, "exception", format!("a stored document: {error}")))
}

/// Whether the mapping lets `_source` be shown.
fn source_enabled(index: &Index) -> bool {
    let mapping = index.mapping();
    let enabled = mapping.meta.get("_source").and_then(|source| source.get("enabled"));
    enabled != Some(&Value::Bool(false))
}

/// Of the fields that are asked for those whose mapping says `store`, each as a list.
fn stored_fields(index: &Index, source: &Value, names: &[String]) -> Map<String, Value> {
    let mapping = index.mapping();
    let mut out = Map::new();
    for name in names {
        let stored = mapping
            .find(name)
            .is_some_and(|found| found.field.params.get("store") == Some(&Value::Bool(true)));
        if !stored {
            continue;
        }
        let value = name.split('.').try_fold(source, |at, key| at.get(key));
        if let Some(value) = value.filter(|value| !value.is_null()) {
            let list = if value.is_array() { value.clone() } else { json!([value]) };
            out.insert(name.clone(), list);
        }
    }
    out
}

/// `GET|HEAD /{index}/_source/{id}`
pub(super) fn source(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let wanted = Wanted::of(call)?;
    let filter = wanted.source.clone().unwrap_or_default();
    if !filter.shown {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: fetching source can not be disabled;",
        ));
    }
    let (name, id) = (call.part("index"), call.part("id"));
    let head = call.request.method == Method::Head;
    let index = match one_index(elastic, name) {
        Err(error) if error.status == 404 && head => return Ok(Answer::empty(404)),
        index => index?,
    };
    let found = find(elastic, &index, name, id, wanted.routing.as_deref())?;
    let found = found.filter(|_| source_enabled(&index));
    match found {
        None if head => Ok(Answer::empty(404)),
        None => {
            let reason = format!("Document not found [{}]/[{id}]", index.name());
            Err(Error::new(404, "resource_not_found_exception", reason))
        }
        Some(_) if head => Ok(Answer::empty(200)),
        Some(document) => {
            check_version(&index, id, &document, &wanted)?;
            Ok(Answer::json(filter.apply(parsed(&document)?)))
        }
    }
}
