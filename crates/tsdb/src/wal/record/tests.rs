//! Records against themselves, damage, and what Prometheus 3.5.3 wrote.

use std::sync::Arc;

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, ResetHint, Span};
use model::labels::Labels;
use model::metadata::{Metadata, MetricType};
use proptest::prelude::*;

use super::*;
use crate::wal::{Batch, Compression, WalError};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    let byte = |two: &[char]| u8::from_str_radix(&two.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// A series record and a samples record of a real segment, without their fragment headers.
#[test]
fn records_of_prometheus_are_read_and_written_byte_for_byte() {
    let series = hex("01 0000000000000001 03 08 5f5f6e616d655f5f 02 7570 08 696e7374616e6365
         0f 3132372e302e302e313a3139333233 03 6a6f62 01 73");
    let up = [("__name__", "up"), ("instance", "127.0.0.1:19323"), ("job", "s")];
    let expected = RefSeries { series: 1, labels: Labels::from_pairs(up) };
    assert_eq!(Record::decode(&series), Ok(Record::Series(vec![expected.clone()])));
    let mut out = Vec::new();
    encode_series(&mut out, [&expected]);
    assert_eq!(out, series);

    let samples =
        hex("02 0000000000000001 000001a20fa86275 00 00 3ff0000000000000 02 00 3f9a1d178a57a9ad
         04 00 40407ed000000000 06 00 0000000000000000 08 00 0000000000000000");
    let Ok(Record::Samples(got)) = Record::decode(&samples) else { panic!("not samples") };
    assert_eq!(got.len(), 5);
    assert_eq!(got[0], RefSample { series: 1, t: 1_795_559_023_221, v: 1.0 });
    let mut out = Vec::new();
    encode_samples(&mut out, got);
    assert_eq!(out, samples);
}

#[test]
fn unknown_and_later_types_are_refused_by_name() {
    let text = |bytes: &[u8]| Record::decode(bytes).unwrap_err().to_string();
    assert_eq!(text(&[]), "record is empty");
    assert_eq!(text(&[14]), "unknown record type 14");
    assert_eq!(
        text(&[11, 1, 2]),
        "record type 11 (samples) carries start timestamps, which are not supported"
    );
    assert!(text(&[12]).contains("histograms") && text(&[13]).contains("float histograms"));
    assert_eq!(text(&[2, 0]), "samples record ends inside an entry");
}

/// A count is held against the bytes that are there before anything is reserved for it.
#[test]
fn a_count_beyond_the_bytes_reserves_nothing() {
    let mut bytes = vec![kind::SERIES];
    bytes.extend_from_slice(&7_u64.to_be_bytes());
    stdx::varint::put_uvarint(&mut bytes, u64::MAX);
    assert_eq!(Record::decode(&bytes), Err(RecordError::Short("series")));
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec(("[a-z_]{1,9}", "\\PC{1,20}"), 0..5).prop_map(|pairs| {
        Labels::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    })
}

fn float() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits)
}

prop_compose! {
    fn float_histogram()(
        hint in prop::sample::select(&[ResetHint::Unknown, ResetHint::CounterReset, ResetHint::NotCounterReset, ResetHint::Gauge]),
        schema in prop_oneof![-4..=8_i32, Just(CUSTOM_BUCKETS_SCHEMA)],
        numbers in prop::array::uniform4(float()),
        offset in any::<i32>(),
        positive_buckets in prop::collection::vec(float(), 0..9),
        negative_buckets in prop::collection::vec(float(), 0..9),
        bounds in prop::collection::vec(float(), 0..4),
    ) -> FloatHistogram {
        let spans = |buckets: &[f64]| vec![Span { offset, length: u32::try_from(buckets.len()).unwrap() }];
        let [zero_threshold, zero_count, count, sum] = numbers;
        FloatHistogram {
            reset_hint: hint, schema, zero_threshold, zero_count, count, sum,
            positive_spans: spans(&positive_buckets), negative_spans: spans(&negative_buckets),
            positive_buckets, negative_buckets,
            custom_values: (schema == CUSTOM_BUCKETS_SCHEMA).then(|| Arc::from(bounds)),
        }
    }
}

fn integer(h: &FloatHistogram) -> Histogram {
    let deltas = |buckets: &[f64]| buckets.iter().map(|x| x.to_bits().cast_signed()).collect();
    Histogram {
        reset_hint: h.reset_hint,
        schema: h.schema,
        zero_threshold: 0.5,
        zero_count: h.zero_count.to_bits(),
        count: h.count.to_bits(),
        sum: 2.5,
        positive_spans: h.positive_spans.clone(),
        negative_spans: h.negative_spans.clone(),
        positive_deltas: deltas(&h.positive_buckets),
        negative_deltas: deltas(&h.negative_buckets),
        custom_values: h.custom_values.as_ref().map(|_| Arc::from([0.5, 1.5])),
    }
}

/// Decodes a batch, puts records of a kind together, and cuts every record short at every byte.
fn check(batch: &Batch) -> Vec<Record> {
    let mut out = Vec::new();
    for bytes in batch.records() {
        for len in 0..bytes.len() {
            // Cut at an entry's end a record is a shorter one; otherwise it is an error. It is never a panic.
            drop(Record::decode(&bytes[..len]));
        }
        out.push(Record::decode(bytes).unwrap());
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::seeds::seeds(16)))]

    #[test]
    fn any_records_come_back(
        refs in prop::collection::vec((any::<u64>(), any::<i64>(), float()), 1..20),
        sets in prop::collection::vec(labels(), 20),
        text in "\\PC{0,30}",
    ) {
        let with_labels = || refs.iter().zip(sets.iter().cloned());
        let series: Vec<RefSeries> = with_labels().map(|((r, _, _), labels)| RefSeries { series: *r, labels }).collect();
        let samples: Vec<RefSample> = refs.iter().map(|&(series, t, v)| RefSample { series, t, v }).collect();
        let tombstones: Vec<RefTombstone> =
            refs.iter().map(|&(series, t, _)| RefTombstone { series, mint: t, maxt: !t }).collect();
        let exemplars: Vec<RefExemplar> =
            with_labels().map(|(&(series, t, v), labels)| RefExemplar { series, t, v, labels }).collect();
        let markers: Vec<RefMmapMarker> =
            refs.iter().map(|&(series, t, _)| RefMmapMarker { series, chunk: t.cast_unsigned() }).collect();
        let described = Metadata { kind: MetricType::StateSet, unit: text.clone(), help: text };
        let metadata: Vec<RefMetadata> =
            refs.iter().map(|&(series, _, _)| RefMetadata { series, metadata: described.clone() }).collect();
        let mut batch = Batch::default();
        batch.series(&series);
        batch.samples(samples.iter().copied());
        batch.tombstones(tombstones.iter().copied());
        batch.exemplars(&exemplars);
        batch.mmap_markers(markers.iter().copied());
        batch.metadata(&metadata);
        prop_assert_eq!(check(&batch), vec![
            Record::Series(series), Record::Samples(samples), Record::Tombstones(tombstones),
            Record::Exemplars(exemplars), Record::MmapMarkers(markers), Record::Metadata(metadata),
        ]);
    }

    #[test]
    fn any_histograms_come_back_custom_ones_in_a_record_of_their_own(
        all in prop::collection::vec((any::<u64>(), any::<i64>(), float_histogram()), 1..8),
    ) {
        let floats: Vec<RefFloatHistogram> =
            all.iter().map(|(series, t, h)| RefFloatHistogram { series: *series, t: *t, h: h.clone() }).collect();
        let ints: Vec<RefHistogram> =
            all.iter().map(|(series, t, h)| RefHistogram { series: *series, t: *t, h: integer(h) }).collect();
        let mut batch = Batch::default();
        batch.histograms(&ints);
        batch.float_histograms(&floats);
        let (mut got_ints, mut got_floats) = (Vec::new(), Vec::new());
        for record in check(&batch) {
            if let Record::Histograms(some) = record {
                got_ints.extend(some);
            } else if let Record::FloatHistograms(some) = record {
                got_floats.extend(some);
            }
        }
        let custom_last = |schema: i32| schema == CUSTOM_BUCKETS_SCHEMA;
        let (mut ints, mut floats) = (ints, floats);
        ints.sort_by_key(|one| custom_last(one.h.schema));
        floats.sort_by_key(|one| custom_last(one.h.schema));
        prop_assert_eq!(got_ints, ints);
        prop_assert_eq!(got_floats, floats);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(kind in 0_u8..16, bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut record = vec![kind];
        record.extend_from_slice(&bytes);
        drop(Record::decode(&record));
    }
}

#[test]
fn a_log_refuses_what_it_could_not_give_back() {
    use std::path::Path;
    use stdx::fs::sim::SimFs;
    let options = crate::wal::Options {
        compression: Compression::None,
        queue_bytes_max: 100,
        ..Default::default()
    };
    let metrics = crate::wal::WalMetrics::new(&stdx::metrics::Registry::default());
    let clock = Arc::new(stdx::clock::SimClock::at(0));
    let fs = Arc::new(SimFs::new(1));
    let wal = crate::wal::Wal::open(fs, clock, Path::new("wal"), options, metrics).unwrap();
    let batch = |bytes: usize| {
        let mut batch = Batch::default();
        batch.record(&vec![kind::SERIES; bytes]);
        batch
    };
    let log = |bytes| wal.log(batch(bytes), model::port::Durability::Synced);
    wal.wait(log(100).unwrap()).unwrap();
    assert_eq!(log(101), Err(WalError::BatchTooLong(101)));
}
