//! Processors of lists: `append`, `join`, `sort`, `split`.

use serde_json::Value;

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::{Config, Target};
use crate::ingest::document::{cannot_be_cast, java_type, shown};
use crate::ingest::limits::GROWTH_MAX;
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;
use crate::ingest::regex::{Dialect, Pattern};
use crate::ingest::template::ValueTemplate;

#[derive(Debug)]
struct Append {
    field: Target,
    value: Option<ValueTemplate>,
    copy_from: Option<Target>,
    allow_duplicates: bool,
    ignore_empty_values: bool,
}

pub(super) fn append(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.target("field")?;
    let copy_from = config.opt_target("copy_from")?;
    let value = match (config.take("value"), &copy_from) {
        (Some(_), Some(_)) => {
            let text = "cannot set both `copy_from` and `value` in the same processor";
            return Err(config.error(Some("copy_from"), text));
        }
        (None, None) => return Err(config.error(Some("value"), "required property is missing")),
        (None, Some(_)) => None,
        (Some(value), None) => Some(
            ValueTemplate::parse(value)
                .map_err(|error| config.error(Some("value"), &error.reason))?,
        ),
    };
    config.opt_str("media_type")?;
    Ok(Box::new(Append {
        field,
        value,
        copy_from,
        allow_duplicates: config.bool_or("allow_duplicates", true)?,
        ignore_empty_values: config.bool_or("ignore_empty_values", false)?,
    }))
}

impl Edit for Append {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let path = self.field.path(document)?;
        let value = match (&self.value, &self.copy_from) {
            (Some(value), _) => value.render(document)?,
            (None, Some(source)) => document.find(&source.path(document)?)?.clone(),
            (None, None) => return Ok(()),
        };
        let mut values = match value {
            Value::Array(items) => items,
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => vec![other],
        };
        if self.ignore_empty_values {
            values.retain(|value| !value.is_null() && value.as_str() != Some(""));
        }
        if values.is_empty() && self.ignore_empty_values {
            return Ok(());
        }
        document.append(&path, values, self.allow_duplicates)
    }
}

/// The list at `field`; `None` where it may be missing.
fn list(
    document: &Document,
    field: &Path,
    ignore_missing: bool,
    verb: &str,
) -> Result<Option<Vec<Value>>, Error> {
    match document.present(field, ignore_missing)? {
        None => Ok(None),
        Some(Value::Null) if ignore_missing => Ok(None),
        Some(Value::Null) => {
            Err(Error::illegal(format!("field [{}] is null, cannot {verb}.", field.text)))
        }
        Some(Value::Array(items)) => Ok(Some(items.clone())),
        Some(other) => Err(cannot_be_cast(&field.text, other, "java.util.List")),
    }
}

#[derive(Debug)]
struct Join {
    field: Path,
    target: Path,
    separator: String,
}

pub(super) fn join(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.path("field")?;
    let target = config.path_or("target_field", &field)?;
    Ok(Box::new(Join { field, target, separator: config.str("separator")? }))
}

impl Edit for Join {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let Some(items) = list(document, &self.field, false, "join")? else { return Ok(()) };
        let mut joined = String::new();
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                joined.push_str(&self.separator);
            }
            joined.push_str(&shown(item));
            if joined.len() > GROWTH_MAX {
                return Err(Error::illegal(format!("join made more than {GROWTH_MAX} bytes")));
            }
        }
        document.set(&self.target, joined.into())
    }
}

#[derive(Debug)]
struct Split {
    field: Path,
    target: Path,
    separator: Pattern,
    ignore_missing: bool,
    preserve_trailing: bool,
}

pub(super) fn split(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.path("field")?;
    let separator = config.str("separator")?;
    let separator = Pattern::compile(&separator, Dialect::Java)
        .map_err(|reason| config.error(Some("separator"), &reason))?;
    Ok(Box::new(Split {
        target: config.path_or("target_field", &field)?,
        field,
        separator,
        ignore_missing: config.bool_or("ignore_missing", false)?,
        preserve_trailing: config.bool_or("preserve_trailing", false)?,
    }))
}

impl Edit for Split {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let Some(text) = document.text(&self.field, self.ignore_missing)? else {
            if self.ignore_missing {
                return Ok(());
            }
            let text = format!("field [{}] is null, cannot split.", self.field.text);
            return Err(Error::illegal(text));
        };
        let limit = if self.preserve_trailing { usize::MAX } else { 0 };
        let parts = self.separator.split(text, limit);
        let parts: Vec<Value> = parts.into_iter().map(Value::from).collect();
        document.set(&self.target, Value::Array(parts))
    }
}

#[derive(Debug)]
struct Sort {
    field: Path,
    target: Path,
    descending: bool,
}

pub(super) fn sort(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.path("field")?;
    let target = config.path_or("target_field", &field)?;
    let order = config.str_or("order", "asc")?;
    let descending = match order.to_ascii_lowercase().as_str() {
        "asc" => false,
        "desc" => true,
        _ => {
            let text =
                format!("Sort direction [{order}] not recognized. Valid values are: [asc, desc]");
            return Err(config.error(Some("order"), &text));
        }
    };
    Ok(Box::new(Sort { field, target, descending }))
}

impl Edit for Sort {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let Some(mut items) = list(document, &self.field, false, "sort")? else { return Ok(()) };
        let texts = items.iter().all(Value::is_string);
        let numbers = items.iter().all(Value::is_number);
        let bools = items.iter().all(Value::is_boolean);
        if !texts && !numbers && !bools {
            let types: Vec<&str> = items.iter().map(java_type).take(8).collect();
            let text = format!(
                "field [{}] has items of types that cannot be compared: [{}]",
                self.field.text,
                types.join(", ")
            );
            return Err(Error::new(400, "class_cast_exception", text));
        }
        items.sort_by(|left, right| {
            let order = match (left, right) {
                (Value::String(left), Value::String(right)) => left.cmp(right),
                (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
                _ => match (left.as_i64(), right.as_i64()) {
                    (Some(left), Some(right)) => left.cmp(&right),
                    _ => left.as_f64().unwrap_or(0.0).total_cmp(&right.as_f64().unwrap_or(0.0)),
                },
            };
            if self.descending { order.reverse() } else { order }
        });
        document.set(&self.target, Value::Array(items))
    }
}
