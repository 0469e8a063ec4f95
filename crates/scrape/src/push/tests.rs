//! The gateway against the simulated disk: what it answers, shows, and has after a crash.

use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use model::metadata::MetricType;
use stdx::clock::SimClock;
use stdx::fs::sim::SimFs;
use wire::encode::Encoder;
use wire::escaping::EscapingScheme;
use wire::negotiate::Protocol;

use super::{Gateway, Grouping, Options, OwnFamily, PushError, Replace};

const DIR: &str = "data/mangru/push";

fn options() -> Options {
    let own = |name: &str| OwnFamily {
        name: name.to_owned(),
        help: "ours".to_owned(),
        kind: MetricType::Gauge,
    };
    Options { own: vec![own("go_goroutines")], ..Options::default() }
}

fn open(fs: &SimFs, clock: &Arc<SimClock>, options: Options) -> Gateway {
    let clock: Arc<SimClock> = Arc::clone(clock);
    Gateway::open(Arc::new(fs.clone()), clock, Path::new(DIR), options).unwrap()
}

fn gateway(options: Options) -> Gateway {
    open(&SimFs::new(1), &Arc::new(SimClock::at(1_700_000_000_000)), options)
}

/// `a/b/c` is job `a` with `b="c"`.
fn key(path: &str) -> Grouping {
    let mut parts = path.split('/');
    let job = parts.next().unwrap();
    let rest: Vec<&str> = parts.collect();
    let pairs = rest.chunks(2).map(|pair| (pair[0], pair[1]));
    Grouping::from_pairs([("job", job)].into_iter().chain(pairs))
}

fn put(gateway: &Gateway, path: &str, body: &str) -> Result<(), PushError> {
    gateway.push(&key(path), body.as_bytes(), None, Replace::Group, None)
}

fn post(gateway: &Gateway, path: &str, body: &str) -> Result<(), PushError> {
    gateway.push(&key(path), body.as_bytes(), None, Replace::SameFamilies, None)
}

fn exposed(gateway: &Gateway, protocol: Protocol) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(protocol, EscapingScheme::AllowUtf8, &mut out);
    gateway.families().iter().for_each(|family| family.encode(&mut encoder, protocol));
    encoder.finish();
    out
}

/// The text exposition without the groups' times.
fn shown(gateway: &Gateway) -> String {
    let text = String::from_utf8(exposed(gateway, Protocol::Text004)).unwrap();
    text.lines()
        .filter(|line| !line.contains("push_"))
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn put_replaces_a_group_and_post_its_families() {
    let gateway = gateway(options());
    put(&gateway, "a", "x 1\n# TYPE y counter\n# HELP y why\ny{l=\"1\"} 2\n").unwrap();
    put(&gateway, "a/instance/i", "x{job=\"no\",instance=\"no\"} 3\n").unwrap();
    post(&gateway, "a", "x{z=\"\"} 4\n").unwrap();
    check(
        &gateway,
        &expect![[r#"
        # TYPE x untyped
        x{instance="i",job="a"} 3
        x{instance="",job="a",z=""} 4
        # HELP y why
        # TYPE y counter
        y{instance="",job="a",l="1"} 2
    "#]],
    );
    put(&gateway, "a", "z 1\n").unwrap();
    assert!(gateway.delete(&key("a/instance/i")).unwrap());
    assert!(!gateway.delete(&key("a/instance/i")).unwrap());
    check(
        &gateway,
        &expect![[r#"
        # TYPE z untyped
        z{instance="",job="a"} 1
    "#]],
    );
    put(&gateway, "a", "").unwrap();
    assert_eq!((gateway.groups().len(), shown(&gateway).as_str()), (1, ""));
    assert_eq!((gateway.wipe(), gateway.wipe()), (Ok(1), Ok(0)));
}

fn check(gateway: &Gateway, expected: &Expect) {
    expected.assert_eq(&shown(gateway));
}
