//! Exemplars: one traced observation beside a sample.

use crate::labels::Labels;

/// An observation with the labels (usually a trace id) that lead to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    pub labels: Labels,
    pub value: f64,
    /// Milliseconds; `None` when the exposition gave none.
    pub t: Option<i64>,
}
