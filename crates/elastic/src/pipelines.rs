//! Ingest pipelines: documents changed on their way in.

use crate::Elastic;
use crate::docs::Doc;
use crate::error::Error;

/// `doc` as its pipelines leave it; `None` when one drops it.
pub(crate) fn prepared<'a>(
    _elastic: &Elastic,
    doc: Doc<'a>,
    pipeline: Option<&str>,
) -> Result<Option<Doc<'a>>, Error> {
    match pipeline {
        None | Some("_none") => Ok(Some(doc)),
        Some(name) => Err(Error::illegal(format!("pipeline with id [{name}] does not exist"))),
    }
}
