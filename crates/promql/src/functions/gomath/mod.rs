//! Elementary functions with the results of Go's `math` on amd64, to the last bit.
//!
//! Where Go has FreeBSD's algorithms `libm` agrees with it. Here are those for which Go has other methods: Moshier's (Cephes) for
//! the circular functions, Shibata's (SLEEF) for the exponential, Hart and Cheney's for the hyperbolic sine. The coefficients are
//! theirs; the order of operations decides the last bit.

#![expect(clippy::excessive_precision, reason = "coefficients as they are published")]

mod circle;
#[cfg(test)]
mod tests;

use std::f64::consts::{LN_2, LOG2_E, LOG10_E};

pub(crate) use circle::{acos, asin, atan, atan2, cos, sin, tan};

/// A polynomial of `z`, highest power first.
fn poly(coefficients: &[f64], z: f64) -> f64 {
    coefficients[1..].iter().fold(coefficients[0], |sum, c| sum * z + c)
}

/// A polynomial whose highest coefficient is 1.
fn monic(coefficients: &[f64], z: f64) -> f64 {
    coefficients.iter().fold(1.0, |sum, c| sum * z + c)
}

/// 2 to the power `k`, which must be that of a normal number.
fn power_of_two(k: i32) -> f64 {
    f64::from_bits(u64::from((k + 1023).unsigned_abs()) << 52)
}

/// e to the power `x`: the rest after a power of two is divided by 16, put into a series, and squared four times.
pub(crate) fn exp(x: f64) -> f64 {
    const OVERFLOW: f64 = 7.097_827_128_933_84e2;
    const LN2_UPPER: f64 = 0.693_147_180_559_662_956_511_601_805_686_950_683_593_75;
    const LN2_LOWER: f64 = 0.282_352_905_630_315_771_225_884_481_750_134_360_255_254_120_68e-12;
    const SERIES: [f64; 7] = [
        1.984_126_984_126_984_127_0e-4,
        1.388_888_888_888_888_888_9e-3,
        8.333_333_333_333_333_333_3e-3,
        4.166_666_666_666_666_666_7e-2,
        1.666_666_666_666_666_666_7e-1,
        0.5,
        1.0,
    ];
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x > OVERFLOW {
        return f64::INFINITY;
    }
    let k = (x * LOG2_E).round_ties_even();
    if k < -1075.0 {
        return 0.0;
    }
    let rest = (-k).mul_add(LN2_UPPER, x);
    let rest = (-k).mul_add(LN2_LOWER, rest) * 0.0625;
    let series =
        SERIES.iter().fold(2.480_158_730_158_730_158_7e-5, |sum: f64, c| sum.mul_add(rest, *c));
    let mut less_one = rest * series;
    for _ in 0..3 {
        less_one *= less_one + 2.0;
    }
    let value = (less_one + 2.0).mul_add(less_one, 1.0);
    scale(value, whole(k))
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by the callers")]
fn whole(k: f64) -> i32 {
    k as i32
}

/// `value` times 2 to the power `k`.
fn scale(value: f64, k: i32) -> f64 {
    if k + 1023 >= 0x7ff {
        f64::INFINITY
    } else if k + 1023 > 0 {
        value * power_of_two(k)
    } else if k + 1023 >= -52 {
        value * power_of_two(k + 1022) * f64::MIN_POSITIVE
    } else {
        0.0
    }
}

pub(crate) fn log10(x: f64) -> f64 {
    libm::log(x) * LOG10_E
}

/// The exponent is exact, so that powers of two are.
pub(crate) fn log2(x: f64) -> f64 {
    let (fraction, exponent) = libm::frexp(x);
    if fraction == 0.5 {
        return f64::from(exponent - 1);
    }
    libm::log(fraction) * LOG2_E + f64::from(exponent)
}

pub(crate) fn sinh(x: f64) -> f64 {
    const P: [f64; 4] = [
        -0.263_056_321_339_749_706_281_948_9e2,
        -0.289_421_135_598_956_380_728_466_036_6e4,
        -0.899_127_202_203_950_935_539_801_351_1e5,
        -0.630_767_364_049_771_699_118_478_725_1e6,
    ];
    const Q: [f64; 3] = [
        -0.173_678_953_558_233_699_533_450_911e3,
        0.152_151_737_879_001_907_069_648_517_6e5,
        -0.630_767_364_049_771_699_121_207_727_7e6,
    ];
    let a = if x < 0.0 { -x } else { x };
    let value = if a > 21.0 {
        exp(a) * 0.5
    } else if a > 0.5 {
        let e = exp(a);
        (e - 1.0 / e) * 0.5
    } else {
        let square = a * a;
        poly(&P, square) * a / monic(&Q, square)
    };
    if x < 0.0 { -value } else { value }
}

pub(crate) fn cosh(x: f64) -> f64 {
    let e = exp(x.abs());
    if x.abs() > 21.0 { e * 0.5 } else { (e + 1.0 / e) * 0.5 }
}

pub(crate) fn tanh(x: f64) -> f64 {
    const LOG_MAX: f64 = 8.802_969_193_111_305_429_598_8e1;
    const P: [f64; 3] = [
        -9.643_991_794_250_522_386_28e-1,
        -9.928_772_310_019_185_865_64e1,
        -1.614_687_684_417_084_479_52e3,
    ];
    const Q: [f64; 3] = [
        1.128_116_784_916_329_314_02e2,
        2.235_488_390_601_004_485_83e3,
        4.844_063_053_251_254_860_48e3,
    ];
    let a = x.abs();
    if a > 0.5 * LOG_MAX {
        return 1.0_f64.copysign(x);
    }
    if a >= 0.625 {
        return (1.0 - 2.0 / (exp(2.0 * a) + 1.0)).copysign(x);
    }
    if x == 0.0 {
        return x;
    }
    let square = x * x;
    x + x * square * poly(&P, square) / monic(&Q, square)
}

/// Where a square loses all of what is added to it.
const LARGE: f64 = 268_435_456.0;

pub(crate) fn acosh(x: f64) -> f64 {
    if x.is_nan() || x < 1.0 {
        f64::NAN
    } else if x == 1.0 {
        0.0
    } else if x >= LARGE {
        libm::log(x) + LN_2
    } else if x > 2.0 {
        libm::log(2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt()))
    } else {
        let t = x - 1.0;
        libm::log1p(t + (2.0 * t + t * t).sqrt())
    }
}

pub(crate) fn asinh(x: f64) -> f64 {
    let a = x.abs();
    let value = if !a.is_finite() || a < 1.0 / LARGE {
        a
    } else if a > LARGE {
        libm::log(a) + LN_2
    } else if a > 2.0 {
        libm::log(2.0 * a + 1.0 / ((a * a + 1.0).sqrt() + a))
    } else {
        libm::log1p(a + a * a / (1.0 + (1.0 + a * a).sqrt()))
    };
    value.copysign(x)
}

pub(crate) fn atanh(x: f64) -> f64 {
    let a = x.abs();
    let value = if a.is_nan() || a > 1.0 {
        return f64::NAN;
    } else if a == 1.0 {
        f64::INFINITY
    } else if a < 1.0 / LARGE {
        a
    } else if a < 0.5 {
        let twice = a + a;
        0.5 * libm::log1p(twice + twice * a / (1.0 - a))
    } else {
        0.5 * libm::log1p((a + a) / (1.0 - a))
    };
    value.copysign(x)
}

/// `x` to the power `y`: the fraction of `y` by logarithm, the whole by squaring.
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    if y == 0.5 && x.is_finite() && x != 0.0 {
        return x.sqrt();
    }
    if y == -0.5 && x.is_finite() && x != 0.0 {
        return 1.0 / x.sqrt();
    }
    let special = y == 0.0 || y == 1.0 || x == 0.0 || x == 1.0 || !x.is_finite() || !y.is_finite();
    let (fraction, whole) = libm::modf(y.abs());
    if special || (fraction != 0.0 && x < 0.0) || whole >= 9.223_372_036_854_775_808e18 {
        // Exact results, on which all agree.
        return libm::pow(x, y);
    }
    let (mut value, mut exponent) = (1.0, 0);
    let mut n = to_whole(whole);
    if fraction != 0.0 {
        let mut fraction = fraction;
        if fraction > 0.5 {
            fraction -= 1.0;
            n += 1;
        }
        value = exp(fraction * libm::log(x));
    }
    let (mut square, mut square_exponent) = libm::frexp(x);
    while n != 0 {
        if !(-4096..=4096).contains(&square_exponent) {
            // Far beyond all numbers: over or under.
            exponent += square_exponent;
            break;
        }
        if n & 1 == 1 {
            value *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent <<= 1;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        n >>= 1;
    }
    if y < 0.0 {
        (value, exponent) = (1.0 / value, -exponent);
    }
    libm::ldexp(value, exponent)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole, positive, and below 2^63"
)]
fn to_whole(v: f64) -> u64 {
    v as u64
}
