//! Texts in the languages of search boxes, bound to an index's fields.

use serde_json::Value;

use super::QueryError;
use super::bind::{Binder, Ends};
use super::bind_text::{Form, TextOptions, best_of, is_forgivable};
use super::field::{self, FieldRef, is_text};
use super::lucene_regexp;
use super::pattern::Fuzzy;
use super::plan::{Clauses, Op, Plan};
use crate::date::Zone;
use crate::query::kql::{self, Comparison, Literal};
use crate::query::lucene::{self, Occur, Tree};
use crate::query::simple;
use crate::query::{
    Bool, Exists, FieldBoost, Fuzziness, Kql, Match, MatchPhrase, MinimumShouldMatch, MultiMatch,
    MultiMatchType, Nested, Node, Operator, Pattern, Query, QueryString, Range, SimpleQueryString,
};

/// How the parts of a text are looked for.
struct Language {
    fields: Vec<FieldBoost>,
    kind: MultiMatchType,
    words: TextOptions,
    phrase: TextOptions,
    quote_suffix: Option<String>,
    fuzziness: Fuzziness,
    fuzzy_prefix: u32,
    swaps: bool,
    lenient: bool,
    tie: Option<f32>,
    zone: Option<Zone>,
    no_leading_wildcard: bool,
    /// Every field was meant: `*` is everything.
    is_all: bool,
}

/// Words of a text that the language makes its own signs of.
fn syntax(query: &str) -> impl Fn(String) -> QueryError {
    let query = query.to_owned();
    move |what| QueryError::Syntax { query: query.clone(), what }
}

impl Binder<'_> {
    pub(super) fn query_string(&mut self, of: &QueryString) -> Result<Plan, QueryError> {
        let and = of.default_operator == Operator::And;
        let tree = if of.escape {
            let text = of.query.trim().to_owned();
            (!text.is_empty()).then_some(Tree::Text { field: None, text, is_run: true })
        } else {
            lucene::parse(&of.query, and).map_err(syntax(&of.query))?
        };
        let Some(tree) = tree else { return Ok(Plan::nothing()) };
        let own: Vec<FieldBoost> = match &of.default_field {
            Some(field) if of.fields.is_empty() => vec![FieldBoost(field.clone(), 1.0)],
            Some(_) | None => of.fields.clone(),
        };
        let (fields, is_all) = self.fields(&own);
        let lenient = of.lenient.unwrap_or(is_all);
        let zone = match &of.time_zone {
            Some(zone) => {
                Some(Zone::parse(zone).ok_or_else(|| QueryError::TimeZone(zone.clone()))?)
            }
            None => None,
        };
        let words = TextOptions {
            operator: of.default_operator,
            analyzer: of.analyzer.clone(),
            lenient,
            ..TextOptions::new(form_of(of.kind), "query_string")
        };
        let language = Language {
            fields,
            kind: of.kind,
            phrase: TextOptions {
                analyzer: of.quote_analyzer.clone().or(of.analyzer.clone()),
                lenient,
                slop: of.phrase_slop,
                ..TextOptions::new(Form::Phrase, "query_string")
            },
            words,
            quote_suffix: of.quote_field_suffix.clone(),
            fuzziness: of.fuzziness.unwrap_or(Fuzziness::AUTO),
            fuzzy_prefix: of.fuzzy_prefix_length,
            swaps: !of.no_fuzzy_transpositions,
            lenient,
            tie: of.tie_breaker,
            zone,
            no_leading_wildcard: of.no_leading_wildcard,
            is_all,
        };
        self.language(&tree, &language, &of.query, of.minimum_should_match.as_ref())
    }

    pub(super) fn simple_query_string(
        &mut self,
        of: &SimpleQueryString,
    ) -> Result<Plan, QueryError> {
        let flags = simple::Flags::parse(of.flags.as_deref()).map_err(QueryError::Illegal)?;
        let and = of.default_operator == Operator::And;
        let Some(tree) = simple::parse(&of.query, flags, and) else { return Ok(Plan::nothing()) };
        let (fields, is_all) = self.fields(&of.fields);
        let lenient = of.lenient.unwrap_or(is_all);
        let options = |form| TextOptions {
            operator: of.default_operator,
            analyzer: of.analyzer.clone(),
            lenient,
            ..TextOptions::new(form, "simple_query_string")
        };
        let language = Language {
            fields,
            kind: MultiMatchType::MostFields,
            words: options(Form::Words),
            phrase: options(Form::Phrase),
            quote_suffix: of.quote_field_suffix.clone(),
            fuzziness: Fuzziness::AUTO,
            fuzzy_prefix: of.fuzzy_prefix_length,
            swaps: !of.no_fuzzy_transpositions,
            lenient,
            tie: None,
            zone: None,
            no_leading_wildcard: false,
            is_all,
        };
        self.language(&tree, &language, &of.query, of.minimum_should_match.as_ref())
    }

    fn language(
        &mut self,
        tree: &Tree,
        language: &Language,
        query: &str,
        msm: Option<&MinimumShouldMatch>,
    ) -> Result<Plan, QueryError> {
        let plan = self.tree(tree, language, query)?;
        let Some(mut plan) = plan else { return Ok(Plan::nothing()) };
        if let (Op::Bool(clauses), Some(msm)) = (&mut plan.op, msm)
            && !clauses.should.is_empty()
        {
            clauses.required = msm.of(clauses.should.len());
            if clauses.required > clauses.should.len() {
                return Ok(Plan::nothing());
            }
        }
        Ok(plan)
    }

    fn tree(
        &mut self,
        tree: &Tree,
        language: &Language,
        query: &str,
    ) -> Result<Option<Plan>, QueryError> {
        self.count_clause()?;
        match tree {
            Tree::Bool(clauses) => self.clauses(clauses, language, query),
            Tree::Boosted(tree, boost) => {
                let plan = self.tree(tree, language, query)?;
                Ok(plan.map(|mut plan| {
                    plan.boost *= boost;
                    plan
                }))
            }
            Tree::Text { field, text, .. } => self.lucene_text(field.as_deref(), text, language),
            Tree::Phrase { field, text, slop } => {
                if field.as_deref() == Some("_exists_") {
                    return self.bind_exists(text).map(Some);
                }
                let fields = self.quoted_fields(field.as_deref(), language);
                let mut options = language.phrase.clone();
                options.slop = slop.unwrap_or(options.slop);
                let kind = MultiMatchType::Phrase;
                self.text_in(&fields, &text.as_str().into(), kind, (&options, language.tie))
            }
            Tree::Fuzzy { field, text, edits } => {
                let edits = edits.unwrap_or_else(|| language.fuzziness.edits(text));
                self.each_field(field.as_deref(), language, &mut |binder, field| {
                    let word = binder.normal(field, text);
                    let prefix = language.fuzzy_prefix;
                    binder.fuzzy_of(field, Fuzzy::new(&word, edits, prefix, language.swaps))
                })
            }
            Tree::Prefix { field, text } => {
                if language.no_leading_wildcard && text.is_empty() {
                    return Err(leading(query));
                }
                self.each_field(field.as_deref(), language, &mut |binder, field| {
                    let prefix = binder.normal(field, text);
                    binder.prefix_of(field, &prefix, false)
                })
            }
            Tree::Wildcard { field, pattern } => {
                self.lucene_wildcard(field.as_deref(), pattern, language, query)
            }
            Tree::Regexp { field, pattern } => {
                self.each_field(field.as_deref(), language, &mut |binder, field| {
                    let matcher = lucene_regexp::matcher(pattern, None, false)?;
                    binder.matching(field, "regexp", matcher, Vec::new())
                })
            }
            Tree::Range { field, low, high } => {
                let end = |end: &Option<(String, bool)>| {
                    end.as_ref().map(|(text, with)| (Value::from(text.as_str()), *with))
                };
                self.lucene_range(field.as_deref(), &(end(low), end(high)), language)
            }
        }
    }

    fn clauses(
        &mut self,
        clauses: &[(Occur, Tree)],
        language: &Language,
        query: &str,
    ) -> Result<Option<Plan>, QueryError> {
        let mut all = Clauses::default();
        for (occur, tree) in clauses {
            let Some(plan) = self.tree(tree, language, query)? else { continue };
            let is_run = matches!(tree, Tree::Text { is_run: true, .. });
            match (occur, plan) {
                // Words that stood side by side are clauses of their own.
                (Occur::Should, Plan { op: Op::Bool(of), name: None, .. })
                    if is_run && of.must.is_empty() && of.required == 1 =>
                {
                    all.should.extend(of.should);
                }
                (Occur::Must, Plan { op: Op::Bool(of), name: None, .. })
                    if is_run && of.should.is_empty() =>
                {
                    all.must.extend(of.must);
                }
                (Occur::Should, plan) => all.should.push(plan),
                (Occur::Must, plan) => all.must.push(plan),
                (Occur::MustNot, plan) => all.must_not.push(plan),
            }
        }
        if all.must.is_empty() && all.should.is_empty() && all.must_not.is_empty() {
            return Ok(None);
        }
        all.required = usize::from(all.must.is_empty() && !all.should.is_empty());
        Ok(Some(Plan::of(Op::Bool(all))))
    }

    /// The fields that a part of a text is about.
    fn language_fields(&self, field: Option<&str>, language: &Language) -> Vec<FieldBoost> {
        match field {
            None => language.fields.clone(),
            Some(pattern) if pattern.contains('*') => {
                self.fields(&[FieldBoost(pattern.to_owned(), 1.0)]).0
            }
            Some(name) => vec![FieldBoost(name.to_owned(), 1.0)],
        }
    }

    fn quoted_fields(&self, field: Option<&str>, language: &Language) -> Vec<FieldBoost> {
        let mut fields = self.language_fields(field, language);
        if let Some(suffix) = &language.quote_suffix {
            for FieldBoost(name, _) in &mut fields {
                let other = format!("{name}{suffix}");
                if self.field(&other).is_some() {
                    *name = other;
                }
            }
        }
        fields
    }

    /// What `bind` makes of each field; the best of them.
    fn each_field(
        &mut self,
        field: Option<&str>,
        language: &Language,
        bind: &mut dyn FnMut(&mut Self, &FieldRef) -> Result<Plan, QueryError>,
    ) -> Result<Option<Plan>, QueryError> {
        let mut plans = Vec::new();
        for FieldBoost(name, boost) in self.language_fields(field, language) {
            let Some(found) = self.field(&name) else {
                plans.push(Plan::nothing());
                continue;
            };
            match bind(self, &found) {
                Ok(mut plan) => {
                    plan.boost *= boost;
                    plans.push(plan);
                }
                Err(error) if language.lenient && is_forgivable(&error) => {
                    plans.push(Plan::nothing());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(best_of(plans, language.tie.unwrap_or(1.0)).unwrap_or_else(Plan::nothing)))
    }

    /// A part of a word as the field's analyzer would write it.
    fn normal(&self, field: &FieldRef, text: &str) -> String {
        if !is_text(field.kind) {
            return text.to_owned();
        }
        let mut normal = String::new();
        field.search_analyzer(self.target).whole(text, &mut normal);
        normal
    }

    fn bind_exists(&mut self, field: &str) -> Result<Plan, QueryError> {
        self.bind(&Node::Exists(Exists { field: field.to_owned() }).into())
    }

    fn lucene_text(
        &mut self,
        field: Option<&str>,
        text: &str,
        language: &Language,
    ) -> Result<Option<Plan>, QueryError> {
        if field == Some("_exists_") {
            return self.bind_exists(text).map(Some);
        }
        for (sign, is_low, with) in
            [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)]
        {
            if let Some(value) = text.strip_prefix(sign).filter(|value| !value.is_empty()) {
                let end = Some((Value::from(value), with));
                let ends = if is_low { (end, None) } else { (None, end) };
                return self.lucene_range(field, &ends, language);
            }
        }
        let fields = self.language_fields(field, language);
        if fields.is_empty() {
            return Ok(Some(Plan::nothing()));
        }
        self.text_in(&fields, &text.into(), language.kind, (&language.words, language.tie))
    }

    fn lucene_wildcard(
        &mut self,
        field: Option<&str>,
        pattern: &str,
        language: &Language,
        query: &str,
    ) -> Result<Option<Plan>, QueryError> {
        if pattern == "*" {
            match field {
                None | Some("*") if language.is_all || field.is_some() => {
                    return Ok(Some(Plan::of(Op::All)));
                }
                Some(field) => return self.bind_exists(field).map(Some),
                None => {
                    let mut plans = Vec::new();
                    for FieldBoost(name, _) in &language.fields {
                        plans.push(self.bind_exists(name)?);
                    }
                    return Ok(Some(Plan::any_of(plans)));
                }
            }
        }
        if language.no_leading_wildcard && pattern.starts_with(['*', '?']) {
            return Err(leading(query));
        }
        self.each_field(field, language, &mut |binder, field| {
            let pattern = binder.normal(field, pattern);
            binder.wildcard_of(field, &pattern, false)
        })
    }

    fn lucene_range(
        &mut self,
        field: Option<&str>,
        ends: &Ends<Value>,
        language: &Language,
    ) -> Result<Option<Plan>, QueryError> {
        self.each_field(field, language, &mut |binder, field| {
            let normal = |end: &Option<(Value, bool)>| {
                end.as_ref().map(|(value, with)| match value.as_str() {
                    Some(text) => (Value::from(binder.normal(field, text)), *with),
                    None => (value.clone(), *with),
                })
            };
            let ends = (normal(&ends.0), normal(&ends.1));
            let plan = binder.range_of(field, &ends, None, language.zone.clone())?;
            Ok(Plan::of(Op::Constant(Box::new(plan))))
        })
    }

    pub(super) fn kql(&mut self, of: &Kql) -> Result<Plan, QueryError> {
        match kql::parse(&of.query).map_err(syntax(&of.query))? {
            None => Ok(Plan::of(Op::All)),
            Some(tree) => {
                let query = self.kql_query(&tree, of, "");
                self.bind(&query)
            }
        }
    }

    /// The query that Kibana would make of a tree, with `prefix` before its fields.
    fn kql_query(&self, tree: &kql::Tree, of: &Kql, prefix: &str) -> Query {
        match tree {
            kql::Tree::Or(trees) => {
                any(trees.iter().map(|tree| self.kql_query(tree, of, prefix)).collect())
            }
            kql::Tree::And(trees) => {
                Query::all_of(trees.iter().map(|tree| self.kql_query(tree, of, prefix)).collect())
            }
            kql::Tree::Not(tree) => Node::Bool(Bool {
                must_not: vec![self.kql_query(tree, of, prefix)],
                ..Bool::default()
            })
            .into(),
            kql::Tree::Nested(path, tree) => {
                let path = format!("{prefix}{path}");
                let query = self.kql_query(tree, of, &format!("{path}."));
                let nested = Nested { path, query: Box::new(query), ..Nested::default() };
                Node::Nested(nested).into()
            }
            kql::Tree::Range { field, operator, value } => {
                let value = Some(Value::from(value.text.as_str()));
                any(self
                    .kql_fields(field, prefix)
                    .into_iter()
                    .map(|field| {
                        let mut range = Range { field, ..Range::default() };
                        let end = match operator {
                            Comparison::Less => &mut range.lt,
                            Comparison::LessOrEqual => &mut range.lte,
                            Comparison::Greater => &mut range.gt,
                            Comparison::GreaterOrEqual => &mut range.gte,
                        };
                        end.clone_from(&value);
                        range.time_zone.clone_from(&of.time_zone);
                        Node::Range(range).into()
                    })
                    .collect())
            }
            kql::Tree::Is { field: None, value } => kql_any_field(value, of),
            kql::Tree::Is { field: Some(field), value } => {
                let is_star = |literal: &Literal| literal.has_wildcard && literal.pattern == "*";
                if is_star(field) && is_star(value) {
                    return Query::default();
                }
                any(self
                    .kql_fields(field, prefix)
                    .into_iter()
                    .map(|name| self.kql_is(name, value, of))
                    .collect())
            }
        }
    }

    fn kql_fields(&self, field: &Literal, prefix: &str) -> Vec<String> {
        let name = format!("{prefix}{}", field.text);
        if field.has_wildcard { field::expand(self.target, &name) } else { vec![name] }
    }

    fn kql_is(&self, field: String, value: &Literal, of: &Kql) -> Query {
        if value.has_wildcard && value.pattern == "*" {
            return Node::Exists(Exists { field }).into();
        }
        let found = self.field(&field);
        if value.has_wildcard {
            let pattern = match &found {
                Some(found) => self.normal(found, &value.pattern),
                None => value.pattern.clone(),
            };
            return Node::Wildcard(Pattern { field, value: pattern, case_insensitive: false })
                .into();
        }
        let text = Value::from(value.text.as_str());
        if found.is_some_and(|found| super::bind::is_date(found.kind)) {
            return Node::Range(Range {
                field,
                gte: Some(text.clone()),
                lte: Some(text),
                time_zone: of.time_zone.clone(),
                ..Range::default()
            })
            .into();
        }
        if value.is_quoted {
            let phrase = MatchPhrase { field, query: text, ..MatchPhrase::default() };
            return Node::MatchPhrase(phrase).into();
        }
        Node::Match(Match { field, query: text, ..Match::default() }).into()
    }
}

fn kql_any_field(value: &Literal, of: &Kql) -> Query {
    if value.has_wildcard && !value.is_quoted {
        // Everything but the stars is a letter.
        let escape = |letter: char| {
            let special = "+-!():^[]\"{}~/&|<>= ".contains(letter);
            [special.then_some('\\'), Some(letter)].into_iter().flatten()
        };
        return Node::QueryString(QueryString {
            query: value.pattern.chars().flat_map(escape).collect(),
            fields: of.fields.clone(),
            ..QueryString::default()
        })
        .into();
    }
    let kind = if value.is_quoted { MultiMatchType::Phrase } else { MultiMatchType::BestFields };
    Node::MultiMatch(MultiMatch {
        fields: of.fields.clone(),
        query: value.text.as_str().into(),
        kind,
        lenient: true,
        ..MultiMatch::default()
    })
    .into()
}

fn any(mut queries: Vec<Query>) -> Query {
    match queries.len() {
        0 => Node::MatchNone {}.into(),
        1 => queries.swap_remove(0),
        _ => Node::Bool(Bool {
            should: queries,
            minimum_should_match: Some(MinimumShouldMatch::count(1)),
            ..Bool::default()
        })
        .into(),
    }
}

fn form_of(kind: MultiMatchType) -> Form {
    match kind {
        MultiMatchType::BestFields | MultiMatchType::MostFields | MultiMatchType::CrossFields => {
            Form::Words
        }
        MultiMatchType::Phrase => Form::Phrase,
        MultiMatchType::PhrasePrefix => Form::PhrasePrefix,
        MultiMatchType::BoolPrefix => Form::BoolPrefix,
    }
}

fn leading(query: &str) -> QueryError {
    QueryError::Syntax {
        query: query.to_owned(),
        what: "'*' or '?' not allowed as first character in WildcardQuery".to_owned(),
    }
}
