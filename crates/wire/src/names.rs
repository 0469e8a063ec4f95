//! Which names are valid, by which scheme.

/// `validation scheme` of a scrape: what metric and label names may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameScheme {
    /// Any non-empty UTF-8 text (Prometheus 3's default).
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
