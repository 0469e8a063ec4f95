//! Buckets of nested objects: each object becomes a row of a block of its own, made from the documents.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::bucket::Counts;
use super::error::AggError;
use super::node::{Batch, Build, Cx, Finish, Level, Node};
use super::result::Body;
use super::values::follow;
use crate::column::{Column, Kind, Rows, Strings, Values};
use crate::date::{DEFAULT_FORMAT, Edge, Format, Zone};
use crate::mapping::{FieldType, Mapping};
use crate::part::{Block, Known, Part, ReadError, View};
use crate::search::Target;

/// Deepest object that is looked into.
const DEPTH_MAX: usize = 64;

/// `nested`.
pub(super) struct Nested {
    path: String,
    mappings: Vec<Arc<Mapping>>,
    counts: Counts,
    subs: Level,
}

impl Nested {
    pub(super) fn new(path: &str, subs: Level, build: &Build<'_>) -> Self {
        let mapping = |target: &Target| Arc::clone(&target.mapping);
        let mappings = build.targets.iter().map(mapping).collect();
        Self { path: path.to_owned(), mappings, counts: Counts::default(), subs }
    }
}

impl Node for Nested {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let mapping = &self.mappings[cx.target];
        let is_nested =
            mapping.find(&self.path).is_some_and(|found| found.field.kind == FieldType::Nested);
        if !is_nested {
            return Ok(());
        }
        let mut builder = Builder::new(&self.path, mapping);
        let mut of_row: HashMap<u32, (u32, u32)> = HashMap::new();
        let mut below = Batch::default();
        for (row, owner) in batch.iter() {
            let (start, end) = match of_row.entry(row) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(vacant) => {
                    let start = builder.rows();
                    builder.document(row, &cx.block.source(row as usize)?);
                    *vacant.insert((start, builder.rows()))
                }
            };
            for object in start..end {
                self.counts.add(owner);
                below.push(object, owner);
            }
        }
        let parents = builder.parents.clone();
        let block: Arc<dyn Block> = Arc::new(builder.block(Arc::clone(cx.block)));
        let view =
            View { part: Arc::new(ObjectsPart(Arc::clone(&block))), deleted: Arc::default() };
        let inside = Cx {
            target: cx.target,
            view: &view,
            view_at: cx.view_at,
            block: &block,
            block_at: cx.block_at,
            scores: None,
            matcher: cx.matcher,
            parent: Some((cx, &parents)),
        };
        self.subs.collect(&inside, &below)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        finish.count(1)?;
        let subs = self.subs.finish(owner, finish)?;
        Ok(Body::Single { doc_count: self.counts.of(owner), subs })
    }

    fn type_name(&self) -> &'static str {
        "nested"
    }

    fn bytes(&self) -> u64 {
        self.counts.bytes() + self.subs.bytes()
    }
}

/// `reverse_nested`: back to the documents of the objects, each once.
pub(super) struct Reverse {
    counts: Counts,
    subs: Level,
}

impl Reverse {
    pub(super) fn new(subs: Level) -> Self {
        Self { counts: Counts::default(), subs }
    }
}

impl Node for Reverse {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let Some((outer, parents)) = cx.parent else {
            return Err(AggError::Illegal(
                "Reverse nested aggregation [reverse_nested] can only be used inside a [nested] aggregation".to_owned(),
            ));
        };
        let mut pairs: Vec<(u32, u32)> =
            batch.iter().map(|(object, owner)| (parents[object as usize], owner)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut below = Batch::default();
        for (row, owner) in pairs {
            self.counts.add(owner);
            below.push(row, owner);
        }
        self.subs.collect(outer, &below)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        finish.count(1)?;
        let subs = self.subs.finish(owner, finish)?;
        Ok(Body::Single { doc_count: self.counts.of(owner), subs })
    }

    fn type_name(&self) -> &'static str {
        "reverse_nested"
    }

    fn bytes(&self) -> u64 {
        self.counts.bytes() + self.subs.bytes()
    }
}

/// Collects the objects below a path.
struct Builder<'a> {
    path: &'a str,
    mapping: &'a Mapping,
    parents: Vec<u32>,
    sources: Vec<String>,
    /// For each field and kind, values with the row that they are of.
    texts: HashMap<String, Vec<(u32, String)>>,
    ints: HashMap<String, Vec<(u32, i64)>>,
    floats: HashMap<String, Vec<(u32, f64)>>,
    bools: HashMap<String, Vec<(u32, bool)>>,
}

impl<'a> Builder<'a> {
    fn new(path: &'a str, mapping: &'a Mapping) -> Self {
        Self {
            path,
            mapping,
            parents: Vec::new(),
            sources: Vec::new(),
            texts: HashMap::new(),
            ints: HashMap::new(),
            floats: HashMap::new(),
            bools: HashMap::new(),
        }
    }

    fn rows(&self) -> u32 {
        u32::try_from(self.parents.len()).unwrap_or(u32::MAX)
    }

    fn document(&mut self, parent: u32, source: &str) {
        let Ok(document) = serde_json::from_str::<Value>(source) else { return };
        // Inside of a block of objects, a document is the object itself, and the path is still the whole one.
        let mut objects = Vec::new();
        find(&document, self.path, &mut objects, 0);
        for object in objects {
            let row = self.rows();
            self.parents.push(parent);
            self.sources.push(wrap(self.path, object).to_string());
            if let Value::Object(members) = object {
                self.members(row, self.path, members, 0);
            }
        }
    }

    fn members(&mut self, row: u32, path: &str, members: &Map<String, Value>, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        for (name, value) in members {
            self.value(row, &format!("{path}.{name}"), value, depth);
        }
    }

    fn value(&mut self, row: u32, path: &str, value: &Value, depth: usize) {
        match value {
            Value::Null => {}
            Value::Object(members) => self.members(row, path, members, depth + 1),
            Value::Array(values) if depth <= DEPTH_MAX => {
                values.iter().for_each(|value| self.value(row, path, value, depth + 1));
            }
            Value::Array(_) => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) => self.leaf(row, path, value),
        }
    }

    fn leaf(&mut self, row: u32, path: &str, value: &Value) {
        let text = super::show::plain_text(value);
        let field = follow(self.mapping, path).map(|(field, _)| field);
        let kind = field.map_or(FieldType::Keyword, |field| field.kind);
        #[expect(clippy::wildcard_enum_match_arm, reason = "every other type is kept as text")]
        match kind {
            FieldType::Long
            | FieldType::Integer
            | FieldType::Short
            | FieldType::Byte
            | FieldType::TokenCount => {
                let float = || text.parse::<f64>().ok().map(super::show::f64_to_int);
                if let Some(int) = text.parse().ok().or_else(float) {
                    self.ints.entry(path.to_owned()).or_default().push((row, int));
                }
            }
            FieldType::UnsignedLong => {
                if let Ok(value) = text.parse::<u64>() {
                    let int = (value ^ (1 << 63)).cast_signed();
                    self.ints.entry(path.to_owned()).or_default().push((row, int));
                }
            }
            FieldType::Double
            | FieldType::Float
            | FieldType::HalfFloat
            | FieldType::ScaledFloat => {
                if let Ok(float) = text.parse() {
                    self.floats.entry(path.to_owned()).or_default().push((row, float));
                }
            }
            FieldType::Boolean => {
                self.bools.entry(path.to_owned()).or_default().push((row, text == "true"));
            }
            FieldType::Date | FieldType::DateNanos => {
                let format = field
                    .and_then(|field| field.params.get("format"))
                    .and_then(Value::as_str)
                    .unwrap_or(DEFAULT_FORMAT);
                let unit = if kind == FieldType::Date { 1_000 } else { 1 };
                let read = Format::parse(format)
                    .ok()
                    .and_then(|format| format.read(&text, &Zone::default(), Edge::First));
                if let Some(int) = read.and_then(|ns| i64::try_from(ns.div_euclid(unit)).ok()) {
                    self.ints.entry(path.to_owned()).or_default().push((row, int));
                }
            }
            _ => self.texts.entry(path.to_owned()).or_default().push((row, text)),
        }
    }

    fn block(self, parent: Arc<dyn Block>) -> Objects {
        let rows = self.parents.len();
        let mut columns = HashMap::new();
        for (path, list) in self.texts {
            let starts = starts(rows, list.iter().map(|(row, _)| *row));
            let mut texts = Strings::default();
            list.iter().for_each(|(_, text)| texts.push(text));
            let column = Column { rows: Rows::Ragged(starts), values: Values::Str(texts) };
            columns.insert((path, Kind::Str), Arc::new(column));
        }
        let mut put = |path: String, kind: Kind, of: Vec<u32>, values: Values| {
            let starts = starts(rows, of.into_iter());
            columns.insert((path, kind), Arc::new(Column { rows: Rows::Ragged(starts), values }));
        };
        for (path, list) in self.ints {
            let (of, values) = list.into_iter().unzip();
            put(path, Kind::Int, of, Values::Int(values));
        }
        for (path, list) in self.floats {
            let (of, values) = list.into_iter().unzip();
            put(path, Kind::Float, of, Values::Float(values));
        }
        for (path, list) in self.bools {
            let (of, values) = list.into_iter().unzip();
            put(path, Kind::Bool, of, Values::Bool(values));
        }
        Objects { columns, parents: self.parents, sources: self.sources, parent }
    }
}

/// Where the values of each row begin; `of` ascends.
fn starts(rows: usize, of: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut starts = vec![0; rows + 1];
    for row in of {
        starts[row as usize + 1] += 1;
    }
    for row in 0..rows {
        starts[row + 1] += starts[row];
    }
    starts
}

/// The objects below `path`.
fn find<'a>(value: &'a Value, path: &str, out: &mut Vec<&'a Value>, depth: usize) {
    match value {
        Value::Array(values) if depth <= DEPTH_MAX => {
            values.iter().for_each(|value| find(value, path, out, depth + 1));
        }
        Value::Object(_) if path.is_empty() => out.push(value),
        Value::Object(members) if depth <= DEPTH_MAX => {
            for (name, value) in members {
                if let Some(rest) = path.strip_prefix(name.as_str()) {
                    if rest.is_empty() {
                        find(value, "", out, depth + 1);
                    } else if let Some(rest) = rest.strip_prefix('.') {
                        find(value, rest, out, depth + 1);
                    }
                }
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {}
    }
}

/// `{"a":{"b":object}}` for the path `a.b`.
fn wrap(path: &str, object: &Value) -> Value {
    let mut value = object.clone();
    for name in path.rsplit('.') {
        value = Value::Object(Map::from_iter([(name.to_owned(), value)]));
    }
    value
}

/// Nested objects as rows.
#[derive(Debug)]
struct Objects {
    columns: HashMap<(String, Kind), Arc<Column>>,
    parents: Vec<u32>,
    sources: Vec<String>,
    parent: Arc<dyn Block>,
}

impl Block for Objects {
    fn rows(&self) -> usize {
        self.parents.len()
    }

    fn times(&self) -> (i64, i64) {
        self.parent.times()
    }

    fn column(&self, field: &str, kind: Kind) -> Result<Option<Arc<Column>>, ReadError> {
        Ok(self.columns.get(&(field.to_owned(), kind)).cloned())
    }

    fn word(&self, _: &str, _: &str) -> Result<Known, ReadError> {
        Ok(Known::Maybe)
    }

    fn id(&self, row: usize) -> Result<String, ReadError> {
        self.parent.id(self.parents[row] as usize)
    }

    fn source(&self, row: usize) -> Result<String, ReadError> {
        Ok(self.sources[row].clone())
    }
}

/// A part of one block of objects: nothing is known of it in advance.
#[derive(Debug)]
struct ObjectsPart(Arc<dyn Block>);

impl Part for ObjectsPart {
    fn name(&self) -> &str {
        "nested objects"
    }

    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn times(&self) -> Option<(i64, i64)> {
        Some(self.0.times())
    }

    fn block_count(&self) -> usize {
        1
    }

    fn block(&self, _: usize) -> Result<Arc<dyn Block>, ReadError> {
        Ok(Arc::clone(&self.0))
    }

    fn lacks_word(&self, _: &str, _: &str) -> bool {
        false
    }

    fn kinds(&self, _: &str) -> Vec<Kind> {
        Kind::ALL.to_vec()
    }

    fn fields(&self) -> Vec<String> {
        Vec::new()
    }

    fn byte_len(&self) -> u64 {
        0
    }
}
