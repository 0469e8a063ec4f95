//! Label sets in one allocation.
//!
//! The bytes are those of Prometheus' `stringlabels`: for each label, sorted by name, `len name len value`, where `len` is
//! one byte below 255 and else `0xff` and three little-endian bytes. So hashes over the bytes equal Prometheus'.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::names::legacy_label_name;
use crate::quote::quote;

/// The label that holds the metric name.
pub const METRIC_NAME: &str = "__name__";
/// Longest name or value that a label set can hold, in bytes.
pub const LABEL_BYTES_MAX: usize = (1 << 24) - 1;

/// A sorted set of labels with distinct, non-empty names. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<[u8]>);

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl Labels {
    /// Builds from pairs in any order. Empty values are left out; of two equal names the last wins.
    /// Names and values over [`LABEL_BYTES_MAX`] are cut there (callers bound them long before).
    #[must_use]
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut sorted: Vec<(&str, &str)> = Vec::new();
        for (name, value) in pairs {
            match sorted.binary_search_by(|(have, _)| (*have).cmp(name)) {
                Ok(i) => sorted[i].1 = value,
                Err(i) => sorted.insert(i, (name, value)),
            }
        }
        sorted.retain(|(_, value)| !value.is_empty());
        Self::from_sorted(sorted)
    }

    /// Builds from pairs that are sorted by name, with distinct names and no empty values.
    #[must_use]
    pub fn from_sorted<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut bytes = Vec::with_capacity(128);
        for (name, value) in pairs {
            put_str(&mut bytes, name);
            put_str(&mut bytes, value);
        }
        Self(bytes.into())
    }

    /// The encoded bytes (see the file's head); equal bytes mean equal labels.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// xxhash64 of [`Labels::as_bytes`], equal to Prometheus' `Labels.Hash()`.
    #[must_use]
    pub fn hash64(&self) -> u64 {
        xxhash_rust::xxh64::xxh64(&self.0, 0)
    }

    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.0 }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// The value of `name`; `None` when there is no such label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(have, _)| *have == name).map(|(_, value)| value)
    }

    /// The metric name; empty when there is none.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }
}

/// A label set being changed. Setting a label to the empty value removes it.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    /// Sorted by name, names distinct, values not empty.
    pairs: Vec<(String, String)>,
}

impl Builder {
    /// The value of `name`; empty when there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.find(name).map_or("", |i| &self.pairs[i].1)
    }

    pub fn set(&mut self, name: &str, value: &str) {
        match (self.find(name), value) {
            (_, "") => self.remove(name),
            (Ok(i), value) => value.clone_into(&mut self.pairs[i].1),
            (Err(i), value) => self.pairs.insert(i, (name.to_owned(), value.to_owned())),
        }
    }

    pub fn remove(&mut self, name: &str) {
        if let Ok(i) = self.find(name) {
            self.pairs.remove(i);
        }
    }

    /// Keeps only the labels for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        self.pairs.retain(|(name, value)| keep(name, value));
    }

    /// Labels in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    #[must_use]
    pub fn labels(&self) -> Labels {
        Labels::from_sorted(self.iter())
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.pairs.binary_search_by(|(have, _)| have.as_str().cmp(name))
    }
}

impl From<&Labels> for Builder {
    fn from(labels: &Labels) -> Self {
        let pairs = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { pairs: pairs.collect() }
    }
}

/// Labels in name order.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = take_str(self.rest)?;
        let (value, rest) = take_str(rest)?;
        self.rest = rest;
        Some((name, value))
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    /// Label by label: name, then value; a prefix is smaller (Prometheus `labels.Compare`).
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl fmt::Display for Labels {
    /// `{a="b", c="d"}`, as Prometheus prints a label set (`Labels.String`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            if legacy_label_name(name) {
                write!(f, "{comma}{name}={}", quote(value))?;
            } else {
                write!(f, "{comma}{}={}", quote(name), quote(value))?;
            }
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    let text = text.get(..LABEL_BYTES_MAX).unwrap_or(text);
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    if text.len() < 255 {
        out.push(len[0]);
    } else {
        out.extend_from_slice(&[255, len[0], len[1], len[2]]);
    }
    out.extend_from_slice(text.as_bytes());
}

fn take_str(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (len, rest) = if first < 255 {
        (usize::from(first), rest)
    } else {
        let (len, rest) = rest.split_at_checked(3)?;
        (usize::from(len[0]) | usize::from(len[1]) << 8 | usize::from(len[2]) << 16, rest)
    };
    let (text, rest) = rest.split_at_checked(len)?;
    Some((std::str::from_utf8(text).expect("labels are built from str"), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sorted_distinct_and_without_empty_values() {
        let labels = Labels::from_pairs([("b", "1"), ("a", "2"), ("b", "3"), ("c", "")]);
        assert_eq!(labels.to_string(), r#"{a="2", b="3"}"#);
        assert_eq!((labels.len(), labels.get("b"), labels.get("c")), (2, Some("3"), None));
        assert_eq!(Labels::default().to_string(), "{}");
    }

    #[test]
    fn long_values_take_four_length_bytes() {
        for len in [0, 1, 254, 255, 256, 65_536] {
            let value = "x".repeat(len);
            let labels = Labels::from_pairs([("a", value.as_str()), ("b", "y")]);
            assert_eq!(labels.get("a").unwrap_or(""), value);
            assert_eq!(labels.get("b"), Some("y"));
        }
    }

    #[test]
    fn order_is_label_by_label() {
        let set = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
        assert!(set(&[("a", "b")]) < set(&[("a", "b"), ("b", "a")]));
        assert!(set(&[("a", "b"), ("c", "d")]) < set(&[("aa", "b")]));
        assert!(set(&[("a", "10")]) < set(&[("a", "9")]));
    }

    #[test]
    fn builder_changes_a_set() {
        let mut builder = Builder::from(&Labels::from_pairs([("a", "1"), ("b", "2")]));
        builder.set("c", "3");
        builder.set("a", "");
        builder.set("b", "4");
        builder.remove("z");
        assert_eq!(builder.labels(), Labels::from_pairs([("b", "4"), ("c", "3")]));
        assert_eq!((builder.get("b"), builder.get("a")), ("4", ""));
    }
}
