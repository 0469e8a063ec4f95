//! A condition's words.

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Int(i64),
    Float(f64),
    /// `/…/` with its flags.
    Regex(String, String),
    /// Operators and brackets.
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: &[&str] = &[
    "===", "!==", "==~", "==", "!=", "=~", "<=", ">=", "&&", "||", "?.", "!", "<", ">", "(", ")",
    "[", "]", ".", ",", ";", "-",
];

/// Splits `text`.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = match first {
            '\'' | '"' => quoted(rest, first, &mut tokens)?,
            '0'..='9' => number(rest, &mut tokens)?,
            letter if letter.is_alphabetic() || letter == '_' => {
                let end = rest
                    .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
                    .unwrap_or(rest.len());
                tokens.push(Token::Name(rest[..end].to_owned()));
                &rest[end..]
            }
            '/' if rest.starts_with("//") => rest.split_once('\n').map_or("", |(_, after)| after),
            '/' if rest.starts_with("/*") => rest.split_once("*/").ok_or("a comment has no end")?.1,
            // A regular expression stands only behind an operator.
            '/' if matches!(tokens.last(), Some(Token::Sign("=~" | "==~"))) => {
                regex(rest, &mut tokens)?
            }
            other => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| format!("[{other}] means nothing here"))?;
                tokens.push(Token::Sign(sign));
                &rest[sign.len()..]
            }
        };
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn quoted<'a>(text: &'a str, quote: char, tokens: &mut Vec<Token>) -> Result<&'a str, String> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some((_, escaped)) if escaped == quote || escaped == '\\' => value.push(escaped),
                _ => return Err("a text has an escape that is none".to_owned()),
            },
            letter if letter == quote => {
                tokens.push(Token::Text(value));
                return Ok(&text[at + 1..]);
            }
            letter => value.push(letter),
        }
    }
    Err("a text has no end".to_owned())
}

fn number<'a>(text: &'a str, tokens: &mut Vec<Token>) -> Result<&'a str, String> {
    let end = text
        .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.')
        .unwrap_or(text.len());
    let digits = text[..end].trim_end_matches(['l', 'L', 'f', 'F', 'd', 'D']);
    let token = match digits.parse::<i64>() {
        Ok(int) => Token::Int(int),
        Err(_) => {
            Token::Float(digits.parse().map_err(|_| format!("[{}] is no number", &text[..end]))?)
        }
    };
    tokens.push(token);
    Ok(&text[end..])
}

fn regex<'a>(text: &'a str, tokens: &mut Vec<Token>) -> Result<&'a str, String> {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '/' => {
                let after = &text[at + 1..];
                let end =
                    after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
                tokens.push(Token::Regex(text[1..at].to_owned(), after[..end].to_owned()));
                return Ok(&after[end..]);
            }
            _ => {}
        }
    }
    Err("a regular expression has no end".to_owned())
}
