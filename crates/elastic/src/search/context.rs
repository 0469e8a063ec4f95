//! What is kept between requests: scrolls and points in time.

use std::collections::BTreeMap;
use std::sync::Arc;

use logs::search::Target;

use super::body::Ask;
use super::run::Look;
use crate::error::Error;

/// Most scrolls and points in time that are open at once (`search.max_open_scroll_context`).
pub(crate) const OPEN_MAX: usize = 500;
/// Longest time that one is kept (`search.max_keep_alive`): a day.
pub(crate) const KEEP_MS_MAX: i64 = 24 * 3_600_000;

/// A search that goes on.
#[derive(Debug)]
pub(crate) struct Scroll {
    pub(crate) ask: Ask,
    pub(crate) look: Look,
}

/// Indices as they were.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) targets: Arc<Vec<Target>>,
    pub(crate) expires_ms: i64,
    pub(crate) keep_ms: i64,
    pub(crate) created_ms: i64,
    /// `None` for a point in time. Taken out while a page is being looked for.
    pub(crate) scroll: Option<Scroll>,
    pub(crate) is_pit: bool,
}

/// All of them, by identifier.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    open: BTreeMap<String, Open>,
    next: u64,
}

impl Contexts {
    /// Forgets what is over.
    pub(crate) fn sweep(&mut self, now_ms: i64) {
        self.open.retain(|_, open| open.expires_ms > now_ms);
    }

    /// Keeps `open`; its identifier.
    pub(crate) fn add(&mut self, open: Open, now_ms: i64) -> Result<String, Error> {
        self.sweep(now_ms);
        if self.open.len() >= OPEN_MAX {
            return Err(Error::new(
                429,
                "rejected_execution_exception",
                format!(
                    "Trying to create too many scroll contexts. Must be less than or equal to: [{OPEN_MAX}]. This limit can be set by changing the [search.max_open_scroll_context] setting."
                ),
            ));
        }
        self.next += 1;
        // Unlike the identifiers of another run, which clients may still have.
        let kind = if open.is_pit { "pit" } else { "scroll" };
        let id = format!("{kind}_{:x}_{:x}", open.created_ms, self.next);
        self.open.insert(id.clone(), open);
        Ok(id)
    }

    pub(crate) fn get(&mut self, id: &str, now_ms: i64) -> Option<&mut Open> {
        self.sweep(now_ms);
        self.open.get_mut(id)
    }

    /// Forgets one; whether it was there.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.open.remove(id).is_some()
    }

    /// Forgets all points in time, or all scrolls; their identifiers.
    pub(crate) fn remove_all(&mut self, pits: bool) -> Vec<String> {
        let ids: Vec<String> = self
            .open
            .iter()
            .filter(|(_, open)| open.is_pit == pits)
            .map(|(id, _)| id.clone())
            .collect();
        for id in &ids {
            self.open.remove(id);
        }
        ids
    }

    /// All points in time.
    pub(crate) fn pits(&self) -> impl Iterator<Item = (&String, &Open)> {
        self.open.iter().filter(|(_, open)| open.is_pit)
    }
}

/// How long something is kept, from `1m`.
pub(crate) fn keep_ms(text: &str) -> Result<i64, Error> {
    let ms = super::aggs::duration_ms(text).filter(|ms| *ms > 0).ok_or_else(|| {
        Error::illegal(format!("failed to parse setting [scroll] with value [{text}] as a time value: unit is missing or unrecognized"))
    })?;
    if ms > KEEP_MS_MAX {
        return Err(Error::illegal(format!(
            "Keep alive for request ({text}) is too large. It must be less than (1d). This limit can be set by changing the [search.max_keep_alive] cluster level setting."
        )));
    }
    Ok(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(expires_ms: i64) -> Open {
        let (targets, scroll) = (Arc::default(), None);
        Open { targets, expires_ms, keep_ms: 1, created_ms: 0, scroll, is_pit: true }
    }

    #[test]
    fn contexts_are_bounded_and_end() {
        let mut contexts = Contexts::default();
        for _ in 0..OPEN_MAX {
            contexts.add(open(10), 0).unwrap();
        }
        assert_eq!(contexts.add(open(10), 0).unwrap_err().status, 429);
        let id = contexts.add(open(20), 10).unwrap();
        assert!(contexts.get(&id, 19).is_some());
        assert!(contexts.get(&id, 20).is_none());
    }

    #[test]
    fn keeping_is_bounded() {
        assert_eq!(keep_ms("24h").unwrap(), KEEP_MS_MAX);
        assert!(keep_ms("1440m").is_ok());
        assert!(keep_ms("1441m").is_err());
        assert!(keep_ms("10").is_err());
    }
}
