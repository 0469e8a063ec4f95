//! `_mget`: several documents by their identifiers.

use serde_json::{Map, Value, json};

use super::get::{Wanted, find, one_index, shown};
use super::source::Filter;
use crate::Elastic;
use crate::error::Error;
use crate::rest::{Answer, Call};

/// Most documents of a request.
const DOCS_MAX: usize = 100_000;

/// `GET|POST /{index}/_mget`
pub(super) fn mget(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let body = call.required_json()?;
    let items = items(&body)?;
    if items.is_empty() {
        return Err(invalid(&["no documents to get".to_owned()]));
    }
    if items.len() > DOCS_MAX {
        return Err(Error::illegal(format!("more than {DOCS_MAX} documents")));
    }
    let mut problems = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if call.param("index").is_none() && item.get("_index").is_none() {
            problems.push(format!("index is missing for doc {at}"));
        }
        if item.get("_id").is_none() {
            problems.push(format!("id is missing for doc {at}"));
        }
    }
    if !problems.is_empty() {
        return Err(invalid(&problems));
    }
    let docs: Result<Vec<Value>, Error> =
        items.iter().map(|item| one(elastic, call, item)).collect();
    Ok(Answer::json(json!({ "docs": docs? })))
}

fn invalid(problems: &[String]) -> Error {
    let texts: Vec<String> =
        problems.iter().enumerate().map(|(at, text)| format!(" {}: {text};", at + 1)).collect();
    let reason = format!("Validation Failed:{}", texts.concat());
    Error::new(400, "action_request_validation_exception", reason)
}

fn items(body: &Value) -> Result<Vec<Map<String, Value>>, Error> {
    let mut out = Vec::new();
    for (key, value) in body.as_object().into_iter().flatten() {
        let list = value.as_array().ok_or_else(|| {
            Error::new(400, "parsing_exception", format!("[{key}] must be an array"))
        })?;
        for item in list {
            let item = match (key.as_str(), item) {
                ("docs", Value::Object(item)) => item.clone(),
                ("ids", id) => {
                    let mut item = Map::new();
                    item.insert("_id".to_owned(), id.clone());
                    item
                }
                _ => {
                    let reason =
                        format!("unknown key [{key}] for a START_ARRAY, expected [docs] or [ids]");
                    return Err(Error::new(400, "parsing_exception", reason));
                }
            };
            check_keys(&item)?;
            out.push(item);
        }
    }
    Ok(out)
}

fn check_keys(item: &Map<String, Value>) -> Result<(), Error> {
    const KNOWN: &[&str] = &[
        "_index",
        "_id",
        "_type",
        "routing",
        "stored_fields",
        "_source",
        "version",
        "version_type",
        "preference",
    ];
    match item.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Error::new(
            400,
            "action_request_validation_exception",
            format!("unknown key [{key}] for [docs] of _mget"),
        )),
    }
}

fn one(elastic: &Elastic, call: &Call<'_>, item: &Map<String, Value>) -> Result<Value, Error> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let id = item.get("_id").map(text).unwrap_or_default();
    let name = item.get("_index").map_or_else(|| call.part("index").to_owned(), text);
    let mut wanted = Wanted::of(call)?;
    if let Some(routing) = item.get("routing") {
        wanted.routing = Some(text(routing));
    }
    if let Some(source) = item.get("_source") {
        wanted.source = Some(Filter::of_body(source)?);
    }
    if let Some(stored) = item.get("stored_fields") {
        let filter = Filter::of_body(stored)?;
        wanted.stored = filter.includes;
    }
    if let Some(version) = item.get("version") {
        wanted.version = version.as_i64();
    }
    let found = one_index(elastic, &name).and_then(|index| {
        let found = find(elastic, &index, &name, &id, wanted.routing.as_deref())?;
        shown(&index, &id, found, &wanted)
    });
    Ok(match found {
        Ok(shown) => Value::Object(shown),
        Err(error) => {
            let error = error.body()["error"].take();
            json!({ "_index": name, "_id": id, "error": error })
        }
    })
}
