//! All combinations of values, page by page.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::ast::{self, CompositeKind};
use super::error::AggError;
use super::intern::{Grouped, Interner};
use super::node::{Batch, Build, Cx, Finish, Level, Node};
use super::result::{Body, Bucket, Buckets, Shown};
use super::show::{Key, Show, f64_to_int, int_to_f64};
use super::terms::{Tuples, combinations, compare};
use super::values::{Bound, Class, Use};

/// The number of "no value" in a tuple; values begin behind it.
const MISSING: u32 = 0;

struct Source {
    ask: ast::CompositeSource,
    bound: Bound,
    show: Show,
    interner: Interner,
    /// The value after which buckets begin; `None` inside for "no value".
    after: Option<Option<Key>>,
}

/// `composite`.
pub(super) struct Composite {
    size: usize,
    sources: Vec<Source>,
    tuples: Tuples,
    grouped: Grouped,
    subs: Level,
}

impl Composite {
    pub(super) fn new(
        ask: &ast::Composite,
        subs: Level,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let mut sources = Vec::new();
        for source in &ask.sources {
            sources.push(Source::new(source, ask.after.as_ref(), build)?);
        }
        if let Some(after) = &ask.after
            && after.len() != sources.len()
        {
            return Err(AggError::Illegal(format!(
                "[after] has {} value(s) but [sources] has {}",
                after.len(),
                sources.len()
            )));
        }
        let (tuples, grouped) = (Tuples::default(), Grouped::default());
        Ok(Self { size: ask.size, sources, tuples, grouped, subs })
    }

    fn compare(&self, a: u32, b: u32) -> Ordering {
        let tuple = |bucket: u32| &self.tuples.list[self.grouped.of[bucket as usize].1 as usize];
        for ((a, b), source) in tuple(a).iter().zip(tuple(b)).zip(&self.sources) {
            let ordering = source.compare(source.key(*a), source.key(*b));
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }

    fn is_after(&self, bucket: u32) -> bool {
        let tuple = &self.tuples.list[self.grouped.of[bucket as usize].1 as usize];
        for (id, source) in tuple.iter().zip(&self.sources) {
            let Some(after) = &source.after else { return true };
            match source.compare(source.key(*id), after.as_ref()) {
                Ordering::Less => return false,
                Ordering::Greater => return true,
                Ordering::Equal => {}
            }
        }
        false
    }
}

impl Source {
    fn new(
        ask: &ast::CompositeSource,
        after: Option<&Map<String, Value>>,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let of = match ask.kind {
            CompositeKind::Terms => Use::any("composite", build.now_ns),
            CompositeKind::Histogram(_) | CompositeKind::DateHistogram(_) => {
                Use::numbers("composite", build.now_ns)
            }
        };
        let bound = Bound::new(build.targets, &ask.source, of)?;
        let show = match (&ask.kind, &bound.show) {
            (CompositeKind::DateHistogram(rounding), Show::Date { format, .. }) => {
                Show::Date { format: format.clone(), zone: rounding.zone().clone(), ns: 1_000_000 }
            }
            (CompositeKind::Histogram(_), _) => Show::Plain,
            (_, show) => show.clone(),
        };
        let mut source =
            Self { ask: ask.clone(), bound, show, interner: Interner::default(), after: None };
        if let Some(after) = after {
            let value = after.get(&ask.name).ok_or_else(|| {
                AggError::Illegal(format!("Missing value for [after.{}]", ask.name))
            })?;
            source.after = Some(source.after_key(value, build)?);
        }
        Ok(source)
    }

    fn after_key(&self, value: &Value, build: &Build<'_>) -> Result<Option<Key>, AggError> {
        if value.is_null() {
            if !self.ask.missing_bucket {
                return Err(AggError::Illegal(format!(
                    "[after.{}] is null, but [missing_bucket] is false",
                    self.ask.name
                )));
            }
            return Ok(None);
        }
        let mut bound = self.bound.clone();
        if matches!(self.ask.kind, CompositeKind::Histogram(_)) {
            let number = value
                .as_f64()
                .ok_or_else(|| AggError::Value(format!("For input string: \"{value}\"")))?;
            return Ok(Some(Key::Float(number)));
        }
        bound.show = self.show.clone();
        if bound.class == Some(Class::DateNanos)
            && matches!(self.ask.kind, CompositeKind::DateHistogram(_))
        {
            bound.class = Some(Class::Date);
        }
        bound.key(value, build.now_ns).map(Some)
    }

    fn key(&self, id: u32) -> Option<&Key> {
        if id == MISSING { None } else { self.interner.keys.get(id as usize - 1) }
    }

    fn compare(&self, a: Option<&Key>, b: Option<&Key>) -> Ordering {
        let first = self.ask.missing_first.unwrap_or(!self.ask.descending);
        match (a, b) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) if first => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) if first => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => {
                let ordering = compare(self.bound.class, a, b);
                if self.ask.descending { ordering.reverse() } else { ordering }
            }
        }
    }

    /// How a key is shown: dates as their number when no format was asked for.
    fn json(&self, key: Option<&Key>) -> Value {
        let Some(key) = key else { return Value::Null };
        match &self.show {
            Show::Bool => Value::Bool(key.number() != 0.0),
            Show::Date { .. } if self.ask.source.format.is_none() => self.show.json(key),
            Show::Date { .. } | Show::Decimal(_) => self.show.word(key).into(),
            Show::Plain | Show::Unsigned => self.show.json(key),
        }
    }

    /// The row's values as numbers, [`MISSING`] among them.
    fn ids(&mut self, cells: &super::values::Cells<'_>, row: usize, out: &mut Vec<u32>) {
        match &self.ask.kind {
            CompositeKind::Terms => cells.keys(row, &mut self.interner, out),
            CompositeKind::Histogram(interval) => {
                let mut values = Vec::new();
                cells.numbers(row, &mut values);
                out.clear();
                for value in values {
                    let step = int_to_f64(f64_to_int((value / interval).floor()));
                    out.push(self.interner.float(step * interval));
                }
            }
            CompositeKind::DateHistogram(rounding) => {
                let mut values = Vec::new();
                cells.ints(row, &mut values);
                out.clear();
                let nanos = self.bound.class == Some(Class::DateNanos);
                for value in values {
                    let ms = if nanos { value.div_euclid(1_000_000) } else { value };
                    out.push(self.interner.int(rounding.floor(ms)));
                }
            }
        }
        out.iter_mut().for_each(|id| *id += 1);
        out.sort_unstable();
        out.dedup();
        if out.is_empty() && self.ask.missing_bucket {
            out.push(MISSING);
        }
    }
}

impl Node for Composite {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let bounds: Vec<Bound> = self.sources.iter().map(|source| source.bound.clone()).collect();
        let mut all = Vec::new();
        for bound in &bounds {
            all.push(bound.cells(cx.target, cx.block)?);
        }
        let mut below = Batch::default();
        let mut lists = vec![Vec::new(); all.len()];
        for (row, owner) in batch.iter() {
            for ((cells, source), list) in all.iter().zip(&mut self.sources).zip(&mut lists) {
                source.ids(cells, row as usize, list);
            }
            let (tuples, grouped) = (&mut self.tuples, &mut self.grouped);
            combinations(&lists, &mut |tuple| {
                let bucket = grouped.bucket(owner, tuples.id(tuple));
                grouped.counts[bucket as usize] += 1;
                below.push(row, bucket);
            });
        }
        self.subs.collect(cx, &below)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        let mut buckets = self.grouped.of_owner(owner);
        buckets.retain(|bucket| self.is_after(*bucket));
        if buckets.len() > self.size.saturating_mul(2) && self.size > 0 {
            buckets.select_nth_unstable_by(self.size - 1, |a, b| self.compare(*a, *b));
            buckets.truncate(self.size);
        }
        buckets.sort_by(|a, b| self.compare(*a, *b));
        buckets.truncate(self.size);
        finish.count(buckets.len())?;
        let mut list = Vec::with_capacity(buckets.len());
        let mut head = Map::new();
        for bucket in buckets {
            let tuple = &self.tuples.list[self.grouped.of[bucket as usize].1 as usize];
            let mut key = Map::new();
            for (id, source) in tuple.iter().zip(&self.sources) {
                key.insert(source.ask.name.clone(), source.json(source.key(*id)));
            }
            head = Map::from_iter([("key".to_owned(), Value::Object(key))]);
            list.push(Bucket {
                head: head.clone(),
                doc_count: self.grouped.counts[bucket as usize],
                subs: self.subs.finish(bucket, finish)?,
                ..Bucket::default()
            });
        }
        let mut before = Map::new();
        if let Some(key) = head.remove("key") {
            before.insert("after_key".to_owned(), key);
        }
        self.subs.along(&mut list)?;
        Ok(Body::Buckets(Buckets { shown: Shown::List, head: before, list, tail: Map::new() }))
    }

    fn type_name(&self) -> &'static str {
        "composite"
    }

    fn bytes(&self) -> u64 {
        let keys: u64 = self.sources.iter().map(|source| source.interner.bytes).sum();
        keys + self.tuples.bytes() + self.grouped.bytes() + self.subs.bytes()
    }
}
