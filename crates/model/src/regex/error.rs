//! Why a pattern is refused. Texts are those of Go's `regexp/syntax`.

/// The kind of mistake (Go's `syntax.ErrorCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidCharRange,
    InvalidEscape,
    InvalidNamedCapture,
    InvalidPerlOp,
    InvalidRepeatOp,
    InvalidRepeatSize,
    Large,
    MissingBracket,
    MissingParen,
    MissingRepeatArgument,
    NestingDepth,
    TrailingBackslash,
    UnexpectedParen,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCharRange => "invalid character class range",
            Self::InvalidEscape => "invalid escape sequence",
            Self::InvalidNamedCapture => "invalid named capture",
            Self::InvalidPerlOp => "invalid or unsupported Perl syntax",
            Self::InvalidRepeatOp => "invalid nested repetition operator",
            Self::InvalidRepeatSize => "invalid repeat count",
            Self::Large => "expression too large",
            Self::MissingBracket => "missing closing ]",
            Self::MissingParen => "missing closing )",
            Self::MissingRepeatArgument => "missing argument to repetition operator",
            Self::NestingDepth => "expression nests too deeply",
            Self::TrailingBackslash => "trailing backslash at end of expression",
            Self::UnexpectedParen => "unexpected )",
        }
    }
}

/// A pattern that Go's RE2 syntax does not allow, or that is over our bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RegexError {
    /// Go's text, e.g. "error parsing regexp: missing closing ): `a(`".
    pub message: String,
}

impl RegexError {
    pub(crate) fn new(code: Code, at: &str) -> Self {
        Self { message: format!("error parsing regexp: {}: `{at}`", code.as_str()) }
    }
}
