//! Go's `strconv.Quote` (`%q`): how Prometheus shows texts in messages and prints label values.

use std::fmt::Write as _;

/// `text` in double quotes with Go's escapes.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c, '"');
    }
    out.push('"');
    out
}

/// `%q` of a character; `None` is what Go shows for "no character".
#[must_use]
pub fn quote_char(c: Option<char>) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, c.unwrap_or(char::REPLACEMENT_CHARACTER), '\'');
    out.push('\'');
    out
}

fn push_escaped(out: &mut String, c: char, quote: char) {
    match c {
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0b' => out.push_str("\\v"),
        '\x0c' => out.push_str("\\f"),
        c if is_print(c) => out.push(c),
        c => {
            let code = u32::from(c);
            let written = match code {
                0..=0x7f => write!(out, "\\x{code:02x}"),
                0x80..=0xffff => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
            written.expect("writing to a String does not fail");
        }
    }
}

/// Close to Go's `unicode.IsPrint`: what Rust's debug escapes leave alone, and combining marks.
fn is_print(c: char) -> bool {
    let combining =
        matches!(u32::from(c), 0x300..=0x36f | 0x1ab0..=0x1aff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f);
    matches!(c, ' ' | '\'' | '"')
        || combining
        || (!c.is_whitespace() && c.escape_debug().len() == 1)
}

#[cfg(test)]
mod tests {
    use super::{quote, quote_char};

    #[test]
    fn as_go_quotes() {
        for (text, want) in [
            ("a b", r#""a b""#),
            ("\"\\\n\t", r#""\"\\\n\t""#),
            ("\u{7f}\0\u{a0}", r#""\x7f\x00\u00a0""#),
            ("경보 e\u{301}", "\"경보 e\u{301}\""),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(quote(text), want);
        }
        for (c, want) in [
            (Some('a'), "'a'"),
            (Some('\''), r"'\''"),
            (Some('"'), "'\"'"),
            (Some('\n'), r"'\n'"),
            (None, "'\u{fffd}'"),
        ] {
            assert_eq!(quote_char(c), want);
        }
    }
}
