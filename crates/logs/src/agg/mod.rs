//! Aggregations: a tree of buckets and numbers over the rows that a search matches.
//!
//! Rows come in block by block; each node of the tree takes them with the bucket that they are in, gives its own buckets small numbers, and hands
//! them down. Values are grouped as numbers: the words of a dictionary are looked up once, not once for each row. Answers are made at the
//! end, from the top, so that only what is shown is computed. What is held is bounded ([`Limits`]).

pub mod ast;
mod bucket;
mod composite;
mod error;
pub mod expr;
mod geo;
mod histogram;
mod intern;
mod metric;
mod nested;
mod node;
mod pipeline;
mod range;
pub mod result;
mod round;
mod show;
mod significant;
mod tdigest;
mod terms;
#[cfg(test)]
mod tests;
mod top;
mod values;

pub use error::AggError;
pub use node::{BUCKETS_MAX, DEPTH_MAX, Matcher};
pub use result::Answers;
pub use round::{Rounding, Unit};
pub use show::{Decimal, Key, Show, f64_to_int};
pub use top::TOP_MAX;
pub use values::text_refusal;

use crate::search::{self, Matched, SearchError, Target};

/// What aggregations may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub buckets_max: usize,
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { buckets_max: BUCKETS_MAX, bytes_max: 512 * 1024 * 1024 }
    }
}

/// Aggregations while rows come in.
pub struct Aggregator<'a> {
    level: node::Level,
    targets: &'a [Target],
    matcher: &'a dyn Matcher,
    limits: Limits,
    scores: bool,
    /// Why the search was ended, if it was.
    failed: Option<AggError>,
}

impl std::fmt::Debug for Aggregator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aggregator").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<'a> Aggregator<'a> {
    /// Binds `aggs` to the indices of a search. `now_ns` is now, in nanoseconds since 1970.
    ///
    /// # Errors
    /// Aggregations that make no sense for the indices' fields.
    pub fn new(
        targets: &'a [Target],
        aggs: &ast::Aggs,
        matcher: &'a dyn Matcher,
        limits: Limits,
        now_ns: i128,
    ) -> Result<Self, AggError> {
        let build = node::Build { targets, now_ns, depth: 0, name: "", rounding: None };
        let level = node::Level::new(aggs, &build)?;
        let scores = wants_scores(aggs);
        Ok(Self { level, targets, matcher, limits, scores, failed: None })
    }

    fn take(&mut self, matched: &Matched<'_>) -> Result<(), AggError> {
        let cx = node::Cx {
            target: matched.target,
            view: matched.view,
            view_at: matched.view_at,
            block: matched.block,
            block_at: matched.block_at,
            scores: matched.scores,
            matcher: self.matcher,
            parent: None,
        };
        let mut batch = node::Batch::default();
        for row in matched.rows.iter() {
            batch.push(u32::try_from(row).unwrap_or(u32::MAX), 0);
        }
        self.level.collect(&cx, &batch)?;
        intern::Bound { bytes_max: self.limits.bytes_max }.check(self.level.bytes())
    }

    /// Why [`search::Collector::collect`] ended the search, if it did.
    pub fn failure(&mut self) -> Option<AggError> {
        self.failed.take()
    }

    /// The answers.
    ///
    /// # Errors
    /// Too many buckets, too much memory, a block that cannot be read, paths that lead nowhere.
    pub fn finish(mut self) -> Result<Answers, AggError> {
        if self.level.wants_everything() {
            self.everything()?;
        }
        let mut finish = node::Finish {
            matcher: self.matcher,
            buckets: 0,
            buckets_max: self.limits.buckets_max,
        };
        self.level.finish(0, &mut finish)
    }

    /// Shows all rows, matched or not, to the nodes that want them.
    fn everything(&mut self) -> Result<(), AggError> {
        for (target, of) in self.targets.iter().enumerate() {
            for (view_at, view) in of.views.iter().enumerate() {
                for block_at in 0..view.part.block_count() {
                    let block = view.part.block(block_at)?;
                    let live = view.live(block_at, block.rows());
                    let cx = node::Cx {
                        target,
                        view,
                        view_at,
                        block: &block,
                        block_at,
                        scores: None,
                        matcher: self.matcher,
                        parent: None,
                    };
                    self.level.everything(&cx, &live)?;
                }
            }
            intern::Bound { bytes_max: self.limits.bytes_max }.check(self.level.bytes())?;
        }
        Ok(())
    }
}

/// The values of a field, as documents' columns have them: `docvalue_fields`.
#[derive(Debug)]
pub struct DocValues(Vec<values::Bound>);

impl DocValues {
    /// Binds `field` to each of the indices of a search; `format` is a date's or a number's.
    ///
    /// # Errors
    /// A field whose values are not kept in columns, a format that is none.
    pub fn new(
        targets: &[Target],
        field: &str,
        format: Option<&str>,
        now_ns: i128,
    ) -> Result<Self, AggError> {
        let mut source = ast::Source::field(field);
        source.format = format.map(str::to_owned);
        let any = values::Use::any("docvalue_fields", now_ns);
        let mut bounds = Vec::new();
        for target in targets {
            let target = std::slice::from_ref(target);
            let bound = values::Bound::new(target, &source, any);
            let bound = bound.or_else(|error| {
                let geo = values::Use { geo: true, ..any };
                values::Bound::new(target, &source, geo).map_err(|_| error)
            });
            bounds.push(bound?);
        }
        Ok(Self(bounds))
    }

    /// The values of a row: dates as texts, booleans as booleans.
    ///
    /// # Errors
    /// Damage.
    pub fn of(
        &self,
        target: usize,
        block: &std::sync::Arc<dyn crate::part::Block>,
        row: usize,
    ) -> Result<Vec<serde_json::Value>, crate::part::ReadError> {
        self.0[target].json(0, block, row)
    }
}

fn wants_scores(aggs: &ast::Aggs) -> bool {
    aggs.iter().any(|(_, agg)| {
        let by_score = |sort: &search::Sort| sort.by == search::SortBy::Score;
        let here = if let ast::Kind::TopHits(top) = &agg.kind {
            top.sort.is_empty() || top.sort.iter().any(by_score)
        } else if let ast::Kind::Metric(ast::Metric::TopMetrics { sort, .. }) = &agg.kind {
            by_score(sort)
        } else {
            false
        };
        here || wants_scores(&agg.subs)
    })
}

impl search::Collector for Aggregator<'_> {
    fn wants_scores(&self) -> bool {
        self.scores
    }

    fn collect(&mut self, matched: &Matched<'_>) -> Result<(), SearchError> {
        self.take(matched).map_err(|error| {
            let text = error.to_string();
            self.failed = Some(error);
            SearchError::Collector(text)
        })
    }
}
