//! Numbers in labels.

use model::number::general;

/// A number as OpenMetrics writes it in labels: integers with `.0`.
pub(crate) fn open_metrics(v: f64) -> String {
    if v == 1.0 {
        return "1.0".to_owned();
    }
    if v == 0.0 {
        return "0.0".to_owned();
    }
    if v == -1.0 {
        return "-1.0".to_owned();
    }
    let text = general(v);
    let whole = v.is_finite() && !text.contains(['e', '.']);
    if whole { format!("{text}.0") } else { text }
}

#[cfg(test)]
mod tests {
    use super::open_metrics;

    #[test]
    fn integers_have_a_point() {
        for (v, want) in [
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-1.0, "-1.0"),
            (2.0, "2.0"),
            (0.99, "0.99"),
            (1e6, "1e+06"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(open_metrics(v), want);
        }
    }
}
