//! Texts in the languages of search boxes, bound to an index's fields.

use super::QueryError;
use super::bind::Binder;
use super::plan::Plan;
use crate::query::{Kql, QueryString, SimpleQueryString};

impl Binder<'_> {
    pub(super) fn query_string(&mut self, _of: &QueryString) -> Result<Plan, QueryError> {
        Err(QueryError::Unsupported("[query_string] query".to_owned()))
    }

    pub(super) fn simple_query_string(
        &mut self,
        _of: &SimpleQueryString,
    ) -> Result<Plan, QueryError> {
        Err(QueryError::Unsupported("[simple_query_string] query".to_owned()))
    }

    pub(super) fn kql(&mut self, _of: &Kql) -> Result<Plan, QueryError> {
        Err(QueryError::Unsupported("KQL".to_owned()))
    }
}
