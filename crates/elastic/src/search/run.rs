//! A search from what it asks for to its answer.

use std::cell::RefCell;
use std::sync::Arc;

use logs::agg::{self, AggError, Aggregator, Matcher};
use logs::bits::Bits;
use logs::part::{Block, View};
use logs::query::{Bool, Exists, FieldBoost, Node, Query};
use logs::search::{
    Collector, Filter, Found, Hit, Limits, QueryError, SearchError, SortBy, Target, Track,
};
use logs::text::analysis::Analysis;
use serde_json::{Map, Value, json};

use super::agg_out::{self, Style};
use super::body::{Ask, Shown, without_ties};
use super::hits::{DOCVALUE_FIELDS_MAX, Show, short};
use super::opts::Opts;
use super::query::{Parser, REGEXP_MAX, TERMS_MAX};
use crate::Elastic;
use crate::error::Error;
use crate::resolve::{self, Options};
use crate::rest::Identity;

/// How an answer is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    pub(crate) typed_keys: bool,
    pub(crate) totals_as_int: bool,
    pub(crate) identity: Identity,
    /// Ties are broken so that the next page can go on behind the last hit.
    pub(crate) pages: bool,
    /// With a point in time: the place that breaks ties is shown too.
    pub(crate) shows_ties: bool,
}

/// What a search answers, and the values behind which its next page begins.
pub(crate) struct Page {
    pub(crate) body: Map<String, Value>,
    pub(crate) last: Option<Vec<Value>>,
}

/// A number of a setting of an index.
pub(crate) fn setting_number(elastic: &Elastic, index: &str, name: &str) -> Option<u64> {
    let settings = elastic.store.index(index)?.settings();
    let value = settings.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The indices that an expression means, as they are now.
pub(crate) fn targets(
    elastic: &Elastic,
    expression: &str,
    options: Options,
) -> Result<Vec<Target>, Error> {
    let mut targets = Vec::new();
    for found in resolve::targets(elastic, expression, options)? {
        let snapshot = found.index.snapshot();
        let mut target = Target::new(found.index.name(), snapshot.mapping, snapshot.views);
        let settings = found.index.settings();
        let default = settings.get("index.query.default_field");
        target.analysis = Arc::new(Analysis::from_settings(&settings).unwrap_or_default());
        target.default_fields = match default {
            Some(Value::String(text)) => text.split(',').map(FieldBoost::parse).collect(),
            Some(Value::Array(list)) => {
                list.iter().filter_map(Value::as_str).map(FieldBoost::parse).collect()
            }
            Some(_) | None => Vec::new(),
        };
        target.default_fields.retain(|field| field.0 != "*");
        if let Some(filter) = &found.filter {
            let lookup = super::lookup(elastic);
            target.filter = Some(Parser::new(&lookup).query(filter)?);
        }
        targets.push(target);
    }
    Ok(targets)
}

/// Shards of the indices.
pub(crate) fn shards(elastic: &Elastic, targets: &[Target]) -> u64 {
    targets
        .iter()
        .map(|target| setting_number(elastic, &target.index, "index.number_of_shards").unwrap_or(1))
        .sum()
}

/// What a search may cost.
pub(crate) fn limits(elastic: &Elastic, timeout_ms: Option<i64>) -> Limits {
    let mut limits = Limits::new(Arc::clone(&elastic.clock));
    if let Some(ms) = timeout_ms.and_then(|ms| u64::try_from(ms).ok()) {
        limits.deadline = Some(elastic.clock.mono() + std::time::Duration::from_millis(ms));
    }
    limits
}

fn now_ns(elastic: &Elastic) -> i128 {
    i128::from(elastic.clock.now_ms()) * 1_000_000
}

/// The filters of aggregations, bound to every index.
struct Bound(Vec<Vec<RefCell<Filter>>>);

impl Bound {
    fn new(targets: &[Target], queries: &[Query], limits: &Limits) -> Result<Self, SearchError> {
        let mut all = Vec::new();
        for query in queries {
            let mut bound = Vec::new();
            for target in targets {
                bound.push(RefCell::new(Filter::bind(target, query, limits)?));
            }
            all.push(bound);
        }
        Ok(Self(all))
    }
}

impl Matcher for Bound {
    fn rows(
        &self,
        filter: usize,
        target: usize,
        view: &View,
        block: &Arc<dyn Block>,
    ) -> Result<Bits, SearchError> {
        let within = Bits::all(block.rows());
        self.0[filter][target].borrow_mut().rows(view, block.as_ref(), &within)
    }
}

/// Most `docvalue_fields` that the indices allow.
fn docvalues_max(elastic: &Elastic, targets: &[Target]) -> usize {
    let setting = |target: &Target| {
        let most = setting_number(elastic, &target.index, "index.max_docvalue_fields_search")?;
        usize::try_from(most).ok()
    };
    targets.iter().filter_map(setting).min().unwrap_or(DOCVALUE_FIELDS_MAX)
}

/// Refuses queries that an index's settings do not allow.
fn check_sizes(elastic: &Elastic, targets: &[Target], ask: &Ask) -> Result<(), Error> {
    if !ask.nested_inner.is_empty() {
        return Err(Error::illegal("[inner_hits] of [nested] queries is not supported"));
    }
    for target in targets {
        let setting = |name: &str, default: usize| {
            let most = setting_number(elastic, &target.index, name);
            most.and_then(|most| usize::try_from(most).ok()).unwrap_or(default)
        };
        let (scripts, scripts_max) = (ask.scripts, setting("index.max_script_fields", 32));
        let (terms, most) = (ask.terms, setting("index.max_terms_count", TERMS_MAX));
        let (regexp, regexp_most) = (ask.regexp, setting("index.max_regex_length", REGEXP_MAX));
        let reason = if terms > most {
            format!(
                "The number of terms [{terms}] used in the Terms Query request has exceeded the allowed maximum of [{most}]. This maximum can be set by changing the [index.max_terms_count] index level setting."
            )
        } else if regexp > regexp_most {
            format!(
                "The length of regex [{regexp}] used in the Regexp Query request has exceeded the allowed maximum of [{regexp_most}]. This maximum can be set by changing the [index.max_regex_length] index level setting."
            )
        } else if scripts > scripts_max {
            format!(
                "Trying to retrieve too many script_fields. Must be less than or equal to: [{scripts_max}] but was [{scripts}]. This limit can be set by changing the [index.max_script_fields] index level setting."
            )
        } else if scripts > 0 {
            "[script_fields] are not supported".to_owned()
        } else {
            continue;
        };
        return Err(phase(elastic, &target.index, "query", &Error::illegal(reason)));
    }
    Ok(())
}

/// Refuses windows that are too large.
fn check_window(
    elastic: &Elastic,
    targets: &[Target],
    ask: &Ask,
    scroll: bool,
) -> Result<(), Error> {
    let wanted = ask.request.from.saturating_add(ask.request.size);
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    for target in targets {
        let most = setting_number(elastic, &target.index, "index.max_result_window");
        let most = most.unwrap_or(10_000);
        if wanted > most {
            let reason = if scroll {
                format!(
                    "Batch size is too large, size must be less than or equal to: [{most}] but was [{wanted}]. Scroll batch sizes cost as much memory as result windows so they are controlled by the [index.max_result_window] index level setting."
                )
            } else {
                format!(
                    "Result window is too large, from + size must be less than or equal to: [{most}] but was [{wanted}]. See the scroll api for a more efficient way to request large data sets. This limit can be set by changing the [index.max_result_window] index level setting."
                )
            };
            let inner = Error::illegal(reason);
            return Err(phase(elastic, &target.index, "query", &inner));
        }
    }
    Ok(())
}

/// Runs a search over indices.
pub(crate) fn run(
    elastic: &Elastic,
    targets: &[Target],
    ask: &Ask,
    look: Look,
) -> Result<Page, Error> {
    let start = elastic.clock.mono();
    check_window(elastic, targets, ask, look.pages && !look.shows_ties)?;
    check_sizes(elastic, targets, ask)?;
    let limits = limits(elastic, ask.timeout_ms);
    let mut request = ask.request.clone();
    request.score_scale = match look.identity {
        Identity::Elasticsearch => logs::search::ELASTIC_SCALE,
        Identity::OpenSearch => 1.0,
    };
    let asked = request.sort.len();
    if look.pages {
        request.track_scores |= request.sort.is_empty();
        request.sort = without_ties(&request.sort);
    }
    let failed = |error: SearchError| search_error(elastic, targets, &error);
    let filters = ask.aggs.as_ref().map(|aggs| aggs.filters.as_slice()).unwrap_or_default();
    let matcher = Bound::new(targets, filters, &limits).map_err(failed)?;
    let mut aggregator = match &ask.aggs {
        None => None,
        Some(aggs) => Some(
            Aggregator::new(targets, &aggs.aggs, &matcher, agg_limits(elastic), now_ns(elastic))
                .map_err(|error| agg_error_in(elastic, &error, targets))?,
        ),
    };
    let collector = aggregator.as_mut().map(|aggregator| aggregator as &mut dyn Collector);
    let found = match logs::search::run(targets, &request, &limits, collector) {
        Ok(found) => found,
        Err(error) => {
            let inner = aggregator.as_mut().and_then(Aggregator::failure);
            return Err(match inner {
                Some(inner) => agg_error_in(elastic, &inner, targets),
                None => failed(error),
            });
        }
    };
    let most = docvalues_max(elastic, targets);
    let show = Show::new(targets, &ask.shown, &ask.sort_formats, (now_ns(elastic), most))?;
    let mut show = show.marked(elastic, &ask.request.query)?;
    show.sorted = asked > 0;
    show.sort_shown = if look.shows_ties { usize::MAX } else { asked };
    let mut body = envelope(elastic, targets, &found, start);
    let mut hits = Vec::with_capacity(found.hits.len());
    for hit in &found.hits {
        let mut shown = show.hit(hit)?;
        collapse_inner(elastic, (targets, ask, look), hit, &mut shown)?;
        hits.push(shown);
    }
    let list = hit_list(&found, hits, ask, look);
    body.insert("hits".to_owned(), list);
    if let Some(aggregator) = aggregator {
        let answers =
            aggregator.finish().map_err(|error| agg_error_in(elastic, &error, targets))?;
        body.insert(
            "aggregations".to_owned(),
            aggregations(elastic, targets, &answers, (look, &ask.request.query))?,
        );
    }
    if ask.profile {
        body.insert("profile".to_owned(), json!({"shards": []}));
    }
    let last = found.hits.last().map(|hit| hit.sort.clone());
    Ok(Page { body, last })
}

/// What aggregations may cost.
fn agg_limits(elastic: &Elastic) -> agg::Limits {
    let most = elastic.cluster_setting("search.max_buckets");
    let buckets_max = most.and_then(|text| text.parse().ok()).unwrap_or(agg::BUCKETS_MAX);
    agg::Limits { buckets_max, ..agg::Limits::default() }
}

fn aggregations(
    elastic: &Elastic,
    targets: &[Target],
    answers: &agg::Answers,
    (look, query): (Look, &Query),
) -> Result<Value, Error> {
    let now = now_ns(elastic);
    let rows = |hits: &[Hit], options: &Map<String, Value>| -> Result<Vec<Value>, Error> {
        let opts = Opts { owner: "top_hits", map: options };
        let shown = Shown::read(&opts)?;
        let formats = super::sort::formats(opts.get("sort"));
        let most = docvalues_max(elastic, targets);
        let show = Show::new(targets, &shown, &formats, (now, most))?;
        let mut show = show.marked(elastic, query)?;
        show.sorted = true;
        hits.iter().map(|hit| show.hit(hit)).collect()
    };
    let style = Style { typed: look.typed_keys, totals_as_int: look.totals_as_int, hits: &rows };
    agg_out::shown(answers, style).map(Value::Object)
}

/// What every answer begins with.
fn envelope(
    elastic: &Elastic,
    targets: &[Target],
    found: &Found,
    start: std::time::Duration,
) -> Map<String, Value> {
    let took = elastic.clock.mono().saturating_sub(start).as_millis();
    let mut body = Map::new();
    body.insert("took".to_owned(), u64::try_from(took).unwrap_or(u64::MAX).into());
    body.insert("timed_out".to_owned(), found.timed_out.into());
    if let Some(early) = found.terminated_early {
        body.insert("terminated_early".to_owned(), early.into());
    }
    let total = shards(elastic, targets);
    let mut failed: Vec<&str> =
        found.failures.iter().map(|failure| failure.index.as_str()).collect();
    failed.dedup();
    let count = u64::try_from(failed.len()).unwrap_or(0).min(total);
    let mut shards = json!({
        "total": total, "successful": total - count, "skipped": 0, "failed": count,
    });
    if !found.failures.is_empty() {
        let failures: Vec<Value> = found
            .failures
            .iter()
            .take(10)
            .map(|failure| {
                json!({
                    "shard": 0, "index": failure.index, "node": elastic.options.node_name,
                    "reason": {"type": "corrupt_index_exception", "reason": failure.error.to_string()},
                })
            })
            .collect();
        shards["failures"] = failures.into();
    }
    body.insert("_shards".to_owned(), shards);
    body
}

fn hit_list(found: &Found, hits: Vec<Value>, ask: &Ask, look: Look) -> Value {
    let mut list = Map::new();
    match (found.total, look.totals_as_int) {
        (None, false) => {}
        (None, true) => {
            list.insert("total".to_owned(), (-1).into());
        }
        (Some(total), true) => {
            list.insert("total".to_owned(), total.value.into());
        }
        (Some(total), false) => {
            let relation = if total.exact { "eq" } else { "gte" };
            list.insert("total".to_owned(), json!({"value": total.value, "relation": relation}));
        }
    }
    // Sorted by more than the score, and where hits are collapsed, the best score is computed only when it is asked for.
    let by_score = match ask.request.sort.as_slice() {
        [] => ask.request.collapse.is_none(),
        [sort] => sort.by == SortBy::Score && ask.request.collapse.is_none(),
        _ => false,
    } || ask.request.track_scores;
    let max = found.max_score.filter(|_| by_score && ask.request.size > 0);
    list.insert("max_score".to_owned(), max.map_or(Value::Null, short));
    list.insert("hits".to_owned(), Value::Array(hits));
    Value::Object(list)
}

/// `inner_hits` of `collapse`: the hits that a shown one stands for.
fn collapse_inner(
    elastic: &Elastic,
    (targets, ask, look): (&[Target], &Ask, Look),
    hit: &Hit,
    shown: &mut Value,
) -> Result<(), Error> {
    let Some(field) = &ask.request.collapse else { return Ok(()) };
    let mut groups = Map::new();
    for inner in &ask.collapse_inner {
        let opts = Opts { owner: "inner_hits", map: inner };
        let name = opts.text("name")?.unwrap_or_else(|| field.clone());
        let group: Query = match &hit.collapsed {
            Some(value) if !value.is_null() => Query::term(field.clone(), value.clone()),
            Some(_) | None => Node::Bool(Bool {
                must_not: vec![Node::Exists(Exists { field: field.clone() }).into()],
                ..Bool::default()
            })
            .into(),
        };
        let mut body = inner.clone();
        for name in ["name", "ignore_unmapped", "collapse"] {
            body.remove(name);
        }
        let lookup = super::lookup(elastic);
        let mut sub = Ask::read(Some(&Value::Object(body)), &mut Parser::new(&lookup))?;
        if opts.get("size").is_none() {
            sub.request.size = 3;
        }
        if let Some(second) = inner.get("collapse").and_then(|value| value.get("field")) {
            sub.request.collapse = second.as_str().map(str::to_owned);
            sub.shown.collapse.clone_from(&sub.request.collapse);
        }
        sub.request.track_total = Track::Exactly;
        sub.request.query = Node::Bool(Bool {
            must: vec![ask.request.query.clone()],
            filter: vec![group],
            ..Bool::default()
        })
        .into();
        let page = run(elastic, targets, &sub, Look { pages: false, ..look })?;
        let hits = page.body.get("hits").cloned().unwrap_or_default();
        groups.insert(name, json!({ "hits": hits }));
    }
    if let (Value::Object(map), false) = (shown, groups.is_empty()) {
        map.insert("inner_hits".to_owned(), Value::Object(groups));
    }
    Ok(())
}

/// The error of one index as the failure of the whole search.
pub(crate) fn phase(elastic: &Elastic, index: &str, phase: &str, inner: &Error) -> Error {
    let mut inner = inner.clone();
    if !index.is_empty() && inner.kind == "query_shard_exception" {
        let uuid = elastic.store.index(index).map(|index| index.uuid().to_owned());
        inner = inner.with("index", index).with("index_uuid", uuid.unwrap_or_default());
    }
    let mut root = inner.object();
    if let Value::Object(members) = &mut root {
        members.remove("caused_by");
    }
    let shard = json!({
        "shard": 0, "index": index, "node": elastic.options.node_name, "reason": inner.object(),
    });
    let outer = Error::new(inner.status, "search_phase_execution_exception", "all shards failed")
        .with("root_cause", json!([root]))
        .with("phase", phase)
        .with("grouped", true)
        .with("failed_shards", json!([shard]));
    outer.caused_by(inner)
}

/// An error of the query as its own object.
pub(crate) fn query_error(error: &QueryError) -> Error {
    let text = error.to_string();
    match error {
        QueryError::Syntax { what, .. } => Error::new(400, "query_shard_exception", text)
            .caused_by(Error::new(400, "parse_exception", what.clone())),
        QueryError::Number(_) => {
            Error::new(400, "query_shard_exception", format!("failed to create query: {text}"))
                .caused_by(Error::new(400, "number_format_exception", text))
        }
        QueryError::Date { .. } => Error::new(400, "parse_exception", text),
        QueryError::Boolean(_) | QueryError::Ip(_) | QueryError::Pattern { .. } => {
            Error::new(400, "query_shard_exception", format!("failed to create query: {text}"))
                .caused_by(Error::illegal(text))
        }
        QueryError::WrongType { .. }
        | QueryError::NoAnalyzer { .. }
        | QueryError::NoNested(_)
        | QueryError::Shard(_) => Error::new(400, "query_shard_exception", text),
        QueryError::TooManyClauses(_) => Error::new(400, "too_many_clauses", text),
        QueryError::OutOfRange { .. }
        | QueryError::DateFormat { .. }
        | QueryError::TimeZone(_)
        | QueryError::PatternTooLarge { .. }
        | QueryError::TooDeep(_)
        | QueryError::Illegal(_)
        | QueryError::Unsupported(_) => Error::illegal(text),
    }
}

/// Why a search has no answer, as clients read it.
pub(crate) fn search_error(elastic: &Elastic, targets: &[Target], error: &SearchError) -> Error {
    let first = targets.first().map_or("", |target| target.index.as_str());
    match error {
        SearchError::Query { index, error } => phase(elastic, index, "query", &query_error(error)),
        SearchError::SortUnmapped { index, .. } => {
            let inner = Error::new(400, "query_shard_exception", error.to_string());
            phase(elastic, index, "query", &inner)
        }
        SearchError::Sort { index, .. } => {
            phase(elastic, index, "query", &Error::illegal(error.to_string()))
        }
        SearchError::Memory { limit_bytes, wanted_bytes } => {
            Error::new(429, "circuit_breaking_exception", error.to_string())
                .with("bytes_wanted", *wanted_bytes)
                .with("bytes_limit", *limit_bytes)
                .with("durability", "TRANSIENT")
        }
        SearchError::Cancelled => Error::new(400, "task_cancelled_exception", error.to_string()),
        SearchError::Collector(_) => {
            phase(elastic, first, "query", &Error::illegal(error.to_string()))
        }
        SearchError::Read(_) => Error::new(500, "exception", error.to_string()),
    }
}

fn agg_error_in(elastic: &Elastic, error: &AggError, targets: &[Target]) -> Error {
    let first = targets.first().map_or("", |target| target.index.as_str());
    if let AggError::Search(inner) = error {
        return search_error(elastic, targets, inner);
    }
    let inner = agg_error(error, targets);
    match error {
        AggError::Illegal(_) | AggError::Value(_) | AggError::Execution(_) => {
            phase(elastic, first, "query", &inner)
        }
        AggError::TooManyBuckets(_) => {
            let mut outer = phase(elastic, first, "query", &inner);
            "".clone_into(&mut outer.reason);
            outer
        }
        AggError::Invalid(_)
        | AggError::Memory(_)
        | AggError::Cancelled
        | AggError::Read(_)
        | AggError::Search(_) => inner,
    }
}

/// Why aggregations have no answer, as its own object.
pub(crate) fn agg_error(error: &AggError, _: &[Target]) -> Error {
    let text = error.to_string();
    match error {
        AggError::Illegal(_) => Error::illegal(text),
        AggError::Value(_) if text.starts_with("For input") => {
            Error::new(400, "number_format_exception", text)
        }
        AggError::Value(_) => Error::new(400, "parse_exception", text),
        AggError::Invalid(_) => Error::new(400, "action_request_validation_exception", text),
        AggError::Execution(_) => Error::new(500, "aggregation_execution_exception", text),
        AggError::TooManyBuckets(most) => {
            Error::new(400, "too_many_buckets_exception", text).with("max_buckets", *most)
        }
        AggError::Memory(_) => Error::new(429, "circuit_breaking_exception", text),
        AggError::Cancelled => Error::new(400, "task_cancelled_exception", text),
        AggError::Read(_) | AggError::Search(_) => Error::new(500, "exception", text),
    }
}
