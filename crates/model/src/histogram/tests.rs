//! Arithmetic, estimates and checks.

use std::sync::Arc;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// An exponential histogram with positive buckets from `offset`, whose count is that of its buckets.
fn exponential(schema: i32, offset: i32, positive: &[f64]) -> FloatHistogram {
    let count = positive.iter().sum();
    FloatHistogram {
        schema,
        count,
        sum: count * 2.0,
        positive_spans: vec![Span { offset, length: u32::try_from(positive.len()).unwrap() }],
        positive_buckets: positive.to_vec(),
        ..FloatHistogram::default()
    }
}

fn custom(bounds: &[f64], counts: &[f64]) -> FloatHistogram {
    let mut h = exponential(CUSTOM_BUCKETS_SCHEMA, 0, counts);
    h.custom_values = Some(Arc::from(bounds));
    h
}

/// With the negative buckets and the zero bucket of a symmetric histogram.
fn symmetric(schema: i32, offset: i32, side: &[f64], zero: (f64, f64)) -> FloatHistogram {
    let mut h = exponential(schema, offset, side);
    h.negative_spans = h.positive_spans.clone();
    h.negative_buckets = h.positive_buckets.clone();
    (h.zero_threshold, h.zero_count) = zero;
    h.count = h.count * 2.0 + zero.1;
    h.sum = 0.0;
    h
}

#[expect(clippy::needless_pass_by_value, reason = "so that cases read as lists")]
fn check(h: &FloatHistogram, want: Expect) {
    want.assert_eq(&format!("{}\n{h}", h.test_expression()));
}

#[test]
fn buckets_have_bounds() {
    let h = symmetric(0, 0, &[1.0, 2.0], (0.75, 3.0));
    let shown: Vec<_> = h.buckets().iter().map(|b| format!("{} {b}", b.rule())).collect();
    assert_eq!(
        shown,
        ["1 [-2,-1):2", "1 [-1,-0.75):1", "3 [-0.75,0.75]:3", "0 (0.75,1]:1", "0 (1,2]:2",]
    );
    let shown: Vec<_> =
        custom(&[1.0, 5.0], &[1.0, 2.0, 3.0]).buckets().iter().map(Bucket::to_string).collect();
    assert_eq!(shown, ["[-Inf,1]:1", "(1,5]:2", "(5,+Inf]:3"]);
    let open = Bucket { lower: 1.0, upper: 2.0, ..Bucket::default() };
    assert_eq!((open.rule(), open.to_string().as_str()), (2, "(1,2):0"));
}

#[test]
fn sums_meet_at_the_coarser_resolution() {
    let mut h = exponential(1, 1, &[1.0, 2.0, 3.0]);
    h.add(&exponential(0, 3, &[5.0])).unwrap();
    check(
        &h,
        expect![[r#"
        {{count:11 sum:22 offset:1 buckets:[3 3 5]}}
        {count:11, sum:22, (1,2]:3, (2,4]:3, (4,8]:5}"#]],
    );
    let mut h = exponential(0, 1, &[1.0]);
    h.subtract(&exponential(1, 1, &[1.0, 2.0, 3.0])).unwrap();
    check(
        &h,
        expect![[r#"
        {{count:-5 sum:-10 offset:1 buckets:[-2 -3]}}
        {count:-5, sum:-10, (1,2]:-2, (2,4]:-3}"#]],
    );
}

#[test]
fn sums_meet_at_the_wider_zero_bucket() {
    // 0.75 lies within the populated bucket (0.5,1], so the zero bucket grows to 1.
    let mut h = symmetric(0, 0, &[1.0, 2.0], (0.01, 1.0));
    h.add(&symmetric(0, 2, &[1.0], (0.75, 10.0))).unwrap();
    check(
        &h,
        expect![[r#"
        {{count:19 z_bucket:13 z_bucket_w:1 offset:1 buckets:[2 1] n_offset:1 n_buckets:[2 1]}}
        {count:19, sum:0, [-4,-2):1, [-2,-1):2, [-1,1]:13, (1,2]:2, (2,4]:1}"#]],
    );
    let mut h = symmetric(0, 2, &[1.0], (0.75, 10.0));
    h.add(&symmetric(0, 0, &[1.0, 2.0], (0.01, 1.0))).unwrap();
    check(
        &h,
        expect![[r#"
        {{count:19 z_bucket:13 z_bucket_w:1 offset:1 buckets:[2 1] n_offset:1 n_buckets:[2 1]}}
        {count:19, sum:0, [-4,-2):1, [-2,-1):2, [-1,1]:13, (1,2]:2, (2,4]:1}"#]],
    );
}

#[test]
fn custom_bounds_meet_at_what_both_have() {
    let mut h = custom(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]);
    let told = h.add(&custom(&[1.0, 3.0, 4.0], &[10.0, 20.0, 30.0, 40.0])).unwrap();
    assert_eq!(told, Combined { reset_collision: false, bounds_reconciled: true });
    check(
        &h,
        expect![[r#"
        {{schema:-53 count:110 sum:220 custom_values:[1 3] buckets:[11 25 74]}}
        {count:110, sum:220, [-Inf,1]:11, (1,3]:25, (3,+Inf]:74}"#]],
    );
    let told = h.add(&custom(&[1.0, 3.0], &[1.0])).unwrap();
    assert!(!told.bounds_reconciled);
    let mut other = exponential(0, 0, &[1.0]);
    assert_eq!(other.add(&h), Err(IncompatibleSchemas));
    assert_eq!(other, exponential(0, 0, &[1.0]));
}

#[test]
fn multiples() {
    let mut h = symmetric(0, 0, &[1.0], (0.1, 2.0));
    h.scale(-2.0);
    check(
        &h,
        expect![[r#"
        {{count:-8 z_bucket:-4 z_bucket_w:0.1 counter_reset_hint:gauge buckets:[-2] n_buckets:[-2]}}
        {count:-8, sum:-0, [-1,-0.5):-2, [-0.1,0.1]:-4, (0.5,1]:-2}"#]],
    );
    h.divide(0.0);
    check(
        &h,
        expect![[r#"
        {{count:-Inf sum:NaN z_bucket:-Inf z_bucket_w:0.1 counter_reset_hint:gauge}}
        {count:-Inf, sum:NaN, [-0.1,0.1]:-Inf}"#]],
    );
    assert!(h.has_overflow());
}

#[test]
fn hints_of_sums() {
    use ResetHint::{CounterReset, Gauge, NotCounterReset, Unknown};
    for (a, b, want, collision) in [
        (Unknown, Unknown, Unknown, false),
        (Gauge, CounterReset, Gauge, false),
        (NotCounterReset, Gauge, Gauge, false),
        (Unknown, CounterReset, Unknown, false),
        (CounterReset, Unknown, Unknown, false),
        (CounterReset, CounterReset, CounterReset, false),
        (CounterReset, NotCounterReset, Unknown, true),
    ] {
        let mut h = FloatHistogram { reset_hint: a, ..exponential(0, 0, &[1.0]) };
        let other = FloatHistogram { reset_hint: b, ..exponential(0, 0, &[1.0]) };
        let told = h.add(&other).unwrap();
        assert_eq!((h.reset_hint, told.reset_collision), (want, collision), "{a:?} {b:?}");
    }
}

#[test]
fn rounding_is_kept_account_of() {
    let mut sum = exponential(0, 0, &[1.0]);
    let mut lost = sum.no_loss();
    for count in [1e100, 1.0, -1e100] {
        sum.add_exactly(&exponential(0, 0, &[count]), &mut lost).unwrap();
    }
    assert_eq!(sum.positive_buckets, [0.0]);
    sum.add(&lost).unwrap();
    assert_eq!((sum.count, sum.positive_buckets.as_slice()), (2.0, &[2.0][..]));
}

#[test]
fn compaction() {
    let mut h = exponential(0, 5, &[0.0, 1.0, 0.0, 0.0, 2.0, 0.0]);
    h.compact();
    assert_eq!(h.positive_spans, [Span { offset: 6, length: 1 }, Span { offset: 2, length: 1 }]);
    h.compact_with_gaps(1);
    assert_eq!(h.positive_spans.len(), 2);
    h.compact_with_gaps(2);
    assert_eq!(h.positive_spans, [Span { offset: 6, length: 4 }]);
    assert_eq!(h.positive_buckets, [1.0, 0.0, 0.0, 2.0]);
}

#[test]
fn resets_are_seen() {
    let before = symmetric(1, 0, &[1.0, 2.0], (0.1, 1.0));
    let after = |f: &dyn Fn(&mut FloatHistogram)| {
        let mut h = before.clone();
        h.count += 100.0;
        f(&mut h);
        h.detect_reset(&before)
    };
    assert!(!after(&|_| {}));
    assert!(after(&|h| h.count = 1.0));
    assert!(after(&|h| h.positive_buckets[1] = 1.0));
    assert!(after(&|h| h.negative_buckets[0] = 0.0));
    assert!(after(&|h| h.zero_count = 0.0));
    assert!(after(&|h| h.zero_threshold = 0.01));
    assert!(after(&|h| h.positive_spans[0].offset = 1));
    assert!(after(&|h| h.schema = 2));
    assert!(!after(&|h| h.reduce_resolution(0)));
    assert!(after(&|h| h.reset_hint = ResetHint::CounterReset));
    assert!(!after(&|h| {
        h.count = 0.0;
        h.reset_hint = ResetHint::NotCounterReset;
    }));
    assert!(!custom(&[1.0, 2.0], &[3.0, 1.0]).detect_reset(&custom(&[2.0], &[4.0])));
    assert!(custom(&[1.0, 2.0], &[3.0, 1.0, 9.0]).detect_reset(&custom(&[2.0], &[5.0])));
    assert!(custom(&[1.0], &[30.0]).detect_reset(&before));
}

#[test]
fn quantiles() {
    let quantile = |h: &FloatHistogram, q: f64| format!("{:.4}", h.quantile(q).0);
    let h = exponential(0, 1, &[2.0, 2.0]);
    let shown: Vec<_> =
        [-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0, f64::NAN].map(|q| quantile(&h, q)).to_vec();
    assert_eq!(shown, ["-inf", "1.0000", "1.4142", "2.0000", "2.8284", "4.0000", "inf", "NaN"]);
    let h = symmetric(0, 1, &[2.0], (1.0, 2.0));
    let shown: Vec<_> = [0.0, 1.0 / 6.0, 0.5, 5.0 / 6.0].map(|q| quantile(&h, q)).to_vec();
    assert_eq!(shown, ["-2.0000", "-1.4142", "0.0000", "1.4142"]);
    let h = custom(&[1.0, 5.0], &[1.0, 2.0, 1.0]);
    let shown: Vec<_> = [0.125, 0.5, 0.9].map(|q| quantile(&h, q)).to_vec();
    assert_eq!(shown, ["0.5000", "3.0000", "5.0000"]);
    assert!(FloatHistogram::default().quantile(0.5).0.is_nan());
    let mut nan = exponential(0, 1, &[2.0, 2.0]);
    (nan.count, nan.sum) = (5.0, f64::NAN);
    assert_eq!(nan.quantile(0.4), (2.0, Some(NanNote::Skew)));
    assert_eq!(nan.quantile(0.95).1, Some(NanNote::Result));
}

#[test]
fn fractions_and_variance() {
    let fraction = |h: &FloatHistogram, (a, b)| format!("{:.4}", h.fraction(a, b).0);
    let h = exponential(0, 1, &[2.0, 2.0]);
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    let ranges = [(low, high), (1.0, 2.0), (2_f64.sqrt(), 2.0), (3.0, 2.0), (f64::NAN, 1.0)];
    let shown: Vec<_> = ranges.map(|range| fraction(&h, range)).to_vec();
    assert_eq!(shown, ["1.0000", "0.5000", "0.2500", "0.0000", "NaN"]);
    let h = custom(&[1.0, 5.0], &[1.0, 2.0, 1.0]);
    let shown: Vec<_> = [(low, 3.0), (3.0, high), (0.0, 0.5)].map(|r| fraction(&h, r)).to_vec();
    assert_eq!(shown, ["0.5000", "0.5000", "0.1250"]);
    // Two observations at 2, as custom buckets have their middle there.
    let h = FloatHistogram { sum: 4.0, count: 2.0, ..custom(&[1.0, 3.0], &[0.0, 2.0]) };
    assert_eq!(h.variance(), 0.0);
    let h = FloatHistogram { sum: 0.0, ..symmetric(0, 1, &[1.0], (0.0, 0.0)) };
    assert!((h.variance() - 2.0).abs() < 1e-12, "{}", h.variance());
}

#[test]
fn trimming() {
    let h = symmetric(0, 1, &[2.0, 2.0], (1.0, 2.0));
    for (value, trim, want) in [
        (
            2.0,
            Trim::Upper,
            expect![[r#"
            {{count:8 sum:-5.656854249492381 z_bucket:2 z_bucket_w:1 offset:1 buckets:[2] n_offset:1 n_buckets:[2 2]}}
            {count:8, sum:-5.656854249492381, [-4,-2):2, [-2,-1):2, [-1,1]:2, (1,2]:2}"#]],
        ),
        (
            2_f64.sqrt(),
            Trim::Lower,
            expect![[r#"
            {{count:3 sum:7.338647079999809 z_bucket_w:1 offset:1 buckets:[0.9999999999999998 2]}}
            {count:3, sum:7.338647079999809, (1,2]:0.9999999999999998, (2,4]:2}"#]],
        ),
        (
            0.5,
            Trim::Upper,
            expect![[r#"
            {{count:5.5 sum:-8.860281374238571 z_bucket:1.5 z_bucket_w:1 n_offset:1 n_buckets:[2 2]}}
            {count:5.5, sum:-8.860281374238571, [-4,-2):2, [-2,-1):2, [-1,1]:1.5}"#]],
        ),
        (
            100.0,
            Trim::Upper,
            expect![[r#"
            {{count:10 z_bucket:2 z_bucket_w:1 offset:1 buckets:[2 2] n_offset:1 n_buckets:[2 2]}}
            {count:10, sum:0, [-4,-2):2, [-2,-1):2, [-1,1]:2, (1,2]:2, (2,4]:2}"#]],
        ),
        (
            f64::NAN,
            Trim::Lower,
            expect![[r#"
            {{count:NaN sum:NaN z_bucket:NaN z_bucket_w:1}}
            {count:NaN, sum:NaN, [-1,1]:NaN}"#]],
        ),
    ] {
        let mut trimmed = h.clone();
        trimmed.trim(value, trim);
        check(&trimmed, want);
    }
}

#[test]
fn trimming_of_custom_bounds() {
    for (value, trim, want) in [
        (
            3.0,
            Trim::Upper,
            expect![[r#"
            {{schema:-53 count:2 sum:2.5 custom_values:[1 5] buckets:[1 1]}}
            {count:2, sum:2.5, [-Inf,1]:1, (1,5]:1}"#]],
        ),
        (
            0.5,
            Trim::Lower,
            expect![[r#"
            {{schema:-53 count:3.5 sum:11.375 custom_values:[1 5] buckets:[0.5 2 1]}}
            {count:3.5, sum:11.375, [-Inf,1]:0.5, (1,5]:2, (5,+Inf]:1}"#]],
        ),
        (
            7.0,
            Trim::Lower,
            expect![[r#"
            {{schema:-53 count:1 sum:7 custom_values:[1 5] offset:2 buckets:[1]}}
            {count:1, sum:7, (5,+Inf]:1}"#]],
        ),
    ] {
        let mut trimmed = custom(&[1.0, 5.0], &[1.0, 2.0, 1.0]);
        trimmed.trim(value, trim);
        check(&trimmed, want);
    }
}

#[test]
fn invalid_ones_are_refused() {
    let mut shown = String::new();
    let mut refuse = |mut h: FloatHistogram, f: &dyn Fn(&mut FloatHistogram)| {
        assert_eq!(h.validate(), Ok(()));
        f(&mut h);
        shown += &format!("{}\n", h.validate().unwrap_err());
    };
    let h = || symmetric(0, 0, &[1.0, 2.0], (0.1, 1.0));
    refuse(h(), &|h| h.schema = 9);
    refuse(h(), &|h| h.count = -1.0);
    refuse(h(), &|h| h.zero_count = -1.0);
    refuse(h(), &|h| h.positive_buckets[1] = -2.0);
    refuse(h(), &|h| h.negative_spans[0].length = 7);
    refuse(h(), &|h| h.positive_spans.push(Span { offset: -1, length: 0 }));
    refuse(h(), &|h| h.custom_values = Some(Arc::from([1.0])));
    let c = || custom(&[1.0, 2.0], &[1.0, 2.0]);
    refuse(c(), &|h| h.custom_values = Some(Arc::from([2.0, 2.0])));
    refuse(c(), &|h| h.custom_values = Some(Arc::from([f64::NAN])));
    refuse(c(), &|h| h.custom_values = Some(Arc::from([1.0, f64::INFINITY])));
    refuse(c(), &|h| h.custom_values = None);
    refuse(c(), &|h| h.positive_spans[0].offset = -1);
    refuse(c(), &|h| h.zero_count = 1.0);
    refuse(c(), &|h| h.zero_threshold = 1.0);
    refuse(c(), &|h| h.negative_spans.push(Span { offset: 0, length: 0 }));
    refuse(c(), &|h| h.negative_buckets.push(1.0));
    let integers = Histogram {
        count: 5,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        positive_deltas: vec![3, -1],
        ..Histogram::default()
    };
    assert_eq!(integers.validate(), Ok(()));
    assert_eq!(integers.to_float().positive_buckets, [3.0, 2.0]);
    for f in [
        (|h| h.count = 4) as fn(&mut Histogram),
        |h| (h.count, h.sum) = (4, f64::NAN),
        |h| h.positive_deltas[1] = -4,
    ] {
        let mut h = integers.clone();
        f(&mut h);
        shown += &format!("{}\n", h.validate().unwrap_err());
    }
    expect![[r#"
        histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema 9
        observation count is  -1: histogram's observation count is negative
        zero bucket has observation count of -1: histogram has a bucket whose observation count is negative
        positive side: bucket number 2 has observation count of -2: histogram has a bucket whose observation count is negative
        negative side: spans need 7 buckets, have 2 buckets: histogram spans specify different number of buckets than provided
        positive side: span number 2 with offset -1: histogram has a span whose offset is negative
        histogram with exponential schema must not have custom bounds
        custom buckets: previous bound is 2.000000 and current is 2.000000: histogram custom bounds must be in strictly increasing order
        custom buckets: histogram custom bounds must not be NaN
        custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite
        custom buckets: only 0 custom bounds defined which is insufficient to cover total span length of 2: histogram custom bounds are too few
        custom buckets: span number 1 with offset -1: histogram has a span whose offset is negative
        custom buckets: must have zero count of 0
        custom buckets: must have zero threshold of 0
        custom buckets: must not have negative spans
        custom buckets: must not have negative buckets
        5 observations found in buckets, but the Count field is 4: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)
        5 observations found in buckets, but the Count field is 4: histogram's observation count should be at least the number of observations found in the buckets
        positive side: bucket number 2 has observation count of -1: histogram has a bucket whose observation count is negative
    "#]].assert_eq(&shown);
}

/// Any exponential histogram of whole counts.
fn histograms() -> impl Strategy<Value = FloatHistogram> {
    let side = || proptest::collection::vec(0_u32..50, 0..12);
    let zero = (0_usize..4, 0_u32..5);
    (-2_i32..4, -20_i32..20, side(), side(), zero).prop_map(
        |(schema, offset, positive, negative, (threshold, zero))| {
            let floats = |side: Vec<u32>| side.into_iter().map(f64::from).collect::<Vec<_>>();
            let mut h = exponential(schema, offset, &floats(positive));
            let negative = exponential(schema, offset / 2, &floats(negative));
            h.count += negative.count + f64::from(zero);
            h.negative_spans = negative.positive_spans;
            h.negative_buckets = negative.positive_buckets;
            h.zero_threshold = [0.0, 1e-3, 0.3, 1.0][threshold];
            h.zero_count = f64::from(zero);
            // What lies in the zero bucket is counted there.
            let mut all = FloatHistogram {
                zero_threshold: h.zero_threshold,
                schema,
                ..FloatHistogram::default()
            };
            all.add(&FloatHistogram { zero_threshold: 0.0, ..h }).unwrap();
            all
        },
    )
}

/// All observations that the buckets know of.
fn total(h: &FloatHistogram) -> f64 {
    h.zero_count + h.positive_buckets.iter().chain(&h.negative_buckets).sum::<f64>()
}

/// Any integer histogram, sound or not; counts stay below what floats hold exactly.
fn integers() -> impl Strategy<Value = Histogram> {
    let spans = proptest::collection::vec((-3_i32..40, 0_u32..5), 0..4);
    let deltas = proptest::collection::vec(-1000_i64..1000, 0..12);
    let schema = prop_oneof![Just(CUSTOM_BUCKETS_SCHEMA), -4_i32..9];
    (schema, spans, deltas).prop_map(|(schema, spans, deltas)| {
        let spans: Vec<_> =
            spans.into_iter().map(|(offset, length)| Span { offset, length }).collect();
        Histogram {
            schema,
            positive_spans: spans.clone(),
            positive_deltas: deltas.clone(),
            negative_spans: spans,
            negative_deltas: deltas,
            ..Histogram::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn sums_keep_totals_and_differences_undo_them(a in histograms(), b in histograms()) {
        let mut sum = a.clone();
        sum.add(&b).unwrap();
        prop_assert_eq!(total(&sum), total(&a) + total(&b));
        prop_assert_eq!(sum.validate(), Ok(()));
        let mut other = b.clone();
        other.add(&a).unwrap();
        other.compact();
        let mut compacted = sum.clone();
        compacted.compact();
        prop_assert_eq!(&other, &compacted);
        prop_assert!(!sum.detect_reset(&a) && !sum.detect_reset(&b));
        sum.subtract(&b).unwrap();
        sum.compact();
        // What is left is `a` in the layout of the sum.
        let mut rest = FloatHistogram { schema: sum.schema, zero_threshold: sum.zero_threshold, ..FloatHistogram::default() };
        rest.add(&a).unwrap();
        rest.compact();
        rest.sum = sum.sum;
        prop_assert_eq!(&sum, &rest);
    }

    #[test]
    fn reduction_and_compaction_keep_totals(h in histograms(), to in -4_i32..4, gap_max in 0_u32..5) {
        let mut reduced = h.clone();
        reduced.reduce_resolution(to);
        prop_assert_eq!(total(&reduced), total(&h));
        prop_assert_eq!(reduced.schema, to.min(h.schema));
        reduced.compact_with_gaps(gap_max);
        prop_assert_eq!(total(&reduced), total(&h));
        prop_assert_eq!(reduced.validate(), Ok(()));
        prop_assert!(!reduced.detect_reset(&h));
    }

    #[test]
    fn integer_histograms_are_reduced_as_floats_are(h in integers(), to in -4_i32..9) {
        let mut reduced = h.clone();
        reduced.reduce_resolution(to);
        let mut float = h.to_float();
        float.reduce_resolution(to);
        prop_assert_eq!(reduced.to_float(), float);
    }

    #[test]
    fn quantiles_grow_and_fractions_undo_them(h in histograms(), q in 0.0..1.0) {
        prop_assume!(h.count > 0.0);
        let (low, high) = (h.quantile(q * 0.9).0, h.quantile(q).0);
        prop_assert!(low <= high, "{low} {high}");
        let part = h.fraction(f64::NEG_INFINITY, high).0;
        // At a gap between buckets the quantile has no one inverse.
        prop_assert!(part.is_nan() || part <= 1.0 + 1e-9);
        let mut kept = h.clone();
        kept.trim(high, Trim::Upper);
        prop_assert!((kept.count / h.count - part).abs() < 1e-9 || h.zero_threshold > 0.0);
    }

    #[test]
    fn nothing_panics(
        schema in prop_oneof![Just(CUSTOM_BUCKETS_SCHEMA), proptest::num::i32::ANY],
        spans in proptest::collection::vec((proptest::num::i32::ANY, 0_u32..9), 0..4),
        counts in proptest::collection::vec(proptest::num::f64::ANY, 0..9),
        zero in (proptest::num::f64::ANY, proptest::num::f64::ANY),
    ) {
        let spans: Vec<_> = spans.into_iter().map(|(offset, length)| Span { offset, length }).collect();
        let h = FloatHistogram {
            schema,
            zero_threshold: zero.0,
            zero_count: zero.1,
            count: 3.0,
            positive_spans: spans.clone(),
            negative_spans: spans,
            positive_buckets: counts.clone(),
            negative_buckets: counts.clone(),
            custom_values: Some(Arc::from(counts)),
            ..FloatHistogram::default()
        };
        let mut other = h.clone();
        other.reduce_resolution(0);
        let _combined = other.add(&h);
        let _reset = other.detect_reset(&h);
        other.trim(1.0, Trim::Lower);
        let shown = (h.to_string(), h.quantile(0.5), h.fraction(-1.0, 1.0), h.variance());
        prop_assert!(!shown.0.is_empty());
        prop_assert!(h.validate().is_ok() || !h.validate().unwrap_err().to_string().is_empty());
    }
}
