//! JSON written by hand, in Prometheus' notation: the parts that answers are made of.
//!
//! Every function appends to `out` one JSON value (or, where it says so, a piece of one).

use std::fmt::Write as _;

use model::histogram::FloatHistogram;
use model::labels::Labels;

/// A string with its quotes.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (i, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => {
                out.push_str(&text[plain..i]);
                write!(out, "\\u{byte:04x}").expect("a String takes all");
                plain = i + 1;
                continue;
            }
            _ => continue,
        };
        out.push_str(&text[plain..i]);
        out.push_str(escape);
        plain = i + 1;
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// `"key":`
pub(crate) fn key(out: &mut String, name: &str) {
    string(out, name);
    out.push(':');
}

/// `[…]` with `each` item written by `write`.
pub(crate) fn array<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// `{"name":…}` with each value written by `write`.
pub(crate) fn object<'a, T>(
    out: &mut String,
    fields: impl IntoIterator<Item = (&'a str, T)>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push('{');
    for (i, (name, value)) in fields.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        key(out, name);
        write(out, value);
    }
    out.push('}');
}

/// `{"name":"value",…}`
pub(crate) fn strings<'a>(out: &mut String, fields: impl IntoIterator<Item = (&'a str, &'a str)>) {
    object(out, fields, string);
}

pub(crate) fn labels(out: &mut String, labels: &Labels) {
    strings(out, labels);
}

/// Milliseconds as seconds: `1435781451.781`, `1435781451`.
pub(crate) fn timestamp(out: &mut String, ms: i64) {
    if ms < 0 {
        out.push('-');
    }
    let ms = ms.unsigned_abs();
    let fraction = ms % 1000;
    write!(out, "{}", ms / 1000).expect("a String takes all");
    if fraction != 0 {
        write!(out, ".{fraction:03}").expect("a String takes all");
    }
}

/// A sample's value: a string, as JSON has no `NaN` and `+Inf`.
pub(crate) fn quoted_float(out: &mut String, value: f64) {
    out.push('"');
    bare_float(out, value);
    out.push('"');
}

/// A number without quotes; what JSON cannot say is 0.
pub(crate) fn number(out: &mut String, value: f64) {
    bare_float(out, if value.is_finite() { value } else { 0.0 });
}

/// The shortest digits that read back the same; an exponent below 1e-6 and from 1e21 on.
fn bare_float(out: &mut String, value: f64) {
    let size = value.abs();
    if value.is_nan() {
        out.push_str("NaN");
    } else if size.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, power) = match exponent.strip_prefix('-') {
            Some(power) => ('-', power),
            None => ('+', exponent),
        };
        write!(out, "{digits}e{sign}{power:0>2}").expect("a String takes all");
    } else {
        stdx::float::push_shortest(out, value);
    }
}

/// `[time, "value"]`
pub(crate) fn float_point(out: &mut String, t: i64, value: f64) {
    out.push('[');
    timestamp(out, t);
    out.push(',');
    quoted_float(out, value);
    out.push(']');
}

/// `[time, {histogram}]`
pub(crate) fn histogram_point(out: &mut String, t: i64, h: &FloatHistogram) {
    out.push('[');
    timestamp(out, t);
    out.push(',');
    histogram(out, h);
    out.push(']');
}

/// `{"count":"3","sum":"4.5","buckets":[[0,"0.25","0.5","1"],…]}`: the first number of a bucket says which of its ends
/// belong to it (0 the upper, 1 the lower, 2 none, 3 both); empty buckets are left out.
fn histogram(out: &mut String, h: &FloatHistogram) {
    out.push_str("{\"count\":");
    quoted_float(out, h.count);
    out.push_str(",\"sum\":");
    quoted_float(out, h.sum);
    if h.buckets().iter().any(|bucket| bucket.count != 0.0) {
        out.push_str(",\"buckets\":");
        histogram_buckets(out, h);
    }
    out.push('}');
}

/// The buckets that are not empty, in order.
pub(crate) fn histogram_buckets(out: &mut String, h: &FloatHistogram) {
    let filled = h.buckets().into_iter().filter(|bucket| bucket.count != 0.0);
    array(out, filled, |out, bucket| {
        out.push('[');
        out.push_str(&bucket.rule().to_string());
        for value in [bucket.lower, bucket.upper, bucket.count] {
            out.push(',');
            quoted_float(out, value);
        }
        out.push(']');
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn floats_are_written_as_prometheus_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (-1.5e300, "-1.5e+300"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(|out| quoted_float(out, value)), format!("\"{text}\""));
        }
    }

    #[test]
    fn times_are_seconds() {
        for (ms, text) in [
            (1_435_781_451_781, "1435781451.781"),
            (1000, "1"),
            (1, "0.001"),
            (-1500, "-1.500"),
            (0, "0"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            assert_eq!(written(|out| timestamp(out, ms)), text);
        }
    }

    #[test]
    fn strings_survive_a_json_reader() {
        for text in ["", "a\"b\\c\n\r\t", "\u{0}\u{1f}\u{7f}", "한글 <script>", "\u{2028}😀"] {
            let json = written(|out| string(out, text));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text, "{json}");
        }
    }

    #[test]
    fn histograms_have_their_buckets_in_order() {
        let mut h = FloatHistogram {
            schema: 0,
            zero_threshold: 0.25,
            zero_count: 3.0,
            count: 10.0,
            sum: 7.5,
            positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }],
            positive_buckets: vec![2.0, 0.0, 4.0],
            negative_spans: vec![Span { offset: 1, length: 1 }],
            negative_buckets: vec![1.0],
            ..FloatHistogram::default()
        };
        expect_test::expect![[r#"{"count":"10","sum":"7.5","buckets":[[1,"-2","-1","1"],[3,"-0.25","0.25","3"],[0,"0.5","1","2"],[0,"4","8","4"]]}"#]]
            .assert_eq(&written(|out| histogram(out, &h)));
        // To the last digit Prometheus' bound, which is not the nearest float to the root of two.
        h = FloatHistogram {
            schema: 1,
            positive_spans: vec![Span { offset: 1, length: 1 }],
            positive_buckets: vec![1.0],
            ..FloatHistogram::default()
        };
        expect_test::expect![[
            r#"{"count":"0","sum":"0","buckets":[[0,"1","1.414213562373095","1"]]}"#
        ]]
        .assert_eq(&written(|out| histogram(out, &h)));
        h = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 3.0,
            sum: 1.0,
            positive_spans: vec![Span { offset: 0, length: 3 }],
            positive_buckets: vec![1.0, 1.0, 1.0],
            custom_values: Some([0.5, 1.0].into()),
            ..FloatHistogram::default()
        };
        expect_test::expect![[r#"{"count":"3","sum":"1","buckets":[[3,"-Inf","0.5","1"],[0,"0.5","1","1"],[0,"1","+Inf","1"]]}"#]]
            .assert_eq(&written(|out| histogram(out, &h)));
    }

    proptest::proptest! {
        #[test]
        fn floats_read_back_the_same(bits: u64) {
            let value = f64::from_bits(bits);
            let text = written(|out| bare_float(out, value));
            let back: f64 = text.parse().unwrap();
            proptest::prop_assert!(back.to_bits() == bits || value.is_nan() && back.is_nan(), "{text}");
        }
    }
}
