// The chart's arithmetic: samples onto steps, and stacking.

import { expect, test } from 'vitest';

import { columns, stack } from '../src/series';

test('samples fall onto their steps, gaps and infinities stay gaps', () => {
  const series = [
    { metric: {}, values: [[10, '1'], [20, '+Inf'], [30, '3']] as [number, string][] },
    { metric: {}, values: [[20, '2']] as [number, string][] },
  ];
  expect(columns({ series, startMs: 10_000, endMs: 30_000, stepMs: 10_000 })).toEqual([
    [10, 20, 30],
    [1, null, 3],
    [null, 2, null],
  ]);
});

test('a stack adds what is there', () => {
  expect(stack([[1, null, 3], [1, 1, null], [1, 1, 1]])).toEqual([[1, null, 3], [2, 1, null], [3, 2, 4]]);
});
