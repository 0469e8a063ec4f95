//! The body of a push as the client packed it: gzip, snappy, or as it is. What it unpacks to is bounded and paid for.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use stdx::budget::{BudgetExceeded, Charge};

/// Bytes that are unpacked, and charged for, at a time.
const STEP_BYTES: usize = 64 * 1024;

/// Why a body cannot be unpacked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BodyError {
    #[error("pushed metrics over {0} bytes (push.body-bytes-max)")]
    TooLarge(usize),
    /// The text is that of Go's decoders.
    #[error("{0}")]
    Corrupt(&'static str),
    #[error("{0}")]
    Busy(#[from] BudgetExceeded),
}

/// `packed` in the clear when `encoding` says that it is packed; `None` when it comes as it is. Any other encoding than
/// gzip and snappy is none.
pub(crate) fn unpacked(
    encoding: &str,
    packed: &[u8],
    bytes_max: usize,
    charge: &mut Charge,
) -> Result<Option<Vec<u8>>, BodyError> {
    match encoding {
        "gzip" => read(&mut MultiGzDecoder::new(packed), bytes_max, charge, gzip).map(Some),
        "snappy" if packed.is_empty() => Ok(Some(Vec::new())),
        "snappy" => {
            read(&mut snap::read::FrameDecoder::new(packed), bytes_max, charge, snappy).map(Some)
        }
        _ => Ok(None),
    }
}

fn read(
    decoder: &mut dyn Read,
    bytes_max: usize,
    charge: &mut Charge,
    reason: fn(&std::io::Error) -> &'static str,
) -> Result<Vec<u8>, BodyError> {
    let mut out = Vec::new();
    let mut len = 0;
    loop {
        if out.len() == len {
            charge.grow(STEP_BYTES as u64)?;
            out.resize(len + STEP_BYTES, 0);
        }
        match decoder.read(&mut out[len..]) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(BodyError::Corrupt(reason(&error))),
        }
        if len > bytes_max {
            return Err(BodyError::TooLarge(bytes_max));
        }
    }
    out.truncate(len);
    Ok(out)
}

fn gzip(error: &std::io::Error) -> &'static str {
    let text = error.to_string();
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        "unexpected EOF"
    } else if text.contains("header") {
        "gzip: invalid header"
    } else if text.contains("checksum") {
        "gzip: invalid checksum"
    } else {
        "flate: corrupt input"
    }
}

fn snappy(_: &std::io::Error) -> &'static str {
    "snappy: corrupt input"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use stdx::budget::Budget;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn framed(bytes: &[u8]) -> Vec<u8> {
        let mut out = snap::write::FrameEncoder::new(Vec::new());
        out.write_all(bytes).unwrap();
        out.into_inner().unwrap()
    }

    fn check(encoding: &str, packed: &[u8]) -> Result<Option<Vec<u8>>, BodyError> {
        let budget = Budget::new("test", 1 << 20);
        unpacked(encoding, packed, 200_000, &mut budget.charge(0)?)
    }

    #[test]
    fn what_is_packed_is_bounded_in_the_clear() {
        for (encoding, pack) in [("gzip", gz as fn(&[u8]) -> Vec<u8>), ("snappy", framed)] {
            let most = vec![b'x'; 200_000];
            assert_eq!(check(encoding, &pack(&most)), Ok(Some(most)));
            let over = pack(&vec![b'x'; 200_001]);
            assert_eq!(check(encoding, &over), Err(BodyError::TooLarge(200_000)));
        }
        assert_eq!(check("br", b"a 1\n"), Ok(None));
        assert_eq!(check("snappy", b""), Ok(Some(Vec::new())));
    }

    #[test]
    fn what_cannot_be_unpacked() {
        for (encoding, packed, text) in [
            ("gzip", &b"a 1\n"[..], "unexpected EOF"),
            ("gzip", b"some_metric 1234\n", "gzip: invalid header"),
            ("snappy", b"a 1\n", "snappy: corrupt input"),
        ] {
            assert_eq!(check(encoding, packed), Err(BodyError::Corrupt(text)), "{encoding}");
        }
        let budget = Budget::new("test", 1000);
        let packed = gz(b"a 1\n");
        let got = unpacked("gzip", &packed, 10, &mut budget.charge(0).unwrap());
        assert!(matches!(got, Err(BodyError::Busy(_))));
    }
}
