//! Bytes that somebody else decides the number of: every buffer whose size comes from outside is charged here first.
//!
//! Budgets form a tree: a charge must fit the budget and all its parents. Dropping a [`Charge`] gives the bytes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The budget would be exceeded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {wanted_bytes} bytes wanted with {used_bytes} of {limit_bytes} in use")]
pub struct BudgetExceeded {
    /// The budget's name, as an operator knows it (e.g. `query.max-memory`).
    pub what: &'static str,
    pub wanted_bytes: u64,
    pub used_bytes: u64,
    pub limit_bytes: u64,
}

/// A bound on bytes held at once. Cheap to share (`Arc<Budget>`).
#[derive(Debug)]
pub struct Budget {
    what: &'static str,
    limit_bytes: u64,
    used_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    parent: Option<Arc<Budget>>,
}

impl Budget {
    #[must_use]
    pub fn new(what: &'static str, limit_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            what,
            limit_bytes,
            used_bytes: 0.into(),
            peak_bytes: 0.into(),
            parent: None,
        })
    }

    /// A budget inside of `self`: its charges count against both.
    #[must_use]
    pub fn child(self: &Arc<Self>, what: &'static str, limit_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            what,
            limit_bytes,
            used_bytes: 0.into(),
            peak_bytes: 0.into(),
            parent: Some(Arc::clone(self)),
        })
    }

    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes.load(Ordering::Relaxed)
    }

    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Takes `bytes` from this budget and its parents, all or nothing.
    ///
    /// # Errors
    /// [`BudgetExceeded`] naming the first budget of the chain that is too small.
    pub fn charge(self: &Arc<Self>, bytes: u64) -> Result<Charge, BudgetExceeded> {
        self.take(bytes)?;
        Ok(Charge { budget: Arc::clone(self), bytes })
    }

    fn take(&self, bytes: u64) -> Result<(), BudgetExceeded> {
        let taken = self.used_bytes.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|&sum| sum <= self.limit_bytes)
        });
        let used = match taken {
            Ok(before) => before + bytes,
            Err(used_bytes) => {
                return Err(BudgetExceeded {
                    what: self.what,
                    wanted_bytes: bytes,
                    used_bytes,
                    limit_bytes: self.limit_bytes,
                });
            }
        };
        self.peak_bytes.fetch_max(used, Ordering::Relaxed);
        if let Some(parent) = &self.parent
            && let Err(error) = parent.take(bytes)
        {
            self.used_bytes.fetch_sub(bytes, Ordering::AcqRel);
            return Err(error);
        }
        Ok(())
    }

    fn give(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Ordering::AcqRel);
        if let Some(parent) = &self.parent {
            parent.give(bytes);
        }
    }
}

/// Bytes taken from a [`Budget`], given back on drop.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Charge {
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes `bytes` more under the same charge.
    ///
    /// # Errors
    /// As [`Budget::charge`]; the charge keeps what it had.
    pub fn grow(&mut self, bytes: u64) -> Result<(), BudgetExceeded> {
        self.budget.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}
