// A time-series chart on uPlot: lines or stacked areas, nearest series highlighted, drag to zoom, legend as a list.

import 'uplot/dist/uPlot.min.css';

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';

import type { MatrixSeries } from '../api';
import { formatTick, seriesName } from '../format';
import { t } from '../i18n';
import { columns, extent, stack } from '../series';
import { formatTime } from '../time';

/** Series that are drawn; the rest is counted in a note. */
export const SERIES_DRAWN_MAX = 1000;
/** Series that the legend lists before it asks. */
const LEGEND_ROWS_MAX = 50;
const HEIGHT = 340;

/** Twelve hues that stay apart for most colour-blind eyes, and on both themes. */
const PALETTE = [
  '#2f7ed8', '#e0752d', '#2e9e6b', '#c2457a', '#8a63d2', '#b58900',
  '#17a2b8', '#d6423b', '#6b8e23', '#9c6644', '#5b6ee1', '#7f8c8d',
];

export function colour(i: number): string {
  return PALETTE[i % PALETTE.length] ?? '#888';
}

export interface ChartProps {
  series: MatrixSeries[];
  startMs: number;
  endMs: number;
  stepMs: number;
  stacked: boolean;
  onZoom: (startMs: number, endMs: number) => void;
}

export function Chart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [focused, setFocused] = useState<{ i: number; time: number; value: number } | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const [all, setAll] = useState(false);
  const [theme, setTheme] = useState(0);

  const drawn = props.series.slice(0, SERIES_DRAWN_MAX);
  const raw = useMemo(() => columns({ ...props, series: drawn }), [props.series, props.startMs, props.endMs, props.stepMs]);
  const names = useMemo(() => drawn.map((one) => seriesName(one.metric)), [props.series]);

  useEffect(() => {
    const changed = () => setTheme((count) => count + 1);
    addEventListener('mangru-theme', changed);
    return () => removeEventListener('mangru-theme', changed);
  }, []);

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const [times = [], ...rows] = raw;
    const shown = rows.map((row, i) => (hidden.has(i) ? row.map(() => null) : row));
    // Stacked areas are painted from the top sum down, so that each covers the next.
    const data = [times, ...(props.stacked ? stack(shown) : shown)] as uPlot.AlignedData;
    const chart = new uPlot(options(element, props, names, rows, setFocused), data, element);
    plot.current = chart;
    const resize = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [raw, names, props.stacked, hidden, theme]);

  const [low, high] = extent(raw.slice(1));
  const summary = t('query.chart', { series: drawn.length, min: formatTick(low), max: formatTick(high) });
  const rows = all ? names : names.slice(0, LEGEND_ROWS_MAX);
  return (
    <div class="chart">
      <div ref={place} role="img" aria-label={summary} />
      <p class="readout" aria-live="off">
        {focused ? (
          <>
            <i style={{ background: colour(focused.i) }} />
            <time>{formatTime(focused.time)}</time> <b>{focused.value}</b> <code>{names[focused.i]}</code>
          </>
        ) : (
          ' '
        )}
      </p>
      <ul class="legend">
        {rows.map((name, i) => (
          <li key={name}>
            <button
              type="button"
              aria-pressed={!hidden.has(i)}
              class={focused?.i === i ? 'here' : ''}
              onClick={(event) => setHidden(toggled(hidden, i, names.length, event.metaKey || event.ctrlKey))}
            >
              <i style={{ background: colour(i) }} />
              <code>{name}</code>
            </button>
          </li>
        ))}
      </ul>
      {names.length > rows.length && (
        <button type="button" class="quiet" onClick={() => setAll(true)}>
          + {names.length - rows.length}
        </button>
      )}
    </div>
  );
}

/** A click hides or shows one series; with the modifier it leaves only that one, and again brings all back. */
function toggled(hidden: ReadonlySet<number>, i: number, count: number, alone: boolean): ReadonlySet<number> {
  if (alone) {
    const isAlone = hidden.size === count - 1 && !hidden.has(i);
    return isAlone ? new Set() : new Set(Array.from({ length: count }, (_, j) => j).filter((j) => j !== i));
  }
  const next = new Set(hidden);
  if (!next.delete(i)) next.add(i);
  return next;
}

type Focus = { i: number; time: number; value: number } | null;

function options(
  element: HTMLElement,
  props: ChartProps,
  names: string[],
  rows: (number | null)[][],
  setFocused: (focus: Focus) => void,
): uPlot.Options {
  const css = getComputedStyle(element);
  const line = css.getPropertyValue('--line').trim();
  const text = css.getPropertyValue('--muted').trim();
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: '12px system-ui' };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { focus: { prox: 24 }, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
    focus: { alpha: 0.25 },
    scales: { x: { time: true, min: props.startMs / 1000, max: props.endMs / 1000 } },
    axes: [
      { ...axis, space: 76, size: 32, values: (_, ticks, __, ___, step) => ticks.map((tick) => timeTick(tick, step)) },
      { ...axis, size: 64, values: (_, ticks) => ticks.map(formatTick) },
    ],
    series: [
      {},
      ...names.map((label, i) => ({
        label,
        stroke: colour(i),
        width: 1.5,
        points: { show: sparse(rows[i] ?? []) },
        ...(props.stacked ? { fill: `${colour(i)}59` } : {}),
      })),
    ],
    hooks: {
      setSeries: [(chart, i) => setFocused(focusAt(chart, i, rows))],
      setCursor: [
        (chart) => {
          const i = chart.series.findIndex((one, at) => at > 0 && (one as { _focus?: boolean })._focus === true);
          if (i > 0) setFocused(focusAt(chart, i, rows));
        },
      ],
      setSelect: [
        (chart) => {
          if (chart.select.width < 8) return;
          const from = chart.posToVal(chart.select.left, 'x') * 1000;
          const to = chart.posToVal(chart.select.left + chart.select.width, 'x') * 1000;
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          props.onZoom(Math.round(from), Math.round(to));
        },
      ],
    },
  };
}

function focusAt(chart: uPlot, i: number | null, rows: (number | null)[][]): Focus {
  const at = chart.cursor.idx;
  if (i === null || i < 1 || at === null || at === undefined) return null;
  const value = rows[i - 1]?.[at];
  const time = chart.data[0][at];
  return value === null || value === undefined || time === undefined ? null : { i: i - 1, time: time * 1000, value };
}

/** Points are drawn when no two neighbours could make a line. */
function sparse(row: (number | null)[]): boolean {
  return !row.some((value, i) => value !== null && i > 0 && row[i - 1] !== null);
}

/** `13:05`, with seconds or the day where the ticks' distance needs them. */
function timeTick(seconds: number, step: number): string {
  const text = formatTime(seconds * 1000);
  if (step >= 86_400) return text.slice(5, 10);
  if (step < 60) return text.slice(11);
  return text.slice(11, 16) === '00:00' ? text.slice(5, 10) : text.slice(11, 16);
}
