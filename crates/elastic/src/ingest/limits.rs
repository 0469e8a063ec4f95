//! How large pipelines and what they make of documents may be.

/// Processors of one pipeline, those for failures included.
pub(crate) const PROCESSORS_MAX: usize = 1_000;
/// How deep processors stand in each other's definition (`on_failure`, `foreach`).
pub(crate) const NESTING_MAX: usize = 16;
/// How deep pipelines and processors may call each other.
pub(crate) const CALLS_MAX: usize = 100;
/// Processors that may run for one document.
pub(crate) const STEPS_MAX: usize = 100_000;
/// Bytes that a pipeline may write to one document, overwritten ones included.
pub(crate) const GROWTH_MAX: usize = 16 << 20;
/// How deep a document may nest.
pub(crate) const DEPTH_MAX: usize = 100;
/// Bytes of a field's path.
pub(crate) const PATH_MAX: usize = 1_024;
/// Bytes of a template.
pub(crate) const TEMPLATE_MAX: usize = 64 << 10;
/// Bytes of a condition's text.
pub(crate) const CONDITION_MAX: usize = 8 << 10;
/// How deep a condition's parts stand in each other.
pub(crate) const CONDITION_DEPTH_MAX: usize = 32;
/// Fields and methods one after the other.
pub(crate) const CONDITION_STEPS_MAX: usize = 16;
/// Bytes of a regular expression, with all of its patterns put in.
pub(crate) const REGEX_MAX: usize = 128 << 10;
/// Bytes of a compiled regular expression.
pub(crate) const REGEX_PROGRAM_MAX: usize = 8 << 20;
/// Documents of one simulation.
pub(crate) const SIMULATED_MAX: usize = 1_000;
/// Bytes of all documents that a verbose simulation shows.
pub(crate) const SHOWN_MAX: usize = 64 << 20;
