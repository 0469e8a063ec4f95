//! Answers as gzip or deflate, for clients that take it, piece by piece.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use hyper::header::{self, HeaderMap, HeaderValue};

use crate::http::{Content, Pieces, Reply, header_text};

/// Smaller answers are sent as they are: a packet is a packet.
const COMPRESS_BYTES_MIN: usize = 512;
/// Compressed bytes are handed on when so many are there.
const PIECE_BYTES: usize = 32 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

/// The first encoding of `Accept-Encoding` that we have and that is not refused with `q=0`.
pub(crate) fn accepted(headers: &HeaderMap) -> Encoding {
    for entry in header_text(headers, &header::ACCEPT_ENCODING).split(',') {
        let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
        let refused = weight
            .trim()
            .strip_prefix("q=")
            .is_some_and(|q| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
        match name.trim() {
            "gzip" if !refused => return Encoding::Gzip,
            "deflate" if !refused => return Encoding::Deflate,
            _ => {}
        }
    }
    Encoding::Identity
}

/// Compresses `reply` as the request's headers allow, and says what the answer depends on.
pub(crate) fn compressed(mut reply: Reply, request: &HeaderMap) -> Reply {
    reply.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let small = matches!(&reply.content, Content::Whole(bytes) if bytes.len() < COMPRESS_BYTES_MIN);
    let (name, encoder) = match accepted(request) {
        Encoding::Gzip if !small => {
            ("gzip", Encoder::Gzip(GzEncoder::new(Vec::new(), Compression::fast())))
        }
        Encoding::Deflate if !small => {
            ("deflate", Encoder::Deflate(ZlibEncoder::new(Vec::new(), Compression::fast())))
        }
        Encoding::Identity | Encoding::Gzip | Encoding::Deflate => return reply,
    };
    reply.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    let pieces: Pieces = match reply.content {
        Content::Whole(bytes) => Box::new(std::iter::once(bytes)),
        Content::Pieces(pieces) => pieces,
    };
    reply.content = Content::Pieces(Box::new(Compressed { pieces, encoder: Some(encoder) }));
    reply
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Encoder {
    fn put(&mut self, bytes: &[u8]) {
        let put = match self {
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Deflate(encoder) => encoder.write_all(bytes),
        };
        put.expect("a Vec takes all");
    }

    fn ready(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Deflate(encoder) => encoder.get_mut(),
        }
    }

    fn finish(self) -> Vec<u8> {
        let rest = match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Deflate(encoder) => encoder.finish(),
        };
        rest.expect("a Vec takes all")
    }
}

struct Compressed {
    pieces: Pieces,
    /// `None` after the end.
    encoder: Option<Encoder>,
}

impl Iterator for Compressed {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let encoder = self.encoder.as_mut()?;
        for piece in self.pieces.by_ref() {
            encoder.put(&piece);
            if encoder.ready().len() >= PIECE_BYTES {
                return Some(std::mem::take(encoder.ready()).into());
            }
        }
        self.encoder.take().map(|encoder| encoder.finish().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;
    use std::io::Read as _;

    fn request(accept: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accept))])
    }

    #[test]
    fn the_first_known_encoding_wins() {
        for (accept, want) in [
            ("", Encoding::Identity),
            ("br, gzip, deflate", Encoding::Gzip),
            ("deflate;q=0.5, gzip", Encoding::Deflate),
            ("gzip;q=0, deflate", Encoding::Deflate),
            ("gzip; q=0", Encoding::Identity),
            ("gzipped", Encoding::Identity),
        ] {
            assert_eq!(accepted(&request(accept)), want, "{accept}");
        }
    }

    #[test]
    fn what_is_compressed_reads_back() {
        let text = "0123456789abcdef".repeat(20_000);
        let pieces = |text: &str| -> Vec<Bytes> {
            text.as_bytes().chunks(1000).map(Bytes::copy_from_slice).collect()
        };
        for accept in ["gzip", "deflate"] {
            let content = Content::Pieces(Box::new(pieces(&text).into_iter()));
            let reply = compressed(Reply::new(StatusCode::OK, "x/y", content), &request(accept));
            assert_eq!(reply.headers[header::CONTENT_ENCODING], accept);
            assert_eq!(reply.headers[header::VARY], "Accept-Encoding");
            let Content::Pieces(pieces) = reply.content else { panic!("whole") };
            let packed: Vec<u8> = pieces.flat_map(|piece| piece.to_vec()).collect();
            let mut back = String::new();
            if accept == "gzip" {
                flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut back).unwrap();
            } else {
                flate2::read::ZlibDecoder::new(&packed[..]).read_to_string(&mut back).unwrap();
            }
            assert!(back == text && packed.len() < text.len() / 10);
        }
    }

    #[test]
    fn small_answers_stay_as_they_are() {
        for (bytes, packed) in [(COMPRESS_BYTES_MIN - 1, false), (COMPRESS_BYTES_MIN, true)] {
            let reply = Reply::text(StatusCode::OK, "x".repeat(bytes));
            let reply = compressed(reply, &request("gzip"));
            assert_eq!(reply.headers.contains_key(header::CONTENT_ENCODING), packed);
            assert!(reply.headers.contains_key(header::VARY));
        }
    }
}
