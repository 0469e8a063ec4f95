//! A pipeline's definition: parsed, checked and bounded when it is put.

use serde_json::{Map, Value};

use super::condition::Condition;
use super::config::Config;
use super::limits::{NESTING_MAX, PROCESSORS_MAX};
use super::processors::{self, Processor};
use crate::error::Error;

/// A pipeline, ready to run.
#[derive(Debug)]
pub struct Pipeline {
    /// Its name; empty for one that is only simulated.
    pub id: String,
    pub description: Option<String>,
    pub version: Option<i64>,
    pub(crate) steps: Vec<Step>,
    pub(crate) on_failure: Vec<Step>,
}

/// A processor with what all processors have.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) kind: String,
    pub(crate) tag: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) condition: Option<Condition>,
    pub(crate) ignore_failure: bool,
    pub(crate) on_failure: Vec<Step>,
    pub(crate) processor: Box<dyn Processor>,
}

/// How much more may be built, and how deep it stands.
#[derive(Debug)]
pub(crate) struct Builder {
    left: usize,
    depth: usize,
}

impl Pipeline {
    /// Reads the definition of pipeline `id`.
    ///
    /// # Errors
    /// What is missing, unknown, too much, or not understood.
    pub fn parse(id: &str, definition: &Value) -> Result<Self, Error> {
        let Value::Object(members) = definition else {
            return Err(Error::new(400, "parse_exception", "a pipeline is an object"));
        };
        let mut config = Config::new("", members.clone());
        let description = config.opt_str("description")?;
        let version = config.opt_int("version")?;
        let mut builder = Builder { left: PROCESSORS_MAX, depth: 0 };
        let list = config.opt_list("processors")?;
        let list =
            list.ok_or_else(|| config.error(Some("processors"), "required property is missing"))?;
        let steps = builder.steps(list)?;
        let on_failure = match config.opt_list("on_failure")? {
            None => Vec::new(),
            Some(list) if list.is_empty() => {
                let text =
                    format!("pipeline [{id}] cannot have an empty on_failure option defined");
                return Err(Error::new(400, "parse_exception", text));
            }
            Some(list) => builder.steps(list)?,
        };
        for known in
            ["_meta", "deprecated", "created_date", "modified_date", "field_access_pattern"]
        {
            config.take(known);
        }
        if let Some(names) = config.left() {
            let text = format!(
                "pipeline [{id}] doesn't support one or more provided configuration parameters [{names}]"
            );
            return Err(Error::new(400, "parse_exception", text));
        }
        Ok(Self { id: id.to_owned(), description, version, steps, on_failure })
    }
}

impl Builder {
    /// A list of processors.
    pub(crate) fn steps(&mut self, list: Vec<Value>) -> Result<Vec<Step>, Error> {
        let mut steps = Vec::with_capacity(list.len());
        for item in list {
            let Value::Object(members) = item else {
                return Err(Error::new(400, "parse_exception", "a processor is an object"));
            };
            for (kind, body) in members {
                steps.push(self.step(&kind, body)?);
            }
        }
        Ok(steps)
    }

    /// One processor of the type `kind`.
    pub(crate) fn step(&mut self, kind: &str, body: Value) -> Result<Step, Error> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Error::illegal(format!("a pipeline has at most {PROCESSORS_MAX} processors"))
        })?;
        if self.depth >= NESTING_MAX {
            return Err(Error::illegal(format!(
                "processors stand in each other at most {NESTING_MAX} deep"
            )));
        }
        self.depth += 1;
        let step = self.build(kind, body);
        self.depth -= 1;
        step
    }

    fn build(&mut self, kind: &str, body: Value) -> Result<Step, Error> {
        let members = match body {
            Value::Object(members) => members,
            // A script may be a mere text.
            Value::String(_) if kind == "script" => Map::new(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                let text = format!("property isn't a map, but of type [{}]", body_type(&body));
                return Err(Config::new(kind, Map::new()).error(Some(kind), &text));
            }
        };
        let mut config = Config::new(kind, members);
        config.tag = config.opt_str("tag")?;
        let make = processors::maker(kind).ok_or_else(|| {
            let text = match processors::refused(kind) {
                Some(why) => format!("No processor type exists with name [{kind}]: {why}"),
                None => format!("No processor type exists with name [{kind}]"),
            };
            config.error(None, &text)
        })?;
        let description = config.opt_str("description")?;
        let condition = match config.take("if") {
            None => None,
            Some(value) => {
                let parsed = Condition::of_value(&value);
                Some(parsed.map_err(|reason| config.error(Some("if"), &reason))?)
            }
        };
        let ignore_failure = config.bool_or("ignore_failure", false)?;
        let on_failure = match config.opt_list("on_failure")? {
            None => Vec::new(),
            Some(list) if list.is_empty() => {
                return Err(config.error(Some("on_failure"), "processors list cannot be empty"));
            }
            Some(list) => self.steps(list)?,
        };
        let processor = make(&mut config, self)?;
        if let Some(names) = config.left() {
            let text = format!(
                "processor [{kind}] doesn't support one or more provided configuration parameters [{names}]"
            );
            return Err(config.error(None, &text));
        }
        let (kind, tag) = (config.kind, config.tag);
        Ok(Step { kind, tag, description, condition, ignore_failure, on_failure, processor })
    }
}

fn body_type(body: &Value) -> &'static str {
    super::document::java_type(body)
}
