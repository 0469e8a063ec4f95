//! Relabelling rules: their keys and what Prometheus refuses.

use model::names::NameScheme;
use model::regex::Regex;
use model::relabel::Action;

use crate::schema::{Default, Kind, Named, Problem, Record, Section, key, no_check};

pub(super) static RELABEL: Section = Section {
    name: "relabel.plain",
    keys: &[&[
        key("source_labels", Kind::Flow(&Kind::Named(&LABEL_NAME))),
        key("separator", Kind::Text).always().or(Default::Text(";")),
        key("regex", Kind::Named(&REGEX)).if_written().or(Default::Text("(.*)")),
        key("modulus", Kind::Uint),
        key("target_label", Kind::Text),
        key("replacement", Kind::Text).always().or(Default::Text("$1")),
        key("action", Kind::Named(&ACTION)).or(Default::Text("replace")),
    ]],
    check: no_check,
};

/// A list of rules.
pub(super) const RULES: Kind = Kind::List(&Kind::Section(&RELABEL));

pub(super) static LABEL_NAME: Named = Named {
    name: "string",
    allowed: "a label name",
    read: |text| {
        if text.is_empty() {
            Err("\"\" is not a valid label name".to_owned())
        } else {
            Ok(text.to_owned())
        }
    },
};

static REGEX: Named = Named {
    name: "string",
    allowed: "a regular expression in Go's syntax, anchored at both ends",
    read: |text| match Regex::wrapped(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    },
};

static ACTION: Named = Named {
    name: "string",
    allowed: "replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase or uppercase",
    read: |text| {
        let action =
            Action::parse(text).ok_or_else(|| format!("unknown relabel action {text:?}"))?;
        Ok(action.as_str().to_owned())
    },
};

/// The scheme of a configuration's word.
pub(super) fn scheme_of(word: &str) -> NameScheme {
    if word == "legacy" { NameScheme::Legacy } else { NameScheme::Utf8 }
}

/// Whether `name` is a label name that may hold `$1` and `${name}`.
fn is_template(names: NameScheme, name: &str) -> bool {
    match names {
        NameScheme::Utf8 => !name.is_empty(),
        NameScheme::Legacy => is_legacy_template(name),
    }
}

/// `(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+`
fn is_legacy_template(name: &str) -> bool {
    let mut rest = name;
    let mut started = false;
    while let Some(c) = rest.chars().next() {
        if c == '$' {
            let inside = rest[1..].strip_prefix('{');
            let word = inside.unwrap_or(&rest[1..]);
            let length =
                word.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            let closed = inside.is_none() || word[length..].starts_with('}');
            if length == 0 || !closed {
                return false;
            }
            rest = &word[length + usize::from(inside.is_some())..];
        } else if c.is_ascii_alphabetic() || c == '_' || (started && c.is_ascii_digit()) {
            rest = &rest[1..];
        } else {
            return false;
        }
        started = true;
    }
    started
}

/// Whether the text names a group of the match.
fn has_variable(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(2).any(|pair| {
        pair[0] == b'$' && (pair[1] == b'{' || pair[1] == b'_' || pair[1].is_ascii_alphanumeric())
    })
}

/// The rules of a rule, in Prometheus' order and words.
pub(super) fn validate(rule: &Record, names: NameScheme) -> Result<(), Problem> {
    let action = rule.text("action");
    let target = rule.text("target_label");
    if action.is_empty() {
        return Err(rule.key_problem("action", "relabel action cannot be empty"));
    }
    if action == "hashmod" && !rule.is_given("modulus") {
        return Err(rule.key_problem(
            "modulus",
            "relabel configuration for hashmod requires non-zero modulus",
        ));
    }
    let equal = matches!(action, "keepequal" | "dropequal");
    let letters = matches!(action, "lowercase" | "uppercase");
    if (matches!(action, "replace" | "hashmod") || letters || equal) && target.is_empty() {
        let text =
            format!("relabel configuration for {action} action requires 'target_label' value");
        return Err(rule.key_problem("target_label", text));
    }
    let bad_target = match action {
        "replace" if has_variable(target) => !is_template(names, target),
        "replace" | "hashmod" => !names.label_name_ok(target),
        _ => (letters || equal) && !names.label_name_ok(target),
    };
    if bad_target {
        let text = format!("{target:?} is invalid 'target_label' for {action} action");
        return Err(rule.key_problem("target_label", text));
    }
    let replacement = rule.text("replacement");
    if (letters || equal) && replacement != "$1" {
        let text = format!("'replacement' can not be set for {action} action");
        return Err(rule.key_problem("replacement", text));
    }
    if action == "labelmap" && !is_template(names, replacement) {
        let text = format!("{replacement:?} is invalid 'replacement' for {action} action");
        return Err(rule.key_problem("replacement", text));
    }
    validate_alone(rule, action, equal)
}

/// Actions that use few keys refuse the others.
fn validate_alone(rule: &Record, action: &str, equal: bool) -> Result<(), Problem> {
    let defaults =
        [("regex", "(.*)"), ("separator", ";"), ("replacement", "$1"), ("target_label", "")];
    let changed = |name: &str| match defaults.iter().find(|(key, _)| *key == name) {
        Some((_, default)) => rule.text(name) != *default,
        None => rule.is_given(name),
    };
    let first = |names: &[&'static str]| names.iter().copied().find(|name| changed(name));
    if equal && let Some(name) = first(&["regex", "modulus", "separator", "replacement"]) {
        let text = format!(
            "{action} action requires only 'source_labels' and `target_label`, and no other fields"
        );
        return Err(rule.key_problem(name, text));
    }
    let label_names = matches!(action, "labeldrop" | "labelkeep");
    if label_names
        && let Some(name) =
            first(&["source_labels", "target_label", "modulus", "separator", "replacement"])
    {
        let text = format!("{action} action requires only 'regex', and no other fields");
        return Err(rule.key_problem(name, text));
    }
    Ok(())
}

/// Refuses empty elements in a list of rules, in the words of the list's section.
pub(super) fn no_empty_rules(record: &Record, list: &str, text: &str) -> Result<(), Problem> {
    if record.sections(list).any(|rule| rule.is_none()) {
        return Err(record.key_problem(list, text));
    }
    Ok(())
}

/// Validates each rule of a list.
pub(super) fn validate_list(record: &Record, list: &str, names: NameScheme) -> Result<(), Problem> {
    record.sections(list).flatten().try_for_each(|rule| validate(rule, names))
}
