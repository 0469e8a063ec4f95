//! Which part of a document is shown: `_source`, `_source_includes`, `_source_excludes`.

use logs::mapping::simple_match;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::rest::Call;

/// Deepest level that patterns look into.
const DEPTH_MAX: usize = 128;

/// What is shown of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// `false`: nothing.
    pub(crate) shown: bool,
    pub(crate) includes: Vec<String>,
    pub(crate) excludes: Vec<String>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { shown: true, includes: Vec::new(), excludes: Vec::new() }
    }
}

impl Filter {
    /// What the parameters of a call say; `None` when they say nothing.
    pub(crate) fn of_params(call: &Call<'_>) -> Option<Self> {
        let list = |name: &str, old: &str| {
            let found = call.params.list(name).or_else(|| call.params.list(old));
            found.map(|list| list.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let includes = list("_source_includes", "_source_include");
        let excludes = list("_source_excludes", "_source_exclude");
        let source = call.param("_source");
        if source.is_none() && includes.is_none() && excludes.is_none() {
            return None;
        }
        let mut filter = Self {
            shown: true,
            includes: includes.unwrap_or_default(),
            excludes: excludes.unwrap_or_default(),
        };
        match source {
            None | Some("true" | "") => {}
            Some("false") => filter.shown = false,
            Some(list) => filter.includes.extend(list.split(',').map(str::to_owned)),
        }
        Some(filter)
    }

    /// What `_source` of a body says: a boolean, a pattern, a list, or an object with `includes` and `excludes`.
    pub(crate) fn of_body(value: &Value) -> Result<Self, Error> {
        let texts = |value: &Value| -> Vec<String> {
            let one = |value: &Value| value.as_str().map(str::to_owned);
            match value.as_array() {
                Some(list) => list.iter().filter_map(one).collect(),
                None => one(value).into_iter().collect(),
            }
        };
        match value {
            Value::Bool(shown) => Ok(Self { shown: *shown, ..Self::default() }),
            Value::String(_) | Value::Array(_) => {
                Ok(Self { includes: texts(value), ..Self::default() })
            }
            Value::Object(map) => {
                let mut filter = Self::default();
                for (key, value) in map {
                    match key.as_str() {
                        "includes" | "include" => filter.includes = texts(value),
                        "excludes" | "exclude" => filter.excludes = texts(value),
                        _ => {
                            return Err(Error::new(
                                400,
                                "parsing_exception",
                                format!("Unknown key for a START_OBJECT in [{key}]."),
                            ));
                        }
                    }
                }
                Ok(filter)
            }
            Value::Null | Value::Number(_) => Err(Error::new(
                400,
                "parsing_exception",
                "Expected one of [VALUE_BOOLEAN, VALUE_STRING, START_ARRAY, START_OBJECT] for [_source]",
            )),
        }
    }

    /// Whether it lets everything through.
    pub(crate) fn is_everything(&self) -> bool {
        self.shown && self.includes.is_empty() && self.excludes.is_empty()
    }

    /// The part of `document` that is shown.
    pub(crate) fn apply(&self, document: Value) -> Value {
        if self.is_everything() {
            return document;
        }
        let Value::Object(map) = document else { return document };
        let included = self.includes.is_empty();
        Value::Object(self.part(map, "", included, 0))
    }

    fn part(
        &self,
        map: Map<String, Value>,
        path: &str,
        included: bool,
        depth: usize,
    ) -> Map<String, Value> {
        let mut out = Map::new();
        for (key, value) in map {
            let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            // A key with dots stands for the objects that it names.
            let names = full.match_indices('.').map(|(at, _)| at).chain([full.len()]);
            let inside: Vec<&str> =
                names.filter(|at| *at > path.len()).map(|at| &full[..at]).collect();
            let fits = |patterns: &[String]| {
                patterns.iter().any(|one| inside.iter().any(|name| simple_match(one, name)))
            };
            if fits(&self.excludes) {
                continue;
            }
            let included = included || fits(&self.includes);
            if let Some(value) = self.value(value, &full, included, depth) {
                out.insert(key, value);
            }
        }
        out
    }

    fn value(&self, value: Value, path: &str, included: bool, depth: usize) -> Option<Value> {
        if depth >= DEPTH_MAX {
            return included.then_some(value);
        }
        match value {
            Value::Object(map) => {
                let part = self.part(map, path, included, depth + 1);
                (included || !part.is_empty()).then_some(Value::Object(part))
            }
            Value::Array(list) => {
                let list: Vec<Value> = list
                    .into_iter()
                    .filter_map(|item| self.value(item, path, included, depth + 1))
                    .collect();
                (included || !list.is_empty()).then_some(Value::Array(list))
            }
            leaf @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                included.then_some(leaf)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_of_documents() {
        let document = json!({"a": {"b": 1, "c": [{"d": 2, "e": 3}]}, "f": 4});
        for (source, want) in [
            (json!(true), document.clone()),
            (json!("a.b"), json!({"a": {"b": 1}})),
            (json!("a"), json!({"a": {"b": 1, "c": [{"d": 2, "e": 3}]}})),
            (json!(["*.d", "f"]), json!({"a": {"c": [{"d": 2}]}, "f": 4})),
            (json!({"excludes": ["a.c", "f"]}), json!({"a": {"b": 1}})),
            (json!({"excludes": ["a.*"]}), json!({"a": {}, "f": 4})),
            (
                json!({"includes": ["a"], "excludes": ["a.c.e"]}),
                json!({"a": {"b": 1, "c": [{"d": 2}]}}),
            ),
            (json!("nope"), json!({})),
        ] {
            assert_eq!(Filter::of_body(&source).unwrap().apply(document.clone()), want, "{source}");
        }
    }

    #[test]
    fn keys_with_dots_are_paths() {
        let document = json!({"a.b": 1, "a": {"b.c": 2}, "d": 3});
        for (source, want) in [
            (json!("a"), json!({"a.b": 1, "a": {"b.c": 2}})),
            (json!("a.b"), json!({"a.b": 1, "a": {"b.c": 2}})),
            (json!({"excludes": ["a"]}), json!({"d": 3})),
            (json!({"excludes": ["a.b.c"]}), json!({"a.b": 1, "a": {}, "d": 3})),
        ] {
            assert_eq!(Filter::of_body(&source).unwrap().apply(document.clone()), want, "{source}");
        }
    }
}
