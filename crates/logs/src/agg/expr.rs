//! The few expressions that pipelines are written with: `params.a / params.b * 100`, `params.n > 5 && params.x != null`,
//! `MovingFunctions.unweightedAvg(values)`. Anything else of Painless is refused.

/// Longest expression, in bytes, and deepest parenthesis.
const BYTES_MAX: usize = 4_096;
const DEPTH_MAX: usize = 64;

/// An expression over named numbers. No number is NaN, and equal to `null`.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Number(f64),
    Param(String),
    Not(Box<Expr>),
    Minus(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Call(String, Vec<Expr>),
}

/// A text that is no expression of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot compile script [{text}]: {what}; only expressions over params are supported")]
pub struct ExprError {
    pub text: String,
    pub what: String,
}

/// What `moving_fn` computes of the numbers in its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moving {
    Max,
    Min,
    Sum,
    StdDev,
    UnweightedAvg,
    LinearWeightedAvg,
    Ewma { alpha: f64 },
    Holt { alpha: f64, beta: f64 },
}

/// Functions of `Math`, and how many arguments they take.
const FUNCTIONS: &[(&str, usize)] = &[
    ("abs", 1),
    ("ceil", 1),
    ("exp", 1),
    ("floor", 1),
    ("log", 1),
    ("log10", 1),
    ("max", 2),
    ("min", 2),
    ("pow", 2),
    ("round", 1),
    ("sqrt", 1),
];

/// Operators by how weakly they bind, weakest first; longer ones before their beginnings.
const OPERATORS: &[&[&str]] =
    &[&["||"], &["&&"], &["==", "!="], &["<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Expr {
    /// Reads an expression; `return` before it and `;` behind it may be there.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, ExprError> {
        let fail = |what: String| ExprError { text: text.to_owned(), what };
        if text.len() > BYTES_MAX {
            return Err(fail(format!("longer than {BYTES_MAX} bytes")));
        }
        let body = text.trim().trim_end_matches(';').trim_end();
        let body = body.strip_prefix("return ").unwrap_or(body);
        let mut parser = Parser { rest: body, depth: 0 };
        let expr = parser.choice().map_err(fail)?;
        parser.space();
        if !parser.rest.is_empty() {
            return Err(fail(format!("unexpected [{}]", parser.rest)));
        }
        Ok(expr)
    }

    /// Its value; `param` gives the named numbers.
    pub fn value(&self, param: &dyn Fn(&str) -> f64) -> f64 {
        let truth = |value: bool| f64::from(u8::from(value));
        let is_true = |value: f64| value != 0.0 && !value.is_nan();
        match self {
            Self::Number(value) => *value,
            Self::Param(name) => param(name),
            Self::Not(inner) => truth(!is_true(inner.value(param))),
            Self::Minus(inner) => -inner.value(param),
            Self::If(condition, then, other) => {
                let branch = if is_true(condition.value(param)) { then } else { other };
                branch.value(param)
            }
            Self::Binary(operator, a, b) => {
                let (a, b) = (a.value(param), b.value(param));
                let equal = a == b || a.is_nan() && b.is_nan();
                match *operator {
                    "||" => truth(is_true(a) || is_true(b)),
                    "&&" => truth(is_true(a) && is_true(b)),
                    "==" => truth(equal),
                    "!=" => truth(!equal),
                    "<=" => truth(a <= b),
                    ">=" => truth(a >= b),
                    "<" => truth(a < b),
                    ">" => truth(a > b),
                    "+" => a + b,
                    "-" => a - b,
                    "*" => a * b,
                    "/" => a / b,
                    _ => a % b,
                }
            }
            Self::Call(name, arguments) => {
                let at = |place: usize| arguments.get(place).map_or(f64::NAN, |a| a.value(param));
                match name.as_str() {
                    "abs" => at(0).abs(),
                    "ceil" => at(0).ceil(),
                    "exp" => at(0).exp(),
                    "floor" => at(0).floor(),
                    "log" => at(0).ln(),
                    "log10" => at(0).log10(),
                    "max" => at(0).max(at(1)),
                    "min" => at(0).min(at(1)),
                    "pow" => at(0).powf(at(1)),
                    "round" => (at(0) + 0.5).floor(),
                    _ => at(0).sqrt(),
                }
            }
        }
    }
}

impl<'a> Parser<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn takes(&mut self, text: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn needs(&mut self, text: &str) -> Result<(), String> {
        if self.takes(text) { Ok(()) } else { Err(format!("[{text}] expected at [{}]", self.rest)) }
    }

    fn choice(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        let condition = self.binary(0)?;
        let expr = if self.takes("?") {
            let then = self.choice()?;
            self.needs(":")?;
            let other = self.choice()?;
            Expr::If(Box::new(condition), Box::new(then), Box::new(other))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn binary(&mut self, level: usize) -> Result<Expr, String> {
        let Some(operators) = OPERATORS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        let mut n = 0;
        while let Some(operator) = operators.iter().find(|operator| self.takes(operator)) {
            n += 1;
            if n > DEPTH_MAX {
                return Err(format!("more than {DEPTH_MAX} operators in a row"));
            }
            let right = self.binary(level + 1)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        let expr = if self.takes("!") {
            Expr::Not(Box::new(self.unary()?))
        } else if self.takes("-") {
            Expr::Minus(Box::new(self.unary()?))
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn word(&mut self) -> &'a str {
        self.space();
        let len = self
            .rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(len);
        self.rest = rest;
        word
    }

    fn primary(&mut self) -> Result<Expr, String> {
        if self.takes("(") {
            let inner = self.choice()?;
            self.needs(")")?;
            return Ok(inner);
        }
        self.space();
        let digits = self
            .rest
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(self.rest.len());
        if digits > 0 && self.rest.starts_with(|letter: char| letter.is_ascii_digit()) {
            let (number, rest) = self.rest.split_at(digits);
            self.rest = rest.strip_prefix(['L', 'f', 'd', 'D', 'F']).unwrap_or(rest);
            return number.parse().map(Expr::Number).map_err(|_| format!("no number [{number}]"));
        }
        match self.word() {
            "null" => Ok(Expr::Number(f64::NAN)),
            "true" => Ok(Expr::Number(1.0)),
            "false" => Ok(Expr::Number(0.0)),
            "params" => self.param(),
            "Math" => self.call(),
            "" => Err(format!("unexpected [{}]", self.rest)),
            other => Err(format!("unknown name [{other}]")),
        }
    }

    fn param(&mut self) -> Result<Expr, String> {
        if self.takes(".") {
            let name = self.word();
            return if name.is_empty() {
                Err("a name expected behind [params.]".to_owned())
            } else {
                Ok(Expr::Param(name.to_owned()))
            };
        }
        self.needs("[")?;
        self.space();
        let quote = self.rest.chars().next().filter(|letter| matches!(letter, '\'' | '"'));
        let quote = quote.ok_or("a name in quotes expected behind [params[]")?;
        let (name, rest) = self.rest[1..].split_once(quote).ok_or("a quote without an end")?;
        self.rest = rest;
        self.needs("]")?;
        Ok(Expr::Param(name.to_owned()))
    }

    fn call(&mut self) -> Result<Expr, String> {
        self.needs(".")?;
        let name = self.word();
        let known = FUNCTIONS.iter().find(|(have, _)| *have == name);
        let (_, wanted) = known.ok_or_else(|| format!("unknown function [Math.{name}]"))?;
        self.needs("(")?;
        let mut arguments = vec![self.choice()?];
        while self.takes(",") && arguments.len() < *wanted {
            arguments.push(self.choice()?);
        }
        self.needs(")")?;
        if arguments.len() != *wanted {
            return Err(format!("[Math.{name}] takes {wanted} arguments"));
        }
        Ok(Expr::Call(name.to_owned(), arguments))
    }
}

impl Moving {
    /// Reads `MovingFunctions.max(values)` and its like.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, ExprError> {
        let fail = |what: &str| ExprError { text: text.to_owned(), what: what.to_owned() };
        let body = text.trim().trim_end_matches(';').trim_end();
        let body = body.strip_prefix("return ").unwrap_or(body).trim();
        let call = body.strip_prefix("MovingFunctions.").and_then(|call| call.strip_suffix(')'));
        let (name, arguments) = call
            .and_then(|call| call.split_once('('))
            .ok_or_else(|| fail("only a function of MovingFunctions is known"))?;
        let mut arguments = arguments.split(',').map(str::trim);
        if arguments.next() != Some("values") {
            return Err(fail("the first argument has to be [values]"));
        }
        let numbers: Vec<f64> = arguments.clone().filter_map(|text| text.parse().ok()).collect();
        let number =
            |at: usize| numbers.get(at).copied().ok_or_else(|| fail("a number is missing"));
        Ok(match name {
            "max" => Self::Max,
            "min" => Self::Min,
            "sum" => Self::Sum,
            "stdDev" => Self::StdDev,
            "unweightedAvg" => Self::UnweightedAvg,
            "linearWeightedAvg" => Self::LinearWeightedAvg,
            "ewma" => Self::Ewma { alpha: number(0)? },
            "holt" => Self::Holt { alpha: number(0)?, beta: number(1)? },
            _ => return Err(fail("unknown function of MovingFunctions")),
        })
    }

    /// The function of the numbers of a window; NaN where it has none.
    #[must_use]
    pub fn value(self, window: &[f64]) -> f64 {
        let n = super::metric::len_to_f64(window.len());
        let sum: f64 = window.iter().sum();
        if window.is_empty() && self != Self::Sum {
            return f64::NAN;
        }
        match self {
            Self::Max => window.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Min => window.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Sum => sum,
            Self::UnweightedAvg => sum / n,
            Self::StdDev => {
                let avg = sum / n;
                (window.iter().map(|value| (value - avg).powi(2)).sum::<f64>() / n).sqrt()
            }
            Self::LinearWeightedAvg => {
                let mut weight = 1.0;
                let (mut total, mut weights) = (0.0, 1.0);
                for value in window {
                    total += value * weight;
                    weights += weight;
                    weight += 1.0;
                }
                total / weights
            }
            Self::Ewma { alpha } => {
                window[1..].iter().fold(window[0], |avg, value| value * alpha + avg * (1.0 - alpha))
            }
            Self::Holt { alpha, beta } => {
                let (mut level, mut trend) = (window[0], 0.0);
                for (at, value) in window.iter().enumerate().skip(1) {
                    if at == 1 {
                        (level, trend) = (*value, value - window[0]);
                        continue;
                    }
                    let last = level;
                    level = alpha * value + (1.0 - alpha) * (level + trend);
                    trend = beta * (level - last) + (1.0 - beta) * trend;
                }
                level
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: f64) {
        let have = Expr::parse(text).unwrap().value(&|name| match name {
            "a" => 10.0,
            "b" => 4.0,
            _ => f64::NAN,
        });
        assert!(have == want || have.is_nan() && want.is_nan(), "{text}: {have}");
    }

    #[test]
    fn expressions() {
        check("params.a / params.b * 100", 250.0);
        check("return params['a'] - -params.b;", 14.0);
        check("1 + 2 * 3 % 2", 1.0);
        check("params.x == null ? 0 : 1", 0.0);
        check("params.a > 5 && !(params.b >= 5)", 1.0);
        check("Math.max(params.a, Math.pow(2, 5)) + 0.5", 32.5);
        check("params.x + 1", f64::NAN);
        for text in ["doc['x'].value", "params.", "(1", "1 1", "Math.abs(1,2)", "Math.x(1)", ""] {
            assert!(Expr::parse(text).is_err(), "{text}");
        }
        let deep = |n: usize| format!("{}1{}", "(".repeat(n), ")".repeat(n));
        assert!(Expr::parse(&deep(30)).is_ok());
        assert!(Expr::parse(&deep(DEPTH_MAX)).is_err());
        assert!(Expr::parse(&" ".repeat(BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn windows() {
        let of = |text: &str, window: &[f64]| Moving::parse(text).unwrap().value(window);
        let window = [1.0, 2.0, 6.0];
        assert_eq!(of("MovingFunctions.max(values)", &window), 6.0);
        assert_eq!(of("MovingFunctions.unweightedAvg(values)", &window), 3.0);
        assert_eq!(of("MovingFunctions.ewma(values, 0.5)", &window), 3.75);
        assert_eq!(of("MovingFunctions.sum(values)", &[]), 0.0);
        assert!(of("MovingFunctions.min(values)", &[]).is_nan());
        assert!(Moving::parse("values.length").is_err());
    }
}
