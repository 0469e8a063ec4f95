//! Accepted and refused texts; error texts and their places.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::ast::ValueType;

const ALL: ParserOptions = ParserOptions {
    experimental_functions: true,
    duration_expressions: true,
    extended_range_selectors: true,
    fill_modifiers: true,
};
const NONE: ParserOptions = ParserOptions {
    experimental_functions: false,
    duration_expressions: false,
    extended_range_selectors: false,
    fill_modifiers: false,
};

/// Each text with its error, a line each.
fn errors(options: &ParserOptions, texts: &[&str]) -> String {
    let line = |text: &&str| match parse(text, options) {
        Ok(_) => format!("{text} => accepted\n"),
        Err(error) => format!("{text} => {error}\n"),
    };
    texts.iter().map(line).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "so that cases read as lists")]
fn check(texts: &[&str], want: Expect) {
    want.assert_eq(&errors(&ALL, texts));
}

#[test]
fn types_of_results() {
    for (text, want) in [
        ("1 + 2", ValueType::Scalar),
        ("1 + up", ValueType::Vector),
        ("-(up)", ValueType::Vector),
        ("up[5m]", ValueType::Matrix),
        ("up[5m:]", ValueType::Matrix),
        ("'x'", ValueType::String),
        ("scalar(up)", ValueType::Scalar),
        ("count(up)", ValueType::Vector),
    ] {
        let found = parse(text, &ALL).map(|e| e.value_type());
        assert_eq!(found, Ok(want), "{text}");
    }
}

#[test]
fn precedence_and_places() {
    let expr = parse("a  or b and\n c + d * -e ^ f", &ALL).unwrap();
    let ExprKind::Binary(or) = &expr.kind else { panic!("{expr:?}") };
    assert_eq!((or.op, or.rhs.span.start), (crate::ast::BinaryOp::Or, 6));
    let ExprKind::Binary(and) = &or.rhs.kind else { panic!("{expr:?}") };
    assert_eq!(and.rhs.to_string(), "c + d * -e ^ f");
    assert_eq!(&expr.span, &Span { start: 0, end: 27 });
    let expr = parse("sum(rate(x[5m])) by (y) # why\n", &ALL).unwrap();
    assert_eq!(expr.span, Span { start: 0, end: 23 });
    let ExprKind::Aggregate(sum) = &expr.kind else { panic!("{expr:?}") };
    assert_eq!(sum.expr.span, Span { start: 4, end: 15 });
}

#[test]
fn words_are_names_too() {
    for text in [
        "sum",
        "offset offset 5m",
        "by + without",
        "and and and",
        "start",
        "step[5m]",
        "fill * fill",
        "min_of{by='x'}",
        "sum by (on, ignoring, bool, offset, atan2, fill, count) (x)",
        "anchored smoothed",
        "END()",
    ] {
        let found = parse(text, &ALL);
        assert_eq!(found.is_ok(), text != "END()", "{text}: {found:?}");
    }
    assert!(parse("bool", &ALL).is_err() && parse("atan2", &ALL).is_err());
}

const CHARACTERS: &[&str] = &[
    "",
    " # nothing",
    "up{",
    "up}",
    "up)",
    "(up",
    "up[5m",
    "up[",
    "up[5m[",
    "up[\"5m\"]",
    "up[5m\"]",
    "up[:5m]",
    "up[5m::]",
    "up[5m:x]",
    "a:b{c:d=\"e\"}",
    "up{a!x}",
    "up !x",
    "up =~ 1",
    "up & 1",
    "\"a",
    "`a",
    "\"\\z\"",
    "\"\\x4",
    "\"\\xg0\"",
    "\"\\ud800\"",
    "\"\\xff\"",
    "\"\u{fffd}\"",
    "1__0",
    "5xy",
    "1.5.2",
    "\n  up{é}",
];

#[test]
fn characters_that_do_not_belong() {
    check(
        CHARACTERS,
        expect![[r#"
         => unknown position: parse error: no expression found in input
         # nothing => 1:1: parse error: no expression found in input
        up{ => 1:4: parse error: unexpected end of input inside braces
        up} => 1:3: parse error: unexpected character: '}'
        up) => 1:4: parse error: unexpected right parenthesis ')'
        (up => 1:4: parse error: unclosed left parenthesis
        up[5m => 1:6: parse error: unclosed left bracket
        up[ => 1:4: parse error: unexpected end of input in duration expression
        up[5m[ => 1:6: parse error: unexpected left bracket '['
        up["5m"] => 1:4: parse error: unexpected character in duration expression: '"'
        up[5m"] => 1:6: parse error: unterminated quoted string
        up[:5m] => 1:5: parse error: unexpected colon before duration in duration expression
        up[5m::] => 1:7: parse error: unexpected colon ':'
        up[5m:x] => 1:7: parse error: unexpected character: 'x', expected ':'
        a:b{c:d="e"} => 1:6: parse error: unexpected character inside braces: ':'
        up{a!x} => 1:5: parse error: unexpected character after '!' inside braces: 'x'
        up !x => 1:4: parse error: unexpected character after '!': 'x'
        up =~ 1 => 1:4: parse error: unexpected character after '=': '~'
        up & 1 => 1:4: parse error: unexpected character: '&'
        "a => 1:1: parse error: unterminated quoted string
        `a => 1:1: parse error: unterminated raw string
        "\z" => 1:1: parse error: unknown escape sequence U+007A 'z'
        "\x4 => 1:1: parse error: escape sequence not terminated
        "\xg0" => 1:1: parse error: illegal character U+0067 'g' in escape sequence
        "\ud800" => 1:1: parse error: escape sequence is an invalid Unicode code point
        "\xff" => 1:1: parse error: error unquoting string "\"\\xff\"": not UTF-8
        "�" => 1:1: parse error: invalid UTF-8 rune
        1__0 => 1:1: parse error: bad number or duration syntax: "1__"
        5xy => 1:1: parse error: bad number or duration syntax: "5"
        1.5.2 => 1:1: parse error: bad number or duration syntax: "1.5."

          up{é} => 2:6: parse error: unexpected character inside braces: 'é'
    "#]],
    );
}

const TOKENS: &[&str] = &[
    "up down",
    "up \"a rather long text\"",
    "up 5",
    "up = 1",
    "up +",
    "* 1",
    "sum(up down)",
    "sum(up) down",
    "sum by (x) up",
    "sum(up) by x",
    "sum(up) by (1)",
    "sum(up) by (x y)",
    "sum by (x)(up) without (y)",
    "a + group_left b",
    "a + on(x) group_left (b",
    "rate(up,)",
    "rate(,)",
    "rate(up",
    "up{a}",
    "up{a=b}",
    "up{a=\"b\" c}",
    "up{,}",
    "up{\"a\" \"b\"}",
    "up{a==\"b\"}",
    "up[]",
    "up[5m 1]",
    "up[(5m]",
    "up[5m:1m 1]",
    "up[5m:+]",
    "up[step]",
    "up offset",
    "up offset x",
    "up offset min_of(1)",
    "up @",
    "up @ start",
    "up @ -x",
    "a * fill(x) b",
];

#[test]
fn tokens_that_do_not_belong() {
    check(
        TOKENS,
        expect![[r#"
        up down => 1:4: parse error: unexpected identifier "down"
        up "a rather long text" => 1:4: parse error: unexpected string "\"a rather "...
        up 5 => 1:4: parse error: unexpected number "5"
        up = 1 => 1:4: parse error: unexpected "="
        up + => 1:5: parse error: unexpected end of input
        * 1 => 1:1: parse error: unexpected <op:*>
        sum(up down) => 1:8: parse error: unexpected identifier "down" in aggregation
        sum(up) down => 1:9: parse error: unexpected identifier "down"
        sum by (x) up => 1:12: parse error: unexpected identifier "up" in aggregation
        sum(up) by x => 1:12: parse error: unexpected identifier "x" in grouping opts, expected "("
        sum(up) by (1) => 1:13: parse error: unexpected number "1" in grouping opts, expected label
        sum(up) by (x y) => 1:15: parse error: unexpected identifier "y" in grouping opts, expected "," or ")"
        sum by (x)(up) without (y) => 1:16: parse error: unexpected <without>
        a + group_left b => 1:5: parse error: unexpected <group_left>
        a + on(x) group_left (b => 1:24: parse error: unclosed left parenthesis
        rate(up,) => 1:8: parse error: trailing commas not allowed in function call args
        rate(,) => 1:6: parse error: unexpected ","
        rate(up => 1:8: parse error: unclosed left parenthesis
        up{a} => 1:5: parse error: unexpected "}" in label matching, expected label matching operator
        up{a=b} => 1:6: parse error: unexpected identifier "b" in label matching, expected string
        up{a="b" c} => 1:10: parse error: unexpected identifier "c" in label matching, expected "," or "}"
        up{,} => 1:4: parse error: unexpected "," in label matching, expected identifier or "}"
        up{"a" "b"} => 1:8: parse error: unexpected string "\"b\"" in label matching, expected "," or "}"
        up{a=="b"} => 1:6: parse error: unexpected "=" in label matching, expected string
        up[] => 1:4: parse error: unexpected "]" in subquery or range selector, expected number, duration, step(), or range()
        up[5m 1] => 1:7: parse error: unexpected number "1" in subquery or range, expected ":" or "]"
        up[(5m] => 1:7: parse error: unexpected "]" in subquery or range selector, expected number, duration, step(), or range()
        up[5m:1m 1] => 1:10: parse error: unexpected number "1" in subquery selector, expected "]"
        up[5m:+] => 1:8: parse error: unexpected "]" in subquery selector, expected number, duration, step(), range(), or "]"
        up[step] => 1:8: parse error: unexpected "]" in subquery or range selector, expected number, duration, step(), or range()
        up offset => 1:10: parse error: unexpected end of input in offset, expected number, duration, step(), or range()
        up offset x => 1:11: parse error: unexpected identifier "x" in offset, expected number, duration, step(), or range()
        up offset min_of(1) => 1:19: parse error: unexpected ")" in offset, expected number, duration, step(), or range()
        up @ => 1:5: parse error: unexpected end of input in @, expected timestamp
        up @ start => 1:11: parse error: unexpected end of input in @, expected timestamp
        up @ -x => 1:7: parse error: unexpected identifier "x" in @, expected timestamp
        a * fill(x) b => 1:10: parse error: unexpected identifier "x"
    "#]],
    );
}

const MEANINGS: &[&str] = &[
    "{}",
    "{a=\"\"}",
    "{a=~\".*\"}",
    "{a=~\"(\"}",
    "up{__name__=\"down\"}",
    "rate(up)",
    "abs(1)",
    "abs(up, up)",
    "round()",
    "round(up, 1, 2)",
    "label_join(up, 'a')",
    "foo(1)",
    "Rate(up[5m])",
    "info(up, {__name__=\"x\"}, 1)",
    "info(up, x)",
    "info(up, sum(x))",
    "info(up, 1)",
    "sum()",
    "sum(1)",
    "sum(up, up)",
    "topk(up)",
    "topk(up, up)",
    "count_values(1, up)",
    "sum by (\"\") (up)",
    "1 == 2",
    "up + bool up",
    "up[5m] + 1",
    "1 and up",
    "1 + on(x) up",
    "1 * fill(0) up",
    "a and fill(0) b",
    "a or on(x) group_left b",
    "a * on(x) group_left(x) b",
    "-'a'",
    "-up[5m]",
];

#[test]
fn meanings_that_do_not_fit() {
    check(
        MEANINGS,
        expect![[r#"
            {} => 1:1: parse error: vector selector must contain at least one non-empty matcher
            {a=""} => 1:1: parse error: vector selector must contain at least one non-empty matcher
            {a=~".*"} => 1:1: parse error: vector selector must contain at least one non-empty matcher
            {a=~"("} => 1:2: parse error: error parsing regexp: missing closing ): `(`
            up{__name__="down"} => 1:1: parse error: metric name must not be set twice: "up" or "down"
            rate(up) => 1:6: parse error: expected type range vector in call to function "rate", got instant vector
            abs(1) => 1:5: parse error: expected type instant vector in call to function "abs", got scalar
            abs(up, up) => 1:1: parse error: expected 1 argument(s) in call to "abs", got 2
            round() => 1:1: parse error: expected at least 1 argument(s) in call to "round", got 0
            round(up, 1, 2) => 1:1: parse error: expected at most 2 argument(s) in call to "round", got 3
            label_join(up, 'a') => 1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 2
            foo(1) => 1:1: parse error: unknown function with name "foo"
            Rate(up[5m]) => 1:1: parse error: unknown function with name "Rate"
            info(up, {__name__="x"}, 1) => 1:1: parse error: expected at most 2 argument(s) in call to "info", got 3
            info(up, x) => 1:10: parse error: expected label selectors only, got vector selector instead
            info(up, sum(x)) => 1:10: parse error: expected label selectors only
            info(up, 1) => 1:1: parse error: expected type instant vector in call to function "info", got scalar
            sum() => 1:1: parse error: no arguments for aggregate expression provided
            sum(1) => 1:5: parse error: expected type instant vector in aggregation expression, got scalar
            sum(up, up) => 1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, got 2
            topk(up) => 1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1
            topk(up, up) => 1:6: parse error: expected type scalar in aggregation parameter, got instant vector
            count_values(1, up) => 1:14: parse error: expected type string in aggregation parameter, got scalar
            sum by ("") (up) => 1:9: parse error: invalid label name for grouping: ""
            1 == 2 => 1:3: parse error: comparisons between scalars must use BOOL modifier
            up + bool up => 1:4: parse error: bool modifier can only be used on comparison operators
            up[5m] + 1 => 1:1: parse error: binary expression must contain only scalar and instant vector types
            1 and up => 1:1: parse error: set operator "and" not allowed in binary scalar expression
            1 + on(x) up => 1:1: parse error: vector matching only allowed between instant vectors
            1 * fill(0) up => 1:1: parse error: filling in missing series only allowed between instant vectors
            a and fill(0) b => 1:1: parse error: filling in missing series not allowed for set operators
            a or on(x) group_left b => 1:1: parse error: no grouping allowed for "or" operation
            a * on(x) group_left(x) b => 1:3: parse error: label "x" must not occur in ON and GROUP clause at once
            -'a' => 1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "string"
            -up[5m] => 1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got "range vector"
        "#]],
    );
}

#[test]
fn times_that_do_not_fit() {
    let texts = [
        "(up[5m])[5m]",
        "up[5m][5m]",
        "up[5m:][5m]",
        "up[5m][5m:]",
        "up offset 1m [5m]",
        "up @ 1 [5m]",
        "up offset 1m offset 1m",
        "up @ 1 @ 1",
        "1 offset 1m",
        "sum(up) @ 1",
        "up @ Inf",
        "up @ -1e300",
        "up[0]",
        "up[-5m]",
        "up[5m:0s]",
        "up[5m/0]",
        "up[5m%0]",
        "up offset 300y",
        "up offset 1e11",
        "up offset NaN",
        "5hs",
        "1e400",
        "up anchored smoothed",
        "up[5m:] anchored",
        "1 smoothed",
    ];
    check(
        &texts,
        expect![[r#"
        (up[5m])[5m] => 1:9: parse error: ranges only allowed for vector selectors
        up[5m][5m] => 1:7: parse error: ranges only allowed for vector selectors
        up[5m:][5m] => 1:8: parse error: ranges only allowed for vector selectors
        up[5m][5m:] => 1:1: parse error: subquery is only allowed on instant vector, got matrix instead
        up offset 1m [5m] => 1:14: parse error: no offset modifiers allowed before range
        up @ 1 [5m] => 1:8: parse error: no @ modifiers allowed before range
        up offset 1m offset 1m => 1:1: parse error: offset may not be set multiple times
        up @ 1 @ 1 => 1:1: parse error: @ <timestamp> may not be set multiple times
        1 offset 1m => 1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery
        sum(up) @ 1 => 1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery
        up @ Inf => 1:1: parse error: timestamp out of bounds for @ modifier: +Inf
        up @ -1e300 => 1:1: parse error: timestamp out of bounds for @ modifier: -1000000000000000052504760255204420248704468581108159154915854115511802457988908195786371375080447864043704443832883878176942523235360430575644792184786706982848387200926575803737830233794788090059368953234970799945081119038967640880074652742780142494579258788820056842838115669472196386865459400540160.000000
        up[0] => 1:4: parse error: duration must be greater than 0
        up[-5m] => 1:4: parse error: duration must be greater than 0
        up[5m:0s] => 1:7: parse error: duration must be greater than 0
        up[5m/0] => 1:6: parse error: division by zero
        up[5m%0] => 1:6: parse error: modulo by zero
        up offset 300y => 1:11: parse error: duration out of range
        up offset 1e11 => 1:11: parse error: duration out of range
        up offset NaN => 1:11: parse error: duration out of range
        5hs => 1:1: parse error: unknown unit "hs" in duration "5hs"
        1e400 => 1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e400": value out of range
        up anchored smoothed => 1:1: parse error: anchored and smoothed modifiers cannot be used together
        up[5m:] anchored => 1:1: parse error: anchored modifier is not supported for subqueries
        1 smoothed => 1:1: parse error: smoothed modifier not implemented
    "#]],
    );
}

#[test]
fn experimental_parts_need_their_option() {
    let texts = [
        "mad_over_time(up[5m])",
        "start()",
        "limitk(1, up)",
        "up[5m + 1]",
        "up[step()]",
        "up offset (5m)",
        "up offset -step()",
        "up anchored",
        "up[5m] smoothed",
        "a * fill(1) b",
    ];
    expect![[r#"
        mad_over_time(up[5m]) => 1:1: parse error: function "mad_over_time" is not enabled
        start() => 1:1: parse error: function "start" is not enabled
        limitk(1, up) => 1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions
        up[5m + 1] => 1:4: parse error: experimental duration expression is not enabled
        up[step()] => 1:4: parse error: experimental duration expression is not enabled
        up offset (5m) => 1:12: parse error: experimental duration expression is not enabled
        up offset -step() => 1:12: parse error: experimental duration expression is not enabled
        up anchored => 1:1: parse error: anchored modifier is experimental and not enabled
        up[5m] smoothed => 1:1: parse error: smoothed modifier is experimental and not enabled
        a * fill(1) b => 1:1: parse error: binop fill modifiers are experimental and not enabled
    "#]].assert_eq(&errors(&NONE, &texts));
    for text in texts {
        assert!(parse(text, &ALL).is_ok(), "{text}");
    }
    let by_default = ParserOptions { duration_expressions: true, ..NONE };
    assert_eq!(ParserOptions::default(), by_default);
}

#[test]
fn selectors_of_match_parameters() {
    let show = |text| match parse_metric_selector(text) {
        Ok(matchers) => format!("{}", matchers.len()),
        Err(error) => error.to_string(),
    };
    for (text, want) in [
        ("up", "1"),
        ("{}", "0"),
        ("up{a=\"b\",__name__!=\"c\"}", "3"),
        ("{\"a b\"}", "1"),
        ("", "unknown position: parse error: unexpected end of input"),
        ("up[5m]", "1:3: parse error: unexpected \"[\""),
        ("1", "1:1: parse error: unexpected number \"1\""),
        ("sum(up)", "1:4: parse error: unexpected \"(\""),
        ("{a=\"b\"", "1:7: parse error: unexpected end of input inside braces"),
    ] {
        assert_eq!(show(text), want, "{text}");
    }
}

const TOO_DEEP: &str = "expression is nested deeper than the limit of 500";

#[test]
fn depth_is_bounded() {
    let nest = |open: &str, close: &str, n: usize| {
        parse(&format!("{}up{}", open.repeat(n), close.repeat(n)), &ALL)
    };
    for (open, close) in [("(", ")"), ("-", ""), ("", " + up"), ("abs(", ")"), ("sum(", ")")] {
        let accepted = nest(open, close, DEPTH_MAX - 1).map(|tree| tree.to_string());
        assert!(accepted.is_ok(), "{open}{close}: {accepted:?}");
        assert_eq!(nest(open, close, DEPTH_MAX).unwrap_err().message, TOO_DEEP);
        let n = QUERY_BYTES_MAX / (open.len() + close.len()) - 5;
        assert_eq!(nest(open, close, n).unwrap_err().message, TOO_DEEP, "{open}{close}");
    }
    assert_eq!(nest("", "[5m:]", DEPTH_MAX).unwrap_err().message, TOO_DEEP);
    let ranges = [("(", ")"), ("--", ""), ("", " + 1"), ("1 ^ ", ""), ("max_of(1, ", ")")];
    for (open, close) in ranges {
        let n = QUERY_BYTES_MAX / (open.len() + close.len()) - 5;
        let text = format!("up[{}1{}]", open.repeat(n), close.repeat(n));
        assert_eq!(parse(&text, &ALL).unwrap_err().message, TOO_DEEP, "{open}{close}");
    }
}

#[test]
fn length_is_bounded() {
    let text = format!("up{}", " ".repeat(QUERY_BYTES_MAX - 2));
    assert!(parse(&text, &ALL).is_ok());
    let refused = parse(&format!("{text} "), &ALL).unwrap_err().to_string();
    let want = "1:1: parse error: query has 262145 bytes, more than the limit of 262144";
    assert_eq!(refused, want);
    assert!(parse_metric_selector(&format!("{text} ")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_panics(text in r#"[a-z0-9_:{}()\[\]"'`,.+\-*/%^=!~<>@# \\é\n]{0,40}"#) {
        if let Ok(expr) = parse(&text, &ALL) {
            prop_assert!(parse(&expr.to_string(), &ALL).is_ok());
        }
        let selector = parse_metric_selector(&text);
        prop_assert!(selector.map_or_else(|e| e.position <= text.len(), |_| true));
    }
}

#[test]
fn matchers_and_their_patterns_are_bounded() {
    let selector = |n: usize, matcher: &str| format!("{{{}}}", vec![matcher; n].join(","));
    let query = |n| parse(&selector(n, "a=\"b\""), &ParserOptions::default());
    assert!(query(MATCHERS_MAX).is_ok());
    let want = "1:60002: parse error: there are more matchers than the limit of 10000";
    assert_eq!(query(MATCHERS_MAX + 1).unwrap_err().to_string(), want);

    let matcher = "a=~\".{1000}\"";
    let one = parse_metric_selector(&selector(1, matcher)).unwrap()[0].program_bytes();
    let most = PATTERNS_BYTES_MAX / one;
    let (all, last) = (selector(most, matcher), selector(1, matcher));
    // The place of the error shows that the limit itself is allowed.
    let error = parse(&format!("{all} + {last}"), &ParserOptions::default()).unwrap_err();
    let refused = "patterns take more memory than the limit of 33554432 bytes";
    assert_eq!((&*error.message, error.position), (refused, all.len() + 4));
    let error = parse_metric_selectors([&*all, &*last]).unwrap_err();
    assert_eq!((&*error.message, error.position), (refused, 1));
}
