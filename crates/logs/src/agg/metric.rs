//! Numbers out of values.

use serde_json::{Map, Value};

use super::ast::Metric;
use super::error::AggError;
use super::intern::{Grouped, Interner};
use super::node::{Batch, Build, Cx, Finish, Node};
use super::result::{Answer, Body};
use super::round::Unit;
use super::show::{count_to_f64, float};
use super::tdigest::Digest;
use super::values::{Bound, Use};

/// A length as a floating point number.
pub(super) fn len_to_f64(len: usize) -> f64 {
    count_to_f64(u64::try_from(len).unwrap_or(u64::MAX))
}

/// The node of a metric.
pub(super) fn node(metric: &Metric, build: &Build<'_>) -> Result<Box<dyn Node>, AggError> {
    let numbers =
        |source, name| Bound::new(build.targets, source, Use::numbers(name, build.now_ns));
    let any = |source, name| Bound::new(build.targets, source, Use::any(name, build.now_ns));
    let place = |source, name: &'static str| {
        let of = Use { agg: name, now_ns: build.now_ns, numbers_only: false, geo: true };
        Bound::new(build.targets, source, of)
    };
    Ok(match metric {
        Metric::Avg(source) => simple(numbers(source, "avg")?, What::Avg),
        Metric::Sum(source) => simple(numbers(source, "sum")?, What::Sum),
        Metric::Min(source) => simple(numbers(source, "min")?, What::Min),
        Metric::Max(source) => simple(numbers(source, "max")?, What::Max),
        Metric::Stats(source) => simple(numbers(source, "stats")?, What::Stats),
        Metric::ExtendedStats { source, sigma } => {
            simple(numbers(source, "extended_stats")?, What::Extended(*sigma))
        }
        Metric::ValueCount(source) => {
            Box::new(Count { bound: any(source, "value_count")?, counts: Vec::new() })
        }
        Metric::Cardinality(source) => Box::new(Distinct {
            bound: any(source, "cardinality")?,
            interner: Interner::default(),
            grouped: Grouped::default(),
        }),
        Metric::Percentiles { source, percents, keyed, compression, hdr } => {
            let ask = Ask::Percents(percents.clone());
            let bound = numbers(source, "percentiles")?;
            Box::new(Spread::new(bound, ask, *keyed, *compression, *hdr))
        }
        Metric::PercentileRanks { source, values, keyed, compression, hdr } => {
            let ask = Ask::Ranks(values.clone());
            let bound = numbers(source, "percentile_ranks")?;
            Box::new(Spread::new(bound, ask, *keyed, *compression, *hdr))
        }
        Metric::MedianAbsoluteDeviation { source, compression } => {
            let bound = numbers(source, "median_absolute_deviation")?;
            Box::new(Spread::new(bound, Ask::Deviation, false, *compression, false))
        }
        Metric::WeightedAvg { value, weight } => Box::new(Weighted {
            value: numbers(value, "weighted_avg")?,
            weight: numbers(weight, "weighted_avg")?,
            sums: Vec::new(),
        }),
        Metric::TopMetrics { metrics, sort, size } => {
            Box::new(super::top::TopMetrics::new(metrics, sort, *size, build)?)
        }
        Metric::GeoBounds(source) => {
            Box::new(super::geo::Geo::new(place(source, "geo_bounds")?, true))
        }
        Metric::GeoCentroid(source) => {
            Box::new(super::geo::Geo::new(place(source, "geo_centroid")?, false))
        }
        Metric::Rate { source, unit, values } => {
            if build.rounding.is_none() {
                return Err(AggError::Illegal(
                    "The rate aggregation can only be used inside a date histogram".to_owned(),
                ));
            }
            let bound = source.as_ref().map(|source| numbers(source, "rate")).transpose()?;
            Box::new(Rate { bound, unit: *unit, values: *values, sums: Vec::new() })
        }
    })
}

fn slot<T: Default + Clone>(list: &mut Vec<T>, owner: u32) -> &mut T {
    let at = owner as usize;
    if list.len() <= at {
        list.resize(at + 1, T::default());
    }
    &mut list[at]
}

/// What is kept of numbers: sums are compensated (Kahan).
#[derive(Debug, Clone)]
pub(super) struct Sums {
    pub(super) count: u64,
    sum: (f64, f64),
    squares: (f64, f64),
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            count: 0,
            sum: (0.0, 0.0),
            squares: (0.0, 0.0),
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

fn add(sum: &mut (f64, f64), value: f64) {
    if !value.is_finite() || !sum.0.is_finite() {
        sum.0 += value;
        return;
    }
    let corrected = value - sum.1;
    let next = sum.0 + corrected;
    sum.1 = (next - sum.0) - corrected;
    sum.0 = next;
}

impl Sums {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        add(&mut self.sum, value);
        add(&mut self.squares, value * value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum.0
    }

    pub(super) fn avg(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.0 / count_to_f64(self.count))
    }

    /// `stats`, and with `sigma` `extended_stats`.
    pub(super) fn object(
        &self,
        sigma: Option<f64>,
        text: &dyn Fn(f64) -> Option<String>,
    ) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("count".to_owned(), self.count.into());
        let some = |value: f64| (self.count > 0).then_some(value);
        let values = [
            ("min", some(self.min)),
            ("max", some(self.max)),
            ("avg", self.avg()),
            ("sum", Some(self.sum.0)),
        ];
        for (name, value) in values {
            object.insert(name.to_owned(), value.map_or(Value::Null, float));
        }
        if let Some(sigma) = sigma {
            self.extend(sigma, &mut object);
        }
        if self.count > 0 {
            for (name, value) in values {
                if let Some(text) = value.and_then(text) {
                    object.insert(format!("{name}_as_string"), text.into());
                }
            }
        }
        object
    }

    fn extend(&self, sigma: f64, object: &mut Map<String, Value>) {
        let n = count_to_f64(self.count);
        let squared = self.sum.0 * self.sum.0 / n;
        let population = ((self.squares.0 - squared) / n).max(0.0);
        let sampling = (self.squares.0 - squared) / (n - 1.0);
        let avg = self.sum.0 / n;
        let mut put = |name: &str, value: f64| {
            object.insert(name.to_owned(), if self.count > 0 { float(value) } else { Value::Null });
        };
        put("sum_of_squares", self.squares.0);
        put("variance", population);
        put("variance_population", population);
        put("variance_sampling", sampling);
        put("std_deviation", population.sqrt());
        put("std_deviation_population", population.sqrt());
        put("std_deviation_sampling", sampling.sqrt());
        let mut bounds = Map::new();
        for (suffix, deviation) in [
            ("", population.sqrt()),
            ("_population", population.sqrt()),
            ("_sampling", sampling.sqrt()),
        ] {
            for (name, at) in
                [("upper", avg + sigma * deviation), ("lower", avg - sigma * deviation)]
            {
                let at = if self.count > 0 { float(at) } else { Value::Null };
                bounds.insert(format!("{name}{suffix}"), at);
            }
        }
        object.insert("std_deviation_bounds".to_owned(), Value::Object(bounds));
    }
}

#[derive(Debug, Clone, Copy)]
enum What {
    Avg,
    Sum,
    Min,
    Max,
    Stats,
    Extended(f64),
}

struct Simple {
    bound: Bound,
    what: What,
    sums: Vec<Sums>,
}

fn simple(bound: Bound, what: What) -> Box<dyn Node> {
    Box::new(Simple { bound, what, sums: Vec::new() })
}

impl Node for Simple {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        let mut values = Vec::new();
        for (row, owner) in batch.iter() {
            cells.numbers(row as usize, &mut values);
            if !values.is_empty() {
                let sums = slot(&mut self.sums, owner);
                values.iter().for_each(|value| sums.add(*value));
            }
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32, _: &mut Finish<'_>) -> Result<Body, AggError> {
        let sums = self.sums.get(owner as usize).cloned().unwrap_or_default();
        let some = |value: f64| (sums.count > 0).then_some(value);
        let text = |value: f64| self.bound.show.number_text(value);
        let value = match self.what {
            What::Avg => sums.avg(),
            What::Sum => Some(sums.sum()),
            What::Min => some(sums.min),
            What::Max => some(sums.max),
            What::Stats => return Ok(Body::Object(sums.object(None, &text))),
            What::Extended(sigma) => return Ok(Body::Object(sums.object(Some(sigma), &text))),
        };
        let text = value.and_then(text);
        Ok(Body::Number { value, text, extra: Map::new() })
    }

    fn type_name(&self) -> &'static str {
        match self.what {
            What::Avg => "avg",
            What::Sum => "sum",
            What::Min => "min",
            What::Max => "max",
            What::Stats => "stats",
            What::Extended(_) => "extended_stats",
        }
    }

    fn bytes(&self) -> u64 {
        u64::try_from(self.sums.len() * size_of::<Sums>()).unwrap_or(u64::MAX)
    }
}

/// `value_count`.
struct Count {
    bound: Bound,
    counts: Vec<u64>,
}

impl Node for Count {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        for (row, owner) in batch.iter() {
            let count = u64::try_from(cells.counted(row as usize)).unwrap_or(0);
            if count > 0 {
                *slot(&mut self.counts, owner) += count;
            }
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32, _: &mut Finish<'_>) -> Result<Body, AggError> {
        Ok(Body::Count(self.counts.get(owner as usize).copied().unwrap_or(0)))
    }

    fn type_name(&self) -> &'static str {
        "value_count"
    }

    fn bytes(&self) -> u64 {
        u64::try_from(self.counts.len() * 8).unwrap_or(u64::MAX)
    }
}

/// `cardinality`, exact: the memory bound is what ends it.
struct Distinct {
    bound: Bound,
    interner: Interner,
    grouped: Grouped,
}

impl Node for Distinct {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        let mut keys = Vec::new();
        for (row, owner) in batch.iter() {
            cells.keys(row as usize, &mut self.interner, &mut keys);
            for key in &keys {
                self.grouped.bucket(owner, *key);
            }
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32, _: &mut Finish<'_>) -> Result<Body, AggError> {
        let count = self.grouped.of_owner(owner).len();
        Ok(Body::Count(u64::try_from(count).unwrap_or(u64::MAX)))
    }

    fn type_name(&self) -> &'static str {
        "cardinality"
    }

    fn bytes(&self) -> u64 {
        self.interner.bytes + self.grouped.bytes()
    }
}

enum Ask {
    Percents(Vec<f64>),
    Ranks(Vec<f64>),
    Deviation,
}

/// `percentiles`, `percentile_ranks`, `median_absolute_deviation`.
struct Spread {
    bound: Bound,
    ask: Ask,
    keyed: bool,
    compression: f64,
    hdr: bool,
    digests: Vec<Option<Digest>>,
}

impl Spread {
    fn new(bound: Bound, ask: Ask, keyed: bool, compression: f64, hdr: bool) -> Self {
        Self { bound, ask, keyed, compression, hdr, digests: Vec::new() }
    }

    fn texts(&self, values: &[Option<f64>]) -> Option<Vec<String>> {
        values
            .iter()
            .map(|value| value.and_then(|value| self.bound.show.number_text(value)))
            .collect()
    }
}

impl Node for Spread {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        let mut values = Vec::new();
        for (row, owner) in batch.iter() {
            cells.numbers(row as usize, &mut values);
            if !values.is_empty() {
                let compression = self.compression;
                let digest =
                    slot(&mut self.digests, owner).get_or_insert_with(|| Digest::new(compression));
                values.iter().for_each(|value| digest.add(*value));
            }
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32, _: &mut Finish<'_>) -> Result<Body, AggError> {
        let digest = self.digests.get_mut(owner as usize).and_then(Option::take);
        let mut digest = digest.unwrap_or_else(|| Digest::new(self.compression));
        let (asked, values): (&[f64], Vec<Option<f64>>) = match &self.ask {
            Ask::Deviation => {
                let value = digest.median_deviation();
                let text = value.and_then(|value| self.bound.show.number_text(value));
                return Ok(Body::Number { value, text, extra: Map::new() });
            }
            Ask::Percents(percents) => (
                percents,
                percents.iter().map(|percent| digest.quantile(percent / 100.0)).collect(),
            ),
            Ask::Ranks(values) => {
                let share = |value: &f64| digest.share(*value).map(|share| share * 100.0);
                (values, values.iter().map(share).collect())
            }
        };
        let texts = if matches!(self.ask, Ask::Percents(_)) { self.texts(&values) } else { None };
        let values = asked.iter().copied().zip(values).collect();
        Ok(Body::Percentiles { values, keyed: self.keyed, texts })
    }

    fn type_name(&self) -> &'static str {
        match (&self.ask, self.hdr) {
            (Ask::Percents(_), false) => "tdigest_percentiles",
            (Ask::Percents(_), true) => "hdr_percentiles",
            (Ask::Ranks(_), false) => "tdigest_percentile_ranks",
            (Ask::Ranks(_), true) => "hdr_percentile_ranks",
            (Ask::Deviation, _) => "median_absolute_deviation",
        }
    }

    fn bytes(&self) -> u64 {
        let kept: usize = self.digests.iter().flatten().map(Digest::len).sum();
        u64::try_from(kept * 16 + self.digests.len() * 64).unwrap_or(u64::MAX)
    }
}

/// `weighted_avg`.
struct Weighted {
    value: Bound,
    weight: Bound,
    sums: Vec<(f64, f64)>,
}

impl Node for Weighted {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.value.cells(cx.target, cx.block)?;
        let weights = self.weight.cells(cx.target, cx.block)?;
        let (mut values, mut weight) = (Vec::new(), Vec::new());
        for (row, owner) in batch.iter() {
            cells.numbers(row as usize, &mut values);
            weights.numbers(row as usize, &mut weight);
            if weight.len() > 1 {
                return Err(AggError::Execution("Encountered more than one weight for a single document. Use a script to combine multiple weights-per-doc into a single value.".to_owned()));
            }
            if let ([weight], false) = (weight.as_slice(), values.is_empty()) {
                let sums = slot(&mut self.sums, owner);
                for value in &values {
                    sums.0 += value * weight;
                    sums.1 += weight;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32, _: &mut Finish<'_>) -> Result<Body, AggError> {
        let (sum, weight) = self.sums.get(owner as usize).copied().unwrap_or_default();
        let value = (weight != 0.0).then(|| sum / weight);
        let text = value.and_then(|value| self.value.show.number_text(value));
        Ok(Body::Number { value, text, extra: Map::new() })
    }

    fn type_name(&self) -> &'static str {
        "weighted_avg"
    }

    fn bytes(&self) -> u64 {
        u64::try_from(self.sums.len() * 16).unwrap_or(u64::MAX)
    }
}

/// `rate`: the sum now, the division by time when the bucket's ends are known ([`scale_rates`]).
struct Rate {
    bound: Option<Bound>,
    unit: Option<Unit>,
    values: bool,
    sums: Vec<f64>,
}

/// The member that carries a rate's unit to [`scale_rates`]; taken out there.
const RATE_UNIT: &str = "\u{0}unit";

impl Node for Rate {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells =
            self.bound.as_ref().map(|bound| bound.cells(cx.target, cx.block)).transpose()?;
        let mut values = Vec::new();
        for (row, owner) in batch.iter() {
            *slot(&mut self.sums, owner) += match &cells {
                None => 1.0,
                Some(cells) => {
                    cells.numbers(row as usize, &mut values);
                    if self.values { len_to_f64(values.len()) } else { values.iter().sum() }
                }
            };
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32, _: &mut Finish<'_>) -> Result<Body, AggError> {
        let value = self.sums.get(owner as usize).copied().unwrap_or(0.0);
        let mut extra = Map::new();
        let unit = self.unit.map_or(0, unit_place);
        extra.insert(RATE_UNIT.to_owned(), unit.into());
        Ok(Body::Number { value: Some(value), text: None, extra })
    }

    fn type_name(&self) -> &'static str {
        "rate"
    }

    fn bytes(&self) -> u64 {
        u64::try_from(self.sums.len() * 8).unwrap_or(u64::MAX)
    }
}

/// Months of a unit as a negative number, milliseconds of it as a positive one.
fn unit_place(unit: Unit) -> i64 {
    match unit {
        Unit::Second => 1_000,
        Unit::Minute => 60_000,
        Unit::Hour => 3_600_000,
        Unit::Day => 86_400_000,
        Unit::Week => 7 * 86_400_000,
        Unit::Month => -1,
        Unit::Quarter => -3,
        Unit::Year => -12,
    }
}

/// Divides the rates of a bucket that goes from `start` to before `end`, in milliseconds.
pub(super) fn scale_rates(answers: &mut [Answer], start: i64, end: i64) {
    const MONTH_MS: f64 = 30.436_875 * 86_400_000.0;
    for answer in answers.iter_mut().filter(|answer| answer.type_name == "rate") {
        if let Body::Number { value: Some(value), extra, .. } = &mut answer.body
            && let Some(unit) = extra.remove(RATE_UNIT).and_then(|unit| unit.as_i64())
        {
            let width = super::show::int_to_f64(end.saturating_sub(start));
            match unit {
                0 => {}
                ms @ 1.. => *value *= super::show::int_to_f64(ms) / width,
                months => {
                    let have = (width / MONTH_MS).round().max(1.0);
                    let months = super::show::int_to_f64(-months);
                    *value *= if width < 27.0 * 86_400_000.0 {
                        months * MONTH_MS / width
                    } else {
                        months / have
                    };
                }
            }
        }
    }
}
