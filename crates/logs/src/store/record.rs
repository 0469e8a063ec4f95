//! What frames of the log of writes hold, and the catalog: a run of records.
//!
//! Numbers are LEB128, texts and bytes have their length before them. `docs/format/log-store.md` draws it.

use serde_json::{Map, Value};
use stdx::varint::{put_uvarint, put_varint, uvarint, varint};

use crate::mapping::{Field, Mapping};

/// First byte of a frame.
pub(super) const VERSION: u8 = 1;
/// Longest decompressed documents of a frame.
const BODY_BYTES_MAX: usize = 1 << 30;

/// One record.
#[derive(Debug, Clone)]
pub(super) enum Record {
    /// An index begins.
    Create {
        at: u64,
        number: u64,
        name: String,
        uuid: String,
        created_ms: i64,
        settings: Map<String, Value>,
        mapping: Box<Mapping>,
    },
    Remove {
        at: u64,
        number: u64,
    },
    /// An index's new settings and mapping.
    Change {
        at: u64,
        number: u64,
        settings: Map<String, Value>,
        mapping: Box<Mapping>,
    },
    /// Documents brought fields.
    Fields {
        at: u64,
        number: u64,
        fields: Vec<(String, Field)>,
    },
    /// A small document of the store's own.
    Put {
        at: u64,
        kind: String,
        key: String,
        value: Option<Vec<u8>>,
    },
    /// Documents: see [`Docs`].
    Docs(Docs),
    /// The first of a catalog: what it holds, it holds up to `at`.
    Catalog {
        at: u64,
        next_number: u64,
    },
}

/// The documents of a batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Docs {
    pub(super) arrival_ms: i64,
    /// For each index of the batch its number, and the sequence number of its first applied operation.
    pub(super) groups: Vec<(u64, u64)>,
    /// For each operation of the body 0 when it was not applied, else the document's version behind it.
    pub(super) versions: Vec<u64>,
    /// Length of the body, and its zstd form.
    pub(super) body_len: usize,
    pub(super) body: Vec<u8>,
}

/// An operation of a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyOp<'a> {
    /// Of the batch's indices.
    pub(super) group: usize,
    pub(super) id: Option<&'a str>,
    pub(super) routing: Option<&'a str>,
    /// `None`: the document is deleted.
    pub(super) source: Option<&'a [u8]>,
}

const HAS_ID: u8 = 1;
const HAS_ROUTING: u8 = 2;
const HAS_SOURCE: u8 = 4;

impl BodyOp<'_> {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let flag = |is: bool, bit: u8| if is { bit } else { 0 };
        out.push(
            flag(self.id.is_some(), HAS_ID)
                | flag(self.routing.is_some(), HAS_ROUTING)
                | flag(self.source.is_some(), HAS_SOURCE),
        );
        put_uvarint(out, self.group as u64);
        for text in [self.id, self.routing].into_iter().flatten() {
            put_bytes(out, text.as_bytes());
        }
        if let Some(source) = self.source {
            put_bytes(out, source);
        }
    }

    fn read<'a>(from: &mut Input<'a>) -> Option<BodyOp<'a>> {
        let flags = from.byte()?;
        let group = from.size()?;
        let id = if flags & HAS_ID != 0 { Some(from.text()?) } else { None };
        let routing = if flags & HAS_ROUTING != 0 { Some(from.text()?) } else { None };
        let source = if flags & HAS_SOURCE != 0 { Some(from.bytes()?) } else { None };
        Some(BodyOp { group, id, routing, source })
    }
}

impl Docs {
    /// The body as it was before compression.
    pub(super) fn plain(&self) -> Option<Vec<u8>> {
        if self.body_len > BODY_BYTES_MAX {
            return None;
        }
        let plain = zstd::bulk::decompress(&self.body, self.body_len).ok()?;
        (plain.len() == self.body_len).then_some(plain)
    }

    /// The operations of a plain body.
    pub(super) fn operations<'a>(&self, plain: &'a [u8]) -> Option<Vec<BodyOp<'a>>> {
        let mut input = Input(plain);
        let mut all = Vec::new();
        while !input.0.is_empty() {
            let one = BodyOp::read(&mut input)?;
            if one.group >= self.groups.len() {
                return None;
            }
            all.push(one);
        }
        (all.len() == self.versions.len()).then_some(all)
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uvarint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_json(out: &mut Vec<u8>, value: &Value) {
    put_bytes(out, value.to_string().as_bytes());
}

impl Record {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Create { at, number, name, uuid, created_ms, settings, mapping } => {
                out.push(1);
                put_uvarint(out, *at);
                put_uvarint(out, *number);
                put_bytes(out, name.as_bytes());
                put_bytes(out, uuid.as_bytes());
                put_varint(out, *created_ms);
                put_json(out, &Value::Object(settings.clone()));
                put_json(out, &mapping.to_json());
            }
            Self::Remove { at, number } => {
                out.push(2);
                put_uvarint(out, *at);
                put_uvarint(out, *number);
            }
            Self::Change { at, number, settings, mapping } => {
                out.push(3);
                put_uvarint(out, *at);
                put_uvarint(out, *number);
                put_json(out, &Value::Object(settings.clone()));
                put_json(out, &mapping.to_json());
            }
            Self::Fields { at, number, fields } => {
                out.push(4);
                put_uvarint(out, *at);
                put_uvarint(out, *number);
                put_uvarint(out, fields.len() as u64);
                for (path, field) in fields {
                    put_bytes(out, path.as_bytes());
                    put_json(out, &field.to_json());
                }
            }
            Self::Put { at, kind, key, value } => {
                out.push(5);
                put_uvarint(out, *at);
                put_bytes(out, kind.as_bytes());
                put_bytes(out, key.as_bytes());
                out.push(u8::from(value.is_some()));
                put_bytes(out, value.as_deref().unwrap_or_default());
            }
            Self::Docs(docs) => docs.put(out),
            Self::Catalog { at, next_number } => {
                out.push(7);
                put_uvarint(out, *at);
                put_uvarint(out, *next_number);
            }
        }
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(match input.byte()? {
            1 => Self::Create {
                at: input.number()?,
                number: input.number()?,
                name: input.text()?.to_owned(),
                uuid: input.text()?.to_owned(),
                created_ms: input.signed()?,
                settings: input.object()?,
                mapping: input.mapping()?,
            },
            2 => Self::Remove { at: input.number()?, number: input.number()? },
            3 => Self::Change {
                at: input.number()?,
                number: input.number()?,
                settings: input.object()?,
                mapping: input.mapping()?,
            },
            4 => {
                let (at, number) = (input.number()?, input.number()?);
                let n = input.size()?;
                let mut fields = Vec::new();
                for _ in 0..n {
                    let path = input.text()?.to_owned();
                    let field = Field::parse(&path, &input.json()?).ok()?;
                    fields.push((path, field));
                }
                Self::Fields { at, number, fields }
            }
            5 => {
                let at = input.number()?;
                let (kind, key) = (input.text()?.to_owned(), input.text()?.to_owned());
                let is_there = input.byte()? == 1;
                let value = input.bytes()?.to_vec();
                Self::Put { at, kind, key, value: is_there.then_some(value) }
            }
            6 => Self::Docs(Docs::read(input)?),
            7 => Self::Catalog { at: input.number()?, next_number: input.number()? },
            _ => return None,
        })
    }
}

impl Docs {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(6);
        put_varint(out, self.arrival_ms);
        put_uvarint(out, self.groups.len() as u64);
        for (number, first) in &self.groups {
            put_uvarint(out, *number);
            put_uvarint(out, *first);
        }
        // Runs of equal versions: nearly all are 1.
        let runs = self.versions.chunk_by(|a, b| a == b);
        put_uvarint(out, runs.clone().count() as u64);
        for run in runs {
            put_uvarint(out, run.len() as u64);
            put_uvarint(out, run[0]);
        }
        put_uvarint(out, self.body_len as u64);
        put_bytes(out, &self.body);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let arrival_ms = input.signed()?;
        let mut docs = Self { arrival_ms, ..Self::default() };
        for _ in 0..input.size()? {
            docs.groups.push((input.number()?, input.number()?));
        }
        for _ in 0..input.size()? {
            let (len, version) = (input.size()?, input.number()?);
            if len > BODY_BYTES_MAX || docs.versions.len() + len > BODY_BYTES_MAX {
                return None;
            }
            docs.versions.resize(docs.versions.len() + len, version);
        }
        docs.body_len = input.size()?;
        docs.body = input.bytes()?.to_vec();
        Some(docs)
    }
}

/// The records of a frame; `None` when it is none of ours.
pub(super) fn read_frame(payload: &[u8]) -> Option<Vec<Record>> {
    let (version, rest) = payload.split_first()?;
    if *version != VERSION {
        return None;
    }
    let mut input = Input(rest);
    let mut all = Vec::new();
    while !input.0.is_empty() {
        all.push(Record::read(&mut input)?);
    }
    Some(all)
}

/// A frame of `records`.
pub(super) fn frame(records: &[Record]) -> Vec<u8> {
    let mut out = vec![VERSION];
    records.iter().for_each(|record| record.put(&mut out));
    out
}

/// Bytes that are left.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn number(&mut self) -> Option<u64> {
        let (value, n) = uvarint(self.0)?;
        self.0 = &self.0[n..];
        Some(value)
    }

    fn signed(&mut self) -> Option<i64> {
        let (value, n) = varint(self.0)?;
        self.0 = &self.0[n..];
        Some(value)
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.size()?;
        let (front, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(front)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn json(&mut self) -> Option<Value> {
        serde_json::from_slice(self.bytes()?).ok()
    }

    fn object(&mut self) -> Option<Map<String, Value>> {
        if let Value::Object(object) = self.json()? { Some(object) } else { None }
    }

    fn mapping(&mut self) -> Option<Box<Mapping>> {
        Mapping::parse(&self.json()?).ok().map(Box::new)
    }
}
