//! The surface over a store of its own, asked without a socket.

use std::sync::Arc;

use elastic::{Elastic, Identity, Method, Options, Request};
use serde_json::Value;
use stdx::clock::{Clock, RealClock};

/// A fresh surface.
pub(super) struct Server {
    elastic: Elastic,
}

/// A body as the tests' runner sends it, and its type.
fn encoded(path: &str, body: &Value) -> (String, &'static str) {
    match body {
        Value::Array(lines) => {
            let lines: Vec<String> = lines
                .iter()
                .map(|line| {
                    line.as_str().map_or_else(|| line.to_string(), |text| text.trim().to_owned())
                })
                .collect();
            (lines.join("\n") + "\n", "application/x-ndjson")
        }
        Value::String(text) if path.contains("_bulk") || path.contains("_msearch") => {
            (text.clone(), "application/x-ndjson")
        }
        Value::String(text) => (text.clone(), "application/json"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            (body.to_string(), "application/json")
        }
    }
}

impl Server {
    pub(super) fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(RealClock::default());
        let options = logs::store::Options {
            fs: Arc::new(stdx::fs::sim::SimFs::new(7)),
            clock: Arc::clone(&clock),
            dir: std::path::PathBuf::from("/logs"),
            watcher: None,
            seed: 7,
            limits: logs::store::Limits::default(),
        };
        let (store, _) = logs::store::Store::open(options).expect("an empty disk is a good one");
        Self { elastic: Elastic::new(store, clock, Options::default()) }
    }

    /// Status, whether the answer is JSON, and its text.
    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        query: &[(String, String)],
        headers: Option<&Value>,
        body: Option<&Value>,
    ) -> (u16, bool, String) {
        let body = body.map(|body| encoded(path, body));
        let pairs: Vec<String> = query
            .iter()
            .map(|(key, value)| {
                format!("{}={}", super::runner::escaped(key), super::runner::escaped(value))
            })
            .collect();
        let mut all = vec![(
            "accept".to_owned(),
            if path.starts_with("/_cat") {
                "text/plain, application/json"
            } else {
                "application/json"
            }
            .to_owned(),
        )];
        if let Some((_, kind)) = &body {
            all.push(("content-type".to_owned(), (*kind).to_owned()));
        }
        for (name, value) in headers.and_then(Value::as_object).into_iter().flatten() {
            let name = name.to_lowercase();
            all.retain(|(have, _)| *have != name);
            all.push((name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
        let headers: Vec<(&str, &str)> =
            all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = Request {
            method: Method::named(method).expect("the tests' methods are known"),
            path,
            query: &pairs.join("&"),
            headers: &headers,
            body: body.as_ref().map_or(&[], |(text, _)| text.as_bytes()),
            identity: Identity::OpenSearch,
            host: "",
        };
        let answer = self.elastic.handle(&request);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let is_json =
            answer.header("content-type").contains("json") || text.starts_with(['{', '[']);
        (answer.status, is_json, text)
    }
}
