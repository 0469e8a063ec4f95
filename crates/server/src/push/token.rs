//! The token that changes of groups must bring, when one is configured. Reading needs none.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use crate::config::PushConfig;
use crate::http::{Reply, header_text};
use crate::route::{Lane, Route};

const SCHEME: &str = "Bearer";

/// The refusal of a request that would change groups and lacks the token. It comes before the body is read.
pub(crate) fn refusal(route: &Route, config: &PushConfig, headers: &HeaderMap) -> Option<Reply> {
    let token = config.write_token.as_ref().filter(|_| route.lane == Lane::Push)?;
    let given = header_text(headers, &header::AUTHORIZATION);
    let text = match given.split_once(' ') {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case(SCHEME) => {
            if is_same(given.trim().as_bytes(), token.reveal().as_bytes()) {
                return None;
            }
            "this is not the write token; nothing was changed"
        }
        Some(_) | None => {
            "changes need the write token, as Authorization: Bearer TOKEN; nothing was changed"
        }
    };
    let challenge = HeaderValue::from_static("Bearer realm=\"pushgateway\"");
    Some(Reply::error(StatusCode::UNAUTHORIZED, text).with(header::WWW_AUTHENTICATE, challenge))
}

/// Compares in a time that depends on the length of what was given alone.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    let mut difference = usize::from(given.len() != token.len());
    for (i, byte) in given.iter().enumerate() {
        // A token is not empty.
        let of_token = token.get(i % token.len().max(1)).copied().unwrap_or_default();
        difference |= usize::from(byte ^ of_token);
        difference = std::hint::black_box(difference);
    }
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_the_token() {
        for (given, same) in [
            ("secret", true),
            ("Secret", false),
            ("secre", false),
            ("secretsecret", false),
            ("secrets", false),
            ("", false),
        ] {
            assert_eq!(is_same(given.as_bytes(), b"secret"), same, "{given}");
        }
    }
}
