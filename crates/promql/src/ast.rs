//! The tree of a PromQL expression. Every node knows where it stood in the text.

use model::matcher::Matcher;

/// A half-open byte range `start..end` of the query text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// The type of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    Scalar,
    Vector,
    Matrix,
    String,
}

/// An expression with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    pub span: Span,
    pub kind: ExprKind,
}

/// What an expression is. Trees are at most [`DEPTH_MAX`] deep: the parser refuses deeper ones, so recursion over them
/// (evaluation, printing, drop) is bounded.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    Number(f64),
    String(String),
    /// An instant vector selector.
    Vector(VectorSelector),
    /// A range vector selector `selector[range]`.
    Matrix(VectorSelector, DurationExpr),
    Subquery(Box<Subquery>),
    Paren(Box<Expr>),
    /// Unary minus or plus.
    Unary(UnaryOp, Box<Expr>),
    Binary(Box<Binary>),
    Aggregate(Box<Aggregate>),
    Call(Call),
}

/// Deepest tree that the parser makes.
pub const DEPTH_MAX: usize = 500;
/// Longest query text, in bytes.
pub const QUERY_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    Plus,
    Minus,
}

/// A duration as written: constant, or (since Prometheus 3.14) an expression over `step()`, `range()` and constants.
#[derive(Debug, Clone, PartialEq)]
pub enum DurationExpr {
    /// Milliseconds.
    Const(i64),
    Step,
    Range,
    Neg(Box<DurationExpr>),
    /// Arithmetic `+ - * / % ^` in seconds.
    Binary(DurationOp, Box<DurationExpr>, Box<DurationExpr>),
    Min(Box<DurationExpr>, Box<DurationExpr>),
    Max(Box<DurationExpr>, Box<DurationExpr>),
    /// A parenthesised duration: evaluates as what it holds, prints with its parentheses.
    Paren(Box<DurationExpr>),
    /// A plain number of seconds inside of an expression (a factor, not a duration); prints as a number.
    Number(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DurationOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

/// The `@` modifier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// Milliseconds since the epoch.
    Time(i64),
    Start,
    End,
}

/// `anchored` or `smoothed` after a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    Anchored,
    Smoothed,
}

#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// The name written before the braces (also in `matchers` as `__name__=`); `None` for `{…}`.
    pub name: Option<String>,
    /// All conditions, in the order written, the name's last (as Prometheus keeps them).
    pub matchers: Vec<Matcher>,
    pub offset: Option<DurationExpr>,
    pub at: Option<At>,
    pub extension: Option<Extension>,
}

/// `expr[range:step]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    pub expr: Expr,
    pub range: DurationExpr,
    /// `None`: the server's default step.
    pub step: Option<DurationExpr>,
    pub offset: Option<DurationExpr>,
    pub at: Option<At>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    /// `</`, keeps the part of a histogram below a bound.
    TrimUpper,
    /// `>/`.
    TrimLower,
    And,
    Or,
    Unless,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cardinality {
    OneToOne,
    /// `group_left`.
    ManyToOne,
    /// `group_right`.
    OneToMany,
    /// The set operators.
    ManyToMany,
}

/// How the sides of a vector operation find each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    pub card: Cardinality,
    /// `on (labels)`; else `ignoring (labels)`, or nothing written when empty.
    pub on: bool,
    pub labels: Vec<String>,
    /// Labels of the "one" side that `group_left(…)`/`group_right(…)` copies.
    pub include: Vec<String>,
    /// `fill`, `fill_left`, `fill_right`: values for missing partners.
    pub fill_left: Option<f64>,
    pub fill_right: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    pub op: BinaryOp,
    pub lhs: Expr,
    pub rhs: Expr,
    /// `bool` after a comparison.
    pub return_bool: bool,
    /// Set when both sides are vectors.
    pub matching: Option<Matching>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    CountValues,
    Quantile,
    Limitk,
    LimitRatio,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    pub op: AggregateOp,
    pub expr: Expr,
    /// The first argument of `topk`, `bottomk`, `quantile`, `count_values`, `limitk`, `limit_ratio`.
    pub param: Option<Expr>,
    pub grouping: Vec<String>,
    /// `without (grouping)` rather than `by (grouping)`.
    pub without: bool,
}

/// A function call; the name is one of [`crate::function`]'s table.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub func: &'static crate::function::Function,
    pub args: Vec<Expr>,
}
