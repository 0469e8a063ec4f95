//! Running sums and means of histograms, with account of what rounding loses.

use std::sync::Arc;

use model::histogram::{FloatHistogram, ResetHint};

use super::{collision, mixed_layouts, reconciled};
use crate::ast::Span;
use crate::engine::eval::Evaluator;

/// A running sum or mean of histograms.
#[derive(Debug, Clone)]
pub(crate) struct Sum {
    /// Exponential and custom buckets met: there is no result.
    pub(crate) failed: bool,
    /// The sum, or the mean once `incremental`.
    value: FloatHistogram,
    lost: Option<FloatHistogram>,
    /// The sum went over; the mean is kept instead.
    incremental: bool,
    /// What the histograms said of resets.
    reset_seen: bool,
    no_reset_seen: bool,
}

impl Sum {
    pub(crate) fn new(first: &Arc<FloatHistogram>) -> Self {
        let mut sum = Self {
            failed: false,
            value: (**first).clone(),
            lost: None,
            incremental: false,
            reset_seen: false,
            no_reset_seen: false,
        };
        sum.note_hint(first);
        sum
    }

    fn note_hint(&mut self, h: &FloatHistogram) {
        self.reset_seen |= h.reset_hint == ResetHint::CounterReset;
        self.no_reset_seen |= h.reset_hint == ResetHint::NotCounterReset;
    }

    /// Takes in another, the `count`th value; `mean` says that a mean is wanted.
    pub(crate) fn add(
        &mut self,
        ev: &Evaluator<'_>,
        h: &FloatHistogram,
        (count, mean): (f64, bool),
        (metric, span): (&str, Span),
    ) {
        if self.failed {
            return;
        }
        self.note_hint(h);
        let added = if mean { self.add_mean(h, count) } else { self.add_exactly(h) };
        match added {
            Some(true) => ev.info(span, reconciled("aggregation")),
            Some(false) => {}
            None => {
                self.failed = true;
                ev.warn(span, mixed_layouts(metric));
            }
        }
    }

    /// Whether custom bounds differed; `None` when the layouts do not go together.
    fn add_exactly(&mut self, h: &FloatHistogram) -> Option<bool> {
        let lost = self.lost.get_or_insert_with(|| self.value.no_loss());
        self.value.add_exactly(h, lost).ok().map(|combined| combined.bounds_reconciled)
    }

    fn add_mean(&mut self, h: &FloatHistogram, count: f64) -> Option<bool> {
        if !self.incremental {
            let before = (self.value.clone(), self.lost.clone());
            let reconciled = self.add_exactly(h)?;
            if !self.value.has_overflow() {
                return Some(reconciled);
            }
            (self.value, self.lost) = before;
            self.incremental = true;
            self.value.divide(count - 1.0);
            if let Some(lost) = &mut self.lost {
                lost.divide(count - 1.0);
            }
        }
        let q = (count - 1.0) / count;
        if let Some(lost) = &mut self.lost {
            lost.scale(q);
        }
        self.value.scale(q);
        let mut more = h.clone();
        more.divide(count);
        self.add_exactly(&more)
    }

    /// The sum or mean of `count` values; empty buckets are still in it.
    pub(crate) fn finish(
        mut self,
        ev: &Evaluator<'_>,
        (count, mean): (f64, bool),
        span: Span,
    ) -> Option<FloatHistogram> {
        if self.failed {
            return None;
        }
        if self.reset_seen && self.no_reset_seen {
            ev.warn(span, collision("aggregation"));
        }
        if mean && !self.incremental {
            self.value.divide(count);
            if let Some(lost) = &mut self.lost {
                lost.divide(count);
            }
        }
        if let Some(lost) = &self.lost {
            // Of one layout, by construction.
            self.value.add(lost).ok()?;
        }
        Some(self.value)
    }
}
