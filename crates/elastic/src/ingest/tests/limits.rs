//! Every bound, at it and one past it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::limits::*;
use super::{NOW_MS, document, ran};
use crate::ingest::{Pipeline, simulate};

fn parsed(processors: &Value) -> Result<Pipeline, String> {
    Pipeline::parse("p", &json!({ "processors": processors })).map_err(|error| error.reason)
}

/// Holds at `max`, and not one past it, with `text` in what is said.
fn bounded(max: usize, text: &str, make: impl Fn(usize) -> Result<(), String>) {
    assert_eq!(make(max), Ok(()));
    let error = make(max + 1).expect_err("one past the bound is refused");
    assert!(error.contains(text), "{error}");
}

fn run(processors: &str, source: &str) -> Result<(), String> {
    let answer = ran(processors, source);
    if answer.starts_with('{') { Ok(()) } else { Err(answer) }
}

#[test]
fn definitions_are_bounded() {
    bounded(PROCESSORS_MAX, "at most 1000 processors", |count| {
        let list: Vec<Value> = (0..count).map(|_| json!({ "drop": {} })).collect();
        parsed(&list.into()).map(|_| ())
    });
    bounded(NESTING_MAX, "at most 16 deep", |depth| {
        let mut inner = json!({ "drop": {} });
        for _ in 1..depth {
            inner = json!({ "drop": { "on_failure": [inner] } });
        }
        parsed(&json!([inner])).map(|_| ())
    });
    bounded(PATH_MAX, "longer than 1024 bytes", |length| {
        parsed(&json!([{ "trim": { "field": "a".repeat(length) } }])).map(|_| ())
    });
    bounded(TEMPLATE_MAX, "longer than 65536 bytes", |length| {
        let text = "a".repeat(length);
        parsed(&json!([{ "set": { "field": "a", "value": text } }])).map(|_| ())
    });
    bounded(CONDITION_MAX, "longer than 8192 bytes", |length| {
        let text = format!("true{}", " ".repeat(length - 4));
        parsed(&json!([{ "drop": { "if": text } }])).map(|_| ())
    });
    bounded(CONDITION_DEPTH_MAX, "deeper than 32 levels", |depth| {
        let text = format!("{}true{}", "(".repeat(depth - 1), ")".repeat(depth - 1));
        parsed(&json!([{ "drop": { "if": text } }])).map(|_| ())
    });
    bounded(CONDITION_STEPS_MAX, "more than 16 steps", |steps| {
        let text = format!("ctx{} == 1", ".a".repeat(steps));
        parsed(&json!([{ "drop": { "if": text } }])).map(|_| ())
    });
    bounded(REGEX_MAX, "longer than 131072 bytes", |length| {
        let text = "[a]".to_owned() + &"|".repeat(length - 3);
        parsed(&json!([{ "gsub": { "field": "a", "pattern": text, "replacement": "" } }]))
            .map(|_| ())
    });
    let huge = parsed(
        &json!([{ "gsub": { "field": "a", "pattern": "(\\w{500}){500}", "replacement": "" } }]),
    );
    assert!(huge.expect_err("a large program is refused").contains("size limit"));
}

#[test]
fn patterns_that_multiply_are_bounded() {
    let mut definitions = serde_json::Map::new();
    for i in 0..40 {
        let next = format!("%{{P{}}}%{{P{}}}", i + 1, i + 1);
        definitions.insert(format!("P{i}"), next.into());
    }
    definitions.insert("P40".to_owned(), "a".into());
    let row = json!([{ "grok": { "field": "m", "patterns": ["%{P0}"], "pattern_definitions": definitions } }]);
    let error = parsed(&row).expect_err("it is too long");
    assert!(error.contains("more than 131072 bytes"), "{error}");
}

#[test]
fn runs_are_bounded() {
    bounded(STEPS_MAX, "more than 100000 processors", |count| {
        // One step for the loop itself.
        let items = vec![json!(0); count - 1];
        let row = r#"[{"foreach":{"field":"a","processor":{"set":{"field":"b","value":1}}}}]"#;
        run(row, &json!({ "a": items }).to_string())
    });
    bounded(DEPTH_MAX, "nest deeper than 100 levels", |depth| {
        let text = "[".repeat(depth) + &"]".repeat(depth);
        run(r#"[{"json":{"field":"a"}}]"#, &json!({ "a": text }).to_string())
    });
    // 32 bytes for each value, once with the length of the text.
    bounded(GROWTH_MAX - 32, "more than 16777216 bytes", |length| {
        run(r#"[{"trim":{"field":"a"}}]"#, &json!({ "a": "x".repeat(length) }).to_string())
    });
}

#[test]
fn growth_is_cut_where_it_happens() {
    let text = "x".repeat(1 << 20);
    let many = "$0".repeat(1_000);
    for row in [
        json!([{ "gsub": { "field": "a", "pattern": ".+", "replacement": many } }]),
        json!([{ "set": { "field": "b", "value": "{{a}}".repeat(1_000) } }]),
        json!([{ "set": { "field": "b", "value": vec!["{{a}}"; 1_000] } }]),
        json!([{ "foreach": { "field": "l", "processor": { "append": { "field": "b", "value": "{{a}}" } } } }]),
    ] {
        let source = json!({ "a": text, "l": vec![0; 100] }).to_string();
        let error = run(&row.to_string(), &source).expect_err("it grows too much");
        assert!(error.contains("bytes"), "{error}");
    }
}

#[test]
fn calls_are_bounded() {
    let run = |depth: usize| {
        let find = |name: &str| {
            let at: usize = name.parse().ok()?;
            let steps = if at < depth {
                json!([{ "pipeline": { "name": (at + 1).to_string() } }])
            } else {
                json!([])
            };
            Pipeline::parse(name, &json!({ "processors": steps })).ok().map(Arc::new)
        };
        let mut document = document("{}");
        let first = find("0").expect("it is right");
        first.run(&mut document, &find, NOW_MS).map(|_| ()).map_err(|error| error.reason)
    };
    bounded(CALLS_MAX, "more than 100 deep", run);
}

#[test]
fn simulations_are_bounded() {
    let run = |docs: Vec<Value>, steps: usize| {
        let processors = vec![json!({ "set": { "field": "b", "value": 1 } }); steps];
        let body = json!({ "pipeline": { "processors": processors }, "docs": docs });
        simulate(None, &body, steps > 0, &|_| None, NOW_MS).map_err(|error| error.reason)
    };
    bounded(SIMULATED_MAX, "at most 1000 documents", |count| {
        run(vec![json!({ "_source": {} }); count], 0).map(|_| ())
    });
    // About a megabyte a step.
    let docs = vec![json!({ "_source": { "a": "x".repeat(1 << 20) } })];
    let shown = run(docs, 80).expect("the failure is part of the answer");
    let results = shown["docs"][0]["processor_results"].as_array().map_or(0, Vec::len);
    assert_eq!(results, SHOWN_MAX / ((1 << 20) + 700));
}
