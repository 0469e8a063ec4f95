//! `function_score`: scores changed by functions of the row.

use super::bind::Binder;
use super::bm25::Stats;
use super::eval::{At, Eval};
use super::plan::Plan;
use super::{QueryError, SearchError};
use crate::bits::Bits;
use crate::part::ReadError;
use crate::query::FunctionScore;

/// A bound query whose scores functions change.
#[derive(Debug, Clone)]
pub(super) struct FunctionPlan {
    pub(super) query: Plan,
}

impl Binder<'_> {
    pub(super) fn function_score(&mut self, _of: &FunctionScore) -> Result<Plan, QueryError> {
        Err(QueryError::Unsupported("[function_score] query".to_owned()))
    }
}

impl Eval {
    pub(super) fn function_rows(
        &mut self,
        of: &FunctionPlan,
        at: At<'_>,
        within: &Bits,
    ) -> Result<Bits, ReadError> {
        self.rows(&of.query, at, within)
    }

    pub(super) fn function_scores(
        &mut self,
        of: &FunctionPlan,
        at: At<'_>,
        rows: &Bits,
        stats: &Stats,
        scale: f32,
    ) -> Result<Vec<f32>, SearchError> {
        self.scores(&of.query, at, rows, stats, scale)
    }
}
