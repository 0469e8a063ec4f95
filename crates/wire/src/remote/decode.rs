//! Requests, read series by series.

use std::sync::Arc;

use model::exemplar::Exemplar;
use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, ResetHint};
use model::metadata::{Metadata, MetricType};

use super::{
    FloatSample, HistogramSample, RemoteError, SERIES_ITEMS_MAX, SERIES_LABEL_BYTES_MAX,
    SERIES_RECORDS_MAX, SYMBOLS_MAX, TimeSeries, Version,
};
use crate::exposition::{LabelBuf, NativeHistogram};
use crate::proto::{Field, List, ProtoError, Reader, span};

/// A decompressed request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    version: Version,
    message: &'a [u8],
    reader: Reader<'a>,
    /// The symbol table of 2.0.
    symbols: Vec<&'a str>,
    refs: Vec<u32>,
}

/// Field numbers that differ between the versions' time series messages.
struct Fields {
    request_series: u64,
    exemplars: u64,
    histograms: u64,
}

impl Version {
    fn fields(self) -> Fields {
        match self {
            Self::V1 => Fields { request_series: 1, exemplars: 3, histograms: 4 },
            Self::V2 => Fields { request_series: 5, exemplars: 4, histograms: 3 },
        }
    }
}

impl<'a> Request<'a> {
    /// Opens a decompressed request; for 2.0 this reads the symbol table, wherever it stands.
    ///
    /// # Errors
    /// [`RemoteError::Message`].
    pub fn new(version: Version, message: &'a [u8]) -> Result<Self, RemoteError> {
        let mut symbols = Vec::new();
        if version == Version::V2 {
            let list = List { what: "symbols", max: SYMBOLS_MAX };
            let mut reader = Reader::new(message);
            while let Some((number, field)) = reader.field()? {
                if number == 4 {
                    list.push(&mut symbols, field.str("Symbols")?)?;
                }
            }
        }
        Ok(Self { version, message, reader: Reader::new(message), symbols, refs: Vec::new() })
    }

    /// Fills `out` with the next series; false at the end.
    ///
    /// # Errors
    /// [`RemoteError`]; the whole request is to be refused then.
    pub fn next_series(&mut self, out: &mut TimeSeries) -> Result<bool, RemoteError> {
        let wanted = self.version.fields().request_series;
        while let Some((number, field)) = self.reader.field()? {
            if number == wanted {
                self.series(field.bytes("Timeseries")?, out)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The families' metadata of a 1.0 request, with their names.
    ///
    /// # Errors
    /// [`RemoteError::Message`].
    pub fn metadata(&self) -> Result<Vec<(String, Metadata)>, RemoteError> {
        let mut out = Vec::new();
        if self.version == Version::V2 {
            return Ok(out);
        }
        let list = List { what: "metadata", max: SYMBOLS_MAX };
        let mut reader = Reader::new(self.message);
        while let Some((number, field)) = reader.field()? {
            if number == 3 {
                list.push(&mut out, family_metadata(field.bytes("Metadata")?)?)?;
            }
        }
        Ok(out)
    }

    fn series(&mut self, message: &'a [u8], out: &mut TimeSeries) -> Result<(), RemoteError> {
        let fields = self.version.fields();
        let v2 = self.version == Version::V2;
        out.labels.clear();
        out.samples.clear();
        out.histograms.clear();
        out.exemplars.clear();
        out.metadata = v2.then(Metadata::default);
        self.refs.clear();
        let mut room = Room { label_bytes: SERIES_LABEL_BYTES_MAX, items: SERIES_ITEMS_MAX };
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.field()? {
            match number {
                1 if v2 => field.push_u32s(&mut self.refs, REFS)?,
                1 => {
                    let (name, value) = label(field.bytes("Labels")?)?;
                    room.take_label(name, value)?;
                    out.labels.push_bytes(name, value);
                }
                2 => SAMPLES.push(&mut out.samples, sample(field.bytes("Samples")?)?)?,
                n if n == fields.histograms => {
                    let h = histogram(field.bytes("Histograms")?, &mut room)?;
                    HISTOGRAMS.push(&mut out.histograms, h)?;
                }
                n if n == fields.exemplars => {
                    let exemplar = self.exemplar(field.bytes("Exemplars")?, &mut room)?;
                    EXEMPLARS.push(&mut out.exemplars, exemplar)?;
                }
                5 if v2 => out.metadata = Some(self.series_metadata(field.bytes("Metadata")?)?),
                _ => {}
            }
        }
        if v2 {
            self.push_refs(&self.refs, &mut out.labels, &mut room)?;
        }
        out.labels.sort();
        Ok(())
    }

    fn push_refs(
        &self,
        refs: &[u32],
        to: &mut LabelBuf,
        room: &mut Room,
    ) -> Result<(), RemoteError> {
        let (pairs, rest) = refs.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(RemoteError::OddRefs(refs.len()));
        }
        for &[name, value] in pairs {
            let outside = RemoteError::RefOutside { name, value, symbols: self.symbols.len() };
            let (Some(name), Some(value)) = (self.symbol(name), self.symbol(value)) else {
                return Err(outside);
            };
            room.take_label(name.as_bytes(), value.as_bytes())?;
            to.push(name, value);
        }
        Ok(())
    }

    fn symbol(&self, reference: u32) -> Option<&'a str> {
        self.symbols.get(usize::try_from(reference).ok()?).copied()
    }

    fn exemplar(&self, message: &'a [u8], room: &mut Room) -> Result<Exemplar, RemoteError> {
        let (mut value, mut t) = (0.0, 0);
        let mut labels = LabelBuf::new();
        let mut refs = Vec::new();
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.field()? {
            match (number, self.version) {
                (1, Version::V1) => {
                    let (name, value) = label(field.bytes("Labels")?)?;
                    room.take_label(name, value)?;
                    labels.push_bytes(name, value);
                }
                (1, Version::V2) => field.push_u32s(&mut refs, REFS)?,
                (2, _) => value = field.f64("Value")?,
                (3, _) => t = field.i64("Timestamp")?,
                _ => {}
            }
        }
        self.push_refs(&refs, &mut labels, room)?;
        labels.sort();
        Ok(Exemplar { labels: labels.to_labels_lenient(), value, t: Some(t) })
    }

    fn series_metadata(&self, message: &[u8]) -> Result<Metadata, RemoteError> {
        let mut metadata = Metadata::default();
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.field()? {
            match number {
                1 => metadata.kind = metric_type(field.u64("Type")?),
                3 => metadata.help = self.text(field.u32("HelpRef")?)?,
                4 => metadata.unit = self.text(field.u32("UnitRef")?)?,
                _ => {}
            }
        }
        Ok(metadata)
    }

    fn text(&self, reference: u32) -> Result<String, RemoteError> {
        let outside =
            RemoteError::RefOutside { name: 0, value: reference, symbols: self.symbols.len() };
        self.symbol(reference).map(str::to_owned).ok_or(outside)
    }
}

const REFS: List = List { what: "label references", max: SERIES_ITEMS_MAX };
const SAMPLES: List = List { what: "samples", max: SERIES_ITEMS_MAX };
const HISTOGRAMS: List = List { what: "histograms", max: SERIES_RECORDS_MAX };
const EXEMPLARS: List = List { what: "exemplars", max: SERIES_RECORDS_MAX };

/// What a series may still take.
struct Room {
    label_bytes: usize,
    items: usize,
}

impl Room {
    fn take_label(&mut self, name: &[u8], value: &[u8]) -> Result<(), RemoteError> {
        let max = SERIES_LABEL_BYTES_MAX;
        let left = self.label_bytes.checked_sub(name.len() + value.len());
        self.label_bytes = left.ok_or(RemoteError::SeriesLimit { what: "label bytes", max })?;
        Ok(())
    }

    fn take_items(&mut self, n: usize) -> Result<(), RemoteError> {
        let limit = RemoteError::SeriesLimit { what: "buckets", max: SERIES_ITEMS_MAX };
        self.items = self.items.checked_sub(n).ok_or(limit)?;
        Ok(())
    }
}

fn label(message: &[u8]) -> Result<(&[u8], &[u8]), ProtoError> {
    let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match number {
            1 => name = field.bytes("Name")?,
            2 => value = field.bytes("Value")?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn sample(message: &[u8]) -> Result<FloatSample, ProtoError> {
    let mut sample = FloatSample { t: 0, v: 0.0, start_t: None };
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match number {
            1 => sample.v = field.f64("Value")?,
            2 => sample.t = field.i64("Timestamp")?,
            3 => sample.start_t = Some(field.i64("StartTimestamp")?).filter(|t| *t != 0),
            _ => {}
        }
    }
    Ok(sample)
}

fn metric_type(number: u64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

fn family_metadata(message: &[u8]) -> Result<(String, Metadata), ProtoError> {
    let mut metadata = Metadata::default();
    let mut name = String::new();
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match number {
            1 => metadata.kind = metric_type(field.u64("Type")?),
            2 => name = field.str("MetricFamilyName")?.to_owned(),
            4 => metadata.help = field.str("Help")?.to_owned(),
            5 => metadata.unit = field.str("Unit")?.to_owned(),
            _ => {}
        }
    }
    Ok((name, metadata))
}

/// A histogram while it is not known yet whether its counts are integers.
#[derive(Default)]
struct Draft {
    count_float: Option<f64>,
    zero_count: u64,
    zero_count_float: f64,
    count: u64,
    base: Histogram,
    positive_counts: Vec<f64>,
    negative_counts: Vec<f64>,
    custom_values: Vec<f64>,
    t: i64,
    start_t: i64,
}

const BUCKETS: List = List { what: "buckets", max: 1 << 16 };
const SPANS: List = List { what: "spans", max: 1 << 16 };

impl Draft {
    fn field(&mut self, number: u64, field: Field<'_>) -> Result<(), ProtoError> {
        let h = &mut self.base;
        match number {
            1 => (self.count, self.count_float) = (field.u64("CountInt")?, None),
            2 => self.count_float = Some(field.f64("CountFloat")?),
            3 => h.sum = field.f64("Sum")?,
            4 => h.schema = field.sint32("Schema")?,
            5 => h.zero_threshold = field.f64("ZeroThreshold")?,
            6 => self.zero_count = field.u64("ZeroCountInt")?,
            7 => self.zero_count_float = field.f64("ZeroCountFloat")?,
            8 => SPANS.push(&mut h.negative_spans, span(field.bytes("NegativeSpans")?)?)?,
            9 => field.push_sint64s(&mut h.negative_deltas, BUCKETS)?,
            10 => field.push_f64s(&mut self.negative_counts, BUCKETS)?,
            11 => SPANS.push(&mut h.positive_spans, span(field.bytes("PositiveSpans")?)?)?,
            12 => field.push_sint64s(&mut h.positive_deltas, BUCKETS)?,
            13 => field.push_f64s(&mut self.positive_counts, BUCKETS)?,
            14 => h.reset_hint = reset_hint(field.u64("ResetHint")?),
            15 => self.t = field.i64("Timestamp")?,
            16 => field.push_f64s(&mut self.custom_values, BUCKETS)?,
            17 => self.start_t = field.i64("StartTimestamp")?,
            _ => {}
        }
        Ok(())
    }

    fn n_items(&self) -> usize {
        let h = &self.base;
        h.negative_spans.len()
            + h.positive_spans.len()
            + h.negative_deltas.len()
            + h.positive_deltas.len()
            + self.negative_counts.len()
            + self.positive_counts.len()
            + self.custom_values.len()
    }

    fn finish(self) -> HistogramSample {
        let base = self.base;
        // A custom histogram may have no bounds: then its one bucket takes everything.
        let is_custom = base.schema == CUSTOM_BUCKETS_SCHEMA || !self.custom_values.is_empty();
        let custom_values: Option<Arc<[f64]>> = is_custom.then(|| self.custom_values.into());
        let h = match self.count_float {
            None => NativeHistogram::Int(Histogram {
                count: self.count,
                zero_count: self.zero_count,
                custom_values,
                ..base
            }),
            Some(count) => NativeHistogram::Float(FloatHistogram {
                reset_hint: base.reset_hint,
                schema: base.schema,
                zero_threshold: base.zero_threshold,
                zero_count: self.zero_count_float,
                count,
                sum: base.sum,
                positive_spans: base.positive_spans,
                negative_spans: base.negative_spans,
                positive_buckets: self.positive_counts,
                negative_buckets: self.negative_counts,
                custom_values,
            }),
        };
        HistogramSample { t: self.t, h, start_t: Some(self.start_t).filter(|t| *t != 0) }
    }
}

fn reset_hint(number: u64) -> ResetHint {
    match number {
        1 => ResetHint::CounterReset,
        2 => ResetHint::NotCounterReset,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}

fn histogram(message: &[u8], room: &mut Room) -> Result<HistogramSample, RemoteError> {
    let mut draft = Draft::default();
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        draft.field(number, field)?;
    }
    room.take_items(draft.n_items())?;
    Ok(draft.finish())
}
