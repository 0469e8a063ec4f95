//! `rename` and `dot_expander`.

use serde_json::Value;

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::{Config, Target};
use crate::ingest::document::java_type;
use crate::ingest::path::{Path, Root};
use crate::ingest::pipeline::Builder;

#[derive(Debug)]
struct Rename {
    field: Target,
    target: Target,
    ignore_missing: bool,
    overrides: bool,
}

pub(super) fn rename(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let ignore_missing = config.bool_or("ignore_missing", false)?;
    // Elasticsearch's and OpenSearch's name of it.
    let overrides =
        config.bool_or("override", false)? | config.bool_or("override_target", false)?;
    Ok(Box::new(Rename {
        field: config.target("field")?,
        target: config.target("target_field")?,
        ignore_missing,
        overrides,
    }))
}

impl Edit for Rename {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let field = self.field.path(document)?;
        if document.get(&field).is_none() {
            if self.ignore_missing {
                return Ok(());
            }
            return Err(Error::illegal(format!("field [{}] doesn't exist", field.text)));
        }
        let target = self.target.path(document)?;
        if document.get(&target).is_some() && !self.overrides {
            return Err(Error::illegal(format!("field [{}] already exists", target.text)));
        }
        let value = document.remove(&field)?;
        let kept = value.clone();
        document.set(&target, value).inspect_err(|_| {
            // Nothing is lost when it cannot be put there. If it cannot be put back either, the first error says why.
            drop(document.set(&field, kept));
        })
    }
}

#[derive(Debug)]
struct DotExpander {
    /// `None`: all that have dots.
    field: Option<String>,
    /// The object that they are in.
    within: Option<Path>,
    overrides: bool,
}

pub(super) fn dot_expander(
    config: &mut Config,
    _: &mut Builder,
) -> Result<Box<dyn Processor>, Error> {
    let field = config.str("field")?;
    if field != "*" {
        if !field.contains('.') {
            let text = "field does not contain a dot and is not a wildcard";
            return Err(config.error(Some("field"), text));
        }
        if field.starts_with('.') || field.ends_with('.') || field.contains("..") {
            let text = "Field can't start or end with a dot, and has no dot beside a dot";
            return Err(config.error(Some("field"), text));
        }
        Path::parse(&field).map_err(|error| config.error(Some("field"), &error.reason))?;
    }
    Ok(Box::new(DotExpander {
        field: (field != "*").then_some(field),
        within: config.opt_path("path")?,
        overrides: config.bool_or("override", false)?,
    }))
}

impl Edit for DotExpander {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let members = match &self.within {
            None => &document.source,
            Some(path) => match document.find(path)? {
                Value::Object(members) => members,
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)) => {
                    let text = format!(
                        "field [{}] of type [{}] cannot be cast to [java.util.Map]",
                        path.text,
                        java_type(other)
                    );
                    return Err(Error::illegal(text));
                }
            },
        };
        let names: Vec<String> = match &self.field {
            Some(field) => vec![field.clone()],
            None => members.keys().filter(|name| splits(name)).cloned().collect(),
        };
        for name in names {
            self.expand(&name, document)?;
        }
        Ok(())
    }
}

/// Whether a name has dots only between words.
fn splits(name: &str) -> bool {
    name.contains('.') && name.split('.').all(|part| !part.is_empty())
}

impl DotExpander {
    fn expand(&self, name: &str, document: &mut Document) -> Result<(), Error> {
        let mut whole = match &self.within {
            Some(path) => path.clone(),
            None => Path { text: String::new(), root: Root::Source, parts: Vec::new() },
        };
        let prefix = whole.parts.clone();
        whole.parts.push(name.to_owned());
        whole.text = whole.parts.join(".");
        let Some(value) = document.get(&whole).cloned() else { return Ok(()) };
        // Only `a.b` in one word is expanded.
        let mut parts = prefix;
        parts.extend(name.split('.').map(str::to_owned));
        let split = Path { text: parts.join("."), root: whole.root, parts };
        Path::parse(&split.text)?;
        for end in (whole.parts.len())..split.parts.len() {
            let parent = Path { parts: split.parts[..end].to_vec(), ..split.clone() };
            if document.get(&parent).is_some_and(|found| !found.is_object()) {
                let text = format!(
                    "cannot expend [{name}] because [{}] is not an object field, but a value field",
                    parent.parts.join(".")
                );
                return Err(Error::illegal(text));
            }
        }
        if document.get(&split).is_some() && !self.overrides {
            document.remove(&whole)?;
            let values = match value {
                Value::Array(items) => items,
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_)) => vec![other],
            };
            return document.append(&split, values, true);
        }
        document.remove(&whole)?;
        document.set(&split, value)
    }
}
