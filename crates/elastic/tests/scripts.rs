//! Scripts of requests, and what their answers must have: of each shipper and dashboard when it starts and while it works (shippers.txt), and
//! where an answer once was another than Elasticsearch's (measured.txt).

use std::path::PathBuf;
use std::sync::Arc;

use elastic::{Elastic, Identity, Method, Options, Request, Response};
use logs::store::{Limits, Options as StoreOptions, Store};
use serde_json::Value;
use stdx::clock::{Clock, SimClock};
use stdx::fs::sim::SimFs;

/// 2026-01-01.
const NOW_MS: i64 = 1_767_225_600_000;

/// One question, what it is answered, and what must be in the answer.
#[derive(Debug, Default)]
struct Exchange {
    method: &'static str,
    target: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
    statuses: &'static str,
    wanted: Vec<&'static str>,
}

fn elastic() -> Elastic {
    let clock: Arc<dyn Clock> = Arc::new(SimClock::at(NOW_MS));
    let options = StoreOptions {
        fs: Arc::new(SimFs::new(7)),
        clock: Arc::clone(&clock),
        dir: PathBuf::from("/logs"),
        watcher: None,
        seed: 7,
        limits: Limits::default(),
    };
    let (store, _) = Store::open(options).expect("an empty disk is a good one");
    Elastic::new(store, clock, Options::default())
}

fn exchanges(section: &'static str) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    for line in section.lines().skip(1) {
        let (mark, rest) = line.split_at(line.len().min(1));
        let rest = rest.trim_start();
        if mark == ">" {
            let (method, target) = rest.split_once(' ').expect("a method and a path");
            found.push(Exchange { method, target, ..Exchange::default() });
            continue;
        }
        let Some(last) = found.last_mut() else { continue };
        match mark {
            "|" => last.headers.push(rest.split_once(": ").expect("a header")),
            "+" => last.body += &format!("{rest}\n"),
            "<" => last.statuses = rest,
            "?" => last.wanted.push(rest),
            "" => {}
            other => panic!("no such mark: {other}"),
        }
    }
    found
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    // Names of members may have dots of their own.
    if path.is_empty() {
        return Some(value);
    }
    match value {
        Value::Array(list) => {
            let (place, rest) = path.split_once('.').unwrap_or((path, ""));
            at(list.get(place.parse::<usize>().ok()?)?, rest)
        }
        Value::Object(members) => members.iter().find_map(|(name, inner)| {
            let rest = path
                .strip_prefix(name.as_str())
                .or_else(|| path.strip_prefix('*').filter(|_| members.len() == 1))?;
            at(inner, rest.strip_prefix('.').or(rest.is_empty().then_some(""))?)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Whether `response` has what `wanted` says.
fn holds(response: &Response, body: &Value, wanted: &str) -> bool {
    if let Some(text) = wanted.strip_prefix("text ") {
        return String::from_utf8_lossy(&response.body).contains(text);
    }
    if let Some(rest) = wanted.strip_prefix("header ") {
        let (name, text) = rest.split_once(" ^ ").expect("a header's beginning");
        return response.header(name).starts_with(text);
    }
    if let Some((path, text)) = wanted.split_once(" ^ ") {
        return at(body, path).and_then(Value::as_str).is_some_and(|have| have.starts_with(text));
    }
    if let Some((path, json)) = wanted.split_once(" = ") {
        let wanted: Value = serde_json::from_str(json).expect("a script's JSON");
        return at(body, path).is_some_and(|have| match (have.as_f64(), wanted.as_f64()) {
            // Scores are sums in single precision.
            (Some(have), Some(wanted)) => (have - wanted).abs() <= wanted.abs() * 1e-6,
            _ => *have == wanted,
        });
    }
    at(body, wanted).is_some()
}

fn ask(elastic: &Elastic, exchange: &Exchange) -> Response {
    let (path, query) = exchange.target.split_once('?').unwrap_or((exchange.target, ""));
    let mut headers = exchange.headers.clone();
    if !exchange.body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
        headers.push(("content-type", "application/json"));
    }
    elastic.handle(&Request {
        method: Method::named(exchange.method).expect("a known method"),
        path,
        query,
        headers: &headers,
        body: exchange.body.as_bytes(),
        identity: Identity::Elasticsearch,
        host: "logs.example:9200",
    })
}

/// Plays `script`, which has `exchanges_count` questions.
fn check(script: &'static str, exchanges_count: usize) {
    let mut failures = Vec::new();
    let mut asked = 0;
    for section in script.split("\n== ").skip(1) {
        let name = section.lines().next().unwrap_or_default();
        let elastic = elastic();
        for exchange in exchanges(section) {
            asked += 1;
            let response = ask(&elastic, &exchange);
            let text = String::from_utf8_lossy(&response.body).into_owned();
            let body = serde_json::from_str(&text).unwrap_or(Value::Null);
            let mut fail = |what: &str| {
                let (method, target) = (exchange.method, exchange.target);
                failures.push(format!(
                    "{name}: {method} {target}: {what}\n  {} {text}",
                    response.status
                ));
            };
            if !exchange.statuses.split('/').any(|status| status == response.status.to_string()) {
                fail(exchange.statuses);
            }
            for wanted in exchange.wanted.iter().filter(|wanted| !holds(&response, &body, wanted)) {
                fail(wanted);
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(asked, exchanges_count, "the script was not read whole");
}

#[test]
fn every_shipper_is_answered_as_it_needs() {
    check(include_str!("shippers.txt"), 53);
}

#[test]
fn answers_are_those_of_elasticsearch() {
    check(include_str!("measured.txt"), 20);
}
