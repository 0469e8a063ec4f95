//! Lucene's language of regular expressions, brought into the regex crates' syntax.
//!
//! `&` and `~` have no counterpart there: they are answered where they stand outermost, and refused inside of other expressions.

use super::QueryError;
use super::pattern::{Matcher, PATTERN_MAX, push_letter};

/// Which optional operators count.
#[derive(Debug, Clone, Copy)]
struct Flags {
    complement: bool,
    intersection: bool,
    interval: bool,
    any_string: bool,
    empty: bool,
}

impl Flags {
    fn parse(text: Option<&str>) -> Result<Self, QueryError> {
        let mut flags = Self {
            complement: false,
            intersection: false,
            interval: false,
            any_string: false,
            empty: false,
        };
        for name in text.unwrap_or("ALL").split('|') {
            match name.trim().to_ascii_uppercase().as_str() {
                "ALL" => {
                    flags = Self {
                        complement: true,
                        intersection: true,
                        interval: true,
                        any_string: true,
                        empty: true,
                    }
                }
                "NONE" | "" => {}
                "COMPLEMENT" => flags.complement = true,
                "INTERSECTION" => flags.intersection = true,
                "INTERVAL" => flags.interval = true,
                "ANYSTRING" => flags.any_string = true,
                "EMPTY" => flags.empty = true,
                other => return Err(QueryError::Illegal(format!("Unknown regexp flag [{other}]"))),
            }
        }
        Ok(flags)
    }
}

/// The matcher of a regular expression, which a whole value has to follow.
pub(super) fn matcher(
    pattern: &str,
    flags: Option<&str>,
    fold: bool,
) -> Result<Matcher, QueryError> {
    if pattern.chars().count() > PATTERN_MAX {
        return Err(QueryError::Illegal(format!(
            "The length of regex [{}] used in the Regexp Query request has exceeded the allowed maximum of [{PATTERN_MAX}]. This maximum can be set by changing the [index.max_regex_length] index level setting.",
            pattern.chars().count()
        )));
    }
    let letters: Vec<char> = pattern.chars().collect();
    let parser = Parser { pattern, letters, at: 0, flags: Flags::parse(flags)?, fold };
    parser.whole()
}

struct Parser<'a> {
    pattern: &'a str,
    letters: Vec<char>,
    at: usize,
    flags: Flags,
    fold: bool,
}

/// Deepest parenthesis.
const NESTING_MAX: usize = 50;

impl Parser<'_> {
    fn error<T>(&self, what: &str) -> Result<T, QueryError> {
        Err(QueryError::Pattern {
            pattern: self.pattern.to_owned(),
            what: format!("{what} at position {}", self.at),
        })
    }

    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn take(&mut self, letter: char) -> bool {
        let is = self.peek() == Some(letter);
        self.at += usize::from(is);
        is
    }

    /// The outermost level: `a&b` and `~a` are matchers of their own.
    fn whole(mut self) -> Result<Matcher, QueryError> {
        let mut all = Vec::new();
        loop {
            let negated = self.flags.complement && self.take('~');
            let regex = self.union(0)?;
            let one = Matcher::regex(self.pattern, &regex)?;
            all.push(if negated { Matcher::Not(Box::new(one)) } else { one });
            if !(self.flags.intersection && self.take('&')) {
                break;
            }
        }
        if self.at < self.letters.len() {
            return self.error("end-of-string expected");
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Matcher::All(all) })
    }

    fn union(&mut self, depth: usize) -> Result<String, QueryError> {
        if depth > NESTING_MAX {
            return self.error("nested too deep");
        }
        let mut regex = String::new();
        loop {
            self.concat(depth, &mut regex)?;
            if !self.take('|') {
                return Ok(regex);
            }
            regex.push('|');
        }
    }

    fn concat(&mut self, depth: usize, regex: &mut String) -> Result<(), QueryError> {
        while let Some(letter) = self.peek() {
            let ends = match letter {
                '|' | ')' => true,
                '&' => self.flags.intersection,
                _ => false,
            };
            if ends {
                break;
            }
            self.repeated(depth, regex)?;
        }
        if depth > 0 && self.flags.intersection && self.peek() == Some('&') {
            return Err(QueryError::Unsupported("`&` inside of a group of a regexp".to_owned()));
        }
        Ok(())
    }

    fn repeated(&mut self, depth: usize, regex: &mut String) -> Result<(), QueryError> {
        let mut one = String::new();
        self.atom(depth, &mut one)?;
        while let Some(operator @ ('?' | '*' | '+' | '{')) = self.peek() {
            self.at += 1;
            let suffix = if operator == '{' { self.counts()? } else { operator.to_string() };
            // A group of its own, so that `a*?` is no lazy star.
            one = format!("(?:{one}){suffix}");
        }
        regex.push_str(&one);
        Ok(())
    }

    fn number(&mut self) -> Result<u32, QueryError> {
        let start = self.at;
        while self.peek().is_some_and(|letter| letter.is_ascii_digit()) {
            self.at += 1;
        }
        let digits: String = self.letters[start..self.at].iter().collect();
        match digits.parse() {
            Ok(number) => Ok(number),
            Err(_) => self.error("integer expected"),
        }
    }

    fn counts(&mut self) -> Result<String, QueryError> {
        let low = self.number()?;
        let counts = if self.take(',') {
            if self.peek() == Some('}') {
                format!("{{{low},}}")
            } else {
                let high = self.number()?;
                if low > high {
                    return self.error("invalid repetition range");
                }
                format!("{{{low},{high}}}")
            }
        } else {
            format!("{{{low}}}")
        };
        if self.take('}') { Ok(counts) } else { self.error("expected '}'") }
    }

    fn atom(&mut self, depth: usize, regex: &mut String) -> Result<(), QueryError> {
        let Some(letter) = self.peek() else { return self.error("unexpected end-of-string") };
        self.at += 1;
        match letter {
            '.' => regex.push('.'),
            '#' if self.flags.empty => regex.push_str("[^\\s\\S]"),
            '@' if self.flags.any_string => regex.push_str("(?:.*)"),
            '~' if self.flags.complement => {
                return Err(QueryError::Unsupported("`~` inside of a regexp".to_owned()));
            }
            '"' => {
                while let Some(letter) = self.peek().filter(|letter| *letter != '"') {
                    push_letter(regex, letter, self.fold);
                    self.at += 1;
                }
                if !self.take('"') {
                    return self.error("expected '\"'");
                }
            }
            '(' => {
                let inner =
                    if self.peek() == Some(')') { String::new() } else { self.union(depth + 1)? };
                if !self.take(')') {
                    return self.error("expected ')'");
                }
                regex.push_str(&format!("(?:{inner})"));
            }
            '[' => self.class(regex)?,
            '<' if self.flags.interval => self.interval(regex)?,
            '\\' => self.escape(regex)?,
            '?' | '*' | '+' | '{' => {
                // A repetition of nothing is its own letter.
                push_letter(regex, letter, self.fold);
            }
            letter => push_letter(regex, letter, self.fold),
        }
        Ok(())
    }

    fn escape(&mut self, regex: &mut String) -> Result<(), QueryError> {
        let Some(letter) = self.peek() else { return self.error("unexpected end-of-string") };
        self.at += 1;
        match letter {
            'd' => regex.push_str("[0-9]"),
            'D' => regex.push_str("[^0-9]"),
            's' => regex.push_str("[ \\t\\n\\r]"),
            'S' => regex.push_str("[^ \\t\\n\\r]"),
            'w' => regex.push_str("[A-Za-z0-9_]"),
            'W' => regex.push_str("[^A-Za-z0-9_]"),
            other => push_letter(regex, other, self.fold),
        }
        Ok(())
    }

    fn class(&mut self, regex: &mut String) -> Result<(), QueryError> {
        let negated = self.take('^');
        regex.push_str(if negated { "[^" } else { "[" });
        let mut first = true;
        while first || self.peek() != Some(']') {
            first = false;
            let low = self.class_letter(regex)?;
            let Some(low) = low else { continue };
            let mut high = low;
            if self.peek() == Some('-') && self.letters.get(self.at + 1) != Some(&']') {
                self.at += 1;
                match self.class_letter(regex)? {
                    Some(letter) if letter >= low => high = letter,
                    _ => return self.error("invalid range"),
                }
            }
            push_range(regex, low, high, self.fold);
        }
        self.at += 1;
        regex.push(']');
        Ok(())
    }

    /// A letter of a class; `None` when it was a class itself, which is in `regex` already.
    fn class_letter(&mut self, regex: &mut String) -> Result<Option<char>, QueryError> {
        let Some(letter) = self.peek() else { return self.error("expected ']'") };
        self.at += 1;
        if letter != '\\' {
            return Ok(Some(letter));
        }
        match self.peek() {
            Some('d' | 'w' | 's' | 'D' | 'W' | 'S') => {
                self.escape(regex)?;
                Ok(None)
            }
            Some(letter) => {
                self.at += 1;
                Ok(Some(letter))
            }
            None => self.error("unexpected end-of-string"),
        }
    }

    /// `<1-20>`: a number between two; with as many digits as the ends when those have the same.
    fn interval(&mut self, regex: &mut String) -> Result<(), QueryError> {
        let start = self.at;
        let low = self.number()?;
        let low_len = self.at - start;
        if !self.take('-') {
            return self.error("illegal interval");
        }
        let start = self.at;
        let high = self.number()?;
        let high_len = self.at - start;
        if !self.take('>') {
            return self.error("expected '>'");
        }
        let (low, high) = (low.min(high), low.max(high));
        let width = if low_len == high_len { low_len } else { 0 };
        // Bounded: the automaton's limit refuses larger ones anyway.
        if high - low > 10_000 {
            return Err(QueryError::Unsupported(
                "an interval of more than 10000 numbers".to_owned(),
            ));
        }
        let numbers: Vec<String> = (low..=high).map(|number| format!("{number:0width$}")).collect();
        let zeros = if width == 0 { "0*" } else { "" };
        regex.push_str(&format!("(?:{zeros}(?:{}))", numbers.join("|")));
        Ok(())
    }
}

fn push_range(regex: &mut String, low: char, high: char, fold: bool) {
    let mut push = |low: char, high: char| {
        for (at, letter) in [low, high].into_iter().enumerate() {
            regex.push_str(if at == 0 { "" } else { "-" });
            if letter.is_alphanumeric() {
                regex.push(letter);
            } else {
                regex.push_str(&format!("\\x{{{:x}}}", u32::from(letter)));
            }
        }
    };
    push(low, high);
    if !fold {
        return;
    }
    for (from, to, shift) in [('a', 'z', -32), ('A', 'Z', 32)] {
        let (low, high) = (low.max(from), high.min(to));
        if low <= high {
            let shifted = |letter: char| {
                u32::from(letter)
                    .checked_add_signed(shift)
                    .and_then(char::from_u32)
                    .unwrap_or(letter)
            };
            push(shifted(low), shifted(high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let matcher = matcher(pattern, None, false).unwrap_or_else(|error| panic!("{error}"));
        yes.iter().for_each(|text| assert!(matcher.is(text), "{pattern} {text}"));
        no.iter().for_each(|text| assert!(!matcher.is(text), "{pattern} {text}"));
    }

    #[test]
    fn expressions() {
        check("a.c", &["abc", "a\nc"], &["ac", "abcd", "xabc"]);
        check("ab{2,3}", &["abb", "abbb"], &["ab", "abbbb"]);
        check("a{2}", &["aa"], &["a", "aaa"]);
        check("(ab|c)*", &["", "abc"], &["a"]);
        check("[a-c^]+", &["abc^"], &["d"]);
        check("[^a-c]", &["d", "]"], &["a"]);
        check("[]]", &["]"], &["a"]);
        check("\"a.*\"b", &["a.*b"], &["axb"]);
        check("a\\.b", &["a.b"], &["axb"]);
        check("\\d+\\w", &["12a"], &["a"]);
        check("<1-20>", &["1", "20", "007"], &["0", "21"]);
        check("<01-20>", &["01", "20"], &["1"]);
        check("@x", &["x", "abx"], &["xa"]);
        check("~abc", &["", "abcd"], &["abc"]);
        check("a.*&.*b", &["ab", "axb"], &["a", "b"]);
        check("a|b", &["a", "b"], &["ab"]);
        check("", &[""], &["a"]);
        check("$^/-", &["$^/-"], &[]);
    }

    #[test]
    fn both_cases() {
        let matcher = matcher("a[b-d]\"x\"", None, true).unwrap();
        assert!(matcher.is("ACX") && matcher.is("abx") && !matcher.is("aex"));
    }

    #[test]
    fn broken_ones() {
        for broken in ["(a", "[a", "a{", "a{2", "\"a", "a\\", "a{3,2}", "a)"] {
            assert!(matcher(broken, None, false).is_err(), "{broken}");
        }
        assert!(matcher(&"a".repeat(PATTERN_MAX), None, false).is_ok());
        assert!(matcher(&"a".repeat(PATTERN_MAX + 1), None, false).is_err());
        let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(matcher(&deep(NESTING_MAX), None, false).is_ok());
        assert!(matcher(&deep(NESTING_MAX + 1), None, false).is_err());
    }
}
