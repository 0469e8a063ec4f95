// One panel of the query page: editor, tabs, time controls, and the answer.

import { useEffect, useRef, useState } from 'preact/hooks';

import { type Answer, ask, type QueryData } from '../api';
import { n, t } from '../i18n';
import type { Panel } from '../panels';
import { formatDuration, formatTime, fromInputTime, parseDuration, stepRange, toInputTime } from '../time';
import { Chart, SERIES_DRAWN_MAX } from './chart';
import { Editor } from './editor';
import { ErrorBox, Remarks } from './message';
import { ResultTable } from './table';

const EXAMPLES = ['up', 'rate(process_cpu_seconds_total[1m])', 'sum by (job) (scrape_samples_scraped)'];
/** Points of a graph over its width. */
const STEPS = 250;

export interface QueryPanelProps {
  panel: Panel;
  onChange: (panel: Panel) => void;
  onExplore: () => void;
  onRemove: (() => void) | undefined;
}

interface Shown {
  answer: Answer<QueryData>;
  startMs: number;
  endMs: number;
  stepMs: number;
}

export function QueryPanel({ panel, onChange, onExplore, onRemove }: QueryPanelProps) {
  const [text, setText] = useState(panel.expr);
  const [run, setRun] = useState(0);
  const { shown, error, busy } = useAnswer(panel, run);
  useEffect(() => setText(panel.expr), [panel.expr]);

  const execute = (expr: string) => {
    if (expr === panel.expr) setRun((count) => count + 1);
    else onChange({ ...panel, expr });
  };
  return (
    <section class="panel" aria-busy={busy}>
      <div class="ask">
        <Editor value={text} onChange={setText} onRun={() => execute(text)} />
        <button type="button" onClick={onExplore}>
          {t('query.metrics')}
        </button>
        <button type="button" class="primary" onClick={() => execute(text)}>
          {t('query.run')}
        </button>
        {onRemove && (
          <button type="button" class="quiet icon" aria-label={t('query.remove')} title={t('query.remove')} onClick={onRemove}>
            ×
          </button>
        )}
      </div>
      {panel.expr === '' ? (
        <Examples onPick={execute} />
      ) : (
        <>
          <Controls panel={panel} onChange={onChange} busy={busy} shown={shown} />
          {error !== null ? (
            <ErrorBox error={error} onRetry={() => setRun((count) => count + 1)} />
          ) : (
            shown && <Body panel={panel} shown={shown} onChange={onChange} />
          )}
        </>
      )}
    </section>
  );
}

function Examples({ onPick }: { onPick: (expr: string) => void }) {
  return (
    <p class="note">
      {t('query.nothing')} {t('query.try')}:{' '}
      {EXAMPLES.map((expr) => (
        <button key={expr} type="button" class="chip" onClick={() => onPick(expr)}>
          <code>{expr}</code>
        </button>
      ))}
    </p>
  );
}

/** Asks the server whenever the panel changes or `run` counts up; an older request is given up. */
function useAnswer(panel: Panel, run: number) {
  const [shown, setShown] = useState<Shown | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const tab = useRef(panel.tab);
  useEffect(() => {
    if (tab.current !== panel.tab) setShown(null);
    tab.current = panel.tab;
    if (panel.expr === '') return;
    const abort = new AbortController();
    const endMs = panel.endMs ?? Date.now();
    const stepMs = Math.max(1000, Math.ceil(panel.rangeMs / STEPS / 1000) * 1000);
    const startMs = endMs - panel.rangeMs;
    const seconds = (ms: number) => String(ms / 1000);
    const times: Record<string, string> =
      panel.tab === 'table'
        ? { time: seconds(endMs) }
        : { start: seconds(startMs), end: seconds(endMs), step: seconds(stepMs) };
    setBusy(true);
    ask<QueryData>(
      panel.tab === 'table' ? 'query' : 'query_range',
      { query: panel.expr, ...times },
      { signal: abort.signal, post: true },
    ).then(
      (answer) => {
        setShown({ answer, startMs, endMs, stepMs });
        setError(null);
        setBusy(false);
      },
      (reason: unknown) => {
        if (abort.signal.aborted) return;
        setError(reason);
        setBusy(false);
      },
    );
    return () => abort.abort();
  }, [panel.expr, panel.tab, panel.rangeMs, panel.endMs, run]);
  return { shown, error, busy };
}

function Controls({
  panel,
  onChange,
  busy,
  shown,
}: {
  panel: Panel;
  onChange: (panel: Panel) => void;
  busy: boolean;
  shown: Shown | null;
}) {
  const count = shown && Array.isArray(shown.answer.data.result) ? shown.answer.data.result.length : 0;
  return (
    <div class="controls">
      <div class="tabs" role="group" aria-label={t('query.view')}>
        {(['table', 'graph'] as const).map((tab) => (
          <button key={tab} type="button" aria-pressed={panel.tab === tab} onClick={() => onChange({ ...panel, tab })}>
            {t(tab === 'table' ? 'query.table' : 'query.graph')}
          </button>
        ))}
      </div>
      {panel.tab === 'graph' && <RangeInput panel={panel} onChange={onChange} />}
      <EndInput panel={panel} onChange={onChange} />
      {panel.tab === 'graph' && (
        <button type="button" aria-pressed={panel.stacked} onClick={() => onChange({ ...panel, stacked: !panel.stacked })}>
          {t('query.stacked')}
        </button>
      )}
      <span class="grow" />
      <small role="status">
        {busy
          ? t('query.loading')
          : shown && t('query.took', { ms: n(Math.round(shown.answer.tookMs)), series: n(count) })}
      </small>
    </div>
  );
}

function RangeInput({ panel, onChange }: { panel: Panel; onChange: (panel: Panel) => void }) {
  const set = (rangeMs: number) => onChange({ ...panel, rangeMs });
  return (
    <span class="group">
      <button type="button" aria-label={t('query.shorter')} onClick={() => set(stepRange(panel.rangeMs, -1))}>
        −
      </button>
      <input
        class="range"
        aria-label={t('query.range')}
        value={formatDuration(panel.rangeMs)}
        onChange={(event) => set(parseDuration(event.currentTarget.value) ?? panel.rangeMs)}
      />
      <button type="button" aria-label={t('query.longer')} onClick={() => set(stepRange(panel.rangeMs, 1))}>
        +
      </button>
    </span>
  );
}

function EndInput({ panel, onChange }: { panel: Panel; onChange: (panel: Panel) => void }) {
  const set = (endMs: number | null) => onChange({ ...panel, endMs });
  const move = (direction: -1 | 1) => set((panel.endMs ?? Date.now()) + (direction * panel.rangeMs) / 2);
  return (
    <span class="group">
      <button type="button" aria-label={t('query.earlier')} onClick={() => move(-1)}>
        ‹
      </button>
      <input
        type="datetime-local"
        step={1}
        aria-label={t(panel.tab === 'table' ? 'query.time' : 'query.end')}
        value={panel.endMs === null ? '' : toInputTime(panel.endMs)}
        onChange={(event) => set(fromInputTime(event.currentTarget.value))}
      />
      <button type="button" aria-label={t('query.later')} onClick={() => move(1)}>
        ›
      </button>
      <button type="button" aria-pressed={panel.endMs === null} onClick={() => set(null)}>
        {t('query.now')}
      </button>
    </span>
  );
}

function Body({ panel, shown, onChange }: { panel: Panel; shown: Shown; onChange: (panel: Panel) => void }) {
  const { data, warnings, infos } = shown.answer;
  const remarks = <Remarks warnings={warnings} infos={infos} />;
  if (panel.tab === 'table') {
    return (
      <>
        {remarks}
        <ResultTable data={data} />
      </>
    );
  }
  if (data.resultType !== 'matrix') return <p class="note">{t('query.notGraph', { type: data.resultType })}</p>;
  if (data.result.length === 0) return <p class="note">{t('query.empty')}</p>;
  const zoom = (startMs: number, endMs: number) => onChange({ ...panel, endMs, rangeMs: Math.max(1000, endMs - startMs) });
  return (
    <>
      {remarks}
      {data.result.length > SERIES_DRAWN_MAX && (
        <p class="box info">{t('query.clipped', { shown: n(SERIES_DRAWN_MAX), total: n(data.result.length) })}</p>
      )}
      <Chart
        series={data.result}
        startMs={shown.startMs}
        endMs={shown.endMs}
        stepMs={shown.stepMs}
        stacked={panel.stacked}
        onZoom={zoom}
      />
      <p class="note small">
        {formatTime(shown.startMs)} – {formatTime(shown.endMs)}
      </p>
    </>
  );
}
