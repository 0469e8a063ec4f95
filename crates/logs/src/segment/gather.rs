//! The values of a field in the order of the file: what a flush or a rewrite takes from blocks in the order of arrival.

use std::collections::HashMap;
use std::sync::Arc;

use super::bytes::narrow;
use super::hash::Fast;
use crate::column::{Column, Kind, Rows, Values};
use crate::part::{Block, ReadError};

/// Values among which it is decided whether a dictionary can pay.
const TRIAL: usize = 8_192;

/// Share of distinct values, in percent, over which texts are kept without a dictionary.
const DISTINCT_PERCENT_MAX: usize = 60;

/// Rows in some order: the block and the row in it.
pub(crate) type Places = [(u32, u32)];

/// A field's columns, one for each input block.
pub(crate) type Columns = Vec<Option<Arc<Column>>>;

/// Reads the columns of a field.
pub(crate) fn columns(
    blocks: &[Arc<dyn Block>],
    field: &str,
    kind: Kind,
) -> Result<Columns, ReadError> {
    blocks.iter().map(|block| block.column(field, kind)).collect()
}

/// Values in the order of the file.
#[derive(Debug)]
pub(crate) struct Gathered<'a> {
    /// Where each row's values begin, one longer than there are rows; `None`: one each.
    pub(crate) starts: Option<Vec<u32>>,
    /// Whether a row has several.
    pub(crate) list: bool,
    pub(crate) values: Sorted<'a>,
}

#[derive(Debug)]
pub(crate) enum Sorted<'a> {
    Dict { words: Vec<&'a str>, codes: Vec<u32> },
    Texts(Vec<&'a str>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Bools(Vec<bool>),
}

impl Gathered<'_> {
    /// The values of `rows`, as a range.
    pub(crate) fn of(&self, rows: std::ops::Range<usize>) -> std::ops::Range<usize> {
        match &self.starts {
            None => rows,
            Some(starts) => starts[rows.start] as usize..starts[rows.end] as usize,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.starts.as_ref().is_some_and(|starts| starts.last() == Some(&0))
    }
}

/// The values of `columns` at `places`. Texts get a dictionary where it pays, if they `may`.
pub(crate) fn gather<'a>(
    columns: &'a Columns,
    kind: Kind,
    places: &Places,
    may: bool,
) -> Gathered<'a> {
    let (starts, list) = starts(columns, places);
    let values = match kind {
        Kind::Str => texts(columns, places, may),
        Kind::Int => Sorted::Ints(numbers(columns, places, |values, at| match values {
            Values::Int(of) => Some(of[at]),
            Values::Str(_) | Values::Dict { .. } | Values::Float(_) | Values::Bool(_) => None,
        })),
        Kind::Float => Sorted::Floats(numbers(columns, places, |values, at| match values {
            Values::Float(of) => Some(of[at]),
            Values::Str(_) | Values::Dict { .. } | Values::Int(_) | Values::Bool(_) => None,
        })),
        Kind::Bool => Sorted::Bools(numbers(columns, places, |values, at| match values {
            Values::Bool(of) => Some(of[at]),
            Values::Str(_) | Values::Dict { .. } | Values::Int(_) | Values::Float(_) => None,
        })),
    };
    Gathered { starts, list, values }
}

fn starts(columns: &Columns, places: &Places) -> (Option<Vec<u32>>, bool) {
    let is_dense = |of: &Option<Arc<Column>>| {
        of.as_ref().is_some_and(|column| matches!(column.rows, Rows::Dense))
    };
    if columns.iter().all(is_dense) {
        return (None, false);
    }
    let mut starts = Vec::with_capacity(places.len() + 1);
    let mut end = 0;
    let (mut dense, mut list) = (true, false);
    starts.push(0);
    for &(block, row) in places {
        let count = columns[block as usize].as_ref().map_or(0, |of| of.of(row as usize).len());
        dense &= count == 1;
        list |= count > 1;
        end += narrow(count);
        starts.push(end);
    }
    (if dense { None } else { Some(starts) }, list)
}

fn numbers<T>(
    columns: &Columns,
    places: &Places,
    value: impl Fn(&Values, usize) -> Option<T>,
) -> Vec<T> {
    let mut all = Vec::with_capacity(places.len());
    for &(block, row) in places {
        if let Some(column) = &columns[block as usize] {
            all.extend(column.of(row as usize).filter_map(|at| value(&column.values, at)));
        }
    }
    all
}

/// A dictionary that is being made.
#[derive(Debug, Default)]
struct Dictionary<'a> {
    codes_by_word: HashMap<&'a [u8], u32, Fast>,
    words: Vec<&'a [u8]>,
    codes: Vec<u32>,
    /// The last word: rows that lie together often have the same.
    last: Option<(&'a [u8], u32)>,
}

impl<'a> Dictionary<'a> {
    fn code(&mut self, word: &'a [u8]) -> u32 {
        if let Some((last, code)) = self.last
            && last == word
        {
            return code;
        }
        let next = narrow(self.words.len());
        let code = *self.codes_by_word.entry(word).or_insert(next);
        if code == next {
            self.words.push(word);
        }
        self.last = Some((word, code));
        code
    }

    /// Whether so many words for so many values are too many.
    fn is_too_large(&self) -> bool {
        self.words.len() * 100 > self.codes.len() * DISTINCT_PERCENT_MAX
    }
}

fn texts<'a>(columns: &'a Columns, places: &Places, may: bool) -> Sorted<'a> {
    if may && let Some(found) = dictionary(columns, places) {
        let text = |word: &&'a [u8]| std::str::from_utf8(word).expect("texts are whole");
        return Sorted::Dict { words: found.words.iter().map(text).collect(), codes: found.codes };
    }
    let mut all = Vec::with_capacity(places.len());
    for &(block, row) in places {
        if let Some(column) = &columns[block as usize] {
            all.extend(column.of(row as usize).filter_map(|at| column.values.text(at)));
        }
    }
    Sorted::Texts(all)
}

/// No code yet.
const NONE: u32 = u32::MAX;

fn dictionary<'a>(columns: &'a Columns, places: &Places) -> Option<Dictionary<'a>> {
    let mut made = Dictionary::default();
    let (mut known, known_of) = known_codes(columns);
    for &(block, row) in places {
        let Some(column) = &columns[block as usize] else { continue };
        for at in column.of(row as usize) {
            let code = match &column.values {
                Values::Dict { codes, words } => {
                    let code = &mut known[known_of[block as usize]][codes[at] as usize];
                    if *code == NONE {
                        *code = made.code(words.bytes_of(codes[at] as usize));
                    }
                    *code
                }
                Values::Str(texts) => made.code(texts.bytes_of(at)),
                Values::Int(_) | Values::Float(_) | Values::Bool(_) => continue,
            };
            made.codes.push(code);
        }
        if made.codes.len() >= TRIAL
            && made.codes.len() < TRIAL * 2
            && made.words.len() * 10 > made.codes.len() * 9
        {
            return None;
        }
    }
    if made.is_too_large() { None } else { Some(made) }
}

/// For each dictionary of the input the codes in the one that is made, none known yet; and which dictionary is each block's.
fn known_codes(columns: &Columns) -> (Vec<Vec<u32>>, Vec<usize>) {
    let mut known: Vec<Vec<u32>> = Vec::new();
    let mut by_words: HashMap<*const crate::column::Strings, usize> = HashMap::new();
    let of_block = columns.iter().map(|column| match column.as_deref() {
        Some(Column { values: Values::Dict { words, .. }, .. }) => {
            *by_words.entry(Arc::as_ptr(words)).or_insert_with(|| {
                known.push(vec![NONE; words.len()]);
                known.len() - 1
            })
        }
        Some(_) | None => 0,
    });
    let of_block = of_block.collect();
    (known, of_block)
}

/// The first text of each place by any of `fields`, as codes of the texts that are returned; the first text is empty, for
/// rows without.
pub(crate) fn first_texts(
    blocks: &[Arc<dyn Block>],
    fields: &[String],
    places: &Places,
) -> Result<(Vec<u32>, Vec<String>), ReadError> {
    let mut texts = vec![String::new()];
    let mut codes_by_text: HashMap<String, u32, Fast> = HashMap::default();
    let mut codes = vec![0; places.len()];
    for field in fields {
        let columns = columns(blocks, field, Kind::Str)?;
        if columns.iter().all(Option::is_none) {
            continue;
        }
        let mut last = ("", 0);
        for (code, (block, row)) in codes.iter_mut().zip(places) {
            if *code != 0 {
                continue;
            }
            let text = columns[*block as usize].as_ref().and_then(|of| of.text(*row as usize));
            let Some(text) = text else { continue };
            if text == last.0 {
                *code = last.1;
                continue;
            }
            if let Some(known) = codes_by_text.get(text) {
                *code = *known;
            } else if !text.is_empty() {
                *code = narrow(texts.len());
                codes_by_text.insert(text.to_owned(), *code);
                texts.push(text.to_owned());
            }
            last = (text, *code);
        }
    }
    Ok((codes, texts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Strings;

    fn strings(texts: &[&str]) -> Strings {
        let mut all = Strings::default();
        texts.iter().for_each(|text| all.push(text));
        all
    }

    #[test]
    fn values_follow_the_order_and_share_a_dictionary() {
        let words = Arc::new(strings(&["x", "y", "z"]));
        let one = Column {
            rows: Rows::Ragged(vec![0, 2, 2, 3]),
            values: Values::Dict { codes: vec![2, 0, 2], words },
        };
        let two = Column { rows: Rows::Dense, values: Values::Str(strings(&["z", "z"])) };
        let columns = vec![Some(Arc::new(one)), None, Some(Arc::new(two))];
        let places = [(2, 1), (1, 0), (0, 0), (0, 1), (0, 2), (2, 0)];
        let made = gather(&columns, Kind::Str, &places, true);
        assert!(made.list);
        assert_eq!(made.starts, Some(vec![0, 1, 1, 3, 3, 4, 5]));
        let Sorted::Dict { words, codes } = &made.values else { panic!("{made:?}") };
        assert_eq!(
            (words.as_slice(), codes.as_slice()),
            (["z", "x"].as_slice(), [0, 0, 1, 0, 0].as_slice())
        );
    }

    #[test]
    fn a_dictionary_has_to_pay() {
        let texts = |distinct: usize| -> Columns {
            let all: Vec<String> = (0..100).map(|at| (at % distinct).to_string()).collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            vec![Some(Arc::new(Column { rows: Rows::Dense, values: Values::Str(strings(&all)) }))]
        };
        let places: Vec<(u32, u32)> = (0..100).map(|row| (0, row)).collect();
        let has = |distinct| {
            let columns = texts(distinct);
            let made = gather(&columns, Kind::Str, &places, true);
            matches!(made.values, Sorted::Dict { .. })
        };
        assert_eq!((has(60), has(61)), (true, false));
    }
}
