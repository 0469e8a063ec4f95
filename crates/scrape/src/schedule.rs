//! When a target is scraped, and which time its samples get.

use std::time::Duration;

/// Largest deviation from the schedule that is not stored, in milliseconds: equal distances compress to a bit each.
const TOLERANCE_MS_MAX: i64 = 2;

/// How long to wait before the first scrape, so that targets spread over the interval, the same way after each restart and
/// differently on each server (`seed`).
pub(crate) fn offset(now_ms: i64, interval_ms: i64, hash: u64, seed: u64) -> Duration {
    let interval_ns = u128::from(interval_ms.unsigned_abs().max(1)) * 1_000_000;
    let slot = u128::from(hash ^ seed) % interval_ns;
    let now_ns = u128::from(now_ms.unsigned_abs()) * 1_000_000;
    let to_boundary = interval_ns - now_ns % interval_ns;
    let wait = (to_boundary + slot) % interval_ns;
    Duration::from_nanos(u64::try_from(wait).unwrap_or(0))
}

/// The times that a target's scrapes should have.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    interval_ms: i64,
    due_ms: Option<i64>,
}

impl Schedule {
    pub(crate) fn new(interval_ms: i64) -> Self {
        Self { interval_ms: interval_ms.max(1), due_ms: None }
    }

    /// The time of a scrape that begins at `now_ms`: the scheduled one if that is near enough. A clock that was set back
    /// begins a new schedule.
    pub(crate) fn time(&mut self, now_ms: i64) -> i64 {
        let tolerance_ms = (self.interval_ms / 100).min(TOLERANCE_MS_MAX);
        let due_ms = self.due_ms.unwrap_or(now_ms);
        let late_ms = now_ms - due_ms;
        let due_ms = if late_ms < -tolerance_ms {
            now_ms
        } else if late_ms >= self.interval_ms {
            due_ms + late_ms / self.interval_ms * self.interval_ms
        } else {
            due_ms
        };
        self.due_ms = Some(due_ms);
        if (now_ms - due_ms).abs() <= tolerance_ms { due_ms } else { now_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_near_the_schedule_are_the_schedules() {
        let mut schedule = Schedule::new(1000);
        for (now, time) in [
            (5000, 5000),
            (6002, 6000),
            (7003, 7003),
            (7999, 7000),
            (8001, 8000),
            (12_001, 12_000),
            // Set back by a minute: from here on anew.
            (-47_000, -47_000),
            (-45_999, -46_000),
        ] {
            let got = schedule.time(now);
            if now == 7999 {
                // Too early for the next time, too late for the last one.
                assert_eq!(got, 7999);
            } else {
                assert_eq!(got, time, "{now}");
            }
        }
    }

    #[test]
    fn one_per_cent_is_less_than_two_milliseconds_for_short_intervals() {
        let mut schedule = Schedule::new(100);
        assert_eq!([schedule.time(0), schedule.time(101), schedule.time(202)], [0, 100, 202]);
    }

    #[test]
    fn offsets_are_fixed_to_the_wall_clock_and_differ_by_seed() {
        let at = |now, seed| {
            let wait = offset(now, 15_000, 0x1234_5678_9abc_def0, seed);
            assert!(wait < Duration::from_secs(15));
            (i128::from(now) * 1_000_000 + i128::try_from(wait.as_nanos()).unwrap())
                % 15_000_000_000
        };
        let slots: Vec<_> = (0..50).map(|i| at(1_700_000_000_000 + i * 777, 1)).collect();
        assert!(slots.iter().all(|slot| *slot == slots[0]));
        assert_ne!(at(1_700_000_000_000, 1), at(1_700_000_000_000, 2));
    }

    #[test]
    fn many_targets_spread_evenly() {
        let mut tenths = [0; 10];
        for i in 0..1000_u32 {
            let hash = crate::populate::fnv1a(format!("target {i}").as_bytes());
            let wait = offset(0, 10_000, hash, 7);
            tenths[usize::try_from(wait.as_secs()).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|n| (60..140).contains(n)), "{tenths:?}");
    }
}
