//! `minimum_should_match`: how many of a query's optional clauses have to match.

use serde::{Deserialize, Serialize};

/// `3`, `-2`, `75%`, `-25%`, or conditions such as `2<-25% 9<-3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MinimumShouldMatch {
    /// Conditions by their number, ascending as they were written: with more clauses than that, the amount counts.
    conditions: Vec<(i64, Amount)>,
    /// Without conditions.
    plain: Option<Amount>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    Count(i64),
    Percent(i64),
}

impl Amount {
    fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse().ok().map(Self::Percent),
            None => text.trim().parse().ok().map(Self::Count),
        }
    }

    fn of(self, clauses: i64) -> i64 {
        let (amount, negative) = match self {
            Self::Count(count) => (count, count < 0),
            // Towards 0, as an integer cast of a product does.
            Self::Percent(percent) => (clauses.saturating_mul(percent) / 100, percent < 0),
        };
        if negative { clauses.saturating_add(amount).max(0) } else { amount }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl MinimumShouldMatch {
    /// Exactly `count`.
    #[must_use]
    pub fn count(count: i64) -> Self {
        Self { conditions: Vec::new(), plain: Some(Amount::Count(count)) }
    }

    /// Reads any of the forms; `None` when it is none of them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.contains('<') {
            return Some(Self { conditions: Vec::new(), plain: Some(Amount::parse(text)?) });
        }
        let mut conditions = Vec::new();
        // Blanks may stand around `<`.
        for condition in text.replace(" <", "<").replace("< ", "<").split_whitespace() {
            let (above, amount) = condition.split_once('<')?;
            conditions.push((above.parse().ok()?, Amount::parse(amount)?));
        }
        Some(Self { conditions, plain: None })
    }

    /// How many of `clauses` have to match; more than there are when it asks for more.
    #[must_use]
    pub fn of(&self, clauses: usize) -> usize {
        let clauses = i64::try_from(clauses).unwrap_or(i64::MAX);
        let amount = match self.plain {
            Some(plain) => plain.of(clauses),
            None => {
                let mut amount = clauses;
                for (above, with) in &self.conditions {
                    if clauses <= *above {
                        break;
                    }
                    amount = with.of(clauses);
                }
                amount
            }
        };
        usize::try_from(amount).unwrap_or(0)
    }
}

impl std::fmt::Display for MinimumShouldMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(plain) = &self.plain {
            return write!(f, "{plain}");
        }
        for (at, (above, amount)) in self.conditions.iter().enumerate() {
            write!(f, "{}{above}<{amount}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl From<MinimumShouldMatch> for String {
    fn from(msm: MinimumShouldMatch) -> Self {
        msm.to_string()
    }
}

impl TryFrom<String> for MinimumShouldMatch {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no minimum_should_match"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, of: &[(usize, usize)]) {
        let msm = MinimumShouldMatch::parse(text).unwrap();
        for (clauses, want) in of {
            assert_eq!(msm.of(*clauses), *want, "{text} of {clauses}");
        }
        assert_eq!(MinimumShouldMatch::parse(&msm.to_string()), Some(msm), "{text}");
    }

    #[test]
    fn every_form() {
        check("2", &[(1, 2), (3, 2)]);
        check("-1", &[(1, 0), (3, 2), (0, 0)]);
        check("75%", &[(3, 2), (4, 3)]);
        check("-25%", &[(3, 3), (4, 3), (8, 6)]);
        check("2<-25% 9<-3", &[(1, 1), (2, 2), (4, 3), (9, 7), (12, 9)]);
        check("3 < 90%", &[(3, 3), (10, 9)]);
        for broken in ["", "a", "2<", "<2", "2%%"] {
            assert_eq!(MinimumShouldMatch::parse(broken), None, "{broken}");
        }
    }
}
