//! A scroll over what a search finds, and what is written for it.

use serde_json::{Map, Value, json};

use crate::Elastic;
use crate::docs::{Doc, Kind, write_all};
use crate::error::Error;
use crate::rest::{Call, Identity, Method, Request, json_of};

/// Documents that are looked at and written at once, where nothing else is said.
const PAGE: u64 = 1_000;
/// Most of them.
const PAGE_MAX: u64 = 10_000;

/// What happens when a document was changed since it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflicts {
    Abort,
    Proceed,
}

impl Conflicts {
    pub(super) fn named(text: &str) -> Result<Self, Error> {
        match text {
            "abort" => Ok(Self::Abort),
            "proceed" => Ok(Self::Proceed),
            other => Err(Error::illegal(format!(
                "conflicts may only be \"proceed\" or \"abort\" but was [{other}]"
            ))),
        }
    }
}

/// How much is scanned, and how.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) conflicts: Conflicts,
    pub(super) max: Option<u64>,
    pub(super) page: u64,
    /// Parameters of the search: `q` and what belongs to it.
    query: String,
    begun: std::time::Duration,
}

/// A whole number that is not negative; -1 means all.
pub(super) fn count(value: &Value) -> Result<u64, Error> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    match number {
        Some(-1) => Ok(u64::MAX),
        Some(number) => u64::try_from(number).map_err(|_| {
            Error::new(
                400,
                "action_request_validation_exception",
                format!("Validation Failed: 1: maxDocs should be greater than 0 if the request is limited to some number of documents or -1 if it isn't but it was [{number}];"),
            )
        }),
        None => Err(Error::illegal(format!("[{value}] is no count of documents"))),
    }
}

/// A document that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) index: String,
    pub(super) id: String,
    pub(super) seq: u64,
    pub(super) version: u64,
    pub(super) routing: Option<String>,
    pub(super) source: Value,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    took: std::time::Duration,
    total: u64,
    created: u64,
    updated: u64,
    deleted: u64,
    noops: u64,
    batches: u64,
    conflicts: u64,
    failures: Vec<Value>,
    /// Whether a conflict or a failure ended it.
    pub(super) stopped: bool,
}

impl Tally {
    pub(super) fn json(&self) -> Value {
        json!({
            "took": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "timed_out": false,
            "total": self.total,
            "created": self.created,
            "updated": self.updated,
            "deleted": self.deleted,
            "batches": self.batches,
            "version_conflicts": self.conflicts,
            "noops": self.noops,
            "retries": { "bulk": 0, "search": 0 },
            "throttled_millis": 0,
            "requests_per_second": -1.0,
            "throttled_until_millis": 0,
            "failures": self.failures,
        })
    }
}

/// What is written for a document; `None`: nothing.
pub(super) type Each<'a> = &'a mut dyn FnMut(&Found) -> Result<Option<Doc<'static>>, Error>;

impl Scan {
    pub(super) fn new(call: &Call<'_>) -> Result<Self, Error> {
        let conflicts = Conflicts::named(call.param("conflicts").unwrap_or("abort"))?;
        let max = call.param("max_docs").or_else(|| call.param("size"));
        let max = max.map(|text| count(&text.into())).transpose()?;
        if max == Some(0) {
            return Err(Error::illegal("[max_docs] must be greater than 0"));
        }
        let page = call.params.int("scroll_size")?.unwrap_or(1_000);
        let page = u64::try_from(page).unwrap_or(PAGE).clamp(1, PAGE_MAX);
        let passed = [
            "q",
            "df",
            "analyzer",
            "analyze_wildcard",
            "default_operator",
            "lenient",
            "routing",
            "ignore_unavailable",
            "allow_no_indices",
            "expand_wildcards",
        ];
        let mut query = String::new();
        for name in passed {
            if let Some(value) = call.param(name) {
                query.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        Ok(Self { conflicts, max, page, query, begun: std::time::Duration::ZERO })
    }

    /// Runs `each` over what the search `body` finds in `index`, and writes what it gives.
    pub(super) fn run(
        mut self,
        elastic: &Elastic,
        index: &str,
        mut body: Map<String, Value>,
        each: Each<'_>,
    ) -> Result<Tally, Error> {
        self.begun = elastic.clock.mono();
        body.insert("size".to_owned(), self.page.into());
        body.insert("seq_no_primary_term".to_owned(), true.into());
        body.insert("version".to_owned(), true.into());
        body.entry("sort").or_insert_with(|| json!(["_doc"]));
        let path = format!("/{}/_search", encoded(index));
        let query = format!("scroll=5m{}", self.query);
        let first = ask(elastic, Method::Post, &path, &query, &Value::Object(body))?;
        let total = first.pointer("/hits/total/value").and_then(Value::as_u64).unwrap_or(0);
        let mut tally =
            Tally { total: total.min(self.max.unwrap_or(u64::MAX)), ..Tally::default() };
        let scroll = first["_scroll_id"].clone();
        let ran = self.pages(elastic, first, &scroll, each, &mut tally);
        // Whatever came of it, nobody scrolls on.
        let _gone =
            ask(elastic, Method::Delete, "/_search/scroll", "", &json!({ "scroll_id": scroll }))
                .is_ok();
        ran?;
        tally.took = elastic.clock.mono().saturating_sub(self.begun);
        Ok(tally)
    }

    fn pages(
        &self,
        elastic: &Elastic,
        first: Value,
        scroll: &Value,
        each: Each<'_>,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let mut page = first;
        let mut left = self.max.unwrap_or(u64::MAX);
        while left > 0 && !tally.stopped {
            let hits = page.pointer("/hits/hits").and_then(Value::as_array);
            let hits: Vec<Found> = hits.into_iter().flatten().filter_map(found).collect();
            if hits.is_empty() {
                break;
            }
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(hits.len());
            self.write(elastic, &hits[..taken], each, tally)?;
            left -= crate::number::count(taken);
            let next = json!({ "scroll_id": scroll, "scroll": "5m" });
            page = ask(elastic, Method::Post, "/_search/scroll", "", &next)?;
        }
        Ok(())
    }

    fn write(
        &self,
        elastic: &Elastic,
        hits: &[Found],
        each: Each<'_>,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let mut docs = Vec::with_capacity(hits.len());
        for hit in hits {
            match each(hit)? {
                Some(doc) => docs.push(doc),
                None => tally.noops += 1,
            }
        }
        tally.batches += 1;
        let outcomes = write_all(elastic, &docs)?;
        for (outcome, doc) in outcomes.into_iter().zip(&docs) {
            match outcome {
                Ok(_) if doc.kind == Kind::Delete => tally.deleted += 1,
                Ok(written) if written.result() == "created" => tally.created += 1,
                Ok(_) => tally.updated += 1,
                Err(error) => {
                    let conflict = error.status == 409;
                    tally.conflicts += u64::from(conflict);
                    if conflict && self.conflicts == Conflicts::Proceed {
                        continue;
                    }
                    tally.stopped = true;
                    tally.failures.push(json!({
                        "index": doc.index.name(),
                        "id": doc.id,
                        "cause": error.object(),
                        "status": error.status,
                    }));
                }
            }
        }
        Ok(())
    }
}

fn found(hit: &Value) -> Option<Found> {
    let text = |key: &str| hit.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Found {
        index: text("_index")?,
        id: text("_id")?,
        seq: hit.get("_seq_no")?.as_u64()?,
        version: hit.get("_version").and_then(Value::as_u64).unwrap_or(1),
        routing: text("_routing"),
        source: hit.get("_source").cloned().unwrap_or_else(|| json!({})),
    })
}

/// Asks our own surface.
fn ask(
    elastic: &Elastic,
    method: Method,
    path: &str,
    query: &str,
    body: &Value,
) -> Result<Value, Error> {
    let bytes = body.to_string().into_bytes();
    let response = elastic.handle(&Request {
        method,
        path,
        query,
        headers: &[("content-type", "application/json")],
        body: &bytes,
        identity: Identity::default(),
        host: "",
    });
    let answer = json_of(&response.body)?;
    if response.status < 300 {
        return Ok(answer);
    }
    let error = &answer["error"];
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    let kind = KINDS
        .iter()
        .find(|kind| **kind == text("type"))
        .copied()
        .unwrap_or("search_phase_execution_exception");
    let mut failed = Error::new(response.status, kind, text("reason"));
    for (key, value) in error.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "root_cause" | "type" | "reason" | "caused_by") {
            failed = failed.with(key, value.clone());
        }
    }
    Err(failed)
}

/// Types of errors that a search may end with.
const KINDS: &[&str] = &[
    "index_not_found_exception",
    "index_closed_exception",
    "illegal_argument_exception",
    "parsing_exception",
    "invalid_index_name_exception",
    "x_content_parse_exception",
    "action_request_validation_exception",
    "query_shard_exception",
];

/// A text as a part of an address.
fn encoded(text: &str) -> String {
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
