//! `convert`: values to other types.

use std::net::IpAddr;

use serde_json::{Number, Value};

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::{Config, Target};
use crate::ingest::document::shown;
use crate::ingest::pipeline::Builder;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    Ip,
    String,
    Auto,
}

#[derive(Debug)]
struct Convert {
    field: Target,
    target: Option<Target>,
    kind: Kind,
    name: String,
    ignore_missing: bool,
}

pub(super) fn convert(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.target("field")?;
    let name = config.str("type")?;
    let kind = match name.to_ascii_lowercase().as_str() {
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "boolean" => Kind::Boolean,
        "ip" => Kind::Ip,
        "string" => Kind::String,
        "auto" => Kind::Auto,
        _ => {
            let text = format!("type [{name}] not supported, cannot convert field.");
            return Err(config.error(Some("type"), &text));
        }
    };
    let target = config.opt_target("target_field")?;
    let ignore_missing = config.bool_or("ignore_missing", false)?;
    let name = name.to_ascii_lowercase();
    Ok(Box::new(Convert { field, target, kind, name, ignore_missing }))
}

impl Edit for Convert {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let field = self.field.path(document)?;
        let converted = match document.present(&field, self.ignore_missing)? {
            None => return Ok(()),
            Some(Value::Null) if self.ignore_missing => return Ok(()),
            Some(Value::Null) => {
                return Err(Error::illegal(format!(
                    "Field [{}] is null, cannot be converted to type [{}]",
                    field.text, self.name
                )));
            }
            Some(Value::Array(items)) => {
                let items = items.iter().map(|item| converted(item, self.kind));
                Value::Array(items.collect::<Result<_, Error>>()?)
            }
            Some(value) => converted(value, self.kind)?,
        };
        match &self.target {
            None => document.set(&field, converted),
            Some(target) => {
                let target = target.path(document)?;
                document.set(&target, converted)
            }
        }
    }
}

fn converted(value: &Value, kind: Kind) -> Result<Value, Error> {
    let text = shown(value);
    let unable = |to: &str| Error::illegal(format!("unable to convert [{text}] to {to}"));
    Ok(match kind {
        Kind::Integer => {
            let int = integer(&text).filter(|int| i32::try_from(*int).is_ok());
            int.ok_or_else(|| unable("integer"))?.into()
        }
        Kind::Long => integer(&text).ok_or_else(|| unable("long"))?.into(),
        Kind::Float => float(&text).map(narrowed).ok_or_else(|| unable("float"))?,
        Kind::Double => float(&text).and_then(number).ok_or_else(|| unable("double"))?,
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => true.into(),
            "false" => false.into(),
            _ => {
                let text = format!("[{text}] is not a boolean value, cannot convert to boolean");
                return Err(Error::illegal(text));
            }
        },
        Kind::Ip => {
            if text.parse::<IpAddr>().is_err() {
                return Err(Error::illegal(format!("'{text}' is not an IP string literal.")));
            }
            text.into()
        }
        Kind::String => text.into(),
        Kind::Auto => match value {
            Value::String(text) => guessed(text),
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => other.clone(),
        },
    })
}

/// What a text looks like.
fn guessed(text: &str) -> Value {
    match text.to_ascii_lowercase().as_str() {
        "true" => return true.into(),
        "false" => return false.into(),
        _ => {}
    }
    if let Ok(int) = text.parse::<i64>() {
        return int.into();
    }
    let short = text.parse::<f32>().ok().filter(|value| value.is_finite());
    // A float where that keeps all digits, else a double.
    match (short, float(text)) {
        (Some(short), Some(_)) if short.to_string() == text => narrowed(f64::from(short)),
        (_, Some(value)) => number(value).unwrap_or_else(|| text.into()),
        (_, None) => text.into(),
    }
}

/// Decimal or `0x…`, with a sign.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = ["0x", "0X", "#"].iter().find_map(|prefix| digits.strip_prefix(prefix));
    let (digits, radix) = hex.map_or((digits, 10), |hex| (hex, 16));
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// A finite number; Java takes `1.5f`, blanks around it, and no `inf`.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches(['f', 'F', 'd', 'D']);
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

pub(super) fn number(value: f64) -> Option<Value> {
    Number::from_f64(value).map(Value::Number)
}

/// A float of 32 bits, written with no more digits than that has.
pub(super) fn narrowed(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the loss is asked for")]
    let short = value as f32;
    let written = short.to_string().parse().ok().and_then(number);
    written.unwrap_or(Value::Null)
}
