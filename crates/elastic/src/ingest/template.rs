//! Texts with `{{field}}` in them, and values made of such texts.

use serde_json::{Map, Value};

use super::document::{Document, shown};
use super::limits::{GROWTH_MAX, TEMPLATE_MAX};
use super::path::Path;
use crate::error::Error;

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Field(Path),
}

/// A text with fields in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template(Vec<Piece>);

impl Template {
    /// Reads `text`. Sections, partials and comments of Mustache are refused.
    ///
    /// # Errors
    /// What is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > TEMPLATE_MAX {
            return Err(Error::illegal(format!("template is longer than {TEMPLATE_MAX} bytes")));
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            let (before, inside) = rest.split_at(at);
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (open, close) =
                if inside.starts_with("{{{") { ("{{{", "}}}") } else { ("{{", "}}") };
            let inside = &inside[open.len()..];
            let end = inside.find(close).ok_or_else(|| {
                Error::illegal(format!("template [{text}] has no end of `{open}`"))
            })?;
            let name = inside[..end].trim();
            let name = name.strip_prefix('&').map_or(name, str::trim);
            if name.starts_with(['#', '^', '/', '!', '>', '=']) {
                return Err(Error::illegal(format!(
                    "template [{text}] has a section [{name}]: only fields are supported"
                )));
            }
            pieces.push(Piece::Field(Path::parse(name)?));
            rest = &inside[end + close.len()..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The text, when there are no fields in it.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with the document's fields put in: at most `max` bytes. What is missing is empty.
    ///
    /// # Errors
    /// It would be longer.
    pub(crate) fn render(&self, document: &Document, max: usize) -> Result<String, Error> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Field(path) => match document.get(path) {
                    None | Some(Value::Null) => {}
                    Some(Value::String(text)) => out.push_str(text),
                    Some(value) => out.push_str(&shown(value)),
                },
            }
            if out.len() > max {
                return Err(Error::illegal(format!("a template made more than {max} bytes")));
            }
        }
        Ok(out)
    }
}

/// A value whose texts, at any depth, may be templates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ValueTemplate {
    Plain(Value),
    Text(Template),
    List(Vec<ValueTemplate>),
    Object(Vec<(Template, ValueTemplate)>),
}

impl ValueTemplate {
    /// Reads the templates in `value`.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub(crate) fn parse(value: Value) -> Result<Self, Error> {
        Ok(match value {
            Value::String(text) => {
                let template = Template::parse(&text)?;
                match template.plain() {
                    Some(_) => Self::Plain(Value::String(text)),
                    None => Self::Text(template),
                }
            }
            Value::Array(items) => {
                Self::List(items.into_iter().map(Self::parse).collect::<Result<_, Error>>()?)
            }
            Value::Object(members) => {
                let mut parsed = Vec::with_capacity(members.len());
                for (name, value) in members {
                    parsed.push((Template::parse(&name)?, Self::parse(value)?));
                }
                Self::Object(parsed)
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => Self::Plain(other),
        })
    }

    /// The value for `document`.
    ///
    /// # Errors
    /// Texts that grow too long.
    pub(crate) fn render(&self, document: &Document) -> Result<Value, Error> {
        let mut left = GROWTH_MAX;
        self.render_within(document, &mut left)
    }

    fn render_within(&self, document: &Document, left: &mut usize) -> Result<Value, Error> {
        let text = |template: &Template, left: &mut usize| {
            let text = template.render(document, *left)?;
            *left -= text.len();
            Ok::<_, Error>(text)
        };
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(template) => Value::String(text(template, left)?),
            Self::List(items) => {
                let items = items.iter().map(|item| item.render_within(document, left));
                Value::Array(items.collect::<Result<_, Error>>()?)
            }
            Self::Object(members) => {
                let mut rendered = Map::new();
                for (name, value) in members {
                    let value = value.render_within(document, left)?;
                    rendered.insert(text(name, left)?, value);
                }
                Value::Object(rendered)
            }
        })
    }
}
