//! Accepted and refused texts.

use super::*;

#[test]
fn reads_something() {
    let expr = parse(
        "sum by (job) (rate(http_requests_total{code!=\"200\"}[5m])) / 2",
        &ParserOptions::default(),
    );
    assert!(expr.is_ok(), "{expr:?}");
}
