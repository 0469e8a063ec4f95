//! One side of a histogram as a sorted list of counted buckets: the form in which histograms are combined.

use super::bounds::exponential_bound;
use super::{CUSTOM_BUCKETS_SCHEMA, Span};

/// A bucket's count, and what its rounding lost so far (0 where nobody keeps account).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cell {
    pub(super) index: i32,
    pub(super) count: f64,
    pub(super) lost: f64,
}

/// How counts are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sums {
    Plain,
    /// With an account of what rounding loses.
    Exact,
}

impl Sums {
    pub(super) fn add(self, (sum, lost): (f64, f64), more: f64) -> (f64, f64) {
        match self {
            Self::Plain => (sum + more, lost),
            Self::Exact => kahan_add(sum, lost, more),
        }
    }
}

/// Neumaier's variant of Kahan's summation: `sum` and `lost` after `more` is added. An infinite sum has lost nothing.
#[must_use]
pub fn kahan_add(sum: f64, lost: f64, more: f64) -> (f64, f64) {
    let total = sum + more;
    if total.is_infinite() {
        return (total, 0.0);
    }
    let rest = if sum.abs() >= more.abs() { (sum - total) + more } else { (more - total) + sum };
    (total, lost + rest)
}

/// The buckets of a side. Counts without a span and spans without counts are left out, so that any input is harmless.
pub(super) fn read(spans: &[Span], counts: &[f64], lost: &[f64]) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(counts.len());
    let mut counts = counts.iter().enumerate();
    let mut index = 0_i32;
    for span in spans {
        index = index.saturating_add(span.offset);
        for _ in 0..span.length {
            let Some((at, &count)) = counts.next() else { return cells };
            let lost = lost.get(at).copied().unwrap_or(0.0);
            cells.push(Cell { index, count, lost });
            index = index.saturating_add(1);
        }
    }
    cells
}

/// Spans and counts of sorted buckets; gaps of at most `gap_max` are filled with empty buckets.
pub(super) fn write(cells: &[Cell], gap_max: u32) -> (Vec<Span>, Vec<f64>, Vec<f64>) {
    let mut spans: Vec<Span> = Vec::new();
    let (mut counts, mut losses) = (Vec::with_capacity(cells.len()), Vec::new());
    let mut next = 0_i32;
    for cell in cells {
        let gap = cell.index.saturating_sub(next);
        match spans.last_mut() {
            Some(span) if u32::try_from(gap).is_ok_and(|gap| gap <= gap_max) => {
                let filled = usize::try_from(gap).unwrap_or(0);
                counts.resize(counts.len() + filled, 0.0);
                losses.resize(losses.len() + filled, 0.0);
                span.length = span.length.saturating_add(gap.unsigned_abs()).saturating_add(1);
            }
            Some(_) | None => spans.push(Span { offset: gap, length: 1 }),
        }
        counts.push(cell.count);
        losses.push(cell.lost);
        next = cell.index.saturating_add(1);
    }
    (spans, counts, losses)
}

/// Takes out empty buckets.
pub(super) fn compact(cells: &mut Vec<Cell>) {
    cells.retain(|cell| cell.count != 0.0 || cell.lost != 0.0);
}

/// `b` added to `a`, or subtracted; both sorted by index.
pub(super) fn merge(a: Vec<Cell>, b: Vec<Cell>, negative: bool, sums: Sums) -> Vec<Cell> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let mut a = a.into_iter().peekable();
    for mut cell in b {
        if negative {
            cell.count = -cell.count;
            cell.lost = -cell.lost;
        }
        while let Some(before) = a.next_if(|have| have.index < cell.index) {
            out.push(before);
        }
        match a.next_if(|have| have.index == cell.index) {
            Some(have) => out.push(added(have, cell, sums)),
            None => out.push(cell),
        }
    }
    out.extend(a);
    out
}

fn added(have: Cell, more: Cell, sums: Sums) -> Cell {
    let mut pair = sums.add((have.count, have.lost), more.count);
    if more.lost != 0.0 {
        pair = sums.add(pair, more.lost);
    }
    Cell { index: have.index, count: pair.0, lost: pair.1 }
}

/// The index that the bucket `index` has in the coarser schema `to`.
fn coarser_index(index: i32, from: i32, to: i32) -> i32 {
    let shift = i64::from(from).saturating_sub(i64::from(to)).clamp(0, 62);
    let index = ((i64::from(index) - 1) >> shift) + 1;
    i32::try_from(index).unwrap_or(i32::MAX)
}

/// The buckets merged to those of a coarser exponential schema.
pub(super) fn reduce(cells: Vec<Cell>, from: i32, to: i32, sums: Sums) -> Vec<Cell> {
    if from <= to {
        return cells;
    }
    let mut out: Vec<Cell> = Vec::with_capacity(cells.len());
    for cell in cells {
        let cell = Cell { index: coarser_index(cell.index, from, to), ..cell };
        match out.last_mut() {
            Some(last) if last.index == cell.index => *last = added(*last, cell, sums),
            Some(_) | None => out.push(cell),
        }
    }
    out
}

/// Spans and deltas of integer buckets, merged to those of a coarser exponential schema. Sums wrap, as where they come from.
pub(super) fn reduce_deltas(
    spans: &[Span],
    deltas: &[i64],
    from: i32,
    to: i32,
) -> (Vec<Span>, Vec<i64>) {
    let mut merged: Vec<Cell> = Vec::with_capacity(deltas.len());
    let mut counts: Vec<i64> = Vec::with_capacity(deltas.len());
    let mut count = 0_i64;
    // The cells' own counts are floats, which are not exact enough here: they stay zero.
    for (cell, delta) in read(spans, &vec![0.0; deltas.len()], &[]).into_iter().zip(deltas) {
        count = count.wrapping_add(*delta);
        let cell = Cell { index: coarser_index(cell.index, from, to), ..cell };
        match (merged.last(), counts.last_mut()) {
            (Some(last), Some(sum)) if last.index == cell.index => *sum = sum.wrapping_add(count),
            _ => {
                merged.push(cell);
                counts.push(count);
            }
        }
    }
    let mut before = 0_i64;
    for count in &mut counts {
        before = std::mem::replace(count, count.wrapping_sub(before));
    }
    (write(&merged, 0).0, counts)
}

/// Bounds that both lists have, in order.
pub(super) fn common_bounds(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut b = b.iter().peekable();
    let mut common = Vec::new();
    for bound in a {
        while b.next_if(|have| *have < bound).is_some() {}
        if b.next_if(|have| *have == bound).is_some() {
            common.push(*bound);
        }
    }
    common
}

/// Buckets of custom `bounds`, moved to those of `target`, which holds some of them.
pub(super) fn rebound(cells: &[Cell], bounds: &[f64], target: &[f64]) -> Vec<Cell> {
    let mut out: Vec<Cell> = Vec::new();
    for cell in cells {
        let upper = super::bounds::bound(cell.index, CUSTOM_BUCKETS_SCHEMA, bounds);
        let at = target.partition_point(|bound| *bound < upper);
        let cell = Cell { index: i32::try_from(at).unwrap_or(i32::MAX), ..*cell };
        match out.last_mut() {
            Some(last) if last.index == cell.index => *last = added(*last, cell, Sums::Exact),
            Some(_) | None => out.push(cell),
        }
    }
    out
}

/// Takes out the buckets that end at or below the threshold (by amount).
pub(super) fn above(cells: &mut Vec<Cell>, schema: i32, threshold: f64) {
    cells.retain(|cell| exponential_bound(cell.index, schema) > threshold);
}
