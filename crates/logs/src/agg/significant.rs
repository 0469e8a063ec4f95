//! Buckets of values that are more frequent in what was found than elsewhere.

use serde_json::{Map, Value};

use super::ast::{self, Heuristic};
use super::bucket::Counts;
use super::error::AggError;
use super::intern::{Grouped, Interner};
use super::node::{Batch, Build, Cx, Finish, Level, Node};
use super::result::{Body, Bucket, Buckets, Shown};
use super::show::{count_to_f64, float};
use super::terms::{Gate, compare};
use super::values::{Bound, Class, Use};
use crate::bits::Bits;

/// `significant_terms`.
pub(super) struct Significant {
    ask: ast::SignificantTerms,
    bound: Bound,
    gate: Gate,
    interner: Interner,
    grouped: Grouped,
    /// Rows of each bucket above.
    rows: Counts,
    /// Rows of the background with each value, and all of them.
    background: Vec<u64>,
    background_rows: u64,
    subs: Level,
}

impl Significant {
    pub(super) fn new(
        ask: &ast::SignificantTerms,
        subs: Level,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let of = Use::any("significant_terms", build.now_ns);
        let bound = Bound::new(build.targets, &ask.source, of)?;
        let filters = (ask.include.as_ref(), ask.exclude.as_ref());
        let gate = Gate::new(&bound, build.name, filters, build.now_ns)?;
        Ok(Self {
            ask: ask.clone(),
            bound,
            gate,
            interner: Interner::default(),
            grouped: Grouped::default(),
            rows: Counts::default(),
            background: Vec::new(),
            background_rows: 0,
            subs,
        })
    }

    fn score(&self, (here, rows): (u64, u64), (there, all): (u64, u64)) -> f64 {
        let [a, n, b, m] = [here, rows, there.max(1), all.max(1)].map(count_to_f64);
        if n == 0.0 {
            return 0.0;
        }
        let (here, there) = (a / n, b / m);
        match self.ask.heuristic {
            Heuristic::Percentage => a / b,
            Heuristic::Jlh if here <= there => 0.0,
            Heuristic::Jlh => (here - there) * (here / there),
            Heuristic::ChiSquare { include_negatives, background_is_superset } => {
                if !include_negatives && here < there {
                    return f64::NEG_INFINITY;
                }
                let (n01, n0) = if background_is_superset { (b - a, m - n) } else { (b, m) };
                let (n10, n00) = (n - a, n0 - n01);
                let total = a + n01 + n10 + n00;
                let below = (a + n01) * (a + n10) * (n00 + n01) * (n00 + n10);
                if below == 0.0 { 0.0 } else { total * (a * n00 - n01 * n10).powi(2) / below }
            }
            Heuristic::MutualInformation { include_negatives, background_is_superset } => {
                if !include_negatives && here < there {
                    return f64::NEG_INFINITY;
                }
                let (n01, n0) = if background_is_superset { (b - a, m - n) } else { (b, m) };
                let (n10, n00) = (n - a, n0 - n01);
                let total = a + n01 + n10 + n00;
                let part = |x: f64, row: f64, column: f64| {
                    if x <= 0.0 { 0.0 } else { x / total * (total * x / (row * column)).log2() }
                };
                part(a, a + n10, a + n01)
                    + part(n01, n01 + n00, a + n01)
                    + part(n10, a + n10, n10 + n00)
                    + part(n00, n01 + n00, n10 + n00)
            }
            Heuristic::Gnd { background_is_superset } => {
                let (fx, fy, fxy) = if background_is_superset { (n, b, a) } else { (n, b + a, a) };
                let total = if background_is_superset { m } else { m + n };
                let distance = (fx.max(fy).ln() - fxy.ln()) / (total.ln() - fx.min(fy).ln());
                (-distance).exp()
            }
        }
    }
}

impl Node for Significant {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        let (mut below, mut keys) = (Batch::default(), Vec::new());
        for (row, owner) in batch.iter() {
            self.rows.add(owner);
            cells.keys(row as usize, &mut self.interner, &mut keys);
            for key in &keys {
                if self.gate.lets(*key, &self.interner) {
                    let bucket = self.grouped.bucket(owner, *key);
                    self.grouped.counts[bucket as usize] += 1;
                    below.push(row, bucket);
                }
            }
        }
        self.subs.collect(cx, &below)
    }

    fn wants_everything(&self) -> bool {
        true
    }

    fn everything(&mut self, cx: &Cx<'_>, live: &Bits) -> Result<(), AggError> {
        let mut rows = live.clone();
        if let Some(filter) = self.ask.background {
            rows.and(&cx.matcher.rows(filter, cx.target, cx.view, cx.block)?);
        }
        self.background_rows += u64::try_from(rows.count()).unwrap_or(0);
        let cells = self.bound.cells(cx.target, cx.block)?;
        let mut keys = Vec::new();
        for row in rows.iter() {
            cells.keys(row, &mut self.interner, &mut keys);
            for key in &keys {
                let at = *key as usize;
                if self.background.len() <= at {
                    self.background.resize(at + 1, 0);
                }
                self.background[at] += 1;
            }
        }
        self.subs.everything(cx, live)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        let rows = self.rows.of(owner);
        let mut found = Vec::new();
        for bucket in self.grouped.of_owner(owner) {
            let (count, id) =
                (self.grouped.counts[bucket as usize], self.grouped.of[bucket as usize].1);
            let there = self.background.get(id as usize).copied().unwrap_or(0);
            let score = self.score((count, rows), (there, self.background_rows));
            if score > 0.0 && count >= self.ask.min_doc_count {
                found.push((bucket, score, count, there));
            }
        }
        let (of, keys) = (&self.grouped.of, &self.interner.keys);
        let key = |bucket: u32| &keys[of[bucket as usize].1 as usize];
        let class = self.bound.class;
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| compare(class, key(a.0), key(b.0))));
        found.truncate(self.ask.size);
        finish.count(found.len())?;
        let mut list = Vec::with_capacity(found.len());
        for (bucket, score, count, there) in found {
            let mut head = Map::new();
            head.insert("key".to_owned(), self.bound.show.json(key(bucket)));
            if let Some(text) = self.bound.show.text(key(bucket)) {
                head.insert("key_as_string".to_owned(), text.into());
            }
            let mut tail = Map::new();
            tail.insert("score".to_owned(), float(score));
            tail.insert("bg_count".to_owned(), there.into());
            let name = self.bound.show.word(key(bucket));
            let subs = self.subs.finish(bucket, finish)?;
            list.push(Bucket { name, head, doc_count: count, tail, subs, at: None });
        }
        self.subs.along(&mut list)?;
        let mut head = Map::new();
        head.insert("doc_count".to_owned(), rows.into());
        head.insert("bg_count".to_owned(), Value::from(self.background_rows));
        Ok(Body::Buckets(Buckets { shown: Shown::List, head, list, tail: Map::new() }))
    }

    fn type_name(&self) -> &'static str {
        match self.bound.class {
            None | Some(Class::Text | Class::Ip | Class::Geo) => "sigsterms",
            Some(_) => "siglterms",
        }
    }

    fn bytes(&self) -> u64 {
        let background = u64::try_from(self.background.len() * 8).unwrap_or(u64::MAX);
        self.interner.bytes + self.grouped.bytes() + background + self.subs.bytes()
    }
}
