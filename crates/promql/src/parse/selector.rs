//! Selectors and what may stand behind an expression: ranges, subqueries, `offset`, `@`, `anchored`, `smoothed`.

use model::labels::METRIC_NAME;
use model::matcher::{MatchOp, Matcher};

use super::duration::Place;
use super::{Node, Parser};
use crate::ast::{At, DurationExpr, Expr, ExprKind, Extension, Span, Subquery, VectorSelector};
use crate::error::Fail;
use crate::lex::{Kind, Token, Word};
use crate::number::whole;

const CONTEXT: &str = "label matching";

/// Whether a token can be the name of a metric.
pub(super) fn is_metric_name(kind: Kind) -> bool {
    let Kind::Word(word) = kind else {
        return matches!(kind, Kind::Ident | Kind::MetricIdent);
    };
    !matches!(
        word,
        Word::Bool | Word::On | Word::Ignoring | Word::GroupLeft | Word::GroupRight | Word::Atan2
    )
}

impl Parser<'_> {
    /// `name`, `name{…}` or `{…}`; the caller has seen that one of them begins here.
    pub(super) fn selector(&mut self) -> Result<Node, Fail> {
        let first = self.peek()?;
        let mut name = None;
        if first.kind != Kind::LBrace {
            self.next()?;
            name = Some(self.text_of(first).to_owned());
        }
        let mut matchers = Vec::new();
        if self.accept(Kind::LBrace)? {
            self.matchers(&mut matchers)?;
        }
        if let Some(name) = &name {
            matchers.push(name_matcher(name));
        }
        let selector = VectorSelector { name, matchers, offset: None, at: None, extension: None };
        let span = self.span_from(first.span.start);
        self.node(span, ExprKind::Vector(selector), 1)
    }

    /// Conditions up to and with the closing brace.
    fn matchers(&mut self, matchers: &mut Vec<Matcher>) -> Result<(), Fail> {
        loop {
            let token = self.peek()?;
            if token.kind == Kind::RBrace {
                self.next()?;
                return Ok(());
            }
            if !matches!(token.kind, Kind::Ident | Kind::Str) {
                return Err(self.unexpected_in(token, CONTEXT, "identifier or \"}\""));
            }
            self.next()?;
            let matcher = self.condition(token)?;
            self.count(&matcher, token.span.start)?;
            matchers.push(matcher);
            let separator = self.peek()?;
            if separator.kind == Kind::Comma {
                self.next()?;
            } else if separator.kind != Kind::RBrace {
                return Err(self.unexpected_in(separator, CONTEXT, "\",\" or \"}\""));
            }
        }
    }

    /// `label op "value"`, or a quoted metric name alone.
    fn condition(&mut self, label: Token) -> Result<Matcher, Fail> {
        let quoted = label.kind == Kind::Str;
        let name = if quoted { self.unquoted(label)? } else { self.text_of(label).to_owned() };
        let operator = self.peek()?;
        let Some(op) = match_op(operator.kind) else {
            if quoted {
                return Ok(name_matcher(&name));
            }
            return Err(self.unexpected_in(operator, CONTEXT, "label matching operator"));
        };
        self.next()?;
        let value = self.peek()?;
        if value.kind != Kind::Str {
            return Err(self.unexpected_in(value, CONTEXT, "string"));
        }
        self.next()?;
        self.matcher(&name, (op, value), label.span.start)
    }

    /// `[range]` or `[range:step]`.
    pub(super) fn range(&mut self, node: Node) -> Result<Node, Fail> {
        let open = self.next()?;
        let range = self.positive_duration(Place::Range)?;
        let token = self.peek()?;
        if token.kind == Kind::RBracket {
            self.next()?;
            return self.matrix(node, range, open.span);
        }
        if token.kind != Kind::Colon {
            return Err(self.unexpected_in(token, "subquery or range", "\":\" or \"]\""));
        }
        self.next()?;
        let mut step = None;
        if !self.accept(Kind::RBracket)? {
            step = Some(self.positive_duration(Place::Step)?);
            let close = self.peek()?;
            if close.kind != Kind::RBracket {
                return Err(self.unexpected_in(close, "subquery selector", "\"]\""));
            }
            self.next()?;
        }
        let Node { expr, height } = node;
        let span = self.span_from(expr.span.start);
        let subquery = Subquery { expr: *expr, range, step, offset: None, at: None };
        self.node(span, ExprKind::Subquery(Box::new(subquery)), height + 1)
    }

    fn matrix(&self, node: Node, range: DurationExpr, open: Span) -> Result<Node, Fail> {
        let span = self.span_from(node.expr.span.start);
        let refuse = |message: &str| Err(self.fail(open, message.to_owned()));
        let ExprKind::Vector(selector) = node.expr.kind else {
            return refuse("ranges only allowed for vector selectors");
        };
        if selector.offset.is_some() {
            return refuse("no offset modifiers allowed before range");
        }
        if selector.at.is_some() {
            return refuse("no @ modifiers allowed before range");
        }
        self.node(span, ExprKind::Matrix(selector, range), node.height + 1)
    }

    pub(super) fn offset(&mut self, mut node: Node) -> Result<Node, Fail> {
        self.next()?;
        let found = self.offset_duration()?;
        let span = node.expr.span;
        let Some((offset, _)) = times(&mut node.expr) else {
            let message = "offset modifier must be preceded by an instant vector selector or \
                           range vector selector or a subquery";
            return Err(self.fail(span, message.to_owned()));
        };
        if offset.is_some() {
            return Err(self.fail(span, "offset may not be set multiple times".to_owned()));
        }
        *offset = found;
        node.expr.span.end = self.last_end;
        Ok(node)
    }

    pub(super) fn at(&mut self, mut node: Node) -> Result<Node, Fail> {
        self.next()?;
        let found = self.timestamp(node.expr.span)?;
        let span = node.expr.span;
        let Some((_, at)) = times(&mut node.expr) else {
            let message = "@ modifier must be preceded by an instant vector selector or range \
                           vector selector or a subquery";
            return Err(self.fail(span, message.to_owned()));
        };
        if at.is_some() {
            return Err(self.fail(span, "@ <timestamp> may not be set multiple times".to_owned()));
        }
        *at = Some(found);
        node.expr.span.end = self.last_end;
        Ok(node)
    }

    /// What follows `@`; `span` is the expression before it.
    fn timestamp(&mut self, span: Span) -> Result<At, Fail> {
        let first = self.next()?;
        let bad = |parser: &Self, token| Err(parser.unexpected_in(token, "@", "timestamp"));
        if let Kind::Word(word @ (Word::Start | Word::End)) = first.kind {
            for kind in [Kind::LParen, Kind::RParen] {
                let token = self.next()?;
                if token.kind != kind {
                    return bad(self, token);
                }
            }
            return Ok(if word == Word::Start { At::Start } else { At::End });
        }
        let signed = matches!(first.kind, Kind::Add | Kind::Sub);
        let token = if signed { self.next()? } else { first };
        if !matches!(token.kind, Kind::Number | Kind::Duration) {
            return bad(self, token);
        }
        let (value, _) = self.literal(token)?;
        let seconds = if first.kind == Kind::Sub { -value } else { value };
        let limit = 9_223_372_036_854_775_807.0;
        if seconds.is_nan() || seconds.abs() >= limit {
            let shown = match (seconds.is_finite(), seconds > 0.0) {
                (true, _) => format!("{seconds:.6}"),
                (false, true) => "+Inf".to_owned(),
                (false, false) if seconds.is_nan() => "NaN".to_owned(),
                (false, false) => "-Inf".to_owned(),
            };
            let message = format!("timestamp out of bounds for @ modifier: {shown}");
            return Err(self.fail(span, message));
        }
        Ok(At::Time(whole((seconds * 1000.0).round())))
    }

    pub(super) fn extension(&mut self, mut node: Node) -> Result<Node, Fail> {
        let anchored = self.next()?.kind == Kind::Word(Word::Anchored);
        let name = if anchored { "anchored" } else { "smoothed" };
        let extension = if anchored { Extension::Anchored } else { Extension::Smoothed };
        let span = node.expr.span;
        if !self.options.extended_range_selectors {
            let message = format!("{name} modifier is experimental and not enabled");
            return Err(self.fail(span, message));
        }
        if matches!(node.expr.kind, ExprKind::Subquery(_)) {
            let message = format!("{name} modifier is not supported for subqueries");
            return Err(self.fail(span, message));
        }
        let (ExprKind::Vector(selector) | ExprKind::Matrix(selector, _)) = &mut node.expr.kind
        else {
            return Err(self.fail(span, format!("{name} modifier not implemented")));
        };
        if selector.extension.is_some_and(|have| have != extension) {
            let message = "anchored and smoothed modifiers cannot be used together";
            return Err(self.fail(span, message.to_owned()));
        }
        selector.extension = Some(extension);
        Ok(node)
    }
}

/// The places of `offset` and `@` in what can have them.
fn times(expr: &mut Expr) -> Option<(&mut Option<DurationExpr>, &mut Option<At>)> {
    match &mut expr.kind {
        ExprKind::Vector(s) | ExprKind::Matrix(s, _) => Some((&mut s.offset, &mut s.at)),
        ExprKind::Subquery(s) => Some((&mut s.offset, &mut s.at)),
        ExprKind::Number(..)
        | ExprKind::String(_)
        | ExprKind::Paren(_)
        | ExprKind::Unary(..)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_)
        | ExprKind::Call(_) => None,
    }
}

fn name_matcher(name: &str) -> Matcher {
    Matcher::new(MatchOp::Equal, METRIC_NAME, name).expect("equality has no pattern")
}

fn match_op(kind: Kind) -> Option<MatchOp> {
    let ops = [
        (Kind::Eql, MatchOp::Equal),
        (Kind::Neq, MatchOp::NotEqual),
        (Kind::EqlRegex, MatchOp::Regex),
        (Kind::NeqRegex, MatchOp::NotRegex),
    ];
    ops.iter().find(|(k, _)| *k == kind).map(|(_, op)| *op)
}
