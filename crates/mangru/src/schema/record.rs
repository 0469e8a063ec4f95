//! A section that was read: a value or none for each key of its table, and where each stands in the file.

use crate::yaml::{Node, Pos};

use super::{Default, Key, Kind, Problem, Section};

/// A value of a known kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A list element that was left empty where a section is wanted.
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(String),
    Secret(String),
    DurationMs(i64),
    Bytes(u64),
    List(Vec<Value>),
    /// In the file's order.
    Map(Vec<(String, Value)>),
    Section(Box<Record>),
    Any(Node),
}

impl Value {
    /// The text, or an empty one.
    pub(crate) fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Secret(text) => text,
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Uint(_) | Self::Float(_) => "",
            Self::DurationMs(_) | Self::Bytes(_) | Self::List(_) | Self::Map(_) => "",
            Self::Section(_) | Self::Any(_) => "",
        }
    }

    /// Whether Go would call it empty.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(value) => !value,
            Self::Int(value) | Self::DurationMs(value) => *value == 0,
            Self::Uint(value) | Self::Bytes(value) => *value == 0,
            Self::Float(value) => *value == 0.0,
            Self::Text(text) | Self::Secret(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            Self::Section(record) => record.is_empty(),
            Self::Any(node) => node.is_null(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, std::default::Default)]
pub(super) struct Slot {
    pub(super) value: Option<Value>,
    /// Where the key stands; `None` when it is not written.
    pub(super) pos: Option<Pos>,
}

/// A section with its values.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(super) section: &'static Section,
    pub(crate) path: String,
    pub(crate) pos: Pos,
    pub(super) slots: Vec<Slot>,
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.section, other.section) && self.slots == other.slots
    }
}

impl Record {
    /// `section` with nothing but its defaults.
    pub(crate) fn with_defaults(section: &'static Section, path: String, pos: Pos) -> Self {
        let slots =
            section.all_keys().map(|key| Slot { value: default(key, &path, pos), pos: None });
        Self { section, slots: slots.collect(), path, pos }
    }

    fn index(&self, name: &str) -> usize {
        let found = self.section.all_keys().position(|key| key.name == name);
        found.unwrap_or_else(|| panic!("the table of {} has no key {name}", self.section.name))
    }

    pub(super) fn keys_and_slots(&self) -> impl Iterator<Item = (&'static Key, &Slot)> {
        self.section.all_keys().zip(&self.slots)
    }

    /// The value of `name`; a key that the section's table lacks is our mistake, and panics.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.slots[self.index(name)].value.as_ref()
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        let index = self.index(name);
        self.slots[index].value = Some(value);
    }

    pub(crate) fn clear(&mut self, name: &str) {
        let index = self.index(name);
        self.slots[index].value = None;
    }

    /// Whether `name` has a value, written or by default.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Whether `name` stands in the file.
    pub(crate) fn is_written(&self, name: &str) -> bool {
        self.slots[self.index(name)].pos.is_some()
    }

    /// Whether `name` has a value that is not empty.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| !value.is_empty())
    }

    /// Whether all keys are empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| slot.value.as_ref().is_none_or(Value::is_empty))
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.value(name).map_or("", Value::as_text)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Bool(true)))
    }

    pub(crate) fn duration_ms(&self, name: &str) -> i64 {
        if let Some(Value::DurationMs(ms)) = self.value(name) { *ms } else { 0 }
    }

    pub(crate) fn int(&self, name: &str) -> i64 {
        if let Some(Value::Int(value)) = self.value(name) { *value } else { 0 }
    }

    pub(crate) fn uint(&self, name: &str) -> u64 {
        if let Some(Value::Uint(value) | Value::Bytes(value)) = self.value(name) {
            *value
        } else {
            0
        }
    }

    pub(crate) fn float(&self, name: &str) -> f64 {
        if let Some(Value::Float(value)) = self.value(name) { *value } else { 0.0 }
    }

    pub(crate) fn list(&self, name: &str) -> &[Value] {
        if let Some(Value::List(items)) = self.value(name) { items } else { &[] }
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().map(|value| value.as_text().to_owned()).collect()
    }

    pub(crate) fn entries(&self, name: &str) -> &[(String, Value)] {
        if let Some(Value::Map(entries)) = self.value(name) { entries } else { &[] }
    }

    pub(crate) fn section(&self, name: &str) -> Option<&Record> {
        if let Some(Value::Section(record)) = self.value(name) { Some(record) } else { None }
    }

    pub(crate) fn section_mut(&mut self, name: &str) -> Option<&mut Record> {
        let index = self.index(name);
        if let Some(Value::Section(record)) = &mut self.slots[index].value {
            Some(record)
        } else {
            None
        }
    }

    /// The sections of a list, `None` for those left empty.
    pub(crate) fn sections(&self, name: &str) -> impl Iterator<Item = Option<&Record>> {
        self.list(name)
            .iter()
            .map(|value| if let Value::Section(record) = value { Some(&**record) } else { None })
    }

    pub(crate) fn sections_mut(&mut self, name: &str) -> impl Iterator<Item = Option<&mut Record>> {
        let index = self.index(name);
        let items = if let Some(Value::List(items)) = &mut self.slots[index].value {
            items.as_mut_slice()
        } else {
            &mut []
        };
        items.iter_mut().map(|value| {
            if let Value::Section(record) = value { Some(&mut **record) } else { None }
        })
    }

    /// Makes relative paths (kind [`Kind::File`]) start from `dir`, in all sections below too.
    pub(crate) fn resolve_files(&mut self, dir: &std::path::Path) {
        for (key, slot) in self.section.all_keys().zip(&mut self.slots) {
            if let Some(value) = &mut slot.value {
                resolve(&key.kind, value, dir);
            }
        }
    }

    /// What is wrong with the section as a whole.
    pub(crate) fn problem(&self, text: impl Into<String>) -> Problem {
        let text = text.into();
        Problem {
            pos: self.pos,
            key: self.path.clone(),
            value: String::new(),
            allowed: String::new(),
            text,
        }
    }

    /// What is wrong with one key: its place when it is written, else the section's.
    pub(crate) fn key_problem(&self, name: &str, text: impl Into<String>) -> Problem {
        let slot = &self.slots[self.index(name)];
        let kind = self.section.all_keys().find(|key| key.name == name).map(|key| &key.kind);
        let allowed = kind.filter(|kind| kind.has_rules()).map(Kind::allowed).unwrap_or_default();
        let value = match &slot.value {
            Some(Value::Text(_)) if matches!(kind, Some(Kind::Url)) => String::new(),
            Some(Value::Text(text)) => text.clone(),
            Some(Value::DurationMs(ms)) => stdx::units::format_duration_ms(*ms),
            _ => String::new(),
        };
        Problem {
            pos: slot.pos.unwrap_or(self.pos),
            key: join(&self.path, name),
            value,
            allowed,
            text: text.into(),
        }
    }
}

/// `path.name`, or `name` at the top.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn default(key: &'static Key, path: &str, pos: Pos) -> Option<Value> {
    match key.default {
        Default::Empty => None,
        Default::Bool(value) => Some(Value::Bool(value)),
        Default::Int(value) => Some(Value::Int(value)),
        Default::Uint(value) => Some(Value::Uint(value)),
        Default::Text(text) => Some(Value::Text(text.to_owned())),
        Default::DurationMs(ms) => Some(Value::DurationMs(ms)),
        Default::List => Some(Value::List(Vec::new())),
        Default::Section => {
            let Kind::Section(section) = key.kind else { return None };
            let record = Record::with_defaults(section, join(path, key.name), pos);
            Some(Value::Section(Box::new(record)))
        }
    }
}

fn resolve(kind: &Kind, value: &mut Value, dir: &std::path::Path) {
    match (kind, value) {
        (Kind::File, Value::Text(path)) if !path.is_empty() => {
            *path = dir.join(&*path).to_string_lossy().into_owned();
        }
        (Kind::List(inner) | Kind::Flow(inner), Value::List(items)) => {
            items.iter_mut().for_each(|item| resolve(inner, item, dir));
        }
        (Kind::Map(inner), Value::Map(entries)) => {
            entries.iter_mut().for_each(|(_, value)| resolve(inner, value, dir));
        }
        (Kind::Section(_), Value::Section(record)) => record.resolve_files(dir),
        _ => {}
    }
}
