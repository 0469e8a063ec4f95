//! Exemplars: a ring of fixed size, oldest first out.

use std::collections::VecDeque;

use model::exemplar::Exemplar;
use model::port::AppendError;

use super::postings::IdMap;

/// Longest label set of an exemplar, in characters of names and values.
pub(crate) const EXEMPLAR_LABEL_CHARS_MAX: usize = 128;

#[derive(Debug)]
struct Entry {
    id: u32,
    exemplar: Exemplar,
}

/// The ring. Capacity 0 keeps none.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    capacity: usize,
    ring: VecDeque<Entry>,
    /// The newest exemplar of each series that has one in the ring, and how many it has there.
    newest: IdMap<(Exemplar, usize)>,
    /// Ever added.
    pub(crate) appended: u64,
}

impl Exemplars {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Whether the series may get `exemplar`: times increase, and at one time values do, and at one value label hashes.
    ///
    /// # Errors
    /// [`AppendError::OutOfOrderExemplar`], [`AppendError::DuplicateExemplar`], [`AppendError::Labels`] for long labels.
    pub(crate) fn check(&self, id: u32, exemplar: &Exemplar) -> Result<(), AppendError> {
        let chars = |text: &str| text.chars().count();
        let n: usize = exemplar.labels.iter().map(|(n, v)| chars(n) + chars(v)).sum();
        if n > EXEMPLAR_LABEL_CHARS_MAX {
            let text = "label length for exemplar exceeds maximum of 128 UTF-8 characters";
            return Err(AppendError::Labels(text.to_owned()));
        }
        let Some((newest, _)) = self.newest.get(&id) else { return Ok(()) };
        if newest.t == exemplar.t
            && newest.value.to_bits() == exemplar.value.to_bits()
            && newest.labels == exemplar.labels
        {
            return Err(AppendError::DuplicateExemplar);
        }
        let is_older = exemplar.t < newest.t
            || exemplar.t == newest.t
                && (exemplar.value < newest.value
                    || exemplar.value == newest.value
                        && exemplar.labels.hash64() < newest.labels.hash64());
        if is_older { Err(AppendError::OutOfOrderExemplar) } else { Ok(()) }
    }

    pub(crate) fn push(&mut self, id: u32, exemplar: Exemplar) {
        if self.capacity == 0 || self.check(id, &exemplar).is_err() {
            return;
        }
        if self.ring.len() == self.capacity
            && let Some(gone) = self.ring.pop_front()
        {
            self.release(gone.id);
        }
        let newest = self.newest.entry(id).or_insert_with(|| (exemplar.clone(), 0));
        newest.0 = exemplar.clone();
        newest.1 += 1;
        self.ring.push_back(Entry { id, exemplar });
        self.appended += 1;
    }

    fn release(&mut self, id: u32) {
        if let Some((_, n)) = self.newest.get_mut(&id) {
            *n -= 1;
            if *n == 0 {
                self.newest.remove(&id);
            }
        }
    }

    /// Forgets a series that is gone.
    pub(crate) fn forget(&mut self, id: u32) {
        if self.newest.remove(&id).is_some() {
            self.ring.retain(|entry| entry.id != id);
        }
    }

    /// All exemplars in the order of their arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Exemplar)> {
        self.ring.iter().map(|entry| (entry.id, &entry.exemplar))
    }

    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    pub(crate) fn n_series(&self) -> usize {
        self.newest.len()
    }
}

#[cfg(test)]
mod tests {
    use model::labels::Labels;

    use super::*;

    fn exemplar(t: i64, value: f64, id: &str) -> Exemplar {
        Exemplar { labels: Labels::from_pairs([("trace_id", id)]), value, t: Some(t) }
    }

    #[test]
    fn order_duplicates_and_the_end_of_the_ring() {
        let mut ring = Exemplars::new(3);
        ring.push(1, exemplar(10, 1.0, "a"));
        assert_eq!(ring.check(1, &exemplar(10, 1.0, "a")), Err(AppendError::DuplicateExemplar));
        assert_eq!(ring.check(1, &exemplar(9, 5.0, "b")), Err(AppendError::OutOfOrderExemplar));
        assert_eq!(ring.check(1, &exemplar(10, 0.5, "b")), Err(AppendError::OutOfOrderExemplar));
        assert_eq!(ring.check(1, &exemplar(10, 2.0, "b")), Ok(()));
        assert_eq!(ring.check(2, &exemplar(9, 2.0, "b")), Ok(()));
        for t in 11..14 {
            ring.push(2, exemplar(t, 0.0, "c"));
        }
        assert_eq!((ring.len(), ring.n_series()), (3, 1));
        assert_eq!(ring.check(1, &exemplar(1, 1.0, "a")), Ok(()));
        ring.forget(2);
        assert_eq!(ring.len(), 0);
    }

    #[test]
    fn labels_at_the_bound_and_one_past_it() {
        let ring = Exemplars::new(1);
        // `trace_id` takes 8 of the characters.
        assert_eq!(ring.check(1, &exemplar(1, 1.0, &"한".repeat(120))), Ok(()));
        let long = ring.check(1, &exemplar(1, 1.0, &"한".repeat(121)));
        assert!(matches!(long, Err(AppendError::Labels(_))), "{long:?}");
    }
}
