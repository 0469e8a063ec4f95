//! `intervals`: where words lie to one another.

use std::sync::Arc;

use super::QueryError;
use super::bind::Binder;
use super::field::is_text;
use super::lucene_regexp;
use super::pattern::{Fuzzy, Matcher};
use super::plan::{Plan, Words, WordsTest};
use crate::query::{DEPTH_MAX, IntervalFilter, IntervalRule, Intervals};
use crate::text::analysis::{Analyzer, Token};

/// Most intervals of one rule in one row: of more, the first count.
const INTERVALS_MAX: usize = 4_096;

/// A bound rule.
#[derive(Debug, Clone)]
pub(super) struct IntervalPlan {
    rule: Rule,
    /// What words are looked for; rules name them by their place.
    words: Vec<WordTest>,
}

#[derive(Debug, Clone)]
enum WordTest {
    Equal(String),
    Matches(Matcher),
}

impl WordTest {
    fn is(&self, word: &str) -> bool {
        match self {
            Self::Equal(equal) => equal == word,
            Self::Matches(matcher) => matcher.is(word),
        }
    }
}

#[derive(Debug, Clone)]
enum Rule {
    Word(usize),
    All { of: Vec<Rule>, ordered: bool, max_gaps: i64 },
    Any(Vec<Rule>),
    Filtered { rule: Box<Rule>, by: Box<Rule>, relation: Relation },
}

#[derive(Debug, Clone, Copy)]
enum Relation {
    After,
    Before,
    ContainedBy,
    Containing,
    NotContainedBy,
    NotContaining,
    NotOverlapping,
    Overlapping,
}

/// Places from the first to the last, of which `words` are those of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Interval {
    start: u32,
    end: u32,
    words: u32,
}

impl Interval {
    fn gaps(&self) -> i64 {
        i64::from(self.end) - i64::from(self.start) + 1 - i64::from(self.words)
    }

    fn contains(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

impl IntervalPlan {
    /// Whether the texts of a row follow the rule.
    pub(super) fn is_in<'a>(&self, words: &Words, texts: impl Iterator<Item = &'a str>) -> bool {
        let mut places: Vec<Vec<u32>> = vec![Vec::new(); self.words.len()];
        let mut base = 0;
        let mut scratch = String::new();
        for text in texts {
            let mut last = None;
            words.analyzer.each(text, &mut scratch, &mut |word, place, _, _| {
                last = Some(place);
                for (at, test) in self.words.iter().enumerate() {
                    if test.is(word) {
                        places[at].push(base + place);
                    }
                }
            });
            base += last.map_or(0, |last| last + 1) + words.gap;
        }
        !self.rule.intervals(&places).is_empty()
    }

    /// Whether the rule names `word`.
    pub(super) fn names(&self, word: &str) -> bool {
        self.words.iter().any(|test| test.is(word))
    }
}

impl Rule {
    /// The least intervals that follow the rule.
    fn intervals(&self, places: &[Vec<u32>]) -> Vec<Interval> {
        match self {
            Self::Word(at) => places[*at]
                .iter()
                .map(|place| Interval { start: *place, end: *place, words: 1 })
                .collect(),
            Self::Any(of) => least(of.iter().flat_map(|rule| rule.intervals(places)).collect()),
            Self::All { of, ordered, max_gaps } => {
                let lists: Vec<Vec<Interval>> =
                    of.iter().map(|rule| rule.intervals(places)).collect();
                let mut all = if *ordered { in_order(&lists) } else { in_any_order(&lists) };
                all = least(all);
                all.retain(|interval| *max_gaps < 0 || interval.gaps() <= *max_gaps);
                all
            }
            Self::Filtered { rule, by, relation } => {
                let by = by.intervals(places);
                let mut all = rule.intervals(places);
                all.retain(|interval| relation.holds(interval, &by));
                all
            }
        }
    }
}

impl Relation {
    fn holds(self, of: &Interval, by: &[Interval]) -> bool {
        match self {
            Self::After => by.iter().any(|other| of.start > other.end),
            Self::Before => by.iter().any(|other| of.end < other.start),
            Self::ContainedBy => by.iter().any(|other| other.contains(of)),
            Self::Containing => by.iter().any(|other| of.contains(other)),
            Self::NotContainedBy => !by.iter().any(|other| other.contains(of)),
            Self::NotContaining => !by.iter().any(|other| of.contains(other)),
            Self::NotOverlapping => !by.iter().any(|other| other.overlaps(of)),
            Self::Overlapping => by.iter().any(|other| other.overlaps(of)),
        }
    }
}

/// Those that contain no other, in order.
fn least(mut all: Vec<Interval>) -> Vec<Interval> {
    // Of those with the same end the shortest comes first.
    all.sort_by_key(|interval| (interval.end, std::cmp::Reverse(interval.start)));
    let mut kept: Vec<Interval> = Vec::new();
    for interval in all {
        if kept.last().is_none_or(|last| last.start < interval.start) {
            kept.push(interval);
        }
        if kept.len() >= INTERVALS_MAX {
            break;
        }
    }
    kept
}

fn in_order(lists: &[Vec<Interval>]) -> Vec<Interval> {
    let Some((first, rest)) = lists.split_first() else { return Vec::new() };
    let mut all = Vec::new();
    'starts: for start in first.iter().take(INTERVALS_MAX) {
        let mut joined = *start;
        for list in rest {
            let Some(next) = list.iter().find(|next| next.start > joined.end) else {
                continue 'starts;
            };
            joined.end = next.end;
            joined.words += next.words;
        }
        all.push(joined);
    }
    all
}

fn in_any_order(lists: &[Vec<Interval>]) -> Vec<Interval> {
    let mut all = Vec::new();
    for (at, list) in lists.iter().enumerate() {
        'starts: for start in list.iter().take(INTERVALS_MAX) {
            let mut joined = *start;
            let mut used = vec![*start];
            for (with, others) in lists.iter().enumerate() {
                if with == at {
                    continue;
                }
                let next =
                    others.iter().find(|other| other.start >= start.start && !used.contains(other));
                let Some(next) = next else { continue 'starts };
                joined.end = joined.end.max(next.end);
                joined.words += next.words;
                used.push(*next);
            }
            all.push(joined);
        }
    }
    all
}

impl Binder<'_> {
    pub(super) fn intervals(&mut self, of: &Intervals) -> Result<Plan, QueryError> {
        let Some(field) = self.field(&of.field) else { return Ok(Plan::nothing()) };
        if !is_text(field.kind) {
            return Err(QueryError::Illegal(format!(
                "Can only use interval queries on text fields - not on [{}] which is of type [{}]",
                field.name,
                field.kind.name()
            )));
        }
        let analyzer = field.search_analyzer(self.target);
        let mut words = Vec::new();
        let rule = self.interval_rule(&of.rule, &analyzer, &mut words, 0)?;
        let test = WordsTest::Intervals(IntervalPlan { rule, words });
        Ok(self.words(&field, test, Vec::new()))
    }

    fn interval_rule(
        &mut self,
        of: &IntervalRule,
        analyzer: &Analyzer,
        words: &mut Vec<WordTest>,
        depth: usize,
    ) -> Result<Rule, QueryError> {
        self.count_clause()?;
        if depth > DEPTH_MAX {
            return Err(QueryError::TooDeep(DEPTH_MAX));
        }
        let mut normal = String::new();
        let mut word = |test: WordTest| {
            words.push(test);
            Rule::Word(words.len() - 1)
        };
        let (rule, filter) = match of {
            IntervalRule::Match { query, max_gaps, ordered, analyzer: own, filter, use_field } => {
                other_field(use_field.as_deref())?;
                let named = self.interval_analyzer(own.as_deref())?;
                let tokens = named.as_deref().unwrap_or(analyzer).tokens(query);
                (match_rule(&tokens, &mut word, (*ordered, *max_gaps)), filter)
            }
            IntervalRule::Prefix { prefix, use_field } => {
                other_field(use_field.as_deref())?;
                analyzer.whole(prefix, &mut normal);
                let prefix = Matcher::Prefix { prefix: normal, fold: false };
                return Ok(word(WordTest::Matches(prefix)));
            }
            IntervalRule::Wildcard { pattern, use_field } => {
                other_field(use_field.as_deref())?;
                analyzer.whole(pattern, &mut normal);
                return Ok(word(WordTest::Matches(Matcher::wildcard(&normal, false)?)));
            }
            IntervalRule::Regexp { pattern, case_insensitive, use_field } => {
                other_field(use_field.as_deref())?;
                let matcher = lucene_regexp::matcher(pattern, None, *case_insensitive)?;
                return Ok(word(WordTest::Matches(matcher)));
            }
            IntervalRule::Fuzzy {
                term,
                fuzziness,
                prefix_length,
                no_transpositions,
                use_field,
            } => {
                other_field(use_field.as_deref())?;
                analyzer.whole(term, &mut normal);
                let edits = fuzziness.edits(&normal);
                let fuzzy = Fuzzy::new(&normal, edits, *prefix_length, !no_transpositions);
                return Ok(word(WordTest::Matches(Matcher::Fuzzy(fuzzy))));
            }
            IntervalRule::AllOf { intervals, max_gaps, ordered, filter } => {
                let all = self.interval_rules(intervals, analyzer, words, depth)?;
                (all_of(all, *ordered, *max_gaps), filter)
            }
            IntervalRule::AnyOf { intervals, filter } => {
                (one_of(self.interval_rules(intervals, analyzer, words, depth)?), filter)
            }
        };
        let Some(filter) = filter else { return Ok(rule) };
        let (relation, by) = relation_of(filter);
        let by = Box::new(self.interval_rule(by, analyzer, words, depth + 1)?);
        Ok(Rule::Filtered { rule: Box::new(rule), by, relation })
    }

    fn interval_analyzer(&self, name: Option<&str>) -> Result<Option<Arc<Analyzer>>, QueryError> {
        let Some(name) = name else { return Ok(None) };
        let unknown = || QueryError::NoAnalyzer { query: "intervals", analyzer: name.to_owned() };
        self.target.analysis.analyzer(name).map(Some).ok_or_else(unknown)
    }

    fn interval_rules(
        &mut self,
        of: &[IntervalRule],
        analyzer: &Analyzer,
        words: &mut Vec<WordTest>,
        depth: usize,
    ) -> Result<Vec<Rule>, QueryError> {
        of.iter().map(|rule| self.interval_rule(rule, analyzer, words, depth + 1)).collect()
    }
}

fn relation_of(filter: &IntervalFilter) -> (Relation, &IntervalRule) {
    match filter {
        IntervalFilter::After(by) => (Relation::After, by),
        IntervalFilter::Before(by) => (Relation::Before, by),
        IntervalFilter::ContainedBy(by) => (Relation::ContainedBy, by),
        IntervalFilter::Containing(by) => (Relation::Containing, by),
        IntervalFilter::NotContainedBy(by) => (Relation::NotContainedBy, by),
        IntervalFilter::NotContaining(by) => (Relation::NotContaining, by),
        IntervalFilter::NotOverlapping(by) => (Relation::NotOverlapping, by),
        IntervalFilter::Overlapping(by) => (Relation::Overlapping, by),
    }
}

fn match_rule(
    tokens: &[Token],
    word: &mut impl FnMut(WordTest) -> Rule,
    (ordered, max_gaps): (bool, i32),
) -> Rule {
    let mut all = Vec::new();
    for same in tokens.chunk_by(|a, b| a.position == b.position) {
        let any = same.iter().map(|token| word(WordTest::Equal(token.text.clone()))).collect();
        all.push(one_of(any));
    }
    all_of(all, ordered, max_gaps)
}

fn other_field(name: Option<&str>) -> Result<(), QueryError> {
    match name {
        None => Ok(()),
        Some(name) => Err(QueryError::Unsupported(format!("[use_field] [{name}] of intervals"))),
    }
}

fn one_of(mut rules: Vec<Rule>) -> Rule {
    if rules.len() == 1 { rules.swap_remove(0) } else { Rule::Any(rules) }
}

fn all_of(mut rules: Vec<Rule>, ordered: bool, max_gaps: i32) -> Rule {
    if rules.len() == 1 {
        return rules.swap_remove(0);
    }
    Rule::All { of: rules, ordered, max_gaps: i64::from(max_gaps) }
}
