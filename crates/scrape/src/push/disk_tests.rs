//! What the gateway has after crashes, failed writes, failed syncs and flipped bits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::matcher::Matcher;
use stdx::clock::SimClock;
use stdx::fs::sim::{Plan, SimFs};
use stdx::fs::{Fs, OpenMode};
use stdx::rand::Rng;

use super::tests::{DIR, key, open, options, put};
use super::{Gateway, OpenError, Options, PushError, Replace, Value};

/// The value of both families of a group, or `None` when the group is not there.
type Content = Option<u64>;

const JOBS: [&str; 4] = ["a", "b", "c/x/y", "d"];

/// What the gateway has; half a group fails the test.
fn contents(gateway: &Gateway) -> BTreeMap<&'static str, Content> {
    let groups = gateway.groups();
    let content = |job: &str| -> Content {
        let group = groups.iter().find(|group| group.labels == key(job))?;
        let names: Vec<&str> = group.families.iter().map(|family| family.name.as_str()).collect();
        assert_eq!(names, ["x", "y"], "half a group");
        let value = |i: usize| match group.families[i].metrics[0].value {
            Value::Simple(v) => v.to_bits(),
            Value::Summary { .. } | Value::Histogram { .. } => panic!("not what was pushed"),
        };
        assert_eq!(value(0), value(1), "half a push");
        Some(value(0))
    };
    JOBS.iter().map(|job| (*job, content(job))).collect()
}

/// Does something by chance; the contents that it means, and how it went.
fn step(
    gateway: &Gateway,
    rng: &mut Rng,
    before: &BTreeMap<&'static str, Content>,
    n: u32,
) -> (BTreeMap<&'static str, Content>, Result<(), PushError>) {
    let mut after = before.clone();
    let job = JOBS[usize::try_from(rng.below(4)).unwrap()];
    let result = match rng.below(12) {
        0 => {
            after.values_mut().for_each(|content| *content = None);
            gateway.wipe().map(|_| ())
        }
        1 => {
            after.insert("a", None);
            after.insert("c/x/y", None);
            let op = model::matcher::MatchOp::Regex;
            gateway.delete_matching(vec![Matcher::new(op, "job", "a|c").unwrap()]).map(|_| ())
        }
        2 | 3 => {
            after.insert(job, None);
            gateway.delete(&key(job)).map(|_| ())
        }
        _ => {
            after.insert(job, Some(f64::from(n).to_bits()));
            put(gateway, job, &format!("x {n}\ny {n}\n"))
        }
    };
    (after, result)
}

fn small() -> Options {
    Options { compact_bytes: 500, ..options() }
}

#[test]
fn what_was_acknowledged_is_there_after_a_power_cut() {
    let mut cuts = 0;
    for seed in 0..120 {
        let (fs, clock) = (SimFs::new(seed), Arc::new(SimClock::at(1_700_000_000_000)));
        let mut rng = Rng::new(seed);
        for round in 0..4 {
            let gateway = open(&fs, &clock, small());
            let mut acknowledged = contents(&gateway);
            let at = fs.counts().0 + 1 + rng.below(60);
            fs.set_plan(Plan { power_off_at_op: Some(at), ..Plan::default() });
            let mut attempted = acknowledged.clone();
            for n in 0..40 {
                let (after, result) = step(&gateway, &mut rng, &acknowledged, round * 100 + n);
                attempted.clone_from(&after);
                if result.is_err() {
                    break;
                }
                acknowledged = after;
                assert_eq!(contents(&gateway), acknowledged);
            }
            cuts += u64::from(fs.is_off());
            drop(gateway);
            fs.crash();
            let found = contents(&open(&fs, &clock, small()));
            for job in JOBS {
                let may = [acknowledged[job], attempted[job]];
                assert!(
                    may.contains(&found[job]),
                    "seed {seed} round {round} {job}: {found:?} {may:?}"
                );
            }
        }
    }
    assert!(cuts > 200, "{cuts}");
}

#[test]
fn a_failed_write_or_sync_changes_nothing_or_is_made_good() {
    let mut refused = 0;
    for seed in 0..100 {
        let (fs, clock) = (SimFs::new(seed), Arc::new(SimClock::at(1_700_000_000_000)));
        let gateway = open(&fs, &clock, small());
        let (mut rng, counts) = (Rng::new(seed), fs.counts());
        let mut chosen = |from: u64| (0..8).map(|_| from + rng.below(40)).collect();
        let (failing_writes, failing_syncs) = (chosen(counts.1), chosen(counts.2));
        fs.set_plan(Plan { failing_writes, failing_syncs, ..Plan::default() });
        let mut acknowledged = contents(&gateway);
        for n in 0..40 {
            let (after, result) = step(&gateway, &mut rng, &acknowledged, n);
            match result {
                Ok(()) => acknowledged = after,
                Err(error) => {
                    assert!(matches!(error, PushError::Storage(_)), "{error}");
                    refused += 1;
                }
            }
            assert_eq!(contents(&gateway), acknowledged, "seed {seed}");
        }
        fs.set_plan(Plan::default());
        put(&gateway, "a", "x 1\ny 1\n").unwrap();
        let last = contents(&gateway);
        drop(gateway);
        fs.crash();
        assert_eq!(contents(&open(&fs, &clock, small())), last, "seed {seed}");
    }
    assert!(refused > 100, "{refused}");
}

/// The journal's files.
fn files(fs: &SimFs) -> Vec<(PathBuf, u64)> {
    let entries = fs.list(Path::new(DIR)).unwrap();
    entries.iter().map(|entry| (Path::new(DIR).join(&entry.name), entry.len)).collect()
}

#[test]
fn damage_is_named_and_the_rest_is_read() {
    let clock = Arc::new(SimClock::at(1_700_000_000_000));
    let mut named = 0;
    for offset in 0..400 {
        let fs = SimFs::new(offset);
        let gateway = open(&fs, &clock, options());
        for job in JOBS {
            put(&gateway, job, "x 1\ny 1\n").unwrap();
        }
        drop(gateway);
        let (file, len) = files(&fs).remove(0);
        if offset >= len {
            break;
        }
        fs.flip(&file, offset, 1 << (offset % 8)).unwrap();
        let opened = Gateway::open(
            Arc::new(fs.clone()),
            Arc::<SimClock>::clone(&clock),
            Path::new(DIR),
            options(),
        );
        match opened {
            Ok(gateway) => {
                let recovery = gateway.recovery();
                assert!(recovery.groups >= 3, "{offset}");
                assert!(!recovery.damage.is_empty() || recovery.torn_bytes > 0, "{offset}");
                named += u32::from(!recovery.damage.is_empty());
                contents(&gateway);
            }
            Err(error) => assert!(matches!(error, OpenError::Version { .. }), "{offset}: {error}"),
        }
    }
    assert!(named > 100, "{named}");
}

#[test]
fn the_version_before_is_read_and_the_one_after_is_not() {
    for (version, is_read) in [(0_u8, false), (1, true), (2, true), (3, false)] {
        let (fs, clock) = (SimFs::new(1), Arc::new(SimClock::at(1_700_000_000_000)));
        let gateway = open(&fs, &clock, options());
        let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_count 3\nh_sum 1\nx 1\n";
        put(&gateway, "a", body).unwrap();
        let groups = gateway.groups();
        drop(gateway);
        let (file, _) = files(&fs).remove(0);
        let mut bytes = stdx::fs::read_all(&fs, &file, 1 << 20).unwrap();
        bytes[8] = version;
        stdx::fs::write_atomic(&fs, &file, &bytes).unwrap();
        let opened = Gateway::open(Arc::new(fs), clock, Path::new(DIR), options());
        match opened {
            Ok(gateway) => assert!(is_read && gateway.groups() == groups, "{version}"),
            Err(error) => {
                assert!(!is_read && matches!(error, OpenError::Version { .. }), "{error}");
            }
        }
    }
}

#[test]
fn a_damaged_file_is_kept_and_a_torn_tail_is_not() {
    let (fs, clock) = (SimFs::new(1), Arc::new(SimClock::at(1_700_000_000_000)));
    let gateway = open(&fs, &clock, options());
    put(&gateway, "a", "x 1\ny 1\n").unwrap();
    put(&gateway, "b", "x 1\ny 1\n").unwrap();
    drop(gateway);
    let (file, len) = files(&fs).remove(0);
    fs.open(&file, OpenMode::Write).unwrap().truncate(len - 1).unwrap();
    let torn = open(&fs, &clock, options());
    assert_eq!((torn.recovery().groups, torn.recovery().damage.len()), (1, 0));
    assert!(torn.recovery().torn_bytes > 10);
    put(&torn, "b", "x 1\ny 1\n").unwrap();
    drop(torn);
    let file = files(&fs).remove(0).0;
    fs.flip(&file, 30, 1).unwrap();
    let damaged = open(&fs, &clock, options());
    assert_eq!((damaged.recovery().groups, damaged.recovery().damage.len()), (1, 2));
    let names: Vec<String> =
        fs.list(Path::new(DIR)).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["00000002.damaged", "00000003.journal"]);
}

#[test]
fn pushes_that_wait_share_one_sync() {
    let (fs, clock) = (SimFs::new(1), Arc::new(SimClock::at(1_700_000_000_000)));
    let gateway = open(&fs, &clock, options());
    let syncs = fs.counts().2;
    std::thread::scope(|scope| {
        gateway.while_held(|waiting| {
            for i in 0..64 {
                let gateway = &gateway;
                scope.spawn(move || put(gateway, &format!("j{i}"), "x 1\n").unwrap());
            }
            // One leads with itself alone.
            while waiting() < 63 {
                std::thread::yield_now();
            }
        });
    });
    assert_eq!(gateway.groups().len(), 64);
    assert_eq!(fs.counts().2 - syncs, 2);
}

#[test]
fn times_to_live_end_groups() {
    let (fs, clock) = (SimFs::new(1), Arc::new(SimClock::at(1_700_000_000_000)));
    let ttl = Duration::from_secs(60);
    let gateway = open(&fs, &clock, Options { ttl, ..options() });
    let push = |job: &str, ttl: Option<Duration>| {
        gateway.push(&key(job), b"x 1\ny 1\n", None, Replace::Group, ttl).unwrap();
    };
    push("a", None);
    push("b", Some(Duration::from_secs(10)));
    push("c/x/y", Some(Duration::ZERO));
    clock.advance(Duration::from_millis(9_999));
    assert_eq!((gateway.groups().len(), gateway.expire()), (3, Ok(0)));
    clock.advance(Duration::from_millis(1));
    assert_eq!((gateway.groups().len(), gateway.expire(), gateway.expire()), (2, Ok(1), Ok(0)));
    push("a", None);
    clock.advance(Duration::from_secs(59));
    assert_eq!(gateway.groups().len(), 2);
    drop(gateway);
    fs.crash();
    let again = open(&fs, &clock, options());
    assert_eq!(again.groups().len(), 2);
    clock.advance(Duration::from_secs(1));
    assert_eq!(again.groups().len(), 1);
    // A group that is over does not come back through a push of other families.
    again.push(&key("a"), b"z 1\n", None, Replace::SameFamilies, None).unwrap();
    assert_eq!(again.groups()[0].families.len(), 1);
}
