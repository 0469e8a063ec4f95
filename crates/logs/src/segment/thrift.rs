//! Thrift's compact protocol, writing only: what Parquet's page headers and footer are made of.

use stdx::varint;

use super::bytes::put_size;

/// Types of the compact protocol.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Type {
    True = 1,
    False = 2,
    I32 = 5,
    I64 = 6,
    Binary = 8,
    List = 9,
    Struct = 12,
}

/// A struct that is being written. Fields are given in ascending order of their ids.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
    last: u8,
    outer: Vec<u8>,
}

impl Writer {
    fn field(&mut self, id: u8, kind: Type) {
        // Ids ascend by less than 16 in all of Parquet's structs.
        self.out.push((id - self.last) << 4 | kind as u8);
        self.last = id;
    }

    pub(crate) fn bool(&mut self, id: u8, value: bool) {
        self.field(id, if value { Type::True } else { Type::False });
    }

    pub(crate) fn i32(&mut self, id: u8, value: i32) {
        self.field(id, Type::I32);
        varint::put_varint(&mut self.out, i64::from(value));
    }

    pub(crate) fn i64(&mut self, id: u8, value: i64) {
        self.field(id, Type::I64);
        varint::put_varint(&mut self.out, value);
    }

    /// A size or an offset of a file.
    pub(crate) fn size(&mut self, id: u8, value: u64) {
        self.i64(id, i64::try_from(value).expect("no file is of 8 EiB"));
    }

    /// A size or count within a page or row group.
    pub(crate) fn small(&mut self, id: u8, value: usize) {
        self.i32(id, i32::try_from(value).expect("pages are bounded far below 2 GiB"));
    }

    pub(crate) fn binary(&mut self, id: u8, value: &[u8]) {
        self.field(id, Type::Binary);
        self.item_binary(value);
    }

    /// A struct as field `id`; closed by [`Writer::end`].
    pub(crate) fn begin(&mut self, id: u8) {
        self.field(id, Type::Struct);
        self.item_begin();
    }

    /// A list of `len` items as field `id`; the items follow.
    pub(crate) fn list(&mut self, id: u8, kind: Type, len: usize) {
        self.field(id, Type::List);
        match u8::try_from(len) {
            Ok(short) if short < 15 => self.out.push(short << 4 | kind as u8),
            Ok(_) | Err(_) => {
                self.out.push(0xf0 | kind as u8);
                put_size(&mut self.out, len);
            }
        }
    }

    /// A struct as an item of a list; closed by [`Writer::end`].
    pub(crate) fn item_begin(&mut self) {
        self.outer.push(self.last);
        self.last = 0;
    }

    pub(crate) fn item_binary(&mut self, value: &[u8]) {
        put_size(&mut self.out, value.len());
        self.out.extend_from_slice(value);
    }

    pub(crate) fn item_i32(&mut self, value: i32) {
        varint::put_varint(&mut self.out, i64::from(value));
    }

    pub(crate) fn item_size(&mut self, value: u64) {
        varint::put_varint(
            &mut self.out,
            i64::try_from(value).expect("no segment has so many rows"),
        );
    }

    pub(crate) fn item_bool(&mut self, value: bool) {
        self.out.push(if value { Type::True } else { Type::False } as u8);
    }

    /// Closes the struct that was opened last.
    pub(crate) fn end(&mut self) {
        self.out.push(0);
        self.last = self.outer.pop().unwrap_or(0);
    }

    /// Closes the outermost struct: its bytes.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.push(0);
        self.out
    }
}
