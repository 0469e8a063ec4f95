//! Label sets as symbol numbers: for each series a count and pairs of varints, in the order of the label names.

use model::labels::Labels;
use stdx::varint;

use super::symbols::Symbols;

/// Most bytes of all label sets together.
const SET_BYTES_MAX: usize = u32::MAX as usize;

/// All label sets, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct LabelSets {
    bytes: Vec<u8>,
    n: usize,
}

impl LabelSets {
    /// Stores `labels` and returns where. `None` when a bound on symbols or sets is reached.
    pub(crate) fn push(&mut self, symbols: &mut Symbols, labels: &Labels) -> Option<u32> {
        let at = self.bytes.len();
        if at + labels.as_bytes().len() + 16 > SET_BYTES_MAX {
            return None;
        }
        varint::put_uvarint(&mut self.bytes, labels.len() as u64);
        for (name, value) in labels {
            for text in [name, value] {
                let Some(id) = symbols.intern(text) else {
                    self.bytes.truncate(at);
                    return None;
                };
                varint::put_uvarint(&mut self.bytes, u64::from(id));
            }
        }
        self.n += 1;
        u32::try_from(at).ok()
    }

    /// Sets that were pushed, those of series that are gone included.
    pub(crate) fn n_pushed(&self) -> usize {
        self.n
    }

    /// The name and value numbers of the set at `at`.
    pub(crate) fn iter(&self, at: u32) -> SetIter<'_> {
        let mut rest = &self.bytes[at as usize..];
        let left = take(&mut rest);
        SetIter { rest, left }
    }

    /// The set at `at` with its strings.
    pub(crate) fn labels(&self, symbols: &Symbols, at: u32) -> Labels {
        Labels::from_sorted(self.iter(at).map(|(n, v)| (symbols.get(n), symbols.get(v))))
    }

    pub(crate) fn is_equal(&self, symbols: &Symbols, at: u32, labels: &Labels) -> bool {
        let mut theirs = labels.iter();
        for (name, value) in self.iter(at) {
            match theirs.next() {
                Some((n, v)) if symbols.get(name) == n && symbols.get(value) == v => {}
                Some(_) | None => return false,
            }
        }
        theirs.next().is_none()
    }

    /// The value number that the set at `at` has for `name`.
    pub(crate) fn value(&self, at: u32, name: u32) -> Option<u32> {
        self.iter(at).find(|(have, _)| *have == name).map(|(_, value)| value)
    }
}

/// The pairs of one set.
#[derive(Debug, Clone)]
pub(crate) struct SetIter<'a> {
    rest: &'a [u8],
    left: u32,
}

impl Iterator for SetIter<'_> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        self.left = self.left.checked_sub(1)?;
        let name = take(&mut self.rest);
        Some((name, take(&mut self.rest)))
    }
}

/// A varint that [`LabelSets::push`] wrote.
fn take(rest: &mut &[u8]) -> u32 {
    let mut value = 0;
    let mut shift = 0;
    while let Some((&byte, tail)) = rest.split_first() {
        *rest = tail;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
        shift += 7;
    }
    value
}
