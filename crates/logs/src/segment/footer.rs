//! Parquet's own metadata: schema, row groups, page index.

use std::collections::HashSet;

use super::column::{Chunk, Encoding, Key, Unit};
use super::thrift::{Type, Writer};
use crate::column::Kind;

const CREATED_BY: &str = concat!("mangru ", env!("CARGO_PKG_VERSION"));

/// A column of a row group in the file.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    pub(crate) chunk: &'a Chunk,
    /// What the pages' offsets count from.
    pub(crate) base: u64,
    /// Where the page index of the column is: offset index, then column index; offset and bytes.
    pub(crate) indexes: [(u64, u64); 2],
}

/// A row group: a column for each key.
#[derive(Debug)]
pub(crate) struct RowGroup<'a> {
    pub(crate) rows: usize,
    pub(crate) columns: Vec<Column<'a>>,
}

/// Names for Parquet: the field's, and where several columns are of one field, the others with their kind behind a `#`.
pub(crate) fn names(keys: &[Key]) -> Vec<String> {
    let mut taken = HashSet::new();
    let plain: HashSet<&str> = keys.iter().map(|key| key.field.as_str()).collect();
    let name = |key: &Key| {
        let kind = match (key.kind, key.unit) {
            (Kind::Str, _) => "str",
            (Kind::Int, Unit::Plain) => "int",
            (Kind::Int, Unit::Micros) => "micros",
            (Kind::Int, Unit::Millis) => "millis",
            (Kind::Int, Unit::Nanos) => "nanos",
            (Kind::Float, _) => "float",
            (Kind::Bool, _) => "bool",
        };
        let mut name = key.field.clone();
        if taken.contains(&name) {
            name = format!("{name}#{kind}{}", if key.list { "-list" } else { "" });
        }
        while taken.contains(&name) || name != key.field && plain.contains(name.as_str()) {
            name.push('#');
        }
        taken.insert(name.clone());
        name
    };
    keys.iter().map(name).collect()
}

/// The footer, without its length and magic.
pub(crate) fn footer(
    keys: &[Key],
    groups: &[RowGroup<'_>],
    metadata: &[(&str, String)],
) -> Vec<u8> {
    let names = names(keys);
    let mut out = Writer::default();
    out.i32(1, 2);
    schema(keys, &names, &mut out);
    out.size(3, groups.iter().map(|group| group.rows as u64).sum());
    out.list(4, Type::Struct, groups.len());
    for group in groups {
        row_group(keys, &names, group, &mut out);
    }
    out.list(5, Type::Struct, metadata.len());
    for (name, value) in metadata {
        out.item_begin();
        out.binary(1, name.as_bytes());
        out.binary(2, value.as_bytes());
        out.end();
    }
    out.binary(6, CREATED_BY.as_bytes());
    // Every column is ordered as its type says: what makes minima and maxima usable.
    out.list(7, Type::Struct, keys.len());
    for _ in keys {
        out.item_begin();
        out.begin(1);
        out.end();
        out.end();
    }
    out.finish()
}

const REQUIRED: i32 = 0;
const OPTIONAL: i32 = 1;
const REPEATED: i32 = 2;

fn schema(keys: &[Key], names: &[String], out: &mut Writer) {
    let elements = keys.iter().map(|key| if key.list { 3 } else { 1 }).sum::<usize>() + 1;
    out.list(2, Type::Struct, elements);
    out.item_begin();
    out.binary(4, b"schema");
    out.small(5, keys.len());
    out.end();
    for (key, name) in keys.iter().zip(names) {
        if key.list {
            out.item_begin();
            out.i32(3, OPTIONAL);
            out.binary(4, name.as_bytes());
            out.i32(5, 1);
            // ConvertedType LIST, LogicalType LIST.
            out.i32(6, 3);
            out.begin(10);
            out.begin(3);
            out.end();
            out.end();
            out.end();
            out.item_begin();
            out.i32(3, REPEATED);
            out.binary(4, b"list");
            out.i32(5, 1);
            out.end();
        }
        leaf(key, if key.list { "element" } else { name }, out);
    }
}

fn leaf(key: &Key, name: &str, out: &mut Writer) {
    out.item_begin();
    out.i32(1, physical(key.kind));
    out.i32(3, if key.list { REQUIRED } else { OPTIONAL });
    out.binary(4, name.as_bytes());
    match (key.kind, key.unit) {
        (Kind::Str, _) => {
            // ConvertedType UTF8, LogicalType STRING.
            out.i32(6, 0);
            out.begin(10);
            out.begin(1);
            out.end();
            out.end();
        }
        (Kind::Int, unit @ (Unit::Millis | Unit::Micros | Unit::Nanos)) => {
            // ConvertedTypes TIMESTAMP_MILLIS and TIMESTAMP_MICROS; nanoseconds have none.
            let (converted, unit) = match unit {
                Unit::Millis => (Some(9), 1),
                Unit::Micros => (Some(10), 2),
                Unit::Nanos | Unit::Plain => (None, 3),
            };
            if let Some(converted) = converted {
                out.i32(6, converted);
            }
            // LogicalType TIMESTAMP, in UTC.
            out.begin(10);
            out.begin(8);
            out.bool(1, true);
            out.begin(2);
            out.begin(unit);
            out.end();
            out.end();
            out.end();
            out.end();
        }
        (Kind::Int, Unit::Plain) | (Kind::Float | Kind::Bool, _) => {}
    }
    out.end();
}

fn physical(kind: Kind) -> i32 {
    match kind {
        Kind::Bool => 0,
        Kind::Int => 2,
        Kind::Float => 5,
        Kind::Str => 6,
    }
}

/// Bytes of a chunk's pages before compression, with their headers and levels.
fn raw_bytes(chunk: &Chunk) -> u64 {
    let raw = |page: &super::column::Page| {
        u64::from(page.head)
            + u64::from(page.rep_len)
            + u64::from(page.def_len)
            + u64::from(page.raw)
    };
    chunk.all_pages().map(raw).sum()
}

fn packed_bytes(chunk: &Chunk) -> u64 {
    chunk.all_pages().map(|page| u64::from(page.len)).sum()
}

fn row_group(keys: &[Key], names: &[String], group: &RowGroup<'_>, out: &mut Writer) {
    out.item_begin();
    out.list(1, Type::Struct, keys.len());
    for ((key, name), column) in keys.iter().zip(names).zip(&group.columns) {
        column_chunk(key, name, column, out);
    }
    out.size(2, group.columns.iter().map(|column| raw_bytes(column.chunk)).sum());
    out.size(3, group.rows as u64);
    out.size(6, group.columns.iter().map(|column| packed_bytes(column.chunk)).sum());
    out.end();
}

fn column_chunk(key: &Key, name: &str, column: &Column<'_>, out: &mut Writer) {
    let chunk = column.chunk;
    out.item_begin();
    out.size(2, 0);
    out.begin(3);
    out.i32(1, physical(key.kind));
    let encodings: &[i32] = if chunk.encoding == Encoding::Dictionary {
        &[0, 3, 8]
    } else {
        &[3, chunk.encoding.code()]
    };
    out.list(2, Type::I32, encodings.len());
    encodings.iter().for_each(|encoding| out.item_i32(*encoding));
    let path: &[&str] = if key.list { &[name, "list", "element"] } else { &[name] };
    out.list(3, Type::Binary, path.len());
    path.iter().for_each(|step| out.item_binary(step.as_bytes()));
    // Codec ZSTD.
    out.i32(4, 6);
    out.size(5, chunk.slots());
    out.size(6, raw_bytes(chunk));
    out.size(7, packed_bytes(chunk));
    out.size(9, column.base + chunk.pages.first().map_or(0, |page| page.offset));
    if let Some((page, _)) = &chunk.dictionary {
        out.size(11, column.base + page.offset);
    }
    out.begin(12);
    out.size(3, chunk.pages.iter().map(|page| u64::from(page.missing)).sum());
    let ranges = chunk.ranges.iter().flatten();
    if let Some(range) = ranges.copied().reduce(|all, of| (all.0.min(of.0), all.1.max(of.1))) {
        out.binary(5, &range.1.to_le_bytes());
        out.binary(6, &range.0.to_le_bytes());
    }
    out.end();
    out.end();
    let [offsets, values] = column.indexes;
    out.size(4, offsets.0);
    out.small(5, usize::try_from(offsets.1).unwrap_or(0));
    if values.1 > 0 {
        out.size(6, values.0);
        out.small(7, usize::try_from(values.1).unwrap_or(0));
    }
    out.end();
}

/// The offset index of a chunk whose pages have `rows` rows each.
pub(crate) fn offset_index(chunk: &Chunk, base: u64, rows: usize) -> Vec<u8> {
    let mut out = Writer::default();
    out.list(1, Type::Struct, chunk.pages.len());
    for (at, page) in chunk.pages.iter().enumerate() {
        out.item_begin();
        out.size(1, base + page.offset);
        out.small(2, page.len as usize);
        out.size(3, (at * rows) as u64);
        out.end();
    }
    out.finish()
}

/// The column index of a chunk of integers; empty for other chunks.
pub(crate) fn column_index(chunk: &Chunk) -> Vec<u8> {
    if chunk.ranges.is_empty() {
        return Vec::new();
    }
    let mut out = Writer::default();
    out.list(1, Type::True, chunk.ranges.len());
    chunk.ranges.iter().for_each(|range| out.item_bool(range.is_none()));
    for (id, end) in [(2, 0), (3, 1)] {
        out.list(id, Type::Binary, chunk.ranges.len());
        for range in &chunk.ranges {
            match range {
                None => out.item_binary(&[]),
                Some(range) => out.item_binary(&[range.0, range.1][end].to_le_bytes()),
            }
        }
    }
    // Pages are in no order.
    out.i32(4, 0);
    out.list(5, Type::I64, chunk.pages.len());
    chunk.pages.iter().for_each(|page| out.item_size(u64::from(page.missing)));
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_one_field_have_names_of_their_own() {
        let key = |field: &str, kind, list| Key {
            field: field.to_owned(),
            kind,
            unit: Unit::Plain,
            list,
        };
        let keys = [
            key("a", Kind::Str, false),
            key("a", Kind::Str, true),
            key("a", Kind::Int, false),
            key("a#int", Kind::Bool, false),
        ];
        assert_eq!(names(&keys), ["a", "a#str-list", "a#int#", "a#int"]);
    }
}
