//! `_rollover`: the next index of an alias or a data stream.

use logs::store::Index;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::indices::{self, Wanted};
use crate::meta::Kind;
use crate::rest::Scope::Admin;
use crate::rest::route::{POST, TIMEOUTS, route};
use crate::rest::{Answer, Call, Route};
use crate::{Changing, Elastic, resolve, settings, stats, streams, templates};

pub(crate) const ROUTES: &[Route] = &[
    route(
        POST,
        "/{alias}/_rollover",
        Admin,
        &[TIMEOUTS, &["dry_run", "lazy", "target_failure_store"]],
        rollover,
    ),
    route(
        POST,
        "/{alias}/_rollover/{new_index}",
        Admin,
        &[TIMEOUTS, &["dry_run", "lazy"]],
        rollover,
    ),
];

/// `POST /{alias}/_rollover/{new_index}`
fn rollover(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut body = match call.json()? {
        Some(Value::Object(body)) => body,
        Some(_) => return Err(Error::new(400, "parse_exception", "the body must be an object")),
        None => Map::new(),
    };
    let conditions = body.remove("conditions").unwrap_or_else(|| json!({}));
    let wanted = Wanted::parse(&body, "rollover")?;
    let dry = call.flag("dry_run", false)?;
    let changing = elastic.change();
    let name = call.part("alias");
    let plan = Plan::of(elastic, name, call.param("new_index"))?;
    let met = check(elastic, &plan.old, &conditions)?;
    let fits = met.is_empty() || met.values().any(|met| met == &Value::Bool(true));
    let rolled = fits && !dry;
    if rolled {
        plan.run(elastic, &changing, &wanted)?;
    }
    Ok(Answer::json(json!({
        "acknowledged": rolled,
        "shards_acknowledged": rolled,
        "old_index": plan.old.name(),
        "new_index": plan.new,
        "rolled_over": rolled,
        "dry_run": dry,
        "conditions": met,
    })))
}

/// Rolls `name` over if one of `conditions` is met; whether it was.
pub(crate) fn roll_if(
    elastic: &Elastic,
    changing: &Changing<'_>,
    name: &str,
    conditions: &Value,
) -> Result<bool, Error> {
    let plan = Plan::of(elastic, name, None)?;
    let met = check(elastic, &plan.old, conditions)?;
    let fits = met.values().any(|met| met == &Value::Bool(true));
    if fits {
        plan.run(elastic, changing, &Wanted::default())?;
    }
    Ok(fits)
}

/// What a rollover would do.
struct Plan<'a> {
    name: &'a str,
    is_stream: bool,
    old: std::sync::Arc<Index>,
    new: String,
    /// Whether the alias marks the index that is written to.
    marked: bool,
}

impl<'a> Plan<'a> {
    fn of(elastic: &Elastic, name: &'a str, new: Option<&str>) -> Result<Self, Error> {
        let meta = elastic.meta();
        let there = |index: &str| elastic.store.index(index).ok_or_else(|| Error::no_index(index));
        if let Some(document) = meta.stream(name) {
            if new.is_some() {
                return Err(Error::illegal(
                    "rollover target is a data stream, new index name must not be given",
                ));
            }
            let backing = meta.backing(name);
            let old = there(backing.last().copied().unwrap_or_default())?;
            let generation = document.get("generation").and_then(Value::as_i64).unwrap_or(0) + 1;
            let new = streams::backing_name(elastic, name, generation);
            return Ok(Self { name, is_stream: true, old, new, marked: false });
        }
        let Some(indices) = meta.alias(name) else {
            return Err(Error::illegal(format!("rollover target [{name}] does not exist")));
        };
        let old = meta.write_index(name).ok_or_else(|| {
            Error::illegal(format!(
                "rollover target [{name}] does not point to a write index: {}",
                indices.join(", ")
            ))
        })?;
        let new = match new {
            Some(new) => resolve::one_name(elastic, new)?,
            None => next_name(elastic, old)?,
        };
        indices::check_name(&new)?;
        let of = meta.aliases_of(old).and_then(|aliases| aliases.get(name));
        let marked = of.and_then(|of| of.get("is_write_index")) == Some(&Value::Bool(true));
        Ok(Self { name, is_stream: false, old: there(old)?, new, marked })
    }

    fn run(
        &self,
        elastic: &Elastic,
        changing: &Changing<'_>,
        wanted: &Wanted,
    ) -> Result<(), Error> {
        let meta = elastic.meta();
        let template_name = if self.is_stream { self.name } else { &self.new };
        let base = templates::for_index(&meta, template_name)?;
        let mut wanted = base.map(|base| base.wanted).unwrap_or_default().overlaid(wanted);
        if self.is_stream {
            let document = meta.stream(self.name).map(|document| (**document).clone());
            let document = document.ok_or_else(|| Error::no_index(self.name))?;
            streams::add_backing(elastic, changing, self.name, &document, wanted)?;
            return Ok(());
        }
        let mut old = meta.aliases_of(self.old.name()).cloned().unwrap_or_default();
        let mut of = old.get(self.name).cloned().unwrap_or_else(|| json!({}));
        if self.marked {
            of["is_write_index"] = true.into();
            old[self.name]["is_write_index"] = false.into();
        } else {
            old.shift_remove(self.name);
        }
        wanted.aliases.insert(self.name.to_owned(), of);
        let settings = self.old.settings();
        if let Some(hidden) = settings.get("index.hidden") {
            wanted.settings.entry("index.hidden").or_insert_with(|| hidden.clone());
        }
        indices::create(elastic, changing, &self.new, wanted)?;
        let old = (!old.is_empty()).then_some(Value::Object(old));
        elastic.put(changing, Kind::Aliases, self.old.name(), old)
    }
}

/// `logs-1` is followed by `logs-000002`. A name with date math is calculated anew.
fn next_name(elastic: &Elastic, old: &str) -> Result<String, Error> {
    let provided = elastic.store.index(old).map(|index| index.settings());
    let provided = provided.as_ref().and_then(|s| settings::text(s, "index.provided_name"));
    let from = provided.filter(|name| name.starts_with('<')).unwrap_or(old);
    let (bare, end) = match from.strip_suffix('>') {
        Some(bare) => (bare, ">"),
        None => (from, ""),
    };
    let cut = bare.rsplit_once('-').filter(|(_, digits)| {
        !digits.is_empty() && digits.len() < 19 && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    let Some((head, digits)) = cut else {
        return Err(Error::illegal(format!(
            "index name [{old}] does not match pattern '^.*-\\d+$'"
        )));
    };
    let number: u64 = digits.parse().unwrap_or(0);
    resolve::one_name(elastic, &format!("{head}-{:06}{end}", number + 1))
}

/// Each condition with whether it is met.
fn check(
    elastic: &Elastic,
    index: &Index,
    conditions: &Value,
) -> Result<Map<String, Value>, Error> {
    let mut met = Map::new();
    let figures = stats::of(index);
    let age_ms = elastic.clock.now_ms().saturating_sub(index.created_ms());
    for (name, value) in conditions.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let bad =
            || Error::illegal(format!("failed to parse condition [{name}] with value [{text}]"));
        let fits = match name.as_str() {
            "max_docs" | "max_primary_shard_docs" | "min_docs" | "min_primary_shard_docs" => {
                figures.docs >= text.parse::<u64>().map_err(|_| bad())?
            }
            "max_age" | "min_age" => age_ms >= settings::duration_ms(&text).ok_or_else(bad)?,
            "max_size" | "max_primary_shard_size" | "min_size" | "min_primary_shard_size" => {
                stats::bytes(&figures) >= settings::bytes(&text).ok_or_else(bad)?
            }
            _ => return Err(Error::illegal(format!("[conditions] unknown field [{name}]"))),
        };
        met.insert(format!("[{name}: {text}]"), fits.into());
    }
    Ok(met)
}
