//! Text → tokens, one at a time.
//!
//! Every token's range lies on character boundaries; after an error or the end the lexer stays there.

use crate::ast::{AggregateOp, Span};
use crate::quote::{quote_char, quote_str};

/// A word with a meaning; also a name wherever the grammar allows a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Aggregate(AggregateOp),
    And,
    Or,
    Unless,
    Atan2,
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Start,
    End,
    Step,
    Range,
    MinOf,
    MaxOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Eof,
    /// A name without a colon.
    Ident,
    /// A name with a colon.
    MetricIdent,
    Number,
    Duration,
    /// With its quotes.
    Str,
    Word(Word),
    Comma,
    Colon,
    LParen,
    RParen,
    LBrace,
    RBrace,
    LBracket,
    RBracket,
    /// `=`.
    Eql,
    /// `==`.
    EqlC,
    EqlRegex,
    Neq,
    NeqRegex,
    Lss,
    Lte,
    Gtr,
    Gte,
    TrimUpper,
    TrimLower,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// What the lexer found wrong, from `position` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LexError {
    pub(crate) position: usize,
    pub(crate) message: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    input: &'a str,
    /// Where the token being read starts.
    start: usize,
    pos: usize,
    paren_depth: usize,
    in_braces: bool,
    in_brackets: bool,
    /// Between `[` and the first number after it, where fewer characters are allowed.
    in_duration: bool,
    got_colon: bool,
    /// A number stood directly after some `[`; a step without a range before it is refused by this.
    got_duration: bool,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(input: &'a str) -> Self {
        Self {
            input,
            start: 0,
            pos: 0,
            paren_depth: 0,
            in_braces: false,
            in_brackets: false,
            in_duration: false,
            got_colon: false,
            got_duration: false,
        }
    }

    /// The next token; [`Kind::Eof`] again and again at the end.
    pub(crate) fn next(&mut self) -> Result<Token, LexError> {
        self.skip_blank();
        self.start = self.pos;
        let kind = if self.in_braces {
            self.inside_braces()?
        } else if self.in_duration {
            self.duration_expression()?
        } else {
            self.statement()?
        };
        Ok(Token { kind, span: Span { start: self.start, end: self.pos } })
    }

    fn rest(&self) -> &'a str {
        self.input.get(self.pos..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, set: &str) -> bool {
        let hit = self.peek().is_some_and(|c| set.contains(c));
        if hit {
            self.pos += 1;
        }
        hit
    }

    fn accept_run(&mut self, set: &str) {
        while self.accept(set) {}
    }

    fn error<T>(&self, message: String) -> Result<T, LexError> {
        Err(LexError { position: self.start, message })
    }

    fn skip_blank(&mut self) {
        loop {
            self.accept_run(" \t\n\r");
            if self.peek() != Some('#') || self.in_duration {
                return;
            }
            while self.peek().is_some_and(|c| c != '\n' && c != '\r') {
                self.bump();
            }
        }
    }

    fn statement(&mut self) -> Result<Kind, LexError> {
        let Some(c) = self.bump() else { return self.end() };
        if let Some(kind) = arithmetic(c) {
            return Ok(kind);
        }
        Ok(match c {
            '@' => Kind::At,
            '=' => return self.after_equals(),
            '!' => match self.bump() {
                Some('=') => Kind::Neq,
                other => {
                    let found = quote_char(other);
                    return self.error(format!("unexpected character after '!': {found}"));
                }
            },
            '<' if self.accept("=") => Kind::Lte,
            '<' if self.accept("/") => Kind::TrimUpper,
            '<' => Kind::Lss,
            '>' if self.accept("=") => Kind::Gte,
            '>' if self.accept("/") => Kind::TrimLower,
            '>' => Kind::Gtr,
            '0'..='9' => return self.number(c),
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => return self.number(c),
            '"' | '\'' => return self.string(c),
            '`' => return self.raw_string(),
            c if is_alpha(c) || c == ':' => {
                return if self.in_brackets { self.bracket_word(c) } else { Ok(self.word()) };
            }
            '(' | ')' => return self.parenthesis(c),
            '{' => {
                self.in_braces = true;
                Kind::LBrace
            }
            '[' if self.in_brackets => {
                return self.error("unexpected left bracket '['".to_owned());
            }
            '[' => {
                self.in_brackets = true;
                self.in_duration = true;
                self.got_colon = false;
                Kind::LBracket
            }
            ']' if !self.in_brackets => {
                return self.error("unexpected right bracket ']'".to_owned());
            }
            ']' => self.close_bracket(),
            other => {
                let found = quote_char(Some(other));
                return self.error(format!("unexpected character: {found}"));
            }
        })
    }

    fn duration_expression(&mut self) -> Result<Kind, LexError> {
        let Some(c) = self.bump() else {
            return self.error("unexpected end of input in duration expression".to_owned());
        };
        if let Some(kind) = arithmetic(c) {
            return Ok(kind);
        }
        match c {
            ']' => Ok(self.close_bracket()),
            '(' | ')' => self.parenthesis(c),
            ':' => {
                self.start = self.pos;
                if !self.got_duration {
                    return self.error(
                        "unexpected colon before duration in duration expression".to_owned(),
                    );
                }
                if self.got_colon {
                    return self
                        .error("unexpected repeated colon in duration expression".to_owned());
                }
                self.start -= 1;
                self.got_colon = true;
                Ok(Kind::Colon)
            }
            '0'..='9' => self.first_number(c),
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => self.first_number(c),
            other => match self.duration_word(other) {
                Some(kind) => Ok(kind),
                None => {
                    let found = quote_char(Some(other));
                    self.error(format!("unexpected character in duration expression: {found}"))
                }
            },
        }
    }

    fn first_number(&mut self, first: char) -> Result<Kind, LexError> {
        self.in_duration = false;
        self.got_duration = true;
        self.number(first)
    }

    fn close_bracket(&mut self) -> Kind {
        self.in_brackets = false;
        self.in_duration = false;
        Kind::RBracket
    }

    fn parenthesis(&mut self, c: char) -> Result<Kind, LexError> {
        if c == '(' {
            self.paren_depth += 1;
            return Ok(Kind::LParen);
        }
        match self.paren_depth.checked_sub(1) {
            Some(depth) => {
                self.paren_depth = depth;
                Ok(Kind::RParen)
            }
            None => {
                self.start = self.pos;
                self.error("unexpected right parenthesis ')'".to_owned())
            }
        }
    }

    /// A letter or colon inside of brackets, after the first number.
    fn bracket_word(&mut self, first: char) -> Result<Kind, LexError> {
        if first == ':' {
            if self.got_colon {
                return self.error("unexpected colon ':'".to_owned());
            }
            self.got_colon = true;
            return Ok(Kind::Colon);
        }
        match self.duration_word(first) {
            Some(kind) => Ok(kind),
            None => {
                let found = quote_char(Some(first));
                self.error(format!("unexpected character: {found}, expected ':'"))
            }
        }
    }

    /// `step`, `range`, `min_of` or `max_of`.
    fn duration_word(&mut self, first: char) -> Option<Kind> {
        if !is_alpha(first) {
            return None;
        }
        while self.peek().is_some_and(is_alpha) {
            self.bump();
        }
        let found = keyword(&self.input[self.start..self.pos])?;
        matches!(found, Kind::Word(Word::Step | Word::Range | Word::MinOf | Word::MaxOf))
            .then_some(found)
    }

    fn end(&self) -> Result<Kind, LexError> {
        if self.paren_depth > 0 {
            return self.error("unclosed left parenthesis".to_owned());
        }
        if self.in_brackets {
            return self.error("unclosed left bracket".to_owned());
        }
        Ok(Kind::Eof)
    }

    fn after_equals(&mut self) -> Result<Kind, LexError> {
        match self.peek() {
            Some('=') => {
                self.bump();
                Ok(Kind::EqlC)
            }
            Some('~') => self.error("unexpected character after '=': '~'".to_owned()),
            _ => Ok(Kind::Eql),
        }
    }

    fn inside_braces(&mut self) -> Result<Kind, LexError> {
        let Some(c) = self.bump() else {
            return self.error("unexpected end of input inside braces".to_owned());
        };
        Ok(match c {
            ',' => Kind::Comma,
            '"' | '\'' => return self.string(c),
            '`' => return self.raw_string(),
            '=' if self.accept("~") => Kind::EqlRegex,
            '=' => Kind::Eql,
            '!' => match self.bump() {
                Some('~') => Kind::NeqRegex,
                Some('=') => Kind::Neq,
                other => {
                    return self.error(format!(
                        "unexpected character after '!' inside braces: {}",
                        quote_char(other)
                    ));
                }
            },
            '{' => return self.error("unexpected left brace '{'".to_owned()),
            '}' => {
                self.in_braces = false;
                Kind::RBrace
            }
            c if is_alpha(c) => {
                while self.peek().is_some_and(is_alphanumeric) {
                    self.bump();
                }
                Kind::Ident
            }
            other => {
                return self.error(format!(
                    "unexpected character inside braces: {}",
                    quote_char(Some(other))
                ));
            }
        })
    }

    fn word(&mut self) -> Kind {
        while self.peek().is_some_and(|c| is_alphanumeric(c) || c == ':') {
            self.bump();
        }
        let word = &self.input[self.start..self.pos];
        match keyword(word) {
            // These three came late: without a parenthesis they are the names they were before.
            Some(Kind::Word(Word::Fill | Word::FillLeft | Word::FillRight))
                if !self.rest().trim_start_matches([' ', '\t', '\n', '\r']).starts_with('(') =>
            {
                Kind::Ident
            }
            Some(kind) => kind,
            None if word.contains(':') => Kind::MetricIdent,
            None => Kind::Ident,
        }
    }

    fn number(&mut self, first: char) -> Result<Kind, LexError> {
        self.pos -= first.len_utf8();
        if self.scan_number() {
            return Ok(Kind::Number);
        }
        if self.scan_duration() {
            return Ok(Kind::Duration);
        }
        let text = quote_str(&self.input[self.start..self.pos]);
        self.error(format!("bad number or duration syntax: {text}"))
    }

    /// Reads what looks like a number (the parser finds out whether it is one); false when something cannot stand where
    /// it does.
    fn scan_number(&mut self) -> bool {
        let mut digits = "0123456789";
        let hex = self.accept("0") && self.accept("xX");
        if hex {
            self.accept("_");
            digits = "0123456789abcdefABCDEF";
        }
        let mut exponent = false;
        // A leading dot does not count as the one dot that is allowed: the parser refuses the second.
        let mut dotted = false;
        self.accept(".");
        loop {
            self.accept_run(digits);
            if self.accept(".") {
                if dotted || self.accept("_.") || hex {
                    return false;
                }
                dotted = true;
            } else if self.accept("eE") {
                if exponent {
                    return false;
                }
                exponent = true;
                self.accept("+-");
                if self.accept("._eE") || self.peek().is_none() {
                    return false;
                }
            } else if self.accept("_") {
                if self.accept("._eE") || self.peek().is_none() {
                    return false;
                }
            } else {
                return !self.peek().is_some_and(is_alphanumeric);
            }
        }
    }

    /// Reads the rest of a duration whose first digits are read.
    fn scan_duration(&mut self) -> bool {
        if !self.accept("smhdwy") {
            return false;
        }
        self.accept("s");
        while self.accept("0123456789") {
            self.accept_run("0123456789");
            if !self.accept("smhdw") {
                return false;
            }
            self.accept("s");
        }
        let more = self.peek().is_some_and(is_alphanumeric);
        if more {
            self.bump();
        }
        !more
    }

    fn string(&mut self, quote: char) -> Result<Kind, LexError> {
        loop {
            match self.bump() {
                Some('\\') => self.escape(quote)?,
                None | Some('\n') => return self.error("unterminated quoted string".to_owned()),
                Some(c) if c == quote => return Ok(Kind::Str),
                Some(char::REPLACEMENT_CHARACTER) => {
                    return self.error("invalid UTF-8 rune".to_owned());
                }
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> Result<Kind, LexError> {
        match self.rest().find('`') {
            Some(len) => {
                if self.rest()[..len].contains(char::REPLACEMENT_CHARACTER) {
                    return self.error("invalid UTF-8 rune".to_owned());
                }
                self.pos += len + 1;
                Ok(Kind::Str)
            }
            None => {
                self.pos = self.input.len();
                self.error("unterminated raw string".to_owned())
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<(), LexError> {
        let (digits, base, max) = match self.bump() {
            None => return self.error("escape sequence not terminated".to_owned()),
            Some(c) if c == quote || "abfnrtv\\".contains(c) => return Ok(()),
            Some('0'..='7') => {
                self.pos -= 1;
                (3, 8, 255)
            }
            Some('x') => (2, 16, 255),
            Some('u') => (4, 16, 0x10_ffff),
            Some('U') => (8, 16, 0x10_ffff),
            Some(c) => return self.error(format!("unknown escape sequence {}", unicode(c))),
        };
        let mut value: u32 = 0;
        for _ in 0..digits {
            let Some(c) = self.bump() else {
                return self.error("escape sequence not terminated".to_owned());
            };
            let Some(digit) = c.to_digit(base) else {
                return self.error(format!("illegal character {} in escape sequence", unicode(c)));
            };
            value = value.saturating_mul(base).saturating_add(digit);
        }
        if value > max || (0xd800..0xe000).contains(&value) {
            return self.error("escape sequence is an invalid Unicode code point".to_owned());
        }
        Ok(())
    }
}

/// `U+0023 '#'`.
fn unicode(c: char) -> String {
    format!("U+{:04X} '{c}'", u32::from(c))
}

/// The characters that are the same token inside and outside of brackets.
fn arithmetic(c: char) -> Option<Kind> {
    Some(match c {
        ',' => Kind::Comma,
        '*' => Kind::Mul,
        '/' => Kind::Div,
        '%' => Kind::Mod,
        '+' => Kind::Add,
        '-' => Kind::Sub,
        '^' => Kind::Pow,
        _ => return None,
    })
}

fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}

/// The meaning of a word, in any case of letters.
fn keyword(word: &str) -> Option<Kind> {
    use AggregateOp as A;
    use Word as W;
    if word.len() > "count_values".len() {
        return None;
    }
    Some(Kind::Word(match word.to_ascii_lowercase().as_str() {
        "inf" | "nan" => return Some(Kind::Number),
        "sum" => W::Aggregate(A::Sum),
        "avg" => W::Aggregate(A::Avg),
        "count" => W::Aggregate(A::Count),
        "min" => W::Aggregate(A::Min),
        "max" => W::Aggregate(A::Max),
        "group" => W::Aggregate(A::Group),
        "stddev" => W::Aggregate(A::Stddev),
        "stdvar" => W::Aggregate(A::Stdvar),
        "topk" => W::Aggregate(A::Topk),
        "bottomk" => W::Aggregate(A::Bottomk),
        "count_values" => W::Aggregate(A::CountValues),
        "quantile" => W::Aggregate(A::Quantile),
        "limitk" => W::Aggregate(A::Limitk),
        "limit_ratio" => W::Aggregate(A::LimitRatio),
        "and" => W::And,
        "or" => W::Or,
        "unless" => W::Unless,
        "atan2" => W::Atan2,
        "offset" => W::Offset,
        "smoothed" => W::Smoothed,
        "anchored" => W::Anchored,
        "by" => W::By,
        "without" => W::Without,
        "on" => W::On,
        "ignoring" => W::Ignoring,
        "group_left" => W::GroupLeft,
        "group_right" => W::GroupRight,
        "fill" => W::Fill,
        "fill_left" => W::FillLeft,
        "fill_right" => W::FillRight,
        "bool" => W::Bool,
        "start" => W::Start,
        "end" => W::End,
        "step" => W::Step,
        "range" => W::Range,
        "min_of" => W::MinOf,
        "max_of" => W::MaxOf,
        _ => return None,
    }))
}
