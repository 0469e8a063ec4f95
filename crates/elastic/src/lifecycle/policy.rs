//! What a policy says is due for an index of some age.

use logs::mapping::simple_match;
use serde_json::{Map, Value};

use crate::meta::{Kind, Meta};
use crate::settings::duration_ms;

/// Most states that are walked through.
const STATES_MAX: usize = 100;

/// What is to be done.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Due {
    /// The conditions of a rollover.
    pub(super) rollover: Option<Value>,
    pub(super) delete: bool,
}

/// What an Elasticsearch policy says.
pub(super) fn ilm(policy: &Value, age_ms: i64) -> Due {
    let phases = policy.pointer("/policy/phases");
    let phase = |name: &str| phases.and_then(|phases| phases.get(name));
    let rollover = phase("hot").and_then(|hot| hot.pointer("/actions/rollover")).cloned();
    let delete = phase("delete").is_some_and(|delete| {
        let acts = delete.get("actions").is_none_or(|actions| actions.get("delete").is_some());
        let age = delete.get("min_age").and_then(Value::as_str).unwrap_or("0ms");
        acts && duration_ms(age).is_some_and(|min| age_ms >= min)
    });
    Due { rollover: rollover.filter(has_conditions), delete }
}

fn has_conditions(value: &Value) -> bool {
    value.as_object().is_some_and(|map| !map.is_empty())
}

/// What an `OpenSearch` policy says: states are walked through as far as their transitions are due.
pub(super) fn ism(policy: &Value, age_ms: i64) -> Due {
    let body = policy.get("policy").unwrap_or(policy);
    let states = body.get("states").and_then(Value::as_array);
    let find = |name: &str| {
        states.into_iter().flatten().find(|state| state.get("name") == Some(&Value::from(name)))
    };
    let mut due = Due::default();
    let first = body.get("default_state").and_then(Value::as_str);
    let mut state = first.and_then(find);
    for _ in 0..STATES_MAX {
        let Some(at) = state else { break };
        for action in at.get("actions").and_then(Value::as_array).into_iter().flatten() {
            due.delete |= action.get("delete").is_some();
            if let Some(conditions) = action.get("rollover").and_then(Value::as_object) {
                due.rollover = Some(renamed(conditions)).filter(has_conditions);
            }
        }
        let transitions = at.get("transitions").and_then(Value::as_array);
        let next = transitions.into_iter().flatten().find(|transition| is_due(transition, age_ms));
        state = next.and_then(|next| next.get("state_name")?.as_str()).and_then(find);
    }
    due
}

/// The conditions of an ISM rollover in the words of `_rollover`.
fn renamed(conditions: &Map<String, Value>) -> Value {
    let one = |(name, value): (&String, &Value)| {
        let name = match name.as_str() {
            "min_index_age" => "max_age",
            "min_doc_count" => "max_docs",
            "min_size" => "max_size",
            "min_primary_shard_size" => "max_primary_shard_size",
            _ => return None,
        };
        Some((name.to_owned(), value.clone()))
    };
    Value::Object(conditions.iter().filter_map(one).collect())
}

/// Whether a transition's conditions hold: only ages can. One that we do not know never does, for it may guard a deletion.
fn is_due(transition: &Value, age_ms: i64) -> bool {
    let conditions = transition.get("conditions").and_then(Value::as_object);
    conditions.into_iter().flatten().all(|(name, value)| {
        let min = value.as_str().and_then(duration_ms);
        name == "min_index_age" && min.is_some_and(|min| age_ms >= min)
    })
}

/// The policy whose `ism_template` fits a new index best.
pub(super) fn by_template(meta: &Meta, index: &str) -> Option<String> {
    let mut best: Option<(i64, String)> = None;
    for (name, policy) in meta.all(Kind::IsmPolicy) {
        let body = policy.get("policy").unwrap_or(policy);
        let templates = body.get("ism_template");
        let list = templates.and_then(Value::as_array).map(Vec::as_slice);
        let list = list.or_else(|| templates.map(std::slice::from_ref)).unwrap_or_default();
        for template in list {
            let patterns = template.get("index_patterns").and_then(Value::as_array);
            let mut patterns = patterns.into_iter().flatten().filter_map(Value::as_str);
            let priority = template.get("priority").and_then(Value::as_i64).unwrap_or(0);
            if patterns.any(|pattern| simple_match(pattern, index))
                && best.as_ref().is_none_or(|(have, _)| priority > *have)
            {
                best = Some((priority, name.clone()));
            }
        }
    }
    best.map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DAY: i64 = 86_400_000;

    #[test]
    fn elasticsearchs_policies() {
        let policy = json!({"policy": {"phases": {
            "hot": {"actions": {"rollover": {"max_age": "1d"}}},
            "delete": {"min_age": "30d", "actions": {"delete": {}}},
        }}});
        let rollover = Some(json!({"max_age": "1d"}));
        assert_eq!(ilm(&policy, 29 * DAY), Due { rollover: rollover.clone(), delete: false });
        assert_eq!(ilm(&policy, 30 * DAY), Due { rollover, delete: true });
        assert_eq!(ilm(&json!({"policy": {"phases": {"hot": {}}}}), DAY), Due::default());
    }

    #[test]
    fn opensearchs_policies() {
        let policy = json!({"policy": {"default_state": "hot", "states": [
            {"name": "hot", "actions": [{"rollover": {"min_doc_count": 5}}],
             "transitions": [{"state_name": "gone", "conditions": {"min_index_age": "7d"}}]},
            {"name": "gone", "actions": [{"delete": {}}]},
        ]}});
        let rollover = Some(json!({"max_docs": 5}));
        assert_eq!(ism(&policy, 6 * DAY), Due { rollover: rollover.clone(), delete: false });
        assert_eq!(ism(&policy, 7 * DAY), Due { rollover, delete: true });
        let unknown = json!({"policy": {"default_state": "a", "states": [
            {"name": "a", "transitions": [{"state_name": "b", "conditions": {"cron": {}}}]},
            {"name": "b", "actions": [{"delete": {}}]},
        ]}});
        assert_eq!(ism(&unknown, 900 * DAY), Due::default());
    }
}
