//! Fields of an index as queries name them: through aliases, multi-fields, copies, objects, and the fields that every document has.

use std::sync::Arc;

use serde_json::Value;

use super::plan::Columns;
use super::{QueryError, Target};
use crate::date::Format;
use crate::mapping::{Field, FieldType};
use crate::part::system;
use crate::text::analysis::Analyzer;

/// Most fields that a pattern stands for.
pub(super) const FIELDS_MAX: usize = 1_024;

/// A field that a query can look at.
#[derive(Debug, Clone)]
pub(super) struct FieldRef {
    pub(super) name: String,
    pub(super) columns: Columns,
    pub(super) kind: FieldType,
    pub(super) field: Field,
    /// It looks at another field's columns: numbers and dates may have to be read from texts.
    pub(super) is_multi: bool,
    /// The innermost nested object that it lies in.
    pub(super) nested: Option<String>,
}

/// The kinds whose texts are cut into words.
pub(super) fn is_text(kind: FieldType) -> bool {
    matches!(kind, FieldType::Text | FieldType::MatchOnlyText | FieldType::SearchAsYouType)
}

/// The kinds whose values are compared whole.
pub(super) fn is_keyword(kind: FieldType) -> bool {
    matches!(
        kind,
        FieldType::Keyword
            | FieldType::ConstantKeyword
            | FieldType::Wildcard
            | FieldType::Version
            | FieldType::Flattened
            | FieldType::Completion
            | FieldType::Join
    )
}

impl FieldRef {
    fn new(name: &str, kind: FieldType, column: &str) -> Self {
        Self {
            name: name.to_owned(),
            columns: Columns::Named(vec![column.to_owned()]),
            kind,
            field: Field::new(kind),
            is_multi: false,
            nested: None,
        }
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.field.params.get(name).and_then(Value::as_str)
    }

    /// Longest value that counts, in letters.
    pub(super) fn ignore_above(&self) -> Option<usize> {
        let above = self.field.params.get("ignore_above")?;
        let above = above.as_u64().or_else(|| above.as_str()?.parse().ok())?;
        usize::try_from(above).ok()
    }

    /// Whether `index: false` keeps queries out.
    pub(super) fn is_searchable(&self) -> bool {
        let is_false = |name: &str| {
            self.field
                .params
                .get(name)
                .is_some_and(|value| *value == false || value.as_str() == Some("false"))
        };
        !is_false("index") || (!is_text(self.kind) && !is_false("doc_values"))
    }

    pub(super) fn format(&self) -> Result<Arc<Format>, QueryError> {
        match self.param("format") {
            None => Ok(Arc::new(Format::default())),
            Some(format) => read_format(format).map(Arc::new),
        }
    }

    /// The analyzer that the field's texts were cut by.
    pub(super) fn index_analyzer(&self, target: &Target) -> Arc<Analyzer> {
        self.param("analyzer")
            .and_then(|name| target.analysis.analyzer(name))
            .unwrap_or_else(|| target.analysis.index_default())
    }

    /// The analyzer that a query's text is cut by.
    pub(super) fn search_analyzer(&self, target: &Target) -> Arc<Analyzer> {
        ["search_analyzer", "analyzer"]
            .iter()
            .find_map(|name| target.analysis.analyzer(self.param(name)?))
            .unwrap_or_else(|| target.analysis.search_default())
    }

    pub(super) fn normalizer(&self, target: &Target) -> Option<Arc<Analyzer>> {
        self.param("normalizer").and_then(|name| target.analysis.normalizer(name))
    }

    /// Places between the values of a row.
    pub(super) fn gap(&self) -> u32 {
        self.field
            .params
            .get("position_increment_gap")
            .and_then(Value::as_u64)
            .and_then(|gap| u32::try_from(gap).ok())
            .unwrap_or(100)
    }
}

pub(super) fn read_format(format: &str) -> Result<Format, QueryError> {
    Format::parse(format)
        .map_err(|error| QueryError::DateFormat { format: error.format, what: error.what })
}

/// The field that `name` is; `None` when the index has none of that name.
pub(super) fn resolve(target: &Target, name: &str) -> Option<FieldRef> {
    // An alias of an alias is refused by the mapping; this bounds what is read from disk.
    resolve_at(target, name, 0)
}

fn resolve_at(target: &Target, name: &str, depth: usize) -> Option<FieldRef> {
    match name {
        "_id" => return Some(FieldRef::new(name, FieldType::Keyword, system::ID)),
        "_index" => return Some(FieldRef::new(name, FieldType::ConstantKeyword, name)),
        "_routing" => return Some(FieldRef::new(name, FieldType::Keyword, system::ROUTING)),
        "_ignored" => return Some(FieldRef::new(name, FieldType::Keyword, system::IGNORED)),
        "_seq_no" => return Some(FieldRef::new(name, FieldType::Long, system::SEQ)),
        "_version" => return Some(FieldRef::new(name, FieldType::Long, system::VERSION)),
        _ => {}
    }
    let Some(found) = target.mapping.find(name) else { return flattened(target, name) };
    if found.field.kind == FieldType::Alias {
        let path = found.field.params.get("path")?.as_str()?;
        let aliased = resolve_at(target, path, depth + 1).filter(|_| depth < 2)?;
        return Some(FieldRef { name: name.to_owned(), ..aliased });
    }
    let mut columns = vec![found.column.to_owned()];
    if found.multi.is_none() {
        columns.extend(copies_to(&target.mapping.root, "", name));
    }
    let is_object =
        matches!(found.field.kind, FieldType::Object | FieldType::Nested | FieldType::Flattened);
    let columns =
        if is_object { Columns::Under(format!("{name}.")) } else { Columns::Named(columns) };
    Some(FieldRef {
        name: name.to_owned(),
        columns,
        kind: found.field.kind,
        field: found.field.clone(),
        is_multi: found.multi.is_some(),
        nested: nested_path(target, name),
    })
}

/// A leaf of a flattened field: `labels.app` of `labels`.
fn flattened(target: &Target, name: &str) -> Option<FieldRef> {
    let parent = name.rmatch_indices('.').find_map(|(at, _)| {
        target.mapping.find(&name[..at]).filter(|found| found.field.kind == FieldType::Flattened)
    })?;
    Some(FieldRef {
        name: name.to_owned(),
        columns: Columns::Named(vec![name.to_owned()]),
        kind: FieldType::Flattened,
        field: parent.field.clone(),
        is_multi: false,
        nested: nested_path(target, name),
    })
}

/// The innermost nested object that `name` lies in.
pub(super) fn nested_path(target: &Target, name: &str) -> Option<String> {
    name.rmatch_indices('.').map(|(at, _)| &name[..at]).find_map(|path| {
        let found = target.mapping.find(path)?;
        (found.field.kind == FieldType::Nested).then(|| path.to_owned())
    })
}

/// The columns whose values are copied to `name`.
fn copies_to(object: &Field, prefix: &str, name: &str) -> Vec<String> {
    let mut columns = Vec::new();
    for (key, field) in &object.properties {
        let path = format!("{prefix}{key}");
        let copies = match field.params.get("copy_to") {
            Some(Value::String(to)) => to == name,
            Some(Value::Array(all)) => all.iter().any(|to| to.as_str() == Some(name)),
            _ => false,
        };
        if copies {
            columns.push(path.clone());
        }
        if !field.properties.is_empty() {
            columns.extend(copies_to(field, &format!("{path}."), name));
        }
    }
    columns
}

/// Whether `name` follows `pattern` with its stars.
pub(super) fn is_like(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The leaves and multi-fields that a pattern stands for, in order of name.
pub(super) fn expand(target: &Target, pattern: &str) -> Vec<String> {
    let mut names = Vec::new();
    walk(&target.mapping.root, "", 0, &mut |path, field| {
        let is_leaf = !matches!(field.kind, FieldType::Object | FieldType::Nested);
        if is_leaf && names.len() < FIELDS_MAX && is_like(pattern, path) {
            names.push(path.to_owned());
        }
    });
    names
}

fn walk(object: &Field, prefix: &str, depth: usize, each: &mut impl FnMut(&str, &Field)) {
    if depth > crate::mapping::DEPTH_MAX {
        return;
    }
    for (key, field) in &object.properties {
        let path = format!("{prefix}{key}");
        each(&path, field);
        for (multi, field) in &field.fields {
            each(&format!("{path}.{multi}"), field);
        }
        walk(field, &format!("{path}."), depth + 1, each);
    }
}
