//! Chunks: the compressed samples of one series over a stretch of time (Prometheus `tsdb/docs/format/chunks.md`).
//!
//! Encoders give Prometheus' bytes, bit for bit. Decoders take untrusted bytes: they end with an error, never with a panic or
//! more memory than the input accounts for.

mod bits;
pub mod cut;
mod head_chunks;
pub mod xor;

pub use bits::{BIT_BUF_BYTES, BitBuf};
pub use head_chunks::{
    BUFFER_BYTES_MAX, CHUNK_BYTES_MAX, ChunkMeta, ChunkRef, FILE_BYTES_MAX, HeadChunkDamage,
    HeadChunkError, HeadChunks,
};
pub use xor::{XorChunk, XorState};

/// Most samples that a chunk can count.
pub const CHUNK_SAMPLES_MAX: u16 = u16::MAX;

/// How a chunk's bytes are to be read. The numbers are the file format's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    Xor = 1,
    Histogram = 2,
    FloatHistogram = 3,
}

impl Encoding {
    /// The number in files.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Xor => 1,
            Self::Histogram => 2,
            Self::FloatHistogram => 3,
        }
    }

    /// # Errors
    /// [`ChunkError::Encoding`] for a number that we do not read.
    pub fn from_number(number: u8) -> Result<Self, ChunkError> {
        match number {
            1 => Ok(Self::Xor),
            2 => Ok(Self::Histogram),
            3 => Ok(Self::FloatHistogram),
            0 | 4..=u8::MAX => Err(ChunkError::Encoding(number)),
        }
    }
}

/// Why a chunk could not be read or extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    #[error("chunk ends before its last sample")]
    Short,
    #[error("invalid chunk: {0}")]
    Invalid(&'static str),
    #[error("chunk encoding {0} is not supported")]
    Encoding(u8),
    #[error("chunk is full: {CHUNK_SAMPLES_MAX} samples")]
    Full,
}
