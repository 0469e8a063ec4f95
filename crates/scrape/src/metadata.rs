//! What a target's families say of themselves, kept for the API while they are exposed and a little longer.

use std::collections::HashMap;

use model::metadata::{Metadata, MetricType};

/// Scrapes that a family is remembered for after it vanished.
const KEPT_SCRAPES: u64 = 10;

#[derive(Debug, Clone, Default)]
struct Family {
    metadata: Metadata,
    seen: u64,
}

/// Families by name.
#[derive(Debug, Default)]
pub(crate) struct MetadataStore {
    families: HashMap<String, Family>,
    scrape: u64,
}

impl MetadataStore {
    pub(crate) fn set_kind(&mut self, name: &str, kind: MetricType) {
        let family = self.family(name);
        if family.metadata.kind != kind {
            family.metadata.kind = kind;
        }
    }

    pub(crate) fn set_help(&mut self, name: &str, help: &str) {
        let family = self.family(name);
        if family.metadata.help != help {
            help.clone_into(&mut family.metadata.help);
        }
    }

    pub(crate) fn set_unit(&mut self, name: &str, unit: &str) {
        let family = self.family(name);
        if family.metadata.unit != unit {
            unit.clone_into(&mut family.metadata.unit);
        }
    }

    fn family(&mut self, name: &str) -> &mut Family {
        let (scrape, fresh) = (self.scrape, !self.families.contains_key(name));
        if fresh {
            self.families.insert(name.to_owned(), Family::default());
        }
        let family = self.families.get_mut(name).expect("it was put there");
        family.seen = scrape;
        family
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Metadata> {
        self.families.get(name).map(|family| &family.metadata)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Metadata)> {
        self.families.iter().map(|(name, family)| (name.as_str(), &family.metadata))
    }

    pub(crate) fn len(&self) -> usize {
        self.families.len()
    }

    /// Bytes of all texts.
    pub(crate) fn bytes(&self) -> usize {
        let of = |m: &Metadata| m.help.len() + m.unit.len() + m.kind.as_str().len();
        self.families.values().map(|family| of(&family.metadata)).sum()
    }

    /// Ends a scrape; after a good one, what vanished long ago is forgotten.
    pub(crate) fn end(&mut self, good: bool) {
        if good {
            let scrape = self.scrape;
            self.families.retain(|_, family| scrape - family.seen <= KEPT_SCRAPES);
        }
        self.scrape += 1;
    }
}

/// Whether a metric belongs to a family of that name and kind: texts may leave `# TYPE` out, or put it elsewhere.
pub(crate) fn is_part_of_family(metric: &str, family: &str, kind: MetricType) -> bool {
    let (family, endings): (&str, &[&str]) = match kind {
        MetricType::Counter => (family.strip_suffix("_total").unwrap_or(family), &["_total"]),
        MetricType::Histogram => (family, &["_bucket", "_sum", "_count"]),
        MetricType::GaugeHistogram => (family, &["_bucket", "_gsum", "_gcount"]),
        MetricType::Summary => (family, &["_sum", "_count"]),
        MetricType::Info => (family.strip_suffix("_info").unwrap_or(family), &["_info"]),
        MetricType::Gauge | MetricType::StateSet | MetricType::Unknown => (family, &[]),
    };
    let base = endings.iter().find_map(|ending| metric.strip_suffix(ending)).unwrap_or(metric);
    base == family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_kept_for_ten_scrapes_after_it_vanished() {
        let mut store = MetadataStore::default();
        store.set_help("a", "text");
        store.set_kind("a", MetricType::Counter);
        for _ in 0..=KEPT_SCRAPES {
            store.end(true);
        }
        assert_eq!((store.len(), store.bytes()), (1, 11));
        assert_eq!(store.get("a").unwrap().help, "text");
        store.end(true);
        assert_eq!(store.len(), 0);
    }

    #[test]
    fn families() {
        use MetricType::{Counter, Gauge, Histogram, Info, Summary};
        for (metric, family, kind, part) in [
            ("a_total", "a", Counter, true),
            ("a_total", "a_total", Counter, true),
            ("a_bucket", "a", Histogram, true),
            ("a_max", "a", Histogram, false),
            ("a_sum", "a", Summary, true),
            ("a_info", "a", Info, true),
            ("a", "a", Gauge, true),
            ("ab", "a", Gauge, false),
        ] {
            assert_eq!(is_part_of_family(metric, family, kind), part, "{metric} {family}");
        }
    }
}
