//! PromQL: text → tree → values over any `model::port::Queryable`.
//!
//! Knows nothing of how series are stored or of HTTP.

pub mod ast;
pub mod function;
