//! Go's `%q` for error texts, and the backslash escapes of the exposition formats.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Most bytes of input that an error text quotes; what is longer is cut, with `…` inside the quotes.
pub const QUOTED_BYTES_MAX: usize = 1024;

/// `text` as Go's `strconv.Quote` writes it, cut at [`QUOTED_BYTES_MAX`].
pub(crate) fn go_quote(text: &[u8]) -> String {
    let shown = text.get(..QUOTED_BYTES_MAX).unwrap_or(text);
    let mut out = String::with_capacity(shown.len() + 2);
    out.push('"');
    for chunk in shown.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_quoted(&mut out, c);
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("a String takes all");
        }
    }
    if shown.len() < text.len() {
        out.push('…');
    }
    out.push('"');
    out
}

fn push_quoted(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        ' '..='~' => out.push(c),
        '\0'..='\u{7f}' => write!(out, "\\x{:02x}", u32::from(c)).expect("a String takes all"),
        // Rust's debug form leaves printable characters as they are, as Go does.
        _ if c.escape_debug().len() == 1 => out.push(c),
        '\u{80}'..='\u{ffff}' => {
            write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes all");
        }
        _ => write!(out, "\\U{:08x}", u32::from(c)).expect("a String takes all"),
    }
}

/// Label values, and OpenMetrics' help texts: `\"`, `\\` and `\n` are escapes, any other backslash is itself.
pub(crate) fn unescape_value(text: &[u8]) -> Cow<'_, [u8]> {
    unescape(text, true)
}

/// Help texts of the classic format: `\\` and `\n` are escapes, any other backslash is itself.
pub(crate) fn unescape_help(text: &[u8]) -> Cow<'_, [u8]> {
    unescape(text, false)
}

fn unescape(text: &[u8], quotes: bool) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(b'\\', text) else {
        return Cow::Borrowed(text);
    };
    let mut out = text[..first].to_vec();
    let mut rest = &text[first..];
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escaped = match (byte, after.first()) {
            (b'\\', Some(b'\\')) => b'\\',
            (b'\\', Some(b'n')) => b'\n',
            (b'\\', Some(b'"')) if quotes => b'"',
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.push(escaped);
        rest = &after[1..];
    }
    Cow::Owned(out)
}
