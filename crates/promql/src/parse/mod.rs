//! Tokens → tree, by precedence climbing, one token ahead.
//!
//! Texts and places of errors are Prometheus'. Nesting is counted on the way down and heights on the way up, so that no
//! tree is deeper than [`DEPTH_MAX`]; longer texts than [`QUERY_BYTES_MAX`] are not looked at.

mod duration;
mod expr;
mod modifier;
mod selector;
#[cfg(test)]
mod tests;

use model::matcher::Matcher;

use crate::ast::{
    DEPTH_MAX, Expr, ExprKind, MATCHERS_MAX, PATTERNS_BYTES_MAX, QUERY_BYTES_MAX, Span,
};
use crate::check;
use crate::error::{Fail, ParseError};
use crate::lex::{Kind, Lexer, Token, Word};
use crate::quote::quote_str;

/// Which experimental parts of the language are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParserOptions {
    /// Functions marked experimental, `limitk` and `limit_ratio`.
    pub experimental_functions: bool,
    /// Arithmetic, `step()`, `range()`, `min_of()` and `max_of()` in durations; on by default.
    pub duration_expressions: bool,
    /// `anchored` and `smoothed`.
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left` and `fill_right`.
    pub fill_modifiers: bool,
}

impl Default for ParserOptions {
    fn default() -> Self {
        Self {
            experimental_functions: false,
            duration_expressions: true,
            extended_range_selectors: false,
            fill_modifiers: false,
        }
    }
}

/// Reads and checks a query.
///
/// # Errors
/// [`ParseError`] with the first thing that is wrong: syntax, types, or a limit.
pub fn parse(text: &str, options: &ParserOptions) -> Result<Expr, ParseError> {
    parse_measured(text, options).map(|parsed| parsed.expr)
}

/// A query and what it takes.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) expr: Expr,
    /// Of the tree.
    pub(crate) height: usize,
    /// Of the compiled patterns.
    pub(crate) patterns_bytes: usize,
}

/// As [`parse`], with what the query takes.
pub(crate) fn parse_measured(text: &str, options: &ParserOptions) -> Result<Parsed, ParseError> {
    parse_boxed(text, *options).map_err(|fail| *fail)
}

fn parse_boxed(text: &str, options: ParserOptions) -> Result<Parsed, Fail> {
    let mut parser = Parser::new(text, options)?;
    if parser.peek()?.kind == Kind::Eof {
        return Err(parser.fail(Span::default(), "no expression found in input".to_owned()));
    }
    let Node { mut expr, height } = parser.expr(0)?;
    parser.end()?;
    check::check(&mut expr, text)?;
    Ok(Parsed { expr: *expr, height, patterns_bytes: parser.cost.patterns_bytes })
}

/// Reads a series selector, as `match[]` has it: `name`, `name{…}` or `{…}`. An empty one is accepted: whether that is
/// allowed is the caller's question.
///
/// # Errors
/// [`ParseError`] when it is not a selector.
pub fn parse_metric_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    selector_boxed(text, &mut Cost::default()).map_err(|fail| *fail)
}

/// Reads several series selectors, which share the limits of one query.
///
/// # Errors
/// As [`parse_metric_selector`], at the first that is not a selector or goes over a limit.
pub fn parse_metric_selectors<'t>(
    texts: impl IntoIterator<Item = &'t str>,
) -> Result<Vec<Vec<Matcher>>, ParseError> {
    let mut cost = Cost::default();
    texts.into_iter().map(|text| selector_boxed(text, &mut cost).map_err(|fail| *fail)).collect()
}

fn selector_boxed(text: &str, cost: &mut Cost) -> Result<Vec<Matcher>, Fail> {
    let mut parser = Parser::new(text, ParserOptions::default())?;
    parser.cost = *cost;
    let token = parser.peek()?;
    if !(token.kind == Kind::LBrace || selector::is_metric_name(token.kind)) {
        return Err(parser.unexpected(token));
    }
    let node = parser.selector()?;
    parser.end()?;
    *cost = parser.cost;
    let ExprKind::Vector(selector) = node.expr.kind else { return Ok(Vec::new()) };
    Ok(selector.matchers)
}

/// An expression with the height of its tree. Boxed, so that the stack of a deep query stays small.
struct Node {
    expr: Box<Expr>,
    height: usize,
}

/// What the matchers that were read so far take.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    matchers: usize,
    patterns_bytes: usize,
}

struct Parser<'a> {
    text: &'a str,
    options: ParserOptions,
    lexer: Lexer<'a>,
    peeked: Option<Token>,
    /// Where the last token taken ended.
    last_end: usize,
    nesting: usize,
    /// Aggregations whose end has not been seen: they name themselves in errors.
    aggregations: usize,
    cost: Cost,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, options: ParserOptions) -> Result<Self, Fail> {
        if text.len() > QUERY_BYTES_MAX {
            let message =
                format!("query has {} bytes, more than the limit of {QUERY_BYTES_MAX}", text.len());
            return Err(ParseError::new(text, Span::default(), message));
        }
        let lexer = Lexer::new(text);
        Ok(Self {
            text,
            options,
            lexer,
            peeked: None,
            last_end: 0,
            nesting: 0,
            aggregations: 0,
            cost: Cost::default(),
        })
    }

    fn peek(&mut self) -> Result<Token, Fail> {
        if let Some(token) = self.peeked {
            return Ok(token);
        }
        let token = self.lexer.next().map_err(|error| {
            let span = Span { start: error.position, end: self.text.len() };
            self.fail(span, error.message)
        })?;
        self.peeked = Some(token);
        Ok(token)
    }

    fn next(&mut self) -> Result<Token, Fail> {
        let token = self.peek()?;
        self.peeked = None;
        self.last_end = token.span.end;
        Ok(token)
    }

    /// Takes the next token if it is `kind`.
    fn accept(&mut self, kind: Kind) -> Result<bool, Fail> {
        let found = self.peek()?.kind == kind;
        if found {
            self.next()?;
        }
        Ok(found)
    }

    /// Takes the next token, which must be `kind`.
    fn expect(&mut self, kind: Kind) -> Result<Token, Fail> {
        let token = self.peek()?;
        if token.kind != kind {
            return Err(self.unexpected(token));
        }
        self.next()
    }

    fn end(&mut self) -> Result<(), Fail> {
        self.expect(Kind::Eof).map(|_| ())
    }

    fn text_of(&self, token: Token) -> &'a str {
        self.text.get(token.span.start..token.span.end).unwrap_or("")
    }

    fn fail(&self, span: Span, message: String) -> Fail {
        ParseError::new(self.text, span, message)
    }

    fn unexpected(&self, token: Token) -> Fail {
        let context = if self.aggregations > 0 { "aggregation" } else { "" };
        self.unexpected_in(token, context, "")
    }

    fn unexpected_in(&self, token: Token, context: &str, expected: &str) -> Fail {
        let mut message = format!("unexpected {}", describe(token.kind, self.text_of(token)));
        if !context.is_empty() {
            message.push_str(" in ");
            message.push_str(context);
        }
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        self.fail(token.span, message)
    }

    /// Goes one level down; every success goes up again with [`Parser::leave`].
    fn enter(&mut self) -> Result<(), Fail> {
        self.nesting += 1;
        self.bound(self.nesting, Span { start: self.last_end, end: self.last_end })
    }

    fn leave(&mut self) {
        self.nesting -= 1;
    }

    fn bound(&self, height: usize, span: Span) -> Result<(), Fail> {
        if height > DEPTH_MAX {
            let message = format!("expression is nested deeper than the limit of {DEPTH_MAX}");
            return Err(self.fail(span, message));
        }
        Ok(())
    }

    /// Counts a matcher against the limits.
    fn count(&mut self, matcher: &Matcher, start: usize) -> Result<(), Fail> {
        self.cost.matchers += 1;
        self.cost.patterns_bytes += matcher.program_bytes();
        let Cost { matchers, patterns_bytes } = self.cost;
        let message = if matchers > MATCHERS_MAX {
            format!("there are more matchers than the limit of {MATCHERS_MAX}")
        } else if patterns_bytes > PATTERNS_BYTES_MAX {
            format!("patterns take more memory than the limit of {PATTERNS_BYTES_MAX} bytes")
        } else {
            return Ok(());
        };
        Err(self.fail(self.span_from(start), message))
    }

    fn node(&self, span: Span, kind: ExprKind, height: usize) -> Result<Node, Fail> {
        self.bound(height, span)?;
        Ok(Node { expr: Box::new(Expr { span, kind }), height })
    }

    /// From `start` to the end of the last token taken.
    fn span_from(&self, start: usize) -> Span {
        Span { start, end: self.last_end }
    }
}

/// A token in an error's words.
fn describe(kind: Kind, text: &str) -> String {
    let kinds = [
        (Kind::Ident, "identifier "),
        (Kind::MetricIdent, "metric identifier "),
        (Kind::Str, "string "),
        (Kind::Number, "number "),
        (Kind::Duration, "duration "),
    ];
    if kind == Kind::Eof {
        return "end of input".to_owned();
    }
    if let Some((_, name)) = kinds.iter().find(|(k, _)| *k == kind) {
        return format!("{name}{}", shortened(kind, text));
    }
    if let Kind::Word(word) = kind {
        return match word {
            Word::Aggregate(_) => format!("<aggr:{text}>"),
            Word::And | Word::Or | Word::Unless | Word::Atan2 => format!("<op:{text}>"),
            Word::Start | Word::End | Word::Step | Word::Range | Word::MinOf | Word::MaxOf => {
                quote_str(text)
            }
            Word::Offset
            | Word::Smoothed
            | Word::Anchored
            | Word::By
            | Word::Without
            | Word::On
            | Word::Ignoring
            | Word::GroupLeft
            | Word::GroupRight
            | Word::Fill
            | Word::FillLeft
            | Word::FillRight
            | Word::Bool => format!("<{text}>"),
        };
    }
    let plain = [
        Kind::Comma,
        Kind::Colon,
        Kind::LParen,
        Kind::RParen,
        Kind::LBrace,
        Kind::RBrace,
        Kind::LBracket,
        Kind::RBracket,
        Kind::Eql,
    ];
    if plain.contains(&kind) { quote_str(text) } else { format!("<op:{text}>") }
}

fn shortened(kind: Kind, text: &str) -> String {
    if text.len() <= 10 || matches!(kind, Kind::Ident | Kind::MetricIdent) {
        return quote_str(text);
    }
    let head: String = text.chars().take(10).collect();
    format!("{}...", quote_str(&head))
}
