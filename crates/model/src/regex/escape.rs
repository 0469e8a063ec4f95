//! Escapes that stand for one character, the same inside and outside of brackets.

use super::error::{Code, RegexError};

/// Reads the escape at the front of `text` (which begins with a backslash): the character, and what follows.
///
/// # Errors
/// Trailing backslash, unknown escape.
pub(crate) fn escape(text: &str) -> Result<(char, &str), RegexError> {
    let after = &text[1..];
    let mut chars = after.chars();
    let Some(c) = chars.next() else {
        return Err(RegexError::new(Code::TrailingBackslash, ""));
    };
    let rest = chars.as_str();
    let plain = match c {
        'a' => Some('\x07'),
        'f' => Some('\x0c'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\x0b'),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
        _ => None,
    };
    let found = match (plain, c) {
        (Some(c), _) => Some((c, rest)),
        (None, '0'..='7') => octal(after),
        (None, 'x') => hex(rest),
        (None, _) => None,
    };
    found.ok_or_else(|| {
        // The text shown ends where reading stopped: after the digits of a broken number.
        let taken = if c == 'x' { hex_extent(rest) } else { 0 };
        let end = 1 + c.len_utf8() + taken;
        RegexError::new(Code::InvalidEscape, text.get(..end).unwrap_or(text))
    })
}

/// `0`, or up to three octal digits; a single `1`–`7` would be a back-reference, which does not exist.
fn octal(after: &str) -> Option<(char, &str)> {
    let digits = after.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
    if !after.starts_with('0') && digits < 2 {
        return None;
    }
    let code = u32::from_str_radix(&after[..digits], 8).ok()?;
    Some((char::from_u32(code)?, &after[digits..]))
}

/// `7F` or `{10FFFF}` after `\x`.
fn hex(rest: &str) -> Option<(char, &str)> {
    let (digits, tail) = match rest.strip_prefix('{') {
        Some(inner) => inner.split_once('}')?,
        None => rest.split_at_checked(2)?,
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, tail))
}

fn hex_extent(rest: &str) -> usize {
    let brace = usize::from(rest.starts_with('{'));
    let digits = rest.bytes().skip(brace).take_while(u8::is_ascii_hexdigit).count();
    let bad = rest[brace + digits..].chars().next().map_or(0, char::len_utf8);
    if brace == 1 { 1 + digits + bad } else { (digits + bad).min(rest.len()) }
}
