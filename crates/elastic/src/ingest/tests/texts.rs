//! Processors of one value.

use expect_test::expect;

use super::check;

#[test]
fn texts() {
    check(
        &[
            (r#"{"lowercase":{"field":"a"}}"#, r#"{"a":"ÄB"}"#),
            (r#"{"uppercase":{"field":"a","target_field":"b"}}"#, r#"{"a":["x","y"]}"#),
            (r#"{"uppercase":{"field":"a"}}"#, r#"{"a":["x",5]}"#),
            (r#"{"trim":{"field":"a"}}"#, r#"{"a":" \tx "}"#),
            (r#"{"trim":{"field":"a"}}"#, r#"{"a":5}"#),
            (r#"{"trim":{"field":"a"}}"#, r#"{"a":null}"#),
            (r#"{"trim":{"field":"a","ignore_missing":true}}"#, "{}"),
            (
                r#"{"gsub":{"field":"a","pattern":"(\\d+)\\.","replacement":"<$1>\\$"}}"#,
                r#"{"a":"1.22.x"}"#,
            ),
            (r#"{"gsub":{"field":"a","pattern":"(","replacement":""}}"#, "{}"),
            (r#"{"gsub":{"field":"a","pattern":"a","replacement":"$1"}}"#, "{}"),
            (r#"{"urldecode":{"field":"a"}}"#, r#"{"a":"a%20b+c%ED%95%9C"}"#),
            (r#"{"urldecode":{"field":"a"}}"#, r#"{"a":"a%2"}"#),
            (r#"{"bytes":{"field":"a"}}"#, r#"{"a":["1kb","2 MB","1.5k","7b","0"]}"#),
            (r#"{"bytes":{"field":"a"}}"#, r#"{"a":"8912pb"}"#),
            (r#"{"bytes":{"field":"a"}}"#, r#"{"a":"junk"}"#),
            (
                r#"{"html_strip":{"field":"a"}}"#,
                r#"{"a":"<p>I&apos;m so <b title=\"a>b\">happy</b>!</p> 1 < 2 &#x41; &nope; <script>x()</script><!-- c -->"}"#,
            ),
        ],
        &expect![[r#"
            {"a":"äb"}
            {"a":["x","y"],"b":["X","Y"]}
            failed: illegal_argument_exception: value [5] of type [java.lang.Integer] in list field [a] cannot be cast to [java.lang.String]
            {"a":"x"}
            failed: illegal_argument_exception: field [a] of type [java.lang.Integer] cannot be cast to [java.lang.String]
            failed: illegal_argument_exception: field [a] is null, cannot process it.
            {}
            {"a":"<1>$<22>$x"}
            refused: parse_exception: [pattern] Invalid regex pattern. unclosed group
            refused: parse_exception: [replacement] No group 1
            {"a":"a b c한"}
            failed: illegal_argument_exception: URLDecoder: Incomplete trailing escape (%) pattern
            {"a":[1024,2097152,1536,7,0]}
            failed: parse_exception: failed to parse setting [Ingest Field] with value [8912pb] as a size in bytes
            failed: parse_exception: failed to parse setting [Ingest Field] with value [junk] as a size in bytes
            {"a":"\nI'm so happy!\n 1 < 2 A &nope; "}
        "#]],
    );
}

#[test]
fn convert() {
    check(
        &[
            (r#"{"convert":{"field":"a","type":"integer"}}"#, r#"{"a":["12","0xF","-3"]}"#),
            (r#"{"convert":{"field":"a","type":"integer"}}"#, r#"{"a":"2147483648"}"#),
            (
                r#"{"convert":{"field":"a","type":"long","target_field":"b"}}"#,
                r#"{"a":"2147483648"}"#,
            ),
            (r#"{"convert":{"field":"a","type":"float"}}"#, r#"{"a":"3.1"}"#),
            (r#"{"convert":{"field":"a","type":"double"}}"#, r#"{"a":"3.14159265358979"}"#),
            (r#"{"convert":{"field":"a","type":"boolean"}}"#, r#"{"a":"TRUE"}"#),
            (r#"{"convert":{"field":"a","type":"boolean"}}"#, r#"{"a":"yes"}"#),
            (r#"{"convert":{"field":"a","type":"string"}}"#, r#"{"a":[1.5,true,"x"]}"#),
            (r#"{"convert":{"field":"a","type":"ip"}}"#, r#"{"a":"1.2.3"}"#),
            (
                r#"{"convert":{"field":"a","type":"auto"}}"#,
                r#"{"a":["1","1.5","true","x","1e400","0.1234567890123"]}"#,
            ),
            (r#"{"convert":{"field":"a","type":"float"}}"#, r#"{"a":"inf"}"#),
            (r#"{"convert":{"field":"a","type":"blob"}}"#, "{}"),
            (r#"{"convert":{"field":"a","type":"long"}}"#, r#"{"a":null}"#),
            (r#"{"convert":{"field":"a","type":"long"}}"#, "{}"),
        ],
        &expect![[r#"
            {"a":[12,15,-3]}
            failed: illegal_argument_exception: unable to convert [2147483648] to integer
            {"a":"2147483648","b":2147483648}
            {"a":3.1}
            {"a":3.14159265358979}
            {"a":true}
            failed: illegal_argument_exception: [yes] is not a boolean value, cannot convert to boolean
            {"a":["1.5","true","x"]}
            failed: illegal_argument_exception: '1.2.3' is not an IP string literal.
            {"a":[1,1.5,true,"x","1e400",0.1234567890123]}
            failed: illegal_argument_exception: unable to convert [inf] to float
            refused: parse_exception: [type] type [blob] not supported, cannot convert field.
            failed: illegal_argument_exception: Field [a] is null, cannot be converted to type [long]
            failed: illegal_argument_exception: field [a] not present as part of path [a]
        "#]],
    );
}

#[test]
fn lists() {
    check(
        &[
            (r#"{"split":{"field":"a","separator":","}}"#, r#"{"a":"x,,y,,"}"#),
            (
                r#"{"split":{"field":"a","separator":",","preserve_trailing":true}}"#,
                r#"{"a":"x,"}"#,
            ),
            (
                r#"{"split":{"field":"a","separator":"\\s+","target_field":"b"}}"#,
                r#"{"a":" x  y"}"#,
            ),
            (r#"{"split":{"field":"a","separator":""}}"#, r#"{"a":"xyz"}"#),
            (r#"{"join":{"field":"a","separator":"-"}}"#, r#"{"a":["x",1,null]}"#),
            (r#"{"join":{"field":"a","separator":"-"}}"#, r#"{"a":"x"}"#),
            (r#"{"sort":{"field":"a","order":"desc"}}"#, r#"{"a":[1,10,2.5]}"#),
            (r#"{"sort":{"field":"a"}}"#, r#"{"a":["b","a",1]}"#),
            (r#"{"sort":{"field":"a","order":"up"}}"#, "{}"),
            (r#"{"append":{"field":"a","value":["x","{{b}}"]}}"#, r#"{"a":"y","b":"z"}"#),
            (
                r#"{"append":{"field":"a.t","value":"x","allow_duplicates":false}},{"append":{"field":"a.t","value":["x","w"],"allow_duplicates":false}}"#,
                "{}",
            ),
        ],
        &expect![[r#"
            {"a":["x","","y"]}
            {"a":["x",""]}
            {"a":" x  y","b":["","x","y"]}
            {"a":["x","y","z"]}
            {"a":"x-1-null"}
            failed: illegal_argument_exception: field [a] of type [java.lang.String] cannot be cast to [java.util.List]
            {"a":[10,2.5,1]}
            failed: class_cast_exception: field [a] has items of types that cannot be compared: [java.lang.String, java.lang.String, java.lang.Integer]
            refused: parse_exception: [order] Sort direction [up] not recognized. Valid values are: [asc, desc]
            {"a":["y","x","z"],"b":"z"}
            {"a":{"t":["x","w"]}}
        "#]],
    );
}

#[test]
fn hashes() {
    check(
        &[
            // The example of Elasticsearch's documentation.
            (
                r#"{"fingerprint":{"fields":["user"]}},{"remove":{"field":"user"}}"#,
                r#"{"user":{"last_name":"Smith","first_name":"John","date_of_birth":"1980-01-15","is_active":true}}"#,
            ),
            (
                r#"{"fingerprint":{"fields":["b","a"],"method":"MD5","salt":"s","target_field":"h"}}"#,
                r#"{"a":1,"b":"x"}"#,
            ),
            (r#"{"fingerprint":{"fields":["b"]}}"#, r#"{"a":1}"#),
            (r#"{"fingerprint":{"fields":["b"],"ignore_missing":true}}"#, r#"{"a":1}"#),
            // The example of Elasticsearch's documentation.
            (
                r#"{"community_id":{}}"#,
                r#"{"source":{"ip":"123.124.125.126","port":12345},"destination":{"ip":"55.56.57.58","port":80},"network":{"transport":"TCP"}}"#,
            ),
            (r#"{"community_id":{}}"#, r#"{"source":{"ip":"1.2.3.4"}}"#),
            (r#"{"community_id":{"ignore_missing":false}}"#, "{}"),
        ],
        &expect![[r#"
            {"fingerprint":"WbSUPW4zY1PBPehh2AA/sSxiRjw="}
            {"a":1,"b":"x","h":"oAgz0/2ZxYhYSyp1xYRhJQ=="}
            failed: illegal_argument_exception: missing field [b] when calculating fingerprint
            {"a":1}
            {"source":{"ip":"123.124.125.126","port":12345},"destination":{"ip":"55.56.57.58","port":80},"network":{"transport":"TCP","community_id":"1:9qr9Z1LViXcNwtLVOHZ3CL8MlyM="}}
            {"source":{"ip":"1.2.3.4"}}
            failed: illegal_argument_exception: unable to construct flow from document
        "#]],
    );
}
