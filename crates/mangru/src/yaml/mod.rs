//! YAML with positions: text → a bounded tree of nodes that know their line and column, and back to text.
//!
//! Scalars mean what they mean to Prometheus' reader (Go's yaml.v2): `yes` is a boolean, `0x10` is 16, a quoted scalar is text.

mod emit;
mod parse;
mod scalar;

pub(crate) use emit::{Out, emit};
pub(crate) use parse::{FILE_BYTES_MAX, parse};
pub(crate) use scalar::{Resolved, Scalar};

/// A place in a file: line and column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pos {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value of the document and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) pos: Pos,
    pub(crate) content: Content,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Scalar(Scalar),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a mapping with its value. Keys may repeat: the reader, which knows the section's name, refuses that.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Scalar,
    pub(crate) pos: Pos,
    pub(crate) value: Node,
}

impl Node {
    /// Whether nothing is written here, or `~`, or `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    /// The short tag that Go's reader names in its errors: `!!str`, `!!map`, …
    pub(crate) fn tag(&self) -> &'static str {
        match &self.content {
            Content::Scalar(scalar) => scalar.tag(),
            Content::Seq(_) => "!!seq",
            Content::Map(_) => "!!map",
        }
    }

    /// The value as an error shows it: a scalar's text, cut; nothing for collections.
    pub(crate) fn excerpt(&self) -> String {
        match &self.content {
            Content::Scalar(scalar) => scalar.excerpt(),
            Content::Seq(_) | Content::Map(_) => String::new(),
        }
    }
}
