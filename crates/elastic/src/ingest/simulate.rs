//! `_simulate`: what a pipeline would make of documents.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::document::Document;
use super::limits::SIMULATED_MAX;
use super::path::META;
use super::pipeline::Pipeline;
use super::run::{Env, Outcome, Shown};
use crate::error::Error;

/// Answers a simulation. `pipeline` is the one that the address named; without it the body has to define one.
///
/// # Errors
/// A body that is none, or a pipeline that is none. What fails in a document is part of the answer.
pub fn simulate(
    pipeline: Option<Arc<Pipeline>>,
    body: &Value,
    verbose: bool,
    lookup: &dyn Fn(&str) -> Option<Arc<Pipeline>>,
    now_ms: i64,
) -> Result<Value, Error> {
    let pipeline = match pipeline {
        Some(pipeline) => pipeline,
        None => {
            let inline = body.get("pipeline").filter(|inline| inline.is_object());
            let inline = inline.ok_or_else(|| missing("pipeline"))?;
            Arc::new(Pipeline::parse("_simulate_pipeline", inline)?)
        }
    };
    let docs = body.get("docs").and_then(Value::as_array).ok_or_else(|| missing("docs"))?;
    if docs.is_empty() {
        return Err(Error::illegal("must specify at least one document in [docs]"));
    }
    if docs.len() > SIMULATED_MAX {
        return Err(Error::illegal(format!("at most {SIMULATED_MAX} documents are simulated")));
    }
    let mut results = Vec::with_capacity(docs.len());
    for doc in docs {
        let mut document = read(doc, now_ms)?;
        let shown = verbose.then(Shown::default);
        let mut env = Env::new(lookup, now_ms, shown);
        let outcome = env.pipeline(&pipeline, &mut document).map_err(|failure| *failure.error);
        results.push(if verbose {
            json!({ "processor_results": env.results() })
        } else {
            match outcome {
                Ok(Outcome::Kept) => json!({ "doc": rendered(&document) }),
                Ok(Outcome::Dropped) => Value::Null,
                Err(error) => json!({ "error": error.body()["error"] }),
            }
        });
    }
    Ok(json!({ "docs": results }))
}

fn missing(property: &str) -> Error {
    Error::new(400, "parse_exception", format!("[{property}] required property is missing"))
        .with("property_name", property)
}

/// A document of a simulation's body.
fn read(doc: &Value, now_ms: i64) -> Result<Document, Error> {
    let Value::Object(members) = doc else {
        return Err(Error::illegal("malformed [docs] section, should include an inner object"));
    };
    let source = match members.get("_source") {
        Some(Value::Object(source)) => source.clone(),
        _ => return Err(missing("_source")),
    };
    let text = |name: &str, default: Option<&str>| match members.get(name) {
        None | Some(Value::Null) => Ok(default.map(str::to_owned)),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => Err(Error::new(
            400,
            "parse_exception",
            format!(
                "[{name}] property isn't a string or int, but of type [{}]",
                super::document::java_type(other)
            ),
        )),
    };
    let index = text("_index", Some("_index"))?.unwrap_or_default();
    let id = text("_id", Some("_id"))?;
    let routing = text("_routing", None)?;
    let mut document = Document::new(&index, id.as_deref(), routing.as_deref(), source, now_ms);
    for name in ["_version", "_if_seq_no", "_if_primary_term", "_version_type"] {
        if let Some(value) = members.get(name).filter(|value| !value.is_null()) {
            document.meta.insert(name.to_owned(), value.clone());
        }
    }
    Ok(document)
}

/// A document as an answer shows it.
pub(crate) fn rendered(document: &Document) -> Value {
    let mut shown = Map::new();
    for name in META {
        if let Some(value) = document.meta.get(*name) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            shown.insert((*name).to_owned(), text.into());
        }
    }
    shown.insert("_source".to_owned(), Value::Object(document.source.clone()));
    let ingest = document.ingest.iter().filter(|(name, _)| !name.starts_with('_'));
    let ingest: Map<String, Value> =
        ingest.map(|(name, value)| (name.clone(), value.clone())).collect();
    shown.insert("_ingest".to_owned(), Value::Object(ingest));
    Value::Object(shown)
}
