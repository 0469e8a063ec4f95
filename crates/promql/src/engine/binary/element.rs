//! What a binary operator makes of two values.

use std::sync::Arc;

use model::sample::Value;

use crate::ast::{BinaryOp, Span};
use crate::engine::eval::Evaluator;
use crate::functions::gomath;
use crate::hist;
use model::histogram::Trim;

/// The result of one pair.
#[derive(Debug)]
pub(crate) enum Element {
    /// For comparisons `value` is the left one, and `keep` what the comparison says.
    Value { value: Value, keep: bool },
    /// The types do not go together; the query is annotated.
    Nothing,
}

/// Whether results of `op` are no longer what their name says.
pub(crate) fn trims_name(op: BinaryOp) -> bool {
    arithmetic(op, 0.0, 0.0).is_some()
}

fn arithmetic(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => gomath::pow(a, b),
        BinaryOp::Atan2 => gomath::atan2(a, b),
        BinaryOp::Eq
        | BinaryOp::Ne
        | BinaryOp::Gt
        | BinaryOp::Lt
        | BinaryOp::Ge
        | BinaryOp::Le
        | BinaryOp::TrimUpper
        | BinaryOp::TrimLower
        | BinaryOp::And
        | BinaryOp::Or
        | BinaryOp::Unless => return None,
    })
}

#[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
fn compare(op: BinaryOp, a: f64, b: f64) -> Option<bool> {
    Some(match op {
        BinaryOp::Eq => a == b,
        BinaryOp::Ne => a != b,
        BinaryOp::Gt => a > b,
        BinaryOp::Lt => a < b,
        BinaryOp::Ge => a >= b,
        BinaryOp::Le => a <= b,
        BinaryOp::Add
        | BinaryOp::Sub
        | BinaryOp::Mul
        | BinaryOp::Div
        | BinaryOp::Mod
        | BinaryOp::Pow
        | BinaryOp::Atan2
        | BinaryOp::TrimUpper
        | BinaryOp::TrimLower
        | BinaryOp::And
        | BinaryOp::Or
        | BinaryOp::Unless => return None,
    })
}

/// Between scalars; the checker allows only arithmetic and `bool` comparisons.
pub(crate) fn scalar_op(op: BinaryOp, a: f64, b: f64) -> f64 {
    match compare(op, a, b) {
        Some(holds) => f64::from(u8::from(holds)),
        None => arithmetic(op, a, b).unwrap_or(f64::NAN),
    }
}

/// Between two samples.
pub(crate) fn element(
    ev: &Evaluator<'_>,
    op: BinaryOp,
    lhs: &Value,
    rhs: &Value,
    span: Span,
) -> Element {
    let found = match (op, lhs, rhs) {
        (_, Value::Float(a), Value::Float(b)) => {
            match (arithmetic(op, *a, *b), compare(op, *a, *b)) {
                (Some(v), _) => Some(Element::Value { value: Value::Float(v), keep: true }),
                (None, Some(keep)) => Some(Element::Value { value: Value::Float(*a), keep }),
                (None, None) => None,
            }
        }
        (BinaryOp::Mul, Value::Float(a), Value::Histogram(b))
        | (BinaryOp::Mul, Value::Histogram(b), Value::Float(a)) => {
            Some(kept(hist::compacted(hist::scale(b, *a))))
        }
        (BinaryOp::Div, Value::Histogram(a), Value::Float(b)) => {
            Some(kept(hist::compacted(hist::divide(a, *b))))
        }
        (BinaryOp::TrimUpper, Value::Histogram(a), Value::Float(b)) => {
            Some(kept(hist::trim(a, *b, Trim::Upper)))
        }
        (BinaryOp::TrimLower, Value::Histogram(a), Value::Float(b)) => {
            Some(kept(hist::trim(a, *b, Trim::Lower)))
        }
        (BinaryOp::Add, Value::Histogram(a), Value::Histogram(b)) => {
            Some(hist::combine(ev, (a, b), hist::Combine::Add, (op.as_str(), span)))
        }
        (BinaryOp::Sub, Value::Histogram(a), Value::Histogram(b)) => {
            Some(hist::combine(ev, (a, b), hist::Combine::Sub, (op.as_str(), span)))
        }
        (BinaryOp::Eq, Value::Histogram(a), Value::Histogram(b)) => {
            Some(Element::Value { value: lhs.clone(), keep: a == b })
        }
        (BinaryOp::Ne, Value::Histogram(a), Value::Histogram(b)) => {
            Some(Element::Value { value: lhs.clone(), keep: a != b })
        }
        _ => None,
    };
    if let Some(found) = found {
        return found;
    }
    let word = |value: &Value| match value {
        Value::Float(_) => "float",
        Value::Histogram(_) => "histogram",
    };
    let (l, o, r) = (word(lhs), op.as_str(), word(rhs));
    ev.info(
        span,
        format!("incompatible sample types encountered for binary operator \"{o}\": {l} {o} {r}"),
    );
    Element::Nothing
}

fn kept(h: model::histogram::FloatHistogram) -> Element {
    Element::Value { value: Value::Histogram(Arc::new(h)), keep: true }
}
