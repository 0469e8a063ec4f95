//! What every exposition target does with a body.
#![allow(dead_code, reason = "each target uses a part of it")]

use wire::exposition::{Entry, Format, LabelBuf, Parser, ProtobufOptions};

/// Reads everything that can be read.
pub fn walk(body: &[u8], format: Format) {
    for options in [
        ProtobufOptions { ignore_native: true, keep_classic: false },
        ProtobufOptions { ignore_native: false, keep_classic: true },
    ] {
        let mut parser = Parser::with_options(body, format, options);
        let mut labels = LabelBuf::new();
        while let Ok(Some(entry)) = parser.next_entry() {
            match entry {
                Entry::Series(series) => {
                    series.labels_into(&mut labels);
                    let _ = (labels.to_labels(), series.exemplar(), series.start_t());
                }
                Entry::Histogram(histogram) => {
                    histogram.labels_into(&mut labels);
                    let _ = (labels.to_labels(), histogram.exemplars(), histogram.start_t());
                }
                Entry::Help { .. } | Entry::Type { .. } | Entry::Unit { .. } | Entry::Comment(_) => {}
            }
        }
    }
}

/// Reads every series twice: by its known text, and in full.
pub fn known_equals_full(body: &[u8], format: Format) {
    let mut full = Parser::new(body, format);
    loop {
        let start = full.position();
        let Ok(Some(entry)) = full.next_entry() else {
            return;
        };
        let Entry::Series(series) = entry else {
            continue;
        };
        let (v, t) = (series.v.to_bits(), series.t);
        if !body[start..].starts_with(series.key) {
            continue;
        }
        let at = start + series.key.len();
        let exemplar = series.exemplar().is_some();
        if let Some(known) = wire::exposition::after_known_series(format, body, at) {
            assert_eq!((known.v.to_bits(), known.t), (v, t));
            assert!(!exemplar);
            // The body may end where the parser sees a line break that was left out.
            assert_eq!(known.next, full.position().min(body.len()));
        }
    }
}
