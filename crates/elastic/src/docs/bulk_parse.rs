//! The lines of a bulk body.

use logs::store::Condition;
use serde_json::{Map, Value};

use super::single::condition_of;
use super::{Kind, Need};
use crate::error::Error;
use crate::rest::{Call, json_of};

/// Most actions of a body.
pub(super) const ACTIONS_MAX: usize = 1_000_000;

/// What an action line says.
#[derive(Debug, Clone)]
pub(super) struct Action {
    pub(super) kind: Kind,
    /// Empty where neither the line nor the URL names one.
    pub(super) index: String,
    pub(super) id: Option<String>,
    pub(super) routing: Option<String>,
    pub(super) pipeline: Option<String>,
    pub(super) need: Need,
    pub(super) condition: Condition,
    pub(super) retries: i64,
    /// `dynamic_templates`: by path, the name of a template.
    pub(super) templates: Option<Map<String, Value>>,
    pub(super) source: Option<Value>,
}

/// An action with its document, if it has one.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) action: Action,
    pub(super) source: &'a [u8],
}

/// What the URL says for all actions.
#[derive(Debug)]
struct Defaults<'a> {
    index: &'a str,
    routing: Option<&'a str>,
    pipeline: Option<&'a str>,
    need: Need,
}

/// The actions of a body.
pub(super) fn parse<'a>(call: &'a Call<'_>) -> Result<Vec<Item<'a>>, Error> {
    let body = call.request.body;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::new(400, "parse_exception", "request body is required"));
    }
    if body.last() != Some(&b'\n') {
        return Err(Error::illegal("The bulk request must be terminated by a newline [\\n]"));
    }
    let defaults = Defaults {
        index: call.part("index"),
        routing: call.param("routing"),
        pipeline: call.param("pipeline"),
        need: Need {
            alias: call.flag("require_alias", false)?,
            stream: call.flag("require_data_stream", false)?,
        },
    };
    let mut items = Vec::new();
    // Most action lines are like the one before.
    let mut last: Option<(&[u8], Action)> = None;
    let mut lines = call.lines()?.enumerate();
    while let Some((at, line)) = lines.next() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let action = match &last {
            Some((same, action)) if *same == line => action.clone(),
            Some(_) | None => {
                let action = parse_action(line, at + 1, &defaults)?;
                last = Some((line, action.clone()));
                action
            }
        };
        if items.len() >= ACTIONS_MAX {
            return Err(Error::illegal(format!("more than {ACTIONS_MAX} actions")));
        }
        let source = if action.kind == Kind::Delete {
            &[][..]
        } else {
            let next = lines.next().map(|(_, source)| source);
            next.ok_or_else(|| {
                Error::illegal("The bulk request must be terminated by a newline [\\n]")
            })?
        };
        items.push(Item { action, source });
    }
    check(&items)?;
    Ok(items)
}

fn parse_action(line: &[u8], number: usize, defaults: &Defaults<'_>) -> Result<Action, Error> {
    let malformed =
        |what: &str| Error::illegal(format!("Malformed action/metadata line [{number}], {what}"));
    let value = json_of(line)?;
    let Some(object) = value.as_object() else {
        return Err(malformed(&format!("expected START_OBJECT but found [{}]", token(&value))));
    };
    let mut members = object.iter();
    let Some((name, body)) = members.next() else {
        return Err(malformed("expected FIELD_NAME but found [END_OBJECT]"));
    };
    let kind = match name.as_str() {
        "index" => Kind::Index,
        "create" => Kind::Create,
        "update" => Kind::Update,
        "delete" => Kind::Delete,
        other => {
            return Err(malformed(&format!(
                "expected field [create], [delete], [index] or [update] but found [{other}]"
            )));
        }
    };
    if members.next().is_some() {
        return Err(malformed("expected END_OBJECT but found [FIELD_NAME]"));
    }
    let Some(body) = body.as_object() else {
        return Err(malformed(&format!("expected START_OBJECT but found [{}]", token(body))));
    };
    fill(kind, body, number, defaults)
}

fn fill(
    kind: Kind,
    body: &Map<String, Value>,
    number: usize,
    defaults: &Defaults<'_>,
) -> Result<Action, Error> {
    let mut action = Action {
        kind,
        index: defaults.index.to_owned(),
        id: None,
        routing: defaults.routing.map(str::to_owned),
        pipeline: defaults.pipeline.map(str::to_owned),
        need: defaults.need,
        condition: Condition::None,
        retries: 0,
        templates: None,
        source: None,
    };
    let (mut seq, mut term, mut version, mut version_type) =
        (None, None, None, "internal".to_owned());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let flag = |value: &Value| value == &Value::Bool(true) || value == "true";
    let whole = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    for (key, value) in body {
        if value.is_null() {
            continue;
        }
        match key.as_str() {
            "_index" => action.index = text(value),
            "_id" => action.id = Some(text(value)),
            "routing" | "_routing" => action.routing = Some(text(value)),
            "pipeline" => action.pipeline = Some(text(value)),
            "op_type" if value == "create" => action.kind = Kind::Create,
            "require_alias" => action.need.alias = flag(value),
            "require_data_stream" => action.need.stream = flag(value),
            "if_seq_no" => seq = whole(value),
            "if_primary_term" => term = whole(value),
            "version" | "_version" => version = whole(value),
            "version_type" | "_version_type" => version_type = text(value),
            "retry_on_conflict" | "_retry_on_conflict" => {
                action.retries = value.as_i64().unwrap_or(0).clamp(0, 100);
            }
            "dynamic_templates" => action.templates = value.as_object().cloned(),
            "_source" => action.source = Some(value.clone()),
            // What older shippers send.
            "_type"
            | "parent"
            | "_parent"
            | "op_type"
            | "list_executed_pipelines"
            | "batch_size" => {}
            _ => {
                return Err(Error::illegal(format!(
                    "Action/metadata line [{number}] contains an unknown parameter [{key}]"
                )));
            }
        }
    }
    action.condition = condition_of(seq, term, version, &version_type)?;
    Ok(action)
}

/// What a JSON value is called in errors.
fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

/// What makes the whole request wrong.
fn check(items: &[Item<'_>]) -> Result<(), Error> {
    let mut problems = Vec::new();
    for item in items {
        let action = &item.action;
        if action.index.is_empty() {
            problems.push("index is missing");
        }
        if action.id.is_none() && matches!(action.kind, Kind::Update | Kind::Delete) {
            problems.push("id is missing");
        }
        if problems.len() >= 100 {
            break;
        }
    }
    if items.is_empty() {
        problems.push("no requests added");
    }
    if problems.is_empty() {
        return Ok(());
    }
    let texts = problems.iter().enumerate().map(|(at, text)| format!(" {}: {text};", at + 1));
    let reason = format!("Validation Failed:{}", texts.collect::<String>());
    Err(Error::new(400, "action_request_validation_exception", reason))
}
