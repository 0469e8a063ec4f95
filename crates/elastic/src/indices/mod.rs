//! Indices: made, looked at, changed, closed and deleted.

mod create;
mod get;
mod mapping;
mod settings;
mod upkeep;

use logs::store::Index;
use serde_json::{Value, json};

pub(crate) use create::{Wanted, check_name, create, remove};
pub(crate) use mapping::merge_into;

use crate::rest::Route;
use crate::rest::Scope::{Admin, Read};
use crate::rest::route::{
    DELETE, GET, GET_HEAD, GET_POST, INDICES, POST, POST_PUT, PUT, TIMEOUTS, route,
};

const SHOWN: &[&str] =
    &["flat_settings", "include_defaults", "include_type_name", "features", "local"];
const FORCE_MERGE: &[&str] = &[
    "flush",
    "max_num_segments",
    "only_expunge_deletes",
    "primary_only",
    "wait_for_completion",
    "operation_threading",
];
const CACHE: &[&str] = &["fielddata", "fields", "query", "request", "file", "index"];

pub(crate) const ROUTES: &[Route] = &[
    route(PUT, "/{index}", Admin, &[TIMEOUTS, &["include_type_name"]], create::put),
    route(DELETE, "/{index}", Admin, &[TIMEOUTS, INDICES], create::delete),
    route(GET_HEAD, "/{index}", Read, &[TIMEOUTS, INDICES, SHOWN], get::get),
    route(GET_HEAD, "/_mapping", Read, &[TIMEOUTS, INDICES, SHOWN], mapping::get),
    route(GET_HEAD, "/_mappings", Read, &[TIMEOUTS, INDICES, SHOWN], mapping::get),
    route(GET_HEAD, "/{index}/_mapping", Read, &[TIMEOUTS, INDICES, SHOWN], mapping::get),
    route(GET_HEAD, "/{index}/_mappings", Read, &[TIMEOUTS, INDICES, SHOWN], mapping::get),
    route(POST_PUT, "/{index}/_mapping", Admin, &[TIMEOUTS, INDICES, PUT_MAPPING], mapping::put),
    route(POST_PUT, "/{index}/_mappings", Admin, &[TIMEOUTS, INDICES, PUT_MAPPING], mapping::put),
    route(GET, "/_mapping/field/{fields}", Read, &[TIMEOUTS, INDICES, SHOWN], mapping::fields),
    route(
        GET,
        "/{index}/_mapping/field/{fields}",
        Read,
        &[TIMEOUTS, INDICES, SHOWN],
        mapping::fields,
    ),
    route(GET, "/_settings", Read, &[TIMEOUTS, INDICES, SHOWN], settings::get),
    route(GET, "/_settings/{name}", Read, &[TIMEOUTS, INDICES, SHOWN], settings::get),
    route(GET, "/{index}/_settings", Read, &[TIMEOUTS, INDICES, SHOWN], settings::get),
    route(GET, "/{index}/_settings/{name}", Read, &[TIMEOUTS, INDICES, SHOWN], settings::get),
    route(PUT, "/_settings", Admin, &[TIMEOUTS, INDICES, PUT_SETTINGS], settings::put),
    route(PUT, "/{index}/_settings", Admin, &[TIMEOUTS, INDICES, PUT_SETTINGS], settings::put),
    route(POST, "/{index}/_open", Admin, &[TIMEOUTS, INDICES], settings::open),
    route(POST, "/{index}/_close", Admin, &[TIMEOUTS, INDICES], settings::close),
    route(GET_POST, "/_refresh", Read, &[INDICES], upkeep::refresh),
    route(GET_POST, "/{index}/_refresh", Read, &[INDICES], upkeep::refresh),
    route(GET_POST, "/_flush", Admin, &[INDICES, FLUSH], upkeep::flush),
    route(GET_POST, "/{index}/_flush", Admin, &[INDICES, FLUSH], upkeep::flush),
    route(POST, "/_forcemerge", Admin, &[INDICES, FORCE_MERGE], upkeep::force_merge),
    route(POST, "/{index}/_forcemerge", Admin, &[INDICES, FORCE_MERGE], upkeep::force_merge),
    route(POST, "/_cache/clear", Admin, &[INDICES, CACHE], upkeep::refresh),
    route(POST, "/{index}/_cache/clear", Admin, &[INDICES, CACHE], upkeep::refresh),
    route(GET, "/_stats", Read, &[INDICES, STATS], upkeep::stats),
    route(GET, "/_stats/{metric}", Read, &[INDICES, STATS], upkeep::stats),
    route(GET, "/{index}/_stats", Read, &[INDICES, STATS], upkeep::stats),
    route(GET, "/{index}/_stats/{metric}", Read, &[INDICES, STATS], upkeep::stats),
];

const PUT_MAPPING: &[&str] = &["include_type_name", "write_index_only"];
const PUT_SETTINGS: &[&str] = &["flat_settings", "preserve_existing", "reopen"];
const FLUSH: &[&str] = &["force", "wait_if_ongoing"];
const STATS: &[&str] = &[
    "completion_fields",
    "fielddata_fields",
    "fields",
    "forbid_closed_indices",
    "groups",
    "include_segment_file_sizes",
    "include_unloaded_segments",
    "level",
    "types",
];

/// How many shards the index says to have, and how many copies of each.
pub(crate) fn shards(index: &Index) -> (u64, u64) {
    let settings = index.settings();
    let number = |name: &str| {
        crate::settings::text(&settings, name).and_then(|text| text.parse().ok()).unwrap_or(1)
    };
    (number("index.number_of_shards"), 1 + number("index.number_of_replicas"))
}

/// `{"total":…,"successful":…,"failed":0}` of some indices: one copy of each shard is there, in truth.
pub(crate) fn shards_json<'a>(indices: impl Iterator<Item = &'a Index>) -> Value {
    let (mut total, mut there) = (0, 0);
    for index in indices {
        let (count, copies) = shards(index);
        there += count;
        total += count.saturating_mul(copies);
    }
    json!({ "total": total, "successful": there, "failed": 0 })
}
