//! The float encoding (Prometheus' `XOR`, number 1): a count, then for each sample the change of the time's change and
//! the value XOR the value before it.
//!
//! [`XorState`] is all that must be remembered to go on appending; where the bytes lie is the caller's affair.

use stdx::varint;

use super::bits::{BitBuf, BitReader};
use super::{CHUNK_SAMPLES_MAX, ChunkError};

/// Bytes in front of the bit stream: the number of samples, big-endian.
pub const XOR_HEADER_BYTES: usize = 2;
/// The leading-zeros count that says "no window yet".
const NO_WINDOW: u8 = 0xff;

/// What an appender remembers between samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XorState {
    /// Time of the last sample.
    pub t: i64,
    /// Bits of the last value.
    pub v: u64,
    pub t_delta: u64,
    /// Samples so far.
    pub n: u16,
    /// Used bits of the stream's last byte; 0 when it is full.
    pub used: u8,
    pub leading: u8,
    pub trailing: u8,
}

impl Default for XorState {
    fn default() -> Self {
        Self { t: 0, v: 0, t_delta: 0, n: 0, used: 0, leading: NO_WINDOW, trailing: 0 }
    }
}

impl XorState {
    /// Encodes the next sample into `buf`, which starts behind the stream's last byte ([`BitBuf::behind`] with
    /// [`XorState::used`]), and sets [`XorState::used`]. At most [`CHUNK_SAMPLES_MAX`] times.
    pub fn encode(&mut self, t: i64, v: f64, buf: &mut BitBuf) {
        let bits = v.to_bits();
        let t_delta = t.wrapping_sub(self.t).cast_unsigned();
        match self.n {
            0 => {
                push_uvarint(buf, ((t << 1) ^ (t >> 63)).cast_unsigned());
                buf.push(bits, 64);
                self.t_delta = 0;
            }
            1 => {
                push_uvarint(buf, t_delta);
                self.encode_value(bits, buf);
                self.t_delta = t_delta;
            }
            2..=u16::MAX => {
                push_dod(buf, t_delta.wrapping_sub(self.t_delta).cast_signed());
                self.encode_value(bits, buf);
                self.t_delta = t_delta;
            }
        }
        self.t = t;
        self.v = bits;
        self.n = self.n.saturating_add(1);
    }

    fn encode_value(&mut self, bits: u64, buf: &mut BitBuf) {
        let code = XorCode::of(self.v ^ bits, &mut self.leading, &mut self.trailing);
        buf.push(code.head, code.head_bits);
        if code.body_bits > 0 {
            buf.push(code.body, code.body_bits);
        }
    }

    /// Appends a sample to `stream`, the bytes behind the header.
    pub fn append(&mut self, stream: &mut Vec<u8>, t: i64, v: f64) {
        let used = u32::from(self.used);
        let last = if used == 0 { 0 } else { stream.pop().unwrap_or(0) };
        let mut buf = BitBuf::behind(last, used);
        self.encode(t, v, &mut buf);
        let (bytes, used) = buf.finish();
        stream.extend_from_slice(bytes);
        self.used = u8::try_from(used).unwrap_or(0);
    }
}

/// How one XORed value is written: a head of at most 13 bits and a body of at most 64.
pub(crate) struct XorCode {
    pub(crate) head: u64,
    pub(crate) head_bits: u32,
    pub(crate) body: u64,
    pub(crate) body_bits: u32,
}

impl XorCode {
    #[inline]
    pub(crate) fn of(delta: u64, leading: &mut u8, trailing: &mut u8) -> Self {
        if delta == 0 {
            return Self { head: 0, head_bits: 1, body: 0, body_bits: 0 };
        }
        // Five bits hold the leading zeros.
        let new_leading = delta.leading_zeros().min(31);
        let new_trailing = delta.trailing_zeros();
        let (lead, trail) = (u32::from(*leading), u32::from(*trailing));
        if *leading != NO_WINDOW && new_leading >= lead && new_trailing >= trail {
            let body_bits = 64 - lead - trail;
            return Self { head: 0b10, head_bits: 2, body: delta >> trail, body_bits };
        }
        *leading = small(new_leading);
        *trailing = small(new_trailing);
        let body_bits = 64 - new_leading - new_trailing;
        // 64 does not fit six bits and is written as 0.
        let head = (0b11 << 11) | u64::from(new_leading << 6) | u64::from(body_bits & 0x3f);
        Self { head, head_bits: 13, body: delta >> new_trailing, body_bits }
    }
}

/// A bit count as a byte.
#[inline]
fn small(n: u32) -> u8 {
    n.to_le_bytes()[0]
}

fn push_uvarint(buf: &mut BitBuf, value: u64) {
    let mut bytes = Vec::with_capacity(varint::VARINT_BYTES_MAX);
    varint::put_uvarint(&mut bytes, value);
    for byte in bytes {
        buf.push(u64::from(byte), 8);
    }
}

/// Whether `x` fits the asymmetric range of `bits`: `-(2^(bits-1)-1)..=2^(bits-1)`.
#[inline]
pub(crate) fn fits(x: i64, bits: u32) -> bool {
    let half = 1_i64 << (bits - 1);
    -(half - 1) <= x && x <= half
}

#[inline]
fn push_dod(buf: &mut BitBuf, dod: i64) {
    let raw = dod.cast_unsigned();
    if dod == 0 {
        buf.push(0, 1);
    } else if fits(dod, 14) {
        buf.push((0b10 << 14) | (raw & 0x3fff), 16);
    } else if fits(dod, 17) {
        buf.push((0b110 << 17) | (raw & 0x1_ffff), 20);
    } else if fits(dod, 20) {
        buf.push((0b1110 << 20) | (raw & 0xf_ffff), 24);
    } else {
        buf.push(0b1111, 4);
        buf.push(raw, 64);
    }
}

/// Undoes the range of [`fits`].
#[inline]
pub(crate) fn extend(raw: u64, bits: u32) -> i64 {
    if raw > 1 << (bits - 1) {
        raw.wrapping_sub(1 << bits).cast_signed()
    } else {
        raw.cast_signed()
    }
}

/// A float chunk that is being filled: the bytes as they are stored, and the state to go on.
#[derive(Debug, Clone, Default)]
pub struct XorChunk {
    state: XorState,
    stream: Vec<u8>,
}

impl XorChunk {
    /// # Errors
    /// [`ChunkError::Full`] at [`CHUNK_SAMPLES_MAX`].
    pub fn append(&mut self, t: i64, v: f64) -> Result<(), ChunkError> {
        if self.state.n == CHUNK_SAMPLES_MAX {
            return Err(ChunkError::Full);
        }
        self.state.append(&mut self.stream, t, v);
        Ok(())
    }

    #[must_use]
    pub fn state(&self) -> &XorState {
        &self.state
    }

    /// Length of [`XorChunk::to_bytes`].
    #[must_use]
    pub fn byte_len(&self) -> usize {
        XOR_HEADER_BYTES + self.stream.len()
    }

    /// The chunk as it is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.byte_len());
        bytes.extend_from_slice(&self.state.n.to_be_bytes());
        bytes.extend_from_slice(&self.stream);
        bytes
    }
}

/// Appends all samples of a stored chunk to `ts` and `vs`.
///
/// # Errors
/// [`ChunkError`] when the bytes end early or hold what no encoder writes; `ts` and `vs` are as before then.
pub fn decode(bytes: &[u8], ts: &mut Vec<i64>, vs: &mut Vec<f64>) -> Result<(), ChunkError> {
    let (n, stream) = bytes.split_first_chunk().ok_or(ChunkError::Short)?;
    decode_stream(stream, u16::from_be_bytes(*n), ts, vs)
}

/// As [`decode`], for the first `n` samples of a stream without its header.
///
/// # Errors
/// As [`decode`].
pub fn decode_stream(
    stream: &[u8],
    n: u16,
    ts: &mut Vec<i64>,
    vs: &mut Vec<f64>,
) -> Result<(), ChunkError> {
    let (had_ts, had_vs) = (ts.len(), vs.len());
    let result = Decoder::new(stream).run(n, ts, vs);
    if result.is_err() {
        ts.truncate(had_ts);
        vs.truncate(had_vs);
    }
    result
}

/// Reads one XORed value and updates the window.
#[inline]
pub(crate) fn read_xor(
    bits: &mut BitReader<'_>,
    value: u64,
    leading: &mut u32,
    trailing: &mut u32,
) -> Result<u64, ChunkError> {
    let word = bits.peek();
    if word >> 63 == 0 {
        bits.skip(1);
        return Ok(value);
    }
    if word >> 62 == 0b10 {
        let n = 64 - *leading - *trailing;
        let body = if n <= 55 {
            bits.skip(2 + n);
            (word << 2) >> (64 - n)
        } else {
            bits.skip(2);
            bits.take(n)
        };
        return Ok(value ^ (body << *trailing));
    }
    let lead = field(word, 2, 5);
    let n = match field(word, 7, 6) {
        0 => 64,
        n => n,
    };
    if lead + n > 64 {
        return Err(ChunkError::Invalid("more significant bits than a value has"));
    }
    (*leading, *trailing) = (lead, 64 - lead - n);
    bits.skip(13);
    Ok(value ^ (bits.take(n) << *trailing))
}

/// `len` bits of `word`, `skip` from the top.
#[inline]
fn field(word: u64, skip: u32, len: u32) -> u32 {
    u32::try_from((word << skip) >> (64 - len)).unwrap_or(0)
}

struct Decoder<'a> {
    stream: &'a [u8],
}

impl<'a> Decoder<'a> {
    fn new(stream: &'a [u8]) -> Self {
        Self { stream }
    }

    fn run(&self, n: u16, ts: &mut Vec<i64>, vs: &mut Vec<f64>) -> Result<(), ChunkError> {
        if n == 0 {
            return Ok(());
        }
        let (t, len) = varint::varint(self.stream).ok_or(ChunkError::Short)?;
        let rest = self.stream.get(len..).ok_or(ChunkError::Short)?;
        let (first, rest) = rest.split_first_chunk().ok_or(ChunkError::Short)?;
        let v = u64::from_be_bytes(*first);
        ts.push(t);
        vs.push(f64::from_bits(v));
        if n == 1 {
            return Ok(());
        }
        let (delta, len) = varint::uvarint(rest).ok_or(ChunkError::Short)?;
        let mut bits = BitReader::new(rest.get(len..).ok_or(ChunkError::Short)?);
        let (mut leading, mut trailing) = (0, 0);
        let t = t.wrapping_add(delta.cast_signed());
        let v = read_xor(&mut bits, v, &mut leading, &mut trailing)?;
        ts.push(t);
        vs.push(f64::from_bits(v));
        let mut run = Run { bits, t, delta, v, leading, trailing };
        let more = usize::from(n) - 2;
        // A sample takes two bits at least: the count cannot make us take more memory than the bytes account for.
        if more > run.bits.left() / 2 {
            return Err(ChunkError::Short);
        }
        let (ts_from, vs_from) = (ts.len(), vs.len());
        ts.resize(ts_from + more, 0);
        vs.resize(vs_from + more, 0.0);
        for (t, v) in ts[ts_from..].iter_mut().zip(&mut vs[vs_from..]) {
            run.next()?;
            (*t, *v) = (run.t, f64::from_bits(run.v));
        }
        // Zeros are read behind the end, so it is enough to look once.
        run.bits.check()
    }
}

/// The state from the third sample on.
struct Run<'a> {
    bits: BitReader<'a>,
    t: i64,
    delta: u64,
    v: u64,
    leading: u32,
    trailing: u32,
}

impl Run<'_> {
    #[inline]
    fn next(&mut self) -> Result<(), ChunkError> {
        let word = self.bits.peek();
        if word >> 63 == 0 {
            // The usual case, from the bits at hand: a regular sample whose value is the same or differs in the same place.
            self.t = self.t.wrapping_add(self.delta.cast_signed());
            if word >> 62 == 0 {
                self.bits.skip(2);
                return Ok(());
            }
            let n = 64 - self.leading - self.trailing;
            if word >> 61 == 0b010 && n <= 54 {
                self.bits.skip(3 + n);
                self.v ^= ((word << 3) >> (64 - n)) << self.trailing;
                return Ok(());
            }
            self.bits.skip(1);
        } else {
            let dod = read_dod(&mut self.bits);
            self.delta = self.delta.wrapping_add(dod.cast_unsigned());
            self.t = self.t.wrapping_add(self.delta.cast_signed());
        }
        self.v = read_xor(&mut self.bits, self.v, &mut self.leading, &mut self.trailing)?;
        Ok(())
    }
}

#[inline]
fn read_dod(bits: &mut BitReader<'_>) -> i64 {
    let word = bits.peek();
    let (head, n) = match (!word).leading_zeros() {
        0 => {
            bits.skip(1);
            return 0;
        }
        1 => (2, 14),
        2 => (3, 17),
        3 => (4, 20),
        4..=64 => {
            bits.skip(4);
            return bits.take(64).cast_signed();
        }
        65..=u32::MAX => unreachable!("a word has 64 bits"),
    };
    bits.skip(head + n);
    extend((word << head) >> (64 - n), n)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(samples: &[(i64, u64)]) -> Vec<u8> {
        let mut chunk = XorChunk::default();
        for &(t, v) in samples {
            chunk.append(t, f64::from_bits(v)).unwrap();
        }
        chunk.to_bytes()
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<(i64, u64)>, ChunkError> {
        let (mut ts, mut vs) = (Vec::new(), Vec::new());
        decode(bytes, &mut ts, &mut vs)?;
        Ok(ts.into_iter().zip(vs.into_iter().map(f64::to_bits)).collect())
    }

    fn check(samples: &[(i64, u64)]) {
        assert_eq!(decoded(&encoded(samples)).as_deref(), Ok(samples));
    }

    #[test]
    fn extremes_come_back_bit_for_bit() {
        let values = [0, 1, u64::MAX, 0x7ff0_0000_0000_0002, 0x7ff8_0000_0000_0001, 1 << 63];
        let times = [i64::MIN, i64::MAX, 0, -1, i64::MAX, i64::MIN, 5, 6, 7];
        for t in times {
            for v in values {
                check(&[(t, v)]);
            }
        }
        let mixed = times.iter().zip(values.iter().cycle()).map(|(t, v)| (*t, *v));
        check(&mixed.collect::<Vec<_>>());
    }

    /// Each change of a time's change at the ends of the ranges that have a code of their own.
    #[test]
    fn times_at_the_ends_of_the_codes() {
        for bits in [14, 17, 20] {
            for dod in [
                -(1_i64 << (bits - 1)),
                1 - (1 << (bits - 1)),
                1 << (bits - 1),
                1 + (1 << (bits - 1)),
            ] {
                check(&[(0, 0), (1_000_000, 0), (2_000_000 + dod, 0), (3_000_000, 7)]);
            }
        }
    }

    #[test]
    fn a_chunk_takes_no_more_samples_than_it_can_count() {
        let mut chunk = XorChunk::default();
        for t in 0..i64::from(CHUNK_SAMPLES_MAX) {
            chunk.append(t, 0.0).unwrap();
        }
        assert_eq!(chunk.append(70_000, 0.0), Err(ChunkError::Full));
        assert_eq!(decoded(&chunk.to_bytes()).unwrap().len(), usize::from(CHUNK_SAMPLES_MAX));
    }

    #[test]
    fn a_count_beyond_the_bytes_is_an_error_and_adds_nothing() {
        let mut bytes = encoded(&[(1, 2), (3, 4), (5, 6)]);
        bytes[..2].copy_from_slice(&[0xff, 0xff]);
        let (mut ts, mut vs) = (vec![9], vec![9.0]);
        assert_eq!(decode(&bytes, &mut ts, &mut vs), Err(ChunkError::Short));
        assert_eq!((ts.len(), vs.len()), (1, 1));
    }

    prop_compose! {
        fn any_value()(kind in 0..5, a in any::<u64>(), small in 0_u32..1000) -> u64 {
            match kind {
                0 => a,
                1 => f64::from(small).to_bits(),
                2 => 0x7ff0_0000_0000_0002,
                3 => (f64::from(small) / 10.0).to_bits(),
                _ => 0,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::seeds::seeds(24)))]

        #[test]
        fn any_samples_come_back(
            start in any::<i64>(),
            steps in prop::collection::vec((prop_oneof![Just(15_000_i64), -9000..9000_i64, any::<i64>()], any_value()), 0..200)
        ) {
            let mut t = start;
            let samples: Vec<(i64, u64)> = steps
                .into_iter()
                .map(|(step, v)| {
                    t = t.wrapping_add(step);
                    (t, v)
                })
                .collect();
            check(&samples);
            // Every prefix of the bytes gives an error or, for whole samples only, none.
            let bytes = encoded(&samples);
            for len in 0..bytes.len() {
                prop_assert!(decoded(&bytes[..len]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(decoded(&bytes));
        }
    }
}
