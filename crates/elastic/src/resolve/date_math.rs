//! Names with date math: `<logs-{now/d{yyyy.MM.dd|+09:00}}-000001>`.

use logs::date::{Edge, Format, Zone, read_math};

use crate::error::Error;

/// Longest name that is looked at.
const NAME_BYTES_MAX: usize = 2_000;

/// `name` with its date math calculated; other names are themselves.
pub(super) fn resolved(name: &str, now_ms: i64) -> Result<String, Error> {
    let (minus, bare) = match name.strip_prefix("-<") {
        Some(_) => ("-", &name[1..]),
        None => ("", name),
    };
    let Some(inside) = bare.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else {
        return Ok(name.to_owned());
    };
    let bad = |what: &str| {
        Error::new(
            400,
            "parse_exception",
            format!("invalid dynamic name expression [{inside}]. {what}"),
        )
    };
    if inside.len() > NAME_BYTES_MAX {
        return Err(bad("too long"));
    }
    let mut out = minus.to_owned();
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next()),
            '{' => {
                let mut depth = 1;
                let mut expression = String::new();
                for letter in letters.by_ref() {
                    depth += i32::from(letter == '{') - i32::from(letter == '}');
                    if depth == 0 {
                        break;
                    }
                    expression.push(letter);
                }
                if depth != 0 {
                    return Err(bad("date math placeholder is open ended"));
                }
                out.push_str(
                    &calculated(&expression, now_ms)
                        .ok_or_else(|| bad("missing closing `}` for date math format"))?,
                );
            }
            '}' => return Err(bad("invalid character at position")),
            letter => out.push(letter),
        }
    }
    Ok(out)
}

/// `now/d{yyyy.MM.dd|+09:00}` as a date; a day by default.
fn calculated(expression: &str, now_ms: i64) -> Option<String> {
    let (math, format) = match expression.split_once('{') {
        None => (expression, "yyyy.MM.dd"),
        Some((math, format)) => (math, format.strip_suffix('}')?),
    };
    let (format, zone) = match format.split_once('|') {
        None => (format, Zone::parse("UTC")?),
        Some((format, zone)) => (format, Zone::parse(zone)?),
    };
    let now_ns = i128::from(now_ms) * 1_000_000;
    let ns = read_math(math, &Format::default(), &zone, Edge::First, now_ns)?;
    Some(Format::parse(format).ok()?.print(ns, &zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_calculated() {
        // 2026-11-25T01:30:00Z
        let now = 1_795_570_200_000;
        for (name, want) in [
            ("plain", "plain"),
            ("<logs-{now/d}-000001>", "logs-2026.11.25-000001"),
            ("<logs-{now/M{yyyy.MM}}>", "logs-2026.11"),
            ("<logs-{now-1d{yyyy-MM-dd|-03:00}}>", "logs-2026-11-23"),
            ("<a\\{b\\}>", "a{b}"),
        ] {
            assert_eq!(resolved(name, now).unwrap(), want);
        }
        for name in ["<a{now/d>", "<a{nope}>", "<a}>"] {
            assert!(resolved(name, now).is_err(), "{name}");
        }
    }
}
