//! Identifiers of documents whose writer chose none: 20 URL-safe letters made from the index and the sequence number, and read back
//! into it, so that they need no column.
//!
//! 56 bits prove that the index made the identifier, so that one that comes from elsewhere (another index's, in a copy) is not taken
//! for one of its own.

use stdx::rand::Rng;

/// Letters of a made identifier.
pub const AUTO_ID_LEN: usize = 20;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The high 56 bits, which prove it.
fn proof(key: u64, seq: u64) -> u64 {
    let mixed = Rng::new(key ^ Rng::new(seq).next_u64()).next_u64();
    mixed >> 8
}

/// The identifier of the document with sequence number `seq` in the index with this `key`.
#[must_use]
pub fn auto_id(key: u64, seq: i64) -> String {
    let seq = seq.cast_unsigned();
    let proof = proof(key, seq);
    let hidden = seq ^ Rng::new(proof).next_u64();
    let mut bits = (u128::from(proof) << 64) | u128::from(hidden);
    let mut letters = [0_u8; AUTO_ID_LEN];
    for letter in letters.iter_mut().rev() {
        let low = usize::try_from(bits & 63).expect("six bits");
        *letter = LETTERS[low];
        bits >>= 6;
    }
    letters.iter().map(|letter| char::from(*letter)).collect()
}

/// The sequence number that `id` stands for in the index with this `key`; `None` when the index did not make it.
#[must_use]
pub fn auto_seq(key: u64, id: &str) -> Option<i64> {
    if id.len() != AUTO_ID_LEN {
        return None;
    }
    let mut bits = 0_u128;
    for letter in id.bytes() {
        let low = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u128::from(low);
    }
    let found = u64::try_from(bits >> 64).ok()?;
    let hidden = u64::try_from(bits & u128::from(u64::MAX)).ok()?;
    let seq = hidden ^ Rng::new(found).next_u64();
    (proof(key, seq) == found).then(|| seq.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_foreign_ones_do_not() {
        for seq in [0, 1, 2, 77, i64::MAX] {
            let id = auto_id(7, seq);
            assert_eq!(id.len(), AUTO_ID_LEN);
            assert_eq!(auto_seq(7, &id), Some(seq));
            assert_eq!(auto_seq(8, &id), None, "another index");
        }
        assert_eq!(auto_seq(7, "AAAAAAAAAAAAAAAAAAAA"), None);
        assert_eq!(auto_seq(7, "1"), None);
        assert_eq!(auto_seq(7, "AAAAAAAAAAAAAAAAAA한"), None);
    }
}
