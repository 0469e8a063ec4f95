//! Texts to fields: grok, dissect, date, json, kv, csv, `uri_parts`.

use expect_test::expect;

use super::check;

#[test]
fn grok() {
    check(
        &[
            (
                r#"{"grok":{"field":"m","patterns":["%{COMBINEDAPACHELOG}"]}}"#,
                r#"{"m":"83.149.9.216 - - [17/May/2015:10:05:03 +0000] \"GET /p/a.png HTTP/1.1\" 200 203023 \"http://s.com/\" \"Mozilla/5.0 (X11)\""}"#,
            ),
            (
                r#"{"grok":{"field":"m","patterns":["%{IP:c.ip} %{WORD:method} %{URIPATHPARAM:path} %{NUMBER:bytes:int} %{NUMBER:secs:float} %{WORD:ok:boolean} %{INT:l:long}"]}}"#,
                r#"{"m":"55.3.244.1 GET /index.html?a=1 15824 0.043 true -7"}"#,
            ),
            (
                r#"{"grok":{"field":"m","patterns":["no %{WORD:a}","%{FAV:pet} is"],"pattern_definitions":{"FAV":"be(?>ag)le|d++og"},"trace_match":true}},{"set":{"field":"i","value":"{{_ingest._grok_match_index}}"}}"#,
                r#"{"m":"my beagle is"}"#,
            ),
            (r#"{"grok":{"field":"m","patterns":["(?<k.x>[a-z]+)=%{DATA}$"]}}"#, r#"{"m":"ab=3"}"#),
            (r#"{"grok":{"field":"m","patterns":["^%{INT:a}$"]}}"#, r#"{"m":"abc"}"#),
            (
                r#"{"grok":{"field":"m","patterns":["(?m)%{WORD:a}.%{GREEDYDATA:r}"]}}"#,
                r#"{"m":"a\nb\nc"}"#,
            ),
            (
                r#"{"grok":{"field":"m","patterns":["%{SYSLOGLINE}"]}}"#,
                r#"{"m":"May 11 15:17:02 web1 sshd[4711]: Failed password"}"#,
            ),
            (
                r#"{"grok":{"field":"m","patterns":["^%{IPV6:i}$"]}}"#,
                r#"{"m":"2001:db8::ff00:42:8329"}"#,
            ),
            (r#"{"grok":{"field":"m","patterns":["^%{IPV6:i}$"]}}"#, r#"{"m":"::ffff:1.2.3.4"}"#),
            (
                r#"{"grok":{"field":"m","patterns":["%{TIMESTAMP_ISO8601:t} %{LOGLEVEL:l} +%{JAVACLASS:c}"]}}"#,
                r#"{"m":"2026-11-25 01:02:03,456+09:00 WARN  a.b.C$D x"}"#,
            ),
            (r#"{"grok":{"field":"m","patterns":["%{NOPE:a}"]}}"#, "{}"),
            (
                r#"{"grok":{"field":"m","patterns":["%{A}"],"pattern_definitions":{"A":"%{B}","B":"%{A}"}}}"#,
                "{}",
            ),
            (r#"{"grok":{"field":"m","patterns":["(?<!a)b"]}}"#, "{}"),
            (r#"{"grok":{"field":"m","patterns":["a"],"ignore_missing":true}}"#, "{}"),
            (r#"{"grok":{"field":"m","patterns":["a"]}}"#, "{}"),
            (r#"{"grok":{"field":"m","patterns":["a"]}}"#, r#"{"m":5}"#),
            (r#"{"grok":{"field":"m","patterns":["%{WORD:a:int}"]}}"#, r#"{"m":"x"}"#),
        ],
        &expect![[r#"
            {"m":"83.149.9.216 - - [17/May/2015:10:05:03 +0000] \"GET /p/a.png HTTP/1.1\" 200 203023 \"http://s.com/\" \"Mozilla/5.0 (X11)\"","clientip":"83.149.9.216","ident":"-","auth":"-","timestamp":"17/May/2015:10:05:03 +0000","verb":"GET","request":"/p/a.png","httpversion":"1.1","response":"200","bytes":"203023","referrer":"\"http://s.com/\"","agent":"\"Mozilla/5.0 (X11)\""}
            {"m":"55.3.244.1 GET /index.html?a=1 15824 0.043 true -7","c":{"ip":"55.3.244.1"},"method":"GET","path":"/index.html?a=1","bytes":15824,"secs":0.043,"ok":true,"l":-7}
            {"m":"my beagle is","pet":"beagle","i":"1"}
            {"m":"ab=3","k":{"x":"ab"}}
            failed: illegal_argument_exception: Provided Grok expressions do not match field value: [abc]
            {"m":"a\nb\nc","a":"a","r":"b\nc"}
            {"m":"May 11 15:17:02 web1 sshd[4711]: Failed password","timestamp":"May 11 15:17:02","logsource":"web1","program":"sshd","pid":"4711","message":"Failed password"}
            {"m":"2001:db8::ff00:42:8329","i":"2001:db8::ff00:42:8329"}
            {"m":"::ffff:1.2.3.4","i":"::ffff:1.2.3.4"}
            {"m":"2026-11-25 01:02:03,456+09:00 WARN  a.b.C$D x","t":"2026-11-25 01:02:03,456+09:00","l":"WARN","c":"a.b.C$D"}
            refused: parse_exception: [patterns] Invalid regex pattern found in: [%{NOPE:a}]. Unable to find pattern [NOPE] in Grok's pattern dictionary
            refused: parse_exception: [patterns] Invalid regex pattern found in: [%{A}]. circular reference in pattern [A]: it is used by [A], [B]
            refused: parse_exception: [patterns] Invalid regex pattern found in: [(?<!a)b]. look-behind is not supported
            {}
            failed: illegal_argument_exception: field [m] not present as part of path [m]
            failed: illegal_argument_exception: field [m] of type [java.lang.Integer] cannot be cast to [java.lang.String]
            failed: illegal_argument_exception: For input string: "x"
        "#]],
    );
}

#[test]
fn every_named_pattern_compiles() {
    for (name, _) in super::super::grok_patterns() {
        let row = format!(r#"{{"grok":{{"field":"m","patterns":["%{{{name}}}"]}}}}"#);
        let answer = super::ran(&format!("[{row}]"), r#"{"n":1}"#);
        assert_eq!(
            answer, "failed: illegal_argument_exception: field [m] not present as part of path [m]",
            "{name}"
        );
    }
    assert!(super::super::grok_patterns().is_sorted());
}

#[test]
fn dissect() {
    let line = r#"{"m":"1.2.3.4 - - [30/Apr/1998:22:00:52 +0000] \"GET /a\" 200"}"#;
    check(
        &[
            (
                r#"{"dissect":{"field":"m","pattern":"%{ip} %{?x} %{} [%{@t}] \"%{verb} %{p}\" %{status}"}}"#,
                line,
            ),
            (r#"{"dissect":{"field":"m","pattern":"%{ts->} %{lvl}"}}"#, r#"{"m":"1998    WARN"}"#),
            (
                r#"{"dissect":{"field":"m","pattern":"%{+n} %{+n} %{x}","append_separator":"-"}}"#,
                r#"{"m":"a b c"}"#,
            ),
            (
                r#"{"dissect":{"field":"m","pattern":"%{+n/2} %{+n/1} %{+n/3}","append_separator":","}}"#,
                r#"{"m":"b a c"}"#,
            ),
            (
                r#"{"dissect":{"field":"m","pattern":"[%{*k}=%{&k}] [%{*j}:%{&j}]"}}"#,
                r#"{"m":"[ip=1] [e:REFUSED]"}"#,
            ),
            (r#"{"dissect":{"field":"m","pattern":"%{a} %{b}"}}"#, r#"{"m":"one"}"#),
            (r#"{"dissect":{"field":"m","pattern":"%{a} %{*b}"}}"#, "{}"),
            (r#"{"dissect":{"field":"m","pattern":"nothing"}}"#, "{}"),
            (r#"{"dissect":{"field":"m","pattern":"%{a}%{b}"}}"#, "{}"),
            (r#"{"dissect":{"field":"m","pattern":"%{a},%{b},%{c}"}}"#, r#"{"m":"1,,3"}"#),
        ],
        &expect![[r#"
            {"m":"1.2.3.4 - - [30/Apr/1998:22:00:52 +0000] \"GET /a\" 200","ip":"1.2.3.4","@t":"30/Apr/1998:22:00:52 +0000","verb":"GET","p":"/a","status":"200"}
            {"m":"1998    WARN","ts":"1998","lvl":"WARN"}
            {"m":"a b c","x":"c","n":"a-b"}
            {"m":"b a c","n":"a,b,c"}
            {"m":"[ip=1] [e:REFUSED]","ip":"1","e":"REFUSED"}
            failed: find_match: Unable to find match for dissect pattern: %{a} %{b} against source: one
            refused: parse_exception: [pattern] Unable to parse pattern: %{a} %{*b} Reason: Found invalid key/reference associations: 'b' Please ensure each '*<key>' is matched with a matching '&<key>'
            refused: parse_exception: [pattern] Unable to parse pattern: nothing Reason: No keys were found or could not be parsed
            refused: parse_exception: [pattern] Unable to parse pattern: %{a}%{b} Reason: two keys have nothing between them
            {"m":"1,,3","a":"1","b":"","c":"3"}
        "#]],
    );
}

#[test]
fn dates() {
    check(
        &[
            (
                r#"{"date":{"field":"d","formats":["dd/MM/yyyy HH:mm:ss"],"timezone":"Europe/Amsterdam"}}"#,
                r#"{"d":"02/07/2026 10:00:00"}"#,
            ),
            (
                r#"{"date":{"field":"d","formats":["ISO8601"]}}"#,
                r#"{"d":"2026-01-02T03:04:05.678+09:00"}"#,
            ),
            (r#"{"date":{"field":"d","formats":["UNIX"],"target_field":"t"}}"#, r#"{"d":1000.5}"#),
            (
                r#"{"date":{"field":"d","formats":["UNIX_MS"],"target_field":"t"}}"#,
                r#"{"d":"1000500"}"#,
            ),
            (
                r#"{"date":{"field":"d","formats":["TAI64N"],"target_field":"t"}}"#,
                r#"{"d":"4000000050d506482dbdf024"}"#,
            ),
            (
                r#"{"date":{"field":"d","formats":["MMM d HH:mm:ss","MMM dd HH:mm:ss"],"target_field":"t","timezone":"Asia/Seoul"}}"#,
                r#"{"d":"Nov 5 01:02:03"}"#,
            ),
            (
                r#"{"date":{"field":"d","formats":["dd/MMM/yyyy:HH:mm:ss Z"],"target_field":"t","output_format":"yyyy-MM-dd"}}"#,
                r#"{"d":"17/May/2015:10:05:03 +0000"}"#,
            ),
            (r#"{"date":{"field":"d","formats":["yyyy-MM-dd"]}}"#, r#"{"d":"x"}"#),
            (
                r#"{"date":{"field":"d","formats":["yyyy-MM-dd"],"timezone":"{{tz}}","target_field":"t"}}"#,
                r#"{"d":"2026-01-01","tz":"+03:00"}"#,
            ),
            (r#"{"date":{"field":"d","formats":["yyyy-MM-dd"],"locale":"fr"}}"#, "{}"),
            (r#"{"date":{"field":"d","formats":["b"]}}"#, "{}"),
            (r#"{"date":{"field":"d"}}"#, "{}"),
            (
                r#"{"date_index_name":{"field":"d","index_name_prefix":"my-","date_rounding":"M"}},{"set":{"field":"i","value":"{{_index}}"}}"#,
                r#"{"d":"2016-04-25T12:02:01.789Z"}"#,
            ),
        ],
        &expect![[r#"
            {"d":"02/07/2026 10:00:00","@timestamp":"2026-07-02T10:00:00.000+02:00"}
            {"d":"2026-01-02T03:04:05.678+09:00","@timestamp":"2026-01-01T18:04:05.678Z"}
            {"d":1000.5,"t":"1970-01-01T00:16:40.500Z"}
            {"d":"1000500","t":"1970-01-01T00:16:40.500Z"}
            {"d":"4000000050d506482dbdf024","t":"2012-12-22T01:00:46.767Z"}
            {"d":"Nov 5 01:02:03","t":"2026-11-05T01:02:03.000+09:00"}
            {"d":"17/May/2015:10:05:03 +0000","t":"2015-05-17"}
            failed: illegal_argument_exception: unable to parse date [x]
            {"d":"2026-01-01","tz":"+03:00","t":"2026-01-01T00:00:00.000+03:00"}
            refused: parse_exception: [locale] locale [fr] is not supported: names are read in English
            refused: parse_exception: [formats] Invalid format: [b]: Unknown pattern letter: b
            refused: parse_exception: [formats] required property is missing
            {"d":"2016-04-25T12:02:01.789Z","i":"<my-{2016-04-25||/M{yyyy-MM-dd|UTC}}>"}
        "#]],
    );
}

#[test]
fn json() {
    check(
        &[
            (r#"{"json":{"field":"s","target_field":"t"}}"#, r#"{"s":"{\"foo\": [1, null]}"}"#),
            (
                r#"{"json":{"field":"s","add_to_root":true}}"#,
                r#"{"s":"{\"a\":{\"y\":1}}","a":{"x":1}}"#,
            ),
            (
                r#"{"json":{"field":"s","add_to_root":true,"add_to_root_conflict_strategy":"merge"}}"#,
                r#"{"s":"{\"a\":{\"y\":1}}","a":{"x":1}}"#,
            ),
            (r#"{"json":{"field":"s","add_to_root":true}}"#, r#"{"s":"[1]"}"#),
            (r#"{"json":{"field":"s"}}"#, r#"{"s":"123 foo"}"#),
            (r#"{"json":{"field":"s","strict_json_parsing":false}}"#, r#"{"s":"123 foo"}"#),
            (r#"{"json":{"field":"s"}}"#, r#"{"s":null}"#),
            (r#"{"json":{"field":"s","target_field":"t","add_to_root":true}}"#, "{}"),
        ],
        &expect![[r#"
            {"s":"{\"foo\": [1, null]}","t":{"foo":[1,null]}}
            {"s":"{\"a\":{\"y\":1}}","a":{"y":1}}
            {"s":"{\"a\":{\"y\":1}}","a":{"x":1,"y":1}}
            failed: illegal_argument_exception: cannot add non-map fields to root of document
            failed: illegal_argument_exception: field [s]: trailing characters at line 1 column 5
            {"s":123}
            {"s":null}
            refused: parse_exception: [target_field] Cannot set a target field while also setting `add_to_root` to true
        "#]],
    );
}

#[test]
fn pairs_and_columns() {
    check(
        &[
            (
                r#"{"kv":{"field":"m","field_split":" ","value_split":"="}}"#,
                r#"{"m":"ip=1.2.3.4 error=REFUSED ip=2"}"#,
            ),
            (
                r#"{"kv":{"field":"m","field_split":"&","value_split":"=","target_field":"u","prefix":"q_","include_keys":["a","b"],"exclude_keys":["b"],"trim_key":" ","trim_value":"<>","strip_brackets":true}}"#,
                r#"{"m":" a =<\"x\">&b=2&c=3"}"#,
            ),
            (r#"{"kv":{"field":"m","field_split":" ","value_split":"="}}"#, r#"{"m":"a b"}"#),
            (
                r#"{"csv":{"field":"m","target_fields":["a","b","c","d"],"trim":true}}"#,
                r#"{"m":"1 , \"x, \"\"y\"\"\" ,, z"}"#,
            ),
            (
                r#"{"csv":{"field":"m","target_fields":["a","b"],"separator":";","empty_value":0}}"#,
                r#"{"m":";2;3"}"#,
            ),
            (r#"{"csv":{"field":"m","target_fields":["a"]}}"#, r#"{"m":"\"open"}"#),
            (r#"{"uri_parts":{"field":"m"}}"#, r#"{"m":"http://me:pw@h.com:80/foo.gif?k=v#frag"}"#),
            (
                r#"{"uri_parts":{"field":"m","keep_original":false,"remove_if_successful":true}}"#,
                r#"{"m":"https://[::1]:8443/"}"#,
            ),
            (r#"{"uri_parts":{"field":"m"}}"#, r#"{"m":"not a uri"}"#),
        ],
        &expect![[r#"
            {"m":"ip=1.2.3.4 error=REFUSED ip=2","ip":["1.2.3.4","2"],"error":"REFUSED"}
            {"m":" a =<\"x\">&b=2&c=3","u":{"q_a":"x"}}
            failed: illegal_argument_exception: field [m] does not contain value_split [=]
            {"m":"1 , \"x, \"\"y\"\"\" ,, z","a":"1","b":"x, \"y\"","d":"z"}
            {"m":";2;3","a":0,"b":"2"}
            failed: illegal_argument_exception: Unmatched quote
            {"m":"http://me:pw@h.com:80/foo.gif?k=v#frag","url":{"fragment":"frag","domain":"h.com","port":80,"path":"/foo.gif","extension":"gif","query":"k=v","scheme":"http","user_info":"me:pw","username":"me","password":"pw","original":"http://me:pw@h.com:80/foo.gif?k=v#frag"}}
            {"url":{"domain":"[::1]","port":8443,"path":"/","scheme":"https"}}
            failed: illegal_argument_exception: unable to parse URI [not a uri]
        "#]],
    );
}
