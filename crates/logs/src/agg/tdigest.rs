//! A sketch of the distribution of numbers: exact while there are few, within a fraction of a percent at its ends later (a merging t-digest).

/// Numbers that are kept one by one before they are merged.
const FEW: usize = 10_000;

/// The distribution of numbers.
#[derive(Debug, Clone)]
pub(super) struct Digest {
    compression: f64,
    /// Mean and weight, by mean ascending once sorted.
    centroids: Vec<(f64, f64)>,
    is_sorted: bool,
    is_merged: bool,
    min: f64,
    max: f64,
}

impl Digest {
    pub(super) fn new(compression: f64) -> Self {
        Self {
            compression: compression.clamp(20.0, 10_000.0),
            centroids: Vec::new(),
            is_sorted: true,
            is_merged: false,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }

    pub(super) fn add(&mut self, value: f64) {
        self.add_weighted(value, 1.0);
    }

    fn add_weighted(&mut self, value: f64, weight: f64) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.centroids.push((value, weight));
        self.is_sorted = false;
        if self.centroids.len() > FEW {
            self.merge();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.centroids.len()
    }

    fn sort(&mut self) {
        if !self.is_sorted {
            self.centroids.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.is_sorted = true;
        }
    }

    fn merge(&mut self) {
        self.sort();
        self.is_merged = true;
        let total: f64 = self.centroids.iter().map(|(_, weight)| weight).sum();
        let scale = |q: f64| {
            self.compression * 2.0 / std::f64::consts::TAU * (2.0 * q.clamp(0.0, 1.0) - 1.0).asin()
        };
        let mut merged: Vec<(f64, f64)> = Vec::new();
        let mut before = 0.0;
        for (mean, weight) in self.centroids.drain(..) {
            if let Some((last_mean, last_weight)) = merged.last_mut() {
                let together = *last_weight + weight;
                let fits = scale((before + together) / total) - scale(before / total) <= 1.0;
                if fits {
                    *last_mean += (mean - *last_mean) * weight / together;
                    *last_weight = together;
                    continue;
                }
                before += *last_weight;
            }
            merged.push((mean, weight));
        }
        self.centroids = merged;
    }

    fn total(&self) -> f64 {
        self.centroids.iter().map(|(_, weight)| weight).sum()
    }

    /// The number below which the share `q` (0 to 1) of all lies; `None` without numbers.
    pub(super) fn quantile(&mut self, q: f64) -> Option<f64> {
        self.sort();
        let (first, last) = (self.centroids.first()?, self.centroids.last()?);
        let index = q * self.total();
        if self.centroids.len() == 1 {
            return Some(first.0);
        }
        let mut position = first.1 / 2.0;
        if index <= position {
            let share = if position > 0.5 { index / position } else { 1.0 };
            return Some(self.min + (first.0 - self.min) * share);
        }
        for pair in self.centroids.windows(2) {
            let next = position + f64::midpoint(pair[0].1, pair[1].1);
            if index <= next {
                let share = (index - position) / (next - position);
                return Some(pair[0].0 + (pair[1].0 - pair[0].0) * share);
            }
            position = next;
        }
        let share = (index - position) / (last.1 / 2.0);
        Some(last.0 + (self.max - last.0) * share.min(1.0))
    }

    /// The share (0 to 1) of all that is at or below `value`; `None` without numbers.
    pub(super) fn share(&mut self, value: f64) -> Option<f64> {
        self.sort();
        let total = self.total();
        let (first, last) = (self.centroids.first()?.0, self.centroids.last()?.0);
        if self.centroids.len() == 1 || first == last {
            return Some(if value < first { 0.0 } else { 1.0 });
        }
        if value < self.min {
            return Some(0.0);
        }
        if value >= self.max {
            return Some(1.0);
        }
        if !self.is_merged {
            // What is equal counts half.
            let below = self.centroids.partition_point(|(mean, _)| *mean < value);
            let equal = self.centroids.partition_point(|(mean, _)| *mean <= value) - below;
            if equal > 0 {
                let share =
                    super::metric::len_to_f64(below) + super::metric::len_to_f64(equal) / 2.0;
                return Some(share / total);
            }
        }
        let mut position = self.centroids[0].1 / 2.0;
        for pair in self.centroids.windows(2) {
            let next = position + f64::midpoint(pair[0].1, pair[1].1);
            if value < pair[1].0 {
                let width = pair[1].0 - pair[0].0;
                let share = if width > 0.0 { (value - pair[0].0) / width } else { 0.0 };
                return Some((position + (next - position) * share.max(0.0)) / total);
            }
            position = next;
        }
        Some(1.0)
    }

    /// The median of the distances from the median.
    pub(super) fn median_deviation(&mut self) -> Option<f64> {
        let median = self.quantile(0.5)?;
        let mut distances = Self::new(self.compression);
        for (mean, weight) in &self.centroids {
            distances.add_weighted((mean - median).abs(), *weight);
        }
        distances.quantile(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_numbers_are_exact() {
        let mut digest = Digest::new(100.0);
        for value in [151.0, 1.0, 101.0, 51.0] {
            digest.add(value);
        }
        let have: Vec<f64> =
            [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99].map(|q| digest.quantile(q).unwrap()).to_vec();
        assert_eq!(have, [1.0, 1.0, 26.0, 76.0, 126.0, 151.0, 151.0]);
        assert_eq!((digest.share(0.0), digest.share(151.0)), (Some(0.0), Some(1.0)));
        assert_eq!(Digest::new(100.0).quantile(0.5), None);
        assert_eq!(digest.median_deviation(), Some(50.0));
    }

    #[test]
    fn many_numbers_are_near() {
        let mut digest = Digest::new(100.0);
        for i in 0..200_000_u32 {
            digest.add(f64::from(i.wrapping_mul(2_654_435_761) % 100_000));
        }
        assert!(digest.len() <= FEW);
        for (q, within) in [(0.5, 1_000.0), (0.99, 100.0), (0.01, 100.0)] {
            let have = digest.quantile(q).unwrap();
            assert!((have - q * 100_000.0).abs() < within, "{q}: {have}");
        }
        assert!((digest.share(50_000.0).unwrap() - 0.5).abs() < 0.01);
    }
}
