//! Buckets by value: terms, several terms at once, rare terms.

use std::cmp::Ordering;
use std::collections::HashMap;

use regex_automata::meta::Regex;
use serde_json::{Map, Value, json};

use super::ast::{self, Order, OrderBy};
use super::error::AggError;
use super::intern::{Grouped, Interner};
use super::node::{Batch, Build, Cx, Finish, Level, NO_ROWS, Node};
use super::pipeline;
use super::result::{Answers, Body, Bucket, Buckets, Shown};
use super::show::{Key, Show};
use super::values::{Bound, Class, Use, ip_number};
use crate::bits::Bits;

/// Which values become buckets.
#[derive(Default)]
pub(super) struct Gate {
    include: Option<Test>,
    exclude: Option<Test>,
    /// What is known of each value so far.
    known: Vec<Option<bool>>,
}

enum Test {
    Pattern(Box<Regex>),
    Keys(Vec<Key>),
    Share { at: u32, of: u32 },
}

impl Gate {
    pub(super) fn new(
        bound: &Bound,
        name: &str,
        (include, exclude): (Option<&ast::Filter>, Option<&ast::Filter>),
        now_ns: i128,
    ) -> Result<Self, AggError> {
        let test = |filter: Option<&ast::Filter>| {
            filter.map(|filter| Test::new(filter, bound, name, now_ns)).transpose()
        };
        Ok(Self { include: test(include)?, exclude: test(exclude)?, known: Vec::new() })
    }

    /// Whether value `id` becomes a bucket.
    pub(super) fn lets(&mut self, id: u32, interner: &Interner) -> bool {
        if self.include.is_none() && self.exclude.is_none() {
            return true;
        }
        let at = id as usize;
        if self.known.len() <= at {
            self.known.resize(at + 1, None);
        }
        let key = &interner.keys[at];
        *self.known[at].get_or_insert_with(|| {
            self.include.as_ref().is_none_or(|test| test.holds(key))
                && !self.exclude.as_ref().is_some_and(|test| test.holds(key))
        })
    }
}

impl Test {
    fn new(
        filter: &ast::Filter,
        bound: &Bound,
        name: &str,
        now_ns: i128,
    ) -> Result<Self, AggError> {
        Ok(match filter {
            ast::Filter::Partition { at, of } => Self::Share { at: *at, of: (*of).max(1) },
            ast::Filter::Values(values) => {
                Self::Keys(values.iter().map(|value| bound.key(value, now_ns)).collect::<Result<
                    Vec<Key>,
                    AggError,
                >>(
                )?)
            }
            ast::Filter::Pattern(pattern) => {
                if !matches!(bound.class, Some(Class::Text) | None) {
                    return Err(AggError::Illegal(format!(
                        "Aggregation [{name}] cannot support regular expression style include/exclude settings as they can only be applied to string fields. Use an array of values for include/exclude clauses"
                    )));
                }
                let regex = Regex::builder()
                    .configure(Regex::config().nfa_size_limit(Some(1 << 22)))
                    .build(&format!("(?s)^(?:{})$", pattern.replace("(?:", "(")))
                    .map_err(|error| {
                        AggError::Illegal(format!("failed to parse regexp [{pattern}]: {error}"))
                    })?;
                Self::Pattern(Box::new(regex))
            }
        })
    }

    fn holds(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::Pattern(regex), Key::Text(text)) => regex.is_match(text.as_bytes()),
            (Self::Pattern(_), Key::Int(_) | Key::Float(_)) => false,
            (Self::Keys(keys), _) => keys.contains(key),
            (Self::Share { at, of }, _) => share(key) % of == *at,
        }
    }
}

/// The hash that partitions are made by: murmur 3, 32 bits, of the text's UTF-8.
fn share(key: &Key) -> u32 {
    let text = match key {
        Key::Text(text) => text.to_string(),
        Key::Int(value) => value.to_string(),
        Key::Float(value) => value.to_string(),
    };
    let mut hash = 31_u32;
    let mix = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, rest) = text.as_bytes().as_chunks::<4>();
    for word in words {
        hash ^= mix(u32::from_le_bytes(*word));
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    if !rest.is_empty() {
        hash ^= mix(u32::from_le_bytes(last));
    }
    hash ^= u32::try_from(text.len()).unwrap_or(u32::MAX);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^= hash >> 16;
    // As a remainder of a signed number that is never negative.
    hash & 0x7fff_ffff
}

/// The order of two values.
pub(super) fn compare(class: Option<Class>, a: &Key, b: &Key) -> Ordering {
    match (class, a, b) {
        (Some(Class::Ip), Key::Text(a), Key::Text(b)) => ip_number(a).cmp(&ip_number(b)),
        _ => a.cmp(b),
    }
}

/// A bucket that may be shown.
struct Candidate {
    bucket: u32,
    count: u64,
    /// The values of the metrics that order is by, one for each path.
    metrics: Vec<f64>,
    subs: Option<Answers>,
}

/// Puts candidates in order and keeps the first `size`.
struct Chooser<'a> {
    order: &'a [Order],
    size: usize,
    min_doc_count: u64,
}

impl Chooser<'_> {
    /// The first candidates by the order; and how many rows the others have.
    fn choose(
        &self,
        buckets: Vec<(u32, u64)>,
        by_key: &dyn Fn(u32, u32) -> Ordering,
        below: (&mut Level, &mut Finish<'_>),
    ) -> Result<(Vec<Candidate>, u64), AggError> {
        let (level, finish) = below;
        let mut total = 0;
        let paths: Vec<&str> = self
            .order
            .iter()
            .filter_map(|order| match &order.by {
                OrderBy::Path(path) => Some(path.as_str()),
                OrderBy::Count | OrderBy::Key => None,
            })
            .collect();
        let mut candidates = Vec::new();
        for (bucket, count) in buckets {
            if count < self.min_doc_count {
                continue;
            }
            total += count;
            let mut candidate = Candidate { bucket, count, metrics: Vec::new(), subs: None };
            if !paths.is_empty() {
                // Buckets that are not shown do not count.
                let before = finish.buckets;
                let subs = level.finish(bucket, finish)?;
                finish.buckets = before;
                for path in &paths {
                    candidate.metrics.push(pipeline::order_value(&subs, path, count)?);
                }
                candidate.subs = Some(subs);
            }
            candidates.push(candidate);
        }
        let cmp = |a: &Candidate, b: &Candidate| self.compare(a, b, by_key);
        if candidates.len() > self.size.saturating_mul(2) && self.size > 0 {
            candidates.select_nth_unstable_by(self.size - 1, cmp);
            candidates.truncate(self.size);
        }
        candidates.sort_by(cmp);
        candidates.truncate(self.size);
        let shown: u64 = candidates.iter().map(|candidate| candidate.count).sum();
        Ok((candidates, total - shown))
    }

    fn compare(
        &self,
        a: &Candidate,
        b: &Candidate,
        by_key: &dyn Fn(u32, u32) -> Ordering,
    ) -> Ordering {
        let mut metric = 0;
        for order in self.order {
            let ordering = match &order.by {
                OrderBy::Count => a.count.cmp(&b.count),
                OrderBy::Key => by_key(a.bucket, b.bucket),
                OrderBy::Path(_) => {
                    let (a, b) = (a.metrics[metric], b.metrics[metric]);
                    metric += 1;
                    match (a.is_nan(), b.is_nan()) {
                        // No value is last in both directions.
                        (true, false) => return Ordering::Greater,
                        (false, true) => return Ordering::Less,
                        (true, true) => Ordering::Equal,
                        (false, false) => a.total_cmp(&b),
                    }
                }
            };
            let ordering = if order.descending { ordering.reverse() } else { ordering };
            if ordering.is_ne() {
                return ordering;
            }
        }
        by_key(a.bucket, b.bucket)
    }
}

fn head(key: &Key, show: &Show) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("key".to_owned(), show.json(key));
    if let Some(text) = show.text(key) {
        head.insert("key_as_string".to_owned(), text.into());
    }
    head
}

/// Members before the buckets.
fn list_head(others: u64) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("doc_count_error_upper_bound".to_owned(), 0.into());
    head.insert("sum_other_doc_count".to_owned(), others.into());
    head
}

/// The name of a terms answer by the class of its keys.
pub(super) fn terms_name(class: Option<Class>) -> &'static str {
    match class {
        None | Some(Class::Text | Class::Ip | Class::Geo) => "sterms",
        Some(Class::Int | Class::Bool | Class::Date | Class::DateNanos) => "lterms",
        Some(Class::Unsigned) => "ulterms",
        Some(Class::Float) => "dterms",
    }
}

/// `terms`.
pub(super) struct Terms {
    ask: ast::Terms,
    bound: Bound,
    gate: Gate,
    interner: Interner,
    grouped: Grouped,
    subs: Level,
    /// With `min_doc_count: 0`: the values of all rows.
    all: Vec<u32>,
}

impl Terms {
    pub(super) fn new(ask: &ast::Terms, subs: Level, build: &Build<'_>) -> Result<Self, AggError> {
        let bound = Bound::new(build.targets, &ask.source, Use::any("terms", build.now_ns))?;
        let filters = (ask.include.as_ref(), ask.exclude.as_ref());
        let gate = Gate::new(&bound, build.name, filters, build.now_ns)?;
        Ok(Self {
            ask: ask.clone(),
            bound,
            gate,
            interner: Interner::default(),
            grouped: Grouped::default(),
            subs,
            all: Vec::new(),
        })
    }
}

impl Node for Terms {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        let (mut below, mut keys) = (Batch::default(), Vec::new());
        let deeper = !self.subs.is_empty();
        for (row, owner) in batch.iter() {
            cells.keys(row as usize, &mut self.interner, &mut keys);
            for key in &keys {
                if self.gate.lets(*key, &self.interner) {
                    let bucket = self.grouped.bucket(owner, *key);
                    self.grouped.counts[bucket as usize] += 1;
                    if deeper {
                        below.push(row, bucket);
                    }
                }
            }
        }
        self.subs.collect(cx, &below)
    }

    fn wants_everything(&self) -> bool {
        self.ask.min_doc_count == 0 || self.subs.wants_everything()
    }

    fn everything(&mut self, cx: &Cx<'_>, live: &Bits) -> Result<(), AggError> {
        if self.ask.min_doc_count == 0 {
            let cells = self.bound.cells(cx.target, cx.block)?;
            let mut keys = Vec::new();
            for row in live.iter() {
                cells.keys(row, &mut self.interner, &mut keys);
                for key in &keys {
                    if self.gate.lets(*key, &self.interner) {
                        self.all.push(*key);
                    }
                }
            }
            self.all.sort_unstable();
            self.all.dedup();
        }
        self.subs.everything(cx, live)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        // A bucket that only fills a gap has none of the words that are nowhere in it.
        let all = if owner == NO_ROWS { &[] } else { self.all.as_slice() };
        for key in all {
            self.grouped.bucket(owner, *key);
        }
        let buckets = self.grouped.of_owner(owner);
        let counts: Vec<(u32, u64)> = buckets
            .into_iter()
            .map(|bucket| (bucket, self.grouped.counts[bucket as usize]))
            .collect();
        let (grouped, interner, class) = (&self.grouped, &self.interner, self.bound.class);
        let key = |bucket: u32| &interner.keys[grouped.of[bucket as usize].1 as usize];
        let by_key = |a: u32, b: u32| compare(class, key(a), key(b));
        let chooser = Chooser {
            order: &self.ask.order,
            size: self.ask.size,
            min_doc_count: self.ask.min_doc_count,
        };
        let (chosen, others) = chooser.choose(counts, &by_key, (&mut self.subs, finish))?;
        finish.count(chosen.len())?;
        let mut list = Vec::with_capacity(chosen.len());
        for candidate in chosen {
            let mut bucket = Bucket {
                head: head(key(candidate.bucket), &self.bound.show),
                doc_count: candidate.count,
                subs: match candidate.subs {
                    Some(subs) => subs,
                    None => self.subs.finish(candidate.bucket, finish)?,
                },
                ..Bucket::default()
            };
            bucket.name = self.bound.show.word(key(candidate.bucket));
            if self.ask.show_error {
                bucket.tail.insert("doc_count_error_upper_bound".to_owned(), 0.into());
            }
            list.push(bucket);
        }
        self.subs.along(&mut list)?;
        Ok(Body::Buckets(Buckets {
            shown: Shown::List,
            head: list_head(others),
            list,
            tail: Map::new(),
        }))
    }

    fn type_name(&self) -> &'static str {
        terms_name(self.bound.class)
    }

    fn bytes(&self) -> u64 {
        self.interner.bytes + self.grouped.bytes() + self.subs.bytes()
    }
}

/// Combinations of values as numbers.
#[derive(Debug, Default)]
pub(super) struct Tuples {
    pub(super) list: Vec<Box<[u32]>>,
    ids: HashMap<Box<[u32]>, u32>,
}

impl Tuples {
    pub(super) fn id(&mut self, tuple: &[u32]) -> u32 {
        if let Some(id) = self.ids.get(tuple) {
            return *id;
        }
        let id = u32::try_from(self.list.len()).expect("memory ends far below 4 billion tuples");
        self.list.push(tuple.into());
        self.ids.insert(tuple.into(), id);
        id
    }

    pub(super) fn bytes(&self) -> u64 {
        let width = self.list.first().map_or(0, |tuple| tuple.len());
        u64::try_from(self.list.len() * (width * 8 + 64)).unwrap_or(u64::MAX)
    }
}

/// Calls `each` with every combination of one value of each list.
pub(super) fn combinations(lists: &[Vec<u32>], each: &mut impl FnMut(&[u32])) {
    if lists.iter().any(Vec::is_empty) {
        return;
    }
    let mut at = vec![0; lists.len()];
    let mut tuple: Vec<u32> = lists.iter().map(|list| list[0]).collect();
    loop {
        each(&tuple);
        let mut level = lists.len();
        loop {
            if level == 0 {
                return;
            }
            level -= 1;
            at[level] += 1;
            if at[level] < lists[level].len() {
                tuple[level] = lists[level][at[level]];
                break;
            }
            at[level] = 0;
            tuple[level] = lists[level][0];
        }
    }
}

/// `multi_terms`.
pub(super) struct Multi {
    ask: ast::MultiTerms,
    bounds: Vec<Bound>,
    interners: Vec<Interner>,
    tuples: Tuples,
    grouped: Grouped,
    subs: Level,
    /// With `min_doc_count: 0`: the combinations of all rows.
    all: Vec<u32>,
}

impl Multi {
    pub(super) fn new(
        ask: &ast::MultiTerms,
        subs: Level,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let mut bounds = Vec::new();
        for source in &ask.sources {
            let of = Use::any("multi_terms", build.now_ns);
            bounds.push(Bound::new(build.targets, source, of)?);
        }
        Ok(Self {
            ask: ask.clone(),
            interners: bounds.iter().map(|_| Interner::default()).collect(),
            bounds,
            tuples: Tuples::default(),
            grouped: Grouped::default(),
            subs,
            all: Vec::new(),
        })
    }
}

impl Node for Multi {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let mut all = Vec::new();
        for bound in &self.bounds {
            all.push(bound.cells(cx.target, cx.block)?);
        }
        let mut below = Batch::default();
        let mut lists = vec![Vec::new(); all.len()];
        for (row, owner) in batch.iter() {
            for ((cells, interner), list) in all.iter().zip(&mut self.interners).zip(&mut lists) {
                cells.keys(row as usize, interner, list);
            }
            let (tuples, grouped) = (&mut self.tuples, &mut self.grouped);
            combinations(&lists, &mut |tuple| {
                let bucket = grouped.bucket(owner, tuples.id(tuple));
                grouped.counts[bucket as usize] += 1;
                below.push(row, bucket);
            });
        }
        self.subs.collect(cx, &below)
    }

    fn wants_everything(&self) -> bool {
        self.ask.min_doc_count == 0 || self.subs.wants_everything()
    }

    fn everything(&mut self, cx: &Cx<'_>, live: &Bits) -> Result<(), AggError> {
        if self.ask.min_doc_count == 0 {
            let mut all = Vec::new();
            for bound in &self.bounds {
                all.push(bound.cells(cx.target, cx.block)?);
            }
            let mut lists = vec![Vec::new(); all.len()];
            for row in live.iter() {
                let sources = all.iter().zip(&mut self.interners).zip(&mut lists);
                sources.for_each(|((cells, interner), list)| cells.keys(row, interner, list));
                let (tuples, seen) = (&mut self.tuples, &mut self.all);
                combinations(&lists, &mut |tuple| seen.push(tuples.id(tuple)));
            }
            self.all.sort_unstable();
            self.all.dedup();
        }
        self.subs.everything(cx, live)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        for tuple in &self.all {
            self.grouped.bucket(owner, *tuple);
        }
        let counts: Vec<(u32, u64)> = self
            .grouped
            .of_owner(owner)
            .into_iter()
            .map(|bucket| (bucket, self.grouped.counts[bucket as usize]))
            .collect();
        let (grouped, interners, tuples) = (&self.grouped, &self.interners, &self.tuples);
        let keys = |bucket: u32| {
            let tuple = &tuples.list[grouped.of[bucket as usize].1 as usize];
            tuple.iter().zip(interners).map(|(id, interner)| &interner.keys[*id as usize])
        };
        let bounds = &self.bounds;
        let by_key = |a: u32, b: u32| {
            keys(a)
                .zip(keys(b))
                .zip(bounds)
                .map(|((a, b), bound)| compare(bound.class, a, b))
                .find(|ordering| ordering.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        let chooser = Chooser {
            order: &self.ask.order,
            size: self.ask.size,
            min_doc_count: self.ask.min_doc_count,
        };
        let (chosen, others) = chooser.choose(counts, &by_key, (&mut self.subs, finish))?;
        finish.count(chosen.len())?;
        let mut list = Vec::with_capacity(chosen.len());
        for candidate in chosen {
            let shown: Vec<(Value, String)> = keys(candidate.bucket)
                .zip(bounds)
                .map(|(key, bound)| shown_in_tuple(key, &bound.show))
                .collect();
            let words: Vec<&str> = shown.iter().map(|(_, word)| word.as_str()).collect();
            let name = words.join("|");
            let values: Vec<&Value> = shown.iter().map(|(value, _)| value).collect();
            let mut head = Map::new();
            head.insert("key".to_owned(), json!(values));
            head.insert("key_as_string".to_owned(), name.clone().into());
            let subs = match candidate.subs {
                Some(subs) => subs,
                None => self.subs.finish(candidate.bucket, finish)?,
            };
            let mut bucket =
                Bucket { name, head, doc_count: candidate.count, subs, ..Bucket::default() };
            if self.ask.show_error {
                bucket.tail.insert("doc_count_error_upper_bound".to_owned(), 0.into());
            }
            list.push(bucket);
        }
        self.subs.along(&mut list)?;
        Ok(Body::Buckets(Buckets {
            shown: Shown::List,
            head: list_head(others),
            list,
            tail: Map::new(),
        }))
    }

    fn type_name(&self) -> &'static str {
        "multi_terms"
    }

    fn bytes(&self) -> u64 {
        let keys: u64 = self.interners.iter().map(|interner| interner.bytes).sum();
        keys + self.tuples.bytes() + self.grouped.bytes() + self.subs.bytes()
    }
}

/// A value of a tuple: dates as texts, booleans as booleans.
fn shown_in_tuple(key: &Key, show: &Show) -> (Value, String) {
    let word = show.word(key);
    let value = match show {
        Show::Bool => Value::Bool(key.number() != 0.0),
        Show::Date { .. } | Show::Decimal(_) => Value::String(word.clone()),
        Show::Plain | Show::Unsigned => show.json(key),
    };
    (value, word)
}

/// `rare_terms`.
pub(super) struct Rare {
    ask: ast::RareTerms,
    bound: Bound,
    gate: Gate,
    interner: Interner,
    grouped: Grouped,
    subs: Level,
}

impl Rare {
    pub(super) fn new(
        ask: &ast::RareTerms,
        subs: Level,
        build: &Build<'_>,
    ) -> Result<Self, AggError> {
        let bound = Bound::new(build.targets, &ask.source, Use::any("rare_terms", build.now_ns))?;
        let filters = (ask.include.as_ref(), ask.exclude.as_ref());
        let gate = Gate::new(&bound, build.name, filters, build.now_ns)?;
        let (interner, grouped) = (Interner::default(), Grouped::default());
        Ok(Self { ask: ask.clone(), bound, gate, interner, grouped, subs })
    }
}

impl Node for Rare {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        let (mut below, mut keys) = (Batch::default(), Vec::new());
        for (row, owner) in batch.iter() {
            cells.keys(row as usize, &mut self.interner, &mut keys);
            for key in &keys {
                if self.gate.lets(*key, &self.interner) {
                    let bucket = self.grouped.bucket(owner, *key);
                    self.grouped.counts[bucket as usize] += 1;
                    below.push(row, bucket);
                }
            }
        }
        self.subs.collect(cx, &below)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        let mut buckets = self.grouped.of_owner(owner);
        let (counts, of, keys) = (&self.grouped.counts, &self.grouped.of, &self.interner.keys);
        buckets.retain(|bucket| counts[*bucket as usize] <= self.ask.max_doc_count);
        let key = |bucket: u32| &keys[of[bucket as usize].1 as usize];
        let class = self.bound.class;
        buckets.sort_by(|a, b| {
            let by_count = counts[*a as usize].cmp(&counts[*b as usize]);
            by_count.then_with(|| compare(class, key(*a), key(*b)))
        });
        finish.count(buckets.len())?;
        let mut list = Vec::with_capacity(buckets.len());
        for bucket in buckets {
            list.push(Bucket {
                name: self.bound.show.word(key(bucket)),
                head: head(key(bucket), &self.bound.show),
                doc_count: counts[bucket as usize],
                subs: self.subs.finish(bucket, finish)?,
                ..Bucket::default()
            });
        }
        self.subs.along(&mut list)?;
        Ok(Body::Buckets(Buckets { shown: Shown::List, head: Map::new(), list, tail: Map::new() }))
    }

    fn type_name(&self) -> &'static str {
        match self.bound.class {
            None | Some(Class::Text | Class::Ip | Class::Geo) => "srareterms",
            Some(_) => "lrareterms",
        }
    }

    fn bytes(&self) -> u64 {
        self.interner.bytes + self.grouped.bytes() + self.subs.bytes()
    }
}
