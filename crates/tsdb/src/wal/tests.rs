//! The log against a disk that cuts, flips, loses, refuses and runs full.

use std::path::Path;
use std::sync::Arc;

use model::labels::Labels;
use model::port::Durability;
use stdx::clock::SimClock;
use stdx::fs::sim::{Plan, SimFs};
use stdx::fs::{Fs, OpenMode};
use stdx::metrics::Registry;
use stdx::rand::Rng;

use super::record::{RefSample, RefSeries};
use super::*;

const DIR: &str = "data/wal";

fn options(compression: Compression, pages: u64) -> Options {
    Options { segment_bytes: pages * PAGE_BYTES as u64, compression, ..Options::default() }
}

fn metrics() -> WalMetrics {
    WalMetrics::new(&Registry::default())
}

fn open(fs: &SimFs, options: Options) -> Result<Writer, WalError> {
    let (fs, clock) = (Arc::new(fs.clone()), Arc::new(SimClock::at(0)));
    Writer::open(fs, clock, Path::new(DIR), options, metrics())
}

/// A record that tells its number by every sample, `bytes` long at least.
fn batch(number: u64, bytes: usize) -> Arc<Batch> {
    let mut batch = Batch::default();
    let label = number.to_string();
    let labels = Labels::from_pairs([("__name__", "up"), ("n", label.as_str())]);
    if bytes < 100 {
        batch.series(&[RefSeries { series: number, labels }]);
    } else {
        let n = u64::try_from(bytes / 10).unwrap();
        let noise = |i: u64| (i + number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12;
        let v = move |i| f64::from_bits(noise(i));
        batch.samples((0..n).map(|i| RefSample { series: number, t: 7, v: v(i) }));
    }
    Arc::new(batch)
}

fn read_with_report(fs: &SimFs) -> (Vec<Vec<u8>>, DamageReport) {
    let mut reader = Reader::open(Arc::new(fs.clone()), Path::new(DIR)).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        records.push(record.bytes.to_vec());
    }
    (records, reader.report().clone())
}

fn read(fs: &SimFs) -> Vec<Vec<u8>> {
    read_with_report(fs).0
}

fn written(sizes: &[usize], options: Options) -> (SimFs, Vec<Vec<u8>>) {
    let fs = SimFs::new(1);
    fs.create_dir_all(Path::new("data")).unwrap();
    fs.sync_dir(Path::new("")).unwrap();
    let mut writer = open(&fs, options).unwrap();
    let mut records = Vec::new();
    for (i, bytes) in sizes.iter().enumerate() {
        let batch = batch(i as u64 + 1, *bytes);
        writer.append(&batch).unwrap();
        records.extend(batch.records().map(<[u8]>::to_vec));
    }
    writer.sync().unwrap();
    (fs, records)
}

#[test]
fn records_come_back_in_order_over_pages_and_segments() {
    let sizes = [10, 200, 40_000, 32_761, 5, 100_000, 10, 70_000, 3000, 32_000];
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let (fs, records) = written(&sizes, options(compression, 4));
        let (got, report) = read_with_report(&fs);
        assert!(got == records && report.is_empty());
        let found = dir::segments(&fs, Path::new(DIR)).unwrap();
        assert!(found.len() >= 2, "{found:?}");
        assert!(found.iter().all(|one| one.len <= 4 * PAGE_BYTES as u64));
    }
}

fn put_file(bytes: &[u8]) -> SimFs {
    let fs = SimFs::new(2);
    fs.create_dir_all(Path::new(DIR)).unwrap();
    let path = dir::segment_path(Path::new(DIR), 0);
    fs.open(&path, OpenMode::CreateNew).unwrap().append(bytes).unwrap();
    fs
}

/// What is read must be the records without a stretch of them; after the repair it is the same, and whole.
fn check_damaged(bytes: &[u8], records: &[Vec<u8>], lost_max: usize, what: &str) -> usize {
    let fs = put_file(bytes);
    let (got, report) = read_with_report(&fs);
    let before = got.iter().zip(records).take_while(|(a, b)| a == b).count();
    let behind = got.len() - before;
    assert!(got[before..] == records[records.len() - behind..], "{what}: {report:?}");
    assert!(records.len() - got.len() <= lost_max, "{what}: {} read: {report:?}", got.len());
    repair(&fs, Path::new(DIR), &report, &metrics()).unwrap();
    let (again, report) = read_with_report(&fs);
    assert!(again == got && report.is_empty(), "{what}: {report:?}");
    before
}

fn segment_bytes(fs: &SimFs) -> Vec<u8> {
    stdx::fs::read_all(fs, &dir::segment_path(Path::new(DIR), 0), 1 << 30).unwrap()
}

/// Where each record ends in the segment.
fn ends(fs: &SimFs) -> Vec<u64> {
    let bytes = segment_bytes(fs);
    let path = dir::segment_path(Path::new(DIR), 0);
    let file = fs.open(&path, OpenMode::Read).unwrap();
    let mut scan = scan::Scan::new(file, bytes.len() as u64);
    let mut ends = Vec::new();
    while scan.next() == scan::Found::Record {
        ends.push(scan.record_range().1);
    }
    ends
}

#[test]
fn a_log_cut_at_any_byte_gives_all_records_before_the_cut() {
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let (fs, records) = written(&[10, 10, 150, 10, 120, 10], options(compression, 4));
        let (bytes, ends) = (segment_bytes(&fs), ends(&fs));
        for cut in 0..bytes.len() {
            let whole = ends.iter().filter(|end| **end <= cut as u64).count();
            let what = format!("{compression:?} cut at {cut}");
            let got = check_damaged(&bytes[..cut], &records[..whole], 0, &what);
            assert_eq!(got, whole, "{what}");
        }
    }
}

#[test]
fn a_flipped_byte_costs_one_record() {
    let is_header = |ends: &[u64], at: usize| {
        let start = ends.iter().rfind(|end| **end <= at as u64).copied().unwrap_or(0);
        at as u64 - start < HEADER_BYTES as u64
    };
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let (fs, records) = written(&[10, 10, 150, 10, 120, 10], options(compression, 4));
        let (bytes, ends) = (segment_bytes(&fs), ends(&fs));
        for at in 0..bytes.len() {
            // A header's byte gets every bit; elsewhere any will do.
            let masks: &[u8] =
                if is_header(&ends, at) { &[1, 2, 4, 8, 16, 0x80, 0xff] } else { &[0x11] };
            for mask in masks {
                let mut bytes = bytes.clone();
                bytes[at] ^= mask;
                let what = format!("{compression:?} byte {at} mask {mask:#x}");
                let before = check_damaged(&bytes, &records, 1, &what);
                assert!(before >= ends.iter().filter(|end| **end <= at as u64).count(), "{what}");
            }
        }
    }
}

#[test]
fn a_flipped_byte_in_a_record_over_pages_costs_that_record() {
    let sizes = [10, 40_000, 10, 66_000, 10, 32_700, 10];
    let (fs, records) = written(&sizes, options(Compression::None, 64));
    let bytes = segment_bytes(&fs);
    let page = PAGE_BYTES;
    let near = (1..bytes.len() / page).flat_map(|n| n * page - 8..n * page + 8);
    for at in near.chain((0..bytes.len()).step_by(20_011)) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x03;
        // Where one record ends and the next begins in a header that says "begins inside another", both go.
        check_damaged(&bytes, &records, 2, &format!("byte {at}"));
    }
}

#[test]
fn a_missing_segment_is_told_and_filled() {
    let (fs, records) = written(&[30_000, 30_000, 30_000, 30_000], options(Compression::None, 1));
    fs.remove_file(&dir::segment_path(Path::new(DIR), 1)).unwrap();
    let (got, report) = read_with_report(&fs);
    assert!(got.len() == 3 && got[0] == records[0] && got[1..] == records[2..]);
    assert_eq!(report.damage[0].kind, DamageKind::Missing);
    repair(&fs, Path::new(DIR), &report, &metrics()).unwrap();
    assert_eq!(read_with_report(&fs).1, DamageReport::default());
}

#[test]
fn a_checkpoint_stands_for_the_segments_that_it_replaces() {
    let (fs, records) = written(&[30_000, 30_000, 30_000], options(Compression::None, 1));
    let dir = Path::new(DIR);
    let shared: Arc<dyn Fs> = Arc::new(fs.clone());
    let clock = Arc::new(SimClock::at(0));
    let mut checkpoint =
        CheckpointWriter::create(shared, clock, dir, 1, Options::default(), &metrics()).unwrap();
    checkpoint.append(&batch(9, 10)).unwrap();
    assert_eq!(read(&fs), records, "an unfinished checkpoint counts for nothing");
    checkpoint.finish().unwrap();
    let kept: Vec<Vec<u8>> =
        [batch(9, 10).records().next().unwrap().to_vec(), records[2].clone()].to_vec();
    assert_eq!(read(&fs), kept);
    open(&fs, Options::default()).unwrap().truncate(2).unwrap();
    assert_eq!(read(&fs), kept);
    fs.crash();
    assert_eq!(read(&fs), kept, "durable with its name");
}

/// What a random run may have lost and must have kept.
#[derive(Default)]
struct Model {
    /// All records whose append was answered with Ok, in order.
    appended: Vec<Vec<u8>>,
    /// How many of them are behind a sync that was answered with Ok.
    synced: usize,
}

fn run(fs: &SimFs, rng: &mut Rng, model: &mut Model) -> Result<(), WalError> {
    let mut writer = open(fs, options(Compression::Snappy, 2))?;
    for _ in 0..30 {
        match rng.below(8) {
            0..5 => {
                let number = model.appended.len() as u64 + 1;
                let bytes = [10, 150, 4000, 20_000][usize::from(rng.below(4).to_le_bytes()[0])];
                let batch = batch(number, bytes);
                match writer.append(&batch) {
                    Ok(()) => model.appended.extend(batch.records().map(<[u8]>::to_vec)),
                    Err(WalError::Io(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            5..7 => {
                writer.sync()?;
                model.synced = model.appended.len();
            }
            _ => match writer.cut() {
                Ok(_) => model.synced = model.appended.len(),
                Err(WalError::Io(_)) => {}
                Err(error) => return Err(error),
            },
        }
    }
    Ok(())
}

/// The synced records are there, in order; others may be, in order; nothing else is. Records may be there twice, after an fsync
/// that failed.
fn check_kept(fs: &SimFs, model: &Model, what: &str) {
    let (got, _) = read_with_report(fs);
    let mut newest = 0;
    let mut seen = vec![false; model.appended.len() + 1];
    for record in &got {
        let decoded = Record::decode(record).unwrap();
        let number = if let Record::Series(series) = &decoded {
            series[0].series
        } else if let Record::Samples(samples) = &decoded {
            samples[0].series
        } else {
            panic!("{what}: {decoded:?}");
        };
        let i = usize::try_from(number).unwrap() - 1;
        if let Some(appended) = model.appended.get(i) {
            assert!(appended == record, "{what}: record {number} is another");
            seen[i] = true;
            newest = newest.max(i);
        }
    }
    assert!(seen[..model.synced].iter().all(|one| *one), "{what}: {seen:?}, {}", model.synced);
}

/// The fault of a run: by kind, placed at random.
fn plan(kind: u64, rng: &mut Rng, fs: &SimFs) -> Plan {
    let (ops, writes, syncs) = fs.counts();
    let mut plan = Plan::default();
    match kind {
        0 => plan.power_off_at_op = Some(ops + rng.below(60)),
        1 => plan.failing_writes = (0..3).map(|_| writes + rng.below(25)).collect(),
        2 => plan.failing_syncs = [syncs + rng.below(20)].into(),
        3 => plan.failing_syncs = (0..4).map(|_| syncs + rng.below(12)).collect(),
        _ => plan.capacity_bytes = Some(20_000 + rng.below(300_000)),
    }
    plan
}

#[test]
fn what_was_synced_survives_every_fault_and_the_power_cut_behind_it() {
    for seed in 0..u64::from(crate::seeds::seeds(20)) {
        let fs = SimFs::new(seed);
        // The data folder is older than the log.
        fs.create_dir_all(Path::new("data")).unwrap();
        fs.sync_dir(Path::new("")).unwrap();
        let mut rng = Rng::new(seed);
        fs.set_plan(plan(seed % 5, &mut rng, &fs));
        let mut model = Model::default();
        let end = run(&fs, &mut rng, &mut model);
        if !fs.is_off() {
            check_kept(&fs, &model, &format!("seed {seed} before the cut: {end:?}"));
        }
        fs.crash();
        check_kept(&fs, &model, &format!("seed {seed}: {end:?}"));
        let report = read_with_report(&fs).1;
        repair(&fs, Path::new(DIR), &report, &metrics()).unwrap();
        check_kept(&fs, &model, &format!("seed {seed} repaired"));
        let after = read_with_report(&fs).1;
        assert!(after.is_empty(), "seed {seed}: {after:?}");
    }
}

#[test]
fn after_a_failed_write_nothing_is_left_of_it_and_writing_goes_on() {
    let fs = SimFs::new(3);
    let mut writer = open(&fs, options(Compression::None, 8)).unwrap();
    writer.append(&batch(1, 10)).unwrap();
    fs.set_plan(Plan { failing_writes: [fs.counts().1].into(), ..Plan::default() });
    assert!(matches!(writer.append(&batch(2, 5000)), Err(WalError::Io(_))));
    writer.append(&batch(3, 10)).unwrap();
    let (got, report) = read_with_report(&fs);
    assert!(got.len() == 2 && report.is_empty());
}

#[test]
fn a_failed_fsync_moves_on_and_a_second_one_stops() {
    let fs = SimFs::new(4);
    fs.create_dir_all(Path::new("data")).unwrap();
    fs.sync_dir(Path::new("")).unwrap();
    let mut writer = open(&fs, options(Compression::None, 8)).unwrap();
    writer.append(&batch(1, 10)).unwrap();
    fs.set_plan(Plan { failing_syncs: [fs.counts().2].into(), ..Plan::default() });
    writer.sync().unwrap();
    assert_eq!(writer.segment_index(), 1);
    let now = fs.counts().2;
    fs.set_plan(Plan { failing_syncs: [now, now + 1].into(), ..Plan::default() });
    writer.append(&batch(2, 10)).unwrap();
    assert!(matches!(writer.sync(), Err(WalError::Stopped(_))));
    assert!(matches!(writer.append(&batch(3, 10)), Err(WalError::Stopped(_))));
    assert!(matches!(writer.sync(), Err(WalError::Stopped(_))));
    fs.crash();
    assert_eq!(read(&fs)[0], batch(1, 10).records().next().unwrap());
}

#[test]
fn the_thread_acknowledges_what_is_durable() {
    let fs = SimFs::new(5);
    fs.create_dir_all(Path::new("data")).unwrap();
    fs.sync_dir(Path::new("")).unwrap();
    let clock = Arc::new(SimClock::at(0));
    let shared: Arc<dyn Fs> = Arc::new(fs.clone());
    let wal = Wal::open(shared, clock, Path::new(DIR), Options::default(), metrics()).unwrap();
    let log =
        |number, durability| wal.log(Arc::unwrap_or_clone(batch(number, 10)), durability).unwrap();
    let soon = log(1, Durability::Soon);
    let synced = log(2, Durability::Synced);
    wal.wait(synced).unwrap();
    wal.wait(soon).unwrap();
    fs.crash();
    assert_eq!(read(&fs).len(), 2);
    // The disk is another one now: the file handle is dead.
    let refused = log(3, Durability::Synced);
    assert!(wal.wait(refused).is_err());
    assert!(wal.close().is_err());
    assert_eq!(read(&fs).len(), 2);
}
