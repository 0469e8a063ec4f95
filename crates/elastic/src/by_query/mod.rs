//! `_delete_by_query`, `_update_by_query`, `_reindex`: what a search finds is written, page by page.
//!
//! The search is a scroll, so that what is written meanwhile is not found; each document is written on the condition that it is still the one that
//! was found. Nothing runs on after the answer: a request that does not wait is done before it is answered, and its result is kept for `_tasks/{id}`.

mod reindex;
mod scan;
mod tasks;

use std::borrow::Cow;

use logs::store::Condition;
use serde_json::{Map, Value, json};

pub(crate) use tasks::Tasks;

use crate::Elastic;
use crate::docs::{Doc, Kind};
use crate::error::Error;
use crate::rest::Scope::{Read, Write};
use crate::rest::route::{GET, INDICES, POST, TIMEOUTS, route};
use crate::rest::{Answer, Call, Content, Route};
use scan::{Conflicts, Found, Scan, Tally};

const BY_QUERY: &[&str] = &[
    "_source",
    "_source_excludes",
    "_source_includes",
    "analyze_wildcard",
    "analyzer",
    "conflicts",
    "default_operator",
    "df",
    "from",
    "lenient",
    "max_docs",
    "pipeline",
    "preference",
    "q",
    "refresh",
    "request_cache",
    "requests_per_second",
    "routing",
    "scroll",
    "scroll_size",
    "search_timeout",
    "search_type",
    "size",
    "slices",
    "sort",
    "stats",
    "terminate_after",
    "version",
    "wait_for_completion",
];

pub(crate) const ROUTES: &[Route] = &[
    route(POST, "/{index}/_delete_by_query", Write, &[TIMEOUTS, INDICES, BY_QUERY], delete),
    route(POST, "/{index}/_update_by_query", Write, &[TIMEOUTS, INDICES, BY_QUERY], update),
    route(POST, "/_reindex", Write, &[TIMEOUTS, BY_QUERY, &["require_alias"]], reindex::reindex),
    route(GET, "/_tasks/{task_id}", Read, &[TIMEOUTS, &["wait_for_completion"]], tasks::get),
    route(
        POST,
        "/_tasks/{task_id}/_cancel",
        Write,
        &[TIMEOUTS, &["wait_for_completion"]],
        tasks::cancel,
    ),
];

/// What the parameters and the body of a request by query say.
fn read(call: &Call<'_>, known: &[&str]) -> Result<(Map<String, Value>, Scan), Error> {
    let body = match call.json()? {
        Some(Value::Object(body)) => body,
        Some(_) => return Err(Error::new(400, "parsing_exception", "the body must be an object")),
        None => Map::new(),
    };
    if body.contains_key("script") {
        return Err(Error::illegal("scripts are not supported"));
    }
    if let Some(key) = body.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Error::new(
            400,
            "parsing_exception",
            format!("request does not support [{key}]"),
        ));
    }
    let mut scan = Scan::new(call)?;
    if let Some(conflicts) = body.get("conflicts") {
        scan.conflicts = Conflicts::named(conflicts.as_str().unwrap_or_default())?;
    }
    if let Some(max) = body.get("max_docs").or_else(|| body.get("size")) {
        scan.max = Some(scan::count(max)?);
    }
    Ok((body, scan))
}

/// The query of a body as a search wants it.
fn search_body(body: &Map<String, Value>) -> Map<String, Value> {
    let query = body.get("query").map(|query| ("query".to_owned(), query.clone()));
    query.into_iter().collect()
}

/// `POST /{index}/_delete_by_query`
fn delete(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let (body, scan) = read(call, &["query", "max_docs", "size", "conflicts", "slice", "sort"])?;
    if !body.contains_key("query") && call.param("q").is_none() {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: query is missing;",
        ));
    }
    let search = search_body(&body);
    let tally = scan.run(elastic, call.part("index"), search, &mut |found| {
        let index = there(elastic, found)?;
        crate::docs::check_writable(&index)?;
        Ok(Some(Doc {
            index,
            kind: Kind::Delete,
            id: Some(Cow::Owned(found.id.clone())),
            routing: found.routing.clone().map(Cow::Owned),
            source: Cow::Borrowed(&[]),
            condition: Condition::SeqNo { seq: found.seq, term: 1 },
        }))
    })?;
    finish(elastic, call, &tally)
}

/// `POST /{index}/_update_by_query`: each document is written again as it is, past its pipelines and today's mapping.
fn update(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let (body, scan) = read(call, &["query", "max_docs", "size", "conflicts", "slice", "sort"])?;
    let search = search_body(&body);
    let tally = scan.run(elastic, call.part("index"), search, &mut |found| {
        let index = there(elastic, found)?;
        crate::docs::check_writable(&index)?;
        let doc = Doc {
            index,
            kind: Kind::Index,
            id: Some(Cow::Owned(found.id.clone())),
            routing: found.routing.clone().map(Cow::Owned),
            source: Cow::Owned(found.source.to_string().into_bytes()),
            condition: Condition::SeqNo { seq: found.seq, term: 1 },
        };
        crate::pipelines::prepared(elastic, doc, &found.index, call.param("pipeline"))
    })?;
    finish(elastic, call, &tally)
}

fn there(elastic: &Elastic, found: &Found) -> Result<std::sync::Arc<logs::store::Index>, Error> {
    elastic.store.index(&found.index).ok_or_else(|| Error::no_index(&found.index))
}

/// The answer, or the task under which it is found.
fn finish(elastic: &Elastic, call: &Call<'_>, tally: &Tally) -> Result<Answer, Error> {
    let body = tally.json();
    if !call.flag("wait_for_completion", true)? {
        let task = elastic.tasks.add(elastic, &call.path, &body);
        return Ok(Answer::json(json!({ "task": task })));
    }
    let status = if tally.stopped { 409 } else { 200 };
    Ok(Answer::of(status, Content::Json(body)))
}
