// A series' name for people: metric in bold, label names muted, values as they are. Only text nodes: data is hostile.

import type { Labels } from '../format';

export function SeriesName({ labels }: { labels: Labels }) {
  const pairs = Object.entries(labels).filter(([name]) => name !== '__name__');
  return (
    <code class="series">
      <b>{labels.__name__ ?? ''}</b>
      {(pairs.length > 0 || !labels.__name__) && '{'}
      {pairs.map(([name, value], i) => (
        <span key={name}>
          {i > 0 && ', '}
          <span class="label">{name}</span>=<span class="text">{JSON.stringify(value)}</span>
        </span>
      ))}
      {(pairs.length > 0 || !labels.__name__) && '}'}
    </code>
  );
}

/** Labels as a row of tags. */
export function LabelTags({ labels, without = [] }: { labels: Labels; without?: string[] }) {
  return (
    <ul class="tags">
      {Object.entries(labels)
        .filter(([name]) => !without.includes(name))
        .map(([name, value]) => (
          <li key={name}>
            <span class="label">{name}</span>={value}
          </li>
        ))}
    </ul>
  );
}
