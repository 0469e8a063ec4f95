//! `uri_parts`.

use serde_json::{Map, Value};

use super::{Edit, Processor};
use crate::error::Error;
use crate::ingest::Document;
use crate::ingest::config::Config;
use crate::ingest::path::Path;
use crate::ingest::pipeline::Builder;

#[derive(Debug)]
struct UriParts {
    field: Path,
    target: Path,
    keep_original: bool,
    remove_if_successful: bool,
    ignore_missing: bool,
}

pub(super) fn uri_parts(config: &mut Config, _: &mut Builder) -> Result<Box<dyn Processor>, Error> {
    Ok(Box::new(UriParts {
        field: config.path("field")?,
        target: config.path_or("target_field", &Path::parse("url")?)?,
        keep_original: config.bool_or("keep_original", true)?,
        remove_if_successful: config.bool_or("remove_if_successful", false)?,
        ignore_missing: config.bool_or("ignore_missing", false)?,
    }))
}

impl Edit for UriParts {
    fn edit(&self, document: &mut Document, _: i64) -> Result<(), Error> {
        let Some(text) = document.text(&self.field, self.ignore_missing)?.map(str::to_owned) else {
            if self.ignore_missing {
                return Ok(());
            }
            let text = format!("field [{}] is null, cannot process it.", self.field.text);
            return Err(Error::illegal(text));
        };
        let mut parts =
            parsed(&text).ok_or_else(|| Error::illegal(format!("unable to parse URI [{text}]")))?;
        if self.keep_original {
            parts.insert("original".to_owned(), text.into());
        }
        if self.remove_if_successful && self.field != self.target {
            document.remove(&self.field)?;
        }
        document.set(&self.target, Value::Object(parts))
    }
}

/// The parts of a URI; `None` when it is none.
fn parsed(text: &str) -> Option<Map<String, Value>> {
    if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return None;
    }
    let mut parts = Map::new();
    let mut put = |name: &str, value: Value| parts.insert(name.to_owned(), value);
    let (rest, fragment) = cut(text, '#');
    let (rest, query) = cut(rest, '?');
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
    };
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        Some((before, _)) if !before.contains('/') => return None,
        _ => (None, rest),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    if let Some(fragment) = fragment {
        put("fragment", fragment.into());
    }
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let (domain, port) = match host.rsplit_once(':') {
        Some((domain, port)) if !port.contains(']') => (domain, port),
        _ => (host, ""),
    };
    if !domain.is_empty() {
        put("domain", domain.into());
    }
    if !port.is_empty() {
        put("port", port.parse::<u16>().ok()?.into());
    }
    put("path", path.into());
    let file = path.rsplit('/').next().unwrap_or_default();
    if let Some((_, extension)) = file.rsplit_once('.') {
        put("extension", extension.into());
    }
    if let Some(query) = query {
        put("query", query.into());
    }
    if let Some(scheme) = scheme {
        put("scheme", scheme.into());
    }
    if let Some(user) = user {
        put("user_info", user.into());
        if let Some((name, password)) = user.split_once(':') {
            put("username", name.into());
            put("password", password.into());
        }
    }
    Some(parts)
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}
