//! PromQL: text → tree → values over any `model::port::Queryable`.
//!
//! Knows nothing of how series are stored or of HTTP.

pub mod ast;
mod check;
pub mod engine;
mod error;
mod format;
pub mod function;
mod functions;
mod hist;
mod lex;
mod number;
pub mod parse;
mod print;
mod quote;

pub use engine::{Engine, EngineOptions, Outcome, QueryError, QueryParams, QueryValue};
pub use error::ParseError;
