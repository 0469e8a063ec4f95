//! Documents made again from their columns.
//!
//! A row's *shape* (column `_shape`) is its document without the values: keys in their order, nesting, and in which form each value stands
//! in its column. Grammar: `leaf = form ["*"] len ":" key`, `object = "{" len ":" key … "}"`, where `*` says that the value is an array,
//! and `len` counts the bytes of `key`. The column's name is the path of keys, joined by dots; which kind of column follows from the form.

use std::fmt::Write as _;
use std::sync::Arc;

use stdx::time::Date;

use crate::column::{Column, Kind, Values};
use crate::json::{DEPTH_MAX, write_string};
use crate::part::{Block, ReadError, system};

/// How a leaf stands in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// A string, in `Str`.
    Text,
    /// A number or a truth value whose text is in `Str`.
    Raw,
    /// An integer, in `Int`.
    Int,
    /// A string of an integer's digits, in `Int`.
    QuotedInt,
    /// An integer of 64 bits without sign, in `Int`, `i64::MIN` added.
    Unsigned,
    /// A number with a fraction or exponent, in `Float`.
    Float,
    /// An integer, in `Float`.
    FloatAsInt,
    Bool,
    /// `"true"` or `"false"`, in `Bool`.
    QuotedBool,
    /// Milliseconds since 1970 as a number, in `Int` as microseconds.
    Millis,
    /// Milliseconds since 1970 as a number, in `Int` as nanoseconds.
    MillisAsNanos,
    /// `2026-11-21T00:00:00.000Z`, in `Int` as microseconds: digits of the fraction, and what is behind.
    Micros(u8, Offset),
    /// The same as nanoseconds.
    Nanos(u8, Offset),
    /// No value.
    Null,
    EmptyArray,
}

/// What stands behind a date's fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Offset {
    /// Nothing: UTC.
    None,
    /// `Z`.
    Zulu,
    /// Minutes east of Greenwich, as `+09:00`.
    Minutes(i16),
}

impl Form {
    /// The column that it stands in.
    pub(crate) fn kind(self) -> Option<Kind> {
        match self {
            Self::Text | Self::Raw => Some(Kind::Str),
            Self::Int
            | Self::QuotedInt
            | Self::Unsigned
            | Self::Millis
            | Self::MillisAsNanos
            | Self::Micros(..)
            | Self::Nanos(..) => Some(Kind::Int),
            Self::Float | Self::FloatAsInt => Some(Kind::Float),
            Self::Bool | Self::QuotedBool => Some(Kind::Bool),
            Self::Null | Self::EmptyArray => None,
        }
    }

    fn write(self, out: &mut String) {
        let letter = match self {
            Self::Text => 's',
            Self::Raw => 'r',
            Self::Int => 'i',
            Self::QuotedInt => 'q',
            Self::Unsigned => 'u',
            Self::Float => 'f',
            Self::FloatAsInt => 'j',
            Self::Bool => 'b',
            Self::QuotedBool => 'B',
            Self::Millis => 'm',
            Self::MillisAsNanos => 'M',
            Self::Micros(..) => 'd',
            Self::Nanos(..) => 'D',
            Self::Null => 'n',
            Self::EmptyArray => 'e',
        };
        out.push(letter);
        if let Self::Micros(digits, offset) | Self::Nanos(digits, offset) = self {
            out.push(char::from(b'0' + digits));
            match offset {
                Offset::None => out.push('N'),
                Offset::Zulu => out.push('Z'),
                Offset::Minutes(minutes) => {
                    write!(out, "{minutes:+05}").expect("a string takes everything");
                }
            }
        }
    }

    fn read(shape: &mut Shape<'_>) -> Option<Self> {
        Some(match shape.letter()? {
            b's' => Self::Text,
            b'r' => Self::Raw,
            b'i' => Self::Int,
            b'q' => Self::QuotedInt,
            b'u' => Self::Unsigned,
            b'f' => Self::Float,
            b'j' => Self::FloatAsInt,
            b'b' => Self::Bool,
            b'B' => Self::QuotedBool,
            b'm' => Self::Millis,
            b'M' => Self::MillisAsNanos,
            b'd' => {
                let (digits, offset) = shape.date()?;
                Self::Micros(digits, offset)
            }
            b'D' => {
                let (digits, offset) = shape.date()?;
                Self::Nanos(digits, offset)
            }
            b'n' => Self::Null,
            b'e' => Self::EmptyArray,
            _ => return None,
        })
    }
}

/// Appends a leaf to a shape.
pub(crate) fn put_leaf(key: &str, form: Form, is_array: bool, shape: &mut String) {
    form.write(shape);
    if is_array {
        shape.push('*');
    }
    put_key(key, shape);
}

/// Appends the beginning of an object to a shape; its end is `}`.
pub(crate) fn put_object(key: &str, shape: &mut String) {
    shape.push('{');
    put_key(key, shape);
}

fn put_key(key: &str, shape: &mut String) {
    write!(shape, "{}:{key}", key.len()).expect("a string takes everything");
}

/// What is left of a shape's text.
struct Shape<'a>(&'a str);

impl<'a> Shape<'a> {
    fn letter(&mut self) -> Option<u8> {
        let letter = *self.0.as_bytes().first()?;
        self.0 = self.0.get(1..)?;
        Some(letter)
    }

    fn take(&mut self, len: usize) -> Option<&'a str> {
        let (front, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(front)
    }

    fn key(&mut self) -> Option<&'a str> {
        let (len, rest) = self.0.split_once(':')?;
        self.0 = rest;
        self.take(len.parse().ok()?)
    }

    fn date(&mut self) -> Option<(u8, Offset)> {
        let digits = self.letter()?.checked_sub(b'0').filter(|digits| *digits <= 9)?;
        for (letter, offset) in [('Z', Offset::Zulu), ('N', Offset::None)] {
            if let Some(rest) = self.0.strip_prefix(letter) {
                self.0 = rest;
                return Some((digits, offset));
            }
        }
        Some((digits, Offset::Minutes(self.take(5)?.parse().ok()?)))
    }

    fn is_array(&mut self) -> bool {
        let rest = self.0.strip_prefix('*');
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// The document of `row`: what [`Block::source`] answers. `part` and `at` name the block in errors.
///
/// # Errors
/// Damage: a column cannot be read, the row has neither a source nor a shape, or its shape does not fit its columns.
pub fn rebuild(part: &str, at: usize, block: &dyn Block, row: usize) -> Result<String, ReadError> {
    if let Some(source) = text_of(block, system::SOURCE, row)? {
        return Ok(source);
    }
    let damage = |what: &str| ReadError { part: part.to_owned(), block: at, what: what.to_owned() };
    let Some(shape) = text_of(block, system::SHAPE, row)? else {
        return Err(damage("a row without source and shape"));
    };
    let mut writer = Writer { block, row, out: String::with_capacity(512), path: String::new() };
    match writer.members(&mut Shape(&shape), 0)? {
        Some(()) => Ok(writer.out),
        None => Err(damage("a shape that does not fit its row")),
    }
}

fn text_of(block: &dyn Block, field: &str, row: usize) -> Result<Option<String>, ReadError> {
    let column = block.column(field, Kind::Str)?;
    Ok(column.and_then(|column| column.text(row).map(str::to_owned)))
}

struct Writer<'a> {
    block: &'a dyn Block,
    row: usize,
    out: String,
    /// Of the object that is being written, with a dot behind, unless it is the root.
    path: String,
}

impl Writer<'_> {
    /// Writes an object to its end. `None` when the shape does not fit.
    fn members(&mut self, shape: &mut Shape<'_>, depth: usize) -> Result<Option<()>, ReadError> {
        if depth > DEPTH_MAX {
            return Ok(None);
        }
        self.out.push('{');
        let mut is_first = true;
        loop {
            if shape.0.is_empty() {
                // The root's end is not written.
                self.out.push('}');
                return Ok((depth == 0).then_some(()));
            }
            if let Some(rest) = shape.0.strip_prefix('}') {
                shape.0 = rest;
                self.out.push('}');
                return Ok((depth > 0).then_some(()));
            }
            if !is_first {
                self.out.push(',');
            }
            is_first = false;
            if self.member(shape, depth)?.is_none() {
                return Ok(None);
            }
        }
    }

    fn member(&mut self, shape: &mut Shape<'_>, depth: usize) -> Result<Option<()>, ReadError> {
        if let Some(rest) = shape.0.strip_prefix('{') {
            shape.0 = rest;
            let Some(key) = shape.key() else { return Ok(None) };
            self.key(key);
            let len = self.path.len();
            self.path.push_str(key);
            self.path.push('.');
            let written = self.members(shape, depth + 1)?;
            self.path.truncate(len);
            return Ok(written);
        }
        let Some(form) = Form::read(shape) else { return Ok(None) };
        let is_array = shape.is_array();
        let Some(key) = shape.key() else { return Ok(None) };
        self.key(key);
        let Some(kind) = form.kind() else {
            self.out.push_str(if form == Form::EmptyArray { "[]" } else { "null" });
            return Ok(Some(()));
        };
        let len = self.path.len();
        self.path.push_str(key);
        let column = self.block.column(&self.path, kind)?;
        self.path.truncate(len);
        Ok(column.and_then(|column| self.values(&column, form, is_array)))
    }

    fn key(&mut self, key: &str) {
        write_string(key, &mut self.out);
        self.out.push(':');
    }

    fn values(&mut self, column: &Arc<Column>, form: Form, is_array: bool) -> Option<()> {
        let of = column.of(self.row);
        if !is_array {
            if of.len() != 1 {
                return None;
            }
            return write_value(&column.values, of.start, form, &mut self.out);
        }
        self.out.push('[');
        for at in of.clone() {
            if at > of.start {
                self.out.push(',');
            }
            write_value(&column.values, at, form, &mut self.out)?;
        }
        self.out.push(']');
        Some(())
    }
}

/// Appends value `at` as it was written. `None` when the form does not fit.
fn write_value(values: &Values, at: usize, form: Form, out: &mut String) -> Option<()> {
    match (form, values) {
        (Form::Text, Values::Str(_) | Values::Dict { .. }) => write_string(values.text(at)?, out),
        (Form::Raw, Values::Str(_) | Values::Dict { .. }) => out.push_str(values.text(at)?),
        (Form::Float, Values::Float(of)) => write!(out, "{:?}", of.get(at)?).ok()?,
        (Form::FloatAsInt, Values::Float(of)) => write!(out, "{:.0}", of.get(at)?).ok()?,
        (Form::Bool, Values::Bool(of)) => write!(out, "{}", of.get(at)?).ok()?,
        (Form::QuotedBool, Values::Bool(of)) => write!(out, "\"{}\"", of.get(at)?).ok()?,
        (_, Values::Int(of)) => write_int(*of.get(at)?, form, out)?,
        _ => return None,
    }
    Some(())
}

fn write_int(value: i64, form: Form, out: &mut String) -> Option<()> {
    match form {
        Form::Int => write!(out, "{value}").ok(),
        Form::QuotedInt => write!(out, "\"{value}\"").ok(),
        Form::Unsigned => write!(out, "{}", value.wrapping_sub(i64::MIN).cast_unsigned()).ok(),
        Form::Millis => write!(out, "{}", value.div_euclid(1_000)).ok(),
        Form::MillisAsNanos => write!(out, "{}", value.div_euclid(1_000_000)).ok(),
        Form::Micros(digits, offset) => {
            let nanos = u32::try_from(value.rem_euclid(1_000_000)).ok()? * 1_000;
            write_date(value.div_euclid(1_000_000), nanos, digits, offset, out)
        }
        Form::Nanos(digits, offset) => {
            let nanos = u32::try_from(value.rem_euclid(1_000_000_000)).ok()?;
            write_date(value.div_euclid(1_000_000_000), nanos, digits, offset, out)
        }
        Form::Text
        | Form::Raw
        | Form::Float
        | Form::FloatAsInt
        | Form::Bool
        | Form::QuotedBool
        | Form::Null
        | Form::EmptyArray => None,
    }
}

fn write_date(
    seconds: i64,
    nanos: u32,
    digits: u8,
    offset: Offset,
    out: &mut String,
) -> Option<()> {
    let east = if let Offset::Minutes(minutes) = offset { i64::from(minutes) } else { 0 };
    let local = seconds.checked_add(east * 60)?;
    let Date { year, month, day, second_of_day, .. } = Date::at(local);
    let (hour, minute, second) =
        (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
    write!(out, "\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}").ok()?;
    if digits > 0 {
        let fraction = format!("{nanos:09}");
        write!(out, ".{}", fraction.get(..usize::from(digits))?).ok()?;
    }
    match offset {
        Offset::None => {}
        Offset::Zulu => out.push('Z'),
        Offset::Minutes(minutes) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.unsigned_abs();
            write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60).ok()?;
        }
    }
    out.push('"');
    Some(())
}
