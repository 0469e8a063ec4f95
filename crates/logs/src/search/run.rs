//! A search from its request to what it found.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::Value;

use super::bind::Binder;
use super::bm25::{Stats, varies};
use super::eval::{self, At, Eval, may_match};
use super::plan::{Clauses, Op, Plan};
use super::proven;
use super::request::{
    Collector, Failure, Found, Hit, Limits, Matched, Request, Slice, Sort, SortBy, Target, Total,
    Track,
};
use super::sort::{self, Key, Level, doc_key};
use super::{QueryError, SearchError};
use crate::bits::Bits;
use crate::column::Kind;
use crate::part::{Block, Part, View, system};
use crate::query::Query;

/// Tells when a search has to end.
#[derive(Debug)]
pub(super) struct Guard<'a> {
    limits: &'a Limits,
    pub(super) timed_out: bool,
}

impl Guard<'_> {
    /// Whether the time is over.
    pub(super) fn is_over(&mut self) -> Result<bool, SearchError> {
        if self.limits.cancel.as_ref().is_some_and(|cancel| cancel.load(Relaxed)) {
            return Err(SearchError::Cancelled);
        }
        if let Some(deadline) = self.limits.deadline {
            self.timed_out = self.timed_out || self.limits.clock.mono() >= deadline;
        }
        Ok(self.timed_out)
    }
}

/// A search bound to one index.
struct Bound<'a> {
    target: &'a Target,
    plan: Plan,
    post: Option<Plan>,
    levels: Vec<Level>,
    after: Option<Vec<Key>>,
    stats: Stats,
    eval: Eval,
}

/// A row among the best so far.
struct Candidate {
    keys: Vec<Key>,
    /// Its place in the order of arrival: the last level of every order.
    doc: i64,
    score: f32,
    target: usize,
    view: usize,
    block_at: usize,
    row: usize,
    block: Arc<dyn Block>,
    collapsed: Option<Value>,
}

/// Looks for the rows that `request` asks for.
///
/// # Errors
/// A query or sort that makes no sense for one of the targets; a limit; whatever the collector says.
pub fn run(
    targets: &[Target],
    request: &Request,
    limits: &Limits,
    collector: Option<&mut dyn Collector>,
) -> Result<Found, SearchError> {
    let mut search = Search::bind(targets, request, limits, collector)?;
    search.run()?;
    search.found()
}

struct Search<'a, 'c> {
    request: &'a Request,
    limits: &'a Limits,
    guard: Guard<'a>,
    bound: Vec<Bound<'a>>,
    collector: Option<&'c mut dyn Collector>,
    /// Hits need a score; all rows do.
    scored: bool,
    wanted: usize,
    /// The best so far, unordered; cut down to `wanted` when twice as many.
    best: Vec<Candidate>,
    /// Keys of the last wanted row, once there are enough.
    worst: Option<(Vec<Key>, i64)>,
    count: u64,
    seen: u64,
    max_score: Option<f32>,
    terminated: bool,
    failures: Vec<Failure>,
    held_bytes: u64,
}

fn query_error(target: &Target) -> impl Fn(QueryError) -> SearchError {
    let index = target.index.clone();
    move |error| SearchError::Query { index: index.clone(), error }
}

/// The plan of what a target lets through and a query asks for.
fn bind_query(
    target: &Target,
    query: &Query,
    limits: &Limits,
    leaves: &mut usize,
) -> Result<Plan, SearchError> {
    let error = query_error(target);
    let mut binder = Binder::new(target, limits.clock.now_ms(), limits.clauses_max);
    binder.leaves = *leaves;
    let mut plan = binder.bind(query).map_err(&error)?;
    if let Some(filter) = &target.filter {
        let filter = binder.bind(filter).map_err(&error)?;
        plan = Plan::of(Op::Bool(Clauses {
            must: vec![plan],
            filter: vec![filter],
            ..Clauses::default()
        }));
    }
    *leaves = binder.leaves;
    eval::order(&mut plan);
    Ok(plan)
}

impl<'a, 'c> Search<'a, 'c> {
    fn bind(
        targets: &'a [Target],
        request: &'a Request,
        limits: &'a Limits,
        collector: Option<&'c mut dyn Collector>,
    ) -> Result<Self, SearchError> {
        let by_score = [Sort::by(SortBy::Score, true)];
        let sorts = if request.sort.is_empty() { &by_score } else { request.sort.as_slice() };
        let mut guard = Guard { limits, timed_out: false };
        let mut bound = Vec::new();
        let wants_scores = request.track_scores
            || request.min_score.is_some()
            || collector.as_ref().is_some_and(|collector| collector.wants_scores())
            || sorts.iter().any(|sort| sort.by == SortBy::Score);
        for (place, target) in targets.iter().enumerate() {
            let mut leaves = 0;
            let plan = bind_query(target, &request.query, limits, &mut leaves)?;
            let post = match &request.post_filter {
                Some(query) => {
                    let bare = Target { filter: None, ..target.clone() };
                    Some(bind_query(&bare, query, limits, &mut leaves)?)
                }
                None => None,
            };
            let levels = sorts
                .iter()
                .map(|sort| Level::bind(sort, target, place))
                .collect::<Result<Vec<_>, _>>()?;
            let after = match &request.search_after {
                Some(values) => Some(after(values, &levels, target)?),
                None => None,
            };
            let stats = if wants_scores && (request.size > 0 || collector.is_some()) {
                Stats::count(&plan, target, &mut guard)?
            } else {
                Stats::default()
            };
            bound.push(Bound { target, plan, post, levels, after, stats, eval: Eval::default() });
        }
        Ok(Self {
            request,
            limits,
            guard,
            bound,
            collector,
            scored: wants_scores,
            wanted: request.from.saturating_add(request.size),
            best: Vec::new(),
            worst: None,
            count: 0,
            seen: 0,
            max_score: None,
            terminated: false,
            failures: Vec::new(),
            held_bytes: 0,
        })
    }

    /// Goes through all parts, those first whose rows come first when the order is by time.
    fn run(&mut self) -> Result<(), SearchError> {
        let mut parts = Vec::new();
        for (target, bound) in self.bound.iter().enumerate() {
            for view in 0..bound.target.views.len() {
                parts.push((target, view));
            }
        }
        if let Some(first) = self.bound.first().and_then(|bound| bound.levels.first())
            && first.time_bound()
        {
            let descending = first.descending;
            parts.sort_by_key(|(target, view)| {
                let times = self.bound[*target].target.views[*view].part.times();
                let (first, last) = times.unwrap_or((i64::MAX, i64::MIN));
                // Newest first has the greatest end in front.
                if descending { last.saturating_neg() } else { first }
            });
        }
        for (target, view) in parts {
            if self.is_done()? {
                break;
            }
            self.part(target, view)?;
        }
        Ok(())
    }

    fn is_done(&mut self) -> Result<bool, SearchError> {
        let limit = self.request.terminate_after;
        if limit.is_some_and(|limit| limit > 0 && self.seen >= limit) {
            self.terminated = true;
        }
        Ok(self.terminated || self.guard.is_over()?)
    }

    /// Whether all rows have to be looked at, whatever their place in the order.
    fn counts_all(&self) -> bool {
        self.collector.is_some()
            || match self.request.track_total {
                Track::Exactly => true,
                Track::UpTo(limit) => self.count <= limit,
                Track::No => false,
            }
    }

    /// Whether nothing but the number of rows that match is asked for.
    fn only_counts(&self, target: usize) -> bool {
        self.wanted == 0
            && self.collector.is_none()
            && self.bound[target].post.is_none()
            && self.request.slice.is_none()
            && self.request.min_score.is_none()
            && self.request.terminate_after.is_none()
    }

    /// Whether no row with a time within `times` can come among the best.
    fn is_beaten(&self, target: usize, times: Option<(i64, i64)>) -> bool {
        if self.wanted == 0 {
            return true;
        }
        let level = self.bound[target].levels.first();
        let (Some(level), Some(times), Some((worst, _))) = (level, times, &self.worst) else {
            return false;
        };
        level.time_bound()
            && self.request.collapse.is_none()
            && level.best_of_times(times).compare(&worst[0], level.descending) == Ordering::Greater
    }

    fn part(&mut self, target: usize, view_at: usize) -> Result<(), SearchError> {
        let bound_target = self.bound[target].target;
        let view = &bound_target.views[view_at];
        let part = view.part.as_ref();
        if !may_match(&self.bound[target].plan, part) {
            return Ok(());
        }
        if !self.counts_all() && self.is_beaten(target, part.times()) {
            return Ok(());
        }
        if self.only_counts(target)
            && let Some(count) = proven::count(&self.bound[target].plan, view)
        {
            self.count += count;
            self.seen += count;
            return Ok(());
        }
        self.bound[target].eval.start_part();
        for at in self.block_order(target, part) {
            if self.is_done()? {
                break;
            }
            let result = part.block(at).map_err(SearchError::from).and_then(|block| {
                if !self.counts_all() && self.is_beaten(target, Some(block.times())) {
                    return Ok(());
                }
                self.block((target, view_at), view, at, &block)
            });
            match result {
                Err(SearchError::Read(error)) => {
                    self.failures.push(Failure { index: bound_target.index.clone(), error });
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// The blocks of a part, the best first when the order is by time and not all are counted.
    fn block_order(&self, target: usize, part: &dyn Part) -> Vec<usize> {
        let mut order: Vec<usize> = (0..part.block_count()).collect();
        let Some(level) = self.bound[target].levels.first().filter(|level| level.time_bound())
        else {
            return order;
        };
        if self.wanted == 0 {
            return order;
        }
        order.sort_by_cached_key(|at| match part.block(*at) {
            Ok(block) => {
                let (first, last) = block.times();
                if level.descending { last.saturating_neg() } else { first }
            }
            Err(_) => i64::MIN,
        });
        order
    }

    fn block(
        &mut self,
        (target, view_at): (usize, usize),
        view: &View,
        block_at: usize,
        block: &Arc<dyn Block>,
    ) -> Result<(), SearchError> {
        let at = At { part: view.part.as_ref(), block: block.as_ref() };
        let bound = &mut self.bound[target];
        bound.eval.start_block();
        let mut within = view.live(block_at, block.rows());
        if let Some(slice) = self.request.slice {
            keep_slice(slice, &mut bound.eval, at, &mut within)?;
        }
        let mut rows = bound.eval.rows(&bound.plan, at, &within)?;
        if rows.is_empty() {
            return Ok(());
        }
        let scores = if self.scored {
            let scale = self.request.score_scale;
            Some(bound.eval.scores(&bound.plan, at, &rows, &bound.stats, scale)?)
        } else {
            None
        };
        if let (Some(least), Some(scores)) = (self.request.min_score, &scores) {
            for (row, score) in scores.iter().enumerate() {
                if rows.has(row) && *score < least {
                    rows.clear(row);
                }
            }
        }
        self.seen += u64::try_from(rows.count()).unwrap_or(0);
        if let Some(collector) = &mut self.collector {
            collector.collect(&Matched {
                target,
                view,
                view_at,
                block,
                block_at,
                rows: &rows,
                scores: scores.as_deref(),
            })?;
        }
        if let Some(post) = &bound.post {
            rows = bound.eval.rows(post, at, &rows)?;
        }
        self.count += u64::try_from(rows.count()).unwrap_or(0);
        self.offer(target, (view_at, block_at), at, (block, &rows, scores.as_deref()))
    }

    /// Takes those of a block's rows that come among the best.
    fn offer(
        &mut self,
        target: usize,
        (view, block_at): (usize, usize),
        at: At<'_>,
        (block, rows, scores): (&Arc<dyn Block>, &Bits, Option<&[f32]>),
    ) -> Result<(), SearchError> {
        if self.wanted == 0 || self.is_beaten(target, Some(block.times())) {
            return Ok(());
        }
        let bound = &mut self.bound[target];
        let mut keys = Vec::new();
        for level in &bound.levels {
            keys.push(level.keys(&mut bound.eval, at)?);
        }
        let seq = bound.eval.column(at, system::SEQ, Kind::Int)?;
        let place = i64::try_from(target).unwrap_or(0);
        for row in rows.iter() {
            let score = scores.map_or(0.0, |scores| scores[row]);
            if scores.is_some() {
                self.max_score = Some(self.max_score.map_or(score, |max| max.max(score)));
            }
            let bound = &self.bound[target];
            let levels = &bound.levels;
            let first = levels[0].key(&keys[0], row, score);
            // Most rows are out by their first key.
            if let Some((worst, _)) = &self.worst
                && first.compare(&worst[0], levels[0].descending) == Ordering::Greater
            {
                continue;
            }
            let rest = levels[1..].iter().zip(&keys[1..]);
            let row_keys: Vec<Key> = std::iter::once(first)
                .chain(rest.map(|(level, keys)| level.key(keys, row, score)))
                .collect();
            let doc = doc_key(place, seq.as_ref().and_then(|seq| seq.int(row)).unwrap_or(0));
            if let Some(after) = &bound.after
                && sort::compare(levels, &row_keys, after) != Ordering::Greater
            {
                continue;
            }
            if let Some((worst, worst_doc)) = &self.worst
                && sort::compare(levels, &row_keys, worst).then(doc.cmp(worst_doc))
                    == Ordering::Greater
            {
                continue;
            }
            let collapsed = match &self.request.collapse {
                Some(field) => Some(collapse_value(&mut self.bound[target], at, field, row)?),
                None => None,
            };
            let block = Arc::clone(block);
            let keys = row_keys;
            self.keep(Candidate {
                keys,
                doc,
                score,
                target,
                view,
                block_at,
                row,
                block,
                collapsed,
            })?;
        }
        Ok(())
    }

    fn keep(&mut self, candidate: Candidate) -> Result<(), SearchError> {
        let texts: usize = candidate
            .keys
            .iter()
            .map(|key| match key {
                Key::Text(text) => text.len(),
                Key::Int(_) | Key::Float(_) | Key::First | Key::Last => 0,
            })
            .sum();
        let bytes = size_of::<Candidate>() + candidate.keys.len() * size_of::<Key>() + texts;
        self.held_bytes += u64::try_from(bytes).unwrap_or(0);
        if self.held_bytes > self.limits.memory_bytes_max {
            return Err(SearchError::Memory {
                wanted_bytes: self.held_bytes,
                limit_bytes: self.limits.memory_bytes_max,
            });
        }
        self.best.push(candidate);
        if self.best.len() >= self.wanted.saturating_mul(2).max(64) {
            self.cut();
        }
        Ok(())
    }

    /// Keeps the wanted ones of the best, in order.
    fn cut(&mut self) {
        let Some(first) = self.bound.first() else { return };
        let levels = &first.levels;
        self.best.sort_by(|a, b| sort::compare(levels, &a.keys, &b.keys).then(a.doc.cmp(&b.doc)));
        if self.request.collapse.is_some() {
            let mut seen = HashMap::new();
            self.best.retain(|candidate| {
                let value = candidate.collapsed.as_ref().map(Value::to_string);
                seen.insert(value, ()).is_none()
            });
        }
        self.best.truncate(self.wanted);
        if self.best.len() == self.wanted
            && let Some(last) = self.best.last()
        {
            self.worst = Some((last.keys.clone(), last.doc));
        }
        self.held_bytes = self.held_bytes.min(
            u64::try_from(self.best.len() * (size_of::<Candidate>() + 64)).unwrap_or(u64::MAX),
        );
    }

    fn found(mut self) -> Result<Found, SearchError> {
        self.cut();
        let total = match self.request.track_total {
            Track::No => None,
            Track::Exactly => Some(Total { value: self.count, exact: true }),
            Track::UpTo(limit) => {
                Some(Total { value: self.count.min(limit), exact: self.count <= limit })
            }
        };
        let best = std::mem::take(&mut self.best);
        let mut hits = Vec::new();
        for candidate in best.into_iter().skip(self.request.from) {
            hits.push(self.hit(candidate)?);
        }
        Ok(Found {
            total,
            max_score: self.max_score.filter(|_| self.request.size > 0),
            hits,
            timed_out: self.guard.timed_out,
            terminated_early: self.request.terminate_after.map(|_| self.terminated),
            failures: self.failures,
        })
    }

    fn hit(&mut self, candidate: Candidate) -> Result<Hit, SearchError> {
        let bound = &mut self.bound[candidate.target];
        let mut matched = Vec::new();
        if has_names(&bound.plan) || bound.post.as_ref().is_some_and(has_names) {
            let view = &bound.target.views[candidate.view];
            let at = At { part: view.part.as_ref(), block: candidate.block.as_ref() };
            bound.eval.start_part();
            let mut row = Bits::none(candidate.block.rows());
            row.set(candidate.row);
            for plan in std::iter::once(&bound.plan).chain(&bound.post) {
                names(&mut bound.eval, plan, at, &row, &mut matched)?;
            }
        }
        let sort = if self.request.sort.is_empty() {
            Vec::new()
        } else {
            bound.levels.iter().zip(&candidate.keys).map(|(level, key)| level.value(key)).collect()
        };
        Ok(Hit {
            target: candidate.target,
            view: candidate.view,
            block_at: candidate.block_at,
            row: candidate.row,
            block: candidate.block,
            score: self.scored.then_some(candidate.score),
            sort,
            matched,
            collapsed: candidate.collapsed,
        })
    }
}

fn after(values: &[Value], levels: &[Level], target: &Target) -> Result<Vec<Key>, SearchError> {
    if values.len() != levels.len() {
        return Err(SearchError::Sort {
            index: target.index.clone(),
            what: format!(
                "search_after has {} value(s) but sort has {}.",
                values.len(),
                levels.len()
            ),
        });
    }
    levels.iter().zip(values).map(|(level, value)| level.after(value, target)).collect()
}

/// Leaves the rows of one share: by their place of arrival, so that each row is in one.
fn keep_slice(
    slice: Slice,
    eval: &mut Eval,
    at: At<'_>,
    within: &mut Bits,
) -> Result<(), SearchError> {
    let Some(seq) = eval.column(at, system::SEQ, Kind::Int)? else { return Ok(()) };
    let rows: Vec<usize> = within.iter().collect();
    for row in rows {
        let share = seq.int(row).unwrap_or(0).rem_euclid(i64::from(slice.max.max(1)));
        if share != i64::from(slice.id) {
            within.clear(row);
        }
    }
    Ok(())
}

fn collapse_value(
    bound: &mut Bound<'_>,
    at: At<'_>,
    field: &str,
    row: usize,
) -> Result<Value, SearchError> {
    let sort = Sort {
        unmapped_type: Some(crate::mapping::FieldType::Keyword),
        ..Sort::field(field, false)
    };
    let level = Level::bind(&sort, bound.target, 0)?;
    let keys = level.keys(&mut bound.eval, at)?;
    Ok(match level.key(&keys, row, 0.0) {
        Key::First | Key::Last => Value::Null,
        key @ (Key::Int(_) | Key::Float(_) | Key::Text(_)) => level.value(&key),
    })
}

fn children(plan: &Plan) -> Vec<&Plan> {
    match &plan.op {
        Op::Bool(of) => of.must.iter().chain(&of.filter).chain(&of.should).collect(),
        Op::DisMax { of, .. } | Op::AtLeast { of, .. } => of.iter().collect(),
        Op::Constant(of) => vec![of],
        Op::Boosting { positive, negative, .. } => vec![positive, negative],
        Op::Function(of) => vec![&of.query],
        Op::All | Op::Nothing | Op::Nested(_) | Op::Ids(_) | Op::Leaf(_) => Vec::new(),
    }
}

fn has_names(plan: &Plan) -> bool {
    plan.name.is_some() || children(plan).into_iter().any(has_names)
}

/// The names of the queries of `plan` that a row matches.
fn names(
    eval: &mut Eval,
    plan: &Plan,
    at: At<'_>,
    row: &Bits,
    matched: &mut Vec<String>,
) -> Result<(), SearchError> {
    if !has_names(plan) || eval.rows(plan, at, row)?.is_empty() {
        return Ok(());
    }
    if let Some(name) = &plan.name
        && !matched.iter().any(|have| have.as_str() == name.as_ref())
    {
        matched.push(name.to_string());
    }
    for child in children(plan) {
        names(eval, child, at, row, matched)?;
    }
    Ok(())
}

/// A query bound to an index: which rows match it, for aggregations and watchers.
#[derive(Debug)]
pub struct Filter {
    plan: Plan,
    eval: Eval,
}

impl Filter {
    /// Binds `query` to the index of `target`.
    ///
    /// # Errors
    /// The query makes no sense for the index.
    pub fn bind(target: &Target, query: &Query, limits: &Limits) -> Result<Self, SearchError> {
        let bare = Target { filter: None, ..target.clone() };
        let plan = bind_query(&bare, query, limits, &mut 0)?;
        Ok(Self { plan, eval: Eval::default() })
    }

    /// The rows of `within` in a block of `view` that match.
    ///
    /// # Errors
    /// Damage.
    pub fn rows(
        &mut self,
        view: &View,
        block: &dyn Block,
        within: &Bits,
    ) -> Result<Bits, SearchError> {
        self.eval.start_part();
        let at = At { part: view.part.as_ref(), block };
        Ok(self.eval.rows(&self.plan, at, within)?)
    }

    /// Whether scores of rows differ.
    #[must_use]
    pub fn varies(&self) -> bool {
        varies(&self.plan)
    }
}
