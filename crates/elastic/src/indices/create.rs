//! Indices made and deleted.

use std::sync::Arc;

use logs::mapping::Mapping;
use logs::store::Index;
use serde_json::{Map, Value, json};

use crate::error::{self, Error};
use crate::meta::Kind;
use crate::resolve::{self, Options};
use crate::rest::{Answer, Call, acknowledged};
use crate::settings::{self, Flat};
use crate::templates;
use crate::{Changing, Elastic, aliases, streams};

/// Longest name of an index, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// How an index is wanted.
#[derive(Debug, Default, Clone)]
pub(crate) struct Wanted {
    pub(crate) settings: Flat,
    pub(crate) mapping: Mapping,
    pub(crate) aliases: Map<String, Value>,
}

impl Wanted {
    /// What the body of a request or a template says.
    pub(crate) fn parse(body: &Map<String, Value>, what: &str) -> Result<Self, Error> {
        let mut wanted = Self::default();
        for (key, value) in body {
            match key.as_str() {
                "settings" => wanted.settings = settings::flat(value)?,
                "mappings" => wanted.mapping = parse_mapping(value)?,
                "aliases" => wanted.aliases = aliases::parse_all(value)?,
                _ => {
                    let reason = format!("unknown key [{key}] for {what}");
                    return Err(Error::new(400, "parse_exception", reason));
                }
            }
        }
        settings::check(&wanted.settings)?;
        Ok(wanted)
    }

    /// This with `over` laid over it.
    pub(crate) fn overlaid(mut self, over: &Self) -> Self {
        self.settings.extend(over.settings.clone());
        self.mapping = self.mapping.overlaid(&over.mapping);
        self.aliases.extend(over.aliases.clone());
        self
    }
}

/// A mapping out of a body; the name of a type around it is taken off.
pub(crate) fn parse_mapping(value: &Value) -> Result<Mapping, Error> {
    let inner = match value.as_object() {
        Some(map) if map.len() == 1 => map.get("_doc").unwrap_or(value),
        Some(_) | None => value,
    };
    if inner.is_null() {
        return Ok(Mapping::default());
    }
    Mapping::parse(inner).map_err(|cause| {
        let reason = format!("Failed to parse mapping [_doc]: {cause}");
        Error::new(400, "mapper_parsing_exception", reason).caused_by(error::mapping(&cause))
    })
}

/// `PUT /{index}`
pub(super) fn put(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = resolve::one_name(elastic, call.part("index"))?;
    let body = call.json()?.unwrap_or_else(|| json!({}));
    let Value::Object(body) = body else {
        return Err(Error::new(400, "parse_exception", "the body must be an object"));
    };
    let wanted = Wanted::parse(&body, "create index")?;
    let changing = elastic.change();
    check_name(&name)?;
    let meta = elastic.meta();
    let base = templates::for_index(&meta, &name)?;
    if base.as_ref().is_some_and(|found| found.is_stream) && wanted.aliases.is_empty() {
        return Err(Error::illegal(format!(
            "cannot create index with name [{name}], because it matches with template [{}] that creates data streams only, use create data stream api instead",
            base.map(|found| found.name).unwrap_or_default()
        )));
    }
    let wanted = base.map(|found| found.wanted).unwrap_or_default().overlaid(&wanted);
    create(elastic, &changing, &name, wanted)?;
    Ok(Answer::json(json!({ "acknowledged": true, "shards_acknowledged": true, "index": name })))
}

/// Makes the index; its templates are in `wanted` already.
pub(crate) fn create(
    elastic: &Elastic,
    changing: &Changing<'_>,
    name: &str,
    wanted: Wanted,
) -> Result<Arc<Index>, Error> {
    check_name(name)?;
    let meta = elastic.meta();
    if let Some(index) = elastic.store.index(name) {
        return Err(already_exists(&index));
    }
    if meta.alias(name).is_some() {
        return Err(resolve::invalid_name(name, "already exists as alias"));
    }
    if meta.stream(name).is_some() {
        return Err(resolve::invalid_name(name, "already exists as data stream"));
    }
    let Wanted { settings: said, mapping, aliases } = wanted;
    for alias in aliases.keys() {
        aliases::check_name(elastic, alias)?;
    }
    let mut settings = Flat::new();
    settings.insert("index.number_of_shards".to_owned(), "1".into());
    settings.insert("index.number_of_replicas".to_owned(), "1".into());
    settings.extend(said.into_iter().filter(|(_, value)| !value.is_null()));
    settings::check(&settings)?;
    settings.insert("index.provided_name".to_owned(), name.into());
    let index = elastic.store.create(name, settings, mapping).map_err(|e| error::store(&e))?;
    if !aliases.is_empty() {
        elastic.put(changing, Kind::Aliases, name, Some(Value::Object(aliases)))?;
    }
    Ok(index)
}

fn already_exists(index: &Index) -> Error {
    let reason = format!("index [{}/{}] already exists", index.name(), index.uuid());
    Error::new(400, "resource_already_exists_exception", reason)
        .with("index_uuid", index.uuid())
        .with("index", index.name())
}

/// Refuses what cannot be the name of an index.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let bad = |why: &str| Err(resolve::invalid_name(name, why));
    if name.is_empty() {
        return bad("must not be empty");
    }
    if name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',']) {
        return bad(r#"must not contain the following characters [ , ", *, \, <, |, ,, >, /, ?]"#);
    }
    if name.contains('#') {
        return bad("must not contain '#'");
    }
    if name.contains(':') {
        return bad("must not contain ':'");
    }
    if name.starts_with(['_', '-', '+']) {
        return bad("must not start with '_', '-', or '+'");
    }
    if name.len() > NAME_BYTES_MAX {
        return bad(&format!("index name is too long, ({} > {NAME_BYTES_MAX})", name.len()));
    }
    if name == "." || name == ".." {
        return bad("must not be '.' or '..'");
    }
    if name.chars().any(char::is_uppercase) {
        return bad("must be lowercase");
    }
    if name.chars().any(char::is_control) {
        return bad("must not contain control characters");
    }
    Ok(())
}

/// `DELETE /{index}`
pub(super) fn delete(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let changing = elastic.change();
    let mut options = Options::admin_closed_too().of(call)?;
    options.ignore_aliases = true;
    let meta = elastic.meta();
    let expression = call.part("index");
    let mut kept = Vec::new();
    for part in resolve::parts(elastic, expression)? {
        let is_alias = !part.contains('*')
            && elastic.store.index(&part).is_none()
            && meta.alias(&part).is_some();
        if !is_alias {
            kept.push(part);
        } else if !options.ignore_unavailable {
            return Err(Error::illegal(format!(
                "The provided expression [{part}] matches an alias, specify the corresponding concrete indices instead."
            )));
        }
    }
    if kept.is_empty() {
        return Ok(acknowledged());
    }
    let names = resolve::names(elastic, &meta, &kept.join(","), options)?;
    for name in &names {
        if let Some(stream) = meta.stream_of(name)
            && meta.backing(stream).last() == Some(&name.as_str())
        {
            return Err(Error::illegal(format!(
                "index [{name}] is the write index for data stream [{stream}] and cannot be deleted"
            )));
        }
    }
    for name in &names {
        remove(elastic, &changing, name)?;
    }
    Ok(acknowledged())
}

/// Deletes an index, its aliases, and its place in a data stream.
pub(crate) fn remove(elastic: &Elastic, changing: &Changing<'_>, name: &str) -> Result<(), Error> {
    let meta = elastic.meta();
    if let Some(stream) = meta.stream_of(name) {
        streams::forget(elastic, changing, stream, name)?;
    }
    if meta.aliases_of(name).is_some() {
        elastic.put(changing, Kind::Aliases, name, None)?;
    }
    elastic.store.remove(name).map_err(|e| error::store(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert!(check_name(&"a".repeat(NAME_BYTES_MAX)).is_ok());
        for (name, want) in [
            ("A", "Invalid index name [A], must be lowercase"),
            ("_a", "Invalid index name [_a], must not start with '_', '-', or '+'"),
            ("..", "Invalid index name [..], must not be '.' or '..'"),
            ("a#", "Invalid index name [a#], must not contain '#'"),
        ] {
            assert_eq!(check_name(name).unwrap_err().reason, want);
        }
        assert!(check_name(&"a".repeat(NAME_BYTES_MAX + 1)).is_err());
    }
}
