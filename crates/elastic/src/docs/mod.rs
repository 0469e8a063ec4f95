//! Documents: written one by one or in bulk, read by their identifier.

mod answer;
mod bulk;
mod bulk_parse;
pub(crate) mod get;
mod mget;
mod place;
mod single;
pub(crate) mod source;
mod update;
mod write;

pub(crate) use place::{Need, check_writable, place};
pub(crate) use write::{Doc, Kind, Written, check_id, write_all};

use crate::rest::Route;
use crate::rest::Scope::{Read, Write};
use crate::rest::route::{DELETE, GET_HEAD, GET_POST, POST, POST_PUT, PUT, TIMEOUTS, route};

const WRITE: &[&str] = &[
    "refresh",
    "routing",
    "version",
    "version_type",
    "if_seq_no",
    "if_primary_term",
    "pipeline",
    "require_alias",
    "require_data_stream",
    "op_type",
    "include_source_on_error",
];
const BULK: &[&str] = &[
    "refresh",
    "routing",
    "pipeline",
    "require_alias",
    "require_data_stream",
    "include_source_on_error",
    "list_executed_pipelines",
    "batch_size",
    "type",
    "_source",
    "_source_includes",
    "_source_excludes",
    "_source_include",
    "_source_exclude",
    "fields",
    "op_type",
];
const READ: &[&str] = &[
    "preference",
    "realtime",
    "refresh",
    "routing",
    "stored_fields",
    "version",
    "version_type",
    "_source",
    "_source_includes",
    "_source_excludes",
    "_source_include",
    "_source_exclude",
    "force_synthetic_source",
];
const UPDATE: &[&str] = &[
    "_source",
    "_source_includes",
    "_source_excludes",
    "lang",
    "retry_on_conflict",
    "refresh",
    "routing",
    "if_seq_no",
    "if_primary_term",
    "require_alias",
    "doc_as_upsert",
    "include_source_on_error",
];

pub(crate) const ROUTES: &[Route] = &[
    route(POST_PUT, "/_bulk", Write, &[TIMEOUTS, BULK], bulk::bulk),
    route(POST_PUT, "/{index}/_bulk", Write, &[TIMEOUTS, BULK], bulk::bulk),
    route(POST, "/{index}/_doc", Write, &[TIMEOUTS, WRITE], single::index),
    route(POST_PUT, "/{index}/_doc/{id}", Write, &[TIMEOUTS, WRITE], single::index),
    route(POST_PUT, "/{index}/_create/{id}", Write, &[TIMEOUTS, WRITE], single::create),
    route(PUT, "/{index}/_create", Write, &[TIMEOUTS, WRITE], single::create),
    route(DELETE, "/{index}/_doc/{id}", Write, &[TIMEOUTS, WRITE], single::delete),
    route(POST, "/{index}/_update/{id}", Write, &[TIMEOUTS, UPDATE], update::update),
    route(GET_HEAD, "/{index}/_doc/{id}", Read, &[READ], get::get),
    route(GET_HEAD, "/{index}/_source/{id}", Read, &[READ], get::source),
    route(GET_POST, "/_mget", Read, &[READ], mget::mget),
    route(GET_POST, "/{index}/_mget", Read, &[READ], mget::mget),
];
