//! Tables of the one node that there is.

use super::Table;
use super::table::{Cell, Column, column};
use crate::error::Error;
use crate::rest::{Answer, Call, Identity};
use crate::{Elastic, cluster, identity, stats};

/// The time as seconds and as a time of day.
pub(super) fn stamps(elastic: &Elastic) -> [Cell; 2] {
    let ms = elastic.clock.now_ms();
    let text = stdx::time::rfc3339(ms);
    let clock = text.get(11..19).unwrap_or("00:00:00").to_owned();
    [Cell::Count(u64::try_from(ms / 1000).unwrap_or(0)), clock.into()]
}

const HEALTH: &[Column] = &[
    column("epoch", "t,time", "seconds since 1970-01-01 00:00:00"),
    column("timestamp", "ts,hms,hhmmss", "time in HH:MM:SS"),
    column("cluster", "cl", "cluster name"),
    column("status", "st", "health status"),
    column("node.total", "nt,nodeTotal", "total number of nodes"),
    column("node.data", "nd,nodeData", "number of nodes that can store data"),
    column("discovered_cluster_manager", "dcm", "discovered cluster manager"),
    column("shards", "t,sh,shards.total,shardsTotal", "total number of shards"),
    column("pri", "p,shards.primary,shardsPrimary", "number of primary shards"),
    column("relo", "r,shards.relocating,shardsRelocating", "number of relocating nodes"),
    column("init", "i,shards.initializing,shardsInitializing", "number of initializing nodes"),
    column("unassign", "u,shards.unassigned,shardsUnassigned", "number of unassigned shards"),
    column("pending_tasks", "pt,pendingTasks", "number of pending tasks"),
    column("max_task_wait_time", "mtwt,maxTaskWaitTime", "wait time of longest task pending"),
    column(
        "active_shards_percent",
        "asp,activeShardsPercent",
        "active number of shards in percent",
    ),
];

/// `GET /_cat/health`
pub(super) fn health(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let shards = cluster::shard_count(elastic);
    let [epoch, stamp] = stamps(elastic);
    let mut table = Table::new(HEALTH);
    let (cluster, none) = (elastic.options.cluster_name.clone(), || Cell::Count(0));
    table.row(vec![
        epoch,
        stamp,
        cluster.into(),
        "green".into(),
        1.into(),
        1.into(),
        "true".into(),
        shards.into(),
        shards.into(),
        none(),
        none(),
        none(),
        none(),
        "-".into(),
        "100.0%".into(),
    ]);
    table.answer(call)
}

const NODES: &[Column] = &[
    column("ip", "i", "ip address"),
    column("heap.percent", "hp,heapPercent", "used heap ratio"),
    column("ram.percent", "rp,ramPercent", "used machine memory ratio"),
    column("cpu", "", "recent cpu usage"),
    column("load_1m", "l", "1m load avg"),
    column("load_5m", "l", "5m load avg"),
    column("load_15m", "l", "15m load avg"),
    column("node.role", "r,role,nodeRole", "m:master eligible node, d:data node, i:ingest node"),
    column("master", "m", "*:current master"),
    column("name", "n", "node name"),
];

/// `GET /_cat/nodes`: what is not measured is a dash.
pub(super) fn nodes(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut table = Table::new(NODES);
    let mut row: Vec<Cell> = vec!["127.0.0.1".into()];
    row.extend((0..6).map(|_| Cell::from("-")));
    row.extend(["dim".into(), "*".into(), elastic.options.node_name.clone().into()]);
    table.row(row);
    table.answer(call)
}

const MASTER: &[Column] = &[
    column("id", "", "node id"),
    column("host", "h", "host name"),
    column("ip", "", "ip address"),
    column("node", "n", "node name"),
];

/// `GET /_cat/master`, `GET /_cat/cluster_manager`
pub(super) fn master(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut table = Table::new(MASTER);
    let (id, name) = (elastic.cluster_uuid.clone(), elastic.options.node_name.clone());
    table.row(vec![id.into(), "127.0.0.1".into(), "127.0.0.1".into(), name.into()]);
    table.answer(call)
}

const ALLOCATION: &[Column] = &[
    column("shards", "s", "number of shards on node"),
    column("disk.indices", "di,diskIndices", "disk used by indices"),
    column("host", "h", "host of node"),
    column("ip", "", "ip of node"),
    column("node", "n", "name of node"),
];

/// `GET /_cat/allocation`
pub(super) fn allocation(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let indices = elastic.store.indices();
    let bytes = indices.iter().map(|index| stats::bytes(&stats::of(index))).sum();
    let mut table = Table::new(ALLOCATION);
    table.row(vec![
        cluster::shard_count(elastic).into(),
        Cell::Bytes(bytes),
        "127.0.0.1".into(),
        "127.0.0.1".into(),
        elastic.options.node_name.clone().into(),
    ]);
    table.answer(call)
}

const PLUGINS: &[Column] = &[
    column("name", "n", "node name"),
    column("component", "c", "component"),
    column("version", "v", "component version"),
];

/// `GET /_cat/plugins`: what Dashboards looks for is built in.
pub(super) fn plugins(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut table = Table::new(PLUGINS);
    if call.request.identity == Identity::OpenSearch {
        let version = format!("{}.0", identity::OPENSEARCH);
        let name = elastic.options.node_name.clone();
        table.row(vec![name.into(), "opensearch-index-management".into(), version.into()]);
    }
    table.answer(call)
}

const ATTRIBUTES: &[Column] = &[
    column("node", "name", "node name"),
    column("host", "h", "host name"),
    column("ip", "i", "ip address"),
    column("attr", "attr.name", "attribute description"),
    column("value", "attr.value", "attribute value"),
];

/// `GET /_cat/nodeattrs`: a node without attributes.
pub(super) fn attributes(_: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    Table::new(ATTRIBUTES).answer(call)
}

const POOLS: &[Column] = &[
    column("node_name", "nn", "node name"),
    column("name", "n", "thread pool name"),
    column("active", "a", "number of active threads"),
    column("queue", "q", "number of tasks currently in queue"),
    column("rejected", "r", "number of rejected tasks"),
];

/// `GET /_cat/thread_pool`: there are no pools of our own.
pub(super) fn pools(_: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    Table::new(POOLS).answer(call)
}

const PENDING: &[Column] = &[
    column("insertOrder", "o", "task insertion order"),
    column("timeInQueue", "t", "how long task has been in queue"),
    column("priority", "p", "task priority"),
    column("source", "s", "task source"),
];

/// `GET /_cat/pending_tasks`: changes are made at once.
pub(super) fn pending(_: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    Table::new(PENDING).answer(call)
}

const TASKS: &[Column] = &[
    column("action", "ac", "task action"),
    column("task_id", "ti", "unique task id"),
    column("parent_task_id", "pti", "parent task id"),
    column("type", "ty", "task type"),
    column("start_time", "start", "start time in ms"),
    column("timestamp", "ts,hms,hhmmss", "start time in HH:MM:SS"),
    column("running_time", "time", "running time ns"),
    column("ip", "i", "ip address"),
    column("node", "n", "node name"),
];

/// `GET /_cat/tasks`: requests end before they are answered.
pub(super) fn tasks(_: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    Table::new(TASKS).answer(call)
}

const FIELDDATA: &[Column] = &[
    column("id", "", "node id"),
    column("host", "h", "host name"),
    column("ip", "", "ip address"),
    column("node", "n", "node name"),
    column("field", "f", "field name"),
    column("size", "s", "field data usage"),
];

/// `GET /_cat/fielddata`: there is no such cache.
pub(super) fn fielddata(_: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    Table::new(FIELDDATA).answer(call)
}

const REPOSITORIES: &[Column] =
    &[column("id", "repoId", "unique repository id"), column("type", "t", "repository type")];

/// `GET /_cat/repositories`: there are none.
pub(super) fn repositories(_: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    Table::new(REPOSITORIES).answer(call)
}
