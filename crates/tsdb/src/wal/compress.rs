//! Compression of single records, bounded in both directions.

use super::frame::{Compression, RECORD_BYTES_MAX};

/// Level of zstd: the fastest of the regular ones, as records are small and many.
const ZSTD_LEVEL: i32 = 1;

/// Compresses records into a buffer that it keeps.
pub(crate) struct Compressor {
    how: Compression,
    snappy: snap::raw::Encoder,
    out: Vec<u8>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Compressor({:?})", self.how)
    }
}

impl Compressor {
    pub(crate) fn new(how: Compression) -> Self {
        Self { how, snappy: snap::raw::Encoder::new(), out: Vec::new() }
    }

    /// The bytes to store for `record` and how they are compressed: not at all when that would not be shorter.
    pub(crate) fn compress<'a>(&'a mut self, record: &'a [u8]) -> (&'a [u8], Compression) {
        let len = match self.how {
            Compression::None => None,
            Compression::Snappy => {
                self.out.resize(snap::raw::max_compress_len(record.len()), 0);
                self.snappy.compress(record, &mut self.out).ok()
            }
            Compression::Zstd => {
                self.out.resize(zstd::zstd_safe::compress_bound(record.len()), 0);
                zstd::bulk::compress_to_buffer(record, &mut self.out, ZSTD_LEVEL).ok()
            }
        };
        match len {
            Some(len) if len < record.len() => (&self.out[..len], self.how),
            Some(_) | None => (record, Compression::None),
        }
    }
}

/// Undoes [`Compressor::compress`] into `out`.
///
/// # Errors
/// What is wrong with the bytes.
pub(crate) fn decompress(
    payload: &[u8],
    how: Compression,
    out: &mut Vec<u8>,
) -> Result<(), &'static str> {
    out.clear();
    match how {
        Compression::None => {
            out.extend_from_slice(payload);
            Ok(())
        }
        Compression::Snappy => {
            let len = snap::raw::decompress_len(payload).map_err(|_| "snappy data is damaged")?;
            bounded(len)?;
            out.resize(len, 0);
            let got = snap::raw::Decoder::new().decompress(payload, out);
            got.map(|_| ()).map_err(|_| "snappy data is damaged")
        }
        Compression::Zstd => {
            let reader = zstd::stream::read::Decoder::with_buffer(payload);
            let mut reader = std::io::Read::take(
                reader.map_err(|_| "zstd data is damaged")?,
                RECORD_BYTES_MAX as u64 + 1,
            );
            std::io::Read::read_to_end(&mut reader, out).map_err(|_| "zstd data is damaged")?;
            bounded(out.len())
        }
    }
}

/// A snappy header can promise 4 GB in five bytes.
fn bounded(len: usize) -> Result<(), &'static str> {
    if len > RECORD_BYTES_MAX { Err("record is longer than allowed") } else { Ok(()) }
}
