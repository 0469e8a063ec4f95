//! `_refresh`, `_flush`, `_forcemerge`, `_cache/clear`, `_stats`.

use serde_json::{Map, Value, json};

use crate::Elastic;
use crate::error::Error;
use crate::resolve::{self, Options};
use crate::rest::{Answer, Call};

use super::shards_json;

/// `_refresh` and `_cache/clear`: what is acknowledged is searchable already.
pub(super) fn refresh(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let options = Options::search().of(call)?;
    let targets = resolve::targets(elastic, call.part("index"), options)?;
    let shards = shards_json(targets.iter().map(|target| &*target.index));
    Ok(Answer::json(json!({ "_shards": shards })))
}

/// `_flush`: what is in memory (and in the log) becomes segments.
pub(super) fn flush(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let force = call.flag("force", false)?;
    if force && !call.flag("wait_if_ongoing", true)? {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: wait_if_ongoing must be true for a force flush;",
        ));
    }
    let options = Options::search().of(call)?;
    for target in resolve::targets(elastic, call.part("index"), options)? {
        elastic.store.flush(Some(&target.index)).map_err(|e| crate::error::store(&e))?;
    }
    refresh(elastic, call)
}

/// `_forcemerge`: compaction goes on by itself; nothing is left to ask for.
pub(super) fn force_merge(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    call.params.int("max_num_segments")?;
    if call.flag("only_expunge_deletes", false)? && call.param("max_num_segments").is_some() {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: cannot set only_expunge_deletes and max_num_segments at the same time, those two parameters are mutually exclusive;",
        ));
    }
    refresh(elastic, call)
}

/// `_stats`: documents and bytes; what else there is in Elasticsearch counts nothing here.
pub(super) fn stats(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let options = Options::search().of(call)?;
    let targets = resolve::targets(elastic, call.part("index"), options)?;
    let metrics = call.params.list("metric").unwrap_or_default();
    let wanted = |name: &str| {
        metrics.is_empty() || metrics.iter().any(|metric| *metric == "_all" || *metric == name)
    };
    let mut indices = Map::new();
    let (mut docs, mut deleted, mut bytes) = (0, 0, 0);
    for target in &targets {
        let stats = crate::stats::of(&target.index);
        docs += stats.docs;
        deleted += stats.deleted;
        bytes += crate::stats::bytes(&stats);
        let figures = figures((stats.docs, stats.deleted, crate::stats::bytes(&stats)), &wanted);
        indices.insert(
            target.index.name().to_owned(),
            json!({ "uuid": target.index.uuid(), "health": "green",
                "status": if resolve::closed(&target.index) { "close" } else { "open" },
                "primaries": figures, "total": figures }),
        );
    }
    let all = figures((docs, deleted, bytes), &wanted);
    let shards = shards_json(targets.iter().map(|target| &*target.index));
    let mut out = json!({ "_shards": shards, "_all": { "primaries": all, "total": all } });
    if call.param("level") != Some("cluster") {
        out["indices"] = Value::Object(indices);
    }
    Ok(Answer::json(out))
}

fn figures((docs, deleted, bytes): (u64, u64, u64), wanted: &dyn Fn(&str) -> bool) -> Value {
    let all = json!({
        "docs": { "count": docs, "deleted": deleted },
        "store": { "size_in_bytes": bytes, "reserved_in_bytes": 0 },
        "indexing": { "index_total": docs, "index_time_in_millis": 0, "index_current": 0, "index_failed": 0,
            "delete_total": deleted, "delete_time_in_millis": 0, "delete_current": 0, "noop_update_total": 0,
            "is_throttled": false, "throttle_time_in_millis": 0 },
        "get": { "total": 0, "time_in_millis": 0, "exists_total": 0, "exists_time_in_millis": 0, "missing_total": 0,
            "missing_time_in_millis": 0, "current": 0 },
        "search": { "open_contexts": 0, "query_total": 0, "query_time_in_millis": 0, "query_current": 0, "fetch_total": 0,
            "fetch_time_in_millis": 0, "fetch_current": 0, "scroll_total": 0, "scroll_time_in_millis": 0,
            "scroll_current": 0 },
        "merges": { "current": 0, "current_docs": 0, "current_size_in_bytes": 0, "total": 0, "total_time_in_millis": 0,
            "total_docs": 0, "total_size_in_bytes": 0 },
        "refresh": { "total": 0, "total_time_in_millis": 0 },
        "flush": { "total": 0, "periodic": 0, "total_time_in_millis": 0 },
        "segments": { "count": 0, "memory_in_bytes": 0 },
        "translog": { "operations": 0, "size_in_bytes": 0 },
    });
    let Value::Object(map) = all else { return Value::Null };
    let names: Map<String, Value> = map
        .into_iter()
        .filter(|(name, _)| wanted(if name == "merges" { "merge" } else { name }))
        .collect();
    Value::Object(names)
}
