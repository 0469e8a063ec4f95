//! The finest words of a text: what memtables and segments index. Coarser analyzers (`standard` keeps `10.250.19.77` whole) are
//! answered by looking for all of their finest words, then at the text.
//!
//! A word is a run of letters, ASCII digits and `_`, in lower case; full-width forms are folded to ASCII. Runs of Hangul, Han and Kana, and of the scripts
//! that are written without blanks (Thai, Khmer …), are cut from their neighbours and become overlapping pairs of letters (a single letter stays alone),
//! so that a word is found inside of its inflections. No other rule for words may end one inside of a finest word.
//! A change of any of this changes what segments hold: it needs a new [`VERSION`].

use std::ops::Range;

/// Which rule a segment's index was made by.
pub const VERSION: u32 = 1;

/// What a letter is to the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Cjk,
    Other,
}

fn class(letter: char) -> Class {
    match letter {
        '_' => Class::Word,
        '\u{1100}'..='\u{11ff}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3130}'..='\u{318f}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{1aff0}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}' => Class::Cjk,
        // Scripts that are written without blanks: words of them begin and end anywhere.
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{1950}'..='\u{19df}'
        | '\u{1a20}'..='\u{1aaf}'
        | '\u{a9e0}'..='\u{a9ff}'
        | '\u{aa60}'..='\u{aadf}'
        | '\u{11700}'..='\u{1174f}' => Class::Cjk,
        // `is_numeric` would take in `②` and `½`, at which other rules end a word.
        other if other.is_ascii_digit() || other.is_alphabetic() => Class::Word,
        _ => Class::Other,
    }
}

/// Full-width forms as ASCII, and the one capital whose small form is of two letters as the plain one: so that folding a word again
/// changes nothing.
fn narrow(letter: char) -> char {
    match letter {
        'İ' => 'i',
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(letter) - 0xfee0).expect("a shift into ASCII")
        }
        other => other,
    }
}

/// The lower case of a letter as one letter: the dotted I becomes `i`, as in the analyzers.
fn lower(letter: char) -> char {
    letter.to_lowercase().next().unwrap_or(letter)
}

/// `text` in the case that words are compared in: lower, full-width folded.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().map(narrow).map(lower).collect()
}

/// Whether `word` is a letter of a script that is cut into pairs, alone: among others it is in no index.
pub(crate) fn is_single(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|letter| class(letter) == Class::Cjk) && letters.next().is_none()
}

/// Whether `letter` goes on with a word that it stands beside.
pub(crate) fn is_word(letter: char) -> bool {
    class(narrow(letter)) == Class::Word
}

/// Calls `each` with every word of `text`, in order, doubles included. What `scratch` holds is lost.
pub fn words(text: &str, scratch: &mut String, mut each: impl FnMut(&str)) {
    spans(text, scratch, |word, _| each(word));
}

/// As [`words`], with the bytes of `text` that each word was made from. Pairs of letters overlap.
pub fn spans(text: &str, scratch: &mut String, mut each: impl FnMut(&str, Range<usize>)) {
    scratch.clear();
    if text.is_ascii() {
        return ascii_words(text, scratch, each);
    }
    let mut run = Run { class: Class::Other, letters: 0, last: ' ', start: 0 };
    for (at, wide) in text.char_indices() {
        let letter = narrow(wide);
        let now = class(letter);
        if now != run.class {
            give_rest(&run, at, scratch, &mut each);
            run = Run { class: now, letters: 0, last: ' ', start: at };
        }
        match now {
            Class::Word => scratch.push(lower(letter)),
            Class::Cjk => {
                if run.letters > 0 {
                    scratch.push(run.last);
                    scratch.push(letter);
                    each(scratch, run.start..at + wide.len_utf8());
                    scratch.clear();
                }
                run = Run { letters: run.letters + 1, last: letter, start: at, ..run };
            }
            Class::Other => {}
        }
    }
    give_rest(&run, text.len(), scratch, &mut each);
}

/// A run of letters of one class, as far as it was read.
struct Run {
    class: Class,
    /// Letters of a run of Hangul, Han or Kana, and the last one.
    letters: usize,
    last: char,
    /// Where the word begins that is not given yet: the run, or its last letter.
    start: usize,
}

/// Gives the word that ends at `end`, or the letter that stayed alone.
fn give_rest(
    run: &Run,
    end: usize,
    scratch: &mut String,
    each: &mut impl FnMut(&str, Range<usize>),
) {
    if run.class == Class::Cjk && run.letters == 1 {
        scratch.push(run.last);
    }
    if !scratch.is_empty() {
        each(scratch, run.start..end);
        scratch.clear();
    }
}

/// What a byte of ASCII is: nothing of a word, of a word as it is, a capital of a word.
const ASCII: [u8; 256] = {
    let mut table = [0; 256];
    let mut at = 0_u8;
    while at < 128 {
        table[at as usize] = if at.is_ascii_uppercase() {
            2
        } else if at.is_ascii_alphanumeric() || at == b'_' {
            1
        } else {
            0
        };
        at += 1;
    }
    table
};

fn ascii_words(text: &str, scratch: &mut String, mut each: impl FnMut(&str, Range<usize>)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        while at < bytes.len() && ASCII[usize::from(bytes[at])] == 0 {
            at += 1;
        }
        let start = at;
        let mut seen = 0;
        while at < bytes.len() {
            let class = ASCII[usize::from(bytes[at])];
            if class == 0 {
                break;
            }
            seen |= class;
            at += 1;
        }
        if start == at {
            return;
        }
        let word = &text[start..at];
        if seen & 2 == 0 {
            each(word, start..at);
        } else {
            scratch.clear();
            scratch.push_str(word);
            scratch.make_ascii_lowercase();
            each(scratch, start..at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &[&str]) {
        let mut have = Vec::new();
        words(text, &mut String::new(), |word| have.push(word.to_owned()));
        assert_eq!(have, want, "{text}");
    }

    #[test]
    fn machine_lines() {
        check("", &[]);
        check(" -- ", &[]);
        check(
            "Failed password for root_1 from 10.0.0.1:22",
            &["failed", "password", "for", "root_1", "from", "10", "0", "0", "1", "22"],
        );
        check("level:ERROR", &["level", "error"]);
        check("a", &["a"]);
    }

    #[test]
    fn korean_becomes_pairs_and_is_cut_from_latin() {
        check("로그인에 실패", &["로그", "그인", "인에", "실패"]);
        check("주문API호출 수", &["주문", "api", "호출", "수"]);
        check("수1", &["수", "1"]);
        check("abไทย", &["ab", "ไท", "ทย"]);
        check("x②y½", &["x", "y"]);
        check("İstanbul", &["istanbul"]);
        check("É１２ｅRR", &["é12err"]);
    }

    proptest::proptest! {
        #[test]
        fn words_are_words_of_themselves(text in "[a-zA-Z0-9_ .İßΣÉ１Ａ수로ｦǅ-]{0,20}|\\PC{0,12}") {
            let mut have = Vec::new();
            words(&text, &mut String::new(), |word| have.push(word.to_owned()));
            for word in have {
                check(&fold(&word), &[&word]);
            }
            assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }

    #[test]
    fn words_say_what_they_were_made_from() {
        let text = "Ａb 로그인 x수7";
        let mut have = Vec::new();
        spans(text, &mut String::new(), |word, of| have.push((word.to_owned(), &text[of])));
        let have: Vec<(&str, &str)> = have.iter().map(|(word, of)| (word.as_str(), *of)).collect();
        assert_eq!(
            have,
            [
                ("ab", "Ａb"),
                ("로그", "로그"),
                ("그인", "그인"),
                ("x", "x"),
                ("수", "수"),
                ("7", "7")
            ]
        );
    }

    #[test]
    fn ascii_and_the_general_way_agree() {
        let text = "GET /a_b?c=D HTTP/1.1\t\"x\" 0xFF";
        let mut general = Vec::new();
        words(&format!("{text} é"), &mut String::new(), |word| general.push(word.to_owned()));
        let mut ascii = Vec::new();
        words(text, &mut String::new(), |word| ascii.push(word.to_owned()));
        ascii.push("é".to_owned());
        assert_eq!(ascii, general);
    }
}
