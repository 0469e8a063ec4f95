//! `_index_template`.

use logs::mapping::simple_match;
use serde_json::{Map, Value, json};

use super::component::shown;
use super::{asked, builtin, checked, invalid, pattern_list, patterns, priority};
use crate::Elastic;
use crate::error::Error;
use crate::meta::{Kind, Meta};
use crate::rest::{Answer, Call, Method, acknowledged};

/// `GET|HEAD /_index_template/{name}`
pub(super) fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let is_flat = call.flag("flat_settings", false)?;
    let meta = elastic.meta();
    let one =
        |name: &str, body: &Value| json!({ "name": name, "index_template": shown(body, is_flat) });
    let mut list: Vec<Value> = meta
        .all(Kind::IndexTemplate)
        .filter(|(name, _)| asked(&names, name))
        .map(|(name, body)| one(name, body))
        .collect();
    for (name, body) in builtin() {
        if names.contains(&name) && meta.get(Kind::IndexTemplate, name).is_none() {
            list.push(one(name, &body));
        }
    }
    let missing = list.is_empty() && names.iter().any(|name| !name.contains('*'));
    if call.request.method == Method::Head {
        return Ok(Answer::empty(if missing { 404 } else { 200 }));
    }
    if missing {
        let reason = format!("index template matching [{}] not found", names.join(","));
        return Err(Error::new(404, "resource_not_found_exception", reason));
    }
    Ok(Answer::json(json!({ "index_templates": list })))
}

/// A template out of a body, as it is kept.
pub(super) fn parse(name: &str, body: &Map<String, Value>, meta: &Meta) -> Result<Value, Error> {
    let mut out = Map::new();
    for (key, value) in body {
        match key.as_str() {
            "index_patterns" => {
                let list = pattern_list(value)
                    .ok_or_else(|| Error::illegal("[index_patterns] must be a list of texts"))?;
                out.insert(key.clone(), list);
            }
            "template" => {
                let parts = value.as_object().cloned().unwrap_or_default();
                out.insert(key.clone(), checked(&parts)?);
            }
            "composed_of" => {
                let list = pattern_list(value)
                    .ok_or_else(|| Error::illegal("[composed_of] must be a list of texts"))?;
                out.insert(key.clone(), list);
            }
            "priority"
            | "version"
            | "_meta"
            | "data_stream"
            | "allow_auto_create"
            | "deprecated"
            | "ignore_missing_component_templates"
            | "context" => {
                out.insert(key.clone(), value.clone());
            }
            _ => {
                return Err(Error::new(
                    400,
                    "x_content_parse_exception",
                    format!("[index_template] unknown field [{key}]"),
                ));
            }
        }
    }
    if out.get("index_patterns").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Err(invalid("index patterns are missing"));
    }
    if out.get("priority").and_then(Value::as_i64).is_some_and(|priority| priority < 0) {
        return Err(invalid("index template priority must be >= 0"));
    }
    out.entry("composed_of").or_insert_with(|| json!([]));
    check_components(name, &out, meta)?;
    Ok(Value::Object(out))
}

fn check_components(name: &str, body: &Map<String, Value>, meta: &Meta) -> Result<(), Error> {
    let list = |key: &str| {
        let list = body.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>()
    };
    let ignored = list("ignore_missing_component_templates");
    let missing: Vec<&str> = list("composed_of")
        .into_iter()
        .filter(|one| meta.get(Kind::ComponentTemplate, one).is_none() && !ignored.contains(one))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(Error::new(
        400,
        "invalid_index_template_exception",
        format!(
            "index_template [{name}] invalid, cause [index template [{name}] specifies component templates [{missing}] that do not exist]"
        ),
    ))
}

/// `PUT /_index_template/{name}`
pub(super) fn put(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = call.part("name");
    let Value::Object(body) = call.required_json()? else {
        return Err(Error::new(400, "parse_exception", "the body must be an object"));
    };
    let changing = elastic.change();
    let meta = elastic.meta();
    let template = parse(name, &body, &meta)?;
    if call.flag("create", false)? && meta.get(Kind::IndexTemplate, name).is_some() {
        return Err(Error::illegal(format!("index template [{name}] already exists")));
    }
    let same: Vec<String> = meta
        .all(Kind::IndexTemplate)
        .filter(|(other, body)| {
            *other != name && priority(body) == priority(&template) && overlap(body, &template)
        })
        .map(|(other, _)| other.clone())
        .collect();
    if !same.is_empty() {
        let shown = |body: &Value| patterns(body).collect::<Vec<_>>().join(", ");
        let theirs: Vec<String> = same
            .iter()
            .filter_map(|other| {
                Some(format!("{other} => [{}]", shown(meta.get(Kind::IndexTemplate, other)?)))
            })
            .collect();
        return Err(Error::illegal(format!(
            "index template [{name}] has index patterns [{}] matching patterns from existing templates [{}] with patterns ({}) that have the same priority [{}], multiple index templates may not match during index creation, please use a different priority",
            shown(&template),
            same.join(","),
            theirs.join(","),
            priority(&template)
        )));
    }
    elastic.put(&changing, Kind::IndexTemplate, name, Some(template))?;
    Ok(acknowledged())
}

/// Whether a name may be of both templates' patterns.
pub(super) fn overlap(a: &Value, b: &Value) -> bool {
    patterns(a).any(|x| patterns(b).any(|y| patterns_overlap(x, y)))
}

/// Exact for patterns whose only `*` is the last letter; of others one has to cover the other as it is written.
fn patterns_overlap(a: &str, b: &str) -> bool {
    let head = |pattern: &str| {
        pattern.strip_suffix('*').filter(|head| !head.contains('*')).map(str::to_owned)
    };
    match (head(a), head(b)) {
        (Some(a), Some(b)) => a.starts_with(&b) || b.starts_with(&a),
        (Some(_) | None, _) => {
            let sample = |pattern: &str| pattern.replace('*', "\u{1}");
            simple_match(a, &sample(b)) || simple_match(b, &sample(a))
        }
    }
}

/// `DELETE /_index_template/{name}`
pub(super) fn delete(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let meta = elastic.meta();
    for (stream, document) in meta.all(Kind::DataStream) {
        let used = document.get("template").and_then(Value::as_str).unwrap_or_default();
        let gone = meta.get(Kind::IndexTemplate, used).is_some() && asked(&names, used);
        if gone {
            return Err(Error::illegal(format!(
                "unable to remove composable templates [{used}] as they are in use by a data streams [{stream}]"
            )));
        }
    }
    super::legacy::delete_of(elastic, call, Kind::IndexTemplate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_overlap_where_a_name_can_be_of_both() {
        for (a, b, want) in [
            ("te*", "t*", true),
            ("a*", "b*", false),
            ("logs-*-*", "logs-x-*", true),
            ("app-test-*-some-*", "app-test-*-some_other-*", false),
            ("x", "x*", true),
        ] {
            assert_eq!(patterns_overlap(a, b), want, "{a} {b}");
        }
    }
}
