//! Bytes of the plain records: series, samples, tombstones, exemplars, markers, metadata.

use model::labels::Labels;
use model::metadata::{Metadata, MetricType};
use stdx::varint::{self, put_uvarint, put_varint};

use super::{
    RecordError, RefExemplar, RefMetadata, RefMmapMarker, RefSample, RefSeries, RefTombstone, kind,
};

/// Reads fields of an untrusted record from the front.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    record: &'static str,
}

impl<'a> Fields<'a> {
    pub(super) fn new(rest: &'a [u8], record: &'static str) -> Self {
        Self { rest, record }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn invalid(&self, why: &'static str) -> RecordError {
        RecordError::Invalid(self.record, why)
    }

    fn short(&self) -> RecordError {
        RecordError::Short(self.record)
    }

    pub(super) fn byte(&mut self) -> Result<u8, RecordError> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(byte)
    }

    pub(super) fn be64(&mut self) -> Result<u64, RecordError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(u64::from_be_bytes(*bytes))
    }

    pub(super) fn f64(&mut self) -> Result<f64, RecordError> {
        self.be64().map(f64::from_bits)
    }

    pub(super) fn uvarint(&mut self) -> Result<u64, RecordError> {
        let (value, len) = varint::uvarint(self.rest).ok_or_else(|| self.short())?;
        self.rest = &self.rest[len..];
        Ok(value)
    }

    pub(super) fn varint(&mut self) -> Result<i64, RecordError> {
        let (value, len) = varint::varint(self.rest).ok_or_else(|| self.short())?;
        self.rest = &self.rest[len..];
        Ok(value)
    }

    /// A count of things that take at least `each` bytes.
    pub(super) fn count(&mut self, each: usize) -> Result<usize, RecordError> {
        let n = usize::try_from(self.uvarint()?).map_err(|_| self.short())?;
        if n > self.rest.len() / each { Err(self.short()) } else { Ok(n) }
    }

    fn str(&mut self) -> Result<&'a str, RecordError> {
        let len = self.count(1)?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.short())?;
        self.rest = rest;
        std::str::from_utf8(bytes).map_err(|_| self.invalid("text is not UTF-8"))
    }

    /// A label set, put in order when its writer did not.
    fn labels(&mut self) -> Result<Labels, RecordError> {
        let n = self.count(2)?;
        let mut pairs = Vec::with_capacity(n);
        for _ in 0..n {
            pairs.push((self.str()?, self.str()?));
        }
        let in_order = pairs.windows(2).all(|two| two[0].0 < two[1].0)
            && pairs.iter().all(|(_, value)| !value.is_empty());
        Ok(if in_order { Labels::from_sorted(pairs) } else { Labels::from_pairs(pairs) })
    }
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    put_uvarint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    put_uvarint(out, labels.len() as u64);
    for (name, value) in labels {
        put_str(out, name);
        put_str(out, value);
    }
}

/// The first entry's reference and time, from which all entries are counted.
#[derive(Clone, Copy)]
pub(super) struct Base {
    series: u64,
    t: i64,
}

impl Base {
    pub(super) fn put(out: &mut Vec<u8>, series: u64, t: i64) -> Self {
        out.extend_from_slice(&series.to_be_bytes());
        out.extend_from_slice(&t.to_be_bytes());
        Self { series, t }
    }

    pub(super) fn put_entry(self, out: &mut Vec<u8>, series: u64, t: i64) {
        put_varint(out, series.wrapping_sub(self.series).cast_signed());
        put_varint(out, t.wrapping_sub(self.t));
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, RecordError> {
        Ok(Self { series: fields.be64()?, t: fields.be64()?.cast_signed() })
    }

    pub(super) fn entry(self, fields: &mut Fields<'_>) -> Result<(u64, i64), RecordError> {
        let series = self.series.wrapping_add(fields.varint()?.cast_unsigned());
        Ok((series, self.t.wrapping_add(fields.varint()?)))
    }
}

/// Appends a series record.
pub fn encode_series<'a>(out: &mut Vec<u8>, series: impl IntoIterator<Item = &'a RefSeries>) {
    out.push(kind::SERIES);
    for one in series {
        out.extend_from_slice(&one.series.to_be_bytes());
        put_labels(out, &one.labels);
    }
}

pub(super) fn decode_series(body: &[u8]) -> Result<Vec<RefSeries>, RecordError> {
    let mut fields = Fields::new(body, "series");
    let mut out = Vec::new();
    while !fields.is_empty() {
        out.push(RefSeries { series: fields.be64()?, labels: fields.labels()? });
    }
    Ok(out)
}

/// Appends a record of float samples, in the order given.
pub fn encode_samples(out: &mut Vec<u8>, samples: impl IntoIterator<Item = RefSample>) {
    out.push(kind::SAMPLES);
    let mut base = None;
    for one in samples {
        let base = *base.get_or_insert_with(|| Base::put(out, one.series, one.t));
        base.put_entry(out, one.series, one.t);
        out.extend_from_slice(&one.v.to_bits().to_be_bytes());
    }
}

pub(super) fn decode_samples(body: &[u8]) -> Result<Vec<RefSample>, RecordError> {
    let mut fields = Fields::new(body, "samples");
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    let base = Base::read(&mut fields)?;
    let mut out = Vec::with_capacity(fields.len() / 10);
    while !fields.is_empty() {
        let (series, t) = base.entry(&mut fields)?;
        out.push(RefSample { series, t, v: fields.f64()? });
    }
    Ok(out)
}

/// Appends a record of deletions.
pub fn encode_tombstones(out: &mut Vec<u8>, tombstones: impl IntoIterator<Item = RefTombstone>) {
    out.push(kind::TOMBSTONES);
    for one in tombstones {
        out.extend_from_slice(&one.series.to_be_bytes());
        put_varint(out, one.mint);
        put_varint(out, one.maxt);
    }
}

pub(super) fn decode_tombstones(body: &[u8]) -> Result<Vec<RefTombstone>, RecordError> {
    let mut fields = Fields::new(body, "tombstones");
    let mut out = Vec::new();
    while !fields.is_empty() {
        let (series, mint, maxt) = (fields.be64()?, fields.varint()?, fields.varint()?);
        out.push(RefTombstone { series, mint, maxt });
    }
    Ok(out)
}

/// Appends a record of exemplars.
pub fn encode_exemplars<'a>(
    out: &mut Vec<u8>,
    exemplars: impl IntoIterator<Item = &'a RefExemplar>,
) {
    out.push(kind::EXEMPLARS);
    let mut base = None;
    for one in exemplars {
        let base = *base.get_or_insert_with(|| Base::put(out, one.series, one.t));
        base.put_entry(out, one.series, one.t);
        out.extend_from_slice(&one.v.to_bits().to_be_bytes());
        put_labels(out, &one.labels);
    }
}

pub(super) fn decode_exemplars(body: &[u8]) -> Result<Vec<RefExemplar>, RecordError> {
    let mut fields = Fields::new(body, "exemplars");
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    let base = Base::read(&mut fields)?;
    let mut out = Vec::new();
    while !fields.is_empty() {
        let (series, t) = base.entry(&mut fields)?;
        let (v, labels) = (fields.f64()?, fields.labels()?);
        out.push(RefExemplar { series, t, v, labels });
    }
    Ok(out)
}

/// Appends a record of markers.
pub fn encode_mmap_markers(out: &mut Vec<u8>, markers: impl IntoIterator<Item = RefMmapMarker>) {
    out.push(kind::MMAP_MARKERS);
    for one in markers {
        out.extend_from_slice(&one.series.to_be_bytes());
        out.extend_from_slice(&one.chunk.to_be_bytes());
    }
}

pub(super) fn decode_mmap_markers(body: &[u8]) -> Result<Vec<RefMmapMarker>, RecordError> {
    let mut fields = Fields::new(body, "mmap markers");
    let mut out = Vec::with_capacity(fields.len() / 16);
    while !fields.is_empty() {
        out.push(RefMmapMarker { series: fields.be64()?, chunk: fields.be64()? });
    }
    Ok(out)
}

/// Metric types by number; numbers that we do not know are unknown types.
const METRIC_TYPES: [MetricType; 8] = [
    MetricType::Unknown,
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

fn metric_type_number(kind: MetricType) -> u8 {
    match kind {
        MetricType::Unknown => 0,
        MetricType::Counter => 1,
        MetricType::Gauge => 2,
        MetricType::Histogram => 3,
        MetricType::GaugeHistogram => 4,
        MetricType::Summary => 5,
        MetricType::Info => 6,
        MetricType::StateSet => 7,
    }
}

/// Appends a record of metadata.
pub fn encode_metadata<'a>(out: &mut Vec<u8>, metadata: impl IntoIterator<Item = &'a RefMetadata>) {
    out.push(kind::METADATA);
    for one in metadata {
        put_uvarint(out, one.series);
        out.push(metric_type_number(one.metadata.kind));
        put_uvarint(out, 2);
        for (name, value) in [("UNIT", &one.metadata.unit), ("HELP", &one.metadata.help)] {
            put_str(out, name);
            put_str(out, value);
        }
    }
}

pub(super) fn decode_metadata(body: &[u8]) -> Result<Vec<RefMetadata>, RecordError> {
    let mut fields = Fields::new(body, "metadata");
    let mut out = Vec::new();
    while !fields.is_empty() {
        let series = fields.uvarint()?;
        let number = usize::from(fields.byte()?);
        let kind = METRIC_TYPES.get(number).copied().unwrap_or_default();
        let mut metadata = Metadata { kind, ..Metadata::default() };
        for _ in 0..fields.count(2)? {
            match (fields.str()?, fields.str()?) {
                ("UNIT", unit) => unit.clone_into(&mut metadata.unit),
                ("HELP", help) => help.clone_into(&mut metadata.help),
                // A field of a later version: skipped, as its writers foresee.
                (_, _) => {}
            }
        }
        out.push(RefMetadata { series, metadata });
    }
    Ok(out)
}
