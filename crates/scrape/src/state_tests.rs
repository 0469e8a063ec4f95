//! The semantics of scrapes, as tables of bodies and of what storage got.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use model::histogram::{Histogram, Span};
use model::labels::Labels;
use model::metadata::MetricType;
use model::names::NameScheme;
use model::port::AppendError;
use model::regex::Regex;
use model::relabel::{Action, Rule};

use crate::batch::Outcome;
use crate::config::Limits;
use crate::mutate::Mutator;
use crate::state::{Fetched, Settings, State, Times};
use crate::testing::FakeStorage;

const TEXT: &str = "text/plain; version=0.0.4";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

struct Rig {
    storage: FakeStorage,
    state: State,
    content_type: &'static str,
    /// Also show the series about the scrape.
    reports: bool,
}

fn settings() -> Settings {
    Settings {
        mutator: Mutator {
            target: Labels::from_pairs([("instance", "i")]),
            honor_labels: false,
            rules: Vec::new(),
            names: NameScheme::Utf8,
            limits: Limits::default(),
        },
        honor_timestamps: true,
        track_timestamps_staleness: false,
        fallback: None,
        extra_metrics: false,
        append_metadata: false,
        native_histograms: false,
        classic_histograms: false,
        schema_max: 8,
        timeout: Duration::from_secs(10),
    }
}

impl Rig {
    fn new(settings: Settings) -> Self {
        let state = State::new(Arc::new(settings), Arc::default(), 1);
        Self { storage: FakeStorage::default(), state, content_type: TEXT, reports: false }
    }

    fn fetched(&mut self, t_ms: i64, fetched: Fetched<'_>) -> Outcome {
        let elapsed = || Duration::from_millis(250);
        let times = Times { t_ms, now_ms: t_ms, elapsed: &elapsed };
        self.state.ingest(&self.storage, &times, fetched)
    }

    fn scrape(&mut self, t_ms: i64, body: &str) -> Outcome {
        let content_type = self.content_type;
        self.fetched(t_ms, Fetched::Body { bytes: body.as_bytes(), content_type })
    }

    fn stored(&self) -> String {
        let about = |line: &&str| line.starts_with("scrape_") || line.starts_with("up{");
        let all = self.storage.take();
        all.lines().filter(|line| self.reports || !about(line)).map(|l| format!("{l}\n")).collect()
    }

    /// Scrapes `bodies` a second apart, and shows what was stored and what went wrong.
    fn check(&mut self, bodies: &[&str], expected: &Expect) {
        let mut out = String::new();
        for (i, body) in bodies.iter().enumerate() {
            let outcome = self.scrape(1000 * i64::try_from(i + 1).unwrap(), body);
            out.push_str(&self.stored());
            if let Some(error) = outcome.error {
                out.push_str(&format!("down: {error}\n"));
            }
        }
        expected.assert_eq(&out);
    }
}

#[test]
fn a_plain_scrape_and_the_series_about_it() {
    let mut rig = Rig::new(Settings { extra_metrics: true, ..settings() });
    rig.reports = true;
    rig.check(
        &["a 1\nb{x=\"y\"} 2.5\n", "a 2\n"],
        &expect![[r#"
            a{instance=i} 1 @1000
            b{instance=i,x=y} 2.5 @1000
            up{instance=i} 1 @1000
            scrape_duration_seconds{instance=i} 0.25 @1000
            scrape_samples_scraped{instance=i} 2 @1000
            scrape_samples_post_metric_relabeling{instance=i} 2 @1000
            scrape_series_added{instance=i} 2 @1000
            scrape_timeout_seconds{instance=i} 10 @1000
            scrape_sample_limit{instance=i} 0 @1000
            scrape_body_size_bytes{instance=i} 17 @1000
            a{instance=i} 2 @2000
            b{instance=i,x=y} stale @2000
            up{instance=i} 1 @2000
            scrape_duration_seconds{instance=i} 0.25 @2000
            scrape_samples_scraped{instance=i} 1 @2000
            scrape_samples_post_metric_relabeling{instance=i} 1 @2000
            scrape_series_added{instance=i} 0 @2000
            scrape_timeout_seconds{instance=i} 10 @2000
            scrape_sample_limit{instance=i} 0 @2000
            scrape_body_size_bytes{instance=i} 4 @2000
        "#]],
    );
}

#[test]
fn a_failed_scrape_marks_all_and_stores_nothing_of_it() {
    Rig::new(settings()).check(
        &["a 1\nb 1\n", "a 2\nb{ 2\n", "a 3\n", "b 4\n"],
        &expect![[r#"
            a{instance=i} 1 @1000
            b{instance=i} 1 @1000
            a{instance=i} stale @2000
            b{instance=i} stale @2000
            down: expected label name, got "2" ("INVALID") while parsing: "b{ 2"
            a{instance=i} 3 @3000
            b{instance=i} 4 @4000
            a{instance=i} stale @4000
        "#]],
    );
}

#[test]
fn what_did_not_come_is_down() {
    let mut rig = Rig::new(Settings { extra_metrics: true, ..settings() });
    rig.reports = true;
    rig.scrape(1000, "a 1\n");
    rig.stored();
    let outcome =
        rig.fetched(2000, Fetched::Failed { error: "body size limit exceeded", too_large: true });
    assert_eq!(outcome.error.as_deref(), Some("body size limit exceeded"));
    expect![[r#"
        a{instance=i} stale @2000
        up{instance=i} 0 @2000
        scrape_duration_seconds{instance=i} 0.25 @2000
        scrape_samples_scraped{instance=i} 0 @2000
        scrape_samples_post_metric_relabeling{instance=i} 0 @2000
        scrape_series_added{instance=i} 0 @2000
        scrape_timeout_seconds{instance=i} 10 @2000
        scrape_sample_limit{instance=i} 0 @2000
        scrape_body_size_bytes{instance=i} -1 @2000
    "#]]
    .assert_eq(&rig.stored());
    rig.fetched(3000, Fetched::Failed { error: "no", too_large: false });
    assert!(rig.stored().ends_with("scrape_body_size_bytes{instance=i} 0 @3000\n"));
}

#[test]
fn an_empty_body_is_up_and_ends_the_series() {
    let mut rig = Rig::new(settings());
    rig.check(
        &["a 1\n", ""],
        &expect![[r#"
        a{instance=i} 1 @1000
        a{instance=i} stale @2000
    "#]],
    );
    // Without a body nobody asks for its type.
    assert_eq!(rig.fetched(3000, Fetched::Body { bytes: b"", content_type: "" }).error, None);
}

#[test]
fn a_body_needs_a_type_or_a_fallback() {
    let mut rig = Rig::new(settings());
    rig.content_type = "";
    let error = rig.scrape(1000, "a 1\n").error.unwrap();
    assert!(error.contains("blank Content-Type"), "{error}");
    let fallback = Some(wire::exposition::Format::Text);
    let mut rig = Rig::new(Settings { fallback, ..settings() });
    rig.content_type = "text/html";
    assert_eq!(rig.scrape(1000, "a 1\n").error, None);
}

#[test]
fn times_of_their_own() {
    let bodies = ["a 1 500\nb 1\n", "b 2\n"];
    Rig::new(settings()).check(
        &bodies,
        &expect![[r#"
        a{instance=i} 1 @500
        b{instance=i} 1 @1000
        b{instance=i} 2 @2000
    "#]],
    );
    Rig::new(Settings { track_timestamps_staleness: true, ..settings() }).check(
        &bodies,
        &expect![[r#"
            a{instance=i} 1 @500
            b{instance=i} 1 @1000
            b{instance=i} 2 @2000
            a{instance=i} stale @2000
        "#]],
    );
    Rig::new(Settings { honor_timestamps: false, ..settings() }).check(
        &bodies,
        &expect![[r#"
        a{instance=i} 1 @1000
        b{instance=i} 1 @1000
        b{instance=i} 2 @2000
        a{instance=i} stale @2000
    "#]],
    );
}

#[test]
fn samples_in_the_wrong_order_are_counted_and_the_rest_is_stored() {
    let mut rig = Rig::new(settings());
    rig.scrape(1000, "a 1 900\nb 1\nfar 1 601000\n");
    let outcome = rig.scrape(2000, "a 2 800\nb 2\nb 3\na 9 900\nfar 1 602001\n");
    assert_eq!(outcome.error, None);
    let counts = outcome.counts;
    assert_eq!((counts.out_of_order, counts.duplicate, counts.out_of_bounds), (1, 2, 1));
    assert_eq!((counts.scraped, counts.kept, counts.series_added), (5, 5, 0));
    expect![[r#"
        a{instance=i} 1 @900
        b{instance=i} 1 @1000
        far{instance=i} 1 @601000
        b{instance=i} 2 @2000
    "#]]
    .assert_eq(&rig.stored());
}

#[test]
fn limits_refuse_the_whole_scrape() {
    let limited = |limits| {
        let mut settings = settings();
        settings.mutator.limits = limits;
        Rig::new(settings)
    };
    let mut rig = limited(Limits { sample: 2, ..Limits::default() });
    rig.check(
        &["a 1\nb 1\n", "a 2\nb 2\nc 2\n", "a 3\nb 3\n"],
        &expect![[r#"
        a{instance=i} 1 @1000
        b{instance=i} 1 @1000
        a{instance=i} stale @2000
        b{instance=i} stale @2000
        down: sample limit exceeded
        a{instance=i} 3 @3000
        b{instance=i} 3 @3000
    "#]],
    );
    let outcome = rig.scrape(4000, "a 2\nb 2\nc 2\nd 2\n");
    let counts = outcome.counts;
    assert!(counts.over_sample_limit);
    assert_eq!((counts.scraped, counts.kept, counts.series_added), (4, 4, 0));
    // Markers do not count against the limit.
    assert_eq!(rig.scrape(5000, "c 1\nd 1\n").error, None);

    let mut rig = limited(Limits { label: 3, ..Limits::default() });
    assert_eq!(rig.scrape(1000, "a{b=\"1\"} 1\n").error, None);
    let outcome = rig.scrape(2000, "a{b=\"1\",c=\"1\"} 1\n");
    assert!(outcome.counts.over_label_limit);
    assert!(outcome.error.unwrap().starts_with("label_limit exceeded (metric: a, "));
}

#[test]
fn relabelling_drops_and_remembers_it() {
    let mut settings = settings();
    settings.mutator.rules = vec![Rule {
        source_labels: vec!["__name__".to_owned()],
        regex: Arc::new(Regex::wrapped("a.*").unwrap()),
        action: Action::Drop,
        ..Rule::default()
    }];
    let mut rig = Rig::new(settings);
    rig.reports = true;
    for t in [1000, 2000] {
        let counts = rig.scrape(t, "a1 1\na2 1\nb 1\n").counts;
        assert_eq!((counts.scraped, counts.kept), (3, 1));
        assert_eq!(rig.stored().lines().filter(|line| line.starts_with('a')).count(), 0);
    }
}

#[test]
fn a_line_seen_before_asks_for_no_labels() {
    let mut rig = Rig::new(settings());
    let body = "# HELP a text\n# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\nb 3\n";
    rig.scrape(1000, body);
    let calls = rig.storage.label_calls();
    let counts = rig.scrape(2000, &body.replace(" 2\n", " 7e3\n")).counts;
    // Another order, another line between.
    rig.scrape(3000, "b 3\na{x=\"2\"} 2\na{x=\"1\"} 1\n");
    assert_eq!(rig.storage.label_calls(), calls);
    assert_eq!((counts.scraped, counts.series_added), (3, 0));
    expect![[r#"
        a{instance=i,x=1} 1 @1000
        a{instance=i,x=2} 2 @1000
        b{instance=i} 3 @1000
        a{instance=i,x=1} 1 @2000
        a{instance=i,x=2} 7000 @2000
        b{instance=i} 3 @2000
        b{instance=i} 3 @3000
        a{instance=i,x=2} 2 @3000
        a{instance=i,x=1} 1 @3000
    "#]]
    .assert_eq(&rig.stored());
}

#[test]
fn storage_that_forgot_gets_the_labels_again() {
    let mut rig = Rig::new(settings());
    rig.scrape(1000, "a 1\nb 1\n");
    rig.storage.forget_all();
    rig.stored();
    let counts = rig.scrape(2000, "a 2\nb 2\n").counts;
    assert_eq!((counts.scraped, counts.kept, counts.series_added), (2, 2, 2));
    expect![[r#"
        a{instance=i} 2 @2000
        b{instance=i} 2 @2000
    "#]]
    .assert_eq(&rig.stored());
    rig.scrape(3000, "b 3\n");
    assert_eq!(rig.stored(), "b{instance=i} 3 @3000\na{instance=i} stale @3000\n");
}

#[test]
fn a_full_storage_keeps_what_it_has() {
    let mut rig = Rig::new(settings());
    rig.scrape(1000, "a 1\n");
    rig.storage.set_series_max(6);
    rig.stored();
    let outcome = rig.scrape(2000, "a 2\nnew 2\n");
    assert_eq!((outcome.error, outcome.refused.as_deref()), (None, Some("limit reached: series")));
    assert_eq!(rig.stored(), "a{instance=i} 2 @2000\n");
}

#[test]
fn a_commit_that_fails_is_said() {
    let mut rig = Rig::new(settings());
    rig.storage.fail_commits(Some(AppendError::Storage("disk full".to_owned())));
    assert_eq!(rig.scrape(1000, "a 1\n").error.as_deref(), Some("storage: disk full"));
    rig.storage.fail_commits(None);
    assert_eq!(rig.scrape(2000, "a 2\n").error, None);
    assert_eq!(rig.stored(), "a{instance=i} 2 @2000\n");
}

#[test]
fn one_batch_per_scrape_and_one_for_its_failure() {
    let mut rig = Rig::new(settings());
    rig.scrape(1000, "a 1\n");
    assert_eq!(rig.storage.commits(), 1);
    rig.scrape(2000, "a 1\n{\n");
    assert_eq!(rig.storage.commits(), 2);
}

#[test]
fn exemplars_and_metadata() {
    let mut rig = Rig::new(Settings { append_metadata: true, ..settings() });
    rig.content_type = OPEN_METRICS;
    let body = |n: u32| {
        format!("# TYPE a counter\n# HELP a text\na_total {n} # {{id=\"x\"}} 5\nb {n} 1.5\n# EOF\n")
    };
    rig.check(
        &[&body(1), &body(2)],
        &expect![[r##"
        a_total{instance=i} 1 @1000
        b{instance=i} 1 @1500
        # exemplar of 1: {"id": "x"} 5 @Some(1000)
        # metadata of 1: counter "text"
        a_total{instance=i} 2 @2000
        # exemplar of 1: {"id": "x"} 5 @Some(2000)
    "##]],
    );
}

#[test]
fn the_end_of_a_target() {
    let mut rig = Rig::new(settings());
    rig.reports = true;
    rig.scrape(1000, "a 1\nb 1 900\n");
    rig.stored();
    rig.state.end_of_run(&rig.storage, 2000).unwrap();
    expect![[r#"
        a{instance=i} stale @2000
        up{instance=i} stale @2000
        scrape_duration_seconds{instance=i} stale @2000
        scrape_samples_scraped{instance=i} stale @2000
        scrape_samples_post_metric_relabeling{instance=i} stale @2000
        scrape_series_added{instance=i} stale @2000
    "#]]
    .assert_eq(&rig.stored());
    // It was back meanwhile: the markers come too late.
    let mut back = State::new(Arc::new(settings()), Arc::default(), 2);
    std::mem::swap(&mut rig.state, &mut back);
    rig.scrape(3000, "a 1\n");
    rig.scrape(5000, "a 1\n");
    rig.stored();
    std::mem::swap(&mut rig.state, &mut back);
    rig.state.end_of_run(&rig.storage, 4000).unwrap();
    assert_eq!(rig.stored(), "");
}

#[test]
fn a_replacing_loop_goes_on_without_markers() {
    let mut rig = Rig::new(settings());
    rig.scrape(1000, "a 1\nb 1\n");
    let mut next = State::new(Arc::new(settings()), Arc::default(), 1);
    std::mem::swap(&mut rig.state, &mut next);
    rig.state.adopt(next);
    let calls = rig.storage.label_calls();
    rig.scrape(2000, "a 2\n");
    assert_eq!(rig.storage.label_calls(), calls);
    assert!(rig.stored().ends_with("a{instance=i} 2 @2000\nb{instance=i} stale @2000\n"));
}

/// A protobuf body with a native histogram of schema 3 that counts `n` times three.
fn native_body(n: u64) -> Vec<u8> {
    use wire::encode::{Encoder, Family, Metric, Value};
    let count = i64::try_from(n).unwrap();
    let h = wire::exposition::NativeHistogram::Int(Histogram {
        schema: 3,
        count: 3 * n,
        sum: 1.5,
        positive_spans: vec![Span { offset: 1, length: 3 }],
        positive_deltas: vec![count, 0, 0],
        ..Histogram::default()
    });
    let metrics = [Metric {
        labels: &[("x", "y")],
        t: None,
        start_t: None,
        value: Value::Native { h: &h, buckets: &[], exemplars: &[] },
    }];
    let kind = MetricType::Histogram;
    let family = Family { name: "h", help: "", unit: "", kind, metrics: &metrics };
    let mut body = Vec::new();
    let protocol = wire::negotiate::Protocol::Protobuf;
    let escaping = wire::escaping::EscapingScheme::AllowUtf8;
    Encoder::new(protocol, escaping, &mut body).family(&family);
    body
}

#[test]
fn native_histograms() {
    let content_type = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    let scrapes = |settings: Settings| {
        let mut rig = Rig::new(settings);
        let mut out = String::new();
        for n in 1..=2 {
            let body = native_body(n);
            let t_ms = 1000 * i64::try_from(n).unwrap();
            let outcome = rig.fetched(t_ms, Fetched::Body { bytes: &body, content_type });
            out.push_str(&rig.stored());
            if let Some(error) = outcome.error {
                out.push_str(&format!("down: {error}\n"));
            }
        }
        out
    };
    let native = Settings { native_histograms: true, ..settings() };
    expect![[r#"
        h{instance=i,x=y} 3 @1000
        # schema 3: [1, 0, 0]
        h{instance=i,x=y} 6 @2000
        # schema 3: [2, 0, 0]
    "#]]
    .assert_eq(&scrapes(native.clone()));
    let mut limited = native.clone();
    limited.mutator.limits.native_histogram_bucket = 2;
    expect![[r#"
        h{instance=i,x=y} 3 @1000
        # schema 2: [2, -1]
        h{instance=i,x=y} 6 @2000
        # schema 2: [4, -2]
    "#]]
    .assert_eq(&scrapes(limited));
    expect![[r#"
        h{instance=i,x=y} 3 @1000
        # schema -1: [3]
        h{instance=i,x=y} 6 @2000
        # schema -1: [6]
    "#]]
    .assert_eq(&scrapes(Settings { schema_max: -1, ..native }));
    expect![[r#"
        h_count{instance=i,x=y} 3 @1000
        h_sum{instance=i,x=y} 1.5 @1000
        h_bucket{instance=i,le=+Inf,x=y} 3 @1000
        h_count{instance=i,x=y} 6 @2000
        h_sum{instance=i,x=y} 1.5 @2000
        h_bucket{instance=i,le=+Inf,x=y} 6 @2000
    "#]]
    .assert_eq(&scrapes(settings()));
}

/// Lines that scrapes are put together from: plain, spaced, escaped, timed, and now and then broken.
const LINES: [&str; 16] = [
    "a 1\n",
    "a 2\n",
    "a{x=\"1\"} 3\n",
    "a{x=\"1\"}4\n",
    "a {x=\"1\"} 5\n",
    "a{x=\"2\",} +Inf\n",
    "a{x=\"q\\\"}\"} 6e2\n",
    "ab 7 \n",
    "ab\t8 1500\n",
    "  b 9\n",
    "# TYPE a gauge\n",
    "h_bucket{le=\"1\"} 1\n",
    "# HELP a text\n",
    "\n",
    "{\"b.c\",d=\"e\"} 10\n",
    "a{ 1\n",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    /// A target that remembers stores what one that sees the body for the first time stores, whatever came before.
    #[test]
    fn memory_changes_nothing(
        scrapes in proptest::collection::vec(proptest::collection::vec(0_usize..64, 0..10), 1..6)
    ) {
        // Times of their own would make the storage's order matter.
        let settings = || Settings { honor_timestamps: false, ..settings() };
        let mut rig = Rig::new(settings());
        for (i, lines) in scrapes.iter().enumerate() {
            // The broken line is rare.
            let line = |n: &usize| LINES[if *n == 63 { 15 } else { n % 15 }];
            let body: String = lines.iter().map(line).collect();
            let t_ms = 10_000 * i64::try_from(i + 1).unwrap();
            let outcome = rig.scrape(t_ms, &body);
            let mut fresh = Rig::new(settings());
            let expected = fresh.scrape(t_ms, &body);
            proptest::prop_assert_eq!(&outcome.error, &expected.error);
            proptest::prop_assert_eq!(outcome.counts.scraped, expected.counts.scraped);
            proptest::prop_assert_eq!(outcome.counts.kept, expected.counts.kept);
            let (stored, first) = (rig.stored(), fresh.stored());
            let stored: Vec<&str> =
                stored.lines().filter(|line| !line.contains(" stale @")).collect();
            proptest::prop_assert_eq!(stored, first.lines().collect::<Vec<_>>());
        }
    }
}
