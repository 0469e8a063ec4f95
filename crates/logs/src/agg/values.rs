//! Values of fields as aggregations see them: bound to each index's mapping, read block by block.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::ast::Source;
use super::error::AggError;
use super::intern::Interner;
use super::show::{Decimal, Key, Show, f64_to_int, int_to_f64};
use crate::column::{Column, Kind, Values};
use crate::date::{DEFAULT_FORMAT, Edge, Format, Zone, read_math};
use crate::mapping::{Field, FieldType, Mapping};
use crate::part::{Block, ReadError, system};
use crate::search::Target;

/// What the values of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Text,
    Ip,
    Int,
    Unsigned,
    Float,
    Bool,
    /// In milliseconds.
    Date,
    /// In nanoseconds.
    DateNanos,
    Geo,
}

impl Class {
    pub(super) fn is_number(self) -> bool {
        !matches!(self, Self::Text | Self::Ip | Self::Geo)
    }

    pub(super) fn is_date(self) -> bool {
        matches!(self, Self::Date | Self::DateNanos)
    }
}

/// The field of one index.
#[derive(Debug, Clone)]
struct Binding {
    column: String,
    class: Class,
    /// What the column itself holds: a multi-field's may be another.
    stored: Class,
    /// Longest text that counts, in letters.
    ignore_above: Option<usize>,
    /// The same text for every row: the index's name, a `constant_keyword`.
    constant: Option<String>,
    /// Kept as 32 bits.
    is_single: bool,
    scale: Option<f64>,
    lower: bool,
}

/// A source bound to all indices of a search.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) field: String,
    /// For each index; `None` where it has no such field.
    bindings: Vec<Option<Binding>>,
    /// `None` when no index has the field and nothing says what it is.
    pub(super) class: Option<Class>,
    pub(super) show: Show,
    pub(super) missing: Option<Key>,
    pub(super) type_name: &'static str,
}

/// What a source is used for: for errors, and whether texts will do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    pub(super) agg: &'static str,
    pub(super) now_ns: i128,
    pub(super) numbers_only: bool,
    pub(super) geo: bool,
}

impl Use {
    /// For values of any kind but places.
    pub(super) fn any(agg: &'static str, now_ns: i128) -> Self {
        Self { agg, now_ns, numbers_only: false, geo: false }
    }

    /// For numbers, dates and booleans.
    pub(super) fn numbers(agg: &'static str, now_ns: i128) -> Self {
        Self { agg, now_ns, numbers_only: true, geo: false }
    }
}

/// The field that `path` names, aliases followed.
pub(crate) fn follow<'a>(mapping: &'a Mapping, path: &'a str) -> Option<(&'a Field, &'a str)> {
    let found = mapping.find(path)?;
    if found.field.kind == FieldType::Alias {
        let target = found.field.params.get("path").and_then(Value::as_str)?;
        let found = mapping.find(target)?;
        return Some((found.field, found.column));
    }
    Some((found.field, found.column))
}

/// The text of a field's parameter.
fn param<'a>(field: &'a Field, name: &str) -> Option<&'a Value> {
    field.params.get(name)
}

fn class_of(kind: FieldType) -> Option<Class> {
    Some(match kind {
        FieldType::Keyword
        | FieldType::ConstantKeyword
        | FieldType::Wildcard
        | FieldType::Version
        | FieldType::Flattened => Class::Text,
        FieldType::Long
        | FieldType::Integer
        | FieldType::Short
        | FieldType::Byte
        | FieldType::TokenCount => Class::Int,
        FieldType::UnsignedLong => Class::Unsigned,
        FieldType::Double | FieldType::Float | FieldType::HalfFloat | FieldType::ScaledFloat => {
            Class::Float
        }
        FieldType::Boolean => Class::Bool,
        FieldType::Date => Class::Date,
        FieldType::DateNanos => Class::DateNanos,
        FieldType::Ip => Class::Ip,
        FieldType::GeoPoint => Class::Geo,
        FieldType::Text
        | FieldType::MatchOnlyText
        | FieldType::SearchAsYouType
        | FieldType::Binary
        | FieldType::GeoShape
        | FieldType::IntegerRange
        | FieldType::LongRange
        | FieldType::FloatRange
        | FieldType::DoubleRange
        | FieldType::DateRange
        | FieldType::IpRange
        | FieldType::Completion
        | FieldType::Alias
        | FieldType::Object
        | FieldType::Nested
        | FieldType::Join
        | FieldType::Percolator => return None,
    })
}

/// What a text field says to who wants its values.
pub fn text_refusal(field: &str) -> String {
    format!(
        "Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, set fielddata=true on [{field}] in order to load field data by uninverting the inverted index. Note that this can use significant memory."
    )
}

fn refusal(path: &str, field: &Field, agg: &str) -> AggError {
    let is_text = matches!(
        field.kind,
        FieldType::Text | FieldType::MatchOnlyText | FieldType::SearchAsYouType
    );
    AggError::Illegal(if is_text {
        text_refusal(path)
    } else {
        let kind = field.kind.name();
        format!("Field [{path}] of type [{kind}] is not supported for aggregation [{agg}]")
    })
}

/// A field of an index, its own format, and the name of its type.
type OneField = (Binding, Option<String>, &'static str);

fn bind_one(target: &Target, path: &str, agg: &'static str) -> Result<Option<OneField>, AggError> {
    let plain = |column: &str, class: Class| Binding {
        column: column.to_owned(),
        class,
        stored: class,
        ignore_above: None,
        constant: None,
        is_single: false,
        scale: None,
        lower: false,
    };
    match path {
        "_index" => {
            let mut binding = plain("_index", Class::Text);
            binding.constant = Some(target.index.clone());
            return Ok(Some((binding, None, "_index")));
        }
        "_id" => return Ok(Some((plain(system::ID, Class::Text), None, "_id"))),
        "_seq_no" => return Ok(Some((plain(system::SEQ, Class::Int), None, "_seq_no"))),
        "_version" => return Ok(Some((plain(system::VERSION, Class::Int), None, "_version"))),
        "_ignored" | "_routing" => return Ok(Some((plain(path, Class::Text), None, "_ignored"))),
        _ => {}
    }
    let Some((field, column)) = follow(&target.mapping, path) else {
        // Below a flattened object everything is a keyword.
        let above = path.match_indices('.').map(|(at, _)| &path[..at]);
        let flat = above
            .filter_map(|above| target.mapping.find(above))
            .any(|found| found.field.kind == FieldType::Flattened);
        return Ok(flat.then(|| (plain(path, Class::Text), None, "flattened")));
    };
    let class = class_of(field.kind).ok_or_else(|| refusal(path, field, agg))?;
    if param(field, "doc_values") == Some(&Value::Bool(false)) {
        return Err(AggError::Illegal(format!(
            "Can't load fielddata on [{path}] because fielddata is unsupported on fields of type [{}]. Use doc values instead.",
            field.kind.name()
        )));
    }
    let mut binding = plain(column, class);
    if let Some(parent) = target.mapping.find(column).and_then(|of| class_of(of.field.kind)) {
        binding.stored = parent;
    }
    binding.ignore_above = param(field, "ignore_above")
        .and_then(Value::as_u64)
        .and_then(|above| usize::try_from(above).ok());
    binding.is_single = matches!(field.kind, FieldType::Float);
    binding.scale = (field.kind == FieldType::ScaledFloat)
        .then(|| param(field, "scaling_factor").and_then(number))
        .flatten();
    binding.lower = param(field, "normalizer").and_then(Value::as_str) == Some("lowercase");
    if field.kind == FieldType::ConstantKeyword {
        binding.constant = param(field, "value").and_then(Value::as_str).map(str::to_owned);
    }
    let format = param(field, "format").and_then(Value::as_str).map(str::to_owned);
    Ok(Some((binding, format, field.kind.name())))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Bound {
    /// Binds `source` to every index.
    pub(super) fn new(targets: &[Target], source: &Source, of: Use) -> Result<Self, AggError> {
        let mut bindings = Vec::new();
        let (mut class, mut format, mut type_name) = (None, None, "");
        for target in targets {
            let bound = bind_one(target, &source.field, of.agg)?;
            if let Some((binding, own_format, name)) = &bound {
                class = Some(match class {
                    None => binding.class,
                    Some(have) => join(have, binding.class, &source.field)?,
                });
                format = format.or_else(|| own_format.clone());
                type_name = name;
            }
            bindings.push(bound.map(|(binding, ..)| binding));
        }
        if class.is_none() {
            class = source.value_type.as_deref().map(value_class).transpose()?;
        }
        if class.is_none() && source.missing.is_some() {
            class = Some(match source.missing {
                Some(Value::Number(_)) => Class::Float,
                Some(Value::Bool(_)) => Class::Bool,
                _ => Class::Text,
            });
        }
        if let Some(class) = class
            && (of.numbers_only && !class.is_number() || (class == Class::Geo) != of.geo)
        {
            return Err(AggError::Illegal(format!(
                "Field [{}] of type [{type_name}] is not supported for aggregation [{}]",
                source.field, of.agg
            )));
        }
        let show = show(class, source, format.as_deref())?;
        let mut bound =
            Self { field: source.field.clone(), bindings, class, show, missing: None, type_name };
        bound.missing =
            source.missing.as_ref().map(|value| bound.key(value, of.now_ns)).transpose()?;
        Ok(bound)
    }

    /// The key that a value of a request stands for.
    pub(super) fn key(&self, value: &Value, now_ns: i128) -> Result<Key, AggError> {
        let text = super::show::plain_text(value);
        let wrong = || AggError::Value(format!("For input string: \"{text}\""));
        Ok(match self.class.unwrap_or(Class::Text) {
            Class::Text | Class::Geo => Key::Text(text.into()),
            Class::Ip => Key::Text(
                canonical_ip(&text)
                    .ok_or_else(|| {
                        AggError::Illegal(format!("'{text}' is not an IP string literal."))
                    })?
                    .into(),
            ),
            Class::Int => match value.as_i64().or_else(|| text.parse().ok()) {
                Some(int) => Key::Int(int),
                None => Key::Int(f64_to_int(text.parse::<f64>().map_err(|_| wrong())?)),
            },
            Class::Unsigned => {
                let value = text.parse::<u64>().map_err(|_| wrong())?;
                Key::Int((value ^ (1 << 63)).cast_signed())
            }
            Class::Float => Key::Float(text.parse().map_err(|_| wrong())?),
            Class::Bool => Key::Int(match text.as_str() {
                "true" | "1" | "1.0" => 1,
                "false" | "0" | "0.0" => 0,
                _ => return Err(wrong()),
            }),
            Class::Date | Class::DateNanos => self.date_key(value, &text, now_ns)?,
        })
    }

    fn date_key(&self, value: &Value, text: &str, now_ns: i128) -> Result<Key, AggError> {
        let Show::Date { format, zone, ns } = &self.show else {
            return Err(AggError::Value(format!("failed to parse date [{text}]")));
        };
        if let Value::Number(number) = value
            && let Some(ms) = number.as_i64()
        {
            return Ok(Key::Int(clamp(i128::from(ms) * 1_000_000 / ns)));
        }
        let at = read_math(text, format, zone, Edge::First, now_ns)
            .or_else(|| read_math(text, &Format::default(), zone, Edge::First, now_ns))
            .ok_or_else(|| {
                AggError::Value(format!(
                    "failed to parse date field [{text}] with format [{}]",
                    format.text()
                ))
            })?;
        Ok(Key::Int(clamp(at.div_euclid(*ns))))
    }

    /// The values in `block` of the index `target`.
    pub(super) fn cells(
        &self,
        target: usize,
        block: &Arc<dyn Block>,
    ) -> Result<Cells<'_>, ReadError> {
        let mut columns = Vec::new();
        let binding = self.bindings.get(target).and_then(Option::as_ref);
        let mut ids = None;
        if let Some(binding) = binding
            && binding.constant.is_none()
        {
            if binding.column == system::ID {
                ids = Some(Arc::clone(block));
            } else {
                for kind in kinds(binding.class) {
                    columns.extend(block.column(&binding.column, *kind)?);
                }
            }
        }
        Ok(Cells { columns, binding, ids, bound: self })
    }
}

impl Bound {
    /// The values of one row as they are shown one by one.
    pub(super) fn json(
        &self,
        target: usize,
        block: &Arc<dyn Block>,
        row: usize,
    ) -> Result<Vec<Value>, ReadError> {
        let cells = self.cells(target, block)?;
        let shown = |key: Key| match &self.show {
            Show::Bool => Value::Bool(key.number() != 0.0),
            Show::Date { .. } | Show::Decimal(_) => self.show.word(&key).into(),
            Show::Plain | Show::Unsigned => self.show.json(&key),
        };
        let mut out = Vec::new();
        match self.class {
            None => {}
            Some(Class::Text | Class::Ip | Class::Geo) => {
                cells.texts(row, |text| out.push(text.into()));
                out.sort_by(|a: &Value, b: &Value| a.as_str().cmp(&b.as_str()));
                out.dedup();
            }
            Some(Class::Float) => {
                let mut values = Vec::new();
                cells.numbers(row, &mut values);
                out.extend(values.into_iter().map(|value| shown(Key::Float(value))));
            }
            Some(Class::Int | Class::Unsigned | Class::Bool | Class::Date | Class::DateNanos) => {
                let mut values = Vec::new();
                cells.ints(row, &mut values);
                out.extend(values.into_iter().map(|value| shown(Key::Int(value))));
            }
        }
        Ok(out)
    }
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// The kinds of columns that the values of a class are in.
fn kinds(class: Class) -> &'static [Kind] {
    match class {
        Class::Text => &[Kind::Str, Kind::Int, Kind::Float, Kind::Bool],
        Class::Ip | Class::Geo => &[Kind::Str],
        Class::Int | Class::Unsigned | Class::Date | Class::DateNanos => &[Kind::Int],
        Class::Float => &[Kind::Float, Kind::Int],
        Class::Bool => &[Kind::Bool],
    }
}

/// The class of the values of two indices together.
fn join(a: Class, b: Class, field: &str) -> Result<Class, AggError> {
    Ok(match (a, b) {
        _ if a == b => a,
        (Class::Date, Class::DateNanos) | (Class::DateNanos, Class::Date) => Class::Date,
        _ if a.is_number() && b.is_number() && !a.is_date() && !b.is_date() => Class::Float,
        _ => {
            return Err(AggError::Execution(format!(
                "The field [{field}] has types in two indices that cannot be aggregated together"
            )));
        }
    })
}

fn value_class(name: &str) -> Result<Class, AggError> {
    Ok(match name {
        "string" => Class::Text,
        "long" | "integer" | "short" | "byte" => Class::Int,
        "unsigned_long" => Class::Unsigned,
        "double" | "float" | "number" | "numeric" => Class::Float,
        "date" => Class::Date,
        "ip" => Class::Ip,
        "boolean" => Class::Bool,
        _ => return Err(AggError::Illegal(format!("Unknown value type [{name}]"))),
    })
}

fn show(class: Option<Class>, source: &Source, own: Option<&str>) -> Result<Show, AggError> {
    let zone = match &source.time_zone {
        None => Zone::default(),
        Some(name) => Zone::parse(name)
            .ok_or_else(|| AggError::Illegal(format!("Unknown time-zone ID: {name}")))?,
    };
    let asked = source.format.as_deref();
    Ok(match class {
        Some(Class::Date | Class::DateNanos) => {
            let format = Format::parse(asked.or(own).unwrap_or(DEFAULT_FORMAT))
                .map_err(|error| AggError::Illegal(error.to_string()))?;
            let ns = if class == Some(Class::Date) { 1_000_000 } else { 1 };
            Show::Date { format, zone, ns }
        }
        Some(Class::Bool) => Show::Bool,
        Some(Class::Unsigned) => Show::Unsigned,
        Some(Class::Int | Class::Float) => match asked {
            None => Show::Plain,
            Some(pattern) => Show::Decimal(
                Decimal::parse(pattern)
                    .ok_or_else(|| AggError::Illegal(format!("Malformed pattern \"{pattern}\"")))?,
            ),
        },
        Some(Class::Text | Class::Ip | Class::Geo) | None => Show::Plain,
    })
}

/// An address as it is always written.
pub(super) fn canonical_ip(text: &str) -> Option<String> {
    let address: IpAddr = text.trim().parse().ok()?;
    Some(match address {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => v6.to_string(),
        },
        IpAddr::V4(v4) => v4.to_string(),
    })
}

/// An address as a number: IPv4 within IPv6.
pub(super) fn ip_number(text: &str) -> Option<u128> {
    Some(match text.trim().parse().ok()? {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    })
}

/// The values of one source in one block.
pub(super) struct Cells<'a> {
    columns: Vec<Arc<Column>>,
    binding: Option<&'a Binding>,
    ids: Option<Arc<dyn Block>>,
    bound: &'a Bound,
}

impl Cells<'_> {
    /// The row's values as numbers, ascending; dates in milliseconds or nanoseconds as the class says.
    pub(super) fn numbers(&self, row: usize, out: &mut Vec<f64>) {
        out.clear();
        for column in &self.columns {
            for at in column.of(row) {
                match &column.values {
                    Values::Int(values) => out.push(self.int_number(values[at])),
                    Values::Float(values) => out.push(self.float(values[at])),
                    Values::Bool(values) => out.push(f64::from(u8::from(values[at]))),
                    Values::Str(_) | Values::Dict { .. } => {}
                }
            }
        }
        if out.is_empty() {
            out.extend(self.bound.missing.as_ref().map(Key::number));
        } else if out.len() > 1 {
            out.sort_by(f64::total_cmp);
        }
    }

    /// The row's values as integers, ascending.
    pub(super) fn ints(&self, row: usize, out: &mut Vec<i64>) {
        out.clear();
        for column in &self.columns {
            for at in column.of(row) {
                match &column.values {
                    Values::Int(values) => out.push(self.int(values[at])),
                    Values::Float(values) => out.push(f64_to_int(values[at])),
                    Values::Bool(values) => out.push(i64::from(values[at])),
                    Values::Str(_) | Values::Dict { .. } => {}
                }
            }
        }
        if out.is_empty() {
            out.extend(self.bound.missing.as_ref().map(|key| match key {
                Key::Int(value) => *value,
                Key::Float(value) => f64_to_int(*value),
                Key::Text(_) => 0,
            }));
        } else if out.len() > 1 {
            out.sort_unstable();
        }
    }

    /// The row's texts.
    pub(super) fn texts(&self, row: usize, mut each: impl FnMut(&str)) {
        if let Some(text) = self.binding.and_then(|binding| binding.constant.as_deref()) {
            return each(text);
        }
        if let Some(block) = &self.ids {
            return if let Ok(id) = block.id(row) {
                each(&id)
            };
        }
        let mut any = false;
        for column in &self.columns {
            for at in column.of(row) {
                any |= !matches!(column.values, Values::Str(_) | Values::Dict { .. });
                match &column.values {
                    Values::Str(_) | Values::Dict { .. } => {
                        let text = column.values.text(at).unwrap_or_default();
                        // What is too long to be indexed is missing.
                        if self.counts(text) {
                            any = true;
                            self.text(text, &mut each);
                        }
                    }
                    Values::Int(values) => each(&values[at].to_string()),
                    Values::Float(values) => each(&super::show::float(values[at]).to_string()),
                    Values::Bool(values) => each(if values[at] { "true" } else { "false" }),
                }
            }
        }
        if !any && let Some(Key::Text(text)) = &self.bound.missing {
            each(text);
        }
    }

    fn text(&self, text: &str, each: &mut impl FnMut(&str)) {
        let Some(binding) = self.binding else { return };
        if binding.class == Class::Ip {
            if let Some(text) = canonical_ip(text) {
                each(&text);
            }
        } else if binding.lower {
            each(&text.to_lowercase());
        } else {
            each(text);
        }
    }

    fn counts(&self, text: &str) -> bool {
        let most = self.binding.and_then(|binding| binding.ignore_above);
        most.is_none_or(|most| text.len() <= most || text.chars().count() <= most)
    }

    fn int(&self, value: i64) -> i64 {
        match (self.binding.map(|binding| binding.stored), self.bound.class) {
            (Some(Class::Date), Some(Class::DateNanos)) => value.saturating_mul(1_000),
            (Some(Class::Date), _) => value.div_euclid(1_000),
            (Some(Class::DateNanos), Some(Class::Date)) => value.div_euclid(1_000_000),
            _ => value,
        }
    }

    fn int_number(&self, value: i64) -> f64 {
        match self.binding.map(|binding| binding.class) {
            Some(Class::Unsigned) => super::show::unsigned(value) as f64,
            _ => int_to_f64(self.int(value)),
        }
    }

    fn float(&self, value: f64) -> f64 {
        match self.binding {
            Some(binding) if binding.is_single => single(value),
            Some(Binding { scale: Some(scale), .. }) => (value * scale).round() / scale,
            Some(_) | None => value,
        }
    }

    /// Whether the row has any value, a missing one's stand-in included.
    pub(super) fn has(&self, row: usize) -> bool {
        self.bound.missing.is_some()
            || self.ids.is_some()
            || self.binding.is_some_and(|binding| binding.constant.is_some())
            || self.columns.iter().any(|column| column.has(row))
    }

    /// How many values the row has.
    pub(super) fn count(&self, row: usize) -> usize {
        let count = self.columns.iter().map(|column| column.of(row).len()).sum();
        if count == 0 && self.has(row) { 1 } else { count }
    }

    /// How many values the row has that are indexed: of texts and addresses, each once.
    pub(super) fn counted(&self, row: usize) -> usize {
        let is_text = matches!(self.bound.class, Some(Class::Text | Class::Ip));
        let count = self.count(row);
        let may_be_less =
            count > 1 || self.binding.is_some_and(|binding| binding.ignore_above.is_some());
        if !is_text || !may_be_less || !self.columns.iter().any(|column| column.has(row)) {
            return count;
        }
        let mut seen = std::collections::HashSet::new();
        self.texts(row, |text| {
            seen.insert(text.to_owned());
        });
        seen.len()
    }

    /// The row's values as numbers of `interner`, each once.
    pub(super) fn keys(&self, row: usize, interner: &mut Interner, out: &mut Vec<u32>) {
        out.clear();
        match self.bound.class {
            None => {}
            Some(Class::Text | Class::Ip | Class::Geo) => match self.columns.as_slice() {
                [column] if self.binding.is_some_and(|binding| !binding.lower) => {
                    self.text_keys(column, row, interner, out);
                }
                _ => self.texts(row, |text| out.push(interner.text(text))),
            },
            Some(Class::Float) => {
                let mut values = Vec::new();
                self.numbers(row, &mut values);
                out.extend(values.into_iter().map(|value| interner.float(value)));
            }
            Some(Class::Int | Class::Unsigned | Class::Bool | Class::Date | Class::DateNanos) => {
                if let [column] = self.columns.as_slice()
                    && let (Values::Int(values), 1) = (&column.values, column.of(row).len())
                {
                    out.push(interner.int(self.int(values[column.of(row).start])));
                    return;
                }
                let mut values = Vec::new();
                self.ints(row, &mut values);
                out.extend(values.into_iter().map(|value| interner.int(value)));
            }
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
    }

    /// Texts of a dictionary are looked up once for each word of it.
    fn text_keys(&self, column: &Column, row: usize, interner: &mut Interner, out: &mut Vec<u32>) {
        for at in column.of(row) {
            if let Values::Dict { codes, words } = &column.values {
                out.extend(
                    interner.code(words, codes[at], |interner, text| self.word(text, interner)),
                );
            } else if let Some(text) = column.values.text(at) {
                out.extend(self.word(text, interner));
            }
        }
        if out.is_empty()
            && let Some(Key::Text(text)) = &self.bound.missing
        {
            out.push(interner.text(text));
        }
    }

    fn word(&self, text: &str, interner: &mut Interner) -> Option<u32> {
        let mut id = None;
        if self.counts(text) {
            self.text(text, &mut |text| id = Some(interner.text(text)));
        }
        id
    }
}

/// A number as 32 bits keep it.
#[expect(clippy::cast_possible_truncation, reason = "that is what `float` fields hold")]
fn single(value: f64) -> f64 {
    f64::from(value as f32)
}
