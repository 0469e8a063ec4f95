//! Searches find what a plain look at each document finds: random documents, random queries, in memory and in segments, with deleted rows.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stdx::clock::SimClock;
use stdx::fs::Fs;
use stdx::fs::sim::SimFs;

use super::*;
use crate::bits::Bits;
use crate::mapping::Mapping;
use crate::part::View;
use crate::query::{
    Bool, Exists, Fuzziness, Fuzzy, Match, MatchPhrase, MatchPhrasePrefix, Node, Operator, Pattern,
    Query, Range, Regexp, Term, Terms,
};
use crate::segment::{Segment, WriteOptions, write};
use crate::testing;
use crate::text::analysis::Analyzer;

/// Words that touch each other in every way that rules for words differ in.
const PIECES: &[&str] = &[
    "error",
    "Error",
    "ERROR",
    "err",
    "disk",
    "10.0.0.1",
    "10",
    "0",
    "level:error",
    "error.log",
    "로그인에",
    "로그",
    "실패",
    "주문API호출",
    "日本",
    "中",
    "テスト",
    "x②y",
    "ไทยab",
    "İst",
    "K9",
    "a_b",
    "_",
    "it's",
    "ｅｒｒ",
    "é",
    "e\u{301}f",
    "☃",
    "1,234",
    "a*b",
    "-",
];
const GLUE: &[&str] = &[" ", " ", " ", "", ".", ":", "-", "_", "/", "\n", "(", ","];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec((prop::sample::select(PIECES), prop::sample::select(GLUE)), 0..6)
        .prop_map(|parts| parts.into_iter().flat_map(|(piece, glue)| [piece, glue]).collect())
}

fn keyword() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => text(),
    ]
}

/// None, one, or several.
fn some(of: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    prop_oneof![
        2 => Just(None),
        5 => of.clone().prop_map(Some),
        1 => prop::collection::vec(of, 0..4).prop_map(|all| Some(Value::Array(all))),
    ]
    .boxed()
}

fn document() -> impl Strategy<Value = Value> {
    let number = (-3_i64..8).prop_map(Value::from).boxed();
    let float = (-4_i32..8).prop_map(|n| Value::from(f64::from(n) / 2.0)).boxed();
    let conflict = prop_oneof![9 => number, 1 => Just(json!("no number"))].boxed();
    let time = (0_i64..200_000).prop_map(|at| json!(1_773_100_800_000 + at * 1_000));
    (
        some(text().prop_map(Value::from).boxed()),
        some(keyword().prop_map(Value::from).boxed()),
        some(conflict),
        some(float),
        some(any::<bool>().prop_map(Value::from).boxed()),
        prop::option::of(time),
    )
        .prop_map(|(t, k, n, f, on, time)| {
            let fields = [("t", t), ("k", k), ("n", n), ("f", f), ("on", on), ("@timestamp", time)];
            let given =
                fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            Value::Object(given.collect::<Map<_, _>>())
        })
}

fn leaf() -> impl Strategy<Value = Node> {
    let bounds =
        || (prop::option::of(-3_i64..8), prop::option::of(-3_i64..8), any::<bool>(), any::<bool>());
    let range = |(low, high, with_low, with_high): (Option<i64>, Option<i64>, bool, bool),
                 field: &str,
                 scale: i64,
                 shift: i64| {
        let value = |at: Option<i64>, wanted: bool| {
            at.filter(|_| wanted).map(|at| Value::from(at * scale + shift))
        };
        Node::Range(Range {
            field: field.to_owned(),
            gte: value(low, with_low),
            gt: value(low, !with_low),
            lte: value(high, with_high),
            lt: value(high, !with_high),
            ..Range::default()
        })
    };
    prop_oneof![
        Just(Node::MatchAll {}),
        (a_field(), keyword(), any::<bool>()).prop_map(|(field, value, case_insensitive)| {
            Node::Term(Term { field, value: value.into(), case_insensitive })
        }),
        (-3_i64..8).prop_map(|n| Node::Term(Term {
            field: "n".into(),
            value: n.into(),
            ..Term::default()
        })),
        any::<bool>().prop_map(|on| Node::Term(Term {
            field: "on".into(),
            value: on.into(),
            ..Term::default()
        })),
        (a_field(), prop::collection::vec(keyword(), 0..4)).prop_map(|(field, values)| {
            Node::Terms(Terms { field, values: values.into_iter().map(Value::from).collect() })
        }),
        bounds().prop_map(move |of| range(of, "n", 1, 0)),
        bounds().prop_map(move |of| range(of, "f", 1, 0)),
        bounds().prop_map(move |of| range(of, "@timestamp", 40_000_000, 1_773_100_800_000)),
        prop::sample::select(vec!["t", "k", "n", "f", "on", "t.keyword", "none"])
            .prop_map(|field| Node::Exists(Exists { field: field.to_owned() })),
        (text(), any::<bool>()).prop_map(|(query, and)| Node::Match(Match {
            field: "t".into(),
            query: query.into(),
            operator: if and { Operator::And } else { Operator::Or },
            ..Match::default()
        })),
        text().prop_map(|query| Node::MatchPhrase(MatchPhrase {
            field: "t".into(),
            query: query.into(),
            ..MatchPhrase::default()
        })),
        text().prop_map(|query| Node::MatchPhrasePrefix(MatchPhrasePrefix {
            field: "t".into(),
            query: query.into(),
            ..MatchPhrasePrefix::default()
        })),
        patterns(),
    ]
}

fn a_field() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["t", "k", "t.keyword"]).prop_map(str::to_owned)
}

fn patterns() -> impl Strategy<Value = Node> {
    prop_oneof![
        (a_field(), keyword(), any::<bool>()).prop_map(|(field, value, case_insensitive)| {
            Node::Prefix(Pattern { field, value, case_insensitive })
        }),
        (a_field(), keyword(), 0..3_u8, any::<bool>()).prop_map(|(field, value, stars, fold)| {
            let escaped = bind::escape_wildcard(&value);
            let value = match stars {
                0 => format!("*{escaped}"),
                1 => format!("*{escaped}*"),
                _ => format!("?{escaped}*"),
            };
            Node::Wildcard(Pattern { field, value, case_insensitive: fold })
        }),
        (a_field(), keyword()).prop_map(|(field, value)| {
            Node::Regexp(Regexp {
                field,
                value: format!(".*\"{}\"", value.replace('"', "")),
                ..Regexp::default()
            })
        }),
        (a_field(), keyword(), 0..3_u8).prop_map(|(field, value, edits)| Node::Fuzzy(Fuzzy {
            field,
            value: value.into(),
            fuzziness: Some(Fuzziness::Edits(edits)),
            no_transpositions: true,
            ..Fuzzy::default()
        })),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let joined = leaf().prop_map(Query::from).prop_recursive(3, 12, 3, |inner| {
        let some = || prop::collection::vec(inner.clone(), 0..3);
        (some(), some(), some(), some()).prop_map(|(must, filter, should, must_not)| {
            Node::Bool(Bool { must, filter, should, must_not, minimum_should_match: None }).into()
        })
    });
    prop_oneof![3 => leaf().prop_map(Query::from), 1 => joined]
}

/// The plain look.
struct Model;

fn values<'d>(document: &'d Value, field: &str) -> Vec<&'d Value> {
    match document.get(field.strip_suffix(".keyword").unwrap_or(field)) {
        None => Vec::new(),
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
    }
}

/// Words as they are compared: those of texts, or whole values.
fn words(document: &Value, field: &str) -> Vec<String> {
    let texts = values(document, field).into_iter().filter_map(Value::as_str);
    if field != "t" {
        return texts.map(str::to_owned).collect();
    }
    texts.flat_map(|text| Analyzer::standard().tokens(text)).map(|token| token.text).collect()
}

/// Words with their places over all values.
fn placed(document: &Value) -> Vec<(u32, String)> {
    let mut all = Vec::new();
    let mut base = 0;
    for text in values(document, "t").into_iter().filter_map(Value::as_str) {
        let tokens = Analyzer::standard().tokens(text);
        let next = tokens.last().map_or(0, |token| token.position + 1);
        all.extend(tokens.into_iter().map(|token| (base + token.position, token.text)));
        base += next + 100;
    }
    all
}

fn fold(text: &str, wanted: bool) -> String {
    if wanted { text.to_ascii_lowercase() } else { text.to_owned() }
}

/// Stars and question marks by trying everything.
fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|at| like(rest, &text[at..])),
        ['?', rest @ ..] => !text.is_empty() && like(rest, &text[1..]),
        ['\\', letter, rest @ ..] | [letter, rest @ ..] => {
            text.first() == Some(letter) && like(rest, &text[1..])
        }
    }
}

fn distance(a: &[char], b: &[char]) -> usize {
    match (a, b) {
        ([], rest) | (rest, []) => rest.len(),
        ([x, a_rest @ ..], [y, b_rest @ ..]) if x == y => distance(a_rest, b_rest),
        // More than two are never asked for.
        ([_, a_rest @ ..], [_, b_rest @ ..])
            if a.len().abs_diff(b.len()) <= 2 && a.len() + b.len() < 24 =>
        {
            1 + distance(a_rest, b_rest).min(distance(a_rest, b)).min(distance(a, b_rest))
        }
        _ => 99,
    }
}

impl Model {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds are not made, and panic")]
    fn matches(query: &Query, document: &Value) -> bool {
        match &query.node {
            Node::Bool(of) => {
                let is = |query: &Query| Self::matches(query, document);
                let optional = of.must.is_empty() && of.filter.is_empty() && !of.should.is_empty();
                of.must.iter().chain(&of.filter).all(is)
                    && (!optional || of.should.iter().any(is))
                    && !of.must_not.iter().any(is)
            }
            Node::Match(of) => {
                let wanted = Analyzer::standard().tokens(of.query.as_str().unwrap());
                let have = words(document, "t");
                let mut each = wanted.iter().map(|token| have.contains(&token.text));
                !wanted.is_empty()
                    && if of.operator == Operator::And {
                        each.all(|is| is)
                    } else {
                        each.any(|is| is)
                    }
            }
            Node::MatchPhrase(of) => Self::phrase(&of.query, document, false),
            Node::MatchPhrasePrefix(of) => Self::phrase(&of.query, document, true),
            _ => Self::leaf(&query.node, document),
        }
    }

    fn phrase(query: &Value, document: &Value, prefix: bool) -> bool {
        let wanted = Analyzer::standard().tokens(query.as_str().unwrap());
        let have = placed(document);
        let last = wanted.len().saturating_sub(1);
        !wanted.is_empty()
            && have.iter().any(|(start, _)| {
                wanted.iter().enumerate().all(|(at, token)| {
                    have.iter().any(|(place, word)| {
                        *place == start + token.position
                            && if prefix && at == last {
                                word.starts_with(&token.text)
                            } else {
                                *word == token.text
                            }
                    })
                })
            })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other kinds are not made, and panic")]
    fn leaf(node: &Node, document: &Value) -> bool {
        let letters = |text: &str| text.chars().collect::<Vec<char>>();
        match node {
            Node::MatchAll {} => true,
            Node::Term(of) => match of.value.as_str() {
                None => values(document, &of.field).contains(&&of.value),
                Some(text) => words(document, &of.field)
                    .iter()
                    .any(|word| fold(word, of.case_insensitive) == fold(text, of.case_insensitive)),
            },
            Node::Terms(of) => {
                let have = words(document, &of.field);
                of.values
                    .iter()
                    .any(|value| have.iter().any(|word| Some(word.as_str()) == value.as_str()))
            }
            Node::Range(of) => Self::range(of, document),
            Node::Exists(of) => {
                values(document, &of.field).iter().any(|value| match of.field.as_str() {
                    "n" | "f" => value.is_number(),
                    _ => true,
                })
            }
            Node::Prefix(of) => words(document, &of.field).iter().any(|word| {
                fold(word, of.case_insensitive).starts_with(&fold(&of.value, of.case_insensitive))
            }),
            Node::Wildcard(of) => {
                let pattern = letters(&fold(&of.value, of.case_insensitive));
                words(document, &of.field)
                    .iter()
                    .any(|word| like(&pattern, &letters(&fold(word, of.case_insensitive))))
            }
            Node::Regexp(of) => {
                let suffix = of.value.trim_start_matches(".*").trim_matches('"');
                words(document, &of.field).iter().any(|word| word.ends_with(suffix))
            }
            Node::Fuzzy(of) => {
                let Some(Fuzziness::Edits(edits)) = of.fuzziness else { return false };
                let wanted = letters(of.value.as_str().unwrap());
                words(document, &of.field)
                    .iter()
                    .any(|word| distance(&wanted, &letters(word)) <= usize::from(edits))
            }
            _ => panic!("{node:?} is not modelled"),
        }
    }

    fn range(of: &Range, document: &Value) -> bool {
        let end = |end: &Option<Value>| end.as_ref().and_then(Value::as_f64);
        if [&of.gt, &of.gte, &of.lt, &of.lte].iter().all(|end| end.is_none()) {
            return values(document, &of.field).iter().any(|value| value.is_number());
        }
        values(document, &of.field).iter().filter_map(|value| value.as_f64()).any(|value| {
            end(&of.gte).is_none_or(|low| value >= low)
                && end(&of.gt).is_none_or(|low| value > low)
                && end(&of.lte).is_none_or(|high| value <= high)
                && end(&of.lt).is_none_or(|high| value < high)
        })
    }
}

fn found(view: &View, mapping: &Arc<Mapping>, query: &Query) -> Vec<i64> {
    let target = Target::new("i", Arc::clone(mapping), vec![view.clone()]);
    let limits = Limits::new(Arc::new(SimClock::at(1_773_146_096_789)));
    let sort = vec![Sort::by(SortBy::Doc, false)];
    let request = Request { query: query.clone(), sort, size: 1_000, ..Request::default() };
    let found = run(std::slice::from_ref(&target), &request, &limits, None).unwrap();
    let counted = Request { size: 0, track_total: Track::Exactly, sort: Vec::new(), ..request };
    let count = run(&[target], &counted, &limits, None).unwrap().total.unwrap().value;
    assert_eq!(count, u64::try_from(found.hits.len()).unwrap(), "{query}");
    found.hits.iter().map(|hit| hit.sort[0].as_i64().unwrap()).collect()
}

fn mapping() -> Mapping {
    let mapping = json!({"properties": {
        "t": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}, "k": {"type": "keyword"},
        "n": {"type": "long"}, "f": {"type": "double"}, "on": {"type": "boolean"},
        "@timestamp": {"type": "date"},
    }});
    Mapping::parse(&mapping).unwrap()
}

/// The view with some rows deleted, by their place of arrival.
fn without(view: &View, deleted: &[usize]) -> View {
    let mut all = Vec::new();
    for at in 0..view.part.block_count() {
        let block = view.part.block(at).unwrap();
        let seqs = block.column("_seq", crate::column::Kind::Int).unwrap().unwrap();
        let mut rows = Bits::none(block.rows());
        for row in 0..block.rows() {
            let seq = usize::try_from(seqs.int(row).unwrap()).unwrap();
            if deleted.contains(&seq) {
                rows.set(row);
            }
        }
        all.push((!rows.is_empty()).then_some(rows));
    }
    View { part: Arc::clone(&view.part), deleted: Arc::new(all) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn searches_find_what_a_plain_look_finds(
        documents in prop::collection::vec(document(), 1..40),
        queries in prop::collection::vec(query(), 1..12),
        block_rows in 1_usize..20,
        deleted in prop::collection::vec(0_usize..40, 0..6),
    ) {
        let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
        let (memory, mapping) = testing::memtable(&mapping(), &texts, block_rows);
        let mapping = Arc::new(mapping);
        let memory = View { part: Arc::new(memory), deleted: Arc::default() };
        let fs = SimFs::new(7);
        fs.create_dir_all(Path::new("/d")).unwrap();
        let path = Path::new("/d/s.parquet");
        let options = WriteOptions { id_key: testing::ID_KEY, ..WriteOptions::default() };
        write(&fs, path, std::slice::from_ref(&memory), &options).unwrap();
        let segment = View { part: Segment::open(&fs, path).unwrap(), deleted: Arc::default() };
        for query in &queries {
            prop_assert_eq!(query.to_string().parse::<Query>().unwrap(), query.clone());
            let want: Vec<i64> = (0..).zip(&documents)
                .filter(|(at, document)| {
                    !deleted.contains(&usize::try_from(*at).unwrap()) && Model::matches(query, document)
                })
                .map(|(at, _)| at)
                .collect();
            for view in [&memory, &segment] {
                let have = found(&without(view, &deleted), &mapping, query);
                prop_assert_eq!(&have, &want, "{} in {}", query, view.part.name());
            }
        }
    }
}
