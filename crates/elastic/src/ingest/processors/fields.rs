//! `remove`, `remove_by_pattern`, `copy`.

use serde_json::{Map, Value};

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::{Config, Target};
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;

#[derive(Debug)]
enum Remove {
    Fields {
        fields: Vec<Target>,
        ignore_missing: bool,
    },
    /// All but these.
    Others(Vec<Target>),
}

pub(super) fn remove(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let ignore_missing = config.bool_or("ignore_missing", false)?;
    let fields = targets(config, "field")?;
    let kept = match targets(config, "keep")? {
        None => targets(config, "exclude_field")?,
        kept => kept,
    };
    match (fields, kept) {
        (Some(_), Some(_)) => Err(config.error(Some("keep"), "Too many fields specified")),
        (None, None) => Err(config.error(Some("field"), "required property is missing")),
        (Some(fields), None) => Ok(Box::new(Remove::Fields { fields, ignore_missing })),
        (None, Some(kept)) => Ok(Box::new(Remove::Others(kept))),
    }
}

fn targets(config: &mut Config, name: &str) -> Result<Option<Vec<Target>>, Error> {
    let Some(texts) = config.one_or_more(name)? else { return Ok(None) };
    let targets = texts.iter().map(|text| config.as_target(name, text));
    targets.collect::<Result<_, Error>>().map(Some)
}

impl Edit for Remove {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        match self {
            Self::Fields { fields, ignore_missing } => {
                for field in fields {
                    let path = field.path(document)?;
                    if *ignore_missing && document.get(&path).is_none() {
                        continue;
                    }
                    document.remove(&path)?;
                }
            }
            Self::Others(kept) => {
                let mut paths = Vec::with_capacity(kept.len());
                for target in kept {
                    paths.push(target.path(document)?);
                }
                let parts: Vec<&[String]> =
                    paths.iter().map(|path| path.parts.as_slice()).collect();
                retain(&mut document.source, &parts);
            }
        }
        Ok(())
    }
}

/// Leaves what one of `kept` names or leads to.
fn retain(members: &mut Map<String, Value>, kept: &[&[String]]) {
    members.retain(|name, value| {
        let below: Vec<&[String]> = kept
            .iter()
            .filter_map(|parts| parts.split_first())
            .filter(|(first, _)| *first == name)
            .map(|(_, rest)| rest)
            .collect();
        if below.iter().any(|rest| rest.is_empty()) {
            return true;
        }
        match value {
            Value::Object(inner) if !below.is_empty() => {
                retain(inner, &below);
                true
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => false,
        }
    });
}

/// By names with `*` in them.
#[derive(Debug)]
struct RemoveByPattern {
    patterns: Vec<String>,
    /// The patterns say what stays.
    kept: bool,
}

pub(super) fn remove_by_pattern(
    config: &mut Config,
    _: &mut Builder,
) -> Result<Box<dyn Processor>, Error> {
    let fields = config.one_or_more("field_pattern")?;
    let kept = config.one_or_more("exclude_field_pattern")?;
    match (fields, kept) {
        (Some(patterns), None) => Ok(Box::new(RemoveByPattern { patterns, kept: false })),
        (None, Some(patterns)) => Ok(Box::new(RemoveByPattern { patterns, kept: true })),
        _ => {
            let text =
                "either field_pattern or exclude_field_pattern must be set, and not both of them";
            Err(config.error(Some("field_pattern"), text))
        }
    }
}

impl Edit for RemoveByPattern {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        prune(&mut document.source, "", self);
        Ok(())
    }
}

fn prune(members: &mut Map<String, Value>, prefix: &str, rule: &RemoveByPattern) {
    members.retain(|name, value| {
        let path = format!("{prefix}{name}");
        let fits = rule.patterns.iter().any(|pattern| wild(pattern.as_bytes(), path.as_bytes()));
        match value {
            Value::Object(inner) if !fits => {
                let had = !inner.is_empty();
                prune(inner, &format!("{path}."), rule);
                !(rule.kept && had && inner.is_empty())
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => fits == rule.kept,
        }
    });
}

/// Whether `text` fits a pattern where `*` is anything.
fn wild(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            (p, t) = (at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// `OpenSearch`'s copy of objects and values.
#[derive(Debug)]
struct Copy {
    source: Target,
    target: Target,
    ignore_missing: bool,
    override_target: bool,
    remove_source: bool,
}

pub(super) fn copy(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    Ok(Box::new(Copy {
        source: config.target("source_field")?,
        target: config.target("target_field")?,
        ignore_missing: config.bool_or("ignore_missing", false)?,
        override_target: config.bool_or("override_target", false)?,
        remove_source: config.bool_or("remove_source", false)?,
    }))
}

impl Edit for Copy {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let (source, target): (Path, Path) =
            (self.source.path(document)?, self.target.path(document)?);
        let Some(value) = document.get(&source).cloned() else {
            if self.ignore_missing {
                return Ok(());
            }
            return Err(Error::illegal(format!("source field [{}] doesn't exist", source.text)));
        };
        if document.get(&target).is_some_and(|value| !value.is_null()) && !self.override_target {
            return Err(Error::illegal(format!("target field [{}] already exists", target.text)));
        }
        document.set(&target, value)?;
        if self.remove_source {
            document.remove(&source)?;
        }
        Ok(())
    }
}
