//! A document on its way through a pipeline: its source, its metadata, and what pipelines know of it (`_ingest`).

use serde_json::{Map, Value};

use logs::date::{Format, Zone};

use super::limits::{DEPTH_MAX, GROWTH_MAX};
use super::path::{Path, Root};
use crate::error::Error;

/// A document on its way. What pipelines write to it is counted and bounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// `_index`, `_id`, `_routing`, `_version` …: what is there of them.
    pub meta: Map<String, Value>,
    pub source: Map<String, Value>,
    /// `_ingest`: the time of arrival, and what a failure was.
    pub ingest: Map<String, Value>,
    grown: usize,
}

impl Document {
    /// A document that arrived at `now_ms` since 1970.
    #[must_use]
    pub fn new(
        index: &str,
        id: Option<&str>,
        routing: Option<&str>,
        source: Map<String, Value>,
        now_ms: i64,
    ) -> Self {
        let mut meta = Map::new();
        let known = [("_index", Some(index)), ("_id", id), ("_routing", routing)];
        for (name, value) in known {
            if let Some(value) = value {
                meta.insert(name.to_owned(), value.into());
            }
        }
        let mut ingest = Map::new();
        ingest.insert("timestamp".to_owned(), timestamp(now_ms).into());
        Self { meta, source, ingest, grown: 0 }
    }

    /// Where it is to go. A pipeline may have changed it.
    #[must_use]
    pub fn index(&self) -> &str {
        self.meta_text("_index").unwrap_or_default()
    }

    /// Its id, if it has one already.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.meta_text("_id")
    }

    /// Its routing, if any.
    #[must_use]
    pub fn routing(&self) -> Option<&str> {
        self.meta_text("_routing")
    }

    fn meta_text(&self, name: &str) -> Option<&str> {
        self.meta.get(name).and_then(Value::as_str)
    }

    fn root(&self, root: Root) -> &Map<String, Value> {
        match root {
            Root::Source => &self.source,
            Root::Meta => &self.meta,
            Root::Ingest => &self.ingest,
        }
    }

    fn root_mut(&mut self, root: Root) -> &mut Map<String, Value> {
        match root {
            Root::Source => &mut self.source,
            Root::Meta => &mut self.meta,
            Root::Ingest => &mut self.ingest,
        }
    }

    /// What is at `path`; `None` when nothing is.
    pub(crate) fn get(&self, path: &Path) -> Option<&Value> {
        let (first, rest) = path.parts.split_first()?;
        let mut at = self.root(path.root).get(first)?;
        for part in rest {
            at = match at {
                Value::Object(members) => members.get(part)?,
                Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
            };
        }
        Some(at)
    }

    /// What is at `path`.
    ///
    /// # Errors
    /// Says which part of the path is not there.
    pub(crate) fn find(&self, path: &Path) -> Result<&Value, Error> {
        if let Some(value) = self.get(path) {
            return Ok(value);
        }
        let mut at: Option<&Value> = None;
        for (i, part) in path.parts.iter().enumerate() {
            let next = match at {
                None if i == 0 => self.root(path.root).get(part),
                None => None,
                Some(value) => step(value, part, &path.text)?,
            };
            if next.is_none() {
                return Err(absent(part, &path.text));
            }
            at = next;
        }
        Err(absent(path.parts.last().map_or("", String::as_str), &path.text))
    }

    /// The text at `path`; `None` when it is null, or not there and `ignore_missing`.
    ///
    /// # Errors
    /// It is not there, or no text.
    pub(crate) fn text(&self, path: &Path, ignore_missing: bool) -> Result<Option<&str>, Error> {
        match self.present(path, ignore_missing)? {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(cannot_be_cast(&path.text, other, "java.lang.String")),
        }
    }

    /// What is at `path`; `None` when nothing is and `ignore_missing`.
    ///
    /// # Errors
    /// It is not there.
    pub(crate) fn present(
        &self,
        path: &Path,
        ignore_missing: bool,
    ) -> Result<Option<&Value>, Error> {
        match self.get(path) {
            None if ignore_missing => Ok(None),
            None => self.find(path).map(Some),
            found => Ok(found),
        }
    }

    /// Puts `value` at `path`; objects on the way are made.
    ///
    /// # Errors
    /// Something on the way is no object, the document grew too much, or metadata that is no text or number.
    pub(crate) fn set(&mut self, path: &Path, value: Value) -> Result<(), Error> {
        self.grow(&value, path.parts.len())?;
        if path.root == Root::Meta {
            return self.set_meta(path, value);
        }
        let slot = place(self.root_mut(path.root), path)?;
        *slot = value;
        Ok(())
    }

    fn set_meta(&mut self, path: &Path, value: Value) -> Result<(), Error> {
        let name = &path.parts[0];
        let numeric = matches!(name.as_str(), "_version" | "_if_seq_no" | "_if_primary_term");
        let right = match &value {
            Value::Null => true,
            Value::Number(number) => numeric && number.is_i64(),
            Value::String(_) => !numeric,
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if !right {
            let wanted = if numeric { "java.lang.Number" } else { "java.lang.String" };
            return Err(Error::illegal(format!(
                "{name} must be null or a {wanted} but was [{}]",
                java_type(&value)
            )));
        }
        if value.is_null() {
            self.meta.shift_remove(name);
        } else {
            self.meta.insert(name.clone(), value);
        }
        Ok(())
    }

    /// Adds `values` to the list at `path`, which is made of what is there.
    ///
    /// # Errors
    /// As [`Document::set`].
    pub(crate) fn append(
        &mut self,
        path: &Path,
        values: Vec<Value>,
        allow_duplicates: bool,
    ) -> Result<(), Error> {
        for value in &values {
            self.grow(value, path.parts.len() + 1)?;
        }
        if path.root == Root::Meta {
            return Err(Error::illegal(format!("cannot append to metadata field [{}]", path.text)));
        }
        let there = self.get(path).is_some();
        let slot = place(self.root_mut(path.root), path)?;
        let mut list = match slot.take() {
            Value::Null if !there => Vec::new(),
            Value::Array(items) => items,
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_)) => vec![other],
        };
        for value in values {
            if allow_duplicates || !list.contains(&value) {
                list.push(value);
            }
        }
        *slot = Value::Array(list);
        Ok(())
    }

    /// Takes away what is at `path`.
    ///
    /// # Errors
    /// It is not there.
    pub(crate) fn remove(&mut self, path: &Path) -> Result<Value, Error> {
        self.find(path)?;
        let (last, parents) = path.parts.split_last().ok_or_else(|| absent("", &path.text))?;
        let Some((first, rest)) = parents.split_first() else {
            let removed = self.root_mut(path.root).shift_remove(last);
            return removed.ok_or_else(|| absent(last, &path.text));
        };
        let mut at = self.root_mut(path.root).get_mut(first);
        for part in rest {
            at = at.and_then(|value| match value {
                Value::Object(members) => members.get_mut(part),
                Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            });
        }
        let removed = match at {
            Some(Value::Object(members)) => members.shift_remove(last),
            Some(Value::Array(items)) => {
                last.parse::<usize>().ok().filter(|i| *i < items.len()).map(|i| items.remove(i))
            }
            _ => None,
        };
        removed.ok_or_else(|| absent(last, &path.text))
    }

    /// Counts `value` as written, `depth` levels deep.
    pub(crate) fn grow(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        let size = weigh(value, DEPTH_MAX.saturating_sub(depth)).ok_or_else(|| {
            Error::illegal(format!("the document would nest deeper than {DEPTH_MAX} levels"))
        })?;
        self.grown = self.grown.saturating_add(size);
        if self.grown > GROWTH_MAX {
            return Err(Error::illegal(format!(
                "the pipeline writes more than {GROWTH_MAX} bytes to one document"
            )));
        }
        Ok(())
    }

    /// About how many bytes it is.
    pub(crate) fn weight(&self) -> usize {
        [&self.source, &self.meta, &self.ingest]
            .iter()
            .flat_map(|map| map.iter())
            .map(|(name, value)| name.len() + weigh(value, 2 * DEPTH_MAX).unwrap_or(GROWTH_MAX))
            .sum()
    }
}

/// `now_ms` as `_ingest.timestamp` has it.
fn timestamp(now_ms: i64) -> String {
    let format = Format::parse("strict_date_time").unwrap_or_default();
    format.print(i128::from(now_ms) * 1_000_000, &Zone::default())
}

/// One step down; `None` when an object lacks the member.
fn step<'a>(value: &'a Value, part: &str, path: &str) -> Result<Option<&'a Value>, Error> {
    let error = |reason: String| Error::illegal(format!("{reason} as part of path [{path}]"));
    match value {
        Value::Object(members) => Ok(members.get(part)),
        Value::Array(items) => {
            let index: usize = part.parse().map_err(|_| {
                error(format!("[{part}] is not an integer, cannot be used as an index"))
            })?;
            let length = items.len();
            items.get(index).map(Some).ok_or_else(|| {
                error(format!("[{index}] is out of bounds for array with length [{length}]"))
            })
        }
        Value::Null => Err(error(format!("cannot resolve [{part}] from null"))),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(error(format!(
            "cannot resolve [{part}] from object of type [{}]",
            java_type(value)
        ))),
    }
}

/// The place of `path`, made where it is missing.
fn place<'a>(root: &'a mut Map<String, Value>, path: &Path) -> Result<&'a mut Value, Error> {
    let (first, rest) =
        path.parts.split_first().ok_or_else(|| Error::illegal("path cannot be null nor empty"))?;
    let error =
        |reason: String| Error::illegal(format!("{reason} as part of path [{}]", path.text));
    let mut at = root.entry(first.clone()).or_insert_with(|| missing(rest));
    for (i, part) in rest.iter().enumerate() {
        let after = &rest[i + 1..];
        at = match at {
            Value::Object(members) => members.entry(part.clone()).or_insert_with(|| missing(after)),
            Value::Array(items) => {
                let index: usize = part.parse().map_err(|_| {
                    error(format!("[{part}] is not an integer, cannot be used as an index"))
                })?;
                let length = items.len();
                items.get_mut(index).ok_or_else(|| {
                    error(format!("[{index}] is out of bounds for array with length [{length}]"))
                })?
            }
            Value::Null => return Err(error(format!("cannot set [{part}] with null parent"))),
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                return Err(error(format!(
                    "cannot set [{part}] with parent object of type [{}]",
                    java_type(other)
                )));
            }
        };
    }
    Ok(at)
}

fn missing(after: &[String]) -> Value {
    if after.is_empty() { Value::Null } else { Value::Object(Map::new()) }
}

fn absent(part: &str, path: &str) -> Error {
    Error::illegal(format!("field [{part}] not present as part of path [{path}]"))
}

/// `field [x] of type [a] cannot be cast to [b]`
pub(crate) fn cannot_be_cast(path: &str, value: &Value, wanted: &str) -> Error {
    Error::illegal(format!(
        "field [{path}] of type [{}] cannot be cast to [{wanted}]",
        java_type(value)
    ))
}

/// What the value is called in the texts of errors.
pub(crate) fn java_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) => match number.as_i64() {
            Some(int) if i32::try_from(int).is_ok() => "java.lang.Integer",
            Some(_) => "java.lang.Long",
            None if number.is_u64() => "java.math.BigInteger",
            None => "java.lang.Double",
        },
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.HashMap",
    }
}

/// Bytes that `value` takes, about; `None` when it nests deeper than `depth`.
pub(crate) fn weigh(value: &Value, depth: usize) -> Option<usize> {
    let below = || depth.checked_sub(1);
    Some(match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 32,
        Value::String(text) => 32 + text.len(),
        Value::Array(items) => {
            let mut sum = 32;
            for item in items {
                sum += weigh(item, below()?)?;
            }
            sum
        }
        Value::Object(members) => {
            let mut sum = 32;
            for (name, value) in members {
                sum += name.len() + 32 + weigh(value, below()?)?;
            }
            sum
        }
    })
}

/// `value` as a text, as Java writes it.
pub(crate) fn shown(value: &Value) -> String {
    let mut text = String::new();
    show(value, &mut text);
    text
}

fn show(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                show(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                out.push_str(name);
                out.push('=');
                show(value, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

/// The whole number nearest to zero from `value`; `None` outside of an `i64`.
#[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
pub(crate) fn whole(value: f64) -> Option<i64> {
    // 2^63 itself is outside.
    let bound = 9_223_372_036_854_775_808.0;
    (-bound..bound).contains(&value).then_some(value as i64)
}
