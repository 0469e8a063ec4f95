//! Lucene's query language, as `query_string` has it: no precedence among operators, escapes, ranges, and errors for what does not follow it.

use super::{DEPTH_MAX, TEXT_MAX};

/// How a clause counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occur {
    Should,
    Must,
    MustNot,
}

/// A text that was parsed. Fields are `None` where none is named.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Bool(Vec<(Occur, Tree)>),
    Boosted(Box<Tree>, f32),
    /// Words; `is_run` when they are several that stood side by side.
    Text {
        field: Option<String>,
        text: String,
        is_run: bool,
    },
    Phrase {
        field: Option<String>,
        text: String,
        slop: Option<u32>,
    },
    /// A word with letters changed; as many as usual when not said.
    Fuzzy {
        field: Option<String>,
        text: String,
        edits: Option<u8>,
    },
    Prefix {
        field: Option<String>,
        text: String,
    },
    /// Wildcards with their escapes.
    Wildcard {
        field: Option<String>,
        pattern: String,
    },
    Regexp {
        field: Option<String>,
        pattern: String,
    },
    Range {
        field: Option<String>,
        low: Option<(String, bool)>,
        high: Option<(String, bool)>,
    },
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    And,
    Or,
    Not,
    Plus,
    Minus,
    Open,
    Close,
    Colon,
    Boost(f32),
    Star,
    /// As it was written, escapes and all.
    Term(String),
    Prefix(String),
    Wild(String),
    Regexp(String),
    Quoted(String),
    /// What stands behind `~`.
    Tilde(String),
    Range {
        low: Option<String>,
        with_low: bool,
        high: Option<String>,
        with_high: bool,
    },
}

/// Parses `text`. `None` is a text that asks nothing.
///
/// # Errors
/// What does not follow the language.
pub(crate) fn parse(text: &str, default_and: bool) -> Result<Option<Tree>, String> {
    if text.len() > TEXT_MAX {
        return Err(format!("longer than {TEXT_MAX} bytes"));
    }
    let tokens = Lexer { text, at: 0 }.tokens()?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens, at: 0, default_and };
    let tree = parser.query(None, 0)?;
    match parser.peek() {
        None => Ok(tree),
        Some(token) => Err(format!("Encountered {token:?}")),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{3000}')
}

/// Letters that no term begins with, and that end one, but for `-` and `+`.
fn is_special(letter: char) -> bool {
    is_blank(letter) || "+-!():^[]\"{}~*?\\/".contains(letter)
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn tokens(mut self) -> Result<Vec<Token>, String> {
        let mut tokens = Vec::new();
        loop {
            let rest = self.rest();
            let skipped = rest.trim_start_matches(is_blank);
            self.at += rest.len() - skipped.len();
            let Some(letter) = self.rest().chars().next() else { return Ok(tokens) };
            let pair = ["&&", "||"].iter().any(|pair| self.rest().starts_with(pair));
            tokens.push(match letter {
                '&' | '|' if pair => {
                    self.at += 2;
                    if letter == '&' { Token::And } else { Token::Or }
                }
                '+' => self.one(Token::Plus),
                '-' => self.one(Token::Minus),
                '!' => self.one(Token::Not),
                '(' => self.one(Token::Open),
                ')' => self.one(Token::Close),
                ':' => self.one(Token::Colon),
                '^' => self.boost()?,
                '"' => Token::Quoted(self.until('"')?),
                '/' => Token::Regexp(self.until('/')?),
                '~' => {
                    self.at += 1;
                    Token::Tilde(self.term_letters(false))
                }
                '[' | '{' => self.range()?,
                ']' | '}' => return Err(format!("Encountered \"{letter}\" at {}", self.at)),
                _ => self.term()?,
            });
        }
    }

    fn one(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    /// What stands up to `end`, which an escape keeps from ending it.
    fn until(&mut self, end: char) -> Result<String, String> {
        let start = self.at + 1;
        let mut escaped = false;
        for (at, letter) in self.text[start..].char_indices() {
            if escaped {
                escaped = false;
            } else if letter == '\\' {
                escaped = true;
            } else if letter == end {
                self.at = start + at + end.len_utf8();
                return Ok(self.text[start..start + at].to_owned());
            }
        }
        Err(format!("Lexical error: {end} at {} has no end", self.at))
    }

    fn boost(&mut self) -> Result<Token, String> {
        let rest = &self.rest()[1..];
        let digits = rest.trim_start_matches(is_blank);
        let skipped = rest.len() - digits.len();
        let len = digits
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(digits.len());
        let boost: f32 =
            digits[..len].parse().map_err(|_| format!("Encountered \"^\" at {}", self.at))?;
        self.at += 1 + skipped + len;
        Ok(Token::Boost(boost))
    }

    /// Letters of a term, with its escapes; with wildcards if they are wanted.
    fn term_letters(&mut self, wild: bool) -> String {
        let start = self.at;
        let mut letters = self.text[start..].char_indices();
        let mut end = self.text.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => {
                    letters.next();
                }
                '-' | '+' if at > 0 || !wild => {}
                '*' | '?' if wild => {}
                letter if is_special(letter) => {
                    end = start + at;
                    break;
                }
                _ => {}
            }
        }
        self.at = end;
        self.text[start..end].to_owned()
    }

    fn term(&mut self) -> Result<Token, String> {
        let text = self.term_letters(true);
        if trailing_escape(&text) {
            return Err("Term can not end with escape character.".to_owned());
        }
        match text.as_str() {
            "AND" => return Ok(Token::And),
            "OR" => return Ok(Token::Or),
            "NOT" => return Ok(Token::Not),
            "*" => return Ok(Token::Star),
            _ => {}
        }
        let wild = unescaped(&text, |letter| matches!(letter, '*' | '?'));
        Ok(match wild.as_slice() {
            [] => Token::Term(text),
            [at] if *at + 1 == text.len() && text.ends_with('*') => Token::Prefix(text),
            _ => Token::Wild(text),
        })
    }

    fn range(&mut self) -> Result<Token, String> {
        let start = self.at;
        let with_low = self.rest().starts_with('[');
        self.at += 1;
        let low = self.goop()?;
        if self.goop()?.as_deref() != Some("TO") {
            return Err(format!("Encountered a range without TO at {start}"));
        }
        let high = self.goop()?;
        self.blanks();
        let with_high = self.rest().starts_with(']');
        if !with_high && !self.rest().starts_with('}') {
            return Err(format!("Encountered a range without an end at {start}"));
        }
        self.at += 1;
        Ok(Token::Range { low, with_low, high, with_high })
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(is_blank).len();
    }

    /// One end of a range; `None` is open.
    fn goop(&mut self) -> Result<Option<String>, String> {
        self.blanks();
        if self.rest().starts_with('"') {
            return Ok(Some(unescape(&self.until('"')?)?));
        }
        let len = self
            .rest()
            .find(|letter: char| is_blank(letter) || letter == ']' || letter == '}')
            .unwrap_or(self.rest().len());
        if len == 0 {
            return Err(format!("Encountered a range without an end at {}", self.at));
        }
        let goop = self.rest()[..len].to_owned();
        self.at += len;
        if goop == "*" { Ok(None) } else { Ok(Some(unescape(&goop)?)) }
    }
}

/// The places of letters that no escape stands before.
fn unescaped(text: &str, is: impl Fn(char) -> bool) -> Vec<usize> {
    let mut places = Vec::new();
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if is(letter) {
            places.push(at);
        }
    }
    places
}

fn trailing_escape(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// A text without its escapes.
pub(crate) fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            None => return Err("Term can not end with escape character.".to_owned()),
            Some('u') => {
                let digits: String = letters.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
                let letter = code.and_then(char::from_u32);
                plain.push(letter.ok_or("Truncated unicode escape sequence.")?);
            }
            Some(letter) => plain.push(letter),
        }
    }
    Ok(plain)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    default_and: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conjunction {
    None,
    And,
    Or,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, token: &Token) -> bool {
        let is = self.peek() == Some(token);
        self.at += usize::from(is);
        is
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.at).cloned().ok_or("Encountered <EOF>")?;
        self.at += 1;
        Ok(token)
    }

    /// The words that stand side by side from here, when there are several.
    fn run(&mut self) -> Result<Option<String>, String> {
        // A term with something of its own is none of a run.
        let follows = |parser: &Self, at: usize| {
            matches!(parser.tokens.get(at), Some(Token::Term(_)))
                && !matches!(
                    parser.tokens.get(at + 1),
                    Some(
                        Token::Colon
                            | Token::Star
                            | Token::Tilde(_)
                            | Token::Boost(_)
                            | Token::And
                            | Token::Or
                    )
                )
        };
        if !matches!(self.peek(), Some(Token::Term(_))) || !follows(self, self.at + 1) {
            return Ok(None);
        }
        let mut text = String::new();
        while text.is_empty() || follows(self, self.at) {
            let Some(Token::Term(word)) = self.peek() else { break };
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&unescape(word)?);
            self.at += 1;
        }
        Ok(Some(text))
    }

    fn query(&mut self, field: Option<&str>, depth: usize) -> Result<Option<Tree>, String> {
        if depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        let mut clauses: Vec<(Occur, Tree)> = Vec::new();
        let mut is_plain = true;
        let mut is_first = true;
        while is_first || !matches!(self.peek(), None | Some(Token::Close)) {
            if let Some(text) = self.run()? {
                let field = field.map(str::to_owned);
                let occur = if self.default_and { Occur::Must } else { Occur::Should };
                clauses.push((occur, Tree::Text { field, text, is_run: true }));
                is_first = false;
                continue;
            }
            let conjunction = match self.peek() {
                Some(Token::And) if !is_first => Conjunction::And,
                Some(Token::Or) if !is_first => Conjunction::Or,
                _ => Conjunction::None,
            };
            self.at += usize::from(conjunction != Conjunction::None);
            is_first = false;
            let modifier = match self.peek() {
                Some(Token::Plus) => Some(Occur::Must),
                Some(Token::Minus | Token::Not) => Some(Occur::MustNot),
                _ => None,
            };
            self.at += usize::from(modifier.is_some());
            is_plain &= modifier.is_none();
            let clause = self.clause(field, depth)?;
            self.add(&mut clauses, conjunction, modifier, clause);
        }
        Ok(match clauses.len() {
            0 => None,
            1 if is_plain => clauses.pop().map(|(_, tree)| tree),
            _ => Some(Tree::Bool(clauses)),
        })
    }

    fn add(
        &self,
        clauses: &mut Vec<(Occur, Tree)>,
        conjunction: Conjunction,
        modifier: Option<Occur>,
        clause: Option<Tree>,
    ) {
        // A conjunction also says how the clause before it counts.
        if let Some((before, _)) = clauses.last_mut().filter(|(occur, _)| *occur != Occur::MustNot)
        {
            if conjunction == Conjunction::And {
                *before = Occur::Must;
            } else if conjunction == Conjunction::Or && self.default_and {
                *before = Occur::Should;
            }
        }
        let Some(clause) = clause else { return };
        let required = match modifier {
            Some(Occur::MustNot) => Occur::MustNot,
            Some(Occur::Must) if !self.default_and => Occur::Must,
            Some(_) | None if self.default_and => {
                if conjunction == Conjunction::Or {
                    Occur::Should
                } else {
                    Occur::Must
                }
            }
            Some(_) | None => {
                if conjunction == Conjunction::And {
                    Occur::Must
                } else {
                    Occur::Should
                }
            }
        };
        clauses.push((required, clause));
    }

    fn clause(&mut self, field: Option<&str>, depth: usize) -> Result<Option<Tree>, String> {
        let mut field = field.map(str::to_owned);
        if self.tokens.get(self.at + 1) == Some(&Token::Colon) {
            let named = match self.peek() {
                Some(Token::Term(name)) => Some(unescape(name)?),
                Some(Token::Star) => Some("*".to_owned()),
                _ => None,
            };
            if let Some(named) = named {
                field = Some(named);
                self.at += 2;
            }
        }
        let tree = if self.take(&Token::Open) {
            let tree = self.query(field.as_deref(), depth + 1)?;
            if !self.take(&Token::Close) {
                return Err("Encountered <EOF>, a parenthesis has no end".to_owned());
            }
            tree
        } else {
            Some(self.term(field)?)
        };
        let Some(Token::Boost(boost)) = self.peek().cloned() else { return Ok(tree) };
        self.at += 1;
        Ok(tree.map(|tree| Tree::Boosted(Box::new(tree), boost)))
    }

    fn term(&mut self, field: Option<String>) -> Result<Tree, String> {
        let token = self.next()?;
        // `a^2~1` is as good as `a~1^2`.
        let boost_at = matches!(
            (self.peek(), self.tokens.get(self.at + 1)),
            (Some(Token::Boost(_)), Some(Token::Tilde(_)))
        );
        let tilde_at = self.at + usize::from(boost_at);
        let tilde = match self.tokens.get(tilde_at) {
            Some(Token::Tilde(text)) => Some(text.clone()),
            _ => None,
        };
        if tilde.is_some() {
            self.tokens.remove(tilde_at);
        }
        Ok(match token {
            Token::Term(text) => match tilde {
                None => Tree::Text { field, text: unescape(&text)?, is_run: false },
                Some(tilde) => {
                    Tree::Fuzzy { field, text: unescape(&text)?, edits: fuzziness(&tilde)? }
                }
            },
            Token::Star => Tree::Wildcard { field, pattern: "*".to_owned() },
            Token::Prefix(text) => Tree::Prefix { field, text: unescape(&text[..text.len() - 1])? },
            Token::Wild(pattern) => Tree::Wildcard { field, pattern },
            Token::Regexp(pattern) => Tree::Regexp { field, pattern },
            Token::Quoted(text) => {
                let slop = tilde.and_then(|slop| slop.parse::<f64>().ok()).map(floor);
                Tree::Phrase { field, text: unescape(&text)?, slop }
            }
            Token::Range { low, with_low, high, with_high } => Tree::Range {
                field,
                low: low.map(|low| (low, with_low)),
                high: high.map(|high| (high, with_high)),
            },
            other @ (Token::And
            | Token::Or
            | Token::Not
            | Token::Plus
            | Token::Minus
            | Token::Open
            | Token::Close
            | Token::Colon
            | Token::Boost(_)
            | Token::Tilde(_)) => return Err(format!("Encountered {other:?}")),
        })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn floor(slop: f64) -> u32 {
    slop as u32
}

/// What stands behind the `~` of a word.
fn fuzziness(text: &str) -> Result<Option<u8>, String> {
    let Ok(number) = text.parse::<f64>() else { return Ok(None) };
    if number >= 1.0 && number.fract() != 0.0 {
        return Err("Fractional edit distances are not allowed!".to_owned());
    }
    // What once was a similarity below 1 is the most that there is.
    Ok(Some(if number == 0.0 {
        0
    } else if number == 1.0 {
        1
    } else {
        2
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree in the way in which Lucene prints queries.
    fn print(tree: &Tree) -> String {
        let of = |field: &Option<String>| field.as_ref().map_or(String::new(), |f| format!("{f}:"));
        match tree {
            Tree::Bool(clauses) => {
                let one = |(occur, tree): &(Occur, Tree)| {
                    let sign = match occur {
                        Occur::Should => "",
                        Occur::Must => "+",
                        Occur::MustNot => "-",
                    };
                    if matches!(tree, Tree::Bool(_)) {
                        format!("{sign}({})", print(tree))
                    } else {
                        format!("{sign}{}", print(tree))
                    }
                };
                clauses.iter().map(one).collect::<Vec<_>>().join(" ")
            }
            Tree::Boosted(tree, boost) => format!("({})^{boost}", print(tree)),
            Tree::Text { field, text, is_run: true } => format!("{}<{text}>", of(field)),
            Tree::Text { field, text, .. } => format!("{}{text}", of(field)),
            Tree::Phrase { field, text, slop } => {
                let slop = slop.map_or(String::new(), |slop| format!("~{slop}"));
                format!("{}\"{text}\"{slop}", of(field))
            }
            Tree::Fuzzy { field, text, edits } => {
                format!("{}{text}~{}", of(field), edits.map_or(String::new(), |e| e.to_string()))
            }
            Tree::Prefix { field, text } => format!("{}{text}*", of(field)),
            Tree::Wildcard { field, pattern } => format!("{}{pattern}", of(field)),
            Tree::Regexp { field, pattern } => format!("{}/{pattern}/", of(field)),
            Tree::Range { field, low, high } => {
                let (low, with_low) = low.clone().unwrap_or(("*".to_owned(), true));
                let (high, with_high) = high.clone().unwrap_or(("*".to_owned(), true));
                let open = if with_low { '[' } else { '{' };
                format!("{}{open}{low} TO {high}{}", of(field), if with_high { ']' } else { '}' })
            }
        }
    }

    fn check(text: &str, want: &str) {
        for (default_and, want) in [false, true].into_iter().zip(want.split(" / ")) {
            let have = match parse(text, default_and) {
                Ok(Some(tree)) => print(&tree),
                Ok(None) => "nothing".to_owned(),
                Err(_) => "error".to_owned(),
            };
            assert_eq!(have, want, "{text}");
        }
    }

    #[test]
    fn operators_have_no_precedence() {
        check("a", "a / a");
        check("a b", "<a b> / <a b>");
        check("a OR b AND c", "a +b +c / a +b +c");
        check("a AND b OR c", "+a +b c / +a b c");
        check("a b AND c", "a +b +c / +a +b +c");
        check("+a -b !c NOT d", "+a -b -c -d / +a -b -c -d");
        check("a && b || c", "+a +b c / +a b c");
        check("-a", "-a");
        check("a AND NOT b", "+a -b");
        check("f:(a OR b) c", "(f:a f:b) c");
        check("(a b)^2 c", "(<a b>)^2 c");
        check("a b c:d e f", "<a b> c:d <e f>");
        check("NOT (a OR b)", "-(a b)");
    }

    #[test]
    fn terms_of_every_kind() {
        check("\"x y\"~2", "\"x y\"~2");
        check("a~1 b~ c~0.5 d~2^3", "a~1 b~ c~2 (d~2)^3");
        check("f:[400 TO 499]", "f:[400 TO 499]");
        check("f:{400 TO *}", "f:{400 TO *]");
        check("f:[\"a b\" TO c}", "f:[a b TO c}");
        check("f:>=10", "f:>=10");
        check("f:a*b?", "f:a*b?");
        check("f:a* *", "f:a* *");
        check("*:*", "*:*");
        check("_exists_:f", "_exists_:f");
        check("/re[a-z]+/", "/re[a-z]+/");
        check("f.\\*:x", "f.*:x");
        check("a\\:b \\u0041", "<a:b A>");
        check("a\\*", "a*");
        check("http-nio-1 a+b", "<http-nio-1 a+b>");
        check("2026-01-01", "2026-01-01");
        check("", "nothing");
        check("  ", "nothing");
    }

    #[test]
    fn what_is_pasted_from_logs_is_refused() {
        for text in [
            "path:/var/log/*",
            "12:30:01",
            "[ERROR] failed",
            "https://x/a?b=c",
            "a AND",
            "\"a",
            "(a",
            "a)",
            "a -",
            "()",
            "a^x",
            "a\\",
            "AND a",
            "f:",
            "a~1.5",
            "]",
            "a OR OR b",
        ] {
            assert!(parse(text, false).is_err(), "{text}: {:?}", parse(text, false));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&deep(DEPTH_MAX), false).is_ok());
        assert!(parse(&deep(DEPTH_MAX + 1), false).is_err());
        assert!(parse(&"a".repeat(TEXT_MAX), false).is_ok());
        assert!(parse(&"a".repeat(TEXT_MAX + 1), false).is_err());
    }
}
