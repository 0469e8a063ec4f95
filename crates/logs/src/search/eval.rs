//! Plans over blocks: which rows match. Cheap tests come first, and each test looks only at rows that are still open.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::plan::{
    Clauses, Columns, FloatTest, FromText, Leaf, Op, Own, Plan, Test, Whole, WholeTest, Words,
    WordsTest,
};
use super::words::{Needle, Scratch, between};
use super::{proven, value};
use crate::bits::Bits;
use crate::column::{Column, Kind, Rows, Strings, Values};
use crate::date::{Edge, Zone};
use crate::part::{Block, Known, Part, ReadError};

/// Runs plans over the blocks of one index, part by part.
#[derive(Debug, Default)]
pub(super) struct Eval {
    /// What is known of the texts of a dictionary, by leaf.
    memos: HashMap<usize, Memo>,
    /// The columns of leaves over an object, in this part.
    under: HashMap<String, Vec<String>>,
    /// Columns of this block that were read.
    columns: Vec<(String, Kind, Option<Arc<Column>>)>,
    pub(super) scratch: Scratch,
}

/// Which texts of a dictionary pass a test.
#[derive(Debug)]
struct Memo {
    words: Arc<Strings>,
    verdicts: Vec<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Open,
    No,
    Yes,
}

/// Where a plan is run.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) part: &'a dyn Part,
    pub(super) block: &'a dyn Block,
}

/// Whether any row of `part` can match: `false` is certain.
pub(super) fn may_match(plan: &Plan, part: &dyn Part) -> bool {
    match &plan.op {
        Op::Nothing => false,
        Op::All | Op::Ids(_) | Op::Nested(_) | Op::AtLeast { .. } => true,
        Op::Bool(of) => {
            of.must.iter().chain(&of.filter).all(|plan| may_match(plan, part))
                && (of.required == 0
                    || of.should.iter().filter(|plan| may_match(plan, part)).count() >= of.required)
        }
        Op::DisMax { of, .. } => of.iter().any(|plan| may_match(plan, part)),
        Op::Constant(of) => may_match(of, part),
        Op::Boosting { positive, .. } => may_match(positive, part),
        Op::Function(of) => may_match(&of.query, part),
        Op::Leaf(leaf) => leaf_may_match(leaf, part),
    }
}

fn leaf_may_match(leaf: &Leaf, part: &dyn Part) -> bool {
    if leaf.is_time
        && let Test::Ints { ranges, .. } = &leaf.test
        && let Some((first, last)) = part.times()
        && !ranges.iter().any(|range| overlaps(*range, scaled_times(leaf, (first, last))))
    {
        return false;
    }
    let Columns::Named(names) = &leaf.columns else { return true };
    names.iter().any(|name| {
        // System columns are not among a part's fields.
        if name.starts_with('_') {
            return true;
        }
        let kinds = part.kinds(name);
        !kinds.is_empty() && (kinds != [Kind::Str] || !proven::lacks(leaf, name, part))
    })
}

/// Times of rows in the unit of the leaf's column.
fn scaled_times(leaf: &Leaf, (first, last): (i64, i64)) -> (i64, i64) {
    if leaf.is_nanos {
        (first.saturating_mul(1_000), last.saturating_mul(1_000).saturating_add(999))
    } else {
        (first, last)
    }
}

fn overlaps(a: (i64, i64), b: (i64, i64)) -> bool {
    a.0 <= b.1 && b.0 <= a.1
}

/// How much a plan costs to test, roughly: numbers before keywords before texts.
fn cost(plan: &Plan) -> u32 {
    match &plan.op {
        Op::All | Op::Nothing => 0,
        Op::Bool(of) => {
            2 + [&of.must, &of.filter, &of.should, &of.must_not]
                .into_iter()
                .flatten()
                .map(cost)
                .max()
                .unwrap_or(0)
        }
        Op::DisMax { of, .. } | Op::AtLeast { of, .. } => {
            2 + of.iter().map(cost).max().unwrap_or(0)
        }
        Op::Constant(of) => cost(of),
        Op::Boosting { positive, .. } => cost(positive),
        Op::Function(of) => 5 + cost(&of.query),
        Op::Nested(_) => 1_000,
        Op::Ids(_) => 30,
        Op::Leaf(leaf) => match &leaf.test {
            Test::Ints { .. } if leaf.is_time => 1,
            Test::Ints { .. } | Test::Floats(_) | Test::Bools { .. } => 4,
            Test::Exists(_) => 6,
            Test::Ips(_) => 20,
            Test::Whole(_) => 10,
            Test::Words(of) => match of.test {
                // Words that an index can be asked for leave few rows.
                _ if !leaf.words.is_empty() => 40,
                WordsTest::Has(_) | WordsTest::OneOf(_) => 50,
                WordsTest::Matches(_) | WordsTest::Between { .. } => 90,
                WordsTest::Phrase(_) | WordsTest::Intervals(_) => 95,
            },
        },
    }
}

/// Brings clauses into the order in which they are tested. Scores are sums and best ones: the order does not count for them.
pub(super) fn order(plan: &mut Plan) {
    match &mut plan.op {
        Op::Bool(of) => {
            for clauses in [&mut of.must, &mut of.filter, &mut of.should, &mut of.must_not] {
                clauses.iter_mut().for_each(order);
            }
            for clauses in [&mut of.must, &mut of.filter, &mut of.must_not] {
                clauses.sort_by_key(cost);
            }
        }
        Op::DisMax { of, .. } | Op::AtLeast { of, .. } => of.iter_mut().for_each(order),
        Op::Constant(of) => order(of),
        Op::Boosting { positive, negative, .. } => {
            order(positive);
            order(negative);
        }
        Op::Function(of) => order(&mut of.query),
        Op::Nested(of) => order(&mut of.query),
        Op::All | Op::Nothing | Op::Ids(_) | Op::Leaf(_) => {}
    }
}

impl Eval {
    /// Begins with another part.
    pub(super) fn start_part(&mut self) {
        self.under.clear();
        self.columns.clear();
    }

    /// Begins with another block.
    pub(super) fn start_block(&mut self) {
        self.columns.clear();
    }

    /// The rows of `within` that match.
    pub(super) fn rows(
        &mut self,
        plan: &Plan,
        at: At<'_>,
        within: &Bits,
    ) -> Result<Bits, ReadError> {
        if within.is_empty() {
            return Ok(within.clone());
        }
        match &plan.op {
            Op::All => Ok(within.clone()),
            Op::Nothing => Ok(Bits::none(within.len())),
            Op::Bool(of) => self.bool(of, at, within),
            Op::DisMax { of, .. } => self.any(of, at, within),
            Op::Constant(of) => self.rows(of, at, within),
            Op::Boosting { positive, .. } => self.rows(positive, at, within),
            Op::Function(of) => self.function_rows(of, at, within),
            Op::Nested(of) => self.nested_rows(of, at, within),
            Op::Ids(ids) => {
                let mut rows = Bits::none(within.len());
                for row in within.iter() {
                    if ids.contains(&at.block.id(row)?) {
                        rows.set(row);
                    }
                }
                Ok(rows)
            }
            Op::AtLeast { of, column } => self.at_least(of, column, at, within),
            Op::Leaf(leaf) => self.leaf(leaf, at, within),
        }
    }

    fn any(&mut self, of: &[Plan], at: At<'_>, within: &Bits) -> Result<Bits, ReadError> {
        let mut rows = Bits::none(within.len());
        let mut open = within.clone();
        for plan in of {
            rows.or(&self.rows(plan, at, &open)?);
            open.and_not(&rows);
            if open.is_empty() {
                break;
            }
        }
        Ok(rows)
    }

    fn bool(&mut self, of: &Clauses, at: At<'_>, within: &Bits) -> Result<Bits, ReadError> {
        let mut rows = within.clone();
        let mut all: Vec<&Plan> = of.must.iter().chain(&of.filter).collect();
        all.sort_by_key(|plan| cost(plan));
        for plan in all {
            rows = self.rows(plan, at, &rows)?;
            if rows.is_empty() {
                return Ok(rows);
            }
        }
        if of.required == 1 {
            rows = self.any(&of.should, at, &rows)?;
        } else if of.required > 1 {
            rows = self.some(&of.should, at, &rows, &mut |_| of.required)?;
        }
        for plan in &of.must_not {
            if rows.is_empty() {
                break;
            }
            let not = self.rows(plan, at, &rows)?;
            rows.and_not(&not);
        }
        Ok(rows)
    }

    /// The rows that match as many of `of` as they need.
    fn some(
        &mut self,
        of: &[Plan],
        at: At<'_>,
        within: &Bits,
        needed: &mut dyn FnMut(usize) -> usize,
    ) -> Result<Bits, ReadError> {
        let mut counts = vec![0_u32; within.len()];
        for plan in of {
            self.rows(plan, at, within)?.iter().for_each(|row| counts[row] += 1);
        }
        let mut rows = Bits::none(within.len());
        for row in within.iter() {
            if counts[row] as usize >= needed(row) {
                rows.set(row);
            }
        }
        Ok(rows)
    }

    fn at_least(
        &mut self,
        of: &[Plan],
        column: &str,
        at: At<'_>,
        within: &Bits,
    ) -> Result<Bits, ReadError> {
        let Some(column) = self.column(at, column, Kind::Int)? else {
            return Ok(Bits::none(within.len()));
        };
        // A row without the number matches nothing.
        self.some(of, at, within, &mut |row| match column.int(row) {
            Some(needed) => usize::try_from(needed).unwrap_or(0).max(1),
            None => usize::MAX,
        })
    }

    /// A column of the block; read once.
    pub(super) fn column(
        &mut self,
        at: At<'_>,
        name: &str,
        kind: Kind,
    ) -> Result<Option<Arc<Column>>, ReadError> {
        let known = self.columns.iter().find(|(have, of, _)| *of == kind && have == name);
        if let Some((_, _, column)) = known {
            return Ok(column.clone());
        }
        let column = at.block.column(name, kind)?;
        self.columns.push((name.to_owned(), kind, column.clone()));
        Ok(column)
    }

    /// The names of a leaf's columns.
    pub(super) fn names<'p>(&mut self, columns: &'p Columns, at: At<'_>) -> Cow<'p, [String]> {
        match columns {
            Columns::Named(names) => Cow::Borrowed(names),
            Columns::Under(prefix) => {
                let names = self.under.entry(prefix.clone()).or_insert_with(|| {
                    let fields = at.part.fields().into_iter();
                    fields.filter(|field| field.starts_with(prefix.as_str())).collect()
                });
                Cow::Owned(names.clone())
            }
        }
    }

    fn leaf(&mut self, leaf: &Leaf, at: At<'_>, within: &Bits) -> Result<Bits, ReadError> {
        let mut rows = Bits::none(within.len());
        if leaf.is_time
            && let Test::Ints { ranges, .. } = &leaf.test
            && !ranges.iter().any(|range| overlaps(*range, scaled_times(leaf, at.block.times())))
        {
            return Ok(rows);
        }
        for name in self.names(&leaf.columns, at).iter() {
            match &leaf.test {
                Test::Exists(own) => self.exists(own, name, at, within, &mut rows)?,
                Test::Ints { ranges, from_text } => {
                    self.ints((ranges, from_text.as_ref()), name, at, within, &mut rows)?;
                }
                Test::Floats(test) => self.floats(test, name, at, within, &mut rows)?,
                Test::Bools { yes, no } => {
                    if let Some(column) = self.column(at, name, Kind::Bool)?
                        && let Values::Bool(values) = &column.values
                    {
                        each_value(
                            &column,
                            within,
                            &mut rows,
                            |at| {
                                if values[at] { *yes } else { *no }
                            },
                        );
                    }
                }
                Test::Ips(_) | Test::Whole(_) | Test::Words(_) => {
                    self.texts(leaf, name, at, within, &mut rows)?;
                }
            }
        }
        Ok(rows)
    }

    /// The rows of `within` that pass one leaf.
    pub(super) fn leaf_rows(
        &mut self,
        leaf: &Leaf,
        at: At<'_>,
        within: &Bits,
    ) -> Result<Bits, ReadError> {
        self.leaf(leaf, at, within)
    }

    /// The rows of `within` with a value in any of the columns.
    pub(super) fn with_value(
        &mut self,
        columns: &Columns,
        at: At<'_>,
        within: &Bits,
    ) -> Result<Bits, ReadError> {
        let mut rows = Bits::none(within.len());
        for name in self.names(columns, at).iter() {
            self.exists(&Own::Any, name, at, within, &mut rows)?;
        }
        Ok(rows)
    }

    fn exists(
        &mut self,
        own: &Own,
        name: &str,
        at: At<'_>,
        within: &Bits,
        rows: &mut Bits,
    ) -> Result<(), ReadError> {
        let kinds: &[Kind] = match own {
            Own::Any | Own::Texts { .. } => &Kind::ALL,
            Own::Numbers => &[Kind::Int, Kind::Float],
            Own::Bools => &[Kind::Bool],
            Own::Ips => &[Kind::Str],
        };
        for kind in kinds {
            let Some(column) = self.column(at, name, *kind)? else { continue };
            match own {
                Own::Texts { ignore_above: Some(above) } if *kind == Kind::Str => {
                    each_value(&column, within, rows, |at| {
                        !is_above(column.values.text(at).unwrap_or(""), *above)
                    });
                }
                Own::Ips => each_value(&column, within, rows, |at| {
                    column.values.text(at).is_some_and(|text| value::address(text).is_some())
                }),
                Own::Any | Own::Numbers | Own::Bools | Own::Texts { .. } => {
                    each_value(&column, within, rows, |_| true);
                }
            }
        }
        Ok(())
    }

    fn ints(
        &mut self,
        (ranges, from_text): (&[(i64, i64)], Option<&FromText>),
        name: &str,
        at: At<'_>,
        within: &Bits,
        rows: &mut Bits,
    ) -> Result<(), ReadError> {
        let is_in = |value: i64| ranges.iter().any(|(low, high)| *low <= value && value <= *high);
        if let Some(column) = self.column(at, name, Kind::Int)?
            && let Values::Int(values) = &column.values
        {
            match ranges {
                [(low, high)] => each_value(&column, within, rows, |at| {
                    *low <= values[at] && values[at] <= *high
                }),
                _ => each_value(&column, within, rows, |at| is_in(values[at])),
            }
        }
        let Some(from_text) = from_text else { return Ok(()) };
        if let Some(column) = self.column(at, name, Kind::Str)? {
            each_value(&column, within, rows, |at| {
                column.values.text(at).and_then(|text| from_text.read(text)).is_some_and(is_in)
            });
        }
        Ok(())
    }

    fn floats(
        &mut self,
        test: &FloatTest,
        name: &str,
        at: At<'_>,
        within: &Bits,
        rows: &mut Bits,
    ) -> Result<(), ReadError> {
        let is_in = |value: f64| {
            let value = value::rounded(value, test.width);
            test.ranges.iter().any(|(low, high)| *low <= value && value <= *high)
        };
        if let Some(column) = self.column(at, name, Kind::Float)?
            && let Values::Float(values) = &column.values
        {
            each_value(&column, within, rows, |at| is_in(values[at]));
        }
        if let Some(column) = self.column(at, name, Kind::Int)?
            && let Values::Int(values) = &column.values
        {
            each_value(&column, within, rows, |at| is_in(value::wide(values[at])));
        }
        Ok(())
    }

    /// Tests over texts, and over other values as texts.
    fn texts(
        &mut self,
        leaf: &Leaf,
        name: &str,
        at: At<'_>,
        within: &Bits,
        rows: &mut Bits,
    ) -> Result<(), ReadError> {
        for kind in Kind::ALL {
            if kind != Kind::Str && (name.starts_with('_') || matches!(leaf.test, Test::Ips(_))) {
                continue;
            }
            let standing = match proven::single_word(leaf).filter(|_| kind == Kind::Str) {
                Some(word) => at.block.standing(name, word)?,
                None => None,
            };
            let open = if let Some(mut standing) = standing {
                standing.proven.and(within);
                rows.or(&standing.proven);
                standing.open.and(within);
                Some(Cow::Owned(standing.open))
            } else if kind == Kind::Str {
                narrowed(leaf, name, at, within)?
            } else {
                Some(Cow::Borrowed(within))
            };
            let Some(open) = open.filter(|open| !open.is_empty()) else { continue };
            let Some(column) = self.column(at, name, kind)? else { continue };
            if let Test::Words(words) = &leaf.test
                && matches!(words.test, WordsTest::Phrase(_) | WordsTest::Intervals(_))
            {
                self.placed(words, &column, &open, rows);
                continue;
            }
            match &column.values {
                Values::Dict { codes, words } => {
                    let memo = memo_of(&mut self.memos, leaf.id, words);
                    let scratch = &mut self.scratch;
                    each_value(&column, &open, rows, |at| {
                        let code = codes[at] as usize;
                        if memo.verdicts[code] == Verdict::Open {
                            let is = passes(&leaf.test, words.get(code), &mut scratch.word);
                            memo.verdicts[code] = if is { Verdict::Yes } else { Verdict::No };
                        }
                        memo.verdicts[code] == Verdict::Yes
                    });
                }
                Values::Str(texts) => {
                    str_values(leaf, &column, texts, &open, (rows, &mut self.scratch))
                }
                values @ (Values::Int(_) | Values::Float(_) | Values::Bool(_)) => {
                    let scratch = &mut self.scratch;
                    each_value(&column, &open, rows, |at| {
                        passes(&leaf.test, &text_of(values, at), &mut scratch.word)
                    });
                }
            }
        }
        Ok(())
    }

    /// Tests over the places of words in all texts of a row.
    fn placed(&mut self, words: &Words, column: &Column, open: &Bits, rows: &mut Bits) {
        let mut candidates = open.clone();
        if let (WordsTest::Phrase(phrase), Values::Str(texts)) = (&words.test, &column.values) {
            // Rows without one of the words are out before any is cut into words.
            for word in phrase.single_words() {
                let needle = Needle::new(word, &words.analyzer);
                if needle.is_plain_in(texts.bytes()) {
                    let mut with = Bits::none(open.len());
                    needle_rows(&needle, column, texts, &candidates, &mut with);
                    candidates = with;
                }
            }
        }
        for row in candidates.iter() {
            if rows.has(row) {
                continue;
            }
            let texts: Vec<Cow<'_, str>> =
                column.of(row).map(|at| value_text(&column.values, at)).collect();
            let texts = texts.iter().map(AsRef::as_ref);
            let is = match &words.test {
                WordsTest::Phrase(phrase) => {
                    phrase.gather(words, texts, &mut self.scratch);
                    phrase.is_in(&self.scratch)
                }
                WordsTest::Intervals(plan) => plan.is_in(words, texts),
                WordsTest::Has(_)
                | WordsTest::OneOf(_)
                | WordsTest::Matches(_)
                | WordsTest::Between { .. } => false,
            };
            if is {
                rows.set(row);
            }
        }
    }
}

fn memo_of<'m>(
    memos: &'m mut HashMap<usize, Memo>,
    leaf: usize,
    words: &Arc<Strings>,
) -> &'m mut Memo {
    let fresh = || Memo { words: Arc::clone(words), verdicts: vec![Verdict::Open; words.len()] };
    let memo = memos.entry(leaf).or_insert_with(fresh);
    // A dictionary that grows in place is another one.
    if !Arc::ptr_eq(&memo.words, words) || memo.verdicts.len() != words.len() {
        *memo = fresh();
    }
    memo
}

/// The rows of `within` that can have all words of the leaf, as far as the block's index knows; `None` when none can.
fn narrowed<'b>(
    leaf: &Leaf,
    name: &str,
    at: At<'_>,
    within: &'b Bits,
) -> Result<Option<Cow<'b, Bits>>, ReadError> {
    let mut open = Cow::Borrowed(within);
    if name.starts_with('_') {
        return Ok(Some(open));
    }
    let value = proven::single_value(leaf).map(|value| at.block.value(name, value));
    let words = leaf.words.iter().map(|word| at.block.word(name, word));
    for known in value.into_iter().chain(words) {
        match known? {
            Known::Nowhere => return Ok(None),
            Known::Rows(rows) => {
                open.to_mut().and(&rows);
                if open.is_empty() {
                    return Ok(None);
                }
            }
            Known::Maybe => {}
        }
    }
    Ok(Some(open))
}

/// Sets the rows of `within` of which a value passes.
fn each_value(
    column: &Column,
    within: &Bits,
    rows: &mut Bits,
    mut passes: impl FnMut(usize) -> bool,
) {
    match &column.rows {
        Rows::Dense => {
            for row in within.iter() {
                if passes(row) {
                    rows.set(row);
                }
            }
        }
        Rows::Ragged(_) => {
            for row in within.iter() {
                if column.of(row).any(&mut passes) {
                    rows.set(row);
                }
            }
        }
    }
}

fn str_values(
    leaf: &Leaf,
    column: &Column,
    texts: &Strings,
    open: &Bits,
    (rows, scratch): (&mut Bits, &mut Scratch),
) {
    if let Test::Words(words) = &leaf.test
        && let WordsTest::Has(needle) = &words.test
        && needle.is_plain_in(texts.bytes())
    {
        needle_rows(needle, column, texts, open, rows);
        return;
    }
    if let Test::Whole(Whole { test: WholeTest::Equal(equal), normalizer: None, ignore_above }) =
        &leaf.test
        && ignore_above.is_none_or(|above| !is_above(equal, above))
    {
        let equal = equal.as_bytes();
        each_value(column, open, rows, |at| texts.bytes_of(at) == equal);
        return;
    }
    each_value(column, open, rows, |at| passes(&leaf.test, texts.get(at), &mut scratch.word));
}

/// Sets the rows of `open` of which a text has the word, which is searched for over all texts at once where most are open.
fn needle_rows(needle: &Needle, column: &Column, texts: &Strings, open: &Bits, rows: &mut Bits) {
    let is_dense = matches!(column.rows, Rows::Dense);
    if !is_dense || open.count() * 4 < open.len() {
        each_value(column, open, rows, |at| needle.is_in(texts.get(at)));
        return;
    }
    let bytes = texts.bytes();
    let mut from = 0;
    let mut row = 0;
    while let Some(found) = needle.find(bytes, from) {
        while texts.end(row) <= found {
            row += 1;
        }
        // What crosses the end of a text is looked at as one of its own, and is not there.
        if open.has(row) && needle.is_in(texts.get(row)) {
            rows.set(row);
        }
        from = texts.end(row);
    }
}

/// Whether one text passes a test that looks at values by themselves.
fn passes(test: &Test, text: &str, scratch: &mut String) -> bool {
    match test {
        Test::Words(words) => words.has(text, scratch),
        Test::Ips(ranges) => value::address(text)
            .is_some_and(|at| ranges.iter().any(|(low, high)| *low <= at && at <= *high)),
        Test::Whole(whole) => {
            if whole.ignore_above.is_some_and(|above| is_above(text, above)) {
                return false;
            }
            match &whole.normalizer {
                None => whole_passes(&whole.test, text),
                Some(normalizer) => {
                    normalizer.whole(text, scratch);
                    whole_passes(&whole.test, scratch)
                }
            }
        }
        Test::Exists(_) | Test::Ints { .. } | Test::Floats(_) | Test::Bools { .. } => false,
    }
}

fn whole_passes(test: &WholeTest, text: &str) -> bool {
    match test {
        WholeTest::Equal(equal) => equal == text,
        WholeTest::OneOf(set) => set.contains(text),
        WholeTest::Matches(matcher) => matcher.is(text),
        WholeTest::Between { low, high } => between(text, low.as_ref(), high.as_ref()),
    }
}

/// Whether a value has more letters than count.
pub(super) fn is_above(text: &str, above: usize) -> bool {
    text.len() > above && text.chars().map(char::len_utf16).sum::<usize>() > above
}

impl FromText {
    fn read(&self, text: &str) -> Option<i64> {
        match self {
            Self::Number => {
                let whole = value::integer(&text.into()).ok()?;
                i64::try_from(whole.floor).ok()
            }
            Self::Date { format, unit_ns } => {
                let ns = format.read(text, &Zone::default(), Edge::First)?;
                i64::try_from(ns.div_euclid(*unit_ns)).ok()
            }
        }
    }
}

/// Value `at` as a text: as JSON writes it when it is none.
pub(super) fn value_text(values: &Values, at: usize) -> Cow<'_, str> {
    match values.text(at) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(text_of(values, at)),
    }
}

fn text_of(values: &Values, at: usize) -> String {
    match values {
        Values::Int(values) => values[at].to_string(),
        Values::Float(values) => serde_json::Value::from(values[at]).to_string(),
        Values::Bool(values) => values[at].to_string(),
        Values::Str(_) | Values::Dict { .. } => values.text(at).unwrap_or("").to_owned(),
    }
}
