//! The order of hits, as bodies and parameters say it.

use logs::mapping::FieldType;
use logs::search::{Missing, Mode, NumericType, Sort, SortBy};
use serde_json::Value;

use super::opts::{Opts, content, parsing};
use crate::error::Error;

/// Most levels of an order.
const LEVELS_MAX: usize = 100;

/// Reads the member `sort`: a name, an object, or a list of them.
pub(crate) fn read(value: Option<&Value>) -> Result<Vec<Sort>, Error> {
    let mut sorts = Vec::new();
    match value {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) => {
            for value in list {
                one(value, &mut sorts)?;
            }
        }
        Some(value) => one(value, &mut sorts)?,
    }
    if sorts.len() > LEVELS_MAX {
        return Err(Error::illegal(format!("more than {LEVELS_MAX} levels of [sort]")));
    }
    if matches!(sorts.as_slice(), [Sort { by: SortBy::Score, descending: true, .. }]) {
        sorts.clear();
    }
    Ok(sorts)
}

/// Reads the parameter `sort`: `a,b:desc`.
pub(crate) fn read_text(text: &str) -> Result<Vec<Sort>, Error> {
    let list: Vec<Value> = text
        .split(',')
        .filter(|part| !part.is_empty())
        .map(|part| match part.rsplit_once(':') {
            Some((field, order @ ("asc" | "desc"))) => {
                Value::Object([(field.to_owned(), order.into())].into_iter().collect())
            }
            Some(_) | None => part.into(),
        })
        .collect();
    read(Some(&Value::Array(list)))
}

fn by(name: &str) -> SortBy {
    match name {
        "_score" => SortBy::Score,
        "_doc" | "_shard_doc" => SortBy::Doc,
        field => SortBy::Field(field.to_owned()),
    }
}

fn one(value: &Value, sorts: &mut Vec<Sort>) -> Result<(), Error> {
    match value {
        Value::String(name) => {
            let by = by(name);
            let descending = by == SortBy::Score;
            sorts.push(Sort::by(by, descending));
        }
        Value::Object(map) => {
            for (name, options) in map {
                sorts.push(level(name, options)?);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            return Err(Error::illegal(format!(
                "malformed sort format, within the sort array, an object, or an actual string are allowed but found [{}]",
                super::opts::token(value)
            )));
        }
    }
    Ok(())
}

fn direction(text: &str) -> Result<bool, Error> {
    match text.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(Error::illegal(format!(
            "No enum constant org.opensearch.search.sort.SortOrder.{}",
            text.to_ascii_uppercase()
        ))),
    }
}

fn level(name: &str, options: &Value) -> Result<Sort, Error> {
    if matches!(name, "_script" | "_geo_distance") {
        return Err(parsing(format!("sorting by [{name}] is not supported")));
    }
    let mut sort = Sort::by(by(name), name == "_score");
    if let Value::String(text) = options {
        sort.descending = direction(text)?;
        return Ok(sort);
    }
    let opts = Opts::of("field_sort", options)?.known(&[
        "order",
        "missing",
        "mode",
        "unmapped_type",
        "numeric_type",
        "nested",
        "format",
        "nested_path",
        "nested_filter",
        "ignore_unmapped",
        "reverse",
    ])?;
    if let Some(text) = opts.text("order")? {
        sort.descending = direction(&text)?;
    }
    sort.missing = match opts.get("missing") {
        None => Missing::Last,
        Some(Value::String(text)) if text == "_last" => Missing::Last,
        Some(Value::String(text)) if text == "_first" => Missing::First,
        Some(value) => Missing::Value(value.clone()),
    };
    sort.mode = match opts.text("mode")?.map(|text| text.to_ascii_lowercase()).as_deref() {
        None => None,
        Some("min") => Some(Mode::Min),
        Some("max") => Some(Mode::Max),
        Some("sum") => Some(Mode::Sum),
        Some("avg") => Some(Mode::Avg),
        Some("median") => Some(Mode::Median),
        Some(other) => return Err(Error::illegal(format!("Unknown SortMode [{other}]"))),
    };
    if let Some(name) = opts.text("unmapped_type")? {
        let kind = FieldType::named(&name)
            .ok_or_else(|| Error::illegal(format!("No mapper found for type [{name}]")))?;
        sort.unmapped_type = Some(kind);
    }
    sort.numeric_type = match opts.text("numeric_type")?.as_deref() {
        None => None,
        Some("long") => Some(NumericType::Long),
        Some("double") => Some(NumericType::Double),
        Some("date") => Some(NumericType::Date),
        Some("date_nanos") => Some(NumericType::DateNanos),
        Some(other) => {
            return Err(Error::illegal(format!(
                "invalid value for [numeric_type], must be [long, double, date, date_nanos], got [{other}]"
            )));
        }
    };
    if opts.get("nested").is_some() || opts.get("nested_path").is_some() {
        return Err(content("[1:1] [field_sort] sorting by nested objects is not supported"));
    }
    Ok(sort)
}

/// The formats that levels of the member `sort` are answered in.
pub(crate) fn formats(value: Option<&Value>) -> Vec<Option<String>> {
    let list: Vec<&Value> = match value {
        None => Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(value) => vec![value],
    };
    let mut formats = Vec::new();
    for value in list {
        match value {
            Value::Object(map) => {
                formats.extend(map.values().map(|options| {
                    options.get("format").and_then(Value::as_str).map(str::to_owned)
                }))
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                formats.push(None);
            }
        }
    }
    formats
}
