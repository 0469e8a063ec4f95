//! `dissect`: a text to fields, by the words between them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::Config;
use crate::ingest::limits::{GROWTH_MAX, TEMPLATE_MAX};
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;

/// What becomes of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    Field,
    Skip,
    /// Joined to the others of its name, in the order of these numbers.
    Append(u32),
    /// `*`: the name of the field whose value is at `&`.
    Name,
    Value,
}

#[derive(Debug)]
struct Key {
    name: String,
    role: Role,
    /// `->`: what follows may stand several times.
    padded: bool,
    /// What stands behind the value; empty behind the last.
    delimiter: String,
}

#[derive(Debug)]
struct Dissect {
    field: Path,
    pattern: String,
    leading: String,
    keys: Vec<Key>,
    append_separator: String,
    ignore_missing: bool,
}

pub(super) fn dissect(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.path("field")?;
    let pattern = config.str("pattern")?;
    let append_separator = config.str_or("append_separator", "")?;
    let ignore_missing = config.bool_or("ignore_missing", false)?;
    let (leading, keys) = parse(&pattern).map_err(|reason| {
        let text = format!("Unable to parse pattern: {pattern} Reason: {reason}");
        config.error(Some("pattern"), &text)
    })?;
    Ok(Box::new(Dissect { field, pattern, leading, keys, append_separator, ignore_missing }))
}

fn parse(pattern: &str) -> Result<(String, Vec<Key>), String> {
    if pattern.len() > TEMPLATE_MAX {
        return Err(format!("it is longer than {TEMPLATE_MAX} bytes"));
    }
    let mut pieces = pattern.split("%{");
    let leading = pieces.next().unwrap_or_default().to_owned();
    let mut keys: Vec<Key> = Vec::new();
    for piece in pieces {
        let (inside, delimiter) = piece.split_once('}').ok_or("a key has no end")?;
        if keys.last().is_some_and(|before| before.delimiter.is_empty()) {
            return Err("two keys have nothing between them".to_owned());
        }
        keys.push(key(inside, delimiter)?);
    }
    if keys.is_empty() {
        return Err("No keys were found or could not be parsed".to_owned());
    }
    let mut pairs: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for key in &keys {
        match key.role {
            Role::Name => pairs.entry(&key.name).or_default().0 += 1,
            Role::Value => pairs.entry(&key.name).or_default().1 += 1,
            Role::Field | Role::Skip | Role::Append(_) => {}
        }
    }
    if let Some((name, _)) = pairs.iter().find(|(_, counts)| **counts != (1, 1)) {
        return Err(format!(
            "Found invalid key/reference associations: '{name}' Please ensure each '*<key>' is matched with a matching '&<key>'"
        ));
    }
    Ok((leading, keys))
}

fn key(inside: &str, delimiter: &str) -> Result<Key, String> {
    let (inside, padded) = match inside.strip_suffix("->") {
        Some(inside) => (inside, true),
        None => (inside, false),
    };
    let (role, name) = match inside.chars().next() {
        None => (Role::Skip, ""),
        Some('?') => (Role::Skip, &inside[1..]),
        Some('*') => (Role::Name, &inside[1..]),
        Some('&') => (Role::Value, &inside[1..]),
        Some('+') => match inside[1..].split_once('/') {
            Some((name, order)) => {
                let order = order.parse().map_err(|_| format!("[{order}] is no order"))?;
                (Role::Append(order), name)
            }
            None => (Role::Append(0), &inside[1..]),
        },
        Some(_) => (Role::Field, inside),
    };
    if name.is_empty() && role != Role::Skip {
        return Err(format!("the key [{inside}] has no name"));
    }
    if matches!(role, Role::Field | Role::Append(_)) {
        Path::parse(name).map_err(|error| error.reason)?;
    }
    Ok(Key { name: name.to_owned(), role, padded, delimiter: delimiter.to_owned() })
}

impl Edit for Dissect {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let Some(text) = document.text(&self.field, self.ignore_missing)?.map(str::to_owned) else {
            if self.ignore_missing {
                return Ok(());
            }
            let text = format!("field [{}] is null, cannot process it.", self.field.text);
            return Err(Error::illegal(text));
        };
        let Some(values) = self.values(&text) else {
            let text = format!(
                "Unable to find match for dissect pattern: {} against source: {text}",
                self.pattern
            );
            return Err(Error::new(400, "find_match", text));
        };
        for (name, value) in self.fields(&values)? {
            document.set(&Path::parse(&name)?, Value::String(value))?;
        }
        Ok(())
    }
}

impl Dissect {
    /// The values, one for each key.
    fn values<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let mut rest = text.strip_prefix(self.leading.as_str())?;
        let mut values = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            if key.delimiter.is_empty() {
                values.push(if key.padded { rest.trim_end_matches(' ') } else { rest });
                rest = "";
                continue;
            }
            let (value, after) = rest.split_once(key.delimiter.as_str())?;
            values.push(value);
            rest = after;
            if key.padded {
                rest = rest.trim_start_matches(key.delimiter.as_str());
            }
        }
        Some(values)
    }

    /// The fields that the values make, in the pattern's order.
    fn fields(&self, values: &[&str]) -> Result<Vec<(String, String)>, Error> {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut joined: Vec<(&str, Vec<(u32, &str)>)> = Vec::new();
        let is_joined = |name: &str| {
            self.keys.iter().any(|key| key.name == name && matches!(key.role, Role::Append(_)))
        };
        for (key, value) in self.keys.iter().zip(values) {
            let order = match key.role {
                Role::Skip | Role::Value => continue,
                Role::Name => {
                    let pair = self
                        .keys
                        .iter()
                        .position(|other| other.role == Role::Value && other.name == key.name);
                    let pair = pair.and_then(|at| values.get(at)).copied().unwrap_or_default();
                    fields.push(((*value).to_owned(), pair.to_owned()));
                    continue;
                }
                Role::Field if !is_joined(&key.name) => {
                    fields.push((key.name.clone(), (*value).to_owned()));
                    continue;
                }
                Role::Field => 0,
                Role::Append(order) => order,
            };
            match joined.iter_mut().find(|(name, _)| *name == key.name) {
                Some((_, parts)) => parts.push((order, value)),
                None => joined.push((&key.name, vec![(order, value)])),
            }
        }
        for (name, mut parts) in joined {
            parts.sort_by_key(|(order, _)| *order);
            let parts: Vec<&str> = parts.into_iter().map(|(_, part)| part).collect();
            let separators = self.append_separator.len().saturating_mul(parts.len());
            if separators > GROWTH_MAX {
                return Err(Error::illegal(format!(
                    "dissect would make more than {GROWTH_MAX} bytes"
                )));
            }
            fields.push((name.to_owned(), parts.join(&self.append_separator)));
        }
        Ok(fields)
    }
}
