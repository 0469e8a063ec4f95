//! Buckets along an axis: numbers, dates, and dates with as many buckets as are asked for.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::ast::{self, Order, OrderBy};
use super::error::AggError;
use super::intern::{Grouped, Interner};
use super::node::{Batch, Build, Cx, Finish, Level, NO_ROWS, Node};
use super::pipeline;
use super::result::{Body, Bucket, Buckets, Shown};
use super::round::{Rounding, Unit};
use super::show::{Key, Show, f64_to_int, int_to_f64};
use super::values::{Bound, Class, Use};
use crate::bits::Bits;
use crate::part::{Block, View};

/// The bucket of an axis at `at`.
fn bucket(key: &Key, show: &Show, count: u64, at: f64) -> Bucket {
    let mut head = Map::new();
    if let Some(text) = show.text(key) {
        head.insert("key_as_string".to_owned(), text.into());
    }
    head.insert("key".to_owned(), show.json(key));
    Bucket { name: show.word(key), head, doc_count: count, at: Some(at), ..Bucket::default() }
}

/// Puts buckets, which come by key ascending, in the asked order.
fn put_in_order(list: &mut [Bucket], order: &[Order]) -> Result<(), AggError> {
    let by_key_up = order.first().is_none_or(|first| first.by == OrderBy::Key && !first.descending);
    if by_key_up {
        return Ok(());
    }
    let mut levels: Vec<(Vec<f64>, bool)> = Vec::new();
    for order in order {
        let mut values = Vec::new();
        for bucket in list.iter() {
            values.push(match &order.by {
                OrderBy::Count => super::show::count_to_f64(bucket.doc_count),
                OrderBy::Key => bucket.at.unwrap_or(f64::NAN),
                OrderBy::Path(path) => pipeline::order_value(&bucket.subs, path, bucket.doc_count)?,
            });
        }
        levels.push((values, order.descending));
    }
    let mut places: Vec<usize> = (0..list.len()).collect();
    places.sort_by(|a, b| {
        for (values, descending) in &levels {
            let (a, b) = (values[*a], values[*b]);
            let ordering = match (a.is_nan(), b.is_nan()) {
                (true, false) => return std::cmp::Ordering::Greater,
                (false, true) => return std::cmp::Ordering::Less,
                (true, true) => std::cmp::Ordering::Equal,
                (false, false) if *descending => b.total_cmp(&a),
                (false, false) => a.total_cmp(&b),
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        std::cmp::Ordering::Equal
    });
    let sorted: Vec<Bucket> = places.iter().map(|at| list[*at].clone()).collect();
    list.clone_from_slice(&sorted);
    Ok(())
}

fn shown(keyed: bool) -> Shown {
    if keyed { Shown::Keyed } else { Shown::List }
}

/// `histogram`.
pub(super) struct Numbers {
    ask: ast::Histogram,
    bound: Bound,
    interner: Interner,
    grouped: Grouped,
    subs: Level,
}

impl Numbers {
    pub(super) fn new(
        ask: &ast::Histogram,
        subs: Level,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let of = Use::numbers("histogram", build.now_ns);
        let bound = Bound::new(build.targets, &ask.source, of)?;
        let (interner, grouped) = (Interner::default(), Grouped::default());
        Ok(Self { ask: ask.clone(), bound, interner, grouped, subs })
    }

    fn key(&self, step: i64) -> f64 {
        int_to_f64(step) * self.ask.interval + self.ask.offset
    }

    fn step(&self, value: f64) -> i64 {
        f64_to_int(((value - self.ask.offset) / self.ask.interval).floor())
    }

    fn is_inside(&self, value: f64) -> bool {
        self.ask.hard_bounds.is_none_or(|(min, max)| {
            let start = self.key(self.step(value));
            start <= max && start + self.ask.interval > min
        })
    }

    /// The steps that are shown for the bucket `owner` above, ascending, with their buckets.
    fn steps(
        &mut self,
        owner: u32,
        finish: &Finish<'_>,
    ) -> Result<Vec<(i64, Option<u32>)>, AggError> {
        let mut have: Vec<(i64, Option<u32>)> = Vec::new();
        for bucket in self.grouped.of_owner(owner) {
            let id = self.grouped.of[bucket as usize].1 as usize;
            if let Key::Int(step) = self.interner.keys[id]
                && self.grouped.counts[bucket as usize] >= self.ask.min_doc_count
            {
                have.push((step, Some(bucket)));
            }
        }
        have.sort_unstable();
        if self.ask.min_doc_count > 0 {
            return Ok(have);
        }
        let mut ends = have.first().zip(have.last()).map(|(first, last)| (first.0, last.0));
        if let Some((min, max)) = self.ask.extended_bounds {
            let mut grow = |value: f64| {
                if value.is_finite() {
                    let step = self.step(value);
                    ends = Some(ends.map_or((step, step), |(a, b)| (a.min(step), b.max(step))));
                }
            };
            grow(min);
            grow(max);
        }
        let Some((first, last)) = ends else { return Ok(have) };
        let wanted = last.abs_diff(first).saturating_add(1);
        if wanted > u64::try_from(finish.buckets_max).unwrap_or(u64::MAX) {
            return Err(AggError::TooManyBuckets(finish.buckets_max));
        }
        let mut found = have.into_iter().peekable();
        Ok((first..=last)
            .map(|step| match found.peek() {
                Some((have, bucket)) if *have == step => {
                    let bucket = *bucket;
                    found.next();
                    (step, bucket)
                }
                Some(_) | None => (step, None),
            })
            .collect())
    }
}

impl Node for Numbers {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        let (mut below, mut values, mut steps) = (Batch::default(), Vec::new(), Vec::new());
        for (row, owner) in batch.iter() {
            cells.numbers(row as usize, &mut values);
            steps.clear();
            steps.extend(
                values
                    .iter()
                    .filter(|value| self.is_inside(**value))
                    .map(|value| self.step(*value)),
            );
            steps.dedup();
            for step in &steps {
                let key = self.interner.int(*step);
                let bucket = self.grouped.bucket(owner, key);
                self.grouped.counts[bucket as usize] += 1;
                below.push(row, bucket);
            }
        }
        self.subs.collect(cx, &below)
    }

    fn wants_everything(&self) -> bool {
        self.subs.wants_everything()
    }

    fn everything(&mut self, cx: &Cx<'_>, live: &Bits) -> Result<(), AggError> {
        self.subs.everything(cx, live)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        let steps = self.steps(owner, finish)?;
        finish.count(steps.len())?;
        let mut list = Vec::with_capacity(steps.len());
        for (step, at) in steps {
            let key = self.key(step);
            let count = at.map_or(0, |at| self.grouped.counts[at as usize]);
            let mut bucket = bucket(&Key::Float(key), &self.bound.show, count, key);
            bucket.subs = self.subs.finish(at.unwrap_or(NO_ROWS), finish)?;
            list.push(bucket);
        }
        self.subs.along(&mut list)?;
        put_in_order(&mut list, &self.ask.order)?;
        let shown = shown(self.ask.keyed);
        Ok(Body::Buckets(Buckets { shown, head: Map::new(), list, tail: Map::new() }))
    }

    fn type_name(&self) -> &'static str {
        "histogram"
    }

    fn bytes(&self) -> u64 {
        self.interner.bytes + self.grouped.bytes() + self.subs.bytes()
    }
}

/// How the keys of a histogram of dates are shown.
fn millis(show: &Show, zone: &Rounding) -> Show {
    match show {
        Show::Date { format, .. } => {
            Show::Date { format: format.clone(), zone: zone.zone().clone(), ns: 1_000_000 }
        }
        Show::Plain | Show::Bool | Show::Unsigned | Show::Decimal(_) => Show::Date {
            format: crate::date::Format::default(),
            zone: zone.zone().clone(),
            ns: 1_000_000,
        },
    }
}

/// Times in milliseconds.
fn to_millis(class: Option<Class>, value: i64) -> i64 {
    if class == Some(Class::DateNanos) { value.div_euclid(1_000_000) } else { value }
}

/// `date_histogram`.
pub(super) struct Dates {
    ask: ast::DateHistogram,
    bound: Bound,
    show: Show,
    extended: (Option<i64>, Option<i64>),
    hard: (Option<i64>, Option<i64>),
    interner: Interner,
    grouped: Grouped,
    subs: Level,
}

impl Dates {
    pub(super) fn new(
        ask: &ast::DateHistogram,
        subs: Level,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let of = Use::numbers("date_histogram", build.now_ns);
        let bound = Bound::new(build.targets, &ask.source, of)?;
        let bounds = |bounds: &Option<(Option<Value>, Option<Value>)>| {
            let end = |value: &Option<Value>| -> Result<Option<i64>, AggError> {
                let Some(value) = value else { return Ok(None) };
                Ok(match bound.key(value, build.now_ns)? {
                    Key::Int(at) => Some(to_millis(bound.class, at)),
                    Key::Float(at) => Some(f64_to_int(at)),
                    Key::Text(text) => text.parse().ok(),
                })
            };
            match bounds {
                None => Ok((None, None)),
                Some((min, max)) => Ok::<_, AggError>((end(min)?, end(max)?)),
            }
        };
        let (extended, hard) = (bounds(&ask.extended_bounds)?, bounds(&ask.hard_bounds)?);
        Ok(Self {
            ask: ask.clone(),
            show: millis(&bound.show, &ask.rounding),
            bound,
            extended,
            hard,
            interner: Interner::default(),
            grouped: Grouped::default(),
            subs,
        })
    }

    fn is_inside(&self, floor: i64) -> bool {
        self.hard.0.is_none_or(|min| floor >= self.ask.rounding.floor(min))
            && self.hard.1.is_none_or(|max| floor <= max)
    }

    /// The boundaries that are shown for the bucket `owner` above, with their buckets.
    fn floors(
        &mut self,
        owner: u32,
        finish: &Finish<'_>,
    ) -> Result<Vec<(i64, Option<u32>)>, AggError> {
        let mut have: Vec<(i64, Option<u32>)> = Vec::new();
        for bucket in self.grouped.of_owner(owner) {
            let id = self.grouped.of[bucket as usize].1 as usize;
            if let Key::Int(floor) = self.interner.keys[id]
                && self.grouped.counts[bucket as usize] >= self.ask.min_doc_count
            {
                have.push((floor, Some(bucket)));
            }
        }
        have.sort_unstable();
        if self.ask.min_doc_count > 0 {
            return Ok(have);
        }
        let rounding = &self.ask.rounding;
        let mut ends = have.first().zip(have.last()).map(|(first, last)| (first.0, last.0));
        for end in [self.extended.0, self.extended.1].into_iter().flatten() {
            let floor = rounding.floor(end);
            ends = Some(ends.map_or((floor, floor), |(a, b)| (a.min(floor), b.max(floor))));
        }
        let Some((first, last)) = ends else { return Ok(have) };
        let mut found = have.into_iter().peekable();
        let mut floors = Vec::new();
        let mut at = first;
        while at <= last {
            while let Some((floor, bucket)) = found.next_if(|(floor, _)| *floor < at) {
                floors.push((floor, bucket));
            }
            let here = found.next_if(|(floor, _)| *floor == at);
            floors.push((at, here.and_then(|(_, bucket)| bucket)));
            if floors.len() > finish.buckets_max {
                return Err(AggError::TooManyBuckets(finish.buckets_max));
            }
            at = rounding.next(at);
        }
        floors.extend(found);
        Ok(floors)
    }
}

impl Node for Dates {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        let (mut below, mut values) = (Batch::default(), Vec::new());
        let deeper = !self.subs.is_empty();
        // Neighbours are often in the same bucket.
        let mut last_span = (i64::MAX, i64::MIN);
        for (row, owner) in batch.iter() {
            cells.ints(row as usize, &mut values);
            let mut last = None;
            for value in &values {
                let ms = to_millis(self.bound.class, *value);
                if !(last_span.0..last_span.1).contains(&ms) {
                    let floor = self.ask.rounding.floor(ms);
                    last_span = (floor, self.ask.rounding.next(floor));
                }
                let floor = last_span.0;
                if last == Some(floor) || !self.is_inside(floor) {
                    continue;
                }
                last = Some(floor);
                let key = self.interner.int(floor);
                let bucket = self.grouped.bucket(owner, key);
                self.grouped.counts[bucket as usize] += 1;
                if deeper {
                    below.push(row, bucket);
                }
            }
        }
        self.subs.collect(cx, &below)
    }

    fn wants_everything(&self) -> bool {
        self.subs.wants_everything()
    }

    fn everything(&mut self, cx: &Cx<'_>, live: &Bits) -> Result<(), AggError> {
        self.subs.everything(cx, live)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        let floors = self.floors(owner, finish)?;
        finish.count(floors.len())?;
        let mut list = Vec::with_capacity(floors.len());
        for (floor, at) in floors {
            let count = at.map_or(0, |at| self.grouped.counts[at as usize]);
            let mut bucket = bucket(&Key::Int(floor), &self.show, count, int_to_f64(floor));
            bucket.subs = self.subs.finish(at.unwrap_or(NO_ROWS), finish)?;
            super::metric::scale_rates(&mut bucket.subs, floor, self.ask.rounding.next(floor));
            list.push(bucket);
        }
        self.subs.along(&mut list)?;
        put_in_order(&mut list, &self.ask.order)?;
        let shown = shown(self.ask.keyed);
        Ok(Body::Buckets(Buckets { shown, head: Map::new(), list, tail: Map::new() }))
    }

    fn type_name(&self) -> &'static str {
        "date_histogram"
    }

    fn bytes(&self) -> u64 {
        self.interner.bytes + self.grouped.bytes() + self.subs.bytes()
    }
}

/// The intervals that `auto_date_histogram` chooses from: a unit, how many of it, and how that is written.
const STEPS: &[(Unit, i64, &str, &str)] = &[
    (Unit::Second, 1, "1s", "second"),
    (Unit::Second, 5, "5s", "second"),
    (Unit::Second, 10, "10s", "second"),
    (Unit::Second, 30, "30s", "second"),
    (Unit::Minute, 1, "1m", "minute"),
    (Unit::Minute, 5, "5m", "minute"),
    (Unit::Minute, 10, "10m", "minute"),
    (Unit::Minute, 30, "30m", "minute"),
    (Unit::Hour, 1, "1h", "hour"),
    (Unit::Hour, 3, "3h", "hour"),
    (Unit::Hour, 12, "12h", "hour"),
    (Unit::Day, 1, "1d", "day"),
    (Unit::Day, 7, "7d", "day"),
    (Unit::Month, 1, "1M", "month"),
    (Unit::Month, 3, "3M", "month"),
    (Unit::Year, 1, "1y", "year"),
    (Unit::Year, 5, "5y", "year"),
    (Unit::Year, 10, "10y", "year"),
    (Unit::Year, 20, "20y", "year"),
    (Unit::Year, 50, "50y", "year"),
    (Unit::Year, 100, "100y", "year"),
];

/// The rows of one block.
struct Kept {
    target: usize,
    view: View,
    view_at: usize,
    block: Arc<dyn Block>,
    block_at: usize,
    batch: Batch,
}

/// `auto_date_histogram`: rows are kept until the interval is known.
pub(super) struct Auto {
    ask: ast::AutoDateHistogram,
    bound: Bound,
    kept: Vec<Kept>,
    rows: u64,
    /// The first interval that may be chosen.
    first: usize,
    zone: crate::date::Zone,
    subs: Level,
    /// Buckets that were given out.
    buckets: u32,
}

impl Auto {
    pub(super) fn new(
        ask: &ast::AutoDateHistogram,
        subs: Level,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let of = Use::numbers("auto_date_histogram", build.now_ns);
        let bound = Bound::new(build.targets, &ask.source, of)?;
        let first = match &ask.minimum_interval {
            None => 0,
            Some(unit) => STEPS.iter().position(|(.., name)| name == unit).ok_or_else(|| {
                AggError::Illegal(format!("minimum_interval must be one of [year, month, day, hour, minute, second], but was [{unit}]"))
            })?,
        };
        let zone = match &ask.source.time_zone {
            None => crate::date::Zone::default(),
            Some(name) => crate::date::Zone::parse(name)
                .ok_or_else(|| AggError::Illegal(format!("Unknown time-zone ID: {name}")))?,
        };
        let (ask, kept) = (ask.clone(), Vec::new());
        Ok(Self { ask, bound, kept, rows: 0, first, zone, subs, buckets: 0 })
    }

    /// First and last time of the rows of `owner`, in milliseconds.
    fn ends(&self, owner: u32) -> Result<Option<(i64, i64)>, AggError> {
        let (mut ends, mut values): (Option<(i64, i64)>, _) = (None, Vec::new());
        for kept in &self.kept {
            let cells = self.bound.cells(kept.target, &kept.block)?;
            for (row, _) in kept.batch.iter().filter(|(_, of)| *of == owner) {
                cells.ints(row as usize, &mut values);
                for value in &values {
                    let ms = to_millis(self.bound.class, *value);
                    ends = Some(ends.map_or((ms, ms), |(a, b)| (a.min(ms), b.max(ms))));
                }
            }
        }
        Ok(ends)
    }

    /// Gives the rows of `owner` to the buckets that begin at `floors`, the first of which is bucket `base` below; how many each has.
    fn fill(
        &mut self,
        owner: u32,
        (floors, base): (&[i64], u32),
        finish: &Finish<'_>,
    ) -> Result<Vec<u64>, AggError> {
        let mut counts = vec![0; floors.len()];
        let mut values = Vec::new();
        for kept in &self.kept {
            let cells = self.bound.cells(kept.target, &kept.block)?;
            let mut below = Batch::default();
            for (row, _) in kept.batch.iter().filter(|(_, of)| *of == owner) {
                cells.ints(row as usize, &mut values);
                let mut last = None;
                for value in &values {
                    let ms = to_millis(self.bound.class, *value);
                    let at = floors.partition_point(|floor| *floor <= ms).saturating_sub(1);
                    if last != Some(at) {
                        last = Some(at);
                        counts[at] += 1;
                        below.push(row, base + u32::try_from(at).unwrap_or(0));
                    }
                }
            }
            let cx = Cx {
                target: kept.target,
                view: &kept.view,
                view_at: kept.view_at,
                block: &kept.block,
                block_at: kept.block_at,
                scores: None,
                matcher: finish.matcher,
                parent: None,
            };
            self.subs.collect(&cx, &below)?;
        }
        Ok(counts)
    }
}

impl Node for Auto {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        self.rows += u64::try_from(batch.rows.len()).unwrap_or(0);
        self.kept.push(Kept {
            target: cx.target,
            view: cx.view.clone(),
            view_at: cx.view_at,
            block: Arc::clone(cx.block),
            block_at: cx.block_at,
            batch: Batch { rows: batch.rows.clone(), owners: batch.owners.clone() },
        });
        Ok(())
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        let (floors, step) = match self.ends(owner)? {
            None => (Vec::new(), STEPS[self.first].2),
            Some((first, last)) => self.floors(first, last, finish)?,
        };
        finish.count(floors.len())?;
        let base = self.buckets;
        self.buckets += u32::try_from(floors.len()).unwrap_or(0);
        let counts = self.fill(owner, (&floors, base), finish)?;
        let show = millis(&self.bound.show, &Rounding::fixed(1, self.zone.clone()));
        let mut list = Vec::new();
        for ((at, floor), count) in (base..).zip(&floors).zip(counts) {
            let mut bucket = bucket(&Key::Int(*floor), &show, count, int_to_f64(*floor));
            bucket.subs = self.subs.finish(at, finish)?;
            list.push(bucket);
        }
        self.subs.along(&mut list)?;
        let mut tail = Map::new();
        tail.insert("interval".to_owned(), step.into());
        Ok(Body::Buckets(Buckets { shown: Shown::List, head: Map::new(), list, tail }))
    }

    fn type_name(&self) -> &'static str {
        "auto_date_histogram"
    }

    fn bytes(&self) -> u64 {
        self.rows * 8 + self.subs.bytes()
    }
}

impl Auto {
    /// The boundaries of the finest interval that needs no more buckets than are asked for, and its name.
    fn floors(
        &self,
        first: i64,
        last: i64,
        finish: &Finish<'_>,
    ) -> Result<(Vec<i64>, &'static str), AggError> {
        for (unit, count, name, _) in &STEPS[self.first..] {
            let rounding = Rounding::calendar(*unit, self.zone.clone());
            let mut floors = vec![rounding.floor(first)];
            let most = self.ask.buckets.saturating_mul(usize::try_from(*count).unwrap_or(1));
            loop {
                let next = rounding.next(floors[floors.len() - 1]);
                if next > last || floors.len() > most {
                    break;
                }
                floors.push(next);
            }
            if floors.len() <= most {
                let step = usize::try_from(*count).unwrap_or(1);
                let floors: Vec<i64> = floors.into_iter().step_by(step).collect();
                return Ok((floors, name));
            }
        }
        Err(AggError::TooManyBuckets(finish.buckets_max))
    }
}
