//! The log's reading side: no panic on any record or segment; what is read is read again after the repair, and the log is whole then.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use stdx::fs::sim::SimFs;
use stdx::fs::{Fs, OpenMode};
use stdx::metrics::Registry;
use tsdb::wal::{Batch, DamageReport, Reader, Record, WalMetrics, dir, repair};

const DIR: &str = "wal";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    record(bytes);
    segment(bytes);
});

/// A record that can be decoded is encoded to one that decodes to the same.
fn record(bytes: &[u8]) {
    let Ok(record) = Record::decode(bytes) else { return };
    let mut batch = Batch::default();
    match &record {
        Record::Series(some) => batch.series(some),
        Record::Samples(some) => batch.samples(some.iter().copied()),
        Record::Tombstones(some) => batch.tombstones(some.iter().copied()),
        Record::Exemplars(some) => batch.exemplars(some),
        Record::MmapMarkers(some) => batch.mmap_markers(some.iter().copied()),
        Record::Metadata(some) => batch.metadata(some),
        // Custom buckets come into a record of their own, and a NaN is not equal to itself: decoding alone is looked at.
        Record::Histograms(some) => batch.histograms(some),
        Record::FloatHistograms(some) => batch.float_histograms(some),
    }
    for bytes in batch.records() {
        let again = Record::decode(bytes).expect("what we encode we decode");
        let is_histogram = matches!(record, Record::Histograms(_) | Record::FloatHistograms(_));
        assert!(is_histogram || again == record);
    }
}

fn segment(bytes: &[u8]) {
    let fs = SimFs::new(0);
    fs.create_dir_all(Path::new(DIR)).expect("an empty disk");
    let file = fs.open(&dir::segment_path(Path::new(DIR), 0), OpenMode::CreateNew);
    file.and_then(|file| file.append(bytes)).expect("an empty disk");
    let (records, report) = read(&fs);
    let metrics = WalMetrics::new(&Registry::default());
    repair(&fs, Path::new(DIR), &report, &metrics).expect("a healthy disk");
    let (again, report) = read(&fs);
    assert!(again == records && report.is_empty());
}

fn read(fs: &SimFs) -> (Vec<Vec<u8>>, DamageReport) {
    let mut reader = Reader::open(Arc::new(fs.clone()), Path::new(DIR)).expect("a healthy disk");
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().expect("a healthy disk") {
        records.push(record.bytes.to_vec());
    }
    (records, reader.report().clone())
}
