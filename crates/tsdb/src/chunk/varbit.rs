//! Integers in a variable number of bits: up to eight ones say how many follow. Small changes of changes take one bit to five.

use super::ChunkError;
use super::bits::{BitReader, BitWriter};
use super::xor::{XorCode, extend, fits, read_xor};

/// Bits behind one, two … eight ones.
const SIZES: [u32; 8] = [3, 6, 9, 12, 18, 25, 56, 64];

fn push(out: &mut BitWriter, value: u64, class: usize) {
    let ones = u32::try_from(class + 1).expect("at most eight");
    let (prefix, len) = if ones == 8 { (0xff, 8) } else { (((1 << ones) - 1) << 1, ones + 1) };
    out.push(prefix, len);
    out.push(value, SIZES[class]);
}

pub(super) fn put_int(out: &mut BitWriter, value: i64) {
    if value == 0 {
        return out.push(0, 1);
    }
    let class = SIZES[..7].iter().position(|size| fits(value, *size)).unwrap_or(7);
    push(out, value.cast_unsigned(), class);
}

pub(super) fn put_uint(out: &mut BitWriter, value: u64) {
    if value == 0 {
        return out.push(0, 1);
    }
    let bits = 64 - value.leading_zeros();
    let class = SIZES.iter().position(|size| bits <= *size).unwrap_or(7);
    push(out, value, class);
}

/// The size class and the bits behind it; `None` for zero.
fn read(bits: &mut BitReader<'_>) -> Option<(u32, u64)> {
    let ones = (!bits.peek()).leading_zeros().min(8);
    if ones == 0 {
        bits.skip(1);
        return None;
    }
    bits.skip((ones + 1).min(8));
    let size = SIZES[ones as usize - 1];
    Some((size, bits.take(size)))
}

pub(super) fn read_int(bits: &mut BitReader<'_>) -> Result<i64, ChunkError> {
    let value = match read(bits) {
        None => 0,
        Some((64, raw)) => raw.cast_signed(),
        Some((size, raw)) => extend(raw, size),
    };
    bits.check()?;
    Ok(value)
}

pub(super) fn read_uint(bits: &mut BitReader<'_>) -> Result<u64, ChunkError> {
    let value = read(bits).map_or(0, |(_, raw)| raw);
    bits.check()?;
    Ok(value)
}

/// 64 bits as they are.
pub(super) fn read_f64(bits: &mut BitReader<'_>) -> Result<f64, ChunkError> {
    let value = f64::from_bits(bits.take(64));
    bits.check()?;
    Ok(value)
}

/// A value that is written XORed with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Xored {
    pub(super) bits: u64,
    leading: u8,
    trailing: u8,
}

impl Xored {
    /// After the first value, which is written in full.
    pub(super) fn first(value: f64) -> Self {
        Self { bits: value.to_bits(), leading: 0xff, trailing: 0 }
    }

    pub(super) fn value(self) -> f64 {
        f64::from_bits(self.bits)
    }

    pub(super) fn put(&mut self, out: &mut BitWriter, value: f64) {
        let delta = self.bits ^ value.to_bits();
        let code = XorCode::of(delta, &mut self.leading, &mut self.trailing);
        out.push(code.head, code.head_bits);
        out.push(code.body, code.body_bits);
        self.bits = value.to_bits();
    }
}

/// The reading side of [`Xored`].
#[derive(Debug, Clone, Copy)]
pub(super) struct XoredIn {
    bits: u64,
    leading: u32,
    trailing: u32,
}

impl XoredIn {
    pub(super) fn first(bits: &mut BitReader<'_>) -> Result<Self, ChunkError> {
        Ok(Self { bits: read_f64(bits)?.to_bits(), leading: 0, trailing: 0 })
    }

    pub(super) fn value(self) -> f64 {
        f64::from_bits(self.bits)
    }

    pub(super) fn next(&mut self, bits: &mut BitReader<'_>) -> Result<(), ChunkError> {
        self.bits = read_xor(bits, self.bits, &mut self.leading, &mut self.trailing)?;
        bits.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_ends_of_every_class() {
        let mut ints = vec![0, i64::MIN, i64::MAX];
        let mut uints = vec![0, u64::MAX];
        for size in SIZES {
            let half = 1_i64.checked_shl(size - 1).unwrap_or(0);
            ints.extend([
                half,
                half.wrapping_add(1),
                half.wrapping_neg(),
                1_i64.wrapping_sub(half),
            ]);
            uints.extend([u64::MAX >> (64 - size), (u64::MAX >> (64 - size)).wrapping_add(1)]);
        }
        let mut out = BitWriter::default();
        ints.iter().for_each(|value| put_int(&mut out, *value));
        uints.iter().for_each(|value| put_uint(&mut out, *value));
        let mut reader = BitReader::new(out.bytes());
        for value in ints {
            assert_eq!(read_int(&mut reader), Ok(value));
        }
        for value in uints {
            assert_eq!(read_uint(&mut reader), Ok(value));
        }
        reader.skip(8);
        assert_eq!(read_uint(&mut reader), Err(ChunkError::Short));
    }
}
