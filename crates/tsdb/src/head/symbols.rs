//! Interned strings: every label name and value stands in memory once and is known by a `u32`.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// The strings and their numbers. A number stays valid until [`Symbols`] is rebuilt as a whole.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    text: String,
    /// End of symbol `i` in `text`; it starts where `i - 1` ends.
    ends: Vec<u32>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Symbols {
    /// The number of `text`, made when it is new; `None` when all strings together would pass 4 GiB.
    pub(crate) fn intern(&mut self, text: &str) -> Option<u32> {
        if let Some(id) = self.find(text) {
            return Some(id);
        }
        let end = u32::try_from(self.text.len().checked_add(text.len())?).ok()?;
        let id = u32::try_from(self.ends.len()).ok()?;
        self.text.push_str(text);
        self.ends.push(end);
        let (hasher, all, ends) = (&self.hasher, &self.text, &self.ends);
        let hash = hasher.hash_one(text);
        self.table.insert_unique(hash, id, |id| hasher.hash_one(slice(all, ends, *id)));
        Some(id)
    }

    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        self.table.find(hash, |id| self.get(*id) == text).copied()
    }

    pub(crate) fn get(&self, id: u32) -> &str {
        slice(&self.text, &self.ends, id)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of the strings and of the tables over them.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * 4 + self.table.capacity() * 5
    }

    /// For each symbol its place in string order.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let n = u32::try_from(self.ends.len()).expect("intern bounds the count");
        let mut order: Vec<u32> = (0..n).collect();
        order.sort_unstable_by(|a, b| self.get(*a).cmp(self.get(*b)));
        let mut ranks = vec![0; order.len()];
        for (rank, id) in (0..n).zip(order) {
            ranks[id as usize] = rank;
        }
        ranks
    }
}

fn slice<'a>(text: &'a str, ends: &[u32], id: u32) -> &'a str {
    let i = id as usize;
    let start = if i == 0 { 0 } else { ends[i - 1] as usize };
    &text[start..ends[i] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_has_one_number_and_ranks_follow_string_order() {
        let mut symbols = Symbols::default();
        let words = ["job", "", "한국", "instance", "a", "job", "a"];
        let ids: Vec<u32> = words.iter().map(|word| symbols.intern(word).unwrap()).collect();
        assert_eq!(ids, [0, 1, 2, 3, 4, 0, 4]);
        assert_eq!(symbols.ranks(), [3, 0, 4, 2, 1]);
        assert_eq!((symbols.get(2), symbols.find("b"), symbols.len()), ("한국", None, 5));
    }
}
