//! A cursor over a text exposition, with the tokens and states of both text lexers.
//!
//! Invariant: `start..i` is the token read last; after a refusal `i` is at the byte that did not fit, which error texts quote.
//! NUL bytes are read over inside label values, help texts and comments, and fit nowhere else, as in Prometheus.

/// What the lexers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Invalid,
    Eof,
    Linebreak,
    Whitespace,
    Help,
    Type,
    Unit,
    EofWord,
    Text,
    Comment,
    MetricName,
    Quoted,
    BraceOpen,
    BraceClose,
    LabelName,
    LabelValue,
    Comma,
    Equal,
    Timestamp,
    Value,
}

impl Token {
    /// The name in Prometheus' error texts.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::Eof => "EOF",
            Self::Linebreak => "LINEBREAK",
            Self::Whitespace => "WHITESPACE",
            Self::Help => "HELP",
            Self::Type => "TYPE",
            Self::Unit => "UNIT",
            Self::EofWord => "EOFWORD",
            Self::Text => "TEXT",
            Self::Comment => "COMMENT",
            Self::MetricName => "MNAME",
            Self::Quoted => "QSTRING",
            Self::BraceOpen => "BOPEN",
            Self::BraceClose => "BCLOSE",
            Self::LabelName => "LNAME",
            Self::LabelValue => "LVALUE",
            Self::Comma => "COMMA",
            Self::Equal => "EQUAL",
            Self::Timestamp => "TIMESTAMP",
            Self::Value => "VALUE",
        }
    }
}

/// What may come next; both lexers' start conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Line,
    Comment,
    MetaName,
    MetaText,
    Labels,
    LabelValue,
    Value,
    Timestamp,
    Exemplar,
    ExemplarValue,
    ExemplarTimestamp,
}

/// How a quoted text ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quoting {
    pub(super) newline_ok: bool,
    pub(super) nul_ok: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    body: &'a [u8],
    /// Bytes there are to read: those of `body`, and a line break after them if `break_at_end`.
    end: usize,
    pub(super) i: usize,
    pub(super) start: usize,
    pub(super) state: State,
}

impl<'a> Cursor<'a> {
    /// `break_at_end` adds a line break behind `body`.
    pub(super) fn new(body: &'a [u8], break_at_end: bool) -> Self {
        let end = body.len() + usize::from(break_at_end);
        Self { body, end, i: 0, start: 0, state: State::Line }
    }

    pub(super) fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(super) fn at_end(&self) -> bool {
        self.i >= self.end
    }

    /// The byte at the cursor; NUL at the end.
    #[inline]
    pub(super) fn byte(&self) -> u8 {
        match self.body.get(self.i) {
            Some(&byte) => byte,
            None if self.i < self.end => b'\n',
            None => 0,
        }
    }

    /// Steps on, over NULs where they are allowed, and returns the byte there.
    #[inline]
    pub(super) fn step(&mut self) -> u8 {
        self.i += 1;
        let mut byte = self.byte();
        if byte == 0 && matches!(self.state, State::LabelValue | State::MetaText | State::Comment) {
            while byte == 0 && !self.at_end() {
                self.i += 1;
                byte = self.byte();
            }
        }
        byte
    }

    /// Steps on while bytes are `ok`, from the byte at the cursor.
    #[inline]
    pub(super) fn step_while(&mut self, ok: impl Fn(u8) -> bool) {
        while ok(self.byte()) {
            self.step();
        }
    }

    /// Reads a quoted text whose opening quote is at the cursor, and steps behind it. False when it does not end well.
    pub(super) fn quoted(&mut self, how: Quoting) -> bool {
        loop {
            self.i += 1;
            self.i += self.plain_len(how);
            match self.byte() {
                b'"' => {
                    self.step();
                    return true;
                }
                b'\\' => {
                    self.i += 1;
                    while how.nul_ok && self.byte() == 0 && !self.at_end() {
                        self.i += 1;
                    }
                    if matches!(self.byte(), b'\n' | 0) {
                        return false;
                    }
                }
                b'\n' if how.newline_ok => {}
                _ => {
                    self.i = self.i.min(self.end);
                    return false;
                }
            }
        }
    }

    /// Bytes from the cursor on that need no decision.
    fn plain_len(&self, how: Quoting) -> usize {
        let rest = self.body.get(self.i..).unwrap_or_default();
        let found = match (how.newline_ok, how.nul_ok) {
            (true, true) => memchr::memchr2(b'"', b'\\', rest),
            (true, false) => memchr::memchr3(b'"', b'\\', 0, rest),
            (false, true) => memchr::memchr3(b'"', b'\\', b'\n', rest),
            (false, false) => rest.iter().position(|b| matches!(b, b'"' | b'\\' | b'\n' | 0)),
        };
        found.unwrap_or(rest.len())
    }

    /// The bytes `from..to`, as far as they are in the body.
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        let len = self.body.len();
        &self.body[from.min(len)..to.min(len)]
    }

    /// The token read last.
    pub(super) fn token(&self) -> &'a [u8] {
        self.slice(self.start, self.i)
    }

    /// As [`Cursor::slice`], but with the added line break, for error texts.
    pub(super) fn excerpt(&self, from: usize, to: usize) -> Vec<u8> {
        let mut bytes = self.slice(from, to).to_vec();
        if to.min(self.end) > self.body.len() && from <= self.body.len() {
            bytes.push(b'\n');
        }
        bytes
    }

    /// The end of what an error text quotes: one byte after the cursor.
    pub(super) fn error_end(&self) -> usize {
        self.end.min(self.i + 1)
    }
}

/// `[a-zA-Z_]`
#[inline]
pub(super) fn starts_label_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// `[a-zA-Z0-9_]`
#[inline]
pub(super) fn in_label_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// `[a-zA-Z_:]`
#[inline]
pub(super) fn starts_metric_name(byte: u8) -> bool {
    starts_label_name(byte) || byte == b':'
}

/// `[a-zA-Z0-9_:]`
#[inline]
pub(super) fn in_metric_name(byte: u8) -> bool {
    in_label_name(byte) || byte == b':'
}
