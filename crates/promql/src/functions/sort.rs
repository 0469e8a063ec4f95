//! `sort` and its variants: the order of an instant vector. A range result is always ordered by labels.

use std::cmp::Ordering;

use super::{arg, text};
use crate::ast::Span;
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::plan::Call;
use crate::engine::value::Series;

pub(super) fn sort(
    ev: &Evaluator<'_>,
    call: &Call,
    span: Span,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let mut series = ev.eval(arg(call, 0)?, frame)?;
    if frame.steps > 1 {
        ev.warn(
            span,
            "sort is ineffective for range queries since results are always ordered by labels",
        );
    }
    let by_label = call.name.starts_with("sort_by_label");
    if !by_label {
        series.iter_mut().for_each(|one| one.column.map_floats(|v| v));
        series.retain(|one| !one.column.is_empty());
    }
    if frame.steps != 1 {
        return Ok(series);
    }
    let descending = call.name.ends_with("_desc");
    if by_label {
        let names = (1..call.args.len()).map(|i| text(call, i)).collect::<Result<Vec<_>, _>>()?;
        let order = |a: &Series, b: &Series| {
            let value =
                |series: &Series, name: &str| series.labels.get(name).unwrap_or("").to_owned();
            let by_names = names.iter().map(|name| natural(&value(a, name), &value(b, name)));
            by_names.fold(Ordering::Equal, Ordering::then).then_with(|| a.labels.cmp(&b.labels))
        };
        series.sort_by(|a, b| if descending { order(b, a) } else { order(a, b) });
        return Ok(series);
    }
    let value = |series: &Series| series.column.float(0).unwrap_or(f64::NAN);
    series.sort_by(|a, b| {
        let (a, b) = (value(a), value(b));
        match (a.is_nan(), b.is_nan()) {
            (false, false) if descending => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
            (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (a_nan, b_nan) => a_nan.cmp(&b_nan),
        }
    });
    Ok(series)
}

/// Compares with the numbers inside of texts as numbers: `a2` before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    loop {
        let (a_chunk, a_next) = chunk(a_rest);
        let (b_chunk, b_next) = chunk(b_rest);
        if a_chunk.is_empty() || b_chunk.is_empty() {
            return a_chunk.len().cmp(&b_chunk.len());
        }
        let order = match (number(a_chunk), number(b_chunk)) {
            (Some(a), Some(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            _ => a_chunk.cmp(b_chunk),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a_rest, b_rest) = (a_next, b_next);
    }
}

/// The digits of a run of digits that count.
fn number(chunk: &str) -> Option<&str> {
    chunk.starts_with(|c: char| c.is_ascii_digit()).then(|| chunk.trim_start_matches('0'))
}

/// The leading run of digits, or of anything else.
fn chunk(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    text.split_at(text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count() {
        let mut texts = ["a10", "a2", "a", "b1", "10", "9", "a2b"];
        texts.sort_by(|a, b| natural(a, b));
        assert_eq!(texts, ["9", "10", "a", "a2", "a2b", "a10", "b1"]);
    }

    #[test]
    fn numbers_of_any_length_have_one_order() {
        // 2^64 and its neighbours, and more digits yet.
        let sorted = [
            "0",
            "3",
            "18446744073709551615",
            "18446744073709551616",
            "100000000000000000000",
            "200000000000000000000",
            "1000000000000000000000",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(natural(a, b), i.cmp(&j), "{a} and {b}");
                assert_eq!(natural(&format!("00{a}"), b), i.cmp(&j), "00{a} and {b}");
            }
        }
    }
}
