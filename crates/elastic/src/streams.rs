//! Data streams: a name over a row of hidden indices, of which the last one is written to.

use std::sync::Arc;

use logs::date::{Format, Zone};
use logs::mapping::{Field, FieldType, Mapping};
use logs::store::Index;
use serde_json::{Value, json};

use crate::error::Error;
use crate::indices::{self, Wanted};
use crate::meta::{Kind, Meta};
use crate::rest::Scope::{Admin, Read};
use crate::rest::route::{DELETE, GET, INDICES, PUT, TIMEOUTS, route};
use crate::rest::{Answer, Call, Route, acknowledged};
use crate::templates::{self, Base, asked};
use crate::{Changing, Elastic};

pub(crate) const ROUTES: &[Route] = &[
    route(GET, "/_data_stream", Read, &[TIMEOUTS, INDICES, &["include_defaults", "verbose"]], get),
    route(
        GET,
        "/_data_stream/{name}",
        Read,
        &[TIMEOUTS, INDICES, &["include_defaults", "verbose"]],
        get,
    ),
    route(PUT, "/_data_stream/{name}", Admin, &[TIMEOUTS], put),
    route(DELETE, "/_data_stream/{name}", Admin, &[TIMEOUTS, INDICES], delete),
    route(GET, "/_data_stream/_stats", Read, &[INDICES], stats),
    route(GET, "/_data_stream/{name}/_stats", Read, &[INDICES], stats),
];

/// `GET /_data_stream/{name}`
fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let meta = elastic.meta();
    let list: Vec<Value> =
        chosen(&meta, call)?.iter().map(|name| shown(elastic, &meta, name)).collect();
    Ok(Answer::json(json!({ "data_streams": list })))
}

/// The streams that are asked for.
fn chosen(meta: &Meta, call: &Call<'_>) -> Result<Vec<String>, Error> {
    let names = call.params.list("name").unwrap_or_default();
    for name in names.iter().filter(|name| !name.contains('*')) {
        if meta.stream(name).is_none() {
            return Err(Error::no_index(name));
        }
    }
    let all = meta.all(Kind::DataStream).map(|(name, _)| name);
    Ok(all.filter(|name| asked(&names, name)).cloned().collect())
}

fn shown(elastic: &Elastic, meta: &Meta, name: &str) -> Value {
    let indices: Vec<Value> = meta
        .backing(name)
        .into_iter()
        .filter_map(|index| {
            let uuid = elastic.store.index(index)?.uuid().to_owned();
            Some(json!({ "index_name": index, "index_uuid": uuid, "prefer_ilm": true, "managed_by": "Unmanaged" }))
        })
        .collect();
    let document = meta.stream(name).map(|document| (**document).clone()).unwrap_or_default();
    json!({
        "name": name,
        "timestamp_field": { "name": "@timestamp" },
        "indices": indices,
        "generation": document["generation"],
        "status": "GREEN",
        "template": document["template"],
        "hidden": document["hidden"] == true,
        "system": false,
        "allow_custom_routing": false,
        "replicated": false,
        "rollover_on_write": false,
    })
}

/// `PUT /_data_stream/{name}`
fn put(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = call.part("name");
    let changing = elastic.change();
    let meta = elastic.meta();
    if meta.stream(name).is_some() {
        return Err(Error::new(
            400,
            "resource_already_exists_exception",
            format!("data_stream [{name}] already exists"),
        ));
    }
    let base = templates::for_index(&meta, name)?.filter(|base| !base.name.is_empty());
    let base = base.ok_or_else(|| {
        Error::illegal(format!("no matching index template found for data stream [{name}]"))
    })?;
    if !base.is_stream {
        return Err(Error::illegal(format!(
            "matching index template [{}] for data stream [{name}] has no data stream template",
            base.name
        )));
    }
    create(elastic, &changing, name, base)?;
    Ok(acknowledged())
}

/// Makes the stream with its first index.
pub(crate) fn create(
    elastic: &Elastic,
    changing: &Changing<'_>,
    name: &str,
    base: Base,
) -> Result<Arc<Index>, Error> {
    indices::check_name(name)?;
    if elastic.store.index(name).is_some() || elastic.meta().alias(name).is_some() {
        return Err(Error::illegal(format!(
            "data stream [{name}] conflicts with an index or alias of that name"
        )));
    }
    let hidden = base.stream.get("hidden") == Some(&Value::Bool(true));
    let document =
        json!({ "generation": 0, "template": base.name, "hidden": hidden, "indices": [] });
    add_backing(elastic, changing, name, &document, base.wanted)
}

/// Adds the next index of a stream, which is written to from then on.
pub(crate) fn add_backing(
    elastic: &Elastic,
    changing: &Changing<'_>,
    name: &str,
    document: &Value,
    wanted: Wanted,
) -> Result<Arc<Index>, Error> {
    let generation = document.get("generation").and_then(Value::as_i64).unwrap_or(0) + 1;
    let index = backing_name(elastic, name, generation);
    let mut wanted = wanted;
    // Aliases of a stream's template would be its indices': they are not taken over.
    wanted.aliases.clear();
    wanted.settings.insert("index.hidden".to_owned(), "true".into());
    let mut stamp = Mapping::default();
    stamp
        .insert("@timestamp", Field::new(FieldType::Date))
        .map_err(|e| crate::error::mapping(&e))?;
    wanted.mapping = stamp.overlaid(&wanted.mapping);
    let created = indices::create(elastic, changing, &index, wanted)?;
    let mut document = document.clone();
    document["generation"] = generation.into();
    if let Some(list) = document.get_mut("indices").and_then(Value::as_array_mut) {
        list.push(index.into());
    }
    elastic.put(changing, Kind::DataStream, name, Some(document))?;
    Ok(created)
}

/// The name of a stream's index of the generation.
pub(crate) fn backing_name(elastic: &Elastic, stream: &str, generation: i64) -> String {
    let day = Format::parse("yyyy.MM.dd").ok().zip(Zone::parse("UTC"));
    let now_ns = i128::from(elastic.clock.now_ms()) * 1_000_000;
    let day = day.map(|(format, zone)| format.print(now_ns, &zone)).unwrap_or_default();
    format!(".ds-{stream}-{day}-{generation:06}")
}

/// Takes `index` out of the stream's row.
pub(crate) fn forget(
    elastic: &Elastic,
    changing: &Changing<'_>,
    stream: &str,
    index: &str,
) -> Result<(), Error> {
    let meta = elastic.meta();
    let Some(document) = meta.stream(stream) else { return Ok(()) };
    let mut document = (**document).clone();
    if let Some(list) = document.get_mut("indices").and_then(Value::as_array_mut) {
        list.retain(|one| one != index);
    }
    elastic.put(changing, Kind::DataStream, stream, Some(document))
}

/// `DELETE /_data_stream/{name}`
fn delete(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let changing = elastic.change();
    let meta = elastic.meta();
    for name in chosen(&meta, call)? {
        for index in meta.backing(&name) {
            if elastic.store.index(index).is_some() {
                indices::remove(elastic, &changing, index)?;
            }
        }
        elastic.put(&changing, Kind::DataStream, &name, None)?;
    }
    Ok(acknowledged())
}

/// `GET /_data_stream/{name}/_stats`
fn stats(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let meta = elastic.meta();
    let (mut streams, mut bytes, mut backing) = (Vec::new(), 0, 0);
    for name in chosen(&meta, call)? {
        let indices: Vec<Arc<Index>> = meta
            .backing(&name)
            .into_iter()
            .filter_map(|index| elastic.store.index(index))
            .collect();
        let size: u64 =
            indices.iter().map(|index| crate::stats::bytes(&crate::stats::of(index))).sum();
        streams.push(json!({ "data_stream": name, "backing_indices": indices.len(), "store_size_bytes": size, "maximum_timestamp": 0 }));
        bytes += size;
        backing += indices.len();
    }
    let shards = backing;
    Ok(Answer::json(json!({
        "_shards": { "total": shards, "successful": shards, "failed": 0 },
        "data_stream_count": streams.len(),
        "backing_indices": backing,
        "total_store_size_bytes": bytes,
        "data_streams": streams,
    })))
}
