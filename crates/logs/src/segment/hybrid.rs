//! Parquet's hybrid of runs and packed groups of 8: levels and dictionary codes.

use super::bytes::{Cursor, Damage, put_size};
use super::delta;

/// Shortest run that is written as one.
const RUN_MIN: usize = 16;

/// Bits that hold `max`.
#[expect(clippy::cast_possible_truncation, reason = "at most 32")]
pub(crate) fn width_for(max: u32) -> u8 {
    (32 - max.leading_zeros()) as u8
}

/// Appends `values`, each below `2^width`.
pub(crate) fn encode(values: &[u32], width: u8, out: &mut Vec<u8>) {
    let mut at = 0;
    // Where the packed values that are not written yet begin.
    let mut packed = 0;
    while at < values.len() {
        let run = values[at..].iter().take_while(|value| **value == values[at]).count();
        // Packed groups are of 8: what fills the last group is taken from the run.
        let fill = (8 - (at - packed) % 8) % 8;
        if run >= RUN_MIN + fill {
            put_packed(&values[packed..at + fill], width, out);
            put_run(values[at], run - fill, width, out);
            packed = at + run;
        }
        at += run;
    }
    put_packed(&values[packed..], width, out);
}

fn put_run(value: u32, len: usize, width: u8, out: &mut Vec<u8>) {
    put_size(out, len << 1);
    out.extend_from_slice(&value.to_le_bytes()[..usize::from(width.div_ceil(8))]);
}

fn put_packed(values: &[u32], width: u8, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    put_size(out, values.len().div_ceil(8) << 1 | 1);
    let mut wide: Vec<u64> = values.iter().map(|value| u64::from(*value)).collect();
    wide.resize(values.len().next_multiple_of(8), 0);
    delta::pack(&wide, width, out);
}

/// Reads `count` values, each at most `max`.
pub(crate) fn decode(
    from: &mut Cursor<'_>,
    width: u8,
    count: usize,
    max: u32,
) -> Result<Vec<u32>, Damage> {
    if width > 32 {
        return Err(Damage(format!("codes of {width} bits")));
    }
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let head = from.varint()?;
        let left = count - values.len();
        let len = usize::try_from(head >> 1).map_err(|_| Damage::new("a run without end"))?;
        if head & 1 == 0 {
            let mut bytes = [0; 4];
            let size = usize::from(width.div_ceil(8));
            bytes[..size].copy_from_slice(from.take(size)?);
            if len == 0 || len > left {
                return Err(Damage(format!("a run of {len} where {left} are left")));
            }
            values.resize(values.len() + len, u32::from_le_bytes(bytes));
        } else {
            if len == 0 || len > left.div_ceil(8) {
                return Err(Damage(format!("{len} groups where {left} values are left")));
            }
            let packed = from.take(len * usize::from(width))?;
            values.extend((0..left.min(len * 8)).map(|at| code_at(packed, width, at)));
        }
    }
    if values.iter().any(|value| *value > max) {
        return Err(Damage(format!("a code over {max}")));
    }
    Ok(values)
}

#[expect(clippy::cast_possible_truncation, reason = "of at most 32 bits")]
fn code_at(packed: &[u8], width: u8, at: usize) -> u32 {
    delta::packed_at(packed, width, at) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn comes_back(runs in prop::collection::vec((0_u32..40, 1_usize..40), 0..30)) {
            let values: Vec<u32> =
                runs.iter().flat_map(|(value, len)| std::iter::repeat_n(*value, *len)).collect();
            let max = values.iter().copied().max().unwrap_or(0);
            let width = width_for(max);
            let mut bytes = Vec::new();
            encode(&values, width, &mut bytes);
            let mut from = Cursor::new(&bytes);
            prop_assert_eq!(decode(&mut from, width, values.len(), max).unwrap(), values.clone());
            prop_assert!(from.is_empty());
            for cut in 0..bytes.len() {
                prop_assert!(decode(&mut Cursor::new(&bytes[..cut]), width, values.len(), max).is_err());
            }
        }
    }

    #[test]
    fn codes_beyond_the_dictionary_are_refused() {
        let mut bytes = Vec::new();
        encode(&[1, 2, 3], 2, &mut bytes);
        assert!(decode(&mut Cursor::new(&bytes), 2, 3, 2).is_err());
        assert!(decode(&mut Cursor::new(&bytes), 33, 3, 3).is_err());
    }
}
