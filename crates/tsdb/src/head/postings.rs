//! Postings: for each label pair the series that have it, as runs of ids in varints.
//!
//! Series of one target lie side by side, so most lists are a few runs. Ids that arrive out of order wait in a short
//! tail, which is merged when it reaches an eighth of the list.

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;
use stdx::varint;

/// A hasher for our own dense numbers.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.write_u64(u64::from(id));
    }

    fn write_u64(&mut self, id: u64) {
        let mixed = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// A map by our own numbers.
pub(crate) type IdMap<V> = HashMap<u32, V, BuildHasherDefault<IdHasher>>;

/// The ids of one label pair.
#[derive(Debug)]
pub(crate) enum List {
    One(u32),
    Many(Box<Runs>),
}

impl List {
    fn insert(&mut self, id: u32) {
        match self {
            Self::One(have) if *have == id => {}
            Self::One(have) => {
                let mut runs = Runs::default();
                runs.insert(*have);
                runs.insert(id);
                *self = Self::Many(Box::new(runs));
            }
            Self::Many(runs) => runs.insert(id),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(runs) => runs.n + runs.tail.len(),
        }
    }

    /// Appends the ids, ascending, to `out`.
    pub(crate) fn read(&self, out: &mut Vec<u32>) {
        match self {
            Self::One(id) => out.push(*id),
            Self::Many(runs) => runs.read(out),
        }
    }
}

/// Ascending ids: finished runs as bytes, the last run open, stragglers in a tail.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// Per run the gap to the end of the run before, shifted by one; the low bit says that a length follows.
    bytes: Vec<u8>,
    /// One past the last id in `bytes`.
    end: u32,
    start: u32,
    len: u32,
    /// Ids but for the tail.
    n: usize,
    tail: Vec<u32>,
}

impl Runs {
    fn insert(&mut self, id: u32) {
        if self.len > 0 && id < self.start + self.len {
            if !self.tail.contains(&id) {
                self.tail.push(id);
            }
            if self.tail.len() > 16 + self.n / 8 {
                self.merge();
            }
            return;
        }
        self.push(id);
    }

    /// Appends an id above all others.
    fn push(&mut self, id: u32) {
        self.n += 1;
        if self.len > 0 && id == self.start + self.len {
            self.len += 1;
            return;
        }
        self.flush();
        self.start = id;
        self.len = 1;
    }

    fn flush(&mut self) {
        if self.len == 0 {
            return;
        }
        let gap = u64::from(self.start - self.end) << 1;
        varint::put_uvarint(&mut self.bytes, gap | u64::from(self.len > 1));
        if self.len > 1 {
            varint::put_uvarint(&mut self.bytes, u64::from(self.len));
        }
        self.end = self.start + self.len;
        self.len = 0;
    }

    fn merge(&mut self) {
        let mut ids = Vec::with_capacity(self.n + self.tail.len());
        self.read(&mut ids);
        *self = Self::default();
        for id in ids {
            self.push(id);
        }
        self.bytes.shrink_to_fit();
    }

    fn read(&self, out: &mut Vec<u32>) {
        let from = out.len();
        out.reserve(self.n + self.tail.len());
        let (mut rest, mut end) = (self.bytes.as_slice(), 0_u32);
        while let Some(head) = take(&mut rest) {
            let start = end + (head >> 1);
            let len = if head & 1 == 1 { take(&mut rest).unwrap_or(1) } else { 1 };
            end = start + len;
            out.extend(start..end);
        }
        out.extend(self.start..self.start + self.len);
        if !self.tail.is_empty() {
            out.extend_from_slice(&self.tail);
            out[from..].sort_unstable();
            out.dedup();
        }
    }
}

/// A varint that [`Runs::flush`] wrote.
fn take(rest: &mut &[u8]) -> Option<u32> {
    let (value, n) = varint::uvarint(rest)?;
    *rest = &rest[n..];
    u32::try_from(value).ok()
}

/// The lists of all label pairs, by name and value number.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    names: IdMap<IdMap<List>>,
}

impl Postings {
    pub(crate) fn insert(&mut self, pairs: impl Iterator<Item = (u32, u32)>, id: u32) {
        for (name, value) in pairs {
            let list = self.names.entry(name).or_default().entry(value);
            list.and_modify(|list| list.insert(id)).or_insert(List::One(id));
        }
    }

    /// The lists of a label name by value number.
    pub(crate) fn values(&self, name: u32) -> Option<&IdMap<List>> {
        self.names.get(&name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (u32, &IdMap<List>)> {
        self.names.iter().map(|(name, values)| (*name, values))
    }

    #[cfg(test)]
    pub(crate) fn list(&self, name: u32, value: u32) -> Option<&List> {
        self.names.get(&name)?.get(&value)
    }

    /// Label pairs that exist.
    pub(crate) fn n_pairs(&self) -> usize {
        self.names.values().map(HashMap::len).sum()
    }

    /// Takes out every id for which `is_gone`, from the lists of `pairs` alone.
    pub(crate) fn remove(
        &mut self,
        pairs: impl Iterator<Item = (u32, u32)>,
        is_gone: impl Fn(u32) -> bool,
    ) {
        for (name, value) in pairs {
            let Some(values) = self.names.get_mut(&name) else { continue };
            let Some(list) = values.get_mut(&value) else { continue };
            let mut ids = Vec::with_capacity(list.len());
            list.read(&mut ids);
            ids.retain(|id| !is_gone(*id));
            match ids.as_slice() {
                [] => {
                    values.remove(&value);
                    if values.is_empty() {
                        self.names.remove(&name);
                    }
                }
                [one] => *list = List::One(*one),
                many => {
                    let mut runs = Runs::default();
                    for id in many {
                        runs.push(*id);
                    }
                    *list = List::Many(Box::new(runs));
                }
            }
        }
    }
}

/// Ascending lists: what both have.
pub(crate) fn intersect(a: &mut Vec<u32>, b: &[u32]) {
    let mut rest = b;
    a.retain(|id| {
        let at = gallop(rest, *id);
        rest = &rest[at..];
        rest.first() == Some(id)
    });
}

/// Ascending lists: takes `b` out of `a`.
pub(crate) fn subtract(a: &mut Vec<u32>, b: &[u32]) {
    let mut rest = b;
    a.retain(|id| {
        let at = gallop(rest, *id);
        rest = &rest[at..];
        rest.first() != Some(id)
    });
}

/// The first place in `ids` with a value of at least `id`, in steps that double.
fn gallop(ids: &[u32], id: u32) -> usize {
    let mut step = 1;
    let mut low = 0;
    while low + step < ids.len() && ids[low + step] < id {
        low += step;
        step *= 2;
    }
    let high = ids.len().min(low + step + 1);
    low + ids[low..high].partition_point(|have| *have < id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn read(list: &List) -> Vec<u32> {
        let mut out = Vec::new();
        list.read(&mut out);
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_list_is_a_set(ids in prop::collection::vec(0_u32..700, 1..300), gone in 0_u32..700) {
            let mut postings = Postings::default();
            let mut set = BTreeSet::new();
            for id in ids {
                postings.insert([(1, 2)].into_iter(), id);
                set.insert(id);
            }
            prop_assert_eq!(read(postings.list(1, 2).unwrap()), set.iter().copied().collect::<Vec<_>>());
            postings.remove([(1, 2)].into_iter(), |id| id >= gone);
            set.retain(|id| *id < gone);
            let left = postings.list(1, 2).map(read).unwrap_or_default();
            prop_assert_eq!(left, set.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn set_operations(
            a in prop::collection::btree_set(0_u32..200, 0..100),
            b in prop::collection::btree_set(0_u32..200, 0..100),
        ) {
            let list = |set: &BTreeSet<u32>| set.iter().copied().collect::<Vec<u32>>();
            let mut both = list(&a);
            intersect(&mut both, &list(&b));
            prop_assert_eq!(both, a.intersection(&b).copied().collect::<Vec<_>>());
            let mut only = list(&a);
            subtract(&mut only, &list(&b));
            prop_assert_eq!(only, a.difference(&b).copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_run_costs_bytes_not_words() {
        let mut postings = Postings::default();
        for id in 0..100_000 {
            postings.insert([(0, 0)].into_iter(), id);
        }
        match postings.list(0, 0).unwrap() {
            List::One(_) => panic!("many ids"),
            List::Many(runs) => assert_eq!((runs.bytes.len(), runs.n), (0, 100_000)),
        }
    }
}
