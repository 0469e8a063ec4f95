//! Conditions, failures, calls, simulation.

use expect_test::{Expect, expect};
use serde_json::Value;

use super::{NOW_MS, check, document, named, ran, source_of, value};
use crate::ingest::{Outcome, Pipeline, simulate};

/// Whether each condition holds for a document, or why it cannot be asked.
fn conditions(source: &str, texts: &[&str], expected: &Expect) {
    let mut lines = String::new();
    for text in texts {
        let processor = serde_json::json!([{ "drop": { "if": text } }]).to_string();
        let answer = match ran(&processor, source) {
            dropped if dropped == "dropped" => "true".to_owned(),
            answer if answer.starts_with('{') => "false".to_owned(),
            other => other,
        };
        lines.push_str(&format!("{text} → {answer}\n"));
    }
    expected.assert_eq(&lines);
}

#[test]
fn a_condition_holds_or_not() {
    conditions(
        r#"{"a":{"b":"x","n":5},"tags":["k8s",3],"s":"Hello","z":null,"t":true,"a.b":1}"#,
        &[
            "ctx.a?.b == 'x' && ctx.a.n > 4",
            "ctx?.nope?.b == null",
            "ctx.nope == null || ctx.nope.b == 1",
            "ctx.nope.b == 1",
            "ctx['a']['b'] == \"x\" && ctx['a.b'] === 1",
            "ctx.tags.contains('k8s') && !ctx.tags.contains(4) && ctx.tags.contains(3.0)",
            "['x', 'y'].contains(ctx.a.b)",
            "ctx.s.toLowerCase().startsWith('he') && ctx.s.length() == 5",
            "ctx.s =~ /^H.l+/ && !(ctx.s ==~ /ell/)",
            "ctx.s instanceof String && ctx.tags instanceof List && !(ctx.z instanceof Map)",
            "ctx.containsKey('z') && ctx.z == null && !ctx.containsKey('y')",
            "ctx.t",
            "ctx.s",
            "ctx.s > 3",
            "return ctx._index == 'logs';",
            "ctx.a.n >= 5.0 && ctx.a.n <= 5 && ctx.a.n != 6 && ctx.a.n == 5L",
            "'x'.equals(ctx.a.b) // comment",
            "ctx.tags[0] == 'k8s' && ctx.tags.size() == 2",
            "ctx.a.b = 'y'",
            "def x = 1; x == 1",
            "ctx.a.put('x', 1)",
            "1 + 1 == 2",
            "ctx.a ==",
            "(ctx.t",
        ],
        &expect![[r#"
            ctx.a?.b == 'x' && ctx.a.n > 4 → true
            ctx?.nope?.b == null → true
            ctx.nope == null || ctx.nope.b == 1 → true
            ctx.nope.b == 1 → failed: script_exception: runtime error
            ctx['a']['b'] == "x" && ctx['a.b'] === 1 → true
            ctx.tags.contains('k8s') && !ctx.tags.contains(4) && ctx.tags.contains(3.0) → true
            ['x', 'y'].contains(ctx.a.b) → true
            ctx.s.toLowerCase().startsWith('he') && ctx.s.length() == 5 → true
            ctx.s =~ /^H.l+/ && !(ctx.s ==~ /ell/) → true
            ctx.s instanceof String && ctx.tags instanceof List && !(ctx.z instanceof Map) → true
            ctx.containsKey('z') && ctx.z == null && !ctx.containsKey('y') → true
            ctx.t → true
            ctx.s → failed: script_exception: runtime error
            ctx.s > 3 → failed: script_exception: runtime error
            return ctx._index == 'logs'; → true
            ctx.a.n >= 5.0 && ctx.a.n <= 5 && ctx.a.n != 6 && ctx.a.n == 5L → true
            'x'.equals(ctx.a.b) // comment → true
            ctx.tags[0] == 'k8s' && ctx.tags.size() == 2 → true
            ctx.a.b = 'y' → refused: parse_exception: [if] condition [ctx.a.b = 'y'] is not supported: [=] means nothing here
            def x = 1; x == 1 → refused: parse_exception: [if] condition [def x = 1; x == 1] is not supported: [=] means nothing here
            ctx.a.put('x', 1) → refused: parse_exception: [if] condition [ctx.a.put('x', 1)] is not supported: the method [put] is not known
            1 + 1 == 2 → refused: parse_exception: [if] condition [1 + 1 == 2] is not supported: [+] means nothing here
            ctx.a == → refused: parse_exception: [if] condition [ctx.a ==] is not supported: it ends too early
            (ctx.t → refused: parse_exception: [if] condition [(ctx.t] is not supported: expected [)], found the end
        "#]],
    );
}

#[test]
fn failures_are_handled() {
    let failing = r#"{"fail":{"message":"no {{a}}","tag":"t1"}}"#;
    let told = r#"{"set":{"field":"e","value":"{{_ingest.on_failure_message}}|{{_ingest.on_failure_processor_type}}|{{_ingest.on_failure_processor_tag}}|{{_ingest.on_failure_pipeline}}"}}"#;
    check(
        &[
            (failing, r#"{"a":1}"#),
            (&failing.replace(r#""tag""#, r#""ignore_failure":true,"tag""#), r#"{"a":1}"#),
            (
                &failing.replace(r#""tag""#, &format!(r#""on_failure":[{told}],"tag""#)),
                r#"{"a":1}"#,
            ),
            (&failing.replace(r#""tag""#, r#""on_failure":[],"tag""#), "{}"),
            (r#"{"drop":{"if":"ctx.a == 1"}},{"set":{"field":"b","value":1}}"#, r#"{"a":1}"#),
            (r#"{"set":{"field":"a","value":1,"if":"ctx.b.c == 1"}}"#, "{}"),
            (r#"{"nope":{}}"#, "{}"),
            (r#"{"geoip":{"field":"ip"}}"#, "{}"),
            (r#"{"script":{"source":"ctx.a = 1"}}"#, "{}"),
            (
                r#"{"foreach":{"field":"l","processor":{"uppercase":{"field":"_ingest._value"}}}}"#,
                r#"{"l":["a","b"]}"#,
            ),
            (
                r#"{"foreach":{"field":"l","processor":{"set":{"field":"_ingest._value.k","value":"{{_ingest._key}}"}}}}"#,
                r#"{"l":{"a":{},"b":{}}}"#,
            ),
            (
                r#"{"foreach":{"field":"l","processor":{"remove":{"field":"_ingest._value.x"}}}}"#,
                r#"{"l":[{"x":1},{}]}"#,
            ),
            (r#"{"foreach":{"field":"l","processor":{}}}"#, "{}"),
            (r#"{"foreach":{"field":"l","ignore_missing":true,"processor":{"drop":{}}}}"#, "{}"),
        ],
        &expect![[r#"
            failed: fail_processor_exception: no 1
            {"a":1}
            {"a":1,"e":"no 1|fail|t1|p"}
            refused: parse_exception: [on_failure] processors list cannot be empty
            dropped
            failed: script_exception: runtime error
            refused: parse_exception: No processor type exists with name [nope]
            refused: parse_exception: No processor type exists with name [geoip]: there is no database of places here
            refused: parse_exception: No processor type exists with name [script]: scripts are not run here
            {"l":["A","B"]}
            {"l":{"a":{"k":"a"},"b":{"k":"b"}}}
            failed: illegal_argument_exception: field [x] not present as part of path [_ingest._value.x]
            refused: parse_exception: [processor] Must specify exactly one processor type
            {}
        "#]],
    );
    let pipeline = Pipeline::parse(
        "p",
        &value(&format!(
            r#"{{"processors":[{{"set":{{"field":"x","value":1}}}},{failing}],"on_failure":[{told}]}}"#
        )),
    );
    let mut failed = document("{}");
    let outcome = pipeline.expect("it is right").run(&mut failed, &|_| None, NOW_MS);
    assert_eq!(outcome, Ok(Outcome::Kept));
    assert_eq!(failed.ingest.len(), 1, "only the time is left");
    expect![[r#"{"x":1,"e":"no |fail|t1|p"}"#]].assert_eq(&source_of(failed.source));
}

#[test]
fn pipelines_call_each_other() {
    let all = named(&[
        (
            "outer",
            r#"{"processors":[{"pipeline":{"name":"inner"}},{"set":{"field":"o","value":1}}]}"#,
        ),
        (
            "inner",
            r#"{"processors":[{"set":{"field":"i","value":1}},{"drop":{"if":"ctx.d == true"}}]}"#,
        ),
        ("round", r#"{"processors":[{"pipeline":{"name":"about"}}]}"#),
        ("about", r#"{"processors":[{"pipeline":{"name":"round"}}]}"#),
        ("lost", r#"{"processors":[{"pipeline":{"name":"{{n}}"}}]}"#),
        ("fine", r#"{"processors":[{"pipeline":{"name":"nope","ignore_missing_pipeline":true}}]}"#),
    ]);
    let find = |name: &str| all.iter().find(|pipeline| pipeline.id == name).cloned();
    let mut lines = String::new();
    for (name, source) in [
        ("outer", "{}"),
        ("outer", r#"{"d":true}"#),
        ("round", "{}"),
        ("lost", r#"{"n":"x"}"#),
        ("fine", "{}"),
    ] {
        let mut document = document(source);
        let outcome = find(name).expect("it is there").run(&mut document, &find, NOW_MS);
        lines.push_str(&format!("{outcome:?} {}\n", source_of(document.source)));
    }
    expect![[r#"
        Ok(Kept) {"i":1,"o":1}
        Ok(Dropped) {"d":true,"i":1}
        Err(Error { status: 500, kind: "illegal_state_exception", reason: "Cycle detected for pipeline: round", more: {}, cause: None }) {}
        Err(Error { status: 500, kind: "illegal_state_exception", reason: "Pipeline processor configured for non-existent pipeline [x]", more: {}, cause: None }) {"n":"x"}
        Ok(Kept) {}
    "#]].assert_eq(&lines);
}

fn simulated(body: &str, verbose: bool) -> String {
    let answer = simulate(None, &value(body), verbose, &|_| None, NOW_MS);
    match answer {
        Ok(Value::Object(members)) => {
            let docs = members["docs"].as_array().expect("docs is a list");
            docs.iter().map(|doc| format!("{doc}\n")).collect()
        }
        Ok(other) => other.to_string(),
        Err(error) => error.body().to_string(),
    }
}

#[test]
fn a_simulation_shows_documents() {
    let body = r#"{"pipeline":{"processors":[{"set":{"field":"b","value":"{{a}}"}},{"drop":{"if":"ctx.a == 0"}},{"fail":{"message":"no","if":"ctx.a == 1"}}]},
        "docs":[{"_source":{"a":2}},{"_index":"i","_id":7,"_routing":"r","_source":{"a":0}},{"_source":{"a":1}}]}"#;
    expect![[r#"
        {"doc":{"_index":"_index","_id":"_id","_source":{"a":2,"b":"2"},"_ingest":{"timestamp":"2026-11-25T01:25:24.000Z"}}}
        null
        {"error":{"root_cause":[{"type":"fail_processor_exception","reason":"no"}],"type":"fail_processor_exception","reason":"no"}}
    "#]].assert_eq(&simulated(body, false));
    expect![[r#"
        {"processor_results":[{"processor_type":"set","status":"success","doc":{"_index":"_index","_id":"_id","_source":{"a":2,"b":"2"},"_ingest":{"timestamp":"2026-11-25T01:25:24.000Z"}}},{"processor_type":"drop","status":"skipped","if":{"condition":"ctx.a == 0","result":false}},{"processor_type":"fail","status":"skipped","if":{"condition":"ctx.a == 1","result":false}}]}
        {"processor_results":[{"processor_type":"set","status":"success","doc":{"_index":"i","_id":"7","_routing":"r","_source":{"a":0,"b":"0"},"_ingest":{"timestamp":"2026-11-25T01:25:24.000Z"}}},{"processor_type":"drop","status":"dropped","if":{"condition":"ctx.a == 0","result":true}}]}
        {"processor_results":[{"processor_type":"set","status":"success","doc":{"_index":"_index","_id":"_id","_source":{"a":1,"b":"1"},"_ingest":{"timestamp":"2026-11-25T01:25:24.000Z"}}},{"processor_type":"drop","status":"skipped","if":{"condition":"ctx.a == 0","result":false}},{"processor_type":"fail","status":"error","if":{"condition":"ctx.a == 1","result":true},"error":{"root_cause":[{"type":"fail_processor_exception","reason":"no"}],"type":"fail_processor_exception","reason":"no"}}]}
    "#]].assert_eq(&simulated(body, true));
    let lines: String = [
        r#"{"docs":[{"_source":{}}]}"#,
        r#"{"pipeline":{"processors":[]}}"#,
        r#"{"pipeline":{"processors":[]},"docs":[]}"#,
        r#"{"pipeline":{"processors":[]},"docs":[{"a":1}]}"#,
        r#"{"pipeline":{},"docs":[{"a":1}]}"#,
    ]
    .iter()
    .map(|body| simulated(body, false) + "\n")
    .collect();
    expect![[r#"
        {"error":{"root_cause":[{"type":"parse_exception","reason":"[pipeline] required property is missing","property_name":"pipeline"}],"type":"parse_exception","reason":"[pipeline] required property is missing","property_name":"pipeline"},"status":400}
        {"error":{"root_cause":[{"type":"parse_exception","reason":"[docs] required property is missing","property_name":"docs"}],"type":"parse_exception","reason":"[docs] required property is missing","property_name":"docs"},"status":400}
        {"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"must specify at least one document in [docs]"}],"type":"illegal_argument_exception","reason":"must specify at least one document in [docs]"},"status":400}
        {"error":{"root_cause":[{"type":"parse_exception","reason":"[_source] required property is missing","property_name":"_source"}],"type":"parse_exception","reason":"[_source] required property is missing","property_name":"_source"},"status":400}
        {"error":{"root_cause":[{"type":"parse_exception","reason":"[processors] required property is missing","property_name":"processors"}],"type":"parse_exception","reason":"[processors] required property is missing","property_name":"processors"},"status":400}
    "#]].assert_eq(&lines);
}
