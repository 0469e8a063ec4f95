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

impl ValueType {
    /// The name in results: `scalar`, `vector`, `matrix`, `string`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
            Self::String => "string",
        }
    }

    /// The name in messages: as [`ValueType::as_str`], but `instant vector` and `range vector`.
    #[must_use]
    pub fn documented(self) -> &'static str {
        match self {
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::Scalar | Self::String => self.as_str(),
        }
    }
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
    /// A number; a duration literal such as `5m` is one too, in seconds.
    Number(f64, NumberForm),
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

impl Expr {
    /// The type of the value, given that the tree passed the parser's checks.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(..) => ValueType::Scalar,
            ExprKind::String(_) => ValueType::String,
            ExprKind::Vector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::Matrix(..) | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => inner.value_type(),
            ExprKind::Binary(b) => match (b.lhs.value_type(), b.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            ExprKind::Call(call) => call.func.returns,
        }
    }

    /// The expressions directly below, in the order written.
    #[must_use]
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Number(..)
            | ExprKind::String(_)
            | ExprKind::Vector(_)
            | ExprKind::Matrix(..) => Vec::new(),
            ExprKind::Subquery(subquery) => vec![&subquery.expr],
            ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => vec![inner],
            ExprKind::Binary(binary) => vec![&binary.lhs, &binary.rhs],
            ExprKind::Aggregate(aggregate) => {
                aggregate.param.iter().chain([&aggregate.expr]).collect()
            }
            ExprKind::Call(call) => call.args.iter().collect(),
        }
    }
}

/// Deepest tree that the parser makes.
pub const DEPTH_MAX: usize = 500;
/// Longest query text, in bytes.
pub const QUERY_BYTES_MAX: usize = 256 * 1024;
/// Most matchers in the braces of one query's selectors.
pub const MATCHERS_MAX: usize = 10_000;
/// Most bytes of all compiled patterns of one query's selectors. A query full of names with `|` between them stays below.
pub const PATTERNS_BYTES_MAX: usize = 32 << 20;

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberForm {
    Plain,
    Duration,
}

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

impl BinaryOp {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Gt => ">",
            Self::Lt => "<",
            Self::Ge => ">=",
            Self::Le => "<=",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }

    /// `== != > < >= <=`.
    #[must_use]
    pub fn is_comparison(self) -> bool {
        matches!(self, Self::Eq | Self::Ne | Self::Gt | Self::Lt | Self::Ge | Self::Le)
    }

    /// `and`, `or`, `unless`.
    #[must_use]
    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
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
    /// Set exactly when both sides are vectors.
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

impl AggregateOp {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Group => "group",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::Topk => "topk",
            Self::Bottomk => "bottomk",
            Self::CountValues => "count_values",
            Self::Quantile => "quantile",
            Self::Limitk => "limitk",
            Self::LimitRatio => "limit_ratio",
        }
    }

    /// The type of the parameter, for those that have one.
    #[must_use]
    pub fn parameter(self) -> Option<ValueType> {
        match self {
            Self::Topk | Self::Bottomk | Self::Quantile | Self::Limitk | Self::LimitRatio => {
                Some(ValueType::Scalar)
            }
            Self::CountValues => Some(ValueType::String),
            Self::Sum
            | Self::Avg
            | Self::Count
            | Self::Min
            | Self::Max
            | Self::Group
            | Self::Stddev
            | Self::Stdvar => None,
        }
    }
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
