//! The forgiving language of search boxes (`simple_query_string`): every text is a query.

use super::DEPTH_MAX;
use super::lucene::{Occur, Tree};

/// Which operators count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flags(u16);

const NAMES: [(&str, u16); 13] = [
    ("ALL", 0xffff),
    ("NONE", 0),
    ("AND", 1),
    ("NOT", 2),
    ("OR", 4),
    ("PREFIX", 8),
    ("PHRASE", 16),
    ("PRECEDENCE", 32),
    ("ESCAPE", 64),
    ("WHITESPACE", 128),
    ("FUZZY", 256),
    ("NEAR", 512),
    ("SLOP", 512),
];
const AND: u16 = 1;
const NOT: u16 = 2;
const OR: u16 = 4;
const PREFIX: u16 = 8;
const PHRASE: u16 = 16;
const PRECEDENCE: u16 = 32;
const ESCAPE: u16 = 64;
const WHITESPACE: u16 = 128;
const FUZZY: u16 = 256;
const NEAR: u16 = 512;

impl Flags {
    /// Reads names parted by `|`; all when there is no text.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, String> {
        let mut flags = 0;
        for name in text.filter(|text| !text.is_empty()).unwrap_or("ALL").split('|') {
            let name = name.trim().to_ascii_uppercase();
            let known = NAMES.iter().find(|(known, _)| *known == name);
            match known {
                Some((_, 0)) => return Ok(Self(0)),
                Some((_, flag)) => flags |= flag,
                None => return Err(format!("Unknown simple_query_string flag [{name}]")),
            }
        }
        Ok(Self(flags))
    }

    fn has(self, flag: u16) -> bool {
        self.0 & flag != 0
    }
}

/// Parses `text`; `None` is one that asks nothing.
pub(crate) fn parse(text: &str, flags: Flags, default_and: bool) -> Option<Tree> {
    let parser = Parser { letters: text.chars().collect(), flags, default_and };
    parser.range(0, parser.letters.len(), 0)
}

struct Parser {
    letters: Vec<char>,
    flags: Flags,
    default_and: bool,
}

#[derive(Debug, Default)]
struct State {
    top: Option<Tree>,
    operation: Option<Occur>,
    before: Option<Occur>,
    negations: usize,
}

impl Parser {
    fn is(&self, at: usize, letter: char, flag: u16) -> bool {
        self.flags.has(flag) && self.letters.get(at) == Some(&letter)
    }

    fn range(&self, start: usize, end: usize, depth: usize) -> Option<Tree> {
        let mut state = State::default();
        let mut at = start;
        while at < end {
            if self.is(at, '(', PRECEDENCE) && depth < DEPTH_MAX {
                at = self.group(&mut state, at, end, depth);
            } else if self.is(at, ')', PRECEDENCE) {
                at += 1;
            } else if self.is(at, '"', PHRASE) {
                at = self.phrase(&mut state, at, end);
            } else if self.is(at, '+', AND) || self.is(at, '|', OR) {
                if state.operation.is_none() && state.top.is_some() {
                    let is_and = self.letters[at] == '+';
                    state.operation = Some(if is_and { Occur::Must } else { Occur::Should });
                }
                at += 1;
            } else if self.is(at, '-', NOT) {
                state.negations += 1;
                at += 1;
            } else if self.is_blank(at) {
                at += 1;
            } else {
                at = self.word(&mut state, at, end);
            }
        }
        state.top
    }

    fn is_blank(&self, at: usize) -> bool {
        self.flags.has(WHITESPACE) && matches!(self.letters.get(at), Some(' ' | '\t' | '\n' | '\r'))
    }

    fn ends_word(&self, at: usize) -> bool {
        self.is_blank(at)
            || self.is(at, '"', PHRASE)
            || self.is(at, '|', OR)
            || self.is(at, '+', AND)
            || self.is(at, '(', PRECEDENCE)
            || self.is(at, ')', PRECEDENCE)
    }

    /// A group, if it has an end; else its parenthesis is passed over.
    fn group(&self, state: &mut State, start: usize, end: usize, depth: usize) -> usize {
        let mut open = 1;
        let mut at = start + 1;
        while at < end {
            if self.is(at, '\\', ESCAPE) {
                at += 1;
            } else if self.letters[at] == '(' {
                open += 1;
            } else if self.letters[at] == ')' {
                open -= 1;
                if open == 0 {
                    break;
                }
            }
            at += 1;
        }
        if at >= end {
            return start + 1;
        }
        match self.range(start + 1, at, depth + 1) {
            Some(tree) => self.add(state, tree),
            None => state.operation = None,
        }
        at + 1
    }

    fn phrase(&self, state: &mut State, start: usize, end: usize) -> usize {
        let mut text = String::new();
        let mut at = start + 1;
        while at < end && !self.is(at, '"', PHRASE) {
            if self.is(at, '\\', ESCAPE) && at + 1 < end {
                at += 1;
            }
            text.push(self.letters[at]);
            at += 1;
        }
        if at >= end {
            return start + 1;
        }
        at += 1;
        if text.is_empty() {
            state.operation = None;
            return at;
        }
        let mut slop = None;
        if self.is(at, '~', NEAR) {
            let (number, next) = self.number(at + 1, end);
            slop = number;
            at = next;
        }
        self.add(state, Tree::Phrase { field: None, text, slop });
        at
    }

    /// The number that a word ends with, and the end of the word.
    fn number(&self, start: usize, end: usize) -> (Option<u32>, usize) {
        let mut at = start;
        while at < end && !self.ends_word(at) {
            at += 1;
        }
        let digits: String = self.letters[start..at].iter().collect();
        (digits.parse().ok(), at)
    }

    fn word(&self, state: &mut State, start: usize, end: usize) -> usize {
        let mut text = String::new();
        let mut is_prefix = false;
        let mut at = start;
        while at < end {
            if self.is(at, '\\', ESCAPE) {
                at += 1;
                if at < end {
                    text.push(self.letters[at]);
                    at += 1;
                }
                is_prefix = false;
                continue;
            }
            if self.ends_word(at) {
                break;
            }
            if !text.is_empty() && self.is(at, '~', FUZZY) {
                let (number, next) = self.number(at + 1, end);
                if next > at + 1 && number.is_some() {
                    let tree = match number {
                        Some(0) | None => Tree::Text { field: None, text, is_run: false },
                        Some(edits) => {
                            let edits = u8::try_from(edits.min(2)).ok();
                            Tree::Fuzzy { field: None, text, edits }
                        }
                    };
                    self.add(state, tree);
                    return next;
                }
            }
            is_prefix = self.is(at, '*', PREFIX);
            text.push(self.letters[at]);
            at += 1;
        }
        if is_prefix {
            text.pop();
            self.add(state, Tree::Prefix { field: None, text });
        } else if !text.is_empty() {
            self.add(state, Tree::Text { field: None, text, is_run: false });
        }
        at
    }

    fn add(&self, state: &mut State, tree: Tree) {
        let tree =
            if state.negations % 2 == 1 { Tree::Bool(vec![(Occur::MustNot, tree)]) } else { tree };
        state.negations = 0;
        let default = if self.default_and { Occur::Must } else { Occur::Should };
        let operation = state.operation.take().unwrap_or(default);
        state.top = Some(match state.top.take() {
            None => {
                return state.top = Some(tree);
            }
            Some(Tree::Bool(mut clauses)) if state.before == Some(operation) => {
                clauses.push((operation, tree));
                Tree::Bool(clauses)
            }
            Some(top) => Tree::Bool(vec![(operation, top), (operation, tree)]),
        });
        state.before = Some(operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(tree: &Tree) -> String {
        match tree {
            Tree::Bool(clauses) => {
                let one = |(occur, tree): &(Occur, Tree)| {
                    let sign = match occur {
                        Occur::Should => "",
                        Occur::Must => "+",
                        Occur::MustNot => "-",
                    };
                    format!("{sign}{}", print(tree))
                };
                format!("({})", clauses.iter().map(one).collect::<Vec<_>>().join(" "))
            }
            Tree::Text { text, .. } => text.clone(),
            Tree::Phrase { text, slop, .. } => {
                format!("\"{text}\"{}", slop.map_or(String::new(), |slop| format!("~{slop}")))
            }
            Tree::Prefix { text, .. } => format!("{text}*"),
            Tree::Fuzzy { text, edits, .. } => format!("{text}~{}", edits.unwrap_or(9)),
            Tree::Boosted(..)
            | Tree::Wildcard { .. }
            | Tree::Regexp { .. }
            | Tree::Range { .. } => format!("{tree:?}"),
        }
    }

    fn check(text: &str, flags: Option<&str>, want: &str) {
        let flags = Flags::parse(flags).unwrap();
        let have = parse(text, flags, false).map_or("nothing".to_owned(), |tree| print(&tree));
        assert_eq!(have, want, "{text}");
    }

    #[test]
    fn everything_is_a_query() {
        check("a b", None, "(a b)");
        check("a + b | c", None, "((+a +b) c)");
        check("a +b +c", None, "(+a +b +c)");
        check("a -b", None, "(a (-b))");
        check("--a", None, "a");
        check("\"x y\"~2 z", None, "(\"x y\"~2 z)");
        check("a* b~1 c~9", None, "(a* b~1 c~2)");
        check("(a | b) + c", None, "(+(a b) +c)");
        check("[ERROR] hello:", None, "([ERROR] hello:)");
        check("\"no end", None, "(no end)");
        check("(no end", None, "(no end)");
        check("a\\+b \\\"", None, "(a+b \")");
        check("+ | ()", None, "nothing");
        check("", None, "nothing");
        check("a -b*", Some("NONE"), "a -b*");
        check("a + b*", Some("AND|WHITESPACE"), "(+a +b*)");
        check("half~way", None, "half~way");
    }

    #[test]
    fn unknown_flags_are_told() {
        assert!(Flags::parse(Some("AND|XOR")).is_err());
    }
}
