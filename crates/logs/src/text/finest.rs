//! The finest words of a text: what memtables and segments index. Coarser analyzers (`standard` keeps `10.250.19.77` whole) are
//! answered by looking for all of their finest words, then at the text.
//!
//! A word is a run of letters, digits and `_`, in lower case; full-width forms are folded to ASCII. Runs of Hangul, Han and Kana are cut from
//! their neighbours and become overlapping pairs of letters (a single letter stays alone), so that a word is found inside of its inflections.
//! A change of any of this changes what segments hold: it needs a new [`VERSION`].

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
        | '\u{20000}'..='\u{3ffff}' => Class::Cjk,
        other if other.is_alphanumeric() => Class::Word,
        _ => Class::Other,
    }
}

/// Full-width forms as ASCII.
fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(letter) - 0xfee0).expect("a shift into ASCII")
        }
        other => other,
    }
}

/// `text` in the case that words are compared in: lower, full-width folded.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().map(narrow).flat_map(char::to_lowercase).collect()
}

/// Calls `each` with every word of `text`, in order, doubles included. What `scratch` holds is lost.
pub fn words(text: &str, scratch: &mut String, mut each: impl FnMut(&str)) {
    scratch.clear();
    if text.is_ascii() {
        return ascii_words(text, scratch, each);
    }
    let mut run = Class::Other;
    // Letters of the run of Hangul, Han or Kana so far, and its last one.
    let mut letters = 0;
    let mut last = ' ';
    for letter in text.chars().map(narrow) {
        let now = class(letter);
        if now != run {
            give_rest(run, letters, last, scratch, &mut each);
            (run, letters) = (now, 0);
        }
        match now {
            Class::Word => scratch.extend(letter.to_lowercase()),
            Class::Cjk => {
                if letters > 0 {
                    scratch.push(last);
                    scratch.push(letter);
                    each(scratch);
                    scratch.clear();
                }
                letters += 1;
                last = letter;
            }
            Class::Other => {}
        }
    }
    give_rest(run, letters, last, scratch, &mut each);
}

/// Gives the word that ends, or the letter that stayed alone.
fn give_rest(
    run: Class,
    letters: usize,
    last: char,
    scratch: &mut String,
    each: &mut impl FnMut(&str),
) {
    if run == Class::Cjk && letters == 1 {
        scratch.push(last);
    }
    if !scratch.is_empty() {
        each(scratch);
        scratch.clear();
    }
}

fn ascii_words(text: &str, scratch: &mut String, mut each: impl FnMut(&str)) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(skip) = bytes[at..].iter().position(is_word) {
        let start = at + skip;
        let len =
            bytes[start..].iter().position(|byte| !is_word(byte)).unwrap_or(bytes.len() - start);
        at = start + len;
        let word = &text[start..at];
        if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
            scratch.clear();
            scratch.push_str(word);
            scratch.make_ascii_lowercase();
            each(scratch);
        } else {
            each(word);
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
        check("É１２ｅRR", &["é12err"]);
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
