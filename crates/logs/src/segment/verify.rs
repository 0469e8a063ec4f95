//! Reading all of a segment: every checksum, every page, every section.

use stdx::checksum::crc32c;

use super::bytes::Damage;
use super::read::{Inner, Segment};
use super::sections::{self, PIECE, Section};
use crate::part::ReadError;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    pub rows: u64,
    pub pages: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Segment {
    /// Reads every byte and checks it: that checksums fit, that pages decode, and that nothing lies between them. Costs the time of decoding all.
    ///
    /// # Errors
    /// The first damage.
    pub fn verify(&self) -> Result<Verified, ReadError> {
        let inner = &self.inner;
        let mut done = Verified { rows: inner.rows as u64, pages: 0, bytes: inner.len };
        let mut end = 4;
        for group in 0..inner.groups.len() {
            let entry = &inner.directory.groups[group];
            if entry.offset != end {
                return Err(inner.damaged(group, &Damage::new("a gap before the row group")));
            }
            end += entry.len;
            done.pages += inner.verify_pages(group)?;
            inner.verify_sections(group)?;
        }
        let (offset, len, crc) = inner.directory.foreign;
        let tail = || -> Result<(), Damage> {
            if offset != end {
                return Err(Damage::new("a gap before the page index"));
            }
            let len = usize::try_from(len).map_err(|_| Damage::new("a page index without end"))?;
            if crc32c(&super::read::read_exact(&*inner.file, offset, len)?) != crc {
                return Err(Damage::new("the page index's checksum does not fit"));
            }
            Ok(())
        };
        tail().map_err(|damage| ReadError {
            part: inner.name.clone(),
            block: inner.blocks.saturating_sub(1),
            what: damage.0,
        })?;
        Ok(done)
    }
}

impl Inner {
    /// Decodes every page of a row group; how many there are.
    fn verify_pages(&self, group: usize) -> Result<u64, ReadError> {
        let chunks = self.chunks(group)?;
        let mut ends: Vec<(u64, u64)> = Vec::new();
        let mut pages = 0;
        for (column, chunk) in chunks.iter().enumerate() {
            for page in chunk.all_pages() {
                ends.push((page.offset, page.offset + u64::from(page.len)));
                pages += 1;
            }
            for at in 0..chunk.pages.len() {
                self.column(group, column, at)?;
            }
        }
        ends.sort_unstable();
        ends.dedup();
        let first = self.directory.groups[group].sections[0].offset;
        let mut at = 0;
        for (start, end) in ends.into_iter().chain([(first, first)]) {
            if start != at {
                return Err(self.damaged(group, &Damage(format!("a gap at {at} of the row group"))));
            }
            at = end;
        }
        Ok(pages)
    }

    fn verify_sections(&self, group: usize) -> Result<(), ReadError> {
        self.zones(group)?;
        self.words(group)?;
        let filters = self.filters(group)?;
        let damaged = |damage: Damage| self.damaged(group, &damage);
        sections::read_texts(&self.section(group, Section::Texts)?).map_err(damaged)?;
        sections::read_rollup(&self.section(group, Section::Rollup)?).map_err(damaged)?;
        for (section, crcs) in
            [(Section::Fuse, &filters.fuse_crcs), (Section::Sliced, &filters.sliced_crcs)]
        {
            let bytes = self.section(group, section)?;
            let same = bytes.chunks(PIECE).map(crc32c).eq(crcs.iter().copied());
            if !same {
                let damage = Damage(format!("checksums of {section:?} that differ"));
                return Err(damaged(damage));
            }
        }
        let entry = &self.directory.groups[group];
        let mut at = entry.sections[0].offset;
        for section in &entry.sections {
            if section.offset != at {
                return Err(damaged(Damage::new("a gap in the index")));
            }
            at += u64::from(section.len);
        }
        if at == entry.len { Ok(()) } else { Err(damaged(Damage::new("the index has a tail"))) }
    }
}
