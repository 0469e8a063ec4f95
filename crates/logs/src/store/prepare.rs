//! The part of a write that needs no lock: documents become columns, and the frame's body is compressed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ingest::{self, Batch, Ingester, Refused};
use crate::mapping::Mapping;

use super::record::BodyOp;
use super::types::{Op, Refusal, Sighting, Watcher, Write};
use super::{Index, setting};

/// Compression of frames: faster than writing what it saves.
const ZSTD_LEVEL: i32 = 1;
/// Most fields of a mapping, where the index's settings do not say.
const FIELDS_MAX: u64 = 1_000;

/// The writes to one index.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) index: Arc<Index>,
    /// The mapping that the documents were read by.
    pub(super) base: Arc<Mapping>,
    pub(super) ingester: Option<Ingester>,
    pub(super) batch: Batch,
    rows: usize,
}

/// A write that can be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prepared {
    /// Its place in the batch.
    pub(super) write: usize,
    pub(super) group: usize,
    /// Of the group, counted through its blocks; `None` for a deletion.
    pub(super) row: Option<usize>,
}

/// A batch on its way.
#[derive(Debug, Default)]
pub(super) struct Batches {
    pub(super) groups: Vec<Group>,
    pub(super) ops: Vec<Prepared>,
    /// Writes that cannot be read.
    pub(super) refused: Vec<(usize, Refusal)>,
    pub(super) body_len: usize,
    pub(super) body: Vec<u8>,
    pub(super) sightings: Vec<Sighting>,
}

fn refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::Strict { object, field } => Refusal::Strict { object, field },
        Refused::Json(_)
        | Refused::NotObject
        | Refused::Duplicate(_)
        | Refused::Metadata(_)
        | Refused::TooLong(_)
        | Refused::IdTooLong(_)
        | Refused::IdEmpty => Refusal::Parse { what: refused.to_string() },
    }
}

/// Prepares `writes`, which arrive at `now_ms`.
pub(super) fn prepare(
    writes: &[Write<'_>],
    now_ms: i64,
    watcher: Option<&dyn Watcher>,
) -> std::io::Result<Batches> {
    let mut batches = Batches::default();
    let mut by_index: HashMap<*const Index, usize> = HashMap::new();
    let mut body = Vec::with_capacity(writes.iter().map(|write| write.source.len() + 8).sum());
    for (at, write) in writes.iter().enumerate() {
        let group = *by_index.entry(Arc::as_ptr(write.index)).or_insert_with(|| {
            batches.groups.push(group(write.index));
            batches.groups.len() - 1
        });
        let source = (write.op != Op::Delete).then_some(write.source);
        let row = match add(&mut batches.groups[group], write, now_ms) {
            Ok(row) => row,
            Err(refused) => {
                batches.refused.push((at, refusal(refused)));
                continue;
            }
        };
        BodyOp { group, id: write.id, routing: write.routing, source }.put(&mut body);
        batches.ops.push(Prepared { write: at, group, row });
    }
    for group in &mut batches.groups {
        if let Some(ingester) = &mut group.ingester {
            group.batch = ingester.finish();
        }
        if let Some(watcher) = watcher {
            let seen = group.batch.blocks.iter();
            let looks = seen.flat_map(|block| watcher.look(group.index.name(), block));
            batches.sightings.extend(looks);
        }
    }
    batches.body_len = body.len();
    batches.body = pack(&body)?;
    Ok(batches)
}

thread_local! {
    /// A compressor's tables cost more to make than a small batch to compress.
    static PACKER: std::cell::RefCell<Option<zstd::bulk::Compressor<'static>>> =
        const { std::cell::RefCell::new(None) };
}

fn pack(body: &[u8]) -> std::io::Result<Vec<u8>> {
    PACKER.with_borrow_mut(|kept| {
        let mut packer = match kept.take() {
            Some(packer) => packer,
            None => zstd::bulk::Compressor::new(ZSTD_LEVEL)?,
        };
        let packed = packer.compress(body);
        *kept = Some(packer);
        packed
    })
}

fn group(index: &Arc<Index>) -> Group {
    let state = index.state.lock();
    let base = Arc::clone(&state.mapping);
    let limit = setting(&state.settings, "index.mapping.total_fields.limit");
    drop(state);
    let limit = limit.and_then(|text| text.parse().ok()).unwrap_or(FIELDS_MAX);
    let fields_max = usize::try_from(limit).unwrap_or(usize::MAX);
    let ingester = Some(index.ingester(&base, fields_max));
    let batch =
        Batch { blocks: Vec::new(), mapping: Arc::clone(&base), added: Vec::new(), raw_bytes: 0 };
    Group { index: Arc::clone(index), base, ingester, batch, rows: 0 }
}

/// Reads the document; its row.
fn add(group: &mut Group, write: &Write<'_>, now_ms: i64) -> Result<Option<usize>, Refused> {
    let document = ingest::Document {
        source: write.source,
        id: write.id,
        routing: write.routing,
        arrival_us: now_ms.saturating_mul(1_000),
    };
    match (&mut group.ingester, write.op) {
        (_, Op::Delete) => {
            ingest::check_id(write.id.unwrap_or_default())?;
            Ok(None)
        }
        (Some(ingester), Op::Index | Op::Create) => {
            ingester.add(&document)?;
            group.rows += 1;
            Ok(Some(group.rows - 1))
        }
        (None, Op::Index | Op::Create) => unreachable!("a group begins with an ingester"),
    }
}
