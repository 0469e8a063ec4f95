//! The two faces of the server: everything on the main port, and exactly Pushgateway on Pushgateway's.

use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};

use crate::http::Reply;
use crate::params::decode;
use crate::push::moved::{cleaned, is_escaped, moved};
use crate::push::table::PUSH_ROUTES;
use crate::route::{Found, Route, find};
use crate::serve::not_found;
use crate::state::State;
use crate::table::ROUTES;

/// Where Pushgateway's metrics stand in the table of routes, wherever they are served.
const TELEMETRY: &str = "/metrics";
pub(crate) const WIPE: &str = "/api/v1/admin/wipe";
/// Ours: removes the groups of selectors.
pub(crate) const DELETE_GROUPS: &str = "/api/v1/admin/delete_groups";

/// What a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    Main,
    Push,
    /// The log store: its routes are its own.
    Elastic,
}

impl Face {
    pub(crate) fn routes(self) -> &'static [Route] {
        match self {
            Self::Main => ROUTES,
            Self::Push => PUSH_ROUTES,
            Self::Elastic => &[],
        }
    }
}

/// The path of the route table that is served at `path` of the gateway's face.
///
/// # Errors
/// What answers instead: that the path is no path, that there is nothing, or where else it is.
pub(crate) fn place<'a>(
    state: &State,
    method: &Method,
    path: &'a str,
    query: &str,
) -> Result<&'a str, Box<Reply>> {
    if !is_escaped(path) {
        let reply = Reply::text(StatusCode::BAD_REQUEST, "400 Bad Request");
        return Err(Box::new(reply.with(header::CONNECTION, HeaderValue::from_static("close"))));
    }
    let decoded = decode(path, false);
    let clean = cleaned(&decoded);
    if clean != decoded {
        let status = StatusCode::MOVED_PERMANENTLY;
        return Err(Box::new(moved(state, method, status, &clean, query)));
    }
    let is_route = |at: &str| matches!(find(PUSH_ROUTES, method, at), Found::Route(..));
    // A group without a job is nothing; what changes groups is sent on by its handler.
    let jobless = |at: &str| matches!(at, "/metrics/job/" | "/metrics/job@base64/");
    let found = self::path(state, path).filter(|at| !jobless(at) || is_route(at));
    if let Some(without) = path.strip_suffix('/')
        && !without.is_empty()
        && !found.is_some_and(is_route)
        && self::path(state, without).is_some_and(is_route)
    {
        let again = *method != Method::GET;
        let status =
            if again { StatusCode::TEMPORARY_REDIRECT } else { StatusCode::MOVED_PERMANENTLY };
        let to = clean.trim_end_matches('/');
        return Err(Box::new(moved(state, method, status, to, query)));
    }
    found.ok_or_else(|| Box::new(not_found()))
}

/// The path of the route table that is served at `path` of the gateway's face; `None`: nothing is.
fn path<'a>(state: &State, path: &'a str) -> Option<&'a str> {
    let config = &state.config.push;
    if path == config.telemetry_path {
        return Some(TELEMETRY);
    }
    let is_off =
        path == TELEMETRY || (matches!(path, WIPE | DELETE_GROUPS) && !state.config.admin_api);
    (!is_off).then_some(path)
}
