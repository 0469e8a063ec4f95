//! All routes. What is not here does not exist.

use crate::rest::Route;
use crate::rest::Scope::Read;
use crate::rest::route::{GET_HEAD, route};
use crate::{aliases, docs, identity, indices, pipelines, search, streams, templates};

/// Each module's routes.
const TABLES: &[&[Route]] = &[
    ROOT,
    indices::ROUTES,
    aliases::ROUTES,
    templates::ROUTES,
    streams::ROUTES,
    docs::ROUTES,
    pipelines::ROUTES,
    search::ROUTES,
];

const ROOT: &[Route] = &[route(GET_HEAD, "/", Read, &[], identity::root)];

/// The routes, in no order that matters.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().copied().flatten()
}
