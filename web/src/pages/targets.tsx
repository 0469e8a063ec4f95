// What is scraped and how it goes: by pool, with the reason of every failure.

import { useState } from 'preact/hooks';

import { ask, type Target, type TargetsData } from '../api';
import { LabelTags } from '../components/labels';
import { useLoad } from '../components/load';
import { ErrorBox } from '../components/message';
import { t } from '../i18n';
import { formatSpan } from '../time';

const REFRESH_MS = 5000;

export function TargetsPage() {
  const { data, error } = useLoad((signal) => ask<TargetsData>('targets', {}, { signal }), REFRESH_MS);
  const [words, setWords] = useState('');
  const [unhealthy, setUnhealthy] = useState(false);
  const targets = data?.data.activeTargets ?? [];
  const pools = [...new Set([...targets.map((target) => target.scrapePool), ...Object.keys(data?.data.droppedTargetCounts ?? {})])].sort();
  const wanted = (target: Target) =>
    (!unhealthy || target.health !== 'up') &&
    `${target.scrapeUrl} ${Object.values(target.labels).join(' ')} ${target.lastError}`.toLowerCase().includes(words.toLowerCase());
  return (
    <div class="page">
      <h1>{t('targets.title')}</h1>
      <div class="controls">
        <input
          type="search"
          aria-label={t('targets.search')}
          placeholder={t('targets.search')}
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        <button type="button" aria-pressed={unhealthy} onClick={() => setUnhealthy(!unhealthy)}>
          {t('targets.unhealthy')}
        </button>
      </div>
      {error !== null && <ErrorBox error={error} />}
      {data && pools.length === 0 && <p class="note">{t('targets.none')}</p>}
      {pools.map((pool) => (
        <Pool
          key={pool}
          name={pool}
          all={targets.filter((target) => target.scrapePool === pool)}
          wanted={wanted}
          dropped={data?.data.droppedTargetCounts?.[pool] ?? 0}
        />
      ))}
    </div>
  );
}

interface PoolProps {
  name: string;
  all: Target[];
  wanted: (target: Target) => boolean;
  dropped: number;
}

function Pool({ name, all, wanted, dropped }: PoolProps) {
  const up = all.filter((target) => target.health === 'up').length;
  const rows = all.filter(wanted);
  return (
    <section class="pool">
      <h2>
        {name} <span class={`badge ${up === all.length ? 'good' : 'bad'}`}>{t('targets.up', { up, total: all.length })}</span>
        {dropped > 0 && <small> {t('targets.dropped', { count: dropped })}</small>}
      </h2>
      {rows.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('targets.endpoint')}</th>
              <th scope="col">{t('targets.state')}</th>
              <th scope="col">{t('targets.labels')}</th>
              <th scope="col">{t('targets.last')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((target) => (
              <TargetRow key={`${target.scrapeUrl} ${JSON.stringify(target.labels)}`} target={target} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

const STATES = { up: ['good', '✓'], down: ['bad', '✕'], unknown: ['plain', '?'] } as const;

function TargetRow({ target }: { target: Target }) {
  const [look, sign] = STATES[target.health] ?? STATES.unknown;
  const last = Date.parse(target.lastScrape);
  const scraped = Number.isFinite(last) && last > 0;
  return (
    <>
      <tr>
        <td class="url">
          <a href={target.globalUrl} rel="noopener noreferrer">
            {target.scrapeUrl}
          </a>
        </td>
        <td>
          <span class={`badge ${look}`}>
            <span aria-hidden="true">{sign}</span> {t(`state.${target.health}`)}
          </span>
        </td>
        <td>
          <LabelTags labels={target.labels} />
          <details>
            <summary>{t('targets.discovered')}</summary>
            <LabelTags labels={target.discoveredLabels} />
          </details>
        </td>
        <td class="when">
          {scraped ? t('targets.ago', { span: formatSpan(Math.max(0, (Date.now() - last) / 1000)) }) : t('targets.never')}
          {scraped && <small> {t('targets.took', { span: formatSpan(target.lastScrapeDuration) })}</small>}
        </td>
      </tr>
      {target.lastError !== '' && (
        <tr class="reason">
          <td colSpan={4}>
            <pre>{target.lastError}</pre>
          </td>
        </tr>
      )}
    </>
  );
}
