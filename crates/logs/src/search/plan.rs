//! A query bound to one index: which columns hold the values, and what they are tested for.

use std::collections::HashSet;
use std::sync::Arc;

use super::intervals::IntervalPlan;
use super::nested::NestedPlan;
use super::pattern::Matcher;
use super::score::FunctionPlan;
use super::words::Needle;
use crate::text::analysis::Analyzer;

/// A node of a bound query.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(super) op: Op,
    pub(super) boost: f32,
    /// `_name`.
    pub(super) name: Option<Arc<str>>,
}

#[derive(Debug, Clone)]
pub(super) enum Op {
    All,
    Nothing,
    Bool(Clauses),
    DisMax {
        of: Vec<Plan>,
        tie: f32,
    },
    /// Matches as what is inside; the score is the boost.
    Constant(Box<Plan>),
    Boosting {
        positive: Box<Plan>,
        negative: Box<Plan>,
        factor: f32,
    },
    Function(Box<FunctionPlan>),
    Nested(Box<NestedPlan>),
    Ids(Arc<HashSet<String>>),
    /// At least as many of these as the row's column says.
    AtLeast {
        of: Vec<Plan>,
        column: String,
    },
    Leaf(Box<Leaf>),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Clauses {
    pub(super) must: Vec<Plan>,
    pub(super) filter: Vec<Plan>,
    pub(super) should: Vec<Plan>,
    pub(super) must_not: Vec<Plan>,
    /// How many of `should` have to match.
    pub(super) required: usize,
}

/// Where the values of a field are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Columns {
    Named(Vec<String>),
    /// All columns whose name begins so: leaves of an object.
    Under(String),
}

/// A test of a field's values.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    /// Its place among the leaves of the query: what is remembered while a search runs is kept by it.
    pub(super) id: usize,
    pub(super) field: String,
    pub(super) columns: Columns,
    pub(super) test: Test,
    /// Finest words of which the field's texts have all when a row matches, and the texts are `Str`.
    pub(super) words: Vec<String>,
    /// Whether the column's times are those of its rows: the part's and block's bounds hold for it.
    pub(super) is_time: bool,
    /// Such a column counts nanoseconds.
    pub(super) is_nanos: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    /// A value of one of the field's own kinds.
    Exists(Own),
    /// Integers in one of these ranges, ends included.
    Ints {
        ranges: Vec<(i64, i64)>,
        from_text: Option<FromText>,
    },
    Floats(FloatTest),
    Bools {
        yes: bool,
        no: bool,
    },
    /// Addresses in one of these ranges, ends included.
    Ips(Vec<(u128, u128)>),
    Whole(Whole),
    Words(Words),
}

/// Which of a field's columns count as its values.
#[derive(Debug, Clone)]
pub(super) enum Own {
    Any,
    Numbers,
    Bools,
    /// Texts, as rows of this kind of field see them.
    Texts {
        ignore_above: Option<usize>,
    },
    Ips,
}

/// How a number or date is read from a text column: a multi-field of another type.
#[derive(Debug, Clone)]
pub(super) enum FromText {
    Number,
    Date { format: Arc<crate::date::Format>, unit_ns: i128 },
}

#[derive(Debug, Clone)]
pub(super) struct FloatTest {
    /// Ends included; open ends are the next number.
    pub(super) ranges: Vec<(f64, f64)>,
    pub(super) width: FloatWidth,
}

/// To what a field rounds its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FloatWidth {
    Double,
    Single,
    Half,
    Scaled(f64),
}

/// A test of whole values: keywords and what is like them.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    pub(super) ignore_above: Option<usize>,
    pub(super) normalizer: Option<Arc<Analyzer>>,
    pub(super) test: WholeTest,
}

#[derive(Debug, Clone)]
pub(super) enum WholeTest {
    Equal(String),
    OneOf(Arc<HashSet<String>>),
    Matches(Matcher),
    Between { low: Option<(String, bool)>, high: Option<(String, bool)> },
}

/// A test of the words of analyzed texts.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) analyzer: Arc<Analyzer>,
    /// Places between the values of a row.
    pub(super) gap: u32,
    pub(super) norms: bool,
    pub(super) test: WordsTest,
}

#[derive(Debug, Clone)]
pub(super) enum WordsTest {
    Has(Needle),
    OneOf(Arc<HashSet<String>>),
    Matches(Matcher),
    Between { low: Option<(String, bool)>, high: Option<(String, bool)> },
    Phrase(Phrase),
    Intervals(IntervalPlan),
}

/// Words at given places from one another.
#[derive(Debug, Clone)]
pub(super) struct Phrase {
    pub(super) words: Vec<PhraseWord>,
    pub(super) slop: u32,
}

#[derive(Debug, Clone)]
pub(super) struct PhraseWord {
    /// Any of these.
    pub(super) any: Vec<WordIs>,
    /// Its place in the phrase.
    pub(super) place: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WordIs {
    Equal(String),
    Prefix(String),
}

impl WordIs {
    pub(super) fn is(&self, word: &str) -> bool {
        match self {
            Self::Equal(equal) => equal == word,
            Self::Prefix(prefix) => word.starts_with(prefix.as_str()),
        }
    }
}

impl Plan {
    pub(super) fn of(op: Op) -> Self {
        Self { op, boost: 1.0, name: None }
    }

    pub(super) fn nothing() -> Self {
        Self::of(Op::Nothing)
    }

    pub(super) fn any_of(mut plans: Vec<Self>) -> Self {
        match plans.len() {
            0 => Self::nothing(),
            1 => plans.swap_remove(0),
            _ => Self::of(Op::Bool(Clauses { should: plans, required: 1, ..Clauses::default() })),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.op, Op::Nothing)
    }
}

impl Words {
    pub(super) fn is_scored(&self) -> bool {
        matches!(self.test, WordsTest::Has(_) | WordsTest::Phrase(_))
    }
}
