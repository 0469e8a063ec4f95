//! The server's life: listen, open the storage, scrape and answer, until it is told to stop.

use std::sync::Arc;

use stdx::clock::Clock;
use stdx::fs::Fs;

use crate::config::{Config, Loader, RunError};

/// Serves until SIGTERM, SIGINT or `/-/quit`, then closes the storage. Blocks; owns the runtime.
///
/// # Errors
/// [`RunError`] when the start fails: a taken main address, a configuration that cannot be read, a storage that does not open.
#[expect(clippy::needless_pass_by_value, reason = "the server owns what it runs with")]
pub fn run(
    config: Config,
    loader: Loader,
    _fs: Arc<dyn Fs>,
    _clock: Arc<dyn Clock>,
) -> Result<(), RunError> {
    let _loaded = loader().map_err(RunError::Config)?;
    let address = config.listen.first().ok_or(RunError::NoAddress)?;
    let source = std::io::Error::other("this build has no listener yet");
    Err(RunError::Listen { address: address.clone(), source })
}
