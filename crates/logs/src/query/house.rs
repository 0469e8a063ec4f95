//! The house language: a query as text that reads back as the same query.
//!
//! `term(field: level, value: error)` — a name, then its options in parentheses; lists in brackets; texts bare where they are plain words, else in quotes as
//! JSON writes them. A query with a boost or a name is `(term: (field: level, value: error), boost: 2.0, name: a)`.

use std::fmt;

use serde_json::{Map, Value};

use super::{Query, TEXT_MAX};

/// Deepest parenthesis in a text: a query of [`super::DEPTH_MAX`] with its lists and options.
const NESTING_MAX: usize = 128;

/// A text that is no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {what}")]
pub struct ParseError {
    pub at: usize,
    pub what: String,
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(&serde_json::to_value(self).map_err(|_| fmt::Error)?, f)
    }
}

impl std::str::FromStr for Query {
    type Err = ParseError;

    /// Reads what `Display` prints.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() > TEXT_MAX {
            return Err(ParseError {
                at: TEXT_MAX,
                what: format!("the query is longer than {TEXT_MAX} bytes"),
            });
        }
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.blanks();
        if reader.at < text.len() {
            return Err(reader.error("something stands behind the query"));
        }
        serde_json::from_value(value).map_err(|error| ParseError { at: 0, what: error.to_string() })
    }
}

/// Whether `text` may stand without quotes: it cannot be taken for a number, a constant, or syntax.
fn is_bare(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_' || first == '@')
        && letters.all(|letter| letter.is_alphanumeric() || "_.-@".contains(letter))
        && !matches!(text, "true" | "false" | "null")
}

fn print_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if is_bare(text) { f.write_str(text) } else { write!(f, "{}", Value::from(text)) }
}

fn print(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => write!(f, "{value}"),
        Value::String(text) => print_text(text, f),
        Value::Array(items) => {
            f.write_str("[")?;
            for (at, item) in items.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { ", " })?;
                print(item, f)?;
            }
            f.write_str("]")
        }
        Value::Object(members) => {
            if members.len() == 1
                && let Some((name, Value::Object(options))) = members.iter().next()
            {
                print_text(name, f)?;
                return print_members(options, f);
            }
            print_members(members, f)
        }
    }
}

fn print_members(members: &Map<String, Value>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("(")?;
    for (at, (key, value)) in members.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { ", " })?;
        print_text(key, f)?;
        f.write_str(": ")?;
        print(value, f)?;
    }
    f.write_str(")")
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self, what: impl Into<String>) -> ParseError {
        ParseError { at: self.at, what: what.into() }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes `what` if it is next.
    fn take(&mut self, what: char) -> bool {
        self.blanks();
        let is = self.rest().starts_with(what);
        if is {
            self.at += what.len_utf8();
        }
        is
    }

    fn value(&mut self, depth: usize) -> Result<Value, ParseError> {
        if depth > NESTING_MAX {
            return Err(self.error(format!("nested deeper than {NESTING_MAX}")));
        }
        if self.take('[') {
            return self.list(depth);
        }
        self.blanks();
        if self.rest().starts_with('(') {
            return Ok(Value::Object(self.members(depth)?));
        }
        let (value, quoted) = self.scalar()?;
        self.blanks();
        if !self.rest().starts_with('(') {
            return Ok(value);
        }
        let (Value::String(name), _) = (value, quoted) else {
            return Err(self.error("a name has to stand before a parenthesis"));
        };
        let options = self.members(depth)?;
        Ok(Value::Object(Map::from_iter([(name, Value::Object(options))])))
    }

    fn list(&mut self, depth: usize) -> Result<Value, ParseError> {
        let mut items = Vec::new();
        if self.take(']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(']') {
                return Ok(Value::Array(items));
            }
            if !self.take(',') {
                return Err(self.error("`,` or `]` is missing"));
            }
        }
    }

    fn members(&mut self, depth: usize) -> Result<Map<String, Value>, ParseError> {
        let mut members = Map::new();
        if !self.take('(') {
            return Err(self.error("`(` is missing"));
        }
        if self.take(')') {
            return Ok(members);
        }
        loop {
            self.blanks();
            let (Value::String(key), _) = self.scalar()? else {
                return Err(self.error("an option's name is missing"));
            };
            if !self.take(':') {
                return Err(self.error("`:` is missing"));
            }
            let value = self.value(depth + 1)?;
            if members.insert(key, value).is_some() {
                return Err(self.error("an option stands there twice"));
            }
            if self.take(')') {
                return Ok(members);
            }
            if !self.take(',') {
                return Err(self.error("`,` or `)` is missing"));
            }
        }
    }

    /// A text, number, or constant; whether it was a quoted text.
    fn scalar(&mut self) -> Result<(Value, bool), ParseError> {
        self.blanks();
        if self.rest().starts_with('"') {
            let mut stream = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
            let text = stream.next().and_then(Result::ok);
            let len = stream.byte_offset();
            let text = text.ok_or_else(|| self.error("a text without an end"))?;
            self.at += len;
            return Ok((Value::String(text), true));
        }
        let len = self
            .rest()
            .find(|letter: char| letter.is_whitespace() || "()[],:\"".contains(letter))
            .unwrap_or(self.rest().len());
        let word = &self.rest()[..len];
        let value = if is_bare(word) {
            Value::from(word)
        } else {
            serde_json::from_str(word).map_err(|_| self.error(format!("{word:?} is no value")))?
        };
        self.at += len;
        Ok((value, false))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::{Bool, Match, MinimumShouldMatch, Node, Operator, Range};
    use super::*;

    fn check(query: &Query, want: &Expect) {
        let text = query.to_string();
        want.assert_eq(&text);
        assert_eq!(text.parse::<Query>().as_ref(), Ok(query));
    }

    #[test]
    fn a_query_reads_back_as_itself() {
        check(&Query::default(), &expect!["match_all()"]);
        check(
            &Query::term("a b", "true").boosted(0.1).named("n"),
            &expect![[
                r#"(term: (field: "a b", value: "true"), boost: 0.10000000149011612, name: n)"#
            ]],
        );
        let words = Match {
            field: "message".to_owned(),
            query: 12.into(),
            operator: Operator::And,
            ..Match::default()
        };
        let range = Range {
            field: "@timestamp".to_owned(),
            gte: Some("now-1d/d".into()),
            lt: Some(5.into()),
            ..Range::default()
        };
        let both = Bool {
            must: vec![Node::Match(words).into()],
            filter: vec![Node::Range(range).into(), Query::term("로그", "\"(\n")],
            minimum_should_match: MinimumShouldMatch::parse("2<75%"),
            ..Bool::default()
        };
        check(
            &Node::Bool(both).into(),
            &expect![[
                r#"bool(must: [match(field: message, query: 12, operator: and)], filter: [range(field: @timestamp, gte: "now-1d/d", lt: 5), term(field: 로그, value: "\"(\n")], minimum_should_match: "2<75%")"#
            ]],
        );
    }

    #[test]
    fn broken_texts_say_where() {
        let check = |text: &str, want: Expect| {
            want.assert_eq(&text.parse::<Query>().unwrap_err().to_string());
        };
        check("", expect![[r#"at byte 0: "" is no value"#]]);
        check("term(field", expect!["at byte 10: `:` is missing"]);
        check("term(field: a, value: 1", expect!["at byte 23: `,` or `)` is missing"]);
        check("match_all() x", expect!["at byte 12: something stands behind the query"]);
        check("term(field: \"a)", expect!["at byte 12: a text without an end"]);
        check(
            "term(feld: a)",
            expect![
                "at byte 0: unknown field `feld`, expected one of `field`, `value`, `case_insensitive`"
            ],
        );
    }

    #[test]
    fn nesting_and_length_are_bounded() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let what = |text: &str| text.parse::<Query>().unwrap_err().what;
        assert!(!what(&nested(NESTING_MAX)).contains("nested deeper"));
        assert!(what(&nested(NESTING_MAX + 1)).contains("nested deeper"));
        assert!(what(&" ".repeat(TEXT_MAX + 1)).contains("longer than"));
        assert!(!what(&" ".repeat(TEXT_MAX)).contains("longer than"));
    }
}
