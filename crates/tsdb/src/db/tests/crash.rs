//! Power cuts on the simulated disk: what was acknowledged is there, nothing is made up, no batch is there by half.
//!
//! `MANGRU_SEEDS` says how many seeds are run.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use stdx::fs::sim::{Plan, SimFs};
use stdx::fs::{DirEntry, File, Lock, OpenMode};
use stdx::rand::Rng;

use crate::db::maintain;

use super::*;

const DIR: &str = "/data";
const SERIES: u64 = 6;

/// A batch by its number: every sample of it has that number as its value.
#[derive(Debug, Clone)]
struct Sent {
    samples: BTreeSet<(u64, i64)>,
    is_acked: bool,
}

/// Everything in the database: value (the batch's number) to series and time.
fn read(db: &Db) -> BTreeMap<u64, BTreeSet<(u64, i64)>> {
    let querier = db.querier(i64::MIN, i64::MAX).unwrap();
    let set = querier.select(&SelectHints::default(), &all()).unwrap();
    let mut found: BTreeMap<u64, BTreeSet<(u64, i64)>> = BTreeMap::new();
    for i in 0..set.len() {
        let mut samples = Samples::default();
        set.read(i, i64::MIN, i64::MAX, &mut samples).unwrap();
        let series: u64 = set.labels(i).get("s").unwrap().parse().unwrap();
        for (t, v) in samples.ts.iter().zip(&samples.vs) {
            let number: u64 = format!("{v}").parse().unwrap();
            found.entry(number).or_default().insert((series, *t));
        }
    }
    found
}

struct Run {
    rng: Rng,
    sim: SimFs,
    clock: Arc<SimClock>,
    options: Options,
    sent: Vec<Sent>,
    t: i64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5eed);
        let options = Options {
            wal_segment_bytes: 32 * 1024,
            sync_interval: Duration::from_millis(2),
            out_of_order_window_ms: if rng.below(2) == 0 { 0 } else { 100_000 },
            ..Options::default()
        };
        let clock = Arc::new(SimClock::at(1_000_000));
        Self { rng, sim: SimFs::new(seed), clock, options, sent: Vec::new(), t: 1_000_000 }
    }

    fn open(&self) -> Arc<Db> {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let (fs, options) = (Arc::new(self.sim.clone()), self.options.clone());
        Db::open(fs, clock, Path::new(DIR), options, &Registry::default()).unwrap()
    }

    fn commit(&mut self, db: &Db) {
        self.t += 1000;
        let number = self.sent.len();
        let value = f64::from(u32::try_from(number).unwrap());
        let mut samples = BTreeSet::new();
        let mut appender = db.appender();
        for series in 0..SERIES {
            let is_late = self.options.out_of_order_window_ms > 0 && self.rng.below(4) == 0;
            let t = if is_late {
                self.t - 500 - i64::try_from(self.rng.below(5_000)).unwrap()
            } else {
                self.t
            };
            let make = || labels(&format!("__name__=m,s={series}"));
            let is_taken = !samples.contains(&(series, t))
                && !self.sent.iter().any(|sent| sent.samples.contains(&(series, t)))
                && appender.append(SeriesRef(0), &make, t, value).is_ok();
            if is_taken {
                samples.insert((series, t));
            }
        }
        let is_synced = number == 0 || self.rng.below(2) == 0;
        let durability = if is_synced { Durability::Synced } else { Durability::Soon };
        let is_acked = appender.commit(durability).is_ok() && is_synced;
        if is_acked {
            // What was taken before is durable with it.
            self.sent.iter_mut().for_each(|sent| sent.is_acked |= sent.samples.is_empty());
        }
        self.sent.push(Sent { samples, is_acked });
    }

    /// Checks what is there against what was sent, and goes on from there.
    fn check(&mut self, db: &Db) {
        let found = read(db);
        for (number, samples) in &found {
            let sent = &self.sent[usize::try_from(*number).unwrap()];
            assert_eq!(*samples, sent.samples, "batch {number} is there by half");
        }
        for (number, sent) in self.sent.iter().enumerate() {
            let is_there = found.contains_key(&(number as u64)) || sent.samples.is_empty();
            assert!(is_there || !sent.is_acked, "batch {number} was acknowledged and is lost");
        }
    }

    fn plan(&mut self, round: u64) -> Plan {
        let (ops, writes, syncs) = self.sim.counts();
        let mut plan =
            Plan { power_off_at_op: Some(ops + 1 + self.rng.below(60)), ..Plan::default() };
        let n = self.rng.below(20);
        match (round + n) % 4 {
            0 => plan.failing_writes = BTreeSet::from([writes + n]),
            1 => plan.failing_syncs = BTreeSet::from([syncs + n]),
            2 => plan.capacity_bytes = Some(20_000 + self.rng.below(60_000)),
            3 => {}
            4..=u64::MAX => unreachable!("a remainder of four"),
        }
        plan
    }

    fn round(&mut self, round: u64) {
        let db = self.open();
        self.check(&db);
        if self.sent.is_empty() {
            self.commit(&db);
        }
        let plan = self.plan(round);
        self.sim.set_plan(plan);
        for _ in 0..40 {
            match self.rng.below(12) {
                0 => {
                    self.clock.advance(maintain::CHECKPOINT_INTERVAL);
                    db.maintain();
                }
                1 => db.flush_closed(),
                2..=u64::MAX => self.commit(&db),
            }
            if self.sim.is_off() {
                break;
            }
        }
        drop(db);
        self.sim.crash();
    }
}

#[test]
fn what_was_acknowledged_survives_power_cuts_and_failing_disks() {
    for seed in 0..u64::from(crate::seeds::seeds(12)) {
        let mut run = Run::new(seed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..4 {
                run.round(round);
            }
            let db = run.open();
            run.check(&db);
        }));
        assert!(result.is_ok(), "seed {seed}");
    }
}

/// A disk with what `db` writes, and its only segment's bytes.
fn small_log() -> (SimFs, PathBuf, Vec<u8>) {
    let sim = SimFs::new(1);
    let db = open_on(Arc::new(sim.clone()), Path::new(DIR), Options::default());
    for n in 0..6 {
        put(&db, &format!("__name__=m,s=0@{n}=1{n} __name__=m,s=1@{n}=1{n}"));
    }
    db.close().unwrap();
    let path = Path::new(DIR).join("wal").join("00000000");
    let bytes = stdx::fs::read_all(&sim, &path, 1 << 20).unwrap();
    (sim, path, bytes)
}

fn with_log(path: &Path, bytes: &[u8]) -> Arc<Db> {
    let sim = SimFs::new(1);
    sim.create_dir_all(path.parent().unwrap()).unwrap();
    sim.open(path, OpenMode::CreateNew).unwrap().append(bytes).unwrap();
    open_on(Arc::new(sim), Path::new(DIR), Options::default())
}

#[test]
fn a_log_cut_at_any_byte_gives_the_batches_before_the_cut() {
    let (_sim, path, bytes) = small_log();
    let mut before = 0;
    for len in 0..=bytes.len() {
        let db = with_log(&path, &bytes[..len]);
        let found = read(&db);
        let numbers: Vec<u64> = found.keys().copied().collect();
        assert_eq!(numbers, (10..10 + numbers.len() as u64).collect::<Vec<_>>(), "cut at {len}");
        for (number, samples) in &found {
            let t = i64::try_from(number - 10).unwrap();
            assert_eq!(*samples, BTreeSet::from([(0, t), (1, t)]), "cut at {len}");
        }
        assert!(numbers.len() >= before, "cut at {len}");
        before = numbers.len();
    }
    assert_eq!(before, 6);
}

/// A disk on which one file cannot be read, or not be opened, for a while.
#[derive(Debug)]
struct Refusing {
    sim: SimFs,
    path: PathBuf,
    to_open: bool,
}

#[derive(Debug)]
struct RefusingFile(Arc<dyn File>);

#[rustfmt::skip]
impl File for RefusingFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> { self.0.append(bytes) }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> { self.0.write_at(offset, bytes) }
    fn read_at(&self, _: u64, _: &mut [u8]) -> io::Result<usize> { Err(io::Error::other("input/output error")) }
    fn truncate(&self, len: u64) -> io::Result<()> { self.0.truncate(len) }
    fn len(&self) -> io::Result<u64> { self.0.len() }
    fn sync(&self) -> io::Result<()> { self.0.sync() }
}

#[rustfmt::skip]
impl Fs for Refusing {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        if path != self.path { return self.sim.open(path, mode) }
        if self.to_open { return Err(io::Error::other("too many open files")) }
        Ok(Arc::new(RefusingFile(self.sim.open(path, mode)?)))
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> { self.sim.create_dir_all(path) }
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> { self.sim.list(path) }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> { self.sim.rename(from, to) }
    fn remove_file(&self, path: &Path) -> io::Result<()> { self.sim.remove_file(path) }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> { self.sim.remove_dir_all(path) }
    fn sync_dir(&self, path: &Path) -> io::Result<()> { self.sim.sync_dir(path) }
    fn exists(&self, path: &Path) -> io::Result<bool> { self.sim.exists(path) }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> { self.sim.free_bytes(path) }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> { self.sim.lock(path) }
}

#[test]
fn a_disk_that_refuses_for_a_while_costs_nothing_at_the_next_start() {
    for (to_open, text) in [
        (true, "cannot be opened: too many open files"),
        (false, "cannot be read: input/output error"),
    ] {
        let (sim, path, bytes) = small_log();
        let fs = Arc::new(Refusing { sim: sim.clone(), path: path.clone(), to_open });
        let clock = Arc::new(SimClock::at(1_000_000));
        let db =
            Db::open(fs, clock.clone(), Path::new(DIR), Options::default(), &Registry::default())
                .unwrap();
        assert_eq!(read(&db).len(), 0);
        let damage = db.damage().join("\n");
        assert!(damage.contains(text) && damage.contains("no checkpoint is made"), "{damage}");
        put(&db, "__name__=m,s=0@9=19");
        clock.advance(maintain::CHECKPOINT_INTERVAL);
        db.maintain();
        db.close().unwrap();
        drop(db);
        assert!(stdx::fs::read_all(&sim, &path, 1 << 20).unwrap() == bytes);
        let db = open_on(Arc::new(sim), Path::new(DIR), Options::default());
        assert_eq!((read(&db).len(), db.damage()), (7, &[][..]));
    }
}

#[test]
fn a_flipped_bit_costs_one_batch_and_is_told() {
    let (_sim, path, bytes) = small_log();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for at in (0..end).step_by(3) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        let db = with_log(&path, &bytes);
        let found = read(&db);
        for (number, samples) in &found {
            assert_eq!(samples.len(), 2, "flip at {at}: batch {number} is there by half");
        }
        assert!(found.len() == 6 || !db.damage().is_empty(), "flip at {at}");
    }
}

/// Flips a bit of the first chunk file at a tenth of its length and opens it twice.
fn flip_chunks(tenth: u64) {
    let sim = SimFs::new(1);
    let open = || open_on(Arc::new(sim.clone()), Path::new(DIR), Options::default());
    let expected = {
        let db = open();
        for n in 0..400 {
            let t = n * 15_000;
            put(&db, &format!("__name__=m,s=0@{t}={n} __name__=m,s=1@{t}={n}"));
        }
        db.close().unwrap();
        get(&db, &all())
    };
    let path = Path::new(DIR).join("chunks_head").join("000001");
    let len = sim.open(&path, OpenMode::Read).unwrap().len().unwrap();
    sim.flip(&path, 9 + (len - 10) * tenth / 10, 1).unwrap();
    for _ in 0..2 {
        let db = open();
        assert_eq!(db.damage().len(), 1, "{:?}", db.damage());
        assert!(get(&db, &all()) == expected, "flip at {tenth}/10");
        db.close().unwrap();
    }
}

/// What a folder of two chunk files gives when `spoil` has changed the first one's bytes, and what it is to give.
fn spoiled(spoil: impl Fn(Vec<u8>) -> Vec<u8>) -> (String, String) {
    let sim = SimFs::new(1);
    let open = || open_on(Arc::new(sim.clone()), Path::new(DIR), Options::default());
    for start in [0, 400] {
        let db = open();
        for n in start..start + 400 {
            let t = n * 15_000;
            put(&db, &format!("__name__=m,s=0@{t}={n} __name__=m,s=1@{t}={n}"));
        }
        db.close().unwrap();
    }
    let path = Path::new(DIR).join("chunks_head").join("000001");
    let bytes = spoil(stdx::fs::read_all(&sim, &path, 1 << 20).unwrap());
    let file = sim.open(&path, OpenMode::Write).unwrap();
    file.truncate(0).unwrap();
    file.append(&bytes).unwrap();
    let db = open();
    let numbers = (0..800).map(|n| format!(" {}={n}", n * 15_000)).collect::<String>();
    (get(&db, &all()), format!("__name__=m,s=0{numbers}\n__name__=m,s=1{numbers}\n"))
}

#[test]
fn losses_that_a_chunk_file_does_not_show_cost_nothing_while_the_log_has_the_samples() {
    let check = |what: &str, spoil: fn(Vec<u8>) -> Vec<u8>| {
        let (got, expected) = spoiled(spoil);
        assert!(got == expected, "{what}");
    };
    check("empty", |_| Vec::new());
    check("zeros", |bytes| vec![0; bytes.len()]);
    check("zeros behind the header", |mut bytes| {
        bytes[8..].fill(0);
        bytes
    });
    check("header alone", |bytes| bytes[..8].to_vec());
    check("first chunk alone", |bytes| {
        // Reference, times, encoding, a length of two bytes, checksum.
        let len = usize::from(bytes[33] & 0x7f) | usize::from(bytes[34]) << 7;
        bytes[..8 + 25 + 2 + len + 4].to_vec()
    });
}

#[test]
fn a_damaged_chunk_file_costs_nothing_while_the_log_has_the_samples() {
    (0..=10).step_by(5).for_each(flip_chunks);
}

#[test]
fn a_batch_that_nobody_waits_for_is_durable_after_the_sync_interval() {
    let sim = SimFs::new(3);
    let clock = Arc::new(SimClock::at(1_000_000));
    let options = Options { sync_interval: Duration::from_millis(2), ..Options::default() };
    let open = || {
        let clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let fs = Arc::new(sim.clone());
        Db::open(fs, clock, Path::new(DIR), options.clone(), &Registry::default()).unwrap()
    };
    let db = open();
    let mut appender = db.appender();
    appender.append(SeriesRef(0), &|| labels("__name__=m,s=0"), 5, 7.0).unwrap();
    let (_, _, syncs) = sim.counts();
    appender.commit(Durability::Soon).unwrap();
    // The log's thread looks at the clock when it has waited for the interval.
    let mut is_synced = false;
    for _ in 0..10_000_000 {
        clock.advance(Duration::from_millis(1));
        is_synced = sim.counts().2 > syncs;
        if is_synced {
            break;
        }
        std::thread::yield_now();
    }
    assert!(is_synced);
    sim.crash();
    drop(db);
    assert_eq!(read(&open()), BTreeMap::from([(7, BTreeSet::from([(0, 5)]))]));
}
