//! Sums, differences and multiples of histograms.

use std::sync::Arc;

use super::bounds::exponential_bound;
use super::cells::{self, Cell, Sums};
use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, ResetHint};

/// Exponential and custom buckets met: such histograms have no sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot apply this operation on histograms with a mix of exponential and custom bucket schemas"
)]
pub struct IncompatibleSchemas;

/// What a reader of a sum or difference may want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Combined {
    /// One histogram said "reset", the other "no reset"; the result says "unknown".
    pub reset_collision: bool,
    /// The custom bounds differed; the result has those that both had.
    pub bounds_reconciled: bool,
}

/// Both sides and the zero bucket of a histogram while it is combined.
struct Parts {
    positive: Vec<Cell>,
    negative: Vec<Cell>,
    zero: (f64, f64),
    threshold: f64,
    schema: i32,
}

impl Parts {
    fn of(h: &FloatHistogram, lost: Option<&FloatHistogram>) -> Self {
        let positive = lost.map_or(&[][..], |lost| &lost.positive_buckets);
        let negative = lost.map_or(&[][..], |lost| &lost.negative_buckets);
        Self {
            positive: cells::read(&h.positive_spans, &h.positive_buckets, positive),
            negative: cells::read(&h.negative_spans, &h.negative_buckets, negative),
            zero: (h.zero_count, lost.map_or(0.0, |lost| lost.zero_count)),
            threshold: h.zero_threshold,
            schema: h.schema,
        }
    }

    fn reduce(&mut self, schema: i32, sums: Sums) {
        if schema < self.schema {
            let positive = std::mem::take(&mut self.positive);
            self.positive = cells::reduce(positive, self.schema, schema, sums);
            let negative = std::mem::take(&mut self.negative);
            self.negative = cells::reduce(negative, self.schema, schema, sums);
            self.schema = schema;
        }
    }

    /// The zero bucket with a larger threshold, which grows to the end of a populated bucket that it would cut.
    fn widened_zero(&self, threshold: f64) -> ((f64, f64), f64) {
        let mut threshold = threshold;
        'again: loop {
            let mut zero = self.zero;
            for side in [&self.positive, &self.negative] {
                for cell in side {
                    if exponential_bound(cell.index.saturating_sub(1), self.schema) >= threshold {
                        break;
                    }
                    zero = cells::kahan_add(zero.0, zero.1, cell.count);
                    zero = cells::kahan_add(zero.0, zero.1, cell.lost);
                    let upper = exponential_bound(cell.index, self.schema);
                    if upper > threshold {
                        if cell.count != 0.0 {
                            // All that was decided with the smaller threshold has to be looked at again.
                            threshold = upper;
                            continue 'again;
                        }
                        break;
                    }
                }
            }
            return (zero, threshold);
        }
    }

    /// Takes a larger threshold, whose zero bucket has been counted.
    fn widen(&mut self, zero: (f64, f64), threshold: f64) {
        self.zero = zero;
        self.threshold = threshold;
        let schema = self.schema;
        let outside =
            |cell: &Cell| exponential_bound(cell.index.saturating_sub(1), schema) >= threshold;
        for side in [&mut self.positive, &mut self.negative] {
            side.retain(outside);
        }
    }
}

/// Gives both the same zero bucket, the smallest that cuts no populated bucket.
fn reconcile_zero(a: &mut Parts, b: &mut Parts) {
    // Each round widens a threshold to a bucket's end. NaN ends it: it equals nothing, and is below nothing.
    while a.threshold != b.threshold {
        if a.threshold > b.threshold {
            let (zero, threshold) = b.widened_zero(a.threshold);
            b.widen(zero, threshold);
        } else if b.threshold > a.threshold {
            let (zero, threshold) = a.widened_zero(b.threshold);
            a.widen(zero, threshold);
        } else {
            return;
        }
    }
}

impl FloatHistogram {
    /// Whether the buckets have custom bounds.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// The custom bounds; empty for exponential buckets.
    #[must_use]
    pub fn custom_bounds(&self) -> &[f64] {
        self.custom_values.as_deref().unwrap_or_default()
    }

    /// Multiplies all counts and the sum. A negative factor makes a gauge.
    pub fn scale(&mut self, factor: f64) {
        self.each_number(|number| number * factor);
        if factor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    /// Divides all counts and the sum. Division by zero leaves no buckets; a negative divisor makes a gauge.
    pub fn divide(&mut self, by: f64) {
        self.each_number(|number| number / by);
        if by == 0.0 {
            self.positive_spans.clear();
            self.positive_buckets.clear();
            self.negative_spans.clear();
            self.negative_buckets.clear();
        } else if by < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    fn each_number(&mut self, f: impl Fn(f64) -> f64) {
        for number in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            *number = f(*number);
        }
        let buckets = self.positive_buckets.iter_mut().chain(&mut self.negative_buckets);
        buckets.for_each(|number| *number = f(*number));
    }

    /// Adds `other`, at the coarser of both resolutions, with the wider zero bucket, and the bounds that both have.
    ///
    /// # Errors
    /// [`IncompatibleSchemas`]; then nothing has changed.
    pub fn add(&mut self, other: &Self) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, None, false)
    }

    /// Subtracts `other`, as [`FloatHistogram::add`] adds.
    ///
    /// # Errors
    /// [`IncompatibleSchemas`]; then nothing has changed.
    pub fn subtract(&mut self, other: &Self) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, None, true)
    }

    /// Adds `other` and keeps account of what rounding loses: `lost`, made by [`FloatHistogram::no_loss`] and given again
    /// with each histogram, is to be added to the sum in the end.
    ///
    /// # Errors
    /// [`IncompatibleSchemas`]; then nothing has changed.
    pub fn add_exactly(
        &mut self,
        other: &Self,
        lost: &mut Self,
    ) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, Some(lost), false)
    }

    /// An empty account for [`FloatHistogram::add_exactly`], of the same layout.
    #[must_use]
    pub fn no_loss(&self) -> Self {
        let mut lost = self.clone();
        lost.each_number(|_| 0.0);
        lost
    }

    /// Whether some number has become infinite.
    #[must_use]
    pub fn has_overflow(&self) -> bool {
        let numbers = [self.zero_count, self.count, self.sum];
        let all = numbers.iter().chain(&self.positive_buckets).chain(&self.negative_buckets);
        all.chain(self.custom_bounds()).any(|number| number.is_infinite())
    }

    /// Takes out empty buckets, and spans that follow each other without a gap.
    pub fn compact(&mut self) {
        self.compact_with_gaps(0);
    }

    /// As [`FloatHistogram::compact`], but gaps of up to `gap_max` buckets become empty buckets of one span.
    pub fn compact_with_gaps(&mut self, gap_max: u32) {
        let Parts { mut positive, mut negative, .. } = Parts::of(self, None);
        cells::compact(&mut positive);
        cells::compact(&mut negative);
        (self.positive_spans, self.positive_buckets, _) = cells::write(&positive, gap_max);
        (self.negative_spans, self.negative_buckets, _) = cells::write(&negative, gap_max);
    }

    /// Merges buckets to those of a coarser exponential schema. Does nothing when that is not coarser, or for custom bounds.
    pub fn reduce_resolution(&mut self, schema: i32) {
        if self.is_custom() || schema >= self.schema || schema == CUSTOM_BUCKETS_SCHEMA {
            return;
        }
        let mut parts = Parts::of(self, None);
        parts.reduce(schema, Sums::Plain);
        self.put(&parts, None);
    }

    fn put(&mut self, parts: &Parts, lost: Option<&mut Self>) {
        let positive = cells::write(&parts.positive, 0);
        let negative = cells::write(&parts.negative, 0);
        self.schema = parts.schema;
        self.zero_threshold = parts.threshold;
        self.zero_count = parts.zero.0;
        if let Some(lost) = lost {
            lost.schema = parts.schema;
            lost.zero_threshold = parts.threshold;
            lost.zero_count = parts.zero.1;
            lost.custom_values.clone_from(&self.custom_values);
            (lost.positive_spans, lost.positive_buckets) = (positive.0.clone(), positive.2);
            (lost.negative_spans, lost.negative_buckets) = (negative.0.clone(), negative.2);
        }
        (self.positive_spans, self.positive_buckets) = (positive.0, positive.1);
        (self.negative_spans, self.negative_buckets) = (negative.0, negative.1);
    }

    fn combine(
        &mut self,
        other: &Self,
        lost: Option<&mut Self>,
        negative: bool,
    ) -> Result<Combined, IncompatibleSchemas> {
        if self.is_custom() != other.is_custom() {
            return Err(IncompatibleSchemas);
        }
        let sums = if lost.is_some() { Sums::Exact } else { Sums::Plain };
        let sign = if negative { -1.0 } else { 1.0 };
        let reset_collision = self.combine_hints(other.reset_hint);
        let mut parts = Parts::of(self, lost.as_deref());
        let mut others = Parts::of(other, None);
        let bounds_reconciled = if self.is_custom() {
            self.combine_custom(other, (&mut parts, others), negative, sums)
        } else {
            reconcile_zero(&mut parts, &mut others);
            parts.zero = sums.add(parts.zero, sign * others.zero.0);
            if sums == Sums::Exact {
                parts.zero = sums.add(parts.zero, sign * others.zero.1);
            }
            let schema = parts.schema.min(others.schema);
            parts.reduce(schema, sums);
            others.reduce(schema, sums);
            for (side, mut more) in
                [(&mut parts.positive, others.positive), (&mut parts.negative, others.negative)]
            {
                cells::above(&mut more, schema, parts.threshold);
                *side = cells::merge(std::mem::take(side), more, negative, sums);
            }
            false
        };
        let totals = lost.as_ref().map_or((0.0, 0.0), |lost| (lost.count, lost.sum));
        let (count, lost_count) = sums.add((self.count, totals.0), sign * other.count);
        let (sum, lost_sum) = sums.add((self.sum, totals.1), sign * other.sum);
        (self.count, self.sum) = (count, sum);
        match lost {
            Some(lost) => {
                (lost.count, lost.sum) = (lost_count, lost_sum);
                self.put(&parts, Some(lost));
            }
            None => self.put(&parts, None),
        }
        Ok(Combined { reset_collision, bounds_reconciled })
    }

    /// The buckets of custom bounds combined; true when the bounds differed.
    fn combine_custom(
        &mut self,
        other: &Self,
        (parts, others): (&mut Parts, Parts),
        negative: bool,
        sums: Sums,
    ) -> bool {
        let mine = std::mem::take(&mut parts.positive);
        if self.custom_bounds() == other.custom_bounds() {
            parts.positive = cells::merge(mine, others.positive, negative, sums);
            return false;
        }
        let common = cells::common_bounds(self.custom_bounds(), other.custom_bounds());
        let mine = cells::rebound(&mine, self.custom_bounds(), &common);
        let more = cells::rebound(&others.positive, other.custom_bounds(), &common);
        parts.positive = cells::merge(mine, more, negative, Sums::Exact);
        cells::compact(&mut parts.positive);
        self.custom_values = Some(Arc::from(common));
        true
    }

    /// What the result of two histograms knows of resets; true when they contradict each other.
    fn combine_hints(&mut self, other: ResetHint) -> bool {
        let mine = self.reset_hint;
        if mine == other || mine == ResetHint::Gauge {
            return false;
        }
        if other == ResetHint::Gauge {
            self.reset_hint = ResetHint::Gauge;
            return false;
        }
        self.reset_hint = ResetHint::Unknown;
        mine != ResetHint::Unknown && other != ResetHint::Unknown
    }

    /// Whether this histogram of a counter, after `previous`, shows that it was reset: some count is smaller, a populated
    /// bucket is missing, or the layout has become finer. A hint decides when it knows.
    #[must_use]
    pub fn detect_reset(&self, previous: &Self) -> bool {
        match self.reset_hint {
            ResetHint::CounterReset => return true,
            ResetHint::NotCounterReset => return false,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        let kinds_differ = self.is_custom() != previous.is_custom();
        if self.count < previous.count || kinds_differ || self.schema > previous.schema {
            return true;
        }
        let now = Parts::of(self, None);
        let mut before = Parts::of(previous, None);
        if self.is_custom() {
            let (a, b) = (self.custom_bounds(), previous.custom_bounds());
            if a == b {
                return shrank(&now.positive, &before.positive);
            }
            let common = cells::common_bounds(a, b);
            let now = cells::rebound(&now.positive, a, &common);
            return shrank(&now, &cells::rebound(&before.positive, b, &common));
        }
        if now.threshold < before.threshold {
            return true;
        }
        if now.threshold > before.threshold {
            let (zero, threshold) = before.widened_zero(now.threshold);
            if threshold != now.threshold {
                return true;
            }
            before.widen(zero, threshold);
        }
        if now.zero.0 < before.zero.0 {
            return true;
        }
        before.reduce(now.schema, Sums::Plain);
        for (side, old) in
            [(now.positive, &mut before.positive), (now.negative, &mut before.negative)]
        {
            cells::above(old, now.schema, now.threshold);
            if shrank(&side, old) {
                return true;
            }
        }
        false
    }
}

/// Whether a bucket of `before` is larger than that of `now`, or is populated and missing there.
fn shrank(now: &[Cell], before: &[Cell]) -> bool {
    let mut now = now.iter().peekable();
    before.iter().any(|old| {
        while now.next_if(|have| have.index < old.index).is_some() {}
        match now.next_if(|have| have.index == old.index) {
            Some(have) => have.count < old.count,
            None => old.count != 0.0,
        }
    })
}
