//! Canonical forms, and that what is printed reads back.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::ast::{Expr, ExprKind};
use crate::parse::{ParserOptions, parse};

const ALL: ParserOptions = ParserOptions {
    experimental_functions: true,
    duration_expressions: true,
    extended_range_selectors: true,
    fill_modifiers: true,
};

fn read(text: &str) -> Expr {
    parse(text, &ALL).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The tree without places, with conditions in order: equal for equal meanings.
fn shape(expr: &Expr) -> String {
    let children: Vec<_> = expr.children().into_iter().map(shape).collect();
    let mut own = expr.clone();
    if let ExprKind::Vector(s) | ExprKind::Matrix(s, _) = &mut own.kind {
        s.matchers.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
    }
    let own = match own.kind {
        ExprKind::Subquery(s) => format!("{:?} {:?} {:?} {:?}", s.range, s.step, s.offset, s.at),
        ExprKind::Paren(_) => "()".to_owned(),
        ExprKind::Unary(op, _) => format!("{op:?}"),
        ExprKind::Binary(b) => format!("{:?} {} {:?}", b.op, b.return_bool, b.matching),
        ExprKind::Aggregate(a) => format!("{:?} {:?} {}", a.op, a.grouping, a.without),
        ExprKind::Call(call) => call.func.name.to_owned(),
        leaf @ (ExprKind::Number(..)
        | ExprKind::String(_)
        | ExprKind::Vector(_)
        | ExprKind::Matrix(..)) => format!("{leaf:?}"),
    };
    format!("{own}({})", children.join(","))
}

#[expect(clippy::needless_pass_by_value, reason = "so that cases read as lists")]
fn check(text: &str, want: Expect) {
    let tree = read(text);
    let printed = tree.to_string();
    let again = read(&printed);
    assert_eq!(shape(&again), shape(&tree), "{text} printed as {printed}");
    assert_eq!(shape(&read(&tree.pretty())), shape(&tree), "{}", tree.pretty());
    want.assert_eq(&printed);
}

#[test]
fn literals() {
    check("1e3", expect!["1000"]);
    check("- 0x1F", expect!["-31"]);
    check("+Inf - NaN", expect!["+Inf - NaN"]);
    check("Inf ^ 2", expect!["Inf ^ 2"]);
    check("-1 ^ 2", expect!["-1 ^ 2"]);
    check("1h30m", expect!["1h30m"]);
    check("-90s", expect!["-1m30s"]);
    check("1e-7", expect!["0.0000001"]);
    check(r#"'it\'s "here"'"#, expect![[r#""it's \"here\"""#]]);
    check(r"`a\b`", expect![[r#""a\\b""#]]);
    check("\"\\u00e9\\a\\x7f\u{200b}\"", expect![[r#""é\a\x7f\u200b""#]]);
}

#[test]
fn selectors() {
    check(r#"up { b = "1" , a!="2", }"#, expect![[r#"up{a!="2",b="1"}"#]]);
    check(r#"{"my.metric", "l.1"=~"x"}"#, expect![[r#"{"l.1"=~"x",__name__="my.metric"}"#]]);
    check(r#"{__name__="up"}"#, expect![[r#"{__name__="up"}"#]]);
    check("a:b:c", expect!["a:b:c"]);
    check("sum[5m]", expect!["sum[5m]"]);
    check("x[300]", expect!["x[5m]"]);
    check("x[0.0004]", expect!["x[0.0001]"]);
    check("x offset -1w @ 1.5", expect!["x @ 1.500 offset -1w"]);
    check("x offset 0s", expect!["x"]);
    check("x[5m] @ start() offset 1h30m", expect!["x[5m] @ start() offset 1h30m"]);
    check("x anchored [5m] offset 1s", expect!["x[5m] anchored offset 1s"]);
    check("x smoothed @ end() offset 1s", expect!["x @ end() smoothed offset 1s"]);
    check("x[1h:] offset 1d @ -3", expect!["x[1h:] @ -3.000 offset 1d"]);
    check("rate(x[1m])[1h:30]", expect!["rate(x[1m])[1h:30s]"]);
}

#[test]
fn duration_expressions() {
    check("x[5m*2]", expect!["x[5m * 2]"]);
    check("x[-2^2+(step())]", expect!["x[-2 ^ 2 + (step())]"]);
    check("x[((5))]", expect!["x[(5)]"]);
    check(
        "x[max_of(range(), 1m):min_of(5,step())]",
        expect![["x[max_of(range(), 1m):min_of(5, step())]"]],
    );
    check("x offset (5m) * 2", expect!["x offset (5m) * 2"]);
    check("x offset 5m * 2", expect!["x offset 5m * 2"]);
    check("x offset -(5m + 1)", expect!["x offset -(5m + 1)"]);
    check("x offset - -5m * 2", expect!["x offset (5m * 2)"]);
    check("x offset --step()", expect!["x offset --step()"]);
    check("x offset +step() + 1", expect!["x offset step() + 1"]);
}

#[test]
fn operations() {
    check("a+b*-c^d", expect!["a + b * -c ^ d"]);
    check("a and on () b", expect!["a and on () b"]);
    check("a - ignoring() group_left b", expect!["a - ignoring () group_left () b"]);
    check(
        "a == bool on(x, `y z`) group_right(z) b",
        expect![[r#"a == bool on (x, "y z") group_right (z) b"#]],
    );
    check("a * fill(1e6) b", expect!["a * fill (1e+06) b"]);
    check("a * fill_left(1) fill_right(-Inf) b", expect!["a * fill_left (1) fill_right (-Inf) b"]);
    check("a </ 5 >/ 2", expect!["a </ 5 >/ 2"]);
    check("1 == bool on() 2", expect!["1 == bool 2"]);
    check("SUM(a) BY (job)", expect!["sum by (job) (a)"]);
    check(r#"sum without ("without", by) (a)"#, expect![[r#"sum without ("without", by) (a)"#]]);
    check("sum by () (a)", expect!["sum(a)"]);
    check("topk by(x)(5,a)", expect!["topk by (x) (5, a)"]);
    check("limit_ratio(-0.5, a)", expect!["limit_ratio(-0.5, a)"]);
    check(
        "label_replace(up,'a','$1','b','(.*)')",
        expect![[r#"label_replace(up, "a", "$1", "b", "(.*)")"#]],
    );
    check("info(a, {})", expect!["info(a, {})"]);
    check("- (a) + time()", expect!["-(a) + time()"]);
}

#[test]
fn long_lines_are_broken() {
    let long = "a_rather_long_metric_name{with=\"a label\"}";
    check(
        &format!("sum by (x) (rate({long}[5m]) / on (y) group_left () rate({long}[5m]))"),
        expect![[
            r#"sum by (x) (rate(a_rather_long_metric_name{with="a label"}[5m]) / on (y) group_left () rate(a_rather_long_metric_name{with="a label"}[5m]))"#
        ]],
    );
    let pretty = |text: String, want: Expect| want.assert_eq(&read(&text).pretty());
    pretty(
        format!("sum by (x) (rate({long}[5m]) / on (y) rate({long}[5m]))"),
        expect![[r#"
        sum by (x) (
            rate(a_rather_long_metric_name{with="a label"}[5m])
          / on (y)
            rate(a_rather_long_metric_name{with="a label"}[5m])
        )"#]],
    );
    pretty(
        format!("-topk(5, ({long} or {long} or {long}))"),
        expect![[r#"
            -topk(
              5,
              (
                  a_rather_long_metric_name{with="a label"} or a_rather_long_metric_name{with="a label"}
                or
                  a_rather_long_metric_name{with="a label"}
              )
            )"#]],
    );
    pretty(
        format!("max_over_time(clamp({long}, 0.001, 1000000000000)[1h:5m])"),
        expect![[r#"
        max_over_time(clamp(a_rather_long_metric_name{with="a label"}, 0.001, 1000000000000)[1h:5m])"#]],
    );
    pretty("up".to_owned(), expect!["up"]);
}

/// Pieces from which queries are made.
fn query() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("up".to_owned()),
        Just("{\"a b\", c!~\"d\"}".to_owned()),
        Just("foo{a=\"b\"} offset -5m @ end()".to_owned()),
        Just("x offset (5m + 2)".to_owned()),
        Just("rate(x[step() * 2])".to_owned()),
        (0_u32..5000).prop_map(|n| format!("vector({n}.5)")),
    ];
    leaf.prop_recursive(6, 40, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), 0_usize..8).prop_map(|(a, b, op)| {
                let ops = ["+", "^", "and", "or", "== bool", "* on (x) group_left ()", "%", ">/"];
                format!("{a} {} {b}", ops[op])
            }),
            inner.clone().prop_map(|e| format!("-{e}")),
            inner.clone().prop_map(|e| format!("({e})")),
            inner.clone().prop_map(|e| format!("sum by (job) ({e})")),
            inner.clone().prop_map(|e| format!("quantile(0.9, {e})")),
            inner.prop_map(|e| format!("last_over_time(({e})[1h:] offset 2m)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_printed_reads_back(text in query()) {
        let Ok(tree) = parse(&text, &ALL) else { return Ok(()) };
        let printed = tree.to_string();
        prop_assert_eq!(shape(&read(&printed)), shape(&tree), "{}", printed);
        prop_assert_eq!(shape(&read(&tree.pretty())), shape(&tree), "{}", tree.pretty());
        prop_assert_eq!(read(&printed).to_string(), printed);
    }
}
