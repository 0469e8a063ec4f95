//! Queries over nested objects: the objects of a row's document are taken as documents of their own.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::bind::Binder;
use super::bm25::Stats;
use super::eval::{At, Eval};
use super::plan::{Clauses, Op, Plan};
use super::{QueryError, SearchError};
use crate::bits::Bits;
use crate::ingest::{Document, Ingester};
use crate::mapping::{FieldType, Mapping};
use crate::memtable::{MemBlock, Memtable};
use crate::part::{Block, ReadError};
use crate::query::{Nested, ScoreMode};

/// A bound query over the objects below a path.
#[derive(Debug, Clone)]
pub(super) struct NestedPlan {
    path: String,
    pub(super) query: Plan,
    /// What a row has to match, all its objects taken together, for one of them to match.
    coarse: Plan,
    score_mode: ScoreMode,
    mapping: Arc<Mapping>,
}

impl Binder<'_> {
    pub(super) fn nested(&mut self, of: &Nested) -> Result<Plan, QueryError> {
        let found = self.target.mapping.find(&of.path);
        if found.is_none_or(|found| found.field.kind != FieldType::Nested) {
            if of.ignore_unmapped {
                return Ok(Plan::nothing());
            }
            return Err(QueryError::NoNested(of.path.clone()));
        }
        let outer = self.scope.replace(of.path.clone());
        let query = self.bind(&of.query);
        self.scope = outer;
        let query = query?;
        Ok(Plan::of(Op::Nested(Box::new(NestedPlan {
            path: of.path.clone(),
            coarse: coarse(&query),
            query,
            score_mode: of.score_mode,
            mapping: Arc::clone(&self.target.mapping),
        }))))
    }
}

/// What is left of a query when values of different objects are mixed: each row with an object that matches `plan` matches it.
fn coarse(plan: &Plan) -> Plan {
    let all = |plans: &[Plan]| plans.iter().map(coarse).collect::<Vec<_>>();
    Plan::of(match &plan.op {
        Op::Leaf(_) | Op::Nothing => plan.op.clone(),
        Op::Bool(of) => Op::Bool(Clauses {
            must: all(&of.must),
            filter: all(&of.filter),
            should: all(&of.should),
            must_not: Vec::new(),
            required: of.required,
        }),
        Op::DisMax { of, tie } => Op::DisMax { of: all(of), tie: *tie },
        Op::Constant(of) => Op::Constant(Box::new(coarse(of))),
        Op::Boosting { positive, .. } => Op::Constant(Box::new(coarse(positive))),
        Op::Function(of) => Op::Constant(Box::new(coarse(&of.query))),
        Op::Nested(of) => Op::Constant(Box::new(of.coarse.clone())),
        Op::All | Op::Ids(_) | Op::AtLeast { .. } => Op::All,
    })
}

/// The objects of some rows as a block, and whose each is.
struct Objects {
    part: Memtable,
    blocks: Vec<Arc<MemBlock>>,
    owners: Vec<usize>,
}

impl NestedPlan {
    fn objects(&self, at: At<'_>, rows: &Bits) -> Result<Objects, ReadError> {
        let mut ingester = Ingester::new(Arc::clone(&self.mapping), 0);
        let mut owners = Vec::new();
        for row in rows.iter() {
            let source = at.block.source(row)?;
            let Ok(document) = serde_json::from_str::<Value>(&source) else { continue };
            let mut objects = Vec::new();
            collect(&document, &self.path, &mut objects);
            for object in objects {
                let wrapped = wrap(&self.path, object).to_string();
                let source = wrapped.as_bytes();
                let document = Document { source, id: None, routing: None, arrival_us: 0 };
                // What the whole document was taken with is taken again; if not, nothing of it is found.
                if ingester.add(&document).is_ok() {
                    owners.push(row);
                }
            }
        }
        let blocks: Vec<Arc<MemBlock>> =
            ingester.finish().blocks.into_iter().map(Arc::new).collect();
        Ok(Objects { part: Memtable::new(blocks.clone()), blocks, owners })
    }
}

/// The objects at `path`, through arrays.
fn collect<'v>(value: &'v Value, path: &str, into: &mut Vec<&'v Value>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| collect(one, path, into)),
        Value::Object(_) if path.is_empty() => into.push(value),
        Value::Object(members) => {
            for (key, child) in members {
                if key == path {
                    collect(child, "", into);
                } else if let Some(rest) = path.strip_prefix(key.as_str())
                    && let Some(rest) = rest.strip_prefix('.')
                {
                    collect(child, rest, into);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn wrap(path: &str, object: &Value) -> Value {
    let mut wrapped = object.clone();
    for key in path.rsplit('.') {
        wrapped = Value::Object(Map::from_iter([(key.to_owned(), wrapped)]));
    }
    wrapped
}

impl Eval {
    pub(super) fn nested_rows(
        &mut self,
        of: &NestedPlan,
        at: At<'_>,
        within: &Bits,
    ) -> Result<Bits, ReadError> {
        let candidates = self.rows(&of.coarse, at, within)?;
        let mut rows = Bits::none(within.len());
        if candidates.is_empty() {
            return Ok(rows);
        }
        let objects = of.objects(at, &candidates)?;
        let mut first = 0;
        for block in &objects.blocks {
            let at = At { part: &objects.part, block: block.as_ref() };
            let mut eval = Self::default();
            for object in eval.rows(&of.query, at, &Bits::all(block.rows()))?.iter() {
                rows.set(objects.owners[first + object]);
            }
            first += block.rows();
        }
        Ok(rows)
    }

    pub(super) fn nested_scores(
        &mut self,
        of: &NestedPlan,
        at: At<'_>,
        rows: &Bits,
    ) -> Result<Vec<f32>, SearchError> {
        let mut scores = vec![0.0_f32; rows.len()];
        if of.score_mode == ScoreMode::None {
            return Ok(scores);
        }
        let mut counts = vec![0.0_f32; rows.len()];
        let objects = of.objects(at, rows)?;
        let mut first = 0;
        for block in &objects.blocks {
            let at = At { part: &objects.part, block: block.as_ref() };
            let mut eval = Self::default();
            let matching = eval.rows(&of.query, at, &Bits::all(block.rows()))?;
            let inner = eval.scores(&of.query, at, &matching, &Stats::default(), 1.0)?;
            for object in matching.iter() {
                let row = objects.owners[first + object];
                let is_first = counts[row] == 0.0;
                counts[row] += 1.0;
                scores[row] = match of.score_mode {
                    ScoreMode::Avg | ScoreMode::Sum => scores[row] + inner[object],
                    ScoreMode::Min if is_first => inner[object],
                    ScoreMode::Min => scores[row].min(inner[object]),
                    ScoreMode::Max => scores[row].max(inner[object]),
                    ScoreMode::None => 0.0,
                };
            }
            first += block.rows();
        }
        if of.score_mode == ScoreMode::Avg {
            rows.iter().for_each(|row| scores[row] /= counts[row].max(1.0));
        }
        Ok(scores)
    }
}
