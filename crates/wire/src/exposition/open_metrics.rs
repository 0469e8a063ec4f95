//! The OpenMetrics text format, 1.0.0 and 0.0.1, as strict as Prometheus is and not stricter.
//!
//! Tokens are parted by exactly one space, times are seconds, and a body ends with `# EOF`. A `_created` line is a series
//! like any other.

#![expect(clippy::wildcard_enum_match_arm, reason = "all tokens that do not fit are refused alike")]

use model::metadata::MetricType;

use super::cursor::{
    Cursor, Quoting, State, Token, in_label_name, in_metric_name, starts_label_name,
    starts_metric_name,
};
use super::error::ParseError;
use super::text::{Line, TextParser};
use crate::quote::go_quote;

const NO_EOF: &str = "data does not end with # EOF";

/// Reads one token.
pub(super) fn lex(c: &mut Cursor<'_>) -> Token {
    if c.at_end() {
        // Error texts quote the token before, then.
        return Token::Eof;
    }
    c.start = c.i;
    match (c.state, c.byte()) {
        (State::Line, b'#') => comment(c),
        (State::Line, b'{') => one(c, State::Labels, Token::BraceOpen),
        (State::Line, byte) if starts_metric_name(byte) => {
            c.step_while(in_metric_name);
            accept(c, State::Value, Token::MetricName)
        }
        (State::MetaName, b'"') => quoted(c, true, false, (State::MetaText, Token::MetricName)),
        (State::MetaName, byte) if starts_metric_name(byte) => {
            c.step_while(in_metric_name);
            accept(c, State::MetaText, Token::MetricName)
        }
        (State::MetaText, b' ') => meta_text(c),
        (State::Labels | State::Exemplar, _) => labels(c),
        (State::LabelValue, b'"') => quoted(c, false, true, (State::Labels, Token::LabelValue)),
        (State::Value, b'{') => one(c, State::Labels, Token::BraceOpen),
        (State::Value, b' ') => word(c, State::Timestamp, Token::Value),
        (State::Timestamp | State::ExemplarTimestamp, b'\n') => {
            one(c, State::Line, Token::Linebreak)
        }
        (State::Timestamp, b' ') => timestamp_or_exemplar(c),
        (State::ExemplarValue, b'"') => {
            quoted(c, false, false, (State::Exemplar, Token::LabelValue))
        }
        (State::ExemplarValue, b' ') => word(c, State::ExemplarTimestamp, Token::Value),
        (State::ExemplarTimestamp, b' ') => word(c, State::ExemplarTimestamp, Token::Timestamp),
        _ => Token::Invalid,
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

fn quoted(c: &mut Cursor<'_>, newline_ok: bool, nul_ok: bool, then: (State, Token)) -> Token {
    if c.quoted(Quoting { newline_ok, nul_ok }) {
        accept(c, then.0, then.1)
    } else {
        Token::Invalid
    }
}

/// Whether `byte` can stand in a value or time.
fn in_word(byte: u8) -> bool {
    !matches!(byte, b' ' | b'\n' | 0)
}

/// The space at the cursor and at least one byte that is neither space nor line break.
fn word(c: &mut Cursor<'_>, state: State, token: Token) -> Token {
    if !in_word(c.step()) {
        return Token::Invalid;
    }
    c.step_while(in_word);
    accept(c, state, token)
}

/// ` 123`, or ` # {`, which opens an exemplar.
fn timestamp_or_exemplar(c: &mut Cursor<'_>) -> Token {
    let first = c.step();
    if !in_word(first) {
        return Token::Invalid;
    }
    let second = c.step();
    if first == b'#' && second == b' ' {
        return match c.step() {
            b'{' => one(c, State::Exemplar, Token::Comment),
            _ => Token::Invalid,
        };
    }
    c.step_while(in_word);
    Token::Timestamp
}

/// `# ` and a word.
fn comment(c: &mut Cursor<'_>) -> Token {
    if c.step() != b' ' {
        return Token::Invalid;
    }
    c.step();
    c.state = State::Comment;
    let (word, token): (&[u8], _) = match c.byte() {
        b'H' => (b"HELP", Token::Help),
        b'T' => (b"TYPE", Token::Type),
        b'U' => (b"UNIT", Token::Unit),
        b'E' => (b"EOF", Token::EofWord),
        _ => return Token::Invalid,
    };
    for &expected in word {
        if c.byte() != expected {
            return Token::Invalid;
        }
        c.step();
    }
    if token == Token::EofWord {
        if c.byte() == b'\n' {
            c.step();
        }
        return accept(c, State::Line, token);
    }
    if c.byte() != b' ' {
        return Token::Invalid;
    }
    one(c, State::MetaName, token)
}

/// A space, the text, and the line break.
fn meta_text(c: &mut Cursor<'_>) -> Token {
    c.step();
    c.step_while(|b| !matches!(b, b'\n' | 0));
    match c.byte() {
        b'\n' => one(c, State::Line, Token::Text),
        _ => Token::Invalid,
    }
}

fn labels(c: &mut Cursor<'_>) -> Token {
    let exemplar = c.state == State::Exemplar;
    let (inside, value, after) = if exemplar {
        (State::Exemplar, State::ExemplarValue, State::ExemplarValue)
    } else {
        (State::Labels, State::LabelValue, State::Value)
    };
    match c.byte() {
        b'"' => quoted(c, !exemplar, false, (inside, Token::Quoted)),
        b'}' => one(c, after, Token::BraceClose),
        b'=' => one(c, value, Token::Equal),
        b',' => one(c, inside, Token::Comma),
        byte if starts_label_name(byte) => {
            c.step_while(in_label_name);
            Token::LabelName
        }
        _ => Token::Invalid,
    }
}

fn metric_type(word: &[u8]) -> Option<MetricType> {
    Some(match word {
        b"counter" => MetricType::Counter,
        b"gauge" => MetricType::Gauge,
        b"histogram" => MetricType::Histogram,
        b"gaugehistogram" => MetricType::GaugeHistogram,
        b"summary" => MetricType::Summary,
        b"info" => MetricType::Info,
        b"stateset" => MetricType::StateSet,
        b"unknown" => MetricType::Unknown,
        _ => return None,
    })
}

/// Seconds to milliseconds as Go converts on amd64: cut toward zero, and the lowest number for what does not fit.
pub(super) fn milliseconds(seconds: f64) -> i64 {
    let ms = seconds * 1000.0;
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if !(-TWO_63..TWO_63).contains(&ms) {
        return i64::MIN;
    }
    #[expect(clippy::cast_possible_truncation, reason = "in range, and cutting is meant")]
    let ms = ms as i64;
    ms
}

impl TextParser<'_> {
    pub(super) fn advance_open_metrics(&mut self) -> Result<Line, ParseError> {
        self.begin_line();
        match self.lex() {
            Token::EofWord => {
                if self.lex() != Token::Eof {
                    return Err(self.error("unexpected data after # EOF".to_owned()));
                }
                Ok(Line::End)
            }
            Token::Eof => Err(self.error(NO_EOF.to_owned())),
            token @ (Token::Help | Token::Type | Token::Unit) => self.metadata(token),
            token @ (Token::BraceOpen | Token::MetricName) => {
                let value = self.series_head(token)?;
                self.suffix(value)?;
                Ok(Line::Series)
            }
            token => Err(self.fail("expected a valid start token", token)),
        }
    }

    fn metadata(&mut self, what: Token) -> Result<Line, ParseError> {
        let token = self.lex();
        if token != Token::MetricName {
            return Err(self.fail(&format!("expected metric name after {}", what.as_str()), token));
        }
        self.take_meta_name();
        if self.lex() != Token::Text {
            return Err(self.error(format!("expected text in {}", what.as_str())));
        }
        let written = self.cursor.token();
        self.text = written.get(1..written.len() - 1).unwrap_or_default();
        match what {
            Token::Type => {
                self.kind = metric_type(self.text).ok_or_else(|| self.bad_type())?;
                Ok(Line::Type)
            }
            Token::Unit => {
                self.check_unit()?;
                Ok(Line::Unit)
            }
            _ => {
                self.check_help()?;
                Ok(Line::Help)
            }
        }
    }

    /// A unit must be the last word of its metric's name.
    fn check_unit(&self) -> Result<(), ParseError> {
        let name = self.name.map(|span| self.bytes(span)).unwrap_or_default();
        let stem = name.strip_suffix(self.text);
        if self.text.is_empty() || stem.is_some_and(|stem| stem.ends_with(b"_")) {
            return Ok(());
        }
        let (unit, name) = (go_quote(self.text), go_quote(name));
        Err(self.error(format!("unit {unit} not a suffix of metric {name}")))
    }

    /// Value, time, exemplar and line end; `token` is the value's. What does not fit behind a value is left to the next
    /// line's start, which refuses it.
    fn suffix(&mut self, token: Token) -> Result<(), ParseError> {
        self.v = self.spaced_value(token, "metric")?;
        self.t = None;
        match self.lex() {
            Token::Eof => Err(self.error(NO_EOF.to_owned())),
            Token::Comment => self.exemplar_line(),
            Token::Timestamp => {
                self.t = Some(self.time("invalid timestamp")?);
                match self.lex() {
                    Token::Linebreak => Ok(()),
                    Token::Comment => self.exemplar_line(),
                    token => Err(self.fail("expected next entry after timestamp", token)),
                }
            }
            _ => Ok(()),
        }
    }

    fn spaced_value(&self, token: Token, after: &str) -> Result<f64, ParseError> {
        if token != Token::Value {
            return Err(self.fail(&format!("expected value after {after}"), token));
        }
        self.value(self.cursor.token().get(1..).unwrap_or_default())
    }

    fn time(&self, what: &str) -> Result<i64, ParseError> {
        let seconds = self.float(self.cursor.token().get(1..).unwrap_or_default())?;
        if !seconds.is_finite() {
            let shown = match seconds {
                f64::INFINITY => "+Inf",
                f64::NEG_INFINITY => "-Inf",
                _ => "NaN",
            };
            return Err(self.error(format!("{what} {shown}")));
        }
        Ok(milliseconds(seconds))
    }

    /// An exemplar up to the line's end; its opening brace is read.
    fn exemplar_line(&mut self) -> Result<(), ParseError> {
        self.braces(true)?;
        let token = self.lex();
        let value = self.spaced_value(token, "exemplar labels")?;
        let mut t = None;
        match self.lex() {
            Token::Eof => return Err(self.error(NO_EOF.to_owned())),
            Token::Linebreak => {}
            Token::Timestamp => {
                t = Some(self.time("invalid exemplar timestamp")?);
                let token = self.lex();
                if token != Token::Linebreak {
                    return Err(self.fail("expected next entry after exemplar timestamp", token));
                }
            }
            token => return Err(self.fail("expected timestamp or comment", token)),
        }
        self.exemplar = Some((value, t));
        Ok(())
    }
}
