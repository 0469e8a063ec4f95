//! Queries: parameters, values, errors, statistics, cancellation.

use bytes::Bytes;
use expect_test::{Expect, expect};
use http_body_util::Full;
use hyper::Request;
use model::port::ReadError;

use super::{Got, Server};
use crate::config::Config;

fn check(path: &str, want: &Expect) {
    want.assert_eq(&Server::with_series().get(path).line());
}

fn bad(text: &str) -> String {
    format!("400 {{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":{text:?}}}")
}

#[test]
fn values() {
    check(
        "/api/v1/query?query=up",
        &expect![[
            r#"200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"b"},"value":[1700000000,"0"]},{"metric":{"__name__":"up","job":"a"},"value":[1700000000,"1"]}]}}"#
        ]],
    );
    check(
        "/api/v1/query?query=up&limit=1",
        &expect![[
            r#"200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"b"},"value":[1700000000,"0"]}]},"warnings":["results truncated due to limit"]}"#
        ]],
    );
    check(
        "/api/v1/query?query=1%2B1&time=1.5",
        &expect![[
            r#"200 {"status":"success","data":{"resultType":"scalar","result":[1.500,"2"]}}"#
        ]],
    );
    check(
        "/api/v1/query?query=%22x%22&time=1",
        &expect![[r#"200 {"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#]],
    );
    check(
        "/api/v1/query?query=nope",
        &expect![[r#"200 {"status":"success","data":{"resultType":"vector","result":[]}}"#]],
    );
    check(
        "/api/v1/query?query=http_requests_total[2m]",
        &expect![[
            r#"200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"http_requests_total","code":"200","job":"a"},"values":[[1699999940,"10"],[1700000000,"70"]]}]}}"#
        ]],
    );
    check(
        "/api/v1/query_range?query=http_requests_total&start=1699999940&end=1700000000&step=30",
        &expect![[
            r#"200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"http_requests_total","code":"200","job":"a"},"values":[[1699999940,"10"],[1699999970,"10"],[1700000000,"70"]]}]}}"#
        ]],
    );
    check(
        "/api/v1/query?query=http_requests_total&time=1699999999&lookback_delta=1s",
        &expect![[r#"200 {"status":"success","data":{"resultType":"vector","result":[]}}"#]],
    );
}

#[test]
fn notes_come_with_the_answer() {
    let path = "/api/v1/query?query=quantile(2%2C%20up)";
    check(
        path,
        &expect![[
            r#"200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1700000000,"+Inf"]}]},"warnings":["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]}"#
        ]],
    );
}

#[test]
fn wrong_parameters() {
    let server = Server::with_series();
    for (query, error) in [
        (
            "query?query=up{",
            "invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces",
        ),
        (
            "query?query=",
            "invalid parameter \"query\": unknown position: parse error: no expression found in input",
        ),
        (
            "query?query=up&time=abc",
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"abc\" to a valid timestamp",
        ),
        (
            "query?query=up&limit=x",
            "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        ("query?query=up&limit=-1", "invalid parameter \"limit\": limit must be non-negative"),
        (
            "query?query=up&timeout=x",
            "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
        ),
        (
            "query?query=up&lookback_delta=x",
            "error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
        ),
        (
            "query_range?query=up",
            "invalid parameter \"start\": cannot parse \"\" to a valid timestamp",
        ),
        (
            "query_range?query=up&start=1",
            "invalid parameter \"end\": cannot parse \"\" to a valid timestamp",
        ),
        (
            "query_range?query=up&start=2&end=1",
            "invalid parameter \"end\": end timestamp must not be before start time",
        ),
        (
            "query_range?query=up&start=1&end=2",
            "invalid parameter \"step\": cannot parse \"\" to a valid duration",
        ),
        (
            "query_range?query=up&start=1&end=2&step=0",
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        (
            "query_range?query=up&start=0&end=11001&step=1",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        (
            "query_range?query=up[1m]&start=0&end=1&step=1",
            "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
        ),
        ("query_exemplars?query=up(", "1:4: parse error: unclosed left parenthesis"),
        (
            "query_exemplars?query=up&start=5&end=1",
            "end timestamp must not be before start timestamp",
        ),
    ] {
        assert_eq!(server.get(&format!("/api/v1/{query}")).line(), bad(error));
    }
    let most = server.get("/api/v1/query_range?query=up&start=0&end=11000&step=1");
    assert_eq!(most.status, 200);
}

fn post(server: &Server, path: &str, body: &str) -> Got {
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    server.send(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap())
}

#[test]
fn forms_win_over_the_url() {
    let server = Server::with_series();
    let got = post(&server, "/api/v1/query?query=0", "query=sum(up)&time=1700000000");
    assert!(got.text().contains(r#"[{"metric":{},"value":[1700000000,"1"]}]"#), "{}", got.line());
    let got = post(&server, "/api/v1/query?time=7&query=0", "");
    assert!(got.text().contains("[7,\"0\"]"), "{}", got.line());
}

#[test]
fn a_form_is_bounded() {
    let server = Server::with_series();
    let form = |bytes: usize| format!("query=1&x={}", "y".repeat(bytes - 10));
    assert_eq!(post(&server, "/api/v1/query", &form(2 << 20)).status, 200);
    assert_eq!(
        post(&server, "/api/v1/query", &form((2 << 20) + 1)).line(),
        "413 request body over 2097152 bytes (http.form-bytes-max)\n"
    );
}

#[test]
fn statistics_are_given_when_asked_for() {
    let mut config = Config::default();
    let plain = Server::over(config.clone(), Server::with_series().memory);
    assert!(!plain.get("/api/v1/query?query=up&stats=all").text().contains("PerStep"));
    config.query.per_step_stats = true;
    let server = Server::over(config, Server::with_series().memory);
    let stats = |value: &str| {
        let path = format!("/api/v1/query?query=http_requests_total&stats={value}");
        serde_json::from_str::<serde_json::Value>(server.get(&path).text()).unwrap()
    };
    assert!(stats("")["data"]["stats"].is_null());
    let observed =
        "prometheus_engine_query_duration_histogram_seconds_count{slice=\"inner_eval\"} 1\n";
    assert!(server.get("/metrics").text().contains(observed));
    let plain = stats("true");
    assert_eq!(plain["data"]["stats"]["samples"]["totalQueryableSamples"], 1);
    assert!(plain["data"]["stats"]["timings"]["evalTotalTime"].is_number());
    let per_step = &stats("all")["data"]["stats"]["samples"]["totalQueryableSamplesPerStep"];
    assert_eq!(per_step[0][1], 1);
    assert_eq!(
        stats("x")["warnings"][0],
        "value \"x\" for parameter \"stats\" is deprecated and will be rejected in the next major release, use \"true\" or \"all\""
    );
}

#[test]
fn queries_are_formatted() {
    check(
        "/api/v1/format_query?query=sum(a)by(b)",
        &expect![[r#"200 {"status":"success","data":"sum by (b) (a)"}"#]],
    );
    check(
        "/api/v1/format_query?query=(",
        &expect![[
            r#"400 {"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:2: parse error: unclosed left parenthesis"}"#
        ]],
    );
}

#[test]
fn trees() {
    for (query, want) in [
        (
            "rate(up{a=\"b\"}[5m] offset 1m @ 5)",
            expect![[
                r#"200 {"status":"success","data":{"args":[{"anchored":false,"matchers":[{"name":"a","type":"=","value":"b"},{"name":"__name__","type":"=","value":"up"}],"name":"up","offset":60000,"offsetExpr":null,"range":300000,"rangeExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":5000,"type":"matrixSelector"}],"func":{"argTypes":["matrix"],"name":"rate","returnType":"vector","variadic":0},"type":"call"}}"#
            ]],
        ),
        (
            "a + on (b) group_left (c) d",
            expect![[
                r#"200 {"status":"success","data":{"bool":false,"lhs":{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"a"}],"name":"a","offset":0,"offsetExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"},"matching":{"card":"many-to-one","fillValues":{"lhs":null,"rhs":null},"include":["c"],"labels":["b"],"on":true},"op":"+","rhs":{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"d"}],"name":"d","offset":0,"offsetExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"},"type":"binaryExpr"}}"#
            ]],
        ),
        (
            "sum(max_over_time(x[5m:1m] @ start()))",
            expect![[
                r#"200 {"status":"success","data":{"expr":{"args":[{"expr":{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"x"}],"name":"x","offset":0,"offsetExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"},"offset":0,"offsetExpr":null,"range":300000,"rangeExpr":null,"startOrEnd":"start","step":60000,"stepExpr":null,"timestamp":null,"type":"subquery"}],"func":{"argTypes":["matrix"],"name":"max_over_time","returnType":"vector","variadic":0},"type":"call"},"grouping":[],"op":"sum","param":null,"type":"aggregation","without":false}}"#
            ]],
        ),
        (
            "topk(2, -a)",
            expect![[
                r#"200 {"status":"success","data":{"expr":{"expr":{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"a"}],"name":"a","offset":0,"offsetExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"},"op":"-","type":"unaryExpr"},"grouping":[],"op":"topk","param":{"type":"numberLiteral","val":"2"},"type":"aggregation","without":false}}"#
            ]],
        ),
        (
            "(1) > bool time()",
            expect![[
                r#"200 {"status":"success","data":{"bool":true,"lhs":{"expr":{"type":"numberLiteral","val":"1"},"type":"parenExpr"},"matching":null,"op":">","rhs":{"args":[],"func":{"argTypes":[],"name":"time","returnType":"scalar","variadic":0},"type":"call"},"type":"binaryExpr"}}"#
            ]],
        ),
        (
            "x[5m + step()]",
            expect![[
                r#"200 {"status":"success","data":{"anchored":false,"matchers":[{"name":"__name__","type":"=","value":"x"}],"name":"x","offset":0,"offsetExpr":null,"range":0,"rangeExpr":{"lhs":{"duration":true,"type":"numberLiteral","val":"300"},"op":"+","rhs":{"lhs":null,"op":"step","rhs":null,"type":"durationExpr","wrapped":false},"type":"durationExpr","wrapped":false},"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"matrixSelector"}}"#
            ]],
        ),
    ] {
        let server = Server::with_series();
        let body = format!("query={}", query.replace('+', "%2B"));
        want.assert_eq(&post(&server, "/api/v1/parse_query", &body).line());
    }
}

#[test]
fn the_deepest_queries_are_answered() {
    let depth = promql::ast::DEPTH_MAX;
    let server = Server::with_series();
    for (open, close) in [("(", ")"), ("-", ""), ("", "*up"), ("abs(", ")"), ("sum(", ")")] {
        let query = |n: usize| format!("query={}up{}", open.repeat(n), close.repeat(n));
        for path in ["query", "query_range", "query_exemplars", "format_query", "parse_query"] {
            let path = format!("/api/v1/{path}");
            let times = "&start=0&end=60&step=60";
            let post = |n| post(&server, &path, &(query(n) + times)).status;
            assert_eq!((post(depth - 1), post(depth)), (200, 400), "{open}…{close} {path}");
        }
    }
    for (open, close) in [("(", ")"), ("-", ""), ("1^", ""), ("max_of(1,", ")")] {
        let query = format!("query=up[{}1{}]", open.repeat(400), close.repeat(400));
        let got = post(&server, "/api/v1/parse_query", &query);
        assert_eq!(got.status, 200, "{open}…{close}");
    }
}

#[test]
fn a_tree_is_made_once() {
    // When each level copied all below it, this took minutes.
    let labels = vec!["\"a\""; 30_000].join(",");
    let query = format!("{}label_join(up,{labels}){}", "(".repeat(400), ")".repeat(400));
    let server = Server::with_series();
    let got = post(&server, "/api/v1/parse_query", &format!("query={query}"));
    assert_eq!(got.status, 200);
    assert!(got.body.len() > 30_000 * 20, "{}", got.body.len());
}

#[test]
fn experimental_parts_are_off_unless_asked_for() {
    let path = "/api/v1/query?query=limitk(1%2C%20up)";
    let mut config = Config::default();
    let plain = Server::over(config.clone(), Server::with_series().memory);
    assert_eq!(plain.get(path).status, 400);
    config.query.parser.experimental_functions = true;
    let server = Server::over(config, Server::with_series().memory);
    assert_eq!(server.get(path).status, 200);
}

#[test]
fn exemplars() {
    check(
        "/api/v1/query_exemplars?query=sum(up%7Bjob%3D%22a%22%7D)%20%2B%201&start=1",
        &expect![[
            r#"200 {"status":"success","data":[{"seriesLabels":{"__name__":"up","job":"a"},"exemplars":[{"labels":{"trace_id":"abc"},"value":"0.5","timestamp":1.500}]}]}"#
        ]],
    );
    check("/api/v1/query_exemplars?query=1", &expect!["204 "]);
}

#[test]
fn a_query_that_takes_too_long_or_whose_storage_fails() {
    let server = Server::with_series();
    let got = server.get("/api/v1/query?query=up&timeout=0");
    assert_eq!(got.status, 503);
    assert!(
        got.text().contains(r#""errorType":"timeout","error":"query timed out in "#),
        "{}",
        got.line()
    );
    *server.memory.broken.lock() = Some(ReadError::Storage("disk".to_owned()));
    let got = server.get("/api/v1/query?query=up");
    assert_eq!(got.status, 500);
    assert!(got.text().contains(r#""errorType":"internal""#), "{}", got.line());
}
