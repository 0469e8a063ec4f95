//! From the bytes that came to the exposition: gzip, bounded.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use stdx::budget::Charge;

/// Bytes that are unpacked, and charged for, at a time.
const STEP_BYTES: usize = 64 * 1024;

/// Why a body cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("body size limit exceeded")]
    TooLarge,
    /// The text is that of Go's decoder.
    #[error("{0}")]
    Gzip(&'static str),
    #[error("{0}")]
    Budget(#[from] stdx::budget::BudgetExceeded),
}

/// Unpacks `packed` behind what `out` holds. A result of `bytes_max` or more is refused; what it takes is charged as it grows.
pub(crate) fn gunzip(
    packed: &[u8],
    bytes_max: u64,
    charge: &mut Charge,
    out: &mut Vec<u8>,
) -> Result<(), BodyError> {
    let mut decoder = MultiGzDecoder::new(packed);
    let mut len = out.len();
    let mut charged = u64::try_from(len).unwrap_or(u64::MAX);
    loop {
        let wanted = u64::try_from(len + STEP_BYTES).unwrap_or(u64::MAX);
        if wanted > charged {
            charge.grow(wanted - charged)?;
            charged = wanted;
        }
        if out.len() == len {
            out.resize(len + STEP_BYTES, 0);
        }
        let n = loop {
            match decoder.read(&mut out[len..]) {
                Ok(n) => break n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(BodyError::Gzip(reason(&error))),
            }
        };
        len += n;
        if n == 0 {
            out.truncate(len);
            return Ok(());
        }
        if u64::try_from(len).is_ok_and(|len| len >= bytes_max) {
            return Err(BodyError::TooLarge);
        }
    }
}

/// What Go says of a stream that the decoder refuses.
fn reason(error: &std::io::Error) -> &'static str {
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use stdx::budget::Budget;

    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8], bytes_max: u64, budget_bytes: u64) -> Result<Vec<u8>, String> {
        let mut charge = Budget::new("scrape bodies", budget_bytes)
            .charge(0)
            .map_err(|error| error.to_string())?;
        let mut out = Vec::new();
        gunzip(packed, bytes_max, &mut charge, &mut out).map_err(|error| error.to_string())?;
        Ok(out)
    }

    #[test]
    fn bodies_up_to_the_limit() {
        let body = b"metric 1\n".repeat(30_000);
        let n = u64::try_from(body.len()).unwrap();
        assert_eq!(unpack(&pack(&body), n + 1, 1 << 20).unwrap(), body);
        assert_eq!(unpack(&pack(&body), n, 1 << 20).unwrap_err(), "body size limit exceeded");
        let mut two = pack(b"a 1\n");
        two.extend(pack(b"b 2\n"));
        assert_eq!(unpack(&two, 100, 1 << 20).unwrap(), b"a 1\nb 2\n");
        assert_eq!(unpack(&pack(b""), 100, 1 << 20).unwrap(), b"");
    }

    #[test]
    fn a_bomb_stops_at_the_budget_and_garbage_is_named() {
        let bomb = pack(&vec![0; 4 << 20]);
        assert!(bomb.len() < 100_000);
        let error = unpack(&bomb, u64::MAX, 1 << 18).unwrap_err();
        assert!(error.starts_with("scrape bodies: "), "{error}");
        assert_eq!(unpack(b"garbage and more", 100, 1 << 20).unwrap_err(), "gzip: invalid header");
        let mut torn = pack(b"metric 1\n");
        torn.truncate(torn.len() - 5);
        assert_eq!(unpack(&torn, 100, 1 << 20).unwrap_err(), "unexpected EOF");
        let mut flipped = pack(b"metric 1\n");
        let at = flipped.len() - 6;
        flipped[at] ^= 1;
        assert_eq!(unpack(&flipped, 100, 1 << 20).unwrap_err(), "gzip: invalid checksum");
    }
}
