//! What a query's answer is annotated with: warnings and infos, each once, in the order of their first appearance.
//!
//! The texts are Prometheus'. All of them are returned; whoever shows them cuts at its own bound.

use std::collections::HashMap;

use crate::ast::Span;
use model::number::{general, general_digits};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    Warning,
    Info,
}

/// Most different annotations that are kept of one query; more are dropped.
const NOTES_MAX: usize = 10_000;

/// Collects annotations while a query runs.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    seen: HashMap<(Level, String), usize>,
    list: Vec<(Level, String, Span)>,
    /// What `histogram_quantile` had to mend, by the index in `list`.
    forced: HashMap<usize, Forced>,
}

/// How far buckets were from being monotonic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Forced {
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) bucket_min: f64,
    pub(crate) bucket_max: f64,
    pub(crate) diff_max: f64,
    pub(crate) samples: u64,
}

impl Notes {
    pub(crate) fn warn(&mut self, span: Span, text: impl Into<String>) {
        self.add(Level::Warning, span, text.into());
    }

    pub(crate) fn info(&mut self, span: Span, text: impl Into<String>) {
        self.add(Level::Info, span, text.into());
    }

    /// A text that is there already moves to the newest place, as in Prometheus.
    fn add(&mut self, level: Level, span: Span, text: String) -> Option<usize> {
        let key = (level, text);
        if let Some(&at) = self.seen.get(&key) {
            self.list[at].2 = span;
            return Some(at);
        }
        if self.list.len() >= NOTES_MAX {
            return None;
        }
        self.list.push((level, key.1.clone(), span));
        self.seen.insert(key, self.list.len() - 1);
        Some(self.list.len() - 1)
    }

    /// Classic buckets of `metric` (empty when its name is not known) were not monotonic.
    pub(crate) fn forced_monotonic(&mut self, span: Span, metric: &str, forced: Forced) {
        let text = with_metric(
            "input to histogram_quantile needed to be fixed for monotonicity \
             (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
            metric,
        );
        let Some(at) = self.add(Level::Info, span, text) else { return };
        let all = self.forced.entry(at).or_insert(Forced { samples: 0, ..forced });
        all.first_ms = all.first_ms.min(forced.first_ms);
        all.last_ms = all.last_ms.max(forced.last_ms);
        all.bucket_min = all.bucket_min.min(forced.bucket_min);
        all.bucket_max = all.bucket_max.max(forced.bucket_max);
        all.diff_max = all.diff_max.max(forced.diff_max);
        all.samples += forced.samples;
    }

    /// The texts of warnings and of infos, with their places in `query`.
    pub(crate) fn texts(&self, query: &str) -> (Vec<String>, Vec<String>) {
        let (mut warnings, mut infos) = (Vec::new(), Vec::new());
        for (at, (level, text, span)) in self.list.iter().enumerate() {
            let place = place(query, *span);
            let detail = self.forced.get(&at).map(forced_text).unwrap_or_default();
            match level {
                Level::Warning => {
                    warnings.push(format!("PromQL warning: {text}{detail} ({place})"))
                }
                Level::Info => infos.push(format!("PromQL info: {text}{detail} ({place})")),
            }
        }
        (warnings, infos)
    }
}

/// `text`, with the metric's name when it is known.
pub(crate) fn with_metric(text: &str, metric: &str) -> String {
    if metric.is_empty() {
        text.to_owned()
    } else {
        format!("{text} for metric name {}", crate::quote::quote_str(metric))
    }
}

fn forced_text(forced: &Forced) -> String {
    format!(
        ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
        general(forced.bucket_min),
        general(forced.bucket_max),
        general_digits(forced.diff_max, 2),
        forced.samples,
        whole_seconds(forced.first_ms),
        whole_seconds(forced.last_ms),
    )
}

/// A time as RFC 3339, its fraction of a second cut off.
fn whole_seconds(ms: i64) -> String {
    stdx::time::rfc3339(ms.saturating_sub(ms.rem_euclid(1000)))
}

/// `line:column` of a span's start, both from 1.
fn place(query: &str, span: Span) -> String {
    let before = query.as_bytes().get(..span.start).unwrap_or_default();
    let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
    format!("{line}:{column}")
}
