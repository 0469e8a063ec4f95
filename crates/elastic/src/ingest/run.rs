//! Running pipelines: conditions, failures and their handlers, pipelines that call pipelines.

use std::sync::Arc;

use serde_json::{Value, json};

use super::document::Document;
use super::limits::{CALLS_MAX, SHOWN_MAX, STEPS_MAX};
use super::pipeline::{Pipeline, Step};
use crate::error::Error;

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Kept,
    /// A `drop` processor took it: it is not to be stored, and that is no error.
    Dropped,
}

/// A failure, and where it happened first.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Box<Error>,
    kind: String,
    tag: Option<String>,
    pipeline: String,
}

/// What a run knows and counts.
pub(crate) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<Arc<Pipeline>>,
    pub(crate) now_ms: i64,
    steps: usize,
    depth: usize,
    /// The pipelines that are running, outermost first.
    pipelines: Vec<String>,
    /// Where a verbose simulation's results go.
    shown: Option<Shown>,
}

/// Results of a verbose simulation.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) results: Vec<Value>,
    weight: usize,
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("pipelines", &self.pipelines).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Runs over `document`, which is changed. `lookup` finds the pipelines that are called by name.
    ///
    /// # Errors
    /// A processor failed, and nothing handled that. The document is then half changed.
    pub fn run(
        &self,
        document: &mut Document,
        lookup: &dyn Fn(&str) -> Option<Arc<Self>>,
        now_ms: i64,
    ) -> Result<Outcome, Error> {
        let mut env = Env::new(lookup, now_ms, None);
        env.pipeline(self, document).map_err(|failure| *failure.error)
    }
}

impl<'a> Env<'a> {
    pub(crate) fn new(
        lookup: &'a dyn Fn(&str) -> Option<Arc<Pipeline>>,
        now_ms: i64,
        shown: Option<Shown>,
    ) -> Self {
        Self { lookup, now_ms, steps: 0, depth: 0, pipelines: Vec::new(), shown }
    }

    /// What a verbose simulation is to show.
    pub(crate) fn results(self) -> Vec<Value> {
        self.shown.map(|shown| shown.results).unwrap_or_default()
    }

    /// The pipeline `name`, for a processor that calls it.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Pipeline>> {
        (self.lookup)(name)
    }

    /// Runs `pipeline`.
    pub(crate) fn pipeline(
        &mut self,
        pipeline: &Pipeline,
        document: &mut Document,
    ) -> Result<Outcome, Failure> {
        let name = &pipeline.id;
        if self.pipelines.contains(name) {
            let text = format!("Cycle detected for pipeline: {name}");
            return Err(self.failure(Error::new(500, "illegal_state_exception", text), "", None));
        }
        self.pipelines.push(name.clone());
        let mut outcome = self.steps(&pipeline.steps, document);
        if let Err(failure) = &outcome
            && !pipeline.on_failure.is_empty()
        {
            tell(failure, document);
            outcome = self.steps(&pipeline.on_failure, document);
            forget(document);
        }
        self.pipelines.pop();
        outcome
    }

    fn failure(&self, error: Error, kind: &str, tag: Option<&str>) -> Failure {
        let pipeline = self.pipelines.last().cloned().unwrap_or_default();
        Failure {
            error: Box::new(error),
            kind: kind.to_owned(),
            tag: tag.map(str::to_owned),
            pipeline,
        }
    }

    fn steps(&mut self, steps: &[Step], document: &mut Document) -> Result<Outcome, Failure> {
        for step in steps {
            if self.step(step, document)? == Outcome::Dropped {
                return Ok(Outcome::Dropped);
            }
        }
        Ok(Outcome::Kept)
    }

    /// Runs one processor, if its condition holds.
    pub(crate) fn step(
        &mut self,
        step: &Step,
        document: &mut Document,
    ) -> Result<Outcome, Failure> {
        let fail = |env: &Self, error| env.failure(error, &step.kind, step.tag.as_deref());
        self.steps += 1;
        self.depth += 1;
        if self.steps > STEPS_MAX || self.depth > CALLS_MAX {
            self.depth -= 1;
            return Err(fail(self, too_much(self.steps)));
        }
        let result = match step.condition.as_ref().map(|condition| condition.holds(document)) {
            Some(Ok(false)) => {
                self.depth -= 1;
                return match self.show(step, "skipped", None, document) {
                    Ok(()) => Ok(Outcome::Kept),
                    Err(error) => Err(fail(self, error)),
                };
            }
            Some(Err(error)) => Err(fail(self, error)),
            None | Some(Ok(true)) => self.process(step, document),
        };
        let result = match result {
            Err(failure) => self.failed(step, failure, document),
            ok @ Ok(_) => ok,
        };
        self.depth -= 1;
        result
    }

    /// The same, without telling a verbose simulation.
    pub(crate) fn quiet_step(
        &mut self,
        step: &Step,
        document: &mut Document,
    ) -> Result<Outcome, Failure> {
        let shown = self.shown.take();
        let outcome = self.step(step, document);
        self.shown = shown;
        outcome
    }

    fn process(&mut self, step: &Step, document: &mut Document) -> Result<Outcome, Failure> {
        if let Some(called) = step.processor.calls() {
            // Shown before what it calls.
            let found = called.pipeline(self, document);
            let found =
                found.map_err(|error| self.failure(error, &step.kind, step.tag.as_deref()))?;
            self.show_success(step, document)?;
            return found.map_or(Ok(Outcome::Kept), |pipeline| self.pipeline(&pipeline, document));
        }
        let outcome = step.processor.run(document, self)?;
        match outcome {
            Outcome::Kept => self.show_success(step, document)?,
            Outcome::Dropped => self
                .show(step, "dropped", None, document)
                .map_err(|error| self.failure(error, &step.kind, step.tag.as_deref()))?,
        }
        Ok(outcome)
    }

    fn show_success(&mut self, step: &Step, document: &Document) -> Result<(), Failure> {
        self.show(step, "success", None, document)
            .map_err(|error| self.failure(error, &step.kind, step.tag.as_deref()))
    }

    /// What follows when `step` failed.
    fn failed(
        &mut self,
        step: &Step,
        mut failure: Failure,
        document: &mut Document,
    ) -> Result<Outcome, Failure> {
        if failure.kind.is_empty() {
            failure = Failure {
                kind: step.kind.clone(),
                tag: step.tag.clone(),
                pipeline: self.pipelines.last().cloned().unwrap_or_default(),
                ..failure
            };
        }
        let status = if step.ignore_failure { "error_ignored" } else { "error" };
        let shown = self.show(step, status, Some(&failure.error), document);
        shown.map_err(|error| self.failure(error, &step.kind, step.tag.as_deref()))?;
        if step.ignore_failure {
            return Ok(Outcome::Kept);
        }
        if step.on_failure.is_empty() {
            return Err(failure);
        }
        tell(&failure, document);
        let outcome = self.steps(&step.on_failure, document);
        forget(document);
        outcome
    }

    /// Adds a result of a verbose simulation.
    fn show(
        &mut self,
        step: &Step,
        status: &str,
        error: Option<&Error>,
        document: &Document,
    ) -> Result<(), Error> {
        let Some(shown) = &mut self.shown else { return Ok(()) };
        shown.weight += document.weight() + 256;
        if shown.weight > SHOWN_MAX {
            return Err(Error::illegal(format!(
                "a verbose simulation shows at most {SHOWN_MAX} bytes"
            )));
        }
        let mut result = json!({ "processor_type": step.kind, "status": status });
        if let Some(description) = &step.description {
            result["description"] = description.clone().into();
        }
        if let Some(tag) = &step.tag {
            result["tag"] = tag.clone().into();
        }
        if let Some(condition) = &step.condition {
            let held = status != "skipped";
            result["if"] = json!({ "condition": condition.text(), "result": held });
        }
        match (status, error) {
            ("error_ignored", Some(error)) => {
                result["ignored_error"] = json!({ "error": error.body()["error"] });
                result["doc"] = super::simulate::rendered(document);
            }
            (_, Some(error)) => result["error"] = error.body()["error"].clone(),
            ("success", None) => result["doc"] = super::simulate::rendered(document),
            (_, None) => {}
        }
        shown.results.push(result);
        Ok(())
    }
}

impl From<Error> for Failure {
    /// A failure of the processor that is running: filled in by whom it is handed to.
    fn from(error: Error) -> Self {
        Self { error: Box::new(error), kind: String::new(), tag: None, pipeline: String::new() }
    }
}

fn too_much(steps: usize) -> Error {
    if steps > STEPS_MAX {
        Error::illegal(format!("more than {STEPS_MAX} processors ran for one document"))
    } else {
        Error::illegal(format!(
            "pipelines and processors call each other more than {CALLS_MAX} deep"
        ))
    }
}

const TOLD: [&str; 4] = [
    "on_failure_message",
    "on_failure_processor_type",
    "on_failure_processor_tag",
    "on_failure_pipeline",
];

/// Lets the handlers of a failure see what it was.
fn tell(failure: &Failure, document: &mut Document) {
    let mut root: &Error = &failure.error;
    while let Some(cause) = &root.cause {
        root = cause;
    }
    let values = [
        Some(root.reason.clone()),
        Some(failure.kind.clone()),
        failure.tag.clone(),
        Some(failure.pipeline.clone()),
    ];
    for (name, value) in TOLD.iter().zip(values) {
        document.ingest.insert((*name).to_owned(), value.into());
    }
}

fn forget(document: &mut Document) {
    for name in TOLD {
        document.ingest.shift_remove(name);
    }
}
