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

use super::{Gateway, Group, Grouping, Options, OwnFamily, PushError, Replace};

pub(super) const DIR: &str = "data/mangru/push";

pub(super) fn options() -> Options {
    let own = |name: &str| OwnFamily {
        name: name.to_owned(),
        help: "ours".to_owned(),
        kind: MetricType::Gauge,
    };
    Options { own: vec![own("go_goroutines")], ..Options::default() }
}

pub(super) fn open(fs: &SimFs, clock: &Arc<SimClock>, options: Options) -> Gateway {
    let clock: Arc<SimClock> = Arc::clone(clock);
    Gateway::open(Arc::new(fs.clone()), clock, Path::new(DIR), options).unwrap()
}

pub(super) fn gateway(options: Options) -> Gateway {
    open(&SimFs::new(1), &Arc::new(SimClock::at(1_700_000_000_000)), options)
}

/// `a/b/c` is job `a` with `b="c"`.
pub(super) fn key(path: &str) -> Grouping {
    let mut parts = path.split('/');
    let job = parts.next().unwrap();
    let rest: Vec<&str> = parts.collect();
    let pairs = rest.chunks(2).map(|pair| (pair[0], pair[1]));
    Grouping::from_pairs([("job", job)].into_iter().chain(pairs))
}

pub(super) fn put(gateway: &Gateway, path: &str, body: &str) -> Result<(), PushError> {
    gateway.push(&key(path), body.as_bytes(), None, Replace::Group, None)
}

fn post(gateway: &Gateway, path: &str, body: &str) -> Result<(), PushError> {
    gateway.push(&key(path), body.as_bytes(), None, Replace::SameFamilies, None)
}

pub(super) fn exposed(gateway: &Gateway, protocol: Protocol) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(protocol, EscapingScheme::AllowUtf8, &mut out);
    gateway.families().iter().for_each(|family| family.encode(&mut encoder, protocol));
    encoder.finish();
    out
}

/// The text exposition without the groups' times.
pub(super) fn shown(gateway: &Gateway) -> String {
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
    put(&gateway, "a", "{a=\"b\",\"z\"} 2\n{\"z\",a=\"c\"} 1\n").unwrap();
    assert!(gateway.delete(&key("a/instance/i")).unwrap());
    assert!(!gateway.delete(&key("a/instance/i")).unwrap());
    check(
        &gateway,
        &expect![[r##"
            # TYPE z untyped
            z{a="b",instance="",job="a"} 2
            z{a="c",instance="",job="a"} 1
        "##]],
    );
    put(&gateway, "a", "").unwrap();
    assert_eq!((gateway.groups().len(), shown(&gateway).as_str()), (1, ""));
    assert_eq!((gateway.wipe(), gateway.wipe()), (Ok(1), Ok(0)));
}

fn check(gateway: &Gateway, expected: &Expect) {
    expected.assert_eq(&shown(gateway));
}

#[test]
fn bodies_that_are_no_text() {
    let gateway = gateway(options());
    for (body, text) in [
        ("x 1", "line 1: unexpected end of input stream"),
        ("#", "line 1: unexpected end of input stream"),
        ("x{a=\"q", "line 1: unexpected end of input stream"),
        ("\n1x 1\n", "line 2: invalid metric name"),
        ("x{a=\"b\" 1\n", "line 1: unexpected end of label value \"b\""),
        ("x{a=b} 1\n", "line 1: expected '\"' at start of label value, found 'b'"),
        ("x{a} 1\n", "line 1: expected '=' after label name, found '}'"),
        ("x{1a=\"b\"} 1\n", "line 1: invalid label name for metric \"x\""),
        ("x{a=\"1\",a=\"2\"} 1\n", "line 1: duplicate label names for metric \"x\""),
        ("x{__name__=\"a\"} 1\n", "line 1: label name \"__name__\" is reserved"),
        ("x a\n", "line 1: expected float as value, got \"a\""),
        ("x\n", "line 1: expected float as value, got \"\""),
        ("x.y 1\n", "line 1: expected float as value, got \".y\""),
        ("x 1 a\n", "line 1: expected integer as timestamp, got \"a\""),
        ("x 1 \n", "line 1: expected integer as timestamp, got \"\""),
        ("x 1 1 1\n", "line 1: spurious string after timestamp: \" 1\""),
        ("{} 1\n", "line 1: invalid metric name"),
        ("{x=\"1\"} 1\n", "line 1: invalid metric name"),
        ("{\"x\",\"y\"} 1\n", "line 1: multiple metric names for metric \"x\""),
        ("{\"x\" a} 1\n", "line 1: unexpected end of metric name 'a'"),
        ("{\"x.y\"} 1\n", "line 1: invalid metric name \"x.y\""),
        ("x{\"a.b\"=\"1\"} 1\n", "line 1: invalid label name \"a.b\""),
        ("x{a=\"\\x\"} 1\n", "line 1: invalid escape sequence '\\x'"),
        ("x{a=\"q\n\"} 1\n", "line 1: label value \"q\" contains unescaped new-line"),
        ("# HELP x a\n# HELP x b\n", "line 2: second HELP line for metric name \"x\""),
        ("# HELP x a\\q\n", "line 1: invalid escape sequence '\\q'"),
        ("# HELP 1x a\n", "line 1: invalid metric name in comment"),
        ("# TYPE x unknown\n", "line 1: unknown metric type \"unknown\""),
        (
            "x 1\n# TYPE x gauge\n",
            "line 2: second TYPE line for metric name \"x\", or TYPE reported after samples",
        ),
        (
            "# TYPE z summary\nz{quantile=\"a\"} 1\n",
            "line 2: expected float as value for 'quantile' label, got \"a\"",
        ),
        (
            "# TYPE z histogram\nz_bucket{le=\"a\"} 1\n",
            "line 2: expected float as value for 'le' label, got \"a\"",
        ),
        (
            "# TYPE z histogram\nz_bucket{le=\"1\"} -1\n",
            "line 2: negative bucket population for histogram \"z\"",
        ),
        ("# TYPE z histogram\nz_count -1.5\n", "line 2: negative count for histogram \"z\""),
    ] {
        let error = put(&gateway, "a", body).unwrap_err();
        assert_eq!(error, PushError::Malformed(format!("text format parsing error in {text}")));
    }
    let not_utf8 = gateway.push(&key("a"), b"x{a=\"\xff\"} 1\n", None, Replace::Group, None);
    let text = "text format parsing error in line 1: invalid label value \"\\xff\"";
    assert_eq!(not_utf8, Err(PushError::Malformed(text.to_owned())));
    assert_eq!(gateway.groups(), []);
    let no_job = gateway.push(&key(""), b"", None, Replace::Group, None);
    assert_eq!(no_job.unwrap_err().to_string(), "job name is required");
}

fn refused(gateway: &Gateway, path: &str, body: &str, expected: &Expect) {
    let text = put(gateway, path, body).unwrap_err().to_string();
    let start = "pushed metrics are invalid or inconsistent with existing metrics: ";
    expected.assert_eq(text.strip_prefix(start).unwrap());
}

#[test]
fn what_contradicts_others_is_refused() {
    let gateway = gateway(options());
    put(&gateway, "a", "x 1\nn_count 1\n# TYPE h histogram\nh_sum 1\nh_count 0\n").unwrap();
    put(&gateway, "d", "y{instance=\"q\"} 1\n").unwrap();
    let refused =
        |path: &str, body: &str, expected: &Expect| refused(&gateway, path, body, expected);
    refused("a", "x 1 1000\n", &expect!["pushed metrics must not have timestamps"]);
    refused(
        "b",
        "# TYPE x counter\nx 1\n",
        &expect![[
            r#"collected metric "x" { label:{name:"instance"  value:""}  label:{name:"job"  value:"b"}  counter:{value:1}} is not a UNTYPED"#
        ]],
    );
    refused(
        "c",
        "t 1\nt 2\n",
        &expect![[
            r#"collected metric "t" { label:{name:"instance"  value:""}  label:{name:"job"  value:"c"}  untyped:{value:2}} was collected before with the same name and label values"#
        ]],
    );
    refused(
        "d/instance/q",
        "y 1\n",
        &expect![[
            r#"collected metric "y" { label:{name:"instance"  value:"q"}  label:{name:"job"  value:"d"}  untyped:{value:1}} was collected before with the same name and label values"#
        ]],
    );
    refused(
        "g",
        "# TYPE go_goroutines counter\ngo_goroutines 3\n",
        &expect!["gathered metric family go_goroutines has type COUNTER but should have GAUGE"],
    );
    refused(
        "k",
        "h_bucket 3\n",
        &expect![[
            r#"collected metric named "h_bucket" collides with previously collected histogram named "h""#
        ]],
    );
    let both = "# TYPE m_count gauge\nm_count 1\n# TYPE m histogram\nm_count 1\nm_sum 1\n";
    refused(
        "k",
        both,
        &expect![[
            r#"collected metric named "m_count" collides with previously collected histogram named "m""#
        ]],
    );
    refused(
        "k",
        "# TYPE n summary\nn_sum 3\n",
        &expect![[
            r#"collected metric named "n_count" collides with previously collected summary named "n""#
        ]],
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    let gateway = gateway(options());
    let refused =
        |path: &str, body: &str, expected: &Expect| refused(&gateway, path, body, expected);
    refused(
        "k/quantile/5",
        "# TYPE s summary\ns_count 3\ns_sum 1\n",
        &expect![[
            r#"collected metric "s" { label:{name:"instance"  value:""}  label:{name:"job"  value:"k"}  label:{name:"quantile"  value:"5"}  summary:{sample_count:3  sample_sum:1}} must not have an explicit "quantile" label"#
        ]],
    );
    refused(
        "k",
        "z 1\nz 1e30\nz +Inf\n",
        &expect![[r#"
        2 error(s) occurred:
        * collected metric "z" { label:{name:"instance"  value:""}  label:{name:"job"  value:"k"}  untyped:{value:1e+30}} was collected before with the same name and label values
        * collected metric "z" { label:{name:"instance"  value:""}  label:{name:"job"  value:"k"}  untyped:{value:inf}} was collected before with the same name and label values"#]],
    );
}

#[test]
fn one_help_text_stands() {
    let gateway = gateway(options());
    put(&gateway, "a", "x 1\n").unwrap();
    put(&gateway, "b", "# HELP x first\nx 1\n").unwrap();
    put(&gateway, "c", "# HELP x second\nx 1\n").unwrap();
    let own = "# HELP go_goroutines theirs\n# TYPE go_goroutines gauge\ngo_goroutines 3\n";
    put(&gateway, "d", own).unwrap();
    let text = shown(&gateway);
    let helps: Vec<&str> = text.lines().filter(|line| line.starts_with("# HELP")).collect();
    assert_eq!(helps, ["# HELP go_goroutines ours", "# HELP x first"]);
}

#[test]
fn a_refused_push_makes_its_group_say_so() {
    let gateway = gateway(options());
    put(&gateway, "a", "x 1\n").unwrap();
    put(&gateway, "b", "# TYPE x counter\nx 1\n").unwrap_err();
    let states = || -> String {
        let line = |group: &Arc<Group>| {
            let times = (group.push_time_ms > 0, group.push_failure_time_ms > 0);
            format!("{:?} {times:?} {}\n", group.labels, group.last_push_successful())
        };
        gateway.groups().iter().map(line).collect()
    };
    expect![[r#"
        {"job": "a"} (true, false) true
        {"job": "b"} (false, true) false
    "#]]
    .assert_eq(&states());
    put(&gateway, "a", "x 1 1\n").unwrap_err();
    put(&gateway, "b", "x 2\n").unwrap();
    expect![[r#"
        {"job": "a"} (true, true) false
        {"job": "b"} (true, true) true
    "#]]
    .assert_eq(&states());
    check(
        &gateway,
        &expect![[r##"
            # TYPE x untyped
            x{instance="",job="a"} 1
            x{instance="",job="b"} 2
        "##]],
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// Whatever comes is read or refused, and what is taken reads back from the journal.
    #[test]
    fn any_body_is_answered(parts in proptest::collection::vec(proptest::sample::select(&[
        "x", "y_sum", "# TYPE x ", "histogram", "summary", "# HELP x ", "\n", " ", "{", "}", "le=", "a", "=", "\"", ",", "1",
        "-", ".5", "\\", "é", "\t", "quantile=\"1\"", "x_bucket", "NaN", "\0", "{a=\"b\"} 1\n", " 2\n",
    ][..]), 0..40)) {
        let (fs, clock) = (SimFs::new(1), Arc::new(SimClock::at(1)));
        let first = open(&fs, &clock, options());
        drop(put(&first, "a", &parts.concat()));
        let text = exposed(&first, Protocol::Text004);
        drop(first);
        proptest::prop_assert_eq!(exposed(&open(&fs, &clock, options()), Protocol::Text004), text);
    }
}

#[test]
fn without_the_check_contradictions_are_taken() {
    let gateway = gateway(Options { consistency_check: false, ..options() });
    put(&gateway, "a", "x 1\nx 2\n").unwrap();
    put(&gateway, "b", "# TYPE x counter\nx 1\n").unwrap();
    let times = put(&gateway, "b", "x 1 1\n").unwrap_err();
    assert!(matches!(times, PushError::Inconsistent(_)), "{times}");
    gateway.wipe().unwrap();
    put(&gateway, "b", "# TYPE x counter\nx 1\n").unwrap();
}

#[test]
fn composed_metrics_survive_text_and_the_journal() {
    let (fs, clock) = (SimFs::new(3), Arc::new(SimClock::at(1_700_000_000_000)));
    let first = open(&fs, &clock, options());
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 4\nh_count 4\nh_sum 2.5\n\
        # TYPE s summary\ns{quantile=\"0.5\",a=\"b\"} 3\ns_count{a=\"b\"} 3\ns_sum{a=\"b\"} 2\n";
    put(&first, "i", body).unwrap();
    let groups = first.groups();
    drop(first);
    fs.crash();
    let again = open(&fs, &clock, options());
    assert_eq!(again.groups(), groups);
    check(
        &again,
        &expect![[r#"
        # TYPE h histogram
        h_bucket{instance="",job="i",le="1"} 3
        h_bucket{instance="",job="i",le="+Inf"} 4
        h_sum{instance="",job="i"} 2.5
        h_count{instance="",job="i"} 4
        # TYPE s summary
        s{a="b",instance="",job="i",quantile="0.5"} 3
        s_sum{a="b",instance="",job="i"} 2
        s_count{a="b",instance="",job="i"} 3
    "#]],
    );
}
