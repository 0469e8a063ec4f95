// The Prometheus HTTP API, as any server of the field speaks it.

import type { Labels } from './format';

/** An answer that says no: its kind (`bad_data`, `timeout`, …) and its text. */
export class ApiError extends Error {
  constructor(
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
  /** Milliseconds from the request to the parsed answer. */
  tookMs: number;
}

export type Point = [number, string];
export type Bucket = [number, string, string, string];
export interface HistogramValue {
  count: string;
  sum: string;
  buckets?: Bucket[];
}
export interface VectorSample {
  metric: Labels;
  value?: Point;
  histogram?: [number, HistogramValue];
}
export interface MatrixSeries {
  metric: Labels;
  values?: Point[];
  histograms?: [number, HistogramValue][];
}
export type QueryData =
  | { resultType: 'vector'; result: VectorSample[] }
  | { resultType: 'matrix'; result: MatrixSeries[] }
  | { resultType: 'scalar'; result: Point }
  | { resultType: 'string'; result: Point };

export interface Target {
  discoveredLabels: Labels;
  labels: Labels;
  scrapePool: string;
  scrapeUrl: string;
  globalUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: 'up' | 'down' | 'unknown';
  scrapeInterval: string;
  scrapeTimeout: string;
}
export interface TargetsData {
  activeTargets: Target[];
  droppedTargets: { discoveredLabels: Labels; scrapePool?: string }[];
  droppedTargetCounts: Record<string, number> | null;
}
export interface Metadata {
  type: string;
  help: string;
  unit: string;
}

/** The path that the page is served under, with a slash at its end. */
export const base = new URL('.', document.baseURI).pathname;

/** Asks `path` (below `/api/v1/`). Parameters with several values are repeated. */
export async function ask<T>(
  path: string,
  params: Record<string, string | string[]> = {},
  options: { signal?: AbortSignal; post?: boolean } = {},
): Promise<Answer<T>> {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) query.append(key, one);
  }
  const start = performance.now();
  const url = `${base}api/v1/${path}`;
  const init: RequestInit = { cache: 'no-store' };
  if (options.signal) init.signal = options.signal;
  const text = query.toString();
  const response = options.post
    ? await fetch(url, { ...init, method: 'POST', body: query })
    : await fetch(text ? `${url}?${text}` : url, init);
  let body: { status?: string; data?: T; errorType?: string; error?: string; warnings?: string[]; infos?: string[] };
  try {
    body = await response.json();
  } catch {
    throw new ApiError('http', `${response.status} ${response.statusText}`);
  }
  if (body.status !== 'success') throw new ApiError(body.errorType ?? 'http', body.error ?? response.statusText);
  return {
    data: body.data as T,
    warnings: body.warnings ?? [],
    infos: body.infos ?? [],
    tookMs: performance.now() - start,
  };
}
