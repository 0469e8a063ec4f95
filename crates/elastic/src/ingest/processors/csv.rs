//! `csv`: one line of separated values to fields.

use serde_json::Value;

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::Config;
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;

#[derive(Debug)]
struct Csv {
    field: Path,
    targets: Vec<Path>,
    separator: char,
    quote: char,
    trim: bool,
    empty_value: Option<Value>,
    ignore_missing: bool,
}

pub(super) fn csv(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    let field = config.path("field")?;
    let mut targets = Vec::new();
    for text in config.strs("target_fields")? {
        targets.push(
            Path::parse(&text)
                .map_err(|error| config.error(Some("target_fields"), &error.reason))?,
        );
    }
    if targets.is_empty() {
        return Err(config.error(Some("target_fields"), "target fields list can't be empty"));
    }
    let separator = one(config, "separator", ",")?;
    let quote = one(config, "quote", "\"")?;
    Ok(Box::new(Csv {
        field,
        targets,
        separator,
        quote,
        trim: config.bool_or("trim", false)?,
        empty_value: config.take("empty_value"),
        ignore_missing: config.bool_or("ignore_missing", false)?,
    }))
}

fn one(config: &mut Config, name: &str, default: &str) -> Result<char, Error> {
    let text = config.str_or(name, default)?;
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Ok(letter),
        _ => Err(config.error(Some(name), &format!("{name} has to be exactly one character"))),
    }
}

impl Edit for Csv {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let Some(line) = document.text(&self.field, self.ignore_missing)?.map(str::to_owned) else {
            if self.ignore_missing {
                return Ok(());
            }
            let text = format!("field [{}] is null, cannot process it.", self.field.text);
            return Err(Error::illegal(text));
        };
        for (target, value) in self.targets.iter().zip(self.values(&line)?) {
            let value = match (value.is_empty(), &self.empty_value) {
                (false, _) => Value::String(value),
                (true, Some(empty)) => empty.clone(),
                (true, None) => continue,
            };
            document.set(target, value)?;
        }
        Ok(())
    }
}

impl Csv {
    /// At most as many as there are targets.
    fn values(&self, line: &str) -> Result<Vec<String>, Error> {
        let mut values = Vec::new();
        let mut rest = Some(line);
        while let Some(text) = rest.filter(|_| values.len() < self.targets.len()) {
            let start = if self.trim { text.trim_start_matches([' ', '\t']) } else { text };
            let (value, after) = match start.strip_prefix(self.quote) {
                Some(inside) => self.quoted(inside)?,
                None => match text.split_once(self.separator) {
                    Some((value, after)) => (value.to_owned(), Some(after)),
                    None => (text.to_owned(), None),
                },
            };
            let quoted = start.starts_with(self.quote);
            if !quoted && value.contains(self.quote) {
                return Err(Error::illegal("Illegal character inside unquoted field"));
            }
            let trims = self.trim && !quoted;
            values.push(if trims { value.trim_matches([' ', '\t']).to_owned() } else { value });
            rest = after;
        }
        Ok(values)
    }

    /// A value up to its closing quote, and what stands behind its separator.
    fn quoted<'a>(&self, text: &'a str) -> Result<(String, Option<&'a str>), Error> {
        let mut value = String::new();
        let mut rest = text;
        loop {
            let Some((before, after)) = rest.split_once(self.quote) else {
                return Err(Error::illegal("Unmatched quote"));
            };
            value.push_str(before);
            // A quote that stands twice means itself.
            if let Some(more) = after.strip_prefix(self.quote) {
                value.push(self.quote);
                rest = more;
                continue;
            }
            let after = if self.trim { after.trim_start_matches([' ', '\t']) } else { after };
            if after.is_empty() {
                return Ok((value, None));
            }
            return match after.strip_prefix(self.separator) {
                Some(next) => Ok((value, Some(next))),
                None => Err(Error::illegal("Illegal character after a quoted field")),
            };
        }
    }
}
