//! What happens to words after a text was cut.

use std::collections::HashSet;

use regex_automata::meta::Regex;

use super::{Token, chars, regex, stem, tokenizers};

/// What happens to words.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    Lowercase,
    Uppercase,
    AsciiFolding {
        keep: bool,
    },
    Stop {
        words: HashSet<String>,
        any_case: bool,
    },
    Keep(HashSet<String>),
    NGram {
        min: usize,
        max: usize,
        edge: bool,
        keep: bool,
    },
    Length {
        min: usize,
        max: usize,
    },
    Trim,
    Truncate(usize),
    Unique {
        same_place: bool,
    },
    WordDelimiter(WordDelimiter),
    Shingle {
        min: usize,
        max: usize,
        singles: bool,
        separator: String,
        filler: String,
    },
    Limit(usize),
    Porter,
    Possessive,
    Reverse,
    PatternReplace {
        regex: Box<Regex>,
        with: String,
        all: bool,
    },
    CjkWidth,
    CjkBigram {
        singles: bool,
    },
    DecimalDigit,
    Apostrophe,
    /// The distinct words in order as one.
    Fingerprint {
        separator: String,
    },
    Synonym(Vec<(Vec<String>, Vec<Vec<String>>)>),
}

/// What `word_delimiter` cuts at and keeps.
#[derive(Debug, Clone)]
pub(super) struct WordDelimiter {
    pub(super) parts: bool,
    pub(super) numbers: bool,
    pub(super) all: bool,
    pub(super) on_case: bool,
    pub(super) on_digit: bool,
    pub(super) original: bool,
    pub(super) possessive: bool,
}

impl Filter {
    /// The change of one word by itself, where that is all; a normalizer is made of such.
    pub(super) fn change(&self, word: &mut String) -> bool {
        match self {
            Self::Lowercase => map(word, chars::lower),
            Self::Uppercase => {
                map(word, |letter| letter.to_uppercase().next().unwrap_or(letter));
            }
            Self::AsciiFolding { keep: false } => *word = fold_ascii(word),
            Self::Trim => *word = word.trim().to_owned(),
            Self::CjkWidth => *word = width(word),
            Self::DecimalDigit => {
                map(word, |letter| {
                    chars::digit(letter).and_then(|d| char::from_digit(d, 10)).unwrap_or(letter)
                });
            }
            Self::PatternReplace { regex, with, all } => {
                *word = regex::replace(regex, word, with, *all, |_, _, _| {});
            }
            Self::Truncate(len) => *word = word.chars().take(*len).collect(),
            Self::Porter => stem::porter(word),
            Self::Possessive => {
                let len = word.trim_end_matches(['s', 'S']).len();
                if len + 1 == word.len() && word[..len].ends_with(['\'', '’', '＇']) {
                    word.truncate(word[..len].char_indices().last().map_or(0, |(at, _)| at));
                }
            }
            Self::Reverse => *word = word.chars().rev().collect(),
            Self::Apostrophe => {
                if let Some(at) = word.find(['\'', '’']) {
                    word.truncate(at);
                }
            }
            Self::AsciiFolding { keep: true }
            | Self::Stop { .. }
            | Self::Keep(_)
            | Self::NGram { .. }
            | Self::Length { .. }
            | Self::Unique { .. }
            | Self::WordDelimiter(_)
            | Self::Shingle { .. }
            | Self::Limit(_)
            | Self::CjkBigram { .. }
            | Self::Fingerprint { .. }
            | Self::Synonym(_) => return false,
        }
        true
    }

    /// The words that become of `tokens`.
    pub(super) fn apply(&self, mut tokens: Vec<Token>) -> Vec<Token> {
        match self {
            Self::Stop { words, any_case } => {
                tokens.retain(|token| {
                    let is = if *any_case {
                        words.contains(&token.text.to_lowercase())
                    } else {
                        words.contains(&token.text)
                    };
                    !is
                });
            }
            Self::Keep(words) => tokens.retain(|token| words.contains(&token.text)),
            Self::Length { min, max } => tokens.retain(|token| {
                let len = token.text.chars().count();
                *min <= len && len <= *max
            }),
            Self::Limit(count) => tokens.truncate(*count),
            Self::Unique { same_place } => {
                let mut seen = HashSet::new();
                tokens.retain(|token| {
                    let place = if *same_place { token.position } else { 0 };
                    seen.insert((place, token.text.clone()))
                });
            }
            Self::AsciiFolding { keep: true } => return each(tokens, folded_and_own),
            Self::NGram { min, max, edge, keep } => {
                return each(tokens, |token, out| {
                    let mut has_own = false;
                    tokenizers::grams(&token.text, *min, *max, *edge, &mut |from, to| {
                        has_own |= (from, to) == (0, token.text.len());
                        out.push(Token { text: token.text[from..to].to_owned(), ..token.clone() });
                    });
                    if *keep && !has_own {
                        out.push(token);
                    }
                });
            }
            Self::WordDelimiter(rules) => return delimited(rules, tokens),
            Self::Shingle { min, max, singles, separator, filler } => {
                return shingles(&tokens, (*min, *max), *singles, (separator, filler));
            }
            Self::CjkBigram { singles } => return bigrams(tokens, *singles),
            Self::Fingerprint { separator } => return fingerprint(&tokens, separator),
            Self::Synonym(rules) => return synonyms(rules, &tokens),
            Self::Lowercase
            | Self::Uppercase
            | Self::AsciiFolding { keep: false }
            | Self::Trim
            | Self::Truncate(_)
            | Self::Porter
            | Self::Possessive
            | Self::Reverse
            | Self::PatternReplace { .. }
            | Self::CjkWidth
            | Self::DecimalDigit
            | Self::Apostrophe => {
                for token in &mut tokens {
                    self.change(&mut token.text);
                }
            }
        }
        tokens
    }
}

fn folded_and_own(mut token: Token, out: &mut Vec<Token>) {
    let folded = fold_ascii(&token.text);
    if folded != token.text {
        let own = std::mem::replace(&mut token.text, folded);
        out.push(token.clone());
        token.text = own;
    }
    out.push(token);
}

/// The distinct words in order as one.
fn fingerprint(tokens: &[Token], separator: &str) -> Vec<Token> {
    let mut words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    let text = words.join(separator);
    let end = tokens.iter().map(|token| token.end).max().unwrap_or(0);
    if tokens.is_empty() {
        return Vec::new();
    }
    vec![Token { text, start: 0, end, position: 0, length: 1, kind: "fingerprint" }]
}

fn map(word: &mut String, letter: impl Fn(char) -> char) {
    *word = word.chars().map(letter).collect();
}

fn each(tokens: Vec<Token>, mut with: impl FnMut(Token, &mut Vec<Token>)) -> Vec<Token> {
    let mut out = Vec::with_capacity(tokens.len());
    tokens.into_iter().for_each(|token| with(token, &mut out));
    out
}

/// Letters with signs as the plain ones.
fn fold_ascii(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    const FOLDS: [(&str, &str); 40] = [
        ("àáâãäåāăą", "a"),
        ("ÀÁÂÃÄÅĀĂĄ", "A"),
        ("çćĉċč", "c"),
        ("ÇĆĈĊČ", "C"),
        ("ďđð", "d"),
        ("ĎĐÐ", "D"),
        ("èéêëēĕėęě", "e"),
        ("ÈÉÊËĒĔĖĘĚ", "E"),
        ("ĝğġģ", "g"),
        ("ĜĞĠĢ", "G"),
        ("ĥħ", "h"),
        ("ĤĦ", "H"),
        ("ìíîïĩīĭįı", "i"),
        ("ÌÍÎÏĨĪĬĮİ", "I"),
        ("ĵ", "j"),
        ("ķĸ", "k"),
        ("Ķ", "K"),
        ("ĺļľŀł", "l"),
        ("ĹĻĽĿŁ", "L"),
        ("ñńņňŋ", "n"),
        ("ÑŃŅŇŊ", "N"),
        ("òóôõöøōŏő", "o"),
        ("ÒÓÔÕÖØŌŎŐ", "O"),
        ("ŕŗř", "r"),
        ("ŔŖŘ", "R"),
        ("śŝşšſ", "s"),
        ("ŚŜŞŠ", "S"),
        ("ţťŧ", "t"),
        ("ŢŤŦ", "T"),
        ("ùúûüũūŭůűų", "u"),
        ("ÙÚÛÜŨŪŬŮŰŲ", "U"),
        ("ŵ", "w"),
        ("ýÿŷ", "y"),
        ("ÝŸŶ", "Y"),
        ("źżž", "z"),
        ("ŹŻŽ", "Z"),
        ("æ", "ae"),
        ("Æ", "AE"),
        ("œ", "oe"),
        ("ß", "ss"),
    ];
    let mut folded = String::with_capacity(word.len());
    for letter in word.chars() {
        match FOLDS.iter().find(|(from, _)| from.contains(letter)) {
            Some((_, to)) if !letter.is_ascii() => folded.push_str(to),
            _ => match letter {
                'Œ' => folded.push_str("OE"),
                '“' | '”' | '„' => folded.push('"'),
                '‘' | '’' | '‚' => folded.push('\''),
                '‐'..='—' => folded.push('-'),
                '\u{ff01}'..='\u{ff5e}' => {
                    folded.extend(char::from_u32(u32::from(letter) - 0xfee0));
                }
                other => folded.push(other),
            },
        }
    }
    folded
}

/// Full-width letters as ASCII, half-width Kana as full ones.
fn width(word: &str) -> String {
    const KANA: &str = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";
    const VOICED: &str = "ガギグゲゴザジズゼゾダヂヅデドバビブベボ";
    const UNVOICED: &str = "カキクケコサシスセソタチツテトハヒフヘホ";
    let mut out = String::new();
    for letter in word.chars() {
        match letter {
            '\u{ff01}'..='\u{ff5e}' => out.extend(char::from_u32(u32::from(letter) - 0xfee0)),
            '\u{ff66}'..='\u{ff9d}' => {
                let at = (u32::from(letter) - 0xff66) as usize;
                out.extend(KANA.chars().nth(at));
            }
            'ﾞ' => {
                let last = out.pop();
                let voiced = last.and_then(|last| UNVOICED.chars().position(|plain| plain == last));
                out.extend(voiced.and_then(|at| VOICED.chars().nth(at)).or(last));
            }
            'ﾟ' => {
                let last = out.pop();
                let voiced = last.and_then(|last| "ハヒフヘホ".chars().position(|p| p == last));
                out.extend(voiced.and_then(|at| "パピプペポ".chars().nth(at)).or(last));
            }
            other => out.push(other),
        }
    }
    out
}

/// Neighbouring letters of Han, Hangul and Kana as pairs.
fn bigrams(tokens: Vec<Token>, singles: bool) -> Vec<Token> {
    const KINDS: [&str; 4] = ["<IDEOGRAPHIC>", "<HANGUL>", "<HIRAGANA>", "<KATAKANA>"];
    let mut out: Vec<Token> = Vec::new();
    // Letters that stand side by side, with their bytes.
    let mut run: Vec<(char, usize, usize)> = Vec::new();
    let mut position = 0;
    let flush = |run: &mut Vec<(char, usize, usize)>, out: &mut Vec<Token>, position: &mut u32| {
        let single = |(letter, start, end): (char, usize, usize), position| Token {
            text: letter.to_string(),
            start,
            end,
            position,
            length: 1,
            kind: "<SINGLE>",
        };
        if let [one] = run.as_slice() {
            out.push(single(*one, *position));
            *position += 1;
        }
        for pair in run.windows(2) {
            if singles {
                out.push(single(pair[0], *position));
            }
            out.push(Token {
                text: [pair[0].0, pair[1].0].iter().collect(),
                start: pair[0].1,
                end: pair[1].2,
                position: *position,
                length: if singles { 2 } else { 1 },
                kind: "<DOUBLE>",
            });
            *position += 1;
        }
        if singles && run.len() > 1 {
            out.extend(run.last().map(|last| single(*last, *position)));
            *position += 1;
        }
        run.clear();
    };
    for token in tokens {
        if !KINDS.contains(&token.kind) {
            flush(&mut run, &mut out, &mut position);
            out.push(Token { position, ..token });
            position += 1;
            continue;
        }
        if run.last().is_some_and(|(_, _, end)| *end != token.start) {
            flush(&mut run, &mut out, &mut position);
        }
        let mut start = token.start;
        for letter in token.text.chars() {
            run.push((letter, start, start + letter.len_utf8()));
            start += letter.len_utf8();
        }
    }
    flush(&mut run, &mut out, &mut position);
    out
}

fn shingles(
    tokens: &[Token],
    (min, max): (usize, usize),
    singles: bool,
    (separator, filler): (&str, &str),
) -> Vec<Token> {
    let mut out = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if singles {
            out.push(token.clone());
        }
        for len in min..=max {
            let Some(of) = tokens.get(at..at + len) else { break };
            let mut text = String::new();
            let mut place = token.position;
            for one in of {
                while place < one.position {
                    text.push_str(filler);
                    text.push_str(separator);
                    place += 1;
                }
                text.push_str(&one.text);
                text.push_str(separator);
                place += 1;
            }
            text.truncate(text.len() - separator.len());
            let end = of.last().map_or(token.end, |last| last.end);
            let length = u32::try_from(len).unwrap_or(1);
            out.push(Token { text, end, length, kind: "shingle", ..token.clone() });
        }
    }
    out
}

fn delimited(rules: &WordDelimiter, tokens: Vec<Token>) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let mut shift = 0;
    for token in tokens {
        let parts = word_parts(rules, &token.text);
        let position = token.position + shift;
        let whole = parts.len() == 1 && parts[0] == (0, token.text.len());
        if rules.original || whole {
            out.push(Token { position, ..token.clone() });
        }
        if whole {
            continue;
        }
        let exact = token.end - token.start == token.text.len();
        let mut place = position;
        if rules.all && parts.len() > 1 {
            let text = parts.iter().map(|(start, end)| &token.text[*start..*end]).collect();
            out.push(Token { text, position, ..token.clone() });
        }
        for (start, end) in parts {
            let text = &token.text[start..end];
            let is_number = text.chars().all(|letter| letter.is_numeric());
            if if is_number { rules.numbers } else { rules.parts } {
                let (from, to) = if exact {
                    (token.start + start, token.start + end)
                } else {
                    (token.start, token.end)
                };
                let text = text.to_owned();
                out.push(Token { text, start: from, end: to, position: place, ..token.clone() });
                place += 1;
            }
        }
        shift += place.saturating_sub(position + 1);
    }
    out
}

/// The bytes of the parts of a word.
fn word_parts(rules: &WordDelimiter, word: &str) -> Vec<(usize, usize)> {
    #[derive(PartialEq, Clone, Copy)]
    enum Of {
        Upper,
        Lower,
        Digit,
        Other,
    }
    let of = |letter: char| match letter {
        letter if letter.is_numeric() => Of::Digit,
        letter if letter.is_uppercase() => Of::Upper,
        letter if letter.is_alphabetic() => Of::Lower,
        _ => Of::Other,
    };
    let word_end = match word.strip_suffix("'s") {
        Some(stem) if rules.possessive => stem.len(),
        _ => word.len(),
    };
    let mut parts: Vec<(usize, usize)> = Vec::new();
    let mut before = Of::Other;
    for (at, letter) in word[..word_end].char_indices() {
        let now = of(letter);
        let end = at + letter.len_utf8();
        let joins = match (before, now) {
            (_, Of::Other) | (Of::Other, _) => false,
            (Of::Lower, Of::Upper) => !rules.on_case,
            (Of::Digit, Of::Upper | Of::Lower) | (Of::Upper | Of::Lower, Of::Digit) => {
                !rules.on_digit
            }
            (Of::Upper, Of::Lower | Of::Upper)
            | (Of::Lower, Of::Lower)
            | (Of::Digit, Of::Digit) => true,
        };
        if now != Of::Other {
            match parts.last_mut().filter(|_| joins) {
                Some(last) => last.1 = end,
                None => parts.push((at, end)),
            }
        }
        before = now;
    }
    parts
}

/// Words, alone or several, for which others stand too.
fn synonyms(rules: &[(Vec<String>, Vec<Vec<String>>)], tokens: &[Token]) -> Vec<Token> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        let rule = rules.iter().filter(|(from, _)| {
            from.len() <= rest.len() && from.iter().zip(rest).all(|(a, b)| *a == b.text)
        });
        let Some((from, to)) = rule.max_by_key(|(from, _)| from.len()) else {
            out.push(tokens[at].clone());
            at += 1;
            continue;
        };
        let (first, last) = (&rest[0], &rest[from.len() - 1]);
        for words in to {
            for (place, word) in words.iter().enumerate() {
                let position = first.position + u32::try_from(place).unwrap_or(0);
                let is_same = words == from;
                out.push(Token {
                    text: word.clone(),
                    start: first.start,
                    end: last.end,
                    position,
                    length: 1,
                    kind: if is_same { first.kind } else { "SYNONYM" },
                });
            }
        }
        at += from.len();
    }
    out.sort_by_key(|token| token.position);
    out
}
