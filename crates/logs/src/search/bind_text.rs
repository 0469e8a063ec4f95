//! Queries by the words of a text: `match` and its kin.

use serde_json::Value;

use super::bind::{Binder, bool_plan, finest_words, word_needle};
use super::field::{self, FieldRef, is_keyword, is_text};
use super::pattern::{Fuzzy, Matcher};
use super::plan::{Clauses, Op, Phrase, PhraseWord, Plan, WordIs, WordsTest};
use super::{QueryError, value};
use crate::query::{
    CombinedFields, FieldBoost, Fuzziness, Match, MatchBoolPrefix, MatchPhrase, MatchPhrasePrefix,
    MinimumShouldMatch, MultiMatch, MultiMatchType, Operator, ZeroTerms,
};
use crate::text::analysis::Token;

/// What the words of a text have to be to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Words,
    Phrase,
    PhrasePrefix,
    /// The last word is the beginning of one.
    BoolPrefix,
}

/// How a text is looked for in a field.
#[derive(Debug, Clone)]
pub(super) struct TextOptions {
    pub(super) form: Form,
    pub(super) operator: Operator,
    pub(super) msm: Option<MinimumShouldMatch>,
    pub(super) fuzziness: Option<Fuzziness>,
    pub(super) prefix_length: u32,
    pub(super) swaps: bool,
    pub(super) analyzer: Option<String>,
    pub(super) lenient: bool,
    pub(super) slop: u32,
    pub(super) query: &'static str,
}

impl TextOptions {
    pub(super) fn new(form: Form, query: &'static str) -> Self {
        Self {
            form,
            operator: Operator::Or,
            msm: None,
            fuzziness: None,
            prefix_length: 0,
            swaps: true,
            analyzer: None,
            lenient: false,
            slop: 0,
            query,
        }
    }
}

/// Whether a value is what `lenient` lets pass: one that a field cannot have.
pub(super) fn is_forgivable(error: &QueryError) -> bool {
    matches!(
        error,
        QueryError::Number(_)
            | QueryError::OutOfRange { .. }
            | QueryError::Boolean(_)
            | QueryError::Date { .. }
            | QueryError::Ip(_)
            | QueryError::WrongType { .. }
            | QueryError::Illegal(_)
    )
}

/// What a text that has no words becomes.
fn or_zero(plan: Option<Plan>, zero: ZeroTerms) -> Plan {
    plan.unwrap_or_else(|| match zero {
        ZeroTerms::None => Plan::nothing(),
        ZeroTerms::All => Plan::of(Op::All),
    })
}

impl Binder<'_> {
    pub(super) fn match_words(&mut self, of: &Match) -> Result<Plan, QueryError> {
        let options = TextOptions {
            operator: of.operator,
            msm: of.minimum_should_match.clone(),
            fuzziness: of.fuzziness,
            prefix_length: of.prefix_length,
            swaps: !of.no_transpositions,
            analyzer: of.analyzer.clone(),
            lenient: of.lenient,
            ..TextOptions::new(Form::Words, "match")
        };
        let plan = self.text(&of.field, &of.query, &options)?;
        Ok(or_zero(plan, of.zero_terms_query))
    }

    pub(super) fn match_phrase(&mut self, of: &MatchPhrase) -> Result<Plan, QueryError> {
        let options = TextOptions {
            analyzer: of.analyzer.clone(),
            lenient: of.lenient,
            slop: of.slop,
            ..TextOptions::new(Form::Phrase, "match_phrase")
        };
        let plan = self.text(&of.field, &of.query, &options)?;
        Ok(or_zero(plan, of.zero_terms_query))
    }

    pub(super) fn match_phrase_prefix(
        &mut self,
        of: &MatchPhrasePrefix,
    ) -> Result<Plan, QueryError> {
        let options = TextOptions {
            analyzer: of.analyzer.clone(),
            lenient: of.lenient,
            slop: of.slop,
            ..TextOptions::new(Form::PhrasePrefix, "match_phrase_prefix")
        };
        let plan = self.text(&of.field, &of.query, &options)?;
        Ok(or_zero(plan, of.zero_terms_query))
    }

    pub(super) fn match_bool_prefix(&mut self, of: &MatchBoolPrefix) -> Result<Plan, QueryError> {
        let options = TextOptions {
            operator: of.operator,
            msm: of.minimum_should_match.clone(),
            fuzziness: of.fuzziness,
            prefix_length: of.prefix_length,
            swaps: !of.no_transpositions,
            analyzer: of.analyzer.clone(),
            ..TextOptions::new(Form::BoolPrefix, "match_bool_prefix")
        };
        let plan = self.text(&of.field, &of.query, &options)?;
        Ok(or_zero(plan, ZeroTerms::None))
    }

    /// The words of `query` in a field; `None` when there are none.
    pub(super) fn text(
        &mut self,
        name: &str,
        query: &Value,
        options: &TextOptions,
    ) -> Result<Option<Plan>, QueryError> {
        if let Some(analyzer) = &options.analyzer
            && self.target.analysis.analyzer(analyzer).is_none()
        {
            return Err(QueryError::NoAnalyzer {
                query: options.query,
                analyzer: analyzer.clone(),
            });
        }
        let Some(field) = self.field(name) else { return Ok(Some(Plan::nothing())) };
        match self.text_of(&field, query, options) {
            Err(error) if options.lenient && is_forgivable(&error) => Ok(Some(Plan::nothing())),
            other => other,
        }
    }

    fn text_of(
        &mut self,
        field: &FieldRef,
        query: &Value,
        options: &TextOptions,
    ) -> Result<Option<Plan>, QueryError> {
        if !is_text(field.kind) {
            return self.whole_text(field, query, options).map(Some);
        }
        let analyzer = match &options.analyzer {
            Some(name) => self.target.analysis.analyzer(name).unwrap_or_default(),
            None => field.search_analyzer(self.target),
        };
        let mut tokens = analyzer.tokens(&value::text(query));
        if tokens.is_empty() {
            return Ok(None);
        }
        for _ in &tokens {
            self.count_clause()?;
        }
        tokens.sort_by_key(|token| token.position);
        match options.form {
            Form::Words | Form::BoolPrefix => self.bool_of(field, &tokens, options).map(Some),
            Form::Phrase | Form::PhrasePrefix => Ok(Some(self.phrase(field, &tokens, options))),
        }
    }

    /// A text in a field that is not cut into words.
    fn whole_text(
        &mut self,
        field: &FieldRef,
        query: &Value,
        options: &TextOptions,
    ) -> Result<Plan, QueryError> {
        let is_prefix = matches!(options.form, Form::PhrasePrefix | Form::BoolPrefix);
        if is_keyword(field.kind) {
            let text = value::text(query);
            if is_prefix {
                return self.prefix_of(field, &text, false);
            }
            if let (Form::Words, Some(fuzziness)) = (options.form, options.fuzziness) {
                let edits = fuzziness.edits(&text);
                let fuzzy = Fuzzy::new(&text, edits, options.prefix_length, options.swaps);
                return self.fuzzy_of(field, fuzzy);
            }
        } else if options.form == Form::PhrasePrefix {
            return Err(QueryError::Illegal(format!(
                "Can only use phrase prefix queries on text fields - not on [{}] which is of type [{}]",
                field.name,
                field.kind.name()
            )));
        }
        self.term_of(field, query, false)
    }

    fn bool_of(
        &mut self,
        field: &FieldRef,
        tokens: &[Token],
        options: &TextOptions,
    ) -> Result<Plan, QueryError> {
        let last = tokens.last().map_or(0, |token| token.position);
        let mut plans = Vec::new();
        for same in tokens.chunk_by(|a, b| a.position == b.position) {
            let is_last = same[0].position == last;
            let mut any = Vec::new();
            for token in same {
                any.push(if is_last && options.form == Form::BoolPrefix {
                    self.prefix_of(field, &token.text, false)?
                } else {
                    self.word(field, &token.text, options)?
                });
            }
            plans.push(Plan::any_of(any));
        }
        Ok(joined(plans, options.operator, options.msm.as_ref()))
    }

    /// One word of a field, perhaps with a few letters changed.
    pub(super) fn word(
        &mut self,
        field: &FieldRef,
        word: &str,
        options: &TextOptions,
    ) -> Result<Plan, QueryError> {
        match options.fuzziness.map(|fuzziness| fuzziness.edits(word)) {
            Some(edits @ 1..) => {
                let fuzzy = Fuzzy::new(word, edits, options.prefix_length, options.swaps);
                let plan = self.words(field, WordsTest::Matches(Matcher::Fuzzy(fuzzy)), Vec::new());
                Ok(plan)
            }
            Some(0) | None => {
                let needle = word_needle(word, &field.index_analyzer(self.target));
                Ok(self.words(field, WordsTest::Has(needle), finest_words(word)))
            }
        }
    }

    fn phrase(&mut self, field: &FieldRef, tokens: &[Token], options: &TextOptions) -> Plan {
        let is_prefix = options.form == Form::PhrasePrefix;
        let last = tokens.last().map_or(0, |token| token.position);
        let mut words: Vec<PhraseWord> = Vec::new();
        for same in tokens.chunk_by(|a, b| a.position == b.position) {
            let place = same[0].position;
            let is_start = is_prefix && place == last;
            let any = same
                .iter()
                .map(|token| match is_start {
                    true => WordIs::Prefix(token.text.clone()),
                    false => WordIs::Equal(token.text.clone()),
                })
                .collect();
            words.push(PhraseWord { any, place });
        }
        let phrase = Phrase { words, slop: options.slop };
        if let [PhraseWord { any, .. }] = phrase.words.as_slice() {
            let plans = any
                .iter()
                .map(|is| match is {
                    WordIs::Equal(word) => {
                        let needle = word_needle(word, &field.index_analyzer(self.target));
                        self.words(field, WordsTest::Has(needle), finest_words(word))
                    }
                    WordIs::Prefix(prefix) => {
                        let prefix = Matcher::Prefix { prefix: prefix.clone(), fold: false };
                        self.words(field, WordsTest::Matches(prefix), Vec::new())
                    }
                })
                .collect();
            return Plan::any_of(plans);
        }
        let mut needed: Vec<String> = phrase.single_words().flat_map(finest_words).collect();
        needed.sort();
        needed.dedup();
        self.words(field, WordsTest::Phrase(phrase), needed)
    }

    /// The fields that a list of names and patterns stands for, and whether values that they cannot have are let pass.
    pub(super) fn fields(&self, fields: &[FieldBoost]) -> (Vec<FieldBoost>, bool) {
        let defaults = [FieldBoost("*".to_owned(), 1.0)];
        let fields = match (fields, self.target.default_fields.as_slice()) {
            ([], []) => &defaults,
            ([], own) => own,
            (fields, _) => fields,
        };
        let mut all: Vec<FieldBoost> = Vec::new();
        let mut lenient = false;
        for FieldBoost(pattern, boost) in fields {
            if !pattern.contains('*') {
                all.push(FieldBoost(pattern.clone(), *boost));
                continue;
            }
            lenient |= pattern == "*";
            for name in field::expand(self.target, pattern) {
                let Some(found) = self.field(&name) else { continue };
                let known = is_text(found.kind) || is_keyword(found.kind) || is_plain(&found);
                if known && found.is_searchable() && all.iter().all(|have| have.0 != name) {
                    all.push(FieldBoost(name, *boost));
                }
            }
        }
        (all, lenient)
    }

    pub(super) fn multi_match(&mut self, of: &MultiMatch) -> Result<Plan, QueryError> {
        let (fields, lenient) = self.fields(&of.fields);
        let form = match of.kind {
            MultiMatchType::BestFields
            | MultiMatchType::MostFields
            | MultiMatchType::CrossFields => Form::Words,
            MultiMatchType::Phrase => Form::Phrase,
            MultiMatchType::PhrasePrefix => Form::PhrasePrefix,
            MultiMatchType::BoolPrefix => Form::BoolPrefix,
        };
        let options = TextOptions {
            operator: of.operator,
            msm: of.minimum_should_match.clone(),
            fuzziness: of.fuzziness,
            prefix_length: of.prefix_length,
            swaps: !of.no_transpositions,
            analyzer: of.analyzer.clone(),
            lenient: of.lenient || lenient,
            slop: of.slop,
            ..TextOptions::new(form, "multi_match")
        };
        let plan = self.text_in(&fields, &of.query, of.kind, (&options, of.tie_breaker))?;
        Ok(or_zero(plan, of.zero_terms_query))
    }

    /// The words of a text in several fields; `None` when no field finds words in it.
    pub(super) fn text_in(
        &mut self,
        fields: &[FieldBoost],
        query: &Value,
        kind: MultiMatchType,
        (options, tie): (&TextOptions, Option<f32>),
    ) -> Result<Option<Plan>, QueryError> {
        if kind == MultiMatchType::CrossFields {
            return self.cross_fields(fields, query, (options, tie));
        }
        let mut plans = Vec::new();
        for FieldBoost(name, boost) in fields {
            if let Some(mut plan) = self.text(name, query, options)? {
                plan.boost *= boost;
                plans.push(plan);
            }
        }
        let tie = tie.unwrap_or(match kind {
            MultiMatchType::MostFields | MultiMatchType::BoolPrefix => 1.0,
            MultiMatchType::BestFields
            | MultiMatchType::CrossFields
            | MultiMatchType::Phrase
            | MultiMatchType::PhrasePrefix => 0.0,
        });
        Ok(best_of(plans, tie))
    }

    /// Each word in any of the fields: those with the same analyzer are one field together.
    fn cross_fields(
        &mut self,
        fields: &[FieldBoost],
        query: &Value,
        (options, tie): (&TextOptions, Option<f32>),
    ) -> Result<Option<Plan>, QueryError> {
        let text = value::text(query);
        let mut groups: Vec<Group> = Vec::new();
        let mut others = Vec::new();
        for FieldBoost(name, boost) in fields {
            let Some(field) = self.field(name) else { continue };
            if !is_text(field.kind) {
                others.extend(self.text(name, query, options)?.map(|mut plan| {
                    plan.boost *= boost;
                    plan
                }));
                continue;
            }
            let named = options.analyzer.as_deref();
            let analyzer = named
                .and_then(|name| self.target.analysis.analyzer(name))
                .unwrap_or_else(|| field.search_analyzer(self.target));
            let tokens = analyzer.tokens(&text);
            match groups.iter_mut().find(|(have, _)| *have == tokens) {
                Some((_, fields)) => fields.push((field, *boost)),
                None => groups.push((tokens, vec![(field, *boost)])),
            }
        }
        let tie = tie.unwrap_or(0.0);
        let mut plans = Vec::new();
        for (tokens, fields) in groups.iter().filter(|(tokens, _)| !tokens.is_empty()) {
            let mut words = Vec::new();
            for token in tokens {
                self.count_clause()?;
                let mut any = Vec::new();
                for (field, boost) in fields {
                    let mut plan = self.word(field, &token.text, options)?;
                    plan.boost *= boost;
                    any.push(plan);
                }
                words.extend(best_of(any, tie));
            }
            plans.push(joined(words, options.operator, options.msm.as_ref()));
        }
        plans.extend(others);
        Ok(best_of(plans, tie))
    }

    pub(super) fn combined_fields(&mut self, of: &CombinedFields) -> Result<Plan, QueryError> {
        let (fields, _) = self.fields(&of.fields);
        let options = TextOptions {
            operator: of.operator,
            msm: of.minimum_should_match.clone(),
            ..TextOptions::new(Form::Words, "combined_fields")
        };
        let mut texts = Vec::new();
        for FieldBoost(name, boost) in fields {
            let Some(field) = self.field(&name) else { continue };
            if is_text(field.kind) {
                texts.push(FieldBoost(name, boost));
            } else if of.fields.iter().any(|named| named.0 == name) {
                return Err(QueryError::Illegal(format!(
                    "Field [{name}] of type [{}] does not support [combined_fields] queries",
                    field.kind.name()
                )));
            }
        }
        let plan = self.cross_fields(&texts, &of.query, (&options, Some(1.0)))?;
        Ok(or_zero(plan, of.zero_terms_query))
    }
}

/// Fields whose analyzers make the same words of a text.
type Group = (Vec<Token>, Vec<(FieldRef, f32)>);

/// Fields whose values a text can name.
fn is_plain(field: &FieldRef) -> bool {
    use crate::mapping::FieldType;
    super::bind::is_integer(field.kind)
        || super::bind::is_date(field.kind)
        || super::bind::float_width(field).is_some()
        || matches!(field.kind, FieldType::Boolean | FieldType::Ip)
}

/// The best of several plans, and a part of the others; `None` of none.
pub(super) fn best_of(mut plans: Vec<Plan>, tie: f32) -> Option<Plan> {
    match plans.len() {
        0 => None,
        1 => plans.pop(),
        _ => Some(Plan::of(Op::DisMax { of: plans, tie })),
    }
}

/// Words that all, some, or as many as wanted have to be there.
pub(super) fn joined(
    mut plans: Vec<Plan>,
    operator: Operator,
    msm: Option<&MinimumShouldMatch>,
) -> Plan {
    // Of one word, one is wanted, whatever is asked of several.
    if plans.len() == 1 {
        return plans.swap_remove(0);
    }
    bool_plan(match operator {
        Operator::And => Clauses { must: plans, ..Clauses::default() },
        Operator::Or => Clauses {
            required: msm.map_or(1, |msm| msm.of(plans.len())).max(1),
            should: plans,
            ..Clauses::default()
        },
    })
}
