//! PromQL: text → tree → values over any `model::port::Queryable`.
//!
//! Knows nothing of how series are stored or of HTTP.

pub mod ast;
mod check;
mod error;
pub mod function;
mod lex;
mod number;
pub mod parse;
mod quote;

pub use error::ParseError;
