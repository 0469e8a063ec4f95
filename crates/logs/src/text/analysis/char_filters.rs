//! What is changed in a text before it is cut, and where things were before.

use regex_automata::meta::Regex;

use super::regex;

/// A change of a text.
#[derive(Debug, Clone)]
pub(super) enum CharFilter {
    HtmlStrip {
        kept: Vec<String>,
    },
    /// Longest first.
    Mapping(Vec<(String, String)>),
    PatternReplace {
        regex: Box<Regex>,
        with: String,
    },
}

/// A changed text.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) text: String,
    /// From these places on, by how much offsets of the text are behind those of the original.
    shifts: Vec<(usize, i64)>,
}

impl Changed {
    /// Where `at` of the changed text was in the original.
    pub(super) fn original(&self, at: usize) -> usize {
        let after = self.shifts.partition_point(|(place, _)| *place <= at);
        let shift = after.checked_sub(1).map_or(0, |last| self.shifts[last].1);
        usize::try_from(i64::try_from(at).unwrap_or(0) + shift).unwrap_or(0)
    }

    /// The text goes on with `text[from..]` of the original.
    fn shift(&mut self, from: usize) {
        let shift = i64::try_from(from).unwrap_or(0) - i64::try_from(self.text.len()).unwrap_or(0);
        self.shifts.push((self.text.len(), shift));
    }
}

impl CharFilter {
    pub(super) fn apply(&self, text: &str) -> Changed {
        match self {
            Self::Mapping(pairs) => mapping(pairs, text),
            Self::PatternReplace { regex, with } => {
                let mut changed = Changed::default();
                let mut out = 0;
                let mut last = 0;
                changed.text = regex::replace(regex, text, with, true, |start, end, len| {
                    out += start - last + len;
                    last = end;
                    let shift = i64::try_from(end).unwrap_or(0) - i64::try_from(out).unwrap_or(0);
                    changed.shifts.push((out, shift));
                });
                changed
            }
            Self::HtmlStrip { kept } => strip(kept, text),
        }
    }
}

fn mapping(pairs: &[(String, String)], text: &str) -> Changed {
    let mut changed = Changed::default();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some((from, to)) = pairs.iter().find(|(from, _)| rest.starts_with(from.as_str())) {
            changed.text.push_str(to);
            at += from.len();
            changed.shift(at);
        } else {
            let len = rest.chars().next().map_or(1, char::len_utf8);
            changed.text.push_str(&rest[..len]);
            at += len;
        }
    }
    changed
}

/// Elements that part what stands on both sides of them.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "html",
    "li",
    "main",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "section",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

fn strip(kept: &[String], text: &str) -> Changed {
    let mut changed = Changed::default();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some((len, name)) = tag(rest) {
            if kept.iter().any(|kept| kept.eq_ignore_ascii_case(name)) {
                changed.text.push_str(&rest[..len]);
            } else if BLOCKS.iter().any(|block| block.eq_ignore_ascii_case(name)) {
                changed.text.push('\n');
            }
            at += len;
            changed.shift(at);
        } else if let Some((len, letter)) = entity(rest) {
            changed.text.push(letter);
            at += len;
            changed.shift(at);
        } else {
            let len = rest.chars().next().map_or(1, char::len_utf8);
            changed.text.push_str(&rest[..len]);
            at += len;
        }
    }
    changed
}

/// The length and name of a tag that `text` begins with; comments and declarations have no name.
fn tag(text: &str) -> Option<(usize, &str)> {
    let inner = text.strip_prefix('<')?;
    if let Some(comment) = inner.strip_prefix("!--") {
        return Some((comment.find("-->")? + 7, ""));
    }
    let name = inner.strip_prefix('/').unwrap_or(inner);
    if inner.starts_with(['!', '?']) {
        return Some((text.find('>')? + 1, ""));
    }
    if !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return None;
    }
    let len = name.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(name.len());
    Some((text.find('>')? + 1, &name[..len]))
}

fn entity(text: &str) -> Option<(usize, char)> {
    const NAMED: [(&str, char); 7] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("copy", '©'),
    ];
    let inner = text.strip_prefix('&')?;
    let end = inner.bytes().take(12).position(|byte| byte == b';')?;
    let name = &inner[..end];
    let letter = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((end + 2, letter))
}
