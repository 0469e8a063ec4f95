//! `_resolve/index`: which indices, aliases and data streams a name means.

use logs::mapping::simple_match;
use serde_json::{Value, json};

use super::{Options, closed, names, parts};
use crate::Elastic;
use crate::error::Error;
use crate::rest::route::{GET, INDICES, route};
use crate::rest::{Answer, Call, Route, Scope};
use crate::settings;

pub(crate) const ROUTES: &[Route] =
    &[route(GET, "/_resolve/index/{name}", Scope::Read, &[INDICES], list)];

fn list(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let meta = elastic.meta();
    let options = Options { ignore_unavailable: true, ..Options::admin() }.of(call)?;
    let expression = call.part("name");
    let patterns = parts(elastic, expression)?;
    let asked = |name: &str| patterns.iter().any(|one| one == "_all" || simple_match(one, name));
    let found = names(elastic, &meta, expression, options)?;
    let mut indices = Vec::new();
    for name in found.iter().filter(|name| asked(name)) {
        let Some(index) = elastic.store.index(name) else { continue };
        let mut aliases: Vec<&String> =
            meta.aliases_of(name).into_iter().flat_map(serde_json::Map::keys).collect();
        aliases.sort();
        let mut attributes = vec![if closed(&index) { "closed" } else { "open" }];
        if settings::is_set(&index.settings(), "index.hidden") {
            attributes.push("hidden");
        }
        let mut one = json!({ "name": name });
        if !aliases.is_empty() {
            one["aliases"] = json!(aliases);
        }
        one["attributes"] = json!(attributes);
        if let Some(stream) = meta.stream_of(name) {
            one["data_stream"] = stream.into();
        }
        indices.push(one);
    }
    let aliases: Vec<Value> = meta
        .aliases()
        .filter(|(alias, _)| asked(alias))
        .map(|(alias, indices)| json!({ "name": alias, "indices": indices }))
        .collect();
    let streams: Vec<Value> = meta
        .all(crate::meta::Kind::DataStream)
        .filter(|(stream, _)| asked(stream))
        .map(|(stream, _)| {
            json!({ "name": stream, "backing_indices": meta.backing(stream), "timestamp_field": "@timestamp" })
        })
        .collect();
    Ok(Answer::json(json!({ "indices": indices, "aliases": aliases, "data_streams": streams })))
}
