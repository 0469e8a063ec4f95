//! Functions of one number, and the scalar functions. Results are those of Go's `math`.

use std::f64::consts::PI;

use model::sample::Value;

use super::{arg, gomath};
use crate::engine::duration::{go_max, go_min};
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::frame::Frame;
use crate::engine::plan::{Call, Node, seconds};
use crate::engine::value::{Collector, Column, Series, bytes_of};

/// The function of one number called `name`.
pub(super) fn function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "acos" => gomath::acos,
        "acosh" => gomath::acosh,
        "asin" => gomath::asin,
        "asinh" => gomath::asinh,
        "atan" => gomath::atan,
        "atanh" => gomath::atanh,
        "ceil" => f64::ceil,
        "cos" => gomath::cos,
        "cosh" => gomath::cosh,
        "deg" => |v| v * 180.0 / PI,
        "exp" => gomath::exp,
        "floor" => f64::floor,
        "ln" => libm::log,
        "log10" => gomath::log10,
        "log2" => gomath::log2,
        "rad" => |v| v * PI / 180.0,
        "sgn" => |v| {
            if v < 0.0 {
                -1.0
            } else if v > 0.0 {
                1.0
            } else {
                v
            }
        },
        "sin" => gomath::sin,
        "sinh" => gomath::sinh,
        "sqrt" => f64::sqrt,
        "tan" => gomath::tan,
        "tanh" => gomath::tanh,
        _ => return None,
    })
}

/// Calls `f` on each float; histograms are left out.
pub(super) fn elementwise(
    ev: &Evaluator<'_>,
    input: &Node,
    frame: &Frame,
    f: impl Fn(f64) -> f64,
) -> Result<Vec<Series>, QueryError> {
    let mut out = Collector::new(&ev.meter, frame.steps);
    for mut series in ev.eval(input, frame)? {
        ev.watch.check()?;
        series.column.map_floats(&f);
        series.labels = ev.nameless(series.labels);
        series.drop_name = true;
        out.add(series)?;
    }
    Ok(out.series())
}

/// `clamp`, `clamp_min`, `clamp_max`, `round`: with parameters that may change from step to step.
pub(super) fn with_scalars(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let params = call.args[1..].iter().map(|arg| ev.scalar_column(arg, frame));
    let params = params.collect::<Result<Vec<Column>, _>>()?;
    let mut out = Collector::new(&ev.meter, frame.steps);
    for series in ev.eval(arg(call, 0)?, frame)? {
        ev.watch.check()?;
        let mut column = Column::new(&ev.meter, frame.steps)?;
        for step in 0..frame.steps {
            let Some(v) = series.column.float(step) else { continue };
            let param =
                |i: usize| params.get(i).map(|column| column.float(step).unwrap_or(f64::NAN));
            let result = match call.name {
                "round" => Some(round(v, param(0).unwrap_or(1.0))),
                "clamp_min" => clamp(v, param(0).unwrap_or(f64::NAN), f64::INFINITY),
                "clamp_max" => clamp(v, f64::NEG_INFINITY, param(0).unwrap_or(f64::NAN)),
                _ => clamp(v, param(0).unwrap_or(f64::NAN), param(1).unwrap_or(f64::NAN)),
            };
            if let Some(v) = result {
                column.put_float(step, v);
            }
        }
        column.seal()?;
        out.add(Series { labels: ev.nameless(series.labels), drop_name: true, column })?;
    }
    Ok(out.series())
}

fn clamp(v: f64, min: f64, max: f64) -> Option<f64> {
    if max < min { None } else { Some(go_max(min, go_min(max, v))) }
}

fn round(v: f64, to: f64) -> f64 {
    let inverse = 1.0 / to;
    (v * inverse + 0.5).floor() / inverse
}

/// The one float of a vector; NaN when there is none or more than one.
pub(super) fn scalar(
    ev: &Evaluator<'_>,
    input: &Node,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let _hold = ev.meter.hold(bytes_of(frame.steps, size_of::<(u8, f64)>()))?;
    let mut values: Vec<(u8, f64)> = vec![(0, f64::NAN); frame.steps];
    ev.each(input, frame, &mut |series| {
        for (step, value) in values.iter_mut().enumerate() {
            if let Some(v) = series.column.float(step) {
                *value = (value.0.saturating_add(1), v);
            }
        }
        Ok(())
    })?;
    let one = |step: usize| if values[step].0 == 1 { values[step].1 } else { f64::NAN };
    Ok(vec![ev.scalar(frame, one)?])
}

/// `timestamp` of what is not a selector: the step's own time.
pub(super) fn timestamp(
    ev: &Evaluator<'_>,
    input: &Node,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let mut out = Collector::new(&ev.meter, frame.steps);
    for series in ev.eval(input, frame)? {
        let mut column = Column::new(&ev.meter, frame.steps)?;
        for step in 0..frame.steps {
            if series.column.has(step) {
                column.put(step, Value::Float(seconds(frame.time(step))));
            }
        }
        column.seal()?;
        out.add(Series { labels: ev.nameless(series.labels), drop_name: true, column })?;
    }
    Ok(out.series())
}

/// `min_of` and `max_of`.
pub(super) fn of_two(
    ev: &Evaluator<'_>,
    call: &Call,
    frame: &Frame,
) -> Result<Vec<Series>, QueryError> {
    let a = ev.scalar_column(arg(call, 0)?, frame)?;
    let b = ev.scalar_column(arg(call, 1)?, frame)?;
    let pick = if call.name == "min_of" { go_min } else { go_max };
    let at = |column: &Column, step| column.float(step).unwrap_or(f64::NAN);
    Ok(vec![ev.scalar(frame, |step| pick(at(&a, step), at(&b, step)))?])
}
