//! Node + table → record. Wrong types, unknown and repeated keys are collected; a broken rule ends the reading.

use stdx::units;

use crate::yaml::{Content, Entry, Node, Scalar};

use super::record::join;
use super::{Failure, Key, Kind, Problem, Record, Section, Value};
use crate::yaml::Resolved;

/// Reads `node` as `section`; an empty node gives the section's defaults.
///
/// # Errors
/// [`Failure`]: everything of a wrong type, or the first broken rule.
pub(crate) fn read_section(
    node: &Node,
    section: &'static Section,
    path: &str,
) -> Result<Record, Failure> {
    let mut reader = Reader { types: Vec::new() };
    let record = if node.is_null() {
        Some(Record::with_defaults(section, path.to_owned(), node.pos))
    } else {
        reader.section(node, section, path)?
    };
    match record {
        Some(record) if reader.types.is_empty() => Ok(record),
        _ => Err(Failure::Types(reader.types)),
    }
}

struct Reader {
    types: Vec<Problem>,
}

/// `Ok(None)`: of a wrong type, which is noted.
type Read<T> = Result<Option<T>, Problem>;

impl Reader {
    fn section(&mut self, node: &Node, section: &'static Section, path: &str) -> Read<Record> {
        let Content::Map(entries) = &node.content else {
            return self.wrong_type(node, &Kind::Section(section), path);
        };
        let before = self.types.len();
        let mut record = Record::with_defaults(section, path.to_owned(), node.pos);
        for entry in entries {
            self.entry(entry, section, &mut record)?;
        }
        if self.types.len() > before {
            return Ok(None);
        }
        (section.check)(&mut record)?;
        Ok(Some(record))
    }

    fn entry(
        &mut self,
        entry: &Entry,
        section: &'static Section,
        record: &mut Record,
    ) -> Result<(), Problem> {
        let name = entry.key.text.as_str();
        let found = section.all_keys().enumerate().find(|(_, key)| key.name == name);
        let path = join(&record.path, name);
        let Some((index, key)) = found else {
            self.unknown_key(entry, section, path);
            return Ok(());
        };
        if record.slots[index].pos.is_some() {
            let text = format!("field {name} already set in type {}", section.name);
            self.note(entry, path, "each key once".to_owned(), text);
            return Ok(());
        }
        record.slots[index].pos = Some(entry.pos);
        record.slots[index].value = if entry.value.is_null() && !matches!(key.kind, Kind::Any) {
            None
        } else {
            self.value(&entry.value, &key.kind, &path)?
        };
        Ok(())
    }

    fn unknown_key(&mut self, entry: &Entry, section: &'static Section, mut path: String) {
        let name = &entry.key.text;
        let names: Vec<&str> = section.all_keys().map(|key| key.name).collect();
        let allowed = names.join(", ");
        if let Some(near) = nearest(name, section.all_keys()) {
            path = format!("{path} (did you mean {near}?)");
        }
        let text = format!("field {name} not found in type {}", section.name);
        self.note(entry, path, allowed, text);
    }

    fn note(&mut self, entry: &Entry, key: String, allowed: String, text: String) {
        self.types.push(Problem { pos: entry.pos, key, value: String::new(), allowed, text });
    }

    fn wrong_type<T>(&mut self, node: &Node, kind: &Kind, path: &str) -> Read<T> {
        let text =
            format!("cannot unmarshal {}{} into {}", node.tag(), node.excerpt(), kind.name());
        let value = match (&node.content, kind) {
            (_, Kind::Secret) | (Content::Seq(_) | Content::Map(_), _) => String::new(),
            (Content::Scalar(scalar), _) => scalar.text.clone(),
        };
        self.types.push(Problem {
            pos: node.pos,
            key: path.to_owned(),
            value,
            allowed: kind.allowed(),
            text,
        });
        Ok(None)
    }

    fn value(&mut self, node: &Node, kind: &'static Kind, path: &str) -> Read<Value> {
        match (kind, &node.content) {
            (Kind::Any, _) => Ok(Some(Value::Any(node.clone()))),
            (Kind::Section(section), _) => {
                let record = self.section(node, section, path)?;
                Ok(record.map(|record| Value::Section(Box::new(record))))
            }
            (Kind::List(inner) | Kind::Flow(inner), Content::Seq(items)) => {
                self.list(items, inner, path)
            }
            (Kind::Map(inner), Content::Map(entries)) => self.map(entries, inner, path),
            (Kind::List(_) | Kind::Flow(_) | Kind::Map(_), _) => self.wrong_type(node, kind, path),
            (_, Content::Scalar(scalar)) => match scalar_value(scalar, kind, path) {
                Err(text) => Err(Problem {
                    pos: node.pos,
                    key: path.to_owned(),
                    value: if matches!(kind, Kind::Secret | Kind::Url) {
                        String::new()
                    } else {
                        scalar.text.clone()
                    },
                    allowed: kind.allowed(),
                    text,
                }),
                Ok(None) => self.wrong_type(node, kind, path),
                Ok(value) => Ok(value),
            },
            (_, Content::Seq(_) | Content::Map(_)) => self.wrong_type(node, kind, path),
        }
    }

    fn list(&mut self, items: &[Node], inner: &'static Kind, path: &str) -> Read<Value> {
        let mut values = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            if item.is_null() {
                values.push(zero(inner));
            } else if let Some(value) = self.value(item, inner, &format!("{path}[{i}]"))? {
                values.push(value);
            }
        }
        Ok(Some(Value::List(values)))
    }

    fn map(&mut self, entries: &[Entry], inner: &'static Kind, path: &str) -> Read<Value> {
        let mut values: Vec<(String, Value)> = Vec::with_capacity(entries.len());
        let mut seen = std::collections::HashSet::new();
        for entry in entries {
            let name = &entry.key.text;
            let path = join(path, name);
            if let Some((quoted, what)) = not_utf8(entry) {
                let text = format!("{quoted} is not a valid label {what}");
                let (value, allowed) = (String::new(), "UTF-8".to_owned());
                return Err(Problem { pos: entry.pos, key: path, value, allowed, text });
            }
            if !seen.insert(name) {
                let text = format!("key {name:?} already set in map");
                self.note(entry, path, "each key once".to_owned(), text);
            } else if entry.value.is_null() {
                values.push((name.clone(), zero(inner)));
            } else if let Some(value) = self.value(&entry.value, inner, &path)? {
                values.push((name.clone(), value));
            }
        }
        Ok(Some(Value::Map(values)))
    }
}

/// A key or a value that is no text, and which of the two.
fn not_utf8(entry: &Entry) -> Option<(&str, &'static str)> {
    if let Some(quoted) = &entry.key.not_utf8 {
        return Some((quoted, "name"));
    }
    match &entry.value.content {
        Content::Scalar(scalar) => Some((scalar.not_utf8.as_deref()?, "value")),
        Content::Seq(_) | Content::Map(_) => None,
    }
}

/// What an empty list element or map value is.
fn zero(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => Value::Bool(false),
        Kind::Int => Value::Int(0),
        Kind::Uint => Value::Uint(0),
        Kind::Float => Value::Float(0.0),
        Kind::Text | Kind::File | Kind::Url | Kind::Named(_) => Value::Text(String::new()),
        Kind::Secret => Value::Secret(String::new()),
        Kind::Duration => Value::DurationMs(0),
        Kind::Bytes => Value::Bytes(0),
        Kind::List(_) | Kind::Flow(_) => Value::List(Vec::new()),
        Kind::Map(_) => Value::Map(Vec::new()),
        Kind::Section(_) | Kind::Any => Value::Null,
    }
}

/// `Ok(None)`: a scalar of a wrong type. `Err`: a text that breaks the kind's rule.
fn scalar_value(scalar: &Scalar, kind: &Kind, path: &str) -> Result<Option<Value>, String> {
    if let Some(quoted) = &scalar.not_utf8 {
        return Err(format!("{quoted} is not valid UTF-8"));
    }
    let text = || scalar.text.clone();
    Ok(match (kind, scalar.resolve()) {
        (Kind::Bool, Resolved::Bool(value)) => Some(Value::Bool(value)),
        (Kind::Int, Resolved::Int(value)) => Some(Value::Int(value)),
        (Kind::Uint, Resolved::Uint(value)) => Some(Value::Uint(value)),
        (Kind::Uint, Resolved::Int(value)) => u64::try_from(value).ok().map(Value::Uint),
        (Kind::Float, Resolved::Int(value)) => {
            scalar.text.replace('_', "").parse().ok().or(whole(value)).map(Value::Float)
        }
        (Kind::Float, Resolved::Float(value)) => Some(Value::Float(value)),
        (Kind::Text | Kind::File, _) => Some(Value::Text(text())),
        (Kind::Secret, _) => Some(Value::Secret(text())),
        (Kind::Duration, _) => Some(Value::DurationMs(
            units::parse_duration_ms(&scalar.text).map_err(|e| e.to_string())?,
        )),
        (Kind::Bytes, _) => Some(Value::Bytes(size(&scalar.text, path)?)),
        (Kind::Url, _) => Some(Value::Text(check_url(&scalar.text).map(|()| text())?)),
        (Kind::Named(named), _) => Some(Value::Text((named.read)(&scalar.text)?)),
        _ => None,
    })
}

/// A hexadecimal or octal number as a float, when it is small enough to be exact.
fn whole(value: i64) -> Option<f64> {
    i32::try_from(value).ok().map(f64::from)
}

/// A size, refused in the words of Prometheus' reader of units.
fn size(text: &str, path: &str) -> Result<u64, String> {
    if text.strip_prefix('-').is_some_and(|rest| units::parse_bytes(rest).is_ok()) {
        return Err(format!("'{path}' must be greater than or equal to 0, got {text}"));
    }
    units::parse_bytes(text).map_err(|error| {
        let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        if digits == 0 {
            return format!("units: invalid {text}");
        }
        let unit = &text[digits..];
        let known =
            ["B", "KB", "MB", "GB", "TB", "PB", "EB", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if known.contains(&unit) {
            error.to_string()
        } else {
            format!("units: unknown unit {unit} in {text}")
        }
    })
}

/// Go's `url.Parse` refuses little: control characters, a broken scheme, host, port or escape.
pub(crate) fn check_url(text: &str) -> Result<(), String> {
    let fail = |why: &str| Err(format!("parse {text:?}: {why}"));
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return fail("net/url: invalid control character in URL");
    }
    if text.starts_with(':') {
        return fail("missing protocol scheme");
    }
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(()) };
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return fail("first path segment in URL cannot contain colon");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.contains(' ') {
        return fail("invalid character \" \" in host name");
    }
    let port = match host.rsplit_once(']') {
        Some((_, after)) => after.strip_prefix(':'),
        None => host.split_once(':').map(|(_, port)| port),
    };
    match port {
        Some(port) if !port.bytes().all(|b| b.is_ascii_digit()) => {
            fail(&format!("invalid port {:?} after host", format!(":{port}")))
        }
        _ => Ok(()),
    }
}

/// The key nearest to `name`, when it is near enough to be meant.
fn nearest(name: &str, keys: impl Iterator<Item = &'static Key>) -> Option<&'static str> {
    let near = keys.map(|key| (distance(name, key.name), key.name)).min()?;
    (near.0 <= 1 + name.len() / 5).then_some(near.1)
}

/// Longest name that is compared, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Edits between two names (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    if a.len() > NAME_BYTES_MAX {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
