//! Chunk decoders: no panic and no unbounded memory on any bytes; samples that are read are encoded to bytes that give them again.
#![no_main]

use model::histogram::FloatHistogram;
use model::sample::Samples;
use tsdb::chunk::{
    self, Encoding, Fit, FloatHistogramChunk, HistogramChunk, ResetHeader, XorChunk,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&number, bytes)) = bytes.split_first() else { return };
    let Ok(encoding) = Encoding::from_number(1 + number % 3) else { return };
    let mut samples = Samples::default();
    if chunk::decode(encoding, bytes, &mut samples).is_err() {
        assert!(samples.is_empty());
        return;
    }
    match encoding {
        Encoding::Xor => floats(&samples),
        Encoding::Histogram => histograms(bytes),
        Encoding::FloatHistogram => float_histograms(bytes),
    }
});

fn floats(samples: &Samples) {
    let mut chunk = XorChunk::default();
    for (t, v) in samples.ts.iter().zip(&samples.vs) {
        chunk.append(*t, *v).expect("as many as were read");
    }
    let mut again = Samples::default();
    chunk::decode(Encoding::Xor, &chunk.to_bytes(), &mut again).expect("our own bytes");
    let bits = |samples: &Samples| samples.vs.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert!(again.ts == samples.ts && bits(&again) == bits(samples));
}

/// Only as far as they fit into one chunk: damaged ones may go down.
fn histograms(bytes: &[u8]) {
    let mut samples = Vec::new();
    chunk::decode_histograms(bytes, &mut samples).expect("read before");
    let Some((t, h)) = samples.first() else { return };
    let mut chunk =
        HistogramChunk::start(ResetHeader::first(h.reset_hint), *t, h).expect("read before");
    for (t, h) in &samples[1..] {
        if chunk.append(*t, h) != Ok(Fit::Appended) {
            break;
        }
    }
    let mut again = Vec::new();
    chunk::decode_histograms(chunk.bytes(), &mut again).expect("our own bytes");
    assert_eq!(again.len(), usize::from(chunk.len()));
}

fn float_histograms(bytes: &[u8]) {
    let mut samples = Vec::new();
    chunk::decode_float_histograms(bytes, &mut samples).expect("read before");
    let Some((t, h)) = samples.first() else { return };
    let header = ResetHeader::first(h.reset_hint);
    let mut chunk = FloatHistogramChunk::start(header, *t, h).expect("read before");
    for (t, h) in &samples[1..] {
        if chunk.append(*t, h) != Ok(Fit::Appended) {
            break;
        }
    }
    let mut again = Vec::new();
    chunk::decode_float_histograms(chunk.bytes(), &mut again).expect("our own bytes");
    assert_eq!(again.len(), usize::from(chunk.len()));
    assert!(again.iter().zip(&samples).all(|(a, b)| a.0 == b.0 && a.1 == one_zero(&b.1)));
}

/// Prometheus' encoding of zero thresholds and custom bounds has one zero: −0 is read back as 0.
fn one_zero(h: &FloatHistogram) -> FloatHistogram {
    let unsigned = |x: f64| if x == 0.0 { 0.0 } else { x };
    let bounds = h.custom_values.as_ref();
    FloatHistogram {
        zero_threshold: unsigned(h.zero_threshold),
        custom_values: bounds.map(|bounds| bounds.iter().copied().map(unsigned).collect()),
        ..h.clone()
    }
}
