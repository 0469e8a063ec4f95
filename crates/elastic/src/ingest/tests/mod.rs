//! Pipelines over documents: what goes in, what comes out.

mod fields;
mod flow;
mod limits;
mod parsing;
mod texts;

use std::sync::Arc;

use expect_test::Expect;
use serde_json::{Map, Value, json};

use super::{Document, Outcome, Pipeline};

/// 2026-11-25T01:25:24.000Z
const NOW_MS: i64 = 1_795_569_924_000;

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("the test's JSON is right")
}

fn document(source: &str) -> Document {
    let Value::Object(source) = value(source) else { panic!("a source is an object") };
    Document::new("logs", Some("1"), None, source, NOW_MS)
}

/// Runs `processors` over a source, with no other pipelines to call.
fn ran(processors: &str, source: &str) -> String {
    let definition = json!({ "processors": value(processors) });
    let pipeline = match Pipeline::parse("p", &definition) {
        Ok(pipeline) => pipeline,
        Err(error) => return format!("refused: {error}"),
    };
    let mut document = document(source);
    match pipeline.run(&mut document, &|_| None, NOW_MS) {
        Ok(Outcome::Kept) => Value::Object(document.source).to_string(),
        Ok(Outcome::Dropped) => "dropped".to_owned(),
        Err(error) => format!("failed: {error}"),
    }
}

/// Rows of `processors` and a source, and what comes of each.
fn check(rows: &[(&str, &str)], expected: &Expect) {
    let lines: Vec<String> =
        rows.iter().map(|(processors, source)| ran(&format!("[{processors}]"), source)).collect();
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

/// A list of named pipelines, for those that call each other.
fn named(pipelines: &[(&str, &str)]) -> Vec<Arc<Pipeline>> {
    let parsed = pipelines.iter().map(|(id, definition)| {
        Arc::new(Pipeline::parse(id, &value(definition)).expect("the test's pipeline is right"))
    });
    parsed.collect()
}

fn source_of(members: Map<String, Value>) -> String {
    Value::Object(members).to_string()
}
