//! Several searches in one request.

use logs::search::Track;
use serde_json::{Map, Value, json};

use super::body::Ask;
use super::opts::{Opts, parsing};
use super::query::Parser;
use super::{check_type, look, lookup, run, targets};
use crate::Elastic;
use crate::error::Error;
use crate::resolve::{Expand, Options};
use crate::rest::{Answer, Call, json_of};

/// Most searches of a request.
const SEARCHES_MAX: usize = 1_000;

/// Members of a search's header.
const HEADER: &[&str] = &[
    "index",
    "indices",
    "type",
    "types",
    "search_type",
    "request_cache",
    "preference",
    "routing",
    "allow_partial_search_results",
    "ignore_unavailable",
    "allow_no_indices",
    "expand_wildcards",
    "ignore_throttled",
    "ccs_minimize_roundtrips",
    "max_concurrent_shard_requests",
    "cancel_after_time_interval",
];

/// `GET|POST /{index}/_msearch`
pub(super) fn msearch(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let start = elastic.clock.mono();
    if call.request.body.is_empty() {
        return Err(Error::new(400, "parse_exception", "request body is required"));
    }
    if !call.request.body.ends_with(b"\n") {
        return Err(Error::illegal("The msearch request must be terminated by a newline [\\n]"));
    }
    let lines: Vec<&[u8]> = call.lines()?.collect();
    let mut searches = Vec::new();
    let mut lines = lines.into_iter();
    while let Some(line) = lines.next() {
        if searches.len() >= SEARCHES_MAX {
            return Err(Error::illegal(format!("more than {SEARCHES_MAX} searches")));
        }
        let blank = line.iter().all(u8::is_ascii_whitespace);
        let header = if blank { Value::Object(Map::new()) } else { json_of(line)? };
        let Some(body) = lines.next() else { break };
        searches.push((header, body));
    }
    if searches.is_empty() {
        return Err(Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: no requests added;",
        ));
    }
    for (header, _) in &searches {
        if let Value::Object(map) = header
            && let Some(name) = map.keys().find(|name| !HEADER.contains(&name.as_str()))
        {
            return Err(Error::illegal(format!(
                "key [{name}] is not supported in the metadata section"
            )));
        }
    }
    let trace = call.flag("error_trace", false)?;
    let mut responses = Vec::new();
    for (header, body) in &searches {
        responses.push(match one(elastic, call, header, body) {
            Ok(mut found) => {
                found.insert("status".to_owned(), 200.into());
                Value::Object(found)
            }
            Err(error) if trace => traced(&error),
            Err(error) => error.body(),
        });
    }
    let took = elastic.clock.mono().saturating_sub(start).as_millis();
    let took = u64::try_from(took).unwrap_or(u64::MAX);
    Ok(Answer::json(json!({"took": took, "responses": responses})))
}

/// An error that says where it was thrown, as far as there is such a place here: its type as a class is named.
fn traced(error: &Error) -> Value {
    let class: String = error
        .kind
        .split('_')
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect();
    let mut body = error.body();
    if let Some(Value::Object(object)) = body.get_mut("error") {
        let text = format!("{} ({class}) at mangru", error.reason);
        if let Some(Value::Object(root)) =
            object.get_mut("root_cause").and_then(|list| list.get_mut(0))
        {
            root.insert("stack_trace".to_owned(), text.clone().into());
        }
        object.insert("stack_trace".to_owned(), text.into());
    }
    body
}

fn one(
    elastic: &Elastic,
    call: &Call<'_>,
    header: &Value,
    body: &[u8],
) -> Result<Map<String, Value>, Error> {
    let opts = Opts::of("msearch", header)?;
    check_type(opts.text("search_type")?.as_deref().or_else(|| call.param("search_type")))?;
    let names = opts.texts("index")?.or(opts.texts("indices")?);
    let expression = names.map_or_else(|| call.part("index").to_owned(), |names| names.join(","));
    let mut options = Options::search().of(call)?;
    options.ignore_unavailable =
        opts.flag("ignore_unavailable")?.unwrap_or(options.ignore_unavailable);
    options.allow_no_indices = opts.flag("allow_no_indices")?.unwrap_or(options.allow_no_indices);
    if let Some(words) = opts.texts("expand_wildcards")? {
        let has =
            |word: &str| words.iter().flat_map(|w| w.split(',')).any(|w| w == word || w == "all");
        options.expand = Expand { open: has("open"), closed: has("closed"), hidden: has("hidden") };
    }
    let blank = body.iter().all(u8::is_ascii_whitespace);
    let body = if blank { None } else { Some(json_of(body)?) };
    let lookup = lookup(elastic);
    let mut ask = Ask::read(body.as_ref(), &mut Parser::new(&lookup))?;
    let look = look(call)?;
    if look.totals_as_int {
        match ask.request.track_total {
            Track::UpTo(10_000) => ask.request.track_total = Track::Exactly,
            Track::Exactly | Track::No => {}
            Track::UpTo(limit) => {
                return Err(Error::illegal(format!(
                    "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, got {limit}"
                )));
            }
        }
    }
    if ask.pit.is_some() {
        return Err(parsing("[pit] is not supported in [msearch]"));
    }
    let targets = targets(elastic, &expression, options)?;
    Ok(run::run(elastic, &targets, &ask, look)?.body)
}
