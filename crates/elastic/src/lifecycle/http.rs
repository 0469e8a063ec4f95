//! `_ilm` and `_plugins/_ism`.

use logs::mapping::simple_match;
use serde_json::{Map, Value, json};

use super::{ILM, ISM, of_index};
use crate::Elastic;
use crate::error::{self, Error};
use crate::meta::Kind;
use crate::resolve::{self, Options};
use crate::rest::Scope::{Admin, Read};
use crate::rest::route::{DELETE, GET, GET_HEAD, GET_POST, INDICES, POST, PUT, TIMEOUTS, route};
use crate::rest::{Answer, Call, Content, Method, Route, acknowledged};
use crate::settings;

const POLICY: &[&str] = &["if_seq_no", "if_primary_term", "policyID"];
const PAGE: &[&str] =
    &["size", "from", "sortField", "sortOrder", "queryString", "show_policy", "validate_action"];

pub(crate) const ROUTES: &[Route] = &[
    route(GET_HEAD, "/_ilm/policy", Read, &[TIMEOUTS], get_ilm),
    route(GET_HEAD, "/_ilm/policy/{name}", Read, &[TIMEOUTS], get_ilm),
    route(PUT, "/_ilm/policy/{name}", Admin, &[TIMEOUTS], put_ilm),
    route(DELETE, "/_ilm/policy/{name}", Admin, &[TIMEOUTS], delete_ilm),
    route(GET, "/_ilm/status", Read, &[TIMEOUTS], status),
    route(POST, "/_ilm/start", Admin, &[TIMEOUTS], start),
    route(POST, "/_ilm/stop", Admin, &[TIMEOUTS], stop),
    route(
        GET,
        "/{index}/_ilm/explain",
        Read,
        &[TIMEOUTS, INDICES, &["only_managed", "only_errors"]],
        explain_ilm,
    ),
    route(POST, "/{index}/_ilm/remove", Admin, &[TIMEOUTS, INDICES], remove_ilm),
    route(GET_HEAD, "/_plugins/_ism/policies", Read, &[TIMEOUTS, PAGE], get_ism),
    route(GET_HEAD, "/_plugins/_ism/policies/{name}", Read, &[TIMEOUTS, PAGE], get_ism),
    route(PUT, "/_plugins/_ism/policies/{name}", Admin, &[TIMEOUTS, POLICY], put_ism),
    route(DELETE, "/_plugins/_ism/policies/{name}", Admin, &[TIMEOUTS], delete_ism),
    route(
        GET_POST,
        "/_plugins/_ism/explain/{index}",
        Read,
        &[TIMEOUTS, INDICES, PAGE],
        explain_ism,
    ),
    route(POST, "/_plugins/_ism/add/{index}", Admin, &[TIMEOUTS, INDICES], add_ism),
    route(POST, "/_plugins/_ism/remove/{index}", Admin, &[TIMEOUTS, INDICES], remove_ism),
    route(POST, "/_plugins/_ism/change_policy/{index}", Admin, &[TIMEOUTS, INDICES], add_ism),
    route(GET_HEAD, "/_opendistro/_ism/policies", Read, &[TIMEOUTS, PAGE], get_ism),
    route(GET_HEAD, "/_opendistro/_ism/policies/{name}", Read, &[TIMEOUTS, PAGE], get_ism),
    route(PUT, "/_opendistro/_ism/policies/{name}", Admin, &[TIMEOUTS, POLICY], put_ism),
    route(DELETE, "/_opendistro/_ism/policies/{name}", Admin, &[TIMEOUTS], delete_ism),
    route(POST, "/_opendistro/_ism/add/{index}", Admin, &[TIMEOUTS, INDICES], add_ism),
];

/// `GET /_ilm/policy/{name}`
fn get_ilm(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let asked =
        |name: &str| names.is_empty() || names.iter().any(|pattern| simple_match(pattern, name));
    let found: Map<String, Value> = elastic
        .meta()
        .all(Kind::IlmPolicy)
        .filter(|(name, _)| asked(name))
        .map(|(name, policy)| (name.clone(), (**policy).clone()))
        .collect();
    let missing = found.is_empty() && names.iter().any(|name| !name.contains('*'));
    if call.request.method == Method::Head {
        return Ok(Answer::empty(if missing { 404 } else { 200 }));
    }
    if missing {
        let reason = format!("Lifecycle policy not found: {}", names.join(","));
        return Err(Error::new(404, "resource_not_found_exception", reason));
    }
    Ok(Answer::json(Value::Object(found)))
}

/// `PUT /_ilm/policy/{name}`
fn put_ilm(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = call.part("name");
    let body = call.required_json()?;
    if body.pointer("/policy/phases").is_none_or(|phases| !phases.is_object()) {
        return Err(Error::illegal("Required [phases]"));
    }
    let changing = elastic.change();
    let meta = elastic.meta();
    let version = meta.get(Kind::IlmPolicy, name).and_then(|have| have.get("version")?.as_u64());
    let kept = json!({
        "version": version.unwrap_or(0) + 1,
        "modified_date": stdx::time::rfc3339_ms(elastic.clock.now_ms()),
        "policy": body["policy"],
    });
    elastic.put(&changing, Kind::IlmPolicy, name, Some(kept))?;
    Ok(acknowledged())
}

/// `DELETE /_ilm/policy/{name}`
fn delete_ilm(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = call.part("name");
    let changing = elastic.change();
    if elastic.meta().get(Kind::IlmPolicy, name).is_none() {
        let reason = format!("Lifecycle policy not found: {name}");
        return Err(Error::new(404, "resource_not_found_exception", reason));
    }
    let user = elastic
        .store
        .indices()
        .into_iter()
        .find(|index| settings::text(&index.settings(), ILM) == Some(name));
    if let Some(user) = user {
        return Err(Error::illegal(format!(
            "Cannot delete policy [{name}]. It is in use by one or more indices: [{}]",
            user.name()
        )));
    }
    elastic.put(&changing, Kind::IlmPolicy, name, None)?;
    Ok(acknowledged())
}

fn status(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(Answer::json(json!({ "operation_mode": "RUNNING" })))
}

fn start(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Ok(acknowledged())
}

fn stop(_: &Elastic, _: &Call<'_>) -> Result<Answer, Error> {
    Err(Error::illegal("lifecycles cannot be stopped: take the policy off the index"))
}

/// `GET /{index}/_ilm/explain`
fn explain_ilm(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let options = Options::admin_closed_too().of(call)?;
    let mut indices = Map::new();
    for target in resolve::targets(elastic, call.part("index"), options)? {
        let index = &target.index;
        let settings = index.settings();
        let policy = settings::text(&settings, ILM);
        let mut one = json!({ "index": index.name(), "managed": policy.is_some() });
        if let Some(policy) = policy {
            one["policy"] = policy.into();
            one["index_creation_date_millis"] = index.created_ms().into();
            one["lifecycle_date_millis"] = index.created_ms().into();
            one["honoured"] = json!(["rollover", "delete"]);
        }
        indices.insert(index.name().to_owned(), one);
    }
    Ok(Answer::json(json!({ "indices": indices })))
}

fn remove_ilm(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    for target in resolve::targets(elastic, call.part("index"), Options::admin().of(call)?)? {
        set(elastic, target.index.name(), ILM, None)?;
    }
    Ok(Answer::json(json!({ "has_failures": false, "failed_indexes": [] })))
}

fn set(elastic: &Elastic, index: &str, name: &str, value: Option<&str>) -> Result<(), Error> {
    let _changing = elastic.change();
    let changed = elastic.store.change(index, &mut |settings, _| {
        match value {
            Some(value) => settings.insert(name.to_owned(), value.into()),
            None => settings.remove(name),
        };
        Ok(())
    });
    changed.map_err(|e| error::store(&e))
}

fn shown(name: &str, policy: &Value) -> Value {
    json!({ "_id": name, "_version": 1, "_seq_no": 0, "_primary_term": 1, "policy": policy["policy"] })
}

/// `GET /_plugins/_ism/policies/{name}`
fn get_ism(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let meta = elastic.meta();
    let Some(name) = call.param("name") else {
        let all: Vec<Value> =
            meta.all(Kind::IsmPolicy).map(|(name, policy)| shown(name, policy)).collect();
        return Ok(Answer::json(json!({ "policies": all, "total_policies": all.len() })));
    };
    let found = meta.get(Kind::IsmPolicy, name);
    if call.request.method == Method::Head {
        return Ok(Answer::empty(if found.is_some() { 200 } else { 404 }));
    }
    let policy = found.ok_or_else(|| no_policy(name))?;
    Ok(Answer::json(shown(name, policy)))
}

fn no_policy(name: &str) -> Error {
    Error::new(404, "status_exception", format!("Policy not found: {name}"))
}

/// `PUT /_plugins/_ism/policies/{name}`
fn put_ism(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = call.part("name");
    let body = call.required_json()?;
    if body.pointer("/policy/states").is_none_or(|states| !states.is_array()) {
        return Err(Error::illegal("the policy has no states"));
    }
    let changing = elastic.change();
    let is_new = elastic.meta().get(Kind::IsmPolicy, name).is_none();
    if !is_new && call.param("if_seq_no").is_none() {
        let reason =
            format!("[{name}]: version conflict, document already exists (current version [1])");
        return Err(Error::new(409, "version_conflict_engine_exception", reason));
    }
    let mut kept = json!({ "policy": body["policy"] });
    kept["policy"]["policy_id"] = name.into();
    let answer = shown(name, &kept);
    elastic.put(&changing, Kind::IsmPolicy, name, Some(kept))?;
    Ok(Answer::of(if is_new { 201 } else { 200 }, Content::Json(answer)))
}

/// `DELETE /_plugins/_ism/policies/{name}`
fn delete_ism(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let name = call.part("name");
    let changing = elastic.change();
    if elastic.meta().get(Kind::IsmPolicy, name).is_none() {
        return Err(no_policy(name));
    }
    elastic.put(&changing, Kind::IsmPolicy, name, None)?;
    Ok(Answer::json(
        json!({ "_index": ".opendistro-ism-config", "_id": name, "_version": 2, "result": "deleted",
        "_shards": { "total": 1, "successful": 1, "failed": 0 }, "_seq_no": 1, "_primary_term": 1 }),
    ))
}

/// `GET /_plugins/_ism/explain/{index}`
fn explain_ism(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let meta = elastic.meta();
    let mut out = Map::new();
    let options = Options::admin_closed_too().of(call)?;
    for target in resolve::targets(elastic, call.part("index"), options)? {
        let index = &target.index;
        let policy = of_index(&meta, index.name(), &index.settings());
        let policy = policy.filter(|(kind, _)| *kind == Kind::IsmPolicy);
        let id = policy.and_then(|(_, policy)| policy.pointer("/policy/policy_id").cloned());
        let id = id.unwrap_or(Value::Null);
        out.insert(
            index.name().to_owned(),
            json!({ ISM: id, "index": index.name(), "index_uuid": index.uuid(), "policy_id": id, "enabled": !id.is_null() }),
        );
    }
    out.insert("total_managed_indices".to_owned(), out.len().into());
    Ok(Answer::json(Value::Object(out)))
}

/// `POST /_plugins/_ism/add/{index}`
fn add_ism(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let body = call.required_json()?;
    let policy = body.get("policy_id").and_then(Value::as_str);
    let policy = policy.ok_or_else(|| Error::illegal("Missing policy_id"))?;
    if elastic.meta().get(Kind::IsmPolicy, policy).is_none() {
        return Err(no_policy(policy));
    }
    change_ism(elastic, call, Some(policy))
}

/// `POST /_plugins/_ism/remove/{index}`
fn remove_ism(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    change_ism(elastic, call, None)
}

fn change_ism(elastic: &Elastic, call: &Call<'_>, policy: Option<&str>) -> Result<Answer, Error> {
    let targets = resolve::targets(elastic, call.part("index"), Options::admin().of(call)?)?;
    for target in &targets {
        set(elastic, target.index.name(), ISM, policy)?;
    }
    Ok(Answer::json(
        json!({ "updated_indices": targets.len(), "failures": false, "failed_indices": [] }),
    ))
}
