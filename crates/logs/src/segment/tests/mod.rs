//! Segments against the rows that they were written from.

mod damage;
mod hostile;
mod memory;
mod search;
mod words;

use std::path::Path;
use std::sync::Arc;

use stdx::fs::Fs;
use stdx::fs::sim::SimFs;

use self::memory::{Memory, Row, Value, row};
use super::write::inputs;
use super::{Segment, WriteOptions, write};
use crate::column::{Column, Kind};
use crate::part::{Known, Part, ReadError, View, system};

const PATH: &str = "/d/a.parquet";

fn view(part: Memory) -> View {
    View { part: Arc::new(part), deleted: Arc::default() }
}

fn disk() -> SimFs {
    let fs = SimFs::new(1);
    fs.create_dir_all(Path::new("/d")).unwrap();
    fs
}

fn segment(fs: &SimFs, parts: Vec<Memory>) -> Arc<Segment> {
    let views: Vec<View> = parts.into_iter().map(view).collect();
    write(fs, Path::new(PATH), &views, &WriteOptions::default()).unwrap();
    Segment::open(fs, Path::new(PATH)).unwrap()
}

/// All rows of a part, by sequence number: every field with its values.
fn rows(part: &dyn Part) -> Result<Vec<Row>, ReadError> {
    let mut rows = Vec::new();
    let mut fields = part.fields();
    fields.extend(system::ALL.map(str::to_owned));
    for at in 0..part.block_count() {
        let block = part.block(at)?;
        let mut of_block = vec![Row::default(); block.rows()];
        for field in &fields {
            for kind in Kind::ALL {
                let Some(column) = block.column(field, kind)? else { continue };
                for (at, row) in of_block.iter_mut().enumerate() {
                    let values: Vec<Value> = column.of(at).map(|at| value(&column, at)).collect();
                    if !values.is_empty() {
                        row.insert((field.clone(), kind), values);
                    }
                }
            }
        }
        rows.extend(of_block);
    }
    rows.sort_by_key(memory::seq);
    Ok(rows)
}

fn value(column: &Column, at: usize) -> Value {
    use crate::column::Values;
    match &column.values {
        Values::Str(_) | Values::Dict { .. } => {
            Value::Text(column.values.text(at).unwrap().to_owned())
        }
        Values::Int(values) => Value::Int(values[at]),
        Values::Float(values) => Value::Float(values[at].to_bits()),
        Values::Bool(values) => Value::Bool(values[at]),
    }
}

/// Rows of services with lines that have much in common.
fn lines(count: i64) -> Vec<Row> {
    (0..count)
        .map(|at| {
            let mut made = row(at, 1_000_000 * (count - at) / 3);
            let service = ["sshd", "web", "주문"][usize::try_from(at % 3).unwrap()];
            let line = match at % 4 {
                0 => format!("Failed password for user{} from 10.0.0.{at}", at % 50),
                1 => format!("GET /item/{at} {}", 200 + at % 3),
                2 => format!("로그인에 실패했습니다 사용자 {at}"),
                _ => "Connection closed".to_owned(),
            };
            made.insert(("message".to_owned(), Kind::Str), vec![Value::Text(line)]);
            made.insert(
                ("service.name".to_owned(), Kind::Str),
                vec![Value::Text(service.to_owned())],
            );
            if at % 5 != 0 {
                let trace =
                    format!("{:016x}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()));
                made.insert(("trace".to_owned(), Kind::Str), vec![Value::Text(trace)]);
            }
            if at % 7 == 0 {
                made.insert(("took".to_owned(), Kind::Int), vec![Value::Int(at * at)]);
                made.insert(
                    ("took".to_owned(), Kind::Float),
                    vec![Value::Float((at as f64 / 3.0).to_bits())],
                );
            }
            if at % 3 == 0 {
                let tags = (0..at % 4).map(|tag| Value::Text(format!("tag {tag}"))).collect();
                made.insert(("tags".to_owned(), Kind::Str), tags);
                made.insert(("ok".to_owned(), Kind::Bool), vec![Value::Bool(at % 2 == 0); 2]);
            }
            made.retain(|_, values| !values.is_empty());
            made
        })
        .collect()
}

#[test]
fn rows_come_back() {
    for count in [1, 2, 100, 2_048, 2_049, 5_000] {
        let all = lines(count);
        let fs = disk();
        let made = segment(&fs, vec![Memory::new(&all, 1_000)]);
        assert_eq!(made.rows(), all.len());
        assert_eq!(made.block_count(), all.len().div_ceil(2_048));
        assert!(rows(&*made).unwrap() == all, "{count}");
        assert_eq!(made.times(), Some((1_000_000 / 3, 1_000_000 * count / 3)));
        assert_eq!(made.seqs(), Some((0, count - 1)));
    }
}

#[test]
fn deleted_rows_are_left_out_and_views_are_put_together() {
    let all = lines(3_000);
    let fs = disk();
    let mut first = view(Memory::new(&all[..1_500], 700));
    let mut deleted = crate::bits::Bits::none(700);
    (0..700).step_by(2).for_each(|row| deleted.set(row));
    first.deleted = Arc::new(vec![None, Some(deleted)]);
    let second = view(Memory::new(&all[1_500..], 512));
    write(&fs, Path::new(PATH), &[first, second], &WriteOptions::default()).unwrap();
    let made = Segment::open(&fs, Path::new(PATH)).unwrap();
    let gone = |seq: i64| (700..1_400).contains(&seq) && seq % 2 == 0;
    let want: Vec<Row> = all.into_iter().filter(|row| !gone(memory::seq(row))).collect();
    assert!(rows(&*made).unwrap() == want);
}

#[test]
fn more_rows_than_a_row_group_takes_become_several() {
    let views = [view(Memory::new(&lines(300), 100)), view(Memory::new(&lines(50), 50))];
    let sizes = |rows_max| -> Vec<usize> {
        let made = inputs(&views, rows_max).unwrap();
        made.iter().map(|input| input.places.len()).collect()
    };
    assert_eq!((sizes(350), sizes(349)), (vec![350], vec![300, 50]));
    assert_eq!((sizes(200), sizes(199)), (vec![200, 150], vec![100, 100, 150]));
}

#[test]
fn a_segment_without_rows_is_one() {
    let fs = disk();
    let made = segment(&fs, Vec::new());
    assert_eq!((made.rows(), made.block_count(), made.times()), (0, 0, None));
    assert!(made.fields().is_empty() && made.lacks_word("message", "x"));
}

#[test]
fn rows_lie_by_service_template_and_time() {
    let fs = disk();
    let made = segment(&fs, vec![Memory::new(&lines(300), 300)]);
    let block = made.block(0).unwrap();
    let services = block.column("service.name", Kind::Str).unwrap().unwrap();
    let lines = block.column("message", Kind::Str).unwrap().unwrap();
    let times = block.column(system::TIME, Kind::Int).unwrap().unwrap();
    let templates = block.column(super::TEMPLATE, Kind::Int).unwrap().unwrap();
    let key = |row| {
        (
            services.text(row).unwrap().to_owned(),
            templates.int(row).unwrap(),
            times.int(row).unwrap(),
        )
    };
    assert!((1..300).all(|row| key(row - 1) <= key(row)));
    assert!(lines.text(0).unwrap().starts_with("Failed password"));
}

/// Whether a text has a word, by looking at it.
fn holds(text: &str, word: &str) -> bool {
    let mut found = false;
    crate::text::finest::words(text, &mut String::new(), |have| found |= have == word);
    found
}

/// Whether `word` is one of the words that `standard` makes of a text.
fn is_standard(text: &str, word: &str) -> bool {
    let mut found = false;
    crate::text::analysis::standard::words(text, 255, &mut |start, end| {
        found |= text[start..end].chars().flat_map(char::to_lowercase).eq(word.chars());
    });
    found
}

/// Holds what a segment says of a word against its rows.
fn check_word(made: &Segment, field: &str, word: &str) {
    let (mut total, mut standard) = (0, 0);
    for at in 0..made.block_count() {
        let block = made.block(at).unwrap();
        let texts = block.column(field, Kind::Str).unwrap();
        let has = |row: usize| {
            texts
                .as_ref()
                .is_some_and(|of| of.of(row).any(|at| holds(of.values.text(at).unwrap(), word)))
        };
        let want: Vec<usize> = (0..block.rows()).filter(|row| has(*row)).collect();
        total += want.len() as u64;
        match block.word(field, word).unwrap() {
            Known::Nowhere => assert!(want.is_empty(), "{field}: {word} in block {at}"),
            Known::Rows(rows) => {
                assert_eq!(rows.iter().collect::<Vec<_>>(), want, "{field}: {word}")
            }
            Known::Maybe => {}
        }
        let stands = |row: usize| {
            texts.as_ref().is_some_and(|of| {
                of.of(row).any(|at| is_standard(of.values.text(at).unwrap(), word))
            })
        };
        standard += (0..block.rows()).filter(|row| stands(*row)).count() as u64;
        if let Some(standing) = block.standing(field, word).unwrap() {
            for row in 0..block.rows() {
                let known = standing.proven.has(row);
                assert!(stands(row) == known || standing.open.has(row), "{field}: {word} in {row}");
            }
        }
    }
    assert!(total == 0 || !made.lacks_word(field, word), "{field}: {word}");
    if let Some(count) = made.count_word(field, word) {
        assert_eq!(count, standard, "{field}: {word}");
    }
    check_value(made, field, word);
}

/// Holds what a segment says of a whole value against its rows.
fn check_value(made: &Segment, field: &str, value: &str) {
    let fold = crate::text::finest::fold;
    for at in 0..made.block_count() {
        let block = made.block(at).unwrap();
        let texts = block.column(field, Kind::Str).unwrap();
        let is = |row: usize| {
            texts.as_ref().is_some_and(|of| {
                of.of(row).any(|at| fold(of.values.text(at).unwrap()) == fold(value))
            })
        };
        let whole: Vec<usize> = (0..block.rows()).filter(|row| is(*row)).collect();
        match block.value(field, value).unwrap() {
            Known::Nowhere => assert!(whole.is_empty(), "{field} = {value} in block {at}"),
            Known::Rows(rows) => assert_eq!(rows.iter().collect::<Vec<_>>(), whole),
            Known::Maybe => {}
        }
        assert!(whole.is_empty() || !made.lacks_value(field, value), "{field} = {value}");
    }
}

#[test]
fn words_are_where_the_index_says() {
    let fs = disk();
    let made = segment(&fs, vec![Memory::new(&lines(5_000), 1_000)]);
    for word in ["failed", "password", "로그", "인에", "closed", "200", "4999", "user7", "nobody"]
    {
        check_word(&made, "message", word);
    }
    for (field, word) in
        [("tags", "tag"), ("tags", "2"), ("service.name", "주문"), ("trace", "0"), ("none", "x")]
    {
        check_word(&made, field, word);
    }
    assert_eq!(made.count_word("message", "failed"), Some(1_250));
    assert_eq!(made.count_word("message", "nobody"), Some(0));
    assert!(made.lacks_word("message", "nobody") && made.lacks_word("none", "x"));
    assert!(made.lacks_value("trace", "0123") && !made.lacks_word("took", "7"));
    let all = lines(5_000);
    let Value::Text(trace) = &all[4][&("trace".to_owned(), Kind::Str)][0] else { panic!() };
    assert!(!made.lacks_value("trace", trace) && !made.lacks_value("trace", &trace.to_uppercase()));
    let blocks = (0..made.block_count()).map(|at| made.block(at).unwrap());
    let maybe = blocks.filter(|block| block.value("trace", trace).unwrap() != Known::Nowhere);
    assert_eq!(maybe.count(), 1);
}
