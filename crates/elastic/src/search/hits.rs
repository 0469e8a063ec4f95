//! Found documents as JSON.

use std::collections::BTreeMap;

use logs::agg::DocValues;
use logs::column::Kind;
use logs::date::{DEFAULT_FORMAT, Edge, Format, Zone};
use logs::mapping::{Field, FieldType, Mapping, simple_match};
use logs::part::{ReadError, system};
use logs::query::Query;
use logs::search::{Hit, Target};
use serde_json::{Map, Value};

use super::body::{FieldAsk, Shown};
use super::highlight::Marks;
use crate::Elastic;
use crate::error::Error;

/// Most `docvalue_fields` of a search (`index.max_docvalue_fields_search`).
pub(crate) const DOCVALUE_FIELDS_MAX: usize = 100;
/// Deepest object that is looked into.
const DEPTH_MAX: usize = 64;

/// Shows hits.
pub(crate) struct Show<'a> {
    targets: &'a [Target],
    shown: &'a Shown,
    docvalues: Vec<(String, DocValues)>,
    formats: &'a [Option<String>],
    /// For each index.
    marks: Vec<Marks<'a>>,
    pub(crate) sorted: bool,
    /// Sort values that are not shown: what was added against ties.
    pub(crate) sort_shown: usize,
}

/// A block that cannot be read.
pub(crate) fn damage(error: &ReadError) -> Error {
    Error::new(500, "exception", error.to_string())
}

impl<'a> Show<'a> {
    pub(crate) fn new(
        targets: &'a [Target],
        shown: &'a Shown,
        formats: &'a [Option<String>],
        (now_ns, docvalues_max): (i128, usize),
    ) -> Result<Self, Error> {
        let mut docvalues = Vec::new();
        for ask in &shown.docvalues {
            for field in docvalue_names(targets, ask) {
                let bound = DocValues::new(targets, &field, ask.format.as_deref(), now_ns)
                    .map_err(|error| super::run::agg_error(&error, targets))?;
                docvalues.push((field, bound));
            }
        }
        if docvalues.len() > docvalues_max {
            return Err(Error::illegal(format!(
                "Trying to retrieve too many docvalue_fields. Must be less than or equal to: [{docvalues_max}] but was [{}]. This limit can be set by changing the [index.max_docvalue_fields_search] index level setting.",
                docvalues.len()
            )));
        }
        let (marks, sort_shown) = (Vec::new(), usize::MAX);
        Ok(Self { targets, shown, docvalues, formats, marks, sorted: false, sort_shown })
    }

    /// With marks of what `query` matched, where they are asked for.
    pub(crate) fn marked(mut self, elastic: &Elastic, query: &Query) -> Result<Self, Error> {
        if let Some(map) = &self.shown.highlight {
            for target in self.targets {
                self.marks.push(Marks::bind(elastic, target, map, query)?);
            }
        }
        Ok(self)
    }

    /// One hit.
    pub(crate) fn hit(&self, hit: &Hit) -> Result<Value, Error> {
        let target = &self.targets[hit.target];
        let stored = self.shown.stored.as_deref().unwrap_or_default();
        let bare = stored.iter().any(|name| name == "_none_");
        let mut out = Map::new();
        out.insert("_index".to_owned(), target.index.clone().into());
        if !bare {
            let id = hit.block.id(hit.row).map_err(|error| damage(&error))?;
            out.insert("_id".to_owned(), id.into());
        }
        self.versions(hit, &mut out)?;
        let score = hit.score.map_or(Value::Null, short);
        out.insert("_score".to_owned(), score);
        if let Some(routing) = text(hit, system::ROUTING)? {
            out.insert("_routing".to_owned(), routing.into());
        }
        let ignored = texts(hit, system::IGNORED)?;
        if !ignored.is_empty() {
            out.insert("_ignored".to_owned(), ignored.into());
        }
        self.document(hit, bare, &mut out)?;
        if !hit.sort.is_empty() && self.sorted {
            out.insert("sort".to_owned(), Value::Array(self.sort(hit)));
        }
        if !hit.matched.is_empty() {
            out.insert("matched_queries".to_owned(), hit.matched.clone().into());
        }
        Ok(Value::Object(out))
    }

    fn versions(&self, hit: &Hit, out: &mut Map<String, Value>) -> Result<(), Error> {
        if self.shown.version {
            let version = int(hit, system::VERSION)?.unwrap_or(1);
            out.insert("_version".to_owned(), version.into());
        }
        if self.shown.seq_no {
            let seq = int(hit, system::SEQ)?.unwrap_or(0);
            out.insert("_seq_no".to_owned(), seq.into());
            out.insert("_primary_term".to_owned(), 1.into());
        }
        Ok(())
    }

    fn document(&self, hit: &Hit, bare: bool, out: &mut Map<String, Value>) -> Result<(), Error> {
        let target = &self.targets[hit.target];
        let stored = self.shown.stored.as_deref();
        let by_stored = stored.is_none_or(|names| names.iter().any(|name| name == "_source"));
        let wants_source = match &self.shown.source {
            Some(filter) => filter.shown && !bare,
            None => by_stored && !bare,
        };
        let disabled = target.mapping.meta.get("_source").and_then(|source| source.get("enabled"))
            == Some(&Value::Bool(false));
        let names = stored.unwrap_or_default();
        let needs = wants_source
            || !self.marks.is_empty()
            || !self.shown.fields.is_empty()
            || names.iter().any(|name| name != "_none_" && name != "_source");
        let source = if needs {
            let text = hit.block.source(hit.row).map_err(|error| damage(&error))?;
            serde_json::from_str(&text)
                .map_err(|error| Error::new(500, "exception", error.to_string()))?
        } else {
            Value::Null
        };
        let mut fields = Map::new();
        for (name, values) in &self.docvalues {
            let values =
                values.of(hit.target, &hit.block, hit.row).map_err(|error| damage(&error))?;
            if !values.is_empty() {
                let list = fields.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.extend(values);
                }
            }
        }
        stored_fields(&target.mapping, names, &source, &mut fields);
        if !self.shown.fields.is_empty() {
            let found = fetch(&target.mapping, &self.shown.fields, &source)?;
            fields.extend(found);
        }
        if let (Some(field), Some(value)) = (&self.collapse(), &hit.collapsed) {
            fields.insert(field.clone(), Value::Array(vec![value.clone()]));
        }
        if disabled && !self.shown.fields.is_empty() {
            return Err(Error::illegal(format!(
                "Unable to retrieve the requested [fields] since _source is disabled in the mappings for index [{}]",
                target.index
            )));
        }
        let marks = match self.marks.get(hit.target) {
            Some(marks) => marks.of(&source)?,
            None => Map::new(),
        };
        if wants_source && !disabled {
            let shown = match &self.shown.source {
                Some(filter) => filter.apply(source),
                None => source,
            };
            out.insert("_source".to_owned(), shown);
        }
        if !fields.is_empty() {
            out.insert("fields".to_owned(), Value::Object(fields));
        }
        if !marks.is_empty() {
            out.insert("highlight".to_owned(), Value::Object(marks));
        }
        Ok(())
    }

    fn collapse(&self) -> Option<String> {
        self.shown.collapse.clone()
    }

    fn sort(&self, hit: &Hit) -> Vec<Value> {
        hit.sort
            .iter()
            .take(self.sort_shown)
            .enumerate()
            .map(|(at, value)| match (self.formats.get(at), value.as_i64()) {
                (Some(Some(format)), Some(number)) => match Format::parse(format) {
                    Ok(format) => {
                        let ns = i128::from(number) * 1_000_000;
                        format.print(ns, &Zone::default()).into()
                    }
                    Err(_) => value.clone(),
                },
                _ => value.clone(),
            })
            .collect()
    }
}

/// A score with as many digits as its 32 bits have.
pub(crate) fn short(score: f32) -> Value {
    score
        .to_string()
        .parse::<f64>()
        .ok()
        .and_then(serde_json::Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

fn int(hit: &Hit, field: &str) -> Result<Option<i64>, Error> {
    let column = hit.block.column(field, Kind::Int).map_err(|error| damage(&error))?;
    Ok(column.and_then(|column| column.int(hit.row)))
}

fn text(hit: &Hit, field: &str) -> Result<Option<String>, Error> {
    Ok(texts(hit, field)?.into_iter().next())
}

fn texts(hit: &Hit, field: &str) -> Result<Vec<String>, Error> {
    let column = hit.block.column(field, Kind::Str).map_err(|error| damage(&error))?;
    let Some(column) = column else { return Ok(Vec::new()) };
    Ok(column.of(hit.row).filter_map(|at| column.values.text(at).map(str::to_owned)).collect())
}

/// The fields that a pattern means.
fn docvalue_names(targets: &[Target], ask: &FieldAsk) -> Vec<String> {
    if !ask.pattern.contains('*') {
        return vec![ask.pattern.clone()];
    }
    let mut names = BTreeMap::new();
    for target in targets {
        for (name, field) in leaves(&target.mapping) {
            let is_text = matches!(
                field.kind,
                FieldType::Text | FieldType::MatchOnlyText | FieldType::SearchAsYouType
            );
            if !is_text && simple_match(&ask.pattern, &name) {
                names.insert(name, ());
            }
        }
    }
    names.into_keys().collect()
}

/// All leaves of a mapping by their dotted names, multi-fields included.
pub(crate) fn leaves(mapping: &Mapping) -> Vec<(String, &Field)> {
    let mut out = Vec::new();
    walk(&mapping.root, "", &mut out, 0);
    out
}

fn walk<'a>(object: &'a Field, path: &str, out: &mut Vec<(String, &'a Field)>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    for (name, field) in &object.properties {
        let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if field.kind.is_object() {
            walk(field, &full, out, depth + 1);
            continue;
        }
        for (multi, of) in &field.fields {
            out.push((format!("{full}.{multi}"), of));
        }
        out.push((full, field));
    }
}

/// `stored_fields`: those that the mapping stores, from the document.
fn stored_fields(
    mapping: &Mapping,
    names: &[String],
    source: &Value,
    fields: &mut Map<String, Value>,
) {
    for name in names.iter().filter(|name| !name.starts_with('_')) {
        for (path, field) in leaves(mapping) {
            let stored = field
                .params
                .get("store")
                .is_some_and(|store| *store == Value::Bool(true) || store.as_str() == Some("true"));
            if stored && simple_match(name, &path) {
                let found = mapping.find(&path);
                let column = found.map_or(path.as_str(), |found| found.column);
                let mut values = Vec::new();
                collect(source, column, &mut values, 0);
                if !values.is_empty() {
                    let values = values.into_iter().cloned().collect();
                    fields.insert(path.clone(), Value::Array(values));
                }
            }
        }
    }
}

/// The values below a dotted path.
pub(crate) fn collect<'a>(value: &'a Value, path: &str, out: &mut Vec<&'a Value>, depth: usize) {
    match value {
        Value::Array(values) if depth <= DEPTH_MAX => {
            values.iter().for_each(|value| collect(value, path, out, depth + 1));
        }
        Value::Object(members) if depth <= DEPTH_MAX && !path.is_empty() => {
            for (name, value) in members {
                if let Some(rest) = path.strip_prefix(name.as_str()) {
                    if rest.is_empty() {
                        collect(value, "", out, depth + 1);
                    } else if let Some(rest) = rest.strip_prefix('.') {
                        collect(value, rest, out, depth + 1);
                    }
                }
            }
        }
        Value::Null | Value::Array(_) => {}
        leaf if path.is_empty() => out.push(leaf),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {}
    }
}

/// `fields`: values from the document, as the mapping's types write them.
fn fetch(
    mapping: &Mapping,
    asks: &[FieldAsk],
    source: &Value,
) -> Result<Map<String, Value>, Error> {
    let mut out = Map::new();
    let leaves = leaves(mapping);
    for ask in asks {
        let mut matched = false;
        for (path, field) in &leaves {
            if path != &ask.pattern && !simple_match(&ask.pattern, path) {
                continue;
            }
            matched = true;
            let (field, column) = resolve(mapping, path, field);
            let mut found = Vec::new();
            collect(source, &column, &mut found, 0);
            let values = found
                .into_iter()
                .filter_map(|value| typed(field, value, ask.format.as_deref()).transpose())
                .collect::<Result<Vec<Value>, Error>>()?;
            if !values.is_empty() {
                out.insert(path.clone(), Value::Array(values));
            }
        }
        if !matched && !ask.pattern.contains('*') && mapping.find(&ask.pattern).is_none() {
            flattened(mapping, &ask.pattern, source, &mut out);
        }
        if ask.unmapped {
            unmapped(mapping, ask, source, "", &mut out, 0);
        }
    }
    Ok(out)
}

/// A value inside of a flattened object.
fn flattened(mapping: &Mapping, path: &str, source: &Value, out: &mut Map<String, Value>) {
    let above = path.match_indices('.').map(|(at, _)| &path[..at]);
    let flat = above
        .filter_map(|above| mapping.find(above))
        .any(|found| found.field.kind == FieldType::Flattened);
    if flat {
        let mut found = Vec::new();
        collect(source, path, &mut found, 0);
        if !found.is_empty() {
            out.insert(path.to_owned(), Value::Array(found.into_iter().cloned().collect()));
        }
    }
}

fn unmapped(
    mapping: &Mapping,
    ask: &FieldAsk,
    value: &Value,
    path: &str,
    out: &mut Map<String, Value>,
    depth: usize,
) {
    match value {
        Value::Object(members) if depth <= DEPTH_MAX => {
            for (name, value) in members {
                let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                unmapped(mapping, ask, value, &full, out, depth + 1);
            }
        }
        Value::Array(values) if depth <= DEPTH_MAX => {
            values.iter().for_each(|value| unmapped(mapping, ask, value, path, out, depth + 1));
        }
        Value::Null | Value::Object(_) | Value::Array(_) => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            if mapping.find(path).is_none() && simple_match(&ask.pattern, path) {
                let list = out.entry(path.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.push(value.clone());
                }
            }
        }
    }
}

/// The field whose values are shown, and where they are: aliases are followed, multi-fields are their field's.
fn resolve<'a>(mapping: &'a Mapping, path: &str, field: &'a Field) -> (&'a Field, String) {
    if field.kind == FieldType::Alias
        && let Some(target) = field.params.get("path").and_then(Value::as_str)
        && let Some(found) = mapping.find(target)
    {
        return (found.field, found.column.to_owned());
    }
    let column = mapping.find(path).map_or(path, |found| found.column).to_owned();
    (field, column)
}

/// A value as its type writes it; `None` where it is not of the type.
fn typed(field: &Field, value: &Value, format: Option<&str>) -> Result<Option<Value>, Error> {
    let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(Some(match field.kind {
        FieldType::Date | FieldType::DateNanos => return date(field, &text(), format),
        FieldType::Long
        | FieldType::Integer
        | FieldType::Short
        | FieldType::Byte
        | FieldType::TokenCount => match value.as_i64().or_else(|| text().parse().ok()) {
            Some(value) => value.into(),
            None => match text().parse::<f64>() {
                Ok(value) => logs::agg::f64_to_int(value).into(),
                Err(_) => return Ok(None),
            },
        },
        FieldType::Double | FieldType::HalfFloat | FieldType::ScaledFloat | FieldType::Float => {
            match text().parse::<f64>() {
                Ok(value) => value.into(),
                Err(_) => return Ok(None),
            }
        }
        FieldType::Boolean => match text().as_str() {
            "true" => true.into(),
            "false" | "" => false.into(),
            _ => return Ok(None),
        },
        FieldType::Keyword | FieldType::Wildcard => {
            let above = field.params.get("ignore_above").and_then(Value::as_u64);
            let text = text();
            let len = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
            if above.is_some_and(|above| len > above) {
                return Ok(None);
            }
            text.into()
        }
        FieldType::Text
        | FieldType::MatchOnlyText
        | FieldType::SearchAsYouType
        | FieldType::ConstantKeyword
        | FieldType::Version
        | FieldType::Ip => text().into(),
        FieldType::UnsignedLong
        | FieldType::Binary
        | FieldType::GeoPoint
        | FieldType::GeoShape
        | FieldType::IntegerRange
        | FieldType::LongRange
        | FieldType::FloatRange
        | FieldType::DoubleRange
        | FieldType::DateRange
        | FieldType::IpRange
        | FieldType::Completion
        | FieldType::Flattened
        | FieldType::Alias
        | FieldType::Object
        | FieldType::Nested
        | FieldType::Join
        | FieldType::Percolator => value.clone(),
    }))
}

/// A date as `format`, or the field's own, writes it.
fn date(field: &Field, text: &str, format: Option<&str>) -> Result<Option<Value>, Error> {
    let own = field.params.get("format").and_then(Value::as_str).unwrap_or(DEFAULT_FORMAT);
    let parse =
        |format: &str| Format::parse(format).map_err(|error| Error::illegal(error.to_string()));
    let Some(ns) = parse(own)?.read(text, &Zone::default(), Edge::First) else {
        return Ok(None);
    };
    // What the column does not hold is not shown.
    let unit = if field.kind == FieldType::Date { 1_000_000 } else { 1 };
    let ns = ns.div_euclid(unit) * unit;
    let own = if own == DEFAULT_FORMAT && field.kind == FieldType::DateNanos {
        "strict_date_optional_time_nanos"
    } else {
        own
    };
    Ok(Some(parse(format.unwrap_or(own))?.print(ns, &Zone::default()).into()))
}
