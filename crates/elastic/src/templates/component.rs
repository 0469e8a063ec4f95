//! `_component_template`.

use serde_json::{Map, Value, json};

use super::{asked, checked, shown_parts};
use crate::Elastic;
use crate::error::Error;
use crate::meta::Kind;
use crate::rest::{Answer, Call, Method, acknowledged};

/// `GET|HEAD /_component_template/{name}`
pub(super) fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let is_flat = call.flag("flat_settings", false)?;
    let meta = elastic.meta();
    let list: Vec<Value> = meta
        .all(Kind::ComponentTemplate)
        .filter(|(name, _)| asked(&names, name))
        .map(|(name, body)| json!({ "name": name, "component_template": shown(body, is_flat) }))
        .collect();
    let missing = list.is_empty() && names.iter().any(|name| !name.contains('*'));
    if call.request.method == Method::Head {
        return Ok(Answer::empty(if missing { 404 } else { 200 }));
    }
    if missing {
        let reason = format!("component template matching [{}] not found", names.join(","));
        return Err(Error::new(404, "resource_not_found_exception", reason));
    }
    Ok(Answer::json(json!({ "component_templates": list })))
}

/// A template with its `template` as it is shown.
pub(super) fn shown(body: &Value, is_flat: bool) -> Value {
    let mut out = body.clone();
    if let Some(template) = out.get_mut("template") {
        *template = shown_parts(template, is_flat);
    }
    out
}

/// `PUT /_component_template/{name}`
pub(super) fn put(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = call.part("name");
    let Value::Object(body) = call.required_json()? else {
        return Err(Error::new(400, "parse_exception", "the body must be an object"));
    };
    let mut out = Map::new();
    for (key, value) in &body {
        match key.as_str() {
            "template" => {
                let parts = value.as_object().cloned().unwrap_or_default();
                out.insert(key.clone(), checked(&parts)?);
            }
            "version" | "_meta" | "deprecated" => {
                out.insert(key.clone(), value.clone());
            }
            _ => {
                return Err(Error::new(
                    400,
                    "x_content_parse_exception",
                    format!("[component_template] unknown field [{key}]"),
                ));
            }
        }
    }
    if !out.contains_key("template") {
        return Err(Error::illegal("Required [template]"));
    }
    let changing = elastic.change();
    if call.flag("create", false)? && elastic.meta().get(Kind::ComponentTemplate, name).is_some() {
        return Err(Error::illegal(format!("component template [{name}] already exists")));
    }
    elastic.put(&changing, Kind::ComponentTemplate, name, Some(Value::Object(out)))?;
    Ok(acknowledged())
}

/// `DELETE /_component_template/{name}`
pub(super) fn delete(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let changing = elastic.change();
    let meta = elastic.meta();
    for wanted in &names {
        let found: Vec<&String> = meta
            .all(Kind::ComponentTemplate)
            .map(|(name, _)| name)
            .filter(|name| asked(&[wanted], name))
            .collect();
        if found.is_empty() && *wanted != "*" {
            return Err(Error::new(
                404,
                "index_template_missing_exception",
                format!("index_template [{wanted}] missing"),
            ));
        }
        for name in &found {
            let users: Vec<&str> = meta
                .all(Kind::IndexTemplate)
                .filter(|(_, body)| {
                    let list = body.get("composed_of").and_then(Value::as_array);
                    list.into_iter().flatten().any(|one| one == name.as_str())
                })
                .map(|(user, _)| user.as_str())
                .collect();
            if !users.is_empty() {
                return Err(Error::illegal(format!(
                    "component templates [{name}] cannot be removed as they are still in use by index templates [{}]",
                    users.join(", ")
                )));
            }
        }
        for name in found {
            elastic.put(&changing, Kind::ComponentTemplate, name, None)?;
        }
    }
    Ok(acknowledged())
}
