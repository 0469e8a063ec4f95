//! Kibana's query language: `field: value and not (a or b)`.

use super::{DEPTH_MAX, TEXT_MAX};

/// A text that was parsed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Or(Vec<Tree>),
    And(Vec<Tree>),
    Not(Box<Tree>),
    /// Objects below a path.
    Nested(String, Box<Tree>),
    Is {
        field: Option<Literal>,
        value: Literal,
    },
    Range {
        field: Literal,
        operator: Comparison,
        value: Literal,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A name or value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) text: String,
    /// The same with `*` where a wildcard stood, and other `*`, `?`, `\` behind `\`.
    pub(crate) pattern: String,
    pub(crate) is_quoted: bool,
    pub(crate) has_wildcard: bool,
}

/// Parses `text`; `None` is one that asks nothing.
///
/// # Errors
/// What does not follow the language.
pub(crate) fn parse(text: &str) -> Result<Option<Tree>, String> {
    if text.len() > TEXT_MAX {
        return Err(format!("longer than {TEXT_MAX} bytes"));
    }
    if text.trim().is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { letters: text.chars().collect(), at: 0 };
    let tree = parser.or(0)?;
    parser.blanks();
    match parser.letters.get(parser.at) {
        None => Ok(Some(tree)),
        Some(letter) => {
            Err(format!("Expected AND, OR, end of input but \"{letter}\" found at {}", parser.at))
        }
    }
}

struct Parser {
    letters: Vec<char>,
    at: usize,
}

impl Parser {
    fn blanks(&mut self) {
        while self.letters.get(self.at).is_some_and(|letter| letter.is_whitespace()) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn take(&mut self, letter: char) -> bool {
        self.blanks();
        let is = self.peek() == Some(letter);
        self.at += usize::from(is);
        is
    }

    fn error<T>(&self, expected: &str) -> Result<T, String> {
        let found = self.peek().map_or("end of input".to_owned(), |letter| format!("\"{letter}\""));
        Err(format!("Expected {expected} but {found} found at {}", self.at))
    }

    /// Whether the keyword stands at `at`, with something that ends it behind.
    fn keyword_at(&self, at: usize, keyword: &str) -> bool {
        let end = at + keyword.len();
        self.letters.get(at..end).is_some_and(|letters| {
            letters.iter().zip(keyword.chars()).all(|(a, b)| a.eq_ignore_ascii_case(&b))
        }) && self.letters.get(end).is_none_or(|letter| letter.is_whitespace() || *letter == '(')
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        self.blanks();
        let is = self.keyword_at(self.at, keyword);
        self.at += if is { keyword.len() } else { 0 };
        is
    }

    fn check_depth(depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX { Err(format!("nested deeper than {DEPTH_MAX}")) } else { Ok(()) }
    }

    fn or(&mut self, depth: usize) -> Result<Tree, String> {
        Self::check_depth(depth)?;
        let mut all = vec![self.and(depth)?];
        while self.keyword("or") {
            all.push(self.and(depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Tree::Or(all) })
    }

    fn and(&mut self, depth: usize) -> Result<Tree, String> {
        let mut all = vec![self.not(depth)?];
        while self.keyword("and") {
            all.push(self.not(depth)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Tree::And(all) })
    }

    fn not(&mut self, depth: usize) -> Result<Tree, String> {
        Self::check_depth(depth)?;
        if self.keyword("not") {
            return Ok(Tree::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.take('(') {
            let tree = self.or(depth + 1)?;
            return if self.take(')') { Ok(tree) } else { self.error("\")\"") };
        }
        self.expression(depth)
    }

    fn expression(&mut self, depth: usize) -> Result<Tree, String> {
        let start = self.at;
        // A field is one literal without blanks; a value may be several words.
        let field = self.literal(false)?;
        self.blanks();
        let operator = match (self.peek(), self.letters.get(self.at + 1)) {
            (Some('<'), Some('=')) => Some((Comparison::LessOrEqual, 2)),
            (Some('<'), _) => Some((Comparison::Less, 1)),
            (Some('>'), Some('=')) => Some((Comparison::GreaterOrEqual, 2)),
            (Some('>'), _) => Some((Comparison::Greater, 1)),
            _ => None,
        };
        if let Some((operator, len)) = operator {
            self.at += len;
            let value = self.literal(true)?;
            return Ok(Tree::Range { field, operator, value });
        }
        if !self.take(':') {
            self.at = start;
            return Ok(Tree::Is { field: None, value: self.literal(true)? });
        }
        if self.take('{') {
            let tree = self.or(depth + 1)?;
            if !self.take('}') {
                return self.error("\"}\"");
            }
            return Ok(Tree::Nested(field.text, Box::new(tree)));
        }
        if self.take('(') {
            let tree = self.values(&field, depth + 1)?;
            return if self.take(')') { Ok(tree) } else { self.error("\")\"") };
        }
        Ok(Tree::Is { field: Some(field), value: self.literal(true)? })
    }

    /// Values of one field with their own `and`, `or`, `not`.
    fn values(&mut self, field: &Literal, depth: usize) -> Result<Tree, String> {
        Self::check_depth(depth)?;
        let mut any = Vec::new();
        loop {
            let mut all = Vec::new();
            loop {
                all.push(self.value(field, depth)?);
                if !self.keyword("and") {
                    break;
                }
            }
            any.push(if all.len() == 1 { all.swap_remove(0) } else { Tree::And(all) });
            if !self.keyword("or") {
                break;
            }
        }
        Ok(if any.len() == 1 { any.swap_remove(0) } else { Tree::Or(any) })
    }

    fn value(&mut self, field: &Literal, depth: usize) -> Result<Tree, String> {
        Self::check_depth(depth)?;
        if self.keyword("not") {
            return Ok(Tree::Not(Box::new(self.value(field, depth + 1)?)));
        }
        if self.take('(') {
            let tree = self.values(field, depth + 1)?;
            return if self.take(')') { Ok(tree) } else { self.error("\")\"") };
        }
        Ok(Tree::Is { field: Some(field.clone()), value: self.literal(true)? })
    }

    fn literal(&mut self, with_blanks: bool) -> Result<Literal, String> {
        self.blanks();
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let mut literal = Literal {
            text: String::new(),
            pattern: String::new(),
            is_quoted: false,
            has_wildcard: false,
        };
        while let Some(letter) = self.peek() {
            if letter == '\\' {
                let escaped = self.escaped();
                push(&mut literal, escaped);
            } else if letter == '*' {
                literal.has_wildcard = true;
                literal.text.push('*');
                literal.pattern.push('*');
                self.at += 1;
            } else if letter.is_whitespace() {
                let mut next = self.at;
                while self.letters.get(next).is_some_and(|letter| letter.is_whitespace()) {
                    next += 1;
                }
                let ends = !with_blanks
                    || ["and", "or"].iter().any(|keyword| self.keyword_at(next, keyword))
                    || self.letters.get(next).is_none_or(|letter| "():<>\"{}".contains(*letter));
                if ends {
                    break;
                }
                push(&mut literal, letter);
                self.at += 1;
            } else if "():<>\"{}".contains(letter) {
                break;
            } else {
                push(&mut literal, letter);
                self.at += 1;
            }
        }
        if literal.text.is_empty() {
            self.error("field name, value, whitespace")
        } else {
            Ok(literal)
        }
    }

    /// The letter that an escape stands for; `\` itself where nothing follows.
    fn escaped(&mut self) -> char {
        let next = self.letters.get(self.at + 1).copied();
        self.at += if next.is_some() { 2 } else { 1 };
        match next {
            Some('t') => '\t',
            Some('r') => '\r',
            Some('n') => '\n',
            Some(letter) => letter,
            None => '\\',
        }
    }

    fn quoted(&mut self) -> Result<Literal, String> {
        self.at += 1;
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            match letter {
                '"' => {
                    self.at += 1;
                    let pattern = text.clone();
                    return Ok(Literal { text, pattern, is_quoted: true, has_wildcard: false });
                }
                '\\' => text.push(self.escaped()),
                letter => {
                    text.push(letter);
                    self.at += 1;
                }
            }
        }
        self.error("\"\\\"\"")
    }
}

fn push(literal: &mut Literal, letter: char) {
    literal.text.push(letter);
    if matches!(letter, '*' | '?' | '\\') {
        literal.pattern.push('\\');
    }
    literal.pattern.push(letter);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(tree: &Tree) -> String {
        let all = |all: &[Tree], with: &str| {
            format!("({})", all.iter().map(print).collect::<Vec<_>>().join(with))
        };
        let of = |literal: &Literal| {
            if literal.is_quoted { format!("{:?}", literal.text) } else { literal.pattern.clone() }
        };
        match tree {
            Tree::Or(trees) => all(trees, " or "),
            Tree::And(trees) => all(trees, " and "),
            Tree::Not(tree) => format!("not {}", print(tree)),
            Tree::Nested(path, tree) => format!("{path}:{{{}}}", print(tree)),
            Tree::Is { field: None, value } => of(value),
            Tree::Is { field: Some(field), value } => format!("{}:{}", of(field), of(value)),
            Tree::Range { field, operator, value } => {
                format!("{} {operator:?} {}", of(field), of(value))
            }
        }
    }

    fn check(text: &str, want: &str) {
        let have = match parse(text) {
            Ok(Some(tree)) => print(&tree),
            Ok(None) => "nothing".to_owned(),
            Err(_) => "error".to_owned(),
        };
        assert_eq!(have, want, "{text}");
    }

    #[test]
    fn expressions() {
        check("error", "error");
        check("error message here", "error message here");
        check("a: b and c: d or e: f", "((a:b and c:d) or e:f)");
        check("a: b AND NOT c: d", "(a:b and not c:d)");
        check("a:(b or c and not d)", "(a:b or (a:c and not a:d))");
        check("a: \"b \\\" c\"", "a:\"b \\\" c\"");
        check("a.b: * and *: *", "(a.b:* and *:*)");
        check("a: b*c and d: e\\*", "(a:b*c and d:e\\*)");
        check("a >= 10 and b < \"x\"", "(a GreaterOrEqual 10 and b Less \"x\")");
        check("u:{ n: a and m: b }", "u:{(n:a and m:b)}");
        check(
            "message: connection refused and level: error",
            "(message:connection refused and level:error)",
        );
        check("android: x", "android:x");
        check("not(a: b)", "not a:b");
        check(" ", "nothing");
        for broken in ["a:", "(a", "a: b and", "a)", "\"x", ": a", "a: b c: d"] {
            check(broken, "error");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&deep(DEPTH_MAX)).is_ok());
        assert!(parse(&deep(DEPTH_MAX + 1)).is_err());
        assert!(parse(&"not ".repeat(200)).is_err());
    }
}
