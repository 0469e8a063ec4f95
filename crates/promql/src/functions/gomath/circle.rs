//! The circular functions and their inverses.

#![expect(clippy::excessive_precision, reason = "coefficients as they are published")]

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use super::{monic, poly};

/// The octant (even) of a positive angle, and what is left of it: within an eighth of a turn around zero.
fn reduce(x: f64) -> (u64, f64) {
    /// From here on products with the parts of π/4 are no longer exact.
    const LARGE: f64 = 536_870_912.0;
    const PI4_A: f64 = 7.853_981_256_484_985_351_56e-1;
    const PI4_B: f64 = 3.774_894_707_930_798_176_68e-8;
    const PI4_C: f64 = 2.695_151_429_079_059_526_45e-15;
    if x >= LARGE {
        return reduce_large(x);
    }
    let mut octant = octants(x * (4.0 / PI));
    octant += octant & 1;
    let y = f64::from(octant);
    (u64::from(octant), ((x - y * PI4_A) - y * PI4_B) - y * PI4_C)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "cuts the fraction on purpose; below 2^30"
)]
fn octants(x: f64) -> u32 {
    x as u32
}

/// Payne and Hanek's reduction: the product with just the digits of 4/π that matter, in integers.
fn reduce_large(x: f64) -> (u64, f64) {
    let bits = x.to_bits();
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    // 61 more than the exponent of the mantissa's last bit.
    let from = usize::try_from((bits >> 52) & 0x7ff).unwrap_or(0) + 61 - 1023 - 52;
    let (digit, shift) = (from / 64, from % 64);
    let window = |i: usize| {
        let (high, low) = (FOUR_BY_PI[digit + i], FOUR_BY_PI[digit + i + 1]);
        if shift == 0 { high } else { high << shift | low >> (64 - shift) }
    };
    let product = |digits: u64| u128::from(digits) * u128::from(mantissa);
    let top = u128::from(window(0).wrapping_mul(mantissa)) << 64;
    let all = top.wrapping_add(product(window(1))).wrapping_add(product(window(2)) >> 64);
    // Three bits of octant, then the fraction.
    let octant = halves(all >> 125).1;
    let fraction = all << 3;
    let zeros = fraction.leading_zeros();
    let digits = halves(fraction.checked_shl(zeros + 1).unwrap_or(0)).0 >> 12;
    let z = f64::from_bits(u64::from(1023 - (zeros + 1)) << 52 | digits);
    if octant & 1 == 1 {
        return ((octant + 1) & 7, (z - 1.0) * FRAC_PI_4);
    }
    (octant, z * FRAC_PI_4)
}

/// The upper and the lower half.
#[expect(clippy::cast_possible_truncation, reason = "each half is taken on purpose")]
fn halves(v: u128) -> (u64, u64) {
    ((v >> 64) as u64, v as u64)
}

/// The binary digits of 4/π, the whole part first.
const FOUR_BY_PI: [u64; 20] = [
    0x0000_0000_0000_0001,
    0x45f3_06dc_9c88_2a53,
    0xf84e_afa3_ea69_bb81,
    0xb6c5_2b32_7887_2083,
    0xfca2_c757_bd77_8ac3,
    0x6e48_dc74_849b_a5c0,
    0x0c92_5dd4_13a3_2439,
    0xfc3b_d639_6253_4e7d,
    0xd104_6bea_5d76_8909,
    0xd338_e04d_68be_fc82,
    0x7323_ac73_06a6_73e9,
    0x3908_bf17_7bf2_5076,
    0x3ff1_2fff_bc0b_301f,
    0xde5e_2316_b414_da3e,
    0xda6c_fd9e_4f96_136e,
    0x9e8c_7ecd_3cbf_d45a,
    0xea4f_758f_d7cb_e2f6,
    0x7a0e_73ef_14a5_25d4,
    0xd7f6_bf62_3f1a_ba10,
    0xac06_608d_f8f6_d757,
];

/// The sine of an angle within an eighth of a turn of zero.
fn sin_near_zero(z: f64) -> f64 {
    const P: [f64; 6] = [
        1.589_623_015_765_465_680_60e-10,
        -2.505_074_776_285_780_728_66e-8,
        2.755_731_362_138_572_452_13e-6,
        -1.984_126_982_958_953_859_96e-4,
        8.333_333_333_322_118_588_78e-3,
        -1.666_666_666_666_663_072_95e-1,
    ];
    let zz = z * z;
    z + z * zz * poly(&P, zz)
}

/// The cosine of an angle within an eighth of a turn of zero.
fn cos_near_zero(z: f64) -> f64 {
    const P: [f64; 6] = [
        -1.135_853_652_138_768_173_00e-11,
        2.087_570_084_197_473_167_78e-9,
        -2.755_731_417_929_673_881_12e-7,
        2.480_158_728_885_170_453_48e-5,
        -1.388_888_888_887_305_641_16e-3,
        4.166_666_666_666_659_292_18e-2,
    ];
    let zz = z * z;
    1.0 - 0.5 * zz + zz * zz * poly(&P, zz)
}

pub(crate) fn sin(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return if x.is_infinite() { f64::NAN } else { x };
    }
    let (octant, z) = reduce(x.abs());
    let value = if octant & 2 == 2 { cos_near_zero(z) } else { sin_near_zero(z) };
    if (x < 0.0) != (octant & 4 == 4) { -value } else { value }
}

pub(crate) fn cos(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (octant, z) = reduce(x.abs());
    let value = if octant & 2 == 2 { sin_near_zero(z) } else { cos_near_zero(z) };
    if (octant & 2 == 2) != (octant & 4 == 4) { -value } else { value }
}

pub(crate) fn tan(x: f64) -> f64 {
    const P: [f64; 3] = [
        -1.309_369_391_813_837_776_46e4,
        1.153_516_648_385_874_161_40e6,
        -1.795_652_519_764_848_779_88e7,
    ];
    const Q: [f64; 4] = [
        1.368_129_634_706_929_546_78e4,
        -1.320_892_344_402_109_674_47e6,
        2.500_838_018_233_579_158_39e7,
        -5.386_957_559_294_546_298_81e7,
    ];
    if x == 0.0 || !x.is_finite() {
        return if x.is_infinite() { f64::NAN } else { x };
    }
    let (octant, z) = reduce(x.abs());
    let zz = z * z;
    let mut value = if zz > 1e-14 { z + z * (zz * poly(&P, zz) / monic(&Q, zz)) } else { z };
    if octant & 2 == 2 {
        value = -1.0 / value;
    }
    if x < 0.0 { -value } else { value }
}

/// The arc tangent of a number up to 0.66.
fn atan_small(x: f64) -> f64 {
    const P: [f64; 5] = [
        -8.750_608_600_031_904_122_785e-1,
        -1.615_753_718_733_365_076_637e1,
        -7.500_855_792_314_704_667_340e1,
        -1.228_866_684_490_136_173_410e2,
        -6.485_021_904_942_025_371_773e1,
    ];
    const Q: [f64; 5] = [
        2.485_846_490_142_306_297_962e1,
        1.650_270_098_316_988_542_046e2,
        4.328_810_604_912_902_668_951e2,
        4.853_903_996_359_136_964_868e2,
        1.945_506_571_482_613_964_425e2,
    ];
    let z = x * x;
    let z = z * poly(&P, z) / monic(&Q, z);
    x * z + x
}

/// The arc tangent of a positive number.
fn atan_positive(x: f64) -> f64 {
    /// What π/2 has beyond its nearest number.
    const MORE_BITS: f64 = 6.123_233_995_736_765_886_130e-17;
    const TAN_3_PI_8: f64 = 2.414_213_562_373_095_048_80;
    if x <= 0.66 {
        atan_small(x)
    } else if x > TAN_3_PI_8 {
        FRAC_PI_2 - atan_small(1.0 / x) + MORE_BITS
    } else {
        FRAC_PI_4 + atan_small((x - 1.0) / (x + 1.0)) + 0.5 * MORE_BITS
    }
}

pub(crate) fn atan(x: f64) -> f64 {
    if x > 0.0 {
        atan_positive(x)
    } else if x < 0.0 {
        -atan_positive(-x)
    } else {
        x
    }
}

pub(crate) fn asin(x: f64) -> f64 {
    if x == 0.0 {
        return x;
    }
    let a = x.abs();
    if a.is_nan() || a > 1.0 {
        return f64::NAN;
    }
    let other = (1.0 - a * a).sqrt();
    let value =
        if a > 0.7 { FRAC_PI_2 - atan_positive(other / a) } else { atan_positive(a / other) };
    if x < 0.0 { -value } else { value }
}

pub(crate) fn acos(x: f64) -> f64 {
    FRAC_PI_2 - asin(x)
}

pub(crate) fn atan2(y: f64, x: f64) -> f64 {
    if y == 0.0 || x == 0.0 || !y.is_finite() || !x.is_finite() {
        // Multiples of π/4, on which all agree.
        return libm::atan2(y, x);
    }
    let q = atan(y / x);
    match (x < 0.0, q <= 0.0) {
        (true, true) => q + PI,
        (true, false) => q - PI,
        (false, _) => q,
    }
}
