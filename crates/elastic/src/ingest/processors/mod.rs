//! The processors: what each does to a document, and the table of them.

mod calls;
mod convert;
mod csv;
mod date;
mod dissect;
mod fields;
mod fingerprint;
mod grok;
mod html;
mod json;
mod kv;
mod lists;
mod rename;
mod set;
mod text;
mod uri;

use std::fmt::Debug;
use std::sync::Arc;

use super::config::Config;
use super::document::Document;
use super::pipeline::{Builder, Pipeline};
use super::run::{Env, Failure, Outcome};
use crate::error::Error;

pub use grok::patterns as grok_patterns;

/// One processor.
pub(crate) trait Processor: Debug + Send + Sync {
    /// Changes `document`.
    fn run(&self, document: &mut Document, env: &mut Env<'_>) -> Result<Outcome, Failure>;

    /// For a processor that is a call of another pipeline.
    fn calls(&self) -> Option<&dyn Calls> {
        None
    }
}

/// A call of a pipeline.
pub(crate) trait Calls {
    /// The pipeline to run; `None` when it is not there and need not be.
    fn pipeline(&self, env: &Env<'_>, document: &Document) -> Result<Option<Arc<Pipeline>>, Error>;
}

/// A processor that only changes the document.
pub(crate) trait Edit: Debug + Send + Sync {
    fn edit(&self, document: &mut Document, now_ms: i64) -> Result<(), Error>;
}

impl<T: Edit> Processor for T {
    fn run(&self, document: &mut Document, env: &mut Env<'_>) -> Result<Outcome, Failure> {
        self.edit(document, env.now_ms)?;
        Ok(Outcome::Kept)
    }
}

/// What makes a processor of its parameters.
pub(crate) type Maker = fn(&mut Config, &mut Builder) -> Result<Box<dyn Processor>, Error>;

/// The processors by name.
const MAKERS: &[(&str, Maker)] = &[
    ("append", lists::append),
    ("bytes", text::bytes),
    ("community_id", fingerprint::community_id),
    ("convert", convert::convert),
    ("copy", fields::copy),
    ("csv", csv::csv),
    ("date", date::date),
    ("date_index_name", date::index_name),
    ("dissect", dissect::dissect),
    ("dot_expander", rename::dot_expander),
    ("drop", calls::drop),
    ("fail", calls::fail),
    ("fingerprint", fingerprint::fingerprint),
    ("foreach", calls::foreach),
    ("grok", grok::grok),
    ("gsub", text::gsub),
    ("html_strip", text::html_strip),
    ("join", lists::join),
    ("json", json::json),
    ("kv", kv::kv),
    ("lowercase", text::lowercase),
    ("pipeline", calls::pipeline),
    ("remove", fields::remove),
    ("remove_by_pattern", fields::remove_by_pattern),
    ("rename", rename::rename),
    ("set", set::set),
    ("sort", lists::sort),
    ("split", lists::split),
    ("trim", text::trim),
    ("uppercase", text::uppercase),
    ("uri_parts", uri::uri_parts),
    ("urldecode", text::urldecode),
];

/// What makes processors of the type `kind`.
pub(crate) fn maker(kind: &str) -> Option<Maker> {
    MAKERS.iter().find(|(name, _)| *name == kind).map(|(_, maker)| *maker)
}

/// Why there is no such processor, where one could expect it.
pub(crate) fn refused(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "script" => "scripts are not run here",
        "geoip" | "ip2geo" | "ip_location" => "there is no database of places here",
        "user_agent" => "there is no table of browsers here",
        _ => return None,
    })
}
