//! Operators, operands and calls.

use super::modifier::Modifiers;
use super::selector::is_metric_name;
use super::{Node, Parser};
use crate::ast::{
    Aggregate, AggregateOp, Binary, BinaryOp, Call, Expr, ExprKind, NumberForm, Span, UnaryOp,
};
use crate::error::Fail;
use crate::function;
use crate::lex::{Kind, Token, Word};
use crate::number::{ms_to_seconds, parse_duration, parse_number};
use crate::quote::{quote_str, unquote};

/// Binary operators and how tightly they bind. All bind to the left but `^`.
const OPERATORS: [(Kind, BinaryOp, u8); 18] = [
    (Kind::Word(Word::Or), BinaryOp::Or, 1),
    (Kind::Word(Word::And), BinaryOp::And, 2),
    (Kind::Word(Word::Unless), BinaryOp::Unless, 2),
    (Kind::EqlC, BinaryOp::Eq, 3),
    (Kind::Neq, BinaryOp::Ne, 3),
    (Kind::Gte, BinaryOp::Ge, 3),
    (Kind::Gtr, BinaryOp::Gt, 3),
    (Kind::Lte, BinaryOp::Le, 3),
    (Kind::Lss, BinaryOp::Lt, 3),
    (Kind::TrimUpper, BinaryOp::TrimUpper, 3),
    (Kind::TrimLower, BinaryOp::TrimLower, 3),
    (Kind::Add, BinaryOp::Add, 4),
    (Kind::Sub, BinaryOp::Sub, 4),
    (Kind::Mul, BinaryOp::Mul, MULTIPLY),
    (Kind::Div, BinaryOp::Div, MULTIPLY),
    (Kind::Mod, BinaryOp::Mod, MULTIPLY),
    (Kind::Word(Word::Atan2), BinaryOp::Atan2, MULTIPLY),
    (Kind::Pow, BinaryOp::Pow, 6),
];

/// How tightly `*` and a sign bind.
pub(super) const MULTIPLY: u8 = 5;

impl Parser<'_> {
    /// An expression of operators that bind at least as tightly as `tightness`.
    pub(super) fn expr(&mut self, tightness: u8) -> Result<Node, Fail> {
        self.enter()?;
        let mut node = self.operand()?;
        loop {
            let kind = self.peek()?.kind;
            let Some(&(_, op, binds)) = OPERATORS.iter().find(|(k, ..)| *k == kind) else { break };
            if binds < tightness {
                break;
            }
            self.next()?;
            node = self.binary(node, op, binds)?;
        }
        self.leave();
        Ok(node)
    }

    fn binary(&mut self, lhs: Node, op: BinaryOp, binds: u8) -> Result<Node, Fail> {
        let modifiers = Box::new(self.modifiers()?);
        let rhs = self.expr(if op == BinaryOp::Pow { binds } else { binds + 1 })?;
        self.combined(op, *modifiers, lhs, rhs)
    }

    fn combined(
        &self,
        op: BinaryOp,
        modifiers: Modifiers,
        lhs: Node,
        rhs: Node,
    ) -> Result<Node, Fail> {
        let Modifiers { return_bool, matching } = modifiers;
        let span = Span { start: lhs.expr.span.start, end: rhs.expr.span.end };
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if fills && !self.options.fill_modifiers {
            let message = "binop fill modifiers are experimental and not enabled".to_owned();
            return Err(self.fail(span, message));
        }
        let height = 1 + lhs.height.max(rhs.height);
        let binary =
            Binary { op, lhs: *lhs.expr, rhs: *rhs.expr, return_bool, matching: Some(matching) };
        self.node(span, ExprKind::Binary(Box::new(binary)), height)
    }

    /// A signed expression, or a primary one with what stands behind it.
    fn operand(&mut self) -> Result<Node, Fail> {
        let token = self.peek()?;
        if matches!(token.kind, Kind::Add | Kind::Sub) {
            return self.signed();
        }
        let mut node = self.primary(token)?;
        loop {
            let kind = self.peek()?.kind;
            if kind == Kind::LBracket {
                node = self.range(node)?;
            } else if kind == Kind::Word(Word::Offset) {
                node = self.offset(node)?;
            } else if kind == Kind::At {
                node = self.at(node)?;
            } else if matches!(kind, Kind::Word(Word::Anchored | Word::Smoothed)) {
                node = self.extension(node)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn signed(&mut self) -> Result<Node, Fail> {
        let sign = self.next()?;
        let mut node = self.expr(MULTIPLY + 1)?;
        let span = Span { start: sign.span.start, end: node.expr.span.end };
        if let ExprKind::Number(value, _) = &mut node.expr.kind {
            if sign.kind == Kind::Sub {
                *value = -*value;
            }
            node.expr.span = span;
            return Ok(node);
        }
        let op = if sign.kind == Kind::Sub { UnaryOp::Minus } else { UnaryOp::Plus };
        let height = node.height + 1;
        self.node(span, ExprKind::Unary(op, node.expr), height)
    }

    fn primary(&mut self, token: Token) -> Result<Node, Fail> {
        let kind = token.kind;
        if matches!(kind, Kind::Number | Kind::Duration | Kind::Str) {
            return self.leaf(token);
        }
        if kind == Kind::LParen {
            return self.parenthesised();
        }
        if kind == Kind::LBrace {
            return self.selector();
        }
        if !is_metric_name(kind) {
            return Err(self.unexpected(token));
        }
        self.name(token)
    }

    fn leaf(&mut self, token: Token) -> Result<Node, Fail> {
        self.next()?;
        if token.kind == Kind::Str {
            let value = self.unquoted(token)?;
            return self.node(token.span, ExprKind::String(value), 1);
        }
        let (value, form) = self.literal(token)?;
        self.node(token.span, ExprKind::Number(value, form), 1)
    }

    /// A word: what follows decides whether it is an aggregation, a call, or the name of a metric.
    fn name(&mut self, token: Token) -> Result<Node, Fail> {
        let mut ahead = self.lexer.clone();
        let next = match ahead.next() {
            Ok(next) => next.kind,
            Err(_) => Kind::Eof,
        };
        if let Kind::Word(Word::Aggregate(op)) = token.kind {
            let opens =
                matches!(next, Kind::LParen | Kind::Word(Word::By) | Kind::Word(Word::Without));
            if opens {
                return self.aggregation(op);
            }
        }
        let is_function = matches!(
            token.kind,
            Kind::Ident
                | Kind::Word(
                    Word::Start | Word::End | Word::Step | Word::Range | Word::MinOf | Word::MaxOf
                )
        );
        if is_function && next == Kind::LParen { self.call() } else { self.selector() }
    }

    /// The value of a number or duration token.
    pub(super) fn literal(&self, token: Token) -> Result<(f64, NumberForm), Fail> {
        let text = self.text_of(token);
        let value = if token.kind == Kind::Duration {
            parse_duration(text).map(|ms| (ms_to_seconds(ms), NumberForm::Duration))
        } else {
            parse_number(text).map(|value| (value, NumberForm::Plain))
        };
        value.map_err(|message| self.fail(token.span, message))
    }

    /// The value of a string token.
    pub(super) fn unquoted(&self, token: Token) -> Result<String, Fail> {
        let text = self.text_of(token);
        unquote(text).ok_or_else(|| {
            let message = format!("error unquoting string {}: not UTF-8", quote_str(text));
            self.fail(token.span, message)
        })
    }

    fn parenthesised(&mut self) -> Result<Node, Fail> {
        let open = self.next()?;
        let inner = self.expr(0)?;
        self.expect(Kind::RParen)?;
        let span = self.span_from(open.span.start);
        self.node(span, ExprKind::Paren(inner.expr), inner.height + 1)
    }

    fn call(&mut self) -> Result<Node, Fail> {
        let token = self.next()?;
        let (args, height) = self.arguments()?;
        self.called(token, args, height)
    }

    fn called(&self, token: Token, args: Vec<Expr>, height: usize) -> Result<Node, Fail> {
        let name = self.text_of(token);
        let Some(func) = function::find(name) else {
            let message = format!("unknown function with name {}", quote_str(name));
            return Err(self.fail(token.span, message));
        };
        if func.experimental && !self.options.experimental_functions {
            let message = format!("function {} is not enabled", quote_str(name));
            return Err(self.fail(token.span, message));
        }
        let span = self.span_from(token.span.start);
        self.node(span, ExprKind::Call(Call { func, args }), height + 1)
    }

    /// `( … )` with its expressions, and the height of the highest.
    fn arguments(&mut self) -> Result<(Vec<Expr>, usize), Fail> {
        self.expect(Kind::LParen)?;
        let mut args = Vec::new();
        let mut height = 0;
        if self.accept(Kind::RParen)? {
            return Ok((args, height));
        }
        loop {
            let arg = self.expr(0)?;
            height = height.max(arg.height);
            push(&mut args, arg);
            if self.peek()?.kind != Kind::Comma {
                self.expect(Kind::RParen)?;
                return Ok((args, height));
            }
            let comma = self.next()?;
            if !starts_expression(self.peek()?.kind) {
                let message = "trailing commas not allowed in function call args".to_owned();
                return Err(self.fail(comma.span, message));
            }
        }
    }

    fn aggregation(&mut self, op: AggregateOp) -> Result<Node, Fail> {
        let token = self.next()?;
        self.aggregations += 1;
        let mut grouping = self.aggregate_modifier()?;
        let (args, height) = self.arguments()?;
        if grouping.is_none() {
            grouping = self.aggregate_modifier()?;
        }
        self.aggregations -= 1;
        let span = self.span_from(token.span.start);
        self.aggregated(span, (op, grouping), (args, height))
    }

    fn aggregated(
        &self,
        span: Span,
        (op, grouping): (AggregateOp, Option<(bool, Vec<String>)>),
        (args, height): (Vec<Expr>, usize),
    ) -> Result<Node, Fail> {
        let (without, grouping) = grouping.unwrap_or_default();
        let (param, expr) = self.aggregate_arguments(op, args, span)?;
        let aggregate = Aggregate { op, expr, param, grouping, without };
        self.node(span, ExprKind::Aggregate(Box::new(aggregate)), height + 1)
    }

    /// `by (…)` or `without (…)`, if there is one.
    fn aggregate_modifier(&mut self) -> Result<Option<(bool, Vec<String>)>, Fail> {
        let kind = self.peek()?.kind;
        if !matches!(kind, Kind::Word(Word::By | Word::Without)) {
            return Ok(None);
        }
        self.next()?;
        Ok(Some((kind == Kind::Word(Word::Without), self.grouping()?)))
    }

    fn aggregate_arguments(
        &self,
        op: AggregateOp,
        args: Vec<Expr>,
        span: Span,
    ) -> Result<(Option<Expr>, Expr), Fail> {
        let message = "no arguments for aggregate expression provided";
        if args.is_empty() {
            return Err(self.fail(span, message.to_owned()));
        }
        let experimental = matches!(op, AggregateOp::Limitk | AggregateOp::LimitRatio);
        if experimental && !self.options.experimental_functions {
            let name = op.as_str();
            let flag = "--enable-feature=promql-experimental-functions";
            let message = format!("{name}() is experimental and must be enabled with {flag}");
            return Err(self.fail(span, message));
        }
        let wanted = if op.parameter().is_some() { 2 } else { 1 };
        let found = args.len();
        let mut args = args.into_iter();
        match (op.parameter(), args.next(), args.next(), args.next()) {
            (Some(_), param, Some(expr), None) => Ok((param, expr)),
            (None, Some(expr), None, None) => Ok((None, expr)),
            _ => {
                let message = format!(
                    "wrong number of arguments for aggregate expression provided, \
                     expected {wanted}, got {found}"
                );
                Err(self.fail(span, message))
            }
        }
    }
}

/// Apart, so that [`Parser::arguments`] needs no stack for an expression.
fn push(args: &mut Vec<Expr>, arg: Node) {
    args.push(*arg.expr);
}

fn starts_expression(kind: Kind) -> bool {
    let literal = matches!(kind, Kind::Number | Kind::Duration | Kind::Str);
    let opening = matches!(kind, Kind::LParen | Kind::LBrace | Kind::Add | Kind::Sub);
    literal || opening || is_metric_name(kind)
}
