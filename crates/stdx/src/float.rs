//! Numbers as decimal texts.

use std::fmt::Write as _;

/// Appends the shortest digits that read back as `value`, without an exponent. Of two that are equally near the last digit is
/// even, as Go's `strconv` has it (Rust's own rounds such up). `value` is finite.
pub fn push_shortest(out: &mut String, value: f64) {
    let from = out.len();
    write!(out, "{value}").expect("a String takes all");
    let Some(point) = out[from..].find('.') else { return };
    let decimals = out.len() - from - point - 1;
    // A number with n binary places has n decimals, the last a 5: one less than that is a tie.
    if binary_places(value) == decimals + 1
        && let Some(last) = out.pop()
    {
        let even = match last {
            '1' => '0',
            '3' => '2',
            '5' => '4',
            '7' => '6',
            '9' => '8',
            even => even,
        };
        out.push(even);
    }
}

/// How many binary digits stand after the point.
fn binary_places(value: f64) -> usize {
    let bits = value.to_bits();
    let exponent = usize::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let zeros = usize::try_from(mantissa.trailing_zeros()).unwrap_or(0);
    (1023_usize + 52).saturating_sub(exponent + zeros)
}

#[cfg(test)]
mod tests {
    use super::push_shortest;

    #[test]
    #[expect(clippy::excessive_precision, reason = "the numbers' exact values")]
    fn ties_are_even() {
        let shown = |value: f64| {
            let mut out = String::from("x=");
            push_shortest(&mut out, value);
            assert_eq!(out[2..].parse::<f64>().map(f64::to_bits), Ok(value.to_bits()));
            out
        };
        for (value, text) in [
            (1_532_279_665_650_814.25, "x=1532279665650814.2"),
            (-1_532_279_665_650_814.75, "x=-1532279665650814.8"),
            (259_655_230_792_512.125, "x=259655230792512.12"),
            (751_498_273_473.031_25, "x=751498273473.0312"),
            (0.5, "x=0.5"),
            (0.1, "x=0.1"),
            (-0.0, "x=-0"),
            (1e20, "x=100000000000000000000"),
        ] {
            assert_eq!(shown(value), text);
        }
    }
}
