//! Searches answer alike from memory and from segments.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use stdx::clock::SimClock;

use super::{PATH, disk};
use crate::mapping::Mapping;
use crate::part::View;
use crate::query::Query;
use crate::search::{Found, Limits, Request, Sort, SortBy, Target, run};
use crate::segment::{Segment, WriteOptions, write};
use crate::testing;

fn documents() -> Vec<Value> {
    let document = |at: i64| {
        let message = match at % 5 {
            0 => format!("Failed password for root from 10.0.0.{} port {at}", at % 200),
            1 => format!("error.log: disk {at} is full; ERROR: retry"),
            2 => format!("로그인에 실패했습니다 (사용자 {at})"),
            3 => format!("panic: \"error\" in thread-{at}\n{}", "\tat frame error\n".repeat(40)),
            _ => "connection closed".to_owned(),
        };
        let minute = at % 60;
        let service = ["sshd", "disk", "shop"][usize::try_from(at % 3).unwrap()];
        let quarters = f64::from(i32::try_from(at).unwrap()) / 4.0;
        json!({
            "@timestamp": format!("2026-03-10T12:{minute:02}:{:02}.{:03}Z", at % 57, at % 1_000),
            "message": message, "service": {"name": service},
            "trace": format!("{:x}", at * 7_919), "status": 200 + at % 3, "took": quarters,
            "tags": ["a", format!("T{}", at % 4)], "ok": at % 2 == 0, "nested": {"deep": {"key": null, "n": at}},
        })
    };
    (0..3_000).map(document).collect()
}

/// How many rows match, and all of them in the order of arrival.
fn ask(view: &View, mapping: &Arc<Mapping>, query: &str) -> (u64, Vec<(String, String)>) {
    let target = Target::new("i", Arc::clone(mapping), vec![view.clone()]);
    let limits = Limits::new(Arc::new(SimClock::at(1_773_146_096_789)));
    let query: Query = query.parse().unwrap();
    let found = |size| -> Found {
        let sort = vec![Sort::by(SortBy::Doc, false)];
        let request = Request { query: query.clone(), sort, size, ..Request::default() };
        run(std::slice::from_ref(&target), &request, &limits, None).unwrap()
    };
    let hits = found(5_000).hits;
    let rows =
        hits.iter().map(|hit| (hit.block.id(hit.row).unwrap(), hit.block.source(hit.row).unwrap()));
    (found(0).total.unwrap().value, rows.collect())
}

#[test]
fn segments_answer_as_memory_does() {
    let mapping = json!({"properties": {
        "@timestamp": {"type": "date"}, "message": {"type": "text"},
        "service": {"properties": {"name": {"type": "keyword"}}},
        "trace": {"type": "keyword"}, "status": {"type": "long"}, "took": {"type": "double"},
        "tags": {"type": "keyword"}, "ok": {"type": "boolean"},
    }});
    let texts: Vec<String> = documents().iter().map(Value::to_string).collect();
    let (memory, mapping) = testing::memtable(&Mapping::parse(&mapping).unwrap(), &texts, 500);
    let memory = View { part: Arc::new(memory), deleted: Arc::default() };
    let mapping = Arc::new(mapping);
    let fs = disk();
    let options = WriteOptions { id_key: testing::ID_KEY, ..WriteOptions::default() };
    write(&fs, Path::new(PATH), std::slice::from_ref(&memory), &options).unwrap();
    let segment =
        View { part: Segment::open(&fs, Path::new(PATH)).unwrap(), deleted: Arc::default() };
    let mut found = 0;
    for query in [
        "match_all()",
        "term(field: message, value: error)",
        "term(field: message, value: failed)",
        "term(field: message, value: closed)",
        "term(field: message, value: \"error.log\")",
        "term(field: message, value: frame)",
        "term(field: message, value: root)",
        "term(field: message, value: 1234)",
        "term(field: message, value: nobody)",
        "match(field: message, query: \"로그인에\")",
        "match_phrase(field: message, query: \"password for root\")",
        "prefix(field: message, value: pass)",
        "term(field: trace, value: \"1e7f6\")",
        "term(field: trace, value: nobody)",
        "term(field: service.name, value: disk)",
        "term(field: tags, value: T3)",
        "term(field: tags, value: t3)",
        "term(field: status, value: 201)",
        "term(field: ok, value: true)",
        "range(field: took, gte: 10, lt: 20.5)",
        "range(field: @timestamp, gte: \"2026-03-10T12:30:00Z\", lt: \"2026-03-10T12:31:00Z\")",
        "exists(field: nested.deep.n)",
    ] {
        let (want, have) = (ask(&memory, &mapping, query), ask(&segment, &mapping, query));
        assert_eq!(want.0, have.0, "{query}");
        assert!(want.1 == have.1, "{query}: {} and {} rows", want.1.len(), have.1.len());
        found += want.1.len();
    }
    assert!(found > 9_000, "{found}");
}
