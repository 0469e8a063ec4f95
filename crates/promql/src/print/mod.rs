//! Tree → text: Prometheus' canonical form. What is printed reads back as the same tree.

mod pretty;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter, Write as _};

use model::labels::METRIC_NAME;
use model::matcher::{MatchOp, Matcher};
use stdx::units::format_duration_ms;

use crate::ast::{
    Aggregate, At, Binary, BinaryOp, Cardinality, DurationExpr, DurationOp, Expr, ExprKind,
    Extension, Matching, NumberForm, Subquery, UnaryOp, VectorSelector,
};
use crate::number::whole;
use crate::quote::quote_str;
use model::number::general;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(value, form) => write_number(f, *value, *form),
            ExprKind::String(text) => f.write_str(&quote_str(text)),
            ExprKind::Vector(selector) => {
                write_selector(f, selector)?;
                write_at(f, selector.at)?;
                write_extension(f, selector.extension)?;
                write_offset(f, selector.offset.as_ref())
            }
            ExprKind::Matrix(selector, range) => {
                write_selector(f, selector)?;
                f.write_char('[')?;
                write_range(f, range)?;
                f.write_char(']')?;
                write_extension(f, selector.extension)?;
                write_at(f, selector.at)?;
                write_offset(f, selector.offset.as_ref())
            }
            ExprKind::Subquery(subquery) => {
                write!(f, "{}{}", subquery.expr, SubqueryTimes(subquery))
            }
            ExprKind::Paren(inner) => write!(f, "({inner})"),
            ExprKind::Unary(op, inner) => write!(f, "{}{inner}", op.as_str()),
            ExprKind::Binary(binary) => write_binary(f, binary),
            ExprKind::Aggregate(aggregate) => {
                write!(f, "{}(", AggregateHead(aggregate))?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            ExprKind::Call(call) => {
                write!(f, "{}(", call.func.name)?;
                for (i, arg) in call.args.iter().enumerate() {
                    f.write_str(if i > 0 { ", " } else { "" })?;
                    arg.fmt(f)?;
                }
                f.write_char(')')
            }
        }
    }
}

impl UnaryOp {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
        }
    }
}

impl DurationOp {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
        }
    }
}

/// Digits without an exponent; infinity has its sign.
fn write_plain(f: &mut Formatter<'_>, value: f64) -> fmt::Result {
    if value == f64::INFINITY {
        return f.write_str("+Inf");
    }
    if value == f64::NEG_INFINITY {
        return f.write_str("-Inf");
    }
    write!(f, "{value}")
}

fn write_number(f: &mut Formatter<'_>, value: f64, form: NumberForm) -> fmt::Result {
    match form {
        NumberForm::Plain => write_plain(f, value),
        NumberForm::Duration => f.write_str(&format_duration_ms(whole((value * 1000.0).round()))),
    }
}

/// Sorted conditions after the name; the name is not repeated among them.
fn write_selector(f: &mut Formatter<'_>, selector: &VectorSelector) -> fmt::Result {
    let name = selector.name.as_deref().unwrap_or("");
    f.write_str(name)?;
    let is_name = |m: &&Matcher| {
        m.name == METRIC_NAME && m.op == MatchOp::Equal && m.value == name && !name.is_empty()
    };
    let mut shown: Vec<String> =
        selector.matchers.iter().filter(|m| !is_name(m)).map(matcher).collect();
    shown.sort_unstable();
    // Nothing at all reads back only as empty braces: `info(x, {})`.
    if name.is_empty() || !shown.is_empty() {
        write!(f, "{{{}}}", shown.join(","))?;
    }
    Ok(())
}

fn matcher(matcher: &Matcher) -> String {
    format!("{}{}{}", label(&matcher.name), matcher.op.as_str(), quote_str(&matcher.value))
}

/// A label's name, in quotes when it is not `[a-zA-Z_][a-zA-Z0-9_]*`.
fn label(name: &str) -> String {
    let plain =
        |(i, b): (usize, u8)| b == b'_' || b.is_ascii_alphabetic() || (i > 0 && b.is_ascii_digit());
    if !name.is_empty() && name.bytes().enumerate().all(plain) {
        return name.to_owned();
    }
    quote_str(name)
}

/// Labels of a list. `without` alone cannot stand there without quotes.
fn labels(names: &[String]) -> String {
    let quoted = |name: &String| {
        if name.eq_ignore_ascii_case("without")
            || name.eq_ignore_ascii_case("inf")
            || name.eq_ignore_ascii_case("nan")
        {
            return quote_str(name);
        }
        label(name)
    };
    names.iter().map(quoted).collect::<Vec<_>>().join(", ")
}

fn write_at(f: &mut Formatter<'_>, at: Option<At>) -> fmt::Result {
    match at {
        None => Ok(()),
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
        Some(At::Time(ms)) => {
            let sign = if ms < 0 { "-" } else { "" };
            let ms = ms.unsigned_abs();
            write!(f, " @ {sign}{}.{:03}", ms / 1000, ms % 1000)
        }
    }
}

fn write_extension(f: &mut Formatter<'_>, extension: Option<Extension>) -> fmt::Result {
    f.write_str(match extension {
        None => "",
        Some(Extension::Anchored) => " anchored",
        Some(Extension::Smoothed) => " smoothed",
    })
}

fn write_offset(f: &mut Formatter<'_>, offset: Option<&DurationExpr>) -> fmt::Result {
    match offset {
        None => Ok(()),
        Some(offset) => write!(f, " offset {offset}"),
    }
}

/// A range or a step. One below a millisecond prints as the number that reads back as it: `0s` would be refused.
fn write_range(f: &mut Formatter<'_>, range: &DurationExpr) -> fmt::Result {
    match range {
        DurationExpr::Const(0) => f.write_str("0.0001"),
        DurationExpr::Const(_)
        | DurationExpr::Step
        | DurationExpr::Range
        | DurationExpr::Neg(_)
        | DurationExpr::Binary(..)
        | DurationExpr::Min(..)
        | DurationExpr::Max(..)
        | DurationExpr::Paren(_)
        | DurationExpr::Number(_) => range.fmt(f),
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Const(ms) => f.write_str(&format_duration_ms(*ms)),
            Self::Step => f.write_str("step()"),
            Self::Range => f.write_str("range()"),
            Self::Neg(inner) => write!(f, "-{inner}"),
            Self::Binary(op, lhs, rhs) => write!(f, "{lhs} {} {rhs}", op.as_str()),
            Self::Min(a, b) => write!(f, "min_of({a}, {b})"),
            Self::Max(a, b) => write!(f, "max_of({a}, {b})"),
            Self::Paren(inner) => write!(f, "({inner})"),
            Self::Number(seconds) => write_plain(f, *seconds),
        }
    }
}

/// `[range:step]` with what follows it.
struct SubqueryTimes<'a>(&'a Subquery);

impl Display for SubqueryTimes<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('[')?;
        write_range(f, &self.0.range)?;
        f.write_char(':')?;
        if let Some(step) = &self.0.step {
            write_range(f, step)?;
        }
        f.write_char(']')?;
        write_at(f, self.0.at)?;
        write_offset(f, self.0.offset.as_ref())
    }
}

/// An aggregation up to its parenthesis.
struct AggregateHead<'a>(&'a Aggregate);

impl Display for AggregateHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Aggregate { op, grouping, without, .. } = self.0;
        f.write_str(op.as_str())?;
        if *without {
            return write!(f, " without ({}) ", labels(grouping));
        }
        if !grouping.is_empty() {
            return write!(f, " by ({}) ", labels(grouping));
        }
        Ok(())
    }
}

fn write_binary(f: &mut Formatter<'_>, binary: &Binary) -> fmt::Result {
    // `+Inf ^ 2` would read back as the sign of a power.
    if binary.op == BinaryOp::Pow
        && matches!(binary.lhs.kind, ExprKind::Number(f64::INFINITY, NumberForm::Plain))
    {
        f.write_str("Inf")?;
    } else {
        binary.lhs.fmt(f)?;
    }
    write!(f, " {} {}", BinaryHead(binary), binary.rhs)
}

/// A binary operator with its modifiers.
struct BinaryHead<'a>(&'a Binary);

impl Display for BinaryHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.as_str())?;
        if self.0.return_bool {
            f.write_str(" bool")?;
        }
        match &self.0.matching {
            None => Ok(()),
            Some(matching) => write_matching(f, matching),
        }
    }
}

fn write_matching(f: &mut Formatter<'_>, matching: &Matching) -> fmt::Result {
    let Matching { card, on, labels: names, include, fill_left, fill_right } = matching;
    let group = match card {
        Cardinality::ManyToOne => Some("left"),
        Cardinality::OneToMany => Some("right"),
        Cardinality::OneToOne | Cardinality::ManyToMany => None,
    };
    if !names.is_empty() || *on || group.is_some() {
        write!(f, " {} ({})", if *on { "on" } else { "ignoring" }, labels(names))?;
    }
    if let Some(group) = group {
        write!(f, " group_{group} ({})", labels(include))?;
    }
    if let (Some(left), Some(right)) = (fill_left, fill_right)
        && left == right
    {
        return write!(f, " fill ({})", general(*left));
    }
    if let Some(left) = fill_left {
        write!(f, " fill_left ({})", general(*left))?;
    }
    if let Some(right) = fill_right {
        write!(f, " fill_right ({})", general(*right))?;
    }
    Ok(())
}
