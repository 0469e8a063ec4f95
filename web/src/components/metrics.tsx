// The metrics explorer: every metric name with its type and help text, found by words.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';

import { ask, type Metadata } from '../api';
import { t } from '../i18n';
import { ErrorBox } from './message';

/** Rows that are put into the page at once; the search narrows the rest. */
const ROWS_MAX = 200;

export function MetricsDialog({ onPick, onClose }: { onPick: (name: string) => void; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [names, setNames] = useState<string[] | null>(null);
  const [about, setAbout] = useState<Record<string, Metadata[]>>({});
  const [error, setError] = useState<unknown>(null);
  const [words, setWords] = useState('');

  useEffect(() => {
    dialog.current?.showModal();
    const abort = new AbortController();
    const signal = abort.signal;
    ask<string[]>('label/__name__/values', {}, { signal }).then((answer) => setNames(answer.data), setError);
    ask<Record<string, Metadata[]>>('metadata', {}, { signal }).then((answer) => setAbout(answer.data), () => {});
    return () => abort.abort();
  }, []);

  const found = useMemo(() => {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    return (names ?? []).filter((name) => {
      const text = `${name} ${family(about, name)?.help ?? ''}`.toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
  }, [names, about, words]);

  return (
    <dialog ref={dialog} class="metrics" aria-label={t('metrics.title')} onClose={onClose}>
      <form method="dialog">
        <input
          type="search"
          autofocus
          aria-label={t('metrics.search')}
          placeholder={t('metrics.search')}
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
        />
        <button type="submit">{t('metrics.close')}</button>
      </form>
      {error !== null && <ErrorBox error={error} />}
      {names !== null && found.length === 0 && <p class="note">{t('metrics.none')}</p>}
      <ul>
        {found.slice(0, ROWS_MAX).map((name) => (
          <li key={name}>
            <button type="button" onClick={() => onPick(name)}>
              <code>{name}</code> <small>{family(about, name)?.type}</small>
              <span>{family(about, name)?.help}</span>
            </button>
          </li>
        ))}
      </ul>
      {found.length > ROWS_MAX && (
        <p class="note">{t('metrics.clipped', { shown: ROWS_MAX, total: found.length })}</p>
      )}
    </dialog>
  );
}

/** What the family of `name` says of itself; histograms' and counters' parts belong to their family. */
function family(about: Record<string, Metadata[]>, name: string): Metadata | undefined {
  return (about[name] ?? about[name.replace(/_(bucket|sum|count|total|created|info)$/, '')])?.[0];
}
