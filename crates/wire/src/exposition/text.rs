//! What both text formats share: the state of a line, labels in braces, and how a line becomes an [`Entry`].
//!
//! Nothing is allocated for a line: names and labels are spans into the body, in vectors that are used again.

#![expect(clippy::wildcard_enum_match_arm, reason = "all tokens that do not fit are refused alike")]

use model::exemplar::Exemplar;
use model::metadata::MetricType;
use model::sample::NORMAL_NAN_BITS;

use super::cursor::{Cursor, State, Token};
use super::error::ParseError;
use super::label_buf::LabelBuf;
use super::{Format, classic, open_metrics};
use crate::float;
use crate::quote::{go_quote, unescape_value};

/// A range of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LabelSpan {
    pub(super) name: Span,
    pub(super) value: Span,
}

/// Which of the two languages is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Classic,
    OpenMetrics,
}

/// What [`TextParser::advance`] has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Help,
    Type,
    Unit,
    Comment,
    Series,
    End,
}

#[derive(Debug, Clone)]
pub(super) struct TextParser<'a> {
    pub(super) cursor: Cursor<'a>,
    dialect: Dialect,
    /// Where the present line began, for error texts.
    pub(super) line_start: usize,
    /// The series text of a series line.
    pub(super) key: Span,
    /// The metric name, without quotes.
    pub(super) name: Option<Span>,
    pub(super) labels: Vec<LabelSpan>,
    /// The text of a help, unit or comment line, before unescaping.
    pub(super) text: &'a [u8],
    /// The type said last, for whatever family it was said.
    pub(super) kind: MetricType,
    pub(super) v: f64,
    pub(super) t: Option<i64>,
    /// Value and time of the line's exemplar; its labels are in `exemplar_labels`.
    pub(super) exemplar: Option<(f64, Option<i64>)>,
    pub(super) exemplar_labels: Vec<LabelSpan>,
}

impl<'a> TextParser<'a> {
    pub(super) fn new(body: &'a [u8], dialect: Dialect) -> Self {
        Self {
            cursor: Cursor::new(body, dialect == Dialect::Classic),
            dialect,
            line_start: 0,
            key: Span { from: 0, to: 0 },
            name: None,
            labels: Vec::new(),
            text: &[],
            kind: MetricType::Unknown,
            v: 0.0,
            t: None,
            exemplar: None,
            exemplar_labels: Vec::new(),
        }
    }

    pub(super) fn format(&self) -> Format {
        match self.dialect {
            Dialect::Classic => Format::Text,
            Dialect::OpenMetrics => Format::OpenMetrics,
        }
    }

    /// Reads the next line.
    pub(super) fn advance(&mut self) -> Result<Line, ParseError> {
        match self.dialect {
            Dialect::Classic => self.advance_classic(),
            Dialect::OpenMetrics => self.advance_open_metrics(),
        }
    }

    pub(super) fn begin_line(&mut self) {
        self.line_start = self.cursor.i;
        self.name = None;
        self.labels.clear();
        self.exemplar = None;
        self.exemplar_labels.clear();
    }

    /// The next token; blanks where the language allows them are read over.
    pub(super) fn lex(&mut self) -> Token {
        match self.dialect {
            Dialect::Classic => loop {
                let token = classic::lex(&mut self.cursor);
                if token != Token::Whitespace {
                    return token;
                }
            },
            Dialect::OpenMetrics => open_metrics::lex(&mut self.cursor),
        }
    }

    /// The name of a metadata line (its token is read), without quotes.
    pub(super) fn take_meta_name(&mut self) {
        let (mut from, mut to) = (self.cursor.start, self.cursor.i);
        if self.cursor.token().first() == Some(&b'"') {
            from += 1;
            to -= 1;
        }
        self.name = Some(Span { from, to });
    }

    /// Reads a series up to its value's token, which is returned. `first` is the line's first token.
    pub(super) fn series_head(&mut self, first: Token) -> Result<Token, ParseError> {
        self.key = Span { from: self.cursor.start, to: self.cursor.i };
        let mut token = first;
        if first == Token::MetricName {
            self.name = Some(self.key);
            token = self.lex();
        }
        if token == Token::BraceOpen {
            self.braces(false)?;
            self.key.to = self.cursor.i;
            token = self.lex();
        }
        if self.name.is_none() {
            return Err(self.fail_here("metric name not set"));
        }
        Ok(token)
    }

    /// Reads labels up to and with the closing brace; the opening one is read.
    pub(super) fn braces(&mut self, exemplar: bool) -> Result<(), ParseError> {
        let mut token = self.lex();
        loop {
            let (mut from, mut to) = (self.cursor.start, self.cursor.i);
            let quoted = match token {
                Token::BraceClose => return Ok(()),
                Token::LabelName => false,
                Token::Quoted => true,
                _ => return Err(self.fail("expected label name", token)),
            };
            if quoted {
                from += 1;
                to -= 1;
            }
            let name = Span { from, to };
            token = self.lex();
            if quoted && matches!(token, Token::Comma | Token::BraceClose) {
                if exemplar {
                    return Err(self.fail("expected label name", token));
                }
                if self.name.is_some() {
                    return Err(self.fail_here("metric name already set"));
                }
                self.name = Some(name);
                if token == Token::BraceClose {
                    return Ok(());
                }
                token = self.lex();
                continue;
            }
            self.label_value(name, token, exemplar)?;
            token = self.lex();
            if token == Token::Comma {
                token = self.lex();
            } else if token != Token::BraceClose && self.dialect == Dialect::OpenMetrics {
                return Err(self.fail("expected comma or brace close", token));
            }
        }
    }

    /// Reads the value of a label whose name is read; `token` is what follows the name.
    fn label_value(&mut self, name: Span, token: Token, exemplar: bool) -> Result<(), ParseError> {
        if token != Token::Equal {
            return Err(self.fail("expected equal", token));
        }
        let token = self.lex();
        if token != Token::LabelValue {
            return Err(self.fail("expected label value", token));
        }
        let written = self.cursor.token();
        if std::str::from_utf8(written).is_err() {
            let text = format!("invalid UTF-8 label value: {}", go_quote(written));
            return Err(self.error(text));
        }
        let value = Span { from: self.cursor.start + 1, to: self.cursor.i - 1 };
        let label = LabelSpan { name, value };
        if exemplar {
            self.exemplar_labels.push(label);
        } else {
            self.labels.push(label);
        }
        Ok(())
    }

    /// Reads `text` as a value or time of this line.
    pub(super) fn float(&self, text: &[u8]) -> Result<f64, ParseError> {
        float::parse_exposed(text).map_err(|error| self.fail_here(&error.describe(text)))
    }

    /// As [`TextParser::float`], with every NaN made the one that Prometheus stores.
    pub(super) fn value(&self, text: &[u8]) -> Result<f64, ParseError> {
        let v = self.float(text)?;
        Ok(if v.is_nan() { f64::from_bits(NORMAL_NAN_BITS) } else { v })
    }

    /// `expected …, got … while parsing: …`
    #[cold]
    pub(super) fn fail(&self, expected: &str, got: Token) -> ParseError {
        let end = self.cursor.error_end();
        let token = go_quote(&self.cursor.excerpt(self.cursor.start, end));
        let line = go_quote(&self.cursor.excerpt(self.line_start, end));
        self.error(format!("{expected}, got {token} (\"{}\") while parsing: {line}", got.as_str()))
    }

    /// `… while parsing: …`, with the line up to the cursor.
    #[cold]
    pub(super) fn fail_here(&self, what: &str) -> ParseError {
        let line = go_quote(&self.cursor.excerpt(self.line_start, self.cursor.i));
        self.error(format!("{what} while parsing: {line}"))
    }

    /// An error at the present line.
    #[cold]
    pub(super) fn error(&self, text: String) -> ParseError {
        let before = self.cursor.slice(0, self.line_start);
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        ParseError::new(text, Some(line))
    }

    /// The bytes of `span`.
    pub(super) fn bytes(&self, span: Span) -> &'a [u8] {
        self.cursor.slice(span.from, span.to)
    }

    /// Whether the cursor stands at the start of a line, so that a known series may be tried.
    pub(super) fn at_line_start(&self) -> bool {
        self.cursor.state == State::Line
    }

    /// Fills `out` with the labels of the series read last, sorted by name.
    pub(super) fn labels_into(&self, out: &mut LabelBuf) {
        out.clear();
        if let Some(name) = self.name {
            let name = unescape_value(self.bytes(name));
            out.push_bytes(model::labels::METRIC_NAME.as_bytes(), &name);
        }
        for label in &self.labels {
            let name = unescape_value(self.bytes(label.name));
            let value = unescape_value(self.bytes(label.value));
            match normalized_bound(self.kind, &name, &value) {
                Some(bound) => out.push_bytes(&name, bound.as_bytes()),
                None => out.push_bytes(&name, &value),
            }
        }
        out.sort();
    }

    /// The exemplar of the series read last. Its label values are taken as they stand, without unescaping, as in Prometheus.
    pub(super) fn exemplar(&self) -> Option<Exemplar> {
        let (value, t) = self.exemplar?;
        let mut labels = LabelBuf::new();
        for label in &self.exemplar_labels {
            labels.push_bytes(self.bytes(label.name), self.bytes(label.value));
        }
        labels.sort();
        Some(Exemplar { labels: labels.to_labels_lenient(), value, t })
    }
}

/// The `le` of a histogram and the `quantile` of a summary in OpenMetrics' form; `None` when `value` is to stay as it is.
fn normalized_bound(kind: MetricType, name: &[u8], value: &[u8]) -> Option<String> {
    let is_bound = match kind {
        MetricType::Histogram => name == b"le",
        MetricType::Summary => name == b"quantile",
        MetricType::Counter
        | MetricType::Gauge
        | MetricType::GaugeHistogram
        | MetricType::Info
        | MetricType::StateSet
        | MetricType::Unknown => false,
    };
    if !is_bound {
        return None;
    }
    let bound = float::parse_go(value).ok()?;
    let mut out = String::new();
    float::format_open_metrics(&mut out, bound);
    Some(out)
}
