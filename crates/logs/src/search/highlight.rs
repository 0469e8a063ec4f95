//! What of a text a query matched: marks, and the fragments around them.

use unicode_segmentation::UnicodeSegmentation;

use super::bind::Binder;
use super::plan::{Leaf, Op, Plan, Test, Whole, WholeTest, Words, WordsTest};
use super::words::Scratch;
use super::{Limits, QueryError, Target, field};
use crate::query::Query;

/// Bytes of a text that a query matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// How a text is cut into fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fragmenter {
    /// Sentences, cut where they are longer than a fragment (`unified`).
    #[default]
    Sentences,
    /// Pieces of a fragment's size, whatever stands there (`plain`, `fvh`).
    Sizes,
}

/// How matches are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct HighlightOptions {
    pub pre_tag: String,
    pub post_tag: String,
    pub fragmenter: Fragmenter,
    /// Longest fragment, in letters.
    pub fragment_size: usize,
    /// Most fragments; the whole text when 0.
    pub fragments: usize,
    /// Letters that are shown of a text without a match.
    pub no_match_size: usize,
    /// The best first, else in the order of the text.
    pub by_score: bool,
    /// Only what the query asks of this very field is marked.
    pub require_field_match: bool,
    /// The words of a phrase are marked together.
    pub phrase_as_one: bool,
    /// Bytes of a text that are looked at.
    pub analyzed_bytes_max: usize,
}

impl Default for HighlightOptions {
    fn default() -> Self {
        Self {
            pre_tag: "<em>".to_owned(),
            post_tag: "</em>".to_owned(),
            fragmenter: Fragmenter::Sentences,
            fragment_size: 100,
            fragments: 5,
            no_match_size: 0,
            by_score: false,
            require_field_match: true,
            phrase_as_one: true,
            analyzed_bytes_max: 1_000_000,
        }
    }
}

/// A query bound to an index, for marking texts.
#[derive(Debug)]
pub struct Highlighter<'a> {
    target: &'a Target,
    leaves: Vec<Leaf>,
}

/// The tests of a query that a matching row passes; those of `must_not` are none.
fn positive(plan: &Plan, leaves: &mut Vec<Leaf>) {
    match &plan.op {
        Op::Leaf(leaf) => leaves.push(leaf.as_ref().clone()),
        Op::Bool(of) => {
            of.must.iter().chain(&of.filter).chain(&of.should).for_each(|p| positive(p, leaves));
        }
        Op::DisMax { of, .. } | Op::AtLeast { of, .. } => {
            of.iter().for_each(|plan| positive(plan, leaves));
        }
        Op::Constant(of) => positive(of, leaves),
        Op::Boosting { positive: of, .. } => positive(of, leaves),
        Op::Function(of) => positive(&of.query, leaves),
        Op::Nested(of) => positive(&of.query, leaves),
        Op::All | Op::Nothing | Op::Ids(_) => {}
    }
}

impl<'a> Highlighter<'a> {
    /// Binds `query` to the index of `target`.
    ///
    /// # Errors
    /// The query makes no sense for the index.
    pub fn bind(target: &'a Target, query: &Query, limits: &Limits) -> Result<Self, QueryError> {
        let mut binder = Binder::new(target, limits.clock.now_ms(), limits.clauses_max);
        let mut leaves = Vec::new();
        positive(&binder.bind(query)?, &mut leaves);
        Ok(Self { target, leaves })
    }

    /// The fields that the query asks something of by their texts, in order of name.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let texts = self
            .leaves
            .iter()
            .filter(|leaf| matches!(leaf.test, Test::Words(_) | Test::Whole(_)))
            .map(|leaf| leaf.field.as_str());
        texts.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// What the query matched of one value of `field`, ascending and apart from each other.
    #[must_use]
    pub fn spans(&self, field: &str, text: &str, options: &HighlightOptions) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut scratch = Scratch::default();
        let looked = &text[..text.floor_char_boundary(options.analyzed_bytes_max)];
        let is_text =
            field::resolve(self.target, field).is_none_or(|found| field::is_text(found.kind));
        for leaf in &self.leaves {
            if options.require_field_match && leaf.field != field {
                continue;
            }
            match &leaf.test {
                Test::Words(words) if is_text => {
                    words_spans(words, looked, options, &mut scratch, &mut spans);
                }
                // The words of another field, in a field whose values are whole.
                Test::Words(words) if !options.require_field_match => {
                    words_spans(words, looked, options, &mut scratch, &mut spans);
                }
                Test::Whole(whole) if whole_matches(whole, text) => {
                    spans.push(Span { start: 0, end: text.len() });
                }
                Test::Words(_)
                | Test::Whole(_)
                | Test::Exists(_)
                | Test::Ints { .. }
                | Test::Floats(_)
                | Test::Bools { .. }
                | Test::Ips(_) => {}
            }
        }
        merged(spans)
    }

    /// The fragments of a field's values with their marks; none when nothing is marked and nothing is to be shown then.
    #[must_use]
    pub fn fragments(
        &self,
        field: &str,
        values: &[&str],
        options: &HighlightOptions,
    ) -> Vec<String> {
        let mut all: Vec<(usize, Fragment<'_>)> = Vec::new();
        for (at, text) in values.iter().enumerate() {
            let spans = self.spans(field, text, options);
            if spans.is_empty() {
                continue;
            }
            if options.fragments == 0 {
                let range = Span { start: 0, end: text.len() };
                all.push((at, Fragment { text, range, spans }));
                continue;
            }
            all.extend(cut(text, &spans, options).into_iter().map(|fragment| (at, fragment)));
        }
        if all.is_empty() {
            return no_match(values, options);
        }
        if options.fragments > 0 {
            // The best are chosen, then brought back into the order of the text.
            all.sort_by_key(|(_, fragment)| std::cmp::Reverse(fragment.spans.len()));
            all.truncate(options.fragments);
            if !options.by_score {
                all.sort_by_key(|(at, fragment)| (*at, fragment.range.start));
            }
        }
        all.iter().map(|(_, fragment)| fragment.marked(options)).collect()
    }
}

fn whole_matches(whole: &Whole, text: &str) -> bool {
    let mut normal = text.to_owned();
    if let Some(normalizer) = &whole.normalizer {
        normalizer.whole(text, &mut normal);
    }
    match &whole.test {
        WholeTest::Equal(equal) => *equal == normal,
        WholeTest::OneOf(set) => set.contains(&normal),
        WholeTest::Matches(matcher) => matcher.is(&normal),
        // A range marks nothing.
        WholeTest::Between { .. } => false,
    }
}

fn words_spans(
    words: &Words,
    text: &str,
    options: &HighlightOptions,
    scratch: &mut Scratch,
    spans: &mut Vec<Span>,
) {
    let mut places: Vec<(u32, Span)> = Vec::new();
    words.analyzer.each(text, &mut scratch.word, &mut |word, place, start, end| {
        if words.passes(word) {
            places.push((place, Span { start, end }));
        }
    });
    match &words.test {
        WordsTest::Phrase(phrase) => {
            phrase.gather(words, std::iter::once(text), scratch);
            let of =
                |place: u32| places.iter().find(|(have, _)| *have == place).map(|(_, span)| *span);
            if scratch.places.iter().any(Vec::is_empty) {
                return;
            }
            phrase.each(&scratch.places, |chosen| {
                let found: Vec<Span> = chosen.iter().filter_map(|place| of(*place)).collect();
                let start = found.iter().map(|span| span.start).min();
                let end = found.iter().map(|span| span.end).max();
                match (start, end) {
                    (Some(start), Some(end)) if options.phrase_as_one && phrase.slop == 0 => {
                        spans.push(Span { start, end });
                    }
                    _ => spans.extend(found),
                }
            });
        }
        WordsTest::Between { .. } => {}
        WordsTest::Intervals(plan) => {
            if plan.is_in(words, std::iter::once(text)) {
                spans.extend(places.into_iter().map(|(_, span)| span));
            }
        }
        WordsTest::Has(_) | WordsTest::OneOf(_) | WordsTest::Matches(_) => {
            spans.extend(places.into_iter().map(|(_, span)| span));
        }
    }
}

/// Spans in order; those that overlap are one.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut apart: Vec<Span> = Vec::new();
    for span in spans.into_iter().filter(|span| span.start < span.end) {
        match apart.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => apart.push(span),
        }
    }
    apart
}

struct Fragment<'t> {
    text: &'t str,
    range: Span,
    spans: Vec<Span>,
}

impl Fragment<'_> {
    fn marked(&self, options: &HighlightOptions) -> String {
        let mut marked = String::new();
        let mut last = self.range.start;
        for span in &self.spans {
            marked.push_str(&self.text[last..span.start]);
            marked.push_str(&options.pre_tag);
            marked.push_str(&self.text[span.start..span.end]);
            marked.push_str(&options.post_tag);
            last = span.end;
        }
        marked.push_str(&self.text[last..self.range.end]);
        if options.fragments == 0 { marked } else { marked.trim().to_owned() }
    }
}

/// The fragments of a text that have marks.
fn cut<'t>(text: &'t str, spans: &[Span], options: &HighlightOptions) -> Vec<Fragment<'t>> {
    let mut fragments: Vec<Fragment<'t>> = Vec::new();
    let ranges = match options.fragmenter {
        Fragmenter::Sentences => sentences(text, options.fragment_size),
        Fragmenter::Sizes => sizes(text, options.fragment_size),
    };
    let mut at = 0;
    for span in spans {
        while at + 1 < ranges.len() && ranges[at].end <= span.start {
            at += 1;
        }
        let Some(range) = ranges.get(at) else { break };
        match fragments.last_mut() {
            // A mark over the end of a fragment takes the fragment with it.
            Some(last) if last.range.start == range.start || span.start < last.range.end => {
                last.range.end = last.range.end.max(span.end);
                last.spans.push(*span);
            }
            _ => {
                let start = range.start.min(span.start);
                let range = Span { start, end: range.end.max(span.end) };
                fragments.push(Fragment { text, range, spans: vec![*span] });
            }
        }
    }
    fragments
}

/// Sentences, and pieces of those that are too long.
fn sentences(text: &str, size: usize) -> Vec<Span> {
    let mut ranges = Vec::new();
    for (start, sentence) in text.split_sentence_bound_indices() {
        let pieces = sizes(sentence, size);
        ranges.extend(
            pieces.into_iter().map(|of| Span { start: start + of.start, end: start + of.end }),
        );
    }
    ranges
}

/// Pieces of at most `size` letters that end between words, where they can.
fn sizes(text: &str, size: usize) -> Vec<Span> {
    let size = size.max(1);
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut len = 0;
    // Most texts are shorter than a fragment.
    if text.len() <= size {
        return vec![Span { start: 0, end: text.len() }];
    }
    for (at, word) in text.split_word_bound_indices() {
        let letters = word.chars().count();
        if len > 0 && len + letters > size {
            ranges.push(Span { start, end: at });
            (start, len) = (at, 0);
        }
        len += letters;
    }
    ranges.push(Span { start, end: text.len() });
    ranges
}

fn no_match(values: &[&str], options: &HighlightOptions) -> Vec<String> {
    let Some(first) = values.iter().find(|text| !text.is_empty()) else { return Vec::new() };
    if options.no_match_size == 0 {
        return Vec::new();
    }
    let end = sizes(first, options.no_match_size).first().map_or(0, |range| range.end);
    vec![first[..end].trim_end().to_owned()]
}
