// A range query's series as the columns that a chart draws.

import type { MatrixSeries } from './api';
import { parseValue } from './format';

/** Series with the steps that they were asked for, in milliseconds. */
export interface Window {
  series: MatrixSeries[];
  startMs: number;
  endMs: number;
  stepMs: number;
}

/** Columns for uPlot: a shared time axis in seconds, then one array per series; a step without a sample is null. */
export function columns(props: Window): (number | null)[][] {
  const steps = Math.floor((props.endMs - props.startMs) / props.stepMs) + 1;
  const times = Array.from({ length: steps }, (_, i) => (props.startMs + i * props.stepMs) / 1000);
  const rows = props.series.map((one) => {
    const row = new Array<number | null>(steps).fill(null);
    for (const [time, text] of one.values ?? []) {
      const i = Math.round((time * 1000 - props.startMs) / props.stepMs);
      const value = parseValue(text);
      if (i >= 0 && i < steps && Number.isFinite(value)) row[i] = value;
    }
    return row;
  });
  return [times, ...rows];
}

/** Each row becomes the sum of itself and the rows before it; gaps count as nothing and stay gaps. */
export function stack(rows: (number | null)[][]): (number | null)[][] {
  const sums: number[] = [];
  return rows.map((row) =>
    row.map((value, i) => {
      if (value === null) return null;
      sums[i] = (sums[i] ?? 0) + value;
      return sums[i] ?? null;
    }),
  );
}

/** Least and greatest value; null when there is none. */
export function extent(rows: (number | null)[][]): [number | null, number | null] {
  let low: number | null = null;
  let high: number | null = null;
  for (const row of rows) {
    for (const value of row) {
      if (value === null) continue;
      if (low === null || value < low) low = value;
      if (high === null || value > high) high = value;
    }
  }
  return [low, high];
}
