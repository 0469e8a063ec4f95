//! The bounds of one query: samples and bytes held at once, the deadline, and the flag that cancels it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stdx::budget::{Budget, Charge};
use stdx::clock::Clock;

use super::error::QueryError;

/// Raised by whoever no longer wants the answer. Clones share the flag.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts what a query holds.
#[derive(Debug)]
pub(crate) struct Meter {
    samples: Cell<u64>,
    peak: Cell<u64>,
    samples_max: u64,
    budget: Arc<Budget>,
}

impl Meter {
    pub(crate) fn new(samples_max: u64, budget: Arc<Budget>) -> Rc<Self> {
        Rc::new(Self { samples: Cell::new(0), peak: Cell::new(0), samples_max, budget })
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak.get()
    }

    /// Whether `more` samples would fit; they are counted for the peak only.
    pub(crate) fn check(&self, more: u64) -> Result<(), QueryError> {
        let sum = self.samples.get().saturating_add(more);
        if sum > self.samples_max {
            return Err(QueryError::TooManySamples("query execution"));
        }
        self.peak.set(self.peak.get().max(sum));
        Ok(())
    }

    /// Takes `bytes` for what outlives the evaluation.
    pub(crate) fn charge(&self, bytes: u64) -> Result<Charge, QueryError> {
        Ok(self.budget.charge(bytes)?)
    }

    /// Takes `bytes` until the guard is dropped.
    pub(crate) fn hold(self: &Rc<Self>, bytes: u64) -> Result<Hold, QueryError> {
        Ok(Hold { meter: Rc::clone(self), samples: 0, charge: self.budget.charge(bytes)? })
    }
}

/// Samples and bytes that are held until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    meter: Rc<Meter>,
    samples: u64,
    charge: Charge,
}

impl Hold {
    /// Counts `samples` and `bytes` more.
    pub(crate) fn grow(&mut self, samples: u64, bytes: u64) -> Result<(), QueryError> {
        self.meter.check(samples)?;
        self.charge.grow(bytes)?;
        self.meter.samples.set(self.meter.samples.get() + samples);
        self.samples += samples;
        Ok(())
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.charge.bytes()
    }

    pub(crate) fn meter(&self) -> &Rc<Meter> {
        &self.meter
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.meter.samples.set(self.meter.samples.get() - self.samples);
    }
}

/// The deadline and the flag.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) deadline: Duration,
    pub(crate) timeout: Duration,
    pub(crate) cancel: CancelFlag,
    /// Cells since the last look.
    pub(crate) cells: Cell<usize>,
}

/// How often a long loop over cells looks at the deadline.
const CELLS_PER_CHECK: usize = 1 << 16;

impl Watch {
    /// To be called before `cells` more values are looked at: the deadline is looked at each [`CELLS_PER_CHECK`] of them.
    pub(crate) fn tick(&self, cells: usize) -> Result<(), QueryError> {
        let sum = self.cells.get().saturating_add(cells);
        if sum < CELLS_PER_CHECK {
            self.cells.set(sum);
            return Ok(());
        }
        self.cells.set(0);
        self.check()
    }

    /// To be called for each series and every thousand steps.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.cancel.is_canceled() {
            return Err(QueryError::Canceled("expression evaluation"));
        }
        if self.timeout.is_zero() || self.clock.mono() > self.deadline {
            return Err(QueryError::Timeout("expression evaluation"));
        }
        Ok(())
    }
}
