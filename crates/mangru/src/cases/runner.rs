//! The language of the REST tests: steps that call an API and look at its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex_automata::meta::Regex;
use serde_json::{Map, Value};

use super::value::documents;

/// Features of the test language that are understood here.
const FEATURES: &[&str] = &[
    "allowed_warnings",
    "arbitrary_key",
    "default_shards",
    "headers",
    "contains",
    "stash_in_path",
    "stash_in_key",
    "warnings",
    "catch_unauthorized",
    "transform_and_set",
    "embedded_stash_key",
    "allowed_warnings_regex",
    "warnings_regex",
];
/// The version that is claimed, for tests that are only for some.
const VERSION: [i64; 3] = [3, 6, 0];

/// How a test ended.
pub(super) enum Verdict {
    Pass,
    Skip(String),
    Fail(String),
}

fn fail<T>(why: impl Into<String>) -> Result<T, Verdict> {
    Err(Verdict::Fail(why.into()))
}

/// The paths and methods of every API.
pub(super) struct Apis {
    apis: BTreeMap<String, Value>,
    common: BTreeSet<String>,
}

fn keys(value: Option<&Value>) -> BTreeSet<String> {
    value
        .and_then(Value::as_object)
        .map(|object| object.keys().cloned().collect())
        .unwrap_or_default()
}

impl Apis {
    pub(super) fn read(folder: &Path) -> Self {
        let mut apis = BTreeMap::new();
        let mut common = BTreeSet::new();
        for entry in std::fs::read_dir(folder).expect("the folder of APIs").flatten() {
            let name = entry.file_name().to_string_lossy().trim_end_matches(".json").to_owned();
            let text = std::fs::read_to_string(entry.path()).expect("a text");
            let mut value: Value = serde_json::from_str(&text).expect("JSON");
            if name == "_common" {
                common = keys(value.get("params"));
            } else if let Some(api) = value.get_mut(&name) {
                apis.insert(name, api.take());
            }
        }
        Self { apis, common }
    }
}

/// A test that runs: its server, the last answer, and what was set aside.
pub(super) struct Run<'a> {
    apis: &'a Apis,
    server: super::server::Server,
    answer: Value,
    stash: BTreeMap<String, Value>,
}

struct Call {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Value>,
}

impl<'a> Run<'a> {
    /// Every test of a file with its verdict. Each one has a server of its own.
    pub(super) fn file(apis: &'a Apis, text: &str) -> Vec<(String, Verdict)> {
        let documents = match documents(text) {
            Ok(documents) => documents,
            Err(error) => return vec![("file".to_owned(), Verdict::Fail(error))],
        };
        let sections: Vec<(String, Value)> = documents
            .into_iter()
            .flat_map(|document| document.as_object().cloned().unwrap_or_default())
            .collect();
        let setup = sections.iter().find(|(name, _)| name == "setup").map(|(_, steps)| steps);
        let tests = sections.iter().filter(|(name, _)| name != "setup" && name != "teardown");
        tests
            .map(|(name, steps)| {
                let mut run = Run {
                    apis,
                    server: super::server::Server::new(),
                    answer: Value::Null,
                    stash: BTreeMap::new(),
                };
                let verdict = setup.map_or(Ok(()), |setup| run.steps(setup)).and_then(|()| {
                    run.answer = Value::Null;
                    run.steps(steps)
                });
                (name.clone(), verdict.err().unwrap_or(Verdict::Pass))
            })
            .collect()
    }

    fn steps(&mut self, steps: &Value) -> Result<(), Verdict> {
        for step in steps.as_array().into_iter().flatten() {
            for (kind, what) in step.as_object().into_iter().flatten() {
                self.step(kind, what)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, kind: &str, what: &Value) -> Result<(), Verdict> {
        match kind {
            "skip" => skip(what),
            "do" => self.call(what),
            "set" => {
                for (path, name) in what.as_object().into_iter().flatten() {
                    let value = self.look(path);
                    self.stash.insert(name.as_str().unwrap_or_default().to_owned(), value);
                }
                Ok(())
            }
            "transform_and_set" => {
                for (name, value) in what.as_object().into_iter().flatten() {
                    self.stash.insert(name.clone(), value.clone());
                }
                Ok(())
            }
            "is_true" | "is_false" => {
                let value = what.as_str().map_or(Value::Null, |path| self.look(path));
                let truth = !matches!(&value, Value::Null | Value::Bool(false))
                    && value.as_f64() != Some(0.0)
                    && !matches!(value.as_str(), Some("" | "false" | "0"));
                if truth == (kind == "is_true") {
                    Ok(())
                } else {
                    fail(format!("{kind} {what}: {value}"))
                }
            }
            _ => {
                for (path, wanted) in what.as_object().into_iter().flatten() {
                    let (wanted, have) = (self.resolve(wanted), self.look(path));
                    compare(kind, path, &have, &wanted)?;
                }
                Ok(())
            }
        }
    }

    /// `value` with what was set aside in the place of its names.
    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.resolve_text(text),
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, value)| (plain(&self.resolve_text(key)), self.resolve(value)))
                    .collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn resolve_text(&self, text: &str) -> Value {
        if let Some(value) = text.strip_prefix('$').and_then(|name| self.stash.get(name)) {
            return value.clone();
        }
        let mut out = text.to_owned();
        for (name, value) in &self.stash {
            out = out.replace(&format!("${{{name}}}"), &plain(value));
        }
        out.into()
    }

    /// What the dotted `path` names in the last answer.
    fn look(&self, path: &str) -> Value {
        if path == "$body" || path.is_empty() {
            return self.answer.clone();
        }
        let mut at = &self.answer;
        for key in path.replace("\\.", "\u{0}").split('.') {
            let key = plain(&self.resolve_text(&key.replace('\u{0}', ".")));
            let next = match at {
                Value::Object(members) if key == "_arbitrary_key_" => {
                    return members.keys().next().map_or(Value::Null, |key| key.clone().into());
                }
                Value::Object(members) => members.get(&key),
                Value::Array(items) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            match next {
                Some(next) => at = next,
                None => return Value::Null,
            }
        }
        at.clone()
    }

    fn call(&mut self, what: &Value) -> Result<(), Verdict> {
        let mut what = what.as_object().cloned().unwrap_or_default();
        let catch = what.remove("catch").map(|catch| plain(&catch));
        let headers = what.remove("headers").map(|headers| self.resolve(&headers));
        what.retain(|key, _| !key.contains("warnings") && key != "node_selector");
        let Some((api, arguments)) = what.iter().next() else { return fail("no API in do") };
        let arguments = self.resolve(arguments);
        let ignored = match arguments.get("ignore") {
            Some(Value::Array(all)) => all.iter().map(plain).collect(),
            Some(one) => vec![plain(one)],
            None => Vec::new(),
        };
        let call = match self.plan(api, &arguments) {
            Ok(call) => call,
            Err(Verdict::Fail(why))
                if why.starts_with("param") && catch.as_deref() == Some("param") =>
            {
                return Ok(());
            }
            Err(verdict) => return Err(verdict),
        };
        let (status, is_json, text) = self.server.ask(
            &call.method,
            &call.path,
            &call.query,
            headers.as_ref(),
            call.body.as_ref(),
        );
        let found = (200..300).contains(&status);
        self.answer = if call.method == "HEAD" {
            found.into()
        } else if is_json {
            serde_json::from_str(&text).unwrap_or_else(|_| text.clone().into())
        } else {
            text.clone().into()
        };
        self.stash.insert("body".to_owned(), self.answer.clone());
        match catch {
            Some(catch) => caught(&catch, status, &text, call.method == "HEAD"),
            None if found
                || ignored.contains(&status.to_string())
                || call.method == "HEAD" && status == 404 =>
            {
                Ok(())
            }
            None => fail(format!("{api}: {status} {}", cut(&text))),
        }
    }

    /// The request that calling `api` with `arguments` means.
    fn plan(&self, api: &str, arguments: &Value) -> Result<Call, Verdict> {
        let Some(spec) = self.apis.apis.get(api) else {
            return Err(Verdict::Skip(format!("api {api}")));
        };
        let paths: Vec<&Value> = spec["url"]["paths"].as_array().into_iter().flatten().collect();
        let all_parts: BTreeSet<String> =
            paths.iter().flat_map(|path| keys(path.get("parts"))).collect();
        let mut arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
        arguments.retain(|key, value| {
            !value.is_null()
                && value.as_array().is_none_or(|list| !list.is_empty())
                && !(value == "" && all_parts.contains(key))
        });
        let body = arguments.remove("body");
        arguments.remove("ignore");
        for (name, rule) in spec["params"].as_object().into_iter().flatten() {
            if rule["required"] == true && !arguments.contains_key(name) {
                return fail(format!("param: required {name}"));
            }
        }
        if spec["body"]["required"] == true && body.is_none() {
            return fail("param: body required");
        }
        let fits = |path: &&&Value| {
            keys(path.get("parts")).iter().all(|part| arguments.contains_key(part))
        };
        let mut best: Option<&Value> = None;
        for path in paths.iter().filter(fits) {
            let parts = |path: &Value| keys(path.get("parts")).len();
            if best.is_none_or(|best| parts(path) > parts(best)) {
                best = Some(path);
            }
        }
        let Some(best) = best else { return fail(format!("param: missing path part for {api}")) };
        let mut path = plain(&best["path"]);
        let parts = keys(best.get("parts"));
        for part in &parts {
            let value = arguments.remove(part).unwrap_or_default();
            path = path.replace(&format!("{{{part}}}"), &escaped(&plain(&value)));
        }
        let known = keys(spec.get("params"));
        if let Some(odd) =
            arguments.keys().find(|key| !known.contains(*key) && !self.apis.common.contains(*key))
        {
            return fail(format!("param: unknown {odd}"));
        }
        let methods: Vec<String> =
            best["methods"].as_array().into_iter().flatten().map(plain).collect();
        let has = |method: &str| methods.iter().any(|one| one == method);
        let mut method = methods.first().cloned().unwrap_or_default();
        if body.is_some() && method == "GET" && has("POST") {
            "POST".clone_into(&mut method);
        }
        if api == "index" {
            (if parts.contains("id") { "PUT" } else { "POST" }).clone_into(&mut method);
        }
        let query = arguments.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
        Ok(Call { method, path, query, body })
    }
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~,*".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A value as it stands in a path or a query.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn version(text: &str, without: i64) -> [i64; 3] {
    let mut parts = text.trim().split('.').map(|part| {
        part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
    });
    if text.trim().is_empty() {
        return [without, 0, 0];
    }
    let mut next = || parts.next().unwrap_or(0);
    let version = [next(), next(), next()];
    // Elasticsearch 5 to 7 are older than OpenSearch 1.
    if version[0] >= 5 { [version[0] - 10, version[1], version[2]] } else { version }
}

fn skip(what: &Value) -> Result<(), Verdict> {
    let features =
        if what["features"].is_null() { String::new() } else { plain(&what["features"]) };
    let named = features.split([',', ' ']).filter(|feature| !feature.is_empty());
    if let Some(feature) = named.into_iter().find(|feature| !FEATURES.contains(feature)) {
        return Err(Verdict::Skip(format!("feature {feature}")));
    }
    let versions = if what["version"].is_null() { String::new() } else { plain(&what["version"]) };
    for range in versions.split(',').filter(|range| !range.trim().is_empty()) {
        let (from, to) = range.split_once('-').unwrap_or((range, ""));
        if range.trim() == "all" || (version(from, -99)..=version(to, 999)).contains(&VERSION) {
            return Err(Verdict::Skip(format!("version {versions}")));
        }
    }
    Ok(())
}

/// Whether the pattern, with its white space as in the tests, is found.
fn is_found(pattern: &str, text: &str) -> Result<bool, Verdict> {
    let regex =
        Regex::new(pattern).map_err(|error| Verdict::Fail(format!("{pattern}: {error}")))?;
    Ok(regex.is_match(text) || regex.is_match(text.trim_end_matches('\n')))
}

fn caught(catch: &str, status: u16, text: &str, is_head: bool) -> Result<(), Verdict> {
    let wanted = match catch {
        "bad_request" => 400,
        "unauthorized" => 401,
        "forbidden" => 403,
        "missing" if is_head => return Ok(()),
        "missing" => 404,
        "request_timeout" => 408,
        "conflict" => 409,
        "unavailable" => 503,
        "request" if status >= 400 => return Ok(()),
        "param" => return fail("wanted an error of the client's"),
        pattern => {
            let pattern = pattern.trim_matches('/');
            let hit = is_found(pattern, text)? || is_found(pattern, &text.replace("\\\"", "\""))?;
            if status >= 400 && hit {
                return Ok(());
            }
            return fail(format!("catch {pattern}: {status} {}", cut(text)));
        }
    };
    if status == wanted { Ok(()) } else { fail(format!("catch {catch}: {status} {}", cut(text))) }
}

fn compare(kind: &str, path: &str, have: &Value, wanted: &Value) -> Result<(), Verdict> {
    let holds = match kind {
        "match" if path == "$body" && wanted.is_string() && !have.is_string() => {
            is_equal(&have.to_string().into(), wanted)?
        }
        "match" => is_equal(have, wanted)?,
        "length" => {
            let len = match have {
                Value::Array(items) => Some(items.len()),
                Value::Object(members) => Some(members.len()),
                Value::String(text) => Some(text.chars().count()),
                Value::Null | Value::Bool(_) | Value::Number(_) => None,
            };
            len.map(|len| len.to_string()) == Some(plain(wanted))
        }
        "gt" | "gte" | "lt" | "lte" => match (have.as_f64(), wanted.as_f64()) {
            (Some(have), Some(wanted)) => match kind {
                "gt" => have > wanted,
                "gte" => have >= wanted,
                "lt" => have < wanted,
                _ => have <= wanted,
            },
            _ => false,
        },
        "contains" => match have {
            Value::Array(items) => items.iter().any(|item| contains(item, wanted)),
            Value::String(text) => text.contains(&plain(wanted)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
        },
        other => return Err(Verdict::Skip(format!("step {other}"))),
    };
    if holds {
        Ok(())
    } else {
        fail(format!(
            "{kind} {path}: {} wanted {}",
            cut(&have.to_string()),
            cut(&wanted.to_string())
        ))
    }
}

fn contains(item: &Value, wanted: &Value) -> bool {
    let all = wanted.as_object().is_some_and(|wanted| {
        wanted.iter().all(|(key, value)| {
            item.get(key).is_some_and(|have| is_equal(have, value).unwrap_or(false))
        })
    });
    all || is_equal(item, wanted).unwrap_or(false)
}

fn is_equal(have: &Value, wanted: &Value) -> Result<bool, Verdict> {
    if let Some(pattern) = wanted.as_str().map(str::trim)
        && pattern.len() > 1
        && pattern.starts_with('/')
        && pattern.ends_with('/')
    {
        return match have {
            Value::String(_) | Value::Number(_) => {
                is_found(&format!("(?x){}", &pattern[1..pattern.len() - 1]), &plain(have))
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Ok(false),
        };
    }
    Ok(match (have, wanted) {
        (Value::Number(have), Value::Number(wanted)) => {
            let (have, wanted) =
                (have.as_f64().unwrap_or(f64::NAN), wanted.as_f64().unwrap_or(f64::NAN));
            (have - wanted).abs() <= 1e-6 * have.abs().max(1.0)
        }
        (Value::Number(_), Value::String(text)) | (Value::String(text), Value::Number(_)) => {
            plain(have) == *text || plain(wanted) == *text && plain(have) == plain(wanted)
        }
        (Value::String(text), Value::Bool(truth)) => *text == truth.to_string(),
        (Value::Array(have), Value::Array(wanted)) => {
            let mut equal = have.len() == wanted.len();
            for (have, wanted) in have.iter().zip(wanted) {
                equal = equal && is_equal(have, wanted)?;
            }
            equal
        }
        (Value::Object(have), Value::Object(wanted)) => {
            let mut equal = have.len() == wanted.len();
            for (key, wanted) in wanted {
                equal = equal && have.get(key).map_or(Ok(false), |have| is_equal(have, wanted))?;
            }
            equal
        }
        _ => have == wanted,
    })
}
