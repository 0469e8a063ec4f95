//! Processors that move fields: set, rename, remove, copy, `dot_expander`.

use expect_test::expect;

use super::check;

#[test]
fn set() {
    check(
        &[
            (r#"{"set":{"field":"a.b","value":{"x":["{{c}}",1]}}}"#, r#"{"c":"y"}"#),
            (
                r#"{"set":{"field":"{{n}}.x","value":"{{{c.1}}} and {{nope}}."}}"#,
                r#"{"n":"k","c":[1,{"d":2}]}"#,
            ),
            (r#"{"set":{"field":"a","value":1,"override":false}}"#, r#"{"a":0}"#),
            (r#"{"set":{"field":"a","value":1,"override":false}}"#, r#"{"a":null}"#),
            (r#"{"set":{"field":"a","copy_from":"b"}}"#, r#"{"b":{"c":[1]}}"#),
            (r#"{"set":{"field":"a","copy_from":"b"}}"#, "{}"),
            (r#"{"set":{"field":"a","value":"{{b}}","ignore_empty_value":true}}"#, "{}"),
            (r#"{"set":{"field":"a.b","value":1}}"#, r#"{"a":"x"}"#),
            (r#"{"set":{"field":"a.2","value":1}}"#, r#"{"a":[0,1]}"#),
            (r#"{"set":{"field":"a.x","value":1}}"#, r#"{"a":[0,1]}"#),
            (r#"{"set":{"field":"a.b","value":1}}"#, r#"{"a":null}"#),
            (
                r#"{"set":{"field":"_source.a","value":"{{_index}}/{{_id}}/{{_source.b}}/{{_ingest.timestamp}}"}}"#,
                r#"{"b":1}"#,
            ),
            (r#"{"set":{"field":"_id","value":5}}"#, "{}"),
            (r#"{"set":{"field":"a"}}"#, "{}"),
            (r#"{"set":{"field":"a","value":1,"copy_from":"b"}}"#, "{}"),
            (r#"{"set":{"field":"a","value":"{{#b}}x{{/b}}"}}"#, "{}"),
            (r#"{"set":{"value":1}}"#, "{}"),
            (r#"{"set":{"field":7,"value":1}}"#, "{}"),
            (r#"{"set":{"field":"a","value":1,"nope":2,"tag":"t"}}"#, "{}"),
        ],
        &expect![[r#"
            {"c":"y","a":{"b":{"x":["y",1]}}}
            {"n":"k","c":[1,{"d":2}],"k":{"x":"{d=2} and ."}}
            {"a":0}
            {"a":1}
            {"b":{"c":[1]},"a":{"c":[1]}}
            failed: illegal_argument_exception: field [b] not present as part of path [b]
            {}
            failed: illegal_argument_exception: cannot set [b] with parent object of type [java.lang.String] as part of path [a.b]
            failed: illegal_argument_exception: [2] is out of bounds for array with length [2] as part of path [a.2]
            failed: illegal_argument_exception: [x] is not an integer, cannot be used as an index as part of path [a.x]
            failed: illegal_argument_exception: cannot set [b] with null parent as part of path [a.b]
            {"b":1,"a":"logs/1/1/2026-11-25T01:25:24.000Z"}
            failed: illegal_argument_exception: _id must be null or a java.lang.String but was [java.lang.Integer]
            refused: parse_exception: [value] required property is missing
            refused: parse_exception: [copy_from] cannot set both `copy_from` and `value` in the same processor
            refused: parse_exception: [value] template [{{#b}}x{{/b}}] has a section [#b]: only fields are supported
            refused: parse_exception: [field] required property is missing
            refused: parse_exception: [field] property isn't a string, but of type [java.lang.Integer]
            refused: parse_exception: processor [set] doesn't support one or more provided configuration parameters [nope]
        "#]],
    );
}

#[test]
fn moves() {
    check(
        &[
            (r#"{"rename":{"field":"a","target_field":"b.c"}}"#, r#"{"a":1,"z":2}"#),
            (r#"{"rename":{"field":"a","target_field":"b"}}"#, "{}"),
            (r#"{"rename":{"field":"a","target_field":"b"}}"#, r#"{"a":1,"b":2}"#),
            (r#"{"rename":{"field":"a","target_field":"b","override":true}}"#, r#"{"a":1,"b":2}"#),
            (
                r#"{"rename":{"field":"a","target_field":"b.c"}},{"set":{"field":"z","value":1}}"#,
                r#"{"a":1,"b":2}"#,
            ),
            (r#"{"rename":{"field":"a","target_field":"b","ignore_missing":true}}"#, "{}"),
            (r#"{"remove":{"field":["a.b","c"]}}"#, r#"{"a":{"b":1,"d":2},"c":3}"#),
            (r#"{"remove":{"field":"a.b"}}"#, r#"{"a":{}}"#),
            (r#"{"remove":{"field":"l.1"}}"#, r#"{"l":[1,2,3]}"#),
            (r#"{"remove":{"keep":["a.b","c"]}}"#, r#"{"a":{"b":1,"d":2},"c":3,"e":4}"#),
            (r#"{"remove":{}}"#, "{}"),
            (
                r#"{"remove_by_pattern":{"field_pattern":["f*","a.*x"]}}"#,
                r#"{"foo":1,"a":{"bx":1,"b":2},"g":1}"#,
            ),
            (
                r#"{"remove_by_pattern":{"exclude_field_pattern":"a.b*"}}"#,
                r#"{"foo":1,"a":{"bx":1,"c":2},"h":{"i":1}}"#,
            ),
            (
                r#"{"copy":{"source_field":"a","target_field":"b","remove_source":true}}"#,
                r#"{"a":{"x":1}}"#,
            ),
            (r#"{"copy":{"source_field":"a","target_field":"b"}}"#, r#"{"a":1,"b":2}"#),
            (r#"{"dot_expander":{"field":"a.b"}}"#, r#"{"a.b":1,"a":{"c":2}}"#),
            (r#"{"dot_expander":{"field":"a.b"}}"#, r#"{"a.b":1,"a":{"b":2}}"#),
            (r#"{"dot_expander":{"field":"a.b","override":true}}"#, r#"{"a.b":1,"a":{"b":2}}"#),
            (r#"{"dot_expander":{"field":"a.b"}}"#, r#"{"a.b":1,"a":2}"#),
            (r#"{"dot_expander":{"field":"*"}}"#, r#"{"a.b.c":1,"d.e":2,".f":3}"#),
            (r#"{"dot_expander":{"field":"b.c","path":"a"}}"#, r#"{"a":{"b.c":1}}"#),
            (r#"{"dot_expander":{"field":"a"}}"#, "{}"),
        ],
        &expect![[r#"
            {"z":2,"b":{"c":1}}
            failed: illegal_argument_exception: field [a] doesn't exist
            failed: illegal_argument_exception: field [b] already exists
            {"b":1}
            failed: illegal_argument_exception: cannot set [c] with parent object of type [java.lang.Integer] as part of path [b.c]
            {}
            {"a":{"d":2}}
            failed: illegal_argument_exception: field [b] not present as part of path [a.b]
            {"l":[1,3]}
            {"a":{"b":1},"c":3}
            refused: parse_exception: [field] required property is missing
            {"a":{"b":2},"g":1}
            {"a":{"bx":1}}
            {"b":{"x":1}}
            failed: illegal_argument_exception: target field [b] already exists
            {"a":{"c":2,"b":1}}
            {"a":{"b":[2,1]}}
            {"a":{"b":1}}
            failed: illegal_argument_exception: cannot expend [a.b] because [a] is not an object field, but a value field
            {".f":3,"a":{"b":{"c":1}},"d":{"e":2}}
            {"a":{"b":{"c":1}}}
            refused: parse_exception: [field] field does not contain a dot and is not a wildcard
        "#]],
    );
}
