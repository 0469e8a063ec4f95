//! What of a histogram lies below or above a value.

use super::{Bucket, FloatHistogram};

/// Which part is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// What lies above; `</` in PromQL.
    Upper,
    /// What lies below; `>/`.
    Lower,
}

/// What is kept: a count, and the value that each of it has in the sum.
struct Kept {
    count: f64,
    middle: f64,
}

impl FloatHistogram {
    /// Cuts off the observations above (or below) `value`. Within a bucket that `value` splits they are taken as evenly
    /// spread, over the logarithm for exponential buckets. When something was cut, count and sum are estimated anew.
    pub fn trim(&mut self, value: f64, trim: Trim) {
        let linear = self.is_custom();
        let (mut count, mut sum, mut changed) = (0.0, 0.0, false);
        let (positive, negative) = (self.positive(), self.negative());
        let populated = |side: &[Bucket]| side.iter().any(|bucket| bucket.count != 0.0);
        let sides = (populated(&negative), populated(&positive));
        for (buckets, counts, is_positive) in [
            (positive, &mut self.positive_buckets, true),
            (negative, &mut self.negative_buckets, false),
        ] {
            for (bucket, slot) in buckets.iter().zip(counts) {
                if bucket.count == 0.0 {
                    continue;
                }
                let kept = keep(bucket, value, trim, (is_positive, linear));
                count += kept.count;
                if kept.count != 0.0 {
                    sum += kept.middle * kept.count;
                }
                changed |= *slot != kept.count;
                *slot = kept.count;
            }
        }
        if self.zero_count > 0.0 {
            let kept = keep_zero(&self.zero_bucket(), value, trim, sides);
            changed |= self.zero_count != kept.count;
            self.zero_count = kept.count;
            sum += kept.middle * kept.count;
            count += kept.count;
        }
        if changed {
            self.count = count;
            self.sum = sum;
            self.compact();
        }
    }
}

fn keep(bucket: &Bucket, value: f64, trim: Trim, (positive, linear): (bool, bool)) -> Kept {
    let middle = |lower, upper| middle(lower, upper, positive, linear);
    let Bucket { lower, upper, count, .. } = *bucket;
    let (whole, part) = match trim {
        Trim::Upper => (upper <= value, lower < value),
        Trim::Lower => (lower >= value, upper > value),
    };
    if whole {
        return Kept { count, middle: middle(lower, upper) };
    }
    if !part {
        return Kept { count: 0.0, middle: 0.0 };
    }
    if lower == f64::NEG_INFINITY || upper == f64::INFINITY {
        return keep_endless(bucket, value, trim);
    }
    let below = count * bucket.fraction_below(value, linear);
    match trim {
        Trim::Upper => Kept { count: below, middle: middle(lower, value) },
        Trim::Lower => Kept { count: count - below, middle: middle(value, upper) },
    }
}

/// Of a bucket without an end that `value` splits. Its first bounds in custom layouts are taken to begin at 0; of others
/// nothing is known, so all is cut, or nothing.
fn keep_endless(bucket: &Bucket, value: f64, trim: Trim) -> Kept {
    let Bucket { lower, upper, count, .. } = *bucket;
    let finite = |bound: f64| if bound.is_infinite() { 0.0 } else { bound };
    if lower == f64::NEG_INFINITY {
        let from_zero = upper > 0.0 && upper.is_finite();
        return match trim {
            Trim::Upper if value >= upper => Kept { count, middle: 0.0 },
            Trim::Upper if value > 0.0 && from_zero => {
                Kept { count: count * value / upper, middle: value / 2.0 }
            }
            Trim::Upper if upper <= 0.0 => Kept { count, middle: value },
            Trim::Lower if value <= lower => Kept { count, middle: 0.0 },
            Trim::Lower if value >= 0.0 && upper > value && upper.is_finite() => {
                Kept { count: count * (1.0 - value / upper), middle: (value + upper) / 2.0 }
            }
            Trim::Upper | Trim::Lower => Kept { count: 0.0, middle: finite(upper) },
        };
    }
    match trim {
        Trim::Lower if value >= lower => Kept { count, middle: value },
        Trim::Upper | Trim::Lower => Kept { count: 0.0, middle: finite(lower) },
    }
}

/// Of the zero bucket, which ends at 0 on a side without observations.
fn keep_zero(bucket: &Bucket, value: f64, trim: Trim, (negative, positive): (bool, bool)) -> Kept {
    let lower = if positive && !negative { 0.0 } else { bucket.lower };
    let upper = if negative && !positive { 0.0 } else { bucket.upper };
    let count = bucket.count;
    let all = Kept { count, middle: lower.midpoint(upper) };
    let nothing = Kept { count: 0.0, middle: 0.0 };
    match trim {
        Trim::Upper if value <= lower => nothing,
        Trim::Upper if value >= upper => all,
        Trim::Upper => Kept {
            count: count * ((value - lower) / (upper - lower)),
            middle: lower.midpoint(value),
        },
        Trim::Lower if value <= lower => all,
        Trim::Lower if value >= upper => nothing,
        Trim::Lower => Kept {
            count: count * ((upper - value) / (upper - lower)),
            middle: value.midpoint(upper),
        },
    }
}

/// Where the observations between two bounds are on average.
fn middle(lower: f64, upper: f64, positive: bool, linear: bool) -> f64 {
    if lower.is_infinite() {
        return match (upper.is_infinite(), upper > 0.0) {
            (true, _) => 0.0,
            (false, true) => upper / 2.0,
            (false, false) => upper,
        };
    }
    if upper.is_infinite() {
        return lower;
    }
    if linear {
        return (lower + upper) / 2.0;
    }
    let mean = (lower * upper).abs().sqrt();
    if positive { mean } else { -mean }
}
