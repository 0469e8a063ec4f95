//! Addresses that are not written as they should be: the way to the right one, as Go's multiplexer and router have it.

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};

use crate::http::{Content, Reply};
use crate::serve::not_found;
use crate::state::State;

/// Sends the client to `path`, which is below the prefix and not escaped, with the query that it came with.
pub(crate) fn moved(
    state: &State,
    method: &Method,
    status: StatusCode,
    path: &str,
    query: &str,
) -> Reply {
    let mark = if query.is_empty() { "" } else { "?" };
    let to = format!("{}{}{mark}{query}", state.place.prefix, escaped(path));
    let Ok(location) = HeaderValue::from_str(&to) else { return not_found() };
    let reply = if *method == Method::GET {
        let shown = to.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let shown = shown.replace('"', "&#34;").replace('\'', "&#39;");
        let reason = status.canonical_reason().unwrap_or_default();
        let html = format!("<a href=\"{shown}\">{reason}</a>.\n\n");
        Reply::new(status, "text/html; charset=utf-8", Content::Whole(Bytes::from(html)))
    } else if *method == Method::HEAD {
        Reply::new(status, "text/html; charset=utf-8", Content::Whole(Bytes::new()))
    } else {
        Reply::empty(status)
    };
    reply.with(header::LOCATION, location)
}

/// The path with everything percent-encoded that an address cannot hold.
fn escaped(path: &str) -> String {
    let mut out = String::new();
    for b in path.bytes() {
        if b.is_ascii_alphanumeric() || b"/-._~@=$&+:,;".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// Whether every percent sign of `path` stands before two hexadecimal digits.
pub(crate) fn is_escaped(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        rest.as_bytes().first_chunk::<2>().is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    })
}

/// The path without empty, `.` and `..` parts; a slash at its end stays.
pub(crate) fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let end = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}
