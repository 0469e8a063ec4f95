//! Histograms as texts: for people, and in the notation of test scripts.

use std::fmt;

use super::{FloatHistogram, ResetHint, Span};
use crate::number::general;

impl fmt::Display for FloatHistogram {
    /// `{count:3, sum:4.5, [-0.001,0.001]:1, (1,2]:2}`; empty buckets are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", general(self.count), general(self.sum))?;
        let mut negative = self.negative();
        negative.reverse();
        let zero = (!self.is_custom()).then(|| self.zero_bucket());
        for bucket in negative.into_iter().chain(zero).chain(self.positive()) {
            if bucket.count != 0.0 {
                write!(f, ", {bucket}")?;
            }
        }
        f.write_str("}")
    }
}

impl FloatHistogram {
    /// The notation of test scripts: `{{schema:1 count:3 sum:4.5 offset:1 buckets:[1 2]}}`. Gaps become empty buckets.
    #[must_use]
    pub fn test_expression(&self) -> String {
        let mut h = self.clone();
        h.compact_with_gaps(GAP_MAX);
        let mut parts = Vec::new();
        if h.schema != 0 {
            parts.push(format!("schema:{}", h.schema));
        }
        for (name, value) in [
            ("count", h.count),
            ("sum", h.sum),
            ("z_bucket", h.zero_count),
            ("z_bucket_w", h.zero_threshold),
        ] {
            if value != 0.0 {
                parts.push(format!("{name}:{}", general(value)));
            }
        }
        if h.is_custom() {
            parts.push(format!("custom_values:[{}]", numbers(h.custom_bounds())));
        }
        match h.reset_hint {
            ResetHint::Unknown => {}
            ResetHint::CounterReset => parts.push("counter_reset_hint:reset".to_owned()),
            ResetHint::NotCounterReset => parts.push("counter_reset_hint:not_reset".to_owned()),
            ResetHint::Gauge => parts.push("counter_reset_hint:gauge".to_owned()),
        }
        push_side(&mut parts, "", &h.positive_spans, &h.positive_buckets);
        push_side(&mut parts, "n_", &h.negative_spans, &h.negative_buckets);
        format!("{{{{{}}}}}", parts.join(" "))
    }
}

/// Widest gap that is written as empty buckets. (Schema 8 has half a million buckets of finite values.)
const GAP_MAX: u32 = 1 << 20;

fn push_side(parts: &mut Vec<String>, prefix: &str, spans: &[Span], counts: &[f64]) {
    if let Some(first) = spans.first().filter(|span| span.offset != 0) {
        parts.push(format!("{prefix}offset:{}", first.offset));
    }
    if !counts.is_empty() {
        parts.push(format!("{prefix}buckets:[{}]", numbers(counts)));
    }
}

fn numbers(values: &[f64]) -> String {
    values.iter().map(|value| general(*value)).collect::<Vec<_>>().join(" ")
}
