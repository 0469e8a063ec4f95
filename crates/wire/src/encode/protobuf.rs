//! Delimited `io.prometheus.client.MetricFamily`, written.

use model::exemplar::Exemplar;
use model::histogram::Span;
use model::metadata::MetricType;

use super::{Bucket, Family, Metric, Names, Value, whole};
use crate::exposition::NativeHistogram;
use crate::proto::{Writer, put_len, write_span};

pub(super) fn family(out: &mut Vec<u8>, family: &Family<'_>, names: Names) {
    let mut message = Vec::new();
    let mut writer = Writer::new(&mut message);
    writer.bytes(1, names.metric(family.name).as_bytes());
    writer.bytes(2, family.help.as_bytes());
    writer.u64(3, type_number(family.kind));
    for metric in family.metrics {
        writer.message(4, |writer| write_metric(writer, metric, family.kind, names));
    }
    writer.bytes(5, family.unit.as_bytes());
    put_len(out, message.len());
    out.extend_from_slice(&message);
}

fn type_number(kind: MetricType) -> u64 {
    match kind {
        MetricType::Counter => 0,
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => 1,
        MetricType::Summary => 2,
        MetricType::Unknown => 3,
        MetricType::Histogram => 4,
        MetricType::GaugeHistogram => 5,
    }
}

fn write_metric(writer: &mut Writer<'_>, metric: &Metric<'_>, kind: MetricType, names: Names) {
    for (name, value) in metric.labels {
        writer.message(1, |writer| {
            writer.bytes(1, names.label(name).as_bytes());
            writer.bytes(2, value.as_bytes());
        });
    }
    let start_t = metric.start_t;
    match metric.value {
        Value::Simple { v, exemplar } => match kind {
            MetricType::Counter => writer.message(3, |writer| {
                writer.f64(1, v);
                write_exemplar(writer, 2, exemplar);
                write_time(writer, 3, start_t);
            }),
            MetricType::Unknown => writer.message(5, |writer| writer.f64(1, v)),
            MetricType::Gauge
            | MetricType::Info
            | MetricType::StateSet
            | MetricType::Summary
            | MetricType::Histogram
            | MetricType::GaugeHistogram => writer.message(2, |writer| writer.f64(1, v)),
        },
        Value::Summary { count, sum, quantiles } => writer.message(4, |writer| {
            writer.u64(1, count);
            writer.f64(2, sum);
            for (quantile, v) in quantiles {
                writer.message(3, |writer| {
                    writer.f64(1, *quantile);
                    writer.f64(2, *v);
                });
            }
            write_time(writer, 4, start_t);
        }),
        Value::Histogram { count, sum, buckets } => writer.message(7, |writer| {
            write_count(writer, [1, 4], count);
            writer.f64(2, sum);
            write_buckets(writer, buckets);
            write_time(writer, 15, start_t);
        }),
        Value::Native { h, buckets, exemplars } => writer.message(7, |writer| {
            write_native(writer, h);
            write_buckets(writer, buckets);
            write_time(writer, 15, start_t);
            exemplars.iter().for_each(|one| write_exemplar(writer, 16, Some(one)));
        }),
    }
    writer.i64(6, metric.t.unwrap_or_default());
}

/// A count in the field of integers or that of floats.
fn write_count(writer: &mut Writer<'_>, [int, float]: [u64; 2], count: f64) {
    match whole(count) {
        Some(count) => writer.u64(int, count),
        None => writer.f64(float, count),
    }
}

fn write_buckets(writer: &mut Writer<'_>, buckets: &[Bucket<'_>]) {
    for bucket in buckets {
        writer.message(3, |writer| {
            write_count(writer, [1, 4], bucket.cumulative);
            writer.f64(2, bucket.upper);
            write_exemplar(writer, 3, bucket.exemplar);
        });
    }
}

fn write_native(writer: &mut Writer<'_>, h: &NativeHistogram) {
    let no_op = [Span { offset: 0, length: 0 }];
    // A histogram without spans, zero threshold and zero count would be read as a classic one.
    let spans_of =
        |spans: &[Span], empty: bool| if empty { no_op.to_vec() } else { spans.to_vec() };
    match h {
        NativeHistogram::Int(h) => {
            let empty = h.positive_spans.is_empty() && h.negative_spans.is_empty();
            writer.u64(1, h.count);
            writer.f64(2, h.sum);
            writer.sint64(5, i64::from(h.schema));
            writer.f64(6, h.zero_threshold);
            writer.u64(7, h.zero_count);
            h.negative_spans.iter().for_each(|span| write_span(writer, 9, *span));
            writer.packed_sint64s(10, &h.negative_deltas);
            let positive = spans_of(&h.positive_spans, empty);
            positive.iter().for_each(|span| write_span(writer, 12, *span));
            writer.packed_sint64s(13, &h.positive_deltas);
        }
        NativeHistogram::Float(h) => {
            let empty = h.positive_spans.is_empty() && h.negative_spans.is_empty();
            writer.f64(4, h.count);
            writer.f64(2, h.sum);
            writer.sint64(5, i64::from(h.schema));
            writer.f64(6, h.zero_threshold);
            writer.f64(8, h.zero_count);
            h.negative_spans.iter().for_each(|span| write_span(writer, 9, *span));
            writer.packed_f64s(11, &h.negative_buckets);
            let positive = spans_of(&h.positive_spans, empty);
            positive.iter().for_each(|span| write_span(writer, 12, *span));
            writer.packed_f64s(14, &h.positive_buckets);
        }
    }
}

fn write_exemplar(writer: &mut Writer<'_>, field: u64, exemplar: Option<&Exemplar>) {
    let Some(exemplar) = exemplar else {
        return;
    };
    writer.message(field, |writer| {
        for (name, value) in &exemplar.labels {
            writer.message(1, |writer| {
                writer.bytes(1, name.as_bytes());
                writer.bytes(2, value.as_bytes());
            });
        }
        writer.f64(2, exemplar.value);
        write_time(writer, 3, exemplar.t);
    });
}

/// `google.protobuf.Timestamp`
fn write_time(writer: &mut Writer<'_>, field: u64, t: Option<i64>) {
    let Some(t) = t else {
        return;
    };
    writer.message(field, |writer| {
        writer.i64(1, t.div_euclid(1000));
        writer.i64(2, t.rem_euclid(1000) * 1_000_000);
    });
}
