// The page's pure parts, as tables of cases.

import { describe, expect, test } from 'vitest';

import { formatTick, parseValue, seriesName } from '../src/format';
import en from '../src/locales/en.json';
import ko from '../src/locales/ko.json';
import { newPanel, PANELS_MAX, readPanels, writePanels } from '../src/panels';
import { formatDuration, formatSpan, parseDuration, stepRange } from '../src/time';

describe('durations', () => {
  test.each([
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['2w', 1_209_600_000],
    ['250ms', 250],
    ['', null],
    ['0s', null],
    ['1x', null],
    ['30m1h', null],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each([
    [5_400_000, '1h30m'],
    [1_209_600_000, '2w'],
    [8 * 86_400_000, '8d'],
    [1, '1ms'],
    [0, '0s'],
  ])('%d ms', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test('the ladder of ranges ends at both ends', () => {
    expect(formatDuration(stepRange(3_600_000, 1))).toBe('2h');
    expect(formatDuration(stepRange(3_600_000, -1))).toBe('30m');
    expect(stepRange(1000, -1)).toBe(1000);
    expect(stepRange(90_000, 1)).toBe(300_000);
  });

  test.each([
    [0.0000042, '4 µs'],
    [0.0123, '12.3 ms'],
    [2.25, '2.3 s'],
    [90, '1m30s'],
  ])('%d s for people', (seconds, text) => expect(formatSpan(seconds)).toBe(text));
});

describe('numbers', () => {
  test.each([
    [0, '0'],
    [1500, '1.5k'],
    [2_000_000, '2M'],
    [100, '100'],
    [0.25, '0.25'],
    [0.00001, '1.00e-5'],
    [-3_000_000_000, '-3G'],
  ])('%d', (value, text) => expect(formatTick(value)).toBe(text));

  test('the API’s words', () => {
    expect(parseValue('+Inf')).toBe(Infinity);
    expect(parseValue('-Inf')).toBe(-Infinity);
    expect(parseValue('NaN')).toBeNaN();
    expect(parseValue('1e+06')).toBe(1_000_000);
  });
});

describe('series names are PromQL', () => {
  test.each([
    [{ __name__: 'up', job: 'a' }, 'up{job="a"}'],
    [{ __name__: 'up' }, 'up'],
    [{}, '{}'],
    [{ job: 'a"b' }, '{job="a\\"b"}'],
    [{ __name__: 'my.metric', 'a.b': 'c' }, '{"my.metric", "a.b"="c"}'],
  ])('%j', (labels, text) => expect(seriesName(labels as Record<string, string>)).toBe(text));
});

describe('the URL is the state', () => {
  test('panels survive the way there and back', () => {
    const panels = [
      { ...newPanel('rate(x[5m])'), tab: 'graph' as const, rangeMs: 5_400_000, endMs: 1_700_000_000_000, stacked: true },
      newPanel('up & "#?"'),
    ];
    expect(readPanels(writePanels(panels))).toEqual(panels);
  });

  test('nothing is one empty panel, and the other way round', () => {
    expect(readPanels('')).toEqual([newPanel()]);
    expect(writePanels([newPanel()])).toBe('');
  });

  test('old links of Prometheus work', () => {
    expect(readPanels('?g0.expr=up&g0.tab=0&g0.stacked=1&g0.range_input=2h')).toEqual([
      { ...newPanel('up'), tab: 'graph', rangeMs: 7_200_000, stacked: true },
    ]);
  });

  test('no more panels than the bound', () => {
    const search = (count: number) => Array.from({ length: count }, (_, i) => `g${i}.expr=up`).join('&');
    expect(readPanels(`?${search(PANELS_MAX)}`)).toHaveLength(PANELS_MAX);
    expect(readPanels(`?${search(PANELS_MAX + 1)}`)).toHaveLength(PANELS_MAX);
  });
});

describe('languages', () => {
  test('the catalogues have the same keys and the same values in braces', () => {
    const braces = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
    expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort());
    for (const [key, text] of Object.entries(en)) {
      expect([key, braces((ko as Record<string, string>)[key] ?? '')]).toEqual([key, braces(text)]);
    }
  });
});
