//! What a search asks for: its body and its parameters.

use logs::agg::ast as agg;
use logs::query::{MinimumShouldMatch, Node, Operator, Query, QueryString};
use logs::search::{Request, Slice, Sort, SortBy, Track};
use serde_json::{Map, Value};

use super::opts::{Opts, parsing, scalar, token};
use super::query::Parser;
use super::{aggs, sort};
use crate::docs::source::Filter;
use crate::error::Error;
use crate::rest::Call;

/// A field that is shown of each hit, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldAsk {
    /// May hold `*`.
    pub(crate) pattern: String,
    pub(crate) format: Option<String>,
    /// Also fields that no mapping knows.
    pub(crate) unmapped: bool,
}

/// What is shown of each hit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// `None`: not said.
    pub(crate) source: Option<Filter>,
    pub(crate) fields: Vec<FieldAsk>,
    pub(crate) docvalues: Vec<FieldAsk>,
    pub(crate) stored: Option<Vec<String>>,
    pub(crate) highlight: Option<Map<String, Value>>,
    pub(crate) version: bool,
    pub(crate) seq_no: bool,
    pub(crate) explain: bool,
    /// The field of which only one hit of each value is shown.
    pub(crate) collapse: Option<String>,
}

/// What a search asks for.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    pub(crate) request: Request,
    pub(crate) aggs: Option<agg::Request>,
    pub(crate) shown: Shown,
    pub(crate) sort_formats: Vec<Option<String>>,
    pub(crate) timeout_ms: Option<i64>,
    /// Identifier of a point in time.
    pub(crate) pit: Option<String>,
    pub(crate) pit_keep_alive: Option<String>,
    pub(crate) profile: bool,
    /// How many `script_fields` there are: none can be computed.
    pub(crate) scripts: usize,
    /// Most values of a `terms` query, and letters of a `regexp` one.
    pub(crate) terms: usize,
    pub(crate) regexp: usize,
    /// `inner_hits` of `collapse`.
    pub(crate) collapse_inner: Vec<Map<String, Value>>,
    /// `inner_hits` of nested queries.
    pub(crate) nested_inner: Vec<(String, Query, Map<String, Value>)>,
}

/// Members of a search's body.
const KNOWN: &[&str] = &[
    "query",
    "from",
    "size",
    "sort",
    "aggs",
    "aggregations",
    "_source",
    "fields",
    "docvalue_fields",
    "stored_fields",
    "script_fields",
    "runtime_mappings",
    "highlight",
    "post_filter",
    "min_score",
    "track_total_hits",
    "track_scores",
    "search_after",
    "timeout",
    "terminate_after",
    "version",
    "seq_no_primary_term",
    "explain",
    "collapse",
    "slice",
    "pit",
    "rescore",
    "suggest",
    "indices_boost",
    "stats",
    "ext",
    "profile",
    "derived",
    "include_named_queries_score",
    "min_compatible_shard_node",
    "search_pipeline",
    "verbose_pipeline",
];

/// Members that mean nothing when empty and are refused otherwise.
const REFUSED: &[&str] =
    &["runtime_mappings", "rescore", "suggest", "derived", "search_pipeline", "indices_boost"];

impl Ask {
    /// Reads a body.
    pub(crate) fn read(body: Option<&Value>, parser: &mut Parser<'_>) -> Result<Self, Error> {
        let mut ask = Self::default();
        let empty = Map::new();
        let map = match body {
            None => &empty,
            Some(Value::Object(map)) => map,
            Some(other) => {
                return Err(parsing(format!(
                    "Expected [START_OBJECT] but found [{}]",
                    token(other)
                )));
            }
        };
        for (name, value) in map {
            if !KNOWN.contains(&name.as_str()) {
                return Err(parsing(format!("Unknown key for a {} in [{name}].", token(value))));
            }
            let is_empty = match value {
                Value::Object(map) => map.is_empty(),
                Value::Array(list) => list.is_empty(),
                Value::Null => true,
                Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            };
            if REFUSED.contains(&name.as_str()) && !is_empty {
                return Err(Error::illegal(format!("[{name}] is not supported")));
            }
        }
        let opts = Opts { owner: "search", map };
        ask.read_query(&opts, parser)?;
        ask.read_shown(&opts)?;
        ask.read_window(&opts)?;
        if let Some(value) = aggs::member(map) {
            ask.aggs = Some(aggs::Reader::new(parser).read(value)?);
        }
        ask.nested_inner = std::mem::take(&mut parser.inner);
        ask.scripts = opts.get("script_fields").and_then(Value::as_object).map_or(0, Map::len);
        (ask.terms, ask.regexp) = (parser.terms, parser.regexp);
        Ok(ask)
    }

    fn read_query(&mut self, opts: &Opts<'_>, parser: &mut Parser<'_>) -> Result<(), Error> {
        if let Some(query) = opts.get("query") {
            self.request.query = parser.query(query)?;
        }
        if let Some(filter) = opts.get("post_filter") {
            self.request.post_filter = Some(parser.query(filter)?);
        }
        self.request.sort = sort::read(opts.get("sort"))?;
        self.sort_formats = sort::formats(opts.get("sort"));
        self.request.min_score = opts.float("min_score")?;
        self.request.track_scores = opts.is_set("track_scores")?;
        self.request.search_after = match opts.get("search_after") {
            None => None,
            Some(Value::Array(values)) if values.is_empty() => {
                return Err(Error::illegal("Values must contains at least one value."));
            }
            Some(Value::Array(values)) => Some(values.clone()),
            Some(_) => return Err(parsing("Expected [START_ARRAY] in [search_after]")),
        };
        if let Some(slice) = opts.get("slice") {
            let slice = Opts::of("slice", slice)?.known(&["id", "max", "field"])?;
            let (id, max) = (slice.count("id")?.unwrap_or(0), slice.count("max")?.unwrap_or(0));
            if max < 2 {
                return Err(Error::illegal("max must be greater than 1"));
            }
            if id >= max {
                return Err(Error::illegal("max must be greater than id"));
            }
            self.request.slice = Some(Slice { id, max });
        }
        if let Some(collapse) = opts.get("collapse") {
            let collapse = Opts::of("collapse", collapse)?.known(&[
                "field",
                "inner_hits",
                "max_concurrent_group_searches",
            ])?;
            self.request.collapse = collapse.text("field")?;
            self.collapse_inner = match collapse.get("inner_hits") {
                None => Vec::new(),
                Some(Value::Array(list)) => {
                    list.iter().filter_map(Value::as_object).cloned().collect()
                }
                Some(value) => value.as_object().cloned().into_iter().collect(),
            };
        }
        if let Some(pit) = opts.get("pit") {
            let pit = Opts::of("pit", pit)?.known(&["id", "keep_alive"])?;
            let id = pit.text("id")?;
            self.pit = Some(id.ok_or_else(|| Error::illegal("Required [id]"))?);
            self.pit_keep_alive = pit.text("keep_alive")?;
        }
        Ok(())
    }

    fn read_window(&mut self, opts: &Opts<'_>) -> Result<(), Error> {
        let bound = |name: &str, value: i64| -> Result<usize, Error> {
            usize::try_from(value).map_err(|_| {
                Error::illegal(format!("[{name}] parameter cannot be negative, found [{value}]"))
            })
        };
        if let Some(from) = opts.int("from")? {
            self.request.from = bound("from", from)?;
        }
        if let Some(size) = opts.int("size")? {
            self.request.size = bound("size", size)?;
        }
        if let Some(after) = opts.int("terminate_after")? {
            self.request.terminate_after = terminate(after)?;
        }
        if let Some(track) = opts.get("track_total_hits") {
            self.request.track_total = track_total(&scalar(track).unwrap_or_default())?;
        }
        if let Some(text) = opts.text("timeout")? {
            self.timeout_ms = timeout(&text)?;
        }
        self.profile = opts.is_set("profile")?;
        Ok(())
    }

    fn read_shown(&mut self, opts: &Opts<'_>) -> Result<(), Error> {
        self.shown = Shown::read(opts)?;
        self.shown.collapse.clone_from(&self.request.collapse);
        Ok(())
    }

    /// What the parameters of a call say; they win over the body.
    pub(crate) fn params(&mut self, call: &Call<'_>) -> Result<(), Error> {
        if let Some(query) = query_of(call)? {
            self.request.query = query;
        }
        let number = |name: &str| -> Result<Option<usize>, Error> {
            let Some(value) = call.params.int(name)? else { return Ok(None) };
            usize::try_from(value).map(Some).map_err(|_| {
                Error::illegal(format!("[{name}] parameter cannot be negative, found [{value}]"))
            })
        };
        if let Some(from) = number("from")? {
            self.request.from = from;
        }
        if let Some(size) = number("size")? {
            self.request.size = size;
        }
        if let Some(text) = call.param("sort") {
            self.request.sort = sort::read_text(text)?;
            self.sort_formats = Vec::new();
        }
        if let Some(filter) = Filter::of_params(call) {
            self.shown.source = Some(filter);
        }
        if let Some(list) = call.params.list("stored_fields") {
            self.shown.stored = Some(list.into_iter().map(str::to_owned).collect());
        }
        for field in call.params.list("docvalue_fields").unwrap_or_default() {
            self.shown.docvalues.push(FieldAsk {
                pattern: field.to_owned(),
                format: None,
                unmapped: false,
            });
        }
        self.shown.version = call.flag("version", self.shown.version)?;
        self.shown.seq_no = call.flag("seq_no_primary_term", self.shown.seq_no)?;
        self.shown.explain = call.flag("explain", self.shown.explain)?;
        self.request.track_scores = call.flag("track_scores", self.request.track_scores)?;
        if let Some(text) = call.param("track_total_hits") {
            self.request.track_total = track_total(text)?;
        }
        if let Some(after) = call.params.int("terminate_after")? {
            self.request.terminate_after = terminate(after)?;
        }
        if let Some(text) = call.param("timeout") {
            self.timeout_ms = timeout(text)?;
        }
        Ok(())
    }

    /// What makes no sense together.
    pub(crate) fn check(&self, call: &Call<'_>) -> Result<(), Error> {
        let invalid = |text: &str| {
            Err(Error::new(
                400,
                "action_request_validation_exception",
                format!("Validation Failed: 1: {text};"),
            ))
        };
        if call.flag("rest_total_hits_as_int", false)? {
            match self.request.track_total {
                Track::UpTo(limit) if limit != 10_000 => {
                    return Err(Error::illegal(format!(
                        "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, got {limit}"
                    )));
                }
                Track::Exactly | Track::UpTo(_) | Track::No => {}
            }
        }
        if call.param("scroll").is_some() {
            if self.request.from > 0 {
                return invalid("using [from] is not allowed in a scroll context");
            }
            if self.request.size == 0 {
                return invalid("[size] cannot be [0] in a scroll context");
            }
            if call.flag("request_cache", false)? {
                return invalid("[request_cache] cannot be used in a scroll context");
            }
            if self.request.track_total == Track::No {
                return invalid("disabling [track_total_hits] is not allowed in a scroll context");
            }
            if self.request.collapse.is_some() {
                return invalid("cannot use `collapse` in a scroll context");
            }
            if self.request.search_after.is_some() {
                return Err(Error::illegal("`search_after` cannot be used in a scroll context."));
            }
            if self.pit.is_some() {
                return invalid("using [point in time] is not allowed in a scroll context");
            }
        } else if self.request.slice.is_some() && self.pit.is_none() {
            return Err(Error::illegal(
                "[slice] can only be used with [scroll] or [point-in-time] requests",
            ));
        }
        if let Some(after) = &self.request.search_after {
            if self.request.from > 0 {
                return Err(Error::illegal(
                    "`from` parameter must be set to 0 when `search_after` is used.",
                ));
            }
            let levels = self.request.sort.len().max(1);
            let tie = usize::from(self.pit.is_some());
            if after.len() != levels && after.len() != levels + tie {
                return Err(Error::illegal(format!(
                    "search_after has {} value(s) but sort has {levels}.",
                    after.len()
                )));
            }
        }
        Ok(())
    }
}

impl Shown {
    /// The members that say what is shown: of a search, of `top_hits`, of `inner_hits`.
    pub(crate) fn read(opts: &Opts<'_>) -> Result<Self, Error> {
        Ok(Self {
            source: opts.get("_source").map(Filter::of_body).transpose()?,
            fields: field_asks(opts, "fields")?,
            docvalues: field_asks(opts, "docvalue_fields")?,
            stored: opts.texts("stored_fields")?,
            highlight: opts.get("highlight").and_then(Value::as_object).cloned(),
            version: opts.is_set("version")?,
            seq_no: opts.is_set("seq_no_primary_term")?,
            explain: opts.is_set("explain")?,
            collapse: None,
        })
    }
}

fn field_asks(opts: &Opts<'_>, name: &str) -> Result<Vec<FieldAsk>, Error> {
    let list = match opts.get(name) {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.as_slice(),
        Some(value) => std::slice::from_ref(value),
    };
    let mut asks = Vec::new();
    for value in list {
        if let Some(pattern) = scalar(value) {
            asks.push(FieldAsk { pattern, format: None, unmapped: false });
            continue;
        }
        let field = Opts::of(name, value)?.known(&["field", "format", "include_unmapped"])?;
        let pattern = field.text("field")?;
        let pattern = pattern.ok_or_else(|| Error::illegal("Required [field]"))?;
        let format = field.text("format")?.filter(|format| format != "use_field_mapping");
        asks.push(FieldAsk { pattern, format, unmapped: field.is_set("include_unmapped")? });
    }
    Ok(asks)
}

fn terminate(after: i64) -> Result<Option<u64>, Error> {
    match u64::try_from(after) {
        Ok(0) => Ok(None),
        Ok(after) => Ok(Some(after)),
        Err(_) => Err(Error::illegal("terminateAfter must be > 0")),
    }
}

fn timeout(text: &str) -> Result<Option<i64>, Error> {
    if text == "-1" {
        return Ok(None);
    }
    aggs::duration_ms(text).map(Some).ok_or_else(|| {
        Error::illegal(format!("failed to parse setting [timeout] with value [{text}] as a time value: unit is missing or unrecognized"))
    })
}

/// `true`, `false`, or a number.
fn track_total(text: &str) -> Result<Track, Error> {
    match text {
        "true" | "-1" | "" => Ok(Track::Exactly),
        "false" => Ok(Track::No),
        other => match other.parse::<i64>() {
            Ok(limit) if limit >= 0 => Ok(Track::UpTo(limit.unsigned_abs())),
            Ok(limit) => Err(Error::illegal(format!(
                "[track_total_hits] parameter must be positive or equals to -1, got {limit}"
            ))),
            Err(_) => Err(Error::illegal(format!(
                "Failed to parse int parameter [track_total_hits] with value [{other}]"
            ))),
        },
    }
}

/// The query of the parameter `q` and its options.
pub(crate) fn query_of(call: &Call<'_>) -> Result<Option<Query>, Error> {
    let Some(text) = call.param("q") else { return Ok(None) };
    let default_operator =
        match call.param("default_operator").map(str::to_ascii_lowercase).as_deref() {
            None | Some("or") => Operator::Or,
            Some("and") => Operator::And,
            Some(other) => {
                return Err(Error::illegal(format!(
                    "Unsupported defaultOperator [{other}], can either be [OR] or [AND]"
                )));
            }
        };
    let lenient = call.param("lenient").map(|_| call.flag("lenient", false)).transpose()?;
    Ok(Some(
        Node::QueryString(QueryString {
            query: text.to_owned(),
            default_field: call.param("df").map(str::to_owned),
            default_operator,
            analyzer: call.param("analyzer").map(str::to_owned),
            analyze_wildcard: call.flag("analyze_wildcard", false)?,
            lenient,
            minimum_should_match: None::<MinimumShouldMatch>,
            ..QueryString::default()
        })
        .into(),
    ))
}

/// An order that has no ties: rows that are alike otherwise are in the order of their arrival.
pub(crate) fn without_ties(sort: &[Sort]) -> Vec<Sort> {
    let mut sort = sort.to_vec();
    if sort.is_empty() {
        sort.push(Sort::by(SortBy::Score, true));
    }
    if !sort.iter().any(|level| level.by == SortBy::Doc) {
        sort.push(Sort::by(SortBy::Doc, false));
    }
    sort
}
