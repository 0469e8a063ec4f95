//! What is taken, what is refused, and what is read back.

use super::*;

#[test]
fn samples_are_read_back_and_survive_a_restart() {
    let dir = Dir::new("restart");
    let expected = "__name__=a,x=1 10=1 20=2\n__name__=b 10=5 30=6\n";
    {
        let db = dir.open(Options::default());
        assert_eq!(put(&db, "__name__=b@10=5 __name__=a,x=1@10=1"), []);
        assert_eq!(put(&db, "__name__=a,x=1@20=2 __name__=b@30=6"), []);
        assert_eq!(get(&db, &all()), expected);
        db.close().unwrap();
    }
    let db = dir.open(Options::default());
    assert_eq!(get(&db, &all()), expected);
    assert_eq!(db.damage(), [""; 0]);
    assert_eq!(put(&db, "__name__=a,x=1@30=3 __name__=c@30=3"), []);
    drop(db);
    let db = dir.open(Options::default());
    assert_eq!(
        get(&db, &all()),
        "__name__=a,x=1 10=1 20=2 30=3\n__name__=b 10=5 30=6\n__name__=c 30=3\n"
    );
}

fn errors(db: &Db, text: &str) -> String {
    put(db, text).iter().map(|error| format!("{error}\n")).collect()
}

#[test]
fn order_and_bounds_without_a_window() {
    let dir = Dir::new("order");
    let db = dir.open(Options::default());
    // An empty head takes any time, and the batch's first sample sets the bound for the others.
    assert_eq!(errors(&db, "n=a@-5000=1 n=b@-3605000=1 n=c@-3605001=1"), "out of bounds\n");
    assert_eq!(errors(&db, "n=a@7200000=2"), "");
    // Equal is taken and not stored twice, else it is a duplicate.
    assert_eq!(errors(&db, "n=a@7200000=2 n=a@7200000=3"), "duplicate sample for timestamp\n");
    assert_eq!(errors(&db, "n=a@7199999=2 n=d@3600000=1"), "out of order sample\n");
    assert_eq!(errors(&db, "n=a@3599999=2 n=e@3599999=1"), "out of bounds\nout of bounds\n");
    assert_eq!(get(&db, &[]), "n=a -5000=1 7200000=2\nn=b -3605000=1\nn=d 3600000=1\n");
    // A batch is held against itself as well.
    let batch = "n=f@7200005=1 n=f@7200003=2 n=f@7200005=3 n=f@7200005=1 n=f@7200006=4";
    assert_eq!(errors(&db, batch), "out of order sample\nduplicate sample for timestamp\n");
    assert_eq!(get(&db, &[Matcher::equal("n", "f")]), "n=f 7200005=1 7200006=4\n");
}

/// What the commit of `one` says when that of `other` comes in between, and what is there then.
fn overtaken(window_ms: i64, one: &str, other: &str, durability: Durability) -> (String, String) {
    let dir = Dir::new(&format!("overtaken-{window_ms}-{durability:?}"));
    let options = Options { out_of_order_window_ms: window_ms, ..Options::default() };
    let db = dir.open(options.clone());
    let mut appender = db.appender();
    for sample in one.split_whitespace() {
        let (t, v) = sample.split_once('=').unwrap();
        let make = || labels("n=a");
        appender.append(SeriesRef(0), &make, t.parse().unwrap(), v.parse().unwrap()).unwrap();
    }
    assert_eq!(errors(&db, other), "");
    let said = appender.commit(durability).map_or_else(|error| error.to_string(), |()| "ok".into());
    let there = get(&db, &[]);
    drop(db);
    assert_eq!(get(&dir.open(options), &[]), there);
    (said, there)
}

#[test]
fn a_commit_that_another_has_overtaken_says_what_is_not_stored() {
    let check = |window, one, other, durability, said: &str, there: &str| {
        let (got, samples) = overtaken(window, one, other, durability);
        assert_eq!((got.as_str(), samples.as_str()), (said, there));
    };
    let one = "10=1 20=2 30=3";
    let lost = |n| {
        format!(
            "{n} float and 0 histogram samples are not stored: newer ones of their series came at the same time"
        )
    };
    check(0, one, "n=a@20=2", Durability::Synced, &lost(1), "n=a 20=2 30=3\n");
    check(0, one, "n=a@20=9", Durability::Synced, &lost(2), "n=a 20=9 30=3\n");
    check(0, one, "n=a@20=9", Durability::Soon, "ok", "n=a 20=9 30=3\n");
    check(0, one, "n=b@20=9", Durability::Synced, "ok", "n=a 10=1 20=2 30=3\nn=b 20=9\n");
    check(100, one, "n=a@20=2", Durability::Synced, "ok", "n=a 10=1 20=2 30=3\n");
    check(
        100,
        "20=1 30=1 20=2",
        "n=b@9=9",
        Durability::Synced,
        &lost(1),
        "n=a 20=1 30=1\nn=b 9=9\n",
    );
    check(
        100,
        "20=1 10=1 10=2",
        "n=b@9=9",
        Durability::Synced,
        &lost(1),
        "n=a 10=1 20=1\nn=b 9=9\n",
    );
}

#[test]
fn late_samples_within_the_window() {
    let dir = Dir::new("late");
    let options = Options { out_of_order_window_ms: 10_000, ..Options::default() };
    let db = dir.open(options.clone());
    assert_eq!(errors(&db, "n=a@20000=1 n=b@20000=1"), "");
    assert_eq!(errors(&db, "n=a@10000=2 n=a@9999=3 n=a@15000=4 n=b@12000=5"), "too old sample\n");
    let expected = "n=a 10000=2 15000=4 20000=1\nn=b 12000=5 20000=1\n";
    assert_eq!(get(&db, &[]), expected);
    drop(db);
    assert_eq!(get(&dir.open(options), &[]), expected);
    // Prometheus finds them in wbl/, where they are enough by themselves.
    assert!(dir.0.join("wbl/00000000").exists());
}

#[test]
fn the_log_of_late_samples_goes_with_the_checkpoints() {
    let dir = Dir::new("wbl");
    let options = Options { out_of_order_window_ms: 10_000, ..Options::default() };
    let registry = Registry::default();
    let open = |options: Options| {
        let clock = Arc::new(SimClock::at(1_000_000));
        (Db::open(Arc::new(RealFs), clock.clone(), &dir.0, options, &registry).unwrap(), clock)
    };
    let segments = || crate::wal::dir::segments(&RealFs, &dir.0.join("wbl")).unwrap();
    let expected = "n=a 15000=2 16000=3 20000=1\n";
    let checkpoint = |db: &Db, clock: &SimClock| {
        clock.advance(crate::db::maintain::CHECKPOINT_INTERVAL);
        db.maintain();
    };
    let (db, clock) = open(options.clone());
    put(&db, "n=a@20000=1 n=a@15000=2");
    for index in 1..3 {
        put(&db, "n=a@16000=3");
        checkpoint(&db, &clock);
        let found = segments();
        assert_eq!((found.len(), found[0].index), (1, index));
        assert!(found[0].len > 0, "what it is for is in the new segment");
    }
    db.close().unwrap();
    drop(db);
    let (db, clock) = open(Options::default());
    assert_eq!(get(&db, &[]), expected);
    assert_eq!(segments().len(), 1);
    checkpoint(&db, &clock);
    assert!(!dir.0.join("wbl").exists());
    db.close().unwrap();
    drop(db);
    assert_eq!(get(&open(options).0, &[]), expected);
}

#[test]
fn a_rollback_leaves_no_trace_and_its_refs_stay_good() {
    let dir = Dir::new("rollback");
    let db = dir.open(Options::default());
    let mut appender = db.appender();
    let series = appender.append(SeriesRef(0), &|| labels("n=a"), 10, 1.0).unwrap();
    drop(appender);
    let names = || db.querier(0, 100).unwrap().label_names(&[]).unwrap();
    assert_eq!((get(&db, &[]).as_str(), names(), db.stats(1).series), ("", vec![], 0));
    let mut appender = db.appender();
    let never = || -> Labels { panic!("the ref is known") };
    assert_eq!(appender.append(series, &never, 20, 2.0), Ok(series));
    appender.commit(Durability::Soon).unwrap();
    assert_eq!((get(&db, &[]).as_str(), names()), ("n=a 20=2\n", vec!["n".to_owned()]));
}

#[test]
fn a_reader_sees_nothing_that_came_after_it() {
    let dir = Dir::new("view");
    let db = dir.open(Options { out_of_order_window_ms: 1000, ..Options::default() });
    put(&db, "n=a@1000=1 n=b@1000=1");
    let querier = db.querier(i64::MIN, i64::MAX).unwrap();
    put(&db, "n=a@2000=2 n=a@1500=9 n=c@2000=2");
    put(&db, "n=a@3000=3 n=b@900=8");
    let set = querier.select(&SelectHints::default(), &[]).unwrap();
    let mut seen = Vec::new();
    for i in 0..set.len() {
        let mut samples = Samples::default();
        set.read(i, i64::MIN, i64::MAX, &mut samples).unwrap();
        let newest = set.newest(i, i64::MIN, i64::MAX).unwrap().map(|sample| sample.t);
        assert_eq!(newest, samples.ts.last().copied());
        seen.push((set.labels(i).get("n").unwrap().to_owned(), samples.ts));
    }
    assert_eq!(seen, [("a".to_owned(), vec![1000]), ("b".to_owned(), vec![1000])]);
}

/// Which series, names, and values of `n` there are in a range.
fn within(db: &Db, mint: i64, maxt: i64) -> String {
    let querier = db.querier(mint, maxt).unwrap();
    let mut lines = Vec::new();
    for matchers in [vec![], vec![Matcher::new(MatchOp::Regex, "n", ".+").unwrap()]] {
        let set = querier.select(&SelectHints::default(), &matchers).unwrap();
        let series = (0..set.len()).map(|i| set.labels(i).get("n").unwrap().to_owned());
        let names = querier.label_names(&matchers).unwrap().join(" ");
        let values = querier.label_values("n", &matchers).unwrap().join(" ");
        lines.push(format!("{} | {names} | {values}", series.collect::<Vec<_>>().join(" ")));
    }
    assert_eq!(lines[0], lines[1], "{mint}..={maxt}");
    lines.swap_remove(0)
}

#[test]
fn large_selections_are_in_the_order_of_labels_as_series_come_and_go() {
    let dir = Dir::new("order-of-labels");
    let db = dir.open(Options::default());
    let check = |matcher: Matcher, n: usize| {
        let querier = db.querier(i64::MIN, i64::MAX).unwrap();
        let set = querier.select(&SelectHints::default(), &[matcher]).unwrap();
        let found: Vec<Labels> = (0..set.len()).map(|i| set.labels(i)).collect();
        assert!(found.len() == n && found.is_sorted(), "{} of {n}", found.len());
    };
    let put_some = |from: u64, to: u64, t: i64| {
        let mut appender = db.appender();
        for i in from..to {
            let noise = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            let text = format!("n={},m={},x={noise}", i % 2, noise % 3);
            appender.append(SeriesRef(0), &|| labels(&text), t, 1.0).unwrap();
        }
        appender.commit(Durability::Soon).unwrap();
    };
    put_some(0, 1200, 10);
    check(Matcher::equal("n", "1"), 600);
    check(Matcher::equal("q", ""), 1200);
    check(Matcher::equal("n", "0"), 600);
    put_some(1200, 2600, 20);
    check(Matcher::equal("n", "1"), 1300);
    check(Matcher::equal("q", ""), 2600);
    db.head.write().truncate(15, false);
    put_some(2600, 3800, 20);
    check(Matcher::equal("q", ""), 2600);
    check(Matcher::equal("n", "1"), 1300);
}

#[test]
fn series_that_lie_wholly_outside_of_the_range_are_left_out() {
    let dir = Dir::new("range");
    let options = || Options { out_of_order_window_ms: 4000, ..Options::default() };
    let mut db = dir.open(options());
    put(&db, "n=a,x=1@10000=1 n=b,y=1@20000=1");
    // Enough for closed chunks.
    (0..300).for_each(|i| drop(put(&db, &format!("n=c,z=1@{}=1", 30_000 + i))));
    put(&db, "n=b,y=1@40000=1 n=d,w=1@40000=1");
    put(&db, "n=d,w=1@36500=1");
    for is_flushed in [false, true] {
        if is_flushed {
            db.close().unwrap();
            drop(db);
            db = dir.open(options());
        }
        let check = |mint, maxt, expected: &str| assert_eq!(within(&db, mint, maxt), expected);
        check(i64::MIN, i64::MAX, "a b c d | n w x y z | a b c d");
        check(i64::MIN, 9999, " |  | ");
        check(0, 10_000, "a | n x | a");
        check(10_001, 30_000, "b c | n y z | b c");
        check(10_001, 29_999, "b | n y | b");
        check(30_299, 36_499, "b c | n y z | b c");
        check(30_300, 36_500, "b d | n w y | b d");
        check(40_001, i64::MAX, " |  | ");
        check(9, 8, " |  | ");
    }
}

#[test]
fn series_at_the_bound_and_one_past_it() {
    let dir = Dir::new("bound");
    let db = dir.open(Options { series_max: 2, ..Options::default() });
    assert_eq!(errors(&db, "n=a@1=1 n=b@1=1"), "");
    assert_eq!(errors(&db, "n=c@1=1 n=a@2=1"), "limit reached: 2 series (storage.series_max)\n");
}

#[test]
fn late_samples_at_the_bound_and_one_past_it() {
    let dir = Dir::new("late-bound");
    let options =
        Options { out_of_order_window_ms: 1000, late_samples_max: 3, ..Options::default() };
    let db = dir.open(options);
    let refused = "limit reached: 3 late samples (storage.late_samples_max)\n";
    assert_eq!(errors(&db, "n=a@1000=1"), "");
    assert_eq!(errors(&db, "n=a@500=1 n=a@501=1"), "");
    // What is there already needs no room.
    assert_eq!(errors(&db, "n=a@500=1 n=a@502=1 n=a@503=1 n=a@1001=1"), refused);
    assert_eq!(errors(&db, "n=a@503=1"), refused);
    db.head.write().truncate(502, false);
    assert_eq!(errors(&db, "n=a@503=1 n=a@504=1"), "");
    db.head.write().truncate(2000, false);
    assert_eq!(db.head.read().late_len(), 0);
}

#[test]
fn one_process_at_a_time_and_blocks_are_told_of() {
    let dir = Dir::new("lock");
    let db = dir.open(Options::default());
    let clock = Arc::new(SimClock::at(0));
    let open = |clock: Arc<SimClock>| {
        Db::open(Arc::new(RealFs), clock, &dir.0, Options::default(), &Registry::default())
    };
    let error = open(Arc::clone(&clock)).unwrap_err().to_string();
    assert!(error.starts_with("lock DB directory: "), "{error}");
    db.close().unwrap();
    assert_eq!(put_error(&db), "storage: write-ahead log has stopped: the log is closed");
    std::fs::create_dir(dir.0.join("01ARZ3NDEKTSV4RRFFQ69G5FAV")).unwrap();
    let db = open(clock).unwrap();
    assert!(db.warnings()[0].contains("1 Prometheus blocks are left untouched"));
}

fn put_error(db: &Db) -> String {
    let mut appender = db.appender();
    appender.append(SeriesRef(0), &|| labels("n=z"), 99, 1.0).unwrap();
    let error = appender.commit(Durability::Soon).unwrap_err().to_string();
    assert!(!get(db, &[]).contains("n=z"), "what the log refuses is not seen");
    error
}

#[test]
fn a_series_that_retention_drops_under_a_reader_keeps_its_labels() {
    let dir = Dir::new("departed");
    let db = dir.open(Options { retention_ms: 1000, ..Options::default() });
    put(&db, "n=a@1=1 n=b@2000000=1");
    let old = db.querier(i64::MIN, i64::MAX).unwrap();
    let set = old.select(&SelectHints::default(), &[]).unwrap();
    db.head.write().truncate(1_000_000, false);
    // Its slot gets another series at once, and that one goes as well.
    for n in ["c", "d", "e"] {
        put(&db, &format!("n={n}@2000000=1"));
        db.head.write().truncate(1_000_000, false);
    }
    let names: Vec<String> = (0..2).map(|i| set.labels(i).get("n").unwrap().to_owned()).collect();
    assert_eq!(names, ["a", "b"]);
    let mut samples = Samples::default();
    set.read(0, i64::MIN, i64::MAX, &mut samples).unwrap();
    assert!(samples.ts.is_empty());
    drop(set);
    drop(old);
    db.head.write().truncate(1_000_000, false);
    assert_eq!(db.head.read().n_departed(), 0);
    assert_eq!(get(&db, &[]), "n=b 2000000=1\nn=c 2000000=1\nn=d 2000000=1\nn=e 2000000=1\n");
}

#[test]
fn commits_come_between_the_steps_of_retention() {
    let dir = Dir::new("steps");
    let db = dir.open(Options::default());
    let slots = u64::from(crate::head::SLOTS_PER_STEP);
    let mut appender = db.appender();
    for i in 0..slots * 2 {
        // Every other one is old; in the second step all are.
        let t = if i < slots && i % 2 == 1 { 2000 } else { 10 };
        appender.append(SeriesRef(0), &|| labels(&format!("n=a,i={i}")), t, 1.0).unwrap();
    }
    appender.commit(Durability::Soon).unwrap();
    let mut pass = db.head.write().begin_truncation(1000, false);
    assert!(db.head.write().truncate_step(&mut pass));
    assert_eq!(pass.gone as u64, slots / 2);
    // One that the pass has seen go, one that it has not come to, a new one that is older than all that is left.
    put(&db, &format!("n=a,i=0@3000=1 n=a,i={}@3000=1 n=b@1500=1", slots + 7));
    while db.head.write().truncate_step(&mut pass) {}
    let stats = db.stats(1);
    assert_eq!((pass.gone as u64, stats.series), (slots / 2 + slots - 1, slots / 2 + 3));
    assert_eq!(
        (stats.mint, stats.maxt),
        (10, 3000),
        "the one that came in time has its old sample"
    );
    let matchers = [Matcher::new(MatchOp::Regex, "i", &format!("0|1|2|{}", slots + 7)).unwrap()];
    let there = format!("i=0,n=a 3000=1\ni=1,n=a 2000=1\ni={},n=a 10=1 3000=1\n", slots + 7);
    assert_eq!(get(&db, &matchers), there);
    db.head.write().truncate(1600, false);
    assert_eq!((db.stats(1).mint, get(&db, &[Matcher::equal("n", "b")])), (10, String::new()));
}

#[test]
fn retention_drops_what_is_old_and_is_not_moved_by_the_future() {
    let dir = Dir::new("retention");
    let hour = 3_600_000_i64;
    let clock = Arc::new(SimClock::at(1000 * hour));
    let options = Options { retention_ms: 2 * hour, ..Options::default() };
    let db = Db::open(Arc::new(RealFs), clock.clone(), &dir.0, options, &Registry::default());
    let db = db.unwrap();
    put(&db, &format!("n=a@{}=1 n=b@{}=1 n=c@{}=1", 1000 * hour, 1000 * hour, 9000 * hour));
    db.maintain();
    // A clock that is wrong for half an hour.
    clock.step_wall(5000 * hour);
    clock.advance(std::time::Duration::from_secs(1800));
    db.maintain();
    assert_eq!(db.stats(1).series, 3);
    clock.step_wall(1001 * hour);
    db.maintain();
    put(&db, &format!("n=a@{}=2", 9000 * hour));
    for minutes in 0..4 {
        clock.step_wall(1001 * hour + minutes * hour);
        clock.advance(std::time::Duration::from_secs(3600));
        db.maintain();
    }
    assert_eq!(get(&db, &[]), format!("n=a {}=2\nn=c {}=1\n", 9000 * hour, 9000 * hour));
    drop(db);
    assert_eq!(dir.open(Options::default()).stats(1).series, 2);
}
