//! Which tokens a row group has (binary fuse filter), and which of its blocks (bit-sliced bloom filters).
//!
//! Both know a token by its 64-bit hash, salted with its field. They never deny a token that is there.

use std::ops::Range;

use super::bytes::{Cursor, Damage, narrow, put_size};

/// Seeds that are tried before a filter is given up; each fails with a probability below 1 %.
const SEEDS_MAX: u64 = 64;

/// Bits of a block's bloom filter for each token.
const BITS_PER_TOKEN: usize = 10;

/// Bits that each token sets.
const PROBES: usize = 4;

/// A filter of one byte for each slot; three slots stand for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fuse {
    seed: u64,
    /// A power of two.
    segment: u32,
    segments: u32,
}

fn mix(token: u64, seed: u64) -> u64 {
    let mut h = token.wrapping_add(seed);
    h = (h ^ h >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    h = (h ^ h >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ h >> 33
}

/// `below` numbers from the upper bits of `h`.
#[expect(clippy::cast_possible_truncation, reason = "below `below`")]
fn scale(h: u64, below: u64) -> usize {
    ((u128::from(h) * u128::from(below)) >> 64) as usize
}

impl Fuse {
    /// The filter of distinct `tokens`, and its slots; `None` when no seed works.
    pub(crate) fn build(tokens: &[u64]) -> Option<(Self, Vec<u8>)> {
        let (segment, segments) = sizes(tokens.len());
        (1..=SEEDS_MAX).find_map(|seed| {
            let fuse = Self { seed: mix(seed, 0x9e37_79b9_7f4a_7c15), segment, segments };
            Some((fuse, fuse.fill(tokens)?))
        })
    }

    /// Bytes of all slots.
    pub(crate) fn slots(&self) -> usize {
        (self.segments as usize + 2) * self.segment as usize
    }

    /// The slots of a token, and its byte.
    #[expect(clippy::cast_possible_truncation, reason = "masked, or a byte on purpose")]
    pub(crate) fn places(&self, token: u64) -> ([usize; 3], u8) {
        let h = mix(token, self.seed);
        let segment = self.segment as usize;
        let first = scale(h, u64::from(self.segments) * u64::from(self.segment));
        let mask = segment - 1;
        let second = (first + segment) ^ ((h >> 18) as usize & mask);
        let third = (first + 2 * segment) ^ (h as usize & mask);
        ([first, second, third], (h ^ h >> 32) as u8)
    }

    /// Peels the slots that only one token has, then gives bytes in the opposite order.
    fn fill(&self, tokens: &[u64]) -> Option<Vec<u8>> {
        let mut counts = vec![0_u8; self.slots()];
        let mut sums = vec![0_u64; self.slots()];
        for &token in tokens {
            for place in self.places(token).0 {
                counts[place] = counts[place].saturating_add(1);
                sums[place] ^= token;
            }
        }
        let mut alone: Vec<u32> =
            (0..counts.len()).filter(|at| counts[*at] == 1).map(narrow).collect();
        let mut order = Vec::with_capacity(tokens.len());
        while let Some(at) = alone.pop() {
            let at = at as usize;
            // A slot over 254 tokens stays uncertain: its count is not exact.
            if counts[at] != 1 {
                continue;
            }
            let token = sums[at];
            order.push((token, at));
            for place in self.places(token).0 {
                sums[place] ^= token;
                if counts[place] < u8::MAX {
                    counts[place] -= 1;
                }
                if counts[place] == 1 {
                    alone.push(narrow(place));
                }
            }
        }
        if order.len() != tokens.len() {
            return None;
        }
        let mut slots = vec![0_u8; self.slots()];
        for (token, own) in order.into_iter().rev() {
            let (places, byte) = self.places(token);
            let all = places.iter().fold(byte, |all, place| all ^ slots[*place]);
            slots[own] ^= all;
        }
        Some(slots)
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.seed.to_le_bytes());
        put_size(out, self.segment as usize);
        put_size(out, self.segments as usize);
    }

    pub(crate) fn read(from: &mut Cursor<'_>) -> Result<Self, Damage> {
        let seed = from.u64()?;
        let (segment, segments) = (narrow(from.size(1 << 18)?), narrow(from.size(1 << 24)?));
        if !segment.is_power_of_two() || segments == 0 {
            return Err(Damage(format!("a filter of {segments} segments of {segment}")));
        }
        Ok(Self { seed, segment, segments })
    }
}

/// Size and number of segments for `count` tokens, after the paper on binary fuse filters (arity 3).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small positive numbers"
)]
fn sizes(count: usize) -> (u32, u32) {
    let n = count.max(2) as f64;
    let segment = 1_u32 << ((n.ln() / 3.33_f64.ln() + 2.25).floor() as u32).min(18);
    let factor = (0.875 + 0.25 * 1e6_f64.ln() / n.ln()).max(1.125);
    let slots = (n * factor).round() as u64;
    let segments = slots.div_ceil(u64::from(segment)).saturating_sub(2).max(1);
    (segment, narrow(usize::try_from(segments).unwrap_or(usize::MAX)))
}

/// Blocks whose filters have the same size, bit `p` of all of them side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) bits: u32,
    pub(crate) blocks: Vec<u32>,
    /// Where the class begins in the section.
    pub(crate) offset: usize,
}

impl Class {
    fn byte_len(&self) -> usize {
        (self.bits as usize * self.blocks.len()).div_ceil(8)
    }

    /// The bits that decide on `token`: for each probe, a run of bits of the section with one bit a block.
    pub(crate) fn runs(&self, token: u64) -> [Range<usize>; PROBES] {
        places(token, self.bits).map(|place| {
            let start = self.offset * 8 + place * self.blocks.len();
            start..start + self.blocks.len()
        })
    }
}

fn places(token: u64, bits: u32) -> [usize; PROBES] {
    let mut h = mix(token, 0x5851_f42d_4c95_7f2d);
    std::array::from_fn(|_| {
        h = h.wrapping_mul(0x2545_f491_4f6c_dd1d).rotate_left(29);
        scale(h, u64::from(bits))
    })
}

/// The size of the filter of a block with `count` tokens: in steps of a tenth, so that blocks share sizes.
fn class_bits(count: usize) -> u32 {
    let mut bits = 64_u32;
    while (bits as usize) < count * BITS_PER_TOKEN {
        bits += bits / 10;
    }
    bits
}

/// The filters of blocks by their distinct tokens: classes, and the section.
pub(crate) fn build_sliced(blocks: &[Vec<u64>]) -> (Vec<Class>, Vec<u8>) {
    let mut classes: std::collections::BTreeMap<u32, Vec<u32>> = std::collections::BTreeMap::new();
    for (at, tokens) in blocks.iter().enumerate() {
        classes.entry(class_bits(tokens.len())).or_default().push(narrow(at));
    }
    let mut section = Vec::new();
    let mut all = Vec::new();
    for (bits, members) in classes {
        let class = Class { bits, blocks: members, offset: section.len() };
        section.resize(section.len() + class.byte_len(), 0);
        let width = class.blocks.len();
        for (column, block) in class.blocks.iter().enumerate() {
            for token in &blocks[*block as usize] {
                for place in places(*token, bits) {
                    let bit = class.offset * 8 + place * width + column;
                    section[bit / 8] |= 1 << (bit % 8);
                }
            }
        }
        all.push(class);
    }
    (all, section)
}

pub(crate) fn put_classes(classes: &[Class], out: &mut Vec<u8>) {
    put_size(out, classes.len());
    for class in classes {
        put_size(out, class.bits as usize);
        put_size(out, class.blocks.len());
        class.blocks.iter().for_each(|block| put_size(out, *block as usize));
    }
}

pub(crate) fn read_classes(
    from: &mut Cursor<'_>,
    blocks: usize,
    bytes: usize,
) -> Result<Vec<Class>, Damage> {
    let count = from.size(blocks)?;
    let mut offset = 0;
    let mut classes = Vec::with_capacity(count);
    for _ in 0..count {
        let bits = narrow(from.size(u32::MAX as usize >> 1)?);
        let members = from.size(blocks)?;
        let member = |from: &mut Cursor<'_>| from.size(blocks.saturating_sub(1)).map(narrow);
        let members = (0..members).map(|_| member(from)).collect::<Result<Vec<_>, _>>()?;
        let class = Class { bits, blocks: members, offset };
        offset += class.byte_len();
        classes.push(class);
    }
    if offset != bytes || classes.iter().any(|class| class.bits == 0) {
        return Err(Damage::new("filters that do not fill their section"));
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(count: u64, salt: u64) -> Vec<u64> {
        (0..count).map(|at| mix(at, mix(salt, 1))).collect()
    }

    #[test]
    fn no_token_is_denied_and_few_strangers_pass() {
        for count in [0, 1, 2, 3, 10, 1_000, 50_000] {
            let own = tokens(count, 7);
            let (fuse, slots) = Fuse::build(&own).unwrap();
            let has = |token: u64| {
                let (places, byte) = fuse.places(token);
                places.iter().fold(byte, |all, place| all ^ slots[*place]) == 0
            };
            assert!(own.iter().all(|token| has(*token)), "{count}");
            let strangers = tokens(10_000, 8).into_iter().filter(|token| has(*token)).count();
            assert!(strangers < 100, "{count}: {strangers}");
            let mut bytes = Vec::new();
            fuse.put(&mut bytes);
            assert_eq!(Fuse::read(&mut Cursor::new(&bytes)), Ok(fuse));
        }
    }

    #[test]
    fn blocks_with_the_token_are_found() {
        let blocks: Vec<Vec<u64>> =
            (0..9).map(|at| tokens([0, 3, 400, 410][at % 4], at as u64)).collect();
        let (classes, section) = build_sliced(&blocks);
        let mut bytes = Vec::new();
        put_classes(&classes, &mut bytes);
        assert_eq!(read_classes(&mut Cursor::new(&bytes), 9, section.len()), Ok(classes.clone()));
        assert!(read_classes(&mut Cursor::new(&bytes), 9, section.len() + 1).is_err());
        let mut wrong = 0;
        for (at, own) in blocks.iter().enumerate() {
            for token in own {
                for class in &classes {
                    for (i, block) in class.blocks.iter().enumerate() {
                        let bit = |at: usize| section[at / 8] >> (at % 8) & 1 == 1;
                        let hit = class.runs(*token).iter().all(|run| bit(run.start + i));
                        assert!(hit || *block as usize != at);
                        wrong += usize::from(hit && *block as usize != at);
                    }
                }
            }
        }
        assert!(wrong < 400, "{wrong} of 13,000");
    }
}
