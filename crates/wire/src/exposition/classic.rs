//! The classic text format, 0.0.4 and 1.0.0 (which adds quoted names; both are read alike).
//!
//! Blanks may stand between tokens, metadata lines in any place, times are milliseconds. A NUL byte at the start of a line
//! ends the exposition, as it does in Prometheus. One thing is not as there: blanks before a metric name are not part of the
//! name (Prometheus 3 stores `" a"`), because the format says that they do not count.

#![expect(clippy::wildcard_enum_match_arm, reason = "all tokens that do not fit are refused alike")]

use std::num::IntErrorKind;

use model::metadata::MetricType;

use super::cursor::{
    Cursor, Quoting, State, Token, in_label_name, in_metric_name, starts_label_name,
    starts_metric_name,
};
use super::error::ParseError;
use super::text::{Line, TextParser};
use crate::quote::go_quote;

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Reads one token.
pub(super) fn lex(c: &mut Cursor<'_>) -> Token {
    if c.at_end() {
        // Error texts quote the token before, then.
        return Token::Eof;
    }
    c.start = c.i;
    match c.state {
        State::Line => line(c),
        State::Comment => comment(c),
        State::MetaName => match c.byte() {
            b'"' => quoted(c, false, State::MetaText, Token::MetricName),
            byte if starts_metric_name(byte) => {
                c.step_while(in_metric_name);
                accept(c, State::MetaText, Token::MetricName)
            }
            _ => blank_or_invalid(c),
        },
        State::MetaText => meta_text(c),
        State::Labels => labels(c),
        State::LabelValue => match c.byte() {
            b'"' => quoted(c, true, State::Labels, Token::LabelValue),
            _ => blank_or_invalid(c),
        },
        State::Value => match c.byte() {
            b'{' => one(c, State::Labels, Token::BraceOpen),
            b'\n' | 0 | b' ' | b'\t' => blank_or_invalid(c),
            _ => {
                c.step_while(|b| !matches!(b, b'{' | b' ' | b'\t' | b'\n' | 0));
                accept(c, State::Timestamp, Token::Value)
            }
        },
        State::Timestamp => match c.byte() {
            b'\n' => one(c, State::Line, Token::Linebreak),
            b'0'..=b'9' => {
                c.step_while(|b| b.is_ascii_digit());
                Token::Timestamp
            }
            _ => blank_or_invalid(c),
        },
        State::Exemplar | State::ExemplarValue | State::ExemplarTimestamp => Token::Invalid,
    }
}

fn accept(c: &mut Cursor<'_>, state: State, token: Token) -> Token {
    c.state = state;
    token
}

/// Takes one byte as `token`.
fn one(c: &mut Cursor<'_>, state: State, token: Token) -> Token {
    c.step();
    accept(c, state, token)
}

fn quoted(c: &mut Cursor<'_>, nul_ok: bool, state: State, token: Token) -> Token {
    if c.quoted(Quoting { newline_ok: true, nul_ok }) {
        accept(c, state, token)
    } else {
        Token::Invalid
    }
}

fn blank_or_invalid(c: &mut Cursor<'_>) -> Token {
    if !is_blank(c.byte()) {
        return Token::Invalid;
    }
    c.step_while(is_blank);
    Token::Whitespace
}

fn line(c: &mut Cursor<'_>) -> Token {
    match c.byte() {
        0 => one(c, State::Line, Token::Eof),
        b'\n' => one(c, State::Line, Token::Linebreak),
        b'{' => one(c, State::Labels, Token::BraceOpen),
        b'#' => {
            if !is_blank(c.step()) {
                return rest_of_comment(c);
            }
            c.step_while(is_blank);
            c.state = State::Comment;
            comment(c)
        }
        byte if starts_metric_name(byte) => {
            c.step_while(in_metric_name);
            accept(c, State::Value, Token::MetricName)
        }
        _ => blank_or_invalid(c),
    }
}

/// What follows `# `: a metadata word and blanks, or anything.
fn comment(c: &mut Cursor<'_>) -> Token {
    let (word, token): (&[u8], _) = match c.byte() {
        b'H' => (b"HELP", Token::Help),
        b'T' => (b"TYPE", Token::Type),
        _ => return rest_of_comment(c),
    };
    for &expected in word {
        if c.byte() != expected {
            return rest_of_comment(c);
        }
        c.step();
    }
    if !is_blank(c.byte()) {
        return rest_of_comment(c);
    }
    c.step_while(is_blank);
    accept(c, State::MetaName, token)
}

fn rest_of_comment(c: &mut Cursor<'_>) -> Token {
    loop {
        match c.byte() {
            0 => return Token::Eof,
            b'\n' => return accept(c, State::Line, Token::Comment),
            _ => {
                c.step();
            }
        }
    }
}

/// Blanks alone are blanks; blanks with more are the text, which may be empty.
fn meta_text(c: &mut Cursor<'_>) -> Token {
    c.step_while(is_blank);
    let blank = c.i > c.start;
    if blank && matches!(c.byte(), b'\n' | 0) {
        return Token::Whitespace;
    }
    c.step_while(|b| !matches!(b, b'\n' | 0));
    accept(c, State::Line, Token::Text)
}

fn labels(c: &mut Cursor<'_>) -> Token {
    match c.byte() {
        b'"' => quoted(c, false, State::Labels, Token::Quoted),
        b'}' => one(c, State::Value, Token::BraceClose),
        b'=' => one(c, State::LabelValue, Token::Equal),
        b',' => one(c, State::Labels, Token::Comma),
        byte if starts_label_name(byte) => {
            c.step_while(in_label_name);
            Token::LabelName
        }
        _ => blank_or_invalid(c),
    }
}

fn metric_type(word: &[u8]) -> Option<MetricType> {
    Some(match word {
        b"counter" => MetricType::Counter,
        b"gauge" => MetricType::Gauge,
        b"histogram" => MetricType::Histogram,
        b"summary" => MetricType::Summary,
        b"untyped" => MetricType::Unknown,
        _ => return None,
    })
}

impl TextParser<'_> {
    pub(super) fn advance_classic(&mut self) -> Result<Line, ParseError> {
        loop {
            self.begin_line();
            match self.lex() {
                Token::Eof => return Ok(Line::End),
                Token::Linebreak => {}
                token @ (Token::Help | Token::Type) => return self.classic_metadata(token),
                Token::Comment => {
                    self.text = self.cursor.token();
                    let token = self.lex();
                    if token != Token::Linebreak {
                        return Err(self.fail("linebreak expected after comment", token));
                    }
                    return Ok(Line::Comment);
                }
                token @ (Token::BraceOpen | Token::MetricName) => {
                    let value = self.series_head(token)?;
                    return self.classic_suffix(value);
                }
                token => return Err(self.fail("expected a valid start token", token)),
            }
        }
    }

    fn classic_metadata(&mut self, what: Token) -> Result<Line, ParseError> {
        let token = self.lex();
        if token != Token::MetricName {
            return Err(self.fail(&format!("expected metric name after {}", what.as_str()), token));
        }
        self.take_meta_name();
        let token = self.lex();
        if token != Token::Text {
            let text = format!("expected text in {}, got {}", what.as_str(), token.as_str());
            return Err(self.error(text));
        }
        self.text = self.cursor.token().get(1..).unwrap_or_default();
        let line = if what == Token::Type {
            self.kind = metric_type(self.text).ok_or_else(|| self.bad_type())?;
            Line::Type
        } else {
            self.check_help()?;
            Line::Help
        };
        let token = self.lex();
        if token != Token::Linebreak {
            return Err(self.fail("linebreak expected after metadata", token));
        }
        Ok(line)
    }

    pub(super) fn bad_type(&self) -> ParseError {
        self.error(format!("invalid metric type {}", go_quote(self.text)))
    }

    pub(super) fn check_help(&self) -> Result<(), ParseError> {
        if std::str::from_utf8(self.text).is_err() {
            let text = format!("help text {} is not a valid utf8 string", go_quote(self.text));
            return Err(self.error(text));
        }
        Ok(())
    }

    /// Value, time and line end; `token` is the value's.
    fn classic_suffix(&mut self, token: Token) -> Result<Line, ParseError> {
        if token != Token::Value {
            return Err(self.fail("expected value after metric", token));
        }
        self.v = self.value(self.cursor.token())?;
        self.t = None;
        match self.lex() {
            Token::Linebreak => {}
            Token::Timestamp => {
                self.t = Some(self.classic_time()?);
                let token = self.lex();
                if token != Token::Linebreak {
                    return Err(self.fail("expected next entry after timestamp", token));
                }
            }
            token => return Err(self.fail("expected timestamp or new record", token)),
        }
        Ok(Line::Series)
    }

    fn classic_time(&self) -> Result<i64, ParseError> {
        let digits = self.cursor.token();
        let text = std::str::from_utf8(digits).unwrap_or_default();
        text.parse::<i64>().map_err(|error| {
            let why = match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            let quoted = go_quote(digits);
            self.fail_here(&format!("strconv.ParseInt: parsing {quoted}: {why}"))
        })
    }
}
