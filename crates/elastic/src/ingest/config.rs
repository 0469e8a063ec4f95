//! The parameters of a processor or pipeline, read one by one; what is left over is an error.

use serde_json::{Map, Value};

use super::document::java_type;
use super::limits::PATH_MAX;
use super::path::Path;
use super::template::Template;
use crate::error::Error;

/// Parameters that were not read yet.
#[derive(Debug)]
pub(crate) struct Config {
    /// Which processor's; empty for a pipeline.
    pub(crate) kind: String,
    pub(crate) tag: Option<String>,
    members: Map<String, Value>,
}

impl Config {
    pub(crate) fn new(kind: &str, members: Map<String, Value>) -> Self {
        Self { kind: kind.to_owned(), tag: None, members }
    }

    /// `[property] reason`, as Elasticsearch says it.
    pub(crate) fn error(&self, property: Option<&str>, reason: &str) -> Error {
        let text = match property {
            Some(property) => format!("[{property}] {reason}"),
            None => reason.to_owned(),
        };
        let mut error = Error::new(400, "parse_exception", text);
        if !self.kind.is_empty() {
            error = error.with("processor_type", self.kind.clone());
        }
        if let Some(tag) = &self.tag {
            error = error.with("processor_tag", tag.clone());
        }
        if let Some(property) = property {
            error = error.with("property_name", property);
        }
        error
    }

    fn of_type(&self, name: &str, wanted: &str, found: &Value) -> Error {
        let reason = format!("property isn't a {wanted}, but of type [{}]", java_type(found));
        self.error(Some(name), &reason)
    }

    /// A parameter, if it is there and not null.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.shift_remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn opt_str(&mut self, name: &str) -> Result<Option<String>, Error> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.of_type(name, "string", &other)),
        }
    }

    pub(crate) fn str(&mut self, name: &str) -> Result<String, Error> {
        self.opt_str(name)?.ok_or_else(|| self.error(Some(name), "required property is missing"))
    }

    pub(crate) fn str_or(&mut self, name: &str, default: &str) -> Result<String, Error> {
        Ok(self.opt_str(name)?.unwrap_or_else(|| default.to_owned()))
    }

    pub(crate) fn bool_or(&mut self, name: &str, default: bool) -> Result<bool, Error> {
        match self.take(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(other) => Err(self.of_type(name, "boolean", &other)),
        }
    }

    pub(crate) fn opt_int(&mut self, name: &str) -> Result<Option<i64>, Error> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let int = match &value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        match int {
            Some(int) => Ok(Some(int)),
            None => {
                let reason = format!("property cannot be converted to an int [{value}]");
                Err(self.error(Some(name), &reason))
            }
        }
    }

    pub(crate) fn opt_list(&mut self, name: &str) -> Result<Option<Vec<Value>>, Error> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(self.of_type(name, "list", &other)),
        }
    }

    pub(crate) fn opt_map(&mut self, name: &str) -> Result<Option<Map<String, Value>>, Error> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(other) => Err(self.of_type(name, "map", &other)),
        }
    }

    /// A list of texts.
    pub(crate) fn opt_strs(&mut self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(items) = self.opt_list(name)? else { return Ok(None) };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Value::String(text) => texts.push(text),
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => return Err(self.of_type(name, "list of strings", &other)),
            }
        }
        Ok(Some(texts))
    }

    pub(crate) fn strs(&mut self, name: &str) -> Result<Vec<String>, Error> {
        self.opt_strs(name)?.ok_or_else(|| self.error(Some(name), "required property is missing"))
    }

    /// A text, or a list of texts.
    pub(crate) fn one_or_more(&mut self, name: &str) -> Result<Option<Vec<String>>, Error> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(vec![text])),
            Some(list) => {
                self.members.insert(name.to_owned(), list);
                self.opt_strs(name)
            }
        }
    }

    /// A field's path without a template.
    pub(crate) fn path(&mut self, name: &str) -> Result<Path, Error> {
        let text = self.str(name)?;
        self.as_path(name, &text)
    }

    pub(crate) fn opt_path(&mut self, name: &str) -> Result<Option<Path>, Error> {
        match self.opt_str(name)? {
            None => Ok(None),
            Some(text) => self.as_path(name, &text).map(Some),
        }
    }

    pub(crate) fn path_or(&mut self, name: &str, default: &Path) -> Result<Path, Error> {
        Ok(self.opt_path(name)?.unwrap_or_else(|| default.clone()))
    }

    fn as_path(&self, name: &str, text: &str) -> Result<Path, Error> {
        Path::parse(text).map_err(|error| self.error(Some(name), &error.reason))
    }

    /// A text that may have `{{…}}` in it.
    pub(crate) fn template(&mut self, name: &str) -> Result<Template, Error> {
        let text = self.str(name)?;
        self.as_template(name, &text)
    }

    pub(crate) fn as_template(&self, name: &str, text: &str) -> Result<Template, Error> {
        Template::parse(text).map_err(|error| self.error(Some(name), &error.reason))
    }

    /// A field's path that may have `{{…}}` in it.
    pub(crate) fn target(&mut self, name: &str) -> Result<Target, Error> {
        let text = self.str(name)?;
        self.as_target(name, &text)
    }

    pub(crate) fn opt_target(&mut self, name: &str) -> Result<Option<Target>, Error> {
        match self.opt_str(name)? {
            None => Ok(None),
            Some(text) => self.as_target(name, &text).map(Some),
        }
    }

    pub(crate) fn as_target(&self, name: &str, text: &str) -> Result<Target, Error> {
        let template = self.as_template(name, text)?;
        Ok(match template.plain() {
            Some(text) => Target::Fixed(self.as_path(name, text)?),
            None => Target::Rendered(template),
        })
    }

    /// The names that nobody read.
    pub(crate) fn left(&self) -> Option<String> {
        if self.members.is_empty() {
            return None;
        }
        let names: Vec<&str> = self.members.keys().map(String::as_str).collect();
        Some(names.join(", "))
    }
}

/// A path that is known, or made for each document.
#[derive(Debug)]
pub(crate) enum Target {
    Fixed(Path),
    Rendered(Template),
}

impl Target {
    /// The path for `document`.
    pub(crate) fn path(&self, document: &super::Document) -> Result<Path, Error> {
        match self {
            Self::Fixed(path) => Ok(path.clone()),
            Self::Rendered(template) => Path::parse(&template.render(document, PATH_MAX)?),
        }
    }
}
