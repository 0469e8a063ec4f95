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
    fn excerpts_are_cut() {
        let scalar = |text: &str| Scalar { text: text.to_owned(), plain: true, tag: None };
        assert_eq!(scalar("0123456789").excerpt(), " `0123456789`");
        assert_eq!(scalar("01234567890").excerpt(), " `0123456...`");
        assert_eq!(scalar("가나다라마바사").excerpt(), " `가나...`");
    }
}
