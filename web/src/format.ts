// Numbers and series names for people.

const SUFFIXES: [number, string][] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** An axis tick: at most about five significant digits, with k, M, G, T. */
export function formatTick(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '';
  const size = Math.abs(value);
  if (size === 0) return '0';
  for (const [unit, suffix] of SUFFIXES) {
    if (size >= unit) return `${trim((value / unit).toPrecision(5))}${suffix}`;
  }
  if (size < 1e-4) return value.toExponential(2);
  return trim(value.toPrecision(5));
}

function trim(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}

export type Labels = Record<string, string>;

/** A label's value in quotes, as PromQL reads it. */
export function quote(value: string): string {
  return JSON.stringify(value);
}

/** `name{a="b"}`: valid PromQL that selects the series. Names outside of the classic alphabet stand in quotes. */
export function seriesName(labels: Labels): string {
  const name = labels.__name__;
  const plain = name !== undefined && /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
  const pairs = Object.entries(labels)
    .filter(([key]) => key !== '__name__')
    .map(([key, value]) => `${/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(key) ? key : quote(key)}=${quote(value)}`);
  if (name !== undefined && !plain) pairs.unshift(quote(name));
  const braces = pairs.length > 0 ? `{${pairs.join(', ')}}` : '';
  return `${plain ? name : ''}${braces}` || '{}';
}

/** A value of the API ("1e+06", "NaN") as a number. */
export function parseValue(text: string): number {
  if (text === '+Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}
