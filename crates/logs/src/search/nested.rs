//! Queries over nested objects.

use super::bind::Binder;
use super::eval::{At, Eval};
use super::plan::Plan;
use super::{QueryError, SearchError};
use crate::bits::Bits;
use crate::part::ReadError;
use crate::query::Nested;

/// A bound query over the objects below a path.
#[derive(Debug, Clone)]
pub(super) struct NestedPlan {
    pub(super) query: Plan,
}

impl Binder<'_> {
    pub(super) fn nested(&mut self, of: &Nested) -> Result<Plan, QueryError> {
        Err(QueryError::Unsupported(format!("[nested] query on [{}]", of.path)))
    }
}

impl Eval {
    pub(super) fn nested_rows(
        &mut self,
        of: &NestedPlan,
        at: At<'_>,
        within: &Bits,
    ) -> Result<Bits, ReadError> {
        self.rows(&of.query, at, within)
    }

    pub(super) fn nested_scores(
        &mut self,
        _of: &NestedPlan,
        _at: At<'_>,
        rows: &Bits,
    ) -> Result<Vec<f32>, SearchError> {
        Ok(vec![0.0; rows.len()])
    }
}
