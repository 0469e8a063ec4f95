//! All routes. What is not here does not exist.

use crate::rest::Route;
use crate::rest::Scope::Read;
use crate::rest::route::{GET_HEAD, route};
use crate::{
    aliases, by_query, cat, cluster, docs, identity, indices, lifecycle, nodes, pipelines, resolve,
    rollover, search, streams, templates,
};

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
    cat::ROUTES,
    by_query::ROUTES,
    lifecycle::ROUTES,
    cluster::ROUTES,
    nodes::ROUTES,
    rollover::ROUTES,
    resolve::list::ROUTES,
];

const ROOT: &[Route] = &[route(GET_HEAD, "/", Read, &[], identity::root)];

/// The routes, in no order that matters.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().copied().flatten()
}
