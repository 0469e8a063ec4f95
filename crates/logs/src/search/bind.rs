//! Queries bound to an index: fields become columns, values become what the columns hold.

use std::sync::Arc;

use serde_json::Value;

use super::field::{self, FieldRef, is_keyword, is_text};
use super::lucene_regexp;
use super::pattern::{Fuzzy, Matcher, wildcard_parts};
use super::plan::{
    Clauses, Columns, FloatTest, FloatWidth, FromText, Leaf, Op, Own, Plan, Test, Whole, WholeTest,
    Words, WordsTest,
};
use super::value;
use super::words::Needle;
use super::{QueryError, Target};
use crate::date::{Edge, Zone, read_math};
use crate::mapping::FieldType;
use crate::query::{self, Bool, Fuzziness, Node, Pattern, Query, Range, Regexp};
use crate::text::analysis::Analyzer;
use crate::text::finest;

/// Makes a plan of a query for one index.
#[derive(Debug)]
pub(super) struct Binder<'a> {
    pub(super) target: &'a Target,
    pub(super) now_ns: i128,
    pub(super) clauses_max: usize,
    pub(super) clauses: usize,
    pub(super) depth: usize,
    /// Leaves so far: each has its number.
    pub(super) leaves: usize,
    /// The nested object that the query is about.
    pub(super) scope: Option<String>,
}

/// Bounds of a range, each with whether it is in.
pub(super) type Ends<T> = (Option<(T, bool)>, Option<(T, bool)>);

impl<'a> Binder<'a> {
    pub(super) fn new(target: &'a Target, now_ms: i64, clauses_max: usize) -> Self {
        Self {
            target,
            now_ns: i128::from(now_ms) * 1_000_000,
            clauses_max,
            clauses: 0,
            depth: 0,
            leaves: 0,
            scope: None,
        }
    }

    /// The plan of `query`.
    pub(super) fn bind(&mut self, query: &Query) -> Result<Plan, QueryError> {
        if self.depth >= query::DEPTH_MAX {
            return Err(QueryError::TooDeep(query::DEPTH_MAX));
        }
        self.depth += 1;
        let plan = self.node(&query.node);
        self.depth -= 1;
        let mut plan = plan?;
        plan.boost *= query.boost.unwrap_or(1.0);
        if let Some(name) = &query.name {
            if plan.name.is_some() {
                // A rewritten query that has a name itself.
                plan = Plan::of(Op::Bool(Clauses { must: vec![plan], ..Clauses::default() }));
            }
            plan.name = Some(name.as_str().into());
        }
        Ok(plan)
    }

    fn all(&mut self, queries: &[Query]) -> Result<Vec<Plan>, QueryError> {
        queries.iter().map(|query| self.bind(query)).collect()
    }

    fn node(&mut self, node: &Node) -> Result<Plan, QueryError> {
        self.count_clause()?;
        match node {
            Node::MatchAll {} => Ok(Plan::of(Op::All)),
            Node::MatchNone {} => Ok(Plan::nothing()),
            Node::Bool(of) => self.bool(of),
            Node::Term(of) => self.term(&of.field, &of.value, of.case_insensitive),
            Node::Terms(of) => self.terms(&of.field, &of.values),
            Node::TermsSet(of) => self.terms_set(of),
            Node::Range(of) => self.range(of),
            Node::Exists(of) => self.exists(&of.field),
            Node::Ids(of) => Ok(ids(of.values.iter().cloned())),
            Node::Match(of) => self.match_words(of),
            Node::MatchPhrase(of) => self.match_phrase(of),
            Node::MatchPhrasePrefix(of) => self.match_phrase_prefix(of),
            Node::MatchBoolPrefix(of) => self.match_bool_prefix(of),
            Node::MultiMatch(of) => self.multi_match(of),
            Node::CombinedFields(of) => self.combined_fields(of),
            Node::QueryString(of) => self.query_string(of),
            Node::SimpleQueryString(of) => self.simple_query_string(of),
            Node::Kql(of) => self.kql(of),
            Node::Prefix(of) => self.prefix(of),
            Node::Wildcard(of) => self.wildcard(of),
            Node::Regexp(of) => self.regexp(of),
            Node::Fuzzy(of) => self.fuzzy(of),
            Node::ConstantScore(of) => Ok(Plan::of(Op::Constant(Box::new(self.bind(&of.filter)?)))),
            Node::DisMax(of) => {
                Ok(Plan::of(Op::DisMax { of: self.all(&of.queries)?, tie: of.tie_breaker }))
            }
            Node::Boosting(of) => Ok(Plan::of(Op::Boosting {
                positive: Box::new(self.bind(&of.positive)?),
                negative: Box::new(self.bind(&of.negative)?),
                factor: of.negative_boost,
            })),
            Node::Nested(of) => self.nested(of),
            Node::FunctionScore(of) => self.function_score(of),
            Node::Intervals(of) => self.intervals(of),
        }
    }

    pub(super) fn count_clause(&mut self) -> Result<(), QueryError> {
        self.clauses += 1;
        if self.clauses > self.clauses_max {
            return Err(QueryError::TooManyClauses(self.clauses_max));
        }
        Ok(())
    }

    fn bool(&mut self, of: &Bool) -> Result<Plan, QueryError> {
        let only_should = of.must.is_empty() && of.filter.is_empty() && !of.should.is_empty();
        let clauses = Clauses {
            must: self.all(&of.must)?,
            filter: self.all(&of.filter)?,
            should: self.all(&of.should)?,
            must_not: self.all(&of.must_not)?,
            required: match &of.minimum_should_match {
                // Where nothing else says what matches, one of them has to.
                Some(msm) => msm.of(of.should.len()).max(usize::from(only_should)),
                None => usize::from(only_should),
            },
        };
        Ok(bool_plan(clauses))
    }

    fn terms_set(&mut self, of: &query::TermsSet) -> Result<Plan, QueryError> {
        let plans = of
            .values
            .iter()
            .map(|value| self.term(&of.field, value, false))
            .collect::<Result<_, _>>()?;
        Ok(match self.field(&of.minimum_should_match_field) {
            Some(FieldRef { columns: Columns::Named(names), .. }) => Plan::of(Op::AtLeast {
                of: plans,
                column: names.into_iter().next().unwrap_or_default(),
            }),
            Some(_) | None => Plan::nothing(),
        })
    }

    /// The field `name` as far as this query sees it: those of nested objects are seen from inside only.
    pub(super) fn field(&self, name: &str) -> Option<FieldRef> {
        let found = field::resolve(self.target, name)?;
        if found.nested == self.scope {
            return Some(found);
        }
        let nested = self.target.mapping.find(found.nested.as_deref()?)?;
        let is_included = ["include_in_root", "include_in_parent"]
            .iter()
            .any(|name| nested.field.params.get(*name).is_some_and(|value| *value == true));
        (self.scope.is_none() && is_included).then_some(found)
    }

    /// A leaf over a field's own columns.
    pub(super) fn leaf(&mut self, field: &FieldRef, test: Test, words: Vec<String>) -> Plan {
        self.leaves += 1;
        Plan::of(Op::Leaf(Box::new(Leaf {
            id: self.leaves - 1,
            field: field.name.clone(),
            is_time: is_date(field.kind)
                && field.columns == Columns::Named(vec!["@timestamp".to_owned()])
                && self.scope.is_none(),
            is_nanos: field.kind == FieldType::DateNanos,
            columns: field.columns.clone(),
            test,
            words,
        })))
    }

    fn whole(&mut self, field: &FieldRef, test: WholeTest, mut words: Vec<String>) -> Plan {
        let normalizer = field.normalizer(self.target);
        if normalizer.as_ref().is_some_and(|normalizer| !normalizer.keeps_finest()) {
            words.clear();
        }
        let test = Test::Whole(Whole { ignore_above: field.ignore_above(), normalizer, test });
        self.leaf(field, test, words)
    }

    pub(super) fn words(
        &mut self,
        field: &FieldRef,
        test: WordsTest,
        mut words: Vec<String>,
    ) -> Plan {
        let analyzer = field.index_analyzer(self.target);
        if !analyzer.keeps_finest() {
            words.clear();
        }
        let norms = field.field.params.get("norms").is_none_or(|norms| *norms != false)
            && field.kind != FieldType::MatchOnlyText;
        self.leaf(field, Test::Words(Words { analyzer, gap: field.gap(), norms, test }), words)
    }

    /// An exact value of `name`.
    pub(super) fn term(
        &mut self,
        name: &str,
        value: &Value,
        fold: bool,
    ) -> Result<Plan, QueryError> {
        let Some(field) = self.field(name) else { return Ok(Plan::nothing()) };
        self.term_of(&field, value, fold)
    }

    pub(super) fn term_of(
        &mut self,
        field: &FieldRef,
        value: &Value,
        fold: bool,
    ) -> Result<Plan, QueryError> {
        check_searchable(field)?;
        let kind = field.kind;
        if is_text(kind) {
            let text = value::text(value);
            let words = finest_words(&text);
            let analyzer = field.index_analyzer(self.target);
            let test = if fold {
                WordsTest::Matches(Matcher::wildcard(&escape_wildcard(&text), true)?)
            } else {
                WordsTest::Has(word_needle(&text, &analyzer))
            };
            return Ok(self.words(field, test, words));
        }
        if is_keyword(kind) {
            return self.keyword_term(field, &value::text(value), fold);
        }
        if kind == FieldType::Boolean {
            let yes = value::boolean(value)?;
            return Ok(self.leaf(field, Test::Bools { yes, no: !yes }, Vec::new()));
        }
        if kind == FieldType::Ip {
            let range = value::addresses(&value::text(value))?;
            return Ok(self.leaf(field, Test::Ips(vec![range]), Vec::new()));
        }
        if is_date(kind) {
            let bound = Some((value.clone(), true));
            return self.date_range(field, &(bound.clone(), bound), None, None);
        }
        if is_integer(kind) {
            return self.int_term(field, value);
        }
        if let Some(width) = float_width(field) {
            let at = value::rounded(value::float(value)?, width);
            let test = FloatTest { ranges: vec![(at, at)], width };
            return Ok(self.leaf(field, Test::Floats(test), Vec::new()));
        }
        if kind == FieldType::Object || kind == FieldType::Nested {
            return Ok(Plan::nothing());
        }
        Err(unsupported(field, "term"))
    }

    fn int_term(&mut self, field: &FieldRef, value: &Value) -> Result<Plan, QueryError> {
        let whole = value::integer(value)?;
        if !whole.exact {
            return Ok(Plan::nothing());
        }
        let (low, high) = value::bounds(field.kind);
        if whole.floor < low || whole.floor > high {
            let value = value::text(value);
            return Err(QueryError::OutOfRange { value, kind: article(field.kind) });
        }
        let at = value::stored(field.kind, whole.floor);
        Ok(self.ints(field, vec![(at, at)]))
    }

    fn keyword_term(
        &mut self,
        field: &FieldRef,
        text: &str,
        fold: bool,
    ) -> Result<Plan, QueryError> {
        if let Some(plan) = self.constant(field, &Matcher::wildcard(&escape_wildcard(text), fold)?)
        {
            return Ok(plan);
        }
        if field.name == "_id" {
            return Ok(ids([text.to_owned()].into_iter()));
        }
        let mut normal = text.to_owned();
        if let Some(normalizer) = field.normalizer(self.target) {
            normalizer.whole(text, &mut normal);
        }
        let words = finest_words(text);
        let test = if fold {
            WholeTest::Matches(Matcher::wildcard(&escape_wildcard(&normal), true)?)
        } else {
            WholeTest::Equal(normal)
        };
        Ok(self.whole(field, test, words))
    }

    /// The plan for fields with the same value in every row: the index's name, and constants of the mapping.
    fn constant(&self, field: &FieldRef, matcher: &Matcher) -> Option<Plan> {
        let constant = if field.name == "_index" {
            self.target.index.as_str()
        } else if field.kind == FieldType::ConstantKeyword {
            field.field.params.get("value")?.as_str()?
        } else {
            return None;
        };
        Some(if matcher.is(constant) { Plan::of(Op::All) } else { Plan::nothing() })
    }

    /// One of several exact values. Its score is constant.
    pub(super) fn terms(&mut self, name: &str, values: &[Value]) -> Result<Plan, QueryError> {
        let Some(field) = self.field(name) else { return Ok(Plan::nothing()) };
        let plan = if is_keyword(field.kind)
            && field.kind != FieldType::ConstantKeyword
            && !field.name.starts_with('_')
            && values.len() > 1
        {
            let normalizer = field.normalizer(self.target);
            let normal = |value: &Value| {
                let text = value::text(value);
                let mut normal = text.clone();
                if let Some(normalizer) = &normalizer {
                    normalizer.whole(&text, &mut normal);
                }
                normal
            };
            let set = values.iter().map(normal).collect();
            check_searchable(&field)?;
            self.whole(&field, WholeTest::OneOf(Arc::new(set)), Vec::new())
        } else if is_text(field.kind) && values.len() > 1 {
            let set = values.iter().map(value::text).collect();
            check_searchable(&field)?;
            self.words(&field, WordsTest::OneOf(Arc::new(set)), Vec::new())
        } else {
            let mut plans = Vec::new();
            for value in values {
                let plan = self.term_of(&field, value, false)?;
                if !plan.is_nothing() {
                    plans.push(plan);
                }
            }
            Plan::any_of(plans)
        };
        Ok(Plan::of(Op::Constant(Box::new(plan))))
    }

    fn exists(&mut self, name: &str) -> Result<Plan, QueryError> {
        if matches!(name, "_id" | "_index" | "_seq_no" | "_version" | "_source") {
            return Ok(Plan::of(Op::All));
        }
        let names = if name.contains('*') {
            field::expand(self.target, name)
        } else {
            vec![name.to_owned()]
        };
        let mut plans = Vec::new();
        for name in names {
            let Some(field) = self.field(&name) else { continue };
            if field.kind == FieldType::ConstantKeyword {
                return Ok(Plan::of(Op::All));
            }
            let own = own(&field);
            plans.push(self.leaf(&field, Test::Exists(own), Vec::new()));
        }
        Ok(Plan::of(Op::Constant(Box::new(Plan::any_of(plans)))))
    }

    fn ints(&mut self, field: &FieldRef, ranges: Vec<(i64, i64)>) -> Plan {
        let from_text = field.is_multi.then_some(FromText::Number);
        self.leaf(field, Test::Ints { ranges, from_text }, Vec::new())
    }

    fn range(&mut self, of: &Range) -> Result<Plan, QueryError> {
        let Some(field) = self.field(&of.field) else { return Ok(Plan::nothing()) };
        let end = |with: &Option<Value>, without: &Option<Value>| {
            let is_some = |value: &&Value| !value.is_null();
            match (with.as_ref().filter(is_some), without.as_ref().filter(is_some)) {
                (Some(value), _) => Some((value.clone(), true)),
                (None, Some(value)) => Some((value.clone(), false)),
                (None, None) => None,
            }
        };
        let ends = (end(&of.gte, &of.gt), end(&of.lte, &of.lt));
        let zone = match &of.time_zone {
            Some(zone) => {
                Some(Zone::parse(zone).ok_or_else(|| QueryError::TimeZone(zone.clone()))?)
            }
            None => None,
        };
        let plan = self.range_of(&field, &ends, of.format.as_deref(), zone)?;
        Ok(Plan::of(Op::Constant(Box::new(plan))))
    }

    /// Values of `field` between two; `format` and `zone` count for dates.
    pub(super) fn range_of(
        &mut self,
        field: &FieldRef,
        ends: &Ends<Value>,
        format: Option<&str>,
        zone: Option<Zone>,
    ) -> Result<Plan, QueryError> {
        check_searchable(field)?;
        if *ends == (None, None) {
            return self.exists(&field.name);
        }
        let texts = |ends: &Ends<Value>| {
            let text = |end: &Option<(Value, bool)>| {
                end.as_ref().map(|(value, with)| (value::text(value), *with))
            };
            (text(&ends.0), text(&ends.1))
        };
        if is_text(field.kind) {
            let (low, high) = texts(ends);
            return Ok(self.words(field, WordsTest::Between { low, high }, Vec::new()));
        }
        if is_keyword(field.kind) {
            let (low, high) = texts(ends);
            return Ok(self.whole(field, WholeTest::Between { low, high }, Vec::new()));
        }
        if is_date(field.kind) {
            return self.date_range(field, ends, format, zone);
        }
        if field.kind == FieldType::Ip {
            return self.ip_range(field, ends);
        }
        if field.kind == FieldType::Boolean {
            return self.bool_range(field, ends);
        }
        if is_integer(field.kind) {
            return self.int_range(field, ends);
        }
        match float_width(field) {
            Some(width) => self.float_range(field, ends, width),
            None => Err(unsupported(field, "range")),
        }
    }

    fn bool_range(&mut self, field: &FieldRef, ends: &Ends<Value>) -> Result<Plan, QueryError> {
        let flag = |end: &Option<(Value, bool)>| match end {
            Some((value, with)) => value::boolean(value).map(|flag| Some((flag, *with))),
            None => Ok(None),
        };
        let (low, high) = (flag(&ends.0)?, flag(&ends.1)?);
        let is_in = |flag: bool| {
            low.is_none_or(|(low, with)| flag & !low || (with && flag == low))
                && high.is_none_or(|(high, with)| !flag & high || (with && flag == high))
        };
        let test = Test::Bools { yes: is_in(true), no: is_in(false) };
        Ok(self.leaf(field, test, Vec::new()))
    }

    fn int_range(&mut self, field: &FieldRef, ends: &Ends<Value>) -> Result<Plan, QueryError> {
        let (mut low, mut high) = value::bounds(field.kind);
        if let Some((value, with)) = &ends.0 {
            let whole = value::integer(value)?;
            // Above a number that is no integer comes the next one.
            low = low.max(whole.floor + i128::from(!*with || !whole.exact));
        }
        if let Some((value, with)) = &ends.1 {
            let whole = value::integer(value)?;
            high = high.min(whole.floor - i128::from(!*with && whole.exact));
        }
        if low > high {
            return Ok(Plan::nothing());
        }
        let range = (value::stored(field.kind, low), value::stored(field.kind, high));
        Ok(self.ints(field, vec![range]))
    }

    fn float_range(
        &mut self,
        field: &FieldRef,
        ends: &Ends<Value>,
        width: FloatWidth,
    ) -> Result<Plan, QueryError> {
        // An end that is out moves to the next number of the field's own width.
        let next = |at: f64, up: bool| match (width, up) {
            (FloatWidth::Single, true) => f64::from(value::single(at).next_up()),
            (FloatWidth::Single, false) => f64::from(value::single(at).next_down()),
            (FloatWidth::Double | FloatWidth::Half | FloatWidth::Scaled(_), true) => at.next_up(),
            (FloatWidth::Double | FloatWidth::Half | FloatWidth::Scaled(_), false) => {
                at.next_down()
            }
        };
        let end = |end: &Option<(Value, bool)>, up: bool, open: f64| match end {
            None => Ok(open),
            Some((value, with)) => {
                let at = value::float(value)?;
                let at = if width == FloatWidth::Single { value::rounded(at, width) } else { at };
                Ok(if *with { at } else { next(at, up) })
            }
        };
        let low = end(&ends.0, true, f64::NEG_INFINITY)?;
        let high = end(&ends.1, false, f64::INFINITY)?;
        let test = FloatTest { ranges: vec![(low, high)], width };
        Ok(self.leaf(field, Test::Floats(test), Vec::new()))
    }

    fn ip_range(&mut self, field: &FieldRef, ends: &Ends<Value>) -> Result<Plan, QueryError> {
        let (mut low, mut high) = (0, u128::MAX);
        let mut is_empty = false;
        if let Some((value, with)) = &ends.0 {
            let (first, _) = value::addresses(&value::text(value))?;
            (low, is_empty) = if *with { (first, false) } else { first.overflowing_add(1) };
        }
        if let Some((value, with)) = &ends.1 {
            let (_, last) = value::addresses(&value::text(value))?;
            let (end, none) = if *with { (last, false) } else { last.overflowing_sub(1) };
            (high, is_empty) = (end, is_empty || none);
        }
        if is_empty || low > high {
            return Ok(Plan::nothing());
        }
        Ok(self.leaf(field, Test::Ips(vec![(low, high)]), Vec::new()))
    }

    fn date_range(
        &mut self,
        field: &FieldRef,
        ends: &Ends<Value>,
        format: Option<&str>,
        zone: Option<Zone>,
    ) -> Result<Plan, QueryError> {
        let own = field.format()?;
        let format = match format {
            Some(format) => Arc::new(field::read_format(format)?),
            None => Arc::clone(&own),
        };
        let zone = zone.unwrap_or_default();
        let read = |value: &Value, edge: Edge| {
            let text = value::text(value);
            read_math(&text, &format, &zone, edge, self.now_ns)
                .ok_or_else(|| QueryError::Date { text, format: format.text().to_owned() })
        };
        // The column's unit, and the unit that the field's type counts in.
        let is_nanos = field.kind == FieldType::DateNanos;
        let (unit_ns, step_ns) = if is_nanos { (1, 1) } else { (1_000, 1_000_000) };
        let (mut low, mut high) = (i64::MIN, i64::MAX);
        if let Some((value, with)) = &ends.0 {
            let edge = if *with { Edge::First } else { Edge::Last };
            let step = read(value, edge)?.div_euclid(step_ns) + i128::from(!*with);
            low = narrow(step * step_ns / unit_ns);
        }
        if let Some((value, with)) = &ends.1 {
            let edge = if *with { Edge::Last } else { Edge::First };
            let step = read(value, edge)?.div_euclid(step_ns) - i128::from(!*with);
            high = narrow((step * step_ns + step_ns - 1).div_euclid(unit_ns));
        }
        if low > high {
            return Ok(Plan::nothing());
        }
        let from_text = field.is_multi.then_some(FromText::Date { format: own, unit_ns });
        Ok(self.leaf(field, Test::Ints { ranges: vec![(low, high)], from_text }, Vec::new()))
    }

    fn prefix(&mut self, of: &Pattern) -> Result<Plan, QueryError> {
        let Some(field) = self.field(&of.field) else { return Ok(Plan::nothing()) };
        self.prefix_of(&field, &of.value, of.case_insensitive)
    }

    pub(super) fn prefix_of(
        &mut self,
        field: &FieldRef,
        prefix: &str,
        fold: bool,
    ) -> Result<Plan, QueryError> {
        let mut words = finest_words(prefix);
        drop_last_word(prefix, &mut words);
        let matcher = Matcher::Prefix { prefix: prefix.to_owned(), fold };
        self.matching(field, "prefix", matcher, words)
    }

    /// Values or words that follow `matcher`, of a field that has texts. The score is constant.
    pub(super) fn matching(
        &mut self,
        field: &FieldRef,
        query: &'static str,
        matcher: Matcher,
        words: Vec<String>,
    ) -> Result<Plan, QueryError> {
        check_searchable(field)?;
        let plan = if is_text(field.kind) {
            self.words(field, WordsTest::Matches(matcher), words)
        } else if let Some(plan) = self.constant(field, &matcher) {
            plan
        } else if is_keyword(field.kind) {
            self.whole(field, WholeTest::Matches(matcher), words)
        } else if matches!(field.kind, FieldType::Object | FieldType::Nested) {
            Plan::nothing()
        } else {
            return Err(QueryError::WrongType {
                query,
                field: field.name.clone(),
                kind: field.kind.name().to_owned(),
            });
        };
        Ok(Plan::of(Op::Constant(Box::new(plan))))
    }

    fn wildcard(&mut self, of: &Pattern) -> Result<Plan, QueryError> {
        let Some(field) = self.field(&of.field) else { return Ok(Plan::nothing()) };
        self.wildcard_of(&field, &of.value, of.case_insensitive)
    }

    pub(super) fn wildcard_of(
        &mut self,
        field: &FieldRef,
        pattern: &str,
        fold: bool,
    ) -> Result<Plan, QueryError> {
        let mut pattern = pattern.to_owned();
        if let Some(normalizer) = field.normalizer(self.target) {
            normalizer.whole(&pattern.clone(), &mut pattern);
        }
        let words = wildcard_words(&pattern);
        let matcher = Matcher::wildcard(&pattern, fold)?;
        self.matching(field, "wildcard", matcher, words)
    }

    fn regexp(&mut self, of: &Regexp) -> Result<Plan, QueryError> {
        let Some(field) = self.field(&of.field) else { return Ok(Plan::nothing()) };
        let matcher = lucene_regexp::matcher(&of.value, of.flags.as_deref(), of.case_insensitive)?;
        self.matching(&field, "regexp", matcher, Vec::new())
    }

    fn fuzzy(&mut self, of: &query::Fuzzy) -> Result<Plan, QueryError> {
        let Some(field) = self.field(&of.field) else { return Ok(Plan::nothing()) };
        let word = value::text(&of.value);
        let edits = of.fuzziness.unwrap_or(Fuzziness::AUTO).edits(&word);
        self.fuzzy_of(&field, Fuzzy::new(&word, edits, of.prefix_length, !of.no_transpositions))
    }

    pub(super) fn fuzzy_of(&mut self, field: &FieldRef, fuzzy: Fuzzy) -> Result<Plan, QueryError> {
        self.matching(field, "fuzzy", Matcher::Fuzzy(fuzzy), Vec::new())
    }
}

/// The clauses as one plan; a single one that has to match is itself.
pub(super) fn bool_plan(clauses: Clauses) -> Plan {
    let total =
        clauses.must.len() + clauses.filter.len() + clauses.should.len() + clauses.must_not.len();
    if clauses.required > clauses.should.len() && clauses.required > 0 && total > 0 {
        return Plan::nothing();
    }
    if total == 0 {
        return Plan::of(Op::All);
    }
    Plan::of(Op::Bool(clauses))
}

pub(super) fn ids(values: impl Iterator<Item = String>) -> Plan {
    Plan::of(Op::Constant(Box::new(Plan::of(Op::Ids(Arc::new(values.collect()))))))
}

fn check_searchable(field: &FieldRef) -> Result<(), QueryError> {
    if field.is_searchable() {
        return Ok(());
    }
    Err(QueryError::Illegal(format!(
        "Cannot search on field [{}] since it is not indexed.",
        field.name
    )))
}

fn narrow(value: i128) -> i64 {
    let bounded = value.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(bounded).unwrap_or(i64::MAX)
}

pub(super) fn is_integer(kind: FieldType) -> bool {
    matches!(
        kind,
        FieldType::Long
            | FieldType::Integer
            | FieldType::Short
            | FieldType::Byte
            | FieldType::UnsignedLong
            | FieldType::TokenCount
    )
}

/// To what a field of floats rounds; `None` when the field is none.
pub(super) fn float_width(field: &FieldRef) -> Option<FloatWidth> {
    Some(if field.kind == FieldType::Double {
        FloatWidth::Double
    } else if field.kind == FieldType::Float {
        FloatWidth::Single
    } else if field.kind == FieldType::HalfFloat {
        FloatWidth::Half
    } else if field.kind == FieldType::ScaledFloat {
        let factor = field.field.params.get("scaling_factor").and_then(Value::as_f64);
        factor.filter(|factor| *factor > 0.0).map_or(FloatWidth::Double, FloatWidth::Scaled)
    } else {
        return None;
    })
}

pub(super) fn is_date(kind: FieldType) -> bool {
    matches!(kind, FieldType::Date | FieldType::DateNanos)
}

/// Which columns hold the values of `field`.
fn own(field: &FieldRef) -> Own {
    if is_text(field.kind) {
        Own::Texts { ignore_above: None }
    } else if is_keyword(field.kind) && field.kind != FieldType::Flattened {
        Own::Texts { ignore_above: field.ignore_above() }
    } else if field.kind == FieldType::Boolean {
        Own::Bools
    } else if field.kind == FieldType::Ip {
        Own::Ips
    } else if is_date(field.kind) || is_integer(field.kind) || float_width(field).is_some() {
        Own::Numbers
    } else {
        Own::Any
    }
}

fn unsupported(field: &FieldRef, query: &str) -> QueryError {
    QueryError::Illegal(format!(
        "Field [{}] of type [{}] does not support {query} queries",
        field.name,
        field.kind.name()
    ))
}

fn article(kind: FieldType) -> &'static str {
    const NAMES: [(FieldType, &str); 4] = [
        (FieldType::Byte, "a byte"),
        (FieldType::Short, "a short"),
        (FieldType::Integer, "an integer"),
        (FieldType::UnsignedLong, "an unsigned long"),
    ];
    NAMES.iter().find(|(named, _)| *named == kind).map_or("a long", |(_, name)| name)
}

/// The needle of a word; one that the analyzer never makes is compared word by word, and found nowhere.
pub(super) fn word_needle(word: &str, analyzer: &Analyzer) -> Needle {
    let mut alone = false;
    analyzer.each(word, &mut String::new(), &mut |made, _, start, end| {
        alone = made == word && (start, end) == (0, word.len());
    });
    if alone { Needle::new(word, analyzer) } else { Needle::slow(word) }
}

/// The finest words that every text with `text` in it as a whole has. A single letter of Hangul, Han or Kana tells nothing: it may stand among others.
pub(super) fn finest_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    finest::words(text, &mut String::new(), |word| {
        if !finest::is_single(word) && !words.iter().any(|have| have == word) {
            words.push(word.to_owned());
        }
    });
    words
}

/// Takes out the word that `text` ends with if what follows may go on with it.
fn drop_last_word(text: &str, words: &mut Vec<String>) {
    let mut last = None;
    let mut earlier = Vec::new();
    finest::words(text, &mut String::new(), |word| {
        earlier.extend(last.replace(word.to_owned()));
    });
    if let Some(last) = last
        && text.ends_with(finest::is_word)
        && !earlier.contains(&last)
    {
        words.retain(|word| *word != last);
    }
}

/// Takes out the word that `text` begins with if it may be the end of a longer one.
fn drop_first_word(text: &str, words: &mut Vec<String>) {
    let mut all = Vec::new();
    finest::words(text, &mut String::new(), |word| all.push(word.to_owned()));
    if let Some(first) = all.first()
        && text.starts_with(finest::is_word)
        && !all[1..].contains(first)
    {
        words.retain(|word| word != first);
    }
}

/// The finest words that every text that follows a pattern with wildcards has.
fn wildcard_words(pattern: &str) -> Vec<String> {
    use super::pattern::Part;
    let parts = wildcard_parts(pattern);
    let mut all = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let Part::Literal(text) = part else { continue };
        let mut words = finest_words(text);
        if at > 0 {
            drop_first_word(text, &mut words);
        }
        if at + 1 < parts.len() {
            drop_last_word(text, &mut words);
        }
        all.extend(words);
    }
    all
}

pub(super) fn escape_wildcard(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
