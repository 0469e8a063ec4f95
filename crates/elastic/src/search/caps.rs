//! What can be done with fields.

use std::collections::{BTreeMap, BTreeSet};

use logs::mapping::{Field, FieldType, Mapping, simple_match};
use serde_json::{Map, Value, json};

use super::opts::Opts;
use super::query::Parser;
use super::{limits, lookup, search_error, targets};
use crate::Elastic;
use crate::error::Error;
use crate::resolve::Options;
use crate::rest::{Answer, Call};

pub(super) const PARAMS: &[&str] =
    &["fields", "include_unmapped", "filters", "types", "include_empty_fields"];

/// What one index can do with a field.
#[derive(Debug, Clone)]
struct Cap {
    kind: String,
    searchable: bool,
    aggregatable: bool,
    meta: Option<Map<String, Value>>,
}

fn cap(field: &Field, path: &str) -> Cap {
    let is = |name: &str, default: bool| {
        field
            .params
            .get(name)
            .map_or(default, |value| *value != Value::Bool(false) && value != "false")
    };
    let kind = field.kind;
    let name = field.params.get("type").and_then(Value::as_str).unwrap_or_else(|| kind.name());
    let is_text =
        matches!(kind, FieldType::Text | FieldType::MatchOnlyText | FieldType::SearchAsYouType);
    let never = kind.is_object() || matches!(kind, FieldType::Binary | FieldType::Completion);
    let fielddata = field.params.get("fielddata") == Some(&Value::Bool(true));
    let _ = path;
    Cap {
        kind: name.to_owned(),
        searchable: !never && is("index", true),
        aggregatable: !never && if is_text { fielddata } else { is("doc_values", true) },
        meta: field.params.get("meta").and_then(Value::as_object).cloned(),
    }
}

const META: &[(&str, &str, bool, bool)] = &[
    ("_id", "_id", true, true),
    ("_index", "_index", true, true),
    ("_source", "_source", false, false),
    ("_seq_no", "_seq_no", true, true),
    ("_version", "_version", false, true),
    ("_routing", "_routing", true, false),
    ("_ignored", "_ignored", true, false),
    ("_field_names", "_field_names", true, false),
    ("_nested_path", "_nested_path", true, false),
    ("_doc_count", "_doc_count", false, false),
];

/// All fields of a mapping, objects and multi-fields included.
fn all(mapping: &Mapping) -> BTreeMap<String, Cap> {
    let mut out = BTreeMap::new();
    for (name, kind, searchable, aggregatable) in META {
        let kind = (*kind).to_owned();
        let (searchable, aggregatable) = (*searchable, *aggregatable);
        out.insert((*name).to_owned(), Cap { kind, searchable, aggregatable, meta: None });
    }
    walk(mapping, &mapping.root, "", &mut out, 0);
    out
}

fn walk(
    mapping: &Mapping,
    object: &Field,
    path: &str,
    out: &mut BTreeMap<String, Cap>,
    depth: usize,
) {
    if depth > logs::mapping::DEPTH_MAX {
        return;
    }
    for (name, field) in &object.properties {
        let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let mut of = cap(field, &full);
        if field.kind == FieldType::Alias
            && let Some(target) = field.params.get("path").and_then(Value::as_str)
            && let Some(found) = mapping.find(target)
        {
            of = cap(found.field, target);
        }
        if field.kind.is_object() {
            walk(mapping, field, &full, out, depth + 1);
        }
        for (multi, field) in &field.fields {
            out.insert(format!("{full}.{multi}"), cap(field, &full));
        }
        // A name with dots stands below objects that nobody wrote.
        out.insert(full, of);
    }
}

/// `GET|POST /{index}/_field_caps`
pub(super) fn field_caps(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let body = call.json()?;
    let empty = Map::new();
    let map = body.as_ref().and_then(Value::as_object).unwrap_or(&empty);
    let opts =
        Opts { owner: "field_caps", map }.known(&["fields", "index_filter", "runtime_mappings"])?;
    let mut patterns = opts.texts("fields")?.unwrap_or_default();
    patterns.extend(call.params.list("fields").unwrap_or_default().into_iter().map(str::to_owned));
    if patterns.is_empty() {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: no fields specified;",
        ));
    }
    let unmapped = call.flag("include_unmapped", false)?;
    let mut targets = targets(elastic, call.part("index"), Options::search().of(call)?)?;
    if let Some(filter) = opts.get("index_filter") {
        let lookup = lookup(elastic);
        let query = Parser::new(&lookup).query(filter)?;
        let mut kept = Vec::new();
        for target in targets {
            let request = logs::search::Request {
                query: query.clone(),
                size: 0,
                terminate_after: Some(1),
                track_total: logs::search::Track::Exactly,
                ..logs::search::Request::default()
            };
            let one = std::slice::from_ref(&target);
            let found = logs::search::run(one, &request, &limits(elastic, None), None)
                .map_err(|error| search_error(elastic, one, &error))?;
            if found.total.is_some_and(|total| total.value > 0) {
                kept.push(target);
            }
        }
        targets = kept;
    }
    let indices: Vec<String> = targets.iter().map(|target| target.index.clone()).collect();
    let mut fields: BTreeMap<String, Vec<(usize, Cap)>> = BTreeMap::new();
    for (at, target) in targets.iter().enumerate() {
        for (name, cap) in all(&target.mapping) {
            if patterns.iter().any(|pattern| simple_match(pattern, &name)) {
                fields.entry(name).or_default().push((at, cap));
            }
        }
    }
    let mut out = Map::new();
    for (name, caps) in &fields {
        out.insert(name.clone(), shown(caps, &indices, unmapped));
    }
    Ok(Answer::json(json!({"indices": indices, "fields": out})))
}

fn shown(caps: &[(usize, Cap)], indices: &[String], unmapped: bool) -> Value {
    let mut kinds: BTreeMap<&str, Vec<&(usize, Cap)>> = BTreeMap::new();
    for cap in caps {
        kinds.entry(cap.1.kind.as_str()).or_default().push(cap);
    }
    let without: Vec<&String> = indices
        .iter()
        .enumerate()
        .filter(|(at, _)| !caps.iter().any(|(have, _)| have == at))
        .map(|(_, name)| name)
        .collect();
    let says_indices = kinds.len() + usize::from(unmapped && !without.is_empty()) > 1;
    let mut out = Map::new();
    for (kind, of) in kinds {
        let names = |wanted: &dyn Fn(&Cap) -> bool| -> Vec<&String> {
            of.iter().filter(|(_, cap)| wanted(cap)).map(|(at, _)| &indices[*at]).collect()
        };
        let mut entry = Map::new();
        let (not_searchable, not_aggregatable) =
            (names(&|cap| !cap.searchable), names(&|cap| !cap.aggregatable));
        entry.insert("type".to_owned(), kind.into());
        entry.insert("searchable".to_owned(), not_searchable.is_empty().into());
        entry.insert("aggregatable".to_owned(), not_aggregatable.is_empty().into());
        if says_indices {
            entry.insert("indices".to_owned(), json!(names(&|_| true)));
        }
        for (name, list) in [
            ("non_searchable_indices", not_searchable),
            ("non_aggregatable_indices", not_aggregatable),
        ] {
            if !list.is_empty() && list.len() < of.len() {
                entry.insert(name.to_owned(), json!(list));
            }
        }
        let mut meta: BTreeMap<&String, BTreeSet<&str>> = BTreeMap::new();
        for (_, cap) in of.iter().copied() {
            for (key, value) in cap.meta.iter().flatten() {
                meta.entry(key).or_default().extend(value.as_str());
            }
        }
        if !meta.is_empty() {
            entry.insert("meta".to_owned(), json!(meta));
        }
        out.insert(kind.to_owned(), Value::Object(entry));
    }
    if unmapped && !without.is_empty() {
        out.insert(
            "unmapped".to_owned(),
            json!({"type": "unmapped", "searchable": false, "aggregatable": false, "indices": without}),
        );
    }
    Value::Object(out)
}
