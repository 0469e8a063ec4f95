//! `_ingest`.

use serde_json::{Map, Value, json};

use super::find;
use crate::Elastic;
use crate::error::Error;
use crate::ingest::{self, Pipeline};
use crate::meta::Kind;
use crate::rest::{Answer, Call, acknowledged};
use crate::templates::asked;

/// Most pipelines.
pub(super) const PIPELINES_MAX: usize = 1_000;

/// `GET /_ingest/pipeline/{id}`
pub(super) fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("id").unwrap_or_default();
    let summary = call.flag("summary", false)?;
    let mut found = Map::new();
    for (id, definition) in elastic.meta().all(Kind::Pipeline) {
        if asked(&names, id) {
            let shown = if summary { json!({}) } else { definition.as_ref().clone() };
            found.insert(id.clone(), shown);
        }
    }
    let missing = found.is_empty() && names.iter().any(|name| !name.contains('*'));
    Ok(Answer::json(Value::Object(found)).with_status(if missing { 404 } else { 200 }))
}

/// `PUT /_ingest/pipeline/{id}`
pub(super) fn put(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let id = call.part("id");
    if id.contains(['*', ',']) || id == "_none" {
        let text = format!("pipeline [{id}]: a name has no [*] or [,], and is not [_none]");
        return Err(Error::illegal(text));
    }
    let definition = call.required_json()?;
    Pipeline::parse(id, &definition)?;
    let changing = elastic.change();
    let meta = elastic.meta();
    if meta.get(Kind::Pipeline, id).is_none() && meta.all(Kind::Pipeline).count() >= PIPELINES_MAX {
        return Err(Error::illegal(format!("there are {PIPELINES_MAX} pipelines already")));
    }
    elastic.put(&changing, Kind::Pipeline, id, Some(definition))?;
    Ok(acknowledged())
}

/// `DELETE /_ingest/pipeline/{id}`
pub(super) fn delete(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let wanted = call.part("id");
    let changing = elastic.change();
    let meta = elastic.meta();
    let found: Vec<&String> =
        meta.all(Kind::Pipeline).map(|(id, _)| id).filter(|id| asked(&[wanted], id)).collect();
    if found.is_empty() && wanted != "*" {
        let text = format!("pipeline [{wanted}] is missing");
        return Err(Error::new(404, "resource_not_found_exception", text));
    }
    for id in found {
        elastic.put(&changing, Kind::Pipeline, id, None)?;
    }
    Ok(acknowledged())
}

/// `POST /_ingest/pipeline/{id}/_simulate`
pub(super) fn simulate(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let body = call.required_json()?;
    let verbose = call.flag("verbose", false)?;
    let pipeline = match call.param("id") {
        None => None,
        Some(id) => {
            let missing = || Error::illegal(format!("pipeline [{id}] does not exist"));
            Some(find(elastic, id).ok_or_else(missing)?)
        }
    };
    let lookup = |id: &str| find(elastic, id);
    ingest::simulate(pipeline, &body, verbose, &lookup, elastic.clock.now_ms()).map(Answer::json)
}

/// `GET /_ingest/processor/grok`
pub(super) fn grok(_: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    // They are in order anyway.
    call.flag("s", false)?;
    if call.param("ecs_compatibility").is_some_and(|mode| mode != "disabled") {
        return Err(Error::illegal("[ecs_compatibility] only 'disabled' is there"));
    }
    let patterns = ingest::grok_patterns().iter();
    let patterns: Map<String, Value> =
        patterns.map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect();
    Ok(Answer::json(json!({ "patterns": patterns })))
}
