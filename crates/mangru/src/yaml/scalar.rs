//! What a scalar means: Go yaml.v2's resolution of plain scalars to null, booleans and numbers.

/// Longest text of a value that an error repeats whole, in bytes (as Go's reader).
const EXCERPT_MAX: usize = 10;

/// A scalar as it was written. Quoted and block scalars are text whatever they hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) plain: bool,
    /// The core tag that was written out (`str` for `!!str`), if any.
    pub(crate) tag: Option<String>,
    /// The bytes of a `!!binary` that is no text, quoted as Go does.
    pub(crate) not_utf8: Option<String>,
}

/// What a plain scalar resolves to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// Over `i64::MAX`.
    Uint(u64),
    Float(f64),
    Text,
}

impl Scalar {
    /// The scalar of a document; `None` when a `!!binary` holds no base64.
    pub(crate) fn new(text: String, plain: bool, tag: Option<String>) -> Option<Self> {
        if tag.as_deref() != Some("binary") {
            return Some(Self { text, plain, tag, not_utf8: None });
        }
        let bytes = base64(&text)?;
        Some(match String::from_utf8(bytes) {
            Ok(text) => Self { text, plain, tag, not_utf8: None },
            Err(error) => {
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                Self { text, plain, tag, not_utf8: Some(quoted(error.as_bytes())) }
            }
        })
    }

    pub(crate) fn is_null(&self) -> bool {
        self.resolve() == Resolved::Null
    }

    /// What the scalar means.
    pub(crate) fn resolve(&self) -> Resolved {
        match self.tag.as_deref() {
            Some("str" | "binary") => return Resolved::Text,
            Some("null") => return Resolved::Null,
            _ if !self.plain => return Resolved::Text,
            _ => {}
        }
        resolve_plain(&self.text)
    }

    pub(crate) fn tag(&self) -> &'static str {
        match self.resolve() {
            Resolved::Null => "!!null",
            Resolved::Bool(_) => "!!bool",
            Resolved::Int(_) | Resolved::Uint(_) => "!!int",
            Resolved::Float(_) => "!!float",
            Resolved::Text => "!!str",
        }
    }

    pub(crate) fn excerpt(&self) -> String {
        if self.text.len() <= EXCERPT_MAX {
            return format!(" `{}`", self.text);
        }
        let end = (0..=7).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        format!(" `{}...`", &self.text[..end])
    }
}

/// Standard base64 with padding; white space is skipped.
fn base64(text: &str) -> Option<Vec<u8>> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let body: &[u8] = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(&text);
    let mut bytes = Vec::with_capacity(body.len());
    for group in body.chunks(4) {
        let mut bits: u32 = 0;
        for byte in group {
            let digit = alphabet.iter().position(|have| have == byte)?;
            bits = bits << 6 | u32::try_from(digit).ok()?;
        }
        bits <<= 6 * (4 - group.len());
        let [_, triple @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(triple.get(..group.len().checked_sub(1)?)?);
    }
    Some(bytes)
}

/// Bytes as Go's `%q` shows them.
fn quoted(bytes: &[u8]) -> String {
    let mut text = "\"".to_owned();
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().escape_debug());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text.push('"');
    text
}

/// What `text` means when it stands without quotes.
pub(crate) fn resolve_plain(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Resolved::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Resolved::Text;
    }
    let digits = text.replace('_', "");
    whole(&digits).or_else(|| fraction(&digits)).unwrap_or(Resolved::Text)
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`.
fn whole(text: &str) -> Option<Resolved> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match body.get(..2) {
        Some("0x" | "0X") => (16, &body[2..]),
        Some("0b" | "0B") => (2, &body[2..]),
        Some("0o" | "0O") => (8, &body[2..]),
        Some(_) if body.starts_with('0') => (8, &body[1..]),
        _ => (10, body),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(size).map(Resolved::Int);
    }
    Some(i64::try_from(size).map_or(Resolved::Uint(size), Resolved::Int))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, which is stricter than Rust's (no `inf`, no lone exponent).
fn fraction(text: &str) -> Option<Resolved> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let begins_well = body.starts_with(|c: char| c.is_ascii_digit())
        || body
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if !begins_well || !body.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b)) {
        return None;
    }
    text.parse().ok().map(Resolved::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars() {
        for (text, meaning) in [
            ("", Resolved::Null),
            ("~", Resolved::Null),
            ("yes", Resolved::Bool(true)),
            ("Off", Resolved::Bool(false)),
            ("YeS", Resolved::Text),
            ("15", Resolved::Int(15)),
            ("-1_000", Resolved::Int(-1000)),
            ("0x1F", Resolved::Int(31)),
            ("010", Resolved::Int(8)),
            ("0b11", Resolved::Int(3)),
            ("0", Resolved::Int(0)),
            ("18446744073709551615", Resolved::Uint(u64::MAX)),
            ("-9223372036854775808", Resolved::Int(i64::MIN)),
            ("1.5", Resolved::Float(1.5)),
            ("1e3", Resolved::Float(1000.0)),
            (".5", Resolved::Float(0.5)),
            ("5.", Resolved::Float(5.0)),
            ("15s", Resolved::Text),
            ("1.2.3.4", Resolved::Text),
            ("-", Resolved::Text),
            (".", Resolved::Text),
            ("--1", Resolved::Text),
            ("0x", Resolved::Text),
            ("inf", Resolved::Text),
            ("08", Resolved::Float(8.0)),
            ("localhost:9090", Resolved::Text),
        ] {
            assert_eq!(resolve_plain(text), meaning, "{text:?}");
        }
    }

    #[test]
    fn binary() {
        let read = |text: &str| Scalar::new(text.to_owned(), true, Some("binary".to_owned()));
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm\n9v", "foo"), ("Zm9vYg==", "foob")]
        {
            assert_eq!(read(text).unwrap().text, bytes, "{text}");
        }
        assert_eq!(read("/w==").unwrap().not_utf8.as_deref(), Some(r#""\xff""#));
        for text in ["/w==$1", "Z", "Zg=", "Zg===", "Z=g=", "Zg==Zg=="] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn excerpts_are_cut() {
        let scalar =
            |text: &str| Scalar { text: text.to_owned(), plain: true, tag: None, not_utf8: None };
        assert_eq!(scalar("0123456789").excerpt(), " `0123456789`");
        assert_eq!(scalar("01234567890").excerpt(), " `0123456...`");
        assert_eq!(scalar("가나다라마바사").excerpt(), " `가나...`");
    }
}
