//! Native histograms, exemplars, metadata and the figures.

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram, Span};
use model::metadata::{Metadata, MetricType};
use model::sample::{Value, is_stale, stale_nan};

use super::*;

fn histogram(n: u64) -> Histogram {
    let deltas = vec![1, i64::try_from(n).unwrap() - 1];
    let spans = vec![Span { offset: 0, length: 2 }];
    let (count, sum) = (n + 1, 5.0);
    let (positive_spans, positive_deltas) = (spans, deltas);
    Histogram { schema: 1, count, sum, positive_spans, positive_deltas, ..Histogram::default() }
}

fn put_histogram(db: &Db, t: i64, h: &Histogram) -> Result<(), AppendError> {
    let mut appender = db.appender();
    appender.append_histogram(SeriesRef(0), &|| labels("n=h"), t, h)?;
    appender.commit(Durability::Synced)
}

fn counts(db: &Db) -> (Vec<i64>, Vec<(i64, f64)>) {
    let querier = db.querier(i64::MIN, i64::MAX).unwrap();
    let set = querier.select(&SelectHints::default(), &[Matcher::equal("n", "h")]).unwrap();
    let mut samples = Samples::default();
    set.read(0, i64::MIN, i64::MAX, &mut samples).unwrap();
    let count = |h: &FloatHistogram| if is_stale(h.sum) { -1.0 } else { h.count };
    (samples.ts, samples.hs.iter().map(|(t, h)| (*t, count(h))).collect())
}

#[test]
fn a_series_may_change_its_kind_and_markers_follow_it() {
    let dir = Dir::new("kinds");
    let db = dir.open(Options::default());
    assert_eq!(errors_of(&db, 10), []);
    for n in 1..=300 {
        put_histogram(&db, 1000 + i64::try_from(n).unwrap() * 15_000, &histogram(n)).unwrap();
    }
    let mut appender = db.appender();
    appender.append(SeriesRef(0), &|| labels("n=h"), 5_000_000, stale_nan()).unwrap();
    appender.commit(Durability::Synced).unwrap();
    assert_eq!(put_histogram(&db, 5_000_000, &histogram(7)), Err(AppendError::Duplicate));
    let bad = Histogram { count: 1, ..histogram(7) };
    assert!(matches!(put_histogram(&db, 6_000_000, &bad), Err(AppendError::Histogram(_))));
    let check = |db: &Db| {
        let (floats, histograms) = counts(db);
        assert_eq!((floats, histograms.len()), (vec![10], 301));
        assert_eq!((histograms[0], histograms[299]), ((16_000, 2.0), (4_501_000, 301.0)));
        assert_eq!(histograms[300], (5_000_000, -1.0));
    };
    check(&db);
    db.maintain();
    check(&db);
    drop(db);
    let db = dir.open(Options::default());
    check(&db);
    assert_eq!(errors_of(&db, 6_000_000), []);
    assert_eq!(counts(&db).0, [10, 6_000_000]);
}

fn errors_of(db: &Db, t: i64) -> Vec<AppendError> {
    put(db, &format!("n=h@{t}=1"))
}

#[test]
fn buckets_at_the_bound_and_one_past_it() {
    let dir = Dir::new("buckets");
    let db = dir.open(Options::default());
    let wide = |length: u32| Histogram {
        count: u64::from(length),
        positive_spans: vec![Span { offset: 0, length }],
        positive_deltas: (0..length).map(|i| i64::from(i == 0)).collect(),
        ..Histogram::default()
    };
    put_histogram(&db, 1, &wide(10_000)).unwrap();
    let error = put_histogram(&db, 2, &wide(10_001)).unwrap_err().to_string();
    assert_eq!(error, "invalid histogram: 10001 buckets, at most 10000 allowed");
    let spans = |n: usize| Histogram {
        count: 1,
        positive_spans: std::iter::repeat_n(Span { offset: 1, length: 0 }, n - 1)
            .chain([Span { offset: 1, length: 1 }])
            .collect(),
        positive_deltas: vec![1],
        ..Histogram::default()
    };
    put_histogram(&db, 3, &spans(10_000)).unwrap();
    let error = put_histogram(&db, 4, &spans(10_001)).unwrap_err().to_string();
    assert_eq!(error, "invalid histogram: 10001 spans, at most 10000 allowed");
    let bounds = |n: u32| Histogram {
        schema: model::histogram::CUSTOM_BUCKETS_SCHEMA,
        custom_values: Some((0..n).map(f64::from).collect()),
        ..Histogram::default()
    };
    put_histogram(&db, 5, &bounds(10_000)).unwrap();
    let error = put_histogram(&db, 6, &bounds(10_001)).unwrap_err().to_string();
    assert_eq!(error, "invalid histogram: 10001 custom bounds, at most 10000 allowed");
}

/// The largest histogram that is taken, with buckets that differ from one sample to the next as much as they can.
fn largest(n: u64) -> FloatHistogram {
    // Any exponent from 2^-511 to 2^512.
    let noise = |i: u64| {
        let mixed = (i + n * 7919).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        f64::from_bits(0x2000_0000_0000_0000 + (mixed >> 2))
    };
    let positive_buckets: Vec<f64> = (0..10_000).map(noise).collect();
    let bounds = (0..10_000_u32).map(|i| f64::from(i) + 0.1).collect();
    FloatHistogram {
        schema: model::histogram::CUSTOM_BUCKETS_SCHEMA,
        count: positive_buckets.iter().sum(),
        reset_hint: model::histogram::ResetHint::Gauge,
        positive_spans: vec![Span { offset: 0, length: 1 }; 10_000],
        positive_buckets,
        custom_values: Some(bounds),
        ..FloatHistogram::default()
    }
}

#[test]
fn chunks_of_the_largest_histograms_go_to_disk() {
    let dir = Dir::new("largest");
    let db = dir.open(Options::default());
    for n in 1..=16 {
        let mut appender = db.appender();
        let t = i64::try_from(n).unwrap();
        appender.append_float_histogram(SeriesRef(0), &|| labels("n=h"), t, &largest(n)).unwrap();
        appender.commit(Durability::Soon).unwrap();
    }
    put(&db, "n=h@20=1");
    db.flush_closed();
    assert_eq!(db.head.read().closed_memory_bytes(), 0);
    assert!(db.head.read().n_chunks() > 2);
}

#[test]
fn a_chunk_that_no_file_takes_keeps_nothing_but_its_series_from_the_disk() {
    let dir = Dir::new("stuck");
    let db = dir.open(Options::default());
    put(&db, "n=a@1=1 n=b@1=1");
    db.head.write().push_zeros(0, crate::chunk::CHUNK_BYTES_MAX + 1);
    (2..600).for_each(|t| drop(put(&db, &format!("n=a@{t}=1 n=b@{t}=1"))));
    db.flush_closed();
    let waiting: Vec<u64> =
        db.head.read().closed_in_memory().iter().map(|one| one.series.0).collect();
    assert!(waiting.len() > 2 && waiting.iter().all(|series| *series == waiting[0]), "{waiting:?}");
}

#[test]
fn exemplars_and_metadata_come_back_after_a_restart_and_a_checkpoint() {
    let dir = Dir::new("exemplars");
    let options = || Options { exemplars_max: 10, ..Options::default() };
    let exemplar = |t, id: &str| Exemplar {
        labels: labels(&format!("trace_id={id}")),
        value: 1.0,
        t: Some(t),
    };
    let metadata =
        Metadata { kind: MetricType::Counter, unit: String::new(), help: "what".to_owned() };
    {
        let db = dir.open(options());
        let mut appender = db.appender();
        let series = appender.append(SeriesRef(0), &|| labels("n=a"), 10, 1.0).unwrap();
        appender.append_exemplar(series, &exemplar(10, "x")).unwrap();
        appender.update_metadata(series, &metadata).unwrap();
        appender.commit(Durability::Synced).unwrap();
        let mut appender = db.appender();
        let again = appender.append_exemplar(series, &exemplar(10, "x"));
        assert_eq!(again, Err(AppendError::DuplicateExemplar));
        let older = appender.append_exemplar(series, &exemplar(9, "y"));
        assert_eq!(older, Err(AppendError::OutOfOrderExemplar));
    }
    for _ in 0..2 {
        let clock = Arc::new(SimClock::at(1_000_000));
        let registry = Registry::default();
        let db = Db::open(Arc::new(RealFs), clock.clone(), &dir.0, options(), &registry).unwrap();
        let found = db.exemplars(0, 100, &[vec![Matcher::equal("n", "a")]]).unwrap();
        assert_eq!((found.len(), &found[0].exemplars), (1, &vec![exemplar(10, "x")]));
        let id = db.head.read().find(labels("n=a").hash64(), &labels("n=a")).unwrap();
        assert!(db.head.read().has_metadata(id, &metadata));
        clock.advance(crate::db::maintain::CHECKPOINT_INTERVAL);
        db.maintain();
        assert!(
            dir.0
                .join("wal")
                .read_dir()
                .unwrap()
                .flatten()
                .any(|e| { e.file_name().to_string_lossy().starts_with("checkpoint.") })
        );
        let names: Vec<String> = registry.gather().into_iter().map(|family| family.name).collect();
        for name in ["prometheus_tsdb_head_series", "prometheus_tsdb_head_samples_appended_total"] {
            assert!(names.iter().any(|have| have == name), "{name}");
        }
    }
}

#[test]
fn the_newest_sample_of_each_kind() {
    let dir = Dir::new("newest");
    let db = dir.open(Options::default());
    put(&db, "n=h@10=1");
    let newest = |maxt| {
        let querier = db.querier(0, 100).unwrap();
        let set = querier.select(&SelectHints::default(), &[]).unwrap();
        set.newest(0, 0, maxt).unwrap().map(|sample| match sample.v {
            Value::Float(v) => (sample.t, v),
            Value::Histogram(h) => (sample.t, -h.count),
        })
    };
    assert_eq!((newest(100), newest(9)), (Some((10, 1.0)), None));
    put_histogram(&db, 20, &histogram(3)).unwrap();
    assert_eq!((newest(100), newest(19)), (Some((20, -4.0)), Some((10, 1.0))));
}
