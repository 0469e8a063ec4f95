//! Marks in texts.

use expect_test::{Expect, expect};
use serde_json::json;

use super::highlight::{Fragmenter, HighlightOptions, Highlighter};
use super::tests::Index;
use crate::query::Query;

fn check(query: &str, field: &str, text: &str, options: &HighlightOptions, want: &Expect) {
    let mapping = json!({"properties": {
        "t": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}, "k": {"type": "keyword"}
    }});
    let index = Index::new(&mapping, &[]);
    let query: Query = query.parse().unwrap();
    let highlighter = Highlighter::bind(&index.targets[0], &query, &index.limits).unwrap();
    want.assert_eq(&highlighter.fragments(field, &[text], options).join(" | "));
}

#[test]
fn what_matched_is_marked() {
    let usual = HighlightOptions::default();
    let text = "Connection refused by db-1: connection reset. Nothing here. Refused again!";
    let t = |query: &str, want: Expect| check(query, "t", text, &usual, &want);
    t(
        "match(field: t, query: \"REFUSED\")",
        expect!["Connection <em>refused</em> by db-1: connection reset. | <em>Refused</em> again!"],
    );
    t(
        "match_phrase(field: t, query: \"connection refused\")",
        expect!["<em>Connection refused</em> by db-1: connection reset."],
    );
    t(
        "match_phrase(field: t, query: \"refused connection\", slop: 4)",
        expect!["<em>Connection</em> <em>refused</em> by db-1: <em>connection</em> reset."],
    );
    t("match_phrase_prefix(field: t, query: \"refused ag\")", expect!["<em>Refused again</em>!"]);
    t(
        "wildcard(field: t, value: \"re*t\")",
        expect!["Connection refused by db-1: connection <em>reset</em>."],
    );
    t(
        "bool(must: [prefix(field: t, value: conn)], must_not: [match(field: t, query: again)])",
        expect!["<em>Connection</em> refused by db-1: <em>connection</em> reset."],
    );
    t(
        "query_string(query: \"t:here OR db\")",
        expect!["Connection refused by <em>db</em>-1: connection reset. | Nothing <em>here</em>."],
    );
    t("match(field: k, query: again)", expect![[""]]);
    t("match_all()", expect![[""]]);
}

#[test]
fn fragments_and_fields() {
    let text = "one two three four five six seven eight nine ten one";
    let query = "match(field: t, query: \"one seven\")";
    let usual = HighlightOptions::default;
    let check_options =
        |options: HighlightOptions, want: Expect| check(query, "t", text, &options, &want);
    check_options(
        HighlightOptions { fragment_size: 18, ..usual() },
        expect![
            "<em>one</em> two three four | five six <em>seven</em> | eight nine ten <em>one</em>"
        ],
    );
    check_options(
        HighlightOptions { fragment_size: 18, fragments: 1, ..usual() },
        expect!["<em>one</em> two three four"],
    );
    check_options(
        HighlightOptions { fragments: 0, pre_tag: "[".into(), post_tag: "]".into(), ..usual() },
        expect!["[one] two three four five six [seven] eight nine ten [one]"],
    );
    check_options(
        HighlightOptions { fragmenter: Fragmenter::Sizes, fragment_size: 20, ..usual() },
        expect![
            "<em>one</em> two three four | five six <em>seven</em> eight | nine ten <em>one</em>"
        ],
    );
    let none = HighlightOptions { no_match_size: 9, ..usual() };
    check("match(field: t, query: none)", "t", text, &none, &expect!["one two"]);
    let any = HighlightOptions { require_field_match: false, ..usual() };
    check(
        "term(field: k, value: \"one two\")",
        "k",
        "one two",
        &usual(),
        &expect!["<em>one two</em>"],
    );
    check("match(field: t, query: two)", "k", "one two", &usual(), &expect![[""]]);
    check("match(field: t, query: two)", "k", "one two", &any, &expect!["one <em>two</em>"]);
    check(
        "wildcard(field: k, value: \"*two\")",
        "k",
        "one two",
        &usual(),
        &expect!["<em>one two</em>"],
    );
    check(
        "match(field: t, query: 로그인에)",
        "t",
        "로그인에 실패했습니다",
        &usual(),
        &expect!["<em>로그인에</em> 실패했습니다"],
    );
}
