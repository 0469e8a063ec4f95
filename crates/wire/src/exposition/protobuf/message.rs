//! The messages of `io.prometheus.client`, decoded one metric at a time into memory that is used again.
//!
//! Texts and exemplars borrow from the body. Unknown fields are passed over.

use model::histogram::Span;

use crate::proto::{Field, List, ProtoError, Reader};

/// Most buckets, spans, quantiles or exemplars of one metric: over a million would be 16 bytes of ours for one of the body's.
pub(super) const METRIC_ITEMS_MAX: usize = 1 << 16;

fn list(what: &'static str) -> List {
    List { what, max: METRIC_ITEMS_MAX }
}

/// A family without its metrics, which are walked through `message`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Family<'a> {
    pub(super) name: &'a [u8],
    pub(super) help: &'a [u8],
    pub(super) unit: &'a [u8],
    pub(super) kind: i32,
    pub(super) message: Reader<'a>,
}

impl<'a> Family<'a> {
    pub(super) fn decode(message: &'a [u8]) -> Result<Self, ProtoError> {
        let mut family = Self { message: Reader::new(message), ..Self::default() };
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.field()? {
            match number {
                1 => family.name = field.bytes("Name")?,
                2 => family.help = field.bytes("Help")?,
                3 => family.kind = field.i32("Type")?,
                4 => drop(field.bytes("Metric")?),
                5 => family.unit = field.bytes("Unit")?,
                _ => {}
            }
        }
        Ok(family)
    }

    /// The next metric's message.
    pub(super) fn next_metric(&mut self) -> Result<Option<&'a [u8]>, ProtoError> {
        while let Some((number, field)) = self.message.field()? {
            if number == 4 {
                return field.bytes("Metric").map(Some);
            }
        }
        Ok(None)
    }
}

/// A metric of any kind; what its family's kind does not name stays at zero.
#[derive(Debug, Clone, Default)]
pub(super) struct Metric<'a> {
    pub(super) message: &'a [u8],
    pub(super) t: i64,
    pub(super) gauge: f64,
    pub(super) untyped: f64,
    pub(super) counter: f64,
    pub(super) counter_exemplar: Option<ExemplarRef<'a>>,
    /// Of the counter, summary or histogram.
    pub(super) start_t: Option<i64>,
    pub(super) summary: Summary,
    pub(super) histogram: HistogramMessage<'a>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) sum: f64,
    /// Quantile and value.
    pub(super) quantiles: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct HistogramMessage<'a> {
    pub(super) count: u64,
    pub(super) count_float: f64,
    pub(super) sum: f64,
    pub(super) schema: i32,
    pub(super) zero_threshold: f64,
    pub(super) zero_count: u64,
    pub(super) zero_count_float: f64,
    pub(super) buckets: Vec<Bucket<'a>>,
    pub(super) positive: Side,
    pub(super) negative: Side,
    pub(super) exemplars: Vec<ExemplarRef<'a>>,
}

/// The buckets above or below zero.
#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    pub(super) spans: Vec<Span>,
    pub(super) deltas: Vec<i64>,
    pub(super) counts: Vec<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bucket<'a> {
    count: u64,
    count_float: f64,
    pub(super) upper: f64,
    pub(super) exemplar: Option<ExemplarRef<'a>>,
}

/// An exemplar that was walked once, so that walking it again cannot fail.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExemplarRef<'a> {
    pub(super) message: &'a [u8],
    pub(super) value: f64,
    pub(super) t: Option<i64>,
}

impl Side {
    fn clear(&mut self) {
        self.spans.clear();
        self.deltas.clear();
        self.counts.clear();
    }
}

impl Bucket<'_> {
    /// The cumulative count: the float one unless it is zero.
    pub(super) fn count(&self) -> f64 {
        float_count(self.count_float, self.count)
    }
}

/// `float` unless it is zero.
pub(super) fn float_count(float: f64, int: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "series are floats: Prometheus rounds alike")]
    if float == 0.0 { int as f64 } else { float }
}

impl HistogramMessage<'_> {
    fn clear(&mut self) {
        self.buckets.clear();
        self.positive.clear();
        self.negative.clear();
        self.exemplars.clear();
        (self.count, self.count_float, self.sum, self.schema) = (0, 0.0, 0.0, 0);
        (self.zero_threshold, self.zero_count, self.zero_count_float) = (0.0, 0, 0.0);
    }

    pub(super) fn float_count(&self) -> f64 {
        float_count(self.count_float, self.count)
    }

    pub(super) fn is_native(&self) -> bool {
        !self.positive.spans.is_empty()
            || !self.negative.spans.is_empty()
            || self.zero_threshold > 0.0
            || self.zero_count > 0
    }

    pub(super) fn is_float(&self) -> bool {
        self.count_float > 0.0 || self.zero_count_float > 0.0
    }
}

impl<'a> Metric<'a> {
    /// Replaces everything by what `message` says.
    pub(super) fn decode(&mut self, message: &'a [u8]) -> Result<(), ProtoError> {
        self.message = message;
        (self.t, self.gauge, self.untyped, self.counter) = (0, 0.0, 0.0, 0.0);
        (self.counter_exemplar, self.start_t) = (None, None);
        (self.summary.count, self.summary.sum) = (0, 0.0);
        self.summary.quantiles.clear();
        self.histogram.clear();
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.field()? {
            match number {
                1 => drop(field.bytes("Label")?),
                2 => single_value(field.bytes("Gauge")?, &mut self.gauge)?,
                3 => self.decode_counter(field.bytes("Counter")?)?,
                4 => self.decode_summary(field.bytes("Summary")?)?,
                5 => single_value(field.bytes("Untyped")?, &mut self.untyped)?,
                6 => self.t = field.i64("TimestampMs")?,
                7 => self.decode_histogram(field.bytes("Histogram")?)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn decode_counter(&mut self, message: &'a [u8]) -> Result<(), ProtoError> {
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.field()? {
            match number {
                1 => self.counter = field.f64("Value")?,
                2 => self.counter_exemplar = Some(exemplar(field)?),
                3 => self.start_t = Some(timestamp(field.bytes("StartTimestamp")?)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn decode_summary(&mut self, message: &'a [u8]) -> Result<(), ProtoError> {
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.field()? {
            match number {
                1 => self.summary.count = field.u64("SampleCount")?,
                2 => self.summary.sum = field.f64("SampleSum")?,
                3 => {
                    let item = quantile(field.bytes("Quantile")?)?;
                    list("quantiles").push(&mut self.summary.quantiles, item)?;
                }
                4 => self.start_t = Some(timestamp(field.bytes("StartTimestamp")?)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn decode_histogram(&mut self, message: &'a [u8]) -> Result<(), ProtoError> {
        let h = &mut self.histogram;
        let mut reader = Reader::new(message);
        while let Some((number, field)) = reader.field()? {
            match number {
                1 => h.count = field.u64("SampleCount")?,
                2 => h.sum = field.f64("SampleSum")?,
                3 => list("buckets").push(&mut h.buckets, bucket(field.bytes("Bucket")?)?)?,
                4 => h.count_float = field.f64("SampleCountFloat")?,
                5 => h.schema = field.sint32("Schema")?,
                6 => h.zero_threshold = field.f64("ZeroThreshold")?,
                7 => h.zero_count = field.u64("ZeroCount")?,
                8 => h.zero_count_float = field.f64("ZeroCountFloat")?,
                9 => push_span(&mut h.negative.spans, field)?,
                10 => field.push_sint64s(&mut h.negative.deltas, list("negative deltas"))?,
                11 => field.push_f64s(&mut h.negative.counts, list("negative counts"))?,
                12 => push_span(&mut h.positive.spans, field)?,
                13 => field.push_sint64s(&mut h.positive.deltas, list("positive deltas"))?,
                14 => field.push_f64s(&mut h.positive.counts, list("positive counts"))?,
                15 => self.start_t = Some(timestamp(field.bytes("StartTimestamp")?)?),
                16 => list("exemplars").push(&mut h.exemplars, exemplar(field)?)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn single_value(message: &[u8], to: &mut f64) -> Result<(), ProtoError> {
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        if number == 1 {
            *to = field.f64("Value")?;
        }
    }
    Ok(())
}

fn quantile(message: &[u8]) -> Result<(f64, f64), ProtoError> {
    let (mut quantile, mut value) = (0.0, 0.0);
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match number {
            1 => quantile = field.f64("Quantile")?,
            2 => value = field.f64("Value")?,
            _ => {}
        }
    }
    Ok((quantile, value))
}

fn bucket(message: &[u8]) -> Result<Bucket<'_>, ProtoError> {
    let mut bucket = Bucket::default();
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match number {
            1 => bucket.count = field.u64("CumulativeCount")?,
            2 => bucket.upper = field.f64("UpperBound")?,
            3 => bucket.exemplar = Some(exemplar(field)?),
            4 => bucket.count_float = field.f64("CumulativeCountFloat")?,
            _ => {}
        }
    }
    Ok(bucket)
}

fn push_span(to: &mut Vec<Span>, field: Field<'_>) -> Result<(), ProtoError> {
    list("spans").push(to, crate::proto::span(field.bytes("Span")?)?)
}

fn exemplar(field: Field<'_>) -> Result<ExemplarRef<'_>, ProtoError> {
    let message = field.bytes("Exemplar")?;
    let (mut value, mut t) = (0.0, None);
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match number {
            1 => drop(label(field.bytes("Label")?)?),
            2 => value = field.f64("Value")?,
            3 => t = Some(timestamp(field.bytes("Timestamp")?)?),
            _ => {}
        }
    }
    Ok(ExemplarRef { message, value, t })
}

/// Name and value of a label message; `None` where a field is missing.
pub(super) fn label(message: &[u8]) -> Result<(Option<&[u8]>, &[u8]), ProtoError> {
    let (mut name, mut value): (_, &[u8]) = (None, &[]);
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match number {
            1 => name = Some(field.bytes("Name")?),
            2 => value = field.bytes("Value")?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// `google.protobuf.Timestamp` in milliseconds.
fn timestamp(message: &[u8]) -> Result<i64, ProtoError> {
    let (mut seconds, mut nanos) = (0_i64, 0_i32);
    let mut reader = Reader::new(message);
    while let Some((number, field)) = reader.field()? {
        match number {
            1 => seconds = field.i64("Seconds")?,
            2 => nanos = field.i32("Nanos")?,
            _ => {}
        }
    }
    Ok(seconds.wrapping_mul(1000).wrapping_add(i64::from(nanos / 1_000_000)))
}
