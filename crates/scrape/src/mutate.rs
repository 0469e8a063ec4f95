//! From the labels that a line exposes to those that are stored: target labels, relabelling, checks, limits.

use model::labels::{Builder, Labels, METRIC_NAME};
use model::names::NameScheme;
use model::relabel::{Rule, process_builder};
use wire::exposition::{LabelBuf, LabelsError};

use crate::config::Limits;

/// Why labels make the whole scrape fail. Texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MutateError {
    #[error("missing metric name (__name__ label)")]
    NoName,
    #[error("{0}")]
    Labels(#[from] LabelsError),
    /// One of the three limits on labels; the text names it.
    #[error("{0}")]
    Limit(String),
}

/// What is done to the labels of each new series of a target.
#[derive(Debug, Clone)]
pub(crate) struct Mutator {
    /// The target's labels without `__*`.
    pub(crate) target: Labels,
    pub(crate) honor_labels: bool,
    pub(crate) rules: Vec<Rule>,
    pub(crate) names: NameScheme,
    pub(crate) limits: Limits,
}

impl Mutator {
    /// The labels to store; `None` when relabelling drops the series.
    pub(crate) fn apply(&self, exposed: &LabelBuf) -> Result<Option<Labels>, MutateError> {
        let mut labels = Builder::default();
        for (name, value) in exposed.iter() {
            labels.set(name, value);
        }
        if self.honor_labels {
            for (name, value) in &self.target {
                if exposed.get(name).is_none() {
                    labels.set(name, value);
                }
            }
        } else {
            self.overwrite(&mut labels);
        }
        if !process_builder(&mut labels, &self.rules) || labels.iter().next().is_none() {
            return Ok(None);
        }
        if labels.get(METRIC_NAME).is_empty() {
            return Err(MutateError::NoName);
        }
        self.check_names(exposed, &labels)?;
        self.check_limits(&labels)?;
        Ok(Some(labels.labels()))
    }

    /// Sets the target's labels; exposed ones of the same name get a prefix that makes them free.
    fn overwrite(&self, labels: &mut Builder) {
        let mut conflicts: Vec<(&str, String)> = Vec::new();
        for (name, value) in &self.target {
            let exposed = labels.get(name);
            if !exposed.is_empty() {
                conflicts.push((name, exposed.to_owned()));
            }
            labels.set(name, value);
        }
        conflicts.sort_by_key(|(name, _)| name.len());
        for (name, value) in conflicts {
            let mut free = format!("exported_{name}");
            while !labels.get(&free).is_empty() {
                free.insert_str(0, "exported_");
            }
            labels.set(&free, &value);
        }
    }

    fn check_names(&self, exposed: &LabelBuf, labels: &Builder) -> Result<(), MutateError> {
        // Only here are bytes seen that are no UTF-8, and names that stand twice.
        exposed.check(NameScheme::Utf8)?;
        if let Some(name) = exposed.duplicate() {
            return Err(LabelsError::Duplicate(name.to_owned()).into());
        }
        if self.names == NameScheme::Legacy {
            let mut all = LabelBuf::new();
            for (name, value) in labels.iter() {
                all.push(name, value);
            }
            all.check(NameScheme::Legacy)?;
        }
        Ok(())
    }

    fn check_limits(&self, labels: &Builder) -> Result<(), MutateError> {
        let limits = &self.limits;
        let metric = cut(labels.get(METRIC_NAME));
        let over =
            |len: usize, limit: u64| limit > 0 && u64::try_from(len).is_ok_and(|n| n > limit);
        let n_labels = labels.iter().count();
        if over(n_labels, limits.label) {
            let limit = limits.label;
            return Err(MutateError::Limit(format!(
                "label_limit exceeded (metric: {metric}, number of labels: {n_labels}, limit: {limit})"
            )));
        }
        for (name, value) in labels.iter() {
            let shown = cut(name);
            if over(name.len(), limits.label_name_length) {
                return Err(MutateError::Limit(format!(
                    "label_name_length_limit exceeded (metric: {metric}, label name: {shown}, length: {}, limit: {})",
                    name.len(),
                    limits.label_name_length
                )));
            }
            if over(value.len(), limits.label_value_length) {
                return Err(MutateError::Limit(format!(
                    "label_value_length_limit exceeded (metric: {metric}, label name: {shown}, value: {:?}, length: {}, limit: {})",
                    cut(value),
                    value.len(),
                    limits.label_value_length
                )));
            }
        }
        Ok(())
    }

    /// The labels of a series about the scrape itself.
    pub(crate) fn report_labels(&self, metric: &str) -> Labels {
        let mut labels = Builder::from(&self.target);
        labels.set(METRIC_NAME, metric);
        labels.labels()
    }
}

/// The first 50 characters, as Prometheus shows names in errors.
fn cut(text: &str) -> &str {
    text.char_indices().nth(50).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutator(target: &[(&str, &str)], honor_labels: bool) -> Mutator {
        Mutator {
            target: Labels::from_pairs(target.iter().copied()),
            honor_labels,
            rules: Vec::new(),
            names: NameScheme::Utf8,
            limits: Limits::default(),
        }
    }

    fn exposed(pairs: &[(&str, &str)]) -> LabelBuf {
        let mut buf = LabelBuf::new();
        buf.push("__name__", "m");
        for (name, value) in pairs {
            buf.push(name, value);
        }
        buf.sort();
        buf
    }

    fn shown(result: Result<Option<Labels>, MutateError>) -> String {
        match result {
            Ok(Some(labels)) => {
                let labels = labels.iter().filter(|(name, _)| *name != "__name__");
                labels.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
            Ok(None) => "dropped".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn conflicts() {
        for (target, labels, honor, stored) in [
            (&[("foo", "1")][..], &[("foo", "0")][..], false, "exported_foo=0 foo=1"),
            (&[("foo", "1")], &[("foo", "0")], true, "foo=0"),
            (&[("foo", "1")], &[("foo", "")], true, ""),
            (&[("foo", "1")], &[("foo", "")], false, "foo=1"),
            (
                &[("foo", "1")],
                &[("foo", "0"), ("exported_foo", "2")],
                false,
                "exported_exported_foo=0 exported_foo=2 foo=1",
            ),
            (
                &[("exported_foo", "1"), ("foo", "2")],
                &[("foo", "3"), ("exported_foo", "4")],
                false,
                "exported_exported_exported_foo=4 exported_exported_foo=3 exported_foo=1 foo=2",
            ),
            (&[("a", "1")], &[("b", "2")], false, "a=1 b=2"),
            (&[("a", "1")], &[("b", "2")], true, "a=1 b=2"),
        ] {
            assert_eq!(shown(mutator(target, honor).apply(&exposed(labels))), stored);
        }
    }

    #[test]
    fn limits_at_the_bound_and_one_past_it() {
        let mut m = mutator(&[], false);
        let check = |m: &Mutator, pairs: &[(&str, &str)]| shown(m.apply(&exposed(pairs)));
        m.limits =
            Limits { label: 2, label_name_length: 8, label_value_length: 3, ..Limits::default() };
        assert_eq!(check(&m, &[("a2345678", "123")]), "a2345678=123");
        assert_eq!(
            check(&m, &[("a", "1"), ("b", "1")]),
            "label_limit exceeded (metric: m, number of labels: 3, limit: 2)"
        );
        assert_eq!(
            check(&m, &[("a23456789", "1")]),
            "label_name_length_limit exceeded (metric: m, label name: a23456789, length: 9, limit: 8)"
        );
        assert_eq!(
            check(&m, &[("a", "1234")]),
            "label_value_length_limit exceeded (metric: m, label name: a, value: \"1234\", length: 4, limit: 3)"
        );
    }

    #[test]
    fn names() {
        let mut m = mutator(&[], false);
        let dup = exposed(&[("a", "1"), ("a", "2")]);
        assert_eq!(shown(m.apply(&dup)), "label name \"a\" is not unique: invalid sample");
        let dotted = exposed(&[("a.b", "1")]);
        assert_eq!(shown(m.apply(&dotted)), "a.b=1");
        m.names = NameScheme::Legacy;
        assert_eq!(
            shown(m.apply(&dotted)),
            "invalid metric name or label names: {__name__=\"m\", \"a.b\"=\"1\"}"
        );
        let mut nameless = LabelBuf::new();
        nameless.push("a", "1");
        assert_eq!(shown(m.apply(&nameless)), "missing metric name (__name__ label)");
        let mut bytes = exposed(&[]);
        bytes.push_bytes(b"a", b"\xff");
        assert!(shown(m.apply(&bytes)).starts_with("invalid metric name or label names: "));
    }
}
