//! Answers of aggregations as JSON.

use logs::agg::result::{Answer, Answers, Body, Buckets, Shown};
use logs::search::Hit;
use serde_json::{Map, Value, json};

use crate::error::Error;

/// Shows the rows of `top_hits`.
pub(crate) type ShowHits<'a> = &'a dyn Fn(&[Hit], &Map<String, Value>) -> Result<Vec<Value>, Error>;

/// How answers are shown.
#[derive(Clone, Copy)]
pub(crate) struct Style<'a> {
    /// `sterms#name` instead of `name`.
    pub(crate) typed: bool,
    /// Totals of `top_hits` as numbers.
    pub(crate) totals_as_int: bool,
    pub(crate) hits: ShowHits<'a>,
}

/// The object of the answers.
pub(crate) fn shown(answers: &Answers, style: Style<'_>) -> Result<Map<String, Value>, Error> {
    let mut out = Map::new();
    for answer in answers {
        let name = if style.typed {
            format!("{}#{}", answer.type_name, answer.name)
        } else {
            answer.name.clone()
        };
        out.insert(name, Value::Object(one(answer, style)?));
    }
    Ok(out)
}

fn number(value: Option<f64>) -> Value {
    value.and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number)
}

fn one(answer: &Answer, style: Style<'_>) -> Result<Map<String, Value>, Error> {
    let mut out = Map::new();
    if let Some(meta) = &answer.meta {
        out.insert("meta".to_owned(), meta.clone());
    }
    match &answer.body {
        Body::Number { value, text, extra } => {
            out.insert("value".to_owned(), number(*value));
            if let Some(text) = text {
                out.insert("value_as_string".to_owned(), text.clone().into());
            }
            out.extend(extra.clone());
        }
        Body::Count(count) => {
            out.insert("value".to_owned(), (*count).into());
        }
        Body::Object(object) => out.extend(object.clone()),
        Body::Percentiles { values, keyed, texts } => {
            out.insert("values".to_owned(), percentiles(values, *keyed, texts.as_deref()));
        }
        Body::Single { doc_count, subs } => {
            out.insert("doc_count".to_owned(), (*doc_count).into());
            out.extend(shown(subs, style)?);
        }
        Body::Buckets(buckets) => bucket_list(buckets, style, &mut out)?,
        Body::TopHits { total, max_score, hits, options } => {
            let total = if style.totals_as_int {
                json!(total)
            } else {
                json!({"value": total, "relation": "eq"})
            };
            let hits = (style.hits)(hits, &options.options)?;
            out.insert(
                "hits".to_owned(),
                json!({"total": total, "max_score": max_score, "hits": hits}),
            );
        }
        Body::TopMetrics(rows) => {
            let rows: Vec<Value> = rows
                .iter()
                .map(|(sort, metrics)| {
                    let metrics: Map<String, Value> = metrics.iter().cloned().collect();
                    json!({"sort": sort, "metrics": metrics})
                })
                .collect();
            out.insert("top".to_owned(), Value::Array(rows));
        }
    }
    Ok(out)
}

fn percentiles(values: &[(f64, Option<f64>)], keyed: bool, texts: Option<&[String]>) -> Value {
    let text = |at: usize| texts.and_then(|texts| texts.get(at));
    if keyed {
        let mut map = Map::new();
        for (at, (key, value)) in values.iter().enumerate() {
            let key = format!("{key:?}");
            map.insert(key.clone(), number(*value));
            if let Some(text) = text(at) {
                map.insert(format!("{key}_as_string"), text.clone().into());
            }
        }
        return Value::Object(map);
    }
    let list = values.iter().enumerate().map(|(at, (key, value))| {
        let mut map = Map::new();
        map.insert("key".to_owned(), number(Some(*key)));
        map.insert("value".to_owned(), number(*value));
        if let Some(text) = text(at) {
            map.insert("value_as_string".to_owned(), text.clone().into());
        }
        Value::Object(map)
    });
    Value::Array(list.collect())
}

fn bucket_list(
    buckets: &Buckets,
    style: Style<'_>,
    out: &mut Map<String, Value>,
) -> Result<(), Error> {
    out.extend(buckets.head.clone());
    let mut list = Vec::with_capacity(buckets.list.len());
    let mut keyed = Map::new();
    for bucket in &buckets.list {
        let mut map = bucket.head.clone();
        map.insert("doc_count".to_owned(), bucket.doc_count.into());
        map.extend(bucket.tail.clone());
        map.extend(shown(&bucket.subs, style)?);
        match buckets.shown {
            Shown::List => list.push(Value::Object(map)),
            Shown::Keyed => {
                keyed.insert(bucket.name.clone(), Value::Object(map));
            }
        }
    }
    let value = match buckets.shown {
        Shown::List => Value::Array(list),
        Shown::Keyed => Value::Object(keyed),
    };
    out.insert("buckets".to_owned(), value);
    out.extend(buckets.tail.clone());
    Ok(())
}
