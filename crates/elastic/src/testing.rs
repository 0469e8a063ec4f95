//! A surface over a fresh store on a simulated disk, for tests.

use std::sync::Arc;

use logs::store::{Limits, Options as StoreOptions, Store};
use stdx::clock::{Clock, SimClock};
use stdx::fs::sim::SimFs;

use crate::rest::{Identity, Method, Request, Response};
use crate::{Elastic, Options};

/// 2026-11-25T00:00:00Z
pub(crate) const NOW_MS: i64 = 1_795_564_800_000;

/// A surface over a store without indices, at [`NOW_MS`].
pub(crate) fn surface() -> Elastic {
    let clock: Arc<dyn Clock> = Arc::new(SimClock::at(NOW_MS));
    let options = StoreOptions {
        fs: Arc::new(SimFs::new(1)),
        clock: Arc::clone(&clock),
        dir: "/logs".into(),
        watcher: None,
        seed: 1,
        limits: Limits::default(),
    };
    let (store, _) = Store::open(options).expect("an empty disk opens");
    Elastic::new(store, clock, Options::default())
}

/// Asks with JSON; a path may have a query.
pub(crate) fn ask(elastic: &Elastic, method: Method, path: &str, body: &str) -> Response {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let headers: &[(&str, &str)] = &[("content-type", "application/json")];
    let (identity, host) = (Identity::Elasticsearch, "localhost:9200");
    elastic.handle(&Request { method, path, query, headers, body: body.as_bytes(), identity, host })
}

/// `STATUS BODY`
pub(crate) fn line(elastic: &Elastic, method: Method, path: &str, body: &str) -> String {
    let response = ask(elastic, method, path, body);
    format!("{} {}", response.status, String::from_utf8_lossy(&response.body))
}
