//! Search: a query and how its hits are wanted, over parts of indices; found rows out.

mod error;
mod request;

pub use error::{QueryError, SearchError};
pub use request::{
    Collector, Failure, Found, Hit, Limits, Matched, Missing, Mode, NestedSort, NumericType,
    Request, Slice, Sort, SortBy, Target, Total, Track,
};
