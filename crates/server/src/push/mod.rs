//! The push gateway's HTTP face: Pushgateway's routes over the groups that `scrape` keeps.
//!
//! An answer of 2xx to a push means that it is on stable storage.

mod api;
mod body;
pub(crate) mod face;
pub(crate) mod groups;
mod key;
pub(crate) mod life;
mod metrics;
mod moved;
pub(crate) mod own;
mod page;
mod select;
pub(crate) mod table;
pub(crate) mod target;
pub(crate) mod token;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use hyper::StatusCode;
use parking_lot::Mutex;
use scrape::push::Gateway;
use scrape::target::ActiveTarget;
use stdx::fs::Lock;

use crate::http::Reply;
use crate::push::own::Own;

/// What the gateway's requests share.
#[derive(Debug, Default)]
pub(crate) struct Push {
    pub(crate) own: Own,
    gateway: OnceLock<Arc<Gateway>>,
    changes: AtomicU64,
    lock: OnceLock<Box<dyn Lock>>,
    target: Mutex<Option<ActiveTarget>>,
}

impl Push {
    pub(crate) fn set_gateway(&self, gateway: Arc<Gateway>) {
        // It is opened once in a server's life.
        let _again = self.gateway.set(gateway).is_err();
    }

    /// Holds the folder's lock for as long as the server lives.
    pub(crate) fn hold(&self, lock: Box<dyn Lock>) {
        let _again = self.lock.set(lock).is_err();
    }

    /// Notes what the last scrape of the gateway gave; `None`: it is not a target.
    pub(crate) fn show(&self, target: Option<ActiveTarget>) {
        *self.target.lock() = target;
    }

    /// The gateway as a target of this server.
    pub(crate) fn target(&self) -> Option<ActiveTarget> {
        self.target.lock().clone()
    }

    /// Notes that a group may have changed.
    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// A number that differs when a group has changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The groups.
    ///
    /// # Errors
    /// The reply before they are there.
    pub(crate) fn gateway(&self) -> Result<&Arc<Gateway>, Box<Reply>> {
        self.gateway.get().ok_or_else(|| {
            let text = "the push gateway is not open";
            Box::new(Reply::error(StatusCode::SERVICE_UNAVAILABLE, text))
        })
    }
}
