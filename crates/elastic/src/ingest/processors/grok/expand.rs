//! `%{NAME:field:type}` to plain regular expressions.

use super::library::patterns;
use crate::ingest::limits::REGEX_MAX;

/// Begins the names of groups that stand around whole patterns.
pub(super) const ALTERNATIVE: &str = "_alternative_";
/// How deep patterns may name each other.
const DEPTH_MAX: usize = 64;

/// Puts patterns in.
#[derive(Debug)]
pub(super) struct Expander<'a> {
    own: &'a [(String, String)],
    /// The patterns that are being put in, outermost first.
    open: Vec<String>,
}

impl<'a> Expander<'a> {
    pub(super) fn new(own: &'a [(String, String)]) -> Self {
        Self { own, open: Vec::new() }
    }

    /// `text` with all of its `%{…}` replaced by groups; those with a field are named `field` or `field:type`.
    pub(super) fn expand(&mut self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("%{") {
            out.push_str(&rest[..at]);
            let inside = &rest[at + 2..];
            let Some(reference) = Reference::read(inside) else {
                // No reference: means itself.
                out.push_str("%{");
                rest = inside;
                continue;
            };
            rest = &inside[reference.length..];
            self.put(&reference, &mut out)?;
            bound(out.len())?;
        }
        out.push_str(rest);
        bound(out.len())?;
        Ok(out)
    }

    fn put(&mut self, reference: &Reference<'_>, out: &mut String) -> Result<(), String> {
        let name = reference.pattern;
        let text = match reference.definition {
            Some(definition) => definition.to_owned(),
            None => self.find(name)?,
        };
        if let Some(at) = self.open.iter().position(|open| open == name) {
            let chain: Vec<&str> = self.open[at..].iter().map(String::as_str).collect();
            return Err(format!(
                "circular reference in pattern [{name}]: it is used by [{}]",
                chain.join("], [")
            ));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("patterns name each other more than {DEPTH_MAX} deep"));
        }
        self.open.push(name.to_owned());
        let expanded = self.expand(&text)?;
        self.open.pop();
        match reference.field {
            Some(field) => out.push_str(&format!("(?<{field}>{expanded})")),
            None => out.push_str(&format!("(?:{expanded})")),
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Result<String, String> {
        if let Some((_, text)) = self.own.iter().find(|(have, _)| have == name) {
            return Ok(text.clone());
        }
        match patterns().binary_search_by_key(&name, |(have, _)| have) {
            Ok(at) => Ok(patterns()[at].1.to_owned()),
            Err(_) => Err(format!("Unable to find pattern [{name}] in Grok's pattern dictionary")),
        }
    }
}

fn bound(length: usize) -> Result<(), String> {
    if length > REGEX_MAX {
        return Err(format!("the patterns make more than {REGEX_MAX} bytes"));
    }
    Ok(())
}

/// One `NAME`, `NAME:field`, `NAME:field:type`, `NAME:field=expression`.
struct Reference<'a> {
    pattern: &'a str,
    field: Option<&'a str>,
    definition: Option<&'a str>,
    /// Bytes up to and with the closing brace.
    length: usize,
}

impl<'a> Reference<'a> {
    /// Reads what stands behind `%{`.
    fn read(text: &'a str) -> Option<Self> {
        let end = text.find('}')?;
        let (head, definition) = match text[..end].split_once('=') {
            Some((head, definition)) => (head, Some(definition)),
            None => (&text[..end], None),
        };
        let (pattern, field) = match head.split_once(':') {
            Some((pattern, field)) => (pattern, Some(field)),
            None => (head, None),
        };
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let is_field = |letter: char| letter.is_alphanumeric() || "@-_:.[]".contains(letter);
        let right = !pattern.is_empty()
            && pattern.chars().all(is_name)
            && field.is_none_or(|field| !field.is_empty() && field.chars().all(is_field));
        right.then_some(Self { pattern, field, definition, length: end + 1 })
    }
}
