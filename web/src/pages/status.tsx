// What runs here: build, runtime, head, configuration and flags.

import { ask } from '../api';
import { useLoad } from '../components/load';
import { ErrorBox } from '../components/message';
import { n, t } from '../i18n';
import { formatTime } from '../time';

type Facts = Record<string, string | number | boolean>;
interface TsdbStatus {
  headStats: Record<string, number>;
  seriesCountByMetricName: { name: string; value: number }[];
}

async function load(signal: AbortSignal) {
  const one = async <T,>(path: string) => (await ask<T>(`status/${path}`, {}, { signal })).data;
  const [runtime, build, tsdb, config, flags] = await Promise.all([
    one<Facts>('runtimeinfo'),
    one<Facts>('buildinfo'),
    one<TsdbStatus>('tsdb'),
    one<{ yaml: string }>('config'),
    one<Facts>('flags'),
  ]);
  return { runtime, build, tsdb, config, flags };
}

export function StatusPage() {
  const { data, error } = useLoad(load, 0);
  return (
    <div class="page">
      <h1>{t('status.title')}</h1>
      {error !== null && <ErrorBox error={error} />}
      {data && (
        <>
          <div class="columns">
            <FactTable title={t('status.runtime')} facts={data.runtime} />
            <FactTable title={t('status.build')} facts={data.build} />
            <FactTable title={t('status.head')} facts={headFacts(data.tsdb.headStats)} />
            <FactTable
              title={t('status.names')}
              facts={Object.fromEntries(data.tsdb.seriesCountByMetricName.map(({ name, value }) => [name, n(value)]))}
            />
          </div>
          <section>
            <h2>{t('status.config')}</h2>
            <pre class="code" tabIndex={0}>
              {data.config.yaml}
            </pre>
          </section>
          <FactTable title={t('status.flags')} facts={data.flags} />
        </>
      )}
    </div>
  );
}

function headFacts(head: Record<string, number>): Facts {
  return Object.fromEntries(
    Object.entries(head).map(([key, value]) => [key, /Time$/.test(key) ? formatTime(value) : n(value)]),
  );
}

function FactTable({ title, facts }: { title: string; facts: Facts }) {
  return (
    <section>
      <h2>{title}</h2>
      <table class="facts">
        <tbody>
          {Object.entries(facts).filter(([, value]) => value !== '').map(([key, value]) => (
            <tr key={key}>
              <th scope="row">{key}</th>
              <td>{String(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
