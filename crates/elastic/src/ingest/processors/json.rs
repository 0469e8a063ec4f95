//! `json`: a text of JSON to a value.

use serde_json::{Map, Value};

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::Config;
use crate::ingest::document::shown;
use crate::ingest::path::{Path, Root};
use crate::ingest::pipeline::Builder;

#[derive(Debug)]
struct Json {
    field: Path,
    target: Path,
    add_to_root: bool,
    /// Members that are objects on both sides are merged.
    merges: bool,
    strict: bool,
    ignore_missing: bool,
}

pub(super) fn json(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.path("field")?;
    let target = config.opt_path("target_field")?;
    let add_to_root = config.bool_or("add_to_root", false)?;
    if add_to_root && target.is_some() {
        let text = "Cannot set a target field while also setting `add_to_root` to true";
        return Err(config.error(Some("target_field"), text));
    }
    let strategy = config.opt_str("add_to_root_conflict_strategy")?;
    let merges = match strategy.as_deref() {
        None | Some("replace") => false,
        Some("merge") => true,
        Some(other) => {
            let text = format!("conflict strategy [{other}] not supported, cannot convert field.");
            return Err(config.error(Some("add_to_root_conflict_strategy"), &text));
        }
    };
    if strategy.is_some() && !add_to_root {
        let text = "Cannot set `add_to_root_conflict_strategy` if `add_to_root` is false";
        return Err(config.error(Some("add_to_root_conflict_strategy"), text));
    }
    // Of a key that stands twice, the last counts either way.
    config.bool_or("allow_duplicate_keys", false)?;
    let strict = config.bool_or("strict_json_parsing", true)?;
    let ignore_missing = config.bool_or("ignore_missing", false)?;
    let target = target.unwrap_or_else(|| field.clone());
    Ok(Box::new(Json { field, target, add_to_root, merges, strict, ignore_missing }))
}

impl Edit for Json {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let Some(found) = document.present(&self.field, self.ignore_missing)? else {
            return Ok(());
        };
        let text = match found {
            Value::String(text) => text.clone(),
            Value::Null => return self.put(document, Value::Null),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                shown(other)
            }
        };
        let value = self.parse(&text)?;
        self.put(document, value)
    }
}

impl Json {
    fn parse(&self, text: &str) -> Result<Value, Error> {
        if self.strict {
            return serde_json::from_str(text)
                .map_err(|error| Error::illegal(format!("field [{}]: {error}", self.field.text)));
        }
        // Only the first value counts.
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        match values.next() {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => {
                Err(Error::illegal(format!("field [{}]: {error}", self.field.text)))
            }
            None => Ok(Value::Null),
        }
    }

    fn put(&self, document: &mut Document, value: Value) -> Result<(), Error> {
        if !self.add_to_root {
            return document.set(&self.target, value);
        }
        let Value::Object(members) = value else {
            return Err(Error::illegal("cannot add non-map fields to root of document"));
        };
        if !self.merges {
            for (name, value) in members {
                let path = Path { text: name.clone(), root: Root::Source, parts: vec![name] };
                document.set(&path, value)?;
            }
            return Ok(());
        }
        let merged = Value::Object(members);
        document.grow(&merged, 1)?;
        if let Value::Object(members) = merged {
            merge(&mut document.source, members);
        }
        Ok(())
    }
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}
