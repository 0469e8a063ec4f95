//! Binary operators: on scalars, between a vector and a scalar, and (in [`join`] and [`set`]) between vectors.

mod element;
mod join;
mod set;

pub(crate) use element::Element;
pub(crate) use join::show;

use model::sample::Value;

use self::element::{element, scalar_op, trims_name};
use super::error::QueryError;
use super::eval::{Evaluator, bug};
use super::frame::Frame;
use super::plan::Binary;
use super::value::{Collector, Column, Series};
use crate::ast::{BinaryOp, Span, ValueType};

pub(crate) fn eval(
    ev: &Evaluator<'_>,
    binary: &Binary,
    span: Span,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let types = (binary.lhs.value_type(), binary.rhs.value_type());
    match types {
        (ValueType::Scalar, ValueType::Scalar) => scalars(ev, binary, frame),
        (ValueType::Vector, ValueType::Scalar) => {
            let scalar = ev.scalar_column(&binary.rhs, frame)?;
            let vector = ev.eval(&binary.lhs, frame)?;
            with_scalar(ev, (binary, span), vector, &scalar, false)
        }
        (ValueType::Scalar, ValueType::Vector) => {
            let scalar = ev.scalar_column(&binary.lhs, frame)?;
            let vector = ev.eval(&binary.rhs, frame)?;
            with_scalar(ev, (binary, span), vector, &scalar, true)
        }
        (ValueType::Vector, ValueType::Vector) => {
            let Some(matching) = &binary.matching else { return Err(bug("no vector matching")) };
            let lhs = ev.eval(&binary.lhs, frame)?;
            let rhs = ev.eval(&binary.rhs, frame)?;
            match binary.op {
                BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => {
                    set::eval(ev, binary.op, matching, lhs, rhs)
                }
                BinaryOp::Add
                | BinaryOp::Sub
                | BinaryOp::Mul
                | BinaryOp::Div
                | BinaryOp::Mod
                | BinaryOp::Pow
                | BinaryOp::Atan2
                | BinaryOp::Eq
                | BinaryOp::Ne
                | BinaryOp::Gt
                | BinaryOp::Lt
                | BinaryOp::Ge
                | BinaryOp::Le
                | BinaryOp::TrimUpper
                | BinaryOp::TrimLower => {
                    let op =
                        join::Op { op: binary.op, return_bool: binary.return_bool, matching, span };
                    join::eval(ev, op, &lhs, &rhs, frame.steps)
                }
            }
        }
        _ => Err(bug("a binary operator on strings or range vectors")),
    }
}

fn scalars(ev: &Evaluator<'_>, binary: &Binary, frame: &Frame) -> Result<Vec<Series>, QueryError> {
    let lhs = ev.scalar_column(&binary.lhs, frame)?;
    let rhs = ev.scalar_column(&binary.rhs, frame)?;
    let at = |column: &Column, step| column.float(step).unwrap_or(f64::NAN);
    Ok(vec![ev.scalar(frame, |step| scalar_op(binary.op, at(&lhs, step), at(&rhs, step)))?])
}

fn with_scalar(
    ev: &Evaluator<'_>,
    (binary, span): (&Binary, Span),
    vector: Vec<Series>,
    scalar: &Column,
    swapped: bool,
) -> Result<Vec<Series>, QueryError> {
    let op = binary.op;
    let loses_name = trims_name(op) || binary.return_bool;
    let mut out = Collector::new(&ev.meter, scalar.steps());
    for series in vector {
        ev.watch.check()?;
        let mut column = Column::new(&ev.meter, scalar.steps())?;
        for step in 0..scalar.steps() {
            let Some(value) = series.column.get(step) else { continue };
            let number = Value::Float(scalar.float(step).unwrap_or(f64::NAN));
            let (lhs, rhs) = if swapped { (&number, &value) } else { (&value, &number) };
            let Element::Value { value: result, keep } = element(ev, op, lhs, rhs, span) else {
                continue;
            };
            // A comparison gives the vector's value, on whichever side it stands.
            let result = if op.is_comparison() { value } else { result };
            if binary.return_bool {
                column.put_float(step, f64::from(u8::from(keep)));
            } else if keep {
                column.put(step, result);
            }
        }
        column.seal()?;
        let labels = if loses_name { ev.nameless(series.labels) } else { series.labels };
        out.add(Series { labels, drop_name: series.drop_name || loses_name, column })?;
    }
    Ok(out.series())
}
