//! Aliases: `_alias`, `_aliases`.

use std::collections::{BTreeMap, BTreeSet};

use logs::mapping::simple_match;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::meta::{Kind, Meta};
use crate::resolve::{self, Expand, Options};
use crate::rest::Scope::{Admin, Read};
use crate::rest::route::{DELETE, GET_HEAD, INDICES, POST, POST_PUT, TIMEOUTS, route};
use crate::rest::{Answer, Call, Content, Method, Route, acknowledged};
use crate::{Changing, Elastic, indices};

pub(crate) const ROUTES: &[Route] = &[
    route(GET_HEAD, "/_alias", Read, &[TIMEOUTS, INDICES], get),
    route(GET_HEAD, "/_aliases", Read, &[TIMEOUTS, INDICES], get),
    route(GET_HEAD, "/_alias/{name}", Read, &[TIMEOUTS, INDICES], get),
    route(GET_HEAD, "/{index}/_alias", Read, &[TIMEOUTS, INDICES], get),
    route(GET_HEAD, "/{index}/_alias/{name}", Read, &[TIMEOUTS, INDICES], get),
    route(POST, "/_aliases", Admin, &[TIMEOUTS], update),
    route(POST_PUT, "/{index}/_alias/{name}", Admin, &[TIMEOUTS], put),
    route(POST_PUT, "/{index}/_aliases/{name}", Admin, &[TIMEOUTS], put),
    route(POST_PUT, "/{index}/_alias", Admin, &[TIMEOUTS], put),
    route(POST_PUT, "/{index}/_aliases", Admin, &[TIMEOUTS], put),
    route(POST_PUT, "/_alias/{name}", Admin, &[TIMEOUTS], put),
    route(POST_PUT, "/_alias", Admin, &[TIMEOUTS], put),
    route(DELETE, "/{index}/_alias/{name}", Admin, &[TIMEOUTS], delete),
    route(DELETE, "/{index}/_aliases/{name}", Admin, &[TIMEOUTS], delete),
];

/// The properties of one alias as they are kept: `routing` is both of the others.
fn parse(name: &str, value: &Value) -> Result<Value, Error> {
    let mut out = Map::new();
    let body = match value {
        Value::Object(body) => body,
        Value::Null => return Ok(Value::Object(out)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Error::illegal(format!("alias [{name}] must be an object")));
        }
    };
    let text = |value: &Value| {
        Value::String(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    for (key, value) in body.iter().filter(|(_, value)| !value.is_null()) {
        match key.as_str() {
            "filter" => {
                out.insert(key.clone(), value.clone());
            }
            "routing" => {
                out.insert("index_routing".to_owned(), text(value));
                out.insert("search_routing".to_owned(), text(value));
            }
            "index_routing" | "search_routing" | "indexRouting" | "searchRouting" => {
                let key = if key.starts_with("index") { "index_routing" } else { "search_routing" };
                out.insert(key.to_owned(), text(value));
            }
            "is_write_index" | "is_hidden" => {
                let flag = value.as_bool().or_else(|| value.as_str()?.parse().ok());
                let flag = flag.ok_or_else(|| {
                    Error::illegal(format!("[{key}] of alias [{name}] must be true or false"))
                })?;
                out.insert(key.clone(), flag.into());
            }
            _ => return Err(Error::illegal(format!("unknown field [{key}]"))),
        }
    }
    Ok(Value::Object(out))
}

/// The aliases in the body of an index or a template.
pub(crate) fn parse_all(value: &Value) -> Result<Map<String, Value>, Error> {
    let body = value.as_object().ok_or_else(|| Error::illegal("aliases must be an object"))?;
    body.iter().map(|(name, value)| Ok((name.clone(), parse(name, value)?))).collect()
}

fn invalid(name: &str, why: &str) -> Error {
    Error::new(400, "invalid_alias_name_exception", format!("Invalid alias name [{name}]: {why}"))
        .with("index", name)
        .with("index_uuid", "_na_")
}

/// Refuses what cannot be the name of an alias.
pub(crate) fn check_name(elastic: &Elastic, name: &str) -> Result<(), Error> {
    check_form(name)?;
    if elastic.store.index(name).is_some() || elastic.meta().stream(name).is_some() {
        return Err(invalid(
            name,
            "an index or data stream exists with the same name as the alias",
        ));
    }
    Ok(())
}

fn check_form(name: &str) -> Result<(), Error> {
    match indices::check_name(name) {
        // Aliases may have capitals.
        Err(error) if !error.reason.ends_with("must be lowercase") => {
            let why = error.reason.split_once("], ").map_or("", |(_, why)| why).to_owned();
            Err(invalid(name, &why))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// `GET|HEAD /{index}/_alias/{name}`
fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let expand = Expand { open: true, closed: true, hidden: call.param("index").is_none() };
    let options = Options { expand, ..Options::admin() }.of(call)?;
    let meta = elastic.meta();
    let head = call.request.method == Method::Head;
    let names = match resolve::names(elastic, &meta, call.part("index"), options) {
        Err(error) if head && error.status == 404 => return Ok(Answer::empty(404)),
        names => names?,
    };
    let patterns = call.params.list("name").unwrap_or_default();
    let all = patterns.is_empty();
    let mut out = Map::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for index in &names {
        let aliases = meta.aliases_of(index).into_iter().flatten();
        let shown: Map<String, Value> = aliases
            .filter(|(name, _)| {
                seen.insert(name);
                wanted(&patterns, name)
            })
            .map(|(name, of)| (name.clone(), of.clone()))
            .collect();
        if all || !shown.is_empty() {
            out.insert(index.clone(), json!({ "aliases": shown }));
        }
    }
    let missing: Vec<&str> = patterns
        .iter()
        .copied()
        .filter(|name| !name.contains('*') && *name != "_all" && !name.starts_with('-'))
        .filter(|name| !seen.contains(name))
        .collect();
    if head {
        let found = missing.is_empty() && (all || !out.is_empty());
        return Ok(Answer::empty(if found { 200 } else { 404 }));
    }
    if missing.is_empty() {
        return Ok(Answer::json(Value::Object(out)));
    }
    let what = if missing.len() == 1 { "alias" } else { "aliases" };
    let mut body = Map::new();
    body.insert("error".to_owned(), format!("{what} [{}] missing", missing.join(",")).into());
    body.insert("status".to_owned(), 404.into());
    body.extend(out);
    Ok(Answer::of(404, Content::Json(Value::Object(body))))
}

/// Whether a list of names and patterns, in which `-` takes away, has `name`.
pub(crate) fn wanted(patterns: &[&str], name: &str) -> bool {
    let mut wanted = patterns.is_empty();
    for (at, pattern) in patterns.iter().enumerate() {
        match pattern.strip_prefix('-').filter(|_| at > 0) {
            Some(excluded) if simple_match(excluded, name) => wanted = false,
            Some(_) => {}
            None if *pattern == "_all" || simple_match(pattern, name) => wanted = true,
            None => {}
        }
    }
    wanted
}

/// Changes of aliases, not yet stored.
struct Draft<'a> {
    elastic: &'a Elastic,
    meta: std::sync::Arc<Meta>,
    changed: BTreeMap<String, Map<String, Value>>,
    removed: BTreeSet<String>,
}

impl<'a> Draft<'a> {
    fn new(elastic: &'a Elastic) -> Self {
        let (changed, removed) = (BTreeMap::new(), BTreeSet::new());
        Self { elastic, meta: elastic.meta(), changed, removed }
    }

    fn of(&mut self, index: &str) -> &mut Map<String, Value> {
        let meta = &self.meta;
        self.changed
            .entry(index.to_owned())
            .or_insert_with(|| meta.aliases_of(index).cloned().unwrap_or_default())
    }

    fn indices(&self, expression: &str) -> Result<Vec<String>, Error> {
        let options = Options { allow_no_indices: false, ..Options::admin_closed_too() };
        resolve::names(self.elastic, &self.meta, expression, options)
    }

    fn add(&mut self, index: &str, alias: &str, of: &Value) -> Result<(), Error> {
        self.of(index).insert(alias.to_owned(), of.clone());
        Ok(())
    }

    /// Removes what fits; whether anything did.
    fn take(&mut self, index: &str, pattern: &str) -> bool {
        let aliases = self.of(index);
        let before = aliases.len();
        aliases.retain(|name, _| pattern != "_all" && !simple_match(pattern, name));
        aliases.len() < before
    }

    fn store(self, changing: &Changing<'_>) -> Result<(), Error> {
        for aliases in self.changed.values() {
            for name in aliases.keys() {
                if !self.removed.contains(name) {
                    check_name(self.elastic, name)?;
                }
            }
        }
        self.check_write_indices()?;
        for index in &self.removed {
            indices::remove(self.elastic, changing, index)?;
        }
        for (index, aliases) in self.changed {
            if self.removed.contains(&index) {
                continue;
            }
            let value = (!aliases.is_empty()).then_some(Value::Object(aliases));
            self.elastic.put(changing, Kind::Aliases, &index, value)?;
        }
        Ok(())
    }

    /// An alias has one index at most that is written to.
    fn check_write_indices(&self) -> Result<(), Error> {
        let mut written: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let unchanged =
            self.meta.all(Kind::Aliases).filter_map(|(index, of)| Some((index, of.as_object()?)));
        let unchanged = unchanged.filter(|(index, _)| !self.changed.contains_key(*index));
        for (index, aliases) in unchanged.chain(&self.changed) {
            for (alias, of) in aliases {
                if of.get("is_write_index") == Some(&Value::Bool(true)) {
                    written.entry(alias).or_default().push(index);
                }
            }
        }
        match written.into_iter().find(|(_, indices)| indices.len() > 1) {
            None => Ok(()),
            Some((alias, indices)) => Err(Error::new(
                500,
                "illegal_state_exception",
                format!("alias [{alias}] has more than one write index [{}]", indices.join(",")),
            )),
        }
    }
}

/// `PUT /{index}/_alias/{name}`
fn put(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut body = match call.json()? {
        Some(Value::Object(body)) => body,
        Some(_) => return Err(Error::new(400, "parse_exception", "the body must be an object")),
        None => Map::new(),
    };
    let mut taken = |key: &str, default: &str| {
        body.remove(key)
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or(default.to_owned())
    };
    let (expression, alias) =
        (taken("index", call.part("index")), taken("alias", call.part("name")));
    if alias.is_empty() {
        return Err(Error::illegal("alias name is missing"));
    }
    let alias = resolve::one_name(elastic, &alias)?;
    check_form(&alias)?;
    let of = parse(&alias, &Value::Object(body))?;
    let changing = elastic.change();
    let mut draft = Draft::new(elastic);
    for index in draft.indices(&expression)? {
        draft.add(&index, &alias, &of)?;
    }
    draft.store(&changing)?;
    Ok(acknowledged())
}

/// `DELETE /{index}/_alias/{name}`
fn delete(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let changing = elastic.change();
    let mut draft = Draft::new(elastic);
    let mut any = false;
    let patterns = call.params.list("name").unwrap_or_default();
    for index in draft.indices(call.part("index"))? {
        for pattern in &patterns {
            any |= draft.take(&index, pattern);
        }
    }
    if !any {
        return Err(missing(&patterns));
    }
    draft.store(&changing)?;
    Ok(acknowledged())
}

fn missing(names: &[&str]) -> Error {
    let names = names.join(",");
    Error::new(404, "aliases_not_found_exception", format!("aliases [{names}] missing"))
        .with("resource.type", "aliases")
        .with("resource.id", names)
}

/// `POST /_aliases`
fn update(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let body = call.required_json()?;
    let actions = body.get("actions").and_then(Value::as_array);
    let actions = actions.ok_or_else(|| Error::illegal("No action specified"))?;
    if actions.is_empty() {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: Must specify at least one alias action;",
        ));
    }
    let changing = elastic.change();
    let mut draft = Draft::new(elastic);
    for action in actions {
        let named =
            action.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        let Some((kind, Value::Object(body))) = named else {
            return Err(Error::illegal(
                "Unsupported alias action: an object with one action is expected",
            ));
        };
        act(&mut draft, kind, body)?;
    }
    draft.store(&changing)?;
    Ok(acknowledged())
}

fn act(draft: &mut Draft<'_>, kind: &str, body: &Map<String, Value>) -> Result<(), Error> {
    let mut rest = body.clone();
    let mut taken = |one: &str, many: &str| {
        let values = [rest.remove(one), rest.remove(many)].into_iter().flatten();
        let texts = values.flat_map(|value| match value {
            Value::Array(list) => list,
            single @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => vec![single],
        });
        texts.filter_map(|value| value.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let (expressions, names) = (taken("index", "indices"), taken("alias", "aliases"));
    if expressions.is_empty() {
        return Err(Error::illegal("One of [index] or [indices] is required"));
    }
    let indices = draft.indices(&expressions.join(","))?;
    match kind {
        "remove_index" => draft.removed.extend(indices),
        "add" | "remove" if names.is_empty() => {
            return Err(Error::illegal("One of [alias] or [aliases] is required"));
        }
        "add" => {
            rest.remove("must_exist");
            let of = parse(&names[0], &Value::Object(rest))?;
            for name in &names {
                check_form(name)?;
                for index in &indices {
                    draft.add(index, name, &of)?;
                }
            }
        }
        "remove" => {
            let mut any = false;
            for index in &indices {
                for name in &names {
                    any |= draft.take(index, name);
                }
            }
            if !any && rest.get("must_exist") != Some(&Value::Bool(false)) {
                return Err(missing(&names.iter().map(String::as_str).collect::<Vec<_>>()));
            }
        }
        other => return Err(Error::illegal(format!("[alias_action] unknown field [{other}]"))),
    }
    Ok(())
}
