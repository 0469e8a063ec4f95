//! `_mapping` and `_mapping/field`.

use logs::mapping::{DEPTH_MAX, Field, FieldType, Mapping, simple_match};
use serde_json::{Map, Value, json};

use crate::Elastic;
use crate::error::{self, Error};
use crate::resolve::{self, Options};
use crate::rest::{Answer, Call, acknowledged};

use super::create::parse_mapping;

/// `GET /{index}/_mapping`
pub(super) fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let options = Options::admin().of(call)?;
    let mut out = Map::new();
    for target in resolve::targets(elastic, call.part("index"), options)? {
        let mapping = target.index.mapping().to_json();
        out.insert(target.index.name().to_owned(), json!({ "mappings": mapping }));
    }
    Ok(Answer::json(Value::Object(out)))
}

/// `PUT /{index}/_mapping`
pub(super) fn put(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let body = call.required_json()?;
    if body.get("_doc").is_some() {
        return Err(Error::illegal("Types cannot be provided in put mapping requests"));
    }
    let mapping = parse_mapping(&body).map_err(|error| match error.cause {
        // What is wrong by itself is said as it is.
        Some(cause) if cause.kind == "illegal_argument_exception" => *cause,
        cause => Error { cause, ..error },
    })?;
    let _changing = elastic.change();
    let options = Options::admin().of(call)?;
    let targets = resolve::targets(elastic, call.part("index"), options)?;
    // All of them or none.
    for target in &targets {
        target.index.mapping().merge(&mapping).map_err(|e| error::mapping(&e))?;
    }
    for target in &targets {
        merge_into(elastic, target.index.name(), &mapping)?;
    }
    Ok(acknowledged())
}

/// Puts `mapping` into that of the index.
pub(crate) fn merge_into(elastic: &Elastic, index: &str, mapping: &Mapping) -> Result<(), Error> {
    let changed = elastic.store.change(index, &mut |_, have| {
        *have = have.merge(mapping)?;
        Ok(())
    });
    changed.map_err(|e| error::store(&e))
}

/// `GET /{index}/_mapping/field/{fields}`
pub(super) fn fields(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let options = Options::admin().of(call)?;
    let defaults = call.flag("include_defaults", false)?;
    let patterns = call.params.list("fields").unwrap_or_default();
    let mut out = Map::new();
    for target in resolve::targets(elastic, call.part("index"), options)? {
        let mut found = Map::new();
        let mapping = target.index.mapping();
        collect(&mapping.root, "", 0, &mut |path, name, field| {
            if patterns.iter().any(|pattern| simple_match(pattern, path)) {
                let mut body = field.to_json();
                if defaults {
                    put_defaults(&mut body, field);
                }
                found.insert(
                    path.to_owned(),
                    json!({ "full_name": path, "mapping": { name: body } }),
                );
            }
        });
        out.insert(target.index.name().to_owned(), json!({ "mappings": found }));
    }
    Ok(Answer::json(Value::Object(out)))
}

fn put_defaults(body: &mut Value, field: &Field) {
    let Some(map) = body.as_object_mut() else { return };
    let text: &[(&str, Value)] = &[
        ("analyzer", json!("default")),
        ("index", json!(true)),
        ("store", json!(false)),
        ("norms", json!(true)),
        ("index_options", json!("positions")),
    ];
    let others: &[(&str, Value)] =
        &[("index", json!(true)), ("store", json!(false)), ("doc_values", json!(true))];
    let defaults = if field.kind == FieldType::Text { text } else { others };
    for (name, value) in defaults {
        if !map.contains_key(*name) {
            map.insert((*name).to_owned(), value.clone());
        }
    }
}

/// Every leaf with its path and its own name, multi-fields too.
pub(crate) fn collect(
    field: &Field,
    path: &str,
    depth: usize,
    found: &mut dyn FnMut(&str, &str, &Field),
) {
    if depth > DEPTH_MAX {
        return;
    }
    let children = field.properties.iter().chain(&field.fields);
    for (name, child) in children {
        let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if !child.kind.is_object() {
            found(&full, name, child);
        }
        collect(child, &full, depth + 1, found);
    }
}
