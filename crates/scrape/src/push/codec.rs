//! What a push changes, as bytes of the journal.
//!
//! Invariant: decoding never panics and never allocates more than the bytes at hand can fill; what was encoded decodes to the same.

use std::sync::Arc;

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram, ResetHint, Span};
use model::labels::Labels;
use model::metadata::MetricType;
use stdx::varint::{put_uvarint, put_varint, uvarint, varint};
use wire::exposition::NativeHistogram;

use super::family::{Bucket, Extra, Family, Group, Grouping, Metric, Value, whole};

/// The state of a group after a change; `None` when it is gone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) labels: Grouping,
    pub(super) after: Option<Arc<Group>>,
}

/// Bytes that are no changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadRecord;

pub(super) fn encode(changes: &[Change]) -> Vec<u8> {
    let mut out = Vec::new();
    put_len(&mut out, changes.len());
    for change in changes {
        put_grouping(&mut out, &change.labels);
        match &change.after {
            None => out.push(0),
            Some(group) => {
                out.push(1);
                put_group(&mut out, group);
            }
        }
    }
    out
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Change>, BadRecord> {
    let mut reader = Reader { rest: bytes };
    let changes = reader.list(|reader| {
        let labels = reader.grouping()?;
        let after = match reader.byte()? {
            0 => None,
            1 => Some(Arc::new(reader.group(labels.clone())?)),
            _ => return Err(BadRecord),
        };
        Ok(Change { labels, after })
    })?;
    if reader.rest.is_empty() { Ok(changes) } else { Err(BadRecord) }
}

fn put_len(out: &mut Vec<u8>, len: usize) {
    put_uvarint(out, len as u64);
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_f64(out: &mut Vec<u8>, v: f64) {
    out.extend_from_slice(&v.to_le_bytes());
}

fn put_f64s(out: &mut Vec<u8>, values: &[f64]) {
    put_len(out, values.len());
    values.iter().for_each(|v| put_f64(out, *v));
}

fn put_grouping(out: &mut Vec<u8>, labels: &Grouping) {
    put_len(out, labels.len());
    for (name, value) in labels.iter() {
        put_str(out, name);
        put_str(out, value);
    }
}

fn put_group(out: &mut Vec<u8>, group: &Group) {
    for ms in [group.push_time_ms, group.push_failure_time_ms, group.expires_ms] {
        put_varint(out, ms);
    }
    put_len(out, group.families.len());
    for family in &group.families {
        put_str(out, &family.name);
        put_str(out, &family.help);
        out.push(kind_number(family.kind));
        put_varint(out, family.time_ms);
        put_len(out, family.metrics.len());
        for metric in &family.metrics {
            put_grouping(out, &metric.labels);
            put_value(out, &metric.value, metric.extra.is_some());
            if let Some(extra) = &metric.extra {
                put_extra(out, extra);
            }
        }
    }
}

fn kind_number(kind: MetricType) -> u8 {
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

const KINDS: [MetricType; 8] = [
    MetricType::Unknown,
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

/// Added to the number of a value's kind when something follows it.
const HAS_EXTRA: u8 = 0x10;

fn put_value(out: &mut Vec<u8>, value: &Value, has_extra: bool) {
    let extra = if has_extra { HAS_EXTRA } else { 0 };
    match value {
        Value::Simple(v) => {
            out.push(extra);
            put_f64(out, *v);
        }
        Value::Summary { count, sum, quantiles } => {
            out.push(1 | extra);
            put_uvarint(out, *count);
            put_f64(out, *sum);
            put_len(out, quantiles.len());
            for (quantile, v) in quantiles {
                put_f64(out, *quantile);
                put_f64(out, *v);
            }
        }
        Value::Histogram { count, sum, buckets, native } => {
            let counts = [*count].into_iter().chain(buckets.iter().map(|one| one.cumulative));
            let are_whole = counts.into_iter().all(|one| whole(one).is_some());
            out.push(extra | if are_whole { 2 } else { 3 });
            let put_count = |out: &mut Vec<u8>, count: f64| match whole(count) {
                Some(count) if are_whole => put_uvarint(out, count),
                Some(_) | None => put_f64(out, count),
            };
            put_count(out, *count);
            put_f64(out, *sum);
            put_len(out, buckets.len());
            for bucket in buckets {
                put_f64(out, bucket.upper);
                put_count(out, bucket.cumulative);
            }
            match native.as_deref() {
                None => out.push(0),
                Some(NativeHistogram::Int(h)) => {
                    out.push(1);
                    put_int(out, h);
                }
                Some(NativeHistogram::Float(h)) => {
                    out.push(2);
                    put_float(out, h);
                }
            }
        }
    }
}

fn put_extra(out: &mut Vec<u8>, extra: &Extra) {
    put_time(out, extra.start_ms);
    put_len(out, extra.exemplars.len());
    extra.exemplars.iter().for_each(|one| put_exemplar(out, one));
    put_len(out, extra.bucket_exemplars.len());
    for (bucket, exemplar) in &extra.bucket_exemplars {
        put_len(out, *bucket);
        put_exemplar(out, exemplar);
    }
}

fn put_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    put_grouping(out, &Grouping::from(&exemplar.labels));
    put_f64(out, exemplar.value);
    put_time(out, exemplar.t);
}

fn put_time(out: &mut Vec<u8>, ms: Option<i64>) {
    out.push(u8::from(ms.is_some()));
    if let Some(ms) = ms {
        put_varint(out, ms);
    }
}

fn put_int(out: &mut Vec<u8>, h: &Histogram) {
    put_head(out, h.reset_hint, h.schema, [h.zero_threshold, h.sum]);
    put_uvarint(out, h.zero_count);
    put_uvarint(out, h.count);
    put_spans(out, [&h.positive_spans, &h.negative_spans]);
    for deltas in [&h.positive_deltas, &h.negative_deltas] {
        put_len(out, deltas.len());
        deltas.iter().for_each(|delta| put_varint(out, *delta));
    }
    put_custom(out, h.custom_values.as_deref());
}

fn put_float(out: &mut Vec<u8>, h: &FloatHistogram) {
    put_head(out, h.reset_hint, h.schema, [h.zero_threshold, h.sum]);
    put_f64(out, h.zero_count);
    put_f64(out, h.count);
    put_spans(out, [&h.positive_spans, &h.negative_spans]);
    put_f64s(out, &h.positive_buckets);
    put_f64s(out, &h.negative_buckets);
    put_custom(out, h.custom_values.as_deref());
}

fn put_head(out: &mut Vec<u8>, hint: ResetHint, schema: i32, floats: [f64; 2]) {
    out.push(match hint {
        ResetHint::Unknown => 0,
        ResetHint::CounterReset => 1,
        ResetHint::NotCounterReset => 2,
        ResetHint::Gauge => 3,
    });
    put_varint(out, i64::from(schema));
    floats.iter().for_each(|v| put_f64(out, *v));
}

fn put_spans(out: &mut Vec<u8>, sides: [&[Span]; 2]) {
    for spans in sides {
        put_len(out, spans.len());
        for span in spans {
            put_varint(out, i64::from(span.offset));
            put_uvarint(out, u64::from(span.length));
        }
    }
}

fn put_custom(out: &mut Vec<u8>, values: Option<&[f64]>) {
    out.push(u8::from(values.is_some()));
    if let Some(values) = values {
        put_f64s(out, values);
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], BadRecord> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(BadRecord)?;
        self.rest = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, BadRecord> {
        Ok(self.take(1)?[0])
    }

    fn u64(&mut self) -> Result<u64, BadRecord> {
        let (value, n) = uvarint(self.rest).ok_or(BadRecord)?;
        self.take(n)?;
        Ok(value)
    }

    fn i64(&mut self) -> Result<i64, BadRecord> {
        let (value, n) = varint(self.rest).ok_or(BadRecord)?;
        self.take(n)?;
        Ok(value)
    }

    fn i32(&mut self) -> Result<i32, BadRecord> {
        i32::try_from(self.i64()?).map_err(|_| BadRecord)
    }

    fn f64(&mut self) -> Result<f64, BadRecord> {
        let bytes = self.take(8)?.first_chunk::<8>().ok_or(BadRecord)?;
        Ok(f64::from_le_bytes(*bytes))
    }

    fn str(&mut self) -> Result<&'a str, BadRecord> {
        let len = usize::try_from(self.u64()?).map_err(|_| BadRecord)?;
        std::str::from_utf8(self.take(len)?).map_err(|_| BadRecord)
    }

    /// A counted list. The count alone allocates nothing.
    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, BadRecord>,
    ) -> Result<Vec<T>, BadRecord> {
        let n = self.u64()?;
        let mut out = Vec::new();
        for _ in 0..n {
            out.push(item(self)?);
        }
        Ok(out)
    }

    fn grouping(&mut self) -> Result<Grouping, BadRecord> {
        let pairs = self.list(|reader| Ok((reader.str()?, reader.str()?)))?;
        Ok(Grouping::from_pairs(pairs))
    }

    fn group(&mut self, labels: Grouping) -> Result<Group, BadRecord> {
        let [push_time_ms, push_failure_time_ms, expires_ms] =
            [self.i64()?, self.i64()?, self.i64()?];
        let families = self.list(|reader| Ok(Arc::new(reader.family()?)))?;
        Ok(Group { labels, families, push_time_ms, push_failure_time_ms, expires_ms })
    }

    fn family(&mut self) -> Result<Family, BadRecord> {
        Ok(Family {
            name: self.str()?.to_owned(),
            help: self.str()?.to_owned(),
            kind: *KINDS.get(usize::from(self.byte()?)).ok_or(BadRecord)?,
            time_ms: self.i64()?,
            metrics: self.list(Self::metric)?,
        })
    }

    fn metric(&mut self) -> Result<Metric, BadRecord> {
        let labels = self.grouping()?;
        let kind = self.byte()?;
        let value = self.value(kind & !HAS_EXTRA)?;
        let extra = match kind & HAS_EXTRA {
            0 => None,
            _ => Some(Box::new(self.extra()?)),
        };
        Ok(Metric { labels, value, extra })
    }

    fn extra(&mut self) -> Result<Extra, BadRecord> {
        Ok(Extra {
            start_ms: self.time()?,
            exemplars: self.list(Self::exemplar)?,
            bucket_exemplars: self.list(|reader| {
                let bucket = usize::try_from(reader.u64()?).map_err(|_| BadRecord)?;
                Ok((bucket, reader.exemplar()?))
            })?,
        })
    }

    fn exemplar(&mut self) -> Result<Exemplar, BadRecord> {
        let labels = self.grouping()?;
        let labels = Labels::from_pairs(labels.iter());
        Ok(Exemplar { labels, value: self.f64()?, t: self.time()? })
    }

    fn time(&mut self) -> Result<Option<i64>, BadRecord> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.i64().map(Some),
            _ => Err(BadRecord),
        }
    }

    /// A histogram's count: whole in values of kind 2.
    fn count(&mut self, kind: u8) -> Result<f64, BadRecord> {
        if kind == 2 { self.u64().map(stdx::metrics::float) } else { self.f64() }
    }

    fn value(&mut self, kind: u8) -> Result<Value, BadRecord> {
        Ok(match kind {
            0 => Value::Simple(self.f64()?),
            1 => Value::Summary {
                count: self.u64()?,
                sum: self.f64()?,
                quantiles: self.list(|reader| Ok((reader.f64()?, reader.f64()?)))?,
            },
            2 | 3 => Value::Histogram {
                count: self.count(kind)?,
                sum: self.f64()?,
                buckets: self.list(|reader| {
                    Ok(Bucket { upper: reader.f64()?, cumulative: reader.count(kind)? })
                })?,
                native: match self.byte()? {
                    0 => None,
                    1 => Some(Box::new(NativeHistogram::Int(self.int()?))),
                    2 => Some(Box::new(NativeHistogram::Float(self.float()?))),
                    _ => return Err(BadRecord),
                },
            },
            _ => return Err(BadRecord),
        })
    }

    fn int(&mut self) -> Result<Histogram, BadRecord> {
        Ok(Histogram {
            reset_hint: self.hint()?,
            schema: self.i32()?,
            zero_threshold: self.f64()?,
            sum: self.f64()?,
            zero_count: self.u64()?,
            count: self.u64()?,
            positive_spans: self.spans()?,
            negative_spans: self.spans()?,
            positive_deltas: self.list(Self::i64)?,
            negative_deltas: self.list(Self::i64)?,
            custom_values: self.custom()?,
        })
    }

    fn float(&mut self) -> Result<FloatHistogram, BadRecord> {
        Ok(FloatHistogram {
            reset_hint: self.hint()?,
            schema: self.i32()?,
            zero_threshold: self.f64()?,
            sum: self.f64()?,
            zero_count: self.f64()?,
            count: self.f64()?,
            positive_spans: self.spans()?,
            negative_spans: self.spans()?,
            positive_buckets: self.list(Self::f64)?,
            negative_buckets: self.list(Self::f64)?,
            custom_values: self.custom()?,
        })
    }

    fn hint(&mut self) -> Result<ResetHint, BadRecord> {
        Ok(match self.byte()? {
            0 => ResetHint::Unknown,
            1 => ResetHint::CounterReset,
            2 => ResetHint::NotCounterReset,
            3 => ResetHint::Gauge,
            _ => return Err(BadRecord),
        })
    }

    fn spans(&mut self) -> Result<Vec<Span>, BadRecord> {
        self.list(|reader| {
            let offset = reader.i32()?;
            let length = u32::try_from(reader.u64()?).map_err(|_| BadRecord)?;
            Ok(Span { offset, length })
        })
    }

    fn custom(&mut self) -> Result<Option<Arc<[f64]>>, BadRecord> {
        match self.byte()? {
            0 => Ok(None),
            1 => Ok(Some(self.list(Self::f64)?.into())),
            _ => Err(BadRecord),
        }
    }
}
