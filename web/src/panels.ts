// The query page's panels ⇄ the URL, in the notation of Prometheus' own page (`g0.expr=up&g0.tab=graph&g0.range_input=1h`).

import { formatDuration, parseDuration } from './time';

export interface Panel {
  expr: string;
  tab: 'table' | 'graph';
  /** Length of the graph's window in milliseconds. */
  rangeMs: number;
  /** Its end in milliseconds since the epoch; null is "now". */
  endMs: number | null;
  stacked: boolean;
}

export const RANGE_DEFAULT_MS = 3_600_000;
/** More panels than this are not read from a URL. */
export const PANELS_MAX = 32;

export function newPanel(expr = ''): Panel {
  return { expr, tab: 'table', rangeMs: RANGE_DEFAULT_MS, endMs: null, stacked: false };
}

/** The panels of a query string; one empty panel when there are none. */
export function readPanels(search: string): Panel[] {
  const params = new URLSearchParams(search);
  const panels: Panel[] = [];
  for (let i = 0; i < PANELS_MAX && params.has(`g${i}.expr`); i++) {
    const get = (key: string) => params.get(`g${i}.${key}`) ?? '';
    const tab = get('tab');
    const end = Date.parse(`${get('end_input').replace(' ', 'T')}Z`);
    panels.push({
      expr: get('expr'),
      tab: tab === 'graph' || tab === '0' ? 'graph' : 'table',
      rangeMs: parseDuration(get('range_input')) ?? RANGE_DEFAULT_MS,
      endMs: Number.isFinite(end) ? end : null,
      stacked: get('display_mode') === 'stacked' || get('stacked') === '1',
    });
  }
  return panels.length > 0 ? panels : [newPanel()];
}

/** The query string of `panels`; empty when there is nothing to keep. */
export function writePanels(panels: Panel[]): string {
  if (panels.length === 1 && panels[0]?.expr === '') return '';
  const params = new URLSearchParams();
  panels.forEach((panel, i) => {
    params.set(`g${i}.expr`, panel.expr);
    params.set(`g${i}.tab`, panel.tab);
    params.set(`g${i}.range_input`, formatDuration(panel.rangeMs));
    if (panel.endMs !== null) {
      params.set(`g${i}.end_input`, new Date(panel.endMs).toISOString().slice(0, 19).replace('T', ' '));
    }
    params.set(`g${i}.display_mode`, panel.stacked ? 'stacked' : 'lines');
  });
  return `?${params.toString()}`;
}
