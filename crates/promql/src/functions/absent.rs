//! `absent` and `absent_over_time`: 1 where nothing is, with the labels that the selector fixes.

use model::labels::Labels;

use super::arg;
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::plan::{Call, Kind, Node, fixed_labels};
use crate::engine::track::Track;
use crate::engine::value::{Column, Series};
use crate::engine::window::{self, RangeCall};

fn labels_of(node: &Node) -> Labels {
    match &node.kind {
        Kind::Instant(selector) => Labels::from_pairs(fixed_labels(&selector.matchers)),
        Kind::Range(range) => Labels::from_pairs(fixed_labels(&range.selector.matchers)),
        Kind::Number(_)
        | Kind::Text(_)
        | Kind::Subquery(_)
        | Kind::Negate(_)
        | Kind::Binary(_)
        | Kind::Aggregate(_)
        | Kind::Call(_)
        | Kind::Invariant(_) => Labels::default(),
    }
}

/// Collects the steps at which some series has a value.
struct Missing {
    column: Column,
    found: Vec<bool>,
}

impl Missing {
    fn new(ev: &Evaluator<'_>, frame: &Frame) -> Result<Self, QueryError> {
        Ok(Self { column: Column::new(&ev.meter, frame.steps)?, found: vec![false; frame.steps] })
    }

    fn note(&mut self, series: &Series) {
        for (step, found) in self.found.iter_mut().enumerate() {
            *found |= series.column.has(step);
        }
    }

    fn series(mut self, labels: Labels, drop_name: bool) -> Result<Vec<Series>, QueryError> {
        for step in (0..self.found.len()).filter(|&step| !self.found[step]) {
            self.column.put_float(step, 1.0);
        }
        if self.column.is_empty() {
            return Ok(Vec::new());
        }
        self.column.seal()?;
        Ok(vec![Series { labels, drop_name, column: self.column }])
    }
}

pub(super) fn absent(
    ev: &Evaluator<'_>,
    input: &Node,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let mut missing = Missing::new(ev, frame)?;
    ev.each(input, frame, &mut |series| {
        missing.note(&series);
        Ok(())
    })?;
    missing.series(labels_of(input), false)
}

pub(super) fn absent_over_time(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let mut missing = Missing::new(ev, frame)?;
    let range = arg(call, 0)?;
    super::check_extension(call.name, range)?;
    // With their names the series stay apart.
    let present = RangeCall {
        f: super::over_time::present,
        range,
        first_arg: range.span,
        all_args: range.span,
        keeps_name: true,
        track: Track::Nothing,
        scalars: &[],
    };
    window::each(ev, present, frame, &mut |series, _| {
        missing.note(&series);
        Ok(())
    })?;
    missing.series(labels_of(range), true)
}
