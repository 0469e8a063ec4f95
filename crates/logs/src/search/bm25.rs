//! How much a row counts: BM25 as Lucene computes it, with its lossy lengths, in its single-precision steps.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::eval::{At, Eval, value_text};
use super::plan::{Clauses, Leaf, Op, Plan, Test, WholeTest, Words, WordsTest};
use super::run::Guard;
use super::words::small;
use super::{SearchError, Target};
use crate::bits::Bits;
use crate::column::Kind;

/// How soon more of a word counts no more.
const K1: f32 = 1.2;
/// How much long texts count less.
const B: f32 = 0.75;
/// Rows of an index of which all texts are counted; of larger ones, so many blocks at even distances.
const COUNTED_ROWS_MAX: usize = 262_144;

/// What the scores of an index's rows are computed from.
#[derive(Debug, Default)]
pub(super) struct Stats {
    leaves: HashMap<usize, LeafStats>,
}

#[derive(Debug, Clone, Copy)]
struct LeafStats {
    idf: f32,
    /// Words of a text, on average.
    average: f32,
}

/// What one field's texts sum up to.
#[derive(Debug, Default)]
struct FieldCount {
    documents: f64,
    words: f64,
    /// Documents with each of the wanted words.
    having: BTreeMap<String, f64>,
}

/// What one field's whole values sum up to.
#[derive(Debug, Clone, Copy, Default)]
struct WholeCount {
    having: f64,
    documents: f64,
    /// Each document's different values.
    values: f64,
}

/// The leaves whose score depends on how rare what they look for is.
fn scored<'p>(plan: &'p Plan, leaves: &mut Vec<&'p Leaf>) {
    match &plan.op {
        Op::Leaf(leaf) if is_scored(leaf) => leaves.push(leaf),
        Op::Bool(of) => of.must.iter().chain(&of.should).for_each(|plan| scored(plan, leaves)),
        Op::DisMax { of, .. } | Op::AtLeast { of, .. } => {
            of.iter().for_each(|plan| scored(plan, leaves));
        }
        Op::Boosting { positive, .. } => scored(positive, leaves),
        Op::Function(of) => scored(&of.query, leaves),
        Op::All | Op::Nothing | Op::Constant(_) | Op::Nested(_) | Op::Ids(_) | Op::Leaf(_) => {}
    }
}

fn is_scored(leaf: &Leaf) -> bool {
    match &leaf.test {
        Test::Words(words) => words.is_scored(),
        Test::Whole(whole) => matches!(whole.test, WholeTest::Equal(_)),
        Test::Bools { yes, no } => yes != no,
        Test::Exists(_) | Test::Ints { .. } | Test::Floats(_) | Test::Ips(_) => false,
    }
}

/// Whether the rows of a plan can have different scores.
pub(super) fn varies(plan: &Plan) -> bool {
    match &plan.op {
        Op::Leaf(leaf) => is_scored(leaf),
        Op::All | Op::Nothing | Op::Constant(_) | Op::Ids(_) => false,
        Op::Bool(of) => !of.should.is_empty() || of.must.iter().any(varies),
        Op::DisMax { .. }
        | Op::AtLeast { .. }
        | Op::Boosting { .. }
        | Op::Function(_)
        | Op::Nested(_) => true,
    }
}

fn words_of(words: &Words) -> Vec<&str> {
    match &words.test {
        WordsTest::Has(needle) => vec![needle.word()],
        WordsTest::Phrase(phrase) => phrase.single_words().collect(),
        WordsTest::OneOf(_)
        | WordsTest::Matches(_)
        | WordsTest::Between { .. }
        | WordsTest::Intervals(_) => Vec::new(),
    }
}

impl Stats {
    /// Counts what the scored leaves of `plan` need, over the rows that are there.
    pub(super) fn count(
        plan: &Plan,
        target: &Target,
        guard: &mut Guard<'_>,
    ) -> Result<Self, SearchError> {
        let mut leaves = Vec::new();
        scored(plan, &mut leaves);
        if leaves.is_empty() {
            return Ok(Self::default());
        }
        let mut fields: BTreeMap<&str, (FieldCount, &Leaf)> = BTreeMap::new();
        for leaf in &leaves {
            let Test::Words(words) = &leaf.test else { continue };
            let (count, _) =
                fields.entry(&leaf.field).or_insert_with(|| (FieldCount::default(), leaf));
            for word in words_of(words) {
                count.having.insert(word.to_owned(), 0.0);
            }
        }
        let wholes: Vec<&Leaf> =
            leaves.iter().filter(|leaf| !matches!(leaf.test, Test::Words(_))).copied().collect();
        let mut whole_counts = vec![WholeCount::default(); wholes.len()];
        let rows: usize = target.views.iter().map(|view| view.part.rows()).sum();
        let stride = rows.div_ceil(COUNTED_ROWS_MAX).max(1);
        let mut eval = Eval::default();
        for view in &target.views {
            let part = view.part.as_ref();
            eval.start_part();
            for at in (0..part.block_count()).step_by(stride) {
                if guard.is_over()? {
                    break;
                }
                // Damage is told when the rows themselves are looked at.
                let Ok(block) = part.block(at) else { continue };
                let live = view.live(at, block.rows());
                eval.start_block();
                let at = At { part, block: block.as_ref() };
                for (count, leaf) in fields.values_mut() {
                    count.add(&mut eval, leaf, at, &live)?;
                }
                for (leaf, counts) in wholes.iter().zip(&mut whole_counts) {
                    let having = eval.leaf_rows(leaf, at, &live)?;
                    counts.having += number(having.count());
                    let with_value = eval.with_value(&leaf.columns, at, &live)?;
                    counts.documents += number(with_value.count());
                    counts.values += eval.values_of(leaf, at, &with_value)?;
                }
            }
        }
        let mut stats = Self::default();
        for leaf in &leaves {
            let Test::Words(words) = &leaf.test else { continue };
            let Some((count, _)) = fields.get(leaf.field.as_str()) else { continue };
            let idf = words_of(words)
                .iter()
                .map(|word| idf(count.having.get(*word).copied().unwrap_or(0.0), count.documents))
                .sum();
            let average = narrow(count.words / count.documents.max(1.0));
            stats.leaves.insert(leaf.id, LeafStats { idf, average });
        }
        for (leaf, count) in wholes.iter().zip(whole_counts) {
            let idf = idf(count.having, count.documents);
            let average = narrow(count.values / count.documents.max(1.0));
            stats.leaves.insert(leaf.id, LeafStats { idf, average });
        }
        Ok(stats)
    }
}

impl FieldCount {
    fn add(
        &mut self,
        eval: &mut Eval,
        leaf: &Leaf,
        at: At<'_>,
        live: &Bits,
    ) -> Result<(), SearchError> {
        let Test::Words(words) = &leaf.test else { return Ok(()) };
        let mut columns = Vec::new();
        for name in eval.names(&leaf.columns, at).iter() {
            for kind in Kind::ALL {
                columns.extend(eval.column(at, name, kind)?);
            }
        }
        let mut seen: HashSet<String> = HashSet::new();
        for row in live.iter() {
            seen.clear();
            // A text without words is no document of its field.
            let mut has_words = false;
            for column in &columns {
                for value in column.of(row) {
                    let text = value_text(&column.values, value);
                    words.analyzer.each(&text, &mut eval.scratch.word, &mut |word, _, _, _| {
                        has_words = true;
                        self.words += 1.0;
                        if !seen.contains(word)
                            && let Some(having) = self.having.get_mut(word)
                        {
                            *having += 1.0;
                            seen.insert(word.to_owned());
                        }
                    });
                }
            }
            self.documents += f64::from(u8::from(has_words));
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^52")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, reason = "Lucene's own step")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn idf(having: f64, documents: f64) -> f32 {
    narrow((1.0 + (documents - having + 0.5) / (having + 0.5)).ln())
}

/// A length as Lucene keeps it: exact up to 39, then with four digits of mantissa.
fn lossy(length: u32) -> u32 {
    // 24 values are kept as they are; the others are counted from there.
    let Some(rest) = length.checked_sub(24) else { return length };
    let bits = 32 - rest.leading_zeros();
    let shift = bits.saturating_sub(4);
    24 + (rest >> shift << shift)
}

impl Eval {
    /// Adds the score of each row of `rows`, all of which match `plan`.
    pub(super) fn scores(
        &mut self,
        plan: &Plan,
        at: At<'_>,
        rows: &Bits,
        stats: &Stats,
        scale: f32,
    ) -> Result<Vec<f32>, SearchError> {
        let mut scores = vec![0.0; rows.len()];
        let boost = plan.boost;
        match &plan.op {
            Op::All | Op::Constant(_) | Op::Ids(_) => set(&mut scores, rows, boost),
            Op::Nothing => {}
            Op::Leaf(leaf) => {
                self.leaf_scores(leaf, at, (rows, boost), (stats, scale), &mut scores)?
            }
            Op::Bool(of) => {
                scores = self.bool_scores(of, at, rows, (stats, scale))?;
                multiply(&mut scores, rows, boost);
            }
            Op::AtLeast { of, .. } => {
                for plan in of {
                    let matching = self.rows(plan, at, rows)?;
                    let part = self.scores(plan, at, &matching, stats, scale)?;
                    matching.iter().for_each(|row| scores[row] += part[row] * boost);
                }
            }
            Op::DisMax { of, tie } => {
                let mut sums = vec![0.0_f64; rows.len()];
                for plan in of {
                    let matching = self.rows(plan, at, rows)?;
                    let part = self.scores(plan, at, &matching, stats, scale)?;
                    for row in matching.iter() {
                        sums[row] += f64::from(part[row]);
                        scores[row] = scores[row].max(part[row]);
                    }
                }
                for row in rows.iter() {
                    let best = f64::from(scores[row]);
                    let with_others = best + (sums[row] - best) * f64::from(*tie);
                    scores[row] = narrow(with_others) * boost;
                }
            }
            Op::Boosting { positive, negative, factor } => {
                scores = self.scores(positive, at, rows, stats, scale)?;
                let less = self.rows(negative, at, rows)?;
                multiply(&mut scores, rows, boost);
                multiply(&mut scores, &less, *factor);
            }
            Op::Function(of) => {
                scores = self.function_scores(of, at, rows, stats, scale)?;
                multiply(&mut scores, rows, boost);
            }
            Op::Nested(of) => {
                scores = self.nested_scores(of, at, rows)?;
                multiply(&mut scores, rows, boost);
            }
        }
        Ok(scores)
    }

    /// How many different values `rows` have, together.
    fn values_of(&mut self, leaf: &Leaf, at: At<'_>, rows: &Bits) -> Result<f64, SearchError> {
        let mut columns = Vec::new();
        for name in self.names(&leaf.columns, at).iter() {
            for kind in Kind::ALL {
                columns.extend(self.column(at, name, kind)?);
            }
        }
        let mut count = 0;
        for row in rows.iter() {
            match columns.iter().map(|column| column.of(row).len()).sum() {
                one @ (0 | 1) => count += one,
                _ => {
                    let values: HashSet<_> = columns
                        .iter()
                        .flat_map(|column| column.of(row).map(|at| value_text(&column.values, at)))
                        .collect();
                    count += values.len();
                }
            }
        }
        Ok(number(count))
    }

    /// The sum of what the clauses come to that count.
    fn bool_scores(
        &mut self,
        of: &Clauses,
        at: At<'_>,
        rows: &Bits,
        (stats, scale): (&Stats, f32),
    ) -> Result<Vec<f32>, SearchError> {
        let mut sums = vec![0.0_f64; rows.len()];
        for (plan, optional) in of
            .must
            .iter()
            .map(|plan| (plan, false))
            .chain(of.should.iter().map(|plan| (plan, true)))
        {
            let matching = if optional { self.rows(plan, at, rows)? } else { rows.clone() };
            let part = self.scores(plan, at, &matching, stats, scale)?;
            matching.iter().for_each(|row| sums[row] += f64::from(part[row]));
        }
        Ok(sums.into_iter().map(narrow).collect())
    }

    fn leaf_scores(
        &mut self,
        leaf: &Leaf,
        at: At<'_>,
        (rows, boost): (&Bits, f32),
        (stats, scale): (&Stats, f32),
        scores: &mut [f32],
    ) -> Result<(), SearchError> {
        let Some(of) = stats.leaves.get(&leaf.id).copied() else {
            set(scores, rows, boost);
            return Ok(());
        };
        let weight = boost * scale * of.idf;
        let Test::Words(words) = &leaf.test else {
            // One occurrence in a field without lengths.
            set(scores, rows, bm25(weight, 1.0, 1, of.average));
            return Ok(());
        };
        let mut columns = Vec::new();
        for name in self.names(&leaf.columns, at).iter() {
            for kind in Kind::ALL {
                columns.extend(self.column(at, name, kind)?);
            }
        }
        for row in rows.iter() {
            let texts: Vec<_> = columns
                .iter()
                .flat_map(|column| column.of(row).map(|at| value_text(&column.values, at)))
                .collect();
            let mut length = 0;
            let mut frequency = 0.0;
            for text in &texts {
                words.analyzer.each(text, &mut self.scratch.word, &mut |word, _, _, _| {
                    length += 1;
                    frequency += f32::from(u8::from(
                        matches!(words.test, WordsTest::Has(_)) && words.passes(word),
                    ));
                });
            }
            if let WordsTest::Phrase(phrase) = &words.test {
                phrase.gather(words, texts.iter().map(AsRef::as_ref), &mut self.scratch);
                frequency = phrase.frequency(&self.scratch);
            }
            let length = if words.norms { length } else { 1 };
            scores[row] = bm25(weight, frequency, length, of.average);
        }
        Ok(())
    }
}

fn set(scores: &mut [f32], rows: &Bits, score: f32) {
    rows.iter().for_each(|row| scores[row] = score);
}

fn multiply(scores: &mut [f32], rows: &Bits, factor: f32) {
    rows.iter().for_each(|row| scores[row] *= factor);
}

fn bm25(weight: f32, frequency: f32, length: u32, average: f32) -> f32 {
    let length = small(i64::from(lossy(length)));
    let inverse = 1.0 / (K1 * ((1.0 - B) + B * length / average));
    weight - weight / (1.0 + frequency * inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_kept_as_lucene_keeps_them() {
        // Each kept length stands for those up to the next.
        for (length, want) in [
            (0, 0),
            (1, 1),
            (23, 23),
            (24, 24),
            (39, 39),
            (40, 40),
            (41, 40),
            (42, 42),
            (55, 54),
            (56, 56),
            (59, 56),
            (60, 60),
            (87, 84),
            (88, 88),
        ] {
            assert_eq!(lossy(length), want, "{length}");
        }
    }

    #[test]
    fn a_word_in_one_of_one_documents() {
        // The well-known 0.2876821 of a single document, with the factor of k1 + 1.
        let weight = 2.2 * idf(1.0, 1.0);
        assert!((bm25(weight, 1.0, 1, 1.0) - 0.287_682_1).abs() < 1e-6);
    }
}
