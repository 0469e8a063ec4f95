//! Reading numbers off bytes that may be damaged: every read is bounded and fails instead of panicking.

use stdx::varint;

/// What is wrong with bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) String);

impl Damage {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// Bytes from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Damage> {
        let Some((head, rest)) = self.rest.split_at_checked(len) else {
            return Err(Damage(format!("{len} bytes wanted, {} there", self.rest.len())));
        };
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Damage> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Damage> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Damage> {
        let low = self.u32()?;
        Ok(u64::from(low) | u64::from(self.u32()?) << 32)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Damage> {
        // Most are of one byte.
        if let Some((&first, rest)) = self.rest.split_first()
            && first < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(first));
        }
        let (value, len) =
            varint::uvarint(self.rest).ok_or_else(|| Damage::new("a number is cut short"))?;
        self.rest = &self.rest[len..];
        Ok(value)
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Damage> {
        let raw = self.varint()?;
        Ok((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()))
    }

    /// A number of at most `max`.
    pub(crate) fn size(&mut self, max: usize) -> Result<usize, Damage> {
        let value = self.varint()?;
        match usize::try_from(value) {
            Ok(size) if size <= max => Ok(size),
            Ok(_) | Err(_) => Err(Damage(format!("{value} where at most {max} can be"))),
        }
    }

    /// A length and so many bytes of UTF-8.
    pub(crate) fn text(&mut self) -> Result<&'a str, Damage> {
        let len = self.size(self.rest.len())?;
        std::str::from_utf8(self.take(len)?).map_err(|_| Damage::new("a text is no UTF-8"))
    }
}

/// Appends a length and the bytes of `text`.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_size(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Appends a size as a varint.
pub(crate) fn put_size(out: &mut Vec<u8>, size: usize) {
    varint::put_uvarint(out, size as u64);
}

/// A size that is known to fit: blocks and row groups are bounded far below.
pub(crate) fn narrow(size: usize) -> u32 {
    u32::try_from(size).expect("bounded far below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_comes_back_and_cuts_are_found() {
        let mut bytes = Vec::new();
        put_text(&mut bytes, "로그");
        put_size(&mut bytes, 300);
        varint::put_varint(&mut bytes, -5);
        let read = |bytes: &[u8]| -> Result<(String, usize, i64), Damage> {
            let mut from = Cursor::new(bytes);
            Ok((from.text()?.to_owned(), from.size(300)?, from.signed()?))
        };
        assert_eq!(read(&bytes), Ok(("로그".to_owned(), 300, -5)));
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(Cursor::new(&[0xac, 2]).size(299).is_err());
    }
}
