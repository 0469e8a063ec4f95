//! Processors that decide what happens next: `drop`, `fail`, `foreach`, `pipeline`.

use std::sync::Arc;

use serde_json::Value;

use super::{Calls, Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::Config;
use crate::ingest::document::cannot_be_cast;
use crate::ingest::limits::GROWTH_MAX;
use crate::ingest::path::Path;
use crate::ingest::pipeline::{Builder, Pipeline, Step};
use crate::ingest::run::{Env, Failure, Outcome};
use crate::ingest::template::Template;

#[derive(Debug)]
struct Drop;

pub(super) fn drop(_: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    Ok(Box::new(Drop))
}

impl Processor for Drop {
    fn run(&self, _: &mut Document, _: &mut Env<'_>) -> Result<Outcome, Failure> {
        Ok(Outcome::Dropped)
    }
}

#[derive(Debug)]
struct Fail(Template);

pub(super) fn fail(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    Ok(Box::new(Fail(config.template("message")?)))
}

impl Edit for Fail {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let message = self.0.render(document, GROWTH_MAX)?;
        Err(Error::new(500, "fail_processor_exception", message))
    }
}

/// The call of a pipeline by its name.
#[derive(Debug)]
struct Call {
    name: Template,
    ignore_missing: bool,
}

pub(super) fn pipeline(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    Ok(Box::new(Call {
        name: config.template("name")?,
        ignore_missing: config.bool_or("ignore_missing_pipeline", false)?,
    }))
}

impl Processor for Call {
    fn run(&self, document: &mut Document, env: &mut Env<'_>) -> Result<Outcome, Failure> {
        match self.pipeline(env, document)? {
            Some(pipeline) => env.pipeline(&pipeline, document),
            None => Ok(Outcome::Kept),
        }
    }

    fn calls(&self) -> Option<&dyn Calls> {
        Some(self)
    }
}

impl Calls for Call {
    fn pipeline(&self, env: &Env<'_>, document: &Document) -> Result<Option<Arc<Pipeline>>, Error> {
        let name = self.name.render(document, GROWTH_MAX)?;
        match env.find(&name) {
            None if self.ignore_missing => Ok(None),
            None => Err(Error::new(
                500,
                "illegal_state_exception",
                format!("Pipeline processor configured for non-existent pipeline [{name}]"),
            )),
            found => Ok(found),
        }
    }
}

/// A processor for each item of a list, or each member of an object.
#[derive(Debug)]
struct Foreach {
    field: Path,
    ignore_missing: bool,
    step: Step,
    value: Path,
    key: Path,
}

pub(super) fn foreach(
    config: &mut Config,
    builder: &mut Builder,
) -> Result<Box<dyn Processor>, Error> {
    let field = config.path("field")?;
    let ignore_missing = config.bool_or("ignore_missing", false)?;
    let definition = config.opt_map("processor")?;
    let definition = definition
        .ok_or_else(|| config.error(Some("processor"), "required property is missing"))?;
    if definition.len() != 1 {
        return Err(config.error(Some("processor"), "Must specify exactly one processor type"));
    }
    let mut steps = builder.steps(vec![Value::Object(definition)])?;
    let step = steps.pop().ok_or_else(|| {
        config.error(Some("processor"), "Must specify exactly one processor type")
    })?;
    let (value, key) = (Path::parse("_ingest._value")?, Path::parse("_ingest._key")?);
    Ok(Box::new(Foreach { field, ignore_missing, step, value, key }))
}

impl Processor for Foreach {
    fn run(&self, document: &mut Document, env: &mut Env<'_>) -> Result<Outcome, Failure> {
        let found = document.present(&self.field, self.ignore_missing)?.cloned();
        let outer = (document.get(&self.value).cloned(), document.get(&self.key).cloned());
        let result = match found {
            None => return Ok(Outcome::Kept),
            Some(Value::Null) if self.ignore_missing => return Ok(Outcome::Kept),
            Some(Value::Null) => {
                let text =
                    format!("field [{}] is null, cannot loop over its elements.", self.field.text);
                return Err(Error::illegal(text).into());
            }
            Some(Value::Array(items)) => self.each_item(items, document, env),
            Some(Value::Object(members)) => self.each_member(members, document, env),
            Some(other) => Err(cannot_be_cast(&self.field.text, &other, "java.util.List").into()),
        };
        for (name, value) in [("_value", outer.0), ("_key", outer.1)] {
            match value {
                Some(value) => document.ingest.insert(name.to_owned(), value),
                None => document.ingest.shift_remove(name),
            };
        }
        result
    }
}

impl Foreach {
    fn each_item(
        &self,
        items: Vec<Value>,
        document: &mut Document,
        env: &mut Env<'_>,
    ) -> Result<Outcome, Failure> {
        let mut changed = Vec::with_capacity(items.len());
        for item in items {
            document.set(&self.value, item)?;
            if env.quiet_step(&self.step, document)? == Outcome::Dropped {
                return Ok(Outcome::Dropped);
            }
            // What was removed is gone from the list too.
            if let Some(value) = document.ingest.shift_remove("_value") {
                changed.push(value);
            }
        }
        document.set(&self.field, Value::Array(changed))?;
        Ok(Outcome::Kept)
    }

    fn each_member(
        &self,
        members: serde_json::Map<String, Value>,
        document: &mut Document,
        env: &mut Env<'_>,
    ) -> Result<Outcome, Failure> {
        let mut changed = serde_json::Map::new();
        for (name, value) in members {
            document.set(&self.key, Value::String(name.clone()))?;
            document.set(&self.value, value)?;
            if env.quiet_step(&self.step, document)? == Outcome::Dropped {
                return Ok(Outcome::Dropped);
            }
            let Some(Value::String(name)) = document.ingest.shift_remove("_key") else { continue };
            if let Some(value) = document.ingest.shift_remove("_value") {
                changed.insert(name, value);
            }
        }
        document.set(&self.field, Value::Object(changed))?;
        Ok(Outcome::Kept)
    }
}
