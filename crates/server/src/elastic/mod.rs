//! The log store's HTTP face: everything on its own port (9200), and below `/opensearch` on the main one.
//!
//! What a path means, what it needs and what is answered is decided by the crate `elastic`; here are lanes, bounds, compression and the store's life.

mod body;
pub(crate) mod face;
pub(crate) mod life;

use std::sync::{Arc, OnceLock};

use ::elastic::Elastic;

/// What the store's requests share.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    surface: OnceLock<Arc<Elastic>>,
}

impl Logs {
    pub(crate) fn set(&self, surface: Arc<Elastic>) {
        // It is opened once in a server's life.
        let _again = self.surface.set(surface).is_err();
    }

    /// What answers; `None` until the store is open.
    pub(crate) fn surface(&self) -> Option<&Arc<Elastic>> {
        self.surface.get()
    }
}
