// An instant query's result as a table; a range vector shows its samples with their times.

import { useState } from 'preact/hooks';

import type { HistogramValue, MatrixSeries, Point, QueryData, VectorSample } from '../api';
import { seriesName } from '../format';
import { n, t } from '../i18n';
import { formatTime } from '../time';
import { SeriesName } from './labels';

/** Rows put into the page. */
const ROWS_MAX = 2000;

export function ResultTable({ data }: { data: QueryData }) {
  if (data.resultType === 'scalar' || data.resultType === 'string') {
    return <p class="single">{data.result[1]}</p>;
  }
  if (data.result.length === 0) return <p class="note">{t('query.empty')}</p>;
  const rows: (VectorSample | MatrixSeries)[] = data.result.slice(0, ROWS_MAX);
  return (
    <>
      {data.result.length > ROWS_MAX && (
        <p class="box info">{t('query.clipped', { shown: n(ROWS_MAX), total: n(data.result.length) })}</p>
      )}
      <table class="result">
        <thead>
          <tr>
            <th scope="col">{t('query.series')}</th>
            <th scope="col" class="num">
              {t('query.value')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={seriesName(row.metric)}>
              <td>
                <SeriesName labels={row.metric} />
                <CopyButton text={seriesName(row.metric)} />
              </td>
              <td class="num">{'values' in row || 'histograms' in row ? <Samples series={row} /> : <One sample={row as VectorSample} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function One({ sample }: { sample: VectorSample }) {
  if (sample.value) return <>{sample.value[1]}</>;
  return sample.histogram ? <Histogram value={sample.histogram[1]} /> : null;
}

function Histogram({ value }: { value: HistogramValue }) {
  return (
    <details>
      <summary>{t('query.histogram', { count: value.count, sum: value.sum })}</summary>
      {(value.buckets ?? []).map(([rule, low, high, count]) => (
        <div key={`${low} ${high}`}>
          {rule === 1 || rule === 3 ? '[' : '('}
          {low}, {high}
          {rule === 0 || rule === 3 ? ']' : ')'} {count}
        </div>
      ))}
    </details>
  );
}

function Samples({ series }: { series: MatrixSeries }) {
  const points: [number, string | HistogramValue][] = [...(series.values ?? []), ...(series.histograms ?? [])];
  points.sort((a, b) => a[0] - b[0]);
  return (
    <div class="samples">
      {points.map(([time, value]: [number, Point[1] | HistogramValue]) => (
        <div key={time}>
          {typeof value === 'string' ? value : <Histogram value={value} />} <time>@ {formatTime(time * 1000, true)}</time>
        </div>
      ))}
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const [done, setDone] = useState(false);
  if (!navigator.clipboard) return null;
  const copy = () => navigator.clipboard.writeText(text).then(() => setDone(true), () => setDone(false));
  return (
    <button type="button" class="quiet copy" onClick={copy} onBlur={() => setDone(false)}>
      {t(done ? 'query.copied' : 'query.copy')}
    </button>
  );
}
