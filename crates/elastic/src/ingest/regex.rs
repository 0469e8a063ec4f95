//! Regular expressions as pipelines write them (Java's, and Ruby's for grok), on an engine of linear time.
//!
//! Atomic groups and possessive quantifiers become plain ones: there is no backtracking that they could save. Look-around and back references cannot be
//! had in linear time and are refused.

use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;

use super::limits::{REGEX_MAX, REGEX_PROGRAM_MAX};

/// Whose rules a pattern follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Java,
    /// Only named groups are captured, `^` and `$` stand for lines, and `(?m)` lets a dot be a newline.
    Ruby,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// The groups' names, from group 1 on; empty for one without.
    pub(crate) names: Vec<String>,
}

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    /// What is wrong with it, or not supported.
    pub(crate) fn compile(text: &str, dialect: Dialect) -> Result<Self, String> {
        if text.len() > REGEX_MAX {
            return Err(format!("the regular expression is longer than {REGEX_MAX} bytes"));
        }
        let (translated, names) = translate(text, dialect)?;
        let config = Regex::config()
            .nfa_size_limit(Some(REGEX_PROGRAM_MAX))
            .onepass_size_limit(Some(REGEX_PROGRAM_MAX));
        let syntax = syntax::Config::new().multi_line(dialect == Dialect::Ruby).nest_limit(200);
        let regex = Regex::builder().configure(config).syntax(syntax).build(&translated);
        match regex {
            Ok(regex) => Ok(Self { regex, names }),
            Err(error) => match error.syntax_error() {
                // Its last line says what; those before it draw where.
                Some(syntax) => {
                    let text = syntax.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    Err(last.trim_start_matches("error: ").to_owned())
                }
                None => Err(match error.size_limit() {
                    Some(limit) => format!("compiled, it exceeds the size limit of {limit} bytes"),
                    None => error.to_string(),
                }),
            },
        }
    }

    /// The groups of the first match.
    pub(crate) fn captures(&self, text: &str) -> Option<Captures> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(text, &mut captures);
        captures.is_match().then_some(captures)
    }

    /// The parts of `text` between matches, as Java splits: without empty ones at the end.
    pub(crate) fn split<'t>(&self, text: &'t str, limit: usize) -> Vec<&'t str> {
        let mut parts = Vec::new();
        let mut from = 0;
        for found in self.regex.find_iter(text) {
            if limit > 0 && parts.len() + 1 == limit {
                break;
            }
            // An empty match at the start makes no part.
            if found.end() == 0 {
                continue;
            }
            if found.start() == text.len() && found.is_empty() {
                break;
            }
            parts.push(&text[from..found.start()]);
            from = found.end();
        }
        if parts.is_empty() {
            return vec![text];
        }
        parts.push(&text[from..]);
        if limit == 0 {
            while parts.last().is_some_and(|part| part.is_empty()) {
                parts.pop();
            }
        }
        parts
    }
}

/// Reads a pattern and writes it for our engine.
struct Translator<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    out: String,
    names: Vec<String>,
    dialect: Dialect,
    /// Open classes.
    classes: usize,
    /// What was read last was a quantifier.
    quantified: bool,
}

fn translate(text: &str, dialect: Dialect) -> Result<(String, Vec<String>), String> {
    let mut translator = Translator {
        rest: text.chars().peekable(),
        out: String::with_capacity(text.len() + 16),
        names: Vec::new(),
        dialect,
        classes: 0,
        quantified: false,
    };
    while let Some(letter) = translator.rest.next() {
        let quantified = std::mem::take(&mut translator.quantified);
        if translator.classes > 0 && letter != '\\' {
            translator.in_class(letter);
            continue;
        }
        match letter {
            '\\' => translator.escape()?,
            '[' => translator.open_class(),
            '(' => translator.group()?,
            // Possessive: plain here.
            '+' if quantified => {}
            '?' if quantified => translator.out.push('?'),
            '*' | '+' | '?' => {
                translator.out.push(letter);
                translator.quantified = true;
            }
            '{' => translator.repetition(),
            other => translator.out.push(other),
        }
    }
    Ok((translator.out, translator.names))
}

impl Translator<'_> {
    fn open_class(&mut self) {
        self.classes += 1;
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str("\\]");
        }
    }

    fn in_class(&mut self, letter: char) {
        match letter {
            '[' if self.rest.peek() == Some(&':') => {
                self.out.push('[');
                for next in self.rest.by_ref() {
                    self.out.push(next);
                    if next == ']' {
                        break;
                    }
                }
            }
            '[' => self.open_class(),
            ']' => {
                self.classes -= 1;
                self.out.push(']');
            }
            // Operators of our engine alone.
            '-' | '~' if self.rest.peek() == Some(&letter) => {
                self.out.push('\\');
                self.out.push(letter);
            }
            other => self.out.push(other),
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(letter) = self.rest.next() else {
            return Err("the regular expression ends with a backslash".to_owned());
        };
        let in_class = self.classes > 0;
        let class =
            |members: &str| if in_class { members.to_owned() } else { format!("[{members}]") };
        let text = match (letter, self.dialect) {
            ('1'..='9' | 'k', _) if !in_class => {
                return Err(format!("the back reference \\{letter} is not supported"));
            }
            ('G' | 'K' | 'X', _) => return Err(format!("\\{letter} is not supported")),
            ('Z', _) => "(?:\\n?\\z)".to_owned(),
            ('R', _) => "(?:\\r\\n|\\n|\\r)".to_owned(),
            ('e', _) => "\\x1B".to_owned(),
            ('h', Dialect::Ruby) => class("0-9A-Fa-f"),
            ('H', Dialect::Ruby) => "[^0-9A-Fa-f]".to_owned(),
            ('h', Dialect::Java) => class(" \\t\\u{A0}\\u{2000}-\\u{200A}"),
            ('d', Dialect::Java) => class("0-9"),
            ('D', Dialect::Java) => "[^0-9]".to_owned(),
            ('w', Dialect::Java) => class("0-9A-Za-z_"),
            ('W', Dialect::Java) => "[^0-9A-Za-z_]".to_owned(),
            ('s', Dialect::Java) => class(" \\t\\n\\x0B\\f\\r"),
            ('S', Dialect::Java) => "[^ \\t\\n\\x0B\\f\\r]".to_owned(),
            ('Q', Dialect::Java) => self.quoted(),
            ('<' | '>', _) => letter.to_string(),
            (other, _) if !other.is_ascii() => other.to_string(),
            (other, _) => format!("\\{other}"),
        };
        self.out.push_str(&text);
        Ok(())
    }

    /// `\Q…\E`
    fn quoted(&mut self) -> String {
        let mut literal = String::new();
        while let Some(letter) = self.rest.next() {
            if letter == '\\' && self.rest.next_if_eq(&'E').is_some() {
                break;
            }
            literal.push(letter);
        }
        regex_syntax::escape(&literal)
    }

    fn group(&mut self) -> Result<(), String> {
        if self.rest.next_if_eq(&'?').is_none() {
            match self.dialect {
                Dialect::Java => {
                    self.names.push(String::new());
                    self.out.push('(');
                }
                Dialect::Ruby => self.out.push_str("(?:"),
            }
            return Ok(());
        }
        match self.rest.next() {
            Some(':' | '>') => self.out.push_str("(?:"),
            Some('=' | '!') => return Err("look-ahead is not supported".to_owned()),
            Some('#') => while self.rest.next().is_some_and(|letter| letter != ')') {},
            Some('P') if self.rest.next_if_eq(&'<').is_some() => self.named()?,
            Some('<') => self.named()?,
            Some(flag) => self.flags(flag)?,
            None => return Err("a group has no end".to_owned()),
        }
        Ok(())
    }

    fn named(&mut self) -> Result<(), String> {
        if matches!(self.rest.peek(), Some('=' | '!')) {
            return Err("look-behind is not supported".to_owned());
        }
        let mut name = String::new();
        for letter in self.rest.by_ref() {
            if letter == '>' {
                self.names.push(name);
                self.out.push('(');
                return Ok(());
            }
            name.push(letter);
        }
        Err("a group's name has no end".to_owned())
    }

    fn flags(&mut self, first: char) -> Result<(), String> {
        self.out.push_str("(?");
        let mut next = Some(first);
        while let Some(flag) = next {
            match (flag, self.dialect) {
                (')' | ':', _) => {
                    self.out.push(flag);
                    return Ok(());
                }
                ('m', Dialect::Ruby) => self.out.push('s'),
                ('i' | 'x' | '-', _) | ('m' | 's', Dialect::Java) => self.out.push(flag),
                ('u', Dialect::Java) => {}
                (other, _) => return Err(format!("the flag (?{other}) is not supported")),
            }
            next = self.rest.next();
        }
        Err("flags have no end".to_owned())
    }

    /// `{2}`, `{2,}`, `{2,3}`; a brace that is none of these means itself.
    fn repetition(&mut self) {
        let ahead: String =
            self.rest.clone().take_while(|letter| *letter != '}').take(16).collect();
        let is_bound =
            |part: &str| part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit());
        let (min, max) = match ahead.split_once(',') {
            Some((min, max)) => (min, Some(max)),
            None => (ahead.as_str(), None),
        };
        let closed = self.rest.clone().nth(ahead.chars().count()) == Some('}');
        let counted = !min.is_empty() || max.is_some_and(|max| !max.is_empty());
        if !closed || !counted || !is_bound(min) || !max.is_none_or(is_bound) {
            self.out.push_str("\\{");
            return;
        }
        self.out.push('{');
        if min.is_empty() {
            self.out.push('0');
        }
        for letter in self.rest.by_ref() {
            self.out.push(letter);
            if letter == '}' {
                break;
            }
        }
        self.quantified = self.dialect == Dialect::Java || self.rest.peek() == Some(&'?');
    }
}
