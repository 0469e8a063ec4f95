//! What reading documents into columns costs: `cargo run --release -p logs --example ingest -- DOCS.ndjson`.

use std::sync::Arc;

use logs::ingest::{Document, Ingester};
use logs::mapping::Mapping;

fn main() {
    let path = std::env::args().nth(1).expect("a file of documents");
    let bytes = std::fs::read(&path).expect("a readable file");
    let mut ingester = Ingester::new(Arc::new(Mapping::default()), 1_000);
    let (mut rows, mut blocks) = (0, 0);
    let mut pending = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let document = Document { source: line, id: None, routing: None, arrival_us: 0 };
        ingester.add(&document).expect("a document");
        rows += 1;
        pending += 1;
        if pending == 2_048 {
            blocks += 1;
            pending = 0;
            drop(ingester.finish());
        }
    }
    println!("{rows} documents, {blocks} blocks, {} MB", bytes.len() / 1_000_000);
}
