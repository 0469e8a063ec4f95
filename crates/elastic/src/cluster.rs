//! `_cluster`: health, state, settings, figures. There is one node, and what is there is there: it is always green.

use logs::mapping::simple_match;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::identity;
use crate::indices::shards;
use crate::meta::Kind;
use crate::resolve::{self, Expand, Options};
use crate::rest::Scope::{Admin, Read};
use crate::rest::route::{GET, INDICES, PUT, TIMEOUTS, route};
use crate::rest::{Answer, Call, Content, Route};
use crate::{Elastic, routing, settings, stats};

const HEALTH: &[&str] = &[
    "awareness_attribute",
    "ensure_node_commissioned",
    "level",
    "wait_for_events",
    "wait_for_no_relocating_shards",
    "wait_for_no_initializing_shards",
    "wait_for_nodes",
    "wait_for_status",
];
const STATE: &[&str] = &["flat_settings", "wait_for_metadata_version", "wait_for_timeout"];

pub(crate) const ROUTES: &[Route] = &[
    route(GET, "/_cluster/health", Read, &[TIMEOUTS, INDICES, HEALTH], health),
    route(GET, "/_cluster/health/{index}", Read, &[TIMEOUTS, INDICES, HEALTH], health),
    route(GET, "/_cluster/state", Read, &[TIMEOUTS, INDICES, STATE], state),
    route(GET, "/_cluster/state/{metric}", Read, &[TIMEOUTS, INDICES, STATE], state),
    route(GET, "/_cluster/state/{metric}/{index}", Read, &[TIMEOUTS, INDICES, STATE], state),
    route(
        GET,
        "/_cluster/settings",
        Read,
        &[TIMEOUTS, &["flat_settings", "include_defaults"]],
        get_settings,
    ),
    route(PUT, "/_cluster/settings", Admin, &[TIMEOUTS, &["flat_settings"]], put_settings),
    route(
        GET,
        "/_cluster/stats",
        Read,
        &[TIMEOUTS, &["flat_settings", "include_remotes"]],
        figures,
    ),
    route(GET, "/_cluster/pending_tasks", Read, &[TIMEOUTS], pending),
];

/// The shards of all indices.
pub(crate) fn shard_count(elastic: &Elastic) -> u64 {
    elastic.store.indices().iter().map(|index| shards(index).0).sum()
}

/// `GET /_cluster/health/{index}`
fn health(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let expand = Expand { open: true, closed: true, hidden: true };
    let lenient = Options { ignore_unavailable: true, expand, ..Options::admin() };
    let options = lenient.of(call)?;
    let targets = resolve::targets(elastic, call.part("index"), options)?;
    let active: u64 = targets.iter().map(|target| shards(&target.index).0).sum();
    let mut reached = wait_fits(call, active)?;
    // A name that is waited for and does not come.
    let names = call.params.list("index").unwrap_or_default();
    reached &= !names.iter().any(|name| !name.contains('*')) || !targets.is_empty();
    let of = |active: u64| {
        json!({
            "active_primary_shards": active,
            "active_shards": active,
            "relocating_shards": 0,
            "initializing_shards": 0,
            "unassigned_shards": 0,
        })
    };
    let mut body = json!({
        "cluster_name": elastic.options.cluster_name,
        "status": if reached || !targets.is_empty() || names.is_empty() { "green" } else { "red" },
        "timed_out": !reached,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "discovered_master": true,
        "discovered_cluster_manager": true,
    });
    extend(&mut body, of(active));
    extend(
        &mut body,
        json!({
            "delayed_unassigned_shards": 0,
            "number_of_pending_tasks": 0,
            "number_of_in_flight_fetch": 0,
            "task_max_waiting_in_queue_millis": 0,
            "active_shards_percent_as_number": 100.0,
        }),
    );
    if matches!(call.param("level"), Some("indices" | "shards")) {
        let mut indices = Map::new();
        for target in &targets {
            let (count, copies) = shards(&target.index);
            let mut one = json!({ "status": "green", "number_of_shards": count, "number_of_replicas": copies - 1 });
            extend(&mut one, of(count));
            indices.insert(target.index.name().to_owned(), one);
        }
        body["indices"] = Value::Object(indices);
    }
    let status = if reached { 200 } else { 408 };
    Ok(Answer::of(status, Content::Json(body)))
}

pub(crate) fn extend(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

/// Whether what is waited for is so. It is so now or never: we do not wait.
fn wait_fits(call: &Call<'_>, active: u64) -> Result<bool, Error> {
    if let Some(status) = call.param("wait_for_status")
        && !matches!(status.to_ascii_lowercase().as_str(), "green" | "yellow" | "red")
    {
        return Err(Error::illegal(format!("unknown cluster health status [{status}]")));
    }
    let mut fits = true;
    if let Some(wanted) = call.param("wait_for_active_shards").filter(|wanted| *wanted != "all") {
        let wanted: u64 = wanted
            .parse()
            .map_err(|_| Error::illegal(format!("cannot parse ActiveShardCount[{wanted}]")))?;
        fits &= active >= wanted;
    }
    if let Some(wanted) = call.param("wait_for_nodes") {
        let digits = wanted.trim_matches(|letter: char| !letter.is_ascii_digit());
        let number: u64 = digits.parse().map_err(|_| {
            Error::illegal(format!("Failed to parse [{wanted}] for wait_for_nodes"))
        })?;
        fits &= match wanted
            .trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == ')')
            .trim_end_matches('(')
        {
            ">=" | "ge" => 1 >= number,
            "<=" | "le" => 1 <= number,
            ">" | "gt" => 1 > number,
            "<" | "lt" => 1 < number,
            _ => number == 1,
        };
    }
    Ok(fits)
}

/// `GET /_cluster/state/{metric}/{index}`: what Dashboards and monitors look at.
fn state(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let metrics = call.params.list("metric").unwrap_or_default();
    let wanted = |name: &str| {
        metrics.is_empty() || metrics.iter().any(|metric| *metric == "_all" || *metric == name)
    };
    let node = &elastic.cluster_uuid;
    let mut body = json!({
        "cluster_name": elastic.options.cluster_name,
        "cluster_uuid": elastic.cluster_uuid,
    });
    if wanted("version") {
        extend(&mut body, json!({ "version": 1, "state_uuid": elastic.cluster_uuid }));
    }
    if wanted("master_node") {
        body["master_node"] = node.clone().into();
    }
    if wanted("cluster_manager_node") {
        body["cluster_manager_node"] = node.clone().into();
    }
    if wanted("blocks") {
        body["blocks"] = json!({});
    }
    if wanted("nodes") {
        body["nodes"] = json!({ node: { "name": elastic.options.node_name, "ephemeral_id": node,
            "transport_address": "127.0.0.1:9300", "attributes": {} } });
    }
    if wanted("metadata") {
        body["metadata"] = metadata(elastic, call)?;
    }
    if wanted("routing_table") {
        body["routing_table"] = json!({ "indices": {} });
    }
    Ok(Answer::json(body))
}

fn metadata(elastic: &Elastic, call: &Call<'_>) -> Result<Value, Error> {
    let expand = Expand { open: true, closed: true, hidden: true };
    let options = Options { expand, ..Options::admin() }.of(call)?;
    let meta = elastic.meta();
    let is_flat = call.flag("flat_settings", false)?;
    let mut indices = Map::new();
    for target in resolve::targets(elastic, call.part("index"), options)? {
        let index = &target.index;
        let (count, copies) = shards(index);
        let said = index
            .settings()
            .get("index.number_of_routing_shards")
            .and_then(|v| v.as_str()?.parse().ok());
        let mut shown = index.settings();
        shown.remove(settings::CLOSED);
        let aliases: Vec<&String> =
            meta.aliases_of(index.name()).into_iter().flat_map(Map::keys).collect();
        indices.insert(
            index.name().to_owned(),
            json!({
                "version": 1,
                "state": if resolve::closed(index) { "close" } else { "open" },
                "settings": settings::shown(&shown, is_flat),
                "mappings": { "_doc": index.mapping().to_json() },
                "aliases": aliases,
                "routing_num_shards": said.unwrap_or_else(|| routing::routing_shards(count)),
                "in_sync_allocations": {},
                "number_of_replicas": copies - 1,
            }),
        );
    }
    let templates: Map<String, Value> =
        meta.all(Kind::Template).map(|(name, body)| (name.clone(), (**body).clone())).collect();
    Ok(json!({ "cluster_uuid": elastic.cluster_uuid, "templates": templates, "indices": indices }))
}

/// `GET /_cluster/settings`
fn get_settings(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let meta = elastic.meta();
    let kept = meta.get(Kind::Cluster, "settings");
    let is_flat = call.flag("flat_settings", false)?;
    let part = |name: &str| {
        let flat = kept.and_then(|kept| kept.get(name)?.as_object().cloned()).unwrap_or_default();
        settings::shown(&flat, is_flat)
    };
    let mut body = json!({ "persistent": part("persistent"), "transient": part("transient") });
    if call.flag("include_defaults", false)? {
        body["defaults"] = settings::shown(&defaults(), is_flat);
    }
    Ok(Answer::json(body))
}

fn defaults() -> settings::Flat {
    let pairs = [
        ("action.auto_create_index", "true"),
        ("action.destructive_requires_name", "false"),
        ("cluster.name", "mangru"),
        ("http.max_content_length", "100mb"),
        ("search.max_buckets", "65535"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// Settings of the cluster that are kept.
const KNOWN: &[&str] = &[
    "action.*",
    "cluster.*",
    "indices.*",
    "logger.*",
    "network.*",
    "opendistro.*",
    "plugins.*",
    "persistent_tasks.*",
    "search.*",
    "script.*",
    "ingest.*",
    "xpack.*",
];

/// `PUT /_cluster/settings`
fn put_settings(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let body = call.required_json()?;
    let changing = elastic.change();
    let meta = elastic.meta();
    let mut kept =
        meta.get(Kind::Cluster, "settings").map_or_else(|| json!({}), |kept| (**kept).clone());
    let is_flat = call.flag("flat_settings", false)?;
    let mut answer = json!({ "acknowledged": true, "persistent": {}, "transient": {} });
    let mut any = false;
    for (part, value) in body.as_object().into_iter().flatten() {
        if !matches!(part.as_str(), "persistent" | "transient") {
            return Err(Error::illegal(format!(
                "unknown part [{part}]: persistent and transient are known"
            )));
        }
        let flat = settings::flat(value)?;
        let mut have = kept.get(part).and_then(Value::as_object).cloned().unwrap_or_default();
        let mut shown = settings::Flat::new();
        for (name, value) in flat {
            any = true;
            // Settings of the cluster have no `index.` before them.
            let name = name.strip_prefix("index.").unwrap_or(&name).to_owned();
            if !KNOWN.iter().any(|pattern| simple_match(pattern, &name)) {
                return Err(Error::illegal(format!("{part} setting [{name}], not recognized")));
            }
            if value.is_null() {
                have.retain(|have, _| !simple_match(&name, have));
            } else {
                shown.insert(name.clone(), value.clone());
                have.insert(name, value);
            }
        }
        kept[part] = Value::Object(have);
        answer[part] = settings::shown(&shown, is_flat);
    }
    if !any {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: no settings to update;",
        ));
    }
    elastic.put(&changing, Kind::Cluster, "settings", Some(kept))?;
    Ok(Answer::json(answer))
}

/// `GET /_cluster/stats`
fn figures(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let indices = elastic.store.indices();
    let (mut docs, mut deleted, mut bytes, mut segments) = (0, 0, 0, 0);
    for index in &indices {
        let of = stats::of(index);
        docs += of.docs;
        deleted += of.deleted;
        bytes += stats::bytes(&of);
        segments += of.segments;
    }
    let shards = shard_count(elastic);
    Ok(Answer::json(json!({
        "_nodes": { "total": 1, "successful": 1, "failed": 0 },
        "cluster_name": elastic.options.cluster_name,
        "cluster_uuid": elastic.cluster_uuid,
        "timestamp": elastic.clock.now_ms(),
        "status": "green",
        "indices": {
            "count": indices.len(),
            "shards": { "total": shards, "primaries": shards, "replication": 0.0 },
            "docs": { "count": docs, "deleted": deleted },
            "store": { "size_in_bytes": bytes, "reserved_in_bytes": 0 },
            "fielddata": { "memory_size_in_bytes": 0, "evictions": 0 },
            "query_cache": { "memory_size_in_bytes": 0, "total_count": 0, "hit_count": 0, "miss_count": 0,
                "cache_size": 0, "cache_count": 0, "evictions": 0 },
            "completion": { "size_in_bytes": 0 },
            "segments": { "count": segments, "memory_in_bytes": 0 },
        },
        "nodes": {
            "count": { "total": 1, "data": 1, "master": 1, "ingest": 1, "coordinating_only": 0 },
            "versions": [identity::version(call.request.identity)],
        },
    })))
}

/// `GET /_cluster/pending_tasks`
fn pending(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(Answer::json(json!({ "tasks": [] })))
}
