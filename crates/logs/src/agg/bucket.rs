//! Buckets that need no values: filters, missing, global, samplers.

use std::sync::Arc;

use serde_json::Map;

use super::ast;
use super::error::AggError;
use super::node::{Batch, Build, Cx, Finish, Level, Node};
use super::result::{Body, Bucket, Buckets, Shown};
use super::values::{Bound, Use};
use crate::bits::Bits;

/// Counts for each bucket above.
#[derive(Debug, Default)]
pub(super) struct Counts(Vec<u64>);

impl Counts {
    pub(super) fn add(&mut self, at: u32) {
        let at = at as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] += 1;
    }

    pub(super) fn of(&self, at: u32) -> u64 {
        self.0.get(at as usize).copied().unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.0.len() * 8).unwrap_or(u64::MAX)
    }
}

enum Which {
    Filter(usize),
    Missing(Box<Bound>),
    Sampler(u64),
}

/// One bucket of some of the rows.
pub(super) struct Single {
    which: Which,
    counts: Counts,
    subs: Level,
}

impl Single {
    pub(super) fn filter(filter: usize, subs: Level) -> Self {
        Self { which: Which::Filter(filter), counts: Counts::default(), subs }
    }

    pub(super) fn sampler(size: usize, subs: Level) -> Self {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        Self { which: Which::Sampler(size), counts: Counts::default(), subs }
    }

    pub(super) fn missing(
        source: &ast::Source,
        subs: Level,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let bound = Bound::new(build.targets, source, Use::any("missing", build.now_ns))?;
        Ok(Self { which: Which::Missing(Box::new(bound)), counts: Counts::default(), subs })
    }
}

impl Node for Single {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let mut below = Batch::default();
        match &self.which {
            Which::Filter(filter) => {
                let rows = cx.matcher.rows(*filter, cx.target, cx.view, cx.block)?;
                for (row, owner) in batch.iter().filter(|(row, _)| rows.has(*row as usize)) {
                    self.counts.add(owner);
                    below.push(row, owner);
                }
            }
            Which::Missing(bound) => {
                let cells = bound.cells(cx.target, cx.block)?;
                for (row, owner) in batch.iter().filter(|(row, _)| !cells.has(*row as usize)) {
                    self.counts.add(owner);
                    below.push(row, owner);
                }
            }
            Which::Sampler(size) => {
                for (row, owner) in batch.iter() {
                    if self.counts.of(owner) < *size {
                        self.counts.add(owner);
                        below.push(row, owner);
                    }
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
        finish.count(1)?;
        let subs = self.subs.finish(owner, finish)?;
        Ok(Body::Single { doc_count: self.counts.of(owner), subs })
    }

    fn type_name(&self) -> &'static str {
        match self.which {
            Which::Filter(_) => "filter",
            Which::Missing(_) => "missing",
            Which::Sampler(_) => "sampler",
        }
    }

    fn bytes(&self) -> u64 {
        self.counts.bytes() + self.subs.bytes()
    }
}

/// Every row, the query aside.
pub(super) struct Global {
    count: u64,
    subs: Level,
}

impl Global {
    pub(super) fn new(subs: Level) -> Self {
        Self { count: 0, subs }
    }
}

impl Node for Global {
    fn collect(&mut self, _: &Cx<'_>, _: &Batch) -> Result<(), AggError> {
        Ok(())
    }

    fn wants_everything(&self) -> bool {
        true
    }

    fn everything(&mut self, cx: &Cx<'_>, live: &Bits) -> Result<(), AggError> {
        let mut batch = Batch::default();
        for row in live.iter() {
            self.count += 1;
            batch.push(u32::try_from(row).unwrap_or(u32::MAX), 0);
        }
        self.subs.collect(cx, &batch)?;
        self.subs.everything(cx, live)
    }

    fn finish(&mut self, _: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        finish.count(1)?;
        Ok(Body::Single { doc_count: self.count, subs: self.subs.finish(0, finish)? })
    }

    fn type_name(&self) -> &'static str {
        "global"
    }

    fn bytes(&self) -> u64 {
        self.subs.bytes()
    }
}

/// A bucket for each of several queries.
pub(super) struct Filters {
    filters: Arc<ast::Filters>,
    /// Buckets for each bucket above.
    width: u32,
    counts: Counts,
    subs: Level,
}

impl Filters {
    pub(super) fn new(filters: &ast::Filters, subs: Level) -> Self {
        let width = filters.filters.len() + usize::from(filters.other.is_some());
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        Self { filters: Arc::new(filters.clone()), width, counts: Counts::default(), subs }
    }
}

impl Node for Filters {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let mut all = Vec::new();
        for (_, filter) in &self.filters.filters {
            all.push(cx.matcher.rows(*filter, cx.target, cx.view, cx.block)?);
        }
        let mut below = Batch::default();
        for (row, owner) in batch.iter() {
            let first = owner.saturating_mul(self.width);
            let mut any = false;
            for (at, rows) in (0..).zip(&all) {
                if rows.has(row as usize) {
                    any = true;
                    self.counts.add(first + at);
                    below.push(row, first + at);
                }
            }
            if !any && self.filters.other.is_some() {
                self.counts.add(first + self.width - 1);
                below.push(row, first + self.width - 1);
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
        let mut list = Vec::new();
        let first = owner.saturating_mul(self.width);
        let filters = Arc::clone(&self.filters);
        let names = filters
            .filters
            .iter()
            .map(|(name, _)| name.as_deref())
            .chain(filters.other.iter().map(|name| Some(name.as_str())));
        for (at, name) in (0..).map(|at| first.saturating_add(at)).zip(names) {
            finish.count(1)?;
            list.push(Bucket {
                name: name.unwrap_or_default().to_owned(),
                doc_count: self.counts.of(at),
                subs: self.subs.finish(at, finish)?,
                ..Bucket::default()
            });
        }
        self.subs.along(&mut list)?;
        let shown = if filters.keyed { Shown::Keyed } else { Shown::List };
        Ok(Body::Buckets(Buckets { shown, head: Map::new(), list, tail: Map::new() }))
    }

    fn type_name(&self) -> &'static str {
        "filters"
    }

    fn bytes(&self) -> u64 {
        self.counts.bytes() + self.subs.bytes()
    }
}
