//! The table of functions: names, argument types, result types.

use crate::ast::ValueType;

/// What the checker knows of a function.
#[derive(Debug, PartialEq)]
pub struct Function {
    pub name: &'static str,
    pub args: &'static [ValueType],
    /// 0: exactly `args`; n > 0: up to n of the last arguments may be missing or repeated n times; −1: the last repeats without end
    /// (the meaning of Prometheus' `Variadic`).
    pub variadic: i32,
    pub returns: ValueType,
    /// Needs the feature flag `promql-experimental-functions`.
    pub experimental: bool,
}
