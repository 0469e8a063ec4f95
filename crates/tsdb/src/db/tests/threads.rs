//! Writers, readers and upkeep at the same time: a reader sees whole commits, and the same ones however often it looks.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const SERIES: usize = 50;
const COMMITS: i64 = 200;

fn write(db: &Db, writer: usize) {
    let mut refs = [SeriesRef(0); SERIES];
    for n in 1..=COMMITS {
        let mut appender = db.appender();
        for (i, series) in refs.iter_mut().enumerate() {
            let make = || labels(&format!("__name__=m,w={writer},i={i}"));
            *series = appender.append(*series, &make, n * 15_000, 1.0).unwrap();
        }
        appender.commit(Durability::Soon).unwrap();
    }
}

/// Looks twice at one view: all series of a writer have the same samples, both times.
fn look(db: &Db, writer: usize) {
    let querier = db.querier(i64::MIN, i64::MAX).unwrap();
    let matchers = [Matcher::equal("w", &writer.to_string())];
    let mut counts = Vec::new();
    for _ in 0..2 {
        let set = querier.select(&SelectHints::default(), &matchers).unwrap();
        assert!(set.len() == SERIES || set.is_empty());
        for i in 0..set.len() {
            let mut samples = Samples::default();
            set.read(i, i64::MIN, i64::MAX, &mut samples).unwrap();
            counts.push(samples.len());
            let newest = set.newest(i, i64::MIN, i64::MAX).unwrap();
            assert_eq!(newest.map(|s| s.t), samples.ts.last().copied());
        }
    }
    assert!(counts.windows(2).all(|two| two[0] == two[1]), "half a commit: {counts:?}");
}

#[test]
fn readers_see_whole_commits_while_writers_write() {
    let dir = Dir::new("threads");
    let db = dir.open(Options::default());
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|w| {
                scope.spawn({
                    let db = &db;
                    move || write(db, w)
                })
            })
            .collect();
        for w in 0..2 {
            let (db, is_done) = (&db, &is_done);
            scope.spawn(move || {
                while !is_done.load(Ordering::Relaxed) {
                    look(db, w);
                    db.maintain();
                }
            });
        }
        let results: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        is_done.store(true, Ordering::Relaxed);
        assert!(results.iter().all(Result::is_ok));
    });
    for w in 0..2 {
        look(&db, w);
    }
    let stats = db.stats(10);
    assert_eq!((stats.series, stats.mint, stats.maxt), (100, 15_000, COMMITS * 15_000));
    assert_eq!(stats.series_by_metric_name, [("m".to_owned(), 100)]);
}
