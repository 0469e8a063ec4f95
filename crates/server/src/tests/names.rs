//! Labels, values, series, targets, metadata.

use expect_test::{Expect, expect};
use model::port::ReadError;

use super::Server;

fn check(path: &str, want: &Expect) {
    want.assert_eq(&Server::with_series().get(path).line());
}

#[test]
fn label_names() {
    check(
        "/api/v1/labels",
        &expect![[r#"200 {"status":"success","data":["__name__","code","job","my.label"]}"#]],
    );
    check(
        "/api/v1/labels?limit=2",
        &expect![[
            r#"200 {"status":"success","data":["__name__","code"],"warnings":["results truncated due to limit"]}"#
        ]],
    );
    check(
        "/api/v1/labels?limit=4",
        &expect![[r#"200 {"status":"success","data":["__name__","code","job","my.label"]}"#]],
    );
    check(
        "/api/v1/labels?match[]=up&match[]=utf",
        &expect![[r#"200 {"status":"success","data":["__name__","job","my.label"]}"#]],
    );
    check(
        "/api/v1/labels?match[]=up(",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"1:3: parse error: unexpected \"(\""}"#
        ]],
    );
    check(
        "/api/v1/labels?match[]=%7Ba%3D%22%22%7D",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"match[] must contain at least one non-empty matcher"}"#
        ]],
    );
    check(
        "/api/v1/labels?start=x",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp"}"#
        ]],
    );
    check("/api/v1/labels?start=1700000001", &expect![[r#"200 {"status":"success","data":[]}"#]]);
}

#[test]
fn label_values() {
    check("/api/v1/label/job/values", &expect![[r#"200 {"status":"success","data":["a","b"]}"#]]);
    check(
        "/api/v1/label/U__my_2e_label/values",
        &expect![[r#"200 {"status":"success","data":["v"]}"#]],
    );
    check("/api/v1/label/my.label/values", &expect![[r#"200 {"status":"success","data":["v"]}"#]]);
    check("/api/v1/label/nope/values", &expect![[r#"200 {"status":"success","data":[]}"#]]);
    check(
        "/api/v1/label/job/values?match[]=%7Bjob!%3D%22a%22%7D",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"match[] must contain at least one non-empty matcher"}"#
        ]],
    );
    check(
        "/api/v1/label/job/values?match[]=up%7Bjob!%3D%22a%22%7D",
        &expect![[r#"200 {"status":"success","data":["b"]}"#]],
    );
    check(
        "/api/v1/label/%FF/values",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"invalid label name: \"�\""}"#
        ]],
    );
    check(
        "/api/v1/label/job/values?limit=-1",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"invalid parameter \"limit\": limit must be non-negative"}"#
        ]],
    );
}

#[test]
fn series() {
    check(
        "/api/v1/series",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"no match[] parameter provided"}"#
        ]],
    );
    check(
        "/api/v1/series?match[]=up(",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"invalid parameter \"match[]\": 1:3: parse error: unexpected \"(\""}"#
        ]],
    );
    check(
        "/api/v1/series?match[]=up",
        &expect![[
            r#"200 {"status":"success","data":[{"__name__":"up","job":"b"},{"__name__":"up","job":"a"}]}"#
        ]],
    );
    check(
        "/api/v1/series?match[]=up&match[]=%7Bjob%3D%22a%22%7D",
        &expect![[
            r#"200 {"status":"success","data":[{"__name__":"http_requests_total","code":"200","job":"a"},{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}]}"#
        ]],
    );
    check(
        "/api/v1/series?match[]=up&limit=1",
        &expect![[
            r#"200 {"status":"success","data":[{"__name__":"up","job":"b"}],"warnings":["results truncated due to limit"]}"#
        ]],
    );
}

#[test]
fn a_storage_that_fails_is_an_internal_error() {
    let server = Server::with_series();
    *server.memory.broken.lock() = Some(ReadError::Storage("block 7: crc".to_owned()));
    let want = r#"500 {"status":"error","errorType":"internal","error":"storage: block 7: crc"}"#;
    assert_eq!(server.get("/api/v1/series?match[]=up").line(), want);
    *server.memory.broken.lock() = Some(ReadError::Canceled);
    assert_eq!(server.get("/api/v1/labels").status, 499);
}

#[test]
fn targets() {
    check(
        "/api/v1/scrape_pools",
        &expect![[r#"200 {"status":"success","data":{"scrapePools":["a","b"]}}"#]],
    );
    check(
        "/api/v1/targets?state=dropped&scrapePool=a",
        &expect![[
            r#"200 {"status":"success","data":{"activeTargets":[],"droppedTargets":[{"discoveredLabels":{"__address__":"x"},"scrapePool":"a"}],"droppedTargetCounts":{"a":1,"b":0}}}"#
        ]],
    );
    check(
        "/api/v1/targets?state=active&scrapePool=b",
        &expect![[
            r#"200 {"status":"success","data":{"activeTargets":[{"discoveredLabels":{"__address__":"localhost:9090","job":"b"},"labels":{"instance":"localhost:9090","job":"b"},"scrapePool":"b","scrapeUrl":"http://localhost:9090/metrics","globalUrl":"http://mon.example/metrics","lastError":"refused \"x\"","lastScrape":"2023-11-14T22:13:20Z","health":"down","scrapeInterval":"15s","scrapeTimeout":"10s","lastScrapeDuration":0.003}],"droppedTargets":[],"droppedTargetCounts":null}}"#
        ]],
    );
    let all: serde_json::Value =
        serde_json::from_str(Server::with_series().get("/api/v1/targets").text()).unwrap();
    assert_eq!(all["data"]["activeTargets"].as_array().unwrap().len(), 2);
    assert_eq!(all["data"]["droppedTargets"].as_array().unwrap().len(), 1);
}

#[test]
fn metadata() {
    check(
        "/api/v1/metadata?metric=up",
        &expect![[
            r#"200 {"status":"success","data":{"up":[{"type":"gauge","unit":"","help":"Up of a."},{"type":"gauge","unit":"","help":"Up of b."}]}}"#
        ]],
    );
    check(
        "/api/v1/metadata?limit_per_metric=1",
        &expect![[
            r#"200 {"status":"success","data":{"up":[{"type":"gauge","unit":"","help":"Up of a."}],"x_total":[{"type":"counter","unit":"","help":"X."}]}}"#
        ]],
    );
    check(
        "/api/v1/metadata?limit=1&metric=x_total",
        &expect![[
            r#"200 {"status":"success","data":{"x_total":[{"type":"counter","unit":"","help":"X."}]}}"#
        ]],
    );
    check(
        "/api/v1/metadata?limit=x",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"limit must be a number"}"#
        ]],
    );
    check(
        "/api/v1/targets/metadata?match_target=%7Bjob%3D%22b%22%7D&limit=1",
        &expect![[
            r#"200 {"status":"success","data":[{"target":{"instance":"localhost:9090","job":"b"},"metric":"up","type":"gauge","unit":"","help":"Up of b."}]}"#
        ]],
    );
    check(
        "/api/v1/targets/metadata?metric=x_total&limit=1",
        &expect![[
            r#"200 {"status":"success","data":[{"target":{"instance":"localhost:9090","job":"a"},"type":"counter","unit":"","help":"X."}]}"#
        ]],
    );
    check(
        "/api/v1/targets/metadata?match_target=x(",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"invalid parameter \"match_target\": 1:2: parse error: unexpected \"(\""}"#
        ]],
    );
}

#[test]
fn the_head_in_numbers() {
    let path = "/api/v1/status/tsdb?limit=1";
    check(
        path,
        &expect![[
            r#"200 {"status":"success","data":{"headStats":{"numSeries":4,"numLabelPairs":0,"chunkCount":0,"minTime":9223372036854775807,"maxTime":-9223372036854775808},"seriesCountByMetricName":[{"name":"up","value":1}],"labelValueCountByLabelName":[],"memoryInBytesByLabelName":[],"seriesCountByLabelValuePair":[]}}"#
        ]],
    );
}

#[test]
fn a_request_that_panics_fails_alone() {
    let server = Server::with_series();
    server.memory.panics.store(true, std::sync::atomic::Ordering::Relaxed);
    let want = r#"500 {"status":"error","errorType":"internal","error":"internal error: see the server's log"}"#;
    assert_eq!(server.get("/api/v1/labels").line(), want);
    assert_eq!(server.get("/api/v1/query?query=up").line(), want);
    assert_eq!(
        server.get("/federate?match[]=up").line(),
        "500 internal error: see the server's log\n"
    );
    server.memory.panics.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(server.get("/api/v1/labels").status, 200);
    assert!(server.get("/metrics").text().contains("mangru_http_panics_total 3\n"));
    assert!(server.get("/metrics").text().contains("prometheus_engine_queries 0\n"));
}
