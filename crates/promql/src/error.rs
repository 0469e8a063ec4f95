//! Why a text is not PromQL, and where. Texts are Prometheus'.

use std::fmt;

use crate::ast::Span;

/// A parse error. Shown as `LINE:COL: parse error: MESSAGE`, both counted from 1, the column in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Byte offset into the text.
    pub position: usize,
    pub message: String,
    /// Line and column; `None` for an empty text.
    line_column: Option<(usize, usize)>,
}

/// An error on its way up. Boxed, so that the stack of a deep query stays small.
pub(crate) type Fail = Box<ParseError>;

impl ParseError {
    pub(crate) fn new(input: &str, span: Span, message: String) -> Fail {
        let position = span.start.min(input.len());
        let before = &input.as_bytes()[..position];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
        let line_column = (!input.is_empty()).then_some((line, column));
        Box::new(Self { position, message, line_column })
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line_column {
            Some((line, column)) => write!(f, "{line}:{column}: parse error: {}", self.message),
            None => write!(f, "unknown position: parse error: {}", self.message),
        }
    }
}

impl std::error::Error for ParseError {}
