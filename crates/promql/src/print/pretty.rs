//! Long expressions on several lines.

use super::{AggregateHead, BinaryHead, SubqueryTimes};
use crate::ast::{Expr, ExprKind};

/// Longest line that the prettifier leaves as it is, in bytes.
const LINE_BYTES_MAX: usize = 100;

impl Expr {
    /// The expression on several lines when it is longer than 100 bytes, as Prometheus' formatter breaks it.
    #[must_use]
    pub fn pretty(&self) -> String {
        pretty(self, 0)
    }
}

fn pretty(expr: &Expr, level: usize) -> String {
    let indent = "  ".repeat(level);
    let line = expr.to_string();
    match &expr.kind {
        // A sign does not split, but what it stands before may.
        ExprKind::Unary(op, inner) => {
            format!("{indent}{}{}", op.as_str(), pretty(inner, level).trim())
        }
        ExprKind::Subquery(_) if line.len() <= LINE_BYTES_MAX => line,
        ExprKind::Subquery(subquery) => {
            format!("{}{}", pretty(&subquery.expr, level), SubqueryTimes(subquery))
        }
        ExprKind::Aggregate(aggregate) if line.len() > LINE_BYTES_MAX => {
            let param = match &aggregate.param {
                Some(param) => format!("{},\n", pretty(param, level + 1)),
                None => String::new(),
            };
            let inner = pretty(&aggregate.expr, level + 1);
            format!("{indent}{}(\n{param}{inner}\n{indent})", AggregateHead(aggregate))
        }
        ExprKind::Binary(binary) if line.len() > LINE_BYTES_MAX => {
            let (lhs, rhs) = (pretty(&binary.lhs, level + 1), pretty(&binary.rhs, level + 1));
            format!("{lhs}\n{indent}{}\n{rhs}", BinaryHead(binary))
        }
        ExprKind::Call(call) if line.len() > LINE_BYTES_MAX => {
            let args: Vec<_> = call.args.iter().map(|arg| pretty(arg, level + 1)).collect();
            format!("{indent}{}(\n{}\n{indent})", call.func.name, args.join(",\n"))
        }
        ExprKind::Paren(inner) if line.len() > LINE_BYTES_MAX => {
            format!("{indent}(\n{}\n{indent})", pretty(inner, level + 1))
        }
        ExprKind::Number(..)
        | ExprKind::String(_)
        | ExprKind::Vector(_)
        | ExprKind::Matrix(..)
        | ExprKind::Aggregate(_)
        | ExprKind::Binary(_)
        | ExprKind::Call(_)
        | ExprKind::Paren(_) => format!("{indent}{line}"),
    }
}
