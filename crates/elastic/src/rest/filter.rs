//! `filter_path`: which parts of an answer are sent.

use serde_json::{Map, Value};

use logs::mapping::simple_match;

/// Most patterns of a `filter_path`.
pub(super) const PATTERNS_MAX: usize = 1_000;

type Pattern<'a> = Vec<&'a str>;

/// `value` as `filter_path` leaves it: patterns of dotted names with `*` and `**`; one that begins with `-` takes away.
pub(super) fn filtered(value: Value, filter_path: &str) -> Value {
    let patterns = filter_path.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
    let (takes, keeps): (Vec<&str>, Vec<&str>) =
        patterns.take(PATTERNS_MAX).partition(|pattern| pattern.starts_with('-'));
    let keeps: Vec<Pattern<'_>> = keeps.iter().map(|one| one.split('.').collect()).collect();
    let takes: Vec<Pattern<'_>> =
        takes.iter().map(|one| one.trim_start_matches('-').split('.').collect()).collect();
    let value = if takes.is_empty() { value } else { without(value, &takes) };
    if keeps.is_empty() {
        return value;
    }
    kept(&value, &keeps).unwrap_or_else(|| Value::Object(Map::new()))
}

/// The patterns as they go on below a member `name`, and whether one ends with it.
fn step<'a>(patterns: &[Pattern<'a>], name: &str) -> (Vec<Pattern<'a>>, bool) {
    let mut below = Vec::new();
    let mut ends = false;
    for pattern in patterns {
        let Some((first, rest)) = pattern.split_first() else { continue };
        if *first == "**" {
            // Stands for this name and more.
            below.push(pattern.clone());
            match rest.split_first() {
                None => ends = true,
                Some((next, after)) if simple_match(next, name) => {
                    if after.is_empty() {
                        ends = true;
                    } else {
                        below.push(after.to_vec());
                    }
                }
                Some(_) => {}
            }
        } else if simple_match(first, name) {
            if rest.is_empty() {
                ends = true;
            } else {
                below.push(rest.to_vec());
            }
        }
    }
    (below, ends)
}

fn kept(value: &Value, patterns: &[Pattern<'_>]) -> Option<Value> {
    if let Some(list) = value.as_array() {
        let list: Vec<Value> = list.iter().filter_map(|item| kept(item, patterns)).collect();
        return (!list.is_empty()).then_some(Value::Array(list));
    }
    let mut object = Map::new();
    for (name, member) in value.as_object()? {
        let (below, ends) = step(patterns, name);
        let member = if ends {
            Some(member.clone())
        } else if below.is_empty() {
            None
        } else {
            kept(member, &below)
        };
        if let Some(member) = member {
            object.insert(name.clone(), member);
        }
    }
    (!object.is_empty()).then_some(Value::Object(object))
}

fn without(value: Value, patterns: &[Pattern<'_>]) -> Value {
    match value {
        Value::Array(list) => {
            Value::Array(list.into_iter().map(|item| without(item, patterns)).collect())
        }
        Value::Object(object) => {
            let mut left = Map::new();
            for (name, member) in object {
                let (below, ends) = step(patterns, &name);
                if !ends {
                    let member = if below.is_empty() { member } else { without(member, &below) };
                    left.insert(name, member);
                }
            }
            Value::Object(left)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_choose_members() {
        let value = json!({"took": 1, "errors": true, "items": [
            {"create": {"_index": "a", "status": 201}},
            {"index": {"_index": "a", "status": 400, "error": {"type": "t", "reason": "r"}}},
        ]});
        for (path, want) in [
            ("took", json!({"took": 1})),
            ("nothing", json!({})),
            (
                "errors,items.*.error,items.*.status",
                json!({"errors": true, "items": [{"create": {"status": 201}},
                    {"index": {"status": 400, "error": {"type": "t", "reason": "r"}}}]}),
            ),
            ("items.*.error.type", json!({"items": [{"index": {"error": {"type": "t"}}}]})),
            ("**.reason", json!({"items": [{"index": {"error": {"reason": "r"}}}]})),
            ("-items", json!({"took": 1, "errors": true})),
            ("t*,-took", json!({})),
            (
                "items,-items.*.error,-**._index",
                json!({"items": [{"create": {"status": 201}}, {"index": {"status": 400}}]}),
            ),
        ] {
            assert_eq!(filtered(value.clone(), path), want, "{path}");
        }
    }
}
