//! Pipelines over the surface: kept, tried out, and run by bulks and single writes.

use expect_test::expect;

use super::http::PIPELINES_MAX;
use crate::Elastic;
use crate::rest::Method::{self, Delete, Get, Post, Put};
use crate::testing::{line, surface};

/// What each request is answered.
fn answers(elastic: &Elastic, requests: &[(Method, &str, &str)]) -> String {
    requests.iter().map(|(method, path, body)| line(elastic, *method, path, body) + "\n").collect()
}

#[test]
fn pipelines_are_kept() {
    let elastic = surface();
    let lines = answers(
        &elastic,
        &[
            (Put, "/_ingest/pipeline/a1", r#"{"description":"d","processors":[]}"#),
            (Put, "/_ingest/pipeline/b", r#"{"processors":[{"set":{"field":"x","value":1}}]}"#),
            (Put, "/_ingest/pipeline/c", r#"{"processors":[{"nope":{}}]}"#),
            (Put, "/_ingest/pipeline/c", ""),
            (Put, "/_ingest/pipeline/a*", r#"{"processors":[]}"#),
            (Get, "/_ingest/pipeline", ""),
            (Get, "/_ingest/pipeline/a*?summary", ""),
            (Get, "/_ingest/pipeline/nope", ""),
            (Get, "/_ingest/pipeline/nope*", ""),
            (Delete, "/_ingest/pipeline/a1", ""),
            (Delete, "/_ingest/pipeline/a1", ""),
            (Post, "/_ingest/pipeline/b/_simulate", r#"{"docs":[{"_source":{}}]}"#),
            (Post, "/_ingest/pipeline/a1/_simulate", r#"{"docs":[{"_source":{}}]}"#),
            (Get, "/_ingest/processor/grok?filter_path=patterns.POSINT", ""),
        ],
    );
    expect![[r#"
        200 {"acknowledged":true}
        200 {"acknowledged":true}
        400 {"error":{"root_cause":[{"type":"parse_exception","reason":"No processor type exists with name [nope]","processor_type":"nope"}],"type":"parse_exception","reason":"No processor type exists with name [nope]","processor_type":"nope"},"status":400}
        400 {"error":{"root_cause":[{"type":"parse_exception","reason":"request body is required"}],"type":"parse_exception","reason":"request body is required"},"status":400}
        400 {"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"pipeline [a*]: a name has no [*] or [,], and is not [_none]"}],"type":"illegal_argument_exception","reason":"pipeline [a*]: a name has no [*] or [,], and is not [_none]"},"status":400}
        200 {"a1":{"description":"d","processors":[]},"b":{"processors":[{"set":{"field":"x","value":1}}]}}
        200 {"a1":{}}
        404 {}
        200 {}
        200 {"acknowledged":true}
        404 {"error":{"root_cause":[{"type":"resource_not_found_exception","reason":"pipeline [a1] is missing"}],"type":"resource_not_found_exception","reason":"pipeline [a1] is missing"},"status":404}
        200 {"docs":[{"doc":{"_index":"_index","_id":"_id","_source":{"x":1},"_ingest":{"timestamp":"2026-11-25T00:00:00.000Z"}}}]}
        400 {"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"pipeline [a1] does not exist"}],"type":"illegal_argument_exception","reason":"pipeline [a1] does not exist"},"status":400}
        200 {"patterns":{"POSINT":"\\b[1-9][0-9]*\\b"}}
    "#]].assert_eq(&lines);
}

#[test]
fn documents_go_through() {
    let elastic = surface();
    let lines = answers(
        &elastic,
        &[
            (
                Put,
                "/_ingest/pipeline/p",
                r#"{"processors":[{"set":{"field":"by","value":"p of {{_index}}"}},{"drop":{"if":"ctx.d == 1"}},{"fail":{"message":"no","if":"ctx.f == 1"}}]}"#,
            ),
            (
                Put,
                "/_ingest/pipeline/last",
                r#"{"processors":[{"set":{"field":"last","value":true}}]}"#,
            ),
            (
                Put,
                "/_ingest/pipeline/move",
                r#"{"processors":[{"set":{"field":"_index","value":"there"}},{"set":{"field":"_id","value":"{{n}}"}},{"set":{"field":"_routing","value":"r"}}]}"#,
            ),
            (
                Put,
                "/i",
                r#"{"settings":{"index.default_pipeline":"p","index.final_pipeline":"last"}}"#,
            ),
            (Put, "/i/_doc/1", r#"{"a":1}"#),
            (Get, "/i/_source/1", ""),
            (Put, "/i/_doc/2?pipeline=_none", r#"{"a":1}"#),
            (Get, "/i/_source/2", ""),
            (Put, "/i/_doc/3", r#"{"d":1}"#),
            (Put, "/i/_doc/4", r#"{"f":1}"#),
            (Put, "/i/_doc/5?pipeline=nope", "{}"),
            (Put, "/i/_doc/6?pipeline=move", r#"{"n":"seven"}"#),
            (Get, "/there/_doc/seven?routing=r", ""),
            (
                Post,
                "/_bulk?pipeline=p",
                "{\"index\":{\"_index\":\"j\",\"_id\":\"1\"}}\n{\"d\":1}\n{\"create\":{\"_index\":\"j\",\"_id\":\"2\"}}\n{\"f\":1}\n{\"index\":{\"_index\":\"j\",\"_id\":\"3\",\"pipeline\":\"last\"}}\n{}\n{\"index\":{\"_index\":\"j\",\"_id\":\"4\"}}\nnope\n",
            ),
            (Get, "/j/_source/3", ""),
        ],
    );
    expect![[r#"
        200 {"acknowledged":true}
        200 {"acknowledged":true}
        200 {"acknowledged":true}
        200 {"acknowledged":true,"shards_acknowledged":true,"index":"i"}
        201 {"_index":"i","_id":"1","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1}
        200 {"a":1,"by":"p of i","last":true}
        201 {"_index":"i","_id":"2","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1}
        200 {"a":1,"last":true}
        200 {"_index":"i","_id":"3","_version":-3,"result":"noop","_shards":{"total":0,"successful":0,"failed":0}}
        500 {"error":{"root_cause":[{"type":"fail_processor_exception","reason":"no"}],"type":"fail_processor_exception","reason":"no"},"status":500}
        400 {"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"pipeline with id [nope] does not exist"}],"type":"illegal_argument_exception","reason":"pipeline with id [nope] does not exist"},"status":400}
        201 {"_index":"there","_id":"seven","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1}
        200 {"_index":"there","_id":"seven","_version":1,"_seq_no":0,"_primary_term":1,"_routing":"r","found":true,"_source":{"n":"seven"}}
        200 {"took":0,"errors":true,"items":[{"index":{"_index":"j","_id":"1","_version":-3,"result":"noop","_shards":{"total":0,"successful":0,"failed":0},"status":200}},{"create":{"_index":"j","_id":"2","status":500,"error":{"type":"fail_processor_exception","reason":"no"}}},{"index":{"_index":"j","_id":"3","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}},{"index":{"_index":"j","_id":"4","status":400,"error":{"type":"parse_exception","reason":"Failed to parse content to map","caused_by":{"type":"json_parse_exception","reason":"expected ident at line 1 column 2"}}}}]}
        200 {"last":true}
    "#]].assert_eq(&lines);
}

#[test]
fn a_changed_pipeline_counts_at_once() {
    let elastic = surface();
    let put = |value: u32| {
        let body = format!(r#"{{"processors":[{{"set":{{"field":"v","value":{value}}}}}]}}"#);
        line(&elastic, Put, "/_ingest/pipeline/p", &body)
    };
    let mut lines = String::new();
    for value in [1, 2] {
        put(value);
        line(&elastic, Put, "/i/_doc/1?pipeline=p", "{}");
        lines.push_str(&line(&elastic, Get, "/i/_source/1", ""));
    }
    line(&elastic, Delete, "/_ingest/pipeline/p", "");
    lines.push_str(&line(&elastic, Put, "/i/_doc/1?pipeline=p", "{}"));
    expect![[r#"200 {"v":1}200 {"v":2}400 {"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"pipeline with id [p] does not exist"}],"type":"illegal_argument_exception","reason":"pipeline with id [p] does not exist"},"status":400}"#]].assert_eq(&lines);
}

#[test]
fn pipelines_are_bounded() {
    let elastic = surface();
    let put = |id: usize| {
        line(&elastic, Put, &format!("/_ingest/pipeline/p{id}"), r#"{"processors":[]}"#)
    };
    for id in 1..PIPELINES_MAX {
        put(id);
    }
    assert!(put(PIPELINES_MAX).starts_with("200"));
    assert!(put(PIPELINES_MAX + 1).starts_with("400"));
    assert!(put(1).starts_with("200"));
}
