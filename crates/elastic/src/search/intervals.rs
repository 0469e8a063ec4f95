//! Rules of `intervals` queries.

use logs::query::{Fuzziness, IntervalFilter, IntervalRule};
use serde_json::{Map, Value};

use super::opts::{Opts, did_you_mean, parsing};
use crate::error::Error;

/// Deepest rule in a rule.
const DEPTH_MAX: usize = 32;

const NAMES: &[&str] = &["match", "any_of", "all_of", "prefix", "wildcard", "fuzzy", "regexp"];

/// The rule that an object with one member says.
pub(super) fn rule(map: &Map<String, Value>, depth: usize) -> Result<IntervalRule, Error> {
    if depth > DEPTH_MAX {
        return Err(parsing(format!("intervals are nested deeper than {DEPTH_MAX}")));
    }
    let found = map.iter().find(|(name, _)| *name != "boost" && *name != "_name");
    let (name, body) = found.ok_or_else(|| parsing("Expected [START_OBJECT] in intervals"))?;
    let opts = Opts::of("intervals", body)?;
    let max_gaps = || -> Result<i32, Error> {
        Ok(i32::try_from(opts.int("max_gaps")?.unwrap_or(-1)).unwrap_or(i32::MAX))
    };
    let need = |member: &str| {
        opts.text(member)?.ok_or_else(|| parsing(format!("[{name}] requires [{member}]")))
    };
    let filter = || -> Result<Option<Box<IntervalFilter>>, Error> {
        let Some(Value::Object(map)) = opts.get("filter") else { return Ok(None) };
        Ok(Some(Box::new(filter_of(map, depth)?)))
    };
    Ok(match name.as_str() {
        "match" => IntervalRule::Match {
            query: need("query")?,
            max_gaps: max_gaps()?,
            ordered: opts.is_set("ordered")? || opts.text("mode")?.as_deref() == Some("ordered"),
            analyzer: opts.text("analyzer")?,
            filter: filter()?,
            use_field: opts.text("use_field")?,
        },
        "prefix" => {
            IntervalRule::Prefix { prefix: need("prefix")?, use_field: opts.text("use_field")? }
        }
        "wildcard" => {
            IntervalRule::Wildcard { pattern: need("pattern")?, use_field: opts.text("use_field")? }
        }
        "regexp" => IntervalRule::Regexp {
            pattern: need("pattern")?,
            case_insensitive: opts.is_set("case_insensitive")?,
            use_field: opts.text("use_field")?,
        },
        "fuzzy" => IntervalRule::Fuzzy {
            term: need("term")?,
            fuzziness: super::query::fuzziness(&opts, "fuzziness")?.unwrap_or(Fuzziness::AUTO),
            prefix_length: opts.count("prefix_length")?.unwrap_or(0),
            no_transpositions: opts.flag("transpositions")? == Some(false),
            use_field: opts.text("use_field")?,
        },
        "all_of" => IntervalRule::AllOf {
            intervals: rules(&opts, depth)?,
            max_gaps: max_gaps()?,
            ordered: opts.is_set("ordered")? || opts.text("mode")?.as_deref() == Some("ordered"),
            filter: filter()?,
        },
        "any_of" => IntervalRule::AnyOf { intervals: rules(&opts, depth)?, filter: filter()? },
        other => {
            return Err(parsing(format!(
                "Unknown interval type [{other}], expecting one of [match, any_of, all_of, prefix, wildcard, regexp]{}",
                did_you_mean(other, NAMES.iter().copied())
            )));
        }
    })
}

fn rules(opts: &Opts<'_>, depth: usize) -> Result<Vec<IntervalRule>, Error> {
    let list = opts.get("intervals").and_then(Value::as_array);
    let list = list.ok_or_else(|| parsing("[intervals] requires a list"))?;
    list.iter()
        .map(|value| {
            let map = value.as_object().ok_or_else(|| parsing("[intervals] requires objects"))?;
            rule(map, depth + 1)
        })
        .collect()
}

fn filter_of(map: &Map<String, Value>, depth: usize) -> Result<IntervalFilter, Error> {
    let (name, body) =
        map.iter().next().ok_or_else(|| parsing("Expected [START_OBJECT] in a filter"))?;
    if name == "script" {
        return Err(parsing("[intervals] scripts are not supported"));
    }
    let inner = body.as_object().ok_or_else(|| parsing("a filter requires an object"))?;
    let rule = rule(inner, depth + 1)?;
    Ok(match name.as_str() {
        "after" => IntervalFilter::After(rule),
        "before" => IntervalFilter::Before(rule),
        "contained_by" => IntervalFilter::ContainedBy(rule),
        "containing" => IntervalFilter::Containing(rule),
        "not_contained_by" => IntervalFilter::NotContainedBy(rule),
        "not_containing" => IntervalFilter::NotContaining(rule),
        "not_overlapping" => IntervalFilter::NotOverlapping(rule),
        "overlapping" => IntervalFilter::Overlapping(rule),
        other => return Err(parsing(format!("Unknown filter type [{other}]"))),
    })
}
