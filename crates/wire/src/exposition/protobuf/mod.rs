//! The protobuf exposition: length-delimited `MetricFamily` messages, given out as the entries of a text exposition would be.
//!
//! A family gives its help, unit (if any) and type, then its series. Summaries and classic histograms become their `_count`,
//! `_sum`, quantile and `_bucket` series, native histograms one histogram entry. One metric is in memory at a time.

mod message;
mod native;
#[cfg(test)]
mod tests;

use model::exemplar::Exemplar;
use model::labels::METRIC_NAME;
use model::metadata::MetricType;

use super::error::ParseError;
use super::label_buf::LabelBuf;
use super::{Entry, HistogramEntry, ProtobufOptions, Series, Source};
use crate::float::format_open_metrics;
use crate::proto::{ProtoError, Reader};
use crate::quote::go_quote;
use message::{ExemplarRef, Family, Metric};

/// Longest varint of a message length, in bytes.
const LENGTH_VARINT_MAX: usize = 5;
/// Parts a label name from its value and the pair before it, in series keys.
const SEPARATOR: u8 = 0xff;

/// The entry that was given out last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before a family.
    Between,
    Help,
    Unit,
    Type,
    /// A series of the metric; see [`Part`].
    Series(Part),
    Native,
}

/// Which series of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The only one.
    Whole,
    Count,
    Sum,
    /// A quantile or bucket, by index; one past the last bucket is the `+Inf` that was left out.
    Item(usize),
}

#[derive(Debug)]
pub(super) struct ProtobufParser<'a> {
    rest: &'a [u8],
    len: usize,
    options: ProtobufOptions,
    at: At,
    family: Family<'a>,
    kind: MetricType,
    metric: Metric<'a>,
    labels: LabelBuf,
    key: Vec<u8>,
    native: Option<super::NativeHistogram>,
}

impl<'a> ProtobufParser<'a> {
    pub(super) fn new(body: &'a [u8], options: ProtobufOptions) -> Self {
        Self {
            rest: body,
            len: body.len(),
            options,
            at: At::Between,
            family: Family::default(),
            kind: MetricType::Unknown,
            metric: Metric::default(),
            labels: LabelBuf::new(),
            key: Vec::new(),
            native: None,
        }
    }

    pub(super) fn position(&self) -> usize {
        self.len - self.rest.len()
    }

    pub(super) fn next_entry(&mut self) -> Result<Option<Entry<'_>>, ParseError> {
        let next = self.advance()?;
        let Some(next) = next else {
            return Ok(None);
        };
        self.at = next;
        if let At::Series(part) = next {
            self.load_labels(Some(part))?;
        } else if next == At::Native {
            self.native = Some(self.convert_native()?);
            self.load_labels(None)?;
        }
        Ok(Some(self.entry()))
    }

    fn entry(&self) -> Entry<'_> {
        let name = String::from_utf8_lossy(self.family.name);
        match self.at {
            At::Between | At::Help => {
                Entry::Help { name, text: String::from_utf8_lossy(self.family.help) }
            }
            At::Unit => Entry::Unit { name, unit: String::from_utf8_lossy(self.family.unit) },
            At::Type => Entry::Type { name, kind: self.kind },
            At::Series(part) => Entry::Series(Series {
                key: &self.key,
                t: self.time(),
                v: self.series_value(part),
                source: Source::Protobuf(self),
            }),
            At::Native => Entry::Histogram(HistogramEntry {
                key: &self.key,
                t: self.time(),
                h: self.native.as_ref().expect("converted before the entry is given out"),
                parser: self,
            }),
        }
    }

    /// What comes after the present entry; `None` at the end.
    fn advance(&mut self) -> Result<Option<At>, ParseError> {
        match self.at {
            At::Between => self.next_family(),
            At::Help if self.family.unit.is_empty() => Ok(Some(At::Type)),
            At::Help => Ok(Some(At::Unit)),
            At::Unit => Ok(Some(At::Type)),
            At::Type => Ok(Some(self.first_part())),
            At::Series(part) => match self.next_part(part) {
                Some(part) => Ok(Some(At::Series(part))),
                None => self.next_metric(),
            },
            At::Native => {
                if self.options.keep_classic && !self.metric.histogram.buckets.is_empty() {
                    return Ok(Some(At::Series(Part::Count)));
                }
                self.next_metric()
            }
        }
    }

    /// The next family that has a metric; that metric is decoded.
    fn next_family(&mut self) -> Result<Option<At>, ParseError> {
        while !self.rest.is_empty() {
            let message = self.take_message()?;
            self.family = Family::decode(message).map_err(wire_error)?;
            if self.decode_metric()? {
                self.check_family()?;
                return Ok(Some(At::Help));
            }
        }
        Ok(None)
    }

    fn take_message(&mut self) -> Result<&'a [u8], ParseError> {
        let (len, n) = stdx::varint::uvarint(self.rest)
            .filter(|(_, n)| *n <= LENGTH_VARINT_MAX)
            .ok_or_else(|| fail("clientpb: invalid varint encountered".to_owned()))?;
        let total = usize::try_from(len).ok().and_then(|len| len.checked_add(n));
        let have = self.rest.len();
        let Some(total) = total.filter(|total| *total <= have) else {
            return Err(fail(format!(
                "clientpb: insufficient length of buffer, expected at least {} bytes, got {have} bytes",
                len.saturating_add(u64::try_from(n).unwrap_or_default()),
            )));
        };
        let (message, rest) = self.rest.split_at(total);
        self.rest = rest;
        Ok(&message[n..])
    }

    fn check_family(&mut self) -> Result<(), ParseError> {
        let (name, help) = (self.family.name, self.family.help);
        let shown = String::from_utf8_lossy(name);
        if name.is_empty() || std::str::from_utf8(name).is_err() {
            return Err(fail(format!("invalid metric name: {shown}")));
        }
        if std::str::from_utf8(help).is_err() {
            let help = String::from_utf8_lossy(help);
            return Err(fail(format!("invalid help for metric {}: {help}", go_quote(name))));
        }
        self.kind = match self.family.kind {
            0 => MetricType::Counter,
            1 => MetricType::Gauge,
            2 => MetricType::Summary,
            3 => MetricType::Unknown,
            4 => MetricType::Histogram,
            5 => MetricType::GaugeHistogram,
            other => {
                let name = go_quote(name);
                return Err(fail(format!("unknown metric type for metric {name}: {other}")));
            }
        };
        Ok(())
    }

    /// Decodes the family's next metric; false when there is none.
    fn decode_metric(&mut self) -> Result<bool, ParseError> {
        let Some(message) = self.family.next_metric().map_err(wire_error)? else {
            return Ok(false);
        };
        self.metric.decode(message).map_err(wire_error)?;
        Ok(true)
    }

    /// The first entry of the next metric, of this family or the next.
    fn next_metric(&mut self) -> Result<Option<At>, ParseError> {
        if self.decode_metric()? {
            return Ok(Some(self.first_part()));
        }
        self.next_family()
    }

    fn is_histogram(&self) -> bool {
        matches!(self.kind, MetricType::Histogram | MetricType::GaugeHistogram)
    }

    fn first_part(&self) -> At {
        if self.is_histogram() && !self.options.ignore_native && self.metric.histogram.is_native() {
            return At::Native;
        }
        let in_parts = self.is_histogram() || self.kind == MetricType::Summary;
        At::Series(if in_parts { Part::Count } else { Part::Whole })
    }

    fn next_part(&self, part: Part) -> Option<Part> {
        let next = match part {
            Part::Whole => return None,
            Part::Count => return Some(Part::Sum),
            Part::Sum => 0,
            Part::Item(i) => i + 1,
        };
        if self.kind == MetricType::Summary {
            return (next < self.metric.summary.quantiles.len()).then_some(Part::Item(next));
        }
        let buckets = &self.metric.histogram.buckets;
        // The bucket before said +Inf, or was the one that we added.
        let ended = next > buckets.len()
            || next.checked_sub(1).is_some_and(|last| buckets[last].upper == f64::INFINITY);
        (!ended).then_some(Part::Item(next))
    }

    fn series_value(&self, part: Part) -> f64 {
        let metric = &self.metric;
        match self.kind {
            MetricType::Counter => metric.counter,
            MetricType::Gauge => metric.gauge,
            MetricType::Summary => match part {
                Part::Sum => metric.summary.sum,
                Part::Item(i) => metric.summary.quantiles.get(i).map_or(0.0, |q| q.1),
                Part::Whole | Part::Count => message::float_count(0.0, metric.summary.count),
            },
            MetricType::Histogram | MetricType::GaugeHistogram => match part {
                Part::Sum => metric.histogram.sum,
                Part::Item(i) => metric
                    .histogram
                    .buckets
                    .get(i)
                    .map_or_else(|| metric.histogram.float_count(), message::Bucket::count),
                Part::Whole | Part::Count => metric.histogram.float_count(),
            },
            MetricType::Unknown | MetricType::Info | MetricType::StateSet => metric.untyped,
        }
    }

    fn time(&self) -> Option<i64> {
        Some(self.metric.t).filter(|t| *t != 0)
    }

    pub(super) fn start_t(&self) -> Option<i64> {
        self.metric.start_t.filter(|t| *t != 0)
    }

    /// Fills `labels` and `key` for a series, or for the native histogram.
    fn load_labels(&mut self, part: Option<Part>) -> Result<(), ParseError> {
        self.labels.clear();
        let base = std::str::from_utf8(self.family.name).unwrap_or_default();
        match self.suffix(part) {
            "" => self.labels.push(METRIC_NAME, base),
            suffix => self.labels.push(METRIC_NAME, &format!("{base}{suffix}")),
        }
        let mut reader = Reader::new(self.metric.message);
        while let Some((number, field)) = reader.field().map_err(wire_error)? {
            if number == 1 {
                self.push_label(field.bytes("Label").map_err(wire_error)?)?;
            }
        }
        if let Some(Part::Item(i)) = part {
            let (name, bound) = self.bound(i);
            let mut text = String::new();
            format_open_metrics(&mut text, bound);
            self.labels.push(name, &text);
        }
        self.labels.sort();
        self.key.clear();
        for (name, value) in self.labels.iter() {
            if name != METRIC_NAME {
                self.key.push(SEPARATOR);
                self.key.extend_from_slice(name.as_bytes());
                self.key.push(SEPARATOR);
            }
            self.key.extend_from_slice(value.as_bytes());
        }
        Ok(())
    }

    fn push_label(&mut self, message: &[u8]) -> Result<(), ParseError> {
        let (name, value) = message::label(message).map_err(wire_error)?;
        let name_text = std::str::from_utf8(name.unwrap_or_default());
        let Some(name_text) = name_text.ok().filter(|text| !text.is_empty() || name.is_none())
        else {
            let shown = String::from_utf8_lossy(name.unwrap_or_default());
            return Err(fail(format!("invalid label name: {shown}")));
        };
        let Ok(value_text) = std::str::from_utf8(value) else {
            let shown = String::from_utf8_lossy(value);
            return Err(fail(format!("invalid label value: {shown}")));
        };
        self.labels.push(name_text, value_text);
        Ok(())
    }

    fn suffix(&self, part: Option<Part>) -> &'static str {
        match part {
            None | Some(Part::Whole) => "",
            Some(Part::Count) => "_count",
            Some(Part::Sum) => "_sum",
            Some(Part::Item(_)) if self.is_histogram() => "_bucket",
            Some(Part::Item(_)) => "",
        }
    }

    fn bound(&self, i: usize) -> (&'static str, f64) {
        if self.kind == MetricType::Summary {
            let quantile = self.metric.summary.quantiles.get(i).map_or(0.0, |q| q.0);
            return ("quantile", quantile);
        }
        ("le", self.metric.histogram.buckets.get(i).map_or(f64::INFINITY, |b| b.upper))
    }

    pub(super) fn labels_into(&self, out: &mut LabelBuf) {
        out.clone_from(&self.labels);
    }

    /// The exemplar beside a counter's or bucket's sample.
    pub(super) fn exemplar(&self) -> Option<Exemplar> {
        let exemplar = match (self.at, self.kind) {
            (At::Series(Part::Whole), MetricType::Counter) => self.metric.counter_exemplar,
            (At::Series(Part::Item(i)), MetricType::Histogram | MetricType::GaugeHistogram) => {
                self.metric.histogram.buckets.get(i).and_then(|bucket| bucket.exemplar)
            }
            _ => None,
        };
        exemplar.map(|exemplar| exemplar_of(&exemplar))
    }

    pub(super) fn own_exemplars(&self) -> Vec<Exemplar> {
        self.metric.histogram.exemplars.iter().map(exemplar_of).collect()
    }

    /// The exemplars of a native histogram: its own, or else those of its classic buckets. Those without a time are left out.
    pub(super) fn native_exemplars(&self) -> Vec<Exemplar> {
        let h = &self.metric.histogram;
        let own = h.exemplars.iter();
        let of_buckets = h.buckets.iter().filter_map(|bucket| bucket.exemplar.as_ref());
        let timed = |e: &&ExemplarRef<'_>| e.t.is_some();
        if h.exemplars.is_empty() {
            of_buckets.filter(timed).map(exemplar_of).collect()
        } else {
            own.filter(timed).map(exemplar_of).collect()
        }
    }
}

fn exemplar_of(exemplar: &ExemplarRef<'_>) -> Exemplar {
    let mut labels = LabelBuf::new();
    let mut reader = Reader::new(exemplar.message);
    while let Ok(Some((number, field))) = reader.field() {
        let label = field.bytes("Label").and_then(message::label);
        if number == 1
            && let Ok((name, value)) = label
        {
            labels.push_bytes(name.unwrap_or_default(), value);
        }
    }
    labels.sort();
    Exemplar { labels: labels.to_labels_lenient(), value: exemplar.value, t: exemplar.t }
}

fn fail(text: String) -> ParseError {
    ParseError::new(text, None)
}

fn wire_error(error: ProtoError) -> ParseError {
    fail(error.to_string())
}
