//! What the indexes of parts prove by themselves, so that no text has to be looked at.

use super::plan::{Columns, Leaf, Op, Plan, Test, Whole, WholeTest, WordsTest};
use crate::column::Kind;
use crate::part::{Part, View};
use crate::text::analysis::standard::WORD_MAX;

/// The word of a leaf that looks for one word of `standard` texts, which is one of the finest words too.
pub(super) fn single_word(leaf: &Leaf) -> Option<&str> {
    let Test::Words(words) = &leaf.test else { return None };
    let WordsTest::Has(needle) = &words.test else { return None };
    let same = leaf.words.as_slice() == [needle.word()];
    (same && words.analyzer.is_standard() && needle.word().len() < WORD_MAX).then(|| needle.word())
}

/// The value of a leaf that looks for one whole text, as it was written.
pub(super) fn single_value(leaf: &Leaf) -> Option<&str> {
    match &leaf.test {
        Test::Whole(Whole { test: WholeTest::Equal(equal), normalizer: None, .. }) => Some(equal),
        Test::Exists(_)
        | Test::Ints { .. }
        | Test::Floats(_)
        | Test::Bools { .. }
        | Test::Ips(_)
        | Test::Whole(_)
        | Test::Words(_) => None,
    }
}

/// Whether `part` has no text of `field` that can pass the leaf.
pub(super) fn lacks(leaf: &Leaf, field: &str, part: &dyn Part) -> bool {
    leaf.words.iter().any(|word| part.lacks_word(field, word))
        || single_value(leaf).is_some_and(|value| part.lacks_value(field, value))
}

/// How many rows of a view match, where its part knows it without its blocks.
pub(super) fn count(plan: &Plan, view: &View) -> Option<u64> {
    if view.deleted.iter().any(Option::is_some) {
        return None;
    }
    match &plan.op {
        Op::All => u64::try_from(view.part.rows()).ok(),
        Op::Leaf(leaf) => {
            let word = single_word(leaf)?;
            let Columns::Named(names) = &leaf.columns else { return None };
            let [name] = names.as_slice() else { return None };
            let texts = view.part.kinds(name) == [Kind::Str];
            if texts { view.part.count_word(name, word) } else { None }
        }
        Op::Nothing
        | Op::Bool(_)
        | Op::DisMax { .. }
        | Op::Constant(_)
        | Op::Boosting { .. }
        | Op::Function(_)
        | Op::Nested(_)
        | Op::Ids(_)
        | Op::AtLeast { .. } => None,
    }
}
