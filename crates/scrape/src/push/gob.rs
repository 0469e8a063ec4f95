//! A persistence file of Pushgateway → groups: the part of Go's gob encoding that such a file is written in.
//!
//! A gob stream describes its types before its value, so fields are found by their names and what is unknown is passed over.
//! Invariants: no bytes make it panic, recurse deeper than [`DEPTH_MAX`], or allocate more than they can fill; a group that is given
//! was read whole, and what could not be read is told with its place in the file.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use stdx::varint::put_uvarint;

use super::body::{self, DELIMITED_PROTOBUF};
use super::family::{Family, Group, Grouping, PUSH_FAILURE_TIME, PUSH_TIME, Value};
use super::gateway::Options;

/// Most types that a stream may describe. Pushgateway's describe some 40.
const TYPES_MAX: usize = 256;
/// Most fields of one type.
const FIELDS_MAX: usize = 256;
/// How deep values that are passed over may lie in each other.
const DEPTH_MAX: usize = 16;
/// Seconds from the year 1, when Go's time begins, to 1970.
const UNIX_SECONDS: i64 = 62_135_596_800;

const STRING: i64 = 6;

/// What a persistence file holds.
#[derive(Debug, Default, PartialEq)]
pub struct Persisted {
    pub groups: Vec<Group>,
    /// What could not be read, each with the byte of the file.
    pub damage: Vec<String>,
}

/// Reads a whole persistence file. Groups before damage are given; one that is damaged alone is left out alone.
#[must_use]
pub fn persisted(bytes: &[u8]) -> Persisted {
    let mut found = Persisted::default();
    if let Err(error) = stream(bytes, &mut found) {
        found.damage.push(error.to_string());
    }
    found
}

#[derive(Debug, thiserror::Error)]
#[error("byte {at}: {what}")]
struct Bad {
    at: usize,
    what: &'static str,
}

#[derive(Debug, Clone)]
enum Type {
    /// A slice or an array.
    List(i64),
    Map {
        key: i64,
        value: i64,
    },
    /// Names and types.
    Struct(Vec<(String, i64)>),
    /// Bytes that a program has made of its value itself.
    Opaque,
}

type Types = HashMap<i64, Type>;

/// Messages one after another: descriptions of types, then the value.
fn stream(bytes: &[u8], found: &mut Persisted) -> Result<(), Bad> {
    let mut types = Types::new();
    let mut all = Reader { bytes, at: 0, end: bytes.len() };
    loop {
        let len = all.uint()?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let end = all.at.saturating_add(len);
        let mut message = Reader { bytes, at: all.at, end: end.min(bytes.len()) };
        let from = message.at;
        let id = message.int()?;
        if id >= 0 {
            value(&mut message, &types, id, found)?;
            all.at = message.at;
            let rest = bytes.len() - message.at;
            return if rest == 0 { Ok(()) } else { Err(all.bad("bytes behind the groups")) };
        }
        let id = id.checked_neg().ok_or(Bad { at: from, what: "no type has this number" })?;
        let described = message.description()?;
        if message.at != end {
            return Err(message.bad("a type's description is longer than it says"));
        }
        types.insert(id, described);
        if types.len() > TYPES_MAX {
            return Err(Bad { at: from, what: "too many types" });
        }
        all.at = end;
    }
}

/// The map of groups.
fn value(
    reader: &mut Reader<'_>,
    types: &Types,
    id: i64,
    found: &mut Persisted,
) -> Result<(), Bad> {
    let at = reader.at;
    // What is no struct stands behind a zero.
    let (Some(Type::Map { key: STRING, value }), 0) = (types.get(&id), reader.uint()?) else {
        return Err(Bad { at, what: "no map of groups" });
    };
    for _ in 0..reader.uint()? {
        let at = reader.at;
        reader.bytes()?;
        let raw = RawGroup::read(reader, types, *value)?;
        match raw.group(at) {
            Ok(group) => found.groups.push(group),
            Err(text) => found.damage.push(text),
        }
    }
    Ok(())
}

/// A group whose families are not decoded yet.
#[derive(Default)]
struct RawGroup<'a> {
    labels: Vec<(&'a str, &'a str)>,
    families: Vec<RawFamily<'a>>,
}

#[derive(Default)]
struct RawFamily<'a> {
    /// Where its bytes begin.
    at: usize,
    bytes: &'a [u8],
    time_ms: i64,
}

impl<'a> RawGroup<'a> {
    fn read(reader: &mut Reader<'a>, types: &Types, id: i64) -> Result<Self, Bad> {
        let mut group = Self::default();
        reader.structure(types, id, |reader, name, id| match name {
            "Labels" => reader.map(types, id, STRING, |reader, name, _| {
                group.labels.push((name, reader.text()?));
                Ok(())
            }),
            "Metrics" => {
                let value = reader.value_of_map(types, id)?;
                reader.map(types, id, value, |reader, _, id| {
                    group.families.push(RawFamily::read(reader, types, id)?);
                    Ok(())
                })
            }
            _ => reader.skip(types, id, 0),
        })?;
        Ok(group)
    }

    /// The group that begins at byte `at`, or why it is none.
    fn group(self, at: usize) -> Result<Group, String> {
        let labels = Grouping::from_pairs(self.labels);
        if labels.get("job").is_none_or(str::is_empty) {
            return Err(format!("byte {at}: a group without a job is left out"));
        }
        let mut group = Group::new(labels);
        let mut families = BTreeMap::new();
        let mut newest_ms = 0;
        let mut push_time_ms = None;
        for raw in self.families {
            let of = |text| {
                format!(
                    "byte {}: a family of the group {:?}, which is left out: {text}",
                    raw.at, group.labels
                )
            };
            newest_ms = newest_ms.max(raw.time_ms);
            let Some(family) = raw.family(&group.labels).map_err(of)? else { continue };
            match family.name.as_str() {
                PUSH_TIME => push_time_ms = time_ms(&family),
                PUSH_FAILURE_TIME => group.push_failure_time_ms = time_ms(&family).unwrap_or(0),
                _ => drop(families.insert(family.name.clone(), Arc::new(family))),
            }
        }
        group.push_time_ms = push_time_ms.unwrap_or(newest_ms);
        group.families = families.into_values().collect();
        Ok(group)
    }
}

impl<'a> RawFamily<'a> {
    fn read(reader: &mut Reader<'a>, types: &Types, id: i64) -> Result<Self, Bad> {
        let mut family = Self::default();
        reader.structure(types, id, |reader, name, id| match name {
            "Timestamp" => {
                reader.opaque(types, id)?;
                let at = reader.at;
                family.time_ms =
                    go_time_ms(reader.bytes()?).ok_or(Bad { at, what: "no time of Go's" })?;
                Ok(())
            }
            "GobbableMetricFamily" => {
                reader.opaque(types, id)?;
                family.bytes = reader.bytes()?;
                family.at = reader.at - family.bytes.len();
                Ok(())
            }
            _ => reader.skip(types, id, 0),
        })?;
        Ok(family)
    }

    /// `None` when it has no metrics.
    fn family(&self, labels: &Grouping) -> Result<Option<Family>, String> {
        let mut delimited = Vec::with_capacity(self.bytes.len() + 10);
        put_uvarint(&mut delimited, self.bytes.len() as u64);
        delimited.extend_from_slice(self.bytes);
        // What Pushgateway has taken is not refused here for what it is called, nor for how much it is.
        let options = Options {
            utf8_names: true,
            labels_max: usize::MAX,
            group_metrics_max: usize::MAX,
            ..Options::default()
        };
        let parsed = body::parse(&delimited, Some(DELIMITED_PROTOBUF), labels, &options);
        let parsed = parsed.map_err(|error| error.to_string())?;
        if parsed.has_times {
            return Err("a metric has a timestamp".to_owned());
        }
        let family = parsed.families.into_iter().next();
        Ok(family.map(|family| Family { time_ms: self.time_ms, ..family }))
    }
}

/// The value of one of the families of times, which is in seconds.
fn time_ms(family: &Family) -> Option<i64> {
    match family.metrics.first()?.value {
        Value::Simple(seconds) => milliseconds(seconds * 1000.0),
        Value::Summary { .. } | Value::Histogram { .. } => None,
    }
}

/// `None` for what is no time between 1970 and the year 10,000.
#[expect(clippy::cast_possible_truncation, reason = "in range by the check")]
fn milliseconds(v: f64) -> Option<i64> {
    (0.0..253_402_300_800_000.0).contains(&v).then(|| v.round() as i64)
}

/// Go's binary form of a time: version, seconds, nanoseconds, minutes of the zone (and in version 2 its seconds).
fn go_time_ms(bytes: &[u8]) -> Option<i64> {
    let (version, rest) = bytes.split_first()?;
    let (seconds, rest) = rest.split_first_chunk::<8>()?;
    let (nanoseconds, zone) = rest.split_first_chunk::<4>()?;
    if !matches!((version, zone.len()), (1, 2) | (2, 3)) {
        return None;
    }
    let seconds = i64::from_be_bytes(*seconds).checked_sub(UNIX_SECONDS)?;
    seconds.checked_mul(1000)?.checked_add(i64::from(i32::from_be_bytes(*nanoseconds)) / 1_000_000)
}

/// The bytes of a message, and where it is.
struct Reader<'a> {
    /// Of the whole file.
    bytes: &'a [u8],
    at: usize,
    /// Behind the message's last byte; not behind the file's.
    end: usize,
}

impl<'a> Reader<'a> {
    fn bad(&self, what: &'static str) -> Bad {
        Bad { at: self.at, what }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Bad> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.end);
        let end = end.ok_or(Bad { at: self.end, what: "the file ends inside of a value" })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// A number below 128 is a byte; any other is behind the negated count of its bytes.
    fn uint(&mut self) -> Result<u64, Bad> {
        let at = self.at;
        let first = self.take(1)?[0];
        if first < 128 {
            return Ok(u64::from(first));
        }
        let len = usize::from(first.wrapping_neg());
        if len > 8 {
            return Err(Bad { at, what: "a number of more than 8 bytes" });
        }
        Ok(self.take(len)?.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    /// The lowest bit says that the others are complemented.
    fn int(&mut self) -> Result<i64, Bad> {
        let n = self.uint()?;
        let half = (n >> 1).cast_signed();
        Ok(if n & 1 == 1 { !half } else { half })
    }

    fn bytes(&mut self) -> Result<&'a [u8], Bad> {
        let len = usize::try_from(self.uint()?).unwrap_or(usize::MAX);
        self.take(len)
    }

    fn text(&mut self) -> Result<&'a str, Bad> {
        let at = self.at;
        std::str::from_utf8(self.bytes()?).map_err(|_| Bad { at, what: "text that is not UTF-8" })
    }

    /// A struct's fields by their numbers, from 1 to `max`; those that are zero are left out.
    fn fields(
        &mut self,
        max: usize,
        mut each: impl FnMut(&mut Self, usize) -> Result<(), Bad>,
    ) -> Result<(), Bad> {
        let mut field = 0_usize;
        loop {
            let at = self.at;
            let step = usize::try_from(self.uint()?).unwrap_or(usize::MAX);
            if step == 0 {
                return Ok(());
            }
            field = field.saturating_add(step);
            if field > max {
                return Err(Bad { at, what: "a field that its type does not have" });
            }
            each(self, field)?;
        }
    }

    /// A type's description: one of seven kinds.
    fn description(&mut self) -> Result<Type, Bad> {
        let mut described = None;
        let from = self.at;
        self.fields(7, |reader, kind| {
            let mut numbers = [0; 2];
            let mut members = Vec::new();
            reader.fields(3, |reader, field| match (kind, field) {
                (_, 1) => reader.name(),
                (3, 2) => {
                    members = reader.members()?;
                    Ok(())
                }
                _ => {
                    numbers[field - 2] = reader.int()?;
                    Ok(())
                }
            })?;
            described = Some(match kind {
                1 | 2 => Type::List(numbers[0]),
                3 => Type::Struct(members),
                4 => Type::Map { key: numbers[0], value: numbers[1] },
                _ => Type::Opaque,
            });
            Ok(())
        })?;
        described.ok_or(Bad { at: from, what: "a type without a description" })
    }

    /// A type's name and number, which nobody needs.
    fn name(&mut self) -> Result<(), Bad> {
        self.fields(2, |reader, field| match field {
            1 => reader.bytes().map(|_| ()),
            _ => reader.int().map(|_| ()),
        })
    }

    /// The names and types of a struct.
    fn members(&mut self) -> Result<Vec<(String, i64)>, Bad> {
        let at = self.at;
        let n = self.uint()?;
        if n > FIELDS_MAX as u64 {
            return Err(Bad { at, what: "a type of too many fields" });
        }
        let mut members = Vec::new();
        for _ in 0..n {
            let mut member = (String::new(), 0);
            self.fields(2, |reader, field| {
                match field {
                    1 => reader.text()?.clone_into(&mut member.0),
                    _ => member.1 = reader.int()?,
                }
                Ok(())
            })?;
            members.push(member);
        }
        Ok(members)
    }

    /// Calls `each` with the name and the type of each field that is there, before its value.
    fn structure(
        &mut self,
        types: &Types,
        id: i64,
        mut each: impl FnMut(&mut Self, &str, i64) -> Result<(), Bad>,
    ) -> Result<(), Bad> {
        let Some(Type::Struct(members)) = types.get(&id) else {
            return Err(self.bad("no struct where one is needed"));
        };
        self.fields(members.len(), |reader, field| {
            let (name, id) = &members[field - 1];
            each(reader, name, *id)
        })
    }

    /// Calls `each` with each key and the type of the values, before the value.
    fn map(
        &mut self,
        types: &Types,
        id: i64,
        of: i64,
        mut each: impl FnMut(&mut Self, &'a str, i64) -> Result<(), Bad>,
    ) -> Result<(), Bad> {
        if self.value_of_map(types, id)? != of {
            return Err(self.bad("a map of other values than are needed"));
        }
        for _ in 0..self.uint()? {
            let key = self.text()?;
            each(self, key, of)?;
        }
        Ok(())
    }

    /// The type of the values of a map with texts as keys.
    fn value_of_map(&self, types: &Types, id: i64) -> Result<i64, Bad> {
        match types.get(&id) {
            Some(Type::Map { key: STRING, value }) => Ok(*value),
            Some(_) | None => Err(self.bad("no map of texts where one is needed")),
        }
    }

    fn opaque(&self, types: &Types, id: i64) -> Result<(), Bad> {
        match types.get(&id) {
            Some(Type::Opaque) => Ok(()),
            Some(_) | None => Err(self.bad("no bytes of a program's own where they are needed")),
        }
    }

    /// Passes over a value.
    fn skip(&mut self, types: &Types, id: i64, depth: usize) -> Result<(), Bad> {
        if depth > DEPTH_MAX {
            return Err(self.bad("values lie too deep in each other"));
        }
        let depth = depth + 1;
        match (id, types.get(&id)) {
            // A truth, an integer of either kind, a float.
            (1..=4, _) => self.uint().map(|_| ()),
            (5 | STRING, _) | (_, Some(Type::Opaque)) => self.bytes().map(|_| ()),
            // A complex number.
            (7, _) => self.uint().and_then(|_| self.uint()).map(|_| ()),
            (_, Some(Type::List(of))) => {
                (0..self.uint()?).try_for_each(|_| self.skip(types, *of, depth))
            }
            (_, Some(Type::Map { key, value })) => (0..self.uint()?).try_for_each(|_| {
                self.skip(types, *key, depth)?;
                self.skip(types, *value, depth)
            }),
            (_, Some(Type::Struct(_))) => {
                self.structure(types, id, |reader, _, id| reader.skip(types, id, depth))
            }
            (_, None) => Err(self.bad("a value of an unknown type")),
        }
    }
}
