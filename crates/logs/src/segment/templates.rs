//! Templates: what the lines of a main text have in common, and which of their words are left for the filters.
//!
//! A word is *frequent* in a row group when it has no digit and is in [`FREQUENT_ROWS`] rows at least. The template of a line is the
//! line with every other word cut out. A frequent word within the head of a line ([`HEAD_WORDS`], [`HEAD_BYTES`]) is
//! in the line's template and nowhere else; all other words are tokens of the filters, and so are all words of the lines
//! without a template (id 0).

use super::hash::{self, TokenMap};
use crate::column::{Column, Strings};
use crate::text::finest;

/// Rows that make a word frequent.
pub(crate) const FREQUENT_ROWS: u32 = 32;

/// Words of a line that can be in its template.
pub(crate) const HEAD_WORDS: usize = 128;

/// Bytes of a line that can be in its template.
pub(crate) const HEAD_BYTES: usize = 1_024;

/// Most templates of a row group.
pub(crate) const TEMPLATES_MAX: usize = 65_536;

/// Words of a line that memory is taken for beforehand.
const TOKENS_GUESSED: usize = 16;

/// Stands for a word that was cut out.
const HOLE: u8 = 0x11;

/// The line goes on, beyond its head.
const MORE: u8 = 0x12;

/// The next pair of letters overlaps with the one before by a letter.
const OVERLAP: u8 = 0x13;

/// A word of a line.
#[derive(Debug, Clone, Copy)]
struct Token {
    hash: u64,
    start: u32,
    len: u16,
    /// In the head of its line.
    head: bool,
    digit: bool,
}

/// What was seen of a word without digits.
#[derive(Debug, Clone, Copy)]
struct Seen {
    rows: u32,
    last: u32,
    /// Its place among the frequent words, once it is one.
    frequent: u32,
}

const NOT_FREQUENT: u32 = u32::MAX;

/// The templates of a row group's lines.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    /// The template of each row; 0: none.
    pub(crate) of_row: Vec<u32>,
    /// Tokens of each row for the filters, before the salt, one row behind the other.
    rare: Vec<u64>,
    rare_ends: Vec<u32>,
    /// Frequent words, in the order in which they became frequent.
    pub(crate) words: Strings,
    /// For each template but the first, the frequent words in it (ascending places in `words`) and how they stand there, and its text.
    pub(crate) lists: Vec<Vec<(u32, Stand)>>,
    pub(crate) texts: Vec<Vec<u8>>,
    /// Whether a frequent word may be a token of the filters as well: a line was longer than its head, or has no template.
    pub(crate) capped: bool,
}

impl Templates {
    /// The tokens of `row` for the filters.
    pub(crate) fn rare_of(&self, row: usize) -> &[u64] {
        let start = if row == 0 { 0 } else { self.rare_ends[row - 1] as usize };
        &self.rare[start..self.rare_ends[row] as usize]
    }

    /// The templates of `rows`, each a row of one of `columns` (`None`: nothing of the field in that block).
    pub(crate) fn build(columns: &[Option<&Column>], rows: &[(u32, u32)]) -> Self {
        let mut lines = Lines::default();
        lines.ends.reserve(rows.len());
        lines.tokens.reserve(rows.len() * TOKENS_GUESSED);
        let mut made = Self::default();
        let mut scratch = String::new();
        for (at, (block, row)) in rows.iter().enumerate() {
            for text in texts_of(columns[*block as usize], *row as usize) {
                lines.read(text, super::bytes::narrow(at), &mut scratch, &mut made.words);
            }
            lines.ends.push(super::bytes::narrow(lines.tokens.len()));
        }
        let mut ids: TokenMap<u32> = TokenMap::default();
        let mut text = Vec::new();
        let mut start = 0;
        for (at, (block, row)) in rows.iter().enumerate() {
            let tokens = &lines.tokens[start..lines.ends[at] as usize];
            start = lines.ends[at] as usize;
            let column = columns[*block as usize];
            let mut values = texts_of(column, *row as usize);
            let id = match (values.next(), values.next()) {
                (Some(line), None) => {
                    lines.template(line, tokens, &mut text);
                    made.id(&mut ids, &text, line, (tokens, &lines))
                }
                (None, _) | (Some(_), Some(_)) => 0,
            };
            made.of_row.push(id);
            for token in tokens {
                let in_template = id != 0 && token.head && lines.place(token) != NOT_FREQUENT;
                if !in_template {
                    made.rare.push(token.hash);
                    made.capped |= lines.place(token) != NOT_FREQUENT;
                }
            }
            made.rare_ends.push(super::bytes::narrow(made.rare.len()));
        }
        made
    }

    /// The id of the template with `text`, a new one where there is room.
    fn id(
        &mut self,
        ids: &mut TokenMap<u32>,
        text: &[u8],
        line: &str,
        (tokens, lines): (&[Token], &Lines),
    ) -> u32 {
        let key = xxhash_rust::xxh3::xxh3_64(text);
        if let Some(id) = ids.get(&key) {
            return *id;
        }
        if ids.len() == TEMPLATES_MAX {
            return 0;
        }
        let mut list: Vec<(u32, Stand)> = Vec::new();
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.head) {
            let place = lines.place(token);
            if place != NOT_FREQUENT {
                let is_static = |at: Option<usize>| {
                    let near = at.and_then(|at| tokens.get(at)).filter(|near| near.head);
                    near.is_some_and(|near| lines.place(near) != NOT_FREQUENT)
                };
                let statics = [is_static(at.checked_sub(1)), is_static(Some(at + 1))];
                let end = token.start as usize + usize::from(token.len);
                list.push((place, stand(line, token.start as usize..end, statics)));
            }
        }
        // A word that stands alone once does; one that never does is joined everywhere.
        list.sort_unstable();
        list.dedup_by_key(|(place, _)| *place);
        self.lists.push(list);
        self.texts.push(text.to_vec());
        let id = super::bytes::narrow(self.lists.len());
        ids.insert(key, id);
        id
    }
}

fn texts_of(column: Option<&Column>, row: usize) -> impl Iterator<Item = &str> {
    let of = column.map_or(0..0, |column| column.of(row));
    of.filter_map(move |at| column.and_then(|column| column.values.text(at)))
}

/// Words of all lines.
#[derive(Debug, Default)]
struct Lines {
    tokens: Vec<Token>,
    ends: Vec<u32>,
    seen: TokenMap<Seen>,
}

impl Lines {
    /// Reads a line of `row`; words that become frequent go to `frequent`.
    fn read(&mut self, line: &str, row: u32, scratch: &mut String, frequent: &mut Strings) {
        let mut count = 0;
        finest::spans(line, scratch, |word, of| {
            let hash = hash::word(word);
            let digit = word.bytes().any(|byte| byte.is_ascii_digit());
            let head = count < HEAD_WORDS && of.end <= HEAD_BYTES;
            count += 1;
            // Places matter in the head only, where they are small.
            let (start, len) = if head {
                (super::bytes::narrow(of.start), u16::try_from(of.len()).unwrap_or(0))
            } else {
                (0, 0)
            };
            self.tokens.push(Token { hash, start, len, head, digit });
            if digit {
                return;
            }
            let seen = self.seen.entry(hash).or_insert(Seen {
                rows: 0,
                last: u32::MAX,
                frequent: NOT_FREQUENT,
            });
            if seen.last != row {
                seen.last = row;
                seen.rows += 1;
                if seen.rows == FREQUENT_ROWS {
                    seen.frequent = super::bytes::narrow(frequent.len());
                    frequent.push(word);
                }
            }
        });
    }

    /// The place of a word among the frequent ones.
    fn place(&self, token: &Token) -> u32 {
        if token.digit {
            return NOT_FREQUENT;
        }
        self.seen.get(&token.hash).map_or(NOT_FREQUENT, |seen| seen.frequent)
    }

    /// The template of `line`.
    fn template(&self, line: &str, tokens: &[Token], text: &mut Vec<u8>) {
        text.clear();
        let bytes = line.as_bytes();
        let mut end = 0;
        for token in tokens.iter().filter(|token| token.head) {
            let (start, stop) =
                (token.start as usize, token.start as usize + usize::from(token.len));
            text.extend_from_slice(&bytes[end.min(start)..start]);
            if self.place(token) == NOT_FREQUENT {
                text.push(HOLE);
            } else {
                if start < end {
                    text.push(OVERLAP);
                }
                text.extend_from_slice(&bytes[start..stop]);
            }
            end = stop;
        }
        if tokens.iter().any(|token| !token.head) {
            text.push(MORE);
        } else {
            text.extend_from_slice(&bytes[end..]);
        }
    }
}

/// Whether lines of the template go on beyond their head.
pub(crate) fn goes_on(template: &[u8]) -> bool {
    template.last() == Some(&MORE)
}

/// How a word of a template stands among its neighbours, for an analyzer that splits as `standard` does: `a.b` is one of its words, `a. b` and `a,b`
/// are two. Lines of one template answer alike: what is decided on are the letters between words, and frequent words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stand {
    /// It is one of that analyzer's words.
    Alone,
    /// Only the line can tell.
    Open,
    /// It is always a part of another one.
    Joined,
}

/// How one end of a word stands: `near` is next to it, then comes `far`, whose word is frequent when it `is_static`; `edge` is the word's own.
fn stand_at(edge: u8, near: Option<u8>, far: Option<u8>, is_static: bool) -> Stand {
    let Some(near) = near else { return Stand::Alone };
    let is_other = |byte: u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b'_';
    match near {
        b'.' | b':' | b'\'' => match far {
            None => Stand::Alone,
            Some(far) if is_other(far) => Stand::Alone,
            Some(far) if far.is_ascii_alphabetic() && edge.is_ascii_alphabetic() && is_static => {
                Stand::Joined
            }
            Some(_) => Stand::Open,
        },
        // These join digits only, and a quote joins Hebrew.
        b',' | b';' | b'"' if !edge.is_ascii_alphabetic() => Stand::Open,
        near if is_other(near) => Stand::Alone,
        _ => Stand::Open,
    }
}

/// Whether `word` is of letters that `standard` and the finest words keep together alike: ASCII's, or syllables of Hangul. Han and Kana are split letter
/// by letter, full-width letters stay what they are.
pub(crate) fn is_kept_together(word: &str) -> bool {
    word.is_ascii() || word.chars().all(|letter| ('\u{ac00}'..='\u{d7a3}').contains(&letter))
}

/// How the word at `of` in `line` stands; whether the words before and behind it are frequent.
fn stand(line: &str, of: std::ops::Range<usize>, [before, behind]: [bool; 2]) -> Stand {
    if !is_kept_together(&line[of.clone()]) {
        return Stand::Open;
    }
    let bytes = line.as_bytes();
    let back = |by: usize| of.start.checked_sub(by).map(|at| bytes[at]);
    let ahead = |by: usize| bytes.get(of.end + by).copied();
    let ends = [
        stand_at(bytes[of.start], back(1), back(2), before),
        stand_at(bytes[of.end - 1], ahead(0), ahead(1), behind),
    ];
    if ends.contains(&Stand::Joined) {
        Stand::Joined
    } else if ends == [Stand::Alone; 2] {
        Stand::Alone
    } else {
        Stand::Open
    }
}

/// A template's text for people: holes as `<*>`, a cut end as `…`, overlaps put together.
pub(crate) fn readable(template: &[u8]) -> String {
    let text = String::from_utf8_lossy(template);
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == char::from(HOLE) {
            out.push_str("<*>");
        } else if letter == char::from(MORE) {
            out.push('…');
        } else if letter == char::from(OVERLAP) {
            if letters.peek().copied() == out.chars().next_back() {
                letters.next();
            }
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{Rows, Values};

    fn build(lines: &[String]) -> Templates {
        let mut texts = Strings::default();
        lines.iter().for_each(|line| texts.push(line));
        let column = Column { rows: Rows::Dense, values: Values::Str(texts) };
        let rows: Vec<(u32, u32)> =
            (0..lines.len()).map(|row| (0, super::super::bytes::narrow(row))).collect();
        Templates::build(&[Some(&column)], &rows)
    }

    #[test]
    fn lines_share_what_they_have_in_common() {
        let mut lines: Vec<String> =
            (0..32).map(|at| format!("Failed password for u{at} 로그인이 실패")).collect();
        lines.push("failed password for nobody".to_owned());
        let made = build(&lines);
        assert_eq!(made.of_row[0], made.of_row[31]);
        assert_ne!(made.of_row[0], made.of_row[32]);
        assert_eq!(readable(&made.texts[0]), "Failed password for <*> 로그인이 실패");
        assert_eq!(readable(&made.texts[1]), "failed password for <*>");
        assert_eq!(made.rare_of(3), [hash::word("u3")]);
        assert_eq!(made.rare_of(32), [hash::word("nobody")]);
        assert!(!made.capped);
    }

    #[test]
    fn words_stand_as_their_neighbours_let_them() {
        let check = |line: &str, statics: [bool; 2]| {
            let start = line.find("ab").unwrap();
            stand(line, start..start + 2, statics)
        };
        for line in
            ["ab", " ab ", "(ab)", "ab: c", "x, ab.", "k=ab/", "-ab;", "c,ab,c", "\"ab\"", "'ab'"]
        {
            assert_eq!(check(line, [false; 2]), Stand::Alone, "{line}");
        }
        for line in ["ab.c", "c:ab", "ab:1", "수ab", "ab수", "ab\u{301}", "1.ab"] {
            assert_eq!(check(line, [false; 2]), Stand::Open, "{line}");
        }
        assert_eq!(stand("登録 x", 0..6, [false; 2]), Stand::Open);
        assert_eq!(check("ab.c", [false, true]), Stand::Joined);
        assert_eq!(check("c:ab ", [true, false]), Stand::Joined);
        assert_eq!(check("ab:1", [true; 2]), Stand::Open);
    }

    #[test]
    fn a_word_is_frequent_from_32_rows_on() {
        let lines = |count| (0..count).map(|at| format!("same same {at}")).collect::<Vec<_>>();
        assert_eq!(build(&lines(31)).words.len(), 0);
        assert_eq!(build(&lines(32)).words.len(), 1);
    }

    #[test]
    fn words_behind_the_head_are_for_the_filters() {
        let line = |words: usize| vec!["w"; words].join(" ");
        let exact = build(&vec![line(HEAD_WORDS); 32]);
        assert!(exact.rare.is_empty() && !exact.capped);
        let longer = build(&vec![line(HEAD_WORDS + 1); 32]);
        assert_eq!(longer.rare_of(0), [hash::word("w")]);
        assert!(longer.capped);
        let edge = |bytes: usize| build(&vec![format!("{}w", " ".repeat(bytes - 1)); 32]).capped;
        assert_eq!((edge(HEAD_BYTES), edge(HEAD_BYTES + 1)), (false, true));
    }

    #[test]
    fn templates_without_end_are_bounded() {
        let mut lines: Vec<String> =
            (0..=TEMPLATES_MAX).map(|at| "-".repeat(at % 300) + &"+".repeat(at / 300)).collect();
        lines.extend(vec!["w".to_owned(); 32]);
        let made = build(&lines);
        assert_eq!(made.lists.len(), TEMPLATES_MAX);
        assert_eq!((made.of_row[TEMPLATES_MAX - 1], made.of_row[TEMPLATES_MAX]), (65_536, 0));
        assert!(made.capped, "the last lines' word is frequent and has no template");
    }
}
