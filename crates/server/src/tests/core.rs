//! Routing, bounds, prefixes, headers, and the endpoints that need no storage.

use bytes::Bytes;
use expect_test::expect;
use http_body_util::Full;
use hyper::Request;

use super::memory::Memory;
use super::{NOW_MS, Server};
use crate::config::{Config, Loaded};
use crate::state::Phase;

fn lifecycle() -> Config {
    Config { lifecycle: true, ..Config::default() }
}

#[test]
fn what_does_not_exist() {
    let server = Server::bare(Config::default());
    assert_eq!(server.get("/api/v1/nope").line(), "404 404 page not found\n");
    assert_eq!(server.get("/assets/nope.js").line(), "404 404 page not found\n");
    let got = server.send(Request::delete("/api/v1/status/config").body(Full::default()).unwrap());
    assert_eq!(got.line(), "405 Method Not Allowed\n");
    assert_eq!(got.header("allow"), "GET, OPTIONS");
}

#[test]
fn until_the_storage_is_open() {
    let server = Server::starting(Config::default());
    for path in ["/-/ready", "/api/v1/status/config"] {
        let got = server.get(path);
        assert_eq!(got.line(), "503 Service Unavailable");
        assert_eq!(got.header("x-prometheus-stopping"), "false");
    }
    assert_eq!(server.get("/-/healthy").line(), "200 Prometheus Server is Healthy.\n");
    assert!(server.get("/metrics").text().contains("prometheus_ready 0\n"));
    server.state.enter(Phase::Ready);
    assert_eq!(server.get("/-/ready").line(), "200 Prometheus Server is Ready.\n");
    server.state.enter(Phase::Stopping);
    assert_eq!(server.get("/-/ready").header("x-prometheus-stopping"), "true");
}

#[test]
fn life_is_controlled_only_when_allowed() {
    let post = |path: &str| Request::post(path).body(Full::default()).unwrap();
    let server = Server::bare(Config::default());
    for path in ["/-/reload", "/-/quit"] {
        assert_eq!(server.send(post(path)).line(), "403 Lifecycle API is not enabled.");
        assert_eq!(server.get(path).line(), "405 Only POST or PUT requests allowed");
    }
    let server = Server::bare(lifecycle());
    expect![[r#"
        500 failed to reload config: mangru.yml:3:1: unknown key "x"
    "#]]
    .assert_eq(&server.send(post("/-/reload")).line());
    assert!(server.get("/metrics").text().contains("prometheus_config_last_reload_successful 0\n"));
    assert_eq!(server.send(post("/-/quit")).line(), "200 Requesting termination... Goodbye!");
    assert_eq!(server.send(post("/-/quit")).line(), "200 Termination already in progress.");
}

#[test]
fn a_reload_changes_what_it_can_and_names_the_rest() {
    let loaded = |step_ms, window: &str| Loaded {
        subquery_step_ms: Some(step_ms),
        start_only: vec![("storage.window".to_owned(), window.to_owned())],
        ..Loaded::default()
    };
    let loader = Box::new(move || Ok(loaded(15_000, "1h")));
    let server = Server::starting_with(Config::default(), loaded(60_000, "0s"), loader)
        .with_memory(Memory::with(&[(&[("__name__", "up")], &[(NOW_MS - 60_000, 1.0)])]));
    let steps =
        || server.get("/api/v1/query?query=count_over_time(up%5B1m%3A%5D)").text().to_owned();
    assert!(steps().contains(r#","1"]"#), "{}", steps());
    server.state.reload().unwrap();
    assert!(steps().contains(r#","4"]"#), "{}", steps());
    assert_eq!(server.state.needs_restart(&loaded(1, "0s")), [""; 0]);
    assert_eq!(
        server.state.needs_restart(&loaded(1, "1h")),
        ["storage.window is 1h in the file and stays 0s until a restart"]
    );
}

#[test]
fn the_admin_api_is_off_unless_asked_for() {
    let post = || Request::post("/api/v1/admin/tsdb/snapshot").body(Full::default()).unwrap();
    let server = Server::bare(Config::default());
    expect![[r#"500 {"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#]]
        .assert_eq(&server.send(post()).line());
    let server = Server::bare(Config { admin_api: true, ..Config::default() });
    assert!(server.send(post()).text().contains("not supported by this version"));
}

#[test]
fn everything_moves_under_the_prefix() {
    let config =
        Config { external_url: "http://mon.example/prom/".to_owned(), ..Config::default() };
    let server = Server::bare(config);
    for (path, status, location) in [
        ("/", 302, "/prom/"),
        ("/prom", 302, "/prom/query"),
        ("/prom/", 302, "/prom/query"),
        ("/prom/graph?g0.expr=up", 302, "/prom/query?g0.expr=up"),
        ("/prom/-/healthy", 200, ""),
        ("/-/healthy", 404, ""),
        ("/prometheus/-/healthy", 404, ""),
    ] {
        let got = server.get(path);
        assert_eq!((got.status, got.header("location")), (status, location), "{path}");
    }
}

#[test]
fn other_origins_read_what_they_may() {
    let ask = |server: &Server, origin: &'static str| {
        let request = Request::get("/api/v1/status/config").header("origin", origin);
        let got = server.send(request.body(Full::default()).unwrap());
        assert!(got.headers.get_all("vary").iter().any(|value| value == "Origin"));
        got.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(ask(&Server::bare(Config::default()), "https://a.example"), "*");
    let server = Server::bare(Config::default());
    let options = Request::options("/api/v1/query").body(Full::default()).unwrap();
    assert_eq!(server.send(options).status, 204);
}

#[test]
fn bodies_are_bounded_by_name() {
    let server = Server::bare(Config::default());
    let post = |bytes: usize| {
        let body = Full::new(Bytes::from(vec![b'x'; bytes]));
        Request::post("/-/quit").body(body).unwrap()
    };
    assert_eq!(server.send(post(64 * 1024)).status, 403);
    assert_eq!(
        server.send(post(64 * 1024 + 1)).line(),
        "413 request body over 65536 bytes (http.body-bytes-max)\n"
    );
}

#[test]
fn all_bodies_and_queries_share_one_bound() {
    let config = Config { memory_bytes_max: 1000, lifecycle: true, ..Config::default() };
    let server = Server::bare(config).with_memory(Memory::with(&[]));
    let post = |bytes: usize| {
        let body = Full::new(Bytes::from(vec![b'x'; bytes]));
        server.send(Request::post("/-/quit").body(body).unwrap())
    };
    assert_eq!(post(1001).line(), "503 memory: 1001 bytes wanted with 0 of 1000 in use\n");
    let scraped = server.state.budgets.scrapes.charge(400).unwrap();
    assert_eq!(post(601).line(), "503 memory: 601 bytes wanted with 400 of 1000 in use\n");
    let query = server.get("/api/v1/query?query=vector(1)").status;
    let long = server.get("/api/v1/query_range?query=vector(1)&start=0&end=10000&step=1").line();
    assert_eq!(query, 200);
    assert!(long.contains("memory: ") && long.contains("of 1000 in use"), "{long}");
    drop(scraped);
    assert_eq!(post(1000).status, 200);
    let info = server.get("/api/v1/status/runtimeinfo");
    assert!(info.text().contains(r#""GOMEMLIMIT":1000"#), "{}", info.text());
}

#[test]
fn the_page_is_served_with_its_policy() {
    let server = Server::bare(Config::default());
    let got = server.get("/query?g0.expr=up");
    assert_eq!((got.status, got.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(got.text().contains("<html"));
    assert!(got.header("content-security-policy").contains("default-src 'self'"));
    assert_eq!(got.header("cache-control"), "no-cache");
    let again = Request::get("/query").header("if-none-match", got.header("etag"));
    let again = server.send(again.body(Full::default()).unwrap());
    assert_eq!((again.status, again.body.len()), (304, 0));
    let packed = Request::get("/query").header("accept-encoding", "br, gzip");
    let packed = server.send(packed.body(Full::default()).unwrap());
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.starts_with(&[0x1f, 0x8b]));
}

#[test]
fn the_server_tells_of_itself() {
    let server = Server::bare(Config::default());
    for (path, want) in [
        ("/api/v1/rules", expect![[r#"200 {"status":"success","data":{"groups":[]}}"#]]),
        (
            "/api/v1/rules?type=x",
            expect![[
                r#"400 {"status":"error","errorType":"bad_data","error":"invalid parameter \"type\": not supported value \"x\""}"#
            ]],
        ),
        ("/api/v1/alerts", expect![[r#"200 {"status":"success","data":{"alerts":[]}}"#]]),
        (
            "/api/v1/alertmanagers",
            expect![[
                r#"200 {"status":"success","data":{"activeAlertmanagers":[],"droppedAlertmanagers":[]}}"#
            ]],
        ),
        (
            "/api/v1/status/config",
            expect![[r#"200 {"status":"success","data":{"yaml":"global: {}\n"}}"#]],
        ),
        ("/api/v1/status/flags", expect![[r#"200 {"status":"success","data":{}}"#]]),
        (
            "/api/v1/status/tsdb?limit=0",
            expect![[
                r#"400 {"status":"error","errorType":"bad_data","error":"limit must be a positive number"}"#
            ]],
        ),
        (
            "/api/v1/status/tsdb?limit=10001",
            expect![[
                r#"400 {"status":"error","errorType":"bad_data","error":"limit must not exceed 10000"}"#
            ]],
        ),
    ] {
        want.assert_eq(&server.get(path).line());
    }
    let info: serde_json::Value =
        serde_json::from_str(server.get("/api/v1/status/runtimeinfo").text()).unwrap();
    assert_eq!(info["data"]["startTime"], "2023-11-14T22:13:20Z");
    assert_eq!(info["data"]["storageRetention"], "15d");
    assert_eq!(info["data"]["reloadConfigSuccess"], true);
}

#[test]
fn own_metrics_come_as_the_scraper_asks() {
    let server = Server::bare(Config::default());
    for (accept, kind, start) in [
        ("", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", "# HELP "),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", "# HELP "),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.2",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            "# HELP ",
        ),
        (
            "application/openmetrics-text;q=0.2,text/plain;version=0.0.4;q=0.4",
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            "# HELP ",
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
            "",
        ),
    ] {
        let request = Request::get("/metrics").header("accept", accept);
        let got = server.send(request.body(Full::default()).unwrap());
        assert_eq!((got.status, got.header("content-type")), (200, kind));
        assert!(got.body.starts_with(start.as_bytes()), "{accept}");
        let name: &[u8] = b"process_cpu_seconds";
        assert!(got.body.windows(name.len()).any(|part| part == name), "{accept}");
    }
}

#[test]
fn requests_are_counted_by_route_and_code() {
    let server = Server::bare(Config::default());
    server.get("/api/v1/rules");
    server.get("/api/v1/rules?type=x");
    let text = server.get("/metrics");
    for line in [
        "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/rules\"} 1\n",
        "prometheus_http_requests_total{code=\"400\",handler=\"/api/v1/rules\"} 1\n",
        "prometheus_http_request_duration_seconds_count{handler=\"/api/v1/rules\"} 2\n",
        "process_cpu_seconds_total ",
        "prometheus_build_info{",
    ] {
        assert!(text.text().contains(line), "{line}");
    }
}
