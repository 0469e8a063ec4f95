//! The simulator itself: it must find five real-world bugs, planted in a small log, on every run, and none in the right log.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Plan, SimFs};
use crate::fs::{File, Fs, OpenMode, read_all, write_atomic};
use crate::rand::Rng;

const RECORD_BYTES: usize = 16;

/// What the log under test does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// A new file's name is never made durable.
    NoFolderSync,
    /// A record is acknowledged before it is synced.
    AckBeforeSync,
    /// A failed sync is tried again, and its success believed.
    SyncRetried,
    /// A half-written record stays, and the next one is written behind it.
    AppendBehindTear,
    /// Reading stops for good at the first damage, whole files behind it or not.
    DropAllAfterDamage,
}

/// A log of fixed-size records, each a number and its check, in numbered files.
struct Log {
    fs: SimFs,
    bug: Bug,
    file: Arc<dyn File>,
    n_files: u32,
    whole_bytes: u64,
    unsynced: Vec<u64>,
    acknowledged: Vec<u64>,
}

fn path(n: u32) -> PathBuf {
    PathBuf::from(format!("/log/{n:04}"))
}

fn record(value: u64) -> Vec<u8> {
    [value.to_le_bytes(), (!value).to_le_bytes()].concat()
}

impl Log {
    fn create(fs: &SimFs, bug: Bug) -> io::Result<Self> {
        fs.create_dir_all(Path::new("/log"))?;
        fs.sync_dir(Path::new("/"))?;
        let file = fs.open(&path(0), OpenMode::CreateNew)?;
        let mut log = Self {
            fs: fs.clone(),
            bug,
            file,
            n_files: 1,
            whole_bytes: 0,
            unsynced: Vec::new(),
            acknowledged: Vec::new(),
        };
        log.sync_folder()?;
        Ok(log)
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        if self.bug == Bug::NoFolderSync { Ok(()) } else { self.fs.sync_dir(Path::new("/log")) }
    }

    fn next_file(&mut self) -> io::Result<()> {
        self.file = self.fs.open(&path(self.n_files), OpenMode::CreateNew)?;
        self.n_files += 1;
        self.whole_bytes = 0;
        self.sync_folder()
    }

    fn push(&mut self, value: u64) -> io::Result<()> {
        if let Err(error) = self.file.append(&record(value)) {
            if self.bug != Bug::AppendBehindTear {
                self.file.truncate(self.whole_bytes)?;
            }
            return Err(error);
        }
        self.whole_bytes += RECORD_BYTES as u64;
        self.unsynced.push(value);
        if self.bug == Bug::AckBeforeSync {
            self.acknowledged.push(value);
        }
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        if self.file.sync().is_err() {
            if self.bug == Bug::SyncRetried {
                self.file.sync()?;
            } else {
                self.next_file()?;
                for value in self.unsynced.clone() {
                    self.file.append(&record(value))?;
                    self.whole_bytes += RECORD_BYTES as u64;
                }
                self.file.sync()?;
            }
        }
        self.acknowledged.append(&mut self.unsynced);
        Ok(())
    }
}

/// Values of whole records, up to the first broken one of each file.
fn recovered(fs: &SimFs, bug: Bug) -> BTreeSet<u64> {
    let mut values = BTreeSet::new();
    for entry in fs.list(Path::new("/log")).unwrap_or_default() {
        let bytes = read_all(fs, &Path::new("/log").join(entry.name), 1 << 20).unwrap();
        for chunk in bytes.chunks_exact(RECORD_BYTES) {
            let value = u64::from_le_bytes(chunk[..8].try_into().unwrap());
            if chunk != record(value) {
                if bug == Bug::DropAllAfterDamage {
                    return values;
                }
                break;
            }
            values.insert(value);
        }
    }
    values
}

/// One life of the log up to a power cut; the acknowledged values that are gone.
fn lost(seed: u64, bug: Bug) -> usize {
    let mut chance = Rng::new(seed);
    let fs = SimFs::new(seed);
    fs.set_plan(Plan {
        power_off_at_op: Some(10 + chance.below(120)),
        failing_syncs: BTreeSet::from([chance.below(20)]),
        failing_writes: BTreeSet::from([chance.below(60)]),
        capacity_bytes: None,
    });
    let Ok(mut log) = Log::create(&fs, bug) else { return 0 };
    for value in 1..500 {
        if log.push(value).is_err() && fs.is_off() {
            break;
        }
        // A commit that failed twice stops the writing.
        if chance.one_in(3) && log.commit().is_err() {
            break;
        }
        if chance.one_in(40) && (log.commit().is_err() || log.next_file().is_err()) {
            break;
        }
    }
    fs.crash();
    let found = recovered(&fs, bug);
    log.acknowledged.iter().filter(|value| !found.contains(value)).count()
}

#[test]
fn the_right_log_loses_nothing() {
    for seed in 0..2000 {
        assert_eq!(lost(seed, Bug::None), 0, "seed {seed}");
    }
}

#[test]
fn each_planted_bug_is_found() {
    for bug in [
        Bug::NoFolderSync,
        Bug::AckBeforeSync,
        Bug::SyncRetried,
        Bug::AppendBehindTear,
        Bug::DropAllAfterDamage,
    ] {
        let found = (0..200).filter(|&seed| lost(seed, bug) > 0).count();
        assert!(found > 0, "{bug:?} was not found in 200 seeds");
    }
}

#[test]
fn runs_replay() {
    let life = |seed| {
        let fs = SimFs::new(seed);
        let file = fs.open(Path::new("/a"), OpenMode::CreateNew).unwrap();
        fs.sync_dir(Path::new("/")).unwrap();
        file.append(&[7; 20_000]).unwrap();
        fs.crash();
        read_all(&fs, Path::new("/a"), 1 << 20).unwrap()
    };
    assert_eq!(life(5), life(5));
    assert!((0..50).any(|seed| life(seed) != life(5)));
}

#[test]
fn a_full_disk_takes_what_fits() {
    let fs = SimFs::new(1);
    fs.set_plan(Plan { capacity_bytes: Some(10), ..Plan::default() });
    let file = fs.open(Path::new("/a"), OpenMode::CreateNew).unwrap();
    file.append(&[1; 6]).unwrap();
    let error = file.append(&[2; 6]).unwrap_err();
    assert_eq!((error.kind(), file.len().unwrap()), (io::ErrorKind::StorageFull, 10));
    file.write_at(0, &[3; 10]).unwrap();
    file.truncate(2).unwrap();
    file.append(&[4; 8]).unwrap();
    assert_eq!(fs.free_bytes(Path::new("/")).unwrap(), 0);
}

#[test]
fn replacing_a_file_leaves_the_old_or_the_new() {
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let fs = SimFs::new(seed);
        write_atomic(&fs, Path::new("/a"), b"old").unwrap();
        let (ops, ..) = fs.counts();
        fs.set_plan(Plan { power_off_at_op: Some(ops + seed % 7), ..Plan::default() });
        let done = write_atomic(&fs, Path::new("/a"), b"new").is_ok();
        fs.crash();
        let bytes = read_all(&fs, Path::new("/a"), 10).unwrap();
        assert!(bytes == b"new" || (bytes == b"old" && !done), "seed {seed}: {bytes:?}");
        seen.insert(bytes);
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn locks_are_exclusive_until_dropped_or_the_power_goes() {
    let fs = SimFs::new(1);
    let lock = fs.lock(Path::new("/lock")).unwrap();
    assert_eq!(fs.lock(Path::new("/lock")).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    drop(lock);
    let lock = fs.lock(Path::new("/lock")).unwrap();
    fs.sync_dir(Path::new("/")).unwrap();
    fs.crash();
    drop(fs.lock(Path::new("/lock")).unwrap());
    drop(lock);
}
