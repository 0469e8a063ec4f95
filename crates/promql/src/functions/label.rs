//! `label_replace` and `label_join`.

use model::labels::{Labels, METRIC_NAME};
use model::regex::Regex;

use super::{arg, text};
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::plan::Call;
use crate::engine::value::{Collector, Series, bytes_of};

/// Longest label value that these functions make, in bytes: a short query could make values of any length.
const VALUE_BYTES_MAX: usize = 1 << 20;

fn check_length(call: &Call, bytes: usize) -> Result<(), QueryError> {
    if bytes <= VALUE_BYTES_MAX {
        return Ok(());
    }
    let name = call.name;
    Err(QueryError::Execution(format!(
        "{name}() would make a label value of up to {bytes} bytes, more than the limit of {VALUE_BYTES_MAX}"
    )))
}

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
    // Calls within calls have their patterns at the same time.
    let _hold = ev.meter.hold(bytes_of(regex.program_bytes(), 1))?;
    let references = template.matches('$').count();
    relabel(ev, call, frame, target, &|labels| {
        let value = labels.get(source).unwrap_or("");
        check_length(call, references.saturating_mul(value.len()).saturating_add(template.len()))?;
        Ok(regex.expand(value, template))
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
        let values = sources.iter().map(|source| labels.get(source).unwrap_or(""));
        let values: Vec<&str> = values.collect();
        let separators = separator.len().saturating_mul(values.len());
        check_length(
            call,
            values.iter().map(|value| value.len()).fold(separators, usize::saturating_add),
        )?;
        Ok(Some(values.join(separator)))
    })
}

/// Sets the label `target` of each series for which `value` gives something.
fn relabel(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
    target: &str,
    value: &dyn Fn(&Labels) -> Result<Option<String>, QueryError>,
) -> Result<Vec<Series>, QueryError> {
    let mut out = Collector::new(&ev.meter, frame.steps);
    for mut series in ev.eval(arg(call, 0)?, frame)? {
        ev.watch.check()?;
        if let Some(value) = value(&series.labels)? {
            series.column.charge(series.labels.as_bytes().len() + value.len())?;
            series.labels =
                Labels::from_pairs(series.labels.iter().chain([(target, value.as_str())]));
            // A name that was given on purpose stays.
            series.drop_name &= target != METRIC_NAME;
        }
        out.add(series)?;
    }
    Ok(out.series())
}
