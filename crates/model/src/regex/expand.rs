//! Replacement templates (Go's `Regexp.Expand`).

use regex_automata::util::captures::Captures;

/// Fills `template` from the groups of `captures` over `text`. A group that is not there or did not take part is empty.
pub(crate) fn expand(template: &str, text: &str, captures: &Captures) -> String {
    let mut out = String::with_capacity(template.len() + text.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = name(after) {
            let span = match index(name) {
                Some(i) => captures.get_group(i),
                None => captures.get_group_by_name(name),
            };
            out.push_str(span.and_then(|span| text.get(span.start..span.end)).unwrap_or(""));
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Whether `template` refers to any group.
pub(crate) fn has_reference(template: &str) -> bool {
    template.split('$').skip(1).any(|after| name(after).is_some())
}

/// The name after a `$`, braces taken off, and what follows it.
fn name(after: &str) -> Option<(&str, &str)> {
    let is_word = |c: char| c == '_' || c.is_alphanumeric();
    if let Some(inner) = after.strip_prefix('{') {
        let (name, tail) = inner.split_once('}')?;
        return (!name.is_empty() && name.chars().all(is_word)).then_some((name, tail));
    }
    let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
    (end > 0).then(|| after.split_at(end))
}

/// The number that a name stands for: decimal, without leading zeros, below 10⁸.
fn index(name: &str) -> Option<usize> {
    let leading_zero = name.len() > 1 && name.starts_with('0');
    if leading_zero || name.len() > 8 || !name.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    name.parse().ok()
}
