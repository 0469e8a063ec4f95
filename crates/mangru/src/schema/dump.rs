//! Record → the YAML that Prometheus would show: its order, defaults written out, secrets hidden.

use stdx::units::format_duration_ms;

use crate::yaml::{Content, Node, Out, Scalar};

use super::{Kind, Record, Show, Value};

/// What stands for a secret.
const SECRET: &str = "<secret>";

/// The section as a mapping.
pub(crate) fn dump(record: &Record) -> Out {
    let mut entries = Vec::new();
    for (key, slot) in record.keys_and_slots() {
        let shown = match key.show {
            Show::Always => true,
            Show::IfSet => slot.value.is_some(),
            Show::IfWritten => slot.pos.is_some(),
            Show::NonEmpty => slot.value.as_ref().is_some_and(|value| !value.is_empty()),
        };
        if shown {
            let out = slot
                .value
                .as_ref()
                .map_or_else(|| nothing(&key.kind), |value| out(value, &key.kind));
            entries.push((key.name.to_owned(), out));
        }
    }
    Out::Map(entries)
}

/// A key that is always shown and has no value.
fn nothing(kind: &Kind) -> Out {
    match kind {
        Kind::Bool => Out::Bool(false),
        Kind::Int | Kind::Uint => Out::Int(0),
        Kind::Float => Out::Float(0.0),
        Kind::Text | Kind::File | Kind::Named(_) => Out::Text(String::new()),
        Kind::Duration => Out::Text("0s".to_owned()),
        Kind::Bytes => Out::Text("0B".to_owned()),
        Kind::List(_) | Kind::Flow(_) => Out::Seq(Vec::new()),
        Kind::Map(_) => Out::Map(Vec::new()),
        Kind::Secret | Kind::Url | Kind::Section(_) | Kind::Any => Out::Null,
    }
}

fn out(value: &Value, kind: &Kind) -> Out {
    match value {
        Value::Null => Out::Null,
        Value::Bool(value) => Out::Bool(*value),
        Value::Int(value) => Out::Int(*value),
        Value::Uint(value) => Out::Uint(*value),
        Value::Float(value) => Out::Float(*value),
        Value::Text(text) if matches!(kind, Kind::Url) => Out::Text(redacted(text)),
        Value::Text(text) => Out::Text(text.clone()),
        Value::Secret(text) if text.is_empty() => Out::Null,
        Value::Secret(_) => Out::Text(SECRET.to_owned()),
        Value::DurationMs(ms) => Out::Text(format_duration_ms(*ms)),
        Value::Bytes(bytes) => Out::Text(size(*bytes)),
        Value::List(items) => list(items, kind),
        Value::Map(entries) => {
            let inner = if let Kind::Map(inner) = kind { inner } else { &Kind::Text };
            let mut sorted: Vec<_> =
                entries.iter().map(|(name, value)| (name.clone(), out(value, inner))).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            Out::Map(sorted)
        }
        Value::Section(record) => dump(record),
        Value::Any(node) => any(node),
    }
}

fn list(items: &[Value], kind: &Kind) -> Out {
    if let Kind::Flow(inner) = kind {
        return Out::Flow(items.iter().map(|item| out(item, inner)).collect());
    }
    let inner = if let Kind::List(inner) = kind { inner } else { &Kind::Text };
    Out::Seq(items.iter().map(|item| out(item, inner)).collect())
}

/// `1GiB512MiB`: every unit that has a share, as Prometheus' sizes print.
fn size(bytes: u64) -> String {
    if bytes == 0 {
        return "0B".to_owned();
    }
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut text = String::new();
    for (power, unit) in units.iter().enumerate().rev() {
        let share = (bytes >> (10 * power)) % 1024;
        if share > 0 {
            text.push_str(&format!("{share}{unit}"));
        }
    }
    text
}

/// The URL with its password hidden.
fn redacted(text: &str) -> String {
    let hidden = || {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (userinfo, host) = rest[..end].rsplit_once('@')?;
        let (user, _) = userinfo.split_once(':')?;
        Some(format!("{scheme}://{user}:xxxxx@{host}{}", &rest[end..]))
    };
    hidden().unwrap_or_else(|| text.to_owned())
}

fn any(node: &Node) -> Out {
    match &node.content {
        Content::Scalar(scalar) => any_scalar(scalar),
        Content::Seq(items) => Out::Seq(items.iter().map(any).collect()),
        Content::Map(entries) => Out::Map(
            entries.iter().map(|entry| (entry.key.text.clone(), any(&entry.value))).collect(),
        ),
    }
}

/// The scalar as it was written.
fn any_scalar(scalar: &Scalar) -> Out {
    if scalar.plain { Out::Raw(scalar.text.clone()) } else { Out::Text(scalar.text.clone()) }
}
