//! Range vectors: each series is read once, then a window slides over its samples.

use std::collections::HashSet;
use std::sync::Arc;

use model::histogram::{FloatHistogram, ResetHint};
use model::labels::Labels;
use model::sample::{Samples, Value};

use super::error::QueryError;
use super::eval::{Evaluator, bug};
use super::frame::Frame;
use super::plan::{Kind, Node, RangeSelector, Subquery, reach, span_seconds};
use super::selector::{STEPS_PER_CHECK, hint_resets, stale};
use super::track::{Drops, Extreme, Track};
use super::value::{Answer, Column, MatrixSeries, Series, bytes_of, histogram_samples};
use crate::ast::{Extension, Span};

/// What a range function sees at one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// The floats with their times, and the histograms, of `start < t <= end` (an extended selector sees more).
    pub(crate) ts: &'a [i64],
    pub(crate) vs: &'a [f64],
    pub(crate) hs: &'a [(i64, Arc<FloatHistogram>)],
    /// What a counter had reached before each of its resets within the window; empty unless the call asks for it.
    pub(crate) drops: &'a [f64],
    /// The greatest or least float, for a call that asks for it; NaN when there is none.
    pub(crate) extreme: f64,
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// The time of the step itself, without offset.
    pub(crate) now: i64,
    pub(crate) extension: Option<Extension>,
    /// The values of the scalar arguments at this step.
    pub(crate) args: &'a [f64],
    pub(crate) labels: &'a Labels,
    /// Where the range vector, the first argument, and all arguments stand in the text.
    pub(crate) span: Span,
    pub(crate) first_arg: Span,
    pub(crate) all_args: Span,
}

impl Window<'_> {
    /// The range in seconds.
    pub(crate) fn range_seconds(&self) -> f64 {
        span_seconds(self.end.saturating_sub(self.start))
    }

    pub(crate) fn metric(&self) -> &str {
        self.labels.metric_name()
    }
}

/// A range function: the value of one window, if it has one.
pub(crate) type RangeFn = fn(&Evaluator<'_>, &Window<'_>) -> Result<Option<Value>, QueryError>;

/// Where the windows of a range vector lie.
#[derive(Debug, Clone, Copy)]
struct Slide {
    range: i64,
    offset: i64,
    at: Option<i64>,
    extension: Option<Extension>,
}

/// One series of a range vector, without staleness markers.
struct Source<'a> {
    labels: Labels,
    drop_name: bool,
    samples: &'a Samples,
    slide: Slide,
}

/// How a range function is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RangeCall<'a> {
    pub(crate) f: RangeFn,
    /// The range vector.
    pub(crate) range: &'a Node,
    /// Where the first argument, and all of them, stand in the text.
    pub(crate) first_arg: Span,
    pub(crate) all_args: Span,
    pub(crate) keeps_name: bool,
    pub(crate) track: Track,
    /// The scalar arguments, in order.
    pub(crate) scalars: &'a [Column],
}

/// Calls a range function on each series and step. `sink` gets the labels of the range vector's series too.
pub(crate) fn each(
    ev: &Evaluator<'_>,
    call: RangeCall<'_>,
    frame: &Frame,
    sink: &mut dyn FnMut(Series, &Labels) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let mut seen: HashSet<Labels> = HashSet::new();
    each_source(ev, call.range, frame, &mut |source| {
        let column = slide(ev, &source, call, frame)?;
        if column.is_empty() {
            return Ok(());
        }
        let drop_name = !call.keeps_name || source.drop_name;
        let labels = source.labels.clone();
        let labels = if drop_name { ev.nameless(labels) } else { labels };
        if !ev.delayed && !seen.insert(labels.clone()) {
            return Err(QueryError::same_labelset());
        }
        sink(Series { labels, drop_name, column }, &source.labels)
    })
}

fn slide(
    ev: &Evaluator<'_>,
    source: &Source<'_>,
    call: RangeCall<'_>,
    frame: &Frame,
) -> Result<Column, QueryError> {
    let mut column = Column::new(&ev.meter, frame.steps)?;
    let mut args = vec![0.0; call.scalars.len()];
    let samples = source.samples;
    let Slide { range, offset, at, extension } = source.slide;
    let (before, after) = reach(extension, range, ev.lookback);
    let mut drops =
        if call.track == Track::Drops { Drops::of(&samples.vs) } else { Drops::default() };
    let mut extreme = Extreme::default();
    let (mut floats, mut hists) = ((0, 0), (0, 0));
    for step in 0..frame.steps {
        if step % STEPS_PER_CHECK == STEPS_PER_CHECK - 1 {
            ev.watch.check()?;
        }
        let now = frame.time(step);
        let end = at.unwrap_or(now).saturating_sub(offset);
        let (low, high) = (end.saturating_sub(before), end.saturating_add(after));
        advance(&mut floats, samples.ts.len(), |i| samples.ts[i], low, high);
        advance(&mut hists, samples.hs.len(), |i| samples.hs[i].0, low, high);
        let (ts, vs) = (&samples.ts[floats.0..floats.1], &samples.vs[floats.0..floats.1]);
        let hs = &samples.hs[hists.0..hists.1];
        if ts.is_empty() && hs.is_empty() {
            continue;
        }
        let size = u64::try_from(ts.len()).unwrap_or(u64::MAX)
            + hs.iter().map(|(_, h)| histogram_samples(h)).sum::<u64>();
        ev.meter.check(size)?;
        frame.touch(step, size);
        for (arg, scalar) in args.iter_mut().zip(call.scalars) {
            *arg = scalar.float(step).unwrap_or(f64::NAN);
        }
        let window = Window {
            ts,
            vs,
            hs,
            drops: drops.within(floats.0, floats.1),
            extreme: match call.track {
                Track::Max => extreme.within(&samples.vs, floats, |a, b| a > b),
                Track::Min => extreme.within(&samples.vs, floats, |a, b| a < b),
                Track::Nothing | Track::Drops => f64::NAN,
            },
            start: end.saturating_sub(range),
            end,
            now,
            extension,
            args: &args,
            labels: &source.labels,
            span: call.range.span,
            first_arg: call.first_arg,
            all_args: call.all_args,
        };
        if let Some(value) = (call.f)(ev, &window)? {
            column.put(step, value);
        }
    }
    column.seal()?;
    Ok(column)
}

/// Moves the half-open index range to the times `low < t <= high`, which never go back.
fn advance(
    range: &mut (usize, usize),
    len: usize,
    time: impl Fn(usize) -> i64,
    low: i64,
    high: i64,
) {
    while range.1 < len && time(range.1) <= high {
        range.1 += 1;
    }
    while range.0 < range.1 && time(range.0) <= low {
        range.0 += 1;
    }
}

fn each_source(
    ev: &Evaluator<'_>,
    range: &Node,
    frame: &Frame,
    f: &mut dyn FnMut(Source<'_>) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    match &range.kind {
        Kind::Range(selector) => each_stored(ev, selector, frame, f),
        Kind::Subquery(subquery) => each_evaluated(ev, subquery, frame, f),
        Kind::Number(_)
        | Kind::Text(_)
        | Kind::Instant(_)
        | Kind::Negate(_)
        | Kind::Binary(_)
        | Kind::Aggregate(_)
        | Kind::Call(_)
        | Kind::Invariant(_) => Err(bug("a range vector was expected")),
    }
}

fn each_stored(
    ev: &Evaluator<'_>,
    selector: &RangeSelector,
    frame: &Frame,
    f: &mut dyn FnMut(Source<'_>) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    if frame.steps == 0 {
        return Ok(());
    }
    let RangeSelector { selector, range } = selector;
    let slide = Slide {
        range: *range,
        offset: selector.offset,
        at: selector.at,
        extension: selector.extension,
    };
    let (before, after) = reach(selector.extension, *range, ev.lookback);
    let first = selector.lookup(frame.start).saturating_sub(before).saturating_add(1);
    let last = selector.lookup(frame.end()).saturating_add(after);
    let set = ev.select(selector, frame)?;
    let mut samples = Samples::default();
    let mut hold = ev.meter.hold(0)?;
    for i in 0..set.len() {
        ev.watch.check()?;
        samples.clear();
        // What a first histogram says of resets depends on the one just before the range.
        set.read(i, first.saturating_sub(i64::from(selector.stats)), last, &mut samples)?;
        let bytes = buffer_bytes(&samples);
        hold.grow(0, bytes.saturating_sub(hold.bytes()))?;
        drop_stale(&mut samples);
        if selector.stats {
            hint_resets(&mut samples);
        }
        if !samples.is_empty() {
            f(Source { labels: set.labels(i), drop_name: false, samples: &samples, slide })?;
        }
    }
    Ok(())
}

fn each_evaluated(
    ev: &Evaluator<'_>,
    subquery: &Subquery,
    frame: &Frame,
    f: &mut dyn FnMut(Source<'_>) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let slide =
        Slide { range: subquery.range, offset: subquery.offset, at: subquery.at, extension: None };
    let inner = subquery_frame(ev, subquery, frame)?;
    let mut samples = Samples::default();
    let mut hold = ev.meter.hold(0)?;
    for series in ev.eval(&subquery.expr, &inner)? {
        ev.watch.check()?;
        samples.clear();
        let bytes = bytes_of(series.column.count(), 16);
        hold.grow(0, bytes.saturating_sub(hold.bytes()))?;
        unroll(&series.column, &inner, &mut samples);
        forget_resets(&mut samples);
        f(Source { labels: series.labels, drop_name: series.drop_name, samples: &samples, slide })?;
    }
    Ok(())
}

/// The steps of a subquery: absolute multiples of its step within the range of all outer steps.
fn subquery_frame(
    ev: &Evaluator<'_>,
    subquery: &Subquery,
    frame: &Frame,
) -> Result<Frame, QueryError> {
    if frame.steps == 0 {
        return Frame::new(&ev.meter, (0, -1), 1);
    }
    let step = subquery.step.filter(|&step| step > 0).unwrap_or(ev.subquery_step).max(1);
    let lookup = |t: i64| subquery.at.unwrap_or(t).saturating_sub(subquery.offset);
    let low = lookup(frame.start).saturating_sub(subquery.range);
    let mut start = step * (low / step);
    if start <= low {
        start = start.saturating_add(step);
    }
    Frame::new(&ev.meter, (start, lookup(frame.end())), step)
}

fn unroll(column: &Column, frame: &Frame, out: &mut Samples) {
    for step in 0..frame.steps {
        match column.get(step) {
            Some(Value::Float(v)) => {
                out.ts.push(frame.time(step));
                out.vs.push(v);
            }
            Some(Value::Histogram(h)) => out.hs.push((frame.time(step), h)),
            None => {}
        }
    }
}

/// What evaluated histograms say of resets is not true of their order in a subquery.
fn forget_resets(samples: &mut Samples) {
    for (_, h) in &mut samples.hs {
        if matches!(h.reset_hint, ResetHint::CounterReset | ResetHint::NotCounterReset) {
            Arc::make_mut(h).reset_hint = ResetHint::Unknown;
        }
    }
}

pub(crate) fn drop_stale(samples: &mut Samples) {
    let Samples { ts, vs, hs } = samples;
    hs.retain(|(_, h)| !model::sample::is_stale(h.sum));
    if vs.iter().any(|&v| model::sample::is_stale(v)) {
        let mut kept = 0;
        for i in 0..vs.len() {
            if !stale(&Value::Float(vs[i])) {
                (ts[kept], vs[kept]) = (ts[i], vs[i]);
                kept += 1;
            }
        }
        ts.truncate(kept);
        vs.truncate(kept);
    }
}

fn buffer_bytes(samples: &Samples) -> u64 {
    let floats = u64::try_from(samples.ts.capacity() * 16).unwrap_or(u64::MAX);
    floats + samples.hs.iter().map(|(_, h)| 16 * histogram_samples(h)).sum::<u64>()
}

/// The range vector itself, as an instant query returns it; its value at the frame's only step. All of it is held.
pub(crate) fn matrix(
    ev: &Evaluator<'_>,
    range: &Node,
    frame: &Frame,
    answer: &mut Answer,
) -> Result<Vec<MatrixSeries>, QueryError> {
    let mut out = Vec::new();
    let mut hold = ev.meter.hold(0)?;
    each_source(ev, range, frame, &mut |source| {
        let Slide { range, offset, at, extension } = source.slide;
        let end = at.unwrap_or(frame.start).saturating_sub(offset);
        // At most three points come to it when it is extended.
        answer.samples(source.samples)?;
        let mut samples = source.samples.clone();
        if let Some(extension) = extension {
            super::smooth::extend(&mut samples, (end - range, end), extension)?;
        }
        let size = u64::try_from(samples.ts.len()).unwrap_or(u64::MAX)
            + samples.hs.iter().map(|(_, h)| histogram_samples(h)).sum::<u64>();
        hold.grow(size, 0)?;
        frame.touch(0, size);
        if !samples.is_empty() {
            let labels = match source.drop_name && ev.delayed {
                true => super::eval::without_name(&source.labels),
                false => source.labels,
            };
            out.push(MatrixSeries { labels, samples });
        }
        Ok(())
    })?;
    Ok(out)
}
