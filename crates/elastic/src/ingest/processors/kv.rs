//! `kv`: `a=1 b=2` to fields.

use serde_json::Value;

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::{Config, Target};
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;
use crate::ingest::regex::{Dialect, Pattern};

#[derive(Debug)]
struct Kv {
    field: Target,
    target: Option<Target>,
    field_split: Pattern,
    value_split: Pattern,
    value_split_text: String,
    include: Option<Vec<String>>,
    exclude: Vec<String>,
    ignore_missing: bool,
    prefix: String,
    trim_key: String,
    trim_value: String,
    strip_brackets: bool,
}

pub(super) fn kv(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.target("field")?;
    let target = config.opt_target("target_field")?;
    let field_split = config.str("field_split")?;
    let value_split_text = config.str("value_split")?;
    let compiled = |config: &Config, name: &str, text: &str| {
        Pattern::compile(text, Dialect::Java).map_err(|reason| config.error(Some(name), &reason))
    };
    Ok(Box::new(Kv {
        field,
        target,
        field_split: compiled(config, "field_split", &field_split)?,
        value_split: compiled(config, "value_split", &value_split_text)?,
        value_split_text,
        include: config.opt_strs("include_keys")?,
        exclude: config.opt_strs("exclude_keys")?.unwrap_or_default(),
        ignore_missing: config.bool_or("ignore_missing", false)?,
        prefix: config.str_or("prefix", "")?,
        trim_key: config.str_or("trim_key", "")?,
        trim_value: config.str_or("trim_value", "")?,
        strip_brackets: config.bool_or("strip_brackets", false)?,
    }))
}

impl Edit for Kv {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let field = self.field.path(document)?;
        let Some(text) = document.text(&field, self.ignore_missing)?.map(str::to_owned) else {
            if self.ignore_missing {
                return Ok(());
            }
            let text = format!("field [{}] is null, cannot extract key-value pairs.", field.text);
            return Err(Error::illegal(text));
        };
        let target = match &self.target {
            None => String::new(),
            Some(target) => format!("{}.", target.path(document)?.text),
        };
        for part in self.field_split.split(&text, 0) {
            let pair = self.value_split.split(part, 2);
            let [key, value] = pair.as_slice() else {
                return Err(Error::illegal(format!(
                    "field [{}] does not contain value_split [{}]",
                    field.text, self.value_split_text
                )));
            };
            let key = trimmed(key, &self.trim_key);
            if self.include.as_ref().is_some_and(|keys| !keys.iter().any(|have| have == key))
                || self.exclude.iter().any(|have| have == key)
            {
                continue;
            }
            let value = trimmed(value, &self.trim_value);
            let value = if self.strip_brackets { stripped(value) } else { value };
            let path = Path::parse(&format!("{target}{}{key}", self.prefix))?;
            if document.get(&path).is_some() {
                document.append(&path, vec![Value::from(value)], true)?;
            } else {
                document.set(&path, Value::from(value))?;
            }
        }
        Ok(())
    }
}

fn trimmed<'a>(text: &'a str, letters: &str) -> &'a str {
    text.trim_matches(|letter| letters.contains(letter))
}

/// Without one pair of brackets or quotes around it.
fn stripped(text: &str) -> &str {
    let pairs = [('(', ')'), ('<', '>'), ('[', ']'), ('"', '"'), ('\'', '\'')];
    let inside = pairs.iter().find_map(|(open, close)| {
        text.strip_prefix(*open).and_then(|text| text.strip_suffix(*close))
    });
    inside.unwrap_or(text)
}
