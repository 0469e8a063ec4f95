//! `intervals`: where words lie to one another.

use super::QueryError;
use super::bind::Binder;
use super::plan::{Plan, Words};
use crate::query::Intervals;

/// A bound rule.
#[derive(Debug, Clone)]
pub(super) struct IntervalPlan {}

impl IntervalPlan {
    /// Whether the texts of a row follow the rule.
    pub(super) fn is_in<'a>(&self, _words: &Words, _texts: impl Iterator<Item = &'a str>) -> bool {
        false
    }

    /// Whether the rule names `word`.
    pub(super) fn names(&self, _word: &str) -> bool {
        false
    }
}

impl Binder<'_> {
    pub(super) fn intervals(&mut self, of: &Intervals) -> Result<Plan, QueryError> {
        Err(QueryError::Unsupported(format!("[intervals] query on [{}]", of.field)))
    }
}
