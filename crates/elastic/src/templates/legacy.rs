//! `_template`.

use serde_json::{Map, Value};

use super::{asked, checked, invalid, pattern_list, shown_parts};
use crate::Elastic;
use crate::error::Error;
use crate::meta::Kind;
use crate::rest::{Answer, Call, Content, Method, acknowledged};

/// `GET|HEAD /_template/{name}`
pub(super) fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let is_flat = call.flag("flat_settings", false)?;
    let meta = elastic.meta();
    let mut out = Map::new();
    for (name, body) in meta.all(Kind::Template) {
        if asked(&names, name) {
            let mut shown = shown_parts(body, is_flat);
            if let Some(map) = shown.as_object_mut() {
                for part in ["settings", "mappings", "aliases"] {
                    map.entry(part).or_insert_with(|| Value::Object(Map::new()));
                }
            }
            out.insert(name.clone(), shown);
        }
    }
    let missing = out.is_empty() && names.iter().any(|name| !name.contains('*'));
    let status = if missing { 404 } else { 200 };
    if call.request.method == Method::Head {
        return Ok(Answer::empty(if out.is_empty() && !names.is_empty() { 404 } else { 200 }));
    }
    Ok(Answer::of(status, Content::Json(Value::Object(out))))
}

/// `PUT /_template/{name}`
pub(super) fn put(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = call.part("name");
    let Value::Object(body) = call.required_json()? else {
        return Err(Error::new(400, "parse_exception", "the body must be an object"));
    };
    let mut out = Map::new();
    let mut parts = Map::new();
    let order = call.params.int("order")?;
    out.insert("order".to_owned(), order.unwrap_or(0).into());
    for (key, value) in &body {
        match key.as_str() {
            "index_patterns" | "template" => {
                let list = pattern_list(value).ok_or_else(|| {
                    Error::illegal(
                        "Malformed [index_patterns] value, should be a string or a list of strings",
                    )
                })?;
                out.insert("index_patterns".to_owned(), list);
            }
            "order" | "version" => {
                let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
                let number = number.ok_or_else(|| {
                    Error::illegal(format!("Malformed [{key}] value, should be an integer"))
                })?;
                out.insert(key.clone(), number.into());
            }
            "settings" | "mappings" | "aliases" => {
                parts.insert(key.clone(), value.clone());
            }
            _ => {
                return Err(Error::new(
                    400,
                    "parse_exception",
                    format!("unknown key [{key}] in the template "),
                ));
            }
        }
    }
    if out.get("index_patterns").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Err(invalid("index patterns are missing"));
    }
    if let Value::Object(parts) = checked(&parts)? {
        out.extend(parts);
    }
    let changing = elastic.change();
    if call.flag("create", false)? && elastic.meta().get(Kind::Template, name).is_some() {
        return Err(Error::illegal(format!("index_template [{name}] already exists")));
    }
    elastic.put(&changing, Kind::Template, name, Some(Value::Object(out)))?;
    Ok(acknowledged())
}

/// `DELETE /_template/{name}`
pub(super) fn delete(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    delete_of(elastic, call, Kind::Template)
}

/// Deletes the templates of `kind` that are asked for.
pub(super) fn delete_of(elastic: &Elastic, call: &Call<'_>, kind: Kind) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let changing = elastic.change();
    let meta = elastic.meta();
    for wanted in &names {
        let found: Vec<&String> =
            meta.all(kind).map(|(name, _)| name).filter(|name| asked(&[wanted], name)).collect();
        if found.is_empty() && *wanted != "*" {
            let reason = format!("index_template [{wanted}] missing");
            return Err(Error::new(404, "index_template_missing_exception", reason));
        }
        for name in found {
            elastic.put(&changing, kind, name, None)?;
        }
    }
    Ok(acknowledged())
}
