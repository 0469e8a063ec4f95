//! Groups by the labels of their grouping keys: `match[]=` takes selectors as Prometheus' API does.
//!
//! A selector is one of labels alone, as a group has no metric name. Of several selectors each adds its groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use model::labels::METRIC_NAME;
use model::matcher::Matcher;
use scrape::push::{Gateway, Group, Grouping};

use crate::http::Reply;
use crate::params::Params;
use crate::push::api::answer;
use crate::push::groups::refused;
use crate::serve::Call;

/// Most selectors of one request.
pub(crate) const SELECTORS_MAX: usize = 100;

/// The selectors of the request; none when it has no `match[]`.
///
/// # Errors
/// What is wrong with one, as a text.
pub(crate) fn selectors(call: &Call) -> Result<Vec<Vec<Matcher>>, String> {
    let params = Params::of(&call.request).map_err(|error| error.text)?;
    let n = params.all("match[]").count();
    if n > SELECTORS_MAX {
        return Err(format!("{n} selectors, at most {SELECTORS_MAX} allowed"));
    }
    let sets =
        params.matchers().map_err(|text| format!("invalid parameter \"match[]\": {text}"))?;
    if sets.iter().flatten().any(|matcher| matcher.name == METRIC_NAME) {
        return Err(
            "invalid parameter \"match[]\": a group has labels and no metric name".to_owned()
        );
    }
    Ok(sets)
}

/// The groups of any selector, sorted by their labels.
pub(crate) fn selected(gateway: &Gateway, sets: &[Vec<Matcher>]) -> Vec<Arc<Group>> {
    let mut found: BTreeMap<Grouping, Arc<Group>> = BTreeMap::new();
    for group in sets.iter().flat_map(|set| gateway.groups_matching(set)) {
        found.insert(group.labels.clone(), group);
    }
    found.into_values().collect()
}

/// Removes the groups of any selector, each selector's at once, and says how many they were.
pub(crate) fn delete_groups(call: &Call) -> Reply {
    let gateway = match call.state.push.gateway() {
        Ok(gateway) => gateway,
        Err(reply) => return *reply,
    };
    let bad = |text: &str| Reply::error(StatusCode::BAD_REQUEST, text);
    let sets = match selectors(call) {
        Ok(sets) if sets.is_empty() => return bad("no match[] parameter provided"),
        Ok(sets) => sets,
        Err(text) => return bad(&text),
    };
    let mut n = 0;
    for set in sets {
        match gateway.delete_matching(set) {
            Ok(deleted) => n += deleted,
            Err(error) => return *refused(&error),
        }
        call.state.push.changed();
    }
    answer(&format!("{{\"status\":\"success\",\"data\":{{\"deleted\":{n}}}}}"))
}
