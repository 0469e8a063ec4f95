//! What an index knows of its fields: types, analysis, and what becomes of fields that it has not seen yet.
//!
//! A mapping is a tree as in `OpenSearch`: objects have properties, and a field may have multi-fields (`f.keyword`). Columns are stored once for each
//! leaf (`f`); a multi-field is another way to look at the same column.

mod dynamic;
mod merge;
mod parse;
#[cfg(test)]
mod tests;
mod types;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use dynamic::{Decision, Leaf, simple_match};
pub use parse::{FIELDS_MAX, MappingError};

/// The type of a field, by its name in a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldType {
    Text,
    MatchOnlyText,
    SearchAsYouType,
    Keyword,
    ConstantKeyword,
    Wildcard,
    Version,
    Long,
    Integer,
    Short,
    Byte,
    UnsignedLong,
    Double,
    Float,
    HalfFloat,
    ScaledFloat,
    Boolean,
    Date,
    DateNanos,
    Ip,
    Binary,
    GeoPoint,
    GeoShape,
    IntegerRange,
    LongRange,
    FloatRange,
    DoubleRange,
    DateRange,
    IpRange,
    TokenCount,
    Completion,
    /// `flattened` and `flat_object`: an object whose leaves are all keywords.
    Flattened,
    Alias,
    Object,
    Nested,
    Join,
    Percolator,
}

/// What becomes of a field that the mapping does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dynamic {
    /// It gets a type by its first value.
    #[default]
    True,
    /// It is kept, and found only in the document's source.
    False,
    /// The document is refused.
    Strict,
    /// `strict_allow_templates`: refused unless a dynamic template names it.
    StrictAllowTemplates,
}

/// One field of a mapping: a leaf, or an object with `properties`.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub kind: FieldType,
    /// Everything beside `type`, `properties`, `fields`, `dynamic`, as it was written: what is said back, and where rarer parameters are read.
    pub params: Map<String, Value>,
    /// Multi-fields, in order of name.
    pub fields: BTreeMap<String, Field>,
    /// An object's fields.
    pub properties: BTreeMap<String, Field>,
    /// An object's own rule; `None` as its parent.
    pub dynamic: Option<Dynamic>,
}

impl Field {
    /// A leaf of `kind` without parameters.
    #[must_use]
    pub fn new(kind: FieldType) -> Self {
        Self {
            kind,
            params: Map::new(),
            fields: BTreeMap::new(),
            properties: BTreeMap::new(),
            dynamic: None,
        }
    }
}

/// All fields of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The root object.
    pub root: Field,
    /// The root's other keys (`_meta`, `_source`, `_routing`, `dynamic_templates`, `date_detection` …), as they were written.
    pub meta: Map<String, Value>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self { root: Field::new(FieldType::Object), meta: Map::new() }
    }
}

/// A field that a path names, and the path of its column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    pub field: &'a Field,
    /// The stored field: `f` for `f` and for its multi-field `f.keyword`.
    pub column: &'a str,
    /// The multi-field's name in its field.
    pub multi: Option<&'a str>,
}

impl Mapping {
    /// What the dotted `path` names: an object, a leaf, or a leaf's multi-field. Aliases are not followed.
    #[must_use]
    pub fn find<'a>(&'a self, path: &'a str) -> Option<Found<'a>> {
        find_in(&self.root, path, path, 0)
    }
}

/// Looks for `rest` of `path` below `field`; keys may themselves hold dots (`subobjects: false`).
fn find_in<'a>(field: &'a Field, path: &'a str, rest: &'a str, depth: usize) -> Option<Found<'a>> {
    if depth > DEPTH_MAX {
        return None;
    }
    let cuts = rest.match_indices('.').map(|(at, _)| at).chain([rest.len()]);
    for cut in cuts {
        let (key, tail) = (&rest[..cut], rest.get(cut + 1..));
        let Some(child) = field.properties.get(key) else { continue };
        let column = &path[..path.len() - rest.len() + cut];
        match tail {
            None => return Some(Found { field: child, column, multi: None }),
            Some(tail) => {
                if let Some(multi) = child.fields.get(tail) {
                    return Some(Found { field: multi, column, multi: Some(tail) });
                }
                if let Some(found) = find_in(child, path, tail, depth + 1) {
                    return Some(found);
                }
            }
        }
    }
    None
}

/// Deepest object in a mapping (`index.mapping.depth.limit` is 20 by default, and bounded by this).
pub const DEPTH_MAX: usize = 64;
