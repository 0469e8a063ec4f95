//! The routes of Pushgateway's face.

use hyper::Method;

use crate::config::Config;
use crate::lifecycle;
use crate::push::{api, face, groups, metrics, page, select};
use crate::route::{BodyLimit, Handler, Lane, Route};
use crate::web::Scope;

const GET: &[Method] = &[Method::GET];
const PUT: &[Method] = &[Method::PUT];
const POST_PUT: &[Method] = &[Method::POST, Method::PUT];
const OPTIONS: &[Method] = &[Method::OPTIONS];
const PUSH: &[Method] = &[Method::PUT, Method::POST, Method::DELETE];

/// Pushed metrics, packed or not. The bound is configured: see [`body_bytes_max`].
const BODY: BodyLimit = BodyLimit { name: "push.body-bytes-max", bytes_max: usize::MAX };
const SMALL: BodyLimit = BodyLimit { name: "http.body-bytes-max", bytes_max: 64 * 1024 };

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

/// Groups under an address that begins so; on both faces.
pub(crate) const fn pushed(path: &'static str) -> Route {
    Route {
        scope: Scope::Write,
        lane: Lane::Push,
        ready: true,
        body: BODY,
        ..plain(path, PUSH, groups::change)
    }
}

/// Most bytes of a body that a route takes.
pub(crate) fn body_bytes_max(route: &Route, config: &Config) -> usize {
    if route.body.name == BODY.name { config.push.limits.body_bytes } else { route.body.bytes_max }
}

/// A route that reads all groups.
const fn read(path: &'static str, handler: fn(&crate::serve::Call) -> crate::http::Reply) -> Route {
    Route { lane: Lane::Read, ready: true, compress: true, ..plain(path, GET, handler) }
}

/// Looked through from the top.
pub(crate) static PUSH_ROUTES: &[Route] = &[
    pushed("/metrics/job/*"),
    pushed("/metrics/job@base64/*"),
    read("/metrics", metrics::metrics),
    read("/api/v1/metrics", api::metrics),
    plain("/api/v1/status", GET, api::status),
    Route {
        scope: Scope::Admin,
        lane: Lane::Push,
        ready: true,
        ..plain(face::WIPE, PUT, groups::wipe)
    },
    Route {
        scope: Scope::Admin,
        lane: Lane::Push,
        ready: true,
        ..plain(face::DELETE_GROUPS, POST_PUT, select::delete_groups)
    },
    Route { scope: Scope::Open, ..plain("/api/v1/metrics", OPTIONS, api::options) },
    Route { scope: Scope::Open, ..plain("/api/v1/status", OPTIONS, api::options) },
    Route { scope: Scope::Open, ready: true, ..plain("/-/healthy", GET, api::ok) },
    Route { scope: Scope::Open, ready: true, ..plain("/-/ready", GET, api::ok) },
    plain("/-/quit", GET, api::only_post),
    Route { scope: Scope::Admin, ..plain("/-/quit", POST_PUT, lifecycle::quit) },
    read("/", page::groups),
    plain("/status", GET, page::status),
];
