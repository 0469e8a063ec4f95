//! `DELTA_BINARY_PACKED`: integers as differences, packed in miniblocks of 32 with a width each.
//!
//! Blocks of 128 values in 4 miniblocks, the shape that all writers of Parquet use; readers of other shapes refuse.

use stdx::varint;

use super::bytes::{Cursor, Damage, put_size};

const BLOCK: usize = 128;
const MINIBLOCKS: usize = 4;
const MINIBLOCK: usize = BLOCK / MINIBLOCKS;

/// Appends `values`.
pub(crate) fn encode(values: &[i64], out: &mut Vec<u8>) {
    put_size(out, BLOCK);
    put_size(out, MINIBLOCKS);
    put_size(out, values.len());
    varint::put_varint(out, values.first().copied().unwrap_or(0));
    let mut deltas = [0_i64; BLOCK];
    let mut last = values.first().copied().unwrap_or(0);
    for block in values.get(1..).unwrap_or(&[]).chunks(BLOCK) {
        for (delta, value) in deltas.iter_mut().zip(block) {
            *delta = value.wrapping_sub(last);
            last = *value;
        }
        let here = &deltas[..block.len()];
        let least = here.iter().copied().min().unwrap_or(0);
        varint::put_varint(out, least);
        let mut packed = [0_u64; BLOCK];
        for (to, delta) in packed.iter_mut().zip(here) {
            *to = delta.wrapping_sub(least).cast_unsigned();
        }
        let mut widths = [0_u8; MINIBLOCKS];
        for (width, mini) in widths.iter_mut().zip(packed.chunks(MINIBLOCK)) {
            *width = width_of(mini.iter().fold(0, |all, value| all | value));
        }
        out.extend_from_slice(&widths);
        for (width, mini) in widths.iter().zip(packed.chunks(MINIBLOCK)) {
            pack(mini, *width, out);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 64")]
fn width_of(all: u64) -> u8 {
    (64 - all.leading_zeros()) as u8
}

/// Packs `values` with `width` bits each, from the least bit on.
pub(crate) fn pack(values: &[u64], width: u8, out: &mut Vec<u8>) {
    let mut hold = 0_u128;
    let mut bits = 0_u32;
    for value in values {
        hold |= u128::from(*value) << bits;
        bits += u32::from(width);
        while bits >= 8 {
            out.push(hold.to_le_bytes()[0]);
            hold >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(hold.to_le_bytes()[0]);
    }
}

/// Value `at` of bytes packed with `width` bits (at most 64) each.
#[inline]
pub(crate) fn packed_at(bytes: &[u8], width: u8, at: usize) -> u64 {
    if width == 0 {
        return 0;
    }
    let bit = at * usize::from(width);
    let (byte, shift) = (bit / 8, bit % 8);
    let mask = u64::MAX >> (64 - width);
    let low = load(bytes, byte) >> shift;
    if shift + usize::from(width) <= 64 {
        return low & mask;
    }
    let high = u64::from(bytes.get(byte + 8).copied().unwrap_or(0));
    (low | high << (64 - shift)) & mask
}

/// Eight bytes from `at`, zeros behind the end.
#[inline]
fn load(bytes: &[u8], at: usize) -> u64 {
    if let Some(eight) = bytes.get(at..at + 8) {
        let mut array = [0; 8];
        array.copy_from_slice(eight);
        return u64::from_le_bytes(array);
    }
    let tail = bytes.get(at..).unwrap_or(&[]);
    tail.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

/// Reads at most `max` values from the front of `from`.
pub(crate) fn decode(from: &mut Cursor<'_>, max: usize) -> Result<Vec<i64>, Damage> {
    let (block, minis) = (from.size(BLOCK)?, from.size(MINIBLOCKS)?);
    if (block, minis) != (BLOCK, MINIBLOCKS) {
        return Err(Damage(format!("deltas in blocks of {block} by {minis}")));
    }
    let count = from.size(max)?;
    let mut last = from.signed()?;
    let mut values = Vec::with_capacity(count);
    if count > 0 {
        values.push(last);
    }
    while values.len() < count {
        let least = from.signed()?;
        let widths = from.take(MINIBLOCKS)?;
        for &width in widths {
            if width > 64 {
                return Err(Damage(format!("a delta of {width} bits")));
            }
            let packed = from.take(usize::from(width) * MINIBLOCK / 8)?;
            let here = MINIBLOCK.min(count - values.len());
            for at in 0..here {
                let delta = packed_at(packed, width, at).cast_signed().wrapping_add(least);
                last = last.wrapping_add(delta);
                values.push(last);
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round(values: &[i64]) {
        let mut bytes = Vec::new();
        encode(values, &mut bytes);
        let mut from = Cursor::new(&bytes);
        assert_eq!(decode(&mut from, values.len()).unwrap(), values);
        assert!(from.is_empty());
        for cut in 0..bytes.len() {
            assert!(decode(&mut Cursor::new(&bytes[..cut]), values.len()).is_err());
        }
    }

    #[test]
    fn edges() {
        for values in
            [vec![], vec![7], vec![i64::MIN, i64::MAX, 0, -1], (0..128).collect(), vec![3; 129]]
        {
            round(&values);
        }
    }

    #[test]
    fn more_values_than_allowed_are_refused() {
        let mut bytes = Vec::new();
        encode(&[1, 2, 3], &mut bytes);
        assert!(decode(&mut Cursor::new(&bytes), 2).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn comes_back(values in prop::collection::vec(any::<i64>(), 0..300), shift in 0_u32..64) {
            round(&values.iter().map(|value| value >> shift).collect::<Vec<_>>());
        }
    }
}
