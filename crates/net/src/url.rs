//! The `http` and `https` URLs that a client fetches. Bytes that do not belong into a request line cannot get in.

use std::fmt;

/// Longest URL, in bytes.
pub const URL_BYTES_MAX: usize = 16 * 1024;

/// Why a text is no URL that can be fetched. Texts follow Go's `net/url`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("unsupported protocol scheme {0:?}")]
    Scheme(String),
    #[error("http: no Host in request URL")]
    NoHost,
    #[error("parse {0:?}: invalid character in host name")]
    Host(String),
    #[error("parse {0:?}: invalid port after host")]
    Port(String),
    #[error("parse {0:?}: invalid character in URL")]
    Character(String),
    #[error("URL longer than {URL_BYTES_MAX} bytes")]
    TooLong,
}

/// An absolute URL without user and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    pub(crate) https: bool,
    /// As it was written: `host`, `host:port` or `[v6]:port`.
    pub(crate) authority: String,
    /// Host without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query; begins with `/`, or is empty.
    pub(crate) path_and_query: String,
}

impl Url {
    /// Reads an absolute URL. A user and a fragment are left out.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let rest = rest.split('#').next().unwrap_or("");
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Self::from_parts(scheme, authority, tail)
    }

    /// Joins a scheme, an authority and an encoded path with its query.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn from_parts(
        scheme: &str,
        authority: &str,
        path_and_query: &str,
    ) -> Result<Self, UrlError> {
        let https = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(UrlError::Scheme(scheme.to_owned())),
        };
        let whole = || format!("{scheme}://{authority}{path_and_query}");
        if authority.len() + path_and_query.len() > URL_BYTES_MAX {
            return Err(UrlError::TooLong);
        }
        if !path_and_query.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(UrlError::Character(whole()));
        }
        let (host, port) = split_port(authority).ok_or_else(|| UrlError::Port(whole()))?;
        if host.is_empty() {
            return Err(UrlError::NoHost);
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:%!$&'()*+,;=".contains(&b);
        if !host.bytes().all(plain) {
            return Err(UrlError::Host(whole()));
        }
        let port = port.unwrap_or(if https { 443 } else { 80 });
        let lead = if path_and_query.starts_with('?') { "/" } else { "" };
        Ok(Self {
            https,
            authority: authority.to_owned(),
            host: host.to_owned(),
            port,
            path_and_query: format!("{lead}{path_and_query}"),
        })
    }

    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// Host and port as they were written.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The request target of the first line.
    pub(crate) fn origin_form(&self) -> &str {
        if self.path_and_query.is_empty() { "/" } else { &self.path_and_query }
    }

    /// The URL that `location` names, seen from this one.
    pub(crate) fn join(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.split('#').next().unwrap_or("");
        let has_scheme = location.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        if has_scheme {
            return Self::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{}://{rest}", self.scheme()));
        }
        if location.starts_with('/') {
            return Self::from_parts(self.scheme(), &self.authority, location);
        }
        let path = self.origin_form();
        let path = path.split('?').next().unwrap_or("/");
        if location.is_empty() || location.starts_with('?') {
            return Self::from_parts(self.scheme(), &self.authority, &format!("{path}{location}"));
        }
        let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
        Self::from_parts(self.scheme(), &self.authority, &format!("{folder}{location}"))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.path_and_query)
    }
}

/// Host (without brackets) and port of an authority.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, tail) = rest.split_once(']')?;
        (host, if tail.is_empty() { None } else { Some(tail.strip_prefix(':')?) })
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    match port {
        None | Some("") => Some((host, None)),
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            port.parse().ok().map(|port| (host, Some(port)))
        }
        Some(_) => None,
    }
}

/// Percent-encodes a path as Go's `URL.EscapedPath`.
#[must_use]
pub fn escape_path(path: &str) -> String {
    escape(path, b"-_.~$&+,/:;=@")
}

/// Encodes one name or value of a query as Go's `QueryEscape`: a space becomes `+`.
#[must_use]
pub fn escape_query(text: &str) -> String {
    escape(text, b"-_.~ ").replace(' ', "+")
}

fn escape(text: &str, kept: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || kept.contains(&b) {
            out.push(char::from(b));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(b >> 4)]));
            out.push(char::from(HEX[usize::from(b & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_can_be_fetched() {
        for (text, host, port, shown) in [
            ("http://a:9100/metrics", "a", 9100, "http://a:9100/metrics"),
            ("https://a", "a", 443, "https://a"),
            ("http://[::1]:80/x?y=1#z", "::1", 80, "http://[::1]:80/x?y=1"),
            ("http://u:p@a?q", "a", 80, "http://a/?q"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
            assert_eq!(url.to_string(), shown);
        }
    }

    #[test]
    fn texts_that_are_refused() {
        for (text, error) in [
            ("ftp://a", "unsupported protocol scheme \"ftp\""),
            ("a:9100", "unsupported protocol scheme \"\""),
            ("http:///x", "http: no Host in request URL"),
            ("http://a b/", "parse \"http://a b/\": invalid character in host name"),
            ("http://a:x/", "parse \"http://a:x/\": invalid port after host"),
            ("http://a:99999/", "parse \"http://a:99999/\": invalid port after host"),
            ("http://a/\r\nEvil: 1", "parse \"http://a/\\r\\nEvil: 1\": invalid character in URL"),
        ] {
            assert_eq!(Url::parse(text).unwrap_err().to_string(), error);
        }
        let path = "x".repeat(URL_BYTES_MAX - 2);
        assert!(Url::from_parts("http", "a", &format!("/{path}")).is_ok());
        assert_eq!(Url::from_parts("http", "ab", &format!("/{path}")), Err(UrlError::TooLong));
    }

    #[test]
    fn locations_are_resolved() {
        let base = Url::parse("http://a:1/x/y?q=1").unwrap();
        for (location, url) in [
            ("https://b/z", "https://b/z"),
            ("//b/z", "http://b/z"),
            ("/z", "http://a:1/z"),
            ("z", "http://a:1/x/z"),
            ("?r=2", "http://a:1/x/y?r=2"),
            ("", "http://a:1/x/y"),
        ] {
            assert_eq!(base.join(location).unwrap().to_string(), url, "{location}");
        }
        assert!(base.join("gopher://b/").is_err());
    }

    #[test]
    fn escaping_is_gos() {
        assert_eq!(escape_path("/a b/%20?x=ä"), "/a%20b/%2520%3Fx=%C3%A4");
        assert_eq!(escape_query("a b&c=d/e"), "a+b%26c%3Dd%2Fe");
    }
}
