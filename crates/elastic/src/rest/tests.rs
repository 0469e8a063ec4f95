//! What all routes have in common.

use expect_test::{Expect, expect};

use super::*;

fn ask(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let elastic = crate::testing::surface();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (identity, host) = (Identity::Elasticsearch, "localhost:9200");
    elastic.handle(&Request { method, path, query, headers, body: body.as_bytes(), identity, host })
}

#[expect(clippy::needless_pass_by_value, reason = "cases are written as values")]
fn check(method: Method, path: &str, want: Expect) {
    let response = ask(method, path, &[], "");
    want.assert_eq(&format!("{} {}", response.status, String::from_utf8_lossy(&response.body)));
}

#[test]
fn what_no_route_takes_has_an_error_of_the_usual_shape() {
    check(
        Method::Get,
        "/_nothing/of/the/kind/x",
        expect![[
            r#"400 {"error":"no handler found for uri [/_nothing/of/the/kind/x] and method [GET]","status":400}"#
        ]],
    );
    let response = ask(Method::Delete, "/", &[], "");
    assert_eq!((response.status, response.header("allow")), (405, "GET,HEAD"));
    expect![[
        r#"{"error":"Incorrect HTTP method for uri [/] and method [DELETE], allowed: [GET, HEAD]","status":405}"#
    ]]
    .assert_eq(&String::from_utf8_lossy(&response.body));
    assert!(ask(Method::Head, "/", &[], "").body.is_empty());
}

#[test]
fn unknown_parameters_are_named_with_what_may_be_meant() {
    check(
        Method::Get,
        "/?prety&x",
        expect![[
            r#"400 {"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"request [/] contains unrecognized parameters: [prety] -> did you mean [pretty]?, [x]"}],"type":"illegal_argument_exception","reason":"request [/] contains unrecognized parameters: [prety] -> did you mean [pretty]?, [x]"},"status":400}"#
        ]],
    );
    check(
        Method::Get,
        "/?pretty=maybe&filter_path=name",
        expect![[
            r#"400 {"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"Failed to parse value [maybe] as only [true] or [false] are allowed."}],"type":"illegal_argument_exception","reason":"Failed to parse value [maybe] as only [true] or [false] are allowed."},"status":400}"#
        ]],
    );
}

#[test]
fn answers_are_shaped_as_asked() {
    check(
        Method::Get,
        "/?filter_path=name,version.number",
        expect![[r#"200 {"name":"mangru","version":{"number":"8.19.0"}}"#]],
    );
    check(
        Method::Get,
        "/?filter_path=version.number&pretty",
        expect![[r#"
        200 {
          "version" : {
            "number" : "8.19.0"
          }
        }
    "#]],
    );
    let kind =
        |accept| ask(Method::Get, "/", &[("accept", accept)], "").header("content-type").to_owned();
    assert_eq!(kind("*/*"), "application/json");
    let vendor = "application/vnd.elasticsearch+json; compatible-with=8";
    assert_eq!(kind(vendor), vendor);
    assert_eq!(ask(Method::Get, "/", &[], "").header("x-elastic-product"), "Elasticsearch");
}

#[test]
fn parameters_are_bounded() {
    let query = |n: usize| (0..n).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
    assert!(Params::of_query(&query(params::PARAMS_MAX)).is_ok());
    assert!(Params::of_query(&query(params::PARAMS_MAX + 1)).is_err());
}

#[test]
fn lines_end_with_or_without_carriage_returns() {
    let lines = |body: &str| -> Vec<String> {
        lines_of(body.as_bytes()).map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    };
    assert_eq!(lines("a\r\nb\n"), ["a", "b"]);
    assert_eq!(lines("a\n\n"), ["a", ""]);
}
