//! `_simulate` and `_simulate_index`: what templates would make.

use serde_json::{Value, json};

use super::{Base, builtin, composable, compose, for_index, patterns, priority};
use crate::Elastic;
use crate::error::Error;
use crate::meta::{Kind, Meta};
use crate::rest::{Answer, Call};
use crate::settings;

/// `POST /_index_template/_simulate_index/{name}`
pub(super) fn index(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = call.part("name");
    let mut meta = (*elastic.meta()).clone();
    if let Some(Value::Object(body)) = call.json()? {
        let template = composable::parse(NEW, &body, &meta)?;
        meta = meta.with(Kind::IndexTemplate, NEW, Some(template));
    }
    let Some(base) = for_index(&meta, name)? else { return Ok(Answer::json(json!({}))) };
    let like = json!({ "index_patterns": [name] });
    answer(&meta, call, &base, &like)
}

/// What a template in the body is called meanwhile.
const NEW: &str = "simulated template";

/// `POST /_index_template/_simulate/{name}`
pub(super) fn template(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut meta = (*elastic.meta()).clone();
    let body = call.json()?;
    let name = call.param("name").unwrap_or(NEW).to_owned();
    let template = match body {
        Some(Value::Object(body)) => {
            let template = composable::parse(&name, &body, &meta)?;
            meta = meta.with(Kind::IndexTemplate, &name, Some(template.clone()));
            template
        }
        Some(_) | None => {
            let ours = meta.get(Kind::IndexTemplate, &name).map(|body| (**body).clone());
            let found = ours.or_else(|| {
                builtin().into_iter().find(|(have, _)| *have == name).map(|(_, body)| body)
            });
            found.ok_or_else(|| {
                Error::illegal(format!("unable to simulate template [{name}] that does not exist"))
            })?
        }
    };
    let base = compose(&meta, &name, &template)?;
    answer(&meta, call, &base, &template)
}

fn answer(meta: &Meta, call: &Call<'_>, base: &Base, like: &Value) -> Result<Answer, Error> {
    let is_flat = call.flag("flat_settings", false)?;
    let wanted = &base.wanted;
    let legacy = meta.all(Kind::Template);
    let ours = meta.all(Kind::IndexTemplate);
    let mut ours: Vec<_> = ours.filter(|(name, _)| **name != base.name).collect();
    ours.sort_by_key(|(_, body)| std::cmp::Reverse(priority(body)));
    let overlapping: Vec<Value> = legacy
        .filter(|_| !base.name.is_empty())
        .chain(ours)
        .filter(|(_, body)| composable::overlap(body, like))
        .map(|(name, body)| json!({ "name": name, "index_patterns": patterns(body).collect::<Vec<_>>() }))
        .collect();
    Ok(Answer::json(json!({
        "template": {
            "settings": settings::shown(&wanted.settings, is_flat),
            "mappings": wanted.mapping.to_json(),
            "aliases": wanted.aliases,
        },
        "overlapping": overlapping,
    })))
}
