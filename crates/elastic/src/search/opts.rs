//! Objects of options in bodies: read by name, unknown names refused with the words that clients know.

use serde_json::{Map, Value};

use crate::error::Error;

/// The members of one object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opts<'a> {
    /// What it belongs to: a query, an aggregation.
    pub(crate) owner: &'a str,
    pub(crate) map: &'a Map<String, Value>,
}

/// `parsing_exception`
pub(crate) fn parsing(reason: impl Into<String>) -> Error {
    Error::new(400, "parsing_exception", reason)
}

/// `x_content_parse_exception`
pub(crate) fn content(reason: impl Into<String>) -> Error {
    Error::new(400, "x_content_parse_exception", reason)
}

/// What something is, as parsers call it.
pub(crate) fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

/// A text as it is, a number or boolean as it is written.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl<'a> Opts<'a> {
    /// The object `value`.
    pub(crate) fn of(owner: &'a str, value: &'a Value) -> Result<Self, Error> {
        match value {
            Value::Object(map) => Ok(Self { owner, map }),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                Err(parsing(format!("[{owner}] query malformed, no start_object after query name")))
            }
        }
    }

    /// Refuses members of a query that are not among `known`; `boost` and `_name` always are.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, Error> {
        for name in self.map.keys() {
            if !known.contains(&name.as_str()) && name != "boost" && name != "_name" {
                return Err(parsing(format!("[{}] query does not support [{name}]", self.owner)));
            }
        }
        Ok(self)
    }

    /// Refuses members of anything else that are not among `known`, and says what may have been meant.
    pub(crate) fn known(self, known: &[&str]) -> Result<Self, Error> {
        for name in self.map.keys() {
            if !known.contains(&name.as_str()) {
                return Err(content(format!(
                    "[1:1] [{}] unknown field [{name}]{}",
                    self.owner,
                    did_you_mean(name, known.iter().copied())
                )));
            }
        }
        Ok(self)
    }

    /// A member that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, value: &Value) -> Error {
        content(format!(
            "[1:1] [{}] {name} doesn't support values of type: {}",
            self.owner,
            token(value)
        ))
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        scalar(value).map(Some).ok_or_else(|| self.wrong(name, value))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value {
            Value::Bool(value) => Ok(Some(*value)),
            Value::String(text) if text == "true" => Ok(Some(true)),
            Value::String(text) if text == "false" => Ok(Some(false)),
            Value::String(text) => Err(Error::illegal(format!(
                "Failed to parse value [{text}] as only [true] or [false] are allowed."
            ))),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(self.wrong(name, value))
            }
        }
    }

    pub(crate) fn is_set(&self, name: &str) -> Result<bool, Error> {
        Ok(self.flag(name)?.unwrap_or(false))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value {
            Value::Number(number) => Ok(number.as_f64()),
            Value::String(text) => text.trim().parse().map(Some).map_err(|_| {
                let reason = format!("For input string: \"{text}\"");
                content(format!("[1:1] [{}] failed to parse field [{name}]", self.owner))
                    .caused_by(Error::new(400, "number_format_exception", reason))
            }),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                Err(self.wrong(name, value))
            }
        }
    }

    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Error> {
        let number = self.number(name)?;
        let exact = self.get(name).and_then(Value::as_i64);
        Ok(exact.or_else(|| number.map(logs::agg::f64_to_int)))
    }

    /// A number of things, at least `min`.
    pub(crate) fn size(&self, name: &str, min: i64) -> Result<Option<usize>, Error> {
        let Some(value) = self.int(name)? else { return Ok(None) };
        if value < min {
            let must = if min > 0 {
                "must be greater than 0"
            } else {
                "must be greater than or equal to 0"
            };
            return Err(Error::illegal(format!(
                "[{name}] {must}. Found [{value}] in [{}]",
                self.owner
            )));
        }
        Ok(Some(usize::try_from(value).unwrap_or(usize::MAX)))
    }

    pub(crate) fn count(&self, name: &str) -> Result<Option<u32>, Error> {
        Ok(self.int(name)?.map(|value| u32::try_from(value.max(0)).unwrap_or(u32::MAX)))
    }

    pub(crate) fn float(&self, name: &str) -> Result<Option<f32>, Error> {
        Ok(self.number(name)?.map(single))
    }

    /// A text or several.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value {
            Value::Array(values) => values
                .iter()
                .map(|value| scalar(value).ok_or_else(|| self.wrong(name, value)))
                .collect::<Result<_, _>>()
                .map(Some),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                Ok(Some(vec![scalar(value).ok_or_else(|| self.wrong(name, value))?]))
            }
        }
    }
}

/// As 32 bits hold it.
#[expect(clippy::cast_possible_truncation, reason = "scores are 32 bits wide")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

/// ` did you mean [x]?`, when one or several of `known` are near.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    crate::near::did_you_mean(name, known).map_or_else(String::new, |hint| format!(" {hint}"))
}
