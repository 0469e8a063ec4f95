//! The stack for deep queries: evaluation recurses, and the caller's stack may be small.

use std::panic::resume_unwind;
use std::thread::{Builder, scope};

use super::error::QueryError;

/// Highest tree that is evaluated on the caller's own stack.
const HEIGHT_MAX: usize = 50;
/// Enough for the highest tree that the parser makes, in a debug build too (which takes up to 8 MiB). Only what is used of it
/// takes memory.
const STACK_BYTES: usize = 32 << 20;

/// Does `work` for a tree of that height; on a thread of its own where it may need more stack than the caller has.
///
/// # Errors
/// Those of `work`, and [`QueryError::Execution`] when there is no thread to be had.
pub(super) fn with_stack<T: Send>(
    height: usize,
    work: impl FnOnce() -> Result<T, QueryError> + Send,
) -> Result<T, QueryError> {
    if height <= HEIGHT_MAX {
        return work();
    }
    scope(|scope| {
        let builder = Builder::new().name("deep query".to_owned()).stack_size(STACK_BYTES);
        match builder.spawn_scoped(scope, work) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(error) => {
                Err(QueryError::Execution(format!("no thread for a deep query: {error}")))
            }
        }
    })
}
