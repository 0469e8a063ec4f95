//! Which names and series all groups have: what a push is checked against, at the cost of the push alone.
//!
//! Invariant: each family of each stored group is counted once under its name and type, and each of its metrics once under its hash.

use std::collections::{BTreeMap, HashMap};

use model::metadata::MetricType;
use model::quote::quote;

use super::family::{Family, Grouping};
use super::gateway::OwnFamily;
use super::show;

/// Most conflicts that an error text names.
const CONFLICTS_SHOWN_MAX: usize = 100;

#[derive(Debug, Default)]
pub(super) struct Index {
    /// By name: how many families of each type.
    names: HashMap<String, Vec<(MetricType, usize)>>,
    series: HashMap<u64, u32>,
}

impl Index {
    pub(super) fn add<'a>(&mut self, families: impl Iterator<Item = &'a Family>) {
        for family in families {
            let kinds = self.names.entry(family.name.clone()).or_default();
            match kinds.iter_mut().find(|(kind, _)| *kind == family.kind) {
                Some((_, n)) => *n += 1,
                None => kinds.push((family.kind, 1)),
            }
            for metric in &family.metrics {
                *self.series.entry(series_hash(&family.name, &metric.labels)).or_default() += 1;
            }
        }
    }

    pub(super) fn remove<'a>(&mut self, families: impl Iterator<Item = &'a Family>) {
        for family in families {
            if let Some(kinds) = self.names.get_mut(&family.name) {
                for (_, n) in kinds.iter_mut().filter(|(kind, _)| *kind == family.kind) {
                    *n -= 1;
                }
                kinds.retain(|(_, n)| *n > 0);
                if kinds.is_empty() {
                    self.names.remove(&family.name);
                }
            }
            for metric in &family.metrics {
                let hash = series_hash(&family.name, &metric.labels);
                if let Some(n) = self.series.get_mut(&hash) {
                    *n -= 1;
                    if *n == 0 {
                        self.series.remove(&hash);
                    }
                }
            }
        }
    }

    /// Whether `families` could stand beside what is counted here and the program's `own` families. They must not be counted yet.
    ///
    /// # Errors
    /// Pushgateway's text.
    pub(super) fn check<'a>(
        &self,
        families: impl Iterator<Item = &'a Family> + Clone,
        own: &[OwnFamily],
    ) -> Result<(), String> {
        let mut new: BTreeMap<&str, MetricType> = BTreeMap::new();
        let mut seen: HashMap<u64, u32> = HashMap::new();
        let mut conflicts = Vec::new();
        new.extend(families.clone().map(|family| (family.name.as_str(), family.kind)));
        for family in families {
            let n = conflicts.len();
            self.check_type(family, own, &mut conflicts);
            let known = |name: &str| self.kind(name, own).or_else(|| new.get(name).copied());
            conflicts.extend(suffix_conflict(&family.name, family.kind, known));
            if conflicts.len() > n {
                continue;
            }
            for metric in &family.metrics {
                let hash = series_hash(&family.name, &metric.labels);
                let before = seen.entry(hash).or_default();
                *before += 1;
                let shown = || show::metric(metric, family.kind);
                let name = quote(&family.name);
                if *before > 1 || self.series.contains_key(&hash) {
                    conflicts.push(format!(
                        "collected metric {name} {{ {}}} was collected before with the same name and label values",
                        shown()
                    ));
                }
                if let Some((label, _)) = metric.labels.iter().find(|(l, _)| l.starts_with("__")) {
                    conflicts.push(format!(
                        "collected metric {name} {{ {}}} has a label with an invalid name: {label}",
                        shown()
                    ));
                }
                if family.kind == MetricType::Summary && metric.labels.get("quantile").is_some() {
                    conflicts.push(format!(
                        "collected metric {name} {{ {}}} must not have an explicit \"quantile\" label",
                        shown()
                    ));
                }
            }
        }
        joined(conflicts)
    }

    fn kind(&self, name: &str, own: &[OwnFamily]) -> Option<MetricType> {
        let pushed = self.names.get(name).and_then(|kinds| kinds.first()).map(|(kind, _)| *kind);
        pushed.or_else(|| own.iter().find(|one| one.name == name).map(|one| one.kind))
    }

    fn check_type(&self, family: &Family, own: &[OwnFamily], conflicts: &mut Vec<String>) {
        if let Some(ours) = own.iter().find(|one| one.name == family.name)
            && ours.kind != family.kind
        {
            conflicts.push(format!(
                "gathered metric family {} has type {} but should have {}",
                family.name,
                show::type_name(family.kind),
                show::type_name(ours.kind)
            ));
            return;
        }
        let Some(kinds) = self.names.get(&family.name) else { return };
        if let Some((kind, _)) = kinds.iter().find(|(kind, _)| *kind != family.kind) {
            conflicts.extend(family.metrics.iter().map(|metric| {
                format!(
                    "collected metric {} {{ {}}} is not a {}",
                    quote(&family.name),
                    show::metric(metric, family.kind),
                    show::type_name(*kind)
                )
            }));
        }
    }
}

/// Whether the series of a summary or histogram would be those of another family.
fn suffix_conflict(
    name: &str,
    kind: MetricType,
    known: impl Fn(&str) -> Option<MetricType>,
) -> Option<String> {
    for suffix in ["_count", "_sum", "_bucket"] {
        let Some(stem) = name.strip_suffix(suffix) else { continue };
        let what = match known(stem) {
            Some(MetricType::Summary) if suffix != "_bucket" => "summary",
            Some(MetricType::Histogram) => "histogram",
            Some(_) | None => continue,
        };
        let (name, stem) = (quote(name), quote(stem));
        return Some(format!(
            "collected metric named {name} collides with previously collected {what} named {stem}"
        ));
    }
    let (suffixes, what): (&[&str], _) = match kind {
        MetricType::Histogram => (&["_count", "_sum", "_bucket"], "histogram"),
        MetricType::Summary => (&["_count", "_sum"], "summary"),
        MetricType::Counter
        | MetricType::Gauge
        | MetricType::GaugeHistogram
        | MetricType::Info
        | MetricType::StateSet
        | MetricType::Unknown => return None,
    };
    let taken =
        suffixes.iter().map(|suffix| format!("{name}{suffix}")).find(|one| known(one).is_some())?;
    let (name, taken) = (quote(name), quote(&taken));
    Some(format!(
        "collected metric named {taken} collides with previously collected {what} named {name}"
    ))
}

fn joined(mut conflicts: Vec<String>) -> Result<(), String> {
    conflicts.dedup();
    match conflicts.len() {
        0 => Ok(()),
        1 => Err(conflicts.remove(0)),
        n => {
            let mut text = format!("{n} error(s) occurred:");
            for one in conflicts.iter().take(CONFLICTS_SHOWN_MAX) {
                text.push_str("\n* ");
                text.push_str(one);
            }
            if n > CONFLICTS_SHOWN_MAX {
                text.push_str(&format!("\n* and {} more", n - CONFLICTS_SHOWN_MAX));
            }
            Err(text)
        }
    }
}

fn series_hash(name: &str, labels: &Grouping) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(name.as_bytes());
    for (name, value) in labels.iter() {
        // No byte of UTF-8.
        hasher.update(&[0xff]);
        hasher.update(name.as_bytes());
        hasher.update(&[0xff]);
        hasher.update(value.as_bytes());
    }
    hasher.digest()
}
