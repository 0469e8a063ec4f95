//! `/api/v1/labels`, `/api/v1/label/…/values`, `/api/v1/series`: which series there are.

use std::collections::BTreeSet;

use model::labels::Labels;
use model::port::{Querier, ReadError, SelectHints};

use crate::answer::{Answer, ApiError, ApiResult, ErrorKind, read_error};
use crate::json;
use crate::params::{Params, TIME_MAX_MS, TIME_MIN_MS, invalid, unescape_name};
use crate::serve::Call;

/// Most label sets in one answer of `/api/v1/series`.
const SERIES_MAX: usize = 1_000_000;
/// The client's presence is looked at after so many series.
const CHECK_EVERY: usize = 128;
const TRUNCATED: &str = "results truncated due to limit";

/// Distinct label names.
pub(crate) fn labels(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    distinct(call, &params, |querier, matchers| querier.label_names(matchers))
}

/// Distinct values of one label.
pub(crate) fn label_values(call: &Call) -> ApiResult {
    let name = unescape_name(&call.segment);
    if name.is_empty() || name.contains(char::REPLACEMENT_CHARACTER) {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let params = Params::of(&call.request)?;
    distinct(call, &params, |querier, matchers| querier.label_values(&name, matchers))
}

fn distinct(
    call: &Call,
    params: &Params,
    ask: impl Fn(&dyn Querier, &[model::matcher::Matcher]) -> Result<Vec<String>, ReadError>,
) -> ApiResult {
    let limit = params.limit()?;
    let start = params.time_or("start", TIME_MIN_MS)?;
    let end = params.time_or("end", TIME_MAX_MS)?;
    let sets = params.matchers().map_err(ApiError::bad_data)?;
    let parts = call.parts()?;
    let querier = parts.store.querier(start, end).map_err(|error| read_error(&error))?;
    let texts = match sets.as_slice() {
        [] => ask(&*querier, &[]),
        [one] => ask(&*querier, one),
        many => many
            .iter()
            .try_fold(BTreeSet::new(), |mut all, set| {
                all.extend(ask(&*querier, set)?);
                Ok(all)
            })
            .map(|all| all.into_iter().collect()),
    };
    let mut texts = texts.map_err(|error| read_error(&error))?;
    let truncated = limit > 0 && texts.len() > limit;
    if truncated {
        texts.truncate(limit);
    }
    let answer =
        Answer::written(|out| json::array(out, &texts, |out, text| json::string(out, text)));
    Ok(answer.warn(truncated.then_some(TRUNCATED)))
}

/// The label sets of series.
pub(crate) fn series(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    if params.all("match[]").next().is_none() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = params.limit()?;
    let start = params.time_or("start", TIME_MIN_MS)?;
    let end = params.time_or("end", TIME_MAX_MS)?;
    let sets = params.matchers().map_err(|reason| invalid("match[]", &reason))?;
    let parts = call.parts()?;
    let querier = parts.store.querier(start, end).map_err(|error| read_error(&error))?;
    // One more than asked for shows that there are more.
    let ask = if limit == 0 { 0 } else { limit.saturating_add(1) };
    let hints = SelectHints { func: "series".to_owned(), limit: ask, ..SelectHints::default() };
    let mut found = Found { limit, list: Vec::new(), truncated: false };
    for set in &sets {
        let selected = querier.select(&hints, set).map_err(|error| read_error(&error))?;
        for i in 0..selected.len() {
            if i % CHECK_EVERY == 0 && call.is_gone() {
                return Err(read_error(&ReadError::Canceled));
            }
            found.list.push(selected.labels(i));
            if found.list.len() > SERIES_MAX {
                let text = format!("more than {SERIES_MAX} series; give a limit, or more matchers");
                return Err(ApiError::new(ErrorKind::Execution, text));
            }
        }
    }
    Ok(found.answer(sets.len() > 1))
}

struct Found {
    limit: usize,
    list: Vec<Labels>,
    truncated: bool,
}

impl Found {
    fn answer(mut self, several: bool) -> Answer {
        if several {
            self.list.sort();
            self.list.dedup();
        }
        if self.limit > 0 && self.list.len() > self.limit {
            self.list.truncate(self.limit);
            self.truncated = true;
        }
        let answer = Answer::written(|out| json::array(out, &self.list, json::labels));
        answer.warn(self.truncated.then_some(TRUNCATED))
    }
}
