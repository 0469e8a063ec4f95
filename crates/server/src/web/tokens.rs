//! Who may do what: tokens with scopes (`auth:`), beside the passwords of the web configuration file, which open everything.

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use ring::digest;

use super::guard::{Standing, basic};
use crate::http::Reply;

/// What a route is for, and what a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Whether the server lives; answers OPTIONS. No token is needed.
    Open,
    Read,
    Write,
    /// Reload, stop, wipe.
    Admin,
}

/// A token. Only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    name: String,
    hash: [u8; 32],
    scopes: Vec<Scope>,
}

impl Token {
    #[must_use]
    pub fn new(name: String, secret: &str, scopes: Vec<Scope>) -> Self {
        Self { name, hash: hash(secret.as_bytes()), scopes }
    }
}

fn hash(secret: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
    hash
}

/// What one request may do.
#[derive(Debug)]
pub(crate) enum Access<'a> {
    /// There is nobody to ask who it is.
    Anybody,
    /// A password is right, which opens everything.
    Known,
    As(&'a Token),
    /// Who comes is not known, and has to be.
    Nobody {
        /// How to say it.
        ways: &'static [&'static str],
        /// Whether [`Scope::Open`] is so for everybody: not where there are passwords, as with Prometheus.
        is_open: bool,
    },
}

impl<'a> Access<'a> {
    /// Looks for a token when there are any: `Authorization: Bearer TOKEN`, or as the password of any name, for browsers.
    pub(crate) fn of(tokens: &'a [Token], standing: Standing, headers: &HeaderMap) -> Self {
        match standing {
            Standing::Known => return Self::Known,
            Standing::Anybody if tokens.is_empty() => return Self::Anybody,
            Standing::Anybody | Standing::Unknown => {}
        }
        let ways: &[&str] = if tokens.is_empty() { &["Basic"] } else { &["Bearer", "Basic"] };
        let nobody = Self::Nobody { ways, is_open: standing == Standing::Anybody };
        let Some(secret) = bearer(headers).or_else(|| basic(headers).map(|(_, word)| word)) else {
            return nobody;
        };
        // Hashes are compared: how long that takes says nothing of the token.
        let hash = hash(&secret);
        tokens.iter().find(|token| token.hash == hash).map_or(nobody, Self::As)
    }

    /// Whether a route of this scope may be used; the answer if not.
    pub(crate) fn to(&self, scope: Scope) -> Result<(), Box<Reply>> {
        match self {
            Self::Anybody | Self::Known => Ok(()),
            Self::Nobody { is_open: true, .. } if scope == Scope::Open => Ok(()),
            Self::As(token) if scope == Scope::Open || token.scopes.contains(&scope) => Ok(()),
            Self::As(token) => {
                let text = format!("token {:?} has no scope {}", token.name, scope.name());
                Err(Box::new(Reply::error(StatusCode::FORBIDDEN, &text)))
            }
            Self::Nobody { ways, .. } => Err(Box::new(unauthorized(ways))),
        }
    }

    /// Whether it is said who comes.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self, Self::Known | Self::As(_))
    }

    /// Whether nothing is told of what there is.
    pub(crate) fn is_nobody(&self) -> bool {
        matches!(self, Self::Nobody { .. })
    }
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// 401, naming how to say who comes.
fn unauthorized(ways: &[&'static str]) -> Reply {
    let mut reply = Reply::error(StatusCode::UNAUTHORIZED, "Unauthorized");
    for way in ways {
        reply.headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(way));
    }
    reply
}

fn bearer(headers: &HeaderMap) -> Option<Vec<u8>> {
    let text = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (kind, token) = text.split_at_checked("Bearer ".len())?;
    kind.eq_ignore_ascii_case(b"Bearer ").then(|| token.to_vec())
}
