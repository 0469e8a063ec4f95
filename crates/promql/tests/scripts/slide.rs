//! A range query slides windows and shares work between steps; an instant query does neither. Both must agree to the last bit.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::labels::Labels;
use model::sample::{Value, stale_nan};
use promql::parse::ParserOptions;
use promql::{Engine, EngineOptions, QueryParams, QueryValue};
use proptest::prelude::*;
use stdx::budget::Budget;
use stdx::clock::RealClock;

use crate::store::Store;

const QUERIES: &[&str] = &[
    "m",
    "rate(m[70s])",
    "increase(m[3m] offset 20s)",
    "delta(m[45s])",
    "irate(m[2m])",
    "resets(m[3m])",
    "changes(m[3m])",
    "max_over_time(m[2m])",
    "min_over_time(m[2m])",
    "sum_over_time(m[100s])",
    "avg_over_time(m[100s])",
    "stddev_over_time(m[2m])",
    "quantile_over_time(0.3, m[2m])",
    "last_over_time(m[30s])",
    "deriv(m[2m])",
    "max_over_time(rate(m[1m])[2m:20s])",
    "sum by (l) (rate(m[1m]))",
    "avg(m) + sum(m) - max(m)",
    "topk(1, m)",
    "m > 3 or m @ 60",
    "m{l=\"a\"} / ignoring(l) m{l=\"b\"}",
    "absent_over_time(m{l=\"a\"}[30s])",
];

fn value() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        3 => (0..20_i32).prop_map(|v| Some(f64::from(v))),
        3 => (0.0..10.0_f64).prop_map(Some),
        1 => Just(None),
        1 => Just(Some(stale_nan())),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1e308)].prop_map(Some),
    ]
}

fn store(series: &[Vec<Option<f64>>]) -> Store {
    let mut store = Store::default();
    for (name, values) in ["a", "b"].into_iter().zip(series) {
        let labels = Labels::from_pairs([("__name__", "m"), ("l", name)]);
        for (t, v) in (0..).map(|i: i64| i * 10_000 + i % 3 * 700).zip(values) {
            if let Some(v) = v {
                store.put(&labels, t, Value::Float(*v));
            }
        }
    }
    store
}

/// By labels and time, the bits of a result.
fn bits(value: QueryValue, t: i64) -> BTreeMap<(Labels, i64), u64> {
    match value {
        QueryValue::Vector(samples) => {
            let all = samples.into_iter().map(|one| match one.sample.v {
                Value::Float(v) => ((one.labels, t), v.to_bits()),
                Value::Histogram(_) => unreachable!("floats only"),
            });
            all.collect()
        }
        QueryValue::Matrix(series) => {
            let points = series.into_iter().flat_map(|one| {
                let points = one.samples.ts.into_iter().zip(one.samples.vs);
                points.map(|(t, v)| ((one.labels.clone(), t), v.to_bits())).collect::<Vec<_>>()
            });
            points.collect()
        }
        QueryValue::Scalar { .. } | QueryValue::String { .. } => unreachable!("vectors only"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_range_query_is_its_instant_queries(
        series in prop::collection::vec(prop::collection::vec(value(), 30), 2),
        query in prop::sample::select(QUERIES),
        (start, step) in (-20_000..100_000_i64, 1_000..40_000_i64),
    ) {
        let store = store(&series);
        let mut options = EngineOptions::new(Budget::new("test", 1 << 30));
        options.lookback_ms = 25_000;
        options.parser = ParserOptions { experimental_functions: true, ..ParserOptions::default() };
        let engine = Engine::new(options, Arc::new(RealClock::default()));
        let params = QueryParams::default();
        let end = start + 12 * step;
        let whole = engine.range(&store, query, start, end, step, &params);
        let whole = whole.map_err(|e| TestCaseError::fail(e.to_string()))?;
        let mut single = BTreeMap::new();
        for t in (0..=12).map(|i| start + i * step) {
            let one = engine.instant(&store, query, t, &params);
            single.extend(bits(one.map_err(|e| TestCaseError::fail(e.to_string()))?.value, t));
        }
        prop_assert_eq!(bits(whole.value, 0), single, "{}", query);
    }
}
