//! Ingest pipelines: what happens to documents before they are stored, a pure function over JSON.
//!
//! A [`Pipeline`] is parsed once and runs over many [`Document`]s. Everything that a pipeline or a document could make grow is bounded; what is not
//! known (a processor, a parameter, a condition) is refused when the pipeline is put, with a text that says what.

mod condition;
mod config;
mod document;
mod limits;
mod path;
mod pipeline;
mod processors;
mod regex;
mod run;
mod simulate;
mod template;
#[cfg(test)]
mod tests;

pub use document::Document;
pub use pipeline::Pipeline;
pub use processors::grok_patterns;
pub use run::Outcome;
pub use simulate::simulate;
