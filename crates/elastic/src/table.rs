//! All routes. What is not here does not exist.

use crate::identity;
use crate::rest::Route;
use crate::rest::Scope::Read;
use crate::rest::route::{GET_HEAD, route};

/// Each module's routes.
const TABLES: &[&[Route]] = &[ROOT];

const ROOT: &[Route] = &[route(GET_HEAD, "/", Read, &[], identity::root)];

/// The routes, in no order that matters.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().copied().flatten()
}
