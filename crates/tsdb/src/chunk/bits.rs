//! Bit streams, most significant bit first, as chunks use them: a writer over a byte vector and a bounded reader.

use super::ChunkError;

/// The lowest `n` bits set.
fn mask(n: u32) -> u64 {
    if n >= 64 { u64::MAX } else { (1 << n) - 1 }
}

/// Appends bits to bytes. The unused low bits of the last byte are zero.
#[derive(Debug, Clone, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Used bits of the last byte, 0 when the stream ends at a byte's end.
    used: u32,
}

impl BitWriter {
    pub(crate) fn with_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes, used: 0 }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Appends the lowest `n <= 64` bits of `value`.
    pub(crate) fn push(&mut self, value: u64, n: u32) {
        let mut left = n;
        let value = value & mask(n);
        if self.used > 0 && left > 0 {
            let take = left.min(8 - self.used);
            let part = (value >> (left - take)) & mask(take);
            if let Some(last) = self.bytes.last_mut() {
                *last |= low_byte(part << (8 - self.used - take));
            }
            self.used = (self.used + take) % 8;
            left -= take;
        }
        while left >= 8 {
            left -= 8;
            self.bytes.push(low_byte(value >> left));
        }
        if left > 0 {
            self.bytes.push(low_byte((value & mask(left)) << (8 - left)));
            self.used = left;
        }
    }
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// Most bytes that one [`BitBuf`] can hold.
pub const BIT_BUF_BYTES: usize = 24;

/// The bits of one sample on their way to the end of a stream, in registers. At most [`BIT_BUF_BYTES`].
#[derive(Debug, Clone)]
pub struct BitBuf {
    bytes: [u8; BIT_BUF_BYTES + 8],
    pos: usize,
    acc: u64,
    fill: u32,
}

impl BitBuf {
    /// Starts behind `used < 8` bits of `last`, the stream's last byte, which is written again.
    #[must_use]
    pub fn behind(last: u8, used: u32) -> Self {
        let acc = if used == 0 { 0 } else { u64::from(last) >> (8 - used) };
        Self { bytes: [0; BIT_BUF_BYTES + 8], pos: 0, acc, fill: used }
    }

    /// Appends the lowest `n` bits of `value`, whose other bits are zero; `0 < n <= 64`.
    #[inline]
    pub(crate) fn push(&mut self, value: u64, n: u32) {
        let free = 64 - self.fill;
        if n < free {
            self.acc = (self.acc << n) | value;
            self.fill += n;
            return;
        }
        let rest = n - free;
        let high = if free == 64 { 0 } else { self.acc << free };
        self.store(high | (value >> rest));
        self.pos += 8;
        self.acc = value & mask(rest);
        self.fill = rest;
    }

    #[inline]
    fn store(&mut self, word: u64) {
        self.bytes[self.pos..self.pos + 8].copy_from_slice(&word.to_be_bytes());
    }

    /// The bytes, the one behind which it started included, and how many bits of the last one are used (0 for all).
    #[inline]
    pub fn finish(&mut self) -> (&[u8], u32) {
        if self.fill > 0 {
            self.store(self.acc << (64 - self.fill));
        }
        let whole = self.pos + self.fill.div_ceil(8) as usize;
        (&self.bytes[..whole], self.fill % 8)
    }
}

/// Reads bits of untrusted bytes. Reading past the end gives zeros; [`BitReader::check`] tells.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Position in bits.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next bits from the top down: 57 of them or more.
    #[inline]
    pub(crate) fn peek(&self) -> u64 {
        let byte = self.at / 8;
        let word = match self.bytes.get(byte..byte + 8) {
            Some(eight) => u64::from_be_bytes(eight.try_into().expect("eight bytes")),
            None => self.peek_end(byte),
        };
        word << (self.at % 8)
    }

    #[cold]
    fn peek_end(&self, byte: usize) -> u64 {
        let mut eight = [0; 8];
        if let Some(rest) = self.bytes.get(byte..) {
            let n = rest.len().min(8);
            eight[..n].copy_from_slice(&rest[..n]);
        }
        u64::from_be_bytes(eight)
    }

    #[inline]
    pub(crate) fn skip(&mut self, n: u32) {
        self.at += n as usize;
    }

    /// The next `n <= 64` bits.
    #[inline]
    pub(crate) fn take(&mut self, n: u32) -> u64 {
        if n == 0 {
            return 0;
        }
        if n <= 57 {
            let value = self.peek() >> (64 - n);
            self.skip(n);
            return value;
        }
        let high = self.peek() >> 32;
        self.skip(32);
        let low = self.peek() >> (96 - n);
        self.skip(n - 32);
        (high << (n - 32)) | low
    }

    /// Fails when more was read than there is.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), ChunkError> {
        if self.at <= self.bytes.len() * 8 { Ok(()) } else { Err(ChunkError::Short) }
    }

    /// Bits that are left.
    pub(crate) fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(fields: &[(u64, u32)]) {
        let mut long = BitWriter::default();
        let mut stream: Vec<u8> = Vec::new();
        let mut used = 0;
        for &(value, n) in fields {
            let value = value & mask(n);
            long.push(value, n);
            let mut buf = BitBuf::behind(stream.last().copied().unwrap_or(0), used);
            if used > 0 {
                stream.pop();
            }
            buf.push(value, n);
            let (bytes, now) = buf.finish();
            stream.extend_from_slice(bytes);
            used = now;
        }
        assert_eq!(long.bytes(), stream);
        let mut reader = BitReader::new(&stream);
        for &(value, n) in fields {
            assert_eq!(reader.take(n), value & mask(n));
        }
        assert!(reader.check().is_ok() && reader.left() < 8);
        reader.skip(8);
        assert!(reader.check().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn both_writers_agree_and_are_read_back(
            fields in prop::collection::vec((any::<u64>(), 1_u32..=64), 1..40)
        ) {
            check(&fields);
        }
    }
}
