// Durations in Prometheus' notation, and moments in the notation of the page (UTC or local, 24 hours).

const UNITS: [string, number][] = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** Milliseconds of `1h30m`; null when it is no duration or is zero. */
export function parseDuration(text: string): number | null {
  const parts = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text.trim());
  if (!parts) return null;
  const ms = UNITS.reduce((sum, [, unit], i) => sum + Number(parts[i + 1] ?? 0) * unit, 0);
  return ms > 0 ? ms : null;
}

/** The shortest exact notation: 90 minutes are `1h30m`. Years and weeks only where nothing else remains, as Prometheus prints. */
export function formatDuration(ms: number): string {
  if (ms <= 0) return '0s';
  let rest = Math.round(ms);
  let text = '';
  for (const [name, unit] of UNITS) {
    if ((name === 'y' || name === 'w') && rest % unit !== 0) continue;
    const n = Math.floor(rest / unit);
    if (n > 0) text += `${n}${name}`;
    rest -= n * unit;
  }
  return text;
}

/** Ranges that the − and + buttons step through. */
const RANGES = ['1s', '10s', '1m', '5m', '15m', '30m', '1h', '2h', '6h', '12h', '1d', '2d', '1w', '2w', '4w', '8w', '1y', '2y'];

/** The next shorter (−1) or longer (+1) range of the ladder. */
export function stepRange(ms: number, direction: -1 | 1): number {
  const ladder = RANGES.map((text) => parseDuration(text) ?? 0);
  const next = direction > 0 ? ladder.find((r) => r > ms) : ladder.findLast((r) => r < ms);
  return next ?? ms;
}

const pad = (n: number, width = 2) => String(n).padStart(width, '0');

/** `2026-01-31 13:05:09` in local time. */
export function formatTime(ms: number, withMillis = false): string {
  const d = new Date(ms);
  const day = `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
  const clock = `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
  return `${day} ${clock}${withMillis ? `.${pad(d.getMilliseconds(), 3)}` : ''}`;
}

/** The value that `<input type="datetime-local">` wants. */
export function toInputTime(ms: number): string {
  return formatTime(ms).replace(' ', 'T');
}

/** Milliseconds of such an input; null when it is empty or no time. */
export function fromInputTime(text: string): number | null {
  const ms = text === '' ? NaN : new Date(text).getTime();
  return Number.isFinite(ms) ? ms : null;
}

/** "3.2 s", "12 ms": a span for people. */
export function formatSpan(seconds: number): string {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1000).toPrecision(3).replace(/\.0+$/, '')} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return formatDuration(Math.round(seconds) * 1000);
}
