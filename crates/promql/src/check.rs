//! Types, and the rules that grammar cannot say. The first thing wrong, in the order of Prometheus' checks, is reported.

use model::labels::METRIC_NAME;

use crate::ast::{
    Aggregate, Binary, Call, Cardinality, Expr, ExprKind, Span, ValueType, VectorSelector,
};
use crate::error::{Fail, ParseError};
use crate::quote::quote_str;

/// Checks a tree and sets what depends on types: the matching of binary operations.
pub(crate) fn check(expr: &mut Expr, text: &str) -> Result<ValueType, Fail> {
    Checker { text }.check(expr)
}

struct Checker<'a> {
    text: &'a str,
}

type Checked<T = ()> = Result<T, Fail>;

impl Checker<'_> {
    fn fail<T>(&self, span: Span, message: impl Into<String>) -> Checked<T> {
        Err(ParseError::new(self.text, span, message.into()))
    }

    fn check(&self, expr: &mut Expr) -> Checked<ValueType> {
        let span = expr.span;
        match &mut expr.kind {
            ExprKind::Number(..) => Ok(ValueType::Scalar),
            ExprKind::String(_) => Ok(ValueType::String),
            ExprKind::Vector(selector) => {
                self.selector(selector, span, false)?;
                Ok(ValueType::Vector)
            }
            ExprKind::Matrix(selector, _) => {
                self.selector(selector, span, false)?;
                Ok(ValueType::Matrix)
            }
            ExprKind::Subquery(subquery) => {
                let found = self.check(&mut subquery.expr)?;
                if found != ValueType::Vector {
                    let found = found.as_str();
                    let message =
                        format!("subquery is only allowed on instant vector, got {found} instead");
                    return self.fail(span, message);
                }
                Ok(ValueType::Matrix)
            }
            ExprKind::Paren(inner) => self.check(inner),
            ExprKind::Unary(_, inner) => {
                let found = self.check(inner)?;
                if matches!(found, ValueType::Scalar | ValueType::Vector) {
                    return Ok(found);
                }
                let message = "unary expression only allowed on expressions of type scalar or \
                               instant vector, got";
                self.fail(span, format!("{message} {}", quote_str(found.documented())))
            }
            ExprKind::Binary(binary) => self.binary(binary, span),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate),
            ExprKind::Call(call) => self.call(call, span),
        }
    }

    fn expect(&self, expr: &mut Expr, want: ValueType, context: &str) -> Checked {
        let found = self.check(expr)?;
        self.same(expr.span, want, found, context)
    }

    fn same(&self, span: Span, want: ValueType, found: ValueType, context: &str) -> Checked {
        if found == want {
            return Ok(());
        }
        let (want, found) = (want.documented(), found.documented());
        self.fail(span, format!("expected type {want} in {context}, got {found}"))
    }

    fn selector(&self, selector: &VectorSelector, span: Span, may_be_empty: bool) -> Checked {
        if let Some(name) = &selector.name {
            let others = selector.matchers.len().saturating_sub(1);
            let twice = selector.matchers.iter().take(others).find(|m| m.name == METRIC_NAME);
            let Some(other) = twice else { return Ok(()) };
            let (name, other) = (quote_str(name), quote_str(&other.value));
            let message = format!("metric name must not be set twice: {name} or {other}");
            return self.fail(span, message);
        }
        if may_be_empty || selector.matchers.iter().any(|m| !m.matches("")) {
            return Ok(());
        }
        self.fail(span, "vector selector must contain at least one non-empty matcher")
    }

    fn aggregate(&self, aggregate: &mut Aggregate) -> Checked<ValueType> {
        self.expect(&mut aggregate.expr, ValueType::Vector, "aggregation expression")?;
        if let (Some(want), Some(param)) = (aggregate.op.parameter(), &mut aggregate.param) {
            self.expect(param, want, "aggregation parameter")?;
        }
        Ok(ValueType::Vector)
    }

    fn binary(&self, binary: &mut Binary, span: Span) -> Checked<ValueType> {
        let left = self.check(&mut binary.lhs)?;
        let right = self.check(&mut binary.rhs)?;
        let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        let op = binary.op;
        if binary.return_bool && !op.is_comparison() {
            let message = "bool modifier can only be used on comparison operators";
            return self.fail(self.operator(binary), message);
        }
        if op.is_comparison() && !binary.return_bool && scalars {
            let message = "comparisons between scalars must use BOOL modifier";
            return self.fail(self.operator(binary), message);
        }
        self.twice_named(binary)?;
        for (side, found) in [(&binary.lhs, left), (&binary.rhs, right)] {
            if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return self.fail(side.span, message);
            }
        }
        self.matching(binary, span, (left, right))?;
        if (left == ValueType::Scalar || right == ValueType::Scalar) && op.is_set() {
            let name = quote_str(op.as_str());
            let message = format!("set operator {name} not allowed in binary scalar expression");
            return self.fail(span, message);
        }
        Ok(if scalars { ValueType::Scalar } else { ValueType::Vector })
    }

    fn twice_named(&self, binary: &Binary) -> Checked {
        let Some(matching) = binary.matching.as_ref().filter(|m| m.on) else { return Ok(()) };
        let Some(label) = matching.labels.iter().find(|l| matching.include.contains(l)) else {
            return Ok(());
        };
        let label = quote_str(label);
        let message = format!("label {label} must not occur in ON and GROUP clause at once");
        self.fail(self.operator(binary), message)
    }

    fn matching(&self, binary: &mut Binary, span: Span, sides: (ValueType, ValueType)) -> Checked {
        let Some(matching) = &mut binary.matching else { return Ok(()) };
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if sides != (ValueType::Vector, ValueType::Vector) {
            if !matching.labels.is_empty() {
                return self.fail(span, "vector matching only allowed between instant vectors");
            }
            if fills {
                let message = "filling in missing series only allowed between instant vectors";
                return self.fail(span, message);
            }
            binary.matching = None;
            return Ok(());
        }
        if !binary.op.is_set() {
            return Ok(());
        }
        if matching.card != Cardinality::OneToOne {
            let name = quote_str(binary.op.as_str());
            return self.fail(span, format!("no grouping allowed for {name} operation"));
        }
        matching.card = Cardinality::ManyToMany;
        if fills {
            let message = "filling in missing series not allowed for set operators";
            return self.fail(span, message);
        }
        Ok(())
    }

    /// Where the operator stands: after the left side and blanks.
    fn operator(&self, binary: &Binary) -> Span {
        let rest = self.text.get(binary.lhs.span.end..).unwrap_or("");
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        Span { start: binary.lhs.span.end + blanks, end: binary.rhs.span.start }
    }

    fn call(&self, call: &mut Call, span: Span) -> Checked<ValueType> {
        self.argument_count(call, span)?;
        let func = call.func;
        let context = format!("call to function {}", quote_str(func.name));
        if func.name == "info" && call.args.len() > 1 {
            self.info_labels(&call.args[1], span, &context)?;
        }
        for (i, arg) in call.args.iter_mut().enumerate() {
            // The last argument type is that of all that follow.
            let Some(&want) = func.args.get(i).or(func.args.last()) else { break };
            if func.name == "info"
                && i == 1
                && let ExprKind::Vector(selector) = &arg.kind
            {
                self.selector(selector, arg.span, true)?;
            } else {
                self.expect(arg, want, &context)?;
            }
        }
        Ok(func.returns)
    }

    fn argument_count(&self, call: &Call, span: Span) -> Checked {
        let func = call.func;
        let (want, found, name) = (func.args.len(), call.args.len(), quote_str(func.name));
        if func.variadic == 0 {
            if found == want {
                return Ok(());
            }
            let message = format!("expected {want} argument(s) in call to {name}, got {found}");
            return self.fail(span, message);
        }
        let least = want.saturating_sub(1);
        if found < least {
            let message =
                format!("expected at least {least} argument(s) in call to {name}, got {found}");
            return self.fail(span, message);
        }
        let Ok(more) = usize::try_from(func.variadic) else { return Ok(()) };
        let most = least + more;
        if found > most {
            let message =
                format!("expected at most {most} argument(s) in call to {name}, got {found}");
            return self.fail(span, message);
        }
        Ok(())
    }

    /// The second argument of `info` names labels, not a metric.
    fn info_labels(&self, arg: &Expr, span: Span, context: &str) -> Checked {
        self.same(span, ValueType::Vector, arg.value_type(), context)?;
        let ExprKind::Vector(selector) = &arg.kind else {
            return self.fail(arg.span, "expected label selectors only");
        };
        if selector.name.is_some() {
            let message = "expected label selectors only, got vector selector instead";
            return self.fail(arg.span, message);
        }
        Ok(())
    }
}
