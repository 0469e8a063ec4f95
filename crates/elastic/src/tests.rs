//! What shippers ask at their start and when they ship, and what each of them needs to read.

use expect_test::expect;
use serde_json::Value;

use crate::Elastic;
use crate::rest::Method::{Delete, Get, Head, Post, Put};
use crate::testing::{ask, line, surface};

fn json(elastic: &Elastic, method: crate::Method, path: &str, body: &str) -> Value {
    serde_json::from_slice(&ask(elastic, method, path, body).body).unwrap()
}

#[test]
fn filebeat() {
    let elastic = surface();
    let root = ask(&elastic, Get, "/", "");
    assert_eq!((root.status, root.header("x-elastic-product")), (200, "Elasticsearch"));
    let license = json(&elastic, Get, "/_license?human=false", "");
    assert_eq!(license["license"]["status"], "active");
    assert_eq!(ask(&elastic, Get, "/_ilm/policy/filebeat", "").status, 404);
    let policy = r#"{"policy":{"phases":{"hot":{"actions":{"rollover":{"max_age":"30d"}}}}}}"#;
    let acknowledged = r#"200 {"acknowledged":true}"#;
    assert_eq!(line(&elastic, Put, "/_ilm/policy/filebeat", policy), acknowledged);
    assert_eq!(ask(&elastic, Head, "/_index_template/filebeat-8.x", "").status, 404);
    let template = r#"{"index_patterns":["filebeat-8.x"],"data_stream":{},"priority":150,
        "template":{"settings":{"index.lifecycle.name":"filebeat","index.mapping.total_fields.limit":12500},
        "mappings":{"dynamic_templates":[{"strings_as_keyword":{"match_mapping_type":"string",
        "mapping":{"ignore_above":1024,"type":"keyword"}}}],"date_detection":false}}}"#;
    assert_eq!(line(&elastic, Put, "/_index_template/filebeat-8.x", template), acknowledged);
    assert_eq!(ask(&elastic, Get, "/_data_stream/filebeat-8.x", "").status, 404);
    assert_eq!(line(&elastic, Put, "/_data_stream/filebeat-8.x", ""), acknowledged);
    let bulk = "{\"create\":{\"_index\":\"filebeat-8.x\"}}\n{\"@timestamp\":\"2026-11-25T00:00:00.000Z\",\"message\":\"a\"}\n";
    assert_eq!(
        line(&elastic, Post, "/_bulk?filter_path=errors,items.*.error,items.*.status", bulk),
        r#"200 {"errors":false,"items":[{"create":{"status":201}}]}"#
    );
}

#[test]
fn fluent_bit_reads_compact_bytes_in_this_order() {
    let elastic = surface();
    let bulk = "{\"create\":{\"_index\":\"fluent-bit\",\"_type\":\"_doc\",\"_id\":\"1\"}}\n{\"@timestamp\":\"2026-01-01T00:00:00.000Z\"}\n";
    expect![[r#"200 {"took":0,"errors":false,"items":[{"create":{"_index":"fluent-bit","_id":"1","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}}]}"#]]
        .assert_eq(&line(&elastic, Post, "/_bulk/", bulk));
    let again = json(&elastic, Post, "/_bulk", bulk);
    assert_eq!(again["errors"], true);
    assert_eq!(again["items"][0]["create"]["status"], 409);
    assert_eq!(again["items"][0]["create"]["error"]["type"], "version_conflict_engine_exception");
}

#[test]
fn logstash_and_fluentd() {
    let elastic = surface();
    assert_eq!(ask(&elastic, Head, "/", "").status, 200);
    assert_eq!(ask(&elastic, Get, "/_template/logstash", "").status, 404);
    let template = r#"{"index_patterns":["logstash-*"],"settings":{"number_of_shards":1}}"#;
    assert_eq!(ask(&elastic, Put, "/_template/logstash", template).status, 200);
    let index = "/%3Clogstash-%7Bnow%2Fd%7D-000001%3E";
    let body = r#"{"aliases":{"logstash":{"is_write_index":true}}}"#;
    assert_eq!(json(&elastic, Put, index, body)["index"], "logstash-2026.11.25-000001");
    let nodes = json(&elastic, Get, "/_nodes/http", "");
    let node = nodes["nodes"].as_object().unwrap().values().next().unwrap().clone();
    assert_eq!(node["http"]["publish_address"], "localhost:9200");
    let bulk = "{\"index\":{\"_index\":\"logstash\"}}\r\n{\"a\":1}\r\n{\"index\":{\"_index\":\"logstash\"}}\r\n{\"a\":2}\r\n";
    assert_eq!(json(&elastic, Post, "/_bulk", bulk)["items"].as_array().unwrap().len(), 2);
    let rolled = json(&elastic, Post, "/logstash/_rollover", r#"{"conditions":{"max_docs":2}}"#);
    assert_eq!(
        (&rolled["rolled_over"], &rolled["new_index"]),
        (&true.into(), &"logstash-2026.11.25-000002".into())
    );
}

#[test]
fn syslog_ng_and_opentelemetry_make_data_streams() {
    let elastic = surface();
    let lines = "{\"create\":{ }}\n{\"message\":\"x\"}\n\n";
    assert_eq!(ask(&elastic, Put, "/logs-x-default/_bulk", lines).status, 200);
    let otel = "{\"create\":{\"_index\":\"logs-generic.otel-default\",\"dynamic_templates\":{},\"require_data_stream\":true}}\n{\"@timestamp\":1}\n";
    let path = "/_bulk?filter_path=items.*._index,items.*.status,items.*.failure_store&require_data_stream=true";
    assert_eq!(
        line(&elastic, Post, path, otel),
        r#"200 {"items":[{"create":{"_index":".ds-logs-generic.otel-default-2026.11.25-000001","status":201}}]}"#
    );
    let refused =
        json(&elastic, Post, "/_bulk", "{\"index\":{\"_index\":\"logs-x-default\"}}\n{}\n");
    assert_eq!(refused["items"][0]["index"]["status"], 400);
    assert_eq!(ask(&elastic, Delete, "/_data_stream/logs-x-default", "").status, 200);
}

#[test]
fn vector_rsyslog_and_grafana() {
    let elastic = surface();
    let health = json(&elastic, Get, "/_cluster/health?wait_for_status=yellow", "");
    assert_eq!(health["status"], "green");
    assert!(ask(&elastic, Get, "/_cat/health", "").body.ends_with(b"100.0%\n"));
    let bulk =
        "{\"index\":{\"_index\":\"a\"}}\n{\"x\":1}\n{\"index\":{\"_index\":\"a\"}}\n{broken\n";
    let response = ask(&elastic, Post, "/_bulk?timeout=1m", bulk);
    let text = String::from_utf8(response.body).unwrap();
    assert!(response.status == 200 && text.contains(r#""errors":true"#), "{text}");
    assert!(text.contains(r#""status":201"#) && text.contains(r#""status":400"#), "{text}");
    let mapping = json(&elastic, Get, "/a/_mapping", "");
    assert_eq!(mapping["a"]["mappings"]["properties"]["x"]["type"], "long");
}

#[test]
fn bulk_bodies_that_make_no_sense() {
    let elastic = surface();
    let reason = |body: &str| {
        json(&elastic, Post, "/_bulk", body)["error"]["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(""), "request body is required");
    assert_eq!(reason("{\"index\":{}}"), "The bulk request must be terminated by a newline [\\n]");
    assert_eq!(
        reason("{\"nope\":{}}\n{}\n"),
        "Malformed action/metadata line [1], expected field [create], [delete], [index] or [update] but found [nope]"
    );
    assert_eq!(reason("{\"index\":{}}\n{}\n"), "Validation Failed: 1: index is missing;");
    assert_eq!(
        reason("{\"index\":{\"_index\":\"a\",\"foo\":1}}\n{}\n"),
        "Action/metadata line [1] contains an unknown parameter [foo]"
    );
}

#[test]
fn what_a_query_finds_is_deleted_updated_and_copied() {
    let elastic = surface();
    for n in 0..5 {
        let path = format!("/a/_doc/{n}");
        assert_eq!(ask(&elastic, Put, &path, &format!(r#"{{"n":{n}}}"#)).status, 201);
    }
    let copied =
        json(&elastic, Post, "/_reindex", r#"{"source":{"index":"a"},"dest":{"index":"b"}}"#);
    assert_eq!((&copied["total"], &copied["created"]), (&5.into(), &5.into()));
    let query = r#"{"query":{"range":{"n":{"gte":3}}}}"#;
    let deleted = json(&elastic, Post, "/a/_delete_by_query", query);
    assert_eq!((&deleted["deleted"], &deleted["version_conflicts"]), (&2.into(), &0.into()));
    assert_eq!(json(&elastic, Post, "/a/_update_by_query", "{}")["updated"], 3);
    let task = json(&elastic, Post, "/b/_delete_by_query?wait_for_completion=false&q=n:1", "");
    let task = json(&elastic, Get, &format!("/_tasks/{}", task["task"].as_str().unwrap()), "");
    assert_eq!((&task["completed"], &task["response"]["deleted"]), (&true.into(), &1.into()));
    assert_eq!(ask(&elastic, Post, "/a/_delete_by_query", "{}").status, 400);
    assert_eq!(ask(&elastic, Post, "/a/_update_by_query", r#"{"script":{}}"#).status, 400);
}

#[test]
fn updates_change_parts_and_know_when_nothing_changes() {
    let elastic = surface();
    ask(&elastic, Put, "/a/_doc/1", r#"{"x":1}"#);
    let update = |body: &str| json(&elastic, Post, "/a/_update/1", body);
    assert_eq!(update(r#"{"doc":{"x":1}}"#)["result"], "noop");
    assert_eq!(update(r#"{"doc":{"y":2}}"#)["result"], "updated");
    assert_eq!(json(&elastic, Get, "/a/_source/1", "").to_string(), r#"{"x":1,"y":2}"#);
    assert_eq!(
        update(r#"{"script":"ctx"}"#)["error"]["reason"],
        "scripts are not supported: say what changes in [doc]"
    );
    let missing = json(&elastic, Post, "/a/_update/2", r#"{"doc":{}}"#);
    assert_eq!(missing["error"]["type"], "document_missing_exception");
}
