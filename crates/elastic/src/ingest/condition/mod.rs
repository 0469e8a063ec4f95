//! `if` of processors: the part of Painless that is an expression over `ctx`, parsed to a small tree.
//!
//! Fields (`ctx.a?.b`, `ctx['a']`), comparisons, `&&`, `||`, `!`, `instanceof`, `=~`, lists, and a few methods without effects. Anything else is refused.

mod eval;
mod parse;
mod token;

use serde_json::Value;

use super::document::Document;
use super::limits::CONDITION_MAX;
use super::regex::Pattern;
use crate::error::Error;

/// A condition, ready to be asked.
#[derive(Debug)]
pub(crate) struct Condition {
    text: String,
    root: Node,
}

/// A part of it.
#[derive(Debug)]
enum Node {
    Value(Value),
    /// `ctx`
    Context,
    List(Vec<Node>),
    Field {
        of: Box<Node>,
        name: Box<Node>,
        safe: bool,
    },
    Call {
        of: Box<Node>,
        method: Method,
        arguments: Vec<Node>,
        safe: bool,
    },
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Compare {
        how: Compare,
        left: Box<Node>,
        right: Box<Node>,
    },
    Matches {
        text: Box<Node>,
        pattern: Box<Pattern>,
        whole: bool,
    },
    InstanceOf {
        of: Box<Node>,
        class: Class,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Contains,
    ContainsKey,
    StartsWith,
    EndsWith,
    Equals,
    EqualsIgnoreCase,
    IsEmpty,
    Length,
    Size,
    ToLowerCase,
    ToUpperCase,
    Trim,
    ToString,
    IndexOf,
    Get,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    String,
    List,
    Map,
    Number,
    Integer,
    Long,
    Double,
    Boolean,
}

impl Condition {
    /// Reads `if`: a text, or an object with `source`.
    ///
    /// # Errors
    /// What is not understood.
    pub(crate) fn of_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Object(members) => {
                let known = ["source", "lang"];
                if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
                    return Err(format!("a condition's [{name}] is not supported"));
                }
                if members.get("lang").is_some_and(|lang| lang != "painless") {
                    return Err("a condition is written in painless".to_owned());
                }
                let source = members.get("source").and_then(Value::as_str);
                Self::parse(source.ok_or("a condition has a [source]")?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                Err("a condition is a text".to_owned())
            }
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.len() > CONDITION_MAX {
            return Err(format!("a condition is longer than {CONDITION_MAX} bytes"));
        }
        let root = parse::parse(text)
            .map_err(|reason| format!("condition [{text}] is not supported: {reason}"))?;
        Ok(Self { text: text.to_owned(), root })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds for `document`.
    ///
    /// # Errors
    /// A member of null, a comparison of things that cannot be compared.
    pub(crate) fn holds(&self, document: &Document) -> Result<bool, Error> {
        eval::holds(&self.root, document).map_err(|cause| {
            Error::new(400, "script_exception", "runtime error")
                .with("script", self.text.clone())
                .with("lang", "painless")
                .caused_by(cause)
        })
    }
}
