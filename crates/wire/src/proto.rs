//! Protocol buffers by hand: a reader that borrows, and a writer.
//!
//! Messages are walked field by field, so nothing is allocated but what the caller keeps. Groups, which no format of ours
//! has, are refused.

use stdx::varint::{put_uvarint, uvarint};

/// Why bytes are no protocol buffer message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtoError {
    /// A message ends within a field.
    #[error("unexpected EOF")]
    CutShort,
    #[error("proto: illegal tag {field} (wire type {kind})")]
    Tag { field: u64, kind: u64 },
    #[error("proto: wrong wireType for field {0}")]
    WireType(&'static str),
    #[error("proto: field {0} is not valid UTF-8")]
    Utf8(&'static str),
    /// A bound of ours.
    #[error("more than {max} {what}")]
    TooMany { what: &'static str, max: usize },
}

/// A field's content, by wire type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

/// Walks the fields of one message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field's number and content; `None` at the end.
    pub(crate) fn field(&mut self) -> Result<Option<(u64, Field<'a>)>, ProtoError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let (field, kind) = (tag >> 3, tag & 7);
        if field == 0 {
            return Err(ProtoError::Tag { field, kind });
        }
        let content = match kind {
            0 => Field::Varint(self.varint()?),
            1 => {
                let (head, rest) =
                    self.rest.split_first_chunk::<8>().ok_or(ProtoError::CutShort)?;
                self.rest = rest;
                Field::Fixed64(*head)
            }
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| ProtoError::CutShort)?;
                Field::Bytes(self.take(len)?)
            }
            5 => {
                self.take(4)?;
                Field::Fixed32
            }
            _ => return Err(ProtoError::Tag { field, kind }),
        };
        Ok(Some((field, content)))
    }

    pub(crate) fn varint(&mut self) -> Result<u64, ProtoError> {
        let (value, n) = uvarint(self.rest).ok_or(ProtoError::CutShort)?;
        self.rest = &self.rest[n..];
        Ok(value)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], ProtoError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(ProtoError::CutShort)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Field<'a> {
    pub(crate) fn u64(self, name: &'static str) -> Result<u64, ProtoError> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Fixed64(_) | Self::Bytes(_) | Self::Fixed32 => Err(ProtoError::WireType(name)),
        }
    }

    /// A plain (not zig-zag) signed number: negative ones are 64-bit two's complement.
    pub(crate) fn i64(self, name: &'static str) -> Result<i64, ProtoError> {
        Ok(self.u64(name)?.cast_signed())
    }

    /// The low 32 bits, as every protobuf library cuts them.
    pub(crate) fn u32(self, name: &'static str) -> Result<u32, ProtoError> {
        let bytes = self.u64(name)?.to_le_bytes();
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(crate) fn i32(self, name: &'static str) -> Result<i32, ProtoError> {
        Ok(self.u32(name)?.cast_signed())
    }

    /// A zig-zag number of 32 bits.
    pub(crate) fn sint32(self, name: &'static str) -> Result<i32, ProtoError> {
        let raw = self.u32(name)?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    pub(crate) fn f64(self, name: &'static str) -> Result<f64, ProtoError> {
        match self {
            Self::Fixed64(bytes) => Ok(f64::from_le_bytes(bytes)),
            Self::Varint(_) | Self::Bytes(_) | Self::Fixed32 => Err(ProtoError::WireType(name)),
        }
    }

    pub(crate) fn bytes(self, name: &'static str) -> Result<&'a [u8], ProtoError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Varint(_) | Self::Fixed64(_) | Self::Fixed32 => Err(ProtoError::WireType(name)),
        }
    }

    pub(crate) fn str(self, name: &'static str) -> Result<&'a str, ProtoError> {
        std::str::from_utf8(self.bytes(name)?).map_err(|_| ProtoError::Utf8(name))
    }

    /// Adds the numbers of a repeated double, packed or single.
    pub(crate) fn push_f64s(self, to: &mut Vec<f64>, list: List) -> Result<(), ProtoError> {
        match self {
            Self::Fixed64(bytes) => list.push(to, f64::from_le_bytes(bytes)),
            Self::Bytes(packed) => {
                let (chunks, rest) = packed.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(ProtoError::CutShort);
                }
                chunks.iter().try_for_each(|chunk| list.push(to, f64::from_le_bytes(*chunk)))
            }
            Self::Varint(_) | Self::Fixed32 => Err(ProtoError::WireType(list.what)),
        }
    }

    /// Adds the numbers of a repeated zig-zag field, packed or single.
    pub(crate) fn push_sint64s(self, to: &mut Vec<i64>, list: List) -> Result<(), ProtoError> {
        self.each_varint(list.what, |raw| {
            list.push(to, (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
        })
    }

    /// Adds the numbers of a repeated `uint32`, packed or single.
    pub(crate) fn push_u32s(self, to: &mut Vec<u32>, list: List) -> Result<(), ProtoError> {
        self.each_varint(list.what, |raw| list.push(to, Field::Varint(raw).u32(list.what)?))
    }

    fn each_varint(
        self,
        name: &'static str,
        mut each: impl FnMut(u64) -> Result<(), ProtoError>,
    ) -> Result<(), ProtoError> {
        match self {
            Self::Varint(raw) => each(raw),
            Self::Bytes(packed) => {
                let mut reader = Reader::new(packed);
                while !reader.is_empty() {
                    each(reader.varint()?)?;
                }
                Ok(())
            }
            Self::Fixed64(_) | Self::Fixed32 => Err(ProtoError::WireType(name)),
        }
    }
}

/// A repeated field with its bound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    pub(crate) what: &'static str,
    pub(crate) max: usize,
}

impl List {
    pub(crate) fn push<T>(self, to: &mut Vec<T>, item: T) -> Result<(), ProtoError> {
        if to.len() >= self.max {
            return Err(ProtoError::TooMany { what: self.what, max: self.max });
        }
        to.push(item);
        Ok(())
    }
}

/// Appends fields to a message. As in proto3, zeros and empty texts are left out.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    fn tag(&mut self, field: u64, kind: u64) {
        put_uvarint(self.out, field << 3 | kind);
    }

    pub(crate) fn u64(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.u64_always(field, value);
        }
    }

    pub(crate) fn u64_always(&mut self, field: u64, value: u64) {
        self.tag(field, 0);
        put_uvarint(self.out, value);
    }

    pub(crate) fn i64(&mut self, field: u64, value: i64) {
        self.u64(field, value.cast_unsigned());
    }

    pub(crate) fn sint64(&mut self, field: u64, value: i64) {
        self.u64(field, zigzag(value));
    }

    /// Bit zero is left out; −0 is written.
    pub(crate) fn f64(&mut self, field: u64, value: f64) {
        if value.to_bits() != 0 {
            self.f64_always(field, value);
        }
    }

    pub(crate) fn f64_always(&mut self, field: u64, value: f64) {
        self.tag(field, 1);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes_always(field, bytes);
        }
    }

    fn bytes_always(&mut self, field: u64, bytes: &[u8]) {
        self.tag(field, 2);
        put_len(self.out, bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// Bytes that are no field, for tests of malformed messages.
    #[cfg(test)]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A message within, which may be empty.
    pub(crate) fn message(&mut self, field: u64, fill: impl FnOnce(&mut Writer<'_>)) {
        let mut inner = Vec::new();
        fill(&mut Writer::new(&mut inner));
        self.bytes_always(field, &inner);
    }

    pub(crate) fn packed_f64s(&mut self, field: u64, values: &[f64]) {
        let packed: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.bytes(field, &packed);
    }

    pub(crate) fn packed_sint64s(&mut self, field: u64, values: &[i64]) {
        let mut packed = Vec::new();
        values.iter().for_each(|value| put_uvarint(&mut packed, zigzag(*value)));
        self.bytes(field, &packed);
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

pub(crate) fn put_len(out: &mut Vec<u8>, len: usize) {
    put_uvarint(out, u64::try_from(len).expect("a length fits 64 bits"));
}

/// A `BucketSpan`, the same message in expositions and remote write.
pub(crate) fn span(message: &[u8]) -> Result<model::histogram::Span, ProtoError> {
    let mut span = model::histogram::Span { offset: 0, length: 0 };
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match number {
            1 => span.offset = field.sint32("Offset")?,
            2 => span.length = field.u32("Length")?,
            _ => {}
        }
    }
    Ok(span)
}

pub(crate) fn write_span(writer: &mut Writer<'_>, field: u64, span: model::histogram::Span) {
    writer.message(field, |writer| {
        writer.sint64(1, i64::from(span.offset));
        writer.u64(2, u64::from(span.length));
    });
}
