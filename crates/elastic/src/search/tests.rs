//! Searches through the surface.

use serde_json::{Value, json};

use crate::Elastic;
use crate::rest::Method::{Delete, Get, Post, Put};
use crate::testing::{ask, surface};

/// Five lines of two services.
fn filled() -> Elastic {
    let elastic = surface();
    let mapping = r#"{"mappings":{"properties":{
        "at":{"type":"date"},"service":{"type":"keyword"},"ms":{"type":"long"},"text":{"type":"text"},
        "ok":{"type":"boolean"}}}}"#;
    assert_eq!(ask(&elastic, Put, "/l", mapping).status, 200);
    for (id, at, service, ms, text) in [
        (1, "2026-01-01T00:10:00Z", "web", 10, "login failed for root"),
        (2, "2026-01-01T00:20:00Z", "web", 30, "login ok"),
        (3, "2026-01-01T02:00:00Z", "db", 5, "disk failed"),
        (4, "2026-01-02T00:00:00Z", "web", 20, "로그인 실패"),
        (5, "2026-01-02T03:00:00Z", "db", 7, "all fine"),
    ] {
        let ok = !text.contains("failed");
        let body = json!({"at": at, "service": service, "ms": ms, "text": text, "ok": ok});
        let path = format!("/l/_doc/{id}");
        assert_eq!(ask(&elastic, Put, &path, &body.to_string()).status, 201);
    }
    elastic
}

fn answer(elastic: &Elastic, path: &str, body: &Value) -> (u16, Value) {
    let response = ask(elastic, Post, path, &body.to_string());
    (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
}

/// The identifiers that a search finds, in order.
fn check_ids(elastic: &Elastic, body: &Value, want: &[&str]) {
    let (status, found) = answer(elastic, "/l/_search", body);
    assert_eq!(status, 200, "{found}");
    let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
    let ids: Vec<&str> = hits.iter().filter_map(|hit| hit["_id"].as_str()).collect();
    assert_eq!(ids, want, "{body}");
}

/// Status, type and reason of an error; of the inner one where shards failed.
fn check_error(body: &Value, status: u16, kind: &str, reason: &str) {
    let elastic = filled();
    let (have, found) = answer(&elastic, "/l/_search", body);
    let root = &found["error"]["root_cause"][0];
    assert_eq!((have, root["type"].as_str()), (status, Some(kind)), "{found}");
    let text = root["reason"].as_str().unwrap_or_default();
    assert!(text.starts_with(reason), "{text}");
}

#[test]
fn queries_find_their_lines() {
    let elastic = filled();
    let by_time = json!([{"at": "asc"}]);
    for (query, want) in [
        (json!({"match": {"text": "failed"}}), &["1", "3"][..]),
        (json!({"match": {"text": {"query": "login failed", "operator": "and"}}}), &["1"]),
        (json!({"term": {"service": "db"}}), &["3", "5"]),
        (json!({"terms": {"service": ["db", "none"]}}), &["3", "5"]),
        (json!({"range": {"ms": {"gt": 7, "lte": 20}}}), &["1", "4"]),
        (json!({"range": {"at": {"gte": "2026-01-02||/d", "format": "strict_date"}}}), &["4", "5"]),
        (json!({"query_string": {"query": "service:web AND NOT text:ok"}}), &["1", "4"]),
        (
            json!({"bool": {"filter": {"term": {"ok": true}}, "must_not": [{"ids": {"values": [2]}}]}}),
            &["4", "5"],
        ),
        (json!({"exists": {"field": "nope"}}), &[]),
        (json!({"prefix": {"service": {"value": "d"}}}), &["3", "5"]),
    ] {
        check_ids(&elastic, &json!({"query": query, "sort": by_time}), want);
    }
    check_ids(&elastic, &json!({"sort": [{"ms": "desc"}], "size": 2, "from": 1}), &["4", "1"]);
    check_ids(
        &elastic,
        &json!({"sort": [{"ms": "desc"}], "search_after": [10], "size": 1}),
        &["5"],
    );
}

#[test]
fn hits_read_as_clients_expect() {
    let elastic = filled();
    let body = json!({
        "query": {"term": {"service": "db"}}, "sort": [{"at": {"order": "desc", "format": "epoch_millis"}}], "size": 1,
        "_source": ["ms"], "docvalue_fields": ["at", "ok"], "fields": ["service", {"field": "at", "format": "yyyy"}],
        "version": true, "seq_no_primary_term": true,
    });
    let (_, mut found) = answer(&elastic, "/l/_search", &body);
    found.as_object_mut().unwrap().shift_remove("took");
    expect_test::expect![[r#"{"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"total":{"value":2,"relation":"eq"},"max_score":null,"hits":[{"_index":"l","_id":"5","_version":1,"_seq_no":4,"_primary_term":1,"_score":null,"_source":{"ms":7},"fields":{"at":["2026"],"ok":[true],"service":["db"]},"sort":["1767322800000"]}]}}"#]].assert_eq(&found.to_string());
}

#[test]
fn aggregations_over_everything_that_matches() {
    let elastic = filled();
    let body = json!({"size": 0, "aggs": {
        "by": {"terms": {"field": "service", "order": {"slow": "desc"}}, "aggs": {"slow": {"max": {"field": "ms"}}}},
        "days": {"date_histogram": {"field": "at", "calendar_interval": "day", "time_zone": "Asia/Seoul"}, "aggs": {
            "sum": {"sum": {"field": "ms"}}, "run": {"cumulative_sum": {"buckets_path": "sum"}},
        }},
        "best": {"max_bucket": {"buckets_path": "days>sum"}},
    }});
    let (_, found) = answer(&elastic, "/l/_search?typed_keys=true", &body);
    expect_test::expect![[r#"{"sterms#by":{"doc_count_error_upper_bound":0,"sum_other_doc_count":0,"buckets":[{"key":"web","doc_count":3,"max#slow":{"value":30.0}},{"key":"db","doc_count":2,"max#slow":{"value":7.0}}]},"date_histogram#days":{"buckets":[{"key_as_string":"2026-01-01T00:00:00.000+09:00","key":1767193200000,"doc_count":3,"sum#sum":{"value":45.0},"simple_value#run":{"value":45.0}},{"key_as_string":"2026-01-02T00:00:00.000+09:00","key":1767279600000,"doc_count":2,"sum#sum":{"value":27.0},"simple_value#run":{"value":72.0}}]},"bucket_metric_value#best":{"value":45.0,"keys":["2026-01-01T00:00:00.000+09:00"]}}"#]]
    .assert_eq(&found["aggregations"].to_string());
}

#[test]
fn what_makes_no_sense_is_refused_in_the_words_of_the_others() {
    let (parsing, illegal) = ("parsing_exception", "illegal_argument_exception");
    check_error(&json!({"foo": 1}), 400, parsing, "Unknown key for a VALUE_NUMBER in [foo].");
    check_error(
        &json!({"query": {"boool": {}}}),
        400,
        parsing,
        "unknown query [boool] did you mean [bool]?",
    );
    check_error(
        &json!({"query": {"match": {"a": {"x": 1}}}}),
        400,
        parsing,
        "[match] query does not support [x]",
    );
    check_error(
        &json!({"aggs": {"t": {"terms": {"field": "text"}}}}),
        400,
        illegal,
        "Text fields are not optimised",
    );
    check_error(
        &json!({"aggs": {"t": {"terms": {"fild": "x"}}}}),
        400,
        "x_content_parse_exception",
        "[1:1] [terms] unknown field [fild] did you mean [field]?",
    );
    check_error(
        &json!({"aggs": {"t": {"trms": {}}}}),
        400,
        parsing,
        "Unknown aggregation type [trms] did you mean [terms]?",
    );
    check_error(
        &json!({"from": 9_991, "size": 10}),
        400,
        illegal,
        "Result window is too large, from + size must be less than or equal to: [10000] but was [10001].",
    );
    check_error(
        &json!({"sort": ["nope"]}),
        400,
        "query_shard_exception",
        "No mapping found for [nope] in order to sort on",
    );
    check_error(
        &json!({"query": {"query_string": {"query": "12:30:01"}}}),
        400,
        "query_shard_exception",
        "Failed to parse query [12:30:01]",
    );
    check_error(&json!({"suggest": {"a": {}}}), 400, illegal, "[suggest] is not supported");
    let boosted = json!({"indices_boost": [{"l": 2.0}]});
    check_error(&boosted, 400, illegal, "[indices_boost] is not supported");
    let inside = filled();
    assert_eq!(answer(&inside, "/l/_search", &json!({"from": 9_990, "size": 10})).0, 200);
}

#[test]
fn deep_bodies_are_refused() {
    let nested = |depth: usize| {
        (1..depth).fold(json!({"match_all": {}}), |query, _| json!({"bool": {"must": query}}))
    };
    let elastic = filled();
    let most = logs::query::DEPTH_MAX;
    assert_eq!(answer(&elastic, "/l/_count", &json!({"query": nested(most)})).0, 200);
    assert_eq!(answer(&elastic, "/l/_count", &json!({"query": nested(most + 1)})).0, 400);
}

#[test]
fn scrolls_and_points_in_time_do_not_see_later_lines() {
    let elastic = filled();
    let (_, first) = answer(&elastic, "/l/_search?scroll=1m", &json!({"size": 3, "sort": ["ms"]}));
    let (_, pit) = answer(&elastic, "/l/_pit?keep_alive=1m", &json!({}));
    let later = r#"{"service":"new","ms":6,"at":"2026-02-01"}"#;
    assert_eq!(ask(&elastic, Put, "/l/_doc/6", later).status, 201);
    let id = first["_scroll_id"].as_str().unwrap();
    let ids = |found: &Value| -> Vec<String> {
        let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
        hits.iter().map(|hit| hit["_id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(ids(&first), ["3", "5", "1"]);
    let next = json!({"scroll_id": id, "scroll": "1m"});
    assert_eq!(ids(&answer(&elastic, "/_search/scroll", &next).1), ["4", "2"]);
    assert_eq!(ids(&answer(&elastic, "/_search/scroll", &next).1), Vec::<String>::new());
    let gone = ask(&elastic, Delete, "/_search/scroll", &json!({"scroll_id": id}).to_string());
    assert_eq!(gone.status, 200);
    assert_eq!(answer(&elastic, "/_search/scroll", &next).0, 404);
    let body = json!({"pit": {"id": pit["id"]}, "sort": ["ms"], "size": 10});
    assert_eq!(ids(&answer(&elastic, "/_search", &body).1), ["3", "5", "1", "4", "2"]);
}

#[test]
fn several_searches_fail_alone() {
    let elastic = filled();
    let lines =
        "{\"index\":\"l\"}\n{\"size\":0}\n{\"index\":\"none\"}\n{}\n{}\n{\"query\":{\"x\":{}}}\n";
    let response = ask(&elastic, Post, "/_msearch", lines);
    let found: Value = serde_json::from_slice(&response.body).unwrap();
    let statuses: Vec<&Value> =
        found["responses"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [200, 404, 400]);
}

#[test]
fn texts_are_marked() {
    let elastic = filled();
    let body = json!({"query": {"match": {"text": "failed"}}, "highlight": {"fields": {"*": {}}, "pre_tags": ["<b>"], "post_tags": ["</b>"]}, "sort": ["at"]});
    let (_, found) = answer(&elastic, "/l/_search", &body);
    let marks = &found["hits"]["hits"][0]["highlight"];
    assert_eq!(marks, &json!({"text": ["login <b>failed</b> for root"]}));
}

#[test]
fn fields_say_what_can_be_done_with_them() {
    let elastic = filled();
    let response = ask(&elastic, Get, "/l/_field_caps?fields=text,ms", "");
    expect_test::expect![[r#"{"indices":["l"],"fields":{"ms":{"long":{"type":"long","searchable":true,"aggregatable":true}},"text":{"text":{"type":"text","searchable":true,"aggregatable":false}}}}"#]]
    .assert_eq(&String::from_utf8_lossy(&response.body));
}
