//! Results page by page: scrolls and points in time.

use std::sync::Arc;

use logs::search::Target;
use serde_json::{Value, json};

use super::body::Ask;
use super::context::{Open, Scroll, keep_ms};
use super::opts::{Opts, parsing};
use super::run::{self, Look, Page};
use super::{look, targets};
use crate::Elastic;
use crate::error::Error;
use crate::resolve::Options;
use crate::rest::{Answer, Call};

pub(super) const SCROLL: &[&str] = &["scroll", "scroll_id", "rest_total_hits_as_int"];
pub(super) const PIT: &[&str] =
    &["keep_alive", "preference", "routing", "allow_partial_pit_creation"];

/// The first page of a scroll.
pub(super) fn open_scroll(
    elastic: &Elastic,
    call: &Call<'_>,
    (targets, ask): (Vec<Target>, Ask),
    keep: &str,
) -> Result<Answer, Error> {
    let keep = keep_ms(keep)?;
    let look = Look { pages: true, ..look(call)? };
    let mut ask = ask;
    // A scroll counts all of its hits.
    ask.request.track_total = logs::search::Track::Exactly;
    let page = run::run(elastic, &targets, &ask, look)?;
    let now = elastic.clock.now_ms();
    let last = page.last.clone();
    ask.aggs = None;
    ask.request.search_after = last.or(ask.request.search_after.take());
    let open = Open {
        targets: Arc::new(targets),
        expires_ms: now + keep,
        keep_ms: keep,
        created_ms: now,
        scroll: Some(Scroll { ask, look }),
        is_pit: false,
    };
    let id = elastic.contexts.lock().add(open, now)?;
    Ok(answer(page, ("_scroll_id", &id)))
}

/// An answer that begins with an identifier.
fn answer(page: Page, (name, id): (&str, &str)) -> Answer {
    let mut out = serde_json::Map::new();
    out.insert(name.to_owned(), id.into());
    out.extend(page.body);
    Answer::json(Value::Object(out))
}

/// `search_context_missing_exception`
fn missing(id: &str) -> Error {
    let text = format!("No search context found for id [{id}]");
    let root = json!([{"type": "search_context_missing_exception", "reason": text}]);
    Error::new(404, "search_phase_execution_exception", "all shards failed")
        .with("root_cause", root)
        .with("phase", "query")
        .with("grouped", true)
        .with("failed_shards", json!([{"shard": -1, "index": null, "reason": {"type": "search_context_missing_exception", "reason": text}}]))
        .caused_by(Error::new(404, "search_context_missing_exception", text))
}

/// The identifiers that a body or parameters name.
fn ids(call: &Call<'_>, member: &str) -> Result<Vec<String>, Error> {
    if let Some(Value::Object(map)) = call.json()? {
        let opts = Opts { owner: "scroll", map: &map };
        let known = [member, "scroll", "id", "pit_id", "rest_total_hits_as_int"];
        if let Some(name) = map.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(Error::illegal(format!(
                "Unknown parameter [{name}] in request body or parameter is of the wrong type"
            )));
        }
        if let Some(ids) = opts.texts(member)? {
            return Ok(ids);
        }
        if let Some(id) = opts.text("id")? {
            return Ok(vec![id]);
        }
    }
    let list = call.params.list(member).unwrap_or_default();
    Ok(list.into_iter().map(str::to_owned).collect())
}

/// `GET|POST /_search/scroll`
pub(super) fn scroll(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let id = ids(call, "scroll_id")?.pop().ok_or_else(|| {
        Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: scrollId is missing;",
        )
    })?;
    let body = call.json()?;
    let asked = body.as_ref().and_then(|body| body.get("scroll")).and_then(Value::as_str);
    let keep = asked.or_else(|| call.param("scroll")).map(keep_ms).transpose()?;
    let now = elastic.clock.now_ms();
    let (targets, mut scroll, keep) = {
        let mut contexts = elastic.contexts.lock();
        let open = contexts.get(&id, now).ok_or_else(|| missing(&id))?;
        let scroll = open.scroll.take().ok_or_else(|| missing(&id))?;
        open.keep_ms = keep.unwrap_or(open.keep_ms);
        open.expires_ms = now + open.keep_ms;
        (Arc::clone(&open.targets), scroll, open.keep_ms)
    };
    let look = Look { totals_as_int: call.flag("rest_total_hits_as_int", false)?, ..scroll.look };
    let page = run::run(elastic, &targets, &scroll.ask, look);
    if let Ok(page) = &page
        && page.last.is_some()
    {
        scroll.ask.request.search_after.clone_from(&page.last);
    }
    if let Some(open) = elastic.contexts.lock().get(&id, now) {
        open.scroll = Some(scroll);
        open.expires_ms = elastic.clock.now_ms() + keep;
    }
    Ok(answer(page?, ("_scroll_id", &id)))
}

/// `DELETE /_search/scroll`
pub(super) fn clear_scroll(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let ids = ids(call, "scroll_id")?;
    if ids.is_empty() {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: no scroll ids specified;",
        ));
    }
    let ids: Vec<&str> = ids.iter().flat_map(|id| id.split(',')).collect();
    let mut contexts = elastic.contexts.lock();
    let freed = if ids == ["_all"] {
        contexts.remove_all(false).len()
    } else {
        ids.iter().filter(|id| contexts.remove(id)).count()
    };
    let status = if freed == 0 && ids != ["_all"] { 404 } else { 200 };
    let out = json!({"succeeded": true, "num_freed": freed});
    Ok(Answer::json(out).with_status(status))
}

/// `POST /{index}/_search/point_in_time`, `POST /{index}/_pit`
pub(super) fn open_pit(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let keep = call.param("keep_alive").ok_or_else(|| {
        Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: keep alive not specified;",
        )
    })?;
    let keep = keep_ms(keep)?;
    let targets = targets(elastic, call.part("index"), Options::search().of(call)?)?;
    let total = run::shards(elastic, &targets);
    let now = elastic.clock.now_ms();
    let open = Open {
        targets: Arc::new(targets),
        expires_ms: now + keep,
        keep_ms: keep,
        created_ms: now,
        scroll: None,
        is_pit: true,
    };
    let id = elastic.contexts.lock().add(open, now)?;
    let shards = json!({"total": total, "successful": total, "skipped": 0, "failed": 0});
    // Both names: `pit_id` is OpenSearch's, `id` is Elasticsearch's.
    Ok(Answer::json(if call.path.ends_with("/_pit") {
        json!({"id": id, "_shards": shards})
    } else {
        json!({"pit_id": id, "_shards": shards, "creation_time": now})
    }))
}

/// A search over a point in time.
pub(super) fn with_pit(elastic: &Elastic, call: &Call<'_>, ask: Ask) -> Result<Answer, Error> {
    if !call.part("index").is_empty() {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: [indices] cannot be used with point in time;",
        ));
    }
    let id = ask.pit.clone().unwrap_or_default();
    let now = elastic.clock.now_ms();
    let targets = {
        let mut contexts = elastic.contexts.lock();
        let open = contexts.get(&id, now).filter(|open| open.is_pit).ok_or_else(|| missing(&id))?;
        if let Some(keep) = &ask.pit_keep_alive {
            open.keep_ms = keep_ms(keep)?;
        }
        open.expires_ms = now + open.keep_ms;
        Arc::clone(&open.targets)
    };
    let sorted = !ask.request.sort.is_empty();
    let look = Look { pages: sorted, shows_ties: sorted, ..look(call)? };
    let mut ask = ask;
    if let Some(after) = &mut ask.request.search_after
        && sorted
        && after.len() == ask.request.sort.len()
        && !ask.request.sort.iter().any(|sort| sort.by == logs::search::SortBy::Doc)
    {
        // Without the last value: behind all rows that are alike.
        after.push(i64::MAX.into());
    }
    let page = run::run(elastic, &targets, &ask, look)?;
    Ok(answer(page, ("pit_id", &id)))
}

/// `DELETE /_search/point_in_time`, `DELETE /_pit`
pub(super) fn close_pit(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let ids = ids(call, "pit_id")?;
    if ids.is_empty() {
        return Err(parsing("[pit_id] cannot be empty"));
    }
    let mut contexts = elastic.contexts.lock();
    let freed: Vec<(String, bool)> = ids
        .into_iter()
        .map(|id| {
            let there = contexts.remove(&id);
            (id, there)
        })
        .collect();
    if call.path.ends_with("/_pit") {
        let count = freed.iter().filter(|(_, there)| *there).count();
        let status = if count == 0 { 404 } else { 200 };
        return Ok(
            Answer::json(json!({"succeeded": count > 0, "num_freed": count})).with_status(status)
        );
    }
    let list: Vec<Value> =
        freed.iter().map(|(id, there)| json!({"pit_id": id, "successful": there})).collect();
    Ok(Answer::json(json!({ "pits": list })))
}

/// `GET /_search/point_in_time/_all`
pub(super) fn all_pits(elastic: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    let mut contexts = elastic.contexts.lock();
    contexts.sweep(elastic.clock.now_ms());
    let list: Vec<Value> = contexts
        .pits()
        .map(|(id, open)| {
            json!({"pit_id": id, "creation_time": open.created_ms, "keep_alive": open.keep_ms})
        })
        .collect();
    Ok(Answer::json(json!({ "pits": list })))
}

/// `DELETE /_search/point_in_time/_all`
pub(super) fn close_all_pits(elastic: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    let ids = elastic.contexts.lock().remove_all(true);
    let list: Vec<Value> = ids.iter().map(|id| json!({"pit_id": id, "successful": true})).collect();
    Ok(Answer::json(json!({ "pits": list })))
}
