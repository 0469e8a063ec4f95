//! Quoting as Go has it ([`model::quote`]), and its inverse for the three kinds of PromQL strings.

pub(crate) use model::quote::{quote as quote_str, quote_char};

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
