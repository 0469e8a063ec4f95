//! Words in analyzed texts: whether a text has them, and where.

use super::plan::{Phrase, WordIs, Words, WordsTest};
use crate::text::analysis::Analyzer;
use crate::text::analysis::chars::lower;
use crate::text::analysis::standard::{self, WORD_MAX, is_blank};

/// A word that is looked for. Where the analyzer is `standard` it is searched for as bytes, and only what stands around it is cut into words.
#[derive(Debug, Clone)]
pub(super) struct Needle {
    word: String,
    /// It can be searched for as bytes in both cases.
    plain: bool,
    /// The byte of the word that texts have least, by its place, in both cases.
    rare: usize,
    rare_cases: [u8; 2],
    /// Letters beyond ASCII whose lower case is one of the word's.
    odd: bool,
}

/// How often letters stand in machine lines, from rare to frequent; what is not here is rarer still.
const FREQUENT: &[u8] = b"zqxjkvwybgfphmdcul765498nris3oat210e-_./:=\" ";

impl Needle {
    pub(super) fn new(word: &str, analyzer: &Analyzer) -> Self {
        let uncased = |letter: char| {
            letter.is_ascii() || (lower(letter) == letter && letter.to_uppercase().eq([letter]))
        };
        let plain = !word.is_empty()
            && word.len() < WORD_MAX
            && analyzer.is_standard()
            && word.chars().all(uncased)
            && !word.bytes().any(|byte| byte.is_ascii_uppercase());
        let bytes = word.as_bytes();
        let rank = |byte: u8| FREQUENT.iter().position(|other| *other == byte).unwrap_or(0);
        // A following byte of a letter beyond ASCII tells more than its first.
        let rare = (0..bytes.len())
            .min_by_key(|at| if bytes[*at] >= 0xc0 { 20 } else { rank(bytes[*at]) })
            .unwrap_or(0);
        let byte = bytes.get(rare).copied().unwrap_or(0);
        Self {
            plain,
            rare,
            rare_cases: [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()],
            odd: word.contains(['k', 'i']),
            word: word.to_owned(),
        }
    }

    /// A word that is compared with each word of a text.
    pub(super) fn slow(word: &str) -> Self {
        Self { word: word.to_owned(), plain: false, rare: 0, rare_cases: [0; 2], odd: false }
    }

    pub(super) fn word(&self) -> &str {
        &self.word
    }

    /// Whether the word can be searched for as bytes in `bytes`.
    pub(super) fn is_plain_in(&self, bytes: &[u8]) -> bool {
        // The Kelvin sign and the dotted I have ASCII's letters as their lower case.
        let is_odd = || {
            !bytes.is_ascii()
                && ["\u{212a}", "\u{130}"]
                    .iter()
                    .any(|odd| memchr::memmem::find(bytes, odd.as_bytes()).is_some())
        };
        self.plain && !(self.odd && is_odd())
    }

    /// The next place of the word's bytes, in any case, at or behind `from`.
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Option<usize> {
        let word = self.word.as_bytes();
        let mut at = from + self.rare;
        let [low, high] = self.rare_cases;
        while at < bytes.len() {
            let next = if low == high {
                memchr::memchr(low, &bytes[at..])
            } else {
                memchr::memchr2(low, high, &bytes[at..])
            };
            let start = at + next? - self.rare;
            let end = start + word.len();
            if end > bytes.len() {
                return None;
            }
            if bytes[start..end].eq_ignore_ascii_case(word) {
                return Some(start);
            }
            at = start + self.rare + 1;
        }
        None
    }

    /// Whether `text`, in which the word is plain, has it as a word of the `standard` analyzer.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let mut from = 0;
        while let Some(start) = self.find(text.as_bytes(), from) {
            if stands(text, start, start + self.word.len()) {
                return true;
            }
            from = start + 1;
        }
        false
    }
}

/// Bytes that end a word wherever they stand.
fn cuts(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"_.':,;\"".contains(&byte)
}

fn is_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether `start..end` of `text`, which is a word by itself, is one where it stands.
pub(super) fn stands(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let before = start.checked_sub(1).map(|at| bytes[at]);
    let after = bytes.get(end).copied();
    if before.is_none_or(cuts) && after.is_none_or(cuts) {
        return true;
    }
    let from = bytes[..start].iter().rposition(|byte| is_blank(*byte)).map_or(0, |at| at + 1);
    let to =
        bytes[end..].iter().position(|byte| is_blank(*byte)).map_or(bytes.len(), |at| end + at);
    // Only where a word is cut by force can one begin behind a letter.
    if to - from < WORD_MAX
        && (before.is_some_and(is_inner) && is_inner(bytes[start])
            || after.is_some_and(is_inner) && is_inner(bytes[end - 1]))
    {
        return false;
    }
    let mut found = false;
    standard::words(&text[from..to], WORD_MAX, &mut |word_start, word_end| {
        found |= from + word_start == start && from + word_end == end;
    });
    found
}

/// Room that tests of texts use again and again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) word: String,
    /// For each word of a phrase, its places in the row, ascending.
    pub(super) places: Vec<Vec<u32>>,
}

impl Words {
    /// Whether one word of `text` passes: for tests that look at words one by one.
    pub(super) fn has(&self, text: &str, scratch: &mut String) -> bool {
        match &self.test {
            WordsTest::Has(needle) if needle.is_plain_in(text.as_bytes()) => needle.is_in(text),
            WordsTest::Has(_)
            | WordsTest::OneOf(_)
            | WordsTest::Matches(_)
            | WordsTest::Between { .. } => {
                let mut has = false;
                self.analyzer.each(text, scratch, &mut |word, _, _, _| {
                    has = has || self.passes(word);
                });
                has
            }
            WordsTest::Phrase(_) | WordsTest::Intervals(_) => false,
        }
    }

    /// Whether a word passes by itself.
    pub(super) fn passes(&self, word: &str) -> bool {
        match &self.test {
            WordsTest::Has(needle) => needle.word() == word,
            WordsTest::OneOf(words) => words.contains(word),
            WordsTest::Matches(matcher) => matcher.is(word),
            WordsTest::Between { low, high } => between(word, low.as_ref(), high.as_ref()),
            WordsTest::Phrase(phrase) => {
                phrase.words.iter().any(|of| of.any.iter().any(|is| is.is(word)))
            }
            WordsTest::Intervals(plan) => plan.names(word),
        }
    }
}

/// Whether `text` is between two, of which each is in or out.
pub(super) fn between(
    text: &str,
    low: Option<&(String, bool)>,
    high: Option<&(String, bool)>,
) -> bool {
    low.is_none_or(|(low, with)| text > low.as_str() || (*with && text == low))
        && high.is_none_or(|(high, with)| text < high.as_str() || (*with && text == high))
}

impl Phrase {
    /// Gathers the places of the phrase's words in the texts of a row.
    pub(super) fn gather<'a>(
        &self,
        words: &Words,
        texts: impl Iterator<Item = &'a str>,
        scratch: &mut Scratch,
    ) {
        scratch.places.resize_with(self.words.len(), Vec::new);
        scratch.places.iter_mut().for_each(Vec::clear);
        let mut base = 0;
        for text in texts {
            let mut last = None;
            let places = &mut scratch.places;
            words.analyzer.each(text, &mut scratch.word, &mut |word, place, _, _| {
                last = Some(place);
                for (at, of) in self.words.iter().enumerate() {
                    if of.any.iter().any(|is| is.is(word)) {
                        places[at].push(base + place);
                    }
                }
            });
            base += last.map_or(0, |last| last + 1) + words.gap;
        }
    }

    /// Calls `each` for every place where the phrase is, with the first and last place of its words.
    pub(super) fn each(&self, places: &[Vec<u32>], mut each: impl FnMut(&[u32])) {
        let mut chosen = vec![0; self.words.len()];
        if self.slop == 0 {
            let first = self.words[0].place;
            for start in &places[0] {
                let all = self.words.iter().zip(places).enumerate().all(|(at, (of, places))| {
                    let place = start + of.place - first;
                    chosen[at] = place;
                    places.binary_search(&place).is_ok()
                });
                if all {
                    each(&chosen);
                }
            }
            return;
        }
        self.each_sloppy(places, &mut chosen, &mut each);
    }

    /// Places that lie within `slop` of one another once each word is moved to the phrase's beginning. Each word stands for itself once.
    fn each_sloppy(&self, places: &[Vec<u32>], chosen: &mut [u32], each: &mut impl FnMut(&[u32])) {
        let moved = |at: usize, place: u32| i64::from(place) - i64::from(self.words[at].place);
        for (least, of) in places.iter().enumerate() {
            'places: for place in of {
                let low = moved(least, *place);
                chosen[least] = *place;
                for (at, others) in places.iter().enumerate().filter(|(at, _)| *at != least) {
                    // Of two at the same distance the earlier word is the least, so that a match is given once.
                    let found = others.iter().find(|other| {
                        let distance = moved(at, **other) - low;
                        let used = (0..self.words.len()).any(|with| {
                            (with < at || with == least) && with != at && chosen[with] == **other
                        });
                        distance >= i64::from(at < least)
                            && distance <= i64::from(self.slop)
                            && !used
                    });
                    match found {
                        Some(other) => chosen[at] = *other,
                        None => continue 'places,
                    }
                }
                each(chosen);
            }
        }
    }

    /// Whether the gathered places have the phrase.
    pub(super) fn is_in(&self, scratch: &Scratch) -> bool {
        if scratch.places.iter().any(Vec::is_empty) {
            return false;
        }
        let mut is = false;
        self.each(&scratch.places, |_| is = true);
        is
    }

    /// How often the phrase is there, in Lucene's count: a sloppy match counts less the further it is spread.
    pub(super) fn frequency(&self, scratch: &Scratch) -> f32 {
        let mut frequency = 0.0;
        if scratch.places.iter().any(Vec::is_empty) {
            return frequency;
        }
        self.each(&scratch.places, |chosen| {
            let moved = chosen
                .iter()
                .zip(&self.words)
                .map(|(place, of)| i64::from(*place) - i64::from(of.place));
            let (low, high) = moved
                .fold((i64::MAX, i64::MIN), |(low, high), place| (low.min(place), high.max(place)));
            frequency += 1.0 / (1.0 + small(high - low));
        });
        frequency
    }

    /// The word of each place when there is just one: what an index can be asked for.
    pub(super) fn single_words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().filter_map(|of| match of.any.as_slice() {
            [WordIs::Equal(word)] => Some(word.as_str()),
            _ => None,
        })
    }
}

/// A small number as a float.
#[expect(clippy::cast_precision_loss, reason = "places of words are far below 2^24 apart")]
pub(super) fn small(value: i64) -> f32 {
    value as f32
}
