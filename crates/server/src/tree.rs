//! `/api/v1/parse_query`: a query's tree as JSON, in the shape of Prometheus' own page.

use model::matcher::Matcher;
use promql::ast::{
    At, Binary, Cardinality, DurationExpr, Expr, ExprKind, Extension, Subquery, VectorSelector,
};
use serde_json::{Value, json};

use crate::answer::{Answer, ApiResult};
use crate::params::{Params, invalid};
use crate::serve::Call;

pub(crate) fn parse(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let parts = call.parts()?;
    let expr = promql::parse::parse(params.get("query"), &parts.engine.options().parser)
        .map_err(|error| invalid("query", &error.to_string()))?;
    let mut tree = node(&expr);
    // Prometheus makes it of maps, whose keys Go writes in order. The parser bounds the depth.
    tree.sort_all_objects();
    Ok(Answer::json(tree.to_string()))
}

/// The parser bounds the depth. What lies below is moved into its place, once (`json!` would copy it at each level), and the
/// frame of this function is small.
fn node(expr: &Expr) -> Value {
    let mut value = shell(expr);
    match &expr.kind {
        ExprKind::Number(..) | ExprKind::String(_) | ExprKind::Vector(_) | ExprKind::Matrix(..) => {
        }
        ExprKind::Subquery(inner) => value["expr"] = node(&inner.expr),
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => value["expr"] = node(inner),
        ExprKind::Binary(inner) => {
            value["lhs"] = node(&inner.lhs);
            value["rhs"] = node(&inner.rhs);
        }
        ExprKind::Aggregate(aggregate) => {
            value["expr"] = node(&aggregate.expr);
            if let Some(param) = &aggregate.param {
                value["param"] = node(param);
            }
        }
        ExprKind::Call(call) => {
            let mut args = Vec::with_capacity(call.args.len());
            for arg in &call.args {
                args.push(node(arg));
            }
            value["args"] = Value::Array(args);
        }
    }
    value
}

/// A node without those below it.
fn shell(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Number(value, _) => json!({"type": "numberLiteral", "val": digits(*value)}),
        ExprKind::String(text) => json!({"type": "stringLiteral", "val": text}),
        ExprKind::Vector(selector) => vector(selector, "vectorSelector"),
        ExprKind::Matrix(selector, range) => {
            let mut value = vector(selector, "matrixSelector");
            value["range"] = constant_ms(Some(range));
            value["rangeExpr"] = written(Some(range));
            value
        }
        ExprKind::Subquery(inner) => subquery(inner),
        ExprKind::Paren(_) => json!({"type": "parenExpr"}),
        ExprKind::Unary(op, _) => json!({"type": "unaryExpr", "op": op.as_str()}),
        ExprKind::Binary(inner) => binary(inner),
        ExprKind::Aggregate(aggregate) => json!({
            "type": "aggregation",
            "op": aggregate.op.as_str(),
            "param": null,
            "grouping": aggregate.grouping,
            "without": aggregate.without,
        }),
        ExprKind::Call(call) => json!({
            "type": "call",
            "func": {
                "name": call.func.name,
                "argTypes": call.func.args.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
                "variadic": call.func.variadic,
                "returnType": call.func.returns.as_str(),
            },
        }),
    }
}

fn vector(selector: &VectorSelector, kind: &str) -> Value {
    let (timestamp, start_or_end) = at(selector.at);
    json!({
        "type": kind,
        "name": selector.name.as_deref().unwrap_or_default(),
        "offset": constant_ms(selector.offset.as_ref()),
        "offsetExpr": written(selector.offset.as_ref()),
        "matchers": selector.matchers.iter().map(matcher).collect::<Vec<_>>(),
        "timestamp": timestamp,
        "startOrEnd": start_or_end,
        "anchored": selector.extension == Some(Extension::Anchored),
        "smoothed": selector.extension == Some(Extension::Smoothed),
    })
}

fn matcher(matcher: &Matcher) -> Value {
    json!({"name": matcher.name, "value": matcher.value, "type": matcher.op.as_str()})
}

fn subquery(inner: &Subquery) -> Value {
    let (timestamp, start_or_end) = at(inner.at);
    json!({
        "type": "subquery",
        "range": constant_ms(Some(&inner.range)),
        "rangeExpr": written(Some(&inner.range)),
        "offset": constant_ms(inner.offset.as_ref()),
        "offsetExpr": written(inner.offset.as_ref()),
        "step": constant_ms(inner.step.as_ref()),
        "stepExpr": written(inner.step.as_ref()),
        "timestamp": timestamp,
        "startOrEnd": start_or_end,
    })
}

fn binary(inner: &Binary) -> Value {
    let matching = inner.matching.as_ref().map(|matching| {
        let card = match matching.card {
            Cardinality::OneToOne => "one-to-one",
            Cardinality::ManyToOne => "many-to-one",
            Cardinality::OneToMany => "one-to-many",
            Cardinality::ManyToMany => "many-to-many",
        };
        json!({
            "card": card,
            "labels": matching.labels,
            "on": matching.on,
            "include": matching.include,
            "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
        })
    });
    json!({
        "type": "binaryExpr",
        "op": inner.op.as_str(),
        "matching": matching,
        "bool": inner.return_bool,
    })
}

/// The time of an `@`, and the name of one of the query's ends.
fn at(at: Option<At>) -> (Option<i64>, Option<&'static str>) {
    match at {
        None => (None, None),
        Some(At::Time(ms)) => (Some(ms), None),
        Some(At::Start) => (None, Some("start")),
        Some(At::End) => (None, Some("end")),
    }
}

/// Milliseconds of a duration that is written as one; 0 for an expression, and for none.
fn constant_ms(duration: Option<&DurationExpr>) -> Value {
    if let Some(DurationExpr::Const(ms)) = duration { json!(ms) } else { json!(0) }
}

/// A duration that is an expression.
fn written(duration: Option<&DurationExpr>) -> Value {
    match duration {
        None | Some(DurationExpr::Const(_)) => Value::Null,
        Some(expression) => duration_node(expression, false),
    }
}

/// As [`node`].
fn duration_node(duration: &DurationExpr, wrapped: bool) -> Value {
    let (op, lhs, rhs) = match duration {
        DurationExpr::Const(_) | DurationExpr::Number(_) => return duration_literal(duration),
        DurationExpr::Paren(inner) => return duration_node(inner, true),
        DurationExpr::Step => ("step", None, None),
        DurationExpr::Range => ("range", None, None),
        DurationExpr::Neg(inner) => ("-", None, Some(inner)),
        DurationExpr::Binary(op, lhs, rhs) => (op.as_str(), Some(lhs), Some(rhs)),
        DurationExpr::Min(lhs, rhs) => ("min_of", Some(lhs), Some(rhs)),
        DurationExpr::Max(lhs, rhs) => ("max_of", Some(lhs), Some(rhs)),
    };
    let mut value = duration_shell(op, wrapped);
    if let Some(lhs) = lhs {
        value["lhs"] = duration_node(lhs, false);
    }
    if let Some(rhs) = rhs {
        value["rhs"] = duration_node(rhs, false);
    }
    value
}

fn duration_shell(op: &str, wrapped: bool) -> Value {
    json!({"type": "durationExpr", "op": op, "lhs": null, "rhs": null, "wrapped": wrapped})
}

fn duration_literal(duration: &DurationExpr) -> Value {
    let (val, duration) = match duration {
        DurationExpr::Const(ms) => {
            let seconds = digits(std::time::Duration::from_millis(ms.unsigned_abs()).as_secs_f64());
            (format!("{}{seconds}", if *ms < 0 { "-" } else { "" }), true)
        }
        DurationExpr::Number(value) => (digits(*value), false),
        DurationExpr::Step
        | DurationExpr::Range
        | DurationExpr::Neg(_)
        | DurationExpr::Binary(..)
        | DurationExpr::Min(..)
        | DurationExpr::Max(..)
        | DurationExpr::Paren(_) => return Value::Null,
    };
    json!({"type": "numberLiteral", "val": val, "duration": duration})
}

/// Digits without an exponent.
fn digits(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}
