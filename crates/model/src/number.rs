//! Numbers as Go prints them.

/// `%g`: the shortest digits that read back, with an exponent below 1e-4 and from 1e6 on.
#[must_use]
pub fn general(v: f64) -> String {
    special(v).unwrap_or_else(|| layout(&format!("{v:e}"), 6))
}

/// `%.Ng`: at most `digits` significant digits.
#[must_use]
pub fn general_digits(v: f64, digits: usize) -> String {
    let limit = i32::try_from(digits).unwrap_or(i32::MAX);
    special(v).unwrap_or_else(|| {
        let text = format!("{v:.*e}", digits.saturating_sub(1));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = match mantissa.contains('.') {
            true => mantissa.trim_end_matches('0').trim_end_matches('.'),
            false => mantissa,
        };
        layout(&format!("{mantissa}e{exponent}"), limit)
    })
}

/// `'f'` with the shortest digits that read back: never an exponent.
#[must_use]
pub fn plain(v: f64) -> String {
    special(v).unwrap_or_else(|| {
        let mut text = String::new();
        stdx::float::push_shortest(&mut text, v);
        text
    })
}

/// `%f`: six digits after the point.
#[must_use]
pub fn fixed(v: f64) -> String {
    special(v).unwrap_or_else(|| format!("{v:.6}"))
}

fn special(v: f64) -> Option<String> {
    if v.is_nan() {
        Some("NaN".to_owned())
    } else if v.is_infinite() {
        Some(if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned())
    } else {
        None
    }
}

/// Lays out `D.DDDeX`; from exponent `limit` on with an exponent.
fn layout(scientific: &str, limit: i32) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= limit {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    // Exact: the digits are few and read back to the same number.
    format!("{mantissa}e{exponent}")
        .parse::<f64>()
        .map_or_else(|_| mantissa.to_owned(), |v| format!("{v}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_prints() {
        let shown: Vec<String> = [
            0.0,
            -0.0,
            1.5,
            100_000.0,
            1e6,
            123_456_789.0,
            1e-4,
            1e-5,
            f64::NAN,
            f64::NEG_INFINITY,
        ]
        .into_iter()
        .map(general)
        .collect();
        assert_eq!(
            shown,
            [
                "0",
                "-0",
                "1.5",
                "100000",
                "1e+06",
                "1.23456789e+08",
                "0.0001",
                "1e-05",
                "NaN",
                "-Inf"
            ]
        );
        assert_eq!(general_digits(0.123, 2), "0.12");
        assert_eq!(general_digits(120.0, 2), "1.2e+02");
        assert_eq!(general_digits(2.0, 2), "2");
        assert_eq!(plain(1e21), "1000000000000000000000");
        assert_eq!(fixed(0.5), "0.500000");
        assert_eq!(fixed(f64::INFINITY), "+Inf");
    }
}
