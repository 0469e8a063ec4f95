//! Relabelling: rules that rewrite, keep or drop label sets (Prometheus' `relabel_config`, all 11 actions).

use std::fmt;
use std::sync::Arc;

use md5::{Digest, Md5};

use crate::labels::{Builder, Labels};
use crate::names::NameScheme;
use crate::regex::{Regex, has_reference};

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Action {
    #[default]
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

impl Action {
    pub const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    /// The word of the configuration file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }

    /// The action of that name, in any case (as Prometheus reads it).
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str().eq_ignore_ascii_case(word))
    }
}

/// The pattern that a rule has when none is written.
pub const REGEX_DEFAULT: &str = "(.*)";
/// The replacement that a rule has when none is written.
pub const REPLACEMENT_DEFAULT: &str = "$1";
/// The separator that a rule has when none is written.
pub const SEPARATOR_DEFAULT: &str = ";";

/// One rule, validated by whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub source_labels: Vec<String>,
    pub separator: String,
    pub regex: Arc<Regex>,
    /// Above 0 for [`Action::HashMod`].
    pub modulus: u64,
    pub target_label: String,
    pub replacement: String,
    pub action: Action,
    pub names: NameScheme,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: SEPARATOR_DEFAULT.to_owned(),
            regex: Arc::new(Regex::wrapped(REGEX_DEFAULT).expect("the default pattern is valid")),
            modulus: 0,
            target_label: String::new(),
            replacement: REPLACEMENT_DEFAULT.to_owned(),
            action: Action::Replace,
            names: NameScheme::Utf8,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} by {}", self.action.as_str(), self.source_labels, self.regex.as_str())
    }
}

/// Applies `rules` in order; `None` when one of them drops the set.
#[must_use]
pub fn process(labels: &Labels, rules: &[Rule]) -> Option<Labels> {
    if rules.is_empty() {
        return Some(labels.clone());
    }
    let mut builder = Builder::from(labels);
    process_builder(&mut builder, rules).then(|| builder.labels())
}

/// Applies `rules` in order to `labels` in place; `false` when one of them drops the set.
#[must_use]
pub fn process_builder(labels: &mut Builder, rules: &[Rule]) -> bool {
    rules.iter().all(|rule| apply(rule, labels))
}

/// Applies one rule; whether the set is kept.
fn apply(rule: &Rule, labels: &mut Builder) -> bool {
    let joined: Vec<&str> = rule.source_labels.iter().map(|name| labels.get(name)).collect();
    let value = joined.join(&rule.separator);
    match rule.action {
        Action::Keep => return rule.regex.is_match(&value),
        Action::Drop => return !rule.regex.is_match(&value),
        Action::KeepEqual => return labels.get(&rule.target_label) == value,
        Action::DropEqual => return labels.get(&rule.target_label) != value,
        Action::Replace => replace(rule, &value, labels),
        Action::Lowercase => labels.set(&rule.target_label, &value.to_lowercase()),
        Action::Uppercase => labels.set(&rule.target_label, &value.to_uppercase()),
        Action::HashMod => {
            let bucket = hash(&value).checked_rem(rule.modulus).unwrap_or(0);
            labels.set(&rule.target_label, &bucket.to_string());
        }
        Action::LabelMap => label_map(rule, labels),
        Action::LabelDrop => labels.retain(|name, _| !rule.regex.is_match(name)),
        Action::LabelKeep => labels.retain(|name, _| rule.regex.is_match(name)),
    }
    true
}

fn replace(rule: &Rule, value: &str, labels: &mut Builder) {
    let plain = value.is_empty()
        && rule.regex.as_str() == REGEX_DEFAULT
        && !has_reference(&rule.target_label)
        && !has_reference(&rule.replacement);
    if plain {
        labels.set(&rule.target_label, &rule.replacement);
        return;
    }
    let Some(target) = rule.regex.expand(value, &rule.target_label) else { return };
    if !rule.names.label_name_ok(&target) {
        return;
    }
    let text = rule.regex.expand(value, &rule.replacement).unwrap_or_default();
    labels.set(&target, &text);
}

fn label_map(rule: &Rule, labels: &mut Builder) {
    let mapped: Vec<(String, String)> = labels
        .iter()
        .filter_map(|(name, value)| {
            Some((rule.regex.expand(name, &rule.replacement)?, value.to_owned()))
        })
        .collect();
    for (name, value) in mapped.iter().filter(|(name, _)| !name.is_empty()) {
        labels.set(name, value);
    }
}

/// The last 8 bytes of the MD5 sum, big-endian (Prometheus' `hashmod`).
fn hash(value: &str) -> u64 {
    let sum = Md5::digest(value.as_bytes());
    sum[8..].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(action: Action, source: &[&str], regex: &str, target: &str, replacement: &str) -> Rule {
        Rule {
            action,
            source_labels: source.iter().map(|name| (*name).to_owned()).collect(),
            regex: Arc::new(Regex::wrapped(regex).unwrap()),
            target_label: target.to_owned(),
            replacement: replacement.to_owned(),
            modulus: 1000,
            ..Rule::default()
        }
    }

    #[track_caller]
    fn check(rules: &[Rule], want: Option<&str>) {
        let labels = Labels::from_pairs([("a", "foo"), ("b", "Bar"), ("c", "baz")]);
        let got = process(&labels, rules).map(|labels| labels.to_string());
        assert_eq!(got.as_deref(), want);
    }

    #[test]
    fn replace_sets_removes_and_leaves_alone() {
        let run = |regex: &str, target: &str, replacement: &str, want: &str| {
            check(&[rule(Action::Replace, &["a", "b"], regex, target, replacement)], Some(want));
        };
        run("f(.*);(.*)r", "d", "${2}-$1", r#"{a="foo", b="Bar", c="baz", d="Ba-oo"}"#);
        run("f(.*);(.*)", "$1", "x", r#"{a="foo", b="Bar", c="baz", oo="x"}"#);
        run("nope", "d", "x", r#"{a="foo", b="Bar", c="baz"}"#);
        run(".*", "a", "", r#"{b="Bar", c="baz"}"#);
        run(".*", "$9", "x", r#"{a="foo", b="Bar", c="baz"}"#);
    }

    #[test]
    fn replace_without_sources_sets_a_constant() {
        let constant = rule(Action::Replace, &[], REGEX_DEFAULT, "d", "x");
        check(&[constant], Some(r#"{a="foo", b="Bar", c="baz", d="x"}"#));
    }

    #[test]
    fn the_legacy_scheme_refuses_other_names() {
        let dotted = rule(Action::Replace, &["a"], "(.*)", "x.y", "$1");
        let legacy = Rule { names: NameScheme::Legacy, ..dotted.clone() };
        check(&[legacy], Some(r#"{a="foo", b="Bar", c="baz"}"#));
        check(&[dotted], Some(r#"{a="foo", b="Bar", c="baz", "x.y"="foo"}"#));
    }

    #[test]
    fn keeping_and_dropping() {
        let all = Some(r#"{a="foo", b="Bar", c="baz"}"#);
        for (action, regex, want) in [
            (Action::Keep, "foo", all),
            (Action::Keep, "fo", None),
            (Action::Drop, "foo", None),
            (Action::Drop, "fo", all),
        ] {
            check(&[rule(action, &["a"], regex, "", "$1")], want);
        }
        check(&[rule(Action::KeepEqual, &["a"], "(.*)", "b", "$1")], None);
        check(&[rule(Action::DropEqual, &["a"], "(.*)", "b", "$1")], all);
        check(&[rule(Action::DropEqual, &["a"], "(.*)", "a", "$1")], None);
    }

    #[test]
    fn names_cases_and_hashes() {
        check(
            &[rule(Action::LabelMap, &[], "([ab])", "", "x_$1")],
            Some(r#"{a="foo", b="Bar", c="baz", x_a="foo", x_b="Bar"}"#),
        );
        check(&[rule(Action::LabelDrop, &[], "[ab]", "", "$1")], Some(r#"{c="baz"}"#));
        check(&[rule(Action::LabelKeep, &[], "[ab]", "", "$1")], Some(r#"{a="foo", b="Bar"}"#));
        check(
            &[rule(Action::Lowercase, &["b"], "(.*)", "b", "$1")],
            Some(r#"{a="foo", b="bar", c="baz"}"#),
        );
        check(
            &[rule(Action::Uppercase, &["b"], "(.*)", "b", "$1")],
            Some(r#"{a="foo", b="BAR", c="baz"}"#),
        );
        // md5("foo") = acbd18db4cc2f85c edef654fccc4a4d8; 0xedef654fccc4a4d8 mod 1000 = 696.
        check(
            &[rule(Action::HashMod, &["a"], "(.*)", "h", "$1")],
            Some(r#"{a="foo", b="Bar", c="baz", h="696"}"#),
        );
    }

    #[test]
    fn every_action_has_its_word() {
        for action in Action::ALL {
            assert_eq!(Action::parse(&action.as_str().to_uppercase()), Some(action));
        }
        assert_eq!(Action::parse("nope"), None);
    }
}
