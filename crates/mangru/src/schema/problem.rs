//! What is wrong with a configuration: where, which key, which value, what was allowed, and Prometheus' words for it.

use crate::yaml::Pos;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) pos: Pos,
    /// The key's path, e.g. `scrape_configs[0].scrape_interval`; empty for the document.
    pub(crate) key: String,
    /// The value as written, when it is short and no secret.
    pub(crate) value: String,
    pub(crate) allowed: String,
    /// What is wrong, in Prometheus' words where it has some.
    pub(crate) text: String,
}

/// Longest value that an error repeats, in bytes.
const VALUE_BYTES_MAX: usize = 120;

impl Problem {
    /// ` (key …, value …; allowed: …)`, without what is unknown.
    fn story(&self) -> String {
        let mut parts = Vec::new();
        if !self.key.is_empty() {
            parts.push(format!("key {}", self.key));
        }
        if !self.value.is_empty() && self.value.len() <= VALUE_BYTES_MAX {
            parts.push(format!("value {:?}", self.value));
        }
        if !self.allowed.is_empty() {
            parts.push(format!("allowed: {}", self.allowed));
        }
        parts.join("; ")
    }
}

/// Why a document was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Values of a wrong type, unknown keys, repeated keys: all of them at once.
    Types(Vec<Problem>),
    /// The first that breaks a rule.
    Rule(Box<Problem>),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Rule(Box::new(problem))
    }
}

impl Failure {
    /// The whole story for `file`: the place first, then Prometheus' text after `prefix`, then key, value and what was allowed.
    pub(crate) fn describe(&self, file: &str, prefix: &str) -> String {
        match self {
            Self::Rule(problem) => {
                let story = problem.story();
                let line = if story.is_empty() { story } else { format!("\n  {story}") };
                format!("{file}:{}: {prefix}{}{line}", place(problem.pos), problem.text)
            }
            Self::Types(problems) => {
                let first = problems.first().map(|problem| problem.pos).unwrap_or_default();
                let lines = problems.iter().map(|problem| {
                    let (pos, text, story) = (problem.pos, &problem.text, problem.story());
                    format!("\n  line {}: {text}\n    at {file}:{}: {story}", pos.line, place(pos))
                });
                let lines: String = lines.collect();
                format!("{file}:{}: {prefix}yaml: unmarshal errors:{lines}", place(first))
            }
        }
    }
}

fn place(pos: Pos) -> String {
    format!("{}:{}", pos.line, pos.column)
}
