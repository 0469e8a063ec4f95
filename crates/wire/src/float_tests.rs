//! Floats against Go's rules, written out, and against the standard library where both agree.

use proptest::prelude::*;

use crate::float::{FloatError, format_go, format_open_metrics, parse_exposed, parse_go};

#[test]
fn exposed_values() {
    let good = [
        ("1", 1.0),
        ("-0", -0.0),
        ("+1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("inf", f64::INFINITY),
        ("+Inf", f64::INFINITY),
        ("-iNFinity", f64::NEG_INFINITY),
        ("0.1", 0.1),
        ("123456789012345", 123_456_789_012_345.0),
        ("1234567890123456", 1_234_567_890_123_456.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("4.9e-324", 5e-324),
        ("1e-999", 0.0),
        ("00001", 1.0),
    ];
    for (text, expected) in good {
        let v = parse_exposed(text.as_bytes()).map(f64::to_bits);
        assert_eq!(v, Ok(f64::to_bits(expected)), "{text}");
    }
    assert!(parse_exposed(b"NaN").unwrap().is_nan());
    let bad = [
        "", ".", "-", "+", "e5", "1e", "1e+", "+nan", "-NaN", "0x1", "1.1.1", " 1", "1 ", "infi",
        "\u{661}", "1,5",
    ];
    for text in bad {
        assert_eq!(parse_exposed(text.as_bytes()), Err(FloatError::Syntax), "{text}");
    }
    for text in ["1_2", "0x1p3", "1P", "_"] {
        assert_eq!(parse_exposed(text.as_bytes()), Err(FloatError::Unsupported), "{text}");
    }
    assert_eq!(parse_exposed(b"1e309"), Err(FloatError::Range));
    assert_eq!(parse_exposed(b"-1e309"), Err(FloatError::Range));
    assert_eq!(parse_exposed(b"\xff"), Err(FloatError::Syntax));
}

#[test]
fn hexadecimal_floats_of_bounds() {
    let good = [
        ("0x1p0", 1.0),
        ("0X1.8P1", 3.0),
        ("-0x.8p1", -1.0),
        ("0x1_0p0", 16.0),
        ("0x_1p+4", 16.0),
        ("0x1p-1074", 5e-324),
        ("0x1p-1075", 0.0),
        ("0x1.8p-1075", 5e-324),
        ("0x1.fffffffffffffp1023", f64::MAX),
        ("0x1.0000000000000800001p0", 1.0 + f64::EPSILON),
        ("0x1.00000000000008p0", 1.0),
        ("0x0p99999999999", 0.0),
    ];
    for (text, expected) in good {
        let v = parse_go(text.as_bytes()).map(f64::to_bits);
        assert_eq!(v, Ok(f64::to_bits(expected)), "{text}");
    }
    for text in ["0x", "0xp1", "0x1", "0x1p", "0x1__0p1", "0x1_p1", "0x1p_1", "1_0", "0x1.1.1p1"] {
        assert_eq!(parse_go(text.as_bytes()), Err(FloatError::Syntax), "{text}");
    }
    for text in ["0x1p1024", "0x1.fffffffffffff8p1023"] {
        assert_eq!(parse_go(text.as_bytes()), Err(FloatError::Range), "{text}");
    }
}

#[test]
fn written_forms() {
    let cases = [
        (0.0, "0", "0.0"),
        (-0.0, "-0", "0.0"),
        (1.0, "1", "1.0"),
        (0.005, "0.005", "0.005"),
        (0.0001, "0.0001", "0.0001"),
        (0.00001, "1e-05", "1e-05"),
        (100_000.0, "100000", "100000.0"),
        (1e6, "1e+06", "1e+06"),
        (1_234_567.0, "1.234567e+06", "1.234567e+06"),
        (1e21, "1e+21", "1e+21"),
        (1e100, "1e+100", "1e+100"),
        (f64::INFINITY, "+Inf", "+Inf"),
        (f64::NEG_INFINITY, "-Inf", "-Inf"),
        (f64::NAN, "NaN", "NaN"),
    ];
    for (v, go, open_metrics) in cases {
        let (mut a, mut b) = (String::new(), String::new());
        format_go(&mut a, v);
        format_open_metrics(&mut b, v);
        assert_eq!((a.as_str(), b.as_str()), (go, open_metrics));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn decimals_are_exact_to_the_last_bit(text in "-?[0-9]{1,17}(\\.[0-9]{0,17})?(e-?[0-9]{1,2})?") {
        let v = parse_exposed(text.as_bytes()).map(f64::to_bits);
        prop_assert_eq!(v, Ok(text.parse::<f64>().unwrap().to_bits()));
    }

    #[test]
    fn what_is_written_reads_back(bits in any::<u64>()) {
        let v = f64::from_bits(bits);
        prop_assume!(!v.is_nan());
        let mut text = String::new();
        format_go(&mut text, v);
        prop_assert_eq!(parse_exposed(text.as_bytes()).map(f64::to_bits), Ok(bits));
    }
}
