//! Flushes, compaction, retention, and damage on disk.

use std::path::Path;
use std::time::Duration;

use stdx::fs::Fs;

use super::*;

fn line(day: u64, n: u64) -> String {
    format!(
        "{{\"@timestamp\":\"2026-11-{day:02}T00:00:00.000Z\",\"n\":{n},\"message\":\"line {n} of day {day}\"}}"
    )
}

/// Files below a folder, without the log's.
fn files(sim: &SimFs, dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in sim.list(dir).unwrap_or_default() {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            found.extend(files(sim, &path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}

fn parquets(sim: &SimFs) -> Vec<String> {
    let all = files(sim, Path::new("/data/logs/indices"));
    all.into_iter().filter(|file| file.ends_with(".parquet")).collect()
}

#[test]
fn days_become_folders_and_the_log_is_let_go() {
    let sim = SimFs::new(1);
    let store = open(&sim);
    let index = store.create("../Ä b", Settings::new(), Mapping::default()).unwrap();
    for n in 0..30 {
        store.write(&[write(&index, Op::Index, None, &line(1 + n % 3, n))]).unwrap();
    }
    let before = all(&index);
    store.flush(None).unwrap();
    let found = parquets(&sim);
    assert_eq!(found.len(), 3);
    let dir = index.dir.display().to_string();
    assert!(dir.starts_with("/data/logs/indices/") && !dir.contains("/.."), "{dir}");
    let days: Vec<&str> = found.iter().map(|file| &file[dir.len() + 1..][..10]).collect();
    assert_eq!(days, ["2026-11-01", "2026-11-02", "2026-11-03"]);
    assert_eq!(all(&index), before);
    assert_eq!(index.stats().memory_bytes, 0);
    assert!(store.wal.byte_len() < 100, "the log is empty: {}", store.wal.byte_len());
    store.put("k", "x", Some(b"1")).unwrap();
    drop((index, store));
    let store = open_again(&sim);
    let index = store.index("../Ä b").unwrap();
    assert_eq!(all(&index), before);
    assert_eq!(store.get("k", "x").as_deref(), Some(&b"1"[..]));
}

#[test]
fn identifiers_reach_into_segments() {
    let sim = SimFs::new(2);
    let store = open(&sim);
    let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
    store.write(&[write(&index, Op::Index, Some("X"), &line(1, 1))]).unwrap();
    let made = store.write(&[write(&index, Op::Index, None, &line(1, 2))]).unwrap();
    let Outcome::Done { id: made, .. } = made[0].clone() else { panic!("written") };
    store.write(&[write(&index, Op::Index, Some("x"), &line(1, 3))]).unwrap();
    store.flush(None).unwrap();
    let lines = [
        one(&store, write(&index, Op::Create, Some("x"), "{}")),
        one(&store, write(&index, Op::Index, Some("x"), &line(1, 4))),
        one(&store, write(&index, Op::Delete, Some("X"), "")),
        one(&store, write(&index, Op::Delete, Some(&made), "")),
        one(&store, write(&index, Op::Delete, Some(&made), "")),
    ];
    expect_test::expect![[r#"
        VersionConflict { current: Some((2, 1)) }
        Updated 3 v2
        Deleted 4 v2
        Deleted 5 v2
        NotFound 6 v3"#]]
    .assert_eq(&lines.join("\n"));
    let want = BTreeMap::from([("x".to_owned(), line(1, 4))]);
    assert_eq!(all(&index), want);
    store.flush(None).unwrap();
    assert_eq!(all(&index), want);
    drop((index, store));
    let store = open_again(&sim);
    let index = store.index("a").unwrap();
    assert_eq!(all(&index), want);
    assert_eq!(index.get("x").unwrap().unwrap().version, 2);
    assert_eq!(index.get("X").unwrap(), None);
    assert_eq!(index.get(&made).unwrap(), None);
    // A segment most of whose rows are deleted is written again.
    assert_eq!(index.stats().deleted, 3);
    while store.maintain().unwrap() {}
    assert_eq!(index.stats().deleted, 0);
    assert_eq!(all(&index), want);
}

#[test]
fn small_segments_are_sorted_together_and_old_ones_go() {
    let sim = SimFs::new(3);
    let clock = Arc::new(SimClock::at(1_796_083_200_000));
    let with =
        Options { clock: Arc::clone(&clock) as Arc<dyn stdx::clock::Clock>, ..options(&sim) };
    let (store, _) = Store::open(with).unwrap();
    let settings: Settings =
        [("index.mangru.retention.age".to_owned(), json!("10d"))].into_iter().collect();
    let index = store.create("a", settings, Mapping::default()).unwrap();
    for n in 0..24 {
        let id = (n % 20).to_string();
        store.write(&[write(&index, Op::Index, Some(&id), &line(24 + n % 2, n))]).unwrap();
        store.flush(None).unwrap();
    }
    let before = all(&index);
    assert_eq!((before.len(), index.stats().segments), (20, 24));
    while store.maintain().unwrap() {}
    assert_eq!((index.stats().segments, index.stats().deleted), (2, 0));
    assert_eq!(parquets(&sim).len(), 2);
    assert_eq!(all(&index), before);
    clock.advance(Duration::from_secs(3 * 86_400 + 1));
    while store.maintain().unwrap() {}
    assert_eq!((index.count(), index.stats().segments), (10, 1), "the 24th is older than ten days");
    store
        .change("a", &mut |settings, _| {
            settings.insert("index.mangru.retention.bytes".to_owned(), json!("1b"));
            Ok(())
        })
        .unwrap();
    while store.maintain().unwrap() {}
    assert_eq!((index.count(), parquets(&sim).len()), (0, 0));
}

#[test]
fn damage_costs_what_it_hit() {
    let sim = SimFs::new(4);
    let store = open(&sim);
    let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
    for n in 0..4 {
        store.write(&[write(&index, Op::Index, None, &line(1 + n % 2, n))]).unwrap();
    }
    store.flush(None).unwrap();
    let before = all(&index);
    drop((index, store));
    let found = parquets(&sim);
    let len = sim.open(Path::new(&found[0]), stdx::fs::OpenMode::Read).unwrap().len().unwrap();
    sim.flip(Path::new(&found[0]), len - 6, 1).unwrap();
    let (store, report) = Store::open(options(&sim)).unwrap();
    assert_eq!(report.damage.len(), 1, "{:?}", report.damage);
    assert!(report.damage[0].starts_with(&found[0]) && report.damage[0].ends_with(": left out"));
    let index = store.index("a").unwrap();
    assert_eq!((index.count(), index.stats().damaged), (2, 1));
    drop((index, store));
    assert_eq!(parquets(&sim), found, "nothing is removed");
    sim.flip(Path::new(&found[0]), len - 6, 1).unwrap();
    // Without catalog and manifest the segments are still there.
    sim.flip(Path::new("/data/logs/catalog"), 20, 4).unwrap();
    let (store, report) = Store::open(options(&sim)).unwrap();
    assert_eq!(report.damage.len(), 1, "{:?}", report.damage);
    assert_eq!(all(&store.index("a").unwrap()), before);
    store.flush(None).unwrap();
    store.write(&[write(&store.index("a").unwrap(), Op::Index, None, "{}")]).unwrap();
    store.flush(None).unwrap();
    drop(store);
    let manifest = files(&sim, Path::new("/data/logs/indices"));
    let manifest = manifest.iter().find(|file| file.ends_with("manifest.json")).unwrap();
    sim.flip(Path::new(manifest), 40, 4).unwrap();
    let (store, report) = Store::open(options(&sim)).unwrap();
    assert_eq!(report.damage.len(), 1, "{:?}", report.damage);
    assert_eq!(store.index("a").unwrap().count(), 5);
}

#[test]
fn a_replayed_log_becomes_tables_of_the_usual_size() {
    let sim = SimFs::new(1);
    let mut options = options(&sim);
    options.limits.freeze_bytes = 300;
    let (store, _) = Store::open(options.clone()).unwrap();
    let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
    for n in 0..20 {
        one(&store, write(&index, Op::Index, None, &line(1, n)));
    }
    let before = all(&index);
    drop((index, store));
    sim.crash();
    let (store, _) = Store::open(options).unwrap();
    let index = store.index("a").unwrap();
    assert!(index.state.lock().tables.len() > 2, "frozen as they were written");
    assert_eq!(all(&index), before);
}
