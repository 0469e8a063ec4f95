//! The routes themselves.

use hyper::Method;

use crate::push::table::pushed;
use crate::route::{BodyLimit, Handler, Lane, Route};
use crate::web::Scope;
use crate::{federate, lifecycle, names, pages, query, self_metrics, status, targets, tree, write};

const GET: &[Method] = &[Method::GET];
const GET_HEAD: &[Method] = &[Method::GET, Method::HEAD];
const POST: &[Method] = &[Method::POST];
const POST_PUT: &[Method] = &[Method::POST, Method::PUT];
const GET_POST: &[Method] = &[Method::GET, Method::POST];
const OPTIONS: &[Method] = &[Method::OPTIONS];

/// No parameters come in the body, but a client may send a few bytes.
const SMALL: BodyLimit = BodyLimit { name: "http.body-bytes-max", bytes_max: 64 * 1024 };

/// A form with a query or many selectors.
const FORM: BodyLimit = BodyLimit { name: "http.form-bytes-max", bytes_max: 2 << 20 };

/// Samples of a remote write, compressed.
const WRITE: BodyLimit = BodyLimit {
    name: "remote-write.request-bytes-max",
    bytes_max: wire::remote::REQUEST_BYTES_MAX,
};

// All of these read, unless the table says otherwise.

/// An API route that looks at what is in memory.
const fn status(
    path: &'static str,
    handler: fn(&crate::serve::Call) -> crate::answer::ApiResult,
) -> Route {
    api(path, GET, Lane::Inline, SMALL, handler)
}

const fn api(
    path: &'static str,
    methods: &'static [Method],
    lane: Lane,
    body: BodyLimit,
    handler: fn(&crate::serve::Call) -> crate::answer::ApiResult,
) -> Route {
    let handler = Handler::Api(handler);
    Route { path, methods, scope: Scope::Read, lane, ready: true, compress: true, body, handler }
}

const fn plain(
    path: &'static str,
    methods: &'static [Method],
    handler: fn(&crate::serve::Call) -> crate::http::Reply,
) -> Route {
    Route {
        path,
        methods,
        scope: Scope::Read,
        lane: Lane::Inline,
        ready: false,
        compress: false,
        body: SMALL,
        handler: Handler::Plain(handler),
    }
}

const fn admin(path: &'static str) -> Route {
    Route { scope: Scope::Admin, ..api(path, POST_PUT, Lane::Inline, SMALL, lifecycle::admin) }
}

/// Looked through from the top.
pub(crate) static ROUTES: &[Route] = &[
    api("/api/v1/query", GET_POST, Lane::Query, FORM, query::instant),
    api("/api/v1/query_range", GET_POST, Lane::Query, FORM, query::range),
    api("/api/v1/parse_query", GET_POST, Lane::Read, FORM, tree::parse),
    api("/api/v1/format_query", GET_POST, Lane::Read, FORM, query::format),
    api("/api/v1/query_exemplars", GET_POST, Lane::Read, FORM, query::exemplars),
    api("/api/v1/labels", GET_POST, Lane::Read, FORM, names::labels),
    api("/api/v1/label/:name/values", GET, Lane::Read, SMALL, names::label_values),
    api("/api/v1/series", GET_POST, Lane::Read, FORM, names::series),
    api("/api/v1/metadata", GET, Lane::Read, SMALL, targets::metadata),
    api("/api/v1/targets", GET, Lane::Read, SMALL, targets::targets),
    api("/api/v1/targets/metadata", GET, Lane::Read, SMALL, targets::target_metadata),
    api("/api/v1/scrape_pools", GET, Lane::Read, SMALL, targets::scrape_pools),
    status("/api/v1/rules", status::rules),
    status("/api/v1/alerts", status::alerts),
    status("/api/v1/alertmanagers", status::alertmanagers),
    status("/api/v1/notifications", status::notifications),
    status("/api/v1/features", status::features),
    status("/api/v1/status/config", status::config),
    status("/api/v1/status/flags", status::flags),
    status("/api/v1/status/runtimeinfo", status::runtime_info),
    status("/api/v1/status/buildinfo", status::build_info),
    Route { ready: false, ..status("/api/v1/status/walreplay", status::wal_replay) },
    status("/api/v1/status/tsdb/blocks", status::blocks),
    api("/api/v1/status/tsdb", GET, Lane::Read, SMALL, status::tsdb),
    admin("/api/v1/admin/tsdb/snapshot"),
    admin("/api/v1/admin/tsdb/delete_series"),
    admin("/api/v1/admin/tsdb/clean_tombstones"),
    Route {
        scope: Scope::Write,
        lane: Lane::Write,
        ready: true,
        body: WRITE,
        ..plain("/api/v1/write", POST, write::write)
    },
    Route { scope: Scope::Open, ..api("/api/v1/*", OPTIONS, Lane::Inline, SMALL, status::options) },
    Route { lane: Lane::Control, compress: true, ..plain("/metrics", GET, self_metrics::metrics) },
    Route {
        lane: Lane::Read,
        ready: true,
        compress: true,
        ..plain("/federate", GET, federate::federate)
    },
    pushed("/metrics/job/*"),
    pushed("/metrics/job@base64/*"),
    plain("/version", GET, status::version),
    Route { scope: Scope::Open, ..plain("/-/healthy", GET_HEAD, lifecycle::healthy) },
    Route { scope: Scope::Open, ready: true, ..plain("/-/ready", GET_HEAD, lifecycle::ready) },
    plain("/-/reload", GET, lifecycle::only_post),
    Route {
        lane: Lane::Control,
        scope: Scope::Admin,
        ..plain("/-/reload", POST_PUT, lifecycle::reload)
    },
    plain("/-/quit", GET, lifecycle::only_post),
    Route { scope: Scope::Admin, ..plain("/-/quit", POST_PUT, lifecycle::quit) },
    plain("/", GET, pages::root),
    plain("/graph", GET, pages::graph),
    plain("/query", GET, pages::page),
    plain("/targets", GET, pages::page),
    plain("/status", GET, pages::page),
    plain("/service-discovery", GET, pages::to_targets),
    plain("/config", GET, pages::to_status),
    plain("/flags", GET, pages::to_status),
    plain("/tsdb-status", GET, pages::to_status),
    plain("/favicon.svg", GET, pages::file),
    plain("/theme.js", GET, pages::file),
    plain("/assets/*", GET, pages::file),
];
