//! The steps at which an expression is evaluated, and the count of samples that each of them touched.

use std::cell::RefCell;
use std::rc::Rc;

use super::error::QueryError;
use super::limits::{Hold, Meter};
use super::value::bytes_of;

/// Evaluation times `start, start + step, …`.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) start: i64,
    /// At least 1.
    pub(crate) step: i64,
    pub(crate) steps: usize,
    /// Samples touched, by step.
    touched: RefCell<Vec<u64>>,
    /// Pays for `touched`.
    hold: Hold,
}

impl Frame {
    /// The times `start..=end`; none when `end` is before `start`. Whoever walks over a frame knows that its steps were paid
    /// for.
    pub(crate) fn new(
        meter: &Rc<Meter>,
        (start, end): (i64, i64),
        step: i64,
    ) -> Result<Self, QueryError> {
        let step = step.max(1);
        let steps = match end >= start {
            true => usize::try_from(end.saturating_sub(start) / step)
                .unwrap_or(usize::MAX)
                .saturating_add(1),
            false => 0,
        };
        let hold = meter.hold(bytes_of(steps, size_of::<u64>()))?;
        Ok(Self { start, step, steps, touched: RefCell::new(Vec::new()), hold })
    }

    /// The one time `t`, with this frame's step.
    pub(crate) fn once(&self) -> Result<Self, QueryError> {
        Self::new(self.hold.meter(), (self.start, self.start), self.step)
    }

    pub(crate) fn time(&self, step: usize) -> i64 {
        let passed = i64::try_from(step).unwrap_or(i64::MAX).saturating_mul(self.step);
        self.start.saturating_add(passed)
    }

    /// The last evaluation time.
    pub(crate) fn end(&self) -> i64 {
        self.time(self.steps.saturating_sub(1))
    }

    /// Counts samples that a step touched.
    pub(crate) fn touch(&self, step: usize, samples: u64) {
        let mut touched = self.touched.borrow_mut();
        if touched.is_empty() {
            touched.resize(self.steps, 0);
        }
        touched[step] = touched[step].saturating_add(samples);
    }

    /// What each step touched, with its time.
    pub(crate) fn touched(&self) -> Vec<(i64, u64)> {
        let touched = self.touched.borrow();
        let at = |step: usize| touched.get(step).copied().unwrap_or(0);
        (0..self.steps).map(|step| (self.time(step), at(step))).collect()
    }

    pub(crate) fn touched_total(&self) -> u64 {
        self.touched.borrow().iter().sum()
    }
}
