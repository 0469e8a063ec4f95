//! The order of hits: the values that rows are sorted by, and how they compare.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::Value;

use super::bind::{float_width, is_date, is_integer};
use super::eval::{At, Eval, value_text};
use super::field::{self, is_keyword, is_text};
use super::plan::Columns;
use super::request::{Missing, Mode, NumericType, Sort, SortBy};
use super::{SearchError, Target, value};
use crate::column::{Column, Kind, Values};
use crate::date::{Edge, Format, Zone};
use crate::mapping::FieldType;
use crate::part::{ReadError, system};

/// What a row is sorted by at one level.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Int(i64),
    Float(f64),
    Text(Box<str>),
    /// No value: before or behind all others, whichever way they go.
    First,
    Last,
}

impl Key {
    fn rank(&self) -> i8 {
        match self {
            Self::First => 0,
            Self::Int(_) | Self::Float(_) | Self::Text(_) => 1,
            Self::Last => 2,
        }
    }

    /// The order of two keys of a level that goes up or down.
    pub(super) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let ranks = self.rank().cmp(&other.rank());
        if ranks != Ordering::Equal || self.rank() != 1 {
            return ranks;
        }
        let order = match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            // Numbers of different indices, then numbers before texts.
            (Self::Text(_), _) => Ordering::Greater,
            (_, Self::Text(_)) => Ordering::Less,
            (a, b) => a.float().total_cmp(&b.float()),
        };
        if descending { order.reverse() } else { order }
    }

    fn float(&self) -> f64 {
        match self {
            Self::Int(value) => value::wide(*value),
            Self::Float(value) => *value,
            Self::Text(_) | Self::First | Self::Last => 0.0,
        }
    }
}

/// What the values of a level are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Int,
    /// Microseconds in the column, milliseconds as a key.
    Millis,
    /// Nanoseconds in the column and as a key.
    Nanos,
    /// Microseconds in the column, nanoseconds as a key.
    MicrosAsNanos,
    /// Nanoseconds in the column, milliseconds as a key.
    NanosAsMillis,
    Unsigned,
    Float,
    Bool,
    Text,
    Ip,
}

/// One level of the order, for one index.
#[derive(Debug, Clone)]
pub(super) struct Level {
    by: By,
    pub(super) descending: bool,
}

#[derive(Debug, Clone)]
enum By {
    Score,
    Doc { target: i64 },
    Field(FieldLevel),
}

#[derive(Debug, Clone)]
struct FieldLevel {
    columns: Vec<String>,
    shape: Shape,
    mode: Mode,
    missing: Key,
    /// The default place: what is said in its stead is the type's first or last value.
    format: Option<Arc<Format>>,
    is_time: bool,
}

/// Where a row came, over all targets.
pub(super) fn doc_key(target: i64, seq: i64) -> i64 {
    (target << 48) | seq
}

fn no_sort(target: &Target, what: String) -> SearchError {
    SearchError::Sort { index: target.index.clone(), what }
}

impl Level {
    /// A level of `sort` for the index at `place` of the targets.
    pub(super) fn bind(sort: &Sort, target: &Target, place: usize) -> Result<Self, SearchError> {
        let by = match &sort.by {
            SortBy::Score => By::Score,
            SortBy::Doc => By::Doc { target: i64::try_from(place).unwrap_or(0) },
            SortBy::Field(name) => By::Field(field_level(name, sort, target)?),
        };
        Ok(Self { by, descending: sort.descending })
    }

    /// Whether the times of parts and blocks bound the keys of their rows, but for those without a value, which come last.
    pub(super) fn time_bound(&self) -> bool {
        match &self.by {
            By::Field(level) => level.is_time && level.missing == Key::Last,
            By::Score | By::Doc { .. } => false,
        }
    }

    /// The best key that a row can have whose time lies in `times`.
    pub(super) fn best_of_times(&self, (first, last): (i64, i64)) -> Key {
        let time = if self.descending { last } else { first };
        let By::Field(level) = &self.by else { return Key::First };
        Key::Int(match level.shape {
            Shape::Millis => time.div_euclid(1_000),
            // Times are cut to microseconds: what is later within one has to be thought of.
            Shape::Nanos if self.descending => time.saturating_mul(1_000).saturating_add(999),
            Shape::NanosAsMillis => time.div_euclid(1_000),
            Shape::Nanos | Shape::MicrosAsNanos => time.saturating_mul(1_000),
            Shape::Int | Shape::Unsigned | Shape::Float | Shape::Bool | Shape::Text | Shape::Ip => {
                time
            }
        })
    }

    /// What a block's rows are sorted by at this level.
    pub(super) fn keys(&self, eval: &mut Eval, at: At<'_>) -> Result<Keys, ReadError> {
        match &self.by {
            By::Score => Ok(Keys::Score),
            By::Doc { target } => {
                Ok(Keys::Doc { target: *target, column: eval.column(at, system::SEQ, Kind::Int)? })
            }
            By::Field(level) => {
                let kinds: &[Kind] = match level.shape {
                    Shape::Int
                    | Shape::Millis
                    | Shape::Nanos
                    | Shape::MicrosAsNanos
                    | Shape::NanosAsMillis
                    | Shape::Unsigned => &[Kind::Int],
                    Shape::Float => &[Kind::Float, Kind::Int],
                    Shape::Bool => &[Kind::Bool],
                    Shape::Text => &Kind::ALL,
                    Shape::Ip => &[Kind::Str],
                };
                let mut columns = Vec::new();
                for name in &level.columns {
                    for kind in kinds {
                        columns.extend(eval.column(at, name, *kind)?);
                    }
                }
                Ok(Keys::Field(columns))
            }
        }
    }

    /// The key of a row.
    pub(super) fn key(&self, keys: &Keys, row: usize, score: f32) -> Key {
        match (&self.by, keys) {
            (By::Field(level), Keys::Field(columns)) => level.key(columns, row, self.descending),
            (_, Keys::Doc { target, column }) => Key::Int(doc_key(
                *target,
                column.as_ref().and_then(|seq| seq.int(row)).unwrap_or(0),
            )),
            _ => Key::Float(f64::from(score)),
        }
    }

    /// The key as an answer says it.
    pub(super) fn value(&self, key: &Key) -> Value {
        let By::Field(level) = &self.by else {
            return match key {
                Key::Int(value) => Value::from(*value),
                Key::Float(value) => Value::from(*value),
                Key::Text(_) | Key::First | Key::Last => Value::Null,
            };
        };
        match (key, level.shape) {
            (Key::Int(value), Shape::Unsigned) => {
                Value::from(value.wrapping_sub(i64::MIN).cast_unsigned())
            }
            (Key::Int(value), _) => Value::from(*value),
            (Key::Float(value), _) => Value::from(*value),
            (Key::Text(text), Shape::Ip) => Value::from(address_text(text)),
            (Key::Text(text), _) => Value::from(text.as_ref()),
            (Key::First | Key::Last, Shape::Text | Shape::Ip) => Value::Null,
            (Key::First | Key::Last, Shape::Float) => {
                let low = (*key == Key::First) != self.descending;
                Value::from(if low { "-Infinity" } else { "Infinity" })
            }
            (
                Key::First | Key::Last,
                Shape::Int
                | Shape::Millis
                | Shape::Nanos
                | Shape::MicrosAsNanos
                | Shape::NanosAsMillis
                | Shape::Unsigned
                | Shape::Bool,
            ) => {
                let low = (*key == Key::First) != self.descending;
                Value::from(if low { i64::MIN } else { i64::MAX })
            }
        }
    }

    /// A key from a value of `search_after`.
    pub(super) fn after(&self, value: &Value, target: &Target) -> Result<Key, SearchError> {
        let error =
            || no_sort(target, format!("Failed to parse search_after value for field [{value}]."));
        if value.is_null() {
            return Ok(match &self.by {
                By::Field(level) if level.missing == Key::First => Key::First,
                By::Field(_) | By::Score | By::Doc { .. } => Key::Last,
            });
        }
        match &self.by {
            By::Score => value::float(value).map(Key::Float).map_err(|_| error()),
            By::Doc { .. } => value.as_i64().map(Key::Int).ok_or_else(error),
            By::Field(level) => level.parse(value).map(|key| level.unmissed(key)).ok_or_else(error),
        }
    }
}

/// The values of a level in one block.
#[derive(Debug)]
pub(super) enum Keys {
    Score,
    Doc { target: i64, column: Option<Arc<Column>> },
    Field(Vec<Arc<Column>>),
}

fn field_level(name: &str, sort: &Sort, target: &Target) -> Result<FieldLevel, SearchError> {
    // Columns hold the values of all of a row's objects: which of them a filter lets through is not known.
    if sort.nested.as_ref().is_some_and(|nested| nested.filter.is_some()) {
        let what = format!("[nested] sort on [{name}] with a [filter] is not supported");
        return Err(no_sort(target, what));
    }
    let found = field::resolve(target, name);
    let unmapped = found.is_none();
    let (kind, found) = match (found, sort.unmapped_type) {
        (Some(found), _) => (found.kind, Some(found)),
        (None, Some(kind)) => (kind, None),
        (None, None) => {
            return Err(SearchError::SortUnmapped {
                index: target.index.clone(),
                field: name.to_owned(),
            });
        }
    };
    let has_fielddata = found
        .as_ref()
        .is_some_and(|found| found.field.params.get("fielddata").is_some_and(|on| *on == true));
    if is_text(kind) && !has_fielddata && !unmapped {
        return Err(no_sort(
            target,
            format!(
                "Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, set fielddata=true on [{name}] in order to load field data by uninverting the inverted index. Note that this can use significant memory."
            ),
        ));
    }
    let is_float = found.as_ref().is_some_and(|found| float_width(found).is_some())
        || matches!(kind, FieldType::Double | FieldType::Float | FieldType::HalfFloat);
    let shape = match shape_of(kind, is_float) {
        Some(shape) => cast(shape, sort.numeric_type),
        None => {
            return Err(no_sort(
                target,
                format!("can't sort on field [{name}] of type [{}]", kind.name()),
            ));
        }
    };
    let columns = match found.as_ref().map(|found| &found.columns) {
        Some(Columns::Named(names)) => names.clone(),
        Some(Columns::Under(_)) | None => Vec::new(),
    };
    let mut level = FieldLevel {
        is_time: is_date(kind) && columns == ["@timestamp"],
        columns,
        shape,
        mode: sort.mode.unwrap_or(if sort.descending { Mode::Max } else { Mode::Min }),
        missing: Key::Last,
        format: match &found {
            Some(found) if is_date(kind) => found.format().ok(),
            Some(_) | None => None,
        },
    };
    level.missing = match &sort.missing {
        Missing::Last => Key::Last,
        Missing::First => Key::First,
        Missing::Value(value) => level.parse(value).ok_or_else(|| {
            no_sort(target, format!("Failed to parse missing value [{value}] of field [{name}]"))
        })?,
    };
    Ok(level)
}

fn shape_of(kind: FieldType, is_float: bool) -> Option<Shape> {
    Some(if kind == FieldType::UnsignedLong {
        Shape::Unsigned
    } else if is_integer(kind) {
        Shape::Int
    } else if is_float {
        Shape::Float
    } else if kind == FieldType::Date {
        Shape::Millis
    } else if kind == FieldType::DateNanos {
        Shape::Nanos
    } else if kind == FieldType::Boolean {
        Shape::Bool
    } else if kind == FieldType::Ip {
        Shape::Ip
    } else if is_keyword(kind) || is_text(kind) {
        Shape::Text
    } else {
        return None;
    })
}

fn cast(shape: Shape, to: Option<NumericType>) -> Shape {
    match (shape, to) {
        (Shape::Millis, Some(NumericType::DateNanos)) => Shape::MicrosAsNanos,
        (Shape::Nanos, Some(NumericType::Date)) => Shape::NanosAsMillis,
        (Shape::Int, Some(NumericType::Double)) => Shape::Float,
        (shape, _) => shape,
    }
}

impl FieldLevel {
    fn key(&self, columns: &[Arc<Column>], row: usize, descending: bool) -> Key {
        let mut values = columns
            .iter()
            .flat_map(|column| column.of(row).map(move |at| (column, at)))
            .filter_map(|(column, at)| self.one(&column.values, at));
        let Some(first) = values.next() else { return self.missing.clone() };
        let Some(second) = values.next() else { return first };
        let mut all: Vec<Key> = [first, second].into_iter().chain(values).collect();
        all.sort_by(|a, b| a.compare(b, false));
        let middle = all.len() / 2;
        match self.mode {
            Mode::Min => all.swap_remove(0),
            Mode::Max => all.pop().unwrap_or(Key::Last),
            // Texts have no sum: the usual end is taken.
            Mode::Sum | Mode::Avg | Mode::Median if matches!(all[0], Key::Text(_)) => {
                all.swap_remove(if descending { all.len() - 1 } else { 0 })
            }
            Mode::Sum => self.number(all.iter().map(Key::float).sum()),
            Mode::Avg => self.number(all.iter().map(Key::float).sum::<f64>() / count(all.len())),
            Mode::Median if all.len() % 2 == 1 => all.swap_remove(middle),
            Mode::Median => self.number((all[middle - 1].float() + all[middle].float()) / 2.0),
        }
    }

    /// A computed number in the level's own kind.
    fn number(&self, value: f64) -> Key {
        if self.shape == Shape::Float { Key::Float(value) } else { Key::Int(nearest(value)) }
    }

    fn one(&self, values: &Values, at: usize) -> Option<Key> {
        Some(match (self.shape, values) {
            (Shape::Millis, Values::Int(values)) => Key::Int(values[at].div_euclid(1_000)),
            (Shape::MicrosAsNanos, Values::Int(values)) => {
                Key::Int(values[at].saturating_mul(1_000))
            }
            (Shape::NanosAsMillis, Values::Int(values)) => {
                Key::Int(values[at].div_euclid(1_000_000))
            }
            (Shape::Int | Shape::Nanos | Shape::Unsigned, Values::Int(values)) => {
                Key::Int(values[at])
            }
            (Shape::Float, Values::Int(values)) => Key::Float(value::wide(values[at])),
            (Shape::Float, Values::Float(values)) => Key::Float(values[at]),
            (Shape::Bool, Values::Bool(values)) => Key::Int(i64::from(values[at])),
            (Shape::Text, values) => Key::Text(value_text(values, at).into()),
            (Shape::Ip, values) => Key::Text(sortable(value::address(values.text(at)?)?)),
            _ => return None,
        })
    }

    fn parse(&self, value: &Value) -> Option<Key> {
        Some(match self.shape {
            Shape::Int => Key::Int(nearest_integer(value)?),
            Shape::Millis | Shape::NanosAsMillis => {
                Key::Int(self.date(value, 1_000_000).or_else(|| nearest_integer(value))?)
            }
            Shape::Nanos | Shape::MicrosAsNanos => {
                // A number is what a hit said: nanoseconds.
                match value.as_i64() {
                    Some(ns) => Key::Int(ns),
                    None => Key::Int(self.date(value, 1).or_else(|| nearest_integer(value))?),
                }
            }
            Shape::Unsigned => {
                let whole = value::integer(value).ok()?;
                Key::Int(value::stored(FieldType::UnsignedLong, whole.floor))
            }
            Shape::Float => match value.as_str() {
                Some("Infinity") => Key::Float(f64::INFINITY),
                Some("-Infinity") => Key::Float(f64::NEG_INFINITY),
                _ => Key::Float(value::float(value).ok()?),
            },
            Shape::Bool => match value::boolean(value) {
                Ok(flag) => Key::Int(i64::from(flag)),
                Err(_) => Key::Int(nearest_integer(value)?),
            },
            Shape::Text => Key::Text(value::text(value).into()),
            Shape::Ip => Key::Text(sortable(value::address(value.as_str()?)?)),
        })
    }

    fn date(&self, value: &Value, unit_ns: i128) -> Option<i64> {
        // Whole numbers are milliseconds whatever the format is: hits say them so.
        if value.is_number() {
            return None;
        }
        let format = self.format.clone().unwrap_or_default();
        let ns = format.read(value.as_str()?, &Zone::default(), Edge::First)?;
        i64::try_from(ns.div_euclid(unit_ns)).ok()
    }

    /// The values that stand for missing ones are missing ones again. Clients that know only floats round them.
    fn unmissed(&self, key: Key) -> Key {
        let is_end = match key {
            Key::Int(value) => {
                value <= -9_223_372_036_854_775_000 || value >= 9_223_372_036_854_775_000
            }
            Key::Float(value) => value.is_infinite(),
            Key::Text(_) | Key::First | Key::Last => false,
        };
        let is_own = matches!(self.missing, Key::First | Key::Last);
        if is_end && is_own && self.shape != Shape::Unsigned { self.missing.clone() } else { key }
    }
}

fn nearest_integer(value: &Value) -> Option<i64> {
    let floor = value::integer(value).ok()?.floor;
    i64::try_from(floor.clamp(i128::from(i64::MIN), i128::from(i64::MAX))).ok()
}

#[expect(clippy::cast_possible_truncation, reason = "saturates at the ends of the type")]
fn nearest(value: f64) -> i64 {
    value.round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "a row's values are far fewer than 2^52")]
fn count(len: usize) -> f64 {
    len as f64
}

/// An address as a text that sorts as the number does.
fn sortable(address: u128) -> Box<str> {
    format!("{address:032x}").into()
}

fn address_text(sortable: &str) -> String {
    let address = std::net::Ipv6Addr::from_bits(u128::from_str_radix(sortable, 16).unwrap_or(0));
    address.to_ipv4_mapped().map_or_else(|| address.to_string(), |four| four.to_string())
}

/// The order of two rows' keys over all levels.
pub(super) fn compare(levels: &[Level], a: &[Key], b: &[Key]) -> Ordering {
    for ((level, a), b) in levels.iter().zip(a).zip(b) {
        let order = a.compare(b, level.descending);
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
