// The frame around every page: name, navigation, theme and language.

import { useEffect } from 'preact/hooks';

import { base } from '../api';
import { lang, setLang, t } from '../i18n';
import { QueryPage } from '../pages/query';
import { StatusPage } from '../pages/status';
import { TargetsPage } from '../pages/targets';
import { go, path } from '../router';

const PAGES = [
  { path: 'query', key: 'nav.query', page: QueryPage },
  { path: 'targets', key: 'nav.targets', page: TargetsPage },
  { path: 'status', key: 'nav.status', page: StatusPage },
] as const;

export function Shell() {
  const here = PAGES.find((page) => page.path === path.value);
  const title = here ? t(here.key) : t('notfound');
  useEffect(() => {
    document.title = `${title} · Mangru`;
  }, [title]);
  const Page = here?.page;
  return (
    <>
      <header class="bar">
        <a class="brand" href={`${base}query`} onClick={(event) => follow(event, 'query')}>
          <Tower />
          Mangru
        </a>
        <nav aria-label={t('nav.main')}>
          {PAGES.map((page) => (
            <a
              key={page.path}
              href={base + page.path}
              aria-current={page === here ? 'page' : undefined}
              onClick={(event) => follow(event, page.path)}
            >
              {t(page.key)}
            </a>
          ))}
        </nav>
        <span class="grow" />
        <button
          type="button"
          class="quiet"
          lang={lang.value === 'ko' ? 'en' : 'ko'}
          onClick={() => setLang(lang.value === 'ko' ? 'en' : 'ko')}
        >
          {t('lang.toggle')}
        </button>
        <button type="button" class="quiet icon" aria-label={t('theme.toggle')} title={t('theme.toggle')} onClick={toggleTheme}>
          <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
            <path fill="currentColor" d="M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z" />
          </svg>
        </button>
      </header>
      <main>{Page ? <Page /> : <p class="note">{t('notfound')}</p>}</main>
    </>
  );
}

function Tower() {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <path
        fill="currentColor"
        d="M16 2 4 10v3h3v4h4l-2 13h3.2l.6-4h6.4l.6 4H23l-2-13h4v-4h3v-3zm-5 11h10v2H11zm3.2 6h3.6l.7 4.5h-5z"
      />
    </svg>
  );
}

/** Follows a link of ours without a reload; modified clicks stay the browser's. */
function follow(event: MouseEvent, to: string) {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(to);
}

function toggleTheme() {
  const root = document.documentElement;
  const next = root.dataset.theme === 'dark' ? 'light' : 'dark';
  root.dataset.theme = next;
  dispatchEvent(new Event('mangru-theme'));
  try {
    localStorage.setItem('mangru.theme', next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
