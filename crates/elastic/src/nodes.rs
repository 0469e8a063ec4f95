//! `_nodes`, `_license`, `_xpack`, and what else clients ask for before they begin.

use serde_json::{Value, json};

use crate::error::Error;
use crate::rest::Scope::{Admin, Read};
use crate::rest::route::{GET, GET_HEAD, POST, TIMEOUTS, route};
use crate::rest::{Answer, Call, Route};
use crate::{Elastic, identity, stats};

const NODES: &[&str] = &[
    "flat_settings",
    "completion_fields",
    "fielddata_fields",
    "fields",
    "groups",
    "level",
    "types",
    "include_segment_file_sizes",
    "include_unloaded_segments",
];

pub(crate) const ROUTES: &[Route] = &[
    route(GET, "/_nodes", Read, &[TIMEOUTS, NODES], info),
    route(GET, "/_nodes/{node}", Read, &[TIMEOUTS, NODES], info),
    route(GET, "/_nodes/{node}/{metric}", Read, &[TIMEOUTS, NODES], info),
    route(GET, "/_nodes/stats", Read, &[TIMEOUTS, NODES], figures),
    route(GET, "/_nodes/stats/{metric}", Read, &[TIMEOUTS, NODES], figures),
    route(GET, "/_nodes/stats/{metric}/{index_metric}", Read, &[TIMEOUTS, NODES], figures),
    route(GET, "/_nodes/{node}/stats", Read, &[TIMEOUTS, NODES], figures),
    route(GET, "/_nodes/{node}/stats/{metric}", Read, &[TIMEOUTS, NODES], figures),
    route(GET_HEAD, "/_license", Read, &[&["accept_enterprise", "local"]], license),
    route(GET, "/_xpack", Read, &[&["categories", "accept_enterprise"]], xpack),
    route(GET, "/_xpack/license", Read, &[&["local"]], license),
    route(GET, "/_security/_authenticate", Read, &[], authenticate),
    route(POST, "/_security/user/_has_privileges", Read, &[], privileges),
    route(GET, "/_plugins/_security/api/account", Read, &[], account),
    route(
        GET,
        "/_tasks",
        Read,
        &[
            TIMEOUTS,
            &["actions", "detailed", "group_by", "nodes", "parent_task_id", "wait_for_completion"],
        ],
        tasks,
    ),
    route(GET, "/_snapshot", Read, &[TIMEOUTS], snapshots),
    route(GET, "/_remote/info", Read, &[], empty),
    route(GET, "/_ssl/certificates", Admin, &[], certificates),
];

/// The address that the client reached us at: what sniffing clients may go on with.
fn address(call: &Call<'_>) -> String {
    match call.request.host {
        "" => "127.0.0.1:9200".to_owned(),
        host if host.contains(':') => host.to_owned(),
        host => format!("{host}:9200"),
    }
}

fn head(elastic: &Elastic, node: &Value) -> Value {
    json!({
        "_nodes": { "total": 1, "successful": 1, "failed": 0 },
        "cluster_name": elastic.options.cluster_name,
        "nodes": { elastic.cluster_uuid.clone(): node },
    })
}

/// `GET /_nodes/{node}/{metric}`
fn info(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let address = address(call);
    let ip = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    let version = identity::version(call.request.identity);
    Ok(Answer::json(head(
        elastic,
        &json!({
            "name": elastic.options.node_name,
            "transport_address": "127.0.0.1:9300",
            "host": ip,
            "ip": ip,
            "version": version,
            "build_flavor": "default",
            "build_type": "tar",
            "roles": ["data", "ingest", "master"],
            "attributes": {},
            "settings": { "cluster": { "name": elastic.options.cluster_name }, "node": { "name": elastic.options.node_name } },
            "http": { "bound_address": [address], "publish_address": address, "max_content_length_in_bytes": 104_857_600 },
            "plugins": [],
            "modules": [],
        }),
    )))
}

/// `GET /_nodes/stats`
fn figures(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let (mut docs, mut deleted, mut bytes) = (0, 0, 0);
    for index in elastic.store.indices() {
        let of = stats::of(&index);
        docs += of.docs;
        deleted += of.deleted;
        bytes += stats::bytes(&of);
    }
    let address = address(call);
    let ip = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    Ok(Answer::json(head(
        elastic,
        &json!({
            "timestamp": elastic.clock.now_ms(),
            "name": elastic.options.node_name,
            "transport_address": "127.0.0.1:9300",
            "host": ip,
            "ip": ip,
            "roles": ["data", "ingest", "master"],
            "attributes": {},
            "indices": {
                "docs": { "count": docs, "deleted": deleted },
                "store": { "size_in_bytes": bytes, "reserved_in_bytes": 0 },
            },
            "http": { "current_open": 0, "total_opened": 0 },
        }),
    )))
}

/// `GET /_license`
fn license(elastic: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(Answer::json(json!({ "license": {
        "status": "active",
        "uid": elastic.cluster_uuid,
        "type": "basic",
        "issue_date": "2026-01-01T00:00:00.000Z",
        "issue_date_in_millis": 1_767_225_600_000_i64,
        "max_nodes": 1000,
        "max_resource_units": null,
        "issued_to": elastic.options.cluster_name,
        "issuer": "elasticsearch",
        "start_date_in_millis": -1,
    } })))
}

/// `GET /_xpack`
fn xpack(elastic: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    let on = json!({ "available": true, "enabled": true });
    let off = json!({ "available": false, "enabled": false });
    Ok(Answer::json(json!({
        "build": { "hash": "0", "date": "2026-01-01T00:00:00.000Z" },
        "license": { "uid": elastic.cluster_uuid, "type": "basic", "mode": "basic", "status": "active" },
        "features": {
            "data_streams": on, "ilm": on, "graph": off, "logstash": off, "ml": off, "monitoring": off,
            "rollup": off, "security": off, "sql": off, "transform": off, "watcher": off,
        },
        "tagline": "You know, for X",
    })))
}

/// `GET /_security/_authenticate`
fn authenticate(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(Answer::json(json!({
        "username": "mangru",
        "roles": ["superuser"],
        "full_name": null,
        "email": null,
        "metadata": {},
        "enabled": true,
        "authentication_realm": { "name": "mangru", "type": "native" },
        "lookup_realm": { "name": "mangru", "type": "native" },
        "authentication_type": "realm",
    })))
}

/// `POST /_security/user/_has_privileges`
fn privileges(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(Answer::json(
        json!({ "username": "mangru", "has_all_requested": true, "cluster": {}, "index": {}, "application": {} }),
    ))
}

/// `GET /_plugins/_security/api/account`
fn account(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(Answer::json(json!({
        "user_name": "mangru", "is_reserved": false, "is_hidden": false, "is_internal_user": true,
        "user_requested_tenant": null, "backend_roles": [], "custom_attribute_names": [],
        "tenants": { "global_tenant": true }, "roles": ["all_access"],
    })))
}

/// `GET /_tasks`: what runs is not listed; what was begun without waiting is found by its identifier.
fn tasks(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    if call.param("group_by").is_some_and(|by| by != "nodes") {
        return Ok(Answer::json(json!({ "tasks": {} })));
    }
    let id = elastic.cluster_uuid.clone();
    Ok(Answer::json(json!({ "nodes": { id: { "name": elastic.options.node_name, "tasks": {} } } })))
}

/// `GET /_snapshot`
fn snapshots(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(Answer::json(json!({})))
}

fn empty(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(Answer::json(json!({})))
}

fn certificates(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(Answer::json(json!([])))
}
