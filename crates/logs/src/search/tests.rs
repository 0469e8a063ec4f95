//! Searches over documents, against what each query means.

use std::sync::Arc;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use stdx::clock::SimClock;

use super::*;
use crate::mapping::Mapping;
use crate::query::Query;
use crate::testing;

/// 2026-03-10T12:34:56.789Z
const NOW_MS: i64 = 1_773_146_096_789;

pub(super) struct Index {
    pub(super) targets: Vec<Target>,
    pub(super) limits: Limits,
}

impl Index {
    pub(super) fn new(mapping: &Value, documents: &[Value]) -> Self {
        let mapping = Mapping::parse(mapping).unwrap();
        let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
        let (view, mapping) = testing::view(&mapping, &texts);
        Self {
            targets: vec![Target::new("i", Arc::new(mapping), vec![view])],
            limits: Limits::new(Arc::new(SimClock::at(NOW_MS))),
        }
    }

    pub(super) fn run(&self, request: &Request) -> Result<Found, SearchError> {
        run(&self.targets, request, &self.limits, None)
    }

    /// The rows that match, in order of arrival; or why none can.
    pub(super) fn rows(&self, query: &str) -> String {
        let query: Query = query.parse().unwrap_or_else(|error| panic!("{query}: {error}"));
        let sort = vec![Sort::by(SortBy::Doc, false)];
        match self.run(&Request { query, sort, size: 1_000, ..Request::default() }) {
            Ok(found) => {
                let rows: Vec<String> = found.hits.iter().map(|hit| hit.row.to_string()).collect();
                assert_eq!(found.total.unwrap().value, u64::try_from(rows.len()).unwrap());
                rows.join(" ")
            }
            Err(error) => format!("{error}"),
        }
    }
}

/// Each line of `queries` with the rows that it finds.
fn check(index: &Index, queries: &str, want: &Expect) {
    let mut have = String::new();
    for query in queries.lines().map(str::trim).filter(|line| !line.is_empty()) {
        have.push_str(&format!("{query} → {}\n", index.rows(query)));
    }
    want.assert_eq(&have);
}

fn typed() -> Index {
    let mapping = json!({"properties": {
        "t": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 20}}},
        "k": {"type": "keyword"},
        "low": {"type": "keyword", "normalizer": "lowercase"},
        "n": {"type": "long"}, "u": {"type": "unsigned_long"}, "b": {"type": "byte"},
        "f": {"type": "double"}, "s": {"type": "float"}, "h": {"type": "half_float"},
        "c": {"type": "scaled_float", "scaling_factor": 100},
        "on": {"type": "boolean"}, "ip": {"type": "ip"},
        "@timestamp": {"type": "date"}, "ns": {"type": "date_nanos"},
        "day": {"type": "date", "format": "yyyy/MM/dd||epoch_second"},
        "a": {"type": "alias", "path": "k"}, "all": {"type": "text"},
        "x": {"type": "keyword", "copy_to": "all"}, "y": {"type": "keyword", "copy_to": ["all"]},
        "fix": {"type": "constant_keyword", "value": "stay"},
        "lab": {"type": "flattened"}, "off": {"type": "keyword", "index": false, "doc_values": false}
    }});
    let documents = [
        json!({"t": "Connection refused: db-1 10.250.19.77:5432", "k": "Alpha", "low": "ÄB", "n": 5, "f": 1.5, "on": true,
            "ip": "10.0.0.1", "@timestamp": "2026-03-10T12:00:00.000Z", "x": "one", "lab": {"app": "web", "v": 1}}),
        json!({"t": ["level:error access.log", "second value here"], "k": ["beta", "gamma"], "n": [7, -3], "u": 18_446_744_073_709_551_615_u64,
            "ip": "fe80::1", "@timestamp": "2026-03-10T00:00:00.999Z", "ns": "2026-03-10T00:00:00.123456789Z", "y": "two words"}),
        json!({"t": "로그인에 실패했습니다 error", "k": "", "low": "äb", "b": 3, "s": 0.1, "h": 0.1, "c": 1.234, "on": "false",
            "@timestamp": "2026-03-09T23:59:59.999Z", "day": "2026/02/01", "off": "x"}),
        json!({"t": "ERROR Error errors, an error_code", "k": "a*b", "n": "12", "f": 2, "ip": "10.1.0.0", "@timestamp": 1_773_100_800_000_i64}),
        json!({"t": 42, "n": "no number", "f": "x", "day": 86_400, "o": {"p": "q"}}),
        json!({}),
    ];
    Index::new(&mapping, &documents)
}

const EXACT_VALUES_QUERIES: &str = r#"
        term(field: k, value: Alpha)
        term(field: k, value: alpha)
        term(field: k, value: alpha, case_insensitive: true)
        term(field: k, value: gamma)
        term(field: k, value: "")
        term(field: a, value: beta)
        term(field: low, value: "äB")
        term(field: t, value: refused)
        term(field: t, value: Refused)
        term(field: t, value: error)
        term(field: t, value: "access.log")
        term(field: t, value: access)
        term(field: t, value: "10.250.19.77")
        term(field: t, value: 42)
        term(field: t.keyword, value: "Connection refused: db-1 10.250.19.77:5432")
        term(field: t.keyword, value: "second value here")
        term(field: n, value: 7)
        term(field: n, value: "12")
        term(field: n, value: 5.5)
        term(field: n, value: abc)
        term(field: b, value: 300)
        term(field: u, value: 18446744073709551615)
        term(field: f, value: 2)
        term(field: s, value: 0.1)
        term(field: h, value: 0.1)
        term(field: c, value: 1.23)
        term(field: on, value: false)
        term(field: on, value: maybe)
        term(field: ip, value: "10.0.0.0/8")
        term(field: ip, value: "fe80::1")
        term(field: ip, value: "10.0.0")
        term(field: all, value: one)
        term(field: all, value: words)
        term(field: fix, value: stay)
        term(field: fix, value: go)
        term(field: lab.app, value: web)
        term(field: lab.v, value: 1)
        term(field: lab, value: web)
        term(field: _index, value: i)
        term(field: none, value: 1)
        term(field: off, value: x)
        terms(field: k, values: [Alpha, beta, nothing])
        terms(field: n, values: [5, 12])
        terms(field: k, values: [])
        "#;

#[test]
fn exact_values() {
    check(
        &typed(),
        EXACT_VALUES_QUERIES,
        &expect![[r#"
            term(field: k, value: Alpha) → 0
            term(field: k, value: alpha) → 
            term(field: k, value: alpha, case_insensitive: true) → 0
            term(field: k, value: gamma) → 1
            term(field: k, value: "") → 2
            term(field: a, value: beta) → 1
            term(field: low, value: "äB") → 0 2
            term(field: t, value: refused) → 0
            term(field: t, value: Refused) → 
            term(field: t, value: error) → 2 3
            term(field: t, value: "access.log") → 1
            term(field: t, value: access) → 
            term(field: t, value: "10.250.19.77") → 0
            term(field: t, value: 42) → 4
            term(field: t.keyword, value: "Connection refused: db-1 10.250.19.77:5432") → 
            term(field: t.keyword, value: "second value here") → 1
            term(field: n, value: 7) → 1
            term(field: n, value: "12") → 3
            term(field: n, value: 5.5) → 
            term(field: n, value: abc) → i: For input string: "abc"
            term(field: b, value: 300) → i: Value [300] is out of range for a byte
            term(field: u, value: 18446744073709551615) → 1
            term(field: f, value: 2) → 3
            term(field: s, value: 0.1) → 2
            term(field: h, value: 0.1) → 2
            term(field: c, value: 1.23) → 2
            term(field: on, value: false) → 2
            term(field: on, value: maybe) → i: Can't parse boolean value [maybe], expected [true] or [false]
            term(field: ip, value: "10.0.0.0/8") → 0 3
            term(field: ip, value: "fe80::1") → 1
            term(field: ip, value: "10.0.0") → i: '10.0.0' is not an IP string literal.
            term(field: all, value: one) → 0
            term(field: all, value: words) → 1
            term(field: fix, value: stay) → 0 1 2 3 4 5
            term(field: fix, value: go) → 
            term(field: lab.app, value: web) → 0
            term(field: lab.v, value: 1) → 0
            term(field: lab, value: web) → 0
            term(field: _index, value: i) → 0 1 2 3 4 5
            term(field: none, value: 1) → 
            term(field: off, value: x) → i: Cannot search on field [off] since it is not indexed.
            terms(field: k, values: [Alpha, beta, nothing]) → 0 1
            terms(field: n, values: [5, 12]) → 0 3
            terms(field: k, values: []) → 
        "#]],
    );
}

const RANGES_AND_DATES_QUERIES: &str = r#"
        range(field: n, gte: 5)
        range(field: n, gt: 5)
        range(field: n, gt: 4.5, lt: 7.5)
        range(field: n, lt: 0)
        range(field: n, gt: 7, lt: 8)
        range(field: f, gt: 1.5)
        range(field: f, gte: 1.5, lte: 2)
        range(field: s, gte: 0.1, lte: 0.1)
        range(field: s, gt: 0.1)
        range(field: u, gt: 9223372036854775807)
        range(field: k, gte: a, lt: b)
        range(field: t, gt: refus, lte: refused)
        range(field: ip, gte: "10.0.0.0", lt: "10.0.0.2")
        range(field: ip, gt: "10.0.0.1")
        range(field: on, gte: true)
        range(field: "@timestamp", gte: "2026-03-10", lt: "2026-03-11")
        range(field: "@timestamp", lte: "2026-03-09")
        range(field: "@timestamp", gt: "2026-03-09")
        range(field: "@timestamp", gte: "now/d")
        range(field: "@timestamp", gte: "now-1d/d", lt: "now/d")
        range(field: "@timestamp", gte: "2026-03-10", time_zone: "+09:00", lt: "2026-03-10T09:00:01")
        range(field: "@timestamp", gte: 1773100800000)
        range(field: "@timestamp", gte: "10.03.2026", format: "dd.MM.yyyy")
        range(field: "@timestamp", gte: yesterday)
        range(field: "@timestamp", gte: "2026", time_zone: Nowhere)
        range(field: "@timestamp", lte: "2026-03-10T00:00:00.999Z", gte: "2026-03-10T00:00:00.999Z")
        term(field: "@timestamp", value: "2026-03-10")
        term(field: "@timestamp", value: "2026-03-10T00:00:00.999Z")
        range(field: ns, gte: "2026-03-10T00:00:00.123456789Z")
        range(field: ns, gt: "2026-03-10T00:00:00.123456789Z")
        range(field: day, gte: "2026/02/01", lt: "2026/02/02")
        range(field: day, lt: "1970/02/01")
        range(field: n)
        "#;

#[test]
fn ranges_and_dates() {
    check(
        &typed(),
        RANGES_AND_DATES_QUERIES,
        &expect![[r#"
            range(field: n, gte: 5) → 0 1 3
            range(field: n, gt: 5) → 1 3
            range(field: n, gt: 4.5, lt: 7.5) → 0 1
            range(field: n, lt: 0) → 1
            range(field: n, gt: 7, lt: 8) → 
            range(field: f, gt: 1.5) → 3
            range(field: f, gte: 1.5, lte: 2) → 0 3
            range(field: s, gte: 0.1, lte: 0.1) → 2
            range(field: s, gt: 0.1) → 
            range(field: u, gt: 9223372036854775807) → 1
            range(field: k, gte: a, lt: b) → 3
            range(field: t, gt: refus, lte: refused) → 0
            range(field: ip, gte: "10.0.0.0", lt: "10.0.0.2") → 0
            range(field: ip, gt: "10.0.0.1") → 1 3
            range(field: on, gte: true) → 0
            range(field: "@timestamp", gte: "2026-03-10", lt: "2026-03-11") → 0 1 3
            range(field: "@timestamp", lte: "2026-03-09") → 2
            range(field: "@timestamp", gt: "2026-03-09") → 0 1 3
            range(field: "@timestamp", gte: "now/d") → 0 1 3
            range(field: "@timestamp", gte: "now-1d/d", lt: "now/d") → 2
            range(field: "@timestamp", gte: "2026-03-10", time_zone: "+09:00", lt: "2026-03-10T09:00:01") → 1 2 3
            range(field: "@timestamp", gte: 1773100800000) → 0 1 3
            range(field: "@timestamp", gte: "10.03.2026", format: "dd.MM.yyyy") → 0 1 3
            range(field: "@timestamp", gte: yesterday) → i: failed to parse date field [yesterday] with format [strict_date_optional_time||epoch_millis]
            range(field: "@timestamp", gte: "2026", time_zone: Nowhere) → i: Unknown time-zone ID: Nowhere
            range(field: "@timestamp", lte: "2026-03-10T00:00:00.999Z", gte: "2026-03-10T00:00:00.999Z") → 1
            term(field: "@timestamp", value: "2026-03-10") → 0 1 3
            term(field: "@timestamp", value: "2026-03-10T00:00:00.999Z") → 1
            range(field: ns, gte: "2026-03-10T00:00:00.123456789Z") → 1
            range(field: ns, gt: "2026-03-10T00:00:00.123456789Z") → 
            range(field: day, gte: "2026/02/01", lt: "2026/02/02") → 2
            range(field: day, lt: "1970/02/01") → 4
            range(field: n) → 0 1 3
        "#]],
    );
}

const WORDS_AND_PHRASES_QUERIES: &str = r#"
        match(field: t, query: "ERROR")
        match(field: t, query: "error refused")
        match(field: t, query: "error errors", operator: and)
        match(field: t, query: "error second here", minimum_should_match: "2")
        match(field: t, query: "level:error")
        match(field: t, query: "10.250.19.77")
        match(field: t, query: "10")
        match(field: t, query: "로그인에")
        match(field: t, query: "로그인")
        match(field: t, query: "...", zero_terms_query: all)
        match(field: t, query: "...")
        match(field: t, query: "eror", fuzziness: (auto: [3, 6]))
        match(field: n, query: "5")
        match(field: n, query: "five")
        match(field: n, query: "five", lenient: true)
        match(field: k, query: "a*b")
        match_phrase(field: t, query: "connection refused")
        match_phrase(field: t, query: "refused connection")
        match_phrase(field: t, query: "refused connection", slop: 2)
        match_phrase(field: t, query: "connection db", slop: 1)
        match_phrase(field: t, query: "access.log second")
        match_phrase(field: t, query: "error error")
        match_phrase_prefix(field: t, query: "connection ref")
        match_phrase_prefix(field: t, query: "conn")
        match_bool_prefix(field: t, query: "실패했습니다 err")
        multi_match(fields: [[t, 1.0], [k, 2.0]], query: "alpha")
        multi_match(fields: [[t, 1.0], [k, 2.0]], query: "Alpha")
        multi_match(query: "5")
        multi_match(fields: [[x, 1.0], [y, 1.0], [t, 1.0]], query: "one refused", kind: cross_fields, operator: and)
        multi_match(fields: [["t*", 1.0]], query: "second value", kind: phrase)
        combined_fields(fields: [[t, 1.0], [all, 1.0]], query: "refused one", operator: and)
        "#;

#[test]
fn words_and_phrases() {
    check(
        &typed(),
        WORDS_AND_PHRASES_QUERIES,
        &expect![[r#"
            match(field: t, query: "ERROR") → 2 3
            match(field: t, query: "error refused") → 0 2 3
            match(field: t, query: "error errors", operator: and) → 3
            match(field: t, query: "error second here", minimum_should_match: "2") → 1
            match(field: t, query: "level:error") → 1
            match(field: t, query: "10.250.19.77") → 0
            match(field: t, query: "10") → 
            match(field: t, query: "로그인에") → 2
            match(field: t, query: "로그인") → 
            match(field: t, query: "...", zero_terms_query: all) → 0 1 2 3 4 5
            match(field: t, query: "...") → 
            match(field: t, query: "eror", fuzziness: (auto: [3, 6])) → 2 3
            match(field: n, query: "5") → 0
            match(field: n, query: "five") → i: For input string: "five"
            match(field: n, query: "five", lenient: true) → 
            match(field: k, query: "a*b") → 3
            match_phrase(field: t, query: "connection refused") → 0
            match_phrase(field: t, query: "refused connection") → 
            match_phrase(field: t, query: "refused connection", slop: 2) → 0
            match_phrase(field: t, query: "connection db", slop: 1) → 0
            match_phrase(field: t, query: "access.log second") → 
            match_phrase(field: t, query: "error error") → 3
            match_phrase_prefix(field: t, query: "connection ref") → 0
            match_phrase_prefix(field: t, query: "conn") → 0
            match_bool_prefix(field: t, query: "실패했습니다 err") → 2 3
            multi_match(fields: [[t, 1.0], [k, 2.0]], query: "alpha") → 
            multi_match(fields: [[t, 1.0], [k, 2.0]], query: "Alpha") → 0
            multi_match(query: "5") → 0
            multi_match(fields: [[x, 1.0], [y, 1.0], [t, 1.0]], query: "one refused", kind: cross_fields, operator: and) → 
            multi_match(fields: [["t*", 1.0]], query: "second value", kind: phrase) → 1
            combined_fields(fields: [[t, 1.0], [all, 1.0]], query: "refused one", operator: and) → 0
        "#]],
    );
}

const PATTERNS_QUERIES: &str = r#"
        prefix(field: k, value: Al)
        prefix(field: k, value: al, case_insensitive: true)
        prefix(field: t, value: err)
        prefix(field: t, value: "10.250")
        prefix(field: n, value: "1")
        wildcard(field: k, value: "*a")
        wildcard(field: k, value: "a\\*b")
        wildcard(field: k, value: "?eta")
        wildcard(field: k, value: "*")
        wildcard(field: t, value: "*rror*")
        wildcard(field: t, value: "실패*")
        wildcard(field: t.keyword, value: "*value*")
        regexp(field: k, value: "[A-B]l.*")
        regexp(field: t, value: "error.?")
        regexp(field: k, value: "ALPHA", case_insensitive: true)
        regexp(field: k, value: "(")
        fuzzy(field: t, value: "erorr")
        fuzzy(field: k, value: "Alpah", fuzziness: (edits: 1))
        fuzzy(field: k, value: "Xlpha", prefix_length: 1)
        "#;

#[test]
fn patterns() {
    check(
        &typed(),
        PATTERNS_QUERIES,
        &expect![[r#"
            prefix(field: k, value: Al) → 0
            prefix(field: k, value: al, case_insensitive: true) → 0
            prefix(field: t, value: err) → 2 3
            prefix(field: t, value: "10.250") → 0
            prefix(field: n, value: "1") → i: Can only use prefix queries on keyword, text and wildcard fields - not on [n] which is of type [long]
            wildcard(field: k, value: "*a") → 0 1
            wildcard(field: k, value: "a\\*b") → 3
            wildcard(field: k, value: "?eta") → 1
            wildcard(field: k, value: "*") → 0 1 2 3
            wildcard(field: t, value: "*rror*") → 1 2 3
            wildcard(field: t, value: "실패*") → 2
            wildcard(field: t.keyword, value: "*value*") → 1
            regexp(field: k, value: "[A-B]l.*") → 0
            regexp(field: t, value: "error.?") → 2 3
            regexp(field: k, value: "ALPHA", case_insensitive: true) → 0
            regexp(field: k, value: "(") → i: expected ')' at position 1
            fuzzy(field: t, value: "erorr") → 2 3
            fuzzy(field: k, value: "Alpah", fuzziness: (edits: 1)) → 0
            fuzzy(field: k, value: "Xlpha", prefix_length: 1) → 
        "#]],
    );
}

const JOINED_QUERIES_QUERIES: &str = r#"
        match_all()
        match_none()
        bool()
        bool(must: [match(field: t, query: error)], must_not: [term(field: n, value: 12)])
        bool(must_not: [exists(field: t)])
        bool(should: [term(field: k, value: Alpha), term(field: n, value: 12)])
        bool(filter: [exists(field: t)], should: [term(field: k, value: Alpha)])
        bool(filter: [exists(field: t)], should: [term(field: k, value: Alpha)], minimum_should_match: "1")
        bool(should: [exists(field: t), exists(field: n), exists(field: on)], minimum_should_match: "-1")
        constant_score(filter: exists(field: ip))
        dis_max(queries: [term(field: n, value: 5), term(field: n, value: 7)])
        boosting(positive: exists(field: t), negative: exists(field: n), negative_boost: 0.5)
        terms_set(field: t, values: [error, errors, an, code], minimum_should_match_field: b)
        exists(field: n)
        exists(field: f)
        exists(field: t.keyword)
        exists(field: k)
        exists(field: o)
        exists(field: lab)
        exists(field: "n*")
        exists(field: none)
        exists(field: fix)
        "#;

#[test]
fn joined_queries() {
    check(
        &typed(),
        JOINED_QUERIES_QUERIES,
        &expect![[r#"
            match_all() → 0 1 2 3 4 5
            match_none() → 
            bool() → 0 1 2 3 4 5
            bool(must: [match(field: t, query: error)], must_not: [term(field: n, value: 12)]) → 2
            bool(must_not: [exists(field: t)]) → 5
            bool(should: [term(field: k, value: Alpha), term(field: n, value: 12)]) → 0 3
            bool(filter: [exists(field: t)], should: [term(field: k, value: Alpha)]) → 0 1 2 3 4
            bool(filter: [exists(field: t)], should: [term(field: k, value: Alpha)], minimum_should_match: "1") → 0
            bool(should: [exists(field: t), exists(field: n), exists(field: on)], minimum_should_match: "-1") → 0 1 2 3
            constant_score(filter: exists(field: ip)) → 0 1 3
            dis_max(queries: [term(field: n, value: 5), term(field: n, value: 7)]) → 0 1
            boosting(positive: exists(field: t), negative: exists(field: n), negative_boost: 0.5) → 0 1 2 3 4
            terms_set(field: t, values: [error, errors, an, code], minimum_should_match_field: b) → 
            exists(field: n) → 0 1 3
            exists(field: f) → 0 3
            exists(field: t.keyword) → 1 2 4
            exists(field: k) → 0 1 2 3
            exists(field: o) → 4
            exists(field: lab) → 0
            exists(field: "n*") → 0 1 3
            exists(field: none) → 
            exists(field: fix) → 0 1 2 3 4 5
        "#]],
    );
}

const LUCENES_LANGUAGE_QUERIES: &str = r#"
        query_string(query: "error refused")
        query_string(query: "t:error AND n:12")
        query_string(query: "+t:error -n:12")
        query_string(query: "-t:error")
        query_string(query: "t:(error refused) NOT k:Alpha")
        query_string(query: "t:\"connection refused\"")
        query_string(query: "ERR*", default_field: t)
        query_string(query: "t:ERR*")
        query_string(query: "t:*RROR?")
        query_string(query: "t:erorr~1")
        query_string(query: "k:/[A-B]l.*/")
        query_string(query: "n:[5 TO 12}")
        query_string(query: "n:>5")
        query_string(query: "n:>=5 AND n:<=7")
        query_string(query: "@timestamp:[2026-03-10 TO *]")
        query_string(query: "_exists_:ip")
        query_string(query: "ip:*")
        query_string(query: "*")
        query_string(query: "*:*")
        query_string(query: "ip:10.0.0.1")
        query_string(query: "lo\\*:ÄB")
        query_string(query: "12:30:01")
        query_string(query: "[ERROR] failed", lenient: true)
        query_string(query: "n:abc")
        query_string(query: "n:abc", lenient: true)
        query_string(query: "error errors an", default_field: t, minimum_should_match: "2")
        query_string(query: "error errors", default_field: t, default_operator: and)
        query_string(query: "error AND", escape: true, default_field: t)
        query_string(query: "")
        query_string(query: "*rror", no_leading_wildcard: true)
        query_string(query: "42")
        "#;

#[test]
fn lucenes_language() {
    check(
        &typed(),
        LUCENES_LANGUAGE_QUERIES,
        &expect![[r#"
            query_string(query: "error refused") → 0 2 3
            query_string(query: "t:error AND n:12") → 3
            query_string(query: "+t:error -n:12") → 2
            query_string(query: "-t:error") → 0 1 4 5
            query_string(query: "t:(error refused) NOT k:Alpha") → 2 3
            query_string(query: "t:\"connection refused\"") → 0
            query_string(query: "ERR*", default_field: t) → 2 3
            query_string(query: "t:ERR*") → 2 3
            query_string(query: "t:*RROR?") → 3
            query_string(query: "t:erorr~1") → 2 3
            query_string(query: "k:/[A-B]l.*/") → 0
            query_string(query: "n:[5 TO 12}") → 0 1
            query_string(query: "n:>5") → 1 3
            query_string(query: "n:>=5 AND n:<=7") → 0 1
            query_string(query: "@timestamp:[2026-03-10 TO *]") → 0 1 3
            query_string(query: "_exists_:ip") → 0 1 3
            query_string(query: "ip:*") → 0 1 3
            query_string(query: "*") → 0 1 2 3 4 5
            query_string(query: "*:*") → 0 1 2 3 4 5
            query_string(query: "ip:10.0.0.1") → 0
            query_string(query: "lo\\*:ÄB") → 0 2
            query_string(query: "12:30:01") → i: Failed to parse query [12:30:01]
            query_string(query: "[ERROR] failed", lenient: true) → i: Failed to parse query [[ERROR] failed]
            query_string(query: "n:abc") → 
            query_string(query: "n:abc", lenient: true) → 
            query_string(query: "error errors an", default_field: t, minimum_should_match: "2") → 3
            query_string(query: "error errors", default_field: t, default_operator: and) → 3
            query_string(query: "error AND", escape: true, default_field: t) → 2 3
            query_string(query: "") → 
            query_string(query: "*rror", no_leading_wildcard: true) → i: Failed to parse query [*rror]
            query_string(query: "42") → 4
        "#]],
    );
}

const FORGIVING_AND_KIBANAS_LANGUAGE_QUERIES: &str = r#"
        simple_query_string(query: "error + errors", fields: [[t, 1.0]])
        simple_query_string(query: "error -errors", fields: [[t, 1.0]], default_operator: and)
        simple_query_string(query: "\"connection refused\" | 42", fields: [[t, 1.0]])
        simple_query_string(query: "ERR*", fields: [[t, 1.0]])
        simple_query_string(query: "[ERROR] failed:")
        simple_query_string(query: "(((", fields: [[t, 1.0]])
        simple_query_string(query: "a", flags: WRONG)
        kql(query: "error")
        kql(query: "t: error and not n: 12")
        kql(query: "t: \"connection refused\" or k: beta")
        kql(query: "n >= 7")
        kql(query: "k: (Alpha or gamma)")
        kql(query: "k: *a")
        kql(query: "t: ERR*")
        kql(query: "ip: *")
        kql(query: "*: *")
        kql(query: "@timestamp: 2026-03-10")
        kql(query: "@timestamp >= \"2026-03-10T12:00:00\"")
        kql(query: "lo*: \"ÄB\"")
        kql(query: "erro*")
        kql(query: "")
        kql(query: "t: error and")
        "#;

#[test]
fn forgiving_and_kibanas_language() {
    check(
        &typed(),
        FORGIVING_AND_KIBANAS_LANGUAGE_QUERIES,
        &expect![[r#"
            simple_query_string(query: "error + errors", fields: [[t, 1.0]]) → 3
            simple_query_string(query: "error -errors", fields: [[t, 1.0]], default_operator: and) → 2
            simple_query_string(query: "\"connection refused\" | 42", fields: [[t, 1.0]]) → 0 4
            simple_query_string(query: "ERR*", fields: [[t, 1.0]]) → 2 3
            simple_query_string(query: "[ERROR] failed:") → 2 3
            simple_query_string(query: "(((", fields: [[t, 1.0]]) → 
            simple_query_string(query: "a", flags: WRONG) → i: Unknown simple_query_string flag [WRONG]
            kql(query: "error") → 2 3
            kql(query: "t: error and not n: 12") → 2
            kql(query: "t: \"connection refused\" or k: beta") → 0 1
            kql(query: "n >= 7") → 1 3
            kql(query: "k: (Alpha or gamma)") → 0 1
            kql(query: "k: *a") → 0 1
            kql(query: "t: ERR*") → 2 3
            kql(query: "ip: *") → 0 1 3
            kql(query: "*: *") → 0 1 2 3 4 5
            kql(query: "@timestamp: 2026-03-10") → 0 1 3
            kql(query: "@timestamp >= \"2026-03-10T12:00:00\"") → 0
            kql(query: "lo*: \"ÄB\"") → 0 2
            kql(query: "erro*") → 2 3
            kql(query: "") → 0 1 2 3 4 5
            kql(query: "t: error and") → i: Failed to parse query [t: error and]
        "#]],
    );
}

const OBJECTS_QUERIES: &str = r#"
        nested(path: o, query: bool(must: [term(field: o.a, value: x), term(field: o.n, value: 1)]))
        nested(path: o, query: bool(must: [term(field: o.a, value: x)], must_not: [term(field: o.n, value: 1)]))
        nested(path: o, query: match_all())
        nested(path: o, query: nested(path: o.p, query: match(field: o.p.t, query: two)))
        nested(path: o.p, query: range(field: o.p.n, gt: 3))
        nested(path: none, query: match_all())
        nested(path: none, query: match_all(), ignore_unmapped: true)
        nested(path: flat, query: match_all())
        term(field: o.a, value: x)
        bool(must_not: [nested(path: o, query: exists(field: o.a))])
        term(field: flat.b, value: 1)
        "#;

#[test]
fn objects() {
    let mapping = json!({"properties": {
        "o": {"type": "nested", "properties": {
            "a": {"type": "keyword"}, "n": {"type": "long"},
            "p": {"type": "nested", "properties": {"t": {"type": "text"}, "n": {"type": "long"}}}
        }},
        "flat": {"type": "object", "properties": {"b": {"type": "long"}}}
    }});
    let documents = [
        json!({"o": [{"a": "x", "n": 2}, {"a": "y", "n": 1}]}),
        json!({"o": {"a": "x", "n": 1, "p": [{"t": "one", "n": 9}, {"t": "two", "n": 3}]}}),
        json!({"flat": [{"b": 1}, {"b": 2}]}),
        json!({"o": []}),
    ];
    check(
        &Index::new(&mapping, &documents),
        OBJECTS_QUERIES,
        &expect![[r#"
        nested(path: o, query: bool(must: [term(field: o.a, value: x), term(field: o.n, value: 1)])) → 1
        nested(path: o, query: bool(must: [term(field: o.a, value: x)], must_not: [term(field: o.n, value: 1)])) → 0
        nested(path: o, query: match_all()) → 0 1
        nested(path: o, query: nested(path: o.p, query: match(field: o.p.t, query: two))) → 1
        nested(path: o.p, query: range(field: o.p.n, gt: 3)) → 1
        nested(path: none, query: match_all()) → i: [nested] failed to find nested object under path [none]
        nested(path: none, query: match_all(), ignore_unmapped: true) → 
        nested(path: flat, query: match_all()) → i: [nested] failed to find nested object under path [flat]
        term(field: o.a, value: x) → 
        bool(must_not: [nested(path: o, query: exists(field: o.a))]) → 2 3
        term(field: flat.b, value: 1) → 2
    "#]],
    );
}

const INTERVALS_QUERIES: &str = r#"
        intervals(field: t, rule: match(query: "cold porridge", max_gaps: -1, ordered: true, analyzer: null, filter: null, use_field: null))
        intervals(field: t, rule: match(query: "cold porridge", max_gaps: 0, ordered: true, analyzer: null, filter: null, use_field: null))
        intervals(field: t, rule: match(query: "porridge cold", max_gaps: 0, ordered: false, analyzer: null, filter: null, use_field: null))
        intervals(field: t, rule: all_of(intervals: [prefix(prefix: por), any_of(intervals: [wildcard(pattern: "h?t"), match(query: cold, max_gaps: -1, ordered: false)])], max_gaps: -1, ordered: true))
        intervals(field: t, rule: match(query: cold, max_gaps: -1, ordered: false, filter: after(match: (query: hot, max_gaps: -1, ordered: false))))
        intervals(field: t, rule: match(query: "is cold", max_gaps: -1, ordered: true, filter: not_containing(match: (query: hot, max_gaps: -1, ordered: false))))
        intervals(field: t, rule: fuzzy(term: porrige, fuzziness: (auto: [3, 6]), prefix_length: 0, no_transpositions: false))
        intervals(field: k, rule: prefix(prefix: a))
        "#;

#[test]
fn places_of_words() {
    let mapping = json!({"properties": {"t": {"type": "text"}, "k": {"type": "keyword"}}});
    let documents = [
        json!({"t": "Some like it hot, some like it cold"}),
        json!({"t": "Its cold outside, theres no kittens"}),
        json!({"t": "Baby its cold there outside porridge is hot"}),
        json!({"t": "Outside it is cold porridge and wet"}),
    ];
    check(
        &Index::new(&mapping, &documents),
        INTERVALS_QUERIES,
        &expect![[r#"
        intervals(field: t, rule: match(query: "cold porridge", max_gaps: -1, ordered: true, analyzer: null, filter: null, use_field: null)) → 2 3
        intervals(field: t, rule: match(query: "cold porridge", max_gaps: 0, ordered: true, analyzer: null, filter: null, use_field: null)) → 3
        intervals(field: t, rule: match(query: "porridge cold", max_gaps: 0, ordered: false, analyzer: null, filter: null, use_field: null)) → 3
        intervals(field: t, rule: all_of(intervals: [prefix(prefix: por), any_of(intervals: [wildcard(pattern: "h?t"), match(query: cold, max_gaps: -1, ordered: false)])], max_gaps: -1, ordered: true)) → 2
        intervals(field: t, rule: match(query: cold, max_gaps: -1, ordered: false, filter: after(match: (query: hot, max_gaps: -1, ordered: false)))) → 0
        intervals(field: t, rule: match(query: "is cold", max_gaps: -1, ordered: true, filter: not_containing(match: (query: hot, max_gaps: -1, ordered: false)))) → 3
        intervals(field: t, rule: fuzzy(term: porrige, fuzziness: (auto: [3, 6]), prefix_length: 0, no_transpositions: false)) → 2 3
        intervals(field: k, rule: prefix(prefix: a)) → i: Can only use interval queries on text fields - not on [k] which is of type [keyword]
    "#]],
    );
}

fn scores(index: &Index, query: &str) -> String {
    let query = query.parse().unwrap_or_else(|error| panic!("{query}: {error}"));
    match index.run(&Request { query, ..Request::default() }) {
        Ok(found) => {
            let one = |hit: &Hit| format!("{}:{}", hit.row, hit.score.unwrap());
            found.hits.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn scored_hits() {
    let mapping = json!({"properties": {"t": {"type": "text"}, "k": {"type": "keyword"}, "n": {"type": "long"}, "d": {"type": "date"}}});
    let documents = [
        json!({"t": "a b c d", "k": "x", "n": 1, "d": "2026-03-10"}),
        json!({"t": "a a b", "k": "y", "n": 10, "d": "2026-03-01"}),
        json!({"t": "c", "k": "x", "n": 100, "d": "2026-03-09"}),
        json!({"t": "d e f g h i j k l m n o p q r s t u v w x y z"}),
    ];
    let index = Index::new(&mapping, &documents);
    let mut have = String::new();
    for query in [
        "match(field: t, query: a)",
        "match(field: t, query: \"a c\")",
        "(match: (field: t, query: a), boost: 2.0)",
        "match_phrase(field: t, query: \"a b\")",
        "term(field: k, value: x)",
        "bool(must: [match(field: t, query: c)], filter: [term(field: k, value: x)])",
        "bool(filter: [term(field: k, value: x)])",
        "dis_max(queries: [match(field: t, query: a), term(field: k, value: y)], tie_breaker: 0.5)",
        "boosting(positive: match(field: t, query: a), negative: term(field: k, value: y), negative_boost: 0.5)",
        "(constant_score: (filter: term(field: k, value: x)), boost: 3.0)",
        "function_score(query: exists(field: n), functions: [(kind: field_value_factor(field: n, factor: 2.0, modifier: log, missing: null))])",
        "function_score(query: exists(field: n), functions: [(weight: 3.0, filter: term(field: k, value: x)), (weight: 5.0, filter: term(field: n, value: 1))], score_mode: sum, boost_mode: replace)",
        "function_score(query: exists(field: n), functions: [(kind: decay(shape: gauss, field: d, origin: \"2026-03-10\", scale: \"9d\", offset: null, decay: 0.5))])",
        "function_score(query: match_all(), functions: [(kind: field_value_factor(field: n, factor: 1.0, modifier: none, missing: null))])",
    ] {
        have.push_str(&format!("{query} → {}\n", scores(&index, query)));
    }
    expect![[r#"
        match(field: t, query: a) → 1:1.1515868 0:0.8642164
        match(field: t, query: "a c") → 0:1.7284328 1:1.1515868 2:1.0768255
        (match: (field: t, query: a), boost: 2.0) → 1:2.3031735 0:1.7284328
        match_phrase(field: t, query: "a b") → 1:1.8502012 0:1.7284328
        term(field: k, value: x) → 0:0.4700036 2:0.4700036
        bool(must: [match(field: t, query: c)], filter: [term(field: k, value: x)]) → 2:1.0768255 0:0.8642164
        bool(filter: [term(field: k, value: x)]) → 0:0 2:0
        dis_max(queries: [match(field: t, query: a), term(field: k, value: y)], tie_breaker: 0.5) → 1:1.6420014 0:0.8642164
        boosting(positive: match(field: t, query: a), negative: term(field: k, value: y), negative_boost: 0.5) → 0:0.8642164 1:0.5757934
        (constant_score: (filter: term(field: k, value: x)), boost: 3.0) → 0:3 2:3
        function_score(query: exists(field: n), functions: [(kind: field_value_factor(field: n, factor: 2.0, modifier: log, missing: null))]) → 2:2.30103 1:1.30103 0:0.30103
        function_score(query: exists(field: n), functions: [(weight: 3.0, filter: term(field: k, value: x)), (weight: 5.0, filter: term(field: n, value: 1))], score_mode: sum, boost_mode: replace) → 0:8 2:3 1:1
        function_score(query: exists(field: n), functions: [(kind: decay(shape: gauss, field: d, origin: "2026-03-10", scale: "9d", offset: null, decay: 0.5))]) → 0:1 2:0.99147916 1:0.5
        function_score(query: match_all(), functions: [(kind: field_value_factor(field: n, factor: 1.0, modifier: none, missing: null))]) → Missing value for field [n]
    "#]].assert_eq(&have);
}

#[test]
fn a_sort_by_some_of_a_rows_objects_is_refused() {
    let nested = NestedSort { path: "o".to_owned(), filter: Some(Query::default()) };
    let sort = vec![Sort { nested: Some(nested), ..Sort::field("n", true) }];
    let error = typed().run(&Request { sort, ..Request::default() }).unwrap_err();
    assert_eq!(error.to_string(), "[nested] sort on [n] with a [filter] is not supported");
}

/// Rows with what they are sorted by.
fn sorted(request: &Request) -> String {
    let found = typed().run(request).unwrap_or_else(|error| panic!("{error}"));
    let one = |hit: &Hit| format!("{}:{}", hit.row, Value::from(hit.sort.clone()));
    found.hits.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn orders_and_what_comes_after() {
    let by = |sort: Vec<Sort>| Request { sort, ..Request::default() };
    let time = by(vec![Sort::field("@timestamp", true), Sort::by(SortBy::Doc, false)]);
    expect!["0:[1773144000000,0] 1:[1773100800999,1] 3:[1773100800000,3] 2:[1773100799999,2] 4:[-9223372036854775808,4] 5:[-9223372036854775808,5]"].assert_eq(&sorted(&time));
    let after = Some(vec![json!(1_773_100_800_000_i64), json!(3)]);
    expect!["2:[1773100799999,2] 4:[-9223372036854775808,4] 5:[-9223372036854775808,5]"]
        .assert_eq(&sorted(&Request { search_after: after, ..time.clone() }));
    expect!["1:[1773100800999,1]"].assert_eq(&sorted(&Request { from: 1, size: 1, ..time }));
    expect!["1:[-3] 0:[5] 3:[12] 2:[9223372036854775807] 4:[9223372036854775807] 5:[9223372036854775807]"].assert_eq(&sorted(&by(vec![Sort::field("n", false)])));
    expect![[r#"1:["gamma"] 3:["a*b"] 0:["Alpha"] 2:[""] 4:[null] 5:[null]"#]]
        .assert_eq(&sorted(&by(vec![Sort::field("k", true)])));
    let first = Sort { missing: Missing::First, ..Sort::field("ip", false) };
    expect![[r#"2:[null] 4:[null] 5:[null] 0:["10.0.0.1"] 3:["10.1.0.0"] 1:["fe80::1"]"#]]
        .assert_eq(&sorted(&by(vec![first])));
}
