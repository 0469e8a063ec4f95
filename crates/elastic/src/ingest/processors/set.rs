//! `set`.

use serde_json::Value;

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::{Config, Target};
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;
use crate::ingest::template::ValueTemplate;

#[derive(Debug)]
enum From {
    Value(ValueTemplate),
    Field(Target),
}

#[derive(Debug)]
struct Set {
    field: Target,
    from: From,
    overrides: bool,
    ignore_empty_value: bool,
}

pub(super) fn set(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.target("field")?;
    let copy_from = config.opt_target("copy_from")?;
    let value = config.take("value");
    let from = match (copy_from, value) {
        (Some(_), Some(_)) => {
            let text = "cannot set both `copy_from` and `value` in the same processor";
            return Err(config.error(Some("copy_from"), text));
        }
        (Some(source), None) => From::Field(source),
        (None, Some(value)) => From::Value(
            ValueTemplate::parse(value)
                .map_err(|error| config.error(Some("value"), &error.reason))?,
        ),
        (None, None) => return Err(config.error(Some("value"), "required property is missing")),
    };
    // Whether texts are escaped for JSON is of no matter: they become texts of JSON as they are.
    config.opt_str("media_type")?;
    Ok(Box::new(Set {
        field,
        from,
        overrides: config.bool_or("override", true)?,
        ignore_empty_value: config.bool_or("ignore_empty_value", false)?,
    }))
}

impl Edit for Set {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let path = self.field.path(document)?;
        if !self.overrides && document.get(&path).is_some_and(|value| !value.is_null()) {
            return Ok(());
        }
        let value = match &self.from {
            From::Value(template) => template.render(document)?,
            From::Field(source) => self.copied(document, &source.path(document)?)?,
        };
        if self.ignore_empty_value && is_empty(&value) {
            return Ok(());
        }
        document.set(&path, value)
    }
}

impl Set {
    fn copied(&self, document: &Document, source: &Path) -> Result<Value, Error> {
        let found = document.present(source, self.ignore_empty_value)?;
        Ok(found.cloned().unwrap_or(Value::Null))
    }
}

/// Null or an empty text.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}
