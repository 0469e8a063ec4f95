//! Search: a query and how its hits are wanted, over parts of indices; found rows out.
//!
//! ```text
//! Query ──bind──▶ Plan (columns, tests, finest words) ──▶ parts that can match ──▶ blocks ──▶ rows ──▶ the best of them
//! ```

mod bind;
mod bind_text;
mod bm25;
mod error;
mod eval;
mod field;
pub mod highlight;
#[cfg(test)]
mod highlight_tests;
mod intervals;
mod languages;
mod lucene_regexp;
#[cfg(test)]
mod model_tests;
mod nested;
mod pattern;
mod plan;
mod proven;
mod request;
mod run;
mod score;
mod sort;
#[cfg(test)]
mod tests;
mod value;
mod words;

pub use error::{QueryError, SearchError};
pub use request::{
    Collector, ELASTIC_SCALE, Failure, Found, Hit, Limits, Matched, Missing, Mode, NestedSort,
    NumericType, Request, Slice, Sort, SortBy, Target, Total, Track,
};
pub use run::{Filter, run};
