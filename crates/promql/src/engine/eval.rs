//! Evaluation of a plan over a frame: each node becomes series with one value per step.
//!
//! Recursion is as deep as the plan: the parser bounds that, and `deep` has the stack for it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use model::labels::Labels;
use model::port::Querier;
use model::sample::Value;

use super::error::QueryError;
use super::frame::Frame;
use super::limits::{Meter, Watch};
use super::notes::Notes;
use super::plan::{Kind, Node};
use super::value::{Collector, Column, Series};
use crate::functions;

/// Takes series one by one.
pub(crate) type Sink<'s> = dyn FnMut(Series) -> Result<(), QueryError> + 's;

/// One query's evaluation.
pub(crate) struct Evaluator<'q> {
    pub(crate) querier: &'q dyn Querier,
    pub(crate) lookback: i64,
    pub(crate) subquery_step: i64,
    /// Names go away at the end rather than where they lose their meaning.
    pub(crate) delayed: bool,
    /// `__type__` rather than the name's ending says what is a counter.
    pub(crate) type_labels: bool,
    pub(crate) meter: Rc<Meter>,
    pub(crate) watch: Watch,
    pub(crate) notes: RefCell<Notes>,
}

impl Evaluator<'_> {
    /// All series of `node`, in the order in which they came.
    pub(crate) fn eval(&self, node: &Node, frame: &Frame) -> Result<Vec<Series>, QueryError> {
        self.watch.check()?;
        match &node.kind {
            Kind::Number(v) => Ok(vec![self.scalar(frame, |_| *v)?]),
            Kind::Text(_) => Err(bug("a string where series were expected")),
            Kind::Range(_) | Kind::Subquery(_) => {
                Err(bug("a range vector where series were expected"))
            }
            Kind::Instant(_) => {
                let mut all = Vec::new();
                self.each(node, frame, &mut |series| {
                    all.push(series);
                    Ok(())
                })?;
                Ok(all)
            }
            Kind::Negate(inner) => self.negate(inner, frame),
            Kind::Binary(binary) => super::binary::eval(self, binary, node.span, frame),
            Kind::Aggregate(aggregate) => super::aggregate::eval(self, aggregate, node.span, frame),
            Kind::Call(call) => functions::call(self, call, node.span, frame),
            Kind::Invariant(inner) => self.invariant(inner, frame),
        }
    }

    /// Gives the series of `node` to `sink` one by one, holding only one where that is possible.
    pub(crate) fn each(
        &self,
        node: &Node,
        frame: &Frame,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        match &node.kind {
            Kind::Instant(selector) => {
                super::selector::each(self, selector, frame, node.span, sink)
            }
            Kind::Call(call) if functions::streams(call) => {
                functions::each(self, call, frame, sink)
            }
            Kind::Number(_)
            | Kind::Text(_)
            | Kind::Range(_)
            | Kind::Subquery(_)
            | Kind::Negate(_)
            | Kind::Binary(_)
            | Kind::Aggregate(_)
            | Kind::Call(_)
            | Kind::Invariant(_) => {
                for series in self.eval(node, frame)? {
                    sink(series)?;
                }
                Ok(())
            }
        }
    }

    /// The one column of a scalar.
    pub(crate) fn scalar_column(&self, node: &Node, frame: &Frame) -> Result<Column, QueryError> {
        match self.eval(node, frame)?.into_iter().next() {
            Some(series) => Ok(series.column),
            None => Column::constant(&self.meter, frame.steps, f64::NAN),
        }
    }

    /// A series without labels with `value(step)` everywhere.
    pub(crate) fn scalar(
        &self,
        frame: &Frame,
        value: impl Fn(usize) -> f64,
    ) -> Result<Series, QueryError> {
        let mut column = Column::new(&self.meter, frame.steps)?;
        for step in 0..frame.steps {
            column.put_float(step, value(step));
        }
        column.seal()?;
        Ok(Series { labels: Labels::default(), drop_name: false, column })
    }

    /// The labels without the name when names go at once, else as they are.
    pub(crate) fn nameless(&self, labels: Labels) -> Labels {
        if self.delayed { labels } else { without_name(&labels) }
    }

    fn negate(&self, inner: &Node, frame: &Frame) -> Result<Vec<Series>, QueryError> {
        let mut out = Collector::new(&self.meter, frame.steps);
        for mut series in self.eval(inner, frame)? {
            negate_column(&mut series.column);
            series.labels = self.nameless(series.labels);
            series.drop_name = true;
            if inner.value_type() == crate::ast::ValueType::Scalar {
                return Ok(vec![series]);
            }
            out.add(series)?;
        }
        Ok(out.series())
    }

    fn invariant(&self, inner: &Node, frame: &Frame) -> Result<Vec<Series>, QueryError> {
        if frame.steps == 0 {
            return Ok(Vec::new());
        }
        let once = frame.once()?;
        let series = self.eval(inner, &once)?;
        let touched = once.touched_total();
        for step in 0..frame.steps {
            self.watch.tick(1)?;
            frame.touch(step, touched);
        }
        if frame.steps == 1 {
            return Ok(series);
        }
        let spread = |series: Series| {
            let mut column = Column::new(&self.meter, frame.steps)?;
            if let Some(value) = series.column.get(0) {
                for step in 0..frame.steps {
                    column.put(step, value.clone());
                }
            }
            column.seal()?;
            Ok(Series { column, ..series })
        };
        series.into_iter().map(spread).collect()
    }

    pub(crate) fn warn(&self, span: crate::ast::Span, text: impl Into<String>) {
        self.notes.borrow_mut().warn(span, text);
    }

    pub(crate) fn info(&self, span: crate::ast::Span, text: impl Into<String>) {
        self.notes.borrow_mut().info(span, text);
    }

    /// Takes the names away that were to go at the end.
    pub(crate) fn cleanup(
        &self,
        series: Vec<Series>,
        steps: usize,
    ) -> Result<Vec<Series>, QueryError> {
        if !self.delayed {
            return Ok(series);
        }
        let mut out = Collector::new(&self.meter, steps);
        for mut one in series {
            if one.drop_name {
                one.labels = without_name(&one.labels);
            }
            out.add(one)?;
        }
        Ok(out.series())
    }
}

fn negate_column(column: &mut Column) {
    for step in 0..column.steps() {
        if let Some(v) = column.float(step) {
            column.put_float(step, -v);
        } else if let Some(h) = column.hist(step) {
            let negated = crate::hist::scale(h, -1.0);
            column.clear(step);
            column.put(step, Value::Histogram(Arc::new(negated)));
        }
    }
}

/// The labels without the metric's name, type and unit.
pub(crate) fn without_name(labels: &Labels) -> Labels {
    const META: [&str; 3] = ["__name__", "__type__", "__unit__"];
    if META.iter().all(|name| labels.get(name).is_none()) {
        return labels.clone();
    }
    Labels::from_sorted(labels.iter().filter(|(name, _)| !META.contains(name)))
}

/// A mistake of ours that the checker should have made impossible.
pub(crate) fn bug(what: &str) -> QueryError {
    QueryError::Execution(format!("unexpected error: {what}"))
}
