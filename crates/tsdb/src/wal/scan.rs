//! One segment's bytes → its whole records, and the stretches that are none.
//!
//! A checksum covers a fragment's bytes, not its header, so the header is held against what a writer can have written: a record's
//! fragments but the last end with their page, all but the first begin with one, and nothing lies between them. What does
//! not fit is damage; reading goes on at the next fragment when its place is certain, and else with the next page.

use std::sync::Arc;

use stdx::checksum::crc32c;
use stdx::fs::File;

use super::compress::decompress;
use super::frame::{Compression, HEADER_BYTES, PAGE_BYTES, PART_MASK, Part, RECORD_BYTES_MAX};
use super::record::KINDS;

/// What [`Scan::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A whole record: in [`Scan::record`].
    Record,
    /// A stretch without a readable record.
    Damage {
        offset: u64,
        bytes: u64,
        what: String,
        /// The disk refused to give some of it: it may be whole.
        is_unreadable: bool,
    },
    End,
}

#[derive(Debug)]
struct Pending {
    start: u64,
    compression: Compression,
}

/// Why a fragment cannot be used, and where to go on.
struct Bad {
    what: String,
    next: usize,
}

/// Reads one segment.
#[derive(Debug)]
pub(crate) struct Scan {
    file: Arc<dyn File>,
    file_len: u64,
    page_start: u64,
    page: Vec<u8>,
    /// Position in the page.
    at: usize,
    /// Payload of the record that is being put together.
    payload: Vec<u8>,
    pending: Option<Pending>,
    record: Vec<u8>,
    record_start: u64,
    record_end: u64,
    record_compression: Compression,
    /// Where the present damage begins and what was found there.
    bad: Option<(u64, String)>,
    /// A page of the present damage, or of the record at hand, could not be read.
    is_unreadable: bool,
    is_held: bool,
}

impl Scan {
    pub(crate) fn new(file: Arc<dyn File>, file_len: u64) -> Self {
        Self {
            file,
            file_len,
            page_start: 0,
            page: Vec::new(),
            at: 0,
            payload: Vec::new(),
            pending: None,
            record: Vec::new(),
            record_start: 0,
            record_end: 0,
            record_compression: Compression::None,
            bad: None,
            is_unreadable: false,
            is_held: false,
        }
    }

    /// The record found last.
    pub(crate) fn record(&self) -> &[u8] {
        &self.record
    }

    /// Where the record found last begins and ends.
    pub(crate) fn record_range(&self) -> (u64, u64) {
        (self.record_start, self.record_end)
    }

    /// The bytes of the record found last as they are stored, and how.
    pub(crate) fn stored(&self) -> (&[u8], Compression) {
        (&self.payload, self.record_compression)
    }

    fn offset(&self) -> u64 {
        self.page_start + self.at as u64
    }

    pub(crate) fn next(&mut self) -> Found {
        if self.is_held {
            self.is_held = false;
            return Found::Record;
        }
        loop {
            if self.at >= self.page.len() && !self.load() {
                return self.finish();
            }
            if self.at >= self.page.len() {
                continue;
            }
            match self.fragment() {
                Ok(true) => return self.found(),
                Ok(false) => {}
                Err(bad) => self.spoil(bad),
            }
        }
    }

    /// Reports damage before the record behind it.
    fn found(&mut self) -> Found {
        match self.bad.take() {
            None => Found::Record,
            Some((offset, what)) => {
                self.is_held = true;
                self.damage(offset, self.record_start, what)
            }
        }
    }

    fn finish(&mut self) -> Found {
        if let Some(pending) = self.pending.take() {
            self.bad.get_or_insert((pending.start, "record ends with the segment".to_owned()));
        }
        match self.bad.take() {
            None => Found::End,
            Some((offset, what)) => self.damage(offset, self.file_len, what),
        }
    }

    fn damage(&mut self, offset: u64, end: u64, what: String) -> Found {
        let is_unreadable = std::mem::take(&mut self.is_unreadable);
        Found::Damage { offset, bytes: end - offset, what, is_unreadable }
    }

    /// Gives up the fragment at hand, and the record that it belongs to.
    fn spoil(&mut self, bad: Bad) {
        let start = self.pending.take().map_or_else(|| self.offset(), |pending| pending.start);
        self.bad.get_or_insert((start, bad.what));
        self.at = bad.next;
    }

    /// Loads the next page; `false` at the end. A page that cannot be read is damage.
    fn load(&mut self) -> bool {
        self.page_start += self.page.len() as u64;
        let left = self.file_len.saturating_sub(self.page_start);
        let len = usize::try_from(left.min(PAGE_BYTES as u64)).expect("at most a page");
        if len == 0 {
            return false;
        }
        self.page.resize(len, 0);
        self.at = 0;
        let what = match self.file.read_at(self.page_start, &mut self.page) {
            Ok(got) if got == len => return true,
            Ok(_) => "file became shorter".to_owned(),
            Err(error) => {
                self.is_unreadable = true;
                format!("cannot be read: {error}")
            }
        };
        self.spoil(Bad { what, next: len });
        true
    }

    /// Takes the fragment at hand; `true` when a record is whole.
    fn fragment(&mut self) -> Result<bool, Bad> {
        let rest = &self.page[self.at..];
        if rest[0] == 0 {
            return self.padding();
        }
        let header = self.header(self.at);
        let Some((kind, len, crc)) = header else {
            return Err(self.bad("header is cut off"));
        };
        let end = self.at + HEADER_BYTES + len;
        if end > self.page.len() {
            return Err(self.bad("fragment is longer than its page"));
        }
        let bytes = &self.page[self.at + HEADER_BYTES..end];
        if crc32c(bytes) != crc {
            return Err(self.bad("checksum is wrong"));
        }
        let part = Part::from_number(kind & PART_MASK);
        let compression = Compression::from_flags(kind & !PART_MASK);
        let (Some(part), Some(compression)) = (part, compression) else {
            return Err(Bad { what: format!("unknown fragment type {kind}"), next: end });
        };
        if let Some(what) = self.misplaced(part, end, compression) {
            return Err(Bad { what: what.to_owned(), next: end });
        }
        self.take(part, compression, end)
    }

    fn take(&mut self, part: Part, compression: Compression, end: usize) -> Result<bool, Bad> {
        if part.begins() {
            self.payload.clear();
            self.pending = Some(Pending { start: self.offset(), compression });
        }
        if self.payload.len() + (end - self.at) > RECORD_BYTES_MAX {
            return Err(Bad { what: "record is longer than allowed".to_owned(), next: end });
        }
        self.payload.extend_from_slice(&self.page[self.at + HEADER_BYTES..end]);
        if !part.ends() {
            self.at = end;
            return Ok(false);
        }
        if let Err(what) = self.unpack(compression) {
            return Err(Bad { what: what.to_owned(), next: end });
        }
        self.at = end;
        self.record_start = self.pending.take().map_or(0, |pending| pending.start);
        self.record_end = self.offset();
        self.record_compression = compression;
        Ok(true)
    }

    fn unpack(&mut self, compression: Compression) -> Result<(), &'static str> {
        decompress(&self.payload, compression, &mut self.record)?;
        let is_known = self.record.first().is_some_and(|number| KINDS.contains(number));
        if compression != Compression::None || is_known {
            return Ok(());
        }
        // The flag is in the header, where no checksum guards it: is this a compressed record that has lost it?
        let mut unpacked = Vec::new();
        for how in [Compression::Snappy, Compression::Zstd] {
            let result = decompress(&self.payload, how, &mut unpacked);
            if result.is_ok() && unpacked.first().is_some_and(|number| KINDS.contains(number)) {
                return Err("compression flag is wrong");
            }
        }
        Ok(())
    }

    /// Why a fragment whose checksum is right cannot stand here.
    fn misplaced(&self, part: Part, end: usize, compression: Compression) -> Option<&'static str> {
        match &self.pending {
            Some(_) if part.begins() => return Some("record begins inside another"),
            None if !part.begins() => return Some("record without a beginning"),
            Some(pending) if pending.compression != compression => {
                return Some("compression changes inside a record");
            }
            Some(_) | None => {}
        }
        if !part.begins() && self.at != 0 {
            return Some("continuation does not begin with its page");
        }
        if !part.ends() && end != PAGE_BYTES {
            return Some("record goes on but not to the end of its page");
        }
        None
    }

    /// The rest of the page must be zeros, and no record be open.
    fn padding(&mut self) -> Result<bool, Bad> {
        let next = self.page.len();
        if !is_zero(&self.page[self.at..]) {
            return Err(self.bad("padding is not zero"));
        }
        if self.pending.is_some() {
            return Err(Bad { what: "record is not continued".to_owned(), next });
        }
        self.at = next;
        Ok(false)
    }

    /// Type byte, length and checksum of the header at `at`.
    fn header(&self, at: usize) -> Option<(u8, usize, u32)> {
        let header: &[u8; HEADER_BYTES] = self.page.get(at..)?.first_chunk()?;
        let [kind, len_high, len_low, crc @ ..] = *header;
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        Some((kind, len, u32::from_be_bytes(crc)))
    }

    /// Bad at hand; goes on behind this fragment when its end is certain, else with the next page.
    fn bad(&self, what: &str) -> Bad {
        let next = self.end_by_length().or_else(|| self.end_by_checksum());
        Bad { what: what.to_owned(), next: next.unwrap_or(self.page.len()) }
    }

    /// The end that the header's length gives, when a fragment follows there.
    fn end_by_length(&self) -> Option<usize> {
        let (_, len, _) = self.header(self.at)?;
        let end = self.at + HEADER_BYTES + len;
        self.is_boundary(end).then_some(end)
    }

    /// The end up to which the header's checksum is right, when a fragment follows there: it was the length that was hit.
    fn end_by_checksum(&self) -> Option<usize> {
        let (_, _, crc) = self.header(self.at)?;
        let start = self.at + HEADER_BYTES;
        let mut running = 0;
        for (i, byte) in self.page[start..].iter().enumerate() {
            running = stdx::checksum::crc32c_append(running, std::slice::from_ref(byte));
            if running == crc && self.is_boundary(start + i + 1) {
                return Some(start + i + 1);
            }
        }
        None
    }

    /// Whether a fragment with a right checksum, or nothing but padding, or the page's end is at `at`.
    fn is_boundary(&self, at: usize) -> bool {
        match self.page.get(at..) {
            None => false,
            Some([]) => self.page.len() == PAGE_BYTES,
            Some([0, rest @ ..]) => is_zero(rest),
            Some([_, ..]) => self.header(at).is_some_and(|(_, len, crc)| {
                let start = at + HEADER_BYTES;
                len > 0 && self.page.get(start..start + len).is_some_and(|b| crc32c(b) == crc)
            }),
        }
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
