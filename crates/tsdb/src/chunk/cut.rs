//! When an open chunk is closed and the next one begun: Prometheus' rules, so that our chunks are as long as its chunks.

use super::xor::XorState;

/// Samples that a chunk is meant to hold.
pub const SAMPLES_PER_CHUNK: u16 = 120;
/// Longest float chunk, in bytes.
pub const XOR_CHUNK_BYTES_MAX: usize = 1024;
/// Longest encoding of one more sample, in bytes.
const XOR_SAMPLE_BYTES_MAX: usize = 19;
/// Bytes that a histogram chunk is meant to hold.
pub const HISTOGRAM_CHUNK_BYTES: u32 = 1024;
/// Bytes from which a histogram chunk takes no more: the longest sample still fits a chunk file's bound behind them.
pub const HISTOGRAM_CHUNK_BYTES_FULL: u32 = 512 << 10;
/// Samples below which a histogram chunk is not closed for its size, while it is not full.
pub const HISTOGRAM_SAMPLES_MIN: u16 = 10;

/// Where the open float chunk of a series ends. Kept beside its appender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FloatCut {
    /// Time of the chunk's first sample.
    pub mint: i64,
    /// First time that belongs to the next chunk.
    pub next_at: i64,
}

impl FloatCut {
    /// For a chunk that begins at `mint`; chunks do not reach over multiples of `range_ms > 0`.
    #[must_use]
    pub fn start(mint: i64, range_ms: i64) -> Self {
        Self { mint, next_at: range_end(mint, range_ms) }
    }

    /// Whether a sample at `t` needs a new chunk. `bytes` is the stored length with its header, `state` that of the
    /// open chunk, which has a sample.
    #[must_use]
    pub fn is_due(&mut self, state: &XorState, bytes: usize, t: i64) -> bool {
        if bytes > XOR_CHUNK_BYTES_MAX - XOR_SAMPLE_BYTES_MAX {
            return true;
        }
        if state.n == SAMPLES_PER_CHUNK / 4 {
            self.next_at = chunk_end(self.mint, state.t, self.next_at, 4.0);
        }
        // Twice the length: samples have come faster than foreseen.
        t >= self.next_at || state.n >= SAMPLES_PER_CHUNK * 2
    }
}

/// Where the open histogram chunk of a series ends: by size rather than by count, because histograms differ so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistogramCut {
    /// Time of the chunk's first sample.
    pub mint: i64,
    /// First time that belongs to the next chunk.
    pub next_at: i64,
    range_end: i64,
    foreseen: bool,
}

impl HistogramCut {
    /// As [`FloatCut::start`].
    #[must_use]
    pub fn start(mint: i64, range_ms: i64) -> Self {
        let range_end = range_end(mint, range_ms);
        Self { mint, next_at: range_end, range_end, foreseen: false }
    }

    /// Whether a sample at `t` needs a new chunk. The open one has `n` samples, the newest at `last_t`, and `bytes` stored bytes.
    #[must_use]
    pub fn is_due(&mut self, n: u16, last_t: i64, bytes: usize, t: i64) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if !self.foreseen && bytes >= HISTOGRAM_CHUNK_BYTES / 4 {
            let ratio = f64::from(HISTOGRAM_CHUNK_BYTES) / f64::from(bytes);
            self.next_at = chunk_end(self.mint, last_t, self.next_at, ratio);
            self.foreseen = true;
        }
        if bytes > HISTOGRAM_CHUNK_BYTES_FULL {
            return true;
        }
        (t >= self.next_at || bytes >= HISTOGRAM_CHUNK_BYTES * 2)
            && (n >= HISTOGRAM_SAMPLES_MIN || t >= self.range_end)
    }
}

/// The first time after the range of `range_ms` that holds `t`.
#[must_use]
pub fn range_end(t: i64, range_ms: i64) -> i64 {
    (t / range_ms).wrapping_mul(range_ms).saturating_add(range_ms)
}

/// Foresees where a chunk should end that began at `start`, has come to `cur`, is `1 / ratio` full and must end before
/// `max`: so that the chunks left in the range are of equal length.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "an estimate; `as` saturates"
)]
fn chunk_end(start: i64, cur: i64, max: i64, ratio: f64) -> i64 {
    let span = max.wrapping_sub(start) as f64;
    let n = span / (cur.wrapping_sub(start).wrapping_add(1) as f64 * ratio);
    if n <= 1.0 {
        return max;
    }
    (start as f64 + span / n.floor()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::XorChunk;

    /// Lengths of the chunks that `n` samples every `step_ms` from `from` on give.
    fn lengths(from: i64, step_ms: i64, n: usize) -> Vec<u16> {
        let mut out = Vec::new();
        let mut chunk = XorChunk::default();
        let mut cut = FloatCut::default();
        for i in 0..n {
            let t = from + step_ms * i64::try_from(i).unwrap();
            if chunk.state().n > 0 && cut.is_due(chunk.state(), chunk.byte_len(), t) {
                out.push(chunk.state().n);
                chunk = XorChunk::default();
            }
            if chunk.state().n == 0 {
                cut = FloatCut::start(t, 7_200_000);
            }
            chunk.append(t, 1.0).unwrap();
        }
        out
    }

    #[test]
    fn chunks_of_a_steady_series_are_of_equal_length_and_end_with_the_range() {
        // 480 samples in two hours: four chunks.
        assert_eq!(lengths(0, 15_000, 961), [120, 120, 120, 120, 120, 120, 120, 120]);
        assert_eq!(lengths(0, 10_000, 721), [120, 120, 120, 120, 120, 120]);
        // Times before 1970 divide as in Go.
        assert_eq!(range_end(-1, 7_200_000), 7_200_000);
    }

    #[test]
    fn faster_samples_than_foreseen_end_a_chunk_at_twice_its_length() {
        let mut cut = FloatCut { mint: 0, next_at: i64::MAX };
        let state = |n| XorState { n, t: 1, ..XorState::default() };
        assert!(!cut.is_due(&state(239), 300, 2));
        assert!(cut.is_due(&state(240), 300, 2));
        assert!(!cut.is_due(&state(100), 1005, 2));
        assert!(cut.is_due(&state(100), 1006, 2));
    }

    #[test]
    fn histogram_chunks_end_by_size_but_not_below_ten_samples() {
        let mut cut = HistogramCut::start(0, 7_200_000);
        assert!(!cut.is_due(9, 90_000, 5000, 100_000));
        assert!(cut.is_due(10, 90_000, 5000, 100_000));
        assert!(cut.is_due(1, 90_000, 300, 7_200_000));
        let full = usize::try_from(HISTOGRAM_CHUNK_BYTES_FULL).unwrap();
        assert!(!cut.is_due(1, 90_000, full, 100_000));
        assert!(cut.is_due(1, 90_000, full + 1, 100_000));
    }
}
