//! Time as an argument: wall time for timestamps, monotonic time for intervals and time-outs.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Where a component gets its time from. Shared as `Arc<dyn Clock>`.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Milliseconds since the Unix epoch; may jump in either direction.
    fn now_ms(&self) -> i64;
    /// Time since an arbitrary fixed start; never goes back.
    fn mono(&self) -> Duration;
    /// Blocks the calling thread.
    fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Debug)]
pub struct RealClock {
    start: std::time::Instant,
}

impl Default for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn default() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now_ms(&self) -> i64 {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        }
    }

    fn mono(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A clock that stands still until it is moved. `sleep` moves it.
#[derive(Debug, Default)]
pub struct SimClock {
    wall_ms: AtomicI64,
    mono_ms: AtomicI64,
}

impl SimClock {
    #[must_use]
    pub fn at(wall_ms: i64) -> Self {
        Self { wall_ms: AtomicI64::new(wall_ms), mono_ms: AtomicI64::new(0) }
    }

    /// Moves both times forward.
    pub fn advance(&self, duration: Duration) {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
        self.mono_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Steps the wall time alone, as an operator or NTP does.
    pub fn step_wall(&self, to_ms: i64) {
        self.wall_ms.store(to_ms, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn mono(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.mono_ms.load(Ordering::SeqCst)).unwrap_or(0))
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}
