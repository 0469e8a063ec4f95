//! Queries of bodies.

use logs::query::{
    self, Bool, BoostMode, Boosting, CombinedFields, ConstantScore, Decay, DisMax, Exists,
    FieldBoost, Function, FunctionKind, FunctionScore, Fuzziness, Fuzzy, Ids, Intervals, Kql,
    Match, MatchBoolPrefix, MatchPhrase, MatchPhrasePrefix, MinimumShouldMatch, MultiMatch,
    MultiMatchType, Nested, Node, Operator, Pattern, Query, QueryString, Range, Regexp, Relation,
    Score, ScoreMode, SimpleQueryString, Term, Terms, TermsSet, ZeroTerms,
};
use serde_json::{Map, Value};

use super::intervals;
use super::opts::{Opts, did_you_mean, parsing, scalar};
use crate::error::Error;

/// Most values of one `terms` query (`index.max_terms_count`).
pub(crate) const TERMS_MAX: usize = 65_536;
/// Longest `regexp` query, in letters (`index.max_regex_length`).
pub(crate) const REGEXP_MAX: usize = 1_000;

/// Where a `terms` query's values are: index, identifier, path, routing.
pub(crate) type Lookup<'a> =
    &'a dyn Fn(&str, &str, &str, Option<&str>) -> Result<Vec<Value>, Error>;

/// Reads queries.
pub(crate) struct Parser<'a> {
    pub(crate) lookup: Lookup<'a>,
    /// How deep the query is that is being read.
    depth: usize,
    /// Most values of a `terms` query, and letters of a `regexp` one, so far.
    pub(crate) terms: usize,
    pub(crate) regexp: usize,
    /// `inner_hits` of nested queries: the path, the query, and what was asked for.
    pub(crate) inner: Vec<(String, Query, Map<String, Value>)>,
}

/// The queries that are known, and those that are known of.
const NAMES: &[&str] = &[
    "match_all",
    "match_none",
    "bool",
    "term",
    "terms",
    "terms_set",
    "range",
    "exists",
    "ids",
    "match",
    "match_phrase",
    "match_phrase_prefix",
    "match_bool_prefix",
    "multi_match",
    "combined_fields",
    "query_string",
    "simple_query_string",
    "prefix",
    "wildcard",
    "regexp",
    "fuzzy",
    "constant_score",
    "dis_max",
    "boosting",
    "nested",
    "function_score",
    "intervals",
];
const REFUSED: &[&str] = &[
    "span_term",
    "span_near",
    "span_or",
    "span_not",
    "span_first",
    "span_containing",
    "span_within",
    "span_multi",
    "span_field_masking",
    "field_masking_span",
    "geo_bounding_box",
    "geo_distance",
    "geo_polygon",
    "geo_shape",
    "script",
    "script_score",
    "wrapper",
    "distance_feature",
    "pinned",
    "percolate",
    "more_like_this",
    "has_child",
    "has_parent",
    "parent_id",
    "rank_feature",
    "knn",
    "neural",
    "hybrid",
    "template",
    "semantic",
];

/// A field, its options, and what stood beside it.
type FieldBody = (String, Map<String, Value>, Map<String, Value>);

/// The field and its options: `{"f": {…}}`, or `{"f": value}` where `short` is the value's name.
fn field_of(owner: &str, map: &Map<String, Value>, short: &str) -> Result<FieldBody, Error> {
    let mut outer = Map::new();
    let mut found: Option<(String, Map<String, Value>)> = None;
    for (name, value) in map {
        if name == "boost" || name == "_name" {
            outer.insert(name.clone(), value.clone());
            continue;
        }
        if let Some((have, _)) = &found {
            return Err(parsing(format!(
                "[{owner}] query doesn't support multiple fields, found [{have}] and [{name}]"
            )));
        }
        let options = match value {
            Value::Object(options) => options.clone(),
            Value::Array(_) => {
                return Err(parsing(format!(
                    "[{owner}] unknown token [START_ARRAY] after [{name}]"
                )));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Map::from_iter([(short.to_owned(), value.clone())])
            }
        };
        found = Some((name.clone(), options));
    }
    let (field, options) = found.ok_or_else(|| Error::illegal("field name is null or empty"))?;
    if field.is_empty() {
        return Err(Error::illegal("field name is null or empty"));
    }
    Ok((field, options, outer))
}

/// The boost and name of a query.
fn decorate(mut query: Query, opts: &Opts<'_>) -> Result<Query, Error> {
    if let Some(boost) = opts.float("boost")? {
        if boost < 0.0 {
            return Err(Error::illegal(format!(
                "negative [boost] are not allowed in [{}], use a value between 0 and 1 to deboost",
                opts.owner
            )));
        }
        if (boost - 1.0).abs() > f32::EPSILON {
            query.boost = Some(boost);
        }
    }
    query.name = opts.text("_name")?.or(query.name);
    Ok(query)
}

fn operator(opts: &Opts<'_>, name: &str) -> Result<Operator, Error> {
    match opts.text(name)?.map(|text| text.to_ascii_lowercase()).as_deref() {
        None | Some("or") => Ok(Operator::Or),
        Some("and") => Ok(Operator::And),
        Some(other) => Err(Error::illegal(format!(
            "No enum constant org.opensearch.index.query.Operator.{}",
            other.to_ascii_uppercase()
        ))),
    }
}

pub(crate) fn fuzziness(opts: &Opts<'_>, name: &str) -> Result<Option<Fuzziness>, Error> {
    let Some(text) = opts.text(name)? else { return Ok(None) };
    Fuzziness::parse(&text)
        .map(Some)
        .ok_or_else(|| Error::illegal(format!("Invalid fuzziness value: {text}")))
}

fn msm(opts: &Opts<'_>) -> Result<Option<MinimumShouldMatch>, Error> {
    let Some(text) = opts.text("minimum_should_match")? else { return Ok(None) };
    let read: Result<MinimumShouldMatch, _> = serde_json::from_value(Value::String(text.clone()));
    let read = read.or_else(|_| serde_json::from_str(&text));
    read.map(Some).map_err(|_| {
        Error::new(400, "number_format_exception", format!("For input string: \"{text}\""))
    })
}

fn zero_terms(opts: &Opts<'_>) -> Result<ZeroTerms, Error> {
    match opts.text("zero_terms_query")?.map(|text| text.to_ascii_lowercase()).as_deref() {
        None | Some("none") => Ok(ZeroTerms::None),
        Some("all") => Ok(ZeroTerms::All),
        Some(other) => Err(parsing(format!("Unsupported zero_terms_query value [{other}]"))),
    }
}

fn multi_type(opts: &Opts<'_>) -> Result<MultiMatchType, Error> {
    Ok(match opts.text("type")?.as_deref() {
        None | Some("best_fields" | "boolean") => MultiMatchType::BestFields,
        Some("most_fields") => MultiMatchType::MostFields,
        Some("cross_fields") => MultiMatchType::CrossFields,
        Some("phrase") => MultiMatchType::Phrase,
        Some("phrase_prefix") => MultiMatchType::PhrasePrefix,
        Some("bool_prefix") => MultiMatchType::BoolPrefix,
        Some(other) => {
            return Err(parsing(format!(
                "failed to parse [multi_match] query type [{other}]. unknown type."
            )));
        }
    })
}

fn fields(opts: &Opts<'_>) -> Result<Vec<FieldBoost>, Error> {
    let texts = opts
        .texts("fields")
        .map_err(|_| parsing(format!("[{}] field name in [fields] cannot be null", opts.owner)))?;
    let texts = texts.unwrap_or_default();
    Ok(texts.iter().map(|text| FieldBoost::parse(text)).collect())
}

fn no_transpositions(opts: &Opts<'_>, name: &str) -> Result<bool, Error> {
    Ok(opts.flag(name)? == Some(false))
}

fn value_of(opts: &Opts<'_>, name: &str) -> Result<Value, Error> {
    match opts.map.get(name) {
        None => Err(Error::illegal(format!("[{}] requires {name} value", opts.owner))),
        Some(Value::Null) => Err(Error::illegal("value cannot be null")),
        Some(value @ (Value::Array(_) | Value::Object(_))) => Err(parsing(format!(
            "[{}] unknown token [{}] after [{name}]",
            opts.owner,
            super::opts::token(value)
        ))),
        Some(value) => Ok(value.clone()),
    }
}

impl<'a> Parser<'a> {
    pub(crate) fn new(lookup: Lookup<'a>) -> Self {
        Self { lookup, depth: 0, terms: 0, regexp: 0, inner: Vec::new() }
    }

    /// The query that `value` says.
    pub(crate) fn query(&mut self, value: &Value) -> Result<Query, Error> {
        self.depth += 1;
        if self.depth > query::DEPTH_MAX {
            return Err(Error::illegal(format!(
                "The nested depth of the query exceeds the maximum nested depth for bool queries set in [indices.query.bool.max_nested_depth]: [{}]",
                query::DEPTH_MAX
            )));
        }
        let Value::Object(map) = value else {
            return Err(parsing("[_na] query malformed, must start with start_object"));
        };
        let mut members = map.iter();
        let Some((name, body)) = members.next() else {
            return Err(Error::illegal("query malformed, empty clause found"));
        };
        if !NAMES.contains(&name.as_str()) && !REFUSED.contains(&name.as_str()) && name != "kql" {
            let known = NAMES.iter().chain(REFUSED).copied();
            let reason = format!("unknown query [{name}]{}", did_you_mean(name, known));
            let cause =
                Error::new(400, "named_object_not_found_exception", format!("[1:1] {reason}"));
            return Err(parsing(reason).caused_by(cause));
        }
        if REFUSED.contains(&name.as_str()) {
            return Err(parsing(format!("[{name}] queries are not supported")));
        }
        if body.is_array() || !body.is_object() {
            return Err(parsing(format!(
                "[{name}] query malformed, no start_object after query name"
            )));
        }
        let query = self.named(name, Opts::of(name, body)?)?;
        if members.next().is_some() {
            return Err(parsing(format!(
                "[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]"
            )));
        }
        self.depth -= 1;
        Ok(query)
    }

    fn named(&mut self, name: &str, opts: Opts<'_>) -> Result<Query, Error> {
        let node = match name {
            "match_all" => {
                opts.only(&[])?;
                Node::MatchAll {}
            }
            "match_none" => {
                opts.only(&[])?;
                Node::MatchNone {}
            }
            "bool" => self.bool(opts)?,
            "constant_score" => {
                let opts = opts.only(&["filter"])?;
                let filter = opts
                    .get("filter")
                    .ok_or_else(|| parsing("[constant_score] requires a 'filter' element"))?;
                Node::ConstantScore(ConstantScore { filter: Box::new(self.query(filter)?) })
            }
            "dis_max" => {
                let opts = opts.only(&["queries", "tie_breaker"])?;
                let queries = self.queries(opts.get("queries"))?;
                if queries.is_empty() {
                    return Err(parsing(
                        "[dis_max] requires 'queries' field with at least one clause",
                    ));
                }
                Node::DisMax(DisMax {
                    queries,
                    tie_breaker: opts.float("tie_breaker")?.unwrap_or(0.0),
                })
            }
            "boosting" => self.boosting(opts)?,
            "nested" => self.nested(opts)?,
            "function_score" => self.function_score(opts)?,
            "terms" => return self.terms(opts),
            "ids"
            | "exists"
            | "multi_match"
            | "combined_fields"
            | "query_string"
            | "simple_query_string"
            | "kql" => plain(name, opts)?,
            other => {
                let query = by_field(other, opts)?;
                if let Node::Regexp(regexp) = &query.node {
                    self.regexp = self.regexp.max(regexp.value.chars().count());
                }
                return Ok(query);
            }
        };
        decorate(node.into(), &opts)
    }

    fn queries(&mut self, value: Option<&Value>) -> Result<Vec<Query>, Error> {
        match value {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => list.iter().map(|value| self.query(value)).collect(),
            Some(value) => Ok(vec![self.query(value)?]),
        }
    }

    fn bool(&mut self, opts: Opts<'_>) -> Result<Node, Error> {
        for name in opts.map.keys() {
            let known = [
                "must",
                "filter",
                "should",
                "must_not",
                "mustNot",
                "minimum_should_match",
                "adjust_pure_negative",
                "boost",
                "_name",
            ];
            if !known.contains(&name.as_str()) {
                return Err(parsing(format!("[bool] query does not support [{name}]")));
            }
        }
        Ok(Node::Bool(Bool {
            must: self.queries(opts.get("must"))?,
            filter: self.queries(opts.get("filter"))?,
            should: self.queries(opts.get("should"))?,
            must_not: self.queries(opts.get("must_not").or_else(|| opts.get("mustNot")))?,
            minimum_should_match: msm(&opts)?,
        }))
    }

    fn boosting(&mut self, opts: Opts<'_>) -> Result<Node, Error> {
        let opts = opts.only(&["positive", "negative", "negative_boost"])?;
        let need = |name: &str| {
            opts.get(name).ok_or_else(|| {
                parsing(format!("[boosting] query requires '{name}' query to be set'"))
            })
        };
        let negative_boost = opts.float("negative_boost")?.filter(|boost| *boost >= 0.0);
        let negative_boost = negative_boost.ok_or_else(|| {
            parsing("[boosting] query requires 'negative_boost' to be set to be a positive value'")
        })?;
        Ok(Node::Boosting(Boosting {
            positive: Box::new(self.query(need("positive")?)?),
            negative: Box::new(self.query(need("negative")?)?),
            negative_boost,
        }))
    }

    fn nested(&mut self, opts: Opts<'_>) -> Result<Node, Error> {
        let opts = opts.only(&["path", "query", "score_mode", "ignore_unmapped", "inner_hits"])?;
        let path =
            opts.text("path")?.ok_or_else(|| Error::illegal("[nested] requires 'path' field"))?;
        let query =
            opts.get("query").ok_or_else(|| Error::illegal("[nested] requires 'query' field"))?;
        let query = self.query(query)?;
        if let Some(inner) = opts.get("inner_hits") {
            let asked = inner.as_object().cloned().unwrap_or_default();
            self.inner.push((path.clone(), query.clone(), asked));
        }
        let score_mode = match opts.text("score_mode")?.as_deref() {
            None | Some("avg") => ScoreMode::Avg,
            Some("sum") => ScoreMode::Sum,
            Some("min") => ScoreMode::Min,
            Some("max") => ScoreMode::Max,
            Some("none") => ScoreMode::None,
            Some(other) => {
                return Err(Error::illegal(format!(
                    "No score mode for child query [{other}] found"
                )));
            }
        };
        let ignore_unmapped = opts.is_set("ignore_unmapped")?;
        Ok(Node::Nested(Nested { path, query: Box::new(query), score_mode, ignore_unmapped }))
    }

    fn terms(&mut self, opts: Opts<'_>) -> Result<Query, Error> {
        let mut found: Option<(&String, &Value)> = None;
        for (name, value) in opts.map {
            if name == "boost" || name == "_name" || name == "value_type" {
                continue;
            }
            if found.is_some() {
                return Err(parsing("[terms] query does not support multiple fields"));
            }
            found = Some((name, value));
        }
        let Some((field, value)) = found else {
            return Err(parsing(
                "[terms] query requires a field name, followed by array of terms or a document lookup specification",
            ));
        };
        let values = match value {
            Value::Array(values) => {
                if values.iter().any(Value::is_null) {
                    return Err(Error::illegal("No value specified for terms query"));
                }
                values.clone()
            }
            Value::Object(_) => {
                let at = Opts::of("terms", value)?;
                let need = |name: &str| {
                    at.text(name)?.ok_or_else(|| {
                        parsing(format!(
                            "[terms] query lookup element requires specifying the {name}."
                        ))
                    })
                };
                let routing = at.text("routing")?;
                (self.lookup)(&need("index")?, &need("id")?, &need("path")?, routing.as_deref())?
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(parsing(format!("[terms] query does not support [{field}]")));
            }
        };
        self.terms = self.terms.max(values.len());
        decorate(Node::Terms(Terms { field: field.clone(), values }).into(), &opts)
    }

    fn function_score(&mut self, opts: Opts<'_>) -> Result<Node, Error> {
        let known = [
            "query",
            "functions",
            "score_mode",
            "boost_mode",
            "max_boost",
            "min_score",
            "weight",
            "field_value_factor",
            "random_score",
            "gauss",
            "exp",
            "linear",
            "script_score",
        ];
        let opts = opts.only(&known)?;
        let mut functions = Vec::new();
        if let Some(Value::Array(list)) = opts.get("functions") {
            for function in list {
                functions.push(self.function(Opts::of("function_score", function)?)?);
            }
        }
        let own = self.function(opts)?;
        if own.kind.is_some() || own.weight.is_some() {
            functions.push(Function { filter: None, ..own });
        }
        let query = opts.get("query").map(|query| self.query(query)).transpose()?;
        let score_mode = match opts.text("score_mode")?.as_deref() {
            None | Some("multiply") => Score::Multiply,
            Some("sum") => Score::Sum,
            Some("avg") => Score::Avg,
            Some("first") => Score::First,
            Some("max") => Score::Max,
            Some("min") => Score::Min,
            Some(other) => {
                return Err(Error::illegal(format!("No enum constant for score_mode [{other}]")));
            }
        };
        let boost_mode = match opts.text("boost_mode")?.as_deref() {
            None | Some("multiply") => BoostMode::Multiply,
            Some("replace") => BoostMode::Replace,
            Some("sum") => BoostMode::Sum,
            Some("avg") => BoostMode::Avg,
            Some("max") => BoostMode::Max,
            Some("min") => BoostMode::Min,
            Some(other) => {
                return Err(Error::illegal(format!("No enum constant for boost_mode [{other}]")));
            }
        };
        Ok(Node::FunctionScore(FunctionScore {
            query: Box::new(query.unwrap_or_default()),
            functions,
            score_mode,
            boost_mode,
            max_boost: opts.float("max_boost")?,
            min_score: opts.float("min_score")?,
        }))
    }

    fn function(&mut self, opts: Opts<'_>) -> Result<Function, Error> {
        if opts.get("script_score").is_some() {
            return Err(parsing("[function_score] scripts are not supported"));
        }
        let mut function = Function {
            filter: opts.get("filter").map(|filter| self.query(filter)).transpose()?,
            weight: opts.float("weight")?,
            kind: None,
        };
        if let Some(factor) = opts.get("field_value_factor") {
            let factor = Opts::of("field_value_factor", factor)?;
            let field = factor
                .text("field")?
                .ok_or_else(|| parsing("[field_value_factor] required field 'field' missing"))?;
            function.kind = Some(FunctionKind::FieldValueFactor {
                field,
                factor: factor.float("factor")?.unwrap_or(1.0),
                modifier: factor
                    .text("modifier")?
                    .unwrap_or_else(|| "none".to_owned())
                    .to_lowercase(),
                missing: factor.number("missing")?,
            });
        } else if let Some(random) = opts.get("random_score") {
            let random = Opts::of("random_score", random)?;
            let seed = random.int("seed")?.unwrap_or(0);
            function.kind = Some(FunctionKind::RandomScore { seed, field: random.text("field")? });
        } else if let Some(shape) =
            ["gauss", "exp", "linear"].iter().find(|s| opts.get(s).is_some())
        {
            function.kind = Some(FunctionKind::Decay(Box::new(decay(shape, &opts)?)));
        }
        Ok(function)
    }
}

fn decay(shape: &str, opts: &Opts<'_>) -> Result<Decay, Error> {
    let body = opts.get(shape).ok_or_else(|| parsing("malformed score function"))?;
    let body = Opts::of(shape, body)?;
    let found = body.map.iter().find(|(name, _)| *name != "multi_value_mode");
    let (field, at) = found.ok_or_else(|| parsing(format!("[{shape}] requires a field")))?;
    let at = Opts::of(shape, at)?;
    Ok(Decay {
        shape: shape.to_owned(),
        field: field.clone(),
        origin: at.get("origin").cloned(),
        scale: at.get("scale").cloned().ok_or_else(|| {
            parsing("malformed score function: [scale] must be set for numeric fields.")
        })?,
        offset: at.get("offset").cloned(),
        decay: at.number("decay")?.unwrap_or(0.5),
    })
}

/// Queries that hold no others and are not of the form `{"f": {…}}`.
fn plain(name: &str, opts: Opts<'_>) -> Result<Node, Error> {
    Ok(match name {
        "ids" => {
            let opts = opts.only(&["values", "type"])?;
            Node::Ids(Ids { values: opts.texts("values")?.unwrap_or_default() })
        }
        "exists" => {
            let opts = opts.only(&["field"])?;
            let field = opts.text("field")?.filter(|field| !field.is_empty());
            let field = field.ok_or_else(|| parsing("[exists] must be provided with a [field]"))?;
            if field == "_source" {
                return Err(Error::new(
                    400,
                    "query_shard_exception",
                    "failed to create query: the field [_source] is not searchable",
                ));
            }
            Node::Exists(Exists { field })
        }
        "multi_match" => Node::MultiMatch(multi_match(opts)?),
        "combined_fields" => {
            let opts = opts.only(&[
                "query",
                "fields",
                "operator",
                "minimum_should_match",
                "zero_terms_query",
                "auto_generate_synonyms_phrase_query",
            ])?;
            Node::CombinedFields(CombinedFields {
                fields: fields(&opts)?,
                query: value_of(&opts, "query")?,
                operator: operator(&opts, "operator")?,
                minimum_should_match: msm(&opts)?,
                zero_terms_query: zero_terms(&opts)?,
            })
        }
        "query_string" => Node::QueryString(query_string(opts)?),
        "simple_query_string" => Node::SimpleQueryString(simple_query_string(opts)?),
        _ => {
            let opts =
                opts.only(&["query", "fields", "default_field", "time_zone", "case_insensitive"])?;
            Node::Kql(Kql {
                query: opts.text("query")?.unwrap_or_default(),
                fields: fields(&opts)?,
                time_zone: opts.text("time_zone")?,
            })
        }
    })
}

const MULTI_MATCH: &[&str] = &[
    "query",
    "fields",
    "type",
    "operator",
    "minimum_should_match",
    "fuzziness",
    "prefix_length",
    "max_expansions",
    "fuzzy_rewrite",
    "fuzzy_transpositions",
    "analyzer",
    "lenient",
    "zero_terms_query",
    "slop",
    "tie_breaker",
    "auto_generate_synonyms_phrase_query",
    "cutoff_frequency",
];

fn multi_match(opts: Opts<'_>) -> Result<MultiMatch, Error> {
    let opts = opts.only(MULTI_MATCH)?;
    if opts.get("query").is_none() {
        return Err(parsing("No text specified for multi_match query"));
    }
    let kind = multi_type(&opts)?;
    let fuzzy = fuzziness(&opts, "fuzziness")?;
    if fuzzy.is_some()
        && matches!(
            kind,
            MultiMatchType::CrossFields | MultiMatchType::Phrase | MultiMatchType::PhrasePrefix
        )
    {
        return Err(parsing(
            "Fuzziness not allowed for type [cross_fields], [phrase] or [phrase_prefix]",
        ));
    }
    if opts.get("cutoff_frequency").is_some() && kind == MultiMatchType::BoolPrefix {
        return Err(parsing("[cutoff_frequency] not allowed for type [bool_prefix]"));
    }
    if opts.get("slop").is_some() && kind == MultiMatchType::BoolPrefix {
        return Err(parsing("[slop] not allowed for type [bool_prefix]"));
    }
    Ok(MultiMatch {
        fields: fields(&opts)?,
        query: value_of(&opts, "query")?,
        kind,
        operator: operator(&opts, "operator")?,
        minimum_should_match: msm(&opts)?,
        fuzziness: fuzzy,
        prefix_length: opts.count("prefix_length")?.unwrap_or(0),
        max_expansions: opts.count("max_expansions")?,
        no_transpositions: no_transpositions(&opts, "fuzzy_transpositions")?,
        analyzer: opts.text("analyzer")?,
        lenient: opts.is_set("lenient")?,
        zero_terms_query: zero_terms(&opts)?,
        slop: opts.count("slop")?.unwrap_or(0),
        tie_breaker: opts.float("tie_breaker")?,
    })
}

const QUERY_STRING: &[&str] = &[
    "query",
    "fields",
    "default_field",
    "default_operator",
    "type",
    "analyzer",
    "quote_analyzer",
    "quote_field_suffix",
    "allow_leading_wildcard",
    "analyze_wildcard",
    "minimum_should_match",
    "fuzziness",
    "fuzzy_prefix_length",
    "fuzzy_max_expansions",
    "fuzzy_transpositions",
    "fuzzy_rewrite",
    "phrase_slop",
    "lenient",
    "time_zone",
    "tie_breaker",
    "escape",
    "rewrite",
    "max_determinized_states",
    "auto_generate_synonyms_phrase_query",
    "enable_position_increments",
    "auto_generate_phrase_queries",
    "lowercase_expanded_terms",
    "locale",
    "use_dis_max",
    "all_fields",
    "split_on_whitespace",
];

fn query_string(opts: Opts<'_>) -> Result<QueryString, Error> {
    let opts = opts.only(QUERY_STRING)?;
    let query = opts
        .text("query")?
        .ok_or_else(|| parsing("[query_string] must be provided with a [query]"))?;
    Ok(QueryString {
        query,
        fields: fields(&opts)?,
        default_field: opts.text("default_field")?,
        default_operator: operator(&opts, "default_operator")?,
        kind: multi_type(&opts)?,
        analyzer: opts.text("analyzer")?,
        quote_analyzer: opts.text("quote_analyzer")?,
        quote_field_suffix: opts.text("quote_field_suffix")?,
        no_leading_wildcard: opts.flag("allow_leading_wildcard")? == Some(false),
        analyze_wildcard: opts.is_set("analyze_wildcard")?,
        minimum_should_match: msm(&opts)?,
        fuzziness: fuzziness(&opts, "fuzziness")?,
        fuzzy_prefix_length: opts.count("fuzzy_prefix_length")?.unwrap_or(0),
        fuzzy_max_expansions: opts.count("fuzzy_max_expansions")?,
        no_fuzzy_transpositions: no_transpositions(&opts, "fuzzy_transpositions")?,
        phrase_slop: opts.count("phrase_slop")?.unwrap_or(0),
        lenient: opts.flag("lenient")?,
        time_zone: opts.text("time_zone")?,
        tie_breaker: opts.float("tie_breaker")?,
        escape: opts.is_set("escape")?,
    })
}

fn simple_query_string(opts: Opts<'_>) -> Result<SimpleQueryString, Error> {
    let opts = opts.only(&[
        "query",
        "fields",
        "default_operator",
        "flags",
        "analyzer",
        "quote_field_suffix",
        "analyze_wildcard",
        "minimum_should_match",
        "fuzzy_prefix_length",
        "fuzzy_max_expansions",
        "fuzzy_transpositions",
        "lenient",
        "auto_generate_synonyms_phrase_query",
        "lowercase_expanded_terms",
        "locale",
        "all_fields",
    ])?;
    let query =
        opts.text("query")?.ok_or_else(|| parsing("[simple_query_string] query text missing"))?;
    Ok(SimpleQueryString {
        query,
        fields: fields(&opts)?,
        default_operator: operator(&opts, "default_operator")?,
        flags: opts.text("flags")?,
        analyzer: opts.text("analyzer")?,
        quote_field_suffix: opts.text("quote_field_suffix")?,
        analyze_wildcard: opts.is_set("analyze_wildcard")?,
        minimum_should_match: msm(&opts)?,
        fuzzy_prefix_length: opts.count("fuzzy_prefix_length")?.unwrap_or(0),
        fuzzy_max_expansions: opts.count("fuzzy_max_expansions")?,
        no_fuzzy_transpositions: no_transpositions(&opts, "fuzzy_transpositions")?,
        lenient: opts.flag("lenient")?,
    })
}

/// Queries of the form `{"f": {…}}`.
fn by_field(name: &str, opts: Opts<'_>) -> Result<Query, Error> {
    let short = match name {
        "match" | "match_phrase" | "match_phrase_prefix" | "match_bool_prefix" => "query",
        "terms_set" => "terms",
        _ => "value",
    };
    let (field, map, outer) = field_of(name, opts.map, short)?;
    let inner = Opts { owner: name, map: &map };
    let node = match name {
        "match" | "match_phrase" | "match_phrase_prefix" | "match_bool_prefix" => {
            words(name, field, inner)?
        }
        "range" => Node::Range(range(field, inner)?),
        "intervals" => Node::Intervals(Intervals { field, rule: intervals::rule(inner.map, 0)? }),
        "terms_set" => {
            let inner =
                inner.only(&["terms", "minimum_should_match_field", "minimum_should_match"])?;
            let values = inner.get("terms").and_then(Value::as_array).cloned();
            Node::TermsSet(TermsSet {
                field,
                values: values.ok_or_else(|| parsing("[terms_set] requires [terms]"))?,
                minimum_should_match_field: inner.text("minimum_should_match_field")?.ok_or_else(
                    || {
                        Error::illegal(
                            "[terms_set] is supported with [minimum_should_match_field] only",
                        )
                    },
                )?,
            })
        }
        _ => exact(name, field, inner)?,
    };
    let query = decorate(node.into(), &inner)?;
    decorate(query, &Opts { owner: name, map: &outer })
}

/// Queries of one value of a field.
fn exact(name: &str, field: String, inner: Opts<'_>) -> Result<Node, Error> {
    Ok(match name {
        "term" => {
            let inner = inner.only(&["value", "case_insensitive"])?;
            Node::Term(Term {
                field,
                value: value_of(&inner, "value")?,
                case_insensitive: inner.is_set("case_insensitive")?,
            })
        }
        "fuzzy" => {
            let inner = inner.only(&[
                "value",
                "fuzziness",
                "prefix_length",
                "max_expansions",
                "transpositions",
                "rewrite",
            ])?;
            Node::Fuzzy(Fuzzy {
                field,
                value: value_of(&inner, "value")?,
                fuzziness: fuzziness(&inner, "fuzziness")?,
                prefix_length: inner.count("prefix_length")?.unwrap_or(0),
                max_expansions: inner.count("max_expansions")?,
                no_transpositions: no_transpositions(&inner, "transpositions")?,
            })
        }
        "regexp" => {
            let inner = inner.only(&[
                "value",
                "flags",
                "flags_value",
                "case_insensitive",
                "max_determinized_states",
                "rewrite",
            ])?;
            Node::Regexp(Regexp {
                field,
                value: scalar(&value_of(&inner, "value")?).unwrap_or_default(),
                flags: inner.text("flags")?,
                case_insensitive: inner.is_set("case_insensitive")?,
            })
        }
        _ => {
            let inner =
                inner.only(&["value", "wildcard", "prefix", "case_insensitive", "rewrite"])?;
            let written = ["value", "wildcard", "prefix"].iter().find_map(|name| inner.get(name));
            let value =
                written.and_then(scalar).ok_or_else(|| Error::illegal("value cannot be null"))?;
            let pattern =
                Pattern { field, value, case_insensitive: inner.is_set("case_insensitive")? };
            if name == "prefix" { Node::Prefix(pattern) } else { Node::Wildcard(pattern) }
        }
    })
}

fn words(name: &str, field: String, opts: Opts<'_>) -> Result<Node, Error> {
    let opts = opts.only(&[
        "query",
        "operator",
        "minimum_should_match",
        "fuzziness",
        "prefix_length",
        "max_expansions",
        "fuzzy_rewrite",
        "fuzzy_transpositions",
        "analyzer",
        "lenient",
        "zero_terms_query",
        "slop",
        "auto_generate_synonyms_phrase_query",
        "cutoff_frequency",
    ])?;
    if opts.get("query").is_none() {
        return Err(Error::illegal(format!("[{name}] requires query value")));
    }
    let query = value_of(&opts, "query")?;
    let (analyzer, lenient) = (opts.text("analyzer")?, opts.is_set("lenient")?);
    let (zero_terms_query, slop) = (zero_terms(&opts)?, opts.count("slop")?.unwrap_or(0));
    let max_expansions = opts.count("max_expansions")?;
    Ok(match name {
        "match" => Node::Match(Match {
            field,
            query,
            operator: operator(&opts, "operator")?,
            minimum_should_match: msm(&opts)?,
            fuzziness: fuzziness(&opts, "fuzziness")?,
            prefix_length: opts.count("prefix_length")?.unwrap_or(0),
            max_expansions,
            no_transpositions: no_transpositions(&opts, "fuzzy_transpositions")?,
            analyzer,
            lenient,
            zero_terms_query,
        }),
        "match_phrase" => Node::MatchPhrase(MatchPhrase {
            field,
            query,
            slop,
            analyzer,
            lenient,
            zero_terms_query,
        }),
        "match_phrase_prefix" => Node::MatchPhrasePrefix(MatchPhrasePrefix {
            field,
            query,
            slop,
            max_expansions,
            analyzer,
            lenient,
            zero_terms_query,
        }),
        _ => Node::MatchBoolPrefix(MatchBoolPrefix {
            field,
            query,
            operator: operator(&opts, "operator")?,
            minimum_should_match: msm(&opts)?,
            fuzziness: fuzziness(&opts, "fuzziness")?,
            prefix_length: opts.count("prefix_length")?.unwrap_or(0),
            max_expansions,
            no_transpositions: no_transpositions(&opts, "fuzzy_transpositions")?,
            analyzer,
        }),
    })
}

fn range(field: String, opts: Opts<'_>) -> Result<Range, Error> {
    let opts = opts.only(&[
        "gt",
        "gte",
        "lt",
        "lte",
        "from",
        "to",
        "include_lower",
        "include_upper",
        "format",
        "time_zone",
        "relation",
        "ge",
        "le",
    ])?;
    let relation = match opts.text("relation")?.map(|text| text.to_ascii_lowercase()).as_deref() {
        None | Some("intersects") => Relation::Intersects,
        Some("contains") => Relation::Contains,
        Some("within") => Relation::Within,
        Some("disjoint") => Relation::Disjoint,
        Some(other) => return Err(Error::illegal(format!("{other} is not a valid relation"))),
    };
    let (mut gt, mut gte) =
        (opts.get("gt").cloned(), opts.get("gte").or_else(|| opts.get("ge")).cloned());
    let (mut lt, mut lte) =
        (opts.get("lt").cloned(), opts.get("lte").or_else(|| opts.get("le")).cloned());
    if let Some(from) = opts.get("from") {
        let slot = if opts.flag("include_lower")?.unwrap_or(true) { &mut gte } else { &mut gt };
        *slot = Some(from.clone());
    }
    if let Some(to) = opts.get("to") {
        let slot = if opts.flag("include_upper")?.unwrap_or(true) { &mut lte } else { &mut lt };
        *slot = Some(to.clone());
    }
    let (format, time_zone) = (opts.text("format")?, opts.text("time_zone")?);
    Ok(Range { field, gt, gte, lt, lte, format, time_zone, relation })
}
