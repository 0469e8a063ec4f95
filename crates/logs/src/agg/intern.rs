//! Values as small numbers, and buckets as smaller ones: what rows are grouped by.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::error::AggError;
use super::show::Key;
use crate::column::Strings;

/// A quick hash for numbers that nobody outside chooses one by one in quantity: buckets are bounded.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_i64(&mut self, value: i64) {
        self.write_u64(value.cast_unsigned());
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

pub(super) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// No number.
const NONE: u32 = u32::MAX;
/// A number that is not known yet.
const UNKNOWN: u32 = u32::MAX - 1;

/// Gives each value a number, from 0 on.
#[derive(Debug, Default)]
pub(super) struct Interner {
    pub(super) keys: Vec<Key>,
    ints: QuickMap<i64, u32>,
    floats: QuickMap<u64, u32>,
    texts: HashMap<Arc<str>, u32>,
    /// The numbers of the words of the dictionary that was last seen.
    codes: Option<(Arc<Strings>, Vec<u32>)>,
    pub(super) bytes: u64,
}

impl Interner {
    fn add(&mut self, key: Key) -> u32 {
        let id = u32::try_from(self.keys.len()).expect("memory ends far below 4 billion values");
        self.bytes += 64;
        if let Key::Text(text) = &key {
            self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX) + 32;
        }
        self.keys.push(key);
        id
    }

    pub(super) fn int(&mut self, value: i64) -> u32 {
        if let Some(id) = self.ints.get(&value) {
            return *id;
        }
        let id = self.add(Key::Int(value));
        self.ints.insert(value, id);
        id
    }

    pub(super) fn float(&mut self, value: f64) -> u32 {
        // 0 and -0 are one value.
        let value = if value == 0.0 { 0.0 } else { value };
        if let Some(id) = self.floats.get(&value.to_bits()) {
            return *id;
        }
        let id = self.add(Key::Float(value));
        self.floats.insert(value.to_bits(), id);
        id
    }

    pub(super) fn text(&mut self, text: &str) -> u32 {
        if let Some(id) = self.texts.get(text) {
            return *id;
        }
        let text: Arc<str> = text.into();
        let id = self.add(Key::Text(Arc::clone(&text)));
        self.texts.insert(text, id);
        id
    }

    /// The number of word `code` of a dictionary, which `find` gives for its text.
    pub(super) fn code(
        &mut self,
        words: &Arc<Strings>,
        code: u32,
        find: impl Fn(&mut Self, &str) -> Option<u32>,
    ) -> Option<u32> {
        let at = code as usize;
        match &self.codes {
            Some((have, ids)) if Arc::ptr_eq(have, words) => {
                let id = ids[at];
                if id != UNKNOWN {
                    return (id != NONE).then_some(id);
                }
            }
            Some(_) | None => self.codes = Some((Arc::clone(words), vec![UNKNOWN; words.len()])),
        }
        let id = find(self, words.get(at));
        if let Some((_, ids)) = &mut self.codes {
            ids[at] = id.unwrap_or(NONE);
        }
        id
    }
}

/// Buckets by whose they are (a bucket above) and by value.
#[derive(Debug, Default)]
pub(super) struct Grouped {
    /// Buckets of the only bucket above, by value: nearly always there is but one.
    first: Vec<u32>,
    others: QuickMap<u64, u32>,
    /// For each bucket: whose it is, and its value.
    pub(super) of: Vec<(u32, u32)>,
    pub(super) counts: Vec<u64>,
    by_owner: Option<HashMap<u32, Vec<u32>>>,
}

impl Grouped {
    /// The bucket of `value` in the bucket `owner` above.
    pub(super) fn bucket(&mut self, owner: u32, value: u32) -> u32 {
        let fresh = u32::try_from(self.of.len()).expect("memory ends far below 4 billion buckets");
        let at = value as usize;
        let slot = if owner == 0 {
            if self.first.len() <= at {
                self.first.resize(at + 1, NONE);
            }
            &mut self.first[at]
        } else {
            self.others.entry(u64::from(owner) << 32 | u64::from(value)).or_insert(NONE)
        };
        if *slot == NONE {
            *slot = fresh;
            self.of.push((owner, value));
            self.counts.push(0);
            self.by_owner = None;
        }
        *slot
    }

    /// The buckets of `owner`, in the order in which they came.
    pub(super) fn of_owner(&mut self, owner: u32) -> Vec<u32> {
        let by_owner = self.by_owner.get_or_insert_with(|| {
            let mut lists: HashMap<u32, Vec<u32>> = HashMap::new();
            for (bucket, (owner, _)) in (0..).zip(&self.of) {
                lists.entry(*owner).or_default().push(bucket);
            }
            lists
        });
        by_owner.get(&owner).cloned().unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> u64 {
        u64::try_from(self.of.len() * 40 + self.first.len() * 4).unwrap_or(u64::MAX)
    }
}

/// What aggregations may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) bytes_max: u64,
}

impl Bound {
    pub(super) fn check(self, bytes: u64) -> Result<(), AggError> {
        if bytes > self.bytes_max { Err(AggError::Memory(self.bytes_max)) } else { Ok(()) }
    }
}
