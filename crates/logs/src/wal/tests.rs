//! The log after crashes, failed writes and syncs, and flipped bits; and under many writers.

use std::path::Path;
use std::sync::Arc;

use stdx::fs::sim::{Plan, SimFs};
use stdx::rand::Rng;

use super::{Options, Recovered, Wal};

const DIR: &str = "/logs/wal";

fn options() -> Options {
    Options { file_bytes: 300, ..Options::default() }
}

fn open(fs: &SimFs) -> (Wal, Vec<String>, Recovered) {
    let mut found = Vec::new();
    let each = &mut |_, payload: &[u8]| found.push(String::from_utf8(payload.to_vec()).unwrap());
    let (wal, recovered) =
        Wal::open(Arc::new(fs.clone()), Path::new(DIR), options(), each).unwrap();
    (wal, found, recovered)
}

fn append(wal: &Wal, text: &str) -> bool {
    wal.append(|| (Some(text.as_bytes().to_vec()), ())).is_ok()
}

#[test]
fn frames_come_back_in_order_over_files_and_restarts() {
    let fs = SimFs::new(1);
    let mut want = Vec::new();
    for life in 0..3 {
        let (wal, found, recovered) = open(&fs);
        assert_eq!(found, want);
        assert_eq!((recovered.torn_bytes, recovered.damage.len()), (0, 0));
        for n in 0..20 {
            let text = format!("{life}-{n} {}", "x".repeat(n));
            assert!(append(&wal, &text));
            want.push(text);
        }
        fs.crash();
    }
}

#[test]
fn a_dropped_file_is_gone_and_the_rest_stays() {
    let fs = SimFs::new(1);
    let (wal, ..) = open(&fs);
    assert!(append(&wal, "old"));
    let number = wal.rotate().unwrap();
    assert!(append(&wal, "new"));
    wal.drop_before(number).unwrap();
    drop(wal);
    assert_eq!(open(&fs).1, ["new"]);
}

/// What is acknowledged is there, in order; what is refused is not there.
fn check_faults(seed: u64) {
    let fs = SimFs::new(seed);
    let mut rng = Rng::new(seed);
    let mut acknowledged: Vec<String> = Vec::new();
    for life in 0..6 {
        fs.set_plan(Plan::default());
        let (wal, found, recovered) = open(&fs);
        assert!(recovered.damage.is_empty(), "seed {seed}: {recovered:?}");
        assert!(
            found.len() <= acknowledged.len() + 1,
            "seed {seed}: {found:?} of {acknowledged:?}"
        );
        assert_eq!(found[..acknowledged.len()], acknowledged, "seed {seed}, life {life}");
        // The last write of a life that ended in the dark may be there.
        acknowledged = found;
        let (ops, writes, syncs) = fs.counts();
        let mut plan = Plan::default();
        match rng.below(3) {
            0 => plan.power_off_at_op = Some(ops + rng.below(30)),
            1 => drop(plan.failing_writes.insert(writes + rng.below(20))),
            _ => drop(plan.failing_syncs.insert(syncs + rng.below(20))),
        }
        fs.set_plan(plan);
        for n in 0..12 {
            let text =
                format!("{life}-{n} {}", "y".repeat(usize::try_from(rng.below(60)).unwrap()));
            if append(&wal, &text) {
                acknowledged.push(text);
            } else if fs.is_off() {
                break;
            }
        }
        fs.crash();
    }
}

#[test]
fn acknowledged_frames_survive_and_refused_ones_do_not_come_back() {
    let seeds = std::env::var("MANGRU_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    (0..seeds).for_each(check_faults);
}

#[test]
fn a_flipped_byte_costs_its_frame_alone_and_is_named() {
    let build = || {
        let fs = SimFs::new(7);
        let (wal, ..) = open(&fs);
        for n in 0..4 {
            assert!(append(&wal, &format!("frame {n}")));
        }
        fs
    };
    let file = Path::new(DIR).join("00000001.log");
    for offset in 0..24 + 4 * 19 {
        let fs = build();
        fs.flip(&file, offset, 0x10).unwrap();
        let (_, found, recovered) = open(&fs);
        let lost = if offset < 24 { 0 } else { 1 };
        assert_eq!(found.len(), 4 - lost, "offset {offset}: {found:?}");
        let is_named = !recovered.damage.is_empty() || recovered.torn_bytes > 0;
        assert!(is_named, "offset {offset}: {recovered:?}");
    }
}

#[test]
fn writers_that_wait_together_are_all_answered_in_the_order_of_the_log() {
    let fs = SimFs::new(3);
    let (wal, ..) = open(&fs);
    let next = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let number = || next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let told = wal.append(|| {
                        let n = number();
                        (Some(n.to_string().into_bytes()), n)
                    });
                    assert!(told.is_ok());
                }
            });
        }
    });
    drop(wal);
    let want: Vec<String> = (0..400).map(|n| n.to_string()).collect();
    assert_eq!(open(&fs).1, want);
}

#[test]
fn bounds_are_named() {
    let fs = SimFs::new(3);
    let each = &mut |_, _: &[u8]| {};
    let (wal, _) = Wal::open(Arc::new(fs), Path::new(DIR), Options::default(), each).unwrap();
    let error = wal.append(|| (Some(vec![0; super::FRAME_BYTES_MAX + 1]), ())).unwrap_err().0;
    assert_eq!(
        error.to_string(),
        "the batch has 268435457 bytes; a frame of the log takes at most 268435456"
    );
    assert!(wal.append(|| (None, ())).is_ok());
}
