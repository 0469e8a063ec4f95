//! Power cuts on the simulated disk, against a model: what was acknowledged is there, exactly once, and nothing else but whole batches that were
//! on their way.
//!
//! `MANGRU_SEEDS` says how many seeds are run.

use std::collections::BTreeMap;
use std::time::Duration;

use stdx::fs::sim::Plan;
use stdx::rand::Rng;

use super::*;

/// Identifier to source.
type Documents = BTreeMap<String, String>;

/// What a batch does: identifier (empty: one is made), and source, or none for a deletion.
type Batch = Vec<(String, Option<String>)>;

struct Run {
    rng: Rng,
    sim: SimFs,
    clock: Arc<SimClock>,
    /// What is there for certain.
    known: Documents,
    /// A batch that was not acknowledged, and may be there or not.
    open: Option<Batch>,
    n: u64,
}

impl Run {
    fn options(&self) -> Options {
        let clock = Arc::clone(&self.clock) as Arc<dyn stdx::clock::Clock>;
        let mut options = Options { clock, ..options(&self.sim) };
        options.limits.freeze_bytes = 700;
        options.limits.log_bytes = 20_000;
        options.limits.wal.file_bytes = 2_000;
        options
    }

    fn open(&self) -> Option<Arc<Store>> {
        match Store::open(self.options()) {
            Ok((store, report)) => {
                assert_eq!(report.damage, Vec::<String>::new());
                Some(store)
            }
            Err(error) => {
                // Opening writes, too: it may be refused as any other write.
                assert!(self.sim.is_off() || error.to_string().contains("I/O"), "{error}");
                None
            }
        }
    }

    fn batch(&mut self) -> Batch {
        let mut batch = Batch::new();
        for _ in 0..=self.rng.below(6) {
            self.n += 1;
            let id = if self.rng.one_in(2) { String::new() } else { self.rng.below(9).to_string() };
            if !id.is_empty() && self.rng.one_in(4) {
                batch.push((id, None));
                continue;
            }
            let day = 1 + self.rng.below(3);
            let (n, field) = (self.n, self.rng.below(4));
            let time = format!("2026-11-0{day}T00:00:00.000Z");
            batch.push((
                id,
                Some(format!("{{\"@timestamp\":\"{time}\",\"n\":{n},\"f{field}\":\"x\"}}")),
            ));
        }
        batch
    }

    /// Writes a batch; `false` when the power is off.
    fn write(&mut self, store: &Store) -> bool {
        let Some(index) = store.index("a") else { return false };
        let batch = self.batch();
        let writes: Vec<Write<'_>> = batch
            .iter()
            .map(|(id, source)| {
                let op = if source.is_some() { Op::Index } else { Op::Delete };
                let id = Some(id.as_str()).filter(|id| !id.is_empty());
                write(&index, op, id, source.as_deref().unwrap_or_default())
            })
            .collect();
        match store.write(&writes) {
            Ok(outcomes) => {
                for (outcome, (_, source)) in outcomes.iter().zip(&batch) {
                    let Outcome::Done { id, .. } = outcome else { panic!("{outcome:?}") };
                    match source {
                        Some(source) => self.known.insert(id.clone(), source.clone()),
                        None => self.known.remove(id),
                    };
                }
                assert_eq!(all(&index), self.known, "searchable when acknowledged");
                true
            }
            Err(_) if self.sim.is_off() => {
                self.open = Some(batch);
                false
            }
            Err(_) => {
                // The disk has refused: nothing of the batch is there, now or later.
                assert_eq!(all(&index), self.known, "refused, wholly");
                true
            }
        }
    }

    /// After a crash: what was acknowledged is there, and the batch that was on its way wholly or not at all.
    fn check(&mut self, index: &Index) {
        let found = all(index);
        let batch = self.open.take().unwrap_or_default();
        if found == self.known {
            return;
        }
        let mut with = self.known.clone();
        for (id, source) in &batch {
            match source {
                Some(source) if id.is_empty() => {
                    // A made identifier is known by its document.
                    let made = found.iter().find(|(_, have)| *have == source);
                    with.extend(made.map(|(id, have)| (id.clone(), have.clone())));
                }
                Some(source) => {
                    with.insert(id.clone(), source.clone());
                }
                None => {
                    with.remove(id);
                }
            }
        }
        assert_eq!(found, with, "all of the batch on its way, or nothing");
        let made = batch.iter().filter(|(id, source)| id.is_empty() && source.is_some());
        for (_, source) in made {
            assert!(found.values().any(|have| Some(have) == source.as_ref()), "by half");
        }
        self.known = found;
    }
}

fn run(seed: u64) {
    let mut run = Run {
        rng: Rng::new(seed ^ 0x106),
        sim: SimFs::new(seed),
        clock: Arc::new(SimClock::at(1_795_000_000_000)),
        known: Documents::new(),
        open: None,
        n: 0,
    };
    let store = run.open().unwrap();
    store.create("a", Settings::new(), Mapping::default()).unwrap();
    drop(store);
    for _ in 0..4 {
        let (ops, ..) = run.sim.counts();
        let at = ops + run.rng.below(400);
        let mut plan = Plan { power_off_at_op: Some(at), ..Plan::default() };
        let (_, writes, syncs) = run.sim.counts();
        for _ in 0..run.rng.below(4) {
            plan.failing_writes.insert(writes + 20 + run.rng.below(200));
            plan.failing_syncs.insert(syncs + 20 + run.rng.below(100));
        }
        run.sim.set_plan(plan);
        if let Some(store) = run.open() {
            run.check(&store.index("a").unwrap());
            for _ in 0..60 {
                run.clock.advance(Duration::from_secs(1));
                if run.rng.one_in(3) {
                    // The disk may be off; the next write tells.
                    drop(store.maintain());
                }
                if run.rng.one_in(15) {
                    drop(store.flush(None));
                }
                if !run.write(&store) {
                    break;
                }
            }
        }
        run.sim.crash();
        let store = run.open().unwrap();
        let index = store.index("a").unwrap();
        run.check(&index);
        for (id, source) in &run.known {
            let have = index.get(id).unwrap().map(|document| document.source);
            assert_eq!(have.as_deref(), Some(source.as_bytes()), "get {id}");
        }
        assert_eq!(index.count(), run.known.len() as u64);
        while store.maintain().unwrap() {}
        assert_eq!(all(&index), run.known, "after upkeep");
    }
}

#[test]
fn what_is_acknowledged_survives_power_cuts() {
    let seeds = std::env::var("MANGRU_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(4) {
        let ran = std::panic::catch_unwind(|| run(seed));
        assert!(ran.is_ok(), "seed {seed}");
    }
}
