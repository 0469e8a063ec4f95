//! YAML nodes as JSON values.

use serde_json::{Map, Number, Value};

use crate::yaml::{self, Content, Node, Resolved, Scalar};

fn scalar(scalar: &Scalar) -> Value {
    match scalar.resolve() {
        Resolved::Null => Value::Null,
        Resolved::Bool(value) => value.into(),
        Resolved::Int(value) => value.into(),
        Resolved::Uint(value) => value.into(),
        Resolved::Float(value) => Number::from_f64(value).map_or(Value::Null, Value::Number),
        Resolved::Text => scalar.text.clone().into(),
    }
}

fn value(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(one) => scalar(one),
        Content::Seq(items) => items.iter().map(value).collect(),
        Content::Map(entries) => Value::Object(
            entries
                .iter()
                .map(|entry| (entry.key.text.clone(), value(&entry.value)))
                .collect::<Map<_, _>>(),
        ),
    }
}

/// The documents of a file, one behind the other.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, String> {
    let mut documents = Vec::new();
    let mut document = String::new();
    for line in text.lines().chain(["---"]) {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            if let Some(node) = yaml::parse(&document).map_err(|error| error.to_string())? {
                documents.push(value(&node));
            }
            document.clear();
        } else {
            document.push_str(line);
            document.push('\n');
        }
    }
    Ok(documents)
}
