//! What stands between an operator and its right side, and lists of labels.

use model::matcher::Matcher;

use super::Parser;
use crate::ast::{Cardinality, Matching};
use crate::error::Fail;
use crate::lex::{Kind, Token, Word};
use crate::quote::quote_str;

/// The modifiers of a binary operator.
pub(super) struct Modifiers {
    pub(super) return_bool: bool,
    pub(super) matching: Matching,
}

impl Parser<'_> {
    /// `bool`, `on`/`ignoring`, `group_left`/`group_right` and `fill…`, each optional, in this order.
    pub(super) fn modifiers(&mut self) -> Result<Modifiers, Fail> {
        let return_bool = self.accept(Kind::Word(Word::Bool))?;
        let mut matching = Matching {
            card: Cardinality::OneToOne,
            on: false,
            labels: Vec::new(),
            include: Vec::new(),
            fill_left: None,
            fill_right: None,
        };
        let kind = self.peek()?.kind;
        if matches!(kind, Kind::Word(Word::On | Word::Ignoring)) {
            self.next()?;
            matching.on = kind == Kind::Word(Word::On);
            matching.labels = self.grouping()?;
            self.group(&mut matching)?;
        }
        self.fills(&mut matching)?;
        Ok(Modifiers { return_bool, matching })
    }

    fn group(&mut self, matching: &mut Matching) -> Result<(), Fail> {
        let kind = self.peek()?.kind;
        if kind == Kind::Word(Word::GroupLeft) {
            matching.card = Cardinality::ManyToOne;
        } else if kind == Kind::Word(Word::GroupRight) {
            matching.card = Cardinality::OneToMany;
        } else {
            return Ok(());
        }
        self.next()?;
        if self.peek()?.kind == Kind::LParen {
            matching.include = self.grouping()?;
        }
        Ok(())
    }

    fn fills(&mut self, matching: &mut Matching) -> Result<(), Fail> {
        if self.accept(Kind::Word(Word::Fill))? {
            let value = self.fill_value()?;
            matching.fill_left = Some(value);
            matching.fill_right = Some(value);
            return Ok(());
        }
        if self.accept(Kind::Word(Word::FillLeft))? {
            matching.fill_left = Some(self.fill_value()?);
            if self.accept(Kind::Word(Word::FillRight))? {
                matching.fill_right = Some(self.fill_value()?);
            }
        } else if self.accept(Kind::Word(Word::FillRight))? {
            matching.fill_right = Some(self.fill_value()?);
            if self.accept(Kind::Word(Word::FillLeft))? {
                matching.fill_left = Some(self.fill_value()?);
            }
        }
        Ok(())
    }

    fn fill_value(&mut self) -> Result<f64, Fail> {
        self.expect(Kind::LParen)?;
        let sign = self.peek()?;
        if matches!(sign.kind, Kind::Add | Kind::Sub) {
            self.next()?;
        }
        let token = self.peek()?;
        if !matches!(token.kind, Kind::Number | Kind::Duration) {
            return Err(self.unexpected(token));
        }
        self.next()?;
        let (value, _) = self.literal(token)?;
        self.expect(Kind::RParen)?;
        Ok(if sign.kind == Kind::Sub { -value } else { value })
    }

    /// `(label, …)`, which may be empty or end with a comma.
    pub(super) fn grouping(&mut self) -> Result<Vec<String>, Fail> {
        const CONTEXT: &str = "grouping opts";
        let open = self.peek()?;
        if open.kind != Kind::LParen {
            return Err(self.unexpected_in(open, CONTEXT, "\"(\""));
        }
        self.next()?;
        let mut labels = Vec::new();
        loop {
            let token = self.peek()?;
            if token.kind == Kind::RParen {
                self.next()?;
                return Ok(labels);
            }
            if !is_label(token.kind) {
                return Err(self.unexpected_in(token, CONTEXT, "label"));
            }
            self.next()?;
            labels.push(self.label(token)?);
            let separator = self.peek()?;
            if separator.kind == Kind::Comma {
                self.next()?;
            } else if separator.kind != Kind::RParen {
                return Err(self.unexpected_in(separator, CONTEXT, "\",\" or \")\""));
            }
        }
    }

    fn label(&self, token: Token) -> Result<String, Fail> {
        if token.kind != Kind::Str {
            return Ok(self.text_of(token).to_owned());
        }
        let label = self.unquoted(token)?;
        if label.is_empty() {
            let message = format!("invalid label name for grouping: {}", quote_str(&label));
            return Err(self.fail(token.span, message));
        }
        Ok(label)
    }

    /// A condition from its parts; `start` is where it begins.
    pub(super) fn matcher(
        &self,
        name: &str,
        (op, value): (model::matcher::MatchOp, Token),
        start: usize,
    ) -> Result<Matcher, Fail> {
        let value = self.unquoted(value)?;
        Matcher::new(op, name, &value).map_err(|e| self.fail(self.span_from(start), e.message))
    }
}

/// Words are labels in lists, `without` alone is not.
fn is_label(kind: Kind) -> bool {
    let word = matches!(kind, Kind::Word(word) if word != Word::Without);
    word || matches!(kind, Kind::Ident | Kind::MetricIdent | Kind::Str)
}
