//! Searches: bodies and parameters become the engine's queries and aggregations, what was found becomes JSON.

mod agg_out;
mod aggs;
mod analyze;
mod body;
mod caps;
mod context;
mod highlight;
mod hits;
mod intervals;
mod msearch;
mod opts;
mod pages;
mod query;
mod run;
mod sort;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

pub(crate) use context::Contexts;
pub(crate) use opts::{did_you_mean, parsing};
pub(crate) use query::Parser;
pub(crate) use run::{limits, search_error, targets};

use self::body::Ask;
use self::run::Look;
use crate::error::Error;
use crate::resolve::Options;
use crate::rest::Scope::Read;
use crate::rest::route::{DELETE, GET, GET_POST, INDICES, POST, Route, route};
use crate::rest::{Answer, Call};
use crate::{Elastic, docs};

/// Parameters of a search: those that choose documents, those that show them, those that only schedule it.
const SEARCH: &[&str] = &[
    "q",
    "df",
    "analyzer",
    "analyze_wildcard",
    "default_operator",
    "lenient",
    "from",
    "size",
    "sort",
    "_source",
    "_source_includes",
    "_source_excludes",
    "_source_include",
    "_source_exclude",
    "stored_fields",
    "docvalue_fields",
    "track_total_hits",
    "track_scores",
    "version",
    "seq_no_primary_term",
    "explain",
    "terminate_after",
    "timeout",
    "scroll",
    "rest_total_hits_as_int",
    "typed_keys",
    "preference",
    "routing",
    "search_type",
    "request_cache",
    "batched_reduce_size",
    "max_concurrent_shard_requests",
    "pre_filter_shard_size",
    "ccs_minimize_roundtrips",
    "allow_partial_search_results",
    "min_compatible_shard_node",
    "stats",
    "cancel_after_time_interval",
    "phase_took",
    "search_pipeline",
    "include_named_queries_score",
    "verbose_pipeline",
    "suggest_field",
    "suggest_mode",
    "suggest_size",
    "suggest_text",
    "force_synthetic_source",
];
/// Parameters of an asynchronous search.
const ASYNC: &[&str] = &["wait_for_completion_timeout", "keep_on_completion", "keep_alive"];
const QUERY: &[&str] = &[
    "q",
    "df",
    "analyzer",
    "analyze_wildcard",
    "default_operator",
    "lenient",
    "min_score",
    "preference",
    "routing",
    "terminate_after",
    "explain",
    "rewrite",
    "all_shards",
];

pub(crate) const ROUTES: &[Route] = &[
    route(GET_POST, "/_search", Read, &[SEARCH, INDICES], search),
    route(GET_POST, "/{index}/_search", Read, &[SEARCH, INDICES], search),
    route(POST, "/_async_search", Read, &[SEARCH, INDICES, ASYNC], async_search),
    route(POST, "/{index}/_async_search", Read, &[SEARCH, INDICES, ASYNC], async_search),
    route(GET, "/_async_search/{id}", Read, &[ASYNC], no_async),
    route(DELETE, "/_async_search/{id}", Read, &[], no_async),
    route(
        GET_POST,
        "/_msearch",
        Read,
        &[SEARCH, INDICES, &["max_concurrent_searches"]],
        msearch::msearch,
    ),
    route(
        GET_POST,
        "/{index}/_msearch",
        Read,
        &[SEARCH, INDICES, &["max_concurrent_searches"]],
        msearch::msearch,
    ),
    route(GET_POST, "/_count", Read, &[QUERY, INDICES], count),
    route(GET_POST, "/{index}/_count", Read, &[QUERY, INDICES], count),
    route(GET_POST, "/_validate/query", Read, &[QUERY, INDICES], validate),
    route(GET_POST, "/{index}/_validate/query", Read, &[QUERY, INDICES], validate),
    route(GET_POST, "/_search/scroll", Read, &[pages::SCROLL], pages::scroll),
    route(GET_POST, "/_search/scroll/{scroll_id}", Read, &[pages::SCROLL], pages::scroll),
    route(DELETE, "/_search/scroll", Read, &[&["scroll_id"]], pages::clear_scroll),
    route(DELETE, "/_search/scroll/{scroll_id}", Read, &[], pages::clear_scroll),
    route(POST, "/{index}/_search/point_in_time", Read, &[INDICES, pages::PIT], pages::open_pit),
    route(POST, "/{index}/_pit", Read, &[INDICES, pages::PIT], pages::open_pit),
    route(DELETE, "/_search/point_in_time", Read, &[], pages::close_pit),
    route(DELETE, "/_pit", Read, &[], pages::close_pit),
    route(GET, "/_search/point_in_time/_all", Read, &[], pages::all_pits),
    route(DELETE, "/_search/point_in_time/_all", Read, &[], pages::close_all_pits),
    route(GET_POST, "/_field_caps", Read, &[INDICES, caps::PARAMS], caps::field_caps),
    route(GET_POST, "/{index}/_field_caps", Read, &[INDICES, caps::PARAMS], caps::field_caps),
    route(GET_POST, "/_analyze", Read, &[analyze::PARAMS], analyze::analyze),
    route(GET_POST, "/{index}/_analyze", Read, &[analyze::PARAMS], analyze::analyze),
    route(GET_POST, "/_search/template", Read, &[SEARCH, INDICES], template),
    route(GET_POST, "/{index}/_search/template", Read, &[SEARCH, INDICES], template),
    route(GET_POST, "/_msearch/template", Read, &[SEARCH, INDICES], template),
    route(GET_POST, "/{index}/_msearch/template", Read, &[SEARCH, INDICES], template),
    route(GET_POST, "/_render/template", Read, &[], template),
];

/// Where the values of a `terms` query can be: in another document.
pub(crate) fn lookup(
    elastic: &Elastic,
) -> impl Fn(&str, &str, &str, Option<&str>) -> Result<Vec<Value>, Error> + '_ {
    |index, id, path, routing| {
        let found = docs::get::one_index(elastic, index)?;
        let Some(document) = docs::get::find(elastic, &found, index, id, routing)? else {
            return Ok(Vec::new());
        };
        let source: Value = serde_json::from_slice(&document.source)
            .map_err(|error| Error::new(500, "exception", error.to_string()))?;
        let mut values = Vec::new();
        hits::collect(&source, path, &mut values, 0);
        Ok(values.into_iter().cloned().collect())
    }
}

fn look(call: &Call<'_>) -> Result<Look, Error> {
    Ok(Look {
        typed_keys: call.flag("typed_keys", false)?,
        totals_as_int: call.flag("rest_total_hits_as_int", false)?,
        identity: call.request.identity,
        pages: false,
        shows_ties: false,
    })
}

/// `GET|POST /{index}/_search`
fn search(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    check_type(call.param("search_type"))?;
    let body = call.json()?;
    let lookup = lookup(elastic);
    let mut ask = Ask::read(body.as_ref(), &mut Parser::new(&lookup))?;
    ask.params(call)?;
    ask.check(call)?;
    if call.flag("rest_total_hits_as_int", false)?
        && body.as_ref().and_then(|body| body.get("track_total_hits")).is_none()
        && call.param("track_total_hits").is_none()
    {
        ask.request.track_total = logs::search::Track::Exactly;
    }
    if ask.pit.is_some() {
        return pages::with_pit(elastic, call, ask);
    }
    let shard_doc = body
        .as_ref()
        .and_then(|body| body.get("sort"))
        .is_some_and(|sort| sort.to_string().contains("\"_shard_doc\""));
    if shard_doc {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: _shard_doc is only supported with point-in-time (PIT). Add a PIT or remove _shard_doc.;",
        ));
    }
    let targets = targets(elastic, call.part("index"), Options::search().of(call)?)?;
    if let Some(keep) = call.param("scroll") {
        return pages::open_scroll(elastic, call, (targets, ask), keep);
    }
    let page = run::run(elastic, &targets, &ask, look(call)?)?;
    Ok(Answer::json(Value::Object(page.body)))
}

pub(crate) fn check_type(kind: Option<&str>) -> Result<(), Error> {
    match kind {
        None | Some("" | "query_then_fetch" | "dfs_query_then_fetch") => Ok(()),
        Some(other) => Err(Error::illegal(format!("No search type for [{other}]"))),
    }
}

/// The body of requests that have nothing but a query.
fn only_query(elastic: &Elastic, call: &Call<'_>) -> Result<Ask, Error> {
    let body = call.json()?;
    if let Some(Value::Object(map)) = &body
        && let Some(name) = map.keys().find(|name| *name != "query")
    {
        return Err(parsing(format!("request does not support [{name}]")));
    }
    let lookup = lookup(elastic);
    let mut ask = Ask::read(body.as_ref(), &mut Parser::new(&lookup))?;
    if let Some(query) = body::query_of(call)? {
        ask.request.query = query;
    }
    Ok(ask)
}

/// `GET|POST /{index}/_count`
fn count(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut ask = only_query(elastic, call)?;
    ask.request.size = 0;
    ask.request.track_total = logs::search::Track::Exactly;
    if let Some(score) = call.param("min_score") {
        ask.request.min_score = score.parse().ok();
    }
    if let Some(after) = call.params.int("terminate_after")? {
        ask.request.terminate_after = u64::try_from(after).ok().filter(|after| *after > 0);
    }
    let targets = targets(elastic, call.part("index"), Options::search().of(call)?)?;
    let page = run::run(elastic, &targets, &ask, Look { totals_as_int: true, ..look(call)? })?;
    let mut out = Map::new();
    let total = page.body.get("hits").and_then(|hits| hits.get("total")).cloned();
    out.insert("count".to_owned(), total.unwrap_or_default());
    if let Some(early) = page.body.get("terminated_early") {
        out.insert("terminated_early".to_owned(), early.clone());
    }
    out.insert("_shards".to_owned(), page.body.get("_shards").cloned().unwrap_or_default());
    Ok(Answer::json(Value::Object(out)))
}

/// `GET|POST /{index}/_validate/query`
fn validate(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let explain = call.flag("explain", false)? || call.flag("rewrite", false)?;
    let targets = targets(elastic, call.part("index"), Options::search().of(call)?)?;
    let shards = json!({"total": 1, "successful": 1, "failed": 0});
    let ask = match only_query(elastic, call) {
        Ok(ask) => ask,
        Err(error) => {
            let mut out = json!({"valid": false});
            if explain {
                out["error"] = format!("ParsingException[{}]; nested", error.reason).into();
            }
            return Ok(Answer::json(out));
        }
    };
    let mut explanations = Vec::new();
    let mut valid = true;
    for target in &targets {
        let bound = logs::search::Filter::bind(target, &ask.request.query, &limits(elastic, None));
        match bound {
            Ok(_) => explanations.push(json!({
                "index": target.index, "valid": true,
                "explanation": explanation(&ask.request.query, call),
            })),
            Err(error) => {
                valid = false;
                let error = if let logs::search::SearchError::Query { error, .. } = &error {
                    run::query_error(error)
                } else {
                    search_error(elastic, &targets, &error)
                };
                explanations.push(json!({
                    "index": target.index, "valid": false,
                    "error": format!("[{}] {}", target.index, error),
                }));
            }
        }
    }
    let mut out = json!({"_shards": shards, "valid": valid});
    if explain {
        out["explanations"] = explanations.into();
    }
    Ok(Answer::json(out))
}

/// A query in words: as the other server writes the commonest, else in the house language.
fn explanation(query: &logs::query::Query, call: &Call<'_>) -> String {
    let everything = matches!(query.node, logs::query::Node::MatchAll {});
    match (everything, call.is_elasticsearch()) {
        (true, true) => "*:*".to_owned(),
        (true, false) => {
            "ApproximateScoreQuery(originalQuery=*:*, approximationQuery=Approximate(*:*))"
                .to_owned()
        }
        (false, _) => query.to_string(),
    }
}

/// `POST /{index}/_async_search`: the answer is there when the request ends, so that nothing is kept.
fn async_search(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let start = elastic.clock.now_ms();
    let mut answer = search(elastic, call)?;
    if let crate::rest::Content::Json(response) = &mut answer.content {
        let response = response.take();
        let end = elastic.clock.now_ms();
        answer.content = crate::rest::Content::Json(json!({
            "is_partial": response.get("timed_out") == Some(&Value::Bool(true)),
            "is_running": false,
            "start_time_in_millis": start,
            "expiration_time_in_millis": end,
            "completion_time_in_millis": end,
            "response": response,
        }));
    }
    Ok(answer)
}

/// `GET|DELETE /_async_search/{id}`: none is ever kept.
fn no_async(_: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    Err(Error::new(404, "resource_not_found_exception", call.part("id")))
}

/// Search templates are not there.
fn template(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Err(Error::illegal("search templates are not supported"))
}
