//! Whether a condition holds.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::{Class, Compare, Method, Node};
use crate::error::Error;
use crate::ingest::document::{Document, java_type, shown};
use crate::ingest::path::META;

/// What an expression is: `ctx` itself, or a value.
enum Seen<'a> {
    Context,
    Value(Cow<'a, Value>),
}

const NULL: &Value = &Value::Null;

pub(super) fn holds(node: &Node, document: &Document) -> Result<bool, Error> {
    match node {
        Node::And(left, right) => Ok(holds(left, document)? && holds(right, document)?),
        Node::Or(left, right) => Ok(holds(left, document)? || holds(right, document)?),
        Node::Not(inner) => Ok(!holds(inner, document)?),
        Node::Compare { how, left, right } => {
            compare(*how, value(left, document)?.as_ref(), value(right, document)?.as_ref())
        }
        Node::Matches { text, pattern, whole } => match value(text, document)?.as_ref() {
            Value::String(text) => Ok(if *whole {
                pattern.regex.find_iter(text).any(|found| found.range() == (0..text.len()))
            } else {
                pattern.regex.is_match(text)
            }),
            Value::Null => Err(of_null("=~")),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(cast(other, "java.lang.String"))
            }
        },
        Node::InstanceOf { of, class } => Ok(is_of(value(of, document)?.as_ref(), *class)),
        Node::Value(_) | Node::Context | Node::List(_) | Node::Field { .. } | Node::Call { .. } => {
            match value(node, document)?.as_ref() {
                Value::Bool(flag) => Ok(*flag),
                Value::Null => Err(of_null("booleanValue")),
                other @ (Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_)) => Err(cast(other, "boolean")),
            }
        }
    }
}

fn of_null(what: &str) -> Error {
    let text = format!("cannot access method/field [{what}] from a null def reference");
    Error::new(400, "null_pointer_exception", text)
}

fn cast(value: &Value, wanted: &str) -> Error {
    let text = format!("Cannot cast {} to {wanted}", java_type(value));
    Error::new(400, "class_cast_exception", text)
}

fn value<'a>(node: &'a Node, document: &'a Document) -> Result<Cow<'a, Value>, Error> {
    match seen(node, document)? {
        Seen::Value(value) => Ok(value),
        Seen::Context => {
            let text = "ctx is no value: take its fields";
            Err(Error::new(400, "class_cast_exception", text))
        }
    }
}

fn seen<'a>(node: &'a Node, document: &'a Document) -> Result<Seen<'a>, Error> {
    let found = match node {
        Node::Context => return Ok(Seen::Context),
        Node::Value(value) => Cow::Borrowed(value),
        Node::List(items) => {
            let items = items.iter().map(|item| value(item, document).map(Cow::into_owned));
            Cow::Owned(Value::Array(items.collect::<Result<_, Error>>()?))
        }
        Node::Field { of, name, safe } => {
            let name = value(name, document)?;
            match seen(of, document)? {
                Seen::Context => Cow::Borrowed(of_context(&name, document)),
                Seen::Value(of) => member(of, &name, *safe)?,
            }
        }
        Node::Call { of, method, arguments, safe } => {
            let argument = match arguments.first() {
                Some(argument) => value(argument, document)?,
                None => Cow::Borrowed(NULL),
            };
            match seen(of, document)? {
                Seen::Context => Cow::Owned(call_context(*method, &argument, document)?),
                Seen::Value(of) if of.is_null() && *safe => Cow::Borrowed(NULL),
                Seen::Value(of) => Cow::Owned(call(&of, *method, &argument)?),
            }
        }
        Node::Not(_)
        | Node::And(..)
        | Node::Or(..)
        | Node::Compare { .. }
        | Node::Matches { .. }
        | Node::InstanceOf { .. } => Cow::Owned(Value::Bool(holds(node, document)?)),
    };
    Ok(Seen::Value(found))
}

/// A field of the document, or of its metadata.
fn of_context<'a>(name: &Value, document: &'a Document) -> &'a Value {
    let Some(name) = name.as_str() else { return NULL };
    if META.contains(&name) {
        return document.meta.get(name).unwrap_or(NULL);
    }
    document.source.get(name).unwrap_or(NULL)
}

fn member<'a>(of: Cow<'a, Value>, name: &Value, safe: bool) -> Result<Cow<'a, Value>, Error> {
    let index = |length: usize| {
        let index = match name {
            Value::String(text) => text.parse::<i64>().ok(),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => other.as_i64(),
        };
        // From the end, when it is negative.
        let index =
            index.map(|at| if at < 0 { at + i64::try_from(length).unwrap_or(0) } else { at });
        index.and_then(|at| usize::try_from(at).ok()).filter(|at| *at < length)
    };
    match of.as_ref() {
        Value::Null if safe => return Ok(Cow::Borrowed(NULL)),
        Value::Null => return Err(of_null(&shown(name))),
        Value::Array(items) if index(items.len()).is_none() => {
            let text = format!("index [{}] out of bounds for length {}", shown(name), items.len());
            return Err(Error::new(400, "index_out_of_bounds_exception", text));
        }
        Value::Array(_) | Value::Object(_) => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let text = format!("dynamic getter [{}, {}] not found", java_type(&of), shown(name));
            return Err(Error::illegal(text));
        }
    }
    Ok(match of {
        Cow::Borrowed(Value::Object(members)) => {
            Cow::Borrowed(members.get(&shown(name)).unwrap_or(NULL))
        }
        Cow::Borrowed(Value::Array(items)) => {
            Cow::Borrowed(index(items.len()).and_then(|at| items.get(at)).unwrap_or(NULL))
        }
        Cow::Owned(Value::Object(mut members)) => {
            Cow::Owned(members.remove(&shown(name)).unwrap_or(Value::Null))
        }
        Cow::Owned(Value::Array(mut items)) => {
            Cow::Owned(index(items.len()).map_or(Value::Null, |at| items.swap_remove(at)))
        }
        Cow::Borrowed(_) | Cow::Owned(_) => Cow::Borrowed(NULL),
    })
}

fn call_context(method: Method, argument: &Value, document: &Document) -> Result<Value, Error> {
    let name = shown(argument);
    match method {
        Method::ContainsKey => {
            let there = document.source.contains_key(&name) || document.meta.contains_key(&name);
            Ok(there.into())
        }
        Method::Get => Ok(of_context(argument, document).clone()),
        Method::IsEmpty => Ok(false.into()),
        Method::Size => Ok((document.source.len() + document.meta.len()).into()),
        other @ (Method::Contains
        | Method::StartsWith
        | Method::EndsWith
        | Method::Equals
        | Method::EqualsIgnoreCase
        | Method::Length
        | Method::ToLowerCase
        | Method::ToUpperCase
        | Method::Trim
        | Method::ToString
        | Method::IndexOf) => Err(no_method("java.util.Map", other)),
    }
}

fn no_method(of: &str, method: Method) -> Error {
    Error::illegal(format!("dynamic method [{of}, {method:?}] not found"))
}

fn call(of: &Value, method: Method, argument: &Value) -> Result<Value, Error> {
    match (of, method) {
        (Value::Null, _) => Err(of_null(&format!("{method:?}"))),
        (_, Method::Equals) => Ok(equal(of, argument).into()),
        (_, Method::ToString) => Ok(shown(of).into()),
        (Value::String(text), _) => call_text(text, method, argument),
        (Value::Array(items), Method::Contains) => {
            Ok(items.iter().any(|item| equal(item, argument)).into())
        }
        (Value::Array(items), Method::IndexOf) => {
            let at = items.iter().position(|item| equal(item, argument));
            Ok(at.map_or(Value::from(-1), Value::from))
        }
        (Value::Array(items), Method::IsEmpty) => Ok(items.is_empty().into()),
        (Value::Array(items), Method::Size | Method::Length) => Ok(items.len().into()),
        (Value::Object(members), Method::ContainsKey) => {
            Ok(members.contains_key(&shown(argument)).into())
        }
        (Value::Object(members), Method::Get) => {
            Ok(members.get(&shown(argument)).cloned().unwrap_or(Value::Null))
        }
        (Value::Object(members), Method::IsEmpty) => Ok(members.is_empty().into()),
        (Value::Object(members), Method::Size) => Ok(members.len().into()),
        (other, method) => Err(no_method(java_type(other), method)),
    }
}

fn call_text(text: &str, method: Method, argument: &Value) -> Result<Value, Error> {
    let other = || match argument {
        Value::String(other) => Ok(other.as_str()),
        Value::Null => Err(Error::new(400, "null_pointer_exception", "the argument is null")),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(cast(other, "java.lang.String"))
        }
    };
    Ok(match method {
        Method::Contains => text.contains(other()?).into(),
        Method::StartsWith => text.starts_with(other()?).into(),
        Method::EndsWith => text.ends_with(other()?).into(),
        Method::EqualsIgnoreCase => {
            let same = |other: &str| text.to_lowercase() == other.to_lowercase();
            argument.as_str().is_some_and(same).into()
        }
        Method::IsEmpty => text.is_empty().into(),
        // Java counts UTF-16's units.
        Method::Length => text.encode_utf16().count().into(),
        Method::ToLowerCase => text.to_lowercase().into(),
        Method::ToUpperCase => text.to_uppercase().into(),
        Method::Trim => text.trim_matches(|letter| letter <= ' ').into(),
        Method::IndexOf => match text.find(other()?) {
            Some(at) => text[..at].encode_utf16().count().into(),
            None => (-1).into(),
        },
        Method::ContainsKey | Method::Size | Method::Get | Method::Equals | Method::ToString => {
            return Err(no_method("java.lang.String", method));
        }
    })
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => order(left, right) == Some(Ordering::Equal),
        _ => left == right,
    }
}

/// Of two numbers.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn compare(how: Compare, left: &Value, right: &Value) -> Result<bool, Error> {
    match how {
        Compare::Equal => return Ok(equal(left, right)),
        Compare::NotEqual => return Ok(!equal(left, right)),
        Compare::Less | Compare::LessOrEqual | Compare::Greater | Compare::GreaterOrEqual => {}
    }
    for side in [left, right] {
        match side {
            Value::Number(_) => {}
            Value::Null => {
                let text = "cannot compare null with a number";
                return Err(Error::new(400, "null_pointer_exception", text));
            }
            other @ (Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(cast(other, "java.lang.Number"));
            }
        }
    }
    let Some(order) = order(left, right) else { return Ok(false) };
    Ok(match how {
        Compare::Less => order.is_lt(),
        Compare::LessOrEqual => order.is_le(),
        Compare::Greater => order.is_gt(),
        Compare::GreaterOrEqual => order.is_ge(),
        Compare::Equal | Compare::NotEqual => false,
    })
}

fn is_of(value: &Value, class: Class) -> bool {
    match class {
        Class::String => value.is_string(),
        Class::List => value.is_array(),
        Class::Map => value.is_object(),
        Class::Number => value.is_number(),
        Class::Integer => value.as_i64().is_some_and(|int| i32::try_from(int).is_ok()),
        Class::Long => value.as_i64().is_some_and(|int| i32::try_from(int).is_err()),
        Class::Double => value.is_f64(),
        Class::Boolean => value.is_boolean(),
    }
}
