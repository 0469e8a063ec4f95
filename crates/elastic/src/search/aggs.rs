//! Bodies of aggregations.

use logs::agg::ast::{
    Agg, Aggs, AutoDateHistogram, Composite, CompositeKind, CompositeSource, DateHistogram, Filter,
    Filters, GapPolicy, Heuristic, Histogram, Kind, Metric, MultiTerms, Order, OrderBy, Pipeline,
    PipelineKind, RangeBucket, RangeKind, Ranges, RareTerms, Request, SignificantTerms, Source,
    Terms, TopHits,
};
use logs::agg::expr::{Expr, Moving};
use logs::agg::{Rounding, Unit};
use logs::date::Zone;
use logs::search::{Sort, SortBy};
use serde_json::{Map, Value};

use super::opts::{Opts, content, did_you_mean, parsing, scalar};
use super::query::Parser;
use super::sort;
use crate::error::Error;

/// Most aggregations of a request.
const AGGS_MAX: usize = 10_000;

/// What values come from, in nearly every body.
const SOURCE: &[&str] =
    &["field", "missing", "format", "time_zone", "value_type", "script", "meta"];

/// Reads aggregations.
pub(crate) struct Reader<'a, 'q> {
    pub(crate) queries: &'a mut Parser<'q>,
    pub(crate) request: Request,
    count: usize,
}

/// Aggregations whose names are known.
const NAMES: &[&str] = &[
    "terms",
    "multi_terms",
    "rare_terms",
    "significant_terms",
    "histogram",
    "date_histogram",
    "auto_date_histogram",
    "range",
    "date_range",
    "ip_range",
    "filter",
    "filters",
    "missing",
    "global",
    "composite",
    "nested",
    "reverse_nested",
    "sampler",
    "top_hits",
    "avg",
    "sum",
    "min",
    "max",
    "value_count",
    "stats",
    "extended_stats",
    "cardinality",
    "percentiles",
    "percentile_ranks",
    "median_absolute_deviation",
    "weighted_avg",
    "top_metrics",
    "geo_bounds",
    "geo_centroid",
    "rate",
    "avg_bucket",
    "sum_bucket",
    "min_bucket",
    "max_bucket",
    "stats_bucket",
    "extended_stats_bucket",
    "percentiles_bucket",
    "derivative",
    "cumulative_sum",
    "moving_fn",
    "moving_avg",
    "serial_diff",
    "bucket_script",
    "bucket_selector",
    "bucket_sort",
];

impl<'a, 'q> Reader<'a, 'q> {
    pub(crate) fn new(queries: &'a mut Parser<'q>) -> Self {
        Self { queries, request: Request::default(), count: 0 }
    }

    /// Reads the member `aggs` of a body.
    pub(crate) fn read(mut self, value: &Value) -> Result<Request, Error> {
        self.request.aggs = self.aggs(value, 0)?;
        check_tops(&self.request.aggs, true)?;
        check_nested(&self.request.aggs, false)?;
        Ok(self.request)
    }

    fn filter(&mut self, query: &Value) -> Result<usize, Error> {
        let query = self.queries.query(query)?;
        self.request.filters.push(query);
        Ok(self.request.filters.len() - 1)
    }

    fn aggs(&mut self, value: &Value, depth: usize) -> Result<Aggs, Error> {
        let Value::Object(map) = value else {
            return Err(parsing("Expected [START_OBJECT] under [aggs]"));
        };
        if depth > logs::agg::DEPTH_MAX {
            return Err(Error::illegal(format!(
                "aggregations are nested deeper than {}",
                logs::agg::DEPTH_MAX
            )));
        }
        let mut aggs = Vec::new();
        for (name, body) in map {
            self.count += 1;
            if self.count > AGGS_MAX {
                return Err(Error::illegal(format!("more than {AGGS_MAX} aggregations")));
            }
            if name.contains(['[', ']', '>']) || name.is_empty() {
                return Err(parsing(format!(
                    "Invalid aggregation name [{name}]. Aggregation names can contain any character except '[', ']', and '>'"
                )));
            }
            aggs.push((name.clone(), self.one(name, body, depth)?));
        }
        Ok(aggs)
    }

    fn one(&mut self, name: &str, body: &Value, depth: usize) -> Result<Agg, Error> {
        let Value::Object(map) = body else {
            return Err(parsing(format!(
                "Aggregation definition for [{name} starts with a [{}], expected a [START_OBJECT].",
                super::opts::token(body)
            )));
        };
        let (mut kind, mut subs, mut meta) = (None, Vec::new(), None);
        for (member, value) in map {
            match member.as_str() {
                "aggs" | "aggregations" => subs = self.aggs(value, depth + 1)?,
                "meta" => meta = Some(value.clone()),
                other if kind.is_some() => {
                    return Err(parsing(format!(
                        "Found two aggregation type definitions in [{name}]: [{}] and [{other}]",
                        map.keys().next().map_or("", String::as_str)
                    )));
                }
                other => {
                    if !NAMES.contains(&other) {
                        return Err(parsing(format!(
                            "Unknown aggregation type [{other}]{}",
                            did_you_mean(other, NAMES.iter().copied())
                        ))
                        .caused_by(Error::new(
                            400,
                            "named_object_not_found_exception",
                            format!("[1:1] unknown field [{other}]"),
                        )));
                    }
                    let Value::Object(_) = value else {
                        return Err(parsing(format!(
                            "Expected [START_OBJECT] under [{other}], but got a [{}] in [{name}]",
                            super::opts::token(value)
                        )));
                    };
                    kind = Some((other.to_owned(), self.kind(name, Opts::of(other, value)?)?));
                }
            }
        }
        let Some((type_name, kind)) = kind else {
            return Err(parsing(format!("Missing definition for aggregation [{name}]")));
        };
        let no_buckets = matches!(kind, Kind::Metric(_) | Kind::TopHits(_) | Kind::Pipeline(_));
        if no_buckets && !subs.is_empty() {
            return Err(Error::new(
                500,
                "aggregation_initialization_exception",
                format!("Aggregator [{name}] of type [{type_name}] cannot accept sub-aggregations"),
            ));
        }
        if matches!(kind, Kind::Global) && depth > 0 {
            return Err(Error::new(
                500,
                "aggregation_execution_exception",
                format!(
                    "Aggregation [{name}] cannot have a global sub-aggregation [{name}]. Global aggregations can only be defined as top level aggregations"
                ),
            ));
        }
        Ok(Agg { kind, subs, meta })
    }

    fn kind(&mut self, name: &str, opts: Opts<'_>) -> Result<Kind, Error> {
        Ok(match opts.owner {
            "terms" => Kind::Terms(terms(opts)?),
            "multi_terms" => Kind::MultiTerms(multi_terms(opts)?),
            "rare_terms" => Kind::RareTerms(rare_terms(opts)?),
            "significant_terms" => Kind::SignificantTerms(self.significant(opts)?),
            "histogram" => Kind::Histogram(histogram(opts)?),
            "date_histogram" => Kind::DateHistogram(Box::new(date_histogram(opts)?)),
            "auto_date_histogram" => {
                let opts = only(opts, &["buckets", "minimum_interval", "params"])?;
                Kind::AutoDateHistogram(AutoDateHistogram {
                    source: source(&opts, true)?,
                    buckets: opts.size("buckets", 1)?.unwrap_or(10),
                    minimum_interval: opts.text("minimum_interval")?,
                })
            }
            "range" => Kind::Ranges(ranges(opts, RangeKind::Number)?),
            "date_range" => Kind::Ranges(ranges(opts, RangeKind::Date)?),
            "ip_range" => Kind::Ranges(ranges(opts, RangeKind::Ip)?),
            "filter" => Kind::Filter(self.filter(&Value::Object(opts.map.clone()))?),
            "filters" => Kind::Filters(self.filters(opts)?),
            "missing" => Kind::Missing(source(&only(opts, &[])?, true)?),
            "global" => Kind::Global,
            "composite" => Kind::Composite(composite(opts)?),
            "nested" => {
                let path = opts.known(&["path"])?.text("path")?;
                let path = path.ok_or_else(|| {
                    Error::illegal(format!("Missing [path] field for nested aggregation [{name}]"))
                })?;
                Kind::Nested { path }
            }
            "reverse_nested" => Kind::ReverseNested { path: opts.text("path")? },
            "sampler" => {
                let opts = opts.known(&["shard_size"])?;
                Kind::Sampler { size: opts.size("shard_size", 1)?.unwrap_or(100) }
            }
            "top_hits" => Kind::TopHits(top_hits(opts)?),
            other if other.ends_with("_bucket") || PIPELINES.contains(&other) => {
                Kind::Pipeline(pipeline(name, opts)?)
            }
            _ => Kind::Metric(metric(name, opts)?),
        })
    }

    fn filters(&mut self, opts: Opts<'_>) -> Result<Filters, Error> {
        let opts = opts.known(&["filters", "other_bucket", "other_bucket_key", "keyed"])?;
        let (mut filters, mut keyed) = (Vec::new(), true);
        match opts.get("filters") {
            Some(Value::Object(map)) => {
                for (name, query) in map {
                    filters.push((Some(name.clone()), self.filter(query)?));
                }
                // By name, as they are answered.
                filters.sort_by(|a, b| a.0.cmp(&b.0));
            }
            Some(Value::Array(list)) => {
                keyed = false;
                for query in list {
                    filters.push((None, self.filter(query)?));
                }
            }
            Some(_) | None => {}
        }
        if filters.is_empty() {
            return Err(Error::illegal("[filters] cannot be empty."));
        }
        let key = opts.text("other_bucket_key")?;
        let wanted = opts.flag("other_bucket")?.unwrap_or(key.is_some());
        let other = wanted.then(|| key.unwrap_or_else(|| "_other_".to_owned()));
        Ok(Filters { filters, other, keyed: keyed && opts.flag("keyed")?.unwrap_or(true) })
    }

    fn significant(&mut self, opts: Opts<'_>) -> Result<SignificantTerms, Error> {
        let opts = only(
            opts,
            &[
                "size",
                "shard_size",
                "min_doc_count",
                "shard_min_doc_count",
                "include",
                "exclude",
                "execution_hint",
                "background_filter",
                "jlh",
                "gnd",
                "mutual_information",
                "chi_square",
                "percentage",
                "script_heuristic",
            ],
        )?;
        if opts.get("script_heuristic").is_some() {
            return Err(Error::illegal("[significant_terms] scripts are not supported"));
        }
        let flags = |name: &str| -> Result<(bool, bool), Error> {
            let Some(value) = opts.get(name) else { return Ok((false, true)) };
            let inner = Opts::of("significant_terms", value)?;
            Ok((
                inner.is_set("include_negatives")?,
                inner.flag("background_is_superset")?.unwrap_or(true),
            ))
        };
        let heuristic = if opts.get("gnd").is_some() {
            Heuristic::Gnd { background_is_superset: flags("gnd")?.1 }
        } else if opts.get("mutual_information").is_some() {
            let (include_negatives, background_is_superset) = flags("mutual_information")?;
            Heuristic::MutualInformation { include_negatives, background_is_superset }
        } else if opts.get("chi_square").is_some() {
            let (include_negatives, background_is_superset) = flags("chi_square")?;
            Heuristic::ChiSquare { include_negatives, background_is_superset }
        } else if opts.get("percentage").is_some() {
            Heuristic::Percentage
        } else {
            Heuristic::Jlh
        };
        let background =
            opts.get("background_filter").map(|query| self.filter(query)).transpose()?;
        Ok(SignificantTerms {
            source: source(&opts, true)?,
            size: opts.size("size", 1)?.unwrap_or(10),
            min_doc_count: u64::from(opts.count("min_doc_count")?.unwrap_or(3)),
            include: include(&opts, "include")?,
            exclude: include(&opts, "exclude")?,
            heuristic,
            background,
        })
    }
}

const PIPELINES: &[&str] = &[
    "derivative",
    "cumulative_sum",
    "moving_fn",
    "moving_avg",
    "serial_diff",
    "bucket_script",
    "bucket_selector",
    "bucket_sort",
];

/// Queries see documents, not the objects inside of them: refused rather than answered with nothing.
fn check_nested(aggs: &Aggs, is_inside: bool) -> Result<(), Error> {
    for (name, agg) in aggs {
        if is_inside && matches!(agg.kind, Kind::Filter(_) | Kind::Filters(_)) {
            return Err(Error::illegal(format!(
                "[{name}] filters below a [nested] aggregation are not supported"
            )));
        }
        let is_out = matches!(agg.kind, Kind::ReverseNested { .. });
        let is_in = matches!(agg.kind, Kind::Nested { .. });
        check_nested(&agg.subs, is_in || is_inside && !is_out)?;
    }
    Ok(())
}

/// Pipelines that look along buckets have to be in some.
fn check_tops(aggs: &Aggs, top: bool) -> Result<(), Error> {
    for (name, agg) in aggs {
        if let Kind::Pipeline(pipeline) = &agg.kind
            && top
        {
            let type_name = match &pipeline.kind {
                PipelineKind::BucketSort { .. } => "bucket_sort",
                PipelineKind::BucketScript(_) => "bucket_script",
                PipelineKind::BucketSelector(_) => "bucket_selector",
                PipelineKind::Derivative { .. } => "derivative",
                PipelineKind::CumulativeSum => "cumulative_sum",
                PipelineKind::MovingFn { .. } => "moving_fn",
                PipelineKind::SerialDiff { .. } => "serial_diff",
                PipelineKind::AvgBucket
                | PipelineKind::SumBucket
                | PipelineKind::MinBucket
                | PipelineKind::MaxBucket
                | PipelineKind::StatsBucket
                | PipelineKind::ExtendedStatsBucket { .. }
                | PipelineKind::PercentilesBucket { .. } => continue,
            };
            return Err(Error::new(
                400,
                "action_request_validation_exception",
                format!(
                    "Validation Failed: 1: {type_name} aggregation [{name}] must be declared inside of another aggregation;"
                ),
            ));
        }
        check_tops(&agg.subs, false)?;
    }
    Ok(())
}

fn only<'a>(opts: Opts<'a>, more: &[&str]) -> Result<Opts<'a>, Error> {
    let known: Vec<&str> = SOURCE.iter().chain(more).copied().collect();
    opts.known(&known)
}

/// Where values come from.
fn source(opts: &Opts<'_>, required: bool) -> Result<Source, Error> {
    if opts.get("script").is_some() {
        return Err(Error::illegal(format!("[{}] scripts are not supported", opts.owner)));
    }
    let field = opts.text("field")?;
    if field.is_none() && required {
        return Err(Error::illegal(
            "Required one of fields [field, script], but none were specified. ",
        ));
    }
    Ok(Source {
        field: field.unwrap_or_default(),
        missing: opts.get("missing").cloned(),
        format: opts.text("format")?,
        time_zone: opts.text("time_zone")?,
        value_type: opts.text("value_type")?,
    })
}

fn include(opts: &Opts<'_>, name: &str) -> Result<Option<Filter>, Error> {
    Ok(match opts.get(name) {
        None => None,
        Some(Value::String(pattern)) => Some(Filter::Pattern(pattern.clone())),
        Some(Value::Array(values)) => Some(Filter::Values(values.clone())),
        Some(value @ Value::Object(_)) => {
            let inner = Opts::of(name, value)?;
            let of = inner.count("num_partitions")?.unwrap_or(0);
            let at = inner.count("partition")?.unwrap_or(0);
            if of == 0 || at >= of {
                return Err(Error::illegal(
                    "Missing or wrong [partition] and [num_partitions] parameters for partition-based include",
                ));
            }
            Some(Filter::Partition { at, of })
        }
        Some(value) => {
            return Err(Error::illegal(format!(
                "Unrecognized token [{}] in {name}",
                super::opts::token(value)
            )));
        }
    })
}

fn order_of(opts: &Opts<'_>, default: Vec<Order>) -> Result<Vec<Order>, Error> {
    let mut orders = Vec::new();
    let mut add = |value: &Value| -> Result<(), Error> {
        let Value::Object(map) = value else {
            return Err(parsing(format!(
                "Order must be an object or an array of objects in [{}]",
                opts.owner
            )));
        };
        for (name, direction) in map {
            let descending = match direction.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("asc") => false,
                Some("desc") => true,
                _ => {
                    return Err(parsing(format!(
                        "Unknown order direction [{}]",
                        scalar(direction).unwrap_or_default()
                    )));
                }
            };
            let by = match name.as_str() {
                "_count" => OrderBy::Count,
                "_key" | "_term" | "_time" => OrderBy::Key,
                path => OrderBy::Path(path.to_owned()),
            };
            orders.push(Order { by, descending });
        }
        Ok(())
    };
    match opts.get("order") {
        None => return Ok(default),
        Some(Value::Array(list)) => list.iter().try_for_each(&mut add)?,
        Some(value) => add(value)?,
    }
    Ok(orders)
}

fn by_count() -> Vec<Order> {
    vec![Order { by: OrderBy::Count, descending: true }]
}

fn terms(opts: Opts<'_>) -> Result<Terms, Error> {
    let opts = only(
        opts,
        &[
            "size",
            "shard_size",
            "min_doc_count",
            "shard_min_doc_count",
            "order",
            "include",
            "exclude",
            "execution_hint",
            "collect_mode",
            "show_term_doc_count_error",
        ],
    )?;
    Ok(Terms {
        source: source(&opts, true)?,
        size: opts.size("size", 1)?.unwrap_or(10),
        min_doc_count: u64::from(opts.count("min_doc_count")?.unwrap_or(1)),
        order: order_of(&opts, by_count())?,
        include: include(&opts, "include")?,
        exclude: include(&opts, "exclude")?,
        show_error: opts.is_set("show_term_doc_count_error")?,
    })
}

fn multi_terms(opts: Opts<'_>) -> Result<MultiTerms, Error> {
    let opts = opts.known(&[
        "terms",
        "size",
        "shard_size",
        "min_doc_count",
        "shard_min_doc_count",
        "order",
        "collect_mode",
        "show_term_doc_count_error",
    ])?;
    let mut sources = Vec::new();
    for value in opts.get("terms").and_then(Value::as_array).into_iter().flatten() {
        sources.push(source(
            &only(Opts::of("multi_terms", value)?, &["user_value_type_hint"])?,
            true,
        )?);
    }
    if sources.is_empty() {
        return Err(Error::illegal("multi term aggregation must has at least 2 terms"));
    }
    if sources.len() < 2 {
        return Err(Error::illegal("multi term aggregation must has at least 2 terms"));
    }
    Ok(MultiTerms {
        sources,
        size: opts.size("size", 1)?.unwrap_or(10),
        min_doc_count: u64::from(opts.count("min_doc_count")?.unwrap_or(1)),
        order: order_of(&opts, by_count())?,
        show_error: opts.is_set("show_term_doc_count_error")?,
    })
}

fn rare_terms(opts: Opts<'_>) -> Result<RareTerms, Error> {
    let opts = only(opts, &["max_doc_count", "include", "exclude", "precision"])?;
    let most = opts.size("max_doc_count", 1)?.unwrap_or(1);
    if most > 100 {
        return Err(Error::illegal(format!(
            "[max_doc_count] must be smaller than 100. Found [{most}] in [rare_terms]"
        )));
    }
    Ok(RareTerms {
        source: source(&opts, true)?,
        max_doc_count: u64::try_from(most).unwrap_or(u64::MAX),
        include: include(&opts, "include")?,
        exclude: include(&opts, "exclude")?,
    })
}

/// Two ends as they were written.
type Ends = (Option<Value>, Option<Value>);

fn bounds(opts: &Opts<'_>, name: &str) -> Result<Option<Ends>, Error> {
    let Some(value) = opts.get(name) else { return Ok(None) };
    let inner = Opts::of(name, value)?.known(&["min", "max"])?;
    Ok(Some((inner.get("min").cloned(), inner.get("max").cloned())))
}

fn histogram(opts: Opts<'_>) -> Result<Histogram, Error> {
    let opts = only(
        opts,
        &[
            "interval",
            "offset",
            "min_doc_count",
            "order",
            "extended_bounds",
            "hard_bounds",
            "keyed",
        ],
    )?;
    let interval = opts.number("interval")?.unwrap_or(0.0);
    if interval <= 0.0 || !interval.is_finite() {
        return Err(Error::illegal(format!(
            "[interval] must be >0 for histogram aggregation [{}]",
            opts.owner
        )));
    }
    let ends = |name: &str| -> Result<Option<(f64, f64)>, Error> {
        Ok(bounds(&opts, name)?.map(|(min, max)| {
            let number = |value: Option<Value>, none: f64| {
                value.and_then(|value| value.as_f64()).unwrap_or(none)
            };
            (number(min, f64::NEG_INFINITY), number(max, f64::INFINITY))
        }))
    };
    Ok(Histogram {
        source: source(&opts, true)?,
        interval,
        offset: opts.number("offset")?.unwrap_or(0.0),
        min_doc_count: u64::from(opts.count("min_doc_count")?.unwrap_or(0)),
        order: order_of(&opts, Vec::new())?,
        extended_bounds: ends("extended_bounds")?,
        hard_bounds: ends("hard_bounds")?,
        keyed: opts.is_set("keyed")?,
    })
}

/// A unit of the calendar: `month`, `1M`.
fn calendar(text: &str) -> Option<Unit> {
    Some(match text {
        "second" | "1s" => Unit::Second,
        "minute" | "1m" => Unit::Minute,
        "hour" | "1h" => Unit::Hour,
        "day" | "1d" => Unit::Day,
        "week" | "1w" => Unit::Week,
        "month" | "1M" => Unit::Month,
        "quarter" | "1q" => Unit::Quarter,
        "year" | "1y" => Unit::Year,
        _ => return None,
    })
}

/// `90m`, `-1.5h`, `500ms` in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let cut = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let unit = match &rest[cut..] {
        "nanos" => 1e-6,
        "micros" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        "h" | "H" => 3_600e3,
        "d" => 86_400e3,
        "w" => 7.0 * 86_400e3,
        _ => return None,
    };
    Some(logs::agg::f64_to_int(sign * rest[..cut].parse::<f64>().ok()? * unit))
}

fn zone(opts: &Opts<'_>) -> Result<Zone, Error> {
    let Some(name) = opts.text("time_zone")? else { return Ok(Zone::default()) };
    if let Some(offset) = opts.get("time_zone").and_then(Value::as_i64) {
        return i32::try_from(offset * 3_600)
            .ok()
            .and_then(Zone::fixed)
            .ok_or_else(|| Error::illegal(format!("Unknown time-zone ID: {name}")));
    }
    Zone::parse(&name).ok_or_else(|| Error::illegal(format!("Unknown time-zone ID: {name}")))
}

fn rounding(opts: &Opts<'_>) -> Result<Rounding, Error> {
    let zone = zone(opts)?;
    let offset = match opts.get("offset") {
        None => 0,
        Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
        Some(value) => {
            let text = scalar(value).unwrap_or_default();
            if text == "0" {
                0
            } else {
                duration_ms(&text).ok_or_else(|| {
                    Error::illegal(format!("failed to parse setting [DateHistogramAggregationBuilder.parseOffset] with value [{text}] as a time value: unit is missing or unrecognized"))
                })?
            }
        }
    };
    let fixed = |text: &str| {
        duration_ms(text).filter(|ms| *ms > 0).ok_or_else(|| {
            Error::illegal(format!("failed to parse setting [date_histogram.fixedInterval] with value [{text}] as a time value: unit is missing or unrecognized"))
        })
    };
    let (calendar_text, fixed_text, old) =
        (opts.text("calendar_interval")?, opts.text("fixed_interval")?, opts.text("interval")?);
    if calendar_text.is_some() && fixed_text.is_some() {
        return Err(Error::illegal(
            "Cannot use [fixed_interval] with [calendar_interval] configuration option.",
        ));
    }
    if old.is_some() && (calendar_text.is_some() || fixed_text.is_some()) {
        return Err(Error::illegal(
            "Cannot use [interval] with [fixed_interval] or [calendar_interval] configuration options.",
        ));
    }
    let rounding = if let Some(text) = calendar_text {
        let unit = calendar(&text).ok_or_else(|| {
            Error::illegal(format!(
                "The supplied interval [{text}] could not be parsed as a calendar interval."
            ))
        })?;
        Rounding::calendar(unit, zone)
    } else if let Some(text) = fixed_text {
        Rounding::fixed(fixed(&text)?, zone)
    } else if let Some(text) = old {
        match (calendar(&text), opts.get("interval").and_then(Value::as_i64)) {
            (_, Some(ms)) if ms > 0 => Rounding::fixed(ms, zone),
            (Some(unit), _) => Rounding::calendar(unit, zone),
            (None, _) => Rounding::fixed(fixed(&text)?, zone),
        }
    } else {
        return Err(Error::illegal("Invalid interval specified, must be non-null and non-empty"));
    };
    Ok(rounding.offset(offset))
}

fn date_histogram(opts: Opts<'_>) -> Result<DateHistogram, Error> {
    let opts = only(
        opts,
        &[
            "interval",
            "fixed_interval",
            "calendar_interval",
            "offset",
            "min_doc_count",
            "order",
            "extended_bounds",
            "hard_bounds",
            "keyed",
        ],
    )?;
    let mut source = source(&opts, true)?;
    if opts.get("time_zone").is_some_and(Value::is_number) {
        source.time_zone = None;
    }
    Ok(DateHistogram {
        source,
        rounding: rounding(&opts)?,
        min_doc_count: u64::from(opts.count("min_doc_count")?.unwrap_or(0)),
        order: order_of(&opts, Vec::new())?,
        extended_bounds: bounds(&opts, "extended_bounds")?,
        hard_bounds: bounds(&opts, "hard_bounds")?,
        keyed: opts.is_set("keyed")?,
    })
}

fn ranges(opts: Opts<'_>, kind: RangeKind) -> Result<Ranges, Error> {
    let opts = only(opts, &["ranges", "keyed"])?;
    let mut ranges = Vec::new();
    for value in opts.get("ranges").and_then(Value::as_array).into_iter().flatten() {
        if let (Value::String(mask), RangeKind::Ip) = (value, kind) {
            ranges.push(RangeBucket { mask: Some(mask.clone()), ..RangeBucket::default() });
            continue;
        }
        let known: &[&str] = if kind == RangeKind::Ip {
            &["key", "from", "to", "mask"]
        } else {
            &["key", "from", "to", "from_as_string", "to_as_string"]
        };
        let range = Opts::of("range", value)?.known(known)?;
        ranges.push(RangeBucket {
            key: range.text("key")?,
            from: range.get("from").or_else(|| range.get("from_as_string")).cloned(),
            to: range.get("to").or_else(|| range.get("to_as_string")).cloned(),
            mask: range.text("mask")?,
        });
    }
    if ranges.is_empty() {
        return Err(Error::illegal(format!(
            "No [ranges] specified for the [{}] aggregation",
            opts.owner
        )));
    }
    Ok(Ranges { source: source(&opts, true)?, kind, ranges, keyed: opts.is_set("keyed")? })
}

/// One level of a `composite`.
fn composite_source(value: &Value) -> Result<CompositeSource, Error> {
    let Some((name, body)) = value.as_object().and_then(|map| map.iter().next()) else {
        return Err(parsing("[composite] sources must be objects with one member"));
    };
    let Some((kind, body)) = body.as_object().and_then(|map| map.iter().next()) else {
        return Err(parsing("[composite] a source must be an object with one member"));
    };
    let inner = only(
        Opts::of(kind, body)?,
        &[
            "order",
            "missing_bucket",
            "missing_order",
            "interval",
            "fixed_interval",
            "calendar_interval",
            "offset",
        ],
    )?;
    if inner.get("missing").is_some() {
        return Err(content("[1:1] [composite] unknown field [missing]"));
    }
    let kind = match kind.as_str() {
        "terms" => CompositeKind::Terms,
        "histogram" => {
            let interval = inner.number("interval")?.unwrap_or(0.0);
            if interval <= 0.0 {
                return Err(Error::illegal(
                    "[interval] must be greater than 0 for [histogram] source",
                ));
            }
            CompositeKind::Histogram(interval)
        }
        "date_histogram" => CompositeKind::DateHistogram(rounding(&inner)?),
        other => {
            return Err(parsing(format!("invalid source type: {other}")));
        }
    };
    let missing_first = match inner.text("missing_order")?.as_deref() {
        None | Some("default") => None,
        Some("first") => Some(true),
        Some("last") => Some(false),
        Some(other) => return Err(Error::illegal(format!("Unknown missing_order [{other}]"))),
    };
    Ok(CompositeSource {
        name: name.clone(),
        source: source(&inner, true)?,
        kind,
        descending: inner.text("order")?.as_deref() == Some("desc"),
        missing_bucket: inner.is_set("missing_bucket")?,
        missing_first,
    })
}

fn composite(opts: Opts<'_>) -> Result<Composite, Error> {
    let opts = opts.known(&["sources", "size", "after"])?;
    let mut sources: Vec<CompositeSource> = Vec::new();
    let list = match opts.get("sources") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) | None => &[],
    };
    for value in list {
        sources.push(composite_source(value)?);
    }
    if sources.is_empty() {
        return Err(Error::illegal("Composite [sources] cannot be null or empty"));
    }
    let doubles: Vec<&str> = sources
        .iter()
        .enumerate()
        .filter(|(at, source)| sources[..*at].iter().any(|have| have.name == source.name))
        .map(|(_, source)| source.name.as_str())
        .collect();
    if !doubles.is_empty() {
        return Err(Error::illegal(format!(
            "Composite source names must be unique, found duplicates: [{}]",
            doubles.join(",")
        )));
    }
    let after = opts.get("after").and_then(Value::as_object).cloned();
    Ok(Composite { sources, size: opts.size("size", 1)?.unwrap_or(10), after })
}

fn top_hits(opts: Opts<'_>) -> Result<TopHits, Error> {
    let opts = opts.known(&[
        "from",
        "size",
        "sort",
        "_source",
        "docvalue_fields",
        "stored_fields",
        "fields",
        "highlight",
        "explain",
        "version",
        "seq_no_primary_term",
        "script_fields",
        "track_scores",
    ])?;
    Ok(TopHits {
        from: opts.size("from", 0)?.unwrap_or(0),
        size: opts.size("size", 0)?.unwrap_or(3),
        sort: sort::read(opts.get("sort"))?,
        options: opts.map.clone(),
    })
}

fn metric(name: &str, opts: Opts<'_>) -> Result<Metric, Error> {
    Ok(match opts.owner {
        "weighted_avg" => weighted_avg(opts)?,
        "top_metrics" => top_metrics(opts)?,
        "rate" => rate(opts)?,
        "percentiles" | "percentile_ranks" => percentiles(opts)?,
        _ => {
            let opts = only(
                opts,
                &[
                    "precision_threshold",
                    "rehash",
                    "sigma",
                    "compression",
                    "wrap_longitude",
                    "execution_hint",
                ],
            )?;
            let source = source(&opts, true)?;
            match opts.owner {
                "avg" => Metric::Avg(source),
                "sum" => Metric::Sum(source),
                "min" => Metric::Min(source),
                "max" => Metric::Max(source),
                "value_count" => Metric::ValueCount(source),
                "stats" => Metric::Stats(source),
                "extended_stats" => {
                    let sigma = opts.number("sigma")?.unwrap_or(2.0);
                    if sigma < 0.0 {
                        return Err(Error::illegal(format!(
                            "[sigma] must be greater than or equal to 0. Found [{sigma:?}] in [{name}]"
                        )));
                    }
                    Metric::ExtendedStats { source, sigma }
                }
                "cardinality" => {
                    if opts.int("precision_threshold")?.is_some_and(|value| value < 0) {
                        return Err(Error::illegal(format!(
                            "[precisionThreshold] must be greater than or equal to 0. Found [{}] in [cardinality]",
                            opts.int("precision_threshold")?.unwrap_or(0)
                        )));
                    }
                    Metric::Cardinality(source)
                }
                "median_absolute_deviation" => {
                    let compression = opts.number("compression")?.unwrap_or(1_000.0);
                    if compression <= 0.0 {
                        return Err(Error::illegal(format!(
                            "[compression] must be greater than 0. Found [{compression:?}] in [{}]",
                            opts.owner
                        )));
                    }
                    Metric::MedianAbsoluteDeviation { source, compression }
                }
                "geo_bounds" => Metric::GeoBounds(source),
                _ => Metric::GeoCentroid(source),
            }
        }
    })
}

fn weighted_avg(opts: Opts<'_>) -> Result<Metric, Error> {
    let opts = opts.known(&["value", "weight", "format", "value_type"])?;
    let part = |name: &str| -> Result<Source, Error> {
        let value = opts
            .get(name)
            .ok_or_else(|| Error::illegal(format!("[{name}] must not be null: [weighted_avg]")))?;
        let mut source = source(&only(Opts::of("weighted_avg", value)?, &[])?, true)?;
        source.format = opts.text("format")?;
        Ok(source)
    };
    Ok(Metric::WeightedAvg { value: Box::new(part("value")?), weight: Box::new(part("weight")?) })
}

fn top_metrics(opts: Opts<'_>) -> Result<Metric, Error> {
    let opts = opts.known(&["metrics", "sort", "size"])?;
    let mut metrics = Vec::new();
    let list = match opts.get("metrics") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    };
    for value in list {
        let field = Opts::of("top_metrics", value)?.text("field")?;
        metrics.push(field.ok_or_else(|| Error::illegal("[top_metrics] metrics need a [field]"))?);
    }
    let sort = sort::read(opts.get("sort"))?.into_iter().next();
    let sort = sort.unwrap_or_else(|| Sort::by(SortBy::Score, true));
    Ok(Metric::TopMetrics {
        metrics,
        sort: Box::new(sort),
        size: opts.size("size", 1)?.unwrap_or(1).min(1_000),
    })
}

fn rate(opts: Opts<'_>) -> Result<Metric, Error> {
    let opts = only(opts, &["unit", "mode"])?;
    let unit = match opts.text("unit")? {
        None => None,
        Some(text) => Some(
            calendar(&text).ok_or_else(|| Error::illegal(format!("Unsupported unit {text}")))?,
        ),
    };
    let field = opts.get("field").map(|_| source(&opts, true)).transpose()?;
    let values = opts.text("mode")?.as_deref() == Some("value_count");
    Ok(Metric::Rate { source: field, unit, values })
}

const PERCENTS: [f64; 7] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];

fn numbers(opts: &Opts<'_>, name: &str) -> Result<Option<Vec<f64>>, Error> {
    let Some(value) = opts.get(name) else { return Ok(None) };
    let wrong = || {
        content(format!(
            "[1:1] [{}] {name} doesn't support values of type: {}",
            opts.owner,
            super::opts::token(value)
        ))
    };
    let list = value.as_array().ok_or_else(wrong)?;
    list.iter()
        .map(|value| {
            let text = value.as_str().and_then(|text| text.parse().ok());
            value.as_f64().or(text).ok_or_else(wrong)
        })
        .collect::<Result<Vec<f64>, Error>>()
        .map(Some)
}

fn percentiles(opts: Opts<'_>) -> Result<Metric, Error> {
    let opts = only(opts, &["percents", "values", "keyed", "tdigest", "hdr", "compression"])?;
    let keyed = opts.flag("keyed")?.unwrap_or(true);
    let mut compression = 100.0;
    if let Some(digest) = opts.get("tdigest") {
        let digest = Opts::of("tdigest", digest)?.known(&["compression"])?;
        compression = digest.number("compression")?.unwrap_or(100.0);
        if compression < 0.0 {
            return Err(content("[1:1] [tdigest] failed to parse field [compression]").caused_by(
                Error::illegal(format!(
                    "[compression] must be greater than or equal to 0. Found [{compression:?}]"
                )),
            ));
        }
    }
    let hdr = opts.get("hdr").is_some();
    if let Some(hdr) = opts.get("hdr") {
        let hdr = Opts::of("hdr", hdr)?.known(&["number_of_significant_value_digits"])?;
        let digits = hdr.int("number_of_significant_value_digits")?.unwrap_or(3);
        if !(0..=5).contains(&digits) {
            return Err(content(
                "[1:1] [hdr] failed to parse field [number_of_significant_value_digits]",
            )
            .caused_by(Error::illegal(
                "[numberOfSignificantValueDigits] must be between 0 and 5",
            )));
        }
    }
    let source = source(&opts, true)?;
    if opts.owner == "percentile_ranks" {
        let values = numbers(&opts, "values")?.unwrap_or_default();
        if values.is_empty() {
            return Err(Error::illegal("[values] must not be an empty array: [percentile_ranks]"));
        }
        return Ok(Metric::PercentileRanks { source, values, keyed, compression, hdr });
    }
    let mut percents = numbers(&opts, "percents")?.unwrap_or_else(|| PERCENTS.to_vec());
    check_percents(&percents)?;
    percents.sort_by(f64::total_cmp);
    Ok(Metric::Percentiles { source, percents, keyed, compression, hdr })
}

fn check_percents(percents: &[f64]) -> Result<(), Error> {
    if percents.is_empty() {
        return Err(Error::illegal("[percents] must not be empty: [percentiles]"));
    }
    for percent in percents {
        if !(0.0..=100.0).contains(percent) {
            return Err(Error::illegal(format!(
                "percent must be in [0,100], got [{percent:?}]: [percentiles]"
            )));
        }
    }
    Ok(())
}

fn script(opts: &Opts<'_>) -> Result<String, Error> {
    let text = match opts.get("script") {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Object(map)) => map
            .get("source")
            .or_else(|| map.get("inline"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        Some(_) | None => None,
    };
    text.ok_or_else(|| {
        parsing(format!("Missing required field [script] for [{}] aggregation", opts.owner))
    })
}

/// Numbers that a script's own `params` name.
fn script_params(text: &str, opts: &Opts<'_>) -> String {
    let params =
        opts.get("script").and_then(|script| script.get("params")).and_then(Value::as_object);
    let mut text = text.to_owned();
    for (name, value) in params.into_iter().flatten() {
        if let Some(number) = value.as_f64() {
            text = text.replace(&format!("params.{name}"), &format!("({number})"));
        }
    }
    text
}

fn paths(opts: &Opts<'_>) -> Result<Vec<(String, String)>, Error> {
    let missing = || {
        parsing(format!("Missing required field [buckets_path] for [{}] aggregation", opts.owner))
    };
    match opts.get("buckets_path") {
        Some(Value::String(path)) => Ok(vec![("_value".to_owned(), path.clone())]),
        Some(Value::Array(list)) => Ok(list
            .iter()
            .filter_map(Value::as_str)
            .enumerate()
            .map(|(at, path)| (format!("_value{at}"), path.to_owned()))
            .collect()),
        Some(Value::Object(map)) => map
            .iter()
            .map(|(name, path)| {
                path.as_str().map(|path| (name.clone(), path.to_owned())).ok_or_else(missing)
            })
            .collect(),
        Some(_) | None => Err(missing()),
    }
}

fn pipeline_kind(opts: &Opts<'_>) -> Result<PipelineKind, Error> {
    let bad_script = |error: logs::agg::expr::ExprError| {
        Error::new(400, "script_exception", "compile error")
            .caused_by(Error::illegal(error.to_string()))
    };
    Ok(match opts.owner {
        "avg_bucket" => PipelineKind::AvgBucket,
        "sum_bucket" => PipelineKind::SumBucket,
        "min_bucket" => PipelineKind::MinBucket,
        "max_bucket" => PipelineKind::MaxBucket,
        "stats_bucket" => PipelineKind::StatsBucket,
        "extended_stats_bucket" => {
            PipelineKind::ExtendedStatsBucket { sigma: opts.number("sigma")?.unwrap_or(2.0) }
        }
        "percentiles_bucket" => {
            let percents = numbers(opts, "percents")?.unwrap_or_else(|| PERCENTS.to_vec());
            check_percents(&percents)?;
            PipelineKind::PercentilesBucket { percents, keyed: opts.flag("keyed")?.unwrap_or(true) }
        }
        "derivative" => {
            let unit_ms = match opts.text("unit")? {
                None => None,
                Some(text) => Some(unit_ms(&text)?),
            };
            PipelineKind::Derivative { unit_ms }
        }
        "cumulative_sum" => PipelineKind::CumulativeSum,
        "serial_diff" => PipelineKind::SerialDiff { lag: opts.size("lag", 1)?.unwrap_or(1) },
        "moving_fn" => PipelineKind::MovingFn {
            window: opts
                .size("window", 1)?
                .ok_or_else(|| parsing("Required [window] for [moving_fn] aggregation"))?,
            shift: opts.int("shift")?.unwrap_or(0),
            of_values: false,
            function: Moving::parse(&script(opts)?).map_err(bad_script)?,
        },
        "moving_avg" => moving_avg(opts)?,
        "bucket_script" => {
            let text = script_params(&script(opts)?, opts);
            PipelineKind::BucketScript(Expr::parse(&text).map_err(bad_script)?)
        }
        "bucket_selector" => {
            let text = script_params(&script(opts)?, opts);
            PipelineKind::BucketSelector(Expr::parse(&text).map_err(bad_script)?)
        }
        "bucket_sort" => PipelineKind::BucketSort {
            sort: bucket_sort(opts)?,
            from: opts.size("from", 0)?.unwrap_or(0),
            size: opts.size("size", 1)?,
        },
        other => return Err(parsing(format!("Unknown aggregation type [{other}]"))),
    })
}

fn pipeline(name: &str, opts: Opts<'_>) -> Result<Pipeline, Error> {
    let opts = opts.known(&[
        "buckets_path",
        "gap_policy",
        "format",
        "sigma",
        "percents",
        "keyed",
        "unit",
        "window",
        "shift",
        "script",
        "lag",
        "model",
        "settings",
        "minimize",
        "predict",
        "sort",
        "from",
        "size",
    ])?;
    let kind = pipeline_kind(&opts)?;
    let paths =
        if matches!(kind, PipelineKind::BucketSort { .. }) { Vec::new() } else { paths(&opts)? };
    let gap = match opts.text("gap_policy")?.as_deref() {
        None | Some("skip") => GapPolicy::Skip,
        Some("insert_zeros") => GapPolicy::InsertZeros,
        Some("keep_values") => GapPolicy::KeepValues,
        Some(other) => {
            return Err(parsing(format!(
                "Invalid gap policy: [{other}], accepted values: [insert_zeros, skip, keep_values] in [{name}]"
            )));
        }
    };
    Ok(Pipeline { kind, paths, gap, format: opts.text("format")? })
}

fn unit_ms(text: &str) -> Result<f64, Error> {
    let ms = match calendar(text) {
        Some(Unit::Second) => Some(1_000),
        Some(Unit::Minute) => Some(60_000),
        Some(Unit::Hour) => Some(3_600_000),
        Some(Unit::Day) => Some(86_400_000),
        Some(Unit::Week) => Some(7 * 86_400_000),
        Some(Unit::Month) => Some(2_629_746_000),
        Some(Unit::Quarter) => Some(7_889_238_000),
        Some(Unit::Year) => Some(31_556_952_000),
        None => duration_ms(text),
    };
    let ms =
        ms.ok_or_else(|| Error::illegal(format!("failed to parse [unit] with value [{text}]")))?;
    Ok(Value::from(ms).as_f64().unwrap_or(1.0))
}

fn moving_avg(opts: &Opts<'_>) -> Result<PipelineKind, Error> {
    let settings = opts.get("settings");
    let setting = |name: &str, default: f64| {
        settings.and_then(|settings| settings.get(name)).and_then(Value::as_f64).unwrap_or(default)
    };
    let function = match opts.text("model")?.as_deref() {
        None | Some("simple") => Moving::UnweightedAvg,
        Some("linear") => Moving::LinearWeightedAvg,
        Some("ewma") => Moving::Ewma { alpha: setting("alpha", 0.3) },
        Some("holt") => Moving::Holt { alpha: setting("alpha", 0.3), beta: setting("beta", 0.1) },
        Some(other) => return Err(parsing(format!("Invalid model [{other}] specified"))),
    };
    if opts.get("predict").is_some() || opts.is_set("minimize")? {
        return Err(parsing("[moving_avg] predict and minimize are not supported"));
    }
    Ok(PipelineKind::MovingFn {
        window: opts.size("window", 1)?.unwrap_or(5),
        shift: 0,
        of_values: true,
        function,
    })
}

fn bucket_sort(opts: &Opts<'_>) -> Result<Vec<Order>, Error> {
    let list = match opts.get("sort") {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(value) => vec![value],
    };
    let mut orders = Vec::new();
    for value in list {
        let mut add = |name: &str, descending: bool| {
            let by = match name {
                "_count" => OrderBy::Count,
                "_key" => OrderBy::Key,
                path => OrderBy::Path(path.to_owned()),
            };
            orders.push(Order { by, descending });
        };
        match value {
            Value::String(name) => add(name, false),
            Value::Object(map) => {
                for (name, direction) in map {
                    let direction = direction.get("order").unwrap_or(direction);
                    add(name, direction.as_str() == Some("desc"));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return Err(parsing("[bucket_sort] sort must be names or objects"));
            }
        }
    }
    Ok(orders)
}

/// The member `aggs` or `aggregations` of a body.
pub(crate) fn member(body: &Map<String, Value>) -> Option<&Value> {
    body.get("aggs").or_else(|| body.get("aggregations"))
}
