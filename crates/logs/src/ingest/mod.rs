//! Documents into columns: each is read once, and its values go straight to the builders of their columns.
//!
//! Nothing is refused for its type: a value that does not fit its field goes to the column of its own kind, and the field's name to
//! `_ignored`. A document that cannot be made again from its columns keeps its text in `_source` (see [`crate::source`]).
//! A refused document leaves nothing.

mod columns;
mod plan;
mod shapes;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::column::{Column, Kind, Strings};
use crate::json::{self, JsonError, Reader, Token};
use crate::mapping::{Decision, Field, FieldType, Leaf as FirstLeaf, Mapping};
use crate::memtable::MemBlock;
use crate::part::{BLOCK_ROWS, system};
use crate::source::Form;

use columns::{Builder, Growing};
use plan::{Leaf, Plan, Value};
use shapes::{Duplicate, NodeId, Shapes, Step};

/// Most values (arrays count once) of one document that become columns; the rest is in its source.
pub const FIELDS_PER_DOCUMENT_MAX: usize = 1_000;
/// Longest text in a column, in bytes; the rest is in the document's source.
pub const TEXT_BYTES_MAX: usize = 256 << 10;
/// Longest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;
/// Longest identifier, in bytes.
pub const ID_BYTES_MAX: usize = 512;
/// Bytes of documents after which a block is closed before it has all its rows.
const BLOCK_BYTES_MAX: usize = 16 << 20;
/// Most paths that are known at a time.
const SLOTS_MAX: usize = 20_000;

/// Fields that are no document's.
const METADATA: [&str; 9] = [
    "_id",
    "_index",
    "_source",
    "_routing",
    "_field_names",
    "_seq_no",
    "_version",
    "_ignored",
    "_nested_path",
];

/// Why a document is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("the document is no object")]
    NotObject,
    #[error("duplicate key '{0}'")]
    Duplicate(String),
    #[error("field '{0}' is metadata and cannot be in a document")]
    Metadata(String),
    /// The mapping of `object` (`_doc` for the root) is strict and does not know `field`.
    #[error("field '{field}' is not in the strict mapping of '{object}'")]
    Strict { object: String, field: String },
    #[error("document of {0} bytes, at most {DOCUMENT_BYTES_MAX} allowed")]
    TooLong(usize),
    #[error("identifier of {0} bytes, at most {ID_BYTES_MAX} allowed")]
    IdTooLong(usize),
    #[error("identifier is empty")]
    IdEmpty,
}

/// A document as it comes.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    pub source: &'a [u8],
    /// `None`: it gets one.
    pub id: Option<&'a str>,
    pub routing: Option<&'a str>,
    /// Microseconds since 1970: its time when it says none.
    pub arrival_us: i64,
}

/// A path of the documents, and where its values go.
#[derive(Debug)]
struct Slot {
    path: Arc<str>,
    plan: Plan,
    /// By [`Kind`], the number of the builder.
    columns: [Option<u32>; 4],
}

/// What was made of documents.
#[derive(Debug)]
pub struct Batch {
    /// Rows in the order of the documents.
    pub blocks: Vec<MemBlock>,
    /// The mapping with what the documents added.
    pub mapping: Arc<Mapping>,
    /// What they added: path and field.
    pub added: Vec<(String, Field)>,
    /// Bytes of the documents.
    pub raw_bytes: usize,
}

/// Makes columns of an index's documents. What it has learned of them stays for the next batch.
#[derive(Debug)]
pub struct Ingester {
    mapping: Arc<Mapping>,
    added: Vec<(String, Field)>,
    /// Fields that the mapping may still get.
    fields_left: usize,
    slots: Vec<Slot>,
    by_path: HashMap<Arc<str>, u32>,
    shapes: Shapes,
    builders: Vec<Builder>,
    /// The system's builders.
    times: Vec<i64>,
    shape_codes: Builder,
    shape_words: Strings,
    /// By number of shape, its code in this block.
    code_of_shape: Vec<Option<u32>>,
    sources: Builder,
    ids: Builder,
    routings: Builder,
    ignored: Builder,
    blocks: Vec<MemBlock>,
    row: usize,
    block_bytes: usize,
    raw_bytes: usize,
    doc: State,
}

/// Of the document that is being read.
#[derive(Debug, Default)]
struct State {
    /// Path of the object, with a dot behind; empty at the root.
    path: String,
    node: Option<NodeId>,
    is_whole: bool,
    ignored: Vec<u32>,
    fields: usize,
    time_us: Option<i64>,
}

impl Ingester {
    /// For documents of an index with `mapping`, which may get as many fields as `fields_max` says altogether.
    #[must_use]
    pub fn new(mapping: Arc<Mapping>, fields_max: usize) -> Self {
        let codes = || Builder::new(system::SHAPE.into(), Growing::Code(Vec::new()));
        let texts = |name: &str| Builder::new(name.into(), Growing::of(Kind::Str));
        Self {
            fields_left: fields_max.saturating_sub(count_fields(&mapping.root, 0)),
            mapping,
            added: Vec::new(),
            slots: Vec::new(),
            by_path: HashMap::new(),
            shapes: Shapes::default(),
            builders: Vec::new(),
            times: Vec::new(),
            shape_codes: codes(),
            shape_words: Strings::default(),
            code_of_shape: Vec::new(),
            sources: texts(system::SOURCE),
            ids: texts(system::ID),
            routings: texts(system::ROUTING),
            ignored: texts(system::IGNORED),
            blocks: Vec::new(),
            row: 0,
            block_bytes: 0,
            raw_bytes: 0,
            doc: State::default(),
        }
    }

    /// The mapping, with what documents added.
    #[must_use]
    pub fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }

    /// Adds a document as the next row.
    ///
    /// # Errors
    /// It is refused, and leaves nothing.
    pub fn add(&mut self, document: &Document<'_>) -> Result<(), Refused> {
        document.id.map_or(Ok(()), check_id)?;
        if document.source.len() > DOCUMENT_BYTES_MAX {
            return Err(Refused::TooLong(document.source.len()));
        }
        if self.row >= BLOCK_ROWS || self.block_bytes > BLOCK_BYTES_MAX {
            self.seal();
        }
        let read = self.read(document);
        if read.is_err() {
            let row = self.row;
            self.builders.iter_mut().for_each(|builder| builder.undo(row));
        }
        read
    }

    fn read(&mut self, document: &Document<'_>) -> Result<(), Refused> {
        let mut reader = Reader::new(document.source)?;
        self.doc.path.clear();
        self.doc.ignored.clear();
        self.doc.node = Some(shapes::ROOT);
        self.doc.is_whole = true;
        self.doc.fields = 0;
        self.doc.time_us = None;
        let start = reader.value_start();
        if reader.value()? != Token::Object {
            return Err(Refused::NotObject);
        }
        self.members(&mut reader, 1)?;
        let text = reader.since(start);
        reader.end()?;
        if self.doc.node.is_none() {
            check_duplicates(text)?;
        }
        self.end_row(document, text);
        Ok(())
    }

    fn end_row(&mut self, document: &Document<'_>, text: &str) {
        let row = self.row;
        self.times.push(self.doc.time_us.unwrap_or(document.arrival_us));
        let node = self.doc.node.filter(|_| self.doc.is_whole);
        match node.and_then(|node| self.shapes.shape(node)) {
            Some(shape) => self.put_shape(shape),
            None => put_text(&mut self.sources, row, text),
        }
        if let Some(id) = document.id {
            put_text(&mut self.ids, row, id);
        }
        if let Some(routing) = document.routing {
            put_text(&mut self.routings, row, routing);
        }
        self.doc.ignored.sort_unstable();
        self.doc.ignored.dedup();
        for slot in &self.doc.ignored {
            put_text(&mut self.ignored, row, &self.slots[*slot as usize].path);
        }
        self.row += 1;
        self.block_bytes += document.source.len();
        self.raw_bytes += document.source.len();
    }

    fn put_shape(&mut self, shape: u32) {
        let at = shape as usize;
        if self.code_of_shape.len() <= at {
            self.code_of_shape.resize(at + 1, None);
        }
        let (words, text) = (&mut self.shape_words, self.shapes.text(shape));
        let code = *self.code_of_shape[at].get_or_insert_with(|| {
            words.push(text);
            u32::try_from(words.len() - 1).expect("at most as many as rows")
        });
        self.shape_codes.open(self.row);
        if let Growing::Code(codes) = &mut self.shape_codes.values {
            codes.push(code);
        }
    }

    /// Closes the block.
    fn seal(&mut self) {
        if self.row == 0 {
            return;
        }
        let rows = self.row;
        let words = Arc::new(std::mem::take(&mut self.shape_words));
        let mut columns: Vec<(Arc<str>, Kind, Arc<Column>)> = Vec::new();
        let systems = [
            &mut self.shape_codes,
            &mut self.sources,
            &mut self.ids,
            &mut self.routings,
            &mut self.ignored,
        ];
        for builder in systems.into_iter().chain(&mut self.builders) {
            if !builder.is_empty() {
                let column = Arc::new(builder.finish(rows, &words));
                columns.push((Arc::clone(&builder.name), builder.kind(), column));
            }
        }
        self.blocks.push(MemBlock::new(rows, std::mem::take(&mut self.times), columns));
        self.code_of_shape.clear();
        (self.row, self.block_bytes) = (0, 0);
    }

    /// What was made of the documents since the last time.
    pub fn finish(&mut self) -> Batch {
        self.seal();
        Batch {
            blocks: std::mem::take(&mut self.blocks),
            mapping: Arc::clone(&self.mapping),
            added: std::mem::take(&mut self.added),
            raw_bytes: std::mem::take(&mut self.raw_bytes),
        }
    }

    /// The members of an object, whose `{` has been read.
    fn members(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<(), Refused> {
        let mut is_first = true;
        while let Some(key) = reader.key(is_first)? {
            is_first = false;
            if key.is_escaped {
                let mut plain = String::new();
                self.doc.is_whole &= json::unescape(key.raw, &mut plain);
                self.member(reader, &plain, depth)?;
            } else {
                self.member(reader, key.raw, depth)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn member(&mut self, reader: &mut Reader<'_>, key: &str, depth: usize) -> Result<(), Refused> {
        let known = self.doc.node.and_then(|node| self.shapes.find(node, key));
        let (edge, slot) = match known {
            Some((edge, slot)) => (Some(edge), slot),
            None => self.new_key(key)?,
        };
        match reader.value()? {
            Token::Object => self.object(reader, (key, edge, slot), depth),
            Token::Array => self.array(reader, (key, edge, slot), depth),
            leaf @ (Token::Str(_) | Token::Number(..) | Token::Bool(_) | Token::Null) => {
                let form = self.leaf(slot, leaf)?;
                self.step(edge, Step::Leaf(form, false));
                Ok(())
            }
        }
    }

    fn step(&mut self, edge: Option<u32>, step: Step) {
        let place = self.doc.node.zip(edge);
        self.doc.node = place.and_then(|(node, edge)| self.shapes.step(node, edge, step));
    }

    /// A key that has not been seen here.
    fn new_key(&mut self, key: &str) -> Result<(Option<u32>, u32), Refused> {
        if self.doc.path.is_empty() && METADATA.contains(&key) {
            return Err(Refused::Metadata(key.to_owned()));
        }
        let slot = self.slot(key);
        let Some(node) = self.doc.node else { return Ok((None, slot)) };
        match self.shapes.add(node, key, slot) {
            Ok(edge) => Ok((edge, slot)),
            Err(Duplicate) => Err(Refused::Duplicate(key.to_owned())),
        }
    }

    fn object(
        &mut self,
        reader: &mut Reader<'_>,
        (key, edge, slot): (&str, Option<u32>, u32),
        depth: usize,
    ) -> Result<(), Refused> {
        reader.check_depth(depth + 1)?;
        if matches!(self.slots[slot as usize].plan, Plan::Undecided) {
            self.decide_object(slot)?;
        }
        let outer = self.doc.node;
        self.step(edge, Step::Open);
        let len = self.doc.path.len();
        self.doc.path.push_str(key);
        self.doc.path.push('.');
        self.members(reader, depth + 1)?;
        self.doc.path.truncate(len);
        self.doc.node = match (self.doc.node, outer, edge) {
            (Some(node), Some(outer), Some(edge)) => self.shapes.close(node, outer, edge),
            _ => None,
        };
        Ok(())
    }

    fn array(
        &mut self,
        reader: &mut Reader<'_>,
        (key, edge, slot): (&str, Option<u32>, u32),
        depth: usize,
    ) -> Result<(), Refused> {
        reader.check_depth(depth + 1)?;
        let mut form = None;
        let mut is_first = true;
        while reader.element(is_first)? {
            match reader.value()? {
                Token::Object => {
                    // Which values belong together is told by the text alone.
                    self.doc.node = None;
                    self.object(reader, (key, None, slot), depth + 1)?;
                }
                Token::Array => {
                    self.doc.node = None;
                    self.array(reader, (key, None, slot), depth + 1)?;
                }
                leaf @ (Token::Str(_) | Token::Number(..) | Token::Bool(_) | Token::Null) => {
                    let this = self.leaf(slot, leaf)?;
                    self.doc.is_whole &= this != Form::Null && form.is_none_or(|form| form == this);
                    form = Some(this);
                }
            }
            is_first = false;
        }
        match form {
            None if is_first => self.step(edge, Step::Leaf(Form::EmptyArray, false)),
            None => self.doc.node = None,
            Some(form) => self.step(edge, Step::Leaf(form, true)),
        }
        Ok(())
    }

    /// Puts a value into its column. Returns the form that it has there.
    #[inline]
    fn leaf(&mut self, slot: u32, token: Token<'_>) -> Result<Form, Refused> {
        let mut plain = String::new();
        let leaf = match token {
            Token::Str(text) if text.is_escaped => {
                self.doc.is_whole &= json::unescape(text.raw, &mut plain);
                Leaf::Str(&plain)
            }
            Token::Str(text) => Leaf::Str(text.raw),
            Token::Number(digits, is_int) => Leaf::Number(digits, is_int),
            Token::Bool(value) => Leaf::Bool(value),
            Token::Null | Token::Object | Token::Array => return Ok(Form::Null),
        };
        if matches!(self.slots[slot as usize].plan, Plan::Undecided) {
            self.decide(slot, leaf)?;
        }
        self.doc.fields += 1;
        if self.doc.fields > FIELDS_PER_DOCUMENT_MAX {
            self.doc.is_whole = false;
            return Ok(Form::Null);
        }
        let stored = self.slots[slot as usize].plan.store(leaf);
        self.doc.is_whole &= stored.is_whole;
        if stored.is_ignored {
            self.doc.ignored.push(slot);
        }
        self.put(slot, stored.value);
        Ok(stored.form)
    }

    #[inline]
    fn put(&mut self, slot: u32, value: Value<'_>) {
        let kind = match value {
            Value::Str(_) => Kind::Str,
            Value::Int(_) => Kind::Int,
            Value::Float(_) => Kind::Float,
            Value::Bool(_) => Kind::Bool,
            Value::Nothing => return,
        };
        let (row, at) = (self.row, self.column(slot, kind));
        let builder = &mut self.builders[at];
        builder.open(row);
        match (&mut builder.values, value) {
            (Growing::Str(texts), Value::Str(text)) if text.len() <= TEXT_BYTES_MAX => {
                texts.push(text);
            }
            (Growing::Str(texts), Value::Str(text)) => {
                texts.push(&text[..text.floor_char_boundary(TEXT_BYTES_MAX)]);
                self.doc.is_whole = false;
                self.doc.ignored.push(slot);
            }
            (Growing::Int(values), Value::Int(value)) => {
                values.push(value);
                let slot = &self.slots[slot as usize];
                if let Plan::Date(dates) = &slot.plan
                    && *slot.path == *"@timestamp"
                {
                    self.doc.time_us.get_or_insert(dates.micros(value));
                }
            }
            (Growing::Float(values), Value::Float(value)) => values.push(value),
            (Growing::Bool(values), Value::Bool(value)) => values.push(value),
            (values, value) => unreachable!("a builder of another kind: {values:?} {value:?}"),
        }
    }

    #[inline]
    fn column(&mut self, slot: u32, kind: Kind) -> usize {
        let at = kind as usize;
        if let Some(column) = self.slots[slot as usize].columns[at] {
            return column as usize;
        }
        let slot = &mut self.slots[slot as usize];
        self.builders.push(Builder::new(Arc::clone(&slot.path), Growing::of(kind)));
        let new = self.builders.len() - 1;
        slot.columns[at] = u32::try_from(new).ok();
        new
    }

    /// The slot of `key` in the object that is being read.
    fn slot(&mut self, key: &str) -> u32 {
        let path = format!("{}{key}", self.doc.path);
        if let Some(slot) = self.by_path.get(path.as_str()) {
            return *slot;
        }
        let plan = self.plan(&path);
        let number = u32::try_from(self.slots.len()).expect("bounded");
        let path: Arc<str> = path.into();
        self.slots.push(Slot { path: Arc::clone(&path), plan, columns: [None; 4] });
        self.by_path.insert(path, number);
        number
    }

    /// The plan for a path, as far as the mapping tells it.
    fn plan(&self, path: &str) -> Plan {
        let is_named = |key: &str| !key.trim().is_empty();
        if system::ALL.contains(&path) || !path.split('.').all(is_named) {
            return Plan::Nowhere(false);
        }
        if self.slots.len() >= SLOTS_MAX {
            return Plan::Nowhere(true);
        }
        match self.mapping.find(path) {
            Some(found) if found.multi.is_some() => Plan::Conflict,
            Some(found) => Plan::of(found.field),
            None => match self.leaf_above(path) {
                Some(FieldType::Flattened) => Plan::Text { ignore_above: usize::MAX },
                Some(_) => Plan::Own,
                None => Plan::Undecided,
            },
        }
    }

    /// The type of a field above `path` whose values may be objects.
    fn leaf_above(&self, path: &str) -> Option<FieldType> {
        path.match_indices('.').find_map(|(dot, _)| {
            let kind = self.mapping.find(&path[..dot])?.field.kind;
            let has_objects = matches!(
                kind,
                FieldType::Flattened
                    | FieldType::GeoPoint
                    | FieldType::GeoShape
                    | FieldType::IntegerRange
                    | FieldType::LongRange
                    | FieldType::FloatRange
                    | FieldType::DoubleRange
                    | FieldType::DateRange
                    | FieldType::IpRange
                    | FieldType::Completion
                    | FieldType::Join
                    | FieldType::Percolator
            );
            has_objects.then_some(kind)
        })
    }

    /// What the first value of a path decides.
    fn decide(&mut self, slot: u32, leaf: Leaf<'_>) -> Result<(), Refused> {
        let first = match leaf {
            Leaf::Str(text) => FirstLeaf::Str(text),
            Leaf::Number(_, true) => FirstLeaf::Int,
            Leaf::Number(_, false) => FirstLeaf::Float,
            Leaf::Bool(_) => FirstLeaf::Bool,
        };
        let path = Arc::clone(&self.slots[slot as usize].path);
        let plan = match self.mapping.dynamic(&path, first) {
            Decision::Add(field) => self.extend(&path, field),
            Decision::Leave => Plan::Own,
            Decision::Conflict => Plan::Conflict,
            Decision::Refuse { object } => {
                return Err(Refused::Strict { object, field: path.to_string() });
            }
        };
        self.slots[slot as usize].plan = plan;
        Ok(())
    }

    /// An object at a path that the mapping does not know.
    fn decide_object(&mut self, slot: u32) -> Result<(), Refused> {
        let path = Arc::clone(&self.slots[slot as usize].path);
        if self.mapping.find(&path).is_some() {
            return Ok(());
        }
        match self.mapping.dynamic(&path, FirstLeaf::Object) {
            Decision::Add(field) => {
                let plan = self.extend(&path, field);
                self.slots[slot as usize].plan = plan;
            }
            Decision::Leave | Decision::Conflict => {}
            Decision::Refuse { object } => {
                return Err(Refused::Strict { object, field: path.to_string() });
            }
        }
        Ok(())
    }

    /// Adds a field to the mapping, unless it is full.
    fn extend(&mut self, path: &str, field: Field) -> Plan {
        let n = count_fields(&field, 0) + 1;
        if n > self.fields_left {
            return Plan::Nowhere(true);
        }
        let plan = Plan::of(&field);
        if Arc::make_mut(&mut self.mapping).insert(path, field.clone()).is_err() {
            return Plan::Conflict;
        }
        self.fields_left -= n;
        self.added.push((path.to_owned(), field));
        plan
    }
}

/// # Errors
/// `id` is none.
pub(crate) fn check_id(id: &str) -> Result<(), Refused> {
    match id.len() {
        0 => Err(Refused::IdEmpty),
        len if len > ID_BYTES_MAX => Err(Refused::IdTooLong(len)),
        _ => Ok(()),
    }
}

fn put_text(builder: &mut Builder, row: usize, text: &str) {
    builder.open(row);
    if let Growing::Str(texts) = &mut builder.values {
        texts.push(text);
    }
}

/// Fields below `field`.
fn count_fields(field: &Field, depth: usize) -> usize {
    if depth > crate::mapping::DEPTH_MAX {
        return 0;
    }
    let below = field.properties.values().chain(field.fields.values());
    below.map(|field| 1 + count_fields(field, depth + 1)).sum()
}

/// Refuses a well-formed text with a key twice in one object.
fn check_duplicates(text: &str) -> Result<(), Refused> {
    fn value(reader: &mut Reader<'_>) -> Result<(), Refused> {
        match reader.value()? {
            Token::Object => {
                let mut keys = HashSet::new();
                while let Some(key) = reader.key(keys.is_empty())? {
                    let mut plain = String::new();
                    json::unescape(key.raw, &mut plain);
                    if let Some(twice) = keys.replace(plain) {
                        return Err(Refused::Duplicate(twice));
                    }
                    value(reader)?;
                }
            }
            Token::Array => {
                let mut is_first = true;
                while reader.element(is_first)? {
                    is_first = false;
                    value(reader)?;
                }
            }
            Token::Str(_) | Token::Number(..) | Token::Bool(_) | Token::Null => {}
        }
        Ok(())
    }
    value(&mut Reader::new(text.as_bytes())?)
}
