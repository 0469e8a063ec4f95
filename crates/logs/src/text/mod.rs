//! Words of texts: the finest ones, which the index is made of, and what the analyzers make of them.

pub mod analysis;
pub mod finest;
