//! What bounds a query, and what it says of its cost.

use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use model::labels::Labels;
use model::sample::Value;
use promql::engine::{CancelFlag, ErrorKind};
use promql::{Engine, EngineOptions, QueryError, QueryParams, QueryValue};
use stdx::budget::Budget;
use stdx::clock::{Clock, SimClock};

use crate::store::Store;

const MINUTE: i64 = 60_000;

/// Two series, a sample a minute for ten minutes.
fn store() -> Store {
    let mut store = Store::default();
    for job in ["a", "b"] {
        let labels = Labels::from_pairs([("__name__", "m"), ("job", job)]);
        for i in 0..10_i32 {
            store.put(&labels, i64::from(i) * MINUTE, Value::Float(f64::from(i)));
        }
    }
    store
}

fn engine(change: impl FnOnce(&mut EngineOptions)) -> Engine {
    let mut options = EngineOptions::new(Budget::new("query.max-memory", 1 << 20));
    change(&mut options);
    Engine::new(options, Arc::new(SimClock::at(0)))
}

fn range(engine: &Engine, query: &str) -> Result<promql::Outcome, QueryError> {
    engine.range(&store(), query, 0, 9 * MINUTE, MINUTE, &QueryParams::default())
}

#[expect(clippy::needless_pass_by_value, reason = "as `expect![…]` is written")]
fn refused(result: Result<promql::Outcome, QueryError>, kind: ErrorKind, text: Expect) {
    let error = result.err();
    assert_eq!(error.as_ref().map(QueryError::kind), Some(kind));
    text.assert_eq(&error.map(|error| error.to_string()).unwrap_or_default());
}

#[test]
fn samples_are_bounded() {
    let at = |samples_max| engine(|options| options.samples_max = samples_max);
    assert!(range(&at(20), "m").is_ok());
    refused(
        range(&at(19), "m"),
        ErrorKind::Execution,
        expect!["query processing would load too many samples into memory in query execution"],
    );
    // A window counts as well, here 5 samples.
    let window = |engine: Engine| {
        engine.instant(&store(), "rate(m[5m])", 9 * MINUTE, &QueryParams::default())
    };
    assert!(window(at(7)).is_ok());
    assert!(window(at(4)).is_err());
}

#[test]
fn bytes_are_bounded() {
    let needed = {
        let engine = engine(|_| {});
        assert!(range(&engine, "m").is_ok());
        assert_eq!(engine.options().memory.used_bytes(), 0, "all is given back");
        engine.options().memory.peak_bytes()
    };
    let at = |bytes| engine(|options| options.memory = Budget::new("query.max-memory", bytes));
    assert!(range(&at(needed), "m").is_ok());
    refused(
        range(&at(needed - 1), "m"),
        ErrorKind::Execution,
        expect![
            "query needs too much memory: query.max-memory: 248 bytes wanted with 576 of 823 in use"
        ],
    );
}

#[test]
fn a_subquery_that_is_too_fine_is_refused_before_it_is_held() {
    refused(
        engine(|_| {}).instant(&store(), "max_over_time(m[10y:1ms])", 0, &QueryParams::default()),
        ErrorKind::Execution,
        expect![
            "query needs too much memory: query.max-memory: 2522880000000 bytes wanted with 24 of 1048576 in use"
        ],
    );
}

#[test]
fn no_subquery_is_walked_through_before_it_is_paid_for() {
    for range in ["30d:1ms", "100y:1ms"] {
        for inner in ["vector(1)", "time()", "m", "sum(m @ 0)", "absent(x)", "vector(1)[1h:1s]"] {
            let inner = inner.replace("vector(1)[1h:1s]", "sum_over_time(vector(1)[1h:1s])");
            let inner = if inner == "time()" { "vector(time())".to_owned() } else { inner };
            for outer in ["max_over_time", "absent_over_time", ""] {
                let query = format!("{outer}({inner}[{range}])");
                let found = engine(|_| {}).instant(&store(), &query, 0, &QueryParams::default());
                assert!(matches!(found, Err(QueryError::Memory(_))), "{query}: {found:?}");
            }
        }
    }
}

#[test]
fn all_of_a_range_vector_is_held() {
    let at = |options: EngineOptions| {
        let engine = Engine::new(options, Arc::new(SimClock::at(0)));
        engine.instant(&store(), "{__name__=~\".+\"}[1h]", 9 * MINUTE, &QueryParams::default())
    };
    let options = || EngineOptions::new(Budget::new("query.max-memory", 1 << 20));
    // Two series of ten samples each.
    assert!(at(EngineOptions { samples_max: 20, ..options() }).is_ok());
    let found = at(EngineOptions { samples_max: 19, ..options() });
    assert!(matches!(found, Err(QueryError::TooManySamples(_))), "{found:?}");
    let needed = {
        let options = options();
        let memory = Arc::clone(&options.memory);
        assert!(at(options).is_ok());
        memory.peak_bytes()
    };
    assert!(needed > 2 * 10 * 16, "{needed}");
    let within = |bytes| at(EngineOptions::new(Budget::new("query.max-memory", bytes)));
    assert!(within(needed).is_ok());
    assert!(matches!(within(needed - 1), Err(QueryError::Memory(_))));
}

#[test]
fn an_answer_is_paid_for_as_long_as_it_is_there() {
    let engine = engine(|_| {});
    let used = || engine.options().memory.used_bytes();
    let outcome = range(&engine, "m").unwrap();
    assert_eq!(outcome.held.bytes(), used());
    assert!(used() >= 2 * 10 * 16, "{}", used());
    drop(outcome);
    assert_eq!(used(), 0);
    let outcome = engine.instant(&store(), "m[1h]", 0, &QueryParams::default()).unwrap();
    assert_eq!(outcome.held.bytes(), used());
    assert!(used() > 0);
    drop(outcome);
    assert_eq!(used(), 0);
}

#[test]
fn patterns_are_paid_for() {
    let engine = engine(|_| {});
    // Each takes about a megabyte, the budget.
    for query in [
        "m{job=~\".{600}.{600}\"}",
        "label_replace(label_replace(m, \"a\", \"\", \"a\", \".{600}\"), \"a\", \"\", \"a\", \".{600}\")",
    ] {
        let found = engine.instant(&store(), query, 0, &QueryParams::default());
        assert!(matches!(found, Err(QueryError::Memory(_))), "{query}: {found:?}");
    }
    let query = "label_replace(m{job=~\".{300}|a\"}, \"a\", \"\", \"a\", \".{300}\")";
    let found = engine.instant(&store(), query, 0, &QueryParams::default());
    assert!(found.is_ok(), "{found:?}");
}

#[test]
fn the_deepest_queries_are_evaluated() {
    let parser = promql::parse::ParserOptions { experimental_functions: true, ..<_>::default() };
    let depths: Vec<usize> = (1..=promql::ast::DEPTH_MAX).collect();
    for (open, close) in [
        ("(", ")"),
        ("-", ""),
        ("", " + m"),
        ("m or on (job) ", ""),
        ("", " > bool 1"),
        ("", " * on (job) group_left () m"),
        ("abs(", ")"),
        ("sum by (job) (", ")"),
        ("topk(1, ", ")"),
        ("quantile(0.5, ", ")"),
        ("count_values(\"a\", ", ")"),
        ("sort(", ")"),
        ("absent(", ")"),
        ("absent_over_time((", ")[1m:])"),
        ("max_over_time(", "[1s:1s])"),
        ("label_replace(", ", \"a\", \"\", \"\", \"\")"),
        ("histogram_quantile(0.5, ", ")"),
        ("clamp(", ", 0, 1)"),
        ("vector(scalar(", "))"),
        ("info(", ")"),
    ] {
        let nest = |n: usize| format!("{}m{}", open.repeat(n), close.repeat(n));
        let fits = |n: &usize| promql::parse::parse(&nest(*n), &parser).is_ok();
        let query = nest(depths.partition_point(fits));
        let engine = engine(|options| options.parser = parser);
        let found = engine.range(&store(), &query, 0, MINUTE, MINUTE, &QueryParams::default());
        assert!(found.is_ok(), "{open}…{close}: {found:?}");
    }
}

#[test]
fn label_values_are_bounded() {
    // Each round doubles the value, from 16 bytes to a mebibyte in 16.
    let doubled = |rounds: usize| {
        let text = format!("label_replace(m, \"l\", \"{}\", \"\", \"\")", "x".repeat(16));
        let text = (0..rounds)
            .fold(text, |inner, _| format!("label_join({inner}, \"l\", \"\", \"l\", \"l\")"));
        let large = engine(|options| options.memory = Budget::new("query.max-memory", 1 << 30));
        large.instant(&store(), &text, 0, &QueryParams::default())
    };
    assert!(doubled(16).is_ok());
    refused(
        doubled(17),
        ErrorKind::Execution,
        expect![
            "label_join() would make a label value of up to 2097152 bytes, more than the limit of 1048576"
        ],
    );
}

#[test]
fn times_at_the_ends_of_the_range_are_no_trouble() {
    for query in [
        "m",
        "rate(m[5m] offset 1h)",
        "max_over_time(m[1h:1m] offset -1h)",
        "time()",
        "year()",
        "m @ start()",
    ] {
        for t in [i64::MIN, i64::MAX] {
            assert!(
                engine(|_| {}).instant(&store(), query, t, &QueryParams::default()).is_ok(),
                "{query} at {t}"
            );
        }
    }
    refused(
        engine(|_| {}).range(&store(), "1", i64::MIN, i64::MAX, 1, &QueryParams::default()),
        ErrorKind::Execution,
        expect![
            "query needs too much memory: query.max-memory: 18446744073709551615 bytes wanted with 0 of 1048576 in use"
        ],
    );
}

#[test]
fn a_cancelled_query_ends() {
    let params = QueryParams { cancel: CancelFlag::default(), ..QueryParams::default() };
    params.cancel.cancel();
    refused(
        engine(|_| {}).instant(&store(), "m", 0, &params),
        ErrorKind::Canceled,
        expect!["query was canceled in expression evaluation"],
    );
}

/// A clock whose time goes on by a second at each look.
#[derive(Debug, Default)]
struct Hurry(SimClock);

impl Clock for Hurry {
    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }

    fn mono(&self) -> Duration {
        self.0.advance(Duration::from_secs(1));
        self.0.mono()
    }

    fn sleep(&self, duration: Duration) {
        self.0.sleep(duration);
    }
}

#[test]
fn a_query_ends_at_its_deadline() {
    let options = EngineOptions::new(Budget::new("query.max-memory", 1 << 20));
    let engine = Engine::new(options, Arc::new(Hurry::default()));
    let within = |timeout| QueryParams { timeout: Some(timeout), ..QueryParams::default() };
    assert!(engine.instant(&store(), "m", 0, &within(Duration::from_secs(60))).is_ok());
    refused(
        engine.instant(&store(), "m", 0, &within(Duration::from_secs(2))),
        ErrorKind::Timeout,
        expect!["query timed out in expression evaluation"],
    );
}

/// A sample each second for `steps` seconds; the series of the metric `one` take turns.
fn crowd(steps: i64, series: i64) -> Store {
    let mut store = Store::default();
    for i in 0..series {
        let labels = |name: &str| Labels::from_pairs([("__name__", name), ("i", &i.to_string())]);
        let (many, one) = (labels("many"), labels("one"));
        for step in 0..steps {
            store.put(&many, 1000 * step, Value::Float(1.0));
            if step % series == i {
                store.put(&one, 1000 * step, Value::Float(2.0));
            }
        }
    }
    store
}

#[test]
fn a_join_looks_at_the_deadline() {
    const STEPS: i64 = 500;
    const SERIES: i64 = 40;
    let store = crowd(STEPS, SERIES);
    let looks = |query: &str| {
        let clock = Arc::new(Hurry::default());
        let mut options = EngineOptions::new(Budget::new("query.max-memory", 1 << 24));
        options.timeout = Duration::from_secs(1 << 20);
        let params = QueryParams { lookback_ms: Some(1000), ..QueryParams::default() };
        let result = Engine::new(options, clock.clone()).range(
            &store,
            query,
            0,
            1000 * (STEPS - 1),
            1000,
            &params,
        );
        assert!(result.is_ok(), "{query}: {result:?}");
        clock.0.mono().as_secs()
    };
    let (many, one) = (looks("many"), looks("one"));
    // Each series of the left looks for its partner at each step: 40 × 500 × 40 values.
    let joined = looks("many * on () group_left () one");
    assert!(joined > many + one + 8, "{joined} looks, {many} and {one} for the sides");
}

#[test]
fn only_vectors_and_scalars_have_ranges() {
    refused(
        range(&engine(|_| {}), "m[5m]"),
        ErrorKind::BadData,
        expect![[
            r#"invalid expression type "range vector" for range query, must be Scalar or instant Vector"#
        ]],
    );
    refused(
        engine(|_| {}).range(&store(), "m", 0, 1, 0, &QueryParams::default()),
        ErrorKind::BadData,
        expect![
            "zero or negative query resolution step widths are not accepted. Try a positive integer"
        ],
    );
}

#[test]
fn a_result_is_cut_at_its_limit() -> Result<(), QueryError> {
    let cut = |limit| {
        let params = QueryParams { limit, ..QueryParams::default() };
        let outcome = engine(|_| {}).instant(&store(), "m", 0, &params)?;
        let QueryValue::Vector(samples) = outcome.value else { return Ok((0, false)) };
        Ok::<_, QueryError>((samples.len(), outcome.truncated))
    };
    assert_eq!((cut(0)?, cut(1)?, cut(2)?), ((2, false), (1, true), (2, false)));
    Ok(())
}

#[test]
fn stats_count_what_was_touched() -> Result<(), QueryError> {
    let stats = |query| range(&engine(|_| {}), query).map(|outcome| outcome.stats);
    let counts = |stats: promql::engine::QueryStats| {
        let steps: Vec<u64> = stats.samples_per_step.iter().map(|(_, n)| *n).collect();
        (stats.samples_total, stats.samples_peak, steps)
    };
    assert_eq!(counts(stats("m")?), (20, 20, vec![2; 10]));
    let (total, _, steps) = counts(stats("sum(rate(m[2m]))")?);
    assert_eq!((total, steps), (38, vec![2, 4, 4, 4, 4, 4, 4, 4, 4, 4]));
    // What does not change is read once, and counts at each step.
    assert_eq!(counts(stats("m @ 0")?).0, 20);
    Ok(())
}
