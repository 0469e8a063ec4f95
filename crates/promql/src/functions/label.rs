//! `label_replace` and `label_join`.

use model::labels::{Labels, METRIC_NAME};
use model::regex::Regex;

use super::{arg, text};
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::plan::Call;
use crate::engine::value::{Collector, Series};

fn invalid<T>(what: &str) -> Result<T, QueryError> {
    Err(QueryError::Execution(format!("invalid {what}")))
}

pub(super) fn replace(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let (target, template) = (text(call, 1)?, text(call, 2)?);
    let (source, pattern) = (text(call, 3)?, text(call, 4)?);
    let Ok(regex) = Regex::wrapped(pattern) else {
        return invalid(&format!("regular expression in label_replace(): {pattern}"));
    };
    if target.is_empty() {
        return invalid(&format!("destination label name in label_replace(): {target}"));
    }
    relabel(ev, call, frame, target, &|labels| {
        regex.expand(labels.get(source).unwrap_or(""), template)
    })
}

pub(super) fn join(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let (target, separator) = (text(call, 1)?, text(call, 2)?);
    let sources = (3..call.args.len()).map(|i| text(call, i)).collect::<Result<Vec<_>, _>>()?;
    if sources.iter().any(|source| source.is_empty()) {
        return invalid("source label name in label_join(): ");
    }
    if target.is_empty() {
        return invalid("destination label name in label_join(): ");
    }
    relabel(ev, call, frame, target, &|labels| {
        let values: Vec<&str> =
            sources.iter().map(|source| labels.get(source).unwrap_or("")).collect();
        Some(values.join(separator))
    })
}

/// Sets the label `target` of each series for which `value` gives something.
fn relabel(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
    target: &str,
    value: &dyn Fn(&Labels) -> Option<String>,
) -> Result<Vec<Series>, QueryError> {
    let mut out = Collector::new(&ev.meter, frame.steps);
    for mut series in ev.eval(arg(call, 0)?, frame)? {
        ev.watch.check()?;
        if let Some(value) = value(&series.labels) {
            series.labels =
                Labels::from_pairs(series.labels.iter().chain([(target, value.as_str())]));
            // A name that was given on purpose stays.
            series.drop_name &= target != METRIC_NAME;
        }
        out.add(series)?;
    }
    Ok(out.series())
}
