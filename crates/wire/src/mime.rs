//! Media types as Go's `mime.ParseMediaType` reads them, with its errors.

/// Why a media type is refused. The texts are Go's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MimeError {
    #[error("mime: no media type")]
    Empty,
    #[error("mime: expected slash after first token")]
    NoSlash,
    #[error("mime: expected token after slash")]
    NoSubtype,
    #[error("mime: unexpected content after media subtype")]
    AfterSubtype,
    #[error("mime: invalid media parameter")]
    Parameter,
    #[error("mime: duplicate parameter name")]
    Duplicate,
}

/// The lower-case media type of `text`; its parameters must be well formed.
pub(crate) fn media_type(text: &str) -> Result<String, MimeError> {
    parse(text).map(|(media_type, _)| media_type)
}

/// Media type and parameters, names in lower case.
pub(crate) fn parse(text: &str) -> Result<(String, Vec<(String, String)>), MimeError> {
    let (base, mut rest) = match text.find(';') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let media_type = base.trim().to_lowercase();
    check_type(&media_type)?;
    let mut parameters: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let Some((name, value, after)) = parameter(rest) else {
            // A semicolon at the end is tolerated.
            if rest.trim() == ";" {
                break;
            }
            return Err(MimeError::Parameter);
        };
        match parameters.iter().find(|(have, _)| *have == name) {
            Some((_, have)) if *have != value => return Err(MimeError::Duplicate),
            Some(_) => {}
            None => parameters.push((name, value)),
        }
        rest = after;
    }
    Ok((media_type, parameters))
}

fn check_type(media_type: &str) -> Result<(), MimeError> {
    let token_len = |text: &str| text.bytes().take_while(|b| is_token_byte(*b)).count();
    let first = token_len(media_type);
    if first == 0 {
        return Err(MimeError::Empty);
    }
    let rest = &media_type[first..];
    if rest.is_empty() {
        return Ok(());
    }
    let subtype = rest.strip_prefix('/').ok_or(MimeError::NoSlash)?;
    match token_len(subtype) {
        0 => Err(MimeError::NoSubtype),
        n if n < subtype.len() => Err(MimeError::AfterSubtype),
        _ => Ok(()),
    }
}

/// RFC 7230's token characters.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `; name=value` with a token or quoted value: the parameter and what follows it.
fn parameter(text: &str) -> Option<(String, String, &str)> {
    let text = text.strip_prefix(';')?.trim_start();
    let n = text.bytes().take_while(|b| is_token_byte(*b)).count();
    let (name, rest) = text.split_at(n);
    if name.is_empty() {
        return None;
    }
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (value, rest) = value(rest)?;
    Some((name.to_ascii_lowercase(), value, rest))
}

fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let n = text.bytes().take_while(|b| is_token_byte(*b)).count();
        let (token, rest) = text.split_at(n);
        return (n > 0).then(|| (token.to_owned(), rest));
    };
    let mut out = String::new();
    let mut chars = quoted.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((out, &quoted[i + 1..])),
            '\r' | '\n' => return None,
            // A backslash escapes what is no token character; before others it is itself (Go: for Windows' paths).
            '\\' => match quoted[i + 1..].chars().next() {
                Some(next)
                    if u8::try_from(next).is_ok_and(|b| !is_token_byte(b) && b.is_ascii()) =>
                {
                    out.push(next);
                    chars.next();
                }
                _ => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    None
}
