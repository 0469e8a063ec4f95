//! Documents through the pipelines of their request and their index.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::find;
use crate::docs::{Doc, Kind, Need, check_id, place};
use crate::error::Error;
use crate::ingest::{Document, Outcome};
use crate::{Elastic, settings};

/// Whether documents of `index` go through a pipeline that its settings name.
pub(crate) fn are_set(index: &logs::store::Index) -> bool {
    let settings = index.settings();
    ["index.default_pipeline", "index.final_pipeline"]
        .into_iter()
        .any(|key| settings::text(&settings, key).is_some())
}

/// `doc`, which was sent to `name`, as its pipelines leave it; `None` when one drops it. `pipeline` is the request's; without it the index's default
/// one counts. The index's final one comes after it, that of the index that the first may have chosen.
///
/// # Errors
/// A pipeline that is not there, or that fails; a document that is no JSON.
pub(crate) fn prepared<'a>(
    elastic: &Elastic,
    mut doc: Doc<'a>,
    name: &str,
    pipeline: Option<&str>,
) -> Result<Option<Doc<'a>>, Error> {
    if matches!(doc.kind, Kind::Update | Kind::Delete) {
        return Ok(Some(doc));
    }
    let of_index = doc.index.settings();
    let first = pipeline.or_else(|| settings::text(&of_index, "index.default_pipeline"));
    let first = first.filter(|id| *id != "_none");
    let last = settings::text(&of_index, "index.final_pipeline").filter(|id| *id != "_none");
    if first.is_none() && last.is_none() {
        return Ok(Some(doc));
    }
    let now_ms = elastic.clock.now_ms();
    let mut document =
        Document::new(name, doc.id.as_deref(), doc.routing.as_deref(), parsed(&doc)?, now_ms);
    let mut last = last.map(str::to_owned);
    if let Some(id) = first {
        if run(elastic, id, &mut document)? == Outcome::Dropped {
            return Ok(None);
        }
        if document.index() != name {
            doc.index = place(elastic, document.index(), doc.kind, Need::default())?;
            let moved = doc.index.settings();
            let final_pipeline = settings::text(&moved, "index.final_pipeline");
            last = final_pipeline.filter(|id| *id != "_none").map(str::to_owned);
        }
    }
    if let Some(id) = last {
        let before = document.index().to_owned();
        if run(elastic, &id, &mut document)? == Outcome::Dropped {
            return Ok(None);
        }
        if document.index() != before {
            return Err(Error::new(
                500,
                "illegal_state_exception",
                format!("final pipeline [{id}] can't change the target index"),
            ));
        }
    }
    if document.id() != doc.id.as_deref() {
        if let Some(id) = document.id() {
            check_id(id)?;
        }
        doc.id = document.id().map(|id| Cow::Owned(id.to_owned()));
    }
    if document.routing() != doc.routing.as_deref() {
        doc.routing = document.routing().map(|routing| Cow::Owned(routing.to_owned()));
    }
    doc.source = Cow::Owned(Value::Object(document.source).to_string().into_bytes());
    Ok(Some(doc))
}

fn run(elastic: &Elastic, id: &str, document: &mut Document) -> Result<Outcome, Error> {
    let pipeline = find(elastic, id)
        .ok_or_else(|| Error::illegal(format!("pipeline with id [{id}] does not exist")))?;
    let lookup = |id: &str| find(elastic, id);
    pipeline.run(document, &lookup, elastic.clock.now_ms())
}

/// The document's source as members.
fn parsed(doc: &Doc<'_>) -> Result<Map<String, Value>, Error> {
    match serde_json::from_slice(&doc.source) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(unreadable("it is no object")),
        Err(error) => Err(unreadable(&error.to_string())),
    }
}

fn unreadable(why: &str) -> Error {
    Error::new(400, "parse_exception", "Failed to parse content to map").caused_by(Error::new(
        400,
        "json_parse_exception",
        why,
    ))
}
