//! Tables of indices, shards, documents and aliases.

use std::sync::Arc;

use logs::store::Index;
use serde_json::Value;

use super::Table;
use super::table::{Cell, Column, column, hidden};
use crate::error::Error;
use crate::resolve::{self, Expand, Options};
use crate::rest::{Answer, Call};
use crate::{Elastic, aliases as of_aliases, indices as of_indices, stats};

const INDICES: &[Column] = &[
    column("health", "h", "current health status"),
    column("status", "s", "open/close status"),
    column("index", "i,idx", "index name"),
    column("uuid", "id,uuid", "index uuid"),
    column("pri", "p,shards.primary,shardsPrimary", "number of primary shards"),
    column("rep", "r,shards.replica,shardsReplica", "number of replica shards"),
    column("docs.count", "dc,docsCount", "available docs"),
    column("docs.deleted", "dd,docsDeleted", "deleted docs"),
    hidden("creation.date", "cd", "index creation date (millisecond value)"),
    hidden("creation.date.string", "cds", "index creation date (as string)"),
    column("store.size", "ss,storeSize", "store size of primaries & replicas"),
    column("pri.store.size", "", "store size of primaries"),
    hidden("segments.count", "sc,segmentsCount", "number of segments"),
    hidden("memory.total", "tm,memoryTotal", "total used memory"),
];

/// `GET /_cat/indices`
pub(super) fn indices(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let health = call.param("health").map(str::to_ascii_lowercase);
    if let Some(health) = &health
        && !matches!(health.as_str(), "green" | "yellow" | "red")
    {
        return Err(Error::illegal(format!("unknown cluster health status [{health}]")));
    }
    let mut table = Table::new(INDICES);
    if health.is_none_or(|health| health == "green") {
        for index in chosen(elastic, call)? {
            table.row(index_row(&index));
        }
    }
    table.answer(call)
}

fn chosen(elastic: &Elastic, call: &Call<'_>) -> Result<Vec<Arc<Index>>, Error> {
    let options = Options::admin_closed_too().of(call)?;
    let targets = resolve::targets(elastic, call.part("index"), options)?;
    Ok(targets.into_iter().map(|target| target.index).collect())
}

fn index_row(index: &Index) -> Vec<Cell> {
    let closed = resolve::closed(index);
    let stats = stats::of(index);
    let (shards, copies) = of_indices::shards(index);
    let open = |cell: Cell| if closed { Cell::Missing } else { cell };
    let size = open(Cell::Bytes(stats::bytes(&stats)));
    vec![
        "green".into(),
        if closed { "close".into() } else { "open".into() },
        index.name().into(),
        index.uuid().into(),
        shards.into(),
        (copies - 1).into(),
        open(stats.docs.into()),
        open(stats.deleted.into()),
        u64::try_from(index.created_ms()).unwrap_or(0).into(),
        stdx::time::rfc3339_ms(index.created_ms()).into(),
        size.clone(),
        size,
        open(stats.segments.into()),
        open(Cell::Bytes(stats.memory_bytes)),
    ]
}

const SHARDS: &[Column] = &[
    column("index", "i,idx", "index name"),
    column("shard", "s,sh", "shard name"),
    column("prirep", "p,pr,primaryOrReplica", "primary or replica"),
    column("state", "st", "shard state"),
    column("docs", "d,dc", "number of docs in shard"),
    column("store", "sto", "store size of shard (how much disk it uses)"),
    column("ip", "", "ip of node where it lives"),
    hidden("id", "", "unique id of node where it lives"),
    column("node", "n", "name of node where it lives"),
    hidden("unassigned.reason", "ur", "reason shard became unassigned"),
];

/// `GET /_cat/shards`: everything of an index is in its first shard.
pub(super) fn shards(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut table = Table::new(SHARDS);
    for index in chosen(elastic, call)? {
        let figures = stats::of(&index);
        let (count, _) = of_indices::shards(&index);
        for shard in 0..count {
            let first = shard == 0;
            table.row(vec![
                index.name().into(),
                shard.into(),
                "p".into(),
                "STARTED".into(),
                (if first { figures.docs } else { 0 }).into(),
                Cell::Bytes(if first { stats::bytes(&figures) } else { 0 }),
                "127.0.0.1".into(),
                elastic.cluster_uuid.clone().into(),
                elastic.options.node_name.clone().into(),
                Cell::Missing,
            ]);
        }
    }
    table.answer(call)
}

const SEGMENTS: &[Column] = &[
    column("index", "i,idx", "index name"),
    column("shard", "s,sh", "shard name"),
    column("prirep", "p,pr,primaryOrReplica", "primary or replica"),
    column("ip", "", "ip of node where it lives"),
    column("segment", "seg", "segment name"),
    column("docs.count", "dc,docsCount", "number of docs in segment, deleted ones included"),
    column("size", "si", "segment size in bytes"),
];

/// `GET /_cat/segments`
pub(super) fn segments(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut table = Table::new(SEGMENTS);
    for index in chosen(elastic, call)? {
        for view in index.snapshot().views {
            table.row(vec![
                index.name().into(),
                0.into(),
                "p".into(),
                "127.0.0.1".into(),
                view.part.name().into(),
                crate::number::count(view.part.rows()).into(),
                Cell::Bytes(view.part.byte_len()),
            ]);
        }
    }
    table.answer(call)
}

const RECOVERY: &[Column] = &[
    column("index", "i,idx", "index name"),
    column("shard", "s,sh", "shard name"),
    column("time", "t,ti", "recovery time"),
    column("type", "ty", "recovery type"),
    column("stage", "st", "recovery stage"),
];

/// `GET /_cat/recovery`
pub(super) fn recovery(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut table = Table::new(RECOVERY);
    for index in chosen(elastic, call)? {
        let name = index.name();
        table.row(vec![name.into(), 0.into(), "0s".into(), "existing_store".into(), "done".into()]);
    }
    table.answer(call)
}

const COUNT: &[Column] = &[
    column("epoch", "t,time", "seconds since 1970-01-01 00:00:00"),
    column("timestamp", "ts,hms,hhmmss", "time in HH:MM:SS"),
    column("count", "dc,docs.count,docsCount", "the document count"),
];

/// `GET /_cat/count`
pub(super) fn count(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let targets = resolve::targets(elastic, call.part("index"), Options::search().of(call)?)?;
    let count: u64 = targets.iter().map(|target| stats::of(&target.index).docs).sum();
    let [epoch, stamp] = super::nodes::stamps(elastic);
    let mut table = Table::new(COUNT);
    table.row(vec![epoch, stamp, count.into()]);
    table.answer(call)
}

const ALIASES: &[Column] = &[
    column("alias", "a", "alias name"),
    column("index", "i,idx", "index alias points to"),
    column("filter", "f,fi", "filter"),
    column("routing.index", "ri,routingIndex", "index routing"),
    column("routing.search", "rs,routingSearch", "search routing"),
    column("is_write_index", "w,isWriteIndex", "write index"),
];

/// `GET /_cat/aliases`
pub(super) fn aliases(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let expand = Expand { open: true, closed: true, hidden: true };
    let options = Options { expand, ..Options::admin() }.of(call)?;
    let meta = elastic.meta();
    let indices = resolve::names(elastic, &meta, "", options)?;
    let mut table = Table::new(ALIASES);
    for (alias, index) in meta.aliases().flat_map(|(a, list)| list.iter().map(move |i| (a, i))) {
        let of = meta.aliases_of(index).and_then(|aliases| aliases.get(alias));
        let Some(of) = of else { continue };
        if !of_aliases::wanted(&names, alias) || !indices.contains(index) {
            continue;
        }
        let text = |key: &str| of.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
        let write = of.get("is_write_index").map_or_else(|| "-".to_owned(), Value::to_string);
        table.row(vec![
            alias.as_str().into(),
            index.as_str().into(),
            if of.get("filter").is_some() { "*".into() } else { "-".into() },
            text("index_routing").into(),
            text("search_routing").into(),
            write.into(),
        ]);
    }
    table.answer(call)
}
