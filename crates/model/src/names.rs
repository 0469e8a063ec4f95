//! Which names of metrics and labels are valid, by which scheme.

/// What metric and label names may look like (`metric_name_validation_scheme`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameScheme {
    /// Any text that is not empty (Prometheus 3's default).
    #[default]
    Utf8,
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`, label names without `:`.
    Legacy,
}

impl NameScheme {
    /// Whether `name` can name a metric.
    #[must_use]
    pub fn metric_name_ok(self, name: &str) -> bool {
        match self {
            Self::Utf8 => !name.is_empty(),
            Self::Legacy => legacy_metric_name(name),
        }
    }

    /// Whether `name` can name a label.
    #[must_use]
    pub fn label_name_ok(self, name: &str) -> bool {
        match self {
            Self::Utf8 => !name.is_empty(),
            Self::Legacy => legacy_label_name(name),
        }
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
#[must_use]
pub fn legacy_metric_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
#[must_use]
pub fn legacy_label_name(name: &str) -> bool {
    legacy_metric_name(name) && !name.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_scheme() {
        for (name, utf8, metric, label) in [
            ("", false, false, false),
            ("a", true, true, true),
            ("_9Z", true, true, true),
            ("9a", true, false, false),
            ("a:b", true, true, false),
            (":", true, true, false),
            ("a.b", true, false, false),
            ("é", true, false, false),
        ] {
            for (scheme, metric, label) in
                [(NameScheme::Utf8, utf8, utf8), (NameScheme::Legacy, metric, label)]
            {
                assert_eq!(scheme.metric_name_ok(name), metric, "{scheme:?} {name}");
                assert_eq!(scheme.label_name_ok(name), label, "{scheme:?} {name}");
            }
        }
    }
}
