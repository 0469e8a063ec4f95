//! Durations: literals, and arithmetic over them.

use super::Parser;
use super::expr::MULTIPLY;
use crate::ast::{DurationExpr, DurationOp, NumberForm};
use crate::error::Fail;
use crate::lex::{Kind, Token, Word};
use crate::number::seconds_to_ms;

/// Where a duration stands; errors say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Range,
    Step,
    Offset,
}

/// A duration while its surroundings are not known.
struct Draft {
    value: Value,
    start: usize,
    height: usize,
}

enum Value {
    /// Seconds.
    Literal(f64, NumberForm),
    Expr(DurationExpr),
}

impl Value {
    fn into_expr(self) -> DurationExpr {
        match self {
            Self::Literal(value, NumberForm::Plain) => DurationExpr::Number(value),
            Self::Literal(value, NumberForm::Duration) => {
                DurationExpr::Const(seconds_to_ms(value).unwrap_or(0))
            }
            Self::Expr(expr) => expr,
        }
    }
}

const OPERATORS: [(Kind, DurationOp, u8); 6] = [
    (Kind::Add, DurationOp::Add, 4),
    (Kind::Sub, DurationOp::Sub, 4),
    (Kind::Mul, DurationOp::Mul, MULTIPLY),
    (Kind::Div, DurationOp::Div, MULTIPLY),
    (Kind::Mod, DurationOp::Mod, MULTIPLY),
    (Kind::Pow, DurationOp::Pow, 6),
];

impl Parser<'_> {
    /// A duration that must be positive when it is a literal.
    pub(super) fn positive_duration(&mut self, place: Place) -> Result<DurationExpr, Fail> {
        let draft = self.duration(place, 0)?;
        let span = self.span_from(draft.start);
        match draft.value {
            Value::Expr(expr) => Ok(expr),
            Value::Literal(seconds, _) if seconds > 0.0 => match seconds_to_ms(seconds) {
                Some(ms) => Ok(DurationExpr::Const(ms)),
                None => Err(self.fail(span, "duration out of range".to_owned())),
            },
            Value::Literal(..) => {
                Err(self.fail(span, "duration must be greater than 0".to_owned()))
            }
        }
    }

    /// What follows `offset`: `None` for zero. Operators behind it belong to the query (`x offset 5m * 2` doubles `x`),
    /// unless it begins with a parenthesis.
    pub(super) fn offset_duration(&mut self) -> Result<Option<DurationExpr>, Fail> {
        let first = self.peek()?;
        let draft = if first.kind == Kind::LParen {
            self.duration(Place::Offset, 0)?
        } else if matches!(first.kind, Kind::Add | Kind::Sub) {
            self.signed_offset(first)?
        } else {
            self.duration_operand(Place::Offset)?
        };
        Ok(match draft.value {
            Value::Literal(seconds, _) => {
                seconds_to_ms(seconds).filter(|ms| *ms != 0).map(DurationExpr::Const)
            }
            Value::Expr(expr) => Some(expr),
        })
    }

    fn signed_offset(&mut self, sign: Token) -> Result<Draft, Fail> {
        self.next()?;
        let inner = self.peek()?;
        if matches!(inner.kind, Kind::Add | Kind::Sub) {
            // Two signs start an expression that takes operators too. It prints in parentheses, to be read the same way.
            let nested = self.duration(Place::Offset, MULTIPLY + 1)?;
            let first = self.negated(sign, nested)?;
            let whole = self.duration_operators(first, Place::Offset, 0)?;
            return Ok(match whole.value {
                Value::Expr(expr @ DurationExpr::Binary(..)) => wrapped(Draft {
                    value: Value::Expr(expr),
                    start: whole.start,
                    height: whole.height,
                }),
                Value::Expr(_) | Value::Literal(..) => whole,
            });
        }
        let draft = if inner.kind == Kind::LParen {
            self.next()?;
            let draft = self.duration(Place::Offset, 0)?;
            self.close(Place::Offset)?;
            wrapped(draft)
        } else {
            self.duration_operand(Place::Offset)?
        };
        self.negated(sign, draft)
    }

    fn duration(&mut self, place: Place, tightness: u8) -> Result<Draft, Fail> {
        self.enter()?;
        let first = self.duration_operand(place)?;
        let draft = self.duration_operators(first, place, tightness)?;
        self.leave();
        Ok(draft)
    }

    fn duration_operators(
        &mut self,
        first: Draft,
        place: Place,
        tightness: u8,
    ) -> Result<Draft, Fail> {
        let mut lhs = first;
        loop {
            let token = self.peek()?;
            let Some(&(_, op, binds)) = OPERATORS.iter().find(|(k, ..)| *k == token.kind) else {
                return Ok(lhs);
            };
            if binds < tightness {
                return Ok(lhs);
            }
            self.next()?;
            let rhs =
                self.duration(place, if op == DurationOp::Pow { binds } else { binds + 1 })?;
            self.experimental(lhs.start)?;
            let zero = matches!(rhs.value, Value::Literal(0.0, _));
            if zero && matches!(op, DurationOp::Div | DurationOp::Mod) {
                let name = if op == DurationOp::Div { "division" } else { "modulo" };
                return Err(self.fail(token.span, format!("{name} by zero")));
            }
            let height = 1 + lhs.height.max(rhs.height);
            self.bound(height, token.span)?;
            let sides = (Box::new(lhs.value.into_expr()), Box::new(rhs.value.into_expr()));
            let value = Value::Expr(DurationExpr::Binary(op, sides.0, sides.1));
            lhs = Draft { value, start: lhs.start, height };
        }
    }

    fn duration_operand(&mut self, place: Place) -> Result<Draft, Fail> {
        let token = self.peek()?;
        let start = token.span.start;
        if matches!(token.kind, Kind::Number | Kind::Duration) {
            self.next()?;
            let (value, form) = self.literal(token)?;
            if seconds_to_ms(value).is_none() {
                return Err(self.fail(token.span, "duration out of range".to_owned()));
            }
            return Ok(Draft { value: Value::Literal(value, form), start, height: 1 });
        }
        if matches!(token.kind, Kind::Add | Kind::Sub) {
            self.next()?;
            let inner = self.duration(place, MULTIPLY + 1)?;
            return self.negated(token, inner);
        }
        if token.kind == Kind::LParen {
            self.next()?;
            let inner = self.duration(place, 0)?;
            self.close(place)?;
            self.experimental(inner.start)?;
            return Ok(wrapped(inner));
        }
        if let Kind::Word(word @ (Word::Step | Word::Range)) = token.kind {
            self.next()?;
            self.open(place)?;
            self.close(place)?;
            self.experimental(start)?;
            let expr = if word == Word::Step { DurationExpr::Step } else { DurationExpr::Range };
            return Ok(Draft { value: Value::Expr(expr), start, height: 1 });
        }
        if let Kind::Word(word @ (Word::MinOf | Word::MaxOf)) = token.kind {
            self.next()?;
            return self.extreme(word, start, place);
        }
        Err(self.misplaced(token, place))
    }

    /// The arguments of `min_of` or `max_of`.
    fn extreme(&mut self, word: Word, start: usize, place: Place) -> Result<Draft, Fail> {
        self.open(place)?;
        let a = self.duration(place, 0)?;
        let comma = self.peek()?;
        if comma.kind != Kind::Comma {
            return Err(self.misplaced(comma, place));
        }
        self.next()?;
        let b = self.duration(place, 0)?;
        self.close(place)?;
        self.experimental(start)?;
        let height = 1 + a.height.max(b.height);
        self.bound(height, self.span_from(start))?;
        let (a, b) = (Box::new(a.value.into_expr()), Box::new(b.value.into_expr()));
        let expr =
            if word == Word::MinOf { DurationExpr::Min(a, b) } else { DurationExpr::Max(a, b) };
        Ok(Draft { value: Value::Expr(expr), start, height })
    }

    fn open(&mut self, place: Place) -> Result<(), Fail> {
        self.duration_token(Kind::LParen, place)
    }

    fn close(&mut self, place: Place) -> Result<(), Fail> {
        self.duration_token(Kind::RParen, place)
    }

    fn duration_token(&mut self, kind: Kind, place: Place) -> Result<(), Fail> {
        let token = self.peek()?;
        if token.kind != kind {
            return Err(self.misplaced(token, place));
        }
        self.next().map(|_| ())
    }

    /// `draft` under a sign: literals take it in, a plus disappears.
    fn negated(&self, sign: Token, draft: Draft) -> Result<Draft, Fail> {
        let minus = sign.kind == Kind::Sub;
        let start = sign.span.start;
        match draft.value {
            Value::Literal(value, form) => {
                let value = if minus { -value } else { value };
                Ok(Draft { value: Value::Literal(value, form), start, height: 1 })
            }
            Value::Expr(expr) if minus => {
                let height = draft.height + 1;
                self.bound(height, sign.span)?;
                let value = Value::Expr(DurationExpr::Neg(Box::new(expr)));
                Ok(Draft { value, start, height })
            }
            Value::Expr(_) => Ok(draft),
        }
    }

    fn experimental(&self, start: usize) -> Result<(), Fail> {
        if self.options.duration_expressions {
            return Ok(());
        }
        let message = "experimental duration expression is not enabled".to_owned();
        Err(self.fail(self.span_from(start), message))
    }

    fn misplaced(&self, token: Token, place: Place) -> Fail {
        let (context, expected) = match place {
            Place::Range => ("subquery or range selector", "number, duration, step(), or range()"),
            Place::Step => ("subquery selector", "number, duration, step(), range(), or \"]\""),
            Place::Offset => ("offset", "number, duration, step(), or range()"),
        };
        self.unexpected_in(token, context, expected)
    }
}

/// In parentheses; a second pair around a pair adds nothing.
fn wrapped(draft: Draft) -> Draft {
    let Draft { value, start, height } = draft;
    let expr = value.into_expr();
    if matches!(expr, DurationExpr::Paren(_)) {
        return Draft { value: Value::Expr(expr), start, height };
    }
    let value = Value::Expr(DurationExpr::Paren(Box::new(expr)));
    Draft { value, start, height: height + 1 }
}
