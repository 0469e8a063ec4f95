//! `function_score`: scores changed by functions of the row.

use std::sync::Arc;

use serde_json::Value;

use super::bind::{Binder, is_date};
use super::bm25::{Stats, number};
use super::eval::{At, Eval};
use super::field::FieldRef;
use super::plan::{Columns, Plan};
use super::{QueryError, SearchError, value};
use crate::bits::Bits;
use crate::column::{Column, Kind, Values};
use crate::date::{Edge, read_math};
use crate::mapping::FieldType;
use crate::part::{ReadError, system};
use crate::query::{BoostMode, Decay, Function, FunctionKind, FunctionScore, Score};

/// A bound query whose scores functions change.
#[derive(Debug, Clone)]
pub(super) struct FunctionPlan {
    pub(super) query: Plan,
    functions: Vec<BoundFunction>,
    score_mode: Score,
    boost_mode: BoostMode,
    max_boost: f32,
    min_score: Option<f32>,
}

#[derive(Debug, Clone)]
struct BoundFunction {
    filter: Option<Plan>,
    weight: f64,
    kind: Kinds,
}

#[derive(Debug, Clone)]
enum Kinds {
    Weight,
    Value { columns: Vec<String>, factor: f64, modifier: Modifier, missing: Option<f64> },
    Random { seed: u64, column: String },
    Decay { columns: Vec<String>, unit: f64, curve: Curve, origin: f64, offset: f64 },
}

#[derive(Debug, Clone, Copy)]
enum Modifier {
    None,
    Log,
    Log1p,
    Log2p,
    Ln,
    Ln1p,
    Ln2p,
    Square,
    Sqrt,
    Reciprocal,
}

/// How a score falls with the distance.
#[derive(Debug, Clone, Copy)]
enum Curve {
    /// With twice the negative variance.
    Gauss(f64),
    /// With its exponent for one unit.
    Exp(f64),
    /// With the distance at which it is 0.
    Linear(f64),
}

impl Binder<'_> {
    pub(super) fn function_score(&mut self, of: &FunctionScore) -> Result<Plan, QueryError> {
        let query = self.bind(&of.query)?;
        let functions =
            of.functions.iter().map(|of| self.function(of)).collect::<Result<_, _>>()?;
        Ok(Plan::of(super::plan::Op::Function(Box::new(FunctionPlan {
            query,
            functions,
            score_mode: of.score_mode,
            boost_mode: of.boost_mode,
            max_boost: of.max_boost.unwrap_or(f32::MAX),
            min_score: of.min_score,
        }))))
    }

    fn function(&mut self, of: &Function) -> Result<BoundFunction, QueryError> {
        let filter = match &of.filter {
            Some(filter) => Some(self.bind(filter)?),
            None => None,
        };
        let kind = match &of.kind {
            None => Kinds::Weight,
            Some(FunctionKind::FieldValueFactor { field, factor, modifier, missing }) => {
                let found = self.field(field);
                if found.is_none() && missing.is_none() {
                    return Err(QueryError::Shard(format!(
                        "Unable to find a field mapper for field [{field}]. No 'missing' value defined."
                    )));
                }
                Kinds::Value {
                    columns: found.map(columns).unwrap_or_default(),
                    factor: f64::from(*factor),
                    modifier: Modifier::named(modifier)?,
                    missing: *missing,
                }
            }
            Some(FunctionKind::RandomScore { seed, field }) => {
                let found = field.as_ref().and_then(|field| self.field(field)).map(columns);
                let column = found.and_then(|names| names.into_iter().next());
                Kinds::Random {
                    seed: seed.cast_unsigned(),
                    column: column.unwrap_or_else(|| system::SEQ.to_owned()),
                }
            }
            Some(FunctionKind::Decay(decay)) => self.decay(decay)?,
        };
        Ok(BoundFunction { filter, weight: f64::from(of.weight.unwrap_or(1.0)), kind })
    }

    fn decay(&mut self, of: &Decay) -> Result<Kinds, QueryError> {
        let Some(field) = self.field(&of.field) else {
            return Err(QueryError::Shard(format!("unknown field [{}]", of.field)));
        };
        let date = is_date(field.kind);
        let (origin, scale, offset) = if date {
            let format = field.format()?;
            let origin_ns = match &of.origin {
                None => self.now_ns,
                Some(origin) => {
                    let text = value::text(origin);
                    let zone = crate::date::Zone::default();
                    read_math(&text, &format, &zone, Edge::First, self.now_ns).ok_or_else(|| {
                        QueryError::Date { text, format: format.text().to_owned() }
                    })?
                }
            };
            let millis = i64::try_from(origin_ns.div_euclid(1_000_000)).unwrap_or(i64::MAX);
            let offset = of.offset.as_ref().map_or(Ok(0.0), duration_ms)?;
            (value::wide(millis), duration_ms(&of.scale)?, offset)
        } else {
            let Some(origin) = &of.origin else {
                return Err(QueryError::Illegal("decay needs an origin for a number".to_owned()));
            };
            let offset = of.offset.as_ref().map_or(Ok(0.0), value::float)?;
            (value::float(origin)?, value::float(&of.scale)?, offset)
        };
        if scale <= 0.0 || offset < 0.0 || of.decay <= 0.0 || of.decay >= 1.0 {
            return Err(QueryError::Illegal(
                "decay needs scale > 0, offset >= 0 and 0 < decay < 1".to_owned(),
            ));
        }
        let curve = match of.shape.as_str() {
            "gauss" => Curve::Gauss(scale * scale / of.decay.ln()),
            "exp" => Curve::Exp(of.decay.ln() / scale),
            "linear" => Curve::Linear(scale / (1.0 - of.decay)),
            other => return Err(QueryError::Illegal(format!("unknown decay function [{other}]"))),
        };
        let unit = if field.kind == FieldType::DateNanos {
            1e-6
        } else if date {
            1e-3
        } else {
            1.0
        };
        Ok(Kinds::Decay { columns: columns(field), unit, curve, origin, offset })
    }
}

fn columns(field: FieldRef) -> Vec<String> {
    match field.columns {
        Columns::Named(names) => names,
        Columns::Under(_) => Vec::new(),
    }
}

/// Milliseconds of a duration as `10d`, `2h`, `500ms`; a bare number is one of milliseconds.
fn duration_ms(value: &Value) -> Result<f64, QueryError> {
    let text = value::text(value);
    let len = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let unit = match &text[len..] {
        "" | "ms" => 1.0,
        "s" => 1e3,
        "m" => 6e4,
        "h" => 3.6e6,
        "d" => 8.64e7,
        "micros" => 1e-3,
        "nanos" => 1e-6,
        _ => return Err(QueryError::Illegal(format!("failed to parse duration [{text}]"))),
    };
    let number: f64 = text[..len]
        .trim()
        .parse()
        .map_err(|_| QueryError::Illegal(format!("failed to parse duration [{text}]")))?;
    Ok(number * unit)
}

impl Modifier {
    fn named(name: &str) -> Result<Self, QueryError> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "" | "none" => Self::None,
            "log" => Self::Log,
            "log1p" => Self::Log1p,
            "log2p" => Self::Log2p,
            "ln" => Self::Ln,
            "ln1p" => Self::Ln1p,
            "ln2p" => Self::Ln2p,
            "square" => Self::Square,
            "sqrt" => Self::Sqrt,
            "reciprocal" => Self::Reciprocal,
            _ => return Err(QueryError::Illegal(format!("unknown modifier [{name}]"))),
        })
    }

    fn of(self, value: f64) -> f64 {
        match self {
            Self::None => value,
            Self::Log => value.log10(),
            Self::Log1p => (value + 1.0).log10(),
            Self::Log2p => (value + 2.0).log10(),
            Self::Ln => value.ln(),
            Self::Ln1p => value.ln_1p(),
            Self::Ln2p => (value + 2.0).ln(),
            Self::Square => value * value,
            Self::Sqrt => value.sqrt(),
            Self::Reciprocal => 1.0 / value,
        }
    }
}

impl Curve {
    fn at(self, distance: f64) -> f64 {
        match self {
            Self::Gauss(spread) => (distance * distance / spread).exp(),
            Self::Exp(rate) => (distance * rate).exp(),
            Self::Linear(end) => ((end - distance) / end).max(0.0),
        }
    }
}

/// The numbers of a row.
fn numbers(columns: &[Arc<Column>], row: usize) -> impl Iterator<Item = f64> {
    columns.iter().flat_map(move |column| {
        column.of(row).filter_map(|at| match &column.values {
            Values::Int(values) => Some(value::wide(values[at])),
            Values::Float(values) => Some(values[at]),
            Values::Bool(values) => Some(f64::from(u8::from(values[at]))),
            Values::Str(_) | Values::Dict { .. } => None,
        })
    })
}

/// A number in 0..1 that depends on all bits of both (SplitMix64's last steps).
fn mixed(seed: u64, of: u64) -> f64 {
    let mut bits = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ of;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    number(usize::try_from(bits >> 40).unwrap_or(0)) / 16_777_216.0
}

impl Eval {
    pub(super) fn function_rows(
        &mut self,
        of: &FunctionPlan,
        at: At<'_>,
        within: &Bits,
    ) -> Result<Bits, ReadError> {
        let mut rows = self.rows(&of.query, at, within)?;
        // Only a least score needs scores; without statistics they are what the functions make of constant ones.
        if let Some(least) = of.min_score
            && let Ok(scores) = self.function_scores(of, at, &rows, &Stats::default(), 1.0)
        {
            for (row, score) in scores.iter().enumerate() {
                if rows.has(row) && *score < least {
                    rows.clear(row);
                }
            }
        }
        Ok(rows)
    }

    pub(super) fn function_scores(
        &mut self,
        of: &FunctionPlan,
        at: At<'_>,
        rows: &Bits,
        stats: &Stats,
        scale: f32,
    ) -> Result<Vec<f32>, SearchError> {
        let mut scores = self.scores(&of.query, at, rows, stats, scale)?;
        if of.functions.is_empty() {
            return Ok(scores);
        }
        // Per row: what the functions come to so far, how many there were, and their weights.
        let mut sums: Vec<Option<(f64, f64)>> = vec![None; rows.len()];
        for function in &of.functions {
            let matching = match &function.filter {
                Some(filter) => self.rows(filter, at, rows)?,
                None => rows.clone(),
            };
            let values = self.function_values(function, at, &matching)?;
            for row in matching.iter() {
                let value = values[row] * function.weight;
                let weight = function.weight;
                sums[row] = Some(match (sums[row], of.score_mode) {
                    (None, _) => (value, weight),
                    (Some(first), Score::First) => first,
                    (Some((sum, of)), Score::Multiply) => (sum * value, of),
                    (Some((sum, of)), Score::Sum | Score::Avg) => (sum + value, of + weight),
                    (Some((sum, of)), Score::Max) => (sum.max(value), of),
                    (Some((sum, of)), Score::Min) => (sum.min(value), of),
                });
            }
        }
        for row in rows.iter() {
            // Where no function counts, the score stays.
            let factor = match sums[row] {
                None => 1.0,
                Some((sum, weight)) if of.score_mode == Score::Avg => sum / weight,
                Some((sum, _)) => sum,
            };
            let factor = value::single(factor).min(of.max_boost);
            let own = scores[row];
            scores[row] = match of.boost_mode {
                BoostMode::Multiply => own * factor,
                BoostMode::Replace => factor,
                BoostMode::Sum => own + factor,
                BoostMode::Avg => f32::midpoint(own, factor),
                BoostMode::Max => own.max(factor),
                BoostMode::Min => own.min(factor),
            };
        }
        Ok(scores)
    }

    fn number_columns(
        &mut self,
        names: &[String],
        at: At<'_>,
    ) -> Result<Vec<Arc<Column>>, ReadError> {
        let mut columns = Vec::new();
        for name in names {
            for kind in [Kind::Int, Kind::Float, Kind::Bool] {
                columns.extend(self.column(at, name, kind)?);
            }
        }
        Ok(columns)
    }

    fn function_values(
        &mut self,
        of: &BoundFunction,
        at: At<'_>,
        rows: &Bits,
    ) -> Result<Vec<f64>, SearchError> {
        let mut values = vec![1.0; rows.len()];
        match &of.kind {
            Kinds::Weight => {}
            Kinds::Value { columns, factor, modifier, missing } => {
                let numbers_of = self.number_columns(columns, at)?;
                for row in rows.iter() {
                    let value = numbers(&numbers_of, row).next().or(*missing);
                    let Some(value) = value else {
                        let name = columns.first().map_or("", String::as_str);
                        return Err(SearchError::Sort {
                            index: String::new(),
                            what: format!("Missing value for field [{name}]"),
                        });
                    };
                    values[row] = modifier.of(value * factor);
                }
            }
            Kinds::Random { seed, column } => {
                let column = self.column(at, column, Kind::Int)?;
                for row in rows.iter() {
                    let of = column.as_ref().and_then(|column| column.int(row)).unwrap_or(0);
                    values[row] = mixed(*seed, of.cast_unsigned());
                }
            }
            Kinds::Decay { columns, unit, curve, origin, offset } => {
                let numbers_of = self.number_columns(columns, at)?;
                for row in rows.iter() {
                    let distances =
                        numbers(&numbers_of, row).map(|value| (value * unit - origin).abs());
                    let least = distances.min_by(f64::total_cmp);
                    values[row] =
                        least.map_or(1.0, |distance| curve.at((distance - offset).max(0.0)));
                }
            }
        }
        Ok(values)
    }
}
