//! The first rows of each bucket: whole, or some of their numbers.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::ast::{self, Source};
use super::error::AggError;
use super::node::{Batch, Build, Cx, Finish, Node};
use super::result::Body;
use super::show::Key;
use super::values::{Bound, Cells, Class, Use};
use crate::column::{Column, Kind};
use crate::part::system;
use crate::search::{Hit, Sort, SortBy};

/// One level of an order.
struct Level {
    sort: Sort,
    bound: Option<Bound>,
}

/// An order of rows.
struct Orders(Vec<Level>);

/// The values that rows of a block are put in order by: of each level, and the order of arrival.
type Rows<'a> = (Vec<Option<Cells<'a>>>, Option<Arc<Column>>);

impl Orders {
    fn new(sort: &[Sort], agg: &'static str, build: &Build<'_>) -> Result<Self, AggError> {
        let mut levels = Vec::new();
        for sort in sort {
            let bound = match &sort.by {
                SortBy::Score | SortBy::Doc => None,
                SortBy::Field(field) => Some(Bound::new(
                    build.targets,
                    &Source::field(field.as_str()),
                    Use::any(agg, build.now_ns),
                )?),
            };
            levels.push(Level { sort: sort.clone(), bound });
        }
        Ok(Self(levels))
    }

    fn cells(&self, cx: &Cx<'_>) -> Result<Rows<'_>, AggError> {
        let mut all = Vec::new();
        for level in &self.0 {
            all.push(match &level.bound {
                None => None,
                Some(bound) => Some(bound.cells(cx.target, cx.block)?),
            });
        }
        Ok((all, cx.block.column(system::SEQ, Kind::Int)?))
    }

    /// The row's place in the order.
    fn keys(&self, (cells, seq): &Rows<'_>, cx: &Cx<'_>, row: usize) -> Vec<Option<Key>> {
        let mut keys = Vec::with_capacity(self.0.len());
        for (level, cells) in self.0.iter().zip(cells) {
            keys.push(match (&level.sort.by, cells) {
                (SortBy::Score, _) => {
                    let score = cx.scores.and_then(|scores| scores.get(row)).copied();
                    Some(Key::Float(f64::from(score.unwrap_or(1.0))))
                }
                (SortBy::Field(_), Some(cells)) => level.of_field(cells, row),
                (SortBy::Doc | SortBy::Field(_), _) => None,
            });
        }
        let place = seq.as_ref().and_then(|seq| seq.int(row));
        keys.push(place.map(Key::Int));
        keys
    }

    fn compare(&self, a: &[Option<Key>], b: &[Option<Key>]) -> Ordering {
        for ((a, b), level) in a.iter().zip(b).zip(&self.0) {
            let first = level.sort.missing == crate::search::Missing::First;
            let ordering = match (a, b) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) if first => return Ordering::Less,
                (None, Some(_)) => return Ordering::Greater,
                (Some(_), None) if first => return Ordering::Greater,
                (Some(_), None) => return Ordering::Less,
                (Some(a), Some(b)) => {
                    let class = level.bound.as_ref().and_then(|bound| bound.class);
                    super::terms::compare(class, a, b)
                }
            };
            let ordering = if level.sort.descending { ordering.reverse() } else { ordering };
            if ordering.is_ne() {
                return ordering;
            }
        }
        a.last().cmp(&b.last())
    }

    fn json(&self, keys: &[Option<Key>]) -> Vec<Value> {
        keys.iter()
            .zip(&self.0)
            .map(|(key, level)| match (key, &level.bound) {
                (Some(key), Some(bound)) => bound.show.json(key),
                (Some(key), None) => super::show::float(key.number()),
                (None, Some(bound)) if bound.class.is_some_and(Class::is_number) => {
                    let first = level.sort.missing == crate::search::Missing::First;
                    let low = first != level.sort.descending;
                    Value::from(if low { i64::MIN } else { i64::MAX })
                }
                (None, _) => Value::Null,
            })
            .collect()
    }
}

impl Level {
    /// Of several values the smallest going up and the largest going down.
    fn of_field(&self, cells: &Cells<'_>, row: usize) -> Option<Key> {
        let high = match self.sort.mode {
            None => self.sort.descending,
            Some(mode) => mode == crate::search::Mode::Max,
        };
        let mut best: Option<Key> = None;
        let mut offer = |key: Key| {
            let better = best.as_ref().is_none_or(|have| (key > *have) == high && key != *have);
            if better {
                best = Some(key);
            }
        };
        let class = self.bound.as_ref().and_then(|bound| bound.class);
        if class.is_some_and(Class::is_number) && class != Some(Class::Float) {
            let mut values = Vec::new();
            cells.ints(row, &mut values);
            values.into_iter().for_each(|value| offer(Key::Int(value)));
        } else if class == Some(Class::Float) {
            let mut values = Vec::new();
            cells.numbers(row, &mut values);
            values.into_iter().for_each(|value| offer(Key::Float(value)));
        } else {
            cells.texts(row, |text| offer(Key::Text(text.into())));
        }
        best
    }
}

/// The best `size` of what it is offered, by a comparison.
struct Best<T> {
    rows: Vec<(Vec<Option<Key>>, T)>,
    seen: u64,
}

impl<T> Best<T> {
    fn offer(
        &mut self,
        orders: &Orders,
        size: usize,
        keys: Vec<Option<Key>>,
        make: impl FnOnce() -> T,
    ) {
        self.seen += 1;
        let at = self.rows.partition_point(|(have, _)| orders.compare(have, &keys).is_le());
        if at < size {
            self.rows.insert(at, (keys, make()));
            self.rows.truncate(size);
        }
    }
}

/// `top_hits`.
pub(super) struct TopRows {
    ask: Box<ast::TopHits>,
    orders: Orders,
    best: HashMap<u32, Best<Hit>>,
}

/// Most rows of one bucket (`index.max_inner_result_window`).
pub const TOP_MAX: usize = 100;

impl TopRows {
    pub(super) fn new(ask: &ast::TopHits, build: &Build<'_>) -> Result<Self, AggError> {
        if ask.from.saturating_add(ask.size) > TOP_MAX {
            return Err(AggError::Illegal(format!(
                "Top hits result window is too large, the top hits aggregator [top_hits]'s from + size must be less than or equal to: [{TOP_MAX}] but was [{}]. This limit can be set by changing the [index.max_inner_result_window] index level setting.",
                ask.from.saturating_add(ask.size)
            )));
        }
        let score = [Sort::by(SortBy::Score, true)];
        let sort = if ask.sort.is_empty() { &score[..] } else { &ask.sort };
        let orders = Orders::new(sort, "top_hits", build)?;
        Ok(Self { ask: Box::new(ask.clone()), orders, best: HashMap::new() })
    }
}

impl Node for TopRows {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.orders.cells(cx)?;
        let wanted = self.ask.from + self.ask.size;
        for (row, owner) in batch.iter() {
            let at = row as usize;
            let keys = self.orders.keys(&cells, cx, at);
            let by_score = self.ask.sort.is_empty();
            let score = cx.scores.and_then(|scores| scores.get(at)).copied();
            let best = self.best.entry(owner).or_insert_with(|| Best { rows: Vec::new(), seen: 0 });
            best.offer(&self.orders, wanted, keys, || Hit {
                target: cx.target,
                view: cx.view_at,
                block_at: cx.block_at,
                row: at,
                block: Arc::clone(cx.block),
                score: by_score.then(|| score.unwrap_or(1.0)),
                sort: Vec::new(),
                matched: Vec::new(),
                collapsed: None,
            });
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32, _: &mut Finish<'_>) -> Result<Body, AggError> {
        let best = self.best.remove(&owner).unwrap_or_else(|| Best { rows: Vec::new(), seen: 0 });
        let mut hits = Vec::new();
        let mut max_score: Option<f32> = None;
        for (keys, mut hit) in best.rows {
            max_score = hit
                .score
                .map(|score| max_score.map_or(score, |have| have.max(score)))
                .or(max_score);
            if !self.ask.sort.is_empty() {
                hit.sort = self.orders.json(&keys);
            }
            hits.push(hit);
        }
        let hits = hits.into_iter().skip(self.ask.from).collect();
        Ok(Body::TopHits { total: best.seen, max_score, hits, options: self.ask.clone() })
    }

    fn type_name(&self) -> &'static str {
        "top_hits"
    }

    fn bytes(&self) -> u64 {
        let rows: usize = self.best.values().map(|best| best.rows.len() * 256 + 64).sum();
        u64::try_from(rows).unwrap_or(u64::MAX)
    }
}

/// `top_metrics`.
pub(super) struct TopMetrics {
    metrics: Vec<Bound>,
    orders: Orders,
    size: usize,
    best: HashMap<u32, Best<Vec<(String, Value)>>>,
}

impl TopMetrics {
    pub(super) fn new(
        metrics: &[String],
        sort: &Sort,
        size: usize,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let mut bounds = Vec::new();
        for metric in metrics {
            let of = Use::any("top_metrics", build.now_ns);
            bounds.push(Bound::new(build.targets, &Source::field(metric.as_str()), of)?);
        }
        let orders = Orders::new(std::slice::from_ref(sort), "top_metrics", build)?;
        Ok(Self { metrics: bounds, orders, size, best: HashMap::new() })
    }
}

/// The first value of a row.
fn first(bound: &Bound, cells: &Cells<'_>, row: usize) -> Value {
    let level = Level { sort: Sort::by(SortBy::Doc, false), bound: Some(bound.clone()) };
    match level.of_field(cells, row) {
        None => Value::Null,
        Some(key) => match bound.show.text(&key) {
            Some(text) if bound.class.is_some_and(Class::is_date) => text.into(),
            Some(_) | None => bound.show.json(&key),
        },
    }
}

impl Node for TopMetrics {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.orders.cells(cx)?;
        let mut all = Vec::new();
        for bound in &self.metrics {
            all.push(bound.cells(cx.target, cx.block)?);
        }
        for (row, owner) in batch.iter() {
            let at = row as usize;
            let keys = self.orders.keys(&cells, cx, at);
            if keys[..keys.len() - 1].iter().all(Option::is_none) {
                continue;
            }
            let best = self.best.entry(owner).or_insert_with(|| Best { rows: Vec::new(), seen: 0 });
            best.offer(&self.orders, self.size, keys, || {
                let named = self.metrics.iter().zip(&all);
                named.map(|(bound, cells)| (bound.field.clone(), first(bound, cells, at))).collect()
            });
        }
        Ok(())
    }

    fn finish(&mut self, owner: u32, _: &mut Finish<'_>) -> Result<Body, AggError> {
        let rows = self.best.remove(&owner).map(|best| best.rows).unwrap_or_default();
        Ok(Body::TopMetrics(
            rows.into_iter().map(|(keys, metrics)| (self.orders.json(&keys), metrics)).collect(),
        ))
    }

    fn type_name(&self) -> &'static str {
        "top_metrics"
    }

    fn bytes(&self) -> u64 {
        let rows: usize = self.best.values().map(|best| best.rows.len() * 128 + 64).sum();
        u64::try_from(rows).unwrap_or(u64::MAX)
    }
}
