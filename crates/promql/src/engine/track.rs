//! What a sliding window remembers, so that a step costs its new samples and not its whole window.

use std::collections::VecDeque;

/// What a range function wants to be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Track {
    Nothing,
    /// The resets of a counter.
    Drops,
    Max,
    Min,
}

/// The resets of a counter within the window: the index after each, and the value before it.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    at: Vec<usize>,
    from: Vec<f64>,
    window: (usize, usize),
}

impl Drops {
    pub(crate) fn of(vs: &[f64]) -> Self {
        let mut found = Self::default();
        for (i, pair) in vs.windows(2).enumerate() {
            if pair[1] < pair[0] {
                found.at.push(i + 1);
                found.from.push(pair[0]);
            }
        }
        found
    }

    /// The values before the resets between samples of `low..high`, whose ends never go back.
    pub(crate) fn within(&mut self, low: usize, high: usize) -> &[f64] {
        let advanced = |from: usize, index: usize| {
            from + self.at[from..].iter().take_while(|&&i| i < index).count()
        };
        let end = advanced(self.window.1, high);
        // A reset is between two samples that are both within.
        let start = advanced(self.window.0, low + 1).min(end);
        self.window = (start, end);
        &self.from[start..end]
    }
}

/// The greatest (or least) value of the window; of equals the first, and NaN only when there is nothing else.
#[derive(Debug, Default)]
pub(crate) struct Extreme {
    /// Samples that are not beaten by a later one, the best first.
    candidates: VecDeque<usize>,
    next: usize,
}

impl Extreme {
    /// The extreme of `vs[low..high]`, which is not empty; the ends never go back.
    pub(crate) fn within(
        &mut self,
        vs: &[f64],
        (low, high): (usize, usize),
        beats: impl Fn(f64, f64) -> bool,
    ) -> f64 {
        for i in self.next..high {
            let v = vs[i];
            if v.is_nan() {
                continue;
            }
            while self.candidates.back().is_some_and(|&other| beats(v, vs[other])) {
                self.candidates.pop_back();
            }
            self.candidates.push_back(i);
        }
        self.next = self.next.max(high);
        while self.candidates.front().is_some_and(|&i| i < low) {
            self.candidates.pop_front();
        }
        self.candidates.front().map_or(f64::NAN, |&i| vs[i])
    }
}
