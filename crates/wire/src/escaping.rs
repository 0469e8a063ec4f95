//! How names that are not legacy names are written for readers that know only those.

use std::fmt::Write as _;

use model::names::legacy_metric_name;

/// The escaping schemes of the Prometheus formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EscapingScheme {
    /// Names as they are.
    AllowUtf8,
    /// Every character that a legacy name cannot have becomes `_`. The default of whoever asks for nothing.
    #[default]
    Underscores,
    /// `.` becomes `_dot_`, `_` becomes `__`, other characters `__`.
    Dots,
    /// `U__`, then `_2e_` for a dot, `__` for `_`; can be turned back.
    Values,
}

impl EscapingScheme {
    /// The word in headers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// The scheme of a header's word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values]
            .into_iter()
            .find(|scheme| scheme.as_str() == word)
    }

    /// `name`, escaped. A legacy name stays as it is, but for its underscores under [`EscapingScheme::Dots`].
    #[must_use]
    pub fn escape(self, name: &str) -> String {
        let legacy = legacy_metric_name(name);
        let mut out = String::with_capacity(name.len());
        match self {
            Self::AllowUtf8 => out.push_str(name),
            Self::Underscores | Self::Values if legacy || name.is_empty() => out.push_str(name),
            Self::Underscores => {
                out.extend(name.char_indices().map(|(i, c)| if is_legacy(c, i) { c } else { '_' }));
            }
            Self::Dots => {
                for (i, c) in name.char_indices() {
                    match c {
                        '_' => out.push_str("__"),
                        '.' => out.push_str("_dot_"),
                        c if is_legacy(c, i) => out.push(c),
                        _ => out.push_str("__"),
                    }
                }
            }
            Self::Values => {
                out.push_str("U__");
                for (i, c) in name.char_indices() {
                    match c {
                        '_' => out.push_str("__"),
                        c if is_legacy(c, i) => out.push(c),
                        c => write!(out, "_{:x}_", u32::from(c)).expect("a String takes all"),
                    }
                }
            }
        }
        out
    }
}

fn is_legacy(c: char, at: usize) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':' || (c.is_ascii_digit() && at > 0)
}

/// Turns a name of [`EscapingScheme::Values`] back; what is not well formed stays as it is.
#[must_use]
pub fn unescape_values(name: &str) -> String {
    unescape(name).unwrap_or_else(|| name.to_owned())
}

fn unescape(name: &str) -> Option<String> {
    let mut rest = name.strip_prefix("U__")?;
    let mut out = String::with_capacity(rest.len());
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find('_')?;
        let code = &rest[..end];
        match code.len() {
            0 => out.push('_'),
            1..=6 if code.bytes().all(|b| b.is_ascii_hexdigit()) => {
                out.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
            }
            _ => return None,
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Some(out)
}
