//! The store by its promises.

mod crash;
mod upkeep;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;
use stdx::clock::SimClock;
use stdx::fs::sim::SimFs;

use super::*;
use crate::part::system;

fn options(sim: &SimFs) -> Options {
    Options {
        fs: Arc::new(sim.clone()),
        clock: Arc::new(SimClock::at(1_700_000_000_000)),
        dir: PathBuf::from("/data/logs"),
        watcher: None,
        seed: 1,
        limits: Limits::default(),
    }
}

fn open(sim: &SimFs) -> Arc<Store> {
    let (store, report) = Store::open(options(sim)).unwrap();
    assert_eq!(report.damage, Vec::<String>::new());
    store
}

fn write<'a>(index: &'a Arc<Index>, op: Op, id: Option<&'a str>, source: &'a str) -> Write<'a> {
    let source = source.as_bytes();
    Write { index, op, id, source, routing: None, condition: Condition::None }
}

/// A word for what became of a write.
fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { seq, version, result, .. } => format!("{result:?} {seq} v{version}"),
        Outcome::Refused(refusal) => format!("{refusal:?}"),
    }
}

fn one(store: &Store, write: Write<'_>) -> String {
    word(&store.write(&[write]).unwrap()[0])
}

/// Every document that a search would see: identifier and source.
fn all(index: &Index) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for view in index.snapshot().views {
        for at in 0..view.part.block_count() {
            let block = view.part.block(at).unwrap();
            for row in view.live(at, block.rows()).iter() {
                let id = block.id(row).unwrap();
                let twice = found.insert(id, block.source(row).unwrap());
                assert_eq!(twice, None, "a document is there once");
            }
        }
    }
    found
}

#[test]
fn identifiers_versions_and_conditions() {
    let sim = SimFs::new(1);
    let store = open(&sim);
    let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
    let with = |condition, op, source| Write { condition, ..write(&index, op, Some("x"), source) };
    let lines = [
        one(&store, write(&index, Op::Create, Some("x"), r#"{"n":1}"#)),
        one(&store, write(&index, Op::Create, Some("x"), r#"{"n":2}"#)),
        one(&store, write(&index, Op::Index, Some("x"), r#"{"n":3}"#)),
        one(&store, with(Condition::SeqNo { seq: 0, term: 1 }, Op::Index, r#"{"n":4}"#)),
        one(&store, with(Condition::SeqNo { seq: 1, term: 1 }, Op::Index, r#"{"n":5}"#)),
        one(&store, with(Condition::External { version: 3, or_equal: false }, Op::Index, "{}")),
        one(&store, with(Condition::External { version: 9, or_equal: false }, Op::Index, "{}")),
        one(&store, write(&index, Op::Delete, Some("x"), "")),
        one(&store, write(&index, Op::Delete, Some("y"), "")),
        one(&store, write(&index, Op::Index, Some("x"), r#"{"n":6}"#)),
        one(&store, write(&index, Op::Index, None, r#"{"n":"#)),
        one(&store, write(&index, Op::Index, None, r#"{"n":7}"#)),
    ];
    expect_test::expect![[r#"
        Created 0 v1
        VersionConflict { current: Some((0, 1)) }
        Updated 1 v2
        VersionConflict { current: Some((1, 2)) }
        Updated 2 v3
        VersionConflict { current: Some((2, 3)) }
        Updated 3 v9
        Deleted 4 v10
        NotFound 5 v1
        Created 6 v11
        Parse { what: "unexpected end of input at byte 5" }
        Created 7 v1"#]]
    .assert_eq(&lines.join("\n"));
    for store in [store, {
        drop(index);
        open_again(&sim)
    }] {
        let index = store.index("a").unwrap();
        assert_eq!(all(&index).len(), 2);
        let document = index.get("x").unwrap().unwrap();
        assert_eq!((document.source.as_slice(), document.version), (&br#"{"n":6}"#[..], 11));
        assert_eq!(index.get("y").unwrap(), None);
        assert_eq!(index.count(), 2);
    }
}

fn open_again(sim: &SimFs) -> Arc<Store> {
    sim.crash();
    open(sim)
}

#[test]
fn one_batch_sees_itself_and_made_identifiers_can_be_written_to() {
    let sim = SimFs::new(2);
    let store = open(&sim);
    let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
    let batch = [
        write(&index, Op::Create, Some("x"), r#"{"n":1}"#),
        write(&index, Op::Create, Some("x"), r#"{"n":2}"#),
        write(&index, Op::Index, Some("x"), r#"{"n":3}"#),
        write(&index, Op::Index, None, r#"{"n":4}"#),
        write(&index, Op::Delete, Some("x"), ""),
        write(&index, Op::Create, Some("x"), r#"{"n":5}"#),
    ];
    let outcomes = store.write(&batch).unwrap();
    let Outcome::Done { id, .. } = &outcomes[3] else { panic!("written") };
    assert_eq!(index.get(id).unwrap().unwrap().source, br#"{"n":4}"#);
    assert_eq!(one(&store, write(&index, Op::Index, Some(id), r#"{"n":6}"#)), "Updated 5 v2");
    assert_eq!(
        one(&store, write(&index, Op::Create, Some(id), "{}")).split('{').next(),
        Some("VersionConflict ")
    );
    for store in [Arc::clone(&store), {
        drop(store);
        open_again(&sim)
    }] {
        let index = store.index("a").unwrap();
        let sources: Vec<String> = all(&index).into_values().collect();
        assert_eq!(
            sources.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
            [r#"{"n":5}"#, r#"{"n":6}"#].into()
        );
        assert_eq!(index.get(id).unwrap().unwrap().version, 2);
    }
}

#[test]
fn snapshots_stay_as_they_were() {
    let sim = SimFs::new(3);
    let store = open(&sim);
    let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
    for n in 0..40 {
        let (id, source) = (format!("{}", n % 10), format!("{{\"n\":{n}}}"));
        store.write(&[write(&index, Op::Index, Some(&id), &source)]).unwrap();
    }
    let before = index.snapshot();
    store.write(&[write(&index, Op::Delete, Some("3"), "")]).unwrap();
    let live = |snapshot: &Snapshot| -> usize {
        snapshot
            .views
            .iter()
            .flat_map(|view| {
                (0..view.part.block_count())
                    .map(|at| view.live(at, view.part.block(at).unwrap().rows()).count())
                    .collect::<Vec<_>>()
            })
            .sum()
    };
    assert_eq!((live(&before), live(&index.snapshot())), (10, 9));
    assert!(index.snapshot().views[0].part.block_count() <= 8, "small blocks are joined");
}

#[test]
fn mappings_grow_and_changes_are_durable() {
    let sim = SimFs::new(4);
    let store = open(&sim);
    let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
    one(&store, write(&index, Op::Index, None, r#"{"n":1,"t":"2026-11-21T00:00:00Z"}"#));
    store
        .change("a", &mut |settings, mapping| {
            settings.insert("index.blocks.write".to_owned(), json!(true));
            mapping.insert("k", crate::mapping::Field::new(crate::mapping::FieldType::Keyword))?;
            Ok(())
        })
        .unwrap();
    one(&store, write(&index, Op::Index, None, r#"{"n":"x","k":5,"b":true}"#));
    assert!(matches!(
        store.create("a", Settings::new(), Mapping::default()),
        Err(StoreError::Exists)
    ));
    store.create("gone", Settings::new(), Mapping::default()).unwrap();
    store.remove("gone").unwrap();
    store.put("alias", "x", Some(b"1")).unwrap();
    store.put("alias", "y", Some(b"2")).unwrap();
    store.put("alias", "x", None).unwrap();
    store.put("aliases", "z", Some(b"3")).unwrap();
    let (mapping, documents) = (index.mapping().to_json(), all(&index));
    drop(index);
    drop(store);
    let store = open_again(&sim);
    let index = store.index("a").unwrap();
    assert_eq!(index.mapping().to_json(), mapping);
    assert_eq!(setting(&index.settings(), "index.blocks.write").as_deref(), Some("true"));
    assert_eq!(all(&index), documents);
    assert!(store.index("gone").is_none());
    assert_eq!(store.list("alias"), [("y".to_owned(), b"2".to_vec())]);
    assert_eq!(store.get("aliases", "z").as_deref(), Some(&b"3"[..]));
    assert_eq!(mapping["properties"]["k"]["type"], "keyword");
}

#[test]
fn marks_come_with_their_batch_and_a_full_memory_refuses() {
    let sim = SimFs::new(5);
    let mut options = options(&sim);
    options.limits.memory_bytes = 20;
    let (store, _) = Store::open(options).unwrap();
    let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
    let document = write(&index, Op::Index, None, r#"{"message":"hello"}"#);
    store.write_with(&[document], &[("agent", b"17")]).unwrap();
    store.write(&[write(&index, Op::Index, None, "{}")]).unwrap();
    let error = store.write(&[document]).unwrap_err();
    assert_eq!(error.to_string(), "memtables: 21 bytes in use, at most 20 allowed");
    drop((index, store));
    let store = open_again(&sim);
    assert_eq!(store.get(MARKS, "agent").as_deref(), Some(&b"17"[..]));
    assert_eq!(store.index("a").unwrap().count(), 2);
}

#[test]
fn many_writers_at_once() {
    let sim = SimFs::new(6);
    let store = open(&sim);
    let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (store, index) = (&store, &index);
            scope.spawn(move || {
                for n in 0..25 {
                    let own = format!("{writer}-{n}");
                    let source = format!("{{\"f{}\":{n},\"s{writer}\":\"x\"}}", n % 7);
                    let batch = [
                        write(index, Op::Create, Some(&own), &source),
                        write(index, Op::Index, Some("shared"), &source),
                        write(index, Op::Index, None, &source),
                    ];
                    store.write(&batch).unwrap();
                }
            });
        }
    });
    let before = all(&index);
    assert_eq!(before.len(), 201);
    let shared = index.get("shared").unwrap().unwrap();
    assert_eq!(shared.version, 100);
    let mapping = index.mapping().to_json();
    drop((index, store));
    let store = open_again(&sim);
    let index = store.index("a").unwrap();
    assert_eq!(all(&index), before);
    assert_eq!(index.get("shared").unwrap().unwrap(), shared);
    assert_eq!(index.mapping().to_json(), mapping);
    let seqs: Vec<i64> = index
        .snapshot()
        .views
        .iter()
        .flat_map(|view| {
            let block = |at| view.part.block(at).unwrap();
            (0..view.part.block_count())
                .flat_map(|at| {
                    let column =
                        block(at).column(system::SEQ, crate::column::Kind::Int).unwrap().unwrap();
                    (0..block(at).rows()).map(|row| column.int(row).unwrap()).collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(seqs.is_sorted());
}

#[test]
fn a_write_decided_upon_one_that_failed_leaves_one_document() {
    for op in [Op::Index, Op::Delete] {
        let sim = SimFs::new(7);
        let store = open(&sim);
        let index = store.create("a", Settings::new(), Mapping::default()).unwrap();
        store.write(&[write(&index, Op::Index, Some("x"), r#"{"n":0}"#)]).unwrap();
        // As if a batch had been decided, and the disk refused it later.
        let failed = store.failures.load(Ordering::Acquire);
        let entry = table::Entry { seq: 1, version: 2, is_deleted: op == Op::Delete };
        index.pending.lock().ids.insert("x".into(), (entry, u64::MAX));
        index.pending.lock().next_seq = 2;
        let writes = [write(&index, Op::Index, Some("x"), r#"{"n":2}"#)];
        let mut batches = prepare::prepare(&writes, 0, None).unwrap();
        let (file, verdict) =
            store.wal.append(|| store.decide(&writes, &mut batches, &[], 0)).unwrap();
        store.failures.store(failed + 1, Ordering::Release);
        store.apply(&writes, &mut batches, &verdict, file);
        assert_eq!(all(&index), BTreeMap::from([("x".to_owned(), r#"{"n":2}"#.to_owned())]));
        assert_eq!(index.count(), 1);
    }
}
