//! The push gateway's face, over a gateway on a simulated disk.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use expect_test::{Expect, expect};
use http_body_util::Full;
use hyper::{Method, Request};
use net::config::Secret;
use scrape::config::ScrapeConfig;
use scrape::push::{Gateway, Options};
use stdx::fs::sim::SimFs;

use super::{Got, Server};
use crate::config::{Config, Loaded, PushConfig, PushLimits};
use crate::push::face::Face;
use crate::push::target::{Pass, scraped, store};

pub(super) fn gateway(config: Config) -> Server {
    with_gateway(Server::bare(config))
}

pub(super) fn with_gateway(server: Server) -> Server {
    let clock = Arc::clone(&server.state.clock);
    let fs = Arc::new(SimFs::new(1));
    let opened = Gateway::open(fs, clock, Path::new("push"), Options::default()).unwrap();
    server.state.push.set_gateway(Arc::new(opened));
    server
}

/// An address with what it cannot hold escaped.
fn uri(path: &str) -> String {
    path.replace('{', "%7B").replace('}', "%7D").replace('"', "%22")
}

fn send(server: &Server, method: &Method, path: &str, body: &'static str) -> Got {
    let request = Request::builder().method(method).uri(uri(path));
    server.send_to(Face::Push, request.body(Full::from(body)).unwrap())
}

#[track_caller]
fn check(server: &Server, method: &Method, path: &str, body: &'static str, want: &Expect) {
    want.assert_eq(send(server, method, path, body).line().trim_end_matches('\n'));
}

#[test]
fn what_is_pushed_is_shown() {
    let server = gateway(Config::default());
    let body = "# TYPE jobs counter\n# HELP jobs a < b\njobs{l=\"v\"} 3\n";
    check(&server, &Method::PUT, "/metrics/job/x/zone/z", body, &expect!["200 "]);
    let text = send(&server, &Method::GET, "/metrics", "");
    assert!(text.text().contains("jobs{instance=\"\",job=\"x\",l=\"v\",zone=\"z\"} 3\n"));
    assert!(text.text().contains(
        "pushgateway_http_requests_total{code=\"200\",handler=\"push\",method=\"put\"} 1\n"
    ));
    check(
        &server,
        &Method::GET,
        "/api/v1/metrics",
        "",
        &expect![[
            r#"200 {"status":"success","data":[{"jobs":{"time_stamp":"2023-11-14T22:13:20Z","type":"COUNTER","help":"a \u003c b","metrics":[{"labels":{"instance":"","job":"x","l":"v","zone":"z"},"value":"3"}]},"labels":{"job":"x","zone":"z"},"last_push_successful":true,"push_failure_time_seconds":{"time_stamp":"2023-11-14T22:13:20Z","type":"GAUGE","help":"Last Unix time when changing this group in the Pushgateway failed.","metrics":[{"labels":{"instance":"","job":"x","zone":"z"},"value":"0"}]},"push_time_seconds":{"time_stamp":"2023-11-14T22:13:20Z","type":"GAUGE","help":"Last Unix time when changing this group in the Pushgateway succeeded.","metrics":[{"labels":{"instance":"","job":"x","zone":"z"},"value":"1.7e+09"}]}}]}"#
        ]],
    );
    check(&server, &Method::DELETE, "/metrics/job/x/zone/z", "", &expect!["202 "]);
    check(&server, &Method::DELETE, "/metrics/job/x/zone/z", "", &expect!["202 "]);
    let none = &expect![[r#"200 {"status":"success","data":[]}"#]];
    check(&server, &Method::GET, "/api/v1/metrics", "", none);
}

#[test]
fn what_is_refused() {
    let server = gateway(Config::default());
    for (method, path, body, want) in [
        (
            Method::PUT,
            "/metrics/job/x",
            "a 1",
            expect!["400 text format parsing error in line 1: unexpected end of input stream"],
        ),
        (
            Method::POST,
            "/metrics/job/x",
            "a 1 5\n",
            expect![
                "400 pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps"
            ],
        ),
        (
            Method::PUT,
            "/metrics/job/x/l",
            "",
            expect![[r#"400 odd number of components in label string "/l""#]],
        ),
        (
            Method::POST,
            "/metrics/job/x",
            "m{__l=\"a\"} 1\n",
            expect![[
                r#"400 pushed metrics are invalid or inconsistent with existing metrics: collected metric "m" { label:{name:"__l"  value:"a"}  label:{name:"instance"  value:""}  label:{name:"job"  value:"x"}  untyped:{value:1}} has a label with an invalid name: __l"#
            ]],
        ),
        (Method::PUT, "/metrics/job/", "", expect!["307 "]),
        (Method::PUT, "/metrics/job/x//y", "", expect!["301 "]),
        (Method::GET, "/metrics/job/x", "", expect!["405 Method Not Allowed"]),
        (Method::POST, "/metrics", "", expect!["405 Method Not Allowed"]),
        (Method::PUT, "/metrics/jobs/x", "", expect!["404 404 page not found"]),
        (Method::PUT, "/api/v1/admin/wipe", "", expect!["404 404 page not found"]),
        (Method::GET, "/-/quit", "", expect!["405 Only POST or PUT requests allowed."]),
        (Method::PUT, "/-/quit", "", expect!["403 Lifecycle API is not enabled."]),
        (Method::GET, "/-/ready", "", expect!["200 OK"]),
        (Method::GET, "/api/v1/query", "", expect!["404 404 page not found"]),
    ] {
        check(&server, &method, path, body, &want);
    }
    let moved = send(&server, &Method::PUT, "/metrics/job/x//%3Fy", "");
    assert_eq!(moved.header("location"), "/metrics/job/x/%3Fy");
    let asked = send(&server, &Method::OPTIONS, "/metrics/job/x", "");
    assert_eq!(asked.header("allow"), "DELETE, OPTIONS, POST, PUT");
}

#[test]
fn packed_bodies_and_their_bound() {
    let server = gateway(Config::default());
    let push = |encoding: &str, body: Vec<u8>| {
        let request = Request::put("/metrics/job/x").header("content-encoding", encoding);
        server.send_to(Face::Push, request.body(Full::new(Bytes::from(body))).unwrap()).line()
    };
    let gz = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut out, bytes).unwrap();
        out.finish().unwrap()
    };
    assert_eq!(push("gzip", gz(b"a 1\n")), "200 ");
    assert_eq!(push("gzip", b"a 1\n".to_vec()), "400 unexpected EOF\n");
    assert_eq!(push("snappy", b"a 1\n".to_vec()), "400 snappy: corrupt input\n");
    assert_eq!(
        push("", vec![b'\n'; PushLimits::default().body_bytes + 1]),
        "413 request body over 67108864 bytes (push.body-bytes-max)\n"
    );
    assert!(
        send(&server, &Method::GET, "/metrics", "")
            .text()
            .contains("\na{instance=\"\",job=\"x\"} 1\n")
    );
}

#[test]
fn a_groups_time_is_a_header() {
    let server = gateway(Config::default());
    let push = |ttl: &str| {
        let request = Request::put("/metrics/job/x").header("x-mangru-ttl", ttl);
        server.send_to(Face::Main, request.body(Full::from("a 1\n")).unwrap()).line()
    };
    assert_eq!(push("soon"), "400 header x-mangru-ttl: not a valid duration string: \"soon\"\n");
    assert_eq!(push("1h"), "200 ");
    let groups = server.state.push.gateway().unwrap().groups();
    assert_eq!(groups[0].expires_ms, super::NOW_MS + 3_600_000);
}

#[test]
fn the_admin_api_and_the_telemetry_path() {
    let push = PushConfig { telemetry_path: "/own".to_owned(), ..PushConfig::default() };
    let server = gateway(Config { admin_api: true, push, ..Config::default() });
    check(&server, &Method::PUT, "/metrics/job/x", "a 1\n", &expect!["200 "]);
    check(&server, &Method::GET, "/metrics", "", &expect!["404 404 page not found"]);
    assert!(send(&server, &Method::GET, "/own", "").text().contains("\na{"));
    check(&server, &Method::GET, "/api/v1/admin/wipe", "", &expect!["405 Method Not Allowed"]);
    check(&server, &Method::PUT, "/api/v1/admin/wipe", "", &expect!["202 "]);
    assert!(!send(&server, &Method::GET, "/own", "").text().contains("\na{"));
}

#[test]
fn the_page_escapes_what_was_pushed() {
    let server = gateway(Config::default());
    send(&server, &Method::PUT, "/metrics/job/x", "a{l=\"<b>\"} 1\n");
    let page = send(&server, &Method::GET, "/", "");
    assert!(page.text().contains("l=\"&lt;b&gt;\"") && !page.text().contains("<b>"));
    assert!(send(&server, &Method::GET, "/status", "").text().contains("Status"));
}

#[test]
fn groups_become_samples_and_go_stale() {
    let server = gateway(Config::default()).with_memory(Arc::default());
    let lines = |name: &str| -> String {
        let dump = server.memory.dump();
        dump.lines().filter(|line| line.contains(name)).collect::<Vec<_>>().join("\n")
    };
    assert!(scraped(&server.state, None, 750).is_none(), "no target without groups");
    assert_eq!(server.memory.dump(), "");
    send(&server, &Method::PUT, "/metrics/job/x", "a 1\n");
    let target = scraped(&server.state, None, 1000);
    let targets = server.get("/api/v1/targets?scrapePool=pushgateway");
    assert!(targets.text().contains(r#""scrapeUrl":"http://127.0.0.1:9091/metrics""#));
    assert!(targets.text().contains(r#""health":"up""#));
    send(&server, &Method::POST, "/metrics/job/x", "a 2\n");
    let target = scraped(&server.state, target, 1250);
    send(&server, &Method::DELETE, "/metrics/job/x", "");
    assert!(scraped(&server.state, target, 1500).is_none());
    expect![[r#"{"__name__": "a", "job": "x"}: 1000=1 1250=2 1500=NaN"#]]
        .assert_eq(&lines("\"a\""));
    expect![[r#"{"__name__": "up", "instance": "127.0.0.1:9091", "job": "pushgateway"}: 1000=1 1250=1 1500=NaN"#]]
        .assert_eq(&lines("\"up\""));
    assert!(!server.get("/api/v1/targets").text().contains("pushgateway"));
}

#[test]
fn changed_groups_are_stored_alone_and_what_is_gone_goes_stale() {
    let server = gateway(Config::default()).with_memory(Arc::default());
    let put = |job: &str, body| send(&server, &Method::PUT, &format!("/metrics/job/{job}"), body);
    put("x", "a 1\n");
    put("y", "a 5\n");
    let pass = |stored, now_ms, pass| store(&server.state, stored, now_ms, pass);
    let (stored, done) = pass(None, 1000, Pass::Changes);
    assert_eq!(done, Pass::All);
    put("x", "a 2\nb 1\n");
    put("z", "a 9\n");
    let (stored, done) = pass(stored, 1250, Pass::Changes);
    assert_eq!(done, Pass::Changes);
    put("x", "a 3\n");
    send(&server, &Method::DELETE, "/metrics/job/z", "");
    let (stored, done) = pass(stored, 1500, Pass::Changes);
    assert_eq!(done, Pass::Changes);
    // What is stale is marked once, and begins again.
    let (stored, done) = pass(stored, 1750, Pass::All);
    assert_eq!(done, Pass::All);
    put("x", "a 3\nb 2\n");
    put("y", "a 6\n");
    let (stored, done) = pass(stored, 2000, Pass::Changes);
    assert_eq!(done, Pass::Changes);
    send(&server, &Method::DELETE, "/metrics/job/x", "");
    send(&server, &Method::DELETE, "/metrics/job/y", "");
    assert!(pass(stored, 2500, Pass::Changes).0.is_none());
    let dump = server.memory.dump();
    let of = |name: &str| -> String {
        dump.lines().filter(|line| line.contains(name)).collect::<Vec<_>>().join("\n")
    };
    expect![[r#"
        {"__name__": "a", "job": "x"}: 1000=1 1250=2 1500=3 1750=3 2000=3 2500=NaN
        {"__name__": "a", "job": "y"}: 1000=5 1750=5 2000=6 2500=NaN
        {"__name__": "a", "job": "z"}: 1250=9 1500=NaN"#]]
    .assert_eq(&of("\"a\""));
    expect![[r#"{"__name__": "b", "job": "x"}: 1250=1 1500=NaN 2000=2 2500=NaN"#]]
        .assert_eq(&of("\"b\""));
    expect![[r#"{"__name__": "up", "instance": "127.0.0.1:9091", "job": "pushgateway"}: 1000=1 1750=1 2500=NaN"#]].assert_eq(&of("\"up\""));
}

#[test]
fn other_bounds_end_the_old_ones_series() {
    let server = gateway(Config::default()).with_memory(Arc::default());
    let put = |body| send(&server, &Method::PUT, "/metrics/job/x", body);
    let pass = |stored, now_ms| store(&server.state, stored, now_ms, Pass::Changes).0;
    let stored = {
        put(
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 9\nh_count 3\n# TYPE s summary\ns{quantile=\"0.5\"} 1\n",
        );
        pass(None, 1000)
    };
    put(
        "# TYPE h histogram\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 9\nh_count 3\n# TYPE s summary\ns{quantile=\"0.9\"} 1\n",
    );
    let stored = pass(stored, 1250);
    assert!(stored.is_some());
    let dump = server.memory.dump();
    let bounded = |line: &&str| line.contains("\"le\"") || line.contains("\"quantile\"");
    let lines = dump.lines().filter(bounded).filter(|line| line.contains("\"x\""));
    expect![[r#"
        {"__name__": "h_bucket", "job": "x", "le": "1.0"}: 1000=1 1250=NaN
        {"__name__": "h_bucket", "job": "x", "le": "+Inf"}: 1000=3 1250=3
        {"__name__": "s", "job": "x", "quantile": "0.5"}: 1000=1 1250=NaN
        {"__name__": "h_bucket", "job": "x", "le": "2.0"}: 1250=1
        {"__name__": "s", "job": "x", "quantile": "0.9"}: 1250=1"#]]
    .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_job_of_that_name_takes_the_targets_place() {
    let job = ScrapeConfig { job_name: "pushgateway".to_owned(), ..ScrapeConfig::default() };
    let loaded = Loaded { scrape_configs: vec![job], ..Loaded::default() };
    let loader = Box::new(|| Err("unchanged".to_owned()));
    let server = Server::starting_with(Config::default(), loaded, loader);
    let server = with_gateway(server).with_memory(Arc::default());
    send(&server, &Method::PUT, "/metrics/job/x", "a 1\n");
    assert!(scraped(&server.state, None, 1000).is_none());
    assert_eq!(server.memory.dump(), "");
    assert!(server.state.push.target().is_none());
}

#[test]
fn a_body_that_is_no_protobuf() {
    let server = gateway(Config::default());
    for (body, text) in [
        (&b"xx"[..], "400 unexpected EOF\n"),
        (b"\x80", "400 unexpected EOF\n"),
        (b"\x05\x0a\x09aaa", "400 proto: cannot parse invalid wire-format data\n"),
    ] {
        let request = Request::put("/metrics/job/x").header(
            "content-type",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
        );
        let got = server.send_to(Face::Push, request.body(Full::from(body)).unwrap());
        assert_eq!(got.line(), text, "{body:?}");
    }
}

#[test]
fn groups_by_selectors() {
    let server = gateway(Config { admin_api: true, ..Config::default() });
    for path in ["a", "a/zone/1", "b/zone/1", "b/zone/2", "c"] {
        check(&server, &Method::PUT, &format!("/metrics/job/{path}"), "m 1\n", &expect!["200 "]);
    }
    let listed = |selectors: &str| {
        let got = send(&server, &Method::GET, &format!("/api/v1/metrics?{selectors}"), "");
        got.text().matches("\"labels\":{\"job\"").count()
    };
    assert_eq!(
        (listed(""), listed("match[]={job=\"a\"}"), listed("match[]={job=\"x\"}")),
        (5, 2, 0)
    );
    assert_eq!(listed("match[]={job=\"a\"}&match[]={zone=\"1\"}"), 3);
    assert_eq!(listed("match[]={job=\"a\",zone=\"\"}"), 1);
    let bulk = |query: &str, want: &Expect| {
        check(&server, &Method::POST, &format!("/api/v1/admin/delete_groups{query}"), "", want);
    };
    bulk("", &expect!["400 no match[] parameter provided"]);
    bulk(
        "?match[]={job=~\".*\"}",
        &expect![[
            r#"400 invalid parameter "match[]": match[] must contain at least one non-empty matcher"#
        ]],
    );
    bulk(
        "?match[]=m",
        &expect![[r#"400 invalid parameter "match[]": a group has labels and no metric name"#]],
    );
    bulk(
        "?match[]={job",
        &expect![[
            r#"400 invalid parameter "match[]": 1:5: parse error: unexpected end of input inside braces"#
        ]],
    );
    let many = |n| format!("?{}", vec!["match[]={job=\"x\"}"; n].join("&"));
    bulk(&many(100), &expect![[r#"200 {"status":"success","data":{"deleted":0}}"#]]);
    bulk(&many(101), &expect!["400 101 selectors, at most 100 allowed"]);
    bulk(
        "?match[]={job=\"a\"}&match[]={zone=\"1\"}",
        &expect![[r#"200 {"status":"success","data":{"deleted":3}}"#]],
    );
    assert_eq!(listed(""), 2);
    let off = gateway(Config::default());
    check(
        &off,
        &Method::POST,
        "/api/v1/admin/delete_groups?match[]={job=\"a\"}",
        "",
        &expect!["404 404 page not found"],
    );
}

#[test]
fn changes_need_the_token_and_reading_does_not() {
    let push = PushConfig { write_token: Some(Secret::new("t0ken")), ..PushConfig::default() };
    let server = gateway(Config { admin_api: true, push, ..Config::default() });
    let with = |method: &Method, path: &str, authorization: &str| {
        let request = Request::builder().method(method).uri(uri(path));
        let request = request.header("Authorization", authorization);
        server.send_to(Face::Push, request.body(Full::from("m 1\n")).unwrap())
    };
    let paths = [
        (Method::PUT, "/metrics/job/x"),
        (Method::POST, "/metrics/job@base64/eA"),
        (Method::DELETE, "/metrics/job/y"),
        (Method::PUT, "/api/v1/admin/wipe"),
        (Method::POST, "/api/v1/admin/delete_groups?match[]={job=\"y\"}"),
    ];
    for (method, path) in &paths {
        for (authorization, text) in [
            (
                "",
                "401 changes need the write token, as Authorization: Bearer TOKEN; nothing was changed\n",
            ),
            (
                "Basic dDBrZW4=",
                "401 changes need the write token, as Authorization: Bearer TOKEN; nothing was changed\n",
            ),
            ("Bearer token", "401 this is not the write token; nothing was changed\n"),
        ] {
            let got = with(method, path, authorization);
            assert_eq!(got.line(), text, "{method} {path}");
            assert_eq!(got.header("www-authenticate"), "Bearer realm=\"pushgateway\"");
        }
        let got = with(method, path, "bearer t0ken");
        assert_eq!(got.status / 100, 2, "{method} {path}");
    }
    for path in ["/metrics", "/api/v1/metrics", "/", "/-/ready"] {
        assert_eq!(send(&server, &Method::GET, path, "").status, 200, "{path}");
    }
    let main = Request::builder().method(Method::PUT).uri("/metrics/job/x");
    assert_eq!(server.send(main.body(Full::from("m 1\n")).unwrap()).status, 401);
}

#[test]
fn the_configured_bound_of_a_body() {
    let limits = PushLimits { body_bytes: 8, ..PushLimits::default() };
    let push = PushConfig { limits, ..PushConfig::default() };
    let server = gateway(Config { push, ..Config::default() });
    check(&server, &Method::PUT, "/metrics/job/x", "m 12345\n", &expect!["200 "]);
    let over = expect!["413 request body over 8 bytes (push.body-bytes-max)"];
    check(&server, &Method::PUT, "/metrics/job/x", "m 123456\n", &over);
}

#[test]
fn pushes_are_added_where_that_is_allowed() {
    const COUNTER: &str = "# TYPE c counter\nc 2\n";
    let post = Method::POST;
    let off = gateway(Config::default());
    check(
        &off,
        &post,
        "/metrics/job/x?aggregate=sum",
        COUNTER,
        &expect![
            "400 aggregate=sum is off: start with --push.enable-aggregation, or pushgateway: {aggregation: true}"
        ],
    );
    let push = PushConfig { aggregation: true, ..PushConfig::default() };
    let on = gateway(Config { push, ..Config::default() });
    for method in [Method::POST, Method::PUT] {
        check(&on, &method, "/metrics/job/x?aggregate=sum", COUNTER, &expect!["200 "]);
    }
    check(&on, &post, "/metrics/job/x?aggregate=sum&gauges=max", "g 4\n", &expect!["200 "]);
    check(&on, &post, "/metrics/job/x?aggregate=sum&gauges=max", "g 3\n", &expect!["200 "]);
    let text = send(&on, &Method::GET, "/metrics", "");
    assert!(text.text().contains("c{instance=\"\",job=\"x\"} 4\n"));
    assert!(text.text().contains("g{instance=\"\",job=\"x\"} 4\n"));
    for (query, body, want) in [
        (
            "aggregate=sum",
            "g 3\n",
            expect![[
                r#"400 pushed metrics are invalid or inconsistent with existing metrics: "g" is UNTYPED, which has no natural sum: say gauges=sum, max, min or last"#
            ]],
        ),
        ("aggregate=avg", COUNTER, expect![[r#"400 aggregate="avg": only sum is known"#]]),
        (
            "aggregate=sum&gauges=avg",
            COUNTER,
            expect![[r#"400 gauges="avg": only sum, max, min and last are known"#]],
        ),
        ("gauges=max", COUNTER, expect!["400 gauges=… is only for aggregate=sum"]),
    ] {
        check(&on, &post, &format!("/metrics/job/x?{query}"), body, &want);
    }
    check(&on, &Method::PUT, "/metrics/job/x", COUNTER, &expect!["200 "]);
    let text = send(&on, &Method::GET, "/metrics", "");
    assert!(text.text().contains("c{instance=\"\",job=\"x\"} 2\n"));
}

#[test]
fn addresses_that_are_not_written_as_they_should_be() {
    let prefixed = Config { route_prefix: "/p".to_owned(), ..Config::default() };
    let server = gateway(prefixed);
    let check = |method: Method, path: &str, want: &Expect| {
        let got = send(&server, &method, path, "m 1\n");
        let answer = format!("{} {} {}", got.status, got.header("location"), got.text());
        want.assert_eq(answer.trim_end());
    };
    check(
        Method::GET,
        "/p/metrics/?a=1&b=2",
        &expect![[
            r#"301 /p/metrics?a=1&b=2 <a href="/p/metrics?a=1&amp;b=2">Moved Permanently</a>."#
        ]],
    );
    check(Method::PUT, "/p/metrics/job//?x=1", &expect!["301 /p/metrics/job/?x=1"]);
    check(Method::PUT, "/p/metrics/job/", &expect!["307 /p/metrics/job"]);
    check(Method::PUT, "/p/-/quit/", &expect!["307 /p/-/quit"]);
    check(Method::GET, "/p/metrics/job/", &expect!["404  404 page not found"]);
    check(Method::PUT, "/p/metrics/job/a/b/%2", &expect!["400  400 Bad Request"]);
    check(Method::PUT, "/p/metrics/job/a/b/%25", &expect!["200"]);
    let main = Request::builder().method(Method::PUT).uri("/p/metrics/job/a/b/%zz");
    assert_eq!(server.send(main.body(Full::from("m 1\n")).unwrap()).status, 400);
}
