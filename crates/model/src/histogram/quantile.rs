//! Estimates from buckets: quantiles, fractions, variance.

use super::cells::kahan_add;
use super::{Bucket, FloatHistogram};

/// What observations of NaN, which are in the count but in no bucket, did to an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NanNote {
    /// The quantile is NaN because it lies above all buckets.
    Result,
    /// The estimate leans to higher values, or does not see all.
    Skew,
}

impl FloatHistogram {
    /// The `q`-quantile, estimated within its bucket: evenly for custom bounds and around zero, else evenly over the
    /// logarithm. NaN without observations; infinite for `q` outside of 0 to 1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> (f64, Option<NanNote>) {
        if q < 0.0 {
            return (f64::NEG_INFINITY, None);
        }
        if q > 1.0 {
            return (f64::INFINITY, None);
        }
        if self.count == 0.0 || q.is_nan() {
            return (f64::NAN, None);
        }
        let with_nan = self.sum.is_nan();
        // From the nearer end, which loses less of the rank; NaN is counted above all, so then from below.
        let forward = with_nan || q < 0.5;
        let mut buckets = self.buckets();
        if !forward {
            buckets.reverse();
        }
        let rank = if forward { q * self.count } else { (1.0 - q) * self.count };
        let (mut bucket, count, seen) = reach(&buckets, rank);
        if let Some(value) = self.clip_to_zero(&mut bucket) {
            return (value, None);
        }
        let count = if count > self.count { self.count } else { count };
        if count < rank {
            if with_nan {
                return (f64::NAN, Some(NanNote::Result));
            }
            return (bucket.upper, None);
        }
        let rank = if forward { rank - (count - bucket.count) } else { count - rank };
        let rest = buckets.get(seen..).unwrap_or_default().iter();
        let all = rest.fold(count, |all, bucket| all + bucket.count);
        let note = (with_nan && all < self.count).then_some(NanNote::Skew);
        (self.within(&bucket, rank / bucket.count), note)
    }

    /// Narrows the bucket that the quantile fell into where only one side of zero has observations; or says the answer.
    fn clip_to_zero(&self, bucket: &mut Bucket) -> Option<f64> {
        if self.is_custom() {
            if bucket.lower == f64::NEG_INFINITY {
                if bucket.upper <= 0.0 {
                    return Some(bucket.upper);
                }
                bucket.lower = 0.0;
            } else if bucket.upper == f64::INFINITY {
                return Some(bucket.lower);
            }
        } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
            self.one_sided(bucket);
        }
        None
    }

    /// Zero is the natural end of a histogram that has buckets on one side only.
    fn one_sided(&self, bucket: &mut Bucket) {
        match (self.negative_buckets.is_empty(), self.positive_buckets.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            (true, true) | (false, false) => {}
        }
    }

    /// The value at a part of a bucket.
    fn within(&self, bucket: &Bucket, part: f64) -> f64 {
        if self.is_custom() || bucket.spans_zero() {
            return bucket.lower + (bucket.upper - bucket.lower) * part;
        }
        let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
        if bucket.lower > 0.0 {
            return (lower + (upper - lower) * part).exp2();
        }
        -(upper + (lower - upper) * (1.0 - part)).exp2()
    }

    /// Which part of the observations lies between `lower` and `upper`; NaN when there are none.
    #[must_use]
    pub fn fraction(&self, lower: f64, upper: f64) -> (f64, Option<NanNote>) {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return (f64::NAN, None);
        }
        if lower >= upper {
            return (0.0, None);
        }
        let buckets = self.buckets();
        let mut ranks = [None, None];
        let mut rank = 0.0;
        for bucket in &buckets {
            let mut bucket = *bucket;
            let around_zero = bucket.spans_zero();
            if around_zero {
                self.one_sided(&mut bucket);
            }
            for (found, value) in ranks.iter_mut().zip([lower, upper]) {
                if found.is_some() {
                    continue;
                }
                if bucket.lower >= value {
                    *found = Some(rank);
                } else if bucket.upper > value {
                    let linear = self.is_custom() || around_zero;
                    *found = Some(if linear && bucket.lower == f64::NEG_INFINITY {
                        // Nothing is known of the inside of an endless bucket.
                        bucket.count
                    } else {
                        rank + bucket.count * bucket.fraction_below(value, linear)
                    });
                }
            }
            rank += bucket.count;
        }
        let mut count = self.count;
        let mut note = None;
        if self.sum.is_nan() {
            count = buckets.iter().fold(0.0, |all, bucket| all + bucket.count);
            note = (count < self.count).then_some(NanNote::Skew);
        }
        let [low, high] =
            ranks.map(|rank| rank.map_or(count, |rank| if rank > count { count } else { rank }));
        ((high - low) / self.count, note)
    }

    /// The variance of the observations, each taken at the middle of its bucket.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let mean = self.sum / self.count;
        let (mut sum, mut lost) = (0.0, 0.0);
        for bucket in self.buckets().iter().filter(|bucket| bucket.count != 0.0) {
            let middle = if self.is_custom() {
                (bucket.upper + bucket.lower) / 2.0
            } else if bucket.spans_zero() {
                0.0
            } else {
                let mean = (bucket.upper * bucket.lower).sqrt();
                if bucket.upper < 0.0 { -mean } else { mean }
            };
            let delta = middle - mean;
            (sum, lost) = kahan_add(sum, lost, bucket.count * delta * delta);
        }
        (sum + lost) / self.count
    }
}

/// The bucket in which the counts reach `rank` (or the last), the count up to its end, and how many buckets that were.
fn reach(buckets: &[Bucket], rank: f64) -> (Bucket, f64, usize) {
    let mut last = Bucket::default();
    let mut count = 0.0;
    for (i, bucket) in buckets.iter().enumerate() {
        last = *bucket;
        if bucket.count == 0.0 {
            continue;
        }
        count += bucket.count;
        if count >= rank {
            return (last, count, i + 1);
        }
    }
    (last, count, buckets.len())
}
