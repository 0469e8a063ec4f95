//! Documents as blocks, without a store: for tests of what reads them.

use std::sync::Arc;

use crate::ingest::{Document, Ingester};
use crate::mapping::Mapping;
use crate::memtable::{MemBlock, Memtable};
use crate::part::{Block, View};

/// The key that these blocks' identifiers are made with.
pub const ID_KEY: u64 = 1;

/// A memtable of `documents`, with sequence numbers from 0, which arrived at the beginning of 1970 and a microsecond after each other; and
/// the mapping with what they added. Each block has at most `rows_max` rows.
///
/// # Panics
/// When a document is refused.
#[must_use]
pub fn memtable<T: AsRef<str>>(
    mapping: &Mapping,
    documents: &[T],
    rows_max: usize,
) -> (Memtable, Mapping) {
    let mut ingester = Ingester::new(Arc::new(mapping.clone()), usize::MAX);
    let mut blocks = Vec::new();
    let mut next = 0;
    for run in documents.chunks(rows_max.max(1)) {
        for (document, arrival_us) in run.iter().zip(next..) {
            let source = document.as_ref().as_bytes();
            let document = Document { source, id: None, routing: None, arrival_us };
            ingester.add(&document).expect("a test's document is good");
        }
        for block in ingester.finish().blocks {
            let rows = i64::try_from(block.rows()).expect("few");
            blocks.push(Arc::new(block.numbered((next..next + rows).collect(), &[], ID_KEY)));
            next += rows;
        }
    }
    let mapping = Mapping::clone(ingester.mapping());
    (Memtable::new(blocks), mapping)
}

/// The blocks of [`memtable`].
///
/// # Panics
/// As [`memtable`].
#[must_use]
pub fn blocks<T: AsRef<str>>(mapping: &Mapping, documents: &[T]) -> Vec<Arc<MemBlock>> {
    memtable(mapping, documents, usize::MAX).0.blocks().to_vec()
}

/// What a search looks at when an index has nothing but `documents`.
///
/// # Panics
/// As [`memtable`].
#[must_use]
pub fn view<T: AsRef<str>>(mapping: &Mapping, documents: &[T]) -> (View, Mapping) {
    let (memtable, mapping) = memtable(mapping, documents, usize::MAX);
    (View { part: Arc::new(memtable), deleted: Arc::new(Vec::new()) }, mapping)
}
