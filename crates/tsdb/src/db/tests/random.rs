//! The database against a map: random appends, rollbacks, restarts, upkeep, and every kind of matcher.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What is in it, and by which rules samples are taken.
#[derive(Debug, Default)]
struct Model {
    series: BTreeMap<Labels, (Option<i64>, BTreeMap<i64, f64>)>,
    maxt: Option<i64>,
    window_ms: i64,
}

type Batch = Vec<(usize, i64, f64)>;

#[derive(Debug, Clone)]
enum Step {
    Commit(Batch),
    Rollback(Batch),
    Reopen,
    Maintain,
    Query(Vec<usize>),
}

fn names() -> Vec<Labels> {
    let texts = [
        "__name__=a,x=1",
        "__name__=a,x=2",
        "__name__=a,x=12,y=1",
        "__name__=b",
        "__name__=b,y=2",
        "z=1",
    ];
    texts.iter().map(|text| labels(text)).collect()
}

fn matchers() -> Vec<Matcher> {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let all = [
        (Equal, "__name__", "a"),
        (Equal, "x", ""),
        (Equal, "q", "1"),
        (Equal, "q", ""),
        (NotEqual, "__name__", "b"),
        (NotEqual, "x", ""),
        (NotEqual, "q", ""),
        (Regex, "x", "1.*"),
        (Regex, "x", "1|2"),
        (Regex, "x", "1|"),
        (Regex, "y", ".*"),
        (Regex, "y", ".+"),
        (Regex, "__name__", "a|c"),
        (NotRegex, "x", "1.*"),
        (NotRegex, "y", "1|2"),
        (NotRegex, "y", ".+"),
        (NotRegex, "q", ".*"),
    ];
    all.iter().map(|(op, name, value)| Matcher::new(*op, name, value).unwrap()).collect()
}

impl Model {
    /// Prometheus' rules, said over again: the sample is taken, or why not.
    fn judge(
        &self,
        taken: &Batch,
        (i, t, v): (usize, i64, f64),
        bounds: (i64, i64),
    ) -> Result<(), AppendError> {
        let (maxt, min_valid) = bounds;
        let is_in_window = self.window_ms > 0 && t >= maxt - self.window_ms;
        let series = self.series.get(&names()[i]);
        let committed =
            series.and_then(|(newest, samples)| (*newest).zip(samples.get(&(*newest)?).copied()));
        let in_batch = taken.iter().filter(|(have, _, _)| *have == i).map(|(_, t, v)| (*t, *v));
        // Of two at one time the first is stored.
        let newest =
            committed.into_iter().chain(in_batch).reduce(|a, b| if b.0 > a.0 { b } else { a });
        if t >= min_valid || is_in_window {
            match newest {
                None => return Ok(()),
                Some((newest, _)) if t > newest => return Ok(()),
                Some((newest, have)) if t == newest => {
                    return if have == v { Ok(()) } else { Err(AppendError::Duplicate) };
                }
                Some(_) => {}
            }
        }
        let stored = series.and_then(|(_, samples)| samples.get(&t));
        if is_in_window {
            if stored.is_none_or(|have| *have == v) { Ok(()) } else { Err(AppendError::Duplicate) }
        } else if self.window_ms > 0 {
            Err(AppendError::TooOld)
        } else if t < min_valid {
            Err(AppendError::OutOfBounds)
        } else {
            Err(AppendError::OutOfOrder)
        }
    }

    /// False: another value is there at this time and stays.
    fn apply(&mut self, name: &Labels, t: i64, v: f64) -> bool {
        let (newest, samples) = self.series.entry(name.clone()).or_default();
        let have = *samples.entry(t).or_insert(v);
        *newest = (*newest).max(Some(t));
        self.maxt = self.maxt.max(Some(t));
        have == v
    }

    fn expected(&self, matchers: &[Matcher]) -> String {
        let fits =
            |name: &Labels| matchers.iter().all(|m| m.matches(name.get(&m.name).unwrap_or("")));
        let mut out = String::new();
        for (name, (_, samples)) in self.series.iter().filter(|(name, _)| fits(name)) {
            let pairs: Vec<String> = name.iter().map(|(n, v)| format!("{n}={v}")).collect();
            out.push_str(&pairs.join(","));
            samples.iter().for_each(|(t, v)| out.push_str(&format!(" {t}={v}")));
            out.push('\n');
        }
        out
    }
}

fn append(db: &Db, model: &mut Model, batch: &Batch, is_commit: bool) {
    let names = names();
    let mut appender = db.appender();
    let mut taken = Batch::new();
    let mut bounds = None;
    for (i, t, v) in batch {
        let name = &names[*i];
        let maxt = model.maxt.unwrap_or(*t);
        let bounds = *bounds.get_or_insert((maxt, maxt - 3_600_000));
        let expected = model.judge(&taken, (*i, *t, *v), bounds);
        let got = appender.append(SeriesRef(0), &|| name.clone(), *t, *v).map(|_| ());
        assert_eq!(got, expected, "{name:?} at {t}");
        if got.is_ok() {
            taken.push((*i, *t, *v));
        }
    }
    if is_commit {
        let n =
            taken.into_iter().filter(|(i, t, v)| !model.apply(&names[*i], *t, *v)).count() as u64;
        let lost = AppendError::Overtaken { floats: n, histograms: 0 };
        let expected = if n == 0 { Ok(()) } else { Err(lost) };
        assert_eq!(appender.commit(Durability::Synced), expected);
    }
}

fn batch() -> impl Strategy<Value = Batch> {
    let t = prop_oneof![3 => 9_000..9_020_i64, 1 => 0..20_000_i64, 1 => Just(5_000_000_i64)];
    let v = (0_u8..3).prop_map(f64::from);
    prop::collection::vec((0..6_usize, t.prop_map(|t| t * 1000), v), 0..8)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => batch().prop_map(Step::Commit),
        1 => batch().prop_map(Step::Rollback),
        1 => Just(Step::Reopen),
        1 => Just(Step::Maintain),
        4 => prop::collection::vec(0..matchers().len(), 0..4).prop_map(Step::Query),
    ]
}

fn check(window_ms: i64, steps: &[Step]) {
    let sim = stdx::fs::sim::SimFs::new(1);
    let options = Options { out_of_order_window_ms: window_ms, ..Options::default() };
    let clock = Arc::new(SimClock::at(1_000_000));
    let open = || {
        let clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let fs = Arc::new(sim.clone());
        Db::open(fs, clock, Path::new("/d"), options.clone(), &Registry::default()).unwrap()
    };
    let mut model = Model { window_ms, ..Model::default() };
    let mut db = open();
    for step in steps {
        match step {
            Step::Commit(batch) => append(&db, &mut model, batch, true),
            Step::Rollback(batch) => append(&db, &mut model, batch, false),
            Step::Reopen => {
                db.close().unwrap();
                drop(db);
                db = open();
                assert_eq!(db.damage(), [""; 0]);
            }
            Step::Maintain => {
                clock.advance(crate::db::maintain::CHECKPOINT_INTERVAL);
                db.maintain();
            }
            Step::Query(picked) => {
                let all = matchers();
                let picked: Vec<Matcher> = picked.iter().map(|i| all[*i].clone()).collect();
                assert_eq!(get(&db, &picked), model.expected(&picked), "{picked:?}");
            }
        }
    }
    assert_eq!(get(&db, &[]), model.expected(&[]));
    assert_eq!(
        db.querier(i64::MIN, i64::MAX).unwrap().label_names(&[]).unwrap(),
        label_names(&model)
    );
}

fn label_names(model: &Model) -> Vec<String> {
    let names = model.series.keys().flat_map(|name| name.iter().map(|(n, _)| n.to_owned()));
    names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::seeds::seeds(24)))]

    #[test]
    fn the_database_is_a_map(
        window in prop_oneof![Just(0), Just(60_000), Just(100_000_000_000)],
        steps in prop::collection::vec(step(), 1..20),
    ) {
        check(window, &steps);
    }
}
