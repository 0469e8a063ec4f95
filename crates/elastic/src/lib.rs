//! `OpenSearch`'s and Elasticsearch's REST surface over [`logs`]: JSON in, JSON out, no sockets.
//!
//! Requests come as method, path, query and body; answers leave as status, headers and body. Bodies become the engine's own queries and
//! aggregations; what is not there answers 400 with an error of `OpenSearch`'s shape, never a wrong value.
//!
//! Knows nothing of sockets, threads or configuration files.

pub mod error;
mod identity;
pub mod ingest;
pub mod rest;
mod table;

use std::sync::Arc;

use stdx::clock::Clock;

pub use rest::{Identity, Method, Request, Response};

/// What the surface says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub node_name: String,
    pub cluster_name: String,
    /// Stays the same over restarts: shippers watch it.
    pub cluster_uuid: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            node_name: "mangru".to_owned(),
            cluster_name: "mangru".to_owned(),
            cluster_uuid: "mangru0000000000000000".to_owned(),
        }
    }
}

/// The surface over one store.
#[derive(Debug)]
pub struct Elastic {
    pub(crate) options: Options,
    #[expect(dead_code, reason = "documents come next")]
    pub(crate) clock: Arc<dyn Clock>,
}

impl Elastic {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, options: Options) -> Self {
        Self { options, clock }
    }

    /// Answers `request`; never fails.
    #[must_use]
    pub fn handle(&self, request: &Request<'_>) -> Response {
        rest::handle(self, request)
    }
}
