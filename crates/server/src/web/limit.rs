//! A bucket of tokens: a request takes one, an interval gives one back, and there are never more than `burst`.

use std::time::Duration;

use super::config::RateLimit;

/// The tokens that are left. Time is counted in whole intervals' fractions, so nothing is lost between requests.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: RateLimit,
    /// Time that has been saved up and not been spent, at most `burst` intervals.
    saved: Duration,
    seen: Duration,
}

impl Limiter {
    /// Full at `now`.
    pub(super) fn new(limit: RateLimit, now: Duration) -> Self {
        Self { limit, saved: full(limit), seen: now }
    }

    pub(super) fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Takes a token, if there is one.
    pub(super) fn allow(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.seen);
        self.seen = self.seen.max(now);
        self.saved = self.saved.saturating_add(passed).min(full(self.limit));
        // An empty bucket of no size holds no whole interval.
        match self.saved.checked_sub(self.limit.interval) {
            Some(rest) if self.limit.burst > 0 => {
                self.saved = rest;
                true
            }
            Some(_) | None => false,
        }
    }
}

fn full(limit: RateLimit) -> Duration {
    limit.interval.saturating_mul(limit.burst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_an_interval() {
        let limit = RateLimit { interval: Duration::from_secs(1), burst: 2 };
        let mut limiter = Limiter::new(limit, Duration::ZERO);
        let at = [0, 0, 0, 900, 1000, 1999, 2000, 9000, 9000, 9000];
        let got = at.map(|ms| u8::from(limiter.allow(Duration::from_millis(ms))));
        assert_eq!(got, [1, 1, 0, 0, 1, 0, 1, 1, 1, 0]);
    }

    #[test]
    fn no_burst_lets_nobody_in() {
        let limit = RateLimit { interval: Duration::from_secs(1), burst: 0 };
        let mut limiter = Limiter::new(limit, Duration::ZERO);
        assert!(!limiter.allow(Duration::from_secs(100)));
    }
}
