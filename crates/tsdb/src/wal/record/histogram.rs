//! Bytes of the histogram records. Histograms with custom buckets have record types of their own, with the bounds at the end.

use std::sync::Arc;

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, ResetHint, Span};
use stdx::varint::{put_uvarint, put_varint};

use super::codec::{Base, Fields};
use super::{RecordError, RefFloatHistogram, RefHistogram, kind};

/// Appends at most two records, one for exponential and one for custom buckets, and tells where each ends in `out`.
/// Order is kept within each.
pub fn encode_histograms(out: &mut Vec<u8>, samples: &[RefHistogram], mut end: impl FnMut(usize)) {
    for (number, custom) in [(kind::HISTOGRAMS, false), (kind::CUSTOM_HISTOGRAMS, true)] {
        let mut base = None;
        for one in samples.iter().filter(|one| (one.h.schema == CUSTOM_BUCKETS_SCHEMA) == custom) {
            let base = *base.get_or_insert_with(|| start(out, number, one.series, one.t));
            base.put_entry(out, one.series, one.t);
            put_histogram(out, &one.h);
        }
        if base.is_some() {
            end(out.len());
        }
    }
}

/// As [`encode_histograms`], for float counts.
pub fn encode_float_histograms(
    out: &mut Vec<u8>,
    samples: &[RefFloatHistogram],
    mut end: impl FnMut(usize),
) {
    for (number, custom) in [(kind::FLOAT_HISTOGRAMS, false), (kind::CUSTOM_FLOAT_HISTOGRAMS, true)]
    {
        let mut base = None;
        for one in samples.iter().filter(|one| (one.h.schema == CUSTOM_BUCKETS_SCHEMA) == custom) {
            let base = *base.get_or_insert_with(|| start(out, number, one.series, one.t));
            base.put_entry(out, one.series, one.t);
            put_float_histogram(out, &one.h);
        }
        if base.is_some() {
            end(out.len());
        }
    }
}

fn start(out: &mut Vec<u8>, number: u8, series: u64, t: i64) -> Base {
    out.push(number);
    Base::put(out, series, t)
}

fn hint_number(hint: ResetHint) -> u8 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::CounterReset => 1,
        ResetHint::NotCounterReset => 2,
        ResetHint::Gauge => 3,
    }
}

fn put_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_bits().to_be_bytes());
}

fn put_spans(out: &mut Vec<u8>, spans: &[Span]) {
    put_uvarint(out, spans.len() as u64);
    for span in spans {
        put_varint(out, i64::from(span.offset));
        put_uvarint(out, u64::from(span.length));
    }
}

fn put_custom(out: &mut Vec<u8>, schema: i32, custom: Option<&[f64]>) {
    if schema == CUSTOM_BUCKETS_SCHEMA {
        let bounds = custom.unwrap_or(&[]);
        put_uvarint(out, bounds.len() as u64);
        bounds.iter().for_each(|bound| put_f64(out, *bound));
    }
}

fn put_histogram(out: &mut Vec<u8>, h: &Histogram) {
    out.push(hint_number(h.reset_hint));
    put_varint(out, i64::from(h.schema));
    put_f64(out, h.zero_threshold);
    put_uvarint(out, h.zero_count);
    put_uvarint(out, h.count);
    put_f64(out, h.sum);
    put_spans(out, &h.positive_spans);
    put_spans(out, &h.negative_spans);
    for deltas in [&h.positive_deltas, &h.negative_deltas] {
        put_uvarint(out, deltas.len() as u64);
        deltas.iter().for_each(|delta| put_varint(out, *delta));
    }
    put_custom(out, h.schema, h.custom_values.as_deref());
}

fn put_float_histogram(out: &mut Vec<u8>, h: &FloatHistogram) {
    out.push(hint_number(h.reset_hint));
    put_varint(out, i64::from(h.schema));
    for value in [h.zero_threshold, h.zero_count, h.count, h.sum] {
        put_f64(out, value);
    }
    put_spans(out, &h.positive_spans);
    put_spans(out, &h.negative_spans);
    for buckets in [&h.positive_buckets, &h.negative_buckets] {
        put_uvarint(out, buckets.len() as u64);
        buckets.iter().for_each(|bucket| put_f64(out, *bucket));
    }
    put_custom(out, h.schema, h.custom_values.as_deref());
}

impl Fields<'_> {
    fn hint(&mut self) -> Result<ResetHint, RecordError> {
        match self.byte()? {
            0 => Ok(ResetHint::Unknown),
            1 => Ok(ResetHint::CounterReset),
            2 => Ok(ResetHint::NotCounterReset),
            3 => Ok(ResetHint::Gauge),
            4..=u8::MAX => Err(self.invalid("unknown counter reset hint")),
        }
    }

    fn schema(&mut self) -> Result<i32, RecordError> {
        let schema = self.varint()?;
        match i32::try_from(schema) {
            Ok(schema @ (-4..=8 | CUSTOM_BUCKETS_SCHEMA)) => Ok(schema),
            Ok(_) | Err(_) => Err(self.invalid("unknown histogram schema")),
        }
    }

    fn spans(&mut self) -> Result<Vec<Span>, RecordError> {
        let n = self.count(2)?;
        let mut spans = Vec::with_capacity(n);
        for _ in 0..n {
            let offset = i32::try_from(self.varint()?);
            let length = u32::try_from(self.uvarint()?);
            match (offset, length) {
                (Ok(offset), Ok(length)) => spans.push(Span { offset, length }),
                (_, _) => return Err(self.invalid("span out of range")),
            }
        }
        Ok(spans)
    }

    fn floats(&mut self) -> Result<Vec<f64>, RecordError> {
        let n = self.count(8)?;
        (0..n).map(|_| self.f64()).collect()
    }

    fn deltas(&mut self) -> Result<Vec<i64>, RecordError> {
        let n = self.count(1)?;
        (0..n).map(|_| self.varint()).collect()
    }

    fn custom(&mut self, schema: i32) -> Result<Option<Arc<[f64]>>, RecordError> {
        if schema == CUSTOM_BUCKETS_SCHEMA {
            self.floats().map(|xs| Some(xs.into()))
        } else {
            Ok(None)
        }
    }

    /// Fails unless the spans count as many buckets as there are: everybody behind relies on it.
    fn check_spans(&self, spans: &[Span], buckets: usize) -> Result<(), RecordError> {
        let counted: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
        if counted == buckets as u64 {
            Ok(())
        } else {
            Err(self.invalid("spans and buckets differ in number"))
        }
    }
}

fn read_histogram(fields: &mut Fields<'_>) -> Result<Histogram, RecordError> {
    let reset_hint = fields.hint()?;
    let schema = fields.schema()?;
    let (zero_threshold, zero_count) = (fields.f64()?, fields.uvarint()?);
    let (count, sum) = (fields.uvarint()?, fields.f64()?);
    let (positive_spans, negative_spans) = (fields.spans()?, fields.spans()?);
    let (positive_deltas, negative_deltas) = (fields.deltas()?, fields.deltas()?);
    fields.check_spans(&positive_spans, positive_deltas.len())?;
    fields.check_spans(&negative_spans, negative_deltas.len())?;
    let custom_values = fields.custom(schema)?;
    Ok(Histogram {
        reset_hint,
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive_spans,
        negative_spans,
        positive_deltas,
        negative_deltas,
        custom_values,
    })
}

fn read_float_histogram(fields: &mut Fields<'_>) -> Result<FloatHistogram, RecordError> {
    let reset_hint = fields.hint()?;
    let schema = fields.schema()?;
    let (zero_threshold, zero_count) = (fields.f64()?, fields.f64()?);
    let (count, sum) = (fields.f64()?, fields.f64()?);
    let (positive_spans, negative_spans) = (fields.spans()?, fields.spans()?);
    let (positive_buckets, negative_buckets) = (fields.floats()?, fields.floats()?);
    fields.check_spans(&positive_spans, positive_buckets.len())?;
    fields.check_spans(&negative_spans, negative_buckets.len())?;
    let custom_values = fields.custom(schema)?;
    Ok(FloatHistogram {
        reset_hint,
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive_spans,
        negative_spans,
        positive_buckets,
        negative_buckets,
        custom_values,
    })
}

pub(super) fn decode_histograms(body: &[u8]) -> Result<Vec<RefHistogram>, RecordError> {
    let mut fields = Fields::new(body, "histograms");
    let mut out = Vec::new();
    if fields.is_empty() {
        return Ok(out);
    }
    let base = Base::read(&mut fields)?;
    while !fields.is_empty() {
        let (series, t) = base.entry(&mut fields)?;
        out.push(RefHistogram { series, t, h: read_histogram(&mut fields)? });
    }
    Ok(out)
}

pub(super) fn decode_float_histograms(body: &[u8]) -> Result<Vec<RefFloatHistogram>, RecordError> {
    let mut fields = Fields::new(body, "float histograms");
    let mut out = Vec::new();
    if fields.is_empty() {
        return Ok(out);
    }
    let base = Base::read(&mut fields)?;
    while !fields.is_empty() {
        let (series, t) = base.entry(&mut fields)?;
        out.push(RefFloatHistogram { series, t, h: read_float_histogram(&mut fields)? });
    }
    Ok(out)
}
