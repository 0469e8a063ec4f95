//! Processors of one text: `lowercase`, `uppercase`, `trim`, `gsub`, `urldecode`, `bytes`, `html_strip`.

use serde_json::Value;

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::{Config, Target};
use crate::ingest::document::{cannot_be_cast, java_type};
use crate::ingest::limits::GROWTH_MAX;
use crate::ingest::pipeline::Builder;
use crate::ingest::regex::{Dialect, Pattern};

/// What is done to the text.
#[derive(Debug)]
enum Change {
    Lowercase,
    Uppercase,
    Trim,
    UrlDecode,
    Bytes,
    HtmlStrip,
    Gsub { pattern: Box<Pattern>, replacement: Vec<Replacement> },
}

/// A part of what stands in place of a match.
#[derive(Debug)]
enum Replacement {
    Text(String),
    Group(usize),
}

/// A change of a text, or of each text of a list.
#[derive(Debug)]
struct TextEdit {
    field: Target,
    target: Option<Target>,
    ignore_missing: bool,
    change: Change,
}

fn make(config: &mut Config, change: Change) -> Result<Box<dyn Processor>, Error> {
    Ok(Box::new(TextEdit {
        field: config.target("field")?,
        target: config.opt_target("target_field")?,
        ignore_missing: config.bool_or("ignore_missing", false)?,
        change,
    }))
}

pub(super) fn lowercase(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    make(config, Change::Lowercase)
}

pub(super) fn uppercase(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    make(config, Change::Uppercase)
}

pub(super) fn trim(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    make(config, Change::Trim)
}

pub(super) fn urldecode(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    make(config, Change::UrlDecode)
}

pub(super) fn bytes(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    make(config, Change::Bytes)
}

pub(super) fn html_strip(
    config: &mut Config,
    _: &mut Builder,
) -> Result<Box<dyn Processor>, Error> {
    make(config, Change::HtmlStrip)
}

pub(super) fn gsub(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let text = config.str("pattern")?;
    let pattern = Pattern::compile(&text, Dialect::Java).map_err(|reason| {
        config.error(Some("pattern"), &format!("Invalid regex pattern. {reason}"))
    })?;
    let replacement = replacement(&config.str("replacement")?, &pattern.names)
        .map_err(|reason| config.error(Some("replacement"), &reason))?;
    make(config, Change::Gsub { pattern: Box::new(pattern), replacement })
}

impl Edit for TextEdit {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let field = self.field.path(document)?;
        let changed = match document.present(&field, self.ignore_missing)? {
            None => return Ok(()),
            Some(Value::Null) if self.ignore_missing => return Ok(()),
            Some(Value::Null) => {
                let text = format!("field [{}] is null, cannot process it.", field.text);
                return Err(Error::illegal(text));
            }
            Some(Value::String(text)) => self.change.apply(text)?,
            Some(Value::Array(items)) => {
                let items = items.iter().map(|item| match item {
                    Value::String(text) => self.change.apply(text),
                    other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Err(Error::illegal(format!(
                        "value [{other}] of type [{}] in list field [{}] cannot be cast to [java.lang.String]",
                        java_type(other),
                        field.text
                    ))),
                });
                Value::Array(items.collect::<Result<_, Error>>()?)
            }
            Some(other) => return Err(cannot_be_cast(&field.text, other, "java.lang.String")),
        };
        match &self.target {
            None => document.set(&field, changed),
            Some(target) => {
                let target = target.path(document)?;
                document.set(&target, changed)
            }
        }
    }
}

impl Change {
    fn apply(&self, text: &str) -> Result<Value, Error> {
        Ok(Value::String(match self {
            Self::Lowercase => text.to_lowercase(),
            Self::Uppercase => text.to_uppercase(),
            Self::Trim => text.trim_matches(|letter| letter <= ' ').to_owned(),
            Self::UrlDecode => decoded(text)?,
            Self::Bytes => return byte_count(text).map(Value::from),
            Self::HtmlStrip => super::html::stripped(text),
            Self::Gsub { pattern, replacement } => replaced(text, pattern, replacement)?,
        }))
    }
}

/// Reads `$1` and `\$` as Java does.
fn replacement(text: &str, names: &[String]) -> Result<Vec<Replacement>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let group = match letter {
            '\\' => {
                literal.push(letters.next().ok_or("character to be escaped is missing")?);
                continue;
            }
            '$' if letters.next_if_eq(&'{').is_some() => {
                let name: String = letters.by_ref().take_while(|next| *next != '}').collect();
                let at = names.iter().position(|have| *have == name && !name.is_empty());
                at.map(|at| at + 1).ok_or_else(|| format!("No group with name {{{name}}}"))?
            }
            '$' => {
                let digit = letters.next().and_then(|next| next.to_digit(10));
                let digit = digit.ok_or("Illegal group reference")?;
                let mut group = usize::try_from(digit).map_err(|error| error.to_string())?;
                if group > names.len() {
                    return Err(format!("No group {group}"));
                }
                // Further digits belong to it as long as there is such a group.
                while let Some(digit) = letters.peek().and_then(|next| next.to_digit(10)) {
                    let wider = group * 10 + usize::try_from(digit).unwrap_or(0);
                    if wider > names.len() {
                        break;
                    }
                    group = wider;
                    letters.next();
                }
                group
            }
            other => {
                literal.push(other);
                continue;
            }
        };
        if !literal.is_empty() {
            parts.push(Replacement::Text(std::mem::take(&mut literal)));
        }
        parts.push(Replacement::Group(group));
    }
    if !literal.is_empty() {
        parts.push(Replacement::Text(literal));
    }
    Ok(parts)
}

fn replaced(text: &str, pattern: &Pattern, parts: &[Replacement]) -> Result<String, Error> {
    let mut out = String::new();
    let mut from = 0;
    for captures in pattern.regex.captures_iter(text) {
        let Some(whole) = captures.get_match() else { continue };
        out.push_str(&text[from..whole.start()]);
        for part in parts {
            match part {
                Replacement::Text(literal) => out.push_str(literal),
                Replacement::Group(group) => {
                    if let Some(span) = captures.get_group(*group) {
                        out.push_str(&text[span.range()]);
                    }
                }
            }
            if out.len() > GROWTH_MAX {
                let text = format!("a replacement made more than {GROWTH_MAX} bytes");
                return Err(Error::illegal(text));
            }
        }
        from = whole.end();
    }
    out.push_str(&text[from..]);
    Ok(out)
}

/// `%41` and `+` as forms write them.
pub(super) fn decoded(text: &str) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let hex = rest.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
                let value = hex
                    .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
                    .and_then(|hex| u8::from_str_radix(hex, 16).ok());
                let Some(value) = value else {
                    let text = "URLDecoder: Incomplete trailing escape (%) pattern";
                    return Err(Error::illegal(text));
                };
                bytes.push(value);
                rest = &rest[2..];
            }
            other => bytes.push(*other),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const UNITS: [(&str, u32); 11] = [
    ("kb", 10),
    ("mb", 20),
    ("gb", 30),
    ("tb", 40),
    ("pb", 50),
    ("k", 10),
    ("m", 20),
    ("g", 30),
    ("t", 40),
    ("p", 50),
    ("b", 0),
];

/// `1.5kb` as 1536.
fn byte_count(text: &str) -> Result<i64, Error> {
    let failed = |why: &str| {
        let text = format!(
            "failed to parse setting [Ingest Field] with value [{text}] as a size in bytes{why}"
        );
        Error::new(400, "parse_exception", text)
    };
    let lower = text.trim().to_ascii_lowercase();
    if lower == "0" || lower == "-1" {
        return lower.parse().map_err(|_| failed(""));
    }
    let unit = UNITS.iter().find_map(|(unit, shift)| Some((lower.strip_suffix(unit)?, *shift)));
    let (number, shift) = unit.ok_or_else(|| failed(": unit is missing or unrecognized"))?;
    let number = number.trim();
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(1 << shift).ok_or_else(|| failed(""));
    }
    let value: f64 = number.parse().map_err(|_| failed(""))?;
    let size = value * 2f64.powi(i32::try_from(shift).unwrap_or(0));
    crate::ingest::document::whole(size).ok_or_else(|| failed(""))
}
