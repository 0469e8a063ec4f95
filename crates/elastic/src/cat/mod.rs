//! `_cat`: tables for people and monitors.

mod indices;
mod nodes;
mod table;
mod templates;

use table::Table;

use crate::Elastic;
use crate::error::Error;
use crate::rest::Scope::Read;
use crate::rest::route::{GET, INDICES, TIMEOUTS, route};
use crate::rest::{Answer, Call, Handler, Route};

const TABLE: &[&str] = &["v", "h", "s", "help", "bytes", "size", "time", "ts"];
const OTHERS: &[&str] = &[
    "health",
    "include_unloaded_segments",
    "pri",
    "fields",
    "active_only",
    "detailed",
    "full_id",
    "nodes",
    "actions",
    "parent_task_id",
    "node_id",
    "index",
    "include_bootstrap",
];

const fn table(path: &'static str, handler: Handler) -> Route {
    route(GET, path, Read, &[TABLE, INDICES, TIMEOUTS, OTHERS], handler)
}

pub(crate) const ROUTES: &[Route] = &[
    route(GET, "/_cat", Read, &[], list),
    table("/_cat/indices", indices::indices),
    table("/_cat/indices/{index}", indices::indices),
    table("/_cat/shards", indices::shards),
    table("/_cat/shards/{index}", indices::shards),
    table("/_cat/segments", indices::segments),
    table("/_cat/segments/{index}", indices::segments),
    table("/_cat/recovery", indices::recovery),
    table("/_cat/recovery/{index}", indices::recovery),
    table("/_cat/count", indices::count),
    table("/_cat/count/{index}", indices::count),
    table("/_cat/aliases", indices::aliases),
    table("/_cat/aliases/{name}", indices::aliases),
    table("/_cat/templates", templates::templates),
    table("/_cat/templates/{name}", templates::templates),
    table("/_cat/component_templates", templates::components),
    table("/_cat/component_templates/{name}", templates::components),
    table("/_cat/health", nodes::health),
    table("/_cat/nodes", nodes::nodes),
    table("/_cat/master", nodes::master),
    table("/_cat/cluster_manager", nodes::master),
    table("/_cat/allocation", nodes::allocation),
    table("/_cat/allocation/{node}", nodes::allocation),
    table("/_cat/plugins", nodes::plugins),
    table("/_cat/nodeattrs", nodes::attributes),
    table("/_cat/thread_pool", nodes::pools),
    table("/_cat/thread_pool/{pool}", nodes::pools),
    table("/_cat/pending_tasks", nodes::pending),
    table("/_cat/tasks", nodes::tasks),
    table("/_cat/fielddata", nodes::fielddata),
    table("/_cat/fielddata/{fields}", nodes::fielddata),
    table("/_cat/repositories", nodes::repositories),
];

/// `GET /_cat`
fn list(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    let mut text = "=^.^=\n".to_owned();
    for route in ROUTES.iter().filter(|route| route.path != "/_cat") {
        text.push_str(route.path);
        text.push('\n');
    }
    Ok(Answer::text(text))
}
