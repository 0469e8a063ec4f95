//! Templates: what a new index begins with.
//!
//! A composable template (`_index_template`) of the highest priority decides alone; where none fits, the legacy ones (`_template`) are laid over one
//! another in their order. Built in is one for `logs-*-*`, so that shippers that write to data streams need nothing set up.

mod component;
mod composable;
mod legacy;
mod simulate;

use logs::mapping::simple_match;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::indices::Wanted;
use crate::meta::{Kind, Meta};
use crate::rest::Route;
use crate::rest::Scope::{Admin, Read};
use crate::rest::route::{DELETE, GET_HEAD, POST, POST_PUT, TIMEOUTS, route};
use crate::settings;

const SHOWN: &[&str] = &["flat_settings", "include_defaults", "include_type_name"];
const PUT: &[&str] = &["create", "order", "cause", "include_type_name", "context"];

pub(crate) const ROUTES: &[Route] = &[
    route(GET_HEAD, "/_template", Read, &[TIMEOUTS, SHOWN], legacy::get),
    route(GET_HEAD, "/_template/{name}", Read, &[TIMEOUTS, SHOWN], legacy::get),
    route(POST_PUT, "/_template/{name}", Admin, &[TIMEOUTS, PUT], legacy::put),
    route(DELETE, "/_template/{name}", Admin, &[TIMEOUTS], legacy::delete),
    route(GET_HEAD, "/_index_template", Read, &[TIMEOUTS, SHOWN], composable::get),
    route(GET_HEAD, "/_index_template/{name}", Read, &[TIMEOUTS, SHOWN], composable::get),
    route(POST_PUT, "/_index_template/{name}", Admin, &[TIMEOUTS, PUT], composable::put),
    route(DELETE, "/_index_template/{name}", Admin, &[TIMEOUTS], composable::delete),
    route(POST, "/_index_template/_simulate", Read, &[TIMEOUTS, PUT, SHOWN], simulate::template),
    route(
        POST,
        "/_index_template/_simulate/{name}",
        Read,
        &[TIMEOUTS, PUT, SHOWN],
        simulate::template,
    ),
    route(
        POST,
        "/_index_template/_simulate_index/{name}",
        Read,
        &[TIMEOUTS, PUT, SHOWN],
        simulate::index,
    ),
    route(GET_HEAD, "/_component_template", Read, &[TIMEOUTS, SHOWN], component::get),
    route(GET_HEAD, "/_component_template/{name}", Read, &[TIMEOUTS, SHOWN], component::get),
    route(POST_PUT, "/_component_template/{name}", Admin, &[TIMEOUTS, PUT], component::put),
    route(DELETE, "/_component_template/{name}", Admin, &[TIMEOUTS], component::delete),
];

/// What templates make of a new index.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// The name of the composable template; empty when legacy ones spoke.
    pub(crate) name: String,
    pub(crate) wanted: Wanted,
    /// Whether it makes data streams.
    pub(crate) is_stream: bool,
    /// The template's `data_stream`.
    pub(crate) stream: Value,
}

/// What the templates say for an index or data stream `name`; `None` when none fits.
pub(crate) fn for_index(meta: &Meta, name: &str) -> Result<Option<Base>, Error> {
    if let Some((template, body)) = composable_for(meta, name) {
        return compose(meta, &template, &body).map(Some);
    }
    let mut legacy: Vec<(i64, &Value)> = meta
        .all(Kind::Template)
        .filter(|(_, body)| patterns(body).any(|pattern| simple_match(pattern, name)))
        .map(|(_, body)| (body.get("order").and_then(Value::as_i64).unwrap_or(0), &**body))
        .collect();
    if legacy.is_empty() {
        return Ok(None);
    }
    legacy.sort_by_key(|(order, _)| *order);
    let mut wanted = Wanted::default();
    for (_, body) in legacy {
        wanted = wanted.overlaid(&wanted_of(body)?);
    }
    Ok(Some(Base { name: String::new(), wanted, is_stream: false, stream: Value::Null }))
}

/// The composable template of the highest priority that fits.
fn composable_for(meta: &Meta, name: &str) -> Option<(String, Value)> {
    let fits = |body: &Value| patterns(body).any(|pattern| simple_match(pattern, name));
    let ours = meta.all(Kind::IndexTemplate).filter(|(_, body)| fits(body));
    let best = ours.max_by_key(|(_, body)| priority(body));
    match best {
        Some((template, body)) => Some((template.clone(), (**body).clone())),
        None => builtin().into_iter().find(|(_, body)| fits(body)).map(|(n, b)| (n.to_owned(), b)),
    }
}

pub(super) fn priority(body: &Value) -> i64 {
    body.get("priority").and_then(Value::as_i64).unwrap_or(0)
}

/// A template with its components.
fn compose(meta: &Meta, name: &str, body: &Value) -> Result<Base, Error> {
    let mut wanted = Wanted::default();
    let components = body.get("composed_of").and_then(Value::as_array);
    for component in components.into_iter().flatten().filter_map(Value::as_str) {
        let Some(component) = meta.get(Kind::ComponentTemplate, component) else { continue };
        if let Some(template) = component.get("template") {
            wanted = wanted.overlaid(&wanted_of(template)?);
        }
    }
    if let Some(template) = body.get("template") {
        wanted = wanted.overlaid(&wanted_of(template)?);
    }
    let stream = body.get("data_stream").cloned().unwrap_or(Value::Null);
    Ok(Base { name: name.to_owned(), wanted, is_stream: !stream.is_null(), stream })
}

/// The settings, mappings and aliases of a template that was checked when it came.
fn wanted_of(body: &Value) -> Result<Wanted, Error> {
    let parts = body.as_object().into_iter().flatten();
    let parts: Map<String, Value> = parts
        .filter(|(key, _)| matches!(key.as_str(), "settings" | "mappings" | "aliases"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Wanted::parse(&parts, "template")
}

/// The `index_patterns` of a template.
pub(super) fn patterns(body: &Value) -> impl Iterator<Item = &str> {
    let list = body.get("index_patterns").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// `index_patterns` as a list, also where it is one text.
pub(super) fn pattern_list(value: &Value) -> Option<Value> {
    match value.as_array() {
        Some(list) if list.iter().all(Value::is_string) => Some(value.clone()),
        Some(_) => None,
        None => value.as_str().map(|text| {
            text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(Value::from).collect()
        }),
    }
}

/// The parts of a template as they are kept: settings flat, aliases with both routings. What is wrong with them is said now.
pub(super) fn checked(body: &Map<String, Value>) -> Result<Value, Error> {
    let wanted = Wanted::parse(body, "template")?;
    let mut out = Map::new();
    if body.contains_key("settings") {
        out.insert("settings".to_owned(), Value::Object(wanted.settings));
    }
    if body.contains_key("mappings") {
        out.insert("mappings".to_owned(), wanted.mapping.to_json());
    }
    if body.contains_key("aliases") {
        out.insert("aliases".to_owned(), Value::Object(wanted.aliases));
    }
    Ok(Value::Object(out))
}

/// The parts of a template as they are shown.
pub(super) fn shown_parts(template: &Value, is_flat: bool) -> Value {
    let mut out = template.clone();
    if let Some(map) = out.as_object_mut()
        && let Some(Value::Object(flat)) = map.get("settings")
    {
        let shown = settings::shown(flat, is_flat);
        map.insert("settings".to_owned(), shown);
    }
    out
}

/// Templates that are there from the beginning. One of the same name, or of a higher priority, takes their place.
pub(super) fn builtin() -> Vec<(&'static str, Value)> {
    let strings = json!({ "strings": { "match_mapping_type": "string",
        "mapping": { "type": "keyword", "ignore_above": 1024 } } });
    let message = json!({ "message": { "match": "message", "match_mapping_type": "string",
        "mapping": { "type": "match_only_text" } } });
    let logs = json!({
        "index_patterns": ["logs-*-*"],
        "priority": 100,
        "version": 1,
        "_meta": { "description": "built in", "managed": true },
        "data_stream": {},
        "template": {
            "settings": {},
            "mappings": {
                "dynamic_templates": [message, strings],
                "date_detection": false,
                "properties": { "@timestamp": { "type": "date" } },
            },
        },
    });
    vec![("logs", logs)]
}

/// Whether `patterns` have `name`: what `GET` and `DELETE` are asked for.
pub(crate) fn asked(patterns: &[&str], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| simple_match(pattern, name))
}

/// `action_request_validation_exception`
pub(super) fn invalid(what: &str) -> Error {
    let reason = format!("Validation Failed: 1: {what};");
    Error::new(400, "action_request_validation_exception", reason)
}
