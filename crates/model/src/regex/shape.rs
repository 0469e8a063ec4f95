//! What can be said of a pattern without running it: a small set of texts, a prefix, "anything".

use regex_syntax::hir::{Class, Hir, HirKind};

/// Most texts that [`Shape::Set`] holds.
const SET_MAX: usize = 256;
/// Largest character class that is spelled out into a set.
const CLASS_MAX: usize = 32;

/// A pattern's shape; `Other` needs the automaton.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `.*`
    Any,
    /// `.+`
    NonEmpty,
    /// Sorted.
    Set(Vec<String>),
    /// `prefix.*suffix`; with `inner`, `prefix.*inner.*suffix`.
    Affixes {
        prefix: String,
        inner: Option<String>,
        suffix: String,
    },
    Other {
        prefix: String,
    },
}

impl Shape {
    /// The answer where the shape alone knows it.
    pub(crate) fn is_match(&self, text: &str) -> Option<bool> {
        match self {
            Self::Any => Some(true),
            Self::NonEmpty => Some(!text.is_empty()),
            Self::Set(texts) => {
                Some(texts.binary_search_by(|have| have.as_str().cmp(text)).is_ok())
            }
            Self::Affixes { prefix, inner, suffix } => Some(
                text.strip_prefix(prefix.as_str())
                    .and_then(|rest| rest.strip_suffix(suffix.as_str()))
                    .is_some_and(|rest| inner.as_ref().is_none_or(|inner| rest.contains(inner))),
            ),
            Self::Other { prefix } if !text.starts_with(prefix.as_str()) => Some(false),
            Self::Other { .. } => None,
        }
    }
}

/// The shape of a whole pattern (without its anchors).
pub(crate) fn of(hir: &Hir) -> Shape {
    if let Some(mut texts) = texts(hir) {
        texts.sort_unstable();
        texts.dedup();
        return Shape::Set(texts);
    }
    let mut pieces = Vec::new();
    flatten(hir, &mut pieces);
    match pieces.as_slice() {
        [Piece::Any] => Shape::Any,
        [Piece::Some] => Shape::NonEmpty,
        [Piece::Any, Piece::Text(suffix)] => affixes("", None, suffix),
        [Piece::Text(prefix), Piece::Any] => affixes(prefix, None, ""),
        [Piece::Text(prefix), Piece::Any, Piece::Text(suffix)] => affixes(prefix, None, suffix),
        [Piece::Any, Piece::Text(inner), Piece::Any] => affixes("", Some(inner), ""),
        [Piece::Text(prefix), Piece::Any, Piece::Text(inner), Piece::Any] => {
            affixes(prefix, Some(inner), "")
        }
        [Piece::Any, Piece::Text(inner), Piece::Any, Piece::Text(suffix)] => {
            affixes("", Some(inner), suffix)
        }
        [Piece::Text(prefix), ..] => Shape::Other { prefix: prefix.clone() },
        _ => Shape::Other { prefix: String::new() },
    }
}

fn affixes(prefix: &str, inner: Option<&str>, suffix: &str) -> Shape {
    Shape::Affixes {
        prefix: prefix.to_owned(),
        inner: inner.map(str::to_owned),
        suffix: suffix.to_owned(),
    }
}

enum Piece {
    Text(String),
    /// `.*` over all characters.
    Any,
    /// `.+` over all characters.
    Some,
    Other,
}

/// The pieces of a sequence, one after the other. Trees are bounded in depth by the parser.
fn flatten(hir: &Hir, out: &mut Vec<Piece>) {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(part, out)),
        HirKind::Capture(group) => flatten(&group.sub, out),
        HirKind::Literal(literal) => match (out.last_mut(), std::str::from_utf8(&literal.0)) {
            (Some(Piece::Text(have)), Ok(text)) => have.push_str(text),
            (_, Ok(text)) => out.push(Piece::Text(text.to_owned())),
            (_, Err(_)) => out.push(Piece::Other),
        },
        HirKind::Repetition(repeat) if is_any_char(&repeat.sub) && repeat.max.is_none() => {
            out.push(match repeat.min {
                0 => Piece::Any,
                1 => Piece::Some,
                _ => Piece::Other,
            });
        }
        HirKind::Empty => {}
        HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) | HirKind::Alternation(_) => {
            out.push(Piece::Other)
        }
    }
}

fn is_any_char(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().len() == 1
                && class.ranges()[0].start() == '\0'
                && class.ranges()[0].end() == char::MAX
        }
        HirKind::Class(Class::Bytes(_))
        | HirKind::Empty
        | HirKind::Literal(_)
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Capture(_)
        | HirKind::Concat(_)
        | HirKind::Alternation(_) => false,
    }
}

/// Every text that `hir` matches, if they are at most [`SET_MAX`].
fn texts(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(literal) => Some(vec![std::str::from_utf8(&literal.0).ok()?.to_owned()]),
        HirKind::Class(Class::Unicode(class)) => {
            let count: usize = class.iter().map(|range| range.len()).sum();
            (count <= CLASS_MAX).then(|| {
                class
                    .iter()
                    .flat_map(|range| range.start()..=range.end())
                    .map(String::from)
                    .collect()
            })
        }
        HirKind::Capture(group) => texts(&group.sub),
        HirKind::Repetition(repeat) if repeat.min == 0 && repeat.max == Some(1) => {
            let mut all = texts(&repeat.sub)?;
            all.push(String::new());
            (all.len() <= SET_MAX).then_some(all)
        }
        HirKind::Concat(parts) => parts.iter().try_fold(vec![String::new()], |all, part| {
            let next = texts(part)?;
            (all.len() * next.len() <= SET_MAX).then(|| product(&all, &next))
        }),
        HirKind::Alternation(parts) => parts.iter().try_fold(Vec::new(), |mut all, part| {
            all.extend(texts(part)?);
            (all.len() <= SET_MAX).then_some(all)
        }),
        HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

fn product(heads: &[String], tails: &[String]) -> Vec<String> {
    heads.iter().flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}"))).collect()
}
