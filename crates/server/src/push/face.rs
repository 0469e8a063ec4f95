//! The two faces of the server: everything on the main port, and exactly Pushgateway on Pushgateway's.

use crate::push::table::PUSH_ROUTES;
use crate::route::Route;
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
}

impl Face {
    pub(crate) fn routes(self) -> &'static [Route] {
        match self {
            Self::Main => ROUTES,
            Self::Push => PUSH_ROUTES,
        }
    }
}

/// The path of the route table that is served at `path` of the gateway's face; `None`: nothing is.
pub(crate) fn path<'a>(state: &State, path: &'a str) -> Option<&'a str> {
    let config = &state.config.push;
    if path == config.telemetry_path {
        return Some(TELEMETRY);
    }
    let is_off =
        path == TELEMETRY || (matches!(path, WIPE | DELETE_GROUPS) && !state.config.admin_api);
    (!is_off).then_some(path)
}
