//! Remote write 1.0 requests, for tests and tools.

use model::exemplar::Exemplar;
use model::histogram::{ResetHint, Span};
use model::labels::Labels;

use super::{FloatSample, HistogramSample};
use crate::exposition::NativeHistogram;
use crate::proto::{Writer, write_span};

/// A series to send.
#[derive(Debug, Clone, Default)]
pub struct WriteSeries {
    pub labels: Labels,
    /// Start times are left out: 1.0 has none.
    pub samples: Vec<FloatSample>,
    pub histograms: Vec<HistogramSample>,
    pub exemplars: Vec<Exemplar>,
}

/// A `prometheus.WriteRequest` with `series`, not compressed.
#[must_use]
pub fn encode_v1(series: &[WriteSeries]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    for one in series {
        writer.message(1, |writer| write_series(writer, one));
    }
    out
}

/// A request's body, compressed to a snappy block.
#[must_use]
pub fn compress(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new()
        .compress_vec(message)
        .expect("snappy takes messages up to 4 GiB, and ours are cut far below")
}

fn write_series(writer: &mut Writer<'_>, series: &WriteSeries) {
    write_labels(writer, &series.labels);
    for sample in &series.samples {
        writer.message(2, |writer| {
            writer.f64(1, sample.v);
            writer.i64(2, sample.t);
        });
    }
    for exemplar in &series.exemplars {
        writer.message(3, |writer| {
            write_labels(writer, &exemplar.labels);
            writer.f64(2, exemplar.value);
            writer.i64(3, exemplar.t.unwrap_or_default());
        });
    }
    for sample in &series.histograms {
        writer.message(4, |writer| write_histogram(writer, sample));
    }
}

fn write_labels(writer: &mut Writer<'_>, labels: &Labels) {
    for (name, value) in labels {
        writer.message(1, |writer| {
            writer.bytes(1, name.as_bytes());
            writer.bytes(2, value.as_bytes());
        });
    }
}

fn write_histogram(writer: &mut Writer<'_>, sample: &HistogramSample) {
    match &sample.h {
        NativeHistogram::Int(h) => {
            writer.u64_always(1, h.count);
            writer.f64(3, h.sum);
            writer.sint64(4, i64::from(h.schema));
            writer.f64(5, h.zero_threshold);
            writer.u64_always(6, h.zero_count);
            write_spans(writer, 8, &h.negative_spans);
            writer.packed_sint64s(9, &h.negative_deltas);
            write_spans(writer, 11, &h.positive_spans);
            writer.packed_sint64s(12, &h.positive_deltas);
            writer.u64(14, hint_number(h.reset_hint));
            writer.i64(15, sample.t);
            writer.packed_f64s(16, h.custom_values.as_deref().unwrap_or_default());
        }
        NativeHistogram::Float(h) => {
            writer.f64_always(2, h.count);
            writer.f64(3, h.sum);
            writer.sint64(4, i64::from(h.schema));
            writer.f64(5, h.zero_threshold);
            writer.f64_always(7, h.zero_count);
            write_spans(writer, 8, &h.negative_spans);
            writer.packed_f64s(10, &h.negative_buckets);
            write_spans(writer, 11, &h.positive_spans);
            writer.packed_f64s(13, &h.positive_buckets);
            writer.u64(14, hint_number(h.reset_hint));
            writer.i64(15, sample.t);
            writer.packed_f64s(16, h.custom_values.as_deref().unwrap_or_default());
        }
    }
}

fn write_spans(writer: &mut Writer<'_>, field: u64, spans: &[Span]) {
    spans.iter().for_each(|span| write_span(writer, field, *span));
}

fn hint_number(hint: ResetHint) -> u64 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::CounterReset => 1,
        ResetHint::NotCounterReset => 2,
        ResetHint::Gauge => 3,
    }
}
