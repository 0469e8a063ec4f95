//! Expositions, read in place: a pull parser over the bytes of one scrape for the three formats that Prometheus reads.
//!
//! ```text
//! let mut parser = Parser::new(body, format);
//! while let Some(entry) = parser.next_entry()? { … }
//! ```
//!
//! A series entry costs no allocation: it borrows its text (the scrape cache's key) and gives labels and exemplars only when
//! asked. [`Parser::known_series`] reads a line whose series text is known without looking at that text at all.

mod classic;
#[cfg(test)]
mod conformance;
mod cursor;
mod error;
mod fast;
mod format;
mod label_buf;
mod open_metrics;
#[cfg(test)]
mod properties;
mod protobuf;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram};
use model::metadata::MetricType;

pub use error::ParseError;
pub use fast::{Known, after_known_series};
pub use format::{Format, FormatError, format_for};
pub use label_buf::{LabelBuf, LabelsError};

use crate::quote::{unescape_help, unescape_value};
use protobuf::ProtobufParser;
use text::{Dialect, Line, TextParser};

/// One step through an exposition.
#[derive(Debug)]
pub enum Entry<'p> {
    Help {
        name: Cow<'p, str>,
        text: Cow<'p, str>,
    },
    Type {
        name: Cow<'p, str>,
        kind: MetricType,
    },
    Unit {
        name: Cow<'p, str>,
        unit: Cow<'p, str>,
    },
    /// A comment with its `#`; not in OpenMetrics and protobuf.
    Comment(&'p [u8]),
    Series(Series<'p>),
    /// Only in protobuf.
    Histogram(HistogramEntry<'p>),
}

/// A native histogram sample of a series.
#[derive(Debug)]
pub struct HistogramEntry<'p> {
    /// As [`Series::key`].
    pub key: &'p [u8],
    /// Milliseconds; `None` when the exposition gives no time.
    pub t: Option<i64>,
    /// In compact form: no empty buckets.
    pub h: &'p NativeHistogram,
    parser: &'p ProtobufParser<'p>,
}

/// A histogram of integer or float counts, as exposed.
#[derive(Debug, Clone, PartialEq)]
pub enum NativeHistogram {
    Int(Histogram),
    Float(FloatHistogram),
}

/// What a protobuf exposition's histograms become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProtobufOptions {
    /// Read every histogram as a classic one.
    pub ignore_native: bool,
    /// Give the classic series of a native histogram, too, when it has classic buckets.
    pub keep_classic: bool,
}

impl HistogramEntry<'_> {
    /// As [`Series::labels_into`].
    pub fn labels_into(&self, out: &mut LabelBuf) {
        self.parser.labels_into(out);
    }

    /// The exemplars that have a time.
    #[must_use]
    pub fn exemplars(&self) -> Vec<Exemplar> {
        self.parser.native_exemplars()
    }

    /// All of its own, those of its classic buckets left out.
    #[must_use]
    pub fn own_exemplars(&self) -> Vec<Exemplar> {
        self.parser.own_exemplars()
    }

    /// As [`Series::start_t`].
    #[must_use]
    pub fn start_t(&self) -> Option<i64> {
        self.parser.start_t()
    }
}

/// A float sample of a series.
#[derive(Debug)]
pub struct Series<'p> {
    /// The series text, equal exactly when name and labels are written the same: the key of a scrape cache. In the text formats
    /// it is the slice of the body from the metric name to the end of the labels.
    pub key: &'p [u8],
    /// Milliseconds; `None` when the exposition gives no time.
    pub t: Option<i64>,
    /// In the text formats a NaN is always the one that Prometheus stores for results; protobuf gives the bits that were sent.
    pub v: f64,
    source: Source<'p>,
}

#[derive(Debug)]
enum Source<'p> {
    Text(&'p TextParser<'p>),
    Protobuf(&'p ProtobufParser<'p>),
}

impl Series<'_> {
    /// Replaces what is in `out` by the labels with the metric name, sorted. Histograms' `le` and summaries' `quantile` are
    /// brought into OpenMetrics' form (`1` becomes `1.0`). Names may be duplicate or invalid: see [`LabelBuf`].
    pub fn labels_into(&self, out: &mut LabelBuf) {
        match self.source {
            Source::Text(parser) => parser.labels_into(out),
            Source::Protobuf(parser) => parser.labels_into(out),
        }
    }

    /// The exemplar beside the sample.
    #[must_use]
    pub fn exemplar(&self) -> Option<Exemplar> {
        match self.source {
            Source::Text(parser) => parser.exemplar(),
            Source::Protobuf(parser) => parser.exemplar(),
        }
    }

    /// When the series began to count, in milliseconds; only protobuf says it (OpenMetrics has `_created` series instead).
    #[must_use]
    pub fn start_t(&self) -> Option<i64> {
        match self.source {
            Source::Text(_) => None,
            Source::Protobuf(parser) => parser.start_t(),
        }
    }
}

/// A pull parser over one body.
#[derive(Debug)]
pub struct Parser<'a> {
    inner: Inner<'a>,
    ended: bool,
}

#[derive(Debug)]
enum Inner<'a> {
    Text(Box<TextParser<'a>>),
    Protobuf(Box<ProtobufParser<'a>>),
}

impl<'a> Parser<'a> {
    /// A parser at the start of `body`. An empty body has no entries in any format.
    #[must_use]
    pub fn new(body: &'a [u8], format: Format) -> Self {
        Self::with_options(body, format, ProtobufOptions::default())
    }

    /// As [`Parser::new`]; `options` matter to protobuf alone.
    #[must_use]
    pub fn with_options(body: &'a [u8], format: Format, options: ProtobufOptions) -> Self {
        let text = |dialect| Inner::Text(Box::new(TextParser::new(body, dialect)));
        let inner = match format {
            Format::Text => text(Dialect::Classic),
            Format::OpenMetrics => text(Dialect::OpenMetrics),
            Format::Protobuf => Inner::Protobuf(Box::new(ProtobufParser::new(body, options))),
        };
        Self { inner, ended: body.is_empty() }
    }

    /// The next entry; `None` at the end, and after an error.
    ///
    /// # Errors
    /// [`ParseError`] with Prometheus' text. The whole exposition is to be refused then.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_>>, ParseError> {
        if self.ended {
            return Ok(None);
        }
        match &mut self.inner {
            Inner::Text(parser) => {
                let line = parser.advance().inspect_err(|_| self.ended = true)?;
                self.ended = line == Line::End;
                Ok(text_entry(parser, line))
            }
            Inner::Protobuf(parser) => {
                let entry = parser.next_entry().inspect_err(|_| self.ended = true)?;
                self.ended = entry.is_none();
                Ok(entry)
            }
        }
    }

    /// Where the next entry begins in the body, blanks and empty lines before it included.
    #[must_use]
    pub fn position(&self) -> usize {
        match &self.inner {
            Inner::Text(parser) => parser.cursor.i,
            Inner::Protobuf(parser) => parser.position(),
        }
    }

    /// Reads a line whose series text is known: the `len` bytes at [`Parser::position`] equal a [`Series::key`] that a parser of
    /// the same format gave. `None`, with nothing read, when [`Parser::next_entry`] must read the line instead.
    #[inline]
    pub fn known_series(&mut self, len: usize) -> Option<Known> {
        let Inner::Text(parser) = &mut self.inner else {
            return None;
        };
        if self.ended || !parser.at_line_start() {
            return None;
        }
        let at = parser.cursor.i.checked_add(len)?;
        let known = after_known_series(parser.format(), parser.cursor.body(), at)?;
        parser.cursor.i = known.next;
        Some(known)
    }
}

fn text_entry<'p>(parser: &'p TextParser<'_>, line: Line) -> Option<Entry<'p>> {
    let name = || {
        let bytes = parser.name.map(|span| parser.bytes(span)).unwrap_or_default();
        String::from_utf8_lossy(bytes)
    };
    Some(match line {
        Line::End => return None,
        Line::Help => {
            let text = match parser.format() {
                Format::Text => unescape_help(parser.text),
                Format::OpenMetrics | Format::Protobuf => unescape_value(parser.text),
            };
            Entry::Help { name: name(), text: lossy(text) }
        }
        Line::Type => Entry::Type { name: name(), kind: parser.kind },
        Line::Unit => Entry::Unit { name: name(), unit: String::from_utf8_lossy(parser.text) },
        Line::Comment => Entry::Comment(parser.text),
        Line::Series => Entry::Series(Series {
            key: parser.bytes(parser.key),
            t: parser.t,
            v: parser.v,
            source: Source::Text(parser),
        }),
    })
}

fn lossy(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}
