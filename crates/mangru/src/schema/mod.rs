//! Sections of a configuration as tables: a key is one row that says its name, kind, default and how it is shown.
//!
//! From the tables come reading ([`read_section`]), defaults, unknown-key errors and the dump ([`dump`]); a section's
//! `check` holds what a table cannot say.

mod dump;
mod problem;
mod read;
mod record;

pub(crate) use dump::dump;
pub(crate) use problem::{Failure, Problem};
pub(crate) use read::{check_url, read_section};
pub(crate) use record::{Record, Value};

/// A mapping with known keys.
pub(crate) struct Section {
    /// The type's name in Prometheus' errors (`field x not found in type NAME`).
    pub(crate) name: &'static str,
    /// The keys, in the order of Prometheus' dump; groups shared between sections stand by themselves.
    pub(crate) keys: &'static [&'static [Key]],
    /// Runs after the keys are read, when none of them was of a wrong type.
    pub(crate) check: fn(&mut Record) -> Result<(), Problem>,
}

impl std::fmt::Debug for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Section {
    /// All keys in order.
    pub(crate) fn all_keys(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().flat_map(|group| group.iter())
    }
}

/// For sections whose table says everything.
pub(crate) fn no_check(_: &mut Record) -> Result<(), Problem> {
    Ok(())
}

/// A row of a section's table.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: Default,
    pub(crate) show: Show,
}

/// A key that is shown unless empty, and empty unless written.
pub(crate) const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, default: Default::Empty, show: Show::NonEmpty }
}

impl Key {
    /// Shown even when empty.
    pub(crate) const fn always(mut self) -> Self {
        self.show = Show::Always;
        self
    }

    /// Shown when it has a value, be it false or zero.
    pub(crate) const fn if_set(mut self) -> Self {
        self.show = Show::IfSet;
        self
    }

    /// Shown when it stands in the file.
    pub(crate) const fn if_written(mut self) -> Self {
        self.show = Show::IfWritten;
        self
    }

    pub(crate) const fn or(mut self, default: Default) -> Self {
        self.default = default;
        self
    }
}

/// When a key is part of the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Always,
    NonEmpty,
    IfSet,
    IfWritten,
}

/// What a key has when it is not written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Default {
    Empty,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Text(&'static str),
    DurationMs(i64),
    /// The section with its own defaults.
    Section,
    /// A list without elements.
    List,
}

/// What a key holds.
#[derive(Debug)]
pub(crate) enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    Text,
    /// A text that dumps hide.
    Secret,
    /// A path, taken from the folder of the configuration file.
    File,
    Duration,
    /// A size with its unit.
    Bytes,
    Url,
    /// A text that `read` checks and may normalize.
    Named(&'static Named),
    List(&'static Kind),
    /// A list written on one line.
    Flow(&'static Kind),
    /// Names of the writer's choice.
    Map(&'static Kind),
    Section(&'static Section),
    /// Anything; kept as it is.
    Any,
}

/// A text with rules of its own.
#[derive(Debug)]
pub(crate) struct Named {
    /// The type's name in Prometheus' errors.
    pub(crate) name: &'static str,
    pub(crate) allowed: &'static str,
    pub(crate) read: fn(&str) -> Result<String, String>,
}

impl Named {
    /// One of a few words, which the section's `check` asks for in Prometheus' order.
    pub(crate) const fn words(allowed: &'static str) -> Self {
        Self { name: "string", allowed, read: |text| Ok(text.to_owned()) }
    }
}

impl Kind {
    /// The Go type's name, for `cannot unmarshal … into NAME`.
    fn name(&self) -> String {
        match self {
            Self::Bool => "bool".to_owned(),
            Self::Int => "int".to_owned(),
            Self::Uint => "uint".to_owned(),
            Self::Float => "float64".to_owned(),
            Self::Text | Self::File | Self::Duration | Self::Bytes | Self::Url => {
                "string".to_owned()
            }
            Self::Secret => "config.plain".to_owned(),
            Self::Named(named) => named.name.to_owned(),
            Self::List(Self::Section(section)) => format!("[]*{}", section.name),
            Self::List(inner) | Self::Flow(inner) => format!("[]{}", inner.name()),
            Self::Map(inner) => format!("map[string]{}", inner.name()),
            Self::Section(section) => section.name.to_owned(),
            Self::Any => "interface {}".to_owned(),
        }
    }

    /// Whether not every text or list would do.
    fn has_rules(&self) -> bool {
        match self {
            Self::Text
            | Self::Secret
            | Self::File
            | Self::Any
            | Self::Section(_)
            | Self::Map(_) => false,
            Self::Bool | Self::Int | Self::Uint | Self::Float | Self::Duration | Self::Bytes => {
                true
            }
            Self::Url | Self::Named(_) => true,
            Self::List(inner) | Self::Flow(inner) => inner.has_rules(),
        }
    }

    /// What may stand there, for people.
    fn allowed(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Int => "a whole number".to_owned(),
            Self::Uint => "a whole number, 0 or more".to_owned(),
            Self::Float => "a number".to_owned(),
            Self::Text | Self::Secret => "a text".to_owned(),
            Self::File => "a path".to_owned(),
            Self::Duration => {
                "a duration such as 30s, 5m or 1h30m; units y, w, d, h, m, s, ms".to_owned()
            }
            Self::Bytes => {
                "a size such as 512MB; units B, KB, MB, GB, TB, PB, EB (base 2), or 0".to_owned()
            }
            Self::Url => "a URL".to_owned(),
            Self::Named(named) => named.allowed.to_owned(),
            Self::List(inner) | Self::Flow(inner) => format!("a list, each {}", inner.allowed()),
            Self::Map(inner) => format!("a mapping of names, each to {}", inner.allowed()),
            Self::Section(_) => "a mapping".to_owned(),
            Self::Any => "anything".to_owned(),
        }
    }
}
