//! Pipelines in the store: kept, tried out, and run over documents on their way in.

mod apply;
mod http;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

pub(crate) use apply::{are_set, prepared};

use crate::Elastic;
use crate::ingest::Pipeline;
use crate::meta::Kind;
use crate::rest::Route;
use crate::rest::Scope::{Admin, Read};
use crate::rest::route::{DELETE, GET, GET_POST, PUT, TIMEOUTS, route};

pub(crate) const ROUTES: &[Route] = &[
    route(GET, "/_ingest/pipeline", Read, &[TIMEOUTS, &["summary"]], http::get),
    route(GET, "/_ingest/pipeline/{id}", Read, &[TIMEOUTS, &["summary"]], http::get),
    route(PUT, "/_ingest/pipeline/{id}", Admin, &[TIMEOUTS], http::put),
    route(DELETE, "/_ingest/pipeline/{id}", Admin, &[TIMEOUTS], http::delete),
    route(GET_POST, "/_ingest/pipeline/_simulate", Read, &[&["verbose"]], http::simulate),
    route(GET_POST, "/_ingest/pipeline/{id}/_simulate", Read, &[&["verbose"]], http::simulate),
    route(GET, "/_ingest/processor/grok", Read, &[&["s", "ecs_compatibility"]], http::grok),
];

/// A definition, and the pipeline that it is.
type Parsed = (Arc<Value>, Arc<Pipeline>);

/// The pipelines that were used, parsed once for each definition.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<String, Parsed>>);

/// The pipeline `id`; `None` when there is none.
pub(crate) fn find(elastic: &Elastic, id: &str) -> Option<Arc<Pipeline>> {
    let definition = elastic.meta().get(Kind::Pipeline, id).cloned();
    let Some(definition) = definition else {
        elastic.pipelines.0.lock().remove(id);
        return None;
    };
    if let Some((of, pipeline)) = elastic.pipelines.0.lock().get(id)
        && Arc::ptr_eq(of, &definition)
    {
        return Some(Arc::clone(pipeline));
    }
    // It was parsed before it was stored.
    let pipeline = Arc::new(Pipeline::parse(id, &definition).ok()?);
    let parsed = (definition, Arc::clone(&pipeline));
    elastic.pipelines.0.lock().insert(id.to_owned(), parsed);
    Some(pipeline)
}
