//! Documents in, the same documents out, and what the columns have.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::column::{Rows, Values};
use crate::part::Block as _;
use crate::testing;

/// Every column of the documents, a line each, and whether each document needs its text.
fn check(mapping: &Json, documents: &[&str], want: &Expect) {
    let mapping = Mapping::parse(mapping).unwrap();
    let blocks = testing::blocks(&mapping, documents);
    let [block] = blocks.as_slice() else { panic!("one block") };
    let mut lines = Vec::new();
    let memtable = crate::memtable::Memtable::new(blocks.clone());
    let fields = crate::part::Part::fields(&memtable);
    for field in fields.iter().map(String::as_str).chain([system::IGNORED, system::SOURCE]) {
        for kind in Kind::ALL {
            if let Some(column) = block.column(field, kind).unwrap() {
                lines.push(format!("{field} {kind:?}: {}", show(&column, block.rows())));
            }
        }
    }
    for (row, document) in documents.iter().enumerate() {
        let (want, have) = (parse(document), parse(&block.source(row).unwrap()));
        assert_eq!(have, want, "{document}");
        let keys = |value: &Json| serde_json::to_string(value).unwrap();
        assert_eq!(keys(&have), keys(&want), "the order of keys of {document}");
    }
    want.assert_eq(&lines.join("\n"));
}

fn parse(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

fn show(column: &Column, rows: usize) -> String {
    let one = |at: usize| match &column.values {
        Values::Str(_) | Values::Dict { .. } => format!("{:?}", column.values.text(at).unwrap()),
        Values::Int(of) => of[at].to_string(),
        Values::Float(of) => format!("{:?}", of[at]),
        Values::Bool(of) => of[at].to_string(),
    };
    let row = |row: usize| column.of(row).map(one).collect::<Vec<_>>().join(",");
    let all: Vec<String> = (0..rows).map(row).collect();
    let dense = if matches!(column.rows, Rows::Dense) { "=" } else { "~" };
    format!("{dense} {}", all.join(" | "))
}

#[test]
fn every_kind_of_value() {
    check(
        &json!({}),
        &[
            r#"{"a":1,"b":"x","c":{"d":true,"e":{}},"f":1.5}"#,
            r#"{"b":["y","z"],"a":[],"c":null,"g":"2026-11-21T00:00:00.004Z"}"#,
            r#"{"c":{"d":false},"c.x":"\u00e9\n","f":2,"g":"2026-11-21T00:00:00+09:00"}"#,
        ],
        &expect![[r#"
            a Int: ~ 1 |  | 
            b Str: ~ "x" | "y","z" | 
            c.d Bool: ~ true |  | false
            c.x Str: ~  |  | "é\n"
            f Float: ~ 1.5 |  | 2.0
            g Int: ~  | 1795219200004000 | 1795186800000000"#]],
    );
}

#[test]
fn values_that_are_not_of_their_field_are_kept_and_named() {
    check(
        &json!({"properties": {
            "n": {"type": "byte"}, "k": {"type": "keyword", "ignore_above": 3}, "b": {"type": "boolean"},
            "d": {"type": "date"}, "f": {"type": "double"}, "u": {"type": "unsigned_long"}, "i": {"type": "ip"},
            "o": {"type": "flattened"},
        }}),
        &[
            r#"{"n":"7","k":5,"b":"true","d":1795219200000,"f":3,"u":18446744073709551615,"i":"::1","o":{"x":{"y":1}}}"#,
            r#"{"n":300,"k":"long","b":"maybe","d":"tomorrow","f":"x","u":-1,"i":"10.0.0.256"}"#,
            r#"{"n":"x","k":true,"b":1,"d":true,"f":true,"u":1.5,"i":1}"#,
            r#"{"n":{"x":1},"k":[1,"a"],"b":null,"d":["2026-11-21T00:00:00Z"],"f":1e3}"#,
        ],
        &expect![[r#"
            b Str: ~  | "maybe" |  | 
            b Int: ~  |  | 1 | 
            b Bool: ~ true |  |  | 
            d Str: ~  | "tomorrow" |  | 
            d Int: ~ 1795219200000000 |  |  | 1795219200000000
            d Bool: ~  |  | true | 
            f Str: ~  | "x" |  | 
            f Float: ~ 3.0 |  |  | 1000.0
            f Bool: ~  |  | true | 
            i Str: ~ "::1" | "10.0.0.256" | "1" | 
            k Str: ~ "5" | "long" | "true" | "1","a"
            n Str: ~  | "300" | "x" | 
            n Int: ~ 7 |  |  | 
            n.x Int: ~  |  |  | 1
            o.x.y Str: ~ "1" |  |  | 
            u Str: ~  | "-1" | "1.5" | 
            u Int: ~ 9223372036854775807 |  |  | 
            _ignored Str: ~  | "n","k","b","d","f","u","i" | "n","k","b","d","f","u","i" | "n.x"
            _source Str: ~  |  |  | "{\"n\":{\"x\":1},\"k\":[1,\"a\"],\"b\":null,\"d\":[\"2026-11-21T00:00:00Z\"],\"f\":1e3}""#]],
    );
}

#[test]
fn documents_that_only_their_text_can_tell() {
    check(
        &json!({}),
        &[
            r#"{"a":[{"b":1},{"b":2,"c":"x"}]}"#,
            r#"{"a.b":1,"a":{"b":2}}"#,
            r#"{"m":[1,"x",null,[2]]}"#,
            r#"{"n":0.10000000000000000555}"#,
            r#"{"_seq":1,"":2,"x..y":3}"#,
            r#"{"t":"2026-11-21T00:00:00.123456789Z"}"#,
        ],
        &expect![[r#"
            a.b Int: ~ 1,2 | 1,2 |  |  |  | 
            a.c Str: ~ "x" |  |  |  |  | 
            m Str: ~  |  | "x" |  |  | 
            m Int: ~  |  | 1,2 |  |  | 
            n Float: ~  |  |  | 0.1 |  | 
            t Int: ~  |  |  |  |  | 1795219200123456
            _ignored Str: ~  |  | "m" |  |  | 
            _source Str: = "{\"a\":[{\"b\":1},{\"b\":2,\"c\":\"x\"}]}" | "{\"a.b\":1,\"a\":{\"b\":2}}" | "{\"m\":[1,\"x\",null,[2]]}" | "{\"n\":0.10000000000000000555}" | "{\"_seq\":1,\"\":2,\"x..y\":3}" | "{\"t\":\"2026-11-21T00:00:00.123456789Z\"}""#]],
    );
}

fn refused(mapping: &Json, source: &[u8]) -> String {
    let mut ingester = Ingester::new(Arc::new(Mapping::parse(mapping).unwrap()), 1_000);
    let document = Document { source, id: None, routing: None, arrival_us: 0 };
    let refused = ingester.add(&document).unwrap_err();
    assert!(ingester.finish().blocks.is_empty());
    refused.to_string()
}

#[test]
fn hostile_documents_are_refused() {
    let lax = json!({});
    let deep = format!("{}1{}", r#"{"a":"#.repeat(70), "}".repeat(70));
    let lines = [
        refused(&lax, b"[1]"),
        refused(&lax, br#"{"a":1,"a":2}"#),
        refused(&lax, br#"{"x":[{"a":1,"b":{},"a":2}]}"#),
        refused(&lax, br#"{"o":{"b":{},"c":1,"b":3}}"#),
        refused(&lax, br#"{"_id":"1"}"#),
        refused(&lax, br#"{"a":1} x"#),
        refused(&lax, b"{\"a\":\"\xff\"}"),
        refused(&lax, deep.as_bytes()),
        refused(&json!({"dynamic": "strict"}), br#"{"a":1}"#),
        refused(&json!({"dynamic": "strict"}), br#"{"a":{"b":1}}"#),
        refused(&json!({"properties":{"o":{"dynamic":"strict"}}}), br#"{"o":{"a":1}}"#),
    ];
    expect![[r#"
        the document is no object
        duplicate key 'a'
        duplicate key 'a'
        duplicate key 'b'
        field '_id' is metadata and cannot be in a document
        more input after the document at byte 8
        invalid UTF-8 at byte 6
        objects and arrays are nested deeper than 64 at byte 321
        field 'a' is not in the strict mapping of '_doc'
        field 'a' is not in the strict mapping of '_doc'
        field 'o.a' is not in the strict mapping of 'o'"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn limits_hold_at_the_bound_and_past_it() {
    let one = |document: &str| testing::blocks(&Mapping::default(), &[document]).remove(0);
    let has_source = |block: &MemBlock| block.column(system::SOURCE, Kind::Str).unwrap().is_some();
    for (n, want) in [(FIELDS_PER_DOCUMENT_MAX, false), (FIELDS_PER_DOCUMENT_MAX + 1, true)] {
        let members: Vec<String> = (0..n).map(|at| format!("\"f{at}\":1")).collect();
        let block = one(&format!("{{{}}}", members.join(",")));
        assert_eq!(has_source(&block), want, "{n} fields");
    }
    for (n, want) in [(TEXT_BYTES_MAX, false), (TEXT_BYTES_MAX + 1, true)] {
        let block = one(&format!("{{\"m\":\"{}\"}}", "x".repeat(n)));
        assert_eq!(has_source(&block), want, "{n} bytes");
        let column = block.column("m", Kind::Str).unwrap().unwrap();
        assert_eq!(column.text(0).unwrap().len(), TEXT_BYTES_MAX);
    }
    let mut ingester = Ingester::new(Arc::default(), 1_000);
    let id = "x".repeat(ID_BYTES_MAX + 1);
    for (len, is_taken) in [(ID_BYTES_MAX, true), (ID_BYTES_MAX + 1, false), (0, false)] {
        let document =
            Document { source: b"{}", id: Some(&id[..len]), routing: None, arrival_us: 0 };
        assert_eq!(ingester.add(&document).is_ok(), is_taken, "{len}");
    }
    // The mapping takes so many fields and no more; what is beyond is in the source.
    let mut ingester = Ingester::new(Arc::default(), 2);
    let source = br#"{"a":1,"b":1,"c":1}"#;
    ingester.add(&Document { source, id: None, routing: None, arrival_us: 0 }).unwrap();
    let batch = ingester.finish();
    assert_eq!(batch.added.len(), 2);
    assert!(batch.blocks[0].column("c", Kind::Int).unwrap().is_none());
    assert!(has_source(&batch.blocks[0]));
}

fn leaves() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[a-z ]{0,8}|\\PC{0,6}".prop_map(Json::from),
        Just(json!("2026-11-21T00:00:00.004Z")),
        Just(json!("2026-11-21T00:00:00.123456789+05:30")),
        Just(json!("17")),
        Just(json!(1e300)),
    ]
}

fn documents() -> impl Strategy<Value = Json> {
    let value = leaves().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec(("[abc]|a\\.b|é\"", inner), 0..4)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::vec(("[abcde]|a\\.b|a\\.b\\.c|@timestamp", value), 0..6)
        .prop_map(|members| Json::Object(members.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn documents_come_back(documents in prop::collection::vec(documents(), 1..8), rows_max in 1_usize..9) {
        let texts: Vec<String> = documents.iter().map(Json::to_string).collect();
        let (memtable, _) = testing::memtable(&Mapping::default(), &texts, rows_max);
        let mut joined = crate::memtable::Memtable::default();
        for block in memtable.blocks() {
            joined.push(MemBlock::clone(block));
        }
        for table in [&memtable, &joined] {
            let sources = table.blocks().iter().flat_map(|block| {
                (0..block.rows()).map(|row| block.source(row).unwrap())
            });
            for (source, text) in sources.zip(&texts) {
                prop_assert_eq!(parse(&source).to_string(), parse(text).to_string());
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in "[\\[\\]{}:,\"\\\\a0-9.eEu+ @-]{0,40}", cut in 0_usize..40) {
        let mut ingester = Ingester::new(Arc::default(), 5);
        let bytes = &bytes.as_bytes()[..cut.min(bytes.len())];
        let document = Document { source: bytes, id: None, routing: None, arrival_us: 0 };
        let by_serde = serde_json::from_slice::<Json>(bytes);
        if ingester.add(&document).is_ok() {
            let block = ingester.finish().blocks.remove(0);
            let source: Result<Json, _> = serde_json::from_str(&block.source(0).unwrap());
            if let (Ok(want), Ok(have)) = (by_serde, source) {
                prop_assert_eq!(have, want);
            }
        }
    }
}
