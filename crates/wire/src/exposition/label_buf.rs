//! A reusable buffer of labels, between the bytes of an exposition and a [`Labels`].
//!
//! Invariant: after [`LabelBuf::sort`] the pairs are in name order, equal names in the order in which they came. Unlike
//! [`Labels`] it can hold what must be refused (duplicate, empty and not-UTF-8 names), so that the refusal can come late:
//! Prometheus drops a series by relabelling before it looks at its names.

use std::fmt::Write as _;

use model::labels::{Labels, METRIC_NAME};

use crate::quote::go_quote;
use model::names::{NameScheme, legacy_label_name};

/// Labels that cannot be stored. The texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    #[error("label name {} is not unique: invalid sample", go_quote(.0.as_bytes()))]
    Duplicate(String),
    /// The text is the label set as Prometheus prints it.
    #[error("invalid metric name or label names: {0}")]
    Invalid(String),
}

/// Where a pair stands in the text of a [`LabelBuf`].
#[derive(Debug, Clone, Copy)]
struct Pair {
    start: usize,
    middle: usize,
    end: usize,
}

/// Label pairs in one text; clearing keeps the memory.
#[derive(Debug, Clone, Default)]
pub struct LabelBuf {
    text: String,
    pairs: Vec<Pair>,
    not_utf8: bool,
}

impl LabelBuf {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.pairs.clear();
        self.not_utf8 = false;
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Adds a pair at the end.
    pub fn push(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        self.pairs.push(Pair { start, middle, end: self.text.len() });
    }

    /// Adds a pair of bytes; what is not UTF-8 is replaced by U+FFFD and makes [`LabelBuf::check`] fail.
    pub fn push_bytes(&mut self, name: &[u8], value: &[u8]) {
        match (std::str::from_utf8(name), std::str::from_utf8(value)) {
            (Ok(name), Ok(value)) => self.push(name, value),
            _ => {
                self.not_utf8 = true;
                self.push(&String::from_utf8_lossy(name), &String::from_utf8_lossy(value));
            }
        }
    }

    /// Sorts by name; equal names keep their order.
    pub fn sort(&mut self) {
        let text = &self.text;
        self.pairs.sort_by(|a, b| text[a.start..a.middle].cmp(&text[b.start..b.middle]));
    }

    /// The pairs in their present order, those with empty values too.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + '_ {
        self.pairs.iter().map(|p| (&self.text[p.start..p.middle], &self.text[p.middle..p.end]))
    }

    /// The value of the first pair named `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(have, _)| *have == name).map(|(_, value)| value)
    }

    /// The pairs that count: an empty value takes away its label, in every pair of the name, as in Prometheus. Call it on
    /// sorted pairs.
    fn counting(&self) -> impl Iterator<Item = (&str, &str)> + '_ {
        let empty: Vec<&str> =
            self.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| name).collect();
        self.iter().filter(move |(name, _)| empty.binary_search(name).is_err())
    }

    /// The first name that stands twice among the labels that count. Call it on sorted pairs.
    #[must_use]
    pub fn duplicate(&self) -> Option<&str> {
        let mut neighbours = self.counting().zip(self.counting().skip(1));
        neighbours.find(|(a, b)| a.0 == b.0).map(|(a, _)| a.0)
    }

    /// Whether the names of all labels with a value are valid by `scheme`, and the metric's too.
    ///
    /// # Errors
    /// [`LabelsError::Invalid`].
    pub fn check(&self, scheme: NameScheme) -> Result<(), LabelsError> {
        let pair_ok = |(name, value): (&str, &str)| {
            value.is_empty()
                || scheme.label_name_ok(name)
                    && (name != METRIC_NAME || scheme.metric_name_ok(value))
        };
        if self.not_utf8 || !self.iter().all(pair_ok) {
            return Err(LabelsError::Invalid(self.describe()));
        }
        Ok(())
    }

    /// The labels. A label with an empty value is no label. Call it on sorted pairs.
    ///
    /// # Errors
    /// [`LabelsError::Duplicate`], and [`LabelsError::Invalid`] for names that are empty or not UTF-8.
    pub fn to_labels(&self) -> Result<Labels, LabelsError> {
        self.check(NameScheme::Utf8)?;
        if let Some(name) = self.duplicate() {
            return Err(LabelsError::Duplicate(name.to_owned()));
        }
        Ok(Labels::from_sorted(self.counting()))
    }

    /// The labels, whatever they are: of equal names the last, no empty values. For exemplars, which are not refused for
    /// their labels. Call it on sorted pairs.
    pub(crate) fn to_labels_lenient(&self) -> Labels {
        let followers = self.iter().skip(1).map(Some).chain(std::iter::once(None));
        let last_ones = self.iter().zip(followers).filter(|((name, value), next)| {
            !value.is_empty() && next.is_none_or(|(next_name, _)| next_name != *name)
        });
        Labels::from_sorted(last_ones.map(|(pair, _)| pair))
    }

    /// `{a="1", "b.c"="2"}`, as Prometheus prints a label set.
    fn describe(&self) -> String {
        let mut out = String::from("{");
        for (i, (name, value)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            let value = go_quote(value.as_bytes());
            if legacy_label_name(name) {
                write!(out, "{separator}{name}={value}").expect("a String takes all");
            } else {
                write!(out, "{separator}{}={value}", go_quote(name.as_bytes()))
                    .expect("a String takes all");
            }
        }
        out.push('}');
        out
    }
}
