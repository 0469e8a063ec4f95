//! Go's quoting: `%q` for texts and characters, and its inverse for the three kinds of PromQL strings.

use std::fmt::Write as _;

/// `%q` of a text.
pub(crate) fn quote_str(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        push_escaped(&mut out, c, '"');
    }
    out.push('"');
    out
}

/// `%q` of a character; `None` is what Go shows for "no character".
pub(crate) fn quote_char(c: Option<char>) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, c.unwrap_or(char::REPLACEMENT_CHARACTER), '\'');
    out.push('\'');
    out
}

fn push_escaped(out: &mut String, c: char, quote: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0b' => out.push_str("\\v"),
        '\x0c' => out.push_str("\\f"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        c if !is_print(c) => {
            let code = u32::from(c);
            match code {
                0..=0x7f => write!(out, "\\x{code:02x}"),
                0x80..=0xffff => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            }
            .expect("writing to a String cannot fail");
        }
        c => out.push(c),
    }
}

/// Close to Go's `unicode.IsPrint`: Rust's debug escapes leave alone what is printable.
fn is_print(c: char) -> bool {
    c == ' '
        || matches!(c, '\'' | '"' | '\\')
        || (!c.is_whitespace() && c.escape_debug().len() == 1)
        || is_combining(c)
}

/// Combining marks are printable in Go; `escape_debug` escapes them when alone.
fn is_combining(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f | 0x1ab0..=0x1aff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f)
}

/// The value of a string token (with its quotes) that the lexer accepted; `None` when its bytes are not UTF-8.
pub(crate) fn unquote(token: &str) -> Option<String> {
    let quote = token.chars().next()?;
    let inner = token.get(1..token.len().checked_sub(1)?)?;
    if quote == '`' {
        return Some(inner.replace('\r', ""));
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = unescape(&rest[at + 1..], &mut out)?;
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8(out).ok()
}

/// Reads one escape after its backslash.
fn unescape<'a>(text: &'a str, out: &mut Vec<u8>) -> Option<&'a str> {
    let c = text.chars().next()?;
    let (skip, len, base) = match c {
        'x' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        '0'..='7' => (0, 3, 8),
        _ => {
            let byte = match c {
                'a' => 7,
                'b' => 8,
                'f' => 12,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 11,
                other => u8::try_from(other).ok()?,
            };
            out.push(byte);
            return text.get(1..);
        }
    };
    let code = u32::from_str_radix(text.get(skip..skip + len)?, base).ok()?;
    if matches!(c, 'u' | 'U') {
        let c = char::from_u32(code)?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        out.push(u8::try_from(code).ok()?);
    }
    text.get(skip + len..)
}
