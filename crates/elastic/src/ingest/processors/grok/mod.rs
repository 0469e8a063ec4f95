//! `grok`: fields out of a text by regular expressions with named parts.

mod expand;
mod library;

use serde_json::Value;

use super::convert::{float, narrowed};
use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::Config;
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;
use crate::ingest::regex::{Dialect, Pattern};

pub use library::patterns;

/// What a captured text becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
}

/// A field that some groups of the expression fill.
#[derive(Debug)]
struct Capture {
    path: Path,
    kind: Kind,
    /// The first that took part in the match counts.
    groups: Vec<usize>,
}

#[derive(Debug)]
struct Grok {
    field: Path,
    pattern: Pattern,
    captures: Vec<Capture>,
    /// The groups around each of the patterns.
    alternatives: Vec<usize>,
    trace_match: bool,
    ignore_missing: bool,
}

pub(super) fn grok(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.path("field")?;
    let patterns = config.strs("patterns")?;
    let trace_match = config.bool_or("trace_match", false)?;
    let ignore_missing = config.bool_or("ignore_missing", false)?;
    if patterns.is_empty() {
        return Err(config.error(Some("patterns"), "List of patterns must not be empty"));
    }
    let mode = config.str_or("ecs_compatibility", "disabled")?;
    if mode != "disabled" {
        let text = format!("unsupported mode '{mode}': only 'disabled' is there");
        return Err(config.error(Some("ecs_compatibility"), &text));
    }
    let mut own = Vec::new();
    for (name, value) in config.opt_map("pattern_definitions")?.unwrap_or_default() {
        let Value::String(text) = value else {
            let text = format!("pattern [{name}] is no string");
            return Err(config.error(Some("pattern_definitions"), &text));
        };
        own.push((name, text));
    }
    // OpenSearch's choice between the first and all captures of a name.
    if config.bool_or("capture_all_matches", false)? {
        let text = "only the first match of a name is captured here";
        return Err(config.error(Some("capture_all_matches"), text));
    }
    let invalid = |config: &Config, reason: &str| {
        let shown = patterns.join("|");
        let shown: String = shown.chars().take(512).collect();
        let text = format!("Invalid regex pattern found in: [{shown}]. {reason}");
        config.error(Some("patterns"), &text)
    };
    let mut expander = expand::Expander::new(&own);
    let mut whole = String::new();
    for (i, pattern) in patterns.iter().enumerate() {
        let expanded = expander.expand(pattern).map_err(|reason| invalid(config, &reason))?;
        whole.push_str(if i == 0 { "" } else { "|" });
        // The index is told by which group took part.
        whole.push_str(&format!("(?<{}{i}>{expanded})", expand::ALTERNATIVE));
    }
    let pattern =
        Pattern::compile(&whole, Dialect::Ruby).map_err(|reason| invalid(config, &reason))?;
    let (captures, alternatives) =
        captures(&pattern.names).map_err(|reason| invalid(config, &reason))?;
    Ok(Box::new(Grok { field, pattern, captures, alternatives, trace_match, ignore_missing }))
}

/// The fields, and the groups that stand for whole patterns.
fn captures(names: &[String]) -> Result<(Vec<Capture>, Vec<usize>), String> {
    let mut captures: Vec<Capture> = Vec::new();
    let mut alternatives = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let group = i + 1;
        if name.starts_with(expand::ALTERNATIVE) {
            alternatives.push(group);
            continue;
        }
        let (field, kind) = match name.rsplit_once(':') {
            None => (name.as_str(), Kind::Text),
            Some((field, kind)) => (field, kind_of(kind)),
        };
        if let Some(same) =
            captures.iter_mut().find(|have| have.path.text == field && have.kind == kind)
        {
            same.groups.push(group);
            continue;
        }
        let path = Path::parse(field).map_err(|error| error.reason)?;
        captures.push(Capture { path, kind, groups: vec![group] });
    }
    Ok((captures, alternatives))
}

/// A type that is not known leaves the text as it is.
fn kind_of(name: &str) -> Kind {
    match name {
        "int" => Kind::Integer,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "boolean" => Kind::Boolean,
        _ => Kind::Text,
    }
}

impl Edit for Grok {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let Some(text) = document.text(&self.field, self.ignore_missing)?.map(str::to_owned) else {
            if self.ignore_missing {
                return Ok(());
            }
            let text = format!("field [{}] is null, cannot process it.", self.field.text);
            return Err(Error::illegal(text));
        };
        let Some(found) = self.pattern.captures(&text) else {
            return Err(Error::illegal(format!(
                "Provided Grok expressions do not match field value: [{text}]"
            )));
        };
        for capture in &self.captures {
            let span = capture.groups.iter().find_map(|group| found.get_group(*group));
            if let Some(span) = span {
                document.set(&capture.path, typed(&text[span.range()], capture.kind)?)?;
            }
        }
        if self.trace_match {
            let taken = self
                .alternatives
                .iter()
                .position(|group| found.get_group(*group).is_some())
                .unwrap_or(0);
            document.set(
                &Path::parse("_ingest._grok_match_index")?,
                Value::String(taken.to_string()),
            )?;
        }
        Ok(())
    }
}

fn typed(text: &str, kind: Kind) -> Result<Value, Error> {
    let wrong = || Error::illegal(format!("For input string: \"{text}\""));
    Ok(match kind {
        Kind::Text => text.into(),
        Kind::Integer => text.parse::<i32>().map_err(|_| wrong())?.into(),
        Kind::Long => text.parse::<i64>().map_err(|_| wrong())?.into(),
        Kind::Float => float(text).map(narrowed).ok_or_else(wrong)?,
        Kind::Double => float(text).and_then(super::convert::number).ok_or_else(wrong)?,
        Kind::Boolean => text.eq_ignore_ascii_case("true").into(),
    })
}
