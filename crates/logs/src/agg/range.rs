//! Buckets of ranges: of numbers, dates and addresses.

use serde_json::{Map, Value};

use super::ast::{self, RangeKind};
use super::bucket::Counts;
use super::error::AggError;
use super::node::{Batch, Build, Cx, Finish, Level, NO_ROWS, Node};
use super::result::{Body, Bucket, Buckets, Shown};
use super::show::{Key, Show, float};
use super::values::{Bound, Class, Use, canonical_ip, ip_number};
use crate::bits::Bits;
use crate::date::{Edge, Format, Zone, read_math};

/// One range, its ends as numbers.
struct Range {
    key: String,
    head: Map<String, Value>,
    from: f64,
    to: f64,
    /// Addresses: first, and the one behind the last.
    addresses: (u128, Option<u128>),
}

/// `range`, `date_range`, `ip_range`.
pub(super) struct Ranges {
    kind: RangeKind,
    ranges: Vec<Range>,
    keyed: bool,
    bound: Bound,
    counts: Counts,
    subs: Level,
}

impl Ranges {
    pub(super) fn new(ask: &ast::Ranges, subs: Level, build: &Build<'_>) -> Result<Self, AggError> {
        let name = match ask.kind {
            RangeKind::Number => "range",
            RangeKind::Date => "date_range",
            RangeKind::Ip => "ip_range",
        };
        let of = match ask.kind {
            RangeKind::Ip => Use::any(name, build.now_ns),
            RangeKind::Number | RangeKind::Date => Use::numbers(name, build.now_ns),
        };
        let bound = Bound::new(build.targets, &ask.source, of)?;
        if ask.kind == RangeKind::Ip && !matches!(bound.class, Some(Class::Ip) | None) {
            return Err(AggError::Illegal(format!(
                "Field [{}] of type [{}] is not supported for aggregation [ip_range]",
                ask.source.field, bound.type_name
            )));
        }
        let mut ranges = Vec::new();
        for range in &ask.ranges {
            ranges.push(match ask.kind {
                RangeKind::Ip => ip_range(range)?,
                RangeKind::Number | RangeKind::Date => number_range(ask, range, &bound, build)?,
            });
        }
        ranges.sort_by(|a, b| {
            let ends = |range: &Range| (range.addresses.0, range.addresses.1.unwrap_or(u128::MAX));
            let numbers = a.from.total_cmp(&b.from).then(a.to.total_cmp(&b.to));
            numbers.then_with(|| ends(a).cmp(&ends(b)))
        });
        let (kind, keyed) = (ask.kind, ask.keyed);
        Ok(Self { kind, ranges, keyed, bound, counts: Counts::default(), subs })
    }
}

/// An end of a range of numbers or dates.
fn end(
    value: Option<&Value>,
    ask: &ast::Ranges,
    bound: &Bound,
    build: &Build<'_>,
) -> Result<Option<f64>, AggError> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    if ask.kind == RangeKind::Date || bound.class.is_some_and(Class::is_date) {
        let text = super::show::plain_text(value);
        let text = text.as_str();
        let (format, zone) = match &bound.show {
            Show::Date { format, zone, .. } => (format.clone(), zone.clone()),
            Show::Plain | Show::Bool | Show::Unsigned | Show::Decimal(_) => {
                (Format::default(), Zone::default())
            }
        };
        let at = read_math(text, &format, &zone, Edge::First, build.now_ns)
            .or_else(|| read_math(text, &Format::default(), &zone, Edge::First, build.now_ns));
        if let (None, Value::Number(number)) = (at, value) {
            return Ok(number.as_f64());
        }
        let at = at.ok_or_else(|| {
            AggError::Value(format!(
                "failed to parse date field [{text}] with format [{}]",
                format.text()
            ))
        })?;
        return Ok(Some(super::show::int_to_f64(
            i64::try_from(at.div_euclid(1_000_000)).unwrap_or(i64::MAX),
        )));
    }
    let text = super::show::plain_text(value);
    text.parse().map(Some).map_err(|_| AggError::Value(format!("For input string: \"{text}\"")))
}

fn number_range(
    ask: &ast::Ranges,
    range: &ast::RangeBucket,
    bound: &Bound,
    build: &Build<'_>,
) -> Result<Range, AggError> {
    let from = end(range.from.as_ref(), ask, bound, build)?;
    let to = end(range.to.as_ref(), ask, bound, build)?;
    // Ends of dates are in milliseconds, whatever the field's are.
    let show = match &bound.show {
        Show::Date { format, zone, .. } => {
            Show::Date { format: format.clone(), zone: zone.clone(), ns: 1_000_000 }
        }
        Show::Plain if ask.kind == RangeKind::Date => {
            Show::Date { format: Format::default(), zone: Zone::default(), ns: 1_000_000 }
        }
        other @ (Show::Plain | Show::Bool | Show::Unsigned | Show::Decimal(_)) => other.clone(),
    };
    let word = |end: Option<f64>| end.map_or("*".to_owned(), |end| show.word(&Key::Float(end)));
    let mut head = Map::new();
    let key = range.key.clone().unwrap_or_else(|| format!("{}-{}", word(from), word(to)));
    for (name, end) in [("from", from), ("to", to)] {
        if let Some(end) = end {
            head.insert(name.to_owned(), float(end));
            if let Some(text) = show.number_text(end) {
                head.insert(format!("{name}_as_string"), text.into());
            }
        }
    }
    let (from, to) = (from.unwrap_or(f64::NEG_INFINITY), to.unwrap_or(f64::INFINITY));
    Ok(Range { key, head, from, to, addresses: (0, None) })
}

fn ip_range(range: &ast::RangeBucket) -> Result<Range, AggError> {
    let wrong = |text: &str| AggError::Illegal(format!("'{text}' is not an IP string literal."));
    let (mut from, mut to, mut name) = (None, None, None);
    if let Some(mask) = &range.mask {
        let (address, bits) = mask
            .split_once('/')
            .ok_or_else(|| AggError::Illegal(format!("Expected [ip/prefix] but was [{mask}]")))?;
        let number = ip_number(address).ok_or_else(|| wrong(address))?;
        let is_v4 = !address.contains(':');
        let bits: u32 = bits.parse().map_err(|_| wrong(mask))?;
        let most = if is_v4 { 32 } else { 128 };
        if bits > most {
            return Err(wrong(mask));
        }
        let host = most - bits;
        let first = number.checked_shr(host).unwrap_or(0).checked_shl(host).unwrap_or(0);
        from = Some(first);
        to = 1_u128.checked_shl(host).and_then(|size| first.checked_add(size));
        name = Some(mask.clone());
    }
    let mut head = Map::new();
    let mut word = |field: &str, value: &Option<Value>, slot: &mut Option<u128>| {
        let Some(Value::String(text)) = value else { return Ok::<_, AggError>(None) };
        *slot = Some(ip_number(text).ok_or_else(|| wrong(text))?);
        let text = canonical_ip(text).unwrap_or_default();
        head.insert(field.to_owned(), text.clone().into());
        Ok(Some(text))
    };
    let first = word("from", &range.from, &mut from)?;
    let last = word("to", &range.to, &mut to)?;
    if range.mask.is_some() {
        for (field, end) in [("from", from), ("to", to)] {
            if let Some(end) = end {
                head.insert(field.to_owned(), ip_text(end).into());
            }
        }
    }
    let star = || "*".to_owned();
    let key =
        range.key.clone().or(name).unwrap_or_else(|| {
            format!("{}-{}", first.unwrap_or_else(star), last.unwrap_or_else(star))
        });
    let addresses = (from.unwrap_or(0), to);
    Ok(Range { key, head, from: 0.0, to: 0.0, addresses })
}

fn ip_text(number: u128) -> String {
    canonical_ip(&std::net::Ipv6Addr::from(number).to_string()).unwrap_or_default()
}

impl Node for Ranges {
    fn collect(&mut self, cx: &Cx<'_>, batch: &Batch) -> Result<(), AggError> {
        let cells = self.bound.cells(cx.target, cx.block)?;
        let width = u32::try_from(self.ranges.len()).unwrap_or(u32::MAX);
        let nanos = self.bound.class == Some(Class::DateNanos);
        let (mut below, mut values, mut addresses) = (Batch::default(), Vec::new(), Vec::new());
        for (row, owner) in batch.iter() {
            if self.kind == RangeKind::Ip {
                addresses.clear();
                cells.texts(row as usize, |text| addresses.extend(ip_number(text)));
            } else {
                cells.numbers(row as usize, &mut values);
                if nanos {
                    values.iter_mut().for_each(|value| *value /= 1e6);
                }
            }
            for (at, range) in (0..).zip(&self.ranges) {
                let inside = if self.kind == RangeKind::Ip {
                    let (from, to) = range.addresses;
                    addresses.iter().any(|value| *value >= from && to.is_none_or(|to| *value < to))
                } else {
                    values.iter().any(|value| *value >= range.from && *value < range.to)
                };
                if inside {
                    let bucket = owner.saturating_mul(width) + at;
                    self.counts.add(bucket);
                    below.push(row, bucket);
                }
            }
        }
        self.subs.collect(cx, &below)
    }

    fn wants_everything(&self) -> bool {
        self.subs.wants_everything()
    }

    fn everything(&mut self, cx: &Cx<'_>, live: &Bits) -> Result<(), AggError> {
        self.subs.everything(cx, live)
    }

    fn finish(&mut self, owner: u32, finish: &mut Finish<'_>) -> Result<Body, AggError> {
        finish.count(self.ranges.len())?;
        let width = u32::try_from(self.ranges.len()).unwrap_or(u32::MAX);
        let mut list = Vec::with_capacity(self.ranges.len());
        let first = owner.saturating_mul(width);
        if owner == NO_ROWS && matches!(self.kind, RangeKind::Ip) {
            let shown = if self.keyed { Shown::Keyed } else { Shown::List };
            return Ok(Body::Buckets(Buckets { shown, head: Map::new(), list, tail: Map::new() }));
        }
        for (at, range) in (0..).map(|at| first.saturating_add(at)).zip(&self.ranges) {
            let mut head = Map::new();
            if !self.keyed {
                head.insert("key".to_owned(), range.key.clone().into());
            }
            head.extend(range.head.clone());
            list.push(Bucket {
                name: range.key.clone(),
                head,
                doc_count: self.counts.of(at),
                subs: self.subs.finish(at, finish)?,
                ..Bucket::default()
            });
        }
        self.subs.along(&mut list)?;
        let shown = if self.keyed { Shown::Keyed } else { Shown::List };
        Ok(Body::Buckets(Buckets { shown, head: Map::new(), list, tail: Map::new() }))
    }

    fn type_name(&self) -> &'static str {
        match self.kind {
            RangeKind::Number => "range",
            RangeKind::Date => "date_range",
            RangeKind::Ip => "ip_range",
        }
    }

    fn bytes(&self) -> u64 {
        self.counts.bytes() + self.subs.bytes()
    }
}
