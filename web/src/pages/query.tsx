// The query page: panels of an expression with its table or graph, kept in the URL.

import { useEffect, useRef, useState } from 'preact/hooks';

import { MetricsDialog } from '../components/metrics';
import { QueryPanel } from '../components/panel';
import { t } from '../i18n';
import { newPanel, type Panel, PANELS_MAX, readPanels, writePanels } from '../panels';
import { setSearch, visit } from '../router';

interface Row {
  id: number;
  panel: Panel;
}

export function QueryPage() {
  const nextId = useRef(0);
  const rowsOf = (search: string): Row[] => readPanels(search).map((panel) => ({ id: nextId.current++, panel }));
  const [rows, setRows] = useState<Row[]>(() => rowsOf(location.search));
  const [picking, setPicking] = useState<number | null>(null);

  const seen = useRef(visit.value);
  useEffect(() => {
    if (seen.current === visit.value) return;
    seen.current = visit.value;
    setRows(rowsOf(location.search));
  }, [visit.value]);

  const update = (next: Row[], push: boolean) => {
    setRows(next);
    setSearch(writePanels(next.map((row) => row.panel)), push);
  };
  const change = (id: number, panel: Panel) =>
    update(
      rows.map((row) => (row.id === id ? { id, panel } : row)),
      true,
    );

  return (
    <div class="page">
      {rows.map(({ id, panel }) => (
        <QueryPanel
          key={id}
          panel={panel}
          onChange={(next) => change(id, next)}
          onExplore={() => setPicking(id)}
          onRemove={rows.length > 1 ? () => update(rows.filter((row) => row.id !== id), true) : undefined}
        />
      ))}
      {rows.length < PANELS_MAX && (
        <button type="button" class="add" onClick={() => update([...rows, { id: nextId.current++, panel: newPanel() }], true)}>
          + {t('query.add')}
        </button>
      )}
      {picking !== null && (
        <MetricsDialog
          onClose={() => setPicking(null)}
          onPick={(name) => {
            const row = rows.find((one) => one.id === picking);
            if (row) change(row.id, { ...row.panel, expr: name });
            setPicking(null);
          }}
        />
      )}
    </div>
  );
}
