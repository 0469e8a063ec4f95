//! Which indices a request means: names, wildcards, exclusions, aliases, data streams, date math.

mod date_math;
pub(crate) mod list;
mod options;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use logs::mapping::simple_match;
use logs::store::Index;
use serde_json::Value;

pub use options::{Expand, Options};

use crate::error::Error;
use crate::meta::Meta;
use crate::{Elastic, settings};

/// Most parts of a list of names.
const NAMES_MAX: usize = 10_000;

/// One index that a request means.
#[derive(Debug, Clone)]
pub struct Target {
    pub index: Arc<Index>,
    /// What the index was asked through, if only that: the filter of its alias, or of several (any of them may hold). `None` for all documents.
    pub filter: Option<Value>,
}

/// The indices that `expression` (`a,b*,-c`, `_all`, or nothing for all) means, by name.
///
/// # Errors
/// `index_not_found_exception`, `index_closed_exception` and `invalid_index_name_exception` as `options` say.
pub fn targets(
    elastic: &Elastic,
    expression: &str,
    options: Options,
) -> Result<Vec<Target>, Error> {
    let meta = elastic.meta();
    let names = names(elastic, &meta, expression, options)?;
    let mut targets = Vec::with_capacity(names.len());
    for name in names {
        // It may have gone since.
        let Some(index) = elastic.store.index(&name) else { continue };
        let filter = filter_of(elastic, &meta, &name, expression);
        targets.push(Target { index, filter });
    }
    Ok(targets)
}

/// The names of the indices that `expression` means, ascending.
pub(crate) fn names(
    elastic: &Elastic,
    meta: &Meta,
    expression: &str,
    options: Options,
) -> Result<Vec<String>, Error> {
    let parts = parts(elastic, expression)?;
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut had_wildcard = false;
    let everything = parts.is_empty() || matches!(parts.as_slice(), [only] if only == "_all");
    let parts = if everything { vec!["*".to_owned()] } else { parts };
    for part in &parts {
        if let Some(excluded) = part.strip_prefix('-').filter(|_| had_wildcard) {
            let gone = if excluded.contains('*') {
                matching(elastic, meta, excluded, Options::everything())
            } else {
                concrete(elastic, meta, excluded).unwrap_or_default()
            };
            found.retain(|name| !gone.contains(name));
            continue;
        }
        if part.contains('*') {
            had_wildcard = true;
            let matched = matching(elastic, meta, part, options);
            if matched.is_empty() && !options.allow_no_indices {
                return Err(Error::no_index(if everything { "_all" } else { part }));
            }
            found.extend(matched);
            continue;
        }
        check_reserved(part)?;
        match concrete(elastic, meta, part) {
            Some(names) => {
                if options.ignore_aliases
                    && elastic.store.index(part).is_none()
                    && meta.stream(part).is_none()
                {
                    return Err(Error::illegal(format!(
                        "The provided expression [{part}] matches an alias, specify the corresponding concrete indices instead."
                    )));
                }
                for name in names {
                    if is_closed(elastic, &name) && !check_closed(&name, options)? {
                        continue;
                    }
                    found.insert(name);
                }
            }
            None if options.ignore_unavailable => {}
            None => return Err(Error::no_index(part)),
        }
    }
    if found.is_empty() && !options.allow_no_indices {
        return Err(Error::no_index(expression));
    }
    Ok(found.into_iter().collect())
}

/// The parts of a list of names, date math calculated.
pub(crate) fn parts(elastic: &Elastic, expression: &str) -> Result<Vec<String>, Error> {
    let mut parts = Vec::new();
    for part in split(expression) {
        if parts.len() >= NAMES_MAX {
            return Err(Error::illegal(format!("more than {NAMES_MAX} index names")));
        }
        let part = part.trim();
        if !part.is_empty() {
            parts.push(date_math::resolved(part, elastic.clock.now_ms())?);
        }
    }
    Ok(parts)
}

/// A single name, date math calculated.
pub(crate) fn one_name(elastic: &Elastic, name: &str) -> Result<String, Error> {
    date_math::resolved(name, elastic.clock.now_ms())
}

/// At commas that are not inside of `<…>`.
fn split(expression: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    expression.split(move |letter: char| {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth <= 0
    })
}

fn check_reserved(part: &str) -> Result<(), Error> {
    if part.starts_with('_') && part != "_all" {
        return Err(invalid_name(part, "must not start with '_'."));
    }
    Ok(())
}

/// `invalid_index_name_exception`
pub(crate) fn invalid_name(name: &str, why: &str) -> Error {
    Error::new(400, "invalid_index_name_exception", format!("Invalid index name [{name}], {why}"))
        .with("index", name)
        .with("index_uuid", "_na_")
}

/// The indices that an index's, an alias's or a data stream's name means; `None` when there is no such name.
pub(crate) fn concrete(elastic: &Elastic, meta: &Meta, name: &str) -> Option<Vec<String>> {
    if elastic.store.index(name).is_some() {
        return Some(vec![name.to_owned()]);
    }
    if let Some(indices) = meta.alias(name) {
        return Some(indices.to_vec());
    }
    meta.stream(name)?;
    Some(meta.backing(name).into_iter().map(str::to_owned).collect())
}

/// The indices whose name, alias or data stream is of the form `pattern`.
fn matching(elastic: &Elastic, meta: &Meta, pattern: &str, options: Options) -> Vec<String> {
    let expand = options.expand;
    let mut found = BTreeSet::new();
    let fits = |name: &str, hidden: bool| {
        let dotted = pattern.starts_with('.') && name.starts_with('.');
        (!hidden || expand.hidden || dotted) && simple_match(pattern, name)
    };
    for index in elastic.store.indices() {
        let settings = index.settings();
        let backing = meta.stream_of(index.name()).is_some();
        let hidden = settings::is_set(&settings, "index.hidden") || backing;
        let state_fits = if is_closed(elastic, index.name()) { expand.closed } else { expand.open };
        if state_fits && fits(index.name(), hidden) {
            found.insert(index.name().to_owned());
        }
    }
    let mut add = |name: &str| {
        let state_fits = if is_closed(elastic, name) { expand.closed } else { expand.open };
        if state_fits {
            found.insert(name.to_owned());
        }
    };
    if !options.ignore_aliases {
        for (alias, indices) in meta.aliases() {
            let hidden = indices.iter().any(|index| {
                let of = meta.aliases_of(index).and_then(|aliases| aliases.get(alias));
                of.and_then(|of| of.get("is_hidden")) == Some(&Value::Bool(true))
            });
            if fits(alias, hidden) {
                indices.iter().for_each(|index| add(index));
            }
        }
    }
    for (stream, document) in meta.all(crate::meta::Kind::DataStream) {
        let hidden = document.get("hidden") == Some(&Value::Bool(true));
        if fits(stream, hidden) {
            meta.backing(stream).into_iter().for_each(&mut add);
        }
    }
    found.into_iter().collect()
}

/// Whether the index is closed.
pub(crate) fn is_closed(elastic: &Elastic, name: &str) -> bool {
    elastic.store.index(name).is_some_and(|index| closed(&index))
}

/// Whether the index is closed.
pub(crate) fn closed(index: &Index) -> bool {
    settings::is_set(&index.settings(), settings::CLOSED)
}

/// Whether a closed index that was asked for by name is among the found ones.
fn check_closed(name: &str, options: Options) -> Result<bool, Error> {
    match (options.forbid_closed, options.ignore_unavailable) {
        (false, _) => Ok(true),
        (true, true) => Ok(false),
        (true, false) => {
            Err(Error::new(400, "index_closed_exception", "closed").with("index", name))
        }
    }
}

/// The filter through which `index` was asked: only where each way that leads to it is an alias with a filter.
fn filter_of(elastic: &Elastic, meta: &Meta, index: &str, expression: &str) -> Option<Value> {
    let aliases = meta.aliases_of(index)?;
    let parts = parts(elastic, expression).ok()?;
    let mut filters = Vec::new();
    for part in parts.iter().filter(|part| !part.starts_with('-')) {
        if part == "_all" || simple_match(part, index) {
            return None;
        }
        for (_, of) in aliases.iter().filter(|(alias, _)| simple_match(part, alias)) {
            // An alias without a filter lets everything through.
            filters.push(of.get("filter")?.clone());
        }
    }
    match filters.len() {
        0 => None,
        1 => filters.pop(),
        _ => Some(serde_json::json!({ "bool": { "should": filters } })),
    }
}
