//! A condition's words to its tree.

use serde_json::{Number, Value};

use super::token::{Token, tokens};
use super::{Class, Compare, Method, Node};
use crate::ingest::limits::{CONDITION_DEPTH_MAX, CONDITION_STEPS_MAX};
use crate::ingest::regex::{Dialect, Pattern};

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// Reads one expression, perhaps with `return` before it and `;` behind.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    if matches!(parser.peek(), Some(Token::Name(name)) if name == "return") {
        parser.at += 1;
    }
    let root = parser.or()?;
    parser.eat(";");
    match parser.peek() {
        None => Ok(root),
        Some(token) => Err(format!("there is more at {}", shown(token))),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Name(text) | Token::Text(text) | Token::Regex(text, _) => format!("[{text}]"),
        Token::Int(int) => format!("[{int}]"),
        Token::Float(float) => format!("[{float}]"),
        Token::Sign(sign) => format!("[{sign}]"),
    }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(have)) if *have == sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.eat(sign) {
            return Ok(());
        }
        let found = self.peek().map_or_else(|| "the end".to_owned(), shown);
        Err(format!("expected [{sign}], found {found}"))
    }

    fn or(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > CONDITION_DEPTH_MAX {
            return Err(format!("it nests deeper than {CONDITION_DEPTH_MAX} levels"));
        }
        let mut nodes = vec![self.and()?];
        while self.eat("||") {
            nodes.push(self.and()?);
        }
        self.depth -= 1;
        Ok(balanced(nodes, &|left, right| Node::Or(Box::new(left), Box::new(right))))
    }

    fn and(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.compared()?];
        while self.eat("&&") {
            nodes.push(self.compared()?);
        }
        Ok(balanced(nodes, &|left, right| Node::And(Box::new(left), Box::new(right))))
    }

    fn compared(&mut self) -> Result<Node, String> {
        let left = self.unary()?;
        if matches!(self.peek(), Some(Token::Name(name)) if name == "instanceof") {
            self.at += 1;
            return Ok(Node::InstanceOf { of: Box::new(left), class: self.class()? });
        }
        for (sign, whole) in [("=~", false), ("==~", true)] {
            if self.eat(sign) {
                let pattern = Box::new(self.regex()?);
                return Ok(Node::Matches { text: Box::new(left), pattern, whole });
            }
        }
        let signs = [
            ("==", Compare::Equal),
            ("===", Compare::Equal),
            ("!=", Compare::NotEqual),
            ("!==", Compare::NotEqual),
            ("<", Compare::Less),
            ("<=", Compare::LessOrEqual),
            (">", Compare::Greater),
            (">=", Compare::GreaterOrEqual),
        ];
        let Some((_, how)) = signs.iter().find(|(sign, _)| self.eat(sign)) else {
            return Ok(left);
        };
        let right = self.unary()?;
        Ok(Node::Compare { how: *how, left: Box::new(left), right: Box::new(right) })
    }

    fn class(&mut self) -> Result<Class, String> {
        let class = match self.peek() {
            Some(Token::Name(name)) => match name.as_str() {
                "String" => Class::String,
                "List" | "ArrayList" | "Collection" => Class::List,
                "Map" | "HashMap" => Class::Map,
                "Number" => Class::Number,
                "Integer" => Class::Integer,
                "Long" => Class::Long,
                "Double" | "Float" => Class::Double,
                "Boolean" => Class::Boolean,
                other => return Err(format!("the class [{other}] is not known")),
            },
            _ => return Err("a class follows instanceof".to_owned()),
        };
        self.at += 1;
        Ok(class)
    }

    fn regex(&mut self) -> Result<Pattern, String> {
        let Some(Token::Regex(text, flags)) = self.peek().cloned() else {
            return Err("a regular expression between slashes follows =~".to_owned());
        };
        self.at += 1;
        let text = if flags.is_empty() { text } else { format!("(?{flags}){text}") };
        Pattern::compile(&text, Dialect::Java)
    }

    fn unary(&mut self) -> Result<Node, String> {
        let mut negations = 0_usize;
        while self.eat("!") {
            negations += 1;
        }
        let node = self.postfix()?;
        // Two of them still make a boolean of what they stand before.
        Ok(match (negations, negations % 2) {
            (0, _) => node,
            (_, 1) => Node::Not(Box::new(node)),
            (_, _) => Node::Not(Box::new(Node::Not(Box::new(node)))),
        })
    }

    fn postfix(&mut self) -> Result<Node, String> {
        let mut node = self.primary()?;
        let mut steps = 0;
        loop {
            let safe = self.eat("?.");
            if safe || self.eat(".") {
                node = self.member(node, safe)?;
            } else if self.eat("[") {
                let name = Box::new(self.or()?);
                self.expect("]")?;
                node = Node::Field { of: Box::new(node), name, safe: false };
            } else {
                return Ok(node);
            }
            steps += 1;
            if steps > CONDITION_STEPS_MAX {
                return Err(format!("it takes more than {CONDITION_STEPS_MAX} steps"));
            }
        }
    }

    /// What follows a dot: a field or the call of a method.
    fn member(&mut self, of: Node, safe: bool) -> Result<Node, String> {
        let name = match self.peek() {
            Some(Token::Name(name)) => name.clone(),
            Some(Token::Int(int)) => int.to_string(),
            _ => return Err("a name follows a dot".to_owned()),
        };
        self.at += 1;
        let of = Box::new(of);
        if !self.eat("(") {
            return Ok(Node::Field { of, name: Box::new(Node::Value(name.into())), safe });
        }
        let (method, count) =
            method(&name).ok_or_else(|| format!("the method [{name}] is not known"))?;
        let arguments = self.list(")")?;
        if arguments.len() != count {
            return Err(format!("[{name}] takes {count} arguments, not {}", arguments.len()));
        }
        Ok(Node::Call { of, method, arguments, safe })
    }

    /// Expressions with commas between them, up to `close`.
    fn list(&mut self, close: &str) -> Result<Vec<Node>, String> {
        let mut items = Vec::new();
        if self.eat(close) {
            return Ok(items);
        }
        loop {
            items.push(self.or()?);
            if self.eat(close) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }

    fn primary(&mut self) -> Result<Node, String> {
        if self.eat("(") {
            let inside = self.or()?;
            self.expect(")")?;
            return Ok(inside);
        }
        if self.eat("[") {
            return Ok(Node::List(self.list("]")?));
        }
        let negative = self.eat("-");
        let token = self.peek().cloned().ok_or("it ends too early")?;
        self.at += 1;
        let number = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
        let value = match token {
            Token::Int(int) => Value::from(if negative { -int } else { int }),
            Token::Float(float) => number(if negative { -float } else { float }),
            other @ (Token::Regex(..) | Token::Sign(_)) if negative => {
                return Err(format!("[-] before {}", shown(&other)));
            }
            Token::Text(text) => Value::String(text),
            Token::Name(name) => match name.as_str() {
                "ctx" => return Ok(Node::Context),
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                other => return Err(format!("the name [{other}] is not known")),
            },
            other @ (Token::Regex(..) | Token::Sign(_)) => {
                return Err(format!("{} stands where a value should", shown(&other)));
            }
        };
        Ok(Node::Value(value))
    }
}

/// A tree of the least depth, the order kept.
fn balanced(mut nodes: Vec<Node>, join: &dyn Fn(Node, Node) -> Node) -> Node {
    while nodes.len() > 1 {
        let mut joined = Vec::with_capacity(nodes.len().div_ceil(2));
        let mut rest = nodes.into_iter();
        while let Some(left) = rest.next() {
            joined.push(match rest.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        nodes = joined;
    }
    nodes.pop().unwrap_or(Node::Value(Value::Null))
}

/// A method and how many arguments it takes.
fn method(name: &str) -> Option<(Method, usize)> {
    Some(match name {
        "contains" => (Method::Contains, 1),
        "containsKey" => (Method::ContainsKey, 1),
        "startsWith" => (Method::StartsWith, 1),
        "endsWith" => (Method::EndsWith, 1),
        "equals" => (Method::Equals, 1),
        "equalsIgnoreCase" => (Method::EqualsIgnoreCase, 1),
        "isEmpty" => (Method::IsEmpty, 0),
        "length" => (Method::Length, 0),
        "size" => (Method::Size, 0),
        "toLowerCase" => (Method::ToLowerCase, 0),
        "toUpperCase" => (Method::ToUpperCase, 0),
        "trim" => (Method::Trim, 0),
        "toString" => (Method::ToString, 0),
        "indexOf" => (Method::IndexOf, 1),
        "get" => (Method::Get, 1),
        _ => return None,
    })
}
