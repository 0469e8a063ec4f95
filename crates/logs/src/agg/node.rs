//! The tree of aggregations while rows come in: each node takes rows with the bucket (of the node above) that they belong to.

use std::sync::Arc;

use serde_json::Value;

use super::ast::{Agg, Aggs, Kind, Pipeline};
use super::error::AggError;
use super::pipeline;
use super::result::{Answer, Answers, Body, Bucket};
use crate::bits::Bits;
use crate::part::{Block, View};
use crate::search::{SearchError, Target};

/// Most buckets of an answer (`search.max_buckets`).
pub const BUCKETS_MAX: usize = 65_536;
/// Deepest aggregation in an aggregation.
pub const DEPTH_MAX: usize = 32;

/// Finds the rows that a filter of the request matches.
pub trait Matcher {
    /// The rows of `block`, which is one of `view` of the index `target` (or of nested objects of one), that filter `filter` matches; deleted ones
    /// perhaps included.
    ///
    /// # Errors
    /// As a search.
    fn rows(
        &self,
        filter: usize,
        target: usize,
        view: &View,
        block: &Arc<dyn Block>,
    ) -> Result<Bits, SearchError>;
}

/// The block that rows are of.
pub(super) struct Cx<'a> {
    pub(super) target: usize,
    pub(super) view: &'a View,
    pub(super) view_at: usize,
    pub(super) block: &'a Arc<dyn Block>,
    pub(super) block_at: usize,
    pub(super) scores: Option<&'a [f32]>,
    pub(super) matcher: &'a dyn Matcher,
    /// In a block of nested objects: the block of their documents, and each object's row there.
    pub(super) parent: Option<(&'a Cx<'a>, &'a [u32])>,
}

/// Rows of a block, ascending, and for each the bucket above that it is in. A row that is in several buckets is there several times.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<u32>,
    pub(super) owners: Vec<u32>,
}

impl Batch {
    pub(super) fn push(&mut self, row: u32, owner: u32) {
        self.rows.push(row);
        self.owners.push(owner);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.rows.iter().copied().zip(self.owners.iter().copied())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// What is shared while answers are made.
pub(super) struct Finish<'a> {
    pub(super) matcher: &'a dyn Matcher,
    pub(super) buckets: usize,
    pub(super) buckets_max: usize,
}

impl Finish<'_> {
    /// Counts buckets of the answer.
    pub(super) fn count(&mut self, buckets: usize) -> Result<(), AggError> {
        self.buckets = self.buckets.saturating_add(buckets);
        if self.buckets > self.buckets_max {
            return Err(AggError::TooManyBuckets(self.buckets_max));
        }
        Ok(())
    }
}

/// One aggregation while rows come in.
pub(super) trait Node: Send {
    /// Takes the rows of a block.
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError>;
    /// Whether [`Node::everything`] is wanted, by it or below it.
    fn wants_everything(&self) -> bool {
        false
    }
    /// Takes all rows of a block that are there, the query aside.
    fn everything(&mut self, _cx: &Cx<'_>, _live: &Bits) -> Result<(), AggError> {
        Ok(())
    }
    /// The answer for one bucket above.
    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError>;
    fn type_name(&self) -> &'static str;
    /// About how many bytes it holds, with everything below.
    fn bytes(&self) -> u64;
}

/// The owner that stands for a bucket without rows: one that only fills a gap.
pub(super) const NO_ROWS: u32 = u32::MAX;

/// Aggregations beside one another.
#[derive(Default)]
pub(super) struct Level {
    nodes: Vec<(String, Option<Value>, Box<dyn Node>)>,
    pipelines: Vec<(String, Option<Value>, Pipeline)>,
}

/// What nodes are made from.
pub(super) struct Build<'a> {
    pub(super) targets: &'a [Target],
    pub(super) now_ns: i128,
    pub(super) depth: usize,
    /// What the aggregation is called.
    pub(super) name: &'a str,
    /// The rounding of the histogram above, for rates.
    pub(super) rounding: Option<&'a super::round::Rounding>,
}

impl Level {
    pub(super) fn new(aggs: &Aggs, build: &Build<'_>) -> Result<Self, AggError> {
        if build.depth > DEPTH_MAX {
            return Err(AggError::Illegal(format!(
                "aggregations are nested deeper than {DEPTH_MAX}"
            )));
        }
        let mut level = Self::default();
        for (name, agg) in aggs {
            if let Kind::Pipeline(pipeline) = &agg.kind {
                level.pipelines.push((name.clone(), agg.meta.clone(), pipeline.clone()));
            } else {
                let node = node(agg, &Build { name, ..*build })?;
                level.nodes.push((name.clone(), agg.meta.clone(), node));
            }
        }
        Ok(level)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(super) fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.nodes.iter_mut().try_for_each(|(.., node)| node.collect(cx, batch))
    }

    pub(super) fn wants_everything(&self) -> bool {
        self.nodes.iter().any(|(.., node)| node.wants_everything())
    }

    pub(super) fn everything(&mut self, cx: &Cx<'_>, live: &Bits) -> Result<(), AggError> {
        self.nodes
            .iter_mut()
            .filter(|(.., node)| node.wants_everything())
            .try_for_each(|(.., node)| node.everything(cx, live))
    }

    /// The answers for one bucket above, with the pipelines over their buckets.
    pub(super) fn finish(
        &mut self,
        owner: u32,
        finish: &mut Finish<'_>,
    ) -> Result<Answers, AggError> {
        let mut answers = Vec::with_capacity(self.nodes.len());
        for (name, meta, node) in &mut self.nodes {
            let body = node.finish(owner, finish)?;
            answers.push(Answer {
                name: name.clone(),
                type_name: node.type_name(),
                meta: meta.clone(),
                body,
            });
        }
        pipeline::beside(&self.pipelines, &mut answers)?;
        Ok(answers)
    }

    /// Runs the pipelines that look along `buckets`, whose answers [`Level::finish`] made.
    pub(super) fn along(&self, buckets: &mut Vec<Bucket>) -> Result<(), AggError> {
        pipeline::along(&self.pipelines, buckets)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.nodes.iter().map(|(.., node)| node.bytes()).sum()
    }
}

/// The node of one aggregation.
fn node(agg: &Agg, build: &Build<'_>) -> Result<Box<dyn Node>, AggError> {
    use super::{bucket, composite, histogram, metric, range, terms, top};
    let below = Build {
        targets: build.targets,
        now_ns: build.now_ns,
        depth: build.depth + 1,
        name: build.name,
        rounding: if let Kind::DateHistogram(histogram) = &agg.kind {
            Some(&histogram.rounding)
        } else {
            build.rounding
        },
    };
    let subs = Level::new(&agg.subs, &below)?;
    Ok(match &agg.kind {
        Kind::Terms(terms) => Box::new(terms::Terms::new(terms, subs, build)?),
        Kind::MultiTerms(terms) => Box::new(terms::Multi::new(terms, subs, build)?),
        Kind::RareTerms(rare) => Box::new(terms::Rare::new(rare, subs, build)?),
        Kind::SignificantTerms(terms) => {
            Box::new(super::significant::Significant::new(terms, subs, build)?)
        }
        Kind::Histogram(histogram) => Box::new(histogram::Numbers::new(histogram, subs, build)?),
        Kind::DateHistogram(histogram) => Box::new(histogram::Dates::new(histogram, subs, build)?),
        Kind::AutoDateHistogram(histogram) => {
            Box::new(histogram::Auto::new(histogram, subs, build)?)
        }
        Kind::Ranges(ranges) => Box::new(range::Ranges::new(ranges, subs, build)?),
        Kind::Filter(filter) => Box::new(bucket::Single::filter(*filter, subs)),
        Kind::Filters(filters) => Box::new(bucket::Filters::new(filters, subs)),
        Kind::Missing(source) => Box::new(bucket::Single::missing(source, subs, build)?),
        Kind::Global => Box::new(bucket::Global::new(subs)),
        Kind::Composite(composite) => Box::new(composite::Composite::new(composite, subs, build)?),
        Kind::Nested { path } => Box::new(super::nested::Nested::new(path, subs, build)),
        Kind::ReverseNested { .. } => Box::new(super::nested::Reverse::new(subs)),
        Kind::Sampler { size } => Box::new(bucket::Single::sampler(*size, subs)),
        Kind::Metric(metric) => metric::node(metric, build)?,
        Kind::TopHits(top) => Box::new(top::TopRows::new(top, build)?),
        Kind::Pipeline(_) => {
            return Err(AggError::Illegal("a pipeline has no rows of its own".to_owned()));
        }
    })
}
