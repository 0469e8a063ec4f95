//! The steps at which an expression is evaluated, and the count of samples that each of them touched.

use std::cell::RefCell;

/// Evaluation times `start, start + step, …`.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) start: i64,
    /// At least 1.
    pub(crate) step: i64,
    pub(crate) steps: usize,
    /// Samples touched, by step.
    touched: RefCell<Vec<u64>>,
}

impl Frame {
    /// The times `start..=end`; none when `end` is before `start`.
    pub(crate) fn new(start: i64, end: i64, step: i64) -> Self {
        let step = step.max(1);
        let steps = match end >= start {
            true => usize::try_from(end.saturating_sub(start) / step)
                .unwrap_or(usize::MAX)
                .saturating_add(1),
            false => 0,
        };
        Self { start, step, steps, touched: RefCell::new(Vec::new()) }
    }

    /// The one time `t`, with this frame's step.
    pub(crate) fn once(&self) -> Self {
        Self::new(self.start, self.start, self.step)
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
        touched[step] += samples;
    }

    pub(crate) fn touched(&self) -> Vec<u64> {
        let mut touched = self.touched.borrow().clone();
        touched.resize(self.steps, 0);
        touched
    }

    pub(crate) fn touched_total(&self) -> u64 {
        self.touched.borrow().iter().sum()
    }
}
