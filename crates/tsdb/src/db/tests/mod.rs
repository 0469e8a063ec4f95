//! Tests of the database as a whole.

mod crash;
mod kinds;
mod random;
mod rules;
mod threads;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::labels::Labels;
use model::matcher::{MatchOp, Matcher};
use model::port::{AppendError, Appendable, Durability, Queryable, SelectHints, SeriesRef};
use model::sample::Samples;
use stdx::clock::{Clock, SimClock};
use stdx::fs::Fs;
use stdx::fs::real::RealFs;
use stdx::metrics::Registry;

use super::{Db, Options};

/// A folder that is removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("mangru-db-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&dir));
        Self(dir)
    }

    fn open(&self, options: Options) -> Arc<Db> {
        open_on(Arc::new(RealFs), &self.0, options)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn open_on(fs: Arc<dyn Fs>, dir: &Path, options: Options) -> Arc<Db> {
    let clock = Arc::new(SimClock::at(1_000_000));
    Db::open(fs, clock, dir, options, &Registry::default()).unwrap()
}

fn labels(text: &str) -> Labels {
    Labels::from_pairs(text.split(',').map(|pair| pair.split_once('=').unwrap()))
}

/// Appends `series@t=v` samples, separated by blanks, in one commit; tells the refusals.
fn put(db: &Db, text: &str) -> Vec<AppendError> {
    let mut appender = db.appender();
    let mut refused = Vec::new();
    for one in text.split_whitespace() {
        let (series, sample) = one.split_once('@').unwrap();
        let (t, v) = sample.split_once('=').unwrap();
        let make = || labels(series);
        let (t, v) = (t.parse().unwrap(), v.parse().unwrap());
        refused.extend(appender.append(SeriesRef(0), &make, t, v).err());
    }
    appender.commit(Durability::Synced).unwrap();
    refused
}

/// All samples of what matches, a line for each series.
fn get(db: &Db, matchers: &[Matcher]) -> String {
    let querier = db.querier(i64::MIN, i64::MAX).unwrap();
    let set = querier.select(&SelectHints::default(), matchers).unwrap();
    let mut out = String::new();
    for i in 0..set.len() {
        let mut samples = Samples::default();
        set.read(i, i64::MIN, i64::MAX, &mut samples).unwrap();
        let pairs: Vec<String> =
            set.labels(i).iter().map(|(name, value)| format!("{name}={value}")).collect();
        out.push_str(&pairs.join(","));
        for (t, v) in samples.ts.iter().zip(&samples.vs) {
            out.push_str(&format!(" {t}={v}"));
        }
        out.push('\n');
    }
    out
}

fn all() -> Vec<Matcher> {
    vec![Matcher::new(MatchOp::Regex, "__name__", ".+").unwrap()]
}
