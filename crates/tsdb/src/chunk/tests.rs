//! Histogram chunks and the files of closed chunks, against a model, damage and the simulated disk.

use std::path::Path;
use std::sync::Arc;

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, ResetHint, Span};
use model::sample::{Samples, stale_nan};
use proptest::prelude::*;
use stdx::fs::Fs;
use stdx::fs::sim::{Plan, SimFs};

use super::*;

fn histogram(counts: &[i64], schema: i32) -> Histogram {
    let deltas = counts.iter().scan(0, |last, count| {
        let delta = count - *last;
        *last = *count;
        Some(delta)
    });
    let total: i64 = counts.iter().sum();
    let length = u32::try_from(counts.len()).unwrap();
    Histogram {
        schema,
        zero_threshold: 0.001,
        zero_count: 2,
        count: total.cast_unsigned() + 2,
        sum: 18.4,
        positive_spans: vec![Span { offset: -2, length }],
        positive_deltas: deltas.collect(),
        custom_values: (schema == CUSTOM_BUCKETS_SCHEMA).then(|| Arc::from([0.005, 0.3, 1e9])),
        ..Histogram::default()
    }
}

fn read_ints(bytes: &[u8]) -> Result<Vec<(i64, Histogram)>, ChunkError> {
    let mut out = Vec::new();
    decode_histograms(bytes, &mut out).map(|()| out)
}

fn read_floats(bytes: &[u8]) -> Result<Vec<(i64, FloatHistogram)>, ChunkError> {
    let mut out = Vec::new();
    decode_float_histograms(bytes, &mut out).map(|()| out)
}

/// Hints are the chunk's, not the sample's.
fn without_hints(samples: Vec<(i64, Histogram)>) -> Vec<(i64, Histogram)> {
    let clear = |(t, h)| (t, Histogram { reset_hint: ResetHint::Unknown, ..h });
    samples.into_iter().map(clear).collect()
}

/// What promtool 3.5.3 makes of these samples (`tsdb create-blocks-from openmetrics`).
#[test]
fn a_float_chunk_of_prometheus_is_read_and_written_byte_for_byte() {
    let samples = [
        (1_700_000_000_000, 0.0),
        (1_700_000_015_000, 1.0),
        (1_700_000_030_000, 1.5),
        (1_700_000_045_001, 1.5),
        (1_700_000_060_000, -0.1),
        (1_700_000_075_200, f64::from_bits(model::sample::NORMAL_NAN_BITS)),
        (1_700_000_091_000, f64::INFINITY),
        (1_700_000_106_000, 12_345_678.25),
        (1_700_000_400_000, 12_345_679.25),
    ];
    let golden = "000980a0abfef96200000000000000009875c457fed80e00057ffd83f804199999999999b0193800c\
                  04199999999999b825880020000000000006f3823e978c29c8000000e441d880000000080000000";
    let byte = |i| u8::from_str_radix(&golden[i..i + 2], 16).unwrap();
    let golden: Vec<u8> = (0..golden.len()).step_by(2).map(byte).collect();
    let mut chunk = XorChunk::default();
    samples.iter().for_each(|(t, v)| chunk.append(*t, *v).unwrap());
    assert_eq!(chunk.to_bytes(), golden);
    let mut out = Samples::default();
    decode(Encoding::Xor, &golden, &mut out).unwrap();
    assert!(
        out.ts
            .iter()
            .zip(&out.vs)
            .map(|(t, v)| (*t, v.to_bits()))
            .eq(samples.map(|(t, v)| (t, v.to_bits())))
    );
}

#[test]
fn a_sample_that_does_not_fit_needs_a_new_chunk_with_what_is_known() {
    let first = histogram(&[5, 6, 7], 3);
    let check = |h: &Histogram| {
        let mut ints = HistogramChunk::start(ResetHeader::Unknown, 10, &first).unwrap();
        let mut floats =
            FloatHistogramChunk::start(ResetHeader::Unknown, 10, &to_float(&first)).unwrap();
        let fit = ints.append(20, h).unwrap();
        assert_eq!(floats.append(20, &to_float(h)).unwrap(), fit);
        fit
    };
    assert_eq!(check(&histogram(&[5, 6, 7], 3)), Fit::Appended);
    assert_eq!(check(&histogram(&[5, 9, 7], 3)), Fit::Appended);
    assert_eq!(check(&histogram(&[9, 5, 9], 3)), Fit::NewChunk(ResetHeader::CounterReset));
    assert_eq!(check(&histogram(&[1, 1, 1], 3)), Fit::NewChunk(ResetHeader::CounterReset));
    assert_eq!(check(&histogram(&[5, 6, 7], 2)), Fit::NewChunk(ResetHeader::Unknown));
    assert_eq!(check(&histogram(&[5, 6, 7, 1], 3)), Fit::NewChunk(ResetHeader::NotCounterReset));
    let hinted = |hint| Histogram { reset_hint: hint, ..histogram(&[5, 6, 7], 3) };
    let reset = Fit::NewChunk(ResetHeader::CounterReset);
    assert_eq!(check(&hinted(ResetHint::CounterReset)), reset);
    assert_eq!(check(&hinted(ResetHint::Gauge)), Fit::NewChunk(ResetHeader::Gauge));
    let stale = Histogram { sum: stale_nan(), ..Histogram::default() };
    assert_eq!(check(&stale), Fit::Appended);
    let broken = Histogram { positive_deltas: vec![1], ..histogram(&[5, 6, 7], 3) };
    let mut chunk = HistogramChunk::start(ResetHeader::Unknown, 10, &first).unwrap();
    assert!(matches!(chunk.append(20, &broken), Err(ChunkError::Invalid(_))));
}

#[test]
fn gauges_go_down_and_stale_samples_end_a_chunk() {
    let gauge = |counts: &[i64]| Histogram { reset_hint: ResetHint::Gauge, ..histogram(counts, 0) };
    let mut chunk = HistogramChunk::start(ResetHeader::Gauge, 1, &gauge(&[9, 9])).unwrap();
    assert_eq!(chunk.append(2, &gauge(&[1, 0])), Ok(Fit::Appended));
    let stale =
        Histogram { sum: stale_nan(), reset_hint: ResetHint::Gauge, ..Histogram::default() };
    assert_eq!(chunk.append(3, &stale), Ok(Fit::Appended));
    assert_eq!(chunk.append(4, &stale), Ok(Fit::Appended));
    assert_eq!(chunk.append(5, &gauge(&[1, 0])), Ok(Fit::NewChunk(ResetHeader::Gauge)));
    let got = read_ints(chunk.bytes()).unwrap();
    assert_eq!(got.iter().map(|(t, _)| *t).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(got[1].1, gauge(&[1, 0]));
    assert!(model::sample::is_stale(got[3].1.sum));
}

#[test]
fn a_few_bytes_cannot_promise_much_memory() {
    // One sample more than DECODED_CELLS_MAX allows, and the most that it allows.
    let many = vec![1; 8191];
    let mut chunk = HistogramChunk::start(ResetHeader::Unknown, 0, &histogram(&many, 0)).unwrap();
    let n_max = u16::try_from(DECODED_CELLS_MAX / 8193).unwrap();
    let mut bytes = chunk.bytes().to_vec();
    bytes[..2].copy_from_slice(&n_max.to_be_bytes());
    assert_eq!(read_ints(&bytes), Err(ChunkError::Short));
    bytes[..2].copy_from_slice(&(n_max + 1).to_be_bytes());
    assert_eq!(read_ints(&bytes), Err(ChunkError::Invalid("histograms are too large")));
    assert_eq!(chunk.append(1, &histogram(&many, 0)), Ok(Fit::Appended));
}

prop_compose! {
    fn steps()(n in 1_usize..6)(
        schema in prop_oneof![-4..=8_i32, Just(CUSTOM_BUCKETS_SCHEMA)],
        first in prop::collection::vec(0_i64..1000, n),
        more in prop::collection::vec((any::<i64>(), prop::collection::vec(0_i64..100_000_000, n), any::<f64>()), 0..30),
    ) -> (i32, Vec<(i64, Vec<i64>, f64)>) {
        let mut counts = first;
        let mut out = vec![(0, counts.clone(), 0.0)];
        for (t, add, sum) in more {
            counts.iter_mut().zip(add).for_each(|(count, add)| *count += add);
            out.push((t, counts.clone(), sum));
        }
        (schema, out)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::seeds::seeds(24)))]

    #[test]
    fn any_growing_histograms_come_back((schema, steps) in steps()) {
        let samples: Vec<(i64, Histogram)> = steps
            .into_iter()
            .map(|(t, counts, sum)| (t, Histogram { sum, ..histogram(&counts, schema) }))
            .collect();
        let (t, h) = &samples[0];
        let mut ints = HistogramChunk::start(ResetHeader::CounterReset, *t, h).unwrap();
        let mut floats = FloatHistogramChunk::start(ResetHeader::Unknown, *t, &to_float(h)).unwrap();
        for (t, h) in &samples[1..] {
            prop_assert_eq!(ints.append(*t, h), Ok(Fit::Appended));
            prop_assert_eq!(floats.append(*t, &to_float(h)), Ok(Fit::Appended));
        }
        let same = |(t, h): &(i64, Histogram)| (*t, to_float(h));
        let expected: Vec<_> = samples.iter().map(same).collect();
        prop_assert_eq!(&read_floats(floats.bytes()).unwrap(), &expected);
        let got = without_hints(read_ints(ints.bytes()).unwrap());
        prop_assert_eq!(got.iter().map(same).collect::<Vec<_>>(), expected);
        for len in 0..ints.bytes().len() {
            prop_assert!(read_ints(&ints.bytes()[..len]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for encoding in [Encoding::Xor, Encoding::Histogram, Encoding::FloatHistogram] {
            let mut out = Samples::default();
            if decode(encoding, &bytes, &mut out).is_err() {
                prop_assert!(out.is_empty());
            }
        }
    }
}

fn meta(series: u64) -> ChunkMeta {
    let t = series.cast_signed() * 10;
    let is_out_of_order = series.is_multiple_of(2);
    ChunkMeta { series, mint: t, maxt: t + 5, encoding: Encoding::Xor, is_out_of_order }
}

fn payload(series: u64) -> Vec<u8> {
    vec![series.to_le_bytes()[0]; usize::try_from(series * 700 % 5000).unwrap()]
}

type Found = Vec<(ChunkRef, ChunkMeta, Vec<u8>)>;

fn open(fs: &SimFs) -> (HeadChunks, Found, Vec<HeadChunkDamage>) {
    let mut found = Vec::new();
    let each = |at: ChunkRef, meta: &ChunkMeta, data: &[u8]| found.push((at, *meta, data.to_vec()));
    let (chunks, damage) =
        HeadChunks::open(Arc::new(fs.clone()), Path::new("chunks_head"), each).unwrap();
    (chunks, found, damage)
}

fn check_reads(chunks: &HeadChunks, written: &Found) {
    let mut data = Vec::new();
    for (at, meta, expected) in written {
        assert_eq!(chunks.read_at(*at, &mut data).unwrap(), *meta);
        assert_eq!(data, *expected);
    }
}

#[test]
fn chunks_are_read_at_once_and_found_again_and_a_torn_tail_is_dropped() {
    let fs = SimFs::new(7);
    let (chunks, _, _) = open(&fs);
    fs.sync_dir(Path::new("")).unwrap();
    let mut written = Vec::new();
    for series in 1..200 {
        let at = chunks.write(&meta(series), &payload(series)).unwrap();
        written.push((at, meta(series), payload(series)));
    }
    check_reads(&chunks, &written);
    chunks.sync().unwrap();
    let (chunks, found, damage) = open(&fs);
    assert!(found == written && damage.is_empty());
    check_reads(&chunks, &written);
    let last = chunks.write(&meta(1), &payload(1)).unwrap();
    assert_eq!(last.file(), 2, "a file is not gone on with after a restart");
    fs.crash();
    let (_, found, _) = open(&fs);
    assert_eq!(found, written, "what was not synced may be lost, the rest is there");
}

fn file_of(fs: &SimFs) -> Vec<u8> {
    stdx::fs::read_all(fs, Path::new("chunks_head/000001"), 8 << 20).unwrap()
}

/// Changes a file's bytes; told where each chunk begins.
type Spoil = dyn Fn(&mut Vec<u8>, &dyn Fn(u64) -> usize);

/// Opens a file of 60 chunks after `spoil`, twice: which chunks are missing, and the damages. The file stays as it is.
fn spoiled(spoil: &Spoil) -> (Vec<u64>, Vec<String>) {
    let fs = SimFs::new(7);
    let (chunks, _, _) = open(&fs);
    let write = |series| chunks.write(&meta(series), &payload(series)).unwrap();
    let starts: Vec<ChunkRef> = (0..60).map(write).collect();
    chunks.sync().unwrap();
    let start = |series: u64| {
        usize::try_from(starts[usize::try_from(series).unwrap()].0 & 0xffff_ffff).unwrap()
    };
    let mut bytes = file_of(&fs);
    spoil(&mut bytes, &start);
    let file = fs.open(Path::new("chunks_head/000001"), stdx::fs::OpenMode::Write).unwrap();
    file.truncate(0).unwrap();
    file.append(&bytes).unwrap();
    let look = || {
        let (chunks, found, damage) = open(&fs);
        check_reads(&chunks, &found);
        let missing =
            (0..60).filter(|series| found.iter().all(|(_, meta, _)| meta.series != *series));
        let text = |one: HeadChunkDamage| format!("{} bytes: {}", one.bytes, one.what);
        (missing.collect::<Vec<u64>>(), damage.into_iter().map(text).collect::<Vec<String>>())
    };
    let first = look();
    assert_eq!(look(), first);
    assert!(file_of(&fs) == bytes, "what could not be read is left as it is");
    first
}

#[test]
fn damage_costs_the_chunks_that_it_hit_and_is_left_as_it_is() {
    let mut said = String::new();
    let mut check = |spoil: &Spoil| {
        let (missing, damage) = spoiled(spoil);
        let missing = if missing.len() == 60 { "all".to_owned() } else { format!("{missing:?}") };
        said.push_str(&format!("{missing} {}\n", damage.join("; ")));
    };
    check(&|bytes, at| bytes[at(5) + 30] ^= 1);
    // The length itself, made shorter and longer.
    check(&|bytes, at| bytes[at(5) + 25] ^= 1);
    check(&|bytes, at| bytes[at(5) + 26..at(5) + 29].fill(0x7f));
    check(&|bytes, at| bytes[at(5) + 25..at(5) + 28].fill(0xff));
    check(&|bytes, at| bytes[at(58)..].fill(0));
    check(&|bytes, at| bytes[at(3)..at(6)].fill(0));
    check(&|bytes, at| bytes.truncate(at(59) + 50));
    check(&|bytes, at| {
        let (from, to) = (at(7), at(8));
        bytes[from + 24] = 9;
        let crc = stdx::checksum::crc32c(&bytes[from..to - 4]).to_be_bytes();
        bytes[to - 4..to].copy_from_slice(&crc);
    });
    check(&|bytes, _| bytes[..8].fill(0));
    check(&|bytes, _| bytes[4] = 2);
    check(&|bytes, _| bytes[8..].fill(7));
    let expected = "[5] 3531 bytes: checksum is wrong
[5] 3531 bytes: checksum is wrong
[5] 3531 bytes: checksum is wrong
[5] 3531 bytes: chunk of 12582911 bytes, at most 1048576 allowed
[58, 59]\x20
[3, 4, 5] 8493 bytes: checksum is wrong
[59] 50 bytes: chunk is cut off
[7] 4931 bytes: chunk encoding 9 is not supported
[]\x20
all 145865 bytes: not a head chunk file of version 1
all 145857 bytes: checksum is wrong
";
    assert_eq!(said, expected);
}

#[test]
fn damages_of_a_file_are_listed_up_to_the_bound() {
    let fs = SimFs::new(7);
    let (chunks, _, _) = open(&fs);
    let n = recover::DAMAGE_MAX as u64 * 2 + 3;
    let written: Vec<ChunkRef> =
        (0..n).map(|series| chunks.write(&meta(series), &[1, 2, 3]).unwrap()).collect();
    chunks.sync().unwrap();
    let spoil = |series: u64| {
        let at = written[usize::try_from(series).unwrap()].0 & 0xffff_ffff;
        fs.flip(Path::new("chunks_head/000001"), at + 26, 1).unwrap();
    };
    (0..recover::DAMAGE_MAX as u64).for_each(|i| spoil(i * 2));
    assert_eq!(open(&fs).2.len(), recover::DAMAGE_MAX);
    spoil(n - 2);
    let (_, found, damage) = open(&fs);
    assert_eq!(
        (damage.len(), found.len() as u64),
        (recover::DAMAGE_MAX, n - recover::DAMAGE_MAX as u64 - 1)
    );
    assert_eq!(damage.last().unwrap().bytes, damage[0].bytes * 2);
}

#[test]
fn a_full_disk_leaves_the_chunks_readable_and_refuses_when_the_buffer_is_full() {
    let fs = SimFs::new(8);
    let (chunks, _, _) = open(&fs);
    fs.set_plan(Plan { capacity_bytes: Some(10_000), ..Plan::default() });
    let data = vec![1; 1 << 19];
    let mut written = Vec::new();
    let error = loop {
        match chunks.write(&meta(3), &data) {
            Ok(at) => written.push((at, meta(3), data.clone())),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, HeadChunkError::BufferFull) && written.len() > 2);
    check_reads(&chunks, &written);
    assert!(chunks.sync().is_err());
    fs.set_plan(Plan::default());
    chunks.sync().unwrap();
    assert_eq!(open(&fs).1, written);
    assert!(matches!(
        chunks.write(&meta(1), &vec![0; CHUNK_BYTES_MAX + 1]),
        Err(HeadChunkError::TooLong(_))
    ));
    chunks.write(&meta(1), &vec![0; CHUNK_BYTES_MAX]).unwrap();
}

#[test]
fn after_a_failed_fsync_nothing_counts_as_durable() {
    let fs = SimFs::new(9);
    let (chunks, _, _) = open(&fs);
    chunks.write(&meta(1), &payload(1)).unwrap();
    fs.set_plan(Plan { failing_syncs: [fs.counts().2].into(), ..Plan::default() });
    assert!(chunks.sync().is_err());
    assert!(chunks.sync().is_err());
    let at = chunks.write(&meta(2), &payload(2)).unwrap();
    assert_eq!(at.file(), 2);
}
