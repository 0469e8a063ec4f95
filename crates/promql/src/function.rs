//! The table of functions: names, argument types, result types. Sorted by name (Prometheus 3.14's set).

use crate::ast::ValueType;
use ValueType::{Matrix as M, Scalar as S, String as T, Vector as V};

/// What the checker knows of a function.
#[derive(Debug, PartialEq)]
pub struct Function {
    pub name: &'static str,
    pub args: &'static [ValueType],
    /// 0: exactly `args`; n > 0: the last argument may be missing or stand up to n times; −1: the last may be missing or
    /// repeat without end (the meaning of Prometheus' `Variadic`).
    pub variadic: i32,
    pub returns: ValueType,
    /// Needs the feature flag `promql-experimental-functions`.
    pub experimental: bool,
}

/// The function called `name`, which is case-sensitive.
#[must_use]
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| &FUNCTIONS[i])
}

const fn stable(name: &'static str, args: &'static [ValueType], returns: ValueType) -> Function {
    Function { name, args, variadic: 0, returns, experimental: false }
}

const fn variadic(
    name: &'static str,
    args: &'static [ValueType],
    variadic: i32,
    returns: ValueType,
) -> Function {
    Function { name, args, variadic, returns, experimental: false }
}

const fn experimental(
    name: &'static str,
    args: &'static [ValueType],
    variadic: i32,
    returns: ValueType,
) -> Function {
    Function { name, args, variadic, returns, experimental: true }
}

/// All functions, sorted by name.
pub static FUNCTIONS: &[Function] = &[
    stable("abs", &[V], V),
    stable("absent", &[V], V),
    stable("absent_over_time", &[M], V),
    stable("acos", &[V], V),
    stable("acosh", &[V], V),
    stable("asin", &[V], V),
    stable("asinh", &[V], V),
    stable("atan", &[V], V),
    stable("atanh", &[V], V),
    stable("avg_over_time", &[M], V),
    stable("ceil", &[V], V),
    stable("changes", &[M], V),
    stable("clamp", &[V, S, S], V),
    stable("clamp_max", &[V, S], V),
    stable("clamp_min", &[V, S], V),
    stable("cos", &[V], V),
    stable("cosh", &[V], V),
    stable("count_over_time", &[M], V),
    variadic("day_of_month", &[V], 1, V),
    variadic("day_of_week", &[V], 1, V),
    variadic("day_of_year", &[V], 1, V),
    variadic("days_in_month", &[V], 1, V),
    stable("deg", &[V], V),
    stable("delta", &[M], V),
    stable("deriv", &[M], V),
    experimental("double_exponential_smoothing", &[M, S, S], 0, V),
    experimental("end", &[], 0, S),
    stable("exp", &[V], V),
    stable("first_over_time", &[M], V),
    stable("floor", &[V], V),
    stable("histogram_avg", &[V], V),
    stable("histogram_count", &[V], V),
    stable("histogram_fraction", &[S, S, V], V),
    stable("histogram_quantile", &[S, V], V),
    experimental("histogram_quantiles", &[V, T, S, S], 9, V),
    stable("histogram_stddev", &[V], V),
    stable("histogram_stdvar", &[V], V),
    stable("histogram_sum", &[V], V),
    variadic("hour", &[V], 1, V),
    stable("idelta", &[M], V),
    stable("increase", &[M], V),
    experimental("info", &[V, V], 1, V),
    stable("irate", &[M], V),
    variadic("label_join", &[V, T, T, T], -1, V),
    stable("label_replace", &[V, T, T, T, T], V),
    stable("last_over_time", &[M], V),
    stable("ln", &[V], V),
    stable("log10", &[V], V),
    stable("log2", &[V], V),
    experimental("mad_over_time", &[M], 0, V),
    experimental("max_of", &[S, S], 0, S),
    stable("max_over_time", &[M], V),
    experimental("min_of", &[S, S], 0, S),
    stable("min_over_time", &[M], V),
    variadic("minute", &[V], 1, V),
    variadic("month", &[V], 1, V),
    stable("pi", &[], S),
    stable("predict_linear", &[M, S], V),
    stable("present_over_time", &[M], V),
    stable("quantile_over_time", &[S, M], V),
    stable("rad", &[V], V),
    experimental("range", &[], 0, S),
    stable("rate", &[M], V),
    stable("resets", &[M], V),
    variadic("round", &[V, S], 1, V),
    stable("scalar", &[V], S),
    stable("sgn", &[V], V),
    stable("sin", &[V], V),
    stable("sinh", &[V], V),
    stable("sort", &[V], V),
    experimental("sort_by_label", &[V, T], -1, V),
    experimental("sort_by_label_desc", &[V, T], -1, V),
    stable("sort_desc", &[V], V),
    stable("sqrt", &[V], V),
    experimental("start", &[], 0, S),
    experimental("start_timestamp", &[V], 0, V),
    stable("stddev_over_time", &[M], V),
    stable("stdvar_over_time", &[M], V),
    experimental("step", &[], 0, S),
    stable("sum_over_time", &[M], V),
    stable("tan", &[V], V),
    stable("tanh", &[V], V),
    stable("time", &[], S),
    stable("timestamp", &[V], V),
    experimental("ts_of_first_over_time", &[M], 0, V),
    experimental("ts_of_last_over_time", &[M], 0, V),
    experimental("ts_of_max_over_time", &[M], 0, V),
    experimental("ts_of_min_over_time", &[M], 0, V),
    stable("vector", &[S], V),
    variadic("year", &[V], 1, V),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_whole() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        assert_eq!(FUNCTIONS.len(), 90);
        assert!(FUNCTIONS.iter().all(|f| find(f.name) == Some(f)));
        assert_eq!(find("holt_winters"), None);
    }
}
