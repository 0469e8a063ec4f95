//! Words that analyzers make, as Elasticsearch's do.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

/// Each word with its bytes and place.
fn print(tokens: &[Token]) -> String {
    let one = |token: &Token| {
        let Token { text, start, end, position, .. } = token;
        format!("{text}[{start}-{end}]@{position}")
    };
    tokens.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn named(name: &str, text: &str, want: &Expect) {
    want.assert_eq(&print(&Analyzer::named(name).unwrap().tokens(text)));
}

fn described(request: &Value, text: &str, want: &Expect) {
    let analyzer = Analysis::default().described(request.as_object().unwrap()).unwrap();
    want.assert_eq(&print(&analyzer.tokens(text)));
}

#[test]
fn analyzers_by_name() {
    let text = "The 2 QUICK Brown-Foxes jumped over o'neill's dog's bone.";
    named(
        "standard",
        text,
        &expect![
            "the[0-3]@0 2[4-5]@1 quick[6-11]@2 brown[12-17]@3 foxes[18-23]@4 jumped[24-30]@5 over[31-35]@6 o'neill's[36-45]@7 dog's[46-51]@8 bone[52-56]@9"
        ],
    );
    named(
        "simple",
        text,
        &expect![
            "the[0-3]@0 quick[6-11]@1 brown[12-17]@2 foxes[18-23]@3 jumped[24-30]@4 over[31-35]@5 o[36-37]@6 neill[38-43]@7 s[44-45]@8 dog[46-49]@9 s[50-51]@10 bone[52-56]@11"
        ],
    );
    named(
        "whitespace",
        text,
        &expect![
            "The[0-3]@0 2[4-5]@1 QUICK[6-11]@2 Brown-Foxes[12-23]@3 jumped[24-30]@4 over[31-35]@5 o'neill's[36-45]@6 dog's[46-51]@7 bone.[52-57]@8"
        ],
    );
    named(
        "stop",
        text,
        &expect![
            "quick[6-11]@1 brown[12-17]@2 foxes[18-23]@3 jumped[24-30]@4 over[31-35]@5 o[36-37]@6 neill[38-43]@7 s[44-45]@8 dog[46-49]@9 s[50-51]@10 bone[52-56]@11"
        ],
    );
    named(
        "pattern",
        text,
        &expect![
            "the[0-3]@0 2[4-5]@1 quick[6-11]@2 brown[12-17]@3 foxes[18-23]@4 jumped[24-30]@5 over[31-35]@6 o[36-37]@7 neill[38-43]@8 s[44-45]@9 dog[46-49]@10 s[50-51]@11 bone[52-56]@12"
        ],
    );
    named(
        "english",
        text,
        &expect![
            "2[4-5]@1 quick[6-11]@2 brown[12-17]@3 fox[18-23]@4 jump[24-30]@5 over[31-35]@6 o'neill[36-45]@7 dog[46-51]@8 bone[52-56]@9"
        ],
    );
    named("fingerprint", "b a b", &expect!["a b[0-5]@0"]);
    named(
        "keyword",
        text,
        &expect!["The 2 QUICK Brown-Foxes jumped over o'neill's dog's bone.[0-57]@0"],
    );
    named(
        "cjk",
        "로그인에 실패 主 API",
        &expect!["로그[0-6]@0 그인[3-9]@1 인에[6-12]@2 실패[13-19]@3 主[20-23]@4 api[24-27]@5"],
    );
}

#[test]
fn tokenizers() {
    described(
        &json!({"tokenizer": "path_hierarchy"}),
        "/one/two/three",
        &expect!["/one[0-4]@0 /one/two[0-8]@0 /one/two/three[0-14]@0"],
    );
    described(
        &json!({"tokenizer": {"type": "path_hierarchy", "skip": 1, "delimiter": "-", "replacement": "/"}}),
        "one-two-three",
        &expect!["/two[3-7]@0 /two/three[3-13]@0"],
    );
    described(
        &json!({"tokenizer": {"type": "path_hierarchy", "reverse": true}}),
        "one/two",
        &expect!["one/two[0-7]@0 two[4-7]@0"],
    );
    described(
        &json!({"tokenizer": {"type": "ngram", "min_gram": 2, "max_gram": 3, "token_chars": ["letter"]}}),
        "ab1cde",
        &expect!["ab[0-2]@0 cd[3-5]@1 cde[3-6]@2 de[4-6]@3"],
    );
    described(
        &json!({"tokenizer": {"type": "edge_ngram", "min_gram": 1, "max_gram": 3}}),
        "abcd",
        &expect!["a[0-1]@0 ab[0-2]@1 abc[0-3]@2"],
    );
    described(
        &json!({"tokenizer": {"type": "pattern", "pattern": ","}}),
        "a,b,,c",
        &expect!["a[0-1]@0 b[2-3]@1 c[5-6]@2"],
    );
    described(
        &json!({"tokenizer": {"type": "pattern", "pattern": "\"((?:\\\\\"|[^\"]|\\\\\")*)\"", "group": 1}}),
        "\"a b\" x \"c\"",
        &expect!["a b[1-4]@0 c[9-10]@1"],
    );
    described(
        &json!({"tokenizer": {"type": "char_group", "tokenize_on_chars": ["whitespace", "-", "\n"]}}),
        "The QUICK-fox",
        &expect!["The[0-3]@0 QUICK[4-9]@1 fox[10-13]@2"],
    );
    described(
        &json!({"tokenizer": "uax_url_email"}),
        "mail a.b@c.com or http://x.y/z?q=1.",
        &expect!["mail[0-4]@0 a.b@c.com[5-14]@1 or[15-17]@2 http://x.y/z?q=1[18-34]@3"],
    );
}

#[test]
fn filters() {
    let whitespace = |filters: Value| json!({"tokenizer": "whitespace", "filter": filters});
    described(
        &whitespace(json!(["lowercase", "asciifolding"])),
        "Él Niño",
        &expect!["el[0-3]@0 nino[4-9]@1"],
    );
    described(
        &whitespace(json!([{"type": "stop", "stopwords": ["a", "b"]}])),
        "a x b y",
        &expect!["x[2-3]@1 y[6-7]@3"],
    );
    described(
        &whitespace(json!([{"type": "edge_ngram", "min_gram": 1, "max_gram": 2}])),
        "abc d",
        &expect!["a[0-3]@0 ab[0-3]@0 d[4-5]@1"],
    );
    described(
        &whitespace(json!([{"type": "length", "min": 2, "max": 3}])),
        "a bb ccc dddd",
        &expect!["bb[2-4]@1 ccc[5-8]@2"],
    );
    described(
        &whitespace(json!([{"type": "truncate", "length": 2}, "unique"])),
        "abc abd x",
        &expect!["ab[0-3]@0 x[8-9]@2"],
    );
    described(
        &whitespace(json!(["word_delimiter_graph"])),
        "Wi-Fi powerShot2 x",
        &expect!["Wi[0-2]@0 Fi[3-5]@1 power[6-11]@2 Shot[11-15]@3 2[15-16]@4 x[17-18]@5"],
    );
    described(
        &whitespace(json!(["shingle"])),
        "a b c",
        &expect!["a[0-1]@0 a b[0-3]@0 b[2-3]@1 b c[2-5]@1 c[4-5]@2"],
    );
    described(
        &whitespace(json!([{"type": "limit", "max_token_count": 1}, "uppercase", "reverse"])),
        "ab c",
        &expect!["BA[0-2]@0"],
    );
    described(
        &whitespace(json!([{"type": "synonym", "synonyms": ["quick, fast", "big apple => ny"]}])),
        "quick big apple",
        &expect!["quick[0-5]@0 fast[0-5]@0 ny[6-15]@1"],
    );
    described(
        &whitespace(
            json!([{"type": "pattern_replace", "pattern": "(\\d)x", "replacement": "$1-"}]),
        ),
        "1x2x",
        &expect!["1-2-[0-4]@0"],
    );
    described(&whitespace(json!(["cjk_width"])), "ＡＢＣ ｶﾞｷﾞ", &expect!["ABC[0-9]@0 ガギ[10-22]@1"]);
}

#[test]
fn texts_are_changed_before_they_are_cut() {
    described(
        &json!({"tokenizer": "standard", "char_filter": ["html_strip"]}),
        "<p>I&apos;m <b>so</b> x</p>",
        &expect!["I'm[3-11]@0 so[15-21]@1 x[22-23]@2"],
    );
    described(
        &json!({"tokenizer": "whitespace", "char_filter": [{"type": "mapping", "mappings": [":) => _happy_", "& => and"]}]}),
        "a :) & b",
        &expect!["a[0-1]@0 _happy_[2-4]@1 and[5-6]@2 b[7-8]@3"],
    );
    described(
        &json!({"tokenizer": "standard", "char_filter": [{"type": "pattern_replace", "pattern": "(\\d+)-(?:\\d+)", "replacement": "$1"}]}),
        "card 123-456 x",
        &expect!["card[0-4]@0 123[5-12]@1 x[13-14]@2"],
    );
}

#[test]
fn analyzers_of_settings() {
    let settings = json!({
        "index.analysis.filter.short.type": "length", "index.analysis.filter.short.max": 3,
        "index": {"analysis": {
            "analyzer": {
                "own": {"tokenizer": "standard", "filter": ["lowercase", "short"]},
                "words": {"type": "standard", "stopwords": ["x"]},
                "default": {"type": "whitespace"}
            },
            "normalizer": {"fold": {"type": "custom", "filter": ["lowercase", "asciifolding"]}}
        }}
    });
    let analysis = Analysis::from_settings(settings.as_object().unwrap()).unwrap();
    let words = |name: &str, text: &str| print(&analysis.analyzer(name).unwrap().tokens(text));
    assert_eq!(words("own", "One three"), "one[0-3]@0");
    assert_eq!(words("words", "a X b"), "a[0-1]@0 b[4-5]@2");
    assert_eq!(print(&analysis.index_default().tokens("A-b")), "A-b[0-3]@0");
    let mut whole = String::new();
    analysis.normalizer("fold").unwrap().whole("ÄÖ x", &mut whole);
    assert_eq!(whole, "ao x");
    assert!(analysis.analyzer("none").is_none());
}

#[test]
fn settings_that_are_none() {
    let check = |analysis: Value, want: Expect| {
        want.assert_eq(&Analysis::parse(analysis.as_object().unwrap()).unwrap_err().to_string());
    };
    check(
        json!({"analyzer": {"a": {"type": "weird"}}}),
        expect!["Unknown analyzer type [weird] for [a]"],
    );
    check(
        json!({"analyzer": {"a": {"filter": []}}}),
        expect!["analyzer [a] must specify either an analyzer type, or a tokenizer"],
    );
    check(
        json!({"analyzer": {"a": {"tokenizer": "none"}}}),
        expect!["failed to find global tokenizer under [none]"],
    );
    check(
        json!({"analyzer": {"a": {"tokenizer": "standard", "filter": ["none"]}}}),
        expect!["failed to find global filter under [none]"],
    );
    check(
        json!({"tokenizer": {"t": {"type": "ngram", "min_gram": 3, "max_gram": 2}}}),
        expect!["[t] needs 1 <= min_gram <= max_gram <= 64"],
    );
    check(
        json!({"tokenizer": {"t": {"type": "pattern", "pattern": "(?=a)"}}}),
        expect![[r#"
        pattern [(?=a)]: regex parse error:
            (?=a)
            ^^^
        error: look-around, including look-ahead and look-behind, is not supported"#]],
    );
    check(
        json!({"filter": {"f": {"type": "stemmer", "language": "klingon"}}}),
        expect!["Stemmer language [klingon] is not supported"],
    );
}
