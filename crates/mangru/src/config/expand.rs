//! `$NAME` and `${NAME}` in `external_labels`, the only place where Prometheus expands the environment.

use crate::schema::{Record, Value};

/// Expands the values of `global.external_labels`; returns a warning for each name that is not set.
pub(super) fn external_labels(root: &mut Record) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(global) = root.section_mut("global") else { return warnings };
    if !global.has("external_labels") {
        return warnings;
    }
    let mut environment = |name: &str| {
        std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| {
            warnings.push(format!("Empty environment variable name={name}"));
            String::new()
        })
    };
    let labels = global.entries("external_labels").iter();
    let labels = labels.map(|(name, value)| {
        (name.clone(), Value::Text(expand(value.as_text(), &mut environment)))
    });
    let labels = labels.collect();
    global.set("external_labels", Value::Map(labels));
    warnings
}

/// Go's `os.Expand`, where `$$` is a dollar sign.
fn expand(text: &str, value: &mut dyn FnMut(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(inside) = rest.strip_prefix('{') {
            // A brace that does not close, or holds nothing, is eaten.
            match inside.find('}') {
                Some(end) => {
                    let name = &inside[..end];
                    if name == "$" {
                        out.push('$');
                    } else if !name.is_empty() {
                        out.push_str(&value(name));
                    }
                    rest = &inside[end + 1..];
                }
                None => rest = inside,
            }
            continue;
        }
        let first = rest.chars().next();
        if first == Some('$') {
            out.push('$');
            rest = &rest[1..];
            continue;
        }
        let word = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let special = first.is_some_and(|c| "*#@!?-0123456789".contains(c));
        let length = if special { 1 } else { word };
        if length == 0 {
            out.push('$');
            continue;
        }
        out.push_str(&value(&rest[..length]));
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn variables() {
        for (text, expanded) in [
            ("foo", "foo"),
            ("${TEST}", "<TEST>"),
            ("foo${TEST}bar", "foo<TEST>bar"),
            ("$TEST-1", "<TEST>-1"),
            ("foo$${TEST}", "foo${TEST}"),
            ("foo$$bar", "foo$bar"),
            ("a$", "a$"),
            ("a$.b", "a$.b"),
            ("a${b", "ab"),
            ("a${}b", "ab"),
            ("$1a", "<1>a"),
        ] {
            assert_eq!(expand(text, &mut |name| format!("<{name}>")), expanded, "{text}");
        }
    }
}
