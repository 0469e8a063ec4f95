// The URL is the state: the path says the page, the query string says what it shows.

import { signal } from '@preact/signals';

import { base } from './api';

/** The path below the page's base, without a leading slash (`query`). */
export const path = signal(currentPath());
/** Counts up when the user goes back or forth, so that pages read the query string again. */
export const visit = signal(0);

function currentPath(): string {
  const pathname = location.pathname;
  const below = pathname.startsWith(base) ? pathname.slice(base.length) : pathname.slice(1);
  return below.replace(/\/$/, '') || 'query';
}

/** Goes to a page of ours. */
export function go(to: string): void {
  history.pushState(null, '', base + to);
  path.value = currentPath();
  visit.value++;
}

/** Writes the query string of the page that is shown. A new history entry only when `push`. */
export function setSearch(search: string, push: boolean): void {
  if (search === location.search) return;
  const url = location.pathname + search;
  if (push) history.pushState(null, '', url);
  else history.replaceState(null, '', url);
}

addEventListener('popstate', () => {
  path.value = currentPath();
  visit.value++;
});
