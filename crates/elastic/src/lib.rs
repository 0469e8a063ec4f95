//! `OpenSearch`'s and Elasticsearch's REST surface over [`logs`]: JSON in, JSON out, no sockets.
//!
//! Requests come as method, path, query and body; answers leave as status, headers and body. Bodies become the engine's own queries and
//! aggregations; what is not there answers 400 with an error of `OpenSearch`'s shape, never a wrong value.
//!
//! Knows nothing of sockets, threads or configuration files.

mod aliases;
mod by_query;
mod cat;
mod cluster;
pub(crate) mod docs;
pub mod error;
mod identity;
mod indices;
pub mod ingest;
mod lifecycle;
mod meta;
mod near;
mod nodes;
mod number;
mod pipelines;
pub mod resolve;
pub mod rest;
mod rollover;
mod routing;
mod search;
mod settings;
mod stats;
mod streams;
mod table;
mod templates;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use logs::store::Store;
use parking_lot::{Mutex, MutexGuard, RwLock};
use serde_json::Value;
use stdx::clock::Clock;

use crate::error::Error;
use crate::meta::{Kind, Meta};
pub use rest::{Identity, Method, Request, Response};

/// What the surface says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub node_name: String,
    pub cluster_name: String,
    /// What the cluster's identifier is made from at the first start, beside the clock.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { node_name: "mangru".to_owned(), cluster_name: "mangru".to_owned(), seed: 0 }
    }
}

/// The surface over one store.
#[derive(Debug)]
pub struct Elastic {
    pub(crate) options: Options,
    /// Stays the same over restarts: shippers watch it.
    pub(crate) cluster_uuid: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Arc<Store>,
    meta: RwLock<Arc<Meta>>,
    /// Scrolls and points in time.
    pub(crate) contexts: Mutex<search::Contexts>,
    pub(crate) tasks: by_query::Tasks,
    looked: lifecycle::Last,
    /// Held while indices or documents of [`Meta`] change.
    changing: Mutex<()>,
    pub(crate) pipelines: pipelines::Cache,
}

/// Says that this thread may change indices and [`Meta`].
pub(crate) struct Changing<'a>(#[expect(dead_code, reason = "held, not read")] MutexGuard<'a, ()>);

impl Elastic {
    #[must_use]
    pub fn new(store: Arc<Store>, clock: Arc<dyn Clock>, options: Options) -> Self {
        let meta = RwLock::new(Arc::new(Meta::load(&store)));
        let cluster_uuid = identity::cluster_uuid(&store, clock.as_ref(), options.seed);
        let (pipelines, contexts) = (pipelines::Cache::default(), Mutex::default());
        let (changing, tasks) = (Mutex::new(()), by_query::Tasks::default());
        let looked = lifecycle::Last::default();
        Self {
            options,
            cluster_uuid,
            clock,
            store,
            meta,
            contexts,
            changing,
            pipelines,
            tasks,
            looked,
        }
    }

    /// Answers `request`; never fails.
    #[must_use]
    pub fn handle(&self, request: &Request<'_>) -> Response {
        rest::handle(self, request)
    }

    /// What is to be done from time to time: called every second or so.
    pub fn maintain(&self) {
        lifecycle::maintain(self, &self.looked);
    }

    /// A setting of the cluster that somebody has set.
    pub(crate) fn cluster_setting(&self, name: &str) -> Option<String> {
        let meta = self.meta();
        let document = meta.get(Kind::Cluster, "settings")?;
        let said = |scope: &str| {
            let value = document.get(scope)?.get(name)?;
            value.as_str().map_or_else(|| Some(value.to_string()), |text| Some(text.to_owned()))
        };
        said("transient").or_else(|| said("persistent"))
    }

    /// The documents as they are now.
    pub(crate) fn meta(&self) -> Arc<Meta> {
        Arc::clone(&self.meta.read())
    }

    /// Waits until nobody else changes anything.
    pub(crate) fn change(&self) -> Changing<'_> {
        Changing(self.changing.lock())
    }

    /// Stores a document, or (`None`) removes it.
    pub(crate) fn put(
        &self,
        _changing: &Changing<'_>,
        kind: Kind,
        key: &str,
        value: Option<Value>,
    ) -> Result<(), Error> {
        let bytes = value.as_ref().map(|value| value.to_string().into_bytes());
        self.store
            .put(meta::store_name(kind), key, bytes.as_deref())
            .map_err(|e| error::store(&e))?;
        let changed = self.meta().with(kind, key, value);
        *self.meta.write() = Arc::new(changed);
        Ok(())
    }
}
