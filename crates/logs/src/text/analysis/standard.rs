//! Words as Unicode's annex 29 cuts them, the way Lucene's standard tokenizer takes them.
//!
//! Between blanks a text is cut on its own: no rule reaches over a blank. ASCII runs, which machine lines mostly are, take a short way.

use unicode_segmentation::UnicodeSegmentation;

/// Letters after which a word is cut by force.
pub(crate) const WORD_MAX: usize = 255;

/// Calls `each` with the bytes `start..end` of every word of `text`, in order.
pub(crate) fn words(text: &str, word_max: usize, each: &mut dyn FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if is_blank(bytes[at]) {
            at += 1;
            continue;
        }
        let rest = &bytes[at..];
        let len = rest.iter().position(|byte| is_blank(*byte)).unwrap_or(rest.len());
        if rest[..len].is_ascii() {
            ascii_words(&rest[..len], at, word_max, each);
        } else {
            unicode_words(&text[at..at + len], at, word_max, each);
        }
        at += len;
    }
}

/// ASCII that always stands alone: no word begins, ends, or goes on with it.
pub(crate) fn is_blank(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}

fn ascii_words(bytes: &[u8], base: usize, word_max: usize, each: &mut dyn FnMut(usize, usize)) {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut at = 0;
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        let mut real = false;
        while at < bytes.len() && at - start < word_max {
            let byte = bytes[at];
            if is_word(byte) {
                real |= byte != b'_';
                at += 1;
            } else if joins(bytes[at - 1], byte, bytes.get(at + 1).copied()) && at > start {
                at += 1;
            } else {
                break;
            }
        }
        if real {
            each(base + start, base + at);
        }
    }
}

/// Whether `byte` between two others belongs to their word.
fn joins(before: u8, byte: u8, after: Option<u8>) -> bool {
    let Some(after) = after else { return false };
    let letters = before.is_ascii_alphabetic() && after.is_ascii_alphabetic();
    let digits = before.is_ascii_digit() && after.is_ascii_digit();
    match byte {
        b'.' | b'\'' => letters || digits,
        b':' => letters,
        b',' | b';' => digits,
        _ => false,
    }
}

fn unicode_words(text: &str, base: usize, word_max: usize, each: &mut dyn FnMut(usize, usize)) {
    // Letters of scripts without blanks come one by one, and are one word together.
    let mut run: Option<(usize, usize)> = None;
    for (start, word) in text.split_word_bound_indices() {
        let end = start + word.len();
        if word.chars().next().is_some_and(is_southeast_asian) {
            match &mut run {
                Some((_, run_end)) if *run_end == start => *run_end = end,
                Some((from, to)) => {
                    each(base + *from, base + *to);
                    run = Some((start, end));
                }
                None => run = Some((start, end)),
            }
            continue;
        }
        if let Some((from, to)) = run.take() {
            each(base + from, base + to);
        }
        if !word.chars().any(|letter| letter.is_alphanumeric() && is_word_letter(letter))
            && !is_emoji(word)
        {
            continue;
        }
        cut(word, base + start, word_max, each);
    }
    if let Some((from, to)) = run {
        each(base + from, base + to);
    }
}

/// Numbers that are no digits (`②`, `½`) make no words.
fn is_word_letter(letter: char) -> bool {
    letter.is_alphabetic() || letter.is_ascii_digit() || super::chars::digit(letter).is_some()
}

/// Gives a word, in pieces when it is too long.
pub(super) fn cut(word: &str, base: usize, word_max: usize, each: &mut dyn FnMut(usize, usize)) {
    if word.len() <= word_max {
        each(base, base + word.len());
        return;
    }
    let mut start = 0;
    for (count, (at, _)) in word.char_indices().enumerate() {
        if count > 0 && count % word_max == 0 {
            each(base + start, base + at);
            start = at;
        }
    }
    each(base + start, base + word.len());
}

pub(super) fn is_southeast_asian(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{e4f}' | '\u{e5a}'..='\u{ecf}' | '\u{eda}'..='\u{eff}'
        | '\u{1000}'..='\u{103f}' | '\u{104a}'..='\u{108f}' | '\u{109a}'..='\u{109f}'
        | '\u{1780}'..='\u{17df}' | '\u{1950}'..='\u{19cf}' | '\u{1a20}'..='\u{1a7f}'
        | '\u{aa60}'..='\u{aadf}')
}

fn is_emoji(word: &str) -> bool {
    word.chars().next().is_some_and(|letter| {
        matches!(letter, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{231a}' | '\u{231b}')
    })
}

/// The type of a word, as `_analyze` names it.
pub(super) fn kind(word: &str) -> &'static str {
    use super::chars::{is_han, is_hangul, is_hiragana, is_katakana};
    let mut letters = word.chars().filter(|letter| letter.is_alphanumeric());
    let Some(first) = letters.next() else { return "<EMOJI>" };
    let all = |is: fn(char) -> bool| {
        is(first) && word.chars().filter(|letter| letter.is_alphanumeric()).all(is)
    };
    if all(is_han) {
        "<IDEOGRAPHIC>"
    } else if all(is_hiragana) {
        "<HIRAGANA>"
    } else if all(is_katakana) {
        "<KATAKANA>"
    } else if all(is_hangul) {
        "<HANGUL>"
    } else if all(is_southeast_asian) {
        "<SOUTHEAST_ASIAN>"
    } else if all(|letter| !letter.is_alphabetic()) {
        "<NUM>"
    } else {
        "<ALPHANUM>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &[&str]) {
        let mut have = Vec::new();
        words(text, WORD_MAX, &mut |start, end| have.push(&text[start..end]));
        assert_eq!(have, want, "{text}");
        // The short way for ASCII cuts like the long one.
        if text.is_ascii() && text.split_whitespace().count() == 1 {
            let mut long = Vec::new();
            unicode_words(text, 0, WORD_MAX, &mut |start, end| long.push(&text[start..end]));
            assert_eq!(long, want, "{text}");
        }
    }

    #[test]
    fn machine_lines_as_measured() {
        check("level:error", &["level:error"]);
        check("status:500", &["status", "500"]);
        check("com.foo.Bar", &["com.foo.Bar"]);
        check("v1.2.3", &["v1.2.3"]);
        check("1,234.56", &["1,234.56"]);
        check("10.0.0.1:5432", &["10.0.0.1", "5432"]);
        check("order_id", &["order_id"]);
        check("2024_0001", &["2024_0001"]);
        check("http-nio-8080-exec-3", &["http", "nio", "8080", "exec", "3"]);
        check("2026-01-22T10:15:30.123", &["2026", "01", "22T10", "15", "30.123"]);
        check("/var/log/nginx/access.log", &["var", "log", "nginx", "access.log"]);
        check("it's", &["it's"]);
        check("___", &[]);
        check("a..b", &["a", "b"]);
        check("a._b", &["a", "_b"]);
        check("'a'", &["a"]);
        check("[ERROR]", &["ERROR"]);
        check("", &[]);
    }

    #[test]
    fn other_scripts_as_measured() {
        check("로그인에 실패했습니다", &["로그인에", "실패했습니다"]);
        check("주문API호출실패 timeout발생", &["주문API호출실패", "timeout발생"]);
        check("日本語テスト", &["日", "本", "語", "テスト"]);
        check("15,000원", &["15,000원"]);
        check("ｅｒｒｏｒ", &["ｅｒｒｏｒ"]);
        check("x② a", &["x", "a"]);
    }

    #[test]
    fn long_words_are_cut() {
        let text = "a".repeat(WORD_MAX + 1);
        check(&text, &[&text[..WORD_MAX], "a"]);
        check(&text[1..], &[&text[1..]]);
    }
}
