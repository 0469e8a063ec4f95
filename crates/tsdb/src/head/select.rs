//! Which series satisfy matchers: sets of ids out of the postings.
//!
//! Matchers that name values are answered first, cheapest first; broad ones are tested on what is left, through their label's values or,
//! when there are fewer series than values, series by series.

use std::collections::BTreeSet;

use model::matcher::{MatchOp, Matcher};

use super::Head;
use super::postings::{IdMap, List, intersect, subtract};
use super::read::View;
use super::slot::BORN;

/// Ids ascending.
type Ids = Vec<u32>;

impl Head {
    /// The visible series that satisfy all `matchers`, ascending by id.
    pub(crate) fn matching(&self, matchers: &[Matcher]) -> Ids {
        let mut found: Option<Ids> = None;
        let mut later: Vec<&Matcher> = Vec::new();
        let mut exact: Vec<(usize, Ids)> = Vec::new();
        for matcher in matchers {
            match self.exact(matcher) {
                Some(ids) => exact.push((ids.len(), ids)),
                None => later.push(matcher),
            }
        }
        exact.sort_by_key(|(n, _)| *n);
        for (_, ids) in exact {
            match &mut found {
                None => found = Some(ids),
                Some(found) => intersect(found, &ids),
            }
        }
        // Of those that are left, one that demands a value narrows the start; the others only take away.
        if found.is_none()
            && let Some(at) = later.iter().position(|matcher| !matcher.matches(""))
        {
            found = Some(self.by_values(later.remove(at)));
        }
        let mut found = found.unwrap_or_else(|| self.all());
        for matcher in later {
            if found.is_empty() {
                break;
            }
            self.narrow(&mut found, matcher);
        }
        found
    }

    pub(super) fn all(&self) -> Ids {
        let n = u32::try_from(self.slots.len()).expect("slot ids are u32");
        (0..n).filter(|id| self.slots[*id as usize].has(BORN)).collect()
    }

    /// The series of a matcher that names its values and does not take the empty one.
    fn exact(&self, matcher: &Matcher) -> Option<Ids> {
        let values: &[String] = match matcher.op {
            MatchOp::Equal => std::slice::from_ref(&matcher.value),
            MatchOp::Regex => matcher.set_matches()?,
            MatchOp::NotEqual | MatchOp::NotRegex => return None,
        };
        if values.iter().any(String::is_empty) {
            return None;
        }
        let Some(lists) = self.lists(&matcher.name) else { return Some(Ids::new()) };
        let ids = values.iter().filter_map(|value| self.symbols.find(value));
        Some(union(ids.filter_map(|id| lists.get(&id))))
    }

    fn lists(&self, name: &str) -> Option<&IdMap<List>> {
        self.postings.values(self.symbols.find(name)?)
    }

    /// The series whose value of the label satisfies the matcher; those without the label are not among them.
    fn by_values(&self, matcher: &Matcher) -> Ids {
        let Some(lists) = self.lists(&matcher.name) else { return Ids::new() };
        let fits = |id: u32| matcher.matches(self.symbols.get(id));
        union(lists.iter().filter(|(id, _)| fits(**id)).map(|(_, list)| list))
    }

    /// Takes out of `found` what the matcher refuses.
    fn narrow(&self, found: &mut Ids, matcher: &Matcher) {
        let Some(name) = self.symbols.find(&matcher.name) else {
            if !matcher.matches("") {
                found.clear();
            }
            return;
        };
        let Some(lists) = self.postings.values(name) else {
            if !matcher.matches("") {
                found.clear();
            }
            return;
        };
        if found.len() <= lists.len() {
            found.retain(|id| {
                let value = self.sets.value(self.cold[*id as usize].set, name);
                matcher.matches(value.map_or("", |value| self.symbols.get(value)))
            });
            return;
        }
        if matcher.matches("") {
            let refused = |id: u32| !matcher.matches(self.symbols.get(id));
            let ids = union(lists.iter().filter(|(id, _)| refused(**id)).map(|(_, list)| list));
            subtract(found, &ids);
        } else {
            intersect(found, &self.by_values(matcher));
        }
    }

    /// Distinct label names of the series that satisfy `matchers` and may have samples in the view, sorted.
    pub(crate) fn label_names(&self, matchers: &[Matcher], view: Option<&View>) -> Vec<String> {
        let ids: BTreeSet<u32> = if matchers.is_empty() {
            let names = self.postings.names();
            let has = |lists: &IdMap<List>| lists.values().any(|list| self.any_has(list, view));
            names.filter(|(_, lists)| has(lists)).map(|(name, _)| name).collect()
        } else {
            let found = self.matching_in(matchers, view);
            found.iter().flat_map(|id| self.pairs(*id)).map(|(name, _)| name).collect()
        };
        self.sorted(ids)
    }

    /// Distinct values of `name` among those series, sorted.
    pub(crate) fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        view: Option<&View>,
    ) -> Vec<String> {
        let Some(number) = self.symbols.find(name) else { return Vec::new() };
        let ids: BTreeSet<u32> = if matchers.is_empty() {
            let lists = self.postings.values(number);
            let all = lists.into_iter().flatten();
            all.filter(|(_, list)| self.any_has(list, view)).map(|(value, _)| *value).collect()
        } else {
            let found = self.matching_in(matchers, view);
            let set = |id: &u32| self.cold[*id as usize].set;
            found.iter().filter_map(|id| self.sets.value(set(id), number)).collect()
        };
        self.sorted(ids)
    }

    fn matching_in(&self, matchers: &[Matcher], view: Option<&View>) -> Ids {
        let mut found = self.matching(matchers);
        if let Some(view) = view {
            found.retain(|id| self.may_have(*id, view));
        }
        found
    }

    /// Whether a series of the list may have samples in the view.
    fn any_has(&self, list: &List, view: Option<&View>) -> bool {
        let Some(view) = view else { return true };
        let mut ids = Ids::new();
        list.read(&mut ids);
        ids.iter().any(|id| self.may_have(*id, view))
    }

    fn sorted(&self, ids: BTreeSet<u32>) -> Vec<String> {
        let mut words: Vec<String> =
            ids.into_iter().map(|id| self.symbols.get(id).to_owned()).collect();
        words.sort_unstable();
        words
    }
}

/// What is in any of the lists, ascending.
fn union<'a>(lists: impl Iterator<Item = &'a List>) -> Ids {
    let mut ids = Ids::new();
    let mut n = 0;
    for list in lists {
        list.read(&mut ids);
        n += 1;
    }
    if n > 1 {
        ids.sort_unstable();
        ids.dedup();
    }
    ids
}
