//! Mappings as clients write them.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

fn parsed(value: &Value) -> Result<Mapping, MappingError> {
    Mapping::parse(value)
}

#[expect(clippy::needless_pass_by_value, reason = "cases are written as values")]
fn check(value: Value, want: Expect) {
    match parsed(&value) {
        Ok(mapping) => want.assert_eq(&mapping.to_json().to_string()),
        Err(error) => want.assert_eq(&format!("{error:?}")),
    }
}

#[test]
fn mappings_are_said_back() {
    check(json!({}), expect!["{}"]);
    check(
        json!({"dynamic": false, "_meta": {"a": 1}, "properties": {
            "text": {"type": "text", "analyzer": "whitespace", "fields": {"raw": {"type": "keyword"}}},
            "a.b": {"type": "long"},
            "n": {"type": "nested", "dynamic": "strict", "properties": {"x": {"type": "flat_object"}}},
            "o": {"type": "object"},
            "off": {"enabled": "false"},
        }}),
        expect![[
            r#"{"dynamic":"false","_meta":{"a":1},"properties":{"a":{"properties":{"b":{"type":"long"}}},"n":{"type":"nested","dynamic":"strict","properties":{"x":{"type":"flat_object"}}},"o":{"type":"object"},"off":{"enabled":false},"text":{"type":"text","analyzer":"whitespace","fields":{"raw":{"type":"keyword"}}}}}"#
        ]],
    );
    check(
        json!({"subobjects": false, "properties": {"a.b": {"type": "long"}}}),
        expect![[r#"{"subobjects":false,"properties":{"a.b":{"type":"long"}}}"#]],
    );
}

#[test]
fn bad_mappings_are_refused_in_elasticsearchs_words() {
    check(
        json!({"properties": {"a": {"type": "nope"}}}),
        expect![[r#"Parse("No handler for type [nope] declared on field [a]")"#]],
    );
    check(
        json!({"properties": {"a": {"type": "keyword", "x": 1}}}),
        expect![[r#"Parse("unknown parameter [x] on mapper [a] of type [keyword]")"#]],
    );
    check(
        json!({"props": {"a": [1]}}),
        expect![[
            r#"Parse("Root mapping definition has unsupported parameters:  [props : {a=[1]}]")"#
        ]],
    );
    check(
        json!({"properties": {"": {"type": "keyword"}}}),
        expect![[r#"Illegal("name cannot be empty string")"#]],
    );
    check(
        json!({"properties": {"a": {"index": true}}}),
        expect![[r#"Parse("No type specified for field [a]")"#]],
    );
    check(
        json!({"properties": {"a": {"type": "alias", "path": "b"}}}),
        expect![[
            r#"Parse("Invalid [path] value [b] for field alias [a]: an alias must refer to an existing field in the mappings.")"#
        ]],
    );
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({"type": "long"}), |inner, _| json!({"properties": {"a": inner}}))
}

#[test]
fn depth_is_bounded() {
    assert!(parsed(&json!({"properties": {"a": nested(DEPTH_MAX - 1)}})).is_ok());
    assert!(parsed(&json!({"properties": {"a": nested(DEPTH_MAX)}})).is_err());
    let dots = |n: usize| vec!["a"; n].join(".");
    assert!(parsed(&json!({"properties": {dots(DEPTH_MAX): {"type": "long"}}})).is_ok());
    assert!(parsed(&json!({"properties": {dots(DEPTH_MAX + 1): {"type": "long"}}})).is_err());
}

#[expect(clippy::needless_pass_by_value, reason = "cases are written as values")]
fn merge(a: Value, b: Value) -> String {
    let merged = parsed(&a).unwrap().merge(&parsed(&b).unwrap());
    merged.map_or_else(|error| error.to_string(), |mapping| mapping.to_json().to_string())
}

#[test]
fn mappings_merge_or_say_why_not() {
    let field = |body: Value| json!({"properties": {"f": body}});
    expect![[r#"{"properties":{"f":{"type":"text","fields":{"raw":{"type":"keyword"}}}}}"#]]
        .assert_eq(&merge(
            field(json!({"type": "text"})),
            field(json!({"type": "text", "fields": {"raw": {"type": "keyword"}}})),
        ));
    expect!["mapper [f] cannot be changed from type [keyword] to [text]"]
        .assert_eq(&merge(field(json!({"type": "keyword"})), field(json!({"type": "text"}))));
    expect!["can't merge a non object mapping [f] with an object mapping"].assert_eq(&merge(
        field(json!({"properties": {"x": {"type": "long"}}})),
        field(json!({"type": "text"})),
    ));
    expect![[
        "Mapper for [f] conflicts with existing mapper:\n\tCannot update parameter [analyzer] from [default] to [whitespace]"
    ]]
    .assert_eq(&merge(
        field(json!({"type": "text"})),
        field(json!({"type": "text", "analyzer": "whitespace"})),
    ));
    expect![[r#"{"properties":{"f":{"type":"keyword","ignore_above":9}}}"#]].assert_eq(
        &merge(
            field(json!({"type": "keyword", "ignore_above": 3})),
            field(json!({"type": "keyword", "ignore_above": 9, "index": true})),
        )
        .replace(r#","index":true"#, ""),
    );
}

#[expect(clippy::needless_pass_by_value, reason = "cases are written as values")]
fn decide(mapping: Value, path: &str, leaf: Leaf<'_>) -> String {
    match parsed(&mapping).unwrap().dynamic(path, leaf) {
        Decision::Add(field) => field.to_json().to_string(),
        other @ (Decision::Leave | Decision::Conflict | Decision::Refuse { .. }) => {
            format!("{other:?}")
        }
    }
}

#[test]
fn new_fields_get_types_by_their_first_value() {
    let keyword = r#"{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}}"#;
    for (text, want) in [
        ("abc", keyword),
        ("2026", keyword),
        ("12.5", keyword),
        ("2026-01", r#"{"type":"date"}"#),
        ("2026-01-02", r#"{"type":"date"}"#),
        ("2026-13-02", keyword),
        ("2026-01-02T03:04:05.678901234Z", r#"{"type":"date"}"#),
        ("2026-01-02T03:04:05,5+09:00", r#"{"type":"date"}"#),
        ("2026-01-02T03:04:05.Z", keyword),
        ("2026-01-02 03:04:05", keyword),
        (
            "2026/01/02",
            r#"{"type":"date","format":"yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"}"#,
        ),
    ] {
        assert_eq!(decide(json!({}), "a", Leaf::Str(text)), want, "{text}");
    }
    assert_eq!(decide(json!({}), "a", Leaf::Int), r#"{"type":"long"}"#);
    assert_eq!(decide(json!({}), "a", Leaf::Float), r#"{"type":"float"}"#);
    let numeric = json!({"numeric_detection": true, "date_detection": false});
    assert_eq!(decide(numeric.clone(), "a", Leaf::Str("7")), r#"{"type":"long"}"#);
    assert_eq!(decide(numeric, "a", Leaf::Str("2026-01-02")), keyword);
    let formats = json!({"dynamic_date_formats": ["MM/dd/yyyy"]});
    assert_eq!(
        decide(formats, "a", Leaf::Str("01/31/2026")),
        r#"{"type":"date","format":"MM/dd/yyyy"}"#
    );
}

#[test]
fn objects_say_what_becomes_of_new_fields() {
    let mapping = json!({"properties": {
        "strict": {"dynamic": "strict", "properties": {"in": {"properties": {}}}},
        "quiet": {"dynamic": "false"},
        "off": {"enabled": false},
        "leaf": {"type": "long"},
    }});
    let decide = |path| decide(mapping.clone(), path, Leaf::Int);
    assert_eq!(decide("strict.x"), r#"Refuse { object: "strict" }"#);
    assert_eq!(decide("strict.in.x"), r#"Refuse { object: "strict.in" }"#);
    assert_eq!((decide("quiet.x"), decide("off.x.y")), ("Leave".to_owned(), "Leave".to_owned()));
    assert_eq!(decide("leaf.x"), "Conflict");
    assert_eq!(decide("new.x"), r#"{"type":"long"}"#);
}

#[test]
fn dynamic_templates_speak_first() {
    let mapping = json!({"dynamic_templates": [
        {"ids": {"match_pattern": "regex", "match": "^.+_id$", "mapping": {"type": "keyword"}}},
        {"names": {"path_match": "http.*", "path_unmatch": "*.raw", "mapping": {"type": "{dynamic_type}", "copy_to": "{name}_all"}}},
        {"strings": {"match_mapping_type": "string", "unmatch": ["msg*", "text"], "mapping": {"type": "keyword", "ignore_above": 9}}},
    ]});
    let decide = |path, leaf| decide(mapping.clone(), path, leaf);
    assert_eq!(decide("user_id", Leaf::Int), r#"{"type":"keyword"}"#);
    assert_eq!(decide("http.code", Leaf::Int), r#"{"type":"long","copy_to":"code_all"}"#);
    assert_eq!(decide("http.raw", Leaf::Str("x")), r#"{"type":"keyword","ignore_above":9}"#);
    assert!(decide("msg1", Leaf::Str("x")).contains(r#""type":"text""#));
    let bad = json!({"dynamic_templates": [{"x": {"match_pattern": "regex", "match": "(", "mapping": {}}}]});
    assert!(matches!(parsed(&bad), Err(MappingError::Illegal(_))));
}

#[test]
fn inserted_fields_are_found() {
    let mut mapping = Mapping::default();
    mapping.insert("a.b.c", Field::new(FieldType::Long)).unwrap();
    assert_eq!(mapping.find("a.b.c").map(|found| found.field.kind), Some(FieldType::Long));
    assert!(mapping.insert("a.b.c.d", Field::new(FieldType::Long)).is_err());
    assert!(mapping.insert("a.b", Field::new(FieldType::Long)).is_err());
}

#[test]
fn paths_name_leaves_multi_fields_and_dotted_keys() {
    let mut mapping = Mapping::default();
    let mut text = Field::new(FieldType::Text);
    text.fields.insert("keyword".to_owned(), Field::new(FieldType::Keyword));
    let mut object = Field::new(FieldType::Object);
    object.properties.insert("b".to_owned(), text);
    object.properties.insert("c.d".to_owned(), Field::new(FieldType::Long));
    mapping.root.properties.insert("a".to_owned(), object);
    let find = |path| mapping.find(path).map(|found| (found.field.kind, found.column.to_owned()));
    assert_eq!(find("a.b"), Some((FieldType::Text, "a.b".to_owned())));
    assert_eq!(find("a.b.keyword"), Some((FieldType::Keyword, "a.b".to_owned())));
    assert_eq!(find("a.c.d"), Some((FieldType::Long, "a.c.d".to_owned())));
    assert_eq!(find("a"), Some((FieldType::Object, "a".to_owned())));
    assert_eq!((find("a.b.c"), find("b"), find("")), (None, None, None));
}
