//! Request bodies decompressed, within bounds.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::face::BODY_BYTES_MAX;

/// Largest body after decompression.
pub(super) const PLAIN_BYTES_MAX: usize = BODY_BYTES_MAX;
/// Bytes that are paid for and read at once.
const PIECE_BYTES: usize = 1 << 20;

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("request body over {0} bytes after decompression")]
    TooLarge(usize),
    #[error("request body: {0}")]
    Broken(std::io::Error),
    #[error("Content-Encoding [{0}] is not supported: gzip, deflate, zstd and snappy are")]
    Unknown(String),
    #[error("{0}")]
    Busy(String),
}

/// `body` as it was before `encoding` (a header's value). `grow` pays for what is decompressed.
pub(super) fn plain<'a>(
    body: &'a [u8],
    encoding: &str,
    grow: &mut dyn FnMut(u64) -> Result<(), String>,
) -> Result<Cow<'a, [u8]>, BodyError> {
    let encoding = encoding.trim().to_ascii_lowercase();
    if body.is_empty() {
        return Ok(Cow::Borrowed(body));
    }
    let read = match encoding.as_str() {
        "" | "identity" => return Ok(Cow::Borrowed(body)),
        "gzip" | "x-gzip" => read_all(MultiGzDecoder::new(body), grow),
        // Both forms are sent under this name.
        "deflate" if body[0] & 0x0f == 8 => read_all(ZlibDecoder::new(body), grow),
        "deflate" => read_all(DeflateDecoder::new(body), grow),
        "zstd" => {
            let decoder = zstd::stream::read::Decoder::new(body).map_err(BodyError::Broken)?;
            read_all(decoder, grow)
        }
        "snappy" if body.starts_with(b"\xff\x06\x00\x00sNaPpY") => {
            read_all(snap::read::FrameDecoder::new(body), grow)
        }
        "snappy" => raw_snappy(body, grow),
        _ => return Err(BodyError::Unknown(encoding)),
    };
    read.map(Cow::Owned)
}

fn read_all(
    mut reader: impl Read,
    grow: &mut dyn FnMut(u64) -> Result<(), String>,
) -> Result<Vec<u8>, BodyError> {
    let mut out = Vec::new();
    loop {
        let before = out.len();
        grow(PIECE_BYTES as u64).map_err(BodyError::Busy)?;
        let piece = reader.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut out);
        piece.map_err(BodyError::Broken)?;
        if out.len() > PLAIN_BYTES_MAX {
            return Err(BodyError::TooLarge(PLAIN_BYTES_MAX));
        }
        if out.len() == before {
            return Ok(out);
        }
    }
}

fn raw_snappy(
    body: &[u8],
    grow: &mut dyn FnMut(u64) -> Result<(), String>,
) -> Result<Vec<u8>, BodyError> {
    let broken = |error: snap::Error| BodyError::Broken(std::io::Error::other(error));
    let length = snap::raw::decompress_len(body).map_err(broken)?;
    if length > PLAIN_BYTES_MAX {
        return Err(BodyError::TooLarge(PLAIN_BYTES_MAX));
    }
    grow(length as u64).map_err(BodyError::Busy)?;
    snap::raw::Decoder::new().decompress_vec(body).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(body: &[u8], encoding: &str) -> Result<Vec<u8>, String> {
        let read = plain(body, encoding, &mut |_| Ok(()));
        read.map(Cow::into_owned).map_err(|error| error.to_string())
    }

    #[test]
    fn every_encoding_comes_back() {
        let text = b"{\"index\":{}}\n{\"a\":1}\n".repeat(100);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&text).unwrap();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(&text).unwrap();
        let mut frames = snap::write::FrameEncoder::new(Vec::new());
        frames.write_all(&text).unwrap();
        let two_members = [gzip(&text[..7]), gzip(&text[7..])].concat();
        for (body, encoding) in [
            (text.clone(), ""),
            (gzip(&text), "GZIP"),
            (two_members, "gzip"),
            (zlib.finish().unwrap(), "deflate"),
            (deflate.finish().unwrap(), "deflate"),
            (zstd::encode_all(&text[..], 1).unwrap(), "zstd"),
            (frames.into_inner().unwrap(), "snappy"),
            (snap::raw::Encoder::new().compress_vec(&text).unwrap(), "snappy"),
        ] {
            assert_eq!(read(&body, encoding).as_deref(), Ok(&text[..]), "{encoding}");
        }
        assert!(read(b"x", "br").is_err());
        assert!(read(&gzip(&text)[..20], "gzip").is_err());
    }

    #[test]
    fn bombs_do_not_go_off() {
        let most = zstd::encode_all(&vec![b' '; PLAIN_BYTES_MAX][..], 1).unwrap();
        assert_eq!(read(&most, "zstd").map(|plain| plain.len()), Ok(PLAIN_BYTES_MAX));
        let more = zstd::encode_all(&vec![b' '; PLAIN_BYTES_MAX + 1][..], 1).unwrap();
        let error = read(&more, "zstd").unwrap_err();
        assert_eq!(error, "request body over 104857600 bytes after decompression");
        let one = gzip(b"x");
        let refused = plain(&one, "gzip", &mut |_| Err("full".to_owned()));
        assert_eq!(refused.unwrap_err().to_string(), "full");
    }
}
