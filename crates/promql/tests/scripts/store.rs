//! An in-memory storage for scripts.

use std::collections::BTreeMap;

use model::labels::Labels;
use model::matcher::Matcher;
use model::port::{Querier, Queryable, ReadError, SelectHints, SeriesSet};
use model::sample::{Samples, Value};

/// Series in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Store {
    series: Vec<(Labels, BTreeMap<i64, Value>)>,
}

impl Store {
    pub(crate) fn put(&mut self, labels: &Labels, t: i64, value: Value) {
        let at = self.series.iter().position(|(have, _)| have == labels).unwrap_or_else(|| {
            self.series.push((labels.clone(), BTreeMap::new()));
            self.series.len() - 1
        });
        self.series[at].1.insert(t, value);
    }
}

impl Queryable for Store {
    fn querier(&self, mint: i64, maxt: i64) -> Result<Box<dyn Querier + '_>, ReadError> {
        Ok(Box::new(View { store: self, mint, maxt }))
    }
}

struct View<'a> {
    store: &'a Store,
    mint: i64,
    maxt: i64,
}

impl Querier for View<'_> {
    fn select<'a>(
        &'a self,
        _hints: &SelectHints,
        matchers: &[Matcher],
    ) -> Result<Box<dyn SeriesSet + 'a>, ReadError> {
        let fits = |labels: &Labels| {
            matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or("")))
        };
        let picked =
            (0..self.store.series.len()).filter(|&i| fits(&self.store.series[i].0)).collect();
        Ok(Box::new(Selection { view: self, picked }))
    }

    fn label_names(&self, _matchers: &[Matcher]) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _name: &str, _matchers: &[Matcher]) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }
}

struct Selection<'a> {
    view: &'a View<'a>,
    picked: Vec<usize>,
}

impl SeriesSet for Selection<'_> {
    fn len(&self) -> usize {
        self.picked.len()
    }

    fn labels(&self, i: usize) -> Labels {
        self.view.store.series[self.picked[i]].0.clone()
    }

    fn read(&self, i: usize, mint: i64, maxt: i64, out: &mut Samples) -> Result<(), ReadError> {
        // The engine must not look outside of what it asked for at first.
        assert!(
            mint >= self.view.mint && maxt <= self.view.maxt,
            "read beyond the querier's range"
        );
        if mint > maxt {
            return Ok(());
        }
        for (&t, value) in self.view.store.series[self.picked[i]].1.range(mint..=maxt) {
            match value {
                Value::Float(v) => {
                    out.ts.push(t);
                    out.vs.push(*v);
                }
                Value::Histogram(h) => out.hs.push((t, h.clone())),
            }
        }
        Ok(())
    }
}
