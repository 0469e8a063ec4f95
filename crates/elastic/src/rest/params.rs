//! Parameters of the path and the query.

use std::collections::BTreeMap;

use super::Route;
use crate::error::Error;
use crate::near::did_you_mean;

/// Most parameters of a request.
pub(crate) const PARAMS_MAX: usize = 1_000;

/// What every route knows.
const COMMON: &[&str] =
    &["pretty", "human", "filter_path", "error_trace", "format", "source", "source_content_type"];

/// Decoded parameters by name; of one that comes twice the last counts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Params {
    named: BTreeMap<String, String>,
    /// Those that came with the path.
    parts: Vec<String>,
}

impl Params {
    /// The parameters of a query.
    ///
    /// # Errors
    /// 400 past [`PARAMS_MAX`].
    pub fn of_query(query: &str) -> Result<Self, Error> {
        let mut named = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            if named.len() >= PARAMS_MAX {
                return Err(Error::illegal(format!("more than {PARAMS_MAX} parameters")));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            named.insert(decode(name, true), decode(value, true));
        }
        Ok(Self { named, parts: Vec::new() })
    }

    pub(super) fn put_part(&mut self, name: &str, value: String) {
        self.named.insert(name.to_owned(), value);
        self.parts.push(name.to_owned());
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(String::as_str)
    }

    /// A boolean; `default` when it is missing.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Error> {
        match self.get(name) {
            None => Ok(default),
            Some("" | "true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(Error::illegal(format!(
                "Failed to parse value [{other}] as only [true] or [false] are allowed."
            ))),
        }
    }

    /// A whole number; `None` when it is missing.
    ///
    /// # Errors
    /// 400 when it is none.
    pub fn int(&self, name: &str) -> Result<Option<i64>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            Error::illegal(format!("Failed to parse int parameter [{name}] with value [{text}]"))
                .caused_by(Error::new(
                    400,
                    "number_format_exception",
                    format!("For input string: \"{text}\""),
                ))
        })
    }

    /// The parts of a list; empty ones are left out. `None` when it is missing.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        Some(self.get(name)?.split(',').filter(|part| !part.is_empty()).collect())
    }

    /// Refuses what `route` does not know, and says what may have been meant.
    pub(super) fn check_known(&self, route: &Route, path: &str) -> Result<(), Error> {
        let known: Vec<&str> =
            route.params.iter().copied().chain([COMMON]).flatten().copied().collect();
        let unknown: Vec<&str> = self
            .named
            .keys()
            .map(String::as_str)
            .filter(|name| !known.contains(name) && !self.parts.iter().any(|part| part == name))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let plural = if unknown.len() > 1 { "s" } else { "" };
        let texts: Vec<String> = unknown.iter().map(|name| suggestion(name, &known)).collect();
        Err(Error::illegal(format!(
            "request [{path}] contains unrecognized parameter{plural}: {}",
            texts.join(", ")
        )))
    }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    let hint = did_you_mean(name, known.iter().copied());
    hint.map_or_else(|| format!("[{name}]"), |hint| format!("[{name}] -> {hint}"))
}

/// Undoes `%20` and, in queries, `+`. What is no escape stays; what is no UTF-8 becomes U+FFFD.
#[must_use]
pub(crate) fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
        let escaped = if *byte == b'%' { hex(at + 1).zip(hex(at + 2)) } else { None };
        if let Some((high, low)) = escaped {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
            at += 3;
        } else {
            out.push(if *byte == b'+' && plus_is_space { b' ' } else { *byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
